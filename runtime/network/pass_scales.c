// SPDX-License-Identifier: MIT
/*
 * Constants that scale or shift channels (BatchNormalization, Mul, Add...) become part of the weights
 * of the Conv or Gemm before them or, where that is exact, after them.
 */
#include <errno.h>
#include <string.h>

#include "network/pass.h"

/*
 * A node as x * scale + shift by channel, axis 1 of input @data; a count of 1 is the same for all
 * channels. NULL is 1 and 0.
 */
struct affine {
	uint32_t data;
	uint32_t channels;
	const float *scale, *shift;
	size_t scale_count, shift_count;
	bool divide;
	bool negate; /* shift - x, or x - shift */
};

static double scale_of(const struct affine *a, size_t channel)
{
	double scale = a->scale ? a->scale[channel % a->scale_count] : 1;

	return a->divide ? 1 / scale : a->negate && a->data == 1 ? -scale : scale;
}

static double shift_of(const struct affine *a, size_t channel)
{
	double shift = a->shift ? a->shift[channel % a->shift_count] : 0;

	return a->negate && a->data == 0 ? -shift : shift;
}

/* Has constant @c one element, or one for each channel of @x? It must not enlarge @x. */
static bool is_by_channel(const struct dh_net_tensor *c, const struct dh_net_tensor *x)
{
	if (x->rank < 2 || c->rank > x->rank)
		return false;
	for (uint32_t i = 0; i < c->rank; i++) {
		uint32_t axis = x->rank - c->rank + i;

		if (c->dims[i] != 1 && (axis != 1 || c->dims[i] != x->dims[1]))
			return false;
	}
	return true;
}

static bool norm_of(const struct dh_pass *pass, const struct dh_net_node *node, struct affine *a)
{
	a->channels = dh_pass_tensor(pass, node->inputs[0])->dims[1];
	a->scale = dh_pass_tensor(pass, node->inputs[1])->floats;
	a->shift = dh_pass_tensor(pass, node->inputs[2])->floats;
	a->scale_count = a->shift_count = a->channels;
	return true;
}

static bool affine_of(const struct dh_pass *pass, const struct dh_net_node *node, struct affine *a)
{
	const struct dh_net_tensor *x, *c;
	bool factor = node->op == DH_NET_MUL || node->op == DH_NET_DIV;

	*a = (struct affine){ .divide = node->op == DH_NET_DIV, .negate = node->op == DH_NET_SUB };
	if (node->op == DH_NET_SCALE)
		return norm_of(pass, node, a);
	if (!factor && node->op != DH_NET_ADD && node->op != DH_NET_SUB)
		return false;
	a->data = dh_pass_is_constant(pass, node, 0);
	if (!dh_pass_is_constant(pass, node, !a->data) || (a->divide && a->data))
		return false;
	x = dh_pass_tensor(pass, node->inputs[a->data]);
	c = dh_pass_tensor(pass, node->inputs[!a->data]);
	if (!is_by_channel(c, x))
		return false;
	a->channels = x->dims[1];
	*(factor ? &a->scale : &a->shift) = c->floats;
	*(factor ? &a->scale_count : &a->shift_count) = dh_net_elements(c);
	return true;
}

/* --- weights --- */

/*
 * Weights of a Conv or Gemm: those of output @out and input @in are @inner adjacent ones at
 * out * out_step + in * in_step. With groups @in is that of the group.
 */
struct weights {
	float *w, *bias;
	size_t outputs, inputs, groups;
	size_t out_step, in_step, inner;
};

static bool has_weights(const struct dh_pass *pass, const struct dh_net_node *node)
{
	bool has_bias = node->input_count > 2 && node->inputs[2] != DH_NET_NONE;
	const struct dh_net_tensor *bias = has_bias ? dh_pass_tensor(pass, node->inputs[2]) : NULL;

	if ((node->op != DH_NET_CONV && node->op != DH_NET_GEMM) ||
	    !dh_pass_is_constant(pass, node, 1) ||
	    (has_bias && !dh_pass_is_constant(pass, node, 2)))
		return false;
	if (node->op == DH_NET_CONV)
		return true;
	/* a Gemm whose bias differs from row to row has none for each output */
	return node->attr.gemm.alpha == 1 && (!bias || node->attr.gemm.beta == 1) &&
	       (!bias || bias->rank < 2 || bias->dims[0] == 1);
}

static struct weights layout_of(const struct dh_pass *pass, const struct dh_net_node *node)
{
	const struct dh_net_tensor *w = dh_pass_tensor(pass, node->inputs[1]);
	bool trans_b = node->attr.gemm.trans_b;

	if (node->op == DH_NET_CONV)
		return (struct weights){
			.outputs = w->dims[0],
			.inputs = w->dims[1],
			.groups = node->attr.conv.group,
			.out_step = dh_elements(w, 1, w->rank),
			.in_step = dh_elements(w, 2, w->rank),
			.inner = dh_elements(w, 2, w->rank),
		};
	return (struct weights){
		.outputs = w->dims[!trans_b],
		.inputs = w->dims[trans_b],
		.groups = 1,
		.out_step = trans_b ? w->dims[1] : 1,
		.in_step = trans_b ? 1 : w->dims[1],
		.inner = 1,
	};
}

