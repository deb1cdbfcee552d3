/* SPDX-License-Identifier: MIT */
/* Announcements of entries: what the process that makes them is answered, what others are, their order, their
 * time, the end, and another server. */
#include <stdatomic.h>

#include "base/clock.h"
#include "catalog/packed_set.h"
#include "catalog/saved.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/virtual.h"
#include "tests/unit/kernel_box.h"

#define ANNOUNCER 4711
#define SAVED UINT64_C(0x7000000000000123) /* no inode of the volume */
#define MANY 20000u

/* What was announced; the thread that announces writes it, `lock` guards it. */
static struct heard {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t folder; /* that requests are for; 0: none are made */
	unsigned begun, n;
	bool held;       /* who announces waits */
	int error;       /* that it ends with */
	uint64_t told_by; /* the request that had the kernel tell inotify */
	char first[100], last[100];
	uint64_t last_ms;
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static uint64_t next_request = 1000;
static atomic_int announcer_pid; /* 0: it does not run */

static int ask_in(uint32_t opcode, const char *name)
{
	next_request += 2;
	return ask(opcode, next_request, heard.folder, NULL, 0, name, strlen(name) + 1);
}

static int link_as(uint64_t unique, uint64_t folder, const char *name, const char *target)
{
	char names[200];
	int len = snprintf(names, sizeof(names), "%s%c%s", name, 0, target) + 1;

	return ask(FUSE_SYMLINK, unique, folder, NULL, 0, names, (size_t)len);
}

static int link_in(const char *name, const char *target)
{
	next_request += 2;
	return link_as(next_request, heard.folder, name, target);
}

/* What the kernel asks for a process that makes or removes a symlink. Other processes, among them those of
 * which no number is known here, see what is true: nothing. */
static void ask_as_announcer(bool came, const char *name)
{
	for (unsigned i = 0; i < 3; i++) {
		asking_pid = i == 0 ? ANNOUNCER + 1 : 0;
		announcer_pid = i == 2 ? 0 : ANNOUNCER;
		CHECK_EQ(ask_in(FUSE_LOOKUP, name), 0);
		CHECK_EQ(answer.entry.nodeid, 0);
		CHECK_EQ(link_in(name, FS_ANNOUNCED), -EEXIST);
		CHECK_EQ(ask_in(FUSE_UNLINK, name), -ENOENT);
	}
	announcer_pid = ANNOUNCER;
	asking_pid = ANNOUNCER;
	CHECK_EQ(ask_in(FUSE_LOOKUP, "another"), 0);
	CHECK_EQ(answer.entry.nodeid, 0);
	CHECK_EQ(link_in("another", FS_ANNOUNCED), -EEXIST);
	CHECK_EQ(ask_in(FUSE_LOOKUP, name), came ? -ENOENT : 0);
	CHECK_EQ(came ? link_in(name, FS_ANNOUNCED) : ask_in(FUSE_UNLINK, name), 0);
	CHECK(!came || S_ISLNK(answer.entry.attr.mode));
	heard.told_by = next_request;
	CHECK_EQ(came ? link_in(name, FS_ANNOUNCED) : ask_in(FUSE_UNLINK, name), came ? -EEXIST : -ENOENT); /* once */
	asking_pid = 0;
}

static int announce(void *context, bool came, const char *path)
{
	int error;

	if (heard.folder)
		ask_as_announcer(came, strrchr(path, '/') + 1);
	(void) pthread_mutex_lock(&heard.lock);
	heard.begun++;
	(void) pthread_cond_broadcast(&heard.wake);
	while (heard.held)
		(void) pthread_cond_wait(&heard.wake, &heard.lock);
	(void) snprintf(heard.last, sizeof(heard.last), "%c%s", came ? '+' : '-', path);
	if (heard.n++ == 0)
		memcpy(heard.first, heard.last, sizeof(heard.first));
	heard.last_ms = clock_mono_ms();
	(void) pthread_cond_broadcast(&heard.wake);
	error = heard.error;
	(void) pthread_mutex_unlock(&heard.lock);
	return error;
}

static int announcer(void *context)
{
	return announcer_pid;
}

static void hear(uint64_t folder, bool held)
{
	(void) pthread_mutex_lock(&heard.lock);
	heard.folder = folder;
	heard.begun = heard.n = 0;
	heard.held = held;
	(void) pthread_mutex_unlock(&heard.lock);
}

static void set_error(int error)
{
	(void) pthread_mutex_lock(&heard.lock);
	heard.error = error;
	(void) pthread_mutex_unlock(&heard.lock);
}

static void let_go(void)
{
	(void) pthread_mutex_lock(&heard.lock);
	heard.held = false;
	(void) pthread_cond_broadcast(&heard.wake);
	(void) pthread_mutex_unlock(&heard.lock);
}

static void wait_until(const unsigned *count, unsigned n)
{
	struct timespec until;

	(void) clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	(void) pthread_mutex_lock(&heard.lock);
	while (*count < n)
		if (pthread_cond_timedwait(&heard.wake, &heard.lock, &until) == ETIMEDOUT)
			break;
	CHECK_EQ(*count, n);
	(void) pthread_mutex_unlock(&heard.lock);
}

static void wait_for(unsigned n)
{
	wait_until(&heard.n, n);
}

static void is_last(const char *wanted)
{
	CHECK_MEM(heard.last, strlen(heard.last), wanted, strlen(wanted));
}

static void prepare(struct announcing *a, bool came, uint64_t dir, const char *folder, const char *name, uint64_t ino)
{
	announcing_prepare(a, &(struct found_change){ .came = came, .search = 1, .ino = ino, .dir = dir, .folder = folder,
						      .name = name });
}

static void tell(struct announcing *a, bool came, uint64_t dir, const char *folder, const char *name)
{
	prepare(a, came, dir, folder, name, 0);
	announcing_settle(a, true);
}

/* ---- tests */

static void test_requests(struct announcing *a)
{
	CHECK_EQ(make_folder(10, "folder"), 0);
	hear(answer.entry.nodeid, false);
	tell(a, true, heard.folder, "folder", "reef.txt");
	wait_for(1);
	is_last("+/mnt/folder/reef.txt");
	tell(a, false, heard.folder, "folder", "reef.txt");
	wait_for(2);
	is_last("-/mnt/folder/reef.txt");
}

/* What is still in its folder is announced when whoever moved it has had the time to forget it, and what
 * comes after it then. */
static void test_settling(struct announcing *a, uint64_t folder)
{
	uint64_t now_ms = clock_mono_ms();

	hear(0, false);
	announcing_add_in(a, folder, "reef.txt");
	wait_for(1);
	is_last("+/mnt/folder/reef.txt");
	CHECK(heard.last_ms >= now_ms + 100);

	announcing_add_in(a, ROOT_INO, "top.txt");
	tell(a, false, SAVED, ".find/saved/reefs", "top.txt");
	wait_for(3);
	is_last("-/mnt/.find/saved/reefs/top.txt");
	announcing_add_in(a, SAVED, "nowhere"); /* has no path */
	tell(a, true, ROOT_INO, "", "top.txt");
	wait_for(4);
	is_last("+/mnt/top.txt");
}

/* They wait in their order for the one under way. */
static void test_many(struct announcing *a)
{
	char name[16];

	hear(0, true);
	tell(a, true, SAVED, "many", "first");
	wait_until(&heard.begun, 1);
	for (unsigned i = 0; i < MANY; i++) {
		(void) snprintf(name, sizeof(name), "%u", i);
		tell(a, true, SAVED, "many", name);
	}
	let_go();
	wait_for(1 + MANY);
	CHECK(strcmp(heard.first, "+/mnt/many/first") == 0);
	is_last("+/mnt/many/19999");
}

/* What was not committed is not told. */
static void test_drafts(struct announcing *a)
{
	hear(0, false);
	prepare(a, true, SAVED, "drafts", "in vain", 1);
	announcing_settle(a, false);
	prepare(a, true, SAVED, "drafts", "one", 1);
	prepare(a, true, SAVED, "drafts", "two", 2);
	CHECK_EQ(heard.begun, 0);
	announcing_settle(a, true);
	wait_for(2);
	CHECK(strcmp(heard.first, "+/mnt/drafts/one") == 0);
	is_last("+/mnt/drafts/two");
}

/* An announcer that breaks is tried again, and not for ever. */
static void test_broken(struct announcing *a)
{
	hear(0, false);
	set_error(-EPIPE);
	tell(a, true, SAVED, "broken", "reef.txt");
	wait_for(3);
	set_error(0);
	tell(a, true, SAVED, "broken", "after");
	wait_for(4);
	is_last("+/mnt/broken/after");
}

/* What waits when a server stops is the next one's; drafts are, if the search says so. */
static void test_next_server(struct announcing *a)
{
	const struct packed_change member = { .a = 11, .set = 1 };
	struct key members = saved_members(1);
	struct batch *b;

	hear(0, false);
	announcing_add_in(a, ROOT_INO, "waits");
	prepare(a, true, SAVED, "many", "committed", 11);
	prepare(a, true, SAVED, "many", "not committed", 12);
	prepare(a, false, SAVED, "many", "gone", 13);
	CHECK_EQ(catalog_begin(box.c, true, &b), 0);
	CHECK_EQ(packed_set_change(b, &members, &member, NULL), 1);
	CHECK_EQ(batch_commit(b, NULL), 0);
	announcing_stop(a);
	prepare(a, true, SAVED, "many", "late", 0);
	CHECK_EQ(heard.n, 0);
	restart();
	fs->config.announcer = announcer;
	fs->config.announce = announce;
	announcing_start(fs->virtual->announcing);
	wait_for(3);
	CHECK(strcmp(heard.first, "+/mnt/waits") == 0);
	is_last("-/mnt/many/gone");
}

/* A server that was killed before its reply was sent: the request comes again, from the announcer that it had. It tells,
 * once, of what was begun, and whoever announces that again finds that it is there. */
static void test_resent(uint64_t folder)
{
	uint64_t unique;

	hear(folder, false);
	tell(fs->virtual->announcing, true, folder, "folder", "told");
	wait_for(1);
	unique = heard.told_by | FUSE_UNIQUE_RESEND_BIT;
	announcing_stop(fs->virtual->announcing);
	restart();
	CHECK_EQ(link_as(unique, folder, "told", FS_ANNOUNCED), 0);
	CHECK(S_ISLNK(answer.entry.attr.mode));
	CHECK_EQ(link_as(unique + 2, folder, "told", FS_ANNOUNCED), -EEXIST);

	fs->config.announcer = announcer;
	fs->config.announce = announce;
	hear(0, false);
	announcing_add_in(fs->virtual->announcing, folder, "begun");
	announcing_stop(fs->virtual->announcing);
	restart();
	CHECK_EQ(link_as(unique + 4, folder, "other", FS_ANNOUNCED), -EEXIST);
	CHECK_EQ(link_as(unique + 4, folder, "begun", FS_ANNOUNCED), 0);
	CHECK_EQ(link_as(unique + 4, folder, "begun", FS_ANNOUNCED), 0);
	CHECK_EQ(link_as(unique + 6, folder, "begun", FS_ANNOUNCED), -EEXIST);
	CHECK_EQ(heard.n, 0);
}

int main(void)
{
	uint64_t folder;

	files_box_make(&box);
	mount_it(0);
	fs->config.announcer = announcer;
	tell(fs->virtual->announcing, true, SAVED, "folder", "nobody announces");
	fs->config.announce = announce;
	test_requests(fs->virtual->announcing);
	folder = heard.folder;
	test_settling(fs->virtual->announcing, folder);
	test_many(fs->virtual->announcing);
	test_drafts(fs->virtual->announcing);
	test_broken(fs->virtual->announcing);
	test_next_server(fs->virtual->announcing);
	test_resent(folder);
	unmount_it();
	files_box_free(&box);
	return check_result();
}
