/* SPDX-License-Identifier: MIT */
/* A process of the notifier (notifier.h). */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "daemon/cli.h"
#include "daemon/notifier.h"
#include "daemon/side_process.h"
#include "fs/farewell.h"

struct told {
	size_t len; /* 0: none */
	char message[NOTIFIER_MESSAGE_MAX];
};

struct notify {
	int server, keeper, fuse_fd;
	struct told latest[NOTIFIER_REPEATED];
};

static bool has_ended(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, timeout_ms) < 0)
		;
	return p.revents;
}

/* Without a keeper no server comes, for whose answer the main thread may be waiting. */
static void *watch(void *context)
{
	const struct notify *n = context;

	(void) has_ended(n->server, POLLRDHUP, -1);
	(void) has_ended(n->keeper, POLLIN, -1);
	(void) farewell(n->fuse_fd);
	return NULL;
}

/* -ENOENT: the kernel does not know it. */
static void tell(const struct notify *n, const struct told *t)
{
	if (t->len)
		(void) !write(n->fuse_fd, t->message, t->len);
}

static void serve(struct notify *n)
{
	unsigned k = 0;
	ssize_t len;

	while ((len = recv(n->server, n->latest[k].message, NOTIFIER_MESSAGE_MAX, 0)) > 0) {
		n->latest[k].len = (size_t)len;
		tell(n, &n->latest[k]);
		(void) send(n->server, "", 1, MSG_NOSIGNAL); /* for who waits */
		k = (k + 1) % NOTIFIER_REPEATED;
	}
	for (unsigned i = 0; i < NOTIFIER_REPEATED && !has_ended(n->keeper, POLLIN, 0); i++)
		tell(n, &n->latest[i]);
}

static int notify_main(int argc, char **argv)
{
	static struct notify n;
	pthread_t watcher;
	int r;

	(void) prctl(PR_SET_NAME, "brainy-notify");
	n.server = side_process_number(argc, argv, 1);
	n.fuse_fd = side_process_number(argc, argv, 2);
	n.keeper = side_process_number(argc, argv, 3);
	if (n.keeper < 0)
		return cli_usage(&command_notify, "is started by the server, not by hand");
	r = thread_start(&watcher, "brainy-farewell", watch, &n);
	if (r < 0)
		return cli_fail_errno(-r, "notify");
	serve(&n);
	return CLI_OK;
}

const struct command command_notify = { "notify", notify_main, "FD FD FD", NULL, NULL };
