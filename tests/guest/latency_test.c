// SPDX-License-Identifier: MIT
/*
 * Round trips as a program in the guest sees them, from the call of SUBMIT to the return of WAIT, in nanoseconds of CLOCK_MONOTONIC.
 * Arguments: jobs=N (default 1000), steps=N of a job (default 1). Under instruction counting every figure
 * repeats exactly, the hash over all round trips included.
 */
#include <stdlib.h>

#include "ktap.h"
#include "runner.h"

#define WARM_UP 50

struct latency {
	unsigned int count;
	uint64_t min, max, sum, hash;
	uint64_t modelled_min, modelled_max, modelled_sum;
};

static unsigned int option(const char *key, unsigned int usual)
{
	const char *value = ktap_option(key);

	return value ? strtoul(value, NULL, 10) : usual;
}

static uint64_t round_trip(const struct runner *r, struct deltahop_record *record)
{
	struct drm_deltahop_job job = runner_job(r);
	int64_t start = now_ns();

	CHECK_OK(job_submit(r->fd, r->ctx, &job, 1, NULL));
	CHECK_OK(job_wait(r->fd, r->ctx, job.seqno, in_seconds(DEVICE_SECONDS), record));
	return now_ns() - start;
}

static void count(struct latency *l, uint64_t ns, uint64_t modelled)
{
	l->count++;
	l->sum += ns;
	l->modelled_sum += modelled;
	l->hash = l->hash * 1099511628211ULL + ns;
	if (!l->min || ns < l->min)
		l->min = ns;
	if (ns > l->max)
		l->max = ns;
	if (!l->modelled_min || modelled < l->modelled_min)
		l->modelled_min = modelled;
	if (modelled > l->modelled_max)
		l->modelled_max = modelled;
}

static void report(const struct latency *l)
{
	unsigned long long min = l->min, max = l->max, hash = l->hash, mean = l->sum / l->count;
	unsigned long long modelled = l->modelled_sum / l->count;

	ktap_note("latency-ns min %llu mean %llu max %llu jobs %u hash %016llx", min, mean, max,
		  l->count, hash);
	ktap_note("modelled-ns min %llu mean %llu max %llu", (unsigned long long)l->modelled_min,
		  modelled, (unsigned long long)l->modelled_max);
	ktap_note("overhead-ns min %llu mean %llu", min - l->modelled_min, mean - modelled);
}

TEST_LIMIT(latency, 600,
	   "no round trip is shorter than its job's modelled time, and every answer is right")
{
	static struct stream stream;
	struct deltahop_record record;
	struct latency l = { 0 };
	unsigned int i, jobs = option("jobs", 1000), steps = option("steps", 1);
	struct network net;
	uint64_t ns;
	struct runner r;
	int fd = dev_open();

	network_small(&net, 1);
	runner_create(&r, fd, ctx_create(fd), &net, steps, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < WARM_UP + jobs; i++) {
		ns = round_trip(&r, &record);
		if (i >= WARM_UP)
			count(&l, ns, record.end_ns - record.start_ns);
		CHECK(ns >= record.end_ns - record.start_ns);
	}
	for (i = 0; i < WARM_UP + jobs - 1; i++)
		runner_expect(&r, &stream, NULL, NULL);
	runner_check(&r, &stream);
	report(&l);
}
