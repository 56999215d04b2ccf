// SPDX-License-Identifier: MIT
/* The DRAM channel alone: figures worked out by hand, and random bursts against the reference. */
#include "deltahop_ddr.h"
#include "model_test.h"
#include "reference_ddr.h"

enum { DDR3L = 1, DDR3 = 2, LPDDR4 = 3, PARTS = 3 };

static void start(struct dh_ddr *ddr, uint32_t part)
{
	ck_assert_ptr_nonnull(dh_ddr_part(part));
	dh_ddr_init(ddr, dh_ddr_part(part));
}

static uint64_t read_at(struct dh_ddr *ddr, uint64_t arrival, uint64_t addr)
{
	return dh_ddr_access(ddr, arrival, addr, false).tick;
}

static uint64_t write_at(struct dh_ddr *ddr, uint64_t arrival, uint64_t addr)
{
	return dh_ddr_access(ddr, arrival, addr, true).tick;
}

/* @bytes from @addr on, all asked for at once. */
static uint64_t stream(struct dh_ddr *ddr, uint64_t arrival, uint64_t addr, uint64_t bytes,
		       bool write)
{
	uint64_t tick = 0;

	for (uint64_t at = 0; at < bytes; at += ddr->part->bytes)
		tick = dh_ddr_access(ddr, arrival, addr + at, write).tick;
	return tick;
}

/* ---- by hand: rows of 2048 bytes, the next bank behind, 16384 bytes to the bank's next row ---- */

START_TEST(ddr_row)
{
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	/* Activate at 0, read at 7, data from 14 to 18. */
	ck_assert_uint_eq(read_at(&ddr, 0, 0), 18);
	/* The row is open: tCCD after the read before. */
	ck_assert_uint_eq(read_at(&ddr, 0, 16), 22);
	/* Read at 100, data till 111. */
	ck_assert_uint_eq(read_at(&ddr, 100, 32), 111);
	/* Another row of the bank: precharge at 104 (tRTP), activate at 111, read at 118. */
	ck_assert_uint_eq(read_at(&ddr, 100, 16384), 129);
	/* And back: tRAS holds the precharge till 130, activate at 137, read at 144. */
	ck_assert_uint_eq(read_at(&ddr, 100, 0), 155);
	ck_assert_uint_eq(ddr.counts.hits, 2);
	ck_assert_uint_eq(ddr.counts.misses, 1);
	ck_assert_uint_eq(ddr.counts.conflicts, 2);
}
END_TEST

START_TEST(ddr_turn)
{
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	ck_assert_uint_eq(read_at(&ddr, 0, 0), 18);
	/* Read at 7; write at 7 + CL 7 + 4 + 2 - CWL 6 = 14, data till 14 + 6 + 4. */
	ck_assert_uint_eq(write_at(&ddr, 0, 16), 24);
	/* Read at 24 + tWTR 4 = 28, data till 28 + 7 + 4. */
	ck_assert_uint_eq(read_at(&ddr, 0, 32), 39);
	ck_assert_uint_eq(write_at(&ddr, 100, 48), 110);
	/* Precharge at 110 + tWR 8 = 118, activate at 125, read at 132. */
	ck_assert_uint_eq(read_at(&ddr, 100, 16384), 143);
}
END_TEST

/* A row in each of five banks: tRRD 4 each, the fifth waits for tFAW: 22 after the first. */
START_TEST(ddr_window)
{
	static const uint64_t data[] = { 18, 22, 26, 30, 22 + 18 };
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	for (uint64_t i = 0; i < 5; i++)
		ck_assert_uint_eq(read_at(&ddr, 0, 2048 * i), data[i]);
	start(&ddr, DDR3);
	/* tRRD 6 is longer than a burst: 4 * 6 = 24 < tFAW 27. */
	for (uint64_t i = 0; i < 4; i++)
		ck_assert_uint_eq(read_at(&ddr, 0, 4096 * i), 18 + 6 * i);
	ck_assert_uint_eq(read_at(&ddr, 0, 16384), 27 + 18);
}
END_TEST

/* LPDDR4: activate at 0, read at 29, data from 29 + 28 + 6 on for 8; a write 30 after the read. */
START_TEST(ddr_lpddr4)
{
	struct dh_ddr ddr;

	start(&ddr, LPDDR4);
	ck_assert_uint_eq(read_at(&ddr, 0, 0), 29 + 34 + 8);
	ck_assert_uint_eq(read_at(&ddr, 0, 64), 37 + 34 + 8);
	ck_assert_uint_eq(write_at(&ddr, 0, 128), 67 + 15 + 8);
	/* Write at 67: read at 67 + 15 + 8 + 16. */
	ck_assert_uint_eq(read_at(&ddr, 0, 192), 106 + 34 + 8);
}
END_TEST

