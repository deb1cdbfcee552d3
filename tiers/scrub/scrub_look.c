/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tiers/scrub/scrub_impl.h"
#include "tiers/verify_packs.h"

/* Bytes from the bucket that do not open are asked for again: what altered them may have been on the way. */
#define FETCHES 3u

struct looking {
	struct scrub *s;
	struct pack_place *at;
	struct pack_look *look;
};

void pack_look_done(struct pack_look *l)
{
	free(l->bad);
	*l = (struct pack_look){ 0 };
}

static int take_frame(void *context, const struct pack_frame *f, int error)
{
	struct looking *x = context;

	if (!f) {
		x->look->head = error < 0;
		return 0;
	}
	if (f->number < x->look->n_frames)
		x->look->bad[f->number] = error < 0;
	return scrub_take(x->s, f->stored_len);
}

/* Of a disk that cannot read all of the file: each frame by itself. */
static int look_one_by_one(struct looking *x, struct pack *pack)
{
	_cleanup_free_ void *plain = malloc(PACK_FRAME_MAX);
	int r = plain ? 0 : -ENOMEM;

	for (uint32_t k = 0; r >= 0 && k < x->look->n_frames; k++) {
		r = pack_read_frame(pack, k, plain);
		if (r == -ENOMEM)
			return r;
		x->look->bad[k] = r < 0;
		r = scrub_take(x->s, PACK_FRAME_TARGET);
	}
	return r;
}

/* Errors of the bucket end it: they say nothing of the frames. */
static int ask_again(struct looking *x, struct pack *pack)
{
	_cleanup_free_ void *plain = malloc(PACK_FRAME_MAX);
	int r = plain ? 0 : -ENOMEM;

	for (unsigned n = 1; r >= 0 && n < FETCHES; n++)
		for (uint32_t k = 0; r >= 0 && k < x->look->n_frames; k++) {
			if (!x->look->bad[k])
				continue;
			r = pack_read_frame(pack, k, plain);
			x->look->bad[k] = r < 0;
			if (r == -EBADMSG)
				r = 0;
		}
	return r;
}

static int look_at_frames(struct looking *x, struct pack *pack, bool cold)
{
	struct pack_summary sum;
	int r;

	pack_get_summary(pack, &sum);
	x->look->bad = calloc((size_t)sum.n_frames + 1, 1);
	if (!x->look->bad)
		return -ENOMEM;
	x->look->n_frames = sum.n_frames;
	r = pack_verify_seals(pack, take_frame, x);
	if (r == -EIO && !cold)
		r = look_one_by_one(x, pack);
	if (r == -EBADMSG)
		r = cold ? ask_again(x, pack) : 0;
	for (uint32_t k = 0; k < x->look->n_frames; k++)
		x->look->n_bad += x->look->bad[k];
	return r;
}

/* 1: its table does not open. */
static int look_once(struct looking *x, const struct pack_record *record, bool cold)
{
	struct pack *pack;
	int r = pack_open(x->s->f->config.keys, &x->at->source, &record->run, &pack);

	if (r == -EBADMSG || (r == -EIO && !cold))
		return 1;
	if (r < 0)
		return r;
	r = look_at_frames(x, pack, cold);
	(void) pack_close(pack);
	return r;
}

/* The disk is asked, not the system's cache, in which afterwards is what was there before. Hints. */
static void drop_cached(const struct pack_place *at)
{
	if (at->fd >= 0)
		(void) posix_fadvise(at->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int look(struct looking *x, const struct pack_record *record, bool cold)
{
	unsigned tries = cold ? FETCHES : 1;
	int r = 1;

	for (unsigned n = 0; n < tries && r > 0; n++) {
		pack_look_done(x->look);
		r = look_once(x, record, cold);
		if (r == 0 && x->look->head && n + 1 < tries)
			r = 1;
	}
	x->look->table = r > 0;
	return MIN(r, 0);
}

int pack_glance(struct scrub *s, const struct pack_record *record, struct bucket_error *ret_error)
{
	struct pack_place at;
	int r = pack_place_open(s->f, record, true, &at);

	*ret_error = at.error;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = at.source.size == record->stored;
	pack_place_done(&at);
	return r;
}

int pack_look(struct scrub *s, const struct pack_record *record, bool cold, struct pack_look *ret)
{
	struct pack_place at;
	struct looking x = { s, &at, ret };
	int r = pack_place_open(s->f, record, cold, &at);

	*ret = (struct pack_look){ 0 };
	if (r == -ENOENT) {
		ret->gone = true;
		return 0;
	}
	if (r < 0) {
		ret->error = at.error;
		ret->table = !cold;
		return cold || r == -ENOMEM ? r : 0;
	}
	drop_cached(&at);
	r = look(&x, record, cold);
	drop_cached(&at);
	/* It went while it was read. */
	if (r == -ENOENT) {
		ret->gone = true;
		r = 0;
	}
	ret->error = at.error;
	pack_place_done(&at);
	return r;
}
