// SPDX-License-Identifier: MIT
/* Random jobs for a random device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_commands.h"
#include "conv_trial.h"

#define RAM_BYTES  (32 << 20)
#define CARD_BYTES (16 << 20)

static int pick(struct trial *trial, int low, int high)
{
	return low + (int)rig_below(&trial->random, high - low + 1);
}

/* ---- the device ---- */

static struct ref_memory ref_memory(const struct dh_memory_timing *memory)
{
	return (struct ref_memory){ memory->n, memory->l, memory->q };
}

static void describe_device(struct trial *trial, const struct dh_config *config)
{
	bool link = config->link.n;

	trial->device = (struct ref_conv_device){
		.macs = config->conv_macs,
		.beat_bytes = config->beat_bytes,
		.store_bytes = config->conv_store_bytes,
		.packed = config->caps & DELTAHOP_CAP_CONV_PACKED,
		.card = ref_memory(&config->dram),
		.other = ref_memory(link ? &config->link : &config->dram),
	};
	trial->kind = (struct conv_kind){
		.published = !trial->device.packed,
		.macs = config->conv_macs,
		.kernel_words = config->conv_kernel_words,
		.store_bytes = config->conv_store_bytes,
		.max_channels = config->conv_max_channels,
		.max_cols = config->conv_max_cols,
		.max_outputs = config->conv_max_outputs,
		.most_work = 1 << pick(trial, 12, 20),
	};
}

static struct dh_config profile(const char *name)
{
	struct dh_config config;

	if (!dh_config_profile(&config, name))
		abort();
	return config;
}

static struct dh_config random_config(struct trial *trial)
{
	static const char *const names[] = { "card", "card", "nullhop-fpga", "nullhop-asic" };
	static const struct dh_memory_timing memories[] = {
		{ 0, 0, 0 }, { 1, 32, 4 }, { 2, 16, 1 }, { 4, 250, 8 }, { 1, 0, 1 }
	};
	struct dh_config config = profile(names[pick(trial, 0, 3)]);

	if (config.profile == DELTAHOP_PROFILE_CARD) {
		config.card_size = CARD_BYTES;
		config.conv_macs = 32U << pick(trial, 0, 3);
		config.beat_bytes = 8U << pick(trial, 0, 4);
		config.link = memories[pick(trial, 0, 4)];
	}
	config.dram = memories[pick(trial, 0, 4)];
	if (pick(trial, 0, 1))
		config.conv_store_bytes = 4096U << pick(trial, 0, 7);
	return config;
}

static struct trial *new_trial(uint64_t seed)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (!trial)
		abort();
	trial->seed = trial->random.state = seed;
	return trial;
}

static struct trial *power_up(struct trial *trial, const struct dh_config *config)
{
	trial->rig = rig_create(config, RAM_BYTES);
	if (!trial->rig)
		abort();
	trial->rig->maps = pick(trial, 0, 1);
	describe_device(trial, config);
	trial->rig->engine = DELTAHOP_ENGINE_CONV;
	rig_start(trial->rig);
	return trial;
}

struct trial *trial_create(uint64_t seed)
{
	struct trial *trial = new_trial(seed);
	struct dh_config config = random_config(trial);

	return power_up(trial, &config);
}

struct trial *trial_create_profile(uint64_t seed, const char *name, uint32_t store_bytes)
{
	struct dh_config config = profile(name);

	if (store_bytes)
		config.conv_store_bytes = store_bytes;
	return power_up(new_trial(seed), &config);
}

void trial_destroy(struct trial *trial)
{
	rig_destroy(trial->rig);
	free(trial);
}

/* ---- the layers, and what they compute ---- */

static void take_sums(struct trial_pass *pass, const struct trial_pass *before, size_t count)
{
	pass->takes_sums = pass->ref.psum_in && !pass->ref.psum;
	if (!pass->takes_sums)
		return;
	pass->ref.psum = malloc(count * sizeof(int32_t));
	if (!pass->ref.psum || !before)
		abort();
	memcpy(pass->ref.psum, before->sums, count * sizeof(int32_t));
}

