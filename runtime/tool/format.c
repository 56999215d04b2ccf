// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "tool/format.h"

#define NAME_WIDTH 14

const char *format_amount(double value, struct format *format)
{
	static const char prefixes[] = " kMGT";
	unsigned int i = 0;

	while (value >= 9999.5 && prefixes[i + 1]) {
		value /= 1000;
		i++;
	}
	if (!i)
		snprintf(format->text, sizeof(format->text), "%.0f", value);
	else
		snprintf(format->text, sizeof(format->text),
			 value < 99.995	  ? "%.2f%c"
			 : value < 999.95 ? "%.1f%c"
					  : "%.0f%c",
			 value, prefixes[i]);
	return format->text;
}

const char *format_percent(uint64_t part, uint64_t whole, struct format *format)
{
	double percent = whole ? 100.0 * part / whole : 0;

	if (!whole)
		snprintf(format->text, sizeof(format->text), "-");
	else
		snprintf(format->text, sizeof(format->text), percent < 99.95 ? "%.1f%%" : "%.0f%%",
			 percent);
	return format->text;
}

const char *format_ratio(uint64_t a, uint64_t b, bool wanted, struct format *format)
{
	if (wanted && b)
		snprintf(format->text, sizeof(format->text), "%.2fx", (double)a / b);
	else
		snprintf(format->text, sizeof(format->text), "-");
	return format->text;
}

const char *format_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return "(no name)";
	return len > NAME_WIDTH ? name + len - NAME_WIDTH : name;
}

void format_rule(void)
{
	for (int i = 0; i < FORMAT_WIDTH; i++)
		putchar('-');
	putchar('\n');
}
