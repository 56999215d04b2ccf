// SPDX-License-Identifier: MIT
/*
 * Instances, streams and jobs on the embedded device; with DELTAHOP_TEST_DEVICE on any other.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc_hook.h"
#include "exec_fixture.h"
#include "execute/instance.h"

#define STEPS 20

static struct dh_device *device;
static struct dh_program *program;
static struct dh_instance *instance;
static struct dh_error err;

#define ok(call) ck_assert_msg((call) == 0, "%s: %s", #call, err.text)

static const char *device_spec(void)
{
	const char *spec = getenv("DELTAHOP_TEST_DEVICE");

	return spec ? spec : "embedded";
}

static void setup(void)
{
	struct dh_instance_options options = { .size = sizeof(options),
					       .priority = 1,
					       .profile = true };

	ok(dh_device_open(device_spec(), &device, &err));
	program = fixture_program(1);
	ok(dh_instance_create(device, program, &options, &instance, &err));
}

static void teardown(void)
{
	dh_instance_destroy(instance);
	fixture_free(program);
	dh_device_close(device);
}

static struct dh_job *new_job(struct dh_instance *of)
{
	struct dh_job *job;

	ok(dh_job_create(of, STEPS, &job, &err));
	return job;
}

static struct dh_stream *new_stream(struct dh_instance *of)
{
	struct dh_stream *stream;

	ok(dh_stream_create(of, &stream, &err));
	return stream;
}

static void fill(struct dh_job *job, uint32_t stream, uint32_t first)
{
	uint32_t s;

	for (s = 0; s < STEPS; s++)
		fixture_input(stream, first + s, dh_job_input(job) + s * INPUTS);
}

static void compare(const struct dh_job *job, struct fixture_reference *ref, uint32_t stream,
		    uint32_t first)
{
	int16_t x[INPUTS], y[HIDDEN];
	uint32_t s;

	for (s = 0; s < STEPS; s++) {
		fixture_input(stream, first + s, x);
		fixture_step(ref, x, y);
		ck_assert_mem_eq(dh_job_output(job) + s * HIDDEN, y, sizeof(y));
	}
}

/* --- answers ----------------------------------------------------------------- */

START_TEST(streams_keep_their_states)
{
	struct fixture_reference ref[3];
	struct dh_stream *stream[3];
	struct dh_job *job[3];
	uint32_t i, round;

	for (i = 0; i < 3; i++) {
		fixture_reference(&ref[i], program);
		stream[i] = new_stream(instance);
		job[i] = new_job(instance);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 3; i++) {
			fill(job[i], i, round * STEPS);
			ok(dh_job_setup(job[i], stream[i], STEPS, 0, &err));
		}
		ok(dh_submit(job, 3, &err));
		for (i = 0; i < 3; i++) {
			ok(dh_job_wait(job[i], -1, &err));
			compare(job[i], &ref[i], i, round * STEPS);
		}
	}
}
END_TEST

START_TEST(reset_starts_over)
{
	struct dh_stream *stream = new_stream(instance);
	struct dh_job *job = new_job(instance);
	struct fixture_reference ref;
	uint32_t round;

	for (round = 0; round < 4; round++) {
		if (round != 3)
			fixture_reference(&ref, program);
		if (round == 2)
			ok(dh_stream_reset(stream, &err));
		fill(job, 0, round * STEPS);
		ok(dh_run(job, stream, STEPS, round == 1 ? DH_JOB_RESET : 0, &err));
		compare(job, &ref, 0, round * STEPS);
	}
}
END_TEST

