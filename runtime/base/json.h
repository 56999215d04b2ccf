/* SPDX-License-Identifier: MIT */
/*
 * JSON that is complete or not there: what cannot be made or added makes the whole NULL.
 */
#ifndef DELTAHOP_JSON_H
#define DELTAHOP_JSON_H

#include <jansson.h>

/**
 * dh_json_set() - add a member to an object
 * @object: becomes NULL if it or @value is, or if memory runs out
 * @value: taken over in any case
 */
void dh_json_set(json_t **object, const char *key, json_t *value);

/** dh_json_append() - likewise, an element to an array */
void dh_json_append(json_t **array, json_t *value);

#endif /* DELTAHOP_JSON_H */
