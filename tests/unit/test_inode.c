/* SPDX-License-Identifier: MIT */
/* Inode records keep every field; damaged ones are refused; sets notice a member that was removed,
 * altered or added behind their back. */
#include "catalog/inode.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/tree_box.h"

static struct inode sample(uint64_t ino)
{
	return (struct inode){
		.ino = ino,
		.mode = S_IFREG | 04755,
		.uid = 1000,
		.gid = UINT32_MAX,
		.nlink = 3,
		.rdev = 0x123456789aull,
		.size = INT64_MAX,
		.bytes = 12345,
		.atime = { 1, 2 },
		.mtime = { -5, 999999999 },
		.ctime = { 1ll << 40, 0 },
		.btime = { 7, 8 },
		.generation = 9,
		.content_lsn = 1ull << 50,
		.parent = ROOT_INO,
		.cookie = INT64_MAX,
		.flags = INODE_QUEUED | 255u << INODE_WHY_SHIFT,
	};
}

static void put(struct catalog *c, struct inode *i)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* Field by field: padding may differ. */
static void check_same(const struct inode *a, const struct inode *b)
{
	CHECK_EQ(a->ino, b->ino);
	CHECK_EQ(a->mode, b->mode);
	CHECK_EQ(a->uid, b->uid);
	CHECK_EQ(a->gid, b->gid);
	CHECK_EQ(a->nlink, b->nlink);
	CHECK_EQ(a->rdev, b->rdev);
	CHECK_EQ(a->size, b->size);
	CHECK_EQ(a->bytes, b->bytes);
	CHECK_MEM(&a->atime, sizeof(a->atime), &b->atime, sizeof(b->atime));
	CHECK_MEM(&a->mtime, sizeof(a->mtime), &b->mtime, sizeof(b->mtime));
	CHECK_MEM(&a->ctime, sizeof(a->ctime), &b->ctime, sizeof(b->ctime));
	CHECK_MEM(&a->btime, sizeof(a->btime), &b->btime, sizeof(b->btime));
	CHECK_EQ(a->generation, b->generation);
	CHECK_EQ(a->content_lsn, b->content_lsn);
	CHECK_EQ(a->parent, b->parent);
	CHECK_EQ(a->cookie, b->cookie);
	CHECK_EQ(a->flags, b->flags);
	CHECK_EQ(a->quota, b->quota);
	CHECK_EQ(a->packed, b->packed);
	CHECK_EQ(a->home, b->home);
	CHECK_EQ(a->used_s, b->used_s);
	for (unsigned k = 0; k < SET_KINDS; k++) {
		CHECK_EQ(a->sets[k].count, b->sets[k].count);
		CHECK(id128_equal(a->sets[k].hash, b->sets[k].hash));
	}
}

static void test_record(struct catalog *c)
{
	struct inode i = sample(77), got;

	i.sets[SET_XATTRS] = (struct set_summary){ 300, { { 1, 2, 3 } } };
	put(c, &i);
	CHECK_EQ(inode_get(c, 77, &got), 0);
	check_same(&i, &got);
	for (unsigned equal = 0; equal < 8; equal++) {
		i.mtime = equal & 1 ? i.btime : (struct timespec){ 100, 1 };
		i.ctime = equal & 2 ? i.mtime : (struct timespec){ 200, 2 };
		i.atime = equal & 4 ? i.mtime : (struct timespec){ 300, 3 };
		put(c, &i);
		CHECK_EQ(inode_get(c, 77, &got), 0);
		check_same(&i, &got);
	}
	for (unsigned more = 0; more < 8; more++) {
		i.quota = more & 1 ? 5 : 0;
		i.packed = i.home = more & 2 ? 6 : 0;
		i.used_s = more & 4 ? INT64_MAX : 0;
		put(c, &i);
		CHECK_EQ(inode_get(c, 77, &got), 0);
		check_same(&i, &got);
	}
	CHECK_EQ(inode_get(c, 78, &got), -ENOENT);
}

static void test_batch_sees_itself(struct catalog *c)
{
	struct inode i = sample(80), got;
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	inode_put(b, &i);
	CHECK_EQ(inode_get_in(b, 80, &got), 0);
	CHECK_EQ(inode_get(c, 80, &got), -ENOENT);
	inode_remove(b, 80);
	CHECK_EQ(inode_get_in(b, 80, &got), -ENOENT);
	(void) batch_abort(b);
}

static void store_raw(struct catalog *c, struct key key, const void *value, size_t len)
{
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	if (value)
		batch_put(b, key.bytes, key.len, value, len);
	else
		batch_remove(b, key.bytes, key.len);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

/* Every shorter record, and one with a byte too many, is refused. */
static void test_damaged_record(struct catalog *c)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = key_u64(key_start('I'), 90);
	struct inode i = sample(90), got;

	put(c, &i);
	CHECK_EQ(catalog_get(c, key.bytes, key.len, &value), 0);
	CHECK_EQ(buf_add_u8(&value, 0), 0);
	for (size_t len = 0; len <= value.len; len++) {
		store_raw(c, key, value.data, len);
		CHECK_EQ(inode_get(c, 90, &got), len == value.len - 1 ? 0 : -EBADMSG);
	}
	value.data[0]++;
	store_raw(c, key, value.data, value.len - 1);
	CHECK_EQ(inode_get(c, 90, &got), -EBADMSG);
}

