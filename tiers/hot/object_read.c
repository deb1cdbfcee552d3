/* SPDX-License-Identifier: MIT */
/* Reading objects: the head and tags once (then they are cached), the ciphertext of whole blocks
 * straight to where the caller wants the plain bytes, opened in place. Only a block of which the
 * caller wants a part goes through a buffer on the stack. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/hot/hot_impl.h"

/* ---- heads and tags */

/* With `nowait` one call, which must bring everything. */
static int read_exact(int fd, void *data, size_t len, uint64_t place, bool nowait)
{
	struct iovec piece = { data, len };
	ssize_t n;
	int r;

	if (nowait) {
		n = preadv2(fd, &piece, 1, (off_t)place, RWF_NOWAIT);
		return n == (ssize_t)len ? 0 : -EAGAIN;
	}
	r = io_pread_exact(fd, data, len, place);
	return r == -ENODATA ? -EBADMSG : r;
}

static bool same_run(const struct seal_run_header *a, const struct seal_run_header *b)
{
	return id128_equal(a->id, b->id) && a->epoch == b->epoch && a->cipher == b->cipher;
}

static int load_object(struct hot *h, int fd, const struct extent *e, bool nowait, struct object **ret_o)
{
	uint8_t bytes[OBJECT_HEAD_SIZE + OBJECT_BLOCKS_MAX * SEAL_TAG_SIZE];
	size_t tags_len = (size_t)object_blocks(e->object_len) * SEAL_TAG_SIZE;
	struct object *o;
	int r;

	if (e->object_len == 0 || e->object_len > OBJECT_MAX)
		return -EBADMSG;
	r = read_exact(fd, bytes, OBJECT_HEAD_SIZE + tags_len, e->place, nowait);
	if (r < 0)
		return r;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	r = object_head_load(bytes, &o->head);
	if (r >= 0 && (!same_run(&o->head.run, &e->run) || o->head.object_len != e->object_len))
		r = -EBADMSG;
	if (r >= 0)
		r = seal_run_open(h->config.keys, SEAL_EXTENT, &e->run, &o->run);
	o->tags = r >= 0 ? malloc(tags_len) : NULL;
	if (r >= 0 && !o->tags)
		r = -ENOMEM;
	if (r < 0) {
		(void) object_free(o);
		return r;
	}
	memcpy(o->tags, bytes + OBJECT_HEAD_SIZE, tags_len);
	*ret_o = o;
	return 0;
}

static int find_object(struct hot *h, int fd, const struct extent *e, bool nowait, struct object **ret_o)
{
	struct object *o = object_get(h->objects, e->run.id);
	int r;

	if (!o) {
		r = load_object(h, fd, e, nowait, &o);
		if (r < 0)
			return r;
		o = object_add(h->objects, o);
	}
	if (o->head.object_len != e->object_len) {
		object_put(h->objects, o);
		return -EBADMSG;
	}
	*ret_o = o;
	return 0;
}

/* ---- blocks */

static int open_block(const struct object *o, uint32_t k, const uint8_t *cipher, uint8_t *ret_plain)
{
	struct seal_place at = { o->head.run.id.bytes, sizeof(o->head.run.id.bytes), k };

	return seal_open_detached(o->run, k, &at, cipher, object_block_len(o->head.object_len, k),
				  o->tags + (size_t)k * SEAL_TAG_SIZE, ret_plain);
}

/* The blocks [first, last] that hold the wanted bytes [from, to) of an object, and where each is read
 * to: a block that is wanted whole to its place in the caller's memory, others to `head` or `tail`. */
struct plan {
	uint32_t from, to, first, last;
	bool head_partial, tail_partial; /* tail_partial only when last > first */
	uint8_t *data;
	uint8_t head[BLOCK_SIZE], tail[BLOCK_SIZE];
	struct iovec pieces[3];
	int n;
	size_t total;
};

static void add_piece(struct plan *p, void *at, size_t len)
{
	p->pieces[p->n++] = (struct iovec){ at, len };
	p->total += len;
}

static void make_plan(struct plan *p, uint32_t object_len, uint32_t from, uint32_t len, uint8_t *data)
{
	uint32_t whole_first, whole_end, last_len;

	p->from = from;
	p->to = from + len;
	p->first = from / BLOCK_SIZE;
	p->last = (p->to - 1) / BLOCK_SIZE;
	p->data = data;
	p->n = 0;
	p->total = 0;
	last_len = object_block_len(object_len, p->last);
	p->tail_partial = p->to != p->last * BLOCK_SIZE + last_len;
	p->head_partial = from % BLOCK_SIZE != 0 || (p->first == p->last && p->tail_partial);
	p->tail_partial = p->tail_partial && p->first != p->last;
	if (p->head_partial)
		add_piece(p, p->head, object_block_len(object_len, p->first));
	whole_first = p->first + p->head_partial;
	whole_end = p->tail_partial ? p->last * BLOCK_SIZE : p->last * BLOCK_SIZE + last_len;
	if (whole_first * BLOCK_SIZE < whole_end)
		add_piece(p, data + (whole_first * BLOCK_SIZE - from), whole_end - whole_first * BLOCK_SIZE);
	if (p->tail_partial)
		add_piece(p, p->tail, last_len);
}

