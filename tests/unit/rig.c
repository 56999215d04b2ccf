// SPDX-License-Identifier: MIT
/* A device on a bench. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define RECORD_PLACES 64

static struct rig_window *find_window(struct rig *rig, uint64_t addr, size_t len)
{
	for (int i = 0; i < RIG_WINDOWS; i++) {
		struct rig_window *window = &rig->window[i];

		if (len <= window->len && addr >= window->addr &&
		    addr - window->addr <= window->len - len)
			return window;
	}
	return NULL;
}

static uint8_t *find(struct rig *rig, uint64_t addr, size_t len, bool write)
{
	struct rig_window *window;

	if (len <= rig->ram_bytes && addr <= rig->ram_bytes - len)
		return rig->ram + addr;
	window = find_window(rig, addr, len);
	if (!window || (write && !window->writable)) {
		rig->stray++;
		return NULL;
	}
	if (write)
		window->writes += len;
	return window->bytes + (addr - window->addr);
}

static bool bus_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	const uint8_t *bytes = find(opaque, addr, len, false);

	if (bytes)
		memcpy(buf, bytes, len);
	return bytes;
}

static bool bus_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	struct rig *rig = opaque;
	uint8_t *bytes;

	if (rig->refuse_write && rig->refuse_write >= addr && rig->refuse_write < addr + len)
		return false;
	bytes = find(rig, addr, len, true);
	if (bytes)
		memcpy(bytes, buf, len);
	return bytes;
}

static const void *bus_map(void *opaque, uint64_t addr, size_t len)
{
	struct rig *rig = opaque;

	return rig->maps ? find(rig, addr, len, false) : NULL;
}

static void bus_interrupt(void *opaque, unsigned int vector)
{
	struct rig *rig = opaque;

	rig->interrupts[vector]++;
}

static void bus_line(void *opaque, bool level)
{
	struct rig *rig = opaque;

	rig->line = level;
}

struct rig *rig_create(const struct dh_config *config, size_t ram_bytes)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct dh_bus bus = {
		.opaque = rig,
		.read = bus_read,
		.write = bus_write,
		.map = bus_map,
		.interrupt = bus_interrupt,
		.line = bus_line,
	};

	if (!rig)
		return NULL;
	rig->maps = true;
	rig->config = *config;
	rig->engine = config->engines & 1U << DELTAHOP_ENGINE_RNN ? DELTAHOP_ENGINE_RNN
								  : DELTAHOP_ENGINE_CONV;
	rig->ram_bytes = ram_bytes;
	rig->free_ram = RIG_FREE;
	rig->ram = calloc(1, ram_bytes);
	if (rig->config.card_size && !rig->config.card)
		rig->config.card = calloc(1, rig->config.card_size);
	rig->model = dh_model_create(&rig->config, &bus, NULL);
	if (!rig->model || !rig->ram) {
		rig_destroy(rig);
		return NULL;
	}
	return rig;
}

void rig_destroy(struct rig *rig)
{
	if (!rig)
		return;
	dh_model_destroy(rig->model);
	free(rig->config.card);
	free(rig->ram);
	free(rig);
}

uint32_t rig_reg(struct rig *rig, uint32_t reg)
{
	return dh_model_read(rig->model, reg, rig->now);
}

void rig_set(struct rig *rig, uint32_t reg, uint32_t value)
{
	dh_model_write(rig->model, reg, value, rig->now);
}

static uint64_t ring_addr(unsigned int engine)
{
	return RIG_RING + engine * (uint64_t)DELTAHOP_PAGE_SIZE;
}

void rig_start(struct rig *rig)
{
	rig_set(rig, DELTAHOP_REG_IRQ_ENABLE, DELTAHOP_IRQ_ALL);
	for (unsigned int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		rig->tail[i] = 0;
		rig_set(rig, DELTAHOP_RING(i, DELTAHOP_RING_BASE_LO), ring_addr(i));
		rig_set(rig, DELTAHOP_RING(i, DELTAHOP_RING_SIZE), RIG_RING_LOG2);
		rig_set(rig, DELTAHOP_RING(i, DELTAHOP_RING_CTRL), DELTAHOP_RING_CTRL_ENABLE);
	}
}

uint32_t rig_region(struct rig *rig, uint64_t addr, uint64_t length, uint32_t flags)
{
	rig->table[rig->regions] = (struct deltahop_region){
		.addr = addr,
		.length = length,
		.flags = flags | DELTAHOP_REGION_VALID,
	};
	return rig->regions++;
}

static uint64_t record_addr(const struct rig *rig, uint32_t number)
{
	return RIG_RECORDS + sizeof(struct deltahop_record) *
				     (rig->engine * RECORD_PLACES + number % RECORD_PLACES);
}

uint32_t rig_random(struct rig_random *random)
{
	random->state = random->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return random->state >> 33 ^ random->state >> 51;
}

uint32_t rig_below(struct rig_random *random, uint32_t limit)
{
	return rig_random(random) % limit;
}

static uint64_t take_pages(uint64_t *free_bytes, uint64_t pages)
{
	uint64_t addr = *free_bytes;

	*free_bytes += pages * DELTAHOP_PAGE_SIZE;
	return addr;
}

static void shuffle_pages(struct rig *rig, struct rig_random *random, uint64_t list, uint64_t addr,
			  uint64_t pages)
{
	uint64_t *page = (uint64_t *)(rig->ram + list), spare;

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t other = rig_below(random, i + 1);

		page[i] = addr + i * DELTAHOP_PAGE_SIZE;
		spare = page[other];
		page[other] = page[i];
		page[i] = spare;
	}
}

struct rig_buffer rig_buffer(struct rig *rig, struct rig_random *random, uint64_t length,
			     uint32_t flags)
{
	struct rig_buffer buffer = { .card = flags & DELTAHOP_REGION_CARD };
	uint64_t pages;

	if (flags & DELTAHOP_REGION_LIST)
		buffer.first = 2 * rig_below(random, DELTAHOP_PAGE_SIZE / 2);
	pages = (buffer.first + length + DELTAHOP_PAGE_SIZE - 1) / DELTAHOP_PAGE_SIZE;
	buffer.addr = take_pages(buffer.card ? &rig->free_card : &rig->free_ram, pages);
	if (flags & DELTAHOP_REGION_LIST) {
		buffer.list = take_pages(&rig->free_ram,
					 (pages * 8 + DELTAHOP_PAGE_SIZE - 1) / DELTAHOP_PAGE_SIZE);
		shuffle_pages(rig, random, buffer.list, buffer.addr, pages);
	}
	buffer.region = rig_region(rig, buffer.list ? buffer.list : buffer.addr, length, flags);
	rig->table[buffer.region].first = buffer.first;
	return buffer;
}

/* Byte @offset of a buffer, by walking its list. */
static uint8_t *buffer_byte(struct rig *rig, const struct rig_buffer *buffer, uint64_t offset)
{
	uint64_t at = buffer->first + offset, addr = buffer->addr + at;

	if (buffer->list)
		addr = ((uint64_t *)(rig->ram + buffer->list))[at / DELTAHOP_PAGE_SIZE] +
		       at % DELTAHOP_PAGE_SIZE;
	return (buffer->card ? rig->config.card : rig->ram) + addr;
}

