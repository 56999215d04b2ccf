// SPDX-License-Identifier: MIT
/*
 * Chains of recurrent and dense layers in a network of parts: the device computes exactly what the
 * integers of their compiler give, and that is as near to float as was predicted.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define RANDOM_NETS 40

/* --- random nets ------------------------------------------------------------------ */

static uint32_t between(struct maker *maker, uint32_t low, uint32_t high)
{
	return low + maker_random(maker, high - low + 1);
}

static uint32_t last_dim(const struct maker *maker, int32_t x)
{
	return maker_dim(maker, x, maker->net->tensors[x].rank - 1);
}

/* A map whose columns are the steps, as a sequence of vectors. */
static int32_t to_sequence(struct maker *maker, int32_t x)
{
	static const union dh_net_attributes columns_first = { .transpose = { { 3, 0, 1, 2 } } };
	uint32_t channels = maker_dim(maker, x, 1), rows = maker_dim(maker, x, 2);
	uint32_t steps = maker_dim(maker, x, 3);
	uint32_t moved[] = { steps, 1, channels, rows }, flat[] = { steps, 1, channels * rows };

	x = maker_node(maker, DH_NET_TRANSPOSE, &columns_first, 1, &x, 4, moved);
	return maker_shape(maker, x, 3, flat);
}

static int32_t with_bias(struct maker *maker, int32_t x)
{
	uint32_t width = last_dim(maker, x);

	return maker_same(maker, DH_NET_ADD, x, maker_constant(maker, 1, &width, 0.3F, 0));
}

static int32_t random_dense(struct maker *maker, int32_t x, bool between_layers)
{
	static const enum dh_net_op activations[] = { DH_NET_RELU, DH_NET_TANH, DH_NET_SIGMOID };

	x = maker_product(maker, x, between(maker, 1, 30));
	if (maker_random(maker, 2))
		x = with_bias(maker, x);
	if (maker_random(maker, 2))
		x = maker_same(maker, activations[between_layers ? maker_random(maker, 3) : 0], x,
			       DH_NET_NONE);
	return x;
}

/* The last state out of all of them. */
static int32_t take_last(struct maker *maker, int32_t x)
{
	union dh_net_attributes attr = { .slice = { .steps = { 1, 1, 1, 1 } } };
	uint32_t dims[] = { 1, 1, 1, last_dim(maker, x) };

	attr.slice.starts[0] = maker_dim(maker, x, 0) - 1;
	return maker_node(maker, DH_NET_SLICE, &attr, 1, &x, 4, dims);
}

static int32_t random_chain(struct maker *maker, int32_t x, uint32_t *layers)
{
	uint32_t steps = maker_dim(maker, x, 0), count = between(maker, 1, 3);
	uint32_t end = maker_random(maker, 3);

	if (maker_random(maker, 2)) {
		x = random_dense(maker, x, true);
		++*layers;
	}
	for (uint32_t i = 0; i < count; i++) {
		bool all = i + 1 < count || end;
		uint32_t dims[] = { steps, 1, 0 };

		x = maker_gru(maker, x, between(maker, 1, 40), all);
		dims[2] = last_dim(maker, x);
		if (all && (i + 1 < count || end == 1))
			x = maker_shape(maker, x, 3, dims);
		++*layers;
	}
	if (end == 2)
		x = take_last(maker, x);
	if (maker_random(maker, 2)) {
		x = random_dense(maker, x, false);
		++*layers;
	}
	return x;
}

/* What comes out goes into a convolution, or a dense layer of the other engine, or stays. */
static int32_t random_end(struct maker *maker, int32_t x)
{
	uint32_t dims[] = { 1, 1, 1, last_dim(maker, x) };

	dims[2] = dh_net_elements(&maker->net->tensors[x]) / dims[3];
	switch (maker_random(maker, 4)) {
	case 0:
		return maker_square(maker, maker_shape(maker, x, 4, dims), between(maker, 1, 9), 3);
	case 1:
		x = maker_same(maker, DH_NET_SIGMOID, x, DH_NET_NONE);
		return maker_dense(maker, maker_flat(maker, x), between(maker, 1, 20), true);
	default:
		return x;
	}
}

static struct dh_net *random_net(uint32_t seed, uint32_t *layers)
{
	struct maker maker;
	uint32_t dims[4] = { 1 };
	int32_t x;

