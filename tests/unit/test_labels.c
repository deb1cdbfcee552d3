/* SPDX-License-Identifier: MIT */
/* Labels beside a plain tree that does the same, and the bounds of their names. Argument: a seed. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "catalog/labels.h"
#include "tests/unit/tree_box.h"

#define LABELS_MAX 4000
#define ALIVE_MAX 60
#define FILES 30
#define ROUNDS 1500
#define TOP 0 /* the first label of the model is a root, and always there */

struct node {
	bool there;
	uint64_t id;
	unsigned above;
	char name[16];
	uint32_t flags, uid;
	uint32_t why[FILES];
	unsigned files, below;
};

static struct catalog *c;
static struct node nodes[LABELS_MAX];
static unsigned n_nodes;
static uint64_t dice_state;

static uint64_t dice(uint64_t below)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (dice_state >> 11) % below;
}

/* ---- the model */

static unsigned pick(bool may_be_top)
{
	unsigned k, from = may_be_top ? 0 : 1, alive = 0;

	for (k = from; k < n_nodes; k++)
		alive += nodes[k].there;
	if (!alive)
		return LABELS_MAX;
	alive = (unsigned)dice(alive);
	for (k = from; !nodes[k].there || alive > 0; k++)
		alive -= nodes[k].there;
	return k;
}

static unsigned count_alive(void)
{
	unsigned alive = 0;

	for (unsigned k = 1; k < n_nodes; k++)
		alive += nodes[k].there;
	return alive;
}

static unsigned find_named(unsigned above, const char *name)
{
	for (unsigned k = 1; k < n_nodes; k++)
		if (nodes[k].there && nodes[k].above == above && strcmp(nodes[k].name, name) == 0)
			return k;
	return LABELS_MAX;
}

static bool lies_below(unsigned node, unsigned top)
{
	while (node != top && node != TOP)
		node = nodes[node].above;
	return node == top;
}

static unsigned depth_of(unsigned node)
{
	unsigned depth = 0;

	for (; node != TOP; node = nodes[node].above)
		depth++;
	return depth;
}

static unsigned height_of(unsigned node)
{
	unsigned height = 1;

	for (unsigned k = 1; k < n_nodes; k++)
		if (nodes[k].there && lies_below(k, node))
			height = MAX(height, depth_of(k) - depth_of(node) + 1);
	return height;
}

/* Whoever has nothing goes, and perhaps what it lay below. */
static void settle(unsigned node)
{
	while (node != TOP && nodes[node].there && !nodes[node].files && !nodes[node].below &&
	       !(nodes[node].flags & LABEL_KEPT)) {
		nodes[node].there = false;
		node = nodes[node].above;
		nodes[node].below--;
	}
}

static void some_name(char name[16])
{
	(void) snprintf(name, 16, "%s%u", dice(3) ? "n" : "\xff, ", (unsigned)dice(8));
}

static void set_why(unsigned node, unsigned file, uint32_t why)
{
	nodes[node].files += (why > 0) - (nodes[node].why[file] > 0);
	nodes[node].why[file] = why;
}

/* ---- operations, one batch each */

static struct batch *begin(void)
{
	struct batch *b = NULL;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	return b;
}

static void end(struct batch *b, int r)
{
	if (r < 0)
		batch_abort(b);
	else
		CHECK_EQ(batch_commit(b, NULL), 0);
}

/* A label that nobody has is not left behind: it is kept, or a file gets it. */
static void make(void)
{
	unsigned above = pick(true), file = (unsigned)dice(FILES), node;
	uint32_t flags = dice(3) ? 0 : LABEL_KEPT, why = (uint32_t)(1 + dice(3));
	struct node made = { .there = true, .above = above, .flags = flags, .uid = flags ? 1000 + above : 0 };
	struct batch *b = begin();
	uint64_t id = 0;
	int r;

	some_name(made.name);
	node = find_named(above, made.name);
	r = label_make(b, nodes[above].id, made.name, strlen(made.name), flags, made.uid, &id);
	CHECK_EQ(r, depth_of(above) == LABEL_DEPTH_MAX ? -ENAMETOOLONG : 0);
	if (r >= 0 && !flags)
		CHECK_EQ(label_attach(b, id, 100 + file, why), 0);
	if (r >= 0 && dice(6) == 0)
		r = -ECANCELED;
	end(b, r);
	if (r < 0)
		return;
	if (node == LABELS_MAX) {
		for (unsigned k = 1; k < n_nodes; k++)
			CHECK(nodes[k].id != id);
		node = n_nodes++;
		nodes[node] = made;
		nodes[node].id = id;
		nodes[above].below++;
	}
	CHECK_EQ(nodes[node].id, id);
	nodes[node].flags |= flags;
	if (!flags)
		set_why(node, file, nodes[node].why[file] | why);
}

