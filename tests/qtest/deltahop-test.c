/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DeltaHop PCI Express function, without a guest. The name of a test is
 * the promise that it checks.
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "deltahop-card.h"
#include "qobject/qdict.h"

#define EDGEDRNN "profile=edgedrnn"

/* --- identity and shape --- */

typedef struct Register {
    uint32_t reg;
    uint32_t value;
} Register;

static void assert_registers(Card *card, const Register *list, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        g_test_message("register 0x%04x", list[i].reg);
        g_assert_cmphex(card_read(card, list[i].reg), ==, list[i].value);
    }
}

static const Register reset_values[] = {
    { DELTAHOP_REG_CTRL, 0 },
    { DELTAHOP_REG_IRQ_STATUS, 0 },
    { DELTAHOP_REG_IRQ_ENABLE, 0 },
    { RNN(DELTAHOP_RING_CTRL), 0 },
    { RNN(DELTAHOP_RING_STATUS), DELTAHOP_RING_DISABLED },
    { RNN(DELTAHOP_RING_ERROR), DELTAHOP_RING_OK },
    { RNN(DELTAHOP_RING_BASE_LO), 0 },
    { RNN(DELTAHOP_RING_BASE_HI), 0 },
    { RNN(DELTAHOP_RING_SIZE), 0 },
    { RNN(DELTAHOP_RING_HEAD), 0 },
    { RNN(DELTAHOP_RING_TAIL), 0 },
};

static void test_identity(void)
{
    static const Register edgedrnn[] = {
        { DELTAHOP_REG_ID, DELTAHOP_ID },
        { DELTAHOP_REG_ABI, DELTAHOP_HW_ABI_MAJOR << 16 |
                            DELTAHOP_HW_ABI_MINOR },
        { DELTAHOP_REG_CAPS_LO, 0 },
        { DELTAHOP_REG_CAPS_HI, 0 },
        { DELTAHOP_REG_ENGINES, 1 << DELTAHOP_ENGINE_RNN },
        { DELTAHOP_REG_PROFILE, DELTAHOP_PROFILE_EDGEDRNN },
        { DELTAHOP_REG_CLOCK_HZ, 125000000 },
        { DELTAHOP_REG_CARD_SIZE_LO, 0 },
        { DELTAHOP_REG_CARD_SIZE_HI, 0 },
        { DELTAHOP_REG_MAX_REGIONS, 64 },
        { DELTAHOP_REG_DRAM_BEAT_BYTES, 8 },
        { DELTAHOP_REG_DRAM_N, 1 },
        { DELTAHOP_REG_DRAM_L, 32 },
        { DELTAHOP_REG_DRAM_Q, 4 },
        { DELTAHOP_REG_LINK_N, 0 },
        { DELTAHOP_REG_DRAM_PART, 0 },
        { DELTAHOP_REG_RNN_PES, 8 },
        { DELTAHOP_REG_RNN_SLOTS, 4 },
        { DELTAHOP_REG_RNN_MAX_INPUTS, 1024 },
        { DELTAHOP_REG_RNN_MAX_HIDDEN, 1024 },
        { DELTAHOP_REG_CONV_MACS, 0 },
        { DELTAHOP_REG_CONV_MAX_OUTPUTS, 0 },
    };
    Card *card = card_new(EDGEDRNN);

    g_assert_cmphex(qpci_config_readw(card->dev, PCI_VENDOR_ID), ==,
                    DELTAHOP_PCI_VENDOR);
    g_assert_cmphex(qpci_config_readw(card->dev, PCI_DEVICE_ID), ==,
                    DELTAHOP_PCI_DEVICE);
    g_assert_cmphex(qpci_config_readw(card->dev, PCI_CLASS_DEVICE), ==, 0x1200);
    g_assert_cmphex(qpci_config_readb(card->dev, PCI_REVISION_ID), ==,
                    DELTAHOP_PCI_REVISION);
    g_assert_cmphex(qpci_find_capability(card->dev, PCI_CAP_ID_EXP, 0), !=, 0);
    assert_registers(card, edgedrnn, ARRAY_SIZE(edgedrnn));
    assert_registers(card, reset_values, ARRAY_SIZE(reset_values));
    card_free(card);
}

static void test_properties_are_in_the_registers(void)
{
    static const Register expected[] = {
        { DELTAHOP_REG_PROFILE, DELTAHOP_PROFILE_CARD },
        { DELTAHOP_REG_CLOCK_HZ, 300000000 },
        { DELTAHOP_REG_CARD_SIZE_LO, 2 * MiB },
        { DELTAHOP_REG_DRAM_BEAT_BYTES, 32 },
        { DELTAHOP_REG_DRAM_N, 3 },
        { DELTAHOP_REG_DRAM_L, 50 },
        { DELTAHOP_REG_DRAM_Q, 6 },
        { DELTAHOP_REG_LINK_N, 9 },
        { DELTAHOP_REG_LINK_L, 70 },
        { DELTAHOP_REG_LINK_Q, 2 },
        { DELTAHOP_REG_RNN_PES, 32 },
        { DELTAHOP_REG_RNN_SLOTS, 5 },
        { DELTAHOP_REG_CONV_MACS, 64 },
        { DELTAHOP_REG_CONV_KERNEL_WORDS, 2000 },
        { DELTAHOP_REG_CONV_STORE_BYTES, 262144 },
        { DELTAHOP_REG_CONV_MAX_CHANNELS, 512 },
        { DELTAHOP_REG_CONV_MAX_COLS, 300 },
        { DELTAHOP_REG_CONV_MAX_OUTPUTS, 100 },
    };
    Card *card = card_new("profile=card,clock-hz=300000000,card-size=2M,"
                          "beat-bytes=32,dram-n=3,dram-l=50,dram-q=6,link-n=9,"
                          "link-l=70,link-q=2,pes=32,slots=5,dram=simple,"
                          "conv-macs=64,conv-kernel-words=2000,"
                          "conv-store-bytes=262144,conv-max-channels=512,"
                          "conv-max-cols=300,conv-max-outputs=100");

    assert_registers(card, expected, ARRAY_SIZE(expected));
    card_free(card);
}

/* Size of a BAR, and its type bits. */
static uint64_t bar_size(Card *card, unsigned int bar, uint32_t *type)
{
    uint8_t reg = PCI_BASE_ADDRESS_0 + 4 * bar;
    uint64_t mask;

    qpci_config_writel(card->dev, reg, ~0U);
    mask = qpci_config_readl(card->dev, reg);
    *type = mask & ~PCI_BASE_ADDRESS_MEM_MASK;
    mask &= PCI_BASE_ADDRESS_MEM_MASK;
    if (*type & PCI_BASE_ADDRESS_MEM_TYPE_64) {
        qpci_config_writel(card->dev, reg + 4, ~0U);
        mask |= (uint64_t)qpci_config_readl(card->dev, reg + 4) << 32;
    } else if (mask) {
        mask |= 0xffffffff00000000ULL;
    }
    return -mask;
}

