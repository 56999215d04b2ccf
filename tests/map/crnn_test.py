#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crnn_test.py DELTAHOP [--keep FOLDER]: networks that use both engines, on the embedded device, next to float.

Convolutions over a spectrogram, whose columns are the steps of recurrent layers behind them. With --keep each
network's program, inputs, output and report stay in a folder of their own in FOLDER.
"""

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import onnx_file as onnx
from npy import load, save

DELTAHOP = sys.argv[1]
KEEP = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv[2:] else None
BANDS, STEPS, MAPS, UNITS, CLASSES, RUNS = 16, 20, 8, 24, 10, 4
FEATURES = MAPS * BANDS // 4
# Error of the outputs, root mean square, relative to float: weights of recurrent layers have 8 bits, and their
# activations 4.
MOST = 0.08


def sigmoid(x):
	return 1 / (1 + math.exp(-x))


def product(matrix, vector):
	return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


class Conv:
	"""3x3 with a pad of 1 and ReLU; every second row."""

	def __init__(self, rng, name, channels):
		self.name, self.channels = name, channels
		size = 1.5 / math.sqrt(9 * channels)
		self.w = [[[[rng.gauss(0, size) for _ in range(3)] for _ in range(3)] for _ in range(channels)]
			  for _ in range(MAPS)]
		self.b = [rng.gauss(0, 0.1) for _ in range(MAPS)]

	def constants(self):
		return [onnx.tensor(self.name + ".w", (MAPS, self.channels, 3, 3),
				    [v for o in self.w for c in o for r in c for v in r]),
			onnx.tensor(self.name + ".b", (MAPS,), self.b)]

	def nodes(self, x, y):
		return [onnx.node("Conv", [x, self.name + ".w", self.name + ".b"], [self.name + ".sum"], self.name,
				  kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1]),
			onnx.node("Relu", [self.name + ".sum"], [y], self.name + ".relu")]

	def run(self, x):
		rows, cols = len(x[0]), len(x[0][0])
		return [[[max(0, self.b[o] + self.sum_at(x, o, 2 * r - 1, c - 1)) for c in range(cols)]
			 for r in range(rows // 2)] for o in range(MAPS)]

	def sum_at(self, x, o, row, col):
		return sum(self.w[o][k][i][j] * x[k][row + i][col + j] for k in range(self.channels)
			   for i in range(3) if 0 <= row + i < len(x[k])
			   for j in range(3) if 0 <= col + j < len(x[k][0]))


class Gru:
	"""With the reset gate behind the product; gates in ONNX's order: z, r, h."""

	def __init__(self, rng, name, inputs, units=UNITS, **attributes):
		self.name, self.inputs, self.units, self.attributes = name, inputs, units, attributes
		self.w = [[rng.gauss(0, 1 / math.sqrt(inputs)) for _ in range(inputs)] for _ in range(3 * units)]
		self.r = [[rng.gauss(0, 1 / math.sqrt(units)) for _ in range(units)] for _ in range(3 * units)]
		self.b = [rng.gauss(0, 0.1) for _ in range(6 * units)]

	def constants(self):
		rows = 3 * self.units
		return [onnx.tensor(self.name + ".w", (1, rows, self.inputs), [v for row in self.w for v in row]),
			onnx.tensor(self.name + ".r", (1, rows, self.units), [v for row in self.r for v in row]),
			onnx.tensor(self.name + ".b", (1, 2 * rows), self.b)]

	def nodes(self, x, y, last=False):
		attributes = {"hidden_size": self.units, "linear_before_reset": 1, **self.attributes}
		outputs = ["", self.name + ".h"] if last else [self.name + ".all"]
		return [onnx.node("GRU", [x] + [self.name + end for end in (".w", ".r", ".b")], outputs, self.name,
				  **attributes),
			onnx.node("Squeeze", [outputs[-1], "axes" + str(1 - last)], [y], self.name + ".squeeze")]

	def run(self, sequence):
		n = self.units
		h, outputs = [0] * n, []
		for x in sequence:
			a = [v + b for v, b in zip(product(self.w, x), self.b)]
			b = [v + b for v, b in zip(product(self.r, h), self.b[3 * n:])]
			for i in range(n):
				update, reset = sigmoid(a[i] + b[i]), sigmoid(a[n + i] + b[n + i])
				h[i] = update * h[i] + (1 - update) * math.tanh(a[2 * n + i] + reset * b[2 * n + i])
			outputs.append(list(h))
		return outputs


