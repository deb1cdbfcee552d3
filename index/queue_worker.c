/* SPDX-License-Identifier: MIT */
/* The worker thread: takes files that wait, has their text extracted and adds them to the memory
 * segment, where queries find them at once. Queue entries stay in the catalog until the segment is
 * durable (segments_seal.c), so what a killed server had only in memory is indexed again.
 *
 * A file is taken as it is at one content LSN: its inode is read before and after its bytes, and news that
 * comes meanwhile (work.h) makes the result void. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "index/index_impl.h"
#include "index/priority.h"
#include "index/rules.h"
#include "index/segment_memory.h"
#include "index/stored.h"

#define TICK_MS 1000u
#define HURRIED_MS 1000u
#define CPU_SECONDS 5u
#define CPU_SECONDS_SLOW 60u
#define TRIES 2u
/* Beginnings of larger files are read first, to tell their kinds. */
#define LARGE (4 * EXTRACT_KIND_BYTES)
#define NAMES_MAX 16u
/* So many times within REWRITTEN_MS, then not before it is over. */
#define REWRITTEN_TIMES 6u
#define REWRITTEN_MS 10000u
#define REWRITTEN_SLOTS 256u

struct rewritten {
	uint64_t ino, since_ms;
	unsigned times;
};

struct worker {
	struct index *x;
	struct preparer *preparer; /* owned */
	struct prepared prepared;
	struct buf names, path;    /* of the present file */
	struct rewritten rewritten[REWRITTEN_SLOTS];
	bool slow;                 /* the present file is tried with the long limit */
	uint64_t rules_due_ms;     /* not to be tried before */
};

enum outcome { OUTCOME_DONE, OUTCOME_HOLD, OUTCOME_LATER };

/* ---- names */

