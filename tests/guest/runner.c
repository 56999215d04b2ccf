// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "runner.h"

#define INVALID 0x7ffe /* no output is ever that large */

uint32_t random_next(uint32_t *seed)
{
	uint32_t x = *seed ? *seed : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *seed = x;
}

void network_make(struct network *net, const struct ref_layer *layers, unsigned int count,
		  uint32_t seed)
{
	size_t at = 0, i;
	unsigned int l;

	*net = (struct network){ .layers = count };
	memcpy(net->layer, layers, count * sizeof(*layers));
	for (l = 0; l < count; l++) {
		net->weight_bytes += ref_columns(&layers[l]) * ref_column_bytes(&layers[l]);
		net->state_bytes += ref_state_bytes(&layers[l]);
	}
	net->weights = malloc(net->weight_bytes);
	CHECK(net->weights);
	for (i = 0; i < net->weight_bytes; i++)
		net->weights[i] = (int8_t)(random_next(&seed) >> 16) / 4;
	for (l = 0; l < count; l++) {
		net->layer[l].weights = net->weights + at;
		at += ref_columns(&layers[l]) * ref_column_bytes(&layers[l]);
	}
}

void network_small(struct network *net, uint32_t seed)
{
	static const struct ref_layer layers[] = {
		{ .inputs = 12, .hidden = 16, .frac = { 7, 7, 7 } },
		{ .inputs = 16, .hidden = 16, .frac = { 7, 7, 7 } },
	};

	network_make(net, layers, 2, seed);
}

void network_other(struct network *net, uint32_t seed)
{
	static const struct ref_layer layer = { .inputs = 8, .hidden = 24, .frac = { 7, 7, 7 } };

	network_make(net, &layer, 1, seed);
}

void network_wide(struct network *net, uint32_t seed)
{
	static const struct ref_layer layer = { .inputs = 64, .hidden = 128, .frac = { 7, 7, 7 } };

	network_make(net, &layer, 1, seed);
}

void *runner_at(const struct runner *r, enum region region)
{
	return (char *)r->buffer[region].map + REGION_SHIFT;
}

static unsigned int inputs_of(const struct runner *r)
{
	return r->net.layer[0].inputs;
}

static unsigned int outputs_of(const struct runner *r)
{
	return r->net.layer[r->net.layers - 1].hidden;
}

struct deltahop_cmd_rnn_layer *runner_layer(const struct runner *r, unsigned int l)
{
	return (struct deltahop_cmd_rnn_layer *)runner_at(r, REGION_COMMANDS) + l;
}

struct deltahop_cmd_rnn_run *runner_run(const struct runner *r)
{
	return (struct deltahop_cmd_rnn_run *)runner_layer(r, r->net.layers);
}

struct deltahop_cmd *runner_end(const struct runner *r)
{
	return (struct deltahop_cmd *)(runner_run(r) + 1);
}

static void write_layers(const struct runner *r)
{
	uint32_t state_offset = 0;
	unsigned int l;

	for (l = 0; l < r->net.layers; l++) {
		const struct ref_layer *layer = &r->net.layer[l];
		struct deltahop_cmd_rnn_layer cmd = {
			.hdr = { DELTAHOP_OP_RNN_LAYER, sizeof(cmd),
				 layer->no_bias ? DELTAHOP_LAYER_NO_BIAS : 0 },
			.slot = l,
			.cell = layer->cell,
			.activation = layer->activation,
			.inputs = layer->inputs,
			.hidden = layer->hidden,
			.weight_region = REGION_WEIGHTS,
			.weight_offset = layer->weights - r->net.weights,
			.state_offset = state_offset,
		};

		memcpy(cmd.weight_frac, layer->frac, sizeof(cmd.weight_frac));
		*runner_layer(r, l) = cmd;
		state_offset += ref_state_bytes(layer);
	}
}

static void write_commands(struct runner *r)
{
	write_layers(r);
	*runner_run(r) = (struct deltahop_cmd_rnn_run){
		.hdr = { DELTAHOP_OP_RNN_RUN, sizeof(struct deltahop_cmd_rnn_run), 0 },
		.count = r->net.layers,
		.params_region = REGION_PARAMS,
		.input_region = REGION_INPUT,
		.output_region = REGION_OUTPUT,
	};
	*runner_end(r) = (struct deltahop_cmd){ DELTAHOP_OP_END, sizeof(struct deltahop_cmd), 0 };
	r->cmd_size = (char *)(runner_end(r) + 1) - (char *)runner_at(r, REGION_COMMANDS);
}

