/* SPDX-License-Identifier: MIT */
/* The clean stop, and what others want to know. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "wal/wal_impl.h"

static int write_anchor(struct wal *w, uint64_t catalog_txn)
{
	struct wal_anchor_body a = { .catalog_txn = catalog_txn, .last_lsn = w->last_lsn,
				     .generation = w->generation };
	uint8_t bytes[WAL_ANCHOR_SIZE];
	int r = wal_anchor_seal(&w->config.sealer, w->incarnation, &a, bytes);

	return r < 0 ? r : io_replace_file_at(w->dirfd, WAL_ANCHOR_NAME, bytes, sizeof(bytes), 0600);
}

int wal_write_anchor(int dirfd, const struct wal_sealer *sealer, uint64_t catalog_txn, uint64_t last_lsn)
{
	struct wal_anchor_body a = { .catalog_txn = catalog_txn, .last_lsn = last_lsn, .generation = 1 };
	uint8_t bytes[WAL_ANCHOR_SIZE];
	int r = wal_anchor_seal(sealer, id128_random(), &a, bytes);

	return r < 0 ? r : io_replace_file_at(dirfd, WAL_ANCHOR_NAME, bytes, sizeof(bytes), 0600);
}

int wal_anchor(struct wal *w, uint64_t catalog_txn)
{
	LOCKED(&w->lock);
	int r;

	if (w->config.read_only || w->anchored)
		return -EROFS;
	if (w->failed)
		return -EIO;
	if (MAX(w->released, w->based) < w->last_lsn)
		return -EBUSY;
	r = write_anchor(w, catalog_txn);
	if (r < 0)
		return r;
	w->anchored = true;
	r = wal_append_locked(w, WAL_KIND_END, NULL, 0, w->last_lsn + 1);
	return r < 0 ? r : log_segment_sync(wal_current(w));
}

uint64_t wal_last_lsn(const struct wal *w)
{
	return __atomic_load_n(&w->last_lsn, __ATOMIC_ACQUIRE);
}

uint64_t wal_synced_lsn(const struct wal *w)
{
	return __atomic_load_n(&w->synced, __ATOMIC_ACQUIRE);
}

struct id128 wal_incarnation(const struct wal *w)
{
	return w->incarnation;
}

uint64_t wal_last_sync_us(const struct wal *w)
{
	return __atomic_load_n(&w->last_sync_us, __ATOMIC_RELAXED);
}

unsigned wal_segment_count(const struct wal *w)
{
	LOCKED((pthread_mutex_t *)&w->lock);

	return w->live.count + w->ready.count;
}

uint64_t wal_used_bytes(const struct wal *w)
{
	LOCKED((pthread_mutex_t *)&w->lock);
	uint64_t used = 0;

	for (const struct segment *s = w->live.first; s; s = s->next)
		if (s->last_lsn > w->released && s->last_lsn >= s->head.first_lsn)
			used += s->used - WAL_RECORDS_START;
	return used;
}
