/* SPDX-License-Identifier: MIT */
/* A round through all saved searches: what has changed in any of them is told in the order in which it did. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/journal.h"
#include "catalog/saved.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/live_impl.h"
#include "fs/virtual/view_kinds.h"

/* Of .find/saved/NAME, as views count it. */
#define SAVED_DEPTH 2u

/* ---- looking */

/* Where a walk is. */
struct place {
	const char *prefix;      /* of names */
	unsigned depth;
	const struct caller *as; /* borrowed */
};

static int look_below(struct round *r, uint64_t above, const struct place *p);

/* Those of somebody else, as that one sees files. */
static int look_at_user(struct round *r, const struct label *root)
{
	struct caller as;
	int e = users_get(r->live->fs->virtual->users, root->uid, &as);

	r->searches++;
	if (e < 0)
		return e == -ENOENT ? 0 : e;
	e = look_below(r, root->id, &(struct place){ "", 0, &as });
	caller_done(&as);
	return e;
}

/* Takes the look over if it has changed. */
static int keep_look(struct round *r, struct look *k)
{
	struct look *grown;

	if (!look_has_changed(k))
		return look_keep(r->live, k);
	grown = reallocarray(r->looks, r->n_looks + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->looks = grown;
	grown[r->n_looks++] = *k;
	*k = (struct look){ 0 };
	return 0;
}

static int look_at(struct round *r, const struct label *label, const char *name, const struct place *p)
{
	struct look k = { .id = label->id, .name = strdup(name), .depth = p->depth };
	int e = k.name ? caller_copy(p->as, &k.as) : -ENOMEM;

	if (e >= 0)
		e = look_take(r->live, &k);
	if (e >= 0)
		e = keep_look(r, &k);
	look_done(&k);
	r->searches++;
	/* One that cannot be asked (a setting that makes no sense any more) is as it was. */
	return e == -ENOMEM || e == -EIO || e == -EROFS ? e : 0;
}

static int look_at_label(struct round *r, uint64_t id, const struct place *p)
{
	_cleanup_label_ struct label label = { 0 };
	_cleanup_buf_ struct buf name = BUF_INIT;
	int e = label_get(r->live->fs->config.catalog, id, &label);

	if (e >= 0 && saved_is_root(&label))
		return look_at_user(r, &label);
	if (e >= 0)
		e = buf_add_str(&name, p->prefix);
	if (e >= 0)
		e = buf_add(&name, label.name.data, label.name.len);
	if (e < 0 || !buf_cstr(&name))
		return e == -ENOENT ? 0 : e < 0 ? e : -ENOMEM;
	e = look_at(r, &label, buf_cstr(&name), p);
	if (e >= 0)
		e = buf_add_u8(&name, '/');
	if (e < 0 || !buf_cstr(&name))
		return e < 0 ? e : -ENOMEM;
	return look_below(r, id, &(struct place){ buf_cstr(&name), p->depth + 1, p->as });
}

static int look_below(struct round *r, uint64_t above, const struct place *p)
{
	_cleanup_(packed_walk_done) struct packed_walk w = label_walk_below(r->live->fs->config.catalog, above);
	struct packed_member m;
	int e = 0;

	while (p->depth < LABEL_DEPTH_MAX && (e = packed_walk_next(&w, &m)) > 0) {
		e = look_at_label(r, m.a, p);
		if (e < 0)
			break;
	}
	return MIN(e, 0);
}

int round_look(struct round *r)
{
	const struct caller owner = { .all = true };

	return look_below(r, LABEL_ROOT_SAVED, &(struct place){ "", 0, &owner });
}

void round_done(struct round *r)
{
	for (size_t n = 0; n < r->n_looks; n++)
		look_done(&r->looks[n]);
	free(r->looks);
}

/* ---- telling */

struct change {
	uint32_t order;    /* recent_order(): those first of which it is not known, for they were changed before */
	uint64_t ctime_ns; /* of these only; of what is gone the greatest */
	size_t look, rank; /* then as they were found: who left first, then who came, the best first */
	uint64_t ino;
	bool enters;
};

static int compare(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->ctime_ns != y->ctime_ns)
		return x->ctime_ns < y->ctime_ns ? -1 : 1;
	if (x->look != y->look)
		return x->look < y->look ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static uint64_t ctime_of(struct live *l, uint64_t ino)
{
	struct inode i;

	return inode_get(l->fs->config.catalog, ino, &i) < 0 ? UINT64_MAX
							     : (uint64_t)i.ctime.tv_sec * 1000000000u +
								       (uint64_t)i.ctime.tv_nsec;
}

/* What was changed after the round began was seen by some of its searches and not by others: the next one tells it. */
static int add_changes(struct round *r, size_t look, const struct buf *from, const struct buf *less, bool enters,
		       struct buf *changes)
{
	const uint64_t *at = (const void *)from->data;
	int e = 0;

	for (size_t n = 0; n < from->len / sizeof(*at) && e >= 0; n++) {
		struct change c = { .look = look, .rank = changes->len, .ino = at[n], .enters = enters };

		if (look_has(less, at[n]))
			continue;
		if (!recent_order(r->live->recent, at[n], &c.order)) {
			r->looks[look].undecided = true;
			continue;
		}
		c.ctime_ns = c.order ? 0 : ctime_of(r->live, at[n]);
		e = buf_add(changes, &c, sizeof(c));
	}
	return e;
}

static int list_changes(struct round *r, struct buf *changes)
{
	int e = 0;

	for (size_t n = 0; n < r->n_looks && e >= 0; n++) {
		const struct look *k = &r->looks[n];

		e = add_changes(r, n, &k->before, &k->sorted, false, changes);
		if (e >= 0)
			e = add_changes(r, n, &k->now, &k->before, true, changes);
	}
	if (e >= 0 && changes->len)
		qsort(changes->data, changes->len / sizeof(struct change), sizeof(struct change), compare);
	return e;
}

/* Of a file that is gone there is no path any more. */
static json_t *path_of(struct live *l, uint64_t ino)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (tree_path(l->fs->config.catalog, ino, ROOT_INO, 0, &path) < 0)
		return json_null();
	return json_text(path.data, path.len);
}

