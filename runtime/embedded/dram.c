// SPDX-License-Identifier: MIT
/* The embedded device's DRAM channel: what was on it, and a file with every burst. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "embedded/embedded.h"

static void write_burst(void *opaque, unsigned int ring, uint64_t cycle, uint64_t addr,
			uint32_t bytes, bool write)
{
	struct embedded *dev = opaque;

	(void)ring;
	fprintf(dev->dram_trace, "%" PRIu64 " 0x%" PRIx64 " %" PRIu32 " %s\n", cycle, addr, bytes,
		write ? "write" : "read");
}

int dh_embedded_trace_end(struct embedded *dev)
{
	FILE *file = dev->dram_trace;
	bool failed;

	if (!file)
		return 0;
	dh_set_dram_trace(dev->model, NULL, NULL);
	dev->dram_trace = NULL;
	failed = ferror(file);
	errno = 0;
	failed |= fclose(file) != 0;
	if (failed)
		return errno ? -errno : -EIO;
	return 0;
}

int dh_embedded_trace_dram(struct dh_device *device, const char *path)
{
	struct embedded *dev = (struct embedded *)device;
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = dh_embedded_trace_end(dev);
	if (!ret && path) {
		dev->dram_trace = fopen(path, "we");
		if (dev->dram_trace)
			dh_set_dram_trace(dev->model, write_burst, dev);
		else
			ret = -errno;
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

void dh_embedded_dram_counts(struct dh_device *device, struct dh_dram_counts *counts)
{
	struct embedded *dev = (struct embedded *)device;

	pthread_mutex_lock(&dev->lock);
	dh_model_dram(dev->model, counts);
	pthread_mutex_unlock(&dev->lock);
}
