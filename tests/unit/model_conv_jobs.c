// SPDX-License-Identifier: MIT
/* Jobs of the convolution engine: what they cost, how they end early, what they leave. */
#include <stdlib.h>
#include <string.h>

#include "conv_net.h"
#include "deltahop_conv_timing.h"

/* What surrounds the passes of a job: entry and table, one block of commands, LAYER, INPUT, END. */
static uint64_t surroundings(const struct conv_net *net)
{
	const struct dh_memory_timing *dram = &net->rig->config.dram;
	uint32_t beat = net->rig->config.beat_bytes;

	return dh_timing_transfer(dram, beat, 64 + 32 * CONV_REGIONS) +
	       dh_timing_transfer(dram, beat, net->entry.size) + 3;
}

/* 4 x 4 values of one channel in two stripes, on the published engine. */
static void make_published(struct conv_net *net)
{
	conv_create(net, "nullhop-asic");
	for (int i = 0; i < 8; i++)
		conv_bus(net, CONV_INPUT, 8 * i, 1, 2 * i + 1, i % 2 == 0, 2 * i + 2, 0);
	conv_weights(net, (const int16_t[]){ 0 }, 1, (const int16_t[]){ 256 }, 1);
}

/* T(b) is 33 cycles and a beat for every 8 bytes. */
#define T(beats) (33 + (beats))
#define WEIGHTS	 (1 + T(65)) /* 64 bus words of biases, one of a kernel */
#define ROWS	 T(4)	     /* two rows of four values */
#define STRIPE	 (8 + 1)     /* of eight pixels */

#define FAR (1ULL << 40) /* memory besides the rig's */

/* ---- costs ---- */

START_TEST(cycles_of_a_pass)
{
	struct deltahop_record record;
	struct conv_net net;

	make_published(&net);
	record = conv_job(&net);
	assert_ok(record);
	/* The first stripe waits for the second one's rows, the second for the first one's results. */
	ck_assert_uint_eq(record.cycles, surroundings(&net) + WEIGHTS + ROWS + ROWS + ROWS + ROWS);
	ck_assert_uint_eq(record.step_cycles, 2 * STRIPE);
	ck_assert_uint_eq(record.wait_cycles, 0);
	ck_assert_uint_eq(record.bytes_weights, 65 * 8);
	ck_assert_uint_eq(record.bytes_in, 64);
	ck_assert_uint_eq(record.bytes_out, 64);
	ck_assert_uint_eq(record.work_done, 16);
	ck_assert_uint_eq(record.work_skipped, 0);
	ck_assert_uint_eq(record.engine, DELTAHOP_ENGINE_CONV);
	conv_destroy(&net);
}
END_TEST

/* What fits the input store is there for the second pass. */
START_TEST(input_is_loaded_once)
{
	struct deltahop_record record;
	struct conv_net net;

	make_published(&net);
	net.passes = 2;
	net.pass[1].output_offset = 64;
	record = conv_job(&net);
	assert_ok(record);
	ck_assert_uint_eq(record.bytes_in, 64);
	ck_assert_uint_eq(record.cycles,
			  surroundings(&net) + WEIGHTS + 4 * ROWS + WEIGHTS + STRIPE + ROWS + ROWS);
	ck_assert_mem_eq(conv_at(&net, CONV_OUTPUT, 0), conv_at(&net, CONV_OUTPUT, 64), 64);
	conv_destroy(&net);
}
END_TEST

