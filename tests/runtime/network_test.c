// SPDX-License-Identifier: MIT
/*
 * Networks of parts and host nodes: check, files, sessions on the embedded device.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_hook.h"
#include "exec_fixture.h"
#include "network/session.h"
#include "network_fixture.h"
#include "program/map.h"

static struct dh_error err;

#define ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.text)

/* --- what they compute --- */

/* What the GRU makes of a tensor, [NET_STEPS][INPUTS]. */
static void expect_gru(const struct dh_program *program, const float *x, float *h)
{
	struct fixture_reference reference;
	int16_t in[INPUTS], out[HIDDEN];

	fixture_reference(&reference, program);
	for (int s = 0; s < NET_STEPS; s++) {
		for (int i = 0; i < INPUTS; i++)
			in[i] = (int16_t)nearbyintf(x[s * INPUTS + i] * 256);
		fixture_step(&reference, in, out);
		for (int i = 0; i < HIDDEN; i++)
			h[s * HIDDEN + i] = out[i] / 256.0f;
	}
}

static void expect_softmax(const float *y, int count, float *p, int64_t *class)
{
	double sum = 0;

	*class = 0;
	for (int i = 0; i < count; i++) {
		sum += exp(y[i]);
		*class = y[i] > y[*class] ? i : *class;
	}
	for (int i = 0; i < count; i++)
		p[i] = exp(y[i]) / sum;
}

static void compare_mixed(struct dh_session *session, const struct dh_network *of)
{
	const float *h = dh_session_output(session, 0), *p = dh_session_output(session, 1);
	float *pooled = fix_expected(&conv, 0), *y = fix_expected(&conv, 1);
	float expected[NET_STEPS * HIDDEN], probability[11];
	int64_t class;

	expect_gru(of->parts[1].program, pooled, expected);
	ck_assert_mem_eq(h, expected, sizeof(expected));
	expect_softmax(y, 11, probability, &class);
	for (int i = 0; i < 11; i++)
		ck_assert_float_eq_tol(p[i], probability[i], 1e-6);
	ck_assert_int_eq(*(const int64_t *)dh_session_output(session, 2), class);
	free(pooled);
	free(y);
}

static void feed(struct dh_session *session)
{
	for (uint32_t i = 0; i < conv.program->input_count; i++)
		memcpy(dh_session_input(session, i), conv_inputs[i],
		       dh_map_values(&conv.program->inputs[i]) * sizeof(float));
}

static const struct dh_instance_options profiled = {
	.size = sizeof(profiled),
	.priority = 1,
	.profile = true,
};

START_TEST(parts_and_host_work_together)
{
	struct dh_session *session;
	struct dh_device *device;

	net_make_mixed();
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, &profiled, &session, &err));
	for (int round = 0; round < 3; round++) {
		feed(session);
		ok(dh_session_run(session, &err));
		compare_mixed(session, network);
		fix_fill(&conv, conv_inputs);
		fix_evaluate(&conv);
	}
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

START_TEST(what_it_takes_and_gives)
{
	struct dh_values_info info = { .size = sizeof(info) };

	net_make_mixed();
	ck_assert_uint_eq(dh_network_inputs(network), 2);
	ck_assert_uint_eq(dh_network_outputs(network), 3);
	ck_assert_uint_eq(dh_network_steps(network), 4);
	ck_assert_uint_eq(dh_network_layers(network), 4 + LAYERS);
	ok(dh_network_input(network, 1, &info));
	ck_assert_str_eq(info.name, "skip");
	ck_assert(!info.integers);
	ck_assert_uint_eq(info.rank, 4);
	ck_assert_uint_eq(info.dims[1], 6);
	ck_assert_uint_eq(info.count, 6 * 9 * 7);
	ok(dh_network_output(network, 2, &info));
	ck_assert_str_eq(info.name, "class");
	ck_assert(info.integers);
	ck_assert_int_eq(dh_network_input(network, 2, &info), -ERANGE);
	ck_assert_int_eq(dh_network_output(network, 3, &info), -ERANGE);
	net_unmake();
}
END_TEST

