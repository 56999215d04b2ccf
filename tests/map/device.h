/* SPDX-License-Identifier: MIT */
/*
 * Runs a network on a device.
 */
#ifndef DELTAHOP_TEST_DEVICE_H
#define DELTAHOP_TEST_DEVICE_H

#include "network/net.h"
#include "network/network.h"

struct device;

/** device_create() - an embedded device of the network's profile with the network on it */
struct device *device_create(const struct dh_network *network);

/**
 * device_run() - run the network once
 * @run: holds the inputs; gets the outputs
 */
void device_run(struct device *device, struct dh_net_run *run);

/** device_destroy() - take it off again */
void device_destroy(struct device *device);

#endif /* DELTAHOP_TEST_DEVICE_H */
