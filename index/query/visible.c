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

static bool is_held(const struct ino_entry *e)
{
	return ((const struct work *)e->value)->place == WORK_HELD;
}

/* Inodes of all files that wait. */
static int copy_waiting(struct index *x, bool held, struct buf *ret_inos)
{
	LOCKED(&x->table_lock);
	const struct ino_map *files = &x->work.files;
	int r = 0;

	for (size_t i = 0; r >= 0 && files->places && i <= files->mask; i++)
		if (files->places[i].ino && (held || !is_held(&files->places[i])))
			r = buf_add(ret_inos, &files->places[i].ino, sizeof(uint64_t));
	return r < 0 ? r : 0;
}

/* For filters alone all that is seen and waits is looked at, since none of it is a document here. */
static int note_seen(struct search *s, const struct buf *inos)
{
	for (size_t at = 0; at < inos->len; at += sizeof(uint64_t)) {
		uint64_t ino;
		int r;

		memcpy(&ino, inos->data + at, sizeof(ino));
		r = viewer_sees(s->viewer, ino);
		if (r > 0) {
			s->n_waiting++;
			r = s->parsed.ranks ? 0 : buf_add(&s->waiting, &ino, sizeof(ino));
		}
		if (r >= 0)
			r = ino_map_set(&s->unsettled, ino, NULL, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int hide(struct search *s, struct search_part *p)
{
	for (uint32_t d = 0; d < p->segment->n_docs; d++) {
		uint64_t ino = p->segment->docs[d].ino;
		int r;

		if (!p->alive[d])
			continue;
		r = ino_map_find(&s->unsettled, ino) ? 0 : viewer_sees(s->viewer, ino);
		if (r < 0)
			return r;
		p->alive[d] = p->candidate[d] = r > 0;
		p->all_alive = p->all_alive && r > 0;
	}
	return 0;
}

int search_hide(struct search *s)
{
	_cleanup_buf_ struct buf inos = BUF_INIT;
	int r = viewers_get(s->x->viewers, s->scope->who, &s->viewer);

	if (r >= 0)
		r = copy_waiting(s->x, true, &inos);
	if (r >= 0)
		r = note_seen(s, &inos);
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
	_cleanup_buf_ struct buf inos = BUF_INIT;
	struct viewer *w = NULL;
	uint64_t n = 0;

	if (!who || !x->ready)
		return index_pending(x);
	if (copy_waiting(x, false, &inos) < 0 || inos.len == 0 || viewers_get(x->viewers, who, &w) < 0)
		return 0;
	for (size_t at = 0; at < inos.len; at += sizeof(uint64_t)) {
		uint64_t ino;

		memcpy(&ino, inos.data + at, sizeof(ino));
		n += viewer_sees(w, ino) > 0;
	}
	viewer_put(w);
	return n;
}
