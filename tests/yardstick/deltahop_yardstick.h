/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/deltahop_yardstick: one buffer, one job at a time. For measuring what
 * the real driver costs; not for use.
 *
 * mmap at offset 0 gives the buffer, which is region 0 of every job, for
 * reading and writing.
 */
#ifndef _DELTAHOP_YARDSTICK_H_
#define _DELTAHOP_YARDSTICK_H_

#include <linux/ioctl.h>

#include "deltahop_isa.h"

#define DELTAHOP_YARDSTICK_BYTES (4 << 20)

/**
 * struct deltahop_yardstick_run - run commands of the buffer and wait for their end
 * @cmd_offset: byte offset of the commands
 * @cmd_size: bytes of commands
 * @state_bytes: not 0: begin with so many bytes of zero state; 0: go on with what the chip has
 * @record: out
 */
struct deltahop_yardstick_run {
	__u64 cmd_offset;
	__u32 cmd_size;
	__u32 state_bytes;
	struct deltahop_record record;
};

#define DELTAHOP_YARDSTICK_RUN _IOWR('d', 0xe0, struct deltahop_yardstick_run)

#endif /* _DELTAHOP_YARDSTICK_H_ */
