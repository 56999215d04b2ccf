// SPDX-License-Identifier: MIT
/* Products of matrices: tiles of the result stay in registers while k runs. */
#include "network/product.h"

#define TILE_ROWS 4
#define TILE_COLS 8
#define LANES	  4
/* Elements of b in a block: they should stay in the second level of the cache. */
#define BLOCK 65536

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline __attribute__((always_inline)) void tile(const struct dh_product *p, size_t row,
						       size_t col, size_t rows)
{
	lanes sum[TILE_ROWS][TILE_COLS / LANES];
	const float *a = p->a + row * p->a_row, *b = p->b + col;
	float *c = p->c + row * p->c_row + col;

#pragma GCC unroll 4
	for (size_t r = 0; r < rows; r++) {
		sum[r][0] = *(const lanes *)(c + r * p->c_row);
		sum[r][1] = *(const lanes *)(c + r * p->c_row + LANES);
	}
	for (size_t k = 0; k < p->depth; k++) {
		lanes b0 = *(const lanes *)(b + k * p->b_row);
		lanes b1 = *(const lanes *)(b + k * p->b_row + LANES);

#pragma GCC unroll 4
		for (size_t r = 0; r < rows; r++) {
			float factor = a[r * p->a_row + k * p->a_col];

			sum[r][0] += factor * b0;
			sum[r][1] += factor * b1;
		}
	}
#pragma GCC unroll 4
	for (size_t r = 0; r < rows; r++) {
		*(lanes *)(c + r * p->c_row) = sum[r][0];
		*(lanes *)(c + r * p->c_row + LANES) = sum[r][1];
	}
}

/* Columns from @col on that do not fill a tile. */
static void rest(const struct dh_product *p, size_t col)
{
	for (size_t row = 0; row < p->rows; row++) {
		const float *a = p->a + row * p->a_row;

		for (size_t n = col; n < p->cols; n++) {
			float sum = p->c[row * p->c_row + n];

			for (size_t k = 0; k < p->depth; k++)
				sum += a[k * p->a_col] * p->b[k * p->b_row + n];
			p->c[row * p->c_row + n] = sum;
		}
	}
}

void dh_product(const struct dh_product *p)
{
	size_t col = 0;

	for (; col + TILE_COLS <= p->cols; col += TILE_COLS) {
		size_t row = 0;

		for (; row + TILE_ROWS <= p->rows; row += TILE_ROWS)
			tile(p, row, col, TILE_ROWS);
		for (; row < p->rows; row++)
			tile(p, row, col, 1);
	}
	if (col < p->cols)
		rest(p, col);
}

float dh_dot(const float *a, const float *b, size_t count)
{
	lanes low = { 0 }, high = { 0 };
	size_t i = 0;
	float sum;

	for (; i + TILE_COLS <= count; i += TILE_COLS) {
		low += *(const lanes *)(a + i) * *(const lanes *)(b + i);
		high += *(const lanes *)(a + i + LANES) * *(const lanes *)(b + i + LANES);
	}
	low += high;
	sum = (low[0] + low[1]) + (low[2] + low[3]);
	for (; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

size_t dh_product_block(size_t depth, size_t cols)
{
	size_t block = (depth < BLOCK / 16 ? BLOCK / (depth ? depth : 1) : 16) & ~(size_t)7;

	return block < cols ? block : cols;
}