/* What the rows of a session add up to is what the layers say. */
static void compare_rows(const struct dh_session *session)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_row_report row = { .size = sizeof(row) };
	uint64_t cycles[4 + LAYERS] = { 0 }, done[4 + LAYERS] = { 0 };

	for (uint32_t step = 0; step < 2; step++) {
		uint32_t rows = dh_session_rows(session, step);

		ck_assert_uint_ge(rows, step ? LAYERS : 4);
		for (uint32_t i = 0; i < rows; i++) {
			ok(dh_session_row(session, step, i, &row));
			ck_assert_uint_eq(row.layer < 4, !step);
			ck_assert_uint_lt(row.layer, 4 + LAYERS);
			cycles[row.layer] += row.cycles;
			done[row.layer] += row.work_done;
		}
		ck_assert_int_eq(dh_session_row(session, step, rows, &row), -ERANGE);
	}
	for (uint32_t i = 0; i < 4 + LAYERS; i++) {
		ok(dh_session_layer(session, i, &layer));
		ck_assert_uint_eq(cycles[i], layer.cycles);
		ck_assert_uint_eq(done[i], layer.work_done);
	}
	ck_assert_uint_eq(dh_session_rows(session, 2), 0);
	ck_assert_uint_eq(dh_session_rows(session, 4), 0);
	ck_assert_int_eq(dh_session_row(session, 2, 0, &row), -ERANGE);
}

START_TEST(steps_and_layers_are_reported)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_step_report step = { .size = sizeof(step) };
	struct dh_report report = { .size = sizeof(report) };
	uint64_t done[2] = { 0 };
	struct dh_session *session;
	struct dh_device *device;

	net_make_mixed();
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, &profiled, &session, &err));
	feed(session);
	ok(dh_session_run(session, &err));
	ok(dh_session_step(session, 1, &step));
	ck_assert(!step.on_host);
	ck_assert_uint_eq(step.engine, DELTAHOP_ENGINE_RNN);
	ck_assert_uint_eq(step.first_layer, 4);
	ck_assert_uint_eq(step.layers, LAYERS);
	ok(dh_session_step(session, 3, &step));
	ck_assert(step.on_host);
	ck_assert_str_eq(step.name, "argmax");
	ck_assert_str_eq(step.op, "ArgMax");
	for (uint32_t i = 0; i < 4 + LAYERS; i++) {
		ok(dh_session_layer(session, i, &layer));
		ck_assert_uint_eq(layer.engine == DELTAHOP_ENGINE_CONV, i < 4);
		done[i >= 4] += layer.work_done;
	}
	ck_assert_str_eq(layer.node, "second");
	ck_assert_int_eq(dh_session_layer(session, 4 + LAYERS, &layer), -ERANGE);
	for (uint32_t i = 0; i < 2; i++) {
		ok(dh_session_report(session, i, &report));
		ck_assert_uint_eq(report.status, DELTAHOP_STATUS_OK);
		ck_assert_uint_eq(report.work_done, done[i]);
	}
	ck_assert_int_eq(dh_session_report(session, 2, &report), -ERANGE);
	ck_assert_int_eq(dh_session_step(session, 4, &step), -ERANGE);
	compare_rows(session);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

START_TEST(running_does_not_allocate)
{
	unsigned long before, after;
	struct dh_session *session;
	struct dh_device *device;
	int failed = 0;

	net_make_mixed();
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, &profiled, &session, &err));
	feed(session);
	before = alloc_count;
	for (int i = 0; i < 5; i++)
		failed |= dh_session_run(session, &err);
	after = alloc_count;
	ok(failed);
	ck_assert_uint_eq(before, after);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

