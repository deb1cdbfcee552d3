/* SPDX-License-Identifier: MIT */
#include "index/extract/launcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define HELLO_MS   20000
#define RESTART_MS 1000 /* between starts */
#define PASSED_MAX 3

struct launcher {
	char *path; /* owned */
	pthread_mutex_t lock;
	int control;         /* guarded by lock; -1: not running */
	pid_t pid;           /* guarded by lock */
	uint64_t next_id;    /* guarded by lock */
	uint64_t started_ms; /* guarded by lock */
	int missing;         /* guarded by lock; -1: not yet known */
};

/* The lock is held. */
static void end_program(struct launcher *l)
{
	if (l->control < 0)
		return;
	(void) close(l->control);
	(void) kill(l->pid, SIGKILL); /* its children die with it */
	while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
		;
	l->control = -1;
}

static int spawn(const char *path, int socket, pid_t *ret_pid)
{
	char *const argv[] = { (char *)"brainy-extract", NULL };
	char *const envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	(void) sigemptyset(&none);
	(void) sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void) posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	(void) posix_spawnattr_setsigmask(&attributes, &none);
	(void) posix_spawnattr_setsigdefault(&attributes, &all);
	(void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_adddup2(&actions, socket, EXTRACT_CONTROL_FD);
	if (r == 0)
		r = posix_spawn(ret_pid, path, &actions, &attributes, argv, envp);
	(void) posix_spawnattr_destroy(&attributes);
	(void) posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* The lock is held. */
static int start_program(struct launcher *l)
{
	int sockets[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	r = spawn(l->path, sockets[1], &l->pid);
	(void) close(sockets[1]);
	if (r < 0) {
		(void) close(sockets[0]);
		return r;
	}
	l->control = sockets[0];
	l->started_ms = clock_mono_ms();
	return 0;
}

/* The lock is held. A program that dies at once is not started in a loop. */
static int restart_program(struct launcher *l)
{
	if (l->control >= 0 && clock_mono_ms() - l->started_ms < RESTART_MS)
		return -EIO;
	end_program(l);
	return start_program(l);
}

int launcher_new(const char *path, struct launcher **ret_l)
{
	struct launcher *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	(void) pthread_mutex_init(&l->lock, NULL);
	l->control = l->missing = -1;
	l->path = strdup(path);
	r = l->path ? start_program(l) : -ENOMEM;
	if (r < 0) {
		(void) launcher_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

struct launcher *launcher_free(struct launcher *l)
{
	if (!l)
		return NULL;
	end_program(l);
	(void) pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
	return NULL;
}

int launcher_missing(struct launcher *l)
{
	LOCKED(&l->lock);
	struct pollfd p = { .fd = l->control, .events = POLLIN };
	struct extract_hello hello;

	if (l->missing >= 0)
		return l->missing;
	if (poll(&p, 1, HELLO_MS) <= 0)
		return -ETIMEDOUT;
	if (recv(l->control, &hello, sizeof(hello), 0) != sizeof(hello))
		return -EPIPE;
	if (hello.version != EXTRACT_VERSION)
		return -EPROTO;
	l->missing = (int)hello.missing;
	return l->missing;
}

static int send_packet(int control, const struct extract_request *q, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} passed = { 0 };
	struct iovec io = { (void *)q, sizeof(*q) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	if (n > 0) {
		passed.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		passed.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&passed.align), fds, n * sizeof(int));
		m.msg_control = &passed;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	return sendmsg(control, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int launcher_request(struct launcher *l, struct extract_request *q, const int *fds, unsigned n)
{
	LOCKED(&l->lock);
	int r;

	q->id = ++l->next_id;
	r = l->control < 0 ? -EPIPE : send_packet(l->control, q, fds, n);
	if (r >= 0)
		return 0;
	r = restart_program(l);
	return r < 0 ? r : send_packet(l->control, q, fds, n);
}

void launcher_kill(struct launcher *l, uint64_t id)
{
	LOCKED(&l->lock);
	struct extract_request q = { .verb = EXTRACT_KILL, .id = id };

	if (l->control >= 0)
		(void) send_packet(l->control, &q, NULL, 0);
}
