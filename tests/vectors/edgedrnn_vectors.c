// SPDX-License-Identifier: MIT
/*
 * edgedrnn-vectors DIR...: run cases of the EdgeDRNN test vectors on the modelled device, through
 * its registers, ring and records, and compare every output bit, every count of fetched columns,
 * and every step's cycles under every memory setting that the case names. What a case holds is in
 * edgedrnn/README.md.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/npy.h"
#include "csv.h"
#include "rig.h"

#define MAX_LAYERS 4
#define MAX_DEPTH  4
#define MAX_PATH   4096
#define RAM_BYTES  0x40000

/* Where the job's things are. */
#define COMMANDS RIG_FREE
#define PARAMS	 (RIG_FREE + 0x1000)
#define PROFILE	 (RIG_FREE + 0x2000)
#define OUTPUT	 (RIG_FREE + 0x3000)
#define INPUTS	 (2ULL << 60)
#define WEIGHTS	 (1ULL << 60)
#define MAX_BASE (1ULL << 59)

/**
 * struct test_case - a case directory in memory
 * @thx_now: threshold registers at the step that comes
 */
struct test_case {
	const char *dir;
	unsigned int layers;
	unsigned int input_size;
	unsigned int input_padded;
	unsigned int hidden[MAX_LAYERS];
	int64_t thx;
	int64_t thh;
	uint64_t weight_base;
	size_t steps;
	struct dh_array weights;
	struct dh_array inputs;
	struct dh_array outputs;
	struct csv counts;
	struct csv cycles;
	struct csv thresholds;
};

/* ---- load ---- */

static int take_key(const struct csv *config, const char *key, int64_t least, int64_t most,
		    int64_t *value, struct dh_error *err)
{
	int column = csv_column(config, key);

	if (column < 0) {
		dh_error_set(err, "%s: the key %s is missing or no integer", config->path, key);
		return -EINVAL;
	}
	*value = csv_value(config, 0, column);
	if (*value >= least && *value <= most)
		return 0;
	dh_error_set(err, "%s: %s is %" PRId64 ", it must be %" PRId64 " to %" PRId64, config->path,
		     key, *value, least, most);
	return -EINVAL;
}

static int take_config(struct test_case *test, const struct csv *config, struct dh_error *err)
{
	int64_t layers, input, padded, base, steps, hidden;
	char key[] = "hidden_0";

	if (take_key(config, "num_layers", 1, MAX_LAYERS, &layers, err) ||
	    take_key(config, "input_size", 1, UINT16_MAX, &input, err) ||
	    take_key(config, "input_padded", input, UINT16_MAX, &padded, err) ||
	    take_key(config, "thx", INT32_MIN, UINT32_MAX, &test->thx, err) ||
	    take_key(config, "thh", INT32_MIN, UINT32_MAX, &test->thh, err) ||
	    take_key(config, "weight_base", 0, MAX_BASE, &base, err) ||
	    take_key(config, "timesteps", 1, UINT32_MAX, &steps, err))
		return -EINVAL;
	for (int l = 0; l < layers; l++) {
		key[7] = '1' + l;
		if (take_key(config, key, 1, UINT16_MAX, &hidden, err))
			return -EINVAL;
		test->hidden[l] = hidden;
	}
	test->layers = layers;
	test->input_size = input;
	test->input_padded = padded;
	test->weight_base = base;
	test->steps = steps;
	return 0;
}

static int load_array(const char *dir, const char *name, enum dh_dtype dtype,
		      struct dh_array *array, struct dh_error *err)
{
	char path[MAX_PATH];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ret = dh_npy_load(path, array, err);
	if (ret || array->dtype == dtype)
		return ret;
	dh_error_set(err, "%s: %s where %s is wanted", path, dh_dtype_name(array->dtype),
		     dh_dtype_name(dtype));
	return -EINVAL;
}

static int load_matrix(const struct test_case *test, const char *name, size_t columns,
		       struct dh_array *array, struct dh_error *err)
{
	int ret = load_array(test->dir, name, DH_DTYPE_I2, array, err);

	if (ret ||
	    (array->ndim == 2 && array->shape[0] == test->steps && array->shape[1] == columns))
		return ret;
	dh_error_set(err, "%s/%s: the shape is not (%zu, %zu) as config.csv says", test->dir, name,
		     test->steps, columns);
	return -EINVAL;
}