START_TEST(bad_values_are_told)
{
	struct dh_step_report step = { .size = sizeof(step) };
	struct dh_session *session;
	struct dh_device *device;

	net_make_mixed();
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, NULL, &session, &err));
	feed(session);
	((float *)dh_session_input(session, 1))[3] = INFINITY;
	ck_assert_int_eq(dh_session_run(session, &err), -EDOM);
	ck_assert_msg(strstr(err.text, "skip: value 3"), "%s", err.text);
	feed(session);
	((float *)dh_session_input(session, 1))[3] = 1000;
	ok(dh_session_run(session, &err));
	ok(dh_session_step(session, 0, &step));
	ck_assert_uint_eq(step.clipped, 1);
	feed(session);
	ok(dh_session_run(session, &err));
	compare_mixed(session, network);
	ok(dh_session_step(session, 0, &step));
	ck_assert_uint_eq(step.clipped, 0);
	ck_assert_ptr_null(dh_session_input(session, 2));
	ck_assert_ptr_null(dh_session_output(session, 3));
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

/* --- parts one after the other --- */

START_TEST(a_part_reads_where_the_other_wrote)
{
	float *y, expected[NET_STEPS * HIDDEN];
	struct dh_session *session;
	struct dh_device *device;

	net_make_pair(false);
	network->output_count = 1 + _i;
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, NULL, &session, &err));
	ck_assert_uint_eq(session->batch_count, 1);
	ck_assert_ptr_eq(session->parts[1].from, &session->parts[0]);
	ck_assert_int_eq(session->parts[0].read_back[0], _i);
	for (int round = 0; round < 2; round++) {
		feed(session);
		ok(dh_session_run(session, &err));
		y = fix_expected(&conv, 0);
		expect_gru(network->parts[1].program, y, expected);
		ck_assert_mem_eq(dh_session_output(session, 0), expected, sizeof(expected));
		if (_i)
			ck_assert_mem_eq(dh_session_output(session, 1), y,
					 NET_STEPS * INPUTS * sizeof(*y));
		free(y);
		fix_fill(&conv, conv_inputs);
		fix_evaluate(&conv);
	}
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

/* Another scale: the values have to go through the host. */
START_TEST(another_form_goes_through_the_host)
{
	float *y, expected[NET_STEPS * HIDDEN];
	struct dh_session *session;
	struct dh_device *device;

	net_make_pair(false);
	network->parts[1].program->input.scale_exp = 1;
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, NULL, &session, &err));
	ck_assert_uint_eq(session->batch_count, 2);
	ck_assert_ptr_null(session->parts[1].from);
	feed(session);
	ok(dh_session_run(session, &err));
	y = fix_expected(&conv, 0);
	for (int i = 0; i < NET_STEPS * INPUTS; i++)
		y[i] = nearbyintf(y[i] * 128) / 256;
	expect_gru(network->parts[1].program, y, expected);
	ck_assert_mem_eq(dh_session_output(session, 0), expected, sizeof(expected));
	free(y);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

START_TEST(what_follows_a_failure_fails)
{
	struct dh_report report = { .size = sizeof(report) };
	struct dh_instance_options options = profiled;
	struct dh_session *session;
	struct dh_device *device;

	net_make_pair(false);
	options.cycle_budget = 600;
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, &options, &session, &err));
	feed(session);
	ck_assert_int_eq(dh_session_run(session, &err), -EDQUOT);
	ck_assert_msg(strstr(err.text, "node conv (Conv)"), "%s", err.text);
	ok(dh_session_report(session, 1, &report));
	ck_assert_uint_eq(report.status, DELTAHOP_STATUS_DEPENDENCY_FAILED);
	ck_assert_int_eq(dh_session_run(session, &err), -EDQUOT);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

/* --- both engines at once --- */

