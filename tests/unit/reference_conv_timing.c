// SPDX-License-Identifier: MIT
/* The costs of a command from the manual, sentence by sentence. */
#include <stdlib.h>

#include "reference_conv_timing.h"
#include "reference_number.h"

#define MAX_MACS 8

static const struct ref_memory *channel(const struct ref_conv_device *device, bool card)
{
	return card ? &device->card : &device->other;
}

long long ref_transfer(const struct ref_conv_device *device, bool card, long long bytes)
{
	const struct ref_memory *memory = channel(device, card);
	long long beats = ref_ceil(bytes, device->beat_bytes);

	if (!bytes)
		return 0;
	if (!memory->n)
		return beats;
	return memory->l + 1 + 1 + (beats - 1) * memory->n;
}

/**
 * struct work - what is asked of the readers and controllers in one stripe
 * @touched: by row
 * @hit: by row and column
 * @multiplications: w by controller and column
 */
struct work {
	bool *touched, *hit;
	long long *multiplications;
	long long done, taken;
};

static struct work new_work(const struct ref_conv_layer *layer)
{
	struct work work = {
		.touched = calloc(layer->rows, sizeof(bool)),
		.hit = calloc((size_t)layer->rows * layer->cols, sizeof(bool)),
		.multiplications = calloc((size_t)MAX_MACS * layer->cols, sizeof(long long)),
	};

	if (!work.touched || !work.hit || !work.multiplications)
		abort();
	return work;
}

static void free_work(struct work *work)
{
	free(work->touched);
	free(work->hit);
	free(work->multiplications);
}

/* The pixels at a place go to their controllers, for one output place. */
static void take(const struct ref_conv_layer *layer, int row, int col, struct work *work)
{
	bool *hit = &work->hit[row * layer->cols + col];
	int channel = 0;

	for (int i = 0; i < layer->inputs; i++) {
		const struct ref_map *map = &layer->input[i];
		const int16_t *value = map->value + ((size_t)row * map->cols + col) * map->channels;

		for (int c = 0; c < map->channels; c++, channel++) {
			int g = ref_conv_controller(layer, channel);

			if (map->encoded && !value[c])
				continue;
			work->multiplications[g * layer->cols + col]++;
			work->done++;
			work->taken += !*hit;
		}
	}
	*hit = true;
}

static void place_row(const struct ref_conv_layer *layer, int row, int out_cols, struct work *work)
{
	for (int x = 0; x < out_cols; x++) {
		for (int j = 0; j < layer->kernel_cols; j++) {
			int col = ref_conv_place(x, j, layer->stride_cols, layer->pad_left);

			if (col >= 0 && col < layer->cols)
				take(layer, row, col, work);
		}
	}
}

/* Output rows of stripe @s: @first .. the result - 1. */
static int stripe_rows(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass, int s,
		       int *first)
{
	int rows = ref_conv_rows(layer, pass);

	*first = 2 * s;
	return 2 * s + 2 < rows ? 2 * s + 2 : rows;
}

static struct work stripe_work(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			       int s)
{
	struct work work = new_work(layer);
	int first, end = stripe_rows(layer, pass, s, &first);

	for (int y = first; y < end; y++) {
		for (int i = 0; i < layer->kernel_rows; i++) {
			int row = ref_conv_place(y, i, layer->stride_rows, layer->pad_top);

			if (row < 0 || row >= layer->rows)
				continue;
			work.touched[row] = true;
			place_row(layer, row, ref_conv_cols(layer, pass), &work);
		}
	}
	return work;
}

/* ---- C(s) ---- */

static long long multiply_cycles(const struct ref_conv_layer *layer, const struct work *work)
{
	/* Latest end over all controllers, of the last column and of the one before it. */
	long long end[MAX_MACS] = { 0 }, slowest = 0, before = 0;

	for (int x = 0; x < layer->cols; x++) {
		long long latest = 0;

		for (int g = 0; g < layer->macs; g++) {
			end[g] = (end[g] > before ? end[g] : before) +
				 work->multiplications[g * layer->cols + x];
			latest = end[g] > latest ? end[g] : latest;
		}
		before = slowest;
		slowest = latest;
	}
	return slowest;
}

