// SPDX-License-Identifier: MIT
/*
 * The .dhp file: a header of 32 bytes, a table of sections, the sections. All numbers are little
 * endian.
 *
 *	header:  "DHPROG\r\n", u16 version major, u16 minor, u32 sections, u64 bytes of the file,
 *		 u32 CRC-32 of the table, u32 CRC-32 of the 28 bytes before
 *	table:   per section u32 id, u32 CRC-32 of its bytes, u64 offset, u64 size
 *	strings: u16 length, bytes without a final 0
 *
 * A reader refuses another major version and ignores sections that it does not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "program/program.h"

#define MAGIC	      "DHPROG\r\n"
#define MAGIC_LEN     8
#define VERSION_MAJOR 1
#define VERSION_MINOR 1
#define HEADER_BYTES  32
#define ENTRY_BYTES   24
#define MAX_SECTIONS  64
#define MAX_NAME      1024
#define MAX_FILE      ((size_t)1 << 28)

enum section {
	SECTION_ABOUT = 1,  /* names, versions, needs, tensors */
	SECTION_LAYERS = 2, /* source map and thresholds */
	SECTION_RUNS = 3,
	SECTION_COMMANDS = 4,
	SECTION_WEIGHTS = 5,
	SECTION_STATE = 6, /* initial state image; may be empty */
	SECTION_RANGE = 7, /* of the input; since version 1.1 */
	SECTION_END,
};

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

/* --- writing --- */

/** struct writer - bytes so far; once out of memory it stays failed */
struct writer {
	uint8_t *data;
	size_t size;
	size_t room;
	bool failed;
};

static void put_bytes(struct writer *w, const void *data, size_t len)
{
	if (w->size + len > w->room) {
		size_t room = (w->size + len) * 2;
		uint8_t *more = realloc(w->data, room);

		if (!more) {
			w->failed = true;
			return;
		}
		w->data = more;
		w->room = room;
	}
	if (len)
		memcpy(w->data + w->size, data, len);
	w->size += len;
}

static void put(struct writer *w, uint64_t value, unsigned int bytes)
{
	uint8_t le[8];

	for (unsigned int i = 0; i < bytes; i++)
		le[i] = value >> 8 * i;
	put_bytes(w, le, bytes);
}

static void put_text(struct writer *w, const char *text)
{
	size_t len = strnlen(text, MAX_NAME);

	put(w, len, 2);
	put_bytes(w, text, len);
}

static void put_tensor(struct writer *w, const struct dh_program_tensor *tensor)
{
	put_text(w, tensor->name);
	put(w, tensor->elements, 4);
	put(w, tensor->padded, 4);
	put(w, tensor->scale_exp, 4);
	put(w, tensor->per_step, 4);
	put(w, tensor->rank, 4);
	put(w, tensor->batch_axis, 4);
	put(w, tensor->step_axis, 4);
}

static void put_about(struct writer *w, const struct dh_program *program)
{
	put_text(w, program->name);
	put_text(w, program->profile);
	put(w, program->abi_major, 2);
	put(w, program->abi_minor, 2);
	put(w, program->need.caps, 8);
	put(w, program->need.slots, 4);
	put(w, program->need.max_inputs, 4);
	put(w, program->need.max_hidden, 4);
	put(w, program->need.state_bytes, 4);
	put(w, program->state_bytes, 4);
	put(w, program->scratch_bytes, 4);
	put(w, program->fixed_steps, 4);
	put(w, program->batch, 4);
	put(w, program->host_op, 4);
	put_tensor(w, &program->input);
	put_tensor(w, &program->output);
}

static void put_layers(struct writer *w, const struct dh_program *program)
{
	put(w, program->layer_count, 4);
	for (uint32_t i = 0; i < program->layer_count; i++) {
		const struct dh_program_layer *layer = &program->layers[i];

		put(w, layer->cmd_offset, 4);
		put(w, layer->run, 4);
		put(w, layer->real_inputs, 4);
		put(w, layer->real_hidden, 4);
		put(w, layer->theta_x, 2);
		put(w, layer->theta_h, 2);
		put_text(w, layer->node);
		put_text(w, layer->op);
	}
}

