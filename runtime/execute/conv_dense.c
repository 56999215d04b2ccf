// SPDX-License-Identifier: MIT
#include "execute/conv_dense.h"

uint64_t dh_conv_dense_cycles(const struct drm_deltahop_device_info *hw,
			      const struct dh_program *program, const struct dh_program_conv *conv)
{
	(void)hw;
	(void)program;
	(void)conv;
	return 0;
}

uint64_t dh_conv_dense_pixels(const struct dh_program *program, const struct dh_program_conv *conv)
{
	(void)program;
	(void)conv;
	return 0;
}
