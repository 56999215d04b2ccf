// SPDX-License-Identifier: GPL-2.0-only
/*
 * State objects: the recurrent state of a stream, in kernel memory while it is
 * not on the chip. It is moved by ring entries that only deltahop_ring.c writes.
 *
 * A state has lives. A life begins with the initial image; it is lost when a
 * job of it does not end well, and then no job runs until the next life.
 */
#include "deltahop_drv.h"

#include <linux/overflow.h>

#include <drm/drm_drv.h>

static void deltahop_state_free_work(struct work_struct *work)
{
	struct deltahop_state *state = container_of(work, struct deltahop_state, free_work);
	struct deltahop_ring *ring = state->ring;

	mutex_lock(&ring->lock);
	if (ring->resident == state)
		ring->resident = NULL;
	if (ring->chip == state)
		ring->chip = NULL;
	mutex_unlock(&ring->lock);

	deltahop_mem_free(state->ddev, &state->mem);
	kfree(state);
}

static void deltahop_state_release(struct kref *ref)
{
	struct deltahop_state *state = container_of(ref, struct deltahop_state, ref);

	queue_work(state->ddev->free_wq, &state->free_work);
}

/**
 * deltahop_state_put() - drop a reference; any context that may hold the ring's lock
 * @state: state, or NULL
 */
void deltahop_state_put(struct deltahop_state *state)
{
	if (state)
		kref_put(&state->ref, deltahop_state_release);
}

struct deltahop_state *deltahop_state_get(struct deltahop_file *dfile, u32 handle)
{
	struct deltahop_state *state;

	xa_lock(&dfile->states);
	state = xa_load(&dfile->states, handle);
	if (state)
		kref_get(&state->ref);
	xa_unlock(&dfile->states);
	return state;
}

/**
 * deltahop_state_lose() - a life is over; the caller holds the ring's lock
 * @state: state
 * @life: which; a later one may have begun already
 */
void deltahop_state_lose(struct deltahop_state *state, u32 life)
{
	lockdep_assert_held(&state->ring->lock);

	if ((s32)(life - state->lost_life) > 0)
		state->lost_life = life;
}

