// SPDX-License-Identifier: MIT
/* BO_CREATE, BO_INFO, BO_WAIT, and mmap of buffers. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "ktap.h"

#define PAGE 4096

static void creation_works(int fd)
{
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_DEFAULT);

	buffer_destroy(&buffer);
}

#define WRONG_CREATE(suffix, text, error, spoil)                                     \
	TEST(bo_create_##suffix, "BO_CREATE refuses " text)                          \
	{                                                                            \
		struct drm_deltahop_bo_create arg = { .size = PAGE };                \
		int fd = dev_open();                                                 \
                                                                                     \
		spoil;                                                               \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, &arg), error); \
		CHECK_EQ(dev_heaps(fd).system_used, 0);                              \
		creation_works(fd);                                                  \
	}

WRONG_CREATE(size_zero, "size 0", EINVAL, arg.size = 0)
WRONG_CREATE(size_overflow, "a size that overflows when rounded up", EINVAL, arg.size = ~0ULL)
WRONG_CREATE(placement, "an unknown placement", EINVAL, arg.placement = 3)
WRONG_CREATE(placement_largest, "the largest placement", EINVAL, arg.placement = ~0U)
WRONG_CREATE(flags, "an unknown flag", EINVAL, arg.flags = 1)
WRONG_CREATE(flags_high, "the highest flag", EINVAL, arg.flags = 1U << 31)
WRONG_CREATE(pad, "a pad that is not zero", EINVAL, arg.pad = 1)

TEST(bo_create_huge, "BO_CREATE refuses sizes that no machine has, in system and card memory")
{
	static const uint64_t huge[] = { 1ULL << 62, 1ULL << 63, 1ULL << 50, (1ULL << 44) + 1 };
	struct drm_deltahop_bo_create arg;
	int fd = dev_open();
	unsigned int i, p;

	for (i = 0; i < 4; i++)
		for (p = DRM_DELTAHOP_PLACEMENT_DEFAULT; p <= DRM_DELTAHOP_PLACEMENT_CARD; p++) {
			int ret = bo_create(fd, huge[i], p, &arg);

			CHECK(ret == -EINVAL || ret == -ENOMEM || ret == -ENOSPC ||
			      ret == -EOPNOTSUPP);
		}
	CHECK_EQ(dev_heaps(fd).system_used, 0);
	creation_works(fd);
}

TEST(bo_create_outputs, "BO_CREATE ignores what is in its outputs and fills them")
{
	struct drm_deltahop_bo_create arg = { .size = PAGE, .handle = 77, .mmap_offset = ~0ULL };
	int fd = dev_open();

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, &arg));
	CHECK(arg.handle);
	CHECK(arg.mmap_offset && arg.mmap_offset != ~0ULL);
	CHECK_EQ(arg.mmap_offset % PAGE, 0);
	CHECK_EQ(arg.pad, 0);
}

TEST(bo_create_sizes,
     "a shorter BO_CREATE is filled up with zeros, a longer one with zeros behind is taken")
{
	struct {
		struct drm_deltahop_bo_create arg;
		uint64_t more[4];
	} longer = { .arg.size = PAGE };
	struct {
		uint64_t size;
	} shorter = { PAGE };
	int fd = dev_open();

	CHECK_OK(dev_ioctl(fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BO_CREATE, shorter),
			   &shorter));
	CHECK_OK(dev_ioctl(fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BO_CREATE, longer),
			   &longer));
	CHECK(longer.arg.handle);
}

TEST(bo_create_page_end,
     "BO_CREATE, BO_INFO and BO_WAIT touch nothing behind an argument that ends a page")
{
	struct drm_deltahop_bo_create create = { .size = PAGE },
				      *at = page_end(&create, sizeof(create));
	struct drm_deltahop_bo_info info = { 0 };
	struct drm_deltahop_bo_wait wait = { 0 };
	int fd = dev_open();

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, at));
	info.handle = wait.handle = at->handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, page_end(&info, sizeof(info))));
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, page_end(&wait, sizeof(wait))));
}

TEST(bo_create_argument, "every ioctl of buffers refuses an argument without memory")
{
	void *nowhere = (void *)(uintptr_t)unmapped();
	int fd = dev_open();

	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, nowhere), EFAULT);
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, NULL), EFAULT);
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, nowhere), EFAULT);
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, nowhere), EFAULT);
	creation_works(fd);
}

TEST(bo_rounded, "a buffer is rounded up to whole pages and zeroed, wherever it lives")
{
	unsigned int p, i, sum;
	int fd = dev_open();

	for (p = DRM_DELTAHOP_PLACEMENT_DEFAULT; p <= DRM_DELTAHOP_PLACEMENT_CARD; p++) {
		struct drm_deltahop_bo_info info = { 0 };
		struct buffer buffer;

		if (p == DRM_DELTAHOP_PLACEMENT_CARD && !dev_info(fd).card_size)
			continue;
		buffer = buffer_create(fd, PAGE + 1, p);
		info.handle = buffer.handle;
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, &info));
		CHECK_EQ(info.size, 2 * PAGE);
		CHECK_EQ(info.mmap_offset, buffer.mmap_offset);
		CHECK_EQ(info.placement, p ? p : DRM_DELTAHOP_PLACEMENT_SYSTEM);
		for (i = sum = 0; i < PAGE + 1; i++)
			sum += ((unsigned char *)buffer.map)[i];
		CHECK_EQ(sum, 0);
		memset(buffer.map, 0x5a, PAGE + 1);
		buffer_destroy(&buffer);
	}
}

TEST(bo_zeroed_again, "card memory that another buffer has used is zeroed")
{
	struct buffer buffer;
	unsigned int i, round;
	int fd = dev_open();

	if (!dev_info(fd).card_size)
		ktap_skip("the device has no card memory");
	for (round = 0; round < 3; round++) {
		uint64_t *word;

		buffer = buffer_create(fd, dev_heaps(fd).card_largest / 16,
				       DRM_DELTAHOP_PLACEMENT_CARD);
		word = buffer.map;
		for (i = 0; i < buffer.size / 8; i += 64)
			CHECK_EQ(word[i], 0);
		for (i = 0; i < buffer.size / 8; i += 64)
			word[i] = 0x123456789abcdef0;
		buffer_destroy(&buffer);
	}
}

TEST(bo_no_card, "card memory of a device that has none is -EOPNOTSUPP")
{
	struct drm_deltahop_bo_create arg;
	int fd = dev_open();

	if (dev_info(fd).card_size)
		ktap_skip("the device has card memory");
	CHECK_ERR(bo_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_CARD, &arg), EOPNOTSUPP);
	creation_works(fd);
}

TEST(bo_info_handle, "BO_INFO refuses handles that are none")
{
	static const uint32_t handles[] = { 0, 1, 77, ~0U };
	int fd = dev_open();
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct drm_deltahop_bo_info arg = { .handle = handles[i] };

		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, &arg), ENOENT);
	}
	creation_works(fd);
}

TEST(bo_info_outputs, "BO_INFO overwrites its outputs")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	struct drm_deltahop_bo_info arg;

	memset(&arg, 0xa5, sizeof(arg));
	arg.handle = buffer.handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, &arg));
	CHECK_EQ(arg.placement, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	CHECK_EQ(arg.size, PAGE);
	CHECK_EQ(arg.mmap_offset, buffer.mmap_offset);
}

#define WRONG_WAIT(suffix, text, error, spoil)                                                 \
	TEST(bo_wait_##suffix, "BO_WAIT refuses " text)                                        \
	{                                                                                      \
		int fd = dev_open();                                                           \
		struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM); \
		struct drm_deltahop_bo_wait arg = { .handle = buffer.handle }, good = arg;     \
                                                                                               \
		spoil;                                                                         \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &arg), error);             \
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &good));                    \
		good.flags = DRM_DELTAHOP_BO_WAIT_WRITE;                                       \
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &good));                    \
	}

WRONG_WAIT(handle, "a handle that is none", ENOENT, arg.handle = 77)
WRONG_WAIT(handle_zero, "handle 0", ENOENT, arg.handle = 0)
WRONG_WAIT(flags, "an unknown flag", EINVAL, arg.flags = 2)
WRONG_WAIT(flags_high, "the highest flag", EINVAL, arg.flags = 1U << 31)

TEST(bo_wait_times, "BO_WAIT takes every moment: past, negative, far ahead")
{
	static const int64_t moments[] = { 0, -1, INT64_MIN, INT64_MAX, 1 };
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		struct drm_deltahop_bo_wait arg = { .handle = buffer.handle,
						    .timeout_ns = moments[i] };

		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &arg));
	}
}

static void refused_mmap(int fd, size_t size, uint64_t offset)
{
	CHECK(mmap64(NULL, size, PROT_READ, MAP_SHARED, fd, offset) == MAP_FAILED);
}

TEST(bo_mmap_end, "mmap past the end of a buffer is refused, in system and card memory")
{
	unsigned int p;
	int fd = dev_open();

	for (p = DRM_DELTAHOP_PLACEMENT_SYSTEM; p <= DRM_DELTAHOP_PLACEMENT_CARD; p++) {
		struct buffer buffer;

		if (p == DRM_DELTAHOP_PLACEMENT_CARD && !dev_info(fd).card_size)
			continue;
		buffer = buffer_create(fd, 2 * PAGE, p);
		refused_mmap(fd, 3 * PAGE, buffer.mmap_offset);
		refused_mmap(fd, 1 << 30, buffer.mmap_offset);
		refused_mmap(fd, 2 * PAGE, buffer.mmap_offset + PAGE);
		buffer_destroy(&buffer);
		refused_mmap(fd, PAGE, buffer.mmap_offset);
	}
}

TEST(bo_mmap_foreign, "a buffer of another file cannot be mapped")
{
	int fd = dev_open(), other = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);

	refused_mmap(other, PAGE, buffer.mmap_offset);
	refused_mmap(other, PAGE, 0);
	refused_mmap(other, PAGE, 1ULL << 40);
	CHECK(((char *)buffer.map)[0] == 0);
}

TEST(bo_mmap_survives, "a mapping outlives handle and file")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	unsigned int *word = buffer.map;

	word[5] = 55;
	CHECK_OK(handle_close(fd, buffer.handle));
	CHECK_EQ(word[5], 55);
	close(fd);
	CHECK_EQ(word[5], 55);
}

TEST(bo_heap_counts, "system_used and card_free follow buffers exactly")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, 3 * PAGE - 1, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	uint64_t free;

	CHECK_EQ(dev_heaps(fd).system_used, 3 * PAGE);
	buffer_destroy(&buffer);
	CHECK_EQ(dev_heaps(fd).system_used, 0);
	if (!dev_info(fd).card_size)
		return;
	free = dev_heaps(fd).card_free;
	buffer = buffer_create(fd, 3 * PAGE, DRM_DELTAHOP_PLACEMENT_CARD);
	CHECK_EQ(dev_heaps(fd).card_free, free - 3 * PAGE);
	CHECK_EQ(dev_heaps(fd).system_used, 0);
	buffer_destroy(&buffer);
	CHECK_EQ(dev_heaps(fd).card_free, free);
}
