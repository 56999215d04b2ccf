// SPDX-License-Identifier: MIT
/* Jobs whose outputs and records are known to the last bit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ktap.h"
#include "runner.h"

#define STEPS 12
#define NO_BIAS_FRAC     \
	{                \
		6, 8, 10 \
	}

static struct stream stream;

static void skip_without_card(int fd)
{
	if (!dev_info(fd).card_size)
		ktap_skip("the device has no card memory");
}

static void skip_without(int fd, uint64_t caps, const char *what)
{
	if ((dev_info(fd).caps & caps) != caps)
		ktap_skip("the device has no %s", what);
}

/* Three jobs of a state: from zeros, with what is on the chip, and after other inputs; thresholds differ. */
static void three_jobs(const struct network *net, unsigned int steps, uint32_t placement)
{
	static const uint16_t theta[3][2] = { { 0, 0 }, { 16, 8 }, { 64, 1000 } };
	struct deltahop_record record;
	struct totals totals;
	int fd = dev_open();
	struct runner r;
	unsigned int i;

	runner_create(&r, fd, ctx_create(fd), net, steps, placement);
	for (i = 0; i < 3; i++) {
		runner_params(&r, steps, theta[i][0], theta[i][1]);
		runner_inputs(&r, 10 + i);
		CHECK_OK(runner_do(&r, &record));
		CHECK_EQ(record.seqno, i + 1);
		runner_check(&r, &stream);
	}
	runner_inputs(&r, 20);
	CHECK_OK(runner_do(&r, &record));
	runner_expect(&r, &stream, NULL, &totals);
	runner_check_record(&r, &totals, &record, 4);
	runner_destroy(&r);
}

TEST(job_system, "a network in system memory answers bit for bit")
{
	struct network net;

	network_small(&net, 1);
	three_jobs(&net, STEPS, DRM_DELTAHOP_PLACEMENT_SYSTEM);
}

TEST(job_card, "a network in card memory answers bit for bit")
{
	struct network net;

	skip_without_card(dev_open());
	network_small(&net, 2);
	three_jobs(&net, STEPS, DRM_DELTAHOP_PLACEMENT_CARD);
}

