// SPDX-License-Identifier: MIT
/* Rings: order, wrapping, doorbells, malformed entries, halt, reset; faults on purpose. */
#include <string.h>

#include "model_test.h"

#define RING(reg) DELTAHOP_RING(0, DELTAHOP_RING_##reg)

START_TEST(wraps)
{
	struct net net;

	net_create(&net, "edgedrnn");
	for (unsigned int i = 1; i < 30; i++) {
		assert_ok(net_job(&net));
		ck_assert_uint_eq(rig_reg(net.rig, RING(HEAD)), i + 1);
		ck_assert_uint_eq(rig_reg(net.rig, RING(SEQNO)), 1000 + i);
	}
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_IDLE);
	net_destroy(&net);
}
END_TEST

/* A full ring runs in order, one entry after the other. */
START_TEST(full_ring)
{
	struct deltahop_record record, before = { 0 };
	uint32_t number[8];
	struct net net;

	net_create(&net, "edgedrnn");
	for (int i = 0; i < 8; i++) {
		net_write(&net);
		number[i] = rig_submit(net.rig, &net.entry);
	}
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_BUSY);
	ck_assert(rig_run(net.rig, 1ULL << 40));
	for (int i = 0; i < 8; i++) {
		record = rig_record(net.rig, number[i]);
		assert_ok(record);
		if (i)
			ck_assert_uint_eq(record.start_ns, before.end_ns);
		ck_assert_uint_gt(record.end_ns, record.start_ns);
		before = record;
	}
	ck_assert_uint_eq(before.end_ns, net.rig->now);
	ck_assert_uint_eq(net.rig->interrupts[1], 9);
	net_destroy(&net);
}
END_TEST

/* Nothing happens before its time: not the record, not the output. */
START_TEST(never_early)
{
	struct deltahop_record record;
	uint32_t number;
	struct net net;

	net_create(&net, "edgedrnn");
	net_write(&net);
	number = rig_submit(net.rig, &net.entry);
	dh_model_advance(net.rig->model, net.rig->now);
	while (dh_model_next_event(net.rig->model) != DH_NEVER) {
		ck_assert_uint_eq(rig_record(net.rig, number).seqno, 0);
		ck_assert_uint_gt(dh_model_next_event(net.rig->model), net.rig->now);
		net.rig->now = dh_model_next_event(net.rig->model);
		dh_model_advance(net.rig->model, net.rig->now - 1);
		ck_assert_uint_eq(dh_model_next_event(net.rig->model), net.rig->now);
		dh_model_advance(net.rig->model, net.rig->now);
	}
	record = rig_record(net.rig, number);
	assert_ok(record);
	ck_assert_uint_eq(record.end_ns, net.rig->now);
	net_destroy(&net);
}
END_TEST

static void assert_halted(struct rig *rig, enum deltahop_ring_error error)
{
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_HALTED);
	ck_assert_uint_eq(rig_reg(rig, RING(ERROR)), error);
	ck_assert_uint_eq(rig->interrupts[0], 1);
	ck_assert(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS) & DELTAHOP_IRQ_ERROR);
	ck_assert_uint_eq(dh_model_next_event(rig->model), DH_NEVER);
	/* Only a reset leads out. */
	rig_set(rig, RING(CTRL), DELTAHOP_RING_CTRL_ENABLE);
	rig_set(rig, RING(TAIL), rig_reg(rig, RING(HEAD)) + 1);
	ck_assert_uint_eq(dh_model_next_event(rig->model), DH_NEVER);
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_HALTED);
	rig_set(rig, RING(CTRL), DELTAHOP_RING_CTRL_RESET);
	rig_run(rig, DELTAHOP_RESET_NS);
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_DISABLED);
	ck_assert_uint_eq(rig_reg(rig, RING(ERROR)), DELTAHOP_RING_OK);
}

START_TEST(bad_tail)
{
	struct net net;

	net_create(&net, "edgedrnn");
	rig_set(net.rig, RING(TAIL), rig_reg(net.rig, RING(HEAD)) + 9);
	assert_halted(net.rig, DELTAHOP_RING_BAD_TAIL);
	net_destroy(&net);
	net_create(&net, "edgedrnn");
	rig_set(net.rig, RING(TAIL), rig_reg(net.rig, RING(HEAD)) - 1);
	assert_halted(net.rig, DELTAHOP_RING_BAD_TAIL);
	net_destroy(&net);
}
END_TEST

