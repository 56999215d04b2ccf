// SPDX-License-Identifier: MIT
/*
 * A whole application on bare ioctls, without any library: one GRU layer of 16 units, 4 steps.
 *
 *	cc raw-ioctl.c -o raw-ioctl && ./raw-ioctl [/dev/accel/accelN]
 *
 * Weights and inputs are made up. The way: buffer, context, bindings, state, submit, wait.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/deltahop_accel.h>

#define INPUTS 8
#define HIDDEN 16
#define STEPS  4

/* One buffer holds it all; every region begins on a page of its own. */
enum { COMMANDS, WEIGHTS, PARAMS, INPUT, OUTPUT, REGIONS };
#define PAGE 4096u

struct commands {
	struct deltahop_cmd_rnn_layer layer;
	struct deltahop_cmd_rnn_run run;
	struct deltahop_cmd end;
};

static void check(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "raw-ioctl: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void call(int fd, unsigned long request, void *arg, const char *what)
{
	while (ioctl(fd, request, arg))
		if (errno != EINTR && errno != EAGAIN)
			check(-1, what);
}

/* Layer slot 0: weights from region WEIGHTS, state at the start of the image; then run it. */
static void write_commands(struct commands *c)
{
	*c = (struct commands) {
		.layer = {
			.hdr = { htole16(DELTAHOP_OP_RNN_LAYER), htole16(sizeof(c->layer)), 0 },
			.cell = DELTAHOP_CELL_GRU,
			.inputs = htole16(INPUTS),
			.hidden = htole16(HIDDEN),
			.weight_frac = { 7, 7, 7, 0 },	/* a weight is value / 128 */
			.weight_region = htole32(WEIGHTS),
		},
		.run = {
			.hdr = { htole16(DELTAHOP_OP_RNN_RUN), htole16(sizeof(c->run)), 0 },
			.count = 1,
			.params_region = htole32(PARAMS),
			.input_region = htole32(INPUT),
			.output_region = htole32(OUTPUT),
		},
		.end = { htole16(DELTAHOP_OP_END), htole16(sizeof(c->end)), 0 },
	};
}

/* Thresholds of 8/256: what moved by less since it was last sent is not fetched. */
static void write_params(struct deltahop_rnn_params *p)
{
	*p = (struct deltahop_rnn_params){
		.size = htole32(sizeof(*p)),
		.steps = htole32(STEPS),
		.input_stride = htole32(INPUTS * sizeof(int16_t)),
		.output_stride = htole32(HIDDEN * sizeof(int16_t)),
		.theta = { { htole16(8), htole16(8) } },
	};
}

/* Columns: bias, x[0..7], h[0..15]; in each the rows of the gates r, u, c. */
static void write_data(int8_t *weights, int16_t *input)
{
	int column, row, i;

	for (column = 0; column < 1 + INPUTS + HIDDEN; column++)
		for (row = 0; row < 3 * HIDDEN; row++)
			*weights++ = (column * 31 + row * 17) % 65 - 32;
	for (i = 0; i < STEPS * INPUTS; i++)
		input[i] = htole16((i * 91) % 512 - 256); /* Q8.8: -1.0 .. 1.0 */
}

static uint32_t bind_regions(int fd, uint32_t buffer)
{
	struct drm_deltahop_binding regions[REGIONS];
	struct drm_deltahop_bindings_create create = {
		.bindings = (uintptr_t)regions,
		.count = REGIONS,
		.stride = sizeof(regions[0]),
	};
	int i;

	for (i = 0; i < REGIONS; i++)
		regions[i] = (struct drm_deltahop_binding){
			.handle = buffer,
			.flags = i == OUTPUT ? DRM_DELTAHOP_BIND_WRITE : DRM_DELTAHOP_BIND_READ,
			.offset = i * PAGE,
			.size = PAGE,
		};
	call(fd, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, &create, "binding regions");
	return create.handle;
}

/* Submit one job, wait for it, and return its record. */
static struct deltahop_record run(int fd, uint32_t ctx, uint32_t bindings, uint32_t state)
{
	struct drm_deltahop_job job = {
		.engine = DELTAHOP_ENGINE_RNN,
		.bindings = bindings,
		.state = state,
		.cmd_size = sizeof(struct commands),
		.cmd_region = COMMANDS,
		.profile_region = ~0u,
	};
	struct drm_deltahop_submit submit = {
		.ctx = ctx,
		.jobs = (uintptr_t)&job,
		.count = 1,
		.stride = sizeof(job),
	};
	struct drm_deltahop_wait wait = { .ctx = ctx, .timeout_ns = INT64_MAX };

	call(fd, DRM_IOCTL_DELTAHOP_SUBMIT, &submit, "submit");
	wait.seqno = job.seqno;
	while (ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &wait) && errno == EINTR)
		;
	return wait.record; /* says more than the return value */
}

static void print_output(const int16_t *output)
{
	int step, unit;

	for (step = 0; step < STEPS; step++) {
		printf("y[%d] =", step);
		for (unit = 0; unit < HIDDEN; unit++)
			printf(" %d", (int16_t)le16toh(output[step * HIDDEN + unit]));
		putchar('\n');
	}
}

static void print_record(const struct deltahop_record *r)
{
	const unsigned long long done = le64toh(r->work_done), skipped = le64toh(r->work_skipped);
	const unsigned long long cycles = le64toh(r->cycles), steps = le64toh(r->step_cycles);

	printf("status %u reason %u\n", le16toh(r->status), le16toh(r->reason));
	printf("cycles %llu in steps %llu\n", cycles, steps);
	printf("work done %llu skipped %llu\n", done, skipped);
}

int main(int argc, char **argv)
{
	struct drm_deltahop_bo_create buffer = { .size = REGIONS * PAGE };
	struct drm_deltahop_ctx_create ctx = { .priority = DRM_DELTAHOP_PRIORITY_MEDIUM };
	struct drm_deltahop_state_create state = { .size = DELTAHOP_RNN_STATE_GRU(INPUTS, HIDDEN) };
	struct deltahop_record record;
	uint32_t bindings;
	uint8_t *map;
	int fd;

	fd = open(argc > 1 ? argv[1] : "/dev/accel/accel0", O_RDWR | O_CLOEXEC);
	check(fd, argc > 1 ? argv[1] : "/dev/accel/accel0");
	call(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, &buffer, "making a buffer");
	map = mmap(NULL, buffer.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, buffer.mmap_offset);
	check(map == MAP_FAILED ? -1 : 0, "mapping the buffer");
	write_commands((void *)(map + COMMANDS * PAGE));
	write_params((void *)(map + PARAMS * PAGE));
	write_data((void *)(map + WEIGHTS * PAGE), (void *)(map + INPUT * PAGE));

	call(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &ctx, "making a context");
	bindings = bind_regions(fd, buffer.handle);
	state.ctx = ctx.id;
	call(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, &state, "making a state");
	record = run(fd, ctx.id, bindings, state.handle);

	print_output((void *)(map + OUTPUT * PAGE));
	print_record(&record);
	munmap(map, buffer.size);
	close(fd); /* and with it all the rest */
	return le16toh(record.status) == DELTAHOP_STATUS_OK ? 0 : 1;
}
