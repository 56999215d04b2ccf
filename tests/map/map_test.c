// SPDX-License-Identifier: MIT
/*
 * The mapper: whatever way it cuts a network, the device computes exactly what the numbers that were
 * chosen give, and that is as near to float as was predicted.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define RANDOM_NETS 60

/* --- random nets ------------------------------------------------------------------ */

static uint32_t between(struct maker *maker, uint32_t low, uint32_t high)
{
	return low + maker_random(maker, high - low + 1);
}

/* Any convolution that the map is large enough for. */
static int32_t random_conv(struct maker *maker, int32_t x)
{
	uint32_t channels = maker_dim(maker, x, 1), group = 1;
	uint32_t maps = between(maker, 1, 40);
	struct window window;

	for (int axis = 0; axis < 2; axis++) {
		uint32_t size = maker_dim(maker, x, axis + 2);

		window.kernel[axis] = between(maker, 1, size < 9 ? size : 9);
		window.strides[axis] = maker_random(maker, 3) ? 1 : between(maker, 1, 4);
		window.dilations[axis] = maker_random(maker, 5) ? 1 : 2;
		if ((window.kernel[axis] - 1) * window.dilations[axis] + 1 > size)
			window.dilations[axis] = 1;
		window.pads[axis] = maker_random(maker, window.kernel[axis]);
		window.pads[axis + 2] = maker_random(maker, window.kernel[axis]);
	}
	if (!maker_random(maker, 4)) {
		group = channels;
		maps = channels * between(maker, 1, 2);
	} else if (channels % 2 == 0 && !maker_random(maker, 4)) {
		group = 2;
		maps += maps % 2;
	}
	return maker_conv(maker, x, maps, group, &window);
}

static int32_t random_residual(struct maker *maker, int32_t x)
{
	int32_t y = maker_square(maker, x, maker_dim(maker, x, 1), between(maker, 1, 3));

	if (!maker_random(maker, 2))
		return maker_same(maker, DH_NET_ADD, x, y);
	x = maker_square(maker, x, maker_dim(maker, x, 1), 1);
	return maker_same(maker, DH_NET_ADD, y, x);
}

static int32_t random_branches(struct maker *maker, int32_t x)
{
	int32_t a = maker_square(maker, x, between(maker, 1, 30), 3);
	int32_t b = maker_square(maker, x, between(maker, 1, 30), 1);

	a = maker_same(maker, DH_NET_RELU, a, DH_NET_NONE);
	return maker_concat(maker, a, maker_random(maker, 2) ? b : x);
}

static bool can_pool(const struct maker *maker, int32_t x, uint32_t size)
{
	return maker_dim(maker, x, 2) >= size && maker_dim(maker, x, 3) >= size;
}

static int32_t random_step(struct maker *maker, int32_t x)
{
	switch (maker_random(maker, 8)) {
	case 0:
		return random_residual(maker, x);
	case 1:
		return random_branches(maker, x);
	case 2:
		return can_pool(maker, x, 3) ? maker_pool(maker, DH_NET_MAX_POOL, x, 3, 2) : x;
	default:
		return random_conv(maker, x);
	}
}

static int32_t random_tail(struct maker *maker, int32_t x)
{
	if (maker_random(maker, 2))
		x = maker_same(maker, DH_NET_RELU, x, DH_NET_NONE);
	if (can_pool(maker, x, 2) && maker_random(maker, 2))
		x = maker_pool(maker,
			       maker_random(maker, 2) ? DH_NET_MAX_POOL : DH_NET_AVERAGE_POOL, x, 2,
			       2);
	return x;
}

static struct dh_net *random_net(uint32_t seed)
{
	struct maker maker;
	uint32_t steps, dims[4] = { 1 };
	int32_t x;

	maker_start(&maker, seed);
	dims[1] = between(&maker, 1, 20);
	dims[2] = between(&maker, 1, 20);
	dims[3] = between(&maker, 1, 20);
	x = maker_input(&maker, 4, dims);
	steps = between(&maker, 1, 5);
	for (uint32_t i = 0; i < steps; i++)
		x = random_tail(&maker, random_step(&maker, x));
	if (maker_random(&maker, 2)) {
		maker_output(&maker, x);
		x = maker_dense(&maker, maker_flat(&maker, x), between(&maker, 1, 50),
				maker_random(&maker, 2));
	}
	maker_output(&maker, x);
	return maker_finish(&maker);
}