/* A store of 512 words: 16 rows of 32 values stay, 17 are loaded again. */
START_TEST(input_is_loaded_again)
{
	uint32_t rows = 16 + _i;
	struct deltahop_record record;
	struct dh_config config;
	struct conv_net net;

	ck_assert(dh_config_profile(&config, "card"));
	config.conv_store_bytes = 1024;
	conv_create_device(&net, &config);
	net.layer.rows = net.layer.out_rows = rows;
	net.layer.cols = net.layer.out_cols = 32;
	net.passes = 2;
	net.pass[1].output_offset = 0x1000;
	for (int i = 0; i < 17 * 32; i++)
		WORDS(&net, CONV_INPUT, 2 * i, i);
	conv_weights(&net, (const int16_t[]){ 0 }, 1, (const int16_t[]){ 3 }, 1);
	record = conv_job(&net);
	assert_ok(record);
	ck_assert_uint_eq(record.bytes_in, rows == 16 ? 1024 : 2 * 17 * 64);
	for (uint32_t i = 0; i < rows * 32; i++) {
		ck_assert_int_eq(((int16_t *)conv_at(&net, CONV_OUTPUT, 0))[i], 3 * i);
		ck_assert_int_eq(((int16_t *)conv_at(&net, CONV_OUTPUT, 0x1000))[i], 3 * i);
	}
	conv_destroy(&net);
}
END_TEST

/* A pass that pools reads four rows, one that hands on sums needs the fifth besides; then all stay. */
START_TEST(further_rows)
{
	static const int32_t want[] = { 1, 2, 3, 4, 0, 0, 0, 6, 7, 8 };
	struct deltahop_record record;
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.flags = DELTAHOP_CONV_POOL_MAX;
	net.layer.rows = net.layer.out_rows = 5;
	net.layer.cols = net.layer.out_cols = 2;
	net.input[0].encoded = true;
	WORDS(&net, CONV_INPUT, 0, 3, 1, 2, 3, 3, 4, 0, 2, 6, 3, 7, 8);
	conv_weights(&net, (const int16_t[]){ 0 }, 1, (const int16_t[]){ 1 }, 1);
	net.passes = 3;
	net.pass[1].flags = DELTAHOP_PASS_PSUM_OUT;
	net.pass[1].output_region = 0;
	net.pass[1].psum_region = CONV_PSUM;
	net.pass[2] = net.pass[1];
	net.pass[2].psum_offset = 64;
	record = conv_job(&net);
	assert_ok(record);
	ck_assert_uint_eq(record.bytes_in, 2 * 12);
	assert_output(&net, 4, 6);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(((int32_t *)conv_at(&net, CONV_PSUM, 0))[i], want[i]);
		ck_assert_int_eq(((int32_t *)conv_at(&net, CONV_PSUM, 64))[i], want[i]);
	}
	conv_destroy(&net);
}
END_TEST

/*
 * The manual's example, in full size: of 112 stripes the first and the last have a row less, 10 of
 * 12 cycles a column and channel.
 */
START_TEST(first_layer_of_vgg)
{
	/* Bus words: of all values; of a sparsity map word for each 16 outputs, all zero. */
	const uint32_t side = 224, in = side * side * 3 * 4, out = side * side * 64 / 16 * 4;
	struct deltahop_record record;
	struct conv_net net;
	uint8_t *ram;

	conv_create(&net, "nullhop-asic");
	ram = calloc(1, (size_t)in + out);
	ck_assert_ptr_nonnull(ram);
	net.rig->window[0] = (struct rig_window){ FAR, in, ram, false, 0 };
	net.rig->window[1] = (struct rig_window){ 2 * FAR, out, ram + in, true, 0 };
	net.rig->table[CONV_INPUT].addr = FAR;
	net.rig->table[CONV_INPUT].length = in;
	net.rig->table[CONV_OUTPUT].addr = 2 * FAR;
	net.rig->table[CONV_OUTPUT].length = out;
	for (uint32_t i = 0; i < side * side * 3; i += 2) {
		uint64_t bus = i % 251 | (uint64_t)(i % 13) << 16 | 1ULL << 32 | 3ULL << 34 |
			       (uint64_t)(i % (side * 3) == 0) << 36;

		memcpy(ram + 4 * (size_t)i, &bus, sizeof(bus));
	}
	net.layer = (struct dh_conv_layer){
		.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 2,
		.out_shift = 8,
		.rows = side,
		.cols = side,
		.out_rows = side,
		.out_cols = side,
		.channels = 3,
		.bias_shift = 8,
	};
	net.input[0].channels = 3;
	net.pass[0].maps = 64;
	conv_weights(&net, (const int16_t[]){ 0 }, 1, (const int16_t[64 * 4 * 9]){ 0 }, 64 * 4 * 9);
	record = conv_job(&net);
	assert_ok(record);
	ck_assert_uint_eq(record.step_cycles, 110 * (8040 + 2) + 2 * (8040 / 12 * 10 + 2));
	/* Each pixel by the 3 x 3 outputs around it, less those beyond the edges. */
	ck_assert_uint_eq(record.work_done, 670ULL * 670 * 3 * 64);
	ck_assert_uint_eq(record.work_done + record.work_skipped, 672ULL * 672 * 3 * 64);
	ck_assert_uint_eq(record.bytes_out, out);
	conv_destroy(&net);
	free(ram);
}
END_TEST

