// SPDX-License-Identifier: MIT
/* Dense layers, what can be taken into them, and what is left to the host at the end. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "import/import.h"

static int check_data(struct dh_import *im, const Onnx__NodeProto *node,
		      const struct dh_value *value, uint32_t *size)
{
	int ret = dh_import_need_tip(im, node, value);

	if (!ret)
		ret = dh_import_use_input(im, node, value);
	return ret ? ret : dh_import_feature_axis(im, node, value, size);
}

/*
 * W is [inputs][hidden] in the file, or [hidden][inputs] if @transposed; the graph has
 * [hidden][inputs].
 */
static int add_dense(struct dh_import *im, const Onnx__NodeProto *node,
		     const struct dh_value *value, const struct dh_constant *c, bool transposed,
		     float alpha, struct dh_graph_layer **layer)
{
	struct dh_graph_layer form = { .cell = DELTAHOP_CELL_DENSE, .per_step = value->per_step };
	unsigned int in_axis = c->rank - 2 + transposed, out_axis = c->rank - 1 - transposed;
	const float *w;
	size_t count;
	int ret = check_data(im, node, value, &form.inputs);

	if (ret)
		return ret;
	ret = dh_constant_floats(&im->scratch, c, &w, &count);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret)
		return dh_import_refuse(im, node, "its weights have too many elements");
	if (c->dims[in_axis].add != form.inputs ||
	    count != (size_t)c->dims[in_axis].add * c->dims[out_axis].add)
		return dh_import_refuse(
			im, node,
			"its weights take %lld elements (in %zu all together), its input has %u",
			(long long)c->dims[in_axis].add, count, form.inputs);
	form.hidden = c->dims[out_axis].add;
	ret = dh_import_add_layer(im, node, &form, layer);
	for (size_t h = 0; !ret && h < form.hidden; h++) {
		for (size_t i = 0; i < form.inputs; i++)
			(*layer)->w[h * form.inputs + i] =
				alpha *
				(transposed ? w[h * form.inputs + i] : w[i * form.hidden + h]);
	}
	return ret;
}

static bool is_matrix(const struct dh_constant *c)
{
	bool ok = !c->is_int && c->rank >= 2;

	for (unsigned int i = 0; ok && i + 2 < c->rank; i++)
		ok = dh_sym_equal(c->dims[i], dh_sym_known(1));
	return ok && dh_sym_is_known(c->dims[c->rank - 1]) && dh_sym_is_known(c->dims[c->rank - 2]);
}

/*
 * A constant as one number per element: a vector along the last axis, or one number for all;
 * -EINVAL: it is neither.
 */
static int per_element(struct dh_import *im, const struct dh_constant *c, uint32_t size,
		       const float **data, bool *single)
{
	size_t count;
	int ret = dh_constant_floats(&im->scratch, c, data, &count);

	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret || (count != 1 &&
		    (count != size || !dh_sym_equal(c->dims[c->rank - 1], dh_sym_known(size)))))
		return -EINVAL;
	*single = count == 1;
	return 0;
}

int dh_import_matmul(struct dh_import *im, const Onnx__NodeProto *node)
{
	const struct dh_constant *c;
	struct dh_graph_layer *layer;
	struct dh_value *value, out;
	int ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (value->kind == DH_VALUE_CONSTANT)
		return dh_import_refuse(im, node,
					"its first input is a constant; the data must come first: "
					"write it as data x weights");
	ret = dh_import_constant_input(im, node, 1, "its weights", &c);
	if (ret)
		return ret;
	if (!is_matrix(c))
		return dh_import_refuse(im, node,
					"its weights are not one matrix of float numbers");
	ret = add_dense(im, node, value, c, false, 1, &layer);
	if (ret)
		return ret;
	dh_import_absorb(im, layer);
	ret = dh_import_new_data(im, value, layer->hidden, &out);
	return ret ? ret : dh_import_set_output(im, node, 0, &out);
}

static int gemm_bias(struct dh_import *im, const Onnx__NodeProto *node,
		     struct dh_graph_layer *layer)
{
	float beta = dh_onnx_float(node, "beta", 1);
	const struct dh_constant *c;
	const float *b;
	bool single;
	int ret = dh_import_constant_input(im, node, 2, "C", &c);