static void test_bars(void)
{
    Card *card = card_new("card-size=16M");
    uint32_t type;

    g_assert_cmphex(bar_size(card, DELTAHOP_PCI_BAR_REGS, &type), ==,
                    DELTAHOP_REGS_SIZE);
    g_assert_cmphex(type, ==, 0);
    g_assert_cmphex(bar_size(card, DELTAHOP_PCI_BAR_CARD, &type), ==, 16 * MiB);
    g_assert_cmphex(type, ==, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                              PCI_BASE_ADDRESS_MEM_PREFETCH);
    g_assert_cmphex(bar_size(card, DELTAHOP_PCI_BAR_MSIX, &type), ==, 4096);
    g_assert_cmphex(type, ==, 0);
    g_assert_cmpuint(qpci_msix_table_size(card->dev), ==,
                     DELTAHOP_VECTOR_COUNT);
    card_free(card);
}

static void test_no_card_no_bar(void)
{
    Card *card = card_new(EDGEDRNN);
    uint32_t type;

    g_assert_cmphex(bar_size(card, DELTAHOP_PCI_BAR_CARD, &type), ==, 0);
    g_assert_cmphex(type, ==, 0);
    card_free(card);
}

/* --- a job, against the published RTL --- */

static uint64_t transfer_cycles(uint64_t bytes)
{
    return 33 + DIV_ROUND_UP(bytes, 8);     /* N=1, L=32, beats of 8 bytes */
}

static uint64_t load_cycles(void)
{
    return transfer_cycles(sizeof(struct deltahop_entry)) + 1;
}

static uint64_t step_cycles(unsigned int runs, unsigned int steps)
{
    uint64_t cycles = runs * (steps - 1);   /* back to back within a run */
    unsigned int i;

    for (i = 0; i < runs * steps; i++) {
        cycles += r01_cycles[i];
    }
    return cycles;
}

static uint64_t job_cycles(const Gru *gru, unsigned int runs,
                           unsigned int steps)
{
    return transfer_cycles(sizeof(gru->entry) + sizeof(gru->region)) +
           transfer_cycles(gru_command_bytes(gru)) + runs + 2 +
           runs * transfer_cycles(sizeof(gru->params)) +
           runs * steps * (transfer_cycles(sizeof(r01_inputs[0])) +
                           transfer_cycles(sizeof(r01_outputs[0]))) +
           step_cycles(runs, steps);
}

#define CYCLE_NS 8      /* 125 MHz */

static void test_job_ends_at_its_nanosecond(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t start, end;
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    start = card_now(card) + load_cycles() * CYCLE_NS;
    end = start + job_cycles(&gru, R01_STEPS, 1) * CYCLE_NS;
    gru_submit(card, &gru);

    card_run_until(card, end - 1);
    g_assert_cmpuint(gru_record(card, &gru).seqno, ==, 0);
    g_assert_false(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_BUSY);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_HEAD)), ==, 1);

    /* first memory: a look at a register would have the card catch up */
    card_run_until(card, end);
    g_assert_cmpuint(gru_record(card, &gru).seqno, ==, gru.entry.seqno);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
    gru_assert_ok(card, &gru);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_HEAD)), ==, 2);
    g_assert_cmphex(card_read(card, RNN(DELTAHOP_RING_SEQNO)), ==,
                    le32_to_cpu(gru.entry.seqno));
    g_assert_cmphex(card_read(card, DELTAHOP_REG_IRQ_STATUS), ==,
                    DELTAHOP_IRQ_RING(0));
    g_assert_false(card_take_message(card, DELTAHOP_VECTOR_ERROR));
    g_assert_cmpuint(le64_to_cpu(gru_record(card, &gru).start_ns), ==, start);
    g_assert_cmpuint(le64_to_cpu(gru_record(card, &gru).end_ns), ==, end);
    card_free(card);
}

static void test_outputs_equal_the_rtl(void)
{
    Card *card = card_new_running(EDGEDRNN);

    card_assert_works(card);
    card_free(card);
}

static uint64_t columns_of(unsigned int which)
{
    uint64_t sum = 0;
    unsigned int i;

    for (i = 0; i < R01_STEPS; i++) {
        sum += r01_columns[i][which];
    }
    return sum;
}

static void assert_record(const struct deltahop_record *r, const Gru *gru)
{
    uint64_t dense = R01_STEPS * (R01_INPUTS + R01_HIDDEN) * R01_COLUMN;
    uint64_t sent = (columns_of(1) + columns_of(2)) * R01_COLUMN;
    uint64_t weights = sent + columns_of(0) * R01_COLUMN;

    g_assert_cmpuint(le16_to_cpu(r->size), ==, sizeof(*r));
    g_assert_cmpuint(le16_to_cpu(r->version), ==, DELTAHOP_RECORD_VERSION);
    g_assert_cmpuint(le16_to_cpu(r->engine), ==, DELTAHOP_ENGINE_RNN);
    g_assert_cmpuint(le16_to_cpu(r->writer), ==, DELTAHOP_WRITER_DEVICE);
    g_assert_cmpuint(le32_to_cpu(r->cmd_offset), ==,
                     gru_command_bytes(gru) - sizeof(struct deltahop_cmd));
    g_assert_cmphex(le32_to_cpu(r->fault_region), ==, DELTAHOP_REGION_NONE);
    g_assert_cmpuint(le64_to_cpu(r->step_cycles), ==,
                     step_cycles(R01_STEPS, 1));
    g_assert_cmpuint(le64_to_cpu(r->cycles), ==,
                     load_cycles() + job_cycles(gru, R01_STEPS, 1));
    g_assert_cmpuint(le64_to_cpu(r->bytes_weights), ==, weights);
    g_assert_cmpuint(le64_to_cpu(r->bytes_in), ==, sizeof(r01_inputs));
    g_assert_cmpuint(le64_to_cpu(r->bytes_out), ==, sizeof(r01_outputs));
    g_assert_cmpuint(le32_to_cpu(r->bytes_state), ==, 0);
    g_assert_cmpuint(le64_to_cpu(r->work_done), ==, weights);
    g_assert_cmpuint(le64_to_cpu(r->work_skipped), ==, dense - sent);
    g_assert_cmpuint(le32_to_cpu(r->profile_lost), ==, 0);
}

static void test_record_equals_the_rtl(void)
{
    Card *card = card_new_running(EDGEDRNN);
    struct deltahop_record record;
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    record = gru_record(card, &gru);
    assert_record(&record, &gru);
    card_free(card);
}

/* The same bits, later; and the card says which part it has. */
static void test_dram_with_rows(void)
{
    Card *card = card_new_running(EDGEDRNN ",dram=ddr");
    struct deltahop_record record;
    Gru gru;

    g_assert_cmpuint(card_read(card, DELTAHOP_REG_DRAM_PART), ==, 1);
    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    record = gru_record(card, &gru);
    g_assert_cmpuint(le64_to_cpu(record.cycles), >,
                     load_cycles() + job_cycles(&gru, R01_STEPS, 1));
    g_assert_cmpuint(le64_to_cpu(record.bytes_in), ==, sizeof(r01_inputs));
    card_free(card);
}

