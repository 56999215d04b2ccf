/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeltaHop accelerator: the properties that say which hardware it is
 */

#include "qemu/osdep.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"

#include "deltahop-config.h"

#define DELTAHOP_DEFAULT_PROFILE "card"
#define DELTAHOP_DEFAULT_DRAM "simple"
#define DELTAHOP_PROFILES 16    /* more numbers than there are profiles */

/**
 * struct DeltahopSetting: a number of struct dh_config
 * @name: of the property
 * @help: what it is
 * @offset: of the field
 * @size: of the field, 4 or 8 bytes
 * @min: smallest legal value
 * @max: largest legal value
 * @power_of_2: only powers of two are legal
 * @or_zero: 0 is legal besides
 */
struct DeltahopSetting {
    const char *name;
    const char *help;
    size_t offset;
    size_t size;
    uint64_t min;
    uint64_t max;
    bool power_of_2;
    bool or_zero;
};

/* Offset and size of a field, for the table below. */
#define FIELD(f) \
    offsetof(struct dh_config, f), sizeof_field(struct dh_config, f)

static const DeltahopSetting deltahop_settings[] = {
    { "clock-hz", "engine clock in Hz",
      FIELD(clock_hz), 1000 * 1000, 4000U * 1000 * 1000 },
    { "pes", "processing elements of the recurrent engine",
      FIELD(rnn_pes), 8, 32, true },
    { "slots", "layer slots of the recurrent engine",
      FIELD(rnn_slots), 1, DELTAHOP_RNN_MAX_SLOTS },
    { "conv-macs", "multiply-accumulate units of the convolution engine",
      FIELD(conv_macs), DH_MIN_CONV_MACS, DH_MAX_CONV_MACS, true },
    { "conv-kernel-words", "weights that the kernel memory of such a unit holds",
      FIELD(conv_kernel_words), DH_MIN_CONV_KERNEL_WORDS,
      DH_MAX_CONV_KERNEL_WORDS },
    { "conv-store-bytes", "input store of the convolution engine",
      FIELD(conv_store_bytes), DH_MIN_CONV_STORE_BYTES,
      DH_MAX_CONV_STORE_BYTES },
    { "conv-max-channels", "most channels of a convolution's input",
      FIELD(conv_max_channels), 1, DH_MAX_CONV_CHANNELS },
    { "conv-max-cols", "most columns of a convolution's input and output",
      FIELD(conv_max_cols), 1, DH_MAX_CONV_COLS },
    { "conv-max-outputs", "most outputs of a fully connected layer",
      FIELD(conv_max_outputs), 1, DH_MAX_CONV_OUTPUTS },
    { "beat-bytes", "bytes of a beat of DRAM channel and link",
      FIELD(beat_bytes), 8, 128, true },
    { "dram-n", "least cycles from one DRAM beat to the next; 0: ideal memory",
      FIELD(dram.n), 0, 64 * KiB },
    { "dram-l", "DRAM latency in cycles",
      FIELD(dram.l), 0, 1 * MiB },
    { "dram-q", "outstanding DRAM bursts",
      FIELD(dram.q), 1, 256 },
    { "link-n", "as dram-n, for memory behind the link; 0: no link",
      FIELD(link.n), 0, 64 * KiB },
    { "link-l", "as dram-l, for memory behind the link",
      FIELD(link.l), 0, 1 * MiB },
    { "link-q", "as dram-q, for memory behind the link",
      FIELD(link.q), 1, 256 },
    { "card-size", "bytes of card DRAM; 0: none",
      FIELD(card_size), 4 * KiB, 64 * GiB, true, true },
    { "energy-dram-fj-byte", "assumed energy of a byte of DRAM traffic in fJ",
      FIELD(energy_dram_fj_byte), 0, 1000 * 1000 * 1000 },
    { "energy-mac-fj", "assumed energy of a multiply-accumulate in fJ",
      FIELD(energy_mac_fj), 0, 1000 * 1000 * 1000 },
    { "ddr-activate-fj", "with dram=ddr, assumed energy of an activate and its "
      "precharge in fJ; 0: the part's own",
      FIELD(dram_energy.activate_fj), 0, 1000 * 1000 * 1000 },
    { "ddr-read-fj", "the same of a read burst",
      FIELD(dram_energy.read_fj), 0, 1000 * 1000 * 1000 },
    { "ddr-write-fj", "the same of a write burst",
      FIELD(dram_energy.write_fj), 0, 1000 * 1000 * 1000 },
    { "ddr-refresh-fj", "the same of a refresh",
      FIELD(dram_energy.refresh_fj), 0, 1000 * 1000 * 1000 },
    { "ddr-background-uw", "power of the part meanwhile in uW; 0: its own",
      FIELD(dram_energy.background_uw), 0, 1000 * 1000 * 1000 },
};
QEMU_BUILD_BUG_ON(ARRAY_SIZE(deltahop_settings) != DELTAHOP_NUMBERS);

static uint64_t deltahop_field_get(const struct dh_config *config,
                                   const DeltahopSetting *setting)
{
    const void *field = (const char *)config + setting->offset;

    return setting->size == 8 ? *(const uint64_t *)field
                              : *(const uint32_t *)field;
}

static void deltahop_field_set(struct dh_config *config,
                               const DeltahopSetting *setting, uint64_t value)
{
    void *field = (char *)config + setting->offset;

    if (setting->size == 8) {
        *(uint64_t *)field = value;
    } else {
        *(uint32_t *)field = value;
    }
}

static const char *deltahop_config_profile(const DeltahopConfig *config)
{
    return config->profile ? config->profile : DELTAHOP_DEFAULT_PROFILE;
}

