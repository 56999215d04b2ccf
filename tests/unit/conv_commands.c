// SPDX-License-Identifier: MIT
/* Commands of the convolution engine. */
#include "conv_commands.h"

void conv_put_layer(struct rig_program *program, const struct ref_conv_layer *layer)
{
	struct dh_conv_layer command = {
		.flags = (layer->relu ? DELTAHOP_CONV_RELU : 0) |
			 (layer->pool_max ? DELTAHOP_CONV_POOL_MAX : 0) |
			 (layer->pool_avg ? DELTAHOP_CONV_POOL_AVG : 0) |
			 (layer->weight8 ? DELTAHOP_CONV_WEIGHT8 : 0) |
			 (layer->encode ? DELTAHOP_CONV_ENCODE : 0),
		.kernel_rows = layer->kernel_rows,
		.kernel_cols = layer->kernel_cols,
		.stride_rows = layer->stride_rows,
		.stride_cols = layer->stride_cols,
		.pad_top = layer->pad_top,
		.pad_left = layer->pad_left,
		.macs = layer->macs,
		.out_shift = layer->out_shift,
		.rows = layer->rows,
		.cols = layer->cols,
		.out_rows = layer->out_rows,
		.out_cols = layer->out_cols,
		.channels = layer->channels,
		.bias_shift = layer->bias_shift,
	};

	rig_put_conv_layer(program, &command);
}

void conv_put_input(struct rig_program *program, const struct ref_map *map, struct conv_spot spot)
{
	struct dh_conv_input command = {
		.encoded = map->encoded,
		.channels = map->channels,
		.region = spot.region,
		.offset = spot.offset,
	};

	rig_put_conv_input(program, &command);
}

void conv_put_pass(struct rig_program *program, const struct ref_conv_pass *pass,
		   const struct conv_spots *spots)
{
	struct dh_conv_pass command = {
		.flags = (pass->psum_in ? DELTAHOP_PASS_PSUM_IN : 0) |
			 (pass->psum_out ? DELTAHOP_PASS_PSUM_OUT : 0) |
			 (pass->add ? DELTAHOP_PASS_ADD : 0) |
			 (pass->add && pass->added.encoded ? DELTAHOP_PASS_ADD_ENCODED : 0),
		.maps = pass->maps,
		.add_shift = pass->add_shift,
		.weight_region = spots->weight.region,
		.weight_offset = spots->weight.offset,
		.output_region = spots->output.region,
		.output_offset = spots->output.offset,
		.psum_region = spots->psum.region,
		.psum_offset = spots->psum.offset,
		.add_region = spots->added.region,
		.add_offset = spots->added.offset,
	};

	rig_put_conv_pass(program,
			  pass->fully_connected ? DELTAHOP_OP_CONV_FC : DELTAHOP_OP_CONV_PASS,
			  &command);
}