START_TEST(timing_functions)
{
	static const uint32_t work[] = { 4, 4, 4, 1, 1, 9 };
	const struct dh_memory_timing memory = { 2, 10, 3 }, ideal = { 0 };

	/* The second controller begins its last column when the first one has ended its first. */
	ck_assert_uint_eq(dh_timing_multiply(work, 2, 3), 4 + 9);
	ck_assert_uint_eq(dh_timing_multiply(work, 1, 6), 23);
	ck_assert_uint_eq(dh_timing_multiply(work, 6, 1), 9);
	ck_assert_uint_eq(dh_timing_leave(9, false, 16), 5);
	ck_assert_uint_eq(dh_timing_leave(9, true, 16), 2);
	ck_assert_uint_eq(dh_timing_leave(0, true, 16), 0);
	ck_assert_uint_eq(dh_timing_stripe(5, 7, 6, 8), 7 + 4);
	ck_assert_uint_eq(dh_timing_stripe(5, 4, 6, 1), 6 + 1);
	/* Adding, fetching or the latency of three bursts binds. */
	ck_assert_uint_eq(dh_timing_columns(&memory, 16, 8, 100, 32, 7), 11 + 7 * 13);
	ck_assert_uint_eq(dh_timing_columns(&memory, 16, 128, 100, 200, 7), 11 + 7 * 26);
	ck_assert_uint_eq(dh_timing_columns(&memory, 16, 128, 100, 17, 7), 11 + 7 * 5);
	ck_assert_uint_eq(dh_timing_columns(&memory, 16, 128, 100, 17, 0), 11);
	ck_assert_uint_eq(dh_timing_columns(&ideal, 16, 128, 129, 17, 7), 14);
}
END_TEST

/* Three values of four, two outputs: a column of 4 bytes is a beat, and 33 + 1 over 4 bursts 9 cycles. */
START_TEST(cycles_of_a_fully_connected_layer)
{
	struct deltahop_record record;
	struct dh_config config;
	struct conv_net net;

	ck_assert(dh_config_profile(&config, "card"));
	config.link = (struct dh_memory_timing){ 0 };
	conv_create_device(&net, &config);
	net.opcode = DELTAHOP_OP_CONV_FC;
	net.layer.rows = net.layer.out_rows = net.layer.out_cols = 1;
	net.pass[0].maps = 2;
	WORDS(&net, CONV_INPUT, 0, 1, 0, 2, 3);
	record = conv_job(&net);
	assert_ok(record);
	ck_assert_uint_eq(record.step_cycles, 33 + 3 * 9);
	ck_assert_uint_eq(record.cycles, surroundings(&net) + 1 + T(1) + T(1) + 33 + 3 * 9 + T(1));
	ck_assert_uint_eq(record.bytes_weights, 4 + 3 * 4);
	ck_assert_uint_eq(record.bytes_in, 8);
	ck_assert_uint_eq(record.bytes_out, 4);
	ck_assert_uint_eq(record.work_done, 6);
	ck_assert_uint_eq(record.work_skipped, 2);
	conv_destroy(&net);
}
END_TEST

