// SPDX-License-Identifier: MIT
/* Networks as .dhp files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "network/net_file.h"
#include "network/network.h"
#include "program/container.h"

#define MAX_PARTS  4096
#define MAX_ENDS   4096		     /* inputs or outputs */
#define NET_MEMORY ((size_t)1 << 31) /* of the host's part */
#define MAGIC	   "DHPROG\r\n"
#define MAGIC_LEN  8

/**
 * struct file - a network on its way
 * @ret: why a part cannot be read, with @err, or 0
 */
struct file {
	struct dh_network *network;
	const char *name;
	int ret;
	struct dh_error err;
};

/* --- sections ------------------------------------------------------------------- */

static void code_list(struct dh_codec *codec, uint32_t count, int32_t **list)
{
	uint32_t coded = count;

	if (!dh_code_array(codec, &coded, count, sizeof(**list), list))
		return;
	codec->failed |= coded != count;
	for (uint32_t i = 0; i < count && !codec->failed; i++)
		dh_code_i32(codec, &(*list)[i]);
}

static void code_ends(struct dh_codec *codec, uint32_t *count, int32_t **list)
{
	if (!dh_code_array(codec, count, MAX_ENDS, sizeof(**list), list))
		return;
	for (uint32_t i = 0; i < *count; i++)
		dh_code_i32(codec, &(*list)[i]);
}

static void code_steps(struct dh_codec *codec, struct dh_network *network)
{
	if (!dh_code_array(codec, &network->step_count, DH_NETWORK_MAX_STEPS,
			   sizeof(*network->steps), &network->steps))
		return;
	for (uint32_t i = 0; i < network->step_count; i++) {
		dh_code_as_u32(codec, network->steps[i].kind);
		dh_code_u32(codec, &network->steps[i].index);
	}
}

static void code_network(struct dh_codec *codec, struct dh_network *network)
{
	dh_code_text(codec, &network->name);
	dh_code_text(codec, &network->profile);
	dh_net_code_tensors(codec, network->net);
	code_ends(codec, &network->input_count, &network->inputs);
	code_ends(codec, &network->output_count, &network->outputs);
	code_steps(codec, network);
}

static void put_program(struct dh_codec *codec, const struct dh_program *program)
{
	struct dh_codec file = { 0 };
	uint64_t size;

	dh_program_write(program, &file);
	if (file.failed)
		dh_codec_no_memory(codec);
	size = file.size;
	dh_code_u64(codec, &size);
	dh_code_bytes(codec, file.data, file.size);
	free(file.data);
}

static void get_program(struct dh_codec *codec, struct file *file, struct dh_program **program)
{
	uint64_t size = 0;

	dh_code_u64(codec, &size);
	codec->failed |= size > (uint64_t)(codec->end - codec->at);
	if (codec->failed)
		return;
	file->ret = dh_program_parse(codec->at, size, file->name, program, &file->err);
	codec->failed = file->ret;
	codec->at += size;
}

static void code_part(struct dh_codec *codec, struct file *file, struct dh_network_part *part)
{
	if (codec->reading)
		get_program(codec, file, &part->program);
	else
		put_program(codec, part->program);
	if (codec->failed)
		return;
	code_list(codec, dh_part_inputs(part->program), &part->inputs);
	code_list(codec, dh_part_outputs(part->program), &part->outputs);
}

static void code_parts(struct dh_codec *codec, struct file *file)
{
	struct dh_network *network = file->network;

	if (!dh_code_array(codec, &network->part_count, MAX_PARTS, sizeof(*network->parts),
			   &network->parts))
		return;
	for (uint32_t i = 0; i < network->part_count && !codec->failed; i++)
		code_part(codec, file, &network->parts[i]);
}

