/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DeltaHop accelerator: the PCI Express function
 */

#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "migration/blocker.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/module.h"
#include "trace.h"

#include "deltahop-config.h"
#include "deltahop-core.h"
#include "deltahop_hw.h"

#define TYPE_DELTAHOP_PCI "deltahop"
OBJECT_DECLARE_SIMPLE_TYPE(DeltahopPCIState, DELTAHOP_PCI)

#define DELTAHOP_PCI_CLASS 0x1200       /* processing accelerator */
#define DELTAHOP_PCI_EXP_OFFSET 0x80

struct DeltahopPCIState {
    PCIDevice parent_obj;

    DeltahopConfig config;
    DeltahopCore core;
    MemoryRegion card;
    Error *migration_blocker;
};

/* --- what the model sees of the bus --- */

static bool deltahop_pci_dma(DeltahopPCIState *s, uint64_t addr, void *buf,
                             size_t len, DMADirection direction)
{
    bool is_read = direction == DMA_DIRECTION_TO_DEVICE;
    MemTxResult result = MEMTX_ACCESS_ERROR;

    /* An unplugged device, whose model is still returning, has no bus. */
    if (s->core.timer) {
        result = pci_dma_rw(PCI_DEVICE(s), addr, buf, len, direction,
                            MEMTXATTRS_UNSPECIFIED);
    }
    if (result != MEMTX_OK) {
        trace_deltahop_dma_failed(deltahop_core_now(&s->core),
                                  is_read ? "read" : "write", addr, len,
                                  result);
    }
    return result == MEMTX_OK;
}

static bool deltahop_pci_read(void *opaque, uint64_t addr, void *buf,
                              size_t len)
{
    return deltahop_pci_dma(opaque, addr, buf, len, DMA_DIRECTION_TO_DEVICE);
}

static bool deltahop_pci_write(void *opaque, uint64_t addr, const void *buf,
                               size_t len)
{
    return deltahop_pci_dma(opaque, addr, (void *)buf, len,
                            DMA_DIRECTION_FROM_DEVICE);
}

static void deltahop_pci_interrupt(void *opaque, unsigned int vector)
{
    DeltahopPCIState *s = opaque;
    bool enabled = s->core.timer && msix_enabled(PCI_DEVICE(s));

    trace_deltahop_interrupt(deltahop_core_now(&s->core), vector, enabled);
    if (enabled) {
        msix_notify(PCI_DEVICE(s), vector);
    }
}

/* --- life --- */

/*
 * The model writes this memory directly. Nobody misses the dirty pages: no code
 * runs from it, no display shows it, and the device cannot be migrated.
 */
static bool deltahop_pci_init_card(DeltahopPCIState *s,
                                   struct dh_config *config, Error **errp)
{
    if (!config->card_size) {
        return true;
    }
    if (!memory_region_init_ram(&s->card, OBJECT(s), "deltahop-card",
                                config->card_size, errp)) {
        return false;
    }
    config->card = memory_region_get_ram_ptr(&s->card);
    return true;
}

static void deltahop_pci_init_bars(DeltahopPCIState *s, bool card)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    pci_register_bar(pdev, DELTAHOP_PCI_BAR_REGS,
                     PCI_BASE_ADDRESS_SPACE_MEMORY, &s->core.regs);
    if (card) {
        pci_register_bar(pdev, DELTAHOP_PCI_BAR_CARD,
                         PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64 |
                         PCI_BASE_ADDRESS_MEM_PREFETCH, &s->card);
    }
}

static bool deltahop_pci_init_msix(PCIDevice *pdev, Error **errp)
{
    int vector;

    if (msix_init_exclusive_bar(pdev, DELTAHOP_VECTOR_COUNT,
                                DELTAHOP_PCI_BAR_MSIX, errp) < 0) {
        return false;
    }
    for (vector = 0; vector < DELTAHOP_VECTOR_COUNT; vector++) {
        msix_vector_use(pdev, vector);
    }
    return true;
}

/* A job in flight lives in the model, which cannot be saved yet: no vmstate. */
static bool deltahop_pci_block_migration(DeltahopPCIState *s, Error **errp)
{
    error_setg(&s->migration_blocker, "deltahop: the state of the engines "
               "cannot be migrated or saved yet: unplug the device first");
    return migrate_add_blocker(&s->migration_blocker, errp) == 0;
}

static void deltahop_pci_realize(PCIDevice *pdev, Error **errp)
{
    DeltahopPCIState *s = DELTAHOP_PCI(pdev);
    const struct dh_bus bus = {
        .opaque = s,
        .read = deltahop_pci_read,
        .write = deltahop_pci_write,
        .interrupt = deltahop_pci_interrupt,
    };
    struct dh_config config;

    deltahop_config_resolve(&s->config, &config);
    if (!deltahop_pci_block_migration(s, errp)) {
        return;
    }
    if (!deltahop_pci_init_card(s, &config, errp) ||
        !deltahop_core_realize(&s->core, DEVICE(s), &config, &bus, errp)) {
        goto unblock;
    }
    deltahop_pci_init_bars(s, config.card_size);
    if (pcie_endpoint_cap_init(pdev, DELTAHOP_PCI_EXP_OFFSET) < 0) {
        error_setg(errp, "deltahop: no PCI Express capability");
        goto stop;
    }
    pcie_cap_flr_init(pdev);
    if (deltahop_pci_init_msix(pdev, errp)) {
        return;
    }
    pcie_cap_exit(pdev);
stop:
    deltahop_core_unrealize(&s->core);
unblock:
    migrate_del_blocker(&s->migration_blocker);
}

