// SPDX-License-Identifier: MIT
/* Where time goes, layer by layer, and below it the bandwidth of the memory channel. */
#include <inttypes.h>
#include <stdlib.h>

#include "tool/picture.h"

#define BAND_HEIGHT 130.0

static const char *const classes[] = {
	[BAR_CONV] = "conv", [BAR_RNN] = "rnn",	  [BAR_HOST] = "host",
	[BAR_ELSE] = "else", [BAR_WAIT] = "wait",
};

static const char *const purposes[PURPOSES] = { "weights", "inputs", "outputs", "states",
						"commands" };

/* --- the axis ------------------------------------------------------------------------------ */

struct unit {
	const char *name;
	double scale;
};

static struct unit unit_of(double seconds)
{
	static const struct unit units[] = { { "us", 1e6 }, { "ms", 1e3 }, { "s", 1 } };

	return units[seconds < 5e-3 ? 0 : seconds < 5 ? 1 : 2];
}

static double run_seconds(const struct chart *chart)
{
	return chart->seconds / chart->runs;
}

static void draw_axis(struct picture *picture, double top, double bottom, bool labels)
{
	double whole = run_seconds(picture->chart);
	struct unit unit = unit_of(whole);
	double tick = picture_tick(whole * unit.scale);

	for (int i = 0; i * tick <= whole * unit.scale * 1.0001; i++) {
		double x = PICTURE_LEFT + i * tick / unit.scale / whole * PICTURE_PLOT;

		svg_line(&picture->svg, "grid", x, top, x, bottom);
		if (labels)
			svg_text(&picture->svg, "dim", SVG_MIDDLE, x, bottom + 17, "%g%s%s",
				 i * tick, i ? "" : " ", i ? "" : unit.name);
	}
}

/* --- bars ----------------------------------------------------------------------------------- */

static void begin_bar(struct picture *picture, const struct bar *bar)
{
	char title[256];

	snprintf(title, sizeof(title), "%.80s %s: %.3f us, %.0f bytes, %s", bar->name,
		 bar->size.text, bar->seconds * 1e6 / picture->chart->runs,
		 (double)bar_bytes(bar) / picture->chart->runs, classes[bar->kind]);
	svg_group(&picture->svg, title,
		  "class=\"time\" data-kind=\"%s\" data-cycles=\"%" PRIu64 "\"", classes[bar->kind],
		  bar->cycles);
}

static void draw_bar(struct picture *picture, const struct bar *bar, double x)
{
	double runs = picture->chart->runs, whole = run_seconds(picture->chart);
	double width = bar->seconds / runs / whole * PICTURE_PLOT, y = picture->y + 4;
	bool layer = bar->kind == BAR_CONV || bar->kind == BAR_RNN;
	struct svg *svg = &picture->svg;

	begin_bar(picture, bar);
	if (layer) {
		svg_rect(svg, bar->kind == BAR_CONV ? "conv-idle" : "rnn-idle", x, y, width, 12);
		width *= bar->seconds > 0 ? bar->work_seconds / bar->seconds : 0;
	}
	svg_rect(svg, classes[bar->kind], x, y, width, 12);
	svg_end_group(svg);
}

static void bytes_text(const struct bar *bar, double runs, char *text, size_t size)
{
	struct format bytes;

	if (bar_bytes(bar) && bar->seconds > 0)
		snprintf(text, size, "%s %5.2f GB/s", format_amount(bar_bytes(bar) / runs, &bytes),
			 bar_bytes(bar) / bar->seconds * 1e-9);
	else
		snprintf(text, size, "-");
}

static void draw_figures(struct picture *picture, const struct bar *bar)
{
	double runs = picture->chart->runs, seconds = bar->seconds / runs;
	struct unit unit = unit_of(run_seconds(picture->chart));
	char time[32], share[16], bytes[48];
	struct format skipped;

	snprintf(time, sizeof(time), "%.*f %s", unit.scale > 1e3 ? 1 : 3, seconds * unit.scale,
		 unit.name);
	snprintf(share, sizeof(share), "%.1f%%", 100 * bar->seconds / picture->chart->seconds);
	bytes_text(bar, runs, bytes, sizeof(bytes));
	format_percent(bar->work_skipped, bar->work_done + bar->work_skipped, &skipped);
	picture_figures(picture, picture->y + 14,
			(const char *const[4]){ time, share, bytes, skipped.text });
}

