// SPDX-License-Identifier: MIT
/* Both engines at once on the same channels: who waits, for how long, and that bits do not change. */
#include <string.h>

#include "conv_net.h"

/* Regions for the recurrent engine behind those of the convolution. */
enum { RNN_WEIGHTS = CONV_REGIONS, RNN_PARAMS, RNN_INPUT, RNN_OUTPUT, RNN_COMMANDS, ALL_REGIONS };

#define STEPS 12

static uint64_t rnn_addr(unsigned int region)
{
	return conv_addr(CONV_ADD) + (region - CONV_REGIONS) * (uint64_t)0x6000;
}

/* A device with memory of @dram and link of @link. */
static struct dh_config device(struct dh_memory_timing dram, struct dh_memory_timing link)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "card"));
	config.dram = dram;
	config.link = link;
	return config;
}

/* A convolution and a GRU. */
static void make_both(struct conv_net *net, const struct dh_config *config)
{
	struct rig_random random = { 11 };

	conv_create_device(net, config);
	for (int region = RNN_WEIGHTS; region < ALL_REGIONS; region++)
		rig_region(net->rig, rnn_addr(region), 0x6000,
			   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	for (uint64_t i = conv_addr(CONV_INPUT); i < conv_addr(CONV_OUTPUT); i++)
		net->rig->ram[i] = rig_random(&random);
	for (uint64_t i = rnn_addr(RNN_WEIGHTS); i < rnn_addr(RNN_OUTPUT); i++)
		net->rig->ram[i] = rig_random(&random);
	net->layer.rows = net->layer.out_rows = 12;
	net->layer.cols = net->layer.out_cols = 20;
	net->layer.kernel_rows = net->layer.kernel_cols = 3;
	net->layer.pad_top = net->layer.pad_left = 1;
	net->layer.channels = net->input[0].channels = 24;
	net->layer.out_shift = 20;
	net->pass[0].maps = 16;
	net->passes = 2;
	net->pass[1].maps = 16;
	net->pass[1].output_offset = 0x8000;
}

static struct deltahop_entry make_run(struct rig *rig)
{
	struct dh_layer layer = { .inputs = 16,
				  .hidden = 64,
				  .weight_frac = { 7, 7, 7, 0 },
				  .weight_region = RNN_WEIGHTS };
	struct dh_run run = { .count = 1,
			      .params_region = RNN_PARAMS,
			      .input_region = RNN_INPUT,
			      .output_region = RNN_OUTPUT };
	struct dh_params params = { .steps = STEPS, .input_stride = 32, .output_stride = 128 };
	struct rig_program program = rig_program(rig, rnn_addr(RNN_COMMANDS));
	struct deltahop_entry entry;

	rig_put_layer(&program, &layer);
	rig_put_run(&program, &run);
	rig_put_end(&program);
	dh_params_encode(&params, rig->ram + rnn_addr(RNN_PARAMS));
	rig->engine = DELTAHOP_ENGINE_RNN;
	assert_ok(rig_do_state(rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	entry.cmd_region = RNN_COMMANDS;
	entry.size = program.at - program.start;
	return entry;
}

/**
 * struct outcome - of a job of each engine
 * @rnn: its record
 * @conv: its record
 */
struct outcome {
	struct deltahop_record rnn, conv;
	uint8_t rnn_output[STEPS * 128];
	uint8_t conv_output[0x10000];
};

/* @first, @second: start of the RUN, of the convolution, ns; far apart they are alone */
static void run_both_on(const struct dh_config *config, uint64_t run_at, uint64_t conv_at_ns,
			dh_dram_trace_function *trace, void *opaque, struct outcome *outcome)
{
	uint64_t first = run_at < conv_at_ns ? run_at : conv_at_ns, base;
	uint32_t run = 0, conv = 0;
	struct deltahop_entry entry;
	struct conv_net net;

	make_both(&net, config);
	dh_set_dram_trace(net.rig->model, trace, opaque);
	entry = make_run(net.rig);
	base = net.rig->now - first;
	for (int i = 0; i < 2; i++) {
		bool is_run = (run_at <= conv_at_ns) == !i;

		rig_run(net.rig, base + (is_run ? run_at : conv_at_ns) - net.rig->now);
		net.rig->now = base + (is_run ? run_at : conv_at_ns);
		net.rig->engine = is_run ? DELTAHOP_ENGINE_RNN : DELTAHOP_ENGINE_CONV;
		if (is_run)
			run = rig_submit(net.rig, &entry);
		else
			conv = conv_start(&net);
	}
	ck_assert(rig_run(net.rig, UINT64_MAX / 4));
	net.rig->engine = DELTAHOP_ENGINE_RNN;
	outcome->rnn = rig_record(net.rig, run);
	net.rig->engine = DELTAHOP_ENGINE_CONV;
	outcome->conv = rig_record(net.rig, conv);
	assert_ok(outcome->rnn);
	assert_ok(outcome->conv);
	memcpy(outcome->rnn_output, net.rig->ram + rnn_addr(RNN_OUTPUT),
	       sizeof(outcome->rnn_output));
	memcpy(outcome->conv_output, conv_at(&net, CONV_OUTPUT, 0), sizeof(outcome->conv_output));
	conv_destroy(&net);
}

static void run_both(struct dh_memory_timing dram, struct dh_memory_timing link, uint64_t run_at,
		     uint64_t conv_at_ns, struct outcome *outcome)
{
	struct dh_config config = device(dram, link);

	run_both_on(&config, run_at, conv_at_ns, NULL, NULL, outcome);
}

/* All but times and waits is what it is alone, and the wait is what there is more of cycles. */
static void compare(const struct deltahop_record *shared, const struct deltahop_record *alone)
{
	struct deltahop_record same = *shared;

	ck_assert_uint_eq(alone->wait_cycles, 0);
	ck_assert_uint_eq(shared->cycles, alone->cycles + shared->wait_cycles);
	same.cycles = alone->cycles;
	same.wait_cycles = 0;
	same.start_ns = alone->start_ns;
	same.end_ns = alone->end_ns;
	ck_assert_mem_eq(&same, alone, sizeof(same));
}

static const struct dh_memory_timing memories[][2] = {
	{ { 1, 32, 4 }, { 0 } }, { { 1, 32, 4 }, { 4, 250, 8 } }, { { 8, 0, 1 }, { 0 } },
	{ { 20, 3, 2 }, { 0 } }, { { 1, 0, 4 }, { 30, 1, 8 } },	  { { 3, 100, 4 }, { 0 } },
};

START_TEST(alone_plus_waits)
{
	const struct dh_memory_timing *memory = memories[_i];
	struct outcome alone, shared;
	uint64_t waits = 0;

	run_both(memory[0], memory[1], 0, 1ULL << 40, &alone);
	for (uint64_t late = 0; late < 20000; late += 1777) {
		run_both(memory[0], memory[1], late, 4001, &shared);
		compare(&shared.rnn, &alone.rnn);
		compare(&shared.conv, &alone.conv);
		ck_assert_int_eq(
			memcmp(shared.rnn_output, alone.rnn_output, sizeof(alone.rnn_output)), 0);
		ck_assert_int_eq(memcmp(shared.conv_output, alone.conv_output,
					sizeof(alone.conv_output)),
				 0);
		waits += shared.rnn.wait_cycles + shared.conv.wait_cycles;
	}
	/* Where the channel is busy most of the time. */
	if (_i >= 2)
		ck_assert_uint_gt(waits, 0);
}
END_TEST

/* Ideal memory is never busy. */
START_TEST(ideal_memory_is_not_shared)
{
	struct outcome alone, shared;

	run_both((struct dh_memory_timing){ 0 }, (struct dh_memory_timing){ 0 }, 0, 1ULL << 40,
		 &alone);
	run_both((struct dh_memory_timing){ 0 }, (struct dh_memory_timing){ 0 }, 0, 0, &shared);
	ck_assert_uint_eq(shared.rnn.wait_cycles, 0);
	ck_assert_uint_eq(shared.conv.wait_cycles, 0);
	ck_assert_uint_eq(shared.conv.cycles, alone.conv.cycles);
}
END_TEST

/*
 * The same commands on both rings, whose doorbells ring in the same nanosecond, that of ring @first
 * first.
 */
static void run_twice(struct dh_memory_timing link, unsigned int nops, unsigned int first,
		      struct deltahop_record record[2])
{
	struct rig_program program;
	struct dh_config config;
	struct conv_net net;
	uint32_t number[2];

	ck_assert(dh_config_profile(&config, "card"));
	config.link = link;
	conv_create_device(&net, &config);
	program = rig_program(net.rig, conv_addr(CONV_COMMANDS));
	while (nops--)
		rig_put(&program, &(struct dh_cmd){ .opcode = DELTAHOP_OP_NOP });
	rig_put_end(&program);
	for (unsigned int i = 0; i < 2; i++) {
		net.rig->engine = i ^ first;
		net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
		net.entry.size = program.at - program.start;
		number[i ^ first] = rig_submit(net.rig, &net.entry);
	}
	ck_assert(rig_run(net.rig, 1000000));
	for (int i = 0; i < 2; i++) {
		net.rig->engine = i;
		record[i] = rig_record(net.rig, number[i]);
		assert_ok(record[i]);
	}
	conv_destroy(&net);
}

/* Jobs of END alone, by hand: a beat every 4 cycles without latency, a cycle is 4 ns. */
START_TEST(turns_by_hand)
{
	struct deltahop_record record[2];

	run_twice((struct dh_memory_timing){ 4, 0, 8 }, 0, 0, record);
	/*
	 * Entry and table: 18 beats, 70 cycles alone, all of them busy. Then a block of one beat, 2
	 * cycles, and END, 1, all busy again. Ring 0 has the link in 0..70, ring 1 in 70..140, ring 0
	 * for its commands, since 70, in 140..143, ring 1 in 143..146.
	 */
	ck_assert_uint_eq(record[0].wait_cycles, 70);
	ck_assert_uint_eq(record[0].cycles, 143);
	ck_assert_uint_eq(record[0].end_ns, 143 * 4);
	ck_assert_uint_eq(record[1].wait_cycles, 70 + 3);
	ck_assert_uint_eq(record[1].cycles, 146);
	ck_assert_uint_eq(record[1].end_ns, 146 * 4);
}
END_TEST

/*
 * Entries take 270 cycles, of which 72 are busy: nobody waits. Then both fetch 256 beats at the same
 * time: 1024 busy cycles of 1222, and one for the first command.
 */
START_TEST(engine_0_is_the_first)
{
	struct deltahop_record record[2];

	run_twice((struct dh_memory_timing){ 4, 200, 8 }, 511, 1, record);
	ck_assert_uint_eq(record[0].wait_cycles, 0);
	ck_assert_uint_eq(record[0].cycles, 270 + 1222 + 512);
	ck_assert_uint_eq(record[1].wait_cycles, 2048 - 1223);
	ck_assert_uint_eq(record[1].cycles, 270 + 1222 + 512 + 2048 - 1223);
}
END_TEST

/* A wait does not use up a budget. */
START_TEST(waits_are_no_budget)
{
	struct outcome alone, shared;
	struct deltahop_entry entry;
	struct dh_config config;
	struct conv_net net;
	uint32_t run, conv;

	run_both(memories[3][0], memories[3][1], 0, 1ULL << 40, &alone);
	config = device(memories[3][0], memories[3][1]);
	make_both(&net, &config);
	entry = make_run(net.rig);
	/* The record has the state's cycles too. */
	entry.cycle_budget = alone.rnn.cycles;
	run = rig_submit(net.rig, &entry);
	net.rig->engine = DELTAHOP_ENGINE_CONV;
	conv_write(&net);
	net.entry.cycle_budget = alone.conv.cycles;
	conv = rig_submit(net.rig, &net.entry);
	ck_assert(rig_run(net.rig, UINT64_MAX / 4));
	shared.conv = rig_record(net.rig, conv);
	assert_ok(shared.conv);
	ck_assert_uint_gt(shared.conv.cycles, alone.conv.cycles);
	net.rig->engine = DELTAHOP_ENGINE_RNN;
	assert_ok(rig_record(net.rig, run));
	conv_destroy(&net);
}
END_TEST

/* ---- dram=ddr ---- */

/**
 * struct turns - who had the channel
 * @over: cycle in which the last burst is over at the earliest, with every row open
 */
struct turns {
	unsigned int ring;
	uint64_t over;
	unsigned int changes;
	uint64_t bytes[2];
};

/* LPDDR4 moves 64 bytes in 8 ticks of 625 ps: 78 bytes in a cycle of 4 ns, at most. */
static void look(void *opaque, unsigned int ring, uint64_t cycle, uint64_t addr, uint32_t bytes,
		 bool write)
{
	struct turns *turns = opaque;

	(void)addr;
	(void)write;
	if (ring != turns->ring) {
		ck_assert_uint_ge(cycle, turns->over);
		turns->changes++;
	}
	turns->ring = ring;
	turns->over = cycle + bytes / 80;
	turns->bytes[ring] += bytes;
}

/* No bit changes, nobody has the channel before the other is through, and waits are in the cycles. */
START_TEST(turns_with_rows)
{
	struct dh_config config =
		device((struct dh_memory_timing){ 1, 0, 4 }, (struct dh_memory_timing){ 0 });
	struct turns turns = { 0 }, apart = { 0 };
	struct outcome alone, shared;
	uint64_t waits = 0;

	ck_assert(dh_config_dram(&config, "ddr"));
	run_both_on(&config, 0, 1ULL << 40, look, &apart, &alone);
	ck_assert_uint_eq(alone.rnn.wait_cycles, 0);
	ck_assert_uint_eq(alone.conv.wait_cycles, 0);
	for (uint64_t late = 0; late < 20000; late += 1777) {
		memset(&turns, 0, sizeof(turns));
		run_both_on(&config, late, 4001, look, &turns, &shared);
		ck_assert_mem_eq(shared.rnn_output, alone.rnn_output, sizeof(alone.rnn_output));
		ck_assert_mem_eq(shared.conv_output, alone.conv_output, sizeof(alone.conv_output));
		ck_assert_mem_eq(turns.bytes, apart.bytes, sizeof(apart.bytes));
		ck_assert_uint_gt(turns.changes, 2);
		ck_assert_uint_eq(shared.conv.end_ns - shared.conv.start_ns,
				  4 * shared.conv.cycles);
		waits += shared.rnn.wait_cycles + shared.conv.wait_cycles;
	}
	ck_assert_uint_gt(waits, 0);
}
END_TEST

TCase *model_sharing_case(void)
{
	TCase *tcase = tcase_create("sharing");

	tcase_add_test(tcase, turns_with_rows);

	tcase_add_loop_test(tcase, alone_plus_waits, 0, sizeof(memories) / sizeof(memories[0]));
	tcase_add_test(tcase, ideal_memory_is_not_shared);
	tcase_add_test(tcase, turns_by_hand);
	tcase_add_test(tcase, engine_0_is_the_first);
	tcase_add_test(tcase, waits_are_no_budget);
	return tcase;
}