static void deltahop_pci_exit(PCIDevice *pdev)
{
    DeltahopPCIState *s = DELTAHOP_PCI(pdev);

    deltahop_core_unrealize(&s->core);
    msix_uninit_exclusive_bar(pdev);
    pcie_cap_exit(pdev);
    migrate_del_blocker(&s->migration_blocker);
}

static void deltahop_pci_write_config(PCIDevice *pdev, uint32_t addr,
                                      uint32_t value, int len)
{
    pci_default_write_config(pdev, addr, value, len);
    pcie_cap_flr_write_config(pdev, addr, value, len);
}

/* Bus reset, function level reset, system reset. Card memory keeps. */
static void deltahop_pci_reset_hold(Object *obj, ResetType type)
{
    deltahop_core_reset(&DELTAHOP_PCI(obj)->core);
}

/* --- faults on purpose --- */

typedef struct DeltahopInjection {
    const char *name;
    enum dh_fault fault;
    const char *help;
} DeltahopInjection;

static const DeltahopInjection deltahop_injections[] = {
    { "inject-stuck", DH_FAULT_STUCK, "the nth job from now on stands still "
      "until its ring is reset; 0: none" },
    { "inject-lost-irq", DH_FAULT_LOST_IRQ, "the nth job from now on ends "
      "without its interrupt; 0: none" },
    { "inject-dma", DH_FAULT_DMA, "the first memory access of the nth job from "
      "now on fails; 0: none" },
    { "inject-ring-reset", DH_FAULT_RING_RESET, "the nth reset of the ring "
      "from now on does not end until the device is reset; 0: none" },
    { "inject-reset", DH_FAULT_RESET, "the nth reset of the device from now on "
      "does not end until a function-level reset; 0: none" },
};

static void deltahop_inject_get(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const DeltahopInjection *injection = opaque;
    DeltahopPCIState *s = DELTAHOP_PCI(obj);

    visit_type_uint32(v, name, &s->core.inject[injection->fault], errp);
}

static void deltahop_inject_set(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    const DeltahopInjection *injection = opaque;
    uint32_t nth;

    if (visit_type_uint32(v, name, &nth, errp)) {
        deltahop_core_inject(&DELTAHOP_PCI(obj)->core, injection->fault, nth);
    }
}

static void deltahop_inject_engine_get(Object *obj, Visitor *v,
                                       const char *name, void *opaque,
                                       Error **errp)
{
    visit_type_uint32(v, name, &DELTAHOP_PCI(obj)->core.inject_engine, errp);
}

static void deltahop_inject_engine_set(Object *obj, Visitor *v,
                                       const char *name, void *opaque,
                                       Error **errp)
{
    uint32_t engine;

    if (!visit_type_uint32(v, name, &engine, errp)) {
        return;
    }
    if (engine >= DELTAHOP_ENGINE_COUNT) {
        error_setg(errp, "deltahop: there is no engine %u: inject-engine is "
                   "0 (recurrent) or 1 (convolution)", engine);
        return;
    }
    DELTAHOP_PCI(obj)->core.inject_engine = engine;
}

static void deltahop_pci_add_injections(ObjectClass *klass)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(deltahop_injections); i++) {
        const DeltahopInjection *injection = &deltahop_injections[i];

        object_class_property_add(klass, injection->name, "uint32",
                                  deltahop_inject_get, deltahop_inject_set,
                                  NULL, (void *)injection);
        object_class_property_set_description(klass, injection->name,
                                              injection->help);
    }
    object_class_property_add(klass, "inject-engine", "uint32",
                              deltahop_inject_engine_get,
                              deltahop_inject_engine_set, NULL, NULL);
    object_class_property_set_description(klass, "inject-engine",
                                          "engine whose jobs and ring resets "
                                          "the inject- properties set after "
                                          "this one count");
}

/* --- type --- */

static void deltahop_pci_init(Object *obj)
{
    deltahop_config_init(&DELTAHOP_PCI(obj)->config, obj);
}

/* Here and not at exit, as the model may be what led to the unplug. */
static void deltahop_pci_finalize(Object *obj)
{
    DeltahopPCIState *s = DELTAHOP_PCI(obj);

    deltahop_core_finalize(&s->core);
    deltahop_config_finalize(&s->config);
}

static void deltahop_pci_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "DeltaHop accelerator";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    pc->realize = deltahop_pci_realize;
    pc->exit = deltahop_pci_exit;
    pc->config_write = deltahop_pci_write_config;
    pc->vendor_id = DELTAHOP_PCI_VENDOR;
    pc->device_id = DELTAHOP_PCI_DEVICE;
    pc->revision = DELTAHOP_PCI_REVISION;
    pc->class_id = DELTAHOP_PCI_CLASS;
    rc->phases.hold = deltahop_pci_reset_hold;
    deltahop_pci_add_injections(klass);
}

static const TypeInfo deltahop_pci_types[] = {
    {
        .name = TYPE_DELTAHOP_PCI,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(DeltahopPCIState),
        .instance_init = deltahop_pci_init,
        .instance_finalize = deltahop_pci_finalize,
        .class_init = deltahop_pci_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(deltahop_pci_types)