static void test_steps_of_a_run_cost_one_cycle_more(void)
{
    Card *card = card_new_running(EDGEDRNN);
    struct deltahop_record record;
    Gru gru;

    gru_init(card, &gru, 1, R01_STEPS);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);
    record = gru_record(card, &gru);
    g_assert_cmpuint(le64_to_cpu(record.step_cycles), ==,
                     step_cycles(1, R01_STEPS));
    g_assert_cmpuint(le64_to_cpu(record.cycles), ==,
                     load_cycles() + job_cycles(&gru, 1, R01_STEPS));
    card_free(card);
}

/* --- where regions may be --- */

static void test_weights_in_card_memory(void)
{
    Card *card = card_new_running(EDGEDRNN ",card-size=1M");
    QPCIBar bar = qpci_iomap(card->dev, DELTAHOP_PCI_BAR_CARD, NULL);
    uint64_t offset = 1 * MiB - sizeof(r01_weights);
    uint64_t memory;
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    memory = gru_addr(&gru, REGION_WEIGHTS);
    qtest_memset(card->qts, memory, 0, sizeof(r01_weights));
    qpci_memwrite(card->dev, bar, offset, r01_weights, sizeof(r01_weights));
    gru.region[REGION_WEIGHTS].addr = cpu_to_le64(offset);
    gru.region[REGION_WEIGHTS].flags |= cpu_to_le32(DELTAHOP_REGION_CARD);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);

    /* and one byte further is past the end of the card */
    gru.region[REGION_WEIGHTS].addr = cpu_to_le64(offset + 1);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_BAD_TABLE);
    card_free(card);
}

/* Outputs go through the BAR's memory, where the processor sees them. */
static void test_outputs_in_card_memory(void)
{
    Card *card = card_new_running(EDGEDRNN ",card-size=64K");
    QPCIBar bar = qpci_iomap(card->dev, DELTAHOP_PCI_BAR_CARD, NULL);
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru.region[REGION_OUTPUTS].addr = cpu_to_le64(0x800);
    gru.region[REGION_OUTPUTS].flags |= cpu_to_le32(DELTAHOP_REGION_CARD);
    gru.outputs = bar.addr + 0x800;
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);
    card_free(card);
}

/* Weights that begin in the middle of a page and end in another, far away. */
static void test_page_list(void)
{
    Card *card = card_new_running(EDGEDRNN);
    const uint32_t first = 4096 - 500;
    uint64_t pages = card_alloc(card, 3 * 4096);
    uint64_t list = card_alloc(card, 2 * sizeof(uint64_t));
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    qtest_memwrite(card->qts, pages + 2 * 4096 + first, r01_weights, 500);
    qtest_memwrite(card->qts, pages, r01_weights + 500,
                   sizeof(r01_weights) - 500);
    qtest_writeq(card->qts, list, pages + 2 * 4096);
    qtest_writeq(card->qts, list + 8, pages);
    gru.region[REGION_WEIGHTS].addr = cpu_to_le64(list);
    gru.region[REGION_WEIGHTS].first = cpu_to_le32(first);
    gru.region[REGION_WEIGHTS].flags |= cpu_to_le32(DELTAHOP_REGION_LIST);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);

    /* a page that is not aligned is no page */
    qtest_writeq(card->qts, list + 8, pages + 8);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_BAD_TABLE);
    card_free(card);
}

/* --- faults of a job: it ends, the ring goes on --- */

static void assert_job_faults(Card *card, Gru *gru, uint32_t reason,
                              uint32_t region)
{
    struct deltahop_record record;

    gru_submit(card, gru);
    card_run(card);
    gru_assert_ended(card, gru, DELTAHOP_STATUS_FAULT, reason);
    record = gru_record(card, gru);
    g_assert_cmphex(le32_to_cpu(record.fault_region), ==, region);
    gru_assert_not_written(card, gru->outputs, 2 * GRU_OUTPUT_BYTES);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
}

typedef struct RegionFault {
    unsigned int region;
    uint64_t length;        /* 0: as it was */
    uint32_t clear;         /* flags */
    uint32_t set;
    uint32_t first;
    uint32_t reason;
} RegionFault;

static const RegionFault region_faults[] = {
    { REGION_COMMANDS, 0, DELTAHOP_REGION_VALID, 0, 0,
      DELTAHOP_REASON_BAD_REGION },
    { REGION_WEIGHTS, 0, DELTAHOP_REGION_VALID, 0, 0,
      DELTAHOP_REASON_BAD_REGION },
    { REGION_PARAMS, 0, DELTAHOP_REGION_VALID, 0, 0,
      DELTAHOP_REASON_BAD_REGION },
    { REGION_INPUTS, 0, DELTAHOP_REGION_VALID, 0, 0,
      DELTAHOP_REASON_BAD_REGION },
    { REGION_OUTPUTS, 0, DELTAHOP_REGION_VALID, 0, 0,
      DELTAHOP_REASON_BAD_REGION },
    { REGION_COMMANDS, 0, DELTAHOP_REGION_READ, 0, 0,
      DELTAHOP_REASON_NO_READ },
    { REGION_WEIGHTS, 0, DELTAHOP_REGION_READ, 0, 0, DELTAHOP_REASON_NO_READ },
    { REGION_PARAMS, 0, DELTAHOP_REGION_READ, 0, 0, DELTAHOP_REASON_NO_READ },
    { REGION_INPUTS, 0, DELTAHOP_REGION_READ, 0, 0, DELTAHOP_REASON_NO_READ },
    { REGION_OUTPUTS, 0, DELTAHOP_REGION_WRITE, DELTAHOP_REGION_READ, 0,
      DELTAHOP_REASON_NO_WRITE },
    { REGION_COMMANDS, 40, 0, 0, 0, DELTAHOP_REASON_OUT_OF_BOUNDS },
    { REGION_WEIGHTS, 9 * R01_COLUMN - 1, 0, 0, 0,
      DELTAHOP_REASON_OUT_OF_BOUNDS },
    { REGION_PARAMS, 80, 0, 0, 0, DELTAHOP_REASON_OUT_OF_BOUNDS },
    { REGION_INPUTS, 15, 0, 0, 0, DELTAHOP_REASON_OUT_OF_BOUNDS },
    { REGION_OUTPUTS, 31, 0, 0, 0, DELTAHOP_REASON_OUT_OF_BOUNDS },
    { REGION_WEIGHTS, 0, 0, 1U << 31, 0, DELTAHOP_REASON_BAD_TABLE },
    { REGION_WEIGHTS, 0, 0, DELTAHOP_REGION_LIST, 4096,
      DELTAHOP_REASON_BAD_TABLE },
    { REGION_WEIGHTS, 0, 0, DELTAHOP_REGION_CARD, 0,
      DELTAHOP_REASON_BAD_TABLE },
};

