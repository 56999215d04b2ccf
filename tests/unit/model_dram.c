// SPDX-License-Identifier: MIT
/*
 * Whole jobs with dram=ddr: every cycle against the references of pipeline and channel, the trace, and
 * what the channel does to jobs of both engines.
 */
#include <stdlib.h>
#include <string.h>

#include "conv_net.h"
#include "reference_ddr.h"
#include "reference_rnn.h"
#include "reference_timing.h"

#define PAGE	  4096
#define MAX_LINES 60000
#define STEPS	  6

/* ---- the trace ---- */

struct line {
	unsigned int ring;
	uint64_t cycle;
	uint64_t addr;
	uint32_t bytes;
	bool write;
};

struct lines {
	size_t count;
	struct line line[MAX_LINES];
};

static void keep(void *opaque, unsigned int ring, uint64_t cycle, uint64_t addr, uint32_t bytes,
		 bool write)
{
	struct lines *lines = opaque;

	ck_assert_uint_lt(lines->count, MAX_LINES);
	lines->line[lines->count++] = (struct line){ ring, cycle, addr, bytes, write };
}

static struct lines *new_lines(void)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	ck_assert_ptr_nonnull(lines);
	return lines;
}

/* ---- the channel and the way to it, enacted byte by byte ---- */

/**
 * struct enact - the device's time as the references have it
 * @at: cycle of the device
 * @start: when the entry began
 * @mhz_ps: clock in MHz times picoseconds of a tick
 */
struct enact {
	struct ref_ddr ddr;
	const struct dh_config *config;
	uint64_t at;
	uint64_t start;
	uint64_t mhz_ps;
};

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static void enact_init(struct enact *enact, const struct dh_config *config)
{
	memset(enact, 0, sizeof(*enact));
	ck_assert(ref_ddr_init(&enact->ddr, dh_dram_name(config->dram_part)));
	enact->config = config;
	enact->mhz_ps = (uint64_t)config->clock_hz / 1000000 * ref_ddr_tick_ps(&enact->ddr);
}

/* Cycle in which data asked for in cycle @cycle are there, without L. */
static uint64_t ask(struct enact *enact, uint64_t cycle, uint64_t addr, bool write)
{
	uint64_t tick = divide_up(cycle * 1000000, enact->mhz_ps);

	return divide_up(ref_ddr_access(&enact->ddr, tick, addr, write) * enact->mhz_ps, 1000000);
}

/**
 * struct bytes - of a burst, in order
 * @addr: of each
 */
struct bytes {
	size_t count;
	uint64_t addr[100000];
};

static void add_bytes(struct bytes *bytes, uint64_t addr, uint64_t count)
{
	ck_assert_uint_le(bytes->count + count, 100000);
	while (count--)
		bytes->addr[bytes->count++] = addr++;
}

static bool opens_chunk(const struct enact *enact, const struct bytes *bytes, size_t i)
{
	uint32_t chunk = ref_ddr_burst_bytes(&enact->ddr);

	return !i || bytes->addr[i] != bytes->addr[i - 1] + 1 || bytes->addr[i] % chunk == 0;
}

static bool opens_piece(const struct bytes *bytes, size_t i)
{
	return i && (bytes->addr[i] != bytes->addr[i - 1] + 1 || bytes->addr[i] % PAGE == 0);
}

/* A transfer from here on: its reads. Two pieces are read ahead. */
static void enact_read(struct enact *enact, const struct bytes *bytes)
{
	uint32_t beat_bytes = enact->config->beat_bytes, n = enact->config->dram.n;
	uint64_t lead = enact->config->dram.l + 1, start = enact->at, beat = 0, ready = 0,
		 whole[2] = { 0 };

	for (size_t i = 0; i < bytes->count; i++) {
		uint64_t from = start + whole[0];

		if (opens_piece(bytes, i)) {
			whole[0] = whole[1];
			whole[1] = i / beat_bytes ? beat : 0;
			from = start + whole[0];
		}
		if (opens_chunk(enact, bytes, i))
			ready = ask(enact, from, bytes->addr[i], false) - start + lead;
		if ((i + 1) % beat_bytes && i + 1 < bytes->count)
			continue;
		if (i < beat_bytes)
			beat = ready > lead ? ready : lead;
		else
			beat = beat + n > ready ? beat + n : ready;
	}
	enact->at += bytes->count ? beat + 1 : 0;
}

