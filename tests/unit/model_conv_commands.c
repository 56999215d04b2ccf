// SPDX-License-Identifier: MIT
/* Commands of the convolution engine: every field, every rule, and what follows from a layer. */
#include <string.h>

#include "model_test.h"

#define assert_reason(got, want) ck_assert_str_eq(dh_reason_text(got), dh_reason_text(want))

/* As published: 3x3, pad 1, ReLU, encoded output. */
static const struct dh_conv_layer good_layer = {
	.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE,
	.kernel_rows = 3,
	.kernel_cols = 3,
	.stride_rows = 1,
	.stride_cols = 1,
	.pad_top = 1,
	.pad_left = 1,
	.macs = 2,
	.out_shift = 8,
	.rows = 16,
	.cols = 20,
	.out_rows = 16,
	.out_cols = 20,
	.channels = 5,
	.bias_shift = 8,
};
static const struct dh_conv_input good_input = { .encoded = true, .channels = 5, .offset = 8 };
static const struct dh_conv_pass good_pass = {
	.maps = 64, .weight_region = 1, .weight_offset = 16, .output_region = 2, .output_offset = 24
};

static struct dh_cmd_limits limits_of(const char *profile)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	return dh_config_limits(&config);
}

/* Encode and decode; what is accepted comes back the same. */
static enum deltahop_reason decode(const char *profile, struct dh_cmd cmd)
{
	struct dh_cmd_limits limits = limits_of(profile);
	size_t size = dh_cmd_size(cmd.opcode);
	enum deltahop_reason reason;
	uint8_t buf[64], again[64];
	struct dh_cmd got;

	ck_assert_uint_eq(dh_cmd_encode(&cmd, buf), size);
	reason = dh_cmd_decode(buf, size, &limits, &got);
	if (!reason) {
		ck_assert_uint_eq(dh_cmd_encode(&got, again), size);
		ck_assert_mem_eq(buf, again, size);
	}
	return reason;
}

#define LAYER(profile, reason, ...)                                                              \
	do {                                                                                     \
		struct dh_conv_layer layer = good_layer;                                         \
                                                                                                 \
		__VA_ARGS__;                                                                     \
		assert_reason(decode(profile, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_LAYER, \
							       .conv_layer = layer }),           \
			      DELTAHOP_REASON_##reason);                                         \
	} while (0)

START_TEST(layer_fields)
{
	LAYER("nullhop-fpga", NONE, (void)0);
	LAYER("card", NONE, (void)0);
	LAYER("card", BAD_FIELD, layer.flags |= 1 << 5);
	LAYER("card", BAD_FIELD, layer.flags |= 1U << 31);
	LAYER("card", BAD_FIELD, layer.flags |= DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_POOL_AVG);
	LAYER("card", BAD_FIELD, layer.kernel_rows = 0);
	LAYER("card", BAD_FIELD, layer.kernel_rows = 8);
	LAYER("card", BAD_FIELD, layer.kernel_cols = 0);
	LAYER("card", BAD_FIELD, layer.kernel_cols = 8);
	LAYER("card", BAD_FIELD, layer.stride_rows = 0);
	LAYER("card", BAD_FIELD, layer.stride_rows = 5);
	LAYER("card", BAD_FIELD, layer.stride_cols = 0);
	LAYER("card", BAD_FIELD, layer.stride_cols = 5);
	LAYER("card", BAD_FIELD, layer.macs = 0);
	LAYER("card", BAD_FIELD, layer.macs = 3);
	LAYER("card", BAD_FIELD, layer.macs = 16);
	LAYER("card", BAD_FIELD, layer.out_shift = 32);
	LAYER("card", BAD_FIELD, layer.bias_shift = 17);
	LAYER("card", BAD_FIELD, layer.rows = 0);
	LAYER("card", BAD_FIELD, layer.cols = 0);
	LAYER("card", BAD_FIELD, layer.out_rows = 0);
	LAYER("card", BAD_FIELD, layer.out_cols = 0);
	LAYER("card", BAD_FIELD, layer.channels = 0);
	LAYER("card", BAD_SIZE, layer.cols = 1025);
	LAYER("card", BAD_SIZE, layer.out_cols = 1025);
	LAYER("card", BAD_SIZE, layer.channels = 1025);
	LAYER("card", BAD_SIZE, layer.flags |= DELTAHOP_CONV_POOL_MAX; layer.out_rows = 1);
	LAYER("card", BAD_SIZE, layer.flags |= DELTAHOP_CONV_POOL_AVG; layer.out_cols = 1);
	/* The first rule that is broken decides. */
	LAYER("nullhop-asic", BAD_FIELD, layer.macs = 3; layer.cols = 1025);
	LAYER("nullhop-asic", BAD_SIZE, layer.stride_rows = 2; layer.cols = 1025);
	LAYER("card", NONE, layer.kernel_rows = 7; layer.kernel_cols = 1; layer.stride_rows = 4;
	      layer.stride_cols = 3; layer.pad_top = -128; layer.pad_left = 127; layer.macs = 8;
	      layer.out_shift = 31; layer.bias_shift = 0; layer.rows = 65535; layer.cols = 1024;
	      layer.out_rows = 65535; layer.out_cols = 1; layer.channels = 1024; layer.flags = 0);
}
END_TEST

