// SPDX-License-Identifier: MIT
/* The one error type of the runtime. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

void dh_error_set(struct dh_error *err, const char *fmt, ...)
{
	static const char cut[] = "...";
	va_list args;
	int len;

	if (!err)
		return;
	va_start(args, fmt);
	len = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (len < 0)
		err->text[0] = '\0';
	else if ((size_t)len >= sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - sizeof(cut), cut, sizeof(cut));
}
