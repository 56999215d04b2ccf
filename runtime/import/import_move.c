// SPDX-License-Identifier: MIT
/*
 * Operators that only move data: on constants they are computed, on data they change what the
 * axes mean.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "import/import.h"

static int pass_on(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *value)
{
	if (value->kind == DH_VALUE_CONSTANT)
		return dh_import_set_constant(im, node, &value->constant);
	return dh_import_set_output(im, node, 0, value);
}

/* Collected states that are moved about: what they are made of is not followed any further. */
static int pass_states(struct dh_import *im, const Onnx__NodeProto *node,
		       const struct dh_value *value)
{
	struct dh_value out = *value;

	out.part_count = 0;
	return dh_import_set_output(im, node, 0, &out);
}

/* One of the collected states, as it was before. */
static int one_state(struct dh_import *im, const Onnx__NodeProto *node,
		     const struct dh_value *value, int axis, int64_t index, bool keep)
{
	struct dh_value out;

	index += index < 0 ? (int64_t)value->part_count : 0;
	if (axis || index < 0 || index >= (int64_t)value->part_count)
		return pass_states(im, node, value);
	out = *value->parts[index];
	if (!keep) {
		memmove(out.axes, out.axes + 1, (out.rank - 1) * sizeof(out.axes[0]));
		out.rank--;
	}
	return dh_import_set_output(im, node, 0, &out);
}

int dh_import_identity(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_value *value;
	int ret = dh_import_input(im, node, 0, &value);

	return ret ? ret : pass_on(im, node, value);
}

int dh_import_dropout(struct dh_import *im, const Onnx__NodeProto *node)
{
	const struct dh_constant *training;
	int ret;

	if (dh_import_output_live(im, node, 1))
		return dh_import_refuse(im, node,
					"its mask is used, which exists only in training");
	if (dh_import_has_input(node, 2)) {
		ret = dh_import_constant_input(im, node, 2, "training_mode", &training);
		if (ret)
			return ret;
		if (!training->is_int || training->rank > 1 || dh_constant_get(training, 0).i.add)
			return dh_import_refuse(
				im, node, "training_mode is on; export the model for inference");
	}
	return dh_import_identity(im, node);
}

static int cast_constant(struct dh_import *im, const Onnx__NodeProto *node,
			 const struct dh_constant *c, bool to_int)
{
	struct dh_constant out = *c;
	size_t count;
	int ret;

	if (c->is_int == to_int)
		return dh_import_set_constant(im, node, c);
	out.is_int = to_int;
	ret = dh_constant_alloc(&im->scratch, &out);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret || !dh_constant_count(c, &count))
		return dh_import_refuse(im, node,
					"cannot be converted before the length of the input is "
					"known, or has too many elements");
	for (size_t i = 0; i < count; i++) {
		union dh_element element = dh_constant_get(c, i);

		if (to_int && (element.f > -9e18f && element.f < 9e18f))
			((struct dh_sym *)out.data)[i] = dh_sym_known(element.f);
		else if (!to_int && dh_sym_is_known(element.i))
			((float *)out.data)[i] = element.i.add;
		else
			return dh_import_refuse(im, node,
						"this number cannot be converted before the length "
						"of the input is known");
	}
	return dh_import_set_constant(im, node, &out);
}

int dh_import_cast(struct dh_import *im, const Onnx__NodeProto *node)
{
	int64_t to = dh_onnx_int(node, "to", 0);
	struct dh_value *value;
	int ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (to < 0 || to > INT_MAX || !(dh_onnx_is_float(to) || dh_onnx_is_int(to)))
		return dh_import_refuse(im, node,
					"to = %s: only conversions between number types work",
					dh_onnx_type_name(to < 0 || to > 255 ? 0 : to));
	if (value->kind == DH_VALUE_CONSTANT)
		return cast_constant(im, node, &value->constant, dh_onnx_is_int(to));
	if (!dh_onnx_is_float(to))
		return dh_import_refuse(
			im, node, "to = %s: data stay floating-point in the graph; remove the Cast",
			dh_onnx_type_name(to));
	return pass_on(im, node, value);
}

