/* SPDX-License-Identifier: MIT */
#include "index/graph/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "index/graph/formats_impl.h"

/* ---- what formats share */

static uint32_t clean(uint32_t c)
{
	bool control = c < 0x20 && c != '\t' && c != '\n';

	return control || c == 0xfffe || c == 0xffff ? UTF8_REPLACEMENT : c;
}

int graph_add_text(struct buf *out, const void *text, size_t len, graph_add_char add)
{
	const uint8_t *at = text, *end = len ? at + len : at;
	int r = 0;

	while (r >= 0 && at < end) {
		uint32_t c = clean(utf8_next(&at, end));

		r = add(out, c, at, end);
	}
	return r;
}

static void set_count(struct graph_figure *f, const char *name, uint32_t value)
{
	f->name = name;
	f->type = "long";
	(void) snprintf(f->value, sizeof(f->value), "%" PRIu32, value);
}

unsigned graph_figures(unsigned fields, const struct graph_node *node, struct graph_figure *ret_figures)
{
	struct graph_figure *f = ret_figures;

	if (fields & GRAPH_FIELD_PAGERANK) {
		f->name = "pagerank";
		f->type = "double";
		(void) snprintf(f->value, sizeof(f->value), "%.9g", node->pagerank);
		f++;
	}
	if (fields & GRAPH_FIELD_COMPONENT)
		set_count(f++, "component", node->component);
	if (fields & GRAPH_FIELD_COMMUNITY)
		set_count(f++, "community", node->community);
	if (fields & GRAPH_FIELD_DEGREE) {
		set_count(f++, "in_degree", node->degree.in);
		set_count(f++, "out_degree", node->degree.out);
	}
	return (unsigned)(f - ret_figures);
}

/* ---- piece by piece */

int graph_write_begin(struct graph_writer *w, struct buf *out, enum graph_format format, unsigned fields)
{
	static const struct graph_format_ops *const all[] = {
		[GRAPH_DOT] = &graph_dot, [GRAPH_GRAPHML] = &graph_graphml, [GRAPH_JSON] = &graph_json
	};

	*w = (struct graph_writer){ .out = out, .ops = all[format], .fields = fields };
	return w->ops->begin(w);
}

int graph_write_node(struct graph_writer *w, const struct graph_node *node)
{
	int r = w->ops->node(w, node);

	w->any = true;
	return r;
}

static int turn(struct graph_writer *w)
{
	if (w->edges)
		return 0;
	w->edges = true;
	w->any = false;
	return w->ops->turn ? w->ops->turn(w) : 0;
}

int graph_write_edge(struct graph_writer *w, const struct graph_edge *edge, const void *verb, size_t verb_len)
{
	int r = turn(w);

	if (r >= 0)
		r = w->ops->edge(w, edge, verb, verb_len);
	w->any = true;
	return r;
}

int graph_write_end(struct graph_writer *w)
{
	int r = turn(w);

	return r < 0 ? r : w->ops->end(w);
}

/* ---- a whole graph */

struct drawing {
	const struct graph_picture *p; /* borrowed */
	struct graph_writer w;
	size_t end;                    /* of the buffer */
	struct buf text;               /* a label, or the name of `verb` */
	uint32_t verb;
	bool named;                    /* `text` is that name */
};

static unsigned fields_of(const struct graph_picture *p)
{
	return (p->pageranks ? GRAPH_FIELD_PAGERANK : 0u) | (p->components ? GRAPH_FIELD_COMPONENT : 0u) |
	       (p->communities ? GRAPH_FIELD_COMMUNITY : 0u) | (p->degrees ? GRAPH_FIELD_DEGREE : 0u);
}

static int check_end(const struct drawing *d, int r)
{
	return r >= 0 && d->w.out->len > d->end ? -EFBIG : r;
}

static int draw_node(struct drawing *d, uint32_t k)
{
	const struct graph_picture *p = d->p;
	struct graph_node node = { .ino = p->g->inos[k] };
	int r = 0;

	buf_reset(&d->text);
	if (p->label)
		r = p->label(p->context, node.ino, &d->text);
	if (r < 0)
		return r;
	node.label = !p->label ? NULL : d->text.len ? (const void *)d->text.data : "";
	node.label_len = d->text.len;
	node.pagerank = p->pageranks ? p->pageranks[k] : 0;
	node.component = p->components ? p->components[k] : 0;
	node.community = p->communities ? p->communities[k] : 0;
	if (p->degrees)
		node.degree = p->degrees[k];
	return check_end(d, graph_write_node(&d->w, &node));
}

/* Verbs are few and come in runs. */
static int name_verb(struct drawing *d, uint32_t verb)
{
	int r;

	if (d->named && d->verb == verb)
		return 0;
	buf_reset(&d->text);
	r = d->p->verb(d->p->context, verb, &d->text);
	d->named = r >= 0;
	d->verb = verb;
	return r;
}

static int draw_edge(struct drawing *d, uint32_t from, uint32_t i)
{
	const struct graph_csr *g = d->p->g;
	struct graph_edge e = { g->inos[from], g->inos[g->targets[i]], g->verbs ? g->verbs[i] : 0 };
	bool names = g->verbs && d->p->verb;
	const void *name;
	int r = names ? name_verb(d, e.verb) : 0;

	if (r < 0)
		return r;
	name = !names ? NULL : d->text.len ? (const void *)d->text.data : "";
	return check_end(d, graph_write_edge(&d->w, &e, name, names ? d->text.len : 0));
}

static int draw(struct drawing *d)
{
	const struct graph_csr *g = d->p->g;
	int r = 0;

	for (uint32_t k = 0; r >= 0 && k < g->n; k++)
		r = draw_node(d, k);
	for (uint32_t k = 0; r >= 0 && k < g->n; k++)
		for (uint32_t i = g->starts[k]; r >= 0 && i < g->starts[k + 1]; i++)
			r = draw_edge(d, k, i);
	return r;
}

int graph_write(struct buf *out, enum graph_format format, const struct graph_picture *p)
{
	struct drawing d = { .p = p, .end = out->len + (p->bytes_max ? p->bytes_max : GRAPH_BYTES_MAX) };
	int r = graph_write_begin(&d.w, out, format, fields_of(p));

	if (r >= 0)
		r = draw(&d);
	if (r >= 0)
		r = check_end(&d, graph_write_end(&d.w));
	buf_done(&d.text);
	return r;
}
