// SPDX-License-Identifier: MIT
/* Shapes of matrix products. */
#include <errno.h>
#include <string.h>

#include "network/op.h"

/* Does @c spread to rows x cols? */
static bool spreads_to(const struct dh_net_tensor *c, uint32_t rows, uint32_t cols)
{
	uint32_t c_rows = c->rank == 2 ? c->dims[0] : 1;
	uint32_t c_cols = c->rank ? c->dims[c->rank - 1] : 1;

	return c->rank <= 2 && (c_rows == 1 || c_rows == rows) && (c_cols == 1 || c_cols == cols);
}

int dh_infer_gemm(const struct dh_infer *infer)
{
	const struct dh_net_tensor *a = infer->in[0], *b = infer->in[1], *c = infer->in[2];
	bool trans_a = infer->node->attr.gemm.trans_a, trans_b = infer->node->attr.gemm.trans_b;
	char a_text[80], b_text[80];

	for (uint32_t i = 0; i < infer->node->input_count; i++) {
		if (dh_infer_need_float(infer, i))
			return -EINVAL;
	}
	dh_shape_text(a, a_text, sizeof(a_text));
	dh_shape_text(b, b_text, sizeof(b_text));
	if (a->rank != 2 || b->rank != 2)
		return dh_infer_bad(infer,
				    "multiplies %s by %s; both must be matrices: put a Flatten "
				    "before it",
				    a_text, b_text);
	if (a->dims[!trans_a] != b->dims[trans_b])
		return dh_infer_bad(infer, "multiplies %s%s by %s%s, which do not fit together",
				    a_text, trans_a ? " transposed" : "", b_text,
				    trans_b ? " transposed" : "");
	infer->out[0] = dh_shape_of(a);
	infer->out[0].dims[0] = a->dims[trans_a];
	infer->out[0].dims[1] = b->dims[!trans_b];
	if (c && !spreads_to(c, infer->out[0].dims[0], infer->out[0].dims[1]))
		return dh_infer_bad(infer, "adds %s to a matrix of %ux%u, which does not fit",
				    dh_shape_text(c, a_text, sizeof(a_text)), infer->out[0].dims[0],
				    infer->out[0].dims[1]);
	return 0;
}

/* Stacks of matrices: axes before the last two are broadcast. */
static bool stack_output(const struct dh_net_tensor *a, const struct dh_net_tensor *b,
			 struct dh_net_shape *out)
{
	uint32_t rank = a->rank > b->rank ? a->rank : b->rank;

	out->rank = 0;
	for (uint32_t i = 0; i + 2 < rank; i++) {
		uint32_t from_end = rank - i;
		uint32_t a_dim = from_end <= a->rank ? a->dims[a->rank - from_end] : 1;
		uint32_t b_dim = from_end <= b->rank ? b->dims[b->rank - from_end] : 1;

		if (a_dim != b_dim && a_dim != 1 && b_dim != 1)
			return false;
		out->dims[out->rank++] = a_dim == 1 ? b_dim : a_dim;
	}
	if (a->rank >= 2)
		out->dims[out->rank++] = a->dims[a->rank - 2];
	if (b->rank >= 2)
		out->dims[out->rank++] = b->dims[b->rank - 1];
	return true;
}

int dh_infer_matmul(const struct dh_infer *infer)
{
	const struct dh_net_tensor *a = infer->in[0], *b = infer->in[1];
	char a_text[80], b_text[80];

	if (dh_infer_need_float(infer, 0) || dh_infer_need_float(infer, 1))
		return -EINVAL;
	infer->out[0] = dh_shape_of(a);
	if (!a->rank || !b->rank ||
	    a->dims[a->rank - 1] != b->dims[b->rank >= 2 ? b->rank - 2 : 0] ||
	    !stack_output(a, b, &infer->out[0]))
		return dh_infer_bad(infer, "multiplies %s by %s, which do not fit together",
				    dh_shape_text(a, a_text, sizeof(a_text)),
				    dh_shape_text(b, b_text, sizeof(b_text)));
	return 0;
}

int dh_infer_scale(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	char text[80];

	for (uint32_t i = 0; i < 3; i++) {
		if (dh_infer_need_float(infer, i))
			return -EINVAL;
	}
	if (x->rank < 2)
		return dh_infer_bad(infer, "its input (%s) has no axis of channels",
				    dh_shape_text(x, text, sizeof(text)));
	for (uint32_t i = 1; i < 3; i++) {
		if (infer->in[i]->rank != 1 || infer->in[i]->dims[0] != x->dims[1] ||
		    !infer->in[i]->data)
			return dh_infer_bad(infer,
					    "scale and shift must be constants of %u channels, not "
					    "%s",
					    x->dims[1],
					    dh_shape_text(infer->in[i], text, sizeof(text)));
	}
	infer->out[0] = dh_shape_of(x);
	return 0;
}
