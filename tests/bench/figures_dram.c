// SPDX-License-Identifier: MIT
/*
 * What streams get of a DRAM part: bytes a second over what it could move. Weight columns of 3H bytes
 * and feature maps, on the channel alone (all that is asked for is asked for at once) and next to what
 * the timing allows by the formulas of Documentation/hardware-dram.rst.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deltahop_ddr.h"
#include "rig.h"

#define MEGABYTE (1ULL << 20)

static bool json;
static bool printed;

/**
 * struct stream - bursts in a row
 * @bytes: of a piece
 * @scattered: every piece is somewhere else
 * @written: every second piece is written
 */
struct stream {
	const char *name;
	uint64_t bytes;
	bool scattered;
	bool written;
};

static const struct stream streams[] = {
	{ "columns in order, H = 768", 2304, false, false },
	{ "columns scattered, H = 768", 2304, true, false },
	{ "columns scattered, H = 256", 768, true, false },
	{ "columns scattered, H = 64", 192, true, false },
	{ "columns scattered, H = 16", 48, true, false },
	{ "map read, rows of 7168 bytes", 7168, false, false },
	{ "map read, map written, in turn", 7168, false, true },
};

/* Refreshes take rtp + rpa + rfc + rcd - ccd of every tREFI from a stream that never stops. */
static double allowed(const struct dh_ddr_part *part)
{
	uint32_t lost = part->rtp + part->rpa + part->rfc + part->rcd - part->ccd;

	return (double)(part->refi - lost) / part->refi;
}

/* Beside refresh: turning the bus twice for every two pieces. */
static double allowed_turning(const struct dh_ddr_part *part, uint64_t bytes)
{
	uint64_t data = 2 * (bytes / part->bytes) * part->ccd;
	uint32_t turns = part->cl + part->burst + part->turn - part->cwl + part->cwl + part->burst +
			 part->wtr - 2 * part->ccd;

	return allowed(part) * data / (data + turns);
}

static uint64_t place(const struct stream *stream, uint64_t piece, struct rig_random *random)
{
	if (stream->scattered)
		return rig_below(random, 1 << 16) * stream->bytes;
	if (stream->written)
		return piece / 2 * stream->bytes + (piece % 2 ? 256 * MEGABYTE + 16384 : 0);
	return piece * stream->bytes;
}

static uint64_t run(struct dh_ddr *ddr, const struct stream *stream, uint64_t *bytes)
{
	struct rig_random random = { 1 };
	uint64_t tick = 0, step = ddr->part->bytes;

	for (uint64_t piece = 0; *bytes < 8 * MEGABYTE; piece++) {
		uint64_t addr = place(stream, piece, &random), end = addr + stream->bytes;

		for (addr = addr / step * step; addr < end; addr += step)
			tick = dh_ddr_access(ddr, 0, addr, stream->written && piece % 2).tick;
		*bytes += stream->bytes;
	}
	return tick;
}

static void print(const struct dh_ddr *ddr, const struct stream *stream, uint64_t bytes,
		  uint64_t ticks)
{
	const struct dh_ddr_part *part = ddr->part;
	double peak = 1e12 * part->bytes / ((double)part->tick_ps * part->burst),
	       rate = 1e12 * bytes / ((double)ticks * part->tick_ps),
	       most = stream->written ? allowed_turning(part, stream->bytes) : allowed(part);
	const struct dh_ddr_counts *n = &ddr->counts;
	double pj = ((n->misses + n->conflicts) * (double)part->activate_fj +
		     n->reads * (double)part->read_fj + n->writes * (double)part->write_fj +
		     n->refreshes * (double)part->refresh_fj +
		     (double)ticks * part->tick_ps / 1000 * part->background_uw) /
		    1000 / bytes;

	if (json)
		printf("%s  {\"part\": \"%s\", \"stream\": \"%s\", \"bytes_s\": %.0f, \"peak_bytes_s\": "
		       "%.0f, \"efficiency\": %.6f, \"allowed\": %.6f, \"pj_byte\": %.3f}",
		       printed ? ",\n" : "[\n", part->name, stream->name, rate, peak, rate / peak,
		       most, pj);
	else
		printf("%-16s %-32s %7.3f of %6.3f GB/s %6.2f %% %6.2f %% %5.1f %% %6.1f\n",
		       part->name, stream->name, rate / 1e9, peak / 1e9, 100 * rate / peak,
		       100 * most, 100.0 * n->hits / (n->reads + n->writes), pj);
	printed = true;
}

static void run_part(const struct dh_ddr_part *part)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		uint64_t bytes = 0, ticks;
		struct dh_ddr ddr;

		dh_ddr_init(&ddr, part);
		ticks = run(&ddr, &streams[i], &bytes);
		print(&ddr, &streams[i], bytes, ticks);
	}
}

int main(int argc, char **argv)
{
	json = argc > 1 && !strcmp(argv[1], "--json");
	if (argc > 1 && !json) {
		fprintf(stderr, "usage: figures-dram [--json]\n");
		return 2;
	}
	if (!json)
		printf("%-16s %-32s %24s %8s %8s %7s %6s\n", "part", "stream", "rate", "reached",
		       "allowed", "hits", "pJ/B");
	for (uint32_t number = 1; dh_ddr_part(number); number++)
		run_part(dh_ddr_part(number));
	if (json)
		printf("\n]\n");
	return 0;
}
