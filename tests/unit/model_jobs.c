// SPDX-License-Identifier: MIT
/*
 * Jobs: cycles of steps and of the rest, budgets, profile rows, long programs, the published
 * headline.
 */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"

/* ---- the published headline ---- */

#define HIDDEN	     768
#define INPUTS	     40
#define COLUMN	     (3 * HIDDEN)
#define WEIGHT_BYTES ((1 + INPUTS + HIDDEN + 1 + HIDDEN + HIDDEN) * COLUMN)
#define BLOCK1	     DELTAHOP_RNN_STATE_GRU(INPUTS, HIDDEN)
#define BLOCK2	     DELTAHOP_RNN_STATE_GRU(HIDDEN, HIDDEN)

/*
 * Mark @count of @total memories, evenly spread from the first to the last, as different from what
 * will come. (A last element that is silent would cost a cycle: it pushes a marker.)
 */
static void disturb(int16_t *memory, int total, int count)
{
	for (int i = 0; i < count; i++)
		memory[i * (total - 1) / (count - 1)] = 100;
}

static void big_state(uint8_t *image)
{
	int16_t *x1 = (int16_t *)(image + 8), *h_mem1 = x1 + INPUTS;
	int16_t *x2 = (int16_t *)(image + BLOCK1 + 8), *h_mem2 = x2 + HIDDEN;

	image[0] = DELTAHOP_STATE_BIAS_SENT;
	image[BLOCK1] = DELTAHOP_STATE_BIAS_SENT;
	disturb(x1, INPUTS, 20);
	disturb(h_mem1, HIDDEN, 90);
	disturb(x2, HIDDEN, 70);
	disturb(h_mem2, HIDDEN, 49);
}

/*
 * Two layers of 768, 40 inputs, 229 of the 2344 columns, ideal memory: 66,939 cycles. With weights
 * of zero all values stay 0, so the memories decide what fires.
 */
