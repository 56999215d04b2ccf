/* SPDX-License-Identifier: MIT */
/*
 * What a network said of the frames of a recording, frame by frame, and what that cost.
 */
#ifndef DELTAHOP_VERDICTS_H
#define DELTAHOP_VERDICTS_H

#include "tool/classes.h"
#include "tool/live.h"
#include "tool/net_runner.h"
#include "tool/recording.h"

/**
 * struct verdict - on a frame
 * @frame: it
 * @time_us: from the recording's first event to the frame's last one
 * @class: the answer
 * @confidence: 0 to 1; below 0: the network gives none
 * @done: multiply-accumulates, by the completion record
 * @skipped: those that a dense run would have done besides
 * @cycles: of the device
 * @latency: seconds on the device as modelled
 */
struct verdict {
	const struct dh_frame *frame;
	uint64_t time_us;
	int64_t class;
	double confidence;
	uint64_t done;
	uint64_t skipped;
	uint64_t cycles;
	double latency;
};

/**
 * struct verdicts - so far
 * @classes: with the names
 * @json: lines are objects
 * @live: where text goes
 * @frames: judged
 * @events: in them
 * @time_us: of the last one
 * @latency: of all together
 * @worst: of the slowest frame
 */
struct verdicts {
	struct classes classes;
	bool json;
	struct live live;
	uint64_t frames;
	uint64_t events;
	uint64_t time_us;
	double latency;
	double worst;
};

/** verdicts_begin() - what the columns are, if there are columns */
void verdicts_begin(const struct verdicts *verdicts);

/** verdicts_add() - count a verdict and show it */
int verdicts_add(struct verdicts *verdicts, const struct verdict *verdict, struct dh_error *err);

/** verdicts_print() - the sum of all, after the last frame */
void verdicts_print(struct verdicts *verdicts, const struct recording *rec,
		    const struct net_cost *cost);

/** verdicts_json() - the same */
json_t *verdicts_json(struct verdicts *verdicts, const struct recording *rec,
		      const struct net_cost *cost);

#endif /* DELTAHOP_VERDICTS_H */
