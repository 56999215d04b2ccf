// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/format.h"
#include "tool/table.h"
#include "tool/tool.h"

#define PURPOSES 5
#define COLUMNS	 "%-14.14s %8s %7s %6s %6s %5s %5s %5s %7s %10s %8s %6s\n"

struct sums {
	uint64_t cycles, dense_cycles, weights, vectors, done, skipped;
};

static struct sums sum_layers(const struct cost *cost)
{
	struct sums sum = { 0 };
	uint32_t i;

	for (i = 0; i < cost->layer_count; i++) {
		const struct dh_layer_report *l = &cost->layers[i];

		sum.cycles += l->cycles;
		sum.dense_cycles += l->dense_cycles;
		sum.weights += l->bytes_weights;
		sum.vectors += l->bytes_in + l->bytes_out;
		sum.done += l->work_done;
		sum.skipped += l->work_skipped;
	}
	return sum;
}

bool table_adds_up(const struct cost *cost)
{
	const struct dh_report *r = &cost->sum;
	struct sums sum = sum_layers(cost);
	bool conv = r->engine == DELTAHOP_ENGINE_CONV;

	return (conv || sum.cycles == r->step_cycles) && sum.weights == r->bytes_weights &&
	       sum.done == r->work_done && sum.skipped == r->work_skipped &&
	       sum.vectors == r->bytes_in + r->bytes_out && !r->profile_lost;
}

/* Everything but the layers: the same in the dense run. */
uint64_t table_other_cycles(const struct cost *cost)
{
	return cost->sum.cycles - sum_layers(cost).cycles;
}

uint64_t table_bytes(const struct dh_report *r)
{
	return r->bytes_weights + r->bytes_in + r->bytes_out + r->bytes_state + r->bytes_commands;
}

static double ms(uint64_t cycles, const struct dh_device_info *device)
{
	return cycles * 1e3 / device->clock_hz;
}

/* --- text ------------------------------------------------------------------------- */

struct row {
	const char *name;
	char size[24], theta[16];
	uint64_t done, skipped;
	struct format fired_x, fired_h;
	uint64_t bytes, cycles;
	struct format speed;
};

static void print_row(const struct row *row, const struct dh_device_info *device)
{
	uint64_t work = row->done + row->skipped;
	struct format dense = { "-" }, done = { "-" }, skip, bytes;
	char cycles[24], time[16];

	if (work) {
		format_amount(work, &dense);
		format_amount(row->done, &done);
	}
	snprintf(cycles, sizeof(cycles), "%" PRIu64, row->cycles);
	snprintf(time, sizeof(time), "%.3f", ms(row->cycles, device));
	printf(COLUMNS, row->name, row->size, row->theta, dense.text, done.text,
	       format_percent(row->skipped, work, &skip), row->fired_x.text, row->fired_h.text,
	       format_amount(row->bytes, &bytes), cycles, time, row->speed.text);
}

static void print_layer(const struct cost *cost, uint32_t i, const struct dh_device_info *device,
			bool dense)
{
	const struct dh_layer_report *l = &cost->layers[i];
	struct row row = {
		.name = format_name(l->node),
		.done = l->work_done,
		.skipped = l->work_skipped,
		.bytes = l->bytes_weights + l->bytes_in + l->bytes_out,
		.cycles = l->cycles,
	};

	snprintf(row.size, sizeof(row.size), "%u>%u", l->inputs, l->hidden);
	if (l->slots_h)
		snprintf(row.theta, sizeof(row.theta), "%d/%d", l->theta_x, l->theta_h);
	else
		snprintf(row.theta, sizeof(row.theta), "%d", l->theta_x);
	format_percent(l->fired_x, l->slots_x, &row.fired_x);
	format_percent(l->fired_h, l->slots_h, &row.fired_h);
	format_ratio(l->dense_cycles, l->cycles, dense, &row.speed);
	print_row(&row, device);
}

