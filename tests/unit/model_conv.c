// SPDX-License-Identifier: MIT
/* The convolution engine: layers small enough to compute by hand. */
#include <string.h>

#include "conv_net.h"
#include "deltahop_conv.h"

/* Biases of MACs 0.., then kernels. */
#define WEIGHTS(net, biases, ...)                                            \
	conv_weights(net, (const int16_t[])BIAS biases,                      \
		     sizeof((const int16_t[])BIAS biases) / sizeof(int16_t), \
		     (const int16_t[]){ __VA_ARGS__ },                       \
		     sizeof((const int16_t[]){ __VA_ARGS__ }) / sizeof(int16_t))
#define BIAS(...)           \
	{                   \
		__VA_ARGS__ \
	}

/* The first bus words of the output region. */
#define assert_bus(net, ...)                                                           \
	do {                                                                           \
		const uint64_t want_bus[] = { __VA_ARGS__ };                           \
                                                                                       \
		for (size_t w = 0; w < sizeof(want_bus) / sizeof(want_bus[0]); w++)    \
			ck_assert_msg(((uint64_t *)conv_at(net, CONV_OUTPUT, 0))[w] == \
					      want_bus[w],                             \
				      "bus word %zu is not as it should be", w);       \
	} while (0)

#define COUNTING 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

/* Every value times 3, plus 100. */
START_TEST(one_weight)
{
	struct conv_net net;

	conv_create(&net, "card");
	WORDS(&net, CONV_INPUT, 0, COUNTING);
	WEIGHTS(&net, (100), 3);
	assert_ok(conv_job(&net));
	assert_output(&net, 103, 106, 109, 112, 115, 118, 121, 124, 127, 130, 133, 136, 139, 142,
		      145, 148);
	conv_destroy(&net);
}
END_TEST

/* A corner of ones, and where the kernel's columns and rows are. */
START_TEST(where_kernels_lie)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.kernel_rows = 2;
	net.layer.kernel_cols = 3;
	net.layer.pad_top = 1;
	net.layer.pad_left = 1;
	WORDS(&net, CONV_INPUT, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	WEIGHTS(&net, (0), 11, 12, 13, 21, 22, 23);
	assert_ok(conv_job(&net));
	/* The one at (1, 1) is under kernel row i of output row 2 - i, column j of 2 - j. */
	assert_output(&net, 0, 0, 0, 0, 23, 22, 21, 0, 13, 12, 11, 0, 0, 0, 0, 0);
	conv_destroy(&net);
}
END_TEST

/* Rows by 2, columns by 3; negative pads cut the input. */
START_TEST(strides_and_pads)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.stride_rows = 2;
	net.layer.stride_cols = 3;
	net.layer.out_rows = 2;
	net.layer.out_cols = 2;
	WORDS(&net, CONV_INPUT, 0, COUNTING);
	WEIGHTS(&net, (0), 1);
	assert_ok(conv_job(&net));
	assert_output(&net, 1, 4, 9, 12);
	net.layer.pad_top = -1;
	net.layer.pad_left = -2;
	assert_ok(conv_job(&net));
	assert_output(&net, 7, 0, 15, 0);
	net.layer.pad_top = 4;
	net.layer.pad_left = 3;
	net.layer.out_rows = 4;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 0, 0, 0, 0, 1, 0, 9);
	/* Nothing of the input is touched. */
	net.layer.pad_top = 127;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 0, 0, 0, 0, 0, 0, 0);
	net.layer.pad_top = -128;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 0, 0, 0, 0, 0, 0, 0);
	conv_destroy(&net);
}
END_TEST

/* Two output maps of three channels, of two maps of which one is encoded. */
START_TEST(maps_and_channels)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 1;
	net.layer.cols = net.layer.out_cols = 2;
	net.layer.channels = 3;
	net.inputs = 2;
	net.input[0].channels = 2;
	net.input[1].encoded = true;
	net.input[1].offset = 64;
	net.pass[0].maps = 2;
	WORDS(&net, CONV_INPUT, 0, 1, 2, 3, 4);
	WORDS(&net, CONV_INPUT, 64, 2, 5); /* 0, 5 */
	for (net.layer.macs = 1; net.layer.macs <= 8; net.layer.macs *= 2) {
		if (net.layer.macs == 1)
			WEIGHTS(&net, (1000, 2000), 1, 10, 100, -1, -10, -100);
		else if (net.layer.macs == 2)
			WEIGHTS(&net, (1000, 7, 2000), 1, 10, 100, 999, -1, -10, -100, 999);
		else if (net.layer.macs == 4)
			WEIGHTS(&net, (1000, 7, 7, 7, 2000), 1, 10, 100, 999, -1, -10, -100, 999);
		else
			WEIGHTS(&net, (1000, 7, 7, 7, 7, 7, 7, 7, 2000), 1, 10, 100, 9, 9, 9, 9, 9,
				-1, -10, -100, 9, 9, 9, 9, 9);
		memset(conv_at(&net, CONV_OUTPUT, 0), 0, 8);
		assert_ok(conv_job(&net));
		assert_output(&net, 1021, 1979, 1543, 1457);
	}
	conv_destroy(&net);
}
END_TEST

