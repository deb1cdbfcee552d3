/* SPDX-License-Identifier: MIT */
#include "fs/virtual/live.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/live_impl.h"
#include "fs/virtual/view.h"

/* A search that was just made is being told what to ask. */
#define SETTLE_MS 100
/* After a change, so often it is asked whether there is another, or whether the index knows it now. */
#define QUICK_MS 10u
#define QUICK_ROUNDS 5u
/* After a look it rests so many times as long, but for who waits: that many searches of that many files leave time for others. */
#define REST 4u
/* What nobody asked for (files that move, or are deleted by age) is looked for so often. */
#define IDLE_MS 1000u
/* Nobody waits longer for a look, nor at all when the last one took so long. */
#define AWAIT_MS 1000u
#define SLOW_MS 20u

/* ---- the thread */

static struct timespec after_ms(unsigned ms)
{
	uint64_t ns = clock_mono_ns() + ms * 1000000ull;

	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };
}

static bool is_woken(struct live *l)
{
	return l->stop || l->asked || l->hurried || atomic_load(&l->poked);
}

static unsigned quick_ms(const struct live *l)
{
	unsigned ms = MIN(REST * l->look_ms, IDLE_MS / 2);

	return MAX(ms, QUICK_MS);
}

/* Until something may have changed; without searches, until there is one. False: stop. */
static bool rest(struct live *l, bool follows, bool quick)
{
	struct timespec until = after_ms(quick ? quick_ms(l) : IDLE_MS);
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
	l->asked = l->hurried = false;
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
	bool changed = atomic_exchange(&l->met, false) || !moment_is_same(&now, &l->moment) || recent_has_news(l->recent);

	l->moment = now;
	return changed;
}

/* Returns how many searches there are; of those that could not be read, one. */
static unsigned look(struct live *l)
{
	struct round round = { .live = l };
	uint64_t began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int r, told;

	recent_begin_look(l->recent);
	r = round_look(&round);
	told = round_tell(&round);
	round_done(&round);
	recent_end_look(l->recent);
	l->look_ms = (unsigned)((clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns) / 1000000u);
	l->fs->shared->recent.look_ms = l->look_ms;
	atomic_store(&l->is_slow, l->look_ms > SLOW_MS);
	if (r < 0 || told < 0)
		(void) log_warn(-EIO, "saved searches cannot be followed");
	return round.searches + (r < 0);
}

static void *live_main(void *context)
{
	struct live *l = context;
	bool follows = true;

	while (rest(l, follows, l->rounds > 0)) {
		l->rounds -= l->rounds > 0;
		if (index_is_loading(l->fs->config.index) || !has_changed(l))
			continue;
		l->rounds = QUICK_ROUNDS;
		follows = look(l) > 0;
		recent_follow(l->recent, follows);
	}
	for (size_t n = 0; n < l->n_shown; n++)
		(void) results_put(l->shown[n].results);
	free(l->shown);
	request_thread_done();
	return NULL;
}

/* ---- requests that change what was not looked at yet */

/* In a virtual folder any file may be meant. The announcer changes nothing; and who was in one when a server was killed
 * should not be kept long, for the next one that dies forgets the folder once more, and the kernel asks but twice. */
static bool is_view_change(struct live *l, const struct fuse_in_header *in)
{
	return view_is(in->nodeid) && recent_has_looked(l->recent) &&
	       !announcing_is_by(l->fs->virtual->announcing, (int)in->pid);
}

/* True: *ret_ino and *ret_attribute are as recent_is_unseen() takes them. Whose name is removed is looked up only if there is
 * something to wait for. */
static bool is_about(struct live *l, const struct fuse_in_header *in, uint64_t *ret_ino, const char **ret_attribute)
{
	const char *arguments = (const char *)(in + 1);
	bool longer = l->fs->shared->header.granted & FUSE_SETXATTR_EXT;
	struct inode i;

	*ret_ino = view_is(in->nodeid) ? 0 : in->nodeid;
	*ret_attribute = NULL;
	switch (in->opcode) {
	case FUSE_SETXATTR:
		*ret_attribute = arguments + (longer ? sizeof(struct fuse_setxattr_in) : FUSE_COMPAT_SETXATTR_IN_SIZE);
		return *ret_ino != 0;
	case FUSE_REMOVEXATTR:
		*ret_attribute = arguments;
		return *ret_ino != 0;
	case FUSE_UNLINK:
		if (!*ret_ino)
			return is_view_change(l, in);
		if (!recent_is_unseen(l->recent, 0, NULL) ||
		    tree_lookup(l->fs->config.catalog, *ret_ino, arguments, &i) < 0)
			return false;
		*ret_ino = i.ino;
		return true;
	case FUSE_SYMLINK:
	case FUSE_LINK:
	case FUSE_RENAME:
	case FUSE_RENAME2:
		return is_view_change(l, in);
	default:
		return false;
	}
}

bool live_delays(struct live *l, const struct fuse_in_header *in)
{
	const char *attribute;
	uint64_t ino;

	return l && !atomic_load(&l->is_slow) && recent_is_unseen(l->recent, 0, NULL) && is_about(l, in, &ino, &attribute) &&
	       recent_is_unseen(l->recent, ino, attribute);
}

static void hurry(struct live *l)
{
	LOCKED(&l->lock);

	l->hurried = true;
	(void) pthread_cond_signal(&l->wake);
}

void live_will_change(struct live *l, const struct fuse_in_header *in, bool may_wait)
{
	const char *attribute;
	uint64_t ino;

	if (!l || !recent_is_followed(l->recent) || !is_about(l, in, &ino, &attribute))
		return;
	if (may_wait && !atomic_load(&l->is_slow) && recent_is_unseen(l->recent, ino, attribute)) {
		hurry(l);
		recent_await(l->recent, ino, attribute, AWAIT_MS);
	}
	if (attribute)
		recent_will_change(l->recent, ino, attribute);
}

void live_note(struct live *l, const struct catalog_event *events, size_t n)
{
	if (l)
		recent_note(l->recent, events, n);
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
	atomic_init(&l->is_slow, fs->config.resumed ? fs->shared->recent.look_ms > SLOW_MS
						    : index_is_loading(fs->config.index));
	(void) pthread_mutex_init(&l->lock, NULL);
	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&l->wake, &attr);
	(void) pthread_condattr_destroy(&attr);
	r = recent_new(&fs->shared->recent, &l->recent);
	if (r == 0)
		r = thread_start(&l->thread, "brainy-live", live_main, l);
	if (r < 0) {
		(void) recent_free(l->recent);
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
	(void) recent_free(l->recent);
	free(l);
	return NULL;
}
