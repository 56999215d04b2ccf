/* SPDX-License-Identifier: MIT */
/*
 * PNG images as arrays.
 */
#ifndef DELTAHOP_IMAGE_H
#define DELTAHOP_IMAGE_H

#include "base/npy.h"

/* Larger images are refused. */
#define DH_IMAGE_MAX_SIDE   16384
#define DH_IMAGE_MAX_PIXELS (1 << 24)

/** enum dh_image_colour - what the values of a pixel are to be */
enum dh_image_colour {
	DH_IMAGE_AS_IT_IS, /* as many as the file has */
	DH_IMAGE_GREY,	   /* one; of colours 0.299 red + 0.587 green + 0.114 blue, rounded */
	DH_IMAGE_RGB,	   /* three; grey becomes three equal ones */
	DH_IMAGE_RGBA,	   /* four; what is not transparent gets the largest value as the fourth */
};

/**
 * dh_image_read() - read a PNG file
 * @path: its name
 * @colour: what is wanted
 * @image: filled on success: uint8, or uint16 if the file has 16 bits, [height][width][1, 3 or 4]; free it
 *	with dh_array_free()
 * @err: says what is wrong with the file
 *
 * Values are those of the file (palettes looked up, fewer than 8 bits stretched to 8): no gamma is
 * applied and nothing is resized. An image with transparency is refused, but for DH_IMAGE_RGBA: what is
 * behind it is not for the reader to choose.
 *
 * Return: 0; -EINVAL: damaged, or no PNG file; -EOPNOTSUPP: transparent; -EFBIG; -ENOMEM; or the
 * negative errno of opening it.
 */
int dh_image_read(const char *path, enum dh_image_colour colour, struct dh_array *image,
		  struct dh_error *err);

#endif /* DELTAHOP_IMAGE_H */
