// SPDX-License-Identifier: MIT
/*
 * Programs of the convolution engine: check, file, disassembly, jobs; on the embedded device, against
 * the reference.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_hook.h"
#include "base/codec.h"
#include "conv_fixture.h"
#include "execute/instance.h"
#include "network/network.h"
#include "program/disasm.h"
#include "program/map.h"
#include "reference_conv_timing.h"

#define PUBLISHED "embedded:profile=nullhop-asic"

static struct dh_error err;

#define ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.text)

/* --- a program on a device --- */

static struct fixture fix;
static struct dh_device *device;
static struct dh_instance *instance;
static struct dh_job *job;
static float *inputs[2];

static void make(void (*program)(struct fixture *fix, uint32_t seed), uint32_t seed)
{
	program(&fix, seed);
	for (uint32_t i = 0; i < fix.program->input_count; i++)
		inputs[i] = calloc(dh_map_values(&fix.program->inputs[i]), sizeof(float));
	fix_fill(&fix, inputs);
	fix_evaluate(&fix);
}

static void start(const char *spec)
{
	struct dh_instance_options options = { .size = sizeof(options),
					       .priority = 1,
					       .profile = true };

	ok(dh_device_open(spec, &device, &err));
	ok(dh_instance_create(device, fix.program, &options, &instance, &err));
	ok(dh_job_create(instance, 1, &job, &err));
}

static void stop(void)
{
	dh_instance_destroy(instance);
	dh_device_close(device);
	instance = NULL;
	device = NULL;
}

static void unmake(void)
{
	for (int i = 0; i < 2; i++) {
		free(inputs[i]);
		inputs[i] = NULL;
	}
	fix_free(&fix);
}

static void write_inputs(void)
{
	uint64_t clipped;

	for (uint32_t i = 0; i < fix.program->input_count; i++) {
		ok(dh_job_write_map(job, i, inputs[i], &clipped, &err));
		ck_assert_uint_eq(clipped, 0);
	}
}

static void compare_outputs(void)
{
	for (uint32_t i = 0; i < fix.program->output_count; i++) {
		size_t count = dh_map_values(&fix.program->outputs[i]);
		float *values = calloc(count, sizeof(*values)), *expected = fix_expected(&fix, i);

		ok(dh_job_read_map(job, i, values, &err));
		ck_assert_mem_eq(values, expected, count * sizeof(*values));
		free(values);
		free(expected);
	}
}

/* --- answers --- */

START_TEST(answers_are_those_of_the_reference)
{
	make(fix_network, _i);
	start("embedded");
	for (int round = 0; round < 3; round++) {
		write_inputs();
		ok(dh_run(job, NULL, 1, 0, &err));
		compare_outputs();
		fix_fill(&fix, inputs);
		fix_evaluate(&fix);
	}
	stop();
	unmake();
}
END_TEST

START_TEST(bus_words_give_the_same)
{
	make(fix_published, _i);
	start(PUBLISHED);
	write_inputs();
	ok(dh_run(job, NULL, 1, 0, &err));
	compare_outputs();
	stop();
	unmake();
}
END_TEST

/* --- what it cost --- */

static struct ref_conv_device reference_device(void)
{
	const struct drm_deltahop_device_info *hw = &device->hw;
	struct ref_memory dram = { hw->dram_n, hw->dram_l, hw->dram_q };
	struct ref_memory link = { hw->link_n, hw->link_l, hw->link_q };
	struct ref_memory other = hw->link_n ? link : dram;

	return (struct ref_conv_device){
		.macs = hw->conv_macs,
		.beat_bytes = hw->dram_beat_bytes,
		.store_bytes = hw->conv_store_bytes,
		.packed = fix.program->packed,
		.card = hw->card_size ? dram : other,
		.other = other,
	};
}

