/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A card in a machine without a guest: registers, rings, messages, and the jobs
 * that the tests give it.
 */

#ifndef TESTS_DELTAHOP_CARD_H
#define TESTS_DELTAHOP_CARD_H

#include "libqtest.h"
#include "libqos/pci-pc.h"
#include "libqos/malloc-pc.h"
#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"

#include "deltahop_hw.h"
#include "drm/deltahop_isa.h"
#include "deltahop-r01.h"

#define CARD_DEVFN QPCI_DEVFN(4, 0)
#define CARD_PORT_DEVFN QPCI_DEVFN(5, 0)
#define CARD_BEHIND_PORT_DEVFN (1 << 8)
#define CARD_HOLE 0x800000000ULL        /* no memory there */
#define CARD_RING_LOG2 3
#define CARD_RING_ENTRIES (1 << CARD_RING_LOG2)
#define CARD_MESSAGE 0x600d0000         /* | vector: what a message writes */
#define CARD_OWNER 7
#define CARD_LONG_NS (1000 * 1000)      /* no job here takes that long */

#define RNN(reg) DELTAHOP_RING(DELTAHOP_ENGINE_RNN, reg)

typedef struct Card {
    QTestState *qts;
    QPCIBus *bus;
    QPCIDevice *dev;
    QGuestAllocator alloc;
    QPCIBar regs;
    uint64_t ring;
    uint64_t messages;
    uint32_t tail;
} Card;

static uint32_t card_read(Card *card, uint32_t reg)
{
    return qpci_io_readl(card->dev, card->regs, reg);
}

static void card_write(Card *card, uint32_t reg, uint32_t value)
{
    qpci_io_writel(card->dev, card->regs, reg, value);
}

static uint64_t card_now(Card *card)
{
    uint32_t low = card_read(card, DELTAHOP_REG_TIME_LO);

    return (uint64_t)card_read(card, DELTAHOP_REG_TIME_HI) << 32 | low;
}

/* Let virtual time pass up to @ns, without a look at the card after that. */
static void card_run_until(Card *card, uint64_t ns)
{
    int64_t now = qtest_clock_step(card->qts, ns - card_now(card));

    g_assert_cmpint(now, ==, ns);
}

static void card_run(Card *card)
{
    qtest_clock_step(card->qts, CARD_LONG_NS);
}

static void card_map(Card *card)
{
    qpci_device_enable(card->dev);
    card->regs = qpci_iomap(card->dev, DELTAHOP_PCI_BAR_REGS, NULL);
}

static Card *card_new_machine(QTestState *qts)
{
    Card *card = g_new0(Card, 1);

    card->qts = qts;
    pc_alloc_init(&card->alloc, card->qts, ALLOC_NO_FLAGS);
    card->bus = qpci_new_pc(card->qts, &card->alloc);
    return card;
}

static void card_find(Card *card, int devfn)
{
    card->dev = qpci_device_find(card->bus, devfn);
    g_assert_nonnull(card->dev);
    card_map(card);
}

static Card *card_new(const char *options)
{
    Card *card = card_new_machine(qtest_initf("-M q35 -m 64M -nodefaults "
        "-device deltahop,id=card,addr=4.0,%s", options));

    card_find(card, CARD_DEVFN);
    return card;
}

static void card_free(Card *card)
{
    g_free(card->dev);
    qpci_free_pc(card->bus);
    alloc_destroy(&card->alloc);
    qtest_quit(card->qts);
    g_free(card);
}

static uint64_t card_alloc(Card *card, size_t size)
{
    uint64_t addr = guest_alloc(&card->alloc, size);

    qtest_memset(card->qts, addr, 0, size);
    return addr;
}

/* --- messages: written to memory, where they can be looked at --- */

