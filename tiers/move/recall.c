/* SPDX-License-Identifier: MIT */
#include "tiers/move/recall.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "tiers/file_impl.h"
#include "tiers/move/move_rate.h"
#include "tiers/move/promote.h"
#include "tiers/move/recall_walk.h"
#include "tiers/move/relief.h"

/* Of one recall. Each holds a request of up to 8 MiB in memory. */
#define HANDS 4u
/* Small files of a pack that one thread takes together. */
#define GROUP_BYTES (4u << 20)
#define GROUP_FILES 256u
#define GROUP_EXTENTS 512u
#define OVER_STEP_US 1000u

struct recall {
	struct recalls *owner;       /* borrowed */
	uint64_t id, ino, begun_ms, rate;
	struct capacity_config capacity;
	struct recall_list list;     /* owned; constant when it is no longer looking */
	pthread_t thread;
	atomic_bool stop;            /* seen by all its threads */
	_Atomic uint64_t bytes_done, files_done, failed, changed;

	pthread_mutex_t lock;        /* rank 60: guards all below */
	size_t next;                 /* in the list */
	bool looking, over;
	int error;
	uint64_t missing, took_ms;
};

struct recalls {
	struct files *files;         /* borrowed */
	pthread_mutex_t lock;        /* rank 55: guards all below */
	struct capacity_config capacity;
	uint64_t rate, last_id;
	bool ending;
	struct recall *list[RECALLS_TOLD]; /* owned */
};

/* ---- how one ends */

static bool is_over(struct recall *rc)
{
	LOCKED(&rc->lock);

	return rc->over;
}

/* The first reason counts. */
static void fail(struct recall *rc, int error, uint64_t missing)
{
	LOCKED(&rc->lock);

	if (!rc->error) {
		rc->error = error;
		rc->missing = missing;
	}
	atomic_store(&rc->stop, true);
}

static uint64_t left_bytes(struct recall *rc)
{
	uint64_t done = atomic_load(&rc->bytes_done);

	return rc->list.bytes - MIN(rc->list.bytes, done);
}

/* ---- room */

/* Bytes that the disk takes before it is so full that files go away again. */
static uint64_t room(const struct recall *rc)
{
	struct files *f = rc->owner->files;
	struct capacity_disk disk;
	struct files_stats stats;
	uint64_t to_mark;

	files_get_stats(f, &stats);
	relief_get_disk(f, &disk);
	to_mark = capacity_room(&rc->capacity, &disk);
	return MIN(to_mark, stats.free_bytes);
}

/* What others that are under way are still going to bring. */
static uint64_t promised(struct recall *rc)
{
	struct recalls *rs = rc->owner;
	uint64_t sum = 0;
	LOCKED(&rs->lock);

	for (unsigned k = 0; k < RECALLS_TOLD; k++) {
		struct recall *other = rs->list[k];

		if (!other || other == rc)
			continue;
		(void) pthread_mutex_lock(&other->lock);
		if (!other->over && !other->looking)
			sum += left_bytes(other);
		(void) pthread_mutex_unlock(&other->lock);
	}
	return sum;
}

static int check_room(struct recall *rc)
{
	uint64_t wanted = left_bytes(rc) + promised(rc), there = room(rc);

	if (wanted <= there)
		return 0;
	fail(rc, -ENOSPC, wanted - there);
	return -ENOSPC;
}

/* ---- bringing */

/* The next files of one pack, up to a size. 0: there are none. */
static size_t take_group(struct recall *rc, const struct recall_item **ret_items)
{
	LOCKED(&rc->lock);
	const struct recall_item *first = rc->list.items + rc->next;
	size_t left = rc->list.n - rc->next, n = 0;
	uint64_t bytes = 0;

	while (n < left && n < GROUP_FILES && first[n].home == first[0].home && (n == 0 || bytes + first[n].packed <= GROUP_BYTES))
		bytes += first[n++].packed;
	rc->next += n;
	*ret_items = first;
	return n;
}

DEFINE_CLEANUP(struct extent_walk *, extent_walk_close)

static int list_extents(struct files *f, uint64_t ino, struct extent *extents, size_t *n)
{
	_cleanup_(extent_walk_closep) struct extent_walk *walk = NULL;
	int r = extent_walk_open(f->catalog, ino, 0, &walk);

	while (r >= 0 && *n < GROUP_EXTENTS && (r = extent_walk_next(walk, &extents[*n])) > 0)
		*n += extents[*n].kind == EXTENT_PACK;
	return MIN(r, 0);
}