static void put_runs(struct writer *w, const struct dh_program *program)
{
	put(w, program->run_count, 4);
	for (uint32_t i = 0; i < program->run_count; i++) {
		const struct dh_program_run *run = &program->runs[i];

		put(w, run->cmd_offset, 4);
		put(w, run->steps, 4);
		put(w, run->params_offset, 4);
		put(w, run->input_stride, 4);
		put(w, run->output_stride, 4);
		put(w, run->first, 4);
		put(w, run->count, 4);
	}
}

static void put_range(struct writer *w, const struct dh_program *program)
{
	put(w, program->input_range, 4);
	put(w, program->input_limit, 4);
}

static void put_section(struct writer *w, const struct dh_program *program, enum section id)
{
	switch (id) {
	case SECTION_ABOUT:
		put_about(w, program);
		break;
	case SECTION_LAYERS:
		put_layers(w, program);
		break;
	case SECTION_RUNS:
		put_runs(w, program);
		break;
	case SECTION_COMMANDS:
		put_bytes(w, program->commands.data, program->commands.size);
		break;
	case SECTION_WEIGHTS:
		put_bytes(w, program->weights.data, program->weights.size);
		break;
	case SECTION_RANGE:
		put_range(w, program);
		break;
	default:
		put_bytes(w, program->state_template.data, program->state_template.size);
		break;
	}
}

static void put_header(struct writer *file, const struct writer *table, size_t body)
{
	put_bytes(file, MAGIC, MAGIC_LEN);
	put(file, VERSION_MAJOR, 2);
	put(file, VERSION_MINOR, 2);
	put(file, table->size / ENTRY_BYTES, 4);
	put(file, HEADER_BYTES + table->size + body, 8);
	put(file, crc32_of(table->data, table->size), 4);
	put(file, crc32_of(file->data, file->size), 4);
	put_bytes(file, table->data, table->size);
}

static void serialise(const struct dh_program *program, struct writer *file)
{
	struct writer body = { 0 }, table = { 0 };
	size_t start = HEADER_BYTES + (SECTION_END - 1) * ENTRY_BYTES;

	for (int id = SECTION_ABOUT; id < SECTION_END && !body.failed; id++) {
		size_t from = body.size;

		put_section(&body, program, id);
		put(&table, id, 4);
		put(&table, crc32_of(body.data + from, body.size - from), 4);
		put(&table, start + from, 8);
		put(&table, body.size - from, 8);
	}
	file->failed = body.failed || table.failed;
	if (!file->failed) {
		put_header(file, &table, body.size);
		put_bytes(file, body.data, body.size);
	}
	free(body.data);
	free(table.data);
}

static int write_all(int fd, const uint8_t *data, size_t len)
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
	return fsync(fd) && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* A name beside @path that no one else uses. */
static int open_temporary(const char *path, char **name)
{
	for (int i = 0; i < 100; i++) {
		int fd;

		if (asprintf(name, "%s.%d.%d", path, (int)getpid(), i) < 0) {
			*name = NULL;
			return -ENOMEM;
		}
		fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
		free(*name);
		*name = NULL;
	}
	return -EEXIST;
}

static int save_and_rename(const char *path, const struct writer *file)
{
	char *temporary = NULL;
	int fd = open_temporary(path, &temporary), ret = fd;

	if (fd >= 0) {
		ret = write_all(fd, file->data, file->size);
		if (close(fd) && !ret)
			ret = -errno;
		if (!ret && rename(temporary, path))
			ret = -errno;
		if (ret)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}

/* A pipe or a device is written to, not replaced. */
static int save_to_special(const char *path, const struct writer *file)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, file->data, file->size);
	close(fd);
	return ret;
}

