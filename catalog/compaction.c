/* SPDX-License-Identifier: MIT */
/* Making the store small: LMDB gives no page back to the disk, and what was filled in no order lies in pages half full.
 *
 *   begin    with checkpoint_lock, for a moment: a scan of the state of that moment and its facts are taken; from now on
 *            checkpoints note the keys that they write
 *   copy     all records go, in the order of their keys and as they are sealed, into a new file (lmdb_copy.c)
 *   catch up what was noted is looked up in a newer state and written into the copy, until little is left
 *   finish   with checkpoint_lock: the rest is caught up, what was copied is compared with the facts of the last
 *            checkpoint, the file is synced and takes the place of the old one, and the folder is synced
 *
 * Writers are not held up at any time, unless their overlay is full: they wait for a checkpoint then, and that for the
 * last step, whose work is small because all but the last few pages were synced before.
 *
 * A stop before the rename leaves the old file and another one to be removed (store_open()); one after it, the new
 * file, which says what the old one said. Both of its two states are those of the last checkpoint, as after a twin
 * (checkpoint.c), so a torn meta page takes nothing back that the log has let go of. No checkpoint is written between the
 * rename and the sync of the folder: until then a power cut may bring back the old file.
 *
 * What does not agree with the facts is not put in the place of anything: the old file is evidence.
 *
 * In the background it begins when more than half of the file is free and the file has COMPACT_FROM at least: a volume
 * has 112 MiB of log and reserve in any case, below a tenth of which it is not worth a thread. But where much changes all
 * the time, free pages are what the next checkpoints write into: hence the pause after each.
 *
 * A clean stop does it with small files, of which a copy takes a fraction of a second, when a sixteenth is free: what is
 * unmounted lies there for long, and is what backups and du(1) see. With the smallest only where catalog_compact()
 * was called: there is little to win, and former states of pages are what a repair goes by. */
#include "catalog/compaction.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/priority.h"
#include "base/thread.h"
#include "catalog/catalog_impl.h"

#define COMPACT_FROM ((uint64_t)12 << 20)
/* Checkpoints go on meanwhile, and find no page of the old file free. */
#define PAUSE_MS (3600u * 1000u)
#define ROOM_MARGIN ((uint64_t)32 << 20)
#define PIECE_BYTES ((size_t)4 << 20) /* of one change of the copy, which holds them in memory */
#define FEW_BYTES ((size_t)64 << 10)  /* of keys: so many are caught up while checkpoints wait */
#define STOP_FROM ((uint64_t)2 << 20)
#define STOP_FROM_ASKED ((uint64_t)128 << 10)
#define STOP_TO ((uint64_t)32 << 20)
#define ROUNDS_MAX 8
#define LOOK_EVERY 256u

void (*compaction_reached)(enum compaction_step step);

struct copying {
	struct catalog *c;
	struct store *copy;          /* owned */
	struct store_change *change; /* owned */
	struct store_scan *scan;     /* owned; what is copied */
	struct buf keys;             /* owned; to be caught up from the scan */
	size_t piece;                /* bytes of the change */
	struct facts facts;          /* of the state that is scanned */
	struct facts found;          /* of the records in the copy */
	struct buf sealed, before;
	unsigned steps;
};

static void reached(enum compaction_step step)
{
	if (compaction_reached)
		compaction_reached(step);
}

/* ---- what changes meanwhile */

void compaction_note(struct catalog *c, const void *key, size_t key_len)
{
	struct compaction *m = &c->compaction;
	uint8_t len = (uint8_t)key_len;
	size_t at = m->changed.len;

	if (!m->noting || m->lost)
		return;
	if (buf_add(&m->changed, &len, 1) >= 0 && buf_add(&m->changed, key, key_len) >= 0)
		return;
	m->changed.len = at;
	m->lost = true;
}

