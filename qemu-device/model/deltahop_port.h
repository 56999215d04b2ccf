/* SPDX-License-Identifier: MIT */
/*
 * A ring's way to the DRAM channel: bursts with addresses, in engine cycles. It is there with
 * dram=ddr, or while bursts are traced; else the timing of a burst depends on its length alone and
 * nobody asks where it goes.
 */
#ifndef DELTAHOP_PORT_H
#define DELTAHOP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "deltahop_ddr.h"
#include "deltahop_model.h"

struct dh_ring;
struct dh_memory;

/**
 * struct dh_dram - the DRAM channel as rings see it
 * @detailed: dram=ddr
 * @ddr: the channel then
 * @energy: of the part, with what the configuration has of its own
 * @ticks: so many ticks of the DRAM ...
 * @cycles: ... are so many cycles
 * @holder: ring of the last burst
 * @free: cycle in which that is over
 * @counts: bursts of the engines
 * @trace: optional: told of every burst
 */
struct dh_dram {
	bool detailed;
	struct dh_ddr ddr;
	struct dh_dram_energy energy;
	uint64_t ticks;
	uint64_t cycles;
	unsigned int holder;
	uint64_t free;
	struct dh_dram_counts counts;
	dh_dram_trace_function *trace;
	void *trace_opaque;
};

/** dh_dram_init() - as the configuration has it */
void dh_dram_init(struct dh_dram *dram, const struct dh_config *config);

/** dh_dram_reset() - nobody has the channel */
void dh_dram_reset(struct dh_dram *dram);

/** dh_dram_standby_fj() - energy of background and refresh in so many cycles */
uint64_t dh_dram_standby_fj(const struct dh_dram *dram, uint64_t cycles);

/**
 * struct dh_port - of a ring
 * @memory: what its job can reach
 * @origin: cycle of the device from which the cycles below count
 * @bias_cycles: so much later if a layer looks at its bias
 * @wait: cycles in which the other ring had the channel, in this unit
 * @energy_fj: of the accesses of the running entry
 * @region: columns: where they are
 * @offset: column of slot @slot
 * @slot: of the first of them
 * @bytes: of a column
 */
struct dh_port {
	struct dh_dram *dram;
	const struct dh_config *config;
	struct dh_memory *memory;
	unsigned int ring;
	uint64_t origin;
	uint32_t bias_cycles;
	uint64_t wait;
	uint64_t energy_fj;
	uint32_t region;
	uint64_t offset;
	uint32_t slot;
	uint32_t bytes;
};

/** struct dh_beats - cycles of the first and of the last beat of a burst */
struct dh_beats {
	uint64_t first;
	uint64_t last;
};

/**
 * struct dh_extent - bytes in a region; DELTAHOP_REGION_NONE: @offset is an address
 */
struct dh_extent {
	uint32_t region;
	uint64_t offset;
	uint64_t bytes;
};

/**
 * struct dh_burst - what an engine asks for at once
 * @extent: one, or two that follow each other; the second may be empty
 * @accept: cycle in which the channel takes it
 * @step: least cycles from beat to beat
 */
struct dh_burst {
	struct dh_extent extent[2];
	bool write;
	uint64_t accept;
	uint64_t step;
};

/**
 * dh_port_burst() - a burst on the channel
 * @beats: in: with a memory whose every row is open; out: with this one
 */
void dh_port_burst(struct dh_port *port, const struct dh_burst *burst, struct dh_beats *beats);

/** dh_port_columns() - from here on, columns of @bytes, that of slot @slot at @offset */
void dh_port_columns(struct dh_port *port, uint32_t region, uint64_t offset, uint32_t slot,
		     uint32_t bytes);

/** dh_port_column() - the column of a slot, accepted in cycle @accept; @beats as above */
void dh_port_column(struct dh_port *port, uint32_t slot, uint64_t accept, uint64_t step,
		    struct dh_beats *beats);

#endif /* DELTAHOP_PORT_H */
