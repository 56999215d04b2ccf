/* SPDX-License-Identifier: MIT */
/*
 * A profile in the Chrome trace event format, which Perfetto and chrome://tracing open.
 */
#ifndef DELTAHOP_TRACE_H
#define DELTAHOP_TRACE_H

#include "tool/profile.h"
#include "tool/runner.h"

/**
 * trace_write() - write a file, of a profile that kept its slices
 * @cost: what the layers are called
 * @program: its name
 *
 * Return: 0 or a negative errno.
 */
int trace_write(const char *path, const struct profile *profile, const struct cost *cost,
		const struct dh_device_info *device, const char *program, struct dh_error *err);

#endif /* DELTAHOP_TRACE_H */
