// SPDX-License-Identifier: MIT
/* What was on a device's DRAM channel. */
#include <errno.h>
#include <string.h>

#include "deltahop_model.h"
#include "execute/backend.h"

static int not_here(const struct dh_device *device, const char *what, struct dh_error *err)
{
	dh_error_set(err,
		     "%s: %s is what the embedded device alone tells: give --device embedded or "
		     "embedded:OPTION=VALUE,...",
		     device->name, what);
	return -EOPNOTSUPP;
}

int dh_device_trace_dram(struct dh_device *device, const char *path, struct dh_error *err)
{
	int ret;

	if (!device->backend->trace_dram)
		return not_here(device, "a trace of the DRAM channel", err);
	ret = device->backend->trace_dram(device, path);
	if (ret)
		dh_error_set(err, "%s: the trace of the DRAM channel cannot be written: %s",
			     path ? path : device->name, strerror(-ret));
	return ret;
}

int dh_device_dram(struct dh_device *device, struct dh_dram_report *report, struct dh_error *err)
{
	struct dh_dram_report full = { .size = report->size };
	struct dh_dram_counts counts;

	if (report->size < sizeof(report->size)) {
		dh_error_set(err, "dh_device_dram: the structure's size is not set");
		return -EINVAL;
	}
	if (!device->backend->dram_counts)
		return not_here(device, "what was on the DRAM channel", err);
	device->backend->dram_counts(device, &counts);
	full.bursts = counts.bursts;
	full.bytes_read = counts.bytes_read;
	full.bytes_written = counts.bytes_written;
	full.reads = counts.reads;
	full.writes = counts.writes;
	full.hits = counts.hits;
	full.misses = counts.misses;
	full.conflicts = counts.conflicts;
	full.refreshes = counts.refreshes;
	full.peak = counts.peak;
	memcpy(report, &full, report->size < sizeof(full) ? report->size : sizeof(full));
	return 0;
}
