/* SPDX-License-Identifier: MIT */
/* A pack goes out front to back, a section at a time, through a buffer that makes one write of many small frames. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/pack/pack_dictionary.h"
#include "tiers/pack/pack_impl.h"
#include "tiers/pack/writer_impl.h"

#define FLUSH_FROM (512u << 10)
/* Both are compressed once a pack; higher ones gain less than 2 %, and take as long as a hundred small files. */
#define TABLE_LEVEL      5
#define DICTIONARY_LEVEL 6

static int flush(struct pack_writer *w)
{
	int r = io_pwrite(w->config.fd, w->out.data, w->out.len, w->written);

	if (r < 0)
		return r;
	w->written += (uint32_t)w->out.len;
	buf_reset(&w->out);
	return 0;
}

/* Makes a section of the `len` bytes at the end of `out`, which are beyond its length, and adds it. The nonce is the
 * next one, or that of the claim. */
static int seal_section(struct pack_writer *w, enum pack_kind kind, uint64_t dictionary_id,
			struct seal_claim *c, size_t len)
{
	uint8_t *bytes = w->out.data + w->out.len;
	struct seal_claim next;
	struct pack_bound b;
	int r = 0;

	pack_bind(pack_writer_get_header(w)->id, kind, dictionary_id, pack_writer_place(w), &b);
	if (!c) {
		r = seal_claim_nonces(w->run, 1, &next);
		c = &next;
		if (r >= 0 && next.next != PACK_NONCE_FRAMES + (uint64_t)w->table.n_frames)
			r = -EIO;
	}
	if (r >= 0)
		r = seal_seal_claimed(c, &b.at, bytes, len, bytes, bytes + len);
	if (r >= 0)
		w->out.len += len + SEAL_TAG_SIZE;
	return r;
}

static int add_section(struct pack_writer *w, enum pack_kind kind, struct seal_claim *c, const void *plain,
		       size_t len)
{
	int r = buf_reserve(&w->out, len + SEAL_TAG_SIZE);

	if (r < 0)
		return r;
	memcpy(w->out.data + w->out.len, plain, len);
	return seal_section(w, kind, 0, c, len);
}

/* Does a frame of so many bytes need the dictionary, and is that not in the pack yet? Then it is made ready. */
static int prepare_dictionary(struct pack_writer *w, size_t len)
{
	const void *bytes;
	size_t n;

	if (!w->config.dictionary || w->dictionary_at.place || w->dictionary.len ||
	    len >= PACK_DICTIONARY_BELOW)
		return 0;
	bytes = pack_dictionary_bytes(w->config.dictionary, &n);
	return packer_append(w->packer, bytes, n, DICTIONARY_LEVEL, &w->dictionary);
}

static bool dictionary_comes_first(const struct pack_writer *w, size_t len)
{
	return w->dictionary.len > 0 && len < PACK_DICTIONARY_BELOW;
}

static int write_dictionary(struct pack_writer *w)
{
	struct pack_section at = { .place = pack_writer_place(w) };
	size_t n;
	int r;

	(void) pack_dictionary_bytes(w->config.dictionary, &n);
	at.plain_len = (uint32_t)n;
	at.stored_len = (uint32_t)w->dictionary.len + SEAL_TAG_SIZE;
	r = add_section(w, PACK_DICTIONARY, &w->dictionary_nonce, w->dictionary.data, w->dictionary.len);
	if (r < 0)
		return r;
	w->dictionary_at = at;
	buf_done(&w->dictionary);
	return 0;
}

static uint64_t dictionary_id(const struct pack_writer *w)
{
	return w->dictionary_at.place ? pack_dictionary_id(w->config.dictionary) : 0;
}

/* The frame lies compressed, `n` bytes, beyond the end of `out`. */
static int seal_frame(struct pack_writer *w, size_t n, size_t len, struct pack_frame *ret_f)
{
	struct pack_frame f = {
		.number = w->table.n_frames,
		.place = pack_writer_place(w),
		.stored_len = (uint32_t)n + SEAL_TAG_SIZE,
		.plain_len = (uint32_t)len,
	};
	int r = seal_section(w, PACK_FRAME, pack_frame_binding(f.plain_len, dictionary_id(w)), NULL, n);

	if (r >= 0)
		r = table_add_frame(&w->table, f.stored_len, f.plain_len);
	if (r < 0)
		return r;
	w->plain_bytes += len;
	*ret_f = f;
	return 0;
}

/* What becomes a frame: plain bytes, or what another pack's frame has within its seal. */
struct content {
	const void *bytes;
	size_t plain_len, packed_len; /* packed_len 0: plain */
};

static ssize_t put_content(struct pack_writer *w, const struct content *c, uint8_t *ret_packed)
{
	if (c->packed_len == 0)
		return packer_pack(w->packer, c->bytes, c->plain_len, ret_packed);
	memcpy(ret_packed, c->bytes, c->packed_len);
	return (ssize_t)c->packed_len;
}

/* Beyond the end of `out`, and if the dictionary must come first, with room for it between. */
static int write_frame(struct pack_writer *w, const struct content *c, struct pack_frame *ret_f)
{
	size_t first, need = 1 + c->plain_len + SEAL_TAG_SIZE;
	ssize_t n;
	int r = prepare_dictionary(w, c->plain_len);

	if (r < 0)
		return r;
	first = dictionary_comes_first(w, c->plain_len) ? w->dictionary.len + SEAL_TAG_SIZE : 0;
	r = buf_reserve(&w->out, first + need);
	if (r < 0)
		return r;
	n = put_content(w, c, w->out.data + w->out.len + first);
	if (n < 0)
		return (int)n;
	r = pack_writer_check_room(w, first + (size_t)n + SEAL_TAG_SIZE, 2 * TABLE_PIECE_BOUND);
	if (r >= 0 && first > 0)
		r = write_dictionary(w);
	return r < 0 ? r : seal_frame(w, (size_t)n, c->plain_len, ret_f);
}

