#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run_events_test.py DELTAHOP DATA-FOLDER SHARED: `deltahop run --events` from outside, on the embedded device."""

import json
import math
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from onnx_write import save

DELTAHOP, DATA, SHARED = sys.argv[1:4]
ES, EVT2 = os.path.join(DATA, "dvs-cut.es"), os.path.join(DATA, "evt2-cut.raw")
SIDE, SENSOR = 16, 64
QUADRANTS = ["top left", "top right", "bottom left", "bottom right"]
# Where the hand is, in windows of 10 ms.
HAND = [0, 0, 1, 3, 3, 2, 0, 1, 1, 2]


def read(path):
	with open(path, "rb") as file:
		return file.read()


def hand_events(per_window=200):
	"""A hand that waves in one quadrant after another: its left edge darkens, its right edge brightens."""
	events = []
	for window, quadrant in enumerate(HAND):
		left, top = quadrant % 2 * 32, quadrant // 2 * 32
		for i in range(per_window):
			edge, wave = i % 2, (i * 7 // 10) % 8
			events.append((window * 10000 + i * 10000 // per_window, left + 4 + wave + edge * 14, top + 6 + i * 5 % 20, edge))
	return events


def event_stream(events):
	"""As an Event Stream file, whose row 0 is at the top here."""
	data, now = b"Event Stream" + bytes([2, 0, 0, 1]) + struct.pack("<HH", SENSOR, SENSOR), 0
	for at, x, y, on in events:
		data += b"\xff" * ((at - now) // 127) + struct.pack("<BHH", (at - now) % 127 << 1 | on, x, y)
		now = at
	return data


def quadrant_weights(channels):
	"""Four vectors of weights, one for each quadrant, the same for all channels."""
	return [float(QUADRANTS.index(name) == pixel // SIDE // 8 * 2 + pixel % SIDE // 8) / 4
		for name in QUADRANTS for _ in range(channels) for pixel in range(SIDE * SIDE)]


class Tool(unittest.TestCase):
	"""What tests of the command share."""

	@classmethod
	def setUpClass(cls):
		cls.folder = tempfile.TemporaryDirectory()
		cls.hand = cls.write("hand.es", event_stream(hand_events()))
		cls.names = cls.write("names.txt", "\n".join(QUADRANTS).encode() + b"\n")
		cls.network = cls.compile("quadrants", 1)

	@classmethod
	def tearDownClass(cls):
		cls.folder.cleanup()

	@classmethod
	def path(cls, name):
		return os.path.join(cls.folder.name, name)

	@classmethod
	def write(cls, name, data):
		with open(cls.path(name), "wb") as file:
			file.write(data)
		return cls.path(name)

	@classmethod
	def compile(cls, name, channels, last=(), outputs=None, integers=(), shape=None, more=(), tensors=None):
		"""A network that tells in which quadrant most events are: a blur, and a sum for each."""
		nodes = [*more, ("Conv", [more[-1][2][0] if more else "x", "k"], ["c"], {"kernel_shape": [3, 3], "pads": [1] * 4}),
			 ("Relu", ["c"], ["r"]), ("Flatten", ["r"], ["f"]), ("Gemm", ["f", "w"], ["y"], {"transB": 1}), *last]
		kernel = [0.125 * (a == b) for a in range(channels) for b in range(channels) for _ in range(9)]
		tensors = {"k": ((channels, channels, 3, 3), kernel),
			   "w": ((4, channels * SIDE * SIDE), quadrant_weights(channels)), **(tensors or {})}
		save(cls.path(name + ".onnx"), nodes, tensors, {"x": shape or (1, channels, SIDE, SIDE)}, outputs or {"y": (1, 4)}, integers)
		done = subprocess.run([DELTAHOP, "compile", cls.path(name + ".onnx"), "-o", cls.path(name + ".dhp")],
				      capture_output=True, text=True, check=False)
		assert done.returncode == 0, done.stderr
		return cls.path(name + ".dhp")

	@staticmethod
	def call(*args, **kwargs):
		return subprocess.run([DELTAHOP, "run", *args], capture_output=True, check=False, timeout=120, **kwargs)

	def good(self, *args, **kwargs):
		done = self.call(*args, **kwargs)
		self.assertEqual((done.returncode, done.stderr), (0, b""), args)
		return done.stdout.decode()

	def bad(self, status, *args, says=(), **kwargs):
		done = self.call(*args, **kwargs)
		self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
		for word in says:
			self.assertIn(word, done.stderr.decode())
		return done.stdout.decode()

	def lines(self, text):
		"""The frames and the summary of --json."""
		*frames, last = [json.loads(line) for line in text.splitlines()]
		return frames, last["summary"]

	def write_frames(self, path, *options):
		"""The frames that `deltahop events` makes, in f.npy."""
		subprocess.run([DELTAHOP, "events", path, "--frames", self.path("f.npy"), "--frame-size", "16x16", *options],
			       check=True, stdout=subprocess.DEVNULL)

	def play(self, *args, network=None, **kwargs):
		return self.lines(self.good(network or self.network, "--json", *args, **kwargs))


class Answers(Tool):
	"""What is said of a recording."""

	def test_hand(self):
		frames, summary = self.play("--events", self.hand, "--count", "200", "--classes", self.names)
		self.assertEqual([frame["class"] for frame in frames], HAND)
		self.assertEqual([frame["name"] for frame in frames], [QUADRANTS[i] for i in HAND])
		self.assertEqual([frame["events"] for frame in frames], [200] * 10)
		ends = [events[0] for events in hand_events()[199::200]]
		self.assertEqual([frame["end_us"] for frame in frames], ends)
		self.assertEqual([frame["time"] for frame in frames], [end / 1e6 for end in ends])
		shares = {entry["class"]: (entry["name"], entry["frames"], entry["share"]) for entry in summary["classes"]}
		self.assertEqual(shares, {i: (QUADRANTS[i], HAND.count(i), HAND.count(i) / 10) for i in range(4)})
		self.assertEqual([entry["frames"] for entry in summary["classes"]], [3, 3, 2, 2])
		self.assertEqual((summary["frames"], summary["events"], summary["left_over"]), (10, 2000, 0))
		self.assertEqual((summary["error"], summary["interrupted"]), (None, False))

	def test_the_same_as_from_frames(self):
		"""Class, confidence and cost are those of a run on the frames that `deltahop events` writes."""
		for path, options in ((ES, []), (EVT2, ["--count", "1500", "--flip", "y", "--normalise", "jaer", "--clip", "3"]),
				      (ES, ["--period", "4000", "--polarity", "keep"]), (self.hand, ["--period", "9000"])):
			frames, summary = self.play("--events", path, *options)
			self.write_frames(path, *options)
			answer = json.loads(self.good(self.network, "--input", self.path("f.npy"), "--json"))
			self.assertEqual(len(frames), len(answer["answers"]))
			for frame, values in zip(frames, (one["y"] for one in answer["answers"])):
				self.assertEqual(frame["class"], values.index(max(values)))
				self.assertAlmostEqual(frame["confidence"], 1 / sum(math.exp(v - max(values)) for v in values), 6)
			totals = answer["totals"]
			for key in ("work_done", "work_skipped", "cycles"):
				self.assertEqual(sum(frame[key] for frame in frames), totals[key])
				self.assertEqual(summary[key], totals[key])
			for frame in frames:
				self.assertEqual(frame["latency"], frame["cycles"] / 250e6)
				self.assertAlmostEqual(frame["skipped"], frame["work_skipped"] / (frame["work_done"] + frame["work_skipped"]), 6)
			self.assertAlmostEqual(summary["latency_mean"], totals["cycles"] / 250e6 / len(frames), 12)
			self.assertEqual(summary["latency_worst"], max(frame["latency"] for frame in frames))
			self.assertAlmostEqual(summary["frames_per_second"] * summary["latency_mean"], 1, 6)
			self.assertEqual(summary["left_over"], summary["events"] - sum(frame["events"] for frame in frames))

	def test_two_channels(self):
		"""On and off events apart, without being asked for; the channels may be the last axis."""
		network = self.compile("apart", 2)
		last = self.compile("last", 2, shape=(1, SIDE, SIDE, 2), more=[("Transpose", ["x"], ["t"], {"perm": [0, 3, 1, 2]})])
		frames, _ = self.play("--events", ES, network=network)
		self.write_frames(ES, "--polarity", "split")
		answers = json.loads(self.good(network, "--input", self.path("f.npy"), "--json"))["answers"]
		self.assertEqual([frame["class"] for frame in frames], [one["y"].index(max(one["y"])) for one in answers])
		for key in ("class", "confidence"):
			self.assertEqual([frame[key] for frame in self.play("--events", ES, network=last)[0]], [frame[key] for frame in frames])
		self.bad(3, network, "--events", ES, "--polarity", "keep", says=["x has 2 channels", "--polarity split"])
		self.bad(3, self.network, "--events", ES, "--polarity", "split", says=["x has 1 channel,", "ignore or keep"])

	def test_confidence(self):
		"""Of what the network gives: probabilities as they are, their logarithms, scores, or a class alone."""
		expected, _ = self.play("--events", ES)
		for op in ("Softmax", "LogSoftmax"):
			frames, _ = self.play("--events", ES, network=self.compile(op, 1, [(op, ["y"], ["p"], {"axis": 1})], {"p": (1, 4)}))
			for frame, one in zip(frames, expected):
				self.assertEqual(frame["class"], one["class"])
				self.assertAlmostEqual(frame["confidence"], one["confidence"], 5)
		frames, _ = self.play("--events", ES, network=self.compile("sigmoid", 1, [("Sigmoid", ["y"], ["p"])], {"p": (1, 4)}))
		self.write_frames(ES)
		answers = json.loads(self.good(self.path("sigmoid.dhp"), "--input", self.path("f.npy"), "--json"))["answers"]
		self.assertEqual(len(answers), len(frames))
		for frame, one in zip(frames, answers):
			self.assertAlmostEqual(frame["confidence"], max(one["p"]), 6)
		network = self.compile("argmax", 1, [("ArgMax", ["y"], ["i"], {"axis": 1, "keepdims": 0})], {"i": (1,)}, ["i"])
		frames, _ = self.play("--events", ES, network=network)
		self.assertEqual([(frame["class"], frame["confidence"]) for frame in frames], [(one["class"], None) for one in expected])
		self.assertRegex(self.good(network, "--events", ES), r"\n +0\.\d+ s  %d +- +2000 " % expected[0]["class"])

	def test_text(self):
		text = self.good(self.network, "--events", self.hand, "--count", "200", "--classes", self.names)
		self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)
		head, lines, summary = text.split("\n\n")[0], *text.split("\n\n")[1:]
		self.assertIn("network  quadrants.dhp: frames of 16 x 16 pixels, 200 events each", head)
		names = [re.match(r" +\d+\.\d{6} s  (.*?)  +[\d.]+ %  +200  +[\d.]+%   0\.\d{3} ms$", line).group(1)
			 for line in lines.splitlines()[1:]]
		self.assertEqual(names, [QUADRANTS[i] for i in HAND])
		self.assertIn("frames   10 in 0.100 s; 2000 of 2000 events, 0 left over\n", summary)
		self.assertIn("classes  top left 3 (30.0 %), top right 3 (30.0 %), bottom left 2 (20.0 %), bottom right 2 (20.0 %)\n", summary)
		self.assertRegex(summary, r"rate     the device sustains \d+\.\d frames/s; the recording has 100\.\d\n")
		self.assertIn("10000 us each", self.good(self.network, "--events", self.hand, "--period", "10000"))
		table = self.good(self.network, "--events", self.hand, "--table")
		self.assertIn("input>maps", table)
		self.assertNotIn("do not add up", table)

	def test_standard_input(self):
		for options in (["--count", "300"], ["--period", "2000", "--realtime"]):
			frames, summary = self.play("--events", "-", *options, input=read(ES))
			self.assertEqual(frames, self.play("--events", ES, *options)[0])
			self.assertEqual(summary["file"], "standard input")

	def test_roshambo(self):
		"""The network that the convolution engine was first shown with, on real recordings."""
		model = os.path.join(SHARED, "models", "share_alike", "roshambo", "roshambo_v1.onnx")
		if not os.path.exists(model):
			self.skipTest("no " + model)
		subprocess.run([DELTAHOP, "compile", model, "-o", self.path("rsb.dhp")], check=True, capture_output=True)
		for path in (ES, EVT2):
			frames, summary = self.play("--events", path, network=self.path("rsb.dhp"))
			self.write_frames(path, "--frame-size", "64x64")
			answer = json.loads(self.good(self.path("rsb.dhp"), "--input", self.path("f.npy"), "--json"))
			self.assertEqual([frame["class"] for frame in frames],
					 [one["logits"].index(max(one["logits"])) for one in answer["answers"]])
			self.assertEqual(summary["cycles"], answer["totals"]["cycles"])
			self.assertGreater(min(frame["skipped"] for frame in frames), 0.5)


class Live(Tool):
	"""As it plays."""

	def start(self, *args, network=None, **kwargs):
		return subprocess.Popen([DELTAHOP, "run", network or self.network, "--events", *args], stdin=subprocess.PIPE,
					stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)

	def test_frames_come_as_they_are(self):
		"""A frame's line is there while the pipe is open."""
		data, process = read(self.hand), self.start("-", "--json", "--count", "200")
		with process:
			at = 0
			for i, quadrant in enumerate(HAND):
				end = len(event_stream(hand_events()[:200 * i + 200]))
				process.stdin.write(data[at:end])
				process.stdin.flush()
				at = end
				frame = json.loads(process.stdout.readline())
				self.assertEqual((frame["frame"], frame["class"]), (i, quadrant))
			process.stdin.close()
			self.assertEqual(json.loads(process.stdout.read())["summary"]["frames"], 10)
			self.assertEqual((process.stderr.read(), process.wait(60)), (b"", 0))

	def test_interrupt(self):
		"""Ends with the summary; the frame in progress is left over, in time and in number."""
		for options in (["--count", "200"], ["--period", "10000"]):
			process = self.start("-", "--json", *options)
			with process:
				process.stdin.write(event_stream(hand_events()[:500]))
				process.stdin.flush()
				for _ in range(2):
					json.loads(process.stdout.readline())
				process.send_signal(signal.SIGINT)
				frames, summary = self.lines(process.stdout.read().decode())
				self.assertEqual((process.stderr.read(), process.wait(60)), (b"", 0))
			self.assertEqual(frames, [])
			self.assertTrue(summary["interrupted"])
			self.assertEqual((summary["frames"], summary["events"], summary["left_over"]), (2, 500, 100))

	def test_realtime(self):
		"""Not faster than the recording; an interrupt ends the wait for what is far away."""
		start = time.monotonic()
		frames, _ = self.play("--events", self.hand, "--count", "200", "--realtime")
		self.assertGreaterEqual(time.monotonic() - start, frames[-1]["time"])
		self.assertEqual([frame["class"] for frame in frames], HAND)
		data = b"#!AER-DAT2.0\n# AEChip: DVS128\n" + struct.pack(">IIII", 2, 0, 2, 2000000000)
		process = self.start("-", "--json", "--count", "1", "--realtime")
		with process:
			process.stdin.write(data)
			process.stdin.close()
			json.loads(process.stdout.readline())
			process.send_signal(signal.SIGTERM)
			summary = json.loads(process.stdout.readline())["summary"]
			self.assertEqual(process.wait(60), 0)
		self.assertEqual((summary["frames"], summary["interrupted"], summary["left_over"]), (1, True, 1))

	def test_terminal(self):
		"""One line that is rewritten, and stays at the end."""
		pid, terminal = pty.fork()
		if not pid:
			os.execv(DELTAHOP, [DELTAHOP, "run", self.network, "--events", self.hand, "--count", "200", "--classes", self.names])
		data = b""
		try:
			while True:
				data += os.read(terminal, 4096)
		except OSError:
			pass
		self.assertEqual(os.waitpid(pid, 0)[1], 0)
		os.close(terminal)
		rewritten = re.findall(rb"\r\x1b\[\?7l *[\d.]+ s  (.*?)  .*?ms\x1b\[K\x1b\[\?7h", data)
		self.assertEqual([name.decode() for name in rewritten], [QUADRANTS[i] for i in HAND])
		self.assertRegex(data, rb"7h\r\n\r\nframes   10 in ")

	def test_closed_output(self):
		process = self.start("-")
		with process:
			process.stdout.close()
			try:
				process.stdin.write(read(ES))
				process.stdin.close()
			except BrokenPipeError:
				pass
			self.assertNotEqual(process.wait(60), 0)
		with open("/dev/full", "w", encoding="utf-8") as full:
			done = subprocess.run([DELTAHOP, "run", self.network, "--events", ES, "--json"], stdout=full, stderr=subprocess.PIPE, check=False)
		self.assertEqual(done.returncode, 1)
		self.assertIn(b"standard output: cannot write", done.stderr)


class Refusals(Tool):
	"""What is wrong."""

	def test_cut_off(self):
		"""Wherever a file ends, the frames before are judged as in the whole file, and the offset is told."""
		for path, step in ((self.hand, 997), (EVT2, 4001)):
			data = read(path)
			whole, _ = self.play("--events", path, "--count", "200")
			for end in [*range(0, 40), *range(40, len(data), step), len(data) - 1]:
				done = self.call(self.network, "--events", "-", "--count", "200", "--json", input=data[:end])
				frames, summary = self.lines(done.stdout.decode())
				self.assertEqual(frames, whole[:len(frames)])
				self.assertEqual(len(frames), summary["events"] // 200)
				if done.returncode:
					self.assertEqual(done.returncode, 1)
					self.assertEqual(done.stderr.decode(), "deltahop: %s\n" % summary["error"])
					self.assertRegex(summary["error"], r"^standard input: (byte %d: |is empty$|the header )" % end)
					self.assertTrue("the header" not in summary["error"] or path == EVT2 and end < 166, summary["error"])
				else:
					self.assertIsNone(summary["error"])

	def test_corrupt(self):
		data = read(EVT2)
		data = data[:10166] + b"\0\0\0\x70" + data[10166:]
		for options in (["--count", "500"], ["--period", "100"]):
			out = self.bad(1, self.network, "--events", "-", "--json", *options, input=data, says=["byte 10166: found word 0x70000000"])
			frames, summary = self.lines(out)
			whole, _ = self.play("--events", EVT2, *options)
			self.assertEqual(frames, whole[:len(frames)])
			self.assertIn("byte 10166", summary["error"])
			self.assertGreater(summary["left_over"], 0)
		text = self.bad(1, self.network, "--events", "-", "--count", "500", input=data, says=["byte 10166"])
		self.assertIn("\nframes   4 in ", text)

	def test_no_recording(self):
		self.bad(1, self.network, "--events", self.path("none"), says=["none: cannot open it: No such file"])
		self.bad(1, self.network, "--events", self.folder.name, says=["cannot read it: Is a directory"])
		self.bad(1, self.network, "--events", self.names, says=["names.txt: byte 0: found 0x74"])
		self.bad(1, self.network, "--events", "/dev/zero", says=["byte 0: found 0x00"])
		self.bad(1, self.network, "--events", "-", input=b"% evt 2.0\n" + read(EVT2)[166:], says=["the size of the sensor", "--size"])
		done = self.call(self.network, "--events", self.hand, "--count", "5000")
		self.assertEqual(done.returncode, 0)
		self.assertIn(b"not a single frame in 2000 events: give a smaller --count", done.stderr)
		self.assertIn(b"frames   0 in ", done.stdout)

	def test_networks_that_do_not_fit(self):
		"""By name, with what would fit."""
		three = self.compile("three", 3)
		vector = self.compile("vector", 1, shape=(1, 256), more=[("Reshape", ["x", "s"], ["i"])], tensors={"s": ((4,), [1, 1, 16, 16])})
		wide = self.compile("wide", 1, shape=(1, 1, 2, 2048), more=[("Slice", ["x", "b", "e", "a"], ["z"]), ("Reshape", ["z", "s"], ["i"])],
				    tensors={"b": ((1,), [0]), "e": ((1,), [128]), "a": ((1,), [3]), "s": ((4,), [1, 1, 16, 16])})
		image = self.compile("image", 1, [("Relu", ["c"], ["d"])], {"d": (1, 1, SIDE, SIDE)})
		save(self.path("dense.onnx"), [("Gemm", ["x", "w"], ["y"])], {"w": ((8, 4), [0.5] * 32)}, {"x": (1, 8)}, {"y": (1, 4)})
		self.assertEqual(subprocess.run([DELTAHOP, "compile", self.path("dense.onnx"), "-o", self.path("dense.dhp")], check=False,
						capture_output=True).returncode, 0)
		for network, words in [(three, ["three.dhp: input x has 3 channels", "[1, 1, 16, 16]"]),
				       (vector, ["vector.dhp", "x [1, 256]", "[1, 1, 64, 64]"]),
				       (wide, ["wide.dhp", "x [1, 1, 2, 2048]", "at most 1024 a side"]),
				       (image, ["image.dhp: output d is [1, 1, 16, 16]", "[1, 4]"]),
				       (self.path("dense.dhp"), ["dense.dhp: input x takes vectors of 8 elements", "[1, 1, 64, 64]"])]:
			self.assertEqual(self.bad(3, network, "--events", self.hand, says=words), "")
		self.bad(1, self.hand, "--events", self.hand, says=["hand.es"])
		self.bad(3, self.network, "--events", self.hand, "--device", "embedded:profile=edgedrnn", says=["convolution engine"])
		self.bad(4, self.network, "--events", self.hand, "--device", "/dev/null", says=["/dev/null"])

	def test_classes(self):
		run = [self.network, "--events", self.hand, "--classes"]
		for data, words in [(b"a\nb\nc\n", ["3 names for 4 classes"]), (b"a\nb\nc\nd\ne", ["5 names for 4 classes"]), (b"", ["0 names"]),
				    (b"a\n\nb\nc\n", ["line 2 is empty"]), (b"a\n\r\nb\nc\n", ["line 2 is empty"]), (b"a\nb\0\nc\nd\n", ["byte 3 is 0"])]:
			self.bad(1, *run, self.write("bad.txt", data), says=["bad.txt", *words])
		self.bad(1, *run, self.path("none"), says=["none: cannot be opened"])
		done = self.call(*run, self.write("odd.txt", b"\x1b[2Jx\r\n\xff\xe9\r\n" + b"y" * 300 + b"\r\nz"), "--count", "200")
		self.assertEqual((done.returncode, done.stderr), (0, b""))
		self.assertIn(b" s  ?[2Jx  ", done.stdout)
		self.assertNotIn(b"\x1b", done.stdout)
		frames, _ = self.lines(self.good(*run, self.path("odd.txt"), "--count", "200", "--json"))
		self.assertEqual({frame["name"] for frame in frames}, {"?[2Jx", "\xff\xe9", "y" * 300, "z"})

	def test_usage(self):
		for args, words in [(["--events", "a", "--input", "b"], ["--input does not go with --events"]),
				    (["--events", "a", "--output", "b"], ["--output does not go"]),
				    (["--events", "a", "--labels", "b"], ["--labels does not go"]),
				    (["--events", "a", "--profile", "b"], ["--profile does not go"]),
				    (["--events", "a", "--count", "5", "--period", "5"], ["--count and --period"]),
				    (["--events", "a", "--stream"], ["has no recurrent layers on the device"]),
				    (["--input", "a", "--count", "5"], ["--count is for a recording: give --events"]),
				    (["--input", "a", "--flip", "x"], ["--flip is for a recording"]),
				    (["--input", "a", "--classes", "x"], ["--classes is for a recording"]),
				    (["--input", "a", "--realtime"], ["--realtime is for a recording"]),
				    ([], ["--input is missing"])]:
			self.bad(2, self.network, *args, says=words)


if __name__ == "__main__":
	unittest.main(argv=sys.argv[:1] + sys.argv[4:])
