/* SPDX-License-Identifier: MIT */
/*
 * Images as inputs of networks.
 */
#ifndef DELTAHOP_IMAGE_SHAPE_H
#define DELTAHOP_IMAGE_SHAPE_H

#include "deltahop.h"

/**
 * struct image_shape - of an input that is an image
 * @last: channels are its last axis, else the first one
 */
struct image_shape {
	uint32_t channels;
	uint32_t height;
	uint32_t width;
	bool last;
};

/**
 * image_shape_of() - is an input an image? [channels][height][width] or [height][width][channels], with
 * 1 to 4 channels, at least two rows and two columns, and axes of 1 before it; or [height][width]
 */
bool image_shape_of(const struct dh_values_info *info, struct image_shape *shape);

/** image_shape_put() - write an image, [channels][height][width], into an input */
void image_shape_put(const struct image_shape *shape, const float *image, float *input);

#endif /* DELTAHOP_IMAGE_SHAPE_H */