int dh_program_save(const struct dh_program *program, const char *path, struct dh_error *err)
{
	struct writer file = { 0 };
	int ret = -ENOMEM;
	struct stat st;

	serialise(program, &file);
	if (!file.failed)
		ret = !stat(path, &st) && !S_ISREG(st.st_mode) ? save_to_special(path, &file)
							       : save_and_rename(path, &file);
	if (ret)
		dh_error_set(err, "%s: cannot be written: %s", path, strerror(-ret));
	free(file.data);
	return ret;
}

/* --- reading --- */

/** struct reader - bytes to come; once past the end it stays failed and gives zeros */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static uint64_t get(struct reader *r, unsigned int bytes)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->at) < bytes) {
		r->failed = true;
		return 0;
	}
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)*r->at++ << 8 * i;
	return value;
}

static char *get_text(struct reader *r)
{
	size_t len = get(r, 2);
	char *text;

	if (r->failed || len > MAX_NAME || (size_t)(r->end - r->at) < len ||
	    memchr(r->at, 0, len)) {
		r->failed = true;
		return NULL;
	}
	text = strndup((const char *)r->at, len);
	r->failed |= !text;
	r->at += len;
	dh_text_clean(text);
	return text;
}

static void get_tensor(struct reader *r, struct dh_program_tensor *tensor)
{
	tensor->name = get_text(r);
	tensor->elements = get(r, 4);
	tensor->padded = get(r, 4);
	tensor->scale_exp = (int32_t)get(r, 4);
	tensor->per_step = get(r, 4);
	tensor->rank = get(r, 4);
	tensor->batch_axis = (int32_t)get(r, 4);
	tensor->step_axis = (int32_t)get(r, 4);
}

static void get_about(struct reader *r, struct dh_program *program)
{
	program->name = get_text(r);
	program->profile = get_text(r);
	program->abi_major = get(r, 2);
	program->abi_minor = get(r, 2);
	program->need.caps = get(r, 8);
	program->need.slots = get(r, 4);
	program->need.max_inputs = get(r, 4);
	program->need.max_hidden = get(r, 4);
	program->need.state_bytes = get(r, 4);
	program->state_bytes = get(r, 4);
	program->scratch_bytes = get(r, 4);
	program->fixed_steps = get(r, 4);
	program->batch = get(r, 4);
	program->host_op = get(r, 4);
	get_tensor(r, &program->input);
	get_tensor(r, &program->output);
}

/* The layer itself is read from its command, see take_layers(). */
static void get_layers(struct reader *r, struct dh_program *program)
{
	uint32_t count = get(r, 4);

	if (r->failed || !count || count > DH_PROGRAM_MAX_LAYERS) {
		r->failed = true;
		return;
	}
	program->layers = calloc(count, sizeof(*program->layers));
	r->failed |= !program->layers;
	program->layer_count = program->layers ? count : 0;
	for (uint32_t i = 0; i < program->layer_count && !r->failed; i++) {
		struct dh_program_layer *layer = &program->layers[i];

		layer->cmd_offset = get(r, 4);
		layer->run = get(r, 4);
		layer->real_inputs = get(r, 4);
		layer->real_hidden = get(r, 4);
		layer->theta_x = (int16_t)get(r, 2);
		layer->theta_h = (int16_t)get(r, 2);
		layer->node = get_text(r);
		layer->op = get_text(r);
	}
}

static void get_runs(struct reader *r, struct dh_program *program)
{
	uint32_t count = get(r, 4);

	if (r->failed || !count || count > DH_PROGRAM_MAX_LAYERS) {
		r->failed = true;
		return;
	}
	program->runs = calloc(count, sizeof(*program->runs));
	r->failed |= !program->runs;
	program->run_count = program->runs ? count : 0;
	for (uint32_t i = 0; i < program->run_count && !r->failed; i++) {
		struct dh_program_run *run = &program->runs[i];
		uint32_t first, number;

		run->cmd_offset = get(r, 4);
		run->steps = get(r, 4);
		run->params_offset = get(r, 4);
		run->input_stride = get(r, 4);
		run->output_stride = get(r, 4);
		first = get(r, 4);
		number = get(r, 4);
		r->failed |= first > DH_PROGRAM_MAX_LAYERS || number > DH_PROGRAM_MAX_LAYERS;
		run->first = first;
		run->count = number;
	}
}

