/* SPDX-License-Identifier: MIT */
#include "fs/virtual/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/journal.h"
#include "catalog/saved.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/view_kinds.h"
#include "fs/virtual/view_names.h"

/* A search that was just made is being told what to ask. */
#define SETTLE_MS 100
/* Of .find/saved/NAME, as views count it. */
#define SAVED_DEPTH 2u
/* After a change, so often it is asked whether there is another, or whether the index knows it now. */
#define QUICK_MS 10
#define QUICK_ROUNDS 5u
/* What nobody asked for (files that move, or are deleted by age) is looked for so often. */
#define IDLE_MS 1000

/* What a search showed when it was last looked at: names of what has gone since. */
struct shown {
	uint64_t id;
	const struct results *results; /* owned */
};

struct live {
	struct fs *fs;          /* borrowed */
	struct shown *shown;    /* owned; the thread's, as the next two */
	size_t n_shown;
	struct buf names;       /* u8 came, name, NUL: what is to be announced once it is committed */
	pthread_mutex_t lock;   /* rank 60 */
	pthread_cond_t wake;
	bool stop, asked;       /* guarded by lock */
	atomic_bool poked;      /* a request has changed something */
	atomic_bool sleeps;     /* until it is poked */
	pthread_t thread;
	uint64_t lsn, pending;  /* when it looked last; the thread's, as the next */
	unsigned rounds;        /* quick ones that are left */
};

/* ---- one search */

struct look {
	struct live *live;
	struct fs *fs;
	uint64_t id;
	const char *name;
	unsigned depth;                 /* 0: of those that lie below no other */
	struct buf before;              /* uint64_t: inodes, ascending */
	const struct results *results;
	struct buf now;                 /* the same of what it finds, in the order of ranks */
};

static int load_before(struct look *k)
{
	struct key prefix = saved_members(k->id);
	_cleanup_(packed_walk_done) struct packed_walk w = packed_walk_over(k->fs->config.catalog, &prefix);
	struct packed_member m;
	int r;

	while ((r = packed_walk_next(&w, &m)) > 0) {
		r = buf_add(&k->before, &m.a, sizeof(m.a));
		if (r < 0)
			break;
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool has(const struct buf *inos, uint64_t ino)
{
	return inos->len && bsearch(&ino, inos->data, inos->len / sizeof(ino), sizeof(ino), compare);
}

/* Of a file that is gone there is no path any more. */
static json_t *path_of(struct look *k, uint64_t ino)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (tree_path(k->fs->config.catalog, ino, ROOT_INO, 0, &path) < 0)
		return json_null();
	return json_text(path.data, path.len);
}

static int add_event(struct look *k, struct batch *b, uint64_t ino, bool enters)
{
	_cleanup_json_ json_t *o = NULL;
	_cleanup_buf_ struct buf line = BUF_INIT;
	uint64_t number;
	int r = journal_next(b, JOURNAL_EVENTS, &number);

	if (r < 0)
		return r;
	o = json_pack("{s:I, s:I, s:s, s:o, s:I, s:o}", "seq", (json_int_t)number, "time_ms", (json_int_t)(clock_real_ns() / 1000000), "event",
		      enters ? "enter" : "leave", "search", json_text(k->name, strlen(k->name)), "inode", (json_int_t)ino,
		      "path", path_of(k, ino));
	r = o ? json_add_to(&line, o) : -ENOMEM;
	if (r >= 0)
		r = buf_add_u8(&line, '\n');
	return r < 0 ? r : journal_add(b, JOURNAL_EVENTS, line.data, line.len);
}

static const char *name_in(const struct results *r, uint64_t ino)
{
	for (size_t n = 0; r && n < r->n; n++)
		if (r->items[n].ino == ino && *r->items[n].name)
			return r->items[n].name;
	return NULL;
}

static struct shown *shown_of(struct live *l, uint64_t id)
{
	for (size_t n = 0; n < l->n_shown; n++)
		if (l->shown[n].id == id)
			return &l->shown[n];
	return NULL;
}

/* What another server has shown is called as it is now, if it is still there. */
static int add_name(struct look *k, uint64_t ino, bool enters, struct buf *path)
{
	const struct shown *before = shown_of(k->live, k->id);
	const char *name = name_in(enters ? k->results : before ? before->results : NULL, ino);
	struct inode i;
	int r;

	if (name)
		return buf_add_str(path, name);
	r = inode_get(k->fs->config.catalog, ino, &i);
	return r < 0 ? r : view_base_name(k->fs->config.catalog, &i, path);
}

static int add_announcement(struct look *k, uint64_t ino, bool enters)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = add_name(k, ino, enters, &name);

	if (r < 0 || !buf_cstr(&name))
		return r == -ENOMEM ? r : 0; /* events are the record; this is what can be had beside them */
	r = buf_add_u8(&k->live->names, enters);
	return r < 0 ? r : buf_add(&k->live->names, name.data, name.len + 1);
}