/*
 * The hand calculation of the manual: 64 columns of 3 * 768 bytes after each other are 9216 bursts of
 * 4 ticks. The rows behind are opened in time. Each of the 9 refreshes that are due in that time
 * stands between two reads that would be 4 apart: tRTP 4, tRP 7, tRFC 139 and tRCD 7 are 157.
 */
START_TEST(ddr_columns_in_order)
{
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	ck_assert_uint_eq(stream(&ddr, 0, 0, 64 * 2304, false), 7 + 9215 * 4 + 9 * 153 + 7 + 4);
	ck_assert_uint_eq(ddr.counts.refreshes, 9);
	/* 72 rows, and the open one again after each refresh. */
	ck_assert_uint_eq(ddr.counts.misses + ddr.counts.conflicts, 72 + 9);
}
END_TEST

/*
 * Feature maps: 4608 bytes of input are read and as many of output, elsewhere and in other banks,
 * written in turn: 288 bursts each. To writing is 3 ticks longer than tCCD, back 10; the refresh at
 * 4160 hits the writing of the second turn, of which 7 + 288 * 4 + 3 + ... are over:
 */
START_TEST(ddr_maps_in_turn)
{
	const uint64_t bursts = 288, out = 8ULL << 20;
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	ck_assert_uint_eq(stream(&ddr, 0, 0, 4608, false), 7 + (bursts - 1) * 4 + 11);
	/* The last read is at 7 + 287 * 4 = 1155, the first write at 1162, the last at 2310. */
	ck_assert_uint_eq(stream(&ddr, 0, out + 6144, 4608, true), 1155 + 7 + 287 * 4 + 10);
	/* Read at 2310 + 14, and so on. */
	ck_assert_uint_eq(stream(&ddr, 0, 4608, 4608, false), 2310 + 14 + 287 * 4 + 11);
}
END_TEST

/* After a pause rows are closed, and of the refreshes only one in progress is felt. */
START_TEST(ddr_pause)
{
	const uint64_t due = 1000 * 4160;
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	ck_assert_uint_eq(read_at(&ddr, 0, 0), 18);
	ck_assert_uint_eq(read_at(&ddr, due + 200, 0), due + 200 + 18);
	ck_assert_uint_eq(ddr.counts.refreshes, 1000);
	ck_assert_uint_eq(ddr.counts.misses, 2);
	/* Nothing is open when the next one is due: it is over at tRFC. */
	start(&ddr, DDR3L);
	ck_assert_uint_eq(read_at(&ddr, due + 20, 0), due + 139 + 18);
}
END_TEST

START_TEST(ddr_wraps)
{
	struct dh_ddr ddr;

	start(&ddr, DDR3L);
	read_at(&ddr, 0, 0);
	ck_assert_uint_eq(read_at(&ddr, 100, 512ULL << 20), 111);
	ck_assert_ptr_null(dh_ddr_part(0));
	ck_assert_ptr_null(dh_ddr_part(PARTS + 1));
}
END_TEST

/* ---- random bursts against the reference ---- */

/**
 * struct check - what the model issues, judged by the reference's rules
 * @ref: its log is the model's
 */
struct check {
	struct ref_ddr ref;
};

static void judge(void *opaque, uint64_t tick, enum dh_ddr_command command, uint32_t bank,
		  uint64_t row)
{
	static const enum ref_ddr_kind kinds[] = {
		[DH_DDR_ACTIVATE] = REF_ACT,	   [DH_DDR_PRECHARGE] = REF_PRE,
		[DH_DDR_PRECHARGE_ALL] = REF_PREA, [DH_DDR_READ] = REF_RD,
		[DH_DDR_WRITE] = REF_WR,	   [DH_DDR_REFRESH] = REF_REF,
	};
	struct ref_ddr_command issued = { tick, kinds[command], bank, row };
	struct check *check = opaque;
	const char *broken = ref_ddr_broken(&check->ref, &issued);

	ck_assert_msg(!broken, "tick %llu, command %d of bank %u: %s", (unsigned long long)tick,
		      command, bank, broken);
	ref_ddr_note(&check->ref, &issued);
}

/**
 * struct habit - how a stream of bursts behaves
 * @at: where the last one was
 * @now: when
 */