START_TEST(theta_changes_from_run_to_run)
{
	static const int theta[] = { 0, 64, 511, 1 };
	struct dh_stream *stream = new_stream(instance);
	struct dh_job *job = new_job(instance);
	struct fixture_reference ref;
	uint64_t fired = UINT64_MAX;
	uint32_t i, l;

	for (i = 0; i < 4; i++) {
		fixture_reference(&ref, program);
		for (l = 0; l < LAYERS; l++)
			ref.theta_x[l] = ref.theta_h[l] = theta[i];
		ok(dh_instance_set_theta(instance, -1, theta[i], theta[i], &err));
		fill(job, 0, 0);
		ok(dh_run(job, stream, STEPS, DH_JOB_RESET, &err));
		compare(job, &ref, 0, 0);
		if (i < 3) {
			ck_assert_uint_lt(ref.fired, fired);
			fired = ref.fired;
		}
	}
	ck_assert_int_eq(dh_instance_set_theta(instance, -1, 512, 0, &err), -ERANGE);
	ck_assert_int_eq(dh_instance_set_theta(instance, -1, 0, -2, &err), -ERANGE);
	ck_assert_int_eq(dh_instance_set_theta(instance, LAYERS, 0, 0, &err), -ERANGE);
	ck_assert(strstr(err.text, "layers 0 to 1"));
}
END_TEST

START_TEST(real_values_are_rounded)
{
	const float values[INPUTS] = { 0.5f, -1, 1.5f / 256, 2.5f / 256, 200, -200, 0, 127.998f };
	const int16_t expected[INPUTS] = { 128, -256, 2, 2, 32767, -32768, 0, 32767 };
	float bad[INPUTS] = { 0 };
	struct dh_job *job = new_job(instance);
	uint64_t clipped;

	ok(dh_job_quantise(job, values, 1, &clipped, &err));
	ck_assert_mem_eq(dh_job_input(job), expected, sizeof(expected));
	ck_assert_uint_eq(clipped, 2);
	bad[3] = 0.0f / 0.0f;
	ck_assert_int_eq(dh_job_quantise(job, bad, 1, NULL, &err), -EDOM);
	ck_assert(strstr(err.text, "element 3 of step 0"));
	ck_assert_int_eq(dh_job_quantise(job, values, STEPS + 1, NULL, &err), -ERANGE);
}
END_TEST

/* Once made, a job runs without allocating, in the library and in the device model. */
START_TEST(running_does_not_allocate)
{
	struct dh_stream *stream = new_stream(instance);
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_report report = { .size = sizeof(report) };
	struct dh_job *job[2] = { new_job(instance), new_job(instance) };
	unsigned long after, before = alloc_count;
	int i, failed = 0;

	/* no assertions in here: they allocate */
	for (i = 0; i < 50; i++) {
		fill(job[0], 0, i);
		failed |= dh_job_setup(job[0], stream, STEPS, i % 3 ? 0 : DH_JOB_RESET, &err);
		failed |= dh_job_setup(job[1], stream, 1, 0, &err);
		failed |= dh_submit(job, 2, &err);
		failed |= dh_job_wait(job[0], -1, &err);
		failed |= dh_job_wait(job[1], -1, &err);
		dh_job_report(job[0], &report);
		failed |= dh_job_layer(job[0], 0, &layer);
	}
	after = alloc_count;
	ok(failed);
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_eq(after, before);
}
END_TEST

/* --- what it cost ---------------------------------------------------------------- */

