/* SPDX-License-Identifier: MIT */
#include "daemon/announcer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/cli.h"
#include "daemon/side_process.h"
#include "fs/fs.h"

#define ANSWER_MS 2000
#define CAME '+'
#define WENT '-'

struct announcer {
	_Atomic pid_t pid;
	int socket; /* owned; -1: it does not run */
	bool owes;  /* an answer */
};

struct announcer *announcer_new(void)
{
	struct announcer *a = calloc(1, sizeof(*a));

	if (a)
		a->socket = -1;
	return a;
}

/* Its end of the socket is closed: it ends, unless it waits for the mount, which nobody waits for here. */
static void let_go(struct announcer *a)
{
	pid_t pid = atomic_exchange(&a->pid, 0);

	closep(&a->socket);
	a->socket = -1;
	a->owes = false;
	if (pid > 0) {
		(void) kill(pid, SIGKILL);
		(void) waitpid(pid, NULL, WNOHANG);
	}
}

struct announcer *announcer_free(struct announcer *a)
{
	if (a)
		let_go(a);
	free(a);
	return NULL;
}

pid_t announcer_pid(struct announcer *a)
{
	return a ? atomic_load(&a->pid) : 0;
}

static int start(struct announcer *a)
{
	pid_t pid;
	int r = side_process_start(command_announce.name, NULL, 0, &a->socket, &pid);

	if (r == 0)
		atomic_store(&a->pid, pid);
	return r;
}

static int wait_for_answer(struct announcer *a)
{
	struct pollfd p = { .fd = a->socket, .events = POLLIN };
	char answer;
	int n;

	do
		n = poll(&p, 1, ANSWER_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	a->owes = false;
	return recv(a->socket, &answer, 1, 0) == 1 ? 0 : -EPIPE;
}

static int send_and_wait(struct announcer *a, const char *packet, size_t len)
{
	if (!a->owes && send(a->socket, packet, len, MSG_NOSIGNAL) < 0)
		return -errno;
	a->owes = true;
	return wait_for_answer(a);
}

int announcer_tell(struct announcer *a, bool came, const char *path)
{
	char packet[PATH_MAX + 2];
	int n = snprintf(packet, sizeof(packet), "%c%s", came ? CAME : WENT, path);
	int r = n < (int)sizeof(packet) ? 0 : -ENAMETOOLONG;

	if (r == 0 && a->socket < 0)
		r = start(a);
	if (r == 0)
		r = send_and_wait(a, packet, (size_t)n + 1);
	if (r < 0 && r != -ENAMETOOLONG && r != -ETIMEDOUT)
		let_go(a);
	return r;
}

/* ---- the process */

static int announce_main(int argc, char **argv)
{
	char packet[PATH_MAX + 2];
	int fd = side_process_number(argc, argv, 1);
	ssize_t n;

	(void) prctl(PR_SET_NAME, FS_ANNOUNCER);
	while (fd > 2 && (n = recv(fd, packet, sizeof(packet) - 1, 0)) > 1) {
		packet[n] = 0;
		if (packet[0] == CAME)
			(void) symlink(FS_ANNOUNCED, packet + 1);
		else
			(void) unlink(packet + 1);
		if (send(fd, packet, 1, MSG_NOSIGNAL) < 0)
			break;
	}
	return CLI_OK;
}

const struct command command_announce = { "announce", announce_main, "FD", NULL, NULL };
