// SPDX-License-Identifier: MIT
/* What the sections of a program file hold. */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "program/check.h"
#include "program/container.h"

/* --- both engines --- */

static void code_tensor(struct dh_codec *codec, struct dh_program_tensor *tensor)
{
	dh_code_text(codec, &tensor->name);
	dh_code_u32(codec, &tensor->elements);
	dh_code_u32(codec, &tensor->padded);
	dh_code_i32(codec, &tensor->scale_exp);
	dh_code_bool(codec, &tensor->per_step);
	dh_code_u32(codec, &tensor->rank);
	dh_code_i32(codec, &tensor->batch_axis);
	dh_code_i32(codec, &tensor->step_axis);
}

static void code_about(struct dh_codec *codec, struct dh_program *program)
{
	dh_code_text(codec, &program->name);
	dh_code_text(codec, &program->profile);
	dh_code_u16(codec, &program->abi_major);
	dh_code_u16(codec, &program->abi_minor);
	dh_code_u64(codec, &program->need.caps);
	dh_code_u32(codec, &program->need.slots);
	dh_code_u32(codec, &program->need.max_inputs);
	dh_code_u32(codec, &program->need.max_hidden);
	dh_code_u32(codec, &program->need.state_bytes);
	dh_code_u32(codec, &program->state_bytes);
	dh_code_u32(codec, &program->scratch_bytes);
	dh_code_u32(codec, &program->fixed_steps);
	dh_code_u32(codec, &program->batch);
	dh_code_as_u32(codec, program->host_op);
	code_tensor(codec, &program->input);
	code_tensor(codec, &program->output);
}

/* --- recurrent engine --- */

/* The layer itself is read from its command, see dh_program_take_layers(). */
static void code_layer(struct dh_codec *codec, struct dh_program_layer *layer)
{
	dh_code_u32(codec, &layer->cmd_offset);
	dh_code_u32(codec, &layer->run);
	dh_code_u32(codec, &layer->real_inputs);
	dh_code_u32(codec, &layer->real_hidden);
	dh_code_i16(codec, &layer->theta_x);
	dh_code_i16(codec, &layer->theta_h);
	dh_code_text(codec, &layer->node);
	dh_code_text(codec, &layer->op);
}

static void code_layers(struct dh_codec *codec, struct dh_program *program)
{
	if (!dh_code_array(codec, &program->layer_count, DH_PROGRAM_MAX_LAYERS,
			   sizeof(*program->layers), &program->layers))
		return;
	for (uint32_t i = 0; i < program->layer_count; i++)
		code_layer(codec, &program->layers[i]);
}

static void code_run(struct dh_codec *codec, struct dh_program_run *run)
{
	dh_code_u32(codec, &run->cmd_offset);
	dh_code_as_u32(codec, run->steps);
	dh_code_u32(codec, &run->params_offset);
	dh_code_u32(codec, &run->input_stride);
	dh_code_u32(codec, &run->output_stride);
	dh_code_as_u32(codec, run->first);
	dh_code_as_u32(codec, run->count);
}

static void code_runs(struct dh_codec *codec, struct dh_program *program)
{
	if (!dh_code_array(codec, &program->run_count, DH_PROGRAM_MAX_LAYERS,
			   sizeof(*program->runs), &program->runs))
		return;
	for (uint32_t i = 0; i < program->run_count; i++)
		code_run(codec, &program->runs[i]);
}

static void code_range(struct dh_codec *codec, struct dh_program *program)
{
	dh_code_as_u32(codec, program->input_range);
	dh_code_u32(codec, &program->input_limit);
}

/* --- convolution engine --- */

static void code_map(struct dh_codec *codec, struct dh_program_map *map)
{
	dh_code_text(codec, &map->name);
	dh_code_u32(codec, &map->rows);
	dh_code_u32(codec, &map->cols);
	dh_code_u32(codec, &map->channels);
	dh_code_i32(codec, &map->scale_exp);
	dh_code_bool(codec, &map->encoded);
	if (!dh_code_array(codec, &map->group_count, DH_PROGRAM_MAX_GROUPS, sizeof(*map->groups),
			   &map->groups))
		return;
	for (uint32_t i = 0; i < map->group_count; i++) {
		dh_code_u32(codec, &map->groups[i].channels);
		dh_code_u32(codec, &map->groups[i].offset);
		dh_code_u32(codec, &map->groups[i].bytes);
	}
}

static void code_maps(struct dh_codec *codec, uint32_t *count, struct dh_program_map **maps)
{
	if (!dh_code_array(codec, count, DH_PROGRAM_MAX_MAPS, sizeof(**maps), maps))
		return;
	for (uint32_t i = 0; i < *count; i++)
		code_map(codec, &(*maps)[i]);
}

/* The layer itself is read from its command, see dh_program_take_layers(). */
static void code_convs(struct dh_codec *codec, struct dh_program *program)
{
	if (!dh_code_array(codec, &program->conv_count, DH_PROGRAM_MAX_CONVS,
			   sizeof(*program->convs), &program->convs))
		return;
	for (uint32_t i = 0; i < program->conv_count; i++) {
		struct dh_program_conv *conv = &program->convs[i];

		dh_code_u32(codec, &conv->cmd_offset);
		dh_code_u32(codec, &conv->cmd_end);
		dh_code_u32(codec, &conv->passes);
		dh_code_u32(codec, &conv->out_channels);
		dh_code_text(codec, &conv->node);
		dh_code_text(codec, &conv->op);
	}
}

