/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/handles.h"
#include "tests/unit/check.h"

struct table {
	int fd;
	struct shared *shared;
	struct handles *handles;
};

static void begin(struct table *t, bool resumed)
{
	CHECK_EQ(shared_map(t->fd, resumed, &t->shared), 0);
	CHECK_EQ(handles_new(t->shared, &t->handles), 0);
}

/* As a killed server leaves it: the memfd stays. */
static void end(struct table *t)
{
	t->handles = handles_free(t->handles);
	t->shared = shared_unmap(t->shared);
}

static uint64_t add(struct table *t, uint64_t unique, uint64_t ino, uint32_t flags)
{
	uint64_t fh = UINT64_MAX;

	CHECK_EQ(handles_add(t->handles, unique, ino, HANDLE_FILE, flags, &fh), 0);
	return fh;
}

static bool removed_last(struct table *t, uint64_t fh)
{
	struct handle was;
	bool last = false;

	CHECK_EQ(handles_remove(t->handles, fh, &was, &last), 0);
	CHECK_EQ(was.fh, fh);
	return last;
}

/* An earlier program has left less than this one has room for. */
static void test_grows(struct table *t)
{
	struct shared *s;

	end(t);
	CHECK_EQ(ftruncate(t->fd, offsetof(struct shared, users)), 0);
	begin(t, true);
	s = t->shared;
	CHECK(s->users[0].n_groups == 0 && s->announcements.end == 0 && s->recent.end == 0);
	end(t);
	CHECK_EQ(ftruncate(t->fd, offsetof(struct shared, users) - 1), 0);
	CHECK_EQ(shared_map(t->fd, true, &s), -EBADMSG);
	begin(t, false);
}

static void test_open_and_close(struct table *t)
{
	uint64_t a = add(t, 2, 100, HANDLE_NOATIME), b = add(t, 4, 100, 0), c = add(t, 6, 200, 0);
	struct handle h;
	bool last;

	CHECK_EQ(handles_get(t->handles, b, &h), 0);
	CHECK(h.ino == 100 && h.kind == HANDLE_FILE && h.flags == 0);
	CHECK(handles_is_open(t->handles, 100) && handles_is_open(t->handles, 200));
	CHECK(!handles_is_open(t->handles, 300));
	CHECK(!removed_last(t, a));
	CHECK_EQ(handles_remove(t->handles, a, &h, &last), -EBADF);
	CHECK(removed_last(t, b));
	CHECK(!handles_is_open(t->handles, 100));
	CHECK(removed_last(t, c));
}

/* A slot that is used again must not answer to its old number. */
static void test_generation(struct table *t)
{
	uint64_t a = add(t, 2, 100, 0), b;
	struct handle h;

	CHECK(removed_last(t, a));
	b = add(t, 4, 300, 0);
	CHECK_EQ((uint32_t)a, (uint32_t)b);
	CHECK(a != b);
	CHECK_EQ(handles_get(t->handles, a, &h), -EBADF);
	CHECK_EQ(handles_get(t->handles, b ^ 1ull << 31, &h), -EBADF);
	CHECK(removed_last(t, b));
}

static void test_writes(struct table *t)
{
	uint64_t a = add(t, 2, 100, HANDLE_NOATIME);

	CHECK(!handles_is_busy(t->handles, 100));
	CHECK_EQ(handles_wrote(t->handles, a, false), HANDLE_NOATIME | HANDLE_WROTE);
	CHECK(handles_is_busy(t->handles, 100));
	t->shared->slots[(uint32_t)a].wrote_s -= HANDLE_BUSY_S;
	CHECK(!handles_is_busy(t->handles, 100));
	CHECK(removed_last(t, a));
}

/* Also for the next server. */
static void test_emptied(struct table *t)
{
	uint64_t a = add(t, 2, 100, 0);
	struct handle h;

	handles_emptied(t->handles, a);
	end(t);
	begin(t, true);
	CHECK(handles_get(t->handles, a, &h) == 0 && h.flags == HANDLE_EMPTIED);
	CHECK_EQ(handles_wrote(t->handles, a, false), HANDLE_WROTE);
	handles_emptied(t->handles, a);
	CHECK(handles_get(t->handles, a, &h) == 0 && h.flags & HANDLE_EMPTIED);
	handles_emptied(t->handles, a ^ 1ull << 40); /* no such handle */
	CHECK(removed_last(t, a));
}

