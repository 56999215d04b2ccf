// SPDX-License-Identifier: MIT
/* Puts networks together. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "network/builder.h"

/* Computing constants may take about a second altogether; what is above stays a node. */
#define MAX_FOLD_WORK ((uint64_t)1 << 30)

/* Room for one more of @count elements; false: out of memory. */
static bool grow(void **array, uint32_t room, size_t size)
{
	void *more = reallocarray(*array, room, size);

	if (more)
		*array = more;
	return more;
}

static bool more_tensors(struct dh_builder *b)
{
	uint32_t room = b->tensor_room ? 2 * b->tensor_room : 64;

	if (b->net->tensor_count < b->tensor_room)
		return true;
	/* the array that dh_builder_free() frees only if there is room comes last */
	if (room > INT32_MAX || !grow((void **)&b->data, room, sizeof(*b->data)) ||
	    !grow((void **)&b->net->tensors, room, sizeof(*b->net->tensors)))
		return false;
	b->tensor_room = room;
	return true;
}

static bool more_nodes(struct dh_builder *b)
{
	uint32_t room = b->node_room ? 2 * b->node_room : 64;

	if (b->net->node_count < b->node_room)
		return true;
	if (room > INT32_MAX || !grow((void **)&b->joined, room, sizeof(*b->joined)) ||
	    !grow((void **)&b->net->nodes, room, sizeof(*b->net->nodes)))
		return false;
	b->node_room = room;
	return true;
}

int32_t dh_builder_tensor(struct dh_builder *b, const struct dh_net_shape *shape)
{
	uint32_t index = b->net->tensor_count;
	struct dh_net_tensor *tensor;

	if (!more_tensors(b))
		return -ENOMEM;
	tensor = &b->net->tensors[index];
	*tensor = (struct dh_net_tensor){ .type = shape->type,
					  .onnx_type = shape->onnx_type,
					  .rank = shape->rank,
					  .producer = DH_NET_NONE };
	memcpy(tensor->dims, shape->dims, shape->rank * sizeof(*tensor->dims));
	b->data[index] = NULL;
	b->net->tensor_count++;
	return (int32_t)index;
}

int32_t dh_builder_constant(struct dh_builder *b, const struct dh_net_shape *shape)
{
	int32_t index = dh_builder_tensor(b, shape);
	size_t count;

	if (index < 0 || !dh_shape_elements(shape->dims, shape->rank, &count))
		return -ENOMEM;
	b->data[index] = dh_arena_alloc(&b->net->arena, count, dh_element_size(shape->type));
	b->net->tensors[index].data = b->data[index];
	return b->data[index] ? index : -ENOMEM;
}

int dh_builder_name(struct dh_builder *b, int32_t tensor, const char *name)
{
	char *copy = dh_arena_strdup(&b->net->arena, name);

	if (!copy)
		return -ENOMEM;
	dh_text_clean(copy);
	b->net->tensors[tensor].name = copy;
	return 0;
}

/* --- nodes --- */

static bool can_fold(const struct dh_builder *b, const struct dh_form *form)
{
	for (uint32_t i = 0; i < form->input_count; i++) {
		if (form->inputs[i] != DH_NET_NONE && !b->data[form->inputs[i]])
			return false;
	}
	return form->output_count == 1 && !form->keep;
}

static int check_folded(struct dh_builder *b, const struct dh_net_tensor *tensor)
{
	size_t count = tensor->type == DH_NET_FLOAT ? dh_net_elements(tensor) : 0;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(tensor->floats[i])) {
			dh_error_set(b->err,
				     "its result is a constant, of which element %zu is not a "
				     "finite number; correct the constants before it",
				     i);
			return -EINVAL;
		}
	}
	return 0;
}

/* Compute a node now. Sets @folded unless that would take too long. */
static int fold(struct dh_builder *b, const struct dh_net_node *node,
		const struct dh_net_shape *shape, bool *folded)
{
	int32_t output = node->outputs[0];
	uint64_t work = dh_op_work(b->net, node);
	void *scratch;

	if (work > MAX_FOLD_WORK - b->fold_work)
		return 0;
	b->fold_work += work;
	b->data[output] = dh_arena_alloc(&b->net->arena, dh_net_elements(&b->net->tensors[output]),
					 dh_element_size(shape->type));
	scratch = malloc(dh_net_scratch(b->net, node) + 1);
	if (!b->data[output] || !scratch) {
		free(scratch);
		return -ENOMEM;
	}
	dh_net_compute(b->net, node, b->data, scratch);
	free(scratch);
	b->net->tensors[output].data = b->data[output];
	*folded = true;
	return check_folded(b, &b->net->tensors[output]);
}

