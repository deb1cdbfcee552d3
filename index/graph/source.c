/* SPDX-License-Identifier: MIT */
#include "index/graph/source.h"

#include <errno.h>

#include "base/cleanup.h"
#include "catalog/inode.h"
#include "catalog/links.h"

/* A walk and the link at which it stands. */
struct side {
	struct packed_walk walk;
	struct packed_member at;
	int more; /* 1: there is one, 0, -errno */
};

static void step(struct side *s)
{
	s->more = packed_walk_next(&s->walk, &s->at);
}

static void side_done(struct side *s)
{
	packed_walk_done(&s->walk);
}

static bool is_first(const struct packed_member *x, const struct packed_member *y)
{
	return x->a != y->a ? x->a < y->a : x->b <= y->b;
}

/* Both walks ascend; of equal links the one out comes first. */
static int merge(struct side *out, struct side *in, graph_visit_neighbour visit, void *visitor)
{
	int r = 0;

	while (r == 0 && out->more >= 0 && in->more >= 0 && (out->more || in->more)) {
		bool is_out = out->more && (!in->more || is_first(&out->at, &in->at));
		struct side *s = is_out ? out : in;

		r = visit(visitor, s->at.a, (uint32_t)s->at.b, is_out ? GRAPH_OUT : GRAPH_IN);
		step(s);
	}
	if (r)
		return r;
	return out->more < 0 ? out->more : in->more;
}

static int neighbours(void *context, uint64_t ino, enum graph_direction direction,
		      graph_visit_neighbour visit, void *visitor)
{
	_cleanup_(side_done) struct side out = { .walk = links_from(context, ino) },
					 in = { .walk = links_to(context, ino) };

	if (direction & GRAPH_OUT)
		step(&out);
	if (direction & GRAPH_IN)
		step(&in);
	return merge(&out, &in, visit, visitor);
}

static int edges(void *context, graph_visit_edge visit, void *visitor)
{
	return links_foreach(context, visit, visitor);
}

static int sees(void *context, uint64_t ino)
{
	struct inode i;
	int r = inode_get(context, ino, &i);

	return r == -ENOENT ? 0 : r < 0 ? r : i.nlink > 0;
}

struct graph_source graph_source_of(struct catalog *c)
{
	return (struct graph_source){ .context = c, .neighbours = neighbours, .edges = edges, .sees = sees };
}
