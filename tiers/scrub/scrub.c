/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/calendar.h"
#include "tiers/scrub/scrub_impl.h"
#include "tiers/scrub/scrub_share.h"

#define DAYS 7u
#define COLD_DAYS 365u
/* What a kill costs at most: so much is read once more. */
#define SAVE_BYTES (256ull << 20)
/* Files that are taken down; more are counted only. */
#define DAMAGE_MAX 10000u

/* ---- life */

int scrub_new(const struct scrub_config *config, struct scrub **ret_s)
{
	struct scrub *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->f = config->files;
	(void) pthread_mutex_init(&s->turn, NULL);
	scrub_set_rules(s, &config->rules);
	*ret_s = s;
	return 0;
}

struct scrub *scrub_free(struct scrub *s)
{
	if (!s)
		return NULL;
	(void) pthread_mutex_destroy(&s->turn);
	free(s);
	return NULL;
}

void scrub_set_rules(struct scrub *s, const struct scrub_rules *rules)
{
	atomic_store(&s->days, rules->days ? rules->days : DAYS);
	atomic_store(&s->cold_days, rules->cold_days ? rules->cold_days : COLD_DAYS);
	atomic_store(&s->bytes_s, rules->bytes_s);
}

void scrub_interrupt(struct scrub *s)
{
	atomic_store(&s->interrupted, true);
}

/* ---- for those that read */

int scrub_take(struct scrub *s, uint64_t bytes)
{
	if (atomic_load(&s->interrupted))
		return -EINTR;
	s->rate.bytes_s = atomic_load(&s->bytes_s);
	return move_rate_take(&s->rate, bytes);
}

int scrub_is_enough(struct scrub *s)
{
	if (atomic_load(&s->interrupted))
		return -EINTR;
	if (s->run->background && atomic_load(&s->waiting) > 0)
		return 1;
	return s->allowance == 0 || (s->run->until_ms && clock_mono_ms() >= s->run->until_ms);
}

int scrub_save(struct scrub *s, bool now)
{
	if (!now && s->unsaved < SAVE_BYTES)
		return 0;
	s->unsaved = 0;
	return scrub_progress_save(s->f->catalog, &s->at);
}

/* ---- what was found */

static int count_one(void *context, const struct scrub_damage *d)
{
	++*(uint64_t *)context;
	return 0;
}

static int note(struct scrub *s, struct scrub_damage *d)
{
	struct scrub_damage before;
	int r = scrub_damage_get(s->f->catalog, d->ino, &before);

	if (r >= 0) {
		d->found_s = before.found_s;
		if (before.round == d->round && before.kind == d->kind) {
			d->place = before.offset < d->offset ? before.place : d->place;
			d->offset = MIN(d->offset, before.offset);
			d->end = MAX(d->end, before.end);
			d->bytes += before.bytes;
		}
	}
	if (r < 0 || before.round != d->round) {
		s->at.now.found++;
		s->report->did.found++;
	}
	if (r < 0 && s->known >= DAMAGE_MAX)
		return 0;
	s->known += r < 0;
	return scrub_damage_put(s->f->catalog, d);
}

int scrub_note(struct scrub *s, uint64_t ino, const struct extent *e, bool cold)
{
	struct scrub_damage d = { .ino = ino, .kind = e->kind, .cold = cold, .segment = e->segment, .place = e->place, .offset = e->offset,
				  .end = extent_end(e), .bytes = e->len, .found_s = (int64_t)(clock_real_ns() / 1000000000u),
				  .round = s->at.round };

	return note(s, &d);
}

int scrub_note_pack(struct scrub *s, const struct pack_record *record)
{
	struct scrub_damage d = { .ino = SCRUB_OF_PACK | record->number, .kind = EXTENT_PACK,
				  .cold = pack_record_is_cold(record), .segment = record->number,
				  .found_s = (int64_t)(clock_real_ns() / 1000000000u), .round = s->at.round };

	return note(s, &d);
}

/* A file that was removed or written anew has no damage any more, nor has one that moved on from a place that was found
 * damaged (which it could not, unless it was mended). */
static bool is_past(struct catalog *c, const struct scrub_damage *d)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct pack_record record;
	struct extent e;

	if (d->ino & SCRUB_OF_PACK)
		return pack_record_get(c, d->segment, &record) == -ENOENT;
	if (extent_find(c, d->ino, d->offset, &scratch, &e) < 0)
		return true;
	return e.kind != d->kind || e.segment != d->segment || e.place != d->place;
}

struct telling {
	struct scrub *s;
	int (*damage)(void *context, const struct scrub_damage *d);
	void *context;
};

static int tell(void *context, const struct scrub_damage *d)
{
	struct telling *t = context;

	return is_past(t->s->f->catalog, d) ? 0 : t->damage(t->context, d);
}

int scrub_foreach_damage(struct scrub *s, int (*damage)(void *context, const struct scrub_damage *d), void *context)
{
	struct telling t = { s, damage, context };

	return scrub_damage_foreach(s->f->catalog, tell, &t);
}

uint64_t scrub_count_damage(struct scrub *s)
{
	uint64_t n = 0;

	(void) scrub_foreach_damage(s, count_one, &n);
	return n;
}

/* ---- rounds */

static int total(struct scrub *s, uint64_t *ret_total)
{
	struct files_tiers t;
	int r = files_get_tiers(s->f, &t);

	if (r < 0)
		return r;
	*ret_total = t.hot.bytes + t.warm.stored_bytes + t.cold.stored_bytes;
	return 0;
}