static void enact_write(struct enact *enact, const struct bytes *bytes)
{
	uint64_t start = enact->at, done = start;

	for (size_t i = 0; i < bytes->count; i++) {
		if (i + 1 < bytes->count && !opens_chunk(enact, bytes, i + 1))
			continue;
		done = ask(enact,
			   start + i / enact->config->beat_bytes * (uint64_t)enact->config->dram.n,
			   bytes->addr[i], true) +
		       enact->config->dram.l + 1;
	}
	enact->at += bytes->count ? done - start + 1 : 0;
}

static void enact_move(struct enact *enact, uint64_t addr, uint64_t count, bool write)
{
	static struct bytes bytes;

	bytes.count = 0;
	add_bytes(&bytes, addr, count);
	if (write)
		enact_write(enact, &bytes);
	else
		enact_read(enact, &bytes);
}

static void enact_entry(struct enact *enact, const struct rig *rig, uint32_t number)
{
	uint64_t period = 1000 / (enact->config->clock_hz / 1000000);
	static struct bytes bytes;

	ck_assert_uint_eq(1000 % period, 0);
	enact->start = enact->at = divide_up(rig_record(rig, number).start_ns, period);
	bytes.count = 0;
	add_bytes(&bytes, RIG_RING + 64 * (number % 8), 64);
	add_bytes(&bytes, RIG_TABLE, 32 * rig->regions);
	enact_read(enact, &bytes);
}

/* ---- a layer, enacted ---- */

/**
 * struct fetches - columns of a layer in a step
 * @enact: where they are fetched
 * @origin: cycle 0 of the layer
 * @column: numbers of those that fire
 * @line: where the trace has them
 */
struct fetches {
	struct enact *enact;
	uint64_t origin;
	uint32_t column_bytes;
	uint32_t column[1 + 2 * REF_MAX];
	const struct line *line;
};

static void compare_line(const struct line *line, uint64_t cycle, uint64_t addr, bool write)
{
	ck_assert_uint_eq(line->cycle, cycle);
	ck_assert_uint_eq(line->addr, addr);
	ck_assert_uint_eq(line->write, write);
}

static void fetch(void *opaque, int burst, long long accepted, long long *ready)
{
	struct fetches *fetches = opaque;
	struct enact *enact = fetches->enact;
	uint64_t cycle = fetches->origin + accepted, there = 0,
		 addr = net_addr(NET_WEIGHTS) +
			(uint64_t)fetches->column[burst] * fetches->column_bytes;
	static struct bytes bytes;

	bytes.count = 0;
	add_bytes(&bytes, addr, fetches->column_bytes);
	for (size_t i = 0; i < bytes.count; i++) {
		if (!i || opens_piece(&bytes, i))
			compare_line(fetches->line++, cycle, bytes.addr[i], false);
		if (opens_chunk(enact, &bytes, i))
			there = ask(enact, cycle, bytes.addr[i], false) - fetches->origin +
				enact->config->dram.l + 1;
		ready[i / enact->config->beat_bytes] = there;
	}
}

/* The layer in a step: @lead cycles, then the pipeline. */
static void enact_layer(struct enact *enact, const struct ref_layer *layer, uint32_t lead,
			struct fetches *fetches)
{
	const struct dh_config *config = enact->config;
	struct ref_pipeline pipe = { layer->inputs,
				     layer->hidden,
				     layer->hidden,
				     3 * layer->hidden,
				     3 * layer->hidden,
				     0,
				     config->rnn_pes,
				     config->beat_bytes,
				     config->dram.n,
				     config->dram.l,
				     config->dram.q,
				     fetch,
				     fetches };
	size_t n = 0;

	for (int i = 0; i < 1 + layer->inputs + layer->hidden; i++) {
		if (layer->fired[i])
			fetches->column[n++] = i;
	}
	fetches->origin = enact->at + lead;
	enact->at = fetches->origin + ref_cycles(&pipe, layer->fired);
}

/* The net's job, of @entry number. */
static void enact_job(struct enact *enact, struct net *net, uint32_t number,
		      struct ref_layer *layer, const struct line *line)
{
	struct fetches fetches = { .enact = enact, .column_bytes = 3 * layer->hidden };
	const struct dh_params *params = &net->params;
	int16_t y[REF_MAX];

