/* SPDX-License-Identifier: MIT */
/* Commands of the convolution engine from the layers and passes of the references. */
#ifndef DELTAHOP_TEST_CONV_COMMANDS_H
#define DELTAHOP_TEST_CONV_COMMANDS_H

#include "reference_conv.h"
#include "rig.h"

/** struct conv_spot - where something lies, for a command */
struct conv_spot {
	uint32_t region;
	uint64_t offset;
};

/** struct conv_spots - of a pass; what it does not have stays 0 */
struct conv_spots {
	struct conv_spot weight, output, psum, added;
};

void conv_put_layer(struct rig_program *program, const struct ref_conv_layer *layer);
void conv_put_input(struct rig_program *program, const struct ref_map *map, struct conv_spot spot);
void conv_put_pass(struct rig_program *program, const struct ref_conv_pass *pass,
		   const struct conv_spots *spots);

#endif /* DELTAHOP_TEST_CONV_COMMANDS_H */
