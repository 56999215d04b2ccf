// SPDX-License-Identifier: MIT
/*
 * The references of the convolution engine by themselves: against bytes and sums worked out by
 * hand, and against a second way to compute the same.
 */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"
#include "reference_conv_timing.h"

/* ---- words and maps ---- */

static int16_t few_values[] = { 0, 7, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 9,
				0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
static struct ref_map few = {
	.rows = 2, .cols = 3, .channels = 6, .encoded = true, .value = few_values
};

START_TEST(map_as_words)
{
	static const uint16_t want[] = { 0x8022, 7, 0xffff, 3, 0x0002, 9, 0, 0 };
	uint8_t bytes[sizeof(want)] = { 0 };

	ck_assert_uint_eq(ref_map_words(&few, 1), 6);
	ck_assert_uint_eq(ref_map_words(&few, 2), 8);
	ck_assert_uint_eq(ref_map_bytes(&few, true), sizeof(want));
	ref_map_store(&few, true, bytes);
	ck_assert_mem_eq(bytes, want, sizeof(want));
	ck_assert_int_eq(ref_row_cycles(&few, 0), 3 + 1);
	ck_assert_int_eq(ref_row_cycles(&few, 1), 1 + 1);
}
END_TEST

START_TEST(map_as_bus_words)
{
	/* Type 1 and valid first word: 0x5; second word valid too: 0xd. Addresses: bits 36, 43. */
	static const uint64_t want[] = { 0x0000001d00078022, 0x0000000d0003ffff, 0x0000000d00090002,
					 0x0000001d00000000 };
	static const uint64_t odd[] = { 0x0000001d00050004, 0x0000000500000006 };
	static int16_t values[] = { 4, 5, 6 };
	struct ref_map map = { .rows = 1, .cols = 3, .channels = 1, .value = values };
	uint8_t bytes[sizeof(want)] = { 0 };

	ck_assert_uint_eq(ref_map_bytes(&few, false), sizeof(want));
	ref_map_store(&few, false, bytes);
	ck_assert_mem_eq(bytes, want, sizeof(want));
	ck_assert_uint_eq(ref_map_bytes(&map, false), sizeof(odd));
	ref_map_store(&map, false, bytes);
	ck_assert_mem_eq(bytes, odd, sizeof(odd));
}
END_TEST

START_TEST(weights_as_words)
{
	int16_t bias[] = { 0x101, 0x102 }, kernel[] = { 1, 2, 3, 4, 5, 6 };
	struct ref_conv_layer layer = {
		.macs = 2, .channels = 3, .kernel_rows = 1, .kernel_cols = 1
	};
	struct ref_conv_pass pass = { .maps = 2, .bias = bias, .kernel = kernel };
	static const uint16_t packed[] = { 0x101, 9, 0x102, 9, 1, 2, 3, 9, 4, 5, 6, 9 };
	/* The MACs of map 0 are 0 and 1: channels 0 and 1 to the first, 2 and the dummy to the other. */
	static const uint64_t bus[] = { 0x0000080c00090101, 0x0000182c00090102, 0x0000000e00020001,
					0x0000081e00090003, 0x0000102e00050004, 0x0000183e00090006 };
	uint8_t bytes[sizeof(bus)] = { 0 };

	ck_assert_int_eq(ref_conv_padded(&layer), 4);
	ck_assert_uint_eq(ref_conv_weight_bytes(&layer, &pass, 4, true), sizeof(packed));
	ref_conv_store_weights(&layer, &pass, 4, true, 9, bytes);
	ck_assert_mem_eq(bytes, packed, sizeof(packed));
	ck_assert_uint_eq(ref_conv_weight_bytes(&layer, &pass, 4, false), sizeof(bus));
	ref_conv_store_weights(&layer, &pass, 4, false, 9, bytes);
	ck_assert_mem_eq(bytes, bus, sizeof(bus));
	layer.weight8 = true;
	ck_assert_uint_eq(ref_conv_weight_bytes(&layer, &pass, 4, true), 8 + 8);
	ref_conv_store_weights(&layer, &pass, 4, true, 9, bytes);
	ck_assert_mem_eq(bytes + 8, "\1\2\3\11\4\5\6\11", 8);
}
END_TEST

START_TEST(damaged_maps)
{
	int16_t value[36];
	struct ref_map map = few;
	uint8_t good[64] = { 0 }, bytes[64];

	map.value = value;
	for (int packed = 0; packed < 2; packed++) {
		size_t length = ref_map_bytes(&few, packed);

		ref_map_store(&few, packed, good);
		ck_assert_int_eq(ref_map_load(&map, 2, packed, good, length).kind, REF_GOOD);
		ck_assert_mem_eq(value, few_values, sizeof(value));
		ck_assert_int_eq(ref_map_load(&map, 2, packed, good, length - 1).kind,
				 REF_NOT_THERE);
		for (size_t bit = 0; bit < 8 * length; bit++) {
			struct ref_fault fault;

			memcpy(bytes, good, length);
			bytes[bit / 8] ^= 1 << bit % 8;
			fault = ref_map_load(&map, 2, packed, bytes, length);
			/* Of a bus word only the 32 bits of its words may differ. */
			if (!packed && bit % 64 >= 32) {
				ck_assert_int_eq(fault.kind, REF_BAD_WORD);
				ck_assert_uint_eq(fault.offset, bit / 64 * 8);
			}
			ck_assert(fault.kind || memcmp(value, few_values, sizeof(value)));
		}
	}
}
END_TEST

/* ---- arithmetic ---- */

static int16_t image[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, corners[] = { 1, 0, 0, -2 }, one = 1;

/* 3 x 3 pixels, one channel; a kernel of 2 x 2; 2 x 2 outputs: 1 - 10, 2 - 12, 4 - 16, 5 - 18. */
static struct ref_conv_layer small_layer(void)
{
	return (struct ref_conv_layer){
		.kernel_rows = 2,
		.kernel_cols = 2,
		.stride_rows = 1,
		.stride_cols = 1,
		.macs = 1,
		.rows = 3,
		.cols = 3,
		.out_rows = 2,
		.out_cols = 2,
		.channels = 1,
		.inputs = 1,
		.input = { { .rows = 3, .cols = 3, .channels = 1, .value = image } },
	};
}

static struct ref_conv_pass small_pass(void)
{
	return (struct ref_conv_pass){ .maps = 1, .bias = &one, .kernel = corners };
}

static void expect_output(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			  int count, const int16_t *want)
{
	struct ref_map map = ref_conv_output(layer, pass);

	ck_assert_int_eq(map.rows * map.cols * map.channels, count);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(map.value[i], want[i]);
	free(map.value);
}

#define expect(layer, pass, ...)                                                  \
	do {                                                                      \
		const int16_t list[] = { __VA_ARGS__ };                           \
                                                                                  \
		expect_output(layer, pass, sizeof(list) / sizeof(list[0]), list); \
	} while (0)

START_TEST(sums_by_hand)
{
	struct ref_conv_layer layer = small_layer();
	struct ref_conv_pass pass = small_pass();
	int32_t psum[] = { 100, 0x7fffffff, -5, 0 };
	int16_t add[] = { 0, 1, 2, -3 };

	expect(&layer, &pass, -8, -9, -11, -12);
	layer.bias_shift = 4;
	expect(&layer, &pass, 7, 6, 4, 3);
	layer.out_shift = 1;
	expect(&layer, &pass, 3, 3, 2, 1);
	layer.bias_shift = 0;
	expect(&layer, &pass, -4, -5, -6, -6);
	layer.relu = true;
	expect(&layer, &pass, 0, 0, 0, 0);
	layer.relu = false;
	layer.out_shift = 0;
	pass.add = true;
	pass.add_shift = 3;
	pass.added.value = add;
	expect(&layer, &pass, -8, -1, 5, -36);
	pass.psum_in = true;
	pass.psum = psum;
	expect(&layer, &pass, 91, 32767, -1 - 12 + 16 - 5 + 1 - 0 + 0, -13 - 24);
}
END_TEST

START_TEST(pools_by_hand)
{
	struct ref_conv_layer layer = small_layer();
	struct ref_conv_pass pass = small_pass();

	layer.bias_shift = 4; /* 7, 6, 4, 3 */
	layer.pool_max = true;
	expect(&layer, &pass, 7);
	layer.pool_max = false;
	layer.pool_avg = true;
	expect(&layer, &pass, 5);
	layer.out_shift = 1;
	expect(&layer, &pass, 2);
	layer.bias_shift = 0; /* -8, -9, -11, -12 */
	expect(&layer, &pass, -5);
	layer.relu = true;
	expect(&layer, &pass, 0);
	layer.out_rows = 3; /* the third row is dropped */
	layer.pad_top = 1;
	layer.relu = false;
	layer.out_shift = 0;
	/* 1 - 4, 1 - 6; 1 - 9, 1 - 10: -25 / 4 */
	expect(&layer, &pass, -7);
}
END_TEST

START_TEST(wraps_and_saturates)
{
	int16_t big[] = { -32768, -32768, -32768 }, weight[] = { -32768, -32768, -32768 };
	struct ref_conv_layer layer = small_layer();
	struct ref_conv_pass pass = small_pass();

	layer.rows = layer.cols = layer.out_rows = layer.out_cols = 1;
	layer.kernel_rows = layer.kernel_cols = 1;
	layer.channels = 3;
	layer.input[0] = (struct ref_map){ .rows = 1, .cols = 1, .channels = 3, .value = big };
	pass.kernel = weight;
	layer.out_shift = 16;
	expect(&layer, &pass, -16384); /* 3 * 2^30 = -2^30 modulo 2^32 */
	layer.out_shift = 0;
	expect(&layer, &pass, -32768);
	weight[2] = 0; /* -2^31 */
	layer.relu = true;
	expect(&layer, &pass, 0);
	weight[1] = 0; /* 2^30 */
	expect(&layer, &pass, 32767);
	layer.out_shift = 31;
	expect(&layer, &pass, 0);
}
END_TEST

START_TEST(connects_by_hand)
{
	int16_t first[] = { 1, 0 }, second[] = { 3, 0, 0, 5 }, bias[] = { 1, -1 };
	int16_t columns[] = { 10, 20, 9, 9, 30, 40, 9, 9, 9, 9, -50, 60 };
	struct ref_conv_layer layer = small_layer();
	struct ref_conv_pass pass = {
		.maps = 2, .fully_connected = true, .bias = bias, .kernel = columns
	};
	struct ref_conv_device device = { 128, 8, 1 << 19, true, { 1, 32, 4 }, { 0, 0, 0 } };
	struct ref_conv_cost cost;
	struct ref_map output;

	layer.rows = 1;
	layer.cols = 2;
	layer.channels = 3;
	layer.kernel_rows = layer.kernel_cols = layer.out_rows = layer.out_cols = 1;
	layer.inputs = 2;
	layer.input[0] = (struct ref_map){ .rows = 1, .cols = 2, .channels = 1, .value = first };
	layer.input[1] = (struct ref_map){ .rows = 1, .cols = 2, .channels = 2, .value = second };
	layer.bias_shift = 1;
	expect(&layer, &pass, 2 + 10 + 90 - 250, -2 + 20 + 120 + 300);
	pass.weight_card = true;
	output = ref_conv_output(&layer, &pass);
	cost = ref_conv_cost(&layer, &pass, &device, &output, NULL, NULL);
	free(output.value);
	/* Biases: 34. Maps: a beat each. L': 33, and 3 columns of (33 + 1) / 4. Output: a beat. */
	ck_assert_int_eq(cost.step_cycles, 33 + 3 * 9);
	ck_assert_int_eq(cost.cycles, 1 + 34 + 2 + 33 + 27 + 1);
	ck_assert_int_eq(cost.bytes_weights, 4 + 12);
	ck_assert_int_eq(cost.bytes_in, 12);
	ck_assert_int_eq(cost.bytes_out, 4);
	ck_assert_int_eq(cost.work_done, 6);
	ck_assert_int_eq(cost.work_skipped, 6);
}
END_TEST

/* ---- the other way round: what each pixel gives, and how many outputs it hits ---- */

#define MAX_CHANNELS 15

static struct rig_random dice;

static int pick(int low, int high)
{
	return low + (int)rig_below(&dice, high - low + 1);
}

static int16_t *random_values(size_t count, int range, int zeros)
{
	int16_t *value = calloc(count, sizeof(*value));

	ck_assert_ptr_nonnull(value);
	for (size_t i = 0; i < count; i++)
		value[i] = (int16_t)(pick(0, 99) < zeros ? 0 : pick(-range, range));
	return value;
}

static struct ref_conv_layer random_layer(void)
{
	struct ref_conv_layer layer = {
		.kernel_rows = pick(1, 7),
		.kernel_cols = pick(1, 7),
		.stride_rows = pick(1, 4),
		.stride_cols = pick(1, 4),
		.pad_top = pick(-4, 6),
		.pad_left = pick(-4, 6),
		.macs = 1 << pick(0, 3),
		.rows = pick(1, 9),
		.cols = pick(1, 9),
		.out_rows = pick(2, 9),
		.out_cols = pick(2, 9),
		.inputs = pick(1, 3),
	};

	for (int i = 0; i < layer.inputs; i++) {
		struct ref_map *map = &layer.input[i];

		*map = (struct ref_map){ .rows = layer.rows,
					 .cols = layer.cols,
					 .channels = pick(1, MAX_CHANNELS / 3),
					 .encoded = pick(0, 1) };
		map->value = random_values((size_t)map->rows * map->cols * map->channels, 100, 50);
		layer.channels += map->channels;
	}
	return layer;
}

/* Output places along one side that pixel @at reaches with kernel place @k: 0 or 1. */
static bool reaches(int at, int k, int out, int stride, int pad, int *place)
{
	*place = (at + pad - k) / stride;
	return at + pad - k >= 0 && (at + pad - k) % stride == 0 && *place < out;
}

static void scatter(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass, int row,
		    int col, int channel, int value, long long *sums, long long *work)
{
	for (int k = 0; k < layer->kernel_rows * layer->kernel_cols; k++) {
		int i = k / layer->kernel_cols, j = k % layer->kernel_cols, y, x;

		if (!reaches(row, i, layer->out_rows, layer->stride_rows, layer->pad_top, &y) ||
		    !reaches(col, j, layer->out_cols, layer->stride_cols, layer->pad_left, &x))
			continue;
		++*work;
		for (int o = 0; o < pass->maps; o++) {
			int at = (o * layer->channels + channel) * layer->kernel_rows *
					 layer->kernel_cols +
				 k;

			sums[(y * layer->out_cols + x) * pass->maps + o] +=
				value * pass->kernel[at];
		}
	}
}

static long long scatter_all(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			     long long *sums)
{
	long long work = 0, none = 0;
	int before = 0;

	for (int i = 0; i < layer->inputs; i++) {
		const struct ref_map *map = &layer->input[i];

		for (int v = 0; v < map->rows * map->cols * map->channels; v++) {
			int place = v / map->channels;

			scatter(layer, pass, place / map->cols, place % map->cols,
				before + v % map->channels, map->value[v], sums,
				map->value[v] || !map->encoded ? &work : &none);
		}
		before += map->channels;
	}
	return work;
}

START_TEST(gathers_what_is_scattered)
{
	static const struct ref_conv_device device = { 128,	     8,		 1 << 19, true,
						       { 1, 32, 4 }, { 0, 0, 0 } };
	struct ref_conv_layer layer;
	struct ref_conv_pass pass = { .psum_out = true, .maps = 3 };
	long long sums[9 * 9 * 3] = { 0 }, work;
	struct ref_conv_cost cost;
	int held = 0;

	dice.state = _i + 1;
	layer = random_layer();
	pass.bias = random_values(3, 100, 0);
	pass.kernel = random_values(3 * MAX_CHANNELS * 49, 100, 0);
	pass.psum = ref_conv_psums(&layer, &pass);
	work = scatter_all(&layer, &pass, sums);
	for (int i = 0; i < layer.out_rows * layer.out_cols * 3; i++)
		ck_assert_int_eq(pass.psum[i], sums[i] + pass.bias[i % 3]);
	cost = ref_conv_cost(&layer, &pass, &device, NULL, &held, NULL);
	ck_assert_int_eq(cost.work_done, 3 * work);
	free(pass.psum);
	free(pass.kernel);
	free(pass.bias);
	for (int i = 0; i < layer.inputs; i++)
		free(layer.input[i].value);
}
END_TEST

/* ---- mapping and timing ---- */

START_TEST(macs_of_vgg16)
{
	static const int layers[][3] = { { 3, 64, 2 },	  { 64, 64, 2 },   { 64, 128, 1 },
					 { 128, 128, 1 }, { 128, 256, 1 }, { 256, 256, 1 },
					 { 256, 512, 1 }, { 512, 512, 2 } };

	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		ck_assert_int_eq(ref_conv_choose_macs(3, layers[i][0], layers[i][1]), layers[i][2]);
	ck_assert_int_eq(ref_conv_choose_macs(5, 1, 16), 8);
	ck_assert_int_eq(ref_conv_choose_macs(3, 16, 32), 4);
	ck_assert_int_eq(ref_conv_choose_macs(5, 32, 64), 2);
	/* 455 channels fit 4096 weights, but not the 512 that two MACs would pad them to. */
	ck_assert_int_eq(ref_conv_choose_macs(3, 455, 512), 1);
	ck_assert_int_eq(ref_conv_choose_macs(3, 911, 512), 4);
	ck_assert_int_eq(ref_conv_choose_macs(7, 1024, 128), 0);
}
END_TEST

START_TEST(macs_of_any_layer)
{
	struct dh_cmd_limits limits = { .conv_macs = 128, .conv_kernel_words = 4096 };

	for (int kernel = 1; kernel <= 7; kernel++) {
		for (int channels = 1; channels <= 1024; channels += 1 + channels / 8) {
			for (int out = 1; out <= 1100; out += 1 + out / 16)
				ck_assert_int_eq(dh_conv_choose_macs(&limits, kernel, kernel,
								     channels, out),
						 ref_conv_choose_macs(kernel, channels, out));
		}
	}
}
END_TEST

/* The example at the end of the manual's page. */
START_TEST(stripe_of_the_manual)
{
	static const struct ref_conv_device asic = { 128,	   8,		1 << 19, false,
						     { 1, 32, 4 }, { 1, 32, 4 } };
	struct ref_conv_layer layer = {
		.relu = true,
		.encode = true,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 2,
		.rows = 224,
		.cols = 224,
		.out_rows = 224,
		.out_cols = 224,
		.channels = 3,
		.inputs = 1,
		.input = { { .rows = 224, .cols = 224, .channels = 3 } },
	};
	struct ref_conv_pass pass = { .maps = 64 };
	struct ref_map output = { .rows = 224, .cols = 224, .channels = 64, .encoded = true };
	struct ref_stripe stripe;

	layer.input[0].value = calloc(224 * 224 * 3, sizeof(int16_t));
	output.value = calloc(224 * 224 * 64, sizeof(int16_t));
	for (int i = 0; i < 7741; i++)
		output.value[2 * 224 * 64 + i * 3] = 1;
	stripe = ref_conv_stripe(&layer, &pass, &asic, &output, 1);
	free(layer.input[0].value);
	free(output.value);
	ck_assert_int_eq(stripe.multiply, 8040);
	ck_assert_int_eq(stripe.read, 672);
	ck_assert_int_eq(stripe.output, 4767);
}
END_TEST

/* Controllers that wait for each other: 1, 9, 1 cycles and 9, 1, 9 in three columns. */
START_TEST(controllers_wait)
{
	static const struct ref_conv_device device = { 128,  16,	  1 << 19,
						       true, { 0, 0, 0 }, { 0, 0, 0 } };
	int16_t value[3 * 20] = { 0 };
	struct ref_conv_layer layer = {
		.kernel_rows = 1,
		.kernel_cols = 1,
		.stride_rows = 1,
		.stride_cols = 1,
		.macs = 2,
		.rows = 1,
		.cols = 3,
		.out_rows = 1,
		.out_cols = 3,
		.channels = 20,
		.inputs = 1,
		.input = { { .rows = 1,
			     .cols = 3,
			     .channels = 20,
			     .encoded = true,
			     .value = value } },
	};
	struct ref_conv_pass pass = { .maps = 1 };
	struct ref_map output = { .rows = 1, .cols = 3, .channels = 1, .value = value };
	struct ref_stripe stripe;

	/* 20 channels are padded to 32: channels 0..15 and 16..31. */
	for (int i = 0; i < 9; i++)
		value[20 + i] = 1;
	value[0] = value[40] = 1;
	for (int i = 0; i < 4; i++)
		value[16 + i] = value[56 + i] = 1;
	stripe = ref_conv_stripe(&layer, &pass, &device, &output, 0);
	/* Ends: 1, 10, 11 and 4, 4, 10 + 4 if it waited; column 1 of the second is empty. */
	ck_assert_int_eq(stripe.multiply, 11);
	ck_assert_int_eq(stripe.read, 1 + (4 + 9) + 1 + 4);
	ck_assert_int_eq(stripe.output, 1);
	for (int i = 0; i < 15; i++)
		value[i] = 1;
	/* 15, 24, 25 and 4, 4, then column 2 not before 15. */
	ck_assert_int_eq(ref_conv_stripe(&layer, &pass, &device, &output, 0).multiply, 25);
	for (int i = 0; i < 9; i++)
		value[20 + i] = 0;
	value[40] = 0;
	/* 15, 15, 15 and 4, 4, 15 + 4. */
	ck_assert_int_eq(ref_conv_stripe(&layer, &pass, &device, &output, 0).multiply, 19);
}
END_TEST

/* The layer of small_layer() on bus words: every term of a pass. */
START_TEST(pass_by_hand)
{
	static const struct ref_conv_device device = {
		128, 8, 12, false, { 1, 32, 4 }, { 2, 10, 4 }
	};
	struct ref_conv_device roomy = device;
	struct ref_conv_layer layer = small_layer();
	struct ref_conv_pass pass = small_pass();
	struct ref_conv_cost cost;
	struct ref_map output;
	int held = 0;

	layer.out_rows = layer.rows = 3;
	layer.pad_top = 1;
	output = ref_conv_output(&layer, &pass);
	cost = ref_conv_cost(&layer, &pass, &device, &output, &held, NULL);
	/*
	 * Weights: 64 + 2 bus words, 12 + 65 * 2. Stripe 0, rows 0 and 1 in 3 bus words: I = 16. Row 0 is
	 * hit by both of its output rows, row 1 by one; columns by 1, 2, 1: 8 + 4 cycles, C = 13.
	 * Stripe 1, the rest of row 2 in 2 bus words: I = 14. Its 4 words leave in W = 14. Output row 2
	 * hits rows 1 and 2: C = 9. W(last): 1 bus word, 12.
	 */
	ck_assert_int_eq(cost.stripes, 2);
	ck_assert_int_eq(cost.step_cycles, 13 + 9);
	ck_assert_int_eq(cost.cycles, 1 + 142 + 16 + 14 + 14 + 12);
	ck_assert_int_eq(cost.bytes_weights, 8 * 66);
	ck_assert_int_eq(cost.bytes_in, 8 * 5);
	ck_assert_int_eq(cost.bytes_out, 8 * 3);
	ck_assert_int_eq(cost.work_done, 20);
	ck_assert_int_eq(cost.work_skipped, 24 - 20);
	ck_assert_int_eq(cost.taken, 6 + 6);
	/* 9 words do not fit 12 bytes; with more room the second pass loads nothing. */
	ck_assert_int_eq(held, 0);
	roomy.store_bytes = 18;
	ref_conv_cost(&layer, &pass, &roomy, &output, &held, NULL);
	ck_assert_int_eq(held, 3);
	cost = ref_conv_cost(&layer, &pass, &roomy, &output, &held, NULL);
	ck_assert_int_eq(cost.cycles, 1 + 142 + 13 + 14 + 12);
	ck_assert_int_eq(cost.bytes_in, 0);
	free(output.value);
}
END_TEST

TCase *reference_conv_case(void)
{
	TCase *tcase = tcase_create("convolution references");

	tcase_add_test(tcase, map_as_words);
	tcase_add_test(tcase, map_as_bus_words);
	tcase_add_test(tcase, weights_as_words);
	tcase_add_test(tcase, damaged_maps);
	tcase_add_test(tcase, sums_by_hand);
	tcase_add_test(tcase, pools_by_hand);
	tcase_add_test(tcase, wraps_and_saturates);
	tcase_add_test(tcase, connects_by_hand);
	tcase_add_loop_test(tcase, gathers_what_is_scattered, 0, 200);
	tcase_add_test(tcase, macs_of_vgg16);
	tcase_add_test(tcase, macs_of_any_layer);
	tcase_add_test(tcase, stripe_of_the_manual);
	tcase_add_test(tcase, controllers_wait);
	tcase_add_test(tcase, pass_by_hand);
	return tcase;
}
