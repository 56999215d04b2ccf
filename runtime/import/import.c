// SPDX-License-Identifier: MIT
/* The importer: walks the nodes of an ONNX graph in order. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "import/import.h"

#define MIN_OPSET	7
#define MAX_OPSET	21
#define MAX_ELEMENTS	1024
#define MEMORY_FLOOR	((size_t)64 << 20)
#define MEMORY_PER_BYTE 8

static const char *text(const char *s)
{
	return s ? s : "";
}

/* --- sentences --- */

const char *dh_import_label(struct dh_import *im, const Onnx__NodeProto *node)
{
	const char *name = text(node->name);

	for (size_t i = 0; !*name && i < node->n_output; i++)
		name = node->output[i];
	snprintf(im->label, sizeof(im->label), "%s", *name ? name : "(no name)");
	dh_text_clean(im->label);
	return im->label;
}

void dh_import_say(struct dh_import *im, const Onnx__NodeProto *node, const char *fmt, ...)
{
	char why[384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	dh_text_clean(why);
	if (node)
		dh_error_set(im->err, "node %s (%.60s): %s", dh_import_label(im, node),
			     text(node->op_type), why);
	else
		dh_error_set(im->err, "%s", why);
	snprintf(im->note, sizeof(im->note), "%s", why);
}

bool dh_import_say_no_memory(struct dh_import *im)
{
	bool full = im->scratch.full || (im->graph && im->graph->arena.full);

	if (full)
		dh_import_say(im, NULL,
			      "the constants of the graph need more than %zu MiB, %d times the "
			      "file: store them in it, or make the network smaller",
			      im->scratch.limit >> 20, MEMORY_PER_BYTE);
	else
		dh_error_set(im->err, "out of memory");
	return full;
}

/* --- names and values --- */

static struct dh_name *find_name(struct dh_import *im, const char *name, bool create)
{
	struct dh_name *entry = dh_names_find(&im->names, name);

	if (entry || !create)
		return entry;
	entry = dh_arena_alloc(&im->scratch, 1, sizeof(*entry));
	if (!entry || !dh_names_add(&im->names, name, entry))
		return NULL;
	*entry = (struct dh_name){ .name = name, .input = -1 };
	return entry;
}

static int set_value(struct dh_import *im, struct dh_name *entry, const struct dh_value *value)
{
	entry->value = dh_arena_alloc(&im->scratch, 1, sizeof(*value));
	if (!entry->value)
		return dh_import_no_memory(im);
	*entry->value = *value;
	return 0;
}

int dh_import_tensor(struct dh_import *im, const Onnx__TensorProto *tensor, struct dh_constant *out)
{
	const char *name = text(tensor->name);
	size_t count;
	int ret = dh_onnx_tensor_inside(tensor, im->err);

	if (ret)
		return ret;
	*out = (struct dh_constant){ .is_int = dh_onnx_is_int(tensor->data_type),
				     .rank = tensor->n_dims };
	if (!out->is_int && !dh_onnx_is_float(tensor->data_type))
		return dh_import_refuse(im, NULL,
					"tensor %.100s: type %s is not supported; use float", name,
					dh_onnx_type_name(tensor->data_type));
	if (tensor->n_dims > DH_MAX_RANK || !dh_onnx_tensor_count(tensor, &count))
		return dh_import_refuse(
			im, NULL, "tensor %.100s: more than %d dimensions, or impossible ones",
			name, DH_MAX_RANK);
	for (unsigned int i = 0; i < out->rank; i++)
		out->dims[i] = dh_sym_known(tensor->dims[i]);
	if (count > im->onnx.file_size)
		return dh_import_refuse(
			im, NULL,
			"tensor %.100s: %zu elements do not fit in the file; it is damaged", name,
			count);
	ret = dh_constant_alloc(&im->scratch, out);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret)
		return dh_import_refuse(im, NULL, "tensor %.100s: %zu elements are too many", name,
					count);
	if (!out->is_int)
		return dh_onnx_floats(tensor, count, out->data, im->err);
	int64_t *plain = dh_arena_alloc(&im->scratch, count + 1, sizeof(*plain));

	ret = plain ? dh_onnx_ints(tensor, count, plain, im->err) : dh_import_no_memory(im);
	for (size_t i = 0; !ret && i < count; i++)
		((struct dh_sym *)out->data)[i] = dh_sym_known(plain[i]);
	return ret;
}

