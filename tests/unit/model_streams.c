// SPDX-License-Identifier: MIT
/*
 * Many streams on one engine: their states come and go between any two steps, a run that is not
 * saved leaves no trace, and a stream cut into pieces is the same stream.
 */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"
#include "reference_rnn.h"

#define ROUNDS	    120
#define STREAMS	    5
#define MAX_LAYERS  3
#define STEPS	    20
#define PART_BYTES  0x20000
#define IMAGE_BYTES 0x2000

enum { IMAGE, COMMANDS, PARAMS, INPUT, OUTPUT, WEIGHTS, REGIONS = WEIGHTS + MAX_LAYERS };

/**
 * struct stream - what one of them has seen so far
 * @ref: its layers by the reference
 * @image: its state, off the chip
 * @done: steps so far
 */
struct stream {
	struct ref_layer ref[MAX_LAYERS];
	uint8_t image[IMAGE_BYTES];
	int16_t in[STEPS][REF_MAX];
	int16_t out[STEPS][REF_MAX];
	unsigned int done;
};

/**
 * struct crowd - all of them, and their network
 * @form: its layers; a stream's are copies of these
 */
struct crowd {
	struct rig_random random;
	struct rig *rig;
	unsigned int layers;
	struct ref_layer form[MAX_LAYERS];
	uint32_t state_bytes;
	uint32_t command_bytes;
	struct stream stream[STREAMS];
};

static uint32_t pick(struct crowd *crowd, uint32_t limit)
{
	return rig_below(&crowd->random, limit);
}

static uint64_t part(unsigned int region)
{
	return RIG_FREE + (uint64_t)region * PART_BYTES;
}

/* ---- the network ---- */

static void random_layer(struct crowd *crowd, unsigned int l)
{
	struct ref_layer *ref = &crowd->form[l];
	int8_t *weights = (int8_t *)crowd->rig->ram + part(WEIGHTS + l);

	ref->cell = pick(crowd, REF_CELLS);
	ref->activation = pick(crowd, ref->cell == REF_DENSE || ref->cell == REF_SIMPLE ? 4 : 2);
	ref->output_relu = ref->cell == REF_LSTM && pick(crowd, 2);
	ref->has_bias = pick(crowd, 2);
	ref->inputs = l ? crowd->form[l - 1].hidden : 4 + 4 * (int)pick(crowd, 8);
	ref->hidden = 16 + 8 * (int)pick(crowd, 4);
	for (int gate = 0; gate < ref_x_bytes(ref) / ref->hidden; gate++)
		ref->frac[gate] = 5 + (int)pick(crowd, 4);
	ref->theta_x = pick(crowd, 40);
	ref->theta_h = pick(crowd, 40);
	ref->weights = weights;
	for (int i = 0; i < ref_weight_bytes(ref); i++)
		weights[i] = (int8_t)rig_random(&crowd->random) / 4;
}

static struct dh_layer layer_of(struct crowd *crowd, unsigned int l)
{
	const struct ref_layer *ref = &crowd->form[l];
	struct dh_layer layer = {
		.slot = l,
		.cell = ref->cell,
		.activation = ref->activation,
		.no_bias = !ref->has_bias,
		.output_relu = ref->output_relu,
		.inputs = ref->inputs,
		.hidden = ref->hidden,
		.weight_region = WEIGHTS + l,
		.state_offset = crowd->state_bytes,
	};

	for (int gate = 0; gate < 4; gate++)
		layer.weight_frac[gate] = ref->frac[gate];
	return layer;
}

static void make_network(struct crowd *crowd)
{
	struct rig_program program = rig_program(crowd->rig, part(COMMANDS));
	struct dh_run run = { .params_region = PARAMS,
			      .input_region = INPUT,
			      .output_region = OUTPUT };

	crowd->layers = 1 + pick(crowd, MAX_LAYERS);
	for (unsigned int l = 0; l < crowd->layers; l++) {
		struct dh_layer layer;

		random_layer(crowd, l);
		layer = layer_of(crowd, l);
		rig_put_layer(&program, &layer);
		crowd->state_bytes += ref_state_bytes(&crowd->form[l]);
	}
	ck_assert_uint_le(crowd->state_bytes, IMAGE_BYTES);
	run.count = crowd->layers;
	rig_put_run(&program, &run);
	rig_put_end(&program);
	crowd->command_bytes = program.at - program.start;
}

/* The last stream is the first one again, for other cuts. */
static void make_streams(struct crowd *crowd)
{
	for (unsigned int s = 0; s < STREAMS; s++) {
		struct stream *stream = &crowd->stream[s];

		memcpy(stream->ref, crowd->form, sizeof(crowd->form));
		for (unsigned int t = 0; t < STEPS; t++) {
			for (int i = 0; i < crowd->form[0].inputs; i++)
				stream->in[t][i] = s + 1 < STREAMS
							   ? (int16_t)pick(crowd, 1024) - 512
							   : crowd->stream[0].in[t][i];
		}
	}
}