static void apply_region_fault(Gru *gru, const RegionFault *fault)
{
    struct deltahop_region *region = &gru->region[fault->region];

    if (fault->length) {
        region->length = cpu_to_le64(fault->length);
    }
    region->flags &= cpu_to_le32(~fault->clear);
    region->flags |= cpu_to_le32(fault->set);
    region->first = cpu_to_le32(fault->first);
}

static void test_region_faults(void)
{
    Card *card = card_new_running(EDGEDRNN);
    size_t i;

    for (i = 0; i < ARRAY_SIZE(region_faults); i++) {
        const RegionFault *fault = &region_faults[i];
        Gru gru;

        g_test_message("region fault %zu", i);
        gru_init(card, &gru, 1, 1);
        gru_write(card, &gru);
        apply_region_fault(&gru, fault);
        assert_job_faults(card, &gru, fault->reason, fault->region);
    }
    card_assert_works(card);
    card_free(card);
}

/* Offsets near 2^64 must not wrap into the region. */
static void test_offsets_do_not_wrap(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru gru;

    gru_init(card, &gru, 1, 1);
    gru.run[0].output_offset = cpu_to_le64(-16ULL);
    gru_write(card, &gru);
    assert_job_faults(card, &gru, DELTAHOP_REASON_OUT_OF_BOUNDS,
                      REGION_OUTPUTS);
    gru.run[0].output_offset = 0;
    gru.run[0].input_offset = cpu_to_le64(-8ULL);
    gru_write(card, &gru);
    assert_job_faults(card, &gru, DELTAHOP_REASON_OUT_OF_BOUNDS, REGION_INPUTS);
    card_free(card);
}

static void test_no_such_region(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru gru;

    gru_init(card, &gru, 1, 1);
    gru.run[0].output_region = cpu_to_le32(REGION_COUNT);
    gru_write(card, &gru);
    assert_job_faults(card, &gru, DELTAHOP_REASON_BAD_REGION, REGION_COUNT);
    card_free(card);
}

static void test_another_owner_finds_no_state(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru gru;

    gru_init(card, &gru, 1, 1);
    gru_write(card, &gru);
    card_put_state_load(card, CARD_OWNER);
    gru.entry.owner = cpu_to_le32(CARD_OWNER + 1);
    gru_put(card, &gru);
    card_doorbell(card);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_NOT_LOADED);

    /* nor does the first one any more */
    gru.entry.owner = cpu_to_le32(CARD_OWNER);
    gru_put(card, &gru);
    card_doorbell(card);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_NOT_LOADED);
    gru_assert_not_written(card, gru.outputs, 2 * GRU_OUTPUT_BYTES);
    card_assert_works(card);
    card_free(card);
}

/* State goes out with STATE_SAVE and comes back with STATE_LOAD. */
static void put_state(Card *card, Gru *gru, uint32_t type, uint32_t flags)
{
    struct deltahop_entry entry = {
        .type = cpu_to_le32(type),
        .flags = cpu_to_le32(flags),
        .owner = gru->entry.owner,
        .table_addr = gru->entry.table_addr,
        .table_count = cpu_to_le32(1),
        .size = cpu_to_le32(DELTAHOP_RNN_STATE_GRU(R01_INPUTS, R01_HIDDEN)),
        .record_addr = gru->entry.record_addr,
        .seqno = gru->entry.seqno,
    };
    struct deltahop_region image = {
        .addr = gru->region[REGION_COMMANDS].addr,
        .length = cpu_to_le64(GRU_COMMANDS_MAX),
        .flags = cpu_to_le32(DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ |
                             DELTAHOP_REGION_WRITE),
    };

    qtest_memset(card->qts, le64_to_cpu(entry.record_addr), 0,
                 sizeof(struct deltahop_record));
    qtest_memwrite(card->qts, le64_to_cpu(entry.table_addr), &image,
                   sizeof(image));
    card_put(card, &entry);
    card_doorbell(card);
    card_run(card);
}

static void test_saved_state_goes_on(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru before, after, other;

    gru_init(card, &before, 2, 1);
    gru_init(card, &other, R01_STEPS, 1);
    gru_init(card, &after, 2, 1);
    gru_init_run(&after.run[0], 2);
    gru_init_run(&after.run[1], 3);
    other.entry.owner = cpu_to_le32(CARD_OWNER + 1);
    gru_write(card, &before);
    gru_write(card, &other);
    gru_write(card, &after);
    after.outputs = before.outputs;
    after.region[REGION_OUTPUTS] = before.region[REGION_OUTPUTS];

    gru_submit(card, &before);
    card_run(card);
    gru_assert_ok(card, &before);
    put_state(card, &before, DELTAHOP_ENTRY_STATE_SAVE, 0);
    gru_assert_ok(card, &before);

    gru_submit(card, &other);
    card_run(card);
    gru_assert_ok(card, &other);
    put_state(card, &before, DELTAHOP_ENTRY_STATE_SAVE, 0);
    gru_assert_ended(card, &before, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_NOT_LOADED);

    put_state(card, &before, DELTAHOP_ENTRY_STATE_LOAD, 0);
    gru_assert_ok(card, &before);
    gru_put(card, &after);
    card_doorbell(card);
    card_run(card);
    gru_assert_ok(card, &after);
    gru_assert_outputs(card, &after, R01_STEPS);
    card_free(card);
}

static void test_budget_stops_before_the_step(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t whole;
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    whole = job_cycles(&gru, R01_STEPS, 1);

    gru.entry.cycle_budget = cpu_to_le64(whole);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);

    /* one cycle for END and one too few: the last step is not begun */
    gru_write(card, &gru);
    gru.entry.cycle_budget = cpu_to_le64(whole - 2);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_BUDGET,
                     DELTAHOP_REASON_CYCLES);
    gru_assert_outputs(card, &gru, R01_STEPS - 1);
    card_free(card);
}

/* --- the bus refuses --- */

static void test_dma_to_a_hole_faults(void)
{
    static const unsigned int regions[] = {
        REGION_COMMANDS, REGION_WEIGHTS, REGION_PARAMS, REGION_INPUTS,
        REGION_OUTPUTS,
    };
    Card *card = card_new_running(EDGEDRNN);
    size_t i;

    for (i = 0; i < ARRAY_SIZE(regions); i++) {
        Gru gru;

        gru_init(card, &gru, 1, 1);
        gru_write(card, &gru);
        gru.region[regions[i]].addr = cpu_to_le64(CARD_HOLE);
        assert_job_faults(card, &gru, DELTAHOP_REASON_DMA, regions[i]);
    }
    card_assert_works(card);
    card_free(card);
}

static void test_record_in_a_hole_halts(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru gru;

    gru_init(card, &gru, 1, 1);
    gru_write(card, &gru);
    card_put_state_load(card, CARD_OWNER);
    gru.entry.record_addr = cpu_to_le64(CARD_HOLE);
    card_put(card, &gru.entry);
    qtest_memwrite(card->qts, le64_to_cpu(gru.entry.table_addr), gru.region,
                   sizeof(gru.region));
    card_doorbell(card);
    card_run(card);
    card_assert_halted(card, DELTAHOP_RING_DMA);
    card_reset_ring(card);
    card_assert_works(card);
    card_free(card);
}

