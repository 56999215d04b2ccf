/* SPDX-License-Identifier: MIT */
/*
 * The DeltaHop device as a plain C library: what every front end (QEMU, the
 * embedded backend of the runtime, tests, fuzzers) sees of it.
 *
 * Rules: every call takes the instance; no global state; no threads; no
 * allocation after dh_model_create(); no host clock: the caller tells the time,
 * which never goes back. Calls on one instance must not overlap or nest: the
 * bus callbacks must not call back into the model.
 *
 * Use: write registers as a driver would; after every write ask dh_model_next_event()
 * and call dh_model_advance() no earlier than that time. Everything that the
 * device does to memory or interrupts happens inside these calls.
 */
#ifndef DELTAHOP_MODEL_H
#define DELTAHOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/deltahop_isa.h>

#include "deltahop_cmd.h"

#define DH_NEVER UINT64_MAX

/* Largest figures of DRAM channel and link. */
#define DH_MAX_BEAT_BYTES 128
#define DH_MAX_MEMORY_N	  (1U << 16)
#define DH_MAX_MEMORY_L	  (1U << 20)

/* Smallest and largest figures of the convolution engine. */
#define DH_MIN_CONV_MACS	 8
#define DH_MAX_CONV_MACS	 1024
#define DH_MIN_CONV_KERNEL_WORDS 64
#define DH_MAX_CONV_KERNEL_WORDS (1U << 16)
#define DH_MIN_CONV_STORE_BYTES	 1024
#define DH_MAX_CONV_STORE_BYTES	 (1U << 24)
#define DH_MAX_CONV_CHANNELS	 4096
#define DH_MAX_CONV_COLS	 4096
#define DH_MAX_CONV_OUTPUTS	 4096

struct dh_model;

/**
 * struct dh_bus - how the device reaches the world
 * @opaque: given back to every callback
 * @read: read @len bytes of system memory at DMA address @addr; false if the bus refuses
 * @write: likewise
 * @map: optional: pointer to @len bytes of system memory at @addr that stays valid (for reading)
 *	until the next call into the model returns, or NULL; spares a copy
 * @interrupt: raise the message of @vector (DELTAHOP_VECTOR_*); sent each time an event sets its
 *	bit of IRQ_STATUS while that bit is enabled
 * @line: optional: level of the wired interrupt, IRQ_STATUS & IRQ_ENABLE != 0; called on change
 */
struct dh_bus {
	void *opaque;
	bool (*read)(void *opaque, uint64_t addr, void *buf, size_t len);
	bool (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);
	const void *(*map)(void *opaque, uint64_t addr, size_t len);
	void (*interrupt)(void *opaque, unsigned int vector);
	void (*line)(void *opaque, bool level);
};

/**
 * struct dh_memory_timing - dram=simple
 * @n: one beat at most every N cycles; 0 means ideal memory (first beat in the command's cycle,
 *	then one a cycle)
 * @l: latency: first beat L + 1 cycles after the command was accepted
 * @q: bursts accepted and not finished
 */
struct dh_memory_timing {
	uint32_t n;
	uint32_t l;
	uint32_t q;
};

/**
 * struct dh_dram_energy - dram=ddr: what its commands cost; as a setting, 0 is the part's own
 * @activate_fj: femtojoule of an activate and its precharge
 * @read_fj: of a read burst of the DRAM
 * @write_fj: of a write burst
 * @refresh_fj: of a refresh
 * @background_uw: power while nothing happens, in microwatt
 */
struct dh_dram_energy {
	uint32_t activate_fj;
	uint32_t read_fj;
	uint32_t write_fj;
	uint32_t refresh_fj;
	uint32_t background_uw;
};

