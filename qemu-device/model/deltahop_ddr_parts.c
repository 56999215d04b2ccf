// SPDX-License-Identifier: MIT
/* DRAM parts: their timing, and what their commands cost. */
#include <stddef.h>

#include "deltahop_ddr.h"

/* A time of the data sheet as ticks, rounded up; @ps in picoseconds. */
#define TICKS(ps, tick) (((ps) + (tick)-1) / (tick))

/*
 * What DDR3 parts of 4 Gbit have in common at 1066 MT/s (JESD79-3F, speed bin 1066F): 8 banks, bursts
 * of 8, pages of 2 KiB for 16 bits, CL = tRCD = tRP = 7, CWL = 6, tWR 15 ns, tWTR and tRTP 7.5 ns or 4
 * ticks, tRFC 260 ns, tREFI 7.8 us; read to write CL + tCCD + 2 - CWL.
 */
#define DDR3_TICK 1875
#define DDR3_1066                                                                                  \
	.tick_ps = DDR3_TICK, .burst = 4, .banks = 8, .rows = 32768, .cl = 7, .cwl = 6, .turn = 2, \
	.rcd = 7, .rp = 7, .rpa = 7, .ccd = 4, .wr = TICKS(15000, DDR3_TICK), .wtr = 4, .rtp = 4,  \
	.refi = 7800000 / DDR3_TICK, .rfc = TICKS(260000, DDR3_TICK), .activate_slots = 1,         \
	.column_slots = 1, .other_slots = 1

/*
 * Energies from currents I (mA) at V, as Micron's TN-41-01 has it: an activate with its precharge (I0
 * tRC - I3N tRAS - I2N (tRC - tRAS)) V, a read burst (I4R - I3N) V times its length, a write burst
 * likewise, a refresh (I5B - I3N) V tRFC; background I3N V: rows stay open. mA ns V = pJ.
 * @n: parts side by side; @mv: V in mV; times in ps
 */
#define ENERGIES(n, mv, i0, i2n, i3n, i4r, i4w, i5b, trc, tras, tburst, trfc)                  \
	.activate_fj = ((i0) * (trc) - (i3n) * (tras) - (i2n) * ((trc) - (tras))) * (n)*1ULL * \
		       (mv) / 1000,                                                            \
	.read_fj = ((i4r) - (i3n)) * (tburst) * (n)*1ULL * (mv) / 1000,                        \
	.write_fj = ((i4w) - (i3n)) * (tburst) * (n)*1ULL * (mv) / 1000,                       \
	.refresh_fj = ((i5b) - (i3n)) * (trfc) * (n)*1ULL * (mv) / 1000,                       \
	.background_uw = (n) * (i3n) * (mv)

/* Micron's 4 Gbit DDR3L of 16 bits at 1600 MT/s, as in DRAMsim3's DDR3_4Gb_x16_1600: 66 mA etc. */
#define DDR3_ENERGIES(n, mv) ENERGIES(n, mv, 66, 32, 47, 235, 171, 235, 48750, 35000, 5000, 260000)

static const struct dh_ddr_part parts[] = {
	/*
	 * The part of EdgeDRNN's board class: one MT41K256M16 -125 behind a Zynq at 533 MHz. tRAS 35 ns,
	 * tRC 48.75 ns, tFAW 40 ns, tRRD 7.5 ns: Micron's 4 Gbit DDR3L data sheet for -125.
	 */
	{ .name = "ddr3l-1066-x16",
	  DDR3_1066,
	  .bytes = 16,
	  .row_bytes = 2048,
	  .ras = TICKS(35000, DDR3_TICK),
	  .rc = TICKS(48750, DDR3_TICK),
	  .rrd = 4,
	  .faw = TICKS(40000, DDR3_TICK),
	  DDR3_ENERGIES(1, 1350) },
	/*
	 * Zynq-7100 class: two parts of 16 bits side by side, those of the bin itself (-187E): tRAS 37.5
	 * ns, tRC 50.625 ns, tFAW 50 ns, tRRD 10 ns (pages of 2 KiB).
	 */
	{ .name = "ddr3-1066-x32",
	  DDR3_1066,
	  .bytes = 32,
	  .row_bytes = 4096,
	  .ras = TICKS(37500, DDR3_TICK),
	  .rc = TICKS(50625, DDR3_TICK),
	  .rrd = TICKS(10000, DDR3_TICK),
	  .faw = TICKS(50000, DDR3_TICK),
	  DDR3_ENERGIES(2, 1500) },
	/*
	 * JESD209-4, 8 Gbit die, both channels of 16 bits in step: bursts of 16; RL 28 and tDQSCK 3.5 ns,
	 * WL 14 and tDQSS 1 tick; tRPpb 18 ns, tRPab 21 ns; read to write RL + tDQSCK + 8 - WL + 2 = 30;
	 * commands of two or four ticks. Currents: DRAMsim3's LPDDR4_8Gb_x16_2400, a simulator's.
	 */
	{ .name = "lpddr4-3200-x32",
	  .tick_ps = 625,
	  .bytes = 64,
	  .burst = 8,
	  .banks = 8,
	  .row_bytes = 4096,
	  .rows = 32768,
	  .cl = 28 + TICKS(3500, 625),
	  .cwl = 14 + 1,
	  .turn = 3,
	  .rcd = TICKS(18000, 625),
	  .rp = TICKS(18000, 625),
	  .rpa = TICKS(21000, 625),
	  .ras = TICKS(42000, 625),
	  .rc = TICKS(42000, 625) + TICKS(18000, 625),
	  .rrd = TICKS(10000, 625),
	  .faw = TICKS(40000, 625),
	  .ccd = 8,
	  .wr = TICKS(18000, 625),
	  .wtr = TICKS(10000, 625),
	  .rtp = TICKS(7500, 625),
	  .refi = 3904000 / 625,
	  .rfc = TICKS(180000, 625),
	  .activate_slots = 4,
	  .column_slots = 4,
	  .other_slots = 2,
	  ENERGIES(2, 1200, 80, 34, 47, 243, 228, 280, 60000, 42000, 6640, 180000) },
};

const struct dh_ddr_part *dh_ddr_part(uint32_t number)
{
	return number && number <= sizeof(parts) / sizeof(parts[0]) ? &parts[number - 1] : NULL;
}
