/* SPDX-License-Identifier: MIT */
/* Reads a table. Its bytes come out of a seal, yet are trusted in nothing: every count is compared with bytes that
 * are there before anything is allocated for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tiers/pack/table.h"

#define NSEC 1000000000u

struct load {
	struct reader columns[PACK_COLUMNS];
	struct table *t;
	const struct pack_trailer *trailer;
	struct pack_inode before;
	uint64_t parent;
	uint32_t frame;
	uint32_t n_names, n_xattrs, n_pieces; /* so far */
	char *text;                           /* next free byte of t->text */
	bool bad;
};

void table_done(struct table *t)
{
	free(t->entries);
	free(t->names);
	free(t->xattrs);
	free(t->pieces);
	free(t->frames);
	free(t->text);
	ino_places_done(&t->places);
	*t = (struct table){ 0 };
}

static int split(struct load *l, const void *plain, size_t len)
{
	struct reader in = reader_over(plain, len);

	for (unsigned k = 0; k < PACK_COLUMNS; k++) {
		size_t n = 0;
		const void *bytes = reader_bytes(&in, &n);

		if (!bytes)
			return -EBADMSG;
		l->columns[k] = reader_over(bytes, n);
	}
	return in.bad || reader_left(&in) > 0 ? -EBADMSG : 0;
}

static uint64_t get(struct load *l, enum pack_column c)
{
	return reader_varint(&l->columns[c]);
}

static uint64_t get_from(struct load *l, enum pack_column c, uint64_t from)
{
	return from + unzigzag(get(l, c));
}

static uint32_t to32(struct load *l, uint64_t v)
{
	l->bad |= v > UINT32_MAX;
	return (uint32_t)v;
}

static uint32_t get32_from(struct load *l, enum pack_column c, uint32_t from)
{
	return to32(l, get_from(l, c, from));
}

/* Numbers in a column of varints: bytes without the top bit. */
static uint64_t sum_column(struct load *l, enum pack_column c, uint32_t n)
{
	struct reader in = l->columns[c];
	uint64_t sum = 0;

	for (uint32_t k = 0; k < n && !in.bad; k++) {
		uint64_t v = reader_varint(&in);

		l->bad |= v > PACK_TABLE_MAX;
		sum += v;
		l->bad |= sum > PACK_TABLE_MAX;
	}
	l->bad |= in.bad;
	return l->bad ? 0 : sum;
}

/* One byte at least stands in `c` for each. */
static bool has_room(const struct load *l, enum pack_column c, uint64_t n)
{
	return n <= reader_left(&l->columns[c]);
}

static int make_room(struct load *l)
{
	uint32_t n_entries = l->trailer->n_files + l->trailer->n_directories;
	uint64_t names, xattrs, pieces;
	struct table *t = l->t;

	if (n_entries < l->trailer->n_files || !has_room(l, COLUMN_INO, n_entries) ||
	    !has_room(l, COLUMN_FRAME_PLAIN, l->trailer->n_frames))
		return -EBADMSG;
	names = sum_column(l, COLUMN_N_NAMES, n_entries);
	xattrs = sum_column(l, COLUMN_N_XATTRS, n_entries);
	pieces = sum_column(l, COLUMN_N_PIECES, n_entries);
	if (l->bad || !has_room(l, COLUMN_NAME_LEN, names) || !has_room(l, COLUMN_XATTR_LEN, xattrs) ||
	    !has_room(l, COLUMN_PIECE_LEN, pieces))
		return -EBADMSG;
	t->entries = calloc(n_entries + 1, sizeof(*t->entries));
	t->names = calloc(names + 1, sizeof(*t->names));
	t->xattrs = calloc(xattrs + 1, sizeof(*t->xattrs));
	t->pieces = calloc(pieces + 1, sizeof(*t->pieces));
	t->frames = calloc((size_t)l->trailer->n_frames + 1, sizeof(*t->frames));
	t->text = calloc(1, reader_left(&l->columns[COLUMN_NAME_BYTES]) + names +
				    reader_left(&l->columns[COLUMN_XATTR_NAME_BYTES]) + xattrs + 1);
	l->text = t->text;
	return t->entries && t->names && t->xattrs && t->pieces && t->frames && t->text ? 0 : -ENOMEM;
}

/* ---- frames */

static uint32_t skip_dictionary(const struct load *l, uint32_t place)
{
	const struct pack_trailer *t = l->trailer;

	return t->dictionary_id && place == t->dictionary.place ? place + t->dictionary.stored_len : place;
}

static bool frame_is_valid(const struct load *l, const struct pack_frame *f)
{
	return f->plain_len >= 1 && f->plain_len <= PACK_FRAME_MAX && f->stored_len > 1 + SEAL_TAG_SIZE &&
	       f->stored_len <= f->plain_len + 1 + SEAL_TAG_SIZE && f->place <= l->trailer->table.place &&
	       f->stored_len <= l->trailer->table.place - f->place;
}

