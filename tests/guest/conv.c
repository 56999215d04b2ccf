// SPDX-License-Identifier: MIT
/* One layer, one pass: buffers, commands, and the reference's answer. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "ktap.h"
#include "runner.h"

#define GUARD	     64 /* bytes behind an answer that must stay as they are */
#define INVALID_BYTE 0xa5
#define MAP_ALIGN    8

static size_t align(size_t bytes)
{
	return (bytes + MAP_ALIGN - 1) / MAP_ALIGN * MAP_ALIGN;
}

static bool packed(const struct conv *c)
{
	return c->info.caps & DELTAHOP_CAP_CONV_PACKED;
}

static size_t sum_count(const struct conv *c)
{
	return (size_t)c->layer.out_rows * c->layer.out_cols * c->pass.maps;
}

void conv_published(struct ref_conv_layer *layer, struct ref_conv_pass *pass)
{
	*layer = (struct ref_conv_layer){
		.relu = true,
		.pool_max = true,
		.encode = true,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 8,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = 9,
		.cols = 10,
		.out_rows = 9,
		.out_cols = 10,
		.channels = 6,
		.inputs = 2,
		.input = { { 9, 10, 4, true }, { 9, 10, 2, false } },
	};
	*pass = (struct ref_conv_pass){ .maps = 16 };
}

/* ---- values ---- */

static int16_t *random_values(size_t count, uint32_t *seed, unsigned int zeros, int range)
{
	int16_t *value = calloc(count, sizeof(*value));
	size_t i;

	CHECK(value);
	for (i = 0; i < count; i++)
		if (random_next(seed) / 7 % 100 >= zeros)
			value[i] = (int)(random_next(seed) / 3 % (2 * range + 1)) - range;
	return value;
}

static void fill_map(const struct conv *c, struct ref_map *map, uint32_t *seed)
{
	map->card = c->placement == DRM_DELTAHOP_PLACEMENT_CARD;
	map->value = random_values((size_t)map->rows * map->cols * map->channels, seed, 60, 700);
}

static void fill(struct conv *c, uint32_t seed)
{
	struct ref_conv_layer *l = &c->layer;
	struct ref_conv_pass *p = &c->pass;
	size_t weights = (size_t)l->channels * l->kernel_rows * l->kernel_cols;
	int i;

	if (p->fully_connected)
		weights = (size_t)l->rows * l->cols * l->channels;
	for (i = 0; i < l->inputs; i++)
		fill_map(c, &l->input[i], &seed);
	p->weight_card = p->output_card = p->psum_card = c->placement ==
							 DRM_DELTAHOP_PLACEMENT_CARD;
	p->bias = random_values(p->maps, &seed, 0, 300);
	p->kernel = random_values(weights * p->maps, &seed, 0, l->weight8 ? 127 : 200);
	if (p->psum_in) {
		p->psum = calloc(sum_count(c), sizeof(*p->psum));
		CHECK(p->psum);
		for (i = 0; i < (int)sum_count(c); i++)
			p->psum[i] = (int32_t)random_next(&seed);
	}
	if (p->add) {
		p->added.rows = l->out_rows;
		p->added.cols = l->out_cols;
		p->added.channels = p->maps;
		fill_map(c, &p->added, &seed);
	}
}

/* ---- answers ---- */

static struct ref_conv_device device_of(const struct drm_deltahop_device_info *info)
{
	struct ref_memory dram = { info->dram_n, info->dram_l, info->dram_q };
	struct ref_memory link = { info->link_n, info->link_l, info->link_q };

	return (struct ref_conv_device){
		.macs = info->conv_macs,
		.beat_bytes = info->dram_beat_bytes,
		.store_bytes = info->conv_store_bytes,
		.packed = info->caps & DELTAHOP_CAP_CONV_PACKED,
		.card = dram,
		.other = info->link_n ? link : dram,
	};
}

static void answer(struct conv *c)
{
	struct ref_conv_device device = device_of(&c->info);
	int held = 0;

	if (c->pass.psum_out)
		c->psums = ref_conv_psums(&c->layer, &c->pass);
	else
		c->output = ref_conv_output(&c->layer, &c->pass);
	c->cost = ref_conv_cost(&c->layer, &c->pass, &device, c->pass.psum_out ? NULL : &c->output,
				&held, NULL);
}

