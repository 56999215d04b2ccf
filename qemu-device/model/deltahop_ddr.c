// SPDX-License-Identifier: MIT
/*
 * A DRAM channel: bursts in the order in which they are asked for, each command as early as all
 * rules allow; rows stay open until another one is wanted, or refresh. A row is opened for a burst
 * while the data of those in front are on the bus.
 */
#include <string.h>

#include "deltahop_ddr.h"

#define SLOT_BITS  64
#define SLOT_COUNT (DH_DDR_SLOT_WORDS * SLOT_BITS)

/**
 * struct plan - commands for a burst
 * @conflict: precharge first
 * @miss: activate first
 */
struct plan {
	bool conflict;
	bool miss;
	uint64_t precharge;
	uint64_t activate;
	uint64_t column;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void dh_ddr_init(struct dh_ddr *ddr, const struct dh_ddr_part *part)
{
	memset(ddr, 0, sizeof(*ddr));
	ddr->part = part;
	ddr->due = part->refi;
}

/* ---- the command bus ---- */

static bool is_taken(const struct dh_ddr *ddr, uint64_t tick)
{
	if (tick >= ddr->slots_from + SLOT_COUNT)
		return false;
	return ddr->slots[tick / SLOT_BITS % DH_DDR_SLOT_WORDS] >> tick % SLOT_BITS & 1;
}

/* The first tick from @tick on at which a command of @length has the bus for itself. */
static uint64_t find_slot(const struct dh_ddr *ddr, uint64_t tick, uint32_t length)
{
	uint32_t free = 0;

	for (tick = later(tick, ddr->slots_from); free < length; tick++)
		free = is_taken(ddr, tick) ? 0 : free + 1;
	return tick - length;
}

/* Make room for a command at @tick: what is long past is forgotten. */
static void move_slots(struct dh_ddr *ddr, uint64_t tick)
{
	uint64_t from = (tick - SLOT_COUNT / 2) / SLOT_BITS * SLOT_BITS;

	if (from - ddr->slots_from >= SLOT_COUNT)
		memset(ddr->slots, 0, sizeof(ddr->slots));
	else
		for (uint64_t at = ddr->slots_from; at < from; at += SLOT_BITS)
			ddr->slots[at / SLOT_BITS % DH_DDR_SLOT_WORDS] = 0;
	ddr->slots_from = from;
}

static void issue(struct dh_ddr *ddr, uint64_t tick, uint32_t length, enum dh_ddr_command command,
		  uint32_t bank, uint64_t row)
{
	if (tick + length > ddr->slots_from + SLOT_COUNT)
		move_slots(ddr, tick + length);
	for (uint64_t at = tick; at < tick + length; at++)
		ddr->slots[at / SLOT_BITS % DH_DDR_SLOT_WORDS] |= 1ULL << at % SLOT_BITS;
	if (ddr->issue)
		ddr->issue(ddr->opaque, tick, command, bank, row);
}

/* ---- refresh ---- */

static void refresh(struct dh_ddr *ddr)
{
	const struct dh_ddr_part *part = ddr->part;
	uint64_t precharge = ddr->due, start = ddr->due;
	bool open = false;

	for (uint32_t i = 0; i < part->banks; i++) {
		const struct dh_ddr_bank *bank = &ddr->bank[i];

		open |= bank->open;
		if (bank->open)
			precharge = later(precharge, bank->precharge);
		else
			start = later(start, bank->activate);
	}
	if (open) {
		precharge = find_slot(ddr, precharge, part->other_slots);
		issue(ddr, precharge, part->other_slots, DH_DDR_PRECHARGE_ALL, 0, 0);
		start = later(start, precharge + part->rpa);
	}
	start = find_slot(ddr, start, part->other_slots);
	issue(ddr, start, part->other_slots, DH_DDR_REFRESH, 0, 0);
	for (uint32_t i = 0; i < part->banks; i++) {
		ddr->bank[i].open = false;
		ddr->bank[i].activate = start + part->rfc;
	}
	ddr->counts.refreshes++;
	ddr->due += part->refi;
}

/*
 * Refreshes of a channel that nobody used: the first one closes the rows, and all but the last are
 * over. Who is told of commands is told of each.
 */
static void skip_refreshes(struct dh_ddr *ddr, uint64_t arrival)
{
	uint64_t idle;

	if (ddr->issue || arrival < ddr->due)
		return;
	idle = (arrival - ddr->due) / ddr->part->refi;
	if (!idle)
		return;
	for (uint32_t i = 0; i < ddr->part->banks; i++)
		ddr->bank[i].open = false;
	ddr->counts.refreshes += idle;
	ddr->due += idle * ddr->part->refi;
}

/* ---- a burst ---- */

static struct plan make_plan(const struct dh_ddr *ddr, uint64_t arrival, uint32_t number,
			     uint64_t row, bool write)
{
	const struct dh_ddr_part *part = ddr->part;
	const struct dh_ddr_bank *bank = &ddr->bank[number];
	uint64_t from = later(arrival, ddr->column > DH_DDR_AHEAD ? ddr->column - DH_DDR_AHEAD : 0);
	uint64_t column = later(from, write ? ddr->write : ddr->read), activate = bank->activate;
	struct plan plan = { .conflict = bank->open && bank->row != row, .miss = !bank->open };

	if (plan.conflict) {
		plan.precharge = find_slot(ddr, later(from, bank->precharge), part->other_slots);
		activate = later(activate, plan.precharge + part->rp);
	}
	if (plan.conflict || plan.miss) {
		activate = later(later(from, activate),
				 later(ddr->activate, ddr->window[ddr->oldest]));
		plan.activate = find_slot(ddr, activate, part->activate_slots);
		column = later(column, plan.activate + part->rcd);
	} else {
		column = later(column, bank->column);
	}
	plan.column = find_slot(ddr, column, part->column_slots);
	return plan;
}

static void open_row(struct dh_ddr *ddr, uint32_t number, uint64_t row, const struct plan *plan)
{
	const struct dh_ddr_part *part = ddr->part;
	struct dh_ddr_bank *bank = &ddr->bank[number];

	if (plan->conflict)
		issue(ddr, plan->precharge, part->other_slots, DH_DDR_PRECHARGE, number, bank->row);
	issue(ddr, plan->activate, part->activate_slots, DH_DDR_ACTIVATE, number, row);
	*bank = (struct dh_ddr_bank){
		.open = true,
		.row = row,
		.activate = plan->activate + part->rc,
		.precharge = plan->activate + part->ras,
		.column = plan->activate + part->rcd,
	};
	ddr->activate = plan->activate + part->rrd;
	ddr->window[ddr->oldest] = plan->activate + part->faw;
	ddr->oldest = (ddr->oldest + 1) % 4;
}

static void use_column(struct dh_ddr *ddr, uint32_t number, uint64_t row, uint64_t tick, bool write)
{
	const struct dh_ddr_part *part = ddr->part;
	struct dh_ddr_bank *bank = &ddr->bank[number];
	uint64_t written = tick + part->cwl + part->burst,
		 precharge = write ? written + part->wr : tick + part->rtp;

	issue(ddr, tick, part->column_slots, write ? DH_DDR_WRITE : DH_DDR_READ, number, row);
	bank->precharge = later(bank->precharge, precharge);
	ddr->column = tick;
	ddr->read = write ? written + part->wtr : tick + part->ccd;
	ddr->write = write ? tick + part->ccd
			   : tick + part->cl + part->burst + part->turn - part->cwl;
}

static void count(struct dh_ddr_counts *counts, const struct plan *plan, bool write)
{
	counts->reads += !write;
	counts->writes += write;
	counts->conflicts += plan->conflict;
	counts->misses += plan->miss;
	counts->hits += !plan->conflict && !plan->miss;
}

struct dh_ddr_done dh_ddr_access(struct dh_ddr *ddr, uint64_t arrival, uint64_t addr, bool write)
{
	const struct dh_ddr_part *part = ddr->part;
	uint32_t number = addr / part->row_bytes % part->banks;
	uint64_t row = addr / part->row_bytes / part->banks % part->rows;
	struct dh_ddr_done done;
	struct plan plan;

	skip_refreshes(ddr, arrival);
	plan = make_plan(ddr, arrival, number, row, write);
	while (plan.column >= ddr->due) {
		refresh(ddr);
		plan = make_plan(ddr, arrival, number, row, write);
	}
	done.activated = plan.conflict || plan.miss;
	if (done.activated)
		open_row(ddr, number, row, &plan);
	use_column(ddr, number, row, plan.column, write);
	count(&ddr->counts, &plan, write);
	done.tick = plan.column + (write ? part->cwl : part->cl) + part->burst;
	return done;
}
