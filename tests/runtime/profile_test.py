#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profile_test.py DELTAHOP DIGITS-FOLDER NETWORK-MAKE: `deltahop profile`, its table, trace and picture, on the embedded device."""

import json
import re
import subprocess
import unittest
import xml.etree.ElementTree

from command_test import NETWORK_MAKE, Tool, load, save

COSTS = ("cycles", "bytes_weights", "bytes_in", "bytes_out", "work_done", "work_skipped")
PURPOSES = ("weights", "inputs", "outputs", "states", "commands")
SVG = "{http://www.w3.org/2000/svg}"
# Of the test data.
SEQUENCES = 40
SIZES = {"title": 17, "head": 13}


def box(text):
	"""Where a text of the picture is, if its letters are as wide as 0.61 of their height."""
	height = SIZES.get(text.get("class"), 11)
	width = len(text.text) * height * 0.61
	left = float(text.get("x")) - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * width
	return left, float(text.get("y")) - height * 0.75, left + width, float(text.get("y")) + height * 0.1


class Profile(Tool):
	"""What a profile of any program must be."""

	def profile(self, *args):
		"""The three of them."""
		trace, svg = self.path("trace.json"), self.path("picture.svg")
		table = json.loads(self.good("profile", *args, "--json", "--trace", trace, "--svg", svg))
		with open(trace, encoding="utf-8") as file:
			return table, json.load(file), xml.etree.ElementTree.parse(svg).getroot()

	def check_table(self, table):
		for key in COSTS[1:]:
			self.assertEqual(table["totals"][key], sum(row[key] for row in table["rows"]), key)
		for index, layer in enumerate(table["layers"]):
			rows = [row for row in table["rows"] if row["layer"] == index]
			self.assertGreater(len(rows), 0)
			for key in COSTS:
				self.assertEqual(layer[key], sum(row[key] for row in rows), key)
		self.assertEqual(table["totals"]["profile_lost"], 0)

	def check_trace(self, table, trace):
		events = trace["traceEvents"]
		rows = [e for e in events if e.get("cat") == "layer"]
		jobs = [e for e in events if e.get("cat") == "job"]
		for key in COSTS:
			self.assertEqual(sum(row[key] for row in table["rows"]), sum(e["args"][key] for e in rows), key)
			self.assertEqual(table["totals"][key], sum(e["args"][key] for e in jobs), key)
		for key in ("bytes_state", "bytes_commands", "wait_cycles"):
			self.assertEqual(table["totals"][key], sum(e["args"][key] for e in jobs), key)
		self.assertEqual(len(jobs), table["totals"]["jobs"])
		self.check_tracks(events, rows, jobs)
		self.check_counters(events, rows)

	def check_tracks(self, events, rows, jobs):
		"""Jobs of an engine follow each other, and rows lie within them; in their length is their cycles."""
		names = {e["tid"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
		self.assertEqual(names, {e["tid"] for e in events if e["ph"] == "X"})
		for row in rows:
			self.assertAlmostEqual(row["dur"], row["args"]["cycles"] / 250, 3)
		for tid in {e["tid"] for e in jobs}:
			track = sorted((e for e in jobs if e["tid"] == tid), key=lambda e: e["ts"])
			for before, after in zip(track, track[1:]):
				self.assertLessEqual(before["ts"] + before["dur"], after["ts"] + 0.001)
			inner = sorted((e for e in rows if e["tid"] == tid), key=lambda e: e["ts"])
			for job in track:
				end = job["ts"] + job["dur"] + 0.001
				while inner and inner[0]["ts"] < end:
					row = inner.pop(0)
					self.assertEqual(row["args"]["run"], job["args"]["run"])
					self.assertGreaterEqual(row["ts"], job["ts"])
					self.assertLessEqual(row["ts"] + row["dur"], end)
			self.assertEqual(inner, [])

	def check_counters(self, events, rows):
		"""What is under the curve of the bandwidth is all bytes."""
		counters = {}
		for event in events:
			if event["ph"] == "C" and event["name"].startswith("DRAM"):
				counters.setdefault(event["name"], []).append((event["ts"], sum(event["args"].values())))
		moved = 0
		for values in counters.values():
			values.sort(key=lambda value: value[0])
			moved += sum((b[0] - a[0]) * a[1] * 1e3 for a, b in zip(values, values[1:]))
		expected = sum(e["args"]["bytes_" + what] for e in rows for what in ("weights", "in", "out"))
		self.assertAlmostEqual(moved / expected, 1, 3)
		skipped = [e["args"]["skipped"] for e in events if e["ph"] == "C" and "skipped" in e["name"]]
		self.assertEqual(len(skipped), len(rows))
		self.assertTrue(all(0 <= share <= 100 for share in skipped))

	def check_picture(self, table, svg):
		groups = {}
		for group in svg.iter(SVG + "g"):
			groups.setdefault(group.get("class"), []).append(group)
		total = table["totals"]
		self.assertEqual(total["cycles"], sum(int(g.get("data-cycles")) for g in groups["time"]))
		self.assertEqual(total["wait_cycles"], sum(int(g.get("data-cycles")) for g in groups["time"]
							   if g.get("data-kind") == "wait"))
		for purpose, key in zip(PURPOSES, ("weights", "in", "out", "state", "commands")):
			self.assertEqual(total["bytes_" + key], sum(int(g.get("data-" + purpose)) for g in groups["bytes"]))
		for key in ("done", "skipped"):
			self.assertEqual(total["work_" + key], sum(int(g.get("data-" + key)) for g in groups["work"]))
		self.check_bars(groups["time"])
		self.check_text(svg)

	def check_bars(self, bars):
		"""They follow each other, and all of them are as long as the axis."""
		at = 190
		for bar in bars:
			rect = bar.find(SVG + "rect")
			self.assertAlmostEqual(float(rect.get("x")), at, delta=0.03)
			at = float(rect.get("x")) + float(rect.get("width"))
		self.assertAlmostEqual(at, 660, delta=0.1)

	def check_text(self, svg):
		"""It lies on the page, and none on another."""
		boxes = [box(text) for text in svg.iter(SVG + "text")]
		for i, a in enumerate(boxes):
			self.assertTrue(0 <= a[0] and a[2] <= float(svg.get("width")) and a[3] <= float(svg.get("height")))
			for b in boxes[:i]:
				self.assertFalse(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3], (a, b))
		whole = xml.etree.ElementTree.tostring(svg, encoding="unicode")
		self.assertIsNone(re.search(r"href|<script|@import|url\(|@font-face", whole))
		self.assertIn("prefers-color-scheme:dark", whole)

	def check(self, *args):
		table, trace, svg = self.profile(*args)
		self.check_table(table)
		self.check_trace(table, trace)
		self.check_picture(table, svg)
		return table, trace, svg


class Digits(Profile):
	"""A recurrent network, many sequences."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.program = cls.compile("spoken_digits.onnx", "digits.dhp")
		_, frames = load(cls.data("test_features.npy"))
		_, lengths = load(cls.data("test_lengths.npy"))
		cls.lengths = list(lengths[:SEQUENCES])
		cls.inputs = ["--input", save(cls.path("frames.npy"), "<i2", (sum(cls.lengths), 40), frames[:40 * sum(cls.lengths)]),
			      "--lengths", save(cls.path("lengths.npy"), "<i4", (SEQUENCES,), cls.lengths)]

	@classmethod
	def compile(cls, onnx, name):
		program = cls.path(name)
		done = cls.call("compile", cls.data(onnx), "-o", program, "--theta-x", "32", "--theta-h", "32",
				"--calibration", cls.data("calibration_features.npy"),
				"--lengths", cls.data("calibration_lengths.npy"))
		assert done.returncode == 0, done.stderr
		return program

	def test_all_adds_up(self):
		table, trace, svg = self.check(self.program, *self.inputs)
		run = json.loads(self.good("run", self.program, *self.inputs, "--json"))
		for layer, other in zip(table["layers"], run["layers"]):
			self.assertEqual(layer, other)
		first = [row for row in table["rows"] if row["layer"] == 0]
		self.assertEqual(first[0]["rows"], SEQUENCES)
		self.assertEqual(sum(row["rows"] for row in first), run["totals"]["steps"])
		self.assertEqual([row["index"] for row in first], list(range(max(self.lengths))))
		steps = [e for e in trace["traceEvents"] if e.get("cat") == "layer" and e["name"] == "/gru/GRU"]
		self.assertEqual(len(steps), run["totals"]["steps"])
		self.assertEqual(len([g for g in svg.iter(SVG + "g") if g.get("class") == "steps"]), 2)

	def test_options_of_run(self):
		"""DRAM and link that have the same peak too: their names do not lie on each other."""
		dense = json.loads(self.good("profile", self.program, *self.inputs, "--theta-x", "0", "--theta-h", "0", "--json"))
		sparse = json.loads(self.good("profile", self.program, *self.inputs, "--json"))
		self.assertGreater(dense["totals"]["work_done"], 2 * sparse["totals"]["work_done"])
		slow, _, _ = self.check(self.program, *self.inputs, "--device", "embedded:dram-n=4")
		self.assertGreater(slow["totals"]["cycles"], 2 * sparse["totals"]["cycles"])

	def test_text(self):
		text = self.good("profile", self.program, *self.inputs)
		self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)
		for word in ("DRAM bytes of", "steps 0-", "Steps are folded"):
			self.assertIn(word, text)
		every = self.good("profile", self.program, *self.inputs, "--all")
		self.assertNotIn("folded", every)
		self.assertEqual(len(re.findall(r" step \d+ ", every)), 2 * max(self.lengths) + 1)

	def test_names_that_xml_does_not_allow(self):
		"""A node may be called anything."""
		with open(self.data("spoken_digits.onnx"), "rb") as file:
			model = file.read()
		name = '<a&"b>\x01é1'.encode()
		with open(self.path("odd.onnx"), "wb") as file:
			file.write(model.replace(b"/gru/GRU_1", name))
		program = self.compile(self.path("odd.onnx"), "<&\x01.dhp")
		_, _, svg = self.profile(program, *self.inputs)
		self.assertIn('<a&"b>?é1', [text.text for text in svg.iter(SVG + "text")])
		self.assertEqual(svg.find(SVG + "title").text, "<&?.dhp")

	def test_one_step(self):
		"""The smallest run: nothing is divided by zero."""
		one = save(self.path("one.npy"), "<f4", (1, 40), [0.0] * 40)
		table, _, svg = self.check(self.program, "--input", one)
		self.assertEqual(table["runs"], 1)
		self.assertEqual([g for g in svg.iter(SVG + "g") if g.get("class") == "steps"], [])

	def test_bad_usage(self):
		self.bad(2, "profile", says=["which program"])
		self.bad(2, "profile", self.program, says=["--input"])
		self.bad(2, "profile", self.program, *self.inputs, "--labels", "l.npy")
		for option in ("--trace", "--svg"):
			self.bad(1, "profile", self.program, *self.inputs, option, "/nonexistent/x", says=["/nonexistent/x", "cannot write"])
			self.bad(1, "profile", self.program, *self.inputs, option, "/dev/full", says=["/dev/full", "No space left"])
		self.bad(1, "profile", self.path("none.dhp"), *self.inputs, says=["none.dhp"])


class Networks(Profile):
	"""Networks of parts on both engines and the host."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.mixed, cls.pair, published = (cls.path(name) for name in ("mixed.dhp", "pair.dhp", "published.dhp"))
		subprocess.run([NETWORK_MAKE, cls.mixed, cls.pair, published], check=True)

	def test_all_adds_up(self):
		inputs = ["--input", "x=" + save(self.path("x.npy"), "<f4", (4, 3, 9, 7), [(i * 37 % 256 - 128) / 64 for i in range(756)]),
			  "--input", "skip=" + save(self.path("skip.npy"), "<f4", (4, 6, 9, 7), [max(0, i * 53 % 256 - 128) / 64 for i in range(1512)])]
		table, trace, svg = self.check(self.mixed, *inputs)
		self.assertEqual(sum(layer["passes"] for layer in table["layers"][:4]),
				 len([row for row in table["rows"] if row["layer"] < 4]))
		nodes = [e for e in trace["traceEvents"] if e.get("cat") == "host"]
		self.assertEqual([e["name"] for e in nodes], ["softmax", "argmax"] * 4)
		self.check_order(trace["traceEvents"])
		self.assertIn("softmax", [text.text for text in svg.iter(SVG + "text")])
		text = self.good("profile", self.mixed, *inputs)
		self.assertTrue(all(len(line) <= 100 for line in text.splitlines()), text)
		self.assertIn("pass 1", text)

	def check_order(self, events):
		"""A node of the host comes after the jobs of its run, and before those of the next one."""
		slices = [e for e in events if e["ph"] == "X"]
		for node in (e for e in slices if e["cat"] == "host"):
			for job in (e for e in slices if e["cat"] == "job"):
				if job["args"]["run"] > node["args"]["run"]:
					self.assertGreaterEqual(job["ts"], node["ts"] + node["dur"] - 0.001)
				else:
					self.assertGreaterEqual(node["ts"], job["ts"] + job["dur"] - 0.001)

	def test_both_engines(self):
		"""What each lost to the other one is in all three."""
		inputs = ["--input", "x=" + save(self.path("px.npy"), "<f4", (2, 9, 8), [0.5] * 144),
			  "--input", "r=" + save(self.path("pr.npy"), "<f4", (9, 1, 8), [(i % 5 - 2) / 4 for i in range(72)])]
		table, trace, _ = self.check(self.pair, *inputs, "--device", "embedded:dram-n=64,link-n=0")
		self.assertGreater(table["totals"]["wait_cycles"], 1000)
		jobs = [e for e in trace["traceEvents"] if e.get("cat") == "job"]
		self.assertEqual(len({e["tid"] for e in jobs}), 2)
		self.assertLess(max(e["ts"] for e in jobs), min(e["ts"] + e["dur"] for e in jobs))


if __name__ == "__main__":
	unittest.main(argv=["profile_test.py"])