/* What a published engine has not. */
START_TEST(layer_capabilities)
{
#define BOTH(...)                                                \
	do {                                                     \
		LAYER("nullhop-asic", UNSUPPORTED, __VA_ARGS__); \
		LAYER("card", NONE, __VA_ARGS__);                \
	} while (0)
	BOTH(layer.stride_rows = layer.stride_cols = 2; layer.out_rows = 8; layer.out_cols = 10);
	BOTH(layer.kernel_cols = 1; layer.pad_left = 0);
	BOTH(layer.pad_left = 0; layer.out_cols = 18);
	BOTH(layer.pad_top = layer.pad_left = -1; layer.out_rows = 12; layer.out_cols = 16);
	BOTH(layer.pad_top = layer.pad_left = 3; layer.out_rows = 20; layer.out_cols = 24);
	BOTH(layer.out_rows = 15);
	BOTH(layer.out_cols = 21);
	/* A kernel that does not fit the input has no place. */
	BOTH(layer.kernel_rows = layer.kernel_cols = 7; layer.pad_top = layer.pad_left = 0;
	     layer.rows = layer.cols = 6; layer.out_rows = layer.out_cols = 1);
	BOTH(layer.out_shift = 7);
	BOTH(layer.bias_shift = 9);
	BOTH(layer.flags |= DELTAHOP_CONV_WEIGHT8);
	BOTH(layer.flags |= DELTAHOP_CONV_POOL_AVG);
	BOTH(layer.flags = DELTAHOP_CONV_RELU);
	BOTH(layer.flags = DELTAHOP_CONV_ENCODE);
	LAYER("nullhop-asic", NONE, layer.flags = 0);
	LAYER("nullhop-asic", NONE, layer.flags |= DELTAHOP_CONV_POOL_MAX);
	LAYER("nullhop-asic", NONE, layer.pad_top = layer.pad_left = 0; layer.out_rows = 14;
	      layer.out_cols = 18);
	LAYER("nullhop-asic", NONE, layer.pad_top = layer.pad_left = 2; layer.out_rows = 18;
	      layer.out_cols = 22);
}
END_TEST

