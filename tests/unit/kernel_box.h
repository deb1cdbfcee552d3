/* SPDX-License-Identifier: MIT */
/* The FUSE front with a kernel of our own at the other end of a socket, so that requests arrive when
 * and as often as the test wants: after a restart of the server, and with nothing cached. */
#pragma once

#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fs/fs.h"
#include "fs/fs_impl.h"
#include "tests/unit/files_box.h"

#define PATIENCE_MS 10000
#define SIZE 100000u

static struct files_box box;
static struct fs *fs;
static pthread_t server;
static int device = -1, servers_end, handles_fd;
static uint32_t asking_pid; /* of the process whose requests come */

/* ---- the kernel */

/* As in linux/fuse.h since 7.39. */
struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t reserved;
};

struct statx_in {
	uint32_t getattr_flags, reserved;
	uint64_t fh;
	uint32_t sx_flags, sx_mask;
};

struct statx_out {
	uint64_t valid_s;
	uint32_t valid_ns, flags;
	uint64_t spare[2];
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
};

struct message {
	struct fuse_out_header head;
	union {
		struct fuse_init_out init;
		struct fuse_write_out write;
		struct {
			struct fuse_entry_out entry;
			struct fuse_open_out open;
		};
		struct statx_out statx;
		uint8_t bytes[SIZE];
	};
};

static struct message answer;

/* The next message that is not a notification. */
static inline void receive(void)
{
	do {
		memset(&answer, 0, sizeof(answer));
		answer.head.error = -ETIMEDOUT;
	} while (recv(device, &answer, sizeof(answer), 0) > 0 && answer.head.unique == 0);
}

/* Sends a request of a fixed part and further bytes, and waits for the answer; returns its error. */
static inline int ask(uint32_t opcode, uint64_t unique, uint64_t ino, const void *fixed, size_t fixed_len,
	       const void *more, size_t more_len)
{
	struct fuse_in_header head = { .len = (uint32_t)(sizeof(head) + fixed_len + more_len), .opcode = opcode,
				       .unique = unique, .nodeid = ino, .pid = asking_pid };
	struct iovec pieces[] = { { &head, sizeof(head) }, { (void *)fixed, fixed_len }, { (void *)more, more_len } };

	CHECK_EQ(writev(device, pieces, 3), head.len);
	receive();
	CHECK_EQ(answer.head.unique, unique);
	return answer.head.error;
}

static inline int ask_name(uint32_t opcode, uint64_t unique, const char *name)
{
	return ask(opcode, unique, ROOT_INO, NULL, 0, name, strlen(name) + 1);
}

static inline int make_folder(uint64_t unique, const char *name)
{
	struct fuse_mkdir_in in = { .mode = 0755 };

	return ask(FUSE_MKDIR, unique, ROOT_INO, &in, sizeof(in), name, strlen(name) + 1);
}

static inline int create(uint64_t unique, const char *name)
{
	struct fuse_create_in in = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0644 };

	return ask(FUSE_CREATE, unique, ROOT_INO, &in, sizeof(in), name, strlen(name) + 1);
}

static inline int write_at(uint64_t unique, uint64_t ino, uint64_t fh, const void *data, uint32_t len)
{
	struct fuse_write_in in = { .fh = fh, .size = len };

	return ask(FUSE_WRITE, unique, ino, &in, sizeof(in), data, len);
}

static inline int read_at(uint64_t unique, uint64_t ino, uint64_t fh, uint32_t len)
{
	struct fuse_read_in in = { .fh = fh, .size = len };

	return ask(FUSE_READ, unique, ino, &in, sizeof(in), NULL, 0);
}

static inline int release(uint64_t unique, uint64_t ino, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	return ask(FUSE_RELEASE, unique, ino, &in, sizeof(in), NULL, 0);
}