/* What all of them need in as few requests as possible; what is missing then is fetched by file. */
static int bring_group(struct recall *rc, const struct recall_item *items, size_t n)
{
	_cleanup_free_ struct extent *extents = NULL;
	struct files *f = rc->owner->files;
	size_t n_extents = 0;
	int r = 0;

	if (n < 2)
		return 0;
	extents = malloc(GROUP_EXTENTS * sizeof(*extents));
	if (!extents)
		return -ENOMEM;
	for (size_t k = 0; r >= 0 && k < n; k++)
		r = list_extents(f, items[k].ino, extents, &n_extents);
	/* A damaged list is told by the file that it is of. */
	return r < 0 && r != -ENOMEM ? 0 : packs_bring(f->packs, extents, n_extents, &rc->stop);
}

/* Is it the bucket that fails, so that the other files fare no better? */
static bool bucket_is_away(struct files *f)
{
	struct bucket *b = packs_get_bucket(f->packs);
	struct bucket_stats stats;

	if (!b)
		return true;
	bucket_get_stats(b, &stats);
	return stats.last.fault != BUCKET_FINE && stats.last.fault != BUCKET_ABSENT;
}

static void note_result(struct recall *rc, int r)
{
	if (r >= 0)
		atomic_fetch_add(&rc->files_done, 1);
	else if (r == -ESTALE)
		atomic_fetch_add(&rc->changed, 1);
	else if (r == -ENOSPC)
		fail(rc, r, left_bytes(rc) - MIN(left_bytes(rc), room(rc)));
	else if (r == -EINTR)
		fail(rc, -ECANCELED, 0);
	else if (r != -EIO || bucket_is_away(rc->owner->files))
		fail(rc, r, 0);
	else
		atomic_fetch_add(&rc->failed, 1);
}

static void promote_group(struct recall *rc, const struct recall_item *items, size_t n, struct move_rate *rate)
{
	for (size_t k = 0; k < n && !atomic_load(&rc->stop); k++) {
		uint64_t bytes;

		note_result(rc, file_promote(rc->owner->files, items[k].ino, rate, &bytes));
	}
}

static void *bring(void *context)
{
	struct recall *rc = context;
	struct move_rate rate = { .bytes_s = rc->rate ? MAX(rc->rate / HANDS, (uint64_t)1) : 0, .interrupted = &rc->stop,
				  .moved = &rc->bytes_done };
	const struct recall_item *items;
	size_t n;

	while (!atomic_load(&rc->stop) && (n = take_group(rc, &items)) > 0) {
		int r;

		if (!recall_is_wanted(rc->owner->files->catalog, rc->ino)) {
			fail(rc, -ECANCELED, 0);
			break;
		}
		if (check_room(rc) < 0)
			break;
		r = bring_group(rc, items, n);
		/* Without the cache's help each file fetches its own, and says what is wrong. */
		if (r == -ENOMEM || r == -EINTR || (r == -EIO && bucket_is_away(rc->owner->files)))
			note_result(rc, r);
		else
			promote_group(rc, items, n, &rate);
	}
	return NULL;
}

static void bring_all(struct recall *rc)
{
	pthread_t hands[HANDS - 1];
	unsigned n = 0;

	while (n < HANDS - 1 && n + 1 < rc->list.n && thread_start(&hands[n], "brainy-recalls", bring, rc) >= 0)
		n++;
	(void) bring(rc);
	while (n > 0)
		(void) pthread_join(hands[--n], NULL);
}

static int look(struct recall *rc)
{
	struct recall_list list = { 0 };
	int r = recall_walk(rc->owner->files->catalog, rc->ino, &rc->stop, &list);
	LOCKED(&rc->lock);

	rc->list = list;
	rc->looking = false;
	return r;
}

static void *run(void *context)
{
	struct recall *rc = context;
	int r = look(rc);

	if (r < 0)
		fail(rc, r, 0);
	else if (check_room(rc) >= 0)
		bring_all(rc);
	LOCKED(&rc->lock);
	if (!rc->error && atomic_load(&rc->stop))
		rc->error = -ECANCELED;
	rc->took_ms = clock_mono_ms() - rc->begun_ms;
	rc->over = true;
	return NULL;
}

/* ---- all of them */

static void recall_free(struct recall *rc)
{
	if (!rc)
		return;
	(void) pthread_join(rc->thread, NULL);
	(void) pthread_mutex_destroy(&rc->lock);
	free(rc->list.items);
	free(rc);
}

int recalls_new(struct files *f, struct recalls **ret_rs)
{
	struct recalls *rs = calloc(1, sizeof(*rs));

	if (!rs)
		return -ENOMEM;
	rs->files = f;
	(void) pthread_mutex_init(&rs->lock, NULL);
	*ret_rs = rs;
	return 0;
}

void recalls_set(struct recalls *rs, const struct capacity_config *capacity, uint64_t rate)
{
	LOCKED(&rs->lock);

	rs->capacity = *capacity;
	rs->rate = rate;
}

void recalls_interrupt(struct recalls *rs)
{
	if (!rs)
		return;
	LOCKED(&rs->lock);
	rs->ending = true;
	for (unsigned k = 0; k < RECALLS_TOLD; k++)
		if (rs->list[k])
			atomic_store(&rs->list[k]->stop, true);
}

