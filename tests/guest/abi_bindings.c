// SPDX-License-Identifier: MIT
/* BINDINGS_CREATE: the argument, the array, every field of an entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "ktap.h"

#define PAGE	    4096
#define COUNT	    3
#define WRONG_ENTRY 1

struct fixture {
	int fd;
	struct buffer buffer;
	struct drm_deltahop_binding binding[COUNT];
	struct drm_deltahop_bindings_create arg;
};

static void open_fixture(struct fixture *f)
{
	unsigned int i;

	f->fd = dev_open();
	f->buffer = buffer_create(f->fd, 2 * PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	for (i = 0; i < COUNT; i++)
		f->binding[i] = (struct drm_deltahop_binding){
			.handle = f->buffer.handle,
			.flags = DRM_DELTAHOP_BIND_READ,
			.offset = 8 * i,
			.size = PAGE,
		};
	f->arg = (struct drm_deltahop_bindings_create){
		.bindings = user_ptr(f->binding),
		.count = COUNT,
		.stride = sizeof(f->binding[0]),
	};
}

static int create(struct fixture *f)
{
	return dev_ioctl(f->fd, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, &f->arg);
}

static void still_works(struct fixture *f)
{
	struct drm_deltahop_binding binding[COUNT];
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < COUNT; i++)
		binding[i] = (struct drm_deltahop_binding){ f->buffer.handle,
							    DRM_DELTAHOP_BIND_WRITE, 0, 2 * PAGE };
	CHECK_OK(bindings_create(f->fd, binding, COUNT, &handle));
	CHECK(handle);
	CHECK_OK(bindings_destroy(f->fd, handle));
}

#define WRONG_ARGUMENT(suffix, text, error, spoil)               \
	TEST(bindings_##suffix, "BINDINGS_CREATE refuses " text) \
	{                                                        \
		struct fixture f;                                \
                                                                 \
		open_fixture(&f);                                \
		spoil;                                           \
		CHECK_ERR(create(&f), error);                    \
		still_works(&f);                                 \
	}

WRONG_ARGUMENT(count_zero, "count 0", EINVAL, f.arg.count = 0)
WRONG_ARGUMENT(count_large, "more entries than the device has regions", EINVAL,
	       f.arg.count = dev_info(f.fd).max_regions + 1)
WRONG_ARGUMENT(count_largest, "the largest count", EINVAL, f.arg.count = ~0U)
WRONG_ARGUMENT(stride_zero, "stride 0", EINVAL, f.arg.stride = 0)
WRONG_ARGUMENT(array_null, "an array at address 0", EFAULT, f.arg.bindings = 0)
WRONG_ARGUMENT(array_unmapped, "an array without memory", EFAULT, f.arg.bindings = unmapped())
WRONG_ARGUMENT(array_kernel, "an array in the kernel", EFAULT,
	       f.arg.bindings = 0xffff888000000000ULL)
WRONG_ARGUMENT(stride_odd, "a stride that is no multiple of 8", EINVAL, f.arg.stride += 4)
WRONG_ARGUMENT(array_end, "a stride that leads out of memory", EFAULT,
	       (f.arg.bindings = user_ptr(page_end(f.binding, sizeof(f.binding[0]))),
		f.arg.stride += 64))

#define WRONG_FIELD(suffix, text, error, spoil)                                        \
	TEST(binding_##suffix, "a binding is refused, and its number told, for " text) \
	{                                                                              \
		struct drm_deltahop_binding *b;                                        \
		struct fixture f;                                                      \
                                                                                       \
		open_fixture(&f);                                                      \
		b = &f.binding[WRONG_ENTRY];                                           \
		spoil;                                                                 \
		CHECK_ERR(create(&f), error);                                          \
		CHECK_EQ(f.arg.bad, WRONG_ENTRY);                                      \
		still_works(&f);                                                       \
	}

WRONG_FIELD(handle, "a handle that is none", ENOENT, b->handle = 77)
WRONG_FIELD(handle_largest, "the largest handle", ENOENT, b->handle = ~0U)
WRONG_FIELD(flags_none, "neither READ nor WRITE", EINVAL, b->flags = 0)
WRONG_FIELD(flags_sync, "SYNC alone", EINVAL, b->flags = DRM_DELTAHOP_BIND_SYNC)
WRONG_FIELD(flags_unknown, "an unknown flag", EINVAL, b->flags |= 8)
WRONG_FIELD(flags_high, "the highest flag", EINVAL, b->flags |= 1U << 31)
WRONG_FIELD(offset_odd, "an offset that is no multiple of 8", EINVAL, b->offset = 4)
WRONG_FIELD(offset_end, "an offset at the buffer's end", ERANGE,
	    (b->offset = 2 * PAGE, b->size = 8))
WRONG_FIELD(offset_largest, "the largest offset", ERANGE, b->offset = ~7ULL)
WRONG_FIELD(size_zero, "size 0", EINVAL, b->size = 0)
WRONG_FIELD(size_end, "an end past the buffer", ERANGE, b->size = 2 * PAGE + 1 - b->offset)
WRONG_FIELD(size_largest, "the largest size", ERANGE, b->size = ~0ULL)
WRONG_FIELD(end_overflow, "offset and size that overflow together", ERANGE,
	    (b->offset = 8, b->size = ~7ULL))
WRONG_FIELD(empty_flags, "flags without a buffer", EINVAL, (b->handle = 0, b->offset = b->size = 0))
WRONG_FIELD(empty_offset, "an offset without a buffer", EINVAL,
	    (b->handle = b->flags = 0, b->size = 0, b->offset = 8))
WRONG_FIELD(empty_size, "a size without a buffer", EINVAL,
	    (b->handle = b->flags = 0, b->offset = 0, b->size = 8))

TEST(bindings_stride_largest, "BINDINGS_CREATE refuses the largest stride")
{
	struct fixture f;

	open_fixture(&f);
	f.arg.stride = ~7U;
	CHECK_ERR2(create(&f), EINVAL, E2BIG);
	still_works(&f);
}

TEST(bindings_pads, "an entry without a buffer and one of every access are taken")
{
	struct fixture f;

	open_fixture(&f);
	f.binding[0] = (struct drm_deltahop_binding){ 0 };
	f.binding[1].flags = DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE |
			     DRM_DELTAHOP_BIND_SYNC;
	f.binding[2].size = 1;
	CHECK_OK(create(&f));
}

TEST(bindings_page_end, "BINDINGS_CREATE touches nothing behind argument and array that end a page")
{
	struct fixture f;

	open_fixture(&f);
	f.arg.bindings = user_ptr(page_end(f.binding, sizeof(f.binding)));
	CHECK_OK(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE,
			   page_end(&f.arg, sizeof(f.arg))));
}

TEST(bindings_stride_shorter, "entries shorter than the kernel's are filled up with zeros")
{
	struct fixture f;
	uint64_t head;

	open_fixture(&f);
	head = f.buffer.handle | (uint64_t)DRM_DELTAHOP_BIND_READ << 32;
	f.arg.bindings = user_ptr(&head);
	f.arg.count = 1;
	f.arg.stride = sizeof(head);
	CHECK_ERR(create(&f), EINVAL); /* size 0 */
	CHECK_EQ(f.arg.bad, 0);
	still_works(&f);
}