/* ---- early ends ---- */

/* With a budget up to some unit a job does that unit, and no other. */
START_TEST(budgets)
{
	struct deltahop_record record;
	uint64_t before, all;
	struct conv_net net;

	make_published(&net);
	record = conv_job(&net);
	all = record.cycles;
	before = surroundings(&net) - 1 + WEIGHTS + ROWS;
#define BUDGET(cycles, want_steps, want_stripes)                                       \
	do {                                                                           \
		memset(conv_at(&net, CONV_OUTPUT, 0), 0, 64);                          \
		conv_write(&net);                                                      \
		net.entry.cycle_budget = (cycles);                                     \
		record = rig_do(net.rig, &net.entry);                                  \
		assert_status(record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES); \
		ck_assert_uint_eq(record.step_cycles, (want_steps)*STRIPE);            \
		ck_assert_uint_eq(!!*conv_at(&net, CONV_OUTPUT, 0) +                   \
					  !!*conv_at(&net, CONV_OUTPUT, 32),           \
				  want_stripes);                                       \
	} while (0)
	BUDGET(before - ROWS - 1, 0, 0);
	ck_assert_uint_eq(record.bytes_weights, 0);
	BUDGET(before - 1, 0, 0);
	ck_assert_uint_eq(record.bytes_weights, 520);
	ck_assert_uint_eq(record.bytes_in, 0);
	BUDGET(before + ROWS - 1, 0, 0);
	ck_assert_uint_eq(record.bytes_in, 32);
	BUDGET(before + ROWS, 1, 0);
	ck_assert_uint_eq(record.cycles, before + ROWS);
	BUDGET(before + 2 * ROWS, 2, 1);
	BUDGET(before + 3 * ROWS - 1, 2, 1);
	BUDGET(before + 3 * ROWS, 2, 2);
	ck_assert_uint_eq(record.cmd_offset, 120);
	conv_write(&net);
	net.entry.cycle_budget = all;
	assert_ok(rig_do(net.rig, &net.entry));
	conv_destroy(&net);
}
END_TEST

/* Rows 6 and 7 are missing: found when stripe 2 begins, while the results of stripe 1 wait. */
START_TEST(fault_between_stripes)
{
	struct deltahop_record record;
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 8;
	net.rig->table[CONV_INPUT].length = 6 * 8;
	for (int i = 0; i < 32; i++)
		WORDS(&net, CONV_INPUT, 2 * i, 1);
	conv_weights(&net, (const int16_t[]){ 0 }, 1, (const int16_t[]){ 7 }, 1);
	record = conv_job(&net);
	assert_fault(record, DELTAHOP_REASON_OUT_OF_BOUNDS);
	ck_assert_uint_eq(record.fault_region, CONV_INPUT);
	ck_assert_uint_eq(record.fault_offset, 48);
	ck_assert_uint_eq(record.cmd_offset, 56);
	ck_assert_uint_eq(record.work_done, 16);
	ck_assert_uint_eq(record.bytes_out, 16);
	assert_output(&net, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0);
	conv_destroy(&net);
}
END_TEST

/* A layer is forgotten when its job ends, whosever the next one is. */
START_TEST(nothing_stays_for_another_job)
{
	struct rig_program program;
	struct conv_net net;

	conv_create(&net, "card");
	for (uint32_t owner = RIG_OWNER; owner < RIG_OWNER + 2; owner++) {
		assert_ok(conv_job(&net));
		program = rig_program(net.rig, conv_addr(CONV_COMMANDS));
		rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &net.pass[0]);
		rig_put_end(&program);
		net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
		net.entry.owner = owner;
		net.entry.size = program.at - program.start;
		assert_fault(rig_do(net.rig, &net.entry), DELTAHOP_REASON_NOT_LOADED);
		program = rig_program(net.rig, conv_addr(CONV_COMMANDS));
		rig_put_conv_layer(&program, &net.layer);
		rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &net.pass[0]);
		rig_put_end(&program);
		net.entry.size = program.at - program.start;
		net.entry.record_addr = rig_entry(net.rig, DELTAHOP_ENTRY_JOB).record_addr;
		assert_fault(rig_do(net.rig, &net.entry), DELTAHOP_REASON_NOT_LOADED);
	}
	conv_destroy(&net);
}
END_TEST

