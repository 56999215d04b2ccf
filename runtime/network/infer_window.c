// SPDX-License-Identifier: MIT
/* Shapes of convolution and pooling. */
#include <errno.h>
#include <limits.h>

#include "network/op.h"

struct dh_map dh_map_of(const struct dh_net_tensor *tensor)
{
	bool rows = tensor->rank == 4;

	return (struct dh_map){ tensor->dims[0], tensor->dims[1], rows ? tensor->dims[2] : 1,
				tensor->dims[tensor->rank - 1] };
}

static const char *const axis_names[] = { "rows", "columns" };

static int check_map(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	char text[80];

	if (x->rank != 3 && x->rank != 4)
		return dh_infer_bad(infer,
				    "its input has %u axes (%s); only windows over one or two axes "
				    "work: an input of [N, C, columns] or [N, C, rows, columns]",
				    x->rank, dh_shape_text(x, text, sizeof(text)));
	if (!dh_net_elements(x))
		return dh_infer_bad(infer, "its input has no elements (%s)",
				    dh_shape_text(x, text, sizeof(text)));
	return 0;
}

static int check_window(const struct dh_infer *infer, const struct dh_net_window *w)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (!w->kernel[i] || w->kernel[i] > USHRT_MAX || !w->strides[i] ||
		    w->strides[i] > INT_MAX || !w->dilations[i] || w->dilations[i] > USHRT_MAX ||
		    w->pads[i] > INT_MAX || w->pads[2 + i] > INT_MAX)
			return dh_infer_bad(
				infer,
				"%s: kernel %u, stride %u, dilation %u, pads %u and %u; "
				"sizes and steps must be at least 1, and kernels and "
				"dilations below 65536",
				axis_names[i], w->kernel[i], w->strides[i], w->dilations[i],
				w->pads[i], w->pads[2 + i]);
	}
	if (infer->in[0]->rank == 3 && (w->kernel[0] != 1 || w->strides[0] != 1 || w->pads[0] ||
					w->pads[2] || w->dilations[0] != 1))
		return dh_infer_bad(infer, "its window has rows, its input has none");
	return 0;
}

/* From the first to the last element of a window. */
static uint64_t span_of(const struct dh_net_window *w, unsigned int i)
{
	return (uint64_t)(w->kernel[i] - 1) * w->dilations[i] + 1;
}

/* Windows along an axis; with @ceil the last may reach beyond the pads, but not begin there. */
static int count_windows(const struct dh_infer *infer, const struct dh_net_window *w,
			 unsigned int i, size_t size, bool ceil, uint32_t *out)
{
	uint64_t padded = (uint64_t)size + w->pads[i] + w->pads[2 + i], span = span_of(w, i), count;

	if (span > padded)
		return dh_infer_bad(
			infer,
			"%s: the window spans %llu (kernel %u, dilation %u), the padded "
			"input has %llu; make the kernel smaller or the input larger",
			axis_names[i], (unsigned long long)span, w->kernel[i], w->dilations[i],
			(unsigned long long)padded);
	count = (padded - span) / w->strides[i] + 1;
	if (ceil && (padded - span) % w->strides[i] && count * w->strides[i] < size + w->pads[i])
		count++;
	if (count > DH_NET_MAX_ELEMENTS)
		return dh_infer_bad(infer, "its output is too large: %llu %s",
				    (unsigned long long)count, axis_names[i]);
	*out = count;
	return 0;
}

static int window_output(const struct dh_infer *infer, const struct dh_net_window *w, bool ceil,
			 uint32_t channels)
{
	const struct dh_net_tensor *x = infer->in[0];
	struct dh_map map = dh_map_of(x);
	uint32_t rows, cols;
	int ret = count_windows(infer, w, 0, map.rows, ceil, &rows);

	if (!ret)
		ret = count_windows(infer, w, 1, map.cols, ceil, &cols);
	if (ret)
		return ret;
	infer->out[0] = dh_shape_of(x);
	infer->out[0].dims[1] = channels;
	infer->out[0].dims[x->rank - 2] = x->rank == 4 ? rows : channels;
	infer->out[0].dims[x->rank - 1] = cols;
	return 0;
}

static int check_weights(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0], *w = infer->in[1], *bias = infer->in[2];
	const struct dh_net_window *window = &infer->node->attr.conv.window;
	uint32_t group = infer->node->attr.conv.group;
	char text[80];

	if (w->rank != x->rank || !dh_net_elements(w))
		return dh_infer_bad(infer,
				    "its weights are %s, its input has %u axes; both must have as "
				    "many",
				    dh_shape_text(w, text, sizeof(text)), x->rank);
	if (!group || x->dims[1] % group || w->dims[0] % group)
		return dh_infer_bad(infer,
				    "group %u does not divide %u input and %u output channels",
				    group, x->dims[1], w->dims[0]);
	if (w->dims[1] != x->dims[1] / group)
		return dh_infer_bad(infer,
				    "its weights (%s) are for %u input channels a group, its input "
				    "has %u in %u groups",
				    dh_shape_text(w, text, sizeof(text)), w->dims[1], x->dims[1],
				    group);
	if (w->dims[w->rank - 1] != window->kernel[1] ||
	    (w->rank == 4 && w->dims[2] != window->kernel[0]))
		return dh_infer_bad(infer, "its weights are %s, its kernel is %u x %u",
				    dh_shape_text(w, text, sizeof(text)), window->kernel[0],
				    window->kernel[1]);
	if (bias && (bias->rank != 1 || bias->dims[0] != w->dims[0]))
		return dh_infer_bad(infer, "its bias is %s; it must be %u",
				    dh_shape_text(bias, text, sizeof(text)), w->dims[0]);
	return 0;
}

int dh_infer_conv(const struct dh_infer *infer)
{
	const struct dh_net_window *window = &infer->node->attr.conv.window;
	int ret = check_map(infer);

	for (uint32_t i = 0; !ret && i < infer->node->input_count; i++)
		ret = dh_infer_need_float(infer, i);
	if (!ret)
		ret = check_window(infer, window);
	if (!ret)
		ret = check_weights(infer);
	return ret ? ret : window_output(infer, window, false, infer->in[1]->dims[0]);
}

int dh_infer_pool(const struct dh_infer *infer)
{
	const struct dh_net_window *w = &infer->node->attr.pool.window;
	int ret = check_map(infer);

	if (!ret)
		ret = check_window(infer, w);
	for (unsigned int i = 0; !ret && i < 4; i++) {
		if (w->pads[i] && w->pads[i] >= span_of(w, i % 2))
			return dh_infer_bad(infer,
					    "%s: pads of %u around windows of %llu; pads must be "
					    "smaller than the window",
					    axis_names[i % 2], w->pads[i],
					    (unsigned long long)span_of(w, i % 2));
	}
	if (!ret && infer->node->op == DH_NET_AVERAGE_POOL)
		ret = dh_infer_need_float(infer, 0);
	return ret ? ret
		   : window_output(infer, w, infer->node->attr.pool.ceil_mode,
				   infer->in[0]->dims[1]);
}
