// SPDX-License-Identifier: MIT
/* Commands: encoder, decoder, validator; that validator and device agree. */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"

static struct dh_cmd_limits limits_of(const char *profile)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	return dh_config_limits(&config);
}

static const struct dh_layer good_layer = { .inputs = 8,
					    .hidden = 16,
					    .weight_frac = { 7, 7, 7, 0 } };
static const struct dh_run good_run = { .count = 1 };

#define assert_reason(got, want) ck_assert_str_eq(dh_reason_text(got), dh_reason_text(want))

static enum deltahop_reason decode_layer(const char *profile, struct dh_layer layer)
{
	struct dh_cmd_limits limits = limits_of(profile);
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER, .layer = layer }, got;
	uint8_t buf[64];
	enum deltahop_reason reason;

	ck_assert_uint_eq(dh_cmd_encode(&cmd, buf), 40);
	reason = dh_cmd_decode(buf, 40, &limits, &got);
	if (!reason)
		ck_assert_mem_eq(&got.layer, &layer, sizeof(layer));
	return reason;
}

START_TEST(layer_fields)
{
	struct dh_layer layer;

#define LAYER(profile, reason, ...)                                                    \
	do {                                                                           \
		layer = good_layer;                                                    \
		__VA_ARGS__;                                                           \
		assert_reason(decode_layer(profile, layer), DELTAHOP_REASON_##reason); \
	} while (0)
	LAYER("edgedrnn", NONE, (void)0);
	LAYER("edgedrnn", NONE, layer.inputs = 1024; layer.hidden = 1024);
	LAYER("edgedrnn", NONE, layer.inputs = 4);
	LAYER("edgedrnn", NONE, layer.slot = 3);
	LAYER("edgedrnn", UNSUPPORTED, layer.slot = 4);
	LAYER("card", NONE, layer.slot = 7);
	LAYER("card", UNSUPPORTED, layer.slot = 8);
	LAYER("card", BAD_FIELD, layer.slot = 16);
	LAYER("card", BAD_FIELD, layer.cell = 5);
	LAYER("card", BAD_FIELD, layer.cell = 255);
	LAYER("edgedrnn", BAD_FIELD, layer.cell = 5);
	LAYER("card", BAD_FIELD, layer.activation = 2);
	LAYER("card", BAD_FIELD, layer.activation = 3);
	LAYER("card", NONE, layer.activation = 1);
	LAYER("edgedrnn", UNSUPPORTED, layer.activation = 1);
	LAYER("edgedrnn", BAD_FIELD, layer.activation = 2);
	LAYER("card", BAD_FIELD, layer.output_relu = true);
	LAYER("card", BAD_FIELD, layer.cell = 1; layer.weight_frac[1] = layer.weight_frac[2] = 0;
	      layer.activation = 4);
	LAYER("card", BAD_FIELD, layer.cell = 1);
	LAYER("card", NONE, layer.cell = 1; layer.weight_frac[1] = layer.weight_frac[2] = 0;
	      layer.activation = 3);
	LAYER("edgedrnn", UNSUPPORTED, layer.cell = 1;
	      layer.weight_frac[1] = layer.weight_frac[2] = 0);
	LAYER("card", BAD_SIZE, layer.inputs = 0);
	LAYER("card", BAD_SIZE, layer.inputs = 2);
	LAYER("card", BAD_SIZE, layer.inputs = 9);
	LAYER("card", BAD_SIZE, layer.inputs = 1028);
	LAYER("card", BAD_SIZE, layer.hidden = 0);
	LAYER("card", BAD_SIZE, layer.hidden = 8);
	LAYER("card", BAD_SIZE, layer.hidden = 20);
	LAYER("card", BAD_SIZE, layer.hidden = 1032);
	LAYER("card", BAD_FIELD, layer.weight_frac[0] = 16);
	LAYER("card", BAD_FIELD, layer.weight_frac[3] = 7);
	LAYER("card", NONE, layer.weight_frac[0] = 15; layer.weight_frac[2] = 0);
	LAYER("edgedrnn", UNSUPPORTED, layer.weight_frac[1] = 6);
	LAYER("edgedrnn", UNSUPPORTED, layer.no_bias = true);
	LAYER("card", NONE, layer.no_bias = true);
	LAYER("card", BAD_FIELD, layer.state_offset = 4);
	LAYER("card", NONE, layer.state_offset = 196608 - DELTAHOP_RNN_STATE_GRU(8, 16));
	LAYER("card", NOT_LOADED, layer.state_offset = 196608 - DELTAHOP_RNN_STATE_GRU(8, 16) + 8);
	LAYER("card", NOT_LOADED, layer.state_offset = 0xfffffff8);
}
END_TEST

/* Each bit is needed for its cell, and for nothing else. */
START_TEST(cells)
{
	struct dh_layer layer;

#define CELL(profile, reason, kind, gates, ...)                                                  \
	LAYER(profile, reason, layer.cell = DELTAHOP_CELL_##kind;                                \
	      for (int gate = 0; gate < 4; gate++) layer.weight_frac[gate] = gate < (gates) ? 7  \
											    : 0; \
	      __VA_ARGS__)
	CELL("card", NONE, GRU_BEFORE, 3, (void)0);
	CELL("card", NONE, GRU_BEFORE, 3, layer.activation = 1);
	CELL("card", BAD_FIELD, GRU_BEFORE, 3, layer.activation = 3);
	CELL("card", BAD_FIELD, GRU_BEFORE, 3, layer.output_relu = true);
	CELL("card", BAD_FIELD, GRU_BEFORE, 4, (void)0);
	CELL("edgedrnn", UNSUPPORTED, GRU_BEFORE, 3, (void)0);
	CELL("card", NONE, LSTM, 4, (void)0);
	CELL("card", NONE, LSTM, 4, layer.activation = 1; layer.output_relu = true);
	CELL("card", NONE, LSTM, 4, layer.weight_frac[3] = 15);
	CELL("card", BAD_FIELD, LSTM, 4, layer.weight_frac[3] = 16);
	CELL("card", BAD_FIELD, LSTM, 4, layer.activation = 2);
	CELL("edgedrnn", UNSUPPORTED, LSTM, 4, (void)0);
	CELL("card", NONE, SIMPLE, 1, (void)0);
	CELL("card", NONE, SIMPLE, 1, layer.activation = 3);
	CELL("card", BAD_FIELD, SIMPLE, 1, layer.activation = 4);
	CELL("card", BAD_FIELD, SIMPLE, 1, layer.output_relu = true);
	CELL("card", BAD_FIELD, SIMPLE, 2, (void)0);
	CELL("edgedrnn", UNSUPPORTED, SIMPLE, 1, (void)0);
	CELL("card", NONE, LSTM, 4, layer.state_offset = 196608 - DELTAHOP_RNN_STATE_LSTM(8, 16));
	CELL("card", NOT_LOADED, LSTM, 4,
	     layer.state_offset = 196608 - DELTAHOP_RNN_STATE_LSTM(8, 16) + 8);
	CELL("card", NONE, GRU_BEFORE, 3,
	     layer.state_offset = 196608 - DELTAHOP_RNN_STATE_GRU_BEFORE(8, 16));
	CELL("card", NOT_LOADED, GRU_BEFORE, 3,
	     layer.state_offset = 196608 - DELTAHOP_RNN_STATE_GRU_BEFORE(8, 16) + 8);
	CELL("card", NONE, SIMPLE, 1,
	     layer.state_offset = 196608 - DELTAHOP_RNN_STATE_SIMPLE(8, 16));
	CELL("card", NOT_LOADED, SIMPLE, 1,
	     layer.state_offset = 196608 - DELTAHOP_RNN_STATE_SIMPLE(8, 16) + 8);
}
END_TEST

static enum deltahop_reason decode_with(uint64_t caps, const struct dh_layer *layer)
{
	struct dh_cmd_limits limits = limits_of("card");
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER, .layer = *layer }, got;
	uint8_t buf[64];

	limits.caps = caps;
	dh_cmd_encode(&cmd, buf);
	return dh_cmd_decode(buf, 40, &limits, &got);
}

