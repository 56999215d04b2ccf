// SPDX-License-Identifier: MIT
/*
 * Bursts of the engines on the DRAM channel: cut at device pages, turned into bursts of the DRAM, and
 * back into beats in engine cycles. Cycle n of the device begins n / clock seconds after time 0, tick
 * m of the DRAM m * tick later; both are whole numbers, and each conversion rounds up.
 */
#include <string.h>

#include "deltahop_internal.h"

#define PAGE	  DELTAHOP_PAGE_SIZE
#define PS_PER_MS 1000000000ULL
#define KHZ	  1000

/**
 * struct flow - a burst under way
 * @begun: there has been a beat
 * @beat: cycle of the last one
 * @rest: bytes of the beat that is not whole yet
 * @moved: bytes of the pieces before
 * @over: cycles in which the last two pieces were handed over: no more are read ahead
 * @ready: cycle in which the last data were there
 */
struct flow {
	struct dh_port *port;
	const struct dh_burst *burst;
	struct dh_beats *beats;
	bool begun;
	uint64_t beat;
	uint64_t rest;
	uint64_t moved;
	uint64_t over[2];
	uint64_t ready;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* @value * @by / @of, rounded up; the remainder of @value by @of times @by has 64 bits. */
static uint64_t scale(uint64_t value, uint64_t by, uint64_t of)
{
	return value / of * by + (value % of * by + of - 1) / of;
}

static uint64_t tick_of(const struct dh_dram *dram, uint64_t cycle)
{
	return scale(cycle, dram->ticks, dram->cycles);
}

static uint64_t cycle_of(const struct dh_dram *dram, uint64_t tick)
{
	return scale(tick, dram->cycles, dram->ticks);
}

/* ---- the channel ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint32_t given_or(uint32_t given, uint32_t part)
{
	return given ? given : part;
}

void dh_dram_init(struct dh_dram *dram, const struct dh_config *config)
{
	const struct dh_ddr_part *part = dh_ddr_part(config->dram_part);
	uint64_t divisor, cycles;

	memset(dram, 0, sizeof(*dram));
	if (!part)
		return;
	dram->detailed = true;
	dram->energy = (struct dh_dram_energy){
		.activate_fj = given_or(config->dram_energy.activate_fj, part->activate_fj),
		.read_fj = given_or(config->dram_energy.read_fj, part->read_fj),
		.write_fj = given_or(config->dram_energy.write_fj, part->write_fj),
		.refresh_fj = given_or(config->dram_energy.refresh_fj, part->refresh_fj),
		.background_uw = given_or(config->dram_energy.background_uw, part->background_uw),
	};
	cycles = (uint64_t)config->clock_hz / KHZ * part->tick_ps;
	divisor = common_divisor(PS_PER_MS, cycles);
	dram->ticks = PS_PER_MS / divisor;
	dram->cycles = cycles / divisor;
	dh_ddr_init(&dram->ddr, part);
}

void dh_dram_reset(struct dh_dram *dram)
{
	dram->holder = 0;
	dram->free = 0;
}

uint64_t dh_dram_standby_fj(const struct dh_dram *dram, uint64_t cycles)
{
	const struct dh_ddr_part *part = dram->ddr.part;
	uint64_t ticks;

	if (!dram->detailed)
		return 0;
	ticks = tick_of(dram, cycles);
	/* A microwatt is a femtojoule a nanosecond. */
	return scale(ticks, dram->energy.refresh_fj, part->refi) +
	       scale(ticks, (uint64_t)dram->energy.background_uw * part->tick_ps, 1000);
}

/* ---- beats ---- */

/* Hand over @count beats, the first of them not before @ready. */
static void hand_over(struct flow *flow, uint64_t count, uint64_t ready)
{
	uint64_t first =
		later(ready, flow->begun ? flow->beat + flow->burst->step : flow->beats->first);

	if (!count)
		return;
	if (!flow->begun)
		flow->beats->first = first;
	flow->begun = true;
	flow->beat = first + (count - 1) * flow->burst->step;
}

/* Cycle in which the beat leaves the engine that has byte @number of the burst. */
static uint64_t leaves(const struct flow *flow, uint64_t number)
{
	return flow->burst->accept + number / flow->port->config->beat_bytes * flow->burst->step;
}

/* ---- bursts of the DRAM ---- */

