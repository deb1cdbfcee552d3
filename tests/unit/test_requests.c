/* SPDX-License-Identifier: MIT */
/* The FUSE front with a kernel of our own at the other end of a socket, so that requests arrive when
 * and as often as the test wants: after a restart of the server, and with nothing cached. */
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
static void receive(void)
{
	do {
		memset(&answer, 0, sizeof(answer));
		answer.head.error = -ETIMEDOUT;
	} while (recv(device, &answer, sizeof(answer), 0) > 0 && answer.head.unique == 0);
}

/* Sends a request of a fixed part and further bytes, and waits for the answer; returns its error. */
static int ask(uint32_t opcode, uint64_t unique, uint64_t ino, const void *fixed, size_t fixed_len,
	       const void *more, size_t more_len)
{
	struct fuse_in_header head = { .len = (uint32_t)(sizeof(head) + fixed_len + more_len), .opcode = opcode,
				       .unique = unique, .nodeid = ino };
	struct iovec pieces[] = { { &head, sizeof(head) }, { (void *)fixed, fixed_len }, { (void *)more, more_len } };

	CHECK_EQ(writev(device, pieces, 3), head.len);
	receive();
	CHECK_EQ(answer.head.unique, unique);
	return answer.head.error;
}

static int ask_name(uint32_t opcode, uint64_t unique, const char *name)
{
	return ask(opcode, unique, ROOT_INO, NULL, 0, name, strlen(name) + 1);
}

static int make_folder(uint64_t unique, const char *name)
{
	struct fuse_mkdir_in in = { .mode = 0755 };

	return ask(FUSE_MKDIR, unique, ROOT_INO, &in, sizeof(in), name, strlen(name) + 1);
}

static int create(uint64_t unique, const char *name)
{
	struct fuse_create_in in = { .flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0644 };

	return ask(FUSE_CREATE, unique, ROOT_INO, &in, sizeof(in), name, strlen(name) + 1);
}

static int write_at(uint64_t unique, uint64_t ino, uint64_t fh, const void *data, uint32_t len)
{
	struct fuse_write_in in = { .fh = fh, .size = len };

	return ask(FUSE_WRITE, unique, ino, &in, sizeof(in), data, len);
}

static int read_at(uint64_t unique, uint64_t ino, uint64_t fh, uint32_t len)
{
	struct fuse_read_in in = { .fh = fh, .size = len };

	return ask(FUSE_READ, unique, ino, &in, sizeof(in), NULL, 0);
}

static int release(uint64_t unique, uint64_t ino, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	return ask(FUSE_RELEASE, unique, ino, &in, sizeof(in), NULL, 0);
}

/* As the kernel sends it once FUSE_SETXATTR_EXT is agreed on, or before. */
static int set_xattr(uint64_t unique, uint64_t ino, const char *name, const void *value, uint32_t len,
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

static int get_xattr(uint64_t unique, uint64_t ino, const char *name)
{
	struct fuse_getxattr_in in = { .size = 100 };

	return ask(FUSE_GETXATTR, unique, ino, &in, sizeof(in), name, strlen(name) + 1);
}

static int rename_to(uint64_t unique, const char *name, const char *new_name)
{
	struct fuse_rename_in in = { .newdir = ROOT_INO };
	char names[64];
	int len = snprintf(names, sizeof(names), "%s%c%s", name, 0, new_name) + 1;

	return ask(FUSE_RENAME, unique, ROOT_INO, &in, sizeof(in), names, (size_t)len);
}

/* ---- the server */

static void *serve(void *context)
{
	CHECK_EQ(fs_run(fs), 0);
	return NULL;
}

static void start_only(bool resumed)
{
	struct fs_config config = {
		.fuse_fd = servers_end, .handles_fd = handles_fd, .mount = { { 7 } }, .resumed = resumed,
		.crashed = resumed,
		.mount_point = "/mnt",
	};

	CHECK_EQ(files_box_open(&box), 0);
	config.catalog = box.c;
	config.files = box.f;
	CHECK_EQ(fs_new(&config, &fs), 0);
}

static void start(bool resumed)
{
	start_only(resumed);
	CHECK_EQ(pthread_create(&server, NULL, serve, NULL), 0);
}

static void end(void)
{
	fs_stop(fs);
	(void) pthread_join(server, NULL);
	fs = fs_free(fs);
	files_box_kill(&box);
}

static void restart(void)
{
	end();
	start(true);
}

static void mount_it(uint32_t offered)
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

static void unmount_it(void)
{
	end();
	(void) close(device);
	(void) close(servers_end);
	(void) close(handles_fd);
}

/* True when the inode goes within the time that this may take. */
static bool vanishes(uint64_t ino)
{
	struct inode i;

	for (unsigned ms = 0; ms < PATIENCE_MS; ms += 5) {
		if (inode_get(box.c, ino, &i) == -ENOENT)
			return true;
		(void) usleep(5000);
	}
	return false;
}

/* ---- tests */

/* The server dies before the kernel has its answer: the request comes again and is not executed again. */
static void test_resent(void)
{
	const uint64_t again = FUSE_UNIQUE_RESEND_BIT;
	uint64_t folder, file, fh;

	CHECK_EQ(make_folder(10, "folder"), 0);
	folder = answer.entry.nodeid;
	restart();
	CHECK_EQ(make_folder(10 | again, "folder"), 0);
	CHECK_EQ(answer.entry.nodeid, folder);
	CHECK_EQ(make_folder(12, "folder"), -EEXIST);

	CHECK_EQ(create(14, "file"), 0);
	file = answer.entry.nodeid;
	fh = answer.open.fh;
	restart();
	CHECK_EQ(create(14 | again, "file"), 0);
	CHECK_EQ(answer.entry.nodeid, file);
	CHECK_EQ(answer.open.fh, fh);

	CHECK_EQ(write_at(16, file, fh, "old", 3), 0);
	CHECK_EQ(write_at(18, file, fh, "new!", 4), 0);
	restart();
	CHECK_EQ(write_at(16 | again, file, fh, "old", 3), 0);
	CHECK_EQ(answer.write.size, 3);
	CHECK_EQ(read_at(20, file, fh, 10), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), "new!", 4);
	CHECK_EQ(release(22, file, fh), 0);

	CHECK_EQ(rename_to(24, "file", "other"), 0);
	restart();
	CHECK_EQ(rename_to(24 | again, "file", "other"), 0);
	CHECK_EQ(ask_name(FUSE_RMDIR, 26, "folder"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 28, "other"), 0);
	restart();
	CHECK_EQ(ask_name(FUSE_RMDIR, 26 | again, "folder"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 28 | again, "other"), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 30, "other"), -ENOENT);
}

