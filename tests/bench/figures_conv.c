// SPDX-License-Identifier: MIT
/*
 * What is published about NullHop, next to what the device model gives for the same networks: the
 * mapping of VGG16, the work of the RoShamBo networks, utilisation, throughput and efficiency of
 * VGG19, frame times of VGG16 and VGG19. Every layer runs whole, with random maps and weights of
 * which a given share is not zero. Nothing is fitted. Exits with 1 if the mapping differs, or if the
 * utilisation of VGG19 at 27 % is not above 98 %.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_commands.h"
#include "reference_conv_timing.h"

#define COMMANDS   RIG_FREE
#define INPUT	   0x100000ULL
#define OUTPUT	   0x2000000ULL
#define WEIGHTS	   0x3000000ULL
#define RAM_BYTES  0x4000000ULL
#define MACS	   128
#define KERNEL	   3
#define MAX_LAYERS 16
#define RANGE	   255 /* largest value, largest weight */

enum { REGION_INPUT, REGION_OUTPUT, REGION_WEIGHTS, REGION_COMMANDS };

/**
 * struct layer - a convolution of a VGG network: 3 x 3, pad 1, ReLU
 * @share: of the input's values that are not zero
 */
struct layer {
	int block, number, size, in, out;
	bool pool;
	double share;
};

struct network {
	int count;
	struct layer layer[MAX_LAYERS];
};

/* arXiv 1409.1556, columns D (16) and E (19). */
static struct network vgg(int depth)
{
	static const struct {
		int size, out, convs16, convs19;
	} blocks[] = {
		{ 224, 64, 2, 2 }, { 112, 128, 2, 2 }, { 56, 256, 3, 4 },
		{ 28, 512, 3, 4 }, { 14, 512, 3, 4 },
	};
	struct network net = { 0 };
	int in = 3;

	for (int b = 0; b < 5; b++) {
		int convs = depth == 16 ? blocks[b].convs16 : blocks[b].convs19;

		for (int i = 1; i <= convs; i++) {
			net.layer[net.count++] = (struct layer){
				.block = b + 1,
				.number = i,
				.size = blocks[b].size,
				.in = in,
				.out = blocks[b].out,
				.pool = i == convs,
			};
			in = blocks[b].out;
		}
	}
	return net;
}

static double dense_macs(const struct layer *layer)
{
	return (double)layer->size * layer->size * KERNEL * KERNEL * layer->in * layer->out;
}

static double network_macs(const struct network *net)
{
	double macs = 0;

	for (int i = 0; i < net->count; i++)
		macs += dense_macs(&net->layer[i]);
	return macs;
}

static int choose_macs(const struct layer *layer)
{
	struct dh_config config;
	struct dh_cmd_limits limits;

	if (!dh_config_profile(&config, "nullhop-asic"))
		exit(1);
	limits = dh_config_limits(&config);
	return (int)dh_conv_choose_macs(&limits, KERNEL, KERNEL, layer->in, layer->out);
}

/* Multiply-accumulates when no input is zero: places of the kernel outside of the map give none. */
static double most_macs(const struct layer *layer)
{
	double inside = (KERNEL * layer->size - 2.0) / (KERNEL * layer->size);

	return inside * inside * dense_macs(layer);
}

/**
 * set_shares() - shares of values that are not zero, such that @remaining of the dense work is left
 * @uneven: they fall from layer to layer, the first having three times that of the last
 *
 * The image is not encoded: nothing of it is skipped.
 */
static void set_shares(struct network *net, double remaining, bool uneven)
{
	double rest = remaining * network_macs(net) - most_macs(&net->layer[0]), weight = 0;

	for (int i = 1; i < net->count; i++) {
		net->layer[i].share = uneven ? 1.5 - (i - 1.0) / (net->count - 2) : 1;
		weight += net->layer[i].share * most_macs(&net->layer[i]);
	}
	net->layer[0].share = 1;
	for (int i = 1; i < net->count; i++)
		net->layer[i].share *= rest / weight;
}

/* ---- numbers ---- */

static struct rig_random dice = { 2019 };

