// SPDX-License-Identifier: MIT
/*
 * Out of memory, everywhere: the first allocation fails, then the second, and so on. Every time the
 * caller is told -ENOMEM in a sentence, or gets exactly what it gets with enough memory; and nothing
 * stays behind.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc_hook.h"
#include "front/front.h"
#include "net_fixture.h"
#include "network/net.h"
#include "network/network_disasm.h"
#include "onnx_fixture.h"
#include "program/disasm.h"

#define STEPS	   3
#define CONV_MODEL CASES_DIR "/node/test_basic_conv_with_padding/model.onnx"

static char dir[64], dhp[96];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/memory-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(dhp, sizeof(dhp), "%s/program.dhp", dir);
}

static void teardown(void)
{
	ck_assert_int_eq(rmdir(dir), 0);
}

static int first_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/**
 * struct outcome - what came of a way through the library
 * @text: what it made
 * @broken: what should never be; there are no assertions on the way, they allocate
 */
struct outcome {
	int ret;
	struct dh_error err;
	bool broken;
	char text[1 << 16];
};

/* For functions that have no other way to say it. */
static int no_memory(struct outcome *out)
{
	dh_error_set(&out->err, "out of memory");
	return -ENOMEM;
}

static void add(struct outcome *out, const void *bytes, size_t size)
{
	size_t len = strlen(out->text);

	out->broken |= len + 2 * size >= sizeof(out->text);
	for (size_t i = 0; i < size && !out->broken; i++, len += 2)
		snprintf(out->text + len, 3, "%02x", ((const uint8_t *)bytes)[i]);
}

static int add_json(struct outcome *out, json_t *json)
{
	size_t len = strlen(out->text), size;

	if (!json)
		return no_memory(out);
	size = json_dumpb(json, out->text + len, sizeof(out->text) - len - 1, JSON_COMPACT);
	json_decref(json);
	out->broken |= len + size >= sizeof(out->text);
	return size ? 0 : no_memory(out);
}

typedef void (*way_fn)(struct outcome *out, const char *what);

/* One pass with allocation @n failing; false: there are fewer. */
static bool try_one(way_fn way, const char *what, unsigned long n, bool forever,
		    struct outcome *out)
{
	long live = alloc_live, left;
	int fd = first_free_fd(), fd_after;
	bool failed;

	memset(out, 0, sizeof(*out));
	alloc_fail(n, forever);
	way(out, what);
	failed = alloc_has_failed();
	alloc_fail(0, false);
	left = alloc_live - live;
	fd_after = first_free_fd();
	ck_assert_msg(!left, "%s: allocation %lu: %ld pieces left", what, n, left);
	ck_assert_msg(fd_after == fd, "%s: allocation %lu: a file is left open", what, n);
	ck_assert_msg(!out->broken, "%s: allocation %lu: broken", what, n);
	return failed;
}

/* One allocation fails, or all from there on; what the way returns with enough memory. */
static int try_each(way_fn way, const char *what, bool forever)
{
	static struct outcome enough, less;
	unsigned long n = 1;

	try_one(way, what, 0, false, &enough);
	ck_assert_int_ne(enough.ret, -ENOMEM);
	for (; try_one(way, what, n, forever, &less); n++) {
		if (less.ret == -ENOMEM) {
			ck_assert_msg(strstr(less.err.text, "memory"), "%s: allocation %lu: \"%s\"",
				      what, n, less.err.text);
			continue;
		}
		ck_assert_msg(less.ret == enough.ret && !strcmp(less.err.text, enough.err.text),
			      "%s: allocation %lu: %d \"%s\" in place of %d \"%s\"", what, n,
			      less.ret, less.err.text, enough.ret, enough.err.text);
		ck_assert_msg(!strcmp(less.text, enough.text), "%s: allocation %lu: another result",
			      what, n);
	}
	ck_assert_msg(n > 1, "%s: allocates nothing", what);
	return enough.ret;
}

static int try_all(way_fn way, const char *what)
{
	try_each(way, what, true);
	return try_each(way, what, false);
}

