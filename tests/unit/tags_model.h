/* SPDX-License-Identifier: MIT */
/* Random changes of files, their tags, tags themselves and saved searches, and a model that does the same: a table of files and
 * a table of labels. */
#pragma once

#include "catalog/found.h"
#include "catalog/saved.h"
#include "tests/unit/any_is_open.h"
#include "tests/unit/derived.h"
#include "tests/unit/xattr_box.h"

#define NODES 3000
#define FILES 20
#define LIST_MAX 40
#define NONE NODES

enum { ROOT_TAGS, ROOT_SAVED, FIRST_NODE };

struct node {
	bool there, kept;
	uint64_t id;
	unsigned above;
	char name[8];
	int settings[SAVED_SETTINGS]; /* of a search: what its text is made from; -1: the default */
};
static struct node nodes[NODES];
static unsigned n_nodes;

struct m_file {
	uint64_t ino; /* 0: it is not there */
	unsigned links;
	unsigned list[LIST_MAX]; /* its tags, in their order */
	unsigned n;
	bool found[NODES];
};
static struct m_file m_files[FILES];

static uint64_t dice_state;

static inline unsigned dice(unsigned below)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned)((dice_state >> 11) % below);
}

/* ---- the model of labels */

static inline bool lies_below(unsigned node, unsigned top)
{
	while (node != top && node >= FIRST_NODE)
		node = nodes[node].above;
	return node == top;
}

static inline unsigned depth_of(unsigned node)
{
	unsigned depth = 0;

	for (; node >= FIRST_NODE; node = nodes[node].above)
		depth++;
	return depth;
}

static inline unsigned height_of(unsigned node)
{
	unsigned height = 1;

	for (unsigned k = FIRST_NODE; k < n_nodes; k++)
		if (nodes[k].there && lies_below(k, node))
			height = MAX(height, depth_of(k) - depth_of(node) + 1);
	return height;
}

static inline unsigned find_node(unsigned above, const char *name)
{
	for (unsigned k = FIRST_NODE; k < n_nodes; k++)
		if (nodes[k].there && nodes[k].above == above && strcmp(nodes[k].name, name) == 0)
			return k;
	return NONE;
}

static inline unsigned children_of(unsigned node)
{
	unsigned n = 0;

	for (unsigned k = FIRST_NODE; k < n_nodes; k++)
		n += nodes[k].there && nodes[k].above == node;
	return n;
}

static inline bool lists(const struct m_file *f, unsigned node)
{
	for (unsigned k = 0; k < f->n; k++)
		if (f->list[k] == node)
			return true;
	return false;
}

static inline uint32_t why_of(const struct m_file *f, unsigned node)
{
	return f->ino ? (lists(f, node) ? LABEL_SET : 0) | (f->found[node] ? LABEL_FOUND : 0) : 0;
}

static inline unsigned files_of(unsigned node)
{
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++)
		n += why_of(&m_files[k], node) > 0;
	return n;
}

static inline unsigned add_node(unsigned above, const char *name, bool kept)
{
	nodes[n_nodes] = (struct node){ .there = true, .kept = kept, .above = above, .settings = { -1, -1, -1, -1 } };
	(void) snprintf(nodes[n_nodes].name, sizeof(nodes[0].name), "%s", name);
	return n_nodes++;
}

/* What nobody has goes, until nothing more does. */
static inline void settle(void)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned k = FIRST_NODE; k < n_nodes; k++)
			if (nodes[k].there && !nodes[k].kept && !files_of(k) && !children_of(k)) {
				nodes[k].there = false;
				any = true;
			}
	}
}

/* Of those below a root; NONE when there are none. */
static inline unsigned pick(unsigned root)
{
	unsigned n = 0, chosen = NONE;

	for (unsigned k = FIRST_NODE; k < n_nodes; k++)
		if (nodes[k].there && lies_below(k, root) && dice(++n) == 0)
			chosen = k;
	return chosen;
}

static inline unsigned pick_place(unsigned root)
{
	unsigned node = dice(3) ? pick(root) : root;

	return node == NONE ? root : node;
}

/* Numbers of labels that the model has made by name only. */
static inline void learn_ids(void)
{
	for (unsigned k = FIRST_NODE; k < n_nodes; k++) {
		struct node *n = &nodes[k];

		if (n->there && !n->id)
			CHECK_EQ(label_find(c, nodes[n->above].id, n->name, strlen(n->name), &n->id), 0);
	}
}

