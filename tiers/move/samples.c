/* SPDX-License-Identifier: MIT */
#include "tiers/move/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/file_impl.h"
#include "tiers/move/dictionary_record.h"
#include "tiers/move/gather.h"
#include "tiers/move/packing.h"

/* Fewer small files than these do not make a dictionary that pays for itself. */
#define SAMPLES_MIN 100u
#define SAMPLE_BYTES_MIN (100u << 10)
#define SAMPLES_MAX 8192u
/* Fewer bytes of small files are not looked at before they are packed, unless what was packed before gives reason to. */
#define LOOK_BYTES (1u << 20)
/* Plain bytes of small files that a pack holds at most, about. */
#define PACK_SMALL_MAX (64u << 20)

struct samples {
	struct buf bytes;
	size_t lens[SAMPLES_MAX];
	size_t n;
};

static uint64_t bytes_of(const struct gathered *g)
{
	const uint64_t *from = g->move.bytes_from;

	return from[POLICY_HOT] + from[POLICY_WARM] + from[POLICY_COLD];
}

static bool is_small(const struct gathered *g)
{
	return bytes_of(g) > 0 && bytes_of(g) < PACK_DICTIONARY_BELOW;
}

static int add_sample(struct files *f, struct samples *s, uint64_t ino)
{
	void *place;
	ssize_t n;
	int r = buf_extend(&s->bytes, PACK_DICTIONARY_BELOW, &place);

	if (r < 0)
		return r;
	n = file_read(f, ino, 0, place, PACK_DICTIONARY_BELOW, TIER_WAIT);
	s->bytes.len -= PACK_DICTIONARY_BELOW - (n > 0 ? (size_t)n : 0);
	if (n > 0)
		s->lens[s->n++] = (size_t)n;
	return 0;
}

static size_t count_small(const struct gathered *items, size_t n)
{
	size_t small = 0;

	for (size_t k = 0; k < n; k++)
		small += is_small(&items[k]);
	return small;
}

/* Evenly over all of them: neighbours are alike. */
static int take_samples(struct files *f, const struct gathered *items, size_t n, struct samples *s)
{
	size_t small = count_small(items, n), step = MAX(small / SAMPLES_MAX, (size_t)1), seen = 0;
	int r = 0;

	if (small < SAMPLES_MIN)
		return 0;
	/* About 2 KiB each, when nothing is known of them. */
	step = MAX(step, small / (PACK_SAMPLES_TARGET / 2048));
	for (size_t k = 0; r >= 0 && k < n && s->n < SAMPLES_MAX && s->bytes.len < PACK_SAMPLES_TARGET; k++)
		if (is_small(&items[k]) && seen++ % step == 0)
			r = add_sample(f, s, items[k].ino);
	return r;
}

static int take(struct files *f, const struct gathered *items, size_t n, struct samples **ret_s)
{
	struct samples *s = calloc(1, sizeof(*s));
	int r = s ? take_samples(f, items, n, s) : -ENOMEM;

	*ret_s = s;
	return r;
}

static bool are_enough(const struct samples *s)
{
	return s->n >= SAMPLES_MIN && s->bytes.len >= SAMPLE_BYTES_MIN;
}

static struct samples *samples_free(struct samples *s)
{
	if (s)
		buf_done(&s->bytes);
	free(s);
	return NULL;
}

static int train(struct files *f, const struct gathered *items, size_t n, struct pack_dictionary **ret_d)
{
	struct samples *s;
	int r = take(f, items, n, &s);

	if (r >= 0 && are_enough(s)) {
		const struct pack_samples samples = { s->bytes.data, s->lens, s->n };

		r = pack_dictionary_train(&samples, 0, ret_d);
	}
	(void) samples_free(s);
	return r == -ENODATA ? 0 : r;
}

/* ---- is the present one still good?
 *
 * What was packed lately, or samples of what is to be packed, take more than the first packs did: then a fresh one is
 * trained with every other sample, and the rest, which it has not seen, is measured with both and with none. When the
 * present one wins, what it does with these samples is what it is measured by from then on, so that nobody tries again
 * before it does worse than that. */

struct trial {
	const struct pack_dictionary *present;
	struct dictionary_figures figures;
	struct pack_dictionary_record record;
	uint64_t small_bytes;          /* of all small files that move */
	struct pack_dictionary *fresh; /* owned */
};

/* Parts them: those with odd numbers go behind the others. */
static int part(struct samples *s, struct samples **ret_held)
{
	struct samples *held = calloc(1, sizeof(*held));
	size_t n = 0, from = 0, to = 0;
	int r = held ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < s->n; from += s->lens[k++]) {
		size_t len = s->lens[k];

		if (k % 2) {
			r = buf_add(&held->bytes, s->bytes.data + from, len);
			held->lens[held->n++] = len;
			continue;
		}
		memmove(s->bytes.data + to, s->bytes.data + from, len);
		to += len;
		s->lens[n++] = len;
	}
	s->bytes.len = to;
	s->n = n;
	*ret_held = held;
	return r;
}

static int measure(const struct pack_dictionary *d, const struct samples *s, uint64_t *ret_stored)
{
	const struct pack_samples samples = { s->bytes.data, s->lens, s->n };

	return pack_dictionary_measure(d, &samples, 0, ret_stored);
}

/* What the fresh one will take in each pack. */
static int measure_itself(struct trial *t)
{
	size_t len;
	const void *bytes = pack_dictionary_bytes(t->fresh, &len);
	const struct pack_samples samples = { bytes, &len, 1 };

	return pack_dictionary_measure(NULL, &samples, 0, &t->record.dictionary_stored);
}

