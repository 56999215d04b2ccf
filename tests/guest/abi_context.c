// SPDX-License-Identifier: MIT
/* CTX_CREATE, CTX_DESTROY, STATE_*, BINDINGS_DESTROY, and what is reserved. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>

#include "device.h"
#include "ktap.h"

#define PAGE 4096
#define SIZE 256 /* of a state image */

static void context_works(int fd)
{
	CHECK_OK(ctx_destroy(fd, ctx_create(fd)));
}

#define WRONG_CREATE(suffix, text, error, spoil)                                                \
	TEST(ctx_create_##suffix, "CTX_CREATE refuses " text)                                   \
	{                                                                                       \
		struct drm_deltahop_ctx_create arg = { .priority = DRM_DELTAHOP_PRIORITY_LOW }; \
		int fd = dev_open();                                                            \
                                                                                                \
		spoil;                                                                          \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg), error);           \
		context_works(fd);                                                              \
	}

WRONG_CREATE(priority, "an unknown priority", EINVAL, arg.priority = 4)
WRONG_CREATE(priority_largest, "the largest priority", EINVAL, arg.priority = ~0U)
WRONG_CREATE(flags, "an unknown flag", EINVAL, arg.flags = 1)
WRONG_CREATE(flags_high, "the highest flag", EINVAL, arg.flags = 1U << 31)

TEST(ctx_create_priorities,
     "CTX_CREATE takes every priority with CAP_SYS_NICE; HIGH and up are -EACCES without")
{
	struct drm_deltahop_ctx_create arg = { 0 };
	int fd = dev_open();

	for (arg.priority = 0; arg.priority < 4; arg.priority++)
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
	drop_capability(CAP_SYS_NICE);
	for (arg.priority = 0; arg.priority < 4; arg.priority++)
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg),
			  arg.priority < 2 ? 0 : EACCES);
	context_works(fd);
}

TEST(ctx_create_outputs, "CTX_CREATE fills its outputs, also at a page's end")
{
	struct drm_deltahop_ctx_create zero = { 0 }, *arg = page_end(&zero, sizeof(zero));
	int fd = dev_open();

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, arg));
	CHECK(arg->id);
	CHECK_EQ(arg->record_slots, dev_info(fd).record_slots);
	CHECK(arg->record_offset && arg->record_offset % PAGE == 0);
}

TEST(ctx_create_many,
     "contexts of a file end with -ENOSPC, not with the kernel's memory, and come back")
{
	struct drm_deltahop_ctx_create arg = { 0 };
	int fd = dev_open(), ret = 0;
	unsigned int count;

	for (count = 0; count < 100000 && !ret; count++)
		ret = dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg);
	ktap_note("%u contexts", count - 1);
	CHECK_ERR(ret, ENOSPC);
	CHECK_OK(ctx_destroy(fd, 1));
	context_works(fd);
}

#define WRONG_DESTROY(suffix, text, error, spoil)                                      \
	TEST(ctx_destroy_##suffix, "CTX_DESTROY refuses " text)                        \
	{                                                                              \
		int fd = dev_open();                                                   \
		struct drm_deltahop_ctx_destroy arg = { .id = ctx_create(fd) };        \
		uint32_t good = arg.id;                                                \
                                                                                       \
		spoil;                                                                 \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_DESTROY, &arg), error); \
		CHECK_OK(ctx_destroy(fd, good));                                       \
		CHECK_ERR(ctx_destroy(fd, good), ENOENT);                              \
	}

WRONG_DESTROY(id, "a context that is none", ENOENT, arg.id = 4711)
WRONG_DESTROY(id_zero, "context 0", ENOENT, arg.id = 0)
WRONG_DESTROY(id_largest, "the largest number", ENOENT, arg.id = ~0U)
WRONG_DESTROY(pad, "a pad that is not zero", EINVAL, arg.pad = 1)

TEST(ctx_foreign, "a context of another file is none")
{
	int fd = dev_open(), other = dev_open();
	uint32_t ctx = ctx_create(fd);

	CHECK_ERR(ctx_destroy(other, ctx), ENOENT);
	CHECK_OK(ctx_destroy(fd, ctx));
}

