/* SPDX-License-Identifier: MIT */
/* Sealing: the memory segment is frozen, written to disk, and its files leave the queue. */
#include <errno.h>

#include "base/cleanup.h"
#include "index/segment_memory.h"
#include "index/segments_impl.h"

/* Queue entries cleared in one batch. */
#define CLEAR_BATCH 2000u

int segments_freeze(struct index *x)
{
	struct segment *fresh;
	int r = x->frozen ? 0 : segment_memory_new(x->stride, &fresh);

	if (x->frozen || r < 0)
		return r;
	segments_lock_all(x);
	if (x->memory->n_docs > 0 && x->n_segments < SEGMENTS_MAX) {
		x->frozen = x->memory;
		x->memory = fresh;
		buf_done(&x->frozen_queue);
		x->frozen_queue = x->memory_queue;
		x->memory_queue = BUF_INIT;
		x->first_unsealed_ms = 0;
		segments_append(x, fresh);
		fresh = NULL;
	}
	segments_unlock_all(x);
	segment_release(fresh);
	return 0;
}

/* Clears queue entries of documents [*at, ..) in the batch, which it commits. */
static int clear_queue(struct index *x, struct batch *b, uint32_t *at)
{
	const uint64_t *lsns = (const uint64_t *)(const void *)x->frozen_queue.data;
	uint32_t end = MIN(x->frozen->n_docs, *at + CLEAR_BATCH);

	for (; *at < end; ++*at) {
		int r;

		if (!lsns[*at] || segment_is_dead(x->frozen, *at))
			continue;
		r = queue_remove_in(b, x->frozen->docs[*at].ino, lsns[*at]);
		if (r < 0 && r != -ENOENT) {
			batch_abort(b);
			return r;
		}
	}
	return batch_commit(b, NULL);
}

/* The batch that registers the segment comes first and the list is exchanged last.
 *
 * Its LSN is above those of all contents in the segment. Replay cuts the log's end only, so a segment that
 * is registered after a power cut knows no content that was cut off: although the log gives the numbers of
 * cut batches again, none of its documents can be taken for a later content of the same number. */
static int register_sealed(struct index *x, uint64_t number, const struct segment_record *record)
{
	uint32_t at = 0;
	int r;

	do {
		struct batch *b;

		r = catalog_begin(x->config.catalog, false, &b);
		if (r < 0)
			return r;
		if (at == 0 && number)
			segments_put_record(b, number, record);
		r = clear_queue(x, b, &at);
	} while (r >= 0 && at < x->frozen->n_docs);
	return r;
}

/* Entries of what has just been sealed that its own batches did not know of yet. */
static int clear_late(struct index *x)
{
	_cleanup_buf_ struct buf late = BUF_INIT;
	const uint64_t *pairs;
	int r = 0;

	(void) pthread_mutex_lock(&x->table_lock);
	late = x->late_queue;
	x->late_queue = BUF_INIT;
	(void) pthread_mutex_unlock(&x->table_lock);
	pairs = (const uint64_t *)(const void *)late.data;
	for (size_t i = 0; i < late.len / sizeof(*pairs) && r >= 0; i += 2)
		r = queue_clear_entry(x, pairs[i], pairs[i + 1]);
	return r;
}

int segments_seal(struct index *x)
{
	struct segment_disk_config config = segments_disk_config(x);
	struct segment_part part = { .segment = x->frozen };
	struct segment_record record;
	struct segment *sealed = NULL;
	uint64_t number = 0;
	int r;

	if (!x->frozen)
		return 0;
	r = segments_write_file(x, &part, 1, NULL, &number, &record);
	if (r > 0)
		r = segment_disk_open(&config, number, &record, &sealed);
	else if (r == 0)
		number = 0;
	if (r >= 0)
		r = register_sealed(x, number, &record);
	if (r >= 0) {
		(void) pthread_mutex_lock(&x->table_lock);
		x->frozen = NULL;
		(void) pthread_mutex_unlock(&x->table_lock);
		segments_exchange(x, &part, 1, sealed);
		buf_done(&x->frozen_queue);
		r = clear_late(x);
	} else {
		segment_release(sealed);
	}
	segment_part_done(&part);
	return r;
}
