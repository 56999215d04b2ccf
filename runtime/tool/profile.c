// SPDX-License-Identifier: MIT
#include <assert.h>
#include <drm/deltahop_isa.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tool/profile.h"

static_assert((int)PROFILE_RNN == DELTAHOP_ENGINE_RNN && (int)PROFILE_CONV == DELTAHOP_ENGINE_CONV,
	      "tracks of engines");

/* A job of a recurrent program, or a step of a session. */
struct source {
	const struct dh_job *job;
	const struct dh_session *session;
	uint32_t step;
};

int profile_init(struct profile *profile, uint32_t clock_hz, uint32_t layers, bool keep_slices,
		 struct dh_error *err)
{
	memset(profile, 0, sizeof(*profile));
	profile->clock_hz = clock_hz;
	profile->keep_slices = keep_slices;
	profile->layer_count = layers;
	profile->layers = calloc(layers + 1, sizeof(*profile->layers));
	profile->failed = !profile->layers;
	return profile_check(profile, err);
}

int profile_check(const struct profile *profile, struct dh_error *err)
{
	if (!profile->failed)
		return 0;
	dh_error_set(err, "the profile is too large: out of memory: profile fewer steps or runs");
	return -ENOMEM;
}

void profile_fini(struct profile *profile)
{
	for (uint32_t i = 0; profile->layers && i < profile->layer_count; i++)
		free(profile->layers[i].cells);
	free(profile->layers);
	free(profile->slices);
	memset(profile, 0, sizeof(*profile));
}

/* --- rows ----------------------------------------------------------------------------- */

static uint32_t count_rows(const struct source *source)
{
	return source->job ? dh_job_rows(source->job)
			   : dh_session_rows(source->session, source->step);
}

static int get_row(const struct source *source, uint32_t index, struct dh_row_report *row)
{
	row->size = sizeof(*row);
	return source->job ? dh_job_row(source->job, index, row)
			   : dh_session_row(source->session, source->step, index, row);
}

/* Make an array of @room elements one of more than @count; those that are new are 0. */
static void *grow(struct profile *profile, void *array, size_t *room, size_t count, size_t size)
{
	size_t more = *room ? *room : 16;
	void *grown;

	if (count < *room)
		return array;
	while (more <= count)
		more *= 2;
	grown = reallocarray(array, more, size);
	profile->failed |= !grown;
	if (!grown)
		return NULL;
	memset((char *)grown + *room * size, 0, (more - *room) * size);
	*room = more;
	return grown;
}

static struct profile_cell *cell_at(struct profile *profile, struct profile_layer *layer,
				    uint32_t index)
{
	void *grown = grow(profile, layer->cells, &layer->room, index, sizeof(*layer->cells));

	if (!grown)
		return NULL;
	layer->cells = grown;
	if (index >= layer->count)
		layer->count = index + 1;
	return &layer->cells[index];
}

static void add_cell(struct profile_cell *cell, const struct dh_row_report *row, uint64_t rows)
{
	struct dh_row_report *sum = &cell->sum;

	sum->steps += row->steps;
	sum->cycles += row->cycles;
	sum->bytes_weights += row->bytes_weights;
	sum->bytes_in += row->bytes_in;
	sum->bytes_out += row->bytes_out;
	sum->work_done += row->work_done;
	sum->work_skipped += row->work_skipped;
	cell->rows += rows;
}

struct profile_cell profile_fold(const struct profile_layer *layer, uint32_t first, uint32_t end)
{
	struct profile_cell sum = { 0 };

	for (uint32_t i = first; i < end && i < layer->count; i++)
		add_cell(&sum, &layer->cells[i].sum, layer->cells[i].rows);
	return sum;
}

/* --- slices --------------------------------------------------------------------------- */

static void add_slice(struct profile *profile, const struct profile_slice *slice)
{
	double end = slice->start + slice->seconds;

	if (end > profile->now)
		profile->now = end;
	if (slice->track == PROFILE_HOST)
		profile->host_end = end;
	if (profile->keep_slices) {
		void *grown = grow(profile, profile->slices, &profile->slice_room,
				   profile->slice_count, sizeof(*slice));

		if (!grown)
			return;
		profile->slices = grown;
		profile->slices[profile->slice_count++] = *slice;
	}
}

/* --- jobs ----------------------------------------------------------------------------- */