int dh_import_new_length(struct dh_import *im, enum dh_role role, int64_t size)
{
	unsigned int index = im->length_count;

	if (index == DH_MAX_LENGTHS || (size < 0 && index >= 32))
		return -1;
	im->lengths[index].role = role;
	im->lengths[index].size = size < 0 ? dh_sym_length(index) : dh_sym_known(size);
	im->length_count++;
	return index;
}

static const Onnx__TypeProto__Tensor *tensor_type(const Onnx__ValueInfoProto *info)
{
	return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
		       ? info->type->tensor_type
		       : NULL;
}

static int input_value(struct dh_import *im, int index, struct dh_value *value)
{
	const Onnx__ValueInfoProto *info = im->proto->input[index];
	const Onnx__TypeProto__Tensor *type = tensor_type(info);
	const Onnx__TensorShapeProto *shape = type ? type->shape : NULL;

	*value = (struct dh_value){ .kind = DH_VALUE_DATA, .input = index, .per_step = true };
	if (!shape || shape->n_dim > DH_MAX_RANK)
		return dh_import_refuse(im, NULL,
					"input %.100s: has no tensor shape, or more than %d axes; "
					"export it with its shape",
					text(info->name), DH_MAX_RANK);
	value->rank = shape->n_dim;
	for (unsigned int i = 0; i < value->rank; i++) {
		const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
		bool known = dim->value_case ==
				     ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
			     dim->dim_value > 0;
		int length = dh_import_new_length(im, DH_ROLE_OPEN, known ? dim->dim_value : -1);

		if (length < 0)
			return dh_import_refuse(
				im, NULL,
				"input %.100s: the graph has too many inputs with open sizes",
				text(info->name));
		value->axes[i] = (struct dh_axis){ 1, { length } };
	}
	return 0;
}

static int load_value(struct dh_import *im, struct dh_name *entry)
{
	struct dh_value value = { .kind = DH_VALUE_CONSTANT, .input = -1 };
	int ret;

	if (entry->initializer)
		ret = dh_import_tensor(im, entry->initializer, &value.constant);
	else
		ret = input_value(im, entry->input, &value);
	return ret ? ret : set_value(im, entry, &value);
}

bool dh_import_has_input(const Onnx__NodeProto *node, size_t i)
{
	return i < node->n_input && node->input[i][0];
}

int dh_import_input(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
		    struct dh_value **value)
{
	struct dh_name *entry;
	int ret;

	if (!dh_import_has_input(node, i))
		return dh_import_refuse(im, node, "input %zu is missing; the file is damaged", i);
	entry = find_name(im, node->input[i], false);
	if (!entry || (!entry->value && !entry->initializer && entry->input < 0))
		return dh_import_refuse(im, node,
					"input %.100s is not made by any node before it; sort the "
					"graph or export it again",
					node->input[i]);
	ret = entry->value ? 0 : load_value(im, entry);
	*value = entry->value;
	return ret;
}

int dh_import_constant_input(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
			     const char *what, const struct dh_constant **constant)
{
	struct dh_value *value;
	int ret = dh_import_input(im, node, i, &value);

	if (ret)
		return ret;
	if (value->kind != DH_VALUE_CONSTANT)
		return dh_import_refuse(
			im, node, "%s (%.100s) is not a constant but %s; make it an initializer",
			what, node->input[i],
			value->input >= 0 ? "an input of the graph" : "computed from the input");
	*constant = &value->constant;
	return 0;
}

bool dh_import_output_live(struct dh_import *im, const Onnx__NodeProto *node, size_t i)
{
	struct dh_name *entry = i < node->n_output && node->output[i][0]
					? find_name(im, node->output[i], false)
					: NULL;

	return entry && entry->live;
}

