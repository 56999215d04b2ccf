/* SPDX-License-Identifier: MIT */
/*
 * Images and sound as inputs of networks.
 */
#ifndef DELTAHOP_MEDIA_H
#define DELTAHOP_MEDIA_H

#include <argp.h>

#include "base/npy.h"
#include "deltahop.h"

#define MEDIA_CHANNELS 4

/**
 * struct media_options - how values are made of them
 * @most: what the brightest value of a pixel becomes
 * @mean: by channel, subtracted after that; the last one given is that of all further channels
 * @std: by channel, divided by after that; likewise
 * @waveform: vectors are pieces of the waveform
 */
struct media_options {
	double most;
	double mean[MEDIA_CHANNELS];
	double std[MEDIA_CHANNELS];
	bool waveform;
};

/** media_options_argp - for argp's children; its input is a struct media_options, which it fills */
extern const struct argp media_options_argp;

/**
 * struct media_sound - what a recording was; all zero: there was none
 * @rate: samples a second
 * @samples: that the file has
 * @left_over: at the end, too few for an input
 */
struct media_sound {
	uint32_t rate;
	size_t samples;
	size_t left_over;
};

/** enum media_kind - of a file, by its first bytes; of one that has none of these, by its name */
enum media_kind {
	MEDIA_NONE,
	MEDIA_IMAGE,
	MEDIA_IMAGES, /* a directory */
	MEDIA_SOUND,
};

/** media_kind_of() - what a file is; a pipe is not looked into */
enum media_kind media_kind_of(const char *path);

/**
 * media_load_images() - read PNG files for an input
 * @path: a file, or a directory: all that end in .png, by name
 * @array: filled: float32 [images][elements of the input]
 */
int media_load_images(const char *path, const struct dh_values_info *input,
		      const struct media_options *options, struct dh_array *array,
		      struct dh_error *err);

/**
 * media_load_sound() - read a WAV or FLAC file for an input that takes vectors
 * @name: of the input, which takes @elements
 * @is_wave: the input can only be a waveform
 * @array: filled: float32 [vectors][elements]
 * @sound: filled
 */
int media_load_sound(const char *path, const char *name, size_t elements, bool is_wave,
		     const struct media_options *options, struct dh_array *array,
		     struct media_sound *sound, struct dh_error *err);

/** media_print_sound() - a line on it, if there was any */
void media_print_sound(const struct media_sound *sound);

#endif /* DELTAHOP_MEDIA_H */
