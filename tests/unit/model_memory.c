// SPDX-License-Identifier: MIT
/* Regions: every fault, for every access; nothing is written past them. */
#include <string.h>

#include "model_test.h"

/* A memory-mapped hole: an address where nothing is. */
#define NOWHERE (1ULL << 50)

static struct deltahop_record job_with(struct net *net, unsigned int region,
				       struct deltahop_region entry)
{
	net->rig->table[region] = entry;
	return net_job(net);
}

static void assert_at(struct deltahop_record record, enum deltahop_reason reason, uint32_t region,
		      uint64_t offset)
{
	assert_fault(record, reason);
	ck_assert_uint_eq(record.fault_region, region);
	ck_assert_uint_eq(record.fault_offset, offset);
}

static struct deltahop_region region_of(unsigned int region)
{
	return (struct deltahop_region){
		.addr = net_addr(region),
		.length = NET_REGION_BYTES,
		.flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE,
	};
}

/* What the job of a net accesses: the command that does, and how many bytes from offset 0 on. */
static const struct access {
	uint32_t region;
	uint32_t bytes;
	uint32_t cmd_offset;
	bool write;
} accesses[] = {
	{ NET_COMMANDS, 40 + 48 + 8, 0, false },
	{ NET_PARAMS, 88, 40, false },
	{ NET_INPUT, 16, 40, false },
	{ NET_WEIGHTS, 25 * 48, 40, false },
	{ NET_OUTPUT, 32, 40, true },
};

#define ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

