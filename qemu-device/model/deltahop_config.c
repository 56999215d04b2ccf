// SPDX-License-Identifier: MIT
/* The figures of the profiles, and which configurations are possible. */
#include <string.h>

#include "deltahop_internal.h"

#define RNN_CAPS                                                                                   \
	(DELTAHOP_CAP_RNN_WEIGHT_BASE | DELTAHOP_CAP_RNN_MORE_LAYERS | DELTAHOP_CAP_RNN_TEMPLATE | \
	 DELTAHOP_CAP_RNN_WEIGHT_SCALE | DELTAHOP_CAP_RNN_WIDE | DELTAHOP_CAP_RNN_LAYER_THETA |    \
	 DELTAHOP_CAP_RNN_DENSE | DELTAHOP_CAP_RNN_GRU_BEFORE | DELTAHOP_CAP_RNN_LSTM |            \
	 DELTAHOP_CAP_RNN_SIMPLE | DELTAHOP_CAP_RNN_RELU)
#define CONV_CAPS                                                                        \
	(DELTAHOP_CAP_CONV_STRIDE | DELTAHOP_CAP_CONV_SHAPE | DELTAHOP_CAP_CONV_SHIFT |  \
	 DELTAHOP_CAP_CONV_WEIGHT8 | DELTAHOP_CAP_CONV_AVG_POOL | DELTAHOP_CAP_CONV_FC | \
	 DELTAHOP_CAP_CONV_PSUM | DELTAHOP_CAP_CONV_ADD | DELTAHOP_CAP_CONV_PACKED |     \
	 DELTAHOP_CAP_CONV_FORMAT)
/* These have no form in bus words. */
#define PACKED_CAPS                                                                  \
	(DELTAHOP_CAP_CONV_WEIGHT8 | DELTAHOP_CAP_CONV_FC | DELTAHOP_CAP_CONV_PSUM | \
	 DELTAHOP_CAP_CONV_ADD)
#define RNN  (1U << DELTAHOP_ENGINE_RNN)
#define CONV (1U << DELTAHOP_ENGINE_CONV)

/* A bus word has 7 bits for the number of a MAC. */
#define MAX_BUS_WORD_MACS 128

/* Assumed: a 32-bit DRAM access costs about 2 nJ (Neil et al., Delta Networks, 2016). */
#define ENERGY_DRAM_FJ_BYTE 500000
/* Assumed: a 32-bit integer multiplication at 45 nm costs about 3.1 pJ (same source). */
#define ENERGY_MAC_FJ 3100

static const char *const names[] = {
	[DELTAHOP_PROFILE_EDGEDRNN] = "edgedrnn",
	[DELTAHOP_PROFILE_NULLHOP_FPGA] = "nullhop-fpga",
	[DELTAHOP_PROFILE_NULLHOP_ASIC] = "nullhop-asic",
	[DELTAHOP_PROFILE_CARD] = "card",
};

/* Eight processing elements as published; its clock and DRAM are assumed. */
static const struct dh_config edgedrnn = {
	.profile = DELTAHOP_PROFILE_EDGEDRNN,
	.clock_hz = 125000000,
	.engines = RNN,
	.rnn_pes = 8,
	.rnn_slots = 4,
	.rnn_state_bytes = 98304,
	.beat_bytes = 8,
	.dram = { .n = 1, .l = 32, .q = 4 },
	.energy_dram_fj_byte = ENERGY_DRAM_FJ_BYTE,
	.energy_mac_fj = ENERGY_MAC_FJ,
};

/*
 * 128 MACs with 4096 weights each, 60 MHz, 32 payload bits in a 64-bit bus word as published; the
 * store is what third parties say; DRAM is assumed, most channels and columns are ours.
 */
#define NULLHOP                                                                                   \
	.engines = CONV, .conv_macs = 128, .conv_kernel_words = 4096, .conv_store_bytes = 524288, \
	.conv_max_channels = 1024, .conv_max_cols = 1024, .beat_bytes = 8,                        \
	.dram = { .n = 1, .l = 32, .q = 4 }, .energy_dram_fj_byte = ENERGY_DRAM_FJ_BYTE,          \
	.energy_mac_fj = ENERGY_MAC_FJ

static const struct dh_config nullhop_fpga = {
	.profile = DELTAHOP_PROFILE_NULLHOP_FPGA,
	.clock_hz = 60000000,
	NULLHOP,
};

