// SPDX-License-Identifier: MIT
/* The import of a network: walks the nodes of an ONNX graph in order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "network/pass.h"
#include "network/reader.h"

#define MAX_OPSET	21
#define MEMORY_FLOOR	((size_t)64 << 20)
#define MEMORY_PER_BYTE 8

static const char *text(const char *s)
{
	return s ? s : "";
}

/* --- names --- */

/* The value of a name; NULL: out of memory. */
static struct dh_read_value *value_of(struct dh_reader *r, const char *name)
{
	struct dh_read_value *value = dh_names_find(&r->names, name);

	if (value)
		return value;
	value = dh_arena_alloc(&r->scratch, 1, sizeof(*value));
	if (!value || !dh_names_add(&r->names, name, value))
		return NULL;
	*value = (struct dh_read_value){ .name = name, .tensor = DH_NET_NONE, .input = -1 };
	return value;
}

static int name_constants(struct dh_reader *r)
{
	for (size_t i = 0; i < r->proto->n_initializer; i++) {
		struct dh_read_value *value = value_of(r, text(r->proto->initializer[i]->name));

		if (!value)
			return dh_read_no_memory(r);
		value->initializer = r->proto->initializer[i];
	}
	for (size_t i = 0; r->options && i < r->options->constant_count; i++) {
		struct dh_read_value *value = value_of(r, r->options->constants[i].name);

		if (!value)
			return dh_read_no_memory(r);
		value->given = &r->options->constants[i];
	}
	return 0;
}

static int name_inputs(struct dh_reader *r)
{
	int ret = name_constants(r);

	for (size_t i = 0; !ret && i < r->proto->n_input; i++) {
		struct dh_read_value *value = value_of(r, text(r->proto->input[i]->name));

		if (!value)
			return dh_read_no_memory(r);
		if (value->input >= 0)
			return dh_read_refuse(r, NULL,
					      "input %.100s is there twice; the file is "
					      "damaged",
					      value->name);
		if (!value->initializer && !value->given)
			value->input = (int)i;
	}
	return ret;
}

/* --- what the outputs need --- */

static bool node_is_live(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	for (size_t i = 0; i < proto->n_output; i++) {
		if (dh_read_output_live(r, proto, i))
			return true;
	}
	return false;
}

static int mark_live(struct dh_reader *r)
{
	struct dh_read_value *value;

	for (size_t i = 0; i < r->proto->n_output; i++) {
		value = value_of(r, text(r->proto->output[i]->name));
		if (!value)
			return dh_read_no_memory(r);
		value->live = true;
	}
	for (size_t n = r->proto->n_node; n-- > 0;) {
		const Onnx__NodeProto *proto = r->proto->node[n];
		bool live = node_is_live(r, proto);

		for (size_t i = 0; live && i < proto->n_input; i++) {
			value = value_of(r, proto->input[i]);
			if (!value)
				return dh_read_no_memory(r);
			value->live = true;
		}
	}
	return 0;
}

/* --- nodes --- */

static const struct {
	const char *op;
	const char *instead;
} hints[] = {
	{ "ConvInteger", "export the network in float: the compiler quantises it itself" },
	{ "ConvTranspose", "use a Conv with more channels and a DepthToSpace instead" },
	{ "DequantizeLinear", "export the network in float: the compiler quantises it itself" },
	{ "DynamicQuantizeLinear",
	  "export the network in float: the compiler quantises it itself" },
	{ "GlobalLpPool", "use GlobalAveragePool or GlobalMaxPool" },
	{ "If", "export the model with a constant condition" },
	{ "InstanceNormalization", "train with BatchNormalization" },
	{ "LRN", "train with BatchNormalization" },
	{ "LayerNormalization", "train with BatchNormalization" },
	{ "Loop", "export the model with a fixed number of rounds, unrolled" },
	{ "LpPool", "use AveragePool or MaxPool" },
	{ "MatMulInteger", "export the network in float: the compiler quantises it itself" },
	{ "QLinearConv", "export the network in float: the compiler quantises it itself" },
	{ "QLinearMatMul", "export the network in float: the compiler quantises it itself" },
	{ "QuantizeLinear", "export the network in float: the compiler quantises it itself" },
	{ "Resize", "enlarge with a Conv of more channels and a DepthToSpace" },
	{ "Scan", "export the model with a fixed number of rounds, unrolled" },
	{ "Upsample", "enlarge with a Conv of more channels and a DepthToSpace" },
};

