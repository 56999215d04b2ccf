#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Integer-exact evaluation of a GRU classifier by the delta rule.

The arithmetic is that of Documentation/hardware.rst: activations Q8.8, weights
int8 with one power-of-two scale per layer and gate, 24-bit accumulators that
start at the biases, gates rounded to 1/16.  All clips advance together.
"""

import argparse
import sys

import numpy as np

WEIGHT_MAX = 127
FRACTION_MAX = 15
THETA_MAX = 511
THRESHOLDS = (0, 8, 16, 32, 64)


def wrap(values, bits):
	"""The low bits of values as a signed number."""
	half = 1 << (bits - 1)
	return ((values + half) & ((1 << bits) - 1)) - half


def shift_rne(values, n):
	"""values / 2^n, ties to even."""
	if n == 0:
		return values
	return (values + (1 << (n - 1)) - 1 + ((values >> n) & 1)) >> n


def rne(values, n):
	"""values / 2^n, ties to even, in 16 bits."""
	return wrap(shift_rne(values, n), 16)


def table(function):
	"""function of every int16 pre-activation, in steps of 1/16."""
	inputs = np.arange(-32768, 32768) / 256.0
	return (16 * np.floor(16 * function(inputs) + 0.5)).astype(np.int64)


SIGMOID = table(lambda x: 1.0 / (1.0 + np.exp(-x)))
TANH = table(np.tanh)


def fraction_bits(weights):
	"""The coarsest power-of-two scale at which eight bits lose least."""
	def loss(n):
		ints = np.clip(np.rint(weights * 2.0 ** n), -WEIGHT_MAX, WEIGHT_MAX)
		return ((ints / 2.0 ** n - weights) ** 2).sum()

	return min(range(FRACTION_MAX + 1), key=loss)


def to_int(values, n):
	"""values as integers with n fraction bits."""
	return np.rint(np.asarray(values, np.float64) * 2.0 ** n).astype(np.int64)


def to_int8(weights, n):
	return np.clip(to_int(weights, n), -WEIGHT_MAX, WEIGHT_MAX)


class Delta:
	"""The memory of what was last sent of a vector, and what that saved."""

	def __init__(self, shape, theta):
		self.memory = np.zeros(shape, np.int64)
		self.theta = theta
		self.seen = self.fired = 0

	def step(self, values, active):
		delta = wrap(values - self.memory, 16)
		fires = (delta != 0) & (np.abs(delta) >= self.theta) & active[:, None]
		self.memory = np.where(fires, values, self.memory)
		self.seen += int(active.sum()) * values.shape[1]
		self.fired += int(fires.sum())
		return np.where(fires, delta, 0)

	def skipped(self):
		return 1.0 - self.fired / self.seen


class GruLayer:
	"""One GRU layer; gates in the order r, u, c as in PyTorch."""

	def __init__(self, w, r, b_x, b_h):
		hidden = r.shape[1]
		rows = [slice(g * hidden, (g + 1) * hidden) for g in range(3)]
		self.hidden = hidden
		self.bits = [fraction_bits(np.concatenate([w[s], r[s]], 1)) for s in rows]
		self.w = np.concatenate([to_int8(w[s], n) for s, n in zip(rows, self.bits)])
		self.r = np.concatenate([to_int8(r[s], n) for s, n in zip(rows, self.bits)])
		sums = [b_x[rows[0]] + b_h[rows[0]], b_x[rows[1]] + b_h[rows[1]], b_x[rows[2]]]
		self.b_x = np.concatenate([to_int(b, 8 + n) for b, n in zip(sums, self.bits)])
		self.b_c = to_int(b_h[rows[2]], 8 + self.bits[2])

	def start(self, clips, theta_x, theta_h):
		h = self.hidden
		self.dx = Delta((clips, self.w.shape[1]), theta_x)
		self.dh = Delta((clips, h), theta_h)
		self.h = np.zeros((clips, h), np.int64)
		self.m_x = np.tile(self.b_x, (clips, 1))
		self.m_h = np.zeros((clips, 3 * h), np.int64)
		self.m_h[:, 2 * h:] = self.b_c

	def step(self, x, active):
		h, (n_r, n_u, n_c) = self.hidden, self.bits
		self.m_x += product(self.dx.step(x, active), self.w)
		self.m_h += product(self.dh.step(self.h, active), self.r)
		m = wrap(self.m_x[:, :2 * h] + self.m_h[:, :2 * h], 24)
		r = SIGMOID[rne(m[:, :h], n_r) + 32768]
		u = SIGMOID[rne(m[:, h:], n_u) + 32768]
		q = rne(wrap(self.m_h[:, 2 * h:], 24), n_c)
		from_x = wrap(self.m_x[:, 2 * h:], 24)
		from_x = from_x << (8 - n_c) if n_c <= 8 else shift_rne(from_x, n_c - 8)
		c = TANH[rne(wrap(r * q + from_x, 24), 8) + 32768]
		h_new = wrap(rne(u * self.h, 8) + rne((256 - u) * c, 8), 16)
		self.h = np.where(active[:, None], h_new, self.h)
		return self.h


def product(deltas, weights):
	"""deltas times weights; doubles hold these integers exactly, and are fast."""
	return (deltas.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)


class Classifier:
	"""GRU layers, and a dense layer on each clip's last hidden vector."""

	def __init__(self, layers, fc_weight, fc_bias):
		self.layers = layers
		self.n = fraction_bits(fc_weight)
		self.fc_weight = to_int8(fc_weight, self.n)
		self.fc_bias = to_int(fc_bias, 8 + self.n)

	def logits(self, clips, theta_x, theta_h):
		"""Q8.8 logits, int64 [clips][classes]."""
		lengths = np.array([len(c) for c in clips])
		x = np.zeros((lengths.max(), len(clips), clips[0].shape[1]), np.int64)
		for i, clip in enumerate(clips):
			x[:len(clip), i] = clip
		for layer in self.layers:
			layer.start(len(clips), theta_x, theta_h)
		for t, values in enumerate(x):
			for layer in self.layers:
				values = layer.step(values, t < lengths)
		sums = product(self.layers[-1].h, self.fc_weight) + self.fc_bias
		return rne(wrap(sums, 24), self.n)

	def skipped(self):
		"""Share of x and of h elements that were not sent, layer by layer."""
		return [(layer.dx.skipped(), layer.dh.skipped()) for layer in self.layers]


