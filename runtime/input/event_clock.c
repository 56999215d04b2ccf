// SPDX-License-Identifier: MIT
/* Time of events, made to run on. */
#include "input/event_clock.h"

/* The way from counter to counter, the shorter one: forwards, or a step back. */
static int64_t difference(uint64_t to, uint64_t from, unsigned int bits)
{
	return (int64_t)((to - from) << (64 - bits)) >> (64 - bits);
}

bool dh_event_clock_read(struct dh_event_clock *clock, uint64_t raw, unsigned int bits,
			 int64_t *time)
{
	int64_t now = (int64_t)raw;

	if (clock->started &&
	    __builtin_add_overflow(clock->now, difference(raw, clock->raw, bits), &now))
		return false;
	if (clock->started && now < clock->last) {
		if (clock->last - now <= DH_EVENT_DISORDER_US) {
			clock->held++;
		} else {
			clock->resets++;
			now = clock->last;
		}
	}
	clock->started = true;
	clock->raw = raw;
	clock->now = now;
	if (now > clock->last)
		clock->last = now;
	*time = clock->last;
	return true;
}
