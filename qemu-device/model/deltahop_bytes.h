/* SPDX-License-Identifier: MIT */
/* Little-endian numbers in byte buffers of any alignment. */
#ifndef DELTAHOP_BYTES_H
#define DELTAHOP_BYTES_H

#include <stdint.h>

static inline uint16_t get_le16(const void *buf)
{
	const uint8_t *bytes = buf;

	return bytes[0] | bytes[1] << 8;
}

static inline uint32_t get_le32(const void *buf)
{
	return get_le16(buf) | (uint32_t)get_le16((const uint8_t *)buf + 2) << 16;
}

static inline uint64_t get_le64(const void *buf)
{
	return get_le32(buf) | (uint64_t)get_le32((const uint8_t *)buf + 4) << 32;
}

static inline void put_le16(void *buf, uint16_t value)
{
	uint8_t *bytes = buf;

	bytes[0] = value & 0xff;
	bytes[1] = value >> 8;
}

static inline void put_le32(void *buf, uint32_t value)
{
	put_le16(buf, value & 0xffff);
	put_le16((uint8_t *)buf + 2, value >> 16);
}

static inline void put_le64(void *buf, uint64_t value)
{
	put_le32(buf, value & 0xffffffff);
	put_le32((uint8_t *)buf + 4, value >> 32);
}

#endif /* DELTAHOP_BYTES_H */