static long long read_cycles(const struct ref_conv_layer *layer, const struct work *work)
{
	long long most = 0;

	for (int row = 0; row < layer->rows; row++) {
		long long cycles = 0;

		for (int i = 0; i < layer->inputs && work->touched[row]; i++)
			cycles += ref_row_cycles(&layer->input[i], row);
		most = cycles > most ? cycles : most;
	}
	return most;
}

/* Words of the output before row @y, a row before pooling; partial sums: two each. */
static long long words_before(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			      const struct ref_map *output, int y)
{
	if (!output)
		return 2LL * y * layer->out_cols * pass->maps;
	return (long long)ref_map_words(output, layer->pool_max || layer->pool_avg ? y / 2 : y);
}

static long long output_cycles(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			       const struct ref_conv_device *device, const struct ref_map *output,
			       int s)
{
	int first, end = stripe_rows(layer, pass, s, &first);
	long long words =
		words_before(layer, pass, output, end) - words_before(layer, pass, output, first);

	return ref_ceil(words, device->packed ? device->beat_bytes / 2 : 2);
}

static struct ref_stripe stripe_cycles(const struct ref_conv_layer *layer,
				       const struct ref_conv_pass *pass,
				       const struct ref_conv_device *device,
				       const struct ref_map *output, int s, const struct work *work)
{
	return (struct ref_stripe){
		.multiply = multiply_cycles(layer, work),
		.read = read_cycles(layer, work),
		.output = output_cycles(layer, pass, device, output, s),
	};
}

struct ref_stripe ref_conv_stripe(const struct ref_conv_layer *layer,
				  const struct ref_conv_pass *pass,
				  const struct ref_conv_device *device,
				  const struct ref_map *output, int s)
{
	struct work work = stripe_work(layer, pass, s);
	struct ref_stripe cycles = stripe_cycles(layer, pass, device, output, s, &work);

	free_work(&work);
	return cycles;
}

static long long compute_cycles(const struct ref_conv_layer *layer, const struct ref_stripe *stripe)
{
	long long longest = stripe->multiply, log2_macs = 0;

	if (stripe->read > longest)
		longest = stripe->read;
	if (stripe->output > longest)
		longest = stripe->output;
	while (1 << log2_macs < layer->macs)
		log2_macs++;
	return longest + log2_macs + 1;
}

/* ---- a pass ---- */

static int stripe_count(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	return (int)ref_ceil(ref_conv_rows(layer, pass), 2);
}

/* Rows that are read up to the end of stripe @s: those up to the last one that it or one before touches. */
static int rows_read(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass, int s)
{
	int rows = 0, first, end = stripe_rows(layer, pass, s, &first);

	for (int y = 0; y < end; y++) {
		for (int i = 0; i < layer->kernel_rows; i++) {
			int row = ref_conv_place(y, i, layer->stride_rows, layer->pad_top);

			if (row >= rows && row < layer->rows)
				rows = row + 1;
		}
	}
	return rows;
}

int ref_conv_rows_read(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	if (pass->fully_connected)
		return layer->rows;
	return rows_read(layer, pass, stripe_count(layer, pass) - 1);
}

/* A transfer that is part of a sequence of transfers of words: bytes of words @from .. @to - 1. */
static long long bytes_between(const struct ref_conv_device *device, long long from, long long to)
{
	return (long long)ref_words_bytes(to, device->packed) -
	       (long long)ref_words_bytes(from, device->packed);
}

static bool fits(const struct ref_conv_layer *layer, const struct ref_conv_device *device, int rows)
{
	size_t words = 0;

	for (int i = 0; i < layer->inputs; i++)
		words += ref_map_words(&layer->input[i], rows);
	return 2 * words <= (size_t)device->store_bytes;
}

