/* SPDX-License-Identifier: MIT */
/* From targets as they are written to inodes. What is damaged or changes meanwhile is passed over. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/fold.h"
#include "catalog/dentry.h"
#include "catalog/file_sets.h"
#include "catalog/found.h"
#include "catalog/links_impl.h"

#define STEPS_MAX 64u
#define MESSAGE_FIELD "message-id"

static bool is_none(int r)
{
	return r == -ENOENT || r == -EBADMSG || r == -ENOTDIR || r == -EINVAL || r == -ENAMETOOLONG;
}

static bool is_file(const struct inode *i)
{
	return S_ISREG(i->mode) && i->nlink > 0;
}

/* ---- steps of a path: "a/b", from its front or its end */

struct text {
	const char *at;
	size_t len;
};

static bool is_step(const struct text *t, const char *dots)
{
	return t->len == strlen(dots) && memcmp(t->at, dots, t->len) == 0;
}

/* The last step but "." and empty ones is taken off. False: there is none. */
static bool take_last(struct text *path, struct text *ret_step)
{
	while (path->len) {
		size_t from = path->len;

		while (from && path->at[from - 1] != '/')
			from--;
		*ret_step = (struct text){ path->at + from, path->len - from };
		path->len = from ? from - 1 : 0;
		if (ret_step->len && !is_step(ret_step, "."))
			return true;
	}
	return false;
}

static bool take_first(struct text *path, struct text *ret_step)
{
	while (path->len) {
		const char *slash = memchr(path->at, '/', path->len);
		size_t len = slash ? (size_t)(slash - path->at) : path->len, taken = len + (slash != NULL);

		*ret_step = (struct text){ path->at, len };
		path->at += taken;
		path->len -= taken;
		if (len && !is_step(ret_step, "."))
			return true;
	}
	return false;
}

/* ---- paths */

static int enter(struct catalog *c, struct inode *i, const struct text *step)
{
	_cleanup_dentry_ struct dentry d = { 0 };
	char name[TREE_NAME_MAX + 1];
	int r;

	if (!S_ISDIR(i->mode) || step->len > TREE_NAME_MAX || memchr(step->at, 0, step->len))
		return -ENOENT;
	if (is_step(step, ".."))
		return i->parent ? inode_get(c, i->parent, i) : -ENOENT;
	memcpy(name, step->at, step->len);
	name[step->len] = 0;
	r = dentry_init(&d, c, i->ino, name);
	if (r >= 0)
		r = dentry_load(&d, c);
	if (r >= 0 && !d.found)
		r = -ENOENT;
	return r < 0 ? r : inode_get(c, d.ino, i);
}

int link_resolve_path(struct catalog *c, uint64_t dir, const char *path, size_t len, struct inode *ret_i)
{
	struct text left = { path, len }, step;
	struct inode i;
	int r = inode_get(c, len && *path == '/' ? ROOT_INO : dir, &i);

	while (r >= 0 && take_first(&left, &step))
		r = enter(c, &i, &step);
	if (r < 0 || !i.nlink)
		return r >= 0 || is_none(r) ? 0 : r;
	*ret_i = i;
	return 1;
}

/* -ENOENT: `dir` is the root, or lost. */
static int go_up(struct catalog *c, uint64_t *dir)
{
	struct inode i;
	int r = inode_get(c, *dir, &i);

	*dir = r < 0 ? 0 : i.parent;
	return is_none(r) || (r >= 0 && !*dir) ? -ENOENT : r;
}

/* "/a/b.md" of a tree that was copied here is from the top of that tree: the nearest folder above that has it. */
static int resolve_from_above(struct catalog *c, uint64_t dir, const struct found_link *l, struct inode *ret_i)
{
	struct text path = { l->target, l->len };
	int r = 0;

	while (path.len && *path.at == '/')
		path.at++, path.len--;
	for (unsigned up = 0; path.len && up < STEPS_MAX && r == 0; up++) {
		r = link_resolve_path(c, dir, path.at, path.len, ret_i);
		if (r == 0 && go_up(c, &dir) < 0)
			return 0;
	}
	return r;
}

static int resolve_path(struct catalog *c, const struct inode *src, const struct found_link *l,
			uint64_t *ret_ino)
{
	struct inode i;
	int r = link_resolve_path(c, src->parent, l->target, l->len, &i);

	if (r == 0 && l->len && *l->target == '/')
		r = resolve_from_above(c, src->parent, l, &i);
	if (r <= 0 || !is_file(&i))
		return MIN(r, 0);
	*ret_ino = i.ino;
	return 1;
}

/* ---- wiki names: the best of all files of a stem */

struct rank {
	unsigned steps;  /* in the tree */
	unsigned ending; /* 0: as it is written, 1: a note's, 2: another one */
	uint64_t ino;    /* 0: none */
};

