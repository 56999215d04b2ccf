// SPDX-License-Identifier: MIT
/* Shapes of what goes element by element. */
#include <errno.h>
#include <math.h>

#include "import/onnx.h"
#include "network/op.h"

#define BOOL ONNX__TENSOR_PROTO__DATA_TYPE__BOOL

/* Extend @shape so that @x fits into it by ONNX's rule. */
static bool broadcast(struct dh_net_shape *shape, const struct dh_net_tensor *x)
{
	struct dh_net_shape old = *shape;

	shape->rank = old.rank > x->rank ? old.rank : x->rank;
	for (uint32_t i = 1; i <= shape->rank; i++) {
		uint32_t a = i <= old.rank ? old.dims[old.rank - i] : 1;
		uint32_t b = i <= x->rank ? x->dims[x->rank - i] : 1;

		if (a != b && a != 1 && b != 1)
			return false;
		shape->dims[shape->rank - i] = a == 1 ? b : a;
	}
	return true;
}

static int broadcast_all(const struct dh_infer *infer)
{
	char a[80], b[80];

	infer->out[0] = dh_shape_of(infer->in[0]);
	for (uint32_t i = 1; i < infer->node->input_count; i++) {
		if (!broadcast(&infer->out[0], infer->in[i]))
			return dh_infer_bad(infer, "inputs of %s and %s cannot be combined",
					    dh_shape_text(infer->in[0], a, sizeof(a)),
					    dh_shape_text(infer->in[i], b, sizeof(b)));
	}
	return 0;
}

static int same_type(const struct dh_infer *infer, uint32_t a, uint32_t b)
{
	if (infer->in[a]->type == infer->in[b]->type)
		return 0;
	return dh_infer_bad(infer, "inputs %s and %s are of different types; put a Cast before it",
			    infer->in[a]->name, infer->in[b]->name);
}

int dh_infer_binary(const struct dh_infer *infer)
{
	int ret = same_type(infer, 0, 1);

	if (!ret && infer->node->op == DH_NET_PRELU)
		ret = dh_infer_need_float(infer, 0);
	return ret ? ret : broadcast_all(infer);
}

static int to_bool(const struct dh_infer *infer)
{
	int ret = broadcast_all(infer);

	infer->out[0].type = DH_NET_INT;
	infer->out[0].onnx_type = BOOL;
	return ret;
}

int dh_infer_compare(const struct dh_infer *infer)
{
	int ret = same_type(infer, 0, 1);

	return ret ? ret : to_bool(infer);
}

static int need_int(const struct dh_infer *infer, uint32_t i)
{
	if (infer->in[i]->type == DH_NET_INT)
		return 0;
	return dh_infer_bad(infer, "input %s is not boolean; compare it to something before",
			    infer->in[i]->name);
}

int dh_infer_logic(const struct dh_infer *infer)
{
	int ret = need_int(infer, 0);

	if (!ret)
		ret = need_int(infer, 1);
	return ret ? ret : to_bool(infer);
}

int dh_infer_not(const struct dh_infer *infer)
{
	int ret = need_int(infer, 0);

	return ret ? ret : to_bool(infer);
}

int dh_infer_where(const struct dh_infer *infer)
{
	int ret = need_int(infer, 0);

	if (!ret)
		ret = same_type(infer, 1, 2);
	if (!ret)
		ret = broadcast_all(infer);
	infer->out[0].type = infer->in[1]->type;
	infer->out[0].onnx_type = infer->in[1]->onnx_type;
	return ret;
}

int dh_infer_unary_any(const struct dh_infer *infer)
{
	if (!isfinite(infer->node->attr.unary.a) || !isfinite(infer->node->attr.unary.b))
		return dh_infer_bad(infer, "its attributes are not finite numbers");
	infer->out[0] = dh_shape_of(infer->in[0]);
	return 0;
}

int dh_infer_unary(const struct dh_infer *infer)
{
	int ret = dh_infer_need_float(infer, 0);

	return ret ? ret : dh_infer_unary_any(infer);
}

int dh_infer_cast(const struct dh_infer *infer)
{
	int32_t to = infer->out[0].onnx_type;

	if (!dh_onnx_is_float(to) && !dh_onnx_is_int(to))
		return dh_infer_bad(infer, "converts to %s; only number types work",
				    dh_onnx_type_name(to));
	infer->out[0] = dh_shape_of(infer->in[0]);
	infer->out[0].onnx_type = to;
	infer->out[0].type = dh_onnx_is_int(to) ? DH_NET_INT : DH_NET_FLOAT;
	return 0;
}