static size_t region_bytes(const struct runner *r, enum region region)
{
	switch (region) {
	case REGION_COMMANDS:
		return (r->net.layers + 2) * sizeof(struct deltahop_cmd_rnn_run);
	case REGION_PARAMS:
		return sizeof(struct deltahop_rnn_params);
	case REGION_WEIGHTS:
		return r->net.weight_bytes;
	case REGION_INPUT:
		return r->max_steps * inputs_of(r) * sizeof(int16_t);
	case REGION_OUTPUT:
		return r->max_steps * outputs_of(r) * sizeof(int16_t);
	default:
		return sizeof(struct deltahop_profile_head) +
		       r->max_steps * r->net.layers * sizeof(struct deltahop_profile_row);
	}
}

static void bind(struct runner *r)
{
	enum region region;

	for (region = 0; region < REGION_COUNT; region++) {
		bool written = region == REGION_OUTPUT || region == REGION_PROFILE;

		r->buffer[region] =
			buffer_create(r->fd, REGION_SHIFT + region_bytes(r, region), r->placement);
		r->binding[region] = (struct drm_deltahop_binding){
			.handle = r->buffer[region].handle,
			.flags = written ? DRM_DELTAHOP_BIND_WRITE : DRM_DELTAHOP_BIND_READ,
			.offset = REGION_SHIFT,
			.size = region_bytes(r, region),
		};
	}
	CHECK_OK(bindings_create(r->fd, r->binding, REGION_COUNT, &r->bindings));
}

void runner_create(struct runner *r, int fd, uint32_t ctx, const struct network *net,
		   unsigned int steps, uint32_t placement)
{
	*r = (struct runner){
		.fd = fd,
		.ctx = ctx,
		.info = dev_info(fd),
		.placement = placement,
		.net = *net,
		.max_steps = steps,
	};
	bind(r);
	memcpy(runner_at(r, REGION_WEIGHTS), net->weights, net->weight_bytes);
	write_commands(r);
	runner_params(r, steps, 0, 0);
	runner_inputs(r, 1);
	CHECK_OK(state_create(fd, ctx, net->state_bytes, 0, 0, &r->state));
}

void runner_destroy(struct runner *r)
{
	enum region region;

	CHECK_OK(state_destroy(r->fd, r->state));
	CHECK_OK(bindings_destroy(r->fd, r->bindings));
	for (region = 0; region < REGION_COUNT; region++)
		buffer_destroy(&r->buffer[region]);
}

void runner_params(struct runner *r, unsigned int steps, uint16_t theta_x, uint16_t theta_h)
{
	struct deltahop_rnn_params params = {
		.size = sizeof(params),
		.steps = steps,
		.input_stride = inputs_of(r) * sizeof(int16_t),
		.output_stride = outputs_of(r) * sizeof(int16_t),
	};
	unsigned int l;

	for (l = 0; l < DELTAHOP_RNN_MAX_SLOTS; l++)
		params.theta[l] = (struct deltahop_theta){ theta_x, theta_h };
	memcpy(runner_at(r, REGION_PARAMS), &params, sizeof(params));
}

/* A random walk in which about half of the elements stay as they are. */
void runner_inputs(struct runner *r, uint32_t seed)
{
	unsigned int i, n = inputs_of(r), all = r->max_steps * n;
	int16_t *input = runner_at(r, REGION_INPUT), *output = runner_at(r, REGION_OUTPUT),
		value[REF_MAX] = { 0 };

	for (i = 0; i < all; i++) {
		if (random_next(&seed) & 1)
			value[i % n] = (int16_t)random_next(&seed) / 64;
		input[i] = value[i % n];
	}
	for (i = 0; i < r->max_steps * outputs_of(r); i++)
		output[i] = INVALID;
}

