// SPDX-License-Identifier: MIT
/* Kernels of recurrent layers: one direction of one row of the batch after the other. */
#include <string.h>

#include "network/product.h"
#include "network/recurrent.h"
#include "network/unary.h"

/*
 * A direction for a row of the batch. @from_x and @from_h are what input and state give to each
 * gate, [gates][hidden]; @reset is a GRU's state after its reset gate.
 */
struct row {
	const struct dh_net_recurrent *attr;
	const struct dh_net_cell *cell;
	const struct dh_net_activation *f;
	size_t inputs, hidden;
	const float *w, *r, *b, *peepholes;
	float *from_x, *from_h, *h, *c, *reset;
};

static size_t gate_room(const struct dh_net_node *node)
{
	return (size_t)dh_net_cell_of(node->op)->gates * node->attr.recurrent.hidden;
}

size_t dh_scratch_recurrent(const struct dh_net *net, const struct dh_net_node *node)
{
	(void)net;
	return (2 * gate_room(node) + 3 * (size_t)node->attr.recurrent.hidden) * sizeof(float);
}

uint64_t dh_work_recurrent(const struct dh_net *net, const struct dh_net_node *node)
{
	struct dh_recurrent_sizes s = dh_recurrent_sizes(node, &net->tensors[node->inputs[0]]);

	return (uint64_t)s.steps * s.batch * s.directions * gate_room(node) *
	       (s.inputs + node->attr.recurrent.hidden);
}

/* Gates @first and up: @count of them, from @x of @size elements. */
static void feed(const float *weights, const float *x, size_t size, const float *bias, size_t first,
		 size_t count, float *gates)
{
	for (size_t i = first; i < first + count; i++)
		gates[i] = dh_dot(weights + i * size, x, size) + (bias ? bias[i] : 0);
}

static float activate(const struct row *row, unsigned int which, float x)
{
	const struct dh_net_activation *f = &row->f[which];

	if (row->attr->clip > 0)
		x = dh_limit(x, -row->attr->clip, row->attr->clip);
	return dh_unary(f->op, x, f->a, f->b);
}

/* Gates in ONNX's order: z, r, h. */
static void gru_step(struct row *row)
{
	size_t n = row->hidden;
	const float *recurrent_bias = row->b ? row->b + 3 * n : NULL;
	bool after = row->attr->linear_before_reset;

	feed(row->r, row->h, n, recurrent_bias, 0, after ? 3 * n : 2 * n, row->from_h);
	for (size_t i = 0; i < n; i++) {
		float r = activate(row, 0, row->from_x[n + i] + row->from_h[n + i]);

		row->reset[i] = r * (after ? row->from_h[2 * n + i] : row->h[i]);
	}
	if (!after)
		feed(row->r, row->reset, n, recurrent_bias, 2 * n, n, row->from_h);
	for (size_t i = 0; i < n; i++) {
		float z = activate(row, 0, row->from_x[i] + row->from_h[i]);
		float more = after ? row->reset[i] : row->from_h[2 * n + i];
		float candidate = activate(row, 1, row->from_x[2 * n + i] + more);

		row->h[i] = (1 - z) * candidate + z * row->h[i];
	}
}

/* Gates in ONNX's order: input, output, forget, cell; peepholes: input, output, forget. */
static void lstm_step(struct row *row)
{
	size_t n = row->hidden;
	const float *p = row->peepholes;

	feed(row->r, row->h, n, row->b ? row->b + 4 * n : NULL, 0, 4 * n, row->from_h);
	for (size_t i = 0; i < n; i++) {
		float in = row->from_x[i] + row->from_h[i];
		float out = row->from_x[n + i] + row->from_h[n + i];
		float forget = row->from_x[2 * n + i] + row->from_h[2 * n + i];
		float c = activate(row, 1, row->from_x[3 * n + i] + row->from_h[3 * n + i]);

		forget = activate(row, 0, forget + (p ? p[2 * n + i] * row->c[i] : 0));
		in = row->attr->input_forget ? 1 - forget
					     : activate(row, 0, in + (p ? p[i] * row->c[i] : 0));
		row->c[i] = forget * row->c[i] + in * c;
		out = activate(row, 0, out + (p ? p[n + i] * row->c[i] : 0));
		row->h[i] = out * dh_unary(row->f[2].op, row->c[i], row->f[2].a, row->f[2].b);
	}
}

static void rnn_step(struct row *row)
{
	size_t n = row->hidden;

	feed(row->r, row->h, n, row->b ? row->b + n : NULL, 0, n, row->from_h);
	for (size_t i = 0; i < n; i++)
		row->h[i] = activate(row, 0, row->from_x[i] + row->from_h[i]);
}

