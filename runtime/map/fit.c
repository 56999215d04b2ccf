// SPDX-License-Identifier: MIT
/* What the engine can do of a node: the limit, the value, and what would do. */
#include <string.h>

#include "map/plan.h"

/* Kernels that are cut into pieces, with what dilation puts in between. */
#define KERNEL_WHOLE_MOST 64
/* With groups: zeros that are multiplied for each weight that is one. */
#define GROUP_COST_MOST 17

/* --- convolution ------------------------------------------------------------------- */

/** struct fit - a convolution and the maps on its sides */
struct fit {
	struct dh_shape in;
	struct dh_shape out;
	struct dh_net_window window;
	uint32_t kernel[2]; /* with dilation */
	uint32_t group;
};

static const char *check_shapes(struct dh_plan *plan, const struct dh_net_node *node,
				struct fit *fit)
{
	const struct dh_net_tensor *x = &plan->net->tensors[node->inputs[0]];
	struct dh_roots roots = { 0 };

	for (uint32_t i = 1; i < node->input_count; i++) {
		if (node->inputs[i] != DH_NET_NONE && !plan->net->tensors[node->inputs[i]].data)
			return "its weights are computed, and the engine needs constants: make them "
			       "initializers";
	}
	if (x->dims[0] != 1)
		return dh_plan_say(
			plan, "a batch of %u; the engine takes one: export it with a batch of 1",
			x->dims[0]);
	if (!dh_plan_shape(plan, node->inputs[0], &fit->in) ||
	    !dh_plan_shape(plan, node->outputs[0], &fit->out) ||
	    !dh_plan_roots(plan, node->inputs[0], false, &roots))
		return "an input that is no feature map of at most 65535 rows and columns";
	fit->group = node->attr.conv.group;
	dh_plan_window(plan, node, &fit->window);
	for (int axis = 0; axis < 2; axis++)
		fit->kernel[axis] =
			(fit->window.kernel[axis] - 1) * fit->window.dilations[axis] + 1;
	return NULL;
}

static const char *check_sizes(struct dh_plan *plan, const struct fit *fit)
{
	uint32_t cols = plan->limits.conv_max_cols, channels = plan->limits.conv_max_channels;

	if (fit->in.cols > cols || fit->out.cols > cols)
		return dh_plan_say(plan,
				   "%u columns; the engine has at most %u: cut the input, or swap "
				   "rows and columns",
				   fit->in.cols > fit->out.cols ? fit->in.cols : fit->out.cols,
				   cols);
	if (fit->in.channels > channels && !dh_plan_has(plan, DELTAHOP_CAP_CONV_PSUM))
		return dh_plan_say(plan,
				   "%u channels; profile %s takes at most %u: use profile card",
				   fit->in.channels, plan->options->profile, channels);
	return NULL;
}

static const char *check_strides(struct dh_plan *plan, const struct fit *fit)
{
	const uint32_t *strides = fit->window.strides;

	if (strides[0] > 4 || strides[1] > 4)
		return dh_plan_say(plan,
				   "strides %u,%u; the engine has at most 4: use two layers with "
				   "smaller strides",
				   strides[0], strides[1]);
	if ((strides[0] > 1 || strides[1] > 1) && !dh_plan_has(plan, DELTAHOP_CAP_CONV_STRIDE))
		return dh_plan_say(plan,
				   "strides %u,%u; profile %s has only 1: use stride 1 and a 2x2 "
				   "MaxPool, or profile card",
				   strides[0], strides[1], plan->options->profile);
	return NULL;
}

/* Without CONV_SHAPE kernels are squares, and pads the same on all sides. */
static const char *check_published_shape(struct dh_plan *plan, const struct fit *fit)
{
	const uint32_t *pads = fit->window.pads;

	if (dh_plan_has(plan, DELTAHOP_CAP_CONV_SHAPE))
		return NULL;
	if (fit->kernel[0] != fit->kernel[1])
		return dh_plan_say(
			plan,
			"a kernel of %ux%u; profile %s has squares only: pad it with "
			"zeros to %ux%u, or use profile card",
			fit->kernel[0], fit->kernel[1], plan->options->profile,
			fit->kernel[0] > fit->kernel[1] ? fit->kernel[0] : fit->kernel[1],
			fit->kernel[0] > fit->kernel[1] ? fit->kernel[0] : fit->kernel[1]);
	if (pads[0] != pads[1] || pads[0] != pads[2] || pads[0] != pads[3] ||
	    pads[0] >= fit->kernel[0])
		return dh_plan_say(
			plan,
			"pads %u,%u,%u,%u; profile %s has the same on all sides, smaller "
			"than the kernel: pad evenly, or use profile card",
			pads[0], pads[1], pads[2], pads[3], plan->options->profile);
	return NULL;
}