/* ---- files */

static inline void file_name(unsigned file, unsigned link, char name[16])
{
	(void) snprintf(name, 16, "f%u.%u", file, link);
}

static inline void add_or_remove_name(void)
{
	unsigned k = dice(FILES);
	struct m_file *f = &m_files[k];
	struct tree_request rq = { 0 };
	struct inode i;
	char name[16];

	if (!f->ino) {
		file_name(k, 0, name);
		*f = (struct m_file){ .ino = file(name), .links = 1 };
	} else if (f->links < 3 && dice(3)) {
		file_name(k, f->links++, name);
		CHECK_EQ(tree_link(c, &rq, f->ino, ROOT_INO, name, &i), 0);
	} else if (dice(3) == 0) {
		file_name(k, --f->links, name);
		CHECK_EQ(tree_unlink(c, &rq, ROOT_INO, name, NULL, NULL, &i), 0);
		if (!f->links && i.flags & INODE_ORPHAN)
			CHECK_EQ(tree_forget_inode(c, f->ino), 0);
		if (!f->links)
			*f = (struct m_file){ 0 };
		settle();
	}
}

static inline struct m_file *pick_file(void)
{
	struct m_file *f = &m_files[dice(FILES)];

	return f->ino ? f : NULL;
}

/* A whole name that is in the model afterwards. Appends it to the text. */
static inline unsigned some_tag(struct buf *text)
{
	unsigned node = ROOT_TAGS;

	for (unsigned left = 1 + dice(3); left > 0; left--) {
		char name[8];
		unsigned below;

		(void) snprintf(name, sizeof(name), "t%u", dice(5));
		below = find_node(node, name);
		CHECK_EQ(buf_addf(text, "%s%s", node == ROOT_TAGS ? "" : "/", name), 0);
		node = below == NONE ? add_node(node, name, false) : below;
	}
	return node;
}

static inline void set_tags(void)
{
	static const char *const between[] = { ",", " ,", ", ", ",,", ",\t, " };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct m_file *f = pick_file();
	struct tree_request rq = { 0 };

	if (!f)
		return;
	f->n = 0;
	for (unsigned left = dice(5); left > 0; left--) {
		f->list[f->n++] = some_tag(&text);
		CHECK_EQ(buf_add_str(&text, between[dice(ARRAY_SIZE(between))]), 0);
	}
	CHECK_EQ(tree_setxattr(c, &rq, f->ino, "user.xdg.tags", text.data, text.len, 0), 0);
	check_value(f->ino, "user.xdg.tags", buf_cstr(&text));
	settle();
	learn_ids();
}

static inline void set_found(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct m_file *f = pick_file();

	if (!f)
		return;
	memset(f->found, 0, sizeof(f->found));
	for (unsigned left = dice(4); left > 0; left--) {
		f->found[some_tag(&text)] = true;
		CHECK_EQ(buf_add_u8(&text, 0), 0);
	}
	CHECK_EQ(tree_set_found(c, f->ino, inode(f->ino).content_lsn,
				&(struct found){ .tags = text.data ? (char *)text.data : "", .tags_len = text.len }), 0);
	settle();
	learn_ids();
}

/* ---- retagging */

static inline bool lose(struct m_file *f, unsigned top)
{
	unsigned kept = 0, before = f->n;

	for (unsigned k = 0; k < f->n; k++)
		if (!lies_below(f->list[k], top))
			f->list[kept++] = f->list[k];
	f->n = kept;
	return kept < before;
}

static inline bool gain(struct m_file *f, unsigned node)
{
	if (lists(f, node))
		return false;
	f->list[f->n++] = node;
	return true;
}

static inline void retag(void)
{
	unsigned without[2], with[2], n_without = dice(3), n_with = dice(3);
	uint64_t lose_ids[2], gain_ids[2];
	struct m_file *f = pick_file();
	struct tree_request rq = { 0 };
	bool any = false, had_any;
	int r;

	if (!f || pick(ROOT_TAGS) == NONE || f->n > LIST_MAX - 2)
		return;
	for (unsigned k = 0; k < n_without; k++)
		lose_ids[k] = nodes[without[k] = pick(ROOT_TAGS)].id;
	for (unsigned k = 0; k < n_with; k++)
		gain_ids[k] = nodes[with[k] = pick(ROOT_TAGS)].id;
	r = tree_retag(c, &rq, f->ino, &(struct retag){ .without = lose_ids, .n_without = n_without, .with = gain_ids,
						       .n_with = n_with });
	for (unsigned k = 0; k < n_without; k++)
		any = lose(f, without[k]) || any;
	had_any = any;
	for (unsigned k = 0; k < n_with; k++)
		any = gain(f, with[k]) || any;
	CHECK_EQ(r, n_without && !n_with && !had_any ? -ENODATA : 0);
	for (unsigned k = 0; any && k < n_without; k++)
		nodes[without[k]].kept = true;
	settle();
}