START_TEST(random_nets)
{
	static const enum dh_weight_choice choices[] = { DH_WEIGHTS_AUTO, DH_WEIGHTS_8,
							 DH_WEIGHTS_16 };
	struct dh_net *net = random_net(1000 + _i);
	struct fixture fixture;

	fixture_options(&fixture, "card");
	fixture.options.weights = choices[_i % 3];
	fixture_calibrate(&fixture, net, _i);
	fixture_map(&fixture, net);
	fixture_compare(&fixture);
	fixture_free(&fixture);
}
END_TEST

/* --- what one pass cannot hold -------------------------------------------------------- */

static void check_net(struct maker *maker, int32_t output, const char *profile,
		      struct fixture *fixture)
{
	struct dh_net *net;

	maker_output(maker, output);
	net = maker_finish(maker);
	fixture_options(fixture, profile);
	fixture->options.weights = DH_WEIGHTS_16;
	fixture_calibrate(fixture, net, 7);
	fixture_map(fixture, net);
	fixture_compare(fixture);
}

/* A convolution of an input alone, which must be on the engine; its layer. */
static const struct dh_plan_layer *check_conv(struct fixture *fixture, const uint32_t *dims,
					      uint32_t maps, const struct window *window)
{
	struct maker maker;
	int32_t x;

	maker_start(&maker, 5);
	x = maker_conv(&maker, maker_input(&maker, 4, dims), maps, 1, window);
	check_net(&maker, x, "card", fixture);
	ck_assert_ptr_nonnull(fixture_layer(fixture, x));
	return fixture_layer(fixture, x);
}

START_TEST(kernels_beyond_the_engine)
{
	static const struct window windows[] = {
		{ { 10, 4 }, { 2, 1 }, { 1, 1 }, { 0, 0, 0, 0 } },
		{ { 11, 11 }, { 4, 4 }, { 1, 1 }, { 2, 2, 5, 5 } },
		{ { 1, 15 }, { 1, 3 }, { 1, 1 }, { 0, 7, 0, 7 } },
		{ { 3, 3 }, { 1, 1 }, { 4, 5 }, { 4, 5, 4, 5 } },
		{ { 2, 2 }, { 1, 1 }, { 9, 1 }, { 3, 0, 6, 1 } },
	};
	const uint32_t dims[] = { 1, 5, 19, 21 };
	struct fixture fixture;
	const struct dh_plan_layer *layer = check_conv(&fixture, dims, 9, &windows[_i]);

	ck_assert_uint_gt(layer->piece_count, 1);
	ck_assert(layer->pieces[0].to_psum);
	fixture_free(&fixture);
}
END_TEST

/* Too many channels for a layer command, for the kernel memory, for the input store. */
START_TEST(channels_beyond_the_engine)
{
	static const uint32_t dims[][4] = { { 1, 1500, 3, 4 },
					    { 1, 900, 7, 8 },
					    { 1, 100, 9, 1000 } };
	static const struct window windows[] = {
		{ { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0, 0, 0 } },
		{ { 7, 7 }, { 1, 1 }, { 1, 1 }, { 3, 3, 3, 3 } },
		{ { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1, 1, 1 } },
	};
	struct fixture fixture;
	const struct dh_plan_layer *layer = check_conv(&fixture, dims[_i], 3, &windows[_i]);

	ck_assert_uint_gt(layer->piece_count, 1);
	fixture_free(&fixture);
}
END_TEST

/* More output maps than MACs, with channels that were made by several passes. */
START_TEST(maps_over_passes)
{
	const uint32_t dims[] = { 1, 3, 6, 5 };
	struct fixture fixture;
	struct maker maker;
	int32_t x, y;

	maker_start(&maker, 3);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 300, 3);
	x = maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE);
	y = maker_same(&maker, DH_NET_ADD, x, maker_square(&maker, x, 300, 1));
	y = maker_same(&maker, DH_NET_RELU, y, DH_NET_NONE);
	x = maker_square(&maker, maker_concat(&maker, x, y), 5, 2);
	check_net(&maker, x, "card", &fixture);
	ck_assert_uint_eq(fixture.network->part_count, 1);
	ck_assert_uint_eq(fixture.plan.layer_count, 3);
	ck_assert_uint_ge(fixture.plan.maps[fixture.plan.layers[0].output].group_count, 3);
	fixture_free(&fixture);
}
END_TEST

