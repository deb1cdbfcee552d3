/* SPDX-License-Identifier: MIT */
/* The list of segments, and its durable twin: a record 'M' number for each registered file.
 *
 * Order of writing, so that a stop at any point loses nothing:
 *   sealing: file durable -> one batch registers it and clears queue entries (more batches clear the
 *            rest) -> the list is exchanged. Stopped before the batch: the file is unregistered and removed
 *            at the next start, the queue still names its files. Stopped between batches: some files
 *            are indexed twice, the newer document lives.
 *   merging: file durable -> one batch registers it and takes its parts' records out -> that batch is
 *            synced -> the list is exchanged -> the parts' files are removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "index/index_impl.h"
#include "index/priority.h"
#include "index/segment_memory.h"

/* Segments of a like size that are merged at once. */
#define MERGE_AT 4u
#define MERGE_MOST 8u
/* Queue entries cleared in one batch. */
#define CLEAR_BATCH 2000u

static struct key segment_key(uint64_t number)
{
	return key_u64(key_start('M'), number);
}

/* ---- the list; segments_lock for writing and table_lock are held */

static void list_append(struct index *x, struct segment *s)
{
	s->slot = x->n_segments;
	x->segments[x->n_segments++] = s;
}

static void list_remove(struct index *x, struct segment *s)
{
	for (unsigned i = s->slot + 1; i < x->n_segments; i++) {
		x->segments[i - 1] = x->segments[i];
		x->segments[i - 1]->slot = i - 1;
	}
	x->n_segments--;
}

static void lock_all(struct index *x)
{
	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
}

static void unlock_all(struct index *x)
{
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
}

/* ---- loading */

static struct segment_disk_config disk_config(struct index *x)
{
	return (struct segment_disk_config){ .keys = x->config.keys, .dirfd = x->dirfd, .cache = x->cache,
					     .stride = x->stride, .checksum = embed_checksum(x->model) };
}

static int unregister(struct index *x, uint64_t number, uint64_t *ret_lsn)
{
	struct key key = segment_key(number);
	struct batch *b;
	int r = catalog_begin(x->config.catalog, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, key.bytes, key.len);
	return batch_commit(b, ret_lsn);
}

static void forget_file(struct index *x, uint64_t number)
{
	char name[SEGMENT_NAME_SIZE];
	uint64_t lsn;

	if (x->config.read_only || unregister(x, number, &lsn) < 0 || catalog_sync(x->config.catalog, lsn) < 0)
		return;
	(void) unlinkat(x->dirfd, segment_file_name(number, name), 0);
}

/* Is this error the file's fault, so that it must be made again from the files? */
static bool is_lost(int error)
{
	return error == -EBADMSG || error == -ENOENT || error == -EMEDIUMTYPE || error == -ENODATA;
}

static int load_one(struct index *x, uint64_t number, const void *value, size_t len, bool *lost)
{
	struct segment_disk_config config = disk_config(x);
	struct segment_record record;
	struct segment *s;
	int r = segment_record_decode(value, len, &record);

	if (r >= 0)
		r = x->n_segments >= SEGMENTS_MAX - 2 ? -EMFILE
						      : segment_disk_open(&config, number, &record, &s);
	if (r >= 0)
		list_append(x, s);
	if (r >= 0 || !is_lost(r))
		return r;
	log_warn(r, "index segment %llu cannot be used, its files are indexed again", (unsigned long long)number);
	*lost = true;
	return 0;
}

/* Which segments there are is not known: without the newest, older documents would live again. */
static void drop_all(struct index *x, bool *lost)
{
	log_warn(-EBADMSG, "the list of index segments is damaged, all files are indexed again");
	for (unsigned i = 0; i < x->n_segments; i++)
		segment_release(x->segments[i]);
	x->n_segments = 0;
	*lost = true;
}

/* As cursor_next(), and *ret_value NULL for a record that does not open. */
static int next_record(struct cursor *cur, uint64_t *ret_number, const void **ret_value, size_t *ret_len)
{
	const void *key;
	size_t key_len;
	int r = cursor_next(cur, &key, &key_len, ret_value, ret_len);

	if (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0) {
		*ret_value = NULL;
		*ret_len = 0;
		r = 1;
	}
	if (r > 0)
		*ret_number = key_len == 9 ? load_be64((const uint8_t *)key + 1) : 0;
	return r;
}

static int collect_records(struct index *x, struct buf *ret_numbers, bool *lost)
{
	struct cursor *cur;
	const void *value;
	uint64_t number;
	size_t value_len;
	int r = cursor_open(x->config.catalog, "M", 1, &cur);

	if (r < 0)
		return r;
	while (r >= 0 && (r = next_record(cur, &number, &value, &value_len)) > 0) {
		unsigned before = x->n_segments;

		r = load_one(x, number, value, value_len, lost);
		if (r >= 0 && before == x->n_segments)
			r = buf_add(ret_numbers, &number, sizeof(number));
	}
	cursor_close(cur);
	if (r == -EBADMSG) {
		drop_all(x, lost);
		r = 0;
	}
	return r;
}