static void code_section(struct dh_codec *codec, enum dh_section id, void *object)
{
	struct file *file = object;

	switch (id) {
	case DH_SECTION_NETWORK:
		code_network(codec, file->network);
		break;
	case DH_SECTION_NODES:
		dh_net_code_nodes(codec, file->network->net);
		break;
	case DH_SECTION_PARTS:
		code_parts(codec, file);
		break;
	default:
		break;
	}
}

static const struct dh_container container = {
	.major = 2,
	.minor = 0,
	.sections = (const enum dh_section[]){ DH_SECTION_NETWORK, DH_SECTION_NODES,
					       DH_SECTION_PARTS, 0 },
	.code = code_section,
};

/* --- what is stored ---------------------------------------------------------------- */

/**
 * struct slim - the network with nothing that is not needed to run it
 * @net: tensors and nodes, with memory of its arena; so has all of @network
 * @index: by tensor of @from: its new number, or DH_NET_NONE
 */
struct slim {
	const struct dh_network *from;
	struct dh_net net;
	struct dh_network network;
	int32_t *index;
};

static void *take(struct slim *slim, uint32_t count, size_t size)
{
	return dh_arena_alloc(&slim->net.arena, count ? count : 1, size);
}

/* The new numbers of tensors; NULL: out of memory. */
static int32_t *renumber(struct slim *slim, const int32_t *list, uint32_t count)
{
	int32_t *to = take(slim, count, sizeof(*to));

	for (uint32_t i = 0; to && i < count; i++) {
		int32_t old = list[i];

		if (old != DH_NET_NONE && slim->index[old] == DH_NET_NONE) {
			slim->index[old] = slim->net.tensor_count;
			slim->net.tensors[slim->net.tensor_count] = slim->from->net->tensors[old];
			slim->net.tensors[slim->net.tensor_count++].producer = DH_NET_NONE;
		}
		to[i] = old == DH_NET_NONE ? DH_NET_NONE : slim->index[old];
	}
	return to;
}

static bool take_node(struct slim *slim, const struct dh_net_node *from)
{
	struct dh_net_node *node = &slim->net.nodes[slim->net.node_count++];

	*node = *from;
	node->inputs = renumber(slim, from->inputs, from->input_count);
	node->outputs = renumber(slim, from->outputs, from->output_count);
	for (uint32_t i = 0; node->outputs && i < node->output_count; i++) {
		if (node->outputs[i] != DH_NET_NONE)
			slim->net.tensors[node->outputs[i]].producer = slim->net.node_count - 1;
	}
	return node->inputs && node->outputs;
}

static bool take_part(struct slim *slim, uint32_t index)
{
	const struct dh_network_part *from = &slim->from->parts[index];
	struct dh_network_part *part = &slim->network.parts[index];

	part->program = from->program;
	part->inputs = renumber(slim, from->inputs, dh_part_inputs(from->program));
	part->outputs = renumber(slim, from->outputs, dh_part_outputs(from->program));
	return part->inputs && part->outputs;
}

static bool take_step(struct slim *slim, uint32_t index)
{
	struct dh_network_step *step = &slim->network.steps[index];

	*step = slim->from->steps[index];
	if (step->kind == DH_STEP_PART)
		return take_part(slim, step->index);
	step->index = slim->net.node_count;
	return take_node(slim, &slim->from->net->nodes[slim->from->steps[index].index]);
}

/* The net's inputs are what no node of it computes: the network's, and what parts give. */
static bool find_net_inputs(struct slim *slim)
{
	struct dh_net *net = &slim->net;

	net->inputs = take(slim, net->tensor_count, sizeof(*net->inputs));
	for (uint32_t i = 0; net->inputs && i < net->tensor_count; i++) {
		if (!net->tensors[i].data && net->tensors[i].producer == DH_NET_NONE)
			net->inputs[net->input_count++] = i;
	}
	return net->inputs;
}