/* Collects the names of all links, and the path of the first. -ENOENT: it has none. */
static int collect_names(struct worker *w, uint64_t ino, uint32_t nlink)
{
	struct catalog *c = w->x->config.catalog;

	buf_reset(&w->names);
	buf_reset(&w->path);
	for (unsigned i = 0; i < MIN(nlink, NAMES_MAX); i++) {
		_cleanup_buf_ struct buf path = BUF_INIT;
		const char *text, *slash;
		int r = tree_path(c, ino, ROOT_INO, i, &path);

		if (r == -ENOENT && i > 0)
			break;
		text = r < 0 ? NULL : buf_cstr(&path);
		if (!text)
			return r < 0 ? r : -ENOMEM;
		slash = strrchr(text, '/');
		slash = slash ? slash + 1 : text;
		r = buf_add(&w->names, slash, strlen(slash) + 1);
		if (r >= 0 && i == 0)
			r = buf_add(&w->path, text, path.len);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- priority: low while nobody waits. Our own only while words and vectors are made and no locks are held */

/* Who has just asked may ask again. */
static void pace_extractor(struct index *x)
{
	LOCKED(&x->table_lock);

	extractor_pace(x->extractor, x->waiting == 0 && clock_mono_ms() - x->hurried_ms > HURRIED_MS);
}

static bool lower_priority(struct index *x)
{
	LOCKED(&x->table_lock);

	if (!x->may_lower_priority || x->waiting > 0)
		return false;
	priority_lower(0);
	return true;
}

/* ---- one document */

static int read_bytes(struct index *x, const struct inode *i, uint64_t max, struct buf *ret_bytes)
{
	uint64_t want = MIN(i->size, max);
	uint8_t *place;
	int r = buf_extend(ret_bytes, want, &place);

	ret_bytes->len = 0;
	while (r >= 0 && ret_bytes->len < want) {
		ssize_t n = x->config.read_file(x->config.context, i->ino, ret_bytes->len, place + ret_bytes->len,
						want - ret_bytes->len);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		ret_bytes->len += (size_t)n;
	}
	return r;
}

static void set_status(struct document *d, enum extract_status status, const char *why)
{
	d->status = status;
	memccpy(d->why, why, 0, sizeof(d->why) - 1);
}

/* Most large files are of no kind that has text, and their beginning tells: it saves reading them whole. What
 * goes wrong here is left to the whole file to say. */
static bool is_skipped_at_sight(struct worker *w, const struct inode *i, struct document *ret_d)
{
	_cleanup_(document_done) struct document kind = { 0 };
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct index *x = w->x;

	if (i->size < LARGE || read_bytes(x, i, EXTRACT_KIND_BYTES, &bytes) < 0 ||
	    extractor_kind(x->extractor, (const char *)w->names.data, bytes.data, bytes.len, &kind) < 0 ||
	    kind.status != EXTRACT_SKIPPED)
		return false;
	*ret_d = kind;
	kind = (struct document){ 0 };
	return true;
}

static int extract(struct worker *w, const struct inode *i, unsigned tries, struct document *d)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct index *x = w->x;
	int r;

	pace_extractor(x);
	if (is_skipped_at_sight(w, i, d))
		return 0;
	r = read_bytes(x, i, x->rules->max_file, &bytes);
	if (r == -EIO || r == -EBADMSG) {
		set_status(d, EXTRACT_FAILED, "unreadable");
		return 0;
	}
	if (r < 0)
		return r;
	r = extractor_run(x->extractor, (const char *)w->names.data, bytes.data, bytes.len,
			  w->slow ? CPU_SECONDS_SLOW : CPU_SECONDS, d);
	if (r < 0 && tries + 1 < TRIES)
		return r;
	if (r < 0)
		set_status(d, EXTRACT_FAILED, "extractor");
	if (i->size > x->rules->max_file && d->status == EXTRACT_INDEXED)
		set_status(d, EXTRACT_PARTIAL, "size");
	return 0;
}

static enum document_state state_of(const struct document *d)
{
	switch (d->status) {
	case EXTRACT_INDEXED:
		return STATE_INDEXED;
	case EXTRACT_PARTIAL:
		return STATE_PARTIAL;
	case EXTRACT_SKIPPED:
		return STATE_SKIPPED;
	case EXTRACT_SLOW:
		return STATE_DEFERRED;
	case EXTRACT_FAILED:
		break;
	}
	return STATE_FAILED;
}

static int prepare_document(struct worker *w, const struct document *d, bool hidden)
{
	struct prepare_input in = {
		.document = d, .state = state_of(d), .why = d->status == EXTRACT_SLOW ? "slow" : d->why,
		.names = (const char *)w->names.data, .names_len = w->names.len, .hidden = hidden,
		.seconds = clock_real_ns() / 1000000000u,
	};
	bool lowered = lower_priority(w->x);
	int r = prepare(w->preparer, &in, &w->prepared);

	if (lowered)
		priority_raise(0);
	return r;
}

/* ---- a file that only has another name keeps its text */

static const char *ending_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

/* Appends the stored record of the file's living document if it was made from this content. */
static int find_stored(struct index *x, const struct inode *i, struct buf *ret_record, uint8_t *ret_state,
		       uint8_t *ret_language)
{
	const struct segment_doc *d;
	struct ino_entry *e, found;
	int r;

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, i->ino);
	found = e ? *e : (struct ino_entry){ 0 };
	(void) pthread_mutex_unlock(&x->table_lock);
	d = found.value ? &((struct segment *)found.value)->docs[found.number] : NULL;
	r = d && d->lsn == i->content_lsn ? 0 : -ENOENT;
	if (r == 0) {
		*ret_state = d->state;
		*ret_language = d->language;
		r = ((struct segment *)found.value)->ops->stored(found.value, found.number, ret_record);
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return r;
}

static int copy_mark(void *context, const struct document_mark *m)
{
	struct document *d = context;

	d->marks[d->n_marks++] = *m;
	return 0;
}

static int document_again(const struct stored *s, uint8_t state, uint8_t language, struct document *ret_d)
{
	static const enum extract_status statuses[] = {
		[STATE_INDEXED] = EXTRACT_INDEXED, [STATE_PARTIAL] = EXTRACT_PARTIAL,
		[STATE_SKIPPED] = EXTRACT_SKIPPED, [STATE_FAILED] = EXTRACT_FAILED,
		[STATE_DEFERRED] = EXTRACT_SLOW,
	};

	ret_d->status = statuses[state];
	memcpy(ret_d->why, s->why, MIN(s->why_len, sizeof(ret_d->why) - 1));
	memcpy(ret_d->mime, s->mime, MIN(s->mime_len, sizeof(ret_d->mime) - 1));
	memcpy(ret_d->title, s->title, MIN(s->title_len, sizeof(ret_d->title) - 1));
	memccpy(ret_d->lang, language_code(language), 0, sizeof(ret_d->lang) - 1);
	ret_d->marks = calloc(s->n_marks + 1, sizeof(*ret_d->marks));
	if (!ret_d->marks)
		return -ENOMEM;
	(void) stored_foreach_mark(s, copy_mark, ret_d);
	return stored_text(s, &ret_d->text);
}

/* 1: *ret_d is the document as it was. 2: nothing has changed at all. 0: it must be extracted. */
static int try_stored(struct worker *w, const struct inode *i, bool excluded, struct document *ret_d)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	uint8_t state, language;
	struct stored s;
	const char *old;

	if (w->slow || find_stored(w->x, i, &record, &state, &language) < 0 ||
	    stored_decode(record.data, record.len, &s) < 0 || state < STATE_INDEXED || state > STATE_DEFERRED)
		return 0;
	old = s.names_len ? s.names : "";
	if (excluded != (s.why_len == 8 && memcmp(s.why, "excluded", 8) == 0) ||
	    strcmp(ending_of(old), ending_of((const char *)w->names.data)) != 0)
		return 0;
	if (s.names_len == w->names.len && memcmp(s.names, w->names.data, w->names.len) == 0)
		return 2;
	return document_again(&s, state, language, ret_d) < 0 ? 0 : 1;
}

