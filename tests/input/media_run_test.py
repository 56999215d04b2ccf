#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""media_run_test.py DELTAHOP: PNG, WAV and FLAC files as input of `deltahop run`, on the embedded device."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import npy
from onnx_write import save

DELTAHOP = sys.argv[1]


def png(width, height, channels, pixels, bits=8):
	"""An image without filters; pixels: [height][width][channels]."""
	row = width * channels
	data = b"".join(b"\0" + struct.pack(">%d%s" % (row, "H" if bits == 16 else "B"), *pixels[y * row:y * row + row])
			for y in range(height))

	def chunk(name, body):
		return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
	colour = {1: 0, 3: 2, 4: 6}[channels]
	return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)) +
		chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def wav(samples, rate=16000):
	data = struct.pack("<%dh" % len(samples), *samples)
	return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) +
		b"data" + struct.pack("<I", len(data)) + data)


class Media(unittest.TestCase):
	"""A convolution of 1x1 that passes its input on, so that every value is seen."""

	def setUp(self):
		self.folder = tempfile.TemporaryDirectory()
		self.addCleanup(self.folder.cleanup)

	def path(self, name):
		return os.path.join(self.folder.name, name)

	def write(self, name, data):
		with open(self.path(name), "wb") as file:
			file.write(data)
		return self.path(name)

	def network(self, shape, channels, transposed=False):
		more = [("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]})] if transposed else []
		axes = len(shape) - 2
		kernel = [float(a == b) for a in range(channels) for b in range(channels)]
		inner = (1, channels, *(shape[1:3] if transposed else shape[2:]))
		save(self.path("n.onnx"), [*more, ("Conv", ["t" if more else "x", "k"], ["y"], {"kernel_shape": [1] * axes})],
		     {"k": ((channels, channels) + (1,) * axes, kernel)}, {"x": shape}, {"y": inner})
		npy.save(self.path("c.npy"), "<f4", (1, *shape), [255.0] * self.count(shape))
		done = subprocess.run([DELTAHOP, "compile", self.path("n.onnx"), "--calibration", self.path("c.npy"), "--weights", "16",
				       "-o", self.path("n.dhp")], check=False, capture_output=True, text=True)
		self.assertEqual(done.returncode, 0, done.stderr)
		return self.path("n.dhp")

	@staticmethod
	def count(shape):
		count = 1
		for dim in shape:
			count *= dim
		return count

	def answers(self, network, path, *args):
		done = subprocess.run([DELTAHOP, "run", network, "--input", path, "--json", *args], check=False, capture_output=True, text=True)
		self.assertEqual((done.returncode, done.stderr), (0, ""))
		return [one["y"] for one in json.loads(done.stdout)["answers"]]

	def bad(self, network, path, *args, says=(), status=1):
		done = subprocess.run([DELTAHOP, "run", network, "--input", path, *args], check=False, capture_output=True, text=True)
		self.assertEqual(done.returncode, status, done.stderr)
		for word in says:
			self.assertIn(word, done.stderr)

	def same(self, network, path, shape, values, *args):
		"""The same answers as of an array of the values that are expected."""
		array = npy.save(self.path("same.npy"), "<f8", shape, values)
		self.assertEqual(self.answers(network, path, *args), self.answers(network, array))

	def test_images(self):
		for channels in (1, 3, 4):
			pixels = [(i * 37 + 11) % 256 for i in range(6 * 5 * channels)]
			planes = [pixels[i * channels + c] for c in range(channels) for i in range(30)]
			network = self.network((1, channels, 5, 6), channels)
			path = self.write("image", png(6, 5, channels, pixels))
			self.same(network, path, (channels, 5, 6), planes)
			self.same(network, path, (channels, 5, 6), [v / 255 for v in planes], "--pixel-max", "1")
			mean, std = [10.0, 20.0, 30.0, 40.0][:channels], [2.0, 4.0, 8.0, 16.0][:channels]
			self.same(network, path, (channels, 5, 6), [(v - mean[i // 30]) / std[i // 30] for i, v in enumerate(planes)],
				  "--pixel-mean", ",".join(map(str, mean)), "--pixel-std", ",".join(map(str, std)))
			wide = self.write("wide.png", png(6, 5, channels, [v * 257 for v in pixels], 16))
			self.same(network, wide, (channels, 5, 6), planes)
		self.same(self.network((1, 5, 6, 3), 3, True), self.write("last.png", png(6, 5, 3, pixels[:90])), (5, 6, 3), pixels[:90])

	def test_directory(self):
		network = self.network((1, 1, 5, 6), 1)
		os.mkdir(self.path("images"))
		self.bad(network, self.path("images"), says=["no PNG file is in it"])
		all_pixels = [[(i * k + k) % 256 for i in range(30)] for k in (3, 5, 7)]
		for name, pixels in zip(("b.PNG", "a.png", "c.png"), all_pixels):
			self.write("images/" + name, png(6, 5, 1, pixels))
		self.write("images/readme.txt", b"no image")
		expected = sorted(zip(("b.PNG", "a.png", "c.png"), all_pixels))
		self.same(network, self.path("images"), (3, 1, 5, 6), sum((pixels for _, pixels in expected), []))
		self.write("images/d.png", png(5, 6, 1, all_pixels[0]))
		self.bad(network, self.path("images"), says=["images/d.png: an image of 5 x 6 pixels", "takes 6 x 5"])

	def test_what_is_no_image(self):
		network = self.network((1, 3, 5, 6), 3)
		good = png(6, 5, 3, [1] * 90)
		for name, data, words in [("size.png", png(5, 5, 3, [1] * 75), ["an image of 5 x 5 pixels", "[1, 3, 5, 6]", "6 x 5"]),
					  ("text.png", b"hello\n", ["text.png: not a PNG file"]), ("empty.png", b"", ["not a PNG file"]),
					  ("cut.png", good[:60], ["damaged PNG file"]), ("clear.png", png(6, 5, 4, [1] * 120), ["transparent"]),
					  ("x.wav", wav([1] * 90), ["x.wav: sound, but input x takes [1, 3, 5, 6]", "MFCC"]),
					  ("text.wav", b"hello\n", ["sound, but input x"]), ("x.npy", b"hello\n", ["not a .npy file"])]:
			self.bad(network, self.write(name, data), says=words)
		self.bad(network, self.path("none.png"), says=["none.png: cannot read it: No such file"])
		for args, word in [(["--pixel-max", "2"], "must be 1 or 255"), (["--pixel-mean", "1,x"], "--pixel-mean"),
				   (["--pixel-std", "0"], "positive"), (["--pixel-mean", "1,2,3,4,5"], "up to 4")]:
			self.bad(network, self.write("good.png", good), *args, says=[word], status=2)

	def test_sound(self):
		network = self.network((1, 1, 40), 1)
		samples = [(i * 997 + 5) % 65536 - 32768 for i in range(125)]
		path = self.write("sound", wav(samples))
		self.same(network, path, (3, 1, 40), [v / 32768 for v in samples[:120]])
		text = subprocess.run([DELTAHOP, "run", network, "--input", path], check=True, capture_output=True, text=True).stdout
		self.assertIn("sound    125 samples, 16000 a second: the network states no rate, so they are taken as they are; 5 left over\n", text)
		self.bad(network, self.write("none.wav", wav([])), says=["none.wav: 0 samples", "takes 40"])
		self.bad(network, self.write("short.wav", wav([1] * 39)), says=["39 samples", "16000 in a second", "takes 40", "longer recording"])
		self.bad(network, self.write("text.wav", b"hello\n"), says=["not a WAV or FLAC file"])
		self.bad(network, self.write("cut.wav", wav([1] * 80)[:100]), says=["cut off"])


if __name__ == "__main__":
	unittest.main(argv=sys.argv[:1] + sys.argv[2:])