START_TEST(input_fields)
{
#define INPUT(reason, ...)                                                              \
	do {                                                                            \
		struct dh_conv_input input = good_input;                                \
                                                                                        \
		__VA_ARGS__;                                                            \
		assert_reason(decode("nullhop-fpga",                                    \
				     (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_INPUT, \
						      .conv_input = input }),           \
			      DELTAHOP_REASON_##reason);                                \
	} while (0)
	INPUT(NONE, (void)0);
	INPUT(NONE, input.encoded = false; input.channels = 65535; input.region = ~0U;
	      input.offset = ~7ULL);
	INPUT(BAD_FIELD, input.channels = 0);
	INPUT(BAD_FIELD, input.offset = 4);
}
END_TEST

#define PASS_OF(code, profile, reason, ...)                                                       \
	do {                                                                                      \
		struct dh_conv_pass pass = good_pass;                                             \
                                                                                                  \
		__VA_ARGS__;                                                                      \
		assert_reason(decode(profile, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_##code, \
							       .conv_pass = pass }),              \
			      DELTAHOP_REASON_##reason);                                          \
	} while (0)
#define PASS(...) PASS_OF(PASS, __VA_ARGS__)
#define FC(...)	  PASS_OF(FC, __VA_ARGS__)

START_TEST(pass_fields)
{
	PASS("nullhop-fpga", NONE, (void)0);
	PASS("card", NONE,
	     pass.flags = DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_ADD | DELTAHOP_PASS_ADD_ENCODED;
	     pass.psum_region = 3; pass.psum_offset = 8; pass.add_region = 4; pass.add_offset = 16;
	     pass.add_shift = 24);
	PASS("card", NONE, pass.flags = DELTAHOP_PASS_PSUM_OUT; pass.output_region = 0;
	     pass.output_offset = 0; pass.psum_region = 3; pass.psum_offset = 8);
	PASS("card", BAD_FIELD, pass.flags = 1 << 4);
	PASS("card", BAD_FIELD, pass.flags = 1U << 31);
	PASS("card", BAD_FIELD, pass.maps = 0);
	PASS("card", BAD_FIELD, pass.weight_offset = 4);
	PASS("card", BAD_FIELD, pass.output_offset = 12);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_PSUM_IN; pass.psum_offset = 4);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_ADD; pass.add_offset = 2);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_ADD; pass.add_shift = 25);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_ADD_ENCODED);
	PASS("card", BAD_FIELD, pass.psum_region = 1);
	PASS("card", BAD_FIELD, pass.psum_offset = 8);
	PASS("card", BAD_FIELD, pass.add_region = 1);
	PASS("card", BAD_FIELD, pass.add_offset = 8);
	PASS("card", BAD_FIELD, pass.add_shift = 1);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_PSUM_OUT; pass.output_offset = 0);
	PASS("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_PSUM_OUT; pass.output_region = 0);
	PASS("nullhop-asic", UNSUPPORTED, pass.flags = DELTAHOP_PASS_PSUM_IN);
	PASS("nullhop-asic", UNSUPPORTED, pass.flags = DELTAHOP_PASS_PSUM_OUT;
	     pass.output_region = 0; pass.output_offset = 0);
	PASS("nullhop-asic", UNSUPPORTED, pass.flags = DELTAHOP_PASS_ADD);
	FC("card", NONE, (void)0);
	FC("card", NONE, pass.maps = 65535);
	FC("card", BAD_FIELD, pass.maps = 0);
	FC("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_PSUM_IN);
	FC("card", BAD_FIELD, pass.flags = DELTAHOP_PASS_ADD);
	FC("card", BAD_FIELD, pass.psum_region = 1);
	FC("card", BAD_FIELD, pass.add_region = 1);
	FC("nullhop-asic", UNSUPPORTED, (void)0);
}
END_TEST

/* Each reserved byte is checked. */
START_TEST(reserved_bytes)
{
	static const struct {
		uint16_t opcode;
		uint8_t byte[10];
	} reserved[] = {
		{ DELTAHOP_OP_CONV_LAYER, { 5, 6, 7, 27, 28, 29, 30, 31 } },
		{ DELTAHOP_OP_CONV_INPUT, { 5, 6, 7, 10, 11 } },
		{ DELTAHOP_OP_CONV_PASS, { 5, 6, 7, 11, 60, 61, 62, 63 } },
		{ DELTAHOP_OP_CONV_FC, { 4, 5, 6, 7, 11, 60, 61, 62, 63 } },
	};
	struct dh_cmd_limits limits = limits_of("card");
	struct dh_cmd cmd, got;
	uint8_t buf[64];

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		size_t size = dh_cmd_size(reserved[i].opcode);

		cmd = (struct dh_cmd){ .opcode = reserved[i].opcode, .conv_pass = good_pass };
		if (cmd.opcode == DELTAHOP_OP_CONV_LAYER)
			cmd.conv_layer = good_layer;
		if (cmd.opcode == DELTAHOP_OP_CONV_INPUT)
			cmd.conv_input = good_input;
		dh_cmd_encode(&cmd, buf);
		assert_reason(dh_cmd_decode(buf, size, &limits, &got), DELTAHOP_REASON_NONE);
		assert_reason(dh_cmd_decode(buf, size - 8, &limits, &got),
			      DELTAHOP_REASON_BAD_LENGTH);
		for (int k = 0; reserved[i].byte[k]; k++) {
			dh_cmd_encode(&cmd, buf);
			buf[reserved[i].byte[k]] ^= 0x40;
			assert_reason(dh_cmd_decode(buf, size, &limits, &got),
				      DELTAHOP_REASON_BAD_FIELD);
		}
	}
}
END_TEST