/* What the manual says that a layer needs is enough, and none of it can be spared. */
START_TEST(cells_need_their_bits)
{
	static const struct {
		struct dh_layer layer;
		uint64_t caps;
	} needs[] = {
		{ { .cell = DELTAHOP_CELL_GRU, .activation = 1, .weight_frac = { 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_RELU },
		{ { .cell = DELTAHOP_CELL_GRU_BEFORE, .weight_frac = { 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_GRU_BEFORE },
		{ { .cell = DELTAHOP_CELL_GRU_BEFORE, .activation = 1, .weight_frac = { 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_GRU_BEFORE | DELTAHOP_CAP_RNN_RELU },
		{ { .cell = DELTAHOP_CELL_LSTM, .weight_frac = { 7, 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_LSTM },
		{ { .cell = DELTAHOP_CELL_LSTM, .weight_frac = { 7, 7, 7, 6 } },
		  DELTAHOP_CAP_RNN_LSTM | DELTAHOP_CAP_RNN_WEIGHT_SCALE },
		{ { .cell = DELTAHOP_CELL_LSTM, .activation = 1, .weight_frac = { 7, 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_LSTM | DELTAHOP_CAP_RNN_RELU },
		{ { .cell = DELTAHOP_CELL_LSTM, .output_relu = true, .weight_frac = { 7, 7, 7, 7 } },
		  DELTAHOP_CAP_RNN_LSTM | DELTAHOP_CAP_RNN_RELU },
		{ { .cell = DELTAHOP_CELL_SIMPLE, .activation = 1, .weight_frac = { 7 } },
		  DELTAHOP_CAP_RNN_SIMPLE },
		{ { .cell = DELTAHOP_CELL_SIMPLE, .no_bias = true, .weight_frac = { 7 } },
		  DELTAHOP_CAP_RNN_SIMPLE | DELTAHOP_CAP_RNN_TEMPLATE },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		struct dh_layer layer = needs[i].layer;

		layer.inputs = 8;
		layer.hidden = 16;
		assert_reason(decode_with(needs[i].caps, &layer), DELTAHOP_REASON_NONE);
		for (uint64_t bit = 1; bit && bit <= needs[i].caps; bit <<= 1) {
			if (needs[i].caps & bit)
				assert_reason(decode_with(~bit, &layer),
					      DELTAHOP_REASON_UNSUPPORTED);
		}
	}
}
END_TEST

static enum deltahop_reason decode_run(const char *profile, struct dh_run run)
{
	struct dh_cmd_limits limits = limits_of(profile);
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_RUN, .run = run }, got;
	uint8_t buf[64];
	enum deltahop_reason reason;

	ck_assert_uint_eq(dh_cmd_encode(&cmd, buf), 48);
	reason = dh_cmd_decode(buf, 48, &limits, &got);
	if (!reason)
		ck_assert_mem_eq(&got.run, &run, sizeof(run));
	return reason;
}

START_TEST(run_fields)
{
	struct dh_run run;

#define RUN(profile, reason, ...)                                                  \
	do {                                                                       \
		run = good_run;                                                    \
		__VA_ARGS__;                                                       \
		assert_reason(decode_run(profile, run), DELTAHOP_REASON_##reason); \
	} while (0)
	RUN("edgedrnn", NONE, (void)0);
	RUN("edgedrnn", NONE, run.count = 4; run.last_only = true; run.input_offset = 6;
	    run.params_offset = 1ULL << 60);
	RUN("edgedrnn", UNSUPPORTED, run.count = 5);
	RUN("edgedrnn", UNSUPPORTED, run.first = 1);
	RUN("card", NONE, run.first = 7);
	RUN("card", UNSUPPORTED, run.first = 8);
	RUN("card", BAD_FIELD, run.count = 0);
	RUN("card", BAD_FIELD, run.first = 10; run.count = 7);
	RUN("card", BAD_FIELD, run.first = 255; run.count = 255);
	RUN("card", BAD_FIELD, run.params_offset = 4);
	RUN("card", BAD_FIELD, run.input_offset = 1);
	RUN("card", BAD_FIELD, run.output_offset = 3);
}
END_TEST

/* Each reserved byte, and each flag that means nothing, is checked. */
START_TEST(reserved_bits)
{
	static const unsigned int layer_bytes[] = { 5, 6, 7, 11, 36, 37, 38, 39 },
				  run_bytes[] = { 5, 6, 7, 10, 11 };
	struct dh_cmd_limits limits = limits_of("card");
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER, .layer = good_layer }, got;
	uint8_t buf[64];

	for (unsigned int i = 0; i < 8; i++) {
		dh_cmd_encode(&cmd, buf);
		buf[layer_bytes[i]] ^= 0x10;
		assert_reason(dh_cmd_decode(buf, 40, &limits, &got), DELTAHOP_REASON_BAD_FIELD);
	}
	cmd = (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_RUN, .run = good_run };
	for (unsigned int i = 0; i < 5; i++) {
		dh_cmd_encode(&cmd, buf);
		buf[run_bytes[i]] ^= 0x10;
		assert_reason(dh_cmd_decode(buf, 48, &limits, &got), DELTAHOP_REASON_BAD_FIELD);
	}
	for (int opcode = DELTAHOP_OP_NOP; opcode <= DELTAHOP_OP_END; opcode++) {
		cmd.opcode = opcode;
		ck_assert_uint_eq(dh_cmd_encode(&cmd, buf), 8);
		assert_reason(dh_cmd_decode(buf, 8, &limits, &got), DELTAHOP_REASON_NONE);
		buf[4] = 1;
		assert_reason(dh_cmd_decode(buf, 8, &limits, &got), DELTAHOP_REASON_BAD_FIELD);
	}
}
END_TEST

START_TEST(headers)
{
	struct dh_cmd_limits limits = limits_of("card");
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER, .layer = good_layer }, got;
	uint8_t buf[64];

	dh_cmd_encode(&cmd, buf);
	for (size_t len = 0; len < 40; len++)
		assert_reason(dh_cmd_decode(buf, len, &limits, &got), DELTAHOP_REASON_BAD_LENGTH);
	buf[2] = 48;
	assert_reason(dh_cmd_decode(buf, 64, &limits, &got), DELTAHOP_REASON_BAD_LENGTH);
	cmd.opcode = 99;
	ck_assert_uint_eq(dh_cmd_encode(&cmd, buf), 0);
	for (unsigned int opcode = 0; opcode < 65536; opcode++) {
		memset(buf, 0, sizeof(buf));
		buf[0] = opcode & 0xff;
		buf[1] = opcode >> 8;
		buf[2] = 8;
		if (!dh_cmd_size(opcode))
			assert_reason(dh_cmd_decode(buf, 64, &limits, &got),
				      DELTAHOP_REASON_BAD_OPCODE);
	}
}
END_TEST

/* ---- streams ---- */

/* Validate a stream, and run it: the answers must be the same. */
static enum deltahop_reason judge(struct net *net, const struct rig_program *program,
				  size_t *offset)
{
	const struct rig *rig = net->rig;
	struct dh_cmd_limits limits = dh_config_limits(&rig->config);
	enum deltahop_reason reason;
	struct deltahop_record record;

	reason = dh_cmd_validate(program->start, program->at - program->start, DELTAHOP_ENGINE_RNN,
				 &limits, offset);
	assert_ok(rig_do_state(net->rig, DELTAHOP_ENTRY_STATE_LOAD, rig->config.rnn_state_bytes));
	dh_params_encode(&net->params, net->rig->ram + net_addr(NET_PARAMS));
	net->entry = rig_entry(net->rig, DELTAHOP_ENTRY_JOB);
	net->entry.size = program->at - program->start;
	record = rig_do(net->rig, &net->entry);
	assert_reason(record.reason, reason);
	ck_assert_uint_eq(record.status, reason ? DELTAHOP_STATUS_FAULT : DELTAHOP_STATUS_OK);
	if (reason)
		ck_assert_uint_eq(record.cmd_offset, *offset);
	return reason;
}

START_TEST(streams)
{
	struct dh_layer wide = { .slot = 1,
				 .inputs = 24,
				 .hidden = 16,
				 .weight_frac = { 7, 7, 7, 0 },
				 .weight_region = NET_WEIGHTS };
	struct rig_program program;
	struct dh_run both;
	size_t offset;
	struct net net;

	net_create(&net, "card");
	both = net.run;
	both.count = 2;
#define STREAM(want_reason, want_offset, ...)                                                 \
	do {                                                                                  \
		program = rig_program(net.rig, net_addr(NET_COMMANDS));                       \
		__VA_ARGS__;                                                                  \
		assert_reason(judge(&net, &program, &offset), DELTAHOP_REASON_##want_reason); \
		ck_assert_uint_eq(offset, want_offset);                                       \
	} while (0)
	STREAM(NO_END, 0, (void)0);
	STREAM(NONE, 8, rig_put_end(&program));
	STREAM(BAD_LENGTH, 0, rig_put_end(&program); rig_put_end(&program));
	STREAM(NO_END, 40, rig_put_layer(&program, &net.layer));
	STREAM(NOT_LOADED, 0, rig_put_run(&program, &net.run));
	STREAM(NOT_LOADED, 40, rig_put_layer(&program, &net.layer); rig_put_run(&program, &both));
	STREAM(BAD_SIZE, 80, rig_put_layer(&program, &net.layer); rig_put_layer(&program, &wide);
	       rig_put_run(&program, &both));
	wide.inputs = 16;
	STREAM(NONE, 136, rig_put_layer(&program, &net.layer); rig_put_layer(&program, &wide);
	       rig_put_run(&program, &both); rig_put_end(&program));
	STREAM(BAD_OPCODE, 8, rig_put(&program, &(struct dh_cmd){ .opcode = DELTAHOP_OP_NOP });
	       memset(program.at, 0, 8); program.at += 8);
	STREAM(BAD_LENGTH, 0, rig_put_run(&program, &net.run); program.at -= 8);
	net_destroy(&net);
}
END_TEST

/* Without WEIGHT_BASE the layers' columns follow the common rule. */
START_TEST(common_weight_base)
{
	struct dh_layer second = { .slot = 1,
				   .inputs = 16,
				   .hidden = 24,
				   .weight_frac = { 7, 7, 7, 0 },
				   .state_offset = 4096,
				   .weight_region = NET_WEIGHTS };
	struct rig_program program;
	size_t offset;
	struct net net;

	net_create(&net, "edgedrnn");
	net.run.count = 2;
	net.layer.weight_offset = 40;
	second.weight_offset = 40 + (1 + 8 + 16) * 3 * 24;
	STREAM(NONE, 136, rig_put_layer(&program, &net.layer); rig_put_layer(&program, &second);
	       rig_put_run(&program, &net.run); rig_put_end(&program));
	second.weight_offset += 8;
	STREAM(UNSUPPORTED, 80, rig_put_layer(&program, &net.layer);
	       rig_put_layer(&program, &second); rig_put_run(&program, &net.run);
	       rig_put_end(&program));
	second.weight_offset -= 8;
	second.weight_region = NET_INPUT;
	STREAM(UNSUPPORTED, 80, rig_put_layer(&program, &net.layer);
	       rig_put_layer(&program, &second); rig_put_run(&program, &net.run);
	       rig_put_end(&program));
	net_destroy(&net);
	net_create(&net, "card");
	net.run.count = 2;
	STREAM(NONE, 136, rig_put_layer(&program, &net.layer); rig_put_layer(&program, &second);
	       rig_put_run(&program, &net.run); rig_put_end(&program));
	net_destroy(&net);
}
END_TEST

/*
 * Thousands of damaged streams: validator and device agree wherever the fault is not one of memory
 * or parameters.
 */
START_TEST(damaged_streams)
{
	struct rig_random random = { 99 + _i };
	struct dh_cmd_limits limits = limits_of("card");
	struct deltahop_record record;
	struct net net;
	size_t offset;

	net_create(&net, "card");
	for (int i = 0; i < 1000; i++) {
		uint8_t *bytes = net.rig->ram + net_addr(NET_COMMANDS);
		enum deltahop_reason reason;

		assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD,
				       net.rig->config.rnn_state_bytes));
		net_write(&net);
		for (uint32_t k = rig_below(&random, 3); k < 3; k++)
			bytes[rig_below(&random, net.entry.size)] ^= 1 << rig_below(&random, 8);
		reason = dh_cmd_validate(bytes, net.entry.size, DELTAHOP_ENGINE_RNN, &limits,
					 &offset);
		record = rig_do(net.rig, &net.entry);
		if (reason)
			ck_assert_uint_eq(record.status, DELTAHOP_STATUS_FAULT);
		if (reason && record.fault_region == DELTAHOP_REGION_NONE) {
			assert_reason(record.reason, reason);
			ck_assert_uint_eq(record.cmd_offset, offset);
		}
		if (!reason && record.status == DELTAHOP_STATUS_FAULT)
			ck_assert_uint_ne(record.fault_region, DELTAHOP_REGION_NONE);
	}
	ck_assert_uint_eq(net.rig->stray, 0);
	net_destroy(&net);
}
END_TEST

/* ---- parameters ---- */

static enum deltahop_reason decode_params(const char *profile, unsigned int byte, uint8_t value,
					  struct dh_params *got)
{
	struct dh_params params = {
		.steps = 5, .input_stride = 6, .output_stride = 8, .profile_steps = true
	};
	struct dh_cmd_limits limits = limits_of(profile);
	struct dh_run run = { .first = 1, .count = 2 };
	uint8_t buf[88];

	for (int i = 0; i < DELTAHOP_RNN_MAX_SLOTS; i++) {
		params.theta_x[i] = 10;
		params.theta_h[i] = -1;
	}
	dh_params_encode(&params, buf);
	if (byte < sizeof(buf))
		buf[byte] = value;
	return dh_params_decode(buf, &limits, &run, got);
}

START_TEST(params)
{
	struct dh_params got;

	assert_reason(decode_params("edgedrnn", 99, 0, &got), DELTAHOP_REASON_NONE);
	ck_assert_uint_eq(got.steps, 5);
	ck_assert_uint_eq(got.input_stride, 6);
	ck_assert_uint_eq(got.output_stride, 8);
	ck_assert(got.profile_steps);
	ck_assert_int_eq(got.theta_x[15], 10);
	ck_assert_int_eq(got.theta_h[0], -1);
	assert_reason(decode_params("card", 0, 80, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 4, 2, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 8, 0, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 10, 0x10, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 13, 1, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 16, 7, &got), DELTAHOP_REASON_BAD_PARAMS);
	assert_reason(decode_params("card", 20, 1, &got), DELTAHOP_REASON_BAD_PARAMS);
	/* Slot 2's own threshold; slots that do not run may have any. */
	assert_reason(decode_params("card", 24 + 8, 9, &got), DELTAHOP_REASON_NONE);
	assert_reason(decode_params("edgedrnn", 24 + 8, 9, &got), DELTAHOP_REASON_UNSUPPORTED);
	assert_reason(decode_params("edgedrnn", 24 + 10, 9, &got), DELTAHOP_REASON_UNSUPPORTED);
	assert_reason(decode_params("edgedrnn", 24, 9, &got), DELTAHOP_REASON_NONE);
	assert_reason(decode_params("edgedrnn", 24 + 12, 9, &got), DELTAHOP_REASON_NONE);
	/* Only 10 bits count. */
	assert_reason(decode_params("edgedrnn", 24 + 9, 0x40, &got), DELTAHOP_REASON_NONE);
	ck_assert_int_eq(got.theta_x[2], 10);
	assert_reason(decode_params("card", 24 + 9, 0x02, &got), DELTAHOP_REASON_NONE);
	ck_assert_int_eq(got.theta_x[2], -502);
}
END_TEST

START_TEST(texts)
{
	for (uint32_t i = 0; i < 30; i++) {
		ck_assert_uint_gt(strlen(dh_reason_text(i)), 3);
		ck_assert_uint_gt(strlen(dh_status_text(i)), 1);
	}
	ck_assert_str_eq(dh_reason_text(12345), "unknown reason");
	ck_assert_str_eq(dh_status_text(12345), "unknown status");
}
END_TEST

TCase *model_commands_case(void)
{
	TCase *tcase = tcase_create("commands");

	tcase_add_test(tcase, layer_fields);
	tcase_add_test(tcase, cells);
	tcase_add_test(tcase, cells_need_their_bits);
	tcase_add_test(tcase, run_fields);
	tcase_add_test(tcase, reserved_bits);
	tcase_add_test(tcase, headers);
	tcase_add_test(tcase, streams);
	tcase_add_test(tcase, common_weight_base);
	tcase_add_loop_test(tcase, damaged_streams, 0, 4);
	tcase_add_test(tcase, params);
	tcase_add_test(tcase, texts);
	return tcase;
}
