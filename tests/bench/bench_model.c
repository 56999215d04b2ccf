// SPDX-License-Identifier: MIT
/*
 * Speed of the device model: steps per second of a 2 x 768 GRU with 40 inputs at several shares of
 * columns that do not fire, next to a plain dense C loop of the same network in the same run. At
 * threshold 0 both must give the same bits.
 */
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

#define INPUTS	     40
#define HIDDEN	     768
#define LAYERS	     2
#define COLUMN	     (3 * HIDDEN)
#define COLUMNS1     (1 + INPUTS + HIDDEN)
#define COLUMNS2     (1 + HIDDEN + HIDDEN)
#define COLUMNS	     (COLUMNS1 + COLUMNS2)
#define STEPS	     400
#define WEIGHTS_ADDR (1ULL << 40)
#define PARAMS_ADDR  (RIG_FREE + 0x1000)
#define INPUT_ADDR   (RIG_FREE + 0x2000)
#define OUTPUT_ADDR  (INPUT_ADDR + STEPS * INPUTS * 2)
#define RAM_BYTES    (OUTPUT_ADDR + STEPS * HIDDEN * 2)

static int8_t weights[COLUMNS * COLUMN];
static int16_t inputs[STEPS][INPUTS];
static int16_t dense_out[STEPS][HIDDEN];

/* ---- measuring ---- */

