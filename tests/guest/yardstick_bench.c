// SPDX-License-Identifier: MIT
/*
 * What the driver costs: the same job of the same network through it and through the smallest possible driver
 * (tests/yardstick). Both times are of a program in the guest, from submit to completion, less the modelled time of the
 * job; under instruction counting with shift=0 a nanosecond is an instruction. Argument: jobs=N (default 1000).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <deltahop_yardstick.h>

#include "ktap.h"
#include "pci.h"
#include "runner.h"

#define YARDSTICK "deltahop_yardstick"
#define WARM_UP	  50

/* All that a job needs lies in one region, the same for both drivers. */
#define AT_COMMANDS  0
#define AT_PARAMS    1024
#define AT_INPUT     2048
#define AT_OUTPUT    3072
#define AT_WEIGHTS   4096
#define REGION	     0
#define REGION_BYTES (64 << 10)

struct cost {
	uint64_t min, sum, max;
	uint64_t modelled;
	unsigned int jobs;
};

static unsigned int option(const char *key, unsigned int usual)
{
	const char *value = ktap_option(key);

	return value ? strtoul(value, NULL, 10) : usual;
}

static void write_params(void *memory)
{
	*(struct deltahop_rnn_params *)((char *)memory + AT_PARAMS) = (struct deltahop_rnn_params){
		.size = sizeof(struct deltahop_rnn_params),
		.steps = 1,
	};
}

static uint32_t write_commands(const struct network *net, void *memory)
{
	struct deltahop_cmd_rnn_layer *layer = memory;
	struct deltahop_cmd_rnn_run *run = (struct deltahop_cmd_rnn_run *)(layer + 1);
	struct deltahop_cmd *end = (struct deltahop_cmd *)(run + 1);

	*layer = (struct deltahop_cmd_rnn_layer){
		.hdr = { DELTAHOP_OP_RNN_LAYER, sizeof(*layer), 0 },
		.inputs = net->layer[0].inputs,
		.hidden = net->layer[0].hidden,
		.weight_frac = { 7, 7, 7, 0 },
		.weight_region = REGION,
		.weight_offset = AT_WEIGHTS,
	};
	*run = (struct deltahop_cmd_rnn_run){
		.hdr = { DELTAHOP_OP_RNN_RUN, sizeof(*run), 0 },
		.count = 1,
		.params_region = REGION,
		.params_offset = AT_PARAMS,
		.input_region = REGION,
		.input_offset = AT_INPUT,
		.output_region = REGION,
		.output_offset = AT_OUTPUT,
	};
	*end = (struct deltahop_cmd){ DELTAHOP_OP_END, sizeof(*end), 0 };
	return (char *)(end + 1) - (char *)memory;
}

static uint32_t write_memory(const struct network *net, void *memory)
{
	memset(memory, 0, REGION_BYTES);
	write_params(memory);
	memcpy((char *)memory + AT_WEIGHTS, net->weights, net->weight_bytes);
	return write_commands(net, memory);
}

static void next_input(const struct network *net, void *memory, unsigned int round)
{
	int16_t *input = (int16_t *)((char *)memory + AT_INPUT);

	input[round % net->layer[0].inputs] = round * 37 % 512;
}

static void check_output(const struct network *net, void *memory, struct ref_state *state)
{
	static struct ref_trace trace;

	ref_step(&net->layer[0], state, 0, 0, (int16_t *)((char *)memory + AT_INPUT), &trace);
	CHECK(!memcmp(state->h, (char *)memory + AT_OUTPUT, 2 * net->layer[0].hidden));
}

static void count(struct cost *cost, uint64_t ns, const struct deltahop_record *record)
{
	uint64_t modelled = record->end_ns - record->start_ns;

	CHECK_EQ(record->status, DELTAHOP_STATUS_OK);
	CHECK(ns >= modelled);
	ns -= modelled;
	cost->modelled += modelled;
	cost->min = cost->jobs && cost->min < ns ? cost->min : ns;
	cost->max = cost->max > ns ? cost->max : ns;
	cost->sum += ns;
	cost->jobs++;
}

static struct cost measure_driver(const struct network *net)
{
	static struct ref_state state;
	struct drm_deltahop_binding binding = {
		.flags = DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE, .size = REGION_BYTES
	};
	struct drm_deltahop_job job = { .profile_region = ~0U };
	struct deltahop_record record;
	struct buffer buffer;
	struct cost cost = { 0 };
	unsigned int i, jobs = option("jobs", 1000);
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd);
	int64_t start;

	buffer = buffer_create(fd, REGION_BYTES, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	binding.handle = buffer.handle;
	job.cmd_size = write_memory(net, buffer.map);
	CHECK_OK(bindings_create(fd, &binding, 1, &job.bindings));
	CHECK_OK(state_create(fd, ctx, net->state_bytes, 0, 0, &job.state));
	for (i = 0; i < WARM_UP + jobs; i++) {
		next_input(net, buffer.map, i);
		start = now_ns();
		CHECK_OK(job_submit(fd, ctx, &job, 1, NULL));
		CHECK_OK(job_wait(fd, ctx, job.seqno, start + 1000000000LL * DEVICE_SECONDS,
				  &record));
		start = now_ns() - start;
		check_output(net, buffer.map, &state);
		if (i >= WARM_UP)
			count(&cost, start, &record);
	}
	close(fd);
	munmap(buffer.map, buffer.size);
	return cost;
}

static struct cost measure_yardstick(const struct network *net)
{
	static struct ref_state state;
	struct deltahop_yardstick_run run = { .state_bytes = net->state_bytes };
	unsigned int i, jobs = option("jobs", 1000);
	struct cost cost = { 0 };
	int fd = open("/dev/" YARDSTICK, O_RDWR | O_CLOEXEC);
	void *memory;
	int64_t start;

	CHECK(fd >= 0);
	memory = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(memory != MAP_FAILED);
	run.cmd_size = write_memory(net, memory);
	for (i = 0; i < WARM_UP + jobs; i++, run.state_bytes = 0) {
		next_input(net, memory, i);
		start = now_ns();
		CHECK_OK(dev_ioctl(fd, DELTAHOP_YARDSTICK_RUN, &run));
		start = now_ns() - start;
		check_output(net, memory, &state);
		if (i >= WARM_UP)
			count(&cost, start, &run.record);
	}
	munmap(memory, REGION_BYTES);
	close(fd);
	return cost;
}

static void report(const char *name, const struct cost *cost)
{
	ktap_note("%s: overhead-ns min %llu mean %llu max %llu, modelled-ns %llu, jobs %u", name,
		  (unsigned long long)cost->min, (unsigned long long)(cost->sum / cost->jobs),
		  (unsigned long long)cost->max, (unsigned long long)(cost->modelled / cost->jobs),
		  cost->jobs);
}

TEST_LIMIT(yardstick, 600,
	   "the driver and the smallest possible one run the same jobs in the same modelled time")
{
	char address[PCI_ADDRESS_BYTES];
	struct cost driver, smallest;
	struct network net;

	if (!module_path(YARDSTICK))
		ktap_skip("no module " YARDSTICK " in the guest");
	network_other(&net, 1);
	pci_find(address);
	driver = measure_driver(&net);
	pci_unbind(address);
	module_insert(YARDSTICK);
	smallest = measure_yardstick(&net);
	module_remove_soon(YARDSTICK);
	pci_bind(address);
	report("driver", &driver);
	report("yardstick", &smallest);
	CHECK_EQ(driver.modelled, smallest.modelled);
}
