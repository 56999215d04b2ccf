// SPDX-License-Identifier: MIT
/* The device: its registers, its interrupts, and which event comes next. */
#include <stdlib.h>
#include <string.h>

#include "deltahop_internal.h"

#define PS_PER_S    1000000000000ULL
#define RING_FIRST  DELTAHOP_RING(0, 0)
#define RING_STRIDE (DELTAHOP_RING(1, 0) - DELTAHOP_RING(0, 0))

static bool exists(const struct dh_model *model, unsigned int ring)
{
	return ring < DELTAHOP_ENGINE_COUNT && model->config.engines >> ring & 1;
}

static void set_up_rings(struct dh_model *model)
{
	for (unsigned int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		struct dh_ring *ring = &model->ring[i];

		ring->model = model;
		ring->number = i;
		ring->memory.config = &model->config;
		ring->memory.bus = &model->bus;
		ring->port.dram = &model->dram;
		ring->port.config = &model->config;
		ring->port.memory = &ring->memory;
		ring->port.ring = i;
		ring->state.image = (uint8_t *)(model + 1);
	}
	model->ring[DELTAHOP_ENGINE_RNN].state.size = model->config.rnn_state_bytes;
}

/* Rings have a port while it matters where bursts go. */
static void set_up_ports(struct dh_model *model)
{
	bool needed = model->dram.detailed || model->dram.trace;

	for (unsigned int i = 0; i < DELTAHOP_ENGINE_COUNT; i++)
		model->ring[i].memory.port = needed ? &model->ring[i].port : NULL;
}

/* False: out of memory. */
static bool set_up_engines(struct dh_model *model)
{
	model->rnn.config = &model->config;
	model->rnn.state = &model->ring[DELTAHOP_ENGINE_RNN].state;
	dh_rnn_init(&model->rnn);
	return !exists(model, DELTAHOP_ENGINE_CONV) || dh_conv_create(&model->conv, &model->config);
}

struct dh_model *dh_model_create(const struct dh_config *config, const struct dh_bus *bus,
				 const char **error)
{
	const char *refused = dh_config_refuse(config);
	struct dh_model *model = NULL;

	if (!refused)
		model = calloc(1, sizeof(*model) + config->rnn_state_bytes);
	if (model) {
		model->config = *config;
		model->bus = *bus;
		model->limits = dh_config_limits(config);
		dh_dram_init(&model->dram, config);
		set_up_rings(model);
		set_up_ports(model);
		if (set_up_engines(model)) {
			dh_model_power_on(model, 0);
			return model;
		}
		dh_model_destroy(model);
	}
	if (error)
		*error = refused ? refused : "out of memory";
	return NULL;
}

void dh_model_destroy(struct dh_model *model)
{
	if (!model)
		return;
	dh_conv_destroy(&model->conv);
	free(model);
}

static void move_time(struct dh_model *model, uint64_t now)
{
	if (now > model->now)
		model->now = now;
}

/* ---- interrupts ---- */

static void set_line(struct dh_model *model)
{
	bool level = model->irq_status & model->irq_enable;

	if (level == model->line)
		return;
	model->line = level;
	if (model->bus.line)
		model->bus.line(model->bus.opaque, level);
}

void dh_model_raise(struct dh_model *model, unsigned int vector)
{
	model->irq_status |= 1U << vector;
	if (model->bus.interrupt && model->irq_enable >> vector & 1)
		model->bus.interrupt(model->bus.opaque, vector);
	set_line(model);
}

/* ---- reset ---- */

static void clear(struct dh_model *model)
{
	model->irq_status = 0;
	model->irq_enable = 0;
	memset(model->free_ns, 0, sizeof(model->free_ns));
	dh_dram_reset(&model->dram);
	for (unsigned int i = 0; i < DELTAHOP_ENGINE_COUNT; i++)
		dh_ring_power_on(&model->ring[i]);
	set_line(model);
}

void dh_model_power_on(struct dh_model *model, uint64_t now)
{
	move_time(model, now);
	model->reset_until = 0;
	model->latched_time = 0;
	clear(model);
}

static void reset(struct dh_model *model)
{
	dh_model_trace(&model->ring[0], DH_TRACE_RESET, model->now, ~0U, 0);
	clear(model);
	model->reset_until = model->now + DELTAHOP_RESET_NS;
	for (unsigned int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		if (exists(model, i))
			dh_ring_reset(&model->ring[i], model->now);
	}
}

