// SPDX-License-Identifier: MIT
/* Frames of events on their way to files. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/frames.h"

static bool is_file(const struct frames *frames)
{
	size_t len = strlen(frames->path);

	return len > 4 && !strcmp(frames->path + len - 4, ".npy");
}

static int frame_path(const struct frames *frames, uint64_t number, char *path, size_t size,
		      struct dh_error *err)
{
	int len = snprintf(path, size, "%s/frame-%06" PRIu64 ".npy", frames->path, number);

	if (len > 0 && (size_t)len < size)
		return 0;
	dh_error_set(err, "%s: the name is too long", frames->path);
	return -ENAMETOOLONG;
}

/* Frames of another recording that stayed there would be taken for ours. */
static int make_directory(const struct frames *frames, struct dh_error *err)
{
	char path[PATH_MAX];
	int ret;

	if (mkdir(frames->path, 0777) && errno != EEXIST) {
		ret = -errno;
		dh_error_set(err, "%s: cannot create the directory: %s", frames->path,
			     strerror(errno));
		return ret;
	}
	ret = frame_path(frames, 0, path, sizeof(path), err);
	if (ret || access(path, F_OK))
		return ret;
	dh_error_set(err, "%s is there already: remove the frames in %s, or choose another place",
		     path, frames->path);
	return -EEXIST;
}

int frames_open(struct frames *frames, const char *path, const struct dh_framer_options *options,
		struct dh_error *err)
{
	const struct dh_array row = {
		.dtype = DH_DTYPE_I2,
		.ndim = 3,
		.shape = { options->split ? 2 : 1, options->height, options->width },
	};

	*frames = (struct frames){ .path = path };
	return is_file(frames) ? dh_npy_writer_open(&frames->writer, path, &row, err)
			       : make_directory(frames, err);
}

/* Under another name until it is complete, for those who wait for frames. */
static int save(const struct frames *frames, const struct dh_frame *frame, struct dh_error *err)
{
	const struct dh_array array = {
		.dtype = DH_DTYPE_I2,
		.ndim = 4,
		.shape = { 1, frame->channels, frame->height, frame->width },
		.data = (void *)frame->q8,
	};
	char path[PATH_MAX], part[PATH_MAX + 8];
	int ret = frame_path(frames, frames->count, path, sizeof(path), err);

	if (ret)
		return ret;
	snprintf(part, sizeof(part), "%s.part", path);
	ret = dh_npy_save(part, &array, err);
	if (!ret && rename(part, path)) {
		ret = -errno;
		dh_error_set(err, "%s: cannot rename it: %s", part, strerror(errno));
	}
	return ret;
}

int frames_add(struct frames *frames, const struct dh_frame *frame, struct dh_error *err)
{
	int ret = is_file(frames) ? dh_npy_writer_add(&frames->writer, frame->q8, err)
				  : save(frames, frame, err);

	if (ret)
		return ret;
	frames->count++;
	frames->events += frame->events;
	frames->time_us += (uint64_t)frame->end_us - (uint64_t)frame->start_us;
	frames->empty += frame->empty / ((double)frame->channels * frame->width * frame->height);
	return 0;
}

int frames_close(struct frames *frames, struct dh_error *err)
{
	return frames->path && is_file(frames) ? dh_npy_writer_close(&frames->writer, err) : 0;
}
