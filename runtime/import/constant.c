// SPDX-License-Identifier: MIT
/* Arithmetic and data movement on constants. */
#include <errno.h>
#include <string.h>

#include "import/constant.h"

#define MAX_ELEMENTS ((size_t)1 << 24)

static bool sym_add(struct dh_sym a, struct dh_sym b, struct dh_sym *out)
{
	if (a.coef && b.coef && a.lengths != b.lengths)
		return false;
	out->lengths = a.lengths | b.lengths;
	if (__builtin_add_overflow(a.add, b.add, &out->add) ||
	    __builtin_add_overflow(a.coef, b.coef, &out->coef))
		return false;
	if (!out->coef)
		out->lengths = 0;
	return true;
}

static bool sym_scale(struct dh_sym a, int64_t factor, struct dh_sym *out)
{
	if (__builtin_mul_overflow(a.add, factor, &out->add) ||
	    __builtin_mul_overflow(a.coef, factor, &out->coef))
		return false;
	out->lengths = out->coef ? a.lengths : 0;
	return true;
}

static bool sym_mul(struct dh_sym a, struct dh_sym b, struct dh_sym *out)
{
	if (dh_sym_is_known(a))
		return sym_scale(b, a.add, out);
	if (dh_sym_is_known(b))
		return sym_scale(a, b.add, out);
	if (a.add || b.add || a.lengths & b.lengths)
		return false;
	*out = (struct dh_sym){ .lengths = a.lengths | b.lengths };
	return !__builtin_mul_overflow(a.coef, b.coef, &out->coef);
}

static bool sym_div(struct dh_sym a, struct dh_sym b, struct dh_sym *out)
{
	if (dh_sym_is_known(b)) {
		if (b.add <= 0 || a.add < 0 || a.coef % b.add || (a.coef && a.add % b.add))
			return false;
		*out = (struct dh_sym){ a.add / b.add, a.coef / b.add, a.lengths };
		return true;
	}
	if (a.add || b.add || (a.lengths & b.lengths) != b.lengths || a.coef == INT64_MIN ||
	    a.coef % b.coef)
		return false;
	*out = (struct dh_sym){ .coef = a.coef / b.coef, .lengths = a.lengths & ~b.lengths };
	if (!out->lengths)
		*out = dh_sym_known(out->coef);
	return true;
}

bool dh_sym_calc(char op, struct dh_sym a, struct dh_sym b, struct dh_sym *out)
{
	struct dh_sym negative;

	switch (op) {
	case '+':
		return sym_add(a, b, out);
	case '-':
		return sym_scale(b, -1, &negative) && sym_add(a, negative, out);
	case '*':
		return sym_mul(a, b, out);
	default:
		return sym_div(a, b, out);
	}
}

bool dh_constant_count(const struct dh_constant *c, size_t *count)
{
	*count = 1;
	for (unsigned int i = 0; i < c->rank; i++) {
		if (!dh_sym_is_known(c->dims[i]) || c->dims[i].add < 0 ||
		    __builtin_mul_overflow(*count, (size_t)c->dims[i].add, count) ||
		    *count > MAX_ELEMENTS)
			return false;
	}
	return true;
}

union dh_element dh_constant_get(const struct dh_constant *c, size_t index)
{
	union dh_element element = c->fill;

	if (c->data)
		memcpy(&element, (const char *)c->data + index * dh_constant_element_size(c),
		       dh_constant_element_size(c));
	return element;
}

int dh_constant_alloc(struct dh_arena *arena, struct dh_constant *c)
{
	size_t count;

	if (!dh_constant_count(c, &count))
		return -EINVAL;
	/* an empty tensor has data too, so that it is not taken for a fill */
	c->data = dh_arena_alloc(arena, count ? count : 1, dh_constant_element_size(c));
	return c->data ? 0 : -ENOMEM;
}

