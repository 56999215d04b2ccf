// SPDX-License-Identifier: MIT
/* deltahop run, of a network of several parts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/dram.h"
#include "tool/net_table.h"
#include "tool/parts.h"
#include "tool/sequences.h"
#include "tool/tool.h"

#define VALUES_SHOWN 7

/* All that a run needs and makes. */
struct run {
	const struct run_arguments *args;
	struct parts parts;
	struct dh_array labels;
	struct results results;
	uint64_t right;
};

/* --- answers ---------------------------------------------------------------------------- */

static int judge(struct run *run, struct dh_error *err)
{
	size_t i, count = run->labels.shape[0];

	if (count != run->parts.samples.count) {
		dh_error_set(err, "%s: %zu labels for %zu runs: give one label per run",
			     run->args->labels, count, run->parts.samples.count);
		return -EINVAL;
	}
	for (i = 0; i < count; i++)
		run->right += results_class(&run->results, 0, i) == labels_get(&run->labels, i);
	return 0;
}

static bool ends_in_softmax(const struct net_cost *cost)
{
	const struct dh_step_report *last = cost->steps + cost->step_count;

	return cost->step_count && last[-1].on_host && strstr(last[-1].op, "Softmax");
}

/* Are the answers classes? Then class and score are shown, else values. */
static bool classifies(const struct run *run)
{
	struct dh_values_info info = { .size = sizeof(info) };

	dh_network_output(run->parts.network, 0, &info);
	return run->labels.data || info.integers || ends_in_softmax(&run->parts.cost);
}

static void print_class(const struct run *run, size_t i)
{
	struct dh_values_info info = { .size = sizeof(info) };
	int64_t class = results_class(&run->results, 0, i), label;

	dh_network_output(run->parts.network, 0, &info);
	printf("%8zu %7lld", i, (long long)class);
	if (!info.integers)
		printf(" %9.4f", results_value(&run->results, 0, i, class));
	if (run->labels.data) {
		label = labels_get(&run->labels, i);
		printf(" %7lld%s", (long long)label, class == label ? "" : "  wrong");
	}
	putchar('\n');
}

static void print_values(const struct run *run, size_t i, uint32_t output)
{
	struct dh_values_info info = { .size = sizeof(info) };
	size_t e;

	dh_network_output(run->parts.network, output, &info);
	printf("%8zu %-12.12s", i, info.name);
	for (e = 0; e < info.count && e < VALUES_SHOWN; e++)
		printf(" %9.*f", info.integers ? 0 : 4, results_value(&run->results, output, i, e));
	printf("%s\n", e < info.count ? " ..." : "");
}

static void print_headings(const struct run *run, bool classes)
{
	struct dh_values_info info = { .size = sizeof(info) };

	dh_network_output(run->parts.network, 0, &info);
	if (classes)
		printf("     run   class%s%s\n", info.integers ? "" : "     score",
		       run->labels.data ? "   label" : "");
	else
		printf("     run output       values\n");
}

static void print_answers(const struct run *run)
{
	size_t i, shown = run->args->answers < run->parts.samples.count ? run->args->answers
									: run->parts.samples.count;
	bool classes = classifies(run);

	if (!shown)
		return;
	print_headings(run, classes);
	for (i = 0; i < shown; i++) {
		if (classes)
			print_class(run, i);
		for (uint32_t o = 0; !classes && o < dh_network_outputs(run->parts.network); o++)
			print_values(run, i, o);
	}
	if (shown < run->parts.samples.count)
		printf("... and %zu more (--answers N)\n", run->parts.samples.count - shown);
}

/* The runs that were not told right, as far as they fit. */
static void print_wrong(const struct run *run)
{
	size_t i, shown = 0, wrong = run->parts.samples.count - run->right;

	if (!wrong)
		return;
	printf("wrong   ");
	for (i = 0; i < run->parts.samples.count && shown < RUN_WRONG_SHOWN; i++) {
		int64_t class = results_class(&run->results, 0, i);
		int64_t label = labels_get(&run->labels, i);

		if (class == label)
			continue;
		printf(" %s%zu (%lld, not %lld)", shown ? "" : "run ", i, (long long)class,
		       (long long)label);
		shown++;
	}
	printf("%s\n", wrong > shown ? " ..." : "");
}

/* --- report ---------------------------------------------------------------------------- */

static void print_outputs(const struct run *run)
{
	struct dh_values_info info = { .size = sizeof(info) };

	printf("outputs  %zu x", run->parts.samples.count);
	for (uint32_t i = 0; i < dh_network_outputs(run->parts.network); i++) {
		dh_network_output(run->parts.network, i, &info);
		printf("%s %zu %s", i ? "," : "", info.count, info.name);
	}
	printf(", fingerprint %016" PRIx64 "\n", results_fingerprint(&run->results));
}

