/* SPDX-License-Identifier: MIT */
/* Packs are read whole, in the order of their numbers. A pack that moved or went meanwhile is nobody's damage: what is
 * found is compared with its record as it is then. */
#include <errno.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "catalog/walk.h"
#include "tiers/scrub/scrub_impl.h"

/* A prime near 2^32 / golden ratio: neighbouring numbers come to lie far apart (D. Knuth, TAOCP 3, 6.4). */
#define SPREAD 2654435761u
/* What asking whether an object is there counts for, of a share. */
#define GLANCE_BYTES (64u << 10)

/* ---- which one is next */

static int next_pack(struct scrub *s, bool cold, struct pack_record *ret_record)
{
	struct key prefix = key_start('K');
	struct key from = key_u64(prefix, s->at.ino + 1), key;
	int r;

	while ((r = record_first(s->f->catalog, &prefix, &from, &key, NULL)) > 0) {
		uint64_t number = key.len == 9 ? load_be64(key.bytes + 1) : 0;

		if (number && pack_record_get(s->f->catalog, number, ret_record) >= 0 &&
		    ret_record->flags & (PACK_LOCAL | PACK_REMOTE) && pack_record_is_cold(ret_record) == cold)
			return 1;
		from = key_u64(prefix, number + 1);
	}
	return r;
}

/* ---- what becomes of it */

static bool is_same(struct scrub *s, const struct pack_record *record, bool cold)
{
	struct pack_record now;

	return pack_record_get(s->f->catalog, record->number, &now) >= 0 && pack_record_is_cold(&now) == cold &&
	       id128_equal(now.run.id, record->run.id);
}

static bool is_of_pack(void *context, const struct scrub_damage *d)
{
	return d->kind == EXTENT_PACK && d->segment == *(const uint64_t *)context;
}

static int note_sound(struct scrub *s, uint64_t number)
{
	struct pack_record now;
	struct batch *b;
	int r = scrub_damage_prune(s->f->catalog, is_of_pack, &number);

	if (r >= 0)
		r = catalog_begin(s->f->catalog, true, &b);
	if (r < 0)
		return r;
	r = pack_record_get_in(b, number, &now);
	if (r < 0) {
		batch_abort(b);
		return r == -ENOENT ? 0 : r;
	}
	now.checked = (int64_t)(clock_real_ns() / 1000000000u);
	pack_record_put(b, &now);
	return batch_commit(b, NULL);
}

/* Is what the extent names among what is damaged? */
static bool is_hit(const struct pack_look *look, const struct extent *e)
{
	return look->gone || look->table || e->frame >= look->n_frames || look->bad[e->frame];
}

/* A table that does not open may hide frames that do: the catalog knows where they are. */
static bool opens(struct scrub *s, const struct pack_look *look, const struct extent *e)
{
	return look->table && tier_verify(packs_tier(s->f->packs), e) >= 0;
}

/* Bytes that are nobody's any more are no damage. */
static int note_users(struct scrub *s, const struct pack_record *record, const struct pack_look *look, bool cold)
{
	uint64_t ino = 0, end = 0, noted = 0;
	int r;

	while ((r = extent_next_in_pack(s->f->catalog, record->number, &ino, &end)) > 0) {
		_cleanup_buf_ struct buf scratch = BUF_INIT;
		struct extent e;

		if (atomic_load(&s->interrupted))
			return -EINTR;
		if (extent_find(s->f->catalog, ino, end - 1, &scratch, &e) < 0 || e.kind != EXTENT_PACK ||
		    e.segment != record->number || !is_hit(look, &e) || opens(s, look, &e))
			continue;
		r = scrub_note(s, ino, &e, cold);
		if (r < 0)
			return r;
		noted++;
	}
	if (r < 0 || noted)
		return r;
	return look->head || look->table ? scrub_note_pack(s, record) : note_sound(s, record->number);
}

static int note_damage(struct scrub *s, const struct pack_record *record, const struct pack_look *look, bool cold)
{
	int r;

	if (!is_same(s, record, cold))
		return 0;
	r = scrub_mend(s, record);
	if (r > 0) {
		s->at.now.mended++;
		s->report->did.mended++;
		return note_sound(s, record->number);
	}
	return r < 0 ? r : note_users(s, record, look, cold);
}

/* ---- all */

/* Nobody has been asked: the rest of the round goes without packs in the bucket. */
static int skip(struct scrub *s)
{
	s->at.now.unread++;
	s->report->did.unread++;
	return 0;
}

/* Reading what is in the bucket costs, so that most rounds only ask whether it is there. Packs of one day do not all
 * come due on one: each has a share of the time of its own, from half of it on. */
static bool is_due(struct scrub *s, const struct pack_record *record)
{
	uint64_t days = atomic_load(&s->cold_days), half = MIN(days, (uint64_t)INT32_MAX) / 2;
	uint64_t due = half + record->number * SPREAD % (half + 1);

	return days != SCRUB_NEVER && s->run->now_s - record->checked >= (int64_t)due * DAY_S;
}

static int count_one(void *context, const struct scrub_damage *d)
{
	return is_of_pack(context, d);
}

/* What is known to be damaged is looked at until it is sound. */
static bool is_to_be_read(struct scrub *s, const struct pack_record *record)
{
	uint64_t number = record->number;

	return s->run->whole || is_due(s, record) || (s->known && scrub_damage_foreach(s->f->catalog, count_one, &number) != 0);
}

/* 1: there is no need to read it. */
static int glance(struct scrub *s, const struct pack_record *record)
{
	struct bucket_error error;
	int r = pack_glance(s, record, &error);

	if (r < 0)
		s->report->bucket_error = error;
	return r;
}

static void count(struct scrub *s, uint64_t bytes)
{
	s->at.now.bytes += bytes;
	s->report->did.bytes += bytes;
	s->unsaved += bytes;
	s->allowance -= MIN(s->allowance, bytes + GLANCE_BYTES);
}

static int verify_pack(struct scrub *s, const struct pack_record *record, bool cold)
{
	struct pack_look look;
	int r;

	if (cold && !packs_get_bucket(s->f->packs))
		return skip(s);
	if (cold && !is_to_be_read(s, record)) {
		r = glance(s, record);
		if (r != 0) {
			count(s, 0);
			return r;
		}
	}
	r = pack_look(s, record, cold, &look);
	if (r >= 0) {
		count(s, record->stored);
		s->report->objects++;
	} else if (cold && look.error.error) {
		s->report->bucket_error = look.error;
	}
	if (r >= 0)
		r = pack_look_is_sound(&look) ? note_sound(s, record->number) : note_damage(s, record, &look, cold);
	pack_look_done(&look);
	return r;
}

int scrub_packs(struct scrub *s, bool cold)
{
	struct pack_record record;
	int r;

	while ((r = scrub_is_enough(s)) == 0) {
		r = next_pack(s, cold, &record);
		if (r <= 0)
			return r < 0 ? r : 1;
		r = verify_pack(s, &record, cold);
		if (r < 0)
			return r;
		s->at.ino = record.number;
		r = scrub_save(s, false);
		if (r < 0)
			return r;
	}
	return MIN(r, 0);
}
