/* SPDX-License-Identifier: MIT */
/*
 * The .dhp file around what it holds: a header of 32 bytes, a table of sections, the sections. All
 * numbers are little endian.
 *
 *	header:  "DHPROG\r\n", u16 version major, u16 minor, u32 sections, u64 bytes of the file,
 *		 u32 CRC-32 of the table, u32 CRC-32 of the 28 bytes before
 *	table:   per section u32 id, u32 CRC-32 of its bytes, u64 offset, u64 size
 *	strings: u16 length, bytes without a final 0
 *
 * A reader refuses a major version that it does not know, and ignores sections that it does not
 * know.
 */
#ifndef DELTAHOP_CONTAINER_H
#define DELTAHOP_CONTAINER_H

#include "base/codec.h"
#include "base/error.h"

/* Largest file. */
#define DH_CONTAINER_MAX ((size_t)1 << 30)

/*
 * Version 1: a program of the recurrent engine. Version 2: a program of the convolution engine, or a
 * network.
 */
#define DH_CONTAINER_MAJOR 2

/** enum dh_section - what a section holds; the first ones are a program's, then a network's */
enum dh_section {
	DH_SECTION_ABOUT = 1,  /* names, versions, needs, tensors */
	DH_SECTION_LAYERS = 2, /* source map and thresholds */
	DH_SECTION_RUNS = 3,
	DH_SECTION_COMMANDS = 4,
	DH_SECTION_WEIGHTS = 5,
	DH_SECTION_STATE = 6,	 /* initial state image; may be empty */
	DH_SECTION_RANGE = 7,	 /* of the input; since version 1.1 */
	DH_SECTION_CONV = 8,	 /* of the convolution engine: needs, maps, source map; since 2.0 */
	DH_SECTION_NETWORK = 16, /* names, tensors, steps; since 2.0 */
	DH_SECTION_NODES = 17,	 /* what the host does; since 2.0 */
	DH_SECTION_PARTS = 18,	 /* programs, each as a file of its own; since 2.0 */
	DH_SECTION_MAX = 32,
};

/**
 * dh_section_code - function that codes a section of @object
 *
 * When reading, it leaves a section that it does not know alone, with nothing read of it.
 */
typedef void dh_section_code(struct dh_codec *codec, enum dh_section id, void *object);

/**
 * struct dh_container - a kind of file
 * @major: version to write; @minor likewise
 * @sections: those to write, in order, 0 ends
 */
struct dh_container {
	uint16_t major;
	uint16_t minor;
	const enum dh_section *sections;
	dh_section_code *code;
};

/** dh_container_write() - the bytes of a file; @file is empty; it fails when out of memory */
void dh_container_write(struct dh_codec *file, const struct dh_container *container, void *object);

/**
 * dh_container_read() - read a file
 * @name: what errors call it
 * @seen: set to a bit for each section that is there
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP (version), and a sentence.
 */
int dh_container_read(const uint8_t *data, size_t size, const char *name, dh_section_code *code,
		      void *object, uint32_t *seen, struct dh_error *err);

/** dh_code_blob() - all that is left of a section */
struct dh_blob;
void dh_code_blob(struct dh_codec *codec, struct dh_blob *blob);

#endif /* DELTAHOP_CONTAINER_H */
