// SPDX-License-Identifier: MIT
/* PNG images as arrays, by libpng. */
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "input/image.h"

#define SIGNATURE_BYTES	 8
#define MAX_CHUNK_BYTES	 (1 << 20)
#define MAX_CHUNKS_CACHE 64

/**
 * struct image_reader - all that is freed at the end; libpng jumps out on errors, so nothing of it is a
 * local variable
 * @rows: pointers to the rows of @image
 * @image: what is read
 */
struct image_reader {
	const char *path;
	struct dh_error *err;
	FILE *file;
	png_structp png;
	png_infop info;
	png_bytep *rows;
	struct dh_array image;
};

static void png_failed(png_structp png, const char *message)
{
	struct image_reader *reader = png_get_error_ptr(png);

	dh_error_set(reader->err, "%s: damaged PNG file: %s", reader->path, message);
	longjmp(png_jmpbuf(png), 1);
}

static void png_warned(png_structp png, const char *message)
{
	(void)png, (void)message;
}

static int out_of_memory(const struct image_reader *reader)
{
	dh_error_set(reader->err, "%s: out of memory", reader->path);
	return -ENOMEM;
}

static int open_file(struct image_reader *reader)
{
	unsigned char signature[SIGNATURE_BYTES];
	int error;

	errno = 0;
	reader->file = fopen(reader->path, "rbe");
	if (reader->file && fread(signature, sizeof(signature), 1, reader->file) == 1 &&
	    !png_sig_cmp(signature, 0, sizeof(signature)))
		return 0;
	error = errno;
	if (reader->file && !ferror(reader->file)) {
		dh_error_set(reader->err, "%s: not a PNG file", reader->path);
		return -EINVAL;
	}
	dh_error_set(reader->err, "%s: cannot read it: %s", reader->path,
		     strerror(error ? error : EIO));
	return error ? -error : -EIO;
}

static int prepare(struct image_reader *reader)
{
	reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, png_failed, png_warned);
	if (reader->png)
		reader->info = png_create_info_struct(reader->png);
	if (!reader->info)
		return out_of_memory(reader);
	/* Sizes are looked at here, with a better sentence. */
	png_set_user_limits(reader->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_chunk_malloc_max(reader->png, MAX_CHUNK_BYTES);
	png_set_chunk_cache_max(reader->png, MAX_CHUNKS_CACHE);
	png_init_io(reader->png, reader->file);
	png_set_sig_bytes(reader->png, SIGNATURE_BYTES);
	return 0;
}

static int check_header(struct image_reader *reader, enum dh_image_colour colour)
{
	png_uint_32 width = png_get_image_width(reader->png, reader->info);
	png_uint_32 height = png_get_image_height(reader->png, reader->info);

	if (width > DH_IMAGE_MAX_SIDE || height > DH_IMAGE_MAX_SIDE ||
	    (uint64_t)width * height > DH_IMAGE_MAX_PIXELS) {
		dh_error_set(
			reader->err,
			"%s: an image of %u x %u pixels; at most %d a side and %d in all can be "
			"read: make it smaller",
			reader->path, width, height, DH_IMAGE_MAX_SIDE, DH_IMAGE_MAX_PIXELS);
		return -EFBIG;
	}
	if (colour != DH_IMAGE_RGBA &&
	    (png_get_color_type(reader->png, reader->info) & PNG_COLOR_MASK_ALPHA ||
	     png_get_valid(reader->png, reader->info, PNG_INFO_tRNS))) {
		dh_error_set(reader->err,
			     "%s: the image is transparent: put it on a background, and save it "
			     "without alpha channel",
			     reader->path);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* After this, pixels are one, three or four values of 8 or 16 bits, in the machine's order. */
static void set_up_transforms(struct image_reader *reader, enum dh_image_colour colour)
{
	png_set_expand(reader->png);
	if (colour == DH_IMAGE_RGB || colour == DH_IMAGE_RGBA)
		png_set_gray_to_rgb(reader->png);
	if (colour == DH_IMAGE_RGBA)
		png_set_add_alpha(reader->png, UINT16_MAX, PNG_FILLER_AFTER);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	png_set_swap(reader->png);
#endif
	png_set_interlace_handling(reader->png);
	png_read_update_info(reader->png, reader->info);
}

static int make_room(struct image_reader *reader)
{
	size_t height = png_get_image_height(reader->png, reader->info), row;
	size_t row_bytes = png_get_rowbytes(reader->png, reader->info);
	bool wide = png_get_bit_depth(reader->png, reader->info) == 16;

	reader->image = (struct dh_array){
		.dtype = wide ? DH_DTYPE_U2 : DH_DTYPE_U1,
		.ndim = 3,
		.shape = { height, png_get_image_width(reader->png, reader->info),
			   png_get_channels(reader->png, reader->info) },
		.data = calloc(height, row_bytes),
	};
	reader->rows = calloc(height, sizeof(*reader->rows));
	if (!reader->image.data || !reader->rows)
		return out_of_memory(reader);
	for (row = 0; row < height; row++)
		reader->rows[row] = (png_bytep)reader->image.data + row * row_bytes;
	return 0;
}

static int read_pixels(struct image_reader *reader, enum dh_image_colour colour)
{
	int ret;

	if (setjmp(png_jmpbuf(reader->png)))
		return -EINVAL;
	png_read_info(reader->png, reader->info);
	ret = check_header(reader, colour);
	if (ret)
		return ret;
	set_up_transforms(reader, colour);
	ret = make_room(reader);
	if (ret)
		return ret;
	png_read_image(reader->png, reader->rows);
	png_read_end(reader->png, NULL);
	return 0;
}

static uint32_t luma(uint32_t red, uint32_t green, uint32_t blue)
{
	return (299 * red + 587 * green + 114 * blue + 500) / 1000;
}

/* In place: a grey value takes less room than three colours. */
static void to_grey(struct dh_array *image)
{
	size_t count = image->shape[0] * image->shape[1], i;
	uint8_t *narrow = image->data;
	uint16_t *wide = image->data;

	if (image->shape[2] != 3)
		return;
	for (i = 0; i < count; i++) {
		if (image->dtype == DH_DTYPE_U1)
			narrow[i] = luma(narrow[3 * i], narrow[3 * i + 1], narrow[3 * i + 2]);
		else
			wide[i] = luma(wide[3 * i], wide[3 * i + 1], wide[3 * i + 2]);
	}
	image->shape[2] = 1;
}

static void release(struct image_reader *reader)
{
	png_destroy_read_struct(&reader->png, &reader->info, NULL);
	free(reader->rows);
	if (reader->file)
		fclose(reader->file);
}

int dh_image_read(const char *path, enum dh_image_colour colour, struct dh_array *image,
		  struct dh_error *err)
{
	struct image_reader reader = { .path = path, .err = err };
	int ret;

	memset(image, 0, sizeof(*image));
	ret = open_file(&reader);
	if (!ret)
		ret = prepare(&reader);
	if (!ret)
		ret = read_pixels(&reader, colour);
	release(&reader);
	if (ret) {
		dh_array_free(&reader.image);
		return ret;
	}
	if (colour == DH_IMAGE_GREY)
		to_grey(&reader.image);
	*image = reader.image;
	return 0;
}
