// SPDX-License-Identifier: MIT
/* Registers: values, access rules, reset; interrupts; which devices are possible. */
#include <string.h>

#include "model_test.h"

#define RING(reg) DELTAHOP_RING(0, DELTAHOP_RING_##reg)

START_TEST(identity)
{
	struct net net;

	net_create(&net, "card");
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_ID), 0x504f4844);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_ABI), 0x10000);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CAPS_LO), 0x7ff);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CAPS_HI), 0x3ff);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_ENGINES), 3);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_PROFILE), 3);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CLOCK_HZ), 250000000);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CARD_SIZE_LO), 64 << 20);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CARD_SIZE_HI), 0);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_MAX_REGIONS), 64);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_DRAM_BEAT_BYTES), 16);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_DRAM_N), 1);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_DRAM_L), 32);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_DRAM_Q), 4);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_LINK_N), 4);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_LINK_L), 250);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_LINK_Q), 8);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_RNN_PES), 16);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_RNN_SLOTS), 8);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_RNN_MAX_INPUTS), 1024);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_RNN_MAX_HIDDEN), 1024);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_RNN_STATE_BYTES), 196608);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_MACS), 128);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_KERNEL_WORDS), 4096);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_STORE_BYTES), 524288);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_MAX_CHANNELS), 1024);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_MAX_COLS), 1024);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CONV_MAX_OUTPUTS), 1024);
	net_destroy(&net);
}
END_TEST

/* All of the window can be read and written without harm; identity does not change. */
START_TEST(unlisted_and_read_only)
{
	struct net net;

	net_create(&net, "edgedrnn");
	for (uint32_t reg = 0; reg < DELTAHOP_REGS_SIZE; reg += 4) {
		if (reg == DELTAHOP_REG_CTRL || reg == RING(CTRL) || reg == RING(TAIL) ||
		    reg == DELTAHOP_REG_TIME_LO)
			continue;
		rig_set(net.rig, reg, 0xffffffff);
		if (reg < DELTAHOP_REG_CTRL || (reg >= 0x1028 && reg != RING(SEQNO)))
			rig_set(net.rig, reg, 0);
		if (reg > 0x1028 ||
		    (reg > DELTAHOP_REG_RNN_STATE_BYTES && reg < DELTAHOP_REG_CTRL) ||
		    (reg > DELTAHOP_REG_IRQ_ENABLE && reg < 0x1000))
			ck_assert_uint_eq(rig_reg(net.rig, reg), 0);
	}
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_ID), DELTAHOP_ID);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_CLOCK_HZ), 125000000);
	ck_assert_uint_eq(rig_reg(net.rig, RING(HEAD)), 1);
	ck_assert_uint_eq(rig_reg(net.rig, RING(SEQNO)), 1000);
	net_destroy(&net);
}
END_TEST

START_TEST(reset_values)
{
	struct net net;
	struct rig *rig;

	net_create(&net, "edgedrnn");
	rig = net.rig;
	assert_ok(net_job(&net));
	ck_assert_uint_ne(rig_reg(rig, RING(PROGRESS)), 0);
	dh_model_power_on(rig->model, rig->now);
	for (uint32_t reg = RING(CTRL); reg <= RING(SEQNO); reg += 4)
		ck_assert_uint_eq(rig_reg(rig, reg), 0);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_CTRL), 0);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), 0);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_ENABLE), 0);
	net_destroy(&net);
}
END_TEST

START_TEST(ring_registers)
{
	struct net net;
	struct rig *rig;

	net_create(&net, "edgedrnn");
	rig = net.rig;
	/* Enabled: base and size stay. */
	rig_set(rig, RING(BASE_LO), 0x5000);
	rig_set(rig, RING(SIZE), 5);
	ck_assert_uint_eq(rig_reg(rig, RING(BASE_LO)), RIG_RING);
	ck_assert_uint_eq(rig_reg(rig, RING(SIZE)), RIG_RING_LOG2);
	rig_set(rig, RING(CTRL), 0);
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_DISABLED);
	rig_set(rig, RING(BASE_LO), 0x12345fff);
	rig_set(rig, RING(BASE_HI), 0x9abcdef0);
	ck_assert_uint_eq(rig_reg(rig, RING(BASE_LO)), 0x12345000);
	ck_assert_uint_eq(rig_reg(rig, RING(BASE_HI)), 0x9abcdef0);
	for (uint32_t size = 0; size < 12; size++) {
		rig_set(rig, RING(SIZE), size);
		rig_set(rig, RING(CTRL), DELTAHOP_RING_CTRL_ENABLE);
		ck_assert_uint_eq(rig_reg(rig, RING(CTRL)), size >= 1 && size <= 8);
		rig_set(rig, RING(CTRL), 0);
	}
	/* A doorbell of a disabled ring is not heard. */
	rig_set(rig, RING(TAIL), 77);
	ck_assert_uint_eq(rig_reg(rig, RING(TAIL)), 1);
	net_destroy(&net);
}
END_TEST

