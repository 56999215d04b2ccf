/* SPDX-License-Identifier: MIT */
/*
 * What `deltahop run` says of the DRAM channel.
 */
#ifndef DELTAHOP_TOOL_DRAM_H
#define DELTAHOP_TOOL_DRAM_H

#include <jansson.h>

#include "deltahop.h"

/** dram_print() - a line on the channel, with dram=ddr, and one on energy; @sum: of all jobs */
void dram_print(struct dh_device *device, const struct dh_device_info *info,
		const struct dh_report *sum);

/** dram_json() - the same; null with dram=simple or a device that does not tell */
json_t *dram_json(struct dh_device *device, const struct dh_device_info *info,
		  const struct dh_report *sum);

#endif /* DELTAHOP_TOOL_DRAM_H */