static int load_steps(const struct test_case *test, const char *name, struct csv *csv,
		      struct dh_error *err)
{
	char path[MAX_PATH];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", test->dir, name);
	ret = csv_load(path, csv, err);
	if (ret)
		return ret;
	if (csv_column(csv, "t") != 0) {
		dh_error_set(err, "%s: the first column is not t", path);
		return -EINVAL;
	}
	for (size_t t = 0; t < csv->rows; t++) {
		if (csv_value(csv, t, 0) != (int64_t)t) {
			dh_error_set(err, "%s: no row for step %zu", path, t);
			return -EINVAL;
		}
	}
	if (csv->rows == test->steps)
		return 0;
	dh_error_set(err, "%s: %zu rows for %zu steps", path, csv->rows, test->steps);
	return -EINVAL;
}

static int load_thresholds(struct test_case *test, struct dh_error *err)
{
	char path[MAX_PATH];
	int ret;

	snprintf(path, sizeof(path), "%s/thresholds.csv", test->dir);
	ret = csv_load(path, &test->thresholds, err);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ret;
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "t", "thx", "thh" };

		if (csv_column(&test->thresholds, names[i]) >= 0)
			continue;
		dh_error_set(err, "%s: the column %s is missing", path, names[i]);
		return -EINVAL;
	}
	return 0;
}

static int load_case(struct test_case *test, const char *dir, struct dh_error *err)
{
	char path[MAX_PATH];
	struct csv config;
	int ret;

	memset(test, 0, sizeof(*test));
	test->dir = dir;
	snprintf(path, sizeof(path), "%s/config.csv", dir);
	ret = csv_load_keys(path, &config, err);
	if (ret)
		return ret;
	ret = take_config(test, &config, err);
	csv_free(&config);
	if (ret)
		return ret;
	ret = load_array(dir, "weights.npy", DH_DTYPE_I1, &test->weights, err);
	if (!ret)
		ret = load_matrix(test, "inputs.npy", test->input_padded, &test->inputs, err);
	if (!ret)
		ret = load_matrix(test, "outputs.npy", test->hidden[test->layers - 1],
				  &test->outputs, err);
	if (!ret)
		ret = load_steps(test, "counts.csv", &test->counts, err);
	if (!ret)
		ret = load_steps(test, "cycles.csv", &test->cycles, err);
	return ret ? ret : load_thresholds(test, err);
}

static void free_case(struct test_case *test)
{
	dh_array_free(&test->weights);
	dh_array_free(&test->inputs);
	dh_array_free(&test->outputs);
	csv_free(&test->counts);
	csv_free(&test->cycles);
	csv_free(&test->thresholds);
}

/* ---- run ---- */

/* "ideal" or "nN_lL_qQ" */
static bool memory_setting(const char *name, struct dh_memory_timing *memory)
{
	int used = 0;

	memset(memory, 0, sizeof(*memory));
	if (!strcmp(name, "ideal"))
		return true;
	return sscanf(name, "n%" SCNu32 "_l%" SCNu32 "_q%" SCNu32 "%n", &memory->n, &memory->l,
		      &memory->q, &used) == 3 &&
	       !name[used] && memory->n;
}

enum {
	REGION_COMMANDS,
	REGION_PARAMS,
	REGION_PROFILE,
	REGION_OUTPUT,
	REGION_INPUT,
	REGION_WEIGHTS
};

static void set_up_regions(struct rig *rig, const struct test_case *test)
{
	size_t inputs = dh_array_count(&test->inputs) * 2, weights = dh_array_count(&test->weights);

	rig->window[0] =
		(struct rig_window){ .addr = INPUTS, .len = inputs, .bytes = test->inputs.data };
	rig->window[1] = (struct rig_window){ .addr = WEIGHTS + test->weight_base,
					      .len = weights,
					      .bytes = test->weights.data };
	rig_region(rig, COMMANDS, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, PARAMS, 0x1000, DELTAHOP_REGION_READ);
	rig_region(rig, PROFILE, 0x1000, DELTAHOP_REGION_WRITE);
	rig_region(rig, OUTPUT, 0x1000, DELTAHOP_REGION_WRITE);
	rig_region(rig, INPUTS, inputs, DELTAHOP_REGION_READ);
	rig_region(rig, WEIGHTS, test->weight_base + weights, DELTAHOP_REGION_READ);
}

/* Commands of step @t; Return: their bytes */
static uint32_t write_commands(struct rig *rig, const struct test_case *test, size_t t)
{
	struct rig_program program = rig_program(rig, COMMANDS);
	struct dh_layer layer = { .weight_frac = { 7, 7, 7, 0 }, .weight_region = REGION_WEIGHTS };
	struct dh_run run = {
		.count = test->layers,
		.params_region = REGION_PARAMS,
		.input_region = REGION_INPUT,
		.input_offset = t * test->input_padded * 2,
		.output_region = REGION_OUTPUT,
	};
	uint64_t columns = 0;

	for (unsigned int l = 0; l < test->layers; l++) {
		layer.slot = l;
		layer.inputs = l ? test->hidden[l - 1] : test->input_size;
		layer.hidden = test->hidden[l];
		layer.weight_offset = test->weight_base + columns * dh_layer_column_bytes(&layer);
		rig_put_layer(&program, &layer);
		columns += dh_layer_columns(&layer);
		layer.state_offset += dh_layer_state_bytes(&layer);
	}
	rig_put_run(&program, &run);
	rig_put_end(&program);
	return program.at - program.start;
}

