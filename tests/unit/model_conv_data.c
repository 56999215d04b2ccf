// SPDX-License-Identifier: MIT
/* The convolution engine against what is wrong in memory: formats, bounds, access rights. */
#include <string.h>

#include "conv_net.h"

#define BUS_PAYLOAD 32

static const int16_t one[] = { 256 }, no_bias[] = { 0 };

/* 3 x 3 values in five bus words: a row begins in the middle of the second one. */
static void make_bus_map(struct conv_net *net)
{
	conv_create(net, "nullhop-asic");
	net->layer.rows = net->layer.out_rows = 3;
	net->layer.cols = net->layer.out_cols = 3;
	conv_bus(net, CONV_INPUT, 0, 1, 1, 1, 2, 0);
	conv_bus(net, CONV_INPUT, 8, 1, 3, 0, 4, 1);
	conv_bus(net, CONV_INPUT, 16, 1, 5, 0, 6, 0);
	conv_bus(net, CONV_INPUT, 24, 1, 7, 1, 8, 0);
	conv_bus(net, CONV_INPUT, 32, 1, 9, 0, -1, 0);
	conv_weights(net, no_bias, 1, one, 1);
}

/*
 * Turn every bit of a bus word. Those of the two words are data, of one that is not valid they are
 * not; the rest is checked.
 */
static void turn_bits(struct conv_net *net, unsigned int region, uint64_t offset, bool second)
{
	for (int bit = 0; bit < 64; bit++) {
		uint8_t *byte = conv_at(net, region, offset + bit / 8);
		struct deltahop_record record;

		*byte ^= 1 << bit % 8;
		record = conv_job(net);
		*byte ^= 1 << bit % 8;
		if (bit < (second ? BUS_PAYLOAD : BUS_PAYLOAD / 2)) {
			assert_ok(record);
			continue;
		}
		assert_fault(record, DELTAHOP_REASON_BAD_DATA);
		ck_assert_uint_eq(record.fault_region, region);
		ck_assert_uint_eq(record.fault_offset, offset);
		ck_assert_uint_eq(record.cmd_offset, 56);
	}
}

START_TEST(bus_words_of_a_map)
{
	struct conv_net net;

	make_bus_map(&net);
	assert_ok(conv_job(&net));
	for (int i = 0; i < 5; i++)
		turn_bits(&net, CONV_INPUT, 8 * i, i < 4);
	conv_destroy(&net);
}
END_TEST

START_TEST(bus_words_of_weights)
{
	static const int16_t kernels[] = { 1, 2, 3 };
	struct conv_net net;

	make_bus_map(&net);
	net.pass[0].maps = 3;
	conv_weights(&net, no_bias, 1, kernels, 3);
	assert_ok(conv_job(&net));
	turn_bits(&net, CONV_WEIGHTS, 0, true);
	turn_bits(&net, CONV_WEIGHTS, 63 * 8, true);
	turn_bits(&net, CONV_WEIGHTS, 64 * 8, true);
	turn_bits(&net, CONV_WEIGHTS, 65 * 8, false);
	conv_destroy(&net);
}
END_TEST

/*
 * The last output row touches input row 1; row 2, whose first word shares a bus word with the end of
 * row 1, is not read but for that: which must open a row.
 */
START_TEST(bus_word_shared_with_a_row_not_read)
{
	struct conv_net net;

	conv_create(&net, "nullhop-asic");
	net.layer.kernel_rows = net.layer.kernel_cols = 2;
	net.layer.rows = 4;
	net.layer.cols = 3;
	net.layer.out_rows = 3;
	net.layer.out_cols = 2;
	net.layer.flags = DELTAHOP_CONV_POOL_MAX; /* two rows are computed, of input rows 0..2 */
	conv_bus(&net, CONV_INPUT, 0, 1, 1, 1, 2, 0);
	conv_bus(&net, CONV_INPUT, 8, 1, 3, 0, 4, 1);
	conv_bus(&net, CONV_INPUT, 16, 1, 5, 0, 6, 0);
	conv_bus(&net, CONV_INPUT, 24, 1, 7, 1, 8, 0);
	conv_bus(&net, CONV_INPUT, 32, 1, 9, 0, 77, 1);
	conv_weights(&net, no_bias, 1, (const int16_t[]){ 256, 0, 0, 0 }, 4);
	net.rig->table[CONV_INPUT].length = 40;
	assert_ok(conv_job(&net));
	turn_bits(&net, CONV_INPUT, 32, true);
	conv_destroy(&net);
}
END_TEST