static void begin_round(struct scrub *s)
{
	s->at.began_s = s->run->now_s;
	s->at.round++;
	s->at.phase = SCRUB_HOT;
	s->at.ino = s->at.end = 0;
	s->at.now = (struct scrub_counts){ 0 };
}

/* Not found again: what could be looked at is sound now, or nobody's. */
static bool is_unconfirmed(void *context, const struct scrub_damage *d)
{
	const struct scrub *s = context;

	return is_past(s->f->catalog, d) || (d->round != s->at.round && !(d->cold && s->at.now.unread));
}

static int end_round(struct scrub *s)
{
	int r = scrub_damage_prune(s->f->catalog, is_unconfirmed, s);

	s->at.last = s->at.now;
	s->at.ended_s = s->run->now_s;
	s->report->ended = true;
	begin_round(s);
	return r < 0 ? r : scrub_save(s, true);
}

/* 1: the phase is done. */
static int go_on_with_phase(struct scrub *s)
{
	return s->at.phase == SCRUB_HOT ? scrub_hot(s) : scrub_packs(s, s->at.phase == SCRUB_COLD);
}

/* What the bucket does not give now it may give later, in this round. One that should have ended, ends without it. */
static int give_up_cold(struct scrub *s, int error)
{
	uint64_t days = atomic_load(&s->days);
	bool late = s->run->whole || (days != SCRUB_NEVER && s->run->now_s - s->at.began_s >= (int64_t)days * DAY_S);

	if (error == -ENOMEM || error == -EINTR || s->at.phase != SCRUB_COLD || !s->report->bucket_error.error)
		return error;
	if (!late)
		return 0;
	s->at.now.unread++;
	s->report->did.unread++;
	return 1;
}

static int read_share(struct scrub *s)
{
	int r = 1;

	while (r > 0) {
		r = go_on_with_phase(s);
		if (r < 0)
			r = give_up_cold(s, r);
		if (r <= 0)
			return r;
		s->at.ino = s->at.end = 0;
		if (++s->at.phase < SCRUB_PHASES)
			r = scrub_save(s, true) < 0 ? -EIO : 1;
		else
			return end_round(s);
	}
	return r;
}

/* Returns whether there is something to do. */
static int prepare(struct scrub *s)
{
	uint64_t days = atomic_load(&s->days), all = 0;
	int r = total(s, &all);

	if (r < 0)
		return r;
	if (s->run->whole || s->at.round == 0 || s->at.began_s > s->run->now_s) {
		/* After a clock that was ahead the round goes on, as if it began now. */
		if (s->run->whole || s->at.round == 0)
			begin_round(s);
		s->at.began_s = s->run->now_s;
		r = scrub_save(s, true);
		if (r < 0)
			return r;
	}
	if (s->run->whole)
		s->allowance = UINT64_MAX;
	else if (days == SCRUB_NEVER)
		s->allowance = 0;
	else
		s->allowance = scrub_share(all, s->at.now.bytes, s->run->now_s - s->at.began_s, days * DAY_S);
	return s->allowance > 0;
}

static int run_all(struct scrub *s)
{
	int r = scrub_progress_load(s->f->catalog, &s->at);

	if (r >= 0)
		r = prepare(s);
	s->known = 0;
	if (r > 0)
		r = scrub_damage_foreach(s->f->catalog, count_one, &s->known) < 0 ? -EIO : 1;
	if (r <= 0)
		return r;
	r = read_share(s);
	/* Progress is worth keeping whatever ended it. */
	if (!s->report->ended && scrub_save(s, true) < 0 && r >= 0)
		r = -EIO;
	return r;
}

static void set_rate(struct scrub *s)
{
	s->rate.bytes_s = atomic_load(&s->bytes_s);
	s->rate.background = s->run->background;
	s->rate.requests = s->config.requests;
	s->rate.context = s->config.context;
	s->rate.interrupted = &s->interrupted;
}

static int run_in_turn(struct scrub *s, const struct scrub_run *run, struct scrub_report *ret)
{
	LOCKED(&s->turn);
	int r;

	atomic_store(&s->running, true);
	s->run = run;
	s->report = ret;
	s->unsaved = 0;
	set_rate(s);
	r = atomic_load(&s->interrupted) ? -EINTR : run_all(s);
	verified_done(&s->sound);
	atomic_store(&s->running, false);
	return r;
}

int scrub_run(struct scrub *s, const struct scrub_run *run, struct scrub_report *ret)
{
	int r;

	*ret = (struct scrub_report){ 0 };
	if (!run->background)
		(void) atomic_fetch_add(&s->waiting, 1);
	r = run_in_turn(s, run, ret);
	if (!run->background)
		(void) atomic_fetch_sub(&s->waiting, 1);
	return r == -EINTR ? -ECANCELED : MIN(r, 0);
}

int scrub_get_status(struct scrub *s, struct scrub_status *ret)
{
	int r;

	*ret = (struct scrub_status){ .days = atomic_load(&s->days), .running = atomic_load(&s->running) };
	r = scrub_progress_load(s->f->catalog, &ret->progress);
	if (r >= 0)
		r = total(s, &ret->total);
	if (r >= 0)
		ret->damaged = scrub_count_damage(s);
	return r;
}