static void write_params(struct rig *rig, const struct test_case *test, int64_t thx, int64_t thh)
{
	struct dh_params params = { .steps = 1 };

	for (unsigned int l = 0; l < test->layers; l++) {
		params.theta_x[l] = (int16_t)(uint16_t)thx;
		params.theta_h[l] = (int16_t)(uint16_t)thh;
	}
	dh_params_encode(&params, rig->ram + PARAMS);
}

/* Run step @t as a job of its own, as the vectors were taken. */
static int run_step(struct rig *rig, const struct test_case *test, size_t t, struct dh_error *err)
{
	struct deltahop_entry entry = rig_entry(rig, DELTAHOP_ENTRY_JOB);
	struct deltahop_record record;

	entry.cmd_region = REGION_COMMANDS;
	entry.size = write_commands(rig, test, t);
	entry.profile_region = REGION_PROFILE;
	record = rig_do(rig, &entry);
	if (record.status == DELTAHOP_STATUS_OK && record.seqno == entry.seqno)
		return 0;
	dh_error_set(err,
		     "step %zu: the device answers \"%s\": %s (command at byte %u, region %d, "
		     "offset %" PRIu64 ")",
		     t, dh_status_text(record.status), dh_reason_text(record.reason),
		     record.cmd_offset, (int)record.fault_region, (uint64_t)record.fault_offset);
	return -EIO;
}

static int compare_output(struct rig *rig, const struct test_case *test, size_t t,
			  struct dh_error *err)
{
	unsigned int hidden = test->hidden[test->layers - 1];
	const int16_t *want = (const int16_t *)test->outputs.data + t * hidden;
	int16_t got;

	for (unsigned int j = 0; j < hidden; j++) {
		memcpy(&got, rig->ram + OUTPUT + 2 * j, sizeof(got));
		if (got == want[j])
			continue;
		dh_error_set(err, "step %zu, output %u: %d, wanted is %d", t, j, got, want[j]);
		return -EINVAL;
	}
	return 0;
}

/* A number of counts.csv; -1 if it has no such column. */
static int64_t count(const struct test_case *test, size_t t, const char *what, unsigned int layer)
{
	char name[CSV_MAX_NAME];
	int column;

	snprintf(name, sizeof(name), "%s_l%u", what, layer + 1);
	column = csv_column(&test->counts, name);
	return column < 0 ? -1 : csv_value(&test->counts, t, column);
}

static int compare_counts(const struct test_case *test, size_t t, unsigned int layer,
			  const struct deltahop_profile_row *row, struct dh_error *err)
{
	int64_t bias = count(test, t, "bias", layer), x = count(test, t, "dx", layer),
		h = count(test, t, "dh", layer);

	if (bias < 0 || x < 0 || h < 0) {
		dh_error_set(err, "%s: a column of bias_l%u, dx_l%u, dh_l%u is missing or negative",
			     test->counts.path, layer + 1, layer + 1, layer + 1);
		return -EINVAL;
	}
	if (row->fired_x == bias + x && row->fired_h == h)
		return 0;
	dh_error_set(err,
		     "step %zu, layer %u: fetched %u columns for bias and x, %u for h; wanted are "
		     "%" PRId64 " and %" PRId64,
		     t, layer + 1, row->fired_x, row->fired_h, bias + x, h);
	return -EINVAL;
}

static int compare_profile(struct rig *rig, const struct test_case *test, size_t t,
			   unsigned int setting, struct dh_error *err)
{
	struct deltahop_profile_row row[MAX_LAYERS];
	int64_t want = csv_value(&test->cycles, t, setting), got = 0;

	memcpy(row, rig->ram + PROFILE + sizeof(struct deltahop_profile_head), sizeof(row));
	for (unsigned int l = 0; l < test->layers; l++) {
		if (compare_counts(test, t, l, &row[l], err))
			return -EINVAL;
		got += row[l].cycles;
	}
	if (got == want)
		return 0;
	dh_error_set(err, "step %zu: %" PRId64 " cycles, wanted are %" PRId64, t, got, want);
	return -EINVAL;
}

static int run_steps(struct rig *rig, const struct test_case *test, unsigned int setting,
		     struct dh_error *err)
{
	int64_t thx = test->thx, thh = test->thh;
	size_t change = 0;

