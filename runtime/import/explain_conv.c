// SPDX-License-Identifier: MIT
/* The layers of the convolution engine in an explanation. */
#include "base/json.h"
#include "base/text.h"
#include "import/explain_conv.h"

static void print_shape(const uint32_t *shape, FILE *out)
{
	char text[32];

	snprintf(text, sizeof(text), "%ux%ux%u", shape[0], shape[1], shape[2]);
	fprintf(out, " %-12s", text);
}

static void print_conv(const struct dh_explain_conv *conv, size_t index, FILE *out)
{
	char kernel[32], cut[32];

	snprintf(kernel, sizeof(kernel), "%ux%u", conv->kernel[0], conv->kernel[1]);
	snprintf(cut, sizeof(cut), "%u/%u", conv->passes, conv->pieces);
	fprintf(out, "%5zu  %-20.20s", index, conv->name);
	print_shape(conv->input, out);
	print_shape(conv->output, out);
	fprintf(out, " %-6s %4u %-7s %7u %8.4f %% 2^%-4d %5.1f%%%c %9.3f %9.3f %9.0f %10.0f",
		kernel, conv->macs, cut, conv->weight_bits, 100 * conv->weight_error,
		(int)conv->scale_exp, 100 * conv->zeros, conv->encoded ? 'e' : ' ',
		conv->dense / 1e6, conv->work / 1e6, conv->bytes, conv->cycles);
	if (conv->error_rms >= 0)
		fprintf(out, " %10.5f %10.5f %10.5f\n", conv->error_rms, conv->error_max,
			conv->output_rms);
	else
		fprintf(out, " %10s %10s %10s\n", "-", "-", "-");
}

void dh_explain_convs_print(const struct dh_explain *explain, FILE *out)
{
	if (!explain->conv_count)
		return;
	fprintf(out,
		"\nlayer  %-20s %-12s %-12s %-6s %4s %-7s %7s %10s %-6s %6s  %9s %9s %9s %10s %10s "
		"%10s %10s\n",
		"node", "input", "output", "kernel", "macs", "passes", "weights", "w. error",
		"scale", "zeros", "dense M", "work M", "bytes", "cycles", "rms error", "max error",
		"rms output");
	for (size_t i = 0; i < explain->conv_count; i++)
		print_conv(&explain->convs[i], i, out);
}

static json_t *json_sizes(const uint32_t *sizes, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		dh_json_append(&array, json_integer(sizes[i]));
	return array;
}

static json_t *json_conv(const struct dh_explain_conv *conv)
{
	json_t *object = json_object();

	dh_json_set(&object, "node", dh_text_json(conv->name));
	dh_json_set(&object, "operator", dh_text_json(conv->op));
	dh_json_set(&object, "input", json_sizes(conv->input, 3));
	dh_json_set(&object, "output", json_sizes(conv->output, 3));
	dh_json_set(&object, "kernel", json_sizes(conv->kernel, 2));
	dh_json_set(&object, "macs", json_integer(conv->macs));
	dh_json_set(&object, "passes", json_integer(conv->passes));
	dh_json_set(&object, "pieces", json_integer(conv->pieces));
	dh_json_set(&object, "weight_bits", json_integer(conv->weight_bits));
	dh_json_set(&object, "weight_error", json_real(conv->weight_error));
	dh_json_set(&object, "output_scale_exp", json_integer(conv->scale_exp));
	dh_json_set(&object, "zeros", json_real(conv->zeros));
	dh_json_set(&object, "encoded", json_boolean(conv->encoded));
	dh_json_set(&object, "dense_work", json_real(conv->dense));
	dh_json_set(&object, "predicted_work", json_real(conv->work));
	dh_json_set(&object, "predicted_bytes", json_real(conv->bytes));
	dh_json_set(&object, "predicted_cycles", json_real(conv->cycles));
	if (conv->error_rms >= 0) {
		dh_json_set(&object, "error_rms", json_real(conv->error_rms));
		dh_json_set(&object, "error_max", json_real(conv->error_max));
		dh_json_set(&object, "output_rms", json_real(conv->output_rms));
	}
	return object;
}

json_t *dh_explain_convs_json(const struct dh_explain *explain)
{
	json_t *array = json_array();

	for (size_t i = 0; i < explain->conv_count; i++)
		dh_json_append(&array, json_conv(&explain->convs[i]));
	return array;
}
