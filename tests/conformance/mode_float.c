// SPDX-License-Identifier: MIT
/*
 * A case as a network in float. The inputs but the first are given as constants, as those of
 * the node tests are weights; then also none, so that the kernels see them, and all, so that
 * everything is computed by the import.
 */
#include <errno.h>
#include <string.h>

#include "case.h"

#define RELATIVE 1e-3
#define ABSOLUTE 1e-5

static const struct dh_net_tensor *find(const struct case_data *data, const char *name)
{
	for (size_t i = 0; i < data->input_count; i++) {
		if (!strcmp(data->inputs[i].name, name))
			return &data->inputs[i];
	}
	return NULL;
}

static bool set_inputs(const struct dh_net *net, struct dh_net_run *run,
		       const struct case_data *data, struct dh_error *say)
{
	for (uint32_t i = 0; i < net->input_count; i++) {
		const struct dh_net_tensor *tensor = &net->tensors[net->inputs[i]];
		const struct dh_net_tensor *value = find(data, tensor->name);

		if (!value || value->type != tensor->type ||
		    dh_net_elements(value) != dh_net_elements(tensor)) {
			dh_error_set(say, "there are no data for input %s", tensor->name);
			return false;
		}
		memcpy(dh_net_run_floats(run, net->inputs[i]), value->data, dh_net_bytes(tensor));
	}
	return true;
}

static enum verdict run_net(const struct dh_net *net, const struct case_data *data,
			    struct dh_error *say)
{
	enum verdict verdict = CASE_FAILED;
	struct dh_net_run *run;

	if (dh_net_run_create(net, &run, say))
		return CASE_FAILED;
	if (set_inputs(net, run, data, say)) {
		dh_net_run_all(run);
		verdict = CASE_OK;
	}
	for (size_t i = 0; verdict == CASE_OK && i < data->output_count; i++) {
		int32_t output = net->outputs[i];

		if (!case_compare(&data->outputs[i], &net->tensors[output],
				  dh_net_run_floats(run, output), RELATIVE, ABSOLUTE, say))
			verdict = CASE_FAILED;
	}
	dh_net_run_free(run);
	return verdict;
}

/* With the inputs from @first to @end - 1 as constants. */
static enum verdict run_data(struct onnx_case *c, const struct case_data *data, size_t first,
			     size_t end, struct dh_error *say)
{
	struct dh_net_options options = { 0 };
	enum verdict verdict;
	struct dh_net *net;
	int ret;

	if (first < end) {
		options.constants = data->inputs + first;
		options.constant_count = end - first;
	}
	ret = dh_net_import(c->model, &options, NULL, &net, say);
	if (ret)
		return ret == -EOPNOTSUPP && say->text[0] ? CASE_REFUSED : CASE_FAILED;
	verdict = run_net(net, data, say);
	dh_net_free(net);
	return verdict;
}

/* As @verdict, or if that is right as another run of the same says, which may also be refused. */
static enum verdict and_also(enum verdict verdict, struct onnx_case *c,
			     const struct case_data *data, size_t first, size_t end,
			     struct dh_error *say)
{
	if (verdict != CASE_OK)
		return verdict;
	verdict = run_data(c, data, first, end, say);
	return verdict == CASE_REFUSED ? CASE_OK : verdict;
}

enum verdict case_float(struct onnx_case *c, struct dh_error *say)
{
	for (unsigned int set = 0;; set++) {
		struct case_data data = { 0 };
		enum verdict verdict;
		int ret = case_load(c, set, &data, say);

		if (ret == -ENOENT && set) {
			*say = (struct dh_error){ "" };
			return CASE_OK;
		}
		if (ret)
			return case_without_data(c, say);
		verdict = run_data(c, &data, 1, data.input_count, say);
		verdict = and_also(verdict, c, &data, 0, 0, say);
		verdict = and_also(verdict, c, &data, 0, data.input_count, say);
		if (verdict != CASE_OK)
			return verdict;
	}
}