static void test_ring_in_a_hole_halts(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t ring = card->ring;

    card_write(card, RNN(DELTAHOP_RING_CTRL), 0);
    card->ring = CARD_HOLE;
    card_enable_ring(card);
    card->tail = 1;
    card_doorbell(card);
    card_run(card);
    card_assert_halted(card, DELTAHOP_RING_DMA);
    card->ring = ring;
    card_reset_ring(card);
    card_assert_works(card);
    card_free(card);
}

static void test_no_bus_master_no_dma(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint16_t command = qpci_config_readw(card->dev, PCI_COMMAND);

    card_put_state_load(card, CARD_OWNER);
    qpci_config_writew(card->dev, PCI_COMMAND, command & ~PCI_COMMAND_MASTER);
    card_doorbell(card);
    card_run(card);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_HALTED);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_ERROR)), ==,
                     DELTAHOP_RING_DMA);
    /* a message is a write like another */
    g_assert_false(card_take_message(card, DELTAHOP_VECTOR_ERROR));
    qpci_config_writew(card->dev, PCI_COMMAND, command);
    card_reset_ring(card);
    card_assert_works(card);
    card_free(card);
}

static void test_dma_to_own_registers_faults(void)
{
    Card *card = card_new_running(EDGEDRNN);
    unsigned int region;

    for (region = REGION_COMMANDS; region <= REGION_OUTPUTS; region++) {
        Gru gru;

        gru_init(card, &gru, 1, 1);
        gru_write(card, &gru);
        gru.region[region].addr = cpu_to_le64(card->regs.addr +
                                              RNN(DELTAHOP_RING_TAIL));
        assert_job_faults(card, &gru, DELTAHOP_REASON_DMA, region);
        g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_TAIL)), ==,
                         card->tail);
    }
    card_assert_works(card);
    card_free(card);
}

/* The entry is read in the doorbell's own write. */
static void test_ring_in_own_registers_halts(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t ring = card->ring;

    card_write(card, RNN(DELTAHOP_RING_CTRL), 0);
    card->ring = card->regs.addr;
    card_enable_ring(card);
    card->tail = 1;
    card_doorbell(card);
    card_run(card);
    card_assert_halted(card, DELTAHOP_RING_DMA);
    card->ring = ring;
    card_reset_ring(card);
    card_assert_works(card);
    card_free(card);
}

static void test_message_to_own_registers_is_lost(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t entry = card->dev->msix_table_off +
                     DELTAHOP_VECTOR_RING(0) * PCI_MSIX_ENTRY_SIZE;
    Gru gru;

    qpci_io_writel(card->dev, card->dev->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                   card->regs.addr + DELTAHOP_REG_CTRL);
    qpci_io_writel(card->dev, card->dev->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_DATA, DELTAHOP_CTRL_RESET);
    gru_init(card, &gru, 1, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    g_assert_cmphex(card_read(card, DELTAHOP_REG_CTRL), ==, 0);
    card_free(card);
}

/* --- rings --- */

typedef struct BadEntry {
    size_t offset;      /* of a 32-bit word of the entry */
    uint32_t value;
} BadEntry;

#define BAD(field, value) { offsetof(struct deltahop_entry, field), value }

static const BadEntry bad_entries[] = {
    BAD(type, 0),
    BAD(type, 6),
    BAD(flags, 1U << 31),
    BAD(owner, 0),
    BAD(table_addr, 4),
    BAD(table_count, 65),
    BAD(cmd_offset, 4),
    BAD(size, 12),
    BAD(record_addr, 4),
};

static void test_malformed_entries_halt(void)
{
    Card *card = card_new_running(EDGEDRNN);
    size_t i;

    for (i = 0; i < ARRAY_SIZE(bad_entries); i++) {
        Gru gru;

        g_test_message("bad entry %zu", i);
        gru_init(card, &gru, 1, 1);
        gru_write(card, &gru);
        gru_put(card, &gru);
        qtest_writel(card->qts, card->ring + bad_entries[i].offset,
                     bad_entries[i].value);
        card_doorbell(card);
        card_run(card);
        card_assert_halted(card, DELTAHOP_RING_BAD_ENTRY);
        g_assert_cmpuint(gru_record(card, &gru).seqno, ==, 0);

        /* a doorbell does not wake it */
        card_doorbell(card);
        card_run(card);
        g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_HALTED);
        card_reset_ring(card);
    }
    card_assert_works(card);
    card_free(card);
}

static void test_tail_too_far_halts(void)
{
    Card *card = card_new_running(EDGEDRNN);

    card->tail = CARD_RING_ENTRIES + 1;
    card_doorbell(card);
    card_run(card);
    card_assert_halted(card, DELTAHOP_RING_BAD_TAIL);
    card_reset_ring(card);
    card_assert_works(card);
    card_free(card);
}

static void test_ring_wraps(void)
{
    Card *card = card_new_running(EDGEDRNN);
    unsigned int i;

    for (i = 0; i < CARD_RING_ENTRIES + 1; i++) {
        card_assert_works(card);    /* two entries each */
    }
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_HEAD)), ==,
                     2 * (CARD_RING_ENTRIES + 1));
    card_free(card);
}

/* --- resets, in the middle of a job --- */

static void start_job(Card *card, Gru *gru)
{
    gru_init(card, gru, R01_STEPS, 1);
    gru_write(card, gru);
    gru_submit(card, gru);
    card_run_until(card, card_now(card) +
                   (load_cycles() + job_cycles(gru, R01_STEPS, 1)) * CYCLE_NS -
                   1);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_BUSY);
}

static void assert_job_dropped(Card *card, const Gru *gru)
{
    card_run(card);
    g_assert_cmpuint(gru_record(card, gru).seqno, ==, 0);
    g_assert_cmpuint(gru_record(card, gru).size, ==, 0);
    g_assert_false(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
}

static void test_ring_reset_drops_the_job(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t now;
    Gru gru;

    start_job(card, &gru);
    now = card_now(card);
    card_write(card, RNN(DELTAHOP_RING_CTRL), DELTAHOP_RING_CTRL_RESET);
    card_run_until(card, now + DELTAHOP_RESET_NS - 1);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_RESETTING);
    g_assert_cmphex(card_read(card, RNN(DELTAHOP_RING_CTRL)), ==,
                    DELTAHOP_RING_CTRL_RESET);
    card_run_until(card, now + DELTAHOP_RESET_NS);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_DISABLED);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_HEAD)), ==, 0);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_TAIL)), ==, 0);
    assert_job_dropped(card, &gru);

    /* state went with it */
    card_enable_ring(card);
    gru_put(card, &gru);
    card_doorbell(card);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT,
                     DELTAHOP_REASON_NOT_LOADED);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
    card_assert_works(card);
    card_free(card);
}

