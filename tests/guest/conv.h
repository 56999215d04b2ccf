/* SPDX-License-Identifier: MIT */
/*
 * A layer of the convolution engine in the device's memory, ready to be submitted, and what its job must answer.
 */
#ifndef CONV_H
#define CONV_H

#include "../unit/reference_conv_timing.h"
#include "device.h"

/* Region numbers of the bindings. */
enum conv_region {
	CONV_COMMANDS,
	CONV_WEIGHTS,
	CONV_INPUT,
	CONV_OUTPUT,
	CONV_PSUM,
	CONV_ADDED,
	CONV_PROFILE,
	CONV_REGIONS,
};

/* Where a command is, of those that conv_create() writes. */
#define CONV_LAYER_AT	    0
#define CONV_FIRST_INPUT_AT sizeof(struct deltahop_cmd_conv_layer)

/**
 * struct conv - a layer with one pass, in one context
 * @layer: its maps have random values of the seed
 * @output: what the reference computes; @psums: likewise
 * @cost: of the pass
 * @pass_at: byte offset of the pass command
 */
struct conv {
	int fd;
	uint32_t ctx;
	struct drm_deltahop_device_info info;
	uint32_t placement;
	struct ref_conv_layer layer;
	struct ref_conv_pass pass;
	struct ref_map output;
	int32_t *psums;
	struct ref_conv_cost cost;
	struct buffer buffer[CONV_REGIONS];
	struct drm_deltahop_binding binding[CONV_REGIONS];
	uint32_t bindings;
	uint32_t pass_at;
	uint32_t cmd_size;
};

/** conv_published() - 9 x 10 x 6 (two maps) to 16 maps, 3 x 3, ReLU, 2 x 2 pooling: legal on every profile */
void conv_published(struct ref_conv_layer *layer, struct ref_conv_pass *pass);

/** conv_create() - put a layer into buffers of @placement, fill its maps and weights, compute what it must answer */
void conv_create(struct conv *c, int fd, uint32_t ctx, const struct ref_conv_layer *layer,
		 const struct ref_conv_pass *pass, uint32_t placement, uint32_t seed);

/** conv_destroy() - drop everything but context and file */
void conv_destroy(struct conv *c);

/** conv_at() - a region's first byte */
void *conv_at(const struct conv *c, enum conv_region region);

/** conv_job() - a job */
struct drm_deltahop_job conv_job(const struct conv *c);

/** conv_do() - submit a job and wait; @record may be NULL; returns what WAIT does */
int conv_do(const struct conv *c, struct deltahop_record *record);

/** conv_forget() - make the answers invalid */
void conv_forget(struct conv *c);

/** conv_check() - the answers in the buffers are those of the reference */
void conv_check(const struct conv *c);

/** conv_check_record() - every field; cycles may include some lost to the other engine, which it names */
void conv_check_record(const struct conv *c, const struct deltahop_record *record, uint32_t seqno);

#endif /* CONV_H */