static int compare(struct trial *t, struct samples *s)
{
	struct samples *held;
	int r = part(s, &held);

	if (r >= 0)
		r = pack_dictionary_train(&(struct pack_samples){ s->bytes.data, s->lens, s->n }, 0, &t->fresh);
	if (r >= 0)
		r = measure_itself(t);
	if (r >= 0)
		r = measure(NULL, held, &t->record.sample_without);
	if (r >= 0)
		r = measure(t->present, held, &t->record.sample_with);
	if (r >= 0)
		r = measure(t->fresh, held, &t->record.sample_fresh);
	if (r >= 0)
		t->record.sample_plain = held->bytes.len;
	(void) samples_free(held);
	return r == -ENODATA ? 0 : r;
}

static uint64_t count_small_bytes(const struct gathered *items, size_t n)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += is_small(&items[k]) ? bytes_of(&items[k]) : 0;
	return sum;
}

static struct pack_dictionary_record record_of(const struct dictionary_figures *f)
{
	return (struct pack_dictionary_record){ .first_plain = f->first_plain, .first_stored = f->first_stored,
						.recent_plain = f->recent_plain, .recent_stored = f->recent_stored };
}

static bool is_reason(struct trial *t)
{
	return t->figures.first_plain > 0 && pack_dictionary_advise(&t->record, 0) == PACK_DICTIONARY_TRY;
}

/* Samples of enough files say more than what was packed before. */
static int look_ahead(struct trial *t, const struct samples *s)
{
	uint64_t stored;
	int r;

	if (t->small_bytes < LOOK_BYTES)
		return 0;
	r = measure(t->present, s, &stored);
	if (r >= 0) {
		t->record.recent_plain = t->small_bytes;
		t->record.recent_stored = (uint64_t)((double)stored * (double)t->small_bytes / (double)s->bytes.len);
	}
	return r;
}

static int try(struct trial *t, struct files *f, const struct gathered *items, size_t n)
{
	struct samples *s;
	int r = take(f, items, n, &s);

	if (r >= 0 && are_enough(s)) {
		r = look_ahead(t, s);
		if (r >= 0 && is_reason(t))
			r = compare(t, s);
	}
	(void) samples_free(s);
	return r;
}

static int start_anew(struct trial *t, struct files *f)
{
	t->figures.first_plain = t->record.sample_plain;
	t->figures.first_stored = t->record.sample_with;
	t->figures.recent_plain = t->figures.recent_stored = 0;
	return dictionary_figures_save(f->catalog, &t->figures);
}

/* Takes what the trial came to. */
static int decide(struct trial *t, struct files *f, struct move_dictionary *md)
{
	enum pack_dictionary_advice advice;

	if (t->record.sample_plain == 0)
		return 0;
	advice = pack_dictionary_advise(&t->record, MIN(t->small_bytes, (uint64_t)PACK_SMALL_MAX));
	/* Few files share no pack with others today, and may tomorrow. */
	if (advice == PACK_DICTIONARY_KEEP || (advice == PACK_DICTIONARY_DROP && t->small_bytes < LOOK_BYTES))
		return start_anew(t, f);
	packs_put_dictionary(f->packs, md->d);
	md->d = NULL;
	if (advice == PACK_DICTIONARY_CHANGE)
		md->d = md->trained = steal_ptr(&t->fresh);
	return 0;
}

static int look_at_present(struct files *f, const struct gathered *items, size_t n, struct move_dictionary *md)
{
	struct trial t = { .present = md->d, .small_bytes = count_small_bytes(items, n) };
	int r = dictionary_figures_load(f->catalog, pack_dictionary_id(md->d), &t.figures);

	t.record = record_of(&t.figures);
	if (r >= 0 && (t.small_bytes >= LOOK_BYTES || is_reason(&t)))
		r = try(&t, f, items, n);
	if (r >= 0)
		r = decide(&t, f, md);
	(void) pack_dictionary_free(t.fresh);
	return r;
}

/* ---- for the mover */

static int get_present(struct files *f, struct move_dictionary *ret)
{
	uint64_t id;
	int r = dictionary_get_current(f->catalog, &id);

	*ret = (struct move_dictionary){ 0 };
	if (r >= 0 && id)
		r = packs_get_dictionary(f->packs, id, &ret->d);
	/* A lost one is no reason not to move: packs have it, and another is trained. */
	return r == -ENOENT || r == -EBADMSG || r == -EBUSY ? 0 : r;
}

int move_dictionary_get(struct files *f, const struct gathered *items, size_t n, struct move_dictionary *ret)
{
	int r = get_present(f, ret);

	if (r < 0)
		return r;
	if (ret->d) {
		r = look_at_present(f, items, n, ret);
		if (r < 0)
			move_dictionary_put(f, ret);
		return r;
	}
	r = train(f, items, n, &ret->trained);
	if (r >= 0)
		ret->d = ret->trained;
	return r;
}

/* One that was trained is the volume's when a pack has it. */
void move_dictionary_note(struct files *f, const struct move_dictionary *md, const struct packing_stats *stats)
{
	struct dictionary_figures figures;
	uint64_t current;

	if (!md->d || !stats->small_plain || dictionary_get_current(f->catalog, &current) < 0 ||
	    current != pack_dictionary_id(md->d) || dictionary_figures_load(f->catalog, current, &figures) < 0)
		return;
	dictionary_figures_add(&figures, stats->small_plain, stats->small_stored);
	(void) dictionary_figures_save(f->catalog, &figures);
}

void move_dictionary_put(struct files *f, struct move_dictionary *md)
{
	if (!md->trained)
		packs_put_dictionary(f->packs, md->d);
	(void) pack_dictionary_free(md->trained);
	*md = (struct move_dictionary){ 0 };
}