static void compare_layers(uint64_t *cycles, uint64_t *done)
{
	struct ref_conv_device reference = reference_device();
	struct dh_layer_report layer = { .size = sizeof(layer) };

	for (int l = 0; l < fix.layers; l++) {
		struct ref_conv_cost cost;

		fix_cost(&fix, l, &reference, &cost);
		ok(dh_job_layer(job, l, &layer));
		ck_assert_str_eq(layer.node, fix.program->convs[l].node);
		ck_assert_uint_eq(layer.engine, DELTAHOP_ENGINE_CONV);
		ck_assert_uint_eq(layer.macs, 128);
		ck_assert_uint_eq(layer.cycles, cost.cycles);
		ck_assert_uint_eq(layer.steps, cost.stripes);
		ck_assert_uint_eq(layer.bytes_weights, cost.bytes_weights);
		ck_assert_uint_eq(layer.bytes_in, cost.bytes_in);
		ck_assert_uint_eq(layer.bytes_out, cost.bytes_out);
		ck_assert_uint_eq(layer.work_done, cost.work_done);
		ck_assert_uint_eq(layer.work_skipped, cost.work_skipped);
		ck_assert_uint_eq(layer.fired_x, cost.taken);
		ck_assert_uint_ge(layer.slots_x, layer.fired_x);
		ck_assert_uint_ge(layer.dense_cycles, layer.cycles);
		*cycles += layer.cycles;
		*done += layer.work_done;
	}
}

/* What the reference says of maps without zeros is what the report calls dense. */
static void compare_dense(void)
{
	struct ref_conv_device reference = reference_device();
	struct dh_layer_report layer = { .size = sizeof(layer) };

	for (int i = 0; i < fix.maps; i++) {
		struct ref_map *map = &fix.map[i].ref;

		for (int v = 0; v < map->rows * map->cols * map->channels; v++)
			map->value[v] = 1;
	}
	for (int l = 0; l < fix.layers; l++) {
		struct ref_conv_cost cost;

		fix_cost(&fix, l, &reference, &cost);
		ok(dh_job_layer(job, l, &layer));
		ck_assert_uint_eq(layer.dense_cycles, cost.cycles);
		ck_assert_uint_eq(layer.slots_x, cost.taken);
	}
}

static void check_costs(void (*program)(struct fixture *fix, uint32_t seed), const char *spec)
{
	struct dh_report report = { .size = sizeof(report) };
	uint64_t cycles = 0, done = 0;

	make(program, 5);
	start(spec);
	write_inputs();
	ok(dh_run(job, NULL, 1, 0, &err));
	compare_layers(&cycles, &done);
	dh_job_report(job, &report);
	ck_assert_uint_eq(report.engine, DELTAHOP_ENGINE_CONV);
	ck_assert_uint_eq(report.work_done, done);
	ck_assert_uint_eq(report.profile_lost, 0);
	ck_assert_uint_eq(report.wait_cycles, 0);
	ck_assert_uint_gt(report.cycles, cycles);
	compare_dense();
	stop();
	unmake();
}

START_TEST(costs_are_those_of_the_reference)
{
	static const char *const specs[] = {
		"embedded",
		"embedded:card-size=0",
		"embedded:dram-n=3,dram-l=9,dram-q=1,link-n=0",
		"embedded:dram-n=0",
		"embedded:beat-bytes=64",
		"embedded:conv-store-bytes=1792",
	};

	check_costs(fix_network, specs[_i]);
}
END_TEST

START_TEST(costs_of_bus_words_too)
{
	check_costs(fix_published, PUBLISHED);
	check_costs(fix_published, PUBLISHED ",conv-store-bytes=1024");
}
END_TEST

/* --- maps --- */