def from_onnx(path):
	"""The classifier in an ONNX file: GRU nodes in a chain, then one Gemm."""
	import onnx
	from onnx import numpy_helper

	try:
		graph = onnx.load(path).graph
	except Exception as error:	# protobuf's own errors have no common base
		raise SystemExit(f"{path}: not a readable ONNX file: {error}")
	tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
	layers, gemm = [], None
	for node in graph.node:
		if node.op_type == "GRU":
			layers.append(layer_from_onnx(node, tensors))
		elif node.op_type == "Gemm":
			gemm = constants(node, node.input[1:3], tensors)
	if not layers or gemm is None:
		raise SystemExit(f"{path}: no GRU followed by a Gemm in it")
	return Classifier(layers, *gemm)


def layer_from_onnx(node, tensors):
	options = {a.name: a.i or a.s for a in node.attribute}
	if options.get("linear_before_reset") != 1:
		raise SystemExit(f"{title(node)}: linear_before_reset must be 1")
	if options.get("direction", b"forward") != b"forward":
		raise SystemExit(f"{title(node)}: direction must be forward")
	w, r, b = (array[0] for array in constants(node, node.input[1:4], tensors))
	b_x, b_h = np.split(b, 2)
	return GruLayer(*(gates_from_onnx(a) for a in (w, r, b_x, b_h)))


def title(node):
	return f"{node.op_type} node with output {node.output[-1]!r}"


def constants(node, names, tensors):
	for name in names:
		if name not in tensors:
			raise SystemExit(f"{title(node)}: input {name!r} is not an initializer")
	return [tensors[name] for name in names]


def gates_from_onnx(array):
	"""ONNX orders gates z, r, h; the device wants r, u = z, c = h."""
	z, r, h = np.split(array, 3)
	return np.concatenate([r, z, h])


def report(classifier, clips, labels, thresholds=THRESHOLDS, out=sys.stdout):
	"""Prints accuracy and skipped shares for each threshold; returns accuracies."""
	names = "".join(f"   x{i}    h{i} " for i in range(1, len(classifier.layers) + 1))
	print("  theta  accuracy  skipped:" + names, file=out)
	accuracies = []
	for theta in thresholds:
		right = classifier.logits(clips, theta, theta).argmax(1) == labels
		shares = "".join(f"  {s:.3f}" for pair in classifier.skipped() for s in pair)
		print(f"  {theta:2d}/256  {right.mean():.4f}          {shares}", file=out)
		accuracies.append(right.mean())
	return accuracies


def read_array(path, axes):
	"""An array of integers with that many axes, out of an .npy file."""
	try:
		array = np.load(path)
	except (OSError, ValueError) as error:
		raise SystemExit(f"{path}: not a readable .npy file: {error}")
	if array.ndim != axes or array.dtype.kind not in "iu":
		raise SystemExit(f"{path}: {array.dtype} with {array.ndim} axes; "
				 f"wanted integers with {axes}")
	return array.astype(np.int64)


def read_clips(features_path, lengths_path):
	frames, lengths = read_array(features_path, 2), read_array(lengths_path, 1)
	if lengths.size == 0 or lengths.min() < 1 or lengths.sum() != len(frames):
		raise SystemExit(f"{lengths_path}: lengths must be positive and add up to the "
				 f"{len(frames)} frames of {features_path}")
	return np.split(frames, np.cumsum(lengths)[:-1])


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("network", help="ONNX file: GRU layers, then a Gemm")
	parser.add_argument("features", help="int16 .npy [frames][inputs], Q8.8, clips end to end")
	parser.add_argument("lengths", help=".npy with the number of frames of each clip")
	parser.add_argument("labels", help=".npy with the class of each clip")
	parser.add_argument("--theta", type=int, nargs="+", default=THRESHOLDS,
			    help="thresholds in 1/256 (default: %(default)s)")
	parser.add_argument("--logits", help="write the Q8.8 logits of the first threshold here")
	args = parser.parse_args()
	for theta in args.theta:
		if not 0 <= theta <= THETA_MAX:
			parser.error(f"--theta {theta}: thresholds are 0..{THETA_MAX}")
	classifier = from_onnx(args.network)
	clips = read_clips(args.features, args.lengths)
	width = classifier.layers[0].w.shape[1]
	if clips[0].shape[1] != width:
		raise SystemExit(f"{args.features}: {clips[0].shape[1]} values a frame, "
				 f"the network wants {width}")
	labels = read_array(args.labels, 1)
	if len(labels) != len(clips):
		raise SystemExit(f"{args.labels}: {len(labels)} labels for {len(clips)} clips")
	report(classifier, clips, labels, args.theta)
	if args.logits:
		logits = classifier.logits(clips, args.theta[0], args.theta[0])
		np.save(args.logits, logits.astype(np.int16))


if __name__ == "__main__":
	main()
