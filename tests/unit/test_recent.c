/* SPDX-License-Identifier: MIT */
/* What was changed and not looked at yet: in which order, who waits, and what the next server knows of it. */
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "catalog/catalog.h"
#include "fs/virtual/recent.h"
#include "tests/unit/check.h"

#define TAGS "user.xdg.tags"
#define RATING "user.baloo.rating"

static struct shared_recent *left; /* what outlives a server */

static void commit(struct recent *r, uint64_t ino, uint32_t what)
{
	const struct catalog_event event = { .ino = ino, .what = what };

	recent_note(r, &event, 1);
}

static void change(struct recent *r, uint64_t ino, const char *attribute)
{
	recent_will_change(r, ino, attribute);
	commit(r, ino, EVENT_XATTR);
}

static void look(struct recent *r)
{
	recent_begin_look(r);
	recent_end_look(r);
}

static struct recent *begin(void)
{
	struct recent *r;

	CHECK_EQ(recent_new(left, &r), 0);
	return r;
}

static uint32_t order_of(struct recent *r, uint64_t ino)
{
	uint32_t order;

	CHECK(recent_order(r, ino, &order));
	return order;
}

static bool is_later(struct recent *r, uint64_t ino)
{
	uint32_t order;

	return !recent_order(r, ino, &order);
}

/* In the order of the changes that matter: who makes a file does not give it its tags yet. */
static void test_order(struct recent *r)
{
	commit(r, 10, EVENT_NAME);
	change(r, 11, TAGS);
	change(r, 10, TAGS);
	change(r, 12, TAGS);
	commit(r, 11, EVENT_CONTENT);
	commit(r, 13, EVENT_NAME);
	commit(r, 14, EVENT_GONE);
	recent_begin_look(r);
	CHECK(order_of(r, 11) < order_of(r, 10) && order_of(r, 10) < order_of(r, 12));
	CHECK(order_of(r, 12) < order_of(r, 13) && order_of(r, 13) < order_of(r, 14));
	CHECK_EQ(order_of(r, 99), 0);

	change(r, 13, TAGS);
	commit(r, 11, EVENT_CONTENT);
	change(r, 15, TAGS);
	commit(r, 16, EVENT_NAME);
	CHECK(is_later(r, 13) && is_later(r, 15) && is_later(r, 16) && !is_later(r, 11));
	recent_end_look(r);
	recent_begin_look(r);
	CHECK(order_of(r, 13) < order_of(r, 15) && order_of(r, 12) == 0);
	recent_end_look(r);
	look(r);
}

/* An attribute that was changed is unseen until a look that began afterwards has ended. */
static void test_unseen(struct recent *r)
{
	CHECK(!recent_is_unseen(r, 20, TAGS) && !recent_has_news(r));
	commit(r, 20, EVENT_CONTENT);
	CHECK(!recent_is_unseen(r, 20, NULL) && !recent_is_unseen(r, 0, NULL));
	change(r, 20, TAGS);
	CHECK(recent_is_unseen(r, 20, TAGS) && recent_is_unseen(r, 20, NULL) && recent_is_unseen(r, 0, NULL));
	CHECK(!recent_is_unseen(r, 20, RATING) && !recent_is_unseen(r, 21, TAGS) && recent_has_news(r));
	recent_begin_look(r);
	CHECK(recent_is_unseen(r, 20, TAGS) && !recent_has_news(r));
	change(r, 21, TAGS);
	recent_end_look(r);
	CHECK(!recent_is_unseen(r, 20, TAGS) && recent_is_unseen(r, 21, TAGS));
	look(r);
	CHECK(!recent_is_unseen(r, 21, TAGS) && !recent_is_unseen(r, 0, NULL));
}