/* `name`: empty: nobody knows. */
static int add_event(struct live *l, struct batch *b, const struct look *k, const struct change *c, const struct buf *name)
{
	_cleanup_json_ json_t *o = NULL;
	_cleanup_buf_ struct buf line = BUF_INIT;
	uint64_t number;
	int r = journal_next(b, JOURNAL_EVENTS, &number);

	if (r < 0)
		return r;
	o = json_pack("{s:I, s:I, s:s, s:o, s:I, s:o, s:o}", "seq", (json_int_t)number, "time_ms",
		      (json_int_t)(clock_real_ns() / 1000000), "event", c->enters ? "enter" : "leave", "search",
		      json_text(k->name, strlen(k->name)), "inode", (json_int_t)c->ino, "path", path_of(l, c->ino),
		      "name", name->len ? json_text(name->data, name->len) : json_null());
	r = o ? json_add_to(&line, o) : -ENOMEM;
	if (r >= 0)
		r = buf_add_u8(&line, '\n');
	return r < 0 ? r : journal_add(b, JOURNAL_EVENTS, line.data, line.len);
}

static int prepare_announcement(struct live *l, const struct look *k, const struct change *c, struct buf *name)
{
	const struct view v = { .class = VIEW_SAVED, .id = k->id, .depth = SAVED_DEPTH + k->depth };
	_cleanup_buf_ struct buf folder = BUF_INIT;
	int r = buf_addf(&folder, ".find/saved/%s", k->name);

	if (r < 0 || !buf_cstr(name) || !buf_cstr(&folder))
		return -ENOMEM;
	announcing_prepare(l->fs->virtual->announcing, &(struct found_change){
		.came = c->enters,
		.search = k->id,
		.ino = c->ino,
		.dir = view_ino(l->fs, &v),
		.folder = buf_cstr(&folder),
		.name = buf_cstr(name),
		.as = k->as.all ? NULL : &k->as,
	});
	return 0;
}

static int tell(struct live *l, struct batch *b, const struct look *k, const struct change *c)
{
	const struct packed_change change = { .a = c->ino, .clear = 1, .set = c->enters };
	struct key prefix = saved_members(k->id);
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r = packed_set_change(b, &prefix, &change, NULL);

	if (r >= 0) {
		r = live_add_name(l, k, c->ino, c->enters, &name);
		r = r == -ENOMEM ? r : 0;
	}
	if (r >= 0 && k->as.all)
		r = add_event(l, b, k, c, &name);
	return r < 0 || !name.len ? r : prepare_announcement(l, k, c, &name);
}

/* With the writer lock held whatever a search can have seen was noted. */
static int tell_in(struct round *r, struct batch *b)
{
	_cleanup_buf_ struct buf changes = BUF_INIT;
	const struct change *at;
	int e = list_changes(r, &changes);

	at = (const void *)changes.data;
	for (size_t n = 0; n < changes.len / sizeof(*at) && e >= 0; n++)
		e = tell(r->live, b, &r->looks[at[n].look], &at[n]);
	return e;
}

static int commit(struct round *r)
{
	struct batch *b;
	int e = catalog_begin(r->live->fs->config.catalog, true, &b);

	if (e < 0)
		return e;
	e = tell_in(r, b);
	if (e < 0)
		(void) batch_abort(b);
	else
		e = batch_commit(b, NULL);
	announcing_settle(r->live->fs->virtual->announcing, e >= 0);
	return e;
}

int round_tell(struct round *r)
{
	int e = r->n_looks ? commit(r) : 0;

	buf_done(&r->live->events);
	for (size_t n = 0; n < r->n_looks && e >= 0; n++)
		e = look_keep(r->live, &r->looks[n]);
	return e;
}