/* ---- memory ---- */

static size_t input_bytes(const struct conv *c)
{
	size_t bytes = 0;
	int i;

	for (i = 0; i < c->layer.inputs; i++)
		bytes += align(ref_map_bytes(&c->layer.input[i], packed(c)));
	return bytes;
}

static size_t region_bytes(const struct conv *c, enum conv_region region)
{
	switch (region) {
	case CONV_COMMANDS:
		return sizeof(struct deltahop_cmd_conv_layer) +
		       c->layer.inputs * sizeof(struct deltahop_cmd_conv_input) +
		       sizeof(struct deltahop_cmd_conv_pass) + sizeof(struct deltahop_cmd);
	case CONV_WEIGHTS:
		return align(
			ref_conv_weight_bytes(&c->layer, &c->pass, c->info.conv_macs, packed(c)));
	case CONV_INPUT:
		return input_bytes(c);
	case CONV_OUTPUT:
		return c->pass.psum_out ? 8 : align(ref_map_bytes(&c->output, packed(c))) + GUARD;
	case CONV_PSUM:
		return sum_count(c) * sizeof(int32_t) + GUARD;
	case CONV_ADDED:
		return c->pass.add ? align(ref_map_bytes(&c->pass.added, packed(c))) : 8;
	default:
		return sizeof(struct deltahop_profile_head) + sizeof(struct deltahop_profile_row);
	}
}

static uint32_t region_flags(enum conv_region region)
{
	switch (region) {
	case CONV_OUTPUT:
	case CONV_PROFILE:
		return DRM_DELTAHOP_BIND_WRITE;
	case CONV_PSUM:
		return DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE;
	default:
		return DRM_DELTAHOP_BIND_READ;
	}
}

static void bind(struct conv *c)
{
	enum conv_region region;

	for (region = 0; region < CONV_REGIONS; region++) {
		c->buffer[region] =
			buffer_create(c->fd, REGION_SHIFT + region_bytes(c, region), c->placement);
		c->binding[region] = (struct drm_deltahop_binding){
			.handle = c->buffer[region].handle,
			.flags = region_flags(region),
			.offset = REGION_SHIFT,
			.size = region_bytes(c, region),
		};
	}
	CHECK_OK(bindings_create(c->fd, c->binding, CONV_REGIONS, &c->bindings));
}

void *conv_at(const struct conv *c, enum conv_region region)
{
	return (char *)c->buffer[region].map + REGION_SHIFT;
}

void conv_forget(struct conv *c)
{
	memset(conv_at(c, CONV_OUTPUT), INVALID_BYTE, region_bytes(c, CONV_OUTPUT));
	memset(conv_at(c, CONV_PSUM), INVALID_BYTE, region_bytes(c, CONV_PSUM));
	if (c->pass.psum_in)
		memcpy(conv_at(c, CONV_PSUM), c->pass.psum, sum_count(c) * sizeof(int32_t));
}

/* ---- commands ---- */

static void write_layer(const struct conv *c, struct deltahop_cmd_conv_layer *cmd)
{
	const struct ref_conv_layer *l = &c->layer;

	*cmd = (struct deltahop_cmd_conv_layer){
		.hdr = { DELTAHOP_OP_CONV_LAYER, sizeof(*cmd),
			 (l->relu ? DELTAHOP_CONV_RELU : 0) |
				 (l->pool_max ? DELTAHOP_CONV_POOL_MAX : 0) |
				 (l->pool_avg ? DELTAHOP_CONV_POOL_AVG : 0) |
				 (l->weight8 ? DELTAHOP_CONV_WEIGHT8 : 0) |
				 (l->encode ? DELTAHOP_CONV_ENCODE : 0) },
		.kernel_rows = l->kernel_rows,
		.kernel_cols = l->kernel_cols,
		.stride_rows = l->stride_rows,
		.stride_cols = l->stride_cols,
		.pad_top = l->pad_top,
		.pad_left = l->pad_left,
		.macs = l->macs,
		.out_shift = l->out_shift,
		.rows = l->rows,
		.cols = l->cols,
		.out_rows = l->out_rows,
		.out_cols = l->out_cols,
		.channels = l->channels,
		.bias_shift = l->bias_shift,
	};
}

