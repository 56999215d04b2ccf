/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeltaHop accelerator: the model between QEMU's clock and its register window,
 * whatever bus the device sits on.
 *
 * The model forbids nested calls, but its DMA may reach whatever the guest
 * points it at: our own registers, or a configuration register that resets or
 * unplugs us. The core turns the first into a bus error and puts the others
 * off until the model has returned.
 */

#ifndef HW_MISC_DELTAHOP_CORE_H
#define HW_MISC_DELTAHOP_CORE_H

#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "qemu/timer.h"

#include "model/deltahop_model.h"

typedef struct DeltahopCore {
    DeviceState *dev;
    MemoryRegion regs;
    struct dh_model *model;
    QEMUTimer *timer;           /* NULL: device not realized */
    uint64_t stalled;           /* ns that computing has taken */
    bool in_model;
    bool reset_pending;
    uint32_t inject[DH_FAULT_LAST + 1]; /* by enum dh_fault */
    uint32_t inject_engine;             /* whose jobs and resets */
} DeltahopCore;

/**
 * deltahop_core_realize: create the model, its timer and its register window
 *
 * On failure nothing is left behind.
 */
bool deltahop_core_realize(DeltahopCore *core, DeviceState *dev,
                           const struct dh_config *config,
                           const struct dh_bus *bus, Error **errp);

/** deltahop_core_now: the device's time, in ns */
uint64_t deltahop_core_now(const DeltahopCore *core);

/** deltahop_core_unrealize: stop; the model itself may still be in use */
void deltahop_core_unrealize(DeltahopCore *core);

/** deltahop_core_finalize: free the model */
void deltahop_core_finalize(DeltahopCore *core);

/** deltahop_core_reset: to power-up state, now or when the model returns */
void deltahop_core_reset(DeltahopCore *core);

/** deltahop_core_inject: the @nth job from now on meets @fault; 0: none does */
void deltahop_core_inject(DeltahopCore *core, enum dh_fault fault,
                          uint32_t nth);

#endif /* HW_MISC_DELTAHOP_CORE_H */
