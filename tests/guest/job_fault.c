// SPDX-License-Identifier: MIT
/*
 * Commands and accesses that the device must refuse: the record names reason, command, region and offset, nothing is
 * written outside, and the next job answers right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "runner.h"

#define STEPS	     2
#define INPUT_BYTES  (2 * 8)
#define OUTPUT_BYTES (2 * 24)
#define LAYER	     0 /* offsets of the commands */
#define RUN	     sizeof(struct deltahop_cmd_rnn_layer)
#define END	     (RUN + sizeof(struct deltahop_cmd_rnn_run))
#define NONE	     ~0U
#define UNBOUND	     (REGION_COUNT + 3)
#define BUDGET	     2000000 /* for jobs that may ask for anything */

struct fixture {
	int fd;
	struct runner r;
	struct deltahop_cmd_rnn_layer *layer;
	struct deltahop_cmd_rnn_run *run;
	struct deltahop_cmd *end;
	struct deltahop_rnn_params *params;
	struct drm_deltahop_job job;
};

static void open_fixture(struct fixture *f)
{
	struct network net;

	network_other(&net, 1);
	f->fd = dev_open();
	runner_create(&f->r, f->fd, ctx_create(f->fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	f->layer = runner_layer(&f->r, 0);
	f->run = runner_run(&f->r);
	f->end = runner_end(&f->r);
	f->params = runner_at(&f->r, REGION_PARAMS);
	f->job = runner_job(&f->r);
}

/* A fresh runner on the same device works after whatever happened to this one. */
static void device_works(void)
{
	static struct stream stream;
	struct network net;
	struct runner r;
	int fd = dev_open();

	network_small(&net, 2);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
}

static void check_fault(struct fixture *f, uint32_t reason, uint32_t command, uint32_t region,
			uint64_t offset)
{
	struct deltahop_record record;

	CHECK_OK(job_submit(f->fd, f->r.ctx, &f->job, 1, NULL));
	CHECK_ERR(job_wait(f->fd, f->r.ctx, f->job.seqno, in_seconds(DEVICE_SECONDS), &record),
		  EIO);
	CHECK_EQ(record.status, DELTAHOP_STATUS_FAULT);
	CHECK_EQ(record.reason, reason);
	CHECK_EQ(record.writer, DELTAHOP_WRITER_DEVICE);
	CHECK_EQ(record.cmd_offset, command);
	CHECK_EQ(record.fault_region, region);
	CHECK_EQ(record.fault_offset, offset);
	CHECK_EQ(record.seqno, f->job.seqno);
	device_works();
}

#define FAULT(suffix, text, reason, command, region, offset, spoil)                 \
	TEST(fault_##suffix, "the device refuses " text)                            \
	{                                                                           \
		struct fixture f;                                                   \
                                                                                    \
		open_fixture(&f);                                                   \
		spoil;                                                              \
		check_fault(&f, DELTAHOP_REASON_##reason, command, region, offset); \
	}

/* Commands. */
FAULT(opcode, "an unknown opcode", BAD_OPCODE, LAYER, NONE, 0, f.layer->hdr.opcode = 99)
FAULT(opcode_zero, "opcode 0, so that cleared memory does not run", BAD_OPCODE, RUN, NONE, 0,
      f.run->hdr.opcode = 0)
FAULT(length, "a size that is not the opcode's", BAD_LENGTH, LAYER, NONE, 0, f.layer->hdr.size = 48)
FAULT(length_zero, "size 0", BAD_LENGTH, RUN, NONE, 0, f.run->hdr.size = 0)
FAULT(truncated, "a command that runs past the end", BAD_LENGTH, RUN, NONE, 0,
      f.job.cmd_size = END - 8)
FAULT(no_end, "commands without END", NO_END, END, NONE, 0, f.job.cmd_size = END)
FAULT(nop_flags, "a flag of END", BAD_FIELD, END, NONE, 0, f.end->flags = 1)

/* RNN_LAYER. */
FAULT(layer_flags, "an unknown flag of a layer", BAD_FIELD, LAYER, NONE, 0, f.layer->hdr.flags = 4)
FAULT(layer_pad, "a layer whose pad is not zero", BAD_FIELD, LAYER, NONE, 0, f.layer->pad = 1)
FAULT(layer_rsvd, "a layer whose reserved word is not zero", BAD_FIELD, LAYER, NONE, 0,
      f.layer->rsvd = 1)
FAULT(layer_slot, "a slot that no device has", BAD_FIELD, LAYER, NONE, 0,
      f.layer->slot = DELTAHOP_RNN_MAX_SLOTS)
FAULT(layer_slot_large, "slot 255", BAD_FIELD, LAYER, NONE, 0, f.layer->slot = 255)
FAULT(layer_cell, "an unknown cell", BAD_FIELD, LAYER, NONE, 0, f.layer->cell = 5)
FAULT(layer_output, "the output function of an LSTM in a GRU", BAD_FIELD, LAYER, NONE, 0,
      f.layer->hdr.flags = DELTAHOP_LAYER_OUTPUT_RELU)
FAULT(layer_activation, "an activation that a GRU does not have", BAD_FIELD, LAYER, NONE, 0,
      f.layer->activation = DELTAHOP_ACT_SIGMOID)
FAULT(layer_frac, "more than 15 fraction bits", BAD_FIELD, LAYER, NONE, 0,
      f.layer->weight_frac[1] = 16)
FAULT(layer_frac_unused, "fraction bits of a gate that is none", BAD_FIELD, LAYER, NONE, 0,
      f.layer->weight_frac[3] = 1)
FAULT(layer_inputs_odd, "6 inputs", BAD_SIZE, LAYER, NONE, 0, f.layer->inputs = 6)
FAULT(layer_inputs_zero, "no inputs", BAD_SIZE, LAYER, NONE, 0, f.layer->inputs = 0)
FAULT(layer_inputs_many, "1028 inputs", BAD_SIZE, LAYER, NONE, 0, f.layer->inputs = 1028)
FAULT(layer_hidden_odd, "20 units", BAD_SIZE, LAYER, NONE, 0, f.layer->hidden = 20)
FAULT(layer_hidden_few, "8 units", BAD_SIZE, LAYER, NONE, 0, f.layer->hidden = 8)
FAULT(layer_hidden_many, "1032 units", BAD_SIZE, LAYER, NONE, 0, f.layer->hidden = 1032)
FAULT(layer_state_odd, "a state offset that is no multiple of 8", BAD_FIELD, LAYER, NONE, 0,
      f.layer->state_offset = 4)
FAULT(layer_state_end, "a block past the end of the state", NOT_LOADED, LAYER, NONE, 0,
      f.layer->state_offset = 8)
FAULT(layer_state_overflow, "the largest state offset", NOT_LOADED, LAYER, NONE, 0,
      f.layer->state_offset = ~7U)
FAULT(no_state, "a layer in a job without state: another's state is not to be had", NOT_LOADED,
      LAYER, NONE, 0, f.job.state = 0)

/* RNN_RUN. */
FAULT(run_flags, "an unknown flag of a run", BAD_FIELD, RUN, NONE, 0, f.run->hdr.flags = 2)
FAULT(run_pad, "a run whose pad is not zero", BAD_FIELD, RUN, NONE, 0, f.run->pad = 1)
FAULT(run_count, "a run of no layers", BAD_FIELD, RUN, NONE, 0, f.run->count = 0)
FAULT(run_count_large, "a run of 255 layers", BAD_FIELD, RUN, NONE, 0, f.run->count = 255)
FAULT(run_not_set_up, "a layer that was not set up", NOT_LOADED, RUN, NONE, 0, f.run->count = 2)
FAULT(run_params_odd, "a parameter offset that is no multiple of 8", BAD_FIELD, RUN, NONE, 0,
      f.run->params_offset = 4)
FAULT(run_input_odd, "an odd input offset", BAD_FIELD, RUN, NONE, 0, f.run->input_offset = 1)
FAULT(run_output_odd, "an odd output offset", BAD_FIELD, RUN, NONE, 0, f.run->output_offset = 1)

/* Parameters: the record names where they are. */
FAULT(params_size, "parameters of another size", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->size = 80)
FAULT(params_flags, "an unknown flag of parameters", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->flags = 2)
FAULT(params_rsvd, "parameters whose reserved word is not zero", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->rsvd = 1)
FAULT(params_steps_zero, "no steps", BAD_PARAMS, RUN, REGION_PARAMS, 0, f.params->steps = 0)
FAULT(params_steps_many, "more than 2^20 steps", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->steps = DELTAHOP_RNN_MAX_STEPS + 1)
FAULT(params_stride_in, "an odd input stride", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->input_stride = 17)
FAULT(params_stride_out, "an odd output stride", BAD_PARAMS, RUN, REGION_PARAMS, 0,
      f.params->output_stride = 49)

/* Regions that are not bound, or have no memory. */
FAULT(region_params, "parameters in no region", BAD_REGION, RUN, UNBOUND, 0,
      f.run->params_region = UNBOUND)
FAULT(region_input, "inputs in no region", BAD_REGION, RUN, UNBOUND, 0,
      f.run->input_region = UNBOUND)
FAULT(region_output, "outputs in no region", BAD_REGION, RUN, UNBOUND, 0,
      f.run->output_region = UNBOUND)
FAULT(region_weights, "weights in no region", BAD_REGION, RUN, UNBOUND, 0,
      f.layer->weight_region = UNBOUND)
FAULT(region_largest, "the largest region", BAD_REGION, RUN, NONE, 8,
      (f.run->input_region = NONE, f.run->input_offset = 8))

/* Accesses past the end. */
FAULT(end_params, "parameters past the end", OUT_OF_BOUNDS, RUN, REGION_PARAMS, 8,
      f.run->params_offset = 8)
FAULT(end_params_overflow, "parameters whose end overflows", OUT_OF_BOUNDS, RUN, REGION_PARAMS,
      ~7ULL, f.run->params_offset = ~7ULL)
FAULT(end_input, "inputs past the end", OUT_OF_BOUNDS, RUN, REGION_INPUT, STEPS *INPUT_BYTES,
      f.params->steps = STEPS + 1)
FAULT(end_input_offset, "an input offset past the end", OUT_OF_BOUNDS, RUN, REGION_INPUT,
      1ULL << 40, f.run->input_offset = 1ULL << 40)
FAULT(end_input_overflow, "inputs whose end overflows", OUT_OF_BOUNDS, RUN, REGION_INPUT, ~1ULL,
      f.run->input_offset = ~1ULL)
FAULT(end_input_stride, "the largest input stride", OUT_OF_BOUNDS, RUN, REGION_INPUT, 0xfffffffe,
      f.params->input_stride = 0xfffffffe)
FAULT(end_output, "outputs past the end", OUT_OF_BOUNDS, RUN, REGION_OUTPUT,
      STEPS *OUTPUT_BYTES - 2, f.run->output_offset = STEPS * OUTPUT_BYTES - 2)
FAULT(end_output_step, "outputs of a later step past the end", OUT_OF_BOUNDS, RUN, REGION_OUTPUT,
      OUTPUT_BYTES + 2, f.params->output_stride = OUTPUT_BYTES + 2)
FAULT(end_output_overflow, "outputs whose end overflows", OUT_OF_BOUNDS, RUN, REGION_OUTPUT, ~1ULL,
      f.run->output_offset = ~1ULL)
FAULT(end_weights, "weights past the end", OUT_OF_BOUNDS, RUN, REGION_WEIGHTS,
      f.r.net.weight_bytes - 8, f.layer->weight_offset = f.r.net.weight_bytes - 8)
FAULT(end_weights_overflow, "weights whose end overflows", OUT_OF_BOUNDS, RUN, REGION_WEIGHTS,
      ~0ULL, f.layer->weight_offset = ~0ULL)

/* Access that a region does not grant. */
FAULT(no_read_params, "parameters in a region without READ", NO_READ, RUN, REGION_OUTPUT, 0,
      f.run->params_region = REGION_OUTPUT)
FAULT(no_read_input, "inputs in a region without READ", NO_READ, RUN, REGION_PROFILE, 0,
      f.run->input_region = REGION_PROFILE)
FAULT(no_read_weights, "weights in a region without READ", NO_READ, RUN, REGION_OUTPUT, 0,
      f.layer->weight_region = REGION_OUTPUT)
FAULT(no_write_output, "outputs in a region without WRITE", NO_WRITE, RUN, REGION_INPUT, 0,
      f.run->output_region = REGION_INPUT)
FAULT(no_write_weights, "outputs over the weights", NO_WRITE, RUN, REGION_WEIGHTS, 64,
      (f.run->output_region = REGION_WEIGHTS, f.run->output_offset = 64))

TEST(fault_empty_region, "the device refuses a region without memory, and takes an override's")
{
	struct drm_deltahop_override override = { .region = REGION_INPUT };
	static struct stream stream;
	struct fixture f;
	uint32_t bindings;

	open_fixture(&f);
	override.binding = f.r.binding[REGION_INPUT];
	memset(&f.r.binding[REGION_INPUT], 0, sizeof(f.r.binding[0]));
	CHECK_OK(bindings_create(f.fd, f.r.binding, REGION_COUNT, &bindings));
	f.job.bindings = bindings;
	check_fault(&f, DELTAHOP_REASON_BAD_REGION, RUN, REGION_INPUT, 0);
	f.job.overrides = user_ptr(&override);
	f.job.override_count = 1;
	f.job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
	CHECK_OK(job_submit(f.fd, f.r.ctx, &f.job, 1, NULL));
	CHECK_OK(job_wait(f.fd, f.r.ctx, f.job.seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&f.r, &stream);
}

TEST(fault_slots, "the device refuses a slot that it has not, though another device may")
{
	struct fixture f;

	open_fixture(&f);
	if (f.r.info.rnn_slots == DELTAHOP_RNN_MAX_SLOTS)
		ktap_skip("the device has every slot");
	f.layer->slot = f.r.info.rnn_slots;
	check_fault(&f, DELTAHOP_REASON_UNSUPPORTED, LAYER, NONE, 0);
}

TEST(fault_layers_unlike, "the device refuses layers that do not fit each other")
{
	static const struct ref_layer layers[] = {
		{ .inputs = 8, .hidden = 16, .frac = { 7, 7, 7 } },
		{ .inputs = 24, .hidden = 16, .frac = { 7, 7, 7 } },
	};
	struct network net;
	struct fixture f = { .fd = dev_open() };

	network_make(&net, layers, 2, 1);
	runner_create(&f.r, f.fd, ctx_create(f.fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	f.job = runner_job(&f.r);
	check_fault(&f, DELTAHOP_REASON_BAD_SIZE, 2 * RUN, NONE, 0);
}

/* What the published engine lacks, each by itself. */
#define LACKS(suffix, text, cap, command, spoil)                                \
	TEST(lacks_##suffix, "a device without that capability refuses " text)  \
	{                                                                       \
		struct fixture f;                                               \
                                                                                \
		open_fixture(&f);                                               \
		if (f.r.info.caps & (cap))                                      \
			ktap_skip("the device can do that");                    \
		spoil;                                                          \
		check_fault(&f, DELTAHOP_REASON_UNSUPPORTED, command, NONE, 0); \
	}

LACKS(no_bias, "layers without bias", DELTAHOP_CAP_RNN_TEMPLATE, LAYER,
      f.layer->hdr.flags = DELTAHOP_LAYER_NO_BIAS)
LACKS(dense, "dense layers", DELTAHOP_CAP_RNN_DENSE, LAYER,
      (f.layer->cell = DELTAHOP_CELL_DENSE, f.layer->weight_frac[1] = f.layer->weight_frac[2] = 0))
LACKS(gru_before, "a GRU whose reset comes first", DELTAHOP_CAP_RNN_GRU_BEFORE, LAYER,
      f.layer->cell = DELTAHOP_CELL_GRU_BEFORE)
LACKS(lstm, "LSTMs", DELTAHOP_CAP_RNN_LSTM, LAYER,
      (f.layer->cell = DELTAHOP_CELL_LSTM, f.layer->weight_frac[3] = 7))
LACKS(simple, "simple recurrent layers", DELTAHOP_CAP_RNN_SIMPLE, LAYER,
      (f.layer->cell = DELTAHOP_CELL_SIMPLE, f.layer->weight_frac[1] = f.layer->weight_frac[2] = 0))
LACKS(relu, "a GRU with ReLU", DELTAHOP_CAP_RNN_RELU, LAYER,
      f.layer->activation = DELTAHOP_ACT_RELU)
LACKS(scale, "weight scales", DELTAHOP_CAP_RNN_WEIGHT_SCALE, LAYER, f.layer->weight_frac[0] = 8)
LACKS(first, "a first layer that is not slot 0", DELTAHOP_CAP_RNN_WEIGHT_BASE, RUN,
      (f.layer->slot = 1, f.run->first = 1))

TEST(lacks_base, "a device without that capability refuses weight addresses that break the rule")
{
	struct fixture f = { .fd = dev_open() };
	struct network net;

	if (dev_info(f.fd).caps & DELTAHOP_CAP_RNN_WEIGHT_BASE)
		ktap_skip("the device can do that");
	network_small(&net, 1);
	runner_create(&f.r, f.fd, ctx_create(f.fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_layer(&f.r, 1)->weight_offset -= 48;
	f.job = runner_job(&f.r);
	check_fault(&f, DELTAHOP_REASON_UNSUPPORTED, 2 * RUN, NONE, 0);
}

TEST(lacks_theta, "a device without that capability refuses thresholds that differ between layers")
{
	struct fixture f = { .fd = dev_open() };
	struct deltahop_rnn_params *params;
	struct network net;

	if (dev_info(f.fd).caps & DELTAHOP_CAP_RNN_LAYER_THETA)
		ktap_skip("the device can do that");
	network_small(&net, 1);
	runner_create(&f.r, f.fd, ctx_create(f.fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	params = runner_at(&f.r, REGION_PARAMS);
	params->theta[1].h = 3;
	f.job = runner_job(&f.r);
	check_fault(&f, DELTAHOP_REASON_UNSUPPORTED, 2 * RUN, REGION_PARAMS, 0);
}

/* A hostile job may end in any way, but it must end, and touch nothing that is not bound for writing. */
static void hostile_job(struct fixture *f)
{
	struct deltahop_record record;
	int ret;

	f->job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
	f->job.cycle_budget = BUDGET;
	CHECK_OK(job_submit(f->fd, f->r.ctx, &f->job, 1, NULL));
	ret = job_wait(f->fd, f->r.ctx, f->job.seqno, in_seconds(DEVICE_SECONDS), &record);
	CHECK(ret == 0 || ret == -EIO || ret == -EDQUOT);
	CHECK(record.status >= DELTAHOP_STATUS_OK && record.status <= DELTAHOP_STATUS_BUDGET);
	CHECK_EQ(record.writer, DELTAHOP_WRITER_DEVICE);
	CHECK_EQ(ret, record.status == DELTAHOP_STATUS_OK      ? 0
		      : record.status == DELTAHOP_STATUS_FAULT ? -EIO
							       : -EDQUOT);
}

static uint64_t checksum(const void *data, size_t size)
{
	const unsigned char *byte = data;
	uint64_t sum = 0;

	while (size--)
		sum = sum * 31 + *byte++;
	return sum;
}

/* The bytes of the buffers that no region may write, and those before every region. */
static uint64_t checksum_fixed(const struct fixture *f)
{
	uint64_t sum = checksum(f->r.buffer[REGION_WEIGHTS].map, f->r.buffer[REGION_WEIGHTS].size);
	enum region region;

	for (region = 0; region < REGION_COUNT; region++)
		sum = sum * 31 + checksum(f->r.buffer[region].map, REGION_SHIFT);
	return sum * 31 + checksum(f->r.buffer[REGION_INPUT].map, f->r.buffer[REGION_INPUT].size);
}

TEST_LIMIT(hostile_random, 300,
	   "random bytes as commands, hundreds of times: always a status, never a hang")
{
	uint32_t seed = 4711, *word;
	struct fixture f;
	unsigned int i, w;
	uint64_t sum;

	open_fixture(&f);
	sum = checksum_fixed(&f);
	word = runner_at(&f.r, REGION_COMMANDS);
	for (i = 0; i < 300; i++) {
		for (w = 0; w < f.r.cmd_size / 4; w++)
			word[w] = random_next(&seed);
		hostile_job(&f);
	}
	CHECK_EQ(checksum_fixed(&f), sum);
	device_works();
}

TEST_LIMIT(
	hostile_mutated, 600,
	"right commands and parameters with a few wrong bytes, hundreds of times: always a status")
{
	unsigned char good[256], params[88], *bytes, *at;
	unsigned int i, n;
	uint32_t seed = 815;
	struct fixture f;
	uint64_t sum;

	open_fixture(&f);
	sum = checksum_fixed(&f);
	bytes = runner_at(&f.r, REGION_COMMANDS);
	memcpy(good, bytes, f.r.cmd_size);
	memcpy(params, f.params, sizeof(params));
	for (i = 0; i < 600; i++) {
		memcpy(bytes, good, f.r.cmd_size);
		memcpy(f.params, params, sizeof(params));
		for (n = random_next(&seed) % 3; n < 3; n++) {
			at = random_next(&seed) & 4096
				     ? bytes + random_next(&seed) % f.r.cmd_size
				     : (unsigned char *)f.params +
					       random_next(&seed) % sizeof(params);
			*at = random_next(&seed) & 1 ? random_next(&seed) >> 8
						     : 1U << random_next(&seed) % 8;
		}
		hostile_job(&f);
	}
	CHECK_EQ(checksum_fixed(&f), sum);
	device_works();
}

TEST(hostile_changing,
     "commands that change while their job is queued or running: any status, no hang")
{
	uint32_t seed = 99, seqno[32], *word;
	struct deltahop_record record;
	struct fixture f;
	int i, n;

	open_fixture(&f);
	word = runner_at(&f.r, REGION_COMMANDS);
	f.job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
	f.job.cycle_budget = BUDGET;
	for (i = 0; i < 32; i++) {
		CHECK_OK(job_submit(f.fd, f.r.ctx, &f.job, 1, NULL));
		seqno[i] = f.job.seqno;
		for (n = 0; n < 50; n++)
			word[random_next(&seed) % (f.r.cmd_size / 4)] ^= 1U
									 << random_next(&seed) % 32;
	}
	for (i = 0; i < 32; i++) {
		int ret = job_wait(f.fd, f.r.ctx, seqno[i], in_seconds(DEVICE_SECONDS), &record);

		CHECK(ret == 0 || ret == -EIO || ret == -EDQUOT || ret == -ENODATA);
		CHECK(record.status != DELTAHOP_STATUS_NONE);
	}
	device_works();
}

TEST(hostile_profile,
     "profile regions too small for anything: the job's answer is right, or it faults")
{
	struct drm_deltahop_override override = { .region = REGION_PROFILE };
	struct deltahop_record record;
	unsigned char *guard;
	struct fixture f;
	uint64_t size;
	int ret;

	open_fixture(&f);
	guard = runner_at(&f.r, REGION_PROFILE);
	memset(guard, 0x5a, 192);
	for (size = 1; size < 130; size += 31) {
		override.binding = f.r.binding[REGION_PROFILE];
		override.binding.size = size;
		f.job.overrides = user_ptr(&override);
		f.job.override_count = 1;
		f.job.profile_region = REGION_PROFILE;
		f.job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
		CHECK_OK(job_submit(f.fd, f.r.ctx, &f.job, 1, NULL));
		ret = job_wait(f.fd, f.r.ctx, f.job.seqno, in_seconds(DEVICE_SECONDS), &record);
		CHECK(ret == 0 || ret == -EIO);
		CHECK(ret == -EIO || record.profile_lost == (size < 128));
		CHECK_EQ(guard[size], 0x5a);
	}
}
