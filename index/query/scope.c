/* SPDX-License-Identifier: MIT */
/* Where a query looks: below the folder that is asked, or below `in=`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/search.h"
#include "index/query/why.h"

/* Folders and whether they are below, as far as this query has asked. */
struct scope {
	struct catalog *catalog;
	uint64_t top;
	struct ino_map folders; /* number: 1 below, 0 not */
};

/* Is the folder `top` or below it? Remembers every folder on the way up. */
static int folder_is_below(struct scope *sc, uint64_t folder, unsigned depth)
{
	struct ino_entry *e;
	struct inode i;
	int r;

	if (folder == sc->top)
		return 1;
	if (folder == 0 || folder == ROOT_INO || depth > 4096)
		return 0;
	e = ino_map_find(&sc->folders, folder);
	if (e)
		return (int)e->number;
	r = inode_get(sc->catalog, folder, &i);
	if (r >= 0)
		r = folder_is_below(sc, i.parent, depth + 1);
	else if (r == -ENOENT)
		r = 0;
	if (r < 0)
		return r;
	return ino_map_set(&sc->folders, folder, NULL, (uint32_t)r) < 0 ? -ENOMEM : r;
}

/* Documents whose place has changed, or that have several names, are asked for one by one. */
static int doc_is_below(struct scope *sc, struct segment *s, uint32_t doc)
{
	if (atomic_load(&s->flags[doc]) & DOC_MOVED)
		return tree_is_below(sc->catalog, s->docs[doc].ino, sc->top);
	return folder_is_below(sc, atomic_load(&s->docs[doc].parent), 0);
}

static int keep_below(struct search *s, uint64_t top)
{
	struct scope sc = { .catalog = s->x->config.catalog, .top = top };
	int r = 0;

	for (unsigned p = 0; r >= 0 && p < s->n_parts && top != ROOT_INO; p++) {
		struct search_part *part = &s->parts[p];

		for (uint32_t d = 0; r >= 0 && d < part->segment->n_docs; d++) {
			if (!part->candidate[d])
				continue;
			r = doc_is_below(&sc, part->segment, d);
			if (r == -ENOENT)
				r = 0;
			part->candidate[d] = r > 0;
		}
	}
	ino_map_done(&sc.folders);
	return r < 0 ? r : 0;
}

static void keep_one(struct search *s, uint64_t ino)
{
	for (unsigned p = 0; p < s->n_parts; p++)
		for (uint32_t d = 0; d < s->parts[p].segment->n_docs; d++)
			s->parts[p].candidate[d] &= s->parts[p].segment->docs[d].ino == ino;
}

static int find_in(struct search *s, struct inode *ret_i)
{
	_cleanup_free_ char *path = strdup(s->query->in);
	size_t len = path ? strlen(path) : 0;
	int r;

	if (!path)
		return -ENOMEM;
	while (len > 0 && path[len - 1] == '/')
		path[--len] = 0;
	r = search_walk(s, path, ret_i);
	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG || r == -EINVAL)
		return query_why(s->ret_why, "in=%.200s: no such folder or file below the one that is asked",
				 s->query->in);
	return r;
}

int search_scope(struct search *s)
{
	struct inode i;
	int r;

	if (!s->query->in)
		return keep_below(s, s->scope->top);
	r = find_in(s, &i);
	if (r < 0)
		return r;
	s->in = i.ino;
	s->in_is_file = !S_ISDIR(i.mode);
	if (!s->in_is_file)
		return keep_below(s, i.ino);
	keep_one(s, i.ino);
	return 0;
}
