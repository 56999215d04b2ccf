/* SPDX-License-Identifier: MIT */
/* The suites of the model's unit test, one file each. */
#ifndef DELTAHOP_TEST_MODEL_TEST_H
#define DELTAHOP_TEST_MODEL_TEST_H

#include <check.h>

#include "rig.h"

TCase *model_registers_case(void);
TCase *model_rings_case(void);
TCase *model_memory_case(void);
TCase *model_commands_case(void);
TCase *model_jobs_case(void);
TCase *model_state_case(void);
TCase *model_timing_case(void);
TCase *model_float_case(void);
TCase *model_random_case(void);
TCase *model_streams_case(void);
TCase *model_conv_random_case(void);
TCase *model_conv_budget_case(void);
TCase *model_conv_damage_case(void);
TCase *model_conv_place_case(void);
TCase *model_conv_store_case(void);
TCase *reference_conv_case(void);
TCase *model_conv_commands_case(void);
TCase *model_conv_case(void);
TCase *model_sharing_case(void);
TCase *model_conv_data_case(void);
TCase *model_conv_jobs_case(void);
TCase *model_ddr_case(void);
TCase *model_dram_case(void);

/**
 * struct net - a small network on a rig, ready to run
 *
 * The regions: commands, parameters, input, output (all of one piece), weights, profile. One layer
 * of 8 inputs and 16 units on profile "edgedrnn" unless changed; state for it is loaded; commands
 * are LAYER, RUN, END.
 */
struct net {
	struct rig *rig;
	struct dh_layer layer;
	struct dh_run run;
	struct dh_params params;
	struct deltahop_entry entry;
};

enum { NET_COMMANDS, NET_PARAMS, NET_INPUT, NET_OUTPUT, NET_WEIGHTS, NET_PROFILE, NET_REGIONS };

/** net_addr() - where a region lies in RAM */
uint64_t net_addr(unsigned int region);

#define NET_REGION_BYTES 0x4000

void net_create(struct net *net, const char *profile);
void net_create_device(struct net *net, const struct dh_config *config);
void net_destroy(struct net *net);

/** net_write() - write commands and parameters as they now are, and an entry for them */
void net_write(struct net *net);

/** net_job() - net_write(), and run it */
struct deltahop_record net_job(struct net *net);

/** net_rows() - the profile region: the head and @count rows */
struct deltahop_profile_head net_rows(struct net *net, struct deltahop_profile_row *rows,
				      unsigned int count);

#define assert_status(record, want_status, want_reason)                                           \
	do {                                                                                      \
		struct deltahop_record got_record = (record);                                     \
                                                                                                  \
		ck_assert_str_eq(dh_status_text(got_record.status), dh_status_text(want_status)); \
		ck_assert_str_eq(dh_reason_text(got_record.reason), dh_reason_text(want_reason)); \
	} while (0)

#define assert_fault(record, want_reason) assert_status(record, DELTAHOP_STATUS_FAULT, want_reason)
#define assert_ok(record)		  assert_status(record, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE)

#endif /* DELTAHOP_TEST_MODEL_TEST_H */
