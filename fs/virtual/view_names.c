/* SPDX-License-Identifier: MIT */
/* What files are called in a view: as they are, unless a file with a lower inode number has that name there, or a folder
 * has. Then the number is put before the ending: "report~1f3.pdf". A file always answers to the name with its number, so
 * that such a name stays its own when others come and go. Directories that are tagged have their numbers always: they are
 * not found by name (file_sets.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/file_sets.h"
#include "fs/virtual/view.h"
#include "fs/virtual/view_names.h"

#define SIGN '~'

int view_base_name(struct catalog *c, const struct inode *i, struct buf *ret_name)
{
	uint64_t dir;
	int r = tree_name(c, i, 0, &dir, ret_name);

	return r == -EBADMSG ? -ENOENT : r; /* renamed just now: it is looked for again */
}

/* The name with the number; what does not fit goes from the stem's end. */
int view_numbered_name(const struct buf *name, uint64_t ino, struct buf *ret_name)
{
	size_t whole = file_stem_len((const char *)name->data, name->len), stem = whole, ending = name->len - stem;
	char number[24];
	size_t extra = (size_t)snprintf(number, sizeof(number), "%c%llx", SIGN, (unsigned long long)ino);
	int r;

	while (stem > 1 && stem + extra + ending > TREE_NAME_MAX)
		stem--;
	while (stem > 1 && stem < whole && (name->data[stem] & 0xc0) == 0x80)
		stem--;
	r = buf_add(ret_name, name->data, stem);
	if (r >= 0)
		r = buf_add(ret_name, number, extra);
	return r < 0 ? r : buf_add(ret_name, name->data + name->len - ending, ending);
}

/* Is the file in the view, and is its name this one? */
static int is_called(struct looker *l, const struct view *v, uint64_t ino, const char *name, size_t len,
		     struct inode *ret_i)
{
	_cleanup_buf_ struct buf base = BUF_INIT;
	int r = view_has(l, v, ino);

	if (r > 0)
		r = inode_get(l->fs->config.catalog, ino, ret_i);
	else
		return r;
	if (r >= 0)
		r = ret_i->nlink && ret_i->parent ? view_base_name(l->fs->config.catalog, ret_i, &base) : -ENOENT;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return base.len == len && memcmp(base.data, name, len) == 0;
}

/* The file of this name with the lowest number below `before`. 1 or 0. */
static int first_called(struct looker *l, const struct view *v, const char *name, size_t len, uint64_t before,
			struct inode *ret_i)
{
	_cleanup_(packed_walk_done) struct packed_walk w = file_names_walk(l->fs->config.catalog);
	struct packed_member m;
	uint64_t hash;
	int r = file_stem_hash(l->fs->config.catalog, name, file_stem_len(name, len), &hash);

	if (r < 0)
		return r;
	packed_walk_seek(&w, hash, 0);
	while ((r = packed_walk_next(&w, &m)) > 0 && m.a == hash && m.b < before) {
		r = is_called(l, v, m.b, name, len, ret_i);
		if (r)
			return r;
	}
	return MIN(r, 0);
}

int view_name(struct looker *l, const struct view *v, const struct inode *i, struct buf *ret_name)
{
	_cleanup_buf_ struct buf base = BUF_INIT;
	struct inode other;
	int r = i->nlink && i->parent ? view_base_name(l->fs->config.catalog, i, &base) : -ENOENT;

	if (r < 0)
		return r;
	if (!S_ISREG(i->mode) || view_takes_name(l, v, (const char *)base.data, base.len))
		r = 1;
	else
		r = first_called(l, v, (const char *)base.data, base.len, i->ino, &other);
	if (r > 0)
		return view_numbered_name(&base, i->ino, ret_name);
	return r < 0 ? r : buf_add(ret_name, base.data, base.len);
}

/* The number in a name, 0: there is none. */
static uint64_t number_in(const char *name, size_t len)
{
	size_t end = file_stem_len(name, len), at = end;
	char text[20];

	while (at > 0 && name[at - 1] != SIGN && end - at < 16)
		at--;
	if (at == 0 || name[at - 1] != SIGN || end == at)
		return 0;
	memcpy(text, name + at, end - at);
	text[end - at] = 0;
	return strspn(text, "0123456789abcdef") == end - at ? strtoull(text, NULL, 16) : 0;
}

static int find_numbered(struct looker *l, const struct view *v, const char *name, size_t len, struct inode *ret_i)
{
	_cleanup_buf_ struct buf base = BUF_INIT, numbered = BUF_INIT;
	uint64_t ino = number_in(name, len);
	int r = ino && !(ino & INO_VIRTUAL) ? view_has(l, v, ino) : 0;

	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = inode_get(l->fs->config.catalog, ino, ret_i);
	if (r >= 0)
		r = ret_i->nlink && ret_i->parent ? view_base_name(l->fs->config.catalog, ret_i, &base) : -ENOENT;
	if (r >= 0)
		r = view_numbered_name(&base, ino, &numbered);
	if (r < 0)
		return r;
	return numbered.len == len && memcmp(numbered.data, name, len) == 0 ? 0 : -ENOENT;
}

int view_find(struct looker *l, const struct view *v, const char *name, struct inode *ret_i)
{
	size_t len = strlen(name);
	int r = view_takes_name(l, v, name, len) ? 0 : first_called(l, v, name, len, UINT64_MAX, ret_i);

	if (r)
		return MIN(r, 0);
	return find_numbered(l, v, name, len, ret_i);
}