/* Rectified, shifted down, saturated; encoded or not. */
START_TEST(outputs)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 1;
	net.layer.out_shift = 2;
	net.layer.bias_shift = 1;
	WORDS(&net, CONV_INPUT, 0, -3, -1, 20000, -20000);
	WEIGHTS(&net, (1), 7);
	assert_ok(conv_job(&net));
	/* (-21 + 2) / 4, (-7 + 2) / 4, 140002 / 4, -139998 / 4 */
	assert_output(&net, -5, -2, 32767, -32768);
	net.layer.flags = DELTAHOP_CONV_RELU;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 0, 32767, 0);
	net.layer.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE;
	assert_ok(conv_job(&net));
	assert_output(&net, 1 << 2, 32767);
	net.layer.flags = DELTAHOP_CONV_ENCODE;
	net.layer.out_shift = 31;
	assert_ok(conv_job(&net));
	assert_output(&net, 1 << 0 | 1 << 1 | 1 << 3, -1, -1, -1);
	conv_destroy(&net);
}
END_TEST

/* Sums wrap, and so do biases. */
START_TEST(sums_wrap)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 1;
	net.layer.cols = net.layer.out_cols = 1;
	net.layer.channels = 2;
	net.input[0].channels = 2;
	net.layer.out_shift = 16;
	WORDS(&net, CONV_INPUT, 0, -32768, -32768);
	WEIGHTS(&net, (0), -32768, -32768);
	assert_ok(conv_job(&net));
	assert_output(&net, -32768); /* 2^31 */
	net.layer.bias_shift = 16;
	WEIGHTS(&net, (-32768), -32768, -32768);
	assert_ok(conv_job(&net));
	assert_output(&net, 0); /* 2^31 - 2^31 */
	conv_destroy(&net);
}
END_TEST

/* Squares of 2 x 2; an odd last column and row are dropped. */
START_TEST(pooling)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 3;
	net.layer.cols = net.layer.out_cols = 5;
	WORDS(&net, CONV_INPUT, 0, -8, -9, -2, 7, 99, -7, -6, 3, 5, 99, 99, 99, 99, 99, 99);
	WEIGHTS(&net, (0), 1);
	net.layer.flags = DELTAHOP_CONV_POOL_MAX;
	assert_ok(conv_job(&net));
	assert_output(&net, -6, 7, 0);
	net.layer.flags = DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_RELU;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 7, 0);
	net.layer.flags = DELTAHOP_CONV_POOL_AVG;
	assert_ok(conv_job(&net));
	assert_output(&net, -8, 3, 0); /* -30 / 4, 13 / 4, rounded down */
	net.layer.flags = DELTAHOP_CONV_POOL_AVG | DELTAHOP_CONV_RELU;
	assert_ok(conv_job(&net));
	assert_output(&net, 0, 3, 0); /* 15 / 4 */
	/* Four sums that only together are more than 32 bits; -30 and 13 of them round. */
	net.layer.out_shift = 16;
	net.layer.bias_shift = 16;
	WEIGHTS(&net, (32767), 1);
	assert_ok(conv_job(&net));
	assert_output(&net, 32766, 32767, 0);
	conv_destroy(&net);
}
END_TEST

START_TEST(kernels_of_bytes)
{
	static const int8_t kernels[] = { -128, 127, -1, 2 };
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.flags = DELTAHOP_CONV_WEIGHT8;
	net.layer.kernel_rows = 2;
	net.layer.kernel_cols = 2;
	net.layer.out_rows = 1;
	net.layer.out_cols = 1;
	WORDS(&net, CONV_INPUT, 0, COUNTING);
	WEIGHTS(&net, (10), 0);
	memcpy(conv_at(&net, CONV_WEIGHTS, 256), kernels, sizeof(kernels));
	assert_ok(conv_job(&net));
	assert_output(&net, 10 - 128 + 254 - 5 + 12);
	conv_destroy(&net);
}
END_TEST

