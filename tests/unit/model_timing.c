// SPDX-License-Identifier: MIT
/* The timing function against the pipeline played cycle by cycle, and against published figures. */
#include <string.h>

#include "model_test.h"
#include "reference_timing.h"

#define PATTERNS     12000
#define MAX_ELEMENTS (1 + 128 + 2 * 256)

static struct dh_timing_layer random_layer(struct rig_random *random)
{
	static const uint32_t memories[][3] = {
		{ 0, 0, 0 },  { 1, 0, 4 },   { 2, 0, 4 },    { 4, 0, 4 },
		{ 1, 16, 4 }, { 1, 32, 4 },  { 1, 64, 4 },   { 2, 32, 4 },
		{ 1, 0, 1 },  { 1, 16, 1 },  { 1, 32, 1 },   { 1, 64, 1 },
		{ 3, 7, 2 },  { 4, 250, 8 }, { 1, 200, 40 }, { 5, 1, 3 },
	};
	/* Gates of x, h and r h. */
	static const uint32_t cells[][3] = { { 3, 3, 0 }, { 3, 3, 0 }, { 1, 0, 0 },
					     { 3, 2, 1 }, { 4, 4, 0 }, { 1, 1, 0 } };
	const uint32_t *memory = memories[rig_below(random, 16)];
	const uint32_t *cell = cells[rig_below(random, 6)];
	bool published = rig_below(random, 2);
	uint32_t hidden = 16 + 8 * rig_below(random, rig_below(random, 4) ? 6 : 31);

	return (struct dh_timing_layer){
		.inputs = 8 + 8 * rig_below(random, 16),
		.hidden = hidden,
		.recurrent = cell[1] ? hidden : 0,
		.column_bytes = cell[0] * hidden,
		.h_bytes = cell[1] * hidden,
		.rh_bytes = cell[2] * hidden,
		.pes = published ? 8 : 8U << rig_below(random, 3),
		.beat_bytes = published ? 8 : 8U << rig_below(random, 4),
		.memory = { memory[0], memory[1], memory[2] },
	};
}

/* Patterns of every density, in runs as well as scattered. */
static void random_pattern(struct rig_random *random, uint8_t *fired, unsigned int count)
{
	uint32_t density = rig_below(random, 101), run = 1 + rig_below(random, 40);
	bool fires = false;

	for (unsigned int i = 0; i < count; i++) {
		if (i % run == 0)
			fires = rig_below(random, 100) < density;
		fired[i] = fires;
	}
	if (rig_below(random, 2))
		fired[0] = 0;
}

START_TEST(equals_reference)
{
	struct rig_random random = { _i + 1 };
	uint8_t fired[MAX_ELEMENTS];

	for (int i = 0; i < PATTERNS / 8; i++) {
		struct dh_timing_layer layer = random_layer(&random);
		struct ref_pipeline ref = {
			layer.inputs,	layer.hidden,	layer.recurrent, layer.column_bytes,
			layer.h_bytes,	layer.rh_bytes, layer.pes,	 layer.beat_bytes,
			layer.memory.n, layer.memory.l, layer.memory.q,
		};

		random_pattern(&random, fired, 1 + layer.inputs + 2 * layer.recurrent);
		ck_assert_uint_eq(dh_timing_layer_cycles(&layer, fired), ref_cycles(&ref, fired));
	}
}
END_TEST

START_TEST(null_pattern_is_all_but_bias)
{
	struct dh_timing_layer layer = { 40, 768, 768, 3 * 768, 2 * 768, 768, 8, { 0 }, 8 };
	uint8_t fired[1 + 40 + 768 + 768];

	memset(fired, 1, sizeof(fired));
	fired[0] = 0;
	ck_assert_uint_eq(dh_timing_layer_cycles(&layer, NULL),
			  dh_timing_layer_cycles(&layer, fired));
}
END_TEST

/* Nothing fires: the scan and the output phase are left. */
START_TEST(silent_layer)
{
	struct dh_timing_layer layer = { 16, 32, 32, 96, 96, 0, 8, { 1, 32, 4 }, 8 };
	uint8_t fired[1 + 16 + 32 + 32] = { 0 };

	ck_assert_uint_eq(dh_timing_layer_cycles(&layer, fired), 16 + 32 + 5 + 5 * 4 + 10);
	/* The products come out, and are scanned: marker in slot 32, visible 2 cycles later. */
	layer.h_bytes = 64;
	layer.rh_bytes = 32;
	ck_assert_uint_eq(dh_timing_layer_cycles(&layer, fired),
			  16 + 32 + 5 + 5 * 4 + 10 + 32 + 2 + 4 + 5 * 5 + 1);
}
END_TEST

START_TEST(transfers)
{
	struct dh_memory_timing ideal = { 0 }, memory = { 2, 32, 4 };

	ck_assert_uint_eq(dh_timing_transfer(&memory, 8, 0), 0);
	ck_assert_uint_eq(dh_timing_transfer(&memory, 8, 1), 34);
	ck_assert_uint_eq(dh_timing_transfer(&memory, 8, 8), 34);
	ck_assert_uint_eq(dh_timing_transfer(&memory, 8, 9), 36);
	ck_assert_uint_eq(dh_timing_transfer(&memory, 16, 4096), 34 + 255 * 2);
	ck_assert_uint_eq(dh_timing_transfer(&ideal, 8, 4096), 512);
	ck_assert_uint_eq(dh_timing_transfer(&ideal, 8, 0), 0);
}
END_TEST

TCase *model_timing_case(void)
{
	TCase *tcase = tcase_create("timing");

	tcase_add_loop_test(tcase, equals_reference, 0, 8);
	tcase_add_test(tcase, null_pattern_is_all_but_bias);
	tcase_add_test(tcase, silent_layer);
	tcase_add_test(tcase, transfers);
	return tcase;
}
