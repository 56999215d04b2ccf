// SPDX-License-Identifier: MIT
/* Kernel of convolution: the windows of a block of outputs, side by side, times the weights. */
#include <string.h>

#include "network/op.h"
#include "network/product.h"

/* A convolution of one group of one map. */
struct conv {
	const struct dh_net_window *window;
	struct dh_map in;  /* channels: of the group */
	struct dh_map out; /* likewise */
	size_t depth;	   /* weights of an output */
};

static struct conv conv_of(const struct dh_net *net, const struct dh_net_node *node)
{
	uint32_t group = node->attr.conv.group;
	struct conv c = { .window = &node->attr.conv.window,
			  .in = dh_map_of(&net->tensors[node->inputs[0]]),
			  .out = dh_map_of(&net->tensors[node->outputs[0]]) };

	c.in.channels /= group;
	c.out.channels /= group;
	c.depth = c.in.channels * c.window->kernel[0] * c.window->kernel[1];
	return c;
}

/* Are the windows single elements, all of them in order? Then the map is used as it is. */
static bool is_plain(const struct conv *c)
{
	return c->depth == c->in.channels && c->in.rows == c->out.rows &&
	       c->in.cols == c->out.cols && c->window->strides[0] == 1 &&
	       c->window->strides[1] == 1;
}

static size_t block_of(const struct conv *c)
{
	return dh_product_block(c->depth, c->out.rows * c->out.cols);
}

size_t dh_scratch_conv(const struct dh_net *net, const struct dh_net_node *node)
{
	struct conv c = conv_of(net, node);

	return is_plain(&c) ? 0 : c.depth * block_of(&c) * sizeof(float);
}

uint64_t dh_work_conv(const struct dh_net *net, const struct dh_net_node *node)
{
	struct conv c = conv_of(net, node);

	return (uint64_t)dh_net_elements(&net->tensors[node->outputs[0]]) * c.depth;
}

/* Element @kernel_col of the windows of output columns @col and up. */
static void take_row(const struct conv *c, const float *row, size_t kernel_col, size_t col,
		     size_t count, float *to)
{
	ptrdiff_t step = c->window->strides[1], size = (ptrdiff_t)c->in.cols, n = (ptrdiff_t)count;
	ptrdiff_t from = (ptrdiff_t)col * step + (ptrdiff_t)kernel_col * c->window->dilations[1] -
			 c->window->pads[1];
	ptrdiff_t i = 0, inside;

	for (; i < n && from < 0; i++, from += step)
		to[i] = 0;
	inside = from < size ? i + (size - from + step - 1) / step : i;
	inside = inside < n ? inside : n;
	if (step == 1 && inside > i) {
		memcpy(to + i, row + from, (size_t)(inside - i) * sizeof(*to));
		i = inside;
	}
	for (; i < inside; i++, from += step)
		to[i] = row[from];
	for (; i < n; i++)
		to[i] = 0;
}

/* Element @kernel_row, @kernel_col of the windows of outputs @start and up, in one channel. */
static void take_windows(const struct conv *c, const float *channel, size_t kernel_row,
			 size_t kernel_col, size_t start, size_t count, float *to)
{
	size_t row = start / c->out.cols, col = start % c->out.cols;

	while (count) {
		size_t cols = c->out.cols - col < count ? c->out.cols - col : count;
		ptrdiff_t from = (ptrdiff_t)(row * c->window->strides[0]) +
				 (ptrdiff_t)(kernel_row * c->window->dilations[0]) -
				 c->window->pads[0];

		if (from >= 0 && from < (ptrdiff_t)c->in.rows)
			take_row(c, channel + from * c->in.cols, kernel_col, col, cols, to);
		else
			memset(to, 0, cols * sizeof(*to));
		to += cols;
		count -= cols;
		row++;
		col = 0;
	}
}

static void take_block(const struct conv *c, const float *map, size_t start, size_t count,
		       float *to)
{
	for (size_t channel = 0; channel < c->in.channels; channel++) {
		for (size_t row = 0; row < c->window->kernel[0]; row++) {
			for (size_t col = 0; col < c->window->kernel[1]; col++, to += count)
				take_windows(c, map, row, col, start, count, to);
		}
		map += c->in.rows * c->in.cols;
	}
}

static void conv_map(const struct conv *c, const float *map, const float *weights, float *scratch,
		     float *out)
{
	size_t size = c->out.rows * c->out.cols, block = is_plain(c) ? size : block_of(c);

	for (size_t start = 0; start < size; start += block) {
		size_t count = size - start < block ? size - start : block;
		struct dh_product product = {
			.rows = c->out.channels,
			.cols = count,
			.depth = c->depth,
			.a = weights,
			.a_row = c->depth,
			.a_col = 1,
			.b = scratch,
			.b_row = count,
			.c = out + start,
			.c_row = size,
		};

		if (is_plain(c))
			product.b = map;
		else
			take_block(c, map, start, count, scratch);
		dh_product(&product);
	}
}

static void begin_with_bias(const struct dh_net_tensor *out, const float *bias, float *y)
{
	size_t size = dh_elements(out, 2, out->rank), channels = out->dims[1];

	for (size_t row = 0; row < out->dims[0] * channels; row++) {
		for (size_t i = 0; i < size; i++)
			*y++ = bias ? bias[row % channels] : 0;
	}
}

void dh_kernel_conv(const struct dh_kernel *k)
{
	struct conv c = conv_of(k->net, k->node);
	size_t in_size = c.in.channels * c.in.rows * c.in.cols;
	size_t out_size = c.out.channels * c.out.rows * c.out.cols;
	size_t group = k->node->attr.conv.group;
	const float *x = dh_kernel_read(k, 0), *w = dh_kernel_read(k, 1);
	float *y = dh_kernel_write(k, 0);

	begin_with_bias(dh_kernel_out(k, 0), dh_kernel_maybe(k, 2), y);
	for (size_t i = 0; i < c.in.batch * group; i++)
		conv_map(&c, x + i * in_size, w + i % group * c.out.channels * c.depth, k->scratch,
			 y + i * out_size);
}