/* Fully connected layers with more outputs than one command, one behind the other. */
START_TEST(dense_beyond_the_engine)
{
	const uint32_t dims[] = { 1, 24, 9, 7 };
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 4);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 24, 3);
	x = maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE);
	x = maker_dense(&maker, maker_flat(&maker, x), 2100, true);
	x = maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE);
	x = maker_dense(&maker, x, 1500, false);
	x = maker_dense(&maker, x, 10, false);
	check_net(&maker, x, "card", &fixture);
	ck_assert_uint_eq(fixture.plan.layer_count, 4);
	ck_assert_uint_eq(fixture.network->step_count, 1);
	fixture_free(&fixture);
}
END_TEST

/* Inputs of a single row that are too many for the channels of a map. */
START_TEST(flat_inputs)
{
	static const uint32_t sizes[] = { 1, 1024, 3000, 1031, 40009 };
	const uint32_t dims[] = { 1, sizes[_i] };
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 4);
	x = maker_dense(&maker, maker_input(&maker, 2, dims), 6, true);
	check_net(&maker, x, "card", &fixture);
	ck_assert_ptr_nonnull(fixture_layer(&fixture, x));
	fixture_free(&fixture);
}
END_TEST

/* --- fusing and cutting -------------------------------------------------------------------- */

/* Everything between a host operation and the next is one part; what the host does not need stays. */
START_TEST(parts)
{
	const uint32_t dims[] = { 1, 4, 12, 12 };
	struct fixture fixture;
	struct maker maker;
	int32_t x, y, z;

	maker_start(&maker, 8);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 16, 3);
	x = maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE);
	y = maker_same(&maker, DH_NET_SIGMOID, x, DH_NET_NONE);
	z = maker_square(&maker, x, 16, 3);
	y = maker_square(&maker, y, 16, 5);
	x = maker_same(&maker, DH_NET_ADD, y, z);
	check_net(&maker, x, "card", &fixture);
	ck_assert_uint_eq(fixture.network->part_count, 2);
	ck_assert_uint_eq(fixture.network->step_count, 3);
	ck_assert_ptr_nonnull(fixture_layer(&fixture, x));
	ck_assert_uint_eq(fixture.plan.layer_count, 3);
	fixture_free(&fixture);
}
END_TEST

/* A map that the caller gets is read again by a later layer. */
START_TEST(outputs_in_between)
{
	const uint32_t dims[] = { 1, 2, 8, 8 };
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 9);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 20, 3);
	maker_output(&maker, x);
	x = maker_square(&maker, maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE), 4, 3);
	maker_output(&maker, x);
	x = maker_square(&maker, x, 6, 3);
	check_net(&maker, x, "card", &fixture);
	fixture_free(&fixture);
}
END_TEST

/* Dead maps make room: a chain needs no more than its two largest neighbours. */
START_TEST(memory_is_used_again)
{
	const uint32_t dims[] = { 1, 16, 16, 16 };
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 10);
	x = maker_input(&maker, 4, dims);
	for (int i = 0; i < 6; i++)
		x = maker_square(&maker, x, 16, 3);
	check_net(&maker, x, "card", &fixture);
	ck_assert_uint_eq(fixture.network->parts[0].program->scratch_bytes,
			  2 * 16 * 16 * 16 * sizeof(int16_t));
	fixture_free(&fixture);
}
END_TEST

/* A depthwise convolution multiplies at most 16 channels' zeros. */
START_TEST(depthwise)
{
	const uint32_t dims[] = { 1, 3, 10, 10 };
	const struct window window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1, 1, 1 } };
	const struct dh_plan_layer *layer;
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 11);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 64, 3);
	x = maker_conv(&maker, x, 64, 64, &window);
	check_net(&maker, x, "card", &fixture);
	layer = fixture_layer(&fixture, x);
	ck_assert_ptr_nonnull(layer);
	for (uint32_t p = 0; p < layer->piece_count; p++)
		ck_assert_uint_le(layer->pieces[p].channels, 16);
	fixture_free(&fixture);
}
END_TEST

