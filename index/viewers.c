/* SPDX-License-Identifier: MIT */
/* A decision about a file depends on the file, and on the folders that were looked at for it, which are all in
 * `folders`. So news of a file forgets that file, and news of a folder in `folders` forgets everything.
 *
 * News is written down by number, in a ring. A viewer reads what is new to it before it decides anything: a
 * change that is committed while it decides has a higher number, and is met the next time. Who has missed too
 * much forgets everything. */
#include "index/viewers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "index/ino_map.h"

#define VIEWERS_MAX 16u
#define NEWS_MAX 4096u
#define DEPTH_MAX 4096u
/* Files of a page; their numbers are dense. */
#define PAGE_BITS 12
#define PAGE_FILES (1u << PAGE_BITS)
#define CHANGES (EVENT_NAME | EVENT_XATTR | EVENT_ATTR | EVENT_GONE | EVENT_BELOW)

struct page {
	uint64_t known[PAGE_FILES / 64], seen[PAGE_FILES / 64];
};

struct viewer {
	struct viewers *all;       /* borrowed */
	struct viewer *older;      /* guarded by all->lock, as `users` */
	unsigned users;
	struct identity who;       /* owned */
	pthread_mutex_t lock;      /* rank 15: the catalog is read under it; guards all below */
	uint64_t read;             /* news so far */
	struct ino_map pages;      /* inode >> PAGE_BITS, plus one -> struct page, owned */
	struct ino_map folders;    /* number 1: it may search this and all above */
};

struct viewers {
	struct catalog *catalog;   /* borrowed */
	atomic_uint n;             /* viewers; without any, no news is written */
	pthread_mutex_t lock;      /* rank 60 */
	struct viewer *newest;     /* owned; guarded by lock, as all below */
	uint64_t written;          /* news so far */
	uint64_t news[NEWS_MAX];   /* inodes */
};

int viewers_new(struct catalog *c, struct viewers **ret_v)
{
	struct viewers *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->catalog = c;
	(void) pthread_mutex_init(&v->lock, NULL);
	*ret_v = v;
	return 0;
}

static void forget_all(struct viewer *w)
{
	for (size_t i = 0; w->pages.places && i <= w->pages.mask; i++)
		free(w->pages.places[i].value);
	ino_map_done(&w->pages);
	ino_map_done(&w->folders);
}

static void viewer_free(struct viewer *w)
{
	forget_all(w);
	identity_done(&w->who);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
}

struct viewers *viewers_free(struct viewers *v)
{
	if (!v)
		return NULL;
	while (v->newest) {
		struct viewer *w = v->newest;

		v->newest = w->older;
		viewer_free(w);
	}
	(void) pthread_mutex_destroy(&v->lock);
	free(v);
	return NULL;
}

/* ---- news */

void viewers_note(struct viewers *v, const struct catalog_event *events, size_t n)
{
	if (atomic_load(&v->n) == 0)
		return;
	LOCKED(&v->lock);
	for (size_t i = 0; i < n; i++)
		if (events[i].what & CHANGES)
			v->news[v->written++ % NEWS_MAX] = events[i].ino;
}

static struct page *page_of(const struct viewer *w, uint64_t ino)
{
	struct ino_entry *e = ino_map_find(&w->pages, (ino >> PAGE_BITS) + 1);

	return e ? e->value : NULL;
}

static void forget_file(struct viewer *w, uint64_t ino)
{
	struct page *p = page_of(w, ino);
	unsigned at = ino % PAGE_FILES;

	if (p)
		p->known[at / 64] &= ~(1ull << at % 64);
}

/* Call with the viewer's lock. */
static void read_news(struct viewer *w)
{
	struct viewers *v = w->all;
	LOCKED(&v->lock);

	if (v->written - w->read > NEWS_MAX)
		forget_all(w);
	else
		for (; w->read < v->written; w->read++) {
			uint64_t ino = v->news[w->read % NEWS_MAX];

			if (ino_map_find(&w->folders, ino))
				forget_all(w);
			else
				forget_file(w, ino);
		}
	w->read = v->written;
}

/* ---- identities, the one used last first */

static struct viewer *take_known(struct viewers *v, const struct identity *who)
{
	struct viewer **at = &v->newest, *w;

	while (*at && !identity_is_same(&(*at)->who, who))
		at = &(*at)->older;
	w = *at;
	if (w)
		*at = w->older;
	return w;
}

