// SPDX-License-Identifier: MIT
/* Counts allocations of what is linked with --wrap, and lets one fail. */
#include <stddef.h>

unsigned long alloc_count;
/* Allocations until one fails, and all after it; 0: none does. */
unsigned long alloc_left;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int refuse(void)
{
	__atomic_add_fetch(&alloc_count, 1, __ATOMIC_RELAXED);
	if (!alloc_left)
		return 0;
	if (alloc_left > 1)
		alloc_left--;
	return alloc_left == 1;
}

void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refuse() ? NULL : __real_realloc(old, size);
}
