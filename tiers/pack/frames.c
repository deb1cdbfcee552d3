/* SPDX-License-Identifier: MIT */
#include "tiers/pack/frames.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* In the cache, or being loaded, or both not: then its last user frees it. */
struct frame {
	struct fifo_key key;
	unsigned users;       /* guarded by lock, as all below */
	bool loading;
	bool cached;
	int error;            /* of the load */
	struct frame *next;   /* of those being loaded */
	uint32_t len;
	uint8_t plain[];      /* written by who loads it, then constant */
};

struct frames {
	pthread_mutex_t lock; /* rank 50 */
	pthread_cond_t loaded;
	struct fifo *fifo;    /* owned; guarded by lock */
	struct frame *loading; /* guarded by lock */
	uint64_t capacity;
};

static void free_unused(struct frame *fr)
{
	if (!fr->users && !fr->cached)
		free(fr);
}

static void evicted(void *context, struct fifo_key key, void *value)
{
	struct frame *fr = value;

	fr->cached = false;
	free_unused(fr);
}

int frames_new(uint64_t capacity, struct frames **ret_f)
{
	struct frames *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->capacity = capacity;
	(void) pthread_mutex_init(&f->lock, NULL);
	(void) pthread_cond_init(&f->loaded, NULL);
	r = fifo_new(capacity, evicted, f, &f->fifo);
	if (r < 0) {
		(void) frames_free(f);
		return r;
	}
	*ret_f = f;
	return 0;
}

static void drop(void *context, struct fifo_key key, void *value)
{
	free(value);
}

struct frames *frames_free(struct frames *f)
{
	if (!f)
		return NULL;
	if (f->fifo)
		fifo_foreach(f->fifo, drop, NULL);
	f->fifo = fifo_free(f->fifo);
	(void) pthread_cond_destroy(&f->loaded);
	(void) pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}

void frames_add_memory(struct frames *f, struct memory_parts *m)
{
	LOCKED(&f->lock);

	memory_part_add(m, "frames", fifo_size(f->fifo) + fifo_memory(f->fifo), f->capacity + fifo_memory(f->fifo));
}

/* ---- one frame */

static struct frame *find_loading(struct frames *f, struct fifo_key key)
{
	struct frame *fr = f->loading;

	while (fr && (fr->key.pack != key.pack || fr->key.part != key.part))
		fr = fr->next;
	return fr;
}

/* NULL: not there. */
static struct frame *get(struct frames *f, struct fifo_key key)
{
	LOCKED(&f->lock);
	struct frame *fr = fifo_get(f->fifo, key);

	if (fr)
		fr->users++;
	return fr;
}

/* Joins those who wait for it, or becomes the one who loads it: *ret_mine. NULL without memory. */
static struct frame *join(struct frames *f, struct fifo_key key, uint32_t len, bool *ret_mine)
{
	LOCKED(&f->lock);
	struct frame *fr = fifo_get(f->fifo, key);

	*ret_mine = false;
	if (!fr)
		fr = find_loading(f, key);
	if (!fr) {
		fr = malloc(sizeof(*fr) + len);
		if (!fr)
			return NULL;
		*fr = (struct frame){ .key = key, .loading = true, .next = f->loading, .len = len };
		f->loading = fr;
		*ret_mine = true;
	}
	fr->users++;
	return fr;
}

static void unlist(struct frames *f, struct frame *fr)
{
	struct frame **at = &f->loading;

	while (*at != fr)
		at = &(*at)->next;
	*at = fr->next;
}

static void end_load(struct frames *f, struct frame *fr, int error)
{
	LOCKED(&f->lock);

	unlist(f, fr);
	fr->loading = false;
	fr->error = error;
	/* What does not fit, or has no memory for its name, serves those who wait. */
	fr->cached = error >= 0;
	if (fr->cached && fifo_put(f->fifo, fr->key, fr->len, fr) < 0)
		fr->cached = false;
	(void) pthread_cond_broadcast(&f->loaded);
}

static int wait_for(struct frames *f, struct frame *fr)
{
	LOCKED(&f->lock);

	while (fr->loading)
		(void) pthread_cond_wait(&f->loaded, &f->lock);
	return fr->error;
}

static void put(struct frames *f, struct frame *fr)
{
	LOCKED(&f->lock);

	fr->users--;
	free_unused(fr);
}

int frames_read(struct frames *f, struct fifo_key key, uint32_t plain_len, uint32_t from, void *ret_data, size_t len,
		bool nowait, frames_load_fn load, void *context)
{
	struct frame *fr = get(f, key);
	bool mine = false;
	int r = 0;

	if (!fr && nowait)
		return -EAGAIN;
	if (!fr)
		fr = join(f, key, plain_len, &mine);
	if (!fr)
		return -ENOMEM;
	if (mine)
		end_load(f, fr, load(context, fr->plain));
	r = wait_for(f, fr);
	/* Another length for the same frame: one of two records is wrong. */
	if (r >= 0 && (from > fr->len || len > fr->len - from))
		r = -EBADMSG;
	if (r >= 0)
		memcpy(ret_data, fr->plain + from, len);
	put(f, fr);
	return MIN(r, 0);
}