/* ---- adding */

static int add_locked(struct index *x, struct prepared *p, uint64_t queue_lsn)
{
	struct work *work = work_find(&x->work, p->doc.ino);
	uint64_t now = clock_mono_ms();
	uint32_t doc;
	int r = buf_reserve(&x->memory_queue, sizeof(queue_lsn));

	if (work && work->stale)
		return 0;
	if (r >= 0)
		r = segment_memory_add(x->memory, p, &doc);
	if (r < 0)
		return r;
	(void) buf_add(&x->memory_queue, &queue_lsn, sizeof(queue_lsn));
	if (!x->first_unsealed_ms)
		x->first_unsealed_ms = now;
	x->last_added_ms = now;
	if (x->memory->memory >= x->memory_segment)
		(void) pthread_cond_signal(&x->sealer_wake);
	return index_place_document(x, x->memory, doc);
}

static int add_document(struct worker *w, const struct inode *i, uint64_t queue_lsn)
{
	struct index *x = w->x;
	struct inode now;
	int r = inode_get(x->config.catalog, i->ino, &now);

	if (r < 0 || now.content_lsn != i->content_lsn)
		return r == -ENOENT ? 0 : r; /* there is news of it */
	w->prepared.doc.ino = i->ino;
	w->prepared.doc.lsn = i->content_lsn;
	atomic_store(&w->prepared.doc.parent, now.parent);
	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	r = add_locked(x, &w->prepared, queue_lsn);
	if (r >= 0 && now.nlink > 1)
		segment_mark_moved(x->memory, x->memory->n_docs - 1);
	if (r >= 0 && w->prepared.doc.state == STATE_DEFERRED && !w->slow)
		(void) buf_add(&x->slow, &i->ino, sizeof(i->ino));
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return r;
}

int queue_clear_entry(struct index *x, uint64_t ino, uint64_t lsn)
{
	struct batch *b;
	int r;

	if (!lsn)
		return 0;
	r = catalog_begin(x->config.catalog, false, &b);
	if (r < 0)
		return r;
	r = queue_remove_in(b, ino, lsn);
	if (r < 0 && r != -ENOENT) {
		batch_abort(b);
		return r;
	}
	return batch_commit(b, NULL);
}

