// SPDX-License-Identifier: MIT
/* The GRU operator. */
#include <errno.h>
#include <string.h>

#include "import/import.h"

static int check_activations(struct dh_import *im, const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, "activations");
	static const char *const fixed[] = { "Sigmoid", "Tanh" };

	for (size_t i = 0; attribute && i < attribute->n_strings; i++) {
		const ProtobufCBinaryData *name = &attribute->strings[i];

		if (i > 1 || !dh_onnx_bytes_are(name, fixed[i]))
			return dh_import_refuse(im, node,
						"attribute activations[%zu] = %.*s; the engine has "
						"Sigmoid for the gates and Tanh for the "
						"candidate, nothing else: train with these",
						i, name->len > 40 ? 40 : (int)name->len,
						(const char *)name->data);
	}
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "activation_beta" : "activation_alpha";

		attribute = dh_onnx_attribute(node, name);
		if (attribute && attribute->n_floats)
			return dh_import_refuse(im, node,
						"attribute %s is set; the engine's Sigmoid and "
						"Tanh have no parameters: remove it",
						name);
	}
	return 0;
}

static int check_attributes(struct dh_import *im, const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *direction = dh_onnx_attribute(node, "direction");

	if (dh_onnx_attribute(node, "clip"))
		return dh_import_refuse(
			im, node,
			"attribute clip = %g; the engine does not clip: export without it",
			dh_onnx_float(node, "clip", 0));
	if (direction && !dh_onnx_bytes_are(&direction->s, "forward"))
		return dh_import_refuse(im, node,
					"attribute direction = %.*s; the engine sees each step as "
					"it comes: only forward works",
					direction->s.len > 40 ? 40 : (int)direction->s.len,
					(const char *)direction->s.data);
	if (dh_onnx_int(node, "layout", 0))
		return dh_import_refuse(im, node,
					"attribute layout = %lld; only layout 0 (sequence first) "
					"works: put a Transpose before and after",
					(long long)dh_onnx_int(node, "layout", 0));
	if (dh_onnx_int(node, "linear_before_reset", 0) != 1)
		return dh_import_refuse(im, node,
					"attribute linear_before_reset = %lld; the engine applies "
					"the reset gate after the product (1): train with "
					"reset_after=True (Keras) or PyTorch's GRU, which use 1",
					(long long)dh_onnx_int(node, "linear_before_reset", 0));
	return check_activations(im, node);
}

static int check_sequence_lens(struct dh_import *im, const Onnx__NodeProto *node,
			       struct dh_sym steps)
{
	const struct dh_constant *lens;
	size_t count;
	int ret;

	if (!dh_import_has_input(node, 4))
		return 0;
	ret = dh_import_constant_input(im, node, 4, "sequence_lens", &lens);
	if (ret)
		return ret;
	if (!dh_constant_count(lens, &count))
		count = 1;
	for (size_t i = 0; i < count; i++) {
		if (!lens->is_int || !dh_sym_equal(dh_constant_get(lens, i).i, steps))
			return dh_import_refuse(im, node,
						"input sequence_lens[%zu] is not the length of the "
						"whole sequence; remove it and run each "
						"sequence as a job of its own length",
						i);
	}
	snprintf(im->note, sizeof(im->note), "sequence_lens is the whole sequence: ignored");
	return 0;
}

static bool claim(struct dh_import *im, const struct dh_axis *axis, enum dh_role role)
{
	struct dh_length *length = axis->count == 1 ? &im->lengths[axis->length[0]] : NULL;

	if (!axis->count)
		return true;
	if (!length || (length->role != DH_ROLE_OPEN && length->role != role))
		return false;
	length->role = role;
	return true;
}