/* As the kernel sends it once FUSE_SETXATTR_EXT is agreed on, or before. */
static inline int set_xattr(uint64_t unique, uint64_t ino, const char *name, const void *value, uint32_t len,
		     uint32_t setxattr_flags, bool longer)
{
	struct fuse_setxattr_in in = { .size = len, .setxattr_flags = setxattr_flags };
	size_t name_len = strlen(name) + 1;
	uint8_t more[128];

	memcpy(more, name, name_len);
	memcpy(more + name_len, value, len);
	return ask(FUSE_SETXATTR, unique, ino, &in, longer ? sizeof(in) : FUSE_COMPAT_SETXATTR_IN_SIZE, more,
		   name_len + len);
}

static inline int get_xattr(uint64_t unique, uint64_t ino, const char *name)
{
	struct fuse_getxattr_in in = { .size = 100 };

	return ask(FUSE_GETXATTR, unique, ino, &in, sizeof(in), name, strlen(name) + 1);
}

static inline int rename_to(uint64_t unique, const char *name, const char *new_name)
{
	struct fuse_rename_in in = { .newdir = ROOT_INO };
	char names[64];
	int len = snprintf(names, sizeof(names), "%s%c%s", name, 0, new_name) + 1;

	return ask(FUSE_RENAME, unique, ROOT_INO, &in, sizeof(in), names, (size_t)len);
}

/* ---- the server */

static inline void *serve(void *context)
{
	CHECK_EQ(fs_run(fs), 0);
	return NULL;
}

/* As the daemon finds out, before and after fs_new(). */
static inline bool in_flight(void *context, uint64_t unique)
{
	const struct shared *left = fs ? NULL : shared_view(handles_fd);
	bool running = fs ? fs_is_running(fs, unique) : left && running_has(left, unique);

	(void) shared_unmap((struct shared *)left);
	return running;
}

static inline void start_only(bool resumed)
{
	struct fs_config config = {
		.fuse_fd = servers_end, .handles_fd = handles_fd, .mount = { { 7 } }, .resumed = resumed,
		.crashed = resumed,
		.mount_point = "/mnt",
	};

	box.catalog.in_flight = in_flight;
	box.catalog.warm = resumed;
	CHECK_EQ(files_box_open(&box), 0);
	config.catalog = box.c;
	config.files = box.f;
	CHECK_EQ(fs_new(&config, &fs), 0);
}

static inline void start(bool resumed)
{
	start_only(resumed);
	CHECK_EQ(pthread_create(&server, NULL, serve, NULL), 0);
}

static inline void end(void)
{
	fs_stop(fs);
	(void) pthread_join(server, NULL);
	fs = fs_free(fs);
	files_box_kill(&box);
}

static inline void restart(void)
{
	end();
	start(true);
}

static inline void mount_it(uint32_t offered)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .flags = FUSE_INIT_EXT | offered,
		.flags2 = (uint32_t)(FUSE_HAS_RESEND_FLAG >> 32),
	};
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	device = ends[0];
	servers_end = ends[1];
	CHECK_EQ(setsockopt(device, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	handles_fd = memfd_create("handles", MFD_CLOEXEC);
	start(false);
	CHECK_EQ(ask(FUSE_INIT, 1, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK(answer.init.flags2 & (uint32_t)(FUSE_HAS_RESEND_FLAG >> 32));
	CHECK_EQ(answer.init.flags & FUSE_SETXATTR_EXT, offered & FUSE_SETXATTR_EXT);
}

static inline void unmount_it(void)
{
	end();
	(void) close(device);
	(void) close(servers_end);
	(void) close(handles_fd);
}

/* True when the inode goes within the time that this may take. */
static inline bool vanishes(uint64_t ino)
{
	struct inode i;

	for (unsigned ms = 0; ms < PATIENCE_MS; ms += 5) {
		if (inode_get(box.c, ino, &i) == -ENOENT)
			return true;
		(void) usleep(5000);
	}
	return false;
}
