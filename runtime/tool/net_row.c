// SPDX-License-Identifier: MIT
#include <drm/deltahop_isa.h>
#include <stdio.h>
#include <string.h>

#include "tool/net_row.h"

static void add_piece(struct net_row *row, const struct dh_layer_report *piece)
{
	struct dh_layer_report *sum = &row->layer;

	sum->cycles += piece->cycles;
	sum->dense_cycles += piece->dense_cycles;
	sum->bytes_weights += piece->bytes_weights;
	sum->bytes_in += piece->bytes_in;
	sum->bytes_out += piece->bytes_out;
	sum->work_done += piece->work_done;
	sum->work_skipped += piece->work_skipped;
	sum->fired_x += piece->fired_x;
	sum->slots_x += piece->slots_x;
	row->pieces++;
}

struct net_row net_row_of(const struct cost *cost, uint32_t index, uint32_t end)
{
	struct net_row row = { .layer = cost->layers[index], .pieces = 1 };

	while (row.layer.engine == DELTAHOP_ENGINE_CONV && index + row.pieces < end &&
	       !strcmp(cost->layers[index + row.pieces].node, row.layer.node))
		add_piece(&row, &cost->layers[index + row.pieces]);
	return row;
}

void net_row_size(const struct net_row *row, struct format *size)
{
	const struct dh_layer_report *l = &row->layer;

	if (l->engine != DELTAHOP_ENGINE_CONV)
		snprintf(size->text, sizeof(size->text), "%u>%u", l->inputs, l->hidden);
	else if (row->pieces > 1)
		snprintf(size->text, sizeof(size->text), "%ux%ux%u *%u", l->inputs, l->rows,
			 l->cols, row->pieces);
	else
		snprintf(size->text, sizeof(size->text), "%ux%ux%u>%u", l->inputs, l->rows, l->cols,
			 l->hidden);
}