struct drm_deltahop_job runner_job(const struct runner *r)
{
	return (struct drm_deltahop_job){
		.engine = DELTAHOP_ENGINE_RNN,
		.bindings = r->bindings,
		.state = r->state,
		.cmd_size = r->cmd_size,
		.cmd_region = REGION_COMMANDS,
		.profile_region = ~0U,
		.override_stride = sizeof(struct drm_deltahop_override),
		.sync_stride = sizeof(struct drm_deltahop_sync),
	};
}

uint32_t runner_seqno(const struct runner *r)
{
	struct drm_deltahop_job job = runner_job(r);

	CHECK_OK(job_submit(r->fd, r->ctx, &job, 1, NULL));
	return job.seqno;
}

int runner_do(const struct runner *r, struct deltahop_record *record)
{
	return job_wait(r->fd, r->ctx, runner_seqno(r), in_seconds(DEVICE_SECONDS), record);
}

struct ref_channel runner_memory(const struct drm_deltahop_device_info *info, uint32_t placement)
{
	struct ref_channel dram = { info->dram_n, info->dram_l, info->dram_q };
	struct ref_channel link = { info->link_n, info->link_l, info->link_q };

	return placement == DRM_DELTAHOP_PLACEMENT_CARD || !info->link_n ? dram : link;
}

static uint64_t transfer(const struct runner *r, uint32_t placement, uint64_t bytes)
{
	struct ref_channel channel = runner_memory(&r->info, placement);

	return ref_channel_transfer(&channel, r->info.dram_beat_bytes, bytes);
}

/* Ring entry, region table, commands, parameters. */
static void expect_overhead(const struct runner *r, struct totals *t)
{
	uint32_t fixed = 64 + 32 * REGION_COUNT;

	t->bytes_commands = fixed + r->cmd_size + sizeof(struct deltahop_rnn_params);
	t->cycles = transfer(r, DRM_DELTAHOP_PLACEMENT_SYSTEM, fixed) +
		    transfer(r, r->placement, r->cmd_size) +
		    transfer(r, r->placement, sizeof(struct deltahop_rnn_params)) + r->net.layers +
		    2;
}

static void expect_layer(const struct runner *r, unsigned int l, const struct ref_trace *trace,
			 struct totals *t)
{
	const struct ref_layer *layer = &r->net.layer[l];
	struct ref_channel channel = runner_memory(&r->info, r->placement);
	uint64_t column = ref_column_bytes(layer);
	uint64_t recurrent = layer->cell == DELTAHOP_CELL_DENSE ? 0 : layer->hidden;

	t->step_cycles +=
		ref_cycles(layer, trace, &channel, r->info.dram_beat_bytes, r->info.rnn_pes);
	t->bytes_weights += (trace->bias + trace->x + trace->h) * column;
	t->work_skipped += (layer->inputs + recurrent - trace->x - trace->h) * column;
}

static void expect_step(const struct runner *r, struct stream *stream,
			const struct deltahop_rnn_params *params, unsigned int step,
			struct totals *t)
{
	static struct ref_trace trace;
	const int16_t *x =
		(int16_t *)((char *)runner_at(r, REGION_INPUT) + step * params->input_stride);
	unsigned int l;

	for (l = 0; l < r->net.layers; l++, x = stream->memory[l - 1].h) {
		ref_step(&r->net.layer[l], &stream->memory[l], params->theta[l].x,
			 params->theta[l].h, x, &trace);
		if (!t)
			continue;
		expect_layer(r, l, &trace, t);
		if (!l)
			t->step_cycles +=
				(trace.waited ? 3 : 0) + (step ? 1 : 0) + r->net.layers - 1;
	}
}

void runner_expect(const struct runner *r, struct stream *stream, int16_t *outputs,
		   struct totals *totals)
{
	const struct deltahop_rnn_params *params = runner_at(r, REGION_PARAMS);
	unsigned int step, in = 2 * inputs_of(r), out = 2 * outputs_of(r);

	if (totals)
		*totals = (struct totals){ 0 };
	for (step = 0; step < params->steps; step++) {
		expect_step(r, stream, params, step, totals);
		if (outputs)
			memcpy(outputs + step * outputs_of(r), stream->memory[r->net.layers - 1].h,
			       out);
	}
	if (!totals)
		return;
	expect_overhead(r, totals);
	totals->bytes_in = step * in;
	totals->bytes_out = step * out;
	totals->work_done = totals->bytes_weights;
	totals->cycles += totals->step_cycles +
			  step * (transfer(r, r->placement, in) + transfer(r, r->placement, out));
}

