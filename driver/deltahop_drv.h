/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DeltaHop: every structure of the driver, and what each file offers to the
 * others.
 *
 * Lock order, outermost first:
 *	dma_resv (ww)
 *	deltahop_ctx.lock
 *	deltahop_ring.pause_lock
 *	deltahop_ring.lock (of rings in ascending order)
 *	deltahop_ctx.record_lock, deltahop_device.time_lock
 *
 * deltahop_device.bo_lock, deltahop_bo.map_lock and deltahop_device.mem_lock
 * nest in that order and are never held together with those of ctx and ring.
 */
#ifndef _DELTAHOP_DRV_H_
#define _DELTAHOP_DRV_H_

#include "compat/deltahop_compat.h"

#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_mm.h>
#include <drm/drm_util.h>
#include <drm/gpu_scheduler.h>

#include "deltahop_accel.h"
#include "../uapi/deltahop_hw.h"

#define DELTAHOP_MAX_CONTEXTS	 64 /* per file, as the next two */
#define DELTAHOP_MAX_BINDINGS	 1024
#define DELTAHOP_MAX_STATES	 1024
#define DELTAHOP_MAX_STATE_BYTES SZ_256M /* images of the states of a file */
#define DELTAHOP_MAX_BO_BYTES	 (16ULL * SZ_1G)
#define DELTAHOP_MAX_REGIONS	 256 /* the device may allow fewer */
#define DELTAHOP_MAX_OVERRIDES	 8
#define DELTAHOP_MAX_SYNCS	 64
#define DELTAHOP_MAX_JOBS	 128 /* unfinished, of a context */
#define DELTAHOP_MAX_STRIDE	 4096
#define DELTAHOP_RECORD_SLOTS	 256 /* a power of 2, more than MAX_JOBS */
#define DELTAHOP_RECORD_BYTES	 (DELTAHOP_RECORD_SLOTS * sizeof(struct deltahop_record))
#define DELTAHOP_RECORD_STRIDE	 SZ_1M /* from ring to ring in the mmap space */
#define DELTAHOP_RING_JOBS	 2     /* on a ring at once */
#define DELTAHOP_RING_ORDER	 4     /* entries: up to 3 for each job, more to spare */
#define DELTAHOP_RING_ENTRIES	 (1U << DELTAHOP_RING_ORDER)

struct deltahop_ctx;
struct deltahop_job;
struct deltahop_ring;

/**
 * struct deltahop_mem - coherent memory that the device uses and no user sees
 * @link: in &deltahop_device.mems, so that unplug finds it
 * @vaddr: NULL when there is none (any more)
 * @addr: DMA address
 * @size: bytes
 */
struct deltahop_mem {
	struct list_head link;
	void *vaddr;
	dma_addr_t addr;
	size_t size;
};

/**
 * struct deltahop_state - the recurrent state of a stream
 * @ref: the handle, and jobs that use or save it
 * @ddev: device
 * @ring: of the engine that it lives on
 * @owner: owner tag of its context
 * @size: bytes of the image
 * @has_template: a template image follows the image; else the initial image is zeros
 * @reset_next: the next job starts from the initial image; by xchg()
 * @life: number of the initial image's last use; deltahop_ring.lock, as the next
 * @lost_life: the last life that was lost; equal to @life: not usable until reset
 * @mem: a region table of one entry, padded to DELTAHOP_STATE_IMAGE; image; template
 * @free_work: last put
 */
struct deltahop_state {
	struct kref ref;
	struct deltahop_device *ddev;
	struct deltahop_ring *ring;
	u32 owner;
	u32 size;
	bool has_template;
	u32 reset_next;
	u32 life;
	u32 lost_life;
	struct deltahop_mem mem;
	struct work_struct free_work;
};

#define DELTAHOP_STATE_IMAGE 64 /* offset of the image in &deltahop_state.mem */

