/* SPDX-License-Identifier: MIT */
/* Group commit: whoever finds no sync at work becomes its leader and covers everything appended so far; who
 * comes meanwhile waits, and one of them leads the next. Alone one waits for nobody; under load each sync
 * serves all who gathered during the one before. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "wal/wal_impl.h"

int wal_fail(struct wal *w)
{
	__atomic_store_n(&w->failed, -EIO, __ATOMIC_RELEASE);
	(void) pthread_cond_broadcast(&w->sync_done);
	return -EIO;
}

/* The live segments with records beyond `synced`; they stay open while w->syncing is set. */
static int unsynced(const struct wal *w, int **ret_fds, size_t *ret_count)
{
	int *fds = calloc(w->live.count + 1, sizeof(int));
	size_t n = 0;

	if (!fds)
		return -ENOMEM;
	for (const struct segment *s = w->live.first; s; s = s->next)
		if (s->last_lsn >= w->synced) /* the NEXT record of one that was full just then, too */
			fds[n++] = s->fd;
	*ret_fds = fds;
	*ret_count = n;
	return 0;
}

static int sync_files(struct wal *w, uint64_t lsn, const int *fds, size_t n)
{
	uint64_t begun;
	int r = w->config.sync_data ? w->config.sync_data(w->config.sync_data_context, lsn) : 0;

	begun = clock_mono_ns();
	for (size_t i = 0; r == 0 && i < n; i++)
		r = fdatasync(fds[i]);
	__atomic_store_n(&w->last_sync_us, (clock_mono_ns() - begun) / 1000, __ATOMIC_RELAXED);
	return r < 0 ? -EIO : 0;
}

/* Called and left with the lock held, which is released while the disk works. */
static int lead(struct wal *w)
{
	_cleanup_free_ int *fds = NULL;
	uint64_t lsn = w->last_lsn;
	size_t n = 0;
	int r = unsynced(w, &fds, &n);

	if (r < 0)
		return r;
	w->syncing = true;
	(void) pthread_mutex_unlock(&w->lock);
	r = sync_files(w, lsn, fds, n);
	(void) pthread_mutex_lock(&w->lock);
	w->syncing = false;
	if (r < 0)
		return wal_fail(w);
	if (lsn > w->synced)
		__atomic_store_n(&w->synced, lsn, __ATOMIC_RELEASE);
	(void) pthread_cond_broadcast(&w->sync_done);
	return 0;
}

int wal_sync(struct wal *w, uint64_t lsn)
{
	LOCKED(&w->lock);

	lsn = MIN(lsn, w->last_lsn);
	while (!w->failed && w->synced < lsn) {
		if (w->syncing) {
			(void) pthread_cond_wait(&w->sync_done, &w->lock);
		} else {
			int r = lead(w);

			if (r < 0)
				return r;
		}
	}
	return w->failed ? -EIO : 0;
}