/* --- profiles of the published engine --------------------------------------------------------- */

START_TEST(published)
{
	static const char *const profiles[] = { "nullhop-fpga", "nullhop-asic" };
	const uint32_t dims[] = { 1, 3, 14, 13 };
	struct fixture fixture;
	struct maker maker;
	int32_t x;

	maker_start(&maker, 12);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 150, 3);
	x = maker_same(&maker, DH_NET_RELU, x, DH_NET_NONE);
	x = maker_pool(&maker, DH_NET_MAX_POOL, x, 2, 2);
	x = maker_square(&maker, x, 7, 5);
	x = maker_dense(&maker, maker_flat(&maker, x), 5, false);
	check_net(&maker, x, profiles[_i], &fixture);
	ck_assert_uint_eq(fixture.plan.layer_count, 2);
	ck_assert_uint_eq(fixture.network->parts[0].program->need.caps, 0);
	fixture_free(&fixture);
}
END_TEST

/* m and passes of VGG16 on the published engine, as its mapping software has them. */
START_TEST(published_mapping)
{
	static const struct {
		uint32_t size, channels, maps, macs, passes;
	} layers[] = {
		{ 224, 3, 64, 2, 1 },	{ 224, 64, 64, 2, 1 },	{ 112, 64, 128, 1, 1 },
		{ 56, 128, 256, 1, 2 }, { 28, 256, 512, 1, 4 }, { 14, 512, 512, 2, 8 },
	};
	const uint32_t dims[] = { 1, layers[_i].channels, 5, layers[_i].size };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;

	maker_start(&maker, 13);
	maker_output(&maker,
		     maker_square(&maker, maker_input(&maker, 4, dims), layers[_i].maps, 3));
	net = maker_finish(&maker);
	fixture_options(&fixture, "nullhop-asic");
	fixture_map(&fixture, net);
	ck_assert_uint_eq(fixture.plan.layer_count, 1);
	ck_assert_uint_eq(fixture.plan.layers[0].macs, layers[_i].macs);
	ck_assert_uint_eq(fixture.plan.maps[fixture.plan.layers[0].output].group_count,
			  layers[_i].passes);
	fixture_free(&fixture);
}
END_TEST

/* What only the host can do, with a reason that names limit and value. */
START_TEST(refused_by_name)
{
	static const struct {
		const char *profile;
		uint32_t channels, cols, group;
		struct window window;
		const char *text;
	} cases[] = {
		{ "card", 4, 20, 1, { { 5, 5 }, { 5, 5 }, { 1, 1 } }, "strides 5,5" },
		{ "card", 4, 1100, 1, { { 1, 1 }, { 1, 1 }, { 1, 1 } }, "1100 columns" },
		{ "nullhop-asic", 4, 20, 1, { { 3, 3 }, { 2, 2 }, { 1, 1 } }, "strides 2,2" },
		{ "nullhop-asic", 4, 20, 1, { { 3, 2 }, { 1, 1 }, { 1, 1 } }, "kernel of 3x2" },
		{ "nullhop-fpga",
		  4,
		  20,
		  1,
		  { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 0, 1, 0 } },
		  "pads 1,0,1,0" },
		{ "nullhop-fpga", 4, 20, 1, { { 8, 8 }, { 1, 1 }, { 1, 1 } }, "kernel of 8x8" },
		{ "nullhop-asic", 1100, 20, 1, { { 1, 1 }, { 1, 1 }, { 1, 1 } }, "1100 channels" },
		{ "nullhop-asic", 900, 20, 1, { { 7, 7 }, { 1, 1 }, { 1, 1 } }, "kernel memories" },
		{ "nullhop-asic", 400, 700, 1, { { 3, 3 }, { 1, 1 }, { 1, 1 } }, "input store" },
		{ "nullhop-asic", 100, 20, 100, { { 3, 3 }, { 1, 1 }, { 1, 1 } }, "group 100" },
	};
	const uint32_t dims[] = { 1, cases[_i].channels, 9, cases[_i].cols };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;
	int32_t x;

	maker_start(&maker, 14);
	x = maker_conv(&maker, maker_input(&maker, 4, dims), cases[_i].group, cases[_i].group,
		       &cases[_i].window);
	maker_output(&maker, x);
	net = maker_finish(&maker);
	fixture_options(&fixture, cases[_i].profile);
	fixture_map(&fixture, net);
	ck_assert_int_eq(fixture.plan.nodes[0].place, DH_PLACE_HOST);
	ck_assert_msg(strstr(fixture.plan.nodes[0].text, cases[_i].text), "%s",
		      fixture.plan.nodes[0].text);
	fixture_free(&fixture);
}
END_TEST

