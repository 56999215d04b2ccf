// SPDX-License-Identifier: MIT
/* The event readers: generated files of every format, real recordings, damage of every kind. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_writer.h"

#define ROOM 512

/* Assertions of Check take long: where very much is looked at, they are only made of what is wrong. */

/* --- reading ---------------------------------------------------------------------------- */

/* What came of reading some bytes. */
struct outcome {
	int ret;
	struct dh_error err;
	struct dh_event *events;
	size_t count;
	struct dh_event_info info;
};

static struct dh_event_reader *make_reader(const struct dh_event_reader_options *options)
{
	struct dh_event_reader *reader;
	struct dh_error err;

	ck_assert_msg(!dh_event_reader_create(options, &reader, &err), "%s", err.text);
	return reader;
}

/* Gives @bytes in pieces of @piece, and takes up to @room events at a time. */
static struct outcome read_bytes(const uint8_t *bytes, size_t len, size_t piece, size_t room,
				 const struct dh_event_reader_options *options)
{
	struct dh_event_reader *reader = make_reader(options);
	struct outcome out = { .info = { .size = sizeof(out.info) } };
	size_t at = 0, given, used, count, most = len + room;

	out.events = malloc(most * sizeof(*out.events));
	do {
		given = len - at < piece ? len - at : piece;
		/* Exactly as long as it is, so that a sanitizer sees a byte too many. */
		uint8_t *exact = malloc(given ? given : 1);

		memcpy(exact, bytes + at, given);
		out.ret = dh_event_reader_decode(reader, exact, given, &used,
						 out.events + out.count, room, &count, &out.err);
		free(exact);
		at += used;
		out.count += count;
		if (used > given || count > room || out.count > len ||
		    !(used || count || out.ret || !given))
			ck_abort_msg("%zu of %zu bytes used, %zu events, room for %zu", used, given,
				     count, room);
	} while (!out.ret && (at < len || count == room));
	if (!out.ret)
		out.ret = dh_event_reader_finish(reader, &out.err);
	dh_event_reader_get_info(reader, &out.info);
	ck_assert_uint_eq(out.info.events, out.count);
	dh_event_reader_destroy(reader);
	return out;
}

static struct outcome read_file(const struct event_file *file,
				const struct dh_event_reader_options *options)
{
	return read_bytes(file->bytes, file->len, file->len, ROOM, options);
}

static void must_be_equal(const struct dh_event *got, const struct dh_event *want, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (got[i].time_us == want[i].time_us && got[i].x == want[i].x &&
		    got[i].y == want[i].y && got[i].on == want[i].on)
			continue;
		ck_assert_msg(got[i].time_us == want[i].time_us, "event %zu: time %lld, not %lld",
			      i, (long long)got[i].time_us, (long long)want[i].time_us);
		ck_assert_msg(got[i].x == want[i].x && got[i].y == want[i].y,
			      "event %zu: pixel (%u, %u), not (%u, %u)", i, got[i].x, got[i].y,
			      want[i].x, want[i].y);
		ck_assert_msg(got[i].on == want[i].on, "event %zu: polarity", i);
	}
}

