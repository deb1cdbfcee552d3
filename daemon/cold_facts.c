/* SPDX-License-Identifier: MIT */
#include "daemon/cold_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "daemon/server.h"
#include "tiers/lost.h"
#include "tiers/move/metered.h"
#include "tiers/move/owner.h"

#define COUNTED_MAX 1000u /* files of what is lost */
#define NAMED_MAX 20u

/* What is not there, and what a program asked for wrongly, is no trouble with the bucket. */
static bool is_trouble(enum bucket_fault fault)
{
	return fault != BUCKET_FINE && fault != BUCKET_ABSENT && fault != BUCKET_UNKNOWN &&
	       fault != BUCKET_LIMITED && fault != BUCKET_STOPPED && fault != BUCKET_LOCAL;
}

static void copy(char ret_text[COLD_TEXT_MAX], const struct bucket_error *e)
{
	(void) snprintf(ret_text, COLD_TEXT_MAX, "%s", e->text);
}

/* What a bucket refuses to take is told until a run has passed; that reads go well meanwhile says nothing. */
static void look_at_bucket(struct server *s, struct bucket *b, struct cold_facts *f)
{
	struct metered_state metered;
	struct bucket_stats stats;
	struct bucket_error why;

	bucket_get_stats(b, &stats);
	metered_get(b, &metered);
	f->capped = metered.capped;
	f->skew_s = stats.clock_skew_s;
	mover_get_refusal(s->stack.mover, &why);
	copy(f->refused, &why);
	f->failing = is_trouble(stats.last.fault) && strcmp(stats.last.text, f->refused) != 0;
	if (f->failing)
		copy(f->bucket, &stats.last);
}

/* ---- what is lost */

struct users {
	unsigned n;
	uint64_t first;
};

static void count_user(void *context, uint64_t ino)
{
	struct users *u = context;

	if (u->n++ == 0)
		u->first = ino;
}

static void describe_lost(struct server *s, const struct lost_frame *l, char *at, size_t size)
{
	struct users u = { 0 };

	(void) lost_foreach_file(s->stack.catalog, l, COUNTED_MAX, count_user, &u);
	(void) snprintf(at, size, "pack %" PRIu64 " %s (%u%s files, inode %" PRIu64 " the first); ", l->pack,
			l->altered ? "has other bytes than were sent" : "is gone", u.n,
			u.n == COUNTED_MAX ? " or more" : "", u.first);
}

static void look_for_lost(struct server *s, char ret_text[COLD_TEXT_MAX])
{
	struct lost_frame frames[LOST_MAX];
	size_t n = lost_get(files_get_lost(s->stack.files), frames), len = 0;

	for (size_t k = 0; k < n && len < COLD_TEXT_MAX; k++) {
		describe_lost(s, &frames[k], ret_text + len, COLD_TEXT_MAX - len);
		len += strlen(ret_text + len);
	}
	if (len > 2)
		ret_text[len - 2] = '\0';
}

void cold_facts_collect(struct server *s, struct cold_facts *ret_f)
{
	struct bucket *b = mover_get_bucket(s->stack.mover);
	struct bucket_error why;

	*ret_f = (struct cold_facts){ 0 };
	if (s->stack.schedule)
		(void) schedule_is_suspended(s->stack.schedule, &ret_f->suspended_s);
	mover_get_trouble(s->stack.mover, &why);
	ret_f->foreign = owner_is_trouble(why.error) && b;
	ret_f->absent = why.error < 0 && why.fault != BUCKET_LIMITED && !ret_f->foreign;
	ret_f->versions = mover_get_versions(s->stack.mover) == MOVER_VERSIONS_KEPT;
	copy(ret_f->bucket, &why);
	if (!ret_f->absent && !ret_f->foreign && b)
		look_at_bucket(s, b, ret_f);
	look_for_lost(s, ret_f->lost);
}

/* ---- their names */

struct naming {
	struct catalog *catalog;
	json_t *files;
};

static void add_name(void *context, uint64_t ino)
{
	struct naming *n = context;
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (tree_path(n->catalog, ino, ROOT_INO, 0, &path) >= 0)
		(void) json_array_append_new(n->files, json_text((char *)path.data, path.len));
}

void cold_facts_add_files(struct server *s, json_t *problem)
{
	struct naming n = { s->stack.catalog, json_array() };
	struct lost_frame frames[LOST_MAX];
	size_t count = lost_get(files_get_lost(s->stack.files), frames);

	for (size_t k = 0; n.files && k < count && json_array_size(n.files) < NAMED_MAX; k++)
		(void) lost_foreach_file(n.catalog, &frames[k], NAMED_MAX - (unsigned)json_array_size(n.files),
					 add_name, &n);
	(void) json_object_set_new(problem, "files", n.files);
}