/* Nothing to do, but the document may not be durable yet: then its entry waits for that. */
static int settle(struct index *x, uint64_t ino, uint64_t lsn)
{
	const struct ino_entry *e;
	uint64_t late[] = { ino, lsn };
	bool in_memory = false;
	int r = 0;

	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, ino);
	if (e && !((struct segment *)e->value)->number) {
		in_memory = true;
		if (e->value == x->memory)
			((uint64_t *)(void *)x->memory_queue.data)[e->number] = lsn;
		else
			r = buf_add(&x->late_queue, late, sizeof(late));
	}
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return in_memory ? r : queue_clear_entry(x, ino, lsn);
}

static int make_document(struct worker *w, const struct inode *i, unsigned tries, const struct queue_entry *entry)
{
	bool excluded = rules_exclude(w->x->rules, (const char *)w->path.data, w->path.len);
	struct document d = { 0 };
	int r = entry->why & EVENT_RULES ? 0 : try_stored(w, i, excluded, &d);

	if (r == 2) {
		document_done(&d);
		return settle(w->x, i->ino, entry->lsn);
	}
	if (r == 0 && excluded)
		set_status(&d, EXTRACT_SKIPPED, "excluded");
	else if (r == 0)
		r = extract(w, i, tries, &d);
	if (r >= 0)
		r = prepare_document(w, &d, excluded);
	document_done(&d);
	return r < 0 ? r : add_document(w, i, entry->lsn);
}

/* ---- one file */

/* True when a file has been indexed so often of late that it must wait. */
static bool is_rewritten(struct worker *w, uint64_t ino, uint64_t *ret_due_ms)
{
	struct rewritten *r = &w->rewritten[ino % REWRITTEN_SLOTS];
	uint64_t now = clock_mono_ms();

	if (r->ino != ino || now - r->since_ms >= REWRITTEN_MS)
		*r = (struct rewritten){ .ino = ino, .since_ms = now };
	*ret_due_ms = r->since_ms + REWRITTEN_MS;
	return r->times++ >= REWRITTEN_TIMES;
}

static enum outcome index_one(struct worker *w, uint64_t ino, unsigned tries, uint64_t *ret_due_ms)
{
	struct index *x = w->x;
	struct queue_entry entry = { 0 };
	struct inode i;
	int r;

	if (x->config.is_busy && x->config.is_busy(x->config.context, ino))
		return OUTCOME_HOLD;
	r = queue_get(x->config.catalog, ino, &entry);
	if (r >= 0 || r == -ENOENT || r == -EBADMSG) /* a damaged entry says no more than that it is there */
		r = inode_get(x->config.catalog, ino, &i);
	if (r >= 0 && !S_ISREG(i.mode))
		r = queue_clear_entry(x, ino, entry.lsn);
	else if (r >= 0 && i.nlink > 0) {
		if (is_rewritten(w, ino, ret_due_ms))
			return OUTCOME_LATER;
		r = collect_names(w, ino, i.nlink);
		if (r >= 0)
			r = make_document(w, &i, tries, &entry);
	}
	if (r >= 0 || r == -ENOENT)
		return OUTCOME_DONE;
	*ret_due_ms = clock_mono_ms() + (tries < 3 ? 300u : 10000u);
	return OUTCOME_LATER;
}

/* ---- the loop */

static void finish(struct index *x, uint64_t ino, enum outcome outcome, uint64_t due_ms)
{
	LOCKED(&x->table_lock);
	struct work *work = work_find(&x->work, ino);

	if (work && work->place == WORK_RUNNING) {
		if (work->again) {
			work_move(&x->work, work, WORK_READY);
		} else if (outcome == OUTCOME_DONE) {
			work_drop(&x->work, work);
		} else {
			work->due_ms = due_ms;
			work->tries += outcome == OUTCOME_LATER;
			work_move(&x->work, work, outcome == OUTCOME_HOLD ? WORK_HELD : WORK_LATER);
		}
	}
	(void) pthread_cond_broadcast(&x->work_finished);
}

