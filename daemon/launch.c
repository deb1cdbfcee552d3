/* SPDX-License-Identifier: MIT */
#include "daemon/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/keeper.h"

extern char **environ;

static void inherit(int fd, char ret_number[16])
{
	(void) snprintf(ret_number, 16, "%d", fd);
	(void) fcntl(fd, F_SETFD, 0);
}

static __attribute__((noreturn)) void become_server(const struct keeper_config *c, int program_fd, int link)
{
	char link_text[16], folder_text[16];
	sigset_t none;
	const char *argv[] = { "brainy", "serve", c->volume, c->mount_point, "--link", link_text, "--folder",
			       folder_text, c->options->noatime ? "--noatime" : "--atime",
			       c->options->read_only ? "--read-only" : "--read-write",
			       c->config_path ? "--config" : NULL, c->config_path, NULL };

	inherit(link, link_text);
	inherit(c->volume_dirfd, folder_text);
	(void) sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server without a keeper: nobody would hold the lock */
	if (program_fd >= 0)
		(void) fexecve(program_fd, (char **)argv, environ);
	else
		(void) execv("/proc/self/exe", (char **)argv);
	_exit(127);
}

int launch_server(const struct keeper_config *config, int program_fd, struct launched *ret_s)
{
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_server(config, program_fd, pair[1]);
	r = pid < 0 ? -errno : 0;
	(void) close(pair[1]);
	if (r < 0)
		(void) close(pair[0]);
	else
		*ret_s = (struct launched){ .pid = pid, .link = pair[0] };
	return r;
}

void launch_discard(struct launched *s)
{
	if (s->pid > 0) {
		(void) kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	closep(&s->link);
	*s = LAUNCHED_NONE;
}
