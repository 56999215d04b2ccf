/* SPDX-License-Identifier: MIT */
/*
 * A look at protobuf bytes before they are unpacked: libprotobuf-c recurses without a limit.
 */
#ifndef DELTAHOP_ONNX_WIRE_H
#define DELTAHOP_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

/**
 * dh_wire_nested_within() - are messages of type @type nested at most @depth deep in these bytes?
 */
bool dh_wire_nested_within(const ProtobufCMessageDescriptor *type, const uint8_t *buf, size_t len,
			   unsigned int depth);

#endif /* DELTAHOP_ONNX_WIRE_H */
