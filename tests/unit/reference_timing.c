// SPDX-License-Identifier: MIT
/*
 * One turn of the loop is one cycle: every part looks at what the parts held when the cycle began.
 */
#include <stdbool.h>
#include <string.h>

#include "reference_timing.h"

#define DEPTH	   32
#define MAX_BURSTS 4096
#define MAX_BEATS  512
#define MAX_AHEAD  8 /* bursts, with a memory of its own mind */

/* A FIFO with an output register. An item is the beats of its column, 0 for a marker. */
struct fifo {
	int stored[DEPTH + 1];
	int count;
	bool visible;
	int shown;
};

/* What happens at the end of a cycle: @taken, the visible entry goes; @push, @item comes. */
static void clock_fifo(struct fifo *fifo, bool taken, bool push, int item)
{
	if (taken)
		fifo->visible = false;
	if (!fifo->visible && fifo->count) {
		fifo->visible = true;
		fifo->shown = fifo->stored[0];
		memmove(fifo->stored, fifo->stored + 1,
			sizeof(fifo->stored) - sizeof(fifo->stored[0]));
		fifo->count--;
	}
	if (push)
		fifo->stored[fifo->count++] = item;
}

struct channel {
	long long accepted[MAX_BURSTS];
	int bursts;
	int finished;
	int beats_of_first;
	long long last_beat;
	long long ready[MAX_AHEAD][MAX_BEATS];
};

static bool beat_available(const struct ref_pipeline *layer, const struct channel *channel,
			   int beat, long long t)
{
	bool ideal = !layer->n;

	if (channel->finished == channel->bursts)
		return false;
	if (t < channel->accepted[channel->finished % MAX_BURSTS] + (ideal ? 0 : layer->l + 1))
		return false;
	if (layer->fetch && t < channel->ready[channel->finished % MAX_AHEAD][beat])
		return false;
	return t >= channel->last_beat + (ideal ? 1 : layer->n);
}

/**
 * struct phase - a scan of elements
 * @rh: of those of r h, alone
 * @last_x: element that is pushed in any case; the last one of all is too
 * @last: its number
 */
struct phase {
	bool rh;
	int last_x;
	int last;
};

/* The element of a slot: its number in @fired, or -1 for a slot that is empty. */
static int element(const struct ref_pipeline *layer, const struct phase *phase, long long slot)
{
	if (phase->rh)
		return slot >= 1 && slot <= layer->recurrent ? slot - 1 : -1;
	if (slot >= 1 && slot <= layer->inputs + 1)
		return slot - 1;
	if (slot >= layer->inputs + 4 && slot < layer->inputs + 4 + layer->recurrent)
		return slot - 3;
	return -1;
}

static int beats_of(const struct ref_pipeline *layer, const struct phase *phase, int e)
{
	int bytes = phase->rh		 ? layer->rh_bytes
		    : e <= layer->inputs ? layer->column_bytes
					 : layer->h_bytes;

	return (bytes + layer->beat_bytes - 1) / layer->beat_bytes;
}

static long long play(const struct ref_pipeline *layer, const struct phase *phase,
		      const uint8_t *fired)
{
	int beat_cycles = layer->beat_bytes / layer->pes > 1 ? layer->beat_bytes / layer->pes : 1;
	int groups = (layer->hidden + layer->pes - 1) / layer->pes;
	struct fifo values = { 0 }, commands = { 0 };
	struct channel channel = { .last_beat = -(1LL << 40) };
	long long slot = 0, first_beat = 0, busy_until = 0;
	int beats_taken = 0, left = 0;

	for (int i = 0; i <= phase->last; i++)
		left += fired[i] || i == phase->last_x || i == phase->last;
	for (long long t = 0;; t++) {
		bool accept, push = false, consumed = false, advance = values.count < DEPTH;
		int e = element(layer, phase, slot), beats = values.shown;

		accept = commands.visible &&
			 (!layer->n || channel.bursts - channel.finished < layer->q);
		if (accept && layer->fetch)
			layer->fetch(layer->opaque, channel.bursts, t,
				     channel.ready[channel.bursts % MAX_AHEAD]);
		if (accept)
			channel.accepted[channel.bursts++ % MAX_BURSTS] = t;

		/* Consumer. */
		if (values.visible && !values.shown) {
			consumed = true;
		} else if (values.visible) {
			if (beats_taken < beats && t >= busy_until &&
			    beat_available(layer, &channel, beats_taken, t)) {
				if (!beats_taken)
					first_beat = t;
				beats_taken++;
				channel.last_beat = t;
				busy_until = t + beat_cycles;
			}
			consumed = beats_taken == beats && t >= busy_until - 1 &&
				   t >= first_beat + 3;
		}
		if (advance && e >= 0)
			push = fired[e] || e == phase->last_x || e == phase->last;
		clock_fifo(&values, consumed, push,
			   push && fired[e] ? beats_of(layer, phase, e) : 0);
		clock_fifo(&commands, accept, push && fired[e], 1);
		if (beats_taken && beats_taken == beats && channel.last_beat == t)
			channel.finished++;
		if (consumed)
			beats_taken = 0;
		slot += advance;
		if (consumed && !--left)
			return t + 4 + 5 * (groups + 1) + 1;
	}
}

long long ref_cycles(const struct ref_pipeline *layer, const uint8_t *fired)
{
	struct phase first = { false, layer->inputs, layer->inputs + layer->recurrent },
		     second = { true, layer->recurrent - 1, layer->recurrent - 1 };
	long long cycles = play(layer, &first, fired);

	return layer->rh_bytes ? cycles + play(layer, &second, fired + first.last + 1) : cycles;
}
