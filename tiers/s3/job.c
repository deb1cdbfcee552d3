/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "tiers/s3/s3_impl.h"

#define HASH_SLICE (128u << 10)
/* SHA-256 of nothing. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct job *job_new(struct s3 *s, const struct bucket_call *c, enum bucket_op op, const char *method,
		    const char *key)
{
	uint32_t timeout_ms = c->timeout_ms ? c->timeout_ms : s->config.overall_timeout_ms;
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->s3 = s;
	j->op = op;
	j->cause = c->cause;
	j->method = method;
	j->deadline_ms = clock_mono_ms() + timeout_ms;
	j->body.fd = -1;
	memcpy(j->payload_hash, EMPTY_HASH, sizeof(j->payload_hash));
	if (key && !(j->key = strdup(key)))
		return job_free(j);
	return j;
}

static void free_pairs(struct sigv4_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)pairs[i].value);
}

struct job *job_free(struct job *j)
{
	if (!j)
		return NULL;
	free_pairs(j->query, j->n_query);
	free_pairs(j->headers, j->n_headers);
	http_transfer_done(&j->http);
	buf_done(&j->made_body);
	free(j->key);
	free(j);
	return NULL;
}

static int add_pair(struct sigv4_pair *pairs, size_t *n, const char *name, const char *value)
{
	char *copy = strdup(value);

	assert(*n < JOB_PAIRS_MAX);
	if (!copy)
		return -ENOMEM;
	pairs[(*n)++] = (struct sigv4_pair){ name, copy };
	return 0;
}

int job_add_query(struct job *j, const char *name, const char *value)
{
	return add_pair(j->query, &j->n_query, name, value);
}

int job_add_header(struct job *j, const char *name, const char *value)
{
	return add_pair(j->headers, &j->n_headers, name, value);
}

static int hash_file(const struct bucket_body *b, struct sha256 *h)
{
	_cleanup_free_ uint8_t *slice = malloc(HASH_SLICE);
	int r = slice ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < b->len && r >= 0;) {
		size_t len = MIN(b->len - at, (uint64_t)HASH_SLICE);

		r = io_pread_exact(b->fd, slice, len, b->offset + at);
		if (r >= 0)
			sha256_add(h, slice, len);
		at += len;
	}
	return r;
}

int job_set_body(struct job *j, const struct bucket_body *body)
{
	uint8_t hash[SHA256_SIZE];
	struct sha256 h;
	int r = 0;

	if (body)
		j->body = *body;
	else
		j->body = (struct bucket_body){ .data = j->made_body.data, .fd = -1, .len = j->made_body.len };
	j->has_body = true;
	sha256_init(&h);
	if (j->body.data)
		sha256_add(&h, j->body.data, j->body.len);
	else if (j->body.len > 0)
		r = hash_file(&j->body, &h);
	if (r < 0)
		return r;
	sha256_end(&h, hash);
	sha256_hex(hash, j->payload_hash);
	return 0;
}

void job_set_range(struct job *j, uint64_t from, void *data, size_t len)
{
	j->from = from;
	j->sink = data;
	j->sink_size = len;
}

uint64_t job_bytes(const struct job *j)
{
	return j->has_body ? j->body.len : j->sink_size;
}

void job_list_add(struct job_list *l, struct job *j)
{
	j->next = NULL;
	j->previous = l->last;
	*(l->last ? &l->last->next : &l->first) = j;
	l->last = j;
	l->n++;
}

void job_list_remove(struct job_list *l, struct job *j)
{
	*(j->previous ? &j->previous->next : &l->first) = j->next;
	*(j->next ? &j->next->previous : &l->last) = j->previous;
	j->next = j->previous = NULL;
	l->n--;
}

struct job *job_list_take(struct job_list *l)
{
	struct job *j = l->first;

	if (j)
		job_list_remove(l, j);
	return j;
}