START_TEST(engines_run_at_once)
{
	struct dh_report conv_report = { .size = sizeof(conv_report) };
	struct dh_report rnn_report = { .size = sizeof(rnn_report) };
	float expected[NET_STEPS * HIDDEN], *r;
	struct dh_session *session;
	struct dh_device *device;

	net_make_pair(true);
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, network, &profiled, &session, &err));
	ck_assert_uint_eq(session->batch_count, 1);
	feed(session);
	r = dh_session_input(session, 1);
	for (int i = 0; i < NET_STEPS * INPUTS; i++)
		r[i] = i * 37 % 512 / 256.0f - 1;
	ok(dh_session_run(session, &err));
	expect_gru(network->parts[1].program, r, expected);
	ck_assert_mem_eq(dh_session_output(session, 0), expected, sizeof(expected));
	ok(dh_session_report(session, 0, &conv_report));
	ok(dh_session_report(session, 1, &rnn_report));
	ck_assert_uint_eq(conv_report.engine, DELTAHOP_ENGINE_CONV);
	ck_assert_uint_eq(rnn_report.engine, DELTAHOP_ENGINE_RNN);
	ck_assert_uint_lt(conv_report.start_ns, rnn_report.end_ns);
	ck_assert_uint_lt(rnn_report.start_ns, conv_report.end_ns);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

static void run_alone(const struct dh_session_part *part, uint64_t *cycles)
{
	struct dh_report report = { .size = sizeof(report) };
	struct dh_job *job = part->job;

	ok(dh_run(job, part->stream, part->steps, part->stream ? DH_JOB_RESET : 0, &err));
	dh_job_report(job, &report);
	ck_assert_uint_eq(report.wait_cycles, 0);
	*cycles = report.cycles;
}

/* On a slow channel they wait for each other, and that is all that it costs. */
START_TEST(what_engines_lose_adds_up)
{
	struct dh_report report = { .size = sizeof(report) };
	uint64_t alone, lost = 0;
	struct dh_session *session;
	struct dh_device *device;

	net_make_pair(true);
	ok(dh_device_open("embedded:dram-n=64,link-n=0", &device, &err));
	ok(dh_session_create(device, network, NULL, &session, &err));
	feed(session);
	for (int i = 0; i < NET_STEPS * INPUTS; i++)
		((float *)dh_session_input(session, 1))[i] = i * 37 % 512 / 256.0f - 1;
	ok(dh_session_run(session, &err));
	for (uint32_t i = 0; i < 2; i++) {
		ok(dh_session_report(session, i, &report));
		run_alone(&session->parts[i], &alone);
		ck_assert_uint_eq(report.cycles - report.wait_cycles, alone);
		lost += report.wait_cycles;
	}
	ck_assert_uint_gt(lost, 1000);
	dh_session_destroy(session);
	dh_device_close(device);
	net_unmake();
}
END_TEST

struct worker {
	struct dh_device *device;
	int kind;
	const char *failed;
};

/* A convolution network, or a GRU that keeps its state, again and again. */
static void *work_conv(struct worker *worker)
{
	struct dh_session *session;
	struct dh_error why;

	if (dh_session_create(worker->device, network, NULL, &session, &why))
		return (void *)(worker->failed = "session");
	for (int round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < network->input_count; i++)
			memcpy(dh_session_input(session, i), conv_inputs[i],
			       dh_map_values(&network->parts[0].program->inputs[i]) *
				       sizeof(float));
		if (dh_session_run(session, &why))
			worker->failed = "run";
	}
	for (uint32_t i = 0; i < network->output_count; i++) {
		float *expected = fix_expected(&conv, i);

		if (memcmp(dh_session_output(session, i), expected,
			   dh_map_values(&network->parts[0].program->outputs[i]) * sizeof(float)))
			worker->failed = "outputs";
		free(expected);
	}
	dh_session_destroy(session);
	return NULL;
}

static void *work_gru(struct worker *worker)
{
	struct dh_program *program = fixture_program(9);
	struct fixture_reference reference;
	struct dh_instance *instance;
	struct dh_stream *stream;
	struct dh_job *job;
	int16_t y[HIDDEN];

	fixture_reference(&reference, program);
	if (dh_instance_create(worker->device, program, NULL, &instance, NULL) ||
	    dh_stream_create(instance, &stream, NULL) || dh_job_create(instance, 1, &job, NULL))
		return (void *)(worker->failed = "instance");
	for (int round = 0; round < 200; round++) {
		fixture_input(worker->kind, round, dh_job_input(job));
		fixture_step(&reference, dh_job_input(job), y);
		if (dh_run(job, stream, 1, 0, NULL) || memcmp(y, dh_job_output(job), sizeof(y)))
			worker->failed = "step";
	}
	dh_instance_destroy(instance);
	fixture_free(program);
	return NULL;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	return worker->kind ? work_gru(worker) : work_conv(worker);
}