/* ---- across commands ---- */

struct stream {
	uint8_t bytes[4096];
	size_t len;
};

static void put(struct stream *stream, struct dh_cmd cmd)
{
	stream->len += dh_cmd_encode(&cmd, stream->bytes + stream->len);
}

static void put_layer(struct stream *stream, struct dh_conv_layer layer)
{
	put(stream, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_LAYER, .conv_layer = layer });
}

static void put_input(struct stream *stream, uint16_t channels)
{
	put(stream, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_INPUT,
				     .conv_input = { .channels = channels } });
}

static void put_pass(struct stream *stream, uint16_t opcode, uint16_t maps)
{
	put(stream, (struct dh_cmd){ .opcode = opcode, .conv_pass = { .maps = maps } });
}

static void assert_stream(const struct stream *stream, enum deltahop_engine engine,
			  enum deltahop_reason want, size_t want_offset)
{
	struct dh_cmd_limits limits = limits_of("card");
	size_t offset;

	assert_reason(dh_cmd_validate(stream->bytes, stream->len, engine, &limits, &offset), want);
	ck_assert_uint_eq(offset, want_offset);
}

#define STREAM(reason, offset, ...)                                                        \
	do {                                                                               \
		struct stream s = { .len = 0 };                                            \
                                                                                           \
		__VA_ARGS__;                                                               \
		put(&s, (struct dh_cmd){ .opcode = DELTAHOP_OP_END });                     \
		assert_stream(&s, DELTAHOP_ENGINE_CONV, DELTAHOP_REASON_##reason, offset); \
	} while (0)

START_TEST(streams)
{
	const uint16_t run = DELTAHOP_OP_CONV_PASS;
	struct dh_conv_layer layer = good_layer;

	STREAM(NONE, 32 + 24 + 64 + 8, put_layer(&s, layer); put_input(&s, 5);
	       put_pass(&s, run, 64));
	STREAM(NONE, 32 + 48 + 128 + 8, put_layer(&s, layer); put_input(&s, 2); put_input(&s, 3);
	       put_pass(&s, run, 64); put_pass(&s, run, 1));
	STREAM(NOT_LOADED, 0, put_input(&s, 1));
	STREAM(NOT_LOADED, 0, put_pass(&s, run, 1));
	STREAM(NOT_LOADED, 32, put_layer(&s, layer); put_pass(&s, run, 1));
	STREAM(NOT_LOADED, 56, put_layer(&s, layer); put_input(&s, 4); put_pass(&s, run, 1));
	STREAM(BAD_SIZE, 32, put_layer(&s, layer); put_input(&s, 6));
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 3); put_input(&s, 3));
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 5); put_pass(&s, run, 65));
	/* A layer forgets the inputs of the one before. */
	STREAM(NOT_LOADED, 88, put_layer(&s, layer); put_input(&s, 5); put_layer(&s, layer);
	       put_pass(&s, run, 1));
	layer.channels = 65;
	STREAM(BAD_SIZE, 32 + 64 * 24, put_layer(&s, layer);
	       for (int i = 0; i < 65; i++) put_input(&s, 1));
	STREAM(NONE, 32 + 64 * 24 + 8, put_layer(&s, layer);
	       for (int i = 0; i < 64; i++) put_input(&s, 1));
}
END_TEST