int dh_import_set_output(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
			 const struct dh_value *value)
{
	struct dh_name *entry;

	if (i >= node->n_output || !node->output[i][0])
		return 0;
	entry = find_name(im, node->output[i], true);
	if (!entry)
		return dh_import_no_memory(im);
	if (entry->value || entry->initializer || entry->input >= 0)
		return dh_import_refuse(im, node,
					"output %.100s is made twice; the file is damaged",
					node->output[i]);
	return set_value(im, entry, value);
}

int dh_import_set_constant(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_constant *constant)
{
	struct dh_value value = { .kind = DH_VALUE_CONSTANT, .constant = *constant, .input = -1 };

	im->place = DH_PLACE_CONSTANT;
	return dh_import_set_output(im, node, 0, &value);
}

int dh_import_ints(struct dh_import *im, const Onnx__NodeProto *node, size_t input,
		   const char *name, int64_t *out, size_t room, size_t *count)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, name);
	const struct dh_constant *c;
	int ret;

	*count = 0;
	if (!dh_import_has_input(node, input)) {
		if (attribute && attribute->n_ints > room)
			return dh_import_refuse(im, node,
						"attribute %s has %zu values, more than %zu", name,
						attribute->n_ints, room);
		for (; attribute && *count < attribute->n_ints; ++*count)
			out[*count] = attribute->ints[*count];
		return 0;
	}
	ret = dh_import_constant_input(im, node, input, name, &c);
	if (ret)
		return ret;
	if (!c->is_int || c->rank > 1 || !dh_constant_count(c, count) || *count > room)
		return dh_import_refuse(im, node, "%s must be a list of at most %zu integers", name,
					room);
	for (size_t i = 0; i < *count; i++) {
		struct dh_sym sym = dh_constant_get(c, i).i;

		if (!dh_sym_is_known(sym))
			return dh_import_refuse(im, node,
						"%s depends on the length of the input; only fixed "
						"values work here",
						name);
		out[i] = sym.add;
	}
	return 0;
}

/* --- axes --- */

bool dh_import_axis_size(const struct dh_import *im, const struct dh_axis *axis,
			 struct dh_sym *size)
{
	*size = dh_sym_known(1);
	for (unsigned int i = 0; i < axis->count; i++) {
		if (!dh_sym_calc('*', *size, im->lengths[axis->length[i]].size, size))
			return false;
	}
	return true;
}

enum dh_role dh_import_axis_role(const struct dh_import *im, const struct dh_axis *axis)
{
	return axis->count == 1 ? im->lengths[axis->length[0]].role : DH_ROLE_OPEN;
}

int dh_import_axis_number(int64_t axis, unsigned int rank)
{
	if (axis < -(int64_t)rank || axis >= (int64_t)rank)
		return -1;
	return axis < 0 ? axis + rank : axis;
}

/* --- the chain --- */

int dh_import_need_tip(struct dh_import *im, const Onnx__NodeProto *node,
		       const struct dh_value *value)
{
	if (value->kind == DH_VALUE_CONSTANT)
		return dh_import_refuse(im, node,
					"its data input is a constant, not the network's input");
	if (im->graph->host_op)
		return dh_import_refuse(im, node,
					"follows %s, which the host computes; only the end of a "
					"network can run on the host",
					dh_host_op_name(im->graph->host_op));
	if (value->kind == DH_VALUE_STATES || value->stage != im->stage || value->input >= 0) {
		if (value->kind == DH_VALUE_DATA && value->input >= 0 && !im->stage &&
		    !value->sliced)
			return 0;
		return dh_import_refuse(im, node,
					"its input branches off: the engine runs one chain of "
					"layers, each using only the one "
					"before it; split the network into one model per branch");
	}
	return 0;
}

int dh_import_need_float_input(struct dh_import *im, const Onnx__NodeProto *node, int input)
{
	const Onnx__TypeProto__Tensor *type = tensor_type(im->proto->input[input]);

	if (dh_onnx_is_float(type->elem_type))
		return 0;
	return dh_import_refuse(im, node, "uses input %.100s of type %s; inputs must be float",
				im->proto->input[input]->name, dh_onnx_type_name(type->elem_type));
}