static void random_pass(struct trial *trial, struct trial_layer *layer, int number)
{
	struct trial_pass *pass = &layer->pass[number];
	struct trial_pass *before = number ? pass - 1 : NULL;

	pass->ref = random_conv_pass(&trial->random, &trial->kind, &layer->ref,
				     before ? &before->ref : NULL, layer->connected);
	take_sums(pass, before, (size_t)layer->ref.out_rows * layer->ref.out_cols * pass->ref.maps);
	if (pass->ref.psum_out)
		pass->sums = ref_conv_psums(&layer->ref, &pass->ref);
	else
		pass->output = ref_conv_output(&layer->ref, &pass->ref);
}

/* All maps that the layer before wrote, as they are. */
static void take_outputs(struct trial_layer *layer, const struct trial_layer *before)
{
	for (int i = 0; i < before->passes; i++) {
		const struct ref_map *map = &before->pass[i].output;

		if (!map->value)
			continue;
		layer->ref.input[layer->ref.inputs++] = *map;
		layer->ref.channels += map->channels;
		layer->ref.rows = map->rows;
		layer->ref.cols = map->cols;
	}
	layer->follows = layer->ref.inputs;
}

static bool follow(struct trial *trial, struct trial_layer *layer)
{
	take_outputs(layer, layer - 1);
	if (layer->follows &&
	    random_conv_follower(&trial->random, &trial->kind, layer->connected, &layer->ref))
		return true;
	layer->follows = false;
	return false;
}

static void random_layer(struct trial *trial, int number, int passes)
{
	struct trial_layer *layer = &trial->layer[number];

	layer->connected = trial->kind.max_outputs && pick(trial, 0, 5) == 0;
	if (!number || pick(trial, 0, 1) || !follow(trial, layer))
		layer->ref = random_conv_layer(&trial->random, &trial->kind, layer->connected);
	layer->passes = pick(trial, 1, passes);
	for (int i = 0; i < layer->passes; i++)
		random_pass(trial, layer, i);
}

/* ---- memory ---- */

/* A place of @bytes at the end of a region of its own. */
static struct place any_place(struct trial *trial, uint64_t bytes, uint32_t flags)
{
	struct rig *rig = trial->rig;
	struct rig_buffer *buffer = &trial->buffer[rig->regions];
	uint64_t offset = 8 * pick(trial, 0, 40);

	if (rig->regions == 64)
		abort();
	if (pick(trial, 0, 1))
		flags |= DELTAHOP_REGION_LIST;
	if (rig->config.card_size && pick(trial, 0, 1))
		flags |= DELTAHOP_REGION_CARD;
	*buffer = rig_buffer(rig, &trial->random, offset + bytes, flags);
	return (struct place){ buffer, offset };
}

static void poke(struct trial *trial, const struct place *place, const void *bytes, size_t length)
{
	rig_poke(trial->rig, place->buffer, place->offset, bytes, length);
}

uint8_t *trial_bytes(size_t length)
{
	uint8_t *bytes = calloc(length + 1, 1);

	if (!bytes)
		abort();
	return bytes;
}

/* A place that the device writes, with something in it and before it. */
static struct place written_place(struct trial *trial, uint64_t bytes, uint32_t flags)
{
	struct place place = any_place(trial, bytes, flags);
	uint8_t *pattern = trial_bytes(place.offset + bytes);

	for (uint64_t i = 0; i < place.offset + bytes; i++)
		pattern[i] = (uint8_t)(0xa5 + i);
	rig_poke(trial->rig, place.buffer, 0, pattern, place.offset + bytes);
	free(pattern);
	return place;
}

static size_t map_bytes(const struct trial *trial, const struct ref_map *map, int rows)
{
	return ref_words_bytes(ref_map_words(map, rows), trial->device.packed);
}

/* The first @rows rows of a map, or all of it. */
static void poke_map(struct trial *trial, const struct ref_map *map, int rows,
		     const struct place *place)
{
	uint8_t *bytes = trial_bytes(ref_map_bytes(map, trial->device.packed));

	ref_map_store(map, trial->device.packed, bytes);
	poke(trial, place, bytes, map_bytes(trial, map, rows));
	free(bytes);
}

/* A map for which there is memory as far as it is read. */
static void place_map(struct trial *trial, struct ref_map *map, int rows, bool written,
		      struct place *place)
{
	*place = any_place(trial, map_bytes(trial, map, rows),
			   DELTAHOP_REGION_READ | (written ? DELTAHOP_REGION_WRITE : 0));
	map->card = place->buffer->card;
	poke_map(trial, map, rows, place);
}

