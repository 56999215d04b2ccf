/* SPDX-License-Identifier: MIT */
/*
 * Products of float matrices, what convolution and dense layers come down to. Every element is summed
 * in order of k, so that the result does not depend on how the work is cut.
 */
#ifndef DELTAHOP_PRODUCT_H
#define DELTAHOP_PRODUCT_H

#include <stddef.h>

/**
 * struct dh_product - c[m][n] += sum over k of a[m][k] * b[k][n]
 * @a_row: from one row of @a to the next; @a_col: from one column to the next
 * @b_row: from one row of @b to the next; its columns, and those of @c, are adjacent
 */
struct dh_product {
	size_t rows, cols, depth;
	const float *a;
	size_t a_row, a_col;
	const float *b;
	size_t b_row;
	float *c;
	size_t c_row;
};

/** dh_product() - compute it */
void dh_product(const struct dh_product *p);

/** dh_dot() - sum of products of @count elements, in eight sums that are added at last */
float dh_dot(const float *a, const float *b, size_t count);

/** dh_product_block() - how many columns of @depth rows are well worked on together */
size_t dh_product_block(size_t depth, size_t cols);

#endif /* DELTAHOP_PRODUCT_H */