/* Each by itself makes an entry malformed. */
START_TEST(bad_entries)
{
	struct deltahop_entry bad;
	struct net net;

	net_create(&net, "edgedrnn");
	bad = net.entry;
	switch (_i) {
	case 0:
		bad.type = 0;
		break;
	case 1:
		bad.type = 6;
		break;
	case 2:
		bad.flags |= 4;
		break;
	case 3:
		bad.flags |= DELTAHOP_ENTRY_STATE_ZERO;
		break;
	case 4:
		bad.owner = 0;
		break;
	case 5:
		bad.table_addr += 4;
		break;
	case 6:
		bad.table_count = 65;
		break;
	case 7:
		bad.record_addr += 4;
		break;
	case 8:
		bad.cmd_offset = 4;
		break;
	case 9:
		bad.size += 4;
		break;
	case 10:
		bad.type = DELTAHOP_ENTRY_STATE_SAVE;
		bad.cmd_region = 1;
		break;
	case 11:
		bad.type = DELTAHOP_ENTRY_STATE_SAVE;
		bad.size = net.rig->config.rnn_state_bytes + 8;
		break;
	case 12:
		bad.type = DELTAHOP_ENTRY_STATE_LOAD;
		bad.size = 12;
		break;
	case 13:
		bad.type = DELTAHOP_ENTRY_STATE_DISCARD;
		bad.flags = DELTAHOP_ENTRY_STATE_ZERO;
		break;
	}
	rig_submit(net.rig, &bad);
	rig_run(net.rig, 1 << 30);
	assert_halted(net.rig, DELTAHOP_RING_BAD_ENTRY);
	net_destroy(&net);
}
END_TEST

START_TEST(entry_not_readable)
{
	struct net net;

	net_create(&net, "edgedrnn");
	rig_set(net.rig, RING(CTRL), 0);
	rig_set(net.rig, RING(BASE_HI), 0x80000000);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_ENABLE);
	rig_submit(net.rig, &net.entry);
	rig_run(net.rig, 1 << 30);
	assert_halted(net.rig, DELTAHOP_RING_DMA);
	net_destroy(&net);
}
END_TEST

START_TEST(record_not_writable)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.rig->refuse_write = net.entry.record_addr + (_i ? 124 : 0);
	rig_submit(net.rig, &net.entry);
	rig_run(net.rig, 1 << 30);
	ck_assert_uint_eq(net.rig->interrupts[1], 1);
	assert_halted(net.rig, DELTAHOP_RING_DMA);
	net_destroy(&net);
}
END_TEST

START_TEST(no_record)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.entry.record_addr = 0;
	ck_assert_uint_eq(rig_do(net.rig, &net.entry).status, DELTAHOP_STATUS_NONE);
	ck_assert_uint_eq(rig_reg(net.rig, RING(HEAD)), 2);
	net_destroy(&net);
}
END_TEST

START_TEST(nop_entry)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	record = rig_do_state(net.rig, DELTAHOP_ENTRY_NOP, 0);
	assert_ok(record);
	ck_assert_uint_eq(record.bytes_commands, 64 + 32 * NET_REGIONS);
	net_destroy(&net);
}
END_TEST

/* Disabling lets the running entry end, and no other begin. */
START_TEST(disable_and_go_on)
{
	struct net net;
	uint32_t first, second;

	net_create(&net, "edgedrnn");
	first = rig_submit(net.rig, &net.entry);
	net_write(&net);
	second = rig_submit(net.rig, &net.entry);
	rig_set(net.rig, RING(CTRL), 0);
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_BUSY);
	rig_run(net.rig, 1 << 30);
	assert_ok(rig_record(net.rig, first));
	ck_assert_uint_eq(rig_record(net.rig, second).status, DELTAHOP_STATUS_NONE);
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_DISABLED);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_ENABLE);
	rig_run(net.rig, 1 << 30);
	assert_ok(rig_record(net.rig, second));
	net_destroy(&net);
}
END_TEST