	if (ret)
		return ret;
	ret = per_element(im, c, layer->hidden, &b, &single);
	if (ret == -EINVAL)
		return dh_import_refuse(
			im, node,
			"C is not a vector of %u float numbers; a bias is the same for every row",
			layer->hidden);
	if (ret)
		return ret;
	for (uint32_t h = 0; h < layer->hidden; h++)
		layer->bias[h] += beta * b[single ? 0 : h];
	return 0;
}

int dh_import_gemm(struct dh_import *im, const Onnx__NodeProto *node)
{
	const struct dh_constant *c;
	struct dh_graph_layer *layer;
	struct dh_value *value, out;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = dh_import_constant_input(im, node, 1, "B (its weights)", &c);
	if (ret)
		return ret;
	if (dh_onnx_int(node, "transA", 0))
		return dh_import_refuse(
			im, node,
			"attribute transA = 1; the data must be rows: export with transA = 0");
	if (!is_matrix(c) || c->rank != 2)
		return dh_import_refuse(im, node, "its weights are not a matrix of float numbers");
	if (value->kind != DH_VALUE_CONSTANT && value->rank != 2)
		return dh_import_refuse(im, node, "its input has %u axes instead of 2",
					value->rank);
	ret = add_dense(im, node, value, c, dh_onnx_int(node, "transB", 0),
			dh_onnx_float(node, "alpha", 1), &layer);
	if (ret)
		return ret;
	dh_import_absorb(im, layer);
	if (dh_import_has_input(node, 2))
		ret = gemm_bias(im, node, layer);
	if (!ret)
		ret = dh_import_new_data(im, value, layer->hidden, &out);
	return ret ? ret : dh_import_set_output(im, node, 0, &out);
}

/* --- x * scale + shift by element --- */

static int into_tip(struct dh_import *im, const float *scale, const float *shift)
{
	struct dh_graph_layer *layer = &im->graph->layers[im->graph->layer_count - 1];

	for (uint32_t h = 0; h < layer->hidden; h++) {
		layer->bias[h] = layer->bias[h] * scale[h] + shift[h];
		for (uint32_t i = 0; i < layer->inputs; i++)
			layer->w[(size_t)h * layer->inputs + i] *= scale[h];
	}
	im->place = DH_PLACE_ENGINE;
	im->placed_layer = im->graph->layer_count - 1;
	return 0;
}

static int before_next(struct dh_import *im, const float *scale, const float *shift, uint32_t size)
{
	float *new_scale = dh_arena_alloc(&im->scratch, size, sizeof(float));
	float *new_shift = dh_arena_alloc(&im->scratch, size, sizeof(float));

	if (!new_scale || !new_shift)
		return dh_import_no_memory(im);
	for (uint32_t i = 0; i < size; i++) {
		new_scale[i] = (im->scale ? im->scale[i] : 1) * scale[i];
		new_shift[i] = (im->shift ? im->shift[i] : 0) * scale[i] + shift[i];
	}
	im->scale = new_scale;
	im->shift = new_shift;
	im->place = DH_PLACE_ENGINE;
	im->placed_layer = im->graph->layer_count;
	return 0;
}

static int apply(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *value,
		 const float *scale, const float *shift, uint32_t size)
{
	struct dh_value out;
	int ret = im->tip_pre_activation ? into_tip(im, scale, shift)
					 : before_next(im, scale, shift, size);

	if (ret)
		return ret;
	im->stage++;
	im->last_activation = DH_HOST_NONE;
	ret = dh_import_new_data(im, value, 0, &out);
	return ret ? ret : dh_import_set_output(im, node, 0, &out);
}

int dh_import_affine(struct dh_import *im, const Onnx__NodeProto *node, char op,
		     const struct dh_value *data, const struct dh_constant *constant)
{
	float *scale, *shift;
	const float *c;
	uint32_t size;
	bool single;
	int ret = check_data(im, node, data, &size);

	if (ret)
		return ret;
	if (size > 1024)
		return dh_import_refuse(im, node, "%u elements; a layer has at most 1024", size);
	ret = constant->rank <= data->rank ? per_element(im, constant, size, &c, &single) : -EINVAL;
	if (ret == -EINVAL)
		return dh_import_refuse(im, node,
					"its constant is not one number for each of the %u "
					"elements, the same for every step",
					size);
	if (ret)
		return ret;
	scale = dh_arena_alloc(&im->scratch, size, sizeof(float));
	shift = dh_arena_alloc(&im->scratch, size, sizeof(float));
	if (!scale || !shift)
		return dh_import_no_memory(im);
	for (uint32_t i = 0; i < size; i++) {
		float value = c[single ? 0 : i];

		if (op == '/' && value == 0)
			return dh_import_refuse(im, node, "divides by zero");
		scale[i] = op == '*' ? value : op == '/' ? 1 / value : 1;
		shift[i] = op == '+' ? value : op == '-' ? -value : 0;
	}
	return apply(im, node, data, scale, shift, size);
}