unsigned int runner_differs(const struct runner *r, const int16_t *expected)
{
	const struct deltahop_rnn_params *params = runner_at(r, REGION_PARAMS);
	const int16_t *output = runner_at(r, REGION_OUTPUT);
	unsigned int i, differ = 0;

	for (i = 0; i < params->steps * outputs_of(r); i++)
		differ += output[i] != expected[i];
	return differ;
}

void runner_check(const struct runner *r, struct stream *stream)
{
	int16_t *expected = malloc(r->max_steps * outputs_of(r) * sizeof(int16_t));

	CHECK(expected);
	runner_expect(r, stream, expected, NULL);
	CHECK_EQ(runner_differs(r, expected), 0);
	free(expected);
}

static void check_times(const struct runner *r, const struct totals *t,
			const struct deltahop_record *record)
{
	uint64_t clock = r->info.clock_hz;

	CHECK_EQ(record->end_ns - record->start_ns,
		 (t->cycles * 1000000000ULL + clock - 1) / clock);
}

void runner_check_record(const struct runner *r, const struct totals *t,
			 const struct deltahop_record *record, uint32_t seqno)
{
	uint64_t bytes = t->bytes_weights + t->bytes_in + t->bytes_out + t->bytes_commands;

	CHECK_EQ(record->size, sizeof(*record));
	CHECK_EQ(record->version, DELTAHOP_RECORD_VERSION);
	CHECK_EQ(record->status, DELTAHOP_STATUS_OK);
	CHECK_EQ(record->reason, DELTAHOP_REASON_NONE);
	CHECK_EQ(record->engine, DELTAHOP_ENGINE_RNN);
	CHECK_EQ(record->writer, DELTAHOP_WRITER_DEVICE);
	CHECK_EQ(record->cmd_offset, r->cmd_size - sizeof(struct deltahop_cmd));
	CHECK_EQ(record->fault_region, ~0U);
	CHECK_EQ(record->fault_offset, 0);
	CHECK_EQ(record->step_cycles, t->step_cycles);
	CHECK_EQ(record->bytes_weights, t->bytes_weights);
	CHECK_EQ(record->bytes_in, t->bytes_in);
	CHECK_EQ(record->bytes_out, t->bytes_out);
	CHECK_EQ(record->bytes_commands, t->bytes_commands);
	CHECK_EQ(record->bytes_state, 0);
	CHECK_EQ(record->cycles, t->cycles);
	CHECK_EQ(record->work_done, t->work_done);
	CHECK_EQ(record->work_skipped, t->work_skipped);
	CHECK_EQ(record->energy_pj,
		 (bytes * ENERGY_DRAM_FJ_BYTE + t->work_done * ENERGY_MAC_FJ) / 1000);
	CHECK_EQ(record->profile_lost, 0);
	CHECK_EQ(record->seqno, seqno);
	check_times(r, t, record);
}

/* Silent steps over one input vector: much modelled time for little work. */
void runner_blocker(struct runner *r, int fd, uint32_t ctx, unsigned int ms)
{
	struct deltahop_rnn_params *params;
	struct network net;
	uint64_t cycles, steps;
	unsigned int l;

	network_other(&net, 99);
	runner_create(r, fd, ctx, &net, 1, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	cycles = 8 + 24 + 15 + transfer(r, r->placement, 2 * 8);
	steps = (uint64_t)r->info.clock_hz / 1000 * ms / cycles + 1;
	if (steps > DELTAHOP_RNN_MAX_STEPS)
		steps = DELTAHOP_RNN_MAX_STEPS;
	params = runner_at(r, REGION_PARAMS);
	params->steps = steps;
	params->input_stride = 0;
	params->output_stride = 0;
	memset(runner_at(r, REGION_INPUT), 0, 2 * 8);
	for (l = 0; l < DELTAHOP_RNN_MAX_SLOTS; l++)
		params->theta[l] =
			(struct deltahop_theta){ 511, 511 }; /* above 1.0: drops the bias */
	runner_run(r)->hdr.flags = DELTAHOP_RUN_LAST_ONLY;
}
