/* SPDX-License-Identifier: MIT */
/* What is alive is decided by the catalog: an object by its back references, a segment by its account
 * (account.h). What is alive in a segment that is to go moves first (clean_move.c).
 *
 * When the account of a segment is 0, nothing refers to it and nothing will: references come only from
 * references.
 *
 * Order of a deletion:
 *   1  sync the log: the batches that let go of the segment are durable
 *   2  a batch removes the account; it carries in `synced` that 1 holds, and is synced, too
 *   3  unlink
 * With 2, replay after any crash knows that the batches of 1 were durable and does not ask whether the
 * extents they overtook are still there. A crash before 3 leaves a file without an account; the first
 * round after a start deletes it if no object in it has a reference. */
#include "tiers/clean.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "tiers/account.h"
#include "tiers/clean_impl.h"

struct segment_list {
	uint64_t *numbers; /* owned */
	size_t n, cap;
};

static int list_add(struct segment_list *list, uint64_t number)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		uint64_t *more = realloc(list->numbers, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->numbers = more;
		list->cap = cap;
	}
	list->numbers[list->n++] = number;
	return 0;
}

/* ---- deleting */

/* Removes the accounts that are still 0 and keeps their numbers in the list. */
static int close_accounts(struct files *f, struct segment_list *list, uint64_t *ret_lsn)
{
	struct batch *b;
	uint64_t bytes;
	size_t n = 0;
	int r = catalog_begin(f->catalog, true, &b);

	if (r < 0)
		return r;
	for (size_t k = 0; k < list->n; k++) {
		if (account_get_in(b, list->numbers[k], &bytes) < 0 || bytes > 0)
			continue;
		account_remove(b, list->numbers[k]);
		list->numbers[n++] = list->numbers[k];
	}
	list->n = n;
	return batch_commit(b, ret_lsn);
}

static int delete_segments(struct files *f, struct segment_list *list)
{
	uint64_t lsn;
	int r;

	if (list->n == 0)
		return 0;
	r = catalog_sync(f->catalog, catalog_last_lsn(f->catalog));
	if (r >= 0)
		r = close_accounts(f, list, &lsn);
	if (r >= 0)
		r = catalog_sync(f->catalog, lsn);
	for (size_t k = 0; r >= 0 && k < list->n; k++) {
		r = segments_unlink(hot_segments(f->hot), list->numbers[k]);
		if (r == -ENOENT)
			r = 0;
	}
	return r < 0 ? r : (int)list->n;
}

/* ---- choosing */

struct choice {
	struct files *f;
	struct segment_list dead;
	bool all;                 /* the current segment, too, however small */
	uint64_t sparsest, alive; /* the segment with the least alive bytes that is worth cleaning */
	bool found;
};

static int segment_size(struct files *f, uint64_t number, uint64_t *ret_size)
{
	struct segment *seg;
	struct stat st;
	int r = segments_get(hot_segments(f->hot), number, &seg);

	if (r < 0)
		return r;
	r = fstat(segment_fd(seg), &st) < 0 ? -errno : 0;
	segments_put(hot_segments(f->hot), seg);
	*ret_size = r < 0 ? 0 : (uint64_t)st.st_size;
	return r;
}

static bool is_stuck(const struct files *f, uint64_t number)
{
	for (size_t k = 0; k < f->n_stuck; k++)
		if (f->stuck[k] == number)
			return true;
	return false;
}

/* Cleaning a segment must pay: little of it is alive, and what is dead is worth the batches; by default less
 * than half, and a 16th of a full segment. */
static bool worth_cleaning(struct files *f, uint64_t number, uint64_t bytes)
{
	uint64_t full = f->config.segment_size, below = f->config.clean_below, size;

	if (bytes * 100 >= full * below || segment_size(f, number, &size) < 0)
		return false;
	return bytes * 100 < size * below && size - bytes > full * (100 - below) / 800;
}

/* The segment that is written to is left alone until it is full, or so much in it is dead and nothing alive. */
#define RETIRE_MIN (1u << 20)

