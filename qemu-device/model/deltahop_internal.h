/* SPDX-License-Identifier: MIT */
/*
 * The device from inside. Folder in the order of a job's way: model (registers, events), ring
 * (entries in order), entry (what an entry asks for, its record), job (commands), run and pass (the
 * units of the long ones), rnn and conv (arithmetic), memory (what a job can reach), profile (rows).
 */
#ifndef DELTAHOP_INTERNAL_H
#define DELTAHOP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <deltahop_hw.h>

#include "deltahop_bytes.h"
#include "deltahop_cmd.h"
#include "deltahop_conv.h"
#include "deltahop_model.h"
#include "deltahop_port.h"
#include "deltahop_rnn_timing.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the state memory is kept as its little-endian image; big-endian hosts are not supported"
#endif

#define DH_MAX_REGIONS	   64
#define DH_MAX_INPUTS	   1024
#define DH_MAX_HIDDEN	   1024
#define DH_MAX_COLUMN	   (4 * DH_MAX_HIDDEN)
#define DH_MAX_STATE_BYTES (16U << 20)
#define DH_MAX_CARD_SIZE   (1ULL << 40)
#define DH_COMMAND_BLOCK   4096
#define DH_FAULT_KINDS	   (DH_FAULT_LAST + 1)

/* ---- timing: the pipeline, entry by entry ---- */

#define DH_PIPELINE_FIFO   32
#define DH_PIPELINE_BURSTS 64

/* Slots of the encoder; @inputs rounded up to 8. */
#define DH_SLOT_BIAS	     1
#define DH_SLOT_X(i)	     (2 + (i))
#define DH_SLOT_H(inputs, j) ((inputs) + 4 + (j))
#define DH_SLOT_RH(j)	     (1 + (j)) /* in the phase of its own */

/**
 * struct dh_pipeline - the pipeline of a layer in a step
 * @port: where columns are fetched, or NULL
 * @beats: beats of a column
 * @interval: cycles from beat to beat at least, of the memory
 * @beat_cycles: the same, of the consumer
 * @latency: cycles from accepting a command to its first beat
 * @pushed: cycle of the last push
 * @slot: its slot
 * @moved: when the last entries moved to the output register
 * @finished: last beats of the last bursts
 */
struct dh_pipeline {
	bool ideal;
	struct dh_port *port;
	uint32_t beats;
	uint32_t interval;
	uint32_t beat_cycles;
	uint64_t latency;
	uint32_t outstanding;
	uint32_t groups;

	uint32_t slot;
	uint32_t entries;
	uint32_t bursts;
	uint64_t pushed;
	uint64_t consumed;
	uint64_t accepted;
	uint64_t last_beat;
	uint64_t moved[DH_PIPELINE_FIFO];
	uint64_t finished[DH_PIPELINE_BURSTS];
};

/** dh_pipeline_start() - cycle 0 of a layer */
void dh_pipeline_start(struct dh_pipeline *pipe, const struct dh_timing_layer *layer);

/** dh_pipeline_columns() - from here on, columns of @bytes */
void dh_pipeline_columns(struct dh_pipeline *pipe, const struct dh_timing_layer *layer,
			 uint32_t bytes);

/**
 * dh_pipeline_entry() - the next element that is pushed, in scanning order; the last x and the last
 * h are, even if silent
 */
void dh_pipeline_entry(struct dh_pipeline *pipe, uint32_t slot, bool fires);

/** dh_pipeline_end() - cycles until the last output beat, that one counted */
uint64_t dh_pipeline_end(const struct dh_pipeline *pipe);

/* ---- memory: what a job can reach ---- */

#define DH_TLB_ENTRIES 2048

struct dh_region {
	uint64_t addr;
	uint64_t length;
	uint32_t flags;
	uint32_t first;
};

/**
 * struct dh_memory - regions of the running entry
 * @port: to the DRAM channel, or NULL
 * @generation: of the translations below; a new region table makes the old ones stale
 * @refuse_next: let the next checked access fail as if the bus had refused it
 * @fault_region: region of the access that failed last
 * @fault_offset: byte offset in it
 */