/* Files that no record names: a seal or merge that did not get to its end. */
static void remove_strays(struct index *x)
{
	int fd = openat(x->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			(void) close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		char *end;
		unsigned long long number = strtoull(e->d_name, &end, 10);
		struct key key = segment_key(number);

		if (end != e->d_name && strcmp(end, ".idx") == 0 &&
		    catalog_get(x->config.catalog, key.bytes, key.len, NULL) == -ENOENT)
			(void) unlinkat(x->dirfd, e->d_name, 0);
	}
	(void) closedir(dir);
}

int segments_load(struct index *x, bool *ret_lost)
{
	_cleanup_buf_ struct buf damaged = BUF_INIT;
	int r = collect_records(x, &damaged, ret_lost);

	if (r < 0)
		return r;
	for (size_t i = 0; i < damaged.len / sizeof(uint64_t); i++)
		forget_file(x, ((const uint64_t *)(const void *)damaged.data)[i]);
	if (!x->config.read_only)
		remove_strays(x);
	r = segment_memory_new(x->stride, &x->memory);
	if (r >= 0)
		list_append(x, x->memory);
	return r;
}

void segments_done(struct index *x)
{
	for (unsigned i = 0; i < x->n_segments; i++)
		segment_release(x->segments[i]);
	x->n_segments = 0;
	x->memory = x->frozen = NULL;
	buf_done(&x->memory_queue);
	buf_done(&x->frozen_queue);
	buf_done(&x->late_queue);
}

/* ---- damage */

/* Its documents die here and now; the sealer, who alone changes the list of sealed segments, finds a segment
 * without living documents and takes it out. */
void segments_drop(struct index *x, struct segment *damaged)
{
	bool known = false;

	lock_all(x);
	for (unsigned i = 0; i < x->n_segments; i++)
		known = known || x->segments[i] == damaged;
	for (uint32_t d = 0; known && d < damaged->n_docs; d++) {
		if (segment_is_dead(damaged, d))
			continue;
		segment_kill(damaged, d);
		ino_map_remove(&x->places, damaged->docs[d].ino);
		(void) work_news(&x->work, damaged->docs[d].ino, true);
	}
	(void) pthread_cond_broadcast(&x->work_there);
	unlock_all(x);
}

/* ---- writing */

static int write_file(struct index *x, struct segment_part *parts, unsigned n, const bool *stop,
		      uint64_t *ret_number, struct segment_record *ret_record)
{
	struct segment_write how = { .dimensions = embed_dimensions(x->model),
				     .checksum = embed_checksum(x->model),
				     .flat = x->config.flat_vectors, .stop = stop };
	struct segment_sink *sink;
	int64_t docs;
	int r = catalog_next_number(x->config.catalog, COUNTER_INDEX_SEGMENT, ret_number);

	if (r >= 0)
		r = segment_sink_new(x->config.keys, x->dirfd, *ret_number, &sink);
	if (r < 0)
		return r;
	docs = segment_write(sink, &how, parts, n);
	r = docs > 0 ? segment_sink_finish(sink, ret_record) : (int)docs;
	segment_sink_free(sink);
	return r < 0 ? r : docs > 0;
}

/* Puts the new segment in the place of its parts: what has died meanwhile dies in it too. */
static void exchange(struct index *x, struct segment_part *parts, unsigned n, struct segment *merged)
{
	lock_all(x);
	for (unsigned p = 0; p < n; p++) {
		struct segment *s = parts[p].segment;

		for (uint32_t d = 0; merged && d < s->n_docs; d++) {
			uint32_t now = parts[p].remap[d];
			struct ino_entry *e;

			if (now == DOC_DROPPED)
				continue;
			atomic_store(&merged->docs[now].parent, atomic_load(&s->docs[d].parent));
			atomic_fetch_or(&merged->flags[now], atomic_load(&s->flags[d]) & DOC_MOVED);
			e = ino_map_find(&x->places, s->docs[d].ino);
			if (segment_is_dead(s, d) || !e || e->value != s || e->number != d) {
				segment_kill(merged, now);
				continue;
			}
			e->value = merged;
			e->number = now;
		}
		list_remove(x, s);
	}
	if (merged)
		list_append(x, merged);
	unlock_all(x);
	for (unsigned p = 0; p < n; p++)
		segment_release(parts[p].segment);
}

