/* SPDX-License-Identifier: MIT */
/* The moves of a run: back, into packs, to the bucket, and away. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/move/expire.h"
#include "tiers/move/metered.h"
#include "tiers/move/mover_impl.h"
#include "tiers/move/promote.h"
#include "tiers/move/samples.h"
#include "tiers/s3/bucket_impl.h"

/* When the bucket is away the other files in it fare no better; each would wait for its time-out. */
static void look_at_bucket(struct running *rn, const struct gathered *item, int error)
{
	struct bucket_stats stats;

	if (error != -EIO || !item->move.bytes_from[POLICY_COLD] || !rn->m->cold.bucket)
		return;
	bucket_get_stats(rn->m->cold.bucket, &stats);
	if (stats.last.fault != BUCKET_FINE && stats.last.fault != BUCKET_ABSENT)
		running_fail_cold(rn, error, &stats.last);
}

static uint64_t refusals(struct mover *m)
{
	struct metered_state s = { 0 };

	if (m->cold.bucket && atomic_load(&m->metered))
		metered_get(m->cold.bucket, &s);
	return s.refused;
}

/* Reading said no more than that it failed. */
static bool note_limited(struct running *rn, const struct gathered *item, uint64_t refused_before)
{
	if (!item->move.bytes_from[POLICY_COLD] || refusals(rn->m) <= refused_before)
		return false;
	if (!rn->report->error)
		(void) bucket_fail(&rn->report->bucket_error, BUCKET_LIMITED, 0, METERED_LIMITED);
	rn->cold_failed = rn->report->limited = true;
	return true;
}

static int promote_one(struct running *rn, const struct gathered *item)
{
	uint64_t bytes = 0, refused = refusals(rn->m);
	int r;

	if (item->move.bytes_from[POLICY_COLD] && rn->cold_failed)
		return 0;
	r = file_promote(rn->m->config.files, item->ino, &rn->m->rate, &bytes);
	if (r == -EINTR)
		return r;
	look_at_bucket(rn, item, r);

	rn->report->bytes[POLICY_HOT] += bytes;
	if (r >= 0)
		rn->report->files[POLICY_HOT]++;
	else if (r == -ESTALE)
		rn->report->busy++;
	else if (!note_limited(rn, item, refused))
		running_note_failure(rn, r);
	return mover_is_final(r) ? r : 0;
}

static int promote_all(struct running *rn, const struct gathered *items, size_t n)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < n; k++) {
		r = mover_check_interrupted(rn->m);
		if (r >= 0)
			r = promote_one(rn, &items[k]);
	}
	return r;
}

static int expire_one(struct running *rn, const struct gathered *item)
{
	const uint64_t *bytes = item->move.bytes_from;
	int r = file_expire(&rn->g, item->ino);

	if (r > 0) {
		rn->report->files[POLICY_AUTO]++;
		rn->report->bytes[POLICY_AUTO] += bytes[POLICY_HOT] + bytes[POLICY_WARM] + bytes[POLICY_COLD];
	} else if (r == 0) {
		rn->report->busy++;
	} else {
		running_note_failure(rn, r);
	}
	return mover_is_final(r) ? r : 0;
}

static int expire_all(struct running *rn, const struct gathered *items, size_t n)
{
	int r = 0;

	for (size_t k = 0; r >= 0 && k < n; k++) {
		r = mover_check_interrupted(rn->m);
		if (r >= 0)
			r = expire_one(rn, &items[k]);
	}
	return r;
}

static int add_all(struct mover *m, struct packing *p, const struct partition_config *config,
		   const struct gathered *items, size_t n)
{
	uint32_t span = config->span_days ? config->span_days : PARTITION_SPAN_DAYS;
	int64_t first = n > 0 ? items[0].day : 0;
	int r = 0;

	for (size_t k = 0; r >= 0 && k < n; k++) {
		if (items[k].day - first >= (int64_t)span) {
			r = packing_cut(p);
			first = items[k].day;
		}
		if (r >= 0)
			r = mover_check_interrupted(m);
		if (r >= 0)
			r = packing_add(p, items[k].ino);
	}
	return r < 0 ? r : packing_cut(p);
}

static void add_stats(struct running *rn, const struct packing *p, enum policy_tier to)
{
	struct packing_stats s;

	packing_get_stats(p, &s);
	rn->report->files[to] += s.files;
	rn->report->bytes[to] += s.bytes;
	rn->report->busy += s.busy;
	rn->report->unfit += s.unfit;
	for (uint64_t k = 0; k < s.damaged; k++)
		running_note_failure(rn, -EIO);
}

/* A full bucket is no full disk. */
static bool says_bucket(const struct bucket_error *why)
{
	return why->error < 0 && why->fault != BUCKET_LOCAL;
}

/* A pack that does not get to the bucket stays here; the next run sends it as it is. 1: it cannot be sent, but that is its
 * own trouble, not the bucket's: the others go on. */