/* Looks that began, or ended, while a request was at it have not seen what it changed. */
static void test_between(struct recent *r)
{
	recent_will_change(r, 30, TAGS);
	CHECK(!recent_is_unseen(r, 30, TAGS));
	recent_begin_look(r);
	commit(r, 30, EVENT_XATTR);
	recent_end_look(r);
	CHECK(recent_is_unseen(r, 30, TAGS) && !recent_is_unseen(r, 30, RATING));
	look(r);
	recent_will_change(r, 30, TAGS);
	look(r);
	commit(r, 30, EVENT_XATTR);
	CHECK(recent_is_unseen(r, 30, TAGS));
	look(r);
}

static void *look_later(void *recent)
{
	look(recent);
	return NULL;
}

static void test_waiting(struct recent *r)
{
	pthread_t thread;

	recent_await(r, 40, TAGS, 10000);
	change(r, 40, TAGS);
	recent_await(r, 40, TAGS, 1);
	CHECK(recent_is_unseen(r, 40, TAGS));
	CHECK_EQ(thread_start(&thread, "look", look_later, r), 0);
	recent_await(r, 40, TAGS, 10000);
	CHECK(!recent_is_unseen(r, 40, TAGS));
	(void) pthread_join(thread, NULL);
}

/* Without searches nothing is noted. */
static void test_not_followed(struct recent *r)
{
	change(r, 50, TAGS);
	recent_follow(r, false);
	CHECK(!recent_is_followed(r) && !recent_is_unseen(r, 50, TAGS));
	change(r, 50, TAGS);
	recent_follow(r, true);
	CHECK(recent_is_followed(r) && !recent_is_unseen(r, 50, TAGS));
}

/* The next server tells what this one has not looked at, in the order in which it came; what was committed and not noted
 * comes last. Until it has looked, everything may be unseen. */
static void test_next_server(struct recent *r)
{
	change(r, 60, TAGS);
	look(r);
	change(r, 62, TAGS);
	recent_begin_look(r);
	change(r, 61, TAGS);
	CHECK(recent_free(r) == NULL);
	r = begin();
	CHECK(recent_is_unseen(r, 99, TAGS) && recent_has_news(r));
	recent_begin_look(r);
	CHECK(order_of(r, 62) < order_of(r, 61) && order_of(r, 61) < order_of(r, 60) && order_of(r, 60) == order_of(r, 99));
	recent_end_look(r);
	CHECK(!recent_is_unseen(r, 99, TAGS) && !recent_has_news(r));
	CHECK(recent_free(r) == NULL);
	r = begin();
	recent_begin_look(r);
	CHECK(order_of(r, 62) == order_of(r, 99));
	recent_end_look(r);
	CHECK(recent_free(r) == NULL);
}

/* More than there is room for, and what a server that crashed may have written. */
static void test_many(void)
{
	struct recent *r = begin();

	look(r);
	for (uint64_t ino = 1; ino <= 3 * SHARED_RECENT; ino++)
		change(r, ino, TAGS);
	CHECK(recent_is_unseen(r, 1, TAGS) && !recent_is_unseen(r, 3 * SHARED_RECENT, TAGS));
	recent_begin_look(r);
	CHECK(order_of(r, 1) < order_of(r, 2));
	CHECK(recent_free(r) == NULL);
	r = begin();
	recent_begin_look(r);
	CHECK(order_of(r, 2 * SHARED_RECENT + 1) < order_of(r, 3 * SHARED_RECENT));
	CHECK(order_of(r, 1) > order_of(r, 3 * SHARED_RECENT));
	CHECK(recent_free(r) == NULL);
	memset(left, 0xff, sizeof(*left));
	r = begin();
	look(r);
	CHECK(recent_free(r) == NULL && recent_free(NULL) == NULL);
}

int main(void)
{
	struct recent *r;

	left = calloc(1, sizeof(*left));
	CHECK(left != NULL);
	r = begin();
	look(r);
	test_order(r);
	test_unseen(r);
	test_between(r);
	test_waiting(r);
	test_not_followed(r);
	test_next_server(r);
	test_many();
	free(left);
	return check_result();
}
