// SPDX-License-Identifier: MIT
/* The compiler's face in the public header: files in, program or network out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "deltahop_model.h"
#include "execute/backend.h"

static int load(const char *path, struct dh_array *array, const struct dh_array **used,
		struct dh_error *err)
{
	int ret = path ? dh_npy_load(path, array, err) : 0;

	*used = path && !ret ? array : NULL;
	return ret;
}

static bool theta_ok(int theta)
{
	return theta >= 0 && theta <= 511;
}

static int check_theta(const struct dh_compile_settings *settings, struct dh_error *err)
{
	if (theta_ok(settings->theta_x) && theta_ok(settings->theta_h))
		return 0;
	dh_error_set(err, "thresholds %d, %d: must be from 0 to 511, in 1/256 of the value",
		     settings->theta_x, settings->theta_h);
	return -ERANGE;
}

static struct dh_compile_settings copy_settings(const struct dh_compile_settings *settings)
{
	struct dh_compile_settings full = { 0 };

	if (settings)
		memcpy(&full, settings,
		       settings->size < sizeof(full) ? settings->size : sizeof(full));
	return full;
}

int dh_program_compile(const char *onnx, const struct dh_compile_settings *settings,
		       struct dh_program **program, struct dh_error *err)
{
	struct dh_compile_settings full = copy_settings(settings);
	struct dh_compile_options options = { 0 };
	struct dh_array calibration = { 0 }, lengths = { 0 };
	struct dh_cmd_limits limits;
	int ret;

	*program = NULL;
	ret = check_theta(&full, err);
	if (ret)
		return ret;
	options.profile = full.profile;
	options.theta_x = full.theta_x;
	options.theta_h = full.theta_h;
	if (full.device) {
		limits = dh_device_limits(full.device);
		options.limits = &limits;
		options.profile = dh_profile_name(full.device->hw.profile);
	}
	ret = load(full.calibration, &calibration, &options.calibration, err);
	if (!ret)
		ret = load(full.lengths, &lengths, &options.lengths, err);
	if (!ret)
		ret = dh_compile(onnx, &options, program, NULL, err);
	dh_array_free(&calibration);
	dh_array_free(&lengths);
	return ret;
}

/* --- networks of several parts ------------------------------------------------------ */

/** struct data - calibration data out of files */
struct data {
	struct dh_array *arrays;
	struct dh_map_data *inputs;
	size_t count;
};

static void free_data(struct data *data)
{
	for (size_t i = 0; data->arrays && i < data->count; i++)
		dh_array_free(&data->arrays[i]);
	free(data->arrays);
	free(data->inputs);
}

static int load_data(const struct dh_compile_settings *settings, struct data *data,
		     struct dh_error *err)
{
	const struct dh_input_file single = { NULL, settings->calibration };
	const struct dh_input_file *files = settings->input_count ? settings->inputs : &single;
	size_t count = settings->input_count ? settings->input_count : !!settings->calibration;
	int ret = 0;

	data->arrays = calloc(count + 1, sizeof(*data->arrays));
	data->inputs = calloc(count + 1, sizeof(*data->inputs));
	if (!data->arrays || !data->inputs) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	for (; !ret && data->count < count; data->count++) {
		size_t i = data->count;

		data->inputs[i] = (struct dh_map_data){ files[i].name, &data->arrays[i] };
		ret = dh_npy_load(files[i].path, &data->arrays[i], err);
	}
	return ret;
}

int dh_network_compile(const char *onnx, const struct dh_compile_settings *settings,
		       struct dh_network **network, struct dh_error *err)
{
	struct dh_compile_settings full = copy_settings(settings);
	struct dh_front_options options = { .profile = full.profile };
	struct dh_cmd_limits limits;
	struct data data = { 0 };
	int ret;

	*network = NULL;
	if (full.lengths || (full.weights && full.weights != 8 && full.weights != 16)) {
		dh_error_set(err, "lengths are for recurrent networks, and weights have 8 or 16 "
				  "bits, 0 for either");
		return -ERANGE;
	}
	ret = check_theta(&full, err);
	if (ret)
		return ret;
	options.theta_x = full.theta_x;
	options.theta_h = full.theta_h;
	options.weights = full.weights == 8    ? DH_WEIGHTS_8
			  : full.weights == 16 ? DH_WEIGHTS_16
					       : DH_WEIGHTS_AUTO;
	if (full.device)
		dh_front_device(full.device, &limits, &options);
	ret = load_data(&full, &data, err);
	options.calibration = data.inputs;
	options.calibration_count = data.count;
	if (!ret)
		ret = dh_front_network(onnx, &options, network, err);
	free_data(&data);
	return ret;
}
