// SPDX-License-Identifier: MIT
/*
 * Runs cases of ONNX's backend tests, each in a process of its own.
 *
 * usage: onnx-cases [--mode=MODE] [--expected=FILE]... DIR...
 *
 * MODE is float (the network's kernels; the default), device (mapped to the convolution engine), recurrent
 * (on the recurrent engine) or mutate (damaged models are refused or run). A DIR is a case, or is
 * searched for cases. FILE has lines "CASE: REASON" of cases that are refused; one of them that
 * passes is a failure too. Prints TAP; status 1 on any failure.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

#define TIMEOUT	  60 /* seconds for a case */
#define MAX_DEPTH 8  /* of directories */
#define STATUS	  64 /* and the verdict: no status that anything else ends a process with */

static const struct {
	const char *name;
	case_mode run;
} modes[] = {
	{ "float", case_float },
	{ "device", case_device },
	{ "mutate", case_mutate },
	{ "recurrent", case_recurrent },
};

struct list {
	char **items;
	size_t count;
};

static bool add(struct list *list, const char *item)
{
	char **more = reallocarray(list->items, list->count + 1, sizeof(*more));

	if (!more)
		return false;
	list->items = more;
	more[list->count] = strdup(item);
	return more[list->count++];
}

static void free_list(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* --- finding cases --- */

static bool find_cases(struct list *cases, const char *path, unsigned int depth)
{
	struct dirent *entry;
	char below[4096];
	bool good = true;
	struct stat st;
	DIR *dir;

	snprintf(below, sizeof(below), "%s/model.onnx", path);
	if (!stat(below, &st))
		return add(cases, path);
	dir = depth ? opendir(path) : NULL;
	if (!dir)
		return true;
	while (good && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		good = stat(below, &st) || !S_ISDIR(st.st_mode) ||
		       find_cases(cases, below, depth - 1);
	}
	closedir(dir);
	return good;
}

/* --- what is expected --- */

static bool read_expected(struct list *expected, const char *path)
{
	FILE *file = fopen(path, "re");
	bool good = file;
	char line[512];

	while (good && fgets(line, sizeof(line), file)) {
		char *reason = strstr(line, ": ");

		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (!reason || !reason[2]) {
			fprintf(stderr, "%s: no \"CASE: REASON\": %s\n", path, line);
			good = false;
			break;
		}
		*reason = '\0';
		good = add(expected, line);
	}
	if (!file)
		perror(path);
	else
		fclose(file);
	return good;
}

static bool is_expected(const struct list *expected, const char *name)
{
	for (size_t i = 0; i < expected->count; i++) {
		if (!strcmp(expected->items[i], name))
			return true;
	}
	return false;
}

/* --- running a case --- */

static void child(const char *path, case_mode run, int fd)
{
	struct dh_error say = { "" };
	struct onnx_case c = { 0 };
	enum verdict verdict = CASE_FAILED;
	ssize_t written;

	alarm(TIMEOUT);
	if (!case_open(&c, path, &say))
		verdict = run(&c, &say);
	case_close(&c);
	written = write(fd, say.text, strlen(say.text) + 1);
	/* exit() and not _exit(), so that leaks are found */
	exit(STATUS + (written < 0 ? CASE_FAILED : verdict));
}

/* What a child says until it ends. */
static void listen(int fd, struct dh_error *say)
{
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, say->text + len, sizeof(say->text) - 1 - len)) > 0)
		len += (size_t)got;
	say->text[len] = '\0';
}

static enum verdict run_case(const char *path, case_mode run, struct dh_error *say)
{
	int pipes[2], status;
	pid_t pid;

	fflush(stdout);
	if (pipe(pipes) || (pid = fork()) < 0) {
		dh_error_set(say, "no process: %s", strerror(errno));
		return CASE_FAILED;
	}
	if (!pid) {
		close(pipes[0]);
		child(path, run, pipes[1]);
	}
	close(pipes[1]);
	listen(pipes[0], say);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		dh_error_set(say, "died of signal %d (%s)", WTERMSIG(status),
			     strsignal(WTERMSIG(status)));
	else if (!say->text[0] && WEXITSTATUS(status) != STATUS + CASE_OK)
		dh_error_set(say, "ended with status %d and no sentence", WEXITSTATUS(status));
	if (!WIFEXITED(status) || WEXITSTATUS(status) < STATUS ||
	    WEXITSTATUS(status) > STATUS + CASE_FAILED)
		return CASE_FAILED;
	return WEXITSTATUS(status) - STATUS;
}

/* --- all of them --- */

static bool report(size_t number, const char *name, enum verdict verdict, bool expected,
		   const struct dh_error *say)
{
	bool good = verdict == CASE_OK ? !expected
				       : verdict == CASE_REFUSED && expected && say->text[0];

	printf("%s %zu %s", good ? "ok" : "not ok", number, name);
	if (verdict == CASE_OK)
		printf("%s%s%s\n", say->text[0] ? " # " : "", say->text,
		       expected ? " # passes, but is expected to be refused" : "");
	else
		printf(" # %s: %s\n", verdict == CASE_REFUSED ? "refused" : "FAILED", say->text);
	return good;
}

static int run_all(const struct list *cases, const struct list *expected, case_mode run)
{
	size_t failures = 0;

	printf("1..%zu\n", cases->count);
	for (size_t i = 0; i < cases->count; i++) {
		struct dh_error say = { "" };
		enum verdict verdict = run_case(cases->items[i], run, &say);
		const char *name = case_name(cases->items[i]);

		failures += !report(i + 1, name, verdict, is_expected(expected, name), &say);
	}
	return failures ? 1 : 0;
}

static case_mode find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(modes[i].name, name))
			return modes[i].run;
	}
	fprintf(stderr, "there is no mode \"%s\"\n", name);
	return NULL;
}

static bool read_argument(const char *argument, struct list *cases, struct list *expected,
			  case_mode *run)
{
	if (!strncmp(argument, "--expected=", 11))
		return read_expected(expected, argument + 11);
	if (strncmp(argument, "--mode=", 7))
		return find_cases(cases, argument, MAX_DEPTH);
	*run = find_mode(argument + 7);
	return *run;
}

int main(int argc, char **argv)
{
	struct list cases = { 0 }, expected = { 0 };
	case_mode run = modes[0].run;
	bool good = true;
	int ret = 2;

	for (int i = 1; good && i < argc; i++)
		good = read_argument(argv[i], &cases, &expected, &run);
	if (good && !cases.count)
		fprintf(stderr, "usage: onnx-cases [--mode=MODE] [--expected=FILE] DIR...\n"
				"no case (a directory with model.onnx) was found\n");
	if (good && cases.count) {
		qsort(cases.items, cases.count, sizeof(*cases.items), by_name);
		ret = run_all(&cases, &expected, run);
	}
	free_list(&cases);
	free_list(&expected);
	return ret;
}
