// SPDX-License-Identifier: MIT
/* The reference of the DRAM channel: rules between pairs of commands, and the first tick that fits. */
#include "reference_ddr.h"

#include <stdlib.h>
#include <string.h>

#define LONG_AGO 2000 /* ticks after which no command matters any more */
#define AHEAD	 128

/**
 * struct ref_ddr_part - times in picoseconds and ticks, as the tables have them
 * @rl: ticks from read to data, without @dqsck
 * @wl: from write to data, without @dqss
 * @gap: ticks that write data must keep from read data
 */
struct ref_ddr_part {
	const char *name;
	uint32_t tick, bytes, data, page, rows;
	uint32_t rl, dqsck, wl, dqss, gap, ccd;
	uint32_t rcd, rp, rp_all, ras, rc, rrd, rrd_ticks, faw, wr, wtr, wtr_ticks, rtp, rtp_ticks;
	uint32_t refi, rfc;
	uint32_t long_command, short_command;
};

static const struct ref_ddr_part parts[] = {
	{ "ddr3l-1066-x16",
	  1875,
	  16,
	  4,
	  2048,
	  1 << 15,
	  7,
	  0,
	  6,
	  0,
	  2,
	  4,
	  13125,
	  13125,
	  13125,
	  35000,
	  48750,
	  7500,
	  4,
	  40000,
	  15000,
	  7500,
	  4,
	  7500,
	  4,
	  7800000,
	  260000,
	  1,
	  1 },
	{ "ddr3-1066-x32",
	  1875,
	  32,
	  4,
	  4096,
	  1 << 15,
	  7,
	  0,
	  6,
	  0,
	  2,
	  4,
	  13125,
	  13125,
	  13125,
	  37500,
	  50625,
	  10000,
	  4,
	  50000,
	  15000,
	  7500,
	  4,
	  7500,
	  4,
	  7800000,
	  260000,
	  1,
	  1 },
	{ "lpddr4-3200-x32",
	  625,
	  64,
	  8,
	  4096,
	  1 << 15,
	  28,
	  3500,
	  14,
	  1,
	  3,
	  8,
	  18000,
	  18000,
	  21000,
	  42000,
	  60000,
	  10000,
	  4,
	  40000,
	  18000,
	  10000,
	  8,
	  7500,
	  8,
	  3904000,
	  180000,
	  4,
	  2 },
};

bool ref_ddr_init(struct ref_ddr *ddr, const char *name)
{
	memset(ddr, 0, sizeof(*ddr));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!strcmp(parts[i].name, name))
			ddr->part = &parts[i];
	}
	if (ddr->part)
		ddr->due = ddr->part->refi / ddr->part->tick;
	return ddr->part;
}

void ref_ddr_fini(struct ref_ddr *ddr)
{
	free(ddr->log);
}

uint32_t ref_ddr_burst_bytes(const struct ref_ddr *ddr)
{
	return ddr->part->bytes;
}

uint32_t ref_ddr_tick_ps(const struct ref_ddr *ddr)
{
	return ddr->part->tick;
}

/* ---- rules ---- */

static uint32_t ticks(const struct ref_ddr_part *part, uint32_t ps, uint32_t least)
{
	uint32_t whole = ps / part->tick + (ps % part->tick ? 1 : 0);

	return whole > least ? whole : least;
}

static bool is_column(enum ref_ddr_kind kind)
{
	return kind == REF_RD || kind == REF_WR;
}

static uint32_t write_end(const struct ref_ddr_part *part)
{
	return part->wl + part->dqss + part->data;
}

static uint32_t read_delay(const struct ref_ddr_part *part)
{
	return part->rl + ticks(part, part->dqsck, 0);
}

/* From one column command to another. */
static uint32_t column_gap(const struct ref_ddr_part *part, enum ref_ddr_kind a,
			   enum ref_ddr_kind b)
{
	if (a == b)
		return part->ccd;
	if (a == REF_WR)
		return write_end(part) + ticks(part, part->wtr, part->wtr_ticks);
	return read_delay(part) + part->data + part->gap - part->wl - part->dqss;
}

/* Until the bank may be closed. */
static uint32_t close_gap(const struct ref_ddr_part *part, enum ref_ddr_kind a)
{
	switch (a) {
	case REF_ACT:
		return ticks(part, part->ras, 0);
	case REF_RD:
		return ticks(part, part->rtp, part->rtp_ticks);
	case REF_WR:
		return write_end(part) + ticks(part, part->wr, 0);
	default:
		return 0;
	}
}

static uint32_t activate_gap(const struct ref_ddr_part *part, enum ref_ddr_kind a, bool same)
{
	switch (a) {
	case REF_ACT:
		return same ? ticks(part, part->rc, 0) : ticks(part, part->rrd, part->rrd_ticks);
	case REF_PRE:
		return same ? ticks(part, part->rp, 0) : 0;
	case REF_PREA:
		return ticks(part, part->rp_all, 0);
	case REF_REF:
		return ticks(part, part->rfc, 0);
	default:
		return 0;
	}
}

/* Least ticks from a command @a to a later command @b; UINT32_MAX: @b may not come before @a. */
static uint32_t least_gap(const struct ref_ddr_part *part, const struct ref_ddr_command *a,
			  const struct ref_ddr_command *b)
{
	bool same = a->bank == b->bank;

	switch (b->kind) {
	case REF_ACT:
		return activate_gap(part, a->kind, same);
	case REF_RD:
	case REF_WR:
		if (is_column(a->kind))
			return column_gap(part, a->kind, b->kind);
		return a->kind == REF_ACT && same ? ticks(part, part->rcd, 0) : 0;
	case REF_PRE:
		return same ? close_gap(part, a->kind) : 0;
	case REF_PREA:
		return close_gap(part, a->kind);
	default:
		if (a->kind == REF_PRE)
			return ticks(part, part->rp, 0);
		if (a->kind == REF_PREA)
			return ticks(part, part->rp_all, 0);
		return a->kind == REF_REF ? ticks(part, part->rfc, 0) : 0;
	}
}