static bool make_room(struct slim *slim)
{
	const struct dh_network *from = slim->from;
	uint32_t i, tensors = from->net->tensor_count;

	slim->net.tensors = take(slim, tensors, sizeof(*slim->net.tensors));
	slim->net.nodes = take(slim, from->step_count, sizeof(*slim->net.nodes));
	slim->network.steps = take(slim, from->step_count, sizeof(*slim->network.steps));
	slim->network.parts = take(slim, from->part_count, sizeof(*slim->network.parts));
	slim->index = take(slim, tensors, sizeof(*slim->index));
	for (i = 0; slim->index && i < tensors; i++)
		slim->index[i] = DH_NET_NONE;
	return slim->net.tensors && slim->net.nodes && slim->network.steps && slim->network.parts &&
	       slim->index;
}

/* Producers are those of the nodes that are stored. */
static bool make_slim(struct slim *slim, const struct dh_network *from)
{
	bool ok;

	*slim = (struct slim){ .from = from, .network = *from };
	slim->net.arena.limit = SIZE_MAX;
	slim->net.name = from->net->name;
	slim->network.net = &slim->net;
	ok = make_room(slim);
	if (ok) {
		slim->network.inputs = renumber(slim, from->inputs, from->input_count);
		slim->network.outputs = renumber(slim, from->outputs, from->output_count);
		ok = slim->network.inputs && slim->network.outputs;
	}
	for (uint32_t i = 0; ok && i < from->step_count; i++)
		ok = take_step(slim, i);
	return ok && find_net_inputs(slim);
}

int dh_network_save(const struct dh_network *network, const char *path, struct dh_error *err)
{
	struct dh_codec file = { 0 };
	struct slim slim;
	int ret = -ENOMEM;

	if (make_slim(&slim, network))
		dh_container_write(&file, &container, &(struct file){ .network = &slim.network });
	else
		file.failed = true;
	if (file.failed)
		dh_error_set(err, "%s: cannot be written: out of memory", path);
	else
		ret = dh_file_write(path, file.data, file.size, err);
	dh_arena_free(&slim.net.arena);
	free(file.data);
	return ret;
}

/* --- a program as a network ----------------------------------------------------------- */

static struct dh_network *new_network(void)
{
	struct dh_network *network = calloc(1, sizeof(*network));
	struct dh_net *net = calloc(1, sizeof(*net));

	if (!network || !net) {
		free(network);
		free(net);
		return NULL;
	}
	net->arena.limit = NET_MEMORY;
	network->net = net;
	return network;
}

static bool add_map(struct dh_net *net, const struct dh_program_map *map, int32_t **to)
{
	*(*to)++ = net->tensor_count;
	net->tensors[net->tensor_count] = (struct dh_net_tensor){
		.name = dh_arena_strdup(&net->arena, map->name),
		.type = DH_NET_FLOAT,
		.onnx_type = 1,
		.rank = 4,
		.dims = { 1, map->channels, map->rows, map->cols },
		.producer = DH_NET_NONE,
	};
	return net->tensors[net->tensor_count++].name;
}

static int32_t *copy_list(const int32_t *list, uint32_t count)
{
	int32_t *copy = calloc(count, sizeof(*copy));

	if (copy)
		memcpy(copy, list, count * sizeof(*copy));
	return copy;
}

