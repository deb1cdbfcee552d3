/* SPDX-License-Identifier: MIT */
#include "tiers/packs_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "tiers/pack/pack_dictionary.h"

#define FRAMES_MAX (16u << 20)
#define CACHE_MAX (1ull << 30)
/* Bytes from the bucket that do not open are asked for again: what altered them may have been on the way. */
#define FETCHES 3u

char *pack_key(const struct pack_record *record, char ret_key[PACK_KEY_SIZE])
{
	char id[ID128_TEXT_SIZE], month[16] = "";
	time_t first = (time_t)(record->first_day * DAY_S);
	struct tm day;

	if (record->flags & PACK_DATED && gmtime_r(&first, &day))
		(void) strftime(month, sizeof(month), "%Y/%m/", &day);
	(void) snprintf(ret_key, PACK_KEY_SIZE, "packs/%s%s", month, id128_format(record->run.id, id));
	return ret_key;
}

struct pack_record packs_record_of(const struct pack_summary *s)
{
	return (struct pack_record){
		.number = s->number, .run = s->run, .stored = s->stored_size, .plain = s->plain_bytes,
		.dictionary = s->dictionary_id, .first_day = s->first_day,
		.days = (uint64_t)(s->last_day - s->first_day) + 1,
		.made = (int64_t)(s->created_ns / 1000000000u), .lsn = s->lsn,
	};
}

/* What the bucket says is no news of the file: whoever knows the pack must not take it for absent. */
int packs_plain_error(int r)
{
	return r == -ENOMEM || r >= 0 ? r : -EIO;
}

static struct cold_pack describe_cold(const struct pack_record *record, char key[PACK_KEY_SIZE])
{
	return (struct cold_pack){ .number = record->number, .id = record->run.id, .key = pack_key(record, key),
				   .size = record->stored };
}

static int fetch_sealed(struct packs *p, struct open_pack *op, const struct pack_frame *f, bool again, void *ret_sealed)
{
	char key[PACK_KEY_SIZE];
	const struct cold_pack o = describe_cold(&op->record, key);
	struct pack_record now;
	int r = sealed_cache_read(p->cache, &o, (struct cold_frame){ f->place, f->stored_len }, again, BUCKET_RECALL,
				  ret_sealed);

	static unsigned long long last_ms;

	/* Packed anew and swept while somebody waited: his extents are old. */
	if (r == -ENOENT && pack_record_get(p->catalog, o.number, &now) == -ENOENT)
		return -ENOENT;
	if (r == -ENOENT)
		lost_note(&p->lost, &(struct lost_frame){ .pack = o.number, .frame = *f });
	if (r < 0 && r != -ENOMEM && log_due(&last_ms))
		(void) log_warn(r, "a frame of pack %llu does not come from the bucket", (unsigned long long)o.number);
	return r == -EBADMSG ? r : packs_plain_error(r);
}

static int read_sealed(struct packs *p, struct open_pack *op, const struct pack_frame *f, bool again, void *ret_sealed)
{
	if (op->fd < 0)
		return fetch_sealed(p, op, f, again, ret_sealed);
	return io_pread_exact(op->fd, ret_sealed, f->stored_len, f->place);
}

/* ---- frames */

static int open_frame(struct packs *p, struct open_pack *op, const struct pack_frame *f, void *sealed, void *ret_plain)
{
	const struct pack_dictionary *d = NULL;
	int r = 0;

	if (op->record.dictionary && pack_frame_wants_dictionary(f))
		r = packs_find_dictionary(p, op, &d);
	if (r >= 0)
		r = pack_frame_open(p->opener, op->run, f, sealed, d, ret_plain);
	packs_put_dictionary(p, d);
	return r;
}

/* Of a cold pack. */
static void note_frame(struct packs *p, const struct open_pack *op, const struct pack_frame *f, int r)
{
	const struct lost_frame lost = { .pack = op->record.number, .frame = *f, .altered = true };

	if (r >= 0)
		lost_clear(&p->lost, lost.pack, f);
	else if (r == -EBADMSG)
		lost_note(&p->lost, &lost);
}

