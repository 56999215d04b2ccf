/* SPDX-License-Identifier: MIT */
/*
 * What a convolution layer would take if no value of its maps were 0: Documentation/hardware-conv.rst,
 * "Timing".
 */
#ifndef DELTAHOP_CONV_DENSE_H
#define DELTAHOP_CONV_DENSE_H

#include <drm/deltahop_accel.h>

#include "program/program.h"

/** dh_conv_dense_cycles() - cycles of all commands of a layer of a program on a device */
uint64_t dh_conv_dense_cycles(const struct drm_deltahop_device_info *hw,
			      const struct dh_program *program, const struct dh_program_conv *conv);

/** dh_conv_dense_pixels() - values that they take */
uint64_t dh_conv_dense_pixels(const struct dh_program *program, const struct dh_program_conv *conv);

#endif /* DELTAHOP_CONV_DENSE_H */
