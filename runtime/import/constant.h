/* SPDX-License-Identifier: MIT */
/*
 * Constants of an ONNX graph while it is imported: float tensors, and integer tensors whose
 * elements may contain lengths that are not known yet (steps of the sequence, size of the
 * batch). Memory comes from an arena.
 */
#ifndef DELTAHOP_CONSTANT_H
#define DELTAHOP_CONSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define DH_MAX_RANK 8

/**
 * struct dh_sym - an integer: @add + @coef * product of the lengths in @lengths
 * @lengths: bit per unknown length; 0 when @coef is 0
 */
struct dh_sym {
	int64_t add;
	int64_t coef;
	uint32_t lengths;
};

/** dh_sym_known() - a plain number */
static inline struct dh_sym dh_sym_known(int64_t value)
{
	return (struct dh_sym){ .add = value };
}

/** dh_sym_length() - unknown length @index (0..31) */
static inline struct dh_sym dh_sym_length(unsigned int index)
{
	return (struct dh_sym){ .coef = 1, .lengths = 1u << index };
}

/** dh_sym_is_known() - is it a plain number? Then it is @sym.add */
static inline bool dh_sym_is_known(struct dh_sym sym)
{
	return !sym.coef;
}

/** dh_sym_equal() - the same for every length? */
static inline bool dh_sym_equal(struct dh_sym a, struct dh_sym b)
{
	return a.add == b.add && a.coef == b.coef && a.lengths == b.lengths;
}

/**
 * dh_sym_calc() - a @op b with @op of "+-*" and "/" (rounding down as far as known to be exact);
 * false: not expressible
 */
bool dh_sym_calc(char op, struct dh_sym a, struct dh_sym b, struct dh_sym *out);

/** union dh_element - of a constant */
union dh_element {
	float f;
	struct dh_sym i;
};

/**
 * struct dh_constant - a tensor
 * @is_int: elements are &struct dh_sym, else float
 * @rank: dimensions
 * @dims: their sizes; only a constant without @data may have unknown ones
 * @data: elements in C order, or NULL: all are @fill
 * @fill: see @data
 */
struct dh_constant {
	bool is_int;
	unsigned int rank;
	struct dh_sym dims[DH_MAX_RANK];
	void *data;
	union dh_element fill;
};

/** dh_constant_count() - number of elements; false: a dimension is unknown, or too many */
bool dh_constant_count(const struct dh_constant *c, size_t *count);

/** dh_constant_element_size() - bytes of an element */
static inline size_t dh_constant_element_size(const struct dh_constant *c)
{
	return c->is_int ? sizeof(struct dh_sym) : sizeof(float);
}

/** dh_constant_get() - element @index in C order */
union dh_element dh_constant_get(const struct dh_constant *c, size_t index);

/*
 * What follows returns 0; -ENOMEM: out of memory, or over the limit of @arena; -EINVAL: as said.
 */

/**
 * dh_constant_alloc() - give @c memory for all its elements, by its dimensions; -EINVAL: unknown
 * ones, or too many elements
 */
int dh_constant_alloc(struct dh_arena *arena, struct dh_constant *c);

/**
 * dh_constant_floats() - all elements as an array (a fill is written out); -EINVAL: not float, of
 * unknown size, or too many elements
 */
int dh_constant_floats(struct dh_arena *arena, const struct dh_constant *c, const float **data,
		       size_t *count);

/** dh_constant_is_zero() - a float constant of zeros? */
bool dh_constant_is_zero(const struct dh_constant *c);

/** dh_constant_transpose() - axis @k of the result is axis @perm[k] */
int dh_constant_transpose(struct dh_arena *arena, const struct dh_constant *c,
			  const unsigned int *perm, struct dh_constant *out);

/** dh_constant_slice() - @len elements from @start along @axis, whose size is known */
int dh_constant_slice(struct dh_arena *arena, const struct dh_constant *c, unsigned int axis,
		      int64_t start, int64_t len, struct dh_constant *out);

/**
 * dh_constant_concat() - @parts one after the other along @axis, types and other sizes already
 * checked; -EINVAL: of unknown size, or too many elements
 */
int dh_constant_concat(struct dh_arena *arena, const struct dh_constant *const *parts, size_t count,
		       unsigned int axis, struct dh_constant *out);

/**
 * dh_constant_broadcast() - to @rank and @dims by ONNX's rule; -EINVAL: does not fit, or too many
 * elements
 */
int dh_constant_broadcast(struct dh_arena *arena, const struct dh_constant *c, unsigned int rank,
			  const struct dh_sym *dims, struct dh_constant *out);

/**
 * dh_constant_calc() - elementwise @op of "+-*" and "/" with broadcasting; -EINVAL: not computable
 */
int dh_constant_calc(struct dh_arena *arena, char op, const struct dh_constant *a,
		     const struct dh_constant *b, struct dh_constant *out);

#endif /* DELTAHOP_CONSTANT_H */