static int load_from(struct packs *p, struct open_pack *op, const struct pack_frame *f, void *ret_plain)
{
	_cleanup_free_ void *sealed = malloc(f->stored_len);
	unsigned tries = op->fd < 0 ? FETCHES : 1;
	int r = -ENOMEM;

	for (unsigned n = 0; sealed && n < tries; n++) {
		r = read_sealed(p, op, f, n > 0, sealed);
		if (r >= 0)
			r = open_frame(p, op, f, sealed, ret_plain);
		if (r != -EBADMSG)
			break;
	}
	if (op->fd < 0)
		note_frame(p, op, f, r);
	return r;
}

struct wanted {
	struct packs *p;
	const struct extent *e;
	bool reads; /* altered bytes of the bucket's may come right again: they are no damage of the volume */
};

static int load(void *context, void *ret_plain)
{
	struct wanted *w = context;
	const struct extent *e = w->e;
	const struct pack_frame f = { .number = e->frame, .place = (uint32_t)e->place, .stored_len = e->stored_len,
				      .plain_len = e->object_len };
	struct open_pack *op;
	int r;

	if (e->place > PACK_MAX || e->stored_len > PACK_FRAME_STORED_MAX || e->object_len > PACK_FRAME_MAX)
		return -EBADMSG;
	r = packs_get_open(w->p, e->segment, &op);
	if (r < 0)
		return r;
	r = load_from(w->p, op, &f, ret_plain);
	if (r == -EBADMSG && w->reads && op->fd < 0)
		r = -EIO;
	packs_put_open(w->p, op);
	return r;
}

/* Is there no need to ask the bucket? */
static bool is_here(struct packs *p, const struct extent *e)
{
	struct open_pack *op;
	bool here;

	if (packs_get_open(p, e->segment, &op) < 0)
		return true; /* which is told by reading it */
	here = op->fd >= 0 || sealed_cache_has(p->cache, e->segment, (struct cold_frame){ e->place, e->stored_len });
	packs_put_open(p, op);
	return here;
}

static int packs_read(struct tier *t, const struct extent *e, uint64_t from, void *ret_data, size_t len,
		      enum tier_wait wait)
{
	struct packs *p = (struct packs *)t;
	struct wanted w = { p, e, true };
	const struct fifo_key key = { e->segment, e->frame };
	uint32_t skip = e->skip + (uint32_t)from;
	int r = frames_read(p->frames, key, e->object_len, skip, ret_data, len, true, load, &w);

	if (r != -EAGAIN || wait == TIER_AT_ONCE || (wait == TIER_LOCAL && !is_here(p, e)))
		return r;
	return frames_read(p->frames, key, e->object_len, skip, ret_data, len, false, load, &w);
}

int packs_get_cold(struct packs *p, uint64_t number, char key[PACK_KEY_SIZE], struct cold_pack *ret_o)
{
	struct pack_record record;
	int r = pack_record_get(p->catalog, number, &record);

	if (r < 0 || !pack_record_is_cold(&record))
		return MIN(r, 0);
	*ret_o = describe_cold(&record, key);
	return 1;
}

struct sealed_cache *packs_cache(struct packs *p)
{
	return p->cache;
}

bool packs_is_cold(struct packs *p, const struct extent *e)
{
	struct open_pack *op;
	bool cold;

	if (packs_get_open(p, e->segment, &op) < 0)
		return false;
	cold = op->fd < 0;
	packs_put_open(p, op);
	return cold;
}

void packs_ahead(struct packs *p, const struct extent *e, const struct extent *next, size_t n)
{
	struct cold_frame frames[PACKS_AHEAD];
	char key[PACK_KEY_SIZE];
	struct open_pack *op;
	size_t n_frames = 0;

	for (size_t k = 0; k < n && n_frames < PACKS_AHEAD; k++)
		if (next[k].segment == e->segment)
			frames[n_frames++] = (struct cold_frame){ next[k].place, next[k].stored_len };
	if (n_frames == 0 || packs_get_open(p, e->segment, &op) < 0)
		return;
	if (op->fd < 0) {
		const struct cold_pack o = describe_cold(&op->record, key);

		sealed_cache_ahead(p->cache, &o, frames, n_frames);
	}
	packs_put_open(p, op);
}

