/* SPDX-License-Identifier: MIT */
#include "index/rules_walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "catalog/links.h"
#include "index/rules.h"
#include "index/stored.h"

/* Inodes looked at before the worker turns to files that wait. */
#define STEP_INODES 256u

struct step {
	uint64_t inos[STEP_INODES]; /* of files whose documents break the rules */
	unsigned n;
	unsigned looked_at;
};

/* The file's living document. -ENOENT: it has none, and is read by the new rules. */
static int find_document(struct index *x, uint64_t ino, uint8_t *ret_state, struct buf *ret_record)
{
	struct ino_entry *e, found;
	struct segment *s;
	int r = 0;

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, ino);
	found = e ? *e : (struct ino_entry){ 0 };
	(void) pthread_mutex_unlock(&x->table_lock);
	s = found.value;
	if (s) {
		*ret_state = s->docs[found.number].state;
		if (*ret_state == STATE_SKIPPED || *ret_state == STATE_PARTIAL)
			r = s->ops->stored(s, found.number, ret_record);
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return s ? r : -ENOENT;
}

static bool why_is(const struct stored *s, const char *why)
{
	return s->why_len == strlen(why) && memcmp(s->why, why, s->why_len) == 0;
}

/* 1: the file must be looked at again. What cannot be told must. */
static int breaks_rules(struct index *x, const struct inode *i, unsigned doubt)
{
	_cleanup_buf_ struct buf record = BUF_INIT, path = BUF_INIT;
	struct stored s = { 0 };
	uint8_t state = 0;
	bool excluded;
	int r = find_document(x, i->ino, &state, &record);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || (record.len > 0 && stored_decode(record.data, record.len, &s) < 0))
		return 1;
	excluded = state == STATE_SKIPPED && why_is(&s, "excluded");
	if (doubt & DOUBT_LANGUAGES && !excluded)
		return 1;
	if (doubt & DOUBT_SIZE && state == STATE_PARTIAL && why_is(&s, "size"))
		return 1;
	if (!(doubt & DOUBT_EXCLUDE))
		return 0;
	r = tree_path(x->config.catalog, i->ino, ROOT_INO, 0, &path);
	if (r < 0)
		return r != -ENOENT;
	return excluded != rules_exclude(x->rules, (const char *)path.data, path.len);
}

