// SPDX-License-Identifier: MIT
/*
 * make-cases DIR COUNT: write random cases in the format of the EdgeDRNN vectors, from the plain
 * references, of the kinds that the committed ones lack: unequal layer sizes, a weight base that is
 * not 0, thresholds of any 32 bits that change while running.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/npy.h"
#include "reference_rnn.h"
#include "reference_timing.h"
#include "rig.h"

#define MAX_LAYERS 4
#define STEPS	   20

static const struct {
	const char *name;
	int n, l, q;
} settings[] = {
	{ "ideal", 0, 0, 0 },	   { "n1_l0_q4", 1, 0, 4 },   { "n2_l0_q4", 2, 0, 4 },
	{ "n4_l0_q4", 4, 0, 4 },   { "n1_l16_q4", 1, 16, 4 }, { "n1_l32_q4", 1, 32, 4 },
	{ "n1_l64_q4", 1, 64, 4 }, { "n2_l32_q4", 2, 32, 4 }, { "n1_l0_q1", 1, 0, 1 },
	{ "n1_l16_q1", 1, 16, 1 }, { "n1_l32_q1", 1, 32, 1 }, { "n1_l64_q1", 1, 64, 1 },
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/**
 * struct made - a case being made
 * @columns: columns before each layer
 */
struct made {
	struct rig_random random;
	const char *dir;
	int layers;
	int padded;
	uint32_t base;
	uint32_t thx, thh;
	struct ref_layer layer[MAX_LAYERS];
	int8_t *image;
	size_t image_bytes;
	int16_t inputs[STEPS][REF_MAX];
	int16_t outputs[STEPS][REF_MAX];
};

