// SPDX-License-Identifier: MIT
/*
 * Fuzzer of whole jobs: hostile commands, parameters, region tables, page lists, ring entries and
 * register writes. Whatever they are, the device comes to rest, answers every entry or halts, and
 * writes nowhere but where it may.
 *
 * An input is a list of changes to a small network that works: records of 4 bytes {place, offset
 * (2), value}.
 */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES	     2
#define REGION_BYTES (PAGES * DELTAHOP_PAGE_SIZE)
#define LISTS	     RIG_FREE
#define ARENA	     (RIG_FREE + 0x2000)
#define CARD_BYTES   (4 * DELTAHOP_PAGE_SIZE)
#define BUDGET	     100000

enum { COMMANDS, PARAMS, INPUT, OUTPUT, WEIGHTS, PROFILE, CARD, REGIONS };

static void must(bool condition)
{
	if (!condition)
		abort();
}

static uint64_t region_addr(unsigned int region)
{
	return ARENA + region * (uint64_t)REGION_BYTES;
}

/* Every other region is a list; lists lie where no region is. */
static void make_regions(struct rig *rig)
{
	for (unsigned int r = 0; r < CARD; r++) {
		uint32_t flags = r == OUTPUT || r == PROFILE ? DELTAHOP_REGION_WRITE
							     : DELTAHOP_REGION_READ;
		uint64_t *list = (uint64_t *)(rig->ram + LISTS + r * PAGES * 8);

		for (unsigned int page = 0; page < PAGES; page++)
			list[page] = region_addr(r) + (page ^ 1) * DELTAHOP_PAGE_SIZE;
		if (r % 2)
			rig_region(rig, LISTS + r * PAGES * 8, REGION_BYTES,
				   flags | DELTAHOP_REGION_LIST);
		else
			rig_region(rig, region_addr(r), REGION_BYTES, flags);
	}
	rig_region(rig, 0, rig->config.card_size ? CARD_BYTES : 0,
		   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE |
			   (rig->config.card_size ? DELTAHOP_REGION_CARD : 0));
}

/*
 * Commands lie in a region of one piece, the parameters in the second page of memory, which is the
 * list's first.
 */
static uint32_t make_commands(struct rig *rig)
{
	struct dh_layer layer = {
		.inputs = 8, .hidden = 16, .weight_frac = { 7, 7, 7, 0 }, .weight_region = WEIGHTS
	};
	struct dh_run run = {
		.count = 2, .params_region = PARAMS, .input_region = INPUT, .output_region = OUTPUT
	};
	struct dh_params params = {
		.steps = 3, .input_stride = 16, .output_stride = 32, .profile_steps = true
	};
	struct rig_program program = rig_program(rig, region_addr(COMMANDS));

	rig_put_layer(&program, &layer);
	layer.slot = 1;
	layer.inputs = 16;
	layer.weight_offset = 25 * 48;
	layer.state_offset = 1024;
	rig_put_layer(&program, &layer);
	rig_put_run(&program, &run);
	rig_put_end(&program);
	dh_params_encode(&params, rig->ram + region_addr(PARAMS) + DELTAHOP_PAGE_SIZE);
	return program.at - program.start;
}

/**
 * struct changes - what the input changes
 * @table: the region table was hostile, so that writes may go anywhere in memory
 */
struct changes {
	struct deltahop_entry load, job, save;
	bool table;
};

static void change(struct rig *rig, struct changes *changes, uint8_t place, uint16_t offset,
		   uint8_t value)
{
	switch (place % 8) {
	case 0:
	case 1:
		rig->ram[region_addr(COMMANDS) + offset % 256] = value;
		break;
	case 2:
		rig->ram[region_addr(PARAMS) + DELTAHOP_PAGE_SIZE +
			 offset % sizeof(struct deltahop_rnn_params)] = value;
		break;
	case 3:
		((uint8_t *)rig->table)[offset % (REGIONS * sizeof(rig->table[0]))] = value;
		changes->table = true;
		break;
	case 4:
		((uint8_t *)&changes->job)[offset % sizeof(changes->job)] = value;
		break;
	case 5:
		((uint8_t *)(offset & 64 ? &changes->load
					 : &changes->save))[offset % sizeof(changes->load)] = value;
		break;
	case 6:
		rig->ram[LISTS + offset % (CARD * PAGES * 8)] = value;
		changes->table = true;
		break;
	case 7:
		rig->ram[region_addr(INPUT + offset % 2) + offset % REGION_BYTES] = value;
		break;
	}
}

