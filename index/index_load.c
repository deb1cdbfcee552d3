/* SPDX-License-Identifier: MIT */
/* What an index that is opened finds: segments, whose documents are compared with the catalog, and the queue.
 * Every regular file is then either a document's or waits; what is neither was lost by damage, and waits, too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "index/index_impl.h"
#include "index/rules_walk.h"

/* Decides for each loaded document whether it is its file's present one. */
static int place_loaded(struct index *x, struct inode_walk *inodes, struct segment *s)
{
	for (uint32_t d = 0; d < s->n_docs; d++) {
		struct inode i;
		int r = inode_walk_get(inodes, s->docs[d].ino, &i);

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

static int place_all(struct index *x)
{
	struct inode_walk inodes = { .c = x->config.catalog };
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < x->n_segments; i++)
		r = place_loaded(x, &inodes, x->segments[i]);
	inode_walk_done(&inodes);
	return r;
}

int index_load(struct index *x, char **ret_why)
{
	bool lost = false;
	int r = segments_load(x, &lost);

	if (r >= 0)
		r = place_all(x);
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
