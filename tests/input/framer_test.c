// SPDX-License-Identifier: MIT
/* Frames of events against a computation of their own. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deltahop.h"

#define EVENTS	   30000
#define MOST_SIDE  100
#define MOST_FRAME (MOST_SIDE * MOST_SIDE)

/* --- events --------------------------------------------------------------------------- */

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* A spot that wanders over a sensor of 346 x 260 with noise around it; times with pauses. */
static struct dh_event *make_events(uint32_t seed)
{
	struct dh_event *events = calloc(EVENTS, sizeof(*events));
	int64_t time = 1000;
	uint32_t i;

	for (i = 0; i < EVENTS; i++) {
		bool noise = next(&seed) % 4 == 0;
		uint32_t x = noise ? next(&seed) % 346 : i / 100 % 300 + next(&seed) % 46;
		uint32_t y = noise ? next(&seed) % 260 : i / 150 % 240 + next(&seed) % 20;

		time += next(&seed) % 20 + (i % 1000 == 0 ? next(&seed) % 50000 : 0);
		events[i] = (struct dh_event){ time, x, y, next(&seed) % 3 != 0 };
	}
	return events;
}

/* --- the computation of its own ---------------------------------------------------------- */

/* A frame as the description has it; @clip and @width... of the options are given in full. */
struct expected {
	int32_t counts[MOST_FRAME];
	size_t pixels;
	uint32_t empty;
	uint32_t clipped;
	int64_t number;
	int64_t sum;
};

static void count_events(struct expected *want, const struct dh_framer_options *o,
			 const struct dh_event *events, size_t count)
{
	size_t i;

	memset(want, 0, sizeof(*want));
	want->pixels = (size_t)o->width * o->height;
	for (i = 0; i < count; i++) {
		int column = (int)floor((double)events[i].x * o->width / o->sensor_width);
		int row = (int)floor((double)events[i].y * o->height / o->sensor_height);

		column = o->flip_x ? o->width - column - 1 : column;
		row = o->flip_y ? o->height - row - 1 : row;
		want->counts[row * o->width + column] += o->polarity ? 2 * events[i].on - 1 : 1;
	}
	for (i = 0; i < want->pixels; i++) {
		want->empty += want->counts[i] == 0;
		if (abs(want->counts[i]) > o->clip) {
			want->clipped++;
			want->counts[i] = want->counts[i] < 0 ? -o->clip : o->clip;
		}
		want->number += want->counts[i] != 0;
		want->sum += want->counts[i];
	}
}

/* Sum of squared distances of what is not zero from @mean. */
static long double squares(const struct expected *want, long double mean)
{
	long double total = 0;
	size_t i;

	for (i = 0; i < want->pixels; i++)
		if (want->counts[i])
			total += (want->counts[i] - mean) * (want->counts[i] - mean);
	return total;
}

/*
 * Is q = floor(256 n / 3 sigma), cut at 256? By q * 3 sigma <= 256 n < (q + 1) * 3 sigma, squared,
 * with sigma^2 = total / number; with polarity, the same of 256 (n + 3 sigma) / 6 sigma.
 */
static bool is_caer(int q, int64_t n, long double total, int64_t number, bool polarity)
{
	/* lower * sigma <= 256 n < upper * sigma */
	long double lower = polarity ? 6 * q - 768 : 3 * q, upper = lower + (polarity ? 6 : 3);
	long double left = lower * fabsl(lower) * total;
	long double right = upper * fabsl(upper) * total;
	long double middle = 65536.0L * n * llabs(n) * number;

	return (q == 0 || left <= middle) && (q == 256 || middle < right);
}

static void check_caer(const struct expected *want, const struct dh_frame *frame, bool polarity)
{
	/* cAER's mean is a division of integers. */
	int64_t mean = want->number ? want->sum / want->number : 0;
	long double total = squares(want, mean);
	size_t i;

	for (i = 0; i < want->pixels; i++) {
		int q = frame->q8[i], n = want->counts[i];
		bool right = n ? q >= 0 && q <= 256 && is_caer(q, n, total, want->number, polarity)
			       : q == (polarity ? 127 : 0);

		if (!right || frame->values[i] != q / 256.0f)
			ck_abort_msg("pixel %zu: %d, %g of count %d, total %Lg of %lld", i, q,
				     frame->values[i], n, total, (long long)want->number);
	}
}