/* The second job's input is another one in the same place: it is loaded, not taken from the store. */
START_TEST(input_does_not_stay_for_another_job)
{
	struct conv_net net;

	conv_create(&net, "card");
	conv_weights(&net, (const int16_t[]){ 0 }, 1, (const int16_t[]){ 1 }, 1);
	WORDS(&net, CONV_INPUT, 0, 5, 6);
	assert_ok(conv_job(&net));
	assert_output(&net, 5, 6);
	WORDS(&net, CONV_INPUT, 0, 7, 8);
	assert_ok(conv_job(&net));
	assert_output(&net, 7, 8);
	conv_destroy(&net);
}
END_TEST

/* A ring that is reset in the middle of a pass writes nothing more, and works again. */
START_TEST(reset_in_a_pass)
{
	const uint32_t ctrl = DELTAHOP_RING(1, DELTAHOP_RING_CTRL);
	struct conv_net net;

	make_published(&net);
	conv_start(&net);
	/* 500 MHz: into the last transfer, when the first stripe has been written. */
	ck_assert(!rig_run(net.rig, 2 * (surroundings(&net) + WEIGHTS + 3 * ROWS + 5)));
	ck_assert_uint_ne(*conv_at(&net, CONV_OUTPUT, 0), 0);
	rig_set(net.rig, ctrl, DELTAHOP_RING_CTRL_RESET);
	ck_assert(rig_run(net.rig, UINT64_MAX / 4));
	ck_assert_uint_eq(*conv_at(&net, CONV_OUTPUT, 32), 0);
	rig_start(net.rig);
	assert_ok(conv_job(&net));
	ck_assert_uint_ne(*conv_at(&net, CONV_OUTPUT, 32), 0);
	conv_destroy(&net);
}
END_TEST

START_TEST(faults_on_purpose)
{
	const uint32_t status = DELTAHOP_RING(1, DELTAHOP_RING_STATUS);
	struct deltahop_record record;
	struct conv_net net;

	conv_create(&net, "card");
	dh_model_inject(net.rig->model, DELTAHOP_ENGINE_CONV, DH_FAULT_DMA, 1);
	record = conv_job(&net);
	assert_fault(record, DELTAHOP_REASON_DMA);
	ck_assert_uint_eq(record.fault_region, CONV_WEIGHTS);
	dh_model_inject(net.rig->model, DELTAHOP_ENGINE_RNN, DH_FAULT_DMA, 1);
	assert_ok(conv_job(&net));
	dh_model_inject(net.rig->model, DELTAHOP_ENGINE_CONV, DH_FAULT_STUCK, 1);
	conv_job(&net);
	ck_assert_uint_eq(rig_reg(net.rig, status), DELTAHOP_RING_BUSY);
	conv_destroy(&net);
}
END_TEST

/* ---- what is told ---- */

/* LAYER, INPUT, weights, first rows, two stripes, last results, PASS, END. */
START_TEST(progress)
{
	struct conv_net net;

	make_published(&net);
	assert_ok(conv_job(&net));
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(1, DELTAHOP_RING_PROGRESS)), 9);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(1, DELTAHOP_RING_SEQNO)), 1000);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(0, DELTAHOP_RING_PROGRESS)), 0);
	ck_assert_uint_eq(net.rig->interrupts[DELTAHOP_VECTOR_RING(1)], 1);
	ck_assert_uint_eq(net.rig->interrupts[DELTAHOP_VECTOR_RING(0)], 0);
	conv_destroy(&net);
}
END_TEST