static void change_files(void)
{
	unsigned node = pick(false);
	struct batch *b = begin();

	for (uint64_t left = 1 + dice(20); left > 0 && node < LABELS_MAX; left--) {
		unsigned file = (unsigned)dice(FILES);
		uint32_t why = (uint32_t)(1 + dice(3));
		bool comes = dice(5) < 2;

		CHECK_EQ(comes ? label_attach(b, nodes[node].id, 100 + file, why)
			       : label_detach(b, nodes[node].id, 100 + file, why), 0);
		set_why(node, file, comes ? nodes[node].why[file] | why : nodes[node].why[file] & ~why);
		settle(node);
		if (dice(4) == 0 || !nodes[node].there)
			node = pick(false);
	}
	end(b, 0);
}

static void change_flags(void)
{
	unsigned node = pick(false);
	struct batch *b = begin();
	bool keep = dice(3) == 0;

	CHECK_EQ(label_change_flags(b, nodes[node].id, keep ? LABEL_KEPT : 0, keep ? 0 : LABEL_KEPT), 0);
	end(b, 0);
	nodes[node].flags = keep ? LABEL_KEPT : 0;
	settle(node);
}

static int renamed(unsigned node, unsigned above, const char *name)
{
	unsigned other = find_named(above, name);

	if (other != LABELS_MAX)
		return other == node ? 0 : -EEXIST;
	if (lies_below(above, node))
		return -EINVAL;
	return above != nodes[node].above && depth_of(above) + height_of(node) > LABEL_DEPTH_MAX ? -ENAMETOOLONG : 0;
}

static void rename_one(void)
{
	unsigned node = pick(false), above = dice(2) ? nodes[node].above : pick(true), before = nodes[node].above;
	struct batch *b = begin();
	char name[16];
	int r;

	some_name(name);
	r = label_rename(b, nodes[node].id, nodes[above].id, name, strlen(name));
	CHECK_EQ(r, renamed(node, above, name));
	end(b, r);
	if (r < 0)
		return;
	memcpy(nodes[node].name, name, sizeof(name));
	nodes[node].above = above;
	nodes[above].below++;
	nodes[before].below--;
	settle(before);
}

static void remove_one(void)
{
	unsigned node = pick(false);
	struct batch *b = begin();
	int r = label_remove(b, nodes[node].id);

	CHECK_EQ(r, nodes[node].files || nodes[node].below ? -ENOTEMPTY : 0);
	end(b, r);
	if (r < 0)
		return;
	nodes[node].flags = 0;
	settle(node);
}

/* ---- comparing */

static void check_below(unsigned node)
{
	struct packed_walk w = label_walk_below(c, nodes[node].id);
	struct packed_member m;
	unsigned n = 0;

	while (packed_walk_next(&w, &m) > 0) {
		unsigned k = 1;

		while (k < n_nodes && nodes[k].id != m.a)
			k++;
		CHECK(k < n_nodes && nodes[k].there && nodes[k].above == node && m.b == 0 && m.n == 1);
		n++;
	}
	CHECK_EQ(n, nodes[node].below);
	packed_walk_done(&w);
}

static void check_files(unsigned node)
{
	struct packed_walk w = label_walk_files(c, nodes[node].id);
	unsigned file = (unsigned)dice(FILES), n = 0;
	struct packed_member m;
	uint32_t why = 99;

	while (packed_walk_next(&w, &m) > 0) {
		CHECK(m.a >= 100 && m.a < 100 + FILES && m.b == 0 && m.n == nodes[node].why[m.a - 100]);
		n++;
	}
	CHECK_EQ(n, nodes[node].files);
	packed_walk_done(&w);
	CHECK_EQ(label_why(c, nodes[node].id, 100 + file, &why), 0);
	CHECK_EQ(why, nodes[node].why[file]);
}

static void check_gone(unsigned node)
{
	struct label l = { 0 };

	CHECK_EQ(label_get(c, nodes[node].id, &l), -ENOENT);
	if (nodes[nodes[node].above].there && find_named(nodes[node].above, nodes[node].name) == LABELS_MAX) {
		uint64_t id = 0;

		CHECK_EQ(label_find(c, nodes[nodes[node].above].id, nodes[node].name, strlen(nodes[node].name), &id),
			 -ENOENT);
	}
}

static void check_node(unsigned node)
{
	unsigned other = pick(true);
	_cleanup_label_ struct label l = { 0 };
	uint64_t id = 0;

	CHECK_EQ(label_get(c, nodes[node].id, &l), 0);
	CHECK_EQ(l.id, nodes[node].id);
	CHECK_EQ(l.files, nodes[node].files);
	CHECK_EQ(l.below, nodes[node].below);
	CHECK_EQ(label_is_below(c, nodes[node].id, nodes[other].id), lies_below(node, other));
	check_below(node);
	check_files(node);
	if (node == TOP)
		return;
	CHECK_EQ(l.above, nodes[nodes[node].above].id);
	CHECK_EQ(l.flags, nodes[node].flags);
	CHECK_EQ(l.uid, nodes[node].uid);
	CHECK_MEM(l.name.data, l.name.len, nodes[node].name, strlen(nodes[node].name));
	CHECK_EQ(label_find(c, l.above, nodes[node].name, strlen(nodes[node].name), &id), 0);
	CHECK_EQ(id, l.id);
}