START_TEST(time_is_latched)
{
	struct net net;

	net_create(&net, "edgedrnn");
	net.rig->now = 0x1ffffffffULL;
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_TIME_LO), 0xffffffff);
	net.rig->now = 0x200000001ULL;
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_TIME_HI), 1);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_TIME_LO), 1);
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_TIME_HI), 2);
	/* Time never goes back. */
	net.rig->now = 5;
	ck_assert_uint_eq(rig_reg(net.rig, DELTAHOP_REG_TIME_LO), 1);
	net_destroy(&net);
}
END_TEST

START_TEST(interrupts)
{
	struct net net;
	struct rig *rig;

	net_create(&net, "edgedrnn");
	rig = net.rig;
	ck_assert_uint_eq(rig->interrupts[1], 1);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), DELTAHOP_IRQ_RING(0));
	ck_assert(rig->line);
	/* A message per entry, also while the bit is still set. */
	assert_ok(net_job(&net));
	ck_assert_uint_eq(rig->interrupts[1], 2);
	rig_set(rig, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_ERROR);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), DELTAHOP_IRQ_RING(0));
	rig_set(rig, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_RING(0));
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), 0);
	ck_assert(!rig->line);

	/*
	 * Masked: the bit is set, nothing is sent, not even when enabled later; the line follows.
	 */
	rig_set(rig, DELTAHOP_REG_IRQ_ENABLE, 0);
	assert_ok(net_job(&net));
	ck_assert_uint_eq(rig->interrupts[1], 2);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), DELTAHOP_IRQ_RING(0));
	ck_assert(!rig->line);
	rig_set(rig, DELTAHOP_REG_IRQ_ENABLE, 0xffffffff);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_ENABLE), DELTAHOP_IRQ_ALL);
	ck_assert_uint_eq(rig->interrupts[1], 2);
	ck_assert(rig->line);

	/* An entry that does not ask for one. */
	rig_set(rig, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_ALL);
	net_write(&net);
	net.entry.flags = 0;
	assert_ok(rig_do(rig, &net.entry));
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_STATUS), 0);
	ck_assert_uint_eq(rig->interrupts[1], 2);
	ck_assert_uint_eq(rig->interrupts[0], 0);
	net_destroy(&net);
}
END_TEST

START_TEST(device_reset)
{
	struct net net;
	struct rig *rig;

	net_create(&net, "card");
	rig = net.rig;
	rig->config.card[123] = 45;
	net_write(&net);
	rig_submit(rig, &net.entry);
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_BUSY);
	rig_set(rig, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_CTRL), DELTAHOP_CTRL_RESET);
	ck_assert_uint_eq(rig_reg(rig, RING(STATUS)), DELTAHOP_RING_RESETTING);
	ck_assert(!rig->line);
	/* Nothing can be set up while it lasts. */
	rig_set(rig, DELTAHOP_REG_IRQ_ENABLE, 7);
	rig_set(rig, RING(SIZE), 3);
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_IRQ_ENABLE), 0);
	rig->now += DELTAHOP_RESET_NS - 1;
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_CTRL), DELTAHOP_CTRL_RESET);
	rig->now++;
	ck_assert_uint_eq(rig_reg(rig, DELTAHOP_REG_CTRL), 0);
	ck_assert_uint_eq(dh_model_next_event(rig->model), DH_NEVER);
	for (uint32_t reg = RING(CTRL); reg <= RING(SEQNO); reg += 4)
		ck_assert_uint_eq(rig_reg(rig, reg), 0);
	ck_assert_uint_eq(rig->config.card[123], 45);
	/* The dropped job left no record. */
	ck_assert_uint_eq(rig_record(rig, 1).status, DELTAHOP_STATUS_NONE);
	net_destroy(&net);
}
END_TEST

START_TEST(profiles)
{
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "edgedrnn"));
	ck_assert_uint_eq(config.caps, 0);
	ck_assert_uint_eq(config.card_size, 0);
	ck_assert_uint_eq(config.rnn_slots, 4);
	ck_assert_uint_eq(config.rnn_state_bytes, 98304);
	ck_assert(dh_config_profile(&config, "card"));
	ck_assert_ptr_null(config.card);
	ck_assert_uint_eq(config.engines, 3);
	ck_assert(dh_config_profile(&config, "nullhop-fpga"));
	ck_assert_uint_eq(config.clock_hz, 60000000);
	ck_assert_uint_eq(config.engines, 2);
	ck_assert_uint_eq(config.caps, 0);
	ck_assert(dh_config_profile(&config, "nullhop-asic"));
	ck_assert_uint_eq(config.clock_hz, 500000000);
	ck_assert_uint_eq(config.rnn_pes, 0);
	ck_assert_uint_eq(config.conv_macs, 128);
	ck_assert_uint_eq(config.conv_kernel_words, 4096);
	ck_assert_uint_eq(config.conv_store_bytes, 524288);
	ck_assert_uint_eq(config.conv_max_outputs, 0);
	ck_assert(!dh_config_profile(&config, "nullhop"));
	ck_assert(!dh_config_profile(&config, ""));
	ck_assert_str_eq(dh_profile_name(DELTAHOP_PROFILE_NULLHOP_ASIC), "nullhop-asic");
	ck_assert_str_eq(dh_profile_name(DELTAHOP_PROFILE_CARD), "card");
	ck_assert_str_eq(dh_profile_name(99), "unknown");
}
END_TEST