	enact_entry(enact, net->rig, number);
	enact_move(enact, net_addr(NET_COMMANDS), net->entry.size, false);
	enact->at += 2;
	enact_move(enact, net_addr(NET_PARAMS), 88, false);
	while (line->addr < net_addr(NET_PARAMS) || line->addr >= net_addr(NET_INPUT))
		line++;
	fetches.line = line + 1;
	for (uint32_t t = 0; t < params->steps; t++) {
		const uint8_t *x = net->rig->ram + net_addr(NET_INPUT) + t * params->input_stride;

		ref_step(layer, (const int16_t *)x, y);
		enact_layer(enact, layer, layer->bias_examined ? 3 : t > 0, &fetches);
		compare_line(fetches.line++, enact->at,
			     net_addr(NET_INPUT) + t * params->input_stride, false);
		enact_move(enact, net_addr(NET_INPUT) + t * params->input_stride, 2 * layer->inputs,
			   false);
		compare_line(fetches.line++, enact->at,
			     net_addr(NET_OUTPUT) + t * params->output_stride, true);
		enact_move(enact, net_addr(NET_OUTPUT) + t * params->output_stride,
			   2 * layer->hidden, true);
	}
	enact->at++;
}

static void vary_net(struct net *net, struct rig_random *random)
{
	net->layer.inputs = 8 * (1 + rig_below(random, 4));
	net->layer.hidden = 16 + 8 * rig_below(random, 5);
	net->params.steps = STEPS;
	net->params.input_stride = 2 * net->layer.inputs;
	net->params.output_stride = 2 * net->layer.hidden;
	net->params.theta_x[0] = rig_below(random, 100);
	net->params.theta_h[0] = rig_below(random, 40);
}

static struct dh_config vary_config(const char *part, struct rig_random *random)
{
	static const uint32_t clocks[] = { 125000000, 250000000, 100000000, 500000000 };
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "edgedrnn"));
	ck_assert(dh_config_dram(&config, part));
	config.clock_hz = clocks[rig_below(random, 4)];
	config.beat_bytes = 8 << rig_below(random, 2);
	config.dram.n = 1 + rig_below(random, 2);
	config.dram.l = rig_below(random, 2) ? rig_below(random, 4) : rig_below(random, 40);
	config.dram.q = 1 + rig_below(random, 5);
	return config;
}

static const char *const part_names[] = { "ddr3l-1066-x16", "ddr3-1066-x32", "lpddr4-3200-x32" };

/* Two jobs, cycle by cycle and burst by burst. */
START_TEST(dram_enacted)
{
	struct rig_random random = { _i + 77 };
	struct dh_config config = vary_config(part_names[_i % 3], &random);
	struct ref_layer *layer = calloc(1, sizeof(*layer));
	struct lines *lines = new_lines();
	struct enact enact;
	struct net net;

	ck_assert_ptr_nonnull(layer);
	net_create_device(&net, &config);
	dh_set_dram_trace(net.rig->model, keep, lines);
	vary_net(&net, &random);
	*layer = (struct ref_layer){ .has_bias = true,
				     .inputs = net.layer.inputs,
				     .hidden = net.layer.hidden,
				     .frac = { 7, 7, 7 },
				     .theta_x = net.params.theta_x[0],
				     .theta_h = net.params.theta_h[0],
				     .weights = (int8_t *)net.rig->ram + net_addr(NET_WEIGHTS) };
	enact_init(&enact, &config);
	/* The entry that loaded the state. */
	enact_entry(&enact, net.rig, 0);
	for (uint32_t number = 1; number <= 2; number++) {
		struct deltahop_record record;

		net.rig->now += rig_below(&random, 20000);
		lines->count = 0;
		record = net_job(&net);
		assert_ok(record);
		enact_job(&enact, &net, number, layer, lines->line);
		ck_assert_uint_eq(record.end_ns - record.start_ns,
				  (enact.at - enact.start) * (1000 / (config.clock_hz / 1000000)));
	}
	ref_ddr_fini(&enact.ddr);
	net_destroy(&net);
	free(lines);
	free(layer);
}
END_TEST

/* ---- the trace ---- */

static struct dh_config conv_config(const char *profile, const char *dram)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	ck_assert(dh_config_dram(&config, dram));
	config.link = (struct dh_memory_timing){ 0 };
	return config;
}

