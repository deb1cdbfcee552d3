/* SPDX-License-Identifier: MIT */
/* What is alive is decided by the catalog: an object by its back references, a segment by its account
 * (account.h). Moving an object copies its ciphertext; an object of which less than half is alive is
 * opened instead, and its living parts are written into new objects with those of others.
 *
 * Each reference is changed by compare-and-set in its own file's batch; a file that changed meanwhile
 * has let go of the old place by itself. When the account of a segment is 0, nothing refers to it and
 * nothing will: references come only from references.
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

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "tiers/change.h"

#define ROUND_MS 1000u
#define ROUND_MIN_MS 100u
#define ROUND_SHARE 20u      /* a round may take this part of the time */
#define SCAN_EXTENTS 1000u   /* of fold_scan() in one go, then a pause */
#define SCAN_PAUSE_MS 50u
#define RELEASE_BYTES (4u << 20)

struct cleaner {
	struct files *f;        /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;    /* with CLOCK_MONOTONIC */
	bool stop, woken;       /* guarded by lock */
};

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

/* ---- moving */

/* A place in a file that refers to an object. */
struct user {
	uint64_t ino;
	struct extent e;
};

struct mover {
	struct files *f;
	uint64_t segment;
	struct user users[OBJECT_PARTS_MAX]; /* of the object at hand, or to be packed */
	struct object_part parts[OBJECT_PARTS_MAX];
	size_t n_users, n_packed;
	struct buf packed;                   /* plain bytes of users[0 .. n_packed) */
};

static bool same_object(const struct extent *a, const struct extent *b)
{
	return a->kind == EXTENT_HOT && id128_equal(a->run.id, b->run.id) && a->segment == b->segment &&
	       a->place == b->place;
}

static int get_extent(struct files *f, uint64_t ino, uint64_t end, struct extent *ret_e)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	int r = extent_find(f->catalog, ino, end - 1, &scratch, ret_e);

	if (r >= 0 && extent_end(ret_e) != end)
		r = -ENOENT;
	ret_e->data = NULL;
	return r;
}

/* The next user of an object at this very place: its copy elsewhere has the same id. Start with a user of
 * zeros. 1, 0: there is no more. */
