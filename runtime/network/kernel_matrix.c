// SPDX-License-Identifier: MIT
/* Kernels of matrix products. */
#include <string.h>

#include "network/product.h"
#include "network/walk.h"

/* --- Gemm --- */

static size_t depth_of(const struct dh_net *net, const struct dh_net_node *node)
{
	const struct dh_net_tensor *a = &net->tensors[node->inputs[0]];

	return node->op == DH_NET_GEMM ? a->dims[!node->attr.gemm.trans_a] : a->dims[a->rank - 1];
}

size_t dh_scratch_gemm(const struct dh_net *net, const struct dh_net_node *node)
{
	size_t cols = net->tensors[node->outputs[0]].dims[1], depth = depth_of(net, node);

	return node->attr.gemm.trans_b ? depth * dh_product_block(depth, cols) * sizeof(float) : 0;
}

uint64_t dh_work_gemm(const struct dh_net *net, const struct dh_net_node *node)
{
	return (uint64_t)dh_net_elements(&net->tensors[node->outputs[0]]) * depth_of(net, node);
}

/* Columns @first and up of the transposed b, as rows of adjacent columns. */
static void turn(const float *b, size_t depth, size_t first, size_t cols, float *to)
{
	for (size_t col = 0; col < cols; col++) {
		for (size_t k = 0; k < depth; k++)
			to[k * cols + col] = b[(first + col) * depth + k];
	}
}

static void multiply(const struct dh_kernel *k, size_t rows, size_t cols, float *y)
{
	bool trans_a = k->node->attr.gemm.trans_a, trans_b = k->node->attr.gemm.trans_b;
	size_t depth = depth_of(k->net, k->node);
	size_t block = trans_b ? dh_product_block(depth, cols) : cols;
	const float *b = dh_kernel_read(k, 1);

	for (size_t first = 0; first < cols; first += block) {
		size_t count = cols - first < block ? cols - first : block;
		struct dh_product product = {
			.rows = rows,
			.cols = count,
			.depth = depth,
			.a = dh_kernel_read(k, 0),
			.a_row = trans_a ? 1 : depth,
			.a_col = trans_a ? rows : 1,
			.b = trans_b ? k->scratch : b,
			.b_row = count,
			.c = y + first,
			.c_row = cols,
		};

		if (trans_b)
			turn(b, depth, first, count, k->scratch);
		dh_product(&product);
	}
}

void dh_kernel_gemm(const struct dh_kernel *k)
{
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	const struct dh_net_tensor *c = dh_kernel_has(k, 2) ? dh_kernel_in(k, 2) : NULL;
	size_t rows = out->dims[0], cols = out->dims[1];
	size_t c_row = c && c->rank == 2 && c->dims[0] > 1 ? c->dims[1] : 0;
	size_t c_col = c && c->rank && c->dims[c->rank - 1] > 1;
	float alpha = k->node->attr.gemm.alpha, beta = k->node->attr.gemm.beta;
	const float *add = dh_kernel_maybe(k, 2);
	float *y = dh_kernel_write(k, 0);

	memset(y, 0, dh_net_bytes(out));
	multiply(k, rows, cols, y);
	for (size_t row = 0; row < rows; row++) {
		for (size_t col = 0; col < cols; col++, y++)
			*y = alpha * *y + (add ? beta * add[row * c_row + col * c_col] : 0);
	}
}

/* --- MatMul --- */

/* The axes before the matrices, with the elements of a matrix as unit of the innermost. */
static bool walk_stack(const struct dh_kernel *k, uint32_t lead, struct dh_walk *walk)
{
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	ptrdiff_t strides[2][DH_NET_MAX_RANK];

	*walk = dh_walk_begin(2);
	for (uint32_t i = 0; i < 2; i++)
		dh_walk_strides(dh_kernel_in(k, i), strides[i]);
	for (uint32_t axis = 0; axis < lead; axis++) {
		ptrdiff_t step[DH_WALK_MAX_INPUTS] = { 0 };

		for (uint32_t i = 0; i < 2; i++) {
			const struct dh_net_tensor *in = dh_kernel_in(k, i);
			uint32_t own = in->rank > 2 ? in->rank - 2 : 0;

			if (axis + own >= lead && in->dims[axis + own - lead] != 1)
				step[i] = strides[i][axis + own - lead];
		}
		dh_walk_axis(walk, out->dims[axis], step);
	}
	return dh_walk_start(walk);
}

void dh_kernel_matmul(const struct dh_kernel *k)
{
	const struct dh_net_tensor *a = dh_kernel_in(k, 0), *b = dh_kernel_in(k, 1);
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	size_t depth = depth_of(k->net, k->node);
	struct dh_product product = {
		.rows = a->rank >= 2 ? a->dims[a->rank - 2] : 1,
		.cols = b->rank >= 2 ? b->dims[b->rank - 1] : 1,
		.depth = depth,
		.a_row = depth,
		.a_col = 1,
	};
	struct dh_walk walk;

	product.b_row = product.c_row = product.cols;
	product.c = dh_kernel_write(k, 0);
	memset(product.c, 0, dh_net_bytes(out));
	if (!walk_stack(k, out->rank - (a->rank >= 2) - (b->rank >= 2), &walk))
		return;
	do {
		for (ptrdiff_t i = 0; i < (ptrdiff_t)walk.span; i++) {
			product.a =
				(const float *)dh_kernel_read(k, 0) + walk.at[0] + i * walk.step[0];
			product.b =
				(const float *)dh_kernel_read(k, 1) + walk.at[1] + i * walk.step[1];
			dh_product(&product);
			product.c += product.rows * product.cols;
		}
	} while (dh_walk_next(&walk));
}