static bool worth_retiring(const struct choice *choice, uint64_t number, uint64_t bytes)
{
	uint64_t size;

	if (bytes > 0)
		return choice->all && worth_cleaning(choice->f, number, bytes);
	return segment_size(choice->f, number, &size) >= 0 && size >= (choice->all ? 1 : RETIRE_MIN);
}

static bool is_free_to_go(const struct choice *choice, uint64_t number, uint64_t bytes)
{
	struct segments *s = hot_segments(choice->f->hot);

	return segments_is_idle(s, number) || (worth_retiring(choice, number, bytes) && segments_retire(s, number));
}

static int choose(void *context, uint64_t segment, uint64_t bytes)
{
	struct choice *choice = context;
	struct files *f = choice->f;

	if (segment & (PACK_ALIVE | PACK_FILES) || !is_free_to_go(choice, segment, bytes))
		return 0;
	if (bytes == 0)
		return list_add(&choice->dead, segment);
	if ((!choice->found || bytes < choice->alive) && !is_stuck(f, segment) &&
	    worth_cleaning(f, segment, bytes)) {
		choice->found = true;
		choice->sparsest = segment;
		choice->alive = bytes;
	}
	return 0;
}

static int clean_round(struct files *f, bool all)
{
	struct choice choice = { .f = f, .all = all };
	uint64_t left;
	int r = account_foreach(f->catalog, choose, &choice);

	if (r >= 0 && choice.found) {
		r = clean_segment(f, choice.sparsest);
		if (r >= 0)
			r = account_get(f->catalog, choice.sparsest, &left);
		if (r >= 0 && left == 0)
			r = list_add(&choice.dead, choice.sparsest);
		else if (f->n_stuck < CLEAN_STUCK_MAX)
			f->stuck[f->n_stuck++] = choice.sparsest;
		/* Damage in one segment does not keep others from being deleted. */
		if (r == -EBADMSG || r == -ENOENT || r == -EIO)
			r = 0;
	}
	if (r >= 0)
		r = delete_segments(f, &choice.dead);
	free(choice.dead.numbers);
	return r;
}

int clean_once(struct files *f)
{
	return clean_round(f, false);
}

int clean_all(struct files *f)
{
	size_t stuck;
	int r;

	do {
		stuck = f->n_stuck;
		r = clean_round(f, true);
	} while (r > 0 || (r == 0 && f->n_stuck > stuck));
	return r;
}

struct waiting {
	struct files *f;
	uint64_t bytes;
};

/* Also the segment that is written to: it will be idle. */
static int add_waiting(void *context, uint64_t segment, uint64_t bytes)
{
	struct waiting *w = context;
	uint64_t size;

	if (segment & (PACK_ALIVE | PACK_FILES) || segment_size(w->f, segment, &size) < 0)
		return 0;
	if (bytes < size && (bytes == 0 || worth_cleaning(w->f, segment, bytes)))
		w->bytes += size - bytes;
	return 0;
}

int clean_get_waiting(struct files *f, uint64_t *ret_bytes)
{
	struct waiting w = { .f = f };
	int r = account_foreach(f->catalog, add_waiting, &w);

	*ret_bytes = w.bytes;
	return r;
}

/* ---- files without an account */

static int has_user(void *context, const struct extent *object)
{
	struct object_user user = { 0 };

	return object_next_user(context, object, &user);
}

static int delete_unaccounted(void *context, uint64_t number, uint64_t size)
{
	struct files *f = context;
	uint64_t bytes;
	int r;

	if (!segments_is_idle(hot_segments(f->hot), number) || account_get(f->catalog, number, &bytes) != -ENOENT)
		return 0;
	r = hot_foreach_object(f->hot, number, has_user, f);
	if (r == 0)
		r = segments_unlink(hot_segments(f->hot), number);
	else if (r > 0)
		(void) log_warn(0, "segment %llx is in use and has no account", (unsigned long long)number);
	return r < 0 ? r : 0;
}

int clean_unaccounted(struct files *f)
{
	return segments_foreach(hot_segments(f->hot), delete_unaccounted, f);
}
