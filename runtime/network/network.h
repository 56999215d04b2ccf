/* SPDX-License-Identifier: MIT */
/*
 * A compiled network of several parts: what the mapper makes, what a .dhp file of it holds, what is
 * run. Between steps its tensors live on the host, as network/net.h has them.
 */
#ifndef DELTAHOP_NETWORK_H
#define DELTAHOP_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "program/program.h"

struct dh_net;

#define DH_NETWORK_MAX_STEPS 65536

/**
 * struct dh_network_part - a program and the tensors that it takes and gives
 * @program: owned
 * @inputs: indices of tensors; CONV: one for each of @program->inputs, in that order; RNN: one.
 *	Several inputs may be the same tensor
 * @outputs: likewise, but every tensor once
 *
 * All are DH_NET_FLOAT. A map of channels x rows x cols has the values of its tensor, which are as
 * many, in order: [channels][rows][cols] whatever the tensor's dimensions are. A recurrent program
 * takes and gives [steps][elements] likewise, where the number of elements says how many steps.
 */
struct dh_network_part {
	struct dh_program *program;
	int32_t *inputs;
	int32_t *outputs;
};

/** enum dh_step_kind - who does a step */
enum dh_step_kind {
	DH_STEP_PART = 0, /* the device */
	DH_STEP_HOST = 1, /* dh_net_compute() */
};

/** struct dh_network_step - @index: of the part, or of the node in the network's net */
struct dh_network_step {
	enum dh_step_kind kind;
	uint32_t index;
};

/**
 * struct dh_network - a compiled network
 * @name: of the ONNX graph
 * @profile: that it was compiled for
 * @net: all tensors, and the nodes that the host runs; owned. It may have more, such as the nodes
 *	that parts do, which are not stored and do not count here
 * @inputs: tensors that the caller gives, in ONNX's order
 * @outputs: tensors that the caller gets, likewise
 * @parts: what the device runs
 * @steps: in this order; a tensor is written before it is read, by one step only, and inputs and
 *	constants by none
 */
struct dh_network {
	char *name;
	char *profile;
	struct dh_net *net;
	int32_t *inputs;
	uint32_t input_count;
	int32_t *outputs;
	uint32_t output_count;
	struct dh_network_part *parts;
	uint32_t part_count;
	struct dh_network_step *steps;
	uint32_t step_count;
};

/**
 * dh_network_check() - is everything in it consistent: schedule, tensors, parts?
 *
 * The parts' programs and the net have been checked by themselves. Return: 0, or a negative errno and
 * a sentence that names what and where.
 */
int dh_network_check(const struct dh_network *network, struct dh_error *err);

/**
 * dh_network_parse() - dh_network_load() from memory; @name is what errors call it
 *
 * A program of the convolution engine becomes a network of a single part.
 */
int dh_network_parse(const void *buf, size_t len, const char *name, struct dh_network **network,
		     struct dh_error *err);

/** dh_part_inputs() - tensors that a part takes */
uint32_t dh_part_inputs(const struct dh_program *program);

/** dh_part_outputs() - tensors that a part gives */
uint32_t dh_part_outputs(const struct dh_program *program);

/** dh_part_steps() - steps that a recurrent part runs, by the size of its input; CONV: 1 */
uint32_t dh_part_steps(const struct dh_network *network, const struct dh_network_part *part);

#endif /* DELTAHOP_NETWORK_H */