	maker_start(&maker, seed);
	dims[1] = between(&maker, 1, 5);
	dims[2] = between(&maker, 1, 5);
	dims[3] = between(&maker, 2, 15);
	x = maker_input(&maker, 4, dims);
	if (maker_random(&maker, 4))
		x = maker_square(&maker, x, between(&maker, 1, 9), 3);
	*layers = 0;
	x = random_chain(&maker, to_sequence(&maker, x), layers);
	maker_output(&maker, random_end(&maker, x));
	return maker_finish(&maker);
}

START_TEST(random_nets)
{
	struct fixture fixture;
	uint32_t layers;
	struct dh_net *net = random_net(3000 + _i, &layers);

	fixture_options(&fixture, "card");
	if (_i % 3 == 2)
		fixture.options.theta_x = fixture.options.theta_h = 24;
	fixture_calibrate(&fixture, net, _i);
	fixture_map(&fixture, net);
	ck_assert_uint_eq(fixture.plan.chain_count, 1);
	ck_assert_uint_eq(fixture.plan.chains[0].layer_count, layers);
	if (_i % 3 != 2)
		ck_assert_double_lt(fixture.plan.output_error, 0.25);
	fixture_compare(&fixture);
	fixture_free(&fixture);
}
END_TEST

/* --- what is no chain ------------------------------------------------------------- */

/** struct made - a GRU over an input of its own, whose output is the network's */
struct made {
	struct maker maker;
	int32_t input;
	struct dh_net_node *gru;
};

static void make_gru(struct made *made, uint32_t values, uint32_t hidden, bool all)
{
	const uint32_t dims[] = { 7, 1, values };

	maker_start(&made->maker, 5);
	made->input = maker_input(&made->maker, 3, dims);
	maker_output(&made->maker, maker_gru(&made->maker, made->input, hidden, all));
	made->gru = &made->maker.net->nodes[0];
}

static void check_host(struct made *made, const char *profile, const char *text)
{
	struct fixture fixture;

	fixture_options(&fixture, profile);
	fixture_map(&fixture, maker_finish(&made->maker));
	ck_assert_uint_eq(fixture.plan.chain_count, 0);
	ck_assert_int_eq(fixture.plan.nodes[0].place, DH_PLACE_HOST);
	ck_assert_msg(strstr(fixture.plan.nodes[0].text, text), "%s", fixture.plan.nodes[0].text);
	fixture_free(&fixture);
}

START_TEST(attributes)
{
	struct made made;

	make_gru(&made, 8, 16, true);
	made.gru->attr.recurrent.linear_before_reset = false;
	check_host(&made, "card", "linear_before_reset 0");
	make_gru(&made, 8, 16, true);
	made.gru->attr.recurrent.clip = 2;
	check_host(&made, "card", "clip 2");
	make_gru(&made, 8, 16, true);
	made.gru->attr.recurrent.direction = DH_NET_REVERSE;
	check_host(&made, "card", "not forward");
	make_gru(&made, 8, 16, true);
	made.gru->attr.recurrent.activations[1].op = DH_NET_RELU;
	check_host(&made, "card", "Sigmoid, Relu");
	make_gru(&made, 8, 16, true);
	check_host(&made, "nullhop-fpga", "profile nullhop-fpga has no recurrent engine");
}
END_TEST

/* What only its compiler finds. */
START_TEST(sizes_and_weights)
{
	struct made made;

	make_gru(&made, 1100, 16, true);
	check_host(&made, "card", "1100 inputs; the engine has at most 1024");
	make_gru(&made, 8, 1030, false);
	check_host(&made, "card", "1030 units; the engine has at most 1024");
	make_gru(&made, 8, 16, true);
	made.maker.net->tensors[made.gru->inputs[2]].floats[3] = 1000;
	check_host(&made, "card", "recurrent weight 1000");
}
END_TEST

/* A longer chain than there are layer slots becomes several parts. */
START_TEST(more_layers_than_slots)
{
	const uint32_t dims[] = { 1, 5, 8 }, first[] = { 5, 1, 8 }, next[] = { 5, 1, 16 };
	struct fixture fixture;
	struct maker maker;
	struct dh_net *net;
	int32_t x;

	maker_start(&maker, 6);
	x = maker_shape(&maker, maker_input(&maker, 3, dims), 3, first);
	for (int i = 0; i < 10; i++)
		x = maker_shape(&maker, maker_gru(&maker, x, 16, true), 3, next);
	maker_output(&maker, x);
	net = maker_finish(&maker);
	fixture_options(&fixture, "card");
	fixture_calibrate(&fixture, net, 1);
	fixture_map(&fixture, net);
	ck_assert_uint_eq(fixture.plan.chain_count, 2);
	ck_assert_uint_eq(fixture.plan.chains[0].layer_count, 8);
	ck_assert_uint_eq(fixture.plan.chains[1].layer_count, 2);
	ck_assert_uint_eq(fixture.plan.chains[1].first_layer, 8);
	fixture_compare(&fixture);
	fixture_free(&fixture);
}
END_TEST