static void refuse(const struct dh_config *config, const char *word)
{
	struct dh_bus bus = { 0 };
	const char *error = NULL;

	ck_assert_ptr_null(dh_model_create(config, &bus, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error, word) == error, "\"%s\" does not begin with \"%s\"", error,
		      word);
	ck_assert_ptr_null(dh_model_create(config, &bus, NULL));
}

START_TEST(impossible_devices)
{
	struct dh_config good, bad;

	ck_assert(dh_config_profile(&good, "edgedrnn"));
#define REFUSE(word, change)        \
	do {                        \
		bad = good;         \
		bad.change;         \
		refuse(&bad, word); \
	} while (0)
	REFUSE("clock-hz", clock_hz = 0);
	REFUSE("beat-bytes", beat_bytes = 12);
	REFUSE("beat-bytes", beat_bytes = 4);
	REFUSE("beat-bytes", beat_bytes = 256);
	REFUSE("dram", dram.q = 0);
	REFUSE("dram", dram.n = 1 << 20);
	REFUSE("link", link.l = 1 << 30);
	REFUSE("card-size", card_size = 100);
	REFUSE("card", card_size = 4096);
	REFUSE("engines", engines = 0);
	REFUSE("engines", engines = 2);
	REFUSE("engines", engines = 4);
	REFUSE("engines", conv_macs = 128);
	REFUSE("engines", caps = DELTAHOP_CAP_CONV_PACKED);
	REFUSE("conv-macs", engines = 3);
	REFUSE("caps", caps = DELTAHOP_CAP_RNN_RELU << 1);
	REFUSE("pes", rnn_pes = 16);
	REFUSE("pes", rnn_pes = 9);
	REFUSE("slots", rnn_slots = 5);
	REFUSE("slots", rnn_slots = 0);
	REFUSE("state-bytes", rnn_state_bytes = 0);
	REFUSE("state-bytes", rnn_state_bytes = 12);
}
END_TEST

START_TEST(impossible_convolution_engines)
{
	struct dh_config good, bad;

	ck_assert(dh_config_profile(&good, "nullhop-asic"));
	REFUSE("engines", engines = 0);
	REFUSE("pes", engines = 1);
	REFUSE("pes", engines = 3);
	REFUSE("engines", rnn_pes = 8);
	REFUSE("engines", caps = DELTAHOP_CAP_RNN_DENSE);
	REFUSE("caps", caps = DELTAHOP_CAP_CONV_PSUM);
	REFUSE("caps", caps = DELTAHOP_CAP_CONV_ADD | DELTAHOP_CAP_CONV_FORMAT);
	REFUSE("caps", caps = DELTAHOP_CAP_CONV_FORMAT << 1);
	REFUSE("conv-macs", conv_macs = 100);
	REFUSE("conv-macs", conv_macs = 4);
	REFUSE("conv-macs", conv_macs = 256);
	REFUSE("conv-kernel-words", conv_kernel_words = 63);
	REFUSE("conv-kernel-words", conv_kernel_words = 65537);
	REFUSE("conv-store-bytes", conv_store_bytes = 1020);
	REFUSE("conv-store-bytes", conv_store_bytes = 1028);
	REFUSE("conv-store-bytes", conv_store_bytes = 1 << 25);
	REFUSE("conv-max-channels", conv_max_channels = 0);
	REFUSE("conv-max-channels", conv_max_channels = 4097);
	REFUSE("conv-max-cols", conv_max_cols = 0);
	REFUSE("conv-max-cols", conv_max_cols = 4097);
	REFUSE("conv-max-outputs", conv_max_outputs = 1);
	ck_assert(dh_config_profile(&good, "card"));
	good.card_size = 0;
	REFUSE("conv-macs", conv_macs = 2048);
	REFUSE("conv-max-outputs", conv_max_outputs = 0);
	REFUSE("conv-max-outputs", conv_max_outputs = 4097);
	bad = good;
	bad.conv_macs = 1024;
	ck_assert_ptr_null(dh_config_refuse(&bad));
}
END_TEST

TCase *model_registers_case(void)
{
	TCase *tcase = tcase_create("registers");

	tcase_add_test(tcase, identity);
	tcase_add_test(tcase, unlisted_and_read_only);
	tcase_add_test(tcase, reset_values);
	tcase_add_test(tcase, ring_registers);
	tcase_add_test(tcase, time_is_latched);
	tcase_add_test(tcase, interrupts);
	tcase_add_test(tcase, device_reset);
	tcase_add_test(tcase, profiles);
	tcase_add_test(tcase, impossible_devices);
	tcase_add_test(tcase, impossible_convolution_engines);
	return tcase;
}