START_TEST(ring_reset)
{
	uint32_t number, progress;
	struct net net;

	net_create(&net, "edgedrnn");
	net.params.steps = 100;
	net_write(&net);
	number = rig_submit(net.rig, &net.entry);
	rig_run(net.rig, 20000);
	progress = rig_reg(net.rig, RING(PROGRESS));
	ck_assert_uint_gt(progress, 3);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_RESET);
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_RESETTING);
	ck_assert_uint_eq(rig_reg(net.rig, RING(CTRL)), DELTAHOP_RING_CTRL_RESET);
	rig_set(net.rig, RING(SIZE), 3);
	ck_assert(rig_run(net.rig, DELTAHOP_RESET_NS));
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_DISABLED);
	for (uint32_t reg = RING(CTRL); reg <= RING(TAIL); reg += 4)
		ck_assert_uint_eq(rig_reg(net.rig, reg), 0);
	ck_assert_uint_eq(rig_reg(net.rig, RING(PROGRESS)), progress);
	ck_assert_uint_eq(rig_reg(net.rig, RING(SEQNO)), 1000);
	ck_assert_uint_eq(rig_record(net.rig, number).status, DELTAHOP_STATUS_NONE);
	/* The state is gone. */
	rig_start(net.rig);
	assert_fault(net_job(&net), DELTAHOP_REASON_NOT_LOADED);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

/* ---- faults on purpose ---- */

START_TEST(stuck)
{
	struct net net;
	uint32_t number, progress;

	net_create(&net, "edgedrnn");
	dh_model_inject(net.rig->model, 0, DH_FAULT_STUCK, 2);
	assert_ok(net_job(&net));
	progress = rig_reg(net.rig, RING(PROGRESS));
	net_write(&net);
	number = rig_submit(net.rig, &net.entry);
	ck_assert(rig_run(net.rig, 1ULL << 40));
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_BUSY);
	ck_assert_uint_eq(rig_reg(net.rig, RING(PROGRESS)), progress);
	ck_assert_uint_eq(rig_record(net.rig, number).status, DELTAHOP_STATUS_NONE);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_RESET);
	rig_run(net.rig, DELTAHOP_RESET_NS);
	rig_start(net.rig);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

/* The ring is neither usable nor in anybody's way, until the device is reset. */
START_TEST(endless_ring_reset)
{
	struct net net;

	net_create(&net, "edgedrnn");
	dh_model_inject(net.rig->model, 0, DH_FAULT_RING_RESET, 1);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_RESET);
	rig_run(net.rig, 1ULL << 40);
	ck_assert_uint_eq(rig_reg(net.rig, RING(STATUS)), DELTAHOP_RING_RESETTING);
	ck_assert_uint_eq(rig_reg(net.rig, RING(CTRL)), DELTAHOP_RING_CTRL_RESET);
	rig_set(net.rig, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
	rig_run(net.rig, DELTAHOP_RESET_NS);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CTRL), 0);
	rig_start(net.rig);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

START_TEST(endless_reset)
{
	struct net net;

	net_create(&net, "edgedrnn");
	dh_model_inject(net.rig->model, 1, DH_FAULT_RESET, 1);
	for (int i = 0; i < 2; i++) {
		rig_set(net.rig, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
		rig_run(net.rig, 1ULL << 40);
		ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CTRL), DELTAHOP_CTRL_RESET);
	}
	dh_model_power_on(net.rig->model, net.rig->now);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CTRL), 0);
	rig_start(net.rig);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

START_TEST(lost_interrupt)
{
	struct net net;

	net_create(&net, "edgedrnn");
	rig_set(net.rig, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_ALL);
	dh_model_inject(net.rig->model, 0, DH_FAULT_LOST_IRQ, 1);
	assert_ok(net_job(&net));
	ck_assert_uint_eq(net.rig->interrupts[1], 1);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_IRQ_STATUS), 0);
	ck_assert_uint_eq(rig_reg(net.rig, RING(HEAD)), 2);
	assert_ok(net_job(&net));
	ck_assert_uint_eq(net.rig->interrupts[1], 2);
	net_destroy(&net);
}
END_TEST

START_TEST(dma_fault)
{
	struct deltahop_record record;
	struct net net;

	net_create(&net, "edgedrnn");
	dh_model_inject(net.rig->model, 0, DH_FAULT_DMA, 1);
	record = net_job(&net);
	assert_fault(record, DELTAHOP_REASON_DMA);
	ck_assert_uint_eq(record.cmd_offset, 40);
	ck_assert_uint_eq(record.fault_region, NET_PARAMS);
	ck_assert_uint_eq(record.fault_offset, 0);
	assert_ok(rig_do_state(net.rig, DELTAHOP_ENTRY_STATE_LOAD, 4096));
	assert_ok(net_job(&net));
	net_destroy(&net);
}
END_TEST