/* A row of 20 values: a full sparsity map word, and one of which 4 bits mean something. */
START_TEST(encoded_maps)
{
	struct deltahop_record record;
	struct conv_net net;

	conv_create(&net, "card");
	net.layer.rows = net.layer.out_rows = 2;
	net.layer.cols = net.layer.out_cols = 20;
	net.input[0].encoded = true;
	net.input[0].offset = 8;
	conv_weights(&net, no_bias, 1, (const int16_t[]){ 1 }, 1);
	WORDS(&net, CONV_INPUT, 8, 1 << 15 | 1, 5, 6, 1 << 3, 7, 0, 0);
	net.rig->table[CONV_INPUT].length = 8 + 14;
	assert_ok(conv_job(&net));
	assert_output(&net, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0);
	for (int bit = 4; bit < 16; bit++) {
		WORDS(&net, CONV_INPUT, 14, 1 << 3 | 1 << bit);
		record = conv_job(&net);
		assert_fault(record, DELTAHOP_REASON_BAD_DATA);
		ck_assert_uint_eq(record.fault_region, CONV_INPUT);
		ck_assert_uint_eq(record.fault_offset, 14);
	}
	WORDS(&net, CONV_INPUT, 14, 1 << 3);
	for (uint64_t offset = 10; offset <= 16; offset += offset == 12 ? 4 : 2) {
		int16_t *word = (int16_t *)conv_at(&net, CONV_INPUT, offset), good = *word;

		*word = 0;
		record = conv_job(&net);
		*word = good;
		assert_fault(record, DELTAHOP_REASON_BAD_DATA);
		ck_assert_uint_eq(record.fault_offset, offset);
	}
	/* A map that asks for more than there is. */
	WORDS(&net, CONV_INPUT, 20, 1);
	record = conv_job(&net);
	assert_fault(record, DELTAHOP_REASON_OUT_OF_BOUNDS);
	ck_assert_uint_eq(record.fault_region, CONV_INPUT);
	ck_assert_uint_eq(record.fault_offset, 22);
	conv_destroy(&net);
}
END_TEST

START_TEST(added_map_in_bad_format)
{
	struct deltahop_record record;
	struct conv_net net;

	conv_create(&net, "card");
	net.pass[0].flags = DELTAHOP_PASS_ADD | DELTAHOP_PASS_ADD_ENCODED;
	net.pass[0].add_region = CONV_ADD;
	WORDS(&net, CONV_ADD, 0, 0, 1, 5, 0, 1 << 4);
	record = conv_job(&net);
	assert_fault(record, DELTAHOP_REASON_BAD_DATA);
	ck_assert_uint_eq(record.fault_region, CONV_ADD);
	ck_assert_uint_eq(record.fault_offset, 8);
	conv_destroy(&net);
}
END_TEST

/* ---- access ---- */

/* A layer that uses every region but two, which fit exactly what lies in them. */
static void make_exact(struct conv_net *net)
{
	conv_create(net, "card");
	net->pass[0].flags = DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_ADD;
	net->pass[0].psum_region = CONV_PSUM;
	net->pass[0].add_region = CONV_ADD;
	net->rig->table[CONV_INPUT].length = 32;
	net->rig->table[CONV_WEIGHTS].length = 258;
	net->rig->table[CONV_OUTPUT].length = 32;
	net->rig->table[CONV_PSUM].length = 64;
	net->rig->table[CONV_ADD].length = 32;
	for (int region = CONV_INPUT; region <= CONV_ADD; region++)
		net->rig->table[region].flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ;
	net->rig->table[CONV_OUTPUT].flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_WRITE;
}

static void assert_refused(struct conv_net *net, unsigned int region, enum deltahop_reason reason)
{
	struct deltahop_record record = conv_job(net);

	assert_fault(record, reason);
	ck_assert_uint_eq(record.fault_region, region);
	ck_assert_uint_eq(record.cmd_offset, 56);
}

START_TEST(regions)
{
	struct deltahop_region *region;
	struct conv_net net;

	make_exact(&net);
	assert_ok(conv_job(&net));
	for (unsigned int i = CONV_INPUT; i <= CONV_ADD; i++) {
		region = &net.rig->table[i];
		region->length--;
		assert_refused(&net, i, DELTAHOP_REASON_OUT_OF_BOUNDS);
		region->length++;
		region->flags ^= DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE;
		assert_refused(&net, i,
			       i == CONV_OUTPUT ? DELTAHOP_REASON_NO_WRITE
						: DELTAHOP_REASON_NO_READ);
		region->flags ^= DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE;
		region->flags ^= DELTAHOP_REGION_VALID;
		assert_refused(&net, i, DELTAHOP_REASON_BAD_REGION);
		region->flags ^= DELTAHOP_REGION_VALID;
	}
	/* Partial sums are written where they are not read. */
	net.rig->table[CONV_PSUM].flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_WRITE;
	net.pass[0].flags = DELTAHOP_PASS_PSUM_OUT | DELTAHOP_PASS_ADD;
	net.pass[0].output_region = 0;
	assert_ok(conv_job(&net));
	net.rig->table[CONV_PSUM].length--;
	assert_refused(&net, CONV_PSUM, DELTAHOP_REASON_OUT_OF_BOUNDS);
	net.rig->table[CONV_PSUM].length++;
	net.rig->table[CONV_PSUM].flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ;
	assert_refused(&net, CONV_PSUM, DELTAHOP_REASON_NO_WRITE);
	conv_destroy(&net);
}
END_TEST

