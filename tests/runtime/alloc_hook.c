// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libudev.h>

#include "alloc_hook.h"

unsigned long alloc_count;
long alloc_live;

static unsigned long fail_at;
static bool fail_on, has_failed;

void alloc_fail(unsigned long n, bool forever)
{
	fail_at = n ? alloc_count + n : 0;
	fail_on = forever;
	has_failed = false;
}

bool alloc_has_failed(void)
{
	return has_failed;
}

bool alloc_told(int ret, const char *sentence)
{
	return !ret || (ret == -ENOMEM && strstr(sentence, "memory"));
}

/* Is there memory? Then the caller gets it. */
static bool granted(void)
{
	unsigned long call = __atomic_add_fetch(&alloc_count, 1, __ATOMIC_RELAXED);

	if (!fail_at || call < fail_at || (call > fail_at && !fail_on))
		return true;
	has_failed = true;
	errno = ENOMEM;
	return false;
}

static void *counted(void *piece)
{
	if (piece)
		__atomic_add_fetch(&alloc_live, 1, __ATOMIC_RELAXED);
	return piece;
}

#define WRAP(type, name, args)   \
	type __real_##name args; \
	type __wrap_##name args; \
	type __wrap_##name args

WRAP(void *, malloc, (size_t size))
{
	return granted() ? counted(__real_malloc(size)) : NULL;
}

WRAP(void *, calloc, (size_t count, size_t size))
{
	return granted() ? counted(__real_calloc(count, size)) : NULL;
}

WRAP(void *, realloc, (void *old, size_t size))
{
	if (!granted())
		return NULL;
	return old ? __real_realloc(old, size) : counted(__real_realloc(NULL, size));
}

WRAP(void *, reallocarray, (void *old, size_t count, size_t size))
{
	if (!granted())
		return NULL;
	return old ? __real_reallocarray(old, count, size)
		   : counted(__real_reallocarray(NULL, count, size));
}

WRAP(void, free, (void *piece))
{
	if (piece)
		__atomic_sub_fetch(&alloc_live, 1, __ATOMIC_RELAXED);
	__real_free(piece);
}

WRAP(char *, strdup, (const char *text))
{
	return granted() ? counted(__real_strdup(text)) : NULL;
}

WRAP(char *, strndup, (const char *text, size_t most))
{
	return granted() ? counted(__real_strndup(text, most)) : NULL;
}

/* The library is built for large files, where these have other names. */
WRAP(FILE *, fopen64, (const char *path, const char *mode))
{
	return granted() ? __real_fopen64(path, mode) : NULL;
}

WRAP(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off_t offset))
{
	return granted() ? __real_mmap64(at, size, prot, flags, fd, offset) : MAP_FAILED;
}

WRAP(int, memfd_create, (const char *name, unsigned int flags))
{
	return granted() ? __real_memfd_create(name, flags) : -1;
}

WRAP(struct udev *, udev_new, (void))
{
	return granted() ? __real_udev_new() : NULL;
}

WRAP(struct udev_enumerate *, udev_enumerate_new, (struct udev * udev))
{
	return granted() ? __real_udev_enumerate_new(udev) : NULL;
}

WRAP(int, udev_enumerate_scan_devices, (struct udev_enumerate * list))
{
	return granted() ? __real_udev_enumerate_scan_devices(list) : -ENOMEM;
}

WRAP(struct udev_list_entry *, udev_enumerate_get_list_entry, (struct udev_enumerate * list))
{
	return granted() ? __real_udev_enumerate_get_list_entry(list) : NULL;
}

void alloc_hook_jansson(void)
{
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
}
