// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers: who the device is, and start, stop, reset of device and rings.
 */
#include "deltahop_drv.h"

#include <linux/delay.h>
#include <linux/io.h>
#include <linux/iopoll.h>

#include <drm/drm_print.h>

/* A reset takes a microsecond; what needs that much longer will never end. */
#define DELTAHOP_RESET_TIMEOUT_US (100 * USEC_PER_MSEC)
#define DELTAHOP_RESET_POLL_US	  10

u32 deltahop_read(struct deltahop_device *ddev, u32 reg)
{
	return readl(ddev->regs + reg);
}

void deltahop_write(struct deltahop_device *ddev, u32 reg, u32 value)
{
	writel(value, ddev->regs + reg);
}

static u64 deltahop_read64(struct deltahop_device *ddev, u32 lo)
{
	u64 value = deltahop_read(ddev, lo);

	return value | (u64)deltahop_read(ddev, lo + 4) << 32;
}

static int deltahop_hw_check(struct deltahop_device *ddev)
{
	u32 id = deltahop_read(ddev, DELTAHOP_REG_ID);
	u32 abi = deltahop_read(ddev, DELTAHOP_REG_ABI);

	if (id != DELTAHOP_ID) {
		drm_err(&ddev->drm,
			"register 0 reads %#x, not %#x: no DeltaHop device, or it does not answer\n",
			id, DELTAHOP_ID);
		return -ENODEV;
	}
	if (abi >> 16 != DELTAHOP_HW_ABI_MAJOR) {
		drm_err(&ddev->drm,
			"device has hardware interface %u.%u, this driver knows %u.x: use a driver for it\n",
			abi >> 16, abi & 0xffff, DELTAHOP_HW_ABI_MAJOR);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int deltahop_hw_check_info(struct deltahop_device *ddev)
{
	struct drm_deltahop_device_info *info = &ddev->info;

	if (!info->engines) {
		drm_err(&ddev->drm, "device has no engine\n");
		return -ENODEV;
	}
	if (!info->max_regions || info->rnn_state_bytes % 8 ||
	    info->rnn_state_bytes > DELTAHOP_MAX_STATE_BYTES) {
		drm_err(&ddev->drm,
			"device claims %u regions and %u bytes of state: that makes no sense\n",
			info->max_regions, info->rnn_state_bytes);
		return -ENODEV;
	}
	return 0;
}

/**
 * deltahop_hw_identify() - check that we can drive the device, and read what it can do
 * @ddev: device
 */
int deltahop_hw_identify(struct deltahop_device *ddev)
{
	struct drm_deltahop_device_info *info = &ddev->info;
	int ret = deltahop_hw_check(ddev);

	if (ret)
		return ret;

	info->caps = deltahop_read64(ddev, DELTAHOP_REG_CAPS_LO);
	info->card_size = deltahop_read64(ddev, DELTAHOP_REG_CARD_SIZE_LO);
	info->hw_abi = deltahop_read(ddev, DELTAHOP_REG_ABI);
	info->profile = deltahop_read(ddev, DELTAHOP_REG_PROFILE);
	info->engines = deltahop_read(ddev, DELTAHOP_REG_ENGINES) &
			GENMASK(DELTAHOP_ENGINE_COUNT - 1, 0);
	info->clock_hz = deltahop_read(ddev, DELTAHOP_REG_CLOCK_HZ);
	info->rnn_pes = deltahop_read(ddev, DELTAHOP_REG_RNN_PES);
	info->rnn_slots = deltahop_read(ddev, DELTAHOP_REG_RNN_SLOTS);
	info->rnn_max_inputs = deltahop_read(ddev, DELTAHOP_REG_RNN_MAX_INPUTS);
	info->rnn_max_hidden = deltahop_read(ddev, DELTAHOP_REG_RNN_MAX_HIDDEN);
	info->rnn_state_bytes = deltahop_read(ddev, DELTAHOP_REG_RNN_STATE_BYTES);
	info->dram_beat_bytes = deltahop_read(ddev, DELTAHOP_REG_DRAM_BEAT_BYTES);
	info->dram_n = deltahop_read(ddev, DELTAHOP_REG_DRAM_N);
	info->dram_l = deltahop_read(ddev, DELTAHOP_REG_DRAM_L);
	info->dram_q = deltahop_read(ddev, DELTAHOP_REG_DRAM_Q);
	info->link_n = deltahop_read(ddev, DELTAHOP_REG_LINK_N);
	info->link_l = deltahop_read(ddev, DELTAHOP_REG_LINK_L);
	info->link_q = deltahop_read(ddev, DELTAHOP_REG_LINK_Q);
	info->max_regions =
		min_t(u32, deltahop_read(ddev, DELTAHOP_REG_MAX_REGIONS), DELTAHOP_MAX_REGIONS);
	info->record_slots = DELTAHOP_RECORD_SLOTS;
	info->max_jobs = DELTAHOP_MAX_JOBS;
	info->conv_macs = deltahop_read(ddev, DELTAHOP_REG_CONV_MACS);
	info->conv_kernel_words = deltahop_read(ddev, DELTAHOP_REG_CONV_KERNEL_WORDS);
	info->conv_store_bytes = deltahop_read(ddev, DELTAHOP_REG_CONV_STORE_BYTES);
	info->conv_max_channels = deltahop_read(ddev, DELTAHOP_REG_CONV_MAX_CHANNELS);
	info->conv_max_cols = deltahop_read(ddev, DELTAHOP_REG_CONV_MAX_COLS);
	info->conv_max_outputs = deltahop_read(ddev, DELTAHOP_REG_CONV_MAX_OUTPUTS);
	return deltahop_hw_check_info(ddev);
}

/* Reads of a device that has gone give all ones: then the bit never clears. */
static int deltahop_hw_wait_clear(struct deltahop_device *ddev, u32 reg, u32 bit)
{
	u32 value;

	return readl_poll_timeout(ddev->regs + reg, value, !(value & bit), DELTAHOP_RESET_POLL_US,
				  DELTAHOP_RESET_TIMEOUT_US);
}

/**
 * deltahop_hw_reset() - reset everything
 * @ddev: device
 *
 * Nothing runs after it, no interrupt is enabled, the device does no DMA.
 */
int deltahop_hw_reset(struct deltahop_device *ddev)
{
	deltahop_write(ddev, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
	return deltahop_hw_wait_clear(ddev, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
}

void deltahop_hw_irq_enable(struct deltahop_device *ddev)
{
	deltahop_write(ddev, DELTAHOP_REG_IRQ_ENABLE, DELTAHOP_IRQ_ALL);
}

/**
 * deltahop_hw_ring_reset() - drop what an engine does; its ring is empty and disabled then
 * @ring: engine
 */
int deltahop_hw_ring_reset(struct deltahop_ring *ring)
{
	u32 ctrl = DELTAHOP_RING(ring->engine, DELTAHOP_RING_CTRL);

	deltahop_write(ring->ddev, ctrl, DELTAHOP_RING_CTRL_RESET);
	return deltahop_hw_wait_clear(ring->ddev, ctrl, DELTAHOP_RING_CTRL_RESET);
}

/**
 * deltahop_hw_ring_start() - tell an engine that has been reset where its ring is
 * @ring: engine
 */
void deltahop_hw_ring_start(struct deltahop_ring *ring)
{
	struct deltahop_device *ddev = ring->ddev;
	u32 r = ring->engine;

	deltahop_write(ddev, DELTAHOP_RING(r, DELTAHOP_RING_BASE_LO),
		       lower_32_bits(ring->mem.addr));
	deltahop_write(ddev, DELTAHOP_RING(r, DELTAHOP_RING_BASE_HI),
		       upper_32_bits(ring->mem.addr));
	deltahop_write(ddev, DELTAHOP_RING(r, DELTAHOP_RING_SIZE), DELTAHOP_RING_ORDER);
	deltahop_write(ddev, DELTAHOP_RING(r, DELTAHOP_RING_CTRL), DELTAHOP_RING_CTRL_ENABLE);
}

/**
 * deltahop_hw_time() - device time in nanoseconds, that of records
 * @ddev: device
 */
u64 deltahop_hw_time(struct deltahop_device *ddev)
{
	u64 time;

	spin_lock(&ddev->time_lock);
	time = deltahop_read64(ddev, DELTAHOP_REG_TIME_LO);
	spin_unlock(&ddev->time_lock);
	return time;
}