static void write_inputs(const struct conv *c, struct deltahop_cmd_conv_input *cmd)
{
	char *bytes = conv_at(c, CONV_INPUT);
	size_t offset = 0;
	int i;

	for (i = 0; i < c->layer.inputs; i++, cmd++) {
		const struct ref_map *map = &c->layer.input[i];

		*cmd = (struct deltahop_cmd_conv_input){
			.hdr = { DELTAHOP_OP_CONV_INPUT, sizeof(*cmd),
				 map->encoded ? DELTAHOP_INPUT_ENCODED : 0 },
			.channels = map->channels,
			.region = CONV_INPUT,
			.offset = offset,
		};
		ref_map_store(map, packed(c), (uint8_t *)bytes + offset);
		offset += align(ref_map_bytes(map, packed(c)));
	}
}

static void write_pass(const struct conv *c, struct deltahop_cmd_conv_pass *cmd)
{
	const struct ref_conv_pass *p = &c->pass;

	*cmd = (struct deltahop_cmd_conv_pass){
		.hdr = { p->fully_connected ? DELTAHOP_OP_CONV_FC : DELTAHOP_OP_CONV_PASS,
			 sizeof(*cmd),
			 (p->psum_in ? DELTAHOP_PASS_PSUM_IN : 0) |
				 (p->psum_out ? DELTAHOP_PASS_PSUM_OUT : 0) |
				 (p->add ? DELTAHOP_PASS_ADD : 0) |
				 (p->add && p->added.encoded ? DELTAHOP_PASS_ADD_ENCODED : 0) },
		.maps = p->maps,
		.add_shift = p->add ? p->add_shift : 0,
		.weight_region = CONV_WEIGHTS,
		.output_region = p->psum_out ? 0 : CONV_OUTPUT,
		.psum_region = p->psum_in || p->psum_out ? CONV_PSUM : 0,
		.add_region = p->add ? CONV_ADDED : 0,
	};
}

static void write_all(struct conv *c)
{
	char *at = conv_at(c, CONV_COMMANDS);

	write_layer(c, (void *)(at + CONV_LAYER_AT));
	write_inputs(c, (void *)(at + CONV_FIRST_INPUT_AT));
	c->pass_at = CONV_FIRST_INPUT_AT + c->layer.inputs * sizeof(struct deltahop_cmd_conv_input);
	write_pass(c, (void *)(at + c->pass_at));
	c->cmd_size = region_bytes(c, CONV_COMMANDS);
	*(struct deltahop_cmd *)(at + c->cmd_size - sizeof(struct deltahop_cmd)) =
		(struct deltahop_cmd){ DELTAHOP_OP_END, sizeof(struct deltahop_cmd), 0 };
	ref_conv_store_weights(&c->layer, &c->pass, c->info.conv_macs, packed(c), 77,
			       conv_at(c, CONV_WEIGHTS));
	if (c->pass.add)
		ref_map_store(&c->pass.added, packed(c), conv_at(c, CONV_ADDED));
	conv_forget(c);
}

void conv_create(struct conv *c, int fd, uint32_t ctx, const struct ref_conv_layer *layer,
		 const struct ref_conv_pass *pass, uint32_t placement, uint32_t seed)
{
	*c = (struct conv){
		.fd = fd,
		.ctx = ctx,
		.info = dev_info(fd),
		.placement = placement,
		.layer = *layer,
		.pass = *pass,
	};
	fill(c, seed);
	answer(c);
	bind(c);
	write_all(c);
}

void conv_destroy(struct conv *c)
{
	enum conv_region region;
	int i;

	CHECK_OK(bindings_destroy(c->fd, c->bindings));
	for (region = 0; region < CONV_REGIONS; region++)
		buffer_destroy(&c->buffer[region]);
	for (i = 0; i < c->layer.inputs; i++)
		free(c->layer.input[i].value);
	free(c->pass.bias);
	free(c->pass.kernel);
	free(c->pass.psum);
	free(c->pass.added.value);
	free(c->output.value);
	free(c->psums);
}

/* ---- jobs ---- */