/* @cycle: in which it may be asked for, at the earliest */
static void access(struct flow *flow, uint64_t cycle, uint64_t addr, uint64_t bytes)
{
	struct dh_port *port = flow->port;
	struct dh_dram *dram = port->dram;
	bool write = flow->burst->write;
	struct dh_ddr_done done;

	done = dh_ddr_access(&dram->ddr, tick_of(dram, port->origin + cycle), addr, write);
	dram->free = cycle_of(dram, done.tick);
	flow->ready = dram->free - port->origin + port->config->dram.l + 1;
	port->energy_fj += (done.activated ? dram->energy.activate_fj : 0) +
			   (write ? dram->energy.write_fj : dram->energy.read_fj);
	if (write)
		return;
	flow->rest += bytes;
	hand_over(flow, flow->rest / port->config->beat_bytes, flow->ready);
	flow->rest %= port->config->beat_bytes;
}

static void access_piece(struct flow *flow, uint64_t cycle, uint64_t addr, uint64_t bytes)
{
	uint32_t burst = flow->port->dram->ddr.part->bytes;
	uint64_t done = flow->moved;

	for (uint64_t some; bytes; addr += some, bytes -= some) {
		some = burst - addr % burst;
		if (some > bytes)
			some = bytes;
		done += some;
		if (flow->burst->write)
			cycle = leaves(flow, done - 1);
		access(flow, cycle, addr, some);
	}
	flow->over[0] = flow->over[1];
	flow->over[1] = flow->beat;
}

/* A piece within a page. */
static void move_piece(struct flow *flow, uint64_t addr, uint64_t bytes)
{
	struct dh_dram *dram = flow->port->dram;
	bool write = flow->burst->write;
	uint64_t cycle = write ? leaves(flow, flow->moved)
			       : later(flow->burst->accept, flow->over[0]);

	dram->counts.bursts++;
	if (write)
		dram->counts.bytes_written += bytes;
	else
		dram->counts.bytes_read += bytes;
	if (dram->trace)
		dram->trace(dram->trace_opaque, flow->port->ring, flow->port->origin + cycle, addr,
			    bytes, write);
	if (dram->detailed)
		access_piece(flow, cycle, addr, bytes);
	flow->moved += bytes;
}

/* What lies nowhere is not moved: the access itself will fault. */
static void move_extent(struct flow *flow, const struct dh_extent *extent)
{
	uint64_t offset = extent->offset, bytes = extent->bytes, addr, piece;

	for (; bytes; offset += piece, bytes -= piece) {
		if (!dh_memory_place(flow->port->memory, extent->region, offset, bytes, &addr,
				     &piece))
			return;
		if (piece > PAGE - addr % PAGE)
			piece = PAGE - addr % PAGE;
		move_piece(flow, addr, piece);
	}
}

/* The other ring keeps the channel until what it asked for before is over. */
static void take_turn(struct dh_port *port, const struct dh_burst *burst)
{
	struct dh_dram *dram = port->dram;
	uint64_t cycle = port->origin + burst->accept;

	if (dram->holder != port->ring && dram->free > cycle) {
		port->wait += dram->free - cycle;
		port->origin += dram->free - cycle;
	}
	dram->holder = port->ring;
}

void dh_port_burst(struct dh_port *port, const struct dh_burst *burst, struct dh_beats *beats)
{
	struct flow flow = { .port = port, .burst = burst, .beats = beats };

	if (port->dram->detailed)
		take_turn(port, burst);
	move_extent(&flow, &burst->extent[0]);
	move_extent(&flow, &burst->extent[1]);
	if (flow.rest)
		hand_over(&flow, 1, flow.ready);
	beats->last = later(beats->last, burst->write ? flow.ready : flow.beat);
}

/* ---- columns ---- */

void dh_port_columns(struct dh_port *port, uint32_t region, uint64_t offset, uint32_t slot,
		     uint32_t bytes)
{
	port->region = region;
	port->offset = offset;
	port->slot = slot;
	port->bytes = bytes;
}

void dh_port_column(struct dh_port *port, uint32_t slot, uint64_t accept, uint64_t step,
		    struct dh_beats *beats)
{
	uint64_t way = (uint64_t)(slot - port->slot) * port->bytes;
	struct dh_burst burst = {
		.extent[0] = { port->region, port->offset + way, port->bytes },
		.accept = accept,
		.step = step,
	};

	if (way <= UINT64_MAX - port->offset)
		dh_port_burst(port, &burst, beats);
}