/**
 * struct dh_config - a device to be
 * @profile: whose hardware
 * @clock_hz: engine clock
 * @caps: DELTAHOP_CAP_*
 * @engines: bit per &enum deltahop_engine
 * @rnn_pes: processing elements, 8, 16 or 32
 * @rnn_slots: layer slots
 * @rnn_state_bytes: state memory
 * @conv_macs: multiply-accumulate units of the convolution engine
 * @conv_kernel_words: weights that the kernel memory of one of them holds
 * @conv_store_bytes: input store
 * @conv_max_channels: of an input
 * @conv_max_cols: of input and output
 * @conv_max_outputs: of a fully connected layer, 0 without DELTAHOP_CAP_CONV_FC
 * @beat_bytes: bytes a beat of DRAM channel and link
 * @dram: the DRAM channel; with a part its beats and bursts, and the way to it
 * @dram_part: 0: dram=simple; else dram=ddr with this part, see dh_config_dram()
 * @dram_energy: what its commands cost
 * @link: memory that is not the card's; n = 0: no link, the DRAM channel serves it
 * @card_size: bytes of card DRAM, multiple of 4096, or 0
 * @card: its bytes; belongs to the caller, who keeps it as long as the model
 * @energy_dram_fj_byte: femtojoule per byte of DRAM traffic (assumed)
 * @energy_mac_fj: femtojoule per multiply-accumulate (assumed)
 */
struct dh_config {
	enum deltahop_profile profile;
	uint32_t clock_hz;
	uint64_t caps;
	uint32_t engines;
	uint32_t rnn_pes;
	uint32_t rnn_slots;
	uint32_t rnn_state_bytes;
	uint32_t conv_macs;
	uint32_t conv_kernel_words;
	uint32_t conv_store_bytes;
	uint32_t conv_max_channels;
	uint32_t conv_max_cols;
	uint32_t conv_max_outputs;
	uint32_t beat_bytes;
	struct dh_memory_timing dram;
	uint32_t dram_part;
	struct dh_dram_energy dram_energy;
	struct dh_memory_timing link;
	uint64_t card_size;
	uint8_t *card;
	uint32_t energy_dram_fj_byte;
	uint32_t energy_mac_fj;
};

/**
 * dh_config_profile() - the figures of a profile
 * @config: filled; card is NULL and card_size the profile's default (0 for the published ones)
 * @name: "edgedrnn", "nullhop-fpga", "nullhop-asic" or "card"
 *
 * Return: false if there is no such profile.
 */
bool dh_config_profile(struct dh_config *config, const char *name);

/**
 * dh_config_dram() - choose the model of the DRAM channel
 * @config: of which the profile is known
 * @name: "simple", the name of a part, or "ddr": the part that goes with the profile
 *
 * Return: false if there is no such model.
 */
bool dh_config_dram(struct dh_config *config, const char *name);

/** dh_dram_name() - "simple" or the name of a part; NULL: no such number */
const char *dh_dram_name(uint32_t part);

/** dh_config_refuse() - why no device can have this configuration (a static text), or NULL */
const char *dh_config_refuse(const struct dh_config *config);

/** dh_config_limits() - what commands for such a device are checked against */
struct dh_cmd_limits dh_config_limits(const struct dh_config *config);

/** dh_profile_name() - name of a profile, or "unknown" */
const char *dh_profile_name(uint32_t profile);

/**
 * dh_model_create() - make a device in the state after power-up
 * @config: copied
 * @bus: copied
 * @error: set to a sentence (static) on failure; may be NULL
 *
 * Return: the device, or NULL: out of memory, or the configuration names no possible device.
 */
struct dh_model *dh_model_create(const struct dh_config *config, const struct dh_bus *bus,
				 const char **error);

/** dh_model_destroy() - free a device (NULL is fine) */
void dh_model_destroy(struct dh_model *model);

/**
 * dh_model_power_on() - back to the state after power-up, at once (PCI or system reset); card
 * memory is kept
 */
void dh_model_power_on(struct dh_model *model, uint64_t now_ns);

/** dh_model_read() - a 32-bit register read at byte offset @reg (multiple of 4) at time @now_ns */
uint32_t dh_model_read(struct dh_model *model, uint32_t reg, uint64_t now_ns);

/** dh_model_write() - a 32-bit register write */
void dh_model_write(struct dh_model *model, uint32_t reg, uint32_t value, uint64_t now_ns);