static struct dh_conv_layer engine_layer(const struct fit *fit, uint32_t channels, uint32_t macs)
{
	return (struct dh_conv_layer){
		.kernel_rows = fit->kernel[0],
		.kernel_cols = fit->kernel[1],
		.stride_rows = fit->window.strides[0],
		.stride_cols = fit->window.strides[1],
		.rows = fit->in.rows,
		.cols = fit->in.cols,
		.out_rows = fit->out.rows,
		.out_cols = fit->out.cols,
		.channels = channels,
		.macs = macs,
	};
}

/* Without partial sums everything goes in at once, with NullHop's number of MACs. */
static const char *check_whole(struct dh_plan *plan, const struct fit *fit)
{
	struct dh_conv_layer layer;
	uint32_t macs;

	if (fit->kernel[0] > DH_KERNEL_MOST || fit->kernel[1] > DH_KERNEL_MOST)
		return dh_plan_say(plan,
				   "a kernel of %ux%u; profile %s has at most %ux%u: use smaller "
				   "kernels one after the other, or profile card",
				   fit->kernel[0], fit->kernel[1], plan->options->profile,
				   DH_KERNEL_MOST, DH_KERNEL_MOST);
	macs = dh_conv_choose_macs(&plan->limits, fit->kernel[0], fit->kernel[1], fit->in.channels,
				   fit->out.channels);
	layer = engine_layer(fit, fit->in.channels, macs);
	if (!macs || !dh_conv_fits_kernels(&layer, &plan->limits))
		return dh_plan_say(
			plan,
			"%u channels of %ux%u weights; the kernel memories of profile %s "
			"hold %u: use fewer channels, or profile card",
			fit->in.channels, fit->kernel[0], fit->kernel[1], plan->options->profile,
			8 * plan->limits.conv_kernel_words);
	if (!dh_conv_fits_store(&layer, &plan->limits))
		return dh_plan_say(
			plan,
			"rows of %u columns and %u channels; the input store of profile %s "
			"has %u bytes: use fewer channels, or profile card",
			fit->in.cols, fit->in.channels, plan->options->profile,
			plan->limits.conv_store_bytes);
	return NULL;
}

/* With partial sums a piece of the kernel and a few channels have to fit. */
static const char *check_pieces(struct dh_plan *plan, const struct fit *fit)
{
	struct dh_conv_layer layer = engine_layer(fit, 1, 8);

	if (fit->kernel[0] > KERNEL_WHOLE_MOST || fit->kernel[1] > KERNEL_WHOLE_MOST ||
	    fit->window.pads[0] >= 64 || fit->window.pads[1] >= 64)
		return dh_plan_say(
			plan,
			"a kernel of %ux%u, pads %u,%u; kernels are cut into pieces up to "
			"%u: use a smaller one",
			fit->kernel[0], fit->kernel[1], fit->window.pads[0], fit->window.pads[1],
			KERNEL_WHOLE_MOST);
	layer.kernel_rows = layer.kernel_cols = 1;
	if (!dh_conv_fits_store(&layer, &plan->limits))
		return dh_plan_say(plan, "%u columns; the input store has %u bytes: cut the input",
				   fit->in.cols, plan->limits.conv_store_bytes);
	return NULL;
}

/*
 * The engine knows no groups: it multiplies the zeros in between. Maps can be cut so finely that
 * these are few for a group.
 */
static const char *check_groups(struct dh_plan *plan, const struct fit *fit)
{
	uint32_t fine = dh_plan_group_channels(plan), cost = fit->group;

	if (cost <= 1)
		return NULL;
	if (dh_plan_has(plan, DELTAHOP_CAP_CONV_PACKED) &&
	    cost > 1 + fine * fit->group / fit->in.channels)
		cost = 1 + fine * fit->group / fit->in.channels;
	if (cost <= GROUP_COST_MOST)
		return NULL;
	return dh_plan_say(plan,
			   "group %u; with zeros in between the engine would do %u times the work, "
			   "and it may be %u times: use fewer groups",
			   fit->group, cost, GROUP_COST_MOST);
}

