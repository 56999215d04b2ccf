// SPDX-License-Identifier: MIT
/* How deep protobuf messages are nested. */
#include "import/onnx_wire.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire {
	const uint8_t *at;
	const uint8_t *end;
};

static bool get_varint(struct wire *wire, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (wire->at == wire->end)
			return false;
		byte = *wire->at++;
		if (shift < 64)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Malformed bytes end the walk: the real parser is the one that complains. */
static bool next_field(struct wire *wire, uint64_t *tag, struct wire *body)
{
	uint64_t len = 0;

	if (!get_varint(wire, tag))
		return false;
	switch (*tag & 7) {
	case WIRE_VARINT:
		return get_varint(wire, &len);
	case WIRE_64:
		len = 8;
		break;
	case WIRE_32:
		len = 4;
		break;
	case WIRE_BYTES:
		if (!get_varint(wire, &len))
			return false;
		break;
	default:
		return false;
	}
	if (len > (uint64_t)(wire->end - wire->at))
		return false;
	body->at = wire->at;
	body->end = wire->at += len;
	return true;
}

bool dh_wire_nested_within(const ProtobufCMessageDescriptor *type, const uint8_t *buf, size_t len,
			   unsigned int depth)
{
	struct wire wire = { buf, buf + len }, body;
	uint64_t tag;

	if (!depth)
		return false;
	while (wire.at < wire.end && next_field(&wire, &tag, &body)) {
		const ProtobufCFieldDescriptor *field;

		if ((tag & 7) != WIRE_BYTES || tag >> 3 > UINT32_MAX)
			continue;
		field = protobuf_c_message_descriptor_get_field(type, tag >> 3);
		if (field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
		    !dh_wire_nested_within(field->descriptor, body.at, body.end - body.at,
					   depth - 1))
			return false;
	}
	return true;
}
