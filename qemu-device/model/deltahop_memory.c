// SPDX-License-Identifier: MIT
/*
 * Memory as a job sees it: regions, checked and translated. Nothing else in the device touches
 * memory on behalf of a command, so nothing a command says can reach past its regions.
 */
#include <string.h>

#include "deltahop_internal.h"

#define PAGE ((uint64_t)DELTAHOP_PAGE_SIZE)
#define REGION_FLAGS                                                            \
	(DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE | \
	 DELTAHOP_REGION_CARD | DELTAHOP_REGION_LIST)

static bool in_card(const struct dh_memory *memory, uint64_t addr, uint64_t len)
{
	return len <= memory->config->card_size && addr <= memory->config->card_size - len;
}

/*
 * A list of pages: the list itself must not wrap around; its pages are looked at when they are
 * used.
 */
static bool well_formed_list(const struct dh_region *region)
{
	uint64_t end, pages;

	if (region->addr % 8 || region->first >= PAGE ||
	    __builtin_add_overflow(region->first, region->length, &end))
		return false;
	pages = end / PAGE + !!(end % PAGE);
	return pages * 8 <= UINT64_MAX - region->addr;
}

static bool well_formed(const struct dh_memory *memory, const struct dh_region *region)
{
	if (region->flags & ~(uint32_t)REGION_FLAGS)
		return false;
	if (region->flags & DELTAHOP_REGION_LIST)
		return well_formed_list(region);
	if (region->first || region->length > UINT64_MAX - region->addr)
		return false;
	return !(region->flags & DELTAHOP_REGION_CARD) ||
	       in_card(memory, region->addr, region->length);
}

enum deltahop_reason dh_memory_load(struct dh_memory *memory, uint64_t table_addr, uint32_t count)
{
	uint8_t table[DH_MAX_REGIONS * sizeof(struct deltahop_region)];

	memory->generation++;
	memory->count = 0;
	memory->fault_region = DELTAHOP_REGION_NONE;
	memory->fault_offset = 0;
	if (count && !memory->bus->read(memory->bus->opaque, table_addr, table,
					count * sizeof(struct deltahop_region)))
		return DELTAHOP_REASON_DMA;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry = table + i * sizeof(struct deltahop_region);
		struct dh_region *region = &memory->region[i];

		region->addr = get_le64(entry);
		region->length = get_le64(entry + 8);
		region->flags = get_le32(entry + 16);
		region->first = get_le32(entry + 20);
		if (!(region->flags & DELTAHOP_REGION_VALID))
			continue;
		if (get_le64(entry + 24) || !well_formed(memory, region)) {
			memory->fault_region = i;
			return DELTAHOP_REASON_BAD_TABLE;
		}
	}
	memory->count = count;
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason fault(struct dh_memory *memory, uint32_t region, uint64_t offset,
				  enum deltahop_reason reason)
{
	memory->fault_region = region;
	memory->fault_offset = offset;
	return reason;
}

enum deltahop_reason dh_memory_check(struct dh_memory *memory, uint32_t number, uint64_t offset,
				     uint64_t len, uint32_t need)
{
	const struct dh_region *region;

	if (number >= memory->count || !(memory->region[number].flags & DELTAHOP_REGION_VALID))
		return fault(memory, number, offset, DELTAHOP_REASON_BAD_REGION);
	region = &memory->region[number];
	if (need & DELTAHOP_REGION_READ & ~region->flags)
		return fault(memory, number, offset, DELTAHOP_REASON_NO_READ);
	if (need & DELTAHOP_REGION_WRITE & ~region->flags)
		return fault(memory, number, offset, DELTAHOP_REASON_NO_WRITE);
	if (len > region->length || offset > region->length - len)
		return fault(memory, number, offset, DELTAHOP_REASON_OUT_OF_BOUNDS);
	return DELTAHOP_REASON_NONE;
}

/* Address of page @page of a list, from the translations held on chip or from the list. */
static enum deltahop_reason translate_page(struct dh_memory *memory, uint32_t number, uint64_t page,
					   uint64_t *addr)
{
	const struct dh_region *region = &memory->region[number];
	struct dh_translation *held =
		&memory->tlb[(page + number * (DH_TLB_ENTRIES / 8 + 1)) % DH_TLB_ENTRIES];
	uint8_t entry[8];

	if (held->generation == memory->generation && held->region == number &&
	    held->page == page) {
		*addr = held->addr;
		return DELTAHOP_REASON_NONE;
	}
	if (!memory->bus->read(memory->bus->opaque, region->addr + 8 * page, entry, sizeof(entry)))
		return DELTAHOP_REASON_DMA;
	*addr = get_le64(entry);
	if (*addr % PAGE || (region->flags & DELTAHOP_REGION_CARD && !in_card(memory, *addr, PAGE)))
		return DELTAHOP_REASON_BAD_TABLE;
	*held = (struct dh_translation){ memory->generation, page, *addr, number };
	return DELTAHOP_REASON_NONE;
}

