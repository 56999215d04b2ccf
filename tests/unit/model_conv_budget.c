// SPDX-License-Identifier: MIT
/* Random jobs that a budget stops in any unit: what has been counted and written by then. */
#include <stdlib.h>

#include "conv_check.h"

/**
 * struct moment - what a job has come to when some unit is over
 * @command: its offset
 * @layer: of the pass to which the unit belongs, if any
 * @term: the unit is term @term of the pass
 */
struct moment {
	struct ref_conv_cost sum;
	uint32_t command;
	int layer, pass, term;
};

/** struct course - all moments of a job, one after the other */
struct course {
	int count;
	struct moment *moment;
};

static struct moment *add_moment(struct course *course, struct moment moment)
{
	course->moment = realloc(course->moment, (course->count + 1) * sizeof(moment));
	ck_assert_ptr_nonnull(course->moment);
	course->moment[course->count] = moment;
	return &course->moment[course->count++];
}

/* A command that only takes its cycle. */
static void add_simple(struct course *course, uint32_t *command, uint32_t size)
{
	struct moment next = course->moment[course->count - 1];

	next.sum.cycles++;
	next.command = *command;
	next.term = -1;
	add_moment(course, next);
	*command += size;
}

static void add_pass(struct trial *trial, struct course *course, int layer, int pass, int *held)
{
	struct moment start = course->moment[course->count - 1];
	struct trial_layer *whose = &trial->layer[layer];
	struct ref_terms terms = { 0 };

	whose->pass[pass].cost = check_pass_cost(trial, whose, &whose->pass[pass], held, &terms);
	for (int i = 0; i < terms.count; i++) {
		struct moment next = start;

		check_add_cost(&next.sum, &terms.after[i]);
		next.command = whose->pass[pass].cmd_offset;
		next.layer = layer;
		next.pass = pass;
		next.term = i;
		add_moment(course, next);
	}
	free(terms.after);
}

static struct course course_of(struct trial *trial)
{
	struct course course = { 0 };
	uint32_t command = 0;

	add_moment(&course, (struct moment){ .term = -1 })->sum.cycles =
		check_transfer(trial, false, 64 + 32 * trial->rig->regions) +
		check_transfer(trial, trial->commands.buffer->card, trial->command_bytes);
	for (int i = 0; i < trial->layers; i++) {
		int held = 0;

		add_simple(&course, &command, 32);
		for (int j = 0; j < trial->layer[i].ref.inputs; j++)
			add_simple(&course, &command, 24);
		for (int j = 0; j < trial->layer[i].passes; j++, command += 64)
			add_pass(trial, &course, i, j, &held);
	}
	add_simple(&course, &command, 8);
	return course;
}

/* What the last pass has written by then: terms are weights, I(0), the stripes, W. */
static void expect_part(const struct trial *trial, struct rig *expected,
			const struct moment *moment)
{
	const struct trial_layer *layer = &trial->layer[moment->layer];
	const struct trial_pass *pass = &layer->pass[moment->pass];
	int stripe = moment->term - 3;

	if (pass->ref.fully_connected || stripe == pass->cost.stripes - 1)
		check_expect_results(trial, expected, layer, pass, pass->cost.bytes_out);
	else if (stripe >= 0)
		check_expect_results(trial, expected, layer, pass,
				     ref_conv_written(&layer->ref, &pass->ref, &trial->device,
						      pass->sums ? NULL : &pass->output, stripe));
}

static bool same_pass(const struct moment *a, const struct moment *b)
{
	return a->command == b->command;
}

static void expect_until(const struct trial *trial, struct rig *expected,
			 const struct course *course, int last)
{
	for (int i = 0; i <= last; i++) {
		const struct moment *moment = &course->moment[i];

		if (moment->term >= 0 && (i == last || !same_pass(moment, moment + 1)))
			expect_part(trial, expected, moment);
	}
}

static void compare_stopped(const struct trial *trial, const struct deltahop_record *record,
			    const struct moment *last, const struct moment *next)
{
	check_end(trial, record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	check_same(trial, "the stopped command", record->cmd_offset, next->command);
	check_same(trial, "cycles", record->cycles, last->sum.cycles);
	check_same(trial, "step_cycles", record->step_cycles, last->sum.step_cycles);
	check_same(trial, "bytes_weights", record->bytes_weights, last->sum.bytes_weights);
	check_same(trial, "bytes_in", record->bytes_in, last->sum.bytes_in);
	check_same(trial, "bytes_out", record->bytes_out, last->sum.bytes_out);
	check_same(trial, "work_done", record->work_done, last->sum.work_done);
}

static void compare_budget(struct trial *trial, const struct course *course)
{
	int last = rig_below(&trial->random, course->count - 1);
	uint64_t room = course->moment[last + 1].sum.cycles - course->moment[last].sum.cycles;
	struct rig expected = check_copy_memory(trial);
	struct deltahop_record record;

	/* A unit that takes no time is over with the one before it. */
	while (last + 2 < course->count && !room) {
		last++;
		room = course->moment[last + 1].sum.cycles - course->moment[last].sum.cycles;
	}
	record = trial_run(trial, course->moment[last].sum.cycles +
					  (rig_below(&trial->random, 2) ? room - 1 : 0));
	compare_stopped(trial, &record, &course->moment[last], &course->moment[last + 1]);
	expect_until(trial, &expected, course, last);
	check_compare_memory(trial, &expected);
}

static void budget_job(struct trial *trial)
{
	struct course course;

	trial_job(trial, MAX_LAYERS, MAX_PASSES);
	course = course_of(trial);
	/* More commands are fetched in blocks, in between. */
	if (trial->command_bytes <= 4096)
		compare_budget(trial, &course);
	free(course.moment);
	trial_free_job(trial);
}

START_TEST(stops_at_budgets)
{
	check_trials(budget_job, _i);
}
END_TEST

TCase *model_conv_budget_case(void)
{
	TCase *tcase = tcase_create("budgets of convolutions");

	tcase_add_loop_test(tcase, stops_at_budgets, 0, CHECK_LOOPS);
	return tcase;
}
