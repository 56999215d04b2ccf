// SPDX-License-Identifier: MIT
/* Maps nets and compares the device with integers and with float. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deltahop_model.h"
#include "device.h"
#include "fixture.h"
#include "integers.h"

void fixture_options(struct fixture *fixture, const char *profile)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	*fixture = (struct fixture){ .options = { .profile = profile,
						  .limits = dh_config_limits(&config) } };
}

void fixture_calibrate(struct fixture *fixture, const struct dh_net *net, uint32_t seed)
{
	struct maker random = { .seed = seed };

	for (uint32_t i = 0; i < net->input_count; i++) {
		const struct dh_net_tensor *input = &net->tensors[net->inputs[i]];
		size_t count = FIXTURE_SAMPLES * dh_net_elements(input);
		struct dh_array *array = &fixture->arrays[i];
		float *values = malloc(count * sizeof(*values));

		ck_assert_ptr_nonnull(values);
		for (size_t k = 0; k < count; k++)
			values[k] = fabsf(maker_normal(&random)) * (maker_random(&random, 3) > 0);
		*array = (struct dh_array){ .dtype = DH_DTYPE_F4,
					    .ndim = input->rank,
					    .data = values };
		for (uint32_t d = 0; d < input->rank; d++)
			array->shape[d] = input->dims[d];
		array->shape[0] *= FIXTURE_SAMPLES;
		fixture->data[i] = (struct dh_map_data){ input->name, array };
	}
	fixture->options.calibration = fixture->data;
	fixture->options.calibration_count = net->input_count;
}

void fixture_map(struct fixture *fixture, struct dh_net *net)
{
	fixture->explain = dh_explain_create();
	fixture->plan = (struct dh_plan){ .net = net,
					  .options = &fixture->options,
					  .explain = fixture->explain,
					  .err = &fixture->err };
	ck_assert_msg(!dh_plan_make(&fixture->plan, &fixture->network), "%s", fixture->err.text);
}

void fixture_input(const struct fixture *fixture, uint32_t index, struct dh_net_run *run)
{
	const struct dh_net *net = fixture->network->net;

	for (uint32_t i = 0; i < net->input_count; i++) {
		size_t count = dh_net_elements(&net->tensors[net->inputs[i]]);

		memcpy(dh_net_run_floats(run, net->inputs[i]),
		       (const float *)fixture->arrays[i].data + index * count,
		       count * sizeof(float));
	}
}

static struct dh_net_run *new_run(const struct fixture *fixture)
{
	struct dh_net_run *run;

	ck_assert_int_eq(dh_net_run_create(fixture->network->net, &run, NULL), 0);
	return run;
}

static void compare_exactly(const struct fixture *fixture, struct dh_net_run *device,
			    struct dh_net_run *integers)
{
	const struct dh_net *net = fixture->network->net;

	for (uint32_t o = 0; o < net->output_count; o++) {
		int32_t tensor = net->outputs[o];
		const float *a = dh_net_run_floats(device, tensor);
		const float *b = dh_net_run_floats(integers, tensor);

		for (size_t i = 0; i < dh_net_elements(&net->tensors[tensor]); i++)
			ck_assert_msg(a[i] == b[i], "%s, value %zu: device %g, integers %g",
				      net->tensors[tensor].name, i, (double)a[i], (double)b[i]);
	}
}

/** struct sums - of an output over the samples */
struct sums {
	double error;
	double square;
};

static void add_errors(const struct fixture *fixture, struct dh_net_run *device,
		       struct dh_net_run *exact, struct sums *sums)
{
	const struct dh_net *net = fixture->network->net;

	for (uint32_t o = 0; o < net->output_count; o++) {
		const float *a = dh_net_run_floats(device, net->outputs[o]);
		const float *b = dh_net_run_floats(exact, net->outputs[o]);

		for (size_t i = 0; i < dh_net_elements(&net->tensors[net->outputs[o]]); i++) {
			sums[o].error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
			sums[o].square += (double)b[i] * b[i];
		}
	}
}

void fixture_compare(struct fixture *fixture)
{
	struct dh_net_run *outputs = new_run(fixture), *integers = new_run(fixture);
	struct dh_net_run *exact = new_run(fixture);
	struct device *device = device_create(fixture->network);
	struct sums sums[8] = { 0 };
	double worst = 0;

	for (uint32_t s = 0; s < FIXTURE_SAMPLES; s++) {
		fixture_input(fixture, s, outputs);
		fixture_input(fixture, s, integers);
		fixture_input(fixture, s, exact);
		device_run(device, outputs);
		integers_network(&fixture->plan, fixture->network, integers);
		dh_net_run_all(exact);
		compare_exactly(fixture, outputs, integers);
		add_errors(fixture, outputs, exact, sums);
	}
	for (uint32_t o = 0; o < fixture->network->net->output_count; o++) {
		double error = sqrt(sums[o].error / sums[o].square);

		worst = error > worst ? error : worst;
	}
	ck_assert_double_le(fabs(worst - fixture->plan.output_error), 1e-6 * worst + 1e-12);
	device_destroy(device);
	dh_net_run_free(outputs);
	dh_net_run_free(integers);
	dh_net_run_free(exact);
}

void fixture_free(struct fixture *fixture)
{
	dh_plan_free(&fixture->plan);
	dh_network_free(fixture->network);
	dh_explain_free(fixture->explain);
	for (int i = 0; i < 8; i++)
		free(fixture->arrays[i].data);
}

const struct dh_plan_layer *fixture_layer(const struct fixture *fixture, int32_t out_tensor)
{
	for (uint32_t l = 0; l < fixture->plan.layer_count; l++) {
		if (fixture->plan.layers[l].out_tensor == out_tensor)
			return &fixture->plan.layers[l];
	}
	return NULL;
}
