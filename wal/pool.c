/* SPDX-License-Identifier: MIT */
/* Where segments come from and go to: ready -> live -> ready. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "wal/wal_impl.h"

void log_segment_list_push(struct segment_list *l, struct segment *s)
{
	s->next = NULL;
	if (l->last)
		l->last->next = s;
	else
		l->first = s;
	l->last = s;
	l->count++;
}

void log_segment_list_put_back(struct segment_list *l, struct segment *s)
{
	s->next = l->first;
	l->first = s;
	if (!l->last)
		l->last = s;
	l->count++;
}

struct segment *log_segment_list_pop(struct segment_list *l)
{
	struct segment *s = l->first;

	if (!s)
		return NULL;
	l->first = s->next;
	if (!l->first)
		l->last = NULL;
	l->count--;
	s->next = NULL;
	return s;
}

/* Kept for a catalog that falls back to the checkpoint before, which a full disk must do without. */
static bool is_dispensable(const struct wal *w)
{
	const struct segment *s = w->live.first;

	return s && s->last_lsn <= w->based && s->size == w->config.segment_size;
}

int wal_take_segment(struct wal *w, bool opening, struct segment **ret_s)
{
	int r;

	if (w->ready.count > !opening) {
		*ret_s = log_segment_list_pop(&w->ready);
		return 0;
	}
	if (!opening && w->live.count + w->ready.count >= w->config.segments_max)
		return -ENOSPC;
	r = log_segment_new(w->dirfd, w->next_number++, w->config.segment_size, ret_s);
	if (r == -ENOSPC && opening && is_dispensable(w)) {
		*ret_s = log_segment_list_pop(&w->live);
		r = 0;
	}
	return r;
}

static int write_header(struct wal *w, struct segment *s)
{
	struct wal_header h = { .incarnation = w->incarnation,
				.sequence = w->next_sequence,
				.generation = w->generation,
				.first_lsn = w->last_lsn + 1,
				.synced = w->synced,
				.size = s->size,
				.prior = w->prior };

	memcpy(h.record_run, w->record_run_header, WAL_RUN_HEADER_SIZE);
	return log_segment_begin(s, &w->config.sealer, w->header_run, w->header_run_header, &h);
}

/* Mapped first: when memory is short, nothing has happened yet. */
static int begin(struct wal *w, struct segment *s)
{
	int r = w->mapped ? log_segment_map(s) : 0;

	if (r < 0)
		return r;
	r = write_header(w, s);
	if (r == 0)
		return 0;
	log_segment_unmap(s);
	/* The header may have reached the disk: no other segment may get the same sequence. */
	return wal_fail(w);
}

int wal_begin_segment(struct wal *w, bool opening)
{
	struct segment *s;
	int r = wal_take_segment(w, opening, &s);

	if (r < 0)
		return r;
	r = begin(w, s);
	if (r < 0) {
		log_segment_list_push(&w->ready, s);
		return r;
	}
	if (w->next_sequence++ > 0) {
		r = wal_append_locked(w, WAL_KIND_NEXT, NULL, 0, w->last_lsn + 1);
		log_segment_unmap(wal_current(w));
	}
	log_segment_list_push(&w->live, s);
	return r < 0 ? wal_fail(w) : 0;
}

int wal_prepare(struct wal *w)
{
	for (;;) {
		struct segment *s;
		uint32_t number;
		bool enough;
		int r;

		(void) pthread_mutex_lock(&w->lock);
		enough = w->ready.count + 1 >= w->config.segments_min ||
			 w->live.count + w->ready.count >= w->config.segments_max;
		number = w->next_number;
		w->next_number += !enough;
		(void) pthread_mutex_unlock(&w->lock);
		if (enough)
			return 0;
		r = log_segment_new(w->dirfd, number, w->config.segment_size, &s);
		if (r < 0)
			return r;
		(void) pthread_mutex_lock(&w->lock);
		log_segment_list_push(&w->ready, s);
		(void) pthread_mutex_unlock(&w->lock);
	}
}

/* As many segments are kept as were needed at once; when less is needed, one fewer with each release. */
static void update_peak(struct wal *w)
{
	if (w->live.count >= w->peak)
		w->peak = w->live.count;
	else
		w->peak--;
}

static bool is_released(const struct wal *w)
{
	return w->live.count > 1 && w->live.first->last_lsn <= w->released;
}

static void retire_released(struct wal *w)
{
	unsigned keep;

	update_peak(w);
	keep = MAX(w->peak + 1, w->config.segments_min);
	/* A sync leader may hold descriptors: nothing is closed meanwhile. */
	while (is_released(w) && !(w->syncing && w->live.first->size != w->config.segment_size)) {
		struct segment *s = log_segment_list_pop(&w->live);

		if (s->size == w->config.segment_size)
			log_segment_list_push(&w->ready, s);
		else
			log_segment_remove(s, w->dirfd);
	}
	while (!w->syncing && w->ready.count > 0 && w->live.count + w->ready.count > keep)
		log_segment_remove(log_segment_list_pop(&w->ready), w->dirfd);
}

void wal_release(struct wal *w, uint64_t lsn)
{
	(void) pthread_mutex_lock(&w->lock);
	lsn = MIN(lsn, w->last_lsn);
	w->released = MAX(w->released, lsn);
	/* What the catalog holds durably counts as durable here. */
	if (lsn > w->synced)
		__atomic_store_n(&w->synced, lsn, __ATOMIC_RELEASE);
	retire_released(w);
	(void) pthread_mutex_unlock(&w->lock);
	wal_make_spares(w);
}

/* Without a spare segment the next one is made when it is needed. */
void wal_make_spares(struct wal *w)
{
	if (!w->config.read_only)
		(void) wal_prepare(w);
}
