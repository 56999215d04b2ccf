// SPDX-License-Identifier: MIT
/* State on the chip: who may use it, how it moves, what a failed job leaves. */
#include <string.h>

#include "model_test.h"

#define IMAGE_BYTES 4096
#define BLOCK	    DELTAHOP_RNN_STATE_GRU(8, 16)

static uint64_t image_addr(void)
{
	return net_addr(NET_PROFILE);
}

/* An entry with a table of its own, whose region 0 is the image. */
static struct deltahop_entry image_entry(struct net *net, enum deltahop_entry_type type,
					 uint32_t flags, uint64_t length)
{
	struct deltahop_region region = { .addr = image_addr(),
					  .length = length,
					  .flags = DELTAHOP_REGION_VALID | flags };
	struct deltahop_entry entry = rig_entry(net->rig, type);

	memcpy(net->rig->ram + RIG_TABLE + 0x1000, &region, sizeof(region));
	entry.table_addr = RIG_TABLE + 0x1000;
	entry.table_count = 1;
	entry.size = IMAGE_BYTES;
	return entry;
}

static struct deltahop_record move_image(struct net *net, enum deltahop_entry_type type)
{
	uint32_t flags = type == DELTAHOP_ENTRY_STATE_LOAD ? DELTAHOP_REGION_READ
							   : DELTAHOP_REGION_WRITE;
	struct deltahop_entry entry = image_entry(net, type, flags, IMAGE_BYTES);

	return rig_do(net->rig, &entry);
}

/* Save in the middle, lose the state, load: the rest is as if nothing had been. */
START_TEST(save_and_load)
{
	uint8_t want[32];
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(net_job(&net));
	net.run.input_offset = 16;
	assert_ok(net_job(&net));
	memcpy(want, net.rig->ram + net_addr(NET_OUTPUT), 32);

	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, IMAGE_BYTES));
	net.run.input_offset = 0;
	assert_ok(net_job(&net));
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE));
	ck_assert_uint_eq(net.rig->ram[image_addr()], DELTAHOP_STATE_BIAS_SENT);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_DISCARD, 0));
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_LOAD));
	net.run.input_offset = 16;
	assert_ok(net_job(&net));
	ck_assert_mem_eq(net.rig->ram + net_addr(NET_OUTPUT), want, 32);
	net_destroy(&net);
}
END_TEST

/* Bytes that belong to no layer come back as they went. */
START_TEST(other_bytes_are_kept)
{
	uint8_t *image;
	struct net net;

	net_create(&net, "edgedrnn");
	image = net.rig->ram + image_addr();
	memset(image, 0, IMAGE_BYTES);
	memset(image + BLOCK, 0x5a, IMAGE_BYTES - BLOCK);
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_LOAD));
	assert_ok(net_job(&net));
	memset(image, 0, IMAGE_BYTES);
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE));
	for (unsigned int i = BLOCK; i < IMAGE_BYTES; i++)
		ck_assert_uint_eq(image[i], 0x5a);
	net_destroy(&net);
}
END_TEST

START_TEST(state_records)
{
	struct deltahop_record save, zero, load, job;
	struct net net;

	net_create(&net, "edgedrnn");
	/*
	 * The first job's record holds the cycles of the load before it; after that nothing is
	 * carried on.
	 */
	zero = rig_record(net.rig, 0);
	job = net_job(&net);
	ck_assert_uint_eq(job.end_ns - job.start_ns, 8 * (job.cycles - zero.cycles));
	ck_assert_uint_eq(zero.bytes_state, 0);
	ck_assert_uint_eq(zero.cycles, 33 + (64 + 32 * NET_REGIONS) / 8 + 1);
	job = net_job(&net);
	ck_assert_uint_eq(job.end_ns - job.start_ns, 8 * job.cycles);

	save = move_image(&net, DELTAHOP_ENTRY_STATE_SAVE);
	ck_assert_uint_eq(save.bytes_state, IMAGE_BYTES);
	ck_assert_uint_eq(save.cycles, 33 + 96 / 8 + 33 + IMAGE_BYTES / 8);
	load = move_image(&net, DELTAHOP_ENTRY_STATE_LOAD);
	ck_assert_uint_eq(load.cycles, save.cycles);
	job = net_job(&net);
	ck_assert_uint_eq(job.bytes_state, 2 * IMAGE_BYTES);
	ck_assert_uint_eq(job.end_ns - job.start_ns, 8 * (job.cycles - save.cycles - load.cycles));
	net_destroy(&net);
}
END_TEST

