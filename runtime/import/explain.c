// SPDX-License-Identifier: MIT
/* What the compiler did, as a table and as JSON. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "import/explain.h"
#include "import/explain_conv.h"

static const char *const places[] = {
	[DH_PLACE_ENGINE] = "engine",
	[DH_PLACE_HOST] = "host",
	[DH_PLACE_NAME] = "renamed",
	[DH_PLACE_CONSTANT] = "constant",
	[DH_PLACE_UNUSED] = "not needed",
	[DH_PLACE_REFUSED] = "REFUSED",
	[DH_PLACE_NOT_REACHED] = "not reached",
};

struct dh_explain *dh_explain_create(void)
{
	return calloc(1, sizeof(struct dh_explain));
}

void dh_explain_free(struct dh_explain *explain)
{
	if (!explain)
		return;
	for (size_t i = 0; i < explain->node_count; i++) {
		free(explain->nodes[i].name);
		free(explain->nodes[i].op);
		free(explain->nodes[i].text);
	}
	for (size_t i = 0; i < explain->layer_count; i++) {
		free(explain->layers[i].name);
		free(explain->layers[i].op);
	}
	for (size_t i = 0; i < explain->conv_count; i++) {
		free(explain->convs[i].name);
		free(explain->convs[i].op);
	}
	for (size_t i = 0; i < explain->note_count; i++)
		free(explain->notes[i]);
	for (size_t i = 0; i < explain->warning_count; i++)
		free(explain->warnings[i]);
	free(explain->nodes);
	free(explain->layers);
	free(explain->convs);
	free(explain->notes);
	free(explain->warnings);
	free(explain);
}

/* Room for one more element; grows at powers of two. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return realloc(array, (count ? count * 2 : 1) * size);
}

static char *clean_copy(const char *text)
{
	char *copy = strdup(text);

	dh_text_clean(copy);
	return copy;
}

static bool add_node(struct dh_explain *explain, const struct dh_explain_node *row)
{
	struct dh_explain_node *nodes =
		grow(explain->nodes, explain->node_count, sizeof(*explain->nodes));

	if (nodes)
		explain->nodes = nodes;
	if (!nodes || !row->name || !row->op || !row->text)
		return false;
	nodes[explain->node_count++] = *row;
	return true;
}

void dh_explain_node(struct dh_explain *explain, const char *name, const char *op,
		     enum dh_place place, int layer, const char *text)
{
	struct dh_explain_node row = { .place = place, .layer = layer };

	if (!explain)
		return;
	row.name = clean_copy(name);
	row.op = clean_copy(op);
	row.text = clean_copy(text);
	if (add_node(explain, &row))
		return;
	explain->out_of_memory = true;
	free(row.name);
	free(row.op);
	free(row.text);
}

void dh_explain_replace(struct dh_explain *explain, size_t index, enum dh_place place, int layer,
			const char *text)
{
	char *copy;

	if (!explain || index >= explain->node_count)
		return;
	copy = clean_copy(text);
	if (!copy) {
		explain->out_of_memory = true;
		return;
	}
	free(explain->nodes[index].text);
	explain->nodes[index].text = copy;
	explain->nodes[index].place = place;
	explain->nodes[index].layer = layer;
}

void dh_explain_refuse_layer(struct dh_explain *explain, uint32_t layer, const char *text)
{
	for (size_t i = 0; explain && i < explain->node_count; i++) {
		if (explain->nodes[i].place == DH_PLACE_ENGINE &&
		    explain->nodes[i].layer == (int)layer) {
			dh_explain_replace(explain, i, DH_PLACE_REFUSED, layer, text);
			return;
		}
	}
}

static bool add_layer(struct dh_explain *explain, const struct dh_explain_layer *row)
{
	struct dh_explain_layer *layers =
		grow(explain->layers, explain->layer_count, sizeof(*explain->layers));

	if (layers)
		explain->layers = layers;
	if (!layers || !row->name || !row->op)
		return false;
	layers[explain->layer_count++] = *row;
	return true;
}

void dh_explain_layer(struct dh_explain *explain, const struct dh_explain_layer *layer)
{
	struct dh_explain_layer row = *layer;

	if (!explain)
		return;
	row.name = clean_copy(layer->name);
	row.op = clean_copy(layer->op);
	if (add_layer(explain, &row))
		return;
	explain->out_of_memory = true;
	free(row.name);
	free(row.op);
}

static bool add_conv(struct dh_explain *explain, const struct dh_explain_conv *row)
{
	struct dh_explain_conv *convs =
		grow(explain->convs, explain->conv_count, sizeof(*explain->convs));

	if (convs)
		explain->convs = convs;
	if (!convs || !row->name || !row->op)
		return false;
	convs[explain->conv_count++] = *row;
	return true;
}

void dh_explain_conv(struct dh_explain *explain, const struct dh_explain_conv *conv)
{
	struct dh_explain_conv row = *conv;

	if (!explain)
		return;
	row.name = clean_copy(conv->name);
	row.op = clean_copy(conv->op);
	if (add_conv(explain, &row))
		return;
	explain->out_of_memory = true;
	free(row.name);
	free(row.op);
}

static bool add_sentence(char ***list, size_t *count, const char *fmt, va_list args)
{
	char text[512], **grown = grow(*list, *count, sizeof(**list));

	if (!grown)
		return false;
	*list = grown;
	vsnprintf(text, sizeof(text), fmt, args);
	grown[*count] = clean_copy(text);
	if (!grown[*count])
		return false;
	++*count;
	return true;
}

void dh_explain_note(struct dh_explain *explain, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (explain && !add_sentence(&explain->notes, &explain->note_count, fmt, args))
		explain->out_of_memory = true;
	va_end(args);
}

void dh_explain_warn(struct dh_explain *explain, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (explain && !add_sentence(&explain->warnings, &explain->warning_count, fmt, args))
		explain->out_of_memory = true;
	va_end(args);
}

/* --- as text --- */

