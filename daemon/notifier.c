/* SPDX-License-Identifier: MIT */
#include "daemon/notifier.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/cli.h"
#include "daemon/side_process.h"

#define WAIT_MS 100
#define MESSAGE_MAX 512

struct notifier {
	int fuse_fd;          /* borrowed */
	pthread_mutex_t lock; /* rank 60 */
	int socket;           /* owned; guarded by lock, as below; -1: it does not run */
	pid_t pid;
};

struct notifier *notifier_new(int fuse_fd)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	*n = (struct notifier){ .fuse_fd = fuse_fd, .lock = PTHREAD_MUTEX_INITIALIZER, .socket = -1 };
	return n;
}

static int start(struct notifier *n)
{
	return side_process_start(command_notify.name, n->fuse_fd, &n->socket, &n->pid);
}

static void let_go(struct notifier *n)
{
	closep(&n->socket);
	n->socket = -1;
	(void) waitpid(n->pid, NULL, WNOHANG);
}

static int send_now(struct notifier *n, const void *message, size_t len)
{
	LOCKED(&n->lock);
	int r = n->socket < 0 ? start(n) : 0;

	if (r < 0 || send(n->socket, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return r;
	r = -errno;
	if (r != -EAGAIN)
		let_go(n);
	return r;
}

static int socket_of(struct notifier *n)
{
	LOCKED(&n->lock);

	return n->socket;
}

/* Without the lock: at worst another descriptor has that number by then. */
static void wait_for_room(struct notifier *n)
{
	struct pollfd p = { .fd = socket_of(n), .events = POLLOUT };

	(void) poll(&p, 1, WAIT_MS);
}

int notifier_tell(struct notifier *n, const void *message, size_t len, bool may_wait)
{
	int r = send_now(n, message, len);

	if (r == -EPIPE)
		r = send_now(n, message, len);
	if (r != -EAGAIN || !may_wait)
		return r;
	wait_for_room(n);
	return send_now(n, message, len);
}

/* ---- the process */

struct told {
	size_t len; /* 0: none */
	char message[MESSAGE_MAX];
};

/* -ENOENT: the kernel does not know it. */
static void tell(int fuse_fd, const struct told *t)
{
	if (t->len)
		(void) !write(fuse_fd, t->message, t->len);
}

static int notify_main(int argc, char **argv)
{
	static struct told latest[NOTIFIER_REPEATED];
	int from = side_process_number(argc, argv, 1), fuse_fd = side_process_number(argc, argv, 2);
	unsigned k = 0;
	ssize_t n;

	(void) prctl(PR_SET_NAME, "brainy-notify");
	if (fuse_fd <= 2)
		return cli_usage(&command_notify, "is started by the server, not by hand");
	while ((n = recv(from, latest[k].message, MESSAGE_MAX, 0)) > 0) {
		latest[k].len = (size_t)n;
		tell(fuse_fd, &latest[k]);
		k = (k + 1) % NOTIFIER_REPEATED;
	}
	for (unsigned i = 0; i < NOTIFIER_REPEATED; i++)
		tell(fuse_fd, &latest[i]);
	return CLI_OK;
}

const struct command command_notify = { "notify", notify_main, "FD FD", NULL, NULL };
