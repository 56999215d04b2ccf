/* SPDX-License-Identifier: MIT */
/*
 * WAV and FLAC recordings as arrays.
 */
#ifndef DELTAHOP_AUDIO_H
#define DELTAHOP_AUDIO_H

#include "base/npy.h"

/* Recordings with more values, over all channels, are refused. */
#define DH_AUDIO_MAX_VALUES   (1 << 26)
#define DH_AUDIO_MAX_CHANNELS 64

#define DH_AUDIO_MIX (-1)

/**
 * struct dh_audio - a recording
 * @samples: float32 [samples], -1 to 1 (files of floating point may go beyond); free it with
 *	dh_array_free()
 * @rate: samples a second
 * @channels: that the file has
 */
struct dh_audio {
	struct dh_array samples;
	uint32_t rate;
	uint32_t channels;
};

/**
 * dh_audio_read() - read a WAV or FLAC file
 * @path: its name
 * @channel: the one that is wanted, from 0; DH_AUDIO_MIX: the mean of all
 * @audio: filled on success
 * @err: says what is wrong with the file
 *
 * The sample rate is not changed.
 *
 * Return: 0; -EINVAL: damaged or cut off, or not a file of these kinds; -ERANGE: no such channel;
 * -EFBIG; -ENOMEM; or the negative errno of opening it.
 */
int dh_audio_read(const char *path, int channel, struct dh_audio *audio, struct dh_error *err);

#endif /* DELTAHOP_AUDIO_H */
