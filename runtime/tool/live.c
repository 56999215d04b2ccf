// SPDX-License-Identifier: MIT
/* Lines on standard output that come as things happen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "tool/live.h"

/* A line longer than the terminal is wide would stay when it is rewritten: no wrapping. */
#define REWRITE "\r\033[?7l%s\033[K\033[?7h"

/* Whoever reads them from a pipe gets them as they come. */
static int flush(bool good, struct dh_error *err)
{
	int error;

	if (good && !fflush(stdout))
		return 0;
	error = errno ? errno : EIO;
	dh_error_set(err, "standard output: cannot write: %s", strerror(error));
	return -error;
}

int live_line(struct live *live, const char *text, struct dh_error *err)
{
	live->shown = live->rewrite;
	return flush(live->rewrite ? printf(REWRITE, text) >= 0 : puts(text) != EOF, err);
}

int live_json(json_t *json, struct dh_error *err)
{
	bool good = !json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));

	json_decref(json);
	return flush(good && putchar('\n') != EOF, err);
}

void live_end(struct live *live)
{
	if (live->shown)
		putchar('\n');
	live->shown = false;
}