/* A layer of two channels in two halves, whose sums go through memory. */
START_TEST(partial_sums)
{
	struct conv_net net;
	int32_t *sums;

	conv_create(&net, "card");
	sums = (int32_t *)conv_at(&net, CONV_PSUM, 8);
	net.layer.rows = net.layer.out_rows = 3;
	net.layer.cols = net.layer.out_cols = 3;
	net.layer.flags = DELTAHOP_CONV_POOL_MAX;
	WORDS(&net, CONV_INPUT, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	WEIGHTS(&net, (-100), 1000);
	net.pass[0].flags = DELTAHOP_PASS_PSUM_OUT;
	net.pass[0].output_region = 0;
	net.pass[0].psum_region = CONV_PSUM;
	net.pass[0].psum_offset = 8;
	assert_ok(conv_job(&net));
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(sums[i], 1000 * (i + 1) - 100);
	net.pass[0].flags |= DELTAHOP_PASS_PSUM_IN;
	assert_ok(conv_job(&net));
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(sums[i], 2000 * (i + 1) - 100);
	net.pass[0].flags = DELTAHOP_PASS_PSUM_IN;
	net.pass[0].output_region = CONV_OUTPUT;
	assert_ok(conv_job(&net));
	assert_output(&net, 3000 * 5 - 100, 0);
	conv_destroy(&net);
}
END_TEST

/* A map, encoded or not, is added to what the sums start from. */
START_TEST(added_map)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 3;
	net.layer.cols = net.layer.out_cols = 1;
	net.pass[0].flags = DELTAHOP_PASS_ADD;
	net.pass[0].add_region = CONV_ADD;
	net.pass[0].add_offset = 16;
	net.pass[0].add_shift = 3;
	WORDS(&net, CONV_INPUT, 0, 1, 2, 3);
	WORDS(&net, CONV_ADD, 16, 10, -20, 0);
	WEIGHTS(&net, (5), 1000);
	assert_ok(conv_job(&net));
	assert_output(&net, 1085, 1845, 3005);
	net.pass[0].flags |= DELTAHOP_PASS_ADD_ENCODED;
	WORDS(&net, CONV_ADD, 16, 1, 10, 1, -20, 0);
	memset(conv_at(&net, CONV_OUTPUT, 0), 0, 6);
	assert_ok(conv_job(&net));
	assert_output(&net, 1085, 1845, 3005);
	conv_destroy(&net);
}
END_TEST

/* Two outputs of three values, of which one is zero: its column is not even there. */
START_TEST(fully_connected)
{
	struct conv_net net;

	conv_create(&net, "card");
	net.opcode = DELTAHOP_OP_CONV_FC;
	net.layer.rows = net.layer.out_rows = 1;
	net.layer.cols = 3;
	net.layer.out_cols = 1;
	net.layer.bias_shift = 4;
	net.layer.out_shift = 1;
	net.pass[0].maps = 2;
	WORDS(&net, CONV_INPUT, 0, 3, -4, 0);
	WORDS(&net, CONV_WEIGHTS, 0, 1, 2, 77, 77, 10, 20, 30, -40);
	net.rig->table[CONV_WEIGHTS].length = 16;
	assert_ok(conv_job(&net));
	assert_output(&net, (16 + 30 - 120) / 2, (32 + 60 + 160) / 2);
	/* Weights in a region that begins at an odd byte. */
	memmove(conv_at(&net, CONV_WEIGHTS, 1), conv_at(&net, CONV_WEIGHTS, 0), 16);
	net.rig->table[CONV_WEIGHTS].addr++;
	memset(conv_at(&net, CONV_OUTPUT, 0), 0, 4);
	assert_ok(conv_job(&net));
	assert_output(&net, (16 + 30 - 120) / 2, (32 + 60 + 160) / 2);
	net.rig->table[CONV_WEIGHTS].addr--;
	memmove(conv_at(&net, CONV_WEIGHTS, 0), conv_at(&net, CONV_WEIGHTS, 1), 16);
	net.layer.flags = DELTAHOP_CONV_WEIGHT8 | DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE;
	memcpy(conv_at(&net, CONV_WEIGHTS, 8), (const int8_t[]){ 10, 20, 30, -40 }, 4);
	net.rig->table[CONV_WEIGHTS].length = 12;
	assert_ok(conv_job(&net));
	assert_output(&net, 2, 126);
	conv_destroy(&net);
}
END_TEST

/* The published engine: 8 bits of fraction, bus words, encoded if rectified. */
START_TEST(published_layer)
{
	struct conv_net net;

	conv_create(&net, "nullhop-asic");
	net.layer.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_ENCODE;
	net.layer.rows = net.layer.out_rows = 2;
	net.layer.cols = net.layer.out_cols = 1;
	net.input[0].encoded = true;
	conv_bus(&net, CONV_INPUT, 0, 1, 1, 1, 512, 0); /* 2.0 */
	conv_bus(&net, CONV_INPUT, 8, 1, 0, 1, -1, 0);	/* nothing */
	WEIGHTS(&net, (384), 640);			/* 1.5, 2.5 */
	assert_ok(conv_job(&net));
	assert_bus(&net, 1 | 1664ULL << 16 | 1ULL << 32 | 3ULL << 34 | 1ULL << 36,
		   1 | 384ULL << 16 | 1ULL << 32 | 3ULL << 34 | 1ULL << 36, 0);
	conv_destroy(&net);
}
END_TEST