static FILE *create(const struct made *made, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", made->dir, name);
	file = fopen(path, "we");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static uint32_t random_threshold(struct made *made)
{
	uint32_t low = rig_below(&made->random, 3) ? rig_below(&made->random, 300)
						   : rig_below(&made->random, 1024);

	return rig_below(&made->random, 2) ? low : low | rig_random(&made->random) << 10;
}

static void random_sizes(struct made *made)
{
	int columns[MAX_LAYERS] = { 0 }, before = 0;

	made->layers = 1 + rig_below(&made->random, MAX_LAYERS);
	for (int l = 0; l < made->layers; l++) {
		struct ref_layer *layer = &made->layer[l];
		size_t end;

		layer->has_bias = true;
		layer->inputs = l ? made->layer[l - 1].hidden
				  : 4 + 4 * (int)rig_below(&made->random, 9);
		layer->hidden = 16 + 8 * rig_below(&made->random, 7);
		layer->frac[0] = layer->frac[1] = layer->frac[2] = 7;
		columns[l] = before;
		before += 1 + layer->inputs + layer->hidden;
		end = (size_t)before * 3 * layer->hidden;
		if (end > made->image_bytes)
			made->image_bytes = end;
	}
	made->padded = (made->layer[0].inputs + 7) / 8 * 8;
	made->image = malloc(made->image_bytes);
	for (size_t i = 0; i < made->image_bytes; i++)
		made->image[i] = rig_random(&made->random);
	for (int l = 0; l < made->layers; l++)
		made->layer[l].weights =
			made->image + (size_t)columns[l] * 3 * made->layer[l].hidden;
}

static void write_config(const struct made *made)
{
	FILE *file = create(made, "config.csv");

	fprintf(file, "key,value\nnum_layers,%d\ninput_size,%d\ninput_padded,%d\n", made->layers,
		made->layer[0].inputs, made->padded);
	for (int l = 0; l < made->layers; l++)
		fprintf(file, "hidden_%d,%d\n", l + 1, made->layer[l].hidden);
	fprintf(file, "thx,%u\nthh,%u\nweight_base,%u\ntimesteps,%d\n", made->thx, made->thh,
		made->base, STEPS);
	fclose(file);
}

static void write_counts(FILE *file, const struct made *made, int t)
{
	fprintf(file, "%d", t);
	for (int l = 0; l < made->layers; l++) {
		const struct ref_layer *layer = &made->layer[l];
		int padded = (layer->inputs + 7) / 8 * 8, x = 0, h = 0;

		for (int i = 1; i <= padded; i++)
			x += layer->fired[i];
		for (int j = 0; j < layer->hidden; j++)
			h += layer->fired[1 + padded + j];
		fprintf(file, ",%d,%d,%d", layer->fired[0], x, h);
	}
	fprintf(file, "\n");
}

static void write_cycles(FILE *file, const struct made *made, int t)
{
	fprintf(file, "%d", t);
	for (size_t s = 0; s < SETTINGS; s++) {
		long long cycles = made->layers - 1 + (made->layer[0].bias_examined ? 3 : 0);

		for (int l = 0; l < made->layers; l++) {
			const struct ref_layer *layer = &made->layer[l];
			struct ref_pipeline pipe = {
				(layer->inputs + 7) / 8 * 8,
				layer->hidden,
				layer->hidden,
				3 * layer->hidden,
				3 * layer->hidden,
				0,
				8,
				8,
				settings[s].n,
				settings[s].l,
				settings[s].q,
			};

			cycles += ref_cycles(&pipe, layer->fired);
		}
		fprintf(file, ",%lld", cycles);
	}
	fprintf(file, "\n");
}

static void change_thresholds(struct made *made, FILE *file, int t)
{
	uint32_t thx = made->thx, thh = made->thh;

	if (t % 7 == 5) {
		thx = random_threshold(made);
		thh = random_threshold(made);
		fprintf(file, "%d,%u,%u\n", t, thx, thh);
		made->thx = thx;
		made->thh = thh;
	}
	for (int l = 0; l < made->layers; l++) {
		made->layer[l].theta_x = thx & 0xffff;
		made->layer[l].theta_h = thh & 0xffff;
	}
}

static void run_steps(struct made *made)
{
	FILE *counts = create(made, "counts.csv"), *cycles = create(made, "cycles.csv"),
	     *thresholds = create(made, "thresholds.csv");
	int range = 1 << (4 + rig_below(&made->random, 13));

	fprintf(counts, "t");
	for (int l = 1; l <= made->layers; l++)
		fprintf(counts, ",bias_l%d,dx_l%d,dh_l%d", l, l, l);
	fprintf(counts, "\n");
	fprintf(cycles, "t");
	for (size_t s = 0; s < SETTINGS; s++)
		fprintf(cycles, ",%s", settings[s].name);
	fprintf(cycles, "\n");
	fprintf(thresholds, "t,thx,thh\n");
	for (int t = 0; t < STEPS; t++) {
		for (int i = 0; i < made->layer[0].inputs; i++)
			made->inputs[t][i] =
				(int16_t)((int)rig_below(&made->random, range) - range / 2);
		change_thresholds(made, thresholds, t);
		memcpy(made->outputs[t], made->inputs[t], sizeof(made->inputs[t]));
		for (int l = 0; l < made->layers; l++)
			ref_step(&made->layer[l], made->outputs[t], made->outputs[t]);
		write_counts(counts, made, t);
		write_cycles(cycles, made, t);
	}
	fclose(counts);
	fclose(cycles);
	fclose(thresholds);
}

static void save(const struct made *made, const char *name, struct dh_array array)
{
	struct dh_error err;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", made->dir, name);
	if (!dh_npy_save(path, &array, &err))
		return;
	fprintf(stderr, "%s\n", err.text);
	exit(1);
}

static void save_matrix(const struct made *made, const char *name, int16_t rows[][REF_MAX],
			size_t columns)
{
	int16_t *data = malloc(STEPS * columns * sizeof(*data));

	for (int t = 0; t < STEPS; t++)
		memcpy(data + t * columns, rows[t], columns * sizeof(*data));
	save(made, name,
	     (struct dh_array){
		     .dtype = DH_DTYPE_I2, .ndim = 2, .shape = { STEPS, columns }, .data = data });
	free(data);
}

static void make_case(const char *dir, uint64_t seed)
{
	struct made *made = calloc(1, sizeof(*made));

	made->random.state = seed;
	made->dir = dir;
	if (mkdir(dir, 0777) && errno != EEXIST) {
		perror(dir);
		exit(1);
	}
	random_sizes(made);
	made->base = rig_below(&made->random, 2) ? rig_random(&made->random) << 1 | 1 : 40;
	made->thx = random_threshold(made);
	made->thh = random_threshold(made);
	write_config(made);
	run_steps(made);
	save(made, "weights.npy",
	     (struct dh_array){ .dtype = DH_DTYPE_I1,
				.ndim = 1,
				.shape = { made->image_bytes },
				.data = made->image });
	save_matrix(made, "inputs.npy", made->inputs, made->padded);
	save_matrix(made, "outputs.npy", made->outputs, made->layer[made->layers - 1].hidden);
	free(made->image);
	free(made);
}

int main(int argc, char **argv)
{
	char dir[4096];

	if (argc != 3) {
		fprintf(stderr, "usage: %s DIR COUNT\n", argv[0]);
		return 2;
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		snprintf(dir, sizeof(dir), "%s/m%02d", argv[1], i);
		make_case(dir, i + 1);
	}
	return 0;
}
