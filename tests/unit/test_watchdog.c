/* SPDX-License-Identifier: MIT */
#include "daemon/watchdog.h"

#include <signal.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <pthread.h>
#include <unistd.h>

#include "fs/shared.h"
#include "tests/unit/check.h"

#define NOBODY 65534

static struct shared *table;
static struct watchdog dog;
static int requests[2];

static pid_t start(void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	watchdog_reset(&dog);
	CHECK(watchdog_watches(&dog));
	(void) usleep(20000);
	return pid;
}

static void end(pid_t pid)
{
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
}

static void sleep_on_lock(void)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	(void) pthread_mutex_lock(&lock);
	(void) pthread_mutex_lock(&lock);
}

/* As the server of an ordinary user: its memory is nobody's business. */
static void sleep_unseen(void)
{
	if (getuid() == 0)
		CHECK_EQ(setuid(NOBODY), 0);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	sleep_on_lock();
}

static void work(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

/* How many looks it takes; 0: it is not found to hang in many. */
static unsigned looks(pid_t pid)
{
	for (unsigned i = 1; i < 3 * WATCHDOG_LOOKS; i++)
		if (watchdog_look(&dog, pid, requests[0], true))
			return i;
	return 0;
}

/* The first look may only learn how far it has come. */
static void test_stopped(void)
{
	pid_t pid = start(work);
	unsigned n;

	(void) kill(pid, SIGSTOP);
	(void) usleep(20000);
	CHECK_EQ(looks(pid), 0);
	CHECK(!watchdog_watches(&dog)); /* nothing waits: it may sleep */
	watchdog_wake(&dog);
	(void) running_begin(table, 2, 1);
	n = looks(pid);
	CHECK(n == WATCHDOG_LOOKS || n == WATCHDOG_LOOKS + 1);
	CHECK(dog.hung);
	running_end(table, 2);
	end(pid);
}

static void test_deadlock(void)
{
	pid_t pid = start(sleep_on_lock);

	(void) running_begin(table, 2, 1);
	CHECK_EQ(looks(pid), WATCHDOG_LOOKS);
	running_end(table, 2);
	end(pid);
}

static void test_deadlock_of_user(void)
{
	bool root = getuid() == 0;
	pid_t pid;

	pid = start(sleep_unseen);
	(void) running_begin(table, 2, 1);
	if (root)
		CHECK_EQ(seteuid(NOBODY), 0);
	CHECK_EQ(looks(pid), WATCHDOG_LOOKS);
	watchdog_reset(&dog);
	dog.shallow = true; /* it could be at its disk */
	CHECK_EQ(looks(pid), 0);
	dog.shallow = false;
	if (root)
		CHECK_EQ(seteuid(0), 0);
	running_end(table, 2);
	end(pid);
}

static void test_busy(void)
{
	pid_t pid = start(work);

	(void) running_begin(table, 2, 1);
	CHECK_EQ(looks(pid), 0);
	running_end(table, 2);
	end(pid);
}

/* Answers come, one between two looks. */
static void test_progress(void)
{
	pid_t pid = start(sleep_on_lock);

	(void) running_begin(table, 2, 1);
	for (unsigned i = 0; i < 3 * WATCHDOG_LOOKS; i++) {
		table->header.answered++;
		CHECK(!watchdog_look(&dog, pid, requests[0], true));
	}
	running_end(table, 2);
	end(pid);
}

/* Requests that nobody reads, and a server that does not even begin to serve. */
static void test_unread(void)
{
	pid_t pid = start(sleep_on_lock);

	CHECK_EQ(looks(pid), 0);
	CHECK_EQ(write(requests[1], "r", 1), 1);
	CHECK(looks(pid) > 0);
	CHECK_EQ(read(requests[0], &(char){ 0 }, 1), 1);
	watchdog_reset(&dog);
	for (unsigned i = 0; i < 2 * WATCHDOG_LOOKS && !dog.hung; i++)
		(void) watchdog_look(&dog, pid, -1, false);
	CHECK(dog.hung);
	end(pid);
}

int main(void)
{
	int fd = memfd_create("table", MFD_CLOEXEC), folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK_EQ(shared_map(fd, false, &table), 0);
	CHECK_EQ(watchdog_init(&dog, fd, folder), 0);
	CHECK_EQ(pipe(requests), 0);
	test_stopped();
	test_deadlock();
	test_deadlock_of_user();
	test_busy();
	test_progress();
	test_unread();
	watchdog_done(&dog);
	table = shared_unmap(table);
	(void) close(fd);
	return check_result();
}