int dh_import_use_input(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_value *value)
{
	if (value->input < 0 || value->input == im->data_input)
		return 0;
	if (im->input_use[value->input] == DH_INPUT_STATE)
		return dh_import_refuse(im, node,
					"input %.100s is an initial state and the data at the same "
					"time; make it two inputs",
					im->proto->input[value->input]->name);
	im->data_input = value->input;
	im->input_use[value->input] = DH_INPUT_DATA;
	return dh_import_need_float_input(im, node, value->input);
}

int dh_import_add_layer(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_graph_layer *form, struct dh_graph_layer **layer)
{
	struct dh_graph *graph = im->graph;

	if (form->inputs > MAX_ELEMENTS || form->hidden > MAX_ELEMENTS)
		return dh_import_refuse(im, node,
					"%u inputs and %u units; a layer has at most %d of each: "
					"split or shrink it",
					form->inputs, form->hidden, MAX_ELEMENTS);
	if (!form->inputs || !form->hidden)
		return dh_import_refuse(im, node, "a layer without inputs or units");
	if (graph->layer_count == DH_GRAPH_MAX_LAYERS)
		return dh_import_refuse(im, node, "more than %d layers", DH_GRAPH_MAX_LAYERS);
	*layer = dh_graph_add_layer(graph, form, dh_import_label(im, node), node->op_type);
	if (!*layer)
		return dh_import_no_memory(im);
	im->place = DH_PLACE_ENGINE;
	im->placed_layer = graph->layer_count - 1;
	im->stage++;
	im->tip_pre_activation = form->cell == DELTAHOP_CELL_DENSE;
	im->last_activation = DH_HOST_NONE;
	im->tip_is_identity = false;
	return 0;
}

int dh_import_feature_axis(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_value *value, uint32_t *size)
{
	const struct dh_axis *axis = &value->axes[value->rank ? value->rank - 1 : 0];
	struct dh_length *length = axis->count ? &im->lengths[axis->length[0]] : NULL;

	if (!value->rank || axis->count > 1)
		return dh_import_refuse(im, node,
					"its last axis joins steps, batch or elements; a layer "
					"sees the elements of one step only");
	if (length && length->role != DH_ROLE_OPEN && length->role != DH_ROLE_FEATURE)
		return dh_import_refuse(im, node,
					"its last axis is the %s, not the elements of a vector; a "
					"Transpose is missing",
					length->role == DH_ROLE_STEP ? "sequence" : "batch");
	if (length && !dh_sym_is_known(length->size))
		return dh_import_refuse(im, node,
					"the size of its last axis is left open; export with a "
					"fixed number of elements");
	if (length)
		length->role = DH_ROLE_FEATURE;
	*size = !length ? 1 : length->size.add > UINT32_MAX ? UINT32_MAX : length->size.add;
	return 0;
}

int dh_import_new_data(struct dh_import *im, const struct dh_value *value, uint32_t hidden,
		       struct dh_value *out)
{
	int length = hidden ? dh_import_new_length(im, DH_ROLE_FEATURE, hidden) : 0;

	if (length < 0)
		return dh_import_refuse(im, NULL, "the graph has too many layers");
	*out = *value;
	out->stage = im->stage;
	out->input = -1;
	out->sliced = false;
	out->final_state = false;
	if (hidden)
		out->axes[out->rank - 1] = (struct dh_axis){ 1, { length } };
	return 0;
}

static void absorb_rows(struct dh_import *im, float *w, float *bias, size_t inputs, size_t hidden)
{
	for (size_t h = 0; h < hidden; h++) {
		for (size_t i = 0; i < inputs; i++) {
			bias[h] += w[h * inputs + i] * im->shift[i];
			w[h * inputs + i] *= im->scale[i];
		}
	}
}

