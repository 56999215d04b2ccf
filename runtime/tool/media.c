// SPDX-License-Identifier: MIT
/* Images and sound as inputs of networks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "input/audio.h"
#include "input/image.h"
#include "tool/image_shape.h"
#include "tool/media.h"
#include "tool/samples.h"

/* --- what it is -------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), more = strlen(end);

	return len > more && !strcasecmp(path + len - more, end);
}

static enum media_kind kind_by_name(const char *path)
{
	if (ends_in(path, ".png"))
		return MEDIA_IMAGE;
	return ends_in(path, ".wav") || ends_in(path, ".flac") ? MEDIA_SOUND : MEDIA_NONE;
}

static enum media_kind kind_by_bytes(const char *path)
{
	unsigned char head[12] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || read(fd, head, sizeof(head)) < 4)
		memset(head, 0, sizeof(head));
	if (fd >= 0)
		close(fd);
	if (!memcmp(head, "\x89PNG", 4))
		return MEDIA_IMAGE;
	if (!memcmp(head, "fLaC", 4) || (!memcmp(head, "RIFF", 4) && !memcmp(head + 8, "WAVE", 4)))
		return MEDIA_SOUND;
	return memcmp(head, "\x93NUM", 4) ? kind_by_name(path) : MEDIA_NONE;
}

enum media_kind media_kind_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return kind_by_name(path);
	if (S_ISDIR(st.st_mode))
		return MEDIA_IMAGES;
	return S_ISREG(st.st_mode) ? kind_by_bytes(path) : MEDIA_NONE;
}

/* --- images -------------------------------------------------------------------------- */

static int check_size(const char *path, const struct dh_values_info *input,
		      const struct image_shape *shape, const struct dh_array *image,
		      struct dh_error *err)
{
	char dims[128];

	if (image->shape[0] == shape->height && image->shape[1] == shape->width)
		return 0;
	samples_dims_text(input, dims, sizeof(dims));
	dh_error_set(err,
		     "%s: an image of %zu x %zu pixels; input %s is %s and takes %u x %u (width x "
		     "height): crop or resize it first, nothing is resized here",
		     path, image->shape[1], image->shape[0], input->name, dims, shape->width,
		     shape->height);
	return -EINVAL;
}

static double pixel(const struct dh_array *image, size_t at)
{
	return image->dtype == DH_DTYPE_U1 ? ((uint8_t *)image->data)[at] / 255.0
					   : ((uint16_t *)image->data)[at] / 65535.0;
}

/* From [height][width][channels] to what the input has. */
static void take_pixels(const struct image_shape *shape, const struct media_options *options,
			const struct dh_array *image, float *values)
{
	size_t pixels = (size_t)shape->height * shape->width, to;
	uint32_t n = shape->channels;

	for (size_t i = 0; i < pixels; i++) {
		for (uint32_t c = 0; c < n; c++) {
			to = shape->last ? i * n + c : c * pixels + i;
			values[to] = (float)((pixel(image, i * n + c) * options->most -
					      options->mean[c]) /
					     options->std[c]);
		}
	}
}

static enum dh_image_colour colour_of(uint32_t channels)
{
	switch (channels) {
	case 3:
		return DH_IMAGE_RGB;
	case 4:
		return DH_IMAGE_RGBA;
	default:
		return DH_IMAGE_GREY;
	}
}

static int load_image(const char *path, const struct dh_values_info *input,
		      const struct image_shape *shape, const struct media_options *options,
		      float *values, struct dh_error *err)
{
	struct dh_array image;
	int ret = dh_image_read(path, colour_of(shape->channels), &image, err);

	if (ret)
		return ret;
	ret = check_size(path, input, shape, &image, err);
	if (!ret)
		take_pixels(shape, options, &image, values);
	dh_array_free(&image);
	return ret;
}

static int is_image_name(const struct dirent *entry)
{
	return ends_in(entry->d_name, ".png");
}

/* Names in a directory, in their order. */
static int list_images(const char *path, struct dirent ***names, struct dh_error *err)
{
	int count = scandir(path, names, is_image_name, alphasort);

	if (count > 0)
		return count;
	if (count < 0) {
		dh_error_set(err, "%s: cannot be read: %s", path, strerror(errno));
	} else {
		free(*names);
		dh_error_set(err, "%s: no PNG file is in it", path);
	}
	*names = NULL;
	return -ENOENT;
}

