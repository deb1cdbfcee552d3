/* SPDX-License-Identifier: MIT */
/* Order for each pack:
 *   1  the file is written under a name of its own, and synced
 *   2  it gets the name of its pack; the folder is synced
 *   3  all of it is read back
 *   4  a batch records it, with the dictionary that it was compressed with
 *   5  batches exchange the extents of the files (packing_commit.c)
 * A stop before 4 leaves a file that no record speaks of; a stop in 5, a pack that is partly dead. */
#include "tiers/move/packing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "tiers/move/move_rate.h"
#include "tiers/move/packing_impl.h"
#include "tiers/pack/pack_reader.h"

#define RELEASE_BYTES PACK_MAX

/* ---- a pack's file */

static int make_file(struct packing *p)
{
	char id[ID128_TEXT_SIZE];

	(void) snprintf(p->name, sizeof(p->name), PACKING_UNFINISHED "%.16s", id128_format(id128_random(), id));
	p->fd = openat(p->f->warm_dirfd, p->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return p->fd < 0 ? -errno : 0;
}

static void drop_pack(struct packing *p)
{
	p->writer = pack_writer_free(p->writer);
	if (p->fd >= 0)
		(void) unlinkat(p->f->warm_dirfd, p->name, 0);
	closep(&p->fd);
	p->fd = -1;
	p->n_pieces = 0;
}

static int begin_pack(struct packing *p, uint64_t bytes)
{
	struct pack_writer_config config = {
		.keys = p->f->config.keys,
		.dictionary = p->config.dictionary,
		.lsn = catalog_last_lsn(p->f->catalog),
		.size_max = (uint32_t)MIN(bytes, (uint64_t)PACK_MAX),
	};
	int r;

	/* What moves makes more room than it takes. */
	if (space_take(p->f->space, PACK_MAX, 0, true) == -ENOSPC)
		space_release(p->f->space, RELEASE_BYTES);
	r = p->f->world.need_packs ? p->f->world.need_packs(p->f->world.context) : 0;
	if (r >= 0)
		r = catalog_next_number(p->f->catalog, COUNTER_PACK, &p->number);
	/* No crash takes the log back behind what the pack says: packing_leftovers.c. */
	if (r >= 0)
		r = catalog_sync(p->f->catalog, config.lsn);
	if (r >= 0)
		r = make_file(p);
	config.fd = p->fd;
	config.number = p->number;
	if (r >= 0)
		r = pack_writer_new(&config, &p->writer);
	if (r < 0)
		drop_pack(p);
	return r;
}

static int read_back(struct packing *p, const struct pack_summary *s)
{
	struct pack_source source;
	struct pack *pack;
	int r = pack_source_fd(p->fd, &source);

	if (r >= 0)
		r = pack_open(p->f->config.keys, &source, &s->run, &pack);
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	r = pack_verify_seals(pack, NULL, NULL);
	(void) pack_close(pack);
	return r == -EBADMSG ? -EIO : r;
}

static int name_file(struct packing *p, const struct pack_summary *s)
{
	char name[ID128_TEXT_SIZE];

	id128_format(s->run.id, name);
	if (renameat(p->f->warm_dirfd, p->name, p->f->warm_dirfd, name) < 0)
		return -errno;
	memcpy(p->name, name, sizeof(name));
	return fsync(p->f->warm_dirfd) < 0 ? -errno : 0;
}

static int record_pack(struct packing *p, const struct pack_record *record)
{
	const struct pack_dictionary *d = p->config.dictionary;
	struct batch *b;
	size_t len;
	int r = catalog_begin(p->f->catalog, true, &b);

	if (r < 0)
		return r;
	if (record->dictionary && dictionary_get(p->f->catalog, record->dictionary, NULL) == -ENOENT) {
		const void *bytes = pack_dictionary_bytes(d, &len);

		dictionary_put(b, record->dictionary, bytes, len);
		dictionary_set_current(b, record->dictionary);
	}
	pack_record_put(b, record);
	return batch_commit(b, NULL);
}

static void count_small(struct packing *p)
{
	for (size_t k = 0; k < p->n_pieces; k++) {
		const struct pack_frame *frame = &p->pieces[k].frame;

		if (!pack_frame_wants_dictionary(frame))
			continue;
		p->stats.small_plain += frame->plain_len;
		p->stats.small_stored += frame->stored_len;
	}
}

/* What was written of the pack at hand becomes a pack, and the place of what it holds. */
static int end_pack(struct packing *p)
{
	struct pack_record record;
	struct pack_summary s;
	int r = pack_writer_finish(p->writer, &s);

	if (r >= 0)
		r = name_file(p, &s);
	if (r >= 0)
		r = read_back(p, &s);
	if (r < 0)
		return r;
	record = packs_record_of(&s);
	record.flags = PACK_LOCAL;
	record.checked = (int64_t)(clock_real_ns() / 1000000000u);
	r = record_pack(p, &record);
	if (r < 0)
		return r;
	/* From here on it is the catalog's. */
	p->writer = pack_writer_free(p->writer);
	closep(&p->fd);
	p->fd = -1;
	p->stats.packs++;
	p->stats.stored += record.stored;
	if (record.dictionary)
		count_small(p);
	r = packing_commit(p, p->number);
	p->n_pieces = 0;
	if (r >= 0 && p->config.packed)
		r = p->config.packed(p->config.context, &record);
	return r;
}

int packing_cut(struct packing *p)
{
	int r;

	if (!p->writer)
		return 0;
	r = p->n_pieces > 0 ? end_pack(p) : 0;
	if (p->writer)
		drop_pack(p);
	return r;
}

/* ---- a file */

static int remember(struct packing *p, const struct inode *i, uint64_t offset, const struct pack_frame *frame)
{
	if (p->n_pieces == p->cap_pieces) {
		size_t cap = p->cap_pieces ? p->cap_pieces * 2 : 256;
		struct packed_piece *more = realloc(p->pieces, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->pieces = more;
		p->cap_pieces = cap;
	}
	p->pieces[p->n_pieces++] = (struct packed_piece){ i->ino, i->content_lsn, offset, *frame };
	return 0;
}

/* In the pack at hand, if one is begun. */
static int describe_in(struct packing *p, const struct inode *i, uint64_t pack_bytes)
{
	int r = p->writer ? 0 : begin_pack(p, pack_bytes);

	return r < 0 ? r : packing_describe(p, i);
}

/* How what is too large for a pack gets room: in the next one, or in one that is larger than was asked for. */
#define ROOMS 2u

static int make_room(struct packing *p, const struct inode *i, unsigned nth)
{
	int r = packing_cut(p);

	return r < 0 ? r : describe_in(p, i, nth == 0 ? p->config.pack_bytes : PACK_MAX);
}

static int describe(struct packing *p, const struct inode *i)
{
	int r = describe_in(p, i, p->config.pack_bytes);

	for (unsigned nth = 0; r == -EFBIG && nth < ROOMS; nth++)
		r = make_room(p, i, nth);
	return r;
}

static int add_frame(struct packing *p, const struct inode *i, uint64_t offset, size_t len)
{
	struct pack_frame frame;
	int r = pack_writer_add_bytes(p->writer, offset, p->bytes, len, &frame);

	for (unsigned nth = 0; r == -EFBIG && nth < ROOMS; nth++) {
		r = make_room(p, i, nth);
		if (r >= 0)
			r = pack_writer_add_bytes(p->writer, offset, p->bytes, len, &frame);
	}
	return r < 0 ? r : remember(p, i, offset, &frame);
}

/* What was read until now is the content that the pack says it is: packing_commit() looks again, but a volume that is
 * made of its packs puts together what they say of one content. */
static int check_content(struct packing *p, const struct inode *i)
{
	struct inode now;
	int r = inode_get(p->f->catalog, i->ino, &now);

	if (r < 0)
		return r;
	return now.content_lsn == i->content_lsn ? 0 : -ESTALE;
}

/* Bytes of a file side by side. */
struct range {
	uint64_t from, to;
	struct extent only; /* all of it, if n_extents is 1 and it is a hot one */
	unsigned n_extents;
};

static int read_range(struct packing *p, const struct inode *i, const struct range *range, uint64_t from, size_t len)
{
	const struct extent *e = &range->only;
	ssize_t n;

	/* Most files are one extent, which is at hand. What cannot be read is looked up again. */
	if (range->n_extents == 1 && e->kind == EXTENT_HOT &&
	    tier_read(files_tier_of(p->f, e), e, from - e->offset, p->bytes, len, TIER_WAIT) >= 0)
		return 0;
	n = file_read(p->f, i->ino, from, p->bytes, len, TIER_WAIT);
	if (n < 0)
		return (int)n;
	return (size_t)n < len ? -ESTALE : 0;
}

static int add_range(struct packing *p, const struct inode *i, const struct range *range)
{
	for (uint64_t from = range->from; from < range->to;) {
		size_t len = MIN(range->to - from, PACK_FRAME_TARGET);
		int r = read_range(p, i, range, from, len);

		if (r >= 0)
			r = check_content(p, i);
		if (r >= 0)
			r = add_frame(p, i, from, len);
		if (r >= 0)
			r = move_rate_take(p->config.rate, len);
		if (r < 0)
			return r;
		from += len;
	}
	return 0;
}

/* Told so that a rebuilt volume knows them from bytes that are missing (tiers/rebuild/). */
static int add_hole(struct packing *p, const struct inode *i, uint64_t from, uint64_t to)
{
	int r = check_content(p, i);

	if (r >= 0)
		r = pack_writer_add_hole(p->writer, from, to - from);
	for (unsigned nth = 0; r == -EFBIG && nth < ROOMS; nth++) {
		r = make_room(p, i, nth);
		if (r >= 0)
			r = pack_writer_add_hole(p->writer, from, to - from);
	}
	return r;
}

static bool is_wanted(const struct packing *p, const struct extent *e)
{
	return e->kind == EXTENT_PACK || (!p->config.packed_only && (e->kind == EXTENT_INLINE || extent_has_object(e)));
}

static int end_range(struct packing *p, const struct inode *i, struct range *range, uint64_t next)
{
	int r = add_range(p, i, range);

	*range = (struct range){ .from = next, .to = next };
	return r;
}

static int add_extent(struct packing *p, const struct inode *i, const struct extent *e, struct range *range)
{
	uint64_t end = MIN(extent_end(e), i->size);
	int r = 0;

	if (e->kind != EXTENT_HOLE && !is_wanted(p, e))
		return 0;
	if (e->kind == EXTENT_HOLE || e->offset != range->to)
		r = end_range(p, i, range, e->offset);
	if (r >= 0 && e->kind == EXTENT_HOLE) {
		range->from = end;
		r = add_hole(p, i, e->offset, end);
	} else {
		range->only = *e;
		range->n_extents++;
	}
	range->to = end;
	return r;
}

/* What lies side by side is read together, whatever extents it is made of. */
static int add_ranges(struct packing *p, const struct inode *i)
{
	struct range range = { 0 };
	struct extent_walk *walk;
	struct extent e;
	int r = inode_check_set(p->f->catalog, i, SET_EXTENTS);

	if (r >= 0)
		r = extent_walk_open(p->f->catalog, i->ino, 0, &walk);
	if (r < 0)
		return r;
	while (r >= 0 && (r = extent_walk_next(walk, &e)) > 0 && e.offset < i->size)
		r = add_extent(p, i, &e, &range);
	(void) extent_walk_close(walk);
	return r < 0 ? r : add_range(p, i, &range);
}

static int add_file(struct packing *p, const struct inode *i)
{
	int r = describe(p, i);

	return r < 0 ? r : add_ranges(p, i);
}

static bool may_move(struct packing *p, const struct inode *i)
{
	return S_ISREG(i->mode) && i->nlink > 0 && i->bytes > 0 && !files_is_open(p->f, i->ino);
}

int packing_add(struct packing *p, uint64_t ino)
{
	struct inode i;
	int r = inode_get(p->f->catalog, ino, &i);

	if (r == -ENOENT || (r >= 0 && !may_move(p, &i))) {
		p->stats.busy++;
		return 0;
	}
	if (r >= 0)
		r = add_file(p, &i);
	if (r == -ESTALE || r == -ENOENT)
		p->stats.busy++;
	else if (r == -EIO || r == -EBADMSG)
		p->stats.damaged++;
	else if (r == -EFBIG)
		p->stats.unfit++;
	else
		return r;
	/* What was taken in of it stays in the pack, and is nobody's. */
	while (p->n_pieces > 0 && p->pieces[p->n_pieces - 1].ino == ino)
		p->n_pieces--;
	return 0;
}

/* ---- life */

int packing_new(const struct packing_config *config, struct packing **ret_p)
{
	struct packing *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->config = *config;
	p->config.pack_bytes = config->pack_bytes ? MIN(config->pack_bytes, (uint64_t)PACK_MAX) : PACK_MAX;
	p->f = config->files;
	p->fd = -1;
	p->bytes = malloc(PACK_FRAME_TARGET);
	if (!p->bytes) {
		free(p);
		return -ENOMEM;
	}
	*ret_p = p;
	return 0;
}

struct packing *packing_free(struct packing *p)
{
	if (!p)
		return NULL;
	drop_pack(p);
	free(p->pieces);
	free(p->bytes);
	free(p);
	return NULL;
}

void packing_get_stats(const struct packing *p, struct packing_stats *ret_s)
{
	*ret_s = p->stats;
}