START_TEST(values_become_numbers_of_the_scale)
{
	float *values;
	uint64_t clipped;

	make(fix_network, 1);
	start("embedded");
	values = inputs[0];
	values[0] = 255.99f; /* scale 2^1: up to 255.992 */
	values[1] = 300;
	values[2] = -256;
	values[3] = -257;
	values[4] = 3.0f / 256; /* between two numbers: to the even one */
	ok(dh_job_write_map(job, 0, values, &clipped, &err));
	ck_assert_uint_eq(clipped, 2);
	ck_assert_int_eq(dh_job_input(job)[0], 32767);
	ck_assert_int_eq(dh_job_input(job)[3], 32767);
	ck_assert_int_eq(dh_job_input(job)[6], -32768);
	ck_assert_int_eq(dh_job_input(job)[9], -32768);
	ck_assert_int_eq(dh_job_input(job)[12], 2);
	values[7] = NAN;
	ck_assert_int_eq(dh_job_write_map(job, 0, values, NULL, &err), -EDOM);
	ck_assert_msg(strstr(err.text, "x: value 7 of 189"), "%s", err.text);
	ck_assert_int_eq(dh_job_write_map(job, 2, values, NULL, &err), -ERANGE);
	ck_assert_int_eq(dh_job_read_map(job, 2, values, &err), -ERANGE);
	ck_assert_int_eq(dh_job_quantise(job, values, 1, NULL, &err), -EINVAL);
	stop();
	unmake();
}
END_TEST

/* Maps through memory, by the reference: every form, sizes around the words' borders. */
START_TEST(maps_are_as_the_manual_says)
{
	bool encoded = _i & 1, packed = _i & 2;
	int sparse = _i & 4 ? 7 : 2;
	uint8_t bytes[2][4096];
	float values[512], again[512];
	uint64_t clipped = 0;
	uint32_t seed = 7 + _i;

	for (int channels = 1; channels < 20; channels++) {
		struct dh_program_group group = { channels, 8, 4096 - 8 };
		struct dh_program_map map = { "m", 3, 5, channels, 3, encoded, 1, &group };
		struct ref_map ref = { 3, 5, channels, encoded, false, calloc(512, 2) };
		size_t length;

		for (int v = 0; v < 15 * channels; v++) {
			seed = seed * 1664525 + 1013904223;
			ref.value[v] = (int)(seed >> 28) < sparse * 2 ? 0 : (int16_t)(seed >> 8);
			values[v % channels * 15 + v / channels] = ldexpf(ref.value[v], 3 - 8);
		}
		memset(bytes, 0x5a, sizeof(bytes));
		dh_map_write(&map, packed, values, bytes[0], &clipped);
		ref_map_store(&ref, packed, bytes[1] + 8);
		length = ref_map_bytes(&ref, packed);
		ck_assert_uint_le(length, dh_map_room(3, 5, channels, encoded, packed));
		ck_assert_mem_eq(bytes[0], bytes[1], 8 + length);
		ck_assert(dh_map_read(&map, packed, bytes[1], again));
		ck_assert_mem_eq(values, again, 15 * channels * sizeof(float));
		group.bytes = (length - 1) / 8 * 8;
		ck_assert(!dh_map_read(&map, packed, bytes[1], again));
		free(ref.value);
	}
	ck_assert_uint_eq(clipped, 0);
}
END_TEST

/* Whatever the device wrote: an answer or an error, and nothing outside of the map is read. */
START_TEST(written_maps_are_not_trusted)
{
	bool packed = _i;
	int bad = 0;

	for (uint32_t round = 0; round < 3000; round++) {
		struct dh_program_group group = { 18, 0, dh_map_room(2, 3, 18, true, packed) };
		struct dh_program_map map = { "m", 2, 3, 18, 0, true, 1, &group };
		float values[108];
		uint8_t *bytes = malloc(group.bytes);
		uint32_t seed = round;

		for (uint32_t i = 0; i < group.bytes; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = round % 3 ? seed >> 24 : 0xff;
		}
		bad += !dh_map_read(&map, packed, bytes, values);
		free(bytes);
	}
	ck_assert_int_gt(bad, 2000);
}
END_TEST

START_TEST(a_map_in_no_form_is_an_error)
{
	float values[72];

	make(fix_network, 1);
	start("embedded");
	write_inputs();
	ok(dh_run(job, NULL, 1, 0, &err));
	memset((void *)dh_job_output(job), 0xff, 32);
	ck_assert_int_eq(dh_job_read_map(job, 0, values, &err), -EBADMSG);
	ck_assert_msg(strstr(err.text, "map pooled"), "%s", err.text);
	stop();
	unmake();
}
END_TEST

