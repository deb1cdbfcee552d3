/* SPDX-License-Identifier: MIT */
/* Entries of a pack, and the room in it: what the table will take is known at any time (an upper bound of it), so
 * that it always has room. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/pack/writer_impl.h"

DEFINE_CLEANUP(struct pack_writer *, pack_writer_free)

int pack_writer_fail(struct pack_writer *w, int r)
{
	if (r < 0 && r != -EINVAL && r != -EFBIG)
		w->error = r;
	return r;
}

/* ---- new and free */

static int claim_nonces(struct pack_writer *w)
{
	int r = seal_claim_nonces(w->run, 1, &w->trailer_nonce);

	if (r >= 0)
		r = seal_claim_nonces(w->run, 1, &w->dictionary_nonce);
	if (r < 0)
		return r;
	return w->trailer_nonce.next == PACK_NONCE_TRAILER &&
			       w->dictionary_nonce.next == PACK_NONCE_DICTIONARY
		       ? 0
		       : -EIO;
}

static int add_header(struct pack_writer *w)
{
	uint8_t bytes[PACK_HEADER_SIZE];

	pack_header_store(seal_run_get_header(w->run), bytes);
	return buf_add(&w->out, bytes, sizeof(bytes));
}

int pack_writer_new(const struct pack_writer_config *config, struct pack_writer **ret_w)
{
	_cleanup_(pack_writer_freep) struct pack_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->config = *config;
	if (w->config.size_max == 0 || w->config.size_max > PACK_MAX)
		w->config.size_max = PACK_MAX;
	if (w->config.created_ns == 0)
		w->config.created_ns = clock_real_ns();
	r = seal_run_new(config->keys, SEAL_PACK, &w->run);
	if (r >= 0)
		r = claim_nonces(w);
	if (r >= 0)
		r = packer_new(config->dictionary, config->level, config->small_level, &w->packer);
	if (r >= 0)
		r = add_header(w);
	if (r >= 0)
		*ret_w = steal_ptr(&w);
	return r;
}

struct pack_writer *pack_writer_free(struct pack_writer *w)
{
	if (!w)
		return NULL;
	w->run = seal_run_free(w->run);
	w->packer = packer_free(w->packer);
	table_builder_done(&w->table);
	ino_places_done(&w->directories);
	buf_done(&w->out);
	buf_done(&w->dictionary);
	free(w);
	return NULL;
}

const struct seal_run_header *pack_writer_get_header(const struct pack_writer *w)
{
	return seal_run_get_header(w->run);
}

/* ---- room */

uint32_t pack_writer_place(const struct pack_writer *w)
{
	return w->written + (uint32_t)w->out.len;
}

static uint64_t size_with(const struct pack_writer *w, size_t stored, size_t table)
{
	size_t plain = table_builder_size(&w->table) + table;

	return pack_writer_place(w) + stored + packer_bound(plain) + SEAL_TAG_SIZE + PACK_TRAILER_SIZE;
}

uint32_t pack_writer_size(const struct pack_writer *w)
{
	return (uint32_t)size_with(w, 0, 0);
}

int pack_writer_check_room(struct pack_writer *w, size_t stored, size_t table)
{
	if (w->error < 0)
		return w->error;
	if (table_builder_size(&w->table) + table <= PACK_TABLE_MAX &&
	    size_with(w, stored, table) <= w->config.size_max)
		return 0;
	if (w->table.n_pieces == 0)
		table_drop(&w->table);
	return -EFBIG;
}

/* ---- directories and files */

/* Ends what is open. */
static int end_entry(struct pack_writer *w)
{
	const struct table_builder *t = &w->table;
	int r = 0;

	if (t->is_open && S_ISDIR(t->at.mode))
		r = ino_places_put(&w->directories, t->at.ino, 0);
	return r < 0 ? r : table_close(&w->table);
}

bool pack_writer_has_directory(const struct pack_writer *w, uint64_t ino)
{
	uint32_t place;

	if (w->table.is_open && S_ISDIR(w->table.at.mode) && w->table.at.ino == ino)
		return true;
	return ino_places_get(&w->directories, ino, &place) >= 0;
}

static int begin_entry(struct pack_writer *w, const struct pack_inode *i, size_t name_len)
{
	int r = w->error;

	if (r >= 0)
		r = table_check(i);
	if (r >= 0)
		r = end_entry(w);
	if (r >= 0)
		r = pack_writer_check_room(w, 0, TABLE_INODE_BOUND + TABLE_NAME_BOUND + name_len);
	return r < 0 ? r : table_begin(&w->table, i);
}

int pack_writer_add_directory(struct pack_writer *w, const struct pack_inode *i, uint64_t parent,
			      const char *name, size_t name_len)
{
	int r;

	if (!S_ISDIR(i->mode) || (name_len > 0 && !pack_name_is_valid(name, name_len)))
		return -EINVAL;
	if (pack_writer_has_directory(w, i->ino))
		return w->error;
	r = begin_entry(w, i, name_len);
	if (r >= 0 && name_len > 0)
		r = table_add_name(&w->table, parent, name, name_len);
	return pack_writer_fail(w, r);
}

int pack_writer_begin_file(struct pack_writer *w, const struct pack_inode *i)
{
	if (S_ISDIR(i->mode))
		return -EINVAL;
	return pack_writer_fail(w, begin_entry(w, i, 0));
}

int pack_writer_add_name(struct pack_writer *w, uint64_t parent, const char *name, size_t name_len)
{
	int r;

	if (w->table.n_pieces > 0 || S_ISDIR(w->table.at.mode))
		return -EINVAL;
	r = pack_writer_check_room(w, 0, TABLE_NAME_BOUND + name_len);
	return pack_writer_fail(w, r < 0 ? r : table_add_name(&w->table, parent, name, name_len));
}

int pack_writer_add_xattr(struct pack_writer *w, const char *name, const void *value, size_t len)
{
	int r;

	if (w->table.n_pieces > 0)
		return -EINVAL;
	r = pack_writer_check_room(w, 0, TABLE_NAME_BOUND + PACK_XATTR_NAME_MAX + len);
	return pack_writer_fail(w, r < 0 ? r : table_add_xattr(&w->table, name, value, len));
}