TEST(ctx_records_mmap, "the record ring is mapped read-only, for good, and not past its end")
{
	struct drm_deltahop_ctx_create arg = { 0 };
	size_t size;
	int fd = dev_open();
	void *ring;

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
	size = (arg.record_slots * sizeof(struct deltahop_record) + PAGE - 1) / PAGE * PAGE;
	CHECK(mmap64(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, arg.record_offset) ==
	      MAP_FAILED);
	CHECK(mmap64(NULL, size, PROT_WRITE, MAP_SHARED, fd, arg.record_offset) == MAP_FAILED);
	CHECK(mmap64(NULL, size + PAGE, PROT_READ, MAP_SHARED, fd, arg.record_offset) ==
	      MAP_FAILED);
	ring = mmap64(NULL, size, PROT_READ, MAP_SHARED, fd, arg.record_offset);
	CHECK(ring != MAP_FAILED);
	CHECK(mprotect(ring, size, PROT_READ | PROT_WRITE));
	CHECK_EQ(((struct deltahop_record *)ring)[0].status, DELTAHOP_STATUS_NONE);
	CHECK_OK(ctx_destroy(fd, arg.id));
	CHECK_EQ(((volatile struct deltahop_record *)ring)[1].status, DELTAHOP_STATUS_NONE);
}

TEST(ctx_records_foreign, "the record ring of another file cannot be mapped")
{
	struct drm_deltahop_ctx_create arg = { 0 };
	int fd = dev_open(), other = dev_open();

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
	CHECK(mmap64(NULL, PAGE, PROT_READ, MAP_SHARED, other, arg.record_offset) == MAP_FAILED);
}

static bool has_template(int fd)
{
	return dev_info(fd).caps & DELTAHOP_CAP_RNN_TEMPLATE;
}

#define WRONG_STATE(suffix, text, error, spoil)                                                 \
	TEST(state_create_##suffix, "STATE_CREATE refuses " text)                               \
	{                                                                                       \
		int fd = dev_open();                                                            \
		struct drm_deltahop_state_create arg = { .ctx = ctx_create(fd), .size = SIZE }; \
		uint32_t good = arg.ctx, state;                                                 \
                                                                                                \
		spoil;                                                                          \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, &arg), error);         \
		CHECK_OK(state_create(fd, good, SIZE, 0, 0, &state));                           \
		CHECK_OK(state_destroy(fd, state));                                             \
	}

WRONG_STATE(ctx, "a context that is none", ENOENT, arg.ctx = 4711)
WRONG_STATE(ctx_zero, "context 0", ENOENT, arg.ctx = 0)
WRONG_STATE(size_zero, "size 0", EINVAL, arg.size = 0)
WRONG_STATE(size_odd, "a size that is no multiple of 8", EINVAL, arg.size = SIZE + 4)
WRONG_STATE(size_large, "a size beyond the state memory", EINVAL,
	    arg.size = dev_info(fd).rnn_state_bytes + 8)
WRONG_STATE(size_largest, "the largest size", EINVAL, arg.size = ~7U)
WRONG_STATE(flags, "an unknown flag", EINVAL, arg.flags = 1)
WRONG_STATE(flags_high, "the highest flag", EINVAL, arg.flags = 1U << 31)
WRONG_STATE(pad, "a pad that is not zero", EINVAL, arg.pad = 1)
WRONG_STATE(offset_alone, "a template offset without a template", EINVAL, arg.template_offset = 8)

#define WRONG_TEMPLATE(suffix, text, error, spoil)                                             \
	TEST(state_template_##suffix, "STATE_CREATE refuses " text)                            \
	{                                                                                      \
		int fd = dev_open();                                                           \
		struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM); \
		struct drm_deltahop_state_create good = { .ctx = ctx_create(fd),               \
							  .size = SIZE,                        \
							  .template_handle = buffer.handle,    \
							  .template_offset = PAGE - SIZE },    \
						 arg = good;                                   \
                                                                                               \
		if (!has_template(fd))                                                         \
			ktap_skip("the device takes no template");                             \
		spoil;                                                                         \
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, &arg), error);        \
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, &good));               \
	}

WRONG_TEMPLATE(handle, "a template that is no buffer", ENOENT, arg.template_handle = 77)
WRONG_TEMPLATE(offset_odd, "a template offset that is no multiple of 8", EINVAL,
	       arg.template_offset = 4)
WRONG_TEMPLATE(end, "a template past the end of its buffer", ERANGE, arg.template_offset += 8)
WRONG_TEMPLATE(overflow, "a template whose end overflows", ERANGE, arg.template_offset = ~7ULL)

TEST(state_template_missing, "a template on a device without that capability is -EOPNOTSUPP")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	uint32_t ctx = ctx_create(fd), state;

	if (has_template(fd))
		ktap_skip("the device takes templates");
	CHECK_ERR(state_create(fd, ctx, SIZE, buffer.handle, 0, &state), EOPNOTSUPP);
	CHECK_OK(state_create(fd, ctx, SIZE, 0, 0, &state));
}

