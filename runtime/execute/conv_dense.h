/* SPDX-License-Identifier: MIT */
/*
 * What a convolution layer would take if no value of its maps were 0: Documentation/hardware-conv.rst,
 * "Timing".
 */
#ifndef DELTAHOP_CONV_DENSE_H
#define DELTAHOP_CONV_DENSE_H

#include <drm/deltahop_accel.h>

#include "program/program.h"

/**
 * dh_conv_dense_cycles() - cycles of all commands of a layer on a device, in a program that has been
 * checked; 0 or -ENOMEM
 */
int dh_conv_dense_cycles(const struct drm_deltahop_device_info *hw,
			 const struct dh_program *program, const struct dh_program_conv *conv,
			 uint64_t *cycles);

/** dh_conv_dense_pixels() - values that they take: one that several stripes take counts for each */
uint64_t dh_conv_dense_pixels(const struct dh_program *program, const struct dh_program_conv *conv);

#endif /* DELTAHOP_CONV_DENSE_H */