static int next_user(struct files *f, const struct extent *object, struct user *user)
{
	uint64_t ino = user->ino, end = extent_end(&user->e);
	int r;

	while ((r = extent_next_user(f->catalog, object->run.id, &ino, &end)) > 0) {
		r = get_extent(f, ino, end, &user->e);
		user->ino = ino;
		if (r >= 0 && same_object(&user->e, object))
			return 1;
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return r;
}

/* Lists the users of an object behind those that are to be packed. *ret_alive: bytes they name. */
static int list_users(struct mover *m, const struct extent *object, uint64_t *ret_alive)
{
	struct user user = { 0 };
	int r;

	m->n_users = m->n_packed;
	*ret_alive = 0;
	while ((r = next_user(m->f, object, &user)) > 0) {
		if (m->n_users == OBJECT_PARTS_MAX)
			return -E2BIG;
		*ret_alive += user.e.len;
		m->users[m->n_users++] = user;
	}
	return r;
}

static int exchange_user(struct files *f, const struct user *user, const struct extent *now)
{
	struct change ch;
	int r = change_begin(&ch, f, user->ino, true);

	if (r >= 0)
		r = change_end(&ch, change_exchange(&ch, &user->e, now), NULL, 0);
	/* The file changed or went away: its own batch has let go of the place. */
	return r == -ESTALE || r == -ENOENT ? 0 : r;
}

static int move_object(struct mover *m, const struct extent *object)
{
	struct hot_object o;
	int r = hot_copy(m->f->hot, object, &o);

	if (r == -ENOSPC) {
		space_release(m->f->space, RELEASE_BYTES);
		r = hot_copy(m->f->hot, object, &o);
	}
	if (r < 0)
		return r;
	for (size_t k = m->n_packed; r >= 0 && k < m->n_users; k++) {
		const struct extent *e = &m->users[k].e;
		struct extent now = hot_extent(&o, e->offset, e->len, e->skip);

		r = exchange_user(m->f, &m->users[k], &now);
	}
	hot_release(m->f->hot, &o);
	m->n_users = m->n_packed;
	return r;
}

static int write_packed(struct mover *m, struct hot_object *ret_o)
{
	int r = hot_write(m->f->hot, m->packed.data, (uint32_t)m->packed.len, m->parts, m->n_packed, ret_o);

	if (r != -ENOSPC)
		return r;
	space_release(m->f->space, RELEASE_BYTES);
	return hot_write(m->f->hot, m->packed.data, (uint32_t)m->packed.len, m->parts, m->n_packed, ret_o);
}

static int flush_packed(struct mover *m)
{
	struct hot_object o;
	uint32_t at = 0;
	int r;

	if (m->n_packed == 0)
		return 0;
	r = write_packed(m, &o);
	if (r < 0)
		return r;
	for (size_t k = 0; r >= 0 && k < m->n_packed; k++) {
		struct extent now = hot_extent(&o, m->users[k].e.offset, m->users[k].e.len, at);

		at += (uint32_t)m->users[k].e.len;
		r = exchange_user(m->f, &m->users[k], &now);
	}
	hot_release(m->f->hot, &o);
	memmove(m->users, m->users + m->n_packed, (m->n_users - m->n_packed) * sizeof(m->users[0]));
	m->n_users -= m->n_packed;
	m->n_packed = 0;
	buf_reset(&m->packed);
	return r;
}

/* Takes the next listed user in among those to be packed. */
static int pack_user(struct mover *m)
{
	const struct user *user = &m->users[m->n_packed];
	void *place;
	int r;

	if (m->packed.len + user->e.len > OBJECT_MAX) {
		r = flush_packed(m);
		if (r < 0)
			return r;
		user = &m->users[0];
	}
	r = buf_extend(&m->packed, user->e.len, &place);
	if (r < 0)
		return r;
	r = tier_read(files_tier(m->f), &user->e, 0, place, user->e.len, false);
	if (r < 0) {
		m->packed.len -= user->e.len;
		return r;
	}
	m->parts[m->n_packed++] = (struct object_part){ user->ino, user->e.offset, (uint32_t)user->e.len };
	return 0;
}

static int pack_object(struct mover *m)
{
	int r = 0;

	while (r >= 0 && m->n_packed < m->n_users)
		r = pack_user(m);
	return r;
}

static int clean_object(void *context, const struct extent *object)
{
	struct mover *m = context;
	uint64_t alive;
	int r = list_users(m, object, &alive);

	if (r == -E2BIG && m->n_packed > 0) {
		r = flush_packed(m);
		if (r >= 0)
			r = list_users(m, object, &alive);
	}
	/* More users than the list holds: a copy for each listful. */
	while (r == -E2BIG) {
		r = move_object(m, object);
		if (r >= 0)
			r = list_users(m, object, &alive);
	}
	if (r < 0 || m->n_users == m->n_packed)
		return r;
	return alive * 2 >= object->object_len ? move_object(m, object) : pack_object(m);
}

static int clean_segment(struct files *f, uint64_t segment)
{
	struct mover *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->f = f;
	m->segment = segment;
	r = hot_foreach_object(f->hot, segment, clean_object, m);
	m->n_users = m->n_packed;
	if (r >= 0)
		r = flush_packed(m);
	buf_done(&m->packed);
	free(m);
	return r;
}

/* ---- choosing */

struct choice {
	struct files *f;
	struct segment_list dead;
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

/* Cleaning a segment must pay: half of it, and half of a full one's share of dead bytes or, for small
 * ones, enough to be worth the batches. */
static bool worth_cleaning(struct files *f, uint64_t number, uint64_t bytes)
{
	uint64_t size;

	if (bytes * 2 >= f->config.segment_size || segment_size(f, number, &size) < 0)
		return false;
	return bytes * 2 < size && size - bytes > f->config.segment_size / 16;
}

static int choose(void *context, uint64_t segment, uint64_t bytes)
{
	struct choice *choice = context;
	struct files *f = choice->f;

	if (!segments_is_idle(hot_segments(f->hot), segment))
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

int clean_once(struct files *f)
{
	struct choice choice = { .f = f };
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

/* ---- files without an account */

static int has_user(void *context, const struct extent *object)
{
	struct user user = { 0 };

	return next_user(context, object, &user);
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

/* ---- the thread */

/* Waits; false: the thread shall end. */
static bool pause_ms(struct cleaner *c, uint64_t ms, bool wakeable)
{
	uint64_t until = clock_mono_ns() + ms * 1000000u;
	struct timespec t = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };

	LOCKED(&c->lock);
	while (!c->stop && !(wakeable && c->woken))
		if (pthread_cond_timedwait(&c->wake, &c->lock, &t) == ETIMEDOUT)
			break;
	if (wakeable)
		c->woken = false;
	return !c->stop;
}

static bool scan_all(struct cleaner *c)
{
	struct fold_position at = { 0 };

	while (fold_scan(c->f, &at, SCAN_EXTENTS) > 0)
		if (!pause_ms(c, SCAN_PAUSE_MS, false))
			return false;
	return true;
}

static void report(int r, const char *what)
{
	static unsigned long long last_ms;

	if (r < 0 && log_due(&last_ms))
		(void) log_warn(r, "%s failed, will retry", what);
}

static void *run(void *context)
{
	struct cleaner *c = context;
	struct files *f = c->f;
	uint64_t started, took = 0;

	report(file_cut_all_remains(f), "finishing truncations");
	report(clean_unaccounted(f), "deleting unused segments");
	if (!scan_all(c))
		return NULL;
	while (pause_ms(c, MAX(took * ROUND_SHARE, (uint64_t)ROUND_MIN_MS), false) &&
	       pause_ms(c, ROUND_MS - ROUND_MIN_MS, true)) {
		started = clock_mono_ms();
		report(clean_once(f), "cleaning");
		files_refill_reserve(f);
		took = clock_mono_ms() - started;
	}
	return NULL;
}

static struct cleaner *cleaner_free(struct cleaner *c)
{
	(void) pthread_cond_destroy(&c->wake);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

int cleaner_start(struct files *f, struct cleaner **ret_c)
{
	struct cleaner *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;
	int r;

	if (!c)
		return -ENOMEM;
	c->f = f;
	(void) pthread_mutex_init(&c->lock, NULL);
	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&c->wake, &attr);
	(void) pthread_condattr_destroy(&attr);
	r = -pthread_create(&c->thread, NULL, run, c);
	if (r < 0) {
		(void) cleaner_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

struct cleaner *cleaner_stop(struct cleaner *c)
{
	if (!c)
		return NULL;
	(void) pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
	(void) pthread_join(c->thread, NULL);
	return cleaner_free(c);
}

void cleaner_wake(struct cleaner *c)
{
	if (!c)
		return;
	(void) pthread_mutex_lock(&c->lock);
	c->woken = true;
	(void) pthread_cond_signal(&c->wake);
	(void) pthread_mutex_unlock(&c->lock);
}