static const struct dh_config nullhop_asic = {
	.profile = DELTAHOP_PROFILE_NULLHOP_ASIC,
	.clock_hz = 500000000,
	NULLHOP,
};

/*
 * Our own choice; no hardware vouches for it. The link moves about 1 GB/s with a latency of 1 us.
 */
static const struct dh_config card = {
	.profile = DELTAHOP_PROFILE_CARD,
	.clock_hz = 250000000,
	.caps = RNN_CAPS | CONV_CAPS,
	.engines = RNN | CONV,
	.rnn_pes = 16,
	.rnn_slots = 8,
	.rnn_state_bytes = 196608,
	.conv_macs = 128,
	.conv_kernel_words = 4096,
	.conv_store_bytes = 524288,
	.conv_max_channels = 1024,
	.conv_max_cols = 1024,
	.conv_max_outputs = 1024,
	.beat_bytes = 16,
	.dram = { .n = 1, .l = 32, .q = 4 },
	.link = { .n = 4, .l = 250, .q = 8 },
	.card_size = 64ULL << 20,
	.energy_dram_fj_byte = ENERGY_DRAM_FJ_BYTE,
	.energy_mac_fj = ENERGY_MAC_FJ,
};

/* The part of dram=ddr, by profile: 1 DDR3L of 16 bits, 2 DDR3 of 32 bits, 3 LPDDR4. */
static const uint32_t own_part[] = {
	[DELTAHOP_PROFILE_EDGEDRNN] = 1,
	[DELTAHOP_PROFILE_NULLHOP_FPGA] = 2,
	[DELTAHOP_PROFILE_NULLHOP_ASIC] = 3,
	[DELTAHOP_PROFILE_CARD] = 3,
};

const char *dh_dram_name(uint32_t part)
{
	if (!part)
		return "simple";
	return dh_ddr_part(part) ? dh_ddr_part(part)->name : NULL;
}

bool dh_config_dram(struct dh_config *config, const char *name)
{
	if (!strcmp(name, "ddr")) {
		config->dram_part = own_part[config->profile];
		return true;
	}
	for (uint32_t part = 0; dh_dram_name(part); part++) {
		if (strcmp(name, dh_dram_name(part)) != 0)
			continue;
		config->dram_part = part;
		return true;
	}
	return false;
}

bool dh_config_profile(struct dh_config *config, const char *name)
{
	static const struct dh_config *const profiles[] = { &edgedrnn, &nullhop_fpga, &nullhop_asic,
							    &card };

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (strcmp(name, names[profiles[i]->profile]) != 0)
			continue;
		*config = *profiles[i];
		return true;
	}
	return false;
}

const char *dh_profile_name(uint32_t profile)
{
	return profile < sizeof(names) / sizeof(names[0]) ? names[profile] : "unknown";
}

static bool power_of_two(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most && !(value & (value - 1));
}

static bool possible_memory(const struct dh_memory_timing *memory)
{
	return memory->n <= DH_MAX_MEMORY_N && memory->l <= DH_MAX_MEMORY_L &&
	       (!memory->n || memory->q);
}

static bool between(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most;
}

static const char *refuse_rnn(const struct dh_config *config)
{
	bool wide = config->caps & DELTAHOP_CAP_RNN_WIDE,
	     more = config->caps & DELTAHOP_CAP_RNN_MORE_LAYERS;

	if (!(config->engines & RNN))
		return config->caps & RNN_CAPS || config->rnn_pes || config->rnn_slots ||
				       config->rnn_state_bytes
			       ? "engines: figures of the recurrent engine (bit 0) without it"
			       : NULL;
	if (!power_of_two(config->rnn_pes, 8, wide ? 32 : 8))
		return "pes: must be 8, or with the capability RNN_WIDE 8, 16 or 32";
	if (!between(config->rnn_slots, 1, more ? DELTAHOP_RNN_MAX_SLOTS : 4))
		return "slots: must be 1 to 4, or with the capability RNN_MORE_LAYERS 1 to 16";
	if (config->rnn_state_bytes % 8 || !between(config->rnn_state_bytes, 8, DH_MAX_STATE_BYTES))
		return "state-bytes: must be a multiple of 8, 8 to 16777216";
	return NULL;
}

static bool has_conv_figures(const struct dh_config *config)
{
	return config->caps & CONV_CAPS || config->conv_macs || config->conv_kernel_words ||
	       config->conv_store_bytes || config->conv_max_channels || config->conv_max_cols ||
	       config->conv_max_outputs;
}