/* Maps one behind the other in one region. @place: where; its offsets are counted up */
static uint64_t line_up(struct trial *trial, uint64_t *end, size_t bytes)
{
	uint64_t offset = *end;

	*end += (bytes + 7) / 8 * 8 + 8 * pick(trial, 0, 2);
	return offset;
}

static void place_in_one(struct trial *trial, struct trial_layer *layer, int rows)
{
	uint64_t end = 0, last = 0;
	struct place first;

	for (int i = 0; i < layer->ref.inputs; i++) {
		struct ref_map *map = &layer->ref.input[i];

		layer->input[i].offset =
			line_up(trial, &end, ref_map_bytes(map, trial->device.packed));
		last = layer->input[i].offset + map_bytes(trial, map, rows);
	}
	first = any_place(trial, last, DELTAHOP_REGION_READ);
	for (int i = 0; i < layer->ref.inputs; i++) {
		struct ref_map *map = &layer->ref.input[i];

		map->card = first.buffer->card;
		layer->input[i].buffer = first.buffer;
		layer->input[i].offset += first.offset;
		poke_map(trial, map, i < layer->ref.inputs - 1 ? map->rows : rows,
			 &layer->input[i]);
	}
}

static void take_places(struct trial_layer *layer)
{
	struct trial_layer *before = layer - 1;
	int input = 0;

	for (int i = 0; i < before->passes; i++) {
		if (before->pass[i].sums)
			continue;
		layer->input[input] = before->pass[i].target;
		layer->ref.input[input++].card = before->pass[i].target.buffer->card;
	}
}

static void place_inputs(struct trial *trial, struct trial_layer *layer)
{
	int rows = 0;

	for (int i = 0; i < layer->passes; i++) {
		int reads = ref_conv_rows_read(&layer->ref, &layer->pass[i].ref);

		rows = reads > rows ? reads : rows;
	}
	if (layer->follows)
		take_places(layer);
	else if (layer->ref.inputs > 3 || (!layer->over && pick(trial, 0, 1)))
		place_in_one(trial, layer, rows);
	else
		for (int i = 0; i < layer->ref.inputs; i++)
			place_map(trial, &layer->ref.input[i], rows, layer->over == OVER_INPUT,
				  &layer->input[i]);
}

/* Outputs of all passes in one region, or each in its own. @read: the next layer takes them */
static void place_outputs(struct trial *trial, struct trial_layer *layer, bool read)
{
	uint32_t flags = DELTAHOP_REGION_WRITE | (read ? DELTAHOP_REGION_READ : 0);
	bool together = pick(trial, 0, 1);
	uint64_t end = 0, bytes = 0;
	struct place all;

	for (int i = 0; i < layer->passes; i++) {
		struct trial_pass *pass = &layer->pass[i];

		if (pass->sums)
			continue;
		bytes = ref_map_bytes(&pass->output, trial->device.packed);
		if (!together)
			pass->target = written_place(trial, bytes, flags);
		else
			pass->target.offset = line_up(trial, &end, bytes);
		bytes += pass->target.offset;
	}
	if (!together || !bytes)
		return;
	all = written_place(trial, bytes, flags);
	for (int i = 0; i < layer->passes; i++) {
		if (layer->pass[i].sums)
			continue;
		layer->pass[i].target.buffer = all.buffer;
		layer->pass[i].target.offset += all.offset;
	}
}

static uint32_t sums_flags(const struct trial_layer *layer, int number)
{
	const struct trial_pass *pass = &layer->pass[number];
	uint32_t flags = 0;

	do {
		flags |= pass->ref.psum_in ? DELTAHOP_REGION_READ : 0;
		flags |= pass->ref.psum_out ? DELTAHOP_REGION_WRITE : 0;
		pass++;
	} while (++number < layer->passes && pass->takes_sums);
	return flags;
}

