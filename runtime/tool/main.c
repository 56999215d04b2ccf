// SPDX-License-Identifier: MIT
/* The `deltahop` command: picks the subcommand. */
#include <errno.h>
#include <error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/tool.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "info", cmd_info, "which devices there are, and what they can do" },
	{ "compile", cmd_compile,
	  "make a program (.dhp) from an ONNX file, and explain every node" },
	{ "run", cmd_run, "run a program on input from .npy files" },
	{ "profile", cmd_profile, "show where time and DRAM bandwidth go" },
	{ "bench", cmd_bench, "measure a program: host time, modelled time" },
	{ "disasm", cmd_disasm, "show the commands of a program" },
	{ "events", cmd_events, "read a recording of an event camera, make frames of it" },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void print_help(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: deltahop COMMAND [OPTION...] [FILE...]\n"
		     "Compiles neural networks, runs them on a DeltaHop accelerator or its model, "
		     "and shows what\n"
		     "was skipped and what it cost.\n\nCommands:\n");
	for (i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n`deltahop COMMAND --help` tells more. Every command takes --json.\n\n"
		     "Exit status: 0 all went well; 1 a file could not be read or written, or is "
		     "damaged; 2 wrong usage;\n"
		     "3 the network or program is refused; 4 no device, or it failed.\n");
}

/* What was printed must have arrived. */
static int finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "deltahop: standard output: cannot write: %s\n", strerror(errno));
	return status ? status : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i;

	argp_err_exit_status = EXIT_USAGE;
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return finish(commands[i].run(argc - 1, argv + 1));
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help(stdout);
		return EXIT_OK;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("deltahop %s\n", dh_version());
		return EXIT_OK;
	}
	if (argc > 1)
		fprintf(stderr, "deltahop: \"%s\": no such command: see `deltahop --help`\n", name);
	else
		print_help(stderr);
	return EXIT_USAGE;
}

/* --- what subcommands share -------------------------------------------------- */

void tool_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	char name[64];

	snprintf(name, sizeof(name), "deltahop %s", argv[0]);
	argv[0] = name;
	program_invocation_name = name;
	argp_parse(argp, argc, argv, 0, NULL, input);
	argv[0] = program_invocation_name = program_invocation_short_name;
}

int tool_fail(int status, const struct dh_error *err)
{
	fflush(stdout);
	fprintf(stderr, "deltahop: %s\n", err->text);
	return status;
}

void tool_warn(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "deltahop: warning: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int tool_print_json(json_t *json, const char *path)
{
	struct dh_error err;
	int ret;

	if (path)
		ret = json_dump_file(json, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	else
		ret = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ||
		      puts("") == EOF || fflush(stdout);
	json_decref(json);
	if (!ret)
		return EXIT_OK;
	dh_error_set(&err, "%s: cannot write: %s", path ? path : "standard output",
		     strerror(errno));
	return tool_fail(EXIT_FAILED, &err);
}

int tool_status(int error)
{
	switch (error) {
	case 0:
		return EXIT_OK;
	case -EOPNOTSUPP:
		return EXIT_REFUSED;
	case -ENODEV:
	case -ENOENT:
	case -EACCES:
	case -EPERM:
	case -EPROTO:
	case -EIO:
	case -EDQUOT:
	case -ETIME:
	case -ECANCELED:
	case -ENODATA:
	case -ENOSPC:
	case -ETIMEDOUT:
		return EXIT_DEVICE;
	default:
		return EXIT_FAILED;
	}
}

long tool_number(struct argp_state *state, const char *what, const char *text, long min, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 0);
	if (errno || end == text || *end || value < min || value > max)
		argp_error(state, "%s: \"%s\": must be a whole number from %ld to %ld", what, text,
			   min, max);
	return value;
}

static void json_failed(const char *what)
{
	fprintf(stderr,
		"deltahop: %s: cannot be written as JSON: out of memory, or not a number or UTF-8 "
		"text\n",
		what);
	exit(EXIT_FAILED);
}

void json_add(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		json_failed(key);
}

void json_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		json_failed("an element");
}

void tool_print_device(const struct dh_device_info *info)
{
	printf("device   %s (%s), profile %s at %g MHz\n", info->name, info->driver, info->profile,
	       info->clock_hz / 1e6);
}

double tool_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}