/* ---- tags and searches themselves */

static inline void some_name(char name[8])
{
	(void) snprintf(name, 8, "t%u", dice(5));
}

static inline void make_label(unsigned root)
{
	unsigned above = pick_place(root), there;
	struct tree_request rq = { .uid = 5 };
	uint64_t id = 0;
	char name[8];
	int r;

	some_name(name);
	there = find_node(above, name);
	r = root == ROOT_TAGS ? tree_make_tag(c, &rq, nodes[above].id, name, &id)
			      : tree_make_saved(c, &rq, nodes[above].id, name, &id);
	CHECK_EQ(r, there != NONE ? -EEXIST : depth_of(above) == LABEL_DEPTH_MAX ? -ENAMETOOLONG : 0);
	if (r == 0)
		nodes[add_node(above, name, true)].id = id;
}

static inline void remove_label(unsigned root)
{
	unsigned node = pick(root);
	struct tree_request rq = { 0 };
	int r;

	if (node == NONE)
		return;
	r = root == ROOT_TAGS ? tree_remove_tag(c, &rq, nodes[node].id) : tree_remove_saved(c, &rq, nodes[node].id);
	CHECK_EQ(r, files_of(node) || children_of(node) ? -ENOTEMPTY : 0);
	if (r == 0)
		nodes[node].there = false;
	settle();
}

static inline int m_rename(unsigned node, unsigned above, const char *name, bool may_replace)
{
	unsigned other = find_node(above, name);
	bool replaces = other != NONE && other != node;

	if (replaces && !may_replace)
		return -EEXIST;
	if (replaces && (files_of(other) || children_of(other)))
		return -ENOTEMPTY;
	if (other == node)
		return 0;
	if (lies_below(above, node))
		return -EINVAL;
	if (above != nodes[node].above && depth_of(above) + height_of(node) > LABEL_DEPTH_MAX)
		return -ENAMETOOLONG;
	if (replaces) {
		nodes[other].there = false;
		nodes[above].kept = true;
	}
	nodes[node].above = above;
	(void) snprintf(nodes[node].name, sizeof(nodes[0].name), "%s", name);
	return 0;
}

static inline void rename_label(unsigned root)
{
	unsigned node = pick(root), above = pick_place(root);
	bool may_replace = root == ROOT_TAGS && dice(2);
	struct tree_request rq = { 0 };
	char name[8];
	int r, want;

	if (node == NONE)
		return;
	some_name(name);
	r = root == ROOT_TAGS ? tree_rename_tag(c, &rq, nodes[node].id, nodes[above].id, name, may_replace)
			      : tree_rename_saved(c, &rq, nodes[node].id, nodes[above].id, name);
	want = m_rename(node, above, name, may_replace);
	CHECK_EQ(r, want);
	if (r == 0)
		nodes[node].kept = true;
	settle();
}

static inline void set_search(void)
{
	unsigned node = pick(ROOT_SAVED), which = dice(SAVED_SETTINGS);
	struct tree_request rq = { 0 };
	char text[16];

	if (node == NONE)
		return;
	nodes[node].settings[which] = (int)dice(1000);
	(void) snprintf(text, sizeof(text), "%d", nodes[node].settings[which]);
	CHECK_EQ(tree_set_saved(c, &rq, nodes[node].id, which, text), 0);
}

/* ---- comparing */

static inline void check_search(unsigned node)
{
	struct saved s = { 0 };

	CHECK_EQ(saved_get(c, nodes[node].id, &s), 0);
	for (unsigned k = 0; k < SAVED_SETTINGS && s.settings[k]; k++)
		if (nodes[node].settings[k] >= 0)
			CHECK_EQ(atoi(s.settings[k]), nodes[node].settings[k]);
		else
			CHECK(k == SAVED_QUERY ? s.settings[k][0] == 't' : s.settings[k][0] == 0);
	saved_done(&s);
}

