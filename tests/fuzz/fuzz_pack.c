/* SPDX-License-Identifier: MIT */
/* What a pack says of itself, out of its seals. The first byte says which:
 *   h  the first bytes of a pack
 *   c  a plain trailer, then a plain table that must agree with it; what can be read can be written and read again
 *   z  le32 length, then what a frame's seal had: no byte beyond that length may be written */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "tiers/pack/codec.h"
#include "tiers/pack/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_head(const uint8_t *data, size_t len)
{
	uint8_t bytes[PACK_HEADER_SIZE] = { 0 }, again[PACK_HEADER_SIZE];
	struct seal_run_header h;

	memcpy(bytes, data, len < sizeof(bytes) ? len : sizeof(bytes));
	if (pack_header_load(bytes, &h) < 0)
		return;
	pack_header_store(&h, again);
	assert(memcmp(bytes, again, sizeof(bytes)) == 0);
}

static void check_entry(const struct table *t, const struct pack_entry *e)
{
	assert(e->inode.ino != 0 && e->inode.size <= INT64_MAX);
	for (uint32_t k = 0; k < e->n_names; k++) {
		assert(pack_name_is_valid(e->names[k].name, e->names[k].len));
		assert(strlen(e->names[k].name) == e->names[k].len);
	}
	for (uint32_t k = 0; k < e->n_xattrs; k++) {
		assert(strlen(e->xattrs[k].name) >= 1 && e->xattrs[k].len <= PACK_XATTR_MAX);
		for (uint32_t b = 0; b < e->xattrs[k].len; b++)
			(void) ((volatile const uint8_t *)e->xattrs[k].value)[b];
	}
	for (uint32_t k = 0; k < e->n_pieces; k++) {
		const struct pack_piece *p = &e->pieces[k];

		assert(p->len > 0 && p->offset <= INT64_MAX - p->len);
		assert(p->frame == PACK_HOLE || (p->frame < t->n_frames && p->skip < t->frames[p->frame].plain_len &&
						 p->len <= t->frames[p->frame].plain_len - p->skip));
	}
}

static void check_frames(const struct table *t, const struct pack_trailer *trailer)
{
	uint32_t place = PACK_HEADER_SIZE;

	for (uint32_t k = 0; k < t->n_frames; k++) {
		assert(t->frames[k].place >= place && t->frames[k].plain_len <= PACK_FRAME_MAX);
		place = t->frames[k].place + t->frames[k].stored_len;
	}
	assert(place <= trailer->table.place);
}

static int add_entry(struct table_builder *b, const struct pack_entry *e)
{
	int r = table_begin(b, &e->inode);

	for (uint32_t k = 0; k < e->n_names && r >= 0; k++)
		r = table_add_name(b, e->names[k].parent, e->names[k].name, e->names[k].len);
	for (uint32_t k = 0; k < e->n_xattrs && r >= 0; k++)
		r = table_add_xattr(b, e->xattrs[k].name, e->xattrs[k].value, e->xattrs[k].len);
	for (uint32_t k = 0; k < e->n_pieces && r >= 0; k++)
		r = table_add_piece(b, &e->pieces[k]);
	return r;
}

static bool pieces_are_equal(const struct pack_entry *a, const struct pack_entry *b)
{
	for (uint32_t k = 0; k < a->n_pieces; k++)
		if (a->pieces[k].offset != b->pieces[k].offset || a->pieces[k].len != b->pieces[k].len ||
		    a->pieces[k].frame != b->pieces[k].frame || a->pieces[k].skip != b->pieces[k].skip)
			return false;
	return true;
}

static void check_same(const struct table *a, const struct table *b)
{
	assert(a->n_entries == b->n_entries && a->n_frames == b->n_frames);
	for (uint32_t k = 0; k < a->n_entries; k++) {
		const struct pack_entry *x = &a->entries[k], *y = &b->entries[k];

		assert(x->inode.ino == y->inode.ino && x->inode.size == y->inode.size);
		assert(x->inode.btime.tv_sec == y->inode.btime.tv_sec && x->inode.atime.tv_nsec == y->inode.atime.tv_nsec);
		assert(x->n_names == y->n_names && x->n_xattrs == y->n_xattrs && x->n_pieces == y->n_pieces);
		assert(pieces_are_equal(x, y));
	}
}

static void write_again(const struct table *t, const struct pack_trailer *trailer)
{
	struct table_builder b = { 0 };
	struct buf plain = BUF_INIT;
	struct table again;

	for (uint32_t k = 0; k < t->n_frames; k++)
		assert(table_add_frame(&b, t->frames[k].stored_len, t->frames[k].plain_len) == 0);
	for (uint32_t k = 0; k < t->n_entries; k++)
		assert(add_entry(&b, &t->entries[k]) == 0);
	assert(table_store(&b, &plain) == 0);
	assert(table_load(plain.data, plain.len, trailer, &again) == 0);
	check_same(t, &again);
	table_done(&again);
	buf_done(&plain);
	table_builder_done(&b);
}

static void check_table(const uint8_t *data, size_t len)
{
	struct pack_trailer trailer;
	struct table t;

	if (len < PACK_TRAILER_PLAIN || pack_trailer_load(data, load_le32(data + 4), &trailer) < 0)
		return;
	if (table_load(data + PACK_TRAILER_PLAIN, len - PACK_TRAILER_PLAIN, &trailer, &t) < 0)
		return;
	for (uint32_t k = 0; k < t.n_entries; k++)
		check_entry(&t, &t.entries[k]);
	check_frames(&t, &trailer);
	write_again(&t, &trailer);
	table_done(&t);
}

static void check_content(const uint8_t *data, size_t len)
{
	static struct unpacker *u;
	size_t plain_len;
	uint8_t *plain;

	if (len < 4 || load_le32(data) == 0 || (!u && unpacker_new(&u) < 0))
		return;
	plain_len = load_le32(data) % PACK_FRAME_MAX + 1;
	plain = malloc(plain_len);
	if (plain && unpacker_unpack(u, data + 4, len - 4, NULL, plain, plain_len) == 0)
		for (size_t k = 0; k < plain_len; k++)
			(void) ((volatile uint8_t *)plain)[k];
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (*data == 'h')
		check_head(data + 1, len - 1);
	else if (*data == 'z')
		check_content(data + 1, len - 1);
	else
		check_table(data + 1, len - 1);
	return 0;
}