/**
 * struct deltahop_ring - an engine with its ring and its scheduler
 * @ddev: device
 * @engine: number of the engine and of its ring
 * @name: of the engine, in messages and fences
 * @irq: Linux interrupt number
 * @sched: picks the job that goes on the ring next
 * @pause_lock: pausing @sched
 * @lock: all below
 * @mem: entries, records, region tables, in this order
 * @entries: DELTAHOP_RING_ENTRIES entries
 * @records: the record of each entry
 * @tables: the region table of each entry, max_regions long
 * @tail: entries written since the last reset of the engine
 * @seqno: of the last entry written; never starts again, so that an old record matches nothing
 * @jobs: jobs on the ring, in order; also those that were refused and wait for their turn to end
 * @resident: state that is on the chip when all entries written so far are done; no reference,
 *	cleared by its release
 * @resident_life: its life
 * @chip: state that the chip holds newer than its image, as of the jobs that have ended; no
 *	reference, likewise
 * @chip_life: its life
 * @watch_seqno: job whose progress was looked at when the time-out fired last
 * @watch_progress: and what it was
 */
struct deltahop_ring {
	struct deltahop_device *ddev;
	enum deltahop_engine engine;
	const char *name;
	int irq;
	struct drm_gpu_scheduler sched;
	struct mutex pause_lock;
	struct mutex lock;
	struct deltahop_mem mem;
	struct deltahop_entry *entries;
	struct deltahop_record *records;
	struct deltahop_region *tables;
	u32 tail;
	u32 seqno;
	struct list_head jobs;
	struct deltahop_state *resident;
	u32 resident_life;
	struct deltahop_state *chip;
	u32 chip_life;
	u32 watch_seqno;
	u32 watch_progress;
};

/**
 * struct deltahop_device - a card
 * @drm: DRM device
 * @regs: registers
 * @card_bus: bus address of card memory as the CPU sees it
 * @info: what the registers say about the device
 * @rings: by engine; absent ones have no bit in info.engines
 * @dead: reset has failed, nothing runs any more
 * @reset_wq: time-outs of all engines, one after the other
 * @free_wq: last puts of jobs and states, which take locks that a scheduler's queue must not
 *	wait for
 * @time_lock: reading the low half of the time latches the high half
 * @contexts: all contexts by owner tag
 * @next_owner: where to look for a free tag
 * @job_count: jobs that exist
 * @idle: woken when @job_count becomes 0
 * @card: card memory
 * @card_lock: @card
 * @bos: buffers in system memory, own and imported, which may have DMA mappings
 * @bo_lock: @bos
 * @mems: all struct deltahop_mem
 * @mem_lock: @mems
 */
struct deltahop_device {
	struct drm_device drm;
	void __iomem *regs;
	resource_size_t card_bus;
	struct drm_deltahop_device_info info;
	struct deltahop_ring rings[DELTAHOP_ENGINE_COUNT];
	bool dead;
	struct workqueue_struct *reset_wq;
	struct workqueue_struct *free_wq;
	spinlock_t time_lock;
	struct xarray contexts;
	u32 next_owner;
	atomic_t job_count;
	wait_queue_head_t idle;
	struct drm_mm card;
	struct mutex card_lock;
	struct list_head bos;
	struct mutex bo_lock;
	struct list_head mems;
	struct mutex mem_lock;
};

#define to_deltahop_device(d) container_of(d, struct deltahop_device, drm)

/* clang-format off */
#define deltahop_for_each_ring(ring, ddev)						\
	for ((ring) = (ddev)->rings; (ring) < (ddev)->rings + DELTAHOP_ENGINE_COUNT; (ring)++) \
		for_each_if((ddev)->info.engines & BIT((ring)->engine))
/* clang-format on */

/**
 * struct deltahop_file - an open file
 * @contexts: by id
 * @bindings: by handle
 * @states: by handle
 * @state_bytes: of the images of @states
 */
struct deltahop_file {
	struct xarray contexts;
	struct xarray bindings;
	struct xarray states;
	atomic_long_t state_bytes;
};

/**
 * struct deltahop_bo - a buffer
 * @shmem: buffers in card memory use its base only
 * @placement: DRM_DELTAHOP_PLACEMENT_SYSTEM or _CARD
 * @node: where in card memory
 * @link: in &deltahop_device.bos
 * @map_lock: the next four
 * @mapped: the device can use the buffer
 * @contiguous: it is one range that begins at @addr; else @pages lists its device pages
 * @addr: DMA address or card offset
 * @pages: array of __le64
 * @dummy: what a mapping of card memory shows after unplug
 */
struct deltahop_bo {
	struct drm_gem_shmem_object shmem;
	u32 placement;
	struct drm_mm_node node;
	struct list_head link;
	struct mutex map_lock;
	bool mapped;
	bool contiguous;
	u64 addr;
	struct deltahop_mem pages;
	struct page *dummy;
};

