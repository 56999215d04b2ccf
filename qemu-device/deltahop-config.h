/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeltaHop accelerator: the properties that say which hardware it is
 */

#ifndef HW_MISC_DELTAHOP_CONFIG_H
#define HW_MISC_DELTAHOP_CONFIG_H

#include "qom/object.h"

#include "model/deltahop_model.h"

#define DELTAHOP_NUMBERS 24

typedef struct DeltahopConfig DeltahopConfig;
typedef struct DeltahopSetting DeltahopSetting;

/**
 * struct DeltahopNumber: one numeric property
 * @setting: which one
 * @config: the configuration that it is a part of
 * @value: what the user gave
 * @given: whether the user did; else the profile's number holds
 */
typedef struct DeltahopNumber {
    const DeltahopSetting *setting;
    DeltahopConfig *config;
    uint64_t value;
    bool given;
} DeltahopNumber;

/**
 * struct DeltahopConfig: a profile, its model of DRAM, and the numbers that differ from it
 */
struct DeltahopConfig {
    char *profile;
    char *dram;
    DeltahopNumber number[DELTAHOP_NUMBERS];
};

/** deltahop_config_init: add the properties to a device */
void deltahop_config_init(DeltahopConfig *config, Object *obj);

/** deltahop_config_finalize: free what the properties hold */
void deltahop_config_finalize(DeltahopConfig *config);

/** deltahop_config_resolve: the model's configuration, without card memory */
void deltahop_config_resolve(const DeltahopConfig *config,
                             struct dh_config *out);

#endif /* HW_MISC_DELTAHOP_CONFIG_H */
