/* SPDX-License-Identifier: MIT */
/*
 * What a run cost, as bars one behind the other: what a picture shows.
 */
#ifndef DELTAHOP_CHART_H
#define DELTAHOP_CHART_H

#include "tool/format.h"
#include "tool/net_runner.h"

/** enum purpose - of bytes */
enum purpose { FOR_WEIGHTS, FOR_INPUTS, FOR_OUTPUTS, FOR_STATES, FOR_COMMANDS, PURPOSES };

/** enum bar_kind - whose time it is */
enum bar_kind {
	BAR_CONV, /* a layer, on the convolution engine */
	BAR_RNN,  /* on the recurrent engine */
	BAR_HOST, /* a node, or putting values into the device's form */
	BAR_ELSE, /* of an engine: commands, states, vectors */
	BAR_WAIT, /* of an engine, lost to the other one */
};

/**
 * struct bar - a layer, a node, or what there is besides; of all runs together
 * @size: of a layer
 * @seconds: how long it took
 * @work_seconds: of these, what the work would have taken if no unit had ever stood still
 * @cycles: of an engine
 */
struct bar {
	enum bar_kind kind;
	const char *name;
	struct format size;
	double seconds;
	double work_seconds;
	uint64_t cycles;
	uint64_t bytes[PURPOSES];
	uint64_t work_done;
	uint64_t work_skipped;
};

/**
 * struct chart - all bars, in the order of the network
 * @runs: sequences or runs
 * @seconds: sum of the bars
 * @overlap: seconds for which both engines had work, that so count twice
 */
struct chart {
	struct bar *bars;
	uint32_t count;
	uint64_t runs;
	double seconds;
	double overlap;
};

/**
 * chart_init() - of a recurrent program, or of a network of parts
 * @net: NULL: a recurrent program
 *
 * Return: 0 or -ENOMEM.
 */
int chart_init(struct chart *chart, const struct cost *cost, const struct net_cost *net,
	       const struct dh_device_info *device, struct dh_error *err);

/** chart_fini() - free it */
void chart_fini(struct chart *chart);

/** bar_bytes() - for all purposes */
uint64_t bar_bytes(const struct bar *bar);

#endif /* DELTAHOP_CHART_H */
