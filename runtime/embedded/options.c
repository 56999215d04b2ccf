// SPDX-License-Identifier: MIT
/* Options of the embedded device; the names are those of the virtual card's properties. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "embedded/embedded.h"

struct option {
	const char *name;
	size_t offset;
	size_t size;
	uint64_t most;
};

#define FIELD(f) offsetof(struct dh_config, f), sizeof(((struct dh_config *)0)->f)

static const struct option options[] = {
	{ "clock-hz", FIELD(clock_hz), 4000000000u },
	{ "pes", FIELD(rnn_pes), 32 },
	{ "slots", FIELD(rnn_slots), DELTAHOP_RNN_MAX_SLOTS },
	{ "conv-macs", FIELD(conv_macs), DH_MAX_CONV_MACS },
	{ "conv-kernel-words", FIELD(conv_kernel_words), DH_MAX_CONV_KERNEL_WORDS },
	{ "conv-store-bytes", FIELD(conv_store_bytes), DH_MAX_CONV_STORE_BYTES },
	{ "conv-max-channels", FIELD(conv_max_channels), DH_MAX_CONV_CHANNELS },
	{ "conv-max-cols", FIELD(conv_max_cols), DH_MAX_CONV_COLS },
	{ "conv-max-outputs", FIELD(conv_max_outputs), DH_MAX_CONV_OUTPUTS },
	{ "beat-bytes", FIELD(beat_bytes), DH_MAX_BEAT_BYTES },
	{ "dram-n", FIELD(dram.n), DH_MAX_MEMORY_N },
	{ "dram-l", FIELD(dram.l), DH_MAX_MEMORY_L },
	{ "dram-q", FIELD(dram.q), 256 },
	{ "link-n", FIELD(link.n), DH_MAX_MEMORY_N },
	{ "link-l", FIELD(link.l), DH_MAX_MEMORY_L },
	{ "link-q", FIELD(link.q), 256 },
	{ "card-size", FIELD(card_size), 64ull << 30 },
	{ "energy-dram-fj-byte", FIELD(energy_dram_fj_byte), 1000000000 },
	{ "energy-mac-fj", FIELD(energy_mac_fj), 1000000000 },
	{ "ddr-activate-fj", FIELD(dram_energy.activate_fj), 1000000000 },
	{ "ddr-read-fj", FIELD(dram_energy.read_fj), 1000000000 },
	{ "ddr-write-fj", FIELD(dram_energy.write_fj), 1000000000 },
	{ "ddr-refresh-fj", FIELD(dram_energy.refresh_fj), 1000000000 },
	{ "ddr-background-uw", FIELD(dram_energy.background_uw), 1000000000 },
};

#define OPTIONS (sizeof(options) / sizeof(*options))

const char *dh_device_options(void)
{
	return "profile=NAME             card (the default), edgedrnn, nullhop-fpga or nullhop-asic;\n"
	       "                         the rest is:\n"
	       "clock-hz=HZ              engine clock\n"
	       "pes=N                    processing elements\n"
	       "slots=N                  layer slots\n"
	       "conv-macs=N              multiply-accumulate units of the convolution engine\n"
	       "conv-kernel-words=N      weights that one of them holds\n"
	       "conv-store-bytes=BYTES   its input store\n"
	       "conv-max-channels=N      most channels of an input\n"
	       "conv-max-cols=N          most columns of input and output\n"
	       "conv-max-outputs=N       most outputs of a fully connected layer\n"
	       "beat-bytes=N             bytes of a beat of DRAM channel and link\n"
	       "dram=MODEL               simple (the default), ddr (banks, rows and refresh of the\n"
	       "                         part that goes with the profile), or a part:\n"
	       "                         ddr3l-1066-x16, ddr3-1066-x32, lpddr4-3200-x32\n"
	       "dram-n=CYCLES            from DRAM beat to beat at least; 0: ideal memory\n"
	       "dram-l=CYCLES            DRAM latency\n"
	       "dram-q=N                 outstanding DRAM bursts\n"
	       "link-n=, link-l=, link-q= the same of the link; link-n=0: no link\n"
	       "card-size=BYTES          card memory, 0: none\n"
	       "energy-dram-fj-byte=FJ   assumed energy of a byte of DRAM traffic\n"
	       "energy-mac-fj=FJ         assumed energy of a multiply-accumulate\n"
	       "ddr-activate-fj=FJ       with dram=ddr, assumed energy of an activate and precharge,\n"
	       "ddr-read-fj=, ddr-write-fj= of a burst of the DRAM,\n"
	       "ddr-refresh-fj=FJ        of a refresh; 0: the part's own\n"
	       "ddr-background-uw=UW     and its power meanwhile\n";
}

static const struct option *find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

static void assign(struct dh_config *config, const struct option *option, uint64_t value)
{
	void *field = (uint8_t *)config + option->offset;

	if (option->size == sizeof(uint64_t))
		*(uint64_t *)field = value;
	else
		*(uint32_t *)field = value;
}

static bool has_name(const char *text, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len > n && text[n] == '=' && !memcmp(text, name, n);
}

/* One "name=value" of @len bytes; profile and DRAM have been taken already. */
static int apply(struct dh_config *config, const char *text, size_t len, struct dh_error *err)
{
	const char *equal = memchr(text, '=', len);
	const struct option *option = equal ? find(text, equal - text) : NULL;
	unsigned long long value;
	char *end;

	if (has_name(text, len, "profile") || has_name(text, len, "dram"))
		return 0;
	if (!option) {
		dh_error_set(
			err,
			"device option \"%.*s\": no such option: `deltahop run --help` lists them",
			(int)len, text);
		return -EINVAL;
	}
	errno = 0;
	value = strtoull(equal + 1, &end, 0);
	if (end != text + len || end == equal + 1 || errno || equal[1] == '-' ||
	    value > option->most) {
		dh_error_set(err, "device option \"%.*s\": not a number from 0 to %llu", (int)len,
			     text, (unsigned long long)option->most);
		return -EINVAL;
	}
	assign(config, option, value);
	return 0;
}