static void create(struct crowd *crowd)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "card"));
	config.card_size = 0;
	crowd->rig = rig_create(&config, part(REGIONS));
	ck_assert_ptr_nonnull(crowd->rig);
	for (unsigned int r = 0; r < REGIONS; r++)
		rig_region(crowd->rig, part(r), PART_BYTES,
			   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	rig_start(crowd->rig);
	make_network(crowd);
	make_streams(crowd);
}

/* ---- what happens to a stream ---- */

static void move_state(struct crowd *crowd, struct stream *stream, enum deltahop_entry_type type)
{
	struct deltahop_entry entry = rig_entry(crowd->rig, type);

	entry.size = crowd->state_bytes;
	memcpy(crowd->rig->ram + part(IMAGE), stream->image, IMAGE_BYTES);
	assert_ok(rig_do(crowd->rig, &entry));
	memcpy(stream->image, crowd->rig->ram + part(IMAGE), IMAGE_BYTES);
}

/* Run the next @steps on the device, and take its outputs. */
static void run_steps(struct crowd *crowd, struct stream *stream, unsigned int steps)
{
	const struct ref_layer *first = &crowd->form[0], *last = &crowd->form[crowd->layers - 1];
	struct deltahop_entry entry = rig_entry(crowd->rig, DELTAHOP_ENTRY_JOB);
	struct dh_params params = { .steps = steps,
				    .input_stride = sizeof(stream->in[0]),
				    .output_stride = sizeof(stream->out[0]) };

	for (unsigned int l = 0; l < crowd->layers; l++) {
		params.theta_x[l] = crowd->form[l].theta_x;
		params.theta_h[l] = crowd->form[l].theta_h;
	}
	dh_params_encode(&params, crowd->rig->ram + part(PARAMS));
	memcpy(crowd->rig->ram + part(INPUT), stream->in[stream->done],
	       (steps - 1) * sizeof(stream->in[0]) + 2 * first->inputs);
	entry.cmd_region = COMMANDS;
	entry.size = crowd->command_bytes;
	assert_ok(rig_do(crowd->rig, &entry));
	for (unsigned int t = 0; t < steps; t++)
		memcpy(stream->out[stream->done + t],
		       crowd->rig->ram + part(OUTPUT) + t * sizeof(stream->out[0]),
		       2 * last->hidden);
	stream->done += steps;
}

static unsigned int some_steps(struct crowd *crowd, const struct stream *stream)
{
	unsigned int left = STEPS - stream->done, steps = 1 + pick(crowd, 5);

	return steps < left ? steps : left;
}

/* Load, run some jobs, save; or run something that nobody saves. */
static void visit(struct crowd *crowd, struct stream *stream)
{
	bool lost = pick(crowd, 4) == 0;
	unsigned int before = stream->done;

	move_state(crowd, stream, DELTAHOP_ENTRY_STATE_LOAD);
	for (unsigned int jobs = 1 + pick(crowd, 2); jobs && stream->done < STEPS; jobs--)
		run_steps(crowd, stream, some_steps(crowd, stream));
	if (lost)
		stream->done = before;
	else
		move_state(crowd, stream, DELTAHOP_ENTRY_STATE_SAVE);
}

/* All steps of the reference in one go. */
static void compare(struct crowd *crowd, struct stream *stream)
{
	int hidden = crowd->form[crowd->layers - 1].hidden;
	int16_t vector[REF_MAX];

	for (unsigned int t = 0; t < STEPS; t++) {
		memcpy(vector, stream->in[t], sizeof(vector));
		for (unsigned int l = 0; l < crowd->layers; l++)
			ref_step(&stream->ref[l], vector, vector);
		ck_assert_mem_eq(stream->out[t], vector, 2 * hidden);
	}
}

START_TEST(streams_in_pieces)
{
	for (int round = 0; round < ROUNDS / 6; round++) {
		struct crowd *crowd = calloc(1, sizeof(*crowd));
		unsigned int left = STREAMS;

		ck_assert_ptr_nonnull(crowd);
		crowd->random.state = _i * 100 + round + 1;
		create(crowd);
		while (left) {
			struct stream *stream = &crowd->stream[pick(crowd, STREAMS)];

			if (stream->done == STEPS)
				continue;
			visit(crowd, stream);
			left -= stream->done == STEPS;
		}
		for (unsigned int s = 0; s < STREAMS; s++)
			compare(crowd, &crowd->stream[s]);
		ck_assert_mem_eq(crowd->stream[STREAMS - 1].image, crowd->stream[0].image,
				 crowd->state_bytes);
		rig_destroy(crowd->rig);
		free(crowd);
	}
}
END_TEST

TCase *model_streams_case(void)
{
	TCase *tcase = tcase_create("streams");

	tcase_add_loop_test(tcase, streams_in_pieces, 0, 6);
	return tcase;
}
