/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * DeltaHop accelerator: ioctls of /dev/accel/accelN.
 *
 * Rules of this interface:
 *  - natural alignment, 64-bit fields on 8 bytes, sizes multiples of 8, no unions, no hidden padding;
 *  - pads and unknown flags are refused with -EINVAL when not zero; flags are only ever added;
 *  - every array is a pointer with count and stride (multiple of 8, at most 4096), every query an id with a size; a
 *    structure that is larger than the kernel knows is taken if the rest is zero, a smaller one is filled up with zeros;
 *  - each addition bumps the driver's minor version, listed in deltahop_drv.c.
 *
 * The kernel parses no commands. A job names memory by (region, offset), regions are bound by
 * &struct drm_deltahop_bindings_create, and the device checks every access.
 *
 * An ioctl marked "reserved" is defined and answers -EOPNOTSUPP.
 */
#ifndef _UAPI_DRM_DELTAHOP_ACCEL_H_
#define _UAPI_DRM_DELTAHOP_ACCEL_H_

#include "drm.h"
#include "deltahop_isa.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DELTAHOP_DRIVER_NAME		"deltahop"

#define DRM_DELTAHOP_DEV_QUERY		0x00
#define DRM_DELTAHOP_BO_CREATE		0x01
#define DRM_DELTAHOP_BO_INFO		0x02
#define DRM_DELTAHOP_BO_WAIT		0x03
#define DRM_DELTAHOP_CTX_CREATE		0x04
#define DRM_DELTAHOP_CTX_DESTROY	0x05
#define DRM_DELTAHOP_BINDINGS_CREATE	0x06
#define DRM_DELTAHOP_BINDINGS_DESTROY	0x07
#define DRM_DELTAHOP_STATE_CREATE	0x08
#define DRM_DELTAHOP_STATE_DESTROY	0x09
#define DRM_DELTAHOP_STATE_RESET	0x0a
#define DRM_DELTAHOP_STATE_COPY		0x0b
#define DRM_DELTAHOP_SUBMIT		0x0c
#define DRM_DELTAHOP_WAIT		0x0d

/** enum drm_deltahop_query - what can be asked of a device */
enum drm_deltahop_query {
	DRM_DELTAHOP_QUERY_DEVICE = 0,		/* struct drm_deltahop_device_info */
	DRM_DELTAHOP_QUERY_HEAPS = 1,		/* struct drm_deltahop_heap_info */
	DRM_DELTAHOP_QUERY_PRIORITIES = 2,	/* struct drm_deltahop_priority_info */
	DRM_DELTAHOP_QUERY_TIME = 3,		/* struct drm_deltahop_time_info */
};

/**
 * struct drm_deltahop_dev_query - ask the device
 * @id: &enum drm_deltahop_query
 * @size: in: bytes at @data; out: bytes that the kernel knows. With @data 0 only the size is returned
 * @data: user pointer to the structure of @id, filled up to the smaller of both sizes
 *
 * Errors: -EINVAL unknown id; -EFAULT; -ENODEV device gone.
 */
struct drm_deltahop_dev_query {
	__u32 id;
	__u32 size;
	__u64 data;
};

/**
 * struct drm_deltahop_device_info - what the device is
 * @caps: DELTAHOP_CAP_*
 * @card_size: bytes of card memory, 0 if there is none
 * @hw_abi: DELTAHOP_HW_ABI_MAJOR << 16 | minor
 * @profile: &enum deltahop_profile
 * @engines: bit per &enum deltahop_engine
 * @clock_hz: engine clock
 * @rnn_pes: processing elements of the recurrent engine
 * @rnn_slots: layer slots
 * @rnn_max_inputs: largest input vector of a layer
 * @rnn_max_hidden: largest number of units of a layer
 * @rnn_state_bytes: largest state image
 * @dram_beat_bytes: bytes a beat of the DRAM channel
 * @dram_n: cycles from beat to beat at least, 0 for ideal memory
 * @dram_l: latency in cycles
 * @dram_q: outstanding bursts
 * @link_n: as @dram_n for memory behind the link; 0 if the DRAM channel serves all memory
 * @link_l: as @dram_l
 * @link_q: as @dram_q
 * @max_regions: largest number of regions of a bindings object
 * @record_slots: records kept per context
 * @max_jobs: most jobs of one submit, and most unfinished jobs of a context
 * @conv_macs: MACs of the convolution engine; this and what follows is 0 where there is none
 * @conv_kernel_words: weights in the kernel memory of a MAC
 * @conv_store_bytes: input store
 * @conv_max_channels: most channels of an input
 * @conv_max_cols: most columns of input and output
 * @conv_max_outputs: most outputs of a fully connected layer
 * @pad: zero
 */
