/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/virtual/users.h"
#include "tests/unit/check.h"

static struct shared_user slots[SHARED_USERS]; /* what outlives a server */

static struct caller caller_with(uint32_t uid, uint32_t group)
{
	const uint32_t groups[] = { uid, group };
	struct caller c = { .uid = uid, .gid = uid };

	CHECK_EQ(identity_init(&c.who, uid, groups, 2), 0);
	return c;
}

static bool note(struct users *u, uint32_t uid, uint32_t group)
{
	struct caller c = caller_with(uid, group);
	bool news = users_note(u, &c);

	caller_done(&c);
	return news;
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

	CHECK_EQ(users_new(slots, &u), 0);
	CHECK_EQ(users_get(u, 1000, &c), -ENOENT);
	CHECK(note(u, 1000, 7));
	CHECK(!note(u, 1000, 7));
	CHECK(note(u, 1001, 7));
	CHECK(knows(u, 1000, 7) && knows(u, 1001, 7) && !knows(u, 1000, 8));
	CHECK(note(u, 1000, 8)); /* as it was last */
	CHECK(!knows(u, 1000, 7) && knows(u, 1000, 8));
	CHECK(users_free(u) == NULL);
	CHECK(users_free(NULL) == NULL);
}

/* Of very many, those heard of last. */
static void test_many(void)
{
	struct users *u;

	CHECK_EQ(users_new(slots, &u), 0);
	for (uint32_t uid = 1; uid <= 1000; uid++)
		CHECK(note(u, uid, 5));
	CHECK(knows(u, 1000, 5) && knows(u, 950, 5) && !knows(u, 1, 5));
	CHECK(note(u, 1, 5));
	CHECK(knows(u, 1, 5) && knows(u, 1000, 5));
	CHECK(users_free(u) == NULL);
}

/* The next server knows whom this one has met. */
static void test_next_server(void)
{
	struct users *u;

	CHECK_EQ(users_new(slots, &u), 0);
	CHECK(note(u, 2000, 7));
	CHECK(users_free(u) == NULL);
	CHECK_EQ(users_new(slots, &u), 0);
	CHECK(knows(u, 2000, 7) && !note(u, 2000, 7));
	CHECK(users_free(u) == NULL);
}

/* Of one in very many groups, some count. */
static void test_many_groups(void)
{
	uint32_t groups[1000];
	struct caller c = { .uid = 3000, .gid = 1 };
	struct users *u;

	for (uint32_t k = 0; k < ARRAY_SIZE(groups); k++)
		groups[k] = k + 1;
	CHECK_EQ(identity_init(&c.who, c.uid, groups, ARRAY_SIZE(groups)), 0);
	CHECK_EQ(users_new(slots, &u), 0);
	CHECK(users_note(u, &c) && !users_note(u, &c));
	CHECK(knows(u, 3000, 1) && knows(u, 3000, SHARED_USER_GROUPS) && !knows(u, 3000, 1000));
	CHECK(users_free(u) == NULL);
	caller_done(&c);
}

int main(void)
{
	test_groups();
	memset(slots, 0, sizeof(slots));
	test_many();
	test_next_server();
	test_many_groups();
	return check_result();
}
