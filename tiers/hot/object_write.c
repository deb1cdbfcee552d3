/* SPDX-License-Identifier: MIT */
/* Writing and copying objects. An object is sealed in a staging buffer and written from there, slice by
 * slice, its head with tags and description last; the batch that names it comes after, so a failure leaves
 * dead bytes and nothing else. Sealing takes as long as writing, so a large object's slices are shared with
 * the tier's partner. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/partner.h"
#include "tiers/hot/hot_impl.h"

#define SLICE_BLOCKS 32u /* 128 KiB: as much as one write call takes */
#define SLICES_MAX   (OBJECT_BLOCKS_MAX / SLICE_BLOCKS)
/* Fewer are done before a partner is awake. */
#define SHARED_SLICES_MIN 4u
/* Smaller objects come by the thousand, and none of them keeps a sync waiting. */
#define WRITE_BACK_MIN (256u << 10)

DEFINE_CLEANUP(struct seal_run *, seal_run_free)

/* An object on its way to its place in a segment. */
struct writing {
	struct hot *hot;
	const struct object_head *head;
	const uint8_t *data; /* borrowed */
	uint8_t *object;     /* borrowed: staging */
	const struct hot_object *at;
	unsigned n_slices;
	struct seal_claim claims[SLICES_MAX];
	_Atomic unsigned next;
	_Atomic int error;
};

static int seal_block(struct seal_claim *c, uint64_t place, const void *plain, size_t len, void *ret_cipher,
		      uint8_t *ret_tag)
{
	const struct seal_run_header *h = seal_run_get_header(c->run);
	struct seal_place at = { .object = h->id.bytes, .object_len = sizeof(h->id.bytes), .place = place };

	return seal_seal_claimed(c, &at, plain, len, ret_cipher, ret_tag);
}

static int write_bytes(const struct writing *w, size_t from, size_t to)
{
	return segments_write(w->hot->segments, w->at->segment, w->object + from, to - from, w->at->place + from);
}

static int write_slice(struct writing *w, unsigned slice)
{
	const struct object_head *h = w->head;
	uint32_t first = slice * SLICE_BLOCKS, end = MIN(first + SLICE_BLOCKS, object_blocks(h->object_len));

	for (uint32_t k = first; k < end; k++) {
		size_t at = (size_t)k * BLOCK_SIZE;
		int r = seal_block(&w->claims[slice], k, w->data + at, object_block_len(h->object_len, k),
				   w->object + h->front + at, w->object + OBJECT_HEAD_SIZE + k * SEAL_TAG_SIZE);

		if (r < 0)
			return r;
	}
	return write_bytes(w, h->front + (size_t)first * BLOCK_SIZE, h->front + (size_t)end * BLOCK_SIZE);
}

/* Until none is left. Runs in two threads. */
static void write_slices(void *writing)
{
	struct writing *w = writing;
	unsigned slice;

	while ((slice = atomic_fetch_add(&w->next, 1)) < w->n_slices) {
		int r = write_slice(w, slice);

		if (r < 0)
			atomic_store(&w->error, r);
	}
}

static int write_blocks(struct writing *w)
{
	struct partner *partner = w->n_slices >= SHARED_SLICES_MIN ? w->hot->partner : NULL;
	bool shared = partner && partner_offer(partner, write_slices, w);

	write_slices(w);
	if (shared)
		partner_withdraw(partner);
	return atomic_load(&w->error);
}

/* Readers take a block's number for its nonce. */
static int claim_slices(struct writing *w, struct seal_run *run)
{
	uint32_t blocks = object_blocks(w->head->object_len);

	for (uint32_t first = 0; first < blocks; first += SLICE_BLOCKS) {
		struct seal_claim *c = &w->claims[w->n_slices++];
		int r = seal_claim_nonces(run, MIN(blocks - first, SLICE_BLOCKS), c);

		if (r < 0)
			return r;
		if (c->next != first)
			return -EIO;
	}
	return 0;
}

static int seal_description(const struct writing *w, struct seal_run *run, const struct buf *plain)
{
	uint8_t *at = w->object + object_tags_end(w->head->object_len);
	struct seal_claim c;
	int r = seal_claim_nonces(run, 1, &c);

	return r < 0 ? r : seal_block(&c, OBJECT_DESCRIPTION_PLACE, plain->data, plain->len, at, at + plain->len);
}

static int write_object(struct writing *w, struct seal_run *run, const struct buf *description)
{
	const struct object_head *h = w->head;
	uint32_t used = object_tags_end(h->object_len) + h->description_len, stored = object_stored_size(h);
	int r = claim_slices(w, run);

	memset(w->object + used, 0, h->front - used);
	memset(w->object + h->front + h->object_len, 0, stored - h->front - h->object_len);
	if (r >= 0)
		r = seal_description(w, run, description);
	if (r >= 0)
		r = write_blocks(w);
	if (r >= 0)
		r = write_bytes(w, 0, h->front);
	if (r >= 0 && stored >= WRITE_BACK_MIN)
		segments_write_back(w->at->segment, w->at->place, stored);
	return r;
}

static int reserve(struct hot *h, const struct object_head *head, struct hot_object *ret_o)
{
	*ret_o = (struct hot_object){ .run = head->run, .object_len = head->object_len };
	return segments_reserve(h->segments, object_stored_size(head), &ret_o->segment, &ret_o->place);
}

/* With a run of its own, in a place of its own. Fills in the head. */
static int store_new(struct hot *h, const void *data, struct object_head *head, const struct buf *description,
		     uint8_t *staging, struct hot_object *ret_o)
{
	_cleanup_(seal_run_freep) struct seal_run *run = NULL;
	struct hot_object o;
	struct writing w = { .hot = h, .head = head, .data = data, .object = staging, .at = &o };
	int r;

	r = seal_run_new(h->config.keys, SEAL_EXTENT, &run);
	if (r < 0)
		return r;
	head->run = *seal_run_get_header(run);
	object_head_store(head, staging);
	r = reserve(h, head, &o);
	if (r < 0)
		return r;
	r = write_object(&w, run, description);
	if (r < 0)
		hot_release(h, &o);
	else
		*ret_o = o;
	return r;
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
	r = store_new(h, data, &head, &description, staging, ret_o);
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

static int store_copy(struct hot *h, const struct object_head *head, const uint8_t *object,
		      struct hot_object *ret_o)
{
	struct hot_object o;
	int r = reserve(h, head, &o);

	if (r < 0)
		return r;
	r = segments_write(h->segments, o.segment, object, object_stored_size(head), o.place);
	if (r < 0)
		hot_release(h, &o);
	else
		*ret_o = o;
	return r;
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
		r = store_copy(h, &head, staging, ret_o);
	if (staging)
		hot_staging_put(h, staging);
	return r;
}

void hot_release(struct hot *h, struct hot_object *o)
{
	segments_release(h->segments, o->segment);
}