static inline unsigned files_below(unsigned node)
{
	unsigned n = 0;

	for (unsigned k = 0; k < FILES; k++) {
		bool any = false;

		for (unsigned other = FIRST_NODE; other < n_nodes && !any; other++)
			any = nodes[other].there && why_of(&m_files[k], other) && lies_below(other, node);
		n += any;
	}
	return n;
}

static inline void check_node(unsigned node)
{
	const struct node *n = &nodes[node];
	_cleanup_label_ struct label l = { 0 };
	uint64_t id = 0, files = 0;

	CHECK_EQ(label_get(c, n->id, &l), 0);
	CHECK_EQ(l.above, nodes[n->above].id);
	CHECK_EQ(l.files, files_of(node));
	CHECK_EQ(l.below, children_of(node));
	CHECK_EQ(l.flags, n->kept ? LABEL_KEPT : 0);
	CHECK_MEM(l.name.data, l.name.len, n->name, strlen(n->name));
	CHECK_EQ(label_find(c, l.above, n->name, strlen(n->name), &id), 0);
	CHECK_EQ(id, n->id);
	CHECK_EQ(tag_count_files(c, n->id, &files), 0);
	CHECK_EQ(files, files_below(node));
	for (unsigned k = 0; k < FILES; k++) {
		uint32_t why = 0;

		if (!m_files[k].ino)
			continue;
		CHECK_EQ(label_why(c, n->id, m_files[k].ino, &why), 0);
		CHECK_EQ(why, why_of(&m_files[k], node));
	}
	if (lies_below(node, ROOT_SAVED))
		check_search(node);
}

static inline void add_name(unsigned node, struct buf *out)
{
	if (nodes[node].above >= FIRST_NODE) {
		add_name(nodes[node].above, out);
		CHECK_EQ(buf_add_u8(out, '/'), 0);
	}
	CHECK_EQ(buf_add_str(out, nodes[node].name), 0);
}

/* The tags that the xattr lists, without what is between them. */
static inline void check_list(const struct m_file *f)
{
	_cleanup_buf_ struct buf value = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	int r = tree_getxattr(c, f->ino, "user.xdg.tags", &value);

	CHECK(r == 0 || (r == -ENODATA && !f->n));
	for (unsigned k = 0; k < f->n; k++) {
		add_name(f->list[k], &want);
		CHECK_EQ(buf_add_u8(&want, '\n'), 0);
	}
	for (char *at = value.len ? strtok((char *)(uintptr_t)buf_cstr(&value), ", \t") : NULL; at; at = strtok(NULL, ", \t"))
		CHECK_EQ(buf_addf(&got, "%s\n", at), 0);
	CHECK(got.len == want.len && (!want.len || memcmp(got.data, want.data, want.len) == 0));
}

static inline void check_all(void)
{
	struct label l = { 0 };

	for (unsigned k = FIRST_NODE; k < n_nodes; k++)
		if (nodes[k].there)
			check_node(k);
		else if (nodes[k].id)
			CHECK_EQ(label_get(c, nodes[k].id, &l), -ENOENT);
	for (unsigned k = 0; k < FILES; k++)
		if (m_files[k].ino)
			check_list(&m_files[k]);
	derived_check(c);
}

static inline void step(void)
{
	unsigned root = dice(4) ? ROOT_TAGS : ROOT_SAVED;

	switch (dice(12)) {
	case 0:
	case 1:
		add_or_remove_name();
		break;
	case 2:
	case 3:
		set_tags();
		break;
	case 4:
		set_found();
		break;
	case 5:
	case 6:
		retag();
		break;
	case 7:
		make_label(root);
		break;
	case 8:
		remove_label(root);
		break;
	case 9:
		set_search();
		break;
	default:
		rename_label(root);
	}
}

/* An empty volume. */
static inline void model_begin(void)
{
	xattr_box_open(56);
	CHECK_EQ(derive_run(c), 0);
	memset(nodes, 0, sizeof(nodes));
	memset(m_files, 0, sizeof(m_files));
	nodes[ROOT_TAGS].id = LABEL_ROOT_TAGS;
	nodes[ROOT_SAVED].id = LABEL_ROOT_SAVED;
	n_nodes = FIRST_NODE;
}

static inline bool model_has_room(void)
{
	return n_nodes < NODES - 20;
}
