/* SPDX-License-Identifier: MIT */
/* The walls are built when the zygote starts, as far as they can be: landlock and the zygote's own
 * filter at once, the filters of its children as programs in memory, so that a fork costs two system
 * calls more. Filters stack: a child has its own and the zygote's. */
#include "index/extract/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "index/extract/extract.h"

#define NOBODY 65534

/* Of later kernels than the headers we may be built with. */
#define FS_TRUNCATE    (1ull << 14)
#define FS_IOCTL_DEV   (1ull << 15)
#define NET_TCP        3ull
#define SCOPE_ABSTRACT 1ull
#define SCOPE_SIGNAL   2ull

struct ruleset {
	uint64_t fs, net, scoped;
};

static struct sock_fprog filters[2]; /* by role; empty without seccomp */

static int drop_user(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return 0;
}

/* A new user namespace gives all of them, over that namespace. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int landlock_allow(int ruleset, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
				  LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = fd,
	};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* Every right that version `abi` of landlock knows. */
static size_t landlock_rights(long abi, struct ruleset *ret)
{
	*ret = (struct ruleset){ .fs = (1ull << (abi >= 2 ? 14 : 13)) - 1 };
	if (abi >= 3)
		ret->fs |= FS_TRUNCATE;
	if (abi >= 5)
		ret->fs |= FS_IOCTL_DEV;
	if (abi >= 4)
		ret->net = NET_TCP;
	if (abi >= 6)
		ret->scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

static int enter_landlock(uint32_t *ret_missing)
{
	static const char *const readable[] = { "/usr", "/lib", "/lib32", "/lib64", "/libx32" };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_close_ int fd = -1;
	struct ruleset rights;
	size_t size;
	int r;

	if (abi < 1) {
		*ret_missing |= EXTRACTOR_NO_LANDLOCK;
		return 0;
	}
	size = landlock_rights(abi, &rights);
	fd = (int)syscall(SYS_landlock_create_ruleset, &rights, size, 0);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		r = landlock_allow(fd, readable[i]);
		if (r < 0)
			return r;
	}
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}

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

static int add_zygote_rules(scmp_filter_ctx filter)
{
	static const char *const denied[] = { "socket",
					      "socketpair",
					      "connect",
					      "bind",
					      "listen",
					      "accept",
					      "accept4",
					      "ptrace",
					      "process_vm_readv",
					      "process_vm_writev",
					      "process_madvise",
					      "kcmp",
					      "pidfd_getfd",
					      "mount",
					      "umount2",
					      "pivot_root",
					      "chroot",
					      "open_tree",
					      "move_mount",
					      "fsopen",
					      "fsconfig",
					      "fsmount",
					      "fspick",
					      "mount_setattr",
					      "setns",
					      "unshare",
					      "bpf",
					      "perf_event_open",
					      "userfaultfd",
					      "io_uring_setup",
					      "io_uring_enter",
					      "io_uring_register",
					      "keyctl",
					      "add_key",
					      "request_key",
					      "init_module",
					      "finit_module",
					      "delete_module",
					      "kexec_load",
					      "kexec_file_load",
					      "reboot",
					      "swapon",
					      "swapoff",
					      "acct",
					      "quotactl",
					      "quotactl_fd",
					      "settimeofday",
					      "clock_settime",
					      "clock_adjtime",
					      "adjtimex",
					      "sethostname",
					      "setdomainname",
					      "syslog",
					      "personality",
					      "iopl",
					      "ioperm",
					      "open_by_handle_at",
					      "name_to_handle_at",
					      "fanotify_init",
					      "inotify_init1",
					      "memfd_create",
					      "memfd_secret",
					      "shmget",
					      "msgget",
					      "semget",
					      "mq_open",
					      "setuid",
					      "setgid",
					      "setresuid",
					      "setresgid",
					      "setgroups",
					      "vmsplice",
					      "lookup_dcookie",
					      "modify_ldt",
					      "mknod",
					      "mknodat",
					      "symlinkat",
					      "linkat",
					      "renameat2",
					      NULL };

	return add_rules(filter, SCMP_ACT_ERRNO(EPERM), denied);
}