/* --- generated files --------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct event_file *(*make)(void);
	const char *format;
	enum dh_event_layout layout;
	const char *sensor;
	unsigned int width;
	unsigned int height;
	const char *skipped;
} kinds[] = {
	{ "AEDAT 2.0 DVS128", file_aedat2_dvs128, "AEDAT 2.0", DH_EVENT_LAYOUT_DVS128, "DVS128",
	  128, 128, "external input 16" },
	{ "AEDAT 2.0 jAER", file_aedat2_jaer, "AEDAT 2.0", DH_EVENT_LAYOUT_DVS128_JAER,
	  "ch.unizh.ini.jaer.chip.retina.DVS128", 128, 128, "external input 16" },
	{ "AEDAT 2.0 DAVIS", file_aedat2_davis, "AEDAT 2.0", DH_EVENT_LAYOUT_DAVIS,
	  "eu.seebetter.ini.chips.davis.DAVIS240C", 240, 180,
	  "external input 14, APS sample 24, IMU sample 18" },
	{ "AEDAT 3.1", file_aedat3, "AEDAT 3.1", DH_EVENT_LAYOUT_AUTO, "davis346", 346, 260,
	  "special 24, frame 16, unnamed types 40, marked invalid 19, polarity of another source 8" },
	{ "AEDAT 3.1 network", file_aedat3_network, "AEDAT 3.1", DH_EVENT_LAYOUT_AUTO, "", 0, 0,
	  "special 24, frame 16, unnamed types 40, marked invalid 19, polarity of another source 8" },
	{ "Event Stream", file_stream, "Event Stream 2", DH_EVENT_LAYOUT_AUTO, "", 320, 240,
	  "reset byte 8" },
	{ "EVT 2.0", file_evt2, "EVT 2.0", DH_EVENT_LAYOUT_AUTO, "hal_plugin_gen3_fx3", 640, 480,
	  "trigger 20, others 14, continued 14, before the first time 1" },
	{ "EVT 2.0 end", file_evt2_end, "EVT 2.0", DH_EVENT_LAYOUT_AUTO, "", 640, 480,
	  "trigger 21, others 14, continued 14, before the first time 1" },
};

#define KINDS (int)(sizeof(kinds) / sizeof(*kinds))

static void skipped_text(const struct dh_event_info *info, char *text, size_t size)
{
	size_t len = 0;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < DH_EVENT_SKIPPED && info->skipped[i].name; i++)
		if (info->skipped[i].count)
			len += snprintf(text + len, size - len, "%s%s %llu", len ? ", " : "",
					info->skipped[i].name,
					(unsigned long long)info->skipped[i].count);
}

START_TEST(reads_what_was_written)
{
	struct event_file *file = kinds[_i].make();
	struct outcome out = read_file(file, NULL);
	char skipped[256];

	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.count, file->count);
	must_be_equal(out.events, file->events, file->count);
	ck_assert_str_eq(out.info.format, kinds[_i].format);
	ck_assert_int_eq(out.info.layout, kinds[_i].layout);
	ck_assert_str_eq(out.info.sensor, kinds[_i].sensor);
	ck_assert_uint_eq(out.info.width, kinds[_i].width);
	ck_assert_uint_eq(out.info.height, kinds[_i].height);
	ck_assert_uint_eq(out.info.bytes, file->len);
	ck_assert_int_eq(out.info.first_us, file->events[0].time_us);
	ck_assert_int_eq(out.info.last_us, file->events[file->count - 1].time_us);
	ck_assert_uint_eq(out.info.held + out.info.resets, 0);
	skipped_text(&out.info, skipped, sizeof(skipped));
	ck_assert_str_eq(skipped, kinds[_i].skipped);
	free(out.events);
	free(file);
}
END_TEST

/* However the bytes come and the events are taken. */
START_TEST(pieces_make_no_difference)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 7, 8, 29, 1000 }, rooms[] = { 1, 2, 100 };
	struct event_file *file = kinds[_i].make();
	size_t p, r;

	for (p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
		for (r = 0; r < sizeof(rooms) / sizeof(*rooms); r++) {
			struct outcome out =
				read_bytes(file->bytes, file->len, pieces[p], rooms[r], NULL);

			ck_assert_msg(!out.ret, "%s", out.err.text);
			ck_assert_uint_eq(out.count, file->count);
			must_be_equal(out.events, file->events, file->count);
			ck_assert_uint_eq(out.info.bytes, file->len);
			free(out.events);
		}
	}
	free(file);
}
END_TEST

static bool may_end(const struct event_file *file, size_t len)
{
	size_t i;

	for (i = 0; i < file->end_count; i++)
		if (file->ends[i] == len)
			return true;
	return false;
}

/* At any byte: the events before it are read, and the end is an error unless it is one of a record. */
START_TEST(cut_anywhere)
{
	struct event_file *file = kinds[_i].make();
	size_t len;

	for (len = 0; len < file->len; len++) {
		struct outcome out = read_bytes(file->bytes, len, len % 11 + 1, ROOM, NULL);
		char where[32];

		ck_assert_uint_le(out.count, file->count);
		must_be_equal(out.events, file->events, out.count);
		if (may_end(file, len)) {
			ck_assert_msg(!out.ret, "cut at %zu: %s", len, out.err.text);
		} else if (len > file->ends[0]) {
			snprintf(where, sizeof(where), "byte %zu: ", len);
			ck_assert_msg(out.ret == -EINVAL && strstr(out.err.text, where) &&
					      strstr(out.err.text, "cut off"),
				      "cut at %zu: %d: %s", len, out.ret, out.err.text);
		}
		free(out.events);
	}
	free(file);
}
END_TEST

/* One bit wrong: whatever comes of it, time does not run back, and an error is told. */
START_TEST(any_bit_wrong)
{
	struct event_file *file = kinds[_i].make();
	size_t bit, i;

	file->len = 1200;
	for (bit = 0; bit < 8 * 600; bit++) {
		struct outcome out;

		file->bytes[bit / 8] ^= 1 << bit % 8;
		out = read_bytes(file->bytes, file->len, 4096, ROOM, NULL);
		for (i = 1; i < out.count; i++)
			if (out.events[i].time_us < out.events[i - 1].time_us)
				ck_abort_msg("bit %zu: time runs back at event %zu", bit, i);
		if (out.ret && strncmp(out.err.text, "events: ", 8))
			ck_abort_msg("bit %zu: no sentence", bit);
		free(out.events);
		file->bytes[bit / 8] ^= 1 << bit % 8;
	}
	free(file);
}
END_TEST

