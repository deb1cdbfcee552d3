/* SPDX-License-Identifier: MIT */
/* What a query knows for somebody who may not see every file: it answers as if there were no others. They are not
 * alive for it, so that neither totals nor document frequencies, mean lengths, or the least and the most cosine
 * tell of them; and of the files that wait only those count that are seen. A file that waits is no hit: its
 * document may be of names that the file had in folders which the asker cannot enter. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/search.h"
#include "index/viewers.h"

static int list_waiting(struct index *x, bool held, struct ino_set *ret_inos)
{
	LOCKED(&x->table_lock);

	return work_list(&x->work, held, ret_inos);
}

/* For filters alone all that is seen and waits is looked at, since none of it is a document here. */
static int note_seen(struct search *s)
{
	uint64_t ino;
	int r = 0;

	for (uint64_t at = 0; r >= 0 && ino_set_next(&s->unsettled, at, &ino); at = ino + 1) {
		r = viewer_sees(s->viewer, ino);
		if (r > 0) {
			s->n_waiting++;
			r = s->parsed.ranks ? 0 : ino_set_add(&s->waiting, ino);
		}
	}
	return r < 0 ? r : 0;
}

static int sees_document(struct search *s, struct segment *segment, uint32_t d)
{
	const struct segment_doc *doc = &segment->docs[d];
	uint32_t class = atomic_load(&doc->access);

	if (s->unsettled.n > 0 && ino_set_has(&s->unsettled, doc->ino))
		return 0;
	if (class == 0 || atomic_load(&segment->flags[d]) & DOC_MOVED)
		return viewer_sees(s->viewer, doc->ino);
	return viewer_sees_class(s->viewer, class, atomic_load(&doc->parent));
}

static int hide(struct search *s, struct search_part *p)
{
	for (uint32_t d = 0; d < p->segment->n_docs; d++) {
		int r;

		if (!p->alive[d])
			continue;
		r = sees_document(s, p->segment, d);
		if (r < 0)
			return r;
		p->alive[d] = p->candidate[d] = r > 0;
		p->all_alive = p->all_alive && r > 0;
	}
	return 0;
}

int search_view(struct search *s)
{
	int r = viewers_get(s->x->viewers, s->scope->who, &s->viewer);

	if (r >= 0)
		r = list_waiting(s->x, true, &s->unsettled);
	return r < 0 ? r : note_seen(s);
}

int search_hide(struct search *s)
{
	int r = 0;

	for (unsigned p = 0; r >= 0 && p < s->n_parts; p++)
		r = hide(s, &s->parts[p]);
	return r;
}

static int enters(void *context, uint64_t dir)
{
	return viewer_enters(context, dir);
}

int search_walk(struct search *s, const char *path, struct inode *ret_i)
{
	struct catalog *c = s->x->config.catalog;
	int r;

	if (!s->viewer)
		return tree_walk(c, s->scope->top, path, ret_i);
	r = access_walk(c, s->scope->top, path, enters, s->viewer, ret_i);
	if (r >= 0)
		r = S_ISDIR(ret_i->mode) ? viewer_enters(s->viewer, ret_i->ino) : viewer_sees(s->viewer, ret_i->ino);
	return r ? MIN(r, 0) : -ENOENT;
}

uint64_t index_pending_of(struct index *x, const struct identity *who)
{
	_cleanup_ino_set_ struct ino_set inos = { 0 };
	struct viewer *w = NULL;
	uint64_t n = 0, ino;

	if (!who || !x->ready)
		return index_pending(x);
	if (list_waiting(x, false, &inos) < 0 || inos.n == 0 || viewers_get(x->viewers, who, &w) < 0)
		return 0;
	for (uint64_t at = 0; ino_set_next(&inos, at, &ino); at = ino + 1)
		n += viewer_sees(w, ino) > 0;
	viewer_put(w);
	return n;
}