static int send(struct running *rn, uint64_t pack)
{
	struct bucket_error why;
	int r = mover_check_interrupted(rn->m);

	if (r >= 0)
		r = pack_send(&rn->m->sending, pack, &why);
	else
		return r;
	(void) mover_save_meter(rn->m);
	if (r >= 0 || (mover_is_final(r) && !says_bucket(&why)))
		return r;
	if (!says_bucket(&why)) {
		running_note_failure(rn, r);
		return 1;
	}
	running_fail_cold(rn, r, &why);
	return -ECANCELED;
}

static int packed_for_cold(void *context, const struct pack_record *record)
{
	return MIN(send(context, record->number), 0);
}

static int pack_with(struct running *rn, const struct gathered *items, size_t n, enum policy_tier to,
		     const struct move_dictionary *md)
{
	const struct mover_rules *rules = &rn->m->config.rules;
	const struct partition_config *tier = to == POLICY_COLD ? &rules->cold : &rules->warm;
	const struct packing_config config = {
		.files = rn->m->config.files, .dictionary = md->d, .rate = &rn->m->rate, .pack_bytes = tier->pack_bytes,
		.packed = to == POLICY_COLD ? packed_for_cold : NULL, .context = rn,
	};
	struct packing_stats stats;
	struct packing *p;
	int r = packing_new(&config, &p);

	if (r < 0)
		return r;
	r = add_all(rn->m, p, tier, items, n);
	add_stats(rn, p, to);
	packing_get_stats(p, &stats);
	move_dictionary_note(rn->m->config.files, md, &stats);
	(void) packing_free(p);
	return r;
}

static int pack_all(struct running *rn, const struct gathered *items, size_t n, enum policy_tier to)
{
	struct move_dictionary md;
	int r = move_dictionary_get(rn->m->config.files, items, n, &md);

	if (r < 0)
		return r;
	r = pack_with(rn, items, n, to, &md);
	move_dictionary_put(rn->m->config.files, &md);
	return r;
}

static int compare_homes(const void *a, const void *b)
{
	const struct gathered *x = a, *y = b;

	return x->home < y->home ? -1 : x->home > y->home;
}

/* Sends a pack of which all `n` files are to go; *ret_sent. */
static int send_if_whole(struct running *rn, const struct gathered *items, size_t n, bool *ret_sent)
{
	uint64_t bytes, files, all = 0;
	int r = pack_get_alive(rn->m->config.files->catalog, items->home, &bytes, &files);

	*ret_sent = false;
	for (size_t k = 0; k < n; k++)
		all += items[k].move.bytes_from[POLICY_WARM];
	/* A file that lies in several packs has one home: the bytes tell. */
	if (r < 0 || !items->home || files != n || bytes != all)
		return r;
	r = send(rn, items->home);
	if (r != 0)
		return MIN(r, 0);
	rn->report->files[POLICY_COLD] += n;
	rn->report->bytes[POLICY_COLD] += bytes;
	*ret_sent = true;
	return 0;
}

/* Packs of which everything goes need not be packed again. Returns how many items are left, at the front. */
static int64_t send_whole(struct running *rn, struct gathered *items, size_t n)
{
	size_t left = 0;

	qsort(items, n, sizeof(*items), compare_homes);
	for (size_t k = 0, same; k < n; k += same) {
		bool sent;
		int r;

		for (same = 1; k + same < n && items[k + same].home == items[k].home; same++)
			continue;
		r = send_if_whole(rn, items + k, same, &sent);
		if (r < 0)
			return r;
		if (sent)
			continue;
		memmove(items + left, items + k, same * sizeof(*items));
		left += same;
	}
	qsort(items, left, sizeof(*items), gathered_compare);
	return (int64_t)left;
}

static int move_to_cold(struct running *rn, struct gathered *items, size_t n)
{
	int64_t left = send_whole(rn, items, n);

	return left <= 0 ? (int)left : pack_all(rn, items, (size_t)left, POLICY_COLD);
}

static int move_to(struct running *rn, enum policy_tier to, struct gathered *items, size_t n)
{
	int r = 0;

	if (to == POLICY_AUTO)
		return expire_all(rn, items, n);
	if (to == POLICY_HOT)
		return promote_all(rn, items, n);
	if (to == POLICY_WARM)
		return pack_all(rn, items, n, to);
	if (to == POLICY_COLD && running_has_cold(rn))
		r = move_to_cold(rn, items, n);
	return r == -ECANCELED ? 0 : r;
}

int running_move_all(struct running *rn)
{
	struct gathered *items = rn->g.items;
	int r = 0;

	for (size_t k = 0, n; r >= 0 && k < rn->g.n; k += n) {
		enum policy_tier to = items[k].move.to;

		for (n = 1; k + n < rn->g.n && items[k + n].move.to == to; n++)
			continue;
		r = move_to(rn, to, items + k, n);
	}
	return r;
}