/* --- jobs --- */

START_TEST(running_does_not_allocate)
{
	struct dh_report report = { .size = sizeof(report) };
	struct dh_layer_report layer = { .size = sizeof(layer) };
	unsigned long before, after;
	float values[256];
	int failed = 0;

	make(fix_network, 1);
	start("embedded");
	before = alloc_count;
	for (int i = 0; i < 10; i++) {
		failed |= dh_job_write_map(job, 0, inputs[0], NULL, &err);
		failed |= dh_job_write_map(job, 1, inputs[1], NULL, &err);
		failed |= dh_run(job, NULL, 1, 0, &err);
		failed |= dh_job_read_map(job, 0, values, &err);
		failed |= dh_job_layer(job, 0, &layer);
		dh_job_report(job, &report);
	}
	after = alloc_count;
	ok(failed);
	ck_assert_uint_eq(before, after);
	stop();
	unmake();
}
END_TEST

START_TEST(misuse_is_refused)
{
	struct dh_stream *stream;
	struct dh_job *none;

	make(fix_network, 1);
	start("embedded");
	ck_assert_int_eq(dh_job_create(instance, 2, &none, &err), -EINVAL);
	ck_assert_int_eq(dh_job_setup(job, NULL, 2, 0, &err), -ERANGE);
	ck_assert_int_eq(dh_job_setup(job, NULL, 1, DH_JOB_RESET, &err), -EINVAL);
	ok(dh_stream_create(instance, &stream, &err));
	ck_assert_int_eq(dh_job_setup(job, stream, 1, 0, &err), -EINVAL);
	ck_assert_int_eq(dh_instance_set_theta(instance, -1, 0, 0, &err), -EOPNOTSUPP);
	stop();
	unmake();
}
END_TEST

/* As damaged card memory would be. */
START_TEST(fault_names_the_node)
{
	struct dh_report report = { .size = sizeof(report) };
	uint32_t offset;

	make(fix_network, 1);
	start("embedded");
	write_inputs();
	offset = fix.program->convs[3].cmd_offset + 32 + 24 + 12;
	((uint8_t *)instance->fixed.map)[offset] = DH_REGION_SCRATCH;
	ok(dh_job_setup(job, NULL, 1, 0, &err));
	((uint8_t *)instance->fixed.map)[offset + 8] = 1;
	ok(dh_submit(&job, 1, &err));
	ck_assert_int_eq(dh_job_wait(job, -1, &err), -EIO);
	ck_assert_msg(strstr(err.text, "node third (Conv)"), "%s", err.text);
	dh_job_report(job, &report);
	ck_assert_uint_eq(report.status, DELTAHOP_STATUS_FAULT);
	ck_assert_uint_eq(report.engine, DELTAHOP_ENGINE_CONV);
	stop();
	unmake();
}
END_TEST

START_TEST(budget_stops_a_job)
{
	struct dh_instance_options options = { .size = sizeof(options), .cycle_budget = 4000 };

	make(fix_network, 1);
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_instance_create(device, fix.program, &options, &instance, &err));
	ok(dh_job_create(instance, 1, &job, &err));
	write_inputs();
	ck_assert_int_eq(dh_run(job, NULL, 1, 0, &err), -EDQUOT);
	stop();
	unmake();
}
END_TEST

/* --- devices --- */

static void refused(const char *spec, const char *why)
{
	ok(dh_device_open(spec, &device, &err));
	ck_assert_int_eq(dh_instance_create(device, fix.program, NULL, &instance, &err),
			 -EOPNOTSUPP);
	ck_assert_ptr_null(instance);
	ck_assert_msg(strstr(err.text, why), "%s", err.text);
	dh_device_close(device);
}

