// SPDX-License-Identifier: MIT
/* Finding and opening devices, and what they are. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libudev.h>

#include "deltahop_model.h"
#include "execute/backend.h"

#ifndef DELTAHOP_VERSION
#define DELTAHOP_VERSION "unknown"
#endif

#define EMBEDDED "embedded"

const char *dh_version(void)
{
	return DELTAHOP_VERSION;
}

/* Is this a node of the deltahop driver? Then copy its path. */
static bool node_of_driver(struct udev *udev, const char *syspath, char *path, size_t len)
{
	struct udev_device *node = udev_device_new_from_syspath(udev, syspath);
	struct udev_device *parent = node ? udev_device_get_parent(node) : NULL;
	const char *driver = parent ? udev_device_get_driver(parent) : NULL;
	const char *devnode = node ? udev_device_get_devnode(node) : NULL;
	bool ours = driver && devnode && !strcmp(driver, DELTAHOP_DRIVER_NAME);

	if (ours)
		snprintf(path, len, "%s", devnode);
	udev_device_unref(node);
	return ours;
}

/* Nodes that vanish while they are looked at are passed over; what else udev fails in is memory. */
static int find_node(struct udev *udev, struct udev_enumerate *list, unsigned int index, char *path,
		     size_t len)
{
	struct udev_list_entry *entry;

	if (udev_enumerate_add_match_subsystem(list, "accel") == -ENOMEM ||
	    udev_enumerate_scan_devices(list) == -ENOMEM)
		return -ENOMEM;
	errno = 0;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(list))
	{
		if (node_of_driver(udev, udev_list_entry_get_name(entry), path, len) &&
		    index-- == 0)
			return 0;
	}
	return errno == ENOMEM ? -ENOMEM : -ENOENT;
}

int dh_device_node(unsigned int index, char *path, size_t len)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *list = udev ? udev_enumerate_new(udev) : NULL;
	int ret = list ? find_node(udev, list, index, path, len) : -ENOMEM;

	udev_enumerate_unref(list);
	udev_unref(udev);
	return ret;
}

/* The first node that opens, else the model; keep the reason for the latter. */
static int open_auto(struct dh_device **device, struct dh_error *err)
{
	struct dh_error why;
	char path[128];
	unsigned int i;
	int ret = 0;

	dh_error_set(&why, "no device node of the " DELTAHOP_DRIVER_NAME " driver exists");
	for (i = 0; ret != -ENOMEM; i++) {
		ret = dh_device_node(i, path, sizeof(path));
		if (ret)
			break;
		ret = dh_kernel_open(path, device, &why);
		if (ret)
			continue;
		snprintf((*device)->why, sizeof((*device)->why),
			 "found by udev: the first node of the " DELTAHOP_DRIVER_NAME
			 " driver that can be opened");
		return 0;
	}
	if (ret == -ENOMEM) {
		dh_error_set(err, "devices cannot be looked for: out of memory");
		return ret;
	}
	ret = dh_embedded_open("", device, err);
	if (!ret)
		snprintf((*device)->why, sizeof((*device)->why),
			 "the model in this process: %.200s", why.text);
	return ret;
}

int dh_device_open(const char *spec, struct dh_device **device, struct dh_error *err)
{
	size_t len = strlen(EMBEDDED);
	int ret;

	*device = NULL;
	if (!spec || !strcmp(spec, "auto"))
		return open_auto(device, err);
	if (!strncmp(spec, EMBEDDED, len) && (!spec[len] || spec[len] == ':'))
		ret = dh_embedded_open(spec[len] ? spec + len + 1 : "", device, err);
	else if (strchr(spec, '/'))
		ret = dh_kernel_open(spec, device, err);
	else {
		dh_error_set(err,
			     "device \"%s\": not a device: give \"auto\", \"embedded\", "
			     "\"embedded:OPTION=VALUE,...\" or the path of a node such as "
			     "/dev/accel/accel0",
			     spec);
		return -EINVAL;
	}
	if (!ret)
		snprintf((*device)->why, sizeof((*device)->why), "asked for by name");
	return ret;
}

void dh_device_close(struct dh_device *device)
{
	if (device)
		device->backend->close(device);
}

