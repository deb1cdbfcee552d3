/* SPDX-License-Identifier: MIT */
/* A pack is dead when its account is 0: references come only from references. Order of a deletion, as that of data
 * segments (tiers/clean.c):
 *   1  sync the log: the batches that let go of the pack are durable
 *   2  a batch removes the record, and is synced
 *   3  unlink; a crash before leaves a file that no record speaks of (packing_leftovers.c) */
#include "tiers/move/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tiers/file_impl.h"
#include "tiers/move/pack_users.h"
#include "tiers/move/promote.h"
#include "tiers/pack/pack_dictionary.h"

struct pack_list {
	const struct sweep *s;
	struct files *f;
	struct pack_record *packs; /* owned */
	size_t n, cap;
};

static int list_pack(void *context, const struct pack_record *record)
{
	struct pack_list *list = context;

	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct pack_record *more = realloc(list->packs, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->packs = more;
		list->cap = cap;
	}
	list->packs[list->n++] = *record;
	return 0;
}

/* ---- the dead */

static int list_dead(void *context, const struct pack_record *record)
{
	struct pack_list *list = context;
	uint64_t bytes, files;
	int r = pack_get_alive(list->f->catalog, record->number, &bytes, &files);

	if (r < 0 || bytes || (record->flags & (PACK_REMOTE | PACK_SENDING) && !list->s->sending))
		return r;
	return list_pack(list, record);
}

static int remove_records(const struct sweep *s, const struct pack_list *dead, uint64_t *ret_lsn)
{
	struct files *f = s->files;
	struct batch *b;
	int r = catalog_begin(f->catalog, true, &b);

	if (r < 0)
		return r;
	for (size_t k = 0; k < dead->n; k++) {
		pack_record_remove(b, dead->packs[k].number);
		if (s->sending)
			pack_note_removal(b, &dead->packs[k], s->now_s + s->sending->grace_s);
	}
	return batch_commit(b, ret_lsn);
}

