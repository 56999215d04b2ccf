// SPDX-License-Identifier: MIT
/* A small convolution on a rig. */
#include <string.h>

#include "conv_net.h"

uint64_t conv_addr(unsigned int region)
{
	return RIG_FREE + region * (uint64_t)CONV_REGION_BYTES;
}

uint8_t *conv_at(struct conv_net *net, unsigned int region, uint64_t offset)
{
	return net->rig->ram + conv_addr(region) + offset;
}

void conv_create(struct conv_net *net, const char *profile)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	conv_create_device(net, &config);
}

void conv_create_device(struct conv_net *net, const struct dh_config *config)
{
	memset(net, 0, sizeof(*net));
	net->packed = config->caps & DELTAHOP_CAP_CONV_PACKED;
	net->rig = rig_create(config, conv_addr(CONV_REGIONS));
	ck_assert_ptr_nonnull(net->rig);
	net->rig->engine = DELTAHOP_ENGINE_CONV;
	for (int region = 0; region < CONV_REGIONS; region++)
		rig_region(net->rig, conv_addr(region), CONV_REGION_BYTES,
			   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	net->layer = (struct dh_conv_layer){
		.kernel_rows = 1,
		.kernel_cols = 1,
		.stride_rows = 1,
		.stride_cols = 1,
		.macs = 1,
		.rows = 4,
		.cols = 4,
		.out_rows = 4,
		.out_cols = 4,
		.channels = 1,
		.out_shift = net->packed ? 0 : 8,
		.bias_shift = net->packed ? 0 : 8,
	};
	net->inputs = 1;
	for (int i = 0; i < CONV_INPUTS; i++)
		net->input[i] = (struct dh_conv_input){ .channels = 1, .region = CONV_INPUT };
	net->passes = 1;
	for (int i = 0; i < CONV_PASSES; i++)
		net->pass[i] = (struct dh_conv_pass){
			.maps = 1,
			.weight_region = CONV_WEIGHTS,
			.output_region = CONV_OUTPUT,
		};
	net->opcode = DELTAHOP_OP_CONV_PASS;
	rig_start(net->rig);
}

void conv_destroy(struct conv_net *net)
{
	ck_assert_uint_eq(net->rig->stray, 0);
	rig_destroy(net->rig);
}

void conv_write(struct conv_net *net)
{
	struct rig_program program = rig_program(net->rig, conv_addr(CONV_COMMANDS));

	rig_put_conv_layer(&program, &net->layer);
	for (uint32_t i = 0; i < net->inputs; i++)
		rig_put_conv_input(&program, &net->input[i]);
	for (uint32_t i = 0; i < net->passes; i++)
		rig_put_conv_pass(&program, net->opcode, &net->pass[i]);
	rig_put_end(&program);
	net->entry = rig_entry(net->rig, DELTAHOP_ENTRY_JOB);
	net->entry.size = program.at - program.start;
}

struct deltahop_record conv_job(struct conv_net *net)
{
	conv_write(net);
	return rig_do(net->rig, &net->entry);
}

uint32_t conv_start(struct conv_net *net)
{
	conv_write(net);
	return rig_submit(net->rig, &net->entry);
}

void conv_words(struct conv_net *net, unsigned int region, uint64_t offset, const int16_t *words,
		size_t count)
{
	memcpy(conv_at(net, region, offset), words, 2 * count);
}

void conv_bus(struct conv_net *net, unsigned int region, uint64_t offset, unsigned int type,
	      uint16_t first, unsigned int first_address, int second, unsigned int second_address)
{
	bool both = second >= 0 && second <= 0xffff;
	uint64_t bus = first | (uint64_t)type << 32 | 1ULL << 34 | (uint64_t)first_address << 36;

	if (both)
		bus |= (uint64_t)second << 16 | 1ULL << 35 | (uint64_t)second_address << 43;
	memcpy(conv_at(net, region, offset), &bus, sizeof(bus));
}

static uint32_t mac_of(const struct conv_net *net, size_t word)
{
	uint32_t weights = net->layer.kernel_rows * net->layer.kernel_cols,
		 padded = dh_conv_channels_padded(&net->layer);
	size_t channel = word / weights;

	return channel / padded * net->layer.macs +
	       dh_conv_controller(&net->layer, channel % padded);
}

void conv_weights(struct conv_net *net, const int16_t *biases, size_t bias_count,
		  const int16_t *kernels, size_t count)
{
	uint32_t macs = net->rig->config.conv_macs;
	size_t i;

	if (net->packed) {
		memset(conv_at(net, CONV_WEIGHTS, 0), 0, 2 * macs);
		conv_words(net, CONV_WEIGHTS, 0, biases, bias_count);
		conv_words(net, CONV_WEIGHTS, 2 * macs, kernels, count);
		return;
	}
	for (i = 0; i < macs; i += 2)
		conv_bus(net, CONV_WEIGHTS, 4 * i, 0, i < bias_count ? biases[i] : 0, i,
			 i + 1 < bias_count ? (uint16_t)biases[i + 1] : 0, i + 1);
	for (i = 0; i < count; i += 2)
		conv_bus(net, CONV_WEIGHTS, 4 * (macs + i), 2, kernels[i], mac_of(net, i),
			 i + 1 < count ? (uint16_t)kernels[i + 1] : -1, mac_of(net, i + 1));
}