/* The edge: with all bytes it needs the job runs, with one less it faults. */
START_TEST(out_of_bounds)
{
	const struct access *access = &accesses[_i];
	struct deltahop_region region = region_of(access->region);
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	/* With these thresholds every x and h fires, the bias too. */
	memset(net.rig->ram + net_addr(NET_INPUT), 0x11, 16);
	region.length = access->bytes;
	record = job_with(&net, access->region, region);
	assert_ok(record);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	region.length = access->region == NET_WEIGHTS ? 9 * 48 - 1 : access->bytes - 1;
	memset(net.rig->ram + net_addr(NET_OUTPUT), 0xee, 64);
	record = job_with(&net, access->region, region);
	assert_at(record, DELTAHOP_REASON_OUT_OF_BOUNDS, access->region,
		  access->region == NET_WEIGHTS ? 8 * 48 : 0);
	ck_assert_uint_eq(record.cmd_offset, access->cmd_offset);
	for (int i = 0; i < 64; i++)
		ck_assert_uint_eq(net.rig->ram[net_addr(NET_OUTPUT) + i], 0xee);
	ck_assert_uint_eq(net.rig->stray, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(rights)
{
	const struct access *access = &accesses[_i];
	struct deltahop_region region = region_of(access->region);
	struct net net;

	net_create(&net, "edgedrnn");
	region.flags = DELTAHOP_REGION_VALID |
		       (access->write ? DELTAHOP_REGION_WRITE : DELTAHOP_REGION_READ);
	assert_ok(job_with(&net, access->region, region));
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	region.flags = DELTAHOP_REGION_VALID |
		       (access->write ? DELTAHOP_REGION_READ : DELTAHOP_REGION_WRITE);
	assert_at(job_with(&net, access->region, region),
		  access->write ? DELTAHOP_REASON_NO_WRITE : DELTAHOP_REASON_NO_READ,
		  access->region, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(no_such_region)
{
	const struct access *access = &accesses[_i];
	struct deltahop_region region = region_of(access->region);
	struct net net;

	net_create(&net, "edgedrnn");
	region.flags &= ~DELTAHOP_REGION_VALID;
	assert_at(job_with(&net, access->region, region), DELTAHOP_REASON_BAD_REGION,
		  access->region, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(bus_refuses)
{
	const struct access *access = &accesses[_i];
	struct deltahop_region region = region_of(access->region);
	struct net net;

	net_create(&net, "edgedrnn");
	region.addr = NOWHERE;
	assert_at(job_with(&net, access->region, region), DELTAHOP_REASON_DMA, access->region, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(offsets_that_wrap)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.run.input_offset = UINT64_MAX - 1;
	assert_at(net_job(&net), DELTAHOP_REASON_OUT_OF_BOUNDS, NET_INPUT, UINT64_MAX - 1);
	net.run.input_offset = 0;
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	/* The second step's offset would come round to 14. */
	net.run.output_offset = NET_REGION_BYTES - 32;
	net.params.steps = 2;
	assert_at(net_job(&net), DELTAHOP_REASON_OUT_OF_BOUNDS, NET_OUTPUT, NET_REGION_BYTES);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	net.run.output_offset = 0;
	net.params.steps = 1;
	net.layer.weight_offset = UINT64_MAX - 7;
	assert_at(net_job(&net), DELTAHOP_REASON_OUT_OF_BOUNDS, NET_WEIGHTS, UINT64_MAX - 7);
	ck_assert_uint_eq(net.rig->stray, 0);
	net_destroy(&net);
}
END_TEST

START_TEST(malformed_table)
{
	struct deltahop_region bad = region_of(NET_INPUT);
	struct deltahop_record record;
	struct net net;

	net_create(&net, "card");
	switch (_i) {
	case 0:
		bad.flags |= 1 << 5;
		break;
	case 1:
		bad.rsvd = 1;
		break;
	case 2:
		bad.first = 8;
		break;
	case 3:
		bad.length = UINT64_MAX;
		break;
	case 4:
		bad.flags |= DELTAHOP_REGION_CARD;
		bad.addr = (64 << 20) - 8;
		break;
	case 5:
		bad.flags |= DELTAHOP_REGION_CARD;
		bad.addr = UINT64_MAX - NET_REGION_BYTES;
		break;
	case 6:
		bad.flags |= DELTAHOP_REGION_LIST;
		bad.first = 4096;
		break;
	case 7:
		bad.flags |= DELTAHOP_REGION_LIST;
		bad.addr += 4;
		break;
	case 8:
		bad.flags |= DELTAHOP_REGION_LIST;
		bad.length = UINT64_MAX;
		bad.first = 1;
		break;
	case 9:
		bad.flags |= DELTAHOP_REGION_LIST;
		bad.addr = UINT64_MAX - 7;
		break;
	}
	record = job_with(&net, NET_INPUT, bad);
	assert_at(record, DELTAHOP_REASON_BAD_TABLE, NET_INPUT, 0);
	/* The job after is none the worse. */
	net.rig->table[NET_INPUT] = region_of(NET_INPUT);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

/* An entry without VALID is no region, whatever else it says. */
START_TEST(invalid_entries_are_not_looked_at)
{
	struct deltahop_region junk = {
		.addr = 3, .length = UINT64_MAX, .flags = 0xfffffffe, .first = 9999, .rsvd = 1
	};
	struct net net;

	net_create(&net, "edgedrnn");
	assert_ok(job_with(&net, NET_PROFILE, junk));
	net_destroy(&net);
}
END_TEST

START_TEST(table_not_readable)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.entry.table_addr = NOWHERE;
	assert_at(rig_do(net.rig, &net.entry), DELTAHOP_REASON_DMA, DELTAHOP_REGION_NONE, 0);
	net_destroy(&net);
}
END_TEST

/* ---- page lists ---- */

#define LIST_ADDR (net_addr(NET_PROFILE))

static struct deltahop_region input_list(struct net *net, uint64_t first_page, uint64_t second_page,
					 uint32_t first)
{
	uint64_t *list = (uint64_t *)(net->rig->ram + LIST_ADDR);

	list[0] = first_page;
	list[1] = second_page;
	return (struct deltahop_region){
		.addr = LIST_ADDR,
		.length = 4096,
		.first = first,
		.flags = DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ | DELTAHOP_REGION_LIST,
	};
}

static void run_with_input(struct net *net, struct deltahop_region region, uint8_t output[32])
{
	assert_ok(rig_do_state(net->rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(job_with(net, NET_INPUT, region));
	memcpy(output, net->rig->ram + net_addr(NET_OUTPUT), 32);
}

/* The same input across the border of two pages that lie in the wrong order. */
START_TEST(list_across_pages)
{
	uint8_t want[32], got[32];
	struct net net;
	uint8_t *input;

	net_create(&net, "edgedrnn");
	run_with_input(&net, region_of(NET_INPUT), want);
	input = net.rig->ram + net_addr(NET_INPUT);
	memcpy(input + 0x2000 + 4096 - 6, input, 6);
	memcpy(input + 0x1000, input + 6, 10);
	run_with_input(&net,
		       input_list(&net, net_addr(NET_INPUT) + 0x2000, net_addr(NET_INPUT) + 0x1000,
				  4096 - 6),
		       got);
	ck_assert_mem_eq(got, want, 32);
	net_destroy(&net);
}
END_TEST

START_TEST(bad_lists)
{
	uint64_t good = net_addr(NET_INPUT);
	struct deltahop_region region;
	struct net net;

	net_create(&net, "card");
	region = input_list(&net, good, good + 0x1000, 4090);
	assert_ok(job_with(&net, NET_INPUT, region));
	/* The second page, of which a part is accessed. */
	region = input_list(&net, good, good + 8, 4090);
	assert_at(job_with(&net, NET_INPUT, region), DELTAHOP_REASON_BAD_TABLE, NET_INPUT, 6);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	region = input_list(&net, good, NOWHERE, 4090);
	assert_at(job_with(&net, NET_INPUT, region), DELTAHOP_REASON_DMA, NET_INPUT, 6);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	region = input_list(&net, 0, 64 << 20, 4090);
	region.flags |= DELTAHOP_REGION_CARD;
	assert_at(job_with(&net, NET_INPUT, region), DELTAHOP_REASON_BAD_TABLE, NET_INPUT, 6);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	/* The list itself cannot be read. */
	region.flags &= ~DELTAHOP_REGION_CARD;
	region.addr = NOWHERE;
	assert_at(job_with(&net, NET_INPUT, region), DELTAHOP_REASON_DMA, NET_INPUT, 0);
	net_destroy(&net);
}
END_TEST

/* A page list is looked at anew in every job. */
START_TEST(lists_may_change)
{
	uint8_t want[32], got[32];
	struct net net;

	net_create(&net, "edgedrnn");
	memset(net.rig->ram + net_addr(NET_INPUT) + 0x1000, 0x22, 64);
	run_with_input(&net, input_list(&net, net_addr(NET_INPUT), 0, 0), got);
	run_with_input(&net, input_list(&net, net_addr(NET_INPUT) + 0x1000, 0, 0), got);
	memcpy(net.rig->ram + net_addr(NET_INPUT), net.rig->ram + net_addr(NET_INPUT) + 0x1000, 64);
	run_with_input(&net, region_of(NET_INPUT), want);
	ck_assert_mem_eq(got, want, 32);
	net_destroy(&net);
}
END_TEST

TCase *model_memory_case(void)
{
	TCase *tcase = tcase_create("memory");

	tcase_add_loop_test(tcase, out_of_bounds, 0, ACCESSES);
	tcase_add_loop_test(tcase, rights, 0, ACCESSES);
	tcase_add_loop_test(tcase, no_such_region, 0, ACCESSES);
	tcase_add_loop_test(tcase, bus_refuses, 0, ACCESSES);
	tcase_add_test(tcase, offsets_that_wrap);
	tcase_add_loop_test(tcase, malformed_table, 0, 10);
	tcase_add_test(tcase, invalid_entries_are_not_looked_at);
	tcase_add_test(tcase, table_not_readable);
	tcase_add_test(tcase, list_across_pages);
	tcase_add_test(tcase, bad_lists);
	tcase_add_test(tcase, lists_may_change);
	return tcase;
}