/* --- Transpose --- */

static int read_perm(struct dh_import *im, const Onnx__NodeProto *node, unsigned int rank,
		     unsigned int *perm)
{
	int64_t axes[DH_MAX_RANK];
	unsigned int seen = 0;
	size_t count;
	int ret = dh_import_ints(im, node, SIZE_MAX, "perm", axes, DH_MAX_RANK, &count);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < rank; i++) {
		perm[i] = count ? axes[i] : rank - 1 - i;
		if ((count && (count != rank || axes[i] < 0 || axes[i] >= rank)) ||
		    seen & 1u << perm[i])
			return dh_import_refuse(
				im, node, "perm is not an order of the %u axes of its input", rank);
		seen |= 1u << perm[i];
	}
	return 0;
}

int dh_import_transpose(struct dh_import *im, const Onnx__NodeProto *node)
{
	unsigned int perm[DH_MAX_RANK];
	struct dh_value *value, out;
	struct dh_constant constant;
	int ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (value->kind == DH_VALUE_STATES)
		return pass_states(im, node, value);
	ret = read_perm(im, node,
			value->kind == DH_VALUE_CONSTANT ? value->constant.rank : value->rank,
			perm);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_CONSTANT) {
		if (dh_constant_transpose(&im->scratch, &value->constant, perm, &constant))
			return dh_import_no_memory(im);
		return dh_import_set_constant(im, node, &constant);
	}
	out = *value;
	for (unsigned int i = 0; i < value->rank; i++)
		out.axes[i] = value->axes[perm[i]];
	return dh_import_set_output(im, node, 0, &out);
}

/* --- Squeeze, Unsqueeze --- */

/* Bit per axis named by @axes, in a tensor of @rank. */
static bool axis_mask(const int64_t *axes, size_t count, unsigned int rank, uint32_t *mask)
{
	*mask = 0;
	for (size_t i = 0; i < count; i++) {
		int axis = dh_import_axis_number(axes[i], rank);

		if (axis < 0 || *mask & 1u << axis)
			return false;
		*mask |= 1u << axis;
	}
	return true;
}

/* Squeezing an axis says that its size is 1, also where the graph left it open. */
static bool make_size_one(struct dh_import *im, const struct dh_axis *axis)
{
	for (unsigned int i = 0; i < axis->count; i++) {
		struct dh_length *length = &im->lengths[axis->length[i]];

		if (dh_sym_is_known(length->size) && length->size.add != 1)
			return false;
		length->size = dh_sym_known(1);
	}
	return true;
}

static bool axis_is_one(const struct dh_import *im, const struct dh_axis *axis)
{
	struct dh_sym size;

	return dh_import_axis_size(im, axis, &size) && dh_sym_equal(size, dh_sym_known(1));
}

static int squeeze_data(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_value *value, uint32_t mask, bool all)
{
	struct dh_value out = *value;

	out.rank = 0;
	for (unsigned int i = 0; i < value->rank; i++) {
		if (all ? axis_is_one(im, &value->axes[i]) : mask >> i & 1) {
			if (!make_size_one(im, &value->axes[i]))
				return dh_import_refuse(im, node, "axis %u is longer than 1", i);
		} else {
			out.axes[out.rank++] = value->axes[i];
		}
	}
	return dh_import_set_output(im, node, 0, &out);
}

static int squeeze_constant(struct dh_import *im, const Onnx__NodeProto *node,
			    const struct dh_constant *c, uint32_t mask, bool all)
{
	struct dh_constant out = *c;

	out.rank = 0;
	for (unsigned int i = 0; i < c->rank; i++) {
		bool one = dh_sym_equal(c->dims[i], dh_sym_known(1));

		if (all ? one : mask >> i & 1) {
			if (!one)
				return dh_import_refuse(im, node, "axis %u is longer than 1", i);
		} else {
			out.dims[out.rank++] = c->dims[i];
		}
	}
	return dh_import_set_constant(im, node, &out);
}