/* Address of a byte that has been checked, and how many of @len bytes follow it in one piece. */
static enum deltahop_reason translate(struct dh_memory *memory, uint32_t number, uint64_t offset,
				      size_t len, uint64_t *addr, size_t *piece)
{
	const struct dh_region *region = &memory->region[number];
	uint64_t at = region->first + offset, page = at / PAGE, next;
	enum deltahop_reason reason;

	if (!(region->flags & DELTAHOP_REGION_LIST)) {
		*addr = region->addr + offset;
		*piece = len;
		return DELTAHOP_REASON_NONE;
	}
	reason = translate_page(memory, number, page, addr);
	if (reason)
		return fault(memory, number, offset, reason);
	next = *addr;
	*addr += at % PAGE;
	for (*piece = PAGE - at % PAGE; *piece < len; *piece += PAGE) {
		uint64_t expected = next + PAGE;

		/* An error in a later page is met when that page's turn comes. */
		if (translate_page(memory, number, ++page, &next) || next != expected)
			break;
	}
	if (*piece > len)
		*piece = len;
	return DELTAHOP_REASON_NONE;
}

static bool transfer(struct dh_memory *memory, const struct dh_region *region, uint64_t addr,
		     void *to, const void *from, size_t len)
{
	const struct dh_bus *bus = memory->bus;

	if (!(region->flags & DELTAHOP_REGION_CARD))
		return to ? bus->read(bus->opaque, addr, to, len)
			  : bus->write(bus->opaque, addr, from, len);
	if (to)
		memcpy(to, memory->config->card + addr, len);
	else
		memcpy(memory->config->card + addr, from, len);
	return true;
}

/* A read if @to is set, else a write of @from. Checked as a whole before anything moves. */
static enum deltahop_reason access(struct dh_memory *memory, uint32_t number, uint64_t offset,
				   uint8_t *to, const uint8_t *from, size_t len)
{
	enum deltahop_reason reason;
	uint64_t addr;
	size_t piece;

	reason = dh_memory_check(memory, number, offset, len,
				 to ? DELTAHOP_REGION_READ : DELTAHOP_REGION_WRITE);
	if (reason)
		return reason;
	if (memory->refuse_next) {
		memory->refuse_next = false;
		return fault(memory, number, offset, DELTAHOP_REASON_DMA);
	}
	for (; len; len -= piece, offset += piece) {
		reason = translate(memory, number, offset, len, &addr, &piece);
		if (reason)
			return reason;
		if (!transfer(memory, &memory->region[number], addr, to, from, piece))
			return fault(memory, number, offset, DELTAHOP_REASON_DMA);
		if (to)
			to += piece;
		else
			from += piece;
	}
	return DELTAHOP_REASON_NONE;
}

enum deltahop_reason dh_memory_read(struct dh_memory *memory, uint32_t region, uint64_t offset,
				    void *buf, size_t len)
{
	return access(memory, region, offset, buf, NULL, len);
}

enum deltahop_reason dh_memory_write(struct dh_memory *memory, uint32_t region, uint64_t offset,
				     const void *buf, size_t len)
{
	return access(memory, region, offset, NULL, buf, len);
}

const void *dh_memory_map(struct dh_memory *memory, uint32_t number, uint64_t offset, size_t len)
{
	const struct dh_bus *bus = memory->bus;
	uint32_t fault_region = memory->fault_region;
	uint64_t fault_offset = memory->fault_offset, addr;
	bool whole;
	size_t piece;

	whole = !memory->refuse_next &&
		!dh_memory_check(memory, number, offset, len, DELTAHOP_REGION_READ) &&
		!translate(memory, number, offset, len, &addr, &piece) && piece == len;
	/* No map is no fault: whoever asked goes on by reading. */
	memory->fault_region = fault_region;
	memory->fault_offset = fault_offset;
	if (!whole)
		return NULL;
	if (memory->region[number].flags & DELTAHOP_REGION_CARD)
		return memory->config->card + addr;
	return bus->map ? bus->map(bus->opaque, addr, len) : NULL;
}

bool dh_memory_place(struct dh_memory *memory, uint32_t number, uint64_t offset, uint64_t len,
		     uint64_t *addr, uint64_t *piece)
{
	uint32_t fault_region = memory->fault_region;
	uint64_t fault_offset = memory->fault_offset;
	bool found = number == DELTAHOP_REGION_NONE;
	size_t some = len;

	*addr = offset;
	if (!found)
		found = !dh_memory_check(memory, number, offset, len, 0) &&
			!translate(memory, number, offset, len, addr, &some);
	*piece = some;
	/* As above: the access itself will fault. */
	memory->fault_region = fault_region;
	memory->fault_offset = fault_offset;
	return found;
}

struct dh_port *dh_memory_port(const struct dh_memory *memory, uint32_t number)
{
	return memory->port && dh_memory_channel(memory, number) == &memory->config->dram
		       ? memory->port
		       : NULL;
}

const struct dh_memory_timing *dh_memory_channel(const struct dh_memory *memory, uint32_t number)
{
	const struct dh_config *config = memory->config;
	bool card = number < memory->count && memory->region[number].flags & DELTAHOP_REGION_CARD;

	return card || !config->link.n ? &config->dram : &config->link;
}
