/* SPDX-License-Identifier: MIT */
/* Writing and copying objects. An object is sealed in a staging buffer and written from there; the
 * batch that names it comes after, so a failure leaves dead bytes and nothing else. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/hot/hot_impl.h"

DEFINE_CLEANUP(struct seal_run *, seal_run_free)

static int seal_block(struct seal_run *run, uint64_t place, uint64_t nonce_wanted, const void *plain, size_t len,
		      void *ret_cipher, uint8_t *ret_tag)
{
	const struct seal_run_header *h = seal_run_get_header(run);
	struct seal_place at = { .object = h->id.bytes, .object_len = sizeof(h->id.bytes), .place = place };
	uint64_t nonce;
	int r;

	r = seal_seal_detached(run, &at, plain, len, ret_cipher, ret_tag, &nonce);
	if (r < 0)
		return r;
	/* Readers take the block's number for its nonce. */
	return nonce == nonce_wanted ? 0 : -EIO;
}

static int seal_blocks(struct seal_run *run, const struct object_head *h, const uint8_t *data, uint8_t *object)
{
	for (uint32_t k = 0; k < object_blocks(h->object_len); k++) {
		size_t at = (size_t)k * BLOCK_SIZE;
		int r = seal_block(run, k, k, data + at, object_block_len(h->object_len, k),
				   object + h->front + at, object + OBJECT_HEAD_SIZE + k * SEAL_TAG_SIZE);

		if (r < 0)
			return r;
	}
	return 0;
}

static int seal_description(struct seal_run *run, const struct object_head *h, const struct buf *plain,
			    uint8_t *object)
{
	uint8_t *at = object + object_tags_end(h->object_len);

	return seal_block(run, OBJECT_DESCRIPTION_PLACE, object_blocks(h->object_len), plain->data, plain->len,
			  at, at + plain->len);
}

/* Fills the object's bytes, all of them. */
static int seal_object(struct hot *h, const void *data, const struct buf *description,
		       struct object_head *ret_head, uint8_t *ret_object)
{
	_cleanup_(seal_run_freep) struct seal_run *run = NULL;
	uint32_t used, stored;
	int r;

	r = seal_run_new(h->config.keys, SEAL_EXTENT, &run);
	if (r < 0)
		return r;
	ret_head->run = *seal_run_get_header(run);
	object_head_store(ret_head, ret_object);
	used = object_tags_end(ret_head->object_len) + ret_head->description_len;
	memset(ret_object + used, 0, ret_head->front - used);
	used = ret_head->front + ret_head->object_len;
	stored = object_stored_size(ret_head);
	memset(ret_object + used, 0, stored - used);
	r = seal_blocks(run, ret_head, data, ret_object);
	return r < 0 ? r : seal_description(run, ret_head, description, ret_object);
}

static int store(struct hot *h, const struct object_head *head, const uint8_t *object, struct hot_object *ret_o)
{
	struct hot_object o = { .run = head->run, .object_len = head->object_len };
	uint32_t stored = object_stored_size(head);
	int r;

	r = segments_reserve(h->segments, stored, &o.segment, &o.place);
	if (r < 0)
		return r;
	r = segments_write(h->segments, o.segment, object, stored, o.place);
	if (r < 0) {
		hot_release(h, &o);
		return r;
	}
	*ret_o = o;
	return 0;
}

int hot_write(struct hot *h, const void *data, uint32_t len, const struct object_part *parts, size_t n,
	      struct hot_object *ret_o)
{
	_cleanup_buf_ struct buf description = BUF_INIT;
	struct object_head head = { .object_len = len };
	uint8_t *staging;
	int r;

	if (len == 0 || len > OBJECT_MAX || n > OBJECT_PARTS_MAX)
		return -EINVAL;
	r = object_describe(parts, n, &description);
	if (r < 0)
		return r;
	staging = hot_staging_get(h);
	if (!staging)
		return -ENOMEM;
	head.description_len = (uint32_t)description.len + SEAL_TAG_SIZE;
	r = seal_object(h, data, &description, &head, staging);
	if (r >= 0)
		r = store(h, &head, staging, ret_o);
	hot_staging_put(h, staging);
	return r;
}

/* Reads an object as it lies in its segment. */
static int read_stored(int fd, const struct extent *e, struct object_head *ret_head, uint8_t *ret_object)
{
	int r = io_pread_exact(fd, ret_object, OBJECT_HEAD_SIZE, e->place);

	if (r >= 0)
		r = object_head_load(ret_object, ret_head);
	if (r >= 0 && (!id128_equal(ret_head->run.id, e->run.id) || ret_head->object_len != e->object_len))
		r = -EBADMSG;
	if (r >= 0)
		r = io_pread_exact(fd, ret_object, object_stored_size(ret_head), e->place);
	return r == -ENODATA ? -EBADMSG : r;
}

int hot_copy(struct hot *h, const struct extent *e, struct hot_object *ret_o)
{
	struct object_head head;
	struct segment *seg;
	uint8_t *staging;
	int r;

	r = segments_get(h->segments, e->segment, &seg);
	if (r < 0)
		return r;
	staging = hot_staging_get(h);
	r = staging ? read_stored(segment_fd(seg), e, &head, staging) : -ENOMEM;
	segments_put(h->segments, seg);
	if (r >= 0)
		r = store(h, &head, staging, ret_o);
	if (staging)
		hot_staging_put(h, staging);
	return r;
}

void hot_release(struct hot *h, struct hot_object *o)
{
	segments_release(h->segments, o->segment);
}