static struct deltahop_profile_row row_at(struct conv_net *net, int number)
{
	struct deltahop_profile_row row;

	memcpy(&row, conv_at(net, CONV_PROFILE, 64 + 64 * number), sizeof(row));
	return row;
}

START_TEST(profile_rows)
{
	struct deltahop_record record;
	struct deltahop_profile_row row;
	struct conv_net net;

	make_published(&net);
	net.passes = 2;
	conv_write(&net);
	net.entry.profile_region = CONV_PROFILE;
	record = rig_do(net.rig, &net.entry);
	assert_ok(record);
	ck_assert_uint_eq(*(uint32_t *)conv_at(&net, CONV_PROFILE, 0), 2);
	row = row_at(&net, 0);
	ck_assert_uint_eq(row.cmd_offset, 56);
	ck_assert_uint_eq(row.opcode, DELTAHOP_OP_CONV_PASS);
	ck_assert_uint_eq(row.layer, 0);
	ck_assert_uint_eq(row.step, 0);
	ck_assert_uint_eq(row.steps, 2);
	ck_assert_uint_eq(row.cycles, WEIGHTS + 4 * ROWS);
	ck_assert_uint_eq(row.bytes_weights, 520);
	ck_assert_uint_eq(row.bytes_in, 64);
	ck_assert_uint_eq(row.bytes_out, 64);
	ck_assert_uint_eq(row.work_done, 16);
	ck_assert_uint_eq(row.work_skipped, 0);
	ck_assert_uint_eq(row.fired_x, 16);
	ck_assert_uint_eq(row.fired_h, 0);
	row = row_at(&net, 1);
	ck_assert_uint_eq(row.cmd_offset, 120);
	ck_assert_uint_eq(row.cycles, WEIGHTS + STRIPE + 2 * ROWS);
	ck_assert_uint_eq(row.bytes_in, 0);
	/* Two rows and the head are transfers of their own. */
	ck_assert_uint_eq(record.cycles,
			  surroundings(&net) + 2 * WEIGHTS + 6 * ROWS + STRIPE + 2 * T(8) + T(8));
	net.rig->table[CONV_PROFILE].length = 128;
	conv_write(&net);
	net.entry.profile_region = CONV_PROFILE;
	record = rig_do(net.rig, &net.entry);
	assert_ok(record);
	ck_assert_uint_eq(record.profile_lost, 1);
	ck_assert_uint_eq(record.cycles,
			  surroundings(&net) + 2 * WEIGHTS + 6 * ROWS + STRIPE + T(8) + T(8));
	conv_destroy(&net);
}
END_TEST

/* Of an encoded map only what is not zero is taken, once per stripe; layers are counted. */
START_TEST(profile_of_a_second_layer)
{
	struct rig_program program;
	struct deltahop_profile_row row;
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = 3;
	net.layer.kernel_rows = 2;
	net.layer.out_rows = 2;
	net.layer.cols = 4;
	net.layer.stride_cols = 3; /* columns 1 and 2 meet no output */
	net.layer.out_cols = 2;
	net.input[0].encoded = true;
	WORDS(&net, CONV_INPUT, 0, 15, 1, 2, 3, 4, 8, 5, 3, 6, 7);
	program = rig_program(net.rig, conv_addr(CONV_COMMANDS));
	rig_put_conv_layer(&program, &net.layer);
	rig_put_conv_layer(&program, &net.layer);
	rig_put_conv_input(&program, &net.input[0]);
	rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &net.pass[0]);
	rig_put_end(&program);
	net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
	net.entry.size = program.at - program.start;
	net.entry.profile_region = CONV_PROFILE;
	assert_ok(rig_do(net.rig, &net.entry));
	row = row_at(&net, 0);
	ck_assert_uint_eq(row.layer, 1);
	ck_assert_uint_eq(row.steps, 1);
	/* 1 and 4 once, 5 twice, 6 once. */
	ck_assert_uint_eq(row.fired_x, 4);
	ck_assert_uint_eq(row.work_done, 5);
	ck_assert_uint_eq(row.work_skipped, 2 * 2 * 2 - 5);
	conv_destroy(&net);
}
END_TEST

