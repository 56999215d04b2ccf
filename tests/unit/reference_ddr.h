/* SPDX-License-Identifier: MIT */
/*
 * A DRAM channel once more, from the standards' tables and by trial: a command is tried tick by tick
 * until no rule between it and any command before it is broken. Shares nothing with the model.
 */
#ifndef DELTAHOP_REFERENCE_DDR_H
#define DELTAHOP_REFERENCE_DDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ref_ddr_kind { REF_ACT, REF_PRE, REF_PREA, REF_RD, REF_WR, REF_REF };

struct ref_ddr_command {
	uint64_t tick;
	enum ref_ddr_kind kind;
	uint32_t bank;
	uint64_t row;
};

/** struct ref_ddr_row - a row of a bank, if one is open */
struct ref_ddr_row {
	bool open;
	uint64_t row;
};

/**
 * struct ref_ddr - the channel
 * @part: index of its name
 * @log: all commands
 * @count: how many
 */
struct ref_ddr {
	const struct ref_ddr_part *part;
	struct ref_ddr_row bank[8];
	uint64_t due;
	struct ref_ddr_command *log;
	size_t count;
	size_t room;
	uint64_t hits;
	uint64_t misses;
	uint64_t conflicts;
	uint64_t refreshes;
};

/** ref_ddr_init() - @name: as of the device; false: no such part */
bool ref_ddr_init(struct ref_ddr *ddr, const char *name);
void ref_ddr_fini(struct ref_ddr *ddr);

/** ref_ddr_burst_bytes() - of a burst */
uint32_t ref_ddr_burst_bytes(const struct ref_ddr *ddr);

/** ref_ddr_tick_ps() - of a tick */
uint32_t ref_ddr_tick_ps(const struct ref_ddr *ddr);

/** ref_ddr_access() - tick at which the burst's data have been on the bus */
uint64_t ref_ddr_access(struct ref_ddr *ddr, uint64_t arrival, uint64_t addr, bool write);

/** ref_ddr_broken() - a sentence on the first rule that a command breaks after those in the log, or NULL */
const char *ref_ddr_broken(const struct ref_ddr *ddr, const struct ref_ddr_command *command);

/** ref_ddr_note() - append a command to the log */
void ref_ddr_note(struct ref_ddr *ddr, const struct ref_ddr_command *command);

#endif /* DELTAHOP_REFERENCE_DDR_H */