/* Without other work, a file that took too long is tried again with more time. */
static bool take_slow(struct index *x, uint64_t *ret_ino)
{
	if (x->slow.len == 0)
		return false;
	x->slow.len -= sizeof(*ret_ino);
	memcpy(ret_ino, x->slow.data + x->slow.len, sizeof(*ret_ino));
	return ino_map_find(&x->places, *ret_ino) && !work_find(&x->work, *ret_ino);
}

/* Until there is news, or `next_ms`, when a LATER file is due. Files that are HELD are looked at again every
 * second; while there are none, nothing happens without news. */
static void wait_for_work(struct index *x, uint64_t next_ms)
{
	if (x->work.lists[WORK_HELD].n > 0)
		next_ms = MIN(next_ms, clock_mono_ms() + TICK_MS);
	if (next_ms == UINT64_MAX) {
		(void) pthread_cond_wait(&x->work_there, &x->table_lock);
		return;
	}
	if (cond_wait_until(&x->work_there, &x->table_lock, next_ms) == -ETIMEDOUT)
		work_wake_held(&x->work);
}

/* Waits for a file, or until `rules_ms`, when there is more to do for the rules (0: now). 1: *ret_ino is
 * RUNNING. 0: look again. -ESHUTDOWN. */
static int take(struct worker *w, uint64_t rules_ms, uint64_t *ret_ino, unsigned *ret_tries)
{
	struct index *x = w->x;
	LOCKED(&x->table_lock);
	uint64_t now = clock_mono_ms(), next = work_wake_later(&x->work, now);
	struct work *work = work_take(&x->work);

	if (x->stop)
		return -ESHUTDOWN;
	w->slow = false;
	if (work) {
		*ret_ino = work->ino;
		*ret_tries = work->tries;
		return 1;
	}
	if (take_slow(x, ret_ino)) {
		w->slow = true;
		*ret_tries = TRIES;
		return 1;
	}
	if (rules_ms == 0 || (rules_ms == UINT64_MAX && rules_have_news(x))) /* they may have come meanwhile */
		return 0;
	wait_for_work(x, MIN(next, rules_ms));
	return 0;
}

/* The sealer is behind: adding more would only take memory. */
static void wait_for_sealer(struct index *x)
{
	for (;;) {
		{
			LOCKED(&x->table_lock);
			if (x->stop || !x->frozen || x->memory->memory < x->memory_segment)
				return;
		}
		(void) usleep(2000);
	}
}

/* Goes on with what a change of the rules means. Returns when there is more to do: 0 at once, UINT64_MAX
 * never. */
static uint64_t keep_rules(struct worker *w)
{
	static unsigned long long said;
	int r;

	if (clock_mono_ms() < w->rules_due_ms)
		return w->rules_due_ms;
	r = rules_step(w->x, &w->preparer);
	if (r >= 0)
		return r > 0 ? 0 : UINT64_MAX;
	if (log_due(&said))
		log_warn(r, "index: the change of rules cannot be followed, will retry");
	w->rules_due_ms = clock_mono_ms() + TICK_MS;
	return w->rules_due_ms;
}

static void worker_loop(struct worker *w)
{
	struct index *x = w->x;
	unsigned tries;
	uint64_t ino;
	int r;

	while ((r = take(w, keep_rules(w), &ino, &tries)) >= 0) {
		uint64_t due = 0;
		enum outcome outcome;

		if (r == 0)
			continue;
		wait_for_sealer(x);
		outcome = index_one(w, ino, tries, &due);
		finish(x, ino, outcome, due);
	}
}

void *queue_worker_main(void *index)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct index *x = index;

	if (!w || preparer_new(x->model, x->rules->languages, &w->preparer) < 0) {
		log_error(-ENOMEM, "index: the worker cannot start");
	} else {
		w->x = x;
		(void) pthread_mutex_lock(&x->table_lock);
		x->worker_tid = (int)syscall(SYS_gettid);
		(void) pthread_mutex_unlock(&x->table_lock);
		worker_loop(w);
		preparer_free(w->preparer);
		prepared_done(&w->prepared);
		buf_done(&w->names);
		buf_done(&w->path);
	}
	free(w);
	return NULL;
}