void dh_import_absorb(struct dh_import *im, struct dh_graph_layer *layer)
{
	size_t gates = layer->cell == DELTAHOP_CELL_GRU ? DH_GATE_COUNT : 1;

	/* the biases of r, u and c of the input come first, in the order of the gates */
	for (size_t g = 0; im->scale && g < gates; g++)
		absorb_rows(im, layer->w + g * layer->hidden * layer->inputs,
			    layer->bias + g * layer->hidden, layer->inputs, layer->hidden);
	im->scale = NULL;
	im->shift = NULL;
}

/* --- the model as a whole --- */

static int check_model(struct dh_import *im)
{
	const Onnx__ModelProto *model = im->onnx.model;

	im->opset = dh_onnx_opset(model);
	if (model->n_training_info)
		return dh_import_refuse(
			im, NULL, "the model contains training steps; export it for inference");
	if (im->opset < MIN_OPSET || im->opset > MAX_OPSET)
		return dh_import_refuse(
			im, NULL,
			"operator set %lld is not supported; export with opset_version %d to %d",
			(long long)im->opset, MIN_OPSET, MAX_OPSET);
	if (im->proto->n_sparse_initializer)
		return dh_import_refuse(
			im, NULL, "sparse initializers are not supported; export dense weights");
	return 0;
}

static int name_inputs(struct dh_import *im)
{
	const Onnx__GraphProto *proto = im->proto;

	for (size_t i = 0; i < proto->n_initializer; i++) {
		struct dh_name *entry = find_name(im, text(proto->initializer[i]->name), true);

		if (!entry)
			return dh_import_no_memory(im);
		entry->initializer = proto->initializer[i];
	}
	for (size_t i = 0; i < proto->n_input; i++) {
		struct dh_name *entry = find_name(im, text(proto->input[i]->name), true);

		if (!entry)
			return dh_import_no_memory(im);
		if (!entry->initializer)
			entry->input = i;
	}
	im->input_use = dh_arena_alloc(&im->scratch, proto->n_input + 1, sizeof(*im->input_use));
	return im->input_use ? 0 : dh_import_no_memory(im);
}

static bool node_is_live(struct dh_import *im, const Onnx__NodeProto *node)
{
	for (size_t i = 0; i < node->n_output; i++) {
		if (dh_import_output_live(im, node, i))
			return true;
	}
	return false;
}

static int mark_live(struct dh_import *im)
{
	const Onnx__GraphProto *proto = im->proto;
	struct dh_name *entry;

	for (size_t i = 0; i < proto->n_output; i++) {
		entry = find_name(im, text(proto->output[i]->name), true);
		if (!entry)
			return dh_import_no_memory(im);
		entry->live = true;
	}
	for (size_t n = proto->n_node; n-- > 0;) {
		const Onnx__NodeProto *node = proto->node[n];

		for (size_t i = 0; node_is_live(im, node) && i < node->n_input; i++) {
			entry = find_name(im, node->input[i], true);
			if (!entry)
				return dh_import_no_memory(im);
			entry->live = true;
		}
	}
	return 0;
}

static int refuse_operator(struct dh_import *im, const Onnx__NodeProto *node)
{
	const char *op = text(node->op_type);

	if (!strcmp(op, "LSTM") || !strcmp(op, "RNN"))
		return dh_import_refuse(im, node,
					"the recurrent engine computes GRU only, no %s; train the "
					"network with GRU (linear_before_reset = 1)",
					op);
	if (strstr(op, "Conv") || strstr(op, "Pool"))
		return dh_import_refuse(im, node,
					"%.60s is for the convolution engine, and this is "
					"compiled for the recurrent one alone: make a network of "
					"parts of it, for a profile with both, such as card",
					op);
	return dh_import_refuse(im, node,
				"operator %.60s has no place on the engine; what works: GRU, Gemm, "
				"MatMul and Add, Relu, Sigmoid, Tanh "
				"between them, and Softmax, LogSoftmax or ArgMax at the end",
				op);
}

