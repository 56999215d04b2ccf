// SPDX-License-Identifier: MIT
/* Reading ONNX files. */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/onnx.h"
#include "import/onnx_wire.h"

/* More than the largest network that any device can hold, in float. */
#define MAX_FILE  ((size_t)1 << 30)
#define MAX_DEPTH 32
/* Memory for unpacking: a repeated message of 2 bytes becomes a structure of about 100. */
#define MEMORY_FLOOR	((size_t)32 << 20)
#define MEMORY_PER_BYTE 16

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

/* Each allocation is headed by its size, so that freeing gives it back. */
static void *limited_alloc(void *opaque, size_t size)
{
	struct dh_onnx *onnx = opaque;
	max_align_t *head;

	if (size > onnx->limit - onnx->allocated)
		return NULL;
	head = malloc(sizeof(*head) + size);
	if (!head) {
		onnx->out_of_memory = true;
		return NULL;
	}
	memcpy(head, &size, sizeof(size));
	onnx->allocated += size;
	return head + 1;
}

static void limited_free(void *opaque, void *data)
{
	struct dh_onnx *onnx = opaque;
	max_align_t *head = data;
	size_t size;

	if (!head)
		return;
	memcpy(&size, --head, sizeof(size));
	onnx->allocated -= size;
	free(head);
}

/* The bytes as a message of type @type, with memory that @onnx counts. */
static int unpack(const ProtobufCMessageDescriptor *type, const void *buf, size_t len,
		  const char *name, struct dh_onnx *onnx, ProtobufCMessage **message,
		  struct dh_error *err)
{
	ProtobufCAllocator allocator = { limited_alloc, limited_free, onnx };

	memset(onnx, 0, sizeof(*onnx));
	onnx->file_size = len;
	onnx->limit = MEMORY_FLOOR + MEMORY_PER_BYTE * len;
	if (!dh_wire_nested_within(type, buf, len, MAX_DEPTH)) {
		dh_error_set(err,
			     "%s: messages are nested more than %d deep; this is no network that "
			     "could run",
			     name, MAX_DEPTH);
		return -EINVAL;
	}
	*message = protobuf_c_message_unpack(type, &allocator, len, buf);
	if (*message)
		return 0;
	if (onnx->out_of_memory) {
		dh_error_set(err, "%s: out of memory", name);
		return -ENOMEM;
	}
	dh_error_set(err,
		     "%s: not an ONNX file (or damaged): its bytes are no protobuf %s; export it "
		     "again",
		     name, type->short_name);
	return -EINVAL;
}

int dh_onnx_parse(const void *buf, size_t len, const char *name, struct dh_onnx *onnx,
		  struct dh_error *err)
{
	ProtobufCMessage *message;
	int ret = unpack(&onnx__model_proto__descriptor, buf, len, name, onnx, &message, err);

	if (ret)
		return ret;
	onnx->model = (Onnx__ModelProto *)message;
	if (!onnx->model->graph) {
		dh_error_set(err, "%s: not an ONNX model: it contains no graph; export it again",
			     name);
		dh_onnx_free(onnx);
		return -EINVAL;
	}
	return 0;
}

static int read_stream(FILE *file, const char *path, uint8_t **buf, size_t *len,
		       struct dh_error *err)
{
	size_t room = 0;
	int ret;

	*buf = NULL;
	*len = 0;
	do {
		uint8_t *more;

		room = room ? room * 2 : 1 << 16;
		if (room > 2 * MAX_FILE) {
			dh_error_set(err, "%s: too large: no more than %zu MiB can be read", path,
				     MAX_FILE >> 20);
			return -EFBIG;
		}
		more = realloc(*buf, room);
		if (!more) {
			dh_error_set(err, "%s: out of memory", path);
			return -ENOMEM;
		}
		*buf = more;
		errno = 0;
		*len += fread(*buf + *len, 1, room - *len, file);
	} while (*len == room);
	if (!ferror(file))
		return 0;
	ret = errno ? -errno : -EIO;
	dh_error_set(err, "%s: cannot be read: %s", path, strerror(-ret));
	return ret;
}

/* All bytes of a file; free @buf, also after an error. */
static int read_file(const char *path, uint8_t **buf, size_t *len, struct dh_error *err)
{
	FILE *file = fopen(path, "rbe");
	int ret;

	*buf = NULL;
	*len = 0;
	if (!file) {
		ret = -errno;
		dh_error_set(err, "%s: cannot be opened: %s", path, strerror(errno));
		return ret;
	}
	ret = read_stream(file, path, buf, len, err);
	fclose(file);
	return ret;
}

int dh_onnx_load(const char *path, struct dh_onnx *onnx, struct dh_error *err)
{
	uint8_t *buf;
	size_t len;
	int ret = read_file(path, &buf, &len, err);

	memset(onnx, 0, sizeof(*onnx));
	if (!ret)
		ret = dh_onnx_parse(buf, len, path, onnx, err);
	free(buf);
	return ret;
}

