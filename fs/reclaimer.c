/* SPDX-License-Identifier: MIT */
#include "fs/reclaimer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/quota.h"

/* After a wake-up it waits for more: a wake-up for each of many unlinks would cost more than they do. */
#define GATHER_US 20000u

/* So many does one help free before it looks whether that was enough. */
#define HELP_INODES 64u

/* How long a replaced file is left to those who looked its name up before. The kernel asks once more when we
 * say that it is gone, but a busy name may be replaced again meanwhile. */
#define LINGER_MS 1000u
#define LINGERING_MAX 1024u
/* Their room is wanted where a disk is full. */
#define LINGERING_BYTES_MAX (64u << 20)

struct numbers {
	uint64_t *inos; /* owned */
	size_t n, cap;
};

struct lingering {
	uint64_t ino, bytes, until_ms;
};

struct reclaimer {
	struct fs *fs;          /* borrowed */
	pthread_mutex_t lock;   /* rank 45: it is asked under it who is open */
	pthread_cond_t wake;
	pthread_cond_t freed;
	struct numbers waiting; /* guarded by lock */
	struct lingering lingering[LINGERING_MAX]; /* guarded by lock; a ring, the first to go first */
	unsigned first, n_lingering;               /* guarded by lock */
	uint64_t lingering_bytes;                  /* guarded by lock */
	size_t busy, done;      /* guarded by lock; inodes being freed now, and those that were */
	bool quotas;            /* guarded by lock; there may be some to walk for */
	bool ending;            /* guarded by lock */
	pthread_t thread;
};

static int numbers_add(struct numbers *l, uint64_t ino)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		uint64_t *more = realloc(l->inos, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->inos = more;
		l->cap = cap;
	}
	l->inos[l->n++] = ino;
	return 0;
}

static bool is_lingering(struct reclaimer *c, uint64_t ino)
{
	for (unsigned k = 0; k < c->n_lingering; k++) {
		if (c->lingering[(c->first + k) % LINGERING_MAX].ino == ino)
			return true;
	}
	return false;
}

/* To be freed now; when it is open, after its last close. Without memory it stays an orphan until the next
 * mount. */
static void ripen_first(struct reclaimer *c)
{
	const struct lingering *l = &c->lingering[c->first];

	if (!handles_is_open(c->fs->handles, l->ino))
		(void) numbers_add(&c->waiting, l->ino);
	c->lingering_bytes -= l->bytes;
	c->first = (c->first + 1) % LINGERING_MAX;
	c->n_lingering--;
}

static void ripen(struct reclaimer *c, uint64_t now_ms)
{
	while (c->n_lingering > 0 && c->lingering[c->first].until_ms <= now_ms)
		ripen_first(c);
}

static int add_orphan(void *context, uint64_t ino)
{
	struct reclaimer *c = context;

	if (!handles_is_open(c->fs->handles, ino))
		reclaimer_add(c, ino);
	return 0;
}

static bool is_ending(struct reclaimer *c)
{
	LOCKED(&c->lock);

	return c->ending;
}

/* Until there is news, or the first that lingers is due. */
static void wait_for_news(struct reclaimer *c)
{
	if (c->n_lingering > 0)
		(void) cond_wait_until(&c->wake, &c->lock, c->lingering[c->first].until_ms);
	else
		(void) pthread_cond_wait(&c->wake, &c->lock);
	ripen(c, clock_mono_ms());
}

/* Waits for work, unless there is a walk under way; false at the end. */
static bool wait_for_work(struct reclaimer *c, bool *walking)
{
	LOCKED(&c->lock);

	ripen(c, clock_mono_ms());
	while (c->waiting.n == 0 && !c->quotas && !*walking && !c->ending)
		wait_for_news(c);
	*walking |= c->quotas;
	c->quotas = false;
	return !c->ending;
}

static bool take(struct reclaimer *c, uint64_t *ret_ino)
{
	LOCKED(&c->lock);

	if (c->waiting.n == 0)
		return false;
	*ret_ino = c->waiting.inos[--c->waiting.n];
	c->busy++;
	return true;
}

static void put(struct reclaimer *c)
{
	LOCKED(&c->lock);

	c->busy--;
	c->done++;
	(void) pthread_cond_broadcast(&c->freed);
}

static void reclaim(struct reclaimer *c, uint64_t ino)
{
	int r = file_reclaim(c->fs->config.files, ino);

	/* -EBUSY: it has been given a name again. */
	if (r < 0 && r != -ENOENT && r != -EBUSY)
		(void) log_warn(r, "freeing inode %llu failed, will retry at the next mount",
				(unsigned long long)ino);
}

