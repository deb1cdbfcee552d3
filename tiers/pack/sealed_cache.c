/* SPDX-License-Identifier: MIT */
#include "tiers/pack/sealed_cache_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/thread.h"
#include "tiers/pack/fifo.h"

#define CHUNK_SIZE SEALED_CHUNK_SIZE
#define PART_FRAME SEALED_PART_FRAME
#define FILE_NAME_SIZE (ID128_TEXT_SIZE + 8)
/* A bucket that is away is asked again so often, so long; with `fails` it has this time in all. */
#define AGAIN_MS 250u
#define PATIENCE_MS 60000u
#define FAIL_MS 10000u

/* A part that is in its file. */
struct part {
	struct id128 id;
	uint64_t from, len;
	bool frame;
};

/* ---- parts and their files */

static struct part part_of(const struct cold_pack *o, uint64_t part, uint64_t len)
{
	uint64_t from = part & PART_FRAME ? part & ~PART_FRAME : part * CHUNK_SIZE;

	return (struct part){ o->id, from, part & PART_FRAME ? len : MIN((uint64_t)CHUNK_SIZE, o->size - from),
			      part & PART_FRAME };
}

static int open_file(const struct sealed_cache *c, const struct part *p, int flags)
{
	char id[ID128_TEXT_SIZE], name[FILE_NAME_SIZE];
	int fd;

	if (c->dirfd < 0)
		return -ENOENT;
	(void) snprintf(name, sizeof(name), "%s.%s", id128_format(p->id, id), p->frame ? "frames" : "chunks");
	fd = openat(c->dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

/* Called under the lock: a hole takes microseconds. */
static void evicted(void *context, struct fifo_key key, void *value)
{
	struct part *p = value;
	_cleanup_close_ int fd = open_file(context, p, O_WRONLY);

	if (fd >= 0)
		(void) fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)p->from, (off_t)p->len);
	free(p);
}

static bool is_ours(const char *name)
{
	char id[ID128_TEXT_SIZE];
	struct id128 parsed;

	if (strlen(name) < ID128_TEXT_SIZE || name[ID128_TEXT_SIZE - 1] != '.')
		return false;
	memcpy(id, name, ID128_TEXT_SIZE - 1);
	id[ID128_TEXT_SIZE - 1] = '\0';
	return id128_parse(id, &parsed) >= 0;
}

static void remove_all(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((d = readdir(dir)))
		if (is_ours(d->d_name))
			(void) unlinkat(dirfd, d->d_name, 0);
	(void) closedir(dir);
}

/* ---- life */

int sealed_cache_new(int dirfd, uint64_t capacity, struct sealed_cache **ret_c)
{
	struct sealed_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->dirfd = dirfd;
	c->capacity = capacity;
	(void) pthread_mutex_init(&c->lock, NULL);
	cond_init(&c->idle);
	r = fifo_new(capacity, evicted, c, &c->fifo);
	if (r < 0) {
		(void) sealed_cache_free(c);
		return r;
	}
	if (dirfd >= 0)
		remove_all(dirfd);
	*ret_c = c;
	return 0;
}

static void drop(void *context, struct fifo_key key, void *value)
{
	free(value);
}

static void wait_until_idle(struct sealed_cache *c)
{
	LOCKED(&c->lock);

	while (c->ahead > 0)
		(void) pthread_cond_wait(&c->idle, &c->lock);
}

