/* SPDX-License-Identifier: MIT */
#include "tests/fakes/mem_bucket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "tiers/s3/bucket_impl.h"

struct object {
	char *key; /* owned, as `data` */
	uint8_t *data;
	struct bucket_object is;
};

struct mem_bucket {
	struct bucket bucket;
	pthread_mutex_t lock;
	struct object *objects; /* owned; sorted by key; guarded by lock, as all below */
	size_t n;
	uint64_t writes, draws, requests;
	struct mem_faults faults;
	struct bucket_stats stats;
};

static bool chance(struct mem_bucket *m, unsigned percent)
{
	return percent > 0 && hash_mix64(m->faults.seed + 0x9e3779b97f4a7c15u * ++m->draws) % 100 < percent;
}

/* Where the key is, or would be. */
static size_t place_of(const struct mem_bucket *m, const char *key, bool *ret_found)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(m->objects[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < m->n && strcmp(m->objects[low].key, key) == 0;
	return low;
}

static struct object *find(const struct mem_bucket *m, const char *key)
{
	bool found;
	size_t at = place_of(m, key, &found);

	return found ? &m->objects[at] : NULL;
}

static void drop(struct mem_bucket *m, struct object *o)
{
	size_t at = (size_t)(o - m->objects);

	free(o->key);
	free(o->data);
	memmove(o, o + 1, (m->n - at - 1) * sizeof(*o));
	m->n--;
}

static int read_body(const struct bucket_body *b, uint8_t **ret_data)
{
	_cleanup_free_ uint8_t *data = malloc(b->len + 1);
	int r = 0;

	if (!data)
		return -ENOMEM;
	if (b->data)
		memcpy(data, b->data, b->len);
	else if (b->len > 0)
		r = io_pread_exact(b->fd, data, b->len, b->offset);
	if (r >= 0)
		*ret_data = steal_ptr(&data);
	return r;
}

static int insert(struct mem_bucket *m, const char *key, uint8_t *data, const struct bucket_object *is)
{
	bool found;
	size_t at = place_of(m, key, &found);
	struct object *grown = reallocarray(m->objects, m->n + 1, sizeof(*grown));
	char *copy = strdup(key);

	if (grown)
		m->objects = grown;
	if (!grown || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memmove(grown + at + 1, grown + at, (m->n - at) * sizeof(*grown));
	grown[at] = (struct object){ .key = copy, .data = data, .is = *is };
	m->n++;
	return 0;
}

static int put(struct mem_bucket *m, const struct bucket_request *q, struct bucket_object *ret_o)
{
	struct object *o = find(m, q->key);
	struct bucket_object is = { .size = q->body.len, .modified_s = (int64_t)(clock_real_ns() / 1000000000u) };
	uint8_t *data;
	int r;

	if (q->conditional && (q->etag ? !o || strcmp(o->is.etag, q->etag) != 0 : o != NULL))
		return BUCKET_EUNKNOWN;
	r = read_body(&q->body, &data);
	if (r < 0)
		return r;
	(void) snprintf(is.etag, sizeof(is.etag), "%" PRIu64, ++m->writes);
	if (o) {
		free(o->data);
		o->data = data;
		o->is = is;
	} else if ((r = insert(m, q->key, data, &is)) < 0) {
		free(data);
		return r;
	}
	*ret_o = is;
	ret_o->modified_s = 0;
	return 0;
}

static int get(struct mem_bucket *m, const struct bucket_request *q, struct bucket_result *result)
{
	const struct object *o = find(m, q->key);

	if (!o)
		return -ENOENT;
	result->len = q->from >= o->is.size ? 0 : MIN(q->len, o->is.size - q->from);
	if (result->len > 0)
		memcpy(q->data, o->data + q->from, result->len);
	if (chance(m, m->faults.short_percent))
		result->len /= 2;
	if (result->len > 0 && chance(m, m->faults.corrupt_percent))
		((uint8_t *)q->data)[m->draws % result->len] ^= 1;
	return 0;
}

static int carry_out(struct mem_bucket *m, const struct bucket_request *q, struct bucket_result *result)
{
	const struct object *o;

	switch (q->op) {
	case BUCKET_PUT:
		return put(m, q, &result->object);
	case BUCKET_GET:
		return get(m, q, result);
	case BUCKET_HEAD:
		o = find(m, q->key);
		if (o)
			result->object = o->is;
		return o ? 0 : -ENOENT;
	default:
		for (size_t i = 0; i < q->n_keys; i++)
			if ((o = find(m, q->keys[i])))
				drop(m, (struct object *)(uintptr_t)o);
		return 0;
	}
}

static int fail(struct mem_bucket *m, enum bucket_fault fault, struct bucket_error *ret_why)
{
	return bucket_fail(ret_why, fault ? fault : BUCKET_UNREACHABLE, 0, "a fault that was ordered (%u)", (unsigned)m->faults.fault);
}

static bool down(struct mem_bucket *m)
{
	m->requests++;
	return (m->faults.fail_after > 0 && m->requests > m->faults.fail_after) || chance(m, m->faults.fail_percent);
}

static int with_faults(struct mem_bucket *m, const struct bucket_request *q, struct bucket_result *result,
		       struct bucket_error *ret_why)
{
	bool writes = q->op == BUCKET_PUT || q->op == BUCKET_REMOVE;
	int r;

	if (down(m))
		return fail(m, m->faults.fault, ret_why);
	r = carry_out(m, q, result);
	if (r == -ENOENT)
		return bucket_fail(ret_why, BUCKET_ABSENT, 0, "no such object");
	if (r == BUCKET_EUNKNOWN)
		return bucket_fail(ret_why, BUCKET_UNKNOWN, 0, "the condition does not hold");
	if (r < 0)
		return bucket_fail(ret_why, BUCKET_LOCAL, r, "%s", strerrordesc_np(-r));
	if (writes && chance(m, m->faults.lost_percent))
		return fail(m, q->conditional ? BUCKET_UNKNOWN : m->faults.fault, ret_why);
	return 0;
}

static void delay(struct mem_bucket *m)
{
	unsigned most;

	(void) pthread_mutex_lock(&m->lock);
	most = m->faults.delay_ms;
	most = most ? (unsigned)(hash_mix64(m->faults.seed + ++m->draws) % (most + 1)) : 0;
	(void) pthread_mutex_unlock(&m->lock);
	if (most > 0)
		(void) usleep(most * 1000);
}

static void count(struct mem_bucket *m, enum bucket_cause cause, enum bucket_op op, uint64_t up, uint64_t down_bytes)
{
	struct bucket_usage *u = &m->stats.by[cause];

	u->requests[op]++;
	u->bytes_up += up;
	u->bytes_down += down_bytes;
}

static int mem_start(struct bucket *b, const struct bucket_request *q, bucket_done_fn done, void *context)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	struct bucket_result result = { 0 };
	struct bucket_error why = { 0 };

	delay(m);
	(void) pthread_mutex_lock(&m->lock);
	result.error = with_faults(m, q, &result, &why);
	result.why = result.error < 0 ? &why : NULL;
	count(m, q->cause, q->op, q->op == BUCKET_PUT ? q->body.len : 0, result.len);
	m->stats.failed += result.error < 0;
	m->stats.last = why;
	(void) pthread_mutex_unlock(&m->lock);
	done(context, &result);
	return 0;
}

static int mem_put_large(struct bucket *b, const struct bucket_call *c, const char *key, const struct bucket_body *body,
			 struct bucket_object *ret_object)
{
	struct bucket_call call = bucket_call_of(c);
	struct bucket_request q = { .op = BUCKET_PUT, .cause = call.cause, .key = key, .body = *body };
	struct bucket_result result;
	struct bucket_waiter w;
	int r;

	bucket_waiter_init(&w, call.ret_error);
	(void) mem_start(b, &q, bucket_waiter_came, &w);
	r = bucket_waiter_wait(&w, &result);
	if (r >= 0 && ret_object)
		*ret_object = result.object;
	return r;
}

/* The first entry after `after`, copied; the lock is not held while the caller looks at it. */
static char *next_entry(struct mem_bucket *m, const char *prefix, const char *after, struct bucket_object *ret_o)
{
	LOCKED(&m->lock);

	for (size_t i = 0; i < m->n; i++) {
		if (strncmp(m->objects[i].key, prefix, strlen(prefix)) != 0 || (after && strcmp(m->objects[i].key, after) <= 0))
			continue;
		*ret_o = m->objects[i].is;
		return strdup(m->objects[i].key);
	}
	return NULL;
}

static int mem_list(struct bucket *b, const struct bucket_call *c, const char *prefix, bucket_object_fn object,
		    void *context)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	char *key = NULL, *next;
	struct bucket_object o;
	int r;

	(void) pthread_mutex_lock(&m->lock);
	count(m, c->cause, BUCKET_LIST, 0, 0);
	r = down(m) ? fail(m, m->faults.fault, c->ret_error) : 0;
	(void) pthread_mutex_unlock(&m->lock);
	while (r == 0 && (next = next_entry(m, prefix, key, &o))) {
		free(key);
		key = next;
		r = object(context, key, &o);
	}
	free(key);
	return r;
}

