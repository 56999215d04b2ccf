// SPDX-License-Identifier: MIT
/* Images as inputs of networks. */
#include <string.h>

#include "tool/image_shape.h"

#define MOST_CHANNELS 4

static bool is_channels(uint32_t dim)
{
	return dim >= 1 && dim <= MOST_CHANNELS;
}

bool image_shape_of(const struct dh_values_info *info, struct image_shape *shape)
{
	const uint32_t *dims = info->dims;
	uint32_t rank = info->rank;

	for (; rank > 3 && *dims == 1; rank--)
		dims++;
	*shape = (struct image_shape){ .channels = 1 };
	if (rank == 3 && is_channels(dims[0]))
		shape->channels = *dims++;
	else if (rank == 3 && is_channels(dims[2]))
		*shape = (struct image_shape){ .channels = dims[2], .last = true };
	else if (rank != 2)
		return false;
	shape->height = dims[0];
	shape->width = dims[1];
	return shape->height > 1 && shape->width > 1;
}

void image_shape_put(const struct image_shape *shape, const float *image, float *input)
{
	size_t pixels = (size_t)shape->height * shape->width;

	if (!shape->last) {
		memcpy(input, image, shape->channels * pixels * sizeof(*input));
		return;
	}
	for (size_t i = 0; i < pixels; i++)
		for (uint32_t c = 0; c < shape->channels; c++)
			*input++ = image[c * pixels + i];
}
