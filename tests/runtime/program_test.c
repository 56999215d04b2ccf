// SPDX-License-Identifier: MIT
/* Programs: what is saved comes back, and nothing inconsistent or damaged is accepted. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compile/compile.h"
#include "deltahop.h"
#include "net_fixture.h"

#define MODEL "dense_gru_dense"

static struct dh_program *compiled(const char *name)
{
	struct dh_compile_options options = { .theta_x = 4, .theta_h = 9 };
	struct dh_program *program;
	struct dh_error err;

	ck_assert_msg(!dh_compile(net_path(name, ".onnx"), &options, &program, NULL, &err), "%s",
		      err.text);
	return program;
}

static const char *temporary(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/program-test-%d.dhp",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	return path;
}

static size_t saved_bytes(const char *name, uint8_t *bytes, size_t room)
{
	struct dh_program *program = compiled(name);
	struct dh_error err;
	FILE *file;
	size_t len;

	ck_assert_msg(!dh_program_save(program, temporary(), &err), "%s", err.text);
	file = fopen(temporary(), "rbe");
	len = fread(bytes, 1, room, file);
	fclose(file);
	unlink(temporary());
	dh_program_free(program);
	return len;
}

static void same_blob(const struct dh_blob *a, const struct dh_blob *b)
{
	ck_assert_uint_eq(a->size, b->size);
	ck_assert_int_eq(a->size ? memcmp(a->data, b->data, a->size) : 0, 0);
}

static void same_tensor(const struct dh_program_tensor *a, const struct dh_program_tensor *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_uint_eq(a->elements, b->elements);
	ck_assert_uint_eq(a->padded, b->padded);
	ck_assert_int_eq(a->scale_exp, b->scale_exp);
	ck_assert_int_eq(a->per_step, b->per_step);
	ck_assert_uint_eq(a->rank, b->rank);
	ck_assert_int_eq(a->batch_axis, b->batch_axis);
	ck_assert_int_eq(a->step_axis, b->step_axis);
}

static void same_layers(const struct dh_program *a, const struct dh_program *b)
{
	ck_assert_uint_eq(a->layer_count, b->layer_count);
	for (uint32_t i = 0; i < a->layer_count; i++) {
		const struct dh_program_layer *x = &a->layers[i], *y = &b->layers[i];

		ck_assert_str_eq(x->node, y->node);
		ck_assert_str_eq(x->op, y->op);
		ck_assert_uint_eq(x->cmd_offset, y->cmd_offset);
		ck_assert_uint_eq(x->run, y->run);
		ck_assert_uint_eq(x->real_inputs, y->real_inputs);
		ck_assert_uint_eq(x->real_hidden, y->real_hidden);
		ck_assert_int_eq(x->theta_x, y->theta_x);
		ck_assert_int_eq(x->theta_h, y->theta_h);
		ck_assert_uint_eq(x->layer.weight_offset, y->layer.weight_offset);
		ck_assert_uint_eq(x->layer.state_offset, y->layer.state_offset);
	}
	ck_assert_uint_eq(a->run_count, b->run_count);
	ck_assert_int_eq(memcmp(a->runs, b->runs, a->run_count * sizeof(*a->runs)), 0);
}

START_TEST(saved_is_loaded)
{
	static const char *const names[] = { MODEL, "last_hidden", "state_constant", "mlp_large" };
	struct dh_program *before = compiled(names[_i]), *after;
	struct dh_error err;

	ck_assert_msg(!dh_program_save(before, temporary(), &err), "%s", err.text);
	ck_assert_msg(!dh_program_load(temporary(), &after, &err), "%s", err.text);
	unlink(temporary());
	ck_assert_str_eq(before->name, after->name);
	ck_assert_str_eq(before->profile, after->profile);
	ck_assert_uint_eq(before->abi_major, after->abi_major);
	ck_assert_int_eq(memcmp(&before->need, &after->need, sizeof(before->need)), 0);
	ck_assert_uint_eq(before->state_bytes, after->state_bytes);
	ck_assert_uint_eq(before->scratch_bytes, after->scratch_bytes);
	ck_assert_uint_eq(before->fixed_steps, after->fixed_steps);
	ck_assert_uint_eq(before->batch, after->batch);
	ck_assert_uint_eq(before->input_limit, after->input_limit);
	ck_assert_int_eq(before->input_range, after->input_range);
	ck_assert_int_eq(after->input_range, DH_RANGE_ASSUMED);
	ck_assert_int_eq(before->host_op, after->host_op);
	same_blob(&before->commands, &after->commands);
	same_blob(&before->weights, &after->weights);
	same_blob(&before->state_template, &after->state_template);
	same_tensor(&before->input, &after->input);
	same_tensor(&before->output, &after->output);
	same_layers(before, after);
	dh_program_free(before);
	dh_program_free(after);
}
END_TEST

static uint32_t crc32(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = value >> 8 * i;
}

/* Sections that a reader does not know are ignored; a file of version 1.0 has no range. */
START_TEST(older_file_is_read)
{
	static uint8_t bytes[1 << 16];
	size_t len = saved_bytes("gru_bare", bytes, sizeof(bytes));
	struct dh_tensor_info input = { .size = sizeof(input) };
	uint8_t *table = bytes + 32, *last;
	uint32_t sections = bytes[12];
	struct dh_program *program;
	struct dh_error err;

	ck_assert(!dh_program_parse(bytes, len, "new", &program, &err));
	dh_program_input(program, &input);
	ck_assert_double_eq(input.limit, 8);
	dh_program_free(program);
	ck_assert_uint_eq(bytes[10], 1);
	ck_assert_uint_eq(sections, 7);
	last = table + 24 * (sections - 1);
	ck_assert_uint_eq(last[0], 7);
	put32(last, 63);
	bytes[10] = 0;
	put32(bytes + 24, crc32(table, 24 * sections));
	put32(bytes + 28, crc32(bytes, 28));
	ck_assert_msg(!dh_program_parse(bytes, len, "old", &program, &err), "%s", err.text);
	dh_program_input(program, &input);
	ck_assert(isinf(input.limit));
	dh_program_free(program);
}
END_TEST

