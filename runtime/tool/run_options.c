// SPDX-License-Identifier: MIT
/* What `deltahop run` and `deltahop profile` have in common on the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/run.h"
#include "tool/tool.h"

#define STREAMS_MAX 1024

enum {
	KEY_LENGTHS = 512,
	KEY_THETA_X,
	KEY_THETA_H,
	KEY_STREAM,
	KEY_BATCH,
	KEY_DRAM_TRACE,
};

static const char device_help[] =
	"DEVICE is \"auto\" (the default: the first device node of the driver that can be opened, "
	"else the embedded model), a node such as /dev/accel/accel0, or \"embedded\", the model in "
	"this process, with options as in \"embedded:profile=edgedrnn,dram-n=2\":";

static const char exit_help[] = "Exit status: 0; 1 a file cannot be read or written, or does not "
				"fit; 2 wrong usage; 3 the program is not for this device; 4 no "
				"device, or a job failed: the sentence names ONNX node, command, "
				"region and offset.";

void run_add_file(struct argp_state *state, struct file_names *files, const char *what,
		  const char *text)
{
	if (files->count == SAMPLES_FILES_MAX)
		argp_error(state, "%s: at most %d times", what, SAMPLES_FILES_MAX);
	else
		files->text[files->count++] = text;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->media;
		return 0;
	case 'i':
		run_add_file(state, &args->inputs, "--input", arg);
		return 0;
	case 'd':
		args->device = arg;
		return 0;
	case KEY_LENGTHS:
		args->lengths = arg;
		return 0;
	case KEY_THETA_X:
		args->theta_x = arg;
		return 0;
	case KEY_THETA_H:
		args->theta_h = arg;
		return 0;
	case KEY_STREAM:
		args->keep_state = true;
		return 0;
	case KEY_BATCH:
		args->streams = tool_number(state, "--batch", arg, 1, STREAMS_MAX);
		return 0;
	case KEY_DRAM_TRACE:
		args->dram_trace = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->program)
			argp_error(state, "\"%s\": only one program can be run at a time", arg);
		args->program = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->program)
			argp_error(state,
				   "which program? Make a .dhp file with `deltahop compile` first");
		if (!args->inputs.count && !args->recording)
			argp_error(state, "--input is missing: give a .npy, PNG, WAV or FLAC file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "input", 'i', "[NAME=]FILE", 0,
	  "input: a .npy file, a PNG file or a directory of them, or a WAV or FLAC file; .npy: float32 or float64 (real values) or int16 (Q8.8: value * 256); of a network of "
	  "parts also uint8 (as they are), and with several inputs once for each, with its name",
	  0 },
	{ "lengths", KEY_LENGTHS, "L.npy", 0, "the input is sequences end to end, of these lengths",
	  0 },
	{ "device", 'd', "DEVICE", 0, "run here; see below", 0 },
	{ "dram-trace", KEY_DRAM_TRACE, "FILE", 0,
	  "of an embedded device: write a line for each burst on the DRAM channel: cycle, address, "
	  "bytes, read or write",
	  0 },
	{ "theta-x", KEY_THETA_X, "T", 0,
	  "threshold of input vectors in 1/256, 0..511: of all recurrent layers, or of single "
	  "layers, also dense ones, as in 0=8,2=16 (not of a network of parts)",
	  0 },
	{ "theta-h", KEY_THETA_H, "T", 0, "threshold of hidden vectors, given as --theta-x is", 0 },
	{ "stream", KEY_STREAM, NULL, 0,
	  "carry the state on from sequence to sequence, or from run to run, instead of starting anew",
	  0 },
	{ "batch", KEY_BATCH, "B", 0,
	  "B states: sequence i uses state i mod B (default: the network's batch size, or 1)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &media_options_argp, 0, "Images and sound as input:", 2 },
	{ 0 },
};

const struct argp run_argp = { .options = options, .parser = parse, .children = children };

int run_open_device(const struct run_arguments *args, struct dh_device **device,
		    struct dh_error *err)
{
	int ret = dh_device_open(args->device, device, err);

	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	if (args->dram_trace)
		ret = dh_device_trace_dram(*device, args->dram_trace, err);
	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_USAGE : EXIT_FAILED, err);
	return EXIT_OK;
}

int run_end_trace(const struct run_arguments *args, struct dh_device *device, struct dh_error *err)
{
	if (args->dram_trace && dh_device_trace_dram(device, NULL, err))
		return tool_fail(EXIT_FAILED, err);
	return EXIT_OK;
}

char *run_help(int key, const char *text, void *input)
{
	char *all;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	if (asprintf(&all, "%s\n\n%s\n%s", device_help, dh_device_options(), exit_help) < 0)
		return (char *)text;
	return all;
}
