// SPDX-License-Identifier: MIT
/*
 * reference-test DIR...: holds the tests' own reference against recorded outputs, fetch counts and cycles of the
 * published hardware; directories in the format of tests/vectors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../reference.h"

#define SETTINGS 12
#define BASE_COLUMNS                                                                              \
	"t,ideal,n1_l0_q4,n2_l0_q4,n4_l0_q4,n1_l16_q4,n1_l32_q4,n1_l64_q4,n2_l32_q4,n1_l0_q1,n1_" \
	"l16_q1,n1_l32_q1,n1_l64_q1"

static const struct ref_channel settings[SETTINGS] = {
	{ 0, 0, 0 },  { 1, 0, 4 },  { 2, 0, 4 }, { 4, 0, 4 },  { 1, 16, 4 }, { 1, 32, 4 },
	{ 1, 64, 4 }, { 2, 32, 4 }, { 1, 0, 1 }, { 1, 16, 1 }, { 1, 32, 1 }, { 1, 64, 1 },
};

struct recorded {
	const char *dir;
	unsigned int layers, steps, stride;
	unsigned int thx, thh;
	struct ref_layer layer[REF_LAYERS];
	int8_t *weights;
	int16_t *inputs, *outputs;
	size_t outputs_count;
};

static FILE *open_in(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "rb");
}

/* The data of a version 1.0 .npy file; its shape is known from config.csv. */
static void *read_npy(const char *dir, const char *name, size_t *bytes)
{
	FILE *file = open_in(dir, name);
	unsigned char head[10];
	void *data = NULL;
	long start, end;

	if (!file)
		return NULL;
	if (fread(head, 1, sizeof(head), file) == sizeof(head) &&
	    !memcmp(head, "\x93NUMPY\x01", 7)) {
		start = sizeof(head) + head[8] + 256 * head[9];
		fseek(file, 0, SEEK_END);
		end = ftell(file);
		fseek(file, start, SEEK_SET);
		*bytes = end > start ? end - start : 0;
		data = malloc(*bytes + 1);
		if (data && fread(data, 1, *bytes, file) != *bytes)
			*bytes = 0;
	}
	fclose(file);
	return data;
}

static bool read_config(struct recorded *r)
{
	FILE *file = open_in(r->dir, "config.csv");
	char key[32], line[80];
	unsigned int value, l;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31[^,],%u", key, &value) != 2)
			continue;
		if (!strcmp(key, "num_layers"))
			r->layers = value;
		else if (!strcmp(key, "input_size"))
			r->layer[0].inputs = value;
		else if (!strcmp(key, "input_padded"))
			r->stride = value;
		else if (!strcmp(key, "thx"))
			r->thx = value;
		else if (!strcmp(key, "thh"))
			r->thh = value;
		else if (!strcmp(key, "timesteps"))
			r->steps = value;
		else if (sscanf(key, "hidden_%u", &l) == 1 && l >= 1 && l <= REF_LAYERS)
			r->layer[l - 1].hidden = value;
	}
	fclose(file);
	return r->layers >= 1 && r->layers <= REF_LAYERS && r->steps;
}

/* Columns are addressed by their number over all layers times the layer's own column size. */
static void place_weights(struct recorded *r)
{
	size_t columns = 0;
	unsigned int l;

	for (l = 0; l < r->layers; l++) {
		struct ref_layer *layer = &r->layer[l];

		if (l)
			layer->inputs = r->layer[l - 1].hidden;
		memset(layer->frac, 7, 3);
		layer->weights = r->weights + columns * ref_column_bytes(layer);
		columns += ref_columns(layer);
	}
}

static bool load(struct recorded *r)
{
	size_t bytes;

	if (!read_config(r))
		return false;
	r->weights = read_npy(r->dir, "weights.npy", &bytes);
	r->inputs = read_npy(r->dir, "inputs.npy", &bytes);
	r->outputs = read_npy(r->dir, "outputs.npy", &bytes);
	if (!r->weights || !r->inputs || !r->outputs)
		return false;
	place_weights(r);
	return bytes >= 2ULL * r->steps * r->layer[r->layers - 1].hidden;
}

static void unload(struct recorded *r)
{
	free(r->weights);
	free(r->inputs);
	free(r->outputs);
}

