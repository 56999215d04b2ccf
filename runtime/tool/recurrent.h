/* SPDX-License-Identifier: MIT */
/*
 * A recurrent program with its input, on a device, as the command line asks for it.
 */
#ifndef DELTAHOP_RECURRENT_H
#define DELTAHOP_RECURRENT_H

#include "tool/run.h"
#include "tool/runner.h"

/** struct recurrent - all that running it needs, and what it costs */
struct recurrent {
	const struct run_arguments *args;
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_program *program;
	struct sequences seqs;
	struct runner runner;
	struct cost cost;
};

/**
 * recurrent_open() - load and set up everything; an exit status, after which recurrent_close() is due in
 * any case
 */
int recurrent_open(struct recurrent *run, const struct run_arguments *args, struct dh_error *err);

/** recurrent_run() - run all sequences; @answers may be NULL; an exit status */
int recurrent_run(struct recurrent *run, struct answers *answers, struct dh_error *err);

/** recurrent_warn_of_input() - results that may be wrong are told */
void recurrent_warn_of_input(const struct recurrent *run);

/** recurrent_close() - free all */
void recurrent_close(struct recurrent *run);

#endif /* DELTAHOP_RECURRENT_H */