struct dh_memory {
	const struct dh_config *config;
	const struct dh_bus *bus;
	struct dh_port *port;
	struct dh_region region[DH_MAX_REGIONS];
	uint32_t count;
	uint64_t generation;
	bool refuse_next;
	uint32_t fault_region;
	uint64_t fault_offset;
	struct dh_translation {
		uint64_t generation;
		uint64_t page;
		uint64_t addr;
		uint32_t region;
	} tlb[DH_TLB_ENTRIES];
};

/** dh_memory_load() - read a region table, and forget the one before */
enum deltahop_reason dh_memory_load(struct dh_memory *memory, uint64_t table_addr, uint32_t count);

/** dh_memory_check() - may @len bytes be accessed? @need: DELTAHOP_REGION_READ or _WRITE */
enum deltahop_reason dh_memory_check(struct dh_memory *memory, uint32_t region, uint64_t offset,
				     uint64_t len, uint32_t need);

enum deltahop_reason dh_memory_read(struct dh_memory *memory, uint32_t region, uint64_t offset,
				    void *buf, size_t len);
enum deltahop_reason dh_memory_write(struct dh_memory *memory, uint32_t region, uint64_t offset,
				     const void *buf, size_t len);

/**
 * dh_memory_map() - pointer to the bytes for reading, or NULL if they are not in one piece or may
 * not be read
 */
const void *dh_memory_map(struct dh_memory *memory, uint32_t region, uint64_t offset, size_t len);

/**
 * dh_memory_place() - where bytes lie, if anywhere
 * @region: DELTAHOP_REGION_NONE: @offset is an address
 * @addr: set to the address of the first one
 * @piece: set to how many of them follow each other from there
 */
bool dh_memory_place(struct dh_memory *memory, uint32_t region, uint64_t offset, uint64_t len,
		     uint64_t *addr, uint64_t *piece);

/** dh_memory_port() - to the channel of a region, if that is DRAM and cares where bursts go; or NULL */
struct dh_port *dh_memory_port(const struct dh_memory *memory, uint32_t region);

/**
 * dh_memory_channel() - what serves a region (a bad one too), DELTAHOP_REGION_NONE: system memory
 */
const struct dh_memory_timing *dh_memory_channel(const struct dh_memory *memory, uint32_t region);

/* ---- rnn: arithmetic and state ---- */

/**
 * struct dh_state - state memory of a ring
 * @image: its bytes, 8-byte aligned
 * @size: how many, 0 on the ring of an engine without state
 * @loaded: bytes of it that are valid, 0: none
 * @owner: whose
 */
struct dh_state {
	uint8_t *image;
	uint32_t size;
	uint32_t loaded;
	uint32_t owner;
};

/**
 * struct dh_rnn - the recurrent engine
 * @state: state memory of its ring
 * @columns: scratch: weight columns of the elements that fire, from the first one of x (with bias)
 *	and of h on
 * @deltas: their deltas
 * @rh: scratch: r * h
 * @bounce: scratch: columns that are not in one piece
 */
struct dh_rnn {
	const struct dh_config *config;
	struct dh_state *state;
	uint16_t columns[1 + DH_MAX_INPUTS + DH_MAX_HIDDEN];
	int16_t deltas[1 + DH_MAX_INPUTS + DH_MAX_HIDDEN];
	int16_t rh[DH_MAX_HIDDEN];
	int8_t bounce[4][DH_MAX_COLUMN];
	int16_t sigmoid[2048];
	int16_t tanh[2048];
};

/**
 * struct dh_rnn_result - what a layer did in a step; @cycles as dh_timing_layer_cycles() counts;
 * @bytes and @beats of its columns; @fired_x with the bias
 */
struct dh_rnn_result {
	uint64_t cycles;
	uint64_t bytes;
	uint64_t beats;
	uint32_t fired_x;
	uint32_t fired_h;
	uint32_t fired_rh;
	bool bias_examined;
	bool bias_fired;
};