static void print_summary(const struct run *run)
{
	tool_print_device(&run->parts.info);
	printf("network  %s: %zu runs\n", basename(run->args->program), run->parts.samples.count);
	media_print_sound(&run->parts.samples.sound);
	putchar('\n');
	print_answers(run);
	putchar('\n');
	if (run->labels.data) {
		printf("accuracy %" PRIu64 " of %zu right: %.2f %%\n", run->right,
		       run->parts.samples.count, 100.0 * run->right / run->parts.samples.count);
		print_wrong(run);
	}
	print_outputs(run);
	printf("time     %.3f ms on the device as modelled\n",
	       run->parts.cost.cost.sum.cycles * 1e3 / run->parts.info.clock_hz);
	dram_print(run->parts.device, &run->parts.info, &run->parts.cost.cost.sum);
	if (run->args->table) {
		putchar('\n');
		net_table_print(&run->parts.cost, &run->parts.info, run->args->dense);
	}
}

static json_t *output_json(const struct run *run, uint32_t output, size_t index)
{
	struct dh_values_info info = { .size = sizeof(info) };
	json_t *array = json_array();

	dh_network_output(run->parts.network, output, &info);
	for (size_t e = 0; e < info.count; e++) {
		double value = results_value(&run->results, output, index, e);

		json_append(array, info.integers ? json_integer(value) : json_real(value));
	}
	return array;
}

/* An object for each run, with an array by the name of each output. */
static json_t *answers_json(const struct run *run)
{
	struct dh_values_info info = { .size = sizeof(info) };
	json_t *all = json_array();

	for (size_t i = 0; i < run->parts.samples.count; i++) {
		json_t *one = json_object();

		for (uint32_t o = 0; o < dh_network_outputs(run->parts.network); o++) {
			dh_network_output(run->parts.network, o, &info);
			json_add(one, info.name, output_json(run, o, i));
		}
		json_append(all, one);
	}
	return all;
}

static json_t *profile_json(const struct run *run)
{
	json_t *json = net_table_json(&run->parts.cost, &run->parts.info, run->args->dense);

	json_add(json, "program", json_string(basename(run->args->program)));
	json_add(json, "device", json_device(&run->parts.info));
	json_add(json, "dram",
		 dram_json(run->parts.device, &run->parts.info, &run->parts.cost.cost.sum));
	json_add(json, "runs", json_integer(run->parts.samples.count));
	json_add(json, "accuracy",
		 run->labels.data ? json_real((double)run->right / run->parts.samples.count)
				  : json_null());
	json_add(json, "fingerprint",
		 json_sprintf("%016" PRIx64, results_fingerprint(&run->results)));
	json_add(json, "host_seconds", json_real(run->parts.cost.cost.host_seconds));
	return json;
}

static int report(struct run *run, struct dh_error *err)
{
	int ret = EXIT_OK;
	json_t *json;

	parts_warn_of_input(&run->parts);
	if (results_save(&run->results, &run->args->outputs, err))
		return tool_fail(EXIT_FAILED, err);
	if (run->args->profile)
		ret = tool_print_json(profile_json(run), run->args->profile);
	if (ret)
		return ret;
	if (!run->args->json) {
		print_summary(run);
		return EXIT_OK;
	}
	json = profile_json(run);
	json_add(json, "answers", answers_json(run));
	return tool_print_json(json, NULL);
}

/* --- the run ----------------------------------------------------------------------------- */

static int open_all(struct run *run, struct dh_error *err)
{
	int ret = parts_open(&run->parts, run->args, err);

	if (!ret && run->args->labels && labels_load(run->args->labels, &run->labels, err))
		return tool_fail(EXIT_FAILED, err);
	return ret;
}

static int execute(struct run *run, struct dh_error *err)
{
	int ret = results_init(&run->results, run->parts.network, run->parts.samples.count, err);

	ret = ret ? tool_fail(tool_status(ret), err) : parts_run(&run->parts, &run->results, err);
	if (!ret && run->labels.data && judge(run, err))
		return tool_fail(EXIT_FAILED, err);
	return ret;
}

static void close_all(struct run *run)
{
	if (run->results.network)
		results_free(&run->results);
	dh_array_free(&run->labels);
	parts_close(&run->parts);
}

int run_network(const struct run_arguments *args)
{
	struct run run = { .args = args };
	struct dh_error err;
	int ret = open_all(&run, &err);

	if (!ret)
		ret = execute(&run, &err);
	if (!ret)
		ret = report(&run, &err);
	close_all(&run);
	return ret;
}
