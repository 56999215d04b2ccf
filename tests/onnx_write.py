# SPDX-License-Identifier: MIT
"""ONNX files of small networks, for tests that do without the onnx package."""

import array


def _varint(value):
	data = b""
	value &= (1 << 64) - 1
	while value > 127:
		data += bytes([value & 127 | 128])
		value >>= 7
	return data + bytes([value])


def _field(number, value):
	"""A field of a message: an integer, or bytes or text with their length."""
	if isinstance(value, int):
		return _varint(number << 3) + _varint(value)
	data = value.encode() if isinstance(value, str) else value
	return _varint(number << 3 | 2) + _varint(len(data)) + data


def _attribute(name, value):
	"""Integers, or one."""
	if isinstance(value, int):
		return _field(1, name) + _field(20, 2) + _field(3, value)
	return _field(1, name) + _field(20, 7) + b"".join(_field(8, item) for item in value)


def _node(op, inputs, outputs, **attributes):
	return (b"".join(_field(1, name) for name in inputs) + b"".join(_field(2, name) for name in outputs) +
		_field(3, op.lower()) + _field(4, op) +
		b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items()))


def _tensor(name, shape, values):
	"""Floats; integers if all values are."""
	integers = all(isinstance(value, int) for value in values)
	return (b"".join(_field(1, dim) for dim in shape) + _field(2, 7 if integers else 1) + _field(8, name) +
		_field(9, array.array("q" if integers else "f", values).tobytes()))


def _value(name, shape, kind):
	dims = b"".join(_field(1, _field(1, dim)) for dim in shape)
	return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims)))


def save(path, nodes, tensors, inputs, outputs, integers=()):
	"""nodes: (op, inputs, outputs, attributes); tensors: name: (shape, values); inputs, outputs: name: shape;
	integers: names of inputs and outputs that are int64."""
	def kind(name):
		return 7 if name in integers else 1
	graph = (b"".join(_field(1, _node(*node[:3], **(node[3] if len(node) > 3 else {}))) for node in nodes) +
		 _field(2, "made") +
		 b"".join(_field(5, _tensor(name, *tensor)) for name, tensor in tensors.items()) +
		 b"".join(_field(11, _value(name, shape, kind(name))) for name, shape in inputs.items()) +
		 b"".join(_field(12, _value(name, shape, kind(name))) for name, shape in outputs.items()))
	with open(path, "wb") as file:
		file.write(_field(1, 7) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
	return path