static void test_device_reset_drops_the_job(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t now;
    Gru gru;

    start_job(card, &gru);
    now = card_now(card);
    card_write(card, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
    card_run_until(card, now + DELTAHOP_RESET_NS - 1);
    g_assert_cmphex(card_read(card, DELTAHOP_REG_CTRL), ==,
                    DELTAHOP_CTRL_RESET);
    card_run_until(card, now + DELTAHOP_RESET_NS);
    assert_registers(card, reset_values, ARRAY_SIZE(reset_values));
    assert_job_dropped(card, &gru);
    card_write(card, DELTAHOP_REG_IRQ_ENABLE, DELTAHOP_IRQ_ALL);
    card_enable_ring(card);
    card_assert_works(card);
    card_free(card);
}

/* Bring a function back that has lost its configuration. */
static void assert_powered_on(Card *card, const Gru *gru)
{
    g_assert_cmphex(qpci_config_readw(card->dev, PCI_COMMAND), ==, 0);
    g_assert_cmphex(qpci_config_readl(card->dev, PCI_BASE_ADDRESS_0), ==, 0);
    card->dev->msix_enabled = false;
    card_map(card);
    assert_registers(card, reset_values, ARRAY_SIZE(reset_values));
    if (gru) {
        assert_job_dropped(card, gru);
    }
    card_start(card);
    card_assert_works(card);
}

static uint8_t express_reg(QPCIDevice *dev, uint8_t reg)
{
    return qpci_find_capability(dev, PCI_CAP_ID_EXP, 0) + reg;
}

static void test_flr_drops_the_job(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint8_t devcap = express_reg(card->dev, PCI_EXP_DEVCAP);
    Gru gru;

    g_assert_true(qpci_config_readl(card->dev, devcap) & PCI_EXP_DEVCAP_FLR);
    start_job(card, &gru);
    qpci_config_writew(card->dev, express_reg(card->dev, PCI_EXP_DEVCTL),
                       PCI_EXP_DEVCTL_BCR_FLR);
    assert_powered_on(card, &gru);
    card_free(card);
}

static void test_bus_reset_drops_the_job(void)
{
    QPCIDevice *port;
    Card *card = card_new_behind_port(&port);
    Gru gru;

    start_job(card, &gru);
    qpci_config_writew(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    qpci_config_writew(port, PCI_BRIDGE_CONTROL, 0);
    assert_powered_on(card, &gru);
    g_free(port);
    card_free(card);
}

static void test_system_reset_drops_the_job(void)
{
    Card *card = card_new_running(EDGEDRNN ",card-size=64K");
    QPCIBar bar = qpci_iomap(card->dev, DELTAHOP_PCI_BAR_CARD, NULL);
    Gru gru;

    qpci_io_writel(card->dev, bar, 0x100, 0xcafe);
    start_job(card, &gru);
    qtest_system_reset(card->qts);
    card->ring = 0;
    assert_powered_on(card, &gru);
    bar = qpci_iomap(card->dev, DELTAHOP_PCI_BAR_CARD, NULL);
    g_assert_cmphex(qpci_io_readl(card->dev, bar, 0x100), ==, 0xcafe);
    card_free(card);
}

/*
 * Let the job's output land on a configuration register, which gets a negative
 * number: its upper bits are all set.
 */
#define ECAM 0xb0000000ULL

static void run_into_config(Card *card, unsigned int devfn, uint8_t reg)
{
    const unsigned int negative = 6;
    Gru gru;

    g_assert_cmpint(r01_outputs[0][negative], <, 0);
    card->bus->config_writel(card->bus, 0, 0x60, ECAM | 1); /* PCIEXBAR */
    gru_init(card, &gru, 1, 1);
    gru_write(card, &gru);
    gru.region[REGION_OUTPUTS].addr =
        cpu_to_le64(ECAM + (devfn << 12) + reg - 2 * negative);
    gru_submit(card, &gru);
    card_run(card);
}

static void test_dma_that_resets_the_function(void)
{
    Card *card = card_new_running(EDGEDRNN);

    run_into_config(card, CARD_DEVFN,
                    express_reg(card->dev, PCI_EXP_DEVCTL));
    assert_powered_on(card, NULL);
    card_free(card);
}

/* A new card in the slot works, whatever the old one was doing. */
static void assert_replaced(Card *card, QPCIDevice *port)
{
    bool locked;

    qtest_qmp_eventwait(card->qts, "DEVICE_DELETED");
    card_run(card);
    g_free(card->dev);
    locked = qpci_config_readw(port, express_reg(port, PCI_EXP_SLTSTA)) &
             PCI_EXP_SLTSTA_EIS;
    qpci_config_writew(port, express_reg(port, PCI_EXP_SLTCTL),
                       locked ? PCI_EXP_SLTCTL_EIC : 0);
    qtest_qmp_assert_success(card->qts, "{'execute': 'device_add',"
                             "'arguments': {'driver': 'deltahop', 'bus': 'rp',"
                             "'id': 'card', 'profile': 'edgedrnn'}}");
    card_find(card, CARD_BEHIND_PORT_DEVFN);
    card_start(card);
    card_assert_works(card);
    g_free(port);
    card_free(card);
}

static void test_dma_that_unplugs_the_function(void)
{
    QPCIDevice *port;
    Card *card = card_new_behind_port(&port);

    card_assert_works(card);
    run_into_config(card, CARD_PORT_DEVFN, express_reg(port, PCI_EXP_SLTCTL));
    assert_replaced(card, port);
}

static void test_unplug_drops_the_job(void)
{
    QPCIDevice *port;
    Card *card = card_new_behind_port(&port);
    Gru gru;

    start_job(card, &gru);
    qpci_config_writew(port, express_reg(port, PCI_EXP_SLTCTL),
                       PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PIC);
    assert_replaced(card, port);
}

/* --- faults on purpose --- */

static void inject(Card *card, const char *property, unsigned int nth)
{
    qtest_qmp_assert_success(card->qts, "{'execute': 'qom-set', 'arguments': {"
                             "'path': '/machine/peripheral/card',"
                             "'property': %s, 'value': %u}}", property, nth);
}

static void test_stuck_until_reset(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint32_t progress;
    Gru gru;

    inject(card, "inject-stuck", 2);
    card_assert_works(card);
    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_BUSY);
    progress = card_read(card, RNN(DELTAHOP_RING_PROGRESS));
    qtest_clock_step(card->qts, 10ULL * 1000 * 1000 * 1000);
    g_assert_cmpuint(card_status(card), ==, DELTAHOP_RING_BUSY);
    g_assert_cmpuint(card_read(card, RNN(DELTAHOP_RING_PROGRESS)), ==,
                     progress);
    card_reset_ring(card);
    assert_job_dropped(card, &gru);
    card_assert_works(card);
    card_free(card);
}

static void test_lost_interrupt(void)
{
    Card *card = card_new_running(EDGEDRNN);
    Gru gru;

    inject(card, "inject-lost-irq", 1);
    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ok(card, &gru);
    gru_assert_outputs(card, &gru, R01_STEPS);
    g_assert_false(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
    g_assert_cmphex(card_read(card, DELTAHOP_REG_IRQ_STATUS), ==, 0);
    card_assert_works(card);
    card_free(card);
}

static void test_injected_dma_fault(void)
{
    Card *card = card_new_running(EDGEDRNN ",inject-dma=1");
    Gru gru;

    gru_init(card, &gru, 1, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    card_run(card);
    gru_assert_ended(card, &gru, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_DMA);
    gru_assert_not_written(card, gru.outputs, 2 * GRU_OUTPUT_BYTES);
    g_assert_true(card_take_message(card, DELTAHOP_VECTOR_RING(0)));
    card_assert_works(card);
    card_free(card);
}

static void test_injection_taken_back(void)
{
    Card *card = card_new_running(EDGEDRNN);

    inject(card, "inject-stuck", 1);
    inject(card, "inject-stuck", 0);
    card_assert_works(card);
    card_free(card);
}

/* --- wrong use --- */

static void test_only_aligned_words_count(void)
{
    Card *card = card_new(EDGEDRNN);
    uint64_t id = card->regs.addr + DELTAHOP_REG_ID;
    uint64_t enable = card->regs.addr + DELTAHOP_REG_IRQ_ENABLE;

    g_assert_cmphex(qtest_readl(card->qts, id), ==, DELTAHOP_ID);
    g_assert_cmphex(qtest_readb(card->qts, id), ==, 0);
    g_assert_cmphex(qtest_readw(card->qts, id), ==, 0);
    g_assert_cmphex(qtest_readq(card->qts, id), ==, 0);
    g_assert_cmphex(qtest_readl(card->qts, id + 2), ==, 0);
    qtest_writeb(card->qts, enable, DELTAHOP_IRQ_ALL);
    qtest_writew(card->qts, enable, DELTAHOP_IRQ_ALL);
    qtest_writeq(card->qts, enable, DELTAHOP_IRQ_ALL);
    qtest_writel(card->qts, enable - 2, ~0U);
    g_assert_cmphex(qtest_readl(card->qts, enable), ==, 0);
    qtest_writel(card->qts, enable, ~0U);
    g_assert_cmphex(qtest_readl(card->qts, enable), ==, DELTAHOP_IRQ_ALL);
    card_free(card);
}

static void test_unlisted_registers_read_zero(void)
{
    Card *card = card_new(EDGEDRNN);
    uint32_t reg;

    for (reg = DELTAHOP_RING(DELTAHOP_ENGINE_CONV, 0); reg < DELTAHOP_REGS_SIZE;
         reg += 52) {
        card_write(card, reg, ~0U);
        g_assert_cmphex(card_read(card, reg), ==, 0);
    }
    card_write(card, DELTAHOP_REG_ID, 0);
    g_assert_cmphex(card_read(card, DELTAHOP_REG_ID), ==, DELTAHOP_ID);
    card_free(card);
}

static void abuse_register(Card *card, GRand *rand)
{
    uint64_t addr = card->regs.addr + g_rand_int_range(rand, 0, 0x3000);
    uint32_t value = g_rand_int(rand) >> g_rand_int_range(rand, 0, 32);

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        qtest_readb(card->qts, addr);
        break;
    case 1:
        qtest_writew(card->qts, addr, value);
        break;
    case 2:
        qtest_readq(card->qts, addr);
        break;
    case 3:
        qtest_writeq(card->qts, addr, value);
        break;
    case 4:
        qtest_readl(card->qts, addr);
        break;
    case 5:
        qtest_clock_step(card->qts, g_rand_int_range(rand, 0, 3000));
        break;
    default:
        /* mostly the ring's own */
        addr = card->regs.addr + RNN(4 * g_rand_int_range(rand, 0, 10));
        qtest_writel(card->qts, addr, value);
        break;
    }
}

static void test_random_accesses_do_no_harm(void)
{
    Card *card = card_new_running(EDGEDRNN);
    GRand *rand = g_rand_new_with_seed(1);
    unsigned int i;

    for (i = 0; i < 20000; i++) {
        abuse_register(card, rand);
    }
    g_rand_free(rand);
    card_write(card, DELTAHOP_REG_CTRL, DELTAHOP_CTRL_RESET);
    card_run(card);
    card_write(card, DELTAHOP_REG_IRQ_ENABLE, DELTAHOP_IRQ_ALL);
    card_enable_ring(card);
    for (i = 0; i < DELTAHOP_VECTOR_COUNT; i++) {
        card_take_message(card, i);
    }
    card_assert_works(card);
    card_free(card);
}

typedef struct BadProperty {
    const char *name;
    const char *value;
    const char *says;       /* part of the error */
} BadProperty;

static const BadProperty bad_properties[] = {
    { "profile", "gpu", "must be one of edgedrnn, nullhop-fpga, nullhop-asic, card" },
    { "dram", "ddr5", "must be one of ddr, simple, ddr3l-1066-x16" },
    { "clock-hz", "999999", "a number from 1000000 to 4000000000" },
    { "clock-hz", "4000000001", "a number from 1000000 to 4000000000" },
    { "pes", "4", "a power of two from 8 to 32" },
    { "pes", "24", "a power of two from 8 to 32" },
    { "slots", "0", "a number from 1 to 16" },
    { "slots", "17", "a number from 1 to 16" },
    { "conv-macs", "24", "a power of two from 8 to 1024" },
    { "conv-kernel-words", "63", "a number from 64 to 65536" },
    { "conv-store-bytes", "16777217", "a number from 1024 to 16777216" },
    { "conv-max-channels", "0", "a number from 1 to 4096" },
    { "conv-max-cols", "4097", "a number from 1 to 4096" },
    { "conv-max-outputs", "4097", "a number from 1 to 4096" },
    { "beat-bytes", "12", "a power of two from 8 to 128" },
    { "dram-n", "65537", "a number from 0 to 65536" },
    { "dram-l", "1048577", "a number from 0 to 1048576" },
    { "dram-q", "0", "a number from 1 to 256" },
    { "link-n", "65537", "a number from 0 to 65536" },
    { "link-l", "1048577", "a number from 0 to 1048576" },
    { "link-q", "257", "a number from 1 to 256" },
    { "card-size", "2048", "a power of two from 4096 to 68719476736, or 0" },
    { "card-size", "3M", "a power of two from 4096 to 68719476736, or 0" },
    { "energy-mac-fj", "1000000001", "a number from 0 to 1000000000" },
    { "energy-dram-fj-byte", "1000000001", "a number from 0 to 1000000000" },
    { "inject-stuck", "-1", "inject-stuck" },
};

static void test_bad_properties_are_refused(void)
{
    QTestState *qts = qtest_init("-M q35 -nodefaults "
                                 "-device pcie-root-port,id=rp,chassis=1");
    size_t i;

    for (i = 0; i < ARRAY_SIZE(bad_properties); i++) {
        const BadProperty *bad = &bad_properties[i];
        g_autofree char *says = qtest_hmp(qts, "device_add deltahop,bus=rp,"
                                          "id=bad,%s=%s", bad->name,
                                          bad->value);

        g_test_message("%s", says);
        g_assert_nonnull(strstr(says, bad->says));
    }
    /* none of them is left behind */
    qtest_qmp_assert_success(qts, "{'execute': 'device_add', 'arguments': {"
                             "'driver': 'deltahop', 'bus': 'rp',"
                             "'id': 'good'}}");
    qtest_quit(qts);
}

static void test_migration_is_refused_with_the_reason(void)
{
    Card *card = card_new(EDGEDRNN);
    QDict *error = qtest_qmp_assert_failure_ref(card->qts, "{'execute': "
        "'migrate', 'arguments': {'uri': 'exec:cat>/dev/null'}}");

    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "cannot be migrated or saved yet"));
    qobject_unref(error);
    card_free(card);
}

