/* SPDX-License-Identifier: MIT */
/* Reading descriptions of objects: which files' bytes they were when they were written. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/hot/hot_impl.h"

static int open_description(struct hot *h, const struct extent *e, const struct object_head *head,
			    const uint8_t *sealed, uint8_t *ret_plain)
{
	struct seal_place at = { e->run.id.bytes, sizeof(e->run.id.bytes), OBJECT_DESCRIPTION_PLACE };
	struct seal_run *run;
	int r = seal_run_open(h->config.keys, SEAL_EXTENT, &e->run, &run);

	if (r < 0)
		return r;
	r = seal_open(run, object_blocks(head->object_len), &at, sealed, head->description_len, ret_plain);
	(void) seal_run_free(run);
	return r;
}

/* The sealed bytes in *ret_sealed. */
static int load(int fd, const struct extent *e, struct object_head *ret_head, struct buf *ret_sealed)
{
	uint8_t bytes[OBJECT_HEAD_SIZE], *room;
	int r = io_pread_exact(fd, bytes, sizeof(bytes), e->place);

	if (r >= 0)
		r = object_head_load(bytes, ret_head);
	if (r >= 0 && (ret_head->description_len <= SEAL_TAG_SIZE || ret_head->description_len > OBJECT_DESCRIPTION_MAX))
		r = -EBADMSG;
	if (r >= 0)
		r = buf_extend(ret_sealed, ret_head->description_len, &room);
	if (r >= 0)
		r = io_pread_exact(fd, room, ret_head->description_len, e->place + object_tags_end(ret_head->object_len));
	return r;
}

int object_read_parts(struct reader *in, uint32_t object_len, int (*part)(void *context, const struct object_part *p),
		      void *context)
{
	uint64_t n = reader_varint(in), total = 0;

	if (n > OBJECT_PARTS_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		struct object_part p = { .ino = reader_varint(in), .offset = reader_varint(in) };
		uint64_t len = reader_varint(in);
		int r;

		if (in->bad || len == 0 || len > object_len - total || p.offset > INT64_MAX - len)
			return -EBADMSG;
		p.len = (uint32_t)len;
		total += len;
		r = part(context, &p);
		if (r < 0)
			return r;
	}
	return total == object_len && !reader_left(in) ? 0 : -EBADMSG;
}

struct parts {
	const struct extent *object;
	hot_described_fn described;
	void *context;
	uint32_t skip;
};

static int visit_part(void *context, const struct object_part *part)
{
	struct parts *p = context;
	struct extent e = *p->object;

	e.offset = part->offset;
	e.len = part->len;
	e.skip = p->skip;
	p->skip += part->len;
	return p->described(p->context, part->ino, &e);
}

int hot_foreach_part(struct hot *h, const struct extent *object, hot_described_fn described, void *context)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT, plain = BUF_INIT;
	struct parts parts = { object, described, context, 0 };
	struct object_head head;
	struct segment *seg;
	struct reader in;
	uint8_t *room;
	int r = segments_get(h->segments, object->segment, &seg);

	if (r < 0)
		return r;
	r = load(segment_fd(seg), object, &head, &sealed);
	segments_put(h->segments, seg);
	if (r >= 0)
		r = buf_extend(&plain, sealed.len, &room);
	if (r >= 0)
		r = open_description(h, object, &head, sealed.data, room);
	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	in = reader_over(plain.data, head.description_len - SEAL_TAG_SIZE);
	return object_read_parts(&in, head.object_len, visit_part, &parts);
}
