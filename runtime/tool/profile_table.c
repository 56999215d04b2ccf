// SPDX-License-Identifier: MIT
#include <drm/deltahop_isa.h>
#include <inttypes.h>
#include <stdio.h>

#include "tool/format.h"
#include "tool/profile_table.h"
#include "tool/tool.h"

/* Rows of a layer, unless all are wanted. */
#define FOLDED	12
#define COLUMNS "%-14.14s %11s %7s %8s %9s %8s %8s %8s %7s %7s\n"

/* --- text ------------------------------------------------------------------------------ */

static void which(char *text, size_t size, bool conv, uint32_t first, uint32_t end)
{
	const char *what = conv ? "pass" : "step";

	if (end - first > 1)
		snprintf(text, size, "%ss %u-%u", conv ? "p." : what, first, end - 1);
	else
		snprintf(text, size, "%s %u", what, first);
}

static void print_row(const struct profile_cell *cell, const char *name, const char *which,
		      uint32_t clock_hz)
{
	const struct dh_row_report *r = &cell->sum;
	uint64_t work = r->work_done + r->work_skipped;
	struct format rows, cycles, in, out, weights, dense, skipped;
	char time[16];

	snprintf(time, sizeof(time), "%.3f", r->cycles * 1e6 / clock_hz / cell->rows);
	printf(COLUMNS, name, which, format_amount(cell->rows, &rows),
	       format_amount((double)r->cycles / cell->rows, &cycles), time,
	       format_amount((double)r->bytes_weights / cell->rows, &weights),
	       format_amount((double)r->bytes_in / cell->rows, &in),
	       format_amount((double)r->bytes_out / cell->rows, &out),
	       format_amount((double)work / cell->rows, &dense),
	       format_percent(r->work_skipped, work, &skipped));
}

static void print_layer(const struct profile *profile, const struct dh_layer_report *layer,
			const struct profile_layer *cells, bool all)
{
	uint32_t rows = all || cells->count < FOLDED ? cells->count : FOLDED;
	bool conv = layer->engine == DELTAHOP_ENGINE_CONV;
	char text[32];

	for (uint32_t i = 0; i < rows; i++) {
		uint32_t first = (uint64_t)cells->count * i / rows;
		uint32_t end = (uint64_t)cells->count * (i + 1) / rows;
		struct profile_cell sum = profile_fold(cells, first, end);

		which(text, sizeof(text), conv, first, end);
		if (sum.rows)
			print_row(&sum, i ? "" : format_name(layer->node), text, profile->clock_hz);
	}
}

void profile_table_print(const struct profile *profile, const struct cost *cost, bool all)
{
	bool folded = false;

	printf("\n" COLUMNS, "a step, a pass", "", "", "engine", "time", "weights", "input",
	       "output", "MACs", "MACs");
	printf(COLUMNS, "(mean)", "", "rows", "cycles", "us", "bytes", "bytes", "bytes", "dense",
	       "skip");
	format_rule();
	for (uint32_t i = 0; i < profile->layer_count; i++) {
		print_layer(profile, &cost->layers[i], &profile->layers[i], all);
		folded |= !all && profile->layers[i].count > FOLDED;
	}
	if (folded)
		printf("Steps are folded: --all prints each of them, --json has them too.\n");
}

/* --- JSON ------------------------------------------------------------------------------ */

static json_t *cell_json(const struct profile_cell *cell, uint32_t layer, uint32_t index)
{
	const struct dh_row_report *r = &cell->sum;
	json_t *json = json_object();

	json_add(json, "layer", json_integer(layer));
	json_add(json, "index", json_integer(index));
	json_add(json, "rows", json_integer(cell->rows));
	json_add(json, "cycles", json_integer(r->cycles));
	json_add(json, "bytes_weights", json_integer(r->bytes_weights));
	json_add(json, "bytes_in", json_integer(r->bytes_in));
	json_add(json, "bytes_out", json_integer(r->bytes_out));
	json_add(json, "work_done", json_integer(r->work_done));
	json_add(json, "work_skipped", json_integer(r->work_skipped));
	return json;
}

json_t *profile_table_json(const struct profile *profile)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < profile->layer_count; i++) {
		const struct profile_layer *layer = &profile->layers[i];

		for (uint32_t c = 0; c < layer->count; c++) {
			if (layer->cells[c].rows)
				json_append(rows, cell_json(&layer->cells[c], i, c));
		}
	}
	return rows;
}
