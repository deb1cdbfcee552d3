/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "fs/virtual/users.h"
#include "tests/unit/check.h"

static struct caller caller_with(uint32_t uid, uint32_t group)
{
	const uint32_t groups[] = { uid, group };
	struct caller c = { .uid = uid, .gid = uid };

	CHECK_EQ(identity_init(&c.who, uid, groups, 2), 0);
	return c;
}

static int note(struct users *u, uint32_t uid, uint32_t group)
{
	struct caller c = caller_with(uid, group);
	int r = users_note(u, &c);

	caller_done(&c);
	return r;
}

/* Is it known, with this group? */
static bool knows(struct users *u, uint32_t uid, uint32_t group)
{
	struct caller c;
	bool has;

	if (users_get(u, uid, &c) < 0)
		return false;
	has = c.uid == uid && !c.all && identity_has_group(&c.who, group);
	caller_done(&c);
	return has;
}

static void test_groups(void)
{
	struct users *u;
	struct caller c;

	CHECK_EQ(users_new(&u), 0);
	CHECK_EQ(users_get(u, 1000, &c), -ENOENT);
	CHECK_EQ(note(u, 1000, 7), 1);
	CHECK_EQ(note(u, 1000, 7), 0);
	CHECK_EQ(note(u, 1001, 7), 1);
	CHECK(knows(u, 1000, 7) && knows(u, 1001, 7) && !knows(u, 1000, 8));
	CHECK_EQ(note(u, 1000, 8), 1); /* as it was last */
	CHECK(!knows(u, 1000, 7) && knows(u, 1000, 8));
	CHECK(users_free(u) == NULL);
	CHECK(users_free(NULL) == NULL);
}

/* Of very many, those heard of last. */
static void test_many(void)
{
	struct users *u;

	CHECK_EQ(users_new(&u), 0);
	for (uint32_t uid = 1; uid <= 1000; uid++)
		CHECK_EQ(note(u, uid, 5), 1);
	CHECK(knows(u, 1000, 5) && knows(u, 950, 5) && !knows(u, 1, 5));
	CHECK_EQ(note(u, 1, 5), 1);
	CHECK(knows(u, 1, 5) && knows(u, 1000, 5));
	CHECK(users_free(u) == NULL);
}

int main(void)
{
	test_groups();
	test_many();
	return check_result();
}
