// SPDX-License-Identifier: MIT
/*
 * A case on the embedded device: mapped, with its own input as calibration data, to the convolution
 * engine as far as that goes. The engine has 16-bit feature maps and 8-bit or 16-bit weights, so that an
 * output may be off by a part of the largest value of all of them.
 */
#include <errno.h>
#include <string.h>

#include "case.h"
#include "deltahop.h"
#include "deltahop_model.h"
#include "map/mapper.h"
#include "network/op.h"

#define PROFILE	  "card"
#define TOLERANCE 0.01 /* of the largest value of the output */

/* The first input as calibration data: one sample, or as many as it has rows. */
static void calibrate(const struct dh_net *net, const struct case_data *data, bool one_batch,
		      struct dh_map_options *options, struct dh_map_data *map_data,
		      struct dh_array *array)
{
	const struct dh_net_tensor *input;

	if (net->input_count != 1 || !data->input_count || data->inputs[0].type != DH_NET_FLOAT)
		return;
	input = &data->inputs[0];
	*array = (struct dh_array){ .dtype = DH_DTYPE_F4, .data = input->data };
	if (!one_batch)
		array->shape[array->ndim++] = 1;
	for (uint32_t i = 0; i < input->rank; i++)
		array->shape[array->ndim++] = input->dims[i];
	map_data->array = array;
	options->calibration = map_data;
	options->calibration_count = 1;
}

static int map_case(struct onnx_case *c, const struct case_data *data, bool one_batch,
		    struct dh_network **network, struct dh_error *say)
{
	struct dh_net_options import = { .one_batch = one_batch };
	struct dh_map_options options = { .profile = PROFILE };
	struct dh_map_data map_data = { 0 };
	struct dh_config config;
	struct dh_array array;
	struct dh_net *net;
	int ret;

	*network = NULL;
	if (data->input_count > 1) {
		import.constants = data->inputs + 1;
		import.constant_count = data->input_count - 1;
	}
	ret = dh_net_import(c->model, &import, NULL, &net, say);
	if (ret)
		return ret;
	if (!dh_config_profile(&config, PROFILE))
		return -EINVAL;
	options.limits = dh_config_limits(&config);
	calibrate(net, data, one_batch, &options, &map_data, &array);
	return dh_map_net(net, &options, network, NULL, say);
}

/* The rows of a batch that the engine can do one by one: how many; 1: it is no such network. */
static uint32_t rows_of(struct onnx_case *c, const struct case_data *data,
			struct dh_network **network)
{
	const struct dh_net_tensor *input = data->inputs, *output = data->outputs;
	uint32_t rows = data->input_count && input->rank > 1 ? input->dims[0] : 1;
	struct dh_error ignored;

	if (rows == 1 || map_case(c, data, true, network, &ignored))
		return 1;
	if (dh_network_layers(*network) && output->rank && output->dims[0] == rows)
		return rows;
	dh_network_free(*network);
	return 1;
}

/* Part @row of a tensor of @rows. */
static struct dh_net_tensor row_of(const struct dh_net_tensor *tensor, uint32_t rows, uint32_t row)
{
	struct dh_net_tensor part = *tensor;

	if (rows > 1)
		part.dims[0] = 1;
	part.data = (char *)tensor->data + row * dh_net_bytes(&part);
	return part;
}

static bool compare_outputs(const struct dh_network *network, const struct dh_session *session,
			    const struct case_data *data, uint32_t rows, uint32_t row,
			    struct dh_error *say)
{
	for (size_t i = 0; i < data->output_count; i++) {
		struct dh_net_tensor want = row_of(&data->outputs[i], rows, row);
		const struct dh_net_tensor *have = &network->net->tensors[network->outputs[i]];

		if (!case_compare(&want, have, dh_session_output(session, i), 0,
				  TOLERANCE * case_largest(&data->outputs[i]), say))
			return false;
	}
	return true;
}

static enum verdict run_rows(const struct dh_network *network, struct dh_session *session,
			     const struct case_data *data, uint32_t rows, struct dh_error *say)
{
	for (uint32_t row = 0; row < rows; row++) {
		if (network->input_count) {
			struct dh_net_tensor input = row_of(&data->inputs[0], rows, row);

			memcpy(dh_session_input(session, 0), input.data, dh_net_bytes(&input));
		}
		if (dh_session_run(session, say) ||
		    !compare_outputs(network, session, data, rows, row, say))
			return CASE_FAILED;
	}
	dh_error_set(say, "%u layers on the engine, %u steps, %u runs", dh_network_layers(network),
		     dh_network_steps(network), rows);
	return CASE_OK;
}

static bool input_fits(const struct dh_network *network, const struct case_data *data,
		       uint32_t rows)
{
	struct dh_net_tensor row;

	if (!network->input_count)
		return true;
	row = row_of(&data->inputs[0], rows, 0);
	return network->input_count == 1 && data->input_count &&
	       dh_net_bytes(&network->net->tensors[network->inputs[0]]) == dh_net_bytes(&row);
}

static enum verdict run_network(const struct dh_network *network, const struct case_data *data,
				uint32_t rows, struct dh_error *say)
{
	enum verdict verdict = CASE_FAILED;
	struct dh_session *session;
	struct dh_device *device;

	if (!input_fits(network, data, rows)) {
		dh_error_set(say, "%u inputs, or of another size than the data",
			     network->input_count);
		return CASE_FAILED;
	}
	if (dh_device_open("embedded:profile=" PROFILE, &device, say))
		return CASE_FAILED;
	if (!dh_session_create(device, network, NULL, &session, say)) {
		verdict = run_rows(network, session, data, rows, say);
		dh_session_destroy(session);
	}
	dh_device_close(device);
	return verdict;
}

enum verdict case_device(struct onnx_case *c, struct dh_error *say)
{
	struct dh_network *network;
	struct case_data data;
	enum verdict verdict;
	uint32_t rows;
	int ret = case_load(c, 0, &data, say);

	if (ret)
		return case_without_data(c, say);
	rows = rows_of(c, &data, &network);
	if (rows == 1)
		ret = map_case(c, &data, false, &network, say);
	if (ret)
		return ret == -EOPNOTSUPP && say->text[0] ? CASE_REFUSED : CASE_FAILED;
	verdict = run_network(network, &data, rows, say);
	dh_network_free(network);
	return verdict;
}
