// SPDX-License-Identifier: MIT
/* JSON that is complete or not there. */
#include "base/json.h"

static void drop(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

void dh_json_set(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value))
		drop(object);
}

void dh_json_append(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value))
		drop(array);
}
