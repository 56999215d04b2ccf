#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains the spoken-digit network for the device, and writes all data files.

First in floating point, then with the device's number formats and the delta
rule.  Epochs are compared on held-out training recordings only; the test
recordings are looked at once, at the end.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import copy
import pathlib
import time
import warnings

import numpy as np
import torch
from torch import nn

import features
import network
import reference

HELD_OUT = range(5, 10)		# repetitions of the training recordings
BATCH = 48
SMOOTHING = 0.05
THETAS = reference.THRESHOLDS	# in 1/256; one is drawn for each batch


def epochs(text):
	count = int(text)
	if count < 1:
		raise argparse.ArgumentTypeError("at least one epoch is needed")
	return count


def arguments():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("train", help="directory of the training recordings")
	parser.add_argument("test", help="directory of the test recordings")
	parser.add_argument("--out", default=".", type=pathlib.Path,
			    help="where the files go (default: here)")
	parser.add_argument("--float-epochs", type=epochs, default=14)
	parser.add_argument("--device-epochs", type=epochs, default=22)
	parser.add_argument("--delta-cost", type=float, default=3.0,
			    help="weight of the mean hidden delta in the loss (default: %(default)s)")
	parser.add_argument("--seed", type=int, default=1)
	return parser.parse_args()


def padded(clips):
	"""Clips as floats [frames][clips][bands] and their lengths."""
	lengths = torch.tensor([len(c) for c in clips])
	frames = torch.zeros(int(lengths.max()), len(clips), features.BANDS)
	for i, clip in enumerate(clips):
		frames[:len(clip), i] = torch.from_numpy(clip / np.float32(features.ONE))
	return frames, lengths


def distorted(clip, rng):
	"""The clip a little faster or slower, louder or softer, some bands missing."""
	count = max(8, int(len(clip) * rng.uniform(0.85, 1.15)))
	clip = clip[np.linspace(0, len(clip) - 1, count).round().astype(int)]
	clip = clip + rng.normal(0.0, 0.15) * features.ONE
	clip += rng.normal(0.0, 0.1, clip.shape) * features.ONE
	if rng.random() < 0.5:
		low, width = rng.integers(features.BANDS), rng.integers(1, 7)
		clip[:, low:low + width] = 0
	limit = features.LIMIT * features.ONE
	return np.clip(np.rint(clip), -limit, limit).astype(np.int16)


def batches(data, rng):
	"""Distorted clips in random batches of about equal lengths."""
	order = np.argsort(data.lengths * rng.uniform(0.8, 1.25, len(data)))
	groups = [order[i:i + BATCH] for i in range(0, len(order), BATCH)]
	for i in rng.permutation(len(groups)):
		clips = [distorted(data.clips[k], rng) for k in groups[i]]
		frames, lengths = padded(clips)
		yield frames, lengths, torch.from_numpy(data.labels[groups[i]].astype(np.int64))


def delta_cost(outputs, lengths):
	"""Mean size of the hidden vectors' changes, over frames that exist."""
	count = outputs[0].shape[0]
	exists = (torch.arange(1, count)[:, None] < lengths).float()[:, :, None]
	total = sum((h[1:] - h[:-1]).abs().mul(exists).sum() for h in outputs)
	return total / (exists.sum() * network.HIDDEN * len(outputs))


class Trainer:
	"""Adam with a falling rate, over one phase of the training."""

	def __init__(self, net, epochs, rate, data, rng):
		self.net, self.data, self.rng = net, data, rng
		self.optimiser = torch.optim.Adam(net.parameters(), rate)
		steps = epochs * -(-len(data) // BATCH)
		self.schedule = torch.optim.lr_scheduler.OneCycleLR(
			self.optimiser, rate, total_steps=max(steps, 1), pct_start=0.1)

	def epoch(self, loss_of):
		"""One pass over the data; returns the mean loss."""
		losses = []
		self.net.train()
		for batch in batches(self.data, self.rng):
			loss = loss_of(*batch)
			self.optimiser.zero_grad()
			loss.backward()
			nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
			self.optimiser.step()
			self.schedule.step()
			if self.net.scales:
				self.net.clip_weights()
			losses.append(loss.item())
		return np.mean(losses)


def float_accuracy(net, data):
	frames, lengths = padded(data.clips)
	with torch.no_grad():
		answers = net.float_logits(frames, lengths).argmax(1).numpy()
	return (answers == data.labels).mean()


def classifier(net):
	"""The network in integers."""
	layers = [reference.GruLayer(*(p.detach().numpy() for p in net.layer(i)))
		  for i in range(network.LAYERS)]
	return reference.Classifier(layers, net.fc.weight.detach().numpy(),
				    net.fc.bias.detach().numpy())


def float_loss(net, frames, lengths, labels):
	logits = net.float_logits(frames, lengths)
	return nn.functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)


