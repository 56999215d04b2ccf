/* SPDX-License-Identifier: MIT */
/*
 * Numbers and names in the columns of a table.
 */
#ifndef DELTAHOP_FORMAT_H
#define DELTAHOP_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of tables. */
#define FORMAT_WIDTH 98

/** struct format - room for the text of a column */
struct format {
	char text[24];
};

/** format_amount() - four digits or so and a decimal prefix */
const char *format_amount(double value, struct format *format);

/** format_percent() - of @whole, "-" if that is 0 */
const char *format_percent(uint64_t part, uint64_t whole, struct format *format);

/** format_ratio() - "2.34x" of @a over @b, "-" if @b is 0 or it is not @wanted */
const char *format_ratio(uint64_t a, uint64_t b, bool wanted, struct format *format);

/** format_name() - the last 14 characters, which say more than the first ones; or "(no name)" */
const char *format_name(const char *name);

/** format_rule() - print a line across the table */
void format_rule(void);

#endif /* DELTAHOP_FORMAT_H */
