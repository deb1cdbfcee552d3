/* SPDX-License-Identifier: MIT */
#include "daemon/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "crypto/volume.h"
#include "daemon/cli.h"
#include "daemon/link.h"

extern char **environ;

static int refuse(char **ret_why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int refuse(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

static void say(char *ret_text, size_t size)
{
	(void) snprintf(ret_text, size, "brainy handover %d, format %d", LINK_VERSION, VOLUME_FORMAT);
}

int upgrade_say_version(void)
{
	char text[64];

	say(text, sizeof(text));
	(void) puts(text);
	return CLI_OK;
}

/* A program that does not answer, or not end, by then is none that can take over. */
#define ANSWER_MS 5000u
#define ANSWER_MAX 4096u
#define LOOK_US 1000

/* What comes out of the pipe until its end. -ETIMEDOUT. */
static int read_answer(int fd, uint64_t end_ms, struct buf *ret_text)
{
	for (;;) {
		uint64_t now_ms = clock_mono_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = now_ms < end_ms ? poll(&p, 1, (int)(end_ms - now_ms)) : 0;
		char bytes[256];
		ssize_t n;
		int r;

		if (ready == 0)
			return -ETIMEDOUT;
		n = ready < 0 ? -1 : read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = ret_text->len + (size_t)n > ANSWER_MAX ? -EFBIG : buf_add(ret_text, bytes, (size_t)n);
		if (r < 0)
			return r;
	}
}

/* Waits for its end, and brings it about when it is late. -ENOEXEC: it has not ended well. */
static int await_end(pid_t pid, uint64_t end_ms)
{
	int status, r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ms() < end_ms)
		(void) usleep(LOOK_US);
	if (r == pid)
		return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOEXEC;
	(void) kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -ETIMEDOUT;
}

/* What it prints when it is asked how it takes over, without its newline. */
static int ask_version(const char *program, struct buf *ret_text)
{
	const char *argv[] = { program, "serve", "--handover", NULL };
	posix_spawn_file_actions_t actions;
	uint64_t end_ms = clock_mono_ms() + ANSWER_MS;
	int pipe_fds[2], r, ended;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	(void) posix_spawn_file_actions_init(&actions);
	(void) posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
	r = -posix_spawn(&pid, program, &actions, NULL, (char **)argv, environ);
	(void) posix_spawn_file_actions_destroy(&actions);
	(void) close(pipe_fds[1]);
	if (r == 0) {
		r = read_answer(pipe_fds[0], end_ms, ret_text);
		ended = await_end(pid, r < 0 ? 0 : end_ms);
		r = r < 0 ? r : ended;
	}
	(void) close(pipe_fds[0]);
	if (r == 0 && ret_text->len > 0 && ret_text->data[ret_text->len - 1] == '\n')
		ret_text->len--;
	return r < 0 ? r : buf_cstr(ret_text) ? 0 : -ENOMEM;
}

/* Whoever can write to it could run as the mount's owner. */
static int check_file(const char *program, int fd, char **ret_why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return refuse(ret_why, -EACCES, "%s is not a program", program);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & 0022)
		return refuse(
			ret_why, -EPERM,
			"%s belongs to, or can be written by, somebody other than root and the mount's owner",
			program);
	return 0;
}

int upgrade_offer(int link, const char *program, char **ret_why)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct link_message m = { .kind = LINK_UPGRADE };
	_cleanup_close_ int fd = program[0] == '/' ? open(program, O_RDONLY | O_CLOEXEC) : -1;
	char wanted[64];
	int r;

	if (program[0] != '/')
		return refuse(ret_why, -EINVAL, "the whole path of a program is wanted");
	if (fd < 0)
		return refuse(ret_why, -errno, "%s: %s", program, strerrordesc_np(errno));
	r = check_file(program, fd, ret_why);
	if (r < 0)
		return r;
	say(wanted, sizeof(wanted));
	r = ask_version(program, &text);
	if (r == -ETIMEDOUT)
		return refuse(ret_why, r, "%s does not answer within %u s", program, ANSWER_MS / 1000);
	if (r < 0 || strncmp((char *)text.data, "brainy handover", strlen("brainy handover")) != 0)
		return refuse(ret_why, -ENOEXEC,
			      "%s is no brainy that can take over a mount; unmount and mount again", program);
	if (strcmp((char *)text.data, wanted) != 0)
		return refuse(ret_why, -EPROTO,
			      "%s takes over another way (%.60s; this mount: %s); unmount and mount again",
			      program, (char *)text.data, wanted);
	return link_send(link, &m, &fd, 1);
}
