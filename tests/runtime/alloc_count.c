// SPDX-License-Identifier: MIT
/* Counts allocations of what is linked with --wrap. */
#include <stdlib.h>

unsigned long alloc_count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	__atomic_add_fetch(&alloc_count, 1, __ATOMIC_RELAXED);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	__atomic_add_fetch(&alloc_count, 1, __ATOMIC_RELAXED);
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	__atomic_add_fetch(&alloc_count, 1, __ATOMIC_RELAXED);
	return __real_realloc(old, size);
}
