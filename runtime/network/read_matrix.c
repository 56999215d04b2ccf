// SPDX-License-Identifier: MIT
/* Matrix products and normalisation. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "network/reader.h"

int dh_read_gemm(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[3] = { DH_NET_NONE, DH_NET_NONE, DH_NET_NONE };
	struct dh_form form = { .op = DH_NET_GEMM, .inputs = inputs };
	int ret = dh_read_inputs(r, proto, 3, inputs, &form.input_count);

	if (ret)
		return ret;
	form.attr.gemm.alpha = dh_onnx_float(proto, "alpha", 1);
	form.attr.gemm.beta = dh_onnx_float(proto, "beta", 1);
	form.attr.gemm.trans_a = dh_onnx_int(proto, "transA", 0);
	form.attr.gemm.trans_b = dh_onnx_int(proto, "transB", 0);
	return dh_read_emit(r, proto, &form);
}

int dh_read_matmul(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[2];
	struct dh_form form = { .op = DH_NET_MATMUL, .inputs = inputs };
	int ret = dh_read_inputs(r, proto, 2, inputs, &form.input_count);

	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* --- BatchNormalization --- */

static const char *const norm_inputs[] = { "", "scale", "B", "mean", "var" };

static int check_norm(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	bool training = r->opset < 7 ? !dh_onnx_int(proto, "is_test", 0)
				     : dh_onnx_int(proto, "training_mode", 0) != 0;

	for (size_t i = 1; i < proto->n_output; i++) {
		if (dh_read_output_live(r, proto, i))
			return dh_read_refuse(r, proto,
					      "output %.100s is a statistic of training; export "
					      "the model for inference",
					      proto->output[i]);
	}
	if (training)
		return dh_read_refuse(r, proto,
				      "attribute %s: it trains; export the model for "
				      "inference",
				      r->opset < 7 ? "is_test = 0" : "training_mode = 1");
	if (!dh_onnx_int(proto, "spatial", 1))
		return dh_read_refuse(r, proto,
				      "attribute spatial = 0; only one scale for each channel "
				      "works: spatial = 1");
	return 0;
}

/* The constants of a normalisation: scale, B, mean, variance of each channel. */
static int read_norm(struct dh_reader *r, const Onnx__NodeProto *proto,
		     const struct dh_net_tensor *x, struct dh_net_tensor *c)
{
	for (uint32_t i = 1; i < 5; i++) {
		int ret = dh_read_constant(r, proto, i, norm_inputs[i], &c[i]);

		if (ret)
			return ret;
		if (c[i].type != DH_NET_FLOAT || c[i].rank != 1 || x->rank < 2 ||
		    c[i].dims[0] != x->dims[1])
			return dh_read_refuse(r, proto,
					      "%s has %zu elements; it must have one for each "
					      "channel (axis 1) of its input: %u",
					      norm_inputs[i], dh_net_elements(&c[i]),
					      x->rank < 2 ? 0 : x->dims[1]);
	}
	return 0;
}

/* (x - mean) / sqrt(var + epsilon) * scale + B as x * factor + shift */
static int fold_norm(struct dh_reader *r, const Onnx__NodeProto *proto,
		     const struct dh_net_tensor *c, float *factor, float *shift)
{
	double epsilon = dh_onnx_float(proto, "epsilon", 1e-5f);

	for (uint32_t i = 0; i < c[1].dims[0]; i++) {
		double f = c[1].floats[i] / sqrt(c[4].floats[i] + epsilon);

		factor[i] = (float)f;
		shift[i] = (float)(c[2].floats[i] - c[3].floats[i] * f);
		if (!isfinite(factor[i]) || !isfinite(shift[i]))
			return dh_read_refuse(r, proto,
					      "channel %u: variance %g with epsilon %g gives no "
					      "finite scale; the weights are damaged",
					      i, c[4].floats[i], epsilon);
	}
	return 0;
}

int dh_read_batch_norm(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[3];
	struct dh_form form = { .op = DH_NET_SCALE, .inputs = inputs, .input_count = 3 };
	struct dh_net_tensor x, c[5];
	struct dh_net_shape shape;
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	if (!ret)
		ret = check_norm(r, proto);
	if (ret)
		return ret;
	x = *dh_read_tensor(r, inputs[0]);
	ret = read_norm(r, proto, &x, c);
	if (ret)
		return ret;
	shape = dh_shape_of(&c[1]);
	inputs[1] = dh_builder_constant(&r->builder, &shape);
	inputs[2] = dh_builder_constant(&r->builder, &shape);
	if (inputs[1] < 0 || inputs[2] < 0)
		return dh_read_no_memory(r);
	ret = fold_norm(r, proto, c, r->builder.data[inputs[1]], r->builder.data[inputs[2]]);
	return ret ? ret : dh_read_emit(r, proto, &form);
}