int dh_import_squeeze(struct dh_import *im, const Onnx__NodeProto *node)
{
	int64_t axes[DH_MAX_RANK];
	struct dh_value *value;
	uint32_t mask;
	size_t count;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = dh_import_ints(im, node, 1, "axes", axes, DH_MAX_RANK, &count);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_STATES)
		return pass_states(im, node, value);
	if (!axis_mask(axes, count,
		       value->kind == DH_VALUE_CONSTANT ? value->constant.rank : value->rank,
		       &mask))
		return dh_import_refuse(im, node, "axes are not axes of its input");
	if (value->kind == DH_VALUE_CONSTANT)
		return squeeze_constant(im, node, &value->constant, mask, !count);
	return squeeze_data(im, node, value, mask, !count);
}

int dh_import_unsqueeze(struct dh_import *im, const Onnx__NodeProto *node)
{
	int64_t axes[DH_MAX_RANK];
	struct dh_value *value, out;
	unsigned int rank, from = 0;
	uint32_t mask;
	size_t count;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = dh_import_ints(im, node, 1, "axes", axes, DH_MAX_RANK, &count);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_STATES)
		return pass_states(im, node, value);
	rank = (value->kind == DH_VALUE_CONSTANT ? value->constant.rank : value->rank) + count;
	if (rank > DH_MAX_RANK || !axis_mask(axes, count, rank, &mask))
		return dh_import_refuse(
			im, node, "axes are not axes of its output, or there are more than %d",
			DH_MAX_RANK);
	out = *value;
	out.rank = out.constant.rank = rank;
	for (unsigned int i = 0; i < rank; i++) {
		bool added = mask >> i & 1;

		out.axes[i] = added ? (struct dh_axis){ 0 } : value->axes[from];
		out.constant.dims[i] = added ? dh_sym_known(1) : value->constant.dims[from];
		from += !added;
	}
	return pass_on(im, node, &out);
}

/* --- Reshape, Flatten --- */

/* The lengths of data in order, to be dealt out to new axes from both ends. */
struct deal {
	struct dh_import *im;
	uint8_t length[DH_MAX_RANK * DH_MAX_MERGED];
	unsigned int first;
	unsigned int last;
};

static bool put(struct deal *deal, struct dh_axis *axis, uint8_t length, bool at_end)
{
	if (dh_sym_equal(deal->im->lengths[length].size, dh_sym_known(1)) && axis->count)
		return true;
	if (axis->count == 1 &&
	    dh_sym_equal(deal->im->lengths[axis->length[0]].size, dh_sym_known(1)))
		axis->count = 0;
	if (axis->count == DH_MAX_MERGED)
		return false;
	if (!at_end)
		memmove(axis->length + 1, axis->length, axis->count);
	axis->length[at_end ? axis->count : 0] = length;
	axis->count++;
	return true;
}

/* Take lengths from one end until they make up @size. */
static bool take(struct deal *deal, struct dh_sym size, bool from_front, struct dh_axis *axis)
{
	struct dh_sym have = dh_sym_known(1);

	while (!dh_sym_equal(have, size) && deal->first < deal->last) {
		uint8_t length = from_front ? deal->length[deal->first++]
					    : deal->length[--deal->last];

		if (!put(deal, axis, length, from_front) ||
		    !dh_sym_calc('*', have, deal->im->lengths[length].size, &have))
			return false;
	}
	return dh_sym_equal(have, size);
}

static bool take_rest(struct deal *deal, struct dh_axis *axis)
{
	while (deal->first < deal->last) {
		if (!put(deal, axis, deal->length[deal->first++], true))
			return false;
	}
	return true;
}

