# SPDX-License-Identifier: MIT
"""Recordings of spoken digits, and the log-mel features a network sees of them."""

import pathlib

import numpy as np
from scipy.io import wavfile

RATE = 8000
WINDOW = 200			# samples, 25 ms
HOP = 80			# samples, 10 ms
FFT = 512
BANDS = 40
LOWEST, HIGHEST = 60.0, 3900.0	# Hz
FLOOR = 1e-3			# power of a band that counts as silence
LIMIT = 4.0			# deviations; what is beyond is clipped
ONE = 256			# 1.0 in Q8.8


class Recording:
	"""One wave file called DIGIT_SPEAKER_REPETITION.wav."""

	def __init__(self, path):
		try:
			digit, self.speaker, repetition = path.stem.split("_")
			self.digit, self.repetition = int(digit), int(repetition)
		except ValueError:
			raise SystemExit(f"{path}: the name is not DIGIT_SPEAKER_REPETITION.wav")
		self.name = path.name
		self.log_mel = log_mel(read_wave(path))


def read_wave(path):
	try:
		rate, samples = wavfile.read(path)
	except (ValueError, OSError) as error:
		raise SystemExit(f"{path}: not a readable wave file: {error}")
	if rate != RATE or samples.ndim != 1 or samples.dtype != np.int16:
		raise SystemExit(f"{path}: {rate} Hz, {samples.dtype}, {samples.ndim} axes; "
				 f"wanted {RATE} Hz, 16 bit, mono")
	return samples / 32768.0


def mel_filters():
	"""Triangles of equal width on the mel scale, [FFT bins][bands]."""
	def mel(f):
		return 1127.0 * np.log1p(f / 700.0)

	edges = np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2)
	bins = mel(np.arange(FFT // 2 + 1) * RATE / FFT)[:, None]
	rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
	fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
	return np.maximum(0.0, np.minimum(rise, fall))


FILTERS = mel_filters()
HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


def log_mel(samples):
	"""Logarithm of the power in each band, [frames][bands]."""
	if len(samples) < WINDOW:
		samples = np.pad(samples, (0, WINDOW - len(samples)))
	starts = np.arange(0, len(samples) - WINDOW + 1, HOP)
	frames = samples[starts[:, None] + np.arange(WINDOW)] * HANN
	power = np.abs(np.fft.rfft(frames, FFT)) ** 2
	return np.log(power @ FILTERS + FLOOR)


def read_directory(directory):
	"""All recordings of a directory, sorted by name."""
	paths = sorted(pathlib.Path(directory).glob("*.wav"))
	if not paths:
		raise SystemExit(f"{directory}: no .wav file there")
	return [Recording(path) for path in paths]


def normalisation(recordings):
	"""Mean and deviation of each band, [2][bands]."""
	frames = np.concatenate([r.log_mel for r in recordings])
	return np.stack([frames.mean(0), frames.std(0)])


def quantise(log_mel_frames, norm):
	"""Normalised features as the device reads them: int16, Q8.8."""
	values = np.clip((log_mel_frames - norm[0]) / norm[1], -LIMIT, LIMIT)
	return np.rint(values * ONE).astype(np.int16)


class DataSet:
	"""Features of many recordings, and their labels."""

	def __init__(self, recordings, norm):
		self.names = [r.name for r in recordings]
		self.labels = np.array([r.digit for r in recordings], np.uint8)
		self.clips = [quantise(r.log_mel, norm) for r in recordings]
		self.lengths = np.array([len(c) for c in self.clips], np.int32)

	def __len__(self):
		return len(self.clips)

	def end_to_end(self):
		"""All clips in one array, int16 [frames][bands]."""
		return np.concatenate(self.clips)
