// SPDX-License-Identifier: MIT
/* The convolution engine: its answers, its records, its faults, and life beside the recurrent engine. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "conv.h"
#include "ktap.h"
#include "runner.h"

/* linux/sw_sync.h is the kernel's own */
struct sw_sync_create_fence_data {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_IOC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC		 _IOW('W', 1, __u32)

#define STEPS	    4
#define HEAVY_STEPS 20000
#define RECORDS	    256 /* kept of a context */

static void need_engine(int fd, enum deltahop_engine engine, const char *name)
{
	if (!(dev_info(fd).engines >> engine & 1))
		ktap_skip("this device has no %s engine", name);
}

static void need_caps(int fd, uint64_t caps, const char *what)
{
	if ((dev_info(fd).caps & caps) != caps)
		ktap_skip("this device lacks: %s", what);
}

static int open_conv(void)
{
	int fd = dev_open();

	need_engine(fd, DELTAHOP_ENGINE_CONV, "convolution");
	return fd;
}

static void open_published(struct conv *c, int fd, uint32_t placement, uint32_t seed)
{
	struct ref_conv_layer layer;
	struct ref_conv_pass pass;

	conv_published(&layer, &pass);
	conv_create(c, fd, ctx_create(fd), &layer, &pass, placement, seed);
}

static void check_once(struct conv *c)
{
	struct drm_deltahop_job job = conv_job(c);
	struct deltahop_record record;

	CHECK_OK(job_submit(c->fd, c->ctx, &job, 1, NULL));
	CHECK_OK(job_wait(c->fd, c->ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record));
	conv_check(c);
	conv_check_record(c, &record, job.seqno);
	CHECK_EQ(record.wait_cycles, 0);
	conv_forget(c);
}

static uint32_t last_placement(int fd)
{
	return dev_info(fd).card_size ? DRM_DELTAHOP_PLACEMENT_CARD : DRM_DELTAHOP_PLACEMENT_SYSTEM;
}

/* ---- answers ---- */

TEST(published,
     "a layer that NullHop could do: every bit and every field of the record, in either memory")
{
	struct conv c;
	int fd = open_conv();
	uint32_t p, seed;

	for (p = DRM_DELTAHOP_PLACEMENT_SYSTEM; p <= last_placement(fd); p++) {
		for (seed = 1; seed < 4; seed++) {
			open_published(&c, fd, p, seed);
			check_once(&c);
			check_once(&c);
			conv_destroy(&c);
		}
	}
}

/* What only some devices can do, each from the published layer. */
#define EXTENSION(name, text, caps, change)                                             \
	TEST(name, text ": every bit and every field of the record, in either memory")  \
	{                                                                               \
		int fd = open_conv();                                                   \
		struct ref_conv_layer layer;                                            \
		struct ref_conv_pass pass;                                              \
		struct conv c;                                                          \
		uint32_t p;                                                             \
                                                                                        \
		need_caps(fd, caps, text);                                              \
		for (p = DRM_DELTAHOP_PLACEMENT_SYSTEM; p <= last_placement(fd); p++) { \
			conv_published(&layer, &pass);                                  \
			change;                                                         \
			conv_create(&c, fd, ctx_create(fd), &layer, &pass, p, 7 + p);   \
			check_once(&c);                                                 \
			conv_destroy(&c);                                               \
		}                                                                       \
	}

EXTENSION(stride, "stride 2", DELTAHOP_CAP_CONV_STRIDE, {
	layer.stride_rows = layer.stride_cols = 2;
	layer.out_rows = 5;
	layer.out_cols = 5;
})
EXTENSION(shape, "a 2 x 5 kernel with pads of its own", DELTAHOP_CAP_CONV_SHAPE, {
	layer.kernel_rows = 2;
	layer.kernel_cols = 5;
	layer.pad_top = -1;
	layer.pad_left = 3;
})
EXTENSION(shifts, "other shifts", DELTAHOP_CAP_CONV_SHIFT, {
	layer.out_shift = 11;
	layer.bias_shift = 3;
})
EXTENSION(weight8, "int8 kernels", DELTAHOP_CAP_CONV_WEIGHT8, layer.weight8 = true)
EXTENSION(avg_pool, "average pooling", DELTAHOP_CAP_CONV_AVG_POOL, {
	layer.pool_max = false;
	layer.pool_avg = true;
})
EXTENSION(format, "an output that is not encoded", DELTAHOP_CAP_CONV_FORMAT, layer.encode = false)
EXTENSION(psum_out, "partial sums written", DELTAHOP_CAP_CONV_PSUM, pass.psum_out = true)
EXTENSION(psum_in, "partial sums read", DELTAHOP_CAP_CONV_PSUM, pass.psum_in = true)
EXTENSION(psum_both, "partial sums replaced", DELTAHOP_CAP_CONV_PSUM,
	  pass.psum_in = pass.psum_out = true)
EXTENSION(add, "an added map", DELTAHOP_CAP_CONV_ADD, {
	pass.add = true;
	pass.add_shift = 8;
	pass.added.encoded = true;
})
EXTENSION(fully_connected, "a fully connected layer", DELTAHOP_CAP_CONV_FC, {
	layer.kernel_rows = layer.kernel_cols = 1;
	layer.pad_top = layer.pad_left = 0;
	layer.out_rows = layer.out_cols = 1;
	layer.pool_max = false;
	layer.macs = 1;
	pass.maps = 40;
	pass.fully_connected = true;
})

/* ---- faults ---- */

struct fixture {
	struct conv c;
	struct deltahop_cmd_conv_layer *layer;
	struct deltahop_cmd_conv_input *input;
	struct deltahop_cmd_conv_pass *pass;
	uint16_t *map;
};

static void open_fixture(struct fixture *f)
{
	char *commands;

	open_published(&f->c, open_conv(), DRM_DELTAHOP_PLACEMENT_DEFAULT, 3);
	commands = conv_at(&f->c, CONV_COMMANDS);
	f->layer = (void *)(commands + CONV_LAYER_AT);
	f->input = (void *)(commands + CONV_FIRST_INPUT_AT);
	f->pass = (void *)(commands + f->c.pass_at);
	f->map = conv_at(&f->c, CONV_INPUT);
}

static void check_fault(struct fixture *f, uint32_t reason, uint32_t command)
{
	struct deltahop_record record;
	struct conv other;

	CHECK_ERR(conv_do(&f->c, &record), EIO);
	CHECK_EQ(record.status, DELTAHOP_STATUS_FAULT);
	CHECK_EQ(record.reason, reason);
	CHECK_EQ(record.engine, DELTAHOP_ENGINE_CONV);
	CHECK_EQ(record.writer, DELTAHOP_WRITER_DEVICE);
	CHECK_EQ(record.cmd_offset, command);
	open_published(&other, f->c.fd, DRM_DELTAHOP_PLACEMENT_DEFAULT, 4);
	check_once(&other);
	conv_destroy(&other);
}

#define LAYER CONV_LAYER_AT
#define INPUT CONV_FIRST_INPUT_AT
#define PASS  f.c.pass_at

#define FAULT(suffix, text, reason, command, spoil)                 \
	TEST(fault_##suffix, "the device refuses " text)            \
	{                                                           \
		struct fixture f;                                   \
                                                                    \
		open_fixture(&f);                                   \
		spoil;                                              \
		check_fault(&f, DELTAHOP_REASON_##reason, command); \
	}

FAULT(rnn_opcode, "a command of the other engine", BAD_OPCODE, LAYER,
      f.layer->hdr.opcode = DELTAHOP_OP_RNN_LAYER)
FAULT(length, "a size that is not the opcode's", BAD_LENGTH, LAYER, f.layer->hdr.size = 40)
FAULT(layer_flags, "an unknown flag", BAD_FIELD, LAYER, f.layer->hdr.flags |= 1 << 5)
FAULT(layer_pools, "both kinds of pooling", BAD_FIELD, LAYER,
      f.layer->hdr.flags |= DELTAHOP_CONV_POOL_AVG)
FAULT(layer_rsvd, "a reserved byte", BAD_FIELD, LAYER, f.layer->rsvd[4] = 1)
FAULT(layer_kernel, "an 8 x 8 kernel", BAD_FIELD, LAYER,
      f.layer->kernel_rows = f.layer->kernel_cols = 8)
FAULT(layer_macs, "3 MACs an output map", BAD_FIELD, LAYER, f.layer->macs = 3)
FAULT(layer_rows, "no rows", BAD_FIELD, LAYER, f.layer->rows = 0)
FAULT(layer_cols, "more columns than the device has", BAD_SIZE, LAYER,
      f.layer->cols = f.c.info.conv_max_cols + 1)
FAULT(layer_channels, "more channels than the device has", BAD_SIZE, LAYER,
      f.layer->channels = f.c.info.conv_max_channels + 1)
FAULT(input_channels, "maps with more channels than the layer", BAD_SIZE, INPUT,
      f.input->channels = 7)
FAULT(input_few, "a pass without all its channels", NOT_LOADED, PASS, f.input->channels = 3)
FAULT(input_offset, "a map at an odd place", BAD_FIELD, INPUT, f.input->offset = 4)
FAULT(input_region, "a map in a region that does not exist", BAD_REGION, PASS, f.input->region = 40)
FAULT(input_bounds, "a map that runs out of its region", OUT_OF_BOUNDS, PASS,
      f.input->offset = (uint64_t)~7)
FAULT(pass_maps, "more output maps than there are MACs", BAD_SIZE, PASS, f.pass->maps = 17)
FAULT(pass_flags, "an unknown flag of a pass", BAD_FIELD, PASS, f.pass->hdr.flags = 1 << 4)
FAULT(pass_unused, "a field that no flag asks for", BAD_FIELD, PASS, f.pass->psum_offset = 8)
FAULT(pass_weights, "weights that run out of their region", OUT_OF_BOUNDS, PASS,
      f.pass->weight_offset = f.c.binding[CONV_WEIGHTS].size)
FAULT(pass_output, "an output in a region that is not for writing", NO_WRITE, PASS,
      f.pass->output_region = CONV_INPUT)
FAULT(pass_output_bounds, "an output that runs out of its region", OUT_OF_BOUNDS, PASS,
      f.pass->output_offset = f.c.binding[CONV_OUTPUT].size)
FAULT(data, "a map in which a value is 0 that its sparsity map says is not", BAD_DATA, PASS,
      f.map[1] = 0)

#define LACKS(suffix, text, cap, command, spoil)                       \
	TEST(lacks_##suffix, "a device without " text " refuses it")   \
	{                                                              \
		struct fixture f;                                      \
                                                                       \
		open_fixture(&f);                                      \
		if (f.c.info.caps & (cap))                             \
			ktap_skip("this device has it");               \
		spoil;                                                 \
		check_fault(&f, DELTAHOP_REASON_UNSUPPORTED, command); \
	}

LACKS(stride, "strides", DELTAHOP_CAP_CONV_STRIDE, LAYER,
      (f.layer->stride_rows = f.layer->stride_cols = 2, f.layer->out_rows = f.layer->out_cols = 5))
LACKS(shape, "kernels that are no squares", DELTAHOP_CAP_CONV_SHAPE, LAYER,
      f.layer->kernel_rows = 2)
LACKS(shift, "shifts", DELTAHOP_CAP_CONV_SHIFT, LAYER, f.layer->out_shift = 9)
LACKS(weight8, "int8 kernels", DELTAHOP_CAP_CONV_WEIGHT8, LAYER,
      f.layer->hdr.flags |= DELTAHOP_CONV_WEIGHT8)
LACKS(avg, "average pooling", DELTAHOP_CAP_CONV_AVG_POOL, LAYER,
      f.layer->hdr.flags ^= DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_POOL_AVG)
LACKS(format, "a choice of output formats", DELTAHOP_CAP_CONV_FORMAT, LAYER,
      f.layer->hdr.flags ^= DELTAHOP_CONV_ENCODE)
LACKS(psum, "partial sums", DELTAHOP_CAP_CONV_PSUM, PASS, {
	f.pass->hdr.flags = DELTAHOP_PASS_PSUM_IN;
	f.pass->psum_region = CONV_PSUM;
})
LACKS(add, "added maps", DELTAHOP_CAP_CONV_ADD, PASS, {
	f.pass->hdr.flags = DELTAHOP_PASS_ADD;
	f.pass->add_region = CONV_ADDED;
})

TEST(budget, "a job that needs more cycles than its budget ends BUDGET, the next one runs")
{
	struct deltahop_record record;
	struct drm_deltahop_job job;
	struct conv c;

	open_published(&c, open_conv(), DRM_DELTAHOP_PLACEMENT_DEFAULT, 5);
	job = conv_job(&c);
	job.cycle_budget = c.cost.cycles / 2;
	CHECK_OK(job_submit(c.fd, c.ctx, &job, 1, NULL));
	CHECK_ERR(job_wait(c.fd, c.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record), EDQUOT);
	CHECK_EQ(record.status, DELTAHOP_STATUS_BUDGET);
	CHECK_EQ(record.reason, DELTAHOP_REASON_CYCLES);
	CHECK(record.cycles <= job.cycle_budget);
	conv_forget(&c);
	check_once(&c);
}

TEST(profile, "a profile region gets one row for the pass, that says what the record says")
{
	struct deltahop_profile_head *head;
	struct deltahop_profile_row *row;
	struct drm_deltahop_job job;
	struct conv c;

	open_published(&c, open_conv(), DRM_DELTAHOP_PLACEMENT_DEFAULT, 6);
	job = conv_job(&c);
	job.profile_region = CONV_PROFILE;
	CHECK_OK(job_submit(c.fd, c.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(c.fd, c.ctx, job.seqno, in_seconds(DEVICE_SECONDS), NULL));
	conv_check(&c);
	head = conv_at(&c, CONV_PROFILE);
	row = (void *)(head + 1);
	CHECK_EQ(head->rows, 1);
	CHECK_EQ(head->lost, 0);
	CHECK_EQ(row->cmd_offset, c.pass_at);
	CHECK_EQ(row->opcode, DELTAHOP_OP_CONV_PASS);
	CHECK_EQ(row->layer, 0);
	CHECK_EQ(row->steps, c.cost.stripes);
	CHECK_EQ(row->cycles, c.cost.cycles);
	CHECK_EQ(row->bytes_weights, c.cost.bytes_weights);
	CHECK_EQ(row->bytes_in, c.cost.bytes_in);
	CHECK_EQ(row->bytes_out, c.cost.bytes_out);
	CHECK_EQ(row->work_done, c.cost.work_done);
	CHECK_EQ(row->work_skipped, c.cost.work_skipped);
	CHECK_EQ(row->fired_x, c.cost.taken);
}

/* ---- the interface ---- */

TEST(no_state, "a job of this engine that names a state is refused, and so is one with flags")
{
	struct drm_deltahop_job job;
	struct runner r;
	struct network net;
	struct conv c;
	int fd = open_conv();
	uint32_t bad;

	need_engine(fd, DELTAHOP_ENGINE_RNN, "recurrent");
	open_published(&c, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT, 1);
	network_small(&net, 1);
	runner_create(&r, fd, c.ctx, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	job = conv_job(&c);
	job.state = r.state;
	CHECK_ERR(job_submit(fd, c.ctx, &job, 1, &bad), EINVAL);
	CHECK_EQ(bad, 0);
	job = conv_job(&c);
	job.flags = DRM_DELTAHOP_JOB_STATE_RESET;
	CHECK_ERR(job_submit(fd, c.ctx, &job, 1, &bad), EINVAL);
	check_once(&c);
}

TEST(absent, "a job for an engine that the device does not have is -EOPNOTSUPP")
{
	struct drm_deltahop_job job;
	struct conv c;
	int fd = open_conv();
	uint32_t bad;

	if (dev_info(fd).engines >> DELTAHOP_ENGINE_RNN & 1)
		ktap_skip("this device has both engines");
	open_published(&c, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT, 1);
	job = conv_job(&c);
	job.engine = DELTAHOP_ENGINE_RNN;
	CHECK_ERR(job_submit(fd, c.ctx, &job, 1, &bad), EOPNOTSUPP);
	CHECK_EQ(bad, 0);
}

/* ---- two engines ---- */

static struct stream stream;

static void open_both(struct conv *c, struct runner *r, uint32_t placement)
{
	int fd = open_conv();
	struct network net;

	need_engine(fd, DELTAHOP_ENGINE_RNN, "recurrent");
	open_published(c, fd, placement, 9);
	network_small(&net, 9);
	memset(&stream, 0, sizeof(stream));
	runner_create(r, fd, c->ctx, &net, STEPS, placement);
}

TEST(chain, "jobs of both engines in one submit, each after the one before: both answers are right")
{
	struct drm_deltahop_job job[2];
	struct deltahop_record first, second;
	struct runner r;
	struct conv c;

	open_both(&c, &r, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	job[0] = conv_job(&c);
	job[1] = runner_job(&r);
	job[1].depends = 1;
	CHECK_OK(job_submit(c.fd, c.ctx, job, 2, NULL));
	CHECK_OK(job_wait(c.fd, c.ctx, job[1].seqno, in_seconds(DEVICE_SECONDS), &second));
	CHECK_OK(job_wait(c.fd, c.ctx, job[0].seqno, in_seconds(DEVICE_SECONDS), &first));
	CHECK(first.end_ns <= second.start_ns);
	conv_check(&c);
	runner_check(&r, &stream);
}

TEST(chain_failed, "a recurrent job that depends on a failed convolution does not run")
{
	struct deltahop_cmd_conv_pass *pass;
	struct deltahop_record record;
	struct drm_deltahop_job job[2];
	struct runner r;
	struct conv c;

	open_both(&c, &r, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	pass = (void *)((char *)conv_at(&c, CONV_COMMANDS) + c.pass_at);
	pass->maps = 0;
	job[0] = conv_job(&c);
	job[1] = runner_job(&r);
	job[1].depends = 1;
	CHECK_OK(job_submit(c.fd, c.ctx, job, 2, NULL));
	CHECK_ERR(job_wait(c.fd, c.ctx, job[0].seqno, in_seconds(DEVICE_SECONDS), NULL), EIO);
	CHECK_ERR(job_wait(c.fd, c.ctx, job[1].seqno, in_seconds(DEVICE_SECONDS), &record),
		  ENODATA);
	CHECK_EQ(record.status, DELTAHOP_STATUS_DEPENDENCY_FAILED);
}

/* A fence that is signalled when the test says so: a timeline of the kernel's for such tests, and a syncobj of its point 1. */
static int fence_by_hand(int fd, uint32_t *syncobj)
{
	struct sw_sync_create_fence_data fence = { .value = 1, .name = "by hand" };
	int timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
	struct drm_syncobj_handle handle = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE
	};

	if (timeline < 0)
		ktap_skip("this kernel has no sw_sync: %s", strerror(errno));
	CHECK_OK(ioctl(timeline, SW_SYNC_IOC_CREATE_FENCE, &fence) ? -errno : 0);
	handle.handle = *syncobj = syncobj_create(fd);
	handle.fd = fence.fence;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &handle));
	close(fence.fence);
	return timeline;
}

TEST(record_slot,
     "the place of an unfinished job's record stays its own: when newer ones fill all others, a "
     "submit is -EBUSY")
{
	struct drm_deltahop_sync sync = { .flags = DRM_DELTAHOP_SYNC_WAIT };
	struct drm_deltahop_job waiting, job;
	uint32_t newer = 0, one = 1;
	struct runner r;
	struct conv c;
	int timeline, ret;

	open_both(&c, &r, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	timeline = fence_by_hand(c.fd, &sync.handle);
	waiting = runner_job(&r);
	waiting.syncs = user_ptr(&sync);
	waiting.sync_count = 1;
	CHECK_OK(job_submit(c.fd, c.ctx, &waiting, 1, NULL));
	while (job = conv_job(&c), ret = job_submit(c.fd, c.ctx, &job, 1, NULL), !ret) {
		CHECK_OK(job_wait(c.fd, c.ctx, job.seqno, in_seconds(DEVICE_SECONDS), NULL));
		newer = job.seqno - waiting.seqno;
		CHECK(newer < RECORDS);
	}
	CHECK_ERR(ret, EBUSY);
	CHECK(newer >= RECORDS - 2);
	CHECK_ERR(job_wait(c.fd, c.ctx, waiting.seqno, NOW_ONLY, NULL), ETIMEDOUT);
	CHECK_OK(ioctl(timeline, SW_SYNC_IOC_INC, &one) ? -errno : 0);
	CHECK_OK(job_wait(c.fd, c.ctx, waiting.seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&r, &stream);
	check_once(&c);
}

/*
 * Jobs of both at once, in contexts of their own so that nothing orders them, while a long recurrent job reads weights from the
 * same memory. Returns the cycles that the convolutions waited.
 */
static uint64_t both_at_once(uint32_t placement)
{
	struct drm_deltahop_job job[32];
	struct runner r, heavy;
	struct deltahop_record record;
	struct network net;
	uint64_t waited = 0;
	struct conv c;
	uint32_t last;
	int i;

	open_both(&c, &r, placement);
	c.ctx = ctx_create(c.fd);
	network_wide(&net, 1);
	runner_create(&heavy, c.fd, ctx_create(c.fd), &net, HEAVY_STEPS, placement);
	runner_seqno(&heavy);
	for (i = 0; i < 32; i++)
		job[i] = conv_job(&c);
	CHECK_OK(job_submit(c.fd, c.ctx, job, 32, NULL));
	for (last = 0, i = 0; i < 32; i++)
		last = runner_seqno(&r);
	for (i = 0; i < 32; i++) {
		CHECK_OK(job_wait(c.fd, c.ctx, job[i].seqno, in_seconds(DEVICE_SECONDS), &record));
		conv_check_record(&c, &record, job[i].seqno);
		waited += record.wait_cycles;
	}
	conv_check(&c);
	CHECK_OK(job_wait(r.fd, r.ctx, last, in_seconds(DEVICE_SECONDS), NULL));
	for (i = 0; i < 31; i++)
		runner_expect(&r, &stream, NULL, NULL);
	runner_check(&r, &stream);
	return waited;
}

TEST(sharing,
     "both engines busy at once: right answers, and every convolution's cycles less those that it "
     "waited for the channel are those it takes alone")
{
	int fd = open_conv();
	uint64_t waited;
	uint32_t p;

	for (p = DRM_DELTAHOP_PLACEMENT_SYSTEM; p <= last_placement(fd); p++) {
		waited = both_at_once(p);
		ktap_note("cycles that 32 jobs waited: %llu", (unsigned long long)waited);
	}
}

static void conv_process(unsigned int number)
{
	struct conv c;
	int fd = dev_open(), i;

	open_published(&c, fd, number & 1 ? last_placement(fd) : DRM_DELTAHOP_PLACEMENT_SYSTEM,
		       100 + number);
	for (i = 0; i < 40; i++) {
		CHECK_OK(conv_do(&c, NULL));
		conv_check(&c);
		conv_forget(&c);
	}
}

static void rnn_process(unsigned int number)
{
	struct network net;
	struct runner r;
	int fd = dev_open(), i;

	network_small(&net, number);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < 40; i++) {
		runner_inputs(&r, 1000 * number + i);
		CHECK_OK(runner_do(&r, NULL));
		runner_check(&r, &stream);
	}
}

TEST_LIMIT(processes, 300, "processes on each engine at once, each gets its own right answers")
{
	unsigned int i, count = 4;
	int pid[4], fd = open_conv();
	bool rnn = dev_info(fd).engines >> DELTAHOP_ENGINE_RNN & 1;

	for (i = 0; i < count; i++) {
		pid[i] = ktap_child();
		if (pid[i])
			continue;
		memset(&stream, 0, sizeof(stream));
		if (i & 2 && rnn)
			rnn_process(i);
		else
			conv_process(i);
		_exit(0);
	}
	for (i = 0; i < count; i++)
		ktap_join(pid[i]);
}

/* Runs last: hundreds of jobs whose commands are noise must neither stop the engine nor touch the guard bytes. */
TEST_LIMIT(hostile, 120,
	   "random bytes as commands: refused or run, never a hang, and the next job is right")
{
	struct deltahop_record record;
	uint32_t seed = 12345;
	struct fixture f;
	int i, ret;
	uint8_t *commands;

	open_fixture(&f);
	commands = conv_at(&f.c, CONV_COMMANDS);
	for (i = 0; i < 300; i++) {
		unsigned int at = random_next(&seed) / 3 % f.c.cmd_size;
		uint8_t was = commands[at];

		commands[at] = random_next(&seed) / 5;
		ret = conv_do(&f.c, &record);
		CHECK(record.status >= DELTAHOP_STATUS_OK &&
		      record.status <= DELTAHOP_STATUS_BUDGET);
		CHECK_EQ(ret, record.status == DELTAHOP_STATUS_OK ? 0 : -EIO);
		commands[at] = was;
	}
	conv_forget(&f.c);
	check_once(&f.c);
}
