/* SPDX-License-Identifier: MIT */
#include "index/extract/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"

/* Names that this architecture or libseccomp does not know are no danger: the default covers them. */
static int add_rules(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int call = seccomp_syscall_resolve_name(*names);
		int r = call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, call, 0);

		if (r < 0 && r != -EDOM)
			return r;
	}
	return 0;
}

/* clang-format off */
static int add_zygote_rules(scmp_filter_ctx filter)
{
	static const char *const denied[] = {
		"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "ptrace",
		"process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd", "mount",
		"umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
		"fsmount", "fspick", "mount_setattr", "setns", "unshare", "bpf", "perf_event_open",
		"userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
		"add_key", "request_key", "init_module", "finit_module", "delete_module", "kexec_load",
		"kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd",
		"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname",
		"setdomainname", "syslog", "personality", "iopl", "ioperm", "open_by_handle_at",
		"name_to_handle_at", "fanotify_init", "inotify_init1", "memfd_create", "memfd_secret",
		"shmget", "msgget", "semget", "mq_open", "setuid", "setgid", "setresuid", "setresgid",
		"setgroups", "vmsplice", "lookup_dcookie", "modify_ldt", "mknod", "mknodat", "symlinkat",
		"linkat", "renameat2", NULL
	};

	return add_rules(filter, SCMP_ACT_ERRNO(EPERM), denied);
}

/* What reading, computing and ending take. */
static const char *const worker_calls[] = {
	"read", "write", "readv", "writev", "pread64", "preadv", "close", "close_range", "fstat",
	"newfstatat", "stat", "lstat", "statx", "fstatfs", "statfs", "lseek", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "fcntl", "dup", "dup2", "dup3",
	"poll", "ppoll", "select", "pselect6", "mmap", "munmap", "mremap", "mprotect", "madvise", "brk",
	"fadvise64", "futex", "sched_yield", "sched_getaffinity", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigaltstack", "restart_syscall", "clock_gettime", "clock_getres",
	"clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage", "getrlimit",
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo",
	"getrandom", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "exit", "exit_group", NULL
};

/* clang-format on */

/* open() and openat() for reading only: landlock says the same, but not on every kernel. */
static int add_open_rules(scmp_filter_ctx filter)
{
	const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0));

	if (r < 0)
		return r;
	r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
			     SCMP_A1(SCMP_CMP_MASKED_EQ, writing, 0));
	return r == -EDOM ? 0 : r;
}

static int add_worker_rules(scmp_filter_ctx filter, enum sandbox_role role)
{
	int r = add_rules(filter, SCMP_ACT_ALLOW, worker_calls);

	if (r >= 0)
		r = add_open_rules(filter);
	if (r >= 0) /* isatty(), asked by stdio */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, TCGETS));
	if (r >= 0) /* reading limits, not setting them */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
	if (r >= 0 && role == SANDBOX_READER)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(execve), 0);
	return r;
}

/* The filter as a BPF program in memory that is kept. libseccomp writes it to a descriptor. */
static int export_filter(scmp_filter_ctx filter, struct sock_fprog *ret)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	_cleanup_buf_ struct buf program = BUF_INIT;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(filter, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = io_read_all(fd, sizeof(struct sock_filter) * BPF_MAXINSNS, &program);
	if (r < 0)
		return r;
	ret->len = (unsigned short)(program.len / sizeof(struct sock_filter));
	ret->filter = (struct sock_filter *)steal_ptr(&program.data);
	return 0;
}

int filter_build(enum sandbox_role role, struct sock_fprog *ret)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_worker_rules(filter, role);
	if (r >= 0)
		r = export_filter(filter, ret);
	seccomp_release(filter);
	return r;
}

int filter_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_zygote_rules(filter);
	if (r >= 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