/* Past the cache. */
static int64_t packs_verify(struct tier *t, const struct extent *e)
{
	struct wanted w = { (struct packs *)t, e, false };
	_cleanup_free_ void *plain = malloc(MIN(e->object_len, PACK_FRAME_MAX));
	int r = plain ? load(&w, plain) : -ENOMEM;

	return r < 0 ? r : 1;
}

/* ---- what was lost */

struct lost *packs_get_lost(struct packs *p)
{
	return &p->lost;
}

static int look_for(struct packs *p, const struct lost_frame *f)
{
	_cleanup_free_ void *plain = malloc(f->frame.plain_len);
	struct open_pack *op;
	int r = plain ? packs_get_open(p, f->pack, &op) : -ENOMEM;

	if (r < 0) {
		if (r == -ENOENT)
			lost_forget(&p->lost, f->pack);
		return r;
	}
	if (op->fd < 0)
		r = load_from(p, op, &f->frame, plain);
	else
		lost_forget(&p->lost, f->pack);
	packs_put_open(p, op);
	return r;
}

int packs_look_for_lost(struct packs *p, const atomic_bool *interrupted)
{
	struct lost_frame frames[LOST_MAX];
	size_t n = lost_get(&p->lost, frames);

	for (size_t k = 0; k < n; k++) {
		if (atomic_load(interrupted))
			return -EINTR;
		if (look_for(p, &frames[k]) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* ---- life */

static void packs_free(struct tier *t)
{
	struct packs *p = (struct packs *)t;

	for (unsigned k = 0; k < OPEN_MAX; k++)
		p->open[k] = open_pack_free(p->open[k]);
	for (unsigned k = 0; k < DICTIONARIES_MAX; k++)
		p->dictionaries[k].d = pack_dictionary_free(p->dictionaries[k].d);
	p->frames = frames_free(p->frames);
	p->opener = pack_opener_free(p->opener);
	p->cache = sealed_cache_free(p->cache);
	(void) pthread_mutex_destroy(&p->lock);
	lost_done(&p->lost);
	free(p);
}

static const struct tier_ops ops = { .read = packs_read, .verify = packs_verify, .free = packs_free };

int packs_new(const struct packs_config *config, struct packs **ret_p)
{
	struct packs *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->tier.ops = &ops;
	p->config = *config;
	if (!p->config.frames_max)
		p->config.frames_max = FRAMES_MAX;
	if (!p->config.cache_max)
		p->config.cache_max = CACHE_MAX;
	(void) pthread_mutex_init(&p->lock, NULL);
	lost_init(&p->lost);
	r = frames_new(p->config.frames_max, &p->frames);
	if (r >= 0)
		r = pack_opener_new(&p->opener);
	if (r >= 0)
		r = sealed_cache_new(p->config.cache_dirfd, p->config.cache_max, &p->cache);
	if (r < 0) {
		packs_free(&p->tier);
		return r;
	}
	*ret_p = p;
	return 0;
}

void packs_set_catalog(struct packs *p, struct catalog *c)
{
	p->catalog = c;
}

void packs_set_bucket(struct packs *p, struct bucket *b)
{
	sealed_cache_set_bucket(p->cache, b);
}

struct bucket *packs_get_bucket(struct packs *p)
{
	return sealed_cache_get_bucket(p->cache);
}

void packs_set_patience(struct packs *p, bool fail, uint64_t timeout_s)
{
	sealed_cache_set_patience(p->cache, fail, timeout_s);
}

struct tier *packs_tier(struct packs *p)
{
	return &p->tier;
}

void packs_add_memory(struct packs *p, struct memory_parts *m)
{
	uint64_t bytes, bound;

	frames_add_memory(p->frames, m);
	sealed_cache_add_memory(p->cache, m);
	pack_opener_memory(p->opener, &bytes, &bound);
	memory_part_add(m, "packs", sizeof(*p) + bytes, sizeof(*p) + bound);
}