static void check_all(void)
{
	for (unsigned k = 0; k < n_nodes; k++)
		if (nodes[k].there)
			check_node(k);
		else
			check_gone(k);
}

static void step(void)
{
	switch (count_alive() < 3 ? 0 : count_alive() > ALIVE_MAX ? 3 + dice(4) : dice(8)) {
	case 0:
	case 1:
		make();
		break;
	case 2:
	case 3:
	case 4:
		change_files();
		break;
	case 5:
		change_flags();
		break;
	case 6:
		remove_one();
		break;
	default:
		rename_one();
	}
}

static void test_model(void)
{
	nodes[TOP] = (struct node){ .there = true, .id = LABEL_ROOT_TAGS };
	n_nodes = 1;
	for (unsigned round = 0; round < ROUNDS && n_nodes < LABELS_MAX; round++) {
		step();
		if (round % 10 == 0)
			check_all();
		if (round % 300 == 299)
			c = tree_box_reopen(c);
	}
	check_all();
}

/* ---- bounds */

static int make_kept(uint64_t above, const char *name, size_t len, uint64_t *ret_id)
{
	struct batch *b = begin();
	int r = label_make(b, above, name, len, LABEL_KEPT, 7, ret_id);

	end(b, r);
	return r;
}

static int move(uint64_t id, uint64_t above, const char *name, size_t len)
{
	struct batch *b = begin();
	int r = label_rename(b, id, above, name, len);

	end(b, r);
	return r;
}

static void test_names(void)
{
	static char name[LABEL_NAME_MAX + 1];
	_cleanup_label_ struct label l = { 0 };
	uint64_t id, other;

	memset(name, 'x', sizeof(name));
	name[5] = 0;
	CHECK_EQ(make_kept(LABEL_ROOT_FIELDS, name, sizeof(name), &id), -ENAMETOOLONG);
	CHECK_EQ(make_kept(LABEL_ROOT_FIELDS, name, sizeof(name) - 1, &id), 0);
	CHECK_EQ(label_get(c, id, &l), 0);
	CHECK_MEM(l.name.data, l.name.len, name, sizeof(name) - 1);
	/* The same name elsewhere, and a shorter one, are others. */
	CHECK_EQ(label_find(c, LABEL_ROOT_SAVED, name, sizeof(name) - 1, &other), -ENOENT);
	CHECK_EQ(label_find(c, LABEL_ROOT_FIELDS, name, sizeof(name) - 2, &other), -ENOENT);
	CHECK_EQ(move(id, LABEL_ROOT_FIELDS, name, sizeof(name)), -ENAMETOOLONG);
	CHECK_EQ(move(id, LABEL_ROOT_SAVED, name, sizeof(name) - 1), 0);
	CHECK_EQ(label_find(c, LABEL_ROOT_SAVED, name, sizeof(name) - 1, &other), 0);
	CHECK_EQ(other, id);
}

/* Only so deep, whether they are made there or moved there, and with what lies below them. */
static void test_depth(void)
{
	uint64_t ids[LABEL_DEPTH_MAX + 1] = { LABEL_ROOT_FIELDS }, id, below;

	for (unsigned k = 1; k <= LABEL_DEPTH_MAX; k++)
		CHECK_EQ(make_kept(ids[k - 1], "d", 1, &ids[k]), 0);
	CHECK_EQ(make_kept(ids[LABEL_DEPTH_MAX], "d", 1, &id), -ENAMETOOLONG);
	CHECK_EQ(label_is_below(c, ids[LABEL_DEPTH_MAX], ids[1]), 1);
	CHECK_EQ(label_is_below(c, ids[LABEL_DEPTH_MAX], LABEL_ROOT_FIELDS), 1);
	CHECK_EQ(label_is_below(c, ids[LABEL_DEPTH_MAX], LABEL_ROOT_TAGS), 0);
	CHECK_EQ(make_kept(LABEL_ROOT_FIELDS, "e", 1, &id), 0);
	CHECK_EQ(make_kept(id, "f", 1, &below), 0);
	CHECK_EQ(move(id, ids[LABEL_DEPTH_MAX], "e", 1), -ENAMETOOLONG);
	CHECK_EQ(move(id, ids[LABEL_DEPTH_MAX - 1], "e", 1), -ENAMETOOLONG);
	CHECK_EQ(move(id, ids[LABEL_DEPTH_MAX - 2], "e", 1), 0);
	CHECK_EQ(move(ids[1], LABEL_ROOT_SAVED, "d", 1), 0);
	CHECK_EQ(label_is_below(c, below, LABEL_ROOT_SAVED), 1);
	CHECK_EQ(move(ids[1], below, "x", 1), -EINVAL);
	CHECK_EQ(move(ids[1], ids[1], "x", 1), -EINVAL);
}

int main(int argc, char **argv)
{
	dice_state = argc > 1 ? strtoull(argv[1], NULL, 10) : 20260715;
	printf("seed %llu\n", (unsigned long long)dice_state);
	c = tree_box_open();
	CHECK(c != NULL);
	test_model();
	test_names();
	test_depth();
	tree_box_close(c);
	return check_result();
}