static int check_data(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *x,
		      uint32_t *inputs)
{
	int ret = dh_import_need_tip(im, node, x);

	if (!ret)
		ret = dh_import_use_input(im, node, x);
	if (ret)
		return ret;
	if (x->rank != 3)
		return dh_import_refuse(
			im, node, "its input has %u axes instead of 3 (sequence, batch, elements)",
			x->rank);
	if (!x->per_step)
		return dh_import_refuse(im, node,
					"runs on the last step of another layer; a recurrent layer "
					"needs the whole sequence");
	if (!claim(im, &x->axes[0], DH_ROLE_STEP) || !claim(im, &x->axes[1], DH_ROLE_BATCH))
		return dh_import_refuse(im, node,
					"the axes of its input are not sequence, batch, elements "
					"in this order; a Transpose is missing");
	return dh_import_feature_axis(im, node, x, inputs);
}

static int weights(struct dh_import *im, const Onnx__NodeProto *node, size_t input,
		   const char *what, int64_t rows, int64_t columns, const float **data)
{
	const struct dh_constant *c;
	bool fits;
	size_t count;
	int ret = dh_import_constant_input(im, node, input, what, &c);

	if (ret)
		return ret;
	fits = !c->is_int && c->rank == (columns ? 3 : 2) &&
	       dh_sym_equal(c->dims[0], dh_sym_known(1)) &&
	       dh_sym_equal(c->dims[1], dh_sym_known(rows)) &&
	       (!columns || dh_sym_equal(c->dims[2], dh_sym_known(columns)));
	if (!fits)
		return dh_import_refuse(im, node,
					"%s does not have the shape that hidden_size and the input "
					"ask for (1, %lld%s%.0lld)",
					what, (long long)rows, columns ? ", " : "",
					(long long)columns);
	ret = dh_constant_floats(&im->scratch, c, data, &count);
	return ret ? dh_import_no_memory(im) : 0;
}

static int hidden_size(struct dh_import *im, const Onnx__NodeProto *node, uint32_t *hidden)
{
	const struct dh_constant *r;
	int64_t size;
	int ret = dh_import_constant_input(im, node, 2, "R", &r);

	if (ret)
		return ret;
	size = dh_onnx_int(node, "hidden_size",
			   r->rank == 3 && dh_sym_is_known(r->dims[2]) ? r->dims[2].add : 0);
	if (size < 1 || size > INT32_MAX)
		return dh_import_refuse(im, node, "attribute hidden_size = %lld is no size",
					(long long)size);
	*hidden = size;
	return 0;
}

static int fill_layer(struct dh_import *im, const Onnx__NodeProto *node,
		      struct dh_graph_layer *layer)
{
	size_t i = layer->inputs, h = layer->hidden;
	const float *w, *r, *b = NULL;
	int ret = weights(im, node, 1, "W", 3 * h, i, &w);

	if (!ret)
		ret = weights(im, node, 2, "R", 3 * h, h, &r);
	if (ret)
		return ret;
	if (dh_import_has_input(node, 3))
		ret = weights(im, node, 3, "B", 6 * h, 0, &b);
	if (!ret)
		dh_graph_set_gru(layer, w, r, b);
	return ret;
}

/* --- the initial state --- */

static int constant_state(struct dh_import *im, const Onnx__NodeProto *node,
			  const struct dh_constant *c, struct dh_graph_layer *layer)
{
	size_t h = layer->hidden, count;
	const float *data;

	if (dh_constant_is_zero(c))
		return 0;
	layer->h0 = dh_arena_alloc(&im->graph->arena, h, sizeof(float));
	if (!layer->h0)
		return dh_import_no_memory(im);
	if (!c->data && !c->is_int) {
		for (size_t k = 0; k < h; k++)
			layer->h0[k] = c->fill.f;
		return 0;
	}
	/* it is no fill, so that this needs no memory */
	if (dh_constant_floats(&im->scratch, c, &data, &count) || c->rank != 3 || !count ||
	    count % h || !dh_sym_equal(c->dims[2], dh_sym_known(h)))
		return dh_import_refuse(im, node,
					"initial_h does not have the shape (1, batch, %zu)", h);
	memcpy(layer->h0, data, h * sizeof(*data));
	for (size_t k = h; k < count; k++) {
		if (data[k] != data[k % h])
			return dh_import_refuse(im, node,
						"initial_h differs from one batch element to "
						"another; all streams start alike: use equal rows, "
						"or make it an input of the graph");
	}
	return 0;
}

