// SPDX-License-Identifier: MIT
/* Makes ONNX models. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "import/onnx.h"
#include "model.h"

#define MAX_ITEMS 64
#define FLOAT	  ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64	  ONNX__TENSOR_PROTO__DATA_TYPE__INT64

/* A model while its text is read; lists have room for MAX_ITEMS. */
struct maker {
	struct dh_arena arena;
	Onnx__ModelProto model;
	Onnx__GraphProto graph;
	Onnx__OperatorSetIdProto opset;
};

static void *take(struct maker *m, size_t count, size_t size)
{
	void *memory = dh_arena_alloc(&m->arena, count, size);

	ck_assert_ptr_nonnull(memory);
	return memory;
}

#define NEW(m, type, init)                            \
	({                                            \
		type *one = take(m, 1, sizeof(*one)); \
		type empty = init;                    \
		*one = empty;                         \
		one;                                  \
	})

/* Append to a list of the graph or of a node. */
#define APPEND(m, list, count, item)                                  \
	do {                                                          \
		if (!(count))                                         \
			(list) = take(m, MAX_ITEMS, sizeof(*(list))); \
		ck_assert_uint_lt(count, MAX_ITEMS);                  \
		(list)[(count)++] = item;                             \
	} while (0)

/* The next word of a line, or NULL. */
static char *word(char **line)
{
	char *start = *line + strspn(*line, " \t"), *end = start + strcspn(start, " \t");

	*line = *end ? end + 1 : end;
	*end = '\0';
	return *start ? start : NULL;
}

static int type_named(const char *name)
{
	for (int type = 1; type < 17; type++) {
		if (!strcmp(dh_onnx_type_name(type), name))
			return type;
	}
	ck_abort_msg("no type %s", name);
	return 0;
}

static float random_float(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return (float)(int32_t)*state / 2147483648.0f;
}

static uint32_t seed_of(const char *name)
{
	uint32_t seed = 1;

	while (*name)
		seed = seed * 31 + (unsigned char)*name++;
	return seed;
}

/* --- constants --- */

/* Constants of tests are small: this many of them. */
#define MAX_NUMBERS (1 << 16)

static void add_number(struct maker *m, Onnx__TensorProto *tensor, double value)
{
	if (tensor->data_type == FLOAT) {
		if (!tensor->n_float_data)
			tensor->float_data = take(m, MAX_NUMBERS, sizeof(float));
		tensor->float_data[tensor->n_float_data++] = (float)value;
	} else if (tensor->data_type == INT64) {
		if (!tensor->n_int64_data)
			tensor->int64_data = take(m, MAX_NUMBERS, sizeof(int64_t));
		tensor->int64_data[tensor->n_int64_data++] = (int64_t)value;
	} else {
		if (!tensor->n_int32_data)
			tensor->int32_data = take(m, MAX_NUMBERS, sizeof(int32_t));
		tensor->int32_data[tensor->n_int32_data++] = (int32_t)value;
	}
}

