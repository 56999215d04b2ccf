/* SPDX-License-Identifier: MIT */
/*
 * A network on a device: an instance and a job for each part, the host's tensors, and the order in
 * which all of it runs.
 */
#ifndef DELTAHOP_SESSION_H
#define DELTAHOP_SESSION_H

#include "execute/instance.h"
#include "network/net.h"
#include "network/network.h"

/**
 * struct dh_session_part - a part, ready to run
 * @steps: of a recurrent part, else 1
 * @step: of the network's schedule
 * @first_layer: number of its first layer among those of all parts
 * @from: part whose output this one reads where it is, or NULL: inputs are written before the run
 * @read_back: by output: somebody reads it on the host
 * @clipped: in the last run
 * @seconds: host's time in the last run
 */
struct dh_session_part {
	const struct dh_network_part *part;
	struct dh_instance *instance;
	struct dh_stream *stream;
	struct dh_job *job;
	uint32_t steps;
	uint32_t step;
	uint32_t first_layer;
	struct dh_session_part *from;
	bool *read_back;
	uint64_t clipped;
	double seconds;
};

/** struct dh_batch - steps that are done together: a node of the host, or parts in one submit */
struct dh_batch {
	uint32_t first;
	uint32_t count;
};

/**
 * struct dh_session - a network on a device
 * @data: by tensor of the net: elements, NULL where nobody needs them
 * @seconds: by step: host's time of a node in the last run
 * @jobs: room for those of a batch
 * @keep_states: streams go on from run to run
 */
struct dh_session {
	struct dh_device *device;
	const struct dh_network *network;
	struct dh_context *context;
	void **data;
	void *scratch;
	struct dh_session_part *parts;
	struct dh_batch *batches;
	uint32_t batch_count;
	struct dh_job **jobs;
	double *seconds;
	bool keep_states;
};

#endif /* DELTAHOP_SESSION_H */