/* With checkpoint_lock: the state of the moment, and the keys that it has changed since the state before. */
static int take_state(struct copying *m)
{
	struct catalog *c = m->c;

	if (m->scan)
		store_scan_end(m->scan);
	m->scan = NULL;
	if (c->compaction.lost)
		return -ENOMEM;
	buf_done(&m->keys);
	m->keys = c->compaction.changed;
	c->compaction.changed = (struct buf)BUF_INIT;
	m->facts = c->facts;
	return store_scan_begin(c->store, &m->scan);
}

static int take_state_locked(struct copying *m)
{
	LOCKED(&m->c->checkpoint_lock);

	return take_state(m);
}

static bool agrees(const struct copying *m)
{
	for (unsigned i = 0; i < 256; i++)
		if (!facts_agree(&m->found.letters[i], &m->facts.letters[i]))
			return false;
	return true;
}

/* ---- writing the copy */

static int commit_piece(struct copying *m)
{
	m->piece = 0;
	return m->change ? store_change_commit(steal_ptr(&m->change)) : 0;
}

/* A change to write into, and a look at whether to go on. A checkpoint that finds no room needs what the copy takes. */
static int ready(struct copying *m, size_t bytes)
{
	int r = 0;

	if (m->steps++ % LOOK_EVERY == 0 && atomic_load(&m->c->compaction.stop))
		return -ECANCELED;
	if (atomic_load_explicit(&m->c->no_space, memory_order_relaxed))
		return -ENOSPC;
	if (m->piece > PIECE_BYTES)
		r = commit_piece(m);
	if (r >= 0 && !m->change)
		r = store_change_begin(m->copy, &m->change);
	m->piece += bytes;
	return r;
}

static void count(struct copying *m, const void *key, size_t key_len, const struct buf *sealed,
		  void (*change)(struct facts *f, const struct facts_key *k, const void *key, size_t key_len,
				 const void *sealed, size_t len))
{
	if (*(const uint8_t *)key != *FACTS_KEY)
		change(&m->found, &m->c->facts_key, key, key_len, sealed->data, sealed->len);
}

static int copy_record(struct copying *m)
{
	size_t key_len;
	const void *key = store_scan_key(m->scan, &key_len);
	int r;

	buf_reset(&m->sealed);
	r = store_scan_value(m->scan, &m->sealed);
	if (r >= 0)
		r = ready(m, key_len + m->sealed.len);
	if (r >= 0)
		r = store_change_append(m->change, key, key_len, m->sealed.data, m->sealed.len);
	if (r >= 0)
		count(m, key, key_len, &m->sealed, facts_add);
	return r;
}

static int copy_all(struct copying *m)
{
	int r = store_scan_seek(m->scan, "", 1, false);

	while (r == 1) {
		r = copy_record(m);
		if (r >= 0)
			r = store_scan_next(m->scan);
	}
	if (r >= 0)
		r = commit_piece(m);
	return r < 0 ? r : agrees(m) ? 0 : -EBADMSG;
}

/* Puts or removes what the scanned state has under this key. */
static int catch_up_key(struct copying *m, const void *key, size_t key_len)
{
	int r, there;

	buf_reset(&m->sealed);
	there = store_scan_get(m->scan, key, key_len, &m->sealed);
	if (there < 0 && there != -ENOENT)
		return there;
	r = ready(m, key_len + m->sealed.len);
	if (r < 0)
		return r;
	r = there < 0 ? store_change_remove(m->change, key, key_len, &m->before)
		      : store_change_put(m->change, key, key_len, m->sealed.data, m->sealed.len, &m->before);
	if (r > 0)
		count(m, key, key_len, &m->before, facts_remove);
	if (r >= 0 && there >= 0)
		count(m, key, key_len, &m->sealed, facts_add);
	return r < 0 ? r : 0;
}

