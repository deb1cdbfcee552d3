/* SPDX-License-Identifier: MIT */
/* Quotas after a repair: sums are those of what lies below, limits are those of the last record that had some, and where
 * none is left the directory is one like others. */
#include "catalog/quota.h"
#include "tests/unit/repair_box.h"

static uint64_t outer, inner, deep, file;

static void set_quota(uint64_t dir, enum quota_limit which, uint64_t limit)
{
	struct tree_request rq = { 0 };
	bool walk;

	CHECK_EQ(quota_set(box.c, &rq, dir, which, limit, &walk), 0);
}

/* outer/inner/deep/file, of five bytes; outer and inner have quotas. */
static void begin_quotas(void)
{
	begin_test();
	outer = made(ROOT_INO, "outer", S_IFDIR | 0755);
	set_quota(outer, QUOTA_BYTES, 1000);
	inner = made(outer, "inner", S_IFDIR | 0755);
	set_quota(inner, QUOTA_BYTES, 500);
	deep = made(inner, "deep", S_IFDIR | 0755);
	file = made(deep, "file", S_IFREG | 0644);
	write_inline(file, 0, "bytes");
	(void) made(ROOT_INO, "out", S_IFREG | 0644);
}

static void check_quota(uint64_t dir, uint64_t limit, uint64_t bytes, uint64_t inodes)
{
	struct quota q = { 0 };

	CHECK_EQ(quota_get(box.c, dir, &q), 0);
	CHECK_EQ(q.limit_bytes, limit);
	CHECK_EQ(q.bytes, bytes);
	CHECK_EQ(q.inodes, inodes);
	CHECK_EQ(q.state, QUOTA_SETTLED);
}

static void check_no_quota(uint64_t dir)
{
	struct quota q;

	CHECK_EQ(quota_get(box.c, dir, &q), -ENODATA);
}

static void end_quotas(void)
{
	problems = 0;
	CHECK(quota_verify(box.c, count_problem, NULL) >= 0);
	CHECK_EQ(problems, 0);
	end_test();
}

/* The inode as it is, but counted for another. */
static void count_for(uint64_t ino, uint64_t quota)
{
	struct batch *b = begin();
	struct inode i;

	CHECK_EQ(inode_get_in(b, ino, &i), 0);
	i.quota = quota;
	inode_put(b, &i);
	CHECK_EQ(batch_commit(b, NULL), 0);
}

static void test_sums(void)
{
	struct batch *b;

	begin_quotas();
	b = begin();
	CHECK_EQ(quota_charge(b, outer, 77, 3), 0);
	CHECK_EQ(batch_commit(b, NULL), 0);
	CHECK_EQ(repair(STOPPED), 1);
	check_quota(outer, 1000, 5, 4);
	check_quota(inner, 500, 5, 3);
	end_quotas();
}

/* A former record has the limits. */
static void test_found_again(bool garbage)
{
	begin_quotas();
	CHECK_EQ(box_stop(&box), 0);
	open_box(false);
	if (garbage)
		put(box_key('U', inner), "\7nothing", 8);
	else
		drop(box_key('U', inner));
	CHECK(repair(STOPPED) > 0);
	check_quota(outer, 1000, 5, 4);
	check_quota(inner, 500, 5, 3);
	end_quotas();
}

/* Nothing has: it has no limits, and what lies below counts further above. */
static void test_lost(void)
{
	begin_quotas();
	set_quota(inner, QUOTA_BYTES, 0);
	count_for(inner, inner);
	count_for(deep, 4711);
	count_for(file, deep);
	drop(box_key('U', inner));
	CHECK(repair(ALONE) > 0);
	check_no_quota(deep);
	check_no_quota(4711);
	check_quota(outer, 1000, 5, 4);
	end_quotas();
}

/* What lost its name counts where it is found again; a quota goes with its directory. */
static void test_moved(void)
{
	begin_quotas();
	drop(entry_key(inner, "deep"));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup(lost_name(deep)).quota, 0);
	CHECK_EQ(lookup("lost+found").quota, 0);
	check_quota(inner, 500, 0, 1);
	check_quota(outer, 1000, 0, 2);
	end_quotas();

	begin_quotas();
	drop(entry_key(outer, "inner"));
	CHECK(repair(ALONE) > 0);
	check_quota(inner, 500, 5, 3);
	check_quota(outer, 1000, 0, 1);
	end_quotas();

	begin_quotas();
	drop(entry_key(deep, "file"));
	CHECK(repair(ALONE) > 0);
	CHECK_EQ(lookup(lost_name(file)).quota, 0);
	check_quota(outer, 1000, 0, 3);
	end_quotas();
}

/* A walk that was under way stays so when nothing is wrong, and has ended when something was. */
static void test_walking(bool damage)
{
	struct quota q;

	begin_quotas();
	set_quota(deep, QUOTA_INODES, 10);
	CHECK_EQ(quota_get(box.c, deep, &q), 0);
	CHECK_EQ(q.state, QUOTA_ADOPTING);
	if (damage)
		drop(box_key('U', outer));
	CHECK_EQ(repair(STOPPED) > 0, damage);
	CHECK_EQ(quota_get(box.c, deep, &q), 0);
	CHECK_EQ(q.state, damage ? QUOTA_SETTLED : QUOTA_ADOPTING);
	CHECK_EQ(q.inodes, damage ? 2 : 0);
	CHECK_EQ(lookup("outer/inner/deep/file").quota, damage ? deep : inner);
	check_quota(outer, 1000, 5, 4);
	end_quotas();
}

int main(void)
{
	test_sums();
	test_found_again(false);
	test_found_again(true);
	test_lost();
	test_moved();
	test_walking(false);
	test_walking(true);
	return check_result();
}