int dh_import_batch_norm(struct dh_import *im, const Onnx__NodeProto *node)
{
	static const char *const names[] = { "scale", "B", "mean", "var" };
	float epsilon = dh_onnx_float(node, "epsilon", 1e-5f), *scale, *shift;
	const struct dh_constant *c;
	const float *in[4];
	struct dh_value *value;
	uint32_t size;
	bool single;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = check_data(im, node, value, &size);
	if (ret)
		return ret;
	if (value->rank != 2 || dh_onnx_int(node, "training_mode", 0) || size > 1024)
		return dh_import_refuse(im, node,
					"only works in inference, on rows of at most 1024 "
					"elements: its input has %u axes",
					value->rank);
	for (unsigned int k = 0; k < 4; k++) {
		ret = dh_import_constant_input(im, node, k + 1, names[k], &c);
		if (ret)
			return ret;
		ret = per_element(im, c, size, &in[k], &single);
		if (ret == -EINVAL || (!ret && single && size != 1))
			return dh_import_refuse(im, node,
						"%s is not one number for each of the %u elements",
						names[k], size);
		if (ret)
			return ret;
	}
	scale = dh_arena_alloc(&im->scratch, size, sizeof(float));
	shift = dh_arena_alloc(&im->scratch, size, sizeof(float));
	if (!scale || !shift)
		return dh_import_no_memory(im);
	for (uint32_t i = 0; i < size; i++) {
		scale[i] = in[0][i] / sqrtf(in[3][i] + epsilon);
		shift[i] = in[1][i] - in[2][i] * scale[i];
		if (!isfinite(scale[i]) || !isfinite(shift[i]))
			return dh_import_refuse(im, node, "var[%u] + epsilon is not above 0", i);
	}
	return apply(im, node, value, scale, shift, size);
}

/* --- activations, and the end of the network --- */

static int on_host(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *value,
		   enum dh_host_op op)
{
	struct dh_value out;
	int ret;

	im->graph->host_op = op;
	im->place = DH_PLACE_HOST;
	im->stage++;
	im->tip_pre_activation = false;
	im->last_activation = DH_HOST_NONE;
	ret = dh_import_new_data(im, value, 0, &out);
	return ret ? ret : dh_import_set_output(im, node, 0, &out);
}

/* The engine activates only what a dense layer gives: one that passes everything on. */
static int add_identity(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_value *value)
{
	struct dh_graph_layer form = { .cell = DELTAHOP_CELL_DENSE, .per_step = value->per_step };
	struct dh_graph_layer *layer;
	int ret = dh_import_feature_axis(im, node, value, &form.inputs);

	form.hidden = form.inputs;
	if (!ret)
		ret = dh_import_add_layer(im, node, &form, &layer);
	for (size_t i = 0; !ret && i < form.hidden; i++)
		layer->w[i * form.inputs + i] = 1;
	im->tip_is_identity = !ret;
	return ret;
}

int dh_import_activation(struct dh_import *im, const Onnx__NodeProto *node)
{
	enum dh_host_op host = !strcmp(node->op_type, "Relu")	? DH_HOST_RELU
			       : !strcmp(node->op_type, "Tanh") ? DH_HOST_TANH
								: DH_HOST_SIGMOID;
	enum deltahop_activation device = host == DH_HOST_RELU	 ? DELTAHOP_ACT_RELU
					  : host == DH_HOST_TANH ? DELTAHOP_ACT_TANH
								 : DELTAHOP_ACT_SIGMOID;
	struct dh_value *value, out;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = dh_import_need_tip(im, node, value);
	if (ret)
		return ret;
	if (!im->graph->layer_count || im->scale)
		return dh_import_refuse(im, node,
					"comes before any layer; the engine activates only the "
					"result of a dense layer");
	if (!im->tip_pre_activation)
		ret = add_identity(im, node, value);
	if (ret)
		return ret;
	im->graph->layers[im->graph->layer_count - 1].activation = device;
	im->tip_pre_activation = false;
	im->last_activation = host;
	im->last_activation_row = im->explain ? im->explain->node_count : 0;
	im->place = DH_PLACE_ENGINE;
	im->placed_layer = im->graph->layer_count - 1;
	snprintf(im->note, sizeof(im->note), "%s%s",
		 im->tip_is_identity ? "a dense layer that does nothing else" : "",
		 device == DELTAHOP_ACT_RELU ? ""
		 : im->tip_is_identity	     ? ", in steps of 1/16"
					     : "on the device, in steps of 1/16");
	im->stage++;
	ret = dh_import_new_data(im, value, 0, &out);
	return ret ? ret : dh_import_set_output(im, node, 0, &out);
}