static int import_node(struct dh_import *im, const Onnx__NodeProto *node)
{
	const char *domain = text(node->domain);
	dh_import_op op = dh_import_find_op(text(node->op_type));
	struct dh_error why;

	if (*domain && strcmp(domain, "ai.onnx"))
		return dh_import_refuse(
			im, node,
			"operator of the unknown domain %.100s; only standard ONNX operators work",
			domain);
	if (!op)
		return refuse_operator(im, node);
	if (dh_onnx_check_attributes(node, im->opset, &why))
		return dh_import_refuse(im, node, "%s", why.text);
	return op(im, node);
}

static void explain_row(struct dh_import *im, const Onnx__NodeProto *node, enum dh_place place)
{
	int layer = place == DH_PLACE_ENGINE ? im->placed_layer : -1;

	dh_explain_node(im->explain, dh_import_label(im, node), text(node->op_type), place, layer,
			im->note);
}

/*
 * After a refusal the other nodes get a row too: the next operator that has no place is worth
 * knowing.
 */
static void explain_rest(struct dh_import *im, size_t from)
{
	for (size_t n = from; n < im->proto->n_node; n++) {
		const Onnx__NodeProto *node = im->proto->node[n];
		bool known = dh_import_find_op(text(node->op_type));

		snprintf(im->note, sizeof(im->note), "%s",
			 known ? "" : "this operator has no place on the engine either");
		explain_row(im, node, known ? DH_PLACE_NOT_REACHED : DH_PLACE_REFUSED);
	}
}

static int import_nodes(struct dh_import *im)
{
	for (size_t n = 0; n < im->proto->n_node; n++) {
		const Onnx__NodeProto *node = im->proto->node[n];
		int ret = 0;

		im->place = DH_PLACE_NAME;
		im->note[0] = '\0';
		if (!node_is_live(im, node))
			im->place = DH_PLACE_UNUSED;
		else
			ret = import_node(im, node);
		if (ret) {
			explain_row(im, node, DH_PLACE_REFUSED);
			explain_rest(im, n + 1);
			return ret;
		}
		explain_row(im, node, im->place);
	}
	return 0;
}

/* --- inputs and outputs --- */

/* What no recurrent layer has claimed: rows of a batch, and steps within a row. */
static int assign_open_roles(struct dh_import *im)
{
	static const enum dh_role roles[] = { DH_ROLE_BATCH, DH_ROLE_STEP };
	const struct dh_value *value =
		find_name(im, im->proto->input[im->data_input]->name, false)->value;
	unsigned int next = 0;

	for (unsigned int i = 0; i < value->rank; i++) {
		struct dh_length *length = &im->lengths[value->axes[i].length[0]];

		if (length->role != DH_ROLE_OPEN || dh_sym_equal(length->size, dh_sym_known(1)))
			continue;
		if (next == 2)
			return dh_import_refuse(
				im, NULL, "input %.100s has more than two axes beside its elements",
				im->proto->input[im->data_input]->name);
		length->role = roles[next++];
	}
	return 0;
}

static int describe_axes(struct dh_import *im, const char *name, const struct dh_value *value,
			 struct dh_graph_tensor *tensor)
{
	int feature = -1;

	*tensor = (struct dh_graph_tensor){
		.rank = value->rank, .batch_axis = -1, .step_axis = -1, .per_step = value->per_step
	};
	tensor->name = dh_arena_strdup(&im->graph->arena, name);
	if (!tensor->name)
		return dh_import_no_memory(im);
	dh_text_clean(tensor->name);
	for (unsigned int i = 0; i < value->rank; i++) {
		const struct dh_axis *axis = &value->axes[i];

		if (axis->count > 1)
			return dh_import_refuse(im, NULL,
						"tensor %.100s: steps, batch or elements share "
						"axis %u; keep them apart",
						name, i);
		switch (axis->count ? im->lengths[axis->length[0]].role : DH_ROLE_OPEN) {
		case DH_ROLE_STEP:
			tensor->step_axis = i;
			break;
		case DH_ROLE_BATCH:
			tensor->batch_axis = i;
			break;
		case DH_ROLE_FEATURE:
			feature = i;
			break;
		default:
			break;
		}
	}
	if (feature >= 0 && (feature < tensor->step_axis || feature < tensor->batch_axis))
		return dh_import_refuse(
			im, NULL,
			"tensor %.100s: its elements must be the last axis; remove the Transpose",
			name);
	return 0;
}

