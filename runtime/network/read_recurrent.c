// SPDX-License-Identifier: MIT
/* Recurrent layers. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "network/reader.h"
#include "network/recurrent.h"

static const enum dh_net_op default_activations[][3] = {
	{ DH_NET_SIGMOID, DH_NET_TANH },
	{ DH_NET_SIGMOID, DH_NET_TANH, DH_NET_TANH },
	{ DH_NET_TANH },
};

static const enum dh_net_op *defaults_of(enum dh_net_op op)
{
	return default_activations[op == DH_NET_GRU ? 0 : op == DH_NET_LSTM ? 1 : 2];
}

static int read_direction(struct dh_reader *r, const Onnx__NodeProto *proto,
			  enum dh_net_direction *direction)
{
	static const char *const names[] = { "forward", "reverse", "bidirectional" };
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, "direction");

	*direction = DH_NET_FORWARD;
	for (unsigned int i = 0; attribute && i < sizeof(names) / sizeof(names[0]); i++) {
		*direction = i;
		if (dh_onnx_bytes_are(&attribute->s, names[i]))
			return 0;
	}
	if (!attribute)
		return 0;
	return dh_read_refuse(r, proto,
			      "attribute direction = %.*s; it must be forward, reverse or "
			      "bidirectional",
			      attribute->s.len < 40 ? (int)attribute->s.len : 40,
			      attribute->s.data);
}

/* Numbers are given in order to those activations that have any. */
static bool takes_a(enum dh_net_op op)
{
	float a, b;

	dh_read_unary_defaults(op, &a, &b);
	return a != 0;
}

static bool takes_b(enum dh_net_op op)
{
	float a, b;

	dh_read_unary_defaults(op, &a, &b);
	return b != 0;
}

static int read_activation(struct dh_reader *r, const Onnx__NodeProto *proto,
			   const ProtobufCBinaryData *name, struct dh_net_activation *f)
{
	f->op = dh_read_op_named((const char *)name->data, name->len);
	if (f->op != DH_NET_OP_COUNT && dh_net_op_is_unary(f->op))
		return 0;
	return dh_read_refuse(r, proto,
			      "attribute activations: %.*s is not supported; use Relu, Tanh, "
			      "Sigmoid, LeakyRelu, ThresholdedRelu, HardSigmoid, Elu, Softsign or "
			      "Softplus",
			      name->len < 40 ? (int)name->len : 40, name->data);
}

static int read_activations(struct dh_reader *r, const Onnx__NodeProto *proto,
			    const struct dh_net_cell *cell, struct dh_net_recurrent *attr)
{
	const Onnx__AttributeProto *names = dh_onnx_attribute(proto, "activations");
	const Onnx__AttributeProto *alpha = dh_onnx_attribute(proto, "activation_alpha");
	const Onnx__AttributeProto *beta = dh_onnx_attribute(proto, "activation_beta");
	size_t count = cell->activations * (attr->direction == DH_NET_BIDIRECTIONAL ? 2 : 1);
	size_t alphas = 0, betas = 0;

	if (names && names->n_strings && names->n_strings != count)
		return dh_read_refuse(r, proto, "attribute activations has %zu names; it needs %zu",
				      names->n_strings, count);
	for (size_t i = 0; i < count; i++) {
		struct dh_net_activation *f = &attr->activations[i];
		int ret = 0;

		f->op = defaults_of(cell->op)[i % cell->activations];
		if (names && names->n_strings)
			ret = read_activation(r, proto, &names->strings[i], f);
		if (ret)
			return ret;
		dh_read_unary_defaults(f->op, &f->a, &f->b);
		if (takes_a(f->op) && alpha && alphas < alpha->n_floats)
			f->a = alpha->floats[alphas++];
		if (takes_b(f->op) && beta && betas < beta->n_floats)
			f->b = beta->floats[betas++];
	}
	return 0;
}

static int read_attributes(struct dh_reader *r, const Onnx__NodeProto *proto,
			   const struct dh_net_cell *cell, struct dh_net_recurrent *attr)
{
	int64_t hidden = dh_onnx_int(proto, "hidden_size", 0), layout;
	int ret = read_direction(r, proto, &attr->direction);

	if (ret)
		return ret;
	layout = dh_onnx_int(proto, "layout", 0);
	if (layout < 0 || layout > 1)
		return dh_read_refuse(r, proto, "attribute layout = %lld; it must be 0 or 1",
				      (long long)layout);
	if (hidden < 0 || hidden > INT32_MAX)
		return dh_read_refuse(r, proto,
				      "attribute hidden_size = %lld; it is the number of "
				      "units",
				      (long long)hidden);
	if (hidden)
		attr->hidden = (uint32_t)hidden;
	attr->batch_first = layout;
	attr->clip = dh_onnx_float(proto, "clip", 0);
	attr->linear_before_reset = dh_onnx_int(proto, "linear_before_reset", 0);
	attr->input_forget = dh_onnx_int(proto, "input_forget", 0);
	return read_activations(r, proto, cell, attr);
}

int dh_read_recurrent(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	enum dh_net_op op = dh_read_op_named(proto->op_type, strlen(proto->op_type));
	const struct dh_net_cell *cell = dh_net_cell_of(op);
	int32_t inputs[8], outputs[DH_NET_MAX_OUTPUTS];
	struct dh_form form = { .op = op, .inputs = inputs };
	const struct dh_net_tensor *recurrent;
	int ret = dh_read_inputs(r, proto, cell->inputs, inputs, &form.input_count);

	if (!ret)
		ret = dh_read_input(r, proto, 2, &inputs[2]);
	if (ret)
		return ret;
	recurrent = dh_read_tensor(r, inputs[2]);
	if (recurrent->rank == 3)
		form.attr.recurrent.hidden = recurrent->dims[2];
	ret = read_attributes(r, proto, cell, &form.attr.recurrent);
	if (ret)
		return ret;
	form.output_count = op == DH_NET_LSTM ? 3 : 2;
	for (uint32_t i = 0; i < form.output_count; i++)
		form.skip |= (uint32_t)!dh_read_output_live(r, proto, i) << i;
	ret = dh_read_add(r, proto, &form, outputs);
	for (uint32_t i = 0; !ret && i < form.output_count; i++) {
		if (outputs[i] != DH_NET_NONE)
			ret = dh_read_bind(r, proto, i, outputs[i]);
	}
	return ret;
}