/* A convolution with several passes, partial sums, a map to add; or fully connected. */
static void make_conv(struct conv_net *net, const struct dh_config *config, bool full)
{
	struct rig_random random = { 5 };

	conv_create_device(net, config);
	for (uint64_t i = conv_addr(CONV_INPUT); i < conv_addr(CONV_OUTPUT); i++)
		net->rig->ram[i] = rig_below(&random, 3) ? 0 : rig_random(&random);
	net->layer.channels = net->input[0].channels = 20;
	net->layer.out_shift = 20;
	net->layer.rows = net->layer.cols = 16;
	if (full) {
		net->opcode = DELTAHOP_OP_CONV_FC;
		net->layer.kernel_rows = net->layer.kernel_cols = 1;
		net->layer.rows = net->layer.cols = 4;
		net->layer.out_rows = net->layer.out_cols = 1;
		net->pass[0].maps = 100;
		return;
	}
	net->layer.kernel_rows = net->layer.kernel_cols = 3;
	net->layer.pad_top = net->layer.pad_left = 1;
	net->layer.out_rows = net->layer.out_cols = 16;
	net->passes = 3;
	net->pass[0].maps = net->pass[1].maps = net->pass[2].maps = 12;
	net->pass[0].flags = DELTAHOP_PASS_PSUM_OUT;
	net->pass[0].output_region = 0;
	net->pass[0].psum_region = net->pass[1].psum_region = CONV_PSUM;
	net->pass[1].flags = DELTAHOP_PASS_PSUM_IN;
	net->pass[2].flags = DELTAHOP_PASS_ADD;
	net->pass[2].add_region = CONV_ADD;
	net->pass[2].output_offset = 0x4000;
}

struct sums {
	uint64_t read;
	uint64_t written;
};

static struct sums add_up(const struct lines *lines)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->line[i];

		ck_assert_uint_eq(line->addr / PAGE, (line->addr + line->bytes - 1) / PAGE);
		*(line->write ? &sums.written : &sums.read) += line->bytes;
	}
	return sums;
}

/* Every byte of the record is in the trace, whatever the model, and it is the same bytes. */
START_TEST(dram_trace)
{
	struct lines *simple = new_lines(), *ddr = new_lines();
	struct deltahop_record first, second;
	struct dh_config config = conv_config("card", "simple");
	struct conv_net net;
	struct sums sums;

	make_conv(&net, &config, _i);
	dh_set_dram_trace(net.rig->model, keep, simple);
	first = conv_job(&net);
	assert_ok(first);
	sums = add_up(simple);
	ck_assert_uint_eq(sums.read, first.bytes_weights + first.bytes_in + first.bytes_commands);
	ck_assert_uint_eq(sums.written, first.bytes_out);
	dh_set_dram_trace(net.rig->model, NULL, NULL);
	simple->line[0].cycle = 0;
	ck_assert_uint_eq(conv_job(&net).cycles, first.cycles);
	conv_destroy(&net);

	config = conv_config("card", "ddr");
	make_conv(&net, &config, _i);
	dh_set_dram_trace(net.rig->model, keep, ddr);
	second = conv_job(&net);
	assert_ok(second);
	ck_assert_uint_gt(second.cycles, first.cycles);
	ck_assert_uint_eq(second.bytes_in, first.bytes_in);
	ck_assert_uint_eq(ddr->count, simple->count);
	for (size_t i = 0; i < ddr->count; i++) {
		ck_assert_uint_eq(ddr->line[i].addr, simple->line[i].addr);
		ck_assert_uint_eq(ddr->line[i].bytes, simple->line[i].bytes);
		ck_assert_uint_eq(ddr->line[i].write, simple->line[i].write);
		ck_assert_uint_ge(ddr->line[i].cycle, simple->line[i].cycle);
	}
	conv_destroy(&net);
	free(simple);
	free(ddr);
}
END_TEST

/* Where the bursts of a fully connected layer are: the columns of values that are not zero, in order. */
START_TEST(dram_trace_columns)
{
	struct dh_config config = conv_config("card", "ddr");
	struct lines *lines = new_lines();
	uint64_t columns = conv_addr(CONV_WEIGHTS) + 200;
	struct conv_net net;
	size_t at = 0;

	make_conv(&net, &config, true);
	dh_set_dram_trace(net.rig->model, keep, lines);
	assert_ok(conv_job(&net));
	while (lines->line[at].addr != conv_addr(CONV_INPUT))
		at++;
	for (int e = 0; e < 4 * 4 * 20; e++) {
		if (!*(int16_t *)conv_at(&net, CONV_INPUT, 2 * e))
			continue;
		at++;
		ck_assert_uint_eq(lines->line[at].addr, columns + e * 200);
		/* One that crosses a page has two lines. */
		at += lines->line[at].bytes < 200;
	}
	ck_assert_uint_eq(lines->line[at + 1].addr, conv_addr(CONV_OUTPUT));
	conv_destroy(&net);
	free(lines);
}
END_TEST