/* --- compile ---------------------------------------------------------------------- */

static void import(struct outcome *out, const char *path)
{
	struct dh_explain *explain = dh_explain_create();
	struct dh_graph *graph = NULL;

	out->ret = explain ? dh_graph_import(path, explain, &graph, &out->err) : no_memory(out);
	if (explain && (explain->out_of_memory || add_json(out, dh_explain_json(explain))))
		out->ret = no_memory(out);
	for (uint32_t i = 0; graph && i < graph->layer_count; i++)
		add(out, graph->layers[i].bias, graph->layers[i].hidden * sizeof(float));
	dh_graph_free(graph);
	dh_explain_free(explain);
}

static void try_model(way_fn way, Onnx__ModelProto *model)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/changed.onnx", dir);
	onnx_save(model, path);
	onnx_free(model);
	ck_assert_int_eq(try_all(way, path), 0);
	unlink(path);
}

/* The same file as a network of tensor operations, and memory to run it. */
static void import_network(struct outcome *out, const char *path)
{
	struct dh_explain *explain = dh_explain_create();
	struct dh_net_run *run = NULL;
	struct dh_net *net = NULL;

	out->ret = explain ? dh_net_import(path, NULL, explain, &net, &out->err) : no_memory(out);
	if (explain && out->ret != -ENOMEM && add_json(out, dh_explain_json(explain)))
		out->ret = -ENOMEM;
	if (!out->ret)
		out->ret = dh_net_run_create(net, &run, &out->err);
	for (uint32_t i = 0; !out->ret && i < net->node_count; i++)
		add(out, net->nodes[i].name, strlen(net->nodes[i].name));
	dh_net_run_free(run);
	dh_net_free(net);
	dh_explain_free(explain);
}

/* Constants that are computed, in arrays and as fills, where dense layers take them. */
START_TEST(computing_constants)
{
	const int64_t units = 30, shape[] = { 1, 30 }, units2 = 5;
	Onnx__ModelProto *model = onnx_read("mlp");

	onnx_add_ints(model, "units", &units, 1);
	onnx_add_ints(model, "shape", shape, 2);
	onnx_add_ints(model, "units2", &units2, 1);
	onnx_set_input(onnx_node(model, "Gemm"), 2, "sum");
	onnx_set_input(onnx_last_node(model, "Gemm"), 2, "fill");
	onnx_add_node(model, "ConstantOfShape", "units2", NULL, "fill");
	onnx_add_node(model, "Add", "spread", "zeros", "sum");
	onnx_add_node(model, "Expand", "0.bias", "shape", "spread");
	onnx_add_node(model, "ConstantOfShape", "units", NULL, "zeros");
	try_model(import, model);
}
END_TEST

START_TEST(filling_weights)
{
	const int64_t shape[] = { 1, 48, 16 };
	Onnx__ModelProto *model = onnx_read("gru_bare");

	onnx_add_ints(model, "shape", shape, 3);
	onnx_set_input(onnx_node(model, "GRU"), 2, "fill");
	onnx_add_node(model, "ConstantOfShape", "shape", NULL, "fill");
	try_model(import, model);
}
END_TEST

/* Every network of the tests, those too that are refused. */
START_TEST(importing)
{
	DIR *models = opendir(MODELS_DIR);
	unsigned int count = 0;
	struct dirent *entry;

	while ((entry = readdir(models))) {
		char *suffix = strstr(entry->d_name, ".onnx");

		if (!suffix)
			continue;
		*suffix = '\0';
		try_each(import, net_path(entry->d_name, ".onnx"), false);
		try_each(import_network, net_path(entry->d_name, ".onnx"), false);
		count++;
	}
	closedir(models);
	ck_assert_uint_gt(count, 50);
}
END_TEST

/* To whichever engine the network is for. */
static void compile_any(struct outcome *out, const char *path)
{
	struct dh_front_options options = { .profile = "card" };
	struct dh_explain *explain = NULL;
	struct dh_compiled compiled;

	out->ret = dh_front_compile(path, &options, &compiled, &explain, &out->err);
	if (explain && out->ret != -ENOMEM && add_json(out, dh_explain_json(explain)))
		out->ret = -ENOMEM;
	if (!out->ret && compiled.network)
		out->ret = add_json(out, dh_network_disasm_json(compiled.network, true));
	dh_compiled_free(&compiled);
	dh_explain_free(explain);
}

