/* SPDX-License-Identifier: MIT */
#include "index/extract/selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "index/extract/extract.h"
#include "index/extract/sandbox.h"

/* Each returns whether it could do what it should not. */
static bool open_for_reading(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool read_passwd(void)
{
	return open_for_reading("/etc/passwd");
}

static bool read_proc(void)
{
	return open_for_reading("/proc/self/environ") || open_for_reading("/proc/1/cmdline");
}

static bool list_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 ||
	       open("/home", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool write_file(void)
{
	return open("/tmp/brainy-extract-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ||
	       open("/dev/shm/brainy-extract-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool change_names(void)
{
	return unlink("/tmp/x") == 0 || mkdir("/tmp/brainy-extract-was-here", 0700) == 0 || errno == ENOENT;
}

static bool open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
	       socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool pair_sockets(void)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}

static bool fork_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool run_program(void)
{
	char *argv[] = { (char *)"true", NULL }, *envp[] = { NULL };

	return execve("/usr/bin/true", argv, envp) == 0 || errno != EPERM;
}

static bool kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool mount_something(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || unshare(CLONE_NEWUSER) == 0;
}

static bool use_odd_calls(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno != EPERM || syscall(SYS_userfaultfd, 0) >= 0 ||
	       errno != EPERM || syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != EPERM ||
	       syscall(SYS_keyctl, 0, 0, 0) >= 0 || errno != EPERM;
}

static bool raise_limits(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_AS, &all) == 0;
}

static bool take_memory(void)
{
	return SANDBOX_MEMORY_LIMITED && malloc(2 * SANDBOX_MEMORY) != NULL;
}

static const struct attempt {
	const char *what;
	bool (*succeeds)(void);
} attempts[] = {
	{ "read /etc/passwd", read_passwd },
	{ "read /proc", read_proc },
	{ "list / or /home", list_root },
	{ "write a file", write_file },
	{ "remove or make names", change_names },
	{ "open a socket", open_socket },
	{ "open a pair of sockets", pair_sockets },
	{ "fork", fork_process },
	{ "run a program", run_program },
	{ "signal its parent", kill_parent },
	{ "trace its parent", trace_parent },
	{ "mount, unshare", mount_something },
	{ "bpf, userfaultfd, io_uring, keyctl", use_odd_calls },
	{ "raise its limits", raise_limits },
	{ "take 1 GiB of memory", take_memory },
};

/* Not 0, with which the program ends that a worker may not run. */
#define ALL_REFUSED 42

static int try_all(int out)
{
	struct sandbox_limits limits = { .cpu_seconds = 2 };
	int open_doors = 0;

	if (sandbox_confine(SANDBOX_WORKER, &limits) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		bool open_door = attempts[i].succeeds();

		dprintf(out, "%s: %s\n", open_door ? "ALLOWED" : "refused", attempts[i].what);
		open_doors += open_door;
	}
	return open_doors > 0 ? 1 : ALL_REFUSED;
}

/* A worker that never ends on its own must be ended by its CPU limit. */
static int try_spinning(void)
{
	struct sandbox_limits limits = { .cpu_seconds = 1 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_confine(SANDBOX_WORKER, &limits) < 0)
			_exit(1);
		for (;;)
			__asm__ volatile("");
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	printf("%s: use more than its CPU time\n", WIFSIGNALED(status) ? "refused" : "ALLOWED");
	return !WIFSIGNALED(status);
}

/* A confined process may not write files, and standard output may be one. */
static void copy_out(int from)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(from, chunk, sizeof(chunk))) > 0)
		(void) fwrite(chunk, 1, (size_t)n, stdout);
	(void) close(from);
	(void) fflush(stdout);
}

int selftest_run(void)
{
	uint32_t missing = 0;
	int status, out[2], r = sandbox_enter(&missing);
	pid_t pid;

	if (r < 0) {
		fprintf(stderr, "brainy-extract: sandbox: %s\n", strerror(-r));
		return 1;
	}
	if (missing & (EXTRACTOR_NO_LANDLOCK | EXTRACTOR_NO_SECCOMP)) {
		printf("this kernel has no %s\n", missing & EXTRACTOR_NO_LANDLOCK ? "landlock" : "seccomp");
		return 77;
	}
	if (pipe2(out, O_CLOEXEC) < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(try_all(out[1]));
	(void) close(out[1]);
	copy_out(out[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status) != ALL_REFUSED || try_spinning();
}