/* Kernel memory and input store bind a pass, not a fully connected layer. */
START_TEST(memories)
{
	const uint16_t run = DELTAHOP_OP_CONV_PASS, fc = DELTAHOP_OP_CONV_FC;
	struct dh_conv_layer layer = good_layer;

	layer.macs = 1;
	layer.channels = 455; /* 4095 weights */
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 455); put_pass(&s, run, 128));
	layer.channels = 456;
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 456); put_pass(&s, run, 128));
	layer.macs = 2; /* 512 channels, of which each controller has 256 */
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 456); put_pass(&s, run, 64));
	layer.channels = 513;
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 513); put_pass(&s, run, 1));
	/* Six rows of 41120 + 2570 words fit 262144, of 41180 + 2574 they do not. */
	layer = good_layer;
	layer.cols = layer.out_cols = 514;
	layer.channels = 80;
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 80); put_pass(&s, run, 1));
	layer.cols = layer.out_cols = 515;
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 80); put_pass(&s, run, 1));
	/* Fewer rows are fewer rows. */
	layer.rows = layer.out_rows = 5;
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 80); put_pass(&s, run, 1));
	layer = (struct dh_conv_layer){ .kernel_rows = 1,
					.kernel_cols = 1,
					.stride_rows = 1,
					.stride_cols = 1,
					.macs = 1,
					.rows = 65535,
					.cols = 1024,
					.out_rows = 1,
					.out_cols = 1,
					.channels = 1024 };
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 1024); put_pass(&s, fc, 1024));
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 1024); put_pass(&s, fc, 1025));
	STREAM(BAD_SIZE, 56, put_layer(&s, layer); put_input(&s, 1024); put_pass(&s, run, 1));
}
END_TEST

START_TEST(fully_connected_layers)
{
	const uint16_t fc = DELTAHOP_OP_CONV_FC;
	const struct dh_conv_layer good = { .kernel_rows = 1,
					    .kernel_cols = 1,
					    .stride_rows = 1,
					    .stride_cols = 1,
					    .macs = 1,
					    .rows = 7,
					    .cols = 7,
					    .out_rows = 1,
					    .out_cols = 1,
					    .channels = 5,
					    .flags = DELTAHOP_CONV_WEIGHT8 | DELTAHOP_CONV_RELU };
	struct dh_conv_layer layer = good;

#define FC_LAYER(...)                                                         \
	do {                                                                  \
		layer = good;                                                 \
		__VA_ARGS__;                                                  \
		STREAM(BAD_FIELD, 56, put_layer(&s, layer); put_input(&s, 5); \
		       put_pass(&s, fc, 10));                                 \
	} while (0)
	STREAM(NONE, 128, put_layer(&s, layer); put_input(&s, 5); put_pass(&s, fc, 10));
	FC_LAYER(layer.kernel_rows = 2);
	FC_LAYER(layer.kernel_cols = 2);
	FC_LAYER(layer.stride_rows = 2);
	FC_LAYER(layer.stride_cols = 2);
	FC_LAYER(layer.pad_top = 1);
	FC_LAYER(layer.pad_left = -1);
	FC_LAYER(layer.macs = 2);
	FC_LAYER(layer.out_rows = 2);
	FC_LAYER(layer.out_cols = 2);
	FC_LAYER(layer.flags |= DELTAHOP_CONV_POOL_MAX; layer.out_rows = layer.out_cols = 2);
	STREAM(NOT_LOADED, 32, put_layer(&s, good); put_pass(&s, fc, 10));
}
END_TEST

