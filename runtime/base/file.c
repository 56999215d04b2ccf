// SPDX-License-Identifier: MIT
/* Whole files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* --- reading --- */

static int unreadable(const char *path, int error, struct dh_error *err)
{
	dh_error_set(err, "%s: cannot be read: %s", path, strerror(error));
	return -error;
}

static int read_open(int fd, const char *path, size_t most, uint8_t **data, size_t *size,
		     struct dh_error *err)
{
	struct stat st;
	ssize_t got;

	*size = 0;
	if (fstat(fd, &st))
		return unreadable(path, errno, err);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > most) {
		dh_error_set(err, "%s: not a regular file of at most %zu MiB", path, most >> 20);
		return -EINVAL;
	}
	*data = malloc(st.st_size + 1);
	if (!*data)
		return unreadable(path, ENOMEM, err);
	while (*size < (size_t)st.st_size) {
		got = read(fd, *data + *size, st.st_size - *size);
		if (got < 0 && errno != EINTR)
			return unreadable(path, errno, err);
		if (!got)
			break;
		*size += got > 0 ? got : 0;
	}
	return 0;
}

int dh_file_read(const char *path, size_t most, uint8_t **data, size_t *size, struct dh_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

	*data = NULL;
	if (fd < 0) {
		ret = -errno;
		dh_error_set(err, "%s: cannot be opened: %s", path, strerror(-ret));
		return ret;
	}
	ret = read_open(fd, path, most, data, size, err);
	if (ret) {
		free(*data);
		*data = NULL;
	}
	close(fd);
	return ret;
}

/* --- writing --- */

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		len -= done;
	}
	return fsync(fd) && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* A name beside @path that no one else uses. */
static int open_temporary(const char *path, char **name)
{
	size_t room = strlen(path) + sizeof(".-2147483648.99");

	*name = malloc(room);
	if (!*name)
		return -ENOMEM;
	for (int i = 0; i < 100; i++) {
		int fd;

		snprintf(*name, room, "%s.%d.%d", path, (int)getpid(), i);
		fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int save_and_rename(const char *path, const uint8_t *data, size_t size)
{
	char *temporary = NULL;
	int fd = open_temporary(path, &temporary), ret = fd;

	if (fd >= 0) {
		ret = write_all(fd, data, size);
		if (close(fd) && !ret)
			ret = -errno;
		if (!ret && rename(temporary, path))
			ret = -errno;
		if (ret)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}

/* A pipe or a device is written to, not replaced. */
static int save_to_special(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, data, size);
	return close(fd) && !ret ? -errno : ret;
}

int dh_file_write(const char *path, const void *data, size_t size, struct dh_error *err)
{
	struct stat st;
	int ret = !stat(path, &st) && !S_ISREG(st.st_mode) ? save_to_special(path, data, size)
							   : save_and_rename(path, data, size);

	if (ret)
		dh_error_set(err, "%s: cannot be written: %s", path, strerror(-ret));
	return ret;
}