/* What reading, computing and ending take. */
static const char *const worker_calls[] = { "read",
					    "write",
					    "readv",
					    "writev",
					    "pread64",
					    "preadv",
					    "close",
					    "close_range",
					    "fstat",
					    "newfstatat",
					    "stat",
					    "lstat",
					    "statx",
					    "fstatfs",
					    "statfs",
					    "lseek",
					    "access",
					    "faccessat",
					    "faccessat2",
					    "readlink",
					    "readlinkat",
					    "getdents64",
					    "getcwd",
					    "fcntl",
					    "dup",
					    "dup2",
					    "dup3",
					    "poll",
					    "ppoll",
					    "select",
					    "pselect6",
					    "mmap",
					    "munmap",
					    "mremap",
					    "mprotect",
					    "madvise",
					    "brk",
					    "fadvise64",
					    "futex",
					    "sched_yield",
					    "sched_getaffinity",
					    "rt_sigaction",
					    "rt_sigprocmask",
					    "rt_sigreturn",
					    "sigaltstack",
					    "restart_syscall",
					    "clock_gettime",
					    "clock_getres",
					    "clock_nanosleep",
					    "nanosleep",
					    "gettimeofday",
					    "time",
					    "times",
					    "getrusage",
					    "getrlimit",
					    "getpid",
					    "gettid",
					    "getppid",
					    "getuid",
					    "geteuid",
					    "getgid",
					    "getegid",
					    "uname",
					    "sysinfo",
					    "getrandom",
					    "arch_prctl",
					    "set_tid_address",
					    "set_robust_list",
					    "rseq",
					    "exit",
					    "exit_group",
					    NULL };

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

static int build_worker_filter(enum sandbox_role role)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = add_worker_rules(filter, role);
	if (r >= 0)
		r = export_filter(filter, &filters[role]);
	seccomp_release(filter);
	return r;
}

static int enter_zygote_filter(void)
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

static int enter_seccomp(uint32_t *ret_missing)
{
	int r;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		*ret_missing |= EXTRACTOR_NO_SECCOMP;
		return 0;
	}
	r = build_worker_filter(SANDBOX_WORKER);
	if (r >= 0)
		r = build_worker_filter(SANDBOX_READER);
	return r < 0 ? r : enter_zygote_filter();
}

int sandbox_enter(uint32_t *ret_missing)
{
	bool root = geteuid() == 0;
	int r;

	/* Sockets are denied anyway, so that a kernel that forbids namespaces takes little away. */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) < 0)
		*ret_missing |= EXTRACTOR_NO_NAMESPACE;
	r = root ? drop_user() : 0;
	if (r >= 0)
		r = drop_capabilities();
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	r = enter_landlock(ret_missing);
	return r < 0 ? r : enter_seccomp(ret_missing);
}

static int limit(int which, uint64_t soft, uint64_t hard)
{
	struct rlimit value = { .rlim_cur = soft, .rlim_max = hard };

	return setrlimit((__rlimit_resource_t)which, &value) < 0 ? -errno : 0;
}

static int set_limits(const struct sandbox_limits *limits)
{
	uint64_t memory = SANDBOX_MEMORY + limits->extra_bytes, cpu = limits->cpu_seconds;
	int r = limit(RLIMIT_CORE, 0, 0);

	if (r >= 0)
		r = limit(RLIMIT_FSIZE, 0, 0);
	if (r >= 0)
		r = limit(RLIMIT_NPROC, 0, 0);
	if (r >= 0)
		r = limit(RLIMIT_NOFILE, 32, 32);
	if (r >= 0)
		r = limit(RLIMIT_MEMLOCK, 0, 0);
	if (r >= 0 && cpu)
		r = limit(RLIMIT_CPU, cpu, cpu + 1);
	if (r >= 0 && SANDBOX_MEMORY_LIMITED)
		r = limit(RLIMIT_AS, memory, memory);
	return r;
}

int sandbox_confine(enum sandbox_role role, const struct sandbox_limits *limits)
{
	int r = set_limits(limits);

	if (r < 0)
		return r;
	if (!filters[role].len)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[role]) < 0 ? -errno : 0;
}
