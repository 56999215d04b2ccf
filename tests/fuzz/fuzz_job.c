// SPDX-License-Identifier: MIT
/*
 * Fuzzer of whole jobs: hostile commands, parameters, region tables, page lists, ring entries and
 * register writes. Whatever they are, the device comes to rest, answers every entry or halts, and
 * writes nowhere but where it may.
 *
 * An input is a device and a list of changes to a small network that works there: records of 4 bytes
 * {place, offset (2), value}.
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
static uint32_t make_run(struct rig *rig)
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

/* ---- a convolution ---- */

/* A layer of as much as fits the small engines below: 6 x 5 x 3 values to 6 x 5 x 2. */
static const struct dh_conv_layer published_layer = {
	.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE,
	.kernel_rows = 3,
	.kernel_cols = 3,
	.stride_rows = 1,
	.stride_cols = 1,
	.pad_top = 1,
	.pad_left = 1,
	.macs = 2,
	.out_shift = 8,
	.rows = 6,
	.cols = 5,
	.out_rows = 6,
	.out_cols = 5,
	.channels = 3,
	.bias_shift = 8,
};

static void put_bus(struct rig *rig, unsigned int region, uint32_t number, unsigned int type,
		    const uint16_t *words, const uint8_t *addresses)
{
	uint64_t bus = words[0] | (uint64_t)words[1] << 16 | (uint64_t)type << 32 | 3ULL << 34 |
		       (uint64_t)addresses[0] << 36 | (uint64_t)addresses[1] << 43;

	memcpy(rig->ram + region_addr(region) + 8 * (uint64_t)number, &bus, sizeof(bus));
}

/* The layer's map, its biases and two kernels for each of its two output maps. */
static void make_bus_words(struct rig *rig)
{
	static const uint16_t words[] = { 300, 0xff80 };
	uint32_t macs = rig->config.conv_macs;

	for (uint32_t i = 0; i < 6 * 5 * 3; i += 2)
		put_bus(rig, INPUT, i / 2, 1, words, (uint8_t[]){ i % 15 == 0, (i + 1) % 15 == 0 });
	for (uint32_t i = 0; i < macs; i += 2)
		put_bus(rig, WEIGHTS, i / 2, 0, words, (uint8_t[]){ i, i + 1 });
	for (uint32_t i = 0; i < 2 * 4 * 9; i += 2)
		put_bus(rig, WEIGHTS, (macs + i) / 2, 2, words,
			(uint8_t[]){ i / 18, (i + 1) / 18 });
}

static uint32_t make_published(struct rig *rig)
{
	struct dh_conv_input map = { .channels = 3, .region = INPUT };
	struct dh_conv_pass pass = { .maps = 2, .weight_region = WEIGHTS, .output_region = OUTPUT };
	struct rig_program program = rig_program(rig, region_addr(COMMANDS));

	make_bus_words(rig);
	rig_put_conv_layer(&program, &published_layer);
	rig_put_conv_input(&program, &map);
	rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &pass);
	pass.output_offset = 1024;
	rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &pass);
	rig_put_end(&program);
	return program.at - program.start;
}

/* Sums through card memory, an added map, strides, averages; then a fully connected layer. */
static void put_layers(struct rig_program *program)
{
	struct dh_conv_layer layer = published_layer;
	struct dh_conv_input plain = { .channels = 1, .region = INPUT },
			     encoded = { true, 2, INPUT, 256 };
	struct dh_conv_pass pass = { .maps = 2, .weight_region = WEIGHTS };

	layer.flags = DELTAHOP_CONV_POOL_AVG | DELTAHOP_CONV_ENCODE | DELTAHOP_CONV_WEIGHT8;
	layer.stride_cols = 2;
	layer.out_cols = 3;
	layer.macs = 1;
	rig_put_conv_layer(program, &layer);
	rig_put_conv_input(program, &plain);
	rig_put_conv_input(program, &encoded);
	pass.flags = DELTAHOP_PASS_PSUM_OUT;
	pass.psum_region = CARD;
	rig_put_conv_pass(program, DELTAHOP_OP_CONV_PASS, &pass);
	pass.flags = DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_ADD | DELTAHOP_PASS_ADD_ENCODED;
	pass.add_region = PARAMS;
	pass.output_region = OUTPUT;
	rig_put_conv_pass(program, DELTAHOP_OP_CONV_PASS, &pass);
	layer = (struct dh_conv_layer){ .kernel_rows = 1,
					.kernel_cols = 1,
					.stride_rows = 1,
					.stride_cols = 1,
					.macs = 1,
					.rows = 6,
					.cols = 5,
					.out_rows = 1,
					.out_cols = 1,
					.channels = 3 };
	rig_put_conv_layer(program, &layer);
	rig_put_conv_input(program, &encoded);
	rig_put_conv_input(program, &plain);
	pass = (struct dh_conv_pass){
		.maps = 9, .weight_region = WEIGHTS, .output_region = OUTPUT, .output_offset = 1024
	};
	rig_put_conv_pass(program, DELTAHOP_OP_CONV_FC, &pass);
}