static void card_enable_messages(Card *card)
{
    QPCIBar table;
    unsigned int v;

    card->messages = card_alloc(card, DELTAHOP_VECTOR_COUNT * 4);
    qpci_msix_enable(card->dev);
    table = card->dev->msix_table_bar;
    for (v = 0; v < DELTAHOP_VECTOR_COUNT; v++) {
        uint64_t entry = card->dev->msix_table_off + v * PCI_MSIX_ENTRY_SIZE;

        qpci_io_writel(card->dev, table, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                       card->messages + v * 4);
        qpci_io_writel(card->dev, table, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
        qpci_io_writel(card->dev, table, entry + PCI_MSIX_ENTRY_DATA,
                       CARD_MESSAGE | v);
        qpci_io_writel(card->dev, table, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    }
    card_write(card, DELTAHOP_REG_IRQ_ENABLE, DELTAHOP_IRQ_ALL);
}

/* Whether the message of @vector has come since the last call. */
static bool card_take_message(Card *card, unsigned int vector)
{
    uint64_t addr = card->messages + vector * 4;
    uint32_t value = qtest_readl(card->qts, addr);

    qtest_writel(card->qts, addr, 0);
    g_assert_true(value == 0 || value == (CARD_MESSAGE | vector));
    return value;
}

/* --- ring --- */

static void card_enable_ring(Card *card)
{
    if (!card->ring) {
        card->ring = card_alloc(card, 4096);
    }
    card->tail = 0;
    card_write(card, RNN(DELTAHOP_RING_BASE_LO), card->ring);
    card_write(card, RNN(DELTAHOP_RING_BASE_HI), card->ring >> 32);
    card_write(card, RNN(DELTAHOP_RING_SIZE), CARD_RING_LOG2);
    card_write(card, RNN(DELTAHOP_RING_CTRL), DELTAHOP_RING_CTRL_ENABLE);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_STATUS)), ==,
                     DELTAHOP_RING_IDLE);
}

static void card_start(Card *card)
{
    card_enable_messages(card);
    card_enable_ring(card);
}

static Card *card_new_running(const char *options)
{
    Card *card = card_new(options);

    card_start(card);
    return card;
}

/* --- a card behind a root port, that can be pulled out --- */

/* Bridge registers, so that bus 1 is behind the port and takes all BARs. */
static void card_open_port(Card *card, QPCIDevice *port)
{
    qpci_config_writeb(port, PCI_SECONDARY_BUS, 1);
    qpci_config_writeb(port, PCI_SUBORDINATE_BUS, 1);
    qpci_config_writew(port, PCI_MEMORY_BASE, 0xe000);
    qpci_config_writew(port, PCI_MEMORY_LIMIT, 0xeff0);
    qpci_device_enable(port);
}

static Card *card_new_behind_port(QPCIDevice **port)
{
    Card *card = card_new_machine(qtest_init("-M q35 -m 64M -nodefaults "
        "-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off "
        "-device pcie-root-port,id=rp,chassis=1,addr=5.0 "
        "-device deltahop,id=card,bus=rp,profile=edgedrnn"));

    *port = qpci_device_find(card->bus, CARD_PORT_DEVFN);
    g_assert_nonnull(*port);
    card_open_port(card, *port);
    card_find(card, CARD_BEHIND_PORT_DEVFN);
    card_start(card);
    return card;
}

static void card_put(Card *card, const struct deltahop_entry *entry)
{
    uint64_t slot = card->tail++ % CARD_RING_ENTRIES;

    qtest_memwrite(card->qts, card->ring + slot * sizeof(*entry), entry,
                   sizeof(*entry));
}

static void card_doorbell(Card *card)
{
    card_write(card, RNN(DELTAHOP_RING_TAIL), card->tail);
}

static uint32_t card_status(Card *card)
{
    return card_read(card, RNN(DELTAHOP_RING_STATUS));
}

/* The ring has halted with @error, and said so once. */
static void card_assert_halted(Card *card, uint32_t error)
{
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_HALTED);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_ERROR)), ==, error);
    g_assert_cmphex(card_read(card, DELTAHOP_REG_IRQ_STATUS) &
                    DELTAHOP_IRQ_ERROR, ==, DELTAHOP_IRQ_ERROR);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_ERROR));
}

static void card_reset_ring(Card *card)
{
    card_write(card, RNN(DELTAHOP_RING_CTRL), DELTAHOP_RING_CTRL_RESET);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_RESETTING);
    qtest_clock_step(card->qts, DELTAHOP_RESET_NS);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_DISABLED);
    card_write(card, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_ALL);
    card_enable_ring(card);
}

/* Make the state image zeros. */
static void card_put_state_load(Card *card, uint32_t owner)
{
    struct deltahop_entry entry = {
        .type = cpu_to_le32(DELTAHOP_ENTRY_STATE_LOAD),
        .flags = cpu_to_le32(DELTAHOP_ENTRY_STATE_ZERO),
        .owner = cpu_to_le32(owner),
        .size = cpu_to_le32(DELTAHOP_RNN_STATE_GRU(R01_INPUTS, R01_HIDDEN)),
    };

    card_put(card, &entry);
}

/* --- a job: the first steps of r01 --- */

enum { REGION_COMMANDS, REGION_WEIGHTS, REGION_PARAMS, REGION_INPUTS,
       REGION_OUTPUTS, REGION_COUNT };

#define GRU_OUTPUT_BYTES sizeof(r01_outputs)
#define GRU_GUARD 0xa5          /* fills what the device has not written */
#define GRU_COMMANDS_MAX 512

