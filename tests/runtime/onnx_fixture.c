// SPDX-License-Identifier: MIT
/* Everything here is allocated as protobuf-c's own allocator would, which frees it. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "net_fixture.h"
#include "network/net.h"
#include "onnx_fixture.h"

Onnx__ModelProto *onnx_read_file(const char *path)
{
	static uint8_t bytes[1 << 17];
	FILE *file = fopen(path, "rbe");
	Onnx__ModelProto *model;
	size_t len;

	ck_assert_msg(file, "%s", path);
	len = fread(bytes, 1, sizeof(bytes), file);
	model = onnx__model_proto__unpack(NULL, len, bytes);
	fclose(file);
	ck_assert_ptr_nonnull(model);
	return model;
}

Onnx__ModelProto *onnx_read(const char *name)
{
	return onnx_read_file(net_path(name, ".onnx"));
}

Onnx__ModelProto *onnx_find(const char *op)
{
	DIR *models = opendir(MODELS_DIR);
	Onnx__ModelProto *model = NULL;
	struct dirent *entry;

	while (!model && (entry = readdir(models))) {
		char *suffix = strstr(entry->d_name, ".onnx");

		if (!suffix || !strncmp(entry->d_name, "bad", 3))
			continue;
		*suffix = '\0';
		model = onnx_read(entry->d_name);
		if (onnx_node(model, op))
			break;
		onnx_free(model);
		model = NULL;
	}
	closedir(models);
	ck_assert_msg(model, "no network has a %s", op);
	return model;
}

void onnx_free(Onnx__ModelProto *model)
{
	onnx__model_proto__free_unpacked(model, NULL);
}

Onnx__NodeProto *onnx_node(const Onnx__ModelProto *model, const char *op)
{
	for (size_t i = 0; i < model->graph->n_node; i++) {
		if (!strcmp(model->graph->node[i]->op_type, op))
			return model->graph->node[i];
	}
	return NULL;
}

Onnx__NodeProto *onnx_last_node(const Onnx__ModelProto *model, const char *op)
{
	for (size_t i = model->graph->n_node; i-- > 0;) {
		if (!strcmp(model->graph->node[i]->op_type, op))
			return model->graph->node[i];
	}
	return NULL;
}

void onnx_set_input(Onnx__NodeProto *node, size_t i, const char *name)
{
	ck_assert_uint_lt(i, node->n_input);
	free(node->input[i]);
	node->input[i] = strdup(name);
}

Onnx__TensorProto *onnx_initializer(const Onnx__ModelProto *model, const char *name)
{
	for (size_t i = 0; i < model->graph->n_initializer; i++) {
		if (!strcmp(model->graph->initializer[i]->name, name))
			return model->graph->initializer[i];
	}
	return NULL;
}

static char **names(const char *a, const char *b)
{
	char **list = calloc(2, sizeof(*list));

	list[0] = strdup(a);
	list[1] = b ? strdup(b) : NULL;
	return list;
}

Onnx__NodeProto *onnx_add_node(Onnx__ModelProto *model, const char *op, const char *a,
			       const char *b, const char *output)
{
	Onnx__NodeProto *node = malloc(sizeof(*node));
	Onnx__GraphProto *graph = model->graph;

	onnx__node_proto__init(node);
	node->op_type = strdup(op);
	node->name = strdup("added");
	node->input = names(a, b);
	node->n_input = 1 + !!b;
	node->output = names(output, NULL);
	node->n_output = 1;
	graph->node = realloc(graph->node, (graph->n_node + 1) * sizeof(*graph->node));
	memmove(graph->node + 1, graph->node, graph->n_node++ * sizeof(*graph->node));
	graph->node[0] = node;
	return node;
}

void onnx_add_int(Onnx__NodeProto *node, const char *name, int64_t value)
{
	Onnx__AttributeProto *a = malloc(sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = strdup(name);
	a->has_type = true;
	a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
	a->has_i = true;
	a->i = value;
	node->attribute =
		realloc(node->attribute, (node->n_attribute + 1) * sizeof(*node->attribute));
	node->attribute[node->n_attribute++] = a;
}

static void *copy(const void *values, size_t size)
{
	return memcpy(malloc(size), values, size);
}

static Onnx__TensorProto *add_initializer(Onnx__ModelProto *model, const char *name, int type,
					  const int64_t *dims, size_t rank)
{
	Onnx__TensorProto *tensor = malloc(sizeof(*tensor));
	Onnx__GraphProto *graph = model->graph;

	onnx__tensor_proto__init(tensor);
	tensor->name = strdup(name);
	tensor->has_data_type = true;
	tensor->data_type = type;
	tensor->n_dims = rank;
	tensor->dims = copy(dims, rank * sizeof(*dims));
	graph->initializer = realloc(graph->initializer,
				     (graph->n_initializer + 1) * sizeof(*graph->initializer));
	graph->initializer[graph->n_initializer++] = tensor;
	return tensor;
}

void onnx_add_ints(Onnx__ModelProto *model, const char *name, const int64_t *values, size_t count)
{
	const int64_t dims[] = { count };
	Onnx__TensorProto *tensor =
		add_initializer(model, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, dims, 1);

	tensor->n_int64_data = count;
	tensor->int64_data = copy(values, count * sizeof(*values));
}

void onnx_add_floats(Onnx__ModelProto *model, const char *name, const int64_t *dims, size_t rank,
		     const float *values)
{
	Onnx__TensorProto *tensor =
		add_initializer(model, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, rank);
	size_t count = 1;

	for (size_t i = 0; i < rank; i++)
		count *= dims[i];
	tensor->n_float_data = count;
	tensor->float_data = copy(values, count * sizeof(*values));
}

/* Valid until the next call. */
static const uint8_t *pack(const Onnx__ModelProto *model, size_t *len)
{
	static uint8_t bytes[1 << 17];

	ck_assert_uint_le(onnx__model_proto__get_packed_size(model), sizeof(bytes));
	*len = onnx__model_proto__pack(model, bytes);
	return bytes;
}

void onnx_save(const Onnx__ModelProto *model, const char *path)
{
	FILE *file = fopen(path, "wbe");
	size_t len;
	const uint8_t *bytes = pack(model, &len);

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

int onnx_compile(const Onnx__ModelProto *model, struct dh_error *err)
{
	struct dh_program *program;
	size_t len;
	const uint8_t *bytes = pack(model, &len);
	int ret;

	err->text[0] = '\0';
	ret = dh_compile_memory(bytes, len, "changed", NULL, &program, NULL, err);
	dh_program_free(program);
	return ret;
}

int onnx_import_network(const Onnx__ModelProto *model, struct dh_error *err)
{
	/* where the networks leave sizes open */
	const struct dh_net_size sizes[] = { { "T", 5 }, { "B", 1 } };
	const struct dh_net_options options = { .sizes = sizes, .size_count = 2 };
	struct dh_net *net;
	size_t len;
	const uint8_t *bytes = pack(model, &len);
	int ret;

	err->text[0] = '\0';
	ret = dh_net_import_memory(bytes, len, "changed", &options, NULL, &net, err);
	dh_net_free(net);
	return ret;
}