/* ---- the ring ---- */

START_TEST(no_state_memory)
{
	struct deltahop_entry entry;
	struct conv_net net;

	conv_create(&net, "card");
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 0));
	assert_fault(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_SAVE, 0),
		     DELTAHOP_REASON_NOT_LOADED);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_DISCARD, 0));
	entry = rig_entry(net.rig, DELTAHOP_ENTRY_STATE_LOAD);
	entry.flags |= DELTAHOP_ENTRY_STATE_ZERO;
	entry.size = 8;
	rig_do(net.rig, &entry);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(1, DELTAHOP_RING_STATUS)),
			  DELTAHOP_RING_HALTED);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(1, DELTAHOP_RING_ERROR)),
			  DELTAHOP_RING_BAD_ENTRY);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(0, DELTAHOP_RING_STATUS)),
			  DELTAHOP_RING_IDLE);
	conv_destroy(&net);
}
END_TEST

/* The device answers as the validator does. */
START_TEST(refused_commands)
{
	struct deltahop_record record;
	struct rig_program program;
	struct conv_net net;

	conv_create(&net, "card");
	net.pass[0].maps = 129;
	record = conv_job(&net);
	assert_fault(record, DELTAHOP_REASON_BAD_SIZE);
	ck_assert_uint_eq(record.cmd_offset, 56);
	ck_assert_uint_eq(record.fault_region, DELTAHOP_REGION_NONE);
	program = rig_program(net.rig, conv_addr(CONV_COMMANDS));
	rig_put_run(&program, &(struct dh_run){ .count = 1 });
	rig_put_end(&program);
	net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
	net.entry.size = program.at - program.start;
	assert_fault(rig_do(net.rig, &net.entry), DELTAHOP_REASON_BAD_OPCODE);
	conv_destroy(&net);
}
END_TEST

START_TEST(absent_ring)
{
	struct conv_net net;

	conv_create(&net, "nullhop-fpga");
	for (uint32_t reg = 0; reg < 0x40; reg += 4)
		ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(0, reg)), 0);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_RING(1, DELTAHOP_RING_STATUS)),
			  DELTAHOP_RING_IDLE);
	for (uint32_t reg = DELTAHOP_REG_RNN_PES; reg <= DELTAHOP_REG_RNN_STATE_BYTES; reg += 4)
		ck_assert_uint_eq(rig_reg(net.rig, reg), 0);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_MAX_OUTPUTS), 0);
	conv_destroy(&net);
}
END_TEST

TCase *model_conv_jobs_case(void)
{
	TCase *tcase = tcase_create("convolution jobs");

	tcase_add_test(tcase, cycles_of_a_pass);
	tcase_add_test(tcase, input_is_loaded_once);
	tcase_add_loop_test(tcase, input_is_loaded_again, 0, 2);
	tcase_add_test(tcase, further_rows);
	tcase_add_test(tcase, first_layer_of_vgg);
	tcase_add_test(tcase, timing_functions);
	tcase_add_test(tcase, cycles_of_a_fully_connected_layer);
	tcase_add_test(tcase, budgets);
	tcase_add_test(tcase, fault_between_stripes);
	tcase_add_test(tcase, nothing_stays_for_another_job);
	tcase_add_test(tcase, input_does_not_stay_for_another_job);
	tcase_add_test(tcase, reset_in_a_pass);
	tcase_add_test(tcase, faults_on_purpose);
	tcase_add_test(tcase, progress);
	tcase_add_test(tcase, profile_rows);
	tcase_add_test(tcase, profile_of_a_second_layer);
	tcase_add_test(tcase, no_state_memory);
	tcase_add_test(tcase, refused_commands);
	tcase_add_test(tcase, absent_ring);
	return tcase;
}