START_TEST(rows_add_up_to_the_record)
{
	struct dh_report report = { .size = sizeof(report) };
	struct dh_layer_report layer = { .size = sizeof(layer) };
	uint64_t cycles = 0, weights = 0, done = 0, skipped = 0, dense = 0;
	struct fixture_reference ref;
	struct dh_job *job = new_job(instance);
	uint64_t fired = 0;
	uint32_t l;

	fixture_reference(&ref, program);
	fill(job, 0, 0);
	ok(dh_run(job, new_stream(instance), STEPS, 0, &err));
	compare(job, &ref, 0, 0);
	dh_job_report(job, &report);
	for (l = 0; l < LAYERS; l++) {
		ok(dh_job_layer(job, l, &layer));
		ck_assert_uint_eq(layer.steps, STEPS);
		cycles += layer.cycles;
		weights += layer.bytes_weights;
		done += layer.work_done;
		skipped += layer.work_skipped;
		fired += layer.fired_x + layer.fired_h;
		dense += layer.dense_cycles;
	}
	ck_assert_uint_eq(cycles, report.step_cycles);
	ck_assert_uint_eq(weights, report.bytes_weights);
	ck_assert_uint_eq(done, report.work_done);
	ck_assert_uint_eq(skipped, report.work_skipped);
	ck_assert_uint_eq(fired, ref.fired);
	ck_assert_uint_eq(done, ref.fired * 3 * HIDDEN);
	ck_assert_uint_gt(dense, cycles);
	ck_assert_uint_gt(report.cycles, report.step_cycles);
	ck_assert_uint_eq(report.bytes_in, STEPS * INPUTS * 2);
	ck_assert_uint_eq(report.bytes_out, STEPS * HIDDEN * 2);
	ck_assert_uint_eq(report.profile_lost, 0);
	ck_assert_str_eq(layer.node, "second");
	ck_assert_int_eq(dh_job_layer(job, LAYERS, &layer), -ERANGE);
}
END_TEST

/* The second layer as a GRU whose reset comes first: as many weights, and less state. */
static void reset_first(void)
{
	struct dh_program_layer *layer = &program->layers[1];
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER };

	layer->layer.cell = DELTAHOP_CELL_GRU_BEFORE;
	cmd.layer = layer->layer;
	dh_cmd_encode(&cmd, program->commands.data + layer->cmd_offset);
	program->need.caps |= DELTAHOP_CAP_RNN_GRU_BEFORE;
}

static struct dh_layer_report run_second(struct dh_instance *on, int theta_h)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_job *job = new_job(on);

	ok(dh_instance_set_theta(on, -1, 0, theta_h, &err));
	fill(job, 0, 0);
	ok(dh_run(job, new_stream(on), STEPS, 0, &err));
	ok(dh_job_layer(job, 0, &layer));
	ck_assert_uint_eq(layer.slots_rh, 0);
	ck_assert_uint_eq(layer.fired_rh, 0);
	ok(dh_job_layer(job, 1, &layer));
	return layer;
}

START_TEST(products_with_the_reset_gate)
{
	struct dh_instance_options options = { .size = sizeof(options),
					       .priority = 1,
					       .profile = true };
	struct dh_layer_report layer;
	struct dh_instance *other;

	reset_first();
	ok(dh_instance_create(device, program, &options, &other, &err));
	layer = run_second(other, 0);
	ck_assert_uint_eq(layer.slots_rh, STEPS * HIDDEN);
	ck_assert_uint_gt(layer.fired_rh, 0);
	ck_assert_uint_le(layer.fired_rh, layer.slots_rh);
	ck_assert_uint_eq(layer.work_done,
			  HIDDEN * (3 * layer.fired_x + 2 * layer.fired_h + layer.fired_rh));
	layer = run_second(other, 511);
	ck_assert_uint_eq(layer.fired_h, 0);
	ck_assert_uint_eq(layer.fired_rh, 0);
	dh_instance_destroy(other);
}
END_TEST

/* A row of a whole run is what the same step cost as a job of its own. */
static void compare_row(const struct dh_job *whole, const struct dh_job *single, uint32_t step)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_row_report row = { .size = sizeof(row) };

	for (uint32_t l = 0; l < LAYERS; l++) {
		ok(dh_job_row(whole, step * LAYERS + l, &row));
		ok(dh_job_layer(single, l, &layer));
		ck_assert_uint_eq(row.layer, l);
		ck_assert_uint_eq(row.step, step);
		ck_assert_uint_eq(row.steps, 1);
		ck_assert_uint_eq(row.bytes_weights, layer.bytes_weights);
		ck_assert_uint_eq(row.bytes_in, layer.bytes_in);
		ck_assert_uint_eq(row.bytes_out, layer.bytes_out);
		ck_assert_uint_eq(row.work_done, layer.work_done);
		ck_assert_uint_eq(row.work_skipped, layer.work_skipped);
		ck_assert_uint_eq(row.fired_x, layer.fired_x);
		ck_assert_uint_eq(row.fired_h, layer.fired_h);
		/* between two steps of a run there is a cycle */
		ck_assert_uint_eq(row.cycles, layer.cycles + (step && !l));
	}
}