/* --- time --- */

typedef struct Trail {
    struct deltahop_record record[3];
    uint64_t seen[64];
} Trail;

/* Jobs, watched from outside at moments that have nothing to do with them. */
static void leave_trail(Trail *trail)
{
    Card *card = card_new_running("profile=card");
    Gru gru[3];
    size_t i;

    memset(trail, 0, sizeof(*trail));
    for (i = 0; i < ARRAY_SIZE(gru); i++) {
        gru_init(card, &gru[i], R01_STEPS, 1);
        gru_write(card, &gru[i]);
        gru_submit(card, &gru[i]);
    }
    for (i = 0; i < ARRAY_SIZE(trail->seen); i++) {
        qtest_clock_step(card->qts, 1237);
        trail->seen[i] = (uint64_t)card_read(card, RNN(DELTAHOP_RING_PROGRESS))
                         << 32 | card_read(card, RNN(DELTAHOP_RING_HEAD));
    }
    card_run(card);
    for (i = 0; i < ARRAY_SIZE(gru); i++) {
        gru_assert_ok(card, &gru[i]);
        trail->record[i] = gru_record(card, &gru[i]);
    }
    card_free(card);
}

static void test_two_runs_are_equal(void)
{
    Trail first, second;

    leave_trail(&first);
    leave_trail(&second);
    g_assert_cmpmem(&first, sizeof(first), &second, sizeof(second));
}