/* Offsets at the end of all numbers do not come round. */
START_TEST(offsets_do_not_wrap)
{
	struct conv_net net;

#define REFUSE_FAR(field, region)                                            \
	do {                                                                 \
		make_exact(&net);                                            \
		net.field = ~7ULL;                                           \
		assert_refused(&net, region, DELTAHOP_REASON_OUT_OF_BOUNDS); \
		conv_destroy(&net);                                          \
	} while (0)
	REFUSE_FAR(input[0].offset, CONV_INPUT);
	REFUSE_FAR(pass[0].weight_offset, CONV_WEIGHTS);
	REFUSE_FAR(pass[0].output_offset, CONV_OUTPUT);
	REFUSE_FAR(pass[0].psum_offset, CONV_PSUM);
	REFUSE_FAR(pass[0].add_offset, CONV_ADD);
	conv_create(&net, "card");
	net.opcode = DELTAHOP_OP_CONV_FC;
	net.layer.rows = 1;
	net.layer.out_rows = net.layer.out_cols = 1;
	WORDS(&net, CONV_INPUT, 0, 0, 0, 0, 1);
	net.rig->table[CONV_WEIGHTS].length = 16;
	assert_ok(conv_job(&net));
	net.rig->table[CONV_WEIGHTS].length = 15;
	assert_refused(&net, CONV_WEIGHTS, DELTAHOP_REASON_OUT_OF_BOUNDS);
	net.layer.flags = DELTAHOP_CONV_WEIGHT8;
	net.rig->table[CONV_WEIGHTS].length = 12;
	assert_ok(conv_job(&net));
	net.rig->table[CONV_WEIGHTS].length = 11;
	assert_refused(&net, CONV_WEIGHTS, DELTAHOP_REASON_OUT_OF_BOUNDS);
	net.pass[0].weight_offset = ~7ULL;
	assert_refused(&net, CONV_WEIGHTS, DELTAHOP_REASON_OUT_OF_BOUNDS);
	conv_destroy(&net);
}
END_TEST

/* On lists of pages in any order, and with a bus that gives no pointers, nothing changes. */
START_TEST(lists_and_copies)
{
	struct rig_random random = { 5 };
	struct rig_buffer in, weights, out;
	int16_t want[600], got[600];
	struct conv_net net;

	conv_create(&net, "card");
	net.rig->free_ram = conv_addr(CONV_PSUM);
	net.rig->free_card = 0;
	in = rig_buffer(net.rig, &random, 20000, DELTAHOP_REGION_READ | DELTAHOP_REGION_LIST);
	weights = rig_buffer(net.rig, &random, 20000,
			     DELTAHOP_REGION_READ | DELTAHOP_REGION_LIST | DELTAHOP_REGION_CARD);
	out = rig_buffer(net.rig, &random, 20000, DELTAHOP_REGION_WRITE | DELTAHOP_REGION_LIST);
	for (uint32_t i = 0; i < 20000; i += 2) {
		int16_t value = (int16_t)rig_random(&random);

		rig_poke(net.rig, &in, i, &value, 2);
		memcpy(conv_at(&net, CONV_INPUT, i), &value, 2);
		value = (int16_t)rig_random(&random);
		rig_poke(net.rig, &weights, i, &value, 2);
		memcpy(conv_at(&net, CONV_WEIGHTS, i), &value, 2);
	}
	net.layer.rows = net.layer.out_rows = 10;
	net.layer.cols = net.layer.out_cols = 20;
	net.layer.kernel_rows = net.layer.kernel_cols = 3;
	net.layer.pad_top = net.layer.pad_left = 1;
	net.layer.channels = net.input[0].channels = 40;
	net.layer.out_shift = 20;
	net.pass[0].maps = 3;
	assert_ok(conv_job(&net));
	memcpy(want, conv_at(&net, CONV_OUTPUT, 0), sizeof(want));
	net.input[0].region = in.region;
	net.pass[0].weight_region = weights.region;
	net.pass[0].output_region = out.region;
	net.rig->maps = false;
	assert_ok(conv_job(&net));
	rig_peek(net.rig, &out, 0, got, sizeof(got));
	ck_assert_int_eq(memcmp(got, want, sizeof(want)), 0);
	conv_destroy(&net);
}
END_TEST

TCase *model_conv_data_case(void)
{
	TCase *tcase = tcase_create("convolution data");

	tcase_add_test(tcase, bus_words_of_a_map);
	tcase_add_test(tcase, bus_words_of_weights);
	tcase_add_test(tcase, bus_word_shared_with_a_row_not_read);
	tcase_add_test(tcase, encoded_maps);
	tcase_add_test(tcase, added_map_in_bad_format);
	tcase_add_test(tcase, regions);
	tcase_add_test(tcase, offsets_do_not_wrap);
	tcase_add_test(tcase, lists_and_copies);
	return tcase;
}