/*
 * Is the operator's axis the elements? Before operator set 13 Softmax took this axis and all after
 * it together.
 */
static bool along_features(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_value *value, bool argmax, int *axis)
{
	int64_t missing = argmax ? 0 : im->opset < 13 ? 1 : -1;
	unsigned int last;

	*axis = dh_import_axis_number(dh_onnx_int(node, "axis", missing), value->rank);
	if (*axis < 0)
		return false;
	last = argmax || im->opset >= 13 ? (unsigned int)*axis + 1 : value->rank;
	for (unsigned int i = *axis; i < last; i++) {
		struct dh_sym size;

		if (dh_import_axis_role(im, &value->axes[i]) != DH_ROLE_FEATURE &&
		    (last == (unsigned int)*axis + 1 ||
		     !dh_import_axis_size(im, &value->axes[i], &size) ||
		     !dh_sym_equal(size, dh_sym_known(1))))
			return false;
	}
	return true;
}

static bool keeps_order(enum dh_host_op op)
{
	return op == DH_HOST_SOFTMAX || op == DH_HOST_LOG_SOFTMAX || op == DH_HOST_SIGMOID ||
	       op == DH_HOST_TANH;
}

/*
 * The index of the largest is the same before such a function, and not lost in the device's steps
 * of 1/16.
 */
static void argmax_alone(struct dh_import *im)
{
	if (keeps_order(im->graph->host_op)) {
		dh_explain_note(im->explain, "ArgMax of %s is ArgMax alone",
				dh_host_op_name(im->graph->host_op));
		im->graph->host_op = DH_HOST_NONE;
	} else if (keeps_order(im->last_activation)) {
		dh_explain_replace(im->explain, im->last_activation_row, DH_PLACE_NAME, -1,
				   "dropped: ArgMax does not need it");
		im->graph->layers[im->graph->layer_count - 1].activation = DELTAHOP_ACT_NONE;
		im->graph->layer_count -= im->tip_is_identity;
		im->tip_is_identity = false;
	}
}

int dh_import_head(struct dh_import *im, const Onnx__NodeProto *node)
{
	bool argmax = !strcmp(node->op_type, "ArgMax");
	struct dh_value *value, without;
	int axis, ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (argmax && value->kind == DH_VALUE_DATA && value->stage == im->stage)
		argmax_alone(im);
	ret = dh_import_need_tip(im, node, value);
	if (ret)
		return ret;
	if (!im->graph->layer_count)
		return dh_import_refuse(
			im, node, "comes before any layer; there is nothing for the engine to do");
	if (!along_features(im, node, value, argmax, &axis))
		return dh_import_refuse(im, node,
					"attribute axis = %lld is not the axis of the elements; "
					"only that one works",
					(long long)dh_onnx_int(node, "axis", argmax ? 0 : -1));
	if (argmax && dh_onnx_int(node, "select_last_index", 0))
		return dh_import_refuse(im, node,
					"attribute select_last_index = 1; only the first index of "
					"the largest works");
	without = *value;
	if (argmax && !dh_onnx_int(node, "keepdims", 1)) {
		memmove(without.axes + axis, without.axes + axis + 1,
			(without.rank - axis - 1) * sizeof(without.axes[0]));
		without.rank--;
	} else if (argmax) {
		without.axes[axis] = (struct dh_axis){ 0 };
	}
	return on_host(im, node, &without,
		       argmax				   ? DH_HOST_ARGMAX
		       : !strcmp(node->op_type, "Softmax") ? DH_HOST_SOFTMAX
							   : DH_HOST_LOG_SOFTMAX);
}