/* Looking at a register does not change when a job ends. */
static void test_polling_changes_no_time(void)
{
    Card *card = card_new_running(EDGEDRNN);
    uint64_t start = card_now(card);
    Gru gru;

    gru_init(card, &gru, R01_STEPS, 1);
    gru_write(card, &gru);
    gru_submit(card, &gru);
    while (card_status(card) == DELTAHOP_RING_BUSY) {
        qtest_clock_step(card->qts, 1);
        if (card_now(card) - start > 2000) {
            qtest_clock_step(card->qts, 313);
        }
    }
    gru_assert_ok(card, &gru);
    g_assert_cmpuint(le64_to_cpu(gru_record(card, &gru).end_ns), ==,
                     start + CYCLE_NS * (load_cycles() +
                                         job_cycles(&gru, R01_STEPS, 1)));
    card_free(card);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

#define TEST(name, function) qtest_add_func("/deltahop/" name, test_##function)
    TEST("shape/identity-and-reset-values", identity);
    TEST("shape/properties-are-in-the-registers",
         properties_are_in_the_registers);
    TEST("shape/bars-and-vectors", bars);
    TEST("shape/no-card-memory-no-bar", no_card_no_bar);

    TEST("job/ends-at-its-nanosecond-not-before", job_ends_at_its_nanosecond);
    TEST("job/outputs-equal-the-rtl", outputs_equal_the_rtl);
    TEST("job/record-and-cycles-equal-the-rtl", record_equals_the_rtl);
    TEST("job/dram-with-rows", dram_with_rows);
    TEST("job/steps-of-a-run-cost-one-cycle-more",
         steps_of_a_run_cost_one_cycle_more);
    TEST("job/saved-state-goes-on-where-it-was", saved_state_goes_on);
    TEST("job/budget-stops-before-the-step", budget_stops_before_the_step);

    TEST("region/weights-in-card-memory", weights_in_card_memory);
    TEST("region/outputs-in-card-memory", outputs_in_card_memory);
    TEST("region/page-list", page_list);
    TEST("region/faults-write-nothing", region_faults);
    TEST("region/offsets-do-not-wrap", offsets_do_not_wrap);
    TEST("region/no-such-region", no_such_region);
    TEST("region/another-owner-finds-no-state", another_owner_finds_no_state);

    TEST("bus/dma-to-a-hole-faults-the-job", dma_to_a_hole_faults);
    TEST("bus/record-in-a-hole-halts-the-ring", record_in_a_hole_halts);
    TEST("bus/ring-in-a-hole-halts", ring_in_a_hole_halts);
    TEST("bus/no-bus-master-no-dma", no_bus_master_no_dma);
    TEST("bus/dma-to-own-registers-faults-the-job",
         dma_to_own_registers_faults);
    TEST("bus/ring-in-own-registers-halts", ring_in_own_registers_halts);
    TEST("bus/message-to-own-registers-is-lost",
         message_to_own_registers_is_lost);
    TEST("bus/dma-that-resets-the-function", dma_that_resets_the_function);
    TEST("bus/dma-that-unplugs-the-function", dma_that_unplugs_the_function);

    TEST("ring/malformed-entries-halt-it", malformed_entries_halt);
    TEST("ring/tail-too-far-halts-it", tail_too_far_halts);
    TEST("ring/wraps", ring_wraps);

    TEST("reset/of-the-ring-drops-the-job", ring_reset_drops_the_job);
    TEST("reset/of-the-device-drops-the-job", device_reset_drops_the_job);
    TEST("reset/of-the-function-drops-the-job", flr_drops_the_job);
    TEST("reset/of-the-bus-drops-the-job", bus_reset_drops_the_job);
    TEST("reset/of-the-system-drops-the-job-keeps-card-memory",
         system_reset_drops_the_job);
    TEST("reset/unplug-drops-the-job", unplug_drops_the_job);

    TEST("inject/stuck-until-reset", stuck_until_reset);
    TEST("inject/lost-interrupt", lost_interrupt);
    TEST("inject/dma-fault", injected_dma_fault);
    TEST("inject/taken-back", injection_taken_back);

    TEST("abuse/only-aligned-words-count", only_aligned_words_count);
    TEST("abuse/unlisted-registers-read-zero", unlisted_registers_read_zero);
    TEST("abuse/random-accesses-do-no-harm", random_accesses_do_no_harm);
    TEST("abuse/bad-properties-are-refused-with-what-is-legal",
         bad_properties_are_refused);
    TEST("abuse/migration-is-refused-with-the-reason",
         migration_is_refused_with_the_reason);

    TEST("time/two-runs-are-equal", two_runs_are_equal);
    TEST("time/polling-changes-no-time", polling_changes_no_time);
#undef TEST

    return g_test_run();
}