struct sealed_cache *sealed_cache_free(struct sealed_cache *c)
{
	if (!c)
		return NULL;
	wait_until_idle(c);
	if (c->fifo)
		fifo_foreach(c->fifo, drop, NULL);
	c->fifo = fifo_free(c->fifo);
	(void) pthread_cond_destroy(&c->idle);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

void sealed_cache_set_bucket(struct sealed_cache *c, struct bucket *b)
{
	atomic_store(&c->bucket, b);
}

struct bucket *sealed_cache_get_bucket(struct sealed_cache *c)
{
	return atomic_load(&c->bucket);
}

void sealed_cache_set_patience(struct sealed_cache *c, bool fail, uint64_t timeout_s)
{
	atomic_store(&c->fails, fail);
	atomic_store(&c->patience_ms, timeout_s * 1000);
}

void sealed_cache_add_memory(struct sealed_cache *c, struct memory_parts *m)
{
	LOCKED(&c->lock);

	memory_part_add(m, "cold_cache", fifo_memory(c->fifo), 0);
}

/* ---- what is here */

bool sealed_cache_has_part(struct sealed_cache *c, uint64_t number, uint64_t part)
{
	LOCKED(&c->lock);

	return fifo_get(c->fifo, (struct fifo_key){ number, part }) != NULL;
}

static void forget(struct sealed_cache *c, uint64_t number, uint64_t part)
{
	LOCKED(&c->lock);

	free(fifo_remove(c->fifo, (struct fifo_key){ number, part }));
}

static void note(struct sealed_cache *c, uint64_t number, uint64_t part, const struct part *p)
{
	struct part *copy = malloc(sizeof(*copy));
	LOCKED(&c->lock);

	if (copy)
		*copy = *p;
	/* Two who have fetched the same. */
	if (!copy || fifo_get(c->fifo, (struct fifo_key){ number, part }) ||
	    fifo_put(c->fifo, (struct fifo_key){ number, part }, p->len, copy) < 0)
		free(copy);
}

/* Keeps what was fetched, if it can. The bytes come before the note that they are there. */
void sealed_cache_store(struct sealed_cache *c, const struct cold_pack *o, uint64_t part, const uint8_t *data,
			uint64_t len)
{
	struct part p = part_of(o, part, len);
	_cleanup_close_ int fd = c->capacity < p.len ? -1 : open_file(c, &p, O_WRONLY | O_CREAT);

	if (fd >= 0 && io_pwrite(fd, data, p.len, p.from) >= 0)
		note(c, o->number, part, &p);
}

/* 1: it was here. Who finds it gone afterwards may have read a hole. */
static int read_part(struct sealed_cache *c, const struct cold_pack *o, uint64_t part, uint8_t *ret_data, uint64_t len)
{
	struct part p = part_of(o, part, len);
	_cleanup_close_ int fd = sealed_cache_has_part(c, o->number, part) ? open_file(c, &p, O_RDONLY) : -1;

	return fd >= 0 && io_pread_exact(fd, ret_data, p.len, p.from) >= 0 && sealed_cache_has_part(c, o->number, part);
}

bool sealed_cache_has(struct sealed_cache *c, uint64_t number, struct cold_frame f)
{
	if (cold_frame_is_large(f))
		return sealed_cache_has_part(c, number, PART_FRAME | f.place);
	for (uint64_t k = f.place / CHUNK_SIZE; k * CHUNK_SIZE < f.place + f.len; k++)
		if (!sealed_cache_has_part(c, number, k))
			return false;
	return true;
}

/* ---- reading */

static bool is_on_its_way(struct sealed_cache *c, uint64_t number, uint64_t from, uint64_t to)
{
	for (unsigned k = 0; k < FLIGHTS_MAX; k++)
		if (c->flights[k].number == number && from < c->flights[k].to && to > c->flights[k].from)
			return true;
	return false;
}

static struct flight *flight_at(struct sealed_cache *c, uint64_t number, uint64_t from)
{
	for (unsigned k = 0; k < FLIGHTS_MAX; k++)
		if (c->flights[k].number == number && (!number || c->flights[k].from == from))
			return &c->flights[k];
	return NULL;
}

bool sealed_cache_begin_flight(struct sealed_cache *c, uint64_t number, uint64_t from, uint64_t to, bool ahead)
{
	LOCKED(&c->lock);
	struct flight *f = flight_at(c, 0, 0);

	if (!f || (ahead && c->ahead == AHEAD_MAX) || is_on_its_way(c, number, from, to))
		return false;
	*f = (struct flight){ number, from, to };
	c->ahead += ahead;
	return true;
}

void sealed_cache_end_flight(struct sealed_cache *c, uint64_t number, uint64_t from, bool ahead)
{
	LOCKED(&c->lock);

	*flight_at(c, number, from) = (struct flight){ 0 };
	c->ahead -= ahead;
	(void) pthread_cond_broadcast(&c->idle);
}

/* Who reads on mostly comes before what was fetched ahead, and would fetch it once more. */
void sealed_cache_wait_for_flight(struct sealed_cache *c, uint64_t number, uint64_t from, uint64_t to)
{
	uint64_t until_ms = clock_mono_ms() + AHEAD_MS;
	LOCKED(&c->lock);

	while (is_on_its_way(c, number, from, to))
		if (cond_wait_until(&c->idle, &c->lock, until_ms) == -ETIMEDOUT)
			return;
}

/* May the bucket be back soon? */
static bool may_pass(int64_t r)
{
	return r == -EHOSTUNREACH || r == -ETIMEDOUT || r == -EBUSY || r == -EREMOTEIO;
}

/* A time-out of the bucket's own may be shorter: it is asked again. */
static int64_t get_patiently(struct sealed_cache *c, struct bucket *b, struct bucket_call *call, const char *key,
			     uint64_t from, void *ret_data, uint64_t len)
{
	bool fails = atomic_load(&c->fails);
	uint64_t patience_ms = atomic_load(&c->patience_ms), now_ms = clock_mono_ms(), until_ms;
	int64_t n;

	until_ms = now_ms + (fails ? FAIL_MS : patience_ms ? patience_ms : PATIENCE_MS);
	for (;;) {
		call->timeout_ms = (uint32_t)MIN(until_ms - now_ms, (uint64_t)UINT32_MAX);
		n = bucket_get(b, call, key, from, ret_data, len);
		now_ms = clock_mono_ms();
		if (fails || !may_pass(n) || now_ms + AGAIN_MS >= until_ms)
			return n;
		(void) usleep(AGAIN_MS * 1000);
		now_ms += AGAIN_MS;
	}
}

int sealed_cache_fetch(struct sealed_cache *c, const struct cold_pack *o, uint64_t from, uint64_t len,
		       enum bucket_cause cause, uint8_t *ret_data)
{
	struct bucket_call call = { .cause = cause };
	struct bucket *b = atomic_load(&c->bucket);
	int64_t n;

