// SPDX-License-Identifier: MIT
/* deltahop info: which devices there are, and what they can do; what a program is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "network/network_disasm.h"
#include "program/disasm.h"
#include "tool/tool.h"

struct arguments {
	const char *device;
	const char *program;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'd':
		args->device = arg;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->program)
			argp_error(state, "\"%s\": only one program can be shown at a time", arg);
		args->program = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->program && args->device)
			argp_error(state,
				   "--device is for what a device can do, %s is a program: "
				   "give one of the two",
				   args->program);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "device", 'd', "DEVICE", 0, "ask this device", 0 },
	{ "json", 'j', NULL, 0, "print JSON: {\"nodes\": [PATH...], \"device\": {...}}", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[PROGRAM.dhp]",
	.doc = "Shows the device that would be used, why it, and what it can do; and the device "
	       "nodes there are. With a program: what it takes and gives, what it needs, and "
	       "which steps it has.\vExit status: 0; 1 the file cannot be read or is damaged; 3 it "
	       "is for another version; 4 the device cannot be opened.",
};

static const char *const priorities[] = { "low", "medium", "high", "realtime" };

static json_t *json_names(uint64_t bits, const char *(*name)(unsigned int bit))
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		json_append(array, name(i) ? json_string(name(i)) : json_sprintf("bit-%u", i));
	}
	return array;
}

static const char *priority_name(unsigned int bit)
{
	return bit < 4 ? priorities[bit] : NULL;
}

static const char *engine_name(unsigned int bit)
{
	static const char *const names[] = { "rnn", "conv" };

	return bit < 2 ? names[bit] : NULL;
}

static json_t *json_channel(uint32_t n, uint32_t l, uint32_t q)
{
	return json_pack("{s:I, s:I, s:I}", "n", (json_int_t)n, "l", (json_int_t)l, "q",
			 (json_int_t)q);
}

json_t *json_device(const struct dh_device_info *info)
{
	json_t *json = json_object();

	json_add(json, "name", json_string(info->name));
	json_add(json, "why", json_string(info->why));
	json_add(json, "embedded", json_boolean(info->embedded));
	json_add(json, "driver", json_string(info->driver));
	json_add(json, "profile", json_string(info->profile));
	json_add(json, "hw_abi", json_sprintf("%u.%u", info->hw_abi >> 16, info->hw_abi & 0xffff));
	json_add(json, "engines", json_names(info->engines, engine_name));
	json_add(json, "caps", json_names(info->caps, dh_cap_name));
	json_add(json, "clock_hz", json_integer(info->clock_hz));
	json_add(json, "pes", json_integer(info->pes));
	json_add(json, "slots", json_integer(info->slots));
	json_add(json, "max_inputs", json_integer(info->max_inputs));
	json_add(json, "max_hidden", json_integer(info->max_hidden));
	json_add(json, "state_bytes", json_integer(info->state_bytes));
	json_add(json, "conv_macs", json_integer(info->conv_macs));
	json_add(json, "conv_kernel_words", json_integer(info->conv_kernel_words));
	json_add(json, "conv_store_bytes", json_integer(info->conv_store_bytes));
	json_add(json, "conv_max_channels", json_integer(info->conv_max_channels));
	json_add(json, "conv_max_cols", json_integer(info->conv_max_cols));
	json_add(json, "conv_max_outputs", json_integer(info->conv_max_outputs));
	json_add(json, "beat_bytes", json_integer(info->beat_bytes));
	json_add(json, "dram", json_channel(info->dram_n, info->dram_l, info->dram_q));
	json_add(json, "dram_model", info->dram[0] ? json_string(info->dram) : json_null());
	json_add(json, "link",
		 info->link_n ? json_channel(info->link_n, info->link_l, info->link_q)
			      : json_null());
	json_add(json, "card_bytes", json_integer(info->card_size));
	json_add(json, "card_free", json_integer(info->card_free));
	json_add(json, "max_jobs", json_integer(info->max_jobs));
	json_add(json, "priorities", json_names(info->priorities, priority_name));
	json_add(json, "device_ns", json_integer(info->device_ns));
	json_add(json, "monotonic_ns", json_integer(info->monotonic_ns));
	return json;
}

static void print_names(const char *what, uint64_t bits, const char *(*name)(unsigned int bit))
{
	unsigned int i, column = 0;

	printf("%-13s", what);
	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		if (column > 60)
			column = printf("\n%-13s", "") - 13;
		column += name(i) ? printf("%s ", name(i)) : printf("bit-%u ", i);
	}
	printf("%s\n", bits ? "" : "none");
}

static void print_channel(const char *what, uint32_t n, uint32_t l, uint32_t q, uint32_t beat)
{
	if (n)
		printf("%-13s%u bytes every %u cycle%s, latency %u cycles, %u bursts outstanding\n",
		       what, beat, n, n == 1 ? "" : "s", l, q);
	else
		printf("%-13sideal: a beat of %u bytes each cycle, no latency\n", what, beat);
}

static void print_clock(const struct dh_device_info *info)
{
	printf("clock        %.3f MHz", info->clock_hz / 1e6);
	if (info->pes)
		printf(", %u processing elements", info->pes);
	if (info->conv_macs)
		printf(", %u MACs", info->conv_macs);
	putchar('\n');
}

static void print_limits(const struct dh_device_info *info)
{
	const char *what = "limits";

	if (info->slots) {
		printf("%-13s%u layers a command, %u inputs, %u units a layer, %u bytes of state\n",
		       what, info->slots, info->max_inputs, info->max_hidden, info->state_bytes);
		what = "";
	}
	if (info->conv_macs) {
		printf("%-13s%u weights a MAC, %u bytes of input store, %u channels, %u columns, "
		       "%u outputs\n",
		       what, info->conv_kernel_words, info->conv_store_bytes,
		       info->conv_max_channels, info->conv_max_cols, info->conv_max_outputs);
		what = "";
	}
	printf("%-13s%u jobs in flight\n", what, info->max_jobs);
}

static void print_device(const struct dh_device_info *info)
{
	printf("device       %s, %s\n", info->name, info->why);
	printf("driver       %s\n", info->driver);
	printf("profile      %s, hardware interface %u.%u\n", info->profile, info->hw_abi >> 16,
	       info->hw_abi & 0xffff);
	print_names("engines", info->engines, engine_name);
	print_clock(info);
	print_names("capabilities", info->caps, dh_cap_name);
	print_limits(info);
	print_channel("DRAM", info->dram_n, info->dram_l, info->dram_q, info->beat_bytes);
	if (info->dram[0] && strcmp(info->dram, "simple") != 0)
		printf("%-13s%s: banks, rows and refresh on top of these figures\n", "",
		       info->dram);
	if (info->link_n)
		print_channel("link", info->link_n, info->link_l, info->link_q, info->beat_bytes);
	if (info->card_size)
		printf("card memory  %.1f MiB, %.1f MiB free\n", info->card_size / 1048576.0,
		       info->card_free / 1048576.0);
	else
		printf("card memory  none: shares the system's\n");
	print_names("priorities", info->priorities, priority_name);
	printf("time         %" PRIu64 ".%09" PRIu64 " s\n", info->device_ns / 1000000000,
	       info->device_ns % 1000000000);
}

static json_t *json_nodes(void)
{
	json_t *nodes = json_array();
	char path[128];
	unsigned int i;

	for (i = 0; !dh_device_node(i, path, sizeof(path)); i++)
		json_append(nodes, json_string(path));
	return nodes;
}

static void print_nodes(void)
{
	char path[128];
	unsigned int i;

	printf("library      %s\nnodes        ", dh_version());
	for (i = 0; !dh_device_node(i, path, sizeof(path)); i++)
		printf("%s ", path);
	printf("%s\n\n", i ? "" : "none");
}

/* --- a program ------------------------------------------------------------------- */