START_TEST(rows_of_single_steps)
{
	struct dh_instance_options options = {
		.size = sizeof(options), .priority = 1, .profile = true, .profile_steps = true
	};
	struct dh_row_report row = { .size = sizeof(row) };
	struct dh_job *single = new_job(instance), *whole;
	struct dh_stream *stream = new_stream(instance);
	struct dh_instance *apart;

	ok(dh_instance_create(device, program, &options, &apart, &err));
	whole = new_job(apart);
	ck_assert_uint_eq(dh_job_rows(whole), 0);
	fill(whole, 0, 0);
	ok(dh_run(whole, new_stream(apart), STEPS, 0, &err));
	ck_assert_uint_eq(dh_job_rows(whole), STEPS * LAYERS);
	for (uint32_t s = 0; s < STEPS; s++) {
		fixture_input(0, s, dh_job_input(single));
		ok(dh_run(single, stream, 1, 0, &err));
		ck_assert_uint_eq(dh_job_rows(single), LAYERS);
		compare_row(whole, single, s);
	}
	ck_assert_int_eq(dh_job_row(whole, STEPS * LAYERS, &row), -ERANGE);
	dh_instance_destroy(apart);
}
END_TEST

/*
 * With a threshold at which every change fires and inputs that all change, the run is the dense
 * one, but for the padding.
 */
START_TEST(dense_cycles_are_a_bound)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_job *job = new_job(instance);
	uint32_t s, i;

	ok(dh_instance_set_theta(instance, -1, 0, 0, &err));
	for (s = 0; s < STEPS; s++)
		for (i = 0; i < INPUTS; i++)
			dh_job_input(job)[s * INPUTS + i] = (s & 1 ? 700 : -700) + i;
	ok(dh_run(job, new_stream(instance), STEPS, 0, &err));
	ok(dh_job_layer(job, 0, &layer));
	ck_assert_uint_eq(layer.fired_x, STEPS * INPUTS + 1);
	ck_assert_uint_eq(layer.slots_x, layer.fired_x);
	ck_assert_uint_le(layer.cycles, layer.dense_cycles + 3 + 3 * HIDDEN / 8);
	ck_assert_uint_ge(layer.cycles * 10, layer.dense_cycles * 7);
}
END_TEST

/* The bias column can fire in the first step after the initial state, and only there. */
START_TEST(bias_slots_count_once_a_start)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_stream *stream = new_stream(instance);
	struct dh_job *job = new_job(instance);
	static const uint32_t flags[] = { 0, 0, DH_JOB_RESET, 0 };
	static const uint32_t bias[] = { 1, 0, 1, 0 };
	size_t i;

	fill(job, 0, 0);
	for (i = 0; i < 4; i++) {
		ok(dh_run(job, stream, STEPS, flags[i], &err));
		ok(dh_job_layer(job, 1, &layer));
		ck_assert_uint_eq(layer.slots_x, STEPS * HIDDEN + bias[i]);
	}
	ok(dh_stream_reset(stream, &err));
	ok(dh_run(job, stream, STEPS, 0, &err));
	ok(dh_job_layer(job, 0, &layer));
	ck_assert_uint_eq(layer.slots_x, STEPS * INPUTS + 1);
}
END_TEST

START_TEST(an_older_caller_gets_less)
{
	struct dh_report small = { .size = offsetof(struct dh_report, seqno), .seqno = 77 };
	struct dh_job *job = new_job(instance);

	fill(job, 0, 0);
	ok(dh_run(job, new_stream(instance), STEPS, 0, &err));
	dh_job_report(job, &small);
	ck_assert_uint_eq(small.status, DELTAHOP_STATUS_OK);
	ck_assert_uint_eq(small.seqno, 77);
}
END_TEST