static void print_total(const struct cost *cost, const struct dh_device_info *device, bool dense)
{
	const struct dh_report *r = &cost->sum;
	struct row other = {
		.name = "all else [1]",
		.bytes = r->bytes_state + r->bytes_commands,
		.cycles = table_other_cycles(cost),
	};
	struct row total = {
		.name = "total",
		.done = r->work_done,
		.skipped = r->work_skipped,
		.bytes = table_bytes(r),
		.cycles = r->cycles,
	};

	format_ratio(other.cycles, other.cycles, dense, &other.speed);
	format_ratio(sum_layers(cost).dense_cycles + other.cycles, r->cycles, dense, &total.speed);
	print_row(&other, device);
	format_rule();
	print_row(&total, device);
}

/* What a row of bytes does not have is shown as "-". */
#define NO_BYTES UINT64_MAX

static void print_bytes_row(const char *name, const uint64_t *bytes)
{
	uint64_t sum = 0;
	int i;

	printf("%-14.14s", name);
	for (i = 0; i < PURPOSES; i++) {
		if (bytes[i] == NO_BYTES)
			printf("%14s", "-");
		else
			printf("%14" PRIu64, bytes[i]);
		sum += bytes[i] == NO_BYTES ? 0 : bytes[i];
	}
	printf("%14" PRIu64 "\n", sum);
}

void table_print_bytes(const struct cost *cost)
{
	const struct dh_report *r = &cost->sum;
	uint32_t i;

	printf("\n%-14s%14s%14s%14s%14s%14s%14s\n", "DRAM bytes of", "weights", "inputs", "outputs",
	       "states", "commands", "all");
	format_rule();
	for (i = 0; i < cost->layer_count; i++) {
		const struct dh_layer_report *l = &cost->layers[i];

		print_bytes_row(format_name(l->node),
				(uint64_t[PURPOSES]){ l->bytes_weights, l->bytes_in, l->bytes_out,
						      NO_BYTES, NO_BYTES });
	}
	print_bytes_row("all else", (uint64_t[PURPOSES]){ NO_BYTES, NO_BYTES, NO_BYTES,
							  r->bytes_state, r->bytes_commands });
	format_rule();
	print_bytes_row("total", (uint64_t[PURPOSES]){ r->bytes_weights, r->bytes_in, r->bytes_out,
						       r->bytes_state, r->bytes_commands });
}

void table_print_waiting(const struct cost *cost)
{
	if (cost->wait_cycles)
		printf("%" PRIu64 " of the cycles were lost because the other engine used the "
		       "memory channel.\n",
		       cost->wait_cycles);
}

static void print_notes(const struct cost *cost, const struct dh_device_info *device, bool dense)
{
	const struct dh_report *r = &cost->sum;
	double seconds = ms(r->cycles, device) / 1e3;

	printf("\n%.3f us a step, %.2f effective GOp/s (2 operations a MAC, skipped MACs "
	       "counted).\n"
	       "Energy %.3f mJ, from assumed figures for a DRAM byte and a multiply-accumulate "
	       "(MAC).\n",
	       seconds * 1e6 / (cost->steps ? cost->steps : 1),
	       2e-9 * (r->work_done + r->work_skipped) / seconds, r->energy_pj * 1e-9);
	printf("[1] bytes of states and commands; cycles of vectors, states, commands and ring.\n");
	table_print_waiting(cost);
	if (dense)
		printf("[2] against the same run if every element fired (also padding): cycles by "
		       "the timing model.\n");
	if (!table_adds_up(cost))
		printf("warning: the rows do not add up to the records (%u rows lost)\n",
		       r->profile_lost);
}

void table_print(const struct cost *cost, const struct dh_device_info *device, bool dense)
{
	uint32_t i;

	printf(COLUMNS, "layer", "in>units", "theta", "MACs", "MACs", "MACs", "x", "h", "DRAM",
	       "engine", "time", "speed");
	printf(COLUMNS, "", "", "x/h", "dense", "done", "skip", "fired", "fired", "bytes", "cycles",
	       "ms", "up [2]");
	format_rule();
	for (i = 0; i < cost->layer_count; i++)
		print_layer(cost, i, device, dense);
	print_total(cost, device, dense);
	table_print_bytes(cost);
	print_notes(cost, device, dense);
}

/* --- JSON ------------------------------------------------------------------------- */