START_TEST(device_must_be_as_it_needs)
{
	make(fix_network, 1);
	refused("embedded:profile=edgedrnn", "the convolution engine");
	refused("embedded:conv-macs=64", "laid out for a convolution engine of 128 MACs");
	refused(PUBLISHED, "conv-");
	refused("embedded:conv-max-channels=16", "input channels of 20");
	refused("embedded:conv-max-cols=6", "columns of maps of 7");
	refused("embedded:conv-max-outputs=5", "fully connected outputs of 6");
	refused("embedded:conv-kernel-words=64", "kernel memory in weights of");
	unmake();
	make(fix_published, 1);
	refused("embedded", "reads them packed");
	unmake();
}
END_TEST

/* --- check --- */

static void no_convs(struct dh_program *p)
{
	p->conv_count = 0;
}
static void conv_missing(struct dh_program *p)
{
	p->conv_count--;
}
static void conv_offset(struct dh_program *p)
{
	p->convs[1].cmd_offset += 8;
}
static void conv_end(struct dh_program *p)
{
	p->convs[1].cmd_end += 8;
}
static void conv_passes(struct dh_program *p)
{
	p->convs[0].passes++;
}
static void conv_channels(struct dh_program *p)
{
	p->convs[0].out_channels--;
}
static void conv_geometry(struct dh_program *p)
{
	p->convs[2].layer.pad_left ^= 1;
}
static void weights_short(struct dh_program *p)
{
	p->weights.size -= 8;
}
static void scratch_short(struct dh_program *p)
{
	p->scratch_bytes -= 16;
}
static void scratch_huge(struct dh_program *p)
{
	p->scratch_bytes = UINT32_MAX;
}
static void form(struct dh_program *p)
{
	p->packed = false;
}
static void no_inputs(struct dh_program *p)
{
	p->input_count = 0;
}
static void many_outputs(struct dh_program *p)
{
	p->output_count = DH_PROGRAM_MAX_MAPS + 1;
}
static void input_moved(struct dh_program *p)
{
	p->inputs[1].groups[0].offset += 8;
}
static void input_odd(struct dh_program *p)
{
	p->inputs[0].groups[0].offset += 1;
}
static void input_rows(struct dh_program *p)
{
	p->inputs[0].rows--;
}
static void input_encoded(struct dh_program *p)
{
	p->inputs[1].encoded = false;
}
static void group_small(struct dh_program *p)
{
	p->outputs[0].groups[0].bytes -= 8;
}
static void group_far(struct dh_program *p)
{
	p->outputs[0].groups[0].offset = 0x40000000;
}
static void group_channels(struct dh_program *p)
{
	p->outputs[1].groups[0].channels--;
}
static void groups_many(struct dh_program *p)
{
	p->outputs[1].group_count = DH_PROGRAM_MAX_GROUPS + 1;
}
static void map_channels(struct dh_program *p)
{
	p->outputs[1].channels++;
}
static void map_empty(struct dh_program *p)
{
	p->outputs[1].rows = 0;
}
static void map_scale(struct dh_program *p)
{
	p->outputs[1].scale_exp = -65;
}
static void output_twice(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 24] = DH_REGION_OUTPUT;
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 32] = 0;
}
static void end_missing(struct dh_program *p)
{
	p->commands.size -= 8;
}
static void opcode(struct dh_program *p)
{
	p->commands.data[0] = DELTAHOP_OP_RNN_LAYER;
}
static void input_region(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 12] = DH_REGION_WEIGHTS;
}
static void weight_region(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 12] = DH_REGION_INPUT;
}
static void weight_offset(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 23] = 0x7f;
}
static void output_region(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 24] = DH_REGION_WEIGHTS;
}
static void output_offset(struct dh_program *p)
{
	p->commands.data[p->convs[0].cmd_offset + 32 + 24 + 35] = 0x10;
}
static void psum_offset(struct dh_program *p)
{
	p->commands.data[p->convs[1].cmd_offset + 32 + 24 + 43] = 0x10;
}
static void psum_region(struct dh_program *p)
{
	p->commands.data[p->convs[1].cmd_offset + 32 + 24 + 28] = DH_REGION_OUTPUT;
}
static void add_offset(struct dh_program *p)
{
	p->commands.data[p->convs[2].cmd_offset + 32 + 24 + 48] ^= 8;
}