/** dh_rnn_init() - fill the activation tables */
void dh_rnn_init(struct dh_rnn *rnn);

/**
 * dh_rnn_step() - one layer, one step
 * @memory: where the weights are
 * @layer: checked; its block lies in the loaded state
 * @theta_x: threshold of x and bias
 * @theta_h: threshold of h
 * @x: input vector
 * @y: output vector; may be @x
 * @result: what it cost
 */
enum deltahop_reason dh_rnn_step(struct dh_rnn *rnn, struct dh_memory *memory,
				 const struct dh_layer *layer, int theta_x, int theta_h,
				 const int16_t *x, int16_t *y, struct dh_rnn_result *result);

/* ---- entries and jobs ---- */

/**
 * struct dh_totals - the sums of a record; @cycles without @wait_cycles
 * @dram_fj: energy of the accesses, with dram=ddr
 */
struct dh_totals {
	uint64_t cycles;
	uint64_t wait_cycles;
	uint64_t step_cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t bytes_state;
	uint64_t bytes_commands;
	uint64_t work_done;
	uint64_t work_skipped;
	uint64_t dram_fj;
};

/** struct dh_row - a profile row being summed up; what is too large for its field is cut in the end */
struct dh_row {
	uint32_t layer;
	uint32_t step;
	uint64_t steps;
	uint64_t cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t work_done;
	uint64_t work_skipped;
	uint64_t fired_x;
	uint64_t fired_h;
};

/** enum dh_channel - what engines share */
enum dh_channel { DH_CHANNEL_DRAM, DH_CHANNEL_LINK, DH_CHANNEL_COUNT };

/**
 * struct dh_unit - what a ring does between two of its events
 * @cycles: that it takes alone
 * @wait: that come on top, in which the other ring had the DRAM channel (dram=ddr)
 * @busy: of @cycles, those in which it occupies a channel
 */
struct dh_unit {
	uint64_t cycles;
	uint64_t wait;
	uint64_t busy[DH_CHANNEL_COUNT];
};

/**
 * struct dh_job - the running job
 * @fetched: bytes of the commands read so far
 * @offset: the running command
 * @buffered: offset of the first byte in @buffer
 * @buffer: what is needed of the block before, and the block
 * @units: units of the running command that have ended
 * @row_count: of @rows: those that the running command will write at its end
 * @rows: profile rows of the running command
 * @pending_rows: rows written in the running command and not charged yet
 */
struct dh_job {
	struct dh_cmd_check check;
	struct dh_cmd cmd;
	struct dh_params params;
	uint64_t fetched;
	uint64_t offset;
	uint64_t buffered;
	uint8_t buffer[DH_COMMAND_BLOCK + sizeof(struct deltahop_cmd_conv_pass)];
	uint64_t units;
	uint32_t rows_written;
	uint32_t rows_lost;
	uint32_t pending_rows;
	uint32_t row_count;
	struct dh_row rows[DELTAHOP_RNN_MAX_SLOTS];
	int16_t vector[DH_MAX_HIDDEN];
};

/** struct dh_entry - a decoded ring entry */
struct dh_entry {
	uint32_t type;
	uint32_t flags;
	uint32_t owner;
	uint32_t seqno;
	uint64_t table_addr;
	uint32_t table_count;
	uint32_t cmd_region;
	uint64_t cmd_offset;
	uint32_t size;
	uint32_t profile_region;
	uint64_t record_addr;
	uint64_t cycle_budget;
};

/** enum dh_event - what a ring waits for */
enum dh_event {
	DH_EVENT_NONE,	  /* nothing */
	DH_EVENT_ENTRY,	  /* start of the next entry */
	DH_EVENT_COMMAND, /* start of the next command */
	DH_EVENT_UNIT,	  /* end of a unit of a long command */
	DH_EVENT_ROWS,	  /* end of a command's profile rows */
	DH_EVENT_END,	  /* end of the entry */
	DH_EVENT_STUCK,	  /* reset */
	DH_EVENT_RESET,	  /* end of a reset */
};