/* ---- not loaded ---- */

START_TEST(discarded)
{
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_DISCARD, 0));
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	assert_fault(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

START_TEST(too_little_state)
{
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, BLOCK + 64));
	net.layer.state_offset = 64;
	assert_ok(net_job(&net));
	net.layer.state_offset = 72;
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, IMAGE_BYTES - 8));
	assert_fault(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

/* A job that sets up no layer needs no state. */
START_TEST(job_without_layers)
{
	struct rig_program program;
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_DISCARD, 0));
	program = rig_program(net.rig, net_addr(NET_COMMANDS));
	rig_put_end(&program);
	net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
	net.entry.size = 8;
	assert_ok(rig_do(net.rig, &net.entry));
	net_destroy(&net);
}
END_TEST

START_TEST(failed_job_leaves_no_state)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.run.count = 2;
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	assert_fault(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE), DELTAHOP_REASON_NOT_LOADED);
	net.run.count = 1;
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

START_TEST(failed_moves)
{
	struct deltahop_record record;
	struct deltahop_entry entry;
	struct net net;

	net_create(&net, "edgedrnn");
	entry = image_entry(&net, DELTAHOP_ENTRY_STATE_SAVE, DELTAHOP_REGION_WRITE,
			    IMAGE_BYTES - 1);
	record = rig_do(net.rig, &entry);
	assert_fault(record, DELTAHOP_REASON_OUT_OF_BOUNDS);
	ck_assert_uint_eq(record.fault_region, 0);
	/* A save that failed took nothing away. */
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_SAVE));
	entry = image_entry(&net, DELTAHOP_ENTRY_STATE_SAVE, DELTAHOP_REGION_READ, IMAGE_BYTES);
	assert_fault(rig_do(net.rig, &entry), DELTAHOP_REASON_NO_WRITE);
	entry = image_entry(&net, DELTAHOP_ENTRY_STATE_LOAD, DELTAHOP_REGION_WRITE, IMAGE_BYTES);
	assert_fault(rig_do(net.rig, &entry), DELTAHOP_REASON_NO_READ);
	/* A load that failed left nothing. */
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	entry = image_entry(&net, DELTAHOP_ENTRY_STATE_LOAD, DELTAHOP_REGION_READ, IMAGE_BYTES);
	entry.table_count = 0;
	assert_fault(rig_do(net.rig, &entry), DELTAHOP_REASON_BAD_REGION);
	net_destroy(&net);
}
END_TEST

/* ---- owners ---- */

static struct deltahop_record job_of(struct net *net, uint32_t owner)
{
	net_write(net);
	net->entry.owner = owner;
	return rig_do(net->rig, &net->entry);
}

static struct deltahop_record load_of(struct net *net, uint32_t owner)
{
	struct deltahop_entry entry = rig_entry(net->rig, DELTAHOP_ENTRY_STATE_LOAD);

	entry.flags |= DELTAHOP_ENTRY_STATE_ZERO;
	entry.size = IMAGE_BYTES;
	entry.owner = owner;
	return rig_do(net->rig, &entry);
}

static struct deltahop_record save_of(struct net *net, uint32_t owner)
{
	struct deltahop_entry entry =
		image_entry(net, DELTAHOP_ENTRY_STATE_SAVE, DELTAHOP_REGION_WRITE, IMAGE_BYTES);

	entry.owner = owner;
	return rig_do(net->rig, &entry);
}