/* Processor time: what else runs on the machine does not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* A counter of instructions of this process, -1 where the machine has none. */
static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t read_counter(int counter)
{
	uint64_t count = 0;

	if (counter < 0 || read(counter, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

/* ---- the network ---- */

static void make_network(void)
{
	struct rig_random random = { 7 };
	int value[INPUTS] = { 0 };

	/* Rows of about 800 weights: sums of a size at which the gates work. */
	for (size_t i = 0; i < sizeof(weights); i++)
		weights[i] = (int)rig_below(&random, 25) - 12;
	for (int t = 0; t < STEPS; t++) {
		for (int i = 0; i < INPUTS; i++) {
			value[i] += (int)rig_below(&random, 65) - 32;
			inputs[t][i] = 200 * sin(value[i] / 200.0);
		}
	}
}

/* ---- plain dense loops ---- */

/**
 * struct dense - a layer as anybody would write it
 * @rows: weights by row: 3 * HIDDEN rows of bias, x, h
 */
struct dense {
	int inputs;
	const int8_t *columns;
	int8_t *rows;
	int16_t h[HIDDEN];
};

static int16_t sigmoid_table[65536], tanh_table[65536];

static void make_tables(void)
{
	for (int p = -32768; p < 32768; p++) {
		sigmoid_table[p & 0xffff] = 16 * floor(16 / (1 + exp(-p / 256.0)) + 0.5);
		tanh_table[p & 0xffff] = 16 * floor(16 * tanh(p / 256.0) + 0.5);
	}
}

static int32_t nearest(int32_t v, int n)
{
	return (v + (1 << (n - 1)) - 1 + (v >> n & 1)) >> n;
}

static int32_t cut24(int32_t v)
{
	return (int32_t)((uint32_t)v << 8) >> 8;
}

static void activate(struct dense *layer, const int32_t *sum_x, const int32_t *sum_h, int16_t *y)
{
	for (int j = 0; j < HIDDEN; j++) {
		int32_t r = sigmoid_table[nearest(cut24(sum_x[j] + sum_h[j]), 7) & 0xffff];
		int32_t u = sigmoid_table[nearest(cut24(sum_x[HIDDEN + j] + sum_h[HIDDEN + j]), 7) &
					  0xffff];
		int32_t q = (int16_t)nearest(cut24(sum_h[2 * HIDDEN + j]), 7);
		int32_t a = cut24(r * q + 2 * sum_x[2 * HIDDEN + j]);
		int32_t c = tanh_table[nearest(a, 8) & 0xffff];

		layer->h[j] = nearest(u * layer->h[j], 8) + nearest((256 - u) * c, 8);
		y[j] = layer->h[j];
	}
}

static void add_columns(int32_t *restrict sum, const int8_t *restrict column, const int16_t *value,
			int count)
{
	for (int i = 0; i < count; i++, column += COLUMN) {
		for (int j = 0; j < COLUMN; j++)
			sum[j] += value[i] * column[j];
	}
}

static void step_columns(struct dense *layer, const int16_t *x, int16_t *y)
{
	static int32_t sum_x[COLUMN], sum_h[COLUMN];

	for (int j = 0; j < COLUMN; j++)
		sum_x[j] = 256 * layer->columns[j];
	memset(sum_h, 0, sizeof(sum_h));
	add_columns(sum_x, layer->columns + COLUMN, x, layer->inputs);
	add_columns(sum_h, layer->columns + (1 + layer->inputs) * COLUMN, layer->h, HIDDEN);
	activate(layer, sum_x, sum_h, y);
}

static int32_t dot(const int8_t *restrict row, const int16_t *restrict value, int count)
{
	int32_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += row[i] * value[i];
	return sum;
}

static void step_rows(struct dense *layer, const int16_t *x, int16_t *y)
{
	static int32_t sum_x[COLUMN], sum_h[COLUMN];
	int length = 1 + layer->inputs + HIDDEN;

	for (int j = 0; j < COLUMN; j++) {
		const int8_t *row = layer->rows + (size_t)j * length;

		sum_x[j] = 256 * row[0] + dot(row + 1, x, layer->inputs);
		sum_h[j] = dot(row + 1 + layer->inputs, layer->h, HIDDEN);
	}
	activate(layer, sum_x, sum_h, y);
}

static void transpose(struct dense *layer)
{
	int length = 1 + layer->inputs + HIDDEN;

	layer->rows = malloc((size_t)length * COLUMN);
	for (int j = 0; j < COLUMN; j++) {
		for (int i = 0; i < length; i++)
			layer->rows[(size_t)j * length + i] =
				layer->columns[(size_t)i * COLUMN + j];
	}
}

/* Return: seconds per step. */
static double run_dense(void (*step)(struct dense *, const int16_t *, int16_t *))
{
	static struct dense layer[LAYERS];
	double start;

	memset(layer, 0, sizeof(layer));
	layer[0].inputs = INPUTS;
	layer[0].columns = weights;
	layer[1].inputs = HIDDEN;
	layer[1].columns = weights + COLUMNS1 * COLUMN;
	for (int l = 0; l < LAYERS; l++)
		transpose(&layer[l]);
	start = now();
	for (int t = 0; t < STEPS; t++) {
		step(&layer[0], inputs[t], dense_out[t]);
		step(&layer[1], dense_out[t], dense_out[t]);
	}
	start = now() - start;
	for (int l = 0; l < LAYERS; l++)
		free(layer[l].rows);
	return start / STEPS;
}

/* ---- the model ---- */

struct result {
	double seconds;
	double zeros;
	double instructions;
	double cycles;
};

static struct rig *make_device(void)
{
	struct dh_layer layer = { .inputs = INPUTS,
				  .hidden = HIDDEN,
				  .weight_frac = { 7, 7, 7, 0 },
				  .weight_region = 3 };
	struct dh_run run = { .count = LAYERS,
			      .params_region = 1,
			      .input_region = 2,
			      .output_region = 2,
			      .output_offset = OUTPUT_ADDR - INPUT_ADDR };
	struct rig_program program;
	struct dh_config config;
	struct rig *rig;

	dh_config_profile(&config, "edgedrnn");
	rig = rig_create(&config, RAM_BYTES);
	if (!rig)
		exit(1);
	rig->window[0] = (struct rig_window){ .addr = WEIGHTS_ADDR,
					      .len = sizeof(weights),
					      .bytes = (uint8_t *)weights };
	rig_region(rig, RIG_FREE, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, PARAMS_ADDR, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, INPUT_ADDR, RAM_BYTES - INPUT_ADDR,
		   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	rig_region(rig, WEIGHTS_ADDR, sizeof(weights), DELTAHOP_REGION_READ);
	memcpy(rig->ram + INPUT_ADDR, inputs, sizeof(inputs));
	program = rig_program(rig, RIG_FREE);
	rig_put_layer(&program, &layer);
	layer.slot = 1;
	layer.inputs = HIDDEN;
	layer.weight_offset = COLUMNS1 * COLUMN;
	layer.state_offset = DELTAHOP_RNN_STATE_GRU(INPUTS, HIDDEN);
	rig_put_layer(&program, &layer);
	rig_put_run(&program, &run);
	rig_put_end(&program);
	rig_start(rig);
	return rig;
}

static struct result run_model(struct rig *rig, int theta, int steps, int counter)
{
	struct dh_params params = { .steps = steps,
				    .input_stride = INPUTS * 2,
				    .output_stride = HIDDEN * 2 };
	struct deltahop_record record;
	struct deltahop_entry entry;
	struct result result;
	uint64_t instructions;
	double start;

	rig_do_state(rig, DELTAHOP_ENTRY_STATE_LOAD, rig->config.rnn_state_bytes);
	for (int l = 0; l < LAYERS; l++)
		params.theta_x[l] = params.theta_h[l] = theta;
	dh_params_encode(&params, rig->ram + PARAMS_ADDR);
	entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	entry.size = LAYERS * 40 + 48 + 8;
	instructions = read_counter(counter);
	start = now();
	record = rig_do(rig, &entry);
	result.seconds = (now() - start) / steps;
	result.instructions = (double)(read_counter(counter) - instructions) / steps;
	if (record.status != DELTAHOP_STATUS_OK) {
		fprintf(stderr, "bench-model: the job ended with: %s\n",
			dh_reason_text(record.reason));
		exit(1);
	}
	result.zeros = 1 - (double)record.work_done / ((double)steps * (COLUMNS - LAYERS) * COLUMN);
	result.cycles = (double)record.step_cycles / steps;
	return result;
}

/* The threshold that comes nearest to a share of zeros. */
static int find_theta(struct rig *rig, double zeros)
{
	int low = 0, high = 511;

	while (low < high) {
		int middle = (low + high) / 2;

		if (run_model(rig, middle, 60, -1).zeros < zeros)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_bits(const struct rig *rig)
{
	return !memcmp(rig->ram + OUTPUT_ADDR, dense_out, sizeof(dense_out));
}

int main(int argc, char **argv)
{
	static const double shares[] = { 0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98 };
	int counter = open_counter();
	double columns, rows, dense;
	struct rig *rig;

	if (argc > 1) {
		fprintf(stderr, "usage: %s (no arguments; see the head of bench_model.c)\n",
			argv[0]);
		return 2;
	}
	make_network();
	make_tables();
	rows = run_dense(step_rows);
	columns = run_dense(step_columns);
	dense = rows < columns ? rows : columns;
	printf("2 x %d GRU, %d inputs, %d steps; dense C loop: %.0f steps/s by rows, %.0f by "
	       "columns\n",
	       HIDDEN, INPUTS, STEPS, 1 / rows, 1 / columns);
	printf("%8s %10s %10s %12s %14s %14s\n", "zeros", "theta", "steps/s", "x dense",
	       "instr./step", "cycles/step");
	rig = make_device();
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int theta = shares[i] ? find_theta(rig, shares[i]) : 0;
		struct result result = run_model(rig, theta, STEPS, counter);
		char instructions[32] = "-";

		if (result.instructions > 0)
			snprintf(instructions, sizeof(instructions), "%.0f", result.instructions);
		printf("%7.1f%% %10d %10.0f %12.2f %14s %14.0f\n", 100 * result.zeros, theta,
		       1 / result.seconds, dense / result.seconds, instructions, result.cycles);
		if (theta || same_bits(rig))
			continue;
		fprintf(stderr, "bench-model: at threshold 0 the outputs are not those of the "
				"dense loop\n");
		return 1;
	}
	rig_destroy(rig);
	return 0;
}