static void add_conv(json_t *json, const struct dh_layer_report *l)
{
	json_add(json, "passes", json_integer(l->passes));
	json_add(json, "macs", json_integer(l->macs));
	json_add(json, "rows", json_integer(l->rows));
	json_add(json, "cols", json_integer(l->cols));
	json_add(json, "out_rows", json_integer(l->out_rows));
	json_add(json, "out_cols", json_integer(l->out_cols));
	json_add(json, "kernel_rows", json_integer(l->kernel_rows));
	json_add(json, "kernel_cols", json_integer(l->kernel_cols));
}

static json_t *layer_json(const struct cost *cost, uint32_t i, bool dense)
{
	const struct dh_layer_report *l = &cost->layers[i];
	bool conv = l->engine == DELTAHOP_ENGINE_CONV;
	json_t *json = json_object();

	json_add(json, "engine", json_string(conv ? "conv" : "rnn"));
	json_add(json, "node", json_string(l->node ? l->node : ""));
	json_add(json, "op", json_string(l->op ? l->op : ""));
	json_add(json, "inputs", json_integer(l->inputs));
	json_add(json, "hidden", json_integer(l->hidden));
	json_add(json, "theta_x", json_integer(l->theta_x));
	json_add(json, "theta_h", json_integer(l->theta_h));
	json_add(json, "steps", json_integer(l->steps));
	json_add(json, "cycles", json_integer(l->cycles));
	json_add(json, "dense_cycles", dense ? json_integer(l->dense_cycles) : json_null());
	json_add(json, "bytes_weights", json_integer(l->bytes_weights));
	json_add(json, "bytes_in", json_integer(l->bytes_in));
	json_add(json, "bytes_out", json_integer(l->bytes_out));
	json_add(json, "work_done", json_integer(l->work_done));
	json_add(json, "work_skipped", json_integer(l->work_skipped));
	json_add(json, "fired_x", json_integer(l->fired_x));
	json_add(json, "fired_h", json_integer(l->fired_h));
	json_add(json, "slots_x", json_integer(l->slots_x));
	json_add(json, "slots_h", json_integer(l->slots_h));
	if (l->slots_rh) {
		json_add(json, "fired_rh", json_integer(l->fired_rh));
		json_add(json, "slots_rh", json_integer(l->slots_rh));
	}
	if (conv)
		add_conv(json, l);
	return json;
}

static json_t *totals_json(const struct cost *cost, const struct dh_device_info *device, bool dense)
{
	const struct dh_report *r = &cost->sum;
	json_t *json = json_object();

	json_add(json, "jobs", json_integer(cost->jobs));
	json_add(json, "steps", json_integer(cost->steps));
	json_add(json, "cycles", json_integer(r->cycles));
	json_add(json, "step_cycles", json_integer(r->step_cycles));
	json_add(json, "dense_cycles",
		 dense ? json_integer(sum_layers(cost).dense_cycles + table_other_cycles(cost))
		       : json_null());
	json_add(json, "seconds", json_real(ms(r->cycles, device) / 1e3));
	json_add(json, "bytes_weights", json_integer(r->bytes_weights));
	json_add(json, "bytes_in", json_integer(r->bytes_in));
	json_add(json, "bytes_out", json_integer(r->bytes_out));
	json_add(json, "bytes_state", json_integer(r->bytes_state));
	json_add(json, "bytes_commands", json_integer(r->bytes_commands));
	json_add(json, "work_done", json_integer(r->work_done));
	json_add(json, "work_skipped", json_integer(r->work_skipped));
	json_add(json, "energy_assumed_pj", json_integer(r->energy_pj));
	json_add(json, "profile_lost", json_integer(r->profile_lost));
	json_add(json, "wait_cycles", json_integer(cost->wait_cycles));
	return json;
}

json_t *table_json(const struct cost *cost, const struct dh_device_info *device, bool dense)
{
	json_t *json = json_object(), *layers = json_array();
	uint32_t i;

	for (i = 0; i < cost->layer_count; i++)
		json_append(layers, layer_json(cost, i, dense));
	json_add(json, "layers", layers);
	json_add(json, "totals", totals_json(cost, device, dense));
	return json;
}