static int remove_file(struct files *f, const struct pack_record *record)
{
	char name[ID128_TEXT_SIZE];

	packs_forget(f->packs, record->number);
	if (!(record->flags & PACK_LOCAL))
		return 0;
	if (unlinkat(f->warm_dirfd, id128_format(record->run.id, name), 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int delete_packs(const struct sweep *s, const struct pack_list *dead)
{
	struct files *f = s->files;
	uint64_t lsn;
	int r = catalog_sync(f->catalog, catalog_last_lsn(f->catalog));

	if (r >= 0)
		r = remove_records(s, dead, &lsn);
	if (r >= 0)
		r = catalog_sync(f->catalog, lsn);
	for (size_t k = 0; r >= 0 && k < dead->n; k++)
		r = remove_file(f, &dead->packs[k]);
	return r;
}

int sweep_dead(const struct sweep *s, struct sweep_result *ret)
{
	struct pack_list dead = { .s = s, .f = s->files };
	int r = pack_record_foreach(s->files->catalog, list_dead, &dead);

	if (r >= 0 && dead.n > 0)
		r = delete_packs(s, &dead);
	if (r >= 0)
		ret->deleted += dead.n;
	free(dead.packs);
	return r;
}

/* ---- the sparse and the small */

/* What fits no pack any more, since xattrs were added, comes back: its pack would be packed anew for ever. */
static int repack_file(const struct sweep *s, struct packing *p, uint64_t ino)
{
	struct packing_stats before, after;
	uint64_t bytes;
	int r;

	packing_get_stats(p, &before);
	r = packing_add(p, ino);
	packing_get_stats(p, &after);
	if (r < 0 || after.unfit == before.unfit)
		return r;
	r = file_promote(s->files, ino, s->rate, &bytes);
	return r == -ESTALE || r == -EIO ? 0 : r;
}

struct repacking {
	const struct sweep *s;
	bool cold;                  /* what is packed goes to the bucket */
	uint64_t present;           /* the dictionary for new packs; 0: none */
	uint64_t dictionary;        /* of the packs at hand */
	struct bucket_error *error;
};

static int packed(void *context, const struct pack_record *record)
{
	const struct repacking *rp = context;

	return rp->cold ? pack_send(rp->s->sending, record->number, rp->error) : 0;
}

/* Takes in every file that has bytes in pack `k` of those that were listed, and in none before it. */
static int repack_users(const struct sweep *s, struct packing *p, const struct pack_users *users, size_t k, size_t *at)
{
	int r = 0;

	for (; r >= 0 && *at < users->n && users->items[*at].pack == k; ++*at)
		r = repack_file(s, p, users->items[*at].ino);
	return r;
}

static int list_users(const struct sweep *s, const struct partition_pack *packs, size_t n, struct pack_users *ret)
{
	_cleanup_free_ uint64_t *numbers = calloc(n, sizeof(*numbers));

	for (size_t k = 0; numbers && k < n; k++)
		numbers[k] = packs[k].action == PARTITION_REWRITE ? packs[k].id : 0;
	return numbers ? pack_users_list(s->files->catalog, numbers, n, ret) : -ENOMEM;
}

static int repack_listed(struct repacking *rp, const struct partition_pack *packs, size_t n, const struct pack_dictionary *d,
			 const struct pack_users *users, struct sweep_result *ret)
{
	const struct partition_config *tier = rp->cold ? &rp->s->cold : &rp->s->warm;
	const struct packing_config config = { .files = rp->s->files, .dictionary = d, .rate = rp->s->rate, .pack_bytes = tier->pack_bytes,
					       .packed_only = true, .packed = packed, .context = rp };
	struct packing_stats stats;
	struct packing *p;
	size_t at = 0;
	int r = packing_new(&config, &p);

	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < n; k++) {
		if (packs[k].action != PARTITION_REWRITE)
			continue;
		r = repack_users(rp->s, p, users, k, &at);
		ret->rewritten++;
		if (r >= 0 && (k + 1 == n || packs[k + 1].group != packs[k].group))
			r = packing_cut(p);
	}
	packing_get_stats(p, &stats);
	ret->bytes += stats.bytes;
	(void) packing_free(p);
	return r;
}

static int repack_groups(struct repacking *rp, const struct partition_pack *packs, size_t n, struct sweep_result *ret)
{
	const struct pack_dictionary *d = NULL;
	struct pack_users users;
	int r = rp->dictionary ? packs_get_dictionary(rp->s->files->packs, rp->dictionary, &d) : 0;

	if (r == -ENOMEM)
		return r;
	/* Without a lost one, packs get larger. */
	r = list_users(rp->s, packs, n, &users);
	if (r >= 0) {
		r = repack_listed(rp, packs, n, d, &users, ret);
		pack_users_done(&users);
	}
	packs_put_dictionary(rp->s->files->packs, d);
	return r;
}

static int describe(struct files *f, const struct pack_record *record, struct partition_pack *ret)
{
	uint64_t bytes, files;
	int r = pack_get_alive(f->catalog, record->number, &bytes, &files);

	*ret = (struct partition_pack){
		.id = record->number, .first_day = record->first_day,
		.last_day = record->first_day + (int64_t)record->days - 1, .stored_bytes = record->stored,
		.live_bytes = record->plain ? (uint64_t)((double)record->stored * (double)MIN(bytes, record->plain) /
							 (double)record->plain) : 0,
	};
	return r;
}

/* Of one that cannot be read whole some files would stay, and the others be packed with each run again. */
static bool is_whole(const struct repacking *rp, const struct pack_record *record)
{
	return !(record->flags & PACK_DAMAGED) && !lost_has(packs_get_lost(rp->s->files->packs), record->number);
}

/* A pack has one dictionary, and files that another was made of shrink less with it: packs are made anew with those
 * of their own. One without takes the present one. */
static uint64_t dictionary_of(const struct repacking *rp, const struct pack_record *record)
{
	return record->dictionary ? record->dictionary : rp->present;
}

/* Those of one tier and dictionary. */
static int repack_alike(struct repacking *rp, const struct pack_list *list, struct sweep_result *ret)
{
	const struct partition_config *config = rp->cold ? &rp->s->cold : &rp->s->warm;
	struct partition_pack *packs = calloc(list->n + 1, sizeof(*packs));
	struct partition_plan plan;
	size_t n = 0;
	int r = packs ? 0 : -ENOMEM;

	for (size_t k = 0; r >= 0 && k < list->n; k++)
		if (pack_record_is_cold(&list->packs[k]) == rp->cold && is_whole(rp, &list->packs[k]) &&
		    dictionary_of(rp, &list->packs[k]) == rp->dictionary)
			r = describe(rp->s->files, &list->packs[k], &packs[n++]);
	if (r >= 0) {
		partition_plan(config, packs, n, &plan);
		if (plan.rewritten > 0)
			r = repack_groups(rp, packs, n, ret);
	}
	free(packs);
	return r;
}

static bool came_before(const struct repacking *rp, const struct pack_list *list, size_t k)
{
	for (size_t n = 0; n < k; n++)
		if (dictionary_of(rp, &list->packs[n]) == rp->dictionary)
			return true;
	return false;
}

static int repack_tier(struct repacking *rp, const struct pack_list *list, struct sweep_result *ret)
{
	int r = dictionary_get_current(rp->s->files->catalog, &rp->present);

	for (size_t k = 0; r >= 0 && k < list->n; k++) {
		rp->dictionary = dictionary_of(rp, &list->packs[k]);
		if (!came_before(rp, list, k))
			r = repack_alike(rp, list, ret);
	}
	return r;
}

int sweep_run(const struct sweep *s, struct sweep_result *ret, struct bucket_error *ret_error)
{
	struct repacking warm = { .s = s, .error = ret_error }, cold = { .s = s, .cold = true, .error = ret_error };
	struct pack_list list = { .s = s, .f = s->files };
	int r = pack_record_foreach(s->files->catalog, list_pack, &list);

	if (r >= 0)
		r = repack_tier(&warm, &list, ret);
	if (r >= 0 && s->sending)
		r = repack_tier(&cold, &list, ret);
	free(list.packs);
	return r < 0 ? r : sweep_dead(s, ret);
}
