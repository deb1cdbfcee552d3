/* SPDX-License-Identifier: MIT */
/* GraphML 1.0. Keys are declared before all else. */
#include <inttypes.h>

#include "base/utf8.h"
#include "index/graph/formats_impl.h"

/* A carriage return would be read as a newline, but clean text has none. */
static int add_char(struct buf *out, uint32_t c, const uint8_t *rest, const uint8_t *end)
{
	if (c == '&')
		return buf_add_str(out, "&amp;");
	if (c == '<')
		return buf_add_str(out, "&lt;");
	if (c == '>')
		return buf_add_str(out, "&gt;");
	return utf8_add(out, c);
}

static int add_data(struct buf *out, const char *key, const void *text, size_t len)
{
	int r = buf_addf(out, "<data key=\"%s\">", key);

	if (r >= 0)
		r = graph_add_text(out, text, len, add_char);
	return r < 0 ? r : buf_add_str(out, "</data>");
}

static int add_key(struct buf *out, const char *name, const char *of, const char *type)
{
	return buf_addf(out, "<key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n", name, of,
			name, type);
}

static int begin(struct graph_writer *w)
{
	const struct graph_node none = { 0 };
	struct graph_figure figures[GRAPH_FIGURES_MAX];
	unsigned n_figures = graph_figures(w->fields, &none, figures);
	int r = buf_add_str(w->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				    "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");

	if (r >= 0)
		r = add_key(w->out, "label", "node", "string");
	for (unsigned i = 0; r >= 0 && i < n_figures; i++)
		r = add_key(w->out, figures[i].name, "node", figures[i].type);
	if (r >= 0)
		r = add_key(w->out, "verb", "edge", "string");
	return r < 0 ? r : buf_add_str(w->out, "<graph id=\"links\" edgedefault=\"directed\">\n");
}

static int node(struct graph_writer *w, const struct graph_node *n)
{
	struct graph_figure figures[GRAPH_FIGURES_MAX];
	unsigned n_figures = graph_figures(w->fields, n, figures);
	int r = buf_addf(w->out, "<node id=\"%" PRIu64 "\">", n->ino);

	if (r >= 0 && n->label)
		r = add_data(w->out, "label", n->label, n->label_len);
	for (unsigned i = 0; r >= 0 && i < n_figures; i++)
		r = buf_addf(w->out, "<data key=\"%s\">%s</data>", figures[i].name, figures[i].value);
	return r < 0 ? r : buf_add_str(w->out, "</node>\n");
}

static int edge(struct graph_writer *w, const struct graph_edge *e, const void *verb, size_t verb_len)
{
	int r = buf_addf(w->out, "<edge source=\"%" PRIu64 "\" target=\"%" PRIu64 "\">", e->from, e->to);

	if (r >= 0 && verb)
		r = add_data(w->out, "verb", verb, verb_len);
	return r < 0 ? r : buf_add_str(w->out, "</edge>\n");
}

static int end(struct graph_writer *w)
{
	return buf_add_str(w->out, "</graph>\n</graphml>\n");
}

const struct graph_format_ops graph_graphml = { .begin = begin, .node = node, .edge = edge, .end = end };
