// SPDX-License-Identifier: MIT
/* Backend: the device model in this process, behind a driver that answers the kernel's ioctls. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embedded/embedded.h"

#define SYSTEM_BYTES (64ull << 30)
#define SYSTEM_LEAST (64ull << 20)

static struct embedded *to_embedded(struct dh_device *device)
{
	return (struct embedded *)device;
}

/* --- handles -------------------------------------------------------------------- */

static int table_add(struct table *table, void *object, uint32_t *handle)
{
	void **grown;
	uint32_t i;

	for (i = 0; i < table->count && table->slot[i]; i++)
		;
	if (i == table->count) {
		grown = realloc(table->slot, (i + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		table->slot = grown;
		table->count++;
	}
	table->slot[i] = object;
	*handle = i + 1;
	return 0;
}

void *dh_table_get(const struct table *table, uint32_t handle)
{
	return handle && handle <= table->count ? table->slot[handle - 1] : NULL;
}

static void *table_remove(struct table *table, uint32_t handle)
{
	void *object = dh_table_get(table, handle);

	if (object)
		table->slot[handle - 1] = NULL;
	return object;
}

int dh_embedded_fetch(void *dst, size_t size, uint64_t array, uint32_t stride, uint32_t index)
{
	const uint8_t *src = (const uint8_t *)(uintptr_t)array + (size_t)stride * index;
	size_t i, len = stride < size ? stride : size;

	if (!array || !stride || stride % 8)
		return -EINVAL;
	memset(dst, 0, size);
	memcpy(dst, src, len);
	for (i = len; i < stride; i++)
		if (src[i])
			return -EINVAL;
	return 0;
}

/* --- buffers ---------------------------------------------------------------------- */

static struct dh_heap *heap_of(struct embedded *dev, uint32_t placement)
{
	return placement == DRM_DELTAHOP_PLACEMENT_CARD ? &dev->card : &dev->system;
}

void dh_bo_put(struct embedded *dev, struct bo *bo)
{
	if (--bo->refs)
		return;
	if (dh_heap_free(heap_of(dev, bo->placement), &bo->block)) {
		free(bo);
		return;
	}
	bo->next = dev->stuck;
	dev->stuck = bo;
}

static uint64_t bo_offset(struct embedded *dev, const struct bo *bo)
{
	bool card = bo->placement == DRM_DELTAHOP_PLACEMENT_CARD;

	return bo->block.offset + (card ? dev->system.size : 0);
}

static int bo_new(struct embedded *dev, uint64_t size, uint32_t placement, uint32_t *handle,
		  struct bo **made)
{
	struct bo *bo = calloc(1, sizeof(*bo));
	int ret;

	if (!bo)
		return -ENOMEM;
	bo->refs = 1;
	bo->placement = placement;
	if (!dh_heap_alloc(heap_of(dev, placement), &bo->block, size)) {
		free(bo);
		return placement == DRM_DELTAHOP_PLACEMENT_CARD ? -ENOSPC : -ENOMEM;
	}
	ret = table_add(&dev->bos, bo, handle);
	if (ret)
		dh_bo_put(dev, bo);
	*made = bo;
	return ret;
}

static int bo_create(struct embedded *dev, void *arg)
{
	struct drm_deltahop_bo_create *args = arg;
	uint32_t placement = args->placement;
	struct bo *bo;
	int ret;

	if (args->flags || args->pad || !args->size || placement > DRM_DELTAHOP_PLACEMENT_CARD)
		return -EINVAL;
	if (placement == DRM_DELTAHOP_PLACEMENT_CARD && !dev->card.size)
		return -EOPNOTSUPP;
	if (placement == DRM_DELTAHOP_PLACEMENT_DEFAULT)
		placement = DRM_DELTAHOP_PLACEMENT_SYSTEM;
	ret = bo_new(dev, args->size, placement, &args->handle, &bo);
	if (ret)
		return ret;
	args->size = bo->block.size;
	args->mmap_offset = bo_offset(dev, bo);
	return 0;
}

static int bo_info(struct embedded *dev, void *arg)
{
	struct drm_deltahop_bo_info *args = arg;
	struct bo *bo = dh_table_get(&dev->bos, args->handle);

	if (!bo)
		return -ENOENT;
	args->placement = bo->placement;
	args->size = bo->block.size;
	args->mmap_offset = bo->imported ? 0 : bo_offset(dev, bo);
	return 0;
}

static int bo_wait(struct embedded *dev, void *arg)
{
	struct drm_deltahop_bo_wait *args = arg;

	if (args->flags & ~DRM_DELTAHOP_BO_WAIT_WRITE)
		return -EINVAL;
	if (!dh_table_get(&dev->bos, args->handle))
		return -ENOENT;
	while (dh_engine_run(dev))
		;
	return 0;
}

/* --- contexts, bindings, states --------------------------------------------------- */

static int ctx_create(struct embedded *dev, void *arg)
{
	struct drm_deltahop_ctx_create *args = arg;
	struct context *ctx;
	int i, ret;

	if (args->flags || args->priority > DRM_DELTAHOP_PRIORITY_REALTIME)
		return -EINVAL;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	if (!dh_heap_alloc(&dev->system, &ctx->records,
			   EMBEDDED_RECORD_SLOTS * sizeof(struct deltahop_record))) {
		free(ctx);
		return -ENOMEM;
	}
	for (i = 0; i < EMBEDDED_MAX_JOBS; i++) {
		ctx->pool[i].next = ctx->idle;
		ctx->idle = &ctx->pool[i];
	}
	ctx->owner = ++dev->owner;
	ret = table_add(&dev->contexts, ctx, &args->id);
	if (ret) {
		dh_heap_free(&dev->system, &ctx->records);
		free(ctx);
		return ret;
	}
	args->record_slots = EMBEDDED_RECORD_SLOTS;
	args->record_offset = ctx->records.offset;
	return 0;
}

static void ctx_free(struct embedded *dev, struct context *ctx)
{
	dh_engine_cancel(dev, ctx);
	dh_heap_free(&dev->system, &ctx->records);
	free(ctx);
}

static int ctx_destroy(struct embedded *dev, void *arg)
{
	struct drm_deltahop_ctx_destroy *args = arg;
	struct context *ctx = args->pad ? NULL : table_remove(&dev->contexts, args->id);

	if (!ctx)
		return args->pad ? -EINVAL : -ENOENT;
	ctx_free(dev, ctx);
	return 0;
}

int dh_embedded_bind(struct embedded *dev, const struct drm_deltahop_binding *binding,
		     struct bound *bound)
{
	uint32_t flags = DELTAHOP_REGION_VALID;
	struct bo *bo;

	memset(bound, 0, sizeof(*bound));
	if (!binding->handle)
		return binding->flags || binding->offset || binding->size ? -EINVAL : 0;
	if (binding->flags &
		    ~(DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_SYNC) ||
	    !(binding->flags & (DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE)) ||
	    binding->offset % 8 || !binding->size)
		return -EINVAL;
	bo = dh_table_get(&dev->bos, binding->handle);
	if (!bo)
		return -ENOENT;
	if (binding->offset > bo->block.size || binding->size > bo->block.size - binding->offset)
		return -ERANGE;
	if (binding->flags & DRM_DELTAHOP_BIND_READ)
		flags |= DELTAHOP_REGION_READ;
	if (binding->flags & DRM_DELTAHOP_BIND_WRITE)
		flags |= DELTAHOP_REGION_WRITE;
	if (bo->placement == DRM_DELTAHOP_PLACEMENT_CARD)
		flags |= DELTAHOP_REGION_CARD;
	bound->bo = bo;
	bound->sync = bo->imported || binding->flags & DRM_DELTAHOP_BIND_SYNC;
	bound->entry.addr = htole64(bo->block.offset + binding->offset);
	bound->entry.length = htole64(binding->size);
	bound->entry.flags = htole32(flags);
	return 0;
}

void dh_bindings_put(struct embedded *dev, struct bindings *bindings)
{
	uint32_t i;

	if (--bindings->refs)
		return;
	for (i = 0; i < bindings->count; i++)
		if (bindings->bound[i].bo)
			dh_bo_put(dev, bindings->bound[i].bo);
	dh_heap_free(&dev->system, &bindings->table);
	free(bindings);
}

/* Fill the table; every buffer bound so far is held. */
static int bind_all(struct embedded *dev, struct bindings *bindings,
		    struct drm_deltahop_bindings_create *args)
{
	struct deltahop_region *table = (void *)(dev->system.base + bindings->table.offset);
	struct drm_deltahop_binding binding;
	uint32_t i;
	int ret;

	for (i = 0; i < args->count; i++) {
		args->bad = i;
		ret = dh_embedded_fetch(&binding, sizeof(binding), args->bindings, args->stride, i);
		if (!ret)
			ret = dh_embedded_bind(dev, &binding, &bindings->bound[i]);
		if (ret) {
			bindings->bound[i].bo = NULL;
			return ret;
		}
		table[i] = bindings->bound[i].entry;
		if (bindings->bound[i].bo)
			bindings->bound[i].bo->refs++;
	}
	args->bad = 0;
	return 0;
}

static int bindings_create(struct embedded *dev, void *arg)
{
	struct drm_deltahop_bindings_create *args = arg;
	struct bindings *bindings;
	int ret;

	if (!args->count || args->count > dev->base.hw.max_regions)
		return -EINVAL;
	bindings = calloc(1, sizeof(*bindings) + args->count * sizeof(*bindings->bound));
	if (!bindings)
		return -ENOMEM;
	bindings->refs = 1;
	bindings->count = args->count;
	ret = dh_heap_alloc(&dev->system, &bindings->table,
			    args->count * sizeof(struct deltahop_region))
		      ? 0
		      : -ENOMEM;
	if (!ret)
		ret = bind_all(dev, bindings, args);
	if (!ret)
		ret = table_add(&dev->bindings, bindings, &args->handle);
	if (ret)
		dh_bindings_put(dev, bindings);
	return ret;
}

static int bindings_destroy(struct embedded *dev, void *arg)
{
	struct drm_deltahop_bindings_destroy *args = arg;
	struct bindings *bindings = args->pad ? NULL : table_remove(&dev->bindings, args->handle);

	if (!bindings)
		return args->pad ? -EINVAL : -ENOENT;
	dh_bindings_put(dev, bindings);
	return 0;
}

void dh_state_put(struct embedded *dev, struct state *state)
{
	if (--state->refs)
		return;
	if (dev->resident == state)
		dev->resident = NULL;
	dh_heap_free(&dev->system, &state->image);
	dh_heap_free(&dev->system, &state->initial);
	free(state);
}

/* Copy the initial image out of the caller's buffer. */
static int copy_template(struct embedded *dev, struct state *state,
			 const struct drm_deltahop_state_create *args)
{
	struct bo *bo = dh_table_get(&dev->bos, args->template_handle);

	if (!bo)
		return -ENOENT;
	if (args->template_offset % 8)
		return -EINVAL;
	if (args->template_offset > bo->block.size ||
	    args->size > bo->block.size - args->template_offset)
		return -ERANGE;
	if (!dh_heap_alloc(&dev->system, &state->initial, args->size))
		return -ENOMEM;
	memcpy(dev->system.base + state->initial.offset,
	       heap_of(dev, bo->placement)->base + bo->block.offset + args->template_offset,
	       args->size);
	return 0;
}

static int state_create(struct embedded *dev, void *arg)
{
	struct drm_deltahop_state_create *args = arg;
	struct context *ctx = dh_table_get(&dev->contexts, args->ctx);
	struct state *state;
	int ret;

	if (args->flags || args->pad || !args->size || args->size % 8 ||
	    args->size > dev->base.hw.rnn_state_bytes)
		return -EINVAL;
	if (!ctx)
		return -ENOENT;
	if (args->template_handle && !(dev->base.hw.caps & DELTAHOP_CAP_RNN_TEMPLATE))
		return -EOPNOTSUPP;
	state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	state->refs = 1;
	state->owner = ctx->owner;
	state->size = args->size;
	state->fresh = true;
	ret = dh_heap_alloc(&dev->system, &state->image, args->size) ? 0 : -ENOMEM;
	if (!ret && args->template_handle)
		ret = copy_template(dev, state, args);
	if (!ret)
		ret = table_add(&dev->states, state, &args->handle);
	if (ret)
		dh_state_put(dev, state);
	return ret;
}

static int state_destroy(struct embedded *dev, void *arg)
{
	struct drm_deltahop_state_destroy *args = arg;
	struct state *state = args->pad ? NULL : table_remove(&dev->states, args->handle);

	if (!state)
		return args->pad ? -EINVAL : -ENOENT;
	dh_state_put(dev, state);
	return 0;
}

static int state_reset(struct embedded *dev, void *arg)
{
	struct drm_deltahop_state_reset *args = arg;
	struct state *state = args->pad ? NULL : dh_table_get(&dev->states, args->handle);

	if (!state)
		return args->pad ? -EINVAL : -ENOENT;
	state->reset_next = true;
	return 0;
}

/* --- queries ------------------------------------------------------------------------ */

static uint32_t reg(struct embedded *dev, uint32_t offset)
{
	return dh_model_read(dev->model, offset, dev->now);
}

static uint64_t reg64(struct embedded *dev, uint32_t offset)
{
	uint64_t low = reg(dev, offset);

	return low | (uint64_t)reg(dev, offset + 4) << 32;
}

/* From the registers, as the kernel driver does it. */
static void read_hardware(struct embedded *dev)
{
	dev->base.hw = (struct drm_deltahop_device_info){
		.caps = reg64(dev, DELTAHOP_REG_CAPS_LO),
		.card_size = reg64(dev, DELTAHOP_REG_CARD_SIZE_LO),
		.hw_abi = reg(dev, DELTAHOP_REG_ABI),
		.profile = reg(dev, DELTAHOP_REG_PROFILE),
		.engines = reg(dev, DELTAHOP_REG_ENGINES),
		.clock_hz = reg(dev, DELTAHOP_REG_CLOCK_HZ),
		.rnn_pes = reg(dev, DELTAHOP_REG_RNN_PES),
		.rnn_slots = reg(dev, DELTAHOP_REG_RNN_SLOTS),
		.rnn_max_inputs = reg(dev, DELTAHOP_REG_RNN_MAX_INPUTS),
		.rnn_max_hidden = reg(dev, DELTAHOP_REG_RNN_MAX_HIDDEN),
		.rnn_state_bytes = reg(dev, DELTAHOP_REG_RNN_STATE_BYTES),
		.dram_beat_bytes = reg(dev, DELTAHOP_REG_DRAM_BEAT_BYTES),
		.dram_n = reg(dev, DELTAHOP_REG_DRAM_N),
		.dram_l = reg(dev, DELTAHOP_REG_DRAM_L),
		.dram_q = reg(dev, DELTAHOP_REG_DRAM_Q),
		.link_n = reg(dev, DELTAHOP_REG_LINK_N),
		.link_l = reg(dev, DELTAHOP_REG_LINK_L),
		.link_q = reg(dev, DELTAHOP_REG_LINK_Q),
		.max_regions = reg(dev, DELTAHOP_REG_MAX_REGIONS),
		.record_slots = EMBEDDED_RECORD_SLOTS,
		.max_jobs = EMBEDDED_MAX_JOBS,
		.conv_macs = reg(dev, DELTAHOP_REG_CONV_MACS),
		.conv_kernel_words = reg(dev, DELTAHOP_REG_CONV_KERNEL_WORDS),
		.conv_store_bytes = reg(dev, DELTAHOP_REG_CONV_STORE_BYTES),
		.conv_max_channels = reg(dev, DELTAHOP_REG_CONV_MAX_CHANNELS),
		.conv_max_cols = reg(dev, DELTAHOP_REG_CONV_MAX_COLS),
		.conv_max_outputs = reg(dev, DELTAHOP_REG_CONV_MAX_OUTPUTS),
	};
}

static int answer(struct drm_deltahop_dev_query *query, const void *data, uint32_t size)
{
	if (query->data)
		memcpy((void *)(uintptr_t)query->data, data,
		       query->size < size ? query->size : size);
	query->size = size;
	return 0;
}

static int dev_query(struct embedded *dev, void *arg)
{
	struct drm_deltahop_heap_info heaps = {
		.card_size = dev->card.size,
		.card_free = dev->card.size - dev->card.used,
		.card_largest = dh_heap_largest(&dev->card),
		.system_used = dev->system.used,
	};
	/* alone in its process, it has no one to overtake */
	struct drm_deltahop_priority_info priorities = { .allowed = 0xf };
	struct drm_deltahop_time_info time = { .device_ns = dev->now,
					       .monotonic_ns = dh_deadline(0) };
	struct drm_deltahop_dev_query *query = arg;

	switch (query->id) {
	case DRM_DELTAHOP_QUERY_DEVICE:
		return answer(query, &dev->base.hw, sizeof(dev->base.hw));
	case DRM_DELTAHOP_QUERY_HEAPS:
		return answer(query, &heaps, sizeof(heaps));
	case DRM_DELTAHOP_QUERY_PRIORITIES:
		return answer(query, &priorities, sizeof(priorities));
	case DRM_DELTAHOP_QUERY_TIME:
		return answer(query, &time, sizeof(time));
	default:
		return -EINVAL;
	}
}

/* --- the interface --------------------------------------------------------------- */

static int dispatch(struct embedded *dev, unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_DELTAHOP_DEV_QUERY:
		return dev_query(dev, arg);
	case DRM_IOCTL_DELTAHOP_BO_CREATE:
		return bo_create(dev, arg);
	case DRM_IOCTL_DELTAHOP_BO_INFO:
		return bo_info(dev, arg);
	case DRM_IOCTL_DELTAHOP_BO_WAIT:
		return bo_wait(dev, arg);
	case DRM_IOCTL_DELTAHOP_CTX_CREATE:
		return ctx_create(dev, arg);
	case DRM_IOCTL_DELTAHOP_CTX_DESTROY:
		return ctx_destroy(dev, arg);
	case DRM_IOCTL_DELTAHOP_BINDINGS_CREATE:
		return bindings_create(dev, arg);
	case DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY:
		return bindings_destroy(dev, arg);
	case DRM_IOCTL_DELTAHOP_STATE_CREATE:
		return state_create(dev, arg);
	case DRM_IOCTL_DELTAHOP_STATE_DESTROY:
		return state_destroy(dev, arg);
	case DRM_IOCTL_DELTAHOP_STATE_RESET:
		return state_reset(dev, arg);
	case DRM_IOCTL_DELTAHOP_STATE_COPY:
		return -EOPNOTSUPP;
	case DRM_IOCTL_DELTAHOP_SUBMIT:
		return dh_embedded_submit(dev, arg);
	default:
		return -ENOTTY;
	}
}

static int embedded_ioctl(struct dh_device *device, unsigned long request, void *arg)
{
	struct embedded *dev = to_embedded(device);
	int ret;

	if (request == DRM_IOCTL_DELTAHOP_WAIT)
		return dh_embedded_wait(dev, arg);
	pthread_mutex_lock(&dev->lock);
	ret = dispatch(dev, request, arg);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static void *embedded_map(struct dh_device *device, uint64_t offset, size_t size)
{
	struct embedded *dev = to_embedded(device);
	struct dh_heap *heap = offset < dev->system.size ? &dev->system : &dev->card;
	uint64_t start = heap == &dev->card ? offset - dev->system.size : offset;

	if (start < heap->size && size <= heap->size - start)
		return heap->base + start;
	errno = EINVAL;
	return NULL;
}

static void embedded_unmap(struct dh_device *device, void *map, size_t size)
{
	(void)device;
	(void)map;
	(void)size;
}

static void embedded_bo_close(struct dh_device *device, uint32_t handle)
{
	struct embedded *dev = to_embedded(device);
	struct bo *bo;

	pthread_mutex_lock(&dev->lock);
	bo = table_remove(&dev->bos, handle);
	if (bo)
		dh_bo_put(dev, bo);
	pthread_mutex_unlock(&dev->lock);
}

/* Show the file's pages where the buffer is. */
static int map_over(struct embedded *dev, struct bo *bo, int fd)
{
	void *at = heap_of(dev, bo->placement)->base + bo->block.offset;

	if (mmap(at, bo->block.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED)
		return -errno;
	bo->block.shared = true;
	return 0;
}

/* Whole pages, and none of them may vanish under the device. */
static int check_import(int fd, off_t size)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (size < 0)
		return -errno;
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || !size || size % DELTAHOP_PAGE_SIZE)
		return -EINVAL;
	return 0;
}

static int import_locked(struct embedded *dev, int fd, uint32_t *handle)
{
	off_t size = lseek(fd, 0, SEEK_END);
	int ret = check_import(fd, size);
	struct bo *bo;

	if (ret)
		return ret;
	ret = bo_new(dev, size, DRM_DELTAHOP_PLACEMENT_SYSTEM, handle, &bo);
	if (ret)
		return ret;
	bo->imported = true;
	ret = map_over(dev, bo, fd);
	if (ret)
		dh_bo_put(dev, table_remove(&dev->bos, *handle));
	return ret;
}

static int embedded_bo_import(struct dh_device *device, int fd, uint32_t *handle)
{
	struct embedded *dev = to_embedded(device);
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = import_locked(dev, fd, handle);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static int write_all(int fd, const uint8_t *data, uint64_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		len -= done;
	}
	return 0;
}

/* Move the buffer's bytes into a file, and that to where the buffer is. */
static int export_locked(struct embedded *dev, uint32_t handle)
{
	struct bo *bo = dh_table_get(&dev->bos, handle);
	int fd, ret;

	if (!bo)
		return -ENOENT;
	if (bo->imported)
		return -EOPNOTSUPP;
	fd = memfd_create("deltahop-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, heap_of(dev, bo->placement)->base + bo->block.offset, bo->block.size);
	if (!ret && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		ret = -errno;
	if (!ret)
		ret = map_over(dev, bo, fd);
	if (ret)
		close(fd);
	return ret ? ret : fd;
}

static int embedded_bo_export(struct dh_device *device, uint32_t handle)
{
	struct embedded *dev = to_embedded(device);
	int ret;

	pthread_mutex_lock(&dev->lock);
	while (dh_engine_run(dev))
		;
	ret = export_locked(dev, handle);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

void dh_sync_put(struct sync *sync)
{
	if (!--sync->refs)
		free(sync);
}

static int embedded_sync_create(struct dh_device *device, uint32_t *handle)
{
	struct embedded *dev = to_embedded(device);
	struct sync *sync = calloc(1, sizeof(*sync));
	int ret;

	if (!sync)
		return -ENOMEM;
	sync->refs = 1;
	pthread_mutex_lock(&dev->lock);
	ret = table_add(&dev->syncs, sync, handle);
	pthread_mutex_unlock(&dev->lock);
	if (ret)
		free(sync);
	return ret;
}

static void embedded_sync_destroy(struct dh_device *device, uint32_t handle)
{
	struct embedded *dev = to_embedded(device);
	struct sync *sync;

	pthread_mutex_lock(&dev->lock);
	sync = table_remove(&dev->syncs, handle);
	if (sync)
		dh_sync_put(sync);
	pthread_mutex_unlock(&dev->lock);
}

static int embedded_sync_wait(struct dh_device *device, uint32_t handle, int64_t timeout_ns)
{
	struct embedded *dev = to_embedded(device);
	struct sync *sync;
	int ret = 0;

	pthread_mutex_lock(&dev->lock);
	sync = dh_table_get(&dev->syncs, handle);
	if (!sync || sync->state == SYNC_EMPTY)
		ret = sync ? -EINVAL : -ENOENT;
	while (!ret && sync->state == SYNC_PENDING) {
		dh_engine_run(dev);
		if (sync->state == SYNC_PENDING && dh_deadline(0) >= timeout_ns)
			ret = -ETIMEDOUT;
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static int embedded_sync_fd(struct dh_device *device, uint32_t handle)
{
	int ret = embedded_sync_wait(device, handle, INT64_MAX);
	int fd;

	if (ret)
		return ret;
	fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* --- life ------------------------------------------------------------------------- */

static bool bus_range(const struct embedded *dev, uint64_t addr, size_t len)
{
	return addr <= dev->system.size && len <= dev->system.size - addr;
}

static bool bus_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	struct embedded *dev = opaque;

	if (!bus_range(dev, addr, len))
		return false;
	memcpy(buf, dev->system.base + addr, len);
	return true;
}

static bool bus_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	struct embedded *dev = opaque;

	if (!bus_range(dev, addr, len))
		return false;
	memcpy(dev->system.base + addr, buf, len);
	return true;
}

static const void *bus_map(void *opaque, uint64_t addr, size_t len)
{
	struct embedded *dev = opaque;

	return bus_range(dev, addr, len) ? dev->system.base + addr : NULL;
}

static void bus_interrupt(void *opaque, unsigned int vector)
{
	(void)opaque;
	(void)vector;
}

/* Contexts first: their jobs hold everything else. */
static void free_objects(struct embedded *dev)
{
	struct bo *bo;
	uint32_t i;

	for (i = 1; i <= dev->contexts.count; i++)
		if (dh_table_get(&dev->contexts, i))
			ctx_free(dev, dh_table_get(&dev->contexts, i));
	for (i = 1; i <= dev->states.count; i++)
		if (dh_table_get(&dev->states, i))
			dh_state_put(dev, dh_table_get(&dev->states, i));
	for (i = 1; i <= dev->bindings.count; i++)
		if (dh_table_get(&dev->bindings, i))
			dh_bindings_put(dev, dh_table_get(&dev->bindings, i));
	for (i = 1; i <= dev->bos.count; i++)
		if (dh_table_get(&dev->bos, i))
			dh_bo_put(dev, dh_table_get(&dev->bos, i));
	for (i = 1; i <= dev->syncs.count; i++)
		if (dh_table_get(&dev->syncs, i))
			dh_sync_put(dh_table_get(&dev->syncs, i));
	while ((bo = dev->stuck)) {
		dev->stuck = bo->next;
		free(bo);
	}
	free(dev->contexts.slot);
	free(dev->states.slot);
	free(dev->bindings.slot);
	free(dev->bos.slot);
	free(dev->syncs.slot);
}

static void embedded_close(struct dh_device *device)
{
	struct embedded *dev = to_embedded(device);

	free_objects(dev);
	dh_embedded_trace_end(dev);
	dh_model_destroy(dev->model);
	dh_engine_stop(dev);
	dh_heap_fini(&dev->card);
	dh_heap_fini(&dev->system);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

static const struct dh_backend embedded_backend = {
	.ioctl = embedded_ioctl,
	.map = embedded_map,
	.unmap = embedded_unmap,
	.bo_close = embedded_bo_close,
	.bo_import = embedded_bo_import,
	.bo_export = embedded_bo_export,
	.sync_create = embedded_sync_create,
	.sync_destroy = embedded_sync_destroy,
	.sync_wait = embedded_sync_wait,
	.sync_fd = embedded_sync_fd,
	.close = embedded_close,
	.trace_dram = dh_embedded_trace_dram,
	.dram_counts = dh_embedded_dram_counts,
};

static int start(struct embedded *dev, struct dh_error *err)
{
	const struct dh_bus bus = {
		.opaque = dev,
		.read = bus_read,
		.write = bus_write,
		.map = bus_map,
		.interrupt = bus_interrupt,
	};
	const char *why;

	if (!dh_heap_init(&dev->system, SYSTEM_BYTES, SYSTEM_LEAST) ||
	    (dev->config.card_size &&
	     !dh_heap_init(&dev->card, dev->config.card_size, dev->config.card_size))) {
		dh_error_set(err, "embedded device: out of memory for its address space: raise "
				  "`ulimit -v`, or give a smaller card-size=");
		return -ENOMEM;
	}
	dev->config.card = dev->card.base;
	why = dh_config_refuse(&dev->config);
	if (why) {
		dh_error_set(err, "embedded device: %s: change the options behind \"embedded:\"",
			     why);
		return -EINVAL;
	}
	dev->model = dh_model_create(&dev->config, &bus, NULL);
	if (dev->model)
		read_hardware(dev);
	snprintf(dev->base.dram, sizeof(dev->base.dram), "%s", dh_dram_name(dev->config.dram_part));
	if (dev->model && dh_engine_start(dev))
		return 0;
	dh_error_set(err, "embedded device: out of memory");
	return -ENOMEM;
}

int dh_embedded_open(const char *options, struct dh_device **device, struct dh_error *err)
{
	struct embedded *dev = calloc(1, sizeof(*dev));
	int ret;

	*device = NULL;
	if (!dev) {
		dh_error_set(err, "embedded device: out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&dev->lock, NULL);
	dev->base.backend = &embedded_backend;
	snprintf(dev->base.name, sizeof(dev->base.name), "embedded");
	snprintf(dev->base.driver, sizeof(dev->base.driver), "libdeltahop %s", dh_version());
	ret = dh_embedded_options(&dev->config, options, err);
	if (!ret)
		ret = start(dev, err);
	if (ret)
		embedded_close(&dev->base);
	else
		*device = &dev->base;
	return ret;
}