static long long transfer(const struct ref_conv_device *device, bool card, long long bytes,
			  long long *counter)
{
	*counter += bytes;
	return ref_transfer(device, card, bytes);
}

/* I(s): the rows of the maps, from row @from on. */
static long long load_maps(const struct ref_conv_layer *layer, const struct ref_conv_device *device,
			   int from, int to, struct ref_conv_cost *cost)
{
	long long cycles = 0;

	for (int i = 0; i < layer->inputs && from < to; i++) {
		const struct ref_map *map = &layer->input[i];

		cycles += transfer(device, map->card,
				   bytes_between(device, ref_map_words(map, from),
						 ref_map_words(map, to)),
				   &cost->bytes_in);
	}
	return cycles;
}

/* I(s): partial sums and added rows. */
static long long load_rest(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			   const struct ref_conv_device *device, int s, struct ref_conv_cost *cost)
{
	int first, end = stripe_rows(layer, pass, s, &first);
	long long cycles = 0, values = (long long)layer->out_cols * pass->maps;

	if (pass->psum_in)
		cycles += transfer(device, pass->psum_card, 4 * (end - first) * values,
				   &cost->bytes_in);
	if (pass->add)
		cycles += transfer(device, pass->added.card,
				   bytes_between(device, ref_map_words(&pass->added, first),
						 ref_map_words(&pass->added, end)),
				   &cost->bytes_in);
	return cycles;
}

/* I(s). @held: rows in the store */
static long long load(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
		      const struct ref_conv_device *device, int s, int held,
		      struct ref_conv_cost *cost)
{
	int before = s ? rows_read(layer, pass, s - 1) : 0;

	return load_maps(layer, device, before > held ? before : held, rows_read(layer, pass, s),
			 cost) +
	       load_rest(layer, pass, device, s, cost);
}

/* A bus word that a stripe leaves half full is written by the next one. */
long long ref_conv_written(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			   const struct ref_conv_device *device, const struct ref_map *output,
			   int s)
{
	int first, end = stripe_rows(layer, pass, s, &first);
	long long words = words_before(layer, pass, output, end);

	if (!device->packed && s < stripe_count(layer, pass) - 1)
		words -= words % 2;
	return (long long)ref_words_bytes(words, device->packed);
}

/* W(s) */
static long long store(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
		       const struct ref_conv_device *device, const struct ref_map *output, int s,
		       struct ref_conv_cost *cost)
{
	long long before = s ? ref_conv_written(layer, pass, device, output, s - 1) : 0;

	return transfer(device, output ? pass->output_card : pass->psum_card,
			ref_conv_written(layer, pass, device, output, s) - before,
			&cost->bytes_out);
}

static long long dense_work(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	return (long long)ref_conv_rows(layer, pass) * ref_conv_cols(layer, pass) *
	       layer->kernel_rows * layer->kernel_cols * layer->channels * pass->maps;
}

static long long compute(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			 const struct ref_conv_device *device, const struct ref_map *output, int s,
			 struct ref_conv_cost *cost)
{
	struct work work = stripe_work(layer, pass, s);
	struct ref_stripe stripe = stripe_cycles(layer, pass, device, output, s, &work);
	long long cycles = compute_cycles(layer, &stripe);

	cost->work_done += work.done * pass->maps;
	cost->taken += work.taken;
	cost->step_cycles += cycles;
	free_work(&work);
	return cycles;
}

/* The end of a term. */
static void spend(struct ref_conv_cost *cost, struct ref_terms *terms, long long cycles)
{
	cost->cycles += cycles;
	if (!terms)
		return;
	if (terms->count == terms->room) {
		terms->room = 2 * terms->room + 64;
		terms->after = realloc(terms->after, terms->room * sizeof(*terms->after));
		if (!terms->after)
			abort();
	}
	terms->after[terms->count++] = *cost;
}

