// SPDX-License-Identifier: MIT
/* Events out of a file, a pipe or standard input, as they come. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "tool/recording.h"
#include "tool/tool.h"

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

void recording_stop_on_signal(void)
{
	/* Not restarted: a read that waits for a camera ends. A second signal ends the program. */
	const struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool recording_stopped(void)
{
	return stopped;
}

static int system_error(const struct recording *rec, const char *what, struct dh_error *err)
{
	int error = errno;

	dh_error_set(err, "%s: cannot %s: %s", rec->name, what, strerror(error));
	return -error;
}

int recording_open(struct recording *rec, const char *path,
		   const struct dh_event_reader_options *options, struct dh_error *err)
{
	struct dh_event_reader_options named = *options;
	bool standard = !strcmp(path, "-");

	memset(rec, 0, sizeof(*rec));
	rec->name = named.name = standard ? "standard input" : path;
	rec->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (rec->fd < 0)
		return system_error(rec, "open it", err);
	return dh_event_reader_create(&named, &rec->reader, err);
}

/* Waits for what comes, also where another program has made the file non-blocking. */
static ssize_t read_some(struct recording *rec)
{
	struct pollfd wait = { .fd = rec->fd, .events = POLLIN };
	ssize_t got;

	do {
		got = stopped ? 0 : read(rec->fd, rec->bytes, sizeof(rec->bytes));
		if (got < 0 && errno == EAGAIN)
			poll(&wait, 1, -1);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	return got;
}

/* Reads what there is; none: the end. */
static int fill(struct recording *rec, struct dh_error *err)
{
	ssize_t got = read_some(rec);

	if (got < 0)
		return system_error(rec, "read it", err);
	rec->at = 0;
	rec->filled = got;
	rec->ended = !got;
	/* What is stopped may end anywhere. */
	return got || stopped ? 0 : dh_event_reader_finish(rec->reader, err);
}

int recording_next(struct recording *rec, struct dh_event *events, size_t room, size_t *count,
		   struct dh_error *err)
{
	size_t used;
	int ret;

	do {
		ret = dh_event_reader_decode(rec->reader, rec->bytes + rec->at,
					     rec->filled - rec->at, &used, events, room, count,
					     err);
		rec->at += used;
		/* An error after events comes again when there are none before it. */
		if (*count)
			return 1;
		if (!ret && rec->at == rec->filled && !rec->ended)
			ret = fill(rec, err);
	} while (!ret && !rec->ended);
	return ret;
}

static struct dh_event_info info_of(const struct recording *rec)
{
	struct dh_event_info info = { .size = sizeof(info) };

	dh_event_reader_get_info(rec->reader, &info);
	return info;
}

void recording_print_skipped(const struct recording *rec)
{
	struct dh_event_info info = info_of(rec);
	bool any = false;
	unsigned int i;

	for (i = 0; i < DH_EVENT_SKIPPED && info.skipped[i].name; i++) {
		if (!info.skipped[i].count)
			continue;
		printf("%s%" PRIu64 " %s", any ? ", " : "skipped  ", info.skipped[i].count,
		       info.skipped[i].name);
		any = true;
	}
	if (any)
		putchar('\n');
}

json_t *recording_json_skipped(const struct recording *rec)
{
	struct dh_event_info info = info_of(rec);
	json_t *json = json_object();
	unsigned int i;

	for (i = 0; i < DH_EVENT_SKIPPED && info.skipped[i].name; i++)
		json_add(json, info.skipped[i].name, json_integer(info.skipped[i].count));
	return json;
}

void recording_close(struct recording *rec)
{
	if (rec->fd > STDIN_FILENO)
		close(rec->fd);
	dh_event_reader_destroy(rec->reader);
}
