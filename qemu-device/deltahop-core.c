/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeltaHop accelerator: the model between QEMU's clock and its register window
 *
 * Everything that the guest can see of the device changes in a register access
 * or in a timer of the virtual clock, never in a bottom half: only so is it
 * exact under -icount sleep=off.
 *
 * The device's time is the virtual clock's less what the model has taken of
 * it: a heavy job whose computation is slower than the device would be must
 * not pile up work that is overdue, which every access would have to wait for
 * with the guest at a stand. Under -icount computing takes no virtual time.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "trace.h"

#include "deltahop-core.h"
#include "deltahop_hw.h"

uint64_t deltahop_core_now(const DeltahopCore *core)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - core->stalled;
}

static void deltahop_core_arm_timer(DeltahopCore *core)
{
    uint64_t next = dh_model_next_event(core->model);

    if (next > INT64_MAX) {
        timer_del(core->timer);
    } else {
        timer_mod_ns(core->timer, next + core->stalled);
    }
}

/* The owner is held, as an access of the device may end in its own unplug. */
static uint64_t deltahop_core_enter(DeltahopCore *core)
{
    assert(!core->in_model);
    core->in_model = true;
    object_ref(OBJECT(core->dev));
    return deltahop_core_now(core);
}

static void deltahop_core_leave(DeltahopCore *core, uint64_t now)
{
    if (core->reset_pending) {
        core->reset_pending = false;
        dh_model_power_on(core->model, now);
    }
    core->in_model = false;
    core->stalled += deltahop_core_now(core) - now;
    if (core->timer) {
        deltahop_core_arm_timer(core);
    }
    object_unref(OBJECT(core->dev));
}

static void deltahop_core_timer(void *opaque)
{
    DeltahopCore *core = opaque;
    uint64_t now = deltahop_core_enter(core);

    dh_model_advance(core->model, now);
    deltahop_core_leave(core, now);
}

/*
 * Return false for an access that the register file does not serve; *result
 * is then what the bus answers.
 */
static bool deltahop_regs_accept(DeltahopCore *core, hwaddr addr,
                                 unsigned size, MemTxResult *result)
{
    if (core->in_model || !core->timer) {
        trace_deltahop_reg_nested(addr, size);
        *result = MEMTX_ACCESS_ERROR;
        return false;
    }
    *result = MEMTX_OK;
    if (size != 4 || addr % 4) {
        trace_deltahop_reg_bad_access(deltahop_core_now(core), addr, size);
        return false;
    }
    return true;
}

/*
 * The model does what is due before it answers, even where the main loop is
 * behind and the timer has not run yet.
 */
static MemTxResult deltahop_regs_read(void *opaque, hwaddr addr,
                                      uint64_t *data, unsigned size,
                                      MemTxAttrs attrs)
{
    DeltahopCore *core = opaque;
    MemTxResult result;
    uint64_t now;

    *data = 0;
    if (!deltahop_regs_accept(core, addr, size, &result)) {
        return result;
    }
    now = deltahop_core_enter(core);
    *data = dh_model_read(core->model, addr, now);
    trace_deltahop_reg_read(now, addr, *data);
    deltahop_core_leave(core, now);
    return MEMTX_OK;
}

/* A doorbell has the entry read at once: this very instruction published it. */
static MemTxResult deltahop_regs_write(void *opaque, hwaddr addr,
                                       uint64_t data, unsigned size,
                                       MemTxAttrs attrs)
{
    DeltahopCore *core = opaque;
    MemTxResult result;
    uint64_t now;

    if (!deltahop_regs_accept(core, addr, size, &result)) {
        return result;
    }
    now = deltahop_core_enter(core);
    trace_deltahop_reg_write(now, addr, data);
    dh_model_write(core->model, addr, data, now);
    dh_model_advance(core->model, now);
    deltahop_core_leave(core, now);
    return MEMTX_OK;
}

/* Every access comes through as the guest made it, to be judged above. */
static const MemoryRegionOps deltahop_regs_ops = {
    .read_with_attrs = deltahop_regs_read,
    .write_with_attrs = deltahop_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};

static void deltahop_core_trace(void *opaque, enum dh_trace_kind kind,
                                unsigned int ring, uint64_t time_ns,
                                uint64_t a, uint64_t b)
{
    switch (kind) {
    case DH_TRACE_ENTRY_START:
        trace_deltahop_entry_start(time_ns, ring, a, b);
        break;
    case DH_TRACE_ENTRY_END:
        trace_deltahop_entry_end(time_ns, ring, a, b);
        break;
    case DH_TRACE_COMMAND:
        trace_deltahop_command(time_ns, ring, a, b);
        break;
    case DH_TRACE_FAULT:
        trace_deltahop_fault(time_ns, ring, a, b);
        break;
    case DH_TRACE_RESET:
        trace_deltahop_reset(time_ns, a);
        break;
    }
}

static void deltahop_core_burst(void *opaque, unsigned int ring,
                                uint64_t cycle, uint64_t addr, uint32_t bytes,
                                bool write)
{
    trace_deltahop_burst(cycle, ring, addr, bytes, write ? "write" : "read");
}

bool deltahop_core_realize(DeltahopCore *core, DeviceState *dev,
                           const struct dh_config *config,
                           const struct dh_bus *bus, Error **errp)
{
    const char *error = NULL;
    int fault;

    core->model = dh_model_create(config, bus, &error);
    if (!core->model) {
        error_setg(errp, "deltahop: profile %s cannot have these numbers: %s",
                   dh_profile_name(config->profile), error);
        return false;
    }
    core->dev = dev;
    dh_set_trace(core->model, deltahop_core_trace, core);
    /* Where bursts go matters to nobody else; so only if asked at the start. */
    if (trace_event_get_state_backends(TRACE_DELTAHOP_BURST)) {
        dh_set_dram_trace(core->model, deltahop_core_burst, core);
    }
    memory_region_init_io(&core->regs, OBJECT(dev), &deltahop_regs_ops, core,
                          "deltahop-regs", DELTAHOP_REGS_SIZE);
    core->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, deltahop_core_timer, core);
    for (fault = DH_FAULT_STUCK; fault <= DH_FAULT_LAST; fault++) {
        deltahop_core_inject(core, fault, core->inject[fault]);
    }
    return true;
}

void deltahop_core_unrealize(DeltahopCore *core)
{
    g_clear_pointer(&core->timer, timer_free);
}

void deltahop_core_finalize(DeltahopCore *core)
{
    g_clear_pointer(&core->model, dh_model_destroy);
}

void deltahop_core_reset(DeltahopCore *core)
{
    if (core->in_model) {
        core->reset_pending = true;
    } else {
        uint64_t now = deltahop_core_enter(core);

        dh_model_power_on(core->model, now);
        deltahop_core_leave(core, now);
    }
}

void deltahop_core_inject(DeltahopCore *core, enum dh_fault fault,
                          uint32_t nth)
{
    core->inject[fault] = nth;
    if (core->timer) {
        uint64_t now = deltahop_core_enter(core);

        dh_model_inject(core->model, core->inject_engine, fault, nth);
        deltahop_core_leave(core, now);
    }
}