static int append(struct dh_builder *b, const struct dh_form *form, const int32_t *outputs)
{
	struct dh_arena *arena = &b->net->arena;
	struct dh_net_node *node;

	if (!more_nodes(b))
		return -ENOMEM;
	node = &b->net->nodes[b->net->node_count];
	*node = (struct dh_net_node){
		.op = form->op,
		.name = dh_arena_strdup(arena, form->name),
		.onnx_op = dh_arena_strdup(arena, form->onnx_op),
		.source = form->source,
		.inputs = dh_arena_alloc(arena, form->input_count, sizeof(*node->inputs)),
		.input_count = form->input_count,
		.outputs = dh_arena_alloc(arena, form->output_count, sizeof(*node->outputs)),
		.output_count = form->output_count,
		.attr = form->attr
	};
	if (!node->name || !node->onnx_op || !node->inputs || !node->outputs)
		return -ENOMEM;
	memcpy(node->inputs, form->inputs, form->input_count * sizeof(*node->inputs));
	memcpy(node->outputs, outputs, form->output_count * sizeof(*node->outputs));
	b->joined[b->net->node_count++] = DH_NET_NONE;
	return 0;
}

static bool all_have_elements(const struct dh_builder *b, const struct dh_form *form,
			      const int32_t *outputs)
{
	for (uint32_t i = 0; i < form->output_count; i++) {
		if (outputs[i] != DH_NET_NONE && !dh_net_elements(&b->net->tensors[outputs[i]]))
			return false;
	}
	return true;
}