static int input_state(struct dh_import *im, const Onnx__NodeProto *node,
		       const struct dh_value *value, struct dh_graph_layer *layer)
{
	const char *name = im->proto->input[value->input]->name;
	struct dh_sym stacked, size;
	int ret = dh_import_need_float_input(im, node, value->input);

	if (ret)
		return ret;
	if (im->input_use[value->input] == DH_INPUT_DATA)
		return dh_import_refuse(im, node,
					"input %.100s is an initial state and the data at the same "
					"time; make it two inputs",
					name);
	if (value->rank != 3 || !dh_import_axis_size(im, &value->axes[0], &stacked) ||
	    !dh_import_axis_size(im, &value->axes[2], &size) ||
	    (dh_sym_is_known(stacked) && stacked.add != 1) ||
	    (dh_sym_is_known(size) && size.add != layer->hidden))
		return dh_import_refuse(
			im, node,
			"initial_h from input %.100s does not have the shape (1, batch, %u)", name,
			layer->hidden);
	for (unsigned int i = 0; i < im->state_count; i++) {
		if (im->state_input[i] == value->input && im->state_first[i] == value->first)
			return dh_import_refuse(im, node,
						"starts from the same state (input %.100s) as "
						"another GRU; give each its own",
						name);
	}
	im->input_use[value->input] = DH_INPUT_STATE;
	im->state_input[im->state_count] = value->input;
	im->state_first[im->state_count++] = value->first;
	layer->state_in = dh_arena_strdup(&im->graph->arena, name);
	return layer->state_in ? 0 : dh_import_no_memory(im);
}

static int initial_state(struct dh_import *im, const Onnx__NodeProto *node,
			 struct dh_graph_layer *layer)
{
	struct dh_value *value;
	int ret;

	if (!dh_import_has_input(node, 5))
		return 0;
	ret = dh_import_input(im, node, 5, &value);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_CONSTANT)
		return constant_state(im, node, &value->constant, layer);
	if (value->kind == DH_VALUE_DATA && value->input >= 0)
		return input_state(im, node, value, layer);
	return dh_import_refuse(im, node,
				"initial_h is computed by the network; it must be left out, a "
				"constant, or an input of the graph");
}

/* Y is [steps, 1, batch, hidden], Y_h the same without steps. */
static int set_outputs(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *x,
		       uint32_t hidden)
{
	struct dh_value y, y_h;
	int ret = dh_import_new_data(im, x, hidden, &y);

	if (ret)
		return ret;
	y.rank = 4;
	y.axes[3] = y.axes[2];
	y.axes[2] = y.axes[1];
	y.axes[1] = (struct dh_axis){ 0 };
	y_h = y;
	y_h.rank = 3;
	memmove(y_h.axes, y_h.axes + 1, 3 * sizeof(y_h.axes[0]));
	y_h.per_step = false;
	y_h.final_state = true;
	ret = dh_import_set_output(im, node, 0, &y);
	return ret ? ret : dh_import_set_output(im, node, 1, &y_h);
}

int dh_import_gru(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_graph_layer form = { .cell = DELTAHOP_CELL_GRU, .per_step = true }, *layer;
	struct dh_sym steps;
	struct dh_value *x;
	int ret = check_attributes(im, node);

	if (!ret)
		ret = dh_import_input(im, node, 0, &x);
	if (!ret)
		ret = check_data(im, node, x, &form.inputs);
	if (!ret && !dh_import_axis_size(im, &x->axes[0], &steps))
		ret = dh_import_refuse(im, node, "the length of its sequence is not computable");
	if (!ret)
		ret = check_sequence_lens(im, node, steps);
	if (!ret)
		ret = hidden_size(im, node, &form.hidden);
	if (!ret)
		ret = dh_import_add_layer(im, node, &form, &layer);
	if (!ret)
		ret = fill_layer(im, node, layer);
	if (ret)
		return ret;
	dh_import_absorb(im, layer);
	ret = initial_state(im, node, layer);
	return ret ? ret : set_outputs(im, node, x, layer->hidden);
}
