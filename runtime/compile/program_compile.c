// SPDX-License-Identifier: MIT
/* The compiler's face in the public header: files in, program out. */
#include <errno.h>
#include <string.h>

#include "compile/compile.h"
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

int dh_program_compile(const char *onnx, const struct dh_compile_settings *settings,
		       struct dh_program **program, struct dh_error *err)
{
	struct dh_compile_settings full = { 0 };
	struct dh_compile_options options = { 0 };
	struct dh_array calibration = { 0 }, lengths = { 0 };
	struct dh_cmd_limits limits;
	int ret;

	*program = NULL;
	if (settings)
		memcpy(&full, settings,
		       settings->size < sizeof(full) ? settings->size : sizeof(full));
	if (!theta_ok(full.theta_x) || !theta_ok(full.theta_h)) {
		dh_error_set(err, "thresholds %d, %d: must be from 0 to 511, in 1/256 of the value",
			     full.theta_x, full.theta_h);
		return -ERANGE;
	}
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
