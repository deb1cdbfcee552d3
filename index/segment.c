/* SPDX-License-Identifier: MIT */
#include "index/segment.h"

#include <errno.h>
#include <stdlib.h>

#include "index/block_cache.h"

void postings_done(struct postings *p)
{
	free(p->items);
	*p = (struct postings){ 0 };
}

int postings_add(struct postings *p, uint32_t doc, uint32_t count)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct posting *grown = reallocarray(p->items, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->items = grown;
		p->cap = cap;
	}
	p->items[p->n++] = (struct posting){ doc, count };
	return 0;
}

int postings_encode(struct buf *out, uint32_t distance, uint32_t count)
{
	int r = buf_reserve(out, 20);

	if (r < 0)
		return r;
	(void) buf_add_varint(out, (uint64_t)distance << 1 | (count == 1));
	return count == 1 ? 0 : buf_add_varint(out, count);
}

int postings_decode(const void *data, size_t len, uint32_t n_docs, struct postings *p)
{
	struct reader in = reader_over(data, len);
	uint64_t doc = 0;

	while (reader_left(&in) > 0) {
		uint64_t head = reader_varint(&in), count = head & 1 ? 1 : reader_varint(&in);
		int r;

		if (in.bad || head >> 1 > n_docs)
			return -EBADMSG;
		doc += head >> 1;
		if (doc >= n_docs || count == 0 || count > UINT32_MAX)
			return -EBADMSG;
		r = postings_add(p, (uint32_t)doc, (uint32_t)count);
		if (r < 0)
			return r;
	}
	return 0;
}

void vector_run_done(struct vector_run *run)
{
	run->held = block_unref(run->held);
}

int segment_vector(struct segment *s, struct vector_reader *r, uint32_t number, const int16_t **ret_v)
{
	if (number < r->first || number - r->first >= r->run.n) {
		int e;

		vector_reader_done(r);
		e = s->ops->vectors(s, number, &r->run);
		if (e < 0)
			return e;
		r->first = number;
	}
	*ret_v = r->run.at + (size_t)(number - r->first) * s->stride;
	return 0;
}

void vector_reader_done(struct vector_reader *r)
{
	vector_run_done(&r->run);
	r->run.n = 0;
}

struct segment *segment_release(struct segment *s)
{
	if (!s)
		return NULL;
	free(s->census);
	s->ops->free(s);
	return NULL;
}

void segment_kill(struct segment *s, uint32_t doc)
{
	uint8_t before = atomic_fetch_or(&s->flags[doc], DOC_DEAD);

	if (!(before & DOC_DEAD))
		atomic_fetch_add(&s->n_dead, 1);
}

void segment_mark_moved(struct segment *s, uint32_t doc)
{
	atomic_fetch_or(&s->flags[doc], DOC_MOVED);
}

const char *segment_mime(const struct segment *s, uint32_t doc)
{
	uint16_t mime = s->docs[doc].mime;

	return mime < s->n_mimes ? s->mimes[mime] : "";
}