static void read_const(struct maker *m, int type, char *line)
{
	Onnx__TensorProto *tensor = NEW(m, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
	size_t count = 1;
	uint32_t state;
	char *item;

	tensor->name = word(&line);
	tensor->has_data_type = true;
	tensor->data_type = type;
	while ((item = word(&line)) && *item != '=') {
		APPEND(m, tensor->dims, tensor->n_dims, strtoll(item, NULL, 0));
		count *= strtoull(item, NULL, 0);
	}
	state = seed_of(tensor->name);
	for (size_t i = 0; !item && i < count; i++)
		add_number(m, tensor, random_float(&state));
	while (item && (item = word(&line)))
		add_number(m, tensor, strtod(item, NULL));
	APPEND(m, m->graph.initializer, m->graph.n_initializer, tensor);
}

/* --- inputs and outputs --- */

static Onnx__TensorShapeProto__Dimension *dimension(struct maker *m, char *item)
{
	Onnx__TensorShapeProto__Dimension *dim = NEW(m, Onnx__TensorShapeProto__Dimension,
						     ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);

	if (isdigit((unsigned char)*item) || *item == '-') {
		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
		dim->dim_value = strtoll(item, NULL, 0);
	} else if (*item != '?') {
		dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
		dim->dim_param = item;
	}
	return dim;
}

static Onnx__ValueInfoProto *value_info(struct maker *m, int type, char *line)
{
	Onnx__ValueInfoProto *info = NEW(m, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
	Onnx__TypeProto__Tensor *tensor =
		NEW(m, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
	char *item;

	info->name = word(&line);
	info->type = NEW(m, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
	info->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	info->type->tensor_type = tensor;
	tensor->has_elem_type = true;
	tensor->elem_type = type;
	tensor->shape = NEW(m, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
	while ((item = word(&line)))
		APPEND(m, tensor->shape->dim, tensor->shape->n_dim, dimension(m, item));
	return info;
}

/* --- nodes --- */

static bool is_float(const char *value)
{
	return strpbrk(value, ".en") && value[strspn(value, "+-0123456789.einfa")] == '\0';
}

static bool is_number(const char *value)
{
	return isdigit((unsigned char)*value) || *value == '-' || is_float(value);
}

static void read_list(struct maker *m, Onnx__AttributeProto *a, char *value)
{
	char *rest = NULL;

	for (char *item = strtok_r(value, "[],", &rest); item;
	     item = strtok_r(NULL, "[],", &rest)) {
		if (!is_number(item)) {
			ProtobufCBinaryData text = { strlen(item), (uint8_t *)item };

			APPEND(m, a->strings, a->n_strings, text);
		} else if (is_float(item)) {
			APPEND(m, a->floats, a->n_floats, strtof(item, NULL));
		} else {
			APPEND(m, a->ints, a->n_ints, strtoll(item, NULL, 0));
		}
	}
}

static void read_single(Onnx__AttributeProto *a, char *value)
{
	a->has_f = is_float(value);
	a->has_i = !a->has_f && is_number(value);
	a->has_s = !a->has_f && !a->has_i;
	if (a->has_f)
		a->f = strtof(value, NULL);
	if (a->has_i)
		a->i = strtoll(value, NULL, 0);
	if (a->has_s)
		a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)value };
}

static void read_attribute(struct maker *m, Onnx__NodeProto *node, char *name)
{
	Onnx__AttributeProto *a = NEW(m, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
	char *value = strchr(name, '=');

	ck_assert_msg(value, "no value: %s", name);
	*value++ = '\0';
	a->name = name;
	if (*value == '<') {
		a->t = NEW(m, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
		a->t->has_data_type = true;
		value[strlen(value) - 1] = '\0';
		a->t->data_type = is_float(value + 1) ? FLOAT : INT64;
		add_number(m, a->t, strtod(value + 1, NULL));
		APPEND(m, a->t->dims, a->t->n_dims, 1);
	} else if (*value == '[') {
		read_list(m, a, value);
	} else {
		read_single(a, value);
	}
	APPEND(m, node->attribute, node->n_attribute, a);
}

static void read_node(struct maker *m, char *op, char *line)
{
	static char none[] = "";
	Onnx__NodeProto *node = NEW(m, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
	char *item;

	node->op_type = op;
	node->name = word(&line);
	ck_assert_msg(node->name && node->name[strlen(node->name) - 1] == ':', "no name: %s", op);
	node->name[strlen(node->name) - 1] = '\0';
	while ((item = word(&line)) && strcmp(item, "->"))
		APPEND(m, node->input, node->n_input, strcmp(item, "-") ? item : none);
	while ((item = word(&line)) && !strchr(item, '='))
		APPEND(m, node->output, node->n_output, strcmp(item, "-") ? item : none);
	for (; item; item = word(&line))
		read_attribute(m, node, item);
	APPEND(m, m->graph.node, m->graph.n_node, node);
}

/* --- the whole --- */

static void read_line(struct maker *m, char *line)
{
	char *what = word(&line), *colon = what ? strchr(what, ':') : NULL;
	int type = colon ? type_named(colon + 1) : FLOAT;

	if (colon)
		*colon = '\0';
	if (!what)
		return;
	if (!strcmp(what, "opset"))
		m->opset.version = strtoll(line, NULL, 0);
	else if (!strcmp(what, "const"))
		read_const(m, type, line);
	else if (!strcmp(what, "input"))
		APPEND(m, m->graph.input, m->graph.n_input, value_info(m, type, line));
	else if (!strcmp(what, "output"))
		APPEND(m, m->graph.output, m->graph.n_output, value_info(m, type, line));
	else
		read_node(m, what, line);
}

void *model_bytes(const char *text, size_t *size)
{
	struct maker m = { .arena = { .limit = (size_t)1 << 30 },
			   .model = ONNX__MODEL_PROTO__INIT,
			   .graph = ONNX__GRAPH_PROTO__INIT,
			   .opset = ONNX__OPERATOR_SET_ID_PROTO__INIT };
	Onnx__OperatorSetIdProto *opsets[] = { &m.opset };
	static char domain[] = "";
	char *rest = NULL, *copy;
	void *bytes;

	m.opset.domain = domain;
	m.opset.has_version = true;
	m.opset.version = 21;
	m.model.graph = &m.graph;
	m.model.opset_import = opsets;
	m.model.n_opset_import = 1;
	copy = dh_arena_strdup(&m.arena, text);
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		read_line(&m, line);
	*size = onnx__model_proto__get_packed_size(&m.model);
	bytes = malloc(*size + 1);
	ck_assert_ptr_nonnull(bytes);
	onnx__model_proto__pack(&m.model, bytes);
	dh_arena_free(&m.arena);
	return bytes;
}

int model_import(const char *text, const struct dh_net_options *options, struct dh_net **net,
		 struct dh_error *err)
{
	size_t size;
	void *bytes = model_bytes(text, &size);
	int ret = dh_net_import_memory(bytes, size, "test", options, NULL, net, err);

	free(bytes);
	return ret;
}

struct dh_net *model_net(const char *text)
{
	struct dh_error err = { "" };
	struct dh_net *net;

	ck_assert_msg(!model_import(text, NULL, &net, &err), "%s\n%s", text, err.text);
	return net;
}

struct dh_net_run *model_run(const struct dh_net *net)
{
	struct dh_net_run *run;
	struct dh_error err;

	ck_assert_msg(!dh_net_run_create(net, &run, &err), "%s", err.text);
	for (uint32_t i = 0; i < net->input_count; i++) {
		const struct dh_net_tensor *tensor = &net->tensors[net->inputs[i]];
		uint32_t state = seed_of(tensor->name);

		for (size_t k = 0; k < dh_net_elements(tensor); k++) {
			if (tensor->type == DH_NET_FLOAT)
				dh_net_run_floats(run, net->inputs[i])[k] = random_float(&state);
			else
				dh_net_run_ints(run, net->inputs[i])[k] = (int64_t)k;
		}
	}
	dh_net_run_all(run);
	return run;
}

unsigned int model_count(const struct dh_net *net, enum dh_net_op op)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < net->node_count; i++)
		count += net->nodes[i].op == op;
	return count;
}
