/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tiers/s3/impatient_impl.h"

void listing_done(struct listing *l)
{
	for (size_t k = 0; k < l->n; k++)
		free(l->items[k].key);
	free(l->items);
	*l = (struct listing){ 0 };
}

static int add_listed(void *context, const char *key, const struct bucket_object *o)
{
	struct listing *l = context;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct listed *more = realloc(l->items, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->items = more;
		l->cap = cap;
	}
	l->items[l->n] = (struct listed){ strdup(key), *o };
	return l->items[l->n].key ? (l->n++, 0) : -ENOMEM;
}

/* ---- copies */

static int copy_text(const char **place)
{
	if (!*place)
		return 0;
	*place = strdup(*place);
	return *place ? 0 : -ENOMEM;
}

static int copy_keys(struct task *t, const struct bucket_request *q)
{
	t->q.keys = NULL;
	t->q.n_keys = 0;
	if (q->n_keys == 0)
		return 0;
	t->keys = calloc(q->n_keys, sizeof(*t->keys));
	if (!t->keys)
		return -ENOMEM;
	t->q.keys = (const char *const *)t->keys;
	for (; t->q.n_keys < q->n_keys; t->q.n_keys++) {
		t->keys[t->q.n_keys] = strdup(q->keys[t->q.n_keys]);
		if (!t->keys[t->q.n_keys])
			return -ENOMEM;
	}
	return 0;
}

static int copy_body(struct task *t, const struct bucket_body *b)
{
	void *data = NULL;

	t->q.body = (struct bucket_body){ .fd = -1, .offset = b->offset, .len = b->len };
	if (b->data) {
		data = malloc(b->len + 1);
		if (!data)
			return -ENOMEM;
		memcpy(data, b->data, b->len);
		t->q.body.data = data;
		return 0;
	}
	t->q.body.fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	return t->q.body.fd < 0 ? -errno : 0;
}

static int copy_request(struct task *t, const struct bucket_request *q)
{
	int r, key, etag;

	t->q = *q;
	t->q.body.fd = -1;
	t->q.body.data = NULL;
	t->q.data = NULL;
	t->ret_data = q->data;
	key = copy_text(&t->q.key);
	etag = copy_text(&t->q.etag);
	r = copy_keys(t, q);
	if (r >= 0 && q->op == BUCKET_GET && q->len > 0 && !(t->q.data = malloc(q->len)))
		r = -ENOMEM;
	if (r >= 0 && q->op == BUCKET_PUT)
		r = copy_body(t, &q->body);
	return key < 0 ? key : etag < 0 ? etag : r;
}

struct task *task_new(enum task_kind kind, const struct bucket_request *q)
{
	struct task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->kind = kind;
	t->q.body.fd = -1;
	if (q && copy_request(t, q) < 0) {
		task_free(t);
		return NULL;
	}
	return t;
}

void task_free(struct task *t)
{
	if (!t)
		return;
	for (size_t k = 0; k < t->q.n_keys; k++)
		free(t->keys[k]);
	free(t->keys);
	free((void *)t->q.key);
	free((void *)t->q.etag);
	free((void *)t->q.body.data);
	free(t->q.data);
	closep(&t->q.body.fd);
	listing_done(&t->listing);
	t->opened = bucket_free(t->opened);
	free(t);
}

/* ---- carrying out */

static void came(void *context, const struct bucket_result *result)
{
	struct task *t = context;

	t->result = *result;
	if (result->why)
		t->why = *result->why;
}

static int run_large(struct task *t, struct bucket *inner)
{
	const struct bucket_call call = { .cause = t->q.cause, .ret_error = &t->why };

	return bucket_put(inner, &call, t->q.key, &t->q.body, &t->result.object);
}

static int run_list(struct task *t, struct bucket *inner)
{
	const struct bucket_call call = { .cause = t->q.cause, .ret_error = &t->why };

	return bucket_list(inner, &call, t->q.key, add_listed, &t->listing);
}

static int run_sweep(struct task *t, struct bucket *inner)
{
	const struct bucket_call call = { .cause = t->q.cause, .ret_error = &t->why };

	return bucket_sweep(inner, &call, t->q.key, t->older_than_s, &t->swept);
}

void task_run(struct task *t, struct bucket *inner, const struct impatient_config *config)
{
	int r = 0;

	switch (t->kind) {
	case TASK_OPEN:
		r = config->open(config->path, &t->opened, &t->why);
		break;
	case TASK_REQUEST:
		r = bucket_start(inner, &t->q, came, t);
		break;
	case TASK_LARGE:
		r = run_large(t, inner);
		break;
	case TASK_LIST:
		r = run_list(t, inner);
		break;
	case TASK_SWEEP:
		r = run_sweep(t, inner);
		break;
	}
	if (t->kind != TASK_REQUEST || r < 0)
		t->result.error = r;
	if (t->result.error < 0 && !t->why.error)
		(void) bucket_fail(&t->why, BUCKET_LOCAL, t->result.error, "the request cannot be made: %s",
				   strerrordesc_np(-t->result.error));
	t->result.why = t->result.error < 0 ? &t->why : NULL;
}
