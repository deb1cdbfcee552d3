/* SPDX-License-Identifier: MIT */
/* The FUSE front when there is no memory: each request gets its answer, ENOMEM at worst, has then not been executed,
 * and the server goes on. */
#include "tests/unit/kernel_box.h"
#include "tests/unit/memory_steps.h"

#define LARGE 90000u

static uint64_t unique = 1000;
static uint64_t file, fh;
static uint8_t old[LARGE], bytes[LARGE];

static uint64_t next_unique(void)
{
	return unique += 2;
}

static const char *name_of(unsigned k, const char *what)
{
	static char name[40];

	(void) snprintf(name, sizeof(name), "%s%u", what, k);
	return name;
}

static bool is_there(const char *name)
{
	int r = ask_name(FUSE_LOOKUP, next_unique(), name);

	CHECK(r == 0 || r == -ENOENT);
	return r == 0 && answer.entry.nodeid != 0;
}

static int run_mkdir(unsigned k)
{
	return make_folder(next_unique(), name_of(k, "folder"));
}

static bool has_folder(unsigned k, bool done)
{
	return is_there(name_of(k, "folder")) == done;
}

static int run_create(unsigned k)
{
	return create(next_unique(), name_of(k, "file"));
}

static bool has_file(unsigned k, bool done)
{
	uint64_t ino = answer.entry.nodeid, handle = answer.open.fh;

	if (done)
		CHECK_EQ(release(next_unique(), ino, handle), 0);
	return is_there(name_of(k, "file")) == done;
}

static int run_rename(unsigned k)
{
	return rename_to(next_unique(), "moves", "moved");
}

static bool has_moved(unsigned k, bool done)
{
	bool right = is_there("moves") != done && is_there("moved") == done;

	if (done)
		CHECK_EQ(rename_to(next_unique(), "moved", "moves"), 0);
	return right;
}

static int run_unlink(unsigned k)
{
	return ask_name(FUSE_UNLINK, next_unique(), "goes");
}

static void make_what_goes(void)
{
	uint64_t ino, handle;

	CHECK_EQ(create(next_unique(), "goes"), 0);
	ino = answer.entry.nodeid;
	handle = answer.open.fh;
	CHECK_EQ(write_at(next_unique(), ino, handle, old, LARGE), 0);
	CHECK_EQ(release(next_unique(), ino, handle), 0);
}

static bool has_gone(unsigned k, bool done)
{
	bool right = is_there("goes") != done;

	if (done)
		make_what_goes();
	return right;
}

static void fill(unsigned k, uint32_t len)
{
	memcpy(bytes, old, LARGE);
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 13 + k);
}

static int run_write(unsigned k)
{
	fill(k, 2000);
	return write_at(next_unique(), file, fh, bytes, 2000);
}

static int run_large_write(unsigned k)
{
	fill(k, LARGE);
	return write_at(next_unique(), file, fh, bytes, LARGE);
}

static bool is_written(unsigned k, bool done)
{
	if (done)
		memcpy(old, bytes, LARGE);
	CHECK_EQ(read_at(next_unique(), file, fh, LARGE), 0);
	return answer.head.len - sizeof(answer.head) == LARGE && memcmp(answer.bytes, old, LARGE) == 0;
}

static int run_read(unsigned k)
{
	int r = read_at(next_unique(), file, fh, LARGE);

	if (r == 0)
		CHECK_MEM(answer.bytes, answer.head.len - sizeof(answer.head), old, LARGE);
	return r;
}

static int run_fsync(unsigned k)
{
	struct fuse_fsync_in in = { .fh = fh };

	return ask(FUSE_FSYNC, next_unique(), file, &in, sizeof(in), NULL, 0);
}

static int run_open_and_release(unsigned k)
{
	struct fuse_open_in in = { .flags = O_RDWR };
	int r = ask(FUSE_OPEN, next_unique(), file, &in, sizeof(in), NULL, 0);

	return r < 0 ? r : release(next_unique(), file, ((struct fuse_open_out *)answer.bytes)->fh);
}

static int run_list(unsigned k)
{
	struct fuse_open_in in = { .flags = O_RDONLY | O_DIRECTORY };
	struct fuse_read_in reads = { .size = 8192 };
	struct fuse_release_in ends = { 0 };
	int r = ask(FUSE_OPENDIR, next_unique(), ROOT_INO, &in, sizeof(in), NULL, 0), ended;

	if (r < 0)
		return r;
	reads.fh = ends.fh = ((struct fuse_open_out *)answer.bytes)->fh;
	r = ask(FUSE_READDIRPLUS, next_unique(), ROOT_INO, &reads, sizeof(reads), NULL, 0);
	if (r == 0)
		CHECK(answer.head.len > sizeof(answer.head)); /* "no more" would be a lie */
	ended = ask(FUSE_RELEASEDIR, next_unique(), ROOT_INO, &ends, sizeof(ends), NULL, 0);
	return r < 0 ? r : ended;
}

static int run_set_xattr(unsigned k)
{
	return set_xattr(next_unique(), file, "user.name", "value", 5, 0, false);
}

static int run_get_xattr(unsigned k)
{
	return get_xattr(next_unique(), file, "user.name");
}

static int run_statfs(unsigned k)
{
	return ask(FUSE_STATFS, next_unique(), ROOT_INO, NULL, 0, NULL, 0);
}

static void prepare(void)
{
	CHECK_EQ(make_folder(next_unique(), "moves"), 0);
	make_what_goes();
	CHECK_EQ(create(next_unique(), "file"), 0);
	file = answer.entry.nodeid;
	fh = answer.open.fh;
	CHECK_EQ(write_at(next_unique(), file, fh, old, LARGE), 0);
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "mkdir", run_mkdir, has_folder },
		{ "create", run_create, has_file },
		{ "rename", run_rename, has_moved },
		{ "unlink", run_unlink, has_gone },
		{ "write", run_write, is_written },
		{ "large write", run_large_write, is_written },
		{ "read", run_read, NULL },
		{ "fsync", run_fsync, NULL },
		{ "open and release", run_open_and_release, NULL },
		{ "opendir and readdirplus", run_list, NULL },
		{ "setxattr", run_set_xattr, NULL },
		{ "getxattr", run_get_xattr, NULL },
		{ "statfs", run_statfs, NULL },
	};

	files_box_make(&box);
	mount_it(0);
	prepare();
	memory_run(steps, ARRAY_SIZE(steps));
	restart();
	CHECK(is_written(0, false) && is_there("goes") && is_there("moves"));
	unmount_it();
	files_box_free(&box);
	return check_result();
}
