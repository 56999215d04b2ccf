/* SPDX-License-Identifier: MIT */
/* A small convolution on a rig, ready to run. */
#ifndef DELTAHOP_TEST_CONV_NET_H
#define DELTAHOP_TEST_CONV_NET_H

#include "model_test.h"

#define CONV_REGION_BYTES 0x40000
#define CONV_INPUTS	  4
#define CONV_PASSES	  4

enum {
	CONV_COMMANDS,
	CONV_INPUT,
	CONV_WEIGHTS,
	CONV_OUTPUT,
	CONV_PSUM,
	CONV_ADD,
	CONV_PROFILE,
	CONV_REGIONS
};

/**
 * struct conv_net - a layer and its passes
 *
 * Regions are of one piece, may be read and written, and are named above. At first: one channel of 4
 * x 4 values, a kernel of 1 x 1, one output map, no shifts where the device has them. What the tests
 * change takes effect with conv_write().
 */
struct conv_net {
	struct rig *rig;
	bool packed;
	struct dh_conv_layer layer;
	struct dh_conv_input input[CONV_INPUTS];
	uint32_t inputs;
	struct dh_conv_pass pass[CONV_PASSES];
	uint32_t passes;
	uint16_t opcode;
	struct deltahop_entry entry;
};

/** conv_addr() - where a region lies in RAM */
uint64_t conv_addr(unsigned int region);

void conv_create(struct conv_net *net, const char *profile);
void conv_create_device(struct conv_net *net, const struct dh_config *config);
void conv_destroy(struct conv_net *net);

/** conv_write() - write the commands as they now are, and an entry for them */
void conv_write(struct conv_net *net);

/** conv_job() - conv_write(), and run it */
struct deltahop_record conv_job(struct conv_net *net);

/** conv_start() - conv_write(), and submit it; Return: its number */
uint32_t conv_start(struct conv_net *net);

/** conv_at() - bytes of a region */
uint8_t *conv_at(struct conv_net *net, unsigned int region, uint64_t offset);

/** conv_words() - put words into a region, packed */
void conv_words(struct conv_net *net, unsigned int region, uint64_t offset, const int16_t *words,
		size_t count);

/** conv_bus() - put a bus word into a region; @second: below 0 or beyond 16 bits: none */
void conv_bus(struct conv_net *net, unsigned int region, uint64_t offset, unsigned int type,
	      uint16_t first, unsigned int first_address, int second, unsigned int second_address);

/** conv_weights() - biases of the first MACs and kernels, in the device's form, at offset 0 */
void conv_weights(struct conv_net *net, const int16_t *biases, size_t bias_count,
		  const int16_t *kernels, size_t count);

#define WORDS(net, region, offset, ...)                                   \
	conv_words(net, region, offset, (const int16_t[]){ __VA_ARGS__ }, \
		   sizeof((const int16_t[]){ __VA_ARGS__ }) / sizeof(int16_t))

/* The first words of the output region. */
#define assert_output(net, ...)                                                                \
	do {                                                                                   \
		const int16_t want_words[] = { __VA_ARGS__ };                                  \
                                                                                               \
		for (size_t w = 0; w < sizeof(want_words) / sizeof(want_words[0]); w++)        \
			ck_assert_msg(                                                         \
				((int16_t *)conv_at(net, CONV_OUTPUT, 0))[w] == want_words[w], \
				"word %zu is %d, not %d", w,                                   \
				((int16_t *)conv_at(net, CONV_OUTPUT, 0))[w], want_words[w]);  \
	} while (0)

#endif /* DELTAHOP_TEST_CONV_NET_H */