struct search {
	struct catalog *c;
	uint64_t chain[STEPS_MAX]; /* directories above the source, the nearest first */
	unsigned depth;
	struct buf name;           /* owned; the last step, folded */
	struct text folders;       /* what stands before it */
	uint64_t ino;              /* the file at hand */
	struct rank best;
};

static void search_done(struct search *s)
{
	buf_done(&s->name);
}

/* 1: they are the same but for what folding changes. */
static int same(const char *name, size_t len, const struct buf *folded)
{
	_cleanup_buf_ struct buf other = BUF_INIT;
	int r = fold_text(name, len, &other);

	return r < 0 ? r
		     : other.len == folded->len &&
			       (!other.len || memcmp(other.data, folded->data, other.len) == 0);
}

static bool is_note(const char *ending)
{
	static const char *const notes[] = { ".md", ".markdown", ".mdx", ".org", ".rst", ".txt" };

	for (size_t k = 0; k < ARRAY_SIZE(notes); k++)
		if (strcasecmp(ending, notes[k]) == 0)
			return true;
	return false;
}

/* 1: the name is what was written, and *ret_ending says how well. */
static int name_matches(const struct search *s, struct buf *name, unsigned *ret_ending)
{
	const char *text = buf_cstr(name);
	size_t stem = text ? file_stem_len(text, name->len) : 0;
	int r = text ? same(text, name->len, &s->name) : -ENOMEM;

	*ret_ending = 0;
	if (r || stem == name->len)
		return r;
	*ret_ending = is_note(text + stem) ? 1 : 2;
	return same(text, stem, &s->name);
}

/* 1: the last folders above are those that were written. */
static int folders_match(const struct search *s, uint64_t dir)
{
	struct text left = s->folders, step;
	int r = 1;

	while (r > 0 && take_last(&left, &step)) {
		_cleanup_buf_ struct buf name = BUF_INIT, folded = BUF_INIT;
		struct inode i;

		if (is_step(&step, ".."))
			continue;
		r = inode_get(s->c, dir, &i);
		if (r >= 0)
			r = i.parent ? dentry_name_at(s->c, i.parent, i.cookie, dir, &name) : -ENOENT;
		if (r >= 0)
			r = fold_text(step.at, step.len, &folded);
		if (r >= 0)
			r = same((const char *)name.data, name.len, &folded);
		dir = i.parent;
	}
	return r;
}

static int steps_to(const struct search *s, uint64_t dir, unsigned *ret_steps)
{
	int r = 0;

	*ret_steps = 2 * STEPS_MAX;
	for (unsigned up = 0; up < STEPS_MAX && r >= 0; up++) {
		for (unsigned k = 0; k < s->depth; k++)
			if (s->chain[k] == dir) {
				*ret_steps = up + k;
				return 0;
			}
		r = go_up(s->c, &dir);
	}
	return r == -ENOENT ? 0 : r;
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	if (!b->ino || a->steps != b->steps)
		return !b->ino || a->steps < b->steps;
	return a->ending != b->ending ? a->ending < b->ending : a->ino < b->ino;
}

static int rank_name(void *context, uint64_t dir, uint64_t cookie)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct search *s = context;
	struct rank rank = { .ino = s->ino };
	int r = dentry_name_at(s->c, dir, cookie, s->ino, &name);

	if (r >= 0)
		r = name_matches(s, &name, &rank.ending);
	if (r > 0)
		r = folders_match(s, dir);
	if (r <= 0)
		return is_none(r) ? 0 : r;
	r = steps_to(s, dir, &rank.steps);
	if (r < 0)
		return r;
	if (is_better(&rank, &s->best))
		s->best = rank;
	return 0;
}

static int rank_file(struct search *s, uint64_t ino)
{
	struct inode i;
	int r = inode_get(s->c, ino, &i);

	if (r >= 0 && !is_file(&i))
		return 0;
	s->ino = ino;
	if (r >= 0)
		r = tree_foreach_name(s->c, &i, rank_name, s);
	return is_none(r) ? 0 : r;
}

static int rank_stem(struct search *s, uint64_t hash, unsigned *left)
{
	_cleanup_(packed_walk_done) struct packed_walk w = file_names_walk(s->c);
	struct packed_member m;
	int r;

	packed_walk_seek(&w, hash, 0);
	while ((r = packed_walk_next(&w, &m)) > 0 && m.a == hash && (*left)-- > 0) {
		r = rank_file(s, m.b);
		if (r < 0)
			return r;
	}
	return is_none(r) ? 0 : MIN(r, 0);
}

static int climb(struct search *s, uint64_t dir)
{
	int r = 0;

	while (dir && r >= 0 && s->depth < STEPS_MAX) {
		s->chain[s->depth++] = dir;
		r = go_up(s->c, &dir);
	}
	return r == -ENOENT ? 0 : r;
}

