// SPDX-License-Identifier: MIT
/* DEV_QUERY: every wrong field, sizes, and what the answers must be. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "device.h"
#include "ktap.h"

static void still_works(int fd)
{
	CHECK(dev_info(fd).clock_hz);
}

static int query(int fd, struct drm_deltahop_dev_query *arg)
{
	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_DEV_QUERY, arg);
}

#define WRONG(suffix, text, error, spoil)                                              \
	TEST(query_##suffix, "DEV_QUERY refuses " text)                                \
	{                                                                              \
		struct drm_deltahop_device_info info;                                  \
		struct drm_deltahop_dev_query arg = { .id = DRM_DELTAHOP_QUERY_DEVICE, \
						      .size = sizeof(info),            \
						      .data = user_ptr(&info) };       \
		int fd = dev_open();                                                   \
                                                                                       \
		spoil;                                                                 \
		CHECK_ERR(query(fd, &arg), error);                                     \
		still_works(fd);                                                       \
	}

WRONG(unknown_id, "an unknown id", EINVAL, arg.id = 4)
WRONG(largest_id, "the largest id", EINVAL, arg.id = ~0U)
WRONG(unknown_id_size, "an unknown id also when only asked for the size", EINVAL,
      (arg.id = 77, arg.data = 0))
WRONG(unmapped, "an address without memory", EFAULT, arg.data = unmapped())
WRONG(kernel_address, "an address of the kernel", EFAULT, arg.data = 0xffffffff81000000ULL)

static const uint32_t sizes[] = {
	[DRM_DELTAHOP_QUERY_DEVICE] = sizeof(struct drm_deltahop_device_info),
	[DRM_DELTAHOP_QUERY_HEAPS] = sizeof(struct drm_deltahop_heap_info),
	[DRM_DELTAHOP_QUERY_PRIORITIES] = sizeof(struct drm_deltahop_priority_info),
	[DRM_DELTAHOP_QUERY_TIME] = sizeof(struct drm_deltahop_time_info),
};

TEST(query_size_only, "DEV_QUERY without data answers the size of every structure")
{
	int fd = dev_open();
	unsigned int id;

	for (id = 0; id < 4; id++) {
		struct drm_deltahop_dev_query arg = { .id = id, .size = 12345 };

		CHECK_OK(query(fd, &arg));
		CHECK_EQ(arg.size, sizes[id]);
	}
}

TEST(query_smaller, "DEV_QUERY fills no byte behind a smaller structure")
{
	unsigned char small[24], whole[256];
	int fd = dev_open();

	struct drm_deltahop_dev_query arg = { .id = DRM_DELTAHOP_QUERY_DEVICE,
					      .size = 8,
					      .data = user_ptr(small) };

	memset(small, 0xa5, sizeof(small));
	dev_query(fd, DRM_DELTAHOP_QUERY_DEVICE, whole, sizes[DRM_DELTAHOP_QUERY_DEVICE]);
	CHECK_OK(query(fd, &arg));
	CHECK_EQ(arg.size, sizes[DRM_DELTAHOP_QUERY_DEVICE]);
	CHECK(!memcmp(small, whole, 8));
	CHECK_EQ(small[8], 0xa5);
}

TEST(query_larger, "DEV_QUERY takes a larger structure and tells how much it knows")
{
	unsigned char large[256];
	int fd = dev_open();
	unsigned int id;

	for (id = 0; id < 4; id++) {
		struct drm_deltahop_dev_query arg = { .id = id,
						      .size = sizeof(large),
						      .data = user_ptr(large) };

		memset(large, 0xa5, sizeof(large));
		CHECK_OK(query(fd, &arg));
		CHECK_EQ(arg.size, sizes[id]);
		CHECK_EQ(large[sizes[id]], 0xa5);
	}
}

TEST(query_nothing, "DEV_QUERY with size 0 writes nothing")
{
	unsigned char byte = 0xa5;
	struct drm_deltahop_dev_query arg = { .id = DRM_DELTAHOP_QUERY_DEVICE,
					      .size = 0,
					      .data = user_ptr(&byte) };
	int fd = dev_open();

	CHECK_OK(query(fd, &arg));
	CHECK_EQ(arg.size, sizes[DRM_DELTAHOP_QUERY_DEVICE]);
	CHECK_EQ(byte, 0xa5);
}

TEST(query_page_end, "DEV_QUERY touches nothing behind argument and data that end a page")
{
	unsigned char zeros[256] = { 0 };
	int fd = dev_open();
	unsigned int id;

	for (id = 0; id < 4; id++) {
		void *data = page_end(zeros, sizes[id]);
		struct drm_deltahop_dev_query arg = { .id = id,
						      .size = sizes[id],
						      .data = user_ptr(data) };

		CHECK_OK(query(fd, page_end(&arg, sizeof(arg))));
	}
}

TEST(query_device, "the device says what it is, in figures that fit each other")
{
	struct drm_deltahop_device_info info;
	int fd = dev_open();

	memset(&info, 0xa5, sizeof(info));
	dev_query(fd, DRM_DELTAHOP_QUERY_DEVICE, &info, sizeof(info));
	CHECK_EQ(info.hw_abi >> 16, DELTAHOP_HW_ABI_MAJOR);
	CHECK(info.engines & 1U << DELTAHOP_ENGINE_RNN);
	CHECK(info.clock_hz >= 1000000);
	CHECK(info.rnn_pes >= 8);
	CHECK(info.rnn_slots >= 1 && info.rnn_slots <= DELTAHOP_RNN_MAX_SLOTS);
	CHECK_EQ(info.rnn_max_inputs, 1024);
	CHECK_EQ(info.rnn_max_hidden, 1024);
	CHECK(info.rnn_state_bytes >= DELTAHOP_RNN_STATE_GRU(1024, 1024));
	CHECK(info.max_regions >= 8);
	CHECK_EQ(info.max_jobs, 128);
	CHECK(info.record_slots >= info.max_jobs);
	CHECK_EQ(info.pad, 0);
	ktap_note("profile %u, %u Hz, %u PEs, caps 0x%llx, card %llu bytes", info.profile,
		  info.clock_hz, info.rnn_pes, (unsigned long long)info.caps,
		  (unsigned long long)info.card_size);
}

TEST(query_heaps, "the heaps add up")
{
	int fd = dev_open();
	struct drm_deltahop_heap_info heaps = dev_heaps(fd);

	CHECK(heaps.card_free <= heaps.card_size);
	CHECK(heaps.card_largest <= heaps.card_free);
	CHECK(heaps.card_size <= dev_info(fd).card_size);
	CHECK_EQ(heaps.system_used, 0);
}

TEST(query_priorities, "every priority is allowed with CAP_SYS_NICE, two of them without")
{
	struct drm_deltahop_priority_info info;
	int fd = dev_open();

	memset(&info, 0xa5, sizeof(info));
	dev_query(fd, DRM_DELTAHOP_QUERY_PRIORITIES, &info, sizeof(info));
	CHECK_EQ(info.allowed, 0xf);
	CHECK_EQ(info.pad, 0);
	drop_capability(CAP_SYS_NICE);
	dev_query(fd, DRM_DELTAHOP_QUERY_PRIORITIES, &info, sizeof(info));
	CHECK_EQ(info.allowed, 0x3);
}

TEST(query_time, "the two clocks go forward, together")
{
	struct drm_deltahop_time_info a, b;
	int64_t before, after, drift;
	int fd = dev_open(), i;

	dev_query(fd, DRM_DELTAHOP_QUERY_TIME, &a, sizeof(a));
	for (i = 0; i < 20; i++) {
		before = now_ns();
		dev_query(fd, DRM_DELTAHOP_QUERY_TIME, &b, sizeof(b));
		after = now_ns();
		CHECK((int64_t)b.monotonic_ns >= before && (int64_t)b.monotonic_ns <= after);
		CHECK(b.device_ns > a.device_ns);
		CHECK(b.monotonic_ns > a.monotonic_ns);
		sleep_ms(5);
	}
	drift = (b.device_ns - a.device_ns) - (b.monotonic_ns - a.monotonic_ns);
	CHECK(drift < 20000000 && drift > -20000000);
}
