/* SPDX-License-Identifier: MIT */
/*
 * `deltahop bench`: loops that are measured.
 */
#ifndef DELTAHOP_BENCH_H
#define DELTAHOP_BENCH_H

#include "tool/runner.h"
#include "tool/samples.h"

#define REPEAT_MAX 1000

/** struct bench_arguments - of the command line; NULL or 0: not given */
struct bench_arguments {
	const char *program;
	struct file_names inputs;
	struct media_options media;
	const char *lengths;
	const char *device;
	uint32_t steps;
	uint32_t sequences;
	uint32_t repeat;
	bool json;
};

/**
 * struct loop - a measurement
 * @cost: of one repetition; the others must have cost the same
 * @best: host seconds; @median likewise
 */
struct loop {
	const char *name;
	struct cost cost;
	double best;
	double median;
	bool steady;
};

/** loop_run - one repetition; @cost has not been initialised */
typedef int loop_run(void *context, struct cost *cost, struct dh_error *err);

/** loop_measure() - run @repeat times */
int loop_measure(struct loop *loop, const char *name, uint32_t repeat, loop_run *run, void *context,
		 struct dh_error *err);

/** loops_print() - as text or JSON; an exit status */
int loops_print(const struct bench_arguments *args, const struct dh_device_info *info,
		const char *program, const struct loop *loops, int count);

/** bench_network() - measure a file of dh_network_load(); an exit status */
int bench_network(const struct bench_arguments *args);

#endif /* DELTAHOP_BENCH_H */
