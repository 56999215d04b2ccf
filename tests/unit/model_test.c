// SPDX-License-Identifier: MIT
/* Unit test of the device model. */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"

uint64_t net_addr(unsigned int region)
{
	return RIG_FREE + region * (uint64_t)NET_REGION_BYTES;
}

void net_create(struct net *net, const char *profile)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, profile));
	net_create_device(net, &config);
}

void net_create_device(struct net *net, const struct dh_config *config)
{
	struct rig_random random = { 1 };
	struct rig *rig;

	memset(net, 0, sizeof(*net));
	rig = rig_create(config, net_addr(NET_REGIONS) + NET_REGION_BYTES);
	ck_assert_ptr_nonnull(rig);
	net->rig = rig;
	for (int region = 0; region < NET_REGIONS; region++)
		rig_region(rig, net_addr(region), NET_REGION_BYTES,
			   DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	for (unsigned int i = 0; i < NET_REGION_BYTES; i++)
		rig->ram[net_addr(NET_WEIGHTS) + i] = rig_random(&random);
	for (unsigned int i = 0; i < NET_REGION_BYTES; i += 2)
		*(int16_t *)(rig->ram + net_addr(NET_INPUT) + i) =
			(int)rig_below(&random, 512) - 256;
	net->layer = (struct dh_layer){
		.inputs = 8,
		.hidden = 16,
		.weight_frac = { 7, 7, 7, 0 },
		.weight_region = NET_WEIGHTS,
	};
	net->run = (struct dh_run){
		.count = 1,
		.params_region = NET_PARAMS,
		.input_region = NET_INPUT,
		.output_region = NET_OUTPUT,
	};
	net->params = (struct dh_params){ .steps = 1, .input_stride = 16, .output_stride = 32 };
	rig_start(rig);
	assert_ok(rig_do_state(rig, DELTAHOP_ENTRY_STATE_LOAD, rig->config.rnn_state_bytes));
	net_write(net);
}

void net_destroy(struct net *net)
{
	rig_destroy(net->rig);
}

void net_write(struct net *net)
{
	struct rig_program program = rig_program(net->rig, net_addr(NET_COMMANDS));

	rig_put_layer(&program, &net->layer);
	rig_put_run(&program, &net->run);
	rig_put_end(&program);
	dh_params_encode(&net->params, net->rig->ram + net_addr(NET_PARAMS));
	net->entry = rig_entry(net->rig, DELTAHOP_ENTRY_JOB);
	net->entry.size = program.at - program.start;
}

struct deltahop_record net_job(struct net *net)
{
	net_write(net);
	return rig_do(net->rig, &net->entry);
}

struct deltahop_profile_head net_rows(struct net *net, struct deltahop_profile_row *rows,
				      unsigned int count)
{
	const uint8_t *at = net->rig->ram + net_addr(NET_PROFILE);
	struct deltahop_profile_head head;

	memcpy(&head, at, sizeof(head));
	memcpy(rows, at + sizeof(head), count * sizeof(*rows));
	return head;
}

int main(void)
{
	TCase *(*const cases[])(void) = {
		model_registers_case,	  model_rings_case,	  model_memory_case,
		model_commands_case,	  model_jobs_case,	  model_state_case,
		model_timing_case,	  model_random_case,	  reference_conv_case,
		model_conv_commands_case, model_conv_case,	  model_sharing_case,
		model_conv_data_case,	  model_conv_jobs_case,	  model_conv_random_case,
		model_streams_case,	  model_float_case,	  model_ddr_case,
		model_dram_case,	  model_conv_budget_case, model_conv_damage_case,
		model_conv_place_case,	  model_conv_store_case,
	};
	Suite *suite = suite_create("model");
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TCase *tcase = cases[i]();

		tcase_set_timeout(tcase, 300);
		suite_add_tcase(suite, tcase);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
