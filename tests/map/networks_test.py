#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""networks_test.py DELTAHOP SHARED [--all] [--page] [--keep FOLDER]: real trained networks, compiled and run on the embedded device.

Those beside this file always; those in the folder SHARED/models if it is there. Without --all every twentieth
sample of the large data sets. Prints what they got right, next to float, what ran where and what it cost; with --page
as a page of the documentation. With --keep each network's program,
input, output and report stay in a folder of their own in FOLDER.
"""

import array
import ast
import gzip
import itertools
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile
import zlib

from networks_table import page, text

DELTAHOP, SHARED = sys.argv[1:3]
STEP = 1 if "--all" in sys.argv[3:] else 20
KEEP = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv[3:] else None
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "networks")
DIGITS = os.path.join(os.path.dirname(HERE), "..", "..", "examples", "spoken-digits")
KINDS = {"<i2": "h", "<i4": "i", "|u1": "B", "<f4": "f", "<f8": "d", "<i8": "q", "<u4": "I"}
TABLE = []
# Points of accuracy that may be lost to float.
POINTS = 0.5
# Per cent right that a network must be of which float's are not known.
LEAST = 99
# Bytes that were predicted and those that moved, relative.
PREDICTION = 0.1


class Array:
	"""Values with a shape, as NumPy's files have them."""

	def __init__(self, kind, shape, values):
		self.kind, self.shape, self.values = kind, tuple(shape), values

	@classmethod
	def parse(cls, data):
		size = 10 + struct.unpack_from("<H", data, 8)[0]
		head = ast.literal_eval(data[10:size].decode())
		return cls(head["descr"], head["shape"], array.array(KINDS[head["descr"]], data[size:]))

	@classmethod
	def load(cls, path):
		with open(path, "rb") as file:
			return cls.parse(file.read())

	def save(self, path):
		text = repr({"descr": self.kind, "fortran_order": False, "shape": self.shape})
		text += " " * (-(len(text) + 11) % 64) + "\n"
		with open(path, "wb") as file:
			file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
			file.write(self.values.tobytes())
		return path

	def row(self):
		return len(self.values) // self.shape[0]

	def pick(self, indices):
		row, values = self.row(), array.array(KINDS[self.kind])
		for i in indices:
			values.extend(self.values[i * row:(i + 1) * row])
		return Array(self.kind, (len(indices),) + self.shape[1:], values)

	def rows(self):
		row = self.row()
		return [self.values[i * row:(i + 1) * row] for i in range(self.shape[0])]


def model(*path):
	return os.path.join(SHARED, "models", *path)


def largest(values):
	return max(range(len(values)), key=values.__getitem__)


def read_png(path):
	"""A grey picture of 8 bits: rows of bytes."""
	with open(path, "rb") as file:
		data = file.read()
	at, packed = 8, b""
	while at < len(data):
		size, kind = struct.unpack_from(">I4s", data, at)
		body = data[at + 8:at + 8 + size]
		if kind == b"IHDR":
			width, height, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", body)
			assert (depth, colour, lace) == (8, 0, 0), "not grey, 8 bits"
		elif kind == b"IDAT":
			packed += body
		at += size + 12
	raw, rows, above = zlib.decompress(packed), [], bytearray(width)
	for y in range(height):
		line = bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
		unfilter(raw[y * (width + 1)], line, above)
		rows.append(line)
		above = line
	return rows