static bool rest_is_ones(const struct deal *deal)
{
	for (unsigned int i = deal->first; i < deal->last; i++) {
		if (!dh_sym_equal(deal->im->lengths[deal->length[i]].size, dh_sym_known(1)))
			return false;
	}
	return true;
}

static void start_deal(struct deal *deal, struct dh_import *im, const struct dh_value *value)
{
	*deal = (struct deal){ .im = im };
	for (unsigned int i = 0; i < value->rank; i++) {
		memcpy(deal->length + deal->last, value->axes[i].length, value->axes[i].count);
		deal->last += value->axes[i].count;
	}
}

static bool reshape_axes(struct dh_import *im, const struct dh_value *value,
			 const struct dh_sym *dims, unsigned int rank, int infer,
			 struct dh_value *out)
{
	struct deal deal;

	start_deal(&deal, im, value);
	*out = *value;
	out->rank = rank;
	memset(out->axes, 0, sizeof(out->axes));
	for (unsigned int i = 0; i < (infer < 0 ? rank : (unsigned int)infer); i++) {
		if (!take(&deal, dims[i], true, &out->axes[i]))
			return false;
	}
	for (unsigned int i = rank; infer >= 0 && i-- > (unsigned int)infer + 1;) {
		if (!take(&deal, dims[i], false, &out->axes[i]))
			return false;
	}
	return infer >= 0 ? take_rest(&deal, &out->axes[infer]) : rest_is_ones(&deal);
}

static bool reshape_constant(const struct dh_constant *c, struct dh_sym *dims, unsigned int rank,
			     int infer, struct dh_constant *out)
{
	struct dh_sym all = dh_sym_known(1), want = dh_sym_known(1);

	for (unsigned int i = 0; i < c->rank; i++) {
		if (!dh_sym_calc('*', all, c->dims[i], &all))
			return false;
	}
	for (unsigned int i = 0; i < rank; i++) {
		if ((int)i != infer && !dh_sym_calc('*', want, dims[i], &want))
			return false;
	}
	if (infer >= 0 &&
	    (dh_sym_equal(want, dh_sym_known(0)) || !dh_sym_calc('/', all, want, &dims[infer]) ||
	     !dh_sym_calc('*', want, dims[infer], &want)))
		return false;
	*out = *c;
	out->rank = rank;
	memcpy(out->dims, dims, rank * sizeof(*dims));
	return dh_sym_equal(all, want);
}

/* The new shape, with 0 (copy) resolved; @infer is the place of -1. */
static int read_shape(struct dh_import *im, const Onnx__NodeProto *node,
		      const struct dh_value *value, struct dh_sym *dims, unsigned int *rank,
		      int *infer)
{
	unsigned int old_rank = value->kind == DH_VALUE_CONSTANT ? value->constant.rank
								 : value->rank;
	const struct dh_constant *shape;
	size_t count;
	int ret = dh_import_constant_input(im, node, 1, "shape", &shape);

	if (ret)
		return ret;
	if (!shape->is_int || shape->rank != 1 || !dh_constant_count(shape, &count) ||
	    count > DH_MAX_RANK)
		return dh_import_refuse(im, node, "its shape must be a list of at most %d integers",
					DH_MAX_RANK);
	*rank = count;
	*infer = -1;
	for (unsigned int i = 0; i < count; i++) {
		dims[i] = dh_constant_get(shape, i).i;
		if (dh_sym_equal(dims[i], dh_sym_known(-1)) && *infer < 0)
			*infer = i;
		else if (dh_sym_is_known(dims[i]) && dims[i].add < 0)
			return dh_import_refuse(im, node,
						"its shape has a size below 0, or two of -1");
		if (!dh_sym_equal(dims[i], dh_sym_known(0)) || dh_onnx_int(node, "allowzero", 0))
			continue;
		if (i >= old_rank)
			return dh_import_refuse(
				im, node, "its shape copies axis %u, which its input does not have",
				i);
		if (value->kind == DH_VALUE_CONSTANT)
			dims[i] = value->constant.dims[i];
		else if (!dh_import_axis_size(im, &value->axes[i], &dims[i]))
			return dh_import_refuse(im, node, "the size of axis %u is not computable",
						i);
	}
	return 0;
}