/* --- without a header, by name ----------------------------------------------------------- */

START_TEST(headless)
{
	static const struct {
		struct event_file *(*make)(void);
		enum dh_event_format format;
		enum dh_event_layout layout;
	} cases[] = {
		{ file_aedat2_dvs128, DH_EVENT_FORMAT_AEDAT2, DH_EVENT_LAYOUT_DVS128 },
		{ file_aedat2_jaer, DH_EVENT_FORMAT_AEDAT2, DH_EVENT_LAYOUT_DVS128_JAER },
		{ file_aedat2_davis, DH_EVENT_FORMAT_AEDAT2, DH_EVENT_LAYOUT_DAVIS },
		{ file_aedat3, DH_EVENT_FORMAT_AEDAT3, DH_EVENT_LAYOUT_AUTO },
		{ file_evt2, DH_EVENT_FORMAT_EVT2, DH_EVENT_LAYOUT_AUTO },
	};
	struct event_file *file = cases[_i].make();
	struct dh_event_reader_options options = { .size = sizeof(options),
						   .format = cases[_i].format,
						   .layout = cases[_i].layout };
	size_t start = file->ends[0];
	struct outcome out = read_bytes(file->bytes + start, file->len - start, 3, 7, &options);

	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.count, file->count);
	must_be_equal(out.events, file->events, file->count);
	ck_assert_uint_eq(out.info.width, _i < 2 ? 128 : 0);
	free(out.events);
	/* and with it all the same */
	out = read_file(file, &options);
	ck_assert_msg(!out.ret, "%s", out.err.text);
	must_be_equal(out.events, file->events, file->count);
	free(out.events);
	free(file);
}
END_TEST

START_TEST(named_layout_wins)
{
	struct event_file *file = file_aedat2_dvs128();
	struct dh_event_reader_options options = { .size = sizeof(options),
						   .layout = DH_EVENT_LAYOUT_DVS128_JAER };
	struct outcome out = read_file(file, &options);

	ck_assert_int_eq(out.ret, 0);
	ck_assert_uint_eq(out.count, file->count);
	ck_assert_int_ne(out.events[0].on, file->events[0].on);
	free(out.events);
	free(file);
}
END_TEST

START_TEST(given_size_wins)
{
	struct event_file *file = file_stream();
	struct dh_event_reader_options options = { .size = sizeof(options),
						   .width = 400,
						   .height = 300 };
	struct outcome out = read_file(file, &options);

	ck_assert_int_eq(out.ret, 0);
	ck_assert_uint_eq(out.info.width, 400);
	ck_assert_uint_eq(out.info.height, 300);
	free(out.events);
	options.width = 100;
	out = read_file(file, &options);
	ck_assert_int_eq(out.ret, -EINVAL);
	ck_assert_ptr_nonnull(strstr(out.err.text, "expected one on the sensor of 100 x 300"));
	free(out.events);
	free(file);
}
END_TEST

/* Where the size comes from, and what has precedence. */
static const struct {
	const char *header;
	unsigned int width;
	unsigned int height;
	const char *sensor;
} sizes[] = {
	{ "% evt 2.0\n% geometry 100x50\n% plugin_name hal_plugin_gen3_fx3\n", 100, 50,
	  "hal_plugin_gen3_fx3" },
	{ "% evt 2.0\n% plugin_name hal_plugin_gen3_fx3\n% geometry 100x50\n", 100, 50,
	  "hal_plugin_gen3_fx3" },
	{ "% evt 2.0\n% \n% width 100\n% height 50\n", 100, 50, "" },
	{ "% format EVT2;height=50;width=100\n", 100, 50, "" },
	{ "% evt 2.0\n% plugin_name hal_plugin_gen31_evk2\n", 640, 480, "hal_plugin_gen31_evk2" },
	{ "% evt 2.0\n% plugin_name hal_plugin_gen41_evk3\n", 1280, 720, "hal_plugin_gen41_evk3" },
	{ "% evt 2.0\n% plugin_name hal_plugin_imx636_evk4\n", 1280, 720,
	  "hal_plugin_imx636_evk4" },
	{ "% evt 2.0\n% plugin_name hal_plugin_genx320_evk\n", 320, 320, "hal_plugin_genx320_evk" },
	{ "% evt 2.0\n% plugin_name other\n", 0, 0, "other" },
	{ "#!AER-DAT2.0\n# AEChip: a.b.Davis640Color\n#End Of ASCII Header\n", 640, 480,
	  "a.b.Davis640Color" },
	{ "#!AER-DAT2.0\n# AEChip: DavisNew\n", 0, 0, "DavisNew" },
	{ "#!AER-DAT2.0\n# AEChip: eu.seebetter.ini.chips.sbret10.SBret10\n", 240, 180,
	  "eu.seebetter.ini.chips.sbret10.SBret10" },
};

