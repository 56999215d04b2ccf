// SPDX-License-Identifier: MIT
/* Runs a network on an embedded device. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deltahop.h"
#include "device.h"

struct device {
	const struct dh_network *network;
	struct dh_device *device;
	struct dh_session *session;
};

struct device *device_create(const struct dh_network *network)
{
	struct device *device = calloc(1, sizeof(*device));
	struct dh_error err;
	char spec[64];

	ck_assert_ptr_nonnull(device);
	device->network = network;
	snprintf(spec, sizeof(spec), "embedded:profile=%s", network->profile);
	ck_assert_msg(!dh_device_open(spec, &device->device, &err), "%s", err.text);
	ck_assert_msg(!dh_session_create(device->device, network, NULL, &device->session, &err),
		      "%s", err.text);
	return device;
}

void device_run(struct device *device, struct dh_net_run *run)
{
	const struct dh_network *network = device->network;
	struct dh_error err;

	for (uint32_t i = 0; i < network->input_count; i++)
		memcpy(dh_session_input(device->session, i),
		       dh_net_run_floats(run, network->inputs[i]),
		       dh_net_bytes(&network->net->tensors[network->inputs[i]]));
	ck_assert_msg(!dh_session_run(device->session, &err), "%s", err.text);
	for (uint32_t i = 0; i < network->output_count; i++)
		memcpy(dh_net_run_floats(run, network->outputs[i]),
		       dh_session_output(device->session, i),
		       dh_net_bytes(&network->net->tensors[network->outputs[i]]));
}

void device_destroy(struct device *device)
{
	dh_session_destroy(device->session);
	dh_device_close(device->device);
	free(device);
}