static int catch_up(struct copying *m)
{
	struct reader in = reader_over(m->keys.data, m->keys.len);
	int r = catch_up_key(m, FACTS_KEY, FACTS_KEY_LEN);

	while (r >= 0 && reader_left(&in)) {
		size_t len = reader_u8(&in);
		const void *key = reader_take(&in, len);

		r = key ? catch_up_key(m, key, len) : -EINVAL;
	}
	return r < 0 ? r : commit_piece(m);
}

/* Until few keys are left for when checkpoints wait. */
static int catch_up_most(struct copying *m)
{
	int r = 0;

	for (unsigned k = 0; r >= 0 && k < ROUNDS_MAX && (k == 0 || m->keys.len > FEW_BYTES); k++) {
		r = take_state_locked(m);
		if (r >= 0)
			r = catch_up(m);
		if (r >= 0)
			r = store_copy_sync(m->copy);
	}
	return r;
}

/* ---- the last step */

/* The facts once more, so that both states of the file say the same. */
static int write_twin(struct copying *m)
{
	int r = catch_up_key(m, FACTS_KEY, FACTS_KEY_LEN);

	return r < 0 ? r : commit_piece(m);
}

static int install(struct copying *m)
{
	struct catalog *c = m->c;
	int r = store_copy_install(c->store, m->copy);

	if (r < 0)
		return r;
	m->copy = NULL;
	reached(COMPACTION_RENAMED);
	return fsync(c->catalog_dirfd) < 0 ? catalog_fail(c, -errno) : 0;
}

static int finish(struct copying *m)
{
	LOCKED(&m->c->checkpoint_lock);
	int r = take_state(m);

	if (r >= 0)
		r = catch_up(m);
	if (r >= 0 && !agrees(m))
		r = -EBADMSG;
	if (r >= 0)
		r = write_twin(m);
	if (r < 0)
		return r;
	reached(COMPACTION_WRITTEN);
	r = install(m);
	if (r >= 0)
		m->c->compaction.done = m->facts.number;
	return r;
}

/* ---- all of it */

static int check_room(struct catalog *c, const struct store_usage *usage)
{
	struct statvfs disk;

	if (fstatvfs(c->catalog_dirfd, &disk) < 0)
		return -errno;
	return (uint64_t)disk.f_bavail * disk.f_frsize < usage->used + ROOM_MARGIN ? -ENOSPC : 0;
}

static int check_state(struct catalog *c)
{
	int r = vetting_wait(c);

	for (unsigned i = 0; i < 256 && r >= 0; i++)
		if (catalog_kind_suspect(c, (uint8_t)i))
			r = -EBADMSG;
	return r;
}

/* 0: nothing has changed since the last time. */
static int begin(struct copying *m)
{
	struct catalog *c = m->c;
	LOCKED(&c->checkpoint_lock);
	int r;

	if (atomic_load(&c->failed))
		return -EIO;
	if (c->compaction.done == c->facts.number)
		return 0;
	c->compaction.noting = true;
	c->compaction.lost = false;
	r = take_state(m);
	return r < 0 ? r : 1;
}

static void end(struct copying *m)
{
	(void) store_change_abort(m->change);
	if (m->scan)
		store_scan_end(m->scan);
	(void) store_copy_discard(m->copy);
	buf_done(&m->keys);
	buf_done(&m->sealed);
	buf_done(&m->before);
	LOCKED(&m->c->checkpoint_lock);
	m->c->compaction.noting = false;
	buf_done(&m->c->compaction.changed);
}

/* What takes long, and needs no lock that others wait for. */
static int copy_quietly(struct copying *m, bool background)
{
	bool quiet = background && priority_may_change();
	int r;

	if (quiet)
		priority_lower(0);
	r = copy_all(m);
	if (r >= 0)
		r = store_copy_sync(m->copy);
	if (quiet)
		priority_raise(0);
	return r;
}