int dh_import_reshape(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_sym dims[DH_MAX_RANK];
	struct dh_value *value, out;
	struct dh_constant constant;
	unsigned int rank = 0;
	int infer = -1, ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (value->kind == DH_VALUE_STATES)
		return pass_states(im, node, value);
	ret = read_shape(im, node, value, dims, &rank, &infer);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_CONSTANT) {
		if (!reshape_constant(&value->constant, dims, rank, infer, &constant))
			return dh_import_refuse(im, node,
						"its input does not have the number of elements "
						"that the shape asks for");
		return dh_import_set_constant(im, node, &constant);
	}
	if (!reshape_axes(im, value, dims, rank, infer, &out))
		return dh_import_refuse(im, node,
					"cuts steps, batch or elements in pieces, or fixes a "
					"length that the input leaves open; only "
					"joining axes and adding or dropping axes of size 1 works");
	return dh_import_set_output(im, node, 0, &out);
}

int dh_import_flatten(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_sym dims[2] = { dh_sym_known(1), dh_sym_known(-1) };
	struct dh_value *value, out;
	int axis, ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	if (value->kind != DH_VALUE_DATA)
		return dh_import_refuse(im, node, "flattens something other than data");
	axis = dh_onnx_int(node, "axis", 1) == value->rank
		       ? (int)value->rank
		       : dh_import_axis_number(dh_onnx_int(node, "axis", 1), value->rank);
	if (axis < 0)
		return dh_import_refuse(im, node, "axis is no axis of its input");
	for (int i = 0; i < axis; i++) {
		struct dh_sym size;

		if (!dh_import_axis_size(im, &value->axes[i], &size) ||
		    !dh_sym_calc('*', dims[0], size, &dims[0]))
			return dh_import_refuse(im, node, "the size of axis %d is not computable",
						i);
	}
	if (!reshape_axes(im, value, dims, 2, 1, &out))
		return dh_import_refuse(im, node, "joins more axes than can be followed");
	return dh_import_set_output(im, node, 0, &out);
}

/* --- Slice, Gather: parts of constants, of stacked states, and the last step --- */

static bool is_last(struct dh_sym index, struct dh_sym size)
{
	struct dh_sym next;

	return dh_sym_equal(index, dh_sym_known(-1)) ||
	       (dh_sym_calc('+', index, dh_sym_known(1), &next) && dh_sym_equal(next, size));
}

/* The last step of the sequence is all that goes on from here; @keep leaves an axis of size 1. */
static int last_step(struct dh_import *im, const Onnx__NodeProto *node,
		     const struct dh_value *value, unsigned int axis, bool keep)
{
	struct dh_value out = *value;

	if (dh_import_axis_role(im, &value->axes[axis]) != DH_ROLE_STEP)
		return dh_import_refuse(im, node,
					"takes part of axis %u, which is not the sequence of a "
					"recurrent layer; only the last step of "
					"a sequence can be taken",
					axis);
	out.per_step = false;
	out.axes[axis] = (struct dh_axis){ 0 };
	if (!keep) {
		memmove(out.axes + axis, out.axes + axis + 1,
			(value->rank - axis - 1) * sizeof(out.axes[0]));
		out.rank--;
	}
	return dh_import_set_output(im, node, 0, &out);
}

