// SPDX-License-Identifier: MIT
/* Rings: registers, doorbell, one entry after the other, halt and reset. */
#include <string.h>

#include "deltahop_internal.h"

#define NS_PER_S 1000000000ULL
#define MAX_SIZE 8

/* Rounded up; without overflow for any cycle count. */
static uint64_t cycles_to_ns(uint64_t cycles, uint32_t clock_hz)
{
	return cycles / clock_hz * NS_PER_S +
	       (cycles % clock_hz * NS_PER_S + clock_hz - 1) / clock_hz;
}

/* Rounded up likewise. */
static uint64_t ns_to_cycles(uint64_t ns, uint32_t clock_hz)
{
	return ns / NS_PER_S * clock_hz + (ns % NS_PER_S * clock_hz + NS_PER_S - 1) / NS_PER_S;
}

void dh_ring_charge(struct dh_ring *ring, const struct dh_unit *unit)
{
	ring->own.cycles += unit->cycles;
	ring->own.wait_cycles += unit->wait;
	for (int i = 0; i < DH_CHANNEL_COUNT; i++)
		ring->busy[i] += unit->busy[i];
}

/* When what has been charged is over. */
static uint64_t time_of_charges(const struct dh_ring *ring)
{
	return ring->start_ns +
	       cycles_to_ns(ring->own.cycles + ring->own.wait_cycles, ring->model->config.clock_hz);
}

uint64_t dh_ring_cycle(const struct dh_ring *ring)
{
	return ns_to_cycles(ring->start_ns, ring->model->config.clock_hz) + ring->own.cycles +
	       ring->own.wait_cycles;
}

/*
 * The unit that begins now takes its turn on the channels. Where the channel is free it has it at
 * once, and no longer than it lasts itself; so an engine alone never waits.
 * Return: when its last turn is over.
 */
static uint64_t take_turns(struct dh_ring *ring, uint64_t begin, uint64_t end)
{
	uint64_t last = end;

	for (int i = 0; i < DH_CHANNEL_COUNT; i++) {
		uint64_t *free_ns = &ring->model->free_ns[i];
		uint64_t busy = cycles_to_ns(ring->busy[i], ring->model->config.clock_hz), over;

		ring->busy[i] = 0;
		if (!busy)
			continue;
		if (busy > end - begin)
			busy = end - begin;
		over = (*free_ns > begin ? *free_ns : begin) + busy;
		*free_ns = over;
		last = over > last ? over : last;
	}
	return last;
}

void dh_ring_wait(struct dh_ring *ring, enum dh_event event)
{
	uint64_t end = time_of_charges(ring), over = take_turns(ring, ring->event_ns, end);

	if (over > end)
		ring->own.wait_cycles += ns_to_cycles(over - end, ring->model->config.clock_hz);
	ring->event = event;
	ring->event_ns = time_of_charges(ring);
}

static void wait_for_doorbell(struct dh_ring *ring)
{
	ring->event = DH_EVENT_NONE;
	ring->event_ns = DH_NEVER;
}

void dh_ring_next(struct dh_ring *ring, uint64_t now)
{
	wait_for_doorbell(ring);
	if (!ring->enabled || ring->head == ring->tail)
		return;
	ring->event = DH_EVENT_ENTRY;
	ring->event_ns = now;
}

void dh_ring_halt(struct dh_ring *ring, enum deltahop_ring_error error)
{
	ring->error = error;
	ring->halted = true;
	wait_for_doorbell(ring);
	dh_model_raise(ring->model, DELTAHOP_VECTOR_ERROR);
}

/* All but PROGRESS, SEQNO and the faults on purpose, which are the experimenter's. */
static void clear(struct dh_ring *ring)
{
	ring->enabled = false;
	ring->halted = false;
	ring->error = DELTAHOP_RING_OK;
	ring->base = 0;
	ring->size = 0;
	ring->head = 0;
	ring->tail = 0;
	ring->last_owner = 0;
	memset(&ring->carry, 0, sizeof(ring->carry));
	memset(ring->busy, 0, sizeof(ring->busy));
	memset(ring->state.image, 0, ring->state.size);
	ring->state.loaded = 0;
	ring->state.owner = 0;
	wait_for_doorbell(ring);
}

void dh_ring_power_on(struct dh_ring *ring)
{
	clear(ring);
	ring->progress = 0;
	ring->seqno = 0;
}

