/* SPDX-License-Identifier: MIT */
/*
 * A DRAM channel command by command (dram=ddr): banks with open rows, refresh, the direction of the
 * data bus; see the chapter on DRAM in Documentation/hardware-dram.rst. Time is counted in ticks of
 * the DRAM's clock. It knows nothing of engines, jobs and memory contents.
 */
#ifndef DELTAHOP_DDR_H
#define DELTAHOP_DDR_H

#include <stdbool.h>
#include <stdint.h>

#define DH_DDR_MAX_BANKS 16
/* How many ticks before the column command in front a row may be opened. */
#define DH_DDR_AHEAD 128
/* Ticks of which is known whether they have a command. */
#define DH_DDR_SLOT_WORDS 8

/**
 * struct dh_ddr_part - what is on the channel; times in ticks
 * @name: for properties and reports
 * @tick_ps: length of a tick in picoseconds
 * @bytes: of a burst
 * @burst: ticks that its data take
 * @banks: of them, a power of two
 * @row_bytes: of a row of a bank, a power of two
 * @rows: of a bank, a power of two
 * @cl: read command to first data
 * @cwl: write command to first data
 * @turn: gap on the data bus between read and write data
 * @rcd: activate to read or write
 * @rp: precharge to activate
 * @rpa: precharge of all banks to refresh
 * @ras: activate to precharge
 * @rc: activate to activate of the bank
 * @rrd: activate to activate of another bank
 * @faw: in which there are at most four activates
 * @ccd: column command to column command
 * @wr: last write data to precharge
 * @wtr: last write data to read
 * @rtp: read to precharge
 * @refi: refresh to refresh
 * @rfc: refresh to activate
 * @activate_slots: ticks that a command takes on the command bus: activate
 * @column_slots: read, write
 * @other_slots: precharge, refresh
 * @activate_fj: energy of an activate and its precharge
 * @read_fj: of a read burst
 * @write_fj: of a write burst
 * @refresh_fj: of a refresh
 * @background_uw: power while nothing happens
 */
struct dh_ddr_part {
	const char *name;
	uint32_t tick_ps;
	uint32_t bytes;
	uint32_t burst;
	uint32_t banks;
	uint32_t row_bytes;
	uint32_t rows;
	uint32_t cl;
	uint32_t cwl;
	uint32_t turn;
	uint32_t rcd;
	uint32_t rp;
	uint32_t rpa;
	uint32_t ras;
	uint32_t rc;
	uint32_t rrd;
	uint32_t faw;
	uint32_t ccd;
	uint32_t wr;
	uint32_t wtr;
	uint32_t rtp;
	uint32_t refi;
	uint32_t rfc;
	uint32_t activate_slots;
	uint32_t column_slots;
	uint32_t other_slots;
	uint32_t activate_fj;
	uint32_t read_fj;
	uint32_t write_fj;
	uint32_t refresh_fj;
	uint32_t background_uw;
};

/** dh_ddr_part() - part number @number, from 1 on, or NULL */
const struct dh_ddr_part *dh_ddr_part(uint32_t number);

/** enum dh_ddr_command - on the command bus */
enum dh_ddr_command {
	DH_DDR_ACTIVATE,
	DH_DDR_PRECHARGE,
	DH_DDR_PRECHARGE_ALL,
	DH_DDR_READ,
	DH_DDR_WRITE,
	DH_DDR_REFRESH,
};

/**
 * struct dh_ddr_bank - what may happen when
 * @open: a row is open
 * @row: which
 * @activate: earliest tick of the next activate
 * @precharge: of the next precharge
 * @column: of the next read or write
 */
struct dh_ddr_bank {
	bool open;
	uint64_t row;
	uint64_t activate;
	uint64_t precharge;
	uint64_t column;
};

/**
 * struct dh_ddr_counts - since power-up
 * @hits: bursts whose row was open
 * @misses: whose bank was closed
 * @conflicts: whose bank had another row open
 */
struct dh_ddr_counts {
	uint64_t reads;
	uint64_t writes;
	uint64_t hits;
	uint64_t misses;
	uint64_t conflicts;
	uint64_t refreshes;
};

/**
 * struct dh_ddr - the channel
 * @activate: earliest tick of the next activate of any bank
 * @window: the same, by the last four activates; the oldest is at @oldest
 * @read: earliest tick of the next read
 * @write: of the next write
 * @column: the last column command
 * @due: when the next refresh is
 * @slots: which ticks from @slots_from on have a command
 * @issue: optional: told of every command
 */
struct dh_ddr {
	const struct dh_ddr_part *part;
	struct dh_ddr_bank bank[DH_DDR_MAX_BANKS];
	uint64_t activate;
	uint64_t window[4];
	uint32_t oldest;
	uint64_t read;
	uint64_t write;
	uint64_t column;
	uint64_t due;
	uint64_t slots[DH_DDR_SLOT_WORDS];
	uint64_t slots_from;
	struct dh_ddr_counts counts;
	void (*issue)(void *opaque, uint64_t tick, enum dh_ddr_command command, uint32_t bank,
		      uint64_t row);
	void *opaque;
};

/** dh_ddr_init() - at tick 0, all banks closed, the first refresh tREFI later */
void dh_ddr_init(struct dh_ddr *ddr, const struct dh_ddr_part *part);

/**
 * struct dh_ddr_done - a burst that has been served
 * @tick: its data have been on the bus
 * @activated: a row was opened for it
 */
struct dh_ddr_done {
	uint64_t tick;
	bool activated;
};

/**
 * dh_ddr_access() - one burst of the DRAM, after those before it
 * @arrival: tick from which on there may be commands for it
 * @addr: any byte of it; modulo what the part holds
 */
struct dh_ddr_done dh_ddr_access(struct dh_ddr *ddr, uint64_t arrival, uint64_t addr, bool write);

#endif /* DELTAHOP_DDR_H */
