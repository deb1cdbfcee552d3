/* SPDX-License-Identifier: MIT */
/* The log of what inotify is to be told: its order, its drafts, and what a killed server leaves at any moment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/virtual/announcements.h"
#include "tests/unit/check.h"

static struct shared_announcements *s;

static int add(const char *path, uint64_t ino, bool draft)
{
	const char *slash = strrchr(path, '/');
	const struct announcement a = { .came = true, .dir = 7, .search = 3, .ino = ino, .path = path,
					.name = slash ? slash + 1 : path };

	return announcements_add(s, &a, draft);
}

static bool first_is(const char *path)
{
	struct announcement a;

	return announcements_first(s, &a) && strcmp(a.path, path) == 0 && strcmp(a.name, strrchr(path, '/') + 1) == 0;
}

static bool is_empty(void)
{
	struct announcement a;

	return !announcements_first(s, &a);
}

/* Of drafts, those of even files. */
static bool is_even(void *context, const struct announcement *a)
{
	CHECK(a->came && a->dir == 7 && a->search == 3);
	return a->ino % 2 == 0;
}

static void recover(void)
{
	announcements_recover(s, is_even, NULL);
}

static void test_order(void)
{
	CHECK(is_empty());
	CHECK_EQ(add("/mnt/a", 0, false), 0);
	CHECK_EQ(add("/mnt/folder/b", 0, false), 0);
	CHECK(first_is("/mnt/a"));
	announcements_remove(s);
	CHECK_EQ(add("/mnt/c", 0, false), 0);
	CHECK(first_is("/mnt/folder/b"));
	announcements_remove(s);
	CHECK(first_is("/mnt/c"));
	announcements_remove(s);
	announcements_remove(s);
	CHECK(is_empty());
}

/* Nothing behind a draft is told before it. */
static void test_drafts(void)
{
	CHECK_EQ(add("/mnt/a", 1, true), 0);
	CHECK_EQ(add("/mnt/b", 0, false), 0);
	CHECK(is_empty());
	announcements_settle(s, true);
	CHECK(first_is("/mnt/a"));
	CHECK_EQ(add("/mnt/c", 1, true), 0);
	CHECK_EQ(add("/mnt/d", 0, false), 0);
	announcements_settle(s, false);
	CHECK(first_is("/mnt/a"));
	announcements_remove(s);
	CHECK(first_is("/mnt/b"));
	announcements_remove(s);
	CHECK(first_is("/mnt/d"));
	announcements_remove(s);
	CHECK(is_empty());
}

/* A server that is killed leaves drafts; what they tell of was committed or not. */
static void test_left_drafts(void)
{
	CHECK_EQ(add("/mnt/settled", 1, false), 0);
	CHECK_EQ(add("/mnt/odd", 1, true), 0);
	CHECK_EQ(add("/mnt/even", 2, true), 0);
	recover();
	CHECK(first_is("/mnt/settled"));
	announcements_remove(s);
	CHECK(first_is("/mnt/even"));
	announcements_remove(s);
	CHECK(is_empty());
}

/* The request that told is known, also by the next server, and also when the one after it is first. */
static void test_told(void)
{
	CHECK_EQ(add("/mnt/a", 0, false), 0);
	CHECK_EQ(add("/mnt/b", 0, false), 0);
	CHECK(!announcements_is_told(s) && !announcements_was_told_by(s, 40));
	announcements_tell(s, 40);
	CHECK(announcements_is_told(s) && announcements_was_told_by(s, 40));
	recover();
	CHECK(first_is("/mnt/a") && announcements_is_told(s) && announcements_was_told_by(s, 40));
	announcements_remove(s);
	CHECK(first_is("/mnt/b") && !announcements_is_told(s));
	CHECK(announcements_was_told_by(s, 40) && !announcements_was_told_by(s, 42));
	announcements_remove(s);
	CHECK(is_empty() && announcements_was_told_by(s, 40));
}

/* As it is between two steps of beginning anew. */
static void test_killed_between(void)
{
	CHECK_EQ(add("/mnt/a", 0, false), 0);
	s->first = s->end;
	CHECK(is_empty());
	s->end = 0;
	CHECK(is_empty());
	recover();
	CHECK(s->first == 0 && s->end == 0 && is_empty());
	CHECK_EQ(add("/mnt/b", 0, false), 0);
	CHECK(first_is("/mnt/b"));
	announcements_remove(s);
}

/* It is filled, and gives the memory back. */
static void test_many(void)
{
	unsigned char resident[sizeof(s->records) / 4096];
	char path[64];
	unsigned n = 0, pages = 0;

	do
		(void) snprintf(path, sizeof(path), "/mnt/.find/saved/many/%06u", n);
	while (add(path, 0, false) == 0 && ++n);
	CHECK(n > 100000);
	CHECK_EQ(add(path, 0, false), -ENOBUFS);
	for (unsigned k = 0; k < n; k++) {
		(void) snprintf(path, sizeof(path), "/mnt/.find/saved/many/%06u", k);
		CHECK(first_is(path));
		announcements_remove(s);
	}
	CHECK(is_empty());
	CHECK_EQ(mincore(s->records, sizeof(s->records), resident), 0);
	for (unsigned k = 0; k < sizeof(resident); k++)
		pages += resident[k] & 1;
	CHECK(pages <= 64);
}

/* A server that crashed wrote where it should not. */
static void test_damage(void)
{
	uint64_t second;

	CHECK_EQ(add("/mnt/a", 0, false), 0);
	second = s->end;
	CHECK_EQ(add("/mnt/b", 0, false), 0);
	for (unsigned at = 0; at < s->end - second; at++) {
		uint8_t was = s->records[second + at];

		s->records[second + at] = 0xff;
		recover();
		CHECK(first_is("/mnt/a"));
		s->end = second + (second - s->first);
		s->records[second + at] = was;
	}
	memset(s->records + second, 0, s->end - second);
	recover();
	CHECK(first_is("/mnt/a"));
	announcements_remove(s);
	CHECK(is_empty());
	s->end = UINT64_MAX;
	recover();
	CHECK(is_empty());
}

int main(void)
{
	int fd = memfd_create("announcements", MFD_CLOEXEC);

	CHECK(fd >= 0 && ftruncate(fd, sizeof(*s)) == 0);
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(s != MAP_FAILED);
	test_order();
	test_drafts();
	test_left_drafts();
	test_told();
	test_killed_between();
	test_many();
	test_damage();
	(void) munmap(s, sizeof(*s));
	(void) close(fd);
	return check_result();
}
