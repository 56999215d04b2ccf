#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""command_test.py DELTAHOP DIGITS-FOLDER NETWORK-MAKE: the deltahop command from outside, on the embedded device."""

import array
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import onnx_file as onnx
from npy import load, save

DELTAHOP, DIGITS, NETWORK_MAKE = sys.argv[1:4]


class Tool(unittest.TestCase):
	"""What tests of the command share."""

	@classmethod
	def setUpClass(cls):
		cls.folder = tempfile.TemporaryDirectory()

	@classmethod
	def tearDownClass(cls):
		cls.folder.cleanup()

	@classmethod
	def path(cls, name):
		return os.path.join(cls.folder.name, name)

	@staticmethod
	def data(name):
		return os.path.join(DIGITS, name)

	@staticmethod
	def call(*args, **kwargs):
		return subprocess.run([DELTAHOP, *args], capture_output=True, text=True, check=False, timeout=120, **kwargs)

	def good(self, *args):
		done = self.call(*args)
		self.assertEqual(done.returncode, 0, done.stderr)
		self.assertEqual(done.stderr, "")
		return done.stdout

	def bad(self, status, *args, says=()):
		"""Fails with a status and one line that has certain words."""
		done = self.call(*args)
		self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
		self.assertTrue(done.stderr.startswith("deltahop"), done.stderr)
		for word in says:
			self.assertIn(word, done.stderr)
		return done.stderr


