// SPDX-License-Identifier: MIT
/*
 * Timing of the recurrent engine, one entry at a time instead of one cycle at a time. The pipeline
 * is in order, so each event of an entry is the latest of the few events it waits for.
 */
#include <string.h>

#include "deltahop_internal.h"

#define READ_MODIFY_WRITE 4 /* cycles until an accumulator may be added to again */
#define OUTPUT_START	  4 /* last entry consumed to first activation */
#define OUTPUT_GROUP	  5 /* one group of units after the other */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct dh_timing_layer dh_timing_of(const struct dh_layer *layer, uint32_t pes,
				    const struct dh_memory_timing *memory, uint32_t beat_bytes)
{
	const struct dh_cell *cell = dh_cell(layer);

	return (struct dh_timing_layer){
		.inputs = (layer->inputs + 7) / 8 * 8,
		.hidden = layer->hidden,
		.recurrent = cell->gates_h ? layer->hidden : 0,
		.column_bytes = dh_layer_column_bytes(layer),
		.h_bytes = cell->gates_h * layer->hidden,
		.rh_bytes = cell->gates_rh * layer->hidden,
		.pes = pes,
		.memory = *memory,
		.beat_bytes = beat_bytes,
	};
}

void dh_pipeline_columns(struct dh_pipeline *pipe, const struct dh_timing_layer *layer,
			 uint32_t bytes)
{
	pipe->beats = (bytes + layer->beat_bytes - 1) / layer->beat_bytes;
}

void dh_pipeline_start(struct dh_pipeline *pipe, const struct dh_timing_layer *layer)
{
	const struct dh_memory_timing *memory = &layer->memory;
	uint32_t beat_cycles = later(1, layer->beat_bytes / layer->pes);

	memset(pipe, 0, sizeof(*pipe));
	pipe->ideal = !memory->n;
	pipe->port = layer->port;
	dh_pipeline_columns(pipe, layer, layer->column_bytes);
	pipe->interval = later(1, memory->n);
	pipe->beat_cycles = beat_cycles;
	pipe->latency = pipe->ideal ? 0 : (uint64_t)memory->l + 1;
	/* More than the entries in flight never binds. */
	pipe->outstanding = memory->q < DH_PIPELINE_BURSTS ? later(1, memory->q)
							   : DH_PIPELINE_BURSTS;
	pipe->groups = (layer->hidden + layer->pes - 1) / layer->pes;
}

/*
 * Cycle in which the encoder reaches @slot. It stands still while the FIFO is full, that is until
 * the entry 32 before has moved to the output register.
 */
static uint64_t push_cycle(struct dh_pipeline *pipe, uint32_t slot)
{
	uint64_t resume = pipe->pushed;

	if (pipe->entries >= DH_PIPELINE_FIFO)
		resume = later(resume, pipe->moved[pipe->entries % DH_PIPELINE_FIFO]);
	pipe->pushed = resume + slot - pipe->slot;
	pipe->slot = slot;
	return pipe->pushed;
}

/* The channel takes the command that is pushed in cycle @push. */
static void accept_command(struct dh_pipeline *pipe, uint64_t push)
{
	uint64_t accept = push + 2;

	if (pipe->bursts)
		accept = later(accept, pipe->accepted + 1);
	if (!pipe->ideal && pipe->bursts >= pipe->outstanding)
		accept = later(accept, pipe->finished[pipe->bursts % pipe->outstanding] + 1);
	pipe->accepted = accept;
}

/* The cycle in which a firing entry that is visible in cycle @visible is consumed. */
static uint64_t consume_column(struct dh_pipeline *pipe, uint32_t slot, uint64_t push,
			       uint64_t visible)
{
	uint64_t step = later(pipe->interval, pipe->beat_cycles), first;

	accept_command(pipe, push);
	first = later(pipe->accepted + pipe->latency, visible);
	if (pipe->bursts)
		first = later(first, pipe->last_beat + pipe->interval);
	pipe->last_beat = first + (pipe->beats - 1) * step;
	if (pipe->port) {
		struct dh_beats beats = { first, pipe->last_beat };

		dh_port_column(pipe->port, slot, pipe->accepted, step, &beats);
		first = beats.first;
		pipe->last_beat = beats.last;
	}
	if (!pipe->ideal)
		pipe->finished[pipe->bursts % pipe->outstanding] = pipe->last_beat;
	pipe->bursts++;
	return later(pipe->last_beat + pipe->beat_cycles - 1, first + READ_MODIFY_WRITE - 1);
}

void dh_pipeline_entry(struct dh_pipeline *pipe, uint32_t slot, bool fires)
{
	uint64_t push = push_cycle(pipe, slot), moved = push + 1;

	if (pipe->entries)
		moved = later(moved, pipe->consumed);
	pipe->moved[pipe->entries % DH_PIPELINE_FIFO] = moved;
	pipe->entries++;
	pipe->consumed = fires ? consume_column(pipe, slot, push, moved + 1) : moved + 1;
}

uint64_t dh_pipeline_end(const struct dh_pipeline *pipe)
{
	return pipe->consumed + OUTPUT_START + OUTPUT_GROUP * (pipe->groups + 1) + 1;
}

/* A part of the scan: @count elements from slot @slot on. The last one is pushed in any case. */
static void scan_part(struct dh_pipeline *pipe, uint32_t slot, uint32_t count, const uint8_t *fired)
{
	for (uint32_t i = 0; i < count; i++) {
		bool fires = !fired || fired[i];

		if (fires || i + 1 == count)
			dh_pipeline_entry(pipe, slot + i, fires);
	}
}

static uint64_t rh_cycles(const struct dh_timing_layer *layer, const uint8_t *fired)
{
	struct dh_pipeline pipe;

	dh_pipeline_start(&pipe, layer);
	dh_pipeline_columns(&pipe, layer, layer->rh_bytes);
	scan_part(&pipe, DH_SLOT_RH(0), layer->recurrent, fired);
	return dh_pipeline_end(&pipe);
}

uint64_t dh_timing_layer_cycles(const struct dh_timing_layer *layer, const uint8_t *fired)
{
	const uint8_t *fired_x = fired ? fired + 1 : NULL,
		      *fired_h = fired ? fired_x + layer->inputs : NULL,
		      *fired_rh = fired ? fired_h + layer->recurrent : NULL;
	struct dh_pipeline pipe;
	uint64_t cycles;

	dh_pipeline_start(&pipe, layer);
	if (fired && *fired)
		dh_pipeline_entry(&pipe, DH_SLOT_BIAS, true);
	scan_part(&pipe, DH_SLOT_X(0), layer->inputs, fired_x);
	dh_pipeline_columns(&pipe, layer, layer->h_bytes);
	scan_part(&pipe, DH_SLOT_H(layer->inputs, 0), layer->recurrent, fired_h);
	cycles = dh_pipeline_end(&pipe);
	return layer->rh_bytes ? cycles + rh_cycles(layer, fired_rh) : cycles;
}

uint64_t dh_timing_transfer(const struct dh_memory_timing *memory, uint32_t beat_bytes,
			    uint64_t bytes)
{
	uint64_t beats = bytes / beat_bytes + !!(bytes % beat_bytes);

	if (!beats || !memory->n)
		return beats;
	return (uint64_t)memory->l + 1 + 1 + (beats - 1) * memory->n;
}