void rig_poke(struct rig *rig, const struct rig_buffer *buffer, uint64_t offset, const void *bytes,
	      size_t len)
{
	for (size_t i = 0; i < len; i++)
		*buffer_byte(rig, buffer, offset + i) = ((const uint8_t *)bytes)[i];
}

void rig_peek(struct rig *rig, const struct rig_buffer *buffer, uint64_t offset, void *bytes,
	      size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = *buffer_byte(rig, buffer, offset + i);
}

struct deltahop_entry rig_entry(struct rig *rig, enum deltahop_entry_type type)
{
	return (struct deltahop_entry){
		.type = type,
		.flags = DELTAHOP_ENTRY_IRQ,
		.owner = RIG_OWNER,
		.seqno = rig->tail[rig->engine] + 1000,
		.table_addr = RIG_TABLE,
		.table_count = rig->regions,
		.profile_region = DELTAHOP_REGION_NONE,
		.record_addr = record_addr(rig, rig->tail[rig->engine]),
	};
}

uint32_t rig_submit(struct rig *rig, const struct deltahop_entry *entry)
{
	uint32_t number = rig->tail[rig->engine]++;

	memcpy(rig->ram + RIG_TABLE, rig->table, sizeof(rig->table[0]) * rig->regions);
	memset(rig->ram + record_addr(rig, number), 0, sizeof(struct deltahop_record));
	memcpy(rig->ram + ring_addr(rig->engine) + sizeof(*entry) * (number % (1 << RIG_RING_LOG2)),
	       entry, sizeof(*entry));
	rig_set(rig, DELTAHOP_RING(rig->engine, DELTAHOP_RING_TAIL), rig->tail[rig->engine]);
	return number;
}

bool rig_run(struct rig *rig, uint64_t ns)
{
	uint64_t end = rig->now + ns, next;

	while ((next = dh_model_next_event(rig->model)) <= end) {
		if (next > rig->now)
			rig->now = next;
		dh_model_advance(rig->model, rig->now);
	}
	return next == DH_NEVER;
}

struct deltahop_record rig_record(const struct rig *rig, uint32_t number)
{
	struct deltahop_record record;

	memcpy(&record, rig->ram + record_addr(rig, number), sizeof(record));
	return record;
}

struct deltahop_record rig_do(struct rig *rig, const struct deltahop_entry *entry)
{
	uint32_t number = rig_submit(rig, entry);

	rig_run(rig, UINT64_MAX / 4);
	return rig_record(rig, number);
}

struct deltahop_record rig_do_state(struct rig *rig, enum deltahop_entry_type type, uint32_t bytes)
{
	struct deltahop_entry entry = rig_entry(rig, type);

	entry.size = bytes;
	if (type == DELTAHOP_ENTRY_STATE_LOAD)
		entry.flags |= DELTAHOP_ENTRY_STATE_ZERO;
	return rig_do(rig, &entry);
}

struct rig_program rig_program(struct rig *rig, uint64_t addr)
{
	return (struct rig_program){ rig->ram + addr, rig->ram + addr };
}

void rig_put(struct rig_program *program, const struct dh_cmd *cmd)
{
	program->at += dh_cmd_encode(cmd, program->at);
}

void rig_put_layer(struct rig_program *program, const struct dh_layer *layer)
{
	rig_put(program, &(struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_LAYER, .layer = *layer });
}

void rig_put_run(struct rig_program *program, const struct dh_run *run)
{
	rig_put(program, &(struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_RUN, .run = *run });
}

void rig_put_conv_layer(struct rig_program *program, const struct dh_conv_layer *layer)
{
	rig_put(program,
		&(struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_LAYER, .conv_layer = *layer });
}

void rig_put_conv_input(struct rig_program *program, const struct dh_conv_input *input)
{
	rig_put(program,
		&(struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_INPUT, .conv_input = *input });
}

void rig_put_conv_pass(struct rig_program *program, uint16_t opcode,
		       const struct dh_conv_pass *pass)
{
	rig_put(program, &(struct dh_cmd){ .opcode = opcode, .conv_pass = *pass });
}

void rig_put_end(struct rig_program *program)
{
	rig_put(program, &(struct dh_cmd){ .opcode = DELTAHOP_OP_END });
}