static bool has(const struct chart *chart, enum bar_kind kind)
{
	for (uint32_t i = 0; i < chart->count; i++) {
		if (chart->bars[i].kind == kind)
			return true;
	}
	return false;
}

static void draw_legend(struct picture *picture)
{
	bool conv = has(picture->chart, BAR_CONV), rnn = has(picture->chart, BAR_RNN);
	const struct picture_key keys[] = {
		{ conv ? "conv" : NULL, "MACs at work (conv)" },
		{ conv ? "conv-idle" : NULL, "waiting" },
		{ rnn ? "rnn" : NULL, "MACs at work (rnn)" },
		{ rnn ? "rnn-idle" : NULL, "waiting" },
		{ has(picture->chart, BAR_HOST) ? "host" : NULL, "host" },
		{ has(picture->chart, BAR_ELSE) ? "else" : NULL,
		  "all else: commands, states, vectors" },
		{ has(picture->chart, BAR_WAIT) ? "wait" : NULL, "lost to the other engine" },
	};

	picture_legend(picture, keys, sizeof(keys) / sizeof(*keys));
}

static void draw_bars(struct picture *picture)
{
	const struct chart *chart = picture->chart;
	double at = PICTURE_LEFT, top = picture->y;

	draw_axis(picture, top, top + chart->count * PICTURE_ROW, false);
	for (uint32_t i = 0; i < chart->count; i++) {
		const struct bar *bar = &chart->bars[i];

		svg_name(&picture->svg, "ink", SVG_START, PICTURE_MARGIN, picture->y + 14,
			 bar->name && *bar->name ? bar->name : "(no name)", PICTURE_LETTERS);
		draw_bar(picture, bar, at);
		draw_figures(picture, bar);
		at += bar->seconds / chart->seconds * PICTURE_PLOT;
		picture->y += PICTURE_ROW;
	}
}

/* --- bandwidth -------------------------------------------------------------------------------- */

struct peak {
	const char *name;
	const char *class;
	double rate;
};

/* Bytes a second that fit through; 0: there is no such channel, or no limit. */
static double rate(const struct dh_device_info *device, uint32_t n)
{
	return n ? (double)device->beat_bytes * device->clock_hz / n : 0;
}

static void find_peaks(const struct dh_device_info *device, struct peak peaks[2])
{
	bool dram = device->card_size || !device->link_n;

	peaks[0] = (struct peak){ "DRAM", "peak", dram ? rate(device, device->dram_n) : 0 };
	peaks[1] = (struct peak){ "link", "link", rate(device, device->link_n) };
}

static double bar_rate(const struct bar *bar)
{
	return bar->seconds > 0 ? bar_bytes(bar) / bar->seconds : 0;
}

static double most_rate(const struct chart *chart, const struct peak peaks[2])
{
	double most = peaks[0].rate > peaks[1].rate ? peaks[0].rate : peaks[1].rate;

	for (uint32_t i = 0; i < chart->count; i++) {
		if (bar_rate(&chart->bars[i]) > most)
			most = bar_rate(&chart->bars[i]);
	}
	return most > 0 ? most * 1.06 : 1;
}

