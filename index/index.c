/* SPDX-License-Identifier: MIT */
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "catalog/walk.h"
#include "index/codes.h"
#include "index/index_impl.h"
#include "index/priority.h"
#include "index/rules.h"
#include "index/rules_walk.h"
#include "index/vectors/vectors.h"

#define CACHE_BYTES (24u << 20)

/* ---- opening */

static int open_folder(struct index *x)
{
	if (!x->config.read_only && mkdirat(x->config.volume_dirfd, "index", 0700) < 0 && errno != EEXIST)
		return -errno;
	x->dirfd = openat(x->config.volume_dirfd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return x->dirfd < 0 && !(x->config.read_only && errno == ENOENT) ? -errno : 0;
}

static int init_locks(struct index *x)
{
	pthread_rwlockattr_t prefer_writer;

	if (pthread_rwlockattr_init(&prefer_writer))
		return -ENOMEM;
	(void) pthread_rwlockattr_setkind_np(&prefer_writer, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void) pthread_rwlock_init(&x->segments_lock, &prefer_writer);
	(void) pthread_rwlockattr_destroy(&prefer_writer);
	(void) pthread_mutex_init(&x->table_lock, NULL);
	cond_init(&x->work_there);
	cond_init(&x->sealer_wake);
	cond_init(&x->work_finished);
	return 0;
}

/* Decides for each loaded document whether it is its file's present one. */
static int place_loaded(struct index *x, struct segment *s)
{
	for (uint32_t d = 0; d < s->n_docs; d++) {
		struct inode i;
		int r = inode_get(x->config.catalog, s->docs[d].ino, &i);

		if (r == -ENOMEM)
			return r;
		if (r < 0 || i.nlink == 0 || i.content_lsn != s->docs[d].lsn) {
			segment_kill(s, d);
			continue;
		}
		atomic_store(&s->docs[d].parent, i.parent);
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

static int add_queued(void *context, const struct queue_entry *e)
{
	struct index *x = context;

	return e->why & EVENT_BELOW ? rules_directory_renamed(x, e->ino) : work_news(&x->work, e->ino, true);
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

	if (!ino || work_find(&x->work, ino))
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
	while (r >= 0 && (r = next_inode(cur, &ino)) > 0)
		if (is_renamed(x, ino)) {
			r = rules_directory_renamed(x, ino);
		} else if (is_missing(x, ino)) {
			r = work_news(&x->work, ino, true);
			found++;
		}
	cursor_close(cur);
	return r < 0 ? r : found;
}

/* Every regular file is either indexed or queued; when the sums do not agree something was lost. */
static int check_complete(struct index *x, bool lost)
{
	struct tree_stats stats;
	uint64_t known = x->places.n;

	tree_get_stats(x->config.catalog, &stats);
	for (size_t i = 0; x->work.files.places && i <= x->work.files.mask; i++)
		known += x->work.files.places[i].ino && !ino_map_find(&x->places, x->work.files.places[i].ino);
	if (known != stats.files || lost) {
		int64_t found = find_missing(x);

		if (found != 0)
			log_debug("index: %lld files were neither indexed nor queued", (long long)found);
		return found < 0 ? (int)found : 0;
	}
	return 0;
}

static int load(struct index *x, char **ret_why)
{
	bool lost = false;
	int r = segments_load(x, &lost);

	for (unsigned i = 0; r >= 0 && i < x->n_segments; i++)
		r = place_loaded(x, x->segments[i]);
	if (r >= 0)
		r = queue_foreach(x->config.catalog, add_queued, x);
	if (r == -EBADMSG) { /* the inodes know as well who waits */
		lost = true;
		r = 0;
	}
	if (r >= 0)
		r = check_complete(x, lost);
	if (r < 0 && asprintf(ret_why, "the index cannot be loaded: %s", strerror(-r)) < 0)
		*ret_why = NULL;
	return r;
}

static int open_model(struct index *x, char **ret_why)
{
	int r = embed_open(x->config.model_dir, &x->model, ret_why);

	if (r < 0)
		return r;
	vector_start();
	x->stride = vector_stride(embed_dimensions(x->model));
	return rules_new(&x->config.settings, &x->rules, ret_why);
}

int index_open(const struct index_config *config, struct index **ret_x, char **ret_why)
{
	struct index *x = calloc(1, sizeof(*x));
	int r;

	*ret_why = NULL;
	if (!x)
		return -ENOMEM;
	x->config = *config;
	x->memory_segment = config->settings.memory_segment ? config->settings.memory_segment : MEMORY_SEGMENT_DEFAULT;
	x->dirfd = -1;
	x->extract_path = strdup(config->extract_path ? config->extract_path : "brainy-extract");
	r = x->extract_path ? init_locks(x) : -ENOMEM;
	if (r >= 0)
		r = block_cache_new(CACHE_BYTES, &x->cache);
	if (r >= 0)
		r = open_folder(x);
	if (r >= 0)
		r = open_model(x, ret_why);
	if (r >= 0)
		r = rules_load(x);
	if (r >= 0)
		r = load(x, ret_why);
	if (r < 0) {
		index_close(x);
		return r;
	}
	*ret_x = x;
	return 0;
}

struct index *index_close(struct index *x)
{
	if (!x)
		return NULL;
	if (x->started)
		(void) index_stop(x);
	segments_done(x);
	ino_map_done(&x->places);
	work_done(&x->work);
	buf_done(&x->slow);
	buf_done(&x->renamed);
	buf_done(&x->below.directories);
	block_cache_free(x->cache);
	rules_free(x->rules);
	rules_free(x->next_rules);
	embed_close(x->model);
	if (x->dirfd >= 0)
		(void) close(x->dirfd);
	free(x->extract_path);
	free(x);
	return NULL;
}

/* ---- threads */

void index_hurry(struct index *x)
{
	if (x->may_lower_priority && x->worker_tid)
		priority_raise(x->worker_tid);
	if (x->extractor)
		extractor_pace(x->extractor, false);
}

static void stop_threads(struct index *x, bool worker, bool sealer)
{
	(void) pthread_mutex_lock(&x->table_lock);
	__atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
	(void) pthread_cond_broadcast(&x->work_there);
	(void) pthread_cond_broadcast(&x->sealer_wake);
	(void) pthread_cond_broadcast(&x->work_finished);
	index_hurry(x);
	(void) pthread_mutex_unlock(&x->table_lock);
	if (worker)
		(void) pthread_join(x->worker, NULL);
	if (sealer)
		(void) pthread_join(x->sealer, NULL);
}

int index_start(struct index *x)
{
	int r;

	if (x->config.read_only)
		return 0;
	r = extractor_start(x->extract_path, &x->extractor);
	if (r < 0)
		return r;
	x->may_lower_priority = priority_may_change();
	x->stop = false;
	r = thread_start(&x->worker, "index-worker", queue_worker_main, x);
	if (r >= 0) {
		r = thread_start(&x->sealer, "index-sealer", sealer_main, x);
		if (r < 0)
			stop_threads(x, true, false);
	}
	if (r < 0) {
		x->extractor = extractor_stop(x->extractor);
		return r;
	}
	x->started = true;
	return 0;
}

int index_stop(struct index *x)
{
	int r;

	if (!x->started)
		return 0;
	stop_threads(x, true, true);
	x->started = false;
	x->worker_tid = 0;
	x->extractor = extractor_stop(x->extractor);
	r = segments_seal(x);
	if (r >= 0)
		r = segments_freeze(x);
	return r < 0 ? r : segments_seal(x);
}

int index_missing_walls(struct index *x)
{
	int r = x->extractor ? extractor_missing(x->extractor) : 0;

	return r < 0 ? 0 : r;
}

/* ---- news */

void index_tell_sealer(struct index *x)
{
	x->sealer_news = true;
	if (x->sealer_sleeps)
		(void) pthread_cond_signal(&x->sealer_wake);
}

int index_place_document(struct index *x, struct segment *s, uint32_t doc)
{
	struct ino_entry *e = ino_map_find(&x->places, s->docs[doc].ino);

	index_tell_sealer(x);
	if (e)
		segment_kill(e->value, e->number);
	return ino_map_set(&x->places, s->docs[doc].ino, s, doc);
}

static void forget_document(struct index *x, uint64_t ino)
{
	struct ino_entry *e = ino_map_find(&x->places, ino);

	if (!e)
		return;
	index_tell_sealer(x);
	segment_kill(e->value, e->number);
	ino_map_remove(&x->places, ino);
}

static void forget_work(struct index *x, uint64_t ino)
{
	struct work *w = work_find(&x->work, ino);

	if (!w)
		return;
	if (w->place == WORK_RUNNING)
		w->again = w->stale = true;
	else
		work_drop(&x->work, w);
}

static void note_event(struct index *x, const struct catalog_event *e)
{
	struct ino_entry *known = ino_map_find(&x->places, e->ino);

	if (e->what & EVENT_GONE) {
		forget_document(x, e->ino);
		forget_work(x, e->ino);
		return;
	}
	if (e->what & EVENT_BELOW) {
		(void) rules_directory_renamed(x, e->ino);
		return;
	}
	if (known && e->what & EVENT_NAME)
		segment_mark_moved(known->value, known->number);
	if (e->what & EVENT_CONTENT)
		forget_document(x, e->ino);
	/* The queue says EVENT_QUEUE only when a file enters it. */
	if (e->what & (EVENT_CONTENT | EVENT_QUEUE | EVENT_RULES) ||
	    (e->what & EVENT_NAME && (known || work_find(&x->work, e->ino))))
		(void) work_news(&x->work, e->ino, e->what & EVENT_CONTENT);
}

void index_notify(struct index *x, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	LOCKED(&x->table_lock);

	for (size_t i = 0; i < n; i++)
		note_event(x, &events[i]);
	if (x->work.lists[WORK_READY].n > 0 || x->renamed.len > 0)
		(void) pthread_cond_signal(&x->work_there);
}

void index_file_closed(struct index *x, uint64_t ino)
{
	LOCKED(&x->table_lock);
	struct work *w = work_find(&x->work, ino);

	if (w && w->place == WORK_HELD)
		work_move(&x->work, w, WORK_READY);
	else if (w && w->place == WORK_RUNNING)
		w->again = true;
	if (w)
		(void) pthread_cond_signal(&x->work_there);
}

/* ---- waiting */

/* While it is not known which files break the rules, one stands for them. */
static uint64_t pending(struct index *x)
{
	return work_pending(&x->work) + rules_in_doubt(x);
}

uint64_t index_pending(struct index *x)
{
	LOCKED(&x->table_lock);
	return pending(x);
}

static int wait_until(struct index *x, uint64_t until_ms)
{
	uint64_t number;

	while (rules_in_doubt(x))
		if (x->stop || cond_wait_until(&x->work_finished, &x->table_lock, until_ms) == -ETIMEDOUT)
			return -ETIMEDOUT;
	number = x->work.next_number;
	while (work_is_before(&x->work, number))
		if (x->stop || cond_wait_until(&x->work_finished, &x->table_lock, until_ms) == -ETIMEDOUT)
			return work_is_before(&x->work, number) ? -ETIMEDOUT : 0;
	return 0;
}

int index_wait(struct index *x, unsigned timeout_ms)
{
	LOCKED(&x->table_lock);
	int r;

	if (!rules_in_doubt(x) && !work_is_before(&x->work, x->work.next_number))
		return 0;
	x->waiting++;
	index_hurry(x);
	r = wait_until(x, clock_mono_ms() + timeout_ms);
	x->waiting--;
	x->hurried_ms = clock_mono_ms();
	return r;
}

/* ---- figures */

static void count_segment(struct segment *s, struct index_stats *st)
{
	for (uint32_t d = 0; d < s->n_docs; d++) {
		if (segment_is_dead(s, d))
			continue;
		st->passages += s->docs[d].n_passages;
		switch (s->docs[d].state) {
		case STATE_INDEXED:
		case STATE_PARTIAL:
			st->indexed++;
			break;
		case STATE_FAILED:
			st->failed++;
			break;
		default:
			st->skipped++;
		}
	}
	st->memory_bytes += s->memory + codes_memory(s->codes);
	st->segments += s->n_docs > 0;
}

void index_get_stats(struct index *x, struct index_stats *ret_stats)
{
	struct index_stats st = { .model = embed_name(x->model) };

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	for (unsigned i = 0; i < x->n_segments; i++)
		count_segment(x->segments[i], &st);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	st.memory_bytes += block_cache_bytes(x->cache);
	(void) pthread_mutex_lock(&x->table_lock);
	st.pending = pending(x);
	st.memory_bytes += (x->places.places ? x->places.mask + 1 : 0) * sizeof(struct ino_entry);
	(void) pthread_mutex_unlock(&x->table_lock);
	*ret_stats = st;
}

int index_describe_queue(struct index *x, struct buf *ret_text)
{
	static const char *const why[WORK_PLACES] = { "waiting", "being indexed", "open for writing",
						      "to be tried again" };
	const uint64_t *renamed;
	int r = 0;
	LOCKED(&x->table_lock);

	for (unsigned place = 0; place < WORK_PLACES; place++)
		for (const struct work *w = x->work.lists[place].oldest; w && r >= 0; w = w->newer)
			r = buf_addf(ret_text, "%llu %s\n", (unsigned long long)w->ino, why[place]);
	renamed = (const uint64_t *)(const void *)x->renamed.data;
	for (size_t n = 0; n < x->renamed.len / sizeof(*renamed) && r >= 0; n++)
		r = buf_addf(ret_text, "%llu renamed, with all below\n", (unsigned long long)renamed[n]);
	return r < 0 ? r : 0;
}

/* ---- verification */

static int verify_one(struct index *x, uint64_t number, const void *value, size_t len)
{
	struct segment_record record;
	struct segment_file *f;
	int r = segment_record_decode(value, len, &record);

	if (r >= 0)
		r = segment_file_open(x->config.keys, x->dirfd, number, &record, NULL, &f);
	if (r < 0)
		return r;
	r = segment_file_verify(f);
	segment_file_close(f);
	return r;
}

struct verification {
	struct index *x;
	void (*problem)(void *context, const char *text);
	void *context;
	int64_t segments;
};

static int verify_record(void *context, const struct record *record)
{
	struct verification *v = context;
	uint64_t number = record->key_len == 9 ? load_be64(record->key + 1) : 0;
	int bad = verify_one(v->x, number, record->value, record->value_len);
	char text[128];

	v->segments++;
	if (bad >= 0)
		return 0;
	(void) snprintf(text, sizeof(text), "index segment %llu: %s", (unsigned long long)number,
			bad == -EBADMSG ? "damaged" : strerror(-bad));
	v->problem(v->context, text);
	return 0;
}

int64_t index_verify(struct index *x, void (*problem)(void *context, const char *text), void *context)
{
	struct key prefix = key_start('M');
	struct verification v = { x, problem, context, 0 };
	int r = records_foreach(x->config.catalog, &prefix, verify_record, &v);

	return r < 0 ? r : v.segments;
}