static int show_json(json_t *json, const char *path)
{
	struct dh_error err;

	if (json)
		return tool_print_json(json, NULL);
	dh_error_set(&err, "%s: out of memory", path);
	return tool_fail(EXIT_FAILED, &err);
}

static int show_network(const struct arguments *args)
{
	struct dh_network *network;
	struct dh_error err;
	int ret = dh_network_load(args->program, &network, &err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, &err);
	if (args->json)
		ret = show_json(dh_network_disasm_json(network, false), args->program);
	else
		dh_network_print_head(network, stdout);
	dh_network_free(network);
	return ret;
}

static int show_program(const struct arguments *args)
{
	struct dh_program *program;
	struct dh_error err;
	json_t *json;
	int ret = dh_program_load(args->program, &program, &err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, &err);
	if (args->json) {
		json = dh_disasm_json(program);
		json_object_del(json, "commands");
		ret = show_json(json, args->program);
	} else {
		dh_disasm_print_head(program, stdout);
	}
	dh_program_free(program);
	return ret;
}

int cmd_info(int argc, char **argv)
{
	struct dh_device_info info = { .size = sizeof(info) };
	struct arguments args = { 0 };
	struct dh_device *device;
	struct dh_error err;
	json_t *json;
	int ret;

	tool_parse(&argp, argc, argv, &args);
	if (args.program)
		return dh_network_is_file(args.program) ? show_network(&args) : show_program(&args);
	if (!args.json)
		print_nodes();
	ret = dh_device_open(args.device, &device, &err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, &err);
	ret = dh_device_get_info(device, &info, &err);
	dh_device_close(device);
	if (ret)
		return tool_fail(EXIT_DEVICE, &err);
	if (!args.json) {
		print_device(&info);
		return EXIT_OK;
	}
	json = json_object();
	json_add(json, "library", json_string(dh_version()));
	json_add(json, "nodes", json_nodes());
	json_add(json, "device", json_device(&info));
	return tool_print_json(json, NULL);
}