static int resolve_wiki(struct catalog *c, const struct inode *src, const struct found_link *l,
			uint64_t *ret_ino)
{
	_cleanup_(search_done) struct search s = { .c = c, .folders = { l->target, l->len } };
	unsigned left = LINK_CANDIDATES;
	struct text last = { 0 };
	uint64_t stems[2];
	int n = link_stems(c, l, stems), r = MIN(n, 0);

	if (n <= 0 || !take_last(&s.folders, &last))
		return r;
	r = climb(&s, src->parent);
	if (r >= 0)
		r = fold_text(last.at, last.len, &s.name);
	for (int k = 0; k < n && r >= 0; k++)
		r = rank_stem(&s, stems[k], &left);
	if (r < 0 || !s.best.ino)
		return r;
	*ret_ino = s.best.ino;
	return 1;
}

/* ---- messages */

static int resolve_message(struct catalog *c, const struct found_link *l, uint64_t *ret_ino)
{
	_cleanup_(packed_walk_done) struct packed_walk w = { 0 };
	struct packed_member m;
	uint64_t label;
	int r = field_find(c, MESSAGE_FIELD, l->target, l->len, &label);

	if (r < 0)
		return is_none(r) ? 0 : r;
	w = label_walk_files(c, label);
	while ((r = packed_walk_next(&w, &m)) > 0) {
		struct inode i;

		if (inode_get(c, m.a, &i) < 0 || !is_file(&i))
			continue;
		*ret_ino = i.ino;
		return 1;
	}
	return is_none(r) ? 0 : r;
}

/* ---- all */

static int resolve(struct catalog *c, const struct inode *src, const struct found_link *l, uint64_t *ret_ino)
{
	switch (l->form) {
	case LINK_WIKI:
		return resolve_wiki(c, src, l, ret_ino);
	case LINK_MESSAGE:
		return resolve_message(c, l, ret_ino);
	default:
		return resolve_path(c, src, l, ret_ino);
	}
}

/* The file that lies where another one lay last. */
static int find_heir(struct catalog *c, uint64_t ino, uint64_t *ret_ino)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	struct inode i;
	int r = links_last_path(c, ino, &path);

	if (r >= 0)
		r = link_resolve_path(c, ROOT_INO, (const char *)path.data, path.len, &i);
	if (r <= 0 || !is_file(&i))
		return is_none(r) ? 0 : MIN(r, 0);
	*ret_ino = i.ino;
	return 1;
}

int link_look_for(struct catalog *c, const struct inode *src, const struct found_link *l, uint64_t *ret_ino)
{
	int r = l->bound ? find_heir(c, l->bound, ret_ino) : 0;

	return r ? r : resolve(c, src, l, ret_ino);
}

static int message_stem(struct catalog *c, const struct found_link *l, uint64_t *ret_hash)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = buf_add_u8(&text, LINK_MESSAGE_MARK);

	if (r >= 0)
		r = buf_add(&text, l->target, l->len);
	if (r >= 0)
		r = file_stem_hash(c, (const char *)text.data, text.len, ret_hash);
	return r < 0 ? r : 1;
}

static bool is_ascii(const char *text, size_t len)
{
	while (len && (unsigned char)text[len - 1] < 0x80)
		len--;
	return !len;
}

static bool may_fold_alike(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return (a_len == b_len && strncasecmp(a, b, a_len) == 0) || !is_ascii(a, a_len) || !is_ascii(b, b_len);
}

bool link_may_name(const struct found_link *l, const char *stem, size_t len)
{
	struct text path = { l->target, l->len }, last;
	bool is_message = len && stem[0] == LINK_MESSAGE_MARK;

	if (is_message || l->form == LINK_MESSAGE)
		return is_message && l->form == LINK_MESSAGE;
	return take_last(&path, &last) && (may_fold_alike(last.at, last.len, stem, len) ||
					   may_fold_alike(last.at, file_stem_len(last.at, last.len), stem, len));
}

/* A wiki name may be all of a stem, dots and all. */
int link_stems(struct catalog *c, const struct found_link *l, uint64_t ret_hashes[2])
{
	struct text path = { l->target, l->len }, last;
	size_t stem;
	int r;

	if (l->form == LINK_MESSAGE)
		return message_stem(c, l, ret_hashes);
	if (!take_last(&path, &last) || is_step(&last, ".."))
		return 0;
	stem = file_stem_len(last.at, last.len);
	r = file_stem_hash(c, last.at, stem, &ret_hashes[0]);
	if (r < 0 || stem == last.len || l->form != LINK_WIKI)
		return r < 0 ? r : 1;
	r = file_stem_hash(c, last.at, last.len, &ret_hashes[1]);
	return r < 0 ? r : 2;
}