static bool reclaim_one(struct reclaimer *c)
{
	uint64_t ino;

	if (!take(c, &ino))
		return false;
	reclaim(c, ino);
	put(c);
	return true;
}

/* False when nothing is left to do. */
static bool walk(struct quota_walk *w)
{
	int r = quota_walk_step(w);

	if (r < 0)
		(void) log_warn(
			r, "counting for a quota failed, will retry when one is set, or at the next mount");
	return r > 0;
}

/* Between two steps of a walk, what waits is freed. */
static void serve(struct reclaimer *c, struct quota_walk *w)
{
	bool walking = !c->fs->config.read_only;

	while (wait_for_work(c, &walking)) {
		while (!is_ending(c) && reclaim_one(c))
			continue;
		if (walking)
			walking = walk(w);
		else
			(void) usleep(GATHER_US);
	}
}

static void *run(void *context)
{
	struct reclaimer *c = context;
	struct quota_walk *w;
	int r = c->fs->config.read_only ? 0 : tree_foreach_orphan(c->fs->config.catalog, add_orphan, c);

	if (r < 0)
		(void) log_warn(r, "finding unlinked files failed, will retry at the next mount");
	r = quota_walk_new(c->fs->config.catalog, &w);
	if (r < 0) {
		(void) log_error(r, "no memory to free files; they will be freed at the next mount");
		return NULL;
	}
	serve(c, w);
	(void) quota_walk_free(w);
	return NULL;
}

int reclaimer_start(struct fs *fs, struct reclaimer **ret_c)
{
	struct reclaimer *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->fs = fs;
	(void) pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->wake);
	(void) pthread_cond_init(&c->freed, NULL);
	r = thread_start(&c->thread, "brainy-reclaim", run, c);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

static void end(struct reclaimer *c)
{
	LOCKED(&c->lock);

	c->ending = true;
	(void) pthread_cond_signal(&c->wake);
}

struct reclaimer *reclaimer_stop(struct reclaimer *c)
{
	if (!c)
		return NULL;
	end(c);
	(void) pthread_join(c->thread, NULL);
	(void) pthread_cond_destroy(&c->wake);
	(void) pthread_cond_destroy(&c->freed);
	(void) pthread_mutex_destroy(&c->lock);
	free(c->waiting.inos);
	free(c);
	return NULL;
}

void reclaimer_add(struct reclaimer *c, uint64_t ino)
{
	LOCKED(&c->lock);

	if (is_lingering(c, ino))
		return;
	/* Without memory it stays an orphan until the next mount. */
	if (numbers_add(&c->waiting, ino) == 0 && c->waiting.n == 1)
		(void) pthread_cond_signal(&c->wake);
}

void reclaimer_add_later(struct reclaimer *c, const struct inode *i)
{
	LOCKED(&c->lock);

	if (c->n_lingering == LINGERING_MAX)
		ripen_first(c);
	c->lingering[(c->first + c->n_lingering++) % LINGERING_MAX] =
		(struct lingering){ i->ino, i->bytes, clock_mono_ms() + LINGER_MS };
	c->lingering_bytes += i->bytes;
	while (c->lingering_bytes > LINGERING_BYTES_MAX)
		ripen_first(c);
	if (c->n_lingering == 1 || c->waiting.n > 0)
		(void) pthread_cond_signal(&c->wake);
}

bool reclaimer_lets_open(struct reclaimer *c, uint64_t ino)
{
	LOCKED(&c->lock);

	return is_lingering(c, ino);
}

/* For one that is being freed. False: none is. */
static bool wait_for_one(struct reclaimer *c)
{
	LOCKED(&c->lock);
	size_t done = c->done;
	bool busy = c->busy > 0;

	while (c->busy > 0 && c->done == done)
		(void) pthread_cond_wait(&c->freed, &c->lock);
	return busy;
}

static void ripen_all(struct reclaimer *c)
{
	LOCKED(&c->lock);

	ripen(c, UINT64_MAX);
}

bool reclaimer_help(struct reclaimer *c)
{
	bool any = false;

	ripen_all(c);
	for (unsigned n = 0; n < HELP_INODES && reclaim_one(c); n++)
		any = true;
	return any || wait_for_one(c);
}

void reclaimer_walk_quotas(struct reclaimer *c)
{
	LOCKED(&c->lock);

	c->quotas = true;
	(void) pthread_cond_signal(&c->wake);
}
