# SPDX-License-Identifier: MIT
"""ONNX files, for tests that do without the onnx package: just what they need of its protobuf messages."""

import array
import struct

FLOAT, INT64 = 1, 7


def varint(value):
	value &= (1 << 64) - 1
	out = bytearray()
	while value > 127:
		out.append(value & 127 | 128)
		value >>= 7
	return bytes(out) + bytes([value])


def field(number, value):
	"""A number, or bytes, or text, of a message."""
	if isinstance(value, int):
		return varint(number << 3) + varint(value)
	if isinstance(value, float):
		return varint(number << 3 | 5) + struct.pack("<f", value)
	value = value.encode() if isinstance(value, str) else value
	return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, shape, values, kind=FLOAT):
	"""An initializer."""
	data = array.array("f" if kind == FLOAT else "q", values).tobytes()
	return b"".join(field(1, size) for size in shape) + field(2, kind) + field(8, name) + field(9, data)


def value_info(name, shape, kind=FLOAT):
	"""An input or output of a graph; a size that is left open is a name."""
	dims = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape)
	return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def attribute(name, value):
	"""Of a node: a number, text, or a list of either."""
	out = field(1, name)
	if isinstance(value, int):
		return out + field(3, value) + field(20, 2)
	if isinstance(value, float):
		return out + field(2, value) + field(20, 1)
	if isinstance(value, str):
		return out + field(4, value) + field(20, 3)
	if value and isinstance(value[0], str):
		return out + b"".join(field(9, text) for text in value) + field(20, 8)
	return out + b"".join(field(8, number) for number in value) + field(20, 7)


def node(op, inputs, outputs, name="", **attributes):
	"""An operation; inputs that are missing are \"\"."""
	return (b"".join(field(1, text) for text in inputs) + b"".join(field(2, text) for text in outputs) +
		field(3, name or outputs[0] or op) + field(4, op) +
		b"".join(field(5, attribute(key, value)) for key, value in attributes.items()))


def save(path, name, nodes, initializers, inputs, outputs, opset=13):
	"""A model, whose parts the functions above have made."""
	graph = (b"".join(field(1, one) for one in nodes) + field(2, name) +
		 b"".join(field(5, one) for one in initializers) +
		 b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs))
	with open(path, "wb") as file:
		file.write(field(1, 7) + field(7, graph) + field(8, field(2, opset)))
	return path
