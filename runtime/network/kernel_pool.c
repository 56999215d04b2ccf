// SPDX-License-Identifier: MIT
/* Kernels of pooling. */
#include <float.h>

#include "network/function.h"
#include "network/op.h"

/* What of an axis a window covers: elements @first, @first + step... before @end. */
struct reach {
	ptrdiff_t first;
	ptrdiff_t end;
	size_t padded; /* elements with the padding */
};

static struct reach reach_of(const struct dh_net_window *w, unsigned int i, size_t out, size_t size)
{
	ptrdiff_t step = w->dilations[i];
	ptrdiff_t begin = (ptrdiff_t)(out * w->strides[i]) - w->pads[i];
	ptrdiff_t end = begin + (ptrdiff_t)w->kernel[i] * step;
	ptrdiff_t border = (ptrdiff_t)(size + w->pads[2 + i]);
	struct reach reach = { begin, end < (ptrdiff_t)size ? end : (ptrdiff_t)size, 0 };

	if (begin < 0)
		reach.first = begin + (-begin + step - 1) / step * step;
	/* a window that goes beyond the pads, because of ceil_mode, is cut off there */
	end = end < border ? end : border;
	reach.padded = (end - begin + step - 1) / step;
	return reach;
}

static float max_of(const float *map, size_t cols, const struct reach *rows,
		    const struct reach *columns, const struct dh_net_window *w)
{
	float max = -FLT_MAX;
	bool any = false;

	for (ptrdiff_t r = rows->first; r < rows->end; r += w->dilations[0]) {
		for (ptrdiff_t c = columns->first; c < columns->end; c += w->dilations[1]) {
			float x = map[r * (ptrdiff_t)cols + c];

			max = x > max ? x : max;
			any = true;
		}
	}
	return any ? max : 0;
}

static float average_of(const float *map, size_t cols, const struct reach *rows,
			const struct reach *columns, const struct dh_net_window *w,
			bool count_include_pad)
{
	double sum = 0;
	size_t count = 0;

	for (ptrdiff_t r = rows->first; r < rows->end; r += w->dilations[0]) {
		for (ptrdiff_t c = columns->first; c < columns->end; c += w->dilations[1]) {
			sum += map[r * (ptrdiff_t)cols + c];
			count++;
		}
	}
	if (count_include_pad)
		count = rows->padded * columns->padded;
	return count ? sum / (double)count : 0;
}

static void pool_floats(const struct dh_net_node *node, struct dh_map in, struct dh_map out,
			const float *x, float *y)
{
	const struct dh_net_window *w = &node->attr.pool.window;

	for (size_t map = 0; map < in.batch * in.channels; map++, x += in.rows * in.cols) {
		for (size_t r = 0; r < out.rows; r++) {
			struct reach rows = reach_of(w, 0, r, in.rows);

			for (size_t c = 0; c < out.cols; c++) {
				struct reach columns = reach_of(w, 1, c, in.cols);

				*y++ = node->op == DH_NET_MAX_POOL
					       ? max_of(x, in.cols, &rows, &columns, w)
					       : average_of(x, in.cols, &rows, &columns, w,
							    node->attr.pool.count_include_pad);
			}
		}
	}
}

/* Integers are pooled as floats; those that can be are small. */
size_t dh_scratch_pool(const struct dh_net *net, const struct dh_net_node *node)
{
	const struct dh_net_tensor *x = &net->tensors[node->inputs[0]];
	const struct dh_net_tensor *y = &net->tensors[node->outputs[0]];

	return x->type == DH_NET_FLOAT ? 0
				       : (dh_net_elements(x) + dh_net_elements(y)) * sizeof(float);
}

uint64_t dh_work_pool(const struct dh_net *net, const struct dh_net_node *node)
{
	const struct dh_net_window *w = &node->attr.pool.window;

	return (uint64_t)dh_net_elements(&net->tensors[node->outputs[0]]) * w->kernel[0] *
	       w->kernel[1];
}

static void pool_ints(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0), *out = dh_kernel_out(k, 0);
	size_t in_count = dh_net_elements(x), out_count = dh_net_elements(out);
	const int64_t *in = dh_kernel_read(k, 0);
	int64_t *y = dh_kernel_write(k, 0);
	float *in_floats = k->scratch, *out_floats = in_floats + in_count;

	for (size_t i = 0; i < in_count; i++)
		in_floats[i] = in[i];
	pool_floats(k->node, dh_map_of(x), dh_map_of(out), in_floats, out_floats);
	for (size_t i = 0; i < out_count; i++)
		y[i] = dh_to_int(out_floats[i]);
}

void dh_kernel_pool(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0);

	if (x->type == DH_NET_INT)
		pool_ints(k);
	else
		pool_floats(k->node, dh_map_of(x), dh_map_of(dh_kernel_out(k, 0)),
			    dh_kernel_read(k, 0), dh_kernel_write(k, 0));
}
