/* SPDX-License-Identifier: MIT */
#include "tiers/verify_packs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/problem.h"
#include "tiers/pack/pack_reader.h"

/* ---- where a pack lies */

static ssize_t read_place(void *context, uint64_t from, void *data, size_t len)
{
	struct pack_place *at = context;
	const struct bucket_call call = { .cause = BUCKET_SCRUB, .ret_error = &at->error };

	if (at->fd >= 0)
		return io_pread(at->fd, data, len, from);
	return (ssize_t)bucket_get(packs_get_bucket(at->f->packs), &call, at->key, from, data, len);
}

static int open_warm(struct pack_place *at, const struct pack_record *record)
{
	char name[ID128_TEXT_SIZE];
	struct stat st;

	at->fd = openat(at->f->warm_dirfd, id128_format(record->run.id, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (at->fd < 0 || fstat(at->fd, &st) < 0)
		return -errno;
	at->source.size = (uint64_t)st.st_size;
	return 0;
}

static int open_cold(struct pack_place *at, const struct pack_record *record)
{
	const struct bucket_call call = { .cause = BUCKET_SCRUB, .ret_error = &at->error };
	struct bucket *bucket = packs_get_bucket(at->f->packs);
	struct bucket_object object;
	int r;

	if (!bucket)
		return -EHOSTUNREACH;
	r = bucket_head(bucket, &call, pack_key(record, at->key), &object);
	if (r >= 0)
		at->source.size = object.size;
	return r;
}

int pack_place_open(struct files *f, const struct pack_record *record, bool cold, struct pack_place *ret_at)
{
	int r;

	*ret_at = (struct pack_place){ .f = f, .fd = -1, .source = { .read = read_place, .context = ret_at } };
	r = cold ? open_cold(ret_at, record) : open_warm(ret_at, record);
	if (r < 0)
		pack_place_done(ret_at);
	return r;
}

void pack_place_at_key(struct files *f, const char *key, uint64_t size, struct pack_place *ret_at)
{
	*ret_at = (struct pack_place){ .f = f, .fd = -1, .source = { .read = read_place, .context = ret_at, .size = size } };
	(void) snprintf(ret_at->key, sizeof(ret_at->key), "%s", key);
}

void pack_place_done(struct pack_place *at)
{
	closep(&at->fd);
	at->fd = -1;
}

bool pack_place_failed(const struct pack_place *at, struct files_check *check, int error)
{
	if (error >= 0 || error == -EBADMSG || error == -ENOENT || error == -ENOMEM || error == -EOPNOTSUPP)
		return false;
	/* A disk that cannot read a file has lost what is in it. */
	if (error == -EIO && at->error.fault == BUCKET_FINE)
		return false;
	problem_say(check->problem, check->context, "packs in the bucket cannot be read: %s",
		    at->error.fault != BUCKET_FINE ? at->error.text : "no bucket is attached; see [cold] url");
	return true;
}

int pack_mark_damaged(struct files *f, struct pack_record *record)
{
	struct batch *b;
	int r;

	record->flags |= PACK_DAMAGED;
	if (!catalog_rehearses(f->catalog))
		return 0;
	r = catalog_begin(f->catalog, true, &b);
	if (r < 0)
		return r;
	pack_record_put(b, record);
	return batch_commit(b, NULL);
}

/* ---- one pack */

struct reading {
	struct files *f;
	struct files_check *check;
	struct checked_pack *p;
	bool head_damaged;
};

static int say(struct reading *rd, const char *what)
{
	struct pack_record *record = &rd->p->record;

	if (record->flags & PACK_DAMAGED)
		return 0;
	problem_say(rd->check->problem, rd->check->context, "pack %llu: %s", (unsigned long long)record->number, what);
	return pack_mark_damaged(rd->f, record);
}

static int take_frame(void *context, const struct pack_frame *f, int error)
{
	struct reading *rd = context;

	if (!f)
		rd->head_damaged = error < 0;
	else if (f->number < rd->p->n_frames)
		rd->p->frames[f->number] = (struct checked_frame){ f->place, f->stored_len, f->plain_len, error >= 0 };
	return 0;
}

static int read_frames(struct reading *rd, struct pack *pack)
{
	struct pack_summary s;
	int r;

	pack_get_summary(pack, &s);
	rd->p->frames = calloc((size_t)s.n_frames + 1, sizeof(*rd->p->frames));
	if (!rd->p->frames)
		return -ENOMEM;
	rd->p->n_frames = s.n_frames;
	rd->p->finding = PACK_WHOLE;
	r = pack_verify_seals(pack, take_frame, rd);
	/* What the disk cannot read; the frames behind it are tried one by one. */
	if (r == -EIO)
		rd->p->finding = PACK_NO_TABLE;
	if (r == -EBADMSG || r == -EIO)
		r = say(rd, rd->head_damaged ? "its header or dictionary is damaged" : "some of its bytes are damaged");
	return r;
}

static int read_pack(struct reading *rd, struct pack_place *at)
{
	struct pack *pack;
	int r = pack_open(rd->f->config.keys, &at->source, &rd->p->record.run, &pack);

	if (r >= 0) {
		r = read_frames(rd, pack);
		(void) pack_close(pack);
	} else if (!pack_place_failed(at, rd->check, r) && r != -ENOMEM && r != -EOPNOTSUPP) {
		rd->p->finding = PACK_NO_TABLE;
		return say(rd, "its table cannot be read");
	} else {
		return r;
	}
	return pack_place_failed(at, rd->check, r) ? r : r == -EIO ? 0 : r;
}

static int look_at(struct reading *rd)
{
	bool cold = pack_record_is_cold(&rd->p->record);
	struct pack_place at;
	int r;

	if (cold && !rd->check->cold) {
		rd->p->finding = PACK_UNREAD;
		rd->check->unread++;
		return 0;
	}
	r = pack_place_open(rd->f, &rd->p->record, cold, &at);
	if (r == -ENOENT) {
		rd->p->finding = PACK_GONE;
		return say(rd, cold ? "its object is not in the bucket" : "its file is not in warm/");
	}
	if (r < 0)
		return pack_place_failed(&at, rd->check, r) || cold ? r : -EIO;
	r = read_pack(rd, &at);
	pack_place_done(&at);
	return r;
}

/* ---- all */

void checked_packs_done(struct checked_packs *p)
{
	for (size_t k = 0; k < p->n; k++)
		free(p->all[k].frames);
	free(p->all);
	*p = (struct checked_packs){ 0 };
}

static int add(void *context, const struct pack_record *record)
{
	struct checked_packs *p = context;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct checked_pack *more = realloc(p->all, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->all = more;
		p->cap = cap;
	}
	p->all[p->n++] = (struct checked_pack){ .record = *record };
	return 0;
}

int64_t checked_packs_load(struct files *f, struct files_check *check, struct checked_packs *ret_p)
{
	int64_t frames = 0;
	int r = pack_record_foreach(f->catalog, add, ret_p);

	check->unread = 0;
	for (size_t k = 0; r >= 0 && k < ret_p->n; k++) {
		struct reading rd = { f, check, &ret_p->all[k], false };

		r = look_at(&rd);
		frames += ret_p->all[k].n_frames;
	}
	return r < 0 ? r : frames;
}

struct checked_pack *checked_packs_find(const struct checked_packs *p, uint64_t number)
{
	size_t from = 0, to = p->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (p->all[middle].record.number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from < p->n && p->all[from].record.number == number ? &p->all[from] : NULL;
}

static bool may_lie(const struct checked_pack *p, const struct extent *e)
{
	return e->stored_len <= PACK_FRAME_STORED_MAX && e->object_len <= PACK_FRAME_MAX &&
	       e->place <= p->record.stored && e->stored_len <= p->record.stored - e->place;
}

int checked_pack_has(struct files *f, const struct checked_pack *p, const struct extent *e)
{
	const struct checked_frame *frame;
	int64_t n;

	switch (p->finding) {
	case PACK_GONE:
		return 0;
	case PACK_UNREAD:
		return may_lie(p, e);
	case PACK_NO_TABLE:
		n = tier_verify(packs_tier(f->packs), e);
		return n == -ENOMEM ? -ENOMEM : n >= 0;
	case PACK_WHOLE:
		break;
	}
	if (e->frame >= p->n_frames)
		return 0;
	frame = &p->frames[e->frame];
	return frame->sound && frame->place == e->place && frame->stored_len == e->stored_len &&
	       frame->plain_len == e->object_len;
}