static int16_t not_zero(void)
{
	int value = 1 + (int)rig_below(&dice, RANGE);

	return (int16_t)(rig_below(&dice, 2) ? value : -value);
}

static int16_t *values(size_t count, double share)
{
	int16_t *value = calloc(count, sizeof(*value));
	uint32_t limit = (uint32_t)(share * (1 << 24));

	if (!value)
		exit(1);
	for (size_t i = 0; i < count; i++)
		value[i] = (int16_t)(rig_below(&dice, 1 << 24) < limit ? not_zero() : 0);
	return value;
}

/* The number that a normal variable exceeds with a probability. */
static double exceeded_with(double probability)
{
	double low = -9, high = 9;

	while (high - low > 1e-9) {
		double middle = (low + high) / 2;

		if (erfc(middle / sqrt(2)) / 2 > probability)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * The bias that leaves a share of the outputs: sums of many products are close to normal. Of a
 * pooled output four sums must not pass, and 1 is the smallest output.
 */
static int16_t bias_for(const struct layer *layer, double share_out)
{
	double square = (RANGE + 1) * (2 * RANGE + 1) / 6.0;
	double sigma = square * sqrt(KERNEL * KERNEL * layer->in * layer->share);
	double share = layer->pool ? 1 - pow(1 - share_out, 0.25) : share_out;

	return (int16_t)lround(1 - exceeded_with(share) * sigma / 256);
}

/* ---- a layer on a device ---- */

/** struct result - what a layer, or a network, took */
struct result {
	double cycles, step_cycles, done, dense, weights, in, out;
};

static struct ref_conv_layer conv_layer(const struct layer *layer)
{
	return (struct ref_conv_layer){
		.relu = true,
		.encode = true,
		.pool_max = layer->pool,
		.kernel_rows = KERNEL,
		.kernel_cols = KERNEL,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = layer->size,
		.cols = layer->size,
		.out_rows = layer->size,
		.out_cols = layer->size,
		.channels = layer->in,
		.inputs = 1,
	};
}

static struct rig *make_device(const char *profile)
{
	static const uint64_t starts[] = { INPUT, OUTPUT, WEIGHTS, COMMANDS };
	static const uint64_t ends[] = { OUTPUT, WEIGHTS, RAM_BYTES, INPUT };
	struct dh_config config;
	struct rig *rig;

	if (!dh_config_profile(&config, profile))
		exit(1);
	rig = rig_create(&config, RAM_BYTES);
	if (!rig)
		exit(1);
	for (int i = 0; i < 4; i++)
		rig_region(rig, starts[i], ends[i] - starts[i],
			   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	rig_start(rig);
	return rig;
}

static void make_input(struct rig *rig, const struct layer *layer, struct ref_conv_layer *conv)
{
	struct ref_map *map = &conv->input[0];

	*map = (struct ref_map){
		.rows = layer->size,
		.cols = layer->size,
		.channels = layer->in,
		.encoded = layer->share < 1,
		.value = values((size_t)layer->size * layer->size * layer->in, layer->share),
	};
	ref_map_store(map, false, rig->ram + INPUT);
	free(map->value);
}

/* Weights of a pass, and its command. Return: bytes of the weights. */
static size_t put_pass(struct rig *rig, struct rig_program *program,
		       const struct ref_conv_layer *conv, int16_t bias,
		       const struct conv_spots *spots)
{
	int16_t biases[MACS];
	struct ref_conv_pass pass = {
		.maps = MACS / conv->macs,
		.bias = biases,
	};

	for (int i = 0; i < pass.maps; i++)
		biases[i] = bias;
	pass.kernel = values((size_t)pass.maps * conv->channels * KERNEL * KERNEL, 1);
	ref_conv_store_weights(conv, &pass, MACS, false, 0,
			       rig->ram + WEIGHTS + spots->weight.offset);
	free(pass.kernel);
	conv_put_pass(program, &pass, spots);
	return ref_conv_weight_bytes(conv, &pass, MACS, false);
}

static void put_passes(struct rig *rig, struct rig_program *program, const struct layer *layer,
		       const struct ref_conv_layer *conv, int16_t bias)
{
	struct conv_spots spots = {
		.weight = { REGION_WEIGHTS, 0 },
		.output = { REGION_OUTPUT, 0 },
	};
	int maps = MACS / conv->macs, side = layer->size / (layer->pool ? 2 : 1);

	for (int first = 0; first < layer->out; first += maps) {
		spots.weight.offset += put_pass(rig, program, conv, bias, &spots);
		/* As much as a map without zeros takes, and more. */
		spots.output.offset += (size_t)side * side * maps * 5;
	}
}

static struct result run_layer(struct rig *rig, const struct layer *layer, double share_out)
{
	struct rig_program program = rig_program(rig, COMMANDS);
	struct ref_conv_layer conv = conv_layer(layer);
	struct deltahop_record record;
	struct deltahop_entry entry;

	conv.macs = choose_macs(layer);
	make_input(rig, layer, &conv);
	conv_put_layer(&program, &conv);
	conv_put_input(&program, &conv.input[0], (struct conv_spot){ REGION_INPUT, 0 });
	put_passes(rig, &program, layer, &conv, bias_for(layer, share_out));
	rig_put_end(&program);
	entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	entry.cmd_region = REGION_COMMANDS;
	entry.size = program.at - program.start;
	record = rig_do(rig, &entry);
	if (record.status != DELTAHOP_STATUS_OK) {
		fprintf(stderr, "figures-conv: conv%d_%d ended with: %s\n", layer->block,
			layer->number, dh_reason_text(record.reason));
		exit(1);
	}
	return (struct result){
		.cycles = record.cycles,
		.step_cycles = record.step_cycles,
		.done = record.work_done,
		.dense = record.work_done + record.work_skipped,
		.weights = record.bytes_weights,
		.in = record.bytes_in,
		.out = record.bytes_out,
	};
}

static void add(struct result *sum, const struct result *result)
{
	sum->cycles += result->cycles;
	sum->step_cycles += result->step_cycles;
	sum->done += result->done;
	sum->dense += result->dense;
	sum->weights += result->weights;
	sum->in += result->in;
	sum->out += result->out;
}

static double utilisation(const struct result *result)
{
	return result->done / (MACS * result->step_cycles);
}

/* Of the outputs, those that are not zero: words without sparsity maps. */
static double output_share(const struct layer *layer, const struct result *result)
{
	int side = layer->pool ? layer->size / 2 : layer->size;
	double count = (double)side * side * layer->out;

	return (result->out / 4 - count / 16) / count;
}

static void print_layer(const struct layer *layer, const struct result *result)
{
	int macs = choose_macs(layer);

	printf("conv%d_%d %2d %3d %7.1f %% %7.1f %% %8.2f %% %10.3f %10.3f %9.2f %9.2f %9.2f\n",
	       layer->block, layer->number, macs, layer->out * macs / MACS, 100 * layer->share,
	       100 * output_share(layer, result), 100 * utilisation(result),
	       result->step_cycles / 1e6, result->cycles / 1e6, result->weights / 1e6,
	       result->in / 1e6, result->out / 1e6);
}

static void print_layer_head(void)
{
	printf("%-7s %2s %3s %9s %9s %10s %10s %10s %9s %9s %9s\n", "", "m", "", "not", "zero",
	       "utili-", "compute", "with", "weights", "maps in", "maps out");
	printf("%-7s %2s %3s %9s %9s %10s %10s %10s %9s %9s %9s\n", "layer", "", "x", "in", "out",
	       "sation", "Mcycles", "loading", "MB", "MB", "MB");
}

/* @verbose: a line a layer */
static struct result run_network(struct rig *rig, const struct network *net, bool verbose)
{
	struct result sum = { 0 };

	if (verbose)
		print_layer_head();
	for (int i = 0; i < net->count; i++) {
		int next = i + 1 < net->count ? i + 1 : i;
		struct result result = run_layer(rig, &net->layer[i], net->layer[next].share);

		if (verbose)
			print_layer(&net->layer[i], &result);
		add(&sum, &result);
	}
	return sum;
}

/* ---- the tables ---- */

static bool print_mapping(void)
{
	/* Derived from the authors' software: m, passes, KiB of dense input and of weights. */
	static const int derived[][4] = {
		{ 2, 1, 294, 3 },     { 2, 1, 6272, 72 },  { 1, 1, 1568, 144 },
		{ 1, 1, 3136, 288 },  { 1, 2, 784, 576 },  { 1, 2, 1568, 1152 },
		{ 1, 2, 1568, 1152 }, { 1, 4, 392, 2304 }, { 2, 8, 784, 4608 },
		{ 2, 8, 784, 4608 },  { 2, 8, 196, 4608 }, { 2, 8, 196, 4608 },
		{ 2, 8, 196, 4608 },
	};
	struct network net = vgg(16);
	bool same = true;

	printf("Mapping of VGG16 (derived from the authors' software in brackets)\n");
	printf("%-8s %8s %8s %11s %15s %15s\n", "layer", "MMAC", "m", "passes", "input KiB",
	       "weights KiB");
	for (int i = 0; i < net.count; i++) {
		const struct layer *layer = &net.layer[i];
		int m = choose_macs(layer);
		int got[] = { m, layer->out * m / MACS,
			      layer->size * layer->size * layer->in * 2 / 1024,
			      (layer->in * layer->out * 18 + 512) / 1024 };

		printf("conv%d_%d %9.1f %4d [%d] %6d [%d] %7d [%4d] %7d [%4d]\n", layer->block,
		       layer->number, dense_macs(layer) / 1e6, got[0], derived[i][0], got[1],
		       derived[i][1], got[2], derived[i][2], got[3], derived[i][3]);
		same = same && !memcmp(got, derived[i], sizeof(got));
	}
	printf("sum      %8.1f [15346.6]; VGG19 %.1f [19508.4]\n\n", network_macs(&net) / 1e6,
	       network_macs(&(struct network[]){ vgg(19) }[0]) / 1e6);
	return same;
}

/** struct stage - of a RoShamBo network; a fully connected one has a kernel as large as its input */
struct stage {
	int size, in, kernel, out;
};

static void print_stages(const char *name, const struct stage *stage, int count, int published)
{
	int sum = 0;

	printf("%s:", name);
	for (int i = 0; i < count; i++) {
		int side = stage[i].size - stage[i].kernel + 1;
		int macs = side * side * stage[i].kernel * stage[i].kernel * stage[i].in *
			   stage[i].out;

		printf(" %d", macs);
		sum += macs;
	}
	printf("; sum %d [%d]\n", sum, published);
}

static void print_roshambo(void)
{
	static const struct stage demo[] = {
		{ 64, 1, 5, 16 },  { 30, 16, 3, 32 }, { 14, 32, 5, 64 },
		{ 5, 64, 5, 256 }, { 1, 256, 1, 4 },
	};
	static const struct stage dextra[] = {
		{ 64, 1, 5, 16 },  { 30, 16, 3, 32 },  { 14, 32, 3, 64 },
		{ 6, 64, 3, 128 }, { 2, 128, 1, 128 }, { 1, 128, 1, 4 },
	};

	printf("Dense multiply-accumulates of the RoShamBo networks, a frame\n");
	print_stages("2016", demo, 5, 10172672 + 409600 + 1024);
	print_stages("Dextra", dextra, 6, 8952576);
	printf("\n");
}

/* A line of the ASIC's table. */
static void print_speed(const struct rig *rig, const struct result *result)
{
	double clock = rig->config.clock_hz, peak = 2 * MACS * clock;
	double compute = 2 * result->dense * clock / result->step_cycles,
	       loading = 2 * result->dense * clock / result->cycles;

	printf(" %6.2f %% %9.2f %% %8.1f %8.1f %% %9.1f %8.1f %%\n",
	       100 * result->done / result->dense, 100 * utilisation(result), compute / 1e9,
	       100 * compute / peak, loading / 1e9, 100 * loading / peak);
}

static bool print_asic(void)
{
	static const double remaining[] = { 0.20, 0.27, 0.35 };
	struct rig *rig = make_device("nullhop-asic");
	struct network net = vgg(19);
	struct result result[6];
	bool reached;

	printf("VGG19 on nullhop-asic, 27 %% of the work left, the same share in every layer but conv1_1\n");
	for (int i = 0; i < 6; i++) {
		set_shares(&net, remaining[i % 3], i >= 3);
		result[i] = run_network(rig, &net, i == 1);
	}
	reached = utilisation(&result[1]) > 0.98;
	printf("\nVGG19 on nullhop-asic\n%25s %11s %18s %20s\n", "", "", "compute only",
	       "with loading");
	printf("%16s %8s %11s %8s %10s %9s %10s\n", "", "left", "utilisation", "GOp/s",
	       "efficiency", "GOp/s", "efficiency");
	printf("published                  > 98 %%    > 450      368 %%\n");
	for (int i = 0; i < 6; i++) {
		printf("%-7s %4.0f %%  ", i < 3 ? "even" : "uneven", 100 * remaining[i % 3]);
		print_speed(rig, &result[i]);
	}
	printf("\n");
	rig_destroy(rig);
	return reached;
}

/* Cycles in which the weights and biases of the three fully connected layers come in. */
static double connected_cycles(const struct rig *rig)
{
	static const int sizes[] = { 7 * 7 * 512, 4096, 4096, 1000 };
	const struct dh_memory_timing *dram = &rig->config.dram;
	struct ref_conv_device device = {
		.beat_bytes = rig->config.beat_bytes,
		.other = { dram->n, dram->l, dram->q },
	};
	double cycles = 0;

	for (int i = 0; i < 3; i++)
		cycles += ref_transfer(&device, false,
				       ref_words_bytes((sizes[i] + 1LL) * sizes[i + 1], false));
	return cycles;
}

static void print_times(const char *name, double vgg16, double vgg19)
{
	printf("%-36s %9.0f %9.0f %11.0f\n", name, vgg16, vgg19, vgg19 - vgg16);
}

/* Nothing else goes on while kernels are loaded. */
static double kernel_cycles(const struct rig *rig, const struct result *result)
{
	return result->weights / rig->config.beat_bytes * rig->config.dram.n;
}

static void print_frame_times(const struct rig *rig, const struct result *vgg16,
			      const struct result *vgg19)
{
	static const double published[] = { 2269, 2439 };
	double ms = 1000.0 / rig->config.clock_hz, connected = connected_cycles(rig) * ms,
	       conv16 = ms * vgg16->cycles, conv19 = ms * vgg19->cycles;

	printf("Frame times on nullhop-fpga in ms, 27 %% of the work left\n%-36s %9s %9s %11s\n",
	       "", "VGG16", "VGG19", "difference");
	print_times("convolutions", conv16, conv19);
	print_times("  of these, computing", ms * vgg16->step_cycles, ms * vgg19->step_cycles);
	print_times("  of these, loading kernels", ms * kernel_cycles(rig, vgg16),
		    ms * kernel_cycles(rig, vgg19));
	print_times("weights of fully connected layers", connected, connected);
	print_times("sum", conv16 + connected, conv19 + connected);
	print_times("published", published[0], published[1]);
	print_times("published - sum", published[0] - conv16 - connected,
		    published[1] - conv19 - connected);
	printf("\nWhat is left is nearly the same in both, so it is no part of the three layers that\n"
	       "VGG19 has more. Missing is the processor: its share of the fully connected layers, copies\n"
	       "of maps, the start of each pass; nothing published says how long these take.\n");
}

static void print_fpga(void)
{
	struct rig *rig = make_device("nullhop-fpga");
	struct result result[2];

	for (int i = 0; i < 2; i++) {
		struct network net = vgg(i ? 19 : 16);

		set_shares(&net, 0.27, false);
		result[i] = run_network(rig, &net, false);
	}
	print_frame_times(rig, &result[0], &result[1]);
	rig_destroy(rig);
}

int main(void)
{
	bool mapping, utilised;

	mapping = print_mapping();
	print_roshambo();
	utilised = print_asic();
	print_fpga();
	if (!mapping)
		fprintf(stderr, "figures-conv: the mapping is not the published one\n");
	if (!utilised)
		fprintf(stderr, "figures-conv: VGG19 does not use 98 %% of the MACs\n");
	return mapping && utilised ? 0 : 1;
}
