// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktap.h"

#define EXIT_FAILED  1
#define EXIT_SKIPPED 4
#define KILL_SECONDS 20

static struct ktap_test *tests, **tests_end = &tests;
static char **arguments;
static char skip_reason[160];
static int skip_pipe[2];

void ktap_register(struct ktap_test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

/* One write a line, so that lines of several processes do not mix. */
static void print_line(const char *prefix, const char *format, va_list args)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%s", prefix);

	length += vsnprintf(line + length, sizeof(line) - length - 1, format, args);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(EXIT_FAILED);
}

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("", format, args);
	va_end(args);
}

void ktap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("# ", format, args);
	va_end(args);
}

void ktap_fail(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char place[80];
	va_list args;

	snprintf(place, sizeof(place), "# %s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	print_line(place, format, args);
	va_end(args);
	_exit(EXIT_FAILED);
}

void ktap_skip(const char *format, ...)
{
	char reason[sizeof(skip_reason)];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (length >= (int)sizeof(reason))
		length = sizeof(reason) - 1;
	if (write(skip_pipe[1], reason, length) != length)
		_exit(EXIT_FAILED);
	_exit(EXIT_SKIPPED);
}

void ktap_equal(const char *file, int line, const char *what, long long value, long long expected)
{
	if (value != expected)
		ktap_fail(file, line, "%s is %lld (0x%llx), expected %lld (0x%llx)", what, value,
			  value, expected, expected);
}

static const char *error_name(int error)
{
	return error ? strerrorname_np(error) ?: "unknown error" : "success";
}

void ktap_errors(const char *file, int line, const char *what, int value, int error, int other)
{
	if (value != -error && value != -other)
		ktap_fail(file, line, "%s gave %s, expected %s%s%s", what,
			  error_name(value < 0 ? -value : 0), error_name(error),
			  error == other ? "" : " or ", error == other ? "" : error_name(other));
}

void ktap_error(const char *file, int line, const char *what, int value, int error)
{
	ktap_errors(file, line, what, value, error, error);
}

const char *ktap_option(const char *key)
{
	size_t length = strlen(key);
	char **arg;

	for (arg = arguments; *arg; arg++)
		if (!strncmp(*arg, key, length) && (*arg)[length] == '=')
			return *arg + length + 1;
	return NULL;
}

int ktap_child(void)
{
	pid_t parent = getpid();
	int pid = fork();

	if (pid < 0)
		ktap_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	return 0;
}

void ktap_join(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			ktap_fail(__FILE__, __LINE__, "waitpid: %s", strerror(errno));
	if (WIFSIGNALED(status))
		ktap_fail(__FILE__, __LINE__, "a process of the test died of signal %d (%s)",
			  WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		ktap_fail(__FILE__, __LINE__, "a process of the test failed");
}

static bool wait_for(pid_t pid, unsigned int seconds, int *status)
{
	struct timespec now, end;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	for (;;) {
		struct timespec slice = { .tv_nsec = 500000000 };

		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec)
			return false;
		sigtimedwait(&set, NULL, &slice);
	}
}

/* Where in the kernel a process that cannot be killed is stuck. */
static void note_stack(pid_t pid)
{
	char path[40], line[200];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		ktap_note("%.*s", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

static void become_test(const struct ktap_test *test)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	test->run();
	_exit(0);
}

static int run_test(const struct ktap_test *test)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0) {
		ktap_note("fork: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (!pid)
		become_test(test);
	if (!wait_for(pid, test->seconds, &status)) {
		ktap_note("time limit of %u s", test->seconds);
		note_stack(pid);
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (!wait_for(pid, KILL_SECONDS, &status))
			ktap_note("and does not die: stuck in the kernel");
		return EXIT_FAILED;
	}
	kill(-pid, SIGKILL); /* what the test has left behind */
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	ktap_note("died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return EXIT_FAILED;
}

static bool report(unsigned int number, const struct ktap_test *test, int status)
{
	ssize_t length = status == EXIT_SKIPPED
				 ? read(skip_pipe[0], skip_reason, sizeof(skip_reason) - 1)
				 : 0;

	if (status == EXIT_SKIPPED)
		say("ok %u %s: %s # SKIP %.*s", number, test->name, test->promise, (int)length,
		    skip_reason);
	else
		say("%s %u %s: %s", status ? "not ok" : "ok", number, test->name, test->promise);
	return !status || status == EXIT_SKIPPED;
}

static bool selected(const struct ktap_test *test)
{
	bool any = false;
	char **arg;

	for (arg = arguments; *arg; arg++) {
		if (strchr(*arg, '='))
			continue;
		any = true;
		if (strstr(test->name, *arg))
			return true;
	}
	return !any;
}

static int list_tests(void)
{
	struct ktap_test *test;

	for (test = tests; test; test = test->next)
		printf("%-32s %s\n", test->name, test->promise);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int number = 0, failed = 0;
	struct ktap_test *test;
	sigset_t set;

	if (argc > 1 && !strcmp(argv[1], "-l"))
		return list_tests();
	arguments = argv + 1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe2(skip_pipe, O_CLOEXEC))
		return EXIT_FAILED;
	for (test = tests; test; test = test->next)
		number += selected(test);
	say("KTAP version 1");
	say("1..%u", number);
	number = 0;
	for (test = tests; test; test = test->next)
		if (selected(test))
			failed += !report(++number, test, run_test(test));
	return failed ? EXIT_FAILED : 0;
}