/* ---- events ---- */

static struct dh_ring *next_ring(const struct dh_model *model)
{
	const struct dh_ring *next = &model->ring[0];

	for (unsigned int i = 1; i < DELTAHOP_ENGINE_COUNT; i++) {
		if (model->ring[i].event_ns < next->event_ns)
			next = &model->ring[i];
	}
	return (struct dh_ring *)next;
}

uint64_t dh_model_next_event(const struct dh_model *model)
{
	return next_ring(model)->event_ns;
}

void dh_model_advance(struct dh_model *model, uint64_t now)
{
	move_time(model, now);
	while (dh_model_next_event(model) <= model->now && dh_model_next_event(model) != DH_NEVER)
		dh_ring_event(next_ring(model));
}

/* ---- registers ---- */

static uint32_t read_identity(const struct dh_model *model, uint32_t reg)
{
	const struct dh_config *config = &model->config;

	switch (reg) {
	case DELTAHOP_REG_ID:
		return DELTAHOP_ID;
	case DELTAHOP_REG_ABI:
		return DELTAHOP_HW_ABI_MAJOR << 16 | DELTAHOP_HW_ABI_MINOR;
	case DELTAHOP_REG_CAPS_LO:
		return config->caps & 0xffffffff;
	case DELTAHOP_REG_CAPS_HI:
		return config->caps >> 32;
	case DELTAHOP_REG_ENGINES:
		return config->engines;
	case DELTAHOP_REG_PROFILE:
		return config->profile;
	case DELTAHOP_REG_CLOCK_HZ:
		return config->clock_hz;
	case DELTAHOP_REG_CARD_SIZE_LO:
		return config->card_size & 0xffffffff;
	case DELTAHOP_REG_CARD_SIZE_HI:
		return config->card_size >> 32;
	case DELTAHOP_REG_MAX_REGIONS:
		return DH_MAX_REGIONS;
	default:
		return 0;
	}
}

/* The engines' figures; all 0 of an engine that is not there. */
static uint32_t read_engines(const struct dh_model *model, uint32_t reg)
{
	const struct dh_config *config = &model->config;

	switch (reg) {
	case DELTAHOP_REG_RNN_PES:
		return config->rnn_pes;
	case DELTAHOP_REG_RNN_SLOTS:
		return config->rnn_slots;
	case DELTAHOP_REG_RNN_MAX_INPUTS:
		return model->limits.max_inputs;
	case DELTAHOP_REG_RNN_MAX_HIDDEN:
		return model->limits.max_hidden;
	case DELTAHOP_REG_RNN_STATE_BYTES:
		return config->rnn_state_bytes;
	case DELTAHOP_REG_CONV_MACS:
		return config->conv_macs;
	case DELTAHOP_REG_CONV_KERNEL_WORDS:
		return config->conv_kernel_words;
	case DELTAHOP_REG_CONV_STORE_BYTES:
		return config->conv_store_bytes;
	case DELTAHOP_REG_CONV_MAX_CHANNELS:
		return config->conv_max_channels;
	case DELTAHOP_REG_CONV_MAX_COLS:
		return config->conv_max_cols;
	case DELTAHOP_REG_CONV_MAX_OUTPUTS:
		return config->conv_max_outputs;
	default:
		return 0;
	}
}

static uint32_t read_memory(const struct dh_config *config, uint32_t reg)
{
	switch (reg) {
	case DELTAHOP_REG_DRAM_BEAT_BYTES:
		return config->beat_bytes;
	case DELTAHOP_REG_DRAM_N:
		return config->dram.n;
	case DELTAHOP_REG_DRAM_L:
		return config->dram.l;
	case DELTAHOP_REG_DRAM_Q:
		return config->dram.q;
	case DELTAHOP_REG_LINK_N:
		return config->link.n;
	case DELTAHOP_REG_LINK_L:
		return config->link.l;
	case DELTAHOP_REG_LINK_Q:
		return config->link.q;
	default:
		return config->dram_part;
	}
}