	if (rig_do_state(rig, DELTAHOP_ENTRY_STATE_LOAD, rig->config.rnn_state_bytes).status !=
	    DELTAHOP_STATUS_OK) {
		dh_error_set(err, "the device does not take a state");
		return -EIO;
	}
	for (size_t t = 0; t < test->steps; t++) {
		for (; change < test->thresholds.rows &&
		       csv_value(&test->thresholds, change, 0) <= (int64_t)t;
		     change++) {
			thx = csv_value(&test->thresholds, change,
					csv_column(&test->thresholds, "thx"));
			thh = csv_value(&test->thresholds, change,
					csv_column(&test->thresholds, "thh"));
		}
		write_params(rig, test, thx, thh);
		if (run_step(rig, test, t, err) || compare_output(rig, test, t, err) ||
		    compare_profile(rig, test, t, setting, err))
			return -EINVAL;
	}
	return 0;
}

static int run_setting(const struct test_case *test, unsigned int setting, struct dh_error *err)
{
	struct dh_config config;
	struct rig *rig;
	int ret;

	dh_config_profile(&config, "edgedrnn");
	if (!memory_setting(test->cycles.name[setting], &config.dram)) {
		dh_error_set(err, "%s: the column \"%s\" is no memory setting (ideal or nN_lL_qQ)",
			     test->cycles.path, test->cycles.name[setting]);
		return -EINVAL;
	}
	rig = rig_create(&config, RAM_BYTES);
	if (!rig) {
		dh_error_set(err, "no device with the memory setting %s",
			     test->cycles.name[setting]);
		return -EINVAL;
	}
	/* Through pointers to memory and through copies in turn. */
	rig->maps = setting % 2;
	set_up_regions(rig, test);
	rig_start(rig);
	ret = run_steps(rig, test, setting, err);
	rig_destroy(rig);
	return ret;
}

static int run_case(const struct test_case *test, struct dh_error *err)
{
	struct dh_error what;

	if (test->cycles.columns < 2) {
		dh_error_set(err, "%s: no memory settings", test->cycles.path);
		return -EINVAL;
	}
	for (unsigned int setting = 1; setting < test->cycles.columns; setting++) {
		if (!run_setting(test, setting, &what))
			continue;
		dh_error_set(err, "memory %.*s: %s", CSV_MAX_NAME, test->cycles.name[setting],
			     what.text);
		return -EINVAL;
	}
	return 0;
}

/* ---- directories ---- */

static const char *base_name(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash && slash[1] ? slash + 1 : dir;
}

static bool check_case(const char *dir)
{
	struct test_case test;
	struct dh_error err;
	int ret;

	ret = load_case(&test, dir, &err);
	if (!ret)
		ret = run_case(&test, &err);
	if (ret)
		printf("%s FAIL: %s\n", base_name(dir), err.text);
	else
		printf("%s ok\n", base_name(dir));
	fflush(stdout);
	free_case(&test);
	return !ret;
}

static bool is_case(const char *dir)
{
	char path[MAX_PATH];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/config.csv", dir) < MAX_PATH && !stat(path, &st);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Check @dir, or the cases below it. Return: the cases found; @good is cleared if one is not. */
static unsigned int check_directory(const char *dir, unsigned int depth, bool *good)
{
	struct dirent **list;
	char path[MAX_PATH];
	unsigned int found = 0;
	struct stat st;
	int count;

	if (is_case(dir)) {
		*good &= check_case(dir);
		return 1;
	}
	count = depth ? scandir(dir, &list, visible, alphasort) : 0;
	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name) < MAX_PATH &&
		    !lstat(path, &st) &&
		    (S_ISDIR(st.st_mode) || (S_ISLNK(st.st_mode) && is_case(path))))
			found += check_directory(path, depth - 1, good);
		free(list[i]);
	}
	if (count >= 0 && depth)
		free(list);
	return found;
}

static void strip_slashes(char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		dir[--len] = '\0';
}

int main(int argc, char **argv)
{
	bool good = true;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fprintf(argc < 2 ? stderr : stdout,
			"usage: %s DIR...\n"
			"Run EdgeDRNN test vectors on the device model: each DIR is a case (it has "
			"a config.csv)\nor holds cases. Prints \"NAME ok\" or \"NAME FAIL: what\"; "
			"exit status 1 if one fails or\nthere is none.\n",
			argv[0]);
		return argc < 2 ? 2 : 0;
	}
	for (int i = 1; i < argc; i++) {
		strip_slashes(argv[i]);
		if (check_directory(argv[i], MAX_DEPTH, &good))
			continue;
		printf("%s FAIL: no case there (a directory with a config.csv)\n", argv[i]);
		good = false;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: standard output: cannot write: %s\n", argv[0],
			strerror(errno));
		good = false;
	}
	return good ? 0 : 1;
}
