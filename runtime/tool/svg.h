/* SPDX-License-Identifier: MIT */
/*
 * Shapes and text of an SVG picture. All text is in a font whose letters have the same width, so that its
 * length is known.
 */
#ifndef DELTAHOP_SVG_H
#define DELTAHOP_SVG_H

#include <stddef.h>
#include <stdio.h>

struct dh_error;

/* Of a letter of text of a size. */
#define SVG_LETTER(size) ((size)*0.61)

/** struct svg - a picture that grows downwards */
struct svg {
	FILE *out;
	char *text;
	size_t size;
	double width;
	double height;
};

/** enum svg_anchor - where in the text x is */
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/** svg_init() - an empty picture; 0 or -ENOMEM */
int svg_init(struct svg *svg, double width, struct dh_error *err);

/** svg_rect() - a rectangle; @class: of svg_style */
void svg_rect(struct svg *svg, const char *class, double x, double y, double width, double height);

/** svg_line() - a line */
void svg_line(struct svg *svg, const char *class, double x1, double y1, double x2, double y2);

/** svg_text() - a line of text, y is its base line */
void svg_text(struct svg *svg, const char *class, enum svg_anchor anchor, double x, double y,
	      const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/** svg_name() - the end of a name, if it has more than @letters; what XML does not allow becomes "?" */
void svg_name(struct svg *svg, const char *class, enum svg_anchor anchor, double x, double y,
	      const char *name, size_t letters);

/** svg_group() - begin a group with these attributes, or NULL; it is named @title when pointed at */
void svg_group(struct svg *svg, const char *title, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** svg_end_group() - end it */
void svg_end_group(struct svg *svg);

/**
 * svg_save() - write the picture to a file
 * @style: CSS
 *
 * Return: 0 or a negative errno.
 */
int svg_save(struct svg *svg, const char *path, const char *title, const char *style,
	     struct dh_error *err);

/** svg_fini() - free it */
void svg_fini(struct svg *svg);

#endif /* DELTAHOP_SVG_H */
