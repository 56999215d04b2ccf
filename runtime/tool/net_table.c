// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/format.h"
#include "tool/net_row.h"
#include "tool/net_table.h"
#include "tool/table.h"
#include "tool/tool.h"

#define COLUMNS "%-14.14s %-4s %15s %6s %6s %6s %5s %7s %10s %9s %6s\n"

static double ms(uint64_t cycles, const struct dh_device_info *device)
{
	return cycles * 1e3 / device->clock_hz;
}

/* --- rows -------------------------------------------------------------------------- */

static void print_layer(const struct net_row *row, const struct dh_device_info *device, bool dense)
{
	const struct dh_layer_report *l = &row->layer;
	bool conv = l->engine == DELTAHOP_ENGINE_CONV;
	struct format size, all, done, zeros, busy, bytes, speed;
	uint64_t slots = l->slots_x + l->slots_h + l->slots_rh,
		 fired = l->fired_x + l->fired_h + l->fired_rh;
	char cycles[24], time[16];

	net_row_size(row, &size);
	snprintf(cycles, sizeof(cycles), "%" PRIu64, l->cycles);
	snprintf(time, sizeof(time), "%.3f", ms(l->cycles, device));
	printf(COLUMNS, format_name(l->node), conv ? "conv" : "rnn", size.text,
	       format_amount(l->work_done + l->work_skipped, &all),
	       format_amount(l->work_done, &done),
	       format_percent(slots > fired ? slots - fired : 0, slots, &zeros),
	       format_percent(l->work_done, conv ? l->cycles * l->macs : 0, &busy),
	       format_amount(l->bytes_weights + l->bytes_in + l->bytes_out, &bytes), cycles, time,
	       format_ratio(l->dense_cycles, l->cycles, dense, &speed));
}

static void print_host(const struct dh_step_report *step)
{
	char time[16];

	snprintf(time, sizeof(time), "~%.3f", step->host_seconds * 1e3);
	printf(COLUMNS, format_name(step->name), "host", step->op, "-", "-", "-", "-", "-", "-",
	       time, "-");
}

static void print_step(const struct net_cost *cost, uint32_t index,
		       const struct dh_device_info *device, bool dense)
{
	const struct dh_step_report *step = &cost->steps[index];
	uint32_t end = step->first_layer + step->layers;

	if (step->on_host) {
		print_host(step);
		return;
	}
	for (uint32_t i = step->first_layer; i < end;) {
		struct net_row row = net_row_of(&cost->cost, i, end);

		print_layer(&row, device, dense);
		i += row.pieces;
	}
}

/* --- the end ------------------------------------------------------------------------ */

static uint64_t dense_cycles(const struct net_cost *cost)
{
	uint64_t cycles = table_other_cycles(&cost->cost);

	for (uint32_t i = 0; i < cost->cost.layer_count; i++)
		cycles += cost->cost.layers[i].dense_cycles;
	return cycles;
}

static void print_totals(const struct net_cost *cost, const struct dh_device_info *device,
			 bool dense)
{
	const struct dh_report *r = &cost->cost.sum;
	uint64_t other = table_other_cycles(&cost->cost);
	struct format all, done, bytes, speed;
	char cycles[24], time[16];

	snprintf(cycles, sizeof(cycles), "%" PRIu64, other);
	snprintf(time, sizeof(time), "%.3f", ms(other, device));
	printf(COLUMNS, "all else [1]", "", "", "-", "-", "-", "-",
	       format_amount(r->bytes_state + r->bytes_commands, &bytes), cycles, time, "-");
	format_rule();
	snprintf(cycles, sizeof(cycles), "%" PRIu64, r->cycles);
	snprintf(time, sizeof(time), "%.3f", ms(r->cycles, device));
	printf(COLUMNS, "total", "", "", format_amount(r->work_done + r->work_skipped, &all),
	       format_amount(r->work_done, &done), "-", "-", format_amount(table_bytes(r), &bytes),
	       cycles, time, format_ratio(dense_cycles(cost), r->cycles, dense, &speed));
}

static void print_notes(const struct net_cost *cost, const struct dh_device_info *device,
			bool dense)
{
	const struct dh_report *r = &cost->cost.sum;
	double seconds = ms(r->cycles, device) / 1e3;

	if (cost->cost.jobs)
		printf("\n%.3f us a run on the device, %.2f effective GOp/s (2 operations a MAC, "
		       "skipped MACs counted).\n"
		       "Energy %.3f mJ, from assumed figures for a DRAM byte and a "
		       "multiply-accumulate (MAC).\n",
		       seconds * 1e6 / cost->runs,
		       2e-9 * (r->work_done + r->work_skipped) / seconds, r->energy_pj * 1e-9);
	printf("~: on the host, %.3f ms in all as measured here, with putting values into the "
	       "device's form.\n",
	       net_cost_host_seconds(cost) * 1e3);
	if (cost->overlap_ns)
		printf("For %.3f ms both engines ran at once.\n", cost->overlap_ns * 1e-6);
	table_print_waiting(&cost->cost);
	printf("zeros: input values that were 0 and skipped (rnn: that did not fire). busy: MACs at "
	       "work.\n"
	       "[1] states, commands and ring.\n");
	if (dense)
		printf("[2] against the same run without zeros: cycles by the timing model.\n");
	if (!table_adds_up(&cost->cost))
		printf("warning: the rows do not add up to the records (%u rows lost)\n",
		       r->profile_lost);
}

void net_table_print(const struct net_cost *cost, const struct dh_device_info *device, bool dense)
{
	printf(COLUMNS, "layer", "on", "input>maps", "MACs", "MACs", "zeros", "busy", "DRAM",
	       "engine", "time", "speed");
	printf(COLUMNS, "", "", "", "dense", "done", "", "", "bytes", "cycles", "ms", "up [2]");
	format_rule();
	for (uint32_t i = 0; i < cost->step_count; i++)
		print_step(cost, i, device, dense);
	print_totals(cost, device, dense);
	table_print_bytes(&cost->cost);
	print_notes(cost, device, dense);
}

/* --- JSON ---------------------------------------------------------------------------- */

static json_t *step_json(const struct dh_step_report *step)
{
	json_t *json = json_object();

	json_add(json, "place",
		 json_string(step->on_host			    ? "host"
			     : step->engine == DELTAHOP_ENGINE_CONV ? "conv"
								    : "rnn"));
	json_add(json, "name", json_string(step->name));
	json_add(json, "op", json_string(step->op));
	json_add(json, "first_layer", json_integer(step->first_layer));
	json_add(json, "layers", json_integer(step->layers));
	json_add(json, "clipped", json_integer(step->clipped));
	json_add(json, "host_seconds", json_real(step->host_seconds));
	return json;
}

json_t *net_table_json(const struct net_cost *cost, const struct dh_device_info *device, bool dense)
{
	json_t *json = table_json(&cost->cost, device, dense), *steps = json_array();

	for (uint32_t i = 0; i < cost->step_count; i++)
		json_append(steps, step_json(&cost->steps[i]));
	json_add(json, "steps", steps);
	json_add(json, "overlap_ns", json_integer(cost->overlap_ns));
	return json;
}
