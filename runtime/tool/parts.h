/* SPDX-License-Identifier: MIT */
/*
 * A network of parts with its input, on a device, as the command line asks for it.
 */
#ifndef DELTAHOP_PARTS_H
#define DELTAHOP_PARTS_H

#include "tool/net_runner.h"
#include "tool/run.h"

/** struct parts - all that running it needs, and what it costs */
struct parts {
	const struct run_arguments *args;
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_network *network;
	struct dh_session *session;
	struct samples samples;
	struct net_cost cost;
};

/**
 * parts_open() - load and set up everything; an exit status, after which parts_close() is due in any case
 */
int parts_open(struct parts *run, const struct run_arguments *args, struct dh_error *err);

/** parts_run() - run all samples; @results may be NULL; an exit status */
int parts_run(struct parts *run, struct results *results, struct dh_error *err);

/** parts_warn_of_input() - results that may be wrong are told */
void parts_warn_of_input(const struct parts *run);

/** parts_close() - free all */
void parts_close(struct parts *run);

#endif /* DELTAHOP_PARTS_H */