int dh_constant_floats(struct dh_arena *arena, const struct dh_constant *c, const float **data,
		       size_t *count)
{
	struct dh_constant full = *c;
	float *filled;
	int ret = 0;

	if (c->is_int || !dh_constant_count(c, count))
		return -EINVAL;
	*data = c->data;
	if (c->data)
		return 0;
	ret = dh_constant_alloc(arena, &full);
	*data = filled = full.data;
	for (size_t i = 0; !ret && i < *count; i++)
		filled[i] = c->fill.f;
	return ret;
}

bool dh_constant_is_zero(const struct dh_constant *c)
{
	const float *data = c->data;
	size_t count;

	if (c->is_int)
		return false;
	if (!data)
		return c->fill.f == 0;
	if (!dh_constant_count(c, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

static void strides_of(const struct dh_constant *c, size_t *strides)
{
	size_t stride = 1;

	for (unsigned int i = c->rank; i-- > 0;) {
		strides[i] = stride;
		stride *= c->dims[i].add;
	}
}

/* Element k of @out, counted in C order, is the one of @c at @base + sum of index * @strides. */
static void gather(const struct dh_constant *c, size_t base, const size_t *strides,
		   struct dh_constant *out)
{
	size_t size = dh_constant_element_size(c), index[DH_MAX_RANK] = { 0 }, count, from = base;

	dh_constant_count(out, &count);
	for (size_t k = 0; k < count; k++) {
		memcpy((char *)out->data + k * size, (const char *)c->data + from * size, size);
		for (unsigned int axis = out->rank; axis-- > 0;) {
			from += strides[axis];
			if (++index[axis] < (size_t)out->dims[axis].add)
				break;
			from -= strides[axis] * index[axis];
			index[axis] = 0;
		}
	}
}

int dh_constant_transpose(struct dh_arena *arena, const struct dh_constant *c,
			  const unsigned int *perm, struct dh_constant *out)
{
	size_t strides[DH_MAX_RANK], permuted[DH_MAX_RANK];
	int ret;

	*out = *c;
	for (unsigned int i = 0; i < c->rank; i++)
		out->dims[i] = c->dims[perm[i]];
	if (!c->data)
		return 0;
	strides_of(c, strides);
	for (unsigned int i = 0; i < c->rank; i++)
		permuted[i] = strides[perm[i]];
	ret = dh_constant_alloc(arena, out);
	if (!ret)
		gather(c, 0, permuted, out);
	return ret;
}

int dh_constant_slice(struct dh_arena *arena, const struct dh_constant *c, unsigned int axis,
		      int64_t start, int64_t len, struct dh_constant *out)
{
	size_t strides[DH_MAX_RANK];
	int ret;

	*out = *c;
	out->dims[axis] = dh_sym_known(len);
	if (!c->data)
		return 0;
	strides_of(c, strides);
	ret = dh_constant_alloc(arena, out);
	if (!ret)
		gather(c, start * strides[axis], strides, out);
	return ret;
}

static bool all_fill_the_same(const struct dh_constant *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i]->data || parts[i]->is_int || parts[i]->fill.f != parts[0]->fill.f)
			return false;
	}
	return true;
}

static void copy_part(const struct dh_constant *part, unsigned int axis, size_t at,
		      struct dh_constant *out)
{
	size_t size = dh_constant_element_size(out), inner = 1, outer = 1,
	       rows = part->dims[axis].add;

	for (unsigned int i = 0; i < axis; i++)
		outer *= out->dims[i].add;
	for (unsigned int i = axis + 1; i < out->rank; i++)
		inner *= out->dims[i].add;
	for (size_t o = 0; o < outer; o++) {
		for (size_t k = 0; k < rows * inner; k++) {
			union dh_element element = dh_constant_get(part, o * rows * inner + k);

			memcpy((char *)out->data +
				       ((o * out->dims[axis].add + at) * inner + k) * size,
			       &element, size);
		}
	}
}

int dh_constant_concat(struct dh_arena *arena, const struct dh_constant *const *parts, size_t count,
		       unsigned int axis, struct dh_constant *out)
{
	size_t at = 0, elements;
	int ret;

	*out = *parts[0];
	out->dims[axis] = dh_sym_known(0);
	for (size_t i = 0; i < count; i++) {
		if (!dh_sym_calc('+', out->dims[axis], parts[i]->dims[axis], &out->dims[axis]))
			return -EINVAL;
	}
	if (all_fill_the_same(parts, count))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!dh_constant_count(parts[i], &elements))
			return -EINVAL;
	}
	ret = dh_constant_alloc(arena, out);
	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		copy_part(parts[i], axis, at, out);
		at += parts[i]->dims[axis].add;
	}
	return 0;
}