static int width_of_names(const struct dh_explain *explain)
{
	size_t width = 4;

	for (size_t i = 0; i < explain->node_count; i++) {
		size_t len = explain->nodes[i].name ? strlen(explain->nodes[i].name) : 0;

		if (len > width)
			width = len;
	}
	return width > 40 ? 40 : (int)width;
}

static void print_node(const struct dh_explain_node *node, int width, FILE *out)
{
	char place[24];

	if (node->place == DH_PLACE_ENGINE && node->layer >= 0)
		snprintf(place, sizeof(place), "engine layer %d", node->layer);
	else
		snprintf(place, sizeof(place), "%s", places[node->place]);
	fprintf(out, "%-*.*s  %-18.18s  %-15s %s\n", width, width, node->name, node->op, place,
		node->text);
}

static void print_fractions(const struct dh_explain_layer *layer, FILE *out)
{
	char text[32];
	int len = 0;

	for (uint32_t g = 0; g < layer->gates; g++)
		len += snprintf(text + len, sizeof(text) - len, "%s%u", g ? " " : "",
				layer->weight_frac[g]);
	fprintf(out, "%-11s", text);
}

static void print_layer(const struct dh_explain_layer *layer, size_t index, FILE *out)
{
	char sizes[32], padded[32];

	snprintf(sizes, sizeof(sizes), "%u->%u", layer->inputs, layer->hidden);
	snprintf(padded, sizeof(padded), "%u->%u", layer->padded_inputs, layer->padded_hidden);
	fprintf(out, "%5zu  %-24.24s  %-6.6s  %-11s %-11s ", index, layer->name, layer->op, sizes,
		padded);
	print_fractions(layer, out);
	fprintf(out, " %10.4f %%  2^%-4d", 100 * layer->weight_error, (int)layer->output_scale_exp);
	if (layer->error_rms >= 0)
		fprintf(out, "  %9.5f  %9.5f  %8.1f\n", layer->error_rms, layer->error_max,
			layer->headroom_bits);
	else
		fprintf(out, "  %9s  %9s  %8s\n", "-", "-", "-");
}