/**
 * struct Gru: a job in guest memory; a test may change it before gru_submit()
 * @entry: the ring entry
 * @region: the region table
 * @layer: first command
 * @run: the RNN_RUN commands that follow
 * @runs: their number
 * @params: parameters of every run
 * @outputs: address of the output vectors, with as many guard bytes behind
 */
typedef struct Gru {
    struct deltahop_entry entry;
    struct deltahop_region region[REGION_COUNT];
    struct deltahop_cmd_rnn_layer layer;
    struct deltahop_cmd_rnn_run run[R01_STEPS];
    unsigned int runs;
    struct deltahop_rnn_params params;
    uint64_t outputs;
} Gru;

static void gru_init_region(Card *card, Gru *gru, unsigned int index,
                            size_t length, uint32_t access)
{
    gru->region[index] = (struct deltahop_region) {
        .addr = cpu_to_le64(card_alloc(card, length)),
        .length = cpu_to_le64(length),
        .flags = cpu_to_le32(DELTAHOP_REGION_VALID | access),
    };
}

static void gru_init_run(struct deltahop_cmd_rnn_run *run, unsigned int step)
{
    *run = (struct deltahop_cmd_rnn_run) {
        .hdr.opcode = cpu_to_le16(DELTAHOP_OP_RNN_RUN),
        .hdr.size = cpu_to_le16(sizeof(*run)),
        .count = 1,
        .params_region = cpu_to_le32(REGION_PARAMS),
        .input_region = cpu_to_le32(REGION_INPUTS),
        .output_region = cpu_to_le32(REGION_OUTPUTS),
        .input_offset = cpu_to_le64(step * sizeof(r01_inputs[0])),
        .output_offset = cpu_to_le64(step * sizeof(r01_outputs[0])),
    };
}

/* @runs commands of @steps steps each */
static void gru_init(Card *card, Gru *gru, unsigned int runs,
                     unsigned int steps)
{
    unsigned int i;

    memset(gru, 0, sizeof(*gru));
    gru_init_region(card, gru, REGION_COMMANDS, GRU_COMMANDS_MAX,
                    DELTAHOP_REGION_READ);
    gru_init_region(card, gru, REGION_WEIGHTS, sizeof(r01_weights),
                    DELTAHOP_REGION_READ);
    gru_init_region(card, gru, REGION_PARAMS, sizeof(gru->params),
                    DELTAHOP_REGION_READ);
    gru_init_region(card, gru, REGION_INPUTS, sizeof(r01_inputs),
                    DELTAHOP_REGION_READ);
    gru_init_region(card, gru, REGION_OUTPUTS, 2 * GRU_OUTPUT_BYTES,
                    DELTAHOP_REGION_WRITE);
    gru->region[REGION_OUTPUTS].length = cpu_to_le64(GRU_OUTPUT_BYTES);
    gru->outputs = le64_to_cpu(gru->region[REGION_OUTPUTS].addr);

    gru->layer = (struct deltahop_cmd_rnn_layer) {
        .hdr.opcode = cpu_to_le16(DELTAHOP_OP_RNN_LAYER),
        .hdr.size = cpu_to_le16(sizeof(gru->layer)),
        .inputs = cpu_to_le16(R01_INPUTS),
        .hidden = cpu_to_le16(R01_HIDDEN),
        .weight_frac = { 7, 7, 7, 0 },
        .weight_region = cpu_to_le32(REGION_WEIGHTS),
    };
    gru->runs = runs;
    for (i = 0; i < runs; i++) {
        gru_init_run(&gru->run[i], i * steps);
    }
    gru->params = (struct deltahop_rnn_params) {
        .size = cpu_to_le32(sizeof(gru->params)),
        .steps = cpu_to_le32(steps),
        .input_stride = cpu_to_le32(sizeof(r01_inputs[0])),
        .output_stride = cpu_to_le32(sizeof(r01_outputs[0])),
    };
    gru->entry = (struct deltahop_entry) {
        .type = cpu_to_le32(DELTAHOP_ENTRY_JOB),
        .flags = cpu_to_le32(DELTAHOP_ENTRY_IRQ),
        .owner = cpu_to_le32(CARD_OWNER),
        .seqno = cpu_to_le32(0x5e90),
        .table_addr = cpu_to_le64(card_alloc(card, sizeof(gru->region))),
        .table_count = cpu_to_le32(REGION_COUNT),
        .profile_region = cpu_to_le32(DELTAHOP_REGION_NONE),
        .record_addr = cpu_to_le64(card_alloc(card,
                                              sizeof(struct deltahop_record))),
    };
}