/* A word of a row on either side of a bus word; a last bus word that is half full. */
START_TEST(odd_rows_in_bus_words)
{
	const uint64_t first = 1ULL << 36, second = 1ULL << 43, both = 1ULL << 32 | 3ULL << 34;
	struct conv_net net;

	conv_create(&net, "nullhop-fpga");
	net.layer.rows = net.layer.out_rows = 3;
	net.layer.cols = net.layer.out_cols = 3;
	conv_bus(&net, CONV_INPUT, 0, 1, 1, 1, 2, 0);
	conv_bus(&net, CONV_INPUT, 8, 1, 3, 0, 4, 1);
	conv_bus(&net, CONV_INPUT, 16, 1, 5, 0, 6, 0);
	conv_bus(&net, CONV_INPUT, 24, 1, 7, 1, 8, 0);
	conv_bus(&net, CONV_INPUT, 32, 1, 9, 0, -1, 0);
	WEIGHTS(&net, (0), 256);
	assert_ok(conv_job(&net));
	assert_bus(&net, 1 | 2 << 16 | both | first, 3 | 4 << 16 | both | second,
		   5 | 6 << 16 | both, 7 | 8 << 16 | both | first, 9 | 1ULL << 32 | 1ULL << 34, 0);
	conv_destroy(&net);
}
END_TEST

/* Any number of outputs and pixels, and the values that overflow first. */
START_TEST(multiply_accumulate)
{
	dh_conv_add_function *add = dh_conv_choose_add();
	struct rig_random random = { 3 };
	int16_t weights[10][100], value[10];
	const int16_t *kernel[10];

	for (size_t count = 0; count <= 80; count++) {
		size_t n = rig_below(&random, 10), offset = rig_below(&random, 20);
		uint32_t accu[81], want[81];

		for (size_t k = 0; k < 10; k++) {
			kernel[k] = weights[k];
			value[k] = k < n ? (int16_t)rig_random(&random) : 0;
			for (int i = 0; i < 100; i++)
				weights[k][i] = rig_below(&random, 4) ? (int16_t)rig_random(&random)
								      : INT16_MIN;
			if (k < n && rig_below(&random, 4) == 0)
				value[k] = INT16_MIN;
		}
		for (size_t i = 0; i <= count; i++) {
			accu[i] = want[i] = rig_random(&random);
			for (size_t k = 0; k < n && i < count; k++)
				want[i] += (uint32_t)(value[k] * weights[k][offset + i]);
		}
		add(accu, count, kernel, offset, value, n);
		for (size_t i = 0; i <= count; i++)
			ck_assert_uint_eq(accu[i], want[i]);
	}
}
END_TEST

START_TEST(gathering)
{
	struct rig_random random = { 4 };
	int16_t values[70] = { 0 }, pixel[70 + DH_CONV_LANES];
	uint16_t index[70 + DH_CONV_LANES];

	for (size_t count = 0; count <= 70; count++) {
		size_t n, found = 0;

		for (size_t i = 0; i < count; i++)
			values[i] = rig_below(&random, 3) ? 0 : (int16_t)rig_random(&random);
		n = dh_conv_gather(values, count, index, pixel);
		for (size_t i = 0; i < count; i++) {
			if (!values[i])
				continue;
			ck_assert_uint_eq(index[found], i);
			ck_assert_int_eq(pixel[found++], values[i]);
		}
		ck_assert_uint_eq(n, found);
		ck_assert_int_eq(pixel[n], 0);
	}
}
END_TEST

TCase *model_conv_case(void)
{
	TCase *tcase = tcase_create("convolution");

	tcase_add_test(tcase, one_weight);
	tcase_add_test(tcase, where_kernels_lie);
	tcase_add_test(tcase, strides_and_pads);
	tcase_add_test(tcase, maps_and_channels);
	tcase_add_test(tcase, outputs);
	tcase_add_test(tcase, sums_wrap);
	tcase_add_test(tcase, pooling);
	tcase_add_test(tcase, kernels_of_bytes);
	tcase_add_test(tcase, partial_sums);
	tcase_add_test(tcase, added_map);
	tcase_add_test(tcase, fully_connected);
	tcase_add_test(tcase, multiply_accumulate);
	tcase_add_test(tcase, gathering);
	tcase_add_test(tcase, published_layer);
	tcase_add_test(tcase, odd_rows_in_bus_words);
	return tcase;
}