/* Part of a graph input along axis 0: the states of some layers. */
static int part_of_input(struct dh_import *im, const Onnx__NodeProto *node,
			 const struct dh_value *value, int64_t start, int64_t len, bool keep)
{
	struct dh_value out = *value;
	int length = dh_import_new_length(im, DH_ROLE_OPEN, len);

	if (length < 0)
		return dh_import_refuse(im, node, "too many parts of inputs");
	if (__builtin_add_overflow(out.first, start, &out.first))
		return dh_import_refuse(im, node, "takes a part outside of its input");
	out.sliced = true;
	out.axes[0] = (struct dh_axis){ 1, { length } };
	if (!keep) {
		memmove(out.axes, out.axes + 1, (value->rank - 1) * sizeof(out.axes[0]));
		out.rank--;
	}
	return dh_import_set_output(im, node, 0, &out);
}

struct range {
	int axis;
	struct dh_sym start;
	struct dh_sym end;
};

/* Start and end of a slice counted from the front where @size is known. */
static bool clamp_range(struct range *range, struct dh_sym size)
{
	int64_t n = size.add;

	if (!dh_sym_is_known(size) || !dh_sym_is_known(range->start) ||
	    !dh_sym_is_known(range->end))
		return false;
	for (struct dh_sym *at = &range->start; at; at = at == &range->start ? &range->end : NULL) {
		at->add += at->add < 0 ? n : 0;
		at->add = at->add < 0 ? 0 : at->add > n ? n : at->add;
	}
	if (range->end.add < range->start.add)
		range->end.add = range->start.add;
	return true;
}

static bool is_end(struct dh_sym end, struct dh_sym size)
{
	return dh_sym_equal(end, size) || (dh_sym_is_known(end) && end.add >= INT_MAX);
}

static int slice_data(struct dh_import *im, const Onnx__NodeProto *node,
		      const struct dh_value *value, struct range range)
{
	const struct dh_axis *axis = &value->axes[range.axis];
	struct dh_sym size;

	if (!dh_import_axis_size(im, axis, &size))
		return dh_import_refuse(im, node, "the size of axis %d is not computable",
					range.axis);
	if (is_end(range.end, size) && dh_sym_equal(range.start, dh_sym_known(0)))
		return pass_on(im, node, value);
	if (is_end(range.end, size) && is_last(range.start, size) &&
	    dh_import_axis_role(im, axis) == DH_ROLE_STEP)
		return last_step(im, node, value, range.axis, true);
	if (clamp_range(&range, size)) {
		int64_t len = range.end.add - range.start.add;

		if (!range.start.add && len == size.add)
			return pass_on(im, node, value);
		if (range.end.add == size.add && len == 1 &&
		    dh_import_axis_role(im, axis) == DH_ROLE_STEP)
			return last_step(im, node, value, range.axis, true);
	}
	if (value->input >= 0 && !range.axis && dh_sym_is_known(range.start) &&
	    dh_sym_is_known(range.end) && range.start.add >= 0 && range.end.add > range.start.add)
		return part_of_input(im, node, value, range.start.add,
				     range.end.add - range.start.add, true);
	return dh_import_refuse(im, node,
				"takes part of the data along axis %d; only the last step of a "
				"sequence can be taken",
				range.axis);
}

static int slice_constant(struct dh_import *im, const Onnx__NodeProto *node, struct dh_constant *c,
			  struct range range)
{
	struct dh_constant out;

	if (!clamp_range(&range, c->dims[range.axis]))
		return dh_import_refuse(
			im, node, "cannot be computed before the length of the input is known");
	if (dh_constant_slice(&im->scratch, c, range.axis, range.start.add,
			      range.end.add - range.start.add, &out))
		return dh_import_no_memory(im);
	*c = out;
	return 0;
}

/*
 * List @input of integers (unknown lengths allowed), which was attribute @name before operator set
 * 10.
 */
