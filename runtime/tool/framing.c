// SPDX-License-Identifier: MIT
/* A recording's events on their way into frames. */
#include <errno.h>

#include "base/error.h"
#include "tool/framing.h"

int framing_begin(struct framing *framing, const struct recording *rec, struct dh_error *err)
{
	struct dh_event_info info = { .size = sizeof(info) };

	dh_event_reader_get_info(rec->reader, &info);
	if (!info.width) {
		dh_error_set(err,
			     "%s: the size of the sensor is not known from the header: give it, as "
			     "in --size 346x260",
			     rec->name);
		return -EINVAL;
	}
	framing->options.sensor_width = info.width;
	framing->options.sensor_height = info.height;
	return dh_framer_create(&framing->options, &framing->framer, err);
}

int framing_push(struct framing *framing, const struct dh_event *events, size_t count,
		 struct dh_error *err)
{
	struct dh_frame frame = { .size = sizeof(frame) };
	size_t used, at = 0;
	int ret = 0;

	while (!ret && at < count) {
		ret = dh_framer_push(framing->framer, events + at, count - at, &used, &frame, err);
		at += used;
		if (ret > 0)
			ret = framing->take(framing->context, &frame, err);
	}
	return ret;
}

int framing_end(struct framing *framing, struct dh_error *err)
{
	struct dh_frame frame = { .size = sizeof(frame) };

	if (framing->framer && framing->options.period_us &&
	    dh_framer_flush(framing->framer, &frame))
		return framing->take(framing->context, &frame, err);
	return 0;
}

void framing_free(struct framing *framing)
{
	dh_framer_destroy(framing->framer);
	framing->framer = NULL;
}