static int describe_input(struct dh_import *im)
{
	const char *name;
	int ret;

	if (im->data_input < 0 || !im->graph->layer_count)
		return dh_import_refuse(im, NULL,
					"the graph has no layer that the engine could run: no GRU, "
					"Gemm or MatMul uses an input");
	name = im->proto->input[im->data_input]->name;
	ret = describe_axes(im, name, find_name(im, name, false)->value, &im->graph->input);
	im->graph->input.elements = im->graph->layers[0].inputs;
	return ret;
}

/*
 * The one output that is the end of the chain; the others must be last hidden vectors, which stay
 * on the device.
 */
static int find_output(struct dh_import *im, const char **name, const struct dh_value **found)
{
	bool also_states = false;

	*found = NULL;
	for (size_t i = 0; i < im->proto->n_output; i++) {
		const struct dh_name *entry =
			find_name(im, text(im->proto->output[i]->name), false);
		const struct dh_value *value = entry->value;
		bool tip = value && value->kind == DH_VALUE_DATA && value->stage == im->stage &&
			   value->input < 0;

		if (!value || value->kind == DH_VALUE_CONSTANT || value->input >= 0)
			return dh_import_refuse(im, NULL,
						"output %.100s is not computed by any layer",
						entry->name);
		if (tip && (!*found || ((*found)->final_state && !value->final_state))) {
			*found = value;
			*name = entry->name;
		} else if (tip && !value->final_state) {
			return dh_import_refuse(im, NULL,
						"outputs %.100s and %.100s are both results; a "
						"program has one: drop one of them",
						*name, entry->name);
		} else if (!tip && value->kind != DH_VALUE_STATES && !value->final_state) {
			return dh_import_refuse(im, NULL,
						"output %.100s leaves the chain before its end; "
						"make it a model of its own",
						entry->name);
		}
		also_states |= value->final_state || value->kind == DH_VALUE_STATES;
	}
	if (!*found)
		return dh_import_refuse(im, NULL,
					"no output of the graph is the result of its last layer");
	if (also_states && !(*found)->final_state)
		dh_explain_note(im->explain, "last hidden vectors that are outputs of the graph "
					     "stay in the stream's state on the device");
	return 0;
}

static int describe_output(struct dh_import *im)
{
	const struct dh_value *value = NULL;
	const char *name = "";
	int ret = find_output(im, &name, &value);

	if (!ret)
		ret = describe_axes(im, name, value, &im->graph->output);
	im->graph->output.elements = im->graph->layers[im->graph->layer_count - 1].hidden;
	return ret;
}

/*
 * State that is an input of the graph goes on from job to job: then the length of a job says
 * nothing.
 */
static bool steps_are_free(const struct dh_graph *graph)
{
	bool any = false;

	for (uint32_t i = 0; i < graph->layer_count; i++) {
		if (graph->layers[i].cell == DELTAHOP_CELL_GRU && !graph->layers[i].state_in)
			return false;
		any |= graph->layers[i].cell == DELTAHOP_CELL_GRU;
	}
	return any && graph->output.per_step;
}

static void fix_lengths(struct dh_import *im)
{
	struct dh_graph *graph = im->graph;
	const struct dh_value *input =
		find_name(im, im->proto->input[im->data_input]->name, false)->value;

	graph->fixed_steps = graph->input.step_axis < 0;
	graph->batch = graph->input.batch_axis < 0;
	for (unsigned int i = 0; i < input->rank; i++) {
		const struct dh_length *length = &im->lengths[input->axes[i].length[0]];

		if (!dh_sym_is_known(length->size))
			continue;
		if (length->role == DH_ROLE_STEP)
			graph->fixed_steps = length->size.add;
		else if (length->role == DH_ROLE_BATCH)
			graph->batch = length->size.add;
	}
	if (steps_are_free(graph))
		graph->fixed_steps = 0;
}