class Command(Tool):
	"""One method per thing that a user meets."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.program = cls.path("digits.dhp")
		done = cls.call("compile", cls.data("spoken_digits.onnx"), "-o", cls.program,
				"--calibration", cls.data("calibration_features.npy"),
				"--lengths", cls.data("calibration_lengths.npy"))
		assert done.returncode == 0, done.stderr
		_, frames = load(cls.data("test_features.npy"))
		_, lengths = load(cls.data("test_lengths.npy"))
		cls.frames, cls.lengths = frames, lengths

	def run_digits(self, *args):
		return self.good("run", self.program, "--input", self.data("test_features.npy"),
				 "--lengths", self.data("test_lengths.npy"), "--labels", self.data("test_labels.npy"), *args)

	def sequence(self, index):
		start = sum(self.lengths[:index]) * 40
		return self.frames[start:start + self.lengths[index] * 40]

	# --- help and usage

	def test_help(self):
		self.assertIn("Exit status", self.good("--help"))
		for command in ("info", "compile", "run", "profile", "bench", "disasm", "events"):
			text = self.good(command, "--help")
			self.assertIn("--json", text)
			self.assertIn(command, text)
		self.assertRegex(self.good("--version"), r"^deltahop \d+\.\d+\.\d+\n$")

	def test_usage(self):
		self.assertEqual(self.call().returncode, 2)
		self.bad(2, "frobnicate", says=["frobnicate", "--help"])
		self.bad(2, "run", says=["which program"])
		self.bad(2, "run", self.program, says=["--input"])
		self.bad(2, "run", self.program, self.program, "--input", "x", says=["only one"])
		self.bad(2, "run", "--nonsense")
		self.bad(2, "compile", says=["which network"])
		self.bad(2, "compile", "x.onnx", "--lengths", "l.npy", says=["--calibration"])
		self.bad(1, "info", "file", says=["file: cannot be opened"])
		self.bad(2, "info", "a", "b", says=["only one"])
		self.bad(2, "info", self.program, "--device", "embedded", says=["one of the two"])
		self.bad(2, "bench", self.program, "--repeat", "0", says=["1 to"])
		self.bad(2, "bench", self.program, "--steps", "9" * 30, says=["1 to"])

	# --- info

	def test_info_of_a_program(self):
		self.assertIn("; input   features: 40 elements", self.good("info", self.program))
		info = json.loads(self.good("info", "--json", self.program))
		self.assertEqual(info["engine"], "rnn")
		self.assertEqual(info["input"]["elements"], 40)
		self.assertNotIn("commands", info)

	def test_info(self):
		info = json.loads(self.good("info", "--json", "--device", "embedded:profile=edgedrnn,dram-n=3"))
		self.assertEqual(info["device"]["profile"], "edgedrnn")
		self.assertEqual(info["device"]["dram"]["n"], 3)
		self.assertEqual(info["device"]["caps"], [])
		self.assertIn("embedded", self.good("info", "--device", "embedded"))
		self.bad(4, "info", "--device", "/dev/null", says=["/dev/null"])
		self.bad(4, "info", "--device", "/nonexistent/node", says=["No such file"])
		self.bad(2, "info", "--device", "embedded:profile=best", says=["card", "edgedrnn"])
		self.bad(2, "info", "--device", "embedded:speed=1", says=["speed=1"])

	# --- the DRAM channel

	def traced(self, device):
		path = self.path("trace")
		out = json.loads(self.run_digits("--json", "--dram-trace", path, "--device", device))
		with open(path, encoding="ascii") as lines:
			return out, [line.split() for line in lines]

	def test_dram_trace(self):
		out, lines = self.traced("embedded:dram=ddr,link-n=0,card-size=0")
		moved = {"read": 0, "write": 0}
		for cycle, address, size, way in lines:
			self.assertGreaterEqual(int(cycle), 0)
			self.assertLessEqual(int(address, 16) % 4096 + int(size), 4096)
			moved[way] += int(size)
		totals = out["totals"]
		self.assertEqual(moved["read"], out["dram"]["bytes_read"])
		self.assertEqual(moved["write"], out["dram"]["bytes_written"])
		self.assertEqual(len(lines), out["dram"]["bursts"])
		self.assertGreaterEqual(moved["read"], totals["bytes_weights"] + totals["bytes_in"])
		simple, same = self.traced("embedded:dram=simple,link-n=0,card-size=0")
		self.assertIsNone(simple["dram"])
		self.assertEqual(simple["fingerprint"], out["fingerprint"])
		self.assertEqual([line[1:] for line in same], [line[1:] for line in lines])
		self.assertLess(simple["totals"]["cycles"], totals["cycles"])

	def test_dram_is_told(self):
		info = json.loads(self.good("info", "--json", "--device", "embedded:profile=edgedrnn,dram=ddr"))
		self.assertEqual(info["device"]["dram_model"], "ddr3l-1066-x16")
		self.assertIn("lpddr4-3200-x32", self.good("info", "--device", "embedded:dram=ddr"))
		self.assertIn("pJ a multiply-accumulate", self.run_digits("--device", "embedded:dram=ddr3-1066-x32"))
		free = json.loads(self.run_digits("--json", "--device", "embedded:dram=ddr,ddr-read-fj=1,ddr-background-uw=1"))
		part = json.loads(self.run_digits("--json", "--device", "embedded:dram=ddr"))
		self.assertLess(free["dram"]["pj_per_mac_done"], part["dram"]["pj_per_mac_done"])

	def test_bad_dram(self):
		self.bad(2, "info", "--device", "embedded:dram=ddr5", says=["ddr5", "lpddr4-3200-x32"])
		self.bad(2, "info", "--device", "embedded:dram=" + "x" * 99, says=["no such model"])
		self.bad(2, "info", "--device", "embedded:dram=ddr,dram-n=0", says=["dram-n"])
		self.bad(2, "info", "--device", "embedded:dram=ddr,clock-hz=1000001", says=["multiple of 1000"])
		run = ("run", self.program, "--input", self.data("test_features.npy"), "--lengths",
		       self.data("test_lengths.npy"), "--device", "embedded")
		self.bad(1, *run, "--dram-trace", self.path("none/trace"), says=["No such file"])
		self.bad(1, *run, "--dram-trace", "/dev/full", says=["No space left"])

	# --- run

	def test_digits(self):
		text = self.run_digits("--table", "--theta-x", "32", "--theta-h", "32")
		self.assertIn("of 300 right", text)
		self.assertNotIn("do not add up", text)
		self.assertTrue(all(len(line) <= 100 for line in text.splitlines()))
		self.assertEqual(text, self.run_digits("--table", "--theta-x", "32", "--theta-h", "32"))

	def test_accuracy(self):
		"""Labels that are wrong, some too large and some too small: exactly these count."""
		answers = json.loads(self.run_digits("--json"))
		_, labels = load(self.data("test_labels.npy"))
		right = round(answers["accuracy"] * 300)
		classes = [max(range(10), key=answer.__getitem__) for answer in answers["answers"]]
		self.assertEqual(right, sum(c == label for c, label in zip(classes, labels)))
		for shift in (1, -1):
			wrong = array.array("B", classes)
			for at in range(0, 300, 50):
				wrong[at] = (classes[at] + shift) % 10
			path = save(self.path("labels.npy"), "|u1", (300,), wrong)
			text = self.good("run", self.program, "--input", self.data("test_features.npy"),
					 "--lengths", self.data("test_lengths.npy"), "--labels", path)
			self.assertIn("accuracy 294 of 300 right: 98.00 %%\nwrong    sequence 0 (%d, not %d)" % (classes[0], wrong[0]), text)

	def test_json_adds_up(self):
		answer = json.loads(self.run_digits("--json", "--profile", self.path("profile.json")))
		self.assertGreater(answer["accuracy"], 0.97)
		self.assertEqual(len(answer["answers"]), 300)
		totals, layers = answer["totals"], answer["layers"]
		for key in ("bytes_weights", "bytes_in", "bytes_out", "work_done", "work_skipped"):
			self.assertEqual(totals[key], sum(layer[key] for layer in layers), key)
		self.assertEqual(totals["step_cycles"], sum(layer["cycles"] for layer in layers))
		self.assertEqual(totals["dense_cycles"], totals["cycles"] - totals["step_cycles"] +
				 sum(layer["dense_cycles"] for layer in layers))
		self.assertEqual(totals["steps"], sum(self.lengths))
		with open(self.path("profile.json"), encoding="utf-8") as file:
			self.assertEqual(json.load(file)["totals"], totals)

	def test_dense_is_reached(self):
		"""Where every element of the last layer fires, it costs what the dense run costs, to the cycle."""
		for index in range(20):
			steps = self.lengths[index]
			path = save(self.path("one.npy"), "<i2", (steps, 40), self.sequence(index))
			layers = json.loads(self.good("run", self.program, "--input", path, "--json"))["layers"]
			self.assertEqual([layer["slots_x"] for layer in layers], [40 * steps, 128 * steps, 128])
			self.assertEqual([layer["slots_h"] for layer in layers], [128 * steps, 128 * steps, 0])
			self.assertLess(layers[0]["cycles"], layers[0]["dense_cycles"])
			if layers[2]["fired_x"] == 128:
				self.assertEqual(layers[2]["cycles"], layers[2]["dense_cycles"])
				self.assertEqual(layers[2]["work_skipped"], 0)
				return
		self.fail("in no recording every element fires")

	def test_thresholds(self):
		runs = [json.loads(self.run_digits("--json", "--theta-x", theta, "--theta-h", theta))
			for theta in ("0", "16", "511", "0=16,1=16,2=0")]
		done = [run["totals"]["work_done"] for run in runs]
		self.assertTrue(done[0] > done[1] > done[2])
		self.assertEqual(runs[1]["totals"], runs[3]["totals"])
		self.assertIsNone(json.loads(self.run_digits("--json", "--no-dense"))["totals"]["dense_cycles"])
		# a number alone is for the recurrent layers, to compile and to run
		self.assertEqual([layer["theta_x"] for layer in runs[1]["layers"]], [16, 16, 0])
		program = self.path("theta.dhp")
		self.good("compile", self.data("spoken_digits.onnx"), "-o", program, "--theta-x", "16", "--theta-h", "16",
			  "--calibration", self.data("calibration_features.npy"), "--lengths", self.data("calibration_lengths.npy"))
		compiled = json.loads(self.good("run", program, "--input", self.data("test_features.npy"),
						"--lengths", self.data("test_lengths.npy"), "--json"))
		self.assertEqual(compiled["totals"], runs[1]["totals"])
		for theta in ("512", "-1", "x", "", "8,", "0=512", "3=1", "0=", "=1", "0=1,", "0=1,2", "8,0=1", "1e2", " ", "99999999999999999999"):
			self.bad(2, "run", self.program, "--input", self.data("test_features.npy"), "--theta-x=" + theta,
				 says=["--theta-x", "0 to 511"])

	def test_layouts(self):
		"""Two sequences of equal length: end to end, by the network's axes, as real values, alone."""
		steps = 20
		one, two = self.sequence(0)[:steps * 40], self.sequence(1)[:steps * 40]
		by_step = array.array("h")
		for step in range(steps):
			by_step += one[step * 40:step * 40 + 40] + two[step * 40:step * 40 + 40]
		inputs = {
			"a.npy": ("<i2", (2 * steps, 40), one + two, ["--lengths", save(self.path("l.npy"), "<i4", (2,), [steps] * 2)]),
			"b.npy": ("<i2", (steps, 2, 40), by_step, []),
			"c.npy": ("<f4", (steps, 2, 40), [v / 256 for v in by_step], []),
			"d.npy": ("<f8", (steps, 2, 40), [v / 256 for v in by_step], ["--batch", "2"]),
		}
		outputs = []
		for name, (kind, shape, values, extra) in inputs.items():
			path = save(self.path(name), kind, shape, values)
			self.good("run", self.program, "--input", path, "--output", self.path("y.npy"), *extra)
			outputs.append(load(self.path("y.npy")))
		self.assertEqual(outputs[0][0], (2, 10))
		self.assertTrue(all(output == outputs[0] for output in outputs))
		path = save(self.path("e.npy"), "<i2", (steps, 40), two)
		self.good("run", self.program, "--input", path, "--output", self.path("y.npy"))
		self.assertEqual(load(self.path("y.npy"))[1], outputs[0][1][10:])

	def test_stream(self):
		"""A sequence in two pieces with the state carried on ends where the whole one does; also two of them interleaved."""
		one, two = self.sequence(2), self.sequence(3)
		count = [len(one) // 40, len(two) // 40]
		whole = save(self.path("whole.npy"), "<i2", (sum(count), 40), one + two)
		lengths = save(self.path("wl.npy"), "<i4", (2,), count)
		self.good("run", self.program, "--input", whole, "--lengths", lengths, "--output", self.path("w.npy"))
		expected = load(self.path("w.npy"))[1]
		pieces = save(self.path("pieces.npy"), "<i2", (sum(count), 40),
			      one[:400] + two[:400] + one[400:] + two[400:])
		lengths = save(self.path("pl.npy"), "<i4", (4,), [10, 10, count[0] - 10, count[1] - 10])
		self.good("run", self.program, "--input", pieces, "--lengths", lengths, "--output", self.path("p.npy"),
			  "--stream", "--batch", "2")
		self.assertEqual(load(self.path("p.npy"))[1][20:], expected)
		self.good("run", self.program, "--input", pieces, "--lengths", lengths, "--output", self.path("p.npy"))
		self.assertNotEqual(load(self.path("p.npy"))[1][20:], expected)

	def test_clipping_is_told(self):
		path = save(self.path("big.npy"), "<f4", (2, 40), [1000.0] + [0.0] * 79)
		done = self.call("run", self.program, "--input", path)
		self.assertEqual(done.returncode, 0)
		self.assertIn("warning", done.stderr)
		self.assertIn(" 1 values", done.stderr)

	def test_range_is_told(self):
		"""Values that compile did not reckon with: assumed, then calibrated, then none."""
		path = save(self.path("range.npy"), "<f4", (2, 40), [100.0, -9.0] + [7.9] * 78)
		assumed = self.path("assumed.dhp")
		done = self.call("compile", self.data("spoken_digits.onnx"), "-o", assumed)
		self.assertEqual(done.returncode, 0)
		self.assertEqual(len(done.stderr.splitlines()), 1)
		for word in ("warning", "no calibration data", "-8..8", "--calibration"):
			self.assertIn(word, done.stderr)
		done = self.call("run", assumed, "--input", path)
		self.assertEqual(done.returncode, 0)
		for word in ("warning", " 2 values", " 100,", "-8..8", "assumed"):
			self.assertIn(word, done.stderr)
		calibrated = self.path("calibrated.dhp")
		self.good("compile", self.data("spoken_digits.onnx"), "-o", calibrated, "--calibration", path)
		self.good("run", calibrated, "--input", path)
		path = save(self.path("range.npy"), "<f4", (1, 40), [-120.0] + [0.0] * 39)
		small = save(self.path("small.npy"), "<f4", (1, 40), [30.0] + [0.0] * 39)
		self.good("compile", self.data("spoken_digits.onnx"), "-o", calibrated, "--calibration", small)
		self.assertIn("from its calibration data", self.call("run", calibrated, "--input", path).stderr)

	# --- bad files

	def test_bad_input(self):
		cases = [
			("<i2", (10, 39), [0] * 390, ["[10, 39]", "40"]),
			("<i4", (10, 40), [0] * 400, ["int32", "float32"]),
			("<f4", (2, 40), [0.0] * 45 + [float("nan")] + [0.0] * 34, ["element 5 of vector 1"]),
			("<f4", (2, 40), [0.0] * 79 + [float("inf")], ["element 39 of vector 1"]),
			("<i2", (2, 2, 2, 40), [0] * 320, ["4 axes"]),
			("<i2", (0, 40), [], []),
			("<i2", (5, 0, 40), [], []),
		]
		for kind, shape, values, words in cases:
			path = save(self.path("bad.npy"), kind, shape, values)
			self.bad(1, "run", self.program, "--input", path, says=words)
		self.bad(1, "run", self.program, "--input", self.path("missing.npy"), says=["missing.npy"])
		self.bad(1, "run", self.program, "--input", self.program, says=["digits.dhp"])
		self.bad(1, "run", self.program, "--input", self.folder.name)
		self.bad(1, "run", self.program, "--input", "/dev/zero", says=["not a .npy"])

	def test_bad_lengths_and_labels(self):
		features = ["run", self.program, "--input", self.data("test_features.npy")]
		for kind, shape, values, words in [
			("<i4", (2,), [5, 5], ["add up to 10", "12326"]),
			("<i4", (2,), [0, 12326], ["entry 0"]),
			("<i4", (2,), [-3, 12329], ["entry 0"]),
			("<f4", (1,), [12326.0], ["integers"]),
			("<i4", (1, 1), [12326], ["one axis"]),
			("<i4", (0,), [], []),
		]:
			path = save(self.path("bad.npy"), kind, shape, values)
			self.bad(1, *features, "--lengths", path, says=words)
		labels = save(self.path("bad.npy"), "|u1", (3,), [1, 2, 3])
		self.bad(1, *features, "--lengths", self.data("test_lengths.npy"), "--labels", labels, says=["3 labels", "300"])
		labels = save(self.path("bad.npy"), "<f4", (300,), [1.0] * 300)
		self.bad(1, *features, "--lengths", self.data("test_lengths.npy"), "--labels", labels, says=["integers"])

	def test_bad_program(self):
		with open(self.program, "rb") as file:
			data = file.read()
		for cut in (0, 1, 7, 8, 100, len(data) // 2, len(data) - 1):
			with open(self.path("cut.dhp"), "wb") as file:
				file.write(data[:cut])
			self.bad(1, "run", self.path("cut.dhp"), "--input", self.data("test_features.npy"), says=["cut.dhp"])
		for at in range(0, len(data), max(1, len(data) // 60)):
			with open(self.path("flip.dhp"), "wb") as file:
				file.write(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:])
			done = self.call("run", self.path("flip.dhp"), "--input", self.data("test_features.npy"))
			self.assertIn(done.returncode, (1, 3), (at, done.stderr))
		self.bad(1, "run", self.path("none.dhp"), "--input", self.data("test_features.npy"), says=["none.dhp"])

	def test_wrong_device(self):
		run = ["run", self.program, "--input", self.data("test_features.npy"), "--lengths", self.data("test_lengths.npy")]
		self.bad(3, *run, "--device", "embedded:profile=edgedrnn")
		self.bad(4, *run, "--device", "/dev/null", says=["not a node"])
		self.bad(2, *run, "--device", "card7", says=["/dev/accel/accel0"])

	def test_unwritable(self):
		for option in ("--output", "--profile"):
			self.bad(1, "run", self.program, "--input", self.data("test_features.npy"), option, "/nonexistent/file",
				 says=["/nonexistent/file"])
		with open("/dev/full", "w", encoding="utf-8") as full:
			done = subprocess.run([DELTAHOP, "info"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
		self.assertEqual(done.returncode, 1)
		self.assertIn("standard output", done.stderr)

	# --- the other commands

	def test_bench(self):
		bench = json.loads(self.good("bench", self.program, "--repeat", "2", "--steps", "5", "--sequences", "2", "--json"))
		self.assertEqual([loop["name"] for loop in bench["loops"]], ["whole sequences", "single steps"])
		for loop in bench["loops"]:
			self.assertTrue(loop["steady"])
			self.assertGreater(loop["host_best_s"], 0)
		self.assertIn("cycles a second", self.good("bench", self.program, "--repeat", "1", "--steps", "3"))

	def test_bench_status(self):
		self.bad(1, "bench", self.path("none.dhp"), says=["none.dhp"])
		self.bad(1, "bench", self.program, "--input", self.path("none.npy"), says=["none.npy"])
		self.bad(2, "bench", self.program, "--device", "embedded:pes=7", says=["pes: must be"])
		self.bad(3, "bench", self.program, "--device", "embedded:profile=edgedrnn")
		self.bad(4, "bench", self.program, "--device", "/nonexistent/node", says=["/nonexistent/node"])

	def test_disasm(self):
		text = self.good("disasm", self.program)
		self.assertIn("/gru/GRU_1", text)
		json.loads(self.good("disasm", self.program, "--json"))
		self.bad(1, "disasm", self.data("test_labels.npy"))

	def test_compile(self):
		onnx = self.data("spoken_digits.onnx")
		typical = ["--calibration", self.data("calibration_features.npy"), "--lengths", self.data("calibration_lengths.npy")]
		explain = json.loads(self.good("compile", onnx, "--json", *typical))
		self.assertIsNone(explain["error"])
		self.assertEqual(explain["explain"]["warnings"], [])
		self.assertEqual(len(json.loads(self.call("compile", onnx, "--json").stdout)["explain"]["warnings"]), 1)
		self.assertIn("/gru/GRU", self.good("compile", onnx, "--explain", *typical))
		self.bad(2, "compile", onnx, "--profile", "foo", says=["profile foo", "use card, edgedrnn"])
		self.bad(2, "compile", onnx, "--theta-x", "7=3", says=["layer 7", "0 to 2"])
		self.bad(3, "compile", onnx, "--profile", "edgedrnn")
		self.bad(2, "compile", onnx, "--theta-x", "512", says=["0 to 511"])
		self.bad(1, "compile", self.path("none.onnx"), says=["none.onnx"])
		self.bad(1, "compile", onnx, "--output", "/nonexistent/out.dhp", says=["/nonexistent/out.dhp"])
		done = self.call("compile", self.data("test_labels.npy"))
		self.assertIn(done.returncode, (1, 3))



class Networks(Tool):
	"""Networks of parts: the convolution engine, the recurrent one and the host."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.mixed, cls.pair, cls.published = (cls.path(name) for name in ("mixed.dhp", "pair.dhp", "published.dhp"))
		subprocess.run([NETWORK_MAKE, cls.mixed, cls.pair, cls.published], check=True)
		cls.x = [(i * 37 % 256 - 128) / 64 for i in range(4 * 3 * 63)]
		cls.skip = [max(0, i * 53 % 256 - 128) / 64 for i in range(4 * 6 * 63)]
		cls.inputs = ["--input", "x=" + save(cls.path("x.npy"), "<f4", (4, 3, 9, 7), cls.x),
			      "--input", "skip=" + save(cls.path("skip.npy"), "<f4", (4, 6, 9, 7), cls.skip)]

	def run_mixed(self, *args):
		return self.good("run", self.mixed, *self.inputs, *args)

	def test_run(self):
		text = self.run_mixed("--table")
		self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)
		for word in ("mixed.dhp: 4 runs", "4 x 144 h, 11 p, 1 class, fingerprint", "second         conv",
			     "20x9x7 *2", "argmax         host          ArgMax", "second         rnn"):
			self.assertIn(word, text)
		for word in ("do not add up", "lost"):
			self.assertNotIn(word, text)

	def test_json_adds_up(self):
		answer = json.loads(self.run_mixed("--json", "--profile", self.path("profile.json")))
		totals, layers = answer["totals"], answer["layers"]
		for key in ("bytes_weights", "bytes_in", "bytes_out", "work_done", "work_skipped"):
			self.assertEqual(totals[key], sum(layer[key] for layer in layers), key)
		self.assertEqual([layer["engine"] for layer in layers], ["conv"] * 4 + ["rnn"] * 2)
		self.assertEqual([step["place"] for step in answer["steps"]], ["conv", "rnn", "host", "host"])
		self.assertEqual(totals["dense_cycles"] - totals["cycles"],
				 sum(layer["dense_cycles"] - layer["cycles"] for layer in layers))
		self.assertEqual(totals["wait_cycles"], 0)
		self.assertEqual(totals["jobs"], 8)
		self.assertEqual(len(answer["answers"]), 4)
		self.assertEqual(set(answer["answers"][0]), {"h", "p", "class"})
		self.assertAlmostEqual(sum(answer["answers"][3]["p"]), 1, 5)
		with open(self.path("profile.json"), encoding="utf-8") as file:
			self.assertEqual(json.load(file)["totals"], totals)
		self.assertIsNone(json.loads(self.run_mixed("--json", "--no-dense"))["totals"]["dense_cycles"])

	def test_outputs(self):
		"""Every output in a file of its own, with an axis for the runs."""
		self.run_mixed("--output", "h=" + self.path("h.npy"), "--output", "p=" + self.path("p.npy"),
			       "--output", "class=" + self.path("c.npy"))
		answers = json.loads(self.run_mixed("--json"))["answers"]
		shape, values = load(self.path("h.npy"))
		self.assertEqual(shape, (4, 9, 1, 16))
		self.assertEqual(list(values[144:288]), answers[1]["h"])
		self.assertEqual(load(self.path("p.npy"))[0], (4, 11, 1, 1))
		shape, values = load(self.path("c.npy"))
		self.assertEqual(shape, (4, 1, 1, 1))
		self.assertEqual(list(values), [answer["class"][0] for answer in answers])

	def test_layouts(self):
		"""A run without the axis, runs of one value for an input, doubles, Q8.8: the same bits."""
		expected = json.loads(self.run_mixed("--json"))["answers"]
		one = [save(self.path("x1.npy"), "<f8", (3, 9, 7), self.x[378:567]),
		       save(self.path("s1.npy"), "<i2", (1, 6, 9, 7), [round(v * 256) for v in self.skip[756:1134]])]
		args = ["--input", "x=" + one[0], "--input", "skip=" + one[1], "--json"]
		self.assertEqual(json.loads(self.good("run", self.mixed, *args))["answers"], expected[2:3])
		args = [*self.inputs[:2], "--input", "skip=" + one[1], "--json"]
		answers = json.loads(self.good("run", self.mixed, *args))["answers"]
		self.assertEqual(len(answers), 4)
		self.assertEqual(answers[2], expected[2])
		self.assertNotEqual(answers[1], expected[1])

	def test_bytes_are_taken_as_they_are(self):
		pixels = [i * 7 % 100 for i in range(75)]
		outputs = []
		for kind, values in (("|u1", pixels), ("<f4", pixels)):
			path = save(self.path("pixels.npy"), kind, (5, 5, 3), values)
			self.bad(1, "run", self.published, "--input", path, says=["[5, 5, 3]", "[1, 3, 5, 5]"])
			path = save(self.path("pixels.npy"), kind, (3, 5, 5), values)
			outputs.append(self.good("run", self.published, "--input", path, "--device", "embedded:profile=nullhop-asic"))
		self.assertEqual(outputs[0], outputs[1])

	def test_labels(self):
		"""Those of the first output: its largest value."""
		h = [answer["h"] for answer in json.loads(self.run_mixed("--json"))["answers"]]
		classes = [max(range(144), key=values.__getitem__) for values in h]
		labels = save(self.path("labels.npy"), "<i4", (4,), classes[:2] + [classes[2] + 1, classes[3]])
		text = self.run_mixed("--labels", labels)
		self.assertIn("accuracy 3 of 4 right: 75.00 %%\nwrong    run 2 (%d, not %d)" % (classes[2], classes[2] + 1), text)
		labels = save(self.path("labels.npy"), "|u1", (3,), [1, 2, 3])
		self.bad(1, "run", self.mixed, *self.inputs, "--labels", labels, says=["3 labels for 4 runs"])

	def test_clipping_is_told(self):
		big = save(self.path("big.npy"), "<f4", (6, 9, 7), [1000.0, -1000.0] + [0.0] * 376)
		done = self.call("run", self.mixed, *self.inputs[:2], "--input", "skip=" + big)
		self.assertEqual(done.returncode, 0)
		self.assertIn(" 8 values", done.stderr)

	def test_bad_input(self):
		run = ["run", self.mixed]
		x, skip = self.inputs[1], self.inputs[3]
		cases = [
			(["--input", x], ["input skip is missing"]),
			(["--input", x, "--input", x], ["x is given twice"]),
			(["--input", self.path("x.npy")], ["which of 2", "x, skip"]),
			(["--input", "y=" + self.path("x.npy")], ["x, skip"]),
			(["--input", "x=" + self.path("none.npy"), "--input", skip], ["none.npy"]),
			(["--input", "x=" + save(self.path("a.npy"), "<f4", (3, 7, 9), self.x[:189]), "--input", skip], ["[3, 7, 9]", "[1, 3, 9, 7]"]),
			(["--input", "x=" + save(self.path("b.npy"), "<i4", (3, 9, 7), [0] * 189), "--input", skip], ["int32", "uint8"]),
			(["--input", "x=" + save(self.path("c.npy"), "<f4", (3, 9, 7), [0.0] * 188 + [float("nan")]), "--input", skip], ["element 188"]),
			(["--input", "x=" + save(self.path("d.npy"), "<f4", (2, 3, 9, 7), [0.0] * 378), "--input", skip], ["4 runs, another one 2"]),
			(["--input", "x=" + save(self.path("e.npy"), "<f4", (0, 3, 9, 7), []), "--input", skip], ["[0, 3, 9, 7]"]),
		]
		for args, words in cases:
			self.bad(1, *run, *args, says=words)
		self.bad(1, *run, *self.inputs, "--output", self.path("y.npy"), says=["which of 3", "h, p, class"])
		self.bad(1, *run, *self.inputs, "--output", "p=/nonexistent/file", says=["/nonexistent/file"])
		for option in (["--lengths", x], ["--batch", "2"]):
			self.bad(2, *run, *self.inputs, *option, says=[option[0], "recurrent as a whole"])
		for theta in ("512", "-1", "8x", "", "4=8"):
			self.bad(2, *run, *self.inputs, "--theta-x=" + theta, says=["--theta-x", "0 to 511"])
		pixels = save(self.path("p.npy"), "<f4", (3, 5, 5), [1.0] * 75)
		for option in (["--theta-x", "8"], ["--theta-h", "8"], ["--stream"]):
			self.bad(2, "run", self.published, "--device", "embedded:profile=nullhop-fpga", "--input", pixels, *option,
				 says=["no recurrent layers on the device"])
		self.bad(2, "run", self.mixed, says=["--input is missing"])

	def test_wrong_device(self):
		run = ["run", self.published, "--input", save(self.path("p.npy"), "<f4", (3, 5, 5), [1.0] * 75)]
		self.bad(3, *run, says=["bus word"])
		self.bad(3, "run", self.mixed, *self.inputs, "--device", "embedded:profile=nullhop-fpga")
		self.bad(3, "run", self.mixed, *self.inputs, "--device", "embedded:profile=edgedrnn", says=["convolution engine"])
		self.good(*run, "--device", "embedded:profile=nullhop-fpga")

	def test_both_engines(self):
		"""Parts that do not wait for each other run at once, and share the memory channel."""
		inputs = ["--input", "x=" + save(self.path("px.npy"), "<f4", (2, 9, 8), [0.5] * 144),
			  "--input", "r=" + save(self.path("pr.npy"), "<f4", (9, 1, 8), [(i % 5 - 2) / 4 for i in range(72)])]
		answer = json.loads(self.good("run", self.pair, *inputs, "--json"))
		self.assertGreater(answer["overlap_ns"], 0)
		self.assertIn("both engines ran at once", self.good("run", self.pair, *inputs, "--table"))
		slow = ["run", self.pair, *inputs, "--device", "embedded:dram-n=64,link-n=0"]
		lost = json.loads(self.good(*slow, "--json"))["totals"]["wait_cycles"]
		self.assertGreater(lost, 1000)
		self.assertIn("%d of the cycles were lost because the other engine" % lost, self.good(*slow, "--table"))

	def test_bad_file(self):
		with open(self.mixed, "rb") as file:
			data = file.read()
		for cut in (9, 40, 100, len(data) // 2, len(data) - 1):
			with open(self.path("cut.dhp"), "wb") as file:
				file.write(data[:cut])
			self.bad(1, "run", self.path("cut.dhp"), *self.inputs, says=["cut.dhp"])
		for at in range(0, len(data), max(1, len(data) // 60)):
			with open(self.path("flip.dhp"), "wb") as file:
				file.write(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:])
			done = self.call("run", self.path("flip.dhp"), *self.inputs)
			self.assertIn(done.returncode, (1, 3), (at, done.stderr))

	def test_bench(self):
		bench = json.loads(self.good("bench", self.mixed, "--repeat", "2", "--sequences", "3", "--json"))
		(loop,) = bench["loops"]
		self.assertEqual((loop["name"], loop["jobs"], loop["steps"], loop["steady"]), ("runs", 6, 3, True))
		self.assertIn("runs: 8 jobs, 4 steps", self.good("bench", self.mixed, "--repeat", "1", *self.inputs))
		self.bad(2, "bench", self.mixed, *self.inputs, "--lengths", "l.npy", says=["--lengths"])

	def test_info_and_disasm(self):
		text = self.good("info", self.mixed)
		self.assertIn("; input   skip [1, 6, 9, 7]\n", text)
		self.assertIn("; step 3  host argmax (ArgMax): p -> class\n", text)
		disasm = self.good("disasm", self.mixed)
		self.assertTrue(disasm.startswith(text))
		for word in ("; part 0", "conv.pass  maps=20", "; third (Conv, 11 maps in 2 passes)", "; part 1", "rnn.layer slot=1"):
			self.assertIn(word, disasm)
		answer = json.loads(self.good("disasm", "--json", self.mixed))
		self.assertEqual([part["engine"] for part in answer["parts"]], ["conv", "rnn"])
		self.assertEqual(json.loads(self.good("info", "--json", self.mixed))["parts"], [])


class CompileParts(Tool):
	"""Networks of parts: what only their compiler has."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		networks = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "map", "networks")
		cls.mnist = [os.path.join(networks, "mnist8.onnx"), "--calibration", os.path.join(networks, "digits.npy")]
		constants = [onnx.tensor("w", (4, 2, 1, 1), [0.25, -0.5, 1.0, 0.75, -0.125, 0.3, 0.0, 0.9])]
		cls.open, cls.two = cls.path("open.onnx"), cls.path("two.onnx")
		onnx.save(cls.open, "open", [onnx.node("Conv", ["x", "w"], ["y"])], constants,
			  [onnx.value_info("x", (1, 2, "rows", 8))], [onnx.value_info("y", (1, 4, "rows", 8))])
		onnx.save(cls.two, "two", [onnx.node("Conv", ["a", "w"], ["c"]), onnx.node("Add", ["c", "b"], ["y"])],
			  constants, [onnx.value_info("a", (1, 2, 5, 5)), onnx.value_info("b", (1, 4, 5, 5))],
			  [onnx.value_info("y", (1, 4, 5, 5))])

	def bits(self, *args):
		explain = json.loads(self.good("compile", *self.mnist, *args, "--json"))["explain"]
		return [layer["weight_bits"] for layer in explain["convs"]]

	def test_weights(self):
		self.assertEqual(self.bits("--weights", "8"), [8, 8, 8])
		self.assertEqual(self.bits("--weights", "16"), [16, 16, 16])
		self.assertEqual(self.bits("--weights", "auto"), self.bits())
		self.assertNotIn(self.bits(), ([8, 8, 8], [16, 16, 16]))
		self.bad(2, "compile", *self.mnist, "--weights", "7", says=["--weights", "auto, 8 or 16"])

	def test_size(self):
		self.bad(3, "compile", self.open, says=["axis 2 (rows) is left open"])
		x = save(self.path("x.npy"), "<f4", (2, 2, 6, 8), [i / 64 for i in range(192)])
		self.good("compile", self.open, "--size", "rows=6", "--calibration", x, "-o", self.path("open.dhp"))
		self.assertIn("; input   x [1, 2, 6, 8]\n", self.good("info", self.path("open.dhp")))
		for text in ("rows", "=6", "rows=0", "rows=six"):
			self.bad(2, "compile", self.open, "--size", text, says=["--size"])

	def test_calibration_by_name(self):
		a = save(self.path("a.npy"), "<f4", (1, 2, 5, 5), [i / 8 for i in range(50)])
		b = save(self.path("b.npy"), "<f4", (1, 4, 5, 5), [i / 8 for i in range(100)])
		self.good("compile", self.two, "--calibration", "a=" + a, "--calibration", "b=" + b)
		self.bad(1, "compile", self.two, "--calibration", "a=" + a, says=["no calibration data for input b"])
		self.bad(1, "compile", self.two, "--calibration", "a=" + a, "--calibration", "b=" + a, says=["b", "[1][4][5][5]"])

	def test_options_of_recurrent_layers(self):
		self.bad(2, "compile", *self.mnist, "--theta-x", "8", says=["threshold", "none there"])
		self.bad(2, "compile", *self.mnist, "--theta-h", "0=8", says=["threshold", "none there"])
		lengths = save(self.path("l.npy"), "<i4", (1,), [50])
		self.bad(2, "compile", *self.mnist, "--lengths", lengths, says=["--lengths", "recurrent as a whole"])

	def test_engine_that_is_not_there(self):
		text = self.bad(3, "compile", self.mnist[0], "--profile", "edgedrnn", says=["Conv", "for a profile with both, such as card"])
		self.assertNotIn("does not use yet", text)


if __name__ == "__main__":
	unittest.main(argv=sys.argv[:1] + sys.argv[4:])
