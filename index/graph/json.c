/* SPDX-License-Identifier: MIT */
/* One node or link a line. Only texts are made by jansson: an object for each of millions of links would take
 * longer than to find them. */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "index/graph/formats_impl.h"

static int add_text(struct buf *out, const char *name, const void *text, size_t len)
{
	_cleanup_json_ json_t *value = json_text(text, len);
	int r = value ? buf_addf(out, ",\"%s\":", name) : -ENOMEM;

	return r < 0 ? r : json_add_to(out, value);
}

static const char *before(const struct graph_writer *w)
{
	return w->any ? ",\n" : "\n";
}

static int begin(struct graph_writer *w)
{
	return buf_add_str(w->out, "{\"directed\":true,\"multigraph\":true,\"graph\":{},\"nodes\":[");
}

static int node(struct graph_writer *w, const struct graph_node *n)
{
	struct graph_figure figures[GRAPH_FIGURES_MAX];
	unsigned n_figures = graph_figures(w->fields, n, figures);
	int r = buf_addf(w->out, "%s{\"id\":\"%" PRIu64 "\"", before(w), n->ino);

	if (r >= 0 && n->label)
		r = add_text(w->out, "label", n->label, n->label_len);
	for (unsigned i = 0; r >= 0 && i < n_figures; i++)
		r = buf_addf(w->out, ",\"%s\":%s", figures[i].name, figures[i].value);
	return r < 0 ? r : buf_add_str(w->out, "}");
}

static int turn(struct graph_writer *w)
{
	return buf_add_str(w->out, "\n],\"edges\":[");
}

static int edge(struct graph_writer *w, const struct graph_edge *e, const void *verb, size_t verb_len)
{
	int r = buf_addf(w->out, "%s{\"source\":\"%" PRIu64 "\",\"target\":\"%" PRIu64 "\"", before(w),
			 e->from, e->to);

	if (r >= 0 && verb)
		r = add_text(w->out, "verb", verb, verb_len);
	return r < 0 ? r : buf_add_str(w->out, "}");
}

static int end(struct graph_writer *w)
{
	return buf_add_str(w->out, "\n]}\n");
}

const struct graph_format_ops graph_json = { begin, node, turn, edge, end };