START_TEST(threads_share_both_engines)
{
	struct worker worker[4] = { 0 };
	struct dh_device *device;
	pthread_t thread[4];

	net_begin();
	net_add_conv(fix_network);
	network->outputs[0] = network->parts[0].outputs[0];
	network->outputs[1] = network->parts[0].outputs[1];
	network->output_count = 2;
	net_end();
	ok(dh_device_open("embedded", &device, &err));
	for (int i = 0; i < 4; i++) {
		worker[i].device = device;
		worker[i].kind = i / 2 * i;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_msg(!worker[i].failed, "thread %d: %s", i, worker[i].failed);
	}
	dh_device_close(device);
	net_unmake();
}
END_TEST

/* --- files --- */

static const char *temporary(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/network-test-%d.dhp",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	return path;
}

static uint8_t *saved(const struct dh_network *of, size_t *size)
{
	static uint8_t bytes[1 << 20];
	FILE *file;

	ok(dh_network_save(of, temporary(), &err));
	file = fopen(temporary(), "rbe");
	*size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	unlink(temporary());
	return bytes;
}

START_TEST(saved_runs_the_same)
{
	struct dh_network *again;
	struct dh_session *session;
	struct dh_device *device;
	uint8_t *bytes;
	size_t size;

	net_make_mixed();
	ok(dh_network_save(network, temporary(), &err));
	ck_assert(dh_network_is_file(temporary()));
	ok(dh_network_load(temporary(), &again, &err));
	unlink(temporary());
	ck_assert_str_eq(again->name, "network");
	ck_assert_str_eq(again->profile, "card");
	ck_assert_uint_eq(again->net->node_count, 2);
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, again, NULL, &session, &err));
	feed(session);
	ok(dh_session_run(session, &err));
	compare_mixed(session, again);
	dh_session_destroy(session);
	dh_device_close(device);
	bytes = saved(network, &size);
	bytes = memcpy(malloc(size), bytes, size);
	ck_assert_mem_eq(bytes, saved(again, &size), size);
	free(bytes);
	dh_network_free(again);
	net_unmake();
}
END_TEST

/* What parts do is not stored a second time as nodes. */
START_TEST(only_what_is_needed_is_stored)
{
	struct dh_network *again;
	uint8_t *bytes;
	size_t size;

	net_make_mixed();
	net_add_node(DH_NET_RELU, "not run", network->inputs[0],
		     net_add_tensor("not there", DH_NET_FLOAT, 4,
				    (const uint32_t[]){ 1, 3, 9, 7 }));
	net_end();
	bytes = saved(network, &size);
	ok(dh_network_parse(bytes, size, "again", &again, &err));
	ck_assert_uint_eq(again->net->node_count, 2);
	ck_assert_uint_eq(again->net->tensor_count, 7);
	dh_network_free(again);
	net_unmake();
}
END_TEST

START_TEST(a_program_is_a_network_too)
{
	struct dh_session *session;
	struct dh_network *alone;
	struct dh_device *device;
	float *expected;

	net_make_mixed();
	ok(dh_program_save(network->parts[0].program, temporary(), &err));
	ok(dh_network_load(temporary(), &alone, &err));
	ok(dh_device_open("embedded", &device, &err));
	ok(dh_session_create(device, alone, NULL, &session, &err));
	feed(session);
	ok(dh_session_run(session, &err));
	expected = fix_expected(&conv, 1);
	ck_assert_mem_eq(dh_session_output(session, 1), expected, 11 * sizeof(float));
	free(expected);
	dh_session_destroy(session);
	dh_device_close(device);
	dh_network_free(alone);
	ok(dh_program_save(network->parts[1].program, temporary(), &err));
	ck_assert(!dh_network_is_file(temporary()));
	ck_assert_int_eq(dh_network_load(temporary(), &alone, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.text, "recurrent engine"), "%s", err.text);
	unlink(temporary());
	ck_assert_int_eq(dh_network_load("/nonexistent", &alone, &err), -ENOENT);
	net_unmake();
}
END_TEST