int dh_device_query(struct dh_device *device, uint32_t id, void *data, uint32_t size)
{
	struct drm_deltahop_dev_query query = {
		.id = id,
		.size = size,
		.data = (uintptr_t)data,
	};

	memset(data, 0, size);
	return device->backend->ioctl(device, DRM_IOCTL_DELTAHOP_DEV_QUERY, &query);
}

struct dh_cmd_limits dh_device_limits(const struct dh_device *device)
{
	return (struct dh_cmd_limits){
		.caps = device->hw.caps,
		.slots = device->hw.rnn_slots,
		.max_inputs = device->hw.rnn_max_inputs,
		.max_hidden = device->hw.rnn_max_hidden,
		.state_bytes = device->hw.rnn_state_bytes,
		.conv_macs = device->hw.conv_macs,
		.conv_kernel_words = device->hw.conv_kernel_words,
		.conv_store_bytes = device->hw.conv_store_bytes,
		.conv_max_channels = device->hw.conv_max_channels,
		.conv_max_cols = device->hw.conv_max_cols,
		.conv_max_outputs = device->hw.conv_max_outputs,
	};
}

static void describe(const struct dh_device *device, struct dh_device_info *info)
{
	const struct drm_deltahop_device_info *hw = &device->hw;

	info->embedded = !strcmp(device->name, EMBEDDED);
	memcpy(info->why, device->why, sizeof(info->why));
	memcpy(info->name, device->name, sizeof(info->name));
	snprintf(info->profile, sizeof(info->profile), "%s", dh_profile_name(hw->profile));
	memcpy(info->driver, device->driver, sizeof(info->driver));
	info->caps = hw->caps;
	info->hw_abi = hw->hw_abi;
	info->engines = hw->engines;
	info->clock_hz = hw->clock_hz;
	info->card_size = hw->card_size;
	info->pes = hw->rnn_pes;
	info->slots = hw->rnn_slots;
	info->max_inputs = hw->rnn_max_inputs;
	info->max_hidden = hw->rnn_max_hidden;
	info->state_bytes = hw->rnn_state_bytes;
	info->beat_bytes = hw->dram_beat_bytes;
	info->dram_n = hw->dram_n;
	info->dram_l = hw->dram_l;
	info->dram_q = hw->dram_q;
	info->link_n = hw->link_n;
	info->link_l = hw->link_l;
	info->link_q = hw->link_q;
	info->max_jobs = hw->max_jobs;
	info->conv_macs = hw->conv_macs;
	info->conv_kernel_words = hw->conv_kernel_words;
	info->conv_store_bytes = hw->conv_store_bytes;
	info->conv_max_channels = hw->conv_max_channels;
	info->conv_max_cols = hw->conv_max_cols;
	info->conv_max_outputs = hw->conv_max_outputs;
	memcpy(info->dram, device->dram, sizeof(info->dram));
}

int dh_device_get_info(struct dh_device *device, struct dh_device_info *info, struct dh_error *err)
{
	struct dh_device_info full = { .size = info->size };
	struct drm_deltahop_priority_info priority;
	struct drm_deltahop_heap_info heap;
	struct drm_deltahop_time_info time;
	int ret;

	if (info->size < sizeof(info->size)) {
		dh_error_set(err, "dh_device_get_info: the structure's size is not set");
		return -EINVAL;
	}
	ret = dh_device_query(device, DRM_DELTAHOP_QUERY_HEAPS, &heap, sizeof(heap));
	if (!ret)
		ret = dh_device_query(device, DRM_DELTAHOP_QUERY_PRIORITIES, &priority,
				      sizeof(priority));
	if (!ret)
		ret = dh_device_query(device, DRM_DELTAHOP_QUERY_TIME, &time, sizeof(time));
	if (ret) {
		dh_error_set(err, "%s: the device does not answer: %s", device->name,
			     strerror(-ret));
		return ret;
	}
	describe(device, &full);
	full.card_free = heap.card_free;
	full.priorities = priority.allowed;
	full.device_ns = time.device_ns;
	full.monotonic_ns = time.monotonic_ns;
	memcpy(info, &full, info->size < sizeof(full) ? info->size : sizeof(full));
	return 0;
}

int64_t dh_deadline(int64_t timeout_ns)
{
	struct timespec now;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	return timeout_ns < 0 || timeout_ns > INT64_MAX - ns ? INT64_MAX : ns + timeout_ns;
}
