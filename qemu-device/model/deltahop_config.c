// SPDX-License-Identifier: MIT
/* The figures of the profiles, and which configurations are possible. */
#include <string.h>

#include "deltahop_internal.h"

#define CARD_CAPS                                                                                  \
	(DELTAHOP_CAP_RNN_WEIGHT_BASE | DELTAHOP_CAP_RNN_MORE_LAYERS | DELTAHOP_CAP_RNN_TEMPLATE | \
	 DELTAHOP_CAP_RNN_WEIGHT_SCALE | DELTAHOP_CAP_RNN_WIDE | DELTAHOP_CAP_RNN_LAYER_THETA |    \
	 DELTAHOP_CAP_RNN_DENSE)

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
	.engines = 1U << DELTAHOP_ENGINE_RNN,
	.rnn_pes = 8,
	.rnn_slots = 4,
	.rnn_state_bytes = 98304,
	.beat_bytes = 8,
	.dram = { .n = 1, .l = 32, .q = 4 },
	.energy_dram_fj_byte = ENERGY_DRAM_FJ_BYTE,
	.energy_mac_fj = ENERGY_MAC_FJ,
};

/*
 * Our own choice; no hardware vouches for it. The link moves about 1 GB/s with a latency of 1 us.
 */
static const struct dh_config card = {
	.profile = DELTAHOP_PROFILE_CARD,
	.clock_hz = 250000000,
	.caps = CARD_CAPS,
	.engines = 1U << DELTAHOP_ENGINE_RNN,
	.rnn_pes = 16,
	.rnn_slots = 8,
	.rnn_state_bytes = 196608,
	.beat_bytes = 16,
	.dram = { .n = 1, .l = 32, .q = 4 },
	.link = { .n = 4, .l = 250, .q = 8 },
	.card_size = 64ULL << 20,
	.energy_dram_fj_byte = ENERGY_DRAM_FJ_BYTE,
	.energy_mac_fj = ENERGY_MAC_FJ,
};

bool dh_config_profile(struct dh_config *config, const char *name)
{
	static const struct dh_config *const profiles[] = { &edgedrnn, &card };

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

static const char *refuse_engine(const struct dh_config *config)
{
	bool wide = config->caps & DELTAHOP_CAP_RNN_WIDE,
	     more = config->caps & DELTAHOP_CAP_RNN_MORE_LAYERS;

	if (config->engines != 1U << DELTAHOP_ENGINE_RNN)
		return "engines: only the recurrent engine (bit 0) is built in";
	if (config->caps & ~CARD_CAPS)
		return "caps: a capability bit that is reserved or not built in";
	if (!power_of_two(config->rnn_pes, 8, wide ? 32 : 8))
		return "pes: must be 8, or with the capability RNN_WIDE 8, 16 or 32";
	if (config->rnn_slots < 1 || config->rnn_slots > (more ? DELTAHOP_RNN_MAX_SLOTS : 4))
		return "slots: must be 1 to 4, or with the capability RNN_MORE_LAYERS 1 to 16";
	if (config->rnn_state_bytes % 8 || !config->rnn_state_bytes ||
	    config->rnn_state_bytes > DH_MAX_STATE_BYTES)
		return "state-bytes: must be a multiple of 8, 8 to 16777216";
	return NULL;
}

const char *dh_config_refuse(const struct dh_config *config)
{
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
	return refuse_engine(config);
}