START_TEST(headline)
{
	struct dh_layer layer = { .inputs = INPUTS,
				  .hidden = HIDDEN,
				  .weight_frac = { 7, 7, 7, 0 },
				  .weight_region = 3 };
	struct dh_run run = { .count = 2,
			      .params_region = 1,
			      .input_region = 2,
			      .output_region = 2,
			      .output_offset = 4096 };
	struct dh_params params = { .steps = 1 };
	struct deltahop_record record;
	struct deltahop_entry entry;
	struct rig_program program;
	struct dh_config config;
	struct rig *rig;
	uint8_t *weights = calloc(1, WEIGHT_BYTES);

	ck_assert(dh_config_profile(&config, "edgedrnn"));
	config.dram.n = 0;
	rig = rig_create(&config, RIG_FREE + 0x30000);
	rig->window[0] =
		(struct rig_window){ .addr = 1ULL << 40, .len = WEIGHT_BYTES, .bytes = weights };
	rig_region(rig, RIG_FREE, 0x30000, DELTAHOP_REGION_READ);
	rig_region(rig, RIG_FREE + 0x1000, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, RIG_FREE + 0x2000, 0x2000, DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	rig_region(rig, 1ULL << 40, WEIGHT_BYTES, DELTAHOP_REGION_READ);
	rig_start(rig);
	big_state(rig->ram + RIG_FREE + 0x10000);
	entry = rig_entry(rig, DELTAHOP_ENTRY_STATE_LOAD);
	entry.cmd_offset = 0x10000;
	entry.size = BLOCK1 + BLOCK2;
	assert_ok(rig_do(rig, &entry));

	program = rig_program(rig, RIG_FREE);
	rig_put_layer(&program, &layer);
	layer.slot = 1;
	layer.inputs = HIDDEN;
	layer.weight_offset = (1 + INPUTS + HIDDEN) * COLUMN;
	layer.state_offset = BLOCK1;
	rig_put_layer(&program, &layer);
	rig_put_run(&program, &run);
	rig_put_end(&program);
	dh_params_encode(&params, rig->ram + RIG_FREE + 0x1000);
	entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	entry.size = program.at - program.start;
	record = rig_do(rig, &entry);
	assert_ok(record);
	ck_assert_uint_eq(record.bytes_weights, 229 * COLUMN);
	ck_assert_uint_eq(record.work_done + record.work_skipped, 2344 * COLUMN);
	ck_assert_uint_eq(record.step_cycles, 66939);
	rig_destroy(rig);
	free(weights);
}
END_TEST

/* ---- steps ---- */

/*
 * Step by step and all at once: the same outputs; each step but the first of a RUN takes one cycle
 * more.
 */
START_TEST(steps_of_one_run)
{
	uint8_t single[6 * 32], *output;
	uint64_t cycles = 0;
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	output = net.rig->ram + net_addr(NET_OUTPUT);
	for (int t = 0; t < 6; t++) {
		net.run.input_offset = 16 * t;
		record = net_job(&net);
		assert_ok(record);
		cycles += record.step_cycles;
		memcpy(single + 32 * t, output, 32);
	}
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	net.run.input_offset = 0;
	net.params.steps = 6;
	record = net_job(&net);
	assert_ok(record);
	ck_assert_mem_eq(output, single, sizeof(single));
	ck_assert_uint_eq(record.step_cycles, cycles + 5);
	net_destroy(&net);
}
END_TEST

START_TEST(last_only)
{
	uint8_t want[32], *output;
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	output = net.rig->ram + net_addr(NET_OUTPUT);
	net.params.steps = 5;
	assert_ok(net_job(&net));
	memcpy(want, output + 4 * 32, 32);
	memset(output, 0xee, 256);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	net.run.last_only = true;
	record = net_job(&net);
	assert_ok(record);
	ck_assert_mem_eq(output, want, 32);
	for (int i = 32; i < 256; i++)
		ck_assert_uint_eq(output[i], 0xee);
	ck_assert_uint_eq(record.bytes_out, 32);
	ck_assert_uint_eq(record.bytes_in, 5 * 16);
	net_destroy(&net);
}
END_TEST

/* The bias: 3 cycles in the step that examines it, even if the threshold drops it. */
START_TEST(bias)
{
	struct deltahop_profile_row row;
	struct net net;

	net_create(&net, "edgedrnn");
	memset(net.rig->ram + net_addr(NET_INPUT), 0, 64);
	net.params.theta_x[0] = 257;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	assert_ok(rig_do(net.rig, &net.entry));
	net_rows(&net, &row, 1);
	ck_assert_uint_eq(row.cycles, 8 + 16 + 5 + 5 * 2 + 10 + 3);
	ck_assert_uint_eq(row.fired_x, 0);
	net.params.theta_x[0] = 0;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	assert_ok(rig_do(net.rig, &net.entry));
	net_rows(&net, &row, 1);
	ck_assert_uint_eq(row.fired_x, 0);
	ck_assert_uint_eq(row.cycles, 8 + 16 + 5 + 5 * 2 + 10);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	net.params.theta_x[0] = 256;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	assert_ok(rig_do(net.rig, &net.entry));
	net_rows(&net, &row, 1);
	ck_assert_uint_eq(row.fired_x, 1);
	net_destroy(&net);
}
END_TEST

/* ---- budget ---- */

START_TEST(budget)
{
	struct deltahop_record whole, record;
	uint64_t state_cycles;
	uint8_t *output;
	struct net net;

	net_create(&net, "edgedrnn");
	output = net.rig->ram + net_addr(NET_OUTPUT);
	net.params.steps = 4;
	whole = net_job(&net);
	assert_ok(whole);
	state_cycles = rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096).cycles;
	net_write(&net);
	net.entry.cycle_budget = whole.cycles - rig_record(net.rig, 0).cycles;
	assert_ok(rig_do(net.rig, &net.entry));
	/* One cycle less, and it stops before END. */
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	net_write(&net);
	net.entry.cycle_budget = whole.cycles - rig_record(net.rig, 0).cycles - 1;
	record = rig_do(net.rig, &net.entry);
	assert_status(record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	ck_assert_uint_eq(record.cmd_offset, 88);
	ck_assert_uint_eq(record.cycles - state_cycles, net.entry.cycle_budget);
	/* In the middle: what was written is whole steps, and the record counts only these. */
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	memset(output, 0xee, 128);
	net_write(&net);
	net.entry.cycle_budget = (whole.cycles - rig_record(net.rig, 0).cycles) * 3 / 5;
	record = rig_do(net.rig, &net.entry);
	assert_status(record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	ck_assert_uint_eq(record.cmd_offset, 40);
	ck_assert_uint_gt(record.bytes_out, 0);
	ck_assert_uint_lt(record.bytes_out, 128);
	ck_assert_uint_le(record.cycles - state_cycles, net.entry.cycle_budget);
	for (unsigned int i = record.bytes_out; i < 128; i++)
		ck_assert_uint_eq(output[i], 0xee);
	/* The state went with it. */
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

START_TEST(tiny_budget)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	net.entry.cycle_budget = 1;
	record = rig_do(net.rig, &net.entry);
	assert_status(record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	ck_assert_uint_eq(record.cmd_offset, 0);
	net_destroy(&net);
}
END_TEST

/* ---- profile ---- */

START_TEST(profile_overflow)
{
	struct deltahop_profile_row rows[5];
	struct deltahop_profile_head head;
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	memset(net.rig->ram + net_addr(NET_PROFILE), 0xee, 1024);
	net.rig->table[NET_PROFILE].length = 64 + 3 * 64 + 63;
	net.params.steps = 5;
	net.params.profile_steps = true;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	record = rig_do(net.rig, &net.entry);
	assert_ok(record);
	ck_assert_uint_eq(record.profile_lost, 2);
	head = net_rows(&net, rows, 5);
	ck_assert_uint_eq(head.rows, 3);
	ck_assert_uint_eq(head.lost, 2);
	ck_assert_uint_eq(rows[2].step, 2);
	ck_assert_uint_eq(rows[3].step, 0xeeeeeeee);
	net_destroy(&net);
}
END_TEST

START_TEST(profile_without_rows)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	net.rig->table[NET_PROFILE].length = 64;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	record = rig_do(net.rig, &net.entry);
	assert_ok(record);
	ck_assert_uint_eq(record.profile_lost, 1);
	net_destroy(&net);
}
END_TEST

START_TEST(bad_profile_region)
{
	static const enum deltahop_reason want[] = {
		DELTAHOP_REASON_OUT_OF_BOUNDS,
		DELTAHOP_REASON_NO_WRITE,
		DELTAHOP_REASON_BAD_REGION,
		DELTAHOP_REASON_DMA,
	};
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	switch (_i) {
	case 0:
		net.rig->table[NET_PROFILE].length = 63;
		break;
	case 1:
		net.rig->table[NET_PROFILE].flags &= ~DELTAHOP_REGION_WRITE;
		break;
	case 2:
		net.rig->table[NET_PROFILE].flags = 0;
		break;
	case 3:
		net.rig->table[NET_PROFILE].addr = 1ULL << 50;
		break;
	}
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	record = rig_do(net.rig, &net.entry);
	assert_fault(record, want[_i]);
	ck_assert_uint_eq(record.fault_region, NET_PROFILE);
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

/* A job that faults leaves its rows and the head. */
/* The columns of r * h lie past the end of the weights: nobody misses them before one fires. */
START_TEST(products_out_of_bounds)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "card");
	net.layer.cell = DELTAHOP_CELL_GRU_BEFORE;
	net.layer.weight_offset = NET_REGION_BYTES - ((1 + 8) * 3 * 16 + 16 * 2 * 16);
	assert_ok(net_job(&net));
	record = net_job(&net);
	assert_fault(record, DELTAHOP_REASON_OUT_OF_BOUNDS);
	ck_assert_uint_eq(record.fault_region, NET_WEIGHTS);
	ck_assert_uint_ge(record.fault_offset, NET_REGION_BYTES);
	ck_assert_uint_lt(record.fault_offset, NET_REGION_BYTES + 16 * 16);
	ck_assert_uint_eq(record.fault_offset % 16, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(profile_of_a_fault)
{
	struct deltahop_profile_row rows[2];
	struct deltahop_profile_head head;
	struct net net;

	net_create(&net, "edgedrnn");
	net.params.steps = 3;
	net.params.profile_steps = true;
	net.params.input_stride = NET_REGION_BYTES / 2;
	net_write(&net);
	net.entry.profile_region = NET_PROFILE;
	assert_fault(rig_do(net.rig, &net.entry), DELTAHOP_REASON_OUT_OF_BOUNDS);
	head = net_rows(&net, rows, 2);
	ck_assert_uint_eq(head.rows, 2);
	ck_assert_uint_eq(rows[1].step, 1);
	net_destroy(&net);
}
END_TEST

/* ---- programs of more than one block ---- */

/*
 * @nops before the net's commands: commands lie across the borders of the blocks they are read in.
 */
START_TEST(long_program)
{
	struct dh_cmd nop = { .opcode = DELTAHOP_OP_NOP };
	unsigned int nops = 500 + _i;
	struct rig_program program;
	struct deltahop_record record, plain;
	struct net net;

	net_create(&net, "edgedrnn");
	plain = net_job(&net);
	assert_ok(plain);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	program = rig_program(net.rig, net_addr(NET_COMMANDS));
	for (unsigned int i = 0; i < nops; i++)
		rig_put(&program, &nop);
	rig_put_layer(&program, &net.layer);
	rig_put_run(&program, &net.run);
	rig_put_end(&program);
	net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
	net.entry.size = program.at - program.start;
	record = rig_do(net.rig, &net.entry);
	assert_ok(record);
	ck_assert_uint_eq(record.cmd_offset, 8 * nops + 88);
	ck_assert_uint_eq(record.bytes_commands - plain.bytes_commands, 8 * nops);
	ck_assert_uint_eq(record.step_cycles, plain.step_cycles);
	/* Blocks of 4096 bytes, then the rest; one transfer each; one cycle a command. */
	ck_assert_uint_eq(record.cycles - plain.cycles,
			  nops + 8 * nops / 8 + (net.entry.size > 4096 ? 33 : 0));
	net_destroy(&net);
}
END_TEST

START_TEST(empty_program)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.entry.size = 0;
	assert_fault(rig_do(net.rig, &net.entry), DELTAHOP_REASON_NO_END);
	net_destroy(&net);
}
END_TEST

START_TEST(bad_params)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	net.params.steps = 0;
	net.run.params_offset = 96;
	net_write(&net);
	record = rig_do(net.rig, &net.entry);
	assert_fault(record, DELTAHOP_REASON_BAD_PARAMS);
	ck_assert_uint_eq(record.cmd_offset, 40);
	ck_assert_uint_eq(record.fault_region, NET_PARAMS);
	ck_assert_uint_eq(record.fault_offset, 96);
	net_destroy(&net);
}
END_TEST

TCase *model_jobs_case(void)
{
	TCase *tcase = tcase_create("jobs");

	tcase_add_test(tcase, headline);
	tcase_add_test(tcase, steps_of_one_run);
	tcase_add_test(tcase, last_only);
	tcase_add_test(tcase, bias);
	tcase_add_test(tcase, budget);
	tcase_add_test(tcase, tiny_budget);
	tcase_add_test(tcase, profile_overflow);
	tcase_add_test(tcase, profile_without_rows);
	tcase_add_loop_test(tcase, bad_profile_region, 0, 4);
	tcase_add_test(tcase, products_out_of_bounds);
	tcase_add_test(tcase, profile_of_a_fault);
	tcase_add_loop_test(tcase, long_program, 0, 16);
	tcase_add_test(tcase, empty_program);
	tcase_add_test(tcase, bad_params);
	return tcase;
}