static void test_passed(struct table *t)
{
	uint64_t a = add(t, 2, 100, 0), b = add(t, 4, 100, HANDLE_ALONE), c = add(t, 6, 200, 0);

	(void) handles_wrote(t->handles, a, false);
	CHECK(!handles_is_passed(t->handles, 100));
	CHECK(handles_wrote(t->handles, b, false) & HANDLE_PASSED);
	(void) handles_wrote(t->handles, b, false);
	CHECK(handles_is_passed(t->handles, 100));
	CHECK(!handles_is_passed(t->handles, 200));
	(void) handles_wrote(t->handles, c, true);
	CHECK(handles_is_passed(t->handles, 200));
	end(t);
	begin(t, true);
	CHECK(handles_is_passed(t->handles, 100));
	CHECK(!removed_last(t, b));
	CHECK(!handles_is_passed(t->handles, 100));
	CHECK(handles_is_passed(t->handles, 200));
	CHECK(removed_last(t, c));
	CHECK(!handles_is_passed(t->handles, 200));
	CHECK(removed_last(t, a));
}

static void test_next_server(struct table *t)
{
	uint64_t a = add(t, 2, 100, HANDLE_NOATIME), b = add(t, 4, 200, 0), c = add(t, 6, 100, 0), d;
	struct handle h;

	CHECK(removed_last(t, b));
	(void) handles_wrote(t->handles, a, false);
	end(t);
	begin(t, true);
	CHECK_EQ(t->shared->header.servers, 2);
	CHECK(handles_is_open(t->handles, 100));
	CHECK(!handles_is_open(t->handles, 200));
	CHECK(handles_is_busy(t->handles, 100));
	CHECK_EQ(handles_find(t->handles, 6, &h), 0);
	CHECK(h.fh == c && h.ino == 100);
	CHECK_EQ(handles_find(t->handles, 4, &h), -ENOENT);
	d = add(t, 8, 300, 0);
	CHECK_EQ((uint32_t)d, (uint32_t)b);
	CHECK(!removed_last(t, c));
	CHECK(removed_last(t, a));
	CHECK(removed_last(t, d));
}

static void test_full(struct table *t)
{
	uint64_t fh, first = 0;

	for (uint32_t i = 0; i < HANDLE_TABLE_SLOTS; i++) {
		fh = add(t, i * 2 + 2, 1 + i % 1000, 0);
		first = i ? first : fh;
	}
	CHECK_EQ(handles_add(t->handles, 2, 5, HANDLE_FILE, 0, &fh), -ENFILE);
	CHECK(!removed_last(t, first));
	CHECK_EQ(handles_add(t->handles, 2, 5, HANDLE_FILE, 0, &fh), 0);
}

/* Counted is only what was executed when the server died. */
static void test_crashes(struct table *t)
{
	CHECK_EQ(running_begin(t->shared, 10, 16), 0);
	CHECK_EQ(running_begin(t->shared, 12, 1), 0);
	CHECK_EQ(running_begin(t->shared, 14, 3), 0);
	running_set_active(t->shared, 12, false);
	running_end(t->shared, 14);
	running_recover(t->shared, true);
	CHECK_EQ(running_begin(t->shared, 10, 16), 1);
	CHECK_EQ(running_begin(t->shared, 12, 1), 0);
	CHECK_EQ(running_begin(t->shared, 14, 3), 0);
	running_recover(t->shared, true);
	CHECK_EQ(running_begin(t->shared, 10, 16), 2);
	CHECK_EQ(running_begin(t->shared, 12, 1), 1);
	running_recover(t->shared, false); /* killed by hand: that is nobody's fault */
	CHECK_EQ(running_begin(t->shared, 10, 16), 2);
	CHECK_EQ(running_count(t->shared), 1);
	running_end(t->shared, 10);
	CHECK_EQ(running_count(t->shared), 0);
	CHECK_EQ(running_begin(t->shared, 10, 16), 0);
}

static void test_running_full(struct table *t)
{
	for (uint64_t i = 1; i < 4 * RUNNING_SLOTS; i++)
		CHECK_EQ(running_begin(t->shared, i * 2, 1), 0);
	for (uint64_t i = 1; i < 4 * RUNNING_SLOTS; i++)
		running_end(t->shared, i * 2);
	for (unsigned i = 0; i < RUNNING_SLOTS; i++)
		CHECK_EQ(t->shared->running[i].unique, 0);
}

static void test_strange_table(void)
{
	_cleanup_close_ int fd = memfd_create("strange", MFD_CLOEXEC);
	struct shared *s;

	CHECK_EQ(shared_map(fd, true, &s), -EBADMSG);
	CHECK_EQ(ftruncate(fd, sizeof(struct shared)), 0);
	CHECK_EQ(shared_map(fd, true, &s), -EBADMSG);
}

int main(void)
{
	static void (*const tests[])(struct table *t) = { test_open_and_close, test_generation, test_writes,
							  test_passed,         test_next_server, test_full,
							  test_crashes,        test_running_full, test_emptied,
							  test_grows };

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		struct table t = { .fd = memfd_create("handles", MFD_CLOEXEC) };

		begin(&t, false);
		tests[i](&t);
		end(&t);
		(void) close(t.fd);
	}
	test_strange_table();
	return check_result();
}