/* Another file that is unlinked: when it has gone, whatever was to be freed before it has gone too. */
static void free_another(uint64_t unique)
{
	static const uint8_t data[SIZE];
	uint64_t ino, fh;

	CHECK_EQ(create(unique, "another"), 0);
	ino = answer.entry.nodeid;
	fh = answer.open.fh;
	CHECK_EQ(write_at(unique + 2, ino, fh, data, SIZE), 0);
	CHECK_EQ(release(unique + 4, ino, fh), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, unique + 6, "another"), 0);
	CHECK(vanishes(ino));
}

/* What is open can be read and written without a name, by the next server too, and goes when it is closed. */
static void test_unlinked(void)
{
	static uint8_t data[SIZE];
	uint64_t ino, fh;

	memset(data, 'u', sizeof(data));
	CHECK_EQ(create(100, "unlinked"), 0);
	ino = answer.entry.nodeid;
	fh = answer.open.fh;
	CHECK_EQ(write_at(102, ino, fh, data, SIZE), 0);
	CHECK_EQ(ask_name(FUSE_UNLINK, 104, "unlinked"), 0);
	free_another(110);
	CHECK_EQ(read_at(120, ino, fh, SIZE), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), data, SIZE);
	restart();
	free_another(130);
	CHECK_EQ(read_at(140, ino, fh, SIZE), 0);
	CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), data, SIZE);
	CHECK_EQ(write_at(142, ino, fh, "v", 1), 0);
	CHECK_EQ(release(144, ino, fh), 0);
	CHECK(vanishes(ino));
}

/* Two servers die while they execute it. */
static void kill_twice(uint64_t unique, uint32_t opcode)
{
	for (unsigned i = 0; i < 2; i++) {
		struct shared *table;

		CHECK_EQ(shared_map(handles_fd, true, &table), 0);
		CHECK_EQ(running_begin(table, unique, opcode), i);
		table = shared_unmap(table);
		restart();
		CHECK_EQ(ask_name(FUSE_LOOKUP, unique + 1000 + 2 * i, "nothing"), 0); /* it has taken over */
	}
}

/* A third one does not try; what had been executed it remembers all the same. */
static void test_lethal(void)
{
	CHECK_EQ(make_folder(196, "done"), 0);
	kill_twice(196, FUSE_MKDIR);
	CHECK_EQ(make_folder(196 | FUSE_UNIQUE_RESEND_BIT, "done"), 0);
	kill_twice(200, FUSE_MKDIR);
	CHECK_EQ(make_folder(200 | FUSE_UNIQUE_RESEND_BIT, "lethal"), -EIO);
	CHECK_EQ(make_folder(202, "lethal"), 0);
}

static bool is_time(const struct statx_time *t, const struct timespec *want)
{
	return t->sec == want->tv_sec && t->nsec == (uint32_t)want->tv_nsec;
}

