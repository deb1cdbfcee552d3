/* SPDX-License-Identifier: MIT */
/* The plain bytes are gathered in memory of our own and sealed from there straight into the page: the page
 * may be written to the disk at any moment and must never hold anything else. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "wal/guard.h"
#include "wal/wal_impl.h"

/* The log is short-lived, and who writes waits for this. A small record takes longer to compress than to be sealed
 * and written as it is: one of 1.1 KiB 5 to 10 us, which was half of a small write, to become 0.71 of its size. Long
 * ones spare a slow disk more than they cost. */
#define ZSTD_FROM  16384 /* bytes of payload */
#define ZSTD_LEVEL (-3)
#define ZSTD_MISSES_MAX 6

static int total_length(const struct iovec *pieces, size_t n, size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (pieces[i].iov_len > WAL_RECORD_MAX - len)
			return -EFBIG;
		len += pieces[i].iov_len;
	}
	*ret_len = len;
	return 0;
}

static void gather(uint8_t *place, const struct iovec *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pieces[i].iov_len > 0)
			memcpy(place, pieces[i].iov_base, pieces[i].iov_len);
		place += pieces[i].iov_len;
	}
}

/* After a run of records that did not shrink (media, archives) only every 2nd, 4th ... 64th is tried. */
static bool worth_trying(struct wal *w, size_t len)
{
	if (len < ZSTD_FROM)
		return false;
	if (w->zstd_skip == 0)
		return true;
	w->zstd_skip--;
	return false;
}

/* Returns the payload's length in w->packed, or 0 when the plain bytes are to be stored. */
static size_t compress(struct wal *w, size_t len)
{
	size_t n;

	if (!worth_trying(w, len))
		return 0;
	n = ZSTD_compressCCtx(w->zstd, w->packed + WAL_RECORD_INNER, len - len / 8,
			      w->plain + WAL_RECORD_INNER, len, ZSTD_LEVEL);
	if (!ZSTD_isError(n)) {
		w->zstd_misses = 0;
		return n;
	}
	if (w->zstd_misses < ZSTD_MISSES_MAX)
		w->zstd_misses++;
	w->zstd_skip = (1u << w->zstd_misses) - 1;
	return 0;
}

struct store {
	struct wal *w;
	const struct wal_inner *inner;
	uint8_t *plain, *place;
	size_t len;
	uint64_t lsn;
};

static int store_record(void *context)
{
	const struct store *s = context;
	const struct wal *w = s->w;

	return wal_record_seal(&w->config.sealer, w->record_run, w->incarnation, s->lsn, s->inner, s->plain,
			       s->len, s->place);
}

static int write_record(struct wal *w, struct store *s, uint64_t size)
{
	const struct segment *current = wal_current(w);
	int r;

	if (w->mapped) {
		s->place = current->map + current->used;
		return guard_call(store_record, s);
	}
	s->place = w->sealed;
	memset(s->place + size - 8, 0, 8); /* the padding */
	r = store_record(s);
	return r < 0 ? r : io_pwrite(current->fd, w->sealed, size, current->used);
}

static int make_room(struct wal *w, uint64_t size)
{
	const struct segment *current = wal_current(w);

	if (size + WAL_MARK_SIZE > w->config.segment_size - WAL_RECORDS_START)
		return -EFBIG;
	if (current->used + size + WAL_MARK_SIZE <= current->size)
		return 0;
	return wal_begin_segment(w, false);
}

int wal_append_locked(struct wal *w, uint8_t kind, const struct iovec *pieces, size_t n, uint64_t lsn)
{
	struct wal_inner inner = { .synced = w->synced, .kind = kind };
	struct store s = { .w = w, .inner = &inner, .plain = w->plain, .lsn = lsn };
	size_t packed;
	uint64_t size;
	int r = total_length(pieces, n, &s.len);

	if (r < 0)
		return r;
	inner.plain_length = (uint32_t)s.len;
	gather(w->plain + WAL_RECORD_INNER, pieces, n);
	packed = compress(w, s.len);
	if (packed > 0) {
		inner.kind |= WAL_KIND_ZSTD;
		s.plain = w->packed;
		s.len = packed;
	}
	size = wal_record_size(WAL_RECORD_INNER + s.len + WAL_TAG_SIZE);
	r = kind & WAL_KIND_NEXT ? 0 : make_room(w, size);
	if (r < 0)
		return r;
	r = write_record(w, &s, size);
	if (r < 0)
		return r;
	wal_current(w)->used += size;
	return 0;
}

int wal_append(struct wal *w, const struct iovec *pieces, size_t n, uint64_t *ret_lsn)
{
	LOCKED(&w->lock);
	uint64_t lsn = w->last_lsn + 1;
	int r;

	if (w->config.read_only || w->anchored)
		return -EROFS;
	if (w->failed)
		return -EIO;
	r = wal_append_locked(w, 0, pieces, n, lsn);
	/* Whatever else went wrong may have left the log's end in a state that we do not know. */
	if (r < 0)
		return r == -EFBIG || r == -ENOSPC || r == -ENOMEM ? r : wal_fail(w);
	wal_current(w)->last_lsn = lsn;
	__atomic_store_n(&w->last_lsn, lsn, __ATOMIC_RELEASE);
	*ret_lsn = lsn;
	return 0;
}
