// SPDX-License-Identifier: MIT
/* Units: what they cost alone, and what the other engine makes of it. */
#include "deltahop_internal.h"

static enum dh_channel channel_of(const struct dh_ring *ring, uint32_t region)
{
	return dh_memory_channel(&ring->memory, region) == &ring->model->config.dram
		       ? DH_CHANNEL_DRAM
		       : DH_CHANNEL_LINK;
}

void dh_unit_beats(struct dh_unit *unit, const struct dh_ring *ring, uint32_t region,
		   uint64_t beats)
{
	unit->busy[channel_of(ring, region)] += beats * dh_memory_channel(&ring->memory, region)->n;
}

void dh_unit_transfer(struct dh_unit *unit, const struct dh_ring *ring, uint32_t region,
		      uint64_t bytes)
{
	uint32_t beat_bytes = ring->model->config.beat_bytes;

	unit->cycles +=
		dh_timing_transfer(dh_memory_channel(&ring->memory, region), beat_bytes, bytes);
	dh_unit_beats(unit, ring, region, bytes / beat_bytes + !!(bytes % beat_bytes));
}
