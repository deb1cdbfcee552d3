/* SPDX-License-Identifier: MIT */
/* A decision about a file depends on the file, and on the folders that were looked at for it, which are all in
 * `folders`. So news of a file forgets that file, and news of a folder in `folders` forgets everything but classes,
 * which depend on nothing that changes.
 *
 * News is written down by number, in a ring. A viewer reads what is new to it before it decides anything: a
 * change that is committed while it decides has a higher number, and is met the next time. Who has missed too
 * much forgets everything. */
#include "index/viewers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/tree.h"
#include "index/ino_map.h"

#define VIEWERS_MAX 16u
#define NEWS_MAX 4096u
#define DEPTH_MAX 4096u
/* Files of a page; their numbers are dense. */
#define PAGE_BITS 12
#define PAGE_FILES (1u << PAGE_BITS)
#define CLASSES_MAX 4096u
#define CHANGES (EVENT_NAME | EVENT_XATTR | EVENT_ATTR | EVENT_GONE | EVENT_BELOW)

struct page {
	uint64_t known[PAGE_FILES / 64], seen[PAGE_FILES / 64];
};

struct class {
	uint32_t uid, gid, mode;
};

struct viewer {
	struct viewers *all;       /* borrowed */
	struct viewer *older;      /* guarded by all->lock, as `users` */
	unsigned users;
	struct identity who;       /* owned */
	pthread_mutex_t lock;      /* rank 15: the catalog is read under it; guards all below */
	uint64_t read;             /* news so far */
	atomic_size_t bytes;       /* of what it holds; read without the lock */
	struct ino_map pages;      /* inode >> PAGE_BITS, plus one -> struct page, owned */
	struct ino_map folders;    /* number 1: it may search this and all above */
	uint64_t folder;           /* the one asked for last, 0: none */
	int enters_folder;
	uint8_t classes[CLASSES_MAX]; /* 0: not asked yet, 1: it may not read files of the class, 2: it may */
};

struct viewers {
	struct catalog *catalog;   /* borrowed */
	atomic_uint n;             /* viewers; without any, no news is written */
	pthread_mutex_t lock;      /* rank 60 */
	struct viewer *newest;     /* owned; guarded by lock, as all below */
	uint64_t written;          /* news so far */
	uint64_t news[NEWS_MAX];   /* inodes */

	pthread_mutex_t classes_lock; /* rank 60; guards all below */
	uint32_t n_classes;           /* the first is none */
	struct class classes[CLASSES_MAX];
	uint16_t places[2 * CLASSES_MAX]; /* by hash; 0: empty */
};

int viewers_new(struct catalog *c, struct viewers **ret_v)
{
	struct viewers *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->catalog = c;
	(void) pthread_mutex_init(&v->lock, NULL);
	(void) pthread_mutex_init(&v->classes_lock, NULL);
	v->n_classes = 1;
	*ret_v = v;
	return 0;
}

static void forget_all(struct viewer *w)
{
	for (size_t i = 0; w->pages.places && i <= w->pages.mask; i++)
		free(w->pages.places[i].value);
	ino_map_done(&w->pages);
	ino_map_done(&w->folders);
	w->folder = 0;
	atomic_store(&w->bytes, 0);
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
	(void) pthread_mutex_destroy(&v->classes_lock);
	free(v);
	return NULL;
}

/* Pages of viewers at work are counted as they are at the moment. */
size_t viewers_memory(struct viewers *v)
{
	LOCKED(&v->lock);
	size_t bytes = sizeof(*v);

	for (const struct viewer *w = v->newest; w; w = w->older)
		bytes += sizeof(*w) + atomic_load(&w->bytes);
	return bytes;
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

static void count_memory(struct viewer *w)
{
	atomic_store(&w->bytes, w->pages.n * sizeof(struct page) + ino_map_bytes(&w->pages) + ino_map_bytes(&w->folders));
}

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
	if (ino_map_set(&w->folders, dir, NULL, (uint32_t)r) < 0)
		return -ENOMEM;
	count_memory(w);
	return r;
}

int viewer_enters(struct viewer *w, uint64_t dir)
{
	return enters(w, dir, 0);
}

/* ---- classes */

static uint16_t *class_place(struct viewers *v, const struct class *c)
{
	uint64_t at = hash_mix64(hash_mix64((uint64_t)c->uid << 32 | c->gid) + c->mode);

	for (;; at++) {
		uint16_t *place = &v->places[at % ARRAY_SIZE(v->places)];

		if (!*place || memcmp(&v->classes[*place], c, sizeof(*c)) == 0)
			return place;
	}
}

uint32_t viewers_class(struct viewers *v, const struct inode *i)
{
	struct class c = { .uid = i->uid, .gid = i->gid, .mode = i->mode & 0444 };
	uint16_t *place;

	if (i->nlink != 1 || !i->parent || i->sets[SET_XATTRS].count > 0)
		return 0;
	LOCKED(&v->classes_lock);
	place = class_place(v, &c);
	if (!*place && v->n_classes < CLASSES_MAX) {
		v->classes[v->n_classes] = c;
		*place = (uint16_t)v->n_classes++;
	}
	return *place;
}

static struct class class_of(struct viewers *v, uint32_t class)
{
	LOCKED(&v->classes_lock);

	return v->classes[class];
}

static bool may_read_class(struct viewer *w, uint32_t class)
{
	struct class c;
	struct inode i;

	if (w->classes[class])
		return w->classes[class] > 1;
	c = class_of(w->all, class);
	i = (struct inode){ .uid = c.uid, .gid = c.gid, .mode = S_IFREG | c.mode };
	w->classes[class] = access_permits(w->all->catalog, &w->who, &i, ACCESS_READ) > 0 ? 2 : 1;
	return w->classes[class] > 1;
}

int viewer_sees_class(struct viewer *w, uint32_t class, uint64_t parent)
{
	if (!may_read_class(w, class))
		return 0;
	if (w->folder != parent) { /* neighbours mostly are in one folder */
		int r = enters(w, parent, 0);

		if (r < 0)
			return r;
		w->enters_folder = r;
		w->folder = parent;
	}
	return w->enters_folder;
}

/* ---- files */

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
	count_memory(w);
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
