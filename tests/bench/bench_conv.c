// SPDX-License-Identifier: MIT
/*
 * Speed of the convolution engine's model: multiply-accumulates a second of a layer of VGG's middle,
 * 56 x 56 x 256 to 128 maps, 3 x 3, at several shares of zeros, next to a plain dense C loop of the
 * same layer in the same run. Both must give the same bits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rig.h"

#define SIDE	 56
#define CHANNELS 256
#define MAPS	 128
#define KERNEL	 3
#define SHIFT	 8
#define MACS	 128
#define VALUES	 (SIDE * SIDE * CHANNELS)
#define WEIGHTS	 (MAPS * CHANNELS * KERNEL * KERNEL)
#define DENSE	 ((double)SIDE * SIDE * WEIGHTS)

#define COMMANDS_ADDR RIG_FREE
#define WEIGHTS_ADDR  (RIG_FREE + 0x1000)
#define INPUT_ADDR    (WEIGHTS_ADDR + 0x100000)
#define OUTPUT_ADDR   (INPUT_ADDR + 0x200000)
#define RAM_BYTES     (OUTPUT_ADDR + 0x200000)

static int16_t input[SIDE + KERNEL - 1][SIDE + KERNEL - 1][CHANNELS];
static int16_t weights[MAPS][CHANNELS][KERNEL][KERNEL];
static int16_t by_place[KERNEL][KERNEL][CHANNELS][MAPS];
static int16_t output[SIDE][SIDE][MAPS];

/* Processor time: what else runs on the machine does not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void make_weights(struct rig_random *random)
{
	for (int o = 0; o < MAPS; o++) {
		for (int c = 0; c < CHANNELS; c++) {
			for (int i = 0; i < KERNEL * KERNEL; i++) {
				weights[o][c][i / KERNEL][i % KERNEL] =
					(int)rig_below(random, 65) - 32;
				by_place[i / KERNEL][i % KERNEL][c][o] =
					weights[o][c][i / KERNEL][i % KERNEL];
			}
		}
	}
}

static void make_input(struct rig_random *random, unsigned int percent_zero)
{
	for (int y = 0; y < SIDE; y++) {
		for (int x = 0; x < SIDE; x++) {
			for (int c = 0; c < CHANNELS; c++)
				input[y + 1][x + 1][c] = rig_below(random, 100) < percent_zero
								 ? 0
								 : 1 + rig_below(random, 500);
		}
	}
}

/* As anybody would write it, with the loop over output maps inside. Return: seconds. */
static double run_dense(void)
{
	double start = now();

	for (int y = 0; y < SIDE; y++) {
		for (int x = 0; x < SIDE; x++) {
			int32_t sum[MAPS] = { 0 };

			for (int i = 0; i < KERNEL * KERNEL; i++) {
				const int16_t *in = input[y + i / KERNEL][x + i % KERNEL];

				for (int c = 0; c < CHANNELS; c++) {
					const int16_t *w = by_place[i / KERNEL][i % KERNEL][c];

					for (int o = 0; o < MAPS; o++)
						sum[o] += in[c] * w[o];
				}
			}
			for (int o = 0; o < MAPS; o++) {
				int32_t value = (sum[o] > 0 ? sum[o] : 0) >> SHIFT;

				output[y][x][o] = value > INT16_MAX ? INT16_MAX : value;
			}
		}
	}
	return now() - start;
}

/* The input as an encoded map. */
static void store_input(struct rig *rig)
{
	uint16_t *at = (uint16_t *)(rig->ram + INPUT_ADDR);

	for (int y = 1; y <= SIDE; y++) {
		const int16_t *row = input[y][1];

		for (int first = 0; first < SIDE * CHANNELS; first += 16) {
			uint16_t *map = at++;

			*map = 0;
			for (int i = 0; i < 16; i++) {
				*map |= (row[first + i] != 0) << i;
				*at = row[first + i];
				at += row[first + i] != 0;
			}
		}
	}
}

static struct rig *make_device(void)
{
	struct dh_conv_layer layer = {
		.flags = DELTAHOP_CONV_RELU,
		.kernel_rows = KERNEL,
		.kernel_cols = KERNEL,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 1,
		.out_shift = SHIFT,
		.rows = SIDE,
		.cols = SIDE,
		.out_rows = SIDE,
		.out_cols = SIDE,
		.channels = CHANNELS,
	};
	struct dh_conv_input map = { .encoded = true, .channels = CHANNELS, .region = 1 };
	struct dh_conv_pass pass = { .maps = MAPS, .weight_region = 2, .output_region = 3 };
	struct rig_program program;
	struct dh_config config;
	struct rig *rig;

	dh_config_profile(&config, "card");
	rig = rig_create(&config, RAM_BYTES);
	if (!rig)
		exit(1);
	rig->engine = DELTAHOP_ENGINE_CONV;
	rig_region(rig, COMMANDS_ADDR, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, INPUT_ADDR, 0x200000, DELTAHOP_REGION_READ);
	rig_region(rig, WEIGHTS_ADDR, 0x100000, DELTAHOP_REGION_READ);
	rig_region(rig, OUTPUT_ADDR, 0x200000, DELTAHOP_REGION_WRITE);
	memcpy(rig->ram + WEIGHTS_ADDR + 2 * MACS, weights, sizeof(weights));
	program = rig_program(rig, COMMANDS_ADDR);
	rig_put_conv_layer(&program, &layer);
	rig_put_conv_input(&program, &map);
	rig_put_conv_pass(&program, DELTAHOP_OP_CONV_PASS, &pass);
	rig_put_end(&program);
	rig_start(rig);
	return rig;
}

/* Return: seconds. */
static double run_model(struct rig *rig, struct deltahop_record *record)
{
	struct deltahop_entry entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	double start;

	entry.size = 32 + 24 + 64 + 8;
	start = now();
	*record = rig_do(rig, &entry);
	start = now() - start;
	if (record->status == DELTAHOP_STATUS_OK)
		return start;
	fprintf(stderr, "bench-conv: the job ended with: %s\n", dh_reason_text(record->reason));
	exit(1);
}

int main(int argc, char **argv)
{
	static const unsigned int zeros[] = { 0, 20, 50, 65, 73, 80, 90, 95 };
	struct rig_random random = { 3 };
	struct deltahop_record record;
	struct rig *rig;

	if (argc > 1) {
		fprintf(stderr, "usage: %s (no arguments; see the head of bench_conv.c)\n",
			argv[0]);
		return 2;
	}
	make_weights(&random);
	rig = make_device();
	printf("%d x %d x %d to %d maps, %d x %d: %.0f M multiply-accumulates dense\n", SIDE, SIDE,
	       CHANNELS, MAPS, KERNEL, KERNEL, DENSE / 1e6);
	printf("%8s %12s %12s %12s %12s %14s\n", "zeros", "dense G/s", "model G/s", "effective G/s",
	       "x dense", "step cycles");
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
		double dense, model;

		make_input(&random, zeros[i]);
		store_input(rig);
		dense = run_dense();
		model = run_model(rig, &record);
		printf("%7u%% %12.2f %12.2f %12.2f %12.2f %14llu\n", zeros[i], DENSE / dense / 1e9,
		       record.work_done / model / 1e9, DENSE / model / 1e9, dense / model,
		       (unsigned long long)record.step_cycles);
		if (!memcmp(rig->ram + OUTPUT_ADDR, output, sizeof(output)))
			continue;
		fprintf(stderr, "bench-conv: the outputs are not those of the dense loop\n");
		return 1;
	}
	rig_destroy(rig);
	return 0;
}
