// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tool/picture.h"

#define LEGEND_BOX 10.0

/* Dark pages get colours of their own; a viewer that does not know the query draws the light ones. */
static const char style[] =
	"text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:11px}\n"
	"rect{shape-rendering:crispEdges}\n"
	".title{font-size:17px;font-weight:bold}.head{font-size:13px;font-weight:bold}\n"
	".page{fill:#fff}.ink,.title,.head{fill:#1f2328}.dim{fill:#59636e}\n"
	".grid{stroke:#d8dee4}.frame{fill:none;stroke:#59636e}\n"
	".conv{fill:#2f6fd0}.conv-idle{fill:#b5cdf2}.rnn{fill:#0b7d72}.rnn-idle{fill:#a5dad3}\n"
	".host{fill:#d9822b}.else{fill:#8c959f}.wait{fill:#cf222e}\n"
	".weights{fill:#5b4bc4}.inputs{fill:#d99a00}.outputs{fill:#2da44e}.states{fill:#d0559b}\n"
	".commands{fill:#8c959f}.peak{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:6 3}\n"
	".link{stroke:#cf222e;stroke-dasharray:2 3}\n"
	".q0{fill-opacity:.04}.q1{fill-opacity:.12}.q2{fill-opacity:.21}.q3{fill-opacity:.31}\n"
	".q4{fill-opacity:.41}.q5{fill-opacity:.51}.q6{fill-opacity:.61}.q7{fill-opacity:.71}\n"
	".q8{fill-opacity:.81}.q9{fill-opacity:.91}.q10{fill-opacity:1}\n"
	"@media (prefers-color-scheme:dark){\n"
	".page{fill:#0d1117}.ink,.title,.head{fill:#e6edf3}.dim{fill:#9198a1}\n"
	".grid{stroke:#30363d}.frame{stroke:#9198a1}\n"
	".conv{fill:#6ea8fe}.conv-idle{fill:#27497b}.rnn{fill:#4fd1c5}.rnn-idle{fill:#1b5a54}\n"
	".host{fill:#f0a35e}.else{fill:#6e7681}.wait{fill:#ff7b72}\n"
	".weights{fill:#a195f5}.inputs{fill:#f2c14e}.outputs{fill:#57c271}.states{fill:#ee86bd}\n"
	".commands{fill:#6e7681}.peak,.link{stroke:#ff7b72}\n"
	"}\n";

/* --- what panels share ------------------------------------------------------------------ */

void picture_figures(struct picture *picture, double y, const char *const figures[4])
{
	static const double at[4] = { 736, 794, 928, PICTURE_WIDTH - PICTURE_MARGIN };

	for (int i = 0; i < 4; i++) {
		if (figures[i])
			svg_text(&picture->svg, "ink", SVG_END, at[i], y, "%s", figures[i]);
	}
}

void picture_heading(struct picture *picture, const char *what, const char *const columns[4])
{
	picture->y += 34;
	svg_text(&picture->svg, "head", SVG_START, PICTURE_MARGIN, picture->y, "%s", what);
	if (columns)
		picture_figures(picture, picture->y, columns);
	picture->y += 8;
}

void picture_legend(struct picture *picture, const struct picture_key *keys, size_t count)
{
	double x = PICTURE_MARGIN;

	picture->y += 12;
	for (size_t i = 0; i < count; i++) {
		if (!keys[i].class)
			continue;
		svg_rect(&picture->svg, keys[i].class, x, picture->y - 9, LEGEND_BOX, LEGEND_BOX);
		x += LEGEND_BOX + 5;
		svg_text(&picture->svg, "dim", SVG_START, x, picture->y, "%s", keys[i].text);
		x += SVG_LETTER(11) * strlen(keys[i].text) + 16;
	}
	picture->y += 8;
}

/* 1, 2 or 5 times a power of ten, so that there are 4 to 10 of them. */
double picture_tick(double most)
{
	double base = pow(10, floor(log10(most / 4)));

	return base * (most / 4 / base >= 5 ? 5 : most / 4 / base >= 2 ? 2 : 1);
}

void picture_amount(char *text, size_t size, double value, double most)
{
	static const char prefixes[] = " kMGT";
	unsigned int i = 0;

	for (; most >= 2000 && prefixes[i + 1]; i++) {
		most /= 1000;
		value /= 1000;
	}
	snprintf(text, size, i && value > 0 ? "%g%c" : "%g", value, prefixes[i]);
}

/* --- the page ---------------------------------------------------------------------------- */

static double device_seconds(const struct chart *chart)
{
	double seconds = 0;

	for (uint32_t i = 0; i < chart->count; i++)
		seconds += chart->bars[i].kind == BAR_HOST ? 0 : chart->bars[i].seconds;
	return seconds / chart->runs;
}

#define draw_line(picture, ...) \
	svg_text(&(picture)->svg, "ink", SVG_START, PICTURE_MARGIN, (picture)->y += 17, __VA_ARGS__)

static void draw_sums(struct picture *picture)
{
	const struct dh_report *sum = &picture->cost->sum;
	const struct chart *chart = picture->chart;
	double device = device_seconds(chart), host = chart->seconds / chart->runs - device;
	uint64_t work = sum->work_done + sum->work_skipped, all = 0;
	struct format dense, done, skipped, bytes;
	char more[64] = "", both[64] = "";

	for (uint32_t i = 0; i < chart->count; i++)
		all += bar_bytes(&chart->bars[i]);
	if (host > 0)
		snprintf(more, sizeof(more), ", %.3f us on the host as measured here", host * 1e6);
	if (chart->overlap > 0)
		snprintf(both, sizeof(both), ", both engines at once for %.3f us",
			 chart->overlap / chart->runs * 1e6);
	draw_line(picture, "time %.3f us on the device as modelled%s%s", device * 1e6, both, more);
	draw_line(picture, "MACs %s dense, %s done (%s skipped)",
		  format_amount((double)work / chart->runs, &dense),
		  format_amount((double)sum->work_done / chart->runs, &done),
		  format_percent(sum->work_skipped, work, &skipped));
	draw_line(picture, "DRAM %s bytes, %.3f GB/s while the device works",
		  format_amount((double)all / chart->runs, &bytes),
		  device > 0 ? all * 1e-9 / chart->runs / device : 0);
}

static void draw_title(struct picture *picture)
{
	const struct dh_device_info *device = picture->device;
	const struct chart *chart = picture->chart;
	const char *what = picture->recurrent ? "sequence" : "run";
	char runs[64];

	snprintf(runs, sizeof(runs), "one %s", what);
	picture->y = 30;
	svg_name(&picture->svg, "title", SVG_START, PICTURE_MARGIN, picture->y, picture->program,
		 80);
	if (chart->runs > 1)
		snprintf(runs, sizeof(runs), "mean of %" PRIu64 " %ss", chart->runs, what);
	svg_text(&picture->svg, "dim", SVG_START, PICTURE_MARGIN, picture->y += 21,
		 "device %.40s, profile %s at %g MHz; %s", device->name, device->profile,
		 device->clock_hz / 1e6, runs);
	if (picture->cost->jobs)
		draw_sums(picture);
}

int picture_save(struct picture *picture, const char *path, struct dh_error *err)
{
	int ret = svg_init(&picture->svg, PICTURE_WIDTH, err);

	if (ret)
		return ret;
	draw_title(picture);
	picture_time(picture);
	picture_work(picture);
	picture_steps(picture);
	picture->svg.height = picture->y + 16;
	ret = svg_save(&picture->svg, path, picture->program, style, err);
	svg_fini(&picture->svg);
	return ret;
}