START_TEST(size_by_header)
{
	struct outcome out = read_bytes((const uint8_t *)sizes[_i].header, strlen(sizes[_i].header),
					7, ROOM, NULL);

	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.info.width, sizes[_i].width);
	ck_assert_uint_eq(out.info.height, sizes[_i].height);
	ck_assert_str_eq(out.info.sensor, sizes[_i].sensor);
	free(out.events);
}
END_TEST

/* The sensor of the source that has polarity events; or of the one that the file was written from. */
START_TEST(size_by_source)
{
	static const char *const headers[] = {
		"#!AER-DAT3.1\r\n#Source 0: DVS128\r\n#Source 3: DAVIS208\r\n#!END-HEADER\r\n",
		"#!AER-DAT3.1\r\n#Source 3: File\r\n#-Source 0: DAVIS208\r\n#-Source 1: DVS128\r\n"
		"#!END-HEADER\r\n",
		"#!AER-DAT3.1\r\n#Source 99999999999: DVS128\r\n#Source x\r\n#!END-HEADER\r\n",
	};
	struct event_file *file = file_new();
	struct outcome out;

	file_text(file, headers[_i]);
	put_packet(file, 0, 0, 8, 0, 0);
	put_packet(file, 1, 3, 8, 0, 1);
	put_polarity(file, 1, 200, 190, true, true);
	out = read_file(file, NULL);
	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.count, 1);
	ck_assert_uint_eq(out.info.width, _i < 2 ? 208 : 0);
	ck_assert_uint_eq(out.info.height, _i < 2 ? 192 : 0);
	free(out.events);
	free(file);
}
END_TEST

/* --- damage and what is not read --------------------------------------------------------- */