/* A convolution of a conformance case, with constant weights in place of an input. */
START_TEST(compiling_convolutions)
{
	const float w[9] = { 1, -1, 0.5, 0, 0.25, -0.5, 0.125, 1, 0 };
	const int64_t dims[] = { 1, 1, 3, 3 };
	Onnx__ModelProto *model = onnx_read_file(CONV_MODEL);

	onnx_add_floats(model, "W", dims, 4, w);
	try_model(compile_any, model);
}
END_TEST

START_TEST(compiling_either_way)
{
	ck_assert_int_eq(try_all(compile_any, net_path("mlp", ".onnx")), 0);
	try_all(compile_any, net_path("bad_mean", ".onnx"));
}
END_TEST

/* To parts, of which one is for the recurrent engine. */
static void compile_parts(struct outcome *out, const char *path)
{
	struct dh_front_options options = { .profile = "card", .theta_x = 4 };
	struct dh_network *network;

	out->ret = dh_front_network(path, &options, &network, &out->err);
	if (out->ret)
		return;
	out->broken |= network->part_count != 1;
	out->ret = add_json(out, dh_network_disasm_json(network, true));
	dh_network_free(network);
}

START_TEST(compiling_parts)
{
	ck_assert_int_eq(try_all(compile_parts, net_path("gru_fixed", ".onnx")), 0);
}
END_TEST

static void compile(struct outcome *out, const char *name)
{
	struct dh_compile_options options = { .theta_x = 4 };
	struct dh_explain *explain;
	struct dh_program *program;

	out->ret = dh_compile(net_path(name, ".onnx"), &options, &program, &explain, &out->err);
	if (!out->ret) {
		add(out, program->commands.data, program->commands.size);
		add(out, program->state_template.data, program->state_template.size);
	}
	if (out->ret != -ENOMEM && add_json(out, dh_explain_json(explain)))
		out->ret = -ENOMEM;
	dh_program_free(program);
	dh_explain_free(explain);
}