static size_t gru_command_bytes(const Gru *gru)
{
    return sizeof(gru->layer) + gru->runs * sizeof(gru->run[0]) +
           sizeof(struct deltahop_cmd);
}

/* Where a region's bytes are, for a region that is one range of memory. */
static uint64_t gru_addr(const Gru *gru, unsigned int region)
{
    return le64_to_cpu(gru->region[region].addr);
}

static void gru_write_commands(Card *card, Gru *gru)
{
    uint64_t addr = gru_addr(gru, REGION_COMMANDS);
    struct deltahop_cmd end = {
        .opcode = cpu_to_le16(DELTAHOP_OP_END),
        .size = cpu_to_le16(sizeof(end)),
    };

    gru->entry.size = cpu_to_le32(gru_command_bytes(gru));
    qtest_memwrite(card->qts, addr, &gru->layer, sizeof(gru->layer));
    addr += sizeof(gru->layer);
    qtest_memwrite(card->qts, addr, gru->run, gru->runs * sizeof(gru->run[0]));
    addr += gru->runs * sizeof(gru->run[0]);
    qtest_memwrite(card->qts, addr, &end, sizeof(end));
}

static void gru_write_inputs(Card *card, uint64_t addr)
{
    size_t i;

    for (i = 0; i < R01_STEPS * R01_INPUTS; i++) {
        qtest_writew(card->qts, addr + 2 * i,
                     r01_inputs[i / R01_INPUTS][i % R01_INPUTS]);
    }
}

/* Write what the job needs, as if all regions were plain ranges of memory. */
static void gru_write(Card *card, Gru *gru)
{
    gru_write_commands(card, gru);
    qtest_memwrite(card->qts, gru_addr(gru, REGION_WEIGHTS), r01_weights,
                   sizeof(r01_weights));
    qtest_memwrite(card->qts, gru_addr(gru, REGION_PARAMS), &gru->params,
                   sizeof(gru->params));
    gru_write_inputs(card, gru_addr(gru, REGION_INPUTS));
    qtest_memset(card->qts, gru->outputs, GRU_GUARD, 2 * GRU_OUTPUT_BYTES);
}

/* Put the job on the ring, without a doorbell. */
static void gru_put(Card *card, Gru *gru)
{
    qtest_memwrite(card->qts, le64_to_cpu(gru->entry.table_addr), gru->region,
                   sizeof(gru->region));
    qtest_memset(card->qts, le64_to_cpu(gru->entry.record_addr), 0,
                 sizeof(struct deltahop_record));
    card_put(card, &gru->entry);
}

/* With fresh state. */
static void gru_submit(Card *card, Gru *gru)
{
    card_put_state_load(card, le32_to_cpu(gru->entry.owner));
    gru_put(card, gru);
    card_doorbell(card);
}

static struct deltahop_record gru_record(Card *card, const Gru *gru)
{
    struct deltahop_record record;

    qtest_memread(card->qts, le64_to_cpu(gru->entry.record_addr), &record,
                  sizeof(record));
    return record;
}

static void gru_assert_not_written(Card *card, uint64_t addr, size_t len)
{
    g_autofree uint8_t *bytes = g_malloc(len);
    size_t i;

    qtest_memread(card->qts, addr, bytes, len);
    for (i = 0; i < len; i++) {
        g_assert_cmphex(bytes[i], ==, GRU_GUARD);
    }
}

/* The first @steps outputs are right, and nothing else was written. */
static void gru_assert_outputs(Card *card, const Gru *gru, unsigned int steps)
{
    size_t count = steps * R01_HIDDEN;
    size_t i;

    for (i = 0; i < count; i++) {
        int16_t got = qtest_readw(card->qts, gru->outputs + 2 * i);

        g_assert_cmpint(got, ==,
                        r01_outputs[i / R01_HIDDEN][i % R01_HIDDEN]);
    }
    gru_assert_not_written(card, gru->outputs + 2 * count,
                           2 * GRU_OUTPUT_BYTES - 2 * count);
}

static void gru_assert_ended(Card *card, const Gru *gru, uint32_t status,
                             uint32_t reason)
{
    struct deltahop_record record = gru_record(card, gru);

    g_assert_cmpuint(le32_to_cpu(record.seqno), ==,
                     le32_to_cpu(gru->entry.seqno));
    g_assert_cmpuint(le16_to_cpu(record.reason), ==, reason);
    g_assert_cmpuint(le16_to_cpu(record.status), ==, status);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_IDLE);
}

static void gru_assert_ok(Card *card, const Gru *gru)
{
    gru_assert_ended(card, gru, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

/* The card still does its work: a whole job, from scratch. */
static void card_assert_works(Card *card)
{
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
}

#endif /* TESTS_DELTAHOP_CARD_H */