static uint32_t length(const struct ref_ddr_part *part, enum ref_ddr_kind kind)
{
	return kind == REF_ACT || is_column(kind) ? part->long_command : part->short_command;
}

static const char *pair_broken(const struct ref_ddr_part *part, const struct ref_ddr_command *a,
			       const struct ref_ddr_command *b)
{
	uint32_t gap = least_gap(part, a, b);

	if (a->tick < b->tick + length(part, b->kind) && b->tick < a->tick + length(part, a->kind))
		return "two commands at once";
	if (!gap)
		return NULL;
	if (b->tick < a->tick)
		return "a command before one that must precede it";
	if (b->tick < a->tick + gap)
		return "a command too early";
	return NULL;
}

/* At most four activates in any window of tFAW. */
static bool too_many_activates(const struct ref_ddr *ddr, uint64_t tick)
{
	uint32_t window = ticks(ddr->part, ddr->part->faw, 0), found = 0;

	for (size_t i = ddr->count; i-- && ddr->log[i].tick + LONG_AGO > tick;)
		found += ddr->log[i].kind == REF_ACT && ddr->log[i].tick + window > tick;
	return found > 3;
}

const char *ref_ddr_broken(const struct ref_ddr *ddr, const struct ref_ddr_command *command)
{
	for (size_t i = ddr->count; i-- && ddr->log[i].tick + LONG_AGO > command->tick;) {
		const char *broken = pair_broken(ddr->part, &ddr->log[i], command);

		if (broken)
			return broken;
	}
	if (command->kind == REF_ACT && too_many_activates(ddr, command->tick))
		return "five activates in tFAW";
	return NULL;
}

void ref_ddr_note(struct ref_ddr *ddr, const struct ref_ddr_command *command)
{
	if (ddr->count == ddr->room) {
		ddr->room = ddr->room ? 2 * ddr->room : 256;
		ddr->log = realloc(ddr->log, ddr->room * sizeof(*ddr->log));
		if (!ddr->log)
			abort();
	}
	ddr->log[ddr->count++] = *command;
}

/* ---- by trial ---- */

static uint64_t try_from(const struct ref_ddr *ddr, uint64_t tick, enum ref_ddr_kind kind,
			 uint32_t bank)
{
	struct ref_ddr_command command = { tick, kind, bank, 0 };

	while (ref_ddr_broken(ddr, &command))
		command.tick++;
	return command.tick;
}

static uint64_t issue(struct ref_ddr *ddr, uint64_t tick, enum ref_ddr_kind kind, uint32_t bank,
		      uint64_t row)
{
	struct ref_ddr_command command = { try_from(ddr, tick, kind, bank), kind, bank, row };

	ref_ddr_note(ddr, &command);
	return command.tick;
}

static void refresh(struct ref_ddr *ddr)
{
	bool open = false;

	for (int i = 0; i < 8; i++) {
		open |= ddr->bank[i].open;
		ddr->bank[i].open = false;
	}
	if (open)
		issue(ddr, ddr->due, REF_PREA, 0, 0);
	issue(ddr, ddr->due, REF_REF, 0, 0);
	ddr->due += ddr->part->refi / ddr->part->tick;
	ddr->refreshes++;
}

static uint64_t last_column(const struct ref_ddr *ddr)
{
	for (size_t i = ddr->count; i--;) {
		if (is_column(ddr->log[i].kind))
			return ddr->log[i].tick;
	}
	return 0;
}

/* Commands of a burst; Return: tick of the column command. */
static uint64_t serve(struct ref_ddr *ddr, uint64_t arrival, uint32_t bank, uint64_t row,
		      bool write)
{
	struct ref_ddr_row *held = &ddr->bank[bank];
	uint64_t last = last_column(ddr), from = arrival;

	if (last > AHEAD && last - AHEAD > from)
		from = last - AHEAD;
	if (held->open && held->row != row)
		issue(ddr, from, REF_PRE, bank, held->row);
	if (!held->open || held->row != row)
		issue(ddr, from, REF_ACT, bank, row);
	*held = (struct ref_ddr_row){ true, row };
	return issue(ddr, from, write ? REF_WR : REF_RD, bank, row);
}

uint64_t ref_ddr_access(struct ref_ddr *ddr, uint64_t arrival, uint64_t addr, bool write)
{
	const struct ref_ddr_part *part = ddr->part;
	uint64_t page = addr / part->page, row = page / 8 % part->rows, tick;
	uint32_t bank = page % 8;
	size_t count = ddr->count;
	struct ref_ddr_row before = ddr->bank[bank];

	/* What would come when a refresh is due comes after it. */
	while ((tick = serve(ddr, arrival, bank, row, write)) >= ddr->due) {
		ddr->count = count;
		ddr->bank[bank] = before;
		refresh(ddr);
		count = ddr->count;
		before = ddr->bank[bank];
	}
	ddr->hits += before.open && before.row == row;
	ddr->conflicts += before.open && before.row != row;
	ddr->misses += !before.open;
	return tick + (write ? part->wl + part->dqss : read_delay(part)) + part->data;
}