/* A command of the other engine is unknown, however good or bad its fields. */
START_TEST(other_engine)
{
	struct stream s = { .len = 0 };

	put_layer(&s, good_layer);
	assert_stream(&s, DELTAHOP_ENGINE_RNN, DELTAHOP_REASON_BAD_OPCODE, 0);
	s.bytes[8] = 99;
	assert_stream(&s, DELTAHOP_ENGINE_RNN, DELTAHOP_REASON_BAD_OPCODE, 0);
	assert_stream(&s, DELTAHOP_ENGINE_CONV, DELTAHOP_REASON_BAD_FIELD, 0);
	s.bytes[2] = 40;
	assert_stream(&s, DELTAHOP_ENGINE_RNN, DELTAHOP_REASON_BAD_OPCODE, 0);
	assert_stream(&s, DELTAHOP_ENGINE_CONV, DELTAHOP_REASON_BAD_LENGTH, 0);
	s.len = 0;
	put(&s, (struct dh_cmd){ .opcode = DELTAHOP_OP_NOP });
	put(&s, (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_LAYER });
	assert_stream(&s, DELTAHOP_ENGINE_CONV, DELTAHOP_REASON_BAD_OPCODE, 8);
	s.len = 8;
	put(&s, (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_RUN, .run = { .count = 1 } });
	assert_stream(&s, DELTAHOP_ENGINE_CONV, DELTAHOP_REASON_BAD_OPCODE, 8);
}
END_TEST

/* ---- geometry ---- */

