// SPDX-License-Identifier: MIT
/* What was on the DRAM channel, and what an operation cost. */
#include "tool/dram.h"

#include <inttypes.h>
#include <stdio.h>

#include "tool/tool.h"

/* What a talk on such accelerators named for a synaptic event, in pJ. */
#define SYNAPTIC_PJ 0.1

/* With dram=ddr on a device that tells. */
static bool get_report(struct dh_device *device, struct dh_dram_report *report)
{
	*report = (struct dh_dram_report){ .size = sizeof(*report) };
	return !dh_device_dram(device, report, NULL) && report->peak;
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / all : 0;
}

/* Bytes of the engines over what the part could have moved in the same time. */
static double efficiency(const struct dh_dram_report *report, const struct dh_device_info *info,
			 const struct dh_report *sum)
{
	double seconds = (double)sum->cycles / info->clock_hz;

	return (report->bytes_read + report->bytes_written) / (seconds * report->peak);
}

void dram_print(struct dh_device *device, const struct dh_device_info *info,
		const struct dh_report *sum)
{
	struct dh_dram_report report;
	uint64_t accesses;

	if (!get_report(device, &report) || !sum->cycles)
		return;
	accesses = report.reads + report.writes;
	printf("DRAM     %s: %.1f MB in %" PRIu64 " bursts, %.1f %% of %.2f GB/s over all the "
	       "time\n"
	       "         %.1f %% row hits, %.1f %% misses, %.1f %% conflicts, %" PRIu64
	       " refreshes\n",
	       info->dram, (report.bytes_read + report.bytes_written) * 1e-6, report.bursts,
	       100 * efficiency(&report, info, sum), report.peak * 1e-9,
	       100 * share(report.hits, accesses), 100 * share(report.misses, accesses),
	       100 * share(report.conflicts, accesses), report.refreshes);
	printf("energy   %.3f mJ, from assumed figures: %.3f pJ a multiply-accumulate done (next to "
	       "%.1f pJ told for a synaptic event), %.3f pJ an operation of the dense network\n",
	       sum->energy_pj * 1e-9, share(sum->energy_pj, sum->work_done), SYNAPTIC_PJ,
	       share(sum->energy_pj, sum->work_done + sum->work_skipped) / 2);
	printf("         (dense runs are timed with every row open)\n");
}

json_t *dram_json(struct dh_device *device, const struct dh_device_info *info,
		  const struct dh_report *sum)
{
	struct dh_dram_report report;
	json_t *json;

	if (!get_report(device, &report) || !sum->cycles)
		return json_null();
	json = json_object();
	json_add(json, "part", json_string(info->dram));
	json_add(json, "bursts", json_integer(report.bursts));
	json_add(json, "bytes_read", json_integer(report.bytes_read));
	json_add(json, "bytes_written", json_integer(report.bytes_written));
	json_add(json, "reads", json_integer(report.reads));
	json_add(json, "writes", json_integer(report.writes));
	json_add(json, "hits", json_integer(report.hits));
	json_add(json, "misses", json_integer(report.misses));
	json_add(json, "conflicts", json_integer(report.conflicts));
	json_add(json, "refreshes", json_integer(report.refreshes));
	json_add(json, "peak_bytes_s", json_integer(report.peak));
	json_add(json, "efficiency", json_real(efficiency(&report, info, sum)));
	json_add(json, "pj_per_mac_done", json_real(share(sum->energy_pj, sum->work_done)));
	json_add(json, "pj_per_dense_operation",
		 json_real(share(sum->energy_pj, sum->work_done + sum->work_skipped) / 2));
	return json;
}
