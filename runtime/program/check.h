/* SPDX-License-Identifier: MIT */
/*
 * What the files that check programs share.
 */
#ifndef DELTAHOP_CHECK_H
#define DELTAHOP_CHECK_H

#include "program/program.h"

/* Largest scale, either way. */
#define DH_CHECK_MAX_SCALE 64

/** dh_program_wrong() - "program is damaged: ...; compile it again"; returns -EINVAL */
int dh_program_wrong(struct dh_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * dh_program_take_layers() - what the layers are, from the commands at their offsets; anything odd is
 * found by dh_program_check()
 */
void dh_program_take_layers(struct dh_program *program);

/** dh_program_check_need() - has a device with @limits what the program needs? */
int dh_program_check_need(const struct dh_program *program, const struct dh_cmd_limits *limits,
			  struct dh_error *err);

/**
 * dh_program_check_rnn_parts() - has a program of the recurrent engine all its parts, in numbers that
 * are possible?
 */
int dh_program_check_rnn_parts(const struct dh_program *program, struct dh_error *err);

/** dh_program_check_rnn() - and do they fit its commands, which are valid? */
int dh_program_check_rnn(const struct dh_program *program, const struct dh_cmd_limits *limits,
			 struct dh_error *err);

/** dh_program_check_conv_parts() - as above, of the convolution engine */
int dh_program_check_conv_parts(const struct dh_program *program, struct dh_error *err);

/** dh_program_check_conv() - likewise */
int dh_program_check_conv(const struct dh_program *program, const struct dh_cmd_limits *limits,
			  struct dh_error *err);

#endif /* DELTAHOP_CHECK_H */
