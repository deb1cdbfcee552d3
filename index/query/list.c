/* SPDX-License-Identifier: MIT */
/* The files that pass one filter, in the order of their inodes. Documents lie in no order, and filters may ask the catalog: so
 * the next few thousand are found first, and only those are asked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "index/query/best.h"

#define WINDOW 4096u

struct listing {
	struct search s;
	struct query query;
	struct query_scope scope;
	char *why;             /* owned; of a value that none can be */
	struct ino_set waits;  /* those without documents */
};

static void listing_done(struct listing *l)
{
	parsed_query_done(&l->s.parsed);
	ino_set_done(&l->waits);
	free(l->why);
}

/* 0: no file can pass. */
static int listing_init(struct listing *l, struct index *x, const struct index_files *what)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	*l = (struct listing){ .s = { .x = x, .ret_why = &l->why }, .scope = { .top = ROOT_INO } };
	l->s.query = &l->query;
	l->s.scope = &l->scope;
	if (!x->ready)
		return x->load_error ? x->load_error : -EAGAIN;
	if (!*what->value || strchr(what->value, '"'))
		return 0;
	r = buf_addf(&text, "%s:\"%s\"", what->field, what->value);
	if (r >= 0)
		r = buf_cstr(&text) ? query_language_parse(buf_cstr(&text), false, &l->s.parsed, &l->why) : -ENOMEM;
	return r == -EINVAL ? 0 : r < 0 ? r : 1;
}

/* ---- what may be listed next */

static int add_documents(struct listing *l, uint64_t from, struct best *b)
{
	struct index *x = l->s.x;

	for (unsigned n = 0; n < x->n_segments; n++)
		for (uint32_t d = 0; d < x->segments[n]->n_docs; d++) {
			struct hit h = { .ino = x->segments[n]->docs[d].ino, .segment = x->segments[n], .doc = d };
			int r = h.ino >= from && !segment_is_dead(h.segment, d) ? best_add(b, &h) : 0;

			if (r < 0)
				return r;
		}
	return 0;
}

static bool has_document(struct index *x, uint64_t ino)
{
	LOCKED(&x->table_lock);

	return ino_map_find(&x->places, ino);
}

static int list_waiting(struct listing *l)
{
	struct index *x = l->s.x;
	LOCKED(&x->table_lock);

	return work_list(&x->work, true, &l->waits);
}

static int add_waiting(struct listing *l, uint64_t from, struct best *b)
{
	struct hit h = { 0 };
	unsigned n = 0;
	int r = 0;

	for (uint64_t at = from; r >= 0 && n < b->keep && ino_set_next(&l->waits, at, &h.ino); at = h.ino + 1)
		if (!has_document(l->s.x, h.ino)) {
			r = best_add(b, &h);
			n++;
		}
	return r;
}

static int passes_waiting(struct listing *l, uint64_t ino)
{
	struct inode i;
	int r = inode_get(l->s.x->config.catalog, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return S_ISREG(i.mode) && i.nlink ? search_filter_file(&l->s, &i) : 0;
}

static int passes(struct listing *l, const struct hit *h)
{
	return h->segment ? search_filter_document(&l->s, h->segment, h->doc) : passes_waiting(l, h->ino);
}

/* Appends what passes of the next files, till there are `max`. *from: behind those that were looked at; 0 when there are no more. */
static int list_window(struct listing *l, uint64_t *from, size_t max, struct buf *inos)
{
	_cleanup_(best_done) struct best b = { .keep = WINDOW };
	size_t before = inos->len / sizeof(uint64_t);
	int r = add_documents(l, *from, &b);

	if (r >= 0)
		r = add_waiting(l, *from, &b);
	best_sort(&b);
	*from = b.n == b.keep ? b.items[b.n - 1].ino + 1 : 0;
	for (size_t k = 0; k < b.n && r >= 0 && inos->len / sizeof(uint64_t) < before + max; k++) {
		r = passes(l, &b.items[k]);
		if (r > 0)
			r = buf_add(inos, &b.items[k].ino, sizeof(uint64_t));
	}
	return r;
}

static int list(struct listing *l, uint64_t from, size_t max, struct buf *inos)
{
	size_t before = inos->len / sizeof(uint64_t), n = 0;
	int r = list_waiting(l);

	do {
		if (r >= 0)
			r = list_window(l, &from, max - n, inos);
		n = inos->len / sizeof(uint64_t) - before;
	} while (r >= 0 && from && n < max);
	return r;
}

int index_list(struct index *x, const struct index_files *what, uint64_t from, size_t max, struct buf *ret_inos)
{
	_cleanup_(listing_done) struct listing l;
	int r = listing_init(&l, x, what);

	if (r <= 0)
		return r;
	(void) pthread_rwlock_rdlock(&x->segments_lock);
	r = list(&l, from, max, ret_inos);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return MIN(r, 0);
}

/* ---- one file */

static struct segment *document_of(struct index *x, uint64_t ino, uint32_t *ret_doc)
{
	LOCKED(&x->table_lock);
	const struct ino_entry *e = ino_map_find(&x->places, ino);

	*ret_doc = e ? e->number : 0;
	return e ? e->value : NULL;
}

static int is_waiting(struct listing *l, uint64_t ino)
{
	int r = list_waiting(l);

	return r < 0 ? r : ino_set_has(&l->waits, ino);
}

static int lists(struct listing *l, uint64_t ino)
{
	struct hit h = { .ino = ino };
	int r;

	h.segment = document_of(l->s.x, ino, &h.doc);
	if (h.segment)
		return passes(l, &h);
	r = is_waiting(l, ino);
	return r > 0 ? passes(l, &h) : r;
}

int index_lists(struct index *x, const struct index_files *what, uint64_t ino)
{
	_cleanup_(listing_done) struct listing l;
	int r = listing_init(&l, x, what);

	if (r <= 0)
		return r;
	(void) pthread_rwlock_rdlock(&x->segments_lock);
	r = lists(&l, ino);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return r;
}