/* ---- configurations ---- */

START_TEST(dram_names)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "edgedrnn"));
	ck_assert_str_eq(dh_dram_name(config.dram_part), "simple");
	ck_assert(dh_config_dram(&config, "ddr"));
	ck_assert_str_eq(dh_dram_name(config.dram_part), "ddr3l-1066-x16");
	ck_assert(dh_config_dram(&config, "lpddr4-3200-x32"));
	ck_assert_str_eq(dh_dram_name(config.dram_part), "lpddr4-3200-x32");
	ck_assert(!dh_config_dram(&config, "ddr5"));
	ck_assert(dh_config_dram(&config, "simple"));
	ck_assert_uint_eq(config.dram_part, 0);
	ck_assert_ptr_null(dh_dram_name(99));
	ck_assert(dh_config_profile(&config, "nullhop-fpga"));
	ck_assert(dh_config_dram(&config, "ddr"));
	ck_assert_str_eq(dh_dram_name(config.dram_part), "ddr3-1066-x32");
	ck_assert_ptr_null(dh_config_refuse(&config));
	config.clock_hz = 60000001;
	ck_assert_ptr_nonnull(strstr(dh_config_refuse(&config), "clock-hz"));
	config.clock_hz = 60000000;
	config.dram.n = 0;
	ck_assert_ptr_nonnull(strstr(dh_config_refuse(&config), "dram-n"));
	config.dram.n = 1;
	config.dram_part = 4;
	ck_assert_ptr_nonnull(strstr(dh_config_refuse(&config), "dram"));
}
END_TEST

/* The device says which, and counts. */
START_TEST(dram_tells)
{
	struct dh_config config = conv_config("card", "ddr");
	struct dh_dram_counts counts;
	struct conv_net net;

	make_conv(&net, &config, false);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_DRAM_PART), 3);
	dh_model_dram(net.rig->model, &counts);
	ck_assert_uint_eq(counts.reads, 0);
	ck_assert_uint_eq(counts.peak, 12800000000);
	assert_ok(conv_job(&net));
	dh_model_dram(net.rig->model, &counts);
	ck_assert_uint_eq(counts.hits + counts.misses + counts.conflicts,
			  counts.reads + counts.writes);
	ck_assert_uint_ge(counts.reads * 64, counts.bytes_read);
	ck_assert_uint_gt(counts.hits, 0);
	ck_assert_uint_gt(counts.writes, 0);
	conv_destroy(&net);
}
END_TEST

/* Energy of a job, from the counts: with the settings, not with the part's figures. */
START_TEST(dram_energy)
{
	struct dh_config config = conv_config("card", "ddr");
	struct deltahop_record record;
	struct dh_dram_counts counts;
	struct conv_net net;
	uint64_t accesses, ticks;

	config.dram_energy = (struct dh_dram_energy){ .activate_fj = 3000000,
						      .read_fj = 500000,
						      .write_fj = 700000,
						      .refresh_fj = 6246000,
						      .background_uw = 1000 };
	make_conv(&net, &config, false);
	record = conv_job(&net);
	assert_ok(record);
	dh_model_dram(net.rig->model, &counts);
	accesses = (counts.misses + counts.conflicts) * 3000 + counts.reads * 500 +
		   counts.writes * 700;
	/* 6.4 ticks of 625 ps a cycle; a refresh every 6246 ticks is 1 pJ a tick, 1 mW 0.625 pJ. */
	ticks = (record.cycles * 64 + 9) / 10;
	ck_assert_uint_eq(record.energy_pj,
			  (accesses * 1000 + ticks * 1000 + (ticks * 625000 + 999) / 1000 +
			   record.work_done * config.energy_mac_fj) /
				  1000);
	conv_destroy(&net);
}
END_TEST

TCase *model_dram_case(void)
{
	TCase *tcase = tcase_create("dram");

	tcase_add_loop_test(tcase, dram_enacted, 0, 60);
	tcase_add_loop_test(tcase, dram_trace, 0, 2);
	tcase_add_test(tcase, dram_trace_columns);
	tcase_add_test(tcase, dram_names);
	tcase_add_test(tcase, dram_tells);
	tcase_add_test(tcase, dram_energy);
	return tcase;
}
