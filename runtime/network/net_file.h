/* SPDX-License-Identifier: MIT */
/*
 * A net as bytes: tensors, constants, nodes with their attributes.
 */
#ifndef DELTAHOP_NET_FILE_H
#define DELTAHOP_NET_FILE_H

#include "base/codec.h"
#include "network/net.h"

/**
 * dh_net_code_tensors() - names, types, shapes, which are constants; inputs of the net
 * @net: reading: without anything but the limit of its arena
 */
void dh_net_code_tensors(struct dh_codec *codec, struct dh_net *net);

/** dh_net_code_nodes() - nodes, and the elements of constants; after the tensors */
void dh_net_code_nodes(struct dh_codec *codec, struct dh_net *net);

#endif /* DELTAHOP_NET_FILE_H */