/**
 * struct dh_ring - a ring and what is its engine's
 * @event: what comes next
 * @event_ns: and when
 * @start_ns: start of the running entry
 * @busy: of the channels, charged since the last event
 * @own: sums of the running entry
 * @carry: sums of the entries since the last job
 * @status: how the running entry ended
 * @inject: jobs until a fault on purpose, by kind
 */
struct dh_ring {
	struct dh_model *model;
	unsigned int number;

	bool enabled;
	bool halted;
	uint32_t error;
	uint64_t base;
	uint32_t size;
	uint32_t head;
	uint32_t tail;
	uint32_t progress;
	uint32_t seqno;

	enum dh_event event;
	uint64_t event_ns;
	uint64_t start_ns;
	uint64_t busy[DH_CHANNEL_COUNT];
	uint32_t last_owner;
	bool stuck;
	bool lost_irq;
	uint32_t inject[DH_FAULT_KINDS];

	struct dh_entry entry;
	struct dh_totals own;
	struct dh_totals carry;
	enum deltahop_status status;
	enum deltahop_reason reason;
	uint32_t fault_region;
	uint64_t fault_offset;

	struct dh_memory memory;
	struct dh_port port;
	struct dh_state state;
	struct dh_job job;
};

/**
 * struct dh_model - the device
 * @free_ns: end of the last unit that a channel serves
 */
struct dh_model {
	struct dh_config config;
	struct dh_bus bus;
	struct dh_cmd_limits limits;
	uint64_t now;
	uint64_t reset_until;
	uint32_t latched_time;
	uint32_t irq_status;
	uint32_t irq_enable;
	bool line;
	void (*trace)(void *opaque, enum dh_trace_kind kind, unsigned int ring, uint64_t time_ns,
		      uint64_t a, uint64_t b);
	void *trace_opaque;
	uint64_t free_ns[DH_CHANNEL_COUNT];
	struct dh_dram dram;
	struct dh_ring ring[DELTAHOP_ENGINE_COUNT];
	struct dh_rnn rnn;
	struct dh_conv conv;
};

/* model */
void dh_model_raise(struct dh_model *model, unsigned int vector);
void dh_model_trace(struct dh_ring *ring, enum dh_trace_kind kind, uint64_t time_ns, uint64_t a,
		    uint64_t b);

/* ring */
void dh_ring_power_on(struct dh_ring *ring);
void dh_ring_reset(struct dh_ring *ring, uint64_t now);

/** dh_ring_meets() - is this the job or reset that meets a fault of a kind on purpose? */
bool dh_ring_meets(struct dh_ring *ring, enum dh_fault kind);
uint32_t dh_ring_read(struct dh_ring *ring, uint32_t reg);
void dh_ring_write(struct dh_ring *ring, uint32_t reg, uint32_t value, uint64_t now);
void dh_ring_event(struct dh_ring *ring);
void dh_ring_halt(struct dh_ring *ring, enum deltahop_ring_error error);
/** dh_ring_cycle() - cycle of the device, counted from time 0, at which what is charged next begins */
uint64_t dh_ring_cycle(const struct dh_ring *ring);
/** dh_ring_next() - the running entry is over: start the next one, or wait */
void dh_ring_next(struct dh_ring *ring, uint64_t now);
/** dh_ring_charge() - let the running entry pay for a unit, or a part of one */
void dh_ring_charge(struct dh_ring *ring, const struct dh_unit *unit);
/**
 * dh_ring_wait() - the next event comes when what has been charged since the last one is over, the
 * other engine's use of the channels considered
 */
void dh_ring_wait(struct dh_ring *ring, enum dh_event event);

