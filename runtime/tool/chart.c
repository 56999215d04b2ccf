// SPDX-License-Identifier: MIT
#include <drm/deltahop_isa.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tool/chart.h"
#include "tool/net_row.h"
#include "tool/table.h"

/* Besides layers and nodes: the host's part of the device's work, all else, waiting. */
#define BARS_MORE 3

static void add(struct chart *chart, const struct bar *bar)
{
	chart->bars[chart->count++] = *bar;
	chart->seconds += bar->seconds;
}

static void add_layer(struct chart *chart, const struct net_row *row,
		      const struct dh_device_info *device)
{
	const struct dh_layer_report *l = &row->layer;
	bool conv = l->engine == DELTAHOP_ENGINE_CONV;
	double clock = device->clock_hz, units = conv ? device->conv_macs : device->pes;
	struct bar bar = {
		.kind = conv ? BAR_CONV : BAR_RNN,
		.name = l->node,
		.seconds = l->cycles / clock,
		.work_seconds = l->work_done / units / clock,
		.cycles = l->cycles,
		.bytes = { l->bytes_weights, l->bytes_in, l->bytes_out, 0, 0 },
		.work_done = l->work_done,
		.work_skipped = l->work_skipped,
	};

	net_row_size(row, &bar.size);
	add(chart, &bar);
}

static void add_layers(struct chart *chart, const struct cost *cost, uint32_t first, uint32_t end,
		       const struct dh_device_info *device)
{
	while (first < end) {
		struct net_row row = net_row_of(cost, first, end);

		add_layer(chart, &row, device);
		first += row.pieces;
	}
}

/* The values of all parts together. */
static void add_host(struct chart *chart, const char *name, double seconds)
{
	const struct bar bar = { .kind = BAR_HOST, .name = name, .seconds = seconds };

	add(chart, &bar);
}

static void add_steps(struct chart *chart, const struct net_cost *net,
		      const struct dh_device_info *device)
{
	double values = 0;

	for (uint32_t i = 0; i < net->step_count; i++) {
		const struct dh_step_report *step = &net->steps[i];

		if (step->on_host)
			add_host(chart, *step->name ? step->name : step->op, step->host_seconds);
		else
			add_layers(chart, &net->cost, step->first_layer,
				   step->first_layer + step->layers, device);
		values += step->on_host ? 0 : step->host_seconds;
	}
	add_host(chart, "values in and out", values);
}

static void add_rest(struct chart *chart, const struct cost *cost,
		     const struct dh_device_info *device)
{
	uint64_t cycles = table_other_cycles(cost);
	struct bar rest = { .kind = BAR_ELSE, .name = "all else" };
	struct bar wait = { .kind = BAR_WAIT, .name = "other engine" };

	wait.cycles = cost->wait_cycles < cycles ? cost->wait_cycles : cycles;
	wait.seconds = (double)wait.cycles / device->clock_hz;
	rest.cycles = cycles - wait.cycles;
	rest.seconds = (double)rest.cycles / device->clock_hz;
	rest.bytes[FOR_STATES] = cost->sum.bytes_state;
	rest.bytes[FOR_COMMANDS] = cost->sum.bytes_commands;
	add(chart, &rest);
	if (wait.cycles)
		add(chart, &wait);
}

int chart_init(struct chart *chart, const struct cost *cost, const struct net_cost *net,
	       const struct dh_device_info *device, struct dh_error *err)
{
	size_t most = (size_t)cost->layer_count + (net ? net->step_count : 0) + BARS_MORE;

	memset(chart, 0, sizeof(*chart));
	chart->bars = calloc(most, sizeof(*chart->bars));
	if (!chart->bars) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	chart->runs = net ? net->runs : cost->jobs;
	chart->overlap = net ? net->overlap_ns * 1e-9 : 0;
	if (net)
		add_steps(chart, net, device);
	else
		add_layers(chart, cost, 0, cost->layer_count, device);
	if (cost->jobs)
		add_rest(chart, cost, device);
	return 0;
}

void chart_fini(struct chart *chart)
{
	free(chart->bars);
}

uint64_t bar_bytes(const struct bar *bar)
{
	uint64_t sum = 0;

	for (int i = 0; i < PURPOSES; i++)
		sum += bar->bytes[i];
	return sum;
}