/* --- numbers ------------------------------------------------------------------------------------- */

/* Weights of large values and many taps: accumulators are proven not to wrap around. */
START_TEST(accumulators_are_safe)
{
	const uint32_t dims[] = { 1, 60, 6, 6 }, weight_dims[] = { 4, 60, 5, 5 };
	union dh_net_attributes attr = { .conv = { .window = { { 5, 5 }, { 1, 1 }, { 1, 1 } },
						   .group = 1 } };
	const uint32_t out[] = { 1, 4, 2, 2 };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;
	int32_t inputs[2];
	float *values;

	maker_start(&maker, 15);
	inputs[0] = maker_input(&maker, 4, dims);
	inputs[1] = maker_constant(&maker, 4, weight_dims, 0, 0);
	values = maker.net->tensors[inputs[1]].floats;
	for (size_t i = 0; i < dh_net_elements(&maker.net->tensors[inputs[1]]); i++)
		values[i] = 900;
	maker_output(&maker, maker_node(&maker, DH_NET_CONV, &attr, 2, inputs, 4, out));
	net = maker_finish(&maker);
	fixture_options(&fixture, "card");
	fixture_calibrate(&fixture, net, 1);
	for (size_t i = 0; i < FIXTURE_SAMPLES * 60 * 36; i++)
		((float *)fixture.arrays[0].data)[i] = i < 60 * 36 ? 1 : 2;
	fixture_map(&fixture, net);
	ck_assert_uint_eq(fixture.plan.layer_count, 1);
	ck_assert(!fixture.plan.layers[0].measured);
	fixture_compare(&fixture);
	ck_assert_double_le(fixture.plan.output_error, 0.01);
	fixture_free(&fixture);
}
END_TEST

/* Weights that are multiples of 1/64 and not larger than 127 of them are exact in 8 bits. */
START_TEST(exact_weights_of_8_bits)
{
	const uint32_t dims[] = { 1, 6, 8, 8 };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;
	float *values;
	int32_t x;

	maker_start(&maker, 16);
	x = maker_square(&maker, maker_input(&maker, 4, dims), 10, 3);
	values = maker.net->tensors[1].floats;
	for (size_t i = 0; i < dh_net_elements(&maker.net->tensors[1]); i++)
		values[i] = (float)((int)maker_random(&maker, 255) - 127) / 64;
	maker_output(&maker, x);
	net = maker_finish(&maker);
	fixture_options(&fixture, "card");
	fixture_calibrate(&fixture, net, 2);
	fixture_map(&fixture, net);
	ck_assert(fixture.plan.layers[0].weight8);
	ck_assert_double_eq(fixture.plan.layers[0].weight_error, 0);
	fixture_compare(&fixture);
	fixture_free(&fixture);
}
END_TEST

/* Without calibration data values of up to 128 still fit, and it says what it assumed. */
START_TEST(no_calibration)
{
	const uint32_t dims[] = { 1, 3, 12, 12 };
	struct fixture fixture;
	struct maker maker;
	bool told = false;

	maker_start(&maker, 17);
	maker_output(&maker,
		     maker_square(&maker, maker_square(&maker, maker_input(&maker, 4, dims), 8, 3),
				  8, 3));
	fixture_options(&fixture, "card");
	fixture_map(&fixture, maker_finish(&maker));
	for (size_t i = 0; i < fixture.explain->warning_count; i++)
		told |= !!strstr(fixture.explain->warnings[i], "no calibration data");
	ck_assert(told);
	ck_assert_int_eq(fixture.network->parts[0].program->inputs[0].scale_exp, 0);
	fixture_free(&fixture);
}
END_TEST