static int read_plan(int fd, const struct plan *p, uint64_t place, bool nowait)
{
	ssize_t n = preadv2(fd, p->pieces, p->n, (off_t)place, nowait ? RWF_NOWAIT : 0);

	if (n == (ssize_t)p->total)
		return 0;
	if (nowait)
		return -EAGAIN;
	for (int k = 0; k < p->n; k++) {
		int r = read_exact(fd, p->pieces[k].iov_base, p->pieces[k].iov_len, place, false);

		if (r < 0)
			return r;
		place += p->pieces[k].iov_len;
	}
	return 0;
}

static int open_head(struct plan *p, const struct object *o)
{
	uint32_t end = MIN(p->to, (p->first + 1) * BLOCK_SIZE);
	int r = open_block(o, p->first, p->head, p->head);

	if (r >= 0)
		memcpy(p->data, p->head + p->from % BLOCK_SIZE, end - p->from);
	return r;
}

static int open_tail(struct plan *p, const struct object *o)
{
	uint32_t begin = p->last * BLOCK_SIZE;
	int r = open_block(o, p->last, p->tail, p->tail);

	if (r >= 0)
		memcpy(p->data + (begin - p->from), p->tail, p->to - begin);
	return r;
}

static int open_plan(struct plan *p, const struct object *o)
{
	uint32_t end = p->last + 1 - p->tail_partial;
	int r = 0;

	if (p->head_partial)
		r = open_head(p, o);
	for (uint32_t k = p->first + p->head_partial; r >= 0 && k < end; k++) {
		uint8_t *at = p->data + ((size_t)k * BLOCK_SIZE - p->from);

		r = open_block(o, k, at, at);
	}
	if (r >= 0 && p->tail_partial)
		r = open_tail(p, o);
	return r;
}

static int read_object(const struct object *o, int fd, const struct extent *e, uint32_t from, void *ret_data,
		       size_t len, bool nowait)
{
	struct plan p;
	int r;

	make_plan(&p, e->object_len, from, (uint32_t)len, ret_data);
	r = read_plan(fd, &p, e->place + o->head.front + (uint64_t)p.first * BLOCK_SIZE, nowait);
	return r < 0 ? r : open_plan(&p, o);
}

/* ---- the tier's functions */

int hot_read(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len, enum tier_wait wait)
{
	bool nowait = wait == TIER_AT_ONCE;
	struct hot *h = (struct hot *)t;
	struct segment *seg;
	struct object *o;
	int r;

	if (len == 0)
		return 0;
	if (from > e->len || len > e->len - from || e->skip > e->object_len || e->len > e->object_len - e->skip)
		return -EBADMSG;
	r = segments_get(h->segments, e->segment, &seg);
	if (r < 0)
		return r;
	r = find_object(h, segment_fd(seg), e, nowait, &o);
	if (r >= 0) {
		r = read_object(o, segment_fd(seg), e, e->skip + (uint32_t)from, ret_data, len, nowait);
		object_put(h->objects, o);
	}
	segments_put(h->segments, seg);
	return r;
}

static int64_t verify_object(const struct object *o, int fd, const struct extent *e, uint8_t *staging)
{
	uint32_t blocks = object_blocks(e->object_len);
	int r;

	r = read_exact(fd, staging, e->object_len, e->place + o->head.front, false);
	for (uint32_t k = 0; r >= 0 && k < blocks; k++) {
		uint8_t *at = staging + (size_t)k * BLOCK_SIZE;

		r = open_block(o, k, at, at);
	}
	return r < 0 ? r : (int64_t)blocks;
}

int64_t hot_verify(struct tier *t, const struct extent *e)
{
	struct hot *h = (struct hot *)t;
	struct object *o = NULL;
	struct segment *seg;
	uint8_t *staging;
	int64_t r;

	r = segments_get(h->segments, e->segment, &seg);
	if (r < 0)
		return r;
	staging = hot_staging_get(h);
	r = staging ? load_object(h, segment_fd(seg), e, false, &o) : -ENOMEM;
	if (r >= 0)
		r = verify_object(o, segment_fd(seg), e, staging);
	if (staging)
		hot_staging_put(h, staging);
	(void) object_free(o);
	segments_put(h->segments, seg);
	return r;
}

/* ---- walking a segment */

static int read_head(int fd, uint64_t place, struct object_head *ret_head)
{
	uint8_t bytes[OBJECT_HEAD_SIZE];
	int r = io_pread_exact(fd, bytes, sizeof(bytes), place);

	return r < 0 ? r : object_head_load(bytes, ret_head);
}

static int walk(int fd, uint64_t number, int (*object)(void *context, const struct extent *e), void *context)
{
	struct object_head head;
	uint64_t place = 0;
	int r;

	for (;;) {
		r = read_head(fd, place, &head);
		if (r == -ENODATA)
			return 0;
		/* A gap, or damage: the next head may be at any multiple of a block. */
		if (r == -EBADMSG) {
			place += BLOCK_SIZE;
			continue;
		}
		if (r >= 0)
			r = object(context, &(struct extent){ .len = head.object_len, .kind = EXTENT_HOT,
							      .run = head.run, .segment = number, .place = place,
							      .object_len = head.object_len });
		if (r)
			return r;
		place += object_stored_size(&head);
	}
}

int hot_foreach_object(struct hot *h, uint64_t segment, int (*object)(void *context, const struct extent *e),
		       void *context)
{
	struct segment *seg;
	int r;

	r = segments_get(h->segments, segment, &seg);
	if (r < 0)
		return r;
	r = walk(segment_fd(seg), segment, object, context);
	segments_put(h->segments, seg);
	return r;
}
