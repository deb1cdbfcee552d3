/* SPDX-License-Identifier: MIT */
#include "index/segments_impl.h"

#include <errno.h>

#include "base/cleanup.h"

struct key segment_key(uint64_t number)
{
	return key_u64(key_start('M'), number);
}

/* ---- the list */

void segments_append(struct index *x, struct segment *s)
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

void segments_lock_all(struct index *x)
{
	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
}

void segments_unlock_all(struct index *x)
{
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
}

/* Its documents die here and now; the sealer, who alone changes the list of sealed segments, finds a segment
 * without living documents and takes it out. */
void segments_drop(struct index *x, struct segment *damaged)
{
	bool known = false;

	segments_lock_all(x);
	for (unsigned i = 0; i < x->n_segments; i++)
		known = known || x->segments[i] == damaged;
	for (uint32_t d = 0; known && d < damaged->n_docs; d++) {
		if (segment_is_dead(damaged, d))
			continue;
		segment_kill(damaged, d);
		ino_map_remove(&x->places, damaged->docs[d].ino);
		(void) work_old_news(&x->work, damaged->docs[d].ino);
	}
	(void) pthread_cond_broadcast(&x->work_there);
	segments_unlock_all(x);
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

struct segment_disk_config segments_disk_config(struct index *x)
{
	return (struct segment_disk_config){ .keys = x->config.keys, .dirfd = x->dirfd, .cache = x->cache,
					     .stride = x->stride, .checksum = embed_checksum(x->model) };
}

bool segment_is_lost(int error)
{
	return error == -EBADMSG || error == -ENOENT || error == -EMEDIUMTYPE || error == -ENODATA;
}

/* ---- writing */

int segments_write_file(struct index *x, struct segment_part *parts, unsigned n, const bool *stop,
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

void segments_exchange(struct index *x, struct segment_part *parts, unsigned n, struct segment *merged)
{
	segments_lock_all(x);
	for (unsigned p = 0; p < n; p++) {
		struct segment *s = parts[p].segment;

		for (uint32_t d = 0; merged && d < s->n_docs; d++) {
			uint32_t now = parts[p].remap[d];
			struct ino_entry *e;

			if (now == DOC_DROPPED)
				continue;
			atomic_store(&merged->docs[now].parent, atomic_load(&s->docs[d].parent));
			atomic_store(&merged->docs[now].access, atomic_load(&s->docs[d].access));
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
		segments_append(x, merged);
	segments_unlock_all(x);
	for (unsigned p = 0; p < n; p++)
		segment_release(parts[p].segment);
}

void segments_put_record(struct batch *b, uint64_t number, const struct segment_record *record)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = segment_key(number);

	if (segment_record_encode(record, &value) >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
}