/* The last value of an option that is a name, or the default; false: it is too long to be one. */
static bool choose_name(const char *text, const char *option, char *name, size_t room)
{
	const char *value = name;
	size_t len;

	for (; *text; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		if (has_name(text, len, option))
			value = text + strlen(option) + 1;
	}
	len = strcspn(value, ",");
	if (len >= room)
		return false;
	memmove(name, value, len);
	name[len] = '\0';
	return true;
}

static int choose_profile(struct dh_config *config, const char *text, struct dh_error *err)
{
	char name[32] = "card";

	if (choose_name(text, "profile", name, sizeof(name)) && dh_config_profile(config, name))
		return 0;
	dh_error_set(err,
		     "device option profile=%s: no such profile: card, edgedrnn, "
		     "nullhop-fpga and nullhop-asic exist",
		     name);
	return -EINVAL;
}

static int choose_dram(struct dh_config *config, const char *text, struct dh_error *err)
{
	char name[32] = "simple";

	if (choose_name(text, "dram", name, sizeof(name)) && dh_config_dram(config, name))
		return 0;
	dh_error_set(err,
		     "device option dram=%s: no such model: simple, ddr and the parts "
		     "ddr3l-1066-x16, ddr3-1066-x32 and lpddr4-3200-x32 exist",
		     name);
	return -EINVAL;
}

int dh_embedded_options(struct dh_config *config, const char *text, struct dh_error *err)
{
	int ret = choose_profile(config, text, err);
	size_t len;

	if (!ret)
		ret = choose_dram(config, text, err);
	for (; !ret && *text; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		ret = apply(config, text, len, err);
	}
	return ret;
}