static void test_stat(void)
{
	struct inode i = sample(5);
	struct stat st;

	inode_stat(&i, &st);
	CHECK_EQ(st.st_ino, 5);
	CHECK_EQ(st.st_mode, S_IFREG | 04755);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(st.st_size, INT64_MAX);
	CHECK_EQ(st.st_blocks, 25);
	CHECK_EQ(st.st_mtim.tv_nsec, 999999999);
}

#define MEMBERS 20

static struct key member_key(uint64_t ino, unsigned n)
{
	return key_u64(key_u64(key_start('X'), ino), n);
}

static void make_set(struct catalog *c, uint64_t ino)
{
	struct inode i = sample(ino);
	struct batch *b;

	CHECK_EQ(catalog_begin(c, false, &b), 0);
	for (unsigned n = 0; n < MEMBERS + 2; n++) {
		struct key key = member_key(ino, n);

		set_put(b, &i, SET_XATTRS, &key, NULL, 0, "first", 5);
	}
	for (unsigned n = 0; n < MEMBERS + 2; n++) {
		struct key key = member_key(ino, n);

		set_put(b, &i, SET_XATTRS, &key, "first", 5, &n, sizeof(n));
		if (n >= MEMBERS)
			set_remove(b, &i, SET_XATTRS, &key, &n, sizeof(n));
	}
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(i.sets[SET_XATTRS].count, MEMBERS);
}

static int check_set(struct catalog *c, uint64_t ino)
{
	struct inode i;

	CHECK_EQ(inode_get(c, ino, &i), 0);
	return inode_check_set(c, &i, SET_XATTRS);
}

static void test_sets(struct catalog *c)
{
	for (uint64_t ino = 100; ino < 106; ino++)
		make_set(c, ino);
	CHECK_EQ(check_set(c, 100), 0);
	store_raw(c, member_key(101, 3), NULL, 0);
	CHECK_EQ(check_set(c, 101), -EBADMSG);
	CHECK_EQ(check_set(c, 101), -EBADMSG);
	store_raw(c, member_key(102, 3), "other", 5);
	CHECK_EQ(check_set(c, 102), -EBADMSG);
	store_raw(c, member_key(103, MEMBERS), "more", 4);
	CHECK_EQ(check_set(c, 103), -EBADMSG);
	store_raw(c, member_key(104, 3), "x", 1);
	store_raw(c, member_key(104, 3), &(unsigned){ 3 }, sizeof(unsigned));
	CHECK_EQ(check_set(c, 104), 0);

	/* Once a mount: what was checked is not looked at again. */
	store_raw(c, member_key(104, 3), NULL, 0);
	CHECK_EQ(check_set(c, 104), 0);
	inode_mark_checked(c, &(struct inode){ .ino = 105 });
	store_raw(c, member_key(105, 3), NULL, 0);
	CHECK_EQ(check_set(c, 105), 0);
}

/* A summary that is older than the store is no damage. */
static void test_stale_summary(struct catalog *c)
{
	struct inode old, now;
	struct key key = member_key(200, 1000);
	struct batch *b;

	make_set(c, 200);
	CHECK_EQ(inode_get(c, 200, &old), 0);
	now = old;
	CHECK_EQ(catalog_begin(c, false, &b), 0);
	set_put(b, &now, SET_XATTRS, &key, NULL, 0, "v", 1);
	inode_put(b, &now);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(inode_check_set(c, &old, SET_XATTRS), 0);
}

/* Only that many are remembered; the others are checked again, and still found damaged. */
static void test_forgotten_checks(struct catalog *c)
{
	make_set(c, 300);
	CHECK_EQ(check_set(c, 300), 0);
	store_raw(c, member_key(300, 3), NULL, 0);
	for (uint64_t ino = 1000; ino < 1000 + 400000; ino++)
		inode_mark_checked(c, &(struct inode){ .ino = ino });
	CHECK_EQ(check_set(c, 300), -EBADMSG);
}

static void check_walk(struct inode_walk *w, uint64_t ino)
{
	struct inode a = { 0 }, b = { 0 };
	int r = inode_get(w->c, ino, &b);

	CHECK_EQ(inode_walk_get(w, ino, &a), r);
	CHECK_EQ(a.ino, b.ino);
	CHECK_EQ(a.size, b.size);
}

/* Near and far, forwards and back, twice the same, into gaps and behind the end; from the overlay and from
 * the store; and while others change things. */
static void test_walk(struct catalog *c)
{
	static const uint64_t steps[] = { 1, 1, 0, 2, 3, 31, 32, 33, 34, 100, 1000 };
	struct inode_walk w = { .c = c };
	struct inode i = sample(0);

	for (uint64_t ino = 5000000; ino < 5002000; ino += 1 + ino % 3) {
		i.ino = i.size = ino;
		put(c, &i);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
			for (uint64_t ino = 5000000; ino < 5002100; ino += steps[k] ? steps[k] : 2200)
				check_walk(&w, ino);
		for (uint64_t ino = 5002010; ino > 4999990; ino -= 7)
			check_walk(&w, ino);
		for (uint64_t ino = 5000000; ino < 5000400; ino += 3) {
			i.ino = ino;
			i.size = round;
			put(c, &i);
			check_walk(&w, ino);
			check_walk(&w, ino + 1);
		}
		CHECK_EQ(catalog_checkpoint(c), 0);
	}
	inode_walk_done(&w);
}

int main(void)
{
	struct catalog *c = tree_box_open();

	if (!c)
		return 1;
	test_record(c);
	test_batch_sees_itself(c);
	test_damaged_record(c);
	test_stat();
	test_sets(c);
	test_stale_summary(c);
	test_forgotten_checks(c);
	test_walk(c);
	tree_box_close(c);
	return check_result();
}