/* --- failure ----------------------------------------------------------------------- */

/* Behind the library's back, as damaged card memory would be. */
static void patch_command(struct dh_instance *of, uint32_t offset, const struct dh_cmd *cmd)
{
	dh_cmd_encode(cmd, (uint8_t *)of->fixed.map + offset);
}

/*
 * A job whose weights are out of reach: its device refuses, its stream is lost until reset, nobody
 * else is.
 */
START_TEST(fault_names_the_node)
{
	struct dh_program *bad = fixture_program(2);
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER };
	struct dh_report report = { .size = sizeof(report) };
	struct dh_instance *other;
	struct dh_stream *stream;
	struct dh_job *job[2];

	ok(dh_instance_create(device, bad, NULL, &other, &err));
	stream = new_stream(other);
	job[0] = new_job(other);
	job[1] = new_job(other);
	fill(job[0], 0, 0);
	cmd.layer = bad->layers[1].layer;
	cmd.layer.weight_region = DH_REGION_OUTPUT;
	patch_command(other, bad->layers[1].cmd_offset, &cmd);
	ok(dh_job_setup(job[0], stream, STEPS, 0, &err));
	ok(dh_job_setup(job[1], stream, STEPS, 0, &err));
	ok(dh_submit(job, 2, &err));
	ck_assert_int_eq(dh_job_wait(job[0], -1, &err), -EIO);
	ck_assert_msg(strstr(err.text, "second") && strstr(err.text, "command at offset") &&
			      strstr(err.text, "output"),
		      "%s", err.text);
	dh_job_report(job[0], &report);
	ck_assert_uint_eq(report.status, DELTAHOP_STATUS_FAULT);
	ck_assert_uint_eq(report.reason, DELTAHOP_REASON_NO_READ);
	ck_assert_int_eq(dh_job_wait(job[1], -1, &err), -ENODATA);
	cmd.layer = bad->layers[1].layer;
	patch_command(other, bad->layers[1].cmd_offset, &cmd);
	ck_assert_int_eq(dh_run(job[0], stream, STEPS, 0, &err), -ENODATA);
	ok(dh_run(job[0], stream, STEPS, DH_JOB_RESET, &err));
	dh_instance_destroy(other);
	fixture_free(bad);
}
END_TEST

START_TEST(budget_stops_a_job)
{
	struct dh_instance_options options = { .size = sizeof(options), .cycle_budget = 2000 };
	struct dh_instance *small;
	struct dh_job *job;

	ok(dh_instance_create(device, program, &options, &small, &err));
	job = new_job(small);
	fill(job, 0, 0);
	ck_assert_int_eq(dh_run(job, new_stream(small), STEPS, 0, &err), -EDQUOT);
	ck_assert_msg(strstr(err.text, "nodes first to second"), "%s", err.text);
	dh_instance_destroy(small);
}
END_TEST

START_TEST(cancel_ends_what_waits)
{
	struct dh_stream *stream = new_stream(instance);
	struct fixture_reference ref;
	struct dh_job *job[8];
	uint32_t i;

	for (i = 0; i < 8; i++) {
		job[i] = new_job(instance);
		fill(job[i], 0, i * STEPS);
		ok(dh_job_setup(job[i], stream, STEPS, 0, &err));
	}
	ok(dh_submit(job, 8, &err));
	ok(dh_job_wait(job[0], -1, &err));
	ok(dh_instance_cancel(instance, &err));
	ok(dh_job_wait(job[0], -1, &err));
	for (i = 1; i < 8; i++) {
		int ret = dh_job_wait(job[i], -1, &err);

		ck_assert_msg(ret == 0 || ret == -ECANCELED, "%d %s", ret, err.text);
	}
	ck_assert_int_eq(dh_job_wait(job[7], -1, &err), -ECANCELED);
	fixture_reference(&ref, program);
	fill(job[0], 0, 0);
	ok(dh_run(job[0], stream, STEPS, 0, &err));
	compare(job[0], &ref, 0, 0);
}
END_TEST

