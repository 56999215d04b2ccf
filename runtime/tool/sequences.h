/* SPDX-License-Identifier: MIT */
/*
 * Input files: which sequences they hold; and answers on their way to an output file.
 *
 * An array is read by the axes of the network's input: [steps][elements] is one sequence; with
 * three axes, those of batch and steps are in the network's order, [steps][batch][elements] or
 * [batch][steps][elements]; with lengths, sequences lie end to end in [frames][elements]. Integers
 * of 16 bits are Q8.8: value / 256.
 */
#ifndef DELTAHOP_SEQUENCES_H
#define DELTAHOP_SEQUENCES_H

#include "base/npy.h"
#include "program/program.h"
#include "tool/media.h"

/** enum sequences_layout - how they lie in the array */
enum sequences_layout {
	SEQUENCES_ONE,	       /* [steps][elements] */
	SEQUENCES_END_TO_END,  /* [frames][elements], with lengths */
	SEQUENCES_ROWS,	       /* [batch][elements], one step each */
	SEQUENCES_BATCH_FIRST, /* [batch][steps][elements] */
	SEQUENCES_STEP_FIRST,  /* [steps][batch][elements] */
};

/**
 * struct sequences - of an input file
 * @array: the file
 * @count: sequences
 * @steps: of each; @first: index of its first vector, @pitch: vectors from one step to the next
 * @sound: if the input was sound
 * @max_steps: of the longest
 * @total_steps: of all
 */
struct sequences {
	struct dh_array array;
	enum sequences_layout layout;
	uint32_t elements;
	size_t count;
	uint32_t *steps;
	size_t *first;
	size_t pitch;
	struct media_sound sound;
	uint32_t max_steps;
	uint64_t total_steps;
};

/** sequences_load() - read files; @lengths may be NULL; 0 or a negative errno */
int sequences_load(struct sequences *seqs, const struct dh_program *program, const char *input,
		   const char *lengths, const struct media_options *media, struct dh_error *err);

/**
 * sequences_random() - without files: @count sequences of @steps, slowly changing values, the same
 * in every run
 */
int sequences_random(struct sequences *seqs, const struct dh_program *program, size_t count,
		     uint32_t steps, struct dh_error *err);

/** sequences_get() - real values of sequence @index, [steps][elements] */
void sequences_get(const struct sequences *seqs, size_t index, float *values);

/** sequences_free() - free all */
void sequences_free(struct sequences *seqs);

/** labels_load() - one integer per sequence (or per step, @count = total) */
int labels_load(const char *path, struct dh_array *labels, struct dh_error *err);

/** labels_get() - one of them */
int64_t labels_get(const struct dh_array *labels, size_t index);

/**
 * struct answers - outputs of all sequences, in their order
 * @per_step: vectors per step, else one per sequence
 * @elements: values of a vector, after what is left to the host
 * @values: of sequence i from vector @first[i] on
 */
struct answers {
	bool per_step;
	bool index; /* values are indices: ArgMax */
	uint32_t elements;
	size_t vectors;
	size_t *first;
	float *values;
};

/** answers_init() - room for the answers to @seqs */
int answers_init(struct answers *answers, const struct sequences *seqs,
		 const struct dh_program *program, struct dh_error *err);

/** answers_save() - write them, with the axes of the input file */
int answers_save(const struct answers *answers, const struct sequences *seqs, const char *path,
		 struct dh_error *err);

/** answers_free() - free all */
void answers_free(struct answers *answers);

#endif /* DELTAHOP_SEQUENCES_H */
