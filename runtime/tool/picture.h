/* SPDX-License-Identifier: MIT */
/*
 * A profile as a picture: where time and DRAM bandwidth go.
 */
#ifndef DELTAHOP_PICTURE_H
#define DELTAHOP_PICTURE_H

#include "tool/chart.h"
#include "tool/profile.h"
#include "tool/svg.h"

/* Columns of the page: names, what is drawn, figures. */
#define PICTURE_WIDTH	1000.0
#define PICTURE_MARGIN	16.0
#define PICTURE_LEFT	190.0
#define PICTURE_PLOT	470.0
#define PICTURE_RIGHT	(PICTURE_LEFT + PICTURE_PLOT)
#define PICTURE_LETTERS 25
#define PICTURE_ROW	20.0

/**
 * struct picture - what is drawn
 * @net: NULL: a recurrent program
 * @program: its name
 * @steps: of a recurrent program, of all sequences
 */
struct picture {
	const struct chart *chart;
	const struct profile *profile;
	const struct cost *cost;
	const struct dh_device_info *device;
	const char *program;
	bool recurrent;
	struct svg svg;
	double y;
};

/** struct picture_key - an entry of a legend */
struct picture_key {
	const char *class;
	const char *text;
};

/** picture_save() - draw it into a file; 0 or a negative errno */
int picture_save(struct picture *picture, const char *path, struct dh_error *err);

/** picture_heading() - begin a panel; what it is, and the headings of the columns of figures */
void picture_heading(struct picture *picture, const char *what, const char *const columns[4]);

/** picture_figures() - the columns of figures of a row */
void picture_figures(struct picture *picture, double y, const char *const figures[4]);

/** picture_legend() - a line of keys; those without a class are left out */
void picture_legend(struct picture *picture, const struct picture_key *keys, size_t count);

/** picture_tick() - distance of the lines of an axis up to @most */
double picture_tick(double most);

/** picture_amount() - text of a line of an axis up to @most */
void picture_amount(char *text, size_t size, double value, double most);

/** picture_time() - panel: time by layer, and DRAM bandwidth over it */
void picture_time(struct picture *picture);

/** picture_work() - panel: dense work and work done */
void picture_work(struct picture *picture);

/** picture_steps() - panel: work of single steps, if there are any */
void picture_steps(struct picture *picture);

#endif /* DELTAHOP_PICTURE_H */
