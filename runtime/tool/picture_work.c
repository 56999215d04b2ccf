// SPDX-License-Identifier: MIT
/* Work that a dense run does, and what of it was done; by layer, and step by step. */
#include <drm/deltahop_isa.h>
#include <inttypes.h>
#include <math.h>

#include "tool/picture.h"

#define STRIP	16.0
#define COLUMNS 118
#define SHADES	10

static uint64_t dense(const struct bar *bar)
{
	return bar->work_done + bar->work_skipped;
}

/* --- by layer -------------------------------------------------------------------------------- */

static double most_work(const struct chart *chart)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < chart->count; i++) {
		if (dense(&chart->bars[i]) > most)
			most = dense(&chart->bars[i]);
	}
	return (double)most / chart->runs;
}

static void draw_axis(struct picture *picture, double most, double bottom)
{
	double tick = picture_tick(most);
	char text[32];

	for (int i = 0; i * tick <= most * 1.0001; i++) {
		double x = PICTURE_LEFT + i * tick / most * PICTURE_PLOT;

		picture_amount(text, sizeof(text), i * tick, most);
		svg_line(&picture->svg, "grid", x, picture->y, x, bottom);
		svg_text(&picture->svg, "dim", SVG_MIDDLE, x, bottom + 14, "%s", text);
	}
}

static void draw_work(struct picture *picture, const struct bar *bar, double most)
{
	double scale = PICTURE_PLOT / most / picture->chart->runs;
	struct format all, done, skipped;
	char title[192];

	format_amount((double)dense(bar) / picture->chart->runs, &all);
	format_amount((double)bar->work_done / picture->chart->runs, &done);
	format_percent(bar->work_skipped, dense(bar), &skipped);
	snprintf(title, sizeof(title), "%.80s %s: %s of %s MACs done", bar->name, bar->size.text,
		 done.text, all.text);
	svg_name(&picture->svg, "ink", SVG_START, PICTURE_MARGIN, picture->y + 14, bar->name,
		 PICTURE_LETTERS);
	svg_group(&picture->svg, title,
		  "class=\"work\" data-done=\"%" PRIu64 "\" data-skipped=\"%" PRIu64 "\"",
		  bar->work_done, bar->work_skipped);
	svg_rect(&picture->svg, "frame", PICTURE_LEFT, picture->y + 4, dense(bar) * scale, 12);
	svg_rect(&picture->svg, bar->kind == BAR_CONV ? "conv" : "rnn", PICTURE_LEFT,
		 picture->y + 4, bar->work_done * scale, 12);
	svg_end_group(&picture->svg);
	picture_figures(picture, picture->y + 14,
			(const char *const[4]){ all.text, done.text, bar->size.text,
						skipped.text });
	picture->y += PICTURE_ROW;
}

void picture_work(struct picture *picture)
{
	const struct chart *chart = picture->chart;
	double most = most_work(chart);
	uint32_t rows = 0;

	if (most <= 0)
		return;
	for (uint32_t i = 0; i < chart->count; i++)
		rows += dense(&chart->bars[i]) > 0;
	picture_heading(picture, "Work: MACs of a dense run (frame), and those done (filled)",
			(const char *const[4]){ "dense", "done", "layer", "skipped" });
	draw_axis(picture, most, picture->y + rows * PICTURE_ROW);
	for (uint32_t i = 0; i < chart->count; i++) {
		if (dense(&chart->bars[i]))
			draw_work(picture, &chart->bars[i], most);
	}
	picture->y += 16;
}

/* --- step by step ------------------------------------------------------------------------------ */

/**
 * struct steps - how they are shown
 * @count: of the longest sequence
 * @columns: that these are folded into
 * @most: share of the work done in one of them
 */
struct steps {
	uint32_t count;
	uint32_t columns;
	double most;
};

static bool has_steps(const struct picture *picture, uint32_t layer)
{
	return picture->cost->layers[layer].engine == DELTAHOP_ENGINE_RNN &&
	       picture->profile->layers[layer].count > 1;
}

static uint32_t most_steps(const struct picture *picture)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < picture->profile->layer_count; i++) {
		if (has_steps(picture, i) && picture->profile->layers[i].count > most)
			most = picture->profile->layers[i].count;
	}
	return most;
}

