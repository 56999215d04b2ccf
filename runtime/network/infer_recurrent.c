// SPDX-License-Identifier: MIT
/* Shapes of recurrent layers. */
#include <errno.h>
#include <math.h>

#include "network/op.h"
#include "network/recurrent.h"

static const struct dh_net_cell cells[] = {
	{ DH_NET_GRU, 3, 2, 6 },
	{ DH_NET_LSTM, 4, 3, 8 },
	{ DH_NET_RNN, 1, 1, 6 },
};

const struct dh_net_cell *dh_net_cell_of(enum dh_net_op op)
{
	return &cells[op == DH_NET_GRU ? 0 : op == DH_NET_LSTM ? 1 : 2];
}

struct dh_recurrent_sizes dh_recurrent_sizes(const struct dh_net_node *node,
					     const struct dh_net_tensor *x)
{
	bool first = node->attr.recurrent.batch_first;

	return (struct dh_recurrent_sizes){
		.steps = x->dims[first],
		.batch = x->dims[!first],
		.inputs = x->dims[2],
		.directions = node->attr.recurrent.direction == DH_NET_BIDIRECTIONAL ? 2 : 1,
	};
}

static int need_shape(const struct dh_infer *infer, uint32_t i, const char *what, uint32_t rank,
		      const uint32_t *dims)
{
	struct dh_net_tensor want = { .rank = rank };
	char have_text[80], want_text[80];

	if (i >= infer->node->input_count || !infer->in[i])
		return 0;
	for (uint32_t k = 0; k < rank; k++)
		want.dims[k] = dims[k];
	if (dh_shape_equal(infer->in[i]->dims, infer->in[i]->rank, dims, rank))
		return 0;
	return dh_infer_bad(infer, "%s (%s) is %s; it must be %s", what, infer->in[i]->name,
			    dh_shape_text(infer->in[i], have_text, sizeof(have_text)),
			    dh_shape_text(&want, want_text, sizeof(want_text)));
}

static int check_attributes(const struct dh_infer *infer, const struct dh_net_cell *cell)
{
	const struct dh_net_recurrent *attr = &infer->node->attr.recurrent;
	uint32_t count = cell->activations * (attr->direction == DH_NET_BIDIRECTIONAL ? 2 : 1);

	if (attr->direction < DH_NET_FORWARD || attr->direction > DH_NET_BIDIRECTIONAL ||
	    !attr->hidden || attr->hidden > 1 << 20 || !(attr->clip >= 0) || !isfinite(attr->clip))
		return dh_infer_bad(infer, "direction %d, %u hidden units, clip %g do not work",
				    attr->direction, attr->hidden, attr->clip);
	for (uint32_t i = 0; i < count; i++) {
		const struct dh_net_activation *f = &attr->activations[i];

		if (!dh_net_op_is_unary(f->op) || !isfinite(f->a) || !isfinite(f->b))
			return dh_infer_bad(infer, "activation %u is not a function of one number",
					    i);
	}
	return 0;
}

static int check_inputs(const struct dh_infer *infer, const struct dh_net_cell *cell,
			const struct dh_recurrent_sizes *s)
{
	uint32_t h = infer->node->attr.recurrent.hidden, d = s->directions, g = cell->gates;
	bool first = infer->node->attr.recurrent.batch_first;
	uint32_t w[] = { d, g * h, s->inputs }, r[] = { d, g * h, h }, b[] = { d, 2 * g * h };
	uint32_t state[] = { first ? s->batch : d, first ? d : s->batch, h }, p[] = { d, 3 * h };
	int ret = need_shape(infer, 1, "W", 3, w);

	if (!ret)
		ret = need_shape(infer, 2, "R", 3, r);
	if (!ret)
		ret = need_shape(infer, 3, "B", 2, b);
	if (!ret)
		ret = need_shape(infer, 4, "sequence_lens", 1, &s->batch);
	if (!ret)
		ret = need_shape(infer, 5, "initial_h", 3, state);
	if (!ret)
		ret = need_shape(infer, 6, "initial_c", 3, state);
	return ret ? ret : need_shape(infer, 7, "P", 2, p);
}

static int check_types(const struct dh_infer *infer)
{
	for (uint32_t i = 0; i < infer->node->input_count; i++) {
		if (i != 4 && infer->in[i] && dh_infer_need_float(infer, i))
			return -EINVAL;
	}
	if (infer->node->input_count > 4 && infer->in[4] && infer->in[4]->type != DH_NET_INT)
		return dh_infer_bad(infer, "sequence_lens (%s) must be integers",
				    infer->in[4]->name);
	return 0;
}

int dh_infer_recurrent(const struct dh_infer *infer)
{
	const struct dh_net_cell *cell = dh_net_cell_of(infer->node->op);
	const struct dh_net_tensor *x = infer->in[0];
	uint32_t h = infer->node->attr.recurrent.hidden;
	bool first = infer->node->attr.recurrent.batch_first;
	struct dh_recurrent_sizes s;
	char text[80];
	int ret;

	if (infer->node->input_count > cell->inputs)
		return dh_infer_bad(infer, "%u inputs; it has at most %u", infer->node->input_count,
				    cell->inputs);
	if (x->rank != 3 || !dh_net_elements(x))
		return dh_infer_bad(infer,
				    "its input is %s; it must be [steps, batch, elements], none of "
				    "them 0",
				    dh_shape_text(x, text, sizeof(text)));
	s = dh_recurrent_sizes(infer->node, x);
	ret = check_attributes(infer, cell);
	if (!ret)
		ret = check_types(infer);
	if (!ret)
		ret = check_inputs(infer, cell, &s);
	if (ret)
		return ret;
	infer->out[0] = (struct dh_net_shape){
		x->type, x->onnx_type, 4, { s.steps, s.directions, s.batch, h }
	};
	infer->out[1] = (struct dh_net_shape){ x->type,
					       x->onnx_type,
					       3,
					       { first ? s.batch : s.directions,
						 first ? s.directions : s.batch, h } };
	infer->out[2] = infer->out[1];
	if (first)
		infer->out[0] = (struct dh_net_shape){
			x->type, x->onnx_type, 4, { s.batch, s.steps, s.directions, h }
		};
	return 0;
}
