/* SPDX-License-Identifier: MIT */
/* What is in an open pack. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tiers/pack/reader_impl.h"

int pack_get_frame(const struct pack *p, uint32_t number, struct pack_frame *ret_f)
{
	if (number >= p->table.n_frames)
		return -ENOENT;
	*ret_f = p->table.frames[number];
	return 0;
}

static int foreach_entry(const struct pack *p, bool directories,
			 int (*entry)(void *context, const struct pack_entry *e), void *context)
{
	for (uint32_t k = 0; k < p->table.n_entries; k++) {
		const struct pack_entry *e = &p->table.entries[k];
		int r = S_ISDIR(e->inode.mode) == directories ? entry(context, e) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

int pack_foreach_directory(const struct pack *p, int (*entry)(void *context, const struct pack_entry *e),
			   void *context)
{
	return foreach_entry(p, true, entry, context);
}

int pack_foreach_file(const struct pack *p, int (*entry)(void *context, const struct pack_entry *e),
		      void *context)
{
	return foreach_entry(p, false, entry, context);
}

const struct pack_entry *pack_find(const struct pack *p, uint64_t ino)
{
	uint32_t place;

	return ino_places_get(&p->table.places, ino, &place) < 0 ? NULL : &p->table.entries[place];
}

/* ---- frames */

static int open_frame(struct pack *p, const struct pack_frame *f, bool ahead, void *ret_plain)
{
	const struct pack_dictionary *d = NULL;
	void *sealed;
	int r = pack_frame_wants_dictionary(f) ? pack_get_dictionary(p, &d) : 0;

	if (r >= 0)
		r = pack_fetch(p, f->place, f->stored_len, ahead, &sealed);
	if (r < 0)
		return r;
	r = pack_frame_open(p->opener, p->run, f, sealed, d, ret_plain);
	if (!ahead)
		buf_reset(&p->window); /* opened in place: not to be found there again */
	return r;
}

int pack_read_frame(struct pack *p, uint32_t number, void *ret_plain)
{
	struct pack_frame f;
	int r = pack_get_frame(p, number, &f);

	return r < 0 ? r : open_frame(p, &f, false, ret_plain);
}

/* The frame that was opened last stays open. */
static int get_frame(struct pack *p, uint32_t number, const uint8_t **ret_plain)
{
	void *plain;
	int r = 0;

	if (p->frame_number != number) {
		p->frame_number = PACK_HOLE;
		buf_reset(&p->frame);
		r = buf_extend(&p->frame, p->table.frames[number].plain_len, &plain);
		if (r >= 0)
			r = pack_read_frame(p, number, plain);
		if (r >= 0)
			p->frame_number = number;
	}
	if (r >= 0)
		*ret_plain = p->frame.data;
	return r;
}

/* ---- files */

/* The last piece that covers `at`; *ret_len: how far it does before a later one begins. */
static const struct pack_piece *find_piece(const struct pack_entry *e, uint64_t at, uint64_t *ret_len)
{
	uint64_t end = UINT64_MAX;

	for (uint32_t k = e->n_pieces; k-- > 0;) {
		const struct pack_piece *piece = &e->pieces[k];

		if (piece->offset <= at && at - piece->offset < piece->len) {
			*ret_len = MIN(end, piece->offset + piece->len) - at;
			return piece;
		}
		if (piece->offset > at)
			end = MIN(end, piece->offset);
	}
	return NULL;
}

/* As much of [at, at + len) as one piece has. */
static ssize_t read_piece(struct pack *p, const struct pack_entry *e, uint64_t at, uint8_t *data, size_t len)
{
	uint64_t covered;
	const struct pack_piece *piece = find_piece(e, at, &covered);
	const uint8_t *plain;
	int r;

	if (!piece)
		return -ENODATA;
	len = (size_t)MIN((uint64_t)len, covered);
	if (piece->frame == PACK_HOLE) {
		memset(data, 0, len);
		return (ssize_t)len;
	}
	r = get_frame(p, piece->frame, &plain);
	if (r < 0)
		return r;
	memcpy(data, plain + piece->skip + (at - piece->offset), len);
	return (ssize_t)len;
}

ssize_t pack_read(struct pack *p, const struct pack_entry *e, uint64_t offset, void *data, size_t len)
{
	size_t done = 0;

	if (offset >= e->inode.size)
		return 0;
	len = (size_t)MIN((uint64_t)len, e->inode.size - offset);
	while (done < len) {
		ssize_t n = read_piece(p, e, offset + done, (uint8_t *)data + done, len - done);

		if (n < 0)
			return n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* ---- verifying */

struct verifying {
	int (*frame)(void *context, const struct pack_frame *f, int error);
	void *context;
	bool damaged;
};

/* 0: go on. Damage is told and remembered; any other error ends it. */
static int tell(struct verifying *v, const struct pack_frame *f, int error)
{
	if (error < 0 && error != -EBADMSG)
		return error;
	v->damaged |= error < 0;
	return v->frame ? v->frame(v->context, f, error) : 0;
}

static int check_header(struct pack *p)
{
	uint8_t bytes[PACK_HEADER_SIZE], expected[PACK_HEADER_SIZE];
	int r = pack_read_source(&p->source, 0, bytes, sizeof(bytes));

	if (r < 0)
		return r;
	pack_header_store(pack_run_get_header(p->run), expected);
	return memcmp(bytes, expected, sizeof(bytes)) == 0 ? 0 : -EBADMSG;
}

static int check_head(struct pack *p)
{
	const struct pack_dictionary *d;
	int r = check_header(p);

	return r < 0 ? r : pack_get_dictionary(p, &d);
}

/* `plain`: where to; NULL: only the seal is opened. */
static int check_frame(struct pack *p, const struct pack_frame *f, void *plain)
{
	void *sealed;
	int r;

	if (plain)
		return open_frame(p, f, true, plain);
	r = pack_fetch(p, f->place, f->stored_len, true, &sealed);
	return r < 0 ? r : pack_frame_unseal(p->run, f, p->trailer.dictionary_id, sealed);
}

static int verify(struct pack *p, struct verifying *v, void *plain)
{
	int r;

	p->dictionary = pack_dictionary_free(p->dictionary); /* the pack's own, read anew */
	buf_reset(&p->window);
	r = tell(v, NULL, check_head(p));
	for (uint32_t k = 0; k < p->table.n_frames && r == 0; k++) {
		const struct pack_frame *f = &p->table.frames[k];

		r = tell(v, f, check_frame(p, f, plain));
	}
	buf_reset(&p->window);
	if (r != 0)
		return r;
	return v->damaged ? -EBADMSG : 0;
}

int pack_verify(struct pack *p, int (*frame)(void *context, const struct pack_frame *f, int error),
		void *context)
{
	struct verifying v = { .frame = frame, .context = context };
	_cleanup_free_ uint8_t *plain = malloc(PACK_FRAME_MAX);

	return plain ? verify(p, &v, plain) : -ENOMEM;
}

int pack_verify_seals(struct pack *p, int (*frame)(void *context, const struct pack_frame *f, int error),
		      void *context)
{
	struct verifying v = { .frame = frame, .context = context };

	return verify(p, &v, NULL);
}