static int read_list(struct dh_import *im, const Onnx__NodeProto *node, size_t input,
		     const char *name, struct dh_sym *out, size_t *count)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, name);
	const struct dh_constant *c;
	int ret;

	*count = 0;
	if (im->opset < 10) {
		if (attribute && attribute->n_ints > DH_MAX_RANK)
			return dh_import_refuse(im, node,
						"attribute %s has %zu values, more than %d", name,
						attribute->n_ints, DH_MAX_RANK);
		for (; attribute && *count < attribute->n_ints; ++*count)
			out[*count] = dh_sym_known(attribute->ints[*count]);
		return 0;
	}
	if (!dh_import_has_input(node, input))
		return 0;
	ret = dh_import_constant_input(im, node, input, name, &c);
	if (ret)
		return ret;
	if (!c->is_int || c->rank > 1 || !dh_constant_count(c, count) || *count > DH_MAX_RANK)
		return dh_import_refuse(im, node, "%s must be a list of at most %d integers", name,
					DH_MAX_RANK);
	for (size_t i = 0; i < *count; i++)
		out[i] = dh_constant_get(c, i).i;
	return 0;
}

static int read_ranges(struct dh_import *im, const Onnx__NodeProto *node, unsigned int rank,
		       struct range *ranges, size_t *count)
{
	struct dh_sym starts[DH_MAX_RANK], ends[DH_MAX_RANK], axes[DH_MAX_RANK], steps[DH_MAX_RANK];
	size_t end_count, axis_count, step_count;
	int ret = read_list(im, node, 1, "starts", starts, count);

	if (!ret)
		ret = read_list(im, node, 2, "ends", ends, &end_count);
	if (!ret)
		ret = read_list(im, node, 3, "axes", axes, &axis_count);
	if (!ret)
		ret = read_list(im, node, 4, "steps", steps, &step_count);
	if (ret)
		return ret;
	if (*count != end_count || (axis_count && axis_count != *count))
		return dh_import_refuse(im, node, "starts, ends and axes are not equally long");
	for (size_t i = 0; i < *count; i++) {
		int axis = axis_count ? dh_import_axis_number(dh_sym_is_known(axes[i]) ? axes[i].add
										       : INT64_MAX,
							      rank)
			   : i < rank ? (int)i
				      : -1;

		if (axis < 0)
			return dh_import_refuse(im, node, "axes are not axes of its input");
		if (i < step_count && !dh_sym_equal(steps[i], dh_sym_known(1)))
			return dh_import_refuse(im, node, "steps other than 1 are not supported");
		ranges[i] = (struct range){ axis, starts[i], ends[i] };
	}
	return 0;
}

static unsigned int rank_of(const struct dh_value *value)
{
	return value->kind == DH_VALUE_CONSTANT ? value->constant.rank
	       : value->kind == DH_VALUE_STATES ? 3
						: value->rank;
}

static int slice_states(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_value *value, struct range *ranges, size_t count)
{
	if (count != 1 || ranges[0].axis ||
	    !clamp_range(&ranges[0], dh_sym_known(value->part_count)) ||
	    ranges[0].end.add != ranges[0].start.add + 1)
		return pass_states(im, node, value);
	return one_state(im, node, value, 0, ranges[0].start.add, true);
}

int dh_import_slice(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct range ranges[DH_MAX_RANK];
	struct dh_constant constant;
	struct dh_value *value;
	size_t count;
	int ret = dh_import_input(im, node, 0, &value);

	if (ret)
		return ret;
	ret = read_ranges(im, node, rank_of(value), ranges, &count);
	if (ret)
		return ret;
	if (value->kind == DH_VALUE_STATES)
		return slice_states(im, node, value, ranges, count);
	if (value->kind == DH_VALUE_DATA) {
		if (count != 1)
			return dh_import_refuse(im, node,
						"takes part of the data along %zu axes; only the "
						"last step of a sequence can be taken",
						count);
		return slice_data(im, node, value, ranges[0]);
	}
	constant = value->constant;
	for (size_t i = 0; !ret && i < count; i++)
		ret = slice_constant(im, node, &constant, ranges[i]);
	return ret ? ret : dh_import_set_constant(im, node, &constant);
}

