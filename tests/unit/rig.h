/* SPDX-License-Identifier: MIT */
/*
 * A device on a bench: the model with memory around it, and the few things a driver would do. Used
 * by unit tests, vector tests, fuzzers and benchmarks.
 */
#ifndef DELTAHOP_TEST_RIG_H
#define DELTAHOP_TEST_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <deltahop_hw.h>

#include "deltahop_cmd.h"
#include "deltahop_model.h"
#include "deltahop_rnn_timing.h"

/* Where the rig keeps its things in memory. Memory from RIG_FREE on is the test's. */
#define RIG_RING	0x1000 /* and one for each other engine behind */
#define RIG_TABLE	0x8000
#define RIG_RECORDS	0xa000 /* likewise */
#define RIG_RECORDS_END 0xe000
#define RIG_FREE	0x20000
#define RIG_RING_LOG2	3
#define RIG_WINDOWS	4
#define RIG_OWNER	7

/**
 * struct rig_window - memory besides the rig's own, at an address of its own
 * @writes: bytes that the device wrote to it
 */
struct rig_window {
	uint64_t addr;
	uint64_t len;
	uint8_t *bytes;
	bool writable;
	uint64_t writes;
};

/**
 * struct rig - the bench
 * @ram: memory from address 0 on
 * @maps: offer pointers to memory
 * @refuse_write: address at which the bus refuses a write, 0: none
 * @stray: accesses outside any memory, which the bus refused
 * @now: time
 * @interrupts: messages so far
 * @line: level of the wired interrupt
 * @engine: whose ring the functions below mean; at first the device's first one
 * @tail: entries submitted, by engine
 * @table: regions of the next entries
 * @free_ram: first byte of RAM that rig_buffer() has not given away
 * @free_card: likewise of card memory
 */
struct rig {
	struct dh_model *model;
	struct dh_config config;
	uint8_t *ram;
	size_t ram_bytes;
	struct rig_window window[RIG_WINDOWS];
	bool maps;
	uint64_t refuse_write;
	unsigned int stray;
	uint64_t now;
	unsigned int interrupts[DELTAHOP_VECTOR_COUNT];
	bool line;
	enum deltahop_engine engine;
	uint32_t tail[DELTAHOP_ENGINE_COUNT];
	struct deltahop_region table[64];
	uint32_t regions;
	uint64_t free_ram;
	uint64_t free_card;
};

/** rig_create() - power up a device; NULL if it refuses the configuration or there is no memory */
struct rig *rig_create(const struct dh_config *config, size_t ram_bytes);
void rig_destroy(struct rig *rig);

uint32_t rig_reg(struct rig *rig, uint32_t reg);
void rig_set(struct rig *rig, uint32_t reg, uint32_t value);

/** rig_start() - set up and enable the rings, and all interrupts */
void rig_start(struct rig *rig);

/** rig_region() - a region of one piece; Return: its number */
uint32_t rig_region(struct rig *rig, uint64_t addr, uint64_t length, uint32_t flags);

/**
 * struct rig_buffer - memory behind a region that rig_buffer() made
 * @list: page list in RAM, 0 if the buffer is of one piece
 */
struct rig_buffer {
	uint32_t region;
	uint64_t addr;
	uint64_t list;
	uint32_t first;
	bool card;
};

/** struct rig_random - a small random number generator, the same everywhere */
struct rig_random {
	uint64_t state;
};

uint32_t rig_random(struct rig_random *random);

/** rig_below() - a number of 0..@limit-1 */
uint32_t rig_below(struct rig_random *random, uint32_t limit);

/**
 * rig_buffer() - make a region with memory behind it
 * @flags: READ, WRITE; CARD and LIST say where and how; a LIST has its pages in random order
 */
struct rig_buffer rig_buffer(struct rig *rig, struct rig_random *random, uint64_t length,
			     uint32_t flags);
void rig_poke(struct rig *rig, const struct rig_buffer *buffer, uint64_t offset, const void *bytes,
	      size_t len);
void rig_peek(struct rig *rig, const struct rig_buffer *buffer, uint64_t offset, void *bytes,
	      size_t len);

/**
 * rig_entry() - an entry of a type with the rig's table, owner, the next sequence number, its
 * record in a place of its own
 */
struct deltahop_entry rig_entry(struct rig *rig, enum deltahop_entry_type type);

/**
 * rig_submit() - put an entry in the ring, ring the doorbell; Return: its number, for rig_record()
 */
uint32_t rig_submit(struct rig *rig, const struct deltahop_entry *entry);

/**
 * rig_run() - let the device work until it has nothing more to do, at most @ns more; Return: false
 * if it still has
 */
bool rig_run(struct rig *rig, uint64_t ns);

/** rig_record() - the record of entry @number of the ring */
struct deltahop_record rig_record(const struct rig *rig, uint32_t number);

/** rig_do() - submit, run, record */
struct deltahop_record rig_do(struct rig *rig, const struct deltahop_entry *entry);

/** rig_do_state() - a state entry of @bytes without an image (LOAD is of zeros) */
struct deltahop_record rig_do_state(struct rig *rig, enum deltahop_entry_type type, uint32_t bytes);

/**
 * struct rig_program - commands being written
 * @at: next byte
 */
struct rig_program {
	uint8_t *start;
	uint8_t *at;
};

/** rig_program() - begin a program in memory at @addr */
struct rig_program rig_program(struct rig *rig, uint64_t addr);
void rig_put(struct rig_program *program, const struct dh_cmd *cmd);
void rig_put_layer(struct rig_program *program, const struct dh_layer *layer);
void rig_put_run(struct rig_program *program, const struct dh_run *run);
void rig_put_conv_layer(struct rig_program *program, const struct dh_conv_layer *layer);
void rig_put_conv_input(struct rig_program *program, const struct dh_conv_input *input);
/** rig_put_conv_pass() - @opcode: DELTAHOP_OP_CONV_PASS or DELTAHOP_OP_CONV_FC */
void rig_put_conv_pass(struct rig_program *program, uint16_t opcode,
		       const struct dh_conv_pass *pass);
void rig_put_end(struct rig_program *program);

#endif /* DELTAHOP_TEST_RIG_H */