static struct viewer *viewer_new(struct viewers *v, const struct identity *who)
{
	struct viewer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (identity_init(&w->who, who->uid, who->groups, who->n_groups) < 0) {
		free(w);
		return NULL;
	}
	w->all = v;
	w->read = v->written;
	(void) pthread_mutex_init(&w->lock, NULL);
	atomic_fetch_add(&v->n, 1);
	return w;
}

static void drop_oldest(struct viewers *v)
{
	struct viewer **at = NULL, *w;

	for (struct viewer **p = &v->newest; *p; p = &(*p)->older)
		if ((*p)->users == 0)
			at = p;
	if (!at)
		return;
	w = *at;
	*at = w->older;
	viewer_free(w);
	atomic_fetch_sub(&v->n, 1);
}

static struct viewer *take(struct viewers *v, const struct identity *who)
{
	LOCKED(&v->lock);
	struct viewer *w = take_known(v, who);

	if (!w && atomic_load(&v->n) >= VIEWERS_MAX)
		drop_oldest(v);
	if (!w)
		w = viewer_new(v, who);
	if (!w)
		return NULL;
	w->older = v->newest;
	v->newest = w;
	w->users++;
	return w;
}

int viewers_get(struct viewers *v, const struct identity *who, struct viewer **ret_w)
{
	struct viewer *w = take(v, who);

	if (!w)
		return -ENOMEM;
	(void) pthread_mutex_lock(&w->lock);
	read_news(w);
	*ret_w = w;
	return 0;
}

static void let_go(struct viewer *w)
{
	LOCKED(&w->all->lock);

	w->users--;
}

struct viewer *viewer_put(struct viewer *w)
{
	if (!w)
		return NULL;
	(void) pthread_mutex_unlock(&w->lock);
	let_go(w);
	return NULL;
}

/* ---- decisions */

static int enters(struct viewer *w, uint64_t dir, unsigned depth)
{
	struct ino_entry *e = ino_map_find(&w->folders, dir);
	struct inode i;
	int r;

	if (e || depth > DEPTH_MAX)
		return e ? (int)e->number : 0;
	r = inode_get(w->all->catalog, dir, &i);
	if (r >= 0)
		r = S_ISDIR(i.mode) ? access_permits(w->all->catalog, &w->who, &i, ACCESS_SEARCH) : 0;
	if (r > 0 && dir != ROOT_INO)
		r = i.parent ? enters(w, i.parent, depth + 1) : 0;
	if (r == -ENOMEM)
		return r;
	r = r > 0;
	return ino_map_set(&w->folders, dir, NULL, (uint32_t)r) < 0 ? -ENOMEM : r;
}

int viewer_enters(struct viewer *w, uint64_t dir)
{
	return enters(w, dir, 0);
}

static int decide(struct viewer *w, uint64_t ino)
{
	struct catalog *c = w->all->catalog;
	struct inode i;
	int r = inode_get(c, ino, &i);

	if (r >= 0)
		r = i.nlink && i.parent ? access_permits(c, &w->who, &i, ACCESS_READ) : 0;
	for (unsigned nth = 0; r > 0 && nth < i.nlink; nth++) {
		uint64_t dir;

		r = access_directory_of(c, &i, nth, &dir);
		if (r >= 0)
			r = enters(w, dir, 0);
	}
	return r == -ENOMEM ? r : r > 0;
}

static int page_make(struct viewer *w, uint64_t ino, struct page **ret_p)
{
	struct page *p = calloc(1, sizeof(*p));

	if (!p || ino_map_set(&w->pages, (ino >> PAGE_BITS) + 1, p, 0) < 0) {
		free(p);
		return -ENOMEM;
	}
	*ret_p = p;
	return 0;
}

int viewer_sees(struct viewer *w, uint64_t ino)
{
	struct page *p = page_of(w, ino);
	unsigned at = ino % PAGE_FILES;
	uint64_t bit = 1ull << at % 64;
	int r;

	if (p && p->known[at / 64] & bit)
		return (p->seen[at / 64] & bit) != 0;
	r = p ? 0 : page_make(w, ino, &p);
	if (r >= 0)
		r = decide(w, ino);
	if (r < 0)
		return r;
	p->known[at / 64] |= bit;
	p->seen[at / 64] = (p->seen[at / 64] & ~bit) | (r > 0 ? bit : 0);
	return r;
}
