/* SPDX-License-Identifier: MIT */
/* Single keys of brainy.conf are changed, and nothing else is: what comes out is compared byte for byte, and parsed. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "daemon/config.h"
#include "daemon/config_edit.h"
#include "tests/unit/check.h"

#define URL(v) { "url", v }

static void expect(const char *before, const struct config_change *changes, size_t n, const char *after)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	CHECK_EQ(config_edit(before, strlen(before), "cold", changes, n, &out), 0);
	if (strcmp(buf_cstr(&out), after) != 0)
		fprintf(stderr, "from\n%s\nis\n%s\nnot\n%s\n", before, (char *)out.data, after);
	CHECK(strcmp(buf_cstr(&out), after) == 0);
}

static void expect_url(const char *before, const char *url, const char *after)
{
	expect(before, &(struct config_change)URL(url), 1, after);
}

static void test_places(void)
{
	expect_url("", "s3://b/p", "[cold]\nurl = s3://b/p\n");
	expect_url("[tiers]\nhot_days = 3", "s3://b/p", "[tiers]\nhot_days = 3\n\n[cold]\nurl = s3://b/p\n");
	expect_url("[cold]", "s3://b/p", "[cold]\nurl = s3://b/p\n");
	expect_url("[cold]\n", "s3://b/p", "[cold]\nurl = s3://b/p\n");
	/* Behind the last key of the section, before what follows. */
	expect_url("# mine\n[cold]\nregion = x\n# about the rest\n\n[tiers]\nhot_days = 3\n", "s3://b/p",
		   "# mine\n[cold]\nregion = x\nurl = s3://b/p\n# about the rest\n\n[tiers]\nhot_days = 3\n");
	expect_url("[cold]\nregion = x\n[tiers]\nhot_days = 3\n[cold]\naddressing = path\n[wal]\n", "s3://b/p",
		   "[cold]\nregion = x\n[tiers]\nhot_days = 3\n[cold]\naddressing = path\nurl = s3://b/p\n[wal]\n");
	/* The same key elsewhere is another's. */
	expect_url("[index]\nurl = z\n[cold]\n", "s3://b/p", "[index]\nurl = z\n[cold]\nurl = s3://b/p\n");
	expect_url("[colder]\nurl = z\n[class cold]\nurl = z\n", "s3://b/p",
		   "[colder]\nurl = z\n[class cold]\nurl = z\n\n[cold]\nurl = s3://b/p\n");
}

static void test_values(void)
{
	expect_url("[cold]\nurl = old\n", "s3://b/p", "[cold]\nurl = s3://b/p\n");
	expect_url("[cold]\n\turl\t=old   ; why\n# url = no\n;url = no\n", "s3://b/p",
		   "[cold]\n\turl\t=s3://b/p   ; why\n# url = no\n;url = no\n");
	expect_url("[cold] ; here\r\nurl = old\r\nregion = x\r\n", "s3://b/p", "[cold] ; here\r\nurl = s3://b/p\r\nregion = x\r\n");
	expect_url("[cold]\nurl = old", "s3://b/p", "[cold]\nurl = s3://b/p");
	expect_url("[cold]\nurl = a;b\n", "c;d#e", "[cold]\nurl = c;d#e\n");
	expect_url("[cold]\nurl =\n", "x", "[cold]\nurl =x\n");
	expect_url("[cold]\nurls = a\nnothing\n", "x", "[cold]\nurls = a\nnothing\nurl = x\n");
}

static void test_several(void)
{
	const struct config_change changes[] = { URL("s3://b/p"), { "endpoint", "http://h:1" }, { "region", NULL } };
	const struct config_change gone[] = { URL(NULL), { "endpoint", NULL } };

	expect("[cold]\n# where\nregion = x ; there\nurl = old\ngrace_hours = 3\n", changes, 3,
	       "[cold]\n# where\nurl = s3://b/p\ngrace_hours = 3\nendpoint = http://h:1\n");
	expect("[cold]\nurl = old\nendpoint = http://h\ngrace_hours = 3\n", gone, 2, "[cold]\ngrace_hours = 3\n");
	expect("[cold]\nurl = old\n", gone, 2, "[cold]\n");
	expect("", gone, 2, "");
	expect("[tiers]\n", gone, 2, "[tiers]\n");
}

static void test_refused(void)
{
	static const char *const bad[] = { "", " x", "x ", "a\nb", "a ;b", ";b", "a\tb", "x\r" };
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		CHECK_EQ(config_edit("", 0, "cold", &(struct config_change)URL(bad[k]), 1, &out), -EINVAL);
	CHECK_EQ(out.len, 0);
}

/* What is written is what is read. */
static void test_read_back(void)
{
	static const char text[] = "[index]\nexclude = *.o #x ;y\n[cold] ; c\n url = s3://bucket/one ; two\n";
	const struct config_change changes[] = { URL("file:///a b;c"), { "region", "eu-1" }, { "ca_file", "/x y" } };
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *why = NULL;
	struct config c, copy;

	CHECK_EQ(config_edit(text, strlen(text), "cold", changes, 3, &out), 0);
	CHECK_EQ(config_parse("f", out.data, out.len, &c, &why), 0);
	CHECK(strcmp(c.cold.url, "file:///a b;c") == 0 && strcmp(c.cold.region, "eu-1") == 0);
	CHECK(strcmp(c.cold.ca_file, "/x y") == 0 && strcmp(c.index.exclude, "*.o #x") == 0);
	CHECK_EQ(config_copy_cold(&c, &copy), 0);
	CHECK(config_same_cold(&c, &copy) && !copy.index.exclude && copy.cold.url != c.cold.url);
	copy.cold.grace_hours = 7; /* does not open it anew */
	CHECK(config_same_cold(&c, &copy));
	copy.cold.connections_max = 7;
	CHECK(!config_same_cold(&c, &copy));
	config_done(&copy);
	config_done(&c);
}

int main(void)
{
	test_places();
	test_values();
	test_several();
	test_refused();
	test_read_back();
	return check_result();
}