static uint32_t read_control(struct dh_model *model, uint32_t reg)
{
	switch (reg) {
	case DELTAHOP_REG_CTRL:
		return model->now < model->reset_until ? DELTAHOP_CTRL_RESET : 0;
	case DELTAHOP_REG_TIME_LO:
		model->latched_time = model->now >> 32;
		return model->now & 0xffffffff;
	case DELTAHOP_REG_TIME_HI:
		return model->latched_time;
	case DELTAHOP_REG_IRQ_STATUS:
		return model->irq_status;
	case DELTAHOP_REG_IRQ_ENABLE:
		return model->irq_enable;
	default:
		return 0;
	}
}

uint32_t dh_model_read(struct dh_model *model, uint32_t reg, uint64_t now)
{
	unsigned int ring = (reg - RING_FIRST) / RING_STRIDE;

	dh_model_advance(model, now);
	if (reg >= DELTAHOP_REG_DRAM_BEAT_BYTES && reg <= DELTAHOP_REG_DRAM_PART)
		return reg % 4 ? 0 : read_memory(&model->config, reg);
	if (reg < DELTAHOP_REG_DRAM_BEAT_BYTES)
		return read_identity(model, reg);
	if (reg < DELTAHOP_REG_CTRL)
		return read_engines(model, reg);
	if (reg < RING_FIRST)
		return read_control(model, reg);
	return exists(model, ring) ? dh_ring_read(&model->ring[ring], reg % RING_STRIDE) : 0;
}

static void write_control(struct dh_model *model, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case DELTAHOP_REG_CTRL:
		if (!(value & DELTAHOP_CTRL_RESET))
			break;
		reset(model);
		if (dh_ring_meets(&model->ring[0], DH_FAULT_RESET))
			model->reset_until = DH_NEVER;
		break;
	case DELTAHOP_REG_IRQ_STATUS:
		model->irq_status &= ~value;
		set_line(model);
		break;
	case DELTAHOP_REG_IRQ_ENABLE:
		model->irq_enable = value & DELTAHOP_IRQ_ALL;
		set_line(model);
		break;
	}
}

void dh_model_write(struct dh_model *model, uint32_t reg, uint32_t value, uint64_t now)
{
	unsigned int ring = (reg - RING_FIRST) / RING_STRIDE;

	dh_model_advance(model, now);
	if (model->now < model->reset_until)
		return;
	if (reg < RING_FIRST)
		write_control(model, reg, value);
	else if (exists(model, ring))
		dh_ring_write(&model->ring[ring], reg % RING_STRIDE, value, model->now);
}

/* ---- the DRAM channel ---- */

void dh_model_dram(const struct dh_model *model, struct dh_dram_counts *counts)
{
	const struct dh_ddr_part *part = model->dram.ddr.part;
	const struct dh_ddr_counts *ddr = &model->dram.ddr.counts;

	*counts = model->dram.counts;
	counts->reads = ddr->reads;
	counts->writes = ddr->writes;
	counts->hits = ddr->hits;
	counts->misses = ddr->misses;
	counts->conflicts = ddr->conflicts;
	counts->refreshes = ddr->refreshes;
	counts->peak = part ? PS_PER_S * part->bytes / (part->tick_ps * part->burst) : 0;
}

void dh_set_dram_trace(struct dh_model *model, dh_dram_trace_function *trace, void *opaque)
{
	model->dram.trace = trace;
	model->dram.trace_opaque = opaque;
	set_up_ports(model);
}

/* ---- faults on purpose, trace ---- */

void dh_model_inject(struct dh_model *model, unsigned int ring, enum dh_fault fault, uint32_t nth)
{
	if (fault == DH_FAULT_RESET)
		model->ring[0].inject[fault] = nth;
	else if (exists(model, ring) && fault >= DH_FAULT_STUCK && fault < DH_FAULT_KINDS)
		model->ring[ring].inject[fault] = nth;
}

void dh_set_trace(struct dh_model *model,
		  void (*trace)(void *opaque, enum dh_trace_kind kind, unsigned int ring,
				uint64_t time_ns, uint64_t a, uint64_t b),
		  void *opaque)
{
	model->trace = trace;
	model->trace_opaque = opaque;
}

void dh_model_trace(struct dh_ring *ring, enum dh_trace_kind kind, uint64_t time_ns, uint64_t a,
		    uint64_t b)
{
	if (ring->model->trace)
		ring->model->trace(ring->model->trace_opaque, kind, ring->number, time_ns, a, b);
}