/* The outputs of a node, as @node has them; 0 or -ENOMEM. */
static int make_outputs(struct dh_builder *b, const struct dh_form *form,
			const struct dh_net_shape *shapes, struct dh_net_node *node)
{
	for (uint32_t i = 0; i < form->output_count; i++) {
		node->outputs[i] = form->skip >> i & 1 ? DH_NET_NONE
						       : dh_builder_tensor(b, &shapes[i]);
		if (node->outputs[i] == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int dh_builder_node(struct dh_builder *b, const struct dh_form *form, int32_t *outputs)
{
	/* apart from @outputs, where the caller may keep the inputs */
	int32_t made[DH_NET_MAX_OUTPUTS];
	struct dh_net_shape shapes[DH_NET_MAX_OUTPUTS];
	struct dh_net_node node = { .op = form->op,
				    .inputs = (int32_t *)form->inputs,
				    .input_count = form->input_count,
				    .outputs = made,
				    .output_count = form->output_count,
				    .attr = form->attr };
	bool folded = false;
	int ret;

	memcpy(shapes, form->want, sizeof(shapes));
	ret = dh_op_infer(b->net->tensors, &node, shapes, b->err);
	if (!ret)
		ret = make_outputs(b, form, shapes, &node);
	if (!ret && can_fold(b, form))
		ret = fold(b, &node, &shapes[0], &folded);
	if (!ret && !folded && !all_have_elements(b, form, made)) {
		dh_error_set(b->err, "its output has no elements; leave it out");
		ret = -EINVAL;
	}
	if (!ret && !folded)
		ret = append(b, form, made);
	if (!ret)
		memcpy(outputs, made, form->output_count * sizeof(*outputs));
	return ret;
}

/* --- the end --- */

/* Nodes whose outputs nobody wants go; @used by tensor. */
static void drop_unused(struct dh_builder *b, bool *used)
{
	for (uint32_t i = 0; i < b->net->output_count; i++)
		used[b->net->outputs[i]] = true;
	for (uint32_t n = b->net->node_count; n-- > 0;) {
		const struct dh_net_node *node = &b->net->nodes[n];
		bool wanted = false;

		for (uint32_t i = 0; i < node->output_count; i++)
			wanted |= node->outputs[i] != DH_NET_NONE && used[node->outputs[i]];
		if (b->joined[n] == DH_NET_NONE && !wanted)
			b->joined[n] = DH_BUILDER_GONE;
		for (uint32_t i = 0; b->joined[n] == DH_NET_NONE && i < node->input_count; i++) {
			if (node->inputs[i] != DH_NET_NONE)
				used[node->inputs[i]] = true;
		}
	}
	for (uint32_t i = 0; i < b->net->input_count; i++)
		used[b->net->inputs[i]] = true;
}

/* Optional outputs of a node that stays may be wanted by nobody. */
static void drop_outputs(struct dh_net_node *node, const bool *used)
{
	for (uint32_t i = 0; i < node->output_count; i++) {
		if (node->outputs[i] != DH_NET_NONE && !used[node->outputs[i]])
			node->outputs[i] = DH_NET_NONE;
	}
}

static void renumber(int32_t *indices, uint32_t count, const int32_t *place)
{
	for (uint32_t i = 0; i < count; i++) {
		if (indices[i] >= 0)
			indices[i] = place[indices[i]];
	}
}

static bool name_tensor(struct dh_net *net, struct dh_net_tensor *tensor, uint32_t index)
{
	char name[32];

	if (tensor->name)
		return true;
	snprintf(name, sizeof(name), "(tensor %u)", index);
	tensor->name = dh_arena_strdup(&net->arena, name);
	return tensor->name;
}

/* The tensors in use move together, into memory of the arena; @place: where each one went. */
static int pack_tensors(struct dh_builder *b, const bool *used, int32_t *place)
{
	struct dh_net *net = b->net;
	struct dh_net_tensor *packed;
	uint32_t count = 0;

	packed = dh_arena_alloc(&net->arena, net->tensor_count, sizeof(*packed));
	if (!packed)
		return -ENOMEM;
	for (uint32_t i = 0; i < net->tensor_count; i++) {
		place[i] = used[i] ? (int32_t)count : DH_NET_NONE;
		if (!used[i])
			continue;
		packed[count] = net->tensors[i];
		if (!name_tensor(net, &packed[count], count))
			return -ENOMEM;
		count++;
	}
	free(net->tensors);
	net->tensors = packed;
	net->tensor_count = count;
	b->tensor_room = 0;
	return 0;
}

static int pack_nodes(struct dh_builder *b, const bool *used, const int32_t *place)
{
	struct dh_net *net = b->net;
	struct dh_net_node *packed;
	uint32_t count = 0;

	packed = dh_arena_alloc(&net->arena, net->node_count, sizeof(*packed));
	if (!packed)
		return -ENOMEM;
	for (uint32_t n = 0; n < net->node_count; n++) {
		struct dh_net_node *node = &net->nodes[n];

		if (b->joined[n] != DH_NET_NONE)
			continue;
		drop_outputs(node, used);
		renumber(node->inputs, node->input_count, place);
		renumber(node->outputs, node->output_count, place);
		packed[count++] = *node;
	}
	free(net->nodes);
	net->nodes = packed;
	net->node_count = count;
	b->node_room = 0;
	return 0;
}

/* The node that does the work of node @n, or DH_NET_NONE. */
static int32_t follow(const struct dh_builder *b, int32_t n)
{
	while (n >= 0 && b->joined[n] >= 0)
		n = b->joined[n];
	return n >= 0 && b->joined[n] == DH_NET_NONE ? n : DH_NET_NONE;
}

static int renumber_sources(struct dh_builder *b)
{
	int32_t *place = calloc(b->net->node_count + 1, sizeof(*place)), count = 0;

	if (!place)
		return -ENOMEM;
	for (uint32_t n = 0; n < b->net->node_count; n++)
		place[n] = b->joined[n] == DH_NET_NONE ? count++ : DH_NET_NONE;
	for (uint32_t i = 0; i < b->net->source_count; i++) {
		struct dh_net_source *source = &b->net->sources[i];
		int32_t node = follow(b, source->node);

		if (source->node >= 0 && node < 0 && source->place == DH_PLACE_HOST)
			source->place = DH_PLACE_NAME;
		source->node = node < 0 ? DH_NET_NONE : place[node];
	}
	free(place);
	return 0;
}

static int pack(struct dh_builder *b, bool *used, int32_t *place)
{
	int ret;

	drop_unused(b, used);
	ret = renumber_sources(b);
	if (!ret)
		ret = pack_tensors(b, used, place);
	if (!ret)
		ret = pack_nodes(b, used, place);
	if (ret)
		return ret;
	renumber(b->net->inputs, b->net->input_count, place);
	renumber(b->net->outputs, b->net->output_count, place);
	return dh_net_check(b->net, b->err);
}

int dh_builder_finish(struct dh_builder *b)
{
	bool *used = calloc(b->net->tensor_count + 1, sizeof(*used));
	int32_t *place = calloc(b->net->tensor_count + 1, sizeof(*place));
	int ret = used && place ? pack(b, used, place) : -ENOMEM;

	free(used);
	free(place);
	return ret;
}

void dh_builder_free(struct dh_builder *b)
{
	/* arrays that are not in the arena yet */
	if (b->tensor_room)
		free(b->net->tensors);
	if (b->node_room)
		free(b->net->nodes);
	free(b->data);
	free(b->joined);
}