static void test_statx(void)
{
	const struct statx_in in = { .sx_mask = STATX_ALL };
	const struct statx_out *out = &answer.statx;
	struct inode i;
	uint64_t ino;

	CHECK_EQ(create(300, "born"), 0);
	ino = answer.entry.nodeid;
	CHECK_EQ(release(302, ino, answer.open.fh), 0);
	CHECK_EQ(inode_get(box.c, ino, &i), 0);
	CHECK_EQ(ask(FUSE_STATX_CODE, 304, ino, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(answer.head.len, sizeof(answer.head) + 288);
	CHECK_EQ(out->mask, STATX_BASIC_STATS | STATX_BTIME);
	CHECK_EQ(out->ino, ino);
	CHECK_EQ(out->mode, S_IFREG | 0644);
	CHECK_EQ(out->nlink, 1);
	CHECK(is_time(&out->btime, &i.btime) && is_time(&out->mtime, &i.mtime));
	CHECK(i.btime.tv_sec > 0);
	CHECK_EQ(ask(FUSE_STATX_CODE, 306, 12345, &in, sizeof(in), NULL, 0), -ENOENT);
	CHECK_EQ(answer.head.len, sizeof(answer.head));
	CHECK_EQ(ask(FUSE_STATX_CODE, 308, ino, &in, sizeof(in) - 1, NULL, 0), -EINVAL);
	CHECK_EQ(ask_name(FUSE_UNLINK, 310, "born"), 0);
}

/* An access ACL for a group more: setgid goes if the kernel says so. Also for a server that takes over. */
static void test_setxattr(uint64_t unique, bool longer)
{
	static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 6, 0, 255, 255, 255, 255,
				       8, 0, 6, 0, 7, 0, 0, 0, 16, 0, 6, 0, 255, 255, 255, 255,
				       32, 0, 0, 0, 255, 255, 255, 255 };
	struct fuse_mknod_in in = { .mode = S_IFREG | 02770 };
	struct inode i;
	uint64_t ino;

	CHECK_EQ(ask(FUSE_MKNOD, unique, ROOT_INO, &in, sizeof(in), "group", 6), 0);
	ino = answer.entry.nodeid;
	for (unsigned n = 2; n <= 4; n += 2) {
		CHECK_EQ(set_xattr(unique + n, ino, "user.x", "value", 5, 0, longer), 0);
		CHECK_EQ(get_xattr(unique + 10 + n, ino, "user.x"), 0);
		CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), "value", 5);
		CHECK_EQ(set_xattr(unique + 20 + n, ino, "system.posix_acl_access", acl, sizeof(acl), 0, longer), 0);
		CHECK_EQ(inode_get(box.c, ino, &i), 0);
		CHECK_EQ(i.mode, S_IFREG | 02660);
		restart();
	}
	if (longer) {
		CHECK_EQ(set_xattr(unique + 30, ino, "system.posix_acl_access", acl, sizeof(acl),
				   FUSE_SETXATTR_ACL_KILL_SGID, true), 0);
		CHECK_EQ(inode_get(box.c, ino, &i), 0);
		CHECK_EQ(i.mode, S_IFREG | 0660);
	}
	CHECK_EQ(ask_name(FUSE_UNLINK, unique + 32, "group"), 0);
}

/* What the server before agreed on with the kernel holds, whatever its successor would like. */
static void test_granted(void)
{
	struct shared *table;

	CHECK_EQ(shared_map(handles_fd, true, &table), 0);
	CHECK(table->header.granted & FUSE_HAS_RESEND_FLAG);
	table->header.granted &= ~(uint64_t)FUSE_SETXATTR_EXT;
	table = shared_unmap(table);
	restart();
	test_setxattr(600, false);
}

/* A program that would grant less than its predecessor cannot take over. */
static void test_granted_more(void)
{
	const uint64_t unknown = 1ull << 60;
	struct shared *table;

	CHECK_EQ(shared_map(handles_fd, true, &table), 0);
	end();
	table->header.granted |= unknown;
	start_only(true);
	CHECK_EQ(fs_run(fs), -EPROTO);
	fs = fs_free(fs);
	files_box_kill(&box);
	table->header.granted &= ~unknown;
	table = shared_unmap(table);
	start(true);
	CHECK_EQ(make_folder(700, "granted"), 0);
}

int main(void)
{
	files_box_make(&box);
	mount_it(FUSE_SETXATTR_EXT);
	test_lethal();
	test_resent();
	test_unlinked();
	test_statx();
	test_setxattr(400, true);
	test_granted();
	test_granted_more();
	unmount_it();
	mount_it(0);
	test_setxattr(500, false);
	unmount_it();
	files_box_free(&box);
	return check_result();
}
