// SPDX-License-Identifier: MIT
/* Reads cases of ONNX's backend tests. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "import/onnx.h"
#include "network/op.h"

#define ARENA_LIMIT ((size_t)1 << 30)

static bool is_initializer(const Onnx__GraphProto *graph, const char *name)
{
	for (size_t i = 0; i < graph->n_initializer; i++) {
		if (!strcmp(graph->initializer[i]->name, name))
			return true;
	}
	return false;
}

static int copy_names(struct onnx_case *c, const Onnx__GraphProto *graph)
{
	c->input_names = dh_arena_alloc(&c->arena, graph->n_input, sizeof(*c->input_names));
	c->output_names = dh_arena_alloc(&c->arena, graph->n_output, sizeof(*c->output_names));
	if (!c->input_names || !c->output_names)
		return -ENOMEM;
	for (size_t i = 0; i < graph->n_input; i++) {
		if (!is_initializer(graph, graph->input[i]->name))
			c->input_names[c->input_count++] =
				dh_arena_strdup(&c->arena, graph->input[i]->name);
	}
	for (size_t i = 0; i < graph->n_output; i++)
		c->output_names[c->output_count++] =
			dh_arena_strdup(&c->arena, graph->output[i]->name);
	return 0;
}

const char *case_name(const char *path)
{
	const char *last = strrchr(path, '/'), *at = last;

	while (at && at > path && at[-1] != '/')
		at--;
	return at ? at : path;
}

int case_open(struct onnx_case *c, const char *path, struct dh_error *say)
{
	struct dh_onnx onnx;
	int ret;

	*c = (struct onnx_case){ .path = path };
	c->arena.limit = ARENA_LIMIT;
	snprintf(c->model, sizeof(c->model), "%s/model.onnx", path);
	ret = dh_onnx_load(c->model, &onnx, say);
	if (ret)
		return ret;
	ret = copy_names(c, onnx.model->graph);
	dh_onnx_free(&onnx);
	return ret;
}

void case_close(struct onnx_case *c)
{
	dh_arena_free(&c->arena);
}

/* --- data --- */

static int copy_tensor(struct onnx_case *c, const Onnx__TensorProto *proto,
		       struct dh_net_tensor *tensor, struct dh_error *say)
{
	bool is_int = dh_onnx_is_int(proto->data_type);
	size_t count;

	if ((!is_int && !dh_onnx_is_float(proto->data_type)) || proto->n_dims > DH_NET_MAX_RANK ||
	    !dh_onnx_tensor_count(proto, &count)) {
		dh_error_set(say, "a tensor of type %s and %zu axes",
			     dh_onnx_type_name(proto->data_type), proto->n_dims);
		return -EOPNOTSUPP;
	}
	tensor->type = is_int ? DH_NET_INT : DH_NET_FLOAT;
	tensor->onnx_type = proto->data_type;
	tensor->rank = proto->n_dims;
	for (uint32_t i = 0; i < tensor->rank; i++)
		tensor->dims[i] = (uint32_t)proto->dims[i];
	tensor->data = dh_arena_alloc(&c->arena, count, dh_element_size(tensor->type));
	if (!tensor->data)
		return -ENOMEM;
	return is_int ? dh_onnx_ints(proto, count, tensor->ints, say)
		      : dh_onnx_floats(proto, count, tensor->floats, say);
}

/* Files KIND_0.pb and up of a data set, for tensors of these names. */
static int load_kind(struct onnx_case *c, unsigned int set, const char *kind, char **names,
		     size_t room, struct dh_net_tensor **tensors, size_t *count,
		     struct dh_error *say)
{
	int ret = 0;

	*tensors = dh_arena_alloc(&c->arena, room, sizeof(**tensors));
	*count = 0;
	while (*tensors && !ret && *count < room) {
		struct dh_onnx_tensor file;
		char path[4200];

		snprintf(path, sizeof(path), "%s/test_data_set_%u/%s_%zu.pb", c->path, set, kind,
			 *count);
		if (access(path, R_OK))
			break;
		ret = dh_onnx_tensor_load(path, &file, say);
		if (!ret)
			ret = copy_tensor(c, file.proto, &(*tensors)[*count], say);
		(*tensors)[*count].name = names[*count];
		dh_onnx_tensor_free(&file);
		++*count;
	}
	return *tensors ? ret : -ENOMEM;
}

int case_load(struct onnx_case *c, unsigned int number, struct case_data *data,
	      struct dh_error *say)
{
	char path[4200];
	int ret;

	snprintf(path, sizeof(path), "%s/test_data_set_%u", c->path, number);
	if (access(path, X_OK))
		return -ENOENT;
	ret = load_kind(c, number, "input", c->input_names, c->input_count, &data->inputs,
			&data->input_count, say);
	if (!ret)
		ret = load_kind(c, number, "output", c->output_names, c->output_count,
				&data->outputs, &data->output_count, say);
	if (!ret && !data->output_count) {
		dh_error_set(say, "%s: no output_0.pb", path);
		ret = -EINVAL;
	}
	return ret;
}

enum verdict case_without_data(struct onnx_case *c, struct dh_error *say)
{
	struct dh_error why = { "" };
	struct dh_net *net;
	int ret = dh_net_import(c->model, NULL, NULL, &net, &why);

	dh_net_free(net);
	if (ret)
		*say = why;
	return !ret || ret == -EOPNOTSUPP ? CASE_REFUSED : CASE_FAILED;
}

/* --- comparison --- */

double case_largest(const struct dh_net_tensor *tensor)
{
	double max = 0;

	for (size_t i = 0; tensor->type == DH_NET_FLOAT && i < dh_net_elements(tensor); i++)
		max = fmax(max, fabs(tensor->floats[i]));
	return max;
}

static double element(const struct dh_net_tensor *tensor, const void *elements, size_t i)
{
	return tensor->type == DH_NET_FLOAT ? (double)((const float *)elements)[i]
					    : (double)((const int64_t *)elements)[i];
}

bool case_compare(const struct dh_net_tensor *want, const struct dh_net_tensor *have,
		  const void *elements, double relative, double absolute, struct dh_error *say)
{
	size_t count = dh_net_elements(want);
	char want_text[80], have_text[80];

	if (want->type != have->type ||
	    !dh_shape_equal(want->dims, want->rank, have->dims, have->rank)) {
		dh_error_set(say, "output %s is %s of %s, not %s of %s", want->name,
			     dh_shape_text(have, have_text, sizeof(have_text)),
			     have->type == DH_NET_INT ? "integers" : "floats",
			     dh_shape_text(want, want_text, sizeof(want_text)),
			     want->type == DH_NET_INT ? "integers" : "floats");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		double w = element(want, want->data, i), h = element(have, elements, i);

		if (fabs(w - h) <= absolute + relative * fabs(w))
			continue;
		dh_error_set(say, "output %s: element %zu of %zu is %.9g, not %.9g", want->name, i,
			     count, h, w);
		return false;
	}
	return true;
}