static uint32_t crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = value >> 8 * i;
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static void set_checksums(uint8_t *file)
{
	uint32_t sections = get32(file + 12);

	for (uint32_t i = 0; i < sections; i++) {
		uint8_t *entry = file + 32 + 24 * i;

		put32(entry + 4, crc32(file + get32(entry + 8), get32(entry + 16)));
	}
	put32(file + 24, crc32(file + 32, 24 * sections));
	put32(file + 28, crc32(file, 28));
}

/* Each byte changed behind right checksums: an error, or a network that can be run. */
START_TEST(damage_is_noticed_or_harmless)
{
	size_t size, accepted = 0;
	struct dh_network *damaged;
	uint8_t *bytes, *copy;
	uint32_t nodes;

	net_make_mixed();
	bytes = saved(network, &size);
	nodes = get32(bytes + 32 + 24 + 8);
	copy = malloc(size);
	for (size_t i = 32 + 3 * 24; i < size; i++) {
		memcpy(copy, bytes, size);
		copy[i] ^= 1 << (i * 5 + _i) % 8;
		ck_assert_int_lt(dh_network_parse(copy, size, "flipped", &damaged, &err), 0);
		ck_assert(err.text[0]);
		if (i > nodes + get32(bytes + 32 + 24 + 16))
			continue;
		set_checksums(copy);
		if (dh_network_parse(copy, size, "patched", &damaged, &err))
			continue;
		accepted++;
		dh_network_free(damaged);
	}
	ck_assert_uint_gt(accepted, 10); /* names, constants */
	for (size_t cut = 0; cut < size; cut += 1 + cut % 7)
		ck_assert_int_lt(dh_network_parse(bytes, cut, "cut", &damaged, &err), 0);
	free(copy);
	net_unmake();
}
END_TEST

/* Whichever allocation fails: -ENOMEM, no crash, no leak. */
START_TEST(memory_runs_out)
{
	struct dh_network *again = NULL;
	struct dh_session *session;
	struct dh_device *device;
	unsigned long n;
	uint8_t *bytes;
	size_t size;
	int ret = -1;

	net_make_mixed();
	bytes = saved(network, &size);
	for (n = 1; ret && n < 1000; n++) {
		alloc_fail(n, true);
		ret = dh_network_parse(bytes, size, "short", &again, &err);
		alloc_fail(0, false);
		ck_assert(alloc_told(ret, err.text));
		ck_assert(!ret == !!again);
	}
	ok(ret);
	ck_assert_int_gt(n, 40);
	ret = -1;
	for (n = 1; ret && n < 1000; n++) {
		alloc_fail(n, true);
		ret = dh_network_save(again, "/dev/null", &err);
		alloc_fail(0, false);
		ck_assert(alloc_told(ret, err.text));
	}
	ok(ret);
	ok(dh_device_open("embedded", &device, &err));
	ret = -1;
	for (n = 1; ret && n < 1000; n++) {
		alloc_fail(n, true);
		ret = dh_session_create(device, again, NULL, &session, &err);
		alloc_fail(0, false);
		ck_assert(alloc_told(ret, err.text));
		ck_assert(!ret == !!session);
	}
	ok(ret);
	ck_assert_int_gt(n, 30);
	dh_session_destroy(session);
	dh_device_close(device);
	dh_network_free(again);
	net_unmake();
}
END_TEST

/* --- a network that is wrong in one place --- */