static const struct {
	const char *name;
	void (*change)(struct dh_program *program);
} wrongs[] = {
#define WRONG(name)         \
	{                   \
#name, name \
	}
	WRONG(no_convs),      WRONG(conv_missing),  WRONG(conv_offset),	  WRONG(conv_end),
	WRONG(conv_passes),   WRONG(conv_channels), WRONG(conv_geometry), WRONG(weights_short),
	WRONG(scratch_short), WRONG(scratch_huge),  WRONG(form),	  WRONG(no_inputs),
	WRONG(many_outputs),  WRONG(input_moved),   WRONG(input_odd),	  WRONG(input_rows),
	WRONG(input_encoded), WRONG(group_small),   WRONG(group_far),	  WRONG(group_channels),
	WRONG(groups_many),   WRONG(map_channels),  WRONG(map_empty),	  WRONG(map_scale),
	WRONG(output_twice),  WRONG(end_missing),   WRONG(opcode),	  WRONG(input_region),
	WRONG(weight_region), WRONG(weight_offset), WRONG(output_region), WRONG(output_offset),
	WRONG(psum_offset),   WRONG(psum_region),   WRONG(add_offset),
#undef WRONG
};

START_TEST(one_wrong_thing_is_refused)
{
	struct dh_program saved;

	make(fix_network, 1);
	ok(dh_program_check(fix.program, &fix.program->need, &err));
	saved = *fix.program;
	err.text[0] = '\0';
	wrongs[_i].change(fix.program);
	ck_assert_msg(dh_program_check(fix.program, &saved.need, &err) < 0, "%s is accepted",
		      wrongs[_i].name);
	ck_assert(err.text[0]);
	fix.program->conv_count = saved.conv_count;
	fix.program->input_count = saved.input_count;
	fix.program->output_count = saved.output_count;
	unmake();
}
END_TEST

START_TEST(needs_are_the_least)
{
	const struct dh_cmd_limits *need;

	make(fix_network, 1);
	need = &fix.program->need;
	ck_assert_uint_eq(need->conv_macs, 128);
	ck_assert_uint_eq(need->conv_max_channels, 20);
	ck_assert_uint_eq(need->conv_max_cols, 7);
	ck_assert_uint_eq(need->conv_max_outputs, 6);
	/* 20 channels on 4 controllers: 8 each of 9 weights; 6 rows of 7 x 20 values and 9 maps */
	ck_assert_uint_eq(need->conv_kernel_words, 72);
	ck_assert_uint_eq(need->conv_store_bytes, 2 * 6 * (140 + 9));
	ck_assert_uint_eq(need->caps, DELTAHOP_CAP_CONV_PACKED | DELTAHOP_CAP_CONV_SHIFT |
					      DELTAHOP_CAP_CONV_WEIGHT8 | DELTAHOP_CAP_CONV_PSUM |
					      DELTAHOP_CAP_CONV_ADD | DELTAHOP_CAP_CONV_FC |
					      DELTAHOP_CAP_CONV_SHAPE);
	unmake();
	make(fix_published, 1);
	ck_assert_uint_eq(fix.program->need.caps, 0);
	unmake();
}
END_TEST

/* --- files --- */

static void same_maps(const struct dh_program_map *a, const struct dh_program_map *b,
		      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_str_eq(a[i].name, b[i].name);
		ck_assert_uint_eq(a[i].rows, b[i].rows);
		ck_assert_uint_eq(a[i].cols, b[i].cols);
		ck_assert_uint_eq(a[i].channels, b[i].channels);
		ck_assert_int_eq(a[i].scale_exp, b[i].scale_exp);
		ck_assert_int_eq(a[i].encoded, b[i].encoded);
		ck_assert_uint_eq(a[i].group_count, b[i].group_count);
		ck_assert_mem_eq(a[i].groups, b[i].groups, a[i].group_count * sizeof(*a[i].groups));
	}
}

