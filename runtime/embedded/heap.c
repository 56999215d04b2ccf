// SPDX-License-Identifier: MIT
/* Memory of the embedded device. */
#include <string.h>
#include <sys/mman.h>

#include "embedded/embedded.h"

#define HEAP_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

bool dh_heap_init(struct dh_heap *heap, uint64_t size, uint64_t least)
{
	for (; size >= least; size /= 2) {
		heap->base = mmap(NULL, size, PROT_READ | PROT_WRITE, HEAP_FLAGS, -1, 0);
		if (heap->base != MAP_FAILED) {
			heap->size = size;
			return true;
		}
	}
	heap->base = NULL;
	return false;
}

void dh_heap_fini(struct dh_heap *heap)
{
	if (heap->base)
		munmap(heap->base, heap->size);
	heap->base = NULL;
}

bool dh_heap_alloc(struct dh_heap *heap, struct dh_block *block, uint64_t size)
{
	struct dh_block **at = &heap->blocks;
	uint64_t end = 0;

	if (!size || size > heap->size)
		return false;
	size = (size + DELTAHOP_PAGE_SIZE - 1) / DELTAHOP_PAGE_SIZE * DELTAHOP_PAGE_SIZE;
	for (; *at && (*at)->offset - end < size; at = &(*at)->next)
		end = (*at)->offset + (*at)->size;
	if (!*at && heap->size - end < size)
		return false;
	*block = (struct dh_block){ .offset = end, .size = size, .next = *at };
	*at = block;
	heap->used += size;
	return true;
}

/* New pages in place of the old ones: whatever was mapped there, the next owner finds zeros. */
bool dh_heap_free(struct dh_heap *heap, struct dh_block *block)
{
	struct dh_block **at = &heap->blocks;
	bool fresh;

	if (!block->size)
		return true;
	fresh = mmap(heap->base + block->offset, block->size, PROT_READ | PROT_WRITE,
		     HEAP_FLAGS | MAP_FIXED, -1, 0) != MAP_FAILED;
	if (!fresh && block->shared)
		return false;
	if (!fresh)
		memset(heap->base + block->offset, 0, block->size);
	while (*at != block)
		at = &(*at)->next;
	*at = block->next;
	heap->used -= block->size;
	block->size = 0;
	return true;
}

uint64_t dh_heap_largest(const struct dh_heap *heap)
{
	const struct dh_block *block;
	uint64_t end = 0, largest = 0;

	for (block = heap->blocks; block; block = block->next) {
		if (block->offset - end > largest)
			largest = block->offset - end;
		end = block->offset + block->size;
	}
	return heap->size - end > largest ? heap->size - end : largest;
}