START_TEST(every_damaged_byte_is_noticed)
{
	static uint8_t bytes[1 << 16];
	size_t len = saved_bytes("gru_bare", bytes, sizeof(bytes));
	struct dh_program *program;
	struct dh_error err;

	ck_assert(!dh_program_parse(bytes, len, "whole", &program, &err));
	dh_program_free(program);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1 << i % 8;
		ck_assert_msg(dh_program_parse(bytes, len, "flipped", &program, &err),
			      "byte %zu of %zu", i, len);
		bytes[i] ^= 1 << i % 8;
	}
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_msg(dh_program_parse(bytes, cut, "cut", &program, &err), "cut at %zu",
			      cut);
}
END_TEST

START_TEST(strange_files_are_named)
{
	struct dh_program *program, *good = compiled("gru_bare");
	struct dh_error err;
	struct stat st;

	ck_assert_int_eq(dh_program_load("/nonexistent.dhp", &program, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent.dhp"));
	ck_assert_int_eq(dh_program_load("/", &program, &err), -EINVAL);
	ck_assert_int_eq(dh_program_load(net_path("mlp", ".onnx"), &program, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "not a program file"));
	ck_assert_int_lt(dh_program_save(good, "/nonexistent/x.dhp", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/x.dhp"));
	ck_assert_int_lt(dh_program_save(good, "/", &err), 0);
	ck_assert(!dh_program_save(good, "/dev/null", &err));
	ck_assert(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
	dh_program_free(good);
}
END_TEST

/* --- a program that is wrong in one place ------------------------------------------- */

static void no_layers(struct dh_program *p)
{
	p->layer_count = 0;
}
static void many_layers(struct dh_program *p)
{
	p->layer_count = 17;
}
static void weights_short(struct dh_program *p)
{
	p->weights.size--;
}
static void state_short(struct dh_program *p)
{
	p->state_bytes -= 8;
	p->state_template.size -= 8;
}
static void template_short(struct dh_program *p)
{
	p->state_template.size -= 8;
}
static void source_map(struct dh_program *p)
{
	p->layers[1].cmd_offset += 8;
}
static void source_fields(struct dh_program *p)
{
	p->layers[1].layer.hidden += 8;
}
static void real_size(struct dh_program *p)
{
	p->layers[1].real_hidden = p->layers[1].layer.hidden + 1;
}
static void theta(struct dh_program *p)
{
	p->layers[1].theta_x = 512;
}
static void negative_theta(struct dh_program *p)
{
	p->layers[1].theta_h = -1;
}
static void stride(struct dh_program *p)
{
	p->runs[0].input_stride += 2;
}
static void params(struct dh_program *p)
{
	p->runs[0].params_offset += DH_PARAMS_PITCH;
}
static void run_missing(struct dh_program *p)
{
	p->run_count--;
}
static void run_layers(struct dh_program *p)
{
	p->layers[1].run = 1;
}
static void steps(struct dh_program *p)
{
	p->runs[0].steps = DH_STEPS_ONCE;
}
static void scratch(struct dh_program *p)
{
	p->scratch_bytes = 8;
}
static void input_padded(struct dh_program *p)
{
	p->input.padded += 4;
}
static void input_elements(struct dh_program *p)
{
	p->input.elements = p->input.padded + 1;
}
static void output_axes(struct dh_program *p)
{
	p->output.batch_axis = p->output.rank;
}
static void output_scale(struct dh_program *p)
{
	p->output.scale_exp = 1000;
}
static void host_op(struct dh_program *p)
{
	p->host_op = 7;
}
static void input_range(struct dh_program *p)
{
	p->input_range = 3;
}
static void end_missing(struct dh_program *p)
{
	p->commands.size -= 8;
}
static void opcode(struct dh_program *p)
{
	p->commands.data[0] ^= 0x40;
}
static void region(struct dh_program *p)
{
	p->commands.data[20] = DH_REGION_OUTPUT;
}
static void per_step(struct dh_program *p)
{
	p->output.per_step ^= 1;
}
static void command_region(struct dh_program *p)
{
	p->commands.data[p->runs[0].cmd_offset + 24] = DH_REGION_WEIGHTS;
}
static void command_output(struct dh_program *p)
{
	p->commands.data[p->runs[0].cmd_offset + 40] = 2;
}

static const struct {
	const char *name;
	void (*change)(struct dh_program *program);
} wrongs[] = {
#define WRONG(name)         \
	{                   \
#name, name \
	}
	WRONG(no_layers),      WRONG(many_layers),    WRONG(weights_short),  WRONG(state_short),
	WRONG(template_short), WRONG(source_map),     WRONG(source_fields),  WRONG(real_size),
	WRONG(theta),	       WRONG(negative_theta), WRONG(stride),	     WRONG(params),
	WRONG(run_missing),    WRONG(run_layers),     WRONG(steps),	     WRONG(scratch),
	WRONG(input_padded),   WRONG(input_elements), WRONG(output_axes),    WRONG(output_scale),
	WRONG(host_op),	       WRONG(end_missing),    WRONG(opcode),	     WRONG(region),
	WRONG(per_step),       WRONG(command_region), WRONG(command_output), WRONG(input_range),
#undef WRONG
};

/* A network of two runs, so that every kind of mistake is possible. */
START_TEST(one_wrong_thing_is_refused)
{
	struct dh_program *program = compiled("last_hidden");
	struct dh_cmd_limits limits = program->need;
	uint32_t layers = program->layer_count, runs = program->run_count;
	struct dh_error err = { "" };

	limits.state_bytes += 64;
	ck_assert_msg(!dh_program_check(program, &limits, &err), "%s", err.text);
	wrongs[_i].change(program);
	ck_assert_msg(dh_program_check(program, &limits, &err) < 0, "%s is accepted",
		      wrongs[_i].name);
	ck_assert(err.text[0]);
	program->layer_count = layers;
	program->run_count = runs;
	dh_program_free(program);
}
END_TEST

START_TEST(device_must_be_large_enough)
{
	struct dh_program *program = compiled(MODEL);
	struct dh_cmd_limits limits = program->need;
	struct dh_error err;

	ck_assert(!dh_program_check(program, &limits, &err));
	limits.caps &= ~DELTAHOP_CAP_RNN_DENSE;
	ck_assert_int_eq(dh_program_check(program, &limits, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.text, "dense"));
	limits = program->need;
	limits.slots--;
	ck_assert_int_eq(dh_program_check(program, &limits, &err), -EOPNOTSUPP);
	limits = program->need;
	limits.max_hidden--;
	ck_assert_int_eq(dh_program_check(program, &limits, &err), -EOPNOTSUPP);
	limits = program->need;
	limits.max_inputs--;
	ck_assert_int_eq(dh_program_check(program, &limits, &err), -EOPNOTSUPP);
	limits = program->need;
	limits.state_bytes--;
	ck_assert_int_eq(dh_program_check(program, &limits, &err), -EOPNOTSUPP);
	ck_assert(
		!dh_program_check_abi(program, DELTAHOP_HW_ABI_MAJOR, DELTAHOP_HW_ABI_MINOR, &err));
	ck_assert(!dh_program_check_abi(program, DELTAHOP_HW_ABI_MAJOR, DELTAHOP_HW_ABI_MINOR + 1,
					&err));
	ck_assert_int_eq(dh_program_check_abi(program, DELTAHOP_HW_ABI_MAJOR + 1, 0, &err),
			 -EOPNOTSUPP);
	dh_program_free(program);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("programs");
	TCase *tests = tcase_create("programs");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, saved_is_loaded, 0, 4);
	tcase_add_test(tests, older_file_is_read);
	tcase_add_test(tests, every_damaged_byte_is_noticed);
	tcase_add_test(tests, strange_files_are_named);
	tcase_add_loop_test(tests, one_wrong_thing_is_refused, 0,
			    sizeof(wrongs) / sizeof(wrongs[0]));
	tcase_add_test(tests, device_must_be_large_enough);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
