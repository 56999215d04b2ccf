/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * DeltaHop hardware interface between driver and device: registers, ring
 * entries, region tables. Never seen by userspace, not installed. The manual is
 * Documentation/hardware.rst.
 *
 * Registers are 32 bits wide and accessed as such; a 64-bit quantity is a LO and
 * a HI register. What is not listed reads 0 and ignores writes.
 */
#ifndef _DELTAHOP_HW_H_
#define _DELTAHOP_HW_H_

#include <linux/types.h>

#define DELTAHOP_PCI_VENDOR		0x1234
#define DELTAHOP_PCI_DEVICE		0xde17
#define DELTAHOP_PCI_REVISION		0x01
#define DELTAHOP_PCI_BAR_REGS		0	/* registers */
#define DELTAHOP_PCI_BAR_CARD		2	/* card DRAM, 64 bit, prefetchable */
#define DELTAHOP_PCI_BAR_MSIX		4

#define DELTAHOP_REGS_SIZE		0x10000
#define DELTAHOP_PAGE_SIZE		4096	/* device page, whatever the kernel's is */
#define DELTAHOP_PAGE_SHIFT		12

/* Identity, read only. */
#define DELTAHOP_REG_ID			0x0000	/* DELTAHOP_ID */
#define DELTAHOP_ID			0x504f4844	/* "DHOP" */
#define DELTAHOP_REG_ABI		0x0004	/* major << 16 | minor */
#define DELTAHOP_REG_CAPS_LO		0x0008
#define DELTAHOP_REG_CAPS_HI		0x000c
#define DELTAHOP_REG_ENGINES		0x0010	/* bit per enum deltahop_engine */
#define DELTAHOP_REG_PROFILE		0x0014	/* enum deltahop_profile */
#define DELTAHOP_REG_CLOCK_HZ		0x0018
#define DELTAHOP_REG_CARD_SIZE_LO	0x001c	/* bytes of card DRAM, 0: none */
#define DELTAHOP_REG_CARD_SIZE_HI	0x0020
#define DELTAHOP_REG_MAX_REGIONS	0x0024	/* entries of a region table */
#define DELTAHOP_REG_DRAM_BEAT_BYTES	0x0028
#define DELTAHOP_REG_DRAM_N		0x002c	/* cycles between beats at least; 0: ideal memory */
#define DELTAHOP_REG_DRAM_L		0x0030	/* latency, cycles */
#define DELTAHOP_REG_DRAM_Q		0x0034	/* outstanding bursts */
#define DELTAHOP_REG_LINK_N		0x0038	/* the same for memory behind the link; 0: no link, the DRAM channel serves all */
#define DELTAHOP_REG_LINK_L		0x003c
#define DELTAHOP_REG_LINK_Q		0x0040
#define DELTAHOP_REG_DRAM_PART		0x0044	/* 0: dram=simple; else the part of dram=ddr */

#define DELTAHOP_REG_RNN_PES		0x0080
#define DELTAHOP_REG_RNN_SLOTS		0x0084	/* layer slots */
#define DELTAHOP_REG_RNN_MAX_INPUTS	0x0088
#define DELTAHOP_REG_RNN_MAX_HIDDEN	0x008c
#define DELTAHOP_REG_RNN_STATE_BYTES	0x0090	/* state memory on the chip */

#define DELTAHOP_REG_CONV_MACS		0x00a0
#define DELTAHOP_REG_CONV_KERNEL_WORDS	0x00a4	/* kernel memory of a MAC, weights */
#define DELTAHOP_REG_CONV_STORE_BYTES	0x00a8	/* input store */
#define DELTAHOP_REG_CONV_MAX_CHANNELS	0x00ac	/* of an input */
#define DELTAHOP_REG_CONV_MAX_COLS	0x00b0	/* of input and output */
#define DELTAHOP_REG_CONV_MAX_OUTPUTS	0x00b4	/* of a fully connected layer */

/* Control. */
#define DELTAHOP_REG_CTRL		0x0100
#define DELTAHOP_CTRL_RESET		(1 << 0) /* write 1: reset all; reads 1 until done */
#define DELTAHOP_REG_TIME_LO		0x0104	/* device time, ns; reading LO latches HI */
#define DELTAHOP_REG_TIME_HI		0x0108
#define DELTAHOP_REG_IRQ_STATUS		0x010c	/* write 1 to clear */
#define DELTAHOP_REG_IRQ_ENABLE		0x0110
#define DELTAHOP_IRQ_ERROR		(1 << 0) /* a ring halted */
#define DELTAHOP_IRQ_RING(r)		(1 << (1 + (r)))
#define DELTAHOP_IRQ_ALL		0x7
#define DELTAHOP_VECTOR_ERROR		0	/* MSI-X vectors */
#define DELTAHOP_VECTOR_RING(r)		(1 + (r))
#define DELTAHOP_VECTOR_COUNT		3

