/* SPDX-License-Identifier: MIT */
/* The same pack may lie in two places: in the bucket before its file here went, or after it could not be sent (send.h).
 * When that copy is whole, it is used from then on:
 *
 *   the object is damaged, the file is not: the record says that it is here, and may be in the bucket; the next move
 *       sends it again, over what is damaged
 *   the file is damaged, the object is not: the object is fetched into a file beside, which is synced, read, and takes the
 *       place of the other; a stop leaves either, and perhaps a file that no record speaks of (packing_leftovers.c) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/scrub/scrub_impl.h"
#include "tiers/verify_packs.h"

#define COPY_BYTES (1u << 20)

static bool is_whole(struct scrub *s, const struct pack_record *record, bool cold, int *ret_r)
{
	struct pack_look look;
	bool whole;

	*ret_r = pack_look(s, record, cold, &look);
	whole = *ret_r >= 0 && pack_look_is_sound(&look);
	pack_look_done(&look);
	/* Of the other place, which cannot be asked: there is no other copy. */
	if (*ret_r < 0 && *ret_r != -ENOMEM && *ret_r != -EINTR)
		*ret_r = 0;
	return whole;
}

/* ---- here is a whole one */

static int say_it_is_here(struct scrub *s, const struct pack_record *record)
{
	struct pack_record now;
	uint64_t lsn;
	struct batch *b;
	int r = catalog_begin(s->f->catalog, true, &b);

	if (r < 0)
		return r;
	r = pack_record_get_in(b, record->number, &now);
	if (r < 0 || !pack_record_is_cold(&now)) {
		batch_abort(b);
		return MIN(r, 0);
	}
	now.flags = (now.flags & ~PACK_REMOTE) | PACK_LOCAL | PACK_SENDING;
	pack_record_put(b, &now);
	r = batch_commit(b, &lsn);
	if (r >= 0)
		r = catalog_sync(s->f->catalog, lsn);
	packs_forget(s->f->packs, record->number);
	return r < 0 ? r : 1;
}

/* ---- there is a whole one */

static int copy(struct scrub *s, const struct pack_source *from, int fd)
{
	_cleanup_free_ uint8_t *room = malloc(COPY_BYTES);
	int r = room ? 0 : -ENOMEM;

	for (uint64_t at = 0; r >= 0 && at < from->size;) {
		ssize_t n = from->read(from->context, at, room, (size_t)MIN(from->size - at, (uint64_t)COPY_BYTES));

		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		r = io_pwrite(fd, room, (size_t)n, at);
		if (r >= 0)
			r = scrub_take(s, (uint64_t)n);
		at += (uint64_t)n;
	}
	return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

static int verify_copy(struct scrub *s, const struct pack_record *record, int fd)
{
	struct pack_source source;
	struct pack *pack;
	int r = pack_source_fd(fd, &source);

	if (r >= 0)
		r = pack_open(s->f->config.keys, &source, &record->run, &pack);
	if (r < 0)
		return r;
	r = pack_verify_seals(pack, NULL, NULL);
	(void) pack_close(pack);
	return r;
}

static int fetch_into(struct scrub *s, const struct pack_record *record, int fd)
{
	struct pack_place at;
	int r = pack_place_open(s->f, record, true, &at);

	if (r < 0)
		return r;
	r = copy(s, &at.source, fd);
	pack_place_done(&at);
	return r < 0 ? r : verify_copy(s, record, fd);
}

/* Under the lock of the catalog's writer the pack can neither be sent nor removed. */
static int put_in_place(struct scrub *s, const struct pack_record *record, const char *temporary)
{
	char name[ID128_TEXT_SIZE];
	struct pack_record now;
	struct batch *b;
	int r = catalog_begin(s->f->catalog, true, &b);

	if (r < 0)
		return r;
	r = pack_record_get_in(b, record->number, &now);
	if (r >= 0)
		r = pack_record_is_cold(&now) ? -ENOENT : 0;
	if (r >= 0 && renameat(s->f->warm_dirfd, temporary, s->f->warm_dirfd, id128_format(record->run.id, name)) < 0)
		r = -errno;
	batch_abort(b);
	if (r >= 0 && fsync(s->f->warm_dirfd) < 0)
		r = -errno;
	packs_forget(s->f->packs, record->number);
	return r;
}

static int fetch(struct scrub *s, const struct pack_record *record)
{
	char temporary[40];
	_cleanup_close_ int fd = -1;
	int r;

	(void) snprintf(temporary, sizeof(temporary), "new-scrub%llu", (unsigned long long)record->number);
	fd = openat(s->f->warm_dirfd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fetch_into(s, record, fd);
	if (r >= 0)
		r = put_in_place(s, record, temporary);
	if (r < 0)
		(void) unlinkat(s->f->warm_dirfd, temporary, 0);
	return r < 0 ? r : 1;
}

int scrub_mend(struct scrub *s, const struct pack_record *record)
{
	bool cold = pack_record_is_cold(record);
	int r;

	if (!cold && (!(record->flags & PACK_SENDING) || !packs_get_bucket(s->f->packs)))
		return 0;
	if (!is_whole(s, record, !cold, &r))
		return r;
	r = cold ? say_it_is_here(s, record) : fetch(s, record);
	/* What keeps it from being mended leaves it as it is: damaged, and told. */
	return r == -ENOMEM || r == -EINTR ? r : MAX(r, 0);
}