static void wait_until_over(struct recall *rc)
{
	while (!is_over(rc))
		(void) usleep(OVER_STEP_US);
}

/* All are over when the first is taken out, so that none is looked at that is freed. */
static struct recall *take_out(struct recalls *rs, unsigned k)
{
	struct recall *rc = rs->list[k];

	for (unsigned other = k; other < RECALLS_TOLD; other++)
		if (rs->list[other])
			wait_until_over(rs->list[other]);
	rs->list[k] = NULL;
	return rc;
}

struct recalls *recalls_free(struct recalls *rs)
{
	if (!rs)
		return NULL;
	recalls_interrupt(rs);
	/* Nobody begins one any more. Those that run look at the others under the lock. */
	for (unsigned k = 0; k < RECALLS_TOLD; k++)
		recall_free(take_out(rs, k));
	(void) pthread_mutex_destroy(&rs->lock);
	free(rs);
	return NULL;
}

/* A free place, or that of the one that ended longest ago; NULL: as many as may be are under way. Called with the lock. */
static struct recall **make_place(struct recalls *rs)
{
	struct recall **oldest = NULL, **free_place = NULL;
	unsigned running = 0;

	for (unsigned k = 0; k < RECALLS_TOLD; k++) {
		struct recall **at = &rs->list[k];

		if (!*at)
			free_place = at;
		else if (!is_over(*at))
			running++;
		else if (!oldest || (*at)->id < (*oldest)->id)
			oldest = at;
	}
	if (running == RECALLS_MAX)
		return NULL;
	return free_place ? free_place : oldest;
}

static struct recall *recall_new(struct recalls *rs, uint64_t ino)
{
	struct recall *rc = calloc(1, sizeof(*rc));

	if (!rc)
		return NULL;
	rc->owner = rs;
	rc->id = ++rs->last_id;
	rc->ino = ino;
	rc->begun_ms = clock_mono_ms();
	rc->capacity = rs->capacity;
	rc->rate = rs->rate;
	rc->looking = true;
	(void) pthread_mutex_init(&rc->lock, NULL);
	return rc;
}

int recall_begin(struct recalls *rs, uint64_t ino, uint64_t *ret_id)
{
	struct recall **at, *rc;
	int r;
	LOCKED(&rs->lock);

	if (rs->ending)
		return -ECANCELED;
	at = make_place(rs);
	if (!at)
		return -EBUSY;
	rc = recall_new(rs, ino);
	if (!rc)
		return -ENOMEM;
	r = thread_start(&rc->thread, "brainy-recalls", run, rc);
	if (r < 0) {
		free(rc);
		return r;
	}
	/* It is over, and its thread takes no lock any more. */
	recall_free(*at);
	*at = rc;
	*ret_id = rc->id;
	return 0;
}

static void describe(struct recall *rc, struct recall_status *ret)
{
	LOCKED(&rc->lock);

	*ret = (struct recall_status){
		.id = rc->id, .ino = rc->ino, .looking = rc->looking, .over = rc->over, .error = rc->error, .missing = rc->missing,
		.files = rc->list.n, .files_done = atomic_load(&rc->files_done), .bytes = rc->list.bytes,
		.bytes_done = MIN(atomic_load(&rc->bytes_done), rc->list.bytes), .failed = atomic_load(&rc->failed),
		.changed = atomic_load(&rc->changed),
		.elapsed_ms = rc->over ? rc->took_ms : clock_mono_ms() - rc->begun_ms,
	};
	ret->has_left = ret->bytes_done > 0 || rc->over;
	if (ret->bytes_done > 0 && !rc->over)
		ret->left_ms = (uint64_t)((double)ret->elapsed_ms * (double)(ret->bytes - ret->bytes_done) /
					  (double)ret->bytes_done);
}

int recall_get(struct recalls *rs, uint64_t id, struct recall_status *ret)
{
	LOCKED(&rs->lock);

	for (unsigned k = 0; k < RECALLS_TOLD; k++) {
		if (!rs->list[k] || rs->list[k]->id != id)
			continue;
		describe(rs->list[k], ret);
		return 0;
	}
	return -ENOENT;
}

void recall_stop(struct recalls *rs, uint64_t ino)
{
	LOCKED(&rs->lock);

	for (unsigned k = 0; k < RECALLS_TOLD; k++)
		if (rs->list[k] && rs->list[k]->ino == ino && !is_over(rs->list[k]))
			fail(rs->list[k], -ECANCELED, 0);
}

unsigned recalls_list(struct recalls *rs, struct recall_status ret[RECALLS_MAX])
{
	unsigned n = 0;
	LOCKED(&rs->lock);

	for (unsigned k = 0; k < RECALLS_TOLD && n < RECALLS_MAX; k++) {
		if (!rs->list[k])
			continue;
		describe(rs->list[k], &ret[n]);
		n += !ret[n].over;
	}
	return n;
}
