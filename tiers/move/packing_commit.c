/* SPDX-License-Identifier: MIT */
/* The moment at which files let go of their old place: a batch for some small files, or several for a large one.
 * Every batch looks whether each file is still what was read. Programs that write wait for one batch, and go before
 * the next. */
#include <errno.h>

#include "base/cleanup.h"
#include "tiers/change.h"
#include "tiers/move/packing_impl.h"

/* Small files in a batch, and pieces of a large one. */
#define GROUP_FILES 8u
#define GROUP_PIECES 32u

static bool is_unchanged(struct packing *p, const struct change *ch, const struct packed_piece *piece)
{
	return ch->i.content_lsn == piece->content_lsn && ch->i.nlink > 0 && !files_is_open(p->f, piece->ino);
}

static struct extent extent_in(const struct packed_piece *piece, uint64_t pack, uint64_t from, uint64_t to)
{
	return (struct extent){
		.offset = from, .len = to - from, .kind = EXTENT_PACK,
		.segment = pack, .place = piece->frame.place, .object_len = piece->frame.plain_len,
		.skip = (uint32_t)(from - piece->offset), .frame = piece->frame.number,
		.stored_len = piece->frame.stored_len,
	};
}

/* -ESTALE: the file has changed; what was put before is sound, the bytes are the same. */
static int put_piece(struct packing *p, struct change *ch, const struct packed_piece *piece, uint64_t pack)
{
	uint64_t at = piece->offset, end = at + piece->frame.plain_len, next;

	while (at < end) {
		struct extent e;
		int r = is_unchanged(p, ch, piece) ? 0 : -ESTALE;

		if (r >= 0)
			r = change_cut(ch, at, end, CHANGE_EXTENTS, &next);
		if (r >= 0 && next > at) {
			e = extent_in(piece, pack, at, next);
			r = change_put(ch, &e);
		}
		if (r >= 0 && (next < end || batch_size(ch->b) > CHANGE_BYTES / 4))
			r = change_step(ch);
		if (r < 0)
			return r;
		at = next;
	}
	return 0;
}

static int commit_pieces(struct packing *p, const struct packed_piece *pieces, size_t n, uint64_t pack)
{
	struct change ch;
	int r = change_begin(&ch, p->f, pieces->ino, true);

	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < n; k++)
		r = put_piece(p, &ch, &pieces[k], pack);
	return change_end(&ch, r, NULL, 0);
}

static int commit_file(struct packing *p, const struct packed_piece *pieces, size_t n, uint64_t pack)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < n; k += GROUP_PIECES) {
		catalog_give_way(p->f->catalog);
		r = commit_pieces(p, pieces + k, MIN(n - k, (size_t)GROUP_PIECES), pack);
	}
	return r;
}

/* Changed, removed, or not a file any more: it has its bytes elsewhere. */
static bool has_gone(int r)
{
	return r == -ESTALE || r == -ENOENT;
}

/* Files of one piece each, in one batch; what is said of each in ret_each. A piece that is stale has changed nothing. */
static int commit_group(struct packing *p, const struct packed_piece *pieces, size_t n, uint64_t pack,
			int ret_each[GROUP_FILES])
{
	struct change ch;
	int r;

	catalog_give_way(p->f->catalog);
	r = change_begin(&ch, p->f, pieces->ino, true);
	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < n; k++) {
		if (k > 0)
			r = change_next(&ch, pieces[k].ino);
		if (r >= 0)
			r = put_piece(p, &ch, &pieces[k], pack);
		ret_each[k] = r;
		r = has_gone(r) ? 0 : r;
	}
	return change_end(&ch, r, NULL, 0);
}

static void count(struct packing *p, const struct packed_piece *pieces, size_t n, int r)
{
	if (r < 0) {
		p->stats.busy++;
		return;
	}
	p->stats.files += pieces->offset == 0;
	for (size_t k = 0; k < n; k++)
		p->stats.bytes += pieces[k].frame.plain_len;
}

/* Pieces of one file. */
static size_t count_same(const struct packed_piece *pieces, size_t n)
{
	size_t same = 1;

	while (same < n && pieces[same].ino == pieces->ino)
		same++;
	return same;
}

/* Files of one piece that follow each other. */
static size_t count_single(const struct packed_piece *pieces, size_t n)
{
	size_t single = 0;

	while (single < MIN(n, (size_t)GROUP_FILES) && count_same(pieces + single, n - single) == 1)
		single++;
	return single;
}

/* Returns how many pieces are done with. */
static ssize_t commit_next(struct packing *p, const struct packed_piece *pieces, size_t n, uint64_t pack)
{
	size_t done = count_single(pieces, n);
	int each[GROUP_FILES], r;

	if (done > 1) {
		r = commit_group(p, pieces, done, pack, each);
		for (size_t k = 0; r >= 0 && k < done; k++)
			count(p, pieces + k, 1, each[k]);
		if (r >= 0)
			return (ssize_t)done;
		if (!has_gone(r))
			return r;
	}
	/* Or the first of a group, which is not there. */
	done = count_same(pieces, n);
	r = commit_file(p, pieces, done, pack);
	if (r < 0 && !has_gone(r))
		return r;
	count(p, pieces, done, r);
	return (ssize_t)done;
}

int packing_commit(struct packing *p, uint64_t number)
{
	for (size_t k = 0; k < p->n_pieces;) {
		ssize_t done = commit_next(p, p->pieces + k, p->n_pieces - k, number);

		if (done < 0)
			return (int)done;
		k += (size_t)done;
	}
	return 0;
}