static int queue_one(struct batch *b, uint64_t ino)
{
	struct inode i;
	int r = inode_get_in(b, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = queue_add(b, &i, EVENT_RULES);
	if (r < 0)
		return r;
	inode_put(b, &i);
	batch_note(b, ino, EVENT_RULES);
	return 0;
}

static int queue_breaches(struct index *x, const struct step *step)
{
	struct batch *b;
	int r;

	if (step->n == 0)
		return 0;
	r = catalog_begin(x->config.catalog, false, &b);
	for (unsigned n = 0; r >= 0 && n < step->n; n++) {
		r = queue_one(b, step->inos[n]);
		if (r < 0)
			batch_abort(b);
	}
	return r < 0 ? r : batch_commit(b, NULL);
}

/* ---- all inodes */

/* 1: *ret_i is the next file to look at. 2: something else is there. 0: the walk is done. */
static int next_inode(struct index *x, struct cursor *cur, struct inode *ret_i)
{
	const void *key, *value;
	size_t key_len, value_len;
	int r = cursor_next(cur, &key, &key_len, &value, &value_len);

	if (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0)
		r = 1;
	if (r <= 0)
		return r;
	x->next_doubtful = key_len == 9 ? load_be64((const uint8_t *)key + 1) + 1 : x->next_doubtful;
	if (key_len != 9 || inode_get(x->config.catalog, x->next_doubtful - 1, ret_i) < 0)
		return 2; /* fsck speaks of it */
	return S_ISREG(ret_i->mode) && ret_i->nlink > 0 ? 1 : 2;
}

static int find_breaches(struct index *x, struct step *step)
{
	struct key from = key_u64(key_start('I'), x->next_doubtful);
	struct cursor *cur;
	int r = cursor_open(x->config.catalog, "I", 1, &cur);

	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	while (step->looked_at++ < STEP_INODES) {
		struct inode i;

		r = next_inode(x, cur, &i);
		if (r <= 0)
			break;
		if (r == 1 && breaks_rules(x, &i, x->doubt))
			step->inos[step->n++] = i.ino;
	}
	cursor_close(cur);
	return r;
}

int rules_walk_all(struct index *x)
{
	uint64_t from = x->next_doubtful;
	struct step step = { .n = 0 };
	int more = find_breaches(x, &step), r = more < 0 ? more : queue_breaches(x, &step);

	if (r < 0)
		x->next_doubtful = from;
	return r < 0 ? r : more > 0;
}

/* ---- what lies below a directory that was renamed */

int rules_directory_renamed(struct index *x, uint64_t ino)
{
	return buf_add(&x->renamed, &ino, sizeof(ino));
}

/* Its entry is taken first: whoever renames the directory after this changes the entry. */
static int begin_below(struct index *x)
{
	struct below_walk *w = &x->below;
	struct queue_entry entry = { 0 };
	int r = queue_get(x->config.catalog, w->top, &entry);

	if (r < 0 && r != -ENOENT && r != -EBADMSG) /* a damaged entry says no more than that it is there */
		return r;
	w->lsn = entry.lsn;
	buf_reset(&w->directories);
	w->at = w->cookie = 0;
	r = buf_add(&w->directories, &w->top, sizeof(w->top));
	w->begun = r >= 0;
	return r;
}

static int look_at_entry(struct index *x, const struct tree_entry *e, struct step *step)
{
	struct inode i;

	int r = 0;

	if (S_ISDIR(e->type))
		return buf_add(&x->below.directories, &e->ino, sizeof(e->ino));
	if (S_ISREG(e->type))
		r = links_appeared(x->config.catalog, e->ino);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (S_ISREG(e->type) && inode_get(x->config.catalog, e->ino, &i) >= 0 && i.nlink > 0 &&
	    breaks_rules(x, &i, DOUBT_EXCLUDE))
		step->inos[step->n++] = i.ino;
	return 0;
}

/* 0: the directory is done. 1: the step is. */
static int look_into(struct index *x, struct tree_dir *dir, struct step *step)
{
	struct tree_entry e;
	int r = 0;

	while (step->looked_at++ < STEP_INODES) {
		r = tree_dir_next(dir, x->below.cookie, &e);
		if (r <= 0)
			return r;
		x->below.cookie = e.cookie;
		r = look_at_entry(x, &e, step);
		if (r < 0)
			return r;
	}
	return 1;
}

/* What cannot be read or is gone is passed over: fsck speaks of it. 1: there is more. */
static int find_breaches_below(struct index *x, struct step *step)
{
	struct below_walk *w = &x->below;

	while (w->at < w->directories.len / sizeof(uint64_t)) {
		struct tree_dir *dir;
		int r = tree_dir_open(x->config.catalog, ((uint64_t *)(void *)w->directories.data)[w->at], &dir);

		if (r >= 0) {
			r = look_into(x, dir, step);
			tree_dir_close(dir);
		}
		if (r > 0 || r == -ENOMEM)
			return r;
		w->at++;
		w->cookie = 0;
	}
	return 0;
}

static bool take_renamed(struct index *x)
{
	LOCKED(&x->table_lock);

	if (x->renamed.len == 0)
		return false;
	x->renamed.len -= sizeof(x->below.top);
	memcpy(&x->below.top, x->renamed.data + x->renamed.len, sizeof(x->below.top));
	return true;
}

/* Whoever waits for the index waits for this too. A directory that was renamed once more stands in the list
 * again. */
static void end_below(struct index *x)
{
	LOCKED(&x->table_lock);

	x->below.top = 0;
	x->below.begun = false;
	(void) pthread_cond_broadcast(&x->work_finished);
}

static int step_below(struct index *x)
{
	struct step step = { .n = 0 };
	int more, r = x->below.begun ? 0 : begin_below(x);

	if (r < 0)
		return r;
	more = find_breaches_below(x, &step);
	r = more < 0 ? more : queue_breaches(x, &step);
	if (r >= 0 && more == 0)
		r = queue_clear_entry(x, x->below.top, x->below.lsn);
	if (r >= 0 && more == 0)
		end_below(x);
	return r;
}

int rules_walk_below(struct index *x)
{
	int r;

	if (!x->below.top && !take_renamed(x))
		return 0;
	r = step_below(x);
	if (r < 0)
		x->below.begun = false;
	return r < 0 ? r : 1;
}