static void place_sums(struct trial *trial, struct trial_layer *layer, int number)
{
	struct trial_pass *pass = &layer->pass[number];
	uint32_t flags = sums_flags(layer, number);
	int rows = flags & DELTAHOP_REGION_WRITE ? layer->ref.out_rows
						 : ref_conv_rows(&layer->ref, &pass->ref);
	size_t bytes = sizeof(int32_t) * rows * layer->ref.out_cols * pass->ref.maps;

	if (pass->takes_sums) {
		pass->psum = layer->pass[number - 1].psum;
	} else {
		pass->psum = written_place(trial, bytes, flags);
		if (pass->ref.psum_in)
			poke(trial, &pass->psum, pass->ref.psum, bytes);
	}
	pass->ref.psum_card = pass->psum.buffer->card;
}

static void place_weights(struct trial *trial, const struct ref_conv_layer *layer,
			  struct trial_pass *pass)
{
	size_t length =
		ref_conv_weight_bytes(layer, &pass->ref, trial->device.macs, trial->device.packed);
	uint8_t *bytes = trial_bytes(length);

	ref_conv_store_weights(layer, &pass->ref, trial->device.macs, trial->device.packed,
			       (int)rig_random(&trial->random), bytes);
	pass->weight = any_place(trial, length, DELTAHOP_REGION_READ);
	pass->ref.weight_card = pass->weight.buffer->card;
	poke(trial, &pass->weight, bytes, length);
	free(bytes);
}

static void place_layer(struct trial *trial, int number)
{
	struct trial_layer *layer = &trial->layer[number];

	place_inputs(trial, layer);
	place_outputs(trial, layer, number + 1 < trial->layers && layer[1].follows);
	for (int i = 0; i < layer->passes; i++) {
		struct trial_pass *pass = &layer->pass[i];

		place_weights(trial, &layer->ref, pass);
		if (pass->ref.psum_in || pass->ref.psum_out)
			place_sums(trial, layer, i);
		if (pass->ref.add)
			place_map(trial, &pass->ref.added, ref_conv_rows(&layer->ref, &pass->ref),
				  layer->over == OVER_ADDED, &pass->added);
		if (i == 0 && layer->over)
			pass->target = layer->over == OVER_INPUT ? layer->input[0] : pass->added;
		if (!pass->sums)
			pass->ref.output_card = pass->target.buffer->card;
	}
}

/* ---- commands ---- */

static struct conv_spot spot(const struct place *place)
{
	if (!place->buffer)
		return (struct conv_spot){ 0 };
	return (struct conv_spot){ place->buffer->region, place->offset };
}

static void put_layer(struct rig_program *program, struct trial_layer *layer)
{
	conv_put_layer(program, &layer->ref);
	for (int i = 0; i < layer->ref.inputs; i++)
		conv_put_input(program, &layer->ref.input[i], spot(&layer->input[i]));
	for (int i = 0; i < layer->passes; i++) {
		struct trial_pass *pass = &layer->pass[i];
		struct conv_spots spots = { spot(&pass->weight), spot(&pass->target),
					    spot(&pass->psum), spot(&pass->added) };

		pass->cmd_offset = program->at - program->start;
		conv_put_pass(program, &pass->ref, &spots);
	}
}

static void write_commands(struct trial *trial)
{
	static uint8_t bytes[MAX_LAYERS * (32 + 24 * REF_MAX_INPUTS + 64 * MAX_PASSES) + 8];
	struct rig_program program = { bytes, bytes };

	for (int i = 0; i < trial->layers; i++)
		put_layer(&program, &trial->layer[i]);
	rig_put_end(&program);
	trial->command_bytes = program.at - program.start;
	trial->commands = any_place(trial, trial->command_bytes, DELTAHOP_REGION_READ);
	rig_poke(trial->rig, trial->commands.buffer, trial->commands.offset, bytes,
		 trial->command_bytes);
}

/* ---- a job ---- */

int trial_passes(const struct trial *trial)
{
	int count = 0;

	for (int i = 0; i < trial->layers; i++)
		count += trial->layer[i].passes;
	return count;
}

int trial_commands(const struct trial *trial)
{
	int count = 1; /* END */

	for (int i = 0; i < trial->layers; i++)
		count += 1 + trial->layer[i].ref.inputs + trial->layer[i].passes;
	return count;
}

void trial_clear(struct trial *trial)
{
	trial->rig->regions = 0;
	trial->rig->free_ram = RIG_FREE;
	trial->rig->free_card = 0;
	memset(trial->layer, 0, sizeof(trial->layer));
}

