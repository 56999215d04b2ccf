// SPDX-License-Identifier: MIT
/* Units: what they cost alone, and what the other engine makes of it. */
#include "deltahop_internal.h"

static enum dh_channel channel_of(const struct dh_ring *ring, uint32_t region)
{
	return dh_memory_channel(&ring->memory, region) == &ring->model->config.dram
		       ? DH_CHANNEL_DRAM
		       : DH_CHANNEL_LINK;
}

/* With dram=ddr it is the port that knows how long the channel is busy. */
void dh_unit_beats(struct dh_unit *unit, const struct dh_ring *ring, uint32_t region,
		   uint64_t beats)
{
	enum dh_channel channel = channel_of(ring, region);

	if (channel == DH_CHANNEL_DRAM && ring->model->dram.detailed)
		return;
	unit->busy[channel] += beats * dh_memory_channel(&ring->memory, region)->n;
}

void dh_unit_place(const struct dh_unit *unit, struct dh_ring *ring, uint64_t cycles)
{
	if (!ring->memory.port)
		return;
	ring->port.origin = dh_ring_cycle(ring) + unit->cycles + unit->wait + cycles;
	ring->port.wait = 0;
}

void dh_unit_settle(struct dh_unit *unit, struct dh_ring *ring)
{
	unit->wait += ring->port.wait;
	ring->port.wait = 0;
}

/* Cycles of the burst at a port; @alone: those of a memory that does not care where it goes. */
static uint64_t through_port(struct dh_unit *unit, struct dh_ring *ring, struct dh_burst *burst,
			     uint64_t alone)
{
	const struct dh_memory_timing *memory = &ring->model->config.dram;
	struct dh_beats beats = { .first = memory->n ? (uint64_t)memory->l + 1 : 0,
				  .last = alone - 1 };

	burst->step = memory->n ? memory->n : 1;
	dh_unit_place(unit, ring, 0);
	dh_port_burst(&ring->port, burst, &beats);
	dh_unit_settle(unit, ring);
	return beats.last + 1;
}

static void transfer(struct dh_unit *unit, struct dh_ring *ring, struct dh_burst *burst)
{
	uint32_t beat_bytes = ring->model->config.beat_bytes, region = burst->extent[0].region;
	uint64_t bytes = burst->extent[0].bytes + burst->extent[1].bytes;
	uint64_t cycles =
		dh_timing_transfer(dh_memory_channel(&ring->memory, region), beat_bytes, bytes);

	if (cycles && dh_memory_port(&ring->memory, region))
		cycles = through_port(unit, ring, burst, cycles);
	unit->cycles += cycles;
	dh_unit_beats(unit, ring, region, bytes / beat_bytes + !!(bytes % beat_bytes));
}

void dh_unit_read(struct dh_unit *unit, struct dh_ring *ring, uint32_t region, uint64_t offset,
		  uint64_t bytes)
{
	struct dh_burst burst = { .extent[0] = { region, offset, bytes } };

	transfer(unit, ring, &burst);
}

void dh_unit_write(struct dh_unit *unit, struct dh_ring *ring, uint32_t region, uint64_t offset,
		   uint64_t bytes)
{
	struct dh_burst burst = { .extent[0] = { region, offset, bytes }, .write = true };

	transfer(unit, ring, &burst);
}

void dh_unit_read_both(struct dh_unit *unit, struct dh_ring *ring, const struct dh_extent *first,
		       const struct dh_extent *second)
{
	struct dh_burst burst = { .extent = { *first, *second } };

	transfer(unit, ring, &burst);
}

void dh_unit_overlap(struct dh_unit *unit, uint64_t cycles)
{
	uint64_t slack = cycles > unit->cycles ? cycles - unit->cycles : 0;

	unit->cycles += slack;
	unit->wait -= unit->wait < slack ? unit->wait : slack;
}