static int load_directory(const char *path, struct dirent **names, int count,
			  const struct dh_values_info *input, const struct image_shape *shape,
			  const struct media_options *options, float *values, struct dh_error *err)
{
	char file[PATH_MAX];
	int ret = 0;

	for (int i = 0; !ret && i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		ret = load_image(file, input, shape, options, values + i * input->count, err);
	}
	return ret;
}

static int check_input(const char *path, const struct dh_values_info *input,
		       struct image_shape *shape, struct dh_error *err)
{
	char dims[128];

	if (!input->integers && image_shape_of(input, shape) && shape->channels != 2)
		return 0;
	samples_dims_text(input, dims, sizeof(dims));
	dh_error_set(err,
		     "%s: an image, but input %s takes %s%s; images are for inputs such as [1, 3, "
		     "32, 32], with 1 (grey), 3 (RGB) or 4 (RGBA) channels of real values",
		     path, input->name, dims, input->integers ? " of integers" : "");
	return -EINVAL;
}

int media_load_images(const char *path, const struct dh_values_info *input,
		      const struct media_options *options, struct dh_array *array,
		      struct dh_error *err)
{
	bool one = media_kind_of(path) == MEDIA_IMAGE;
	struct dirent **names = NULL;
	struct image_shape shape;
	int ret = check_input(path, input, &shape, err), count;

	if (ret)
		return ret;
	count = one ? 1 : list_images(path, &names, err);
	if (count < 0)
		return count;
	*array = (struct dh_array){
		.dtype = DH_DTYPE_F4,
		.ndim = 2,
		.shape = { count, input->count },
		.data = calloc(count, input->count * sizeof(float)),
	};
	if (!array->data) {
		dh_error_set(err, "%s: %d images: out of memory", path, count);
		ret = -ENOMEM;
	} else {
		ret = one ? load_image(path, input, &shape, options, array->data, err)
			  : load_directory(path, names, count, input, &shape, options, array->data,
					   err);
	}
	for (int i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
	return ret;
}

/* --- sound ----------------------------------------------------------------------------- */

static int refuse_features(const char *path, const char *name, size_t elements,
			   struct dh_error *err)
{
	dh_error_set(
		err,
		"%s: sound, but input %s takes vectors of %zu elements: if these are features "
		"such as MFCC, compute them first, into a .npy file; if they are pieces of the "
		"waveform, say so by --waveform",
		path, name, elements);
	return -EINVAL;
}

static int check_samples(const char *path, const char *name, size_t elements,
			 const struct media_sound *sound, struct dh_error *err)
{
	if (sound->samples >= elements && sound->samples)
		return 0;
	dh_error_set(err,
		     "%s: %zu samples, of which there are %u in a second; input %s takes %zu: give "
		     "a longer recording",
		     path, sound->samples, sound->rate, name, elements);
	return -EINVAL;
}

int media_load_sound(const char *path, const char *name, size_t elements, bool is_wave,
		     const struct media_options *options, struct dh_array *array,
		     struct media_sound *sound, struct dh_error *err)
{
	struct dh_audio audio;
	int ret;

	if (!is_wave && !options->waveform)
		return refuse_features(path, name, elements, err);
	ret = dh_audio_read(path, DH_AUDIO_MIX, &audio, err);
	if (ret)
		return ret;
	*sound = (struct media_sound){ .rate = audio.rate,
				       .samples = audio.samples.shape[0],
				       .left_over = audio.samples.shape[0] % elements };
	ret = check_samples(path, name, elements, sound, err);
	if (ret) {
		dh_array_free(&audio.samples);
		return ret;
	}
	*array = audio.samples;
	array->ndim = 2;
	array->shape[0] = sound->samples / elements;
	array->shape[1] = elements;
	return 0;
}

void media_print_sound(const struct media_sound *sound)
{
	if (!sound->rate)
		return;
	printf("sound    %zu samples, %u a second: the network states no rate, so they are taken as "
	       "they are",
	       sound->samples, sound->rate);
	if (sound->left_over)
		printf("; %zu left over", sound->left_over);
	putchar('\n');
}