static int refuse_operator(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	const char *op = text(proto->op_type);
	const char *instead = "use Conv, pooling, BatchNormalization, Gemm, MatMul, GRU, LSTM, "
			      "activations, arithmetic, reductions, Softmax, ArgMax, or what moves "
			      "and reshapes";

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (!strcmp(op, hints[i].op))
			instead = hints[i].instead;
	}
	return dh_read_refuse(r, proto, "operator %.60s is not supported; %s", op, instead);
}

static int read_node(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	const char *domain = text(proto->domain);
	dh_read_op op = dh_read_find_op(text(proto->op_type));

	if (*domain && strcmp(domain, "ai.onnx"))
		return dh_read_refuse(
			r, proto,
			"operator of the unknown domain %.100s; only standard ONNX operators work",
			domain);
	if (!op)
		return refuse_operator(r, proto);
	if (dh_onnx_check_attributes(proto, r->opset, &r->why))
		return dh_read_refuse(r, proto, "%s", r->why.text);
	return op(r, proto);
}

static bool output_is_constant(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	for (size_t i = 0; i < proto->n_output; i++) {
		const struct dh_read_value *value = dh_names_find(&r->names, proto->output[i]);

		if (value && value->tensor != DH_NET_NONE)
			return r->builder.data[value->tensor];
	}
	return false;
}

static int set_source(struct dh_reader *r, uint32_t row, int32_t node, enum dh_place place,
		      const char *why)
{
	struct dh_net_source *source = &r->builder.net->sources[row];
	char *copy = dh_arena_strdup(&r->builder.net->arena, why);

	if (!copy)
		return dh_read_no_memory(r);
	*source = (struct dh_net_source){ source->name, source->op, node, place, copy };
	return 0;
}

static int read_live_node(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	uint32_t before = r->builder.net->node_count;
	int ret = read_node(r, proto);

	if (ret)
		return ret;
	if (r->builder.net->node_count > before)
		return set_source(r, r->row, (int32_t)before, DH_PLACE_HOST, "");
	return set_source(r, r->row, DH_NET_NONE,
			  output_is_constant(r, proto) ? DH_PLACE_CONSTANT : DH_PLACE_NAME, "");
}

static int begin_sources(struct dh_reader *r)
{
	struct dh_net *net = r->builder.net;

	net->sources = dh_arena_alloc(&net->arena, r->proto->n_node, sizeof(*net->sources));
	if (!net->sources)
		return dh_read_no_memory(r);
	for (size_t i = 0; i < r->proto->n_node; i++) {
		const Onnx__NodeProto *proto = r->proto->node[i];
		struct dh_net_source *source = &net->sources[i];

		source->name = dh_arena_strdup(&net->arena, dh_read_label(r, proto));
		source->op = dh_arena_strdup(&net->arena, text(proto->op_type));
		source->text = dh_arena_strdup(&net->arena, "");
		source->node = DH_NET_NONE;
		source->place = DH_PLACE_NOT_REACHED;
		if (!source->name || !source->op || !source->text)
			return dh_read_no_memory(r);
		dh_text_clean(source->op);
		net->source_count++;
	}
	return 0;
}

/*
 * After a refusal the operators behind it that have no place either are worth knowing. The note has
 * the reason without the name of the node.
 */
static int refuse_rest(struct dh_reader *r)
{
	struct dh_net *net = r->builder.net;
	uint32_t row = r->row;
	int ret = set_source(r, row, DH_NET_NONE, DH_PLACE_REFUSED, r->note);

	for (row++; row < net->source_count; row++) {
		if (!dh_read_find_op(net->sources[row].op))
			net->sources[row].place = DH_PLACE_REFUSED;
	}
	return ret;
}