static double seconds(const struct profile *profile, uint64_t cycles)
{
	return (double)cycles / profile->clock_hz;
}

/* Row @index of a job, @gap seconds behind the one before, that ended at @at. */
static double add_row(struct profile *profile, const struct profile_slice *job,
		      const struct source *source, uint32_t index, double at, double gap)
{
	struct profile_slice slice = { .track = job->track, .kind = PROFILE_ROW, .run = job->run };
	struct profile_layer *layer;
	struct profile_cell *cell;

	if (get_row(source, index, &slice.row) || slice.row.layer >= profile->layer_count)
		return at;
	layer = &profile->layers[slice.row.layer];
	slice.index = job->track == PROFILE_CONV ? layer->passes++ : slice.row.step;
	cell = cell_at(profile, layer, slice.index);
	if (cell)
		add_cell(cell, &slice.row, 1);
	slice.start = at + gap;
	slice.seconds = seconds(profile, slice.row.cycles);
	add_slice(profile, &slice);
	return slice.start + slice.seconds;
}

/* What no row covers is spread evenly between them: the record does not say where it was. */
static void add_rows(struct profile *profile, const struct profile_slice *job,
		     const struct source *source)
{
	uint32_t rows = count_rows(source);
	double at = job->start, rest = job->seconds;
	struct dh_row_report row;

	for (uint32_t i = 0; i < profile->layer_count; i++)
		profile->layers[i].passes = 0;
	for (uint32_t i = 0; i < rows; i++)
		rest -= get_row(source, i, &row) ? 0 : seconds(profile, row.cycles);
	for (uint32_t i = 0; i < rows; i++)
		at = add_row(profile, job, source, i, at, rest > 0 ? rest / rows : 0);
}

/* No job begins before @earliest, whatever the device's clock says: it may stand still meanwhile. */
static void add_device_job(struct profile *profile, const struct source *source,
			   const struct dh_report *report, const char *name, double earliest)
{
	double start = report->start_ns * 1e-9;
	struct profile_slice slice = {
		.track = report->engine,
		.kind = PROFILE_JOB,
		.name = name,
		.seconds = (report->end_ns - report->start_ns) * 1e-9,
		.run = profile->runs,
		.row = {
			.cycles = report->cycles,
			.bytes_weights = report->bytes_weights,
			.bytes_in = report->bytes_in,
			.bytes_out = report->bytes_out,
			.work_done = report->work_done,
			.work_skipped = report->work_skipped,
		},
		.bytes_state = report->bytes_state,
		.bytes_commands = report->bytes_commands,
		.wait_cycles = report->wait_cycles,
	};

	if (!profile->jobs++ || start + profile->shift < earliest)
		profile->shift = earliest - start;
	slice.start = start + profile->shift;
	add_slice(profile, &slice);
	add_rows(profile, &slice, source);
}

void profile_add_job(struct profile *profile, const struct dh_job *job)
{
	const struct source source = { .job = job };
	struct dh_report report = { .size = sizeof(report) };

	dh_job_report(job, &report);
	add_device_job(profile, &source, &report, "sequence", 0);
	profile->runs++;
}

/* A node, or the values of a part, which are put before it. */
static void add_host(struct profile *profile, const struct dh_step_report *step, double start)
{
	const struct profile_slice slice = {
		.track = PROFILE_HOST,
		.kind = step->on_host ? PROFILE_NODE : PROFILE_VALUES,
		.name = step->name,
		.start = start,
		.seconds = step->host_seconds,
		.run = profile->runs,
	};

	add_slice(profile, &slice);
}

/* A node waits for all that comes before it; parts may run at once. */
static void add_step(struct profile *profile, const struct dh_session *session, uint32_t index)
{
	const struct source source = { .session = session, .step = index };
	struct dh_step_report step = { .size = sizeof(step) };
	struct dh_report report = { .size = sizeof(report) };

	if (dh_session_step(session, index, &step))
		return;
	add_host(profile, &step, step.on_host ? profile->now : profile->host_end);
	if (!dh_session_report(session, index, &report))
		add_device_job(profile, &source, &report, step.name, profile->host_end);
}

void profile_add_run(struct profile *profile, const struct dh_session *session, uint32_t steps)
{
	profile->host_end = profile->now;
	for (uint32_t i = 0; i < steps; i++)
		add_step(profile, session, i);
	profile->runs++;
}
