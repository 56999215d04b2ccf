/* SPDX-License-Identifier: MIT */
/*
 * Compiled as C for 64 and 32 bits, and as C++: sizes, offsets and values are the same everywhere.
 */
#include <stddef.h>

#include <drm/deltahop_accel.h>
#include <drm/deltahop_isa.h>
#include <deltahop_hw.h>

#if defined(__cplusplus)
#define CHECK(condition, text) static_assert(condition, text)
#else
#define CHECK(condition, text) _Static_assert(condition, text)
#endif

#define LAYOUT_STRUCT(name, bytes)                               \
	CHECK(sizeof(struct name) == (bytes), "size of " #name); \
	CHECK((bytes) % 8 == 0 || (bytes) == 4, "size of " #name " in eights");
#define LAYOUT_FIELD(name, field, offset, bytes)                                           \
	CHECK(offsetof(struct name, field) == (offset), "offset of " #field " in " #name); \
	CHECK(sizeof(((struct name *)0)->field) == (bytes), "size of " #field " in " #name);
#define LAYOUT_VALUE(name, value) \
	CHECK((unsigned long long)(name) == (value##ULL), "value of " #name);

#include "uapi_layout.h"

int main(void)
{
	return 0;
}