	if (!b)
		return -EHOSTUNREACH;
	n = get_patiently(c, b, &call, o->key, from, ret_data, len);
	if (n < 0)
		return (int)n;
	return (uint64_t)n < len ? -EBADMSG : 0; /* the object is shorter than it was */
}

static int read_large(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame f, enum bucket_cause cause,
		      uint8_t *ret_data)
{
	uint64_t part = PART_FRAME | f.place;
	int r;

	sealed_cache_wait_for_flight(c, o->number, f.place, f.place + f.len);
	if (read_part(c, o, part, ret_data, f.len) > 0)
		return 0;
	r = sealed_cache_fetch(c, o, f.place, f.len, cause, ret_data);
	if (r >= 0)
		sealed_cache_store(c, o, part, ret_data, f.len);
	return r;
}

/* The one or two chunks that it lies in, side by side in `space`; what is missing of them in one request. */
static int read_chunks(struct sealed_cache *c, const struct cold_pack *o, uint64_t first, uint64_t end,
		       enum bucket_cause cause, uint8_t *space)
{
	bool here[2] = { false };
	uint64_t from = first, to = end, at;
	int r;

	sealed_cache_wait_for_flight(c, o->number, first * CHUNK_SIZE, end * CHUNK_SIZE);
	for (uint64_t k = first; k < end; k++)
		here[k - first] = read_part(c, o, k, space + (k - first) * CHUNK_SIZE, CHUNK_SIZE) > 0;
	from += here[0];
	to -= end - first == 2 && here[1];
	if (from >= to)
		return 0;
	at = from * CHUNK_SIZE;
	r = sealed_cache_fetch(c, o, at, MIN(to * CHUNK_SIZE, o->size) - at, cause, space + (from - first) * CHUNK_SIZE);
	for (uint64_t k = from; r >= 0 && k < to; k++)
		sealed_cache_store(c, o, k, space + (k - first) * CHUNK_SIZE, CHUNK_SIZE);
	return r;
}

static int read_small(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame f, enum bucket_cause cause,
		      uint8_t *ret_data)
{
	uint64_t first = f.place / CHUNK_SIZE, end = (f.place + f.len + CHUNK_SIZE - 1) / CHUNK_SIZE;
	_cleanup_free_ uint8_t *space = malloc((end - first) * CHUNK_SIZE);
	int r = space ? read_chunks(c, o, first, end, cause, space) : -ENOMEM;

	if (r >= 0)
		memcpy(ret_data, space + (f.place - first * CHUNK_SIZE), f.len);
	return r;
}

static void forget_frame(struct sealed_cache *c, uint64_t number, struct cold_frame f)
{
	if (cold_frame_is_large(f))
		forget(c, number, PART_FRAME | f.place);
	for (uint64_t k = f.place / CHUNK_SIZE; !cold_frame_is_large(f) && k * CHUNK_SIZE < f.place + f.len; k++)
		forget(c, number, k);
}

int sealed_cache_read(struct sealed_cache *c, const struct cold_pack *o, struct cold_frame f, bool again,
		      enum bucket_cause cause, void *ret_data)
{
	if (f.place > o->size || f.len > o->size - f.place)
		return -EBADMSG;
	if (again)
		forget_frame(c, o->number, f);
	return cold_frame_is_large(f) ? read_large(c, o, f, cause, ret_data) : read_small(c, o, f, cause, ret_data);
}