/* The piece's frame is the new one. */
static int add_content(struct pack_writer *w, const struct content *c, struct pack_piece *p,
		       struct pack_frame *ret_f)
{
	struct pack_frame f;
	int r = w->error < 0 ? w->error : write_frame(w, c, &f);

	if (r >= 0) {
		p->frame = f.number;
		r = table_add_piece(&w->table, p);
	}
	if (r >= 0 && w->out.len >= FLUSH_FROM)
		r = flush(w);
	if (r >= 0)
		*ret_f = f;
	return pack_writer_fail(w, r);
}

int pack_writer_add_bytes(struct pack_writer *w, uint64_t offset, const void *data, size_t len,
			  struct pack_frame *ret_f)
{
	struct pack_piece p = { .offset = offset, .len = len };
	struct content c = { .bytes = data, .plain_len = len };

	if (len == 0 || len > PACK_FRAME_MAX || !table_takes_pieces(&w->table) || offset > INT64_MAX - len)
		return -EINVAL;
	return add_content(w, &c, &p, ret_f);
}

/* Would the content of a frame of a pack with this dictionary make the same bytes here? */
static bool can_copy(const struct pack_writer *w, const uint8_t *content, uint64_t other_dictionary)
{
	const struct pack_dictionary *d = w->config.dictionary;

	return content[0] != PACK_ZSTD_DICTIONARY || (d && pack_dictionary_id(d) == other_dictionary);
}

int pack_writer_copy_frame(struct pack_writer *w, const struct pack_run *from, const struct pack_frame *f,
			   void *sealed, uint64_t other_dictionary, const struct pack_piece *piece,
			   struct pack_frame *ret_f)
{
	struct content c = { .bytes = sealed, .plain_len = f->plain_len };
	struct pack_piece p = *piece;
	int r;

	if (!table_takes_pieces(&w->table) || p.len == 0 || p.skip > f->plain_len || p.len > f->plain_len - p.skip ||
	    p.offset > INT64_MAX - p.len)
		return -EINVAL;
	r = pack_frame_unseal(from, f, other_dictionary, sealed);
	if (r < 0)
		return r;
	if (!can_copy(w, sealed, other_dictionary))
		return -EXDEV;
	c.packed_len = f->stored_len - SEAL_TAG_SIZE;
	return add_content(w, &c, &p, ret_f);
}

int pack_writer_add_hole(struct pack_writer *w, uint64_t offset, uint64_t len)
{
	struct pack_piece p = { .offset = offset, .len = len, .frame = PACK_HOLE };
	int r = pack_writer_check_room(w, 0, TABLE_PIECE_BOUND);

	return pack_writer_fail(w, r < 0 ? r : table_add_piece(&w->table, &p));
}

int pack_writer_add_piece(struct pack_writer *w, uint64_t offset, uint32_t frame, uint32_t skip, uint32_t len)
{
	struct pack_piece p = { .offset = offset, .len = len, .frame = frame, .skip = skip };
	int r = frame == PACK_HOLE ? -EINVAL : pack_writer_check_room(w, 0, TABLE_PIECE_BOUND);

	return pack_writer_fail(w, r < 0 ? r : table_add_piece(&w->table, &p));
}

/* ---- the end */

static int write_table(struct pack_writer *w, struct pack_section *ret_at)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, packed = BUF_INIT;
	int r = table_store(&w->table, &plain);

	if (r >= 0)
		r = packer_append(w->packer, plain.data, plain.len, TABLE_LEVEL, &packed);
	if (r < 0)
		return r;
	*ret_at = (struct pack_section){
		.place = pack_writer_place(w),
		.stored_len = (uint32_t)packed.len + SEAL_TAG_SIZE,
		.plain_len = (uint32_t)plain.len,
	};
	return add_section(w, PACK_TABLE, NULL, packed.data, packed.len);
}

static int write_trailer(struct pack_writer *w, const struct pack_section *table, struct pack_trailer *ret_t)
{
	uint8_t bytes[PACK_TRAILER_PLAIN];

	*ret_t = (struct pack_trailer){
		.size = pack_writer_place(w) + PACK_TRAILER_SIZE,
		.table = *table,
		.dictionary = w->dictionary_at,
		.dictionary_id = dictionary_id(w),
		.n_frames = w->table.n_frames,
		.n_files = w->table.n_files,
		.n_directories = w->table.n_directories,
		.plain_bytes = w->plain_bytes,
		.number = w->config.number,
		.lsn = w->config.lsn,
		.created_ns = w->config.created_ns,
		.first_day = w->table.first_day,
		.last_day = w->table.last_day,
	};
	pack_trailer_store(ret_t, bytes);
	return add_section(w, PACK_TRAILER, &w->trailer_nonce, bytes, sizeof(bytes));
}

static int write_end(struct pack_writer *w, struct pack_trailer *ret_t)
{
	struct pack_section table;
	int r = write_table(w, &table);

	if (r >= 0)
		r = write_trailer(w, &table, ret_t);
	if (r >= 0)
		r = flush(w);
	if (r >= 0 && fdatasync(w->config.fd) < 0)
		r = -errno;
	return r;
}

int pack_writer_finish(struct pack_writer *w, struct pack_summary *ret_s)
{
	struct pack_trailer t;
	int r = w->error;

	if (r >= 0)
		r = write_end(w, &t);
	w->error = r < 0 ? r : -EINVAL; /* nothing can follow */
	if (r >= 0)
		pack_summarize(&t, pack_writer_get_header(w), ret_s);
	return r;
}
