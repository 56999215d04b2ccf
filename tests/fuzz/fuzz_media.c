// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the readers of images and sound. The first byte says which, what is wanted of it, and
 * whether the input is the file, or a file is made of it that is read further.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input/audio.h"
#include "input/image.h"

#define MAX_BYTES   4096
#define PIXEL_BYTES 4000
#define FILE_BYTES  (MAX_BYTES + 256)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

struct bytes {
	uint8_t data[FILE_BYTES];
	size_t len;
};

static void put(struct bytes *file, const void *data, size_t len)
{
	must(len <= FILE_BYTES - file->len);
	memcpy(file->data + file->len, data, len);
	file->len += len;
}

static void put_be32(struct bytes *file, uint32_t value)
{
	put(file, (uint8_t[]){ value >> 24, value >> 16, value >> 8, value }, 4);
}

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0U;

	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t adler32_of(const uint8_t *data, size_t len)
{
	uint32_t a = 1, b = 0;

	while (len--) {
		a = (a + *data++) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void put_chunk(struct bytes *file, const char *type, const void *data, size_t len)
{
	size_t start = file->len + 4;

	put_be32(file, len);
	put(file, type, 4);
	put(file, data, len);
	put_be32(file, crc32_of(file->data + start, len + 4));
}

/* Header, a chunk, and the rest as stored pixels, with the checksums that libpng asks for. */
static void make_png(struct bytes *file, const uint8_t *data, size_t size)
{
	static const char *const chunks[] = { "PLTE", "tRNS", "gAMA", "sBIT",
					      "zTXt", "iCCP", "bKGD", "teSt" };
	uint8_t head[13] = {
		0,	     0, 0, data[1] % 40, 0, 0, 0, data[2] % 40, 1U << data[3] % 5,
		data[4] % 8, 0, 0, data[3] >> 7
	};
	size_t extra = data[5] % 64 < size - 6 ? data[5] % 64 : 0, i;
	uint8_t zlib[7 + PIXEL_BYTES + 4] = { 0x78,
					      1,
					      1,
					      PIXEL_BYTES & 0xff,
					      PIXEL_BYTES >> 8,
					      ~PIXEL_BYTES & 0xff,
					      0xff - (PIXEL_BYTES >> 8) };
	uint32_t check;

	/* what is the filter of a row must be below 5 */
	for (i = 0; i < PIXEL_BYTES && i < size - 6 - extra; i++)
		zlib[7 + i] = data[0] & 128 ? data[6 + extra + i] : data[6 + extra + i] % 5;
	put(file, "\x89PNG\r\n\x1a\n", 8);
	put_chunk(file, "IHDR", head, sizeof(head));
	if (extra)
		put_chunk(file, chunks[data[4] >> 5], data + 6, extra);
	check = htobe32(adler32_of(zlib + 7, PIXEL_BYTES));
	memcpy(zlib + 7 + PIXEL_BYTES, &check, 4);
	put_chunk(file, "IDAT", zlib, sizeof(zlib));
	put_chunk(file, "IEND", "", 0);
}

static void make_wav(struct bytes *file, const uint8_t *data, size_t size)
{
	static const uint8_t kinds[] = { 1, 3, 6, 7, 0xfe, 2, 0x11, 0x55 };
	uint8_t channels = data[1] % 70, bits = 8 * (data[3] % 5), frame = channels * (bits / 8);

	put(file, "RIFF\0\0\0\0WAVEfmt \x10\0\0", 19);
	put(file,
	    (uint8_t[]){ 0, kinds[data[2] % 8], data[2] >> 7, channels, 0, data[4], 0x3e, 0, 0, 0,
			 0, data[5], 0, frame, 0, bits, 0 },
	    17);
	put(file, (uint8_t[]){ 'd', 'a', 't', 'a', size, size >> 8, 0, 0 }, 8);
	put(file, data + 6, size - 6);
}

static void read_image(const char *path, unsigned int choice)
{
	struct dh_error err = { "" };
	struct dh_array image;

	if (dh_image_read(path, choice % 3, &image, &err)) {
		must(err.text[0] && !image.data);
		return;
	}
	must(image.ndim == 3 && image.shape[0] * image.shape[1] <= DH_IMAGE_MAX_PIXELS);
	must(image.shape[2] == 1 || image.shape[2] == 3);
	dh_array_free(&image);
}

static void read_sound(const char *path, unsigned int choice)
{
	struct dh_error err = { "" };
	struct dh_audio audio;

	if (dh_audio_read(path, (int)(choice % 3) - 1, &audio, &err)) {
		must(err.text[0] && !audio.samples.data);
		return;
	}
	must(audio.samples.shape[0] <= DH_AUDIO_MAX_VALUES && audio.rate && audio.channels);
	dh_array_free(&audio.samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bytes file;
	char path[64];
	int fd;

	if (size < 6 || size > MAX_BYTES)
		return 0;
	file.len = 0;
	if (data[0] & 2)
		put(&file, data + 1, size - 1);
	else if (data[0] & 1)
		make_png(&file, data, size);
	else
		make_wav(&file, data, size);
	fd = memfd_create("fuzz-media", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, file.data, file.len) == (ssize_t)file.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (data[0] & 1)
		read_image(path, data[0] >> 2);
	else
		read_sound(path, data[0] >> 2);
	close(fd);
	return 0;
}
