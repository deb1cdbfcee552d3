/* SPDX-License-Identifier: MIT */
/* Several threads at once in one tree: whatever they meet is a rule of POSIX, never damage, and what is
 * left over adds up. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/tree.h"
#include "tests/unit/tagged.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

#define WRITERS 3
#define DIRS 4
#define STEPS 1500

static struct catalog *c;
static uint64_t dirs[DIRS];
static _Atomic bool done;

struct worker {
	pthread_t thread;
	uint64_t dice;
	unsigned damage; /* errors that no race explains */
};

static unsigned roll(struct worker *w, unsigned sides)
{
	return (unsigned)(hash_mix64(++w->dice) % sides);
}

static const char *random_name(struct worker *w, char name[8])
{
	(void) snprintf(name, 8, "n%u", roll(w, 20));
	return name;
}

static void expect(struct worker *w, int r)
{
	w->damage += r < 0 && r != -ENOENT && r != -EEXIST && r != -EISDIR && r != -ENOTDIR;
}

static void change(struct worker *w)
{
	struct tree_request rq = { .uid = 1 };
	struct tree_make m = { .mode = S_IFREG | 0644 };
	uint64_t dir = dirs[roll(w, DIRS)], other = dirs[roll(w, DIRS)];
	struct tree_renamed renamed;
	char name[8], new_name[8];
	struct inode i;

	random_name(w, name);
	random_name(w, new_name);
	switch (roll(w, 5)) {
	case 0:
		expect(w, tree_make(c, &rq, dir, name, &m, &i));
		break;
	case 1:
		expect(w, tree_unlink(c, &rq, dir, name, NULL, NULL, &i));
		break;
	case 2:
		expect(w, tree_rename(c, &rq, dir, name, other, new_name, 0, NULL, NULL, &renamed));
		break;
	case 3:
		if (tree_lookup(c, dir, name, &i) >= 0)
			expect(w, tree_link(c, &rq, i.ino, other, new_name, &i));
		break;
	default:
		if (tree_lookup(c, dir, name, &i) >= 0)
			expect(w, tree_setxattr(c, &rq, i.ino, "user.xdg.tags", new_name, strlen(new_name), 0));
	}
}

static void *writer(void *argument)
{
	struct worker *w = argument;

	for (unsigned n = 0; n < STEPS; n++)
		change(w);
	return NULL;
}

static int nothing(void *context, uint64_t ino)
{
	return 0;
}

static void look(struct worker *w)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	uint64_t dir = dirs[roll(w, DIRS)], cookie = 0;
	struct tree_entry e;
	struct tree_dir *d;
	struct inode i;
	char name[8];
	int r;

	r = tree_lookup(c, dir, random_name(w, name), &i);
	expect(w, r);
	if (r >= 0) {
		expect(w, tree_path(c, i.ino, ROOT_INO, 0, &path));
		expect(w, tree_is_below(c, i.ino, dir));
	}
	expect(w, tree_dir_open(c, dir, &d));
	while ((r = tree_dir_next(d, cookie, &e)) > 0)
		cookie = e.cookie;
	expect(w, r);
	(void) tree_dir_close(d);
	expect(w, foreach_tagged(c, name, nothing, NULL));
}

static void *reader(void *argument)
{
	while (!atomic_load(&done))
		look(argument);
	return NULL;
}

static void check_counts(void)
{
	struct tree_stats stats;
	uint64_t names = 0, files = 0;

	for (unsigned n = 0; n < DIRS; n++) {
		struct tree_entry e;
		struct tree_dir *d;
		uint64_t cookie = 0;
		struct inode i;

		CHECK_EQ(tree_dir_open(c, dirs[n], &d), 0);
		while (tree_dir_next(d, cookie, &e) > 0) {
			cookie = e.cookie;
			names++;
			CHECK_EQ(inode_get(c, e.ino, &i), 0);
			files += i.parent == dirs[n] && i.cookie == cookie;
		}
		(void) tree_dir_close(d);
	}
	CHECK(names >= files && names > 0);
	tree_get_stats(c, &stats);
	CHECK_EQ(stats.files, files);
	CHECK_EQ(queue_count(c), files);
}

static void run(void)
{
	struct worker workers[WRITERS + 2] = { 0 };

	for (unsigned n = 0; n < ARRAY_SIZE(workers); n++) {
		workers[n].dice = n * 1000000;
		CHECK_EQ(pthread_create(&workers[n].thread, NULL, n < WRITERS ? writer : reader, &workers[n]), 0);
	}
	for (unsigned n = 0; n < ARRAY_SIZE(workers); n++) {
		if (n == WRITERS)
			atomic_store(&done, true);
		(void) pthread_join(workers[n].thread, NULL);
		CHECK_EQ(workers[n].damage, 0);
	}
}

/* Whoever must not wait is told before the first listing of a large folder, and only then. */
static void test_slow(void)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFDIR | 0755 };
	struct tree_dir *d = NULL;
	struct inode large, i;
	char name[8];

	CHECK_EQ(tree_make(c, &rq, ROOT_INO, "large", &m, &large), 0);
	m.mode = S_IFREG | 0644;
	for (unsigned n = 0; n < 5000; n++) {
		(void) snprintf(name, sizeof(name), "%u", n);
		CHECK_EQ(tree_make(c, &rq, large.ino, name, &m, &i), 0);
	}
	CHECK(!tree_dir_is_slow(c, large.ino)); /* all of it was made in this mount */
	c = tree_box_reopen(c);
	CHECK(tree_dir_is_slow(c, large.ino));
	CHECK(!tree_dir_is_slow(c, ROOT_INO));
	CHECK(!tree_dir_is_slow(c, i.ino));
	CHECK(!tree_dir_is_slow(c, i.ino + 1000));
	CHECK_EQ(tree_dir_open(c, large.ino, &d), 0);
	(void) tree_dir_close(d);
	CHECK(!tree_dir_is_slow(c, large.ino));
}

int main(void)
{
	struct tree_request rq = { 0 };
	struct tree_make m = { .mode = S_IFDIR | 0755 };
	struct inode i = { 0 };
	char name[8];

	c = tree_box_open();
	CHECK_EQ(tree_make_root(c, 0, 0, 0755), 0);
	for (unsigned n = 0; n < DIRS; n++) {
		(void) snprintf(name, sizeof(name), "d%u", n);
		CHECK_EQ(tree_make(c, &rq, ROOT_INO, name, &m, &i), 0);
		dirs[n] = i.ino;
	}
	run();
	check_counts();
	c = tree_box_reopen(c);
	check_counts();
	test_slow();
	tree_box_close(c);
	return check_result();
}