START_TEST(channels_and_controllers)
{
	static const struct {
		uint32_t macs, channels, padded, first_of_last, controllers;
	} cases[] = {
		{ 1, 5, 5, 0, 1 },	   { 2, 1, 2, 1, 2 },	    { 2, 3, 4, 2, 2 },
		{ 4, 3, 4, 3, 4 },	   { 8, 1, 8, 7, 8 },	    { 8, 9, 16, 14, 8 },
		{ 4, 4, 4, 3, 4 },	   { 2, 512, 512, 256, 2 }, { 8, 64, 64, 56, 8 },
		{ 4, 1000, 1024, 768, 4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_conv_layer layer = { .macs = cases[i].macs,
					       .channels = cases[i].channels };
		uint32_t last = cases[i].padded - 1, first = cases[i].first_of_last;

		ck_assert_uint_eq(dh_conv_channels_padded(&layer), cases[i].padded);
		ck_assert_uint_eq(dh_conv_controller(&layer, 0), 0);
		ck_assert_uint_eq(dh_conv_controller(&layer, last), cases[i].controllers - 1);
		ck_assert_uint_eq(dh_conv_controller(&layer, first), cases[i].controllers - 1);
		if (first)
			ck_assert_uint_eq(dh_conv_controller(&layer, first - 1),
					  cases[i].controllers - 2);
	}
}
END_TEST

/* m of every layer of VGG16, and of the networks of NullHop's demonstrations. */
START_TEST(macs_per_output_map)
{
	static const struct {
		uint32_t kernel, channels, out, macs;
	} cases[] = {
		{ 3, 3, 64, 2 },
		{ 3, 64, 64, 2 },
		{ 3, 64, 128, 1 },
		{ 3, 128, 128, 1 },
		{ 3, 128, 256, 1 },
		{ 3, 256, 256, 1 },
		{ 3, 256, 512, 1 },
		{ 3, 512, 512, 2 },
		{ 5, 1, 16, 8 },
		{ 3, 16, 32, 4 },
		{ 5, 32, 64, 2 },
		{ 1, 128, 128, 1 },
		/* More MACs than eight have nothing to do; dummy kernels need room. */
		{ 3, 8, 4, 8 },
		{ 3, 900, 128, 4 },
		{ 3, 1024, 128, 4 },
		{ 7, 668, 128, 0 },
		{ 7, 512, 128, 8 },
		{ 7, 660, 128, 0 },
		{ 1, 1024, 192, 1 },
		{ 3, 455, 128, 1 },
		{ 3, 456, 128, 2 },
	};
	struct dh_cmd_limits limits = limits_of("nullhop-asic");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(dh_conv_choose_macs(&limits, cases[i].kernel, cases[i].kernel,
						  cases[i].channels, cases[i].out) == cases[i].macs,
			      "case %zu: %u MACs, not %u", i,
			      dh_conv_choose_macs(&limits, cases[i].kernel, cases[i].kernel,
						  cases[i].channels, cases[i].out),
			      cases[i].macs);
}
END_TEST

START_TEST(sizes)
{
	struct dh_cmd_limits card = limits_of("card"), published = limits_of("nullhop-asic");
	struct dh_conv_pass pass = { .maps = 3 };
	struct dh_conv_layer layer = good_layer;

	/* 3 maps of 8 channels of 9 weights. */
	ck_assert_uint_eq(dh_conv_kernel_count(&layer, &pass), 216);
	ck_assert_uint_eq(dh_conv_weight_bytes(&layer, &pass, &card), 256 + 432);
	ck_assert_uint_eq(dh_conv_weight_bytes(&layer, &pass, &published), 512 + 864);
	layer.macs = 1; /* 135 weights end with half a bus word */
	ck_assert_uint_eq(dh_conv_weight_bytes(&layer, &pass, &published), 512 + 68 * 8);
	layer.flags |= DELTAHOP_CONV_WEIGHT8;
	ck_assert_uint_eq(dh_conv_weight_bytes(&layer, &pass, &card), 256 + 135);
	ck_assert_uint_eq(dh_conv_fc_values(&layer), 1600);
	ck_assert_uint_eq(dh_conv_fc_column_bytes(&layer, &pass), 3);
	ck_assert_uint_eq(dh_conv_fc_columns_offset(&pass), 8);
	ck_assert_uint_eq(dh_conv_fc_weight_bytes(&layer, &pass), 8 + 4800);
	pass.maps = 5;
	ck_assert_uint_eq(dh_conv_fc_columns_offset(&pass), 16);
	ck_assert_uint_eq(dh_conv_map_bytes_max(3, 5, 7, false, true), 210);
	ck_assert_uint_eq(dh_conv_map_bytes_max(3, 5, 7, true, true), 228);
	ck_assert_uint_eq(dh_conv_map_bytes_max(3, 5, 7, false, false), 424);
	ck_assert_uint_eq(dh_conv_map_bytes_max(65535, 1024, 1024, true, true),
			  65535ULL * 1024 * 1024 / 16 * 17 * 2);
	layer = good_layer;
	layer.out_rows = 7;
	layer.out_cols = 9;
	ck_assert_uint_eq(dh_conv_output_rows(&layer), 7);
	ck_assert_uint_eq(dh_conv_computed_cols(&layer, 0), 9);
	layer.flags |= DELTAHOP_CONV_POOL_MAX;
	ck_assert_uint_eq(dh_conv_output_rows(&layer), 3);
	ck_assert_uint_eq(dh_conv_output_cols(&layer), 4);
	ck_assert_uint_eq(dh_conv_computed_rows(&layer, 0), 6);
	ck_assert_uint_eq(dh_conv_computed_cols(&layer, DELTAHOP_PASS_PSUM_IN), 8);
	ck_assert_uint_eq(dh_conv_computed_rows(&layer, DELTAHOP_PASS_PSUM_OUT), 7);
	ck_assert_uint_eq(dh_conv_computed_cols(&layer, DELTAHOP_PASS_PSUM_OUT), 9);
}
END_TEST

TCase *model_conv_commands_case(void)
{
	TCase *tcase = tcase_create("convolution commands");

	tcase_add_test(tcase, layer_fields);
	tcase_add_test(tcase, layer_capabilities);
	tcase_add_test(tcase, input_fields);
	tcase_add_test(tcase, pass_fields);
	tcase_add_test(tcase, reserved_bytes);
	tcase_add_test(tcase, streams);
	tcase_add_test(tcase, memories);
	tcase_add_test(tcase, fully_connected_layers);
	tcase_add_test(tcase, other_engine);
	tcase_add_test(tcase, channels_and_controllers);
	tcase_add_test(tcase, macs_per_output_map);
	tcase_add_test(tcase, sizes);
	return tcase;
}
