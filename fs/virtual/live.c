/* SPDX-License-Identifier: MIT */
#include "fs/virtual/live.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/saved.h"
#include "fs/virtual/live_impl.h"

/* A search that was just made is being told what to ask. */
#define SETTLE_MS 100
/* After a change, so often it is asked whether there is another, or whether the index knows it now. */
#define QUICK_MS 10
#define QUICK_ROUNDS 5u
/* What nobody asked for (files that move, or are deleted by age) is looked for so often. */
#define IDLE_MS 1000

/* ---- all searches */

static int look_below(struct live *l, uint64_t above, const char *prefix, unsigned depth, unsigned *searches);

/* Those of somebody else, as that one sees files. */
static int look_at_user(struct live *l, const struct label *root, unsigned *searches)
{
	struct caller as;
	int r = users_get(l->fs->virtual->users, root->uid, &as);

	++*searches;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	l->as = &as;
	r = look_below(l, root->id, "", 0, searches);
	l->as = NULL;
	caller_done(&as);
	return r;
}

/* One that cannot be asked (a setting that makes no sense any more) is as it was. */
static int look_at_label(struct live *l, uint64_t id, const char *prefix, unsigned depth, unsigned *searches)
{
	_cleanup_label_ struct label label = { 0 };
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct look k = { .live = l, .fs = l->fs, .id = id, .depth = depth };
	int r = label_get(l->fs->config.catalog, id, &label);

	if (r >= 0 && saved_is_root(&label))
		return look_at_user(l, &label, searches);
	if (r >= 0)
		r = buf_add_str(&name, prefix);
	if (r >= 0)
		r = buf_add(&name, label.name.data, label.name.len);
	if (r < 0 || !buf_cstr(&name))
		return r == -ENOENT ? 0 : r < 0 ? r : -ENOMEM;
	k.name = buf_cstr(&name);
	r = live_look_at(&k);
	live_look_done(&k);
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

void live_met(struct live *l, const struct caller *who)
{
	if (!l || who->all || !users_note(l->fs->virtual->users, who))
		return;
	atomic_store(&l->met, true);
	live_notice(l);
}

static bool has_changed(struct live *l)
{
	struct moment now = moment_now(l->fs);
	bool changed = atomic_exchange(&l->met, false) || !moment_is_same(&now, &l->moment);

	l->moment = now;
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
	l->moment.lsn = UINT64_MAX;
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
