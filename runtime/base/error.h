/* SPDX-License-Identifier: MIT */
/*
 * A sentence that says what went wrong. Functions return a negative errno, and fill this when the caller gave one.
 */
#ifndef DELTAHOP_ERROR_H
#define DELTAHOP_ERROR_H

#include "deltahop.h"

/**
 * dh_error_set() - write the sentence
 * @err: may be NULL: then nothing happens
 * @fmt: as for printf(); a text that is too long ends in "..."
 */
void dh_error_set(struct dh_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* DELTAHOP_ERROR_H */