def unfilter(kind, line, above):
	for x, value in enumerate(line):
		left, up = line[x - 1] if x else 0, above[x]
		corner = above[x - 1] if x else 0
		paeth = min((abs(up - corner), 0, left), (abs(left - corner), 1, up),
			    (abs(left + up - 2 * corner), 2, corner))[2]
		line[x] = (value + (0, left, up, (left + up) // 2, paeth)[kind]) & 255


def read_tensor(path):
	"""A float tensor as ONNX's test data have it: dimensions are field 1, the bytes field 9."""
	with open(path, "rb") as file:
		data = file.read()
	at, shape, values = 0, [], None
	while at < len(data):
		tag, at = read_number(data, at)
		number, at = read_number(data, at)
		if tag == 1 << 3:
			shape.append(number)
		elif tag & 7 == 2:
			if tag >> 3 == 9:
				values = array.array("f", data[at:at + number])
			elif tag >> 3 == 1:
				inner, end = at, at + number
				while inner < end:
					size, inner = read_number(data, inner)
					shape.append(size)
			at += number
	return Array("<f4", shape, values)


def read_number(data, at):
	value, shift = 0, 0
	while True:
		value |= (data[at] & 127) << shift
		shift += 7
		at += 1
		if data[at - 1] < 128:
			return value, at


class Network:
	"""A network that is compiled, and what it gives."""

	def __init__(self, test, name, onnx, calibration, profile="card", weights="auto"):
		self.test, self.name, self.profile = test, name, profile
		self.folder = self.make_folder()
		self.program = self.path("network.dhp")
		self.compiled = json.loads(self.call(
			"compile", onnx, "-o", self.program, "--profile", profile, "--weights", weights,
			"--calibration", calibration.save(self.path("calibration.npy")), *self.options(), "--json"))
		self.layers = self.compiled["explain"]["convs"]

	def options(self):
		"""Of the compiler, besides."""
		return []

	def inputs(self, values):
		return ["--input", values.save(self.path("input.npy"))]

	def make_folder(self):
		"""One that goes with the test, or is kept: PROFILE/NAME in KEEP."""
		if KEEP:
			name = re.sub("[^a-z0-9]+", "-", self.name.lower()).strip("-")
			folder = os.path.join(KEEP, self.profile, name)
			os.makedirs(folder)
			return folder
		temporary = tempfile.TemporaryDirectory()
		self.test.addCleanup(temporary.cleanup)
		return temporary.name

	def path(self, name):
		return os.path.join(self.folder, name)

	def call(self, *arguments):
		done = subprocess.run([DELTAHOP, *arguments], capture_output=True, text=True, check=False)
		self.test.assertEqual(done.returncode, 0, done.stderr)
		return done.stdout

	def run(self, values):
		output, report = self.path("output.npy"), self.path("report.json")
		self.call("run", self.program, "--device", "embedded:profile=" + self.profile, *self.inputs(values),
			  "--output", output, "--profile", report)
		with open(report) as file:
			self.report = json.load(file)
		result = Array.load(output)
		result.shape = (self.runs(), len(result.values) // self.runs())
		return result

	def runs(self):
		"""Or sequences."""
		return self.report.get("runs") or self.report["sequences"]

	def check_prediction(self):
		"""Bytes of DRAM: what the compiler predicted, and what the device says."""
		predicted = sum(layer["predicted_bytes"] for layer in self.layers)
		done = sum(layer["bytes_" + what] for layer in self.report["layers"]
			   for what in ("weights", "in", "out")) / self.report["runs"]
		self.test.assertLess(abs(predicted - done), PREDICTION * done)

	def where(self):
		"""How many nodes ran where."""
		nodes = self.compiled["explain"]["nodes"]
		places = [node["place"] for node in nodes]
		engine = [node["operator"] for node in nodes if node["place"] == "engine"]
		recurrent = engine.count("GRU") if self.layers else len(engine)
		return {"conv": len(engine) - recurrent, "rnn": recurrent, "host": places.count("host"),
			"parts": self.compiled["program"].get("parts", 1)}

	def tell(self, samples, ours, theirs, unit):
		work, runs = self.report["totals"], self.runs()
		small = sum(layer["weight_bits"] == 8 for layer in self.layers)
		layers = self.layers or self.compiled["explain"]["layers"]
		TABLE.append({
			"name": self.name, "profile": self.profile, "samples": samples, "ours": ours, "theirs": theirs,
			"unit": unit, "seconds": work["seconds"] / runs, "done": work["work_done"] / runs,
			"dense": (work["work_done"] + work["work_skipped"]) / runs,
			"bytes": sum(work["bytes_" + what] for what in ("weights", "in", "out", "state", "commands")) / runs,
			"bits": (small if self.layers else len(layers), len(layers)), **self.where()})

	def check_classes(self, values, labels, reference):
		"""Accuracy, within POINTS of float's, or if that is not known at least LEAST."""
		answers = [largest(row) for row in self.run(values).rows()]
		ours = 100 * sum(a == b for a, b in zip(answers, labels)) / len(labels)
		theirs = 100 * sum(a == b for a, b in zip(reference, labels)) / len(labels) if reference else None
		self.tell(len(labels), ours, theirs, "% right")
		self.test.assertGreaterEqual(ours, theirs - POINTS if reference else LEAST)

	def check_values(self, values, reference, most):
		"""Outputs, near float's, relative and root mean square; the largest at the same place."""
		output = self.run(values)
		error = sum((a - b) ** 2 for a, b in zip(output.values, reference.values))
		error = 100 * math.sqrt(error / sum(b * b for b in reference.values))
		self.tell(values.shape[0], error, 0.0, "% error")
		self.test.assertLess(error, most)
		if reference.row() <= 1000:
			reference.shape = output.shape
			self.test.assertEqual([largest(row) for row in output.rows()],
					      [largest(row) for row in reference.rows()])


class Recurrent(Network):
	"""One for the recurrent engine as a whole, with sequences end to end, of some lengths."""

	def __init__(self, test, name, onnx, calibration, lengths, theta=0):
		self.lengths, self.theta = lengths, str(theta)
		super().__init__(test, name, onnx, calibration)

	def options(self):
		return ["--theta-x", self.theta, "--theta-h", self.theta, *self.with_lengths(self.lengths)]

	def with_lengths(self, lengths):
		array_of = Array("<i4", (len(lengths),), array.array("i", lengths))
		return ["--lengths", array_of.save(self.path("lengths.npy"))]

	def check_sequences(self, values, lengths, labels, reference):
		self.lengths = lengths
		self.check_classes(values, labels, reference)

	def inputs(self, values):
		return super().inputs(values) + self.with_lengths(self.lengths)

	def run(self, values):
		"""Of networks that answer at every step, the answer at the end of each sequence."""
		result = super().run(values)
		size = self.compiled["explain"]["layers"][-1]["hidden"]
		if len(result.values) == size * len(self.lengths):
			return result
		result.shape = (len(result.values) // size, size)
		return result.pick([end - 1 for end in itertools.accumulate(self.lengths)])


class Committed(unittest.TestCase):
	"""What lies beside this file."""

	def test_mnist8(self):
		digits = Array.load(os.path.join(HERE, "digits.npy"))
		labels = Array.load(os.path.join(HERE, "digits_labels.npy")).values
		reference = Array.load(os.path.join(HERE, "digits_mnist8.npy")).values
		network = Network(self, "mnist-8, 50 digits", os.path.join(HERE, "mnist8.onnx"),
				  digits.pick(range(0, 50, 2)))
		network.check_classes(digits, labels, reference)
		network.check_prediction()

	def test_resnet8(self):
		values = Array.load(os.path.join(HERE, "resnet8_input.npy"))
		network = Network(self, "ResNet-8, random", os.path.join(HERE, "resnet8.onnx"), values,
				  weights="16")
		self.assertEqual(network.compiled["program"]["parts"], 2)
		network.check_values(values, Array.load(os.path.join(HERE, "resnet8_output.npy")), 1)
		network.check_prediction()


	def spoken_digits(self, theta):
		def load(name):
			return Array.load(os.path.join(DIGITS, name + ".npy"))
		network = Recurrent(self, "spoken digits, thresholds %d" % theta, os.path.join(DIGITS, "spoken_digits.onnx"),
				    load("calibration_features"), load("calibration_lengths").values, theta)
		network.check_sequences(load("test_features"), load("test_lengths").values,
					load("test_labels").values, None)

	def test_spoken_digits(self):
		self.spoken_digits(0)
		self.spoken_digits(32)


@unittest.skipUnless(os.path.isdir(model()), "no models in " + SHARED)
class Shared(unittest.TestCase):
	"""What a checkout beside this one may hold."""

	@staticmethod
	def random_io(path):
		with zipfile.ZipFile(path) as file:
			return [Array.parse(file.read(name)) for name in file.namelist()]

	def test_mnist8(self):
		folder = model("share_alike", "mnist_t10k")
		with gzip.open(os.path.join(folder, "t10k-images-idx3-ubyte.gz")) as file:
			images = file.read()[16:]
		with gzip.open(os.path.join(folder, "t10k-labels-idx1-ubyte.gz")) as file:
			labels = file.read()[8:]
		reference = Array.load(os.path.join(folder, "mnist8.pred.npy")).values
		images = Array("|u1", (10000, 1, 28, 28), array.array("B", images))
		network = Network(self, "mnist-8, MNIST", model("permissive", "mnist8", "model.onnx"),
				  images.pick(range(7, 10000, 100)))
		network.check_classes(images.pick(range(0, 10000, STEP)), labels[::STEP], reference[::STEP])
		network.check_prediction()

	def test_digits(self):
		rows = read_png(model("permissive", "digits_opencv", "digits.png"))
		images = array.array("B", bytes(5000 * 784))
		for i in range(5000):
			for y in range(20):
				line = rows[i // 100 * 20 + y][i % 100 * 20:i % 100 * 20 + 20]
				images[i * 784 + (y + 4) * 28 + 4:i * 784 + (y + 4) * 28 + 24] = array.array(
					"B", line)
		labels = [i // 500 for i in range(5000)]
		reference = Array.load(model("permissive", "digits_opencv", "mnist8.pred.npy")).values
		images = Array("|u1", (5000, 1, 28, 28), images)
		network = Network(self, "mnist-8, digits.png", model("permissive", "mnist8", "model.onnx"),
				  images.pick(range(7, 5000, 50)))
		network.check_classes(images.pick(range(0, 5000, STEP)), labels[::STEP], reference[::STEP])

	def keywords(self, name):
		folder = model("permissive", "gsc_test")
		clips = Array.load(os.path.join(folder, "mfcc_q6.npy"))
		clips = Array("<f4", (clips.shape[0], 1) + clips.shape[1:],
			      array.array("f", [v / 64 for v in clips.values]))
		labels = Array.load(os.path.join(folder, "labels.npy")).values
		reference = Array.load(model("permissive", "kws_arm", name + ".pred.npy")).values
		network = Network(self, name, model("permissive", "kws_arm", name + ".onnx"),
				  clips.pick(range(7, len(labels), 50)))
		network.check_classes(clips.pick(range(0, len(labels), STEP)), labels[::STEP],
				      reference[::STEP])
		network.check_prediction()

	def test_keywords_s(self):
		self.keywords("kws_cnn_s")

	def test_keywords_m(self):
		self.keywords("kws_cnn_m")

	def test_keywords_dense(self):
		"""Dense layers alone go to the recurrent engine, a clip is a sequence of one step: every other frame."""
		folder = model("permissive", "gsc_test")
		clips = Array.load(os.path.join(folder, "mfcc_q6.npy"))
		clips = Array("<f4", (clips.shape[0], 250), array.array(
			"f", [v / 64 for clip in clips.rows() for f in range(0, 49, 2) for v in clip[10 * f:10 * f + 10]]))
		labels = Array.load(os.path.join(folder, "labels.npy")).values
		reference = Array.load(model("permissive", "kws_arm", "kws_dnn_s.pred.npy")).values
		calibration = clips.pick(range(7, len(labels), 50))
		network = Recurrent(self, "kws_dnn_s", model("permissive", "kws_arm", "kws_dnn_s.onnx"), calibration,
				    [1] * calibration.shape[0])
		labels = labels[::STEP]
		network.check_sequences(clips.pick(range(0, clips.shape[0], STEP)), [1] * len(labels), labels,
					reference[::STEP])

	def test_spoken_digits(self):
		"""A network that was not made for the engine; the first ten recordings choose its scales."""
		folder = model("share_alike", "fsdd_test")
		features, lengths, labels, logits = (Array.load(os.path.join(folder, name + ".npy"))
						     for name in ("features_q8", "lengths", "labels", "final_logits"))
		some = lengths.values[:10]
		network = Recurrent(self, "fsdd_gru2x128", os.path.join(folder, "fsdd_gru2x128.onnx"),
				    features.pick(range(sum(some))), some)
		network.check_sequences(features, lengths.values, labels.values, [largest(row) for row in logits.rows()])

	def test_anomaly(self):
		values, reference = self.random_io(model("permissive", "mlperf_tiny", "mlperf_tiny_ad.random_io.npz"))
		network = Network(self, "AD autoencoder", model("permissive", "mlperf_tiny", "mlperf_tiny_ad.onnx"), values)
		network.check_values(values, reference, 2)

	def roshambo(self, profile, most):
		"""Its weights are exact in the engine's form, all but those of the first layer in 8 bits too."""
		values, reference = self.random_io(model("share_alike", "roshambo", "random_sparse_io.npz"))
		network = Network(self, "RoShamBo v1", model("share_alike", "roshambo", "roshambo_v1.onnx"),
				  values, profile)
		for layer in network.layers:
			self.assertEqual(layer["weight_error"], 0)
		network.check_values(values, reference, most)
		return network

	def test_roshambo(self):
		network = self.roshambo("card", 0.1)
		network.check_prediction()
		self.assertEqual(sum(layer["weight_bits"] == 8 for layer in network.layers), 5)

	def test_roshambo_published(self):
		"""Q8.8 with results rounded down, as the accelerator that it was made for."""
		self.roshambo("nullhop-fpga", 2)
		self.roshambo("nullhop-asic", 2)

	def test_resnet8(self):
		values, reference = self.random_io(
			model("permissive", "mlperf_tiny", "mlperf_tiny_resnet8.random_io.npz"))
		network = Network(self, "ResNet-8", model("permissive", "mlperf_tiny",
							  "mlperf_tiny_resnet8.onnx"), values)
		network.check_values(values, reference, 2)

	def test_person(self):
		values, reference = self.random_io(
			model("permissive", "mlperf_tiny", "mlperf_tiny_vww.random_io.npz"))
		network = Network(self, "VWW (depthwise)", model("permissive", "mlperf_tiny",
								 "mlperf_tiny_vww.onnx"), values)
		network.check_values(values, reference, 2)

	def test_super_resolution(self):
		folder = model("permissive", "super_resolution")
		values = read_tensor(os.path.join(folder, "test_data_set_0", "input_0.pb"))
		reference = read_tensor(os.path.join(folder, "test_data_set_0", "output_0.pb"))
		network = Network(self, "super-resolution", os.path.join(folder, "model.onnx"), values)
		network.check_values(values, reference, 1)
		network.check_prediction()


if __name__ == "__main__":
	outcome = unittest.main(argv=sys.argv[:1], exit=False).result
	if TABLE:
		TABLE.sort(key=lambda row: (row["profile"], row["name"].lower()))
		print(page(TABLE) if "--page" in sys.argv[3:] else "\n" + text(TABLE))
	sys.exit(not outcome.wasSuccessful())