/* One page of registers per ring; ring number = enum deltahop_engine. */
#define DELTAHOP_RING(r, reg)		(0x1000 + 0x1000 * (r) + (reg))
#define DELTAHOP_RING_CTRL		0x00
#define DELTAHOP_RING_CTRL_ENABLE	(1 << 0)
#define DELTAHOP_RING_CTRL_RESET	(1 << 1) /* write 1: reset engine and ring; reads 1 until done */
#define DELTAHOP_RING_STATUS		0x04	/* read only: enum deltahop_ring_status */
#define DELTAHOP_RING_ERROR		0x08	/* read only: enum deltahop_ring_error, why the ring halted */
#define DELTAHOP_RING_BASE_LO		0x0c	/* DMA address, 4 KiB aligned; writable while disabled */
#define DELTAHOP_RING_BASE_HI		0x10
#define DELTAHOP_RING_SIZE		0x14	/* log2 of the entries, 1..8; writable while disabled */
#define DELTAHOP_RING_HEAD		0x18	/* read only: entries consumed, free running */
#define DELTAHOP_RING_TAIL		0x1c	/* doorbell: entries produced, free running */
#define DELTAHOP_RING_PROGRESS		0x20	/* read only: moves with every command and step */
#define DELTAHOP_RING_SEQNO		0x24	/* read only: sequence number of the last entry completed */

enum deltahop_ring_status {
	DELTAHOP_RING_DISABLED = 0,
	DELTAHOP_RING_IDLE = 1,
	DELTAHOP_RING_BUSY = 2,
	DELTAHOP_RING_HALTED = 3,	/* left by engine reset only */
	DELTAHOP_RING_RESETTING = 4,
};

enum deltahop_ring_error {
	DELTAHOP_RING_OK = 0,
	DELTAHOP_RING_BAD_ENTRY = 1,	/* entry malformed */
	DELTAHOP_RING_BAD_TAIL = 2,	/* doorbell more than the ring's entries ahead of the head */
	DELTAHOP_RING_DMA = 3,		/* entry could not be read, or a record not written */
};

/* An engine reset and a device reset take this long. */
#define DELTAHOP_RESET_NS		1000

enum deltahop_entry_type {
	DELTAHOP_ENTRY_NOP = 1,
	DELTAHOP_ENTRY_JOB = 2,
	DELTAHOP_ENTRY_STATE_LOAD = 3,
	DELTAHOP_ENTRY_STATE_SAVE = 4,
	DELTAHOP_ENTRY_STATE_DISCARD = 5,
};

#define DELTAHOP_ENTRY_IRQ		(1 << 0) /* interrupt when done */
#define DELTAHOP_ENTRY_STATE_ZERO	(1 << 1) /* STATE_LOAD: clear @state_bytes instead of reading them */
#define DELTAHOP_REGION_NONE		0xffffffff

/**
 * struct deltahop_entry - ring entry, 64 bytes
 * @type: &enum deltahop_entry_type
 * @flags: DELTAHOP_ENTRY_*
 * @owner: owner tag, never 0. A JOB, STATE_LOAD or STATE_DISCARD whose tag differs from that of the entry before makes every
 *	on-chip content invalid first; a STATE_SAVE under another tag than the state's faults NOT_LOADED
 * @seqno: number copied to the record
 * @table_addr: DMA address of the region table, 8-byte aligned
 * @table_count: entries of the region table
 * @cmd_region: JOB: region that holds the commands, READ. STATE_LOAD and STATE_SAVE: region 0 is the state image and this is 0
 * @cmd_offset: JOB: byte offset of the first command, multiple of 8. STATE_LOAD and STATE_SAVE: byte offset of the image
 * @size: JOB: bytes of commands, multiple of 8. STATE_LOAD and STATE_SAVE: bytes of the image, multiple of 8, at most
 *	the state memory
 * @profile_region: JOB: profile region, WRITE, or DELTAHOP_REGION_NONE
 * @record_addr: DMA address of the &struct deltahop_record, 8-byte aligned, or 0 for no record
 * @cycle_budget: JOB: cycles after which it is stopped, 0 for none
 */
struct deltahop_entry {
	__le32 type;
	__le32 flags;
	__le32 owner;
	__le32 seqno;
	__le64 table_addr;
	__le32 table_count;
	__le32 cmd_region;
	__le64 cmd_offset;
	__le32 size;
	__le32 profile_region;
	__le64 record_addr;
	__le64 cycle_budget;
};

#define DELTAHOP_REGION_VALID		(1 << 0)
#define DELTAHOP_REGION_READ		(1 << 1)
#define DELTAHOP_REGION_WRITE		(1 << 2)
#define DELTAHOP_REGION_CARD		(1 << 3) /* addresses are offsets in card DRAM */
#define DELTAHOP_REGION_LIST		(1 << 4) /* @addr is a list of pages */

/**
 * struct deltahop_region - entry of a region table, 32 bytes
 * @addr: DELTAHOP_REGION_LIST: DMA address (always of system memory) of an array of __le64, one for each device page, each the DMA
 *	address or card offset of that page, 4 KiB aligned. Else: DMA address or card offset of the region's first byte
 * @length: bytes of the region
 * @flags: DELTAHOP_REGION_*; an entry without VALID is no region
 * @first: DELTAHOP_REGION_LIST: byte of the first page at which the region begins, below 4096; else 0
 * @rsvd: zero
 */
struct deltahop_region {
	__le64 addr;
	__le64 length;
	__le32 flags;
	__le32 first;
	__le64 rsvd;
};

#endif /* _DELTAHOP_HW_H_ */