int dh_onnx_tensor_load(const char *path, struct dh_onnx_tensor *tensor, struct dh_error *err)
{
	ProtobufCMessage *message = NULL;
	uint8_t *buf;
	size_t len;
	int ret = read_file(path, &buf, &len, err);

	if (!ret)
		ret = unpack(&onnx__tensor_proto__descriptor, buf, len, path, &tensor->memory,
			     &message, err);
	tensor->proto = (Onnx__TensorProto *)message;
	free(buf);
	return ret;
}

void dh_onnx_tensor_free(struct dh_onnx_tensor *tensor)
{
	ProtobufCAllocator allocator = { limited_alloc, limited_free, &tensor->memory };

	if (tensor->proto)
		onnx__tensor_proto__free_unpacked(tensor->proto, &allocator);
	tensor->proto = NULL;
}

void dh_onnx_free(struct dh_onnx *onnx)
{
	ProtobufCAllocator allocator = { limited_alloc, limited_free, onnx };

	if (onnx->model)
		onnx__model_proto__free_unpacked(onnx->model, &allocator);
	onnx->model = NULL;
}

int64_t dh_onnx_opset(const Onnx__ModelProto *model)
{
	int64_t opset = 1;

	for (size_t i = 0; i < model->n_opset_import; i++) {
		const char *domain = model->opset_import[i]->domain;

		if (!domain || !*domain || !strcmp(domain, "ai.onnx"))
			opset = model->opset_import[i]->version;
	}
	return opset;
}

const Onnx__AttributeProto *dh_onnx_attribute(const Onnx__NodeProto *node, const char *name)
{
	for (size_t i = 0; i < node->n_attribute; i++) {
		if (node->attribute[i]->name && !strcmp(node->attribute[i]->name, name))
			return node->attribute[i];
	}
	return NULL;
}

int64_t dh_onnx_int(const Onnx__NodeProto *node, const char *name, int64_t missing)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, name);

	return attribute ? attribute->i : missing;
}

float dh_onnx_float(const Onnx__NodeProto *node, const char *name, float missing)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, name);

	return attribute ? attribute->f : missing;
}

bool dh_onnx_bytes_are(const ProtobufCBinaryData *b, const char *text)
{
	return b->len == strlen(text) && !memcmp(b->data, text, b->len);
}

bool dh_onnx_tensor_count(const Onnx__TensorProto *tensor, size_t *count)
{
	*count = 1;
	for (size_t i = 0; i < tensor->n_dims; i++) {
		if (tensor->dims[i] < 0 ||
		    __builtin_mul_overflow(*count, (size_t)tensor->dims[i], count) ||
		    *count > INT32_MAX)
			return false;
	}
	return true;
}

bool dh_onnx_is_float(int data_type)
{
	return data_type == TYPE(FLOAT) || data_type == TYPE(DOUBLE) || data_type == TYPE(FLOAT16);
}

static const struct {
	const char *name;
	unsigned char size;
	bool is_signed;
	bool is_int;
} types[] = {
	[TYPE(UNDEFINED)] = { "undefined" },
	[TYPE(FLOAT)] = { "float", 4 },
	[TYPE(UINT8)] = { "uint8", 1, false, true },
	[TYPE(INT8)] = { "int8", 1, true, true },
	[TYPE(UINT16)] = { "uint16", 2, false, true },
	[TYPE(INT16)] = { "int16", 2, true, true },
	[TYPE(INT32)] = { "int32", 4, true, true },
	[TYPE(INT64)] = { "int64", 8, true, true },
	[TYPE(STRING)] = { "string" },
	[TYPE(BOOL)] = { "bool", 1, false, true },
	[TYPE(FLOAT16)] = { "float16", 2 },
	[TYPE(DOUBLE)] = { "double", 8 },
	[TYPE(UINT32)] = { "uint32", 4, false, true },
	[TYPE(UINT64)] = { "uint64", 8, false, true },
	[TYPE(COMPLEX64)] = { "complex64" },
	[TYPE(COMPLEX128)] = { "complex128" },
	[TYPE(BFLOAT16)] = { "bfloat16" },
};

static bool known_type(int data_type)
{
	return data_type >= 0 && (size_t)data_type < sizeof(types) / sizeof(types[0]);
}

bool dh_onnx_is_int(int data_type)
{
	return known_type(data_type) && types[data_type].is_int;
}

const char *dh_onnx_type_name(int data_type)
{
	return known_type(data_type) ? types[data_type].name : "unknown";
}

static const char *tensor_name(const Onnx__TensorProto *tensor)
{
	return tensor->name && tensor->name[0] ? tensor->name : "(constant)";
}