/** dh_model_next_event() - time at which dh_model_advance() has something to do, or DH_NEVER */
uint64_t dh_model_next_event(const struct dh_model *model);

/** dh_model_advance() - do everything that is due at or before @now_ns */
void dh_model_advance(struct dh_model *model, uint64_t now_ns);

/**
 * enum dh_fault - faults on purpose
 * @DH_FAULT_STUCK: the engine stands still at the first command of the job, until its ring is reset
 * @DH_FAULT_LOST_IRQ: the job completes, its interrupt does not come (neither message nor status
 *	bit)
 * @DH_FAULT_DMA: the first access of the job's commands to memory fails as if the bus had refused
 *	it; reading the commands themselves does not count
 * @DH_FAULT_RING_RESET: a reset of the ring does not end, until the device is reset
 * @DH_FAULT_RESET: a reset of the device does not end, until power-up or a function-level reset; of
 *	the device, whatever the ring
 */
enum dh_fault {
	DH_FAULT_STUCK = 1,
	DH_FAULT_LOST_IRQ = 2,
	DH_FAULT_DMA = 3,
	DH_FAULT_RING_RESET = 4,
	DH_FAULT_RESET = 5,
};

#define DH_FAULT_LAST DH_FAULT_RESET

/**
 * dh_model_inject() - let the @nth job entry from now on (1: the next one) of @ring meet a fault, or
 * the @nth reset; 0 takes it back. No reset does.
 */
void dh_model_inject(struct dh_model *model, unsigned int ring, enum dh_fault fault, uint32_t nth);

/**
 * enum dh_trace_kind - what dh_set_trace() reports
 */
enum dh_trace_kind {
	DH_TRACE_ENTRY_START, /* a: entry type, b: sequence number */
	DH_TRACE_ENTRY_END,   /* a: status, b: sequence number */
	DH_TRACE_COMMAND,     /* a: opcode, b: command offset */
	DH_TRACE_FAULT,	      /* a: reason, b: command offset */
	DH_TRACE_RESET,	      /* a: ring, or ~0 for the device */
};

/**
 * struct dh_dram_counts - what has been on the DRAM channel since it was made; with dram=simple only
 * while bursts are traced, and no more than the first three
 * @bursts: of the engines, cut at pages
 * @bytes_read: of them
 * @bytes_written: of them
 * @reads: bursts of the DRAM
 * @writes: likewise
 * @hits: of these, those whose row was open
 * @misses: whose bank had no row open
 * @conflicts: whose bank had another row open
 * @refreshes: until the last burst
 * @peak: bytes a second that the part can move
 */
struct dh_dram_counts {
	uint64_t bursts;
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t reads;
	uint64_t writes;
	uint64_t hits;
	uint64_t misses;
	uint64_t conflicts;
	uint64_t refreshes;
	uint64_t peak;
};

/** dh_model_dram() - what has been on the DRAM channel */
void dh_model_dram(const struct dh_model *model, struct dh_dram_counts *counts);

/**
 * typedef dh_dram_trace_function - told of a burst on the DRAM channel
 * @ring: whose
 * @cycle: of the engine clock since time 0, in which the channel takes it
 * @addr: in card memory or in system memory
 * @bytes: all in one page
 * @write: or read
 */
typedef void dh_dram_trace_function(void *opaque, unsigned int ring, uint64_t cycle, uint64_t addr,
				    uint32_t bytes, bool write);

/** dh_set_dram_trace() - be told of the bursts on the DRAM channel; NULL: no more */
void dh_set_dram_trace(struct dh_model *model, dh_dram_trace_function *trace, void *opaque);

/** dh_set_trace() - be told what the device does, with its modelled time */
void dh_set_trace(struct dh_model *model,
		  void (*trace)(void *opaque, enum dh_trace_kind kind, unsigned int ring,
				uint64_t time_ns, uint64_t a, uint64_t b),
		  void *opaque);

#endif /* DELTAHOP_MODEL_H */
