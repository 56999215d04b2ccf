/* SPDX-License-Identifier: MIT */
/*
 * From event counts to the values of a frame.
 */
#ifndef DELTAHOP_NORMALISE_H
#define DELTAHOP_NORMALISE_H

#include "deltahop.h"

#define DH_FRAME_MAX_SIDE 1024
#define DH_FRAME_MAX_CLIP 1023

/** dh_normalise_clip() - the largest count that a normalisation takes, by default */
uint16_t dh_normalise_clip(enum dh_normalise how);

/**
 * dh_normalise() - normalise a frame
 * @counts: per pixel: events, or on minus off events with @polarity; none beyond @clip
 * @pixels: number of them, at most DH_FRAME_MAX_SIDE squared, twice
 * @clip: 1 .. DH_FRAME_MAX_CLIP
 * @q8: filled: 256 stands for 1.0
 * @values: filled
 */
void dh_normalise(enum dh_normalise how, const int32_t *counts, size_t pixels, uint16_t clip,
		  bool polarity, int16_t *q8, float *values);

#endif /* DELTAHOP_NORMALISE_H */
