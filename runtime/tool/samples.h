/* SPDX-License-Identifier: MIT */
/*
 * What goes into a network and comes out of it, run by run, in files.
 *
 * An array has the shape of the network's input, for one run, or [runs][that shape], where a batch axis
 * of 1 may be left out, or be the runs. Its elements are float or double; int16, as value * 256; or
 * uint8, as they are; for an input of integers any integers. PNG, WAV and FLAC files are made such arrays.
 */
#ifndef DELTAHOP_SAMPLES_H
#define DELTAHOP_SAMPLES_H

#include "base/npy.h"
#include "deltahop.h"
#include "tool/media.h"

/* Files of one side of a network that the command line may name. */
#define SAMPLES_FILES_MAX 64

/**
 * struct file_names - FILE, or NAME=FILE for a network of several inputs or outputs; they belong to the
 * command line
 */
struct file_names {
	const char *text[SAMPLES_FILES_MAX];
	uint32_t count;
};

/**
 * struct samples - for the inputs of a network
 * @arrays: of each input
 * @runs: that each array has; one with a single run serves all
 * @count: runs
 * @sound: of the last input that was sound
 */
struct samples {
	const struct dh_network *network;
	struct dh_array *arrays;
	size_t *runs;
	size_t count;
	struct media_sound sound;
};

/** samples_load() - read files; 0 or a negative errno */
int samples_load(struct samples *samples, const struct dh_network *network,
		 const struct file_names *files, const struct media_options *media,
		 struct dh_error *err);

/** samples_random() - without files: @count runs of noise in -1..1, the same in every process */
int samples_random(struct samples *samples, const struct dh_network *network, size_t count,
		   struct dh_error *err);

/** samples_dims_text() - the shape of an input or output, "[1, 4]" */
void samples_dims_text(const struct dh_values_info *info, char *text, size_t size);

/** samples_get() - write the inputs of run @index */
void samples_get(const struct samples *samples, size_t index, struct dh_session *session);

/** samples_free() - free all */
void samples_free(struct samples *samples);

/**
 * struct results - of the outputs of a network
 * @values: by output: [runs][elements], float or int64_t
 */
struct results {
	const struct dh_network *network;
	void **values;
	size_t count;
};

/** results_init() - room for @count runs */
int results_init(struct results *results, const struct dh_network *network, size_t count,
		 struct dh_error *err);

/** results_keep() - take the outputs of run @index */
void results_keep(struct results *results, size_t index, const struct dh_session *session);

/** results_value() - element @element of an output of run @index */
double results_value(const struct results *results, uint32_t output, size_t index, size_t element);

/** results_class() - class that output @output of run @index says: its value, or its largest element */
int64_t results_class(const struct results *results, uint32_t output, size_t index);

/** results_fingerprint() - a number by which two runs can be told to have given the same bits (FNV-1a) */
uint64_t results_fingerprint(const struct results *results);

/** results_save() - write files */
int results_save(const struct results *results, const struct file_names *files,
		 struct dh_error *err);

/** results_free() - free all */
void results_free(struct results *results);

#endif /* DELTAHOP_SAMPLES_H */