static long double jaer(int n, long double sigma, bool polarity, bool centred)
{
	long double zero = polarity ? 127 / 255.0L : 0, v = zero;

	if (n)
		v = polarity ? (n + 3 * sigma) / (6 * sigma) : n / (3 * sigma);
	v = fminl(fmaxl(v, 0), 1);
	return centred ? (v - zero) / (1 - zero) : v;
}

static void check_real(const struct expected *want, const struct dh_framer_options *o,
		       const struct dh_frame *frame)
{
	long double mean = want->number ? (long double)want->sum / want->number : 0;
	long double sigma = want->number ? sqrtl(squares(want, mean) / want->number) : 0;
	size_t i;

	sigma = fmaxl(sigma, 0.1L / 255);
	for (i = 0; i < want->pixels; i++) {
		int n = want->counts[i];
		long double v = o->normalise == DH_NORMALISE_LINEAR
					? (long double)n / o->clip
					: jaer(n, sigma, o->polarity,
					       o->normalise == DH_NORMALISE_JAER_CENTRED);

		if (fabsl(frame->values[i] - v) > 1e-6L || fabsl(frame->q8[i] - 256 * v) > 0.50001L)
			ck_abort_msg("pixel %zu: %d, %g for %Lg of count %d", i, frame->q8[i],
				     frame->values[i], v, n);
	}
}

static void check_frame(const struct dh_framer_options *o, const struct dh_event *events,
			size_t count, const struct dh_frame *frame)
{
	static struct expected want;

	count_events(&want, o, events, count);
	ck_assert_uint_eq(frame->events, count);
	ck_assert_uint_eq(frame->width, o->width);
	ck_assert_uint_eq(frame->height, o->height);
	ck_assert_uint_eq(frame->empty, want.empty);
	ck_assert_uint_eq(frame->clipped, want.clipped);
	ck_assert_int_eq(frame->end_us, events[count - 1].time_us);
	if (o->normalise == DH_NORMALISE_CAER)
		check_caer(&want, frame, o->polarity);
	else
		check_real(&want, o, frame);
}

/* --- tests ------------------------------------------------------------------------------- */

static struct dh_framer *make_framer(const struct dh_framer_options *options)
{
	struct dh_framer *framer;
	struct dh_error err;

	ck_assert_msg(!dh_framer_create(options, &framer, &err), "%s", err.text);
	return framer;
}

/* Every way of normalising, with and without polarity, in several sizes and limits. */
static const struct dh_framer_options variants[] = {
	{ .width = 64, .height = 64, .events = 2000, .clip = 200 },
	{ .width = 64, .height = 64, .events = 2000, .clip = 200, .flip_x = true },
	{ .width = 64, .height = 64, .events = 2000, .clip = 200, .flip_y = true },
	{ .width = 100, .height = 33, .events = 777, .clip = 3, .flip_x = true, .flip_y = true },
	{ .width = 1, .height = 1, .events = 10, .clip = 5 },
	{ .width = 7, .height = 100, .events = 10000, .clip = 1023 },
	{ .width = 64, .height = 64, .events = 1, .clip = 1 },
};

START_TEST(constant_count)
{
	struct dh_framer_options options = variants[_i % 7];
	struct dh_event *events = make_events(_i);
	struct dh_frame frame = { .size = sizeof(frame) };
	size_t at = 0, start = 0, used, frames = 0;
	struct dh_framer *framer;
	struct dh_error err;
	int ret;

	options.size = sizeof(options);
	options.sensor_width = 346;
	options.sensor_height = 260;
	options.normalise = _i / 7 % 4;
	options.polarity = _i / 28;
	framer = make_framer(&options);
	while (at < EVENTS && frames < 60) {
		size_t given = EVENTS - at < 333 ? EVENTS - at : 333;

		ret = dh_framer_push(framer, events + at, given, &used, &frame, &err);
		at += used;
		ck_assert(ret == 1 || (ret == 0 && used == given));
		if (!ret)
			continue;
		ck_assert_uint_eq(at - start, options.events);
		ck_assert_uint_eq(frame.number, frames++);
		ck_assert_int_eq(frame.start_us, events[start].time_us);
		check_frame(&options, events + start, options.events, &frame);
		start = at;
	}
	ck_assert_uint_ge(frames, 2);
	dh_framer_destroy(framer);
	free(events);
}
END_TEST