static void mem_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	LOCKED(&m->lock);

	*ret_stats = m->stats;
}

static void mem_free(struct bucket *b)
{
	struct mem_bucket *m = (struct mem_bucket *)b;

	while (m->n > 0)
		drop(m, &m->objects[m->n - 1]);
	free(m->objects);
	(void) pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct bucket_ops mem_ops = {
	.start = mem_start,
	.put_large = mem_put_large,
	.list = mem_list,
	.stats = mem_stats,
	.free = mem_free,
};

int mem_bucket_new(struct bucket **ret_b)
{
	struct mem_bucket *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->bucket.ops = &mem_ops;
	(void) pthread_mutex_init(&m->lock, NULL);
	*ret_b = &m->bucket;
	return 0;
}

void mem_bucket_set_faults(struct bucket *b, const struct mem_faults *faults)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	LOCKED(&m->lock);

	m->faults = *faults;
	m->requests = m->draws = 0;
}

int mem_bucket_damage(struct bucket *b, const char *key, size_t at)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	LOCKED(&m->lock);
	struct object *o = find(m, key);

	if (!o || at >= o->is.size)
		return -ENOENT;
	o->data[at] ^= 0x40;
	return 0;
}

size_t mem_bucket_count(struct bucket *b, uint64_t *ret_bytes)
{
	struct mem_bucket *m = (struct mem_bucket *)b;
	LOCKED(&m->lock);

	for (size_t i = 0; ret_bytes && i < m->n; i++)
		*ret_bytes = (i > 0 ? *ret_bytes : 0) + m->objects[i].is.size;
	if (ret_bytes && m->n == 0)
		*ret_bytes = 0;
	return m->n;
}