struct longer_binding {
	struct drm_deltahop_binding binding;
	uint64_t more[2];
};

TEST(bindings_stride_longer,
     "entries longer than the kernel's are taken if the rest is zero, and refused if not")
{
	struct longer_binding longer[COUNT];
	struct fixture f;
	unsigned int i;

	open_fixture(&f);
	for (i = 0; i < COUNT; i++)
		longer[i] = (struct longer_binding){ .binding = f.binding[i] };
	f.arg.bindings = user_ptr(page_end(longer, sizeof(longer)));
	f.arg.stride = sizeof(longer[0]);
	CHECK_OK(create(&f));
	longer[COUNT - 1].more[1] = 1;
	f.arg.bindings = user_ptr(longer);
	CHECK_ERR2(create(&f), E2BIG, EINVAL);
	CHECK_EQ(f.arg.bad, COUNT - 1);
	still_works(&f);
}

TEST(bindings_outputs, "BINDINGS_CREATE ignores what is in its outputs")
{
	struct fixture f;

	open_fixture(&f);
	f.arg.handle = f.arg.bad = 0xa5a5a5a5;
	CHECK_OK(create(&f));
	CHECK(f.arg.handle && f.arg.handle != 0xa5a5a5a5);
	CHECK_OK(bindings_destroy(f.fd, f.arg.handle));
}

TEST(bindings_most, "as many regions as the device has can be bound")
{
	struct drm_deltahop_binding *all;
	struct fixture f;
	unsigned int i, most;
	uint32_t handle;

	open_fixture(&f);
	most = dev_info(f.fd).max_regions;
	all = calloc(most, sizeof(*all));
	CHECK(all);
	for (i = 0; i < most; i++)
		all[i] = f.binding[0];
	CHECK_OK(bindings_create(f.fd, all, most, &handle));
	CHECK_OK(bindings_destroy(f.fd, handle));
}

TEST(bindings_pin, "a buffer whose handle is closed stays for its bindings, and no longer")
{
	uint64_t page = 2 * PAGE;
	struct fixture f;

	open_fixture(&f);
	CHECK_OK(create(&f));
	CHECK_EQ(dev_heaps(f.fd).system_used, page);
	buffer_destroy(&f.buffer);
	CHECK_OK(bindings_destroy(f.fd, f.arg.handle));
	CHECK_EQ(dev_heaps(f.fd).system_used, 0);
}