#define AEDAT3	"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n"
#define ES(n)	"Event Stream" n
#define PAIR(a) "\0\0" a "\0\0\0\1"

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	int ret;
	const char *says;
	const char *says_too;
} bad[] = {
#define BAD(name, bytes, ret, says, too)                       \
	{                                                      \
		name, bytes, sizeof(bytes) - 1, ret, says, too \
	}
	BAD("nothing", "", -EINVAL, "byte 0: is empty", ""),
	BAD("text", "hello", -EINVAL, "byte 0: found 0x68", "EVT 2.0"),
	BAD("nearly", "Event stream", -EINVAL, "found 0x73", "Event Stream 2"),
	BAD("too short to tell", "#!AER-D", -EINVAL, "byte 7: ends before it is clear", ""),
	BAD("AEDAT 1", "#!AER-DAT1.0\r\n", -EOPNOTSUPP, "AEDAT 1.0", "cannot be read"),
	BAD("AEDAT 3.0", "#!AER-DAT3.0\r\n", -EOPNOTSUPP, "AEDAT 3.0", "cannot be read"),
	BAD("AEDAT 4", "#!AER-DAT4.0\r\n", -EOPNOTSUPP, "AEDAT 4.0", "cannot be read"),
	BAD("no chip", "#!AER-DAT2.0\r\n\x01", -EOPNOTSUPP, "AEChip: missing", "dvs128-jaer"),
	BAD("unknown chip", "#!AER-DAT2.0\r\n# AEChip: x.Cochlea\r\n\x01", -EOPNOTSUPP,
	    "AEChip: x.Cochlea", "davis"),
	BAD("DVS128 address",
	    "#!AER-DAT2.0\n# AEChip: DVS128\n" PAIR("\x7f\xff") "\0\1\0\0\0\0\0\2", -EINVAL,
	    "byte 38: found address 0x00010000", "below 0x10000"),
	BAD("DAVIS pixel", "#!AER-DAT2.0\n#AEChip: DAVIS240C\n\x7f\xc0\0\0\0\0\0\1", -EINVAL,
	    "byte 32: an event at pixel (0, 511)", "240 x 180"),
	BAD("AEDAT 3 line", "#!AER-DAT3.1\r\n#Format: RAW\r\nx", -EINVAL, "byte 28: found 0x78",
	    "begins with '#'"),
	BAD("AEDAT 3 format", "#!AER-DAT3.1\r\n#Format: SerializedTS\r\n", -EOPNOTSUPP,
	    "SerializedTS", "RAW"),
	BAD("AEDAT 3 binary header", "#!AER-DAT3.1\r\n#\1", -EINVAL, "byte 15: found 0x01", ""),
	BAD("AEDAT 3 compressed",
	    AEDAT3 "\1\x80\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0", -EOPNOTSUPP,
	    "packet at byte 61 is compressed", "RAW"),
	BAD("AEDAT 3 event size",
	    AEDAT3 "\1\0\0\0\x07\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0", -EINVAL,
	    "byte 61: found polarity events of 7 bytes", "expected 8"),
	BAD("AEDAT 3 time place",
	    AEDAT3 "\1\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0", -EINVAL,
	    "the time at 0", "and 4"),
	BAD("AEDAT 3 capacity", AEDAT3 "\1\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0",
	    -EINVAL, "room for 2 events, with 1", "full"),
	BAD("AEDAT 3 valid", AEDAT3 "\1\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0",
	    -EINVAL, "2 valid", "not to have more valid ones"),
	BAD("AEDAT 3 negative",
	    AEDAT3 "\0\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\0\0\0\x80\0\0\0\x80\0\0\0\0", -EINVAL,
	    "0x80000000 events", "no negative"),
	BAD("AEDAT 3 time",
	    AEDAT3 "\1\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\x80",
	    -EINVAL, "byte 89: found time 0x80000000", "31 bits"),
	BAD("AEDAT 3 pixel",
	    AEDAT3 "\1\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\1\0\0\0\0",
	    -EINVAL, "byte 89: an event at pixel (128, 0)", "128 x 128"),
	BAD("AEDAT 3 huge skip",
	    AEDAT3
	    "\2\0\0\0\xff\xff\xff\x7f\4\0\0\0\0\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f\0\0\0\0x",
	    -EINVAL, "byte 90: ends in the middle", "cut off"),
	BAD("AEDAT 3 network format", "\x58\x66\x9a\x0b\xc9\x8b\x37\x1d\0\0\0\0\0\0\0\0\1\1\0\0",
	    -EOPNOTSUPP, "AEDAT 3.1 in format 1", "RAW"),
	BAD("AEDAT 3.0 network", "\x58\x66\x9a\x0b\xc9\x8b\x37\x1d\0\0\0\0\0\0\0\0\0\0\0\0",
	    -EOPNOTSUPP, "AEDAT 3.0 in format 0", "3.1"),
	BAD("ES version", ES("\1\0\0\1"), -EOPNOTSUPP, "Event Stream 1.0.0", "version 2"),
	BAD("ES generic", ES("\2\0\0\0"), -EOPNOTSUPP, "type generic (0)", "DVS"),
	BAD("ES ATIS", ES("\2\0\0\2"), -EOPNOTSUPP, "type ATIS (2)", "DVS"),
	BAD("ES display", ES("\2\0\0\3"), -EOPNOTSUPP, "type display (3)", "DVS"),
	BAD("ES color", ES("\2\0\0\4"), -EOPNOTSUPP, "type color (4)", "DVS"),
	BAD("ES unknown", ES("\2\0\0\x55"), -EOPNOTSUPP, "type unknown (85)", "DVS"),
	BAD("ES no size", ES("\2\0\0\1"), -EINVAL, "byte 16: ends in the middle", "cut off"),
	BAD("ES zero size", ES("\2\0\0\1\0\0\1\0"), -EINVAL, "byte 16: found a sensor of 0 x 1",
	    ""),
	BAD("ES pixel", ES("\2\0\0\1\5\0\5\0") "\0\4\0\4\0\0\5\0\0\0", -EINVAL,
	    "byte 26: an event at pixel (5, 0)", "5 x 5"),
	BAD("EVT unnamed", "% date 2020\n\1", -EOPNOTSUPP, "does not name the encoding",
	    "name the format"),
	BAD("EVT unnamed, at the end", "% date 2020\n", -EOPNOTSUPP, "does not name the encoding",
	    "name the format"),
	BAD("EVT 3", "% evt 3.0\n", -EOPNOTSUPP, "encoding 3.0", "EVT 2.0"),
	BAD("EVT 2.1", "% format EVT21;height=720;width=1280\n", -EOPNOTSUPP, "encoding EVT21",
	    "EVT 2.0"),
	BAD("EVT geometry", "% evt 2.0\n% geometry 640\n", -EINVAL,
	    "byte 10: found \"% geometry 640\"", "width and height"),
	BAD("EVT sides", "% evt 2.0\n% height 0\n", -EINVAL, "byte 10: found \"% height 0\"", ""),
	BAD("EVT width of something", "% evt 2.0\n% width 12 px\n", -EINVAL, "% width 12 px", ""),
	BAD("EVT depth", "% evt 2.0\n% geometry 640x480x3\n", -EINVAL, "640x480x3", ""),
	BAD("EVT wide", "% evt 2.0\n% width 65536\n", -EINVAL, "% width 65536", ""),
	BAD("EVT format size", "% format EVT2;width=;height=4\n", -EINVAL, "byte 0: found", ""),
	BAD("EVT reserved", "% evt 2.0\n\0\0\0\x80\1\0\0\x70", -EINVAL,
	    "byte 14: found word 0x70000001 of type 7", "expected 0, 1, 8"),
	BAD("EVT pixel", "% evt 2.0\n% geometry 4x4\n\0\0\0\x80\4\0\0\0", -EINVAL,
	    "byte 29: an event at pixel (0, 4)", "4 x 4"),
#undef BAD
};