TEST(state_create_ctx_foreign, "STATE_CREATE refuses a context of another file")
{
	int fd = dev_open(), other = dev_open();
	uint32_t ctx = ctx_create(fd), state;

	CHECK_ERR(state_create(other, ctx, SIZE, 0, 0, &state), ENOENT);
	CHECK_OK(state_create(fd, ctx, SIZE, 0, 0, &state));
}

TEST(state_create_page_end, "STATE_CREATE touches nothing behind an argument that ends a page")
{
	int fd = dev_open();
	struct drm_deltahop_state_create arg = { .ctx = ctx_create(fd), .size = SIZE };
	struct drm_deltahop_state_create *at = page_end(&arg, sizeof(arg));

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, at));
	CHECK(at->handle);
	CHECK_EQ(at->pad, 0);
}

/* The three ioctls that take a handle and a pad. */
struct handle_pad {
	uint32_t handle;
	uint32_t pad;
};

static void wrong_handles(int fd, unsigned long request, uint32_t good)
{
	static const uint32_t wrong[] = { 0, 4711, ~0U };
	struct handle_pad arg;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		arg = (struct handle_pad){ wrong[i], 0 };
		CHECK_ERR(dev_ioctl(fd, request, &arg), ENOENT);
	}
	arg = (struct handle_pad){ good, 1 };
	CHECK_ERR(dev_ioctl(fd, request, &arg), EINVAL);
	CHECK_ERR(dev_ioctl(fd, request, NULL), EFAULT);
	arg = (struct handle_pad){ good, 0 };
	CHECK_ERR(dev_ioctl(dev_open(), request, &arg), ENOENT);
	CHECK_OK(dev_ioctl(fd, request, page_end(&arg, sizeof(arg))));
}

TEST(state_reset_fields,
     "STATE_RESET refuses states that are none or another file's, and a pad that is not zero")
{
	int fd = dev_open();
	uint32_t state;

	CHECK_OK(state_create(fd, ctx_create(fd), SIZE, 0, 0, &state));
	wrong_handles(fd, DRM_IOCTL_DELTAHOP_STATE_RESET, state);
}

TEST(state_destroy_fields,
     "STATE_DESTROY refuses states that are none or another file's, and a pad that is not zero")
{
	int fd = dev_open();
	uint32_t state;

	CHECK_OK(state_create(fd, ctx_create(fd), SIZE, 0, 0, &state));
	wrong_handles(fd, DRM_IOCTL_DELTAHOP_STATE_DESTROY, state);
	CHECK_ERR(state_destroy(fd, state), ENOENT);
	CHECK_ERR(state_reset(fd, state), ENOENT);
}

TEST(bindings_destroy_fields,
     "BINDINGS_DESTROY refuses bindings that are none or another file's, and a pad")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	struct drm_deltahop_binding binding = { buffer.handle, DRM_DELTAHOP_BIND_READ, 0, PAGE };
	uint32_t bindings;

	CHECK_OK(bindings_create(fd, &binding, 1, &bindings));
	wrong_handles(fd, DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY, bindings);
	CHECK_ERR(bindings_destroy(fd, bindings), ENOENT);
}

TEST(state_of_closed_ctx, "a state outlives its context only as a handle")
{
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd), state;

	CHECK_OK(state_create(fd, ctx, SIZE, 0, 0, &state));
	CHECK_OK(ctx_destroy(fd, ctx));
	CHECK_OK(state_destroy(fd, state));
}

TEST(reserved_state_copy, "STATE_COPY is reserved: -EOPNOTSUPP, whatever it is asked")
{
	struct drm_deltahop_state_copy arg;
	int fd = dev_open();
	uint32_t op, state;

	CHECK_OK(state_create(fd, ctx_create(fd), SIZE, 0, 0, &state));
	for (op = 0; op < 5; op++) {
		arg = (struct drm_deltahop_state_copy){ .handle = op & 1 ? state : 0,
							.op = op,
							.offset = op * 3 };
		CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_COPY, &arg), EOPNOTSUPP);
	}
	CHECK_OK(state_destroy(fd, state));
}

TEST(reserved_numbers, "ioctl numbers that are not given out are refused")
{
	struct drm_deltahop_bo_info arg = { 0 };
	unsigned int number;
	int fd = dev_open(), ret;

	for (number = DRM_DELTAHOP_WAIT + 1; number < 0x40; number++) {
		ret = dev_ioctl(fd, DRM_IOWR(DRM_COMMAND_BASE + number, arg), &arg);
		CHECK(ret == -EINVAL || ret == -ENOTTY);
	}
	context_works(fd);
}