TEST(job_other_shape, "a network of another shape answers bit for bit")
{
	struct network net;

	network_other(&net, 3);
	three_jobs(&net, 3 * STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
}

TEST(job_wide,
     "weights, inputs and outputs of many pages, not aligned to any, are read and written right")
{
	struct network net;

	network_wide(&net, 4);
	three_jobs(&net, 40, DRM_DELTAHOP_PLACEMENT_SYSTEM);
}

TEST(job_wide_card, "the same in card memory")
{
	struct network net;

	skip_without_card(dev_open());
	network_wide(&net, 4);
	three_jobs(&net, 40, DRM_DELTAHOP_PLACEMENT_CARD);
}

TEST(job_unequal_layers, "layers of different sizes, at weight addresses of their own")
{
	static const struct ref_layer layers[] = {
		{ .inputs = 20, .hidden = 40, .frac = { 7, 7, 7 } },
		{ .inputs = 40, .hidden = 16, .frac = { 7, 7, 7 } },
		{ .inputs = 16, .hidden = 24, .frac = { 7, 7, 7 } },
	};
	struct network net;

	skip_without(dev_open(), DELTAHOP_CAP_RNN_WEIGHT_BASE, "weight address per layer");
	network_make(&net, layers, 3, 5);
	three_jobs(&net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
}

TEST(job_dense,
     "dense layers of every activation behind a GRU, without bias, with weight scales of their own")
{
	static const struct ref_layer layers[] = {
		{ .inputs = 12, .hidden = 16, .frac = { 6, 8, 10 }, .no_bias = true },
		{ .inputs = 16,
		  .hidden = 24,
		  .frac = { 5 },
		  .cell = DELTAHOP_CELL_DENSE,
		  .activation = DELTAHOP_ACT_RELU,
		  .no_bias = true },
		{ .inputs = 24,
		  .hidden = 16,
		  .frac = { 9 },
		  .cell = DELTAHOP_CELL_DENSE,
		  .activation = DELTAHOP_ACT_SIGMOID },
		{ .inputs = 16,
		  .hidden = 16,
		  .frac = { 0 },
		  .cell = DELTAHOP_CELL_DENSE,
		  .activation = DELTAHOP_ACT_TANH },
	};
	struct network net;

	skip_without(dev_open(),
		     DELTAHOP_CAP_RNN_WEIGHT_BASE | DELTAHOP_CAP_RNN_TEMPLATE |
			     DELTAHOP_CAP_RNN_WEIGHT_SCALE | DELTAHOP_CAP_RNN_DENSE,
		     "dense layers");
	network_make(&net, layers, 4, 6);
	three_jobs(&net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
}

TEST(job_dense_linear, "a dense layer without activation answers bit for bit, wraps included")
{
	static const struct ref_layer layer = {
		.inputs = 28,
		.hidden = 32,
		.frac = { 0 },
		.cell = DELTAHOP_CELL_DENSE,
	};
	struct network net;

	skip_without(dev_open(), DELTAHOP_CAP_RNN_DENSE | DELTAHOP_CAP_RNN_WEIGHT_SCALE,
		     "dense layers");
	network_make(&net, &layer, 1, 7);
	three_jobs(&net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
}

/* A state image in which everything that can start anywhere does. */
static void random_image(const struct network *net, void *image, uint32_t seed)
{
	char *block = image;
	unsigned int l;
	size_t i;

	for (i = 0; i < net->state_bytes / 4; i++)
		((int32_t *)image)[i] = (int32_t)random_next(&seed) >> 14;
	for (l = 0; l < net->layers; block += ref_state_bytes(&net->layer[l++]))
		*(struct deltahop_rnn_state *)block = (struct deltahop_rnn_state){ 0 };
}

static void load_image(const struct network *net, struct stream *s, const void *image)
{
	const char *block = image;
	unsigned int l;

	for (l = 0; l < net->layers; l++) {
		ref_load(&net->layer[l], &s->memory[l], block);
		block += ref_state_bytes(&net->layer[l]);
	}
}

TEST(job_template, "a state starts from its template, and starts there again after a reset")
{
	struct deltahop_record record;
	struct buffer image;
	struct network net;
	struct runner r;
	int fd = dev_open(), i;

	skip_without(fd, DELTAHOP_CAP_RNN_TEMPLATE, "state template");
	network_small(&net, 8);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	image = buffer_create(fd, 8192, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	random_image(&net, (char *)image.map + 16, 9);
	CHECK_OK(state_destroy(fd, r.state));
	CHECK_OK(state_create(fd, r.ctx, net.state_bytes, image.handle, 16, &r.state));
	for (i = 0; i < 3; i++) {
		load_image(&net, &stream, (char *)image.map + 16);
		CHECK_OK(runner_do(&r, &record));
		CHECK_EQ(record.bytes_state, net.state_bytes);
		runner_check(&r, &stream);
		CHECK_OK(runner_do(&r, &record));
		runner_check(&r, &stream);
		CHECK_OK(state_reset(fd, r.state));
	}
}

TEST(job_template_copied,
     "a template is copied when the state is made: changing its buffer later changes nothing")
{
	struct buffer image;
	struct network net;
	struct runner r;
	int fd = dev_open();

	skip_without(fd, DELTAHOP_CAP_RNN_TEMPLATE, "state template");
	network_small(&net, 8);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	image = buffer_create(fd, 8192, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	random_image(&net, image.map, 9);
	load_image(&net, &stream, image.map);
	CHECK_OK(state_destroy(fd, r.state));
	CHECK_OK(state_create(fd, r.ctx, net.state_bytes, image.handle, 0, &r.state));
	memset(image.map, 0x11, net.state_bytes);
	buffer_destroy(&image);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
}

TEST(job_last_only, "with LAST_ONLY the last step's output alone is written, at the first place")
{
	int16_t expected[STEPS * 24], *output;
	struct deltahop_record record;
	struct network net;
	int fd = dev_open();
	struct runner r;

	network_other(&net, 3);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_run(&r)->hdr.flags = DELTAHOP_RUN_LAST_ONLY;
	runner_expect(&r, &stream, expected, NULL);
	output = runner_at(&r, REGION_OUTPUT);
	CHECK_OK(runner_do(&r, &record));
	CHECK(!memcmp(output, expected + (STEPS - 1) * 24, 2 * 24));
	CHECK_EQ(record.bytes_out, 2 * 24);
	CHECK_EQ(output[24], 0x7ffe);
}

TEST(job_strides, "input and output strides are obeyed: vectors lie apart, or steps share one")
{
	struct deltahop_rnn_params *params;
	int16_t expected[STEPS * 24], *output;
	struct network net;
	int fd = dev_open();
	struct runner r;
	int i;

	network_other(&net, 3);
	runner_create(&r, fd, ctx_create(fd), &net, 4 * STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	params = runner_at(&r, REGION_PARAMS);
	params->steps = STEPS;
	params->input_stride = 2;
	params->output_stride = 2 * 24 + 6;
	runner_expect(&r, &stream, expected, NULL);
	output = runner_at(&r, REGION_OUTPUT);
	CHECK_OK(runner_do(&r, NULL));
	for (i = 0; i < STEPS; i++) {
		CHECK(!memcmp(output + i * (24 + 3), expected + i * 24, 2 * 24));
		CHECK_EQ(output[i * (24 + 3) + 24], 0x7ffe);
	}
}

TEST(job_offsets, "offsets of parameters, inputs and outputs inside their regions are obeyed")
{
	int16_t expected[STEPS * 24];
	struct network net;
	int fd = dev_open();
	struct runner r;

	network_other(&net, 3);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS + 4, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_params(&r, STEPS, 0, 0);
	memmove((char *)runner_at(&r, REGION_INPUT) + 34, runner_at(&r, REGION_INPUT),
		STEPS * 2 * 8);
	runner_run(&r)->input_offset = 34;
	runner_run(&r)->output_offset = 46;
	memmove(runner_at(&r, REGION_INPUT), (char *)runner_at(&r, REGION_INPUT) + 34,
		STEPS * 2 * 8);
	runner_expect(&r, &stream, expected, NULL);
	memmove((char *)runner_at(&r, REGION_INPUT) + 34, runner_at(&r, REGION_INPUT),
		STEPS * 2 * 8);
	CHECK_OK(runner_do(&r, NULL));
	CHECK(!memcmp((char *)runner_at(&r, REGION_OUTPUT) + 46, expected, sizeof(expected)));
	CHECK_EQ(*((int16_t *)runner_at(&r, REGION_OUTPUT) + 22), 0x7ffe);
}

TEST(job_two_runs, "a job runs a sequence in two commands as in one")
{
	struct deltahop_cmd_rnn_run *run;
	struct network net;
	int fd = dev_open();
	struct runner r;

	network_other(&net, 3);
	runner_create(&r, fd, ctx_create(fd), &net, 2 * STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_params(&r, STEPS, 0, 0);
	run = runner_run(&r);
	run[1] = run[0];
	run[1].input_offset = STEPS * 2 * 8;
	run[1].output_offset = STEPS * 2 * 24;
	*(struct deltahop_cmd *)(run + 2) = (struct deltahop_cmd){ DELTAHOP_OP_END, 8, 0 };
	r.cmd_size += sizeof(*run);
	CHECK_OK(runner_do(&r, NULL));
	runner_params(&r, 2 * STEPS, 0, 0);
	runner_check(&r, &stream);
}

TEST(job_nothing, "a job of NOPs and END needs no state and ends well")
{
	struct drm_deltahop_job job;
	struct deltahop_record record;
	struct deltahop_cmd *cmd;
	struct network net;
	int fd = dev_open(), i;
	struct runner r;

	network_small(&net, 1);
	runner_create(&r, fd, ctx_create(fd), &net, 1, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	cmd = runner_at(&r, REGION_COMMANDS);
	for (i = 0; i < 4; i++)
		cmd[i] = (struct deltahop_cmd){ i < 3 ? DELTAHOP_OP_NOP : DELTAHOP_OP_END, 8, 0 };
	job = runner_job(&r);
	job.state = 0;
	job.cmd_size = 4 * 8;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	CHECK_EQ(record.cmd_offset, 24);
	CHECK_EQ(record.work_done, 0);
	CHECK_EQ(record.bytes_weights, 0);
}

TEST(job_thresholds_live,
     "thresholds and steps are read from their region when a job runs, without new commands")
{
	static const uint16_t thetas[] = { 0, 4, 511, 512, 1023, 1032, 65535, 100 };
	struct deltahop_record record;
	uint64_t done[2] = { 0, 0 };
	struct network net;
	int fd = dev_open();
	struct runner r;
	unsigned int i;

	network_small(&net, 11);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < 8; i++) {
		runner_params(&r, 3 + i, thetas[i], thetas[7 - i]);
		runner_inputs(&r, 50 + i);
		CHECK_OK(runner_do(&r, &record));
		runner_check(&r, &stream);
		done[i == 2] += record.work_done;
	}
	CHECK(done[0] > 7 * done[1]);
}

TEST(job_energy_same, "the same job costs the same cycles and energy each time")
{
	struct deltahop_record record[3];
	struct network net;
	int fd = dev_open(), i;
	struct runner r;

	network_small(&net, 12);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < 3; i++) {
		CHECK_OK(state_reset(fd, r.state));
		CHECK_OK(runner_do(&r, &record[i]));
		CHECK(record[i].energy_pj && record[i].cycles);
		CHECK(!i || record[i].start_ns >= record[i - 1].end_ns);
		CHECK_EQ(record[i].step_cycles, record[0].step_cycles);
		CHECK_EQ(record[i].work_done + record[i].work_skipped,
			 record[0].work_done + record[0].work_skipped);
	}
	CHECK_EQ(record[1].cycles, record[2].cycles);
	CHECK_EQ(record[1].energy_pj, record[2].energy_pj);
}

TEST(job_record_ring, "the mapped record of a job is that of WAIT, in slot seqno mod record_slots")
{
	const volatile struct deltahop_record *ring;
	struct deltahop_record record, mapped;
	struct network net;
	uint32_t ctx, slots, i;
	int fd = dev_open();
	struct runner r;

	network_small(&net, 13);
	ring = record_ring(fd, &ctx, &slots);
	runner_create(&r, fd, ctx, &net, 1, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < slots + 3; i++) {
		CHECK_OK(runner_do(&r, &record));
		mapped = ring[record.seqno % slots];
		CHECK(!memcmp(&record, &mapped, sizeof(record)));
	}
	CHECK_EQ(record.seqno, slots + 3);
	CHECK_ERR(job_wait(fd, ctx, 3, NOW_ONLY, &record), ESTALE);
	CHECK_EQ(record.status, DELTAHOP_STATUS_NONE);
	CHECK_OK(job_wait(fd, ctx, 4, NOW_ONLY, &record));
	CHECK_EQ(record.seqno, 4);
}

TEST(job_budget,
     "a job that needs more cycles than its budget ends -EDQUOT and writes no later step")
{
	int16_t expected[STEPS * 24], *output;
	struct deltahop_record whole, record;
	struct drm_deltahop_job job;
	struct network net;
	int fd = dev_open();
	struct runner r;

	network_other(&net, 14);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, &whole));
	runner_expect(&r, &stream, expected, NULL);
	runner_inputs(&r, 1);
	job = runner_job(&r);
	job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
	job.cycle_budget = whole.cycles / 2;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_ERR(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record), EDQUOT);
	CHECK_EQ(record.status, DELTAHOP_STATUS_BUDGET);
	CHECK_EQ(record.reason, DELTAHOP_REASON_CYCLES);
	CHECK_EQ(record.cmd_offset, sizeof(struct deltahop_cmd_rnn_layer));
	output = runner_at(&r, REGION_OUTPUT);
	CHECK(record.bytes_out >= 2 * 24 && record.bytes_out < STEPS * 2 * 24);
	CHECK(!memcmp(output, expected, record.bytes_out));
	CHECK_EQ(output[record.bytes_out / 2], 0x7ffe);
	job.cycle_budget = whole.cycles;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	CHECK_EQ(runner_differs(&r, expected), 0);
}

static void check_row(const struct deltahop_profile_row *row, const struct runner *r,
		      unsigned int layer)
{
	CHECK_EQ(row->opcode, DELTAHOP_OP_RNN_RUN);
	CHECK_EQ(row->cmd_offset, (char *)runner_run(r) - (char *)runner_at(r, REGION_COMMANDS));
	CHECK_EQ(row->layer, layer);
	CHECK_EQ(row->work_done, row->bytes_weights);
	CHECK_EQ(row->bytes_weights,
		 (row->fired_x + row->fired_h) * ref_column_bytes(&r->net.layer[layer]));
}

TEST(job_profile, "a profile row a layer adds up to the record")
{
	const struct deltahop_profile_head *head;
	const struct deltahop_profile_row *row;
	struct deltahop_record record;
	struct drm_deltahop_job job;
	struct network net;
	int fd = dev_open();
	struct runner r;

	network_small(&net, 15);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	job = runner_job(&r);
	job.profile_region = REGION_PROFILE;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	head = runner_at(&r, REGION_PROFILE);
	row = (const struct deltahop_profile_row *)(head + 1);
	CHECK_EQ(head->rows, 2);
	CHECK_EQ(head->lost, 0);
	check_row(&row[0], &r, 0);
	check_row(&row[1], &r, 1);
	CHECK_EQ(row[0].steps, STEPS);
	CHECK_EQ(row[0].cycles + row[1].cycles, record.step_cycles);
	CHECK_EQ(row[0].bytes_weights + row[1].bytes_weights, record.bytes_weights);
	CHECK_EQ(row[0].work_skipped + row[1].work_skipped, record.work_skipped);
	CHECK_EQ(row[0].bytes_in, record.bytes_in);
	CHECK_EQ(row[0].bytes_out, 0);
	CHECK_EQ(row[1].bytes_in, 0);
	CHECK_EQ(row[1].bytes_out, record.bytes_out);
	runner_check(&r, &stream);
}

TEST(job_profile_steps,
     "a profile row a step and layer, those that do not fit counted, none written outside")
{
	const struct deltahop_profile_head *head;
	const struct deltahop_profile_row *row;
	struct drm_deltahop_override less = { .region = REGION_PROFILE };
	struct deltahop_record record;
	struct drm_deltahop_job job;
	struct network net;
	unsigned int i, fit = 7;
	uint64_t cycles = 0;
	int fd = dev_open();
	struct runner r;

	network_small(&net, 15);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	((struct deltahop_rnn_params *)runner_at(&r, REGION_PARAMS))->flags =
		DELTAHOP_PARAMS_PROFILE_STEPS;
	job = runner_job(&r);
	job.profile_region = REGION_PROFILE;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	head = runner_at(&r, REGION_PROFILE);
	row = (const struct deltahop_profile_row *)(head + 1);
	CHECK_EQ(head->rows, 2 * STEPS);
	for (i = 0; i < 2 * STEPS; i++) {
		check_row(&row[i], &r, i % 2);
		CHECK_EQ(row[i].step, i / 2);
		CHECK_EQ(row[i].steps, 1);
		cycles += row[i].cycles;
	}
	CHECK_EQ(cycles, record.step_cycles);
	memset(runner_at(&r, REGION_PROFILE), 0xa5, 64 * (1 + 2 * STEPS));
	less.binding = r.binding[REGION_PROFILE];
	less.binding.size = 64 * (1 + fit) + 40;
	job.overrides = user_ptr(&less);
	job.override_count = 1;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	CHECK_EQ(head->rows, fit);
	CHECK_EQ(head->lost, 2 * STEPS - fit);
	CHECK_EQ(record.profile_lost, 2 * STEPS - fit);
	check_row(&row[fit - 1], &r, 0);
	CHECK_EQ(row[fit].cmd_offset, 0xa5a5a5a5);
}