START_TEST(says_what_is_wrong)
{
	size_t piece;

	for (piece = 1; piece < 40; piece += 13) {
		struct outcome out =
			read_bytes((const uint8_t *)bad[_i].bytes, bad[_i].len, piece, ROOM, NULL);

		ck_assert_msg(out.ret == bad[_i].ret, "%s: %d: %s", bad[_i].name, out.ret,
			      out.err.text);
		ck_assert_msg(strstr(out.err.text, bad[_i].says), "%s: \"%s\" not in: %s",
			      bad[_i].name, bad[_i].says, out.err.text);
		ck_assert_msg(strstr(out.err.text, bad[_i].says_too), "%s: \"%s\" not in: %s",
			      bad[_i].name, bad[_i].says_too, out.err.text);
		free(out.events);
	}
}
END_TEST

START_TEST(named_wrongly)
{
	struct event_file *file = file_evt2();
	struct dh_event_reader_options options = { .size = sizeof(options),
						   .name = "a.raw",
						   .format = DH_EVENT_FORMAT_AEDAT2 };
	struct outcome out = read_file(file, &options);

	ck_assert_int_eq(out.ret, -EOPNOTSUPP);
	ck_assert_str_eq(out.err.text,
			 "a.raw: begins as EVT 2.0 does, but was said to be AEDAT 2.0");
	free(out.events);
	options.format = DH_EVENT_FORMAT_STREAM;
	out = read_bytes((const uint8_t *)"xyz", 3, 1, ROOM, &options);
	ck_assert_int_eq(out.ret, -EINVAL);
	ck_assert_str_eq(out.err.text, "a.raw: byte 0: does not begin as Event Stream 2 does");
	free(out.events);
	free(file);
}
END_TEST

/* A header line as long as it may be, and one byte more. */
START_TEST(long_lines)
{
	struct event_file *file = file_new();
	struct outcome out;
	char line[4097];

	memset(line, 'x', sizeof(line));
	line[0] = '%';
	line[1] = ' ';
	file_text(file, "% evt 2.0\n");
	file_bytes(file, line, 4094);
	file_text(file, "\n");
	put_le32(file, 0x80000000);
	put_le32(file, 0);
	out = read_file(file, NULL);
	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.count, 1);
	free(out.events);
	file->len = 10;
	file_bytes(file, line, 4096);
	out = read_file(file, NULL);
	ck_assert_int_eq(out.ret, -EINVAL);
	ck_assert_ptr_nonnull(strstr(out.err.text, "longer than 4095 bytes"));
	free(out.events);
	free(file);
}
END_TEST

/* The first error stays, and the events before it were delivered. */
START_TEST(errors_stay)
{
	static const char bytes[] = "% evt 2.0\n\0\0\0\x80\1\0\0\0\2\0\0\0\0\0\0\x70\3\0\0\0";
	struct dh_event_reader *reader = make_reader(NULL);
	struct dh_event events[8];
	struct dh_error err, again;
	size_t used, count;

	ck_assert_int_eq(dh_event_reader_decode(reader, bytes, sizeof(bytes) - 1, &used, events, 8,
						&count, &err),
			 -EINVAL);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(used, 22);
	ck_assert_uint_eq(events[1].y, 2);
	ck_assert_int_eq(dh_event_reader_decode(reader, "\0\0\0", 4, &used, events, 8, &count,
						&again),
			 -EINVAL);
	ck_assert_uint_eq(count, 0);
	ck_assert_str_eq(err.text, again.text);
	ck_assert_int_eq(dh_event_reader_finish(reader, &again), -EINVAL);
	ck_assert_str_eq(err.text, again.text);
	ck_assert_int_eq(dh_event_reader_finish(reader, NULL), -EINVAL);
	dh_event_reader_destroy(reader);
	dh_event_reader_destroy(NULL);
}
END_TEST

/* No bytes at no address, before and after some. */
START_TEST(no_bytes)
{
	struct dh_event_reader *reader = make_reader(NULL);
	struct dh_event events[1];
	size_t used, count;
	struct dh_error err;

	ck_assert_int_eq(dh_event_reader_decode(reader, NULL, 0, &used, events, 1, &count, &err),
			 0);
	ck_assert_int_eq(dh_event_reader_decode(reader, "% ev", 4, &used, NULL, 0, &count, &err),
			 0);
	ck_assert_uint_eq(used, 0);
	ck_assert_int_eq(dh_event_reader_decode(reader, "% ev", 4, &used, events, 1, &count, &err),
			 0);
	ck_assert_uint_eq(used, 4);
	ck_assert_int_eq(dh_event_reader_decode(reader, NULL, 0, &used, events, 1, &count, &err),
			 0);
	ck_assert_uint_eq(used + count, 0);
	dh_event_reader_destroy(reader);
}
END_TEST