/* Constant indices: the slices, one after the other; a single index also loses the axis. */
static int gather_constant(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_constant *c, unsigned int axis,
			   const struct dh_constant *indices)
{
	struct dh_constant out, *slices;
	const struct dh_constant **parts;
	size_t count;
	int ret;

	if (!dh_sym_is_known(c->dims[axis]) || indices->rank > 1 ||
	    !dh_constant_count(indices, &count) || !count)
		return dh_import_refuse(
			im, node,
			"its indices must be a number or a list, along an axis of known size");
	slices = dh_arena_alloc(&im->scratch, count, sizeof(*slices));
	parts = dh_arena_alloc(&im->scratch, count, sizeof(*parts));
	if (!slices || !parts)
		return dh_import_no_memory(im);
	for (size_t i = 0; i < count; i++) {
		struct dh_sym index = dh_constant_get(indices, i).i;

		index.add += index.add < 0 ? c->dims[axis].add : 0;
		if (!dh_sym_is_known(index) || index.add < 0 || index.add >= c->dims[axis].add)
			return dh_import_refuse(im, node, "index %zu is outside of its data", i);
		if (dh_constant_slice(&im->scratch, c, axis, index.add, 1, &slices[i]))
			return dh_import_no_memory(im);
		parts[i] = &slices[i];
	}
	ret = dh_constant_concat(&im->scratch, parts, count, axis, &out);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret)
		return dh_import_refuse(im, node,
					"cannot be computed before the length of the input is "
					"known, or has too many elements");
	if (!indices->rank) {
		memmove(out.dims + axis, out.dims + axis + 1,
			(out.rank - axis - 1) * sizeof(out.dims[0]));
		out.rank--;
	}
	return dh_import_set_constant(im, node, &out);
}

static int gather_data(struct dh_import *im, const Onnx__NodeProto *node,
		       const struct dh_value *value, unsigned int axis,
		       const struct dh_constant *indices)
{
	struct dh_sym size, index;
	size_t count;

	if (indices->rank > 1 || !dh_constant_count(indices, &count) || count != 1 ||
	    !dh_import_axis_size(im, &value->axes[axis], &size))
		return dh_import_refuse(im, node,
					"takes a choice of the data along axis %u; only the last "
					"step of a sequence can be taken",
					axis);
	index = dh_constant_get(indices, 0).i;
	if (value->input >= 0 && !axis && dh_sym_is_known(index) && index.add >= 0)
		return part_of_input(im, node, value, index.add, 1, indices->rank);
	if (!is_last(index, size))
		return dh_import_refuse(im, node,
					"takes one element of axis %u, not the last; only the last "
					"step of a sequence can be taken",
					axis);
	return last_step(im, node, value, axis, indices->rank);
}

int dh_import_gather(struct dh_import *im, const Onnx__NodeProto *node)
{
	const struct dh_constant *indices;
	struct dh_value *value;
	size_t count;
	int axis, ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = dh_import_constant_input(im, node, 1, "indices", &indices);
	if (ret)
		return ret;
	axis = dh_import_axis_number(dh_onnx_int(node, "axis", 0), rank_of(value));
	if (axis < 0 || !indices->is_int)
		return dh_import_refuse(
			im, node, "axis is no axis of its input, or its indices are no integers");
	if (value->kind == DH_VALUE_STATES && indices->rank <= 1 &&
	    dh_constant_count(indices, &count) && count == 1 &&
	    dh_sym_is_known(dh_constant_get(indices, 0).i))
		return one_state(im, node, value, axis, dh_constant_get(indices, 0).i.add,
				 indices->rank);
	if (value->kind == DH_VALUE_STATES)
		return pass_states(im, node, value);
	if (value->kind == DH_VALUE_CONSTANT)
		return gather_constant(im, node, &value->constant, axis, indices);
	return gather_data(im, node, value, axis, indices);
}