START_TEST(misuse_is_refused)
{
	struct dh_stream *stream = new_stream(instance);
	struct dh_job *job = new_job(instance), *twice[2] = { job, job };

	ck_assert_int_eq(dh_submit(&job, 1, &err), -EINVAL);
	ck_assert_int_eq(dh_job_wait(job, 0, &err), -EINVAL);
	ck_assert_int_eq(dh_job_fd(job, &err), -EINVAL);
	ck_assert_int_eq(dh_job_setup(job, stream, 0, 0, &err), -ERANGE);
	ck_assert_int_eq(dh_job_setup(job, stream, STEPS + 1, 0, &err), -ERANGE);
	ck_assert_int_eq(dh_job_setup(job, stream, 1, 2, &err), -EINVAL);
	ck_assert_int_eq(dh_job_setup(job, NULL, 1, 0, &err), -EINVAL);
	ok(dh_job_setup(job, stream, 1, 0, &err));
	ck_assert_int_eq(dh_submit(twice, 2, &err), -EALREADY);
	ok(dh_submit(&job, 1, &err));
	ck_assert_int_eq(dh_submit(&job, 1, &err), -EALREADY);
	ck_assert_int_eq(dh_job_setup(job, stream, 1, 0, &err), -EBUSY);
	ok(dh_job_wait(job, -1, &err));
	ok(dh_submit(&job, 1, &err));
	ck_assert_int_eq(dh_job_create(instance, 0, &job, &err), -EINVAL);
	ck_assert_int_eq(dh_job_create(instance, (1 << 20) + 1, &job, &err), -EINVAL);
}
END_TEST

START_TEST(too_many_jobs)
{
	struct dh_device_info info = { .size = sizeof(info) };
	struct dh_stream *stream = new_stream(instance);
	struct dh_job **job;
	uint32_t i, count;

	ok(dh_device_get_info(device, &info, &err));
	count = info.max_jobs;
	job = calloc(count + 1, sizeof(*job));
	for (i = 0; i <= count; i++) {
		job[i] = new_job(instance);
		ok(dh_job_setup(job[i], stream, 1, 0, &err));
	}
	ck_assert_int_eq(dh_submit(job, count + 1, &err), -EBUSY);
	ok(dh_submit(job, count, &err));
	for (i = 0; i < count; i++)
		ok(dh_job_wait(job[i], -1, &err));
	ok(dh_submit(&job[count], 1, &err));
	ok(dh_job_wait(job[count], -1, &err));
	free(job);
}
END_TEST

/* --- descriptors and buffers ------------------------------------------------------ */

