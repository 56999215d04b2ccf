/* SPDX-License-Identifier: MIT */
/*
 * A small test harness. Each test states a promise, runs in a process of its own with a time limit, and reports in
 * KTAP (version 1): a crash or hang of one test does not stop the others.
 *
 *	PROGRAM [-l] [KEY=VALUE...] [PATTERN...]
 *
 * runs the tests whose name contains a PATTERN (all, if there is none); -l lists them. Status 0: none failed.
 */
#ifndef KTAP_H
#define KTAP_H

#include <stdbool.h>

#define KTAP_SECONDS 60

/**
 * struct ktap_test - one test
 * @name: for the command line
 * @promise: what is promised, one sentence
 * @run: returns if the promise was kept
 * @seconds: time limit
 * @next: private
 */
struct ktap_test {
	const char *name;
	const char *promise;
	void (*run)(void);
	unsigned int seconds;
	struct ktap_test *next;
};

/** ktap_register() - add a test; the order of calls is the order of tests */
void ktap_register(struct ktap_test *test);

/** ktap_fail() - end this test: the promise was broken */
void ktap_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/** ktap_skip() - end this test: it cannot be made here */
void ktap_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/** ktap_note() - print a diagnostic line */
void ktap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** ktap_option() - value of KEY=VALUE on the command line, or NULL */
const char *ktap_option(const char *key);

/** ktap_child() - fork a helper process of a test: as fork(), but it dies with the test */
int ktap_child(void);

/** ktap_join() - wait for a child of ktap_child(); the test fails if it did */
void ktap_join(int pid);

/* For the macros below. */
void ktap_equal(const char *file, int line, const char *what, long long value, long long expected);
void ktap_error(const char *file, int line, const char *what, int value, int error);
void ktap_errors(const char *file, int line, const char *what, int value, int error, int other);

#define TEST_LIMIT(id, limit, text)                                  \
	static void id(void);                                        \
	static struct ktap_test id##_test = {                        \
		.name = #id,                                         \
		.promise = (text),                                   \
		.run = id,                                           \
		.seconds = (limit),                                  \
	};                                                           \
	__attribute__((constructor)) static void id##_register(void) \
	{                                                            \
		ktap_register(&id##_test);                           \
	}                                                            \
	static void id(void)

#define TEST(id, text) TEST_LIMIT(id, KTAP_SECONDS, text)

#define CHECK(condition)                                                         \
	do {                                                                     \
		if (!(condition))                                                \
			ktap_fail(__FILE__, __LINE__, "not so: %s", #condition); \
	} while (0)
#define CHECK_EQ(value, expected) ktap_equal(__FILE__, __LINE__, #value, (value), (expected))
#define CHECK_OK(call)		  ktap_error(__FILE__, __LINE__, #call, (call), 0)
#define CHECK_ERR(call, error)	  ktap_error(__FILE__, __LINE__, #call, (call), (error))
#define CHECK_ERR2(call, error, other) \
	ktap_errors(__FILE__, __LINE__, #call, (call), (error), (other))

#endif /* KTAP_H */