struct drm_deltahop_job conv_job(const struct conv *c)
{
	return (struct drm_deltahop_job){
		.engine = DELTAHOP_ENGINE_CONV,
		.bindings = c->bindings,
		.cmd_size = c->cmd_size,
		.cmd_region = CONV_COMMANDS,
		.profile_region = ~0U,
		.override_stride = sizeof(struct drm_deltahop_override),
		.sync_stride = sizeof(struct drm_deltahop_sync),
	};
}

int conv_do(const struct conv *c, struct deltahop_record *record)
{
	struct drm_deltahop_job job = conv_job(c);

	CHECK_OK(job_submit(c->fd, c->ctx, &job, 1, NULL));
	return job_wait(c->fd, c->ctx, job.seqno, in_seconds(DEVICE_SECONDS), record);
}

static void check_guard(const uint8_t *bytes, size_t used, size_t size)
{
	size_t i;

	for (i = used; i < size; i++)
		CHECK_EQ(bytes[i], INVALID_BYTE);
}

void conv_check(const struct conv *c)
{
	const uint8_t *output = conv_at(c, CONV_OUTPUT);
	size_t sums = sum_count(c) * sizeof(int32_t), bytes;
	uint8_t *expected;

	if (c->pass.psum_out) {
		CHECK(!memcmp(conv_at(c, CONV_PSUM), c->psums, sums));
		check_guard(conv_at(c, CONV_PSUM), sums, region_bytes(c, CONV_PSUM));
		check_guard(output, 0, region_bytes(c, CONV_OUTPUT));
		return;
	}
	bytes = ref_map_bytes(&c->output, packed(c));
	expected = calloc(1, bytes);
	CHECK(expected);
	ref_map_store(&c->output, packed(c), expected);
	CHECK(!memcmp(output, expected, bytes));
	check_guard(output, bytes, region_bytes(c, CONV_OUTPUT));
	free(expected);
}

/* Ring entry and region table, commands, and a cycle for each but the pass, which counts its own. */
static uint64_t other_cycles(const struct conv *c)
{
	struct ref_conv_device device = device_of(&c->info);

	return ref_transfer(&device, false, 64 + 32 * CONV_REGIONS) +
	       ref_transfer(&device, c->placement == DRM_DELTAHOP_PLACEMENT_CARD, c->cmd_size) + 2 +
	       c->layer.inputs;
}

void conv_check_record(const struct conv *c, const struct deltahop_record *record, uint32_t seqno)
{
	uint64_t commands = 64 + 32 * CONV_REGIONS + c->cmd_size, clock = c->info.clock_hz;
	uint64_t bytes = c->cost.bytes_weights + c->cost.bytes_in + c->cost.bytes_out + commands;

	CHECK_EQ(record->size, sizeof(*record));
	CHECK_EQ(record->version, DELTAHOP_RECORD_VERSION);
	CHECK_EQ(record->status, DELTAHOP_STATUS_OK);
	CHECK_EQ(record->reason, DELTAHOP_REASON_NONE);
	CHECK_EQ(record->engine, DELTAHOP_ENGINE_CONV);
	CHECK_EQ(record->writer, DELTAHOP_WRITER_DEVICE);
	CHECK_EQ(record->cmd_offset, c->cmd_size - sizeof(struct deltahop_cmd));
	CHECK_EQ(record->fault_region, ~0U);
	CHECK_EQ(record->cycles - record->wait_cycles, c->cost.cycles + other_cycles(c));
	CHECK_EQ(record->step_cycles, c->cost.step_cycles);
	CHECK_EQ(record->bytes_weights, c->cost.bytes_weights);
	CHECK_EQ(record->bytes_in, c->cost.bytes_in);
	CHECK_EQ(record->bytes_out, c->cost.bytes_out);
	CHECK_EQ(record->bytes_commands, commands);
	CHECK_EQ(record->bytes_state, 0);
	CHECK_EQ(record->work_done, c->cost.work_done);
	CHECK_EQ(record->work_skipped, c->cost.work_skipped);
	CHECK_EQ(record->energy_pj,
		 (bytes * ENERGY_DRAM_FJ_BYTE + c->cost.work_done * ENERGY_MAC_FJ) / 1000);
	CHECK_EQ(record->seqno, seqno);
	CHECK_EQ(record->end_ns - record->start_ns,
		 (record->cycles * 1000000000ULL + clock - 1) / clock);
}
