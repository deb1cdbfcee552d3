/* SPDX-License-Identifier: MIT */
/* What the index says of itself: figures, the queue in words, and whether its files are sound. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/walk.h"
#include "index/block_cache.h"
#include "index/codes.h"
#include "index/index_impl.h"
#include "index/segment_file.h"
#include "index/viewers.h"

/* ---- figures */

static void count_segment(struct segment *s, struct index_stats *st)
{
	for (uint32_t d = 0; d < s->n_docs; d++) {
		if (segment_is_dead(s, d))
			continue;
		st->passages += s->docs[d].n_passages;
		switch (s->docs[d].state) {
		case STATE_INDEXED:
		case STATE_PARTIAL:
			st->indexed++;
			break;
		case STATE_FAILED:
			st->failed++;
			break;
		default:
			st->skipped++;
		}
	}
	st->segments += s->n_docs > 0;
}

void index_get_stats(struct index *x, struct index_stats *ret_stats)
{
	struct index_stats st = { .model = embed_name(x->model), .pending = index_pending(x),
				  .loading = index_is_loading(x) };

	if (!x->ready) {
		*ret_stats = st;
		return;
	}
	(void) pthread_rwlock_rdlock(&x->segments_lock);
	for (unsigned i = 0; i < x->n_segments; i++)
		count_segment(x->segments[i], &st);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	*ret_stats = st;
}

/* ---- memory */

struct segment_sums {
	uint64_t growing, resident, codes;
};

static struct segment_sums sum_segments(struct index *x)
{
	struct segment_sums sums = { 0 };

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	for (unsigned i = 0; i < x->n_segments; i++) {
		const struct segment *s = x->segments[i];

		if (s->number) {
			sums.resident += s->memory;
			sums.codes += codes_memory(s->codes);
		} else {
			sums.growing += s->memory + codes_memory(s->codes);
		}
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return sums;
}

/* What a document adds to a segment in memory, beyond which no more are added; one is being sealed meanwhile. */
#define DOCUMENT_ROOM (16u << 20)

void index_add_memory(struct index *x, struct memory_parts *m)
{
	struct segment_sums sums = { 0 };

	if (x->ready)
		sums = sum_segments(x);
	memory_part_add(m, "index_blocks", block_cache_bytes(x->cache), block_cache_max(x->cache));
	memory_part_add(m, "index_growing", sums.growing, 2 * (x->memory_segment + DOCUMENT_ROOM));
	memory_part_add(m, "index_documents", sums.resident, 0);
	memory_part_add(m, "index_codes", sums.codes, 0);
	memory_part_add(m, "index_viewers", viewers_memory(x->viewers), 0);
	LOCKED(&x->table_lock);
	memory_part_add(m, "index_places", x->ready ? ino_map_bytes(&x->places) : 0, 0);
	memory_part_add(m, "waiting", x->ready ? work_bytes(&x->work) : 0, 0);
}

static int describe_queued(void *context, uint64_t ino, uint32_t why)
{
	const char *what = why & EVENT_BELOW ? "renamed, with all below" : "waiting";

	return buf_addf(context, "%llu %s\n", (unsigned long long)ino, what);
}

static int describe_backlog(const struct ino_set *files, struct buf *ret_text)
{
	uint64_t ino;
	int r = 0;

	for (bool more = ino_set_next(files, 0, &ino); more && r >= 0; more = ino_set_next(files, ino + 1, &ino))
		r = buf_addf(ret_text, "%llu waiting\n", (unsigned long long)ino);
	return r;
}

int index_describe_queue(struct index *x, struct buf *ret_text)
{
	static const char *const why[WORK_PLACES] = { "waiting", "being indexed", "open for writing",
						      "to be tried again" };
	const uint64_t *renamed;
	int r = 0;

	if (!x->ready)
		return queue_walk(x->config.catalog, describe_queued, ret_text);
	LOCKED(&x->table_lock);

	for (unsigned place = 0; place < WORK_PLACES; place++)
		for (const struct work *w = x->work.lists[place].oldest; w && r >= 0; w = w->newer)
			r = buf_addf(ret_text, "%llu %s\n", (unsigned long long)w->ino, why[place]);
	if (r >= 0)
		r = describe_backlog(&x->work.shrinking.files, ret_text);
	if (r >= 0)
		r = describe_backlog(&x->work.growing.files, ret_text);
	renamed = (const uint64_t *)(const void *)x->renamed.data;
	for (size_t n = 0; n < x->renamed.len / sizeof(*renamed) && r >= 0; n++)
		r = buf_addf(ret_text, "%llu renamed, with all below\n", (unsigned long long)renamed[n]);
	return r < 0 ? r : 0;
}

/* ---- verification */

static int verify_one(struct index *x, uint64_t number, const void *value, size_t len)
{
	struct segment_record record;
	struct segment_file *f;
	int r = segment_record_decode(value, len, &record);

	if (r >= 0)
		r = segment_file_open(x->config.keys, x->dirfd, number, &record, NULL, &f);
	if (r < 0)
		return r;
	r = segment_file_verify(f);
	segment_file_close(f);
	return r;
}

struct verification {
	struct index *x;
	void (*problem)(void *context, const char *text);
	void *context;
	int64_t segments;
};

/* What it held is made again from the files at the next mount. */
static int forget(struct index *x, const struct record *record)
{
	struct batch *b;
	int r = catalog_begin(x->config.catalog, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, record->key, record->key_len);
	return batch_commit(b, NULL);
}

static int verify_record(void *context, const struct record *record)
{
	struct verification *v = context;
	uint64_t number = record->key_len == 9 ? load_be64(record->key + 1) : 0;
	int bad = verify_one(v->x, number, record->value, record->value_len);
	char text[128];

	v->segments++;
	if (bad >= 0)
		return 0;
	(void) snprintf(text, sizeof(text), "index segment %llu: %s", (unsigned long long)number,
			bad == -EBADMSG ? "damaged" : strerror(-bad));
	v->problem(v->context, text);
	return catalog_rehearses(v->x->config.catalog) ? forget(v->x, record) : 0;
}

int64_t index_verify(struct index *x, void (*problem)(void *context, const char *text), void *context)
{
	struct key prefix = key_start('M');
	struct verification v = { x, problem, context, 0 };
	int r = records_foreach(x->config.catalog, &prefix, verify_record, &v);

	return r < 0 ? r : v.segments;
}