static int load_frames(struct load *l)
{
	uint32_t place = PACK_HEADER_SIZE;
	uint64_t plain_bytes = 0, had = 0;

	for (uint32_t k = 0; k < l->trailer->n_frames; k++) {
		struct pack_frame *f = &l->t->frames[k];

		place = skip_dictionary(l, place);
		*f = (struct pack_frame){
			.number = k,
			.place = place,
			.stored_len = to32(l, get(l, COLUMN_FRAME_STORED)),
			.plain_len = to32(l, get(l, COLUMN_FRAME_PLAIN)),
		};
		if (l->bad || !frame_is_valid(l, f))
			return -EBADMSG;
		place += f->stored_len;
		plain_bytes += f->plain_len;
		had += f->stored_len;
	}
	l->t->n_frames = l->trailer->n_frames;
	place = skip_dictionary(l, place);
	had += PACK_HEADER_SIZE + (uint64_t)l->trailer->dictionary.stored_len;
	if (place != l->trailer->table.place || had != place)
		return -EBADMSG;
	return plain_bytes == l->trailer->plain_bytes ? 0 : -EBADMSG;
}

/* ---- inodes */

static struct timespec get_time(struct load *l, enum pack_column seconds, struct timespec from)
{
	uint64_t nsec;
	struct timespec v;

	v.tv_sec = (time_t)get_from(l, seconds, (uint64_t)from.tv_sec);
	nsec = get_from(l, seconds + 1, (uint64_t)from.tv_nsec);
	l->bad |= nsec >= NSEC;
	v.tv_nsec = (long)nsec;
	return v;
}

static void load_times(struct load *l, struct pack_inode *ret_i)
{
	uint32_t nsec;

	ret_i->mtime.tv_sec = (time_t)get_from(l, COLUMN_MTIME_SEC, (uint64_t)l->before.mtime.tv_sec);
	nsec = reader_le32(&l->columns[COLUMN_MTIME_NSEC]);
	l->bad |= nsec >= NSEC;
	ret_i->mtime.tv_nsec = nsec;
	ret_i->ctime = get_time(l, COLUMN_CTIME_SEC, ret_i->mtime);
	ret_i->atime = get_time(l, COLUMN_ATIME_SEC, ret_i->mtime);
	ret_i->btime = get_time(l, COLUMN_BTIME_SEC, ret_i->ctime);
}

static void load_inode(struct load *l, struct pack_inode *ret_i)
{
	const struct pack_inode *b = &l->before;

	ret_i->ino = get_from(l, COLUMN_INO, b->ino);
	ret_i->mode = get32_from(l, COLUMN_MODE, b->mode);
	ret_i->uid = get32_from(l, COLUMN_UID, b->uid);
	ret_i->gid = get32_from(l, COLUMN_GID, b->gid);
	ret_i->rdev = get_from(l, COLUMN_RDEV, b->rdev);
	ret_i->generation = get_from(l, COLUMN_GENERATION, b->generation);
	ret_i->content_lsn = get_from(l, COLUMN_CONTENT_LSN, b->content_lsn);
	l->bad |= ret_i->ino == 0;
	load_times(l, ret_i);
	l->before = *ret_i;
}

/* Copies `len` bytes and a NUL. */
static const char *load_text(struct load *l, enum pack_column c, uint64_t len)
{
	const void *bytes = len <= PACK_NAME_MAX ? reader_take(&l->columns[c], len) : NULL;
	char *text = l->text;

	if (!bytes || len == 0) {
		l->bad = true;
		return NULL;
	}
	memcpy(text, bytes, len);
	l->text += len + 1;
	return text;
}

static void load_name(struct load *l, struct pack_name *ret_n)
{
	uint64_t len = get(l, COLUMN_NAME_LEN);

	ret_n->parent = l->parent = get_from(l, COLUMN_NAME_PARENT, l->parent);
	ret_n->name = load_text(l, COLUMN_NAME_BYTES, len);
	ret_n->len = (uint32_t)len;
	l->bad |= !ret_n->name || !pack_name_is_valid(ret_n->name, len);
}

static void load_xattr(struct load *l, struct pack_xattr *ret_x)
{
	uint64_t name_len = get(l, COLUMN_XATTR_NAME_LEN), len = get(l, COLUMN_XATTR_LEN);

	ret_x->name = load_text(l, COLUMN_XATTR_NAME_BYTES, name_len);
	l->bad |= !ret_x->name || strlen(ret_x->name) != name_len || len > PACK_XATTR_MAX;
	if (l->bad)
		return;
	ret_x->value = reader_take(&l->columns[COLUMN_XATTR_BYTES], len);
	ret_x->len = (uint32_t)len;
}