struct drm_deltahop_device_info {
	__u64 caps;
	__u64 card_size;
	__u32 hw_abi;
	__u32 profile;
	__u32 engines;
	__u32 clock_hz;
	__u32 rnn_pes;
	__u32 rnn_slots;
	__u32 rnn_max_inputs;
	__u32 rnn_max_hidden;
	__u32 rnn_state_bytes;
	__u32 dram_beat_bytes;
	__u32 dram_n;
	__u32 dram_l;
	__u32 dram_q;
	__u32 link_n;
	__u32 link_l;
	__u32 link_q;
	__u32 max_regions;
	__u32 record_slots;
	__u32 max_jobs;
	__u32 conv_macs;
	__u32 conv_kernel_words;
	__u32 conv_store_bytes;
	__u32 conv_max_channels;
	__u32 conv_max_cols;
	__u32 conv_max_outputs;
	__u32 pad;
};

/**
 * struct drm_deltahop_heap_info - memory
 * @card_size: bytes of card memory that buffers can have
 * @card_free: of these, free now
 * @card_largest: size of the largest buffer that fits now
 * @system_used: bytes of system memory held by buffers of this file
 */
struct drm_deltahop_heap_info {
	__u64 card_size;
	__u64 card_free;
	__u64 card_largest;
	__u64 system_used;
};

/** enum drm_deltahop_priority - of a context, between jobs on one engine */
enum drm_deltahop_priority {
	DRM_DELTAHOP_PRIORITY_LOW = 0,
	DRM_DELTAHOP_PRIORITY_MEDIUM = 1,
	DRM_DELTAHOP_PRIORITY_HIGH = 2,		/* CAP_SYS_NICE */
	DRM_DELTAHOP_PRIORITY_REALTIME = 3,	/* CAP_SYS_NICE */
};

/**
 * struct drm_deltahop_priority_info - priorities that the caller may use
 * @allowed: bit per &enum drm_deltahop_priority
 * @pad: zero
 */
struct drm_deltahop_priority_info {
	__u32 allowed;
	__u32 pad;
};

/**
 * struct drm_deltahop_time_info - one moment on two clocks
 * @device_ns: device time, that of records
 * @monotonic_ns: CLOCK_MONOTONIC, read right before and after and averaged
 */
struct drm_deltahop_time_info {
	__u64 device_ns;
	__u64 monotonic_ns;
};

/** enum drm_deltahop_placement - where a buffer lives */
enum drm_deltahop_placement {
	DRM_DELTAHOP_PLACEMENT_DEFAULT = 0,	/* the kernel's choice: system memory */
	DRM_DELTAHOP_PLACEMENT_SYSTEM = 1,
	DRM_DELTAHOP_PLACEMENT_CARD = 2,
};

/**
 * struct drm_deltahop_bo_create - make a buffer
 * @size: bytes; rounded up to whole pages
 * @placement: &enum drm_deltahop_placement
 * @flags: zero
 * @handle: out: GEM handle, closed with DRM_IOCTL_GEM_CLOSE; PRIME imports and exports it, but card memory is not exported yet
 * @pad: zero
 * @mmap_offset: out: offset for mmap of the device node
 *
 * The buffer is zeroed. Errors: -EINVAL; -ENOMEM; -ENOSPC card memory used up; -EOPNOTSUPP the device has no card memory.
 */
struct drm_deltahop_bo_create {
	__u64 size;
	__u32 placement;
	__u32 flags;
	__u32 handle;
	__u32 pad;
	__u64 mmap_offset;
};

/**
 * struct drm_deltahop_bo_info - about a buffer, also an imported one
 * @handle: in
 * @placement: out: where it is
 * @size: out: bytes
 * @mmap_offset: out: 0 for an imported buffer, which is mapped through its own file
 */