static int read_nodes(struct dh_reader *r)
{
	int ret = begin_sources(r);

	for (size_t n = 0; !ret && n < r->proto->n_node; n++) {
		const Onnx__NodeProto *proto = r->proto->node[n];

		r->row = (uint32_t)n;
		ret = node_is_live(r, proto)
			      ? read_live_node(r, proto)
			      : set_source(r, r->row, DH_NET_NONE, DH_PLACE_UNUSED, "");
		if (ret && ret != -ENOMEM) {
			int more = refuse_rest(r);

			return more ? more : ret;
		}
	}
	return ret;
}

/* --- inputs and outputs of the network --- */

static int collect_inputs(struct dh_reader *r)
{
	struct dh_net *net = r->builder.net;

	net->inputs = dh_arena_alloc(&net->arena, r->proto->n_input, sizeof(*net->inputs));
	if (!net->inputs)
		return dh_read_no_memory(r);
	for (size_t i = 0; i < r->proto->n_input; i++) {
		const struct dh_read_value *value =
			dh_names_find(&r->names, text(r->proto->input[i]->name));

		if (value->input == (int)i && value->tensor != DH_NET_NONE)
			net->inputs[net->input_count++] = value->tensor;
	}
	return 0;
}

/* A copy of @tensor, which is an input, a constant, or an output already. */
static int copy_output(struct dh_reader *r, int32_t *tensor)
{
	struct dh_net *net = r->builder.net;
	struct dh_form form = { .op = DH_NET_RESHAPE,
				.name = "output",
				.onnx_op = "Identity",
				.source = net->source_count ? net->source_count - 1 : 0,
				.inputs = tensor,
				.input_count = 1,
				.output_count = 1,
				.keep = true };
	int32_t copy;
	int ret;

	form.want[0] = dh_shape_of(&net->tensors[*tensor]);
	ret = dh_builder_node(&r->builder, &form, &copy);
	if (ret == -ENOMEM)
		return dh_read_no_memory(r);
	*tensor = copy;
	return ret ? dh_read_refuse(r, NULL, "%s", r->why.text) : 0;
}

static bool needs_copy(struct dh_reader *r, int32_t tensor, const bool *is_output)
{
	struct dh_net *net = r->builder.net;

	for (uint32_t i = 0; i < net->input_count; i++) {
		if (net->inputs[i] == tensor)
			return true;
	}
	return is_output[tensor] || r->builder.data[tensor];
}

static int collect_output(struct dh_reader *r, const char *name, bool *is_output)
{
	struct dh_net *net = r->builder.net;
	const struct dh_read_value *value = dh_names_find(&r->names, name);
	int32_t tensor = value->tensor;
	int ret = 0;

	if (tensor == DH_NET_NONE)
		return dh_read_refuse(r, NULL, "output %.100s is not computed by any node", name);
	if (needs_copy(r, tensor, is_output))
		ret = copy_output(r, &tensor);
	else
		is_output[tensor] = true;
	if (ret)
		return ret;
	if (dh_builder_name(&r->builder, tensor, name))
		return dh_read_no_memory(r);
	if (!dh_net_elements(&net->tensors[tensor]))
		return dh_read_refuse(r, NULL, "output %.100s has no elements", name);
	net->outputs[net->output_count++] = tensor;
	return 0;
}

static int collect_outputs(struct dh_reader *r)
{
	struct dh_net *net = r->builder.net;
	bool *is_output = calloc(net->tensor_count + 1, sizeof(*is_output));
	int ret = 0;

	net->outputs = dh_arena_alloc(&net->arena, r->proto->n_output, sizeof(*net->outputs));
	if (!is_output || !net->outputs)
		ret = dh_read_no_memory(r);
	for (size_t i = 0; !ret && i < r->proto->n_output; i++)
		ret = collect_output(r, text(r->proto->output[i]->name), is_output);
	free(is_output);
	if (!ret && !net->output_count)
		return dh_read_refuse(r, NULL, "the graph has no outputs; export it again");
	return ret;
}

/* --- the whole --- */