/* Weights that are no numbers, or so large that no scale holds their sums, are left to the host. */
START_TEST(impossible_weights)
{
	static const float values[] = { NAN, INFINITY, 1e30F };
	const uint32_t dims[] = { 1, 2, 6, 6 };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;

	maker_start(&maker, 18);
	maker_output(&maker, maker_square(&maker, maker_input(&maker, 4, dims), 3, 3));
	net = maker_finish(&maker);
	net->tensors[1].floats[5] = values[_i];
	fixture_options(&fixture, "card");
	fixture_map(&fixture, net);
	ck_assert_uint_eq(fixture.plan.layer_count, 0);
	ck_assert_ptr_nonnull(strstr(fixture.plan.nodes[0].text, _i < 2 ? "finite" : "any scale"));
	fixture_free(&fixture);
}
END_TEST

/* --- calibration data that do not fit ---------------------------------------------------------- */

START_TEST(hostile_calibration)
{
	static float values[200] = { [7] = NAN };
	static const struct {
		struct dh_array array;
		const char *name;
		const char *text;
	} cases[] = {
		{ { DH_DTYPE_I8, 4, { 1, 2, 6, 6 }, values }, NULL, "int64" },
		{ { DH_DTYPE_F4, 4, { 1, 2, 6, 5 }, values }, NULL, "shape" },
		{ { DH_DTYPE_F4, 4, { 0, 2, 6, 6 }, values }, NULL, "shape" },
		{ { DH_DTYPE_F4, 0, { 0 }, values }, NULL, "shape" },
		{ { DH_DTYPE_F4, 4, { 1, 2, 6, 6 }, values }, NULL, "value 7 is not a finite" },
		{ { DH_DTYPE_U1, 4, { 1, 2, 6, 6 }, values },
		  "other",
		  "no calibration data for input" },
	};
	const uint32_t dims[] = { 1, 2, 6, 6 };
	struct dh_network *network;
	struct fixture fixture;
	struct maker maker;

	maker_start(&maker, 19);
	maker_output(&maker, maker_square(&maker, maker_input(&maker, 4, dims), 3, 3));
	fixture_options(&fixture, "card");
	fixture.data[0] = (struct dh_map_data){ cases[_i].name, &cases[_i].array };
	fixture.options.calibration = fixture.data;
	fixture.options.calibration_count = 1;
	ck_assert_int_eq(dh_map_net(maker_finish(&maker), &fixture.options, &network, NULL,
				    &fixture.err),
			 -EINVAL);
	ck_assert_msg(strstr(fixture.err.text, cases[_i].text), "%s", fixture.err.text);
}
END_TEST

static Suite *map_suite(void)
{
	Suite *suite = suite_create("map");
	TCase *tc = tcase_create("map");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_nets, 0, RANDOM_NETS);
	tcase_add_loop_test(tc, kernels_beyond_the_engine, 0, 5);
	tcase_add_loop_test(tc, channels_beyond_the_engine, 0, 3);
	tcase_add_test(tc, maps_over_passes);
	tcase_add_test(tc, dense_beyond_the_engine);
	tcase_add_loop_test(tc, flat_inputs, 0, 5);
	tcase_add_test(tc, parts);
	tcase_add_test(tc, outputs_in_between);
	tcase_add_test(tc, memory_is_used_again);
	tcase_add_test(tc, depthwise);
	tcase_add_loop_test(tc, published, 0, 2);
	tcase_add_loop_test(tc, published_mapping, 0, 6);
	tcase_add_loop_test(tc, refused_by_name, 0, 10);
	tcase_add_test(tc, accumulators_are_safe);
	tcase_add_test(tc, exact_weights_of_8_bits);
	tcase_add_test(tc, no_calibration);
	tcase_add_loop_test(tc, impossible_weights, 0, 3);
	tcase_add_loop_test(tc, hostile_calibration, 0, 6);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(map_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
