// SPDX-License-Identifier: MIT
/* What only changes the shape, or the order of axes. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "network/reader.h"

/* The output is input 0 with other dimensions. */
static int emit_reshape(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t input,
			uint32_t rank, const uint32_t *dims)
{
	int32_t output;
	int ret = dh_read_reshape(r, proto, input, rank, dims, &output);

	return ret ? ret : dh_read_bind(r, proto, 0, output);
}

int dh_read_identity(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t input;
	int ret = dh_read_input(r, proto, 0, &input);

	return ret ? ret : dh_read_bind(r, proto, 0, input);
}

int dh_read_dropout(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	float training = 0;
	int ret = dh_read_number(r, proto, 2, "training_mode", &training);

	if (ret)
		return ret;
	if (training != 0)
		return dh_read_refuse(r, proto,
				      "training_mode is on; export the model for inference");
	if (dh_read_output_live(r, proto, 1))
		return dh_read_refuse(r, proto,
				      "output mask is used, which exists only in training; export "
				      "the model for inference");
	return dh_read_identity(r, proto);
}

/* --- Reshape, Flatten --- */

/* Dimensions out of a list: 0 copies one of @x, -1 is what is left. */
static int resolve_dims(struct dh_reader *r, const Onnx__NodeProto *proto,
			const struct dh_net_tensor *x, const int64_t *want, uint32_t rank,
			uint32_t *dims)
{
	bool zero_is_zero = dh_onnx_int(proto, "allowzero", 0);
	uint64_t known = 1, all = dh_net_elements(x);
	int infer = -1;

	for (uint32_t i = 0; i < rank; i++) {
		if (want[i] < -1 || want[i] > (int64_t)DH_NET_MAX_ELEMENTS ||
		    (want[i] == -1 && infer >= 0) || (!want[i] && !zero_is_zero && i >= x->rank))
			return dh_read_refuse(r, proto,
					      "its new shape has %lld at axis %u, which cannot be "
					      "resolved",
					      (long long)want[i], i);
		if (want[i] == -1) {
			infer = (int)i;
			continue;
		}
		dims[i] = want[i] || zero_is_zero ? (uint32_t)want[i] : x->dims[i];
		known *= dims[i];
		if (known > DH_NET_MAX_ELEMENTS)
			known = DH_NET_MAX_ELEMENTS + 1;
	}
	if (infer >= 0 && known && all % known == 0)
		dims[infer] = (uint32_t)(all / known);
	else if (infer >= 0 || known != all)
		return dh_read_refuse(r, proto,
				      "its input has %llu elements, its new shape asks for %s%llu",
				      (unsigned long long)all, infer >= 0 ? "a multiple of " : "",
				      (unsigned long long)known);
	return 0;
}

int dh_read_reshape_node(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	uint32_t dims[DH_NET_MAX_RANK];
	int64_t want[DH_NET_MAX_RANK];
	struct dh_net_tensor x;
	int32_t input;
	size_t rank;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, 1, "shape", want, DH_NET_MAX_RANK, &rank, &given);
	if (ret)
		return ret;
	if (!given)
		return dh_read_refuse(r, proto, "its new shape is missing");
	x = *dh_read_tensor(r, input);
	ret = resolve_dims(r, proto, &x, want, (uint32_t)rank, dims);
	return ret ? ret : emit_reshape(r, proto, input, (uint32_t)rank, dims);
}

int dh_read_flatten(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t axis = dh_onnx_int(proto, "axis", 1);
	const struct dh_net_tensor *x;
	uint32_t dims[2];
	int32_t input;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
		return dh_read_refuse(r, proto, "attribute axis = %lld; its input has %u axes",
				      (long long)axis, x->rank);
	axis += axis < 0 ? x->rank : 0;
	dims[0] = (uint32_t)dh_elements(x, 0, (uint32_t)axis);
	dims[1] = (uint32_t)dh_elements(x, (uint32_t)axis, x->rank);
	return emit_reshape(r, proto, input, 2, dims);
}

/* --- Squeeze, Unsqueeze --- */

int dh_read_squeeze(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	uint32_t dims[DH_NET_MAX_RANK], mask, rank = 0;
	int64_t axes[DH_NET_MAX_RANK];
	const struct dh_net_tensor *x;
	int32_t input;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, 1, "axes", axes, DH_NET_MAX_RANK, &count, &given);
	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	ret = dh_read_axes(r, proto, axes, count, x->rank, &mask);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < x->rank; i++) {
		if (count ? mask >> i & 1 : x->dims[i] == 1) {
			if (x->dims[i] != 1)
				return dh_read_refuse(r, proto,
						      "axis %u has %u elements; only axes of 1 "
						      "can be left out",
						      i, x->dims[i]);
		} else {
			dims[rank++] = x->dims[i];
		}
	}
	return emit_reshape(r, proto, input, rank, dims);
}

int dh_read_unsqueeze(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	uint32_t dims[DH_NET_MAX_RANK], mask, rank, from = 0;
	int64_t axes[DH_NET_MAX_RANK];
	const struct dh_net_tensor *x;
	int32_t input;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, 1, "axes", axes, DH_NET_MAX_RANK, &count, &given);
	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	rank = x->rank + (uint32_t)count;
	if (rank > DH_NET_MAX_RANK)
		return dh_read_refuse(r, proto, "its output has %u axes; at most %d work", rank,
				      DH_NET_MAX_RANK);
	ret = dh_read_axes(r, proto, axes, count, rank, &mask);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < rank; i++)
		dims[i] = mask >> i & 1 ? 1 : x->dims[from++];
	return emit_reshape(r, proto, input, rank, dims);
}