static void same_program(const struct dh_program *a, const struct dh_program *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->profile, b->profile);
	ck_assert_int_eq(a->engine, b->engine);
	ck_assert_mem_eq(&a->need, &b->need, sizeof(a->need));
	ck_assert_uint_eq(a->macs, b->macs);
	ck_assert_int_eq(a->packed, b->packed);
	ck_assert_uint_eq(a->scratch_bytes, b->scratch_bytes);
	ck_assert_uint_eq(a->commands.size, b->commands.size);
	ck_assert_mem_eq(a->commands.data, b->commands.data, a->commands.size);
	ck_assert_uint_eq(a->weights.size, b->weights.size);
	ck_assert_mem_eq(a->weights.data, b->weights.data, a->weights.size);
	ck_assert_uint_eq(a->input_count, b->input_count);
	same_maps(a->inputs, b->inputs, a->input_count);
	ck_assert_uint_eq(a->output_count, b->output_count);
	same_maps(a->outputs, b->outputs, a->output_count);
	ck_assert_uint_eq(a->conv_count, b->conv_count);
	for (uint32_t i = 0; i < a->conv_count; i++) {
		ck_assert_str_eq(a->convs[i].node, b->convs[i].node);
		ck_assert_str_eq(a->convs[i].op, b->convs[i].op);
		ck_assert_uint_eq(a->convs[i].cmd_offset, b->convs[i].cmd_offset);
		ck_assert_uint_eq(a->convs[i].cmd_end, b->convs[i].cmd_end);
		ck_assert_uint_eq(a->convs[i].passes, b->convs[i].passes);
		ck_assert_uint_eq(a->convs[i].out_channels, b->convs[i].out_channels);
		ck_assert_mem_eq(&a->convs[i].layer, &b->convs[i].layer, sizeof(a->convs[i].layer));
	}
}

START_TEST(written_is_read)
{
	void (*const programs[])(struct fixture *, uint32_t) = { fix_network, fix_published };
	struct dh_codec file = { 0 };
	struct dh_program *again;

	make(programs[_i], 3);
	dh_program_write(fix.program, &file);
	ck_assert(!file.failed);
	ck_assert_uint_eq(file.data[8], 2);
	ok(dh_program_parse(file.data, file.size, "again", &again, &err));
	same_program(fix.program, again);
	dh_program_free(again);
	free(file.data);
	unmake();
}
END_TEST

START_TEST(every_damaged_byte_is_noticed)
{
	struct dh_codec file = { 0 };
	struct dh_program *none;

	make(fix_published, 3);
	dh_program_write(fix.program, &file);
	for (size_t i = 0; i < file.size; i++) {
		file.data[i] ^= 1 << i % 8;
		ck_assert_msg(dh_program_parse(file.data, file.size, "flipped", &none, &err),
			      "byte %zu of %zu", i, file.size);
		file.data[i] ^= 1 << i % 8;
	}
	for (size_t cut = 0; cut < file.size; cut++)
		ck_assert_msg(dh_program_parse(file.data, cut, "cut", &none, &err), "cut at %zu",
			      cut);
	free(file.data);
	unmake();
}
END_TEST

/* Whichever allocation fails: no crash, no leak, -ENOMEM. */
START_TEST(memory_runs_out_while_reading)
{
	struct dh_program *program = NULL;
	struct dh_network *network = NULL;
	struct dh_codec file = { 0 };
	unsigned long n;
	int ret = -1;

	make(fix_network, 3);
	dh_program_write(fix.program, &file);
	for (n = 1; ret && n < 200; n++) {
		alloc_fail(n, true);
		ret = dh_program_parse(file.data, file.size, "short", &program, &err);
		alloc_fail(0, false);
		ck_assert(alloc_told(ret, err.text));
		ck_assert(!ret == !!program);
	}
	ck_assert_int_gt(n, 10);
	ok(ret);
	dh_program_free(program);
	ret = -1;
	for (n = 1; ret && n < 200; n++) {
		alloc_fail(n, true);
		ret = dh_network_parse(file.data, file.size, "short", &network, &err);
		alloc_fail(0, false);
		ck_assert(alloc_told(ret, err.text));
		ck_assert(!ret == !!network);
	}
	ok(ret);
	dh_network_free(network);
	free(file.data);
	unmake();
}
END_TEST

