/* SPDX-License-Identifier: MIT */
/*
 * `deltahop run`: what it, and `deltahop profile`, are asked for; and the part of it that runs networks of
 * several parts.
 */
#ifndef DELTAHOP_RUN_H
#define DELTAHOP_RUN_H

#include <argp.h>

#include "tool/event_options.h"
#include "tool/samples.h"

/* Wrong answers that are listed. */
#define RUN_WRONG_SHOWN 6

/**
 * struct run_arguments - of the command line; NULL or 0: not given
 * @recording: of --events; @classes: names of classes, @events: how to read it and make frames
 * @realtime: at its own speed
 * @profile_steps: record what single steps cost
 */
struct run_arguments {
	const char *program;
	struct file_names inputs;
	struct media_options media;
	struct file_names outputs;
	const char *lengths;
	const char *labels;
	const char *device;
	const char *theta_x;
	const char *theta_h;
	const char *profile;
	const char *recording;
	const char *classes;
	struct event_options events;
	bool realtime;
	const char *dram_trace;
	uint32_t streams;
	uint32_t answers;
	bool keep_state;
	bool table;
	bool json;
	bool dense;
	bool profile_steps;
};

/** run_argp - a child for argp: program, inputs, device, thresholds, states; into struct run_arguments */
extern const struct argp run_argp;

/** run_help() - a help filter that puts devices and exit status behind the text */
char *run_help(int key, const char *text, void *input);

/** run_open_device() - the device asked for, with its DRAM channel traced if wanted; an exit status */
int run_open_device(const struct run_arguments *args, struct dh_device **device,
		    struct dh_error *err);

/** run_end_trace() - nothing more is traced; an exit status */
int run_end_trace(const struct run_arguments *args, struct dh_device *device, struct dh_error *err);

/** run_add_file() - one more file, or argp_error() */
void run_add_file(struct argp_state *state, struct file_names *files, const char *what,
		  const char *text);

/** run_network() - run a file of dh_network_load(); an exit status */
int run_network(const struct run_arguments *args);

/** run_events() - classify a recording of events as it plays; an exit status */
int run_events(const struct run_arguments *args);

#endif /* DELTAHOP_RUN_H */