static bool piece_is_valid(const struct load *l, const struct pack_piece *p)
{
	const struct pack_frame *f;

	if (p->len == 0 || p->offset > INT64_MAX || p->len > INT64_MAX - p->offset)
		return false;
	if (p->frame == PACK_HOLE)
		return p->skip == 0;
	if (p->frame >= l->t->n_frames)
		return false;
	f = &l->t->frames[p->frame];
	return p->skip < f->plain_len && p->len <= f->plain_len - p->skip;
}

static void load_piece(struct load *l, uint64_t end, struct pack_piece *ret_p)
{
	uint64_t frame = get(l, COLUMN_PIECE_FRAME), skip = get(l, COLUMN_PIECE_SKIP), rest = 0;

	ret_p->offset = get_from(l, COLUMN_PIECE_OFFSET, end);
	ret_p->frame = PACK_HOLE;
	if (frame > 0) {
		frame = l->frame + unzigzag(frame - 1);
		if (frame >= l->t->n_frames || skip >= l->t->frames[frame].plain_len) {
			l->bad = true;
			return;
		}
		ret_p->frame = (uint32_t)frame;
		l->frame = ret_p->frame + 1;
		rest = l->t->frames[frame].plain_len - skip;
	}
	ret_p->skip = (uint32_t)skip;
	ret_p->len = get_from(l, COLUMN_PIECE_LEN, rest);
	l->bad |= skip > UINT32_MAX || !piece_is_valid(l, ret_p);
}

static uint32_t take(struct load *l, enum pack_column c, uint32_t *so_far)
{
	uint32_t n = (uint32_t)get(l, c), from = *so_far;

	*so_far += n; /* make_room() has seen their sum */
	return from;
}

static void load_entry(struct load *l, struct pack_entry *ret_e)
{
	uint32_t name = take(l, COLUMN_N_NAMES, &l->n_names), xattr = take(l, COLUMN_N_XATTRS, &l->n_xattrs);
	uint32_t piece = take(l, COLUMN_N_PIECES, &l->n_pieces);
	uint64_t end = 0;

	ret_e->names = l->t->names + name;
	ret_e->xattrs = l->t->xattrs + xattr;
	ret_e->pieces = l->t->pieces + piece;
	ret_e->n_names = l->n_names - name;
	ret_e->n_xattrs = l->n_xattrs - xattr;
	ret_e->n_pieces = l->n_pieces - piece;
	load_inode(l, &ret_e->inode);
	for (; name < l->n_names && !l->bad; name++)
		load_name(l, &l->t->names[name]);
	for (; xattr < l->n_xattrs && !l->bad; xattr++)
		load_xattr(l, &l->t->xattrs[xattr]);
	for (; piece < l->n_pieces && !l->bad; piece++) {
		load_piece(l, end, &l->t->pieces[piece]);
		end = l->t->pieces[piece].offset + l->t->pieces[piece].len;
	}
	ret_e->inode.size = get_from(l, COLUMN_SIZE, end);
	l->bad |= ret_e->inode.size > INT64_MAX;
	if (S_ISDIR(ret_e->inode.mode))
		l->bad |= ret_e->n_names > 1 || ret_e->n_pieces > 0;
}

static int load_entries(struct load *l)
{
	uint32_t n = l->trailer->n_files + l->trailer->n_directories, directories = 0;

	for (; l->t->n_entries < n; l->t->n_entries++) {
		struct pack_entry *e = &l->t->entries[l->t->n_entries];
		int r;

		load_entry(l, e);
		if (l->bad)
			return -EBADMSG;
		directories += S_ISDIR(e->inode.mode);
		r = ino_places_put(&l->t->places, e->inode.ino, l->t->n_entries);
		if (r < 0)
			return r;
	}
	return directories == l->trailer->n_directories ? 0 : -EBADMSG;
}

static int check_ends(const struct load *l)
{
	for (unsigned k = 0; k < PACK_COLUMNS; k++)
		if (l->columns[k].bad || reader_left(&l->columns[k]) > 0)
			return -EBADMSG;
	return 0;
}

int table_load(const void *plain, size_t len, const struct pack_trailer *trailer, struct table *ret_t)
{
	struct table t = { 0 };
	struct load l = { .t = &t, .trailer = trailer };
	int r = split(&l, plain, len);

	if (r >= 0)
		r = make_room(&l);
	if (r >= 0)
		r = load_frames(&l);
	if (r >= 0)
		r = load_entries(&l);
	if (r >= 0)
		r = check_ends(&l);
	if (r < 0)
		table_done(&t);
	else
		*ret_t = t;
	return r;
}