static void deltahop_state_make_table(struct deltahop_state *state)
{
	struct deltahop_region *region = state->mem.vaddr;

	region->addr = cpu_to_le64(state->mem.addr + DELTAHOP_STATE_IMAGE);
	region->length = cpu_to_le64(state->mem.size - DELTAHOP_STATE_IMAGE);
	region->flags =
		cpu_to_le32(DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
}

static struct deltahop_state *deltahop_state_create(struct deltahop_ctx *ctx, u32 size,
						    bool has_template)
{
	struct deltahop_state *state;
	size_t bytes = DELTAHOP_STATE_IMAGE + (size_t)size * (has_template ? 2 : 1);
	int ret;

	state = kzalloc(sizeof(*state), GFP_KERNEL);
	if (!state)
		return ERR_PTR(-ENOMEM);
	kref_init(&state->ref);
	state->ddev = ctx->ddev;
	state->reset_next = true;
	state->ring = &ctx->ddev->rings[DELTAHOP_ENGINE_RNN];
	state->owner = ctx->owner;
	state->size = size;
	state->has_template = has_template;
	INIT_WORK(&state->free_work, deltahop_state_free_work);

	ret = deltahop_mem_alloc(ctx->ddev, &state->mem, bytes);
	if (ret) {
		kfree(state);
		return ERR_PTR(ret);
	}
	deltahop_state_make_table(state);
	return state;
}

static int deltahop_state_read_template(struct deltahop_state *state, struct drm_file *file,
					const struct drm_deltahop_state_create *args)
{
	void *template = state->mem.vaddr + DELTAHOP_STATE_IMAGE + state->size;
	struct drm_gem_object *obj;
	u64 end;
	int ret;

	obj = drm_gem_object_lookup(file, args->template_handle);
	if (!obj)
		return -ENOENT;
	if (check_add_overflow(args->template_offset, (u64)args->size, &end) || end > obj->size)
		ret = -ERANGE;
	else
		ret = deltahop_gem_read(obj, args->template_offset, template, args->size);
	drm_gem_object_put(obj);
	return ret;
}

static int deltahop_state_check(struct deltahop_device *ddev,
				const struct drm_deltahop_state_create *args)
{
	if (args->flags || args->pad || !args->size || args->size % 8 ||
	    args->size > ddev->info.rnn_state_bytes || args->template_offset % 8)
		return -EINVAL;
	if (!args->template_handle)
		return args->template_offset ? -EINVAL : 0;
	return ddev->info.caps & DELTAHOP_CAP_RNN_TEMPLATE ? 0 : -EOPNOTSUPP;
}

static long deltahop_state_charge(const struct deltahop_state *state)
{
	return state->mem.size;
}

static int deltahop_state_publish(struct deltahop_state *state, struct deltahop_file *dfile,
				  u32 *handle)
{
	long charge = deltahop_state_charge(state);
	int ret = -ENOMEM;

	if (atomic_long_add_return(charge, &dfile->state_bytes) <= DELTAHOP_MAX_STATE_BYTES)
		ret = xa_alloc(&dfile->states, handle, state, XA_LIMIT(1, DELTAHOP_MAX_STATES),
			       GFP_KERNEL);
	if (ret)
		atomic_long_sub(charge, &dfile->state_bytes);
	return ret == -EBUSY ? -ENOSPC : ret;
}

static int deltahop_state_make(struct deltahop_ctx *ctx, struct drm_file *file,
			       struct drm_deltahop_state_create *args)
{
	struct deltahop_state *state;
	int ret = 0;

	state = deltahop_state_create(ctx, args->size, args->template_handle);
	if (IS_ERR(state))
		return PTR_ERR(state);
	if (state->has_template)
		ret = deltahop_state_read_template(state, file, args);
	if (!ret)
		ret = deltahop_state_publish(state, file->driver_priv, &args->handle);
	if (ret)
		deltahop_state_put(state);
	return ret;
}

int deltahop_state_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_state_create *args = data;
	struct deltahop_ctx *ctx;
	int idx, ret;

	ret = deltahop_state_check(to_deltahop_device(drm), args);
	if (ret)
		return ret;
	ctx = deltahop_ctx_get(file->driver_priv, args->ctx);
	if (!ctx)
		return -ENOENT;

	ret = -ENODEV;
	if (drm_dev_enter(drm, &idx)) {
		ret = deltahop_state_make(ctx, file, args);
		drm_dev_exit(idx);
	}
	deltahop_ctx_put(ctx);
	return ret;
}

int deltahop_state_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_state_destroy *args = data;
	struct deltahop_file *dfile = file->driver_priv;
	struct deltahop_state *state;

	if (args->pad)
		return -EINVAL;
	state = xa_erase(&dfile->states, args->handle);
	if (!state)
		return -ENOENT;
	atomic_long_sub(deltahop_state_charge(state), &dfile->state_bytes);
	deltahop_state_put(state);
	return 0;
}

/* Takes effect in the next job's arming: so it is ordered with submits and waits for nothing. */
int deltahop_state_reset_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_state_reset *args = data;
	struct deltahop_state *state;

	if (args->pad)
		return -EINVAL;
	state = deltahop_state_get(file->driver_priv, args->handle);
	if (!state)
		return -ENOENT;
	xchg(&state->reset_next, true);
	deltahop_state_put(state);
	return 0;
}

int deltahop_state_copy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	return -EOPNOTSUPP;
}

void deltahop_state_close_all(struct deltahop_file *dfile)
{
	struct deltahop_state *state;
	unsigned long handle;

	xa_for_each(&dfile->states, handle, state)
		deltahop_state_put(state);
	xa_destroy(&dfile->states);
}
