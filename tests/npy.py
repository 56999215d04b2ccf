# SPDX-License-Identifier: MIT
"""NumPy array files, for tests that do without NumPy."""

import array
import ast
import struct

KINDS = {"<i2": "h", "<i4": "i", "|u1": "B", "<f4": "f", "<f8": "d", "<i8": "q"}


def save(path, kind, shape, values):
	"""Write an array as NumPy does."""
	text = repr({"descr": kind, "fortran_order": False, "shape": tuple(shape)})
	text += " " * (-(len(text) + 11) % 64) + "\n"
	with open(path, "wb") as file:
		file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
		file.write(array.array(KINDS[kind], values).tobytes())
	return path


def load(path):
	"""Shape and values of an array."""
	with open(path, "rb") as file:
		data = file.read()
	size = 10 + struct.unpack_from("<H", data, 8)[0]
	head = ast.literal_eval(data[10:size].decode())
	return head["shape"], array.array(KINDS[head["descr"]], data[size:])