/* --- Transpose --- */

int dh_read_transpose(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t perm[DH_NET_MAX_RANK];
	int32_t input;
	struct dh_form form = { .op = DH_NET_TRANSPOSE, .inputs = &input, .input_count = 1 };
	size_t count;
	uint32_t rank;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, SIZE_MAX, "perm", perm, DH_NET_MAX_RANK, &count,
				   &given);
	if (ret)
		return ret;
	rank = dh_read_tensor(r, input)->rank;
	if (given && count != rank)
		return dh_read_refuse(r, proto,
				      "attribute perm has %zu values; its input has %u "
				      "axes",
				      count, rank);
	for (uint32_t i = 0; i < rank; i++)
		form.attr.transpose.perm[i] =
			given ? perm[i] < 0 || perm[i] >= rank ? rank : (uint32_t)perm[i]
			      : rank - 1 - i;
	return dh_read_emit(r, proto, &form);
}

/* --- Expand --- */

int dh_read_expand(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t want[DH_NET_MAX_RANK];
	int32_t input;
	struct dh_form form = { .op = DH_NET_EXPAND, .inputs = &input, .input_count = 1 };
	struct dh_net_shape *out = &form.want[0];
	const struct dh_net_tensor *x;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, 1, "shape", want, DH_NET_MAX_RANK, &count, &given);
	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	out->rank = x->rank > count ? x->rank : (uint32_t)count;
	for (uint32_t i = 1; i <= out->rank; i++) {
		int64_t dim = i <= count ? want[count - i] : 1;
		uint32_t have = i <= x->rank ? x->dims[x->rank - i] : 1;

		if (dim < 0 || dim > (int64_t)DH_NET_MAX_ELEMENTS)
			return dh_read_refuse(r, proto, "its shape has a size of %lld",
					      (long long)dim);
		out->dims[out->rank - i] = dim == 1 ? have : (uint32_t)dim;
	}
	return dh_read_emit(r, proto, &form);
}

/* --- blocks of channels and of pixels --- */

/* Reshape to @inner, transpose by @perm, reshape to @outer. */
static int rearrange(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t input,
		     const uint32_t *inner, const uint32_t *perm, const uint32_t *outer)
{
	struct dh_form form = { .op = DH_NET_TRANSPOSE, .inputs = &input, .input_count = 1 };
	int32_t turned;
	int ret = dh_read_reshape(r, proto, input, 6, inner, &input);

	memcpy(form.attr.transpose.perm, perm, 6 * sizeof(*perm));
	if (!ret)
		ret = dh_read_add(r, proto, &form, &turned);
	return ret ? ret : emit_reshape(r, proto, turned, 4, outer);
}

/* Input 0, which is a map, and the size of blocks. */
static int read_blocks(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t *input,
		       uint32_t *block)
{
	int64_t size = dh_onnx_int(proto, "blocksize", 0);
	int ret = dh_read_input(r, proto, 0, input);

	if (ret)
		return ret;
	if (dh_read_tensor(r, *input)->rank != 4)
		return dh_read_refuse(r, proto, "its input must be [N, C, rows, columns]");
	if (size < 1 || size > 1024)
		return dh_read_refuse(r, proto, "attribute blocksize = %lld; it must be 1 to 1024",
				      (long long)size);
	*block = (uint32_t)size;
	return 0;
}

int dh_read_depth_to_space(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	static const uint32_t depth_first[] = { 0, 3, 4, 1, 5, 2 };
	static const uint32_t columns_first[] = { 0, 1, 4, 2, 5, 3 };
	const Onnx__AttributeProto *mode = dh_onnx_attribute(proto, "mode");
	bool crd = mode && dh_onnx_bytes_are(&mode->s, "CRD");
	int32_t input;
	uint32_t b;
	int ret = read_blocks(r, proto, &input, &b);

	if (ret)
		return ret;
	const uint32_t *d = dh_read_tensor(r, input)->dims;

	if (d[1] % (b * b))
		return dh_read_refuse(
			r, proto, "%u channels are no multiple of blocksize %u squared", d[1], b);
	uint32_t c = d[1] / (b * b);
	uint32_t inner[] = { d[0], crd ? c : b, b, crd ? b : c, d[2], d[3] };
	uint32_t outer[] = { d[0], c, d[2] * b, d[3] * b };

	return rearrange(r, proto, input, inner, crd ? columns_first : depth_first, outer);
}

int dh_read_space_to_depth(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	static const uint32_t perm[] = { 0, 3, 5, 1, 2, 4 };
	int32_t input;
	uint32_t b;
	int ret = read_blocks(r, proto, &input, &b);

	if (ret)
		return ret;
	const uint32_t *d = dh_read_tensor(r, input)->dims;

	if (d[2] % b || d[3] % b)
		return dh_read_refuse(r, proto, "%u x %u pixels are no multiples of blocksize %u",
				      d[2], d[3], b);
	uint32_t inner[] = { d[0], d[1], d[2] / b, b, d[3] / b, b };
	uint32_t outer[] = { d[0], d[1] * b * b, d[2] / b, d[3] / b };

	return rearrange(r, proto, input, inner, perm, outer);
}
