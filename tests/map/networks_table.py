# SPDX-License-Identifier: MIT
"""What networks_test.py found out about each network, as text or as a page of the documentation."""

PAGE = """.. SPDX-License-Identifier: MIT

================
Trained networks
================

.. code-block:: text

   $ scripts/bench --models SHARED >Documentation/models.rst

Published networks, compiled, and run on the embedded device on all samples that there are for them. SHARED/models has the networks,
their data and what float makes of them; it is not part of this repository, and the command says what it looks for there. Those in
the tree (``tests/map/networks``, ``examples/spoken-digits``) are run too.

"""

NOTES = """
conv, rnn, host
   nodes of the ONNX file that ran on the convolution engine, on the recurrent one, and in float on the host; all others
   rename, move or are constant. *Parts*: jobs of the device in a run.
dense, done
   million multiply-accumulates of a run (of a recurrent network: a sequence), zeros included, and those that the device did.
   Zeros that the mapping put in (groups) count as dense.
DRAM
   kilobytes of a run, for all purposes: weights, inputs, outputs, states, commands.
time
   of the device, as modelled, in microseconds a run.
device, float
   *% right*: accuracy on a labelled set, the device's and float's. *% error*: root mean square of the difference of the
   outputs from published float outputs, relative to these; the largest output is at the same place.
8 bits
   layers with weights of 8 bits, of all layers on the device.

What a network is made of, and which limits it met: ``deltahop compile --explain`` (:doc:`mapping`). Where its time goes:
``deltahop profile`` (:doc:`runtime`).
"""

WHAT = ["conv", "rnn", "host", "parts", "dense", "done", "DRAM", "time"]
RESULT = ["samples", "device", "float", "", "8 bits"]


def accuracy(value):
	return "-" if value is None else "%.3f" % value


def costs(row):
	return [str(row["conv"]), str(row["rnn"]), str(row["host"]), str(row["parts"]), "%.3f" % (row["dense"] / 1e6),
		"%.3f" % (row["done"] / 1e6), "%.1f" % (row["bytes"] / 1e3), "%.1f" % (row["seconds"] * 1e6)]


def results(row):
	return [str(row["samples"]), accuracy(row["ours"]), accuracy(row["theirs"]), row["unit"],
		"%d of %d" % row["bits"]]


def lines(head, rows, rule):
	"""Columns as wide as what is in them."""
	widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
	texts = ["  ".join(value.ljust(width) if i < 2 else value.rjust(width)
			   for i, (value, width) in enumerate(zip(row, widths))).rstrip() for row in [head] + rows]
	if not rule:
		return texts
	edge = "  ".join("=" * width for width in widths)
	return [edge, texts[0], edge] + texts[1:] + [edge]


def names(row):
	return [row["name"], row["profile"]]


def text(table):
	"""All in one."""
	return "\n".join(lines(["network", "profile"] + WHAT + RESULT, [names(row) + costs(row) + results(row) for row in table], False))


def page(table):
	"""reStructuredText; an empty heading is one that it does not allow."""
	first = lines(["network", "profile"] + WHAT, [names(row) + costs(row) for row in table], True)
	second = lines(["network", "profile"] + [head or "unit" for head in RESULT],
		       [names(row) + results(row) for row in table], True)
	return PAGE + "What ran where, and what it cost:\n\n" + "\n".join(first) + \
		"\n\nWhat came out:\n\n" + "\n".join(second) + "\n" + NOTES.rstrip()
