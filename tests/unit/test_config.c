/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tests/unit/check.h"
#include "tests/unit/temp_folder.h"

/* Loads a configuration of this text from a folder of its own. */
static int load(const char *text, struct config *c, char **why)
{
	struct temp_folder temp;
	int r;

	temp_folder_make(&temp);
	r = text ? io_replace_file_at(temp.dirfd, "brainy.conf", text, strlen(text), 0600) : 0;
	if (r == 0)
		r = config_load(temp.dirfd, NULL, c, why);
	temp_folder_remove(&temp);
	return r;
}

static void test_values(void)
{
	struct config c;
	_cleanup_free_ char *why = NULL;

	CHECK_EQ(load(NULL, &c, &why), 0);
	CHECK_EQ(c.wal.segment_size, 0);
	CHECK_EQ(load("# comment\n[wal]\nsegment_size = 64M\n  no_mmap=yes\t; why not\n\n[index]\r\nexclude = *.o *~\n"
		      "exclude = #*# a;b\nmax_file = 1G\n; more\nlanguages = french\nlanguages = it\n"
		      "[tiers]\nclean_below = 80\nclean_ms = 10", &c, &why), 0);
	CHECK_EQ(c.wal.segment_size, 64 << 20);
	CHECK(c.wal.no_mmap);
	CHECK_EQ(c.tiers.clean_below, 80);
	CHECK_EQ(c.tiers.clean_ms, 10);
	CHECK(strcmp(c.index.exclude, "*.o *~ #*# a;b") == 0);
	CHECK(strcmp(c.index.languages, "french it") == 0);
	CHECK_EQ(c.index.max_file, 1 << 30);
	config_done(&c);
}

static void test_long_lists(void)
{
	_cleanup_free_ char *why = NULL, *text = malloc(100000);
	size_t len = (size_t)sprintf(text, "[index]\nexclude =");
	struct config c;

	for (unsigned i = 0; i < 9000; i++)
		len += (size_t)sprintf(text + len, " *.%u", i);
	CHECK_EQ(load(text, &c, &why), 0);
	CHECK_EQ(strlen(c.index.exclude), len - strlen("[index]\nexclude = "));
	config_done(&c);
}

static void expect_error(const char *text, const char *start, const char *part)
{
	struct config c;
	_cleanup_free_ char *why = NULL;

	CHECK_EQ(load(text, &c, &why), -EINVAL);
	CHECK(why && strncmp(why, start, strlen(start)) == 0 && strstr(why, part));
	if (why && !strstr(why, part))
		fprintf(stderr, "said: %s\n", why);
}

static void test_errors_say_where_and_what_is_allowed(void)
{
	expect_error("[wal]\n\nsegment_sise = 1\n", "brainy.conf:3:", "segment_size, segments_max");
	expect_error("[walls]\nx = 1\n", "brainy.conf:1:", "wal, index, tiers");
	expect_error("[wal]\nsegment_size = much\n", "brainy.conf:2:", "a number from");
	expect_error("[wal]\nsegment_size = 1\n", "brainy.conf:2:", "a number from");
	expect_error("[tiers]\nclean_below = 81\n", "brainy.conf:2:", "a number from 1 to 80");
	expect_error("[tiers]\nclean_ms = 9\n", "brainy.conf:2:", "a number from 10 to 600000");
	expect_error("[wal]\nno_mmap = perhaps\n", "brainy.conf:2:", "yes and no");
	expect_error("[wal]\nsegment_size = 99999999999999999999G\n", "brainy.conf:2:", "a number from");
	expect_error("[wal\n", "brainy.conf:1:", "has no ']'");
	expect_error("\nno_mmap = yes\n", "brainy.conf:2:", "before the first [section]");
	expect_error("[wal]\nno_mmap\n", "brainy.conf:2:", "'key = value'");
	expect_error("[wal]\nno_mmap = yes\nno_mmap = no\n", "brainy.conf:3:", "second time");
	expect_error("[index]\nlanguages = french klingon\n", "brainy.conf:2:", "there are");
	expect_error("[index]\nlanguages = french klingon\n", "brainy.conf:2:", "klingon");
}

static struct config parse(const char *text)
{
	_cleanup_free_ char *why = NULL;
	struct config c = { 0 };

	CHECK_EQ(config_parse("f", text, strlen(text), &c, &why), 0);
	return c;
}

/* What may change is taken over, what may not is named, as long as it differs. */
static void test_changes(void)
{
	_cleanup_buf_ struct buf changed = BUF_INIT, waiting = BUF_INIT;
	struct config running = parse("[wal]\nsegment_size = 64M\n[index]\nexclude = a\nmodel = /m\n");
	struct config fresh = parse("[wal]\nsegment_size = 32M\ncheckpoint_ms = 100\n[index]\nexclude = b\n");

	CHECK_EQ(config_adopt(&running, &fresh, &changed, &waiting), 0);
	CHECK(strcmp(buf_cstr(&changed), "[wal] checkpoint_ms, [index] exclude") == 0);
	CHECK(strcmp(buf_cstr(&waiting), "[wal] segment_size, [index] model") == 0);
	CHECK(strcmp(running.index.exclude, "b") == 0 && strcmp(running.index.model, "/m") == 0);
	CHECK_EQ(running.wal.segment_size, 64 << 20);
	CHECK_EQ(running.wal.checkpoint_ms, 100);
	config_done(&fresh);
	fresh = parse("[wal]\nsegment_size = 64M\n[index]\nmodel = /m\n");
	buf_reset(&changed);
	buf_reset(&waiting);
	CHECK_EQ(config_adopt(&running, &fresh, &changed, &waiting), 0);
	CHECK(strcmp(buf_cstr(&changed), "[wal] checkpoint_ms, [index] exclude") == 0);
	CHECK_EQ(waiting.len, 0);
	CHECK(!running.index.exclude);
	config_done(&fresh);
	config_done(&running);
}

int main(void)
{
	test_values();
	test_long_lists();
	test_errors_say_where_and_what_is_allowed();
	test_changes();
	return check_result();
}
