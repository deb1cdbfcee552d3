/* SPDX-License-Identifier: MIT */
#include "daemon/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ROOT_ONLY_FLAGS (MS_NOSUID | MS_NODEV)

extern char **environ;

static int explain(char **ret_why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int explain(char **ret_why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_why, format, args) < 0)
		*ret_why = NULL;
	va_end(args);
	return error;
}

static bool lies_in(const char *inner, const char *outer)
{
	size_t len = strlen(outer);

	return strncmp(inner, outer, len) == 0 && (inner[len] == '/' || inner[len] == '\0');
}

/* A directory on another device than its parent has something mounted on it. */
static bool is_mounted(const char *path, const struct stat *st)
{
	_cleanup_free_ char *parent = NULL;
	struct stat above;

	if (asprintf(&parent, "%s/..", path) < 0)
		return false;
	return stat(parent, &above) == 0 && above.st_dev != st->st_dev;
}

int mount_check(const char *volume, const char *mount_point, char **ret_real, char **ret_why)
{
	_cleanup_free_ char *real = realpath(mount_point, NULL), *inner = NULL;
	struct stat st;

	if (!real && errno == ENOENT)
		return explain(ret_why, -ENOENT, "%s does not exist; make it with mkdir", mount_point);
	if (!real || stat(real, &st) < 0)
		return errno == ENOTCONN ? explain(ret_why, -EBUSY,
						   "a mount whose server is gone is still there; "
						   "'brainy umount %s' removes it",
						   mount_point)
					 : explain(ret_why, -errno, "%s", strerrordesc_np(errno));
	inner = realpath(volume, NULL);
	if (!inner)
		return explain(ret_why, -errno, "%s: %s", volume, strerrordesc_np(errno));
	if (!S_ISDIR(st.st_mode))
		return explain(ret_why, -ENOTDIR, "%s is not a directory", mount_point);
	if (lies_in(inner, real))
		return explain(ret_why, -EINVAL, "the volume lies inside the mount point");
	if (lies_in(real, inner))
		return explain(ret_why, -EINVAL, "the mount point lies inside the volume");
	if (is_mounted(real, &st))
		return explain(ret_why, -EBUSY, "%s is busy: something is mounted there already",
			       mount_point);
	*ret_real = steal_ptr(&real);
	return 0;
}

static int attach_as_root(const char *mount_point, const char *source, const struct mount_options *o, int fd,
			  char **ret_why)
{
	_cleanup_free_ char *data = NULL;

	if (asprintf(&data, "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions%s%s%s", fd,
		     getuid(), getgid(), o->allow_other ? ",allow_other" : "", o->context ? "," : "",
		     o->context ? o->context : "") < 0)
		return -ENOMEM;
	if (mount(source, mount_point, "fuse.brainy", o->flags, data) == 0)
		return 0;
	if (errno == EPERM)
		return explain(ret_why, -EPERM,
			       "the kernel refuses to mount; in a container give it --cap-add SYS_ADMIN "
			       "--device /dev/fuse");
	return explain(ret_why, -errno, "%s", strerrordesc_np(errno));
}

/* fusermount3(1) wants commas and backslashes of the name escaped. */
static int escape(const char *name, char **ret_escaped)
{
	char *out = malloc(2 * strlen(name) + 1), *p = out;

	if (!out)
		return -ENOMEM;
	for (; *name; name++) {
		if (*name == ',' || *name == '\\')
			*p++ = '\\';
		*p++ = *name;
	}
	*p = '\0';
	*ret_escaped = out;
	return 0;
}

static int receive_fd(int sock, int *ret_fd)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec piece = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
	};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -ECONNRESET;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return 0;
}

/* Runs fusermount3 with one end of a socketpair, on which it returns the descriptor. */
static int attach_by_helper(const char *mount_point, const char *source, const struct mount_options *o,
			    int *ret_fd, char **ret_why)
{
	_cleanup_free_ char *name = NULL, *options = NULL, *variable = NULL;
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2], status, r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	(void) fcntl(ours, F_SETFD, FD_CLOEXEC);
	if (escape(source, &name) < 0 || asprintf(&variable, "_FUSE_COMMFD=%d", theirs) < 0 ||
	    asprintf(&options, "%s%s%s%s%s,default_permissions,subtype=brainy,fsname=%s",
		     o->flags & MS_RDONLY ? "ro" : "rw", o->flags & MS_NOEXEC ? ",noexec" : "",
		     o->flags & MS_NOATIME ? ",noatime" : "", o->flags & MS_SYNCHRONOUS ? ",sync" : "",
		     o->allow_other ? ",allow_other" : "", name) < 0)
		return -ENOMEM;
	if (putenv(variable) != 0)
		return -errno;
	r = posix_spawnp(&pid, "fusermount3", NULL, NULL,
			 (char *[]){ (char *)"fusermount3", (char *)"-o", options, (char *)"--",
				     (char *)mount_point, NULL },
			 environ);
	(void) unsetenv("_FUSE_COMMFD");
	if (r != 0)
		return explain(ret_why, -r, "cannot run fusermount3: %s; install the package fuse3",
			       strerrordesc_np(r));
	closep(&theirs);
	theirs = -1;
	r = receive_fd(ours, ret_fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return explain(ret_why, -EPERM, "fusermount3 refused (its reason stands above%s)",
			       o->allow_other ? "; allow_other needs user_allow_other in /etc/fuse.conf"
					      : "");
	return 0;
}

int mount_attach(const char *mount_point, const char *source, const struct mount_options *o, int *ret_fd,
		 char **ret_why)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (geteuid() != 0)
		return attach_by_helper(mount_point, source, o, ret_fd, ret_why);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return explain(ret_why, -errno,
			       "cannot open /dev/fuse: %s; load the module ('modprobe fuse'), or in a "
			       "container give it --device /dev/fuse --cap-add SYS_ADMIN",
			       strerrordesc_np(errno));
	r = attach_as_root(mount_point, source, o, fd, ret_why);
	if (r < 0)
		return r;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int detach_by_helper(const char *mount_point, bool lazy)
{
	char *const plain[] = { (char *)"fusermount3", (char *)"-u",	    (char *)"-q",
				(char *)"--",	       (char *)mount_point, NULL };
	char *const detached[] = { (char *)"fusermount3", (char *)"-u",	       (char *)"-q", (char *)"-z",
				   (char *)"--",	  (char *)mount_point, NULL };
	int status, r;
	pid_t pid;

	r = posix_spawnp(&pid, "fusermount3", NULL, NULL, lazy ? detached : plain, environ);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

int mount_detach(const char *mount_point, bool lazy)
{
	if (umount2(mount_point, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	if (errno != EPERM || geteuid() == 0)
		return -errno;
	return detach_by_helper(mount_point, lazy);
}

/* "MAJOR:MINOR" of what is mounted there last, from the table of mounts. */
static void find_device(const char *mount_point, char *ret_device, size_t size)
{
	char line[3 * PATH_MAX], device[32], point[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	ret_device[0] = '\0';
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %31s %*s %4095s", device, point) == 2 &&
		    strcmp(point, mount_point) == 0)
			(void) snprintf(ret_device, size, "%s", device);
	if (f)
		(void) fclose(f);
}

void mount_read_ahead(const char *mount_point)
{
	char device[32], path[96];
	_cleanup_close_ int fd = -1;

	find_device(mount_point, device, sizeof(device));
	(void) snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", device);
	fd = device[0] ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0)
		(void) !write(fd, "1024", 4);
}