/* entry */
void dh_entry_start(struct dh_ring *ring);
void dh_entry_end(struct dh_ring *ring);
/** dh_entry_finish() - nothing more to do; the entry ends when its last transfers have */
void dh_entry_finish(struct dh_ring *ring, enum deltahop_status status,
		     enum deltahop_reason reason);
/** dh_entry_fault_access() - likewise, after a failed access: says where */
void dh_entry_fault_access(struct dh_ring *ring, enum deltahop_reason reason);

/* unit */
/** dh_unit_read() - append a transfer that nothing overlaps */
void dh_unit_read(struct dh_unit *unit, struct dh_ring *ring, uint32_t region, uint64_t offset,
		  uint64_t bytes);
/** dh_unit_write() - likewise */
void dh_unit_write(struct dh_unit *unit, struct dh_ring *ring, uint32_t region, uint64_t offset,
		   uint64_t bytes);
/** dh_unit_read_both() - one transfer of two pieces, of which the first one's region counts */
void dh_unit_read_both(struct dh_unit *unit, struct dh_ring *ring, const struct dh_extent *first,
		       const struct dh_extent *second);
/** dh_unit_overlap() - what the engine does for @cycles meanwhile, waits included */
void dh_unit_overlap(struct dh_unit *unit, uint64_t cycles);
/**
 * dh_unit_place() - what comes next begins where the unit ends by now, @cycles later; for bursts
 * that the port is asked for directly, until dh_unit_settle()
 */
void dh_unit_place(const struct dh_unit *unit, struct dh_ring *ring, uint64_t cycles);
/** dh_unit_settle() - the unit waited as those bursts did */
void dh_unit_settle(struct dh_unit *unit, struct dh_ring *ring);
/** dh_unit_beats() - @beats of a region's channel, whose cycles are counted otherwise */
void dh_unit_beats(struct dh_unit *unit, const struct dh_ring *ring, uint32_t region,
		   uint64_t beats);

/* job */
/** dh_job_reset() - forget the job before */
void dh_job_reset(struct dh_ring *ring);
/** dh_job_inject() - which faults on purpose does this job meet? */
void dh_job_inject(struct dh_ring *ring);
void dh_job_start(struct dh_ring *ring);
void dh_job_command(struct dh_ring *ring);
void dh_job_unit_end(struct dh_ring *ring);
void dh_job_rows_end(struct dh_ring *ring);
/** dh_job_charge() - let the job pay for a unit; Return: false if its budget ends it instead */
bool dh_job_charge(struct dh_ring *ring, const struct dh_unit *unit);
/** dh_job_fault() - the job has ended */
void dh_job_fault(struct dh_ring *ring, enum deltahop_reason reason);
/** dh_job_fault_access() - likewise, after a failed access: says where */
void dh_job_fault_access(struct dh_ring *ring, enum deltahop_reason reason);
/** dh_job_write_rows() - write the running command's profile rows, if the job has a region for them */
enum deltahop_reason dh_job_write_rows(struct dh_ring *ring);
/** dh_job_end_command() - the units are over: charge the rows, and write those that remain */
void dh_job_end_command(struct dh_ring *ring);

/* run: DELTAHOP_OP_RNN_RUN */
void dh_run_start(struct dh_ring *ring);
void dh_run_unit_end(struct dh_ring *ring);

/* pass: DELTAHOP_OP_CONV_PASS, DELTAHOP_OP_CONV_FC */
void dh_pass_start(struct dh_ring *ring);
void dh_pass_unit_end(struct dh_ring *ring);
void dh_pass_start_fc(struct dh_ring *ring);
void dh_pass_fc_end(struct dh_ring *ring);

/* profile */
void dh_profile_add(struct dh_row *sum, const struct dh_row *row);
/** dh_profile_end() - offset of the next row in its region */
uint64_t dh_profile_end(const struct dh_ring *ring);
enum deltahop_reason dh_profile_write(struct dh_ring *ring, const struct dh_row *row);
enum deltahop_reason dh_profile_write_head(struct dh_ring *ring);

#endif /* DELTAHOP_INTERNAL_H */