START_TEST(descriptor_can_be_polled)
{
	struct dh_job *job = new_job(instance);
	struct pollfd poll_fd = { .events = POLLIN };

	fill(job, 0, 0);
	ok(dh_job_setup(job, new_stream(instance), STEPS, 0, &err));
	ok(dh_submit(&job, 1, &err));
	poll_fd.fd = dh_job_fd(job, &err);
	ck_assert_int_ge(poll_fd.fd, 0);
	ck_assert(fcntl(poll_fd.fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(poll(&poll_fd, 1, 10000), 1);
	ck_assert(poll_fd.revents & POLLIN);
	ok(dh_job_wait(job, 0, &err));
	close(poll_fd.fd);
}
END_TEST

/* The embedded device takes only files that cannot shrink under it. */
static void check_memfd(size_t size, int seals, int expected)
{
	int fd = memfd_create("exec-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct dh_buffer *buffer;

	ck_assert(!ftruncate(fd, size) && !fcntl(fd, F_ADD_SEALS, seals));
	ck_assert_int_eq(dh_buffer_import(device, fd, &buffer, &err), expected);
	ck_assert(!expected || strstr(err.text, "F_SEAL_SHRINK"));
	if (!expected)
		dh_buffer_destroy(buffer);
	close(fd);
}

START_TEST(buffers_of_the_caller)
{
	struct dh_buffer *in, *out, *again;
	struct dh_job *job = new_job(instance);
	struct fixture_reference ref;
	size_t size;
	uint32_t s;
	int fd;

	ok(dh_buffer_create(device, 65536, &in, &err));
	ok(dh_buffer_create(device, 4096, &out, &err));
	ck_assert_int_eq(dh_job_bind_input(job, in, 4, &err), -EINVAL);
	ck_assert_int_eq(dh_job_bind_input(job, in, 65536 - 8, &err), -EINVAL);
	ok(dh_job_bind_input(job, in, 4096, &err));
	ok(dh_job_bind_output(job, out, 64, &err));
	fixture_reference(&ref, program);
	for (s = 0; s < STEPS; s++)
		fixture_input(0, s,
			      (int16_t *)((char *)dh_buffer_map(in, &size) + 4096) + s * INPUTS);
	ck_assert_uint_eq(size, 65536);
	ok(dh_run(job, new_stream(instance), STEPS, 0, &err));
	ck_assert_ptr_eq(dh_job_output(job), (char *)dh_buffer_map(out, NULL) + 64);
	compare(job, &ref, 0, 0);
	fd = dh_buffer_export(out, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	ok(dh_buffer_import(device, fd, &again, &err));
	ck_assert_mem_eq((char *)dh_buffer_map(again, &size) + 64, dh_job_output(job),
			 STEPS * HIDDEN * 2);
	ok(dh_job_bind_output(job, again, 64, &err));
	fixture_reference(&ref, program);
	ok(dh_run(job, new_stream(instance), STEPS, 0, &err));
	compare(job, &ref, 0, 0);
	ok(dh_job_bind_input(job, NULL, 0, &err));
	ok(dh_job_bind_output(job, NULL, 0, &err));
	dh_buffer_destroy(in);
	dh_buffer_destroy(out);
	dh_buffer_destroy(again);
	ck_assert_int_lt(ftruncate(fd, 0), 0);
	close(fd);
	ck_assert_int_eq(dh_buffer_import(device, 999, &again, &err), -EBADF);
	if (getenv("DELTAHOP_TEST_DEVICE"))
		return;
	check_memfd(4096, 0, -EINVAL);
	check_memfd(4097, F_SEAL_SHRINK, -EINVAL);
	check_memfd(4096, F_SEAL_SHRINK, 0);
}
END_TEST

/* --- threads ---------------------------------------------------------------------- */

struct worker {
	uint32_t seed;
	const char *failed;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct dh_program *own = fixture_program(worker->seed);
	struct fixture_reference ref;
	struct dh_instance *mine;
	struct dh_stream *stream;
	struct dh_job *job;
	int16_t x[INPUTS], y[HIDDEN];
	uint32_t round, s;

	fixture_reference(&ref, own);
	if (dh_instance_create(device, own, NULL, &mine, NULL) ||
	    dh_stream_create(mine, &stream, NULL) || dh_job_create(mine, STEPS, &job, NULL)) {
		worker->failed = "create";
		return NULL;
	}
	for (round = 0; round < 25; round++) {
		fill(job, worker->seed, round * STEPS);
		if (dh_run(job, stream, STEPS, 0, NULL))
			worker->failed = "run";
		for (s = 0; s < STEPS; s++) {
			fixture_input(worker->seed, round * STEPS + s, x);
			fixture_step(&ref, x, y);
			if (memcmp(y, dh_job_output(job) + s * HIDDEN, sizeof(y)))
				worker->failed = "output";
		}
	}
	dh_instance_destroy(mine);
	fixture_free(own);
	return NULL;
}

START_TEST(threads_share_a_device)
{
	struct worker worker[4] = { 0 };
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++) {
		worker[i].seed = 11 + i;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_msg(!worker[i].failed, "thread %d: %s", i, worker[i].failed);
	}
}
END_TEST

/* --- devices ---------------------------------------------------------------------- */

START_TEST(device_specs)
{
	static const char *const bad[] = {
		"",
		"embedded:profile=nullhop",
		"embedded:nothing=1",
		"embedded:dram-n",
		"embedded:dram-n=",
		"embedded:dram-n=x",
		"embedded:dram-n=-1",
		"embedded:dram-n=99999999999999999999",
		"embedded:pes=7",
		"embeddedx",
		"accel0",
		"/dev/null",
		"/nonexistent",
		"/",
		"embedded:profile=",
		"embedded:profile=card,,=",
		"embedded:card-size=5",
	};
	struct dh_device_info info = { .size = sizeof(info) };
	struct dh_device *opened;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		ck_assert_msg(dh_device_open(bad[i], &opened, &err) < 0, "\"%s\" was opened",
			      bad[i]);
		ck_assert_ptr_null(opened);
		ck_assert_int_gt(strlen(err.text), 10);
	}
	ck_assert_int_lt(dh_device_open("embedded:pes=7", &opened, &err), 0);
	ck_assert_msg(strstr(err.text, " pes: "), "%s", err.text);
	ck_assert_int_lt(dh_device_open("embedded:clock-hz=1", &opened, &err), 0);
	ck_assert_msg(strstr(err.text, " clock-hz: "), "%s", err.text);
	ok(dh_device_open("embedded:beat-bytes=128", &opened, &err));
	dh_device_close(opened);
	ok(dh_device_open("embedded:dram-n=3,profile=edgedrnn,clock-hz=0x5f5e100,dram-l=7", &opened,
			  &err));
	ok(dh_device_get_info(opened, &info, &err));
	ck_assert_str_eq(info.profile, "edgedrnn");
	ck_assert_uint_eq(info.dram_n, 3);
	ck_assert_uint_eq(info.dram_l, 7);
	ck_assert_uint_eq(info.clock_hz, 100000000);
	ck_assert_uint_eq(info.caps, 0);
	ck_assert(info.embedded);
	dh_device_close(opened);
}
END_TEST

START_TEST(program_that_does_not_fit)
{
	struct dh_device *small;
	struct dh_instance *none;

	ok(dh_device_open("embedded:profile=edgedrnn", &small, &err));
	program->need.caps = DELTAHOP_CAP_RNN_DENSE;
	ck_assert_int_eq(dh_instance_create(small, program, NULL, &none, &err), -EOPNOTSUPP);
	ck_assert_ptr_null(none);
	program->need.caps = 0;
	program->abi_major = 99;
	ck_assert_int_eq(dh_instance_create(small, program, NULL, &none, &err), -EOPNOTSUPP);
	program->abi_major = DELTAHOP_HW_ABI_MAJOR;
	ok(dh_instance_create(small, program, NULL, &none, &err));
	dh_instance_destroy(none);
	dh_device_close(small);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("execution");
	TCase *tc = tcase_create("jobs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, streams_keep_their_states);
	tcase_add_test(tc, reset_starts_over);
	tcase_add_test(tc, theta_changes_from_run_to_run);
	tcase_add_test(tc, real_values_are_rounded);
	tcase_add_test(tc, running_does_not_allocate);
	tcase_add_test(tc, rows_add_up_to_the_record);
	tcase_add_test(tc, products_with_the_reset_gate);
	tcase_add_test(tc, rows_of_single_steps);
	tcase_add_test(tc, dense_cycles_are_a_bound);
	tcase_add_test(tc, bias_slots_count_once_a_start);
	tcase_add_test(tc, an_older_caller_gets_less);
	tcase_add_test(tc, fault_names_the_node);
	tcase_add_test(tc, budget_stops_a_job);
	tcase_add_test(tc, cancel_ends_what_waits);
	tcase_add_test(tc, misuse_is_refused);
	tcase_add_test(tc, too_many_jobs);
	tcase_add_test(tc, descriptor_can_be_polled);
	tcase_add_test(tc, buffers_of_the_caller);
	tcase_add_test(tc, threads_share_a_device);
	tcase_add_test(tc, device_specs);
	tcase_add_test(tc, program_that_does_not_fit);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
