/* SPDX-License-Identifier: MIT */
/* Values are quoted, since a name without quotes has to look like a word or a number without an exponent. In
 * quotes a backslash begins an escape, some of which stand for the node's own name, and &name; is a character
 * as in HTML. */
#include <ctype.h>
#include <inttypes.h>

#include "base/utf8.h"
#include "index/graph/formats_impl.h"

static bool begins_entity(const uint8_t *rest, const uint8_t *end)
{
	const uint8_t *at = rest;

	while (at < end && (*at == '#' || isalnum(*at)))
		at++;
	return at > rest && at < end && *at == ';';
}

static int add_char(struct buf *out, uint32_t c, const uint8_t *rest, const uint8_t *end)
{
	if (c == '"')
		return buf_add_str(out, "\\\"");
	if (c == '\\')
		return buf_add_str(out, "\\\\");
	if (c == '\n')
		return buf_add_str(out, "\\n");
	if (c == '&' && begins_entity(rest, end))
		return buf_add_str(out, "&amp;");
	return utf8_add(out, c);
}

static int add_label(struct buf *out, const void *text, size_t len)
{
	int r = buf_add_str(out, "label=\"");

	if (r >= 0)
		r = graph_add_text(out, text, len, add_char);
	return r < 0 ? r : buf_add_str(out, "\"");
}

static int begin(struct graph_writer *w)
{
	return buf_add_str(w->out, "digraph links {\n");
}

static int node(struct graph_writer *w, const struct graph_node *n)
{
	struct graph_figure figures[GRAPH_FIGURES_MAX];
	unsigned n_figures = graph_figures(w->fields, n, figures);
	int r = buf_addf(w->out, "\t\"%" PRIu64 "\" [", n->ino);

	if (r >= 0 && n->label)
		r = add_label(w->out, n->label, n->label_len);
	for (unsigned i = 0; r >= 0 && i < n_figures; i++)
		r = buf_addf(w->out, "%s%s=\"%s\"", n->label || i > 0 ? ", " : "", figures[i].name,
			     figures[i].value);
	return r < 0 ? r : buf_add_str(w->out, "];\n");
}

static int edge(struct graph_writer *w, const struct graph_edge *e, const void *verb, size_t verb_len)
{
	int r = buf_addf(w->out, "\t\"%" PRIu64 "\" -> \"%" PRIu64 "\" [", e->from, e->to);

	if (r >= 0 && verb)
		r = add_label(w->out, verb, verb_len);
	return r < 0 ? r : buf_add_str(w->out, "];\n");
}

static int end(struct graph_writer *w)
{
	return buf_add_str(w->out, "}\n");
}

const struct graph_format_ops graph_dot = { .begin = begin, .node = node, .edge = edge, .end = end };