static void explain_states(struct dh_import *im)
{
	for (unsigned int i = 0; i < im->state_count; i++) {
		bool again = false;

		for (unsigned int k = 0; k < i; k++)
			again |= im->state_input[k] == im->state_input[i];
		if (!again)
			dh_explain_note(im->explain,
					"input %.100s is the stream's state: it starts at zero and "
					"goes on from job to job",
					im->proto->input[im->state_input[i]]->name);
	}
}

/* The device's Sigmoid and Tanh have steps of 1/16: at the very end the host does it exactly. */
static int finish_chain(struct dh_import *im)
{
	struct dh_graph *graph = im->graph;

	if (im->scale)
		return dh_import_refuse(im, NULL,
					"the network ends in a scaling or shift by element that no "
					"layer follows; leave it to the application");
	if (!im->last_activation || (im->last_activation == DH_HOST_RELU && !im->tip_is_identity))
		return 0;
	if (im->tip_is_identity)
		graph->layer_count--;
	else
		graph->layers[graph->layer_count - 1].activation = DELTAHOP_ACT_NONE;
	graph->host_op = im->last_activation;
	dh_explain_replace(im->explain, im->last_activation_row, DH_PLACE_HOST, -1,
			   "at the end of the network: the host does it in float");
	return 0;
}

static int import_graph(struct dh_import *im)
{
	int ret = check_model(im);

	if (!ret)
		ret = name_inputs(im);
	if (!ret)
		ret = mark_live(im);
	if (!ret)
		ret = import_nodes(im);
	if (!ret && im->data_input >= 0)
		ret = assign_open_roles(im);
	if (!ret)
		ret = describe_input(im);
	if (!ret)
		ret = finish_chain(im);
	if (!ret)
		ret = describe_output(im);
	if (ret)
		return ret;
	fix_lengths(im);
	explain_states(im);
	return 0;
}

static int create_graph(struct dh_import *im, struct dh_graph **graph)
{
	size_t limit = MEMORY_FLOOR + MEMORY_PER_BYTE * im->onnx.file_size;

	im->proto = im->onnx.model->graph;
	im->scratch.limit = limit;
	im->graph = calloc(1, sizeof(*im->graph));
	if (!im->graph)
		return dh_import_no_memory(im);
	im->graph->arena.limit = limit;
	im->graph->name = dh_arena_strdup(&im->graph->arena, text(im->proto->name));
	if (!im->graph->name)
		return dh_import_no_memory(im);
	dh_text_clean(im->graph->name);
	*graph = im->graph;
	return import_graph(im);
}

static int import_and_free(struct dh_import *im, int ret, struct dh_graph **graph)
{
	*graph = NULL;
	if (!ret)
		ret = create_graph(im, graph);
	if (ret) {
		dh_graph_free(im->graph);
		*graph = NULL;
	}
	dh_names_free(&im->names);
	dh_arena_free(&im->scratch);
	dh_onnx_free(&im->onnx);
	free(im);
	return ret;
}

static struct dh_import *start(struct dh_explain *explain, struct dh_error *err)
{
	struct dh_import *im = calloc(1, sizeof(*im));

	if (!im) {
		dh_error_set(err, "out of memory");
		return NULL;
	}
	im->explain = explain;
	im->err = err;
	im->data_input = -1;
	return im;
}

int dh_graph_import_memory(const void *buf, size_t len, const char *name,
			   struct dh_explain *explain, struct dh_graph **graph,
			   struct dh_error *err)
{
	struct dh_import *im = start(explain, err);

	return im ? import_and_free(im, dh_onnx_parse(buf, len, name, &im->onnx, err), graph)
		  : -ENOMEM;
}

int dh_graph_import(const char *path, struct dh_explain *explain, struct dh_graph **graph,
		    struct dh_error *err)
{
	struct dh_import *im = start(explain, err);

	return im ? import_and_free(im, dh_onnx_load(path, &im->onnx, err), graph) : -ENOMEM;
}
