// SPDX-License-Identifier: MIT
/* Biases and kernels in memory: Documentation/hardware-conv.rst, "Words in memory" and "CONV_PASS". */
#include "map/weights.h"

/* Types of bus words. */
enum { WORD_BIAS = 0, WORD_KERNEL = 2 };

/** struct words - a sequence of words being written */
struct words {
	uint8_t *at;
	uint64_t count;
	uint32_t type;
	bool packed;
};

static void put_le(uint8_t *at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] |= value >> 8 * i;
}

/* @mac: address of the word */
static void put_word(struct words *words, int16_t value, uint32_t mac)
{
	uint64_t number = words->count++, second = number % 2, bits;

	if (words->packed) {
		put_le(words->at + 2 * number, (uint16_t)value, 2);
		return;
	}
	bits = (uint64_t)(uint16_t)value << 16 * second | (uint64_t)words->type << 32 |
	       1ULL << (34 + second) | (uint64_t)mac << (second ? 43 : 36);
	put_le(words->at + 8 * (number / 2), bits, 8);
}

/* --- convolution ------------------------------------------------------------------ */

static int16_t kernel_at(const struct dh_plan_layer *layer, const struct dh_piece *piece,
			 uint32_t map, uint32_t channel, uint32_t row, uint32_t col)
{
	size_t at = (size_t)map * layer->channels + piece->first_channel + channel;

	if (channel >= piece->channels)
		return 0;
	at = at * layer->kernel[0] + piece->from[0] + row;
	return layer->weights[at * layer->kernel[1] + piece->from[1] + col];
}

static void put_kernels(const struct dh_plan_layer *layer, const struct dh_piece *piece,
			const struct dh_conv_layer *form, uint32_t first_map, uint32_t map,
			struct words *words)
{
	uint32_t channels = dh_conv_channels_padded(form);

	for (uint32_t c = 0; c < channels; c++) {
		uint32_t mac = map * form->macs + dh_conv_controller(form, c);

		for (uint32_t i = 0; i < piece->kernel[0]; i++) {
			for (uint32_t j = 0; j < piece->kernel[1]; j++) {
				int16_t w = kernel_at(layer, piece, first_map + map, c, i, j);

				if (layer->weight8)
					words->at[words->count++] = w;
				else
					put_word(words, w, mac);
			}
		}
	}
}

void dh_weights_conv(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		     const struct dh_piece *piece, const struct dh_conv_layer *form,
		     uint32_t first_map, uint32_t maps, uint8_t *at)
{
	struct words words = { .at = at, .type = WORD_BIAS, .packed = plan->packed };

	for (uint32_t mac = 0; mac < plan->limits.conv_macs; mac++) {
		uint32_t map = mac / form->macs;
		bool real = mac % form->macs == 0 && map < maps && !piece->from_psum;

		put_word(&words, real ? layer->biases[first_map + map] : 0, mac);
	}
	words = (struct words){
		.at = at + dh_conv_words_bytes(plan->limits.conv_macs, plan->packed),
		.type = WORD_KERNEL,
		.packed = plan->packed,
	};
	for (uint32_t map = 0; map < maps; map++)
		put_kernels(layer, piece, form, first_map, map, &words);
}

/* --- fully connected ---------------------------------------------------------------- */

/* The column of a value, by its number in the network's order: channel, row, column. */
static uint8_t *put_column(const struct dh_plan_layer *layer, size_t value, uint32_t first_map,
			   uint32_t maps, uint8_t *at)
{
	for (uint32_t o = first_map; o < first_map + maps; o++) {
		int16_t w = layer->weights[o * (size_t)layer->channels + value];

		put_le(at, layer->weight8 ? (uint8_t)w : (uint16_t)w, layer->weight8 ? 1 : 2);
		at += layer->weight8 ? 1 : 2;
	}
	return at;
}

void dh_weights_dense(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		      uint32_t first_map, uint32_t maps, uint8_t *at)
{
	const struct dh_conv_pass pass = { .maps = maps };
	size_t first = 0;

	(void)plan;
	for (uint32_t o = 0; o < maps; o++)
		put_le(at + 2 * o, (uint16_t)layer->biases[first_map + o], 2);
	at += dh_conv_fc_columns_offset(&pass);
	for (uint32_t g = 0; g < layer->groups.count; g++) {
		const struct dh_plan_map *map = layer->groups.groups[g].map;
		uint32_t channels = map->groups[layer->groups.groups[g].group].channels;
		size_t area = (size_t)map->rows * map->cols;

		for (size_t i = 0; i < area * channels; i++)
			at = put_column(layer, first + i % channels * area + i / channels,
					first_map, maps, at);
		first += area * channels;
	}
}
