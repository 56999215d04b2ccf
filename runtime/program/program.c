// SPDX-License-Identifier: MIT
/* A compiled network: is it consistent, and does it fit a device? */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/check.h"

static void free_maps(struct dh_program_map *maps, uint32_t count)
{
	for (uint32_t i = 0; maps && i < count; i++) {
		free(maps[i].name);
		free(maps[i].groups);
	}
	free(maps);
}

static void free_layers(struct dh_program *program)
{
	uint32_t i;

	for (i = 0; program->layers && i < program->layer_count; i++) {
		free(program->layers[i].node);
		free(program->layers[i].op);
	}
	free(program->layers);
	for (i = 0; program->convs && i < program->conv_count; i++) {
		free(program->convs[i].node);
		free(program->convs[i].op);
	}
	free(program->convs);
}

void dh_program_free(struct dh_program *program)
{
	if (!program)
		return;
	free_layers(program);
	free_maps(program->inputs, program->input_count);
	free_maps(program->outputs, program->output_count);
	free(program->runs);
	free(program->input.name);
	free(program->output.name);
	free(program->commands.data);
	free(program->weights.data);
	free(program->state_template.data);
	free(program->name);
	free(program->profile);
	free(program);
}

const char *dh_region_name(uint32_t region)
{
	static const char *const names[DH_REGION_COUNT] = {
		[DH_REGION_COMMANDS] = "commands", [DH_REGION_WEIGHTS] = "weights",
		[DH_REGION_PARAMS] = "params",	   [DH_REGION_INPUT] = "input",
		[DH_REGION_OUTPUT] = "output",	   [DH_REGION_SCRATCH] = "scratch",
		[DH_REGION_PROFILE] = "profile",
	};

	return region < DH_REGION_COUNT ? names[region] : "?";
}

uint32_t dh_program_layers(const struct dh_program *program)
{
	return program->engine == DELTAHOP_ENGINE_CONV ? program->conv_count : program->layer_count;
}

int dh_program_check_abi(const struct dh_program *program, unsigned int major, unsigned int minor,
			 struct dh_error *err)
{
	if (program->abi_major == major && program->abi_minor <= minor)
		return 0;
	dh_error_set(err,
		     "program %s was compiled for hardware interface %u.%u, the device has %u.%u; "
		     "compile it again for this device",
		     program->name, program->abi_major, program->abi_minor, major, minor);
	return -EOPNOTSUPP;
}

/* --- is it consistent? --- */

int dh_program_wrong(struct dh_error *err, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dh_error_set(err, "program is damaged: %s; compile it again", text);
	return -EINVAL;
}

static int check_parts(const struct dh_program *program, struct dh_error *err)
{
	if (!program->name || !program->profile)
		return dh_program_wrong(err, "a name is missing");
	if (!program->commands.data)
		return dh_program_wrong(err, "it has no commands");
	if (program->engine == DELTAHOP_ENGINE_CONV)
		return dh_program_check_conv_parts(program, err);
	return dh_program_check_rnn_parts(program, err);
}

static const char *node_at(const struct dh_program *program, size_t offset)
{
	uint32_t i;

	for (i = 0; i < program->layer_count; i++) {
		if (program->layers[i].cmd_offset == offset)
			return program->layers[i].node;
	}
	for (i = 0; i < program->conv_count; i++) {
		if (program->convs[i].cmd_offset <= offset && offset < program->convs[i].cmd_end)
			return program->convs[i].node;
	}
	return "no layer";
}

static int validate(const struct dh_program *program, const struct dh_cmd_limits *limits,
		    struct dh_error *err)
{
	size_t offset;
	enum deltahop_reason reason = dh_cmd_validate(
		program->commands.data, program->commands.size, program->engine, limits, &offset);

	if (!reason)
		return 0;
	dh_error_set(err,
		     "program %s: the command at offset %zu (%.100s) is refused: %s; compile it "
		     "for this device",
		     program->name, offset, node_at(program, offset), dh_reason_text(reason));
	return -EOPNOTSUPP;
}

int dh_program_check(const struct dh_program *program, const struct dh_cmd_limits *limits,
		     struct dh_error *err)
{
	int ret = check_parts(program, err);

	if (!ret)
		ret = dh_program_check_need(program, limits, err);
	if (!ret)
		ret = validate(program, limits, err);
	if (ret)
		return ret;
	return program->engine == DELTAHOP_ENGINE_CONV ? dh_program_check_conv(program, limits, err)
						       : dh_program_check_rnn(program, limits, err);
}