/* Every map is a tensor of its own. */
static bool wrap(struct dh_network *network, struct dh_program *program)
{
	struct dh_network_part *part = calloc(1, sizeof(*part));
	struct dh_net *net = network->net;
	int32_t *in, *out;
	bool ok;

	network->parts = part;
	if (!part)
		return false;
	network->part_count = 1;
	part->inputs = in = calloc(program->input_count, sizeof(*in));
	part->outputs = out = calloc(program->output_count, sizeof(*out));
	network->steps = calloc(1, sizeof(*network->steps));
	network->step_count = 1;
	network->name = strdup(program->name);
	network->profile = strdup(program->profile);
	net->name = dh_arena_strdup(&net->arena, program->name);
	net->tensors = dh_arena_alloc(&net->arena, program->input_count + program->output_count,
				      sizeof(*net->tensors));
	ok = in && out && network->steps && network->name && network->profile && net->name &&
	     net->tensors;
	for (uint32_t i = 0; ok && i < program->input_count; i++)
		ok = add_map(net, &program->inputs[i], &in);
	for (uint32_t i = 0; ok && i < program->output_count; i++)
		ok = add_map(net, &program->outputs[i], &out);
	if (!ok)
		return false;
	network->inputs = copy_list(part->inputs, program->input_count);
	network->outputs = copy_list(part->outputs, program->output_count);
	network->input_count = program->input_count;
	network->output_count = program->output_count;
	part->program = program;
	return network->inputs && network->outputs;
}

static int wrap_program(const void *buf, size_t len, const char *name, struct dh_network *network,
			struct dh_error *err)
{
	struct dh_program *program;
	int ret = dh_program_parse(buf, len, name, &program, err);

	if (ret)
		return ret;
	if (wrap(network, program))
		return 0;
	if (!network->parts || !network->parts->program)
		dh_program_free(program);
	dh_error_set(err, "%s: out of memory", name);
	return -ENOMEM;
}

/* --- reading ----------------------------------------------------------------------- */

#define SECTION(id) (1u << (id))
#define NEEDED	    (SECTION(DH_SECTION_NETWORK) | SECTION(DH_SECTION_NODES) | SECTION(DH_SECTION_PARTS))

static int check_loaded(struct dh_network *network, const char *name, struct dh_error *err)
{
	struct dh_error why;
	int ret = dh_net_check(network->net, &why);

	if (!ret)
		ret = dh_network_check(network, &why);
	if (ret)
		dh_error_set(err, "%s: %s", name, why.text);
	return ret;
}

static int read_network(const void *buf, size_t len, const char *name, struct dh_network *network,
			struct dh_error *err)
{
	struct file file = { .network = network, .name = name };
	uint32_t seen;
	int ret = dh_container_read(buf, len, name, code_section, &file, &seen, err);

	if (file.ret) {
		dh_error_set(err, "%s", file.err.text);
		return file.ret;
	}
	if (ret)
		return ret;
	if ((seen & (NEEDED | SECTION(DH_SECTION_CONV))) == SECTION(DH_SECTION_CONV))
		return wrap_program(buf, len, name, network, err);
	if (!(seen & NEEDED)) {
		dh_error_set(err, "%s: a program of the recurrent engine, not a network of parts",
			     name);
		return -EOPNOTSUPP;
	}
	if ((seen & NEEDED) == NEEDED)
		return check_loaded(network, name, err);
	dh_error_set(err, "%s: damaged program file: sections are missing; compile the model again",
		     name);
	return -EINVAL;
}

int dh_network_parse(const void *buf, size_t len, const char *name, struct dh_network **network,
		     struct dh_error *err)
{
	struct dh_network *made = new_network();
	int ret;

	*network = NULL;
	if (!made) {
		dh_error_set(err, "%s: out of memory", name);
		return -ENOMEM;
	}
	ret = read_network(buf, len, name, made, err);
	if (ret)
		dh_network_free(made);
	else
		*network = made;
	return ret;
}

int dh_network_load(const char *path, struct dh_network **network, struct dh_error *err)
{
	uint8_t *buf;
	size_t len;
	int ret = dh_file_read(path, DH_CONTAINER_MAX, &buf, &len, err);

	*network = NULL;
	if (!ret)
		ret = dh_network_parse(buf, len, path, network, err);
	free(buf);
	return ret;
}

bool dh_network_is_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[MAGIC_LEN + 1];
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, head, sizeof(head));
	close(fd);
	return got == sizeof(head) && !memcmp(head, MAGIC, MAGIC_LEN) && head[MAGIC_LEN] >= 2;
}