#define to_deltahop_bo(obj) container_of(obj, struct deltahop_bo, shmem.base)

/**
 * struct deltahop_bound - a region of a bindings object, or of an override
 * @obj: buffer with a reference, NULL for an empty region
 * @flags: DRM_DELTAHOP_BIND_*, with SYNC for every imported buffer
 * @region: what the device gets to see
 */
struct deltahop_bound {
	struct drm_gem_object *obj;
	u32 flags;
	struct deltahop_region region;
};

/**
 * struct deltahop_bindings - regions for many jobs; nothing changes after creation
 * @ref: the handle, and jobs
 * @count: regions
 * @bounds: the regions
 */
struct deltahop_bindings {
	struct kref ref;
	u32 count;
	struct deltahop_bound bounds[] __counted_by(count);
};

/**
 * struct deltahop_queue - the jobs of a context for one engine
 * @entity: the scheduler's part
 * @fence_context: timeline of its jobs' fences
 * @fence_seqno: last number given out on it; deltahop_ctx.lock
 */
struct deltahop_queue {
	struct drm_sched_entity entity;
	u64 fence_context;
	u64 fence_seqno;
};

/**
 * struct deltahop_ctx - a context
 * @ref: the id, jobs
 * @ddev: device
 * @owner: owner tag, never 0
 * @client_id: of the file, for the scheduler's trace events
 * @lock: order of submits; @killed for writing
 * @killed: DELTAHOP_STATUS_NONE, or how jobs end that have not run
 * @last_seqno: last sequence number given out; @lock and @record_lock for writing, either for
 *	reading
 * @record_lock: the next three
 * @unfinished: jobs that have a number and no record
 * @records: ring of records, which userspace may map
 * @fences: of unfinished jobs, by slot
 * @queue_mask: which of the next are there
 * @queues: by engine
 */
struct deltahop_ctx {
	struct kref ref;
	struct deltahop_device *ddev;
	u32 owner;
	u64 client_id;
	struct mutex lock;
	enum deltahop_status killed;
	u32 last_seqno;
	spinlock_t record_lock;
	unsigned int unfinished;
	struct deltahop_record *records;
	struct dma_fence *fences[DELTAHOP_RECORD_SLOTS];
	unsigned long queue_mask;
	struct deltahop_queue queues[DELTAHOP_ENGINE_COUNT];
};

/**
 * struct deltahop_dep - a fence that a job waits for
 * @fence: with a reference
 * @must_succeed: a job whose dependency carries an error does not run
 */
struct deltahop_dep {
	struct dma_fence *fence;
	bool must_succeed;
};

/**
 * struct deltahop_signal - a syncobj that a job signals
 * @syncobj: with a reference
 * @chain: for a timeline point
 * @point: 0 for a binary syncobj
 */