/* Thresholds that change while running: thresholds.csv has t,thx,thh. */
static void change_thresholds(struct recorded *r, unsigned int t)
{
	FILE *file = open_in(r->dir, "thresholds.csv");
	unsigned int at, x, h;
	char line[80];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%u,%u,%u", &at, &x, &h) == 3 && at == t) {
			r->thx = x;
			r->thh = h;
		}
	fclose(file);
}

/* One number after the other from a line of a .csv file. */
static unsigned long next_number(char **at)
{
	unsigned long value = strtoul(*at, at, 10);

	if (**at == ',')
		(*at)++;
	return value;
}

struct rows {
	FILE *counts, *cycles;
	char count_line[512], cycle_line[512];
};

static bool next_rows(struct rows *rows)
{
	return fgets(rows->count_line, sizeof(rows->count_line), rows->counts) &&
	       fgets(rows->cycle_line, sizeof(rows->cycle_line), rows->cycles);
}

static bool check_counts(const struct recorded *r, const struct ref_trace *trace, char *line)
{
	unsigned int l;

	next_number(&line);
	for (l = 0; l < r->layers; l++)
		if (next_number(&line) != trace[l].bias || next_number(&line) != trace[l].x ||
		    next_number(&line) != trace[l].h)
			return false;
	return true;
}

static bool check_cycles(const struct recorded *r, const struct ref_trace *trace, char *line)
{
	unsigned int s, l;

	next_number(&line);
	for (s = 0; s < SETTINGS; s++) {
		uint64_t cycles = r->layers - 1 + 3 * trace[0].waited;

		for (l = 0; l < r->layers; l++)
			cycles += ref_cycles(&r->layer[l], &trace[l], &settings[s], 8, 8);
		if (cycles != next_number(&line))
			return false;
	}
	return true;
}

static const char *check_step(struct recorded *r, struct ref_state *memory, unsigned int t,
			      struct rows *rows)
{
	static struct ref_trace trace[REF_LAYERS];
	const int16_t *x = r->inputs + (size_t)t * r->stride;
	unsigned int l, hidden = r->layer[r->layers - 1].hidden;

	if (!next_rows(rows))
		return "rows missing in counts.csv or cycles.csv";
	change_thresholds(r, t);
	for (l = 0; l < r->layers; l++, x = memory[l - 1].h)
		ref_step(&r->layer[l], &memory[l], r->thx, r->thh, x, &trace[l]);
	if (memcmp(memory[r->layers - 1].h, r->outputs + (size_t)t * hidden, 2 * hidden))
		return "outputs differ";
	if (!check_counts(r, trace, rows->count_line))
		return "counts of columns differ";
	if (!check_cycles(r, trace, rows->cycle_line))
		return "cycles differ";
	return NULL;
}

static bool check_steps(struct recorded *r, struct rows *rows)
{
	static struct ref_state memory[REF_LAYERS];
	const char *wrong;
	unsigned int t;

	memset(memory, 0, sizeof(memory));
	for (t = 0; t < r->steps; t++) {
		wrong = check_step(r, memory, t, rows);
		if (wrong) {
			printf("%s FAIL: step %u: %s\n", r->dir, t, wrong);
			return false;
		}
	}
	printf("%s ok\n", r->dir);
	return true;
}

static bool check_dir(const char *dir)
{
	struct recorded r = { .dir = dir };
	struct rows rows = { .counts = open_in(dir, "counts.csv"),
			     .cycles = open_in(dir, "cycles.csv") };
	bool good = load(&r) && rows.counts && rows.cycles && next_rows(&rows) &&
		    !strncmp(rows.cycle_line, BASE_COLUMNS, strlen(BASE_COLUMNS));

	if (good)
		good = check_steps(&r, &rows);
	else
		printf("%s FAIL: not a directory of vectors\n", dir);
	if (rows.counts)
		fclose(rows.counts);
	if (rows.cycles)
		fclose(rows.cycles);
	unload(&r);
	return good;
}

int main(int argc, char **argv)
{
	int failed = 0, i;

	for (i = 1; i < argc; i++)
		failed += !check_dir(argv[i]);
	return failed ? 1 : 0;
}