void dh_ring_reset(struct dh_ring *ring, uint64_t now)
{
	clear(ring);
	ring->event = DH_EVENT_RESET;
	ring->event_ns = now + DELTAHOP_RESET_NS;
}

bool dh_ring_meets(struct dh_ring *ring, enum dh_fault kind)
{
	return ring->inject[kind] && !--ring->inject[kind];
}

static enum deltahop_ring_status status(const struct dh_ring *ring)
{
	if (ring->event == DH_EVENT_RESET)
		return DELTAHOP_RING_RESETTING;
	if (ring->halted)
		return DELTAHOP_RING_HALTED;
	if (ring->event != DH_EVENT_NONE)
		return DELTAHOP_RING_BUSY;
	return ring->enabled ? DELTAHOP_RING_IDLE : DELTAHOP_RING_DISABLED;
}

uint32_t dh_ring_read(struct dh_ring *ring, uint32_t reg)
{
	switch (reg) {
	case DELTAHOP_RING_CTRL:
		return (ring->enabled ? DELTAHOP_RING_CTRL_ENABLE : 0) |
		       (ring->event == DH_EVENT_RESET ? DELTAHOP_RING_CTRL_RESET : 0);
	case DELTAHOP_RING_STATUS:
		return status(ring);
	case DELTAHOP_RING_ERROR:
		return ring->error;
	case DELTAHOP_RING_BASE_LO:
		return ring->base & 0xffffffff;
	case DELTAHOP_RING_BASE_HI:
		return ring->base >> 32;
	case DELTAHOP_RING_SIZE:
		return ring->size;
	case DELTAHOP_RING_HEAD:
		return ring->head;
	case DELTAHOP_RING_TAIL:
		return ring->tail;
	case DELTAHOP_RING_PROGRESS:
		return ring->progress;
	case DELTAHOP_RING_SEQNO:
		return ring->seqno;
	default:
		return 0;
	}
}

static void write_ctrl(struct dh_ring *ring, uint32_t value, uint64_t now)
{
	if (value & DELTAHOP_RING_CTRL_RESET) {
		dh_model_trace(ring, DH_TRACE_RESET, now, ring->number, 0);
		dh_ring_reset(ring, now);
		if (dh_ring_meets(ring, DH_FAULT_RING_RESET))
			ring->event_ns = DH_NEVER;
		return;
	}
	ring->enabled = value & DELTAHOP_RING_CTRL_ENABLE && ring->size >= 1 &&
			ring->size <= MAX_SIZE;
	if (ring->event == DH_EVENT_NONE && !ring->halted)
		dh_ring_next(ring, now);
}

static void write_tail(struct dh_ring *ring, uint32_t value, uint64_t now)
{
	if (!ring->enabled || ring->halted)
		return;
	ring->tail = value;
	if (value - ring->head > 1U << ring->size)
		dh_ring_halt(ring, DELTAHOP_RING_BAD_TAIL);
	else if (ring->event == DH_EVENT_NONE)
		dh_ring_next(ring, now);
}

void dh_ring_write(struct dh_ring *ring, uint32_t reg, uint32_t value, uint64_t now)
{
	if (ring->event == DH_EVENT_RESET)
		return;
	if (reg == DELTAHOP_RING_CTRL)
		write_ctrl(ring, value, now);
	else if (reg == DELTAHOP_RING_TAIL)
		write_tail(ring, value, now);
	else if (ring->enabled)
		return;
	else if (reg == DELTAHOP_RING_BASE_LO)
		ring->base = (ring->base & ~0xffffffffULL) |
			     (value & ~(uint32_t)(DELTAHOP_PAGE_SIZE - 1));
	else if (reg == DELTAHOP_RING_BASE_HI)
		ring->base = (ring->base & 0xffffffff) | (uint64_t)value << 32;
	else if (reg == DELTAHOP_RING_SIZE)
		ring->size = value;
}

void dh_ring_event(struct dh_ring *ring)
{
	switch (ring->event) {
	case DH_EVENT_ENTRY:
		dh_entry_start(ring);
		break;
	case DH_EVENT_COMMAND:
		dh_job_command(ring);
		break;
	case DH_EVENT_UNIT:
		dh_job_unit_end(ring);
		break;
	case DH_EVENT_ROWS:
		dh_job_rows_end(ring);
		break;
	case DH_EVENT_END:
		dh_entry_end(ring);
		break;
	case DH_EVENT_RESET:
	case DH_EVENT_STUCK:
	case DH_EVENT_NONE:
		wait_for_doorbell(ring);
		break;
	}
}