void trial_place(struct trial *trial)
{
	for (int i = 0; i < trial->layers; i++)
		place_layer(trial, i);
	write_commands(trial);
	trial->profile =
		written_place(trial, 64 * (1 + trial_passes(trial)), DELTAHOP_REGION_WRITE);
}

void trial_job(struct trial *trial, int layers, int passes)
{
	trial_clear(trial);
	trial->layers = pick(trial, 1, layers);
	for (int i = 0; i < trial->layers; i++)
		random_layer(trial, i, passes);
	trial_place(trial);
}

void trial_free_job(struct trial *trial)
{
	for (int i = 0; i < trial->layers; i++) {
		struct trial_layer *layer = &trial->layer[i];

		for (int j = 0; j < layer->ref.inputs && !layer->follows; j++)
			free(layer->ref.input[j].value);
		for (int j = 0; j < layer->passes; j++) {
			random_pass_free(&layer->pass[j].ref);
			free(layer->pass[j].output.value);
			free(layer->pass[j].sums);
		}
	}
}

struct deltahop_record trial_run(struct trial *trial, uint64_t budget)
{
	struct deltahop_entry entry;

	if (getenv("DELTAHOP_TEST_SEED"))
		trial_describe(trial);
	entry = rig_entry(trial->rig, DELTAHOP_ENTRY_JOB);
	entry.cmd_region = trial->commands.buffer->region;
	entry.cmd_offset = trial->commands.offset;
	entry.size = trial->command_bytes;
	entry.profile_region = budget ? DELTAHOP_REGION_NONE : trial->profile.buffer->region;
	entry.cycle_budget = budget;
	return rig_do(trial->rig, &entry);
}

/* ---- for whoever looks for a bug ---- */

static void describe_map(const char *what, const struct ref_map *map, const struct place *place)
{
	fprintf(stderr, "  %s: %d x %d x %d%s, %zu words, region %u at %llu\n", what, map->rows,
		map->cols, map->channels, map->encoded ? " encoded" : "",
		ref_map_words(map, map->rows), place->buffer->region,
		(unsigned long long)place->offset);
}

static void describe_pass(const struct trial_pass *pass)
{
	const struct ref_conv_pass *ref = &pass->ref;

	fprintf(stderr, "  %s at %u: %d maps%s%s%s\n", ref->fully_connected ? "FC" : "PASS",
		pass->cmd_offset, ref->maps, ref->psum_in ? " PSUM_IN" : "",
		ref->psum_out ? " PSUM_OUT" : "", pass->takes_sums ? " (those before)" : "");
	if (!pass->sums)
		describe_map("  output", &pass->output, &pass->target);
	if (ref->add)
		describe_map("  added", &ref->added, &pass->added);
}

static void describe_layer(const struct trial_layer *layer)
{
	const struct ref_conv_layer *ref = &layer->ref;

	fprintf(stderr, "LAYER %d x %d x %d to %d x %d, kernel %d x %d, stride %d x %d, ",
		ref->rows, ref->cols, ref->channels, ref->out_rows, ref->out_cols, ref->kernel_rows,
		ref->kernel_cols, ref->stride_rows, ref->stride_cols);
	fprintf(stderr, "pad %d, %d, m %d, shifts %d, %d%s%s%s%s%s\n", ref->pad_top, ref->pad_left,
		ref->macs, ref->out_shift, ref->bias_shift, ref->relu ? " RELU" : "",
		ref->pool_max ? " POOL_MAX" : "", ref->pool_avg ? " POOL_AVG" : "",
		ref->weight8 ? " WEIGHT8" : "", ref->encode ? " ENCODE" : "");
	for (int i = 0; i < ref->inputs; i++)
		describe_map("input", &ref->input[i], &layer->input[i]);
	for (int i = 0; i < layer->passes; i++)
		describe_pass(&layer->pass[i]);
}

void trial_describe(const struct trial *trial)
{
	const struct ref_conv_device *device = &trial->device;

	fprintf(stderr,
		"device: %s, %d MACs, beats of %d bytes, store of %d bytes, N %lld, link N %lld\n",
		device->packed ? "packed" : "bus words", device->macs, device->beat_bytes,
		device->store_bytes, device->card.n, device->other.n);
	for (int i = 0; i < trial->layers; i++)
		describe_layer(&trial->layer[i]);
}