/* A GRU behind an input: its states as [5][1][16]. */
static int32_t make_sequence(struct maker *maker)
{
	const uint32_t dims[] = { 1, 5, 8 }, first[] = { 5, 1, 8 }, states[] = { 5, 1, 16 };
	int32_t x;

	maker_start(maker, 6);
	x = maker_shape(maker, maker_input(maker, 3, dims), 3, first);
	return maker_shape(maker, maker_gru(maker, x, 16, true), 3, states);
}

static void map_and_compare(struct fixture *fixture, struct maker *maker, int32_t output)
{
	struct dh_net *net;

	maker_output(maker, output);
	net = maker_finish(maker);
	fixture_options(fixture, "card");
	fixture_calibrate(fixture, net, 1);
	fixture_map(fixture, net);
	ck_assert_uint_eq(fixture->plan.chain_count, 1);
	fixture_compare(fixture);
}

/* Axes of 1 may change places, others not. */
START_TEST(order_of_values)
{
	static const union dh_net_attributes perms[] = { { .transpose = { { 1, 0, 2 } } },
							 { .transpose = { { 2, 1, 0 } } } };
	const uint32_t dims[][3] = { { 1, 5, 16 }, { 16, 1, 5 } };
	struct fixture fixture;
	struct maker maker;
	int32_t x = make_sequence(&maker), y;

	y = maker_node(&maker, DH_NET_TRANSPOSE, &perms[_i], 1, &x, 3, dims[_i]);
	map_and_compare(&fixture, &maker, y);
	ck_assert_int_eq(fixture.plan.chains[0].output, _i ? x : y);
	fixture_free(&fixture);
}
END_TEST

/* A part behind a chain takes what that gives in the same scale, so that it can read it where it lies. */
START_TEST(scale_of_states)
{
	const uint32_t map[] = { 1, 1, 5, 16 };
	const struct dh_network_part *parts;
	struct fixture fixture;
	struct maker maker;
	int32_t x = make_sequence(&maker);

	x = maker_square(&maker, maker_shape(&maker, x, 4, map), 3, 3);
	map_and_compare(&fixture, &maker, x);
	parts = fixture.network->parts;
	ck_assert_uint_eq(fixture.network->step_count, 2);
	ck_assert_int_eq(parts[0].program->engine, DELTAHOP_ENGINE_RNN);
	ck_assert_int_eq(parts[1].program->inputs[0].scale_exp, parts[0].program->output.scale_exp);
	fixture_free(&fixture);
}
END_TEST

/* A start other than zero, without calibration data. */
START_TEST(initial_state)
{
	const uint32_t state[] = { 1, 1, 16 };
	struct fixture fixture;
	struct made made;
	int32_t *inputs;
	const struct dh_blob *start;

	make_gru(&made, 8, 16, true);
	inputs = dh_arena_alloc(&made.maker.net->arena, 6, sizeof(*inputs));
	memcpy(inputs, made.gru->inputs, 4 * sizeof(*inputs));
	inputs[4] = DH_NET_NONE;
	inputs[5] = maker_constant(&made.maker, 3, state, 0.3F, 0);
	made.gru->inputs = inputs;
	made.gru->input_count = 6;
	fixture_options(&fixture, "card");
	fixture_map(&fixture, maker_finish(&made.maker));
	ck_assert_uint_eq(fixture.plan.chain_count, 1);
	start = &fixture.network->parts[0].program->state_template;
	ck_assert_uint_gt(start->size, 0);
	ck_assert_int_eq(fixture.network->parts[0].program->input_range, DH_RANGE_ASSUMED);
	fixture_free(&fixture);
}
END_TEST

static Suite *chain_suite(void)
{
	Suite *suite = suite_create("chain");
	TCase *tc = tcase_create("chain");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_nets, 0, RANDOM_NETS);
	tcase_add_test(tc, attributes);
	tcase_add_test(tc, sizes_and_weights);
	tcase_add_test(tc, more_layers_than_slots);
	tcase_add_loop_test(tc, order_of_values, 0, 2);
	tcase_add_test(tc, scale_of_states);
	tcase_add_test(tc, initial_state);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(chain_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
