// SPDX-License-Identifier: MIT
/* A network of parts with its input, on a device. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool/parts.h"
#include "tool/tool.h"

#define THETA_MAX 511

/* What only a recurrent network has. */
static int check_arguments(const struct run_arguments *args, struct dh_error *err)
{
	const char *what = args->lengths ? "--lengths" : args->streams ? "--batch" : NULL;

	if (!what)
		return EXIT_OK;
	dh_error_set(err, "%s: %s is for networks that are recurrent as a whole: leave it out",
		     args->program, what);
	return tool_fail(EXIT_USAGE, err);
}

static int load(struct parts *run, const struct run_arguments *args, struct dh_error *err)
{
	int ret = dh_network_load(args->program, &run->network, err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	/* A recording is no file of samples. */
	if (!args->recording &&
	    samples_load(&run->samples, run->network, &args->inputs, &args->media, err))
		return tool_fail(EXIT_FAILED, err);
	return EXIT_OK;
}

static int place(struct parts *run, const struct run_arguments *args, struct dh_error *err)
{
	const struct dh_instance_options options = { .size = sizeof(options),
						     .priority = 1,
						     .profile = true,
						     .profile_steps = args->profile_steps };
	int ret = run_open_device(args, &run->device, err);

	if (ret)
		return ret;
	ret = dh_device_get_info(run->device, &run->info, err);
	if (!ret)
		ret = dh_session_create(run->device, run->network, &options, &run->session, err);
	if (!ret)
		ret = net_cost_init(&run->cost, run->network, err);
	return ret ? tool_fail(tool_status(ret), err) : EXIT_OK;
}

/* A whole number, for all recurrent layers; not given: as the network was compiled. */
static int read_theta(const char *name, const char *text, int *theta, struct dh_error *err)
{
	char *end;
	long value;

	*theta = DH_THETA_KEEP;
	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value > THETA_MAX) {
		dh_error_set(err,
			     "%s %s: give a whole number from 0 to %d (in 1/256) for all recurrent "
			     "layers; compile sets those of single ones",
			     name, text, THETA_MAX);
		return -EINVAL;
	}
	*theta = value;
	return 0;
}

static int set_recurrent(struct parts *run, const struct run_arguments *args, struct dh_error *err)
{
	int theta_x, theta_h;
	int ret = read_theta("--theta-x", args->theta_x, &theta_x, err);

	if (!ret)
		ret = read_theta("--theta-h", args->theta_h, &theta_h, err);
	if (!ret && (args->theta_x || args->theta_h))
		ret = dh_session_set_theta(run->session, theta_x, theta_h, err);
	if (!ret && args->keep_state)
		ret = dh_session_keep_states(run->session, true, err);
	return ret ? tool_fail(EXIT_USAGE, err) : EXIT_OK;
}

int parts_open(struct parts *run, const struct run_arguments *args, struct dh_error *err)
{
	int ret = check_arguments(args, err);

	memset(run, 0, sizeof(*run));
	run->args = args;
	run->info.size = sizeof(run->info);
	if (!ret)
		ret = load(run, args, err);
	if (!ret)
		ret = place(run, args, err);
	if (!ret)
		ret = set_recurrent(run, args, err);
	return ret;
}

int parts_run(struct parts *run, struct results *results, struct dh_error *err)
{
	int ret = net_runner_run(run->session, &run->samples, results, &run->cost, err);

	return ret ? tool_fail(tool_status(ret), err) : run_end_trace(run->args, run->device, err);
}

void parts_warn_of_input(const struct parts *run)
{
	if (run->cost.cost.clipped)
		tool_warn(
			"%s: %" PRIu64 " values were out of the range of their scale and became "
			"the nearest one in range: compile with --calibration that has such values",
			run->args->program, run->cost.cost.clipped);
}

void parts_close(struct parts *run)
{
	net_cost_fini(&run->cost);
	dh_session_destroy(run->session);
	dh_device_close(run->device);
	if (run->samples.network)
		samples_free(&run->samples);
	dh_network_free(run->network);
}
