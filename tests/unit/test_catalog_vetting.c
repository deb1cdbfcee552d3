/* SPDX-License-Identifier: MIT */
/* A store that is used before it has been checked whole. Each page is altered in turn: reads give the right bytes
 * or an error, nothing is written to what is damaged, and the next opening either goes back to a state that is
 * whole or refuses. */
#include <errno.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tests/unit/catalog_box.h"

#define RECORDS 400u
#define PAGE 4096u
#define DATA "catalog/data.mdb"

static void put_all(struct box *b, const char *text)
{
	for (unsigned i = 0; i < RECORDS; i++)
		CHECK_EQ(box_put(b, box_key("TM"[i % 2], i), text), 0);
}

/* 0: right. -EBADMSG and the like are errors; a record that is not there or says something else is a failure. */
static int read_all(struct box *b, const char *text)
{
	int worst = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		struct key k = box_key("TM"[i % 2], i);
		int r = catalog_get(b->c, k.bytes, k.len, &value);

		CHECK(r != -ENOENT);
		CHECK(r < 0 || (value.len == strlen(text) && memcmp(value.data, text, value.len) == 0));
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static bool is_suspect(const struct box *b)
{
	return faccessat(b->temp.dirfd, "catalog/suspect", F_OK, 0) == 0;
}

/* What is missed is missing, before and after the check, which may be over before or not. */
static void test_whole(bool start)
{
	struct key missing = box_key('T', RECORDS + 1);
	struct catalog_stats stats;
	struct box b;

	box_make(&b);
	b.config.check_later = true;
	for (unsigned round = 0; round < 3; round++) {
		CHECK_EQ(box_open(&b), 0);
		if (start)
			CHECK_EQ(catalog_start(b.c), 0);
		CHECK_EQ(catalog_get(b.c, missing.bytes, missing.len, NULL), -ENOENT);
		put_all(&b, "as it should be");
		CHECK_EQ(catalog_checkpoint(b.c), 0);
		catalog_get_stats(b.c, &stats);
		CHECK(!stats.checking && !stats.failed && !stats.damaged);
		CHECK_EQ(catalog_get(b.c, missing.bytes, missing.len, NULL), -ENOENT);
		CHECK_EQ(read_all(&b, "as it should be"), 0);
		CHECK_EQ(round % 2 ? 0 : box_stop(&b), 0);
		box_close(&b);
	}
	CHECK(!is_suspect(&b));
	box_free(&b);
}

static unsigned found_whole;

static void note_whole(void *context)
{
	found_whole++;
}

static void change_and_write(struct box *b, const char *text)
{
	struct catalog_stats stats;

	CHECK_EQ(box_open(b), 0);
	CHECK_EQ(catalog_start(b->c), 0);
	put_all(b, text);
	CHECK_EQ(catalog_checkpoint(b->c), 0);
	catalog_get_stats(b->c, &stats);
	CHECK(!stats.checking && !stats.failed && !stats.damaged);
	CHECK_EQ(read_all(b, text), 0);
	box_close(b);
}

/* What one server has found whole the next does not look at again. */
static void test_handed_over(void)
{
	struct key missing = box_key('T', RECORDS + 1);
	struct box b;

	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	put_all(&b, "first");
	CHECK_EQ(box_stop(&b), 0);
	b.config.check_later = true;
	b.config.found_whole = note_whole;
	found_whole = 0;
	change_and_write(&b, "second");
	CHECK_EQ(found_whole, 1);
	b.config.warm = true;
	change_and_write(&b, "third");
	CHECK_EQ(found_whole, 2);
	b.config.whole = true;
	change_and_write(&b, "fourth");
	CHECK_EQ(found_whole, 2);
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(catalog_get(b.c, missing.bytes, missing.len, NULL), -ENOENT);
	CHECK_EQ(read_all(&b, "fourth"), 0);
	CHECK_EQ(box_stop(&b), 0);
	b.config.warm = b.config.whole = b.config.check_later = false;
	CHECK_EQ(box_open(&b), 0);
	CHECK_EQ(read_all(&b, "fourth"), 0);
	box_close(&b);
	box_free(&b);
}

/* Two checkpoints of all records, then a kill: most pages belong to one of the two states. */
static void make_two_states(struct box *b)
{
	box_make(b);
	CHECK_EQ(box_open(b), 0);
	put_all(b, "first");
	CHECK_EQ(catalog_checkpoint(b->c), 0);
	put_all(b, "second");
	CHECK_EQ(catalog_checkpoint(b->c), 0);
	box_close(b);
	box_shell(b, "cp -a $V $V-kept");
}

static void alter_page(const struct box *b, uint64_t page)
{
	_cleanup_close_ int fd = openat(b->temp.dirfd, DATA, O_WRONLY | O_CLOEXEC);
	static const char bytes[] = "not the number of a page";

	CHECK_EQ(pwrite(fd, bytes, sizeof(bytes), (off_t)(page * PAGE)), (ssize_t)sizeof(bytes));
}

enum outcome { UNHARMED, FAILED, REFUSED, OUTCOMES };

static enum outcome use(struct box *b)
{
	struct catalog_stats stats;
	enum outcome o = UNHARMED;

	if (box_open(b) < 0)
		return REFUSED;
	CHECK_EQ(catalog_start(b->c), 0);
	(void) read_all(b, "second");
	(void) box_put(b, box_key('T', RECORDS + 2), "more");
	if (catalog_checkpoint(b->c) < 0) {
		catalog_get_stats(b->c, &stats);
		CHECK_EQ(stats.failed, -EBADMSG);
		CHECK_EQ(box_put(b, box_key('T', RECORDS + 3), "still more"), -EIO);
		o = FAILED;
	}
	box_close(b);
	return o;
}

static void test_each_page_altered(void)
{
	unsigned outcomes[OUTCOMES] = { 0 }, back = 0;
	struct stat st;
	struct box b;

	make_two_states(&b);
	CHECK_EQ(fstatat(b.temp.dirfd, DATA, &st, 0), 0);
	b.config.check_later = true;
	b.config.found_whole = note_whole;
	for (uint64_t page = 0; page < (uint64_t)st.st_size / PAGE; page++) {
		enum outcome o;

		box_shell(&b, "rm -rf $V/catalog $V/wal && cp -a $V-kept/. $V");
		alter_page(&b, page);
		found_whole = 0;
		outcomes[o = use(&b)]++;
		CHECK(found_whole == 0 || o == UNHARMED);
		CHECK_EQ(is_suspect(&b), o == FAILED);
		if (o != FAILED || box_open(&b) < 0)
			continue;
		CHECK_EQ(read_all(&b, "second"), 0);
		CHECK_EQ(catalog_checkpoint(b.c), 0);
		CHECK(!is_suspect(&b));
		box_close(&b);
		back++;
	}
	printf("%u unharmed, %u failed, %u refused, %u went back\n", outcomes[UNHARMED], outcomes[FAILED],
	       outcomes[REFUSED], back);
	CHECK(outcomes[FAILED] > 0 && back > 0);
	box_shell(&b, "rm -rf $V-kept");
	box_free(&b);
}

int main(void)
{
	test_whole(false);
	test_whole(true);
	test_handed_over();
	test_each_page_altered();
	return check_result();
}
