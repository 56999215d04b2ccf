/* SPDX-License-Identifier: MIT */
/*
 * `deltahop run`: what it is asked for, and the part of it that runs networks of several parts.
 */
#ifndef DELTAHOP_RUN_H
#define DELTAHOP_RUN_H

#include "tool/samples.h"

/* Wrong answers that are listed. */
#define RUN_WRONG_SHOWN 6

/** struct run_arguments - of the command line; NULL or 0: not given */
struct run_arguments {
	const char *program;
	struct file_names inputs;
	struct file_names outputs;
	const char *lengths;
	const char *labels;
	const char *device;
	const char *theta_x;
	const char *theta_h;
	const char *profile;
	uint32_t streams;
	uint32_t answers;
	bool keep_state;
	bool table;
	bool json;
	bool dense;
};

/** run_network() - run a file of dh_network_load(); an exit status */
int run_network(const struct run_arguments *args);

#endif /* DELTAHOP_RUN_H */