static struct ref_conv_cost pass_cost(const struct ref_conv_layer *layer,
				      const struct ref_conv_pass *pass,
				      const struct ref_conv_device *device,
				      const struct ref_map *output, int *held,
				      struct ref_terms *terms)
{
	struct ref_conv_cost cost = { .stripes = stripe_count(layer, pass) };
	int last = (int)cost.stripes - 1, rows = ref_conv_rows_read(layer, pass);
	bool stays = fits(layer, device, rows);
	int have = *held;

	spend(&cost, terms,
	      1 + transfer(device, pass->weight_card,
			   (long long)ref_conv_weight_bytes(layer, pass, device->macs,
							    device->packed),
			   &cost.bytes_weights));
	spend(&cost, terms, load(layer, pass, device, 0, have, &cost));
	for (int s = 0; s <= last; s++) {
		long long c = compute(layer, pass, device, output, s, &cost);
		long long moves = s < last ? load(layer, pass, device, s + 1, have, &cost) : 0;

		moves += s ? store(layer, pass, device, output, s - 1, &cost) : 0;
		spend(&cost, terms, c > moves ? c : moves);
	}
	spend(&cost, terms, store(layer, pass, device, output, last, &cost));
	cost.work_skipped = dense_work(layer, pass) - cost.work_done;
	*held = stays ? (rows > have ? rows : have) : 0;
	return cost;
}

/* ---- fully connected ---- */

static long long column_cycles(const struct ref_conv_pass *pass,
			       const struct ref_conv_device *device, long long column_bytes)
{
	const struct ref_memory *memory = channel(device, pass->weight_card);
	long long beats = ref_ceil(column_bytes, device->beat_bytes), cycles;

	cycles = ref_ceil(pass->maps, device->macs);
	if (!memory->n)
		return beats > cycles ? beats : cycles;
	if (beats * memory->n > cycles)
		cycles = beats * memory->n;
	if (ref_ceil(memory->l + 1 + beats * memory->n, memory->q) > cycles)
		cycles = ref_ceil(memory->l + 1 + beats * memory->n, memory->q);
	return cycles;
}

static long long values_not_zero(const struct ref_conv_layer *layer)
{
	long long count = 0;

	for (int i = 0; i < layer->inputs; i++) {
		const struct ref_map *map = &layer->input[i];

		for (int v = 0; v < map->rows * map->cols * map->channels; v++)
			count += map->value[v] != 0;
	}
	return count;
}

static struct ref_conv_cost connected_cost(const struct ref_conv_layer *layer,
					   const struct ref_conv_pass *pass,
					   const struct ref_conv_device *device,
					   const struct ref_map *output, struct ref_terms *terms)
{
	const struct ref_memory *memory = channel(device, pass->weight_card);
	long long column_bytes = pass->maps * (layer->weight8 ? 1LL : 2LL);
	struct ref_conv_cost cost = { .stripes = 1, .taken = values_not_zero(layer) };

	cost.step_cycles = (memory->n ? memory->l + 1 : 0) +
			   cost.taken * column_cycles(pass, device, column_bytes);
	cost.bytes_weights = cost.taken * column_bytes;
	cost.work_done = cost.taken * pass->maps;
	cost.work_skipped = (long long)layer->rows * layer->cols * layer->channels * pass->maps -
			    cost.work_done;
	spend(&cost, terms,
	      1 + transfer(device, pass->weight_card, 2LL * pass->maps, &cost.bytes_weights) +
		      load_maps(layer, device, 0, layer->rows, &cost) + cost.step_cycles +
		      transfer(device, pass->output_card,
			       (long long)ref_map_bytes(output, device->packed), &cost.bytes_out));
	return cost;
}

struct ref_conv_cost ref_conv_cost(const struct ref_conv_layer *layer,
				   const struct ref_conv_pass *pass,
				   const struct ref_conv_device *device,
				   const struct ref_map *output, int *held, struct ref_terms *terms)
{
	if (pass->fully_connected)
		return connected_cost(layer, pass, device, output, terms);
	return pass_cost(layer, pass, device, output, held, terms);
}
