// SPDX-License-Identifier: MIT
/* PNG images and WAV and FLAC recordings: files of a small writer of their own, and damaged ones. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input/audio.h"
#include "input/image.h"

#define FILE_BYTES 65536

/* --- files ----------------------------------------------------------------------------- */

struct bytes {
	uint8_t data[FILE_BYTES];
	size_t len;
};

static void put(struct bytes *bytes, const void *data, size_t len)
{
	ck_assert_uint_le(bytes->len + len, FILE_BYTES);
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

static void put_be32(struct bytes *bytes, uint32_t value)
{
	put(bytes, (uint8_t[]){ value >> 24, value >> 16, value >> 8, value }, 4);
}

static void put_le(struct bytes *bytes, uint32_t value, unsigned int count)
{
	for (; count--; value >>= 8)
		put(bytes, (uint8_t[]){ value }, 1);
}

/* A file in memory, by its name. */
static const char *path(void)
{
	static char name[64];

	if (!name[0])
		snprintf(name, sizeof(name), "/proc/self/fd/%d",
			 memfd_create("media-test", MFD_CLOEXEC));
	return name;
}

static void write_file(const void *data, size_t len)
{
	FILE *file = fopen(path(), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* --- a PNG writer -------------------------------------------------------------------------- */

static uint32_t crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0U;

	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static uint32_t adler32(const uint8_t *data, size_t len)
{
	uint32_t a = 1, b = 0;

	while (len--) {
		a = (a + *data++) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void put_chunk(struct bytes *png, const char *type, const void *data, size_t len)
{
	size_t start;

	put_be32(png, len);
	start = png->len;
	put(png, type, 4);
	put(png, data, len);
	put_be32(png, crc32(png->data + start, len + 4));
}

/**
 * struct picture - what is written
 * @samples: [height][width][channels], as many bits as @bits
 */
struct picture {
	unsigned int width;
	unsigned int height;
	unsigned int bits;
	unsigned int type;
	unsigned int channels;
	bool interlaced;
	uint16_t samples[20 * 20 * 4];
};

static unsigned int sample(const struct picture *picture, unsigned int x, unsigned int y,
			   unsigned int channel)
{
	return picture->samples[(y * picture->width + x) * picture->channels + channel];
}

/* Rows of every @dy-th line and @dx-th column, each after a filter byte, its bits packed. */
static void put_rows(struct bytes *raw, const struct picture *picture, unsigned int x0,
		     unsigned int dx, unsigned int y0, unsigned int dy)
{
	unsigned int x, y, channel, bit, used, value;

	for (y = y0; y < picture->height && x0 < picture->width; y += dy) {
		put_le(raw, 0, 1);
		for (x = x0, used = 0, value = 0; x < picture->width; x += dx) {
			for (channel = 0; channel < picture->channels; channel++) {
				for (bit = picture->bits; bit--;) {
					value = value << 1 |
						(sample(picture, x, y, channel) >> bit & 1);
					if (++used % 8 == 0)
						put_le(raw, value, 1);
				}
			}
		}
		if (used % 8)
			put_le(raw, value << (8 - used % 8), 1);
	}
}

static void put_image_data(struct bytes *png, const struct picture *picture)
{
	static const unsigned int passes[7][4] = { { 0, 8, 0, 8 }, { 4, 8, 0, 8 }, { 0, 4, 4, 8 },
						   { 2, 4, 0, 4 }, { 0, 2, 2, 4 }, { 1, 2, 0, 2 },
						   { 0, 1, 1, 2 } };
	static struct bytes raw, zlib;
	unsigned int pass;

	raw.len = zlib.len = 0;
	if (!picture->interlaced)
		put_rows(&raw, picture, 0, 1, 0, 1);
	for (pass = 0; picture->interlaced && pass < 7; pass++)
		put_rows(&raw, picture, passes[pass][0], passes[pass][1], passes[pass][2],
			 passes[pass][3]);
	/* one stored block */
	put(&zlib, "\x78\x01\x01", 3);
	put_le(&zlib, raw.len, 2);
	put_le(&zlib, ~raw.len & 0xffff, 2);
	put(&zlib, raw.data, raw.len);
	put_be32(&zlib, adler32(raw.data, raw.len));
	put_chunk(png, "IDAT", zlib.data, zlib.len);
}

/* @extra: a chunk before the image data, or NULL */
static void make_png(struct bytes *png, const struct picture *picture, const char *extra,
		     const void *data, size_t len)
{
	struct bytes head = { .len = 0 };

	png->len = 0;
	put(png, "\x89PNG\r\n\x1a\n", 8);
	put_be32(&head, picture->width);
	put_be32(&head, picture->height);
	put(&head, (uint8_t[]){ picture->bits, picture->type, 0, 0, picture->interlaced }, 5);
	put_chunk(png, "IHDR", head.data, head.len);
	if (extra)
		put_chunk(png, extra, data, len);
	put_image_data(png, picture);
	put_chunk(png, "IEND", "", 0);
}

static void fill_picture(struct picture *picture, uint32_t seed)
{
	unsigned int i, count = picture->width * picture->height * picture->channels;

	for (i = 0; i < count; i++)
		picture->samples[i] = next(&seed) & ((1U << picture->bits) - 1);
}

static uint32_t value_of(const struct dh_array *image, size_t i)
{
	return image->dtype == DH_DTYPE_U2 ? ((uint16_t *)image->data)[i]
					   : ((uint8_t *)image->data)[i];
}

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

static const struct {
	unsigned int bits;
	unsigned int type;
	unsigned int channels;
	bool interlaced;
} pictures[] = {
	{ 1, GREY, 1, false }, { 2, GREY, 1, false },	 { 4, GREY, 1, false },
	{ 8, GREY, 1, false }, { 16, GREY, 1, false },	 { 8, RGB, 3, false },
	{ 16, RGB, 3, false }, { 8, GREY, 1, true },	 { 16, RGB, 3, true },
	{ 1, GREY, 1, true },  { 2, PALETTE, 1, false }, { 8, PALETTE, 1, true },
};

#define PICTURES (int)(sizeof(pictures) / sizeof(*pictures))

static uint8_t palette[768];

static void make_picture(struct bytes *png, struct picture *picture, int i)
{
	uint32_t seed = 77;

	*picture = (struct picture){ .width = 19,
				     .height = 11,
				     .bits = pictures[i].bits,
				     .type = pictures[i].type,
				     .channels = pictures[i].channels,
				     .interlaced = pictures[i].interlaced };
	fill_picture(picture, i);
	for (size_t k = 0; k < sizeof(palette); k++)
		palette[k] = next(&seed);
	if (picture->type == PALETTE)
		make_png(png, picture, "PLTE", palette, 3UL << picture->bits);
	else
		make_png(png, picture, NULL, NULL, 0);
}

/* What value there must be, by the rules of image.h. */
static uint32_t expected_value(const struct picture *picture, enum dh_image_colour colour,
			       unsigned int x, unsigned int y, unsigned int channel)
{
	static const unsigned int parts[] = { 299, 587, 114 };
	uint32_t v[3], sum = 500;
	unsigned int c;

	for (c = 0; c < 3; c++) {
		v[c] = sample(picture, x, y, picture->channels == 3 ? c : 0);
		if (picture->type == PALETTE)
			v[c] = palette[3 * v[c] + c];
		else if (picture->bits < 8)
			v[c] = v[c] * 255 / ((1U << picture->bits) - 1);
		sum += parts[c] * v[c];
	}
	return colour == DH_IMAGE_GREY ? sum / 1000 : v[channel];
}

START_TEST(pixels)
{
	enum dh_image_colour colour = _i / PICTURES;
	static struct picture picture;
	static struct bytes png;
	struct dh_array image;
	struct dh_error err;
	unsigned int channels, x, y, c;

	make_picture(&png, &picture, _i % PICTURES);
	write_file(png.data, png.len);
	ck_assert_msg(!dh_image_read(path(), colour, &image, &err), "%s", err.text);
	channels = colour == DH_IMAGE_RGB || (colour == DH_IMAGE_AS_IT_IS && picture.type != GREY)
			   ? 3
			   : 1;
	ck_assert_uint_eq(image.ndim, 3);
	ck_assert_uint_eq(image.shape[0], 11);
	ck_assert_uint_eq(image.shape[1], 19);
	ck_assert_uint_eq(image.shape[2], channels);
	ck_assert_int_eq(image.dtype, picture.bits == 16 ? DH_DTYPE_U2 : DH_DTYPE_U1);
	for (y = 0; y < 11; y++)
		for (x = 0; x < 19; x++)
			for (c = 0; c < channels; c++)
				ck_assert_uint_eq(value_of(&image, (y * 19 + x) * channels + c),
						  expected_value(&picture, colour, x, y, c));
	dh_array_free(&image);
}
END_TEST

/* A gamma chunk changes nothing. */
START_TEST(gamma_is_not_applied)
{
	static struct picture picture = {
		.width = 2, .height = 1, .bits = 8, .channels = 1, .samples = { 100, 200 }
	};
	static struct bytes png;
	struct dh_array image;
	struct dh_error err;

	make_png(&png, &picture, "gAMA", "\0\1\x86\xa0", 4);
	write_file(png.data, png.len);
	ck_assert_int_eq(dh_image_read(path(), DH_IMAGE_AS_IT_IS, &image, &err), 0);
	ck_assert_uint_eq(value_of(&image, 0), 100);
	ck_assert_uint_eq(value_of(&image, 1), 200);
	dh_array_free(&image);
}
END_TEST

static void must_fail_to_read(int ret, const char *says)
{
	struct dh_array image;
	struct dh_error err;

	ck_assert_int_eq(dh_image_read(path(), DH_IMAGE_AS_IT_IS, &image, &err), ret);
	ck_assert_msg(strstr(err.text, says), "\"%s\" not in: %s", says, err.text);
	ck_assert_msg(!strncmp(err.text, path(), strlen(path())), "%s", err.text);
	ck_assert_ptr_null(image.data);
	ck_assert_int_eq(dh_image_read(path(), DH_IMAGE_AS_IT_IS, &image, NULL), ret);
}

START_TEST(transparency_is_refused)
{
	static const unsigned int types[] = { GREY_ALPHA, RGB_ALPHA, GREY };
	static struct picture picture;
	static struct bytes png;

	picture = (struct picture){ .width = 3,
				    .height = 3,
				    .bits = 8,
				    .type = types[_i],
				    .channels = types[_i] == RGB_ALPHA ? 4
						: types[_i]	       ? 2
								       : 1 };
	make_png(&png, &picture, types[_i] ? NULL : "tRNS", "\0\1", 2);
	write_file(png.data, png.len);
	must_fail_to_read(-EOPNOTSUPP, "transparent");
}
END_TEST

/* By the header, before any memory is taken. */
START_TEST(large_images_are_refused)
{
	static const unsigned int sizes[][2] = {
		{ 16385, 1 }, { 1, 16385 }, { 4097, 4096 }, { 0x7fffffff, 0x7fffffff }
	};
	static struct picture picture;
	struct bytes head = { .len = 0 };
	static struct bytes png;
	char says[64];

	picture = (struct picture){ .width = 1, .height = 1, .bits = 8, .channels = 1 };
	make_png(&png, &picture, NULL, NULL, 0);
	put_be32(&head, sizes[_i][0]);
	put_be32(&head, sizes[_i][1]);
	memcpy(png.data + 16, head.data, 8);
	head.len = 0;
	put_be32(&head, crc32(png.data + 12, 17));
	memcpy(png.data + 29, head.data, 4);
	write_file(png.data, png.len);
	snprintf(says, sizeof(says), "%u x %u pixels; at most 16384", sizes[_i][0], sizes[_i][1]);
	must_fail_to_read(-EFBIG, says);
}
END_TEST

START_TEST(no_image)
{
	struct dh_array image;
	struct dh_error err;

	write_file("RIFFxxxxWAVE", 12);
	must_fail_to_read(-EINVAL, "not a PNG file");
	write_file("", 0);
	must_fail_to_read(-EINVAL, "not a PNG file");
	ck_assert_int_eq(dh_image_read("/none.png", DH_IMAGE_RGB, &image, &err), -ENOENT);
	ck_assert_str_eq(err.text, "/none.png: cannot read it: No such file or directory");
	ck_assert_int_eq(dh_image_read("/", DH_IMAGE_RGB, &image, &err), -EISDIR);
	ck_assert_str_eq(err.text, "/: cannot read it: Is a directory");
}
END_TEST

/* Cut at any byte or with any byte changed: an error, but for chunks whose loss is none. */
START_TEST(damaged_images)
{
	static struct picture picture;
	static struct bytes png;
	struct dh_array image;
	struct dh_error err;
	size_t i;
	int ret;

	make_picture(&png, &picture, _i);
	for (i = 0; i < png.len; i++) {
		write_file(png.data, i);
		if (!dh_image_read(path(), DH_IMAGE_AS_IT_IS, &image, &err))
			ck_abort_msg("cut at %zu", i);
	}
	for (i = 0; i < png.len; i++) {
		png.data[i] ^= 1 << i % 8;
		write_file(png.data, png.len);
		ret = dh_image_read(path(), DH_IMAGE_GREY, &image, &err);
		if (!ret)
			ck_abort_msg("byte %zu changed", i);
		png.data[i] ^= 1 << i % 8;
	}
}
END_TEST

/* --- sound ---------------------------------------------------------------------------------- */

enum { PCM = 1, FLOAT = 3 };

#define SAMPLES 500

static double wave(unsigned int i, unsigned int channel)
{
	return 0.9 * sin(i * 0.05 * (channel + 1));
}

/* A WAV file of @bits; the values that a reader must give go to @values, [SAMPLES][channels]. */
static void make_wav(struct bytes *wav, unsigned int kind, unsigned int bits, unsigned int channels,
		     float *values)
{
	unsigned int i, c, size = bits / 8, length = SAMPLES * channels * size;
	double scale = pow(2, bits - 1);

	wav->len = 0;
	put(wav, "RIFF", 4);
	put_le(wav, 36 + length, 4);
	put(wav, "WAVEfmt ", 8);
	put_le(wav, 16, 4);
	put_le(wav, kind, 2);
	put_le(wav, channels, 2);
	put_le(wav, 16000, 4);
	put_le(wav, 16000 * channels * size, 4);
	put_le(wav, channels * size, 2);
	put_le(wav, bits, 2);
	put(wav, "data", 4);
	put_le(wav, length, 4);
	for (i = 0; i < SAMPLES; i++) {
		for (c = 0; c < channels; c++) {
			float real = (float)wave(i, c);
			int32_t whole = (int32_t)lrint(real * (scale - 1));
			uint32_t raw = bits == 8 ? (uint32_t)whole + 128 : (uint32_t)whole;

			if (kind == FLOAT)
				memcpy(&raw, &real, 4);
			put_le(wav, raw, size);
			values[i * channels + c] = kind == FLOAT ? real : (float)(whole / scale);
		}
	}
}

static const struct {
	unsigned int kind;
	unsigned int bits;
	unsigned int channels;
} sounds[] = {
	{ PCM, 8, 1 },	  { PCM, 16, 1 }, { PCM, 24, 1 }, { PCM, 32, 1 },
	{ FLOAT, 32, 1 }, { PCM, 16, 2 }, { PCM, 24, 3 }, { FLOAT, 32, 2 },
};

#define SOUNDS (int)(sizeof(sounds) / sizeof(*sounds))

static void check_sound(const float *values, unsigned int channels, int channel)
{
	struct dh_audio audio;
	struct dh_error err;
	unsigned int i, c;

	ck_assert_msg(!dh_audio_read(path(), channel, &audio, &err), "%s", err.text);
	ck_assert_uint_eq(audio.rate, 16000);
	ck_assert_uint_eq(audio.channels, channels);
	ck_assert_uint_eq(audio.samples.ndim, 1);
	ck_assert_uint_eq(audio.samples.shape[0], SAMPLES);
	ck_assert_int_eq(audio.samples.dtype, DH_DTYPE_F4);
	for (i = 0; i < SAMPLES; i++) {
		double want = 0;

		for (c = 0; c < channels; c++)
			want += channel == DH_AUDIO_MIX	     ? values[i * channels + c] / channels
				: c == (unsigned int)channel ? values[i * channels + c]
							     : 0;
		ck_assert_double_eq_tol(((float *)audio.samples.data)[i], want, 1e-7);
	}
	dh_array_free(&audio.samples);
}

START_TEST(samples)
{
	static float values[SAMPLES * 3];
	unsigned int channels = sounds[_i].channels;
	static struct bytes wav;
	int channel;

	make_wav(&wav, sounds[_i].kind, sounds[_i].bits, channels, values);
	write_file(wav.data, wav.len);
	for (channel = DH_AUDIO_MIX; channel < (int)channels; channel++)
		check_sound(values, channels, channel);
}
END_TEST

static void make_flac(const float *values, unsigned int channels)
{
	SF_INFO info = { .samplerate = 16000,
			 .channels = channels,
			 .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16 };
	SNDFILE *file = sf_open(path(), SFM_WRITE, &info);
	static short whole[SAMPLES * 3];
	unsigned int i;

	for (i = 0; i < SAMPLES * channels; i++)
		whole[i] = (short)(values[i] * 32768);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(sf_writef_short(file, whole, SAMPLES), SAMPLES);
	sf_close(file);
}

START_TEST(flac)
{
	static float values[SAMPLES * 3];
	static struct bytes wav;

	make_wav(&wav, PCM, 16, 2, values);
	make_flac(values, 2);
	check_sound(values, 2, DH_AUDIO_MIX);
	check_sound(values, 2, 1);
}
END_TEST

static void must_fail_to_hear(int channel, int ret, const char *says)
{
	struct dh_audio audio;
	struct dh_error err;

	ck_assert_int_eq(dh_audio_read(path(), channel, &audio, &err), ret);
	ck_assert_msg(strstr(err.text, says), "\"%s\" not in: %s", says, err.text);
	ck_assert_ptr_null(audio.samples.data);
	ck_assert_int_eq(dh_audio_read(path(), channel, &audio, NULL), ret);
}

START_TEST(no_sound)
{
	static float values[SAMPLES * 3];
	SF_INFO info = { .samplerate = 8000,
			 .channels = 1,
			 .format = SF_FORMAT_AIFF | SF_FORMAT_PCM_16 };
	static struct bytes wav;
	struct dh_audio audio;
	struct dh_error err;

	make_wav(&wav, PCM, 16, 2, values);
	write_file(wav.data, wav.len);
	must_fail_to_hear(2, -ERANGE, "no channel 2; it has 2");
	must_fail_to_hear(-2, -ERANGE, "no channel -2");
	sf_close(sf_open(path(), SFM_WRITE, &info));
	must_fail_to_hear(0, -EINVAL, "neither a WAV nor a FLAC file");
	write_file("hello", 5);
	must_fail_to_hear(0, -EINVAL, "not a WAV or FLAC file");
	write_file("", 0);
	must_fail_to_hear(0, -EINVAL, "not a WAV or FLAC file");
	ck_assert_int_eq(dh_audio_read("/none.wav", 0, &audio, &err), -ENOENT);
	ck_assert_str_eq(err.text, "/none.wav: cannot read it: No such file or directory");
	ck_assert_int_ne(dh_audio_read("/", 0, &audio, &err), 0);
}
END_TEST

/* A header that promises gigabytes gets what there is, and is told to be cut off. */
START_TEST(long_promise)
{
	static float values[SAMPLES * 3];
	static struct bytes wav;

	make_wav(&wav, PCM, 16, 1, values);
	memcpy(wav.data + 4, "\0\0\0\x7f", 4);
	memcpy(wav.data + 40, "\0\0\0\x7f", 4);
	write_file(wav.data, wav.len);
	must_fail_to_hear(0, -EINVAL, "1044 bytes, but by its header 2130706440: it is cut off");
	/* of a program that could not know */
	memcpy(wav.data + 4, "\xff\xff\xff\xff", 4);
	memcpy(wav.data + 40, "\xff\xff\xff\xff", 4);
	write_file(wav.data, wav.len);
	check_sound(values, 1, 0);
}
END_TEST

START_TEST(too_long)
{
	uint8_t head[44] = { 0 };
	static float values[SAMPLES * 3];
	static struct bytes wav;

	make_wav(&wav, PCM, 8, 1, values);
	memcpy(head, wav.data, 44);
	memcpy(head + 4, (uint8_t[]){ 0x24, 0, 0, 6 }, 4);
	memcpy(head + 40, (uint8_t[]){ 0, 0, 0, 6 }, 4);
	write_file(head, 44);
	/* 96 MiB of which nothing is there */
	ck_assert_int_eq(truncate(path(), 44 + 0x6000000), 0);
	must_fail_to_hear(0, -EFBIG, "more than 67108864 values");
}
END_TEST

/* Cut at any byte: an error; with any byte changed: an error, or samples. */
START_TEST(damaged_sounds)
{
	static uint8_t whole[FILE_BYTES];
	static float values[SAMPLES * 3];
	static struct bytes wav;
	struct dh_audio audio;
	struct dh_error err;
	size_t len, i;
	FILE *file;

	make_wav(&wav, PCM, 16, 1, values);
	write_file(wav.data, wav.len);
	if (_i)
		make_flac(values, 1);
	file = fopen(path(), "re");
	len = fread(whole, 1, sizeof(whole), file);
	fclose(file);
	ck_assert(len > 100 && len < sizeof(whole));
	for (i = 0; i < len; i++) {
		write_file(whole, i);
		if (!dh_audio_read(path(), 0, &audio, &err))
			ck_abort_msg("cut at %zu", i);
	}
	for (i = 0; i < len; i++) {
		whole[i] ^= 1 << i % 8;
		write_file(whole, len);
		if (!dh_audio_read(path(), 0, &audio, &err))
			dh_array_free(&audio.samples);
		whole[i] ^= 1 << i % 8;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("media");
	TCase *images = tcase_create("images"), *sounds_case = tcase_create("sounds");
	SRunner *runner;
	int failed;

	tcase_set_timeout(images, 120);
	tcase_set_timeout(sounds_case, 120);
	tcase_add_loop_test(images, pixels, 0, 3 * PICTURES);
	tcase_add_test(images, gamma_is_not_applied);
	tcase_add_loop_test(images, transparency_is_refused, 0, 3);
	tcase_add_loop_test(images, large_images_are_refused, 0, 4);
	tcase_add_test(images, no_image);
	tcase_add_loop_test(images, damaged_images, 0, PICTURES);
	tcase_add_loop_test(sounds_case, samples, 0, SOUNDS);
	tcase_add_test(sounds_case, flac);
	tcase_add_test(sounds_case, no_sound);
	tcase_add_test(sounds_case, long_promise);
	tcase_add_test(sounds_case, too_long);
	tcase_add_loop_test(sounds_case, damaged_sounds, 0, 2);
	suite_add_tcase(suite, images);
	suite_add_tcase(suite, sounds_case);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