START_TEST(other_owners_state)
{
	struct net net;

	net_create(&net, "edgedrnn");
	assert_fault(job_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	/* And it is gone for its owner too. */
	assert_fault(job_of(&net, RIG_OWNER), DELTAHOP_REASON_NOT_LOADED);
	assert_ok(load_of(&net, RIG_OWNER));
	assert_ok(job_of(&net, RIG_OWNER));
	net_destroy(&net);
}
END_TEST

/* Even a job that touches nothing of the state. */
START_TEST(another_owner_was_here)
{
	struct rig_program program;
	struct net net;

	net_create(&net, "edgedrnn");
	program = rig_program(net.rig, net_addr(NET_COMMANDS));
	rig_put_end(&program);
	net.entry = rig_entry(net.rig, DELTAHOP_ENTRY_JOB);
	net.entry.size = 8;
	net.entry.owner = RIG_OWNER + 1;
	assert_ok(rig_do(net.rig, &net.entry));
	assert_fault(job_of(&net, RIG_OWNER), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

START_TEST(other_owner_saves)
{
	uint8_t *image;
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(net_job(&net));
	image = net.rig->ram + image_addr();
	memset(image, 0xee, IMAGE_BYTES);
	assert_fault(save_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	for (unsigned int i = 0; i < IMAGE_BYTES; i++)
		ck_assert_uint_eq(image[i], 0xee);
	assert_ok(save_of(&net, RIG_OWNER));
	net_destroy(&net);
}
END_TEST

/* A refused save leaves the state on the chip; a job right behind it must not find it. */
START_TEST(other_owner_saves_then_runs)
{
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(net_job(&net));
	assert_fault(save_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	assert_fault(job_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

/* Two owners in turn, each loading and saving its own. */
START_TEST(owners_in_turn)
{
	struct net net;

	net_create(&net, "edgedrnn");
	for (uint32_t owner = 20; owner < 24; owner++) {
		assert_ok(load_of(&net, owner));
		assert_ok(job_of(&net, owner));
		assert_ok(save_of(&net, owner));
	}
	net_destroy(&net);
}
END_TEST

/* A new owner's short state does not show what lay behind it. */
START_TEST(nothing_shows_through)
{
	struct deltahop_entry entry;
	struct net net;

	net_create(&net, "edgedrnn");
	memset(net.rig->ram + image_addr(), 0x77, IMAGE_BYTES);
	assert_ok(move_image(&net, DELTAHOP_ENTRY_STATE_LOAD));
	entry = rig_entry(net.rig, DELTAHOP_ENTRY_STATE_LOAD);
	entry.flags |= DELTAHOP_ENTRY_STATE_ZERO;
	entry.owner = RIG_OWNER + 1;
	entry.size = 8;
	assert_ok(rig_do(net.rig, &entry));
	assert_fault(save_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	assert_fault(job_of(&net, RIG_OWNER + 1), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

START_TEST(discard_of_another_owner)
{
	struct deltahop_entry entry;
	struct net net;

	net_create(&net, "edgedrnn");
	entry = rig_entry(net.rig, DELTAHOP_ENTRY_STATE_DISCARD);
	entry.owner = RIG_OWNER + 1;
	assert_ok(rig_do(net.rig, &entry));
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	net_destroy(&net);
}
END_TEST

TCase *model_state_case(void)
{
	TCase *tcase = tcase_create("state");

	tcase_add_test(tcase, save_and_load);
	tcase_add_test(tcase, other_bytes_are_kept);
	tcase_add_test(tcase, state_records);
	tcase_add_test(tcase, discarded);
	tcase_add_test(tcase, too_little_state);
	tcase_add_test(tcase, job_without_layers);
	tcase_add_test(tcase, failed_job_leaves_no_state);
	tcase_add_test(tcase, failed_moves);
	tcase_add_test(tcase, other_owners_state);
	tcase_add_test(tcase, another_owner_was_here);
	tcase_add_test(tcase, other_owner_saves);
	tcase_add_test(tcase, other_owner_saves_then_runs);
	tcase_add_test(tcase, owners_in_turn);
	tcase_add_test(tcase, nothing_shows_through);
	tcase_add_test(tcase, discard_of_another_owner);
	return tcase;
}
