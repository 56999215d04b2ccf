// SPDX-License-Identifier: MIT
/* deltahop disasm: show the commands of a program. */
#include <errno.h>
#include <stdio.h>

#include "network/network_disasm.h"
#include "program/disasm.h"
#include "tool/tool.h"

struct arguments {
	const char *program;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->program)
			argp_error(state, "\"%s\": only one program can be shown at a time", arg);
		args->program = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->program)
			argp_error(state, "which program? Give a .dhp file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = { { "json", 'j', NULL, 0, "print JSON", 0 }, { 0 } };

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PROGRAM.dhp",
	.doc = "Shows what a program needs and holds, and its commands with the ONNX nodes that "
	       "they come from.\vExit status: 0; 1 the file cannot be read or is damaged; 3 it is "
	       "for another version.",
};

static int show_network(const struct arguments *args)
{
	struct dh_network *network;
	struct dh_error err;
	json_t *json;
	int ret = dh_network_load(args->program, &network, &err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, &err);
	if (!args->json) {
		dh_network_disasm_print(network, stdout);
		dh_network_free(network);
		return EXIT_OK;
	}
	json = dh_network_disasm_json(network, true);
	dh_network_free(network);
	if (json)
		return tool_print_json(json, NULL);
	dh_error_set(&err, "%s: out of memory", args->program);
	return tool_fail(EXIT_FAILED, &err);
}

int cmd_disasm(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct dh_program *program;
	struct dh_error err;
	json_t *json;
	int ret;

	tool_parse(&argp, argc, argv, &args);
	if (dh_network_is_file(args.program))
		return show_network(&args);
	ret = dh_program_load(args.program, &program, &err);
	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, &err);
	if (!args.json) {
		dh_disasm_print(program, stdout);
		dh_program_free(program);
		return EXIT_OK;
	}
	json = dh_disasm_json(program);
	dh_program_free(program);
	if (json)
		return tool_print_json(json, NULL);
	dh_error_set(&err, "%s: out of memory", args.program);
	return tool_fail(EXIT_FAILED, &err);
}