struct deltahop_signal {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

/**
 * struct deltahop_override - another buffer for a region
 * @region: number
 * @bound: what is bound instead
 */
struct deltahop_override {
	u32 region;
	struct deltahop_bound bound;
};

/**
 * struct deltahop_job - a job, from submit to the last put
 * @base: the scheduler's part
 * @ref: submit, scheduler, ring
 * @ctx: context
 * @ring: engine
 * @bindings: regions
 * @overrides: and what replaces them
 * @override_count: valid @overrides
 * @state: or NULL
 * @reset: start from the initial image
 * @has_sync: it takes part in implicit synchronisation
 * @cmd_offset: in @cmd_region
 * @cmd_size: bytes
 * @cmd_region: number
 * @profile_region: number or DELTAHOP_REGION_NONE
 * @cycle_budget: or 0
 * @depends: 1 + index of an earlier job in the submit, or 0
 * @deps: what it waits for
 * @dep_count: valid @deps
 * @dep_capacity: room in @deps
 * @dep_next: first of @deps that the scheduler has not been given
 * @signals: what it signals
 * @signal_count: valid @signals
 * @fence: signalled, with an error if so, when the record is there
 * @armed: the job has a number and its fence will be signalled
 * @seqno: in the context
 * @finished: the record is there
 * @link: in &deltahop_ring.jobs; deltahop_ring.lock, as all below
 * @verdict: not NONE: the job is not (or no longer) on the ring and ends so
 * @reason: and why
 * @life: of @state
 * @saves: state that is saved before, with a reference
 * @saves_life: its life
 * @save_seqno: ring number of the entry that saves
 * @job_seqno: ring number of the entry that is the job; on the ring unless @verdict
 * @free_work: last put
 */
struct deltahop_job {
	struct drm_sched_job base;
	struct kref ref;
	struct deltahop_ctx *ctx;
	struct deltahop_ring *ring;
	struct deltahop_bindings *bindings;
	struct deltahop_override *overrides;
	u32 override_count;
	struct deltahop_state *state;
	bool reset;
	bool has_sync;
	u64 cmd_offset;
	u32 cmd_size;
	u32 cmd_region;
	u32 profile_region;
	u64 cycle_budget;
	u32 depends;
	struct deltahop_dep *deps;
	u32 dep_count;
	u32 dep_capacity;
	u32 dep_next;
	struct deltahop_signal *signals;
	u32 signal_count;
	struct dma_fence *fence;
	bool armed;
	u32 seqno;
	bool finished;
	struct list_head link;
	enum deltahop_status verdict;
	enum deltahop_reason reason;
	u32 life;
	struct deltahop_state *saves;
	u32 saves_life;
	u32 save_seqno;
	u32 job_seqno;
	struct work_struct free_work;
};

#define to_deltahop_job(j) container_of(j, struct deltahop_job, base)

/* deltahop_device.c */
int deltahop_device_init(struct deltahop_device *ddev);
void deltahop_device_unplug(struct deltahop_device *ddev);
void deltahop_device_recover(struct deltahop_ring *ring, u32 seqno, enum deltahop_status status,
			     enum deltahop_reason reason);

/* deltahop_drv.c */
extern const struct drm_driver deltahop_drm_driver;
int deltahop_copy_array(void *dst, size_t size, u64 ptr, u32 count, u32 stride, u32 *bad);

/* deltahop_hw.c */
u32 deltahop_read(struct deltahop_device *ddev, u32 reg);
void deltahop_write(struct deltahop_device *ddev, u32 reg, u32 value);
int deltahop_hw_identify(struct deltahop_device *ddev);
int deltahop_hw_reset(struct deltahop_device *ddev);
void deltahop_hw_irq_enable(struct deltahop_device *ddev);
int deltahop_hw_ring_reset(struct deltahop_ring *ring);
void deltahop_hw_ring_start(struct deltahop_ring *ring);
u64 deltahop_hw_time(struct deltahop_device *ddev);

/* deltahop_irq.c */
int deltahop_irq_init(struct deltahop_device *ddev);

/* deltahop_mem.c */
int deltahop_mem_alloc(struct deltahop_device *ddev, struct deltahop_mem *mem, size_t size);
void deltahop_mem_free(struct deltahop_device *ddev, struct deltahop_mem *mem);
void deltahop_mem_free_all(struct deltahop_device *ddev);

/* deltahop_gem.c */
struct drm_gem_object *deltahop_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *deltahop_gem_prime_import(struct drm_device *drm, struct dma_buf *dmabuf);
struct drm_gem_object *deltahop_gem_prime_import_sg_table(struct drm_device *drm,
							  struct dma_buf_attachment *attach,
							  struct sg_table *sgt);
void deltahop_gem_unmap_all(struct deltahop_device *ddev);
int deltahop_gem_read(struct drm_gem_object *obj, u64 offset, void *dst, size_t size);
int deltahop_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_bo_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_card.c */
int deltahop_card_init(struct deltahop_device *ddev);
struct drm_gem_object *deltahop_card_create(struct deltahop_device *ddev, size_t size);
int deltahop_card_read(struct deltahop_bo *bo, u64 offset, void *dst, size_t size);
void deltahop_card_space(struct deltahop_device *ddev, u64 *free, u64 *largest);

/* deltahop_region.c */
int deltahop_region_map(struct deltahop_bo *bo);
void deltahop_region_make(struct deltahop_bo *bo, u64 offset, u64 size, u32 flags,
			  struct deltahop_region *region);

/* deltahop_bindings.c */
int deltahop_bind(struct drm_file *file, const struct drm_deltahop_binding *args,
		  struct deltahop_bound *bound);
void deltahop_unbind(struct deltahop_bound *bound);
struct deltahop_bindings *deltahop_bindings_get(struct deltahop_file *dfile, u32 handle);
void deltahop_bindings_put(struct deltahop_bindings *bindings);
void deltahop_bindings_close_all(struct deltahop_file *dfile);
int deltahop_bindings_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_bindings_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_ctx.c */
bool deltahop_ctx_priority_allowed(u32 priority);
struct deltahop_ctx *deltahop_ctx_get(struct deltahop_file *dfile, u32 id);
void deltahop_ctx_put(struct deltahop_ctx *ctx);
void deltahop_ctx_kill(struct deltahop_ctx *ctx, enum deltahop_status status);
void deltahop_ctx_kill_all(struct deltahop_device *ddev);
void deltahop_ctx_close_all(struct deltahop_file *dfile);
int deltahop_ctx_mmap(struct deltahop_file *dfile, struct vm_area_struct *vma);
int deltahop_ctx_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_ctx_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_record.c */
void deltahop_record_make(struct deltahop_record *rec, enum deltahop_status status,
			  enum deltahop_reason reason);
bool deltahop_record_valid(const struct deltahop_record *rec, enum deltahop_engine engine);
int deltahop_record_errno(enum deltahop_status status);
bool deltahop_record_room(struct deltahop_ctx *ctx, u32 count);
u32 deltahop_record_reserve(struct deltahop_ctx *ctx, struct dma_fence *fence);
void deltahop_record_publish(struct deltahop_ctx *ctx, const struct deltahop_record *rec);
int deltahop_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_state.c */
struct deltahop_state *deltahop_state_get(struct deltahop_file *dfile, u32 handle);
void deltahop_state_put(struct deltahop_state *state);
void deltahop_state_lose(struct deltahop_state *state, u32 life);
void deltahop_state_close_all(struct deltahop_file *dfile);
int deltahop_state_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_state_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_state_reset_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int deltahop_state_copy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_fence.c */
struct dma_fence *deltahop_fence_alloc(void);
void deltahop_fence_init(struct dma_fence *fence, struct deltahop_ring *ring,
			 struct deltahop_queue *queue);
void deltahop_fence_free(struct dma_fence *fence);
int deltahop_fence_error(struct dma_fence *fence);

/* deltahop_job.c */
struct deltahop_job *deltahop_job_create(struct deltahop_ctx *ctx, struct drm_file *file,
					 const struct drm_deltahop_job *args);
const struct deltahop_bound *deltahop_job_bound(const struct deltahop_job *job, u32 region);
int deltahop_job_add_dep(struct deltahop_job *job, struct dma_fence *fence, bool must_succeed);
void deltahop_job_arm(struct deltahop_job *job);
void deltahop_job_finish(struct deltahop_job *job, struct deltahop_record *rec);
void deltahop_job_put(struct deltahop_job *job);

/* deltahop_ring.c */
int deltahop_ring_init(struct deltahop_ring *ring);
bool deltahop_ring_lock(struct deltahop_ring *ring);
void deltahop_ring_unlock(struct deltahop_ring *ring, bool signalling);
void deltahop_ring_run(struct deltahop_ring *ring, struct deltahop_job *job);
void deltahop_ring_process(struct deltahop_ring *ring);
void deltahop_ring_restart(struct deltahop_ring *ring);
bool deltahop_ring_condemn(struct deltahop_ring *ring, u32 seqno, enum deltahop_status status,
			   enum deltahop_reason reason);
void deltahop_ring_abandon(struct deltahop_ring *ring, enum deltahop_reason reason);

/* deltahop_sched.c */
int deltahop_sched_init(struct deltahop_ring *ring);
void deltahop_sched_kill(struct deltahop_ring *ring, struct drm_sched_entity *entity);
void deltahop_sched_fini(struct deltahop_ring *ring);

/* deltahop_submit.c */
int deltahop_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* deltahop_query.c */
int deltahop_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/**
 * deltahop_time_left() - is a moment of CLOCK_MONOTONIC still to come?
 * @abs_ns: moment
 *
 * Waits count ticks, and a machine that had fallen behind with them delivers several at once: then a
 * wait ends before its time.
 */
static inline bool deltahop_time_left(s64 abs_ns)
{
	return ktime_to_ns(ktime_get()) < abs_ns;
}

#endif /* _DELTAHOP_DRV_H_ */