struct habit {
	struct rig_random random;
	uint64_t at;
	uint64_t now;
	uint32_t jump;
	uint32_t turn;
	uint32_t pause;
	bool write;
};

static void next_burst(struct habit *habit, uint32_t bytes)
{
	struct rig_random *random = &habit->random;

	habit->at += bytes;
	if (!rig_below(random, habit->jump))
		habit->at = (uint64_t)rig_below(random, 1 << 12) << 11;
	if (!rig_below(random, habit->jump * 4))
		habit->at += (uint64_t)rig_random(random) << 12;
	if (!rig_below(random, habit->turn))
		habit->write = !habit->write;
	if (!rig_below(random, habit->pause))
		habit->now += rig_below(random, 10) ? rig_below(random, 60)
						    : rig_below(random, 30000);
}

static struct habit make_habit(uint64_t seed)
{
	struct habit habit = { .random = { seed + 1 } };

	habit.jump = 1 + rig_below(&habit.random, 40);
	habit.turn = 1 + rig_below(&habit.random, 60);
	habit.pause = 1 + rig_below(&habit.random, 20);
	return habit;
}

static void compare(const struct dh_ddr *ddr, const struct ref_ddr *ref)
{
	ck_assert_uint_eq(ddr->counts.hits, ref->hits);
	ck_assert_uint_eq(ddr->counts.misses, ref->misses);
	ck_assert_uint_eq(ddr->counts.conflicts, ref->conflicts);
	ck_assert_uint_eq(ddr->counts.refreshes, ref->refreshes);
}

/* Every burst ends when the reference has it end. */
START_TEST(ddr_random)
{
	uint32_t part = 1 + _i % PARTS;
	struct habit habit = make_habit(_i);
	struct ref_ddr ref;
	struct dh_ddr ddr;

	start(&ddr, part);
	ck_assert(ref_ddr_init(&ref, ddr.part->name));
	ck_assert_uint_eq(ddr.part->bytes, ref_ddr_burst_bytes(&ref));
	for (int i = 0; i < 1500; i++) {
		next_burst(&habit, ddr.part->bytes);
		ck_assert_uint_eq(dh_ddr_access(&ddr, habit.now, habit.at, habit.write).tick,
				  ref_ddr_access(&ref, habit.now, habit.at, habit.write));
	}
	compare(&ddr, &ref);
	ref_ddr_fini(&ref);
}
END_TEST

/* No command breaks a rule, and whoever listens to them changes nothing. */
START_TEST(ddr_rules)
{
	uint32_t part = 1 + _i % PARTS;
	struct habit habit = make_habit(1000 + _i);
	struct dh_ddr quiet, ddr;
	struct check check;

	start(&quiet, part);
	start(&ddr, part);
	ck_assert(ref_ddr_init(&check.ref, ddr.part->name));
	ddr.issue = judge;
	ddr.opaque = &check;
	for (int i = 0; i < 1500; i++) {
		next_burst(&habit, ddr.part->bytes);
		ck_assert_uint_eq(dh_ddr_access(&ddr, habit.now, habit.at, habit.write).tick,
				  dh_ddr_access(&quiet, habit.now, habit.at, habit.write).tick);
	}
	ck_assert_mem_eq(&ddr.counts, &quiet.counts, sizeof(ddr.counts));
	ref_ddr_fini(&check.ref);
}
END_TEST

/* Energies by the formula of TN-41-01, in pJ: see the manual. */
START_TEST(ddr_energy)
{
	const struct dh_ddr_part *part = dh_ddr_part(DDR3L);

	ck_assert_uint_eq(part->activate_fj, 1528875);
	ck_assert_uint_eq(part->read_fj, 1269000);
	ck_assert_uint_eq(part->write_fj, 837000);
	ck_assert_uint_eq(part->refresh_fj, 65988000);
	ck_assert_uint_eq(part->background_uw, 63450);
}
END_TEST

TCase *model_ddr_case(void)
{
	TCase *tcase = tcase_create("ddr");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, ddr_row);
	tcase_add_test(tcase, ddr_turn);
	tcase_add_test(tcase, ddr_window);
	tcase_add_test(tcase, ddr_lpddr4);
	tcase_add_test(tcase, ddr_columns_in_order);
	tcase_add_test(tcase, ddr_maps_in_turn);
	tcase_add_test(tcase, ddr_pause);
	tcase_add_test(tcase, ddr_wraps);
	tcase_add_test(tcase, ddr_energy);
	tcase_add_loop_test(tcase, ddr_random, 0, 60);
	tcase_add_loop_test(tcase, ddr_rules, 0, 30);
	return tcase;
}