static void step(struct row *row, const float *x)
{
	feed(row->w, x, row->inputs, row->b, 0, row->cell->gates * row->hidden, row->from_x);
	if (row->cell->op == DH_NET_GRU)
		gru_step(row);
	else if (row->cell->op == DH_NET_LSTM)
		lstm_step(row);
	else
		rnn_step(row);
}

/* A matrix of direction @d out of input @i, which holds one for each; NULL: missing. */
static const float *part(const struct dh_kernel *k, uint32_t i, size_t d)
{
	const struct dh_net_tensor *in = dh_kernel_has(k, i) ? dh_kernel_in(k, i) : NULL;

	return in ? (const float *)dh_kernel_read(k, i) + d * dh_elements(in, 1, in->rank) : NULL;
}

static struct row row_of(const struct dh_kernel *k, size_t d)
{
	const struct dh_net_recurrent *attr = &k->node->attr.recurrent;
	size_t gates = gate_room(k->node);
	float *scratch = k->scratch;
	struct row row = {
		.attr = attr,
		.cell = dh_net_cell_of(k->node->op),
		.inputs = dh_kernel_in(k, 0)->dims[2],
		.hidden = attr->hidden,
		.w = part(k, 1, d),
		.r = part(k, 2, d),
		.b = part(k, 3, d),
		.peepholes = part(k, 7, d),
		.from_x = scratch,
		.from_h = scratch + gates,
		.h = scratch + 2 * gates,
	};

	row.f = attr->activations + d * row.cell->activations;
	row.c = row.h + row.hidden;
	row.reset = row.c + row.hidden;
	return row;
}

/* Where the values of step @t, direction @d, row @b of the batch begin, in units of vectors. */
static size_t place_in_sequence(const struct dh_kernel *k, const struct dh_recurrent_sizes *s,
				size_t directions, size_t t, size_t d, size_t b)
{
	return k->node->attr.recurrent.batch_first ? (b * s->steps + t) * directions + d
						   : (t * directions + d) * s->batch + b;
}

static size_t place_in_state(const struct dh_kernel *k, const struct dh_recurrent_sizes *s,
			     size_t d, size_t b)
{
	return k->node->attr.recurrent.batch_first ? b * s->directions + d : d * s->batch + b;
}

static size_t length_of(const struct dh_kernel *k, const struct dh_recurrent_sizes *s, size_t b)
{
	const int64_t *lens = dh_kernel_maybe(k, 4);

	if (!lens || lens[b] > (int64_t)s->steps)
		return s->steps;
	return lens[b] < 0 ? 0 : (size_t)lens[b];
}

static void begin_state(const struct dh_kernel *k, uint32_t input, size_t at, size_t size,
			float *state)
{
	const float *initial = dh_kernel_maybe(k, input);

	if (initial)
		memcpy(state, initial + at * size, size * sizeof(*state));
	else
		memset(state, 0, size * sizeof(*state));
}

static void end_state(const struct dh_kernel *k, uint32_t output, size_t at, size_t size,
		      const float *state)
{
	if (dh_kernel_wants(k, output))
		memcpy((float *)dh_kernel_write(k, output) + at * size, state,
		       size * sizeof(*state));
}

static void run_row(const struct dh_kernel *k, const struct dh_recurrent_sizes *s, size_t d,
		    size_t b)
{
	enum dh_net_direction direction = k->node->attr.recurrent.direction;
	bool backward = direction == DH_NET_REVERSE || d;
	size_t steps = length_of(k, s, b), state = place_in_state(k, s, d, b);
	const float *x = dh_kernel_read(k, 0);
	struct row row = row_of(k, d);
	float *y = dh_kernel_wants(k, 0) ? dh_kernel_write(k, 0) : NULL;

	begin_state(k, 5, state, row.hidden, row.h);
	begin_state(k, 6, state, row.hidden, row.c);
	for (size_t i = 0; i < steps; i++) {
		size_t t = backward ? steps - 1 - i : i;

		step(&row, x + place_in_sequence(k, s, 1, t, 0, b) * row.inputs);
		if (y)
			memcpy(y + place_in_sequence(k, s, s->directions, t, d, b) * row.hidden,
			       row.h, row.hidden * sizeof(*y));
	}
	end_state(k, 1, state, row.hidden, row.h);
	end_state(k, 2, state, row.hidden, row.c);
}

void dh_kernel_recurrent(const struct dh_kernel *k)
{
	struct dh_recurrent_sizes s = dh_recurrent_sizes(k->node, dh_kernel_in(k, 0));

	/* steps beyond the end of a row are zero */
	if (dh_kernel_wants(k, 0))
		memset(dh_kernel_write(k, 0), 0, dh_net_bytes(dh_kernel_out(k, 0)));
	for (size_t d = 0; d < s.directions; d++) {
		for (size_t b = 0; b < s.batch; b++)
			run_row(k, &s, d, b);
	}
}
