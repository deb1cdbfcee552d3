/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/virtual.h"

#define LINE_MAX_BYTES (1u << 20)

struct stream {
	struct stream *next;
	uint64_t fh;
	struct caller opener; /* owned */
	bool busy, answered;
	size_t at;            /* cursor in `answer` */
	struct buf line;      /* owned */
	struct buf answer;    /* owned */
};

struct streams {
	pthread_mutex_t lock;  /* rank 50 */
	struct stream *first;  /* guarded by lock, with all below it; few */
};

int streams_new(struct streams **ret_s)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	(void) pthread_mutex_init(&s->lock, NULL);
	*ret_s = s;
	return 0;
}

static void stream_free(struct stream *t)
{
	caller_done(&t->opener);
	buf_done(&t->line);
	buf_done(&t->answer);
	free(t);
}

struct streams *streams_free(struct streams *s)
{
	if (!s)
		return NULL;
	while (s->first) {
		struct stream *t = s->first;

		s->first = t->next;
		stream_free(t);
	}
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

static struct stream **find(struct streams *s, uint64_t fh)
{
	struct stream **at = &s->first;

	while (*at && (*at)->fh != fh)
		at = &(*at)->next;
	return at;
}

int streams_open(struct streams *s, uint64_t fh, struct caller *opener)
{
	struct stream *t = calloc(1, sizeof(*t));

	if (!t) {
		caller_done(opener);
		return -ENOMEM;
	}
	t->fh = fh;
	t->opener = *opener;
	*opener = (struct caller){ 0 };
	LOCKED(&s->lock);
	t->next = s->first;
	s->first = t;
	return 0;
}

int streams_opener(struct streams *s, uint64_t fh, struct caller *ret_c)
{
	LOCKED(&s->lock);
	struct stream *t = *find(s, fh);

	return t ? caller_copy(&t->opener, ret_c) : -ESTALE;
}

void streams_close(struct streams *s, uint64_t fh)
{
	LOCKED(&s->lock);
	struct stream **at = find(s, fh), *t = *at;

	if (!t)
		return;
	*at = t->next;
	stream_free(t);
}

static int collect(struct stream *t, const char *data, size_t size, char **ret_line)
{
	const char *end = memchr(data, '\n', size);
	size_t len = end ? (size_t)(end - data) : size;
	int r = t->line.len + len > LINE_MAX_BYTES ? -EFBIG : buf_add(&t->line, data, len);

	if (r == 0 && end && t->line.len && memchr(t->line.data, 0, t->line.len)) {
		r = -EINVAL;
	} else if (r == 0 && end) {
		*ret_line = strndup(t->line.data ? (const char *)t->line.data : "", t->line.len);
		r = *ret_line ? 1 : -ENOMEM;
	}
	if (r != 0)
		buf_done(&t->line);
	return r;
}

int streams_write(struct streams *s, uint64_t fh, const char *data, size_t size, char **ret_line)
{
	LOCKED(&s->lock);
	struct stream *t = *find(s, fh);
	int r;

	if (!t)
		return -ESTALE;
	if (t->busy)
		return -EBUSY;
	t->answered = false;
	r = collect(t, data, size, ret_line);
	t->busy = r == 1;
	return r;
}

void streams_answer(struct streams *s, uint64_t fh, struct buf *answer)
{
	LOCKED(&s->lock);
	struct stream *t = *find(s, fh);

	if (!t) {
		if (answer)
			buf_done(answer);
		return;
	}
	t->busy = false;
	buf_done(&t->answer);
	t->at = 0;
	t->answered = answer != NULL;
	if (answer) {
		t->answer = *answer;
		*answer = BUF_INIT;
	}
}

ssize_t streams_read(struct streams *s, uint64_t fh, void *ret_data, size_t size)
{
	LOCKED(&s->lock);
	struct stream *t = *find(s, fh);
	size_t n;

	if (!t)
		return -ESTALE;
	if (!t->answered)
		return -EINVAL;
	n = MIN(size, t->answer.len - t->at);
	if (n)
		memcpy(ret_data, t->answer.data + t->at, n);
	t->at += n;
	return (ssize_t)n;
}