START_TEST(bad_options)
{
	static const struct dh_event_reader_options options[] = {
		{ .size = sizeof(*options), .format = 5 },
		{ .size = sizeof(*options), .layout = 4 },
		{ .size = sizeof(*options), .width = 5 },
		{ .size = sizeof(*options), .height = 5 },
	};
	struct dh_event_reader *reader;
	struct dh_error err = { "" };

	ck_assert_int_eq(dh_event_reader_create(options + _i, &reader, &err), -EINVAL);
	ck_assert(!reader && err.text[0]);
	ck_assert_int_eq(dh_event_reader_create(options + _i, &reader, NULL), -EINVAL);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(dh_event_format_name(DH_EVENT_FORMAT_AUTO), "auto");
	ck_assert_str_eq(dh_event_format_name(DH_EVENT_FORMAT_EVT2), "evt2");
	ck_assert_ptr_null(dh_event_format_name(5));
	ck_assert_str_eq(dh_event_layout_name(DH_EVENT_LAYOUT_DAVIS), "davis");
	ck_assert_ptr_null(dh_event_layout_name(4));
}
END_TEST

/* --- time -------------------------------------------------------------------------------- */

/* Counters of events, and the times that must come of them. */
static const struct {
	uint32_t raw[6];
	int64_t time[6];
	unsigned int held;
	unsigned int resets;
} clocks[] = {
	/* runs on */
	{ { 0, 1, 1, 5, 100, 1000000 }, { 0, 1, 1, 5, 100, 1000000 }, 0, 0 },
	/* a little out of order: held, not shifted */
	{ { 100, 90, 95, 101, 99, 200 }, { 100, 100, 100, 101, 101, 200 }, 3, 0 },
	{ { 100000, 0, 1, 99999, 100001, 2 },
	  { 100000, 100000, 100000, 100000, 100001, 100001 },
	  4,
	  0 },
	/* set back: goes on from there */
	{ { 500000, 100, 200, 50, 60, 300 },
	  { 500000, 500000, 500100, 500100, 500100, 500200 },
	  2,
	  1 },
	{ { 200001, 100000, 0, 100001, 0, 1 },
	  { 200001, 200001, 200001, 200002, 200002, 200003 },
	  1,
	  2 },
	/* wraps at 2^32, also out of order there */
	{ { 0xfffffff0, 0xfffffffe, 4, 0xffffffff, 5, 6 },
	  { 0xfffffff0, 0xfffffffe, 0x100000004, 0x100000004, 0x100000005, 0x100000006 },
	  1,
	  0 },
};

START_TEST(time_runs_on)
{
	struct dh_event_reader_options options = { .size = sizeof(options),
						   .format = DH_EVENT_FORMAT_AEDAT2,
						   .layout = DH_EVENT_LAYOUT_DAVIS };
	struct event_file *file = file_new();
	struct outcome out;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		put_be32(file, 0);
		put_be32(file, clocks[_i].raw[i]);
	}
	out = read_file(file, &options);
	ck_assert_int_eq(out.ret, 0);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(out.events[i].time_us, clocks[_i].time[i]);
	ck_assert_uint_eq(out.info.held, clocks[_i].held);
	ck_assert_uint_eq(out.info.resets, clocks[_i].resets);
	free(out.events);
	free(file);
}
END_TEST

/* Again and again to the end of time and back, which would pass 2^63. */
START_TEST(time_has_an_end)
{
	struct event_file *file = file_new();
	struct outcome out;
	unsigned int i;

	file_text(file, AEDAT3);
	for (i = 0; i < 8; i++) {
		put_packet(file, 1, 0, 8, i % 2 ? 0 : 0x7fffffff, 1);
		put_polarity(file, 0, 1, 1, true, true);
	}
	out = read_file(file, NULL);
	ck_assert_int_eq(out.ret, -EINVAL);
	ck_assert_uint_eq(out.count, 4);
	ck_assert_ptr_nonnull(strstr(out.err.text, "byte 233: the counter of time jumps to"));
	free(out.events);
	free(file);
}
END_TEST

/* --- recordings of real sensors ----------------------------------------------------------- */