struct drm_deltahop_bo_info {
	__u32 handle;
	__u32 placement;
	__u64 size;
	__u64 mmap_offset;
};

/* Wait for readers too, that is until the CPU may write. */
#define DRM_DELTAHOP_BO_WAIT_WRITE	(1 << 0)

/**
 * struct drm_deltahop_bo_wait - wait for the implicit fences of a buffer
 * @handle: in
 * @flags: DRM_DELTAHOP_BO_WAIT_*
 * @timeout_ns: absolute CLOCK_MONOTONIC time; in the past: only ask
 *
 * Says that jobs have ended, not how. Errors: -ENOENT; -ETIMEDOUT; -EINTR.
 */
struct drm_deltahop_bo_wait {
	__u32 handle;
	__u32 flags;
	__s64 timeout_ns;
};

/**
 * struct drm_deltahop_ctx_create - make a context: a queue of jobs on each engine, a sequence of numbers, a ring of records
 * @priority: &enum drm_deltahop_priority
 * @flags: zero
 * @id: out
 * @record_slots: out: number of &struct deltahop_record in the ring; job S has slot S mod record_slots
 * @record_offset: out: offset for a read-only mmap of the ring
 *
 * Errors: -EINVAL; -EACCES priority not allowed; -ENOMEM; -ENOSPC too many contexts in this file.
 */
struct drm_deltahop_ctx_create {
	__u32 priority;
	__u32 flags;
	__u32 id;
	__u32 record_slots;
	__u64 record_offset;
};

/**
 * struct drm_deltahop_ctx_destroy - close a context
 * @id: in; jobs that have not started end DELTAHOP_STATUS_CANCELLED, a running one is allowed to end
 * @pad: zero
 */
struct drm_deltahop_ctx_destroy {
	__u32 id;
	__u32 pad;
};

#define DRM_DELTAHOP_BIND_READ	(1 << 0)	/* the device may read */
#define DRM_DELTAHOP_BIND_WRITE	(1 << 1)	/* the device may write */
#define DRM_DELTAHOP_BIND_SYNC	(1 << 2)	/* implicit synchronisation; imported buffers always have it */

/**
 * struct drm_deltahop_binding - one region
 * @handle: buffer; 0 leaves the region without memory (to be given by an override)
 * @flags: DRM_DELTAHOP_BIND_*, READ or WRITE at least (for an empty one: zero)
 * @offset: byte offset in the buffer, multiple of 8
 * @size: bytes, at least 1
 */
struct drm_deltahop_binding {
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 size;
};

/**
 * struct drm_deltahop_bindings_create - bind buffers to region numbers, once, for many jobs
 * @bindings: user pointer to an array of &struct drm_deltahop_binding; entry r is region r
 * @count: 1..max_regions
 * @stride: bytes from entry to entry
 * @handle: out: handle of the bindings object
 * @bad: out on -EINVAL, -ENOENT, -ERANGE: number of the first bad entry
 *
 * The buffers stay pinned until the object is destroyed and its last job has ended. Errors: -EINVAL; -ENOENT no such
 * buffer; -ERANGE past the end of the buffer; -ENOMEM; -EFAULT.
 */
struct drm_deltahop_bindings_create {
	__u64 bindings;
	__u32 count;
	__u32 stride;
	__u32 handle;
	__u32 bad;
};

/**
 * struct drm_deltahop_bindings_destroy - drop a bindings object; jobs in flight keep it
 * @handle: in
 * @pad: zero
 */
