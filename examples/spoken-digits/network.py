# SPDX-License-Identifier: MIT
"""The network, in floating point and with the device's number formats.

Every rounding passes gradients straight through, so that the weights learn to
live with it.  reference.py has the same arithmetic in integers, exactly.
"""

import torch
from torch import nn

LAYERS = 2
HIDDEN = 128
CLASSES = 10
DROPOUT = 0.1
WEIGHT_MAX = 127
FRACTION_MAX = 8		# leaves weights room to grow to 0.5


class Round(torch.autograd.Function):
	"""Rounds to multiples of 1/steps; the gradient passes straight through."""

	@staticmethod
	def forward(ctx, value, steps):
		return torch.round(value * steps) / steps

	@staticmethod
	def backward(ctx, gradient):
		return gradient, None


def best_scale(weights):
	"""Power of two for which rounding and clipping to int8 loses least."""
	def loss(n):
		ints = torch.clamp(torch.round(weights * 2.0 ** n), -WEIGHT_MAX, WEIGHT_MAX)
		return float(((ints / 2.0 ** n - weights) ** 2).sum())

	return 2.0 ** min(range(FRACTION_MAX + 1), key=loss)


def held(sequence, theta):
	"""What a delta engine with this threshold sees of [frames][batch][n]."""
	memory = torch.zeros_like(sequence[0])
	seen = []
	for value in sequence:
		memory = torch.where((value - memory).abs() >= theta, value, memory)
		seen.append(memory)
	return torch.stack(seen)


class DigitNetwork(nn.Module):
	"""Two GRU layers, and a dense layer on the last frame's hidden vector."""

	def __init__(self, bands):
		super().__init__()
		self.gru = nn.GRU(bands, HIDDEN, LAYERS, dropout=DROPOUT)
		self.fc = nn.Linear(HIDDEN, CLASSES)
		self.dropout = nn.Dropout(DROPOUT)
		self.scales = None

	def forward(self, frames):
		hidden, _ = self.gru(frames)
		return self.fc(hidden[-1])

	def float_logits(self, frames, lengths):
		"""Logits of padded clips; frames is [frames][batch][bands]."""
		hidden, _ = self.gru(frames)
		return self.fc(self.dropout(last(hidden, lengths)))

	def layer(self, index):
		"""W [3H][I], R [3H][H] and both biases of one GRU layer."""
		return [getattr(self.gru, f"{name}_l{index}")
			for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

	def blocks(self):
		"""Weights that share a scale: a layer's gate, W and R together."""
		for index in range(LAYERS):
			w, r, _, _ = self.layer(index)
			yield from zip(w.chunk(3), r.chunk(3))
		yield (self.fc.weight,)

	def choose_scales(self):
		"""Fixes one power-of-two scale per layer and gate."""
		with torch.no_grad():
			self.scales = [best_scale(torch.cat([b.flatten() for b in block]))
				       for block in self.blocks()]
			self.clip_weights()

	def clip_weights(self):
		"""Keeps each weight where eight bits can express it."""
		with torch.no_grad():
			for scale, block in zip(self.scales, self.blocks()):
				for weights in block:
					weights.clamp_(-WEIGHT_MAX / scale, WEIGHT_MAX / scale)

	def quantise_weights(self):
		"""Rounds each weight, once and for all, to what eight bits express."""
		with torch.no_grad():
			for scale, block in zip(self.scales, self.blocks()):
				for weights in block:
					weights.copy_(torch.round(weights * scale) / scale)

	def gate_scales(self, index):
		gates = self.scales[3 * index:3 * index + 3]
		return torch.tensor(gates).repeat_interleave(HIDDEN)[:, None]

	def device_logits(self, frames, lengths, theta):
		"""Logits as the device would give, and each layer's hidden vectors."""
		hidden, outputs = frames, []
		for index in range(LAYERS):
			hidden = self.device_layer(index, held(hidden, theta), theta)
			outputs.append(hidden)
			hidden = hidden * self.dropout(torch.ones_like(hidden[0]))
		weight = Round.apply(self.fc.weight, self.scales[-1])
		logits = nn.functional.linear(last(hidden, lengths), weight, self.fc.bias)
		return logits, outputs

	def device_layer(self, index, inputs, theta):
		w, r, b_x, b_h = self.layer(index)
		scale = self.gate_scales(index)
		w, r = Round.apply(w, scale), Round.apply(r, scale).t()
		b_h, b_n = b_h[:2 * HIDDEN], b_h[2 * HIDDEN:]
		from_x = nn.functional.linear(inputs, w, b_x)
		h = memory = inputs.new_zeros(inputs.shape[1], HIDDEN)
		outputs = []
		for gates_x in from_x:
			gates_h = memory @ r
			gates = gates_x[:, :2 * HIDDEN] + gates_h[:, :2 * HIDDEN] + b_h
			reset, update = Round.apply(torch.sigmoid(gates), 16).chunk(2, 1)
			recurrent = gates_h[:, 2 * HIDDEN:] + b_n
			candidate = torch.tanh(gates_x[:, 2 * HIDDEN:] + reset * recurrent)
			candidate = Round.apply(candidate, 16)
			h = Round.apply(candidate + update * (h - candidate), 256)
			memory = torch.where((h - memory).abs() >= theta, h, memory)
			outputs.append(h)
		return torch.stack(outputs)


def last(hidden, lengths):
	"""The hidden vector of each clip's last frame."""
	return hidden[lengths - 1, torch.arange(hidden.shape[1])]
