// SPDX-License-Identifier: MIT
/* Text made fit to be shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void dh_text_clean(char *text)
{
	for (; text && *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

json_t *dh_text_json(const char *text)
{
	char *latin, *at;
	json_t *value;

	errno = 0;
	value = json_string(text);
	if (value || errno == ENOMEM)
		return value;
	latin = at = malloc(2 * strlen(text) + 1);
	if (!latin)
		return NULL;
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (*s >= 0x80)
			*at++ = 0xc0 | *s >> 6;
		*at++ = *s >= 0x80 ? 0x80 | (*s & 0x3f) : *s;
	}
	*at = '\0';
	value = json_string(latin);
	free(latin);
	return value;
}