START_TEST(injection_taken_back)
{
	struct net net;

	net_create(&net, "edgedrnn");
	for (int kind = DH_FAULT_STUCK; kind <= DH_FAULT_LAST; kind++) {
		dh_model_inject(net.rig->model, 0, kind, 1);
		dh_model_inject(net.rig->model, 0, kind, 0);
		dh_model_inject(net.rig->model, 1, kind, 1);
	}
	dh_model_inject(net.rig->model, 0, 77, 1);
	assert_ok(net_job(&net));
	ck_assert_uint_eq(net.rig->interrupts[1], 2);
	net_destroy(&net);
}
END_TEST

/* ---- trace, determinism ---- */

struct events {
	unsigned int count[DH_TRACE_RESET + 1];
	uint64_t hash;
};

static void note(void *opaque, enum dh_trace_kind kind, unsigned int ring, uint64_t time_ns,
		 uint64_t a, uint64_t b)
{
	struct events *events = opaque;

	events->count[kind]++;
	events->hash = events->hash * 31 + kind + ring + time_ns * 7 + a * 11 + b * 13;
}

START_TEST(trace)
{
	struct events events = { { 0 }, 0 };
	struct net net;

	net_create(&net, "edgedrnn");
	dh_set_trace(net.rig->model, note, &events);
	assert_ok(net_job(&net));
	ck_assert_uint_eq(events.count[DH_TRACE_ENTRY_START], 1);
	ck_assert_uint_eq(events.count[DH_TRACE_COMMAND], 3);
	ck_assert_uint_eq(events.count[DH_TRACE_ENTRY_END], 1);
	ck_assert_uint_eq(events.count[DH_TRACE_FAULT], 0);
	net.run.count = 0;
	assert_fault(net_job(&net), DELTAHOP_REASON_BAD_FIELD);
	ck_assert_uint_eq(events.count[DH_TRACE_FAULT], 1);
	rig_set(net.rig, RING(CTRL), DELTAHOP_RING_CTRL_RESET);
	rig_set(net.rig, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
	ck_assert_uint_eq(events.count[DH_TRACE_RESET], 2);
	net_destroy(&net);
}
END_TEST

/* Time is told in steps of @stride; what the device does must not depend on them. */
static uint64_t run_in_strides(uint64_t stride)
{
	struct events events = { { 0 }, 0 };
	struct net net;

	net_create(&net, "card");
	dh_set_trace(net.rig->model, note, &events);
	net.params.steps = 20;
	for (int i = 0; i < 4; i++) {
		net_write(&net);
		rig_submit(net.rig, &net.entry);
	}
	while (dh_model_next_event(net.rig->model) != DH_NEVER) {
		net.rig->now += stride;
		dh_model_advance(net.rig->model, net.rig->now);
	}
	for (unsigned int i = 0; i < NET_REGION_BYTES; i++)
		events.hash = events.hash * 31 + net.rig->ram[net_addr(NET_OUTPUT) + i];
	for (unsigned int i = 0; i < 5 * sizeof(struct deltahop_record); i++)
		events.hash = events.hash * 31 + net.rig->ram[RIG_RECORDS + i];
	net_destroy(&net);
	return events.hash;
}

START_TEST(deterministic)
{
	uint64_t hash = run_in_strides(1);

	ck_assert_uint_eq(run_in_strides(1), hash);
	ck_assert_uint_eq(run_in_strides(977), hash);
	ck_assert_uint_eq(run_in_strides(1ULL << 40), hash);
}
END_TEST

TCase *model_rings_case(void)
{
	TCase *tcase = tcase_create("rings");

	tcase_add_test(tcase, wraps);
	tcase_add_test(tcase, full_ring);
	tcase_add_test(tcase, never_early);
	tcase_add_test(tcase, bad_tail);
	tcase_add_loop_test(tcase, bad_entries, 0, 14);
	tcase_add_test(tcase, entry_not_readable);
	tcase_add_loop_test(tcase, record_not_writable, 0, 2);
	tcase_add_test(tcase, no_record);
	tcase_add_test(tcase, nop_entry);
	tcase_add_test(tcase, disable_and_go_on);
	tcase_add_test(tcase, ring_reset);
	tcase_add_test(tcase, stuck);
	tcase_add_test(tcase, lost_interrupt);
	tcase_add_test(tcase, dma_fault);
	tcase_add_test(tcase, endless_ring_reset);
	tcase_add_test(tcase, endless_reset);
	tcase_add_test(tcase, injection_taken_back);
	tcase_add_test(tcase, trace);
	tcase_add_test(tcase, deterministic);
	return tcase;
}