static void draw_stack(struct picture *picture, const struct bar *bar, double x, double most)
{
	double width = bar->seconds / picture->chart->seconds * PICTURE_PLOT;
	double y = picture->y + BAND_HEIGHT;
	char title[160];

	snprintf(title, sizeof(title), "%.80s: %.3f GB/s", bar->name, bar_rate(bar) * 1e-9);
	svg_group(&picture->svg, title,
		  "class=\"bytes\" data-weights=\"%" PRIu64 "\" data-inputs=\"%" PRIu64
		  "\" data-outputs=\"%" PRIu64 "\" data-states=\"%" PRIu64
		  "\" data-commands=\"%" PRIu64 "\"",
		  bar->bytes[0], bar->bytes[1], bar->bytes[2], bar->bytes[3], bar->bytes[4]);
	for (int p = 0; p < PURPOSES && bar->seconds > 0; p++) {
		double height = bar->bytes[p] / bar->seconds / most * BAND_HEIGHT;

		if (!bar->bytes[p])
			continue;
		y -= height;
		svg_rect(&picture->svg, purposes[p], x, y, width, height);
	}
	svg_end_group(&picture->svg);
}

/* Two labels need this much room. */
#define LABEL 13.0

static void draw_peaks(struct picture *picture, const struct peak peaks[2], double most)
{
	double last = picture->y - LABEL;

	for (int i = 0; i < 2; i++) {
		double y = picture->y + BAND_HEIGHT * (1 - peaks[i].rate / most);
		double label = y - last < LABEL ? last + LABEL : y;

		if (peaks[i].rate <= 0)
			continue;
		svg_line(&picture->svg, peaks[i].class, PICTURE_LEFT, y, PICTURE_RIGHT, y);
		svg_text(&picture->svg, "ink", SVG_START, PICTURE_RIGHT + 8, label + 4,
			 "%s peak %.2f GB/s", peaks[i].name, peaks[i].rate * 1e-9);
		last = label;
	}
}

static void draw_rates(struct picture *picture, double most)
{
	double tick = picture_tick(most * 1e-9);

	for (int i = 0; i * tick <= most * 1e-9; i++) {
		double y = picture->y + BAND_HEIGHT * (1 - i * tick * 1e9 / most);

		svg_line(&picture->svg, "grid", PICTURE_LEFT, y, PICTURE_RIGHT, y);
		svg_text(&picture->svg, "dim", SVG_END, PICTURE_LEFT - 8, y + 4, "%g%s", i * tick,
			 i ? "" : " GB/s");
	}
}

/* Bytes of all layers together, by purpose. */
static void draw_sums(struct picture *picture)
{
	const struct chart *chart = picture->chart;
	struct picture_key keys[PURPOSES];
	char text[PURPOSES][48];

	for (int p = 0; p < PURPOSES; p++) {
		struct format amount;
		uint64_t sum = 0;

		for (uint32_t i = 0; i < chart->count; i++)
			sum += chart->bars[i].bytes[p];
		snprintf(text[p], sizeof(text[p]), "%s %s", purposes[p],
			 format_amount((double)sum / chart->runs, &amount));
		keys[p] = (struct picture_key){ sum ? purposes[p] : NULL, text[p] };
	}
	picture_legend(picture, keys, PURPOSES);
}

static void draw_bandwidth(struct picture *picture)
{
	const struct chart *chart = picture->chart;
	double at = PICTURE_LEFT, most;
	struct peak peaks[2];

	find_peaks(picture->device, peaks);
	most = most_rate(chart, peaks);
	draw_axis(picture, picture->y, picture->y + BAND_HEIGHT, true);
	draw_rates(picture, most);
	for (uint32_t i = 0; i < chart->count; i++) {
		draw_stack(picture, &chart->bars[i], at, most);
		at += chart->bars[i].seconds / chart->seconds * PICTURE_PLOT;
	}
	draw_peaks(picture, peaks, most);
	picture->y += BAND_HEIGHT + 19;
}

void picture_time(struct picture *picture)
{
	if (picture->chart->seconds <= 0)
		return;
	picture_heading(picture, "Time by layer",
			(const char *const[4]){ "time", "share", "bytes", "skipped" });
	draw_legend(picture);
	draw_bars(picture);
	picture_heading(picture, "DRAM bandwidth over the same time: an area is bytes", NULL);
	draw_sums(picture);
	picture->y += 6;
	draw_bandwidth(picture);
}