static const char *refuse_conv(const struct dh_config *config)
{
	bool packed = config->caps & DELTAHOP_CAP_CONV_PACKED,
	     fc = config->caps & DELTAHOP_CAP_CONV_FC;

	if (!(config->engines & CONV))
		return has_conv_figures(config)
			       ? "engines: figures of the convolution engine (bit 1) without it"
			       : NULL;
	if (config->caps & PACKED_CAPS && !packed)
		return "caps: CONV_WEIGHT8, CONV_FC, CONV_PSUM and CONV_ADD need CONV_PACKED";
	if (!power_of_two(config->conv_macs, DH_MIN_CONV_MACS,
			  packed ? DH_MAX_CONV_MACS : MAX_BUS_WORD_MACS))
		return "conv-macs: must be a power of two, 8 to 128, or with the capability "
		       "CONV_PACKED 8 to 1024";
	if (!between(config->conv_kernel_words, DH_MIN_CONV_KERNEL_WORDS, DH_MAX_CONV_KERNEL_WORDS))
		return "conv-kernel-words: must be 64 to 65536";
	if (config->conv_store_bytes % 8 ||
	    !between(config->conv_store_bytes, DH_MIN_CONV_STORE_BYTES, DH_MAX_CONV_STORE_BYTES))
		return "conv-store-bytes: must be a multiple of 8, 1024 to 16777216";
	if (!between(config->conv_max_channels, 1, DH_MAX_CONV_CHANNELS))
		return "conv-max-channels: must be 1 to 4096";
	if (!between(config->conv_max_cols, 1, DH_MAX_CONV_COLS))
		return "conv-max-cols: must be 1 to 4096";
	if (!between(config->conv_max_outputs, fc ? 1 : 0, fc ? DH_MAX_CONV_OUTPUTS : 0))
		return "conv-max-outputs: must be 1 to 4096, or 0 without the capability CONV_FC";
	return NULL;
}

static const char *refuse_part(const struct dh_config *config)
{
	if (!config->dram_part)
		return NULL;
	if (!dh_ddr_part(config->dram_part))
		return "dram: there is no such part";
	if (!config->dram.n)
		return "dram-n: must be at least 1 with dram=ddr; ideal memory is dram=simple";
	if (config->clock_hz % 1000)
		return "clock-hz: must be a multiple of 1000 with dram=ddr";
	return NULL;
}

const char *dh_config_refuse(const struct dh_config *config)
{
	const char *refused;

	if (config->clock_hz < 1000)
		return "clock-hz: must be at least 1000";
	if (!power_of_two(config->beat_bytes, 8, DH_MAX_BEAT_BYTES))
		return "beat-bytes: must be 8, 16, 32, 64 or 128";
	if (!possible_memory(&config->dram))
		return "dram: n is at most 65536, l at most 1048576, q at least 1";
	if (!possible_memory(&config->link))
		return "link: n is at most 65536, l at most 1048576, q at least 1";
	if (config->card_size % DELTAHOP_PAGE_SIZE || config->card_size > DH_MAX_CARD_SIZE)
		return "card-size: must be a multiple of 4096, at most 1 TiB";
	if (config->card_size && !config->card)
		return "card: there is card memory, but no pointer to its bytes";
	if (!config->engines || config->engines & ~(RNN | CONV))
		return "engines: must be the recurrent engine (bit 0), the convolution engine "
		       "(bit 1) or both";
	if (config->caps & ~(RNN_CAPS | CONV_CAPS))
		return "caps: a capability bit that is reserved or not built in";
	refused = refuse_part(config);
	if (!refused)
		refused = refuse_rnn(config);
	return refused ? refused : refuse_conv(config);
}

struct dh_cmd_limits dh_config_limits(const struct dh_config *config)
{
	bool rnn = config->engines & RNN;

	return (struct dh_cmd_limits){
		.caps = config->caps,
		.slots = config->rnn_slots,
		.max_inputs = rnn ? DH_MAX_INPUTS : 0,
		.max_hidden = rnn ? DH_MAX_HIDDEN : 0,
		.state_bytes = config->rnn_state_bytes,
		.conv_macs = config->conv_macs,
		.conv_kernel_words = config->conv_kernel_words,
		.conv_store_bytes = config->conv_store_bytes,
		.conv_max_channels = config->conv_max_channels,
		.conv_max_cols = config->conv_max_cols,
		.conv_max_outputs = config->conv_max_outputs,
	};
}