static const char *deltahop_config_dram(const DeltahopConfig *config)
{
    return config->dram ? config->dram : DELTAHOP_DEFAULT_DRAM;
}

void deltahop_config_resolve(const DeltahopConfig *config,
                             struct dh_config *out)
{
    bool known = dh_config_profile(out, deltahop_config_profile(config));
    int i;

    assert(known);
    known = dh_config_dram(out, deltahop_config_dram(config));
    assert(known);
    for (i = 0; i < DELTAHOP_NUMBERS; i++) {
        const DeltahopNumber *number = &config->number[i];

        if (number->given) {
            deltahop_field_set(out, number->setting, number->value);
        }
    }
}

/* --- numbers --- */

static void deltahop_number_get(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    DeltahopNumber *number = opaque;
    struct dh_config config;
    uint64_t value;

    deltahop_config_resolve(number->config, &config);
    value = deltahop_field_get(&config, number->setting);
    visit_type_uint64(v, name, &value, errp);
}

static char *deltahop_setting_legal(const DeltahopSetting *setting)
{
    return g_strdup_printf("%s from %" PRIu64 " to %" PRIu64 "%s",
                           setting->power_of_2 ? "a power of two" : "a number",
                           setting->min, setting->max,
                           setting->or_zero ? ", or 0" : "");
}

static bool deltahop_setting_allows(const DeltahopSetting *setting,
                                    uint64_t value)
{
    if (setting->or_zero && value == 0) {
        return true;
    }
    return value >= setting->min && value <= setting->max &&
           (!setting->power_of_2 || is_power_of_2(value));
}

static void deltahop_number_set(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    DeltahopNumber *number = opaque;
    uint64_t value;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (number->setting->size == 8
            ? !visit_type_size(v, name, &value, errp)
            : !visit_type_uint64(v, name, &value, errp)) {
        return;
    }
    if (deltahop_setting_allows(number->setting, value)) {
        number->value = value;
        number->given = true;
    } else {
        g_autofree char *legal = deltahop_setting_legal(number->setting);

        error_setg(errp, "deltahop: %s=%" PRIu64 " is not possible: it must be "
                   "%s", name, value, legal);
    }
}

/* --- profile and kind of DRAM --- */

static char *deltahop_profile_names(void)
{
    GString *names = g_string_new(NULL);
    struct dh_config config;
    unsigned int i;

    for (i = 0; i < DELTAHOP_PROFILES; i++) {
        if (dh_config_profile(&config, dh_profile_name(i))) {
            g_string_append_printf(names, "%s%s", names->len ? ", " : "",
                                   dh_profile_name(i));
        }
    }
    return g_string_free(names, false);
}

static void deltahop_profile_get(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    char *profile = (char *)deltahop_config_profile(opaque);

    visit_type_str(v, name, &profile, errp);
}

static void deltahop_profile_set(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    DeltahopConfig *config = opaque;
    g_autofree char *names = NULL;
    struct dh_config unused;
    char *profile;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (!visit_type_str(v, name, &profile, errp)) {
        return;
    }
    if (dh_config_profile(&unused, profile)) {
        g_free(config->profile);
        config->profile = profile;
        return;
    }
    names = deltahop_profile_names();
    error_setg(errp, "deltahop: there is no profile '%s': it must be one of %s",
               profile, names);
    g_free(profile);
}

static void deltahop_dram_get(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    char *dram = (char *)deltahop_config_dram(opaque);

    visit_type_str(v, name, &dram, errp);
}

static char *deltahop_dram_names(void)
{
    GString *names = g_string_new("ddr");
    uint32_t part;

    for (part = 0; dh_dram_name(part); part++) {
        g_string_append_printf(names, ", %s", dh_dram_name(part));
    }
    return g_string_free(names, false);
}

static void deltahop_dram_set(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    DeltahopConfig *config = opaque;
    g_autofree char *names = NULL;
    struct dh_config unused = { 0 };
    char *dram;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (!visit_type_str(v, name, &dram, errp)) {
        return;
    }
    if (dh_config_dram(&unused, dram)) {
        g_free(config->dram);
        config->dram = dram;
        return;
    }
    names = deltahop_dram_names();
    error_setg(errp, "deltahop: there is no DRAM model '%s': it must be one of "
               "%s", dram, names);
    g_free(dram);
}

void deltahop_config_init(DeltahopConfig *config, Object *obj)
{
    int i;

    object_property_add(obj, "profile", "string", deltahop_profile_get,
                        deltahop_profile_set, NULL, config);
    object_property_set_description(obj, "profile", "hardware to behave like; "
                                    "the numbers below change it");
    object_property_add(obj, "dram", "string", deltahop_dram_get,
                        deltahop_dram_set, NULL, config);
    object_property_set_description(obj, "dram", "model of the DRAM channel: "
                                    "simple (a beat every n cycles, latency l, "
                                    "q bursts), ddr (banks, rows and refresh of "
                                    "the profile's part), or a part");
    for (i = 0; i < DELTAHOP_NUMBERS; i++) {
        const DeltahopSetting *setting = &deltahop_settings[i];
        g_autofree char *legal = deltahop_setting_legal(setting);
        g_autofree char *help = g_strdup_printf("%s (%s)", setting->help,
                                                legal);
        DeltahopNumber *number = &config->number[i];

        number->setting = setting;
        number->config = config;
        object_property_add(obj, setting->name,
                            setting->size == 8 ? "size" : "uint32",
                            deltahop_number_get, deltahop_number_set, NULL,
                            number);
        object_property_set_description(obj, setting->name, help);
    }
}

void deltahop_config_finalize(DeltahopConfig *config)
{
    g_free(config->profile);
    g_free(config->dram);
}