START_TEST(it_is_for_the_other_loader)
{
	struct dh_program *none;
	char path[64];

	make(fix_network, 3);
	snprintf(path, sizeof(path), "/tmp/conv-test-%d.dhp", (int)getpid());
	ok(dh_program_save(fix.program, path, &err));
	ck_assert_int_eq(dh_program_load(path, &none, &err), -EOPNOTSUPP);
	ck_assert_ptr_null(none);
	ck_assert_msg(strstr(err.text, "load it as a network"), "%s", err.text);
	ck_assert(dh_network_is_file(path));
	unlink(path);
	unmake();
}
END_TEST

/* --- disassembly --- */

START_TEST(disassembly_tells_all)
{
	static const char *const wanted[] = {
		"; program fixture for profile card",
		"; input   x: 3 channels of 9 x 7, value = int16 / 256 * 2^1\n",
		"; output  y: 11 channels of 1 x 1, value = int16 / 256 * 2^2, in 2 groups\n",
		"0000  conv.layer 9x7x3->9x7 kernel=3x3 stride=1x1 pad=1,1 m=2 shift=6/3 relu ",
		" relu weight8 encode  ; first (Conv, 32 maps in 2 passes)\n",
		"conv.input channels=3 in=input+0x0\n",
		"conv.pass  maps=6 weights=weights+0x",
		" psum-in=scratch+0x",
		" add=input+0x188<<6 add-encoded out=output+0x0\n",
		"conv.fc    maps=5 weights=weights+0x",
		"  end",
	};
	char *text = NULL;
	json_t *json;
	size_t size;
	FILE *out;

	make(fix_network, 3);
	out = open_memstream(&text, &size);
	dh_disasm_print(fix.program, out);
	fclose(out);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		ck_assert_msg(strstr(text, wanted[i]), "no \"%s\" in:\n%s", wanted[i], text);
	free(text);
	json = dh_disasm_json(fix.program);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "commands")), 15);
	ck_assert_str_eq(json_string_value(json_object_get(json, "engine")), "conv");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "outputs")), 2);
	json_decref(json);
	unmake();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("convolution programs");
	TCase *tc = tcase_create("programs");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, answers_are_those_of_the_reference, 0, 10);
	tcase_add_loop_test(tc, bus_words_give_the_same, 0, 10);
	tcase_add_loop_test(tc, costs_are_those_of_the_reference, 0, 6);
	tcase_add_test(tc, costs_of_bus_words_too);
	tcase_add_test(tc, values_become_numbers_of_the_scale);
	tcase_add_loop_test(tc, maps_are_as_the_manual_says, 0, 8);
	tcase_add_loop_test(tc, written_maps_are_not_trusted, 0, 2);
	tcase_add_test(tc, a_map_in_no_form_is_an_error);
	tcase_add_test(tc, running_does_not_allocate);
	tcase_add_test(tc, misuse_is_refused);
	tcase_add_test(tc, fault_names_the_node);
	tcase_add_test(tc, budget_stops_a_job);
	tcase_add_test(tc, device_must_be_as_it_needs);
	tcase_add_loop_test(tc, one_wrong_thing_is_refused, 0, sizeof(wrongs) / sizeof(*wrongs));
	tcase_add_test(tc, needs_are_the_least);
	tcase_add_loop_test(tc, written_is_read, 0, 2);
	tcase_add_test(tc, every_damaged_byte_is_noticed);
	tcase_add_test(tc, memory_runs_out_while_reading);
	tcase_add_test(tc, it_is_for_the_other_loader);
	tcase_add_test(tc, disassembly_tells_all);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
