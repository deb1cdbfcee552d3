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
	CHECK_EQ(load("# comment\n[wal]\nsegment_size = 64M\nno_mmap = yes\n[index]\nexclude = *.o *~\n"
		      "max_file = 1G\n[mount]\nshow_virtual = off\n", &c, &why), 0);
	CHECK_EQ(c.wal.segment_size, 64 << 20);
	CHECK(c.wal.no_mmap && !c.mount.show_virtual);
	CHECK(strcmp(c.index.exclude, "*.o *~") == 0);
	CHECK_EQ(c.index.max_file, 1 << 30);
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
	expect_error("[walls]\nx = 1\n", "brainy.conf:2:", "mount, wal, index, tiers");
	expect_error("[wal]\nsegment_size = much\n", "brainy.conf:2:", "a number from");
	expect_error("[wal]\nsegment_size = 1\n", "brainy.conf:2:", "a number from");
	expect_error("[wal]\nno_mmap = perhaps\n", "brainy.conf:2:", "yes and no");
	expect_error("[wal]\nsegment_size = 99999999999999999999G\n", "brainy.conf:2:", "a number from");
	expect_error("[wal\n", "brainy.conf:1:", "");
}

int main(void)
{
	test_values();
	test_errors_say_where_and_what_is_allowed();
	return check_result();
}