int dh_onnx_tensor_inside(const Onnx__TensorProto *tensor, struct dh_error *err)
{
	if (tensor->n_external_data ||
	    tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
		dh_error_set(err,
			     "tensor %s: its data are in another file, which is not read; save the "
			     "model with its weights inside "
			     "(onnx.save_model(..., save_as_external_data=False))",
			     tensor_name(tensor));
		return -EOPNOTSUPP;
	}
	if (tensor->segment) {
		dh_error_set(err,
			     "tensor %s: stored in segments, which is not supported; save the "
			     "model again",
			     tensor_name(tensor));
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_storage(const Onnx__TensorProto *tensor, size_t count, size_t have,
			 struct dh_error *err)
{
	int ret = dh_onnx_tensor_inside(tensor, err);

	if (ret || have == count)
		return ret;
	dh_error_set(err,
		     "tensor %s: its shape asks for %zu elements of type %s, the file holds %zu; "
		     "the file is damaged",
		     tensor_name(tensor), count, dh_onnx_type_name(tensor->data_type), have);
	return -EINVAL;
}

static float half_to_float(uint16_t half)
{
	int exponent = half >> 10 & 0x1f;
	int fraction = half & 0x3ff;
	float value;

	if (exponent == 0x1f)
		value = fraction ? NAN : INFINITY;
	else if (exponent)
		value = ldexpf(fraction | 0x400, exponent - 25);
	else
		value = ldexpf(fraction, -24);
	return half & 0x8000 ? -value : value;
}

static float raw_float(const uint8_t *at, int type)
{
	uint16_t half;
	uint32_t word;
	uint64_t wide;
	float f;
	double d;

	switch (type) {
	case TYPE(FLOAT16):
		memcpy(&half, at, 2);
		return half_to_float(le16toh(half));
	case TYPE(DOUBLE):
		memcpy(&wide, at, 8);
		wide = le64toh(wide);
		memcpy(&d, &wide, 8);
		return d;
	default:
		memcpy(&word, at, 4);
		word = le32toh(word);
		memcpy(&f, &word, 4);
		return f;
	}
}

static float field_float(const Onnx__TensorProto *tensor, size_t i)
{
	switch (tensor->data_type) {
	case TYPE(FLOAT16):
		return half_to_float(tensor->int32_data[i]);
	case TYPE(DOUBLE):
		return tensor->double_data[i];
	default:
		return tensor->float_data[i];
	}
}

static size_t field_count(const Onnx__TensorProto *tensor)
{
	switch (tensor->data_type) {
	case TYPE(FLOAT):
		return tensor->n_float_data;
	case TYPE(DOUBLE):
		return tensor->n_double_data;
	case TYPE(INT64):
		return tensor->n_int64_data;
	case TYPE(UINT32):
	case TYPE(UINT64):
		return tensor->n_uint64_data;
	default:
		return tensor->n_int32_data;
	}
}

static size_t stored_count(const Onnx__TensorProto *tensor)
{
	size_t size = types[tensor->data_type].size;

	if (tensor->has_raw_data)
		return tensor->raw_data.len % size ? 0 : tensor->raw_data.len / size;
	return field_count(tensor);
}

int dh_onnx_floats(const Onnx__TensorProto *tensor, size_t count, float *out, struct dh_error *err)
{
	size_t size = types[tensor->data_type].size;
	int ret = check_storage(tensor, count, stored_count(tensor), err);

	for (size_t i = 0; !ret && i < count; i++) {
		out[i] = tensor->has_raw_data
				 ? raw_float(tensor->raw_data.data + i * size, tensor->data_type)
				 : field_float(tensor, i);
		if (!isfinite(out[i])) {
			dh_error_set(err,
				     "tensor %s: element %zu is not a finite number (float32); the "
				     "training has diverged or the file is damaged",
				     tensor_name(tensor), i);
			ret = -EINVAL;
		}
	}
	return ret;
}

int64_t dh_onnx_int_wrap(int data_type, int64_t value)
{
	unsigned int bits = known_type(data_type) ? 8 * types[data_type].size : 0;
	uint64_t low;

	if (data_type == TYPE(BOOL))
		return !!value;
	if (!bits || bits == 64)
		return value;
	low = (uint64_t)value & ((1ULL << bits) - 1);
	return types[data_type].is_signed && low >> (bits - 1) ? low | ~0ULL << bits : low;
}

static int64_t raw_int(const uint8_t *at, int type)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < types[type].size; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return dh_onnx_int_wrap(type, value);
}

static int64_t field_int(const Onnx__TensorProto *tensor, size_t i)
{
	switch (tensor->data_type) {
	case TYPE(INT64):
		return tensor->int64_data[i];
	case TYPE(UINT32):
	case TYPE(UINT64):
		return tensor->uint64_data[i];
	default:
		return tensor->int32_data[i];
	}
}

int dh_onnx_ints(const Onnx__TensorProto *tensor, size_t count, int64_t *out, struct dh_error *err)
{
	size_t size = types[tensor->data_type].size;
	int ret = check_storage(tensor, count, stored_count(tensor), err);

	for (size_t i = 0; !ret && i < count; i++)
		out[i] = tensor->has_raw_data
				 ? raw_int(tensor->raw_data.data + i * size, tensor->data_type)
				 : field_int(tensor, i);
	return ret;
}