static int tell(struct look *k, struct batch *b, uint64_t ino, bool enters)
{
	const struct packed_change change = { .a = ino, .clear = 1, .set = enters };
	struct key prefix = saved_members(k->id);
	int r = packed_set_change(b, &prefix, &change, NULL);

	if (r >= 0)
		r = add_event(k, b, ino, enters);
	return r < 0 ? r : add_announcement(k, ino, enters);
}

/* Who left first, then who came, the best first. */
static int tell_all(struct look *k, struct batch *b, const struct buf *sorted)
{
	const uint64_t *before = (const void *)k->before.data, *now = (const void *)k->now.data;
	int r = 0;

	for (size_t n = 0; n < k->before.len / sizeof(*before) && r >= 0; n++)
		if (!has(sorted, before[n]))
			r = tell(k, b, before[n], false);
	for (size_t n = 0; n < k->now.len / sizeof(*now) && r >= 0; n++)
		if (!has(&k->before, now[n]))
			r = tell(k, b, now[n], true);
	return r;
}

static void announce(struct look *k)
{
	const struct view v = { .class = VIEW_SAVED, .id = k->id, .depth = SAVED_DEPTH + k->depth };
	const char *at = (const char *)k->live->names.data, *end = at + k->live->names.len;
	_cleanup_buf_ struct buf folder = BUF_INIT;

	for (; at < end && buf_addf(&folder, ".find/saved/%s", k->name) >= 0; at += strlen(at + 1) + 2) {
		announcing_add(k->fs->virtual->announcing, *at, view_ino(k->fs, &v), (const char *)folder.data, at + 1);
		buf_reset(&folder);
	}
	buf_reset(&k->live->names);
}

static int commit(struct look *k, const struct buf *sorted)
{
	struct batch *b;
	int r = catalog_begin(k->fs->config.catalog, true, &b);

	if (r < 0)
		return r;
	r = tell_all(k, b, sorted);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	return batch_commit(b, NULL);
}

static int collect(struct look *k, struct buf *sorted)
{
	int r = 0;

	for (size_t n = 0; n < k->results->n && r >= 0; n++)
		if (*k->results->items[n].name)
			r = buf_add(&k->now, &k->results->items[n].ino, sizeof(uint64_t));
	if (r >= 0)
		r = buf_add(sorted, k->now.data, k->now.len);
	if (r >= 0 && sorted->len)
		qsort(sorted->data, sorted->len / sizeof(uint64_t), sizeof(uint64_t), compare);
	return r;
}

static int keep_shown(struct look *k)
{
	struct shown *s = shown_of(k->live, k->id), *grown;

	if (!s) {
		grown = reallocarray(k->live->shown, k->live->n_shown + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		k->live->shown = grown;
		s = &grown[k->live->n_shown++];
		*s = (struct shown){ .id = k->id };
	}
	(void) results_put(s->results);
	s->results = steal_ptr(&k->results);
	return 0;
}

static int look_at(struct look *k)
{
	struct looker l = { .fs = k->fs, .caller.all = true };
	const struct view v = { .class = VIEW_SAVED, .id = k->id };
	_cleanup_buf_ struct buf sorted = BUF_INIT;
	int r = load_before(k);

	if (r >= 0)
		r = view_saved_results(&l, &v, false, &k->results);
	if (r >= 0)
		r = collect(k, &sorted);
	if (r >= 0 && (sorted.len != k->before.len || (sorted.len && memcmp(sorted.data, k->before.data, sorted.len) != 0)))
		r = commit(k, &sorted);
	if (r < 0)
		buf_reset(&k->live->names);
	else
		r = keep_shown(k);
	announce(k);
	return r;
}

static void look_done(struct look *k)
{
	buf_done(&k->before);
	buf_done(&k->now);
	(void) results_put(k->results);
}

/* ---- all searches */

static int look_below(struct live *l, uint64_t above, const char *prefix, unsigned depth, unsigned *searches);

/* One that cannot be asked (a setting that makes no sense any more) is as it was. */
static int look_at_label(struct live *l, uint64_t id, const char *prefix, unsigned depth, unsigned *searches)
{
	_cleanup_label_ struct label label = { 0 };
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct look k = { .live = l, .fs = l->fs, .id = id, .depth = depth };
	int r = label_get(l->fs->config.catalog, id, &label);

	if (r >= 0)
		r = buf_add_str(&name, prefix);
	if (r >= 0)
		r = buf_add(&name, label.name.data, label.name.len);
	if (r < 0 || !buf_cstr(&name))
		return r == -ENOENT ? 0 : r < 0 ? r : -ENOMEM;
	k.name = buf_cstr(&name);
	r = look_at(&k);
	look_done(&k);
	++*searches;
	if (r == -ENOMEM || r == -EIO || r == -EROFS)
		return r;
	r = buf_add_u8(&name, '/');
	return r < 0 || !buf_cstr(&name) ? -ENOMEM : look_below(l, id, buf_cstr(&name), depth + 1, searches);
}

static int look_below(struct live *l, uint64_t above, const char *prefix, unsigned depth, unsigned *searches)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(l->fs->config.catalog, above);
	struct packed_member m;
	int r = 0;

	while (depth < LABEL_DEPTH_MAX && (r = packed_walk_next(&w, &m)) > 0) {
		r = look_at_label(l, m.a, prefix, depth, searches);
		if (r < 0)
			break;
	}
	return MIN(r, 0);
}