class Dense:
	"""A Gemm on one vector; on those of all steps a MatMul with an Add."""

	def __init__(self, rng, name):
		self.name = name
		self.w = [[rng.gauss(0, 1.5 / math.sqrt(UNITS)) for _ in range(UNITS)] for _ in range(CLASSES)]
		self.b = [rng.gauss(0, 0.1) for _ in range(CLASSES)]

	def constants(self):
		return [onnx.tensor(self.name + ".w", (UNITS, CLASSES), [row[i] for i in range(UNITS) for row in self.w]),
			onnx.tensor(self.name + ".b", (CLASSES,), self.b)]

	def nodes(self, x, y, last=False):
		w, b = self.name + ".w", self.name + ".b"
		if last:
			return [onnx.node("Gemm", [x, w, b], [y], self.name)]
		return [onnx.node("MatMul", [x, w], [self.name + ".sum"], self.name),
			onnx.node("Add", [self.name + ".sum", b], [y], self.name + ".add")]

	def run(self, sequence):
		return [[v + b for v, b in zip(product(self.w, x), self.b)] for x in sequence]


def softmax(vector):
	powers = [math.exp(v) for v in vector]
	return [v / sum(powers) for v in powers]


class Network:
	"""Conv, Conv, GRU, GRU, dense, Softmax: of the last step, or of every one."""

	def __init__(self, test, name, last=False, **attributes):
		rng = random.Random(7)
		self.test, self.name, self.last = test, name, last
		self.convs = [Conv(rng, "conv1", 1), Conv(rng, "conv2", MAPS)]
		self.grus = [Gru(rng, "gru1", FEATURES, **attributes), Gru(rng, "gru2", UNITS)]
		self.dense = Dense(rng, "dense")
		self.folder = self.make_folder()
		self.inputs = self.sounds(rng)
		self.write()

	def make_folder(self):
		if KEEP:
			folder = os.path.join(KEEP, "card", self.name)
			os.makedirs(folder)
			return folder
		temporary = tempfile.TemporaryDirectory()
		self.test.addCleanup(temporary.cleanup)
		return temporary.name

	def path(self, name):
		return os.path.join(self.folder, name)

	@staticmethod
	def sounds(rng):
		"""Bands that come and go slowly."""
		def band():
			level, out = rng.random(), []
			for _ in range(STEPS):
				level = 0.8 * level + 0.2 * rng.gauss(0.5, 1)
				out.append(max(0, level))
			return out
		return [[band() for _ in range(BANDS)] for _ in range(RUNS)]

	def write(self):
		layers = [*self.convs, *self.grus, self.dense]
		nodes = (self.convs[0].nodes("x", "c1") + self.convs[1].nodes("c1", "c2") +
			 [onnx.node("Transpose", ["c2"], ["c3"], "time_first", perm=[3, 0, 1, 2]),
			  onnx.node("Reshape", ["c3", "sequence"], ["c4"], "to_sequence")] +
			 self.grus[0].nodes("c4", "g1") + self.grus[1].nodes("g1", "g2", self.last) +
			 self.dense.nodes("g2", "d", self.last) + [onnx.node("Softmax", ["d"], ["y"], "softmax", axis=-1)])
		constants = [one for layer in layers for one in layer.constants()]
		constants += [onnx.tensor("sequence", (3,), [STEPS, 1, FEATURES], onnx.INT64),
			      onnx.tensor("axes0", (1,), [0], onnx.INT64), onnx.tensor("axes1", (1,), [1], onnx.INT64)]
		onnx.save(self.path("network.onnx"), "crnn", nodes, constants,
			  [onnx.value_info("x", (1, 1, BANDS, STEPS))],
			  [onnx.value_info("y", (1, CLASSES) if self.last else (STEPS, 1, CLASSES))])
		save(self.path("input.npy"), "<f4", (RUNS, 1, BANDS, STEPS), [v for s in self.inputs for r in s for v in r])

	def compile(self, *args, status=0):
		done = subprocess.run([DELTAHOP, "compile", self.path("network.onnx"), "-o", self.path("network.dhp"),
				       "--calibration", self.path("input.npy"), "--json", *args],
				      capture_output=True, text=True, check=False)
		self.test.assertEqual(done.returncode, status, done.stderr)
		self.compiled = json.loads(done.stdout)
		return self.compiled

	def run(self, *args):
		done = subprocess.run([DELTAHOP, "run", self.path("network.dhp"), "--device", "embedded", "--input",
				       self.path("input.npy"), "--output", self.path("output.npy"), "--profile",
				       self.path("report.json"), *args], capture_output=True, text=True, check=False)
		self.test.assertEqual((done.returncode, done.stderr), (0, ""))
		with open(self.path("report.json"), encoding="utf-8") as file:
			self.report = json.load(file)
		self.output = load(self.path("output.npy"))[1]
		return done.stdout

	def features(self, sound):
		maps = self.convs[1].run(self.convs[0].run([sound]))
		return [[maps[c][r][t] for c in range(MAPS) for r in range(BANDS // 4)] for t in range(STEPS)]

	def exact(self, stream):
		"""The same in float; as one sequence if the states go on from run to run."""
		runs, out = [self.features(sound) for sound in self.inputs], []
		for steps in [sum(runs, [])] if stream else runs:
			steps = self.grus[1].run(self.grus[0].run(steps))
			for vector in self.dense.run(steps[-1:] if self.last else steps):
				out.extend(softmax(vector))
		return out

	def error(self, stream=False):
		exact = self.exact(stream)
		self.test.assertEqual(len(exact), len(self.output))
		return math.sqrt(sum((a - b) ** 2 for a, b in zip(self.output, exact)) / sum(b * b for b in exact))

	def places(self):
		"""By name of the node: place, layer, remark."""
		return {row["node"]: (row["place"], row.get("layer"), row["remark"]) for row in self.compiled["explain"]["nodes"]}

	def work(self, engine):
		return sum(layer["work_done"] for layer in self.report["layers"] if layer["engine"] == engine)


class BothEngines(unittest.TestCase):
	"""Parts of a network on the engine that each is for."""

	def check_adds_up(self, report):
		totals, layers = report["totals"], report["layers"]
		for key in ("bytes_weights", "bytes_in", "bytes_out", "work_done", "work_skipped"):
			self.assertEqual(totals[key], sum(layer[key] for layer in layers), key)

	def check(self, network, steps, error=MOST):
		places = network.places()
		self.assertEqual([places[name][:2] for name in ("conv1", "conv2.relu", "gru1", "gru2", "dense")],
				 [("engine", i) for i in (0, 1, 2, 3, 4)])
		self.assertEqual(places["gru1"][2], "recurrent engine, %d steps" % STEPS)
		self.assertEqual(places["dense"][2], "recurrent engine, " + ("after the last step" if steps == 1 else "%d steps" % steps))
		self.assertEqual(places["softmax"][0], "host")
		self.assertEqual(network.compiled["program"]["parts"], 2)
		text = network.run("--table")
		self.assertRegex(text, r"conv1 +conv ")
		self.assertRegex(text, r"gru2 +rnn ")
		self.assertEqual([layer["engine"] for layer in network.report["layers"]], ["conv"] * 2 + ["rnn"] * 3)
		self.assertEqual([layer.get("steps") for layer in network.report["layers"]][2:], [RUNS * STEPS] * 2 + [RUNS * steps])
		self.check_adds_up(network.report)
		self.assertLess(network.error(), error)

	def test_every_step(self):
		network = Network(self, "crnn-steps")
		network.compile()
		self.check(network, STEPS)

	def test_last_step(self):
		network = Network(self, "crnn-last", last=True)
		network.compile()
		self.check(network, 1)

	def test_thresholds(self):
		network = Network(self, "crnn-thresholds")
		network.compile("--weights", "16")
		network.run()
		conv, rnn, output = network.work("conv"), network.work("rnn"), list(network.output)
		network.run("--theta-x", "40", "--theta-h", "40")
		self.assertEqual(network.work("conv"), conv)
		self.assertLess(network.work("rnn"), 0.8 * rnn)
		network.compile("--weights", "16", "--theta-x", "40", "--theta-h", "40")
		network.run()
		self.assertEqual(network.work("conv"), conv)
		self.assertLess(network.work("rnn"), 0.8 * rnn)
		self.assertNotEqual(output, list(network.output))
		all_layers = network.work("rnn")
		network.compile("--weights", "16", "--theta-h", "2=40,3=40", "--theta-x", "2=40,3=40")
		network.run()
		self.assertEqual(network.work("rnn"), all_layers)
		self.assertIn("layers 2 to 4", network.compile("--weights", "16", "--theta-x", "1=8", status=2)["error"])

	def test_states_go_on(self):
		"""With --stream the second run begins where the first one ended, and the first at the start."""
		network = Network(self, "crnn-stream")
		network.compile()
		network.run()
		first, size = network.output, STEPS * CLASSES
		network.run("--stream")
		self.assertEqual(network.output[:size], first[:size])
		self.assertNotEqual(network.output[size:], first[size:])
		self.assertLess(network.error(stream=True), MOST)
		self.assertGreater(network.error(), network.error(stream=True))
		network.run()


class Branches(unittest.TestCase):
	"""A convolution over one input, a recurrent layer over another, which is a sequence by itself."""

	def setUp(self):
		rng = random.Random(9)
		self.conv, self.gru = Conv(rng, "conv", 1), Gru(rng, "gru", UNITS, 96)
		temporary = tempfile.TemporaryDirectory()
		self.addCleanup(temporary.cleanup)
		self.folder = temporary.name
		self.x = [[[[rng.random() for _ in range(64)] for _ in range(64)]] for _ in range(2)]
		self.s = [[[rng.gauss(0, 0.5) for _ in range(UNITS)] for _ in range(40)] for _ in range(2)]

	def path(self, name):
		return os.path.join(self.folder, name)

	def call(self, command, *args, status=0):
		done = subprocess.run([DELTAHOP, command, *args, "--json"], capture_output=True, text=True, check=False)
		self.assertEqual(done.returncode, status, done.stderr)
		return json.loads(done.stdout)

	def compile(self, gru, *args):
		onnx.save(self.path("n.onnx"), "branches",
			  self.conv.nodes("x", "map") + gru.nodes("s", "h"), self.conv.constants() + gru.constants() +
			  [onnx.tensor("axes1", (1,), [1], onnx.INT64)],
			  [onnx.value_info("x", (1, 1, 64, 64)), onnx.value_info("s", (40, 1, UNITS))],
			  [onnx.value_info("map", (1, MAPS, 32, 64)), onnx.value_info("h", (40, 1, gru.units))])
		save(self.path("x.npy"), "<f4", (2, 1, 64, 64), [v for i in self.x for c in i for r in c for v in r])
		save(self.path("s.npy"), "<f4", (2, 40, 1, UNITS), [v for i in self.s for r in i for v in r])
		return self.call("compile", self.path("n.onnx"), "-o", self.path("n.dhp"), "--calibration",
				 "x=" + self.path("x.npy"), "--calibration", "s=" + self.path("s.npy"), *args)

	def run_all(self, *args):
		return self.call("run", self.path("n.dhp"), "--input", "x=" + self.path("x.npy"), "--input",
				 "s=" + self.path("s.npy"), *args)

	def check_states(self, answer, most):
		"""Against float, all states of a run."""
		for run, sequence in zip(answer["answers"], self.s):
			exact = [v for h in self.gru.run(sequence) for v in h]
			self.assertEqual(len(run["h"]), len(exact))
			error = sum((a - b) ** 2 for a, b in zip(run["h"], exact)) / sum(b * b for b in exact)
			self.assertLess(math.sqrt(error), most)

	def test_both_at_once(self):
		"""Parts that need nothing of each other are submitted together, and share the channel."""
		self.compile(self.gru)
		answer = self.run_all()
		self.assertEqual([step["place"] for step in answer["steps"]], ["conv", "rnn"])
		self.assertGreater(answer["overlap_ns"], 0)
		self.assertGreater(answer["totals"]["wait_cycles"], 0)
		for key in ("bytes_weights", "bytes_in", "bytes_out", "work_done", "work_skipped"):
			self.assertEqual(answer["totals"][key], sum(layer[key] for layer in answer["layers"]), key)
		self.check_states(answer, MOST)

	def test_what_the_host_does(self):
		"""Each attribute that the engine has not, with the reason; a GRU in float then."""
		cases = (({"linear_before_reset": 0}, "linear_before_reset 0"), ({"clip": 3.0}, "clip 3"),
			 ({"direction": "reverse"}, "not forward"), ({"activations": ["Sigmoid", "Relu"]}, "Sigmoid, Relu"))
		for attributes, words in cases:
			compiled = self.compile(Gru(random.Random(9), "gru", UNITS, **attributes))
			node = next(row for row in compiled["explain"]["nodes"] if row["node"] == "gru")
			self.assertEqual(node["place"], "host", attributes)
			self.assertIn(words, node["remark"])
			self.assertEqual([step["place"] for step in self.run_all()["steps"]], ["conv", "host", "host"])

	def test_no_recurrent_engine(self):
		compiled = self.compile(self.gru, "--profile", "nullhop-fpga")
		self.assertIn("profile nullhop-fpga has no recurrent engine",
			      next(row["remark"] for row in compiled["explain"]["nodes"] if row["node"] == "gru"))

	def test_thresholds_for_nothing(self):
		self.compile(Gru(random.Random(9), "gru", UNITS, clip=3.0))
		answer = self.call("compile", self.path("n.onnx"), "--theta-x", "8", status=2)
		self.assertIn("none there", answer["error"])


if __name__ == "__main__":
	unittest.main(argv=sys.argv[:1])
