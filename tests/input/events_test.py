#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""events_test.py DELTAHOP DATA-FOLDER: `deltahop events` from outside."""

import json
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from npy import load

DELTAHOP, DATA = sys.argv[1:3]
ES, EVT2 = os.path.join(DATA, "dvs-cut.es"), os.path.join(DATA, "evt2-cut.raw")


def read(path):
	with open(path, "rb") as file:
		return file.read()


def es_events(data):
	"""The whole events of an Event Stream file, by its description."""
	events, at, time = [], 20, 0
	while at < len(data):
		if data[at] == 255:
			time, at = time + 127, at + 1
			continue
		if at + 5 > len(data):
			break
		time += data[at] >> 1
		events.append((time, *struct.unpack_from("<HH", data, at + 1), data[at] & 1))
		at += 5
	return events


def caer_frame(events, sensor, side=(64, 64), polarity=False, clip=200):
	"""A frame in integers, as cAER makes it: floor(256 n / 3 sigma) by a search for the root."""
	counts = [0] * (side[0] * side[1])
	for _, x, y, on in events:
		counts[y * side[1] // sensor[1] * side[0] + x * side[0] // sensor[0]] += 1 if on or not polarity else -1
	counts = [max(-clip, min(clip, n)) for n in counts]
	some = [n for n in counts if n]
	mean = int(sum(some) / len(some))
	squares = sum((n - mean) ** 2 for n in some)

	def value(n):
		if not n:
			return 127 if polarity else 0
		if not squares:
			return 256 if n > 0 else 0
		if not polarity:
			return min(256, math.isqrt(65536 * n * n * len(some) // (9 * squares)))
		# 128 + floor(128 n / 3 sigma): for a negative n, one more than the root unless it is exact
		root = math.isqrt(16384 * n * n * len(some) // (9 * squares))
		if n < 0:
			root = -root if root * root * 9 * squares == 16384 * n * n * len(some) else -root - 1
		return max(0, min(256, 128 + root))
	return [value(n) for n in counts]


class Events(unittest.TestCase):
	"""One method per thing that a user meets."""

	def setUp(self):
		self.folder = tempfile.TemporaryDirectory()
		self.addCleanup(self.folder.cleanup)

	def path(self, name):
		return os.path.join(self.folder.name, name)

	@staticmethod
	def call(*args, **kwargs):
		return subprocess.run([DELTAHOP, "events", *args], capture_output=True, check=False, timeout=120, **kwargs)

	def good(self, *args, **kwargs):
		done = self.call(*args, **kwargs)
		self.assertEqual((done.returncode, done.stderr), (0, b""))
		return done.stdout.decode()

	def bad(self, status, *args, says=(), **kwargs):
		done = self.call(*args, **kwargs)
		self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
		for word in says:
			self.assertIn(word, done.stderr.decode())
		return done.stdout.decode()

	# --- what is in it

	def test_text(self):
		lines = self.good(ES).splitlines()
		self.assertEqual(lines, [
			"format   Event Stream 2",
			"sensor   320 x 240 pixels; events up to column 278, row 199",
			"events   12000: 6621 on, 5379 off",
			"time     0.000000 s to 0.031000 s",
			"rate     387097 events/s for 0.031000 s"])
		self.assertIn("sensor   640 x 480 pixels (hal_plugin_gen3_fx3); ", self.good(EVT2))

	def test_json(self):
		answer = json.loads(self.good("--json", EVT2))
		for key, value in {"file": EVT2, "format": "EVT 2.0", "layout": None, "sensor": "hal_plugin_gen3_fx3",
				   "width": 640, "height": 480, "bytes": 60166, "events": 14869, "on": 3383, "max_x": 637,
				   "max_y": 479, "first_us": 913742768, "last_us": 913744847, "held": 0, "resets": 0,
				   "frames": None, "error": None}.items():
			self.assertEqual(answer[key], value, key)
		self.assertAlmostEqual(answer["rate"], 14869 / 0.002079, delta=0.1)
		self.assertEqual(answer["skipped"]["trigger"], 0)

	def test_standard_input(self):
		for path in (ES, EVT2):
			self.assertEqual(self.good("-", input=read(path)), self.good(path))
		self.assertEqual(json.loads(self.good("--json", "-", input=read(ES)))["file"], "standard input")

	def test_events_as_text(self):
		events = es_events(read(ES))
		self.assertEqual(self.good("--text", ES), "".join("%d %d %d %d\n" % event for event in events))

	def test_skipped_and_clock(self):
		data = b"#!AER-DAT2.0\r\n# AEChip: DAVIS240C\r\n" + b"".join(struct.pack(">II", *pair) for pair in [
			(5 << 22 | 3 << 12 | 1 << 11, 500000), (1 << 31, 500000), (1 << 10, 500001), (0, 499999), (0, 100)])
		text = self.good("-", input=data)
		self.assertIn("format   AEDAT 2.0, addresses as of davis\n", text)
		self.assertIn("skipped  1 external input, 1 APS sample\n", text)
		self.assertIn("clock    ran back: 1 events held, 1 resets\n", text)
		self.assertEqual(self.good("--text", "-", input=data), "500000 3 5 1\n500000 0 0 0\n500000 0 0 0\n")
		headless = data[data.index(b"240C\r\n") + 6:]
		self.assertEqual(self.good("--text", "--format", "aedat2", "--layout", "davis", "-", input=headless),
				 "500000 3 5 1\n500000 0 0 0\n500000 0 0 0\n")
		self.bad(1, "--format", "aedat2", "-", input=headless, says=["dvs128, dvs128-jaer or davis"])

	# --- frames

	def test_frames(self):
		events = es_events(read(ES))
		text = self.good("--frames", self.path("f.npy"), ES)
		self.assertIn("frames   6 in " + self.path("f.npy"), text)
		self.assertIn("; 0 events left over", text)
		shape, values = load(self.path("f.npy"))
		self.assertEqual(shape, (6, 1, 64, 64))
		for i in range(6):
			self.assertEqual(list(values[i * 4096:i * 4096 + 4096]),
					 caer_frame(events[2000 * i:2000 * i + 2000], (320, 240)))

	def test_frame_options(self):
		events = es_events(read(ES))
		answer = json.loads(self.good("--json", "--frames", self.path("f.npy"), "--count", "5000", "--frame-size", "50x20",
					      "--polarity", "keep", "--clip", "2", ES))
		self.assertEqual(answer["frames"]["count"], 2)
		self.assertEqual(answer["frames"]["left_over"], 2000)
		shape, values = load(self.path("f.npy"))
		self.assertEqual(shape, (2, 1, 20, 50))
		for i in range(2):
			frame = caer_frame(events[5000 * i:5000 * i + 5000], (320, 240), (50, 20), True, 2)
			self.assertEqual(list(values[i * 1000:i * 1000 + 1000]), frame)
		self.good("--frames", self.path("x.npy"), "--count", "5000", "--frame-size", "50x20", "--polarity", "keep",
			  "--clip", "2", "--flip", "xy", ES)
		self.assertEqual(list(load(self.path("x.npy"))[1][:1000]), list(values[:1000])[::-1])

	def test_split(self):
		"""On events in the first channel, off events in the second."""
		args = ["--polarity", "split", "--normalise", "linear", "--clip", "100"]
		self.assertIn("frames   6 in", self.good("--frames", self.path("f.npy"), *args, ES))
		shape, values = load(self.path("f.npy"))
		self.assertEqual(shape, (6, 2, 64, 64))
		for i in range(6):
			counts = [0] * 8192
			for _, x, y, on in es_events(read(ES))[2000 * i:2000 * i + 2000]:
				counts[(1 - on) * 4096 + y * 64 // 240 * 64 + x * 64 // 320] += 1
			self.assertEqual(list(values[i * 8192:i * 8192 + 8192]), [round(min(count, 100) * 256 / 100) for count in counts])
		answer = json.loads(self.good("--json", "--frames", self.path("g"), *args, ES))
		self.assertEqual(load(self.path("g/frame-000005.npy")), ((1, 2, 64, 64), values[5 * 8192:]))
		self.assertAlmostEqual(answer["frames"]["empty"], list(values).count(0) / len(values), 5)

	def test_normalisations(self):
		frames = {}
		for way in ("caer", "jaer", "jaer-centred", "linear"):
			self.good("--frames", self.path("f.npy"), "--polarity", "keep", "--normalise", way, ES)
			frames[way] = list(load(self.path("f.npy"))[1][:4096])
		for a, b, c in zip(frames["caer"], frames["jaer"], frames["jaer-centred"]):
			self.assertLessEqual(abs(a - b), 1)
			self.assertEqual(b == 127, c == 0)
		self.assertTrue(any(value < 0 for value in frames["linear"]))

	def test_period(self):
		events = es_events(read(ES))
		answer = json.loads(self.good("--json", "--frames", self.path("frames"), "--period", "8000", ES))
		windows = {}
		for event in events:
			windows.setdefault((event[0] - events[0][0]) // 8000, []).append(event)
		self.assertEqual(answer["frames"]["count"], len(windows))
		self.assertEqual(answer["frames"]["left_over"], 0)
		names = sorted(os.listdir(self.path("frames")))
		self.assertEqual(names, ["frame-%06d.npy" % i for i in range(len(windows))])
		for name, window in zip(names, windows.values()):
			shape, values = load(self.path("frames/" + name))
			self.assertEqual(shape, (1, 1, 64, 64))
			self.assertEqual(list(values), caer_frame(window, (320, 240)))
		self.bad(1, "--frames", self.path("frames"), ES, says=["frame-000000.npy is there already"])

	def test_size_of_the_sensor(self):
		data = b"% evt 2.0\n" + read(EVT2)[166:]
		self.bad(1, "--frames", self.path("f.npy"), "-", input=data, says=["standard input: the size of the sensor", "--size"])
		self.good("--frames", self.path("f.npy"), "--size", "640x480", "-", input=data)
		with_header = self.path("g.npy")
		self.good("--frames", with_header, EVT2)
		self.assertEqual(load(self.path("f.npy")), load(with_header))
		self.bad(1, "--size", "100x100", EVT2, says=["expected one on the sensor of 100 x 100"])

	def test_no_events(self):
		self.good("--frames", self.path("f.npy"), "-", input=read(ES)[:20])
		self.assertEqual(load(self.path("f.npy"))[0], (0, 1, 64, 64))

	# --- live

	def live(self, *args):
		return subprocess.Popen([DELTAHOP, "events", *args, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
					stderr=subprocess.PIPE)

	def test_events_come_as_they_are(self):
		"""Each piece's events are printed while the pipe is open."""
		data, process, printed = read(ES), self.live("--text"), 0
		events = es_events(data)
		with process:
			for start, end in ((0, 7), (7, 20), (20, 26), (26, 5000), (5000, 30000), (30000, len(data))):
				process.stdin.write(data[start:end])
				process.stdin.flush()
				for event in events[printed:len(es_events(data[:end]))]:
					self.assertEqual(process.stdout.readline(), b"%d %d %d %d\n" % event)
				printed = len(es_events(data[:end]))
			process.stdin.close()
			self.assertEqual(process.stdout.read(), b"")
			self.assertEqual(process.wait(60), 0)
			self.assertEqual(process.stderr.read(), b"")

	def test_non_blocking(self):
		"""A pipe that another program has made non-blocking is waited for."""
		data = read(ES)
		source, sink = os.pipe()
		os.set_blocking(source, False)
		with subprocess.Popen([DELTAHOP, "events", "--text", "-"], stdin=source, stdout=subprocess.PIPE) as process:
			os.close(source)
			os.write(sink, data[:26])
			self.assertEqual(process.stdout.readline(), b"%d %d %d %d\n" % es_events(data)[0])
			os.write(sink, data[26:50])
			os.close(sink)
			self.assertEqual(len(process.stdout.readlines()), len(es_events(data[:50])) - 1)
			self.assertEqual(process.wait(60), 0)

	def test_interrupt(self):
		"""An interrupt ends a live recording: frames are complete, and what was read is told."""
		process = self.live("--frames", self.path("live"), "--json")
		with process:
			process.stdin.write(read(ES)[:30003])
			process.stdin.flush()
			while not os.path.exists(self.path("live/frame-000001.npy")):
				self.assertIsNone(process.poll())
			process.send_signal(signal.SIGINT)
			answer = json.loads(process.stdout.read())
			self.assertEqual(process.wait(60), 0)
		self.assertIsNone(answer["error"])
		self.assertEqual(answer["frames"]["count"], len(os.listdir(self.path("live"))))

	def test_closed_output(self):
		process = self.live("--text")
		with process:
			process.stdout.close()
			try:
				process.stdin.write(read(ES))
				process.stdin.close()
			except BrokenPipeError:
				pass
			self.assertNotEqual(process.wait(60), 0)

	# --- what is wrong

	def test_damage(self):
		"""What is before the damage is told."""
		data = read(EVT2)
		cut = data[:30001]
		text = self.bad(1, "-", input=cut, says=["standard input: byte 30001: ends in the middle", "cut off"])
		self.assertIn("format   EVT 2.0", text)
		answer = json.loads(self.bad(1, "--json", "--frames", self.path("f.npy"), "-", input=cut))
		self.assertIn("byte 30001", answer["error"])
		self.assertEqual(answer["events"] - answer["frames"]["left_over"], 2000 * answer["frames"]["count"])
		self.assertEqual(load(self.path("f.npy"))[0][0], answer["frames"]["count"])
		lines = self.bad(1, "--text", "-", input=data[:10166] + b"\0\0\0\x70" + data[10166:], says=["byte 10166: found word"])
		self.assertEqual(len(lines.splitlines()), len([1 for word in struct.unpack("<2500I", data[166:10166]) if word >> 28 < 2]))
		self.bad(1, "-", input=b"", says=["is empty"])
		self.assertEqual(self.bad(1, "-", input=b"hello", says=["byte 0: found 0x68"]), "")
		self.bad(1, self.path("none"), says=["none: cannot open it: No such file"])
		self.bad(1, self.folder.name, says=["cannot read it: Is a directory"])
		self.bad(1, "/dev/zero", says=["byte 0: found 0x00"])

	def test_unwritable(self):
		self.bad(1, "--frames", "/nonexistent/f.npy", ES, says=["/nonexistent/f.npy: cannot create it"])
		self.bad(1, "--frames", "/nonexistent/f", ES, says=["/nonexistent/f: cannot create the directory"])
		os.symlink("/dev/full", self.path("full.npy"))
		self.bad(1, "--frames", self.path("full.npy"), ES, says=["full.npy: cannot write it"])
		os.mkfifo(self.path("pipe.npy"))
		pipe = os.open(self.path("pipe.npy"), os.O_RDWR)
		self.bad(1, "--frames", self.path("pipe.npy"), ES, says=["pipe.npy: cannot write it: Illegal seek"])
		os.close(pipe)
		with open("/dev/full", "w", encoding="utf-8") as full:
			done = subprocess.run([DELTAHOP, "events", "--text", ES], stdout=full, stderr=subprocess.PIPE, check=False)
		self.assertEqual(done.returncode, 1)
		self.assertIn(b"standard output", done.stderr)

	def test_usage(self):
		for args, words in [
				((), ["which recording"]),
				((ES, EVT2), ["only one"]),
				(("--text", "--json", ES), ["--text and --json"]),
				(("--count", "5", "--period", "5", ES), ["--count and --period"]),
				(("--count", "0", ES), ["--count"]),
				(("--clip", "1024", ES), ["1 to 1023"]),
				(("--format", "aedat4", ES), ["auto, aedat2, aedat3, es, evt2"]),
				(("--layout", "x", ES), ["auto, dvs128, dvs128-jaer, davis"]),
				(("--normalise", "x", ES), ["caer, jaer, jaer-centred, linear"]),
				(("--polarity", "x", ES), ["ignore, keep, split"]),
				(("--flip", "z", ES), ["none, x, y, xy"]),
				(("--size", "640", ES), ["WIDTHxHEIGHT"]),
				(("--size", "0x5", ES), ["each from 1 to 65535"]),
				(("--frame-size", "1025x5", ES), ["each from 1 to 1024"]),
				(("--frame-size", "5x5x5", ES), ["WIDTHxHEIGHT"])]:
			self.bad(2, *args, says=words)


if __name__ == "__main__":
	unittest.main(argv=sys.argv[:1] + sys.argv[3:])