static void get_blob(struct reader *r, struct dh_blob *blob)
{
	size_t size = r->end - r->at;

	if (!size)
		return;
	blob->data = malloc(size);
	r->failed |= !blob->data;
	if (!blob->data)
		return;
	memcpy(blob->data, r->at, size);
	blob->size = size;
	r->at = r->end;
}

static void get_range(struct reader *r, struct dh_program *program)
{
	program->input_range = get(r, 4);
	program->input_limit = get(r, 4);
}

static void get_section(struct reader *r, struct dh_program *program, uint32_t id)
{
	switch (id) {
	case SECTION_ABOUT:
		get_about(r, program);
		break;
	case SECTION_LAYERS:
		get_layers(r, program);
		break;
	case SECTION_RUNS:
		get_runs(r, program);
		break;
	case SECTION_COMMANDS:
		get_blob(r, &program->commands);
		break;
	case SECTION_WEIGHTS:
		get_blob(r, &program->weights);
		break;
	case SECTION_STATE:
		get_blob(r, &program->state_template);
		break;
	case SECTION_RANGE:
		get_range(r, program);
		break;
	default: /* of a later minor version */
		r->at = r->end;
		break;
	}
	r->failed |= r->at != r->end;
}

static int damaged(struct dh_error *err, const char *name, const char *what)
{
	dh_error_set(err, "%s: damaged program file: %s; compile the model again", name, what);
	return -EINVAL;
}

/** struct entry - of the section table */
struct entry {
	uint32_t id;
	uint32_t crc;
	uint64_t offset;
	uint64_t size;
};

static int read_section(const uint8_t *buf, size_t len, const char *name, const struct entry *entry,
			uint32_t *seen, struct dh_program *program, struct dh_error *err)
{
	struct reader r;
	char text[64];

	if (entry->offset > len || entry->size > len - entry->offset)
		return damaged(err, name, "a section lies past its end");
	if (crc32_of(buf + entry->offset, entry->size) != entry->crc)
		return damaged(err, name, "a checksum is wrong");
	if (entry->id < 32 && *seen & 1u << entry->id)
		return damaged(err, name, "a section comes twice");
	if (entry->id < 32)
		*seen |= 1u << entry->id;
	r = (struct reader){ buf + entry->offset, buf + entry->offset + entry->size, false };
	get_section(&r, program, entry->id);
	if (!r.failed)
		return 0;
	snprintf(text, sizeof(text), "section %u cannot be read", entry->id);
	return damaged(err, name, text);
}

/* What the layers are is in the commands; anything odd is found by dh_program_check(). */
static void take_layers(struct dh_program *program)
{
	for (uint32_t i = 0; i < program->layer_count; i++) {
		struct dh_program_layer *layer = &program->layers[i];
		struct dh_cmd cmd;

		if (layer->cmd_offset >= program->commands.size)
			continue;
		if (dh_cmd_decode(program->commands.data + layer->cmd_offset,
				  program->commands.size - layer->cmd_offset, &program->need, &cmd))
			continue;
		if (cmd.opcode == DELTAHOP_OP_RNN_LAYER)
			layer->layer = cmd.layer;
	}
}

static int read_header(const uint8_t *buf, size_t len, const char *name, uint32_t *sections,
		       struct dh_error *err)
{
	struct reader r = { buf + MAGIC_LEN, buf + len, false };
	uint32_t major, minor, table_crc;
	uint64_t size;

