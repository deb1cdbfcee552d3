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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "index/extract/extract.h"
#include "index/extract/filter.h"

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

static int enter_seccomp(uint32_t *ret_missing)
{
	int r;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		*ret_missing |= EXTRACTOR_NO_SECCOMP;
		return 0;
	}
	r = filter_build(SANDBOX_WORKER, &filters[SANDBOX_WORKER]);
	if (r >= 0)
		r = filter_build(SANDBOX_READER, &filters[SANDBOX_READER]);
	return r < 0 ? r : filter_enter();
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