static int check_model(struct dh_reader *r)
{
	r->opset = dh_onnx_opset(r->onnx.model);
	if (r->onnx.model->n_training_info)
		return dh_read_refuse(r, NULL,
				      "the model contains training steps; export it for inference");
	if (r->opset < 1 || r->opset > MAX_OPSET)
		return dh_read_refuse(
			r, NULL,
			"operator set %lld is not supported; export with opset_version 1 to %d",
			(long long)r->opset, MAX_OPSET);
	if (r->proto->n_sparse_initializer)
		return dh_read_refuse(
			r, NULL, "sparse initializers are not supported; export dense weights");
	if (r->proto->n_node > INT32_MAX / 64 || r->proto->n_initializer > INT32_MAX / 64)
		return dh_read_refuse(r, NULL, "the graph has too many nodes");
	return 0;
}

static int finish(struct dh_reader *r)
{
	int ret = dh_net_simplify(&r->builder);

	if (!ret)
		ret = dh_builder_finish(&r->builder);
	if (ret == -ENOMEM)
		return dh_read_no_memory(r);
	if (ret)
		dh_read_say(r, NULL, "%s", r->why.text);
	return ret;
}

static int import_graph(struct dh_reader *r)
{
	int ret = check_model(r);

	if (!ret)
		ret = name_inputs(r);
	if (!ret)
		ret = mark_live(r);
	if (!ret)
		ret = read_nodes(r);
	if (!ret)
		ret = collect_inputs(r);
	if (!ret)
		ret = collect_outputs(r);
	return ret ? ret : finish(r);
}

static int explain_sources(struct dh_reader *r, int ret)
{
	struct dh_net *net = r->builder.net;

	for (uint32_t i = 0; i < net->source_count; i++) {
		const struct dh_net_source *source = &net->sources[i];

		dh_explain_node(r->explain, source->name, source->op, source->place, -1,
				source->text);
	}
	return r->explain && r->explain->out_of_memory ? dh_read_no_memory(r) : ret;
}

/* How many bytes constants out of the options take. */
static size_t given_bytes(const struct dh_net_options *options)
{
	size_t bytes = 0;

	for (size_t i = 0; options && i < options->constant_count; i++)
		bytes += dh_net_bytes(&options->constants[i]);
	return bytes;
}

static int create_net(struct dh_reader *r)
{
	struct dh_net *net = calloc(1, sizeof(*net));

	r->proto = r->onnx.model->graph;
	r->builder.net = net;
	r->builder.err = &r->why;
	if (!net)
		return dh_read_no_memory(r);
	net->arena.limit =
		MEMORY_FLOOR + MEMORY_PER_BYTE * (r->onnx.file_size + given_bytes(r->options));
	r->scratch.limit = net->arena.limit;
	net->name = dh_arena_strdup(&net->arena, text(r->proto->name));
	if (!net->name)
		return dh_read_no_memory(r);
	dh_text_clean(net->name);
	return explain_sources(r, import_graph(r));
}

static int import_and_free(struct dh_reader *r, int ret, struct dh_net **net)
{
	*net = NULL;
	if (!ret)
		ret = create_net(r);
	if (r->builder.net)
		dh_builder_free(&r->builder);
	if (ret)
		dh_net_free(r->builder.net);
	else
		*net = r->builder.net;
	dh_names_free(&r->names);
	dh_arena_free(&r->scratch);
	dh_onnx_free(&r->onnx);
	free(r);
	return ret;
}

static struct dh_reader *start(const struct dh_net_options *options, struct dh_explain *explain,
			       struct dh_error *err)
{
	struct dh_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		dh_error_set(err, "out of memory");
		return NULL;
	}
	r->options = options;
	r->explain = explain;
	r->err = err;
	return r;
}

int dh_net_import_memory(const void *buf, size_t len, const char *name,
			 const struct dh_net_options *options, struct dh_explain *explain,
			 struct dh_net **net, struct dh_error *err)
{
	struct dh_reader *r = start(options, explain, err);

	*net = NULL;
	return r ? import_and_free(r, dh_onnx_parse(buf, len, name, &r->onnx, err), net) : -ENOMEM;
}

int dh_net_import(const char *path, const struct dh_net_options *options,
		  struct dh_explain *explain, struct dh_net **net, struct dh_error *err)
{
	struct dh_reader *r = start(options, explain, err);

	*net = NULL;
	return r ? import_and_free(r, dh_onnx_load(path, &r->onnx, err), net) : -ENOMEM;
}
