/* SPDX-License-Identifier: MIT */
/* What an index that is opened finds: segments, whose documents are compared with the catalog, and the queue.
 * Every regular file is then either a document's or waits; what is neither was lost by damage, and waits, too.
 *
 * A million files take a second or two, which a mount does not wait for: a thread loads while files are changed.
 * Until it is done, everything is its own but `early`, where index_notify() leaves the news in the order in which
 * they were committed. What the loader reads of the catalog is as old as the loading or younger; whatever changed
 * after it looked is in the news, which are taken last, in one step with the index becoming ready. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/priority.h"
#include "base/thread.h"
#include "index/index_impl.h"
#include "index/rules_walk.h"
#include "index/viewers.h"

static bool stopped(struct index *x)
{
	return __atomic_load_n(&x->stop, __ATOMIC_RELAXED);
}

/* Decides for each loaded document whether it is its file's present one. */
static int place_loaded(struct index *x, struct inode_walk *inodes, struct segment *s)
{
	for (uint32_t d = 0; d < s->n_docs; d++) {
		struct inode i;
		int r = inode_walk_get(inodes, s->docs[d].ino, &i);

		if (r == -ENOMEM || stopped(x))
			return r == -ENOMEM ? r : -ECANCELED;
		if (r < 0 || i.nlink == 0 || i.content_lsn != s->docs[d].lsn) {
			segment_kill(s, d);
			continue;
		}
		atomic_store(&s->docs[d].parent, i.parent);
		atomic_store(&s->docs[d].access, viewers_class(x->viewers, &i));
		if (i.nlink > 1)
			segment_mark_moved(s, d);
		r = index_place_document(x, s, d);
		if (r >= 0 && s->docs[d].state == STATE_DEFERRED)
			r = buf_add(&x->slow, &i.ino, sizeof(i.ino));
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_queued(void *context, uint64_t ino, uint32_t why)
{
	struct index *x = context;

	if (stopped(x))
		return -ECANCELED;
	return why & EVENT_BELOW ? rules_directory_renamed(x, ino) : work_old_news(&x->work, ino);
}

/* 1: *ret_ino is the next inode, also one whose record does not open; 0: no more. */
static int next_inode(struct cursor *cur, uint64_t *ret_ino)
{
	const void *key, *value;
	size_t key_len, value_len;
	int r = cursor_next(cur, &key, &key_len, &value, &value_len);

	if (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0)
		r = 1;
	if (r > 0)
		*ret_ino = key_len == 9 ? load_be64((const uint8_t *)key + 1) : 0;
	return r;
}

/* A file that cannot even be looked at waits for ever, and so is never left out silently. */
static bool is_missing(struct index *x, uint64_t ino)
{
	struct inode i;
	int r;

	if (!ino || work_has(&x->work, ino))
		return false;
	r = inode_get(x->config.catalog, ino, &i);
	if (r < 0)
		return r == -EBADMSG;
	return S_ISREG(i.mode) && i.nlink > 0 && (i.flags & INODE_QUEUED || !ino_map_find(&x->places, ino));
}

/* A directory whose queue entry damage may have taken. */
static bool is_renamed(struct index *x, uint64_t ino)
{
	struct inode i;

	return ino && inode_get(x->config.catalog, ino, &i) >= 0 && S_ISDIR(i.mode) && i.flags & INODE_QUEUED;
}

/* Files that the index neither knows nor has waiting: damage took them, or a queue entry. */
static int64_t find_missing(struct index *x)
{
	struct cursor *cur;
	int64_t found = 0;
	uint64_t ino;
	int r = cursor_open(x->config.catalog, "I", 1, &cur);

	if (r < 0)
		return r;
	while (r >= 0 && !stopped(x) && (r = next_inode(cur, &ino)) > 0)
		if (is_renamed(x, ino)) {
			r = rules_directory_renamed(x, ino);
		} else if (is_missing(x, ino)) {
			r = work_old_news(&x->work, ino);
			found++;
		}
	cursor_close(cur);
	if (stopped(x))
		return -ECANCELED;
	return r < 0 ? r : found;
}

/* The news so far, all of them. False: some are lost. */
static bool take_early(struct index *x)
{
	LOCKED(&x->table_lock);
	bool lost = x->early_lost;

	index_take_events(x, (const struct catalog_event *)(const void *)x->early.data,
			  x->early.len / sizeof(struct catalog_event));
	buf_reset(&x->early);
	x->early_lost = false;
	return !lost;
}

static uint64_t count_waiting_with_document(const struct index *x, const struct ino_set *waiting)
{
	uint64_t n = 0, ino;

	for (bool more = ino_set_next(waiting, 0, &ino); more; more = ino_set_next(waiting, ino + 1, &ino))
		n += ino_map_find(&x->places, ino) != NULL;
	return n;
}

static uint64_t count_documents_that_wait(const struct index *x)
{
	uint64_t n = 0;

	for (size_t i = 0; x->places.places && i <= x->places.mask; i++)
		n += x->places.places[i].ino && work_has(&x->work, x->places.places[i].ino);
	return n;
}

/* Files with a document, waiting, or both: the fewer ones are looked up in the others. */
static int count_known(const struct index *x, uint64_t *ret_n)
{
	uint64_t both, waiting = work_count(&x->work);

	if (waiting < x->places.n) {
		struct ino_set inos = { 0 };
		int r = work_list(&x->work, true, &inos);

		both = count_waiting_with_document(x, &inos);
		ino_set_done(&inos);
		if (r < 0)
			return r;
	} else {
		both = count_documents_that_wait(x);
	}
	*ret_n = x->places.n + waiting - both;
	return 0;
}

/* Every regular file is either indexed or queued; when the sums do not agree something was lost. */
static bool sums_agree(struct index *x)
{
	struct tree_stats stats;
	uint64_t known;

	(void) tree_get_stats(x->config.catalog, &stats);
	return count_known(x, &known) >= 0 && known == stats.files;
}

/* While files are changed the sums agree only by chance. With the writer lock held they do not change; where no
 * batch can begin neither. */
static bool is_complete(struct index *x)
{
	struct batch *b = NULL;
	bool good;

	if (!take_early(x))
		return false;
	if (sums_agree(x))
		return true;
	if (catalog_begin(x->config.catalog, true, &b) < 0)
		b = NULL;
	good = take_early(x) && sums_agree(x);
	if (b)
		(void) batch_abort(b);
	return good;
}

static int check_complete(struct index *x, bool lost)
{
	int64_t found;

	if (is_complete(x) && !lost)
		return 0;
	found = find_missing(x);
	if (found > 0)
		log_debug("index: %lld files were neither indexed nor queued", (long long)found);
	return found < 0 ? (int)found : 0;
}

static int place_all(struct index *x)
{
	struct inode_walk inodes = { .c = x->config.catalog };
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < x->n_segments; i++)
		r = place_loaded(x, &inodes, x->segments[i]);
	inode_walk_done(&inodes);
	return r;
}

static int load(struct index *x)
{
	bool lost = false;
	int r = segments_load(x, &lost);

	if (r >= 0)
		r = place_all(x);
	if (r >= 0)
		r = queue_walk(x->config.catalog, add_queued, x);
	if (r == -EBADMSG) { /* the inodes know as well who waits */
		lost = true;
		r = 0;
	}
	return r < 0 ? r : check_complete(x, lost);
}

/* The last of the news, which nobody can miss while table_lock is held. False: some were lost. */
static bool become_ready(struct index *x)
{
	LOCKED(&x->table_lock);

	if (x->early_lost)
		return false;
	index_take_events(x, (const struct catalog_event *)(const void *)x->early.data,
			  x->early.len / sizeof(struct catalog_event));
	buf_done(&x->early);
	atomic_store(&x->ready, true);
	(void) pthread_cond_broadcast(&x->work_there);
	(void) pthread_cond_broadcast(&x->sealer_wake);
	(void) pthread_cond_broadcast(&x->work_finished);
	return true;
}

int index_load(struct index *x, char **ret_why)
{
	int r = load(x);

	while (r >= 0 && !become_ready(x)) {
		(void) take_early(x);
		r = check_complete(x, true);
	}
	if (r < 0 && asprintf(ret_why, "the index cannot be loaded: %s", strerror(-r)) < 0)
		*ret_why = NULL;
	return r;
}

/* ---- by a thread */

static void *loader_main(void *index)
{
	_cleanup_free_ char *why = NULL;
	struct index *x = index;
	int r;

	if (x->config.at_once)
		priority_step_back();
	r = index_load(x, &why);

	if (r < 0 && r != -ECANCELED)
		log_error(r, "%s; queries get errors until the next mount", why ? why : "the index cannot be loaded");
	if (r < 0) {
		LOCKED(&x->table_lock);
		atomic_store(&x->load_error, r);
		(void) pthread_cond_broadcast(&x->work_finished);
	}
	return NULL;
}

int index_start_loading(struct index *x)
{
	int r;

	if (x->ready)
		return 0;
	r = thread_start(&x->loader, "index-loader", loader_main, x);
	x->loader_started = r >= 0;
	return r;
}

void index_stop_loading(struct index *x)
{
	if (x->loader_started)
		(void) pthread_join(x->loader, NULL);
	x->loader_started = false;
}

bool index_await(struct index *x)
{
	LOCKED(&x->table_lock);

	while (!x->ready && !x->stop)
		(void) pthread_cond_wait(&x->work_there, &x->table_lock);
	return x->ready && !x->stop;
}
