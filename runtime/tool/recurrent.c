// SPDX-License-Identifier: MIT
/* A recurrent program with its input, on a device. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool/recurrent.h"
#include "tool/tool.h"

#define THETA_MAX 511

/* --- thresholds ------------------------------------------------------------------ */

static int bad_theta(const char *name, const char *text, uint32_t layers, struct dh_error *err)
{
	dh_error_set(err,
		     "%s %s: give a whole number from 0 to %d (in 1/256) for all recurrent layers, "
		     "or LAYER=NUMBER,... with layers 0 to %u",
		     name, text, THETA_MAX, layers - 1);
	return -EINVAL;
}

static bool read_number(const char **at, int most, int *value)
{
	char *end;
	long number = strtol(*at, &end, 10);

	if (**at < '0' || **at > '9' || number > most)
		return false;
	*value = number;
	*at = end;
	return true;
}

/* One entry, "0=8". */
static bool read_theta(const char **at, uint32_t layers, int *layer, int *value)
{
	if (!read_number(at, layers - 1, layer) || *(*at)++ != '=')
		return false;
	return read_number(at, THETA_MAX, value) && (!**at || **at == ',');
}

/* "8" for all recurrent layers, or "0=8,1=16". */
static int set_theta(struct dh_instance *instance, uint32_t layers, const char *name,
		     const char *text, bool is_x, struct dh_error *err)
{
	bool all = !strchr(text, '=');
	const char *at = text;
	int layer = -1, value, ret = 0;

	do {
		if (all ? !read_number(&at, THETA_MAX, &value) || *at
			: !read_theta(&at, layers, &layer, &value))
			return bad_theta(name, text, layers, err);
		ret = dh_instance_set_theta(instance, layer, is_x ? value : DH_THETA_KEEP,
					    is_x ? DH_THETA_KEEP : value, err);
	} while (!ret && *at++);
	return ret;
}

static bool is_recurrent(const struct dh_program *program)
{
	uint32_t i;

	for (i = 0; i < program->layer_count; i++)
		if (program->layers[i].layer.cell != DELTAHOP_CELL_DENSE)
			return true;
	return false;
}

/* A threshold that is for no layer is told. */
static void warn_of_theta(const struct recurrent *run, const char *name, const char *text)
{
	if (text && !strchr(text, '=') && !is_recurrent(run->program))
		tool_warn("%s %s is for recurrent layers, and %s has none: give those of its "
			  "layers, as in 0=8",
			  name, text, run->args->program);
}

static int set_thetas(const struct recurrent *run, struct dh_error *err)
{
	const struct run_arguments *args = run->args;
	uint32_t layers = run->program->layer_count;
	int ret = 0;

	if (args->theta_x)
		ret = set_theta(run->runner.instance, layers, "--theta-x", args->theta_x, true,
				err);
	if (!ret && args->theta_h)
		ret = set_theta(run->runner.instance, layers, "--theta-h", args->theta_h, false,
				err);
	if (!ret) {
		warn_of_theta(run, "--theta-x", args->theta_x);
		warn_of_theta(run, "--theta-h", args->theta_h);
	}
	return ret;
}

/* --- ready to run ------------------------------------------------------------------- */

static uint32_t stream_count(const struct recurrent *run)
{
	uint32_t streams = run->args->streams ? run->args->streams : run->program->batch;

	if (!streams)
		streams = 1;
	if (streams > run->seqs.count)
		streams = run->seqs.count;
	return streams;
}

int recurrent_open(struct recurrent *run, const struct run_arguments *args, struct dh_error *err)
{
	int ret;

	memset(run, 0, sizeof(*run));
	run->args = args;
	run->info.size = sizeof(run->info);
	ret = dh_program_load(args->program, &run->program, err);
	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	if (args->inputs.count > 1 || args->outputs.count > 1) {
		dh_error_set(err,
			     "%s: it has one input and one output: give --input and --output once",
			     args->program);
		return tool_fail(EXIT_USAGE, err);
	}
	if (sequences_load(&run->seqs, run->program, args->inputs.text[0], args->lengths,
			   &args->media, err))
		return tool_fail(EXIT_FAILED, err);
	ret = run_open_device(args, &run->device, err);
	if (ret)
		return ret;
	ret = dh_device_get_info(run->device, &run->info, err);
	if (!ret)
		ret = runner_init(&run->runner, run->device, run->program, stream_count(run),
				  run->seqs.max_steps, args->profile_steps, err);
	if (!ret)
		ret = cost_init(&run->cost, run->program->layer_count, err);
	if (ret)
		return tool_fail(tool_status(ret), err);
	ret = set_thetas(run, err);
	return ret ? tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_USAGE, err) : EXIT_OK;
}

int recurrent_run(struct recurrent *run, struct answers *answers, struct dh_error *err)
{
	int ret = runner_run(&run->runner, &run->seqs, run->args->keep_state, answers, &run->cost,
			     err);

	return ret ? tool_fail(tool_status(ret), err) : run_end_trace(run->args, run->device, err);
}

void recurrent_close(struct recurrent *run)
{
	cost_fini(&run->cost);
	runner_fini(&run->runner);
	dh_device_close(run->device);
	sequences_free(&run->seqs);
	dh_program_free(run->program);
}

/* Results that may be wrong are told. */
void recurrent_warn_of_input(const struct recurrent *run)
{
	const struct cost *cost = &run->cost;
	struct dh_tensor_info input = { .size = sizeof(input) };

	dh_program_input(run->program, &input);
	if (cost->clipped)
		tool_warn("%s: %" PRIu64 " values were out of the network's input range and became "
			  "the nearest one in range",
			  run->args->inputs.text[0], cost->clipped);
	if (cost->beyond)
		tool_warn("%s: %" PRIu64 " values, the largest %g, are beyond -%g..%g, the range "
			  "that the program was compiled for (%s): answers may be wrong; compile "
			  "with --calibration that has such values",
			  run->args->inputs.text[0], cost->beyond, cost->largest, input.limit,
			  input.limit,
			  run->program->input_range == DH_RANGE_CALIBRATED
				  ? "from its calibration data"
				  : "assumed, for there was no calibration data");
}