/* Windows end to end from the first event on; what is empty gives no frame; the last one by a flush. */
START_TEST(constant_time)
{
	static const uint64_t periods[] = { 1, 100, 10000, 1000000, 1ULL << 40 };
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 346,
					     .sensor_height = 260,
					     .width = 64,
					     .height = 64,
					     .clip = 200,
					     .period_us = periods[_i] };
	struct dh_event *events = make_events(99);
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	size_t used, start = 0, end;
	struct dh_error err;
	int64_t window;

	for (start = 0; start < EVENTS; start = end) {
		window = (events[start].time_us - events[0].time_us) / (int64_t)periods[_i];
		for (end = start + 1; end < EVENTS; end++)
			if ((events[end].time_us - events[0].time_us) / (int64_t)periods[_i] !=
			    window)
				break;
		if (dh_framer_push(framer, events + start, EVENTS - start, &used, &frame, &err)) {
			if (used != end - start)
				ck_abort_msg("%zu events, not %zu", used, end - start);
		} else {
			ck_assert_uint_eq(end, EVENTS);
			ck_assert(dh_framer_flush(framer, &frame));
		}
		ck_assert_int_eq(frame.start_us, events[0].time_us + window * (int64_t)periods[_i]);
		if (_i > 0)
			check_frame(&options, events + start, end - start, &frame);
		if (_i == 0 && start > 2000)
			break;
	}
	dh_framer_destroy(framer);
	free(events);
}
END_TEST

START_TEST(defaults)
{
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 346,
					     .sensor_height = 260 };
	struct dh_framer_options in_full = {
		.sensor_width = 346, .sensor_height = 260, .width = 64, .height = 64, .clip = 200
	};
	struct dh_event *events = make_events(5);
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	struct dh_error err;
	size_t used;

	ck_assert_int_eq(dh_framer_push(framer, events, EVENTS, &used, &frame, &err), 1);
	ck_assert_uint_eq(used, 2000);
	check_frame(&in_full, events, 2000, &frame);
	/* clip: one pixel gets all */
	for (size_t i = 0; i < 2000; i++)
		events[i].x = events[i].y = 0;
	ck_assert_int_eq(dh_framer_push(framer, events, EVENTS, &used, &frame, &err), 1);
	ck_assert_uint_eq(frame.clipped, 1);
	ck_assert_uint_eq(frame.empty, 4095);
	dh_framer_destroy(framer);
	free(events);
}
END_TEST

/* The limits that go with each normalisation: counts that reach them and are one above. */
START_TEST(default_clips)
{
	static const unsigned int clips[] = { 200, 100, 100, 16 };
	struct dh_event events[201] = { { .time_us = 0 } };
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_error err;
	size_t used;
	unsigned int more;

	for (more = 0; more < 2; more++) {
		struct dh_framer_options options = { .size = sizeof(options),
						     .sensor_width = 1,
						     .sensor_height = 1,
						     .width = 1,
						     .height = 1,
						     .events = clips[_i] + more,
						     .normalise = _i };
		struct dh_framer *framer = make_framer(&options);

		ck_assert_int_eq(dh_framer_push(framer, events, 201, &used, &frame, &err), 1);
		ck_assert_uint_eq(frame.clipped, more);
		ck_assert_int_eq(frame.q8[0], 256);
		dh_framer_destroy(framer);
	}
}
END_TEST