/* A constant of equal elements, as a fill: that can have any size. */
static struct dh_constant as_fill(const struct dh_constant *c)
{
	struct dh_constant fill = *c;
	size_t count, size = dh_constant_element_size(c);

	if (!c->data || !dh_constant_count(c, &count) || !count)
		return fill;
	for (size_t i = 1; i < count; i++) {
		if (memcmp(c->data, (const char *)c->data + i * size, size))
			return fill;
	}
	fill.fill = dh_constant_get(c, 0);
	fill.data = NULL;
	return fill;
}

/* Size of an axis when one of size @a meets one of size @b. */
static bool broadcast_dim(struct dh_sym a, struct dh_sym b, struct dh_sym *out)
{
	bool a_is_one = dh_sym_equal(a, dh_sym_known(1));

	*out = a_is_one ? b : a;
	return a_is_one || dh_sym_equal(b, dh_sym_known(1)) || dh_sym_equal(a, b);
}

int dh_constant_broadcast(struct dh_arena *arena, const struct dh_constant *c, unsigned int rank,
			  const struct dh_sym *dims, struct dh_constant *out)
{
	size_t strides[DH_MAX_RANK], spread[DH_MAX_RANK] = { 0 };
	struct dh_constant full = as_fill(c);
	unsigned int lead;
	int ret;

	c = &full;
	*out = *c;
	out->rank = rank > c->rank ? rank : c->rank;
	lead = out->rank - c->rank;
	if (c->data)
		strides_of(c, strides);
	for (unsigned int i = 0; i < out->rank; i++) {
		struct dh_sym want = i < out->rank - rank ? dh_sym_known(1)
							  : dims[i - (out->rank - rank)];
		struct dh_sym have = i < lead ? dh_sym_known(1) : c->dims[i - lead];

		if (!broadcast_dim(have, want, &out->dims[i]))
			return -EINVAL;
		if (c->data && i >= lead && have.add != 1)
			spread[i] = strides[i - lead];
	}
	if (!c->data)
		return 0;
	ret = dh_constant_alloc(arena, out);
	if (!ret)
		gather(c, 0, spread, out);
	return ret;
}

static bool calc_element(char op, bool is_int, union dh_element a, union dh_element b,
			 union dh_element *out)
{
	if (is_int)
		return dh_sym_calc(op, a.i, b.i, &out->i);
	out->f = op == '+' ? a.f + b.f : op == '-' ? a.f - b.f : op == '*' ? a.f * b.f : a.f / b.f;
	return __builtin_isfinite(out->f);
}

int dh_constant_calc(struct dh_arena *arena, char op, const struct dh_constant *a,
		     const struct dh_constant *b, struct dh_constant *out)
{
	struct dh_constant left, right;
	size_t count;
	int ret = a->is_int == b->is_int ? 0 : -EINVAL;

	if (!ret)
		ret = dh_constant_broadcast(arena, a, b->rank, b->dims, &left);
	if (!ret)
		ret = dh_constant_broadcast(arena, b, left.rank, left.dims, &right);
	if (ret)
		return ret;
	*out = left;
	if (!left.data && !right.data)
		return calc_element(op, a->is_int, left.fill, right.fill, &out->fill) ? 0 : -EINVAL;
	ret = dh_constant_alloc(arena, out);
	if (ret)
		return ret;
	dh_constant_count(out, &count);
	for (size_t k = 0; k < count; k++) {
		union dh_element element;

		if (!calc_element(op, a->is_int, dh_constant_get(&left, k),
				  dh_constant_get(&right, k), &element))
			return -EINVAL;
		memcpy((char *)out->data + k * dh_constant_element_size(out), &element,
		       dh_constant_element_size(out));
	}
	return 0;
}