def device_loss(net, frames, lengths, labels, theta, cost):
	"""The loss with the device's roundings, and the answers."""
	logits, outputs = net.device_logits(frames, lengths, theta / features.ONE)
	loss = nn.functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
	return loss + cost * delta_cost(outputs, lengths), logits.argmax(1)


def device_score(net, data, cost):
	"""The device loss averaged over all thresholds, and the accuracy at each."""
	frames, lengths = padded(data.clips)
	labels = torch.from_numpy(data.labels.astype(np.int64))
	losses, right = [], []
	for theta in THETAS:
		with torch.no_grad():
			loss, answers = device_loss(net, frames, lengths, labels, theta, cost)
		losses.append(loss.item())
		right.append((answers == labels).float().mean().item())
	return np.mean(losses), right


def train_float(net, count, data, held_out, rng):
	trainer = Trainer(net, count, 3e-3, data, rng)
	for epoch in range(count):
		start = time.time()
		loss = trainer.epoch(lambda *batch: float_loss(net, *batch))
		net.eval()
		print(f"float {epoch + 1:2d}: loss {loss:.4f}, held out "
		      f"{float_accuracy(net, held_out):.4f}, {time.time() - start:.1f} s", flush=True)


def train_device(net, count, cost, data, held_out, rng):
	"""Returns the network of the epoch with the least loss on the held-out part."""
	net.choose_scales()
	trainer = Trainer(net, count, 1e-3, data, rng)
	best, best_score = None, np.inf
	for epoch in range(count):
		start = time.time()
		loss = trainer.epoch(lambda *batch: device_loss(
			net, *batch, rng.choice(THETAS), cost)[0])
		candidate = copy.deepcopy(net).eval()
		candidate.quantise_weights()
		score, right = device_score(candidate, held_out, cost)
		if score < best_score:
			best, best_score = candidate, score
		shares = " ".join(f"{share:.4f}" for share in right)
		print(f"device {epoch + 1:2d}: loss {loss:.4f}, held out {score:.4f}, right {shares}, "
		      f"{time.time() - start:.1f} s", flush=True)
	return best


def write_files(net, out, test, calibration, norm):
	frames = torch.zeros(40, 1, features.BANDS)
	with warnings.catch_warnings():
		warnings.simplefilter("ignore")	# the exporter's, about batches; ours is 1
		torch.onnx.export(net, frames, str(out / "spoken_digits.onnx"),
				  opset_version=13, input_names=["features"],
				  output_names=["logits"], dynamic_axes={"features": {0: "frames"}})
	for name, data in (("test", test), ("calibration", calibration)):
		np.save(out / f"{name}_features.npy", data.end_to_end())
		np.save(out / f"{name}_lengths.npy", data.lengths)
	np.save(out / "test_labels.npy", test.labels)
	np.save(out / "normalisation.npy", norm.astype(np.float32))
	(out / "test_names.txt").write_text("\n".join(test.names) + "\n")


def print_results(net, parts):
	fixed = classifier(net)
	bits = [layer.bits for layer in fixed.layers] + [fixed.n]
	print(f"weight fraction bits (r, u, c of each layer; dense): {bits}")
	for name, data in parts:
		print(f"{name}, {len(data)} recordings: float accuracy {float_accuracy(net, data):.4f}; "
		      "in the device's integers:")
		reference.report(fixed, data.clips, data.labels)


def main():
	args = arguments()
	args.out.mkdir(parents=True, exist_ok=True)
	start = time.time()
	torch.set_num_threads(1)
	torch.manual_seed(args.seed)
	rng = np.random.default_rng(args.seed)

	recordings = features.read_directory(args.train)
	fit = [r for r in recordings if r.repetition not in HELD_OUT]
	norm = features.normalisation(fit)
	data = features.DataSet(fit, norm)
	held_out = features.DataSet([r for r in recordings if r.repetition in HELD_OUT], norm)
	first = min(r.repetition for r in fit)
	calibration = features.DataSet([r for r in fit if r.repetition == first], norm)
	test = features.DataSet(features.read_directory(args.test), norm)
	print(f"{len(data)} recordings to fit, {len(held_out)} held out, {len(test)} to test, "
	      f"{len(calibration)} to calibrate")

	net = network.DigitNetwork(features.BANDS)
	train_float(net, args.float_epochs, data, held_out, rng)
	net = train_device(net, args.device_epochs, args.delta_cost, data, held_out, rng)
	write_files(net, args.out, test, calibration, norm)
	print_results(net, (("held out", held_out), ("test", test)))
	print(f"{time.time() - start:.0f} s, of which {time.process_time():.0f} s on the processor")


if __name__ == "__main__":
	main()
