// SPDX-License-Identifier: MIT
/*
 * examples/raw-ioctl.c on the embedded device, its outputs against the reference.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "execute/backend.h"
#include "reference.h"

static struct dh_device *device;
static const int16_t *seen;

static int test_open(const char *path, int flags)
{
	struct dh_error err;

	(void)path;
	(void)flags;
	return dh_device_open("embedded", &device, &err) ? -1 : 1000;
}

static int test_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = device->backend->ioctl(device, request, arg);

	(void)fd;
	errno = -ret;
	return ret ? -1 : 0;
}

static void *test_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *map = device->backend->map(device, offset, size);

	(void)at;
	(void)protection;
	(void)flags;
	(void)fd;
	return map ? map : MAP_FAILED;
}

static int check_output(void);

static int test_munmap(void *map, size_t size)
{
	(void)size;
	seen = map;
	return check_output();
}

static int test_close(int fd)
{
	(void)fd;
	dh_device_close(device);
	return 0;
}

#define open   test_open
#define ioctl  test_ioctl
#define mmap   test_mmap
#define munmap test_munmap
#define close  test_close
#define main   raw_ioctl_main
#include "../../examples/raw-ioctl.c" /* NOLINT(bugprone-suspicious-include): to be tested */
#undef main

static int failures;

static int check_output(void)
{
	const uint8_t *map = (const void *)seen;
	const int16_t *input = (const void *)(map + INPUT * PAGE),
		      *output = (const void *)(map + OUTPUT * PAGE);
	struct ref_layer layer = {
		.cell = DELTAHOP_CELL_GRU,
		.inputs = INPUTS,
		.hidden = HIDDEN,
		.frac = { 7, 7, 7, 0 },
		.weights = (const int8_t *)(map + WEIGHTS * PAGE),
	};
	static struct ref_state memory;
	static struct ref_trace trace;
	int step;

	for (step = 0; step < STEPS; step++) {
		ref_step(&layer, &memory, 8, 8, input + step * INPUTS, &trace);
		if (memcmp(memory.h, output + step * HIDDEN, HIDDEN * sizeof(int16_t))) {
			fprintf(stderr, "step %d differs from the reference\n", step);
			failures++;
		}
	}
	return 0;
}

int main(void)
{
	char name[] = "raw-ioctl", *argv[] = { name, NULL };

	return raw_ioctl_main(1, argv) || failures;
}