/*
 * The first byte is the device: its profile, pointers or copies, and a register that is written in
 * the middle.
 */
static struct rig *make_device(uint8_t choice)
{
	struct dh_config config;
	struct rig *rig;

	dh_config_profile(&config, choice & 1 ? "card" : "edgedrnn");
	config.rnn_state_bytes = 4096;
	config.card_size = choice & 1 ? CARD_BYTES : 0;
	rig = rig_create(&config, region_addr(REGIONS));
	must(rig);
	rig->maps = choice & 2;
	return rig;
}

static void submit(struct rig *rig, struct deltahop_entry *entry, bool table)
{
	struct deltahop_record record;
	uint32_t number;

	/* Where the record goes and how long the job may take is not the job's to say. */
	entry->record_addr = rig_entry(rig, DELTAHOP_ENTRY_NOP).record_addr;
	entry->seqno = rig->tail[rig->engine] + 1000;
	if (!entry->cycle_budget || entry->cycle_budget > BUDGET)
		entry->cycle_budget = BUDGET;
	number = rig_submit(rig, entry);
	must(rig_run(rig, UINT64_MAX / 4));
	if (rig_reg(rig, DELTAHOP_RING(0, DELTAHOP_RING_STATUS)) == DELTAHOP_RING_HALTED) {
		must(rig->interrupts[DELTAHOP_VECTOR_ERROR] == 1);
		return;
	}
	must(rig_reg(rig, DELTAHOP_RING(0, DELTAHOP_RING_STATUS)) == DELTAHOP_RING_IDLE);
	must(rig_reg(rig, DELTAHOP_RING(0, DELTAHOP_RING_SEQNO)) == entry->seqno);
	if (table)
		return;
	record = rig_record(rig, number);
	must(record.size == sizeof(record) && record.seqno == entry->seqno);
	must(record.status >= DELTAHOP_STATUS_OK && record.status <= DELTAHOP_STATUS_BUDGET);
	must((record.status == DELTAHOP_STATUS_OK) == (record.reason == DELTAHOP_REASON_NONE));
	must(record.end_ns >= record.start_ns);
}

/* With a table that is ours, only output, profile and records may have been written. */
static void check_memory(struct rig *rig, const uint8_t *before)
{
	for (unsigned int r = 0; r < CARD; r++) {
		if (r != OUTPUT && r != PROFILE)
			must(!memcmp(rig->ram + region_addr(r), before + region_addr(r),
				     REGION_BYTES));
	}
	must(!memcmp(rig->ram + LISTS, before + LISTS, ARENA - LISTS));
	must(!memcmp(rig->ram, before, RIG_RING));
	must(!memcmp(rig->ram + RIG_RECORDS_END, before + RIG_RECORDS_END,
		     RIG_FREE - RIG_RECORDS_END));
	must(!rig->stray);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct changes changes = { .table = false };
	struct rig *rig;
	uint8_t *before;

	if (!size)
		return 0;
	rig = make_device(data[0]);
	make_regions(rig);
	changes.load = rig_entry(rig, DELTAHOP_ENTRY_STATE_LOAD);
	changes.load.flags |= DELTAHOP_ENTRY_STATE_ZERO;
	changes.load.size = rig->config.rnn_state_bytes;
	changes.save = rig_entry(rig, DELTAHOP_ENTRY_STATE_SAVE);
	changes.save.size = rig->config.rnn_state_bytes;
	changes.job = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	changes.job.profile_region = PROFILE;
	changes.job.size = make_commands(rig);
	for (size_t i = 1; i + 4 <= size; i += 4)
		change(rig, &changes, data[i], data[i + 1] | data[i + 2] << 8, data[i + 3]);
	/* A table somewhere else is a hostile table. */
	changes.table |= changes.job.table_addr != RIG_TABLE ||
			 changes.load.table_addr != RIG_TABLE ||
			 changes.save.table_addr != RIG_TABLE;
	before = malloc(rig->ram_bytes);
	must(before);
	memcpy(before, rig->ram, rig->ram_bytes);

	rig_start(rig);
	submit(rig, &changes.load, changes.table);
	submit(rig, &changes.job, changes.table);
	submit(rig, &changes.job, changes.table);
	submit(rig, &changes.save, changes.table);
	if (!changes.table)
		check_memory(rig, before);
	free(before);
	rig_destroy(rig);
	return 0;
}