/* A bias for each output, to be changed: what is there, spread if it is a single number. */
static float *own_bias(struct dh_pass *pass, struct dh_net_node *node, size_t outputs)
{
	bool has_bias = node->input_count > 2 && node->inputs[2] != DH_NET_NONE;
	const struct dh_net_tensor *old = has_bias ? dh_pass_tensor(pass, node->inputs[2]) : NULL;
	float single = old ? old->floats[0] : 0, *bias;

	if (old && dh_net_elements(old) == outputs)
		return dh_pass_own(pass, node, 2);
	bias = dh_pass_make(pass, node, 2, (uint32_t)outputs);
	for (size_t i = 0; bias && i < outputs; i++)
		bias[i] = single;
	return bias;
}

/* The weights, to be changed; false: out of memory. */
static bool own_weights(struct dh_pass *pass, struct dh_net_node *node, struct weights *w)
{
	*w = layout_of(pass, node);
	w->bias = own_bias(pass, node, w->outputs);
	w->w = w->bias ? dh_pass_own(pass, node, 1) : NULL;
	return w->w;
}

static void scale_outputs(const struct weights *w, const struct affine *a)
{
	for (size_t out = 0; out < w->outputs; out++) {
		for (size_t in = 0; in < w->inputs; in++) {
			float *at = w->w + out * w->out_step + in * w->in_step;

			for (size_t i = 0; i < w->inner; i++)
				at[i] = (float)(at[i] * scale_of(a, out));
		}
		w->bias[out] = (float)(w->bias[out] * scale_of(a, out) + shift_of(a, out));
	}
}

static void scale_inputs(const struct weights *w, const struct affine *a)
{
	for (size_t out = 0; out < w->outputs; out++) {
		size_t first = out / (w->outputs / w->groups) * w->inputs;
		double bias = w->bias[out];

		for (size_t in = 0; in < w->inputs; in++) {
			float *at = w->w + out * w->out_step + in * w->in_step;

			for (size_t i = 0; i < w->inner; i++) {
				bias += at[i] * shift_of(a, first + in);
				at[i] = (float)(at[i] * scale_of(a, first + in));
			}
		}
		w->bias[out] = (float)bias;
	}
}

/* --- before and after --- */

/* @node scales the outputs of @before. */
static int join_after(struct dh_pass *pass, struct dh_net_node *node, struct dh_net_node *before,
		      const struct affine *a)
{
	struct weights w;

	if (!own_weights(pass, before, &w))
		return -ENOMEM;
	scale_outputs(&w, a);
	return dh_pass_join(pass, node, before);
}

static int join_norms(struct dh_pass *pass, struct dh_net_node *node, struct dh_net_node *before,
		      const struct affine *a)
{
	float *scale = dh_pass_own(pass, before, 1);
	float *shift = scale ? dh_pass_own(pass, before, 2) : NULL;

	if (!shift)
		return -ENOMEM;
	for (size_t i = 0; i < a->channels; i++) {
		scale[i] = (float)(scale[i] * scale_of(a, i));
		shift[i] = (float)(shift[i] * scale_of(a, i) + shift_of(a, i));
	}
	return dh_pass_join(pass, node, before);
}

/* The border of zeros that a Conv adds is not shifted. */
static bool can_shift(const struct dh_net_node *node, const struct affine *a)
{
	const uint32_t *pads = node->attr.conv.window.pads;

	if (node->op != DH_NET_CONV || (!pads[0] && !pads[1] && !pads[2] && !pads[3]))
		return true;
	for (size_t i = 0; i < a->channels; i++) {
		if (shift_of(a, i) != 0)
			return false;
	}
	return true;
}

/* Scales before @node, one after the other. */
static int join_scales_before(struct dh_pass *pass, struct dh_net_node *node)
{
	struct dh_net_node *before;
	struct weights w;
	struct affine a;
	int ret = 0;

	while (!ret && (before = dh_pass_only_before(pass, node, 0)) &&
	       affine_of(pass, before, &a) && can_shift(node, &a)) {
		if (!own_weights(pass, node, &w))
			return -ENOMEM;
		scale_inputs(&w, &a);
		ret = dh_pass_join_before(pass, before, node, before->inputs[a.data]);
	}
	return ret;
}

int dh_pass_scales(struct dh_pass *pass, struct dh_net_node *node)
{
	struct dh_net_node *before;
	struct affine a;

	if (has_weights(pass, node) && !(node->op == DH_NET_GEMM && node->attr.gemm.trans_a))
		return join_scales_before(pass, node);
	if (!affine_of(pass, node, &a))
		return 0;
	before = dh_pass_only_before(pass, node, a.data);
	if (!before)
		return 0;
	if (has_weights(pass, before))
		return join_after(pass, node, before, &a);
	return before->op == DH_NET_SCALE ? join_norms(pass, node, before, &a) : 0;
}