void dh_explain_print(const struct dh_explain *explain, FILE *out)
{
	int width = width_of_names(explain);

	fprintf(out, "%-*s  %-18s  %-15s %s\n", width, "node", "operator", "place", "remark");
	for (size_t i = 0; i < explain->node_count; i++)
		print_node(&explain->nodes[i], width, out);
	dh_explain_convs_print(explain, out);
	if (explain->layer_count)
		fprintf(out, "\nlayer  %-24s  %-6s  %-11s %-11s %-11s %-12s %-6s  %9s  %9s  %8s\n",
			"node", "op", "size", "padded", "weight bits", "weight error", "scale",
			"rms error", "max error", "headroom");
	for (size_t i = 0; i < explain->layer_count; i++)
		print_layer(&explain->layers[i], explain->conv_count + i, out);
	if (explain->note_count)
		fputc('\n', out);
	for (size_t i = 0; i < explain->note_count; i++)
		fprintf(out, "- %s\n", explain->notes[i]);
}

/* --- as JSON --- */

static json_t *json_node(const struct dh_explain_node *node)
{
	json_t *object = json_object();

	dh_json_set(&object, "node", dh_text_json(node->name));
	dh_json_set(&object, "operator", dh_text_json(node->op));
	dh_json_set(&object, "place", json_string(places[node->place]));
	dh_json_set(&object, "remark", dh_text_json(node->text));
	if (node->place == DH_PLACE_ENGINE && node->layer >= 0)
		dh_json_set(&object, "layer", json_integer(node->layer));
	return object;
}

static json_t *json_layer(const struct dh_explain_layer *layer)
{
	json_t *fractions = json_array(), *object = json_object();

	for (uint32_t g = 0; g < layer->gates; g++)
		dh_json_append(&fractions, json_integer(layer->weight_frac[g]));
	dh_json_set(&object, "node", dh_text_json(layer->name));
	dh_json_set(&object, "operator", dh_text_json(layer->op));
	dh_json_set(&object, "inputs", json_integer(layer->inputs));
	dh_json_set(&object, "hidden", json_integer(layer->hidden));
	dh_json_set(&object, "padded_inputs", json_integer(layer->padded_inputs));
	dh_json_set(&object, "padded_hidden", json_integer(layer->padded_hidden));
	dh_json_set(&object, "weight_frac", fractions);
	dh_json_set(&object, "weight_error", json_real(layer->weight_error));
	dh_json_set(&object, "output_scale_exp", json_integer(layer->output_scale_exp));
	if (layer->error_rms >= 0) {
		dh_json_set(&object, "error_rms", json_real(layer->error_rms));
		dh_json_set(&object, "error_max", json_real(layer->error_max));
		dh_json_set(&object, "headroom_bits", json_real(layer->headroom_bits));
	}
	return object;
}

static json_t *json_sentences(char *const *sentences, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		dh_json_append(&array, dh_text_json(sentences[i]));
	return array;
}

json_t *dh_explain_json(const struct dh_explain *explain)
{
	json_t *object = json_object(), *nodes = json_array(), *layers = json_array();

	for (size_t i = 0; i < explain->node_count; i++)
		dh_json_append(&nodes, json_node(&explain->nodes[i]));
	for (size_t i = 0; i < explain->layer_count; i++)
		dh_json_append(&layers, json_layer(&explain->layers[i]));
	dh_json_set(&object, "nodes", nodes);
	dh_json_set(&object, "layers", layers);
	dh_json_set(&object, "convs", dh_explain_convs_json(explain));
	dh_json_set(&object, "notes", json_sentences(explain->notes, explain->note_count));
	dh_json_set(&object, "warnings", json_sentences(explain->warnings, explain->warning_count));
	return object;
}
