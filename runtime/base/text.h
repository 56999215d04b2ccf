/* SPDX-License-Identifier: MIT */
/*
 * Text out of files that nobody vouches for, made fit to be shown.
 */
#ifndef DELTAHOP_TEXT_H
#define DELTAHOP_TEXT_H

#include <jansson.h>

/** dh_text_clean() - replace control characters by question marks, in place; NULL is fine */
void dh_text_clean(char *text);

/** dh_text_json() - as a JSON string, or NULL; bytes that are no UTF-8 are taken as Latin-1 */
json_t *dh_text_json(const char *text);

#endif /* DELTAHOP_TEXT_H */
