// SPDX-License-Identifier: MIT
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tool/svg.h"

static const char *const anchors[] = {
	[SVG_START] = "start",
	[SVG_MIDDLE] = "middle",
	[SVG_END] = "end",
};

int svg_init(struct svg *svg, double width, struct dh_error *err)
{
	memset(svg, 0, sizeof(*svg));
	svg->width = width;
	svg->out = open_memstream(&svg->text, &svg->size);
	if (svg->out)
		return 0;
	dh_error_set(err, "out of memory");
	return -ENOMEM;
}

void svg_fini(struct svg *svg)
{
	if (svg->out)
		fclose(svg->out);
	free(svg->text);
}

/* --- text --------------------------------------------------------------------------- */

/* Is it UTF-8? jansson knows. */
static bool is_text(const char *name)
{
	json_t *json = json_string(name);

	json_decref(json);
	return json;
}

static void put_letter(FILE *out, unsigned char letter, bool utf8)
{
	if (letter < ' ' || letter == 127 || (letter > 127 && !utf8))
		fputc('?', out);
	else if (letter == '<')
		fputs("&lt;", out);
	else if (letter == '>')
		fputs("&gt;", out);
	else if (letter == '&')
		fputs("&amp;", out);
	else if (letter == '"')
		fputs("&quot;", out);
	else
		fputc(letter, out);
}

static void put(FILE *out, const char *text)
{
	bool utf8 = is_text(text);

	for (; *text; text++)
		put_letter(out, *text, utf8);
}

/* Letters, not bytes. */
static size_t length(const char *name)
{
	size_t letters = 0;

	for (; *name; name++)
		letters += ((unsigned char)*name & 0xc0) != 0x80;
	return letters;
}

static const char *tail(const char *name, size_t letters)
{
	size_t skip = length(name);

	for (skip = skip > letters ? skip - letters : 0; skip; skip--) {
		name++;
		while (((unsigned char)*name & 0xc0) == 0x80)
			name++;
	}
	return name;
}

static void begin_text(struct svg *svg, const char *class, enum svg_anchor anchor, double x,
		       double y)
{
	fprintf(svg->out, "<text class=\"%s\" x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\">", class, x,
		y, anchors[anchor]);
}

void svg_text(struct svg *svg, const char *class, enum svg_anchor anchor, double x, double y,
	      const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	begin_text(svg, class, anchor, x, y);
	put(svg->out, text);
	fputs("</text>\n", svg->out);
}

void svg_name(struct svg *svg, const char *class, enum svg_anchor anchor, double x, double y,
	      const char *name, size_t letters)
{
	const char *end = tail(name, letters);

	begin_text(svg, class, anchor, x, y);
	if (end != name)
		fputs("\xe2\x80\xa6", svg->out);
	put(svg->out, end == name ? name : tail(name, letters - 1));
	fputs("</text>\n", svg->out);
}

/* --- shapes ------------------------------------------------------------------------- */

void svg_rect(struct svg *svg, const char *class, double x, double y, double width, double height)
{
	fprintf(svg->out,
		"<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
		class, x, y, width, height);
}

void svg_line(struct svg *svg, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(svg->out, "<line class=\"%s\" x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\"/>\n",
		class, x1, y1, x2, y2);
}

void svg_group(struct svg *svg, const char *title, const char *fmt, ...)
{
	va_list args;

	fputs("<g ", svg->out);
	va_start(args, fmt);
	vfprintf(svg->out, fmt, args);
	va_end(args);
	fputs("><title>", svg->out);
	put(svg->out, title);
	fputs("</title>\n", svg->out);
}

void svg_end_group(struct svg *svg)
{
	fputs("</g>\n", svg->out);
}

/* --- the file ------------------------------------------------------------------------ */

static void write_all(const struct svg *svg, FILE *out, const char *title, const char *style)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>",
		svg->width, svg->height, svg->width, svg->height);
	put(out, title);
	fprintf(out, "</title>\n<style>\n%s</style>\n", style);
	fprintf(out, "<rect class=\"page\" width=\"%.0f\" height=\"%.0f\"/>\n", svg->width,
		svg->height);
	fwrite(svg->text, 1, svg->size, out);
	fputs("</svg>\n", out);
}

int svg_save(struct svg *svg, const char *path, const char *title, const char *style,
	     struct dh_error *err)
{
	bool whole = !fflush(svg->out) && !ferror(svg->out);
	FILE *out = whole ? fopen(path, "we") : NULL;
	bool failed = !out;

	if (!whole) {
		dh_error_set(err, "%s: cannot make the picture: out of memory", path);
		return -ENOMEM;
	}
	if (out) {
		write_all(svg, out, title, style);
		failed = ferror(out);
		failed |= fclose(out);
	}
	if (!failed)
		return 0;
	dh_error_set(err, "%s: cannot write: %s", path, strerror(errno));
	return -EIO;
}