static const struct {
	const char *folder; /* NULL: beside this test */
	const char *name;
	size_t count;
	size_t on;
	int64_t first;
	int64_t last;
	unsigned int max_x;
	unsigned int max_y;
	uint64_t hash;
} recordings[] = {
	{ NULL, "dvs-cut.es", 12000, 6621, 0, 31000, 278, 199, 0x25836258519a9e0 },
	{ NULL, "evt2-cut.raw", 14869, 3383, 913742768, 913744847, 637, 479, 0x694395f83a5bcbab },
	{ "models/permissive/dvs", "dvs.es", 473225, 270001, 0, 999000, 319, 239,
	  0xc60a3eda16b0ae6b },
	{ "models/permissive/dvs", "evt2.raw", 521252, 185861, 913716224, 913812095, 639, 479,
	  0x340b146a98b6d79a },
};

static const char *shared_folder(void)
{
	const char *folder = getenv("DELTAHOP_SHARED");

	return folder ? folder : SHARED_DIR;
}

static uint8_t *load(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes;

	if (!file)
		return NULL;
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	*len = ftell(file);
	rewind(file);
	bytes = malloc(*len);
	ck_assert_uint_eq(fread(bytes, 1, *len, file), *len);
	fclose(file);
	return bytes;
}

/* FNV-1a of time, x, y, polarity: 8, 2, 2 and 1 bytes, little endian. */
static uint64_t add_hash(uint64_t hash, uint64_t value, unsigned int bytes)
{
	for (; bytes--; value >>= 8)
		hash = (hash ^ (value & 0xff)) * 0x100000001b3;
	return hash;
}

static uint64_t hash_events(const struct dh_event *events, size_t count)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < count; i++) {
		hash = add_hash(hash, events[i].time_us, 8);
		hash = add_hash(hash, events[i].x, 2);
		hash = add_hash(hash, events[i].y, 2);
		hash = add_hash(hash, events[i].on, 1);
	}
	return hash;
}

START_TEST(real_recording)
{
	char path[4096];
	struct outcome out;
	uint8_t *bytes;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s/%s", recordings[_i].folder ? shared_folder() : DATA_DIR,
		 recordings[_i].folder ? recordings[_i].folder : ".", recordings[_i].name);
	bytes = load(path, &len);
	if (!bytes && recordings[_i].folder) {
		printf("%s is not here (DELTAHOP_SHARED): skipped\n", path);
		return;
	}
	ck_assert_msg(bytes, "%s is not here", path);
	out = read_bytes(bytes, len, 65536, 4096, NULL);
	ck_assert_msg(!out.ret, "%s", out.err.text);
	ck_assert_uint_eq(out.count, recordings[_i].count);
	ck_assert_uint_eq(out.info.on, recordings[_i].on);
	ck_assert_int_eq(out.info.first_us, recordings[_i].first);
	ck_assert_int_eq(out.info.last_us, recordings[_i].last);
	ck_assert_uint_eq(out.info.max_x, recordings[_i].max_x);
	ck_assert_uint_eq(out.info.max_y, recordings[_i].max_y);
	ck_assert_uint_eq(hash_events(out.events, out.count), recordings[_i].hash);
	ck_assert_uint_eq(out.info.held + out.info.resets, 0);
	free(out.events);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *formats = tcase_create("formats"), *damage = tcase_create("damage");
	TCase *time = tcase_create("time"), *real = tcase_create("recordings");
	SRunner *runner;
	int failed;

	tcase_set_timeout(damage, 120);
	tcase_add_loop_test(formats, reads_what_was_written, 0, KINDS);
	tcase_add_loop_test(formats, pieces_make_no_difference, 0, KINDS);
	tcase_add_loop_test(formats, headless, 0, 5);
	tcase_add_test(formats, named_layout_wins);
	tcase_add_test(formats, given_size_wins);
	tcase_add_loop_test(formats, size_by_header, 0, sizeof(sizes) / sizeof(*sizes));
	tcase_add_loop_test(formats, size_by_source, 0, 3);
	tcase_add_test(formats, names);
	tcase_add_loop_test(damage, cut_anywhere, 0, KINDS);
	tcase_add_loop_test(damage, any_bit_wrong, 0, KINDS);
	tcase_add_loop_test(damage, says_what_is_wrong, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(damage, named_wrongly);
	tcase_add_test(damage, long_lines);
	tcase_add_test(damage, errors_stay);
	tcase_add_test(damage, no_bytes);
	tcase_add_loop_test(damage, bad_options, 0, 4);
	tcase_add_loop_test(time, time_runs_on, 0, sizeof(clocks) / sizeof(*clocks));
	tcase_add_test(time, time_has_an_end);
	tcase_add_loop_test(real, real_recording, 0, sizeof(recordings) / sizeof(*recordings));
	suite_add_tcase(suite, formats);
	suite_add_tcase(suite, damage);
	suite_add_tcase(suite, time);
	suite_add_tcase(suite, real);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