static void code_conv(struct dh_codec *codec, struct dh_program *program)
{
	dh_code_u32(codec, &program->macs);
	dh_code_u32(codec, &program->need.conv_kernel_words);
	dh_code_u32(codec, &program->need.conv_store_bytes);
	dh_code_u32(codec, &program->need.conv_max_channels);
	dh_code_u32(codec, &program->need.conv_max_cols);
	dh_code_u32(codec, &program->need.conv_max_outputs);
	dh_code_bool(codec, &program->packed);
	code_maps(codec, &program->input_count, &program->inputs);
	code_maps(codec, &program->output_count, &program->outputs);
	code_convs(codec, program);
	if (!codec->reading)
		return;
	program->engine = DELTAHOP_ENGINE_CONV;
	program->need.conv_macs = program->macs;
}

/* --- the file --- */

static void code_section(struct dh_codec *codec, enum dh_section id, void *object)
{
	struct dh_program *program = object;

	switch (id) {
	case DH_SECTION_ABOUT:
		code_about(codec, program);
		break;
	case DH_SECTION_LAYERS:
		code_layers(codec, program);
		break;
	case DH_SECTION_RUNS:
		code_runs(codec, program);
		break;
	case DH_SECTION_COMMANDS:
		dh_code_blob(codec, &program->commands);
		break;
	case DH_SECTION_WEIGHTS:
		dh_code_blob(codec, &program->weights);
		break;
	case DH_SECTION_STATE:
		dh_code_blob(codec, &program->state_template);
		break;
	case DH_SECTION_RANGE:
		code_range(codec, program);
		break;
	case DH_SECTION_CONV:
		code_conv(codec, program);
		break;
	default:
		break;
	}
}

static const struct dh_container recurrent = {
	.major = 1,
	.minor = 1,
	.sections = (const enum dh_section[]){ DH_SECTION_ABOUT, DH_SECTION_LAYERS, DH_SECTION_RUNS,
					       DH_SECTION_COMMANDS, DH_SECTION_WEIGHTS,
					       DH_SECTION_STATE, DH_SECTION_RANGE, 0 },
	.code = code_section,
};

static const struct dh_container convolution = {
	.major = 2,
	.minor = 0,
	.sections = (const enum dh_section[]){ DH_SECTION_ABOUT, DH_SECTION_CONV,
					       DH_SECTION_COMMANDS, DH_SECTION_WEIGHTS, 0 },
	.code = code_section,
};

/* Nothing is changed while writing. */
void dh_program_write(const struct dh_program *program, struct dh_codec *file)
{
	dh_container_write(file,
			   program->engine == DELTAHOP_ENGINE_CONV ? &convolution : &recurrent,
			   (struct dh_program *)program);
}

int dh_program_save(const struct dh_program *program, const char *path, struct dh_error *err)
{
	struct dh_codec file = { 0 };
	int ret = -ENOMEM;

	dh_program_write(program, &file);
	if (file.failed)
		dh_error_set(err, "%s: cannot be written: out of memory", path);
	else
		ret = dh_file_write(path, file.data, file.size, err);
	free(file.data);
	return ret;
}

/* --- reading --- */

static int check_kind(const char *name, uint32_t seen, struct dh_error *err)
{
	if (!(seen & 1u << DH_SECTION_NETWORK))
		return 0;
	dh_error_set(err, "%s: a network of several parts, not a program for one engine", name);
	return -EOPNOTSUPP;
}

static int check_loaded(struct dh_program *program, const char *name, struct dh_error *err)
{
	struct dh_error why;
	int ret;

	if (program->abi_major != DELTAHOP_HW_ABI_MAJOR)
		return dh_program_check_abi(program, DELTAHOP_HW_ABI_MAJOR, DELTAHOP_HW_ABI_MINOR,
					    err);
	dh_program_take_layers(program);
	ret = dh_program_check(program, &program->need, &why);
	if (ret)
		dh_error_set(err, "%s: %s", name, why.text);
	return ret;
}

int dh_program_parse(const void *buf, size_t len, const char *name, struct dh_program **program,
		     struct dh_error *err)
{
	struct dh_program *p = calloc(1, sizeof(*p));
	uint32_t seen;
	int ret;

	*program = NULL;
	if (!p) {
		dh_error_set(err, "%s: out of memory", name);
		return -ENOMEM;
	}
	ret = dh_container_read(buf, len, name, code_section, p, &seen, err);
	if (!ret)
		ret = check_kind(name, seen, err);
	if (!ret)
		ret = check_loaded(p, name, err);
	if (ret)
		dh_program_free(p);
	else
		*program = p;
	return ret;
}

int dh_program_load(const char *path, struct dh_program **program, struct dh_error *err)
{
	uint8_t *buf;
	size_t len;
	int ret = dh_file_read(path, DH_CONTAINER_MAX, &buf, &len, err);

	*program = NULL;
	if (!ret)
		ret = dh_program_parse(buf, len, path, program, err);
	free(buf);
	if (ret || (*program)->engine == DELTAHOP_ENGINE_RNN)
		return ret;
	dh_error_set(err,
		     "%s: a program of the convolution engine, which has maps, not vectors: load "
		     "it as a network",
		     path);
	dh_program_free(*program);
	*program = NULL;
	return -EOPNOTSUPP;
}
