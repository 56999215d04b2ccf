/* SPDX-License-Identifier: MIT */
/*
 * What single steps and passes cost, as a table and as JSON.
 */
#ifndef DELTAHOP_PROFILE_TABLE_H
#define DELTAHOP_PROFILE_TABLE_H

#include <jansson.h>

#include "tool/profile.h"
#include "tool/runner.h"

/**
 * profile_table_print() - for people
 * @cost: what the layers are called
 * @all: every step and pass; else many of them are folded into few rows
 */
void profile_table_print(const struct profile *profile, const struct cost *cost, bool all);

/** profile_table_json() - every step and pass, for machines */
json_t *profile_table_json(const struct profile *profile);

#endif /* DELTAHOP_PROFILE_TABLE_H */
