/* SPDX-License-Identifier: MIT */
/*
 * The `deltahop` command: what its subcommands share.
 */
#ifndef DELTAHOP_TOOL_H
#define DELTAHOP_TOOL_H

#include <argp.h>
#include <jansson.h>

#include "base/npy.h"
#include "deltahop.h"
#include "program/program.h"

/* Exit status; told to the user by `deltahop --help`. */
#define EXIT_OK	     0
#define EXIT_FAILED  1 /* a file, or anything that is not below */
#define EXIT_USAGE   2
#define EXIT_REFUSED 3 /* the network or program cannot run on this device */
#define EXIT_DEVICE  4 /* no device, no access, a job failed */

int cmd_bench(int argc, char **argv);
int cmd_compile(int argc, char **argv);
int cmd_disasm(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_run(int argc, char **argv);

/** tool_parse() - argp for a subcommand; argv[0] becomes "deltahop NAME" */
void tool_parse(const struct argp *argp, int argc, char **argv, void *input);

/** tool_fail() - "deltahop: SENTENCE" on stderr; returns @status */
int tool_fail(int status, const struct dh_error *err);

/** tool_warn() - "deltahop: warning: ..." on stderr */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * tool_print_json() - on stdout or, with @path, into a file; takes the reference; an exit status
 */
int tool_print_json(json_t *json, const char *path);

/** tool_status() - exit status for a negative errno of the library */
int tool_status(int error);

/** tool_number() - a whole number from @min to @max, or argp_error() */
long tool_number(struct argp_state *state, const char *what, const char *text, long min, long max);

/** json_add() - json_object_set_new() that gives up when out of memory */
void json_add(json_t *object, const char *key, json_t *value);

/** json_append() - json_array_append_new(), likewise */
void json_append(json_t *array, json_t *value);

/** json_device() - what --json says of a device */
json_t *json_device(const struct dh_device_info *info);

/** tool_print_device() - a line on where things run */
void tool_print_device(const struct dh_device_info *info);

/** tool_seconds() - host clock */
double tool_seconds(void);

#endif /* DELTAHOP_TOOL_H */