/* On and off at the same pixel leave nothing: no division by a number of 0. */
START_TEST(all_cancelled)
{
	static const int16_t empty[] = { 127, 127, 0, 0 };
	struct dh_event events[2] = { { .on = true }, { .on = false } };
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 9,
					     .sensor_height = 9,
					     .events = 2,
					     .polarity = true,
					     .normalise = _i };
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	struct dh_error err;
	size_t used;

	ck_assert_int_eq(dh_framer_push(framer, events, 2, &used, &frame, &err), 1);
	ck_assert_uint_eq(frame.empty, 64 * 64);
	ck_assert_int_eq(frame.q8[0], empty[_i]);
	ck_assert_int_eq(frame.q8[4095], empty[_i]);
	dh_framer_destroy(framer);
}
END_TEST

/* An unfinished frame is there when asked for, once; then a new one begins. */
START_TEST(flush)
{
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 346,
					     .sensor_height = 260 };
	struct dh_framer_options in_full = {
		.sensor_width = 346, .sensor_height = 260, .width = 64, .height = 64, .clip = 200
	};
	struct dh_event *events = make_events(6);
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	struct dh_error err;
	size_t used;

	ck_assert(!dh_framer_flush(framer, &frame));
	ck_assert_int_eq(dh_framer_push(framer, events, 55, &used, &frame, &err), 0);
	ck_assert(dh_framer_flush(framer, &frame));
	check_frame(&in_full, events, 55, &frame);
	ck_assert(!dh_framer_flush(framer, &frame));
	ck_assert_int_eq(dh_framer_push(framer, events + 55, EVENTS - 55, &used, &frame, &err), 1);
	ck_assert_uint_eq(used, 2000);
	ck_assert(!dh_framer_flush(framer, &frame));
	dh_framer_destroy(framer);
	dh_framer_destroy(NULL);
	free(events);
}
END_TEST

/* Times that jump to the ends of time and back. */
START_TEST(wild_times)
{
	static const int64_t times[] = { 0, INT64_MAX, INT64_MIN, 5, INT64_MIN, INT64_MAX, -1 };
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 4,
					     .sensor_height = 4,
					     .period_us = 1ULL << (_i * 7) };
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	size_t i, used, total = 0;
	struct dh_error err;

	for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct dh_event event = { .time_us = times[i] };

		while (dh_framer_push(framer, &event, 1, &used, &frame, &err) == 1)
			total += frame.events;
		ck_assert_uint_eq(used, 1);
	}
	ck_assert(dh_framer_flush(framer, &frame));
	ck_assert_uint_eq(total + frame.events, sizeof(times) / sizeof(*times));
	dh_framer_destroy(framer);
}
END_TEST

START_TEST(off_the_sensor)
{
	struct dh_event events[] = { { .x = 1 }, { .x = 9, .y = 3 }, { .x = 4, .y = 3 } };
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 9,
					     .sensor_height = 4 };
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	struct dh_error err;
	size_t used;

	ck_assert_int_eq(dh_framer_push(framer, events, 3, &used, &frame, &err), -EINVAL);
	ck_assert_uint_eq(used, 1);
	ck_assert_str_eq(err.text, "framer: an event at pixel (9, 3) of a sensor of 9 x 4");
	ck_assert(dh_framer_flush(framer, &frame));
	ck_assert_uint_eq(frame.events, 1);
	dh_framer_destroy(framer);
}
END_TEST

/* On and off events in a channel each: counts of their own, normalised together. */
START_TEST(split)
{
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 3,
					     .sensor_height = 2,
					     .width = 3,
					     .height = 2,
					     .events = 12,
					     .clip = 4,
					     .normalise = DH_NORMALISE_LINEAR,
					     .split = true };
	static const int16_t linear[] = { 256, 0, 0, 0, 0, 64, 128, 192, 0, 0, 0, 0 };
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_event events[12] = { 0 };
	struct dh_framer *framer;
	struct dh_error err;
	size_t used, i;

	for (i = 0; i < 12; i++)
		events[i] = (struct dh_event){ .x = i < 6   ? 0
						    : i < 7 ? 2
						    : i < 9 ? 0
							    : 1,
					       .y = i == 6,
					       .on = i < 7 };
	for (int how = 0; how < 2; how++, options.normalise = DH_NORMALISE_JAER) {
		framer = make_framer(&options);
		ck_assert_int_eq(dh_framer_push(framer, events, 12, &used, &frame, &err), 1);
		ck_assert_uint_eq(frame.channels, 2);
		ck_assert_uint_eq(frame.empty, 8);
		ck_assert_uint_eq(frame.clipped, 1);
		/* The counts are 4, 1, 2 and 3: sigma is the root of 5/4. */
		for (i = 0; i < 12; i++)
			ck_assert_int_eq(frame.q8[i],
					 how ? fmin(256, lrint(linear[i] * 4 / sqrt(11.25)))
					     : linear[i]);
		dh_framer_destroy(framer);
	}
}
END_TEST