START_TEST(compiling)
{
	static const char *const names[] = { "gru_states",  "state_constant", "mlp_norm",
					     "last_argmax", "bad_deep",	      "mlp_large" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		try_all(compile, names[i]);
}
END_TEST

/* --- a program's life -------------------------------------------------------------- */

static void compile_and_save(struct outcome *out, const char *what)
{
	char calibration[512];
	struct dh_compile_settings settings = { .size = sizeof(settings), .theta_x = 4 };
	struct dh_program *program;

	snprintf(calibration, sizeof(calibration), "%s", net_path(what, ".in.npy"));
	settings.calibration = calibration;
	out->ret = dh_program_compile(net_path(what, ".onnx"), &settings, &program, &out->err);
	if (!out->ret)
		out->ret = dh_program_save(program, dhp, &out->err);
	dh_program_free(program);
	out->broken |= unlink(dhp) != (out->ret ? -1 : 0);
}

START_TEST(compiling_with_calibration)
{
	ck_assert_int_eq(try_all(compile_and_save, "gru_states"), 0);
	ck_assert_int_eq(try_all(compile_and_save, "dense_gru_dense"), 0);
}
END_TEST

static void load(struct outcome *out, const char *what)
{
	struct dh_program *program;

	out->ret = dh_program_load(what, &program, &out->err);
	if (!out->ret)
		out->ret = add_json(out, dh_disasm_json(program));
	dh_program_free(program);
}

static struct dh_program *compiled(const char *name)
{
	struct dh_compile_options options = { .theta_x = 4 };
	struct dh_program *program;
	struct dh_error err;

	ck_assert_msg(!dh_compile(net_path(name, ".onnx"), &options, &program, NULL, &err), "%s",
		      err.text);
	return program;
}

START_TEST(loading)
{
	struct dh_program *program = compiled("gru3");
	struct dh_error err;

	/* a name that is no ASCII must not be taken for one that is no UTF-8 either */
	program->layers[0].node[0] = '\xc3';
	program->layers[0].node[1] = '\xa9';
	ck_assert_msg(!dh_program_save(program, dhp, &err), "%s", err.text);
	dh_program_free(program);
	ck_assert_int_eq(try_all(load, dhp), 0);
	ck_assert_int_eq(truncate(dhp, 100), 0);
	ck_assert_int_eq(try_all(load, dhp), -EINVAL);
	unlink(dhp);
}
END_TEST

static void open_and_ask(struct outcome *out, const char *what)
{
	struct dh_device_info info = { .size = sizeof(info) };
	struct dh_device *device;

	out->ret = dh_device_open(what, &device, &out->err);
	if (out->ret)
		return;
	out->ret = dh_device_get_info(device, &info, &out->err);
	add(out, info.why, strlen(info.why));
	add(out, &info.caps, sizeof(info.caps));
	dh_device_close(device);
}

START_TEST(opening)
{
	ck_assert_int_eq(try_all(open_and_ask, "auto"), 0);
	ck_assert_int_eq(try_all(open_and_ask, "embedded"), 0);
	ck_assert_int_eq(try_all(open_and_ask, "embedded:pes=7"), -EINVAL);
}
END_TEST

/* No node is found either way; but "there is none" must not be said when that is not known. */
START_TEST(looking_for_nodes)
{
	char path[128];

	for (unsigned long n = 1; n <= 4; n++) {
		int ret;

		alloc_fail(n, false);
		ret = dh_device_node(1000, path, sizeof(path));
		alloc_fail(0, false);
		ck_assert_int_eq(ret, -ENOMEM);
	}
	ck_assert_int_eq(dh_device_node(1000, path, sizeof(path)), -ENOENT);
}
END_TEST

/* --- execution ------------------------------------------------------------------ */

static struct dh_program *program;

struct execution {
	struct dh_device *device;
	struct dh_instance *instance;
	struct dh_stream *stream;
	struct dh_job *job[2];
	struct dh_buffer *buffer;
	struct dh_buffer *shared;
};

static int create(struct execution *e, struct dh_error *err)
{
	struct dh_instance_options options = { .size = sizeof(options), .profile = true };
	int ret = dh_device_open("embedded", &e->device, err);

	if (!ret)
		ret = dh_instance_create(e->device, program, &options, &e->instance, err);
	if (!ret)
		ret = dh_stream_create(e->instance, &e->stream, err);
	for (int i = 0; !ret && i < 2; i++)
		ret = dh_job_create(e->instance, STEPS, &e->job[i], err);
	return ret;
}

/* Input through a buffer that a file descriptor was made of and that came back as another. */
static int bind(struct execution *e, struct dh_error *err)
{
	int ret = dh_buffer_create(e->device, STEPS * program->input.padded * sizeof(int16_t),
				   &e->buffer, err);
	int fd = ret ? ret : dh_buffer_export(e->buffer, err);

	if (fd < 0)
		return fd;
	ret = dh_buffer_import(e->device, fd, &e->shared, err);
	if (!ret)
		ret = dh_job_bind_input(e->job[0], e->shared, 0, err);
	close(fd);
	return ret;
}

static int run(struct execution *e, struct outcome *out)
{
	int ret, fd;

	for (int i = 0; i < 2; i++) {
		int16_t *input = dh_job_input(e->job[i]);

		/* an imported buffer may have no mapping */
		if (!input)
			return no_memory(out);
		for (size_t k = 0; k < STEPS * program->input.padded; k++)
			input[k] = 50 * (k % 7) + i;
		ret = dh_run(e->job[i], e->stream, STEPS, 0, &out->err);
		if (ret)
			return ret;
		add(out, dh_job_output(e->job[i]), program->output.padded * sizeof(int16_t));
	}
	fd = dh_job_fd(e->job[0], &out->err);
	close(fd);
	return fd < 0 ? fd : 0;
}

static void execute(struct outcome *out, const char *what)
{
	struct execution e = { 0 };

	(void)what;
	out->ret = create(&e, &out->err);
	if (!out->ret)
		out->ret = bind(&e, &out->err);
	if (!out->ret)
		out->ret = run(&e, out);
	if (!out->ret)
		out->ret = dh_instance_cancel(e.instance, &out->err);
	if (!out->ret)
		out->ret = run(&e, out);
	dh_instance_destroy(e.instance);
	dh_buffer_destroy(e.shared);
	dh_buffer_destroy(e.buffer);
	dh_device_close(e.device);
}

START_TEST(executing)
{
	program = compiled("gru_states");
	ck_assert_int_eq(try_all(execute, "execution"), 0);
	dh_program_free(program);
}
END_TEST

/* A cancel that runs out of memory leaves no stream without its state that could run. */
START_TEST(cancelling)
{
	bool failed = false, survived = false;
	static struct outcome out;

	program = compiled("gru_states");
	for (unsigned long n = 1; !survived; n++) {
		struct execution e = { 0 };
		int ret;

		memset(&out, 0, sizeof(out));
		ck_assert_int_eq(create(&e, &out.err), 0);
		alloc_fail(n, false);
		ret = dh_instance_cancel(e.instance, &out.err);
		survived = !alloc_has_failed();
		alloc_fail(0, false);
		ck_assert(ret == 0 || (ret == -ENOMEM && strstr(out.err.text, "memory")));
		if (ret) {
			failed = true;
			ck_assert_int_eq(run(&e, &out), -EIO);
			ck_assert_msg(strstr(out.err.text, "survive"), "%s", out.err.text);
			ck_assert_int_eq(dh_instance_cancel(e.instance, &out.err), 0);
		}
		ck_assert_int_eq(run(&e, &out), 0);
		dh_instance_destroy(e.instance);
		dh_device_close(e.device);
	}
	ck_assert(failed);
	dh_program_free(program);
}
END_TEST

/*
 * A buffer that a file is behind of, destroyed when no memory can take its place: neither the file
 * is cleared, nor does the next buffer share it.
 */
START_TEST(destroying_what_is_shared)
{
	const size_t size = 4096;
	struct dh_device *device;
	struct dh_buffer *first, *second;
	struct dh_error err;
	uint8_t *file;
	int fd;

	ck_assert_int_eq(dh_device_open("embedded", &device, &err), 0);
	ck_assert_int_eq(dh_buffer_create(device, size, &first, &err), 0);
	memset(dh_buffer_map(first, NULL), 0x55, size);
	fd = dh_buffer_export(first, &err);
	ck_assert_int_ge(fd, 0);
	file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	alloc_fail(1, true);
	dh_buffer_destroy(first);
	alloc_fail(0, false);
	ck_assert_uint_eq(file[0], 0x55);
	ck_assert_int_eq(dh_buffer_create(device, size, &second, &err), 0);
	ck_assert_uint_eq(*(uint8_t *)dh_buffer_map(second, NULL), 0);
	memset(dh_buffer_map(second, NULL), 0xaa, size);
	ck_assert_uint_eq(file[0], 0x55);
	dh_buffer_destroy(second);
	dh_device_close(device);
	munmap(file, size);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("out of memory");
	TCase *tests = tcase_create("out of memory");
	SRunner *runner;
	int failed;

	alloc_hook_jansson();
	tcase_set_timeout(tests, 240);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, importing);
	tcase_add_test(tests, computing_constants);
	tcase_add_test(tests, filling_weights);
	tcase_add_test(tests, compiling);
	tcase_add_test(tests, compiling_convolutions);
	tcase_add_test(tests, compiling_either_way);
	tcase_add_test(tests, compiling_parts);
	tcase_add_test(tests, compiling_with_calibration);
	tcase_add_test(tests, loading);
	tcase_add_test(tests, opening);
	tcase_add_test(tests, looking_for_nodes);
	tcase_add_test(tests, executing);
	tcase_add_test(tests, cancelling);
	tcase_add_test(tests, destroying_what_is_shared);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
