/* SPDX-License-Identifier: MIT */
/*
 * Biases and kernels as the engine reads them.
 */
#ifndef DELTAHOP_WEIGHTS_H
#define DELTAHOP_WEIGHTS_H

#include "map/plan.h"

/**
 * dh_weights_conv() - write those of a pass
 * @form: the CONV_LAYER
 * @first_map: output map of the layer that is the first of the pass
 * @maps: of the pass
 * @at: zeroed, dh_conv_weight_bytes() bytes
 */
void dh_weights_conv(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		     const struct dh_piece *piece, const struct dh_conv_layer *form,
		     uint32_t first_map, uint32_t maps, uint8_t *at);

/** dh_weights_dense() - likewise of a CONV_FC, dh_conv_fc_weight_bytes() bytes */
void dh_weights_dense(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		      uint32_t first_map, uint32_t maps, uint8_t *at);

#endif /* DELTAHOP_WEIGHTS_H */