	if (len < HEADER_BYTES || memcmp(buf, MAGIC, MAGIC_LEN)) {
		dh_error_set(
			err,
			"%s: not a program file (.dhp); make one with: deltahop compile MODEL.onnx",
			name);
		return -EINVAL;
	}
	major = get(&r, 2);
	minor = get(&r, 2);
	*sections = get(&r, 4);
	size = get(&r, 8);
	table_crc = get(&r, 4);
	if (get(&r, 4) != crc32_of(buf, HEADER_BYTES - 4))
		return damaged(err, name, "the checksum of its header is wrong");
	if (major != VERSION_MAJOR) {
		dh_error_set(err,
			     "%s: program file of version %u.%u, this library reads version %d; "
			     "compile the model again",
			     name, major, minor, VERSION_MAJOR);
		return -EOPNOTSUPP;
	}
	if (size != len)
		return damaged(err, name, "it is cut short, or bytes were added");
	if (*sections > MAX_SECTIONS || len < HEADER_BYTES + (size_t)*sections * ENTRY_BYTES)
		return damaged(err, name, "its table of sections is too long");
	if (table_crc != crc32_of(buf + HEADER_BYTES, *sections * ENTRY_BYTES))
		return damaged(err, name, "the checksum of its table is wrong");
	return 0;
}

static int read_sections(const uint8_t *buf, size_t len, const char *name,
			 struct dh_program *program, struct dh_error *err)
{
	uint32_t sections, seen = 0;
	int ret = read_header(buf, len, name, &sections, err);

	for (uint32_t i = 0; !ret && i < sections; i++) {
		struct reader r = { buf + HEADER_BYTES + i * ENTRY_BYTES,
				    buf + HEADER_BYTES + (i + 1) * ENTRY_BYTES, false };
		struct entry entry;

		entry.id = get(&r, 4);
		entry.crc = get(&r, 4);
		entry.offset = get(&r, 8);
		entry.size = get(&r, 8);
		ret = read_section(buf, len, name, &entry, &seen, program, err);
	}
	return ret;
}

int dh_program_parse(const void *buf, size_t len, const char *name, struct dh_program **program,
		     struct dh_error *err)
{
	struct dh_program *p = calloc(1, sizeof(*p));
	struct dh_error why;
	int ret;

	*program = NULL;
	if (!p) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	ret = read_sections(buf, len, name, p, err);
	if (!ret && p->abi_major != DELTAHOP_HW_ABI_MAJOR)
		ret = dh_program_check_abi(p, DELTAHOP_HW_ABI_MAJOR, DELTAHOP_HW_ABI_MINOR, err);
	if (!ret) {
		take_layers(p);
		ret = dh_program_check(p, &p->need, &why);
		if (ret)
			dh_error_set(err, "%s: %s", name, why.text);
	}
	if (ret)
		dh_program_free(p);
	else
		*program = p;
	return ret;
}

static int read_file(int fd, const char *path, uint8_t **buf, size_t *len, struct dh_error *err)
{
	struct stat st;
	ssize_t got;

	*len = 0;
	*buf = NULL;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MAX_FILE) {
		dh_error_set(err, "%s: not a regular file of at most %zu MiB", path,
			     MAX_FILE >> 20);
		return -EINVAL;
	}
	*buf = malloc(st.st_size + 1);
	if (!*buf)
		return -ENOMEM;
	while (*len < (size_t)st.st_size) {
		got = read(fd, *buf + *len, st.st_size - *len);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			break;
		*len += got > 0 ? got : 0;
	}
	return 0;
}

int dh_program_load(const char *path, struct dh_program **program, struct dh_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;
	uint8_t *buf;
	size_t len;

	*program = NULL;
	if (fd < 0) {
		ret = -errno;
		dh_error_set(err, "%s: cannot be opened: %s", path, strerror(-ret));
		return ret;
	}
	ret = read_file(fd, path, &buf, &len, err);
	if (ret && ret != -EINVAL)
		dh_error_set(err, "%s: cannot be read: %s", path, strerror(-ret));
	if (!ret)
		ret = dh_program_parse(buf, len, path, program, err);
	free(buf);
	close(fd);
	return ret;
}