static void no_outputs(void)
{
	network->output_count = 0;
}
static void output_unknown(void)
{
	network->outputs[0] = 100;
}
static void output_unwritten(void)
{
	network->step_count--;
}
static void input_twice(void)
{
	network->inputs[1] = network->inputs[0];
}
static void part_unknown(void)
{
	network->steps[1].index = 2;
}
static void part_twice(void)
{
	network->steps[1].index = 0;
}
static void part_never(void)
{
	network->part_count = 3;
}
static void node_unknown(void)
{
	network->steps[3].index = 2;
}
static void node_twice(void)
{
	network->steps[3].index = 0;
}
static void kind_unknown(void)
{
	network->steps[2].kind = 2;
}
static void wrong_order(void)
{
	network->steps[0] = network->steps[3];
}
static void part_reads_nothing(void)
{
	network->parts[0].inputs[0] = DH_NET_NONE;
}
static void part_writes_input(void)
{
	network->parts[0].outputs[0] = network->inputs[0];
}
static void part_size(void)
{
	network->parts[0].inputs[0] = network->inputs[1];
}
static void part_integers(void)
{
	network->net->tensors[network->inputs[0]].type = DH_NET_INT;
}
static void steps_too_few(void)
{
	network->net->tensors[network->parts[1].outputs[0]].dims[0]--;
}
static void fixed_steps(void)
{
	network->parts[1].program->fixed_steps = NET_STEPS + 1;
}
static void host_op(void)
{
	network->parts[1].program->host_op = DH_HOST_SOFTMAX;
}
static void too_many_parts(void)
{
	network->part_count = network->step_count + 1;
}

static const struct {
	const char *name;
	void (*change)(void);
} wrongs[] = {
#define WRONG(name)         \
	{                   \
#name, name \
	}
	WRONG(no_outputs),     WRONG(output_unknown),	 WRONG(output_unwritten),
	WRONG(input_twice),    WRONG(part_unknown),	 WRONG(part_twice),
	WRONG(part_never),     WRONG(node_unknown),	 WRONG(node_twice),
	WRONG(kind_unknown),   WRONG(wrong_order),	 WRONG(part_reads_nothing),
	WRONG(part_size),      WRONG(part_writes_input), WRONG(part_integers),
	WRONG(steps_too_few),  WRONG(fixed_steps),	 WRONG(host_op),
	WRONG(too_many_parts),
#undef WRONG
};

START_TEST(one_wrong_thing_is_refused)
{
	net_make_mixed();
	err.text[0] = '\0';
	wrongs[_i].change();
	ck_assert_msg(dh_network_check(network, &err) == -EINVAL, "%s is accepted",
		      wrongs[_i].name);
	ck_assert_msg(strstr(err.text, "compile it again"), "%s", err.text);
	network->part_count = 2;
	net_unmake();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("networks");
	TCase *tc = tcase_create("networks");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, parts_and_host_work_together);
	tcase_add_test(tc, what_it_takes_and_gives);
	tcase_add_test(tc, steps_and_layers_are_reported);
	tcase_add_test(tc, running_does_not_allocate);
	tcase_add_test(tc, bad_values_are_told);
	tcase_add_loop_test(tc, a_part_reads_where_the_other_wrote, 0, 2);
	tcase_add_test(tc, another_form_goes_through_the_host);
	tcase_add_test(tc, what_follows_a_failure_fails);
	tcase_add_test(tc, engines_run_at_once);
	tcase_add_test(tc, what_engines_lose_adds_up);
	tcase_add_test(tc, threads_share_both_engines);
	tcase_add_test(tc, saved_runs_the_same);
	tcase_add_test(tc, only_what_is_needed_is_stored);
	tcase_add_test(tc, a_program_is_a_network_too);
	tcase_add_loop_test(tc, damage_is_noticed_or_harmless, 0, 2);
	tcase_add_test(tc, memory_runs_out);
	tcase_add_loop_test(tc, one_wrong_thing_is_refused, 0, sizeof(wrongs) / sizeof(*wrongs));
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
