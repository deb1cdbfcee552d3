/* SPDX-License-Identifier: MIT */
#include "tiers/move/recall_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "tiers/move/policy.h"

struct walk {
	struct catalog *c;
	const atomic_bool *stop;
	struct recall_list *list;
	struct buf folders; /* numbers of directories that are still to be looked into */
	struct buf value;
};

DEFINE_CLEANUP(struct tree_dir *, tree_dir_close)

/* True: *ret_tier is what its own attribute says. */
static bool read_tier(struct catalog *c, uint64_t ino, struct buf *space, enum policy_tier *ret_tier)
{
	buf_reset(space);
	return tree_getxattr(c, ino, "user.brainy.tier", space) >= 0 &&
	       policy_parse_tier((char *)space->data, space->len, ret_tier) >= 0;
}

bool recall_is_wanted(struct catalog *c, uint64_t ino)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	enum policy_tier tier;

	return read_tier(c, ino, &value, &tier) && tier == POLICY_HOT;
}

/* It lies somewhere else by a setting of its own. */
static bool is_left_out(struct walk *w, const struct inode *i)
{
	enum policy_tier tier;

	return i->sets[SET_XATTRS].count && read_tier(w->c, i->ino, &w->value, &tier) && tier != POLICY_HOT;
}

static int add_item(struct recall_list *l, const struct inode *i)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct recall_item *more = realloc(l->items, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->items = more;
		l->cap = cap;
	}
	l->items[l->n++] = (struct recall_item){ i->home, i->ino, i->packed };
	return 0;
}

/* What went away meanwhile is none of ours. */
static int look_at(struct walk *w, uint64_t ino)
{
	struct inode i;
	int r = inode_get(w->c, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (is_left_out(w, &i))
		return 0;
	if (S_ISDIR(i.mode))
		return buf_add(&w->folders, &ino, sizeof(ino));
	return S_ISREG(i.mode) && i.packed ? add_item(w->list, &i) : 0;
}

static int look_into(struct walk *w, uint64_t dir)
{
	_cleanup_(tree_dir_closep) struct tree_dir *d = NULL;
	struct tree_entry e = { 0 };
	int r = tree_dir_open(w->c, dir, &d);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	while ((r = tree_dir_next(d, e.cookie, &e)) > 0) {
		r = atomic_load(w->stop) ? -ECANCELED : 0;
		if (r >= 0 && (S_ISDIR(e.type) || S_ISREG(e.type)))
			r = look_at(w, e.ino);
		if (r < 0)
			return r;
	}
	return r;
}

static int look_below(struct walk *w)
{
	uint64_t dir;
	int r = 0;

	while (r >= 0 && w->folders.len > 0) {
		w->folders.len -= sizeof(dir);
		memcpy(&dir, w->folders.data + w->folders.len, sizeof(dir));
		r = look_into(w, dir);
	}
	return r;
}

static int by_home(const void *a, const void *b)
{
	const struct recall_item *x = a, *y = b;

	if (x->home != y->home)
		return x->home < y->home ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* A file has as many items as names below the directory; a move meanwhile may have made them differ, which costs a look. */
static void sort(struct recall_list *l)
{
	size_t n = 0;

	if (l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), by_home);
	for (size_t k = 0; k < l->n; k++) {
		if (n > 0 && l->items[n - 1].ino == l->items[k].ino)
			continue;
		l->items[n++] = l->items[k];
		l->bytes += l->items[k].packed;
	}
	l->n = n;
}

int recall_walk(struct catalog *c, uint64_t ino, const atomic_bool *stop, struct recall_list *ret_list)
{
	struct walk w = { .c = c, .stop = stop, .list = ret_list };
	int r;

	*ret_list = (struct recall_list){ 0 };
	r = look_at(&w, ino);
	if (r >= 0)
		r = look_below(&w);
	buf_done(&w.folders);
	buf_done(&w.value);
	sort(ret_list);
	return r;
}
