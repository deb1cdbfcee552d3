/* SPDX-License-Identifier: MIT */
/* A catalog and a log that do not belong together, or are not whole, are refused; a checkpoint that was torn is not. */
#include <errno.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"

/* Opens what the command makes of the volume, and puts the volume back. 1: opened, with everything. */
static int opens_after(struct box *b, const char *command)
{
	int r;

	box_shell(b, "rm -rf $V-now && cp -a $V $V-now");
	box_shell(b, command);
	r = box_open(b);
	CHECK(r == 0 ? box_count(b, "Q", 1) == 2400 : b->why && (r == -EBADMSG || r == -ESTALE));
	box_close(b);
	box_shell(b, "rm -rf $V/catalog $V/wal && cp -a $V-now/. $V");
	return r == 0;
}

#define OLD_CATALOG "rm -rf $V/catalog && cp -a $V-old/catalog $V"
#define OLD_LOG     "rm -rf $V/wal && cp -a $V-old/wal $V"

static void check_refusals(struct box *b)
{
	CHECK(!opens_after(b, OLD_CATALOG));
	CHECK(!opens_after(b, OLD_LOG));
	CHECK(!opens_after(b, "rm $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "truncate -s 0 $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "truncate -s 5000 $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "yes garbage | head -c 65536 > $V/catalog/data.mdb"));
	CHECK(!opens_after(b, "dd if=/dev/zero of=$V/catalog/data.mdb bs=4096 count=2 conv=notrunc 2>/dev/null"));
	CHECK(!opens_after(b, "rm -r $V/wal/*"));
	CHECK(!opens_after(b, "rm -r $V/wal"));
	CHECK(!opens_after(b, "rm -r $V/catalog"));
	CHECK(opens_after(b, "rm $V/catalog/lock.mdb"));
	CHECK(opens_after(b, "yes garbage | head -c 8192 > $V/catalog/lock.mdb"));
	CHECK(opens_after(b, "true"));
}

static char filler[900];

static void write_many(struct box *b, unsigned from, unsigned n)
{
	memset(filler, 'v', sizeof(filler) - 1);
	for (unsigned i = from; i < from + n; i++)
		CHECK_EQ(box_put(b, box_key('Q', i), filler), 0);
}

/* More than a segment of the log, so that the oldest ones are recycled. */
static void write_generation(struct box *b, unsigned from)
{
	write_many(b, from, 300);
	CHECK_EQ(catalog_checkpoint(b->c), 0);
}

/* `clean`: how the mounts ended. */
static void test_refusals(bool clean)
{
	struct box b;

	box_make(&b);
	for (unsigned mount = 0; mount < 4; mount++) {
		CHECK_EQ(box_open(&b), 0);
		write_generation(&b, mount * 1000);
		write_generation(&b, mount * 1000 + 300);
		if (clean)
			CHECK_EQ(box_stop(&b), 0);
		else
			box_close(&b);
		if (mount == 1)
			box_shell(&b, "cp -a $V $V-old");
	}
	check_refusals(&b);
	box_shell(&b, "rm -rf $V-old $V-now");
	box_free(&b);
}

/* ---- the checkpoint before the last one */

#define METAS 8192 /* the two pages of which a commit overwrites the older one, last of all */

static void copy_metas(struct box *b, uint8_t metas[METAS], bool back)
{
	_cleanup_close_ int fd = openat(b->temp.dirfd, "catalog/data.mdb", O_RDWR | O_CLOEXEC);

	CHECK_EQ(back ? pwrite(fd, metas, METAS, 0) : pread(fd, metas, METAS, 0), METAS);
}

/* A commit whose last page is torn leaves the state before it: the log still reaches back to that, also
 * after segments that could be spared have been used again. */
static void test_torn_commit(void)
{
	struct box b;
	uint8_t metas[METAS];

	box_make(&b);
	b.config.wal.segments_max = 32;
	CHECK_EQ(box_open(&b), 0);
	write_generation(&b, 0);
	write_generation(&b, 300);
	copy_metas(&b, metas, false);
	write_many(&b, 600, 900);
	CHECK_EQ(catalog_checkpoint(b.c), 0);
	write_many(&b, 1500, 1500);
	box_close(&b);
	copy_metas(&b, metas, true);
	CHECK_EQ(box_open(&b), 0);
	CHECK(b.c && b.report.replayed == 2400);
	for (unsigned i = 0; b.c && i < 3000; i++)
		CHECK(box_has(&b, box_key('Q', i), filler));
	box_free(&b);
}

int main(void)
{
	test_refusals(true);
	test_refusals(false);
	test_torn_commit();
	return check_result();
}