static uint32_t make_conv(struct rig *rig)
{
	struct rig_program program = rig_program(rig, region_addr(COMMANDS));
	uint8_t *input = rig->ram + region_addr(INPUT), *weights = rig->ram + region_addr(WEIGHTS);

	for (int i = 0; i < 64; i++)
		input[i] = i % 7;
	/* Rows of a sparsity map word and two values. */
	for (int row = 0; row < 6; row++)
		memcpy(input + 256 + 6 * row, (const uint16_t[]){ 1 << 3 | 1, 700, 0xfff0 }, 6);
	for (int i = 0; i < 2048; i++)
		weights[i] = i % 11;
	put_layers(&program);
	rig_put_end(&program);
	return program.at - program.start;
}

/**
 * struct changes - what the input changes
 * @table: the region table was hostile, so that writes may go anywhere in memory
 * @count: how many
 */
struct changes {
	struct deltahop_entry load, job, save;
	bool table;
	size_t count;
};

static void change(struct rig *rig, struct changes *changes, uint8_t place, uint16_t offset,
		   uint8_t value)
{
	switch (place % 8) {
	case 0:
	case 1:
		rig->ram[region_addr(COMMANDS) + offset % 512] = value;
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
		rig->ram[region_addr(offset % 2 ? INPUT : WEIGHTS) + offset / 2 % REGION_BYTES] =
			value;
		break;
	}
}

/*
 * The first byte is the device: its profile, pointers or copies, and which engine works. Engines are
 * so small that what they hold is full soon.
 */
static struct rig *make_device(uint8_t choice)
{
	struct dh_config config;
	struct rig *rig;

	dh_config_profile(&config, choice & 1 ? "card" : choice & 4 ? "nullhop-asic" : "edgedrnn");
	if (config.rnn_state_bytes)
		config.rnn_state_bytes = 4096;
	if (config.conv_macs) {
		config.conv_macs = choice & 8 ? 8 : 16;
		config.conv_kernel_words = 64;
		config.conv_store_bytes = 1024;
		config.conv_max_channels = choice & 16 ? 3 : 20;
		config.conv_max_cols = choice & 32 ? 6 : 40;
	}
	if (config.conv_max_outputs)
		config.conv_max_outputs = 10;
	config.card_size = choice & 1 ? CARD_BYTES : 0;
	rig = rig_create(&config, region_addr(REGIONS));
	must(rig);
	rig->maps = choice & 2;
	rig->engine = choice & 4 ? DELTAHOP_ENGINE_CONV : DELTAHOP_ENGINE_RNN;
	return rig;
}

static uint32_t make_commands(struct rig *rig)
{
	if (rig->engine == DELTAHOP_ENGINE_RNN)
		return make_run(rig);
	return rig->config.profile == DELTAHOP_PROFILE_CARD ? make_conv(rig) : make_published(rig);
}

/* Without changes a job works. */
static void submit(struct rig *rig, struct deltahop_entry *entry, const struct changes *changes)
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
	if (rig_reg(rig, DELTAHOP_RING(rig->engine, DELTAHOP_RING_STATUS)) ==
	    DELTAHOP_RING_HALTED) {
		must(rig->interrupts[DELTAHOP_VECTOR_ERROR] == 1);
		return;
	}
	must(rig_reg(rig, DELTAHOP_RING(rig->engine, DELTAHOP_RING_STATUS)) == DELTAHOP_RING_IDLE);
	must(rig_reg(rig, DELTAHOP_RING(rig->engine, DELTAHOP_RING_SEQNO)) == entry->seqno);
	if (changes->table)
		return;
	record = rig_record(rig, number);
	must(record.size == sizeof(record) && record.seqno == entry->seqno);
	must(record.status >= DELTAHOP_STATUS_OK && record.status <= DELTAHOP_STATUS_BUDGET);
	must((record.status == DELTAHOP_STATUS_OK) == (record.reason == DELTAHOP_REASON_NONE));
	must(record.end_ns >= record.start_ns);
	must(changes->count || record.status == DELTAHOP_STATUS_OK ||
	     entry->type == DELTAHOP_ENTRY_STATE_SAVE);
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
	changes.load.size = rig->engine == DELTAHOP_ENGINE_RNN ? rig->config.rnn_state_bytes : 0;
	changes.save = rig_entry(rig, DELTAHOP_ENTRY_STATE_SAVE);
	changes.save.size = changes.load.size;
	changes.job = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	changes.job.profile_region = PROFILE;
	changes.job.size = make_commands(rig);
	for (size_t i = 1; i + 4 <= size; i += 4, changes.count++)
		change(rig, &changes, data[i], data[i + 1] | data[i + 2] << 8, data[i + 3]);
	/* A table somewhere else is a hostile table. */
	changes.table |= changes.job.table_addr != RIG_TABLE ||
			 changes.load.table_addr != RIG_TABLE ||
			 changes.save.table_addr != RIG_TABLE;
	before = malloc(rig->ram_bytes);
	must(before);
	memcpy(before, rig->ram, rig->ram_bytes);

	rig_start(rig);
	submit(rig, &changes.load, &changes);
	submit(rig, &changes.job, &changes);
	submit(rig, &changes.job, &changes);
	submit(rig, &changes.save, &changes);
	if (!changes.table)
		check_memory(rig, before);
	free(before);
	rig_destroy(rig);
	return 0;
}
