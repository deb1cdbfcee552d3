/* SPDX-License-Identifier: MIT */
/* What a format is to formats.c. Each writes whole lines. */
#pragma once

#include "index/graph/formats.h"

struct graph_format_ops {
	int (*begin)(struct graph_writer *w);
	int (*node)(struct graph_writer *w, const struct graph_node *node);
	/* Between nodes and links; may be NULL. */
	int (*turn)(struct graph_writer *w);
	int (*edge)(struct graph_writer *w, const struct graph_edge *edge, const void *verb, size_t verb_len);
	int (*end)(struct graph_writer *w);
};

extern const struct graph_format_ops graph_dot, graph_graphml, graph_json;

/* Appends one code point as the format wants it; `rest` to `end` is what follows it. */
typedef int (*graph_add_char)(struct buf *out, uint32_t c, const uint8_t *rest, const uint8_t *end);

/* Each code point of any bytes, those that XML cannot contain as U+FFFD. */
int graph_add_text(struct buf *out, const void *text, size_t len, graph_add_char add);

/* The figures of a node, in their order: name and value, which needs no escaping. */
struct graph_figure {
	const char *name;
	const char *type;  /* GraphML's */
	char value[32];
};

#define GRAPH_FIGURES_MAX 5

/* Returns how many there are. */
unsigned graph_figures(unsigned fields, const struct graph_node *node, struct graph_figure *ret_figures);