/* ---- the thread */

static struct timespec after_ms(unsigned ms)
{
	uint64_t ns = clock_mono_ns() + ms * 1000000ull;

	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };
}

static bool is_woken(struct live *l)
{
	return l->stop || l->asked || atomic_load(&l->poked);
}

/* Until something may have changed; without searches, until there is one. False: stop. */
static bool rest(struct live *l, bool follows, bool quick)
{
	struct timespec until = after_ms(quick ? QUICK_MS : IDLE_MS);
	LOCKED(&l->lock);

	atomic_store(&l->sleeps, follows && !quick);
	while (!follows && !l->stop && !l->asked)
		(void) pthread_cond_wait(&l->wake, &l->lock);
	while (!is_woken(l) && pthread_cond_timedwait(&l->wake, &l->lock, &until) != ETIMEDOUT)
		;
	atomic_store(&l->sleeps, false);
	until = after_ms(SETTLE_MS);
	while (l->asked && !l->stop && pthread_cond_timedwait(&l->wake, &l->lock, &until) != ETIMEDOUT)
		;
	l->asked = false;
	/* The request itself may come after its news. */
	if (atomic_exchange(&l->poked, false))
		l->rounds = QUICK_ROUNDS;
	return !l->stop;
}

void live_poke(struct live *l)
{
	if (!l || !atomic_load(&l->sleeps) || atomic_exchange(&l->poked, true))
		return;
	LOCKED(&l->lock);
	(void) pthread_cond_signal(&l->wake);
}

void live_notice(struct live *l)
{
	if (!l)
		return;
	LOCKED(&l->lock);
	l->asked = true;
	(void) pthread_cond_signal(&l->wake);
}

static bool has_changed(struct live *l)
{
	uint64_t lsn = catalog_last_lsn(l->fs->config.catalog), pending = index_pending(l->fs->config.index);
	bool changed = lsn != l->lsn || pending != l->pending;

	l->lsn = lsn;
	l->pending = pending;
	return changed;
}

static void *live_main(void *context)
{
	struct live *l = context;
	bool follows = true;

	while (rest(l, follows, l->rounds > 0)) {
		unsigned searches = 0;

		l->rounds -= l->rounds > 0;
		if (index_is_loading(l->fs->config.index) || !has_changed(l))
			continue;
		l->rounds = QUICK_ROUNDS;
		if (look_below(l, LABEL_ROOT_SAVED, "", 0, &searches) < 0)
			(void) log_warn(-EIO, "saved searches cannot be followed");
		follows = searches > 0;
	}
	for (size_t n = 0; n < l->n_shown; n++)
		(void) results_put(l->shown[n].results);
	free(l->shown);
	buf_done(&l->names);
	request_thread_done();
	return NULL;
}

int live_start(struct fs *fs, struct live **ret_l)
{
	struct live *l = calloc(1, sizeof(*l));
	pthread_condattr_t attr;
	int r;

	if (!l)
		return -ENOMEM;
	l->fs = fs;
	l->lsn = UINT64_MAX;
	(void) pthread_mutex_init(&l->lock, NULL);
	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&l->wake, &attr);
	(void) pthread_condattr_destroy(&attr);
	r = thread_start(&l->thread, "brainy-live", live_main, l);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

static void end(struct live *l)
{
	LOCKED(&l->lock);

	l->stop = true;
	(void) pthread_cond_broadcast(&l->wake);
}

struct live *live_stop(struct live *l)
{
	if (!l)
		return NULL;
	end(l);
	(void) pthread_join(l->thread, NULL);
	(void) pthread_cond_destroy(&l->wake);
	(void) pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}