static int copy_and_install(struct copying *m, bool background)
{
	int r = store_copy_begin(m->c->store, m->c->config.map_size, &m->copy);

	if (r < 0)
		return r;
	reached(COMPACTION_BEGUN);
	r = copy_quietly(m, background);
	if (r < 0)
		return r;
	reached(COMPACTION_COPIED);
	r = catch_up_most(m);
	if (r < 0)
		return r;
	reached(COMPACTION_CAUGHT);
	return finish(m);
}

static int compact(struct catalog *c, bool background)
{
	_cleanup_free_ struct copying *m = calloc(1, sizeof(*m));
	struct store_usage usage;
	int r = m ? check_state(c) : -ENOMEM;

	if (r >= 0)
		r = store_get_usage(c->store, &usage);
	if (r >= 0)
		r = check_room(c, &usage);
	if (r < 0)
		return r;
	m->c = c;
	r = begin(m);
	if (r > 0)
		r = copy_and_install(m, background);
	end(m);
	return r;
}

int catalog_compact(struct catalog *c, struct catalog_compaction *ret)
{
	struct store_usage before = { 0 }, after = { 0 };
	LOCKED(&c->compaction.turn);
	int r;

	if (c->config.read_only)
		return -EROFS;
	(void) store_get_usage(c->store, &before);
	r = compact(c, false);
	c->compaction.asked = c->compaction.asked || r >= 0;
	(void) store_get_usage(c->store, &after);
	*ret = (struct catalog_compaction){ .before = before.bytes, .after = after.bytes, .needed = before.used + ROOM_MARGIN };
	return r;
}

/* ---- the thread */

static int compact_in_turn(struct catalog *c)
{
	LOCKED(&c->compaction.turn);

	return compact(c, true);
}

static void *compaction_main(void *context)
{
	struct catalog *c = context;
	int r = compact_in_turn(c);

	if (r < 0 && r != -ECANCELED)
		log_warn(r, "the catalog, more than half of which is empty, could not be made smaller, will retry");
	c->compaction.not_before_ms = clock_mono_ms() + PAUSE_MS;
	atomic_store(&c->compaction.running, false);
	return NULL;
}

static bool is_time(struct catalog *c)
{
	struct store_usage usage;

	if (atomic_load(&c->failed) || store_get_usage(c->store, &usage) < 0)
		return false;
	return usage.bytes >= COMPACT_FROM && usage.used < usage.bytes / 2;
}

static void join(struct compaction *m)
{
	if (!m->started)
		return;
	(void) pthread_join(m->thread, NULL);
	m->started = false;
}

void compaction_consider(struct catalog *c)
{
	struct compaction *m = &c->compaction;

	if (atomic_load(&m->running) || atomic_load(&m->stop))
		return;
	join(m);
	if (clock_mono_ms() < m->not_before_ms || !is_time(c))
		return;
	atomic_store(&m->running, true);
	m->started = thread_start(&m->thread, "catalog-compact", compaction_main, c) >= 0;
	if (!m->started)
		atomic_store(&m->running, false);
}

static bool is_worth_a_stop(struct catalog *c)
{
	uint64_t from = c->compaction.asked ? STOP_FROM_ASKED : STOP_FROM;
	struct store_usage usage;

	return store_get_usage(c->store, &usage) >= 0 && usage.bytes >= from && usage.used <= STOP_TO &&
	       usage.used < usage.bytes / 16 * 15;
}

/* What could not be done is left as it was, and a later stop's. */
int compaction_at_stop(struct catalog *c)
{
	LOCKED(&c->compaction.turn);

	if (!is_worth_a_stop(c))
		return 0;
	atomic_store(&c->compaction.stop, false);
	(void) compact(c, false);
	atomic_store(&c->compaction.stop, true);
	return atomic_load(&c->failed) ? -EIO : 0;
}

void compaction_stop(struct catalog *c)
{
	atomic_store(&c->compaction.stop, true);
	join(&c->compaction);
	/* Somebody else's gives up, too. */
	(void) pthread_mutex_lock(&c->compaction.turn);
	(void) pthread_mutex_unlock(&c->compaction.turn);
}