static const char *unfit_conv(struct dh_plan *plan, const struct dh_net_node *node)
{
	struct fit fit = { 0 };
	const char *why = check_shapes(plan, node, &fit);

	if (!why)
		why = check_sizes(plan, &fit);
	if (!why)
		why = check_strides(plan, &fit);
	if (!why)
		why = check_published_shape(plan, &fit);
	if (!why)
		why = dh_plan_has(plan, DELTAHOP_CAP_CONV_PSUM) ? check_pieces(plan, &fit)
								: check_whole(plan, &fit);
	return why ? why : check_groups(plan, &fit);
}

/* --- fully connected ----------------------------------------------------------------- */

static const char *unfit_dense(struct dh_plan *plan, const struct dh_net_node *node)
{
	const struct dh_net_tensor *a = &plan->net->tensors[node->inputs[0]];
	const struct dh_net_tensor *b = &plan->net->tensors[node->inputs[1]];
	struct dh_roots roots = { 0 };
	bool gemm = node->op == DH_NET_GEMM;
	size_t step;

	if (!dh_plan_has(plan, DELTAHOP_CAP_CONV_FC))
		return dh_plan_say(plan,
				   "profile %s has no fully connected layers (NullHop left them to "
				   "its host): use profile card",
				   plan->options->profile);
	if (!b->data || b->type != DH_NET_FLOAT || b->rank != 2)
		return "the second factor is computed, or no matrix; the engine needs a constant one";
	if (a->rank != 2 || a->dims[0] != 1 || (gemm && node->attr.gemm.trans_a))
		return "the first factor has several rows; the engine takes one: use a convolution "
		       "with a kernel of 1 for several";
	if (gemm && node->input_count > 2 && node->inputs[2] != DH_NET_NONE &&
	    !dh_plan_channel_constant(plan, node->inputs[2], node->outputs[0], &step))
		return "the third input is no constant vector";
	if (!dh_plan_roots(plan, node->inputs[0], true, &roots))
		return "an input of more than 65535 values that is no feature map";
	return NULL;
}

/* --- the rest -------------------------------------------------------------------------- */

static const char *unfit_pool(const struct dh_plan *plan, const struct dh_net_node *node)
{
	(void)plan;
	return node->op == DH_NET_MAX_POOL
		       ? "the engine pools squares of 2x2 in steps of 2 without pads, right behind a "
			 "convolution or its activation that nothing else reads"
		       : "the engine averages squares of 2x2 in steps of 2 without pads, right behind "
			 "a convolution or its activation that nothing else reads";
}

/* One that fits is in a chain, unless that is full. */
static const char *unfit_gru(struct dh_plan *plan, const struct dh_net_node *node)
{
	const char *why = dh_gru_unfit(plan, node);

	return why ? why : "the recurrent engine has no layer slot left for it: use fewer layers";
}

const char *dh_plan_unfit(struct dh_plan *plan, uint32_t index)
{
	const struct dh_net_node *node = &plan->net->nodes[index];

	if (plan->unfit[index])
		return plan->unfit[index];
	switch (node->op) {
	case DH_NET_CONV:
		return unfit_conv(plan, node);
	case DH_NET_GEMM:
	case DH_NET_MATMUL:
		return unfit_dense(plan, node);
	case DH_NET_MAX_POOL:
	case DH_NET_AVERAGE_POOL:
		return unfit_pool(plan, node);
	case DH_NET_RELU:
		return "the engine rectifies the output of a convolution or dense layer that nothing "
		       "else reads";
	case DH_NET_ADD:
		return "the engine adds a map of the same shape to the output of a convolution that "
		       "nothing else reads";
	case DH_NET_SCALE:
		return "the engine scales by channel only right behind a convolution";
	case DH_NET_CONCAT:
		return "on the engine only channels of maps that it then reads";
	case DH_NET_GRU:
		return unfit_gru(plan, node);
	case DH_NET_LSTM:
	case DH_NET_RNN:
		return "the recurrent engine computes GRU only: train with GRU, linear_before_reset 1";
	case DH_NET_RESHAPE:
		return "on the engine only what does not change the order in a map";
	default:
		return "the engine has no such operation";
	}
}