#define SENSOR .size = sizeof(struct dh_framer_options), .sensor_width = 8, .sensor_height = 8

static const struct {
	struct dh_framer_options options;
	int ret;
	const char *says;
} bad[] = {
	{ { .size = sizeof(struct dh_framer_options) }, -EINVAL, "size of the sensor is not known" },
	{ { SENSOR, .width = 1025 }, -ERANGE, "1025 x 0: at most 1024 x 1024" },
	{ { SENSOR, .height = 65535 }, -ERANGE, "at most 1024" },
	{ { SENSOR, .clip = 1024 }, -ERANGE, "counts up to 1024" },
	{ { SENSOR, .normalise = 4 }, -ERANGE, "normalisation 4" },
	{ { SENSOR, .events = 1, .period_us = 1 }, -EINVAL, "choose one" },
	{ { SENSOR, .polarity = true, .split = true }, -EINVAL, "choose one" },
};

START_TEST(bad_options)
{
	struct dh_framer *framer;
	struct dh_error err;

	ck_assert_int_eq(dh_framer_create(&bad[_i].options, &framer, &err), bad[_i].ret);
	ck_assert_ptr_null(framer);
	ck_assert_msg(strstr(err.text, bad[_i].says), "\"%s\" not in: %s", bad[_i].says, err.text);
	ck_assert_int_eq(dh_framer_create(&bad[_i].options, &framer, NULL), bad[_i].ret);
}
END_TEST

/* The largest frame with the largest counts: nothing overflows. */
START_TEST(largest)
{
	struct dh_framer_options options = { .size = sizeof(options),
					     .sensor_width = 2,
					     .sensor_height = 1,
					     .width = 1024,
					     .height = 1024,
					     .clip = 1023,
					     .events = 3000,
					     .polarity = _i };
	struct dh_event *events = calloc(3000, sizeof(*events));
	struct dh_frame frame = { .size = sizeof(frame) };
	struct dh_framer *framer = make_framer(&options);
	struct dh_error err;
	size_t used, i;

	for (i = 0; i < 3000; i++)
		events[i] = (struct dh_event){ .x = i % 2, .on = i % 2 };
	ck_assert_int_eq(dh_framer_push(framer, events, 3000, &used, &frame, &err), 1);
	ck_assert_uint_eq(frame.clipped, 2);
	ck_assert_int_eq(frame.q8[512], _i ? 170 : 256);
	ck_assert_int_eq(frame.q8[0], _i ? 85 : 256);
	ck_assert_int_eq(frame.q8[1024 * 1024 - 1], _i ? 127 : 0);
	dh_framer_destroy(framer);
	free(events);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(dh_normalise_name(DH_NORMALISE_CAER), "caer");
	ck_assert_str_eq(dh_normalise_name(DH_NORMALISE_LINEAR), "linear");
	ck_assert_ptr_null(dh_normalise_name(4));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("framer");
	TCase *tests = tcase_create("framer");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, constant_count, 0, 56);
	tcase_add_loop_test(tests, constant_time, 0, 5);
	tcase_add_test(tests, defaults);
	tcase_add_loop_test(tests, default_clips, 0, 4);
	tcase_add_loop_test(tests, all_cancelled, 0, 4);
	tcase_add_test(tests, flush);
	tcase_add_loop_test(tests, wild_times, 0, 9);
	tcase_add_test(tests, off_the_sensor);
	tcase_add_test(tests, split);
	tcase_add_loop_test(tests, bad_options, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_loop_test(tests, largest, 0, 2);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
