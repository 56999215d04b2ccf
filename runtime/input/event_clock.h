/* SPDX-License-Identifier: MIT */
/*
 * Time of events, made to run on: counters of 32 or 34 bits wrap, clocks are set back, and devices
 * hand events over a little out of order. What is delivered never runs back.
 */
#ifndef DELTAHOP_EVENT_CLOCK_H
#define DELTAHOP_EVENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A step back by more than this is a clock that was set back, not a disorder. */
#define DH_EVENT_DISORDER_US 100000

/**
 * struct dh_event_clock - all zero at the start
 * @started: has an event been seen?
 * @raw: counter of the last event
 * @now: where that counter is on the time that runs on
 * @last: time delivered last
 * @held: events that got the time of the one before
 * @resets: times that the clock was set back
 */
struct dh_event_clock {
	bool started;
	uint64_t raw;
	int64_t now;
	int64_t last;
	uint64_t held;
	uint64_t resets;
};

/**
 * dh_event_clock_read() - time of the next event
 * @raw: its counter, in microseconds, below 2^63
 * @bits: after which the counter wraps, at most 64
 * @time: filled
 *
 * Return: false: time beyond what 63 bits can count.
 */
bool dh_event_clock_read(struct dh_event_clock *clock, uint64_t raw, unsigned int bits,
			 int64_t *time);

#endif /* DELTAHOP_EVENT_CLOCK_H */