static void draw_shade(struct picture *picture, const char *class, double share, uint32_t column,
		       uint32_t columns)
{
	double x = floor(PICTURE_PLOT * column / columns);
	double end = floor(PICTURE_PLOT * (column + 1) / columns);
	char text[32];

	snprintf(text, sizeof(text), "%s q%.0f", class, share * SHADES);
	svg_rect(&picture->svg, text, PICTURE_LEFT + x, picture->y, end - x, STRIP);
}

/* Of the work of a dense run; below 0 there is none. */
static double share_done(const struct picture *picture, uint32_t layer, const struct steps *steps,
			 uint32_t column)
{
	struct profile_cell sum = profile_fold(
		&picture->profile->layers[layer], (uint64_t)steps->count * column / steps->columns,
		(uint64_t)steps->count * (column + 1) / steps->columns);
	uint64_t work = sum.sum.work_done + sum.sum.work_skipped;

	return work ? (double)sum.sum.work_done / work : -1;
}

static double most_done(const struct picture *picture, const struct steps *steps)
{
	double most = 0.01;

	for (uint32_t i = 0; i < picture->profile->layer_count; i++) {
		for (uint32_t c = 0; has_steps(picture, i) && c < steps->columns; c++)
			most = fmax(most, share_done(picture, i, steps, c));
	}
	return most;
}

static void draw_strip(struct picture *picture, uint32_t layer, const struct steps *steps)
{
	const char *name = picture->cost->layers[layer].node;

	svg_name(&picture->svg, "ink", SVG_START, PICTURE_MARGIN, picture->y + 12, name,
		 PICTURE_LETTERS);
	svg_group(&picture->svg, name, "class=\"steps\" data-layer=\"%u\"", layer);
	for (uint32_t c = 0; c < steps->columns; c++) {
		double share = share_done(picture, layer, steps, c);

		if (share >= 0)
			draw_shade(picture, "rnn", share / steps->most, c, steps->columns);
	}
	svg_end_group(&picture->svg);
	picture->y += STRIP + 4;
}

/* How many sequences are that long. */
static void draw_lengths(struct picture *picture, uint32_t layer, const struct steps *steps)
{
	const struct profile_layer *cells = &picture->profile->layers[layer];

	svg_text(&picture->svg, "dim", SVG_START, PICTURE_MARGIN, picture->y + 12,
		 "sequences this long");
	for (uint32_t c = 0; c < steps->columns; c++) {
		uint32_t first = (uint64_t)steps->count * c / steps->columns;
		uint64_t rows = first < cells->count ? cells->cells[first].rows : 0;

		draw_shade(picture, "else", (double)rows / cells->cells[0].rows, c, steps->columns);
	}
	picture->y += STRIP + 4;
}

static void draw_scale(struct picture *picture, double most)
{
	double x = PICTURE_RIGHT + 34, y = picture->y;

	svg_text(&picture->svg, "dim", SVG_END, x - 6, y + 11, "0%%");
	for (int i = 0; i <= SHADES; i++) {
		char class[16];

		snprintf(class, sizeof(class), "rnn q%d", i);
		svg_rect(&picture->svg, class, x + i * 14, y, 14, STRIP);
	}
	svg_text(&picture->svg, "dim", SVG_START, x + (SHADES + 1) * 14 + 6, y + 11,
		 "%.3g%% of dense", most * 100);
}

static void draw_step_axis(struct picture *picture, uint32_t steps)
{
	double tick = picture_tick(steps);

	if (tick < 1)
		tick = 1;
	for (int i = 0; i * tick < steps; i++)
		svg_text(&picture->svg, "dim", SVG_MIDDLE,
			 PICTURE_LEFT + i * tick / steps * PICTURE_PLOT, picture->y + 10, "%g",
			 i * tick);
	picture->y += 12;
}

void picture_steps(struct picture *picture)
{
	struct steps steps = { .count = most_steps(picture) };
	uint32_t last = 0;

	if (!steps.count)
		return;
	steps.columns = steps.count < COLUMNS ? steps.count : COLUMNS;
	steps.most = most_done(picture, &steps);
	picture_heading(picture, "MACs done, by step of a sequence", NULL);
	draw_scale(picture, steps.most);
	for (uint32_t i = 0; i < picture->profile->layer_count; i++) {
		if (!has_steps(picture, i))
			continue;
		draw_strip(picture, i, &steps);
		last = i;
	}
	if (picture->recurrent && picture->chart->runs > 1)
		draw_lengths(picture, last, &steps);
	draw_step_axis(picture, steps.count);
}
