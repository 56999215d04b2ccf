// SPDX-License-Identifier: MIT
/*
 * The pipeline of the recurrent engine, cycle by cycle: an encoder scans one element a cycle and pushes those that fire
 * into two queues, values and weight commands; memory answers the commands in order; the consumer takes weights.
 */
#include <drm/deltahop_isa.h>

#include "reference.h"

#define QUEUE_DEPTH   32
#define MIN_OCCUPANCY 4 /* read-modify-write of an accumulator */

struct entry {
	bool fires;
	uint64_t pushed;   /* in this cycle */
	uint64_t accepted; /* by memory */
};

/* A queue with an output register: what is loaded at the end of a cycle is visible in the next. */
struct queue {
	unsigned int loaded;
	unsigned int taken;
};

struct pipeline {
	const struct ref_layer *layer;
	const struct ref_trace *trace;
	struct ref_channel channel;
	bool ideal;
	unsigned int beats, beat_cycles;

	unsigned int inputs, recurrent;
	uint64_t now;
	unsigned int slot, count;
	struct entry entry[1 + 2 * REF_MAX];

	struct queue values, commands;
	unsigned int command_entry; /* entry of the command that is visible next */
	unsigned int finished, bursts;
	unsigned int beat;
	uint64_t next_beat, first_beat, busy_until;
	uint64_t end;
};

static bool is_visible(const struct queue *queue)
{
	return queue->loaded > queue->taken;
}

/* Does this slot push, and does the entry fire? */
static bool slot_pushes(const struct pipeline *p, bool *fires)
{
	unsigned int x = 2, h = x + p->inputs + 2, s = p->slot;
	bool last;

	*fires = false;
	if (s == 1)
		return *fires = p->trace->fired[0];
	if (s >= x && s < x + p->inputs) {
		*fires = p->trace->fired[1 + s - x];
		last = s == x + p->inputs - 1;
	} else if (s >= h && s < h + p->recurrent) {
		*fires = p->trace->fired[1 + p->inputs + s - h];
		last = s == h + p->recurrent - 1;
	} else {
		return false;
	}
	return *fires || last;
}

static void encode(struct pipeline *p)
{
	bool fires;

	if (p->count - p->values.loaded >= QUEUE_DEPTH)
		return;
	if (slot_pushes(p, &fires))
		p->entry[p->count++] = (struct entry){ .fires = fires, .pushed = p->now };
	p->slot++;
}

static unsigned int skip_markers(const struct pipeline *p, unsigned int i)
{
	while (i < p->count && !p->entry[i].fires)
		i++;
	return i;
}

static void accept(struct pipeline *p)
{
	if (!is_visible(&p->commands) || (!p->ideal && p->bursts - p->finished >= p->channel.q))
		return;
	p->entry[p->command_entry].accepted = p->now;
	p->command_entry++;
	p->commands.taken++;
	p->bursts++;
}

/* Is a beat of the visible entry's burst there in this cycle? */
static bool beat_ready(const struct pipeline *p, const struct entry *entry)
{
	uint64_t first = entry->accepted + (p->ideal ? 0 : p->channel.l + 1);

	return p->bursts > p->finished && p->now >= first && p->now >= p->next_beat &&
	       p->now >= p->busy_until;
}

/* The last beat of an entry keeps the consumer as long as the accumulators need. */
static void end_burst(struct pipeline *p)
{
	p->finished++;
	p->beat = 0;
	if (p->busy_until < p->first_beat + MIN_OCCUPANCY)
		p->busy_until = p->first_beat + MIN_OCCUPANCY;
	p->end = p->busy_until - 1;
	p->values.taken++;
}

static void consume(struct pipeline *p)
{
	const struct entry *entry = &p->entry[p->values.taken];

	if (!is_visible(&p->values) || p->now < p->busy_until)
		return;
	if (!entry->fires) {
		p->end = p->now;
		p->values.taken++;
		return;
	}
	if (!beat_ready(p, entry))
		return;
	if (!p->beat)
		p->first_beat = p->now;
	p->next_beat = p->now + (p->ideal ? 1 : p->channel.n);
	p->busy_until = p->now + p->beat_cycles;
	if (++p->beat == p->beats)
		end_burst(p);
}

/* At the end of a cycle the output registers that are free take an entry pushed in an earlier cycle. */
static void load_registers(struct pipeline *p)
{
	unsigned int next;

	if (!is_visible(&p->values) && p->values.loaded < p->count &&
	    p->entry[p->values.loaded].pushed < p->now)
		p->values.loaded++;
	if (is_visible(&p->commands))
		return;
	next = skip_markers(p, p->command_entry);
	if (next < p->count && p->entry[next].pushed < p->now) {
		p->command_entry = next;
		p->commands.loaded++;
	}
}

static bool is_done(const struct pipeline *p)
{
	return p->slot >= 2 + p->inputs + (p->recurrent ? 2 + p->recurrent : 0) &&
	       p->values.taken == p->count;
}

uint64_t ref_cycles(const struct ref_layer *layer, const struct ref_trace *trace,
		    const struct ref_channel *channel, uint32_t beat_bytes, uint32_t pes)
{
	static struct pipeline p;
	unsigned int groups = (layer->hidden + pes - 1) / pes;

	p = (struct pipeline){
		.layer = layer, .trace = trace, .channel = *channel, .ideal = !channel->n
	};
	p.beats = (ref_column_bytes(layer) + beat_bytes - 1) / beat_bytes;
	p.beat_cycles = beat_bytes > pes ? beat_bytes / pes : 1;
	p.inputs = (layer->inputs + 7) / 8 * 8;
	p.recurrent = layer->cell == DELTAHOP_CELL_DENSE ? 0 : layer->hidden;
	for (; !is_done(&p); p.now++) {
		encode(&p);
		accept(&p);
		consume(&p);
		load_registers(&p);
	}
	return p.end + 4 + 5 * (groups + 1) + 1;
}

uint64_t ref_channel_transfer(const struct ref_channel *channel, uint32_t beat_bytes,
			      uint64_t bytes)
{
	uint64_t beats = (bytes + beat_bytes - 1) / beat_bytes;

	if (!beats || !channel->n)
		return beats;
	return channel->l + 1 + 1 + (beats - 1) * channel->n;
}