struct drm_deltahop_bindings_destroy {
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_deltahop_state_create - make the recurrent state of one stream
 * @ctx: context whose jobs may use it
 * @size: bytes of the state image, multiple of 8, at most rnn_state_bytes
 * @template_handle: buffer with the initial image, copied now; 0: zeros
 * @flags: zero
 * @template_offset: byte offset of the image in it, multiple of 8
 * @handle: out
 * @pad: zero
 *
 * A template needs DELTAHOP_CAP_RNN_TEMPLATE (-EOPNOTSUPP). Errors: -EINVAL; -ENOENT; -ERANGE; -ENOMEM.
 */
struct drm_deltahop_state_create {
	__u32 ctx;
	__u32 size;
	__u32 template_handle;
	__u32 flags;
	__u64 template_offset;
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_deltahop_state_destroy - drop a state; jobs in flight keep it
 * @handle: in
 * @pad: zero
 */
struct drm_deltahop_state_destroy {
	__u32 handle;
	__u32 pad;
};

/**
 * struct drm_deltahop_state_reset - the next job submitted starts from the initial image; also makes a lost state usable again
 * @handle: in
 * @pad: zero
 *
 * Does not wait; ordered with the submits of this state.
 */
struct drm_deltahop_state_reset {
	__u32 handle;
	__u32 pad;
};

/** enum drm_deltahop_state_op - for &struct drm_deltahop_state_copy */
enum drm_deltahop_state_op {
	DRM_DELTAHOP_STATE_SNAPSHOT = 0,	/* state to buffer */
	DRM_DELTAHOP_STATE_RESTORE = 1,		/* buffer to state */
	DRM_DELTAHOP_STATE_CLONE = 2,		/* state to state */
};

/**
 * struct drm_deltahop_state_copy - reserved: snapshot, restore, clone
 * @handle: state
 * @op: &enum drm_deltahop_state_op
 * @other: buffer or state
 * @flags: zero
 * @offset: byte offset in the buffer
 * @in_sync: syncobj to wait for, or 0
 * @out_sync: syncobj to signal, or 0
 * @in_point: timeline point of @in_sync, 0 for a binary syncobj
 * @out_point: likewise
 */
struct drm_deltahop_state_copy {
	__u32 handle;
	__u32 op;
	__u32 other;
	__u32 flags;
	__u64 offset;
	__u32 in_sync;
	__u32 out_sync;
	__u64 in_point;
	__u64 out_point;
};

#define DRM_DELTAHOP_SYNC_WAIT		0
#define DRM_DELTAHOP_SYNC_SIGNAL	(1 << 0)

/**
 * struct drm_deltahop_sync - a syncobj to wait for or to signal
 * @handle: syncobj
 * @flags: DRM_DELTAHOP_SYNC_WAIT or _SIGNAL
 * @point: timeline point, 0 for a binary syncobj
 */
struct drm_deltahop_sync {
	__u32 handle;
	__u32 flags;
	__u64 point;
};

/**
 * struct drm_deltahop_override - another buffer for a region, for one job
 * @region: number of the region
 * @pad: zero
 * @binding: what to bind instead
 */
struct drm_deltahop_override {
	__u32 region;
	__u32 pad;
	struct drm_deltahop_binding binding;
};

/* Start from the state's initial image. */
#define DRM_DELTAHOP_JOB_STATE_RESET	(1 << 0)

/**
 * struct drm_deltahop_job - one job
 * @engine: &enum deltahop_engine
 * @flags: DRM_DELTAHOP_JOB_*
 * @bindings: handle of the bindings object
 * @state: handle of a state of the same context, or 0
 * @cmd_offset: byte offset of the commands in @cmd_region, multiple of 8
 * @cmd_size: bytes of commands, multiple of 8, at least 8
 * @cmd_region: region with READ that holds the commands
 * @profile_region: region with WRITE for profile rows, or ~0
 * @depends: 1 + index of an earlier job of this submit that must succeed first, or 0
 * @cycle_budget: engine cycles after which the device stops the job; 0: no limit but the driver's time-out
 * @overrides: user pointer to an array of &struct drm_deltahop_override
 * @override_count: at most 8
 * @override_stride: bytes from entry to entry
 * @syncs: user pointer to an array of &struct drm_deltahop_sync
 * @sync_count: at most 64
 * @sync_stride: bytes from entry to entry
 * @seqno: out: sequence number in the context
 * @pad: zero
 *
 * Jobs of a context on one engine run in order; jobs of one state too. When a job fails, later jobs of the same state and
 * those that depend on it end DELTAHOP_STATUS_DEPENDENCY_FAILED, until a job with DRM_DELTAHOP_JOB_STATE_RESET
 * or a reset of the state. So does a job that waits for a syncobj whose fence carries an error.
 * Waits are looked up before any job of the submit signals: between jobs of one submit, use @depends.
 */
struct drm_deltahop_job {
	__u32 engine;
	__u32 flags;
	__u32 bindings;
	__u32 state;
	__u64 cmd_offset;
	__u32 cmd_size;
	__u32 cmd_region;
	__u32 profile_region;
	__u32 depends;
	__u64 cycle_budget;
	__u64 overrides;
	__u32 override_count;
	__u32 override_stride;
	__u64 syncs;
	__u32 sync_count;
	__u32 sync_stride;
	__u32 seqno;
	__u32 pad;
};

/**
 * struct drm_deltahop_submit - hand in jobs, all or none
 * @ctx: context
 * @flags: zero
 * @jobs: user pointer to an array of &struct drm_deltahop_job; seqno is written back
 * @count: 1..max_jobs
 * @stride: bytes from job to job, enough to hold seqno
 * @bad_job: out on error: index of the first bad job, ~0 if the error is not one of a job
 * @pad: zero
 *
 * Errors: -EINVAL; -ENOENT no such context, bindings, state, syncobj or buffer; -EBUSY more than max_jobs unfinished jobs,
 * or one so old that a new record would take the place of its own; -ENODEV; -ENOMEM; -EFAULT; -EOPNOTSUPP engine not
 * there; -ERANGE commands or override past the end.
 */
struct drm_deltahop_submit {
	__u32 ctx;
	__u32 flags;
	__u64 jobs;
	__u32 count;
	__u32 stride;
	__u32 bad_job;
	__u32 pad;
};

/**
 * struct drm_deltahop_wait - wait for a job and get its record
 * @ctx: context
 * @seqno: sequence number of the job
 * @timeout_ns: absolute CLOCK_MONOTONIC time; in the past: only ask
 * @record: out: the job's record (little endian), also when the job failed
 * @flags: zero
 * @pad: zero
 *
 * Returns 0 if the job succeeded, else the error of its status (see &enum deltahop_status) with the record. Errors of the call
 * itself leave the record's status DELTAHOP_STATUS_NONE: -ETIMEDOUT; -ENOENT no such context or number not yet given out;
 * -ESTALE so old that its record has been written over; -EINTR.
 */
struct drm_deltahop_wait {
	__u32 ctx;
	__u32 seqno;
	__s64 timeout_ns;
	struct deltahop_record record;
	__u32 flags;
	__u32 pad;
};

#define DRM_IOCTL_DELTAHOP_DEV_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_DEV_QUERY, struct drm_deltahop_dev_query)
#define DRM_IOCTL_DELTAHOP_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BO_CREATE, struct drm_deltahop_bo_create)
#define DRM_IOCTL_DELTAHOP_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BO_INFO, struct drm_deltahop_bo_info)
#define DRM_IOCTL_DELTAHOP_BO_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BO_WAIT, struct drm_deltahop_bo_wait)
#define DRM_IOCTL_DELTAHOP_CTX_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_CTX_CREATE, struct drm_deltahop_ctx_create)
#define DRM_IOCTL_DELTAHOP_CTX_DESTROY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_CTX_DESTROY, struct drm_deltahop_ctx_destroy)
#define DRM_IOCTL_DELTAHOP_BINDINGS_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BINDINGS_CREATE, struct drm_deltahop_bindings_create)
#define DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_BINDINGS_DESTROY, struct drm_deltahop_bindings_destroy)
#define DRM_IOCTL_DELTAHOP_STATE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_STATE_CREATE, struct drm_deltahop_state_create)
#define DRM_IOCTL_DELTAHOP_STATE_DESTROY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_STATE_DESTROY, struct drm_deltahop_state_destroy)
#define DRM_IOCTL_DELTAHOP_STATE_RESET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_STATE_RESET, struct drm_deltahop_state_reset)
#define DRM_IOCTL_DELTAHOP_STATE_COPY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_STATE_COPY, struct drm_deltahop_state_copy)
#define DRM_IOCTL_DELTAHOP_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_SUBMIT, struct drm_deltahop_submit)
#define DRM_IOCTL_DELTAHOP_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_WAIT, struct drm_deltahop_wait)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DRM_DELTAHOP_ACCEL_H_ */