static void put_record(struct batch *b, uint64_t number, const struct segment_record *record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = segment_key(number);

	if (segment_record_encode(record, &value) >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
}

/* ---- sealing */

int segments_freeze(struct index *x)
{
	struct segment *fresh;
	int r = x->frozen ? 0 : segment_memory_new(x->stride, &fresh);

	if (x->frozen || r < 0)
		return r;
	lock_all(x);
	if (x->memory->n_docs > 0 && x->n_segments < SEGMENTS_MAX) {
		x->frozen = x->memory;
		x->memory = fresh;
		buf_done(&x->frozen_queue);
		x->frozen_queue = x->memory_queue;
		x->memory_queue = BUF_INIT;
		x->first_unsealed_ms = 0;
		list_append(x, fresh);
		fresh = NULL;
	}
	unlock_all(x);
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
			put_record(b, number, record);
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
	struct segment_disk_config config = disk_config(x);
	struct segment_part part = { .segment = x->frozen };
	struct segment_record record;
	struct segment *sealed = NULL;
	uint64_t number = 0;
	int r;

	if (!x->frozen)
		return 0;
	r = write_file(x, &part, 1, NULL, &number, &record);
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
		exchange(x, &part, 1, sealed);
		buf_done(&x->frozen_queue);
		r = clear_late(x);
	} else {
		segment_release(sealed);
	}
	segment_part_done(&part);
	return r;
}

/* ---- merging */

static uint32_t living(const struct segment *s)
{
	return s->n_docs - MIN(atomic_load(&s->n_dead), s->n_docs);
}

/* 0 for up to 64 documents, and one more for each factor of four. */
static unsigned tier_of(const struct segment *s)
{
	unsigned tier = 0;

	for (uint32_t n = living(s); n > 64; n /= 4)
		tier++;
	return tier;
}

/* Fills `ret` with what should become one; 0 when nothing should. Only the sealer changes the list of
 * sealed segments, so reading it here needs no lock. */
static unsigned choose(struct index *x, struct segment_part *ret)
{
	unsigned count[16] = { 0 }, n = 0, tier = 0;

	for (unsigned i = 0; i < x->n_segments; i++) {
		struct segment *s = x->segments[i];

		if (!s->number)
			continue;
		if (living(s) == 0 || (s->n_docs >= 16 && living(s) < s->n_docs / 2)) {
			ret[0].segment = s;
			return 1;
		}
		count[tier_of(s)]++;
	}
	while (tier < 16 && count[tier] < MERGE_AT)
		tier++;
	for (unsigned i = 0; tier < 16 && i < x->n_segments && n < MERGE_MOST; i++)
		if (x->segments[i]->number && tier_of(x->segments[i]) == tier)
			ret[n++].segment = x->segments[i];
	return n;
}

static int register_merged(struct index *x, const struct segment_part *parts, unsigned n, uint64_t number,
			   const struct segment_record *record)
{
	struct batch *b;
	uint64_t lsn;
	int r = catalog_begin(x->config.catalog, true, &b);

	if (r < 0)
		return r;
	if (number)
		put_record(b, number, record);
	for (unsigned i = 0; i < n; i++) {
		struct key key = segment_key(parts[i].segment->number);

		batch_remove(b, key.bytes, key.len);
	}
	r = batch_commit(b, &lsn);
	return r < 0 ? r : catalog_sync(x->config.catalog, lsn);
}

static void remove_files(struct index *x, const uint64_t *numbers, unsigned n)
{
	char name[SEGMENT_NAME_SIZE];

	for (unsigned i = 0; i < n; i++)
		(void) unlinkat(x->dirfd, segment_file_name(numbers[i], name), 0);
}

static int merge_parts(struct index *x, struct segment_part *parts, unsigned n)
{
	struct segment_disk_config config = disk_config(x);
	uint64_t numbers[MERGE_MOST], number = 0;
	struct segment_record record;
	struct segment *merged = NULL;
	int r;

	if (x->may_lower_priority)
		priority_lower(0);
	r = write_file(x, parts, n, &x->stop, &number, &record);
	if (x->may_lower_priority)
		priority_raise(0);
	if (r > 0)
		r = segment_disk_open(&config, number, &record, &merged);
	else if (r == 0)
		number = 0;
	for (unsigned i = 0; i < n; i++)
		numbers[i] = parts[i].segment->number;
	if (r >= 0)
		r = register_merged(x, parts, n, number, &record);
	if (r < 0) {
		segment_release(merged);
		return r;
	}
	exchange(x, parts, n, merged);
	remove_files(x, numbers, n);
	return 1;
}

/* A merge that meets damage tells which of its parts it is. */
static void drop_damaged(struct index *x, struct segment_part *parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct segment_part alone = { .segment = parts[i].segment };
		struct segment_record record;
		uint64_t number;
		int r = write_file(x, &alone, 1, &x->stop, &number, &record);
		char name[SEGMENT_NAME_SIZE];

		segment_part_done(&alone);
		if (r > 0)
			(void) unlinkat(x->dirfd, segment_file_name(number, name), 0);
		if (is_lost(r))
			segments_drop(x, parts[i].segment);
	}
}

int segments_merge(struct index *x)
{
	struct segment_part parts[MERGE_MOST] = { { 0 } };
	unsigned n = choose(x, parts);
	int r;

	if (n == 0)
		return 0;
	r = merge_parts(x, parts, n);
	for (unsigned i = 0; i < n; i++)
		segment_part_done(&parts[i]);
	if (r == -EBADMSG)
		drop_damaged(x, parts, n);
	return r;
}
