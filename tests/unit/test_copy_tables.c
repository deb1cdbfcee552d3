/* SPDX-License-Identifier: MIT */
/* What copying and following keep in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "crypto/fingerprint.h"
#include "crypto/keyring.h"
#include "daemon/copy/globs.h"
#include "daemon/copy/links.h"
#include "daemon/copy/meter.h"
#include "daemon/copy/place.h"
#include "daemon/copy/twins.h"
#include "daemon/follow/paths.h"
#include "tests/unit/check.h"

static void test_globs(void)
{
	struct globs g = { 0 };

	CHECK(!globs_match(&g, "a", false));
	CHECK_EQ(globs_add(&g, "*.iso"), 0);
	CHECK_EQ(globs_add(&g, "cache/"), 0);
	CHECK_EQ(globs_add(&g, "/top"), 0);
	CHECK(globs_add(&g, "") < 0);
	CHECK(globs_add(&g, "[a") < 0);
	CHECK(globs_match(&g, "x/y.iso", false));
	CHECK(globs_match(&g, "x/cache", true));
	CHECK(!globs_match(&g, "x/cache", false));
	CHECK(globs_match(&g, "top", false));
	CHECK(!globs_match(&g, "x/top", false));
	globs_done(&g);
}

static void test_links(void)
{
	struct links l = { 0 };
	char name[16];

	for (unsigned i = 0; i < 1000; i++) {
		(void) snprintf(name, sizeof(name), "n%u", i);
		CHECK_EQ(links_put(&l, i % 3, i, name), 0);
	}
	CHECK_EQ(links_put(&l, 0, 0, "other"), 0);
	CHECK(strcmp(links_get(&l, 0, 0), "other") == 0);
	CHECK(strcmp(links_get(&l, 500 % 3, 500), "n500") == 0);
	CHECK(!links_get(&l, (500 + 1) % 3, 500));
	links_done(&l);
	CHECK(!links_get(&l, 0, 0));
}

static void test_twins(void)
{
	struct id128 a = fingerprint_of("abc", 3), b = fingerprint_of("abd", 3);
	struct twins t = { 0 };
	char *taken;

	CHECK(!id128_equal(a, b));
	CHECK(!twins_has(&t, 3));
	CHECK_EQ(twins_add_unknown(&t, 3, "first"), 0);
	CHECK_EQ(twins_add_unknown(&t, 3, "second"), 0);
	CHECK(twins_has(&t, 3) && !twins_has(&t, 4));
	CHECK(!twins_find(&t, 3, &a));
	taken = twins_take_unknown(&t, 3);
	CHECK(taken && strcmp(taken, "second") == 0);
	free(taken);
	CHECK_EQ(twins_add(&t, 3, &a, "second"), 0);
	CHECK(strcmp(twins_find(&t, 3, &a), "second") == 0);
	CHECK(!twins_find(&t, 3, &b) && !twins_find(&t, 4, &a));
	CHECK_EQ(twins_add(&t, 3, &a, "later"), 0);
	CHECK(strcmp(twins_find(&t, 3, &a), "later") == 0);
	CHECK_EQ(t.n, 2);
	twins_done(&t);
}

/* RFC 7693 has no example of 16 bytes; this one is of b2sum -l 128. In pieces it is the same. */
static void test_fingerprint(void)
{
	struct fingerprint f;
	struct id128 known;

	CHECK_EQ(id128_parse("cf4ab791c62b8d2b2109c90275287816", &known), 0);
	CHECK(id128_equal(fingerprint_of("abc", 3), known));
	fingerprint_init(&f);
	fingerprint_add(&f, "a", 1);
	fingerprint_add(&f, "bc", 2);
	CHECK(id128_equal(fingerprint_end(&f), known));
}

static void test_names_of_paths(void)
{
	char *moved = path_moved("a/b/c", "a/b", "x");

	CHECK(path_is_below("a/b", "a") && path_is_below("a", "a") && path_is_below("a", ""));
	CHECK(!path_is_below("ab", "a") && !path_is_below("a", "a/b"));
	CHECK(moved && strcmp(moved, "x/c") == 0);
	free(moved);
}

static void check_taken(struct paths *p, uint64_t now_ms, const char *wanted)
{
	struct path *list = NULL;
	char text[256] = "";
	size_t n = 0;

	CHECK_EQ(paths_take(p, now_ms, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		(void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s ", list[i].name,
				list[i].deep ? "" : ":");
	CHECK(strcmp(text, wanted) == 0);
	if (strcmp(text, wanted) != 0)
		fprintf(stderr, "got '%s', wanted '%s'\n", text, wanted);
	paths_free_list(list, n);
}

static void test_paths(void)
{
	struct paths p = { 0 };

	CHECK(paths_next_ms(&p) == UINT64_MAX);
	CHECK_EQ(paths_put(&p, "b", 20, true), 0);
	CHECK_EQ(paths_put(&p, "a/x", 10, false), 0);
	CHECK_EQ(paths_put(&p, "a", 30, true), 0);
	CHECK_EQ(paths_put(&p, "b", 40, false), 0);
	CHECK_EQ(p.n, 3);
	CHECK_EQ(paths_next_ms(&p), 10);
	check_taken(&p, 9, "");
	check_taken(&p, 20, "a/x: b ");
	CHECK_EQ(p.n, 1);
	CHECK_EQ(paths_put(&p, "a/deep/one", 5, true), 0);
	CHECK_EQ(paths_put(&p, "ab", 5, true), 0);
	CHECK_EQ(paths_put(&p, "c", 5, false), 0);
	CHECK_EQ(paths_move(&p, "a", "c"), 0);
	check_taken(&p, 30, "ab c c/deep/one ");
	CHECK_EQ(p.n, 0);
	CHECK_EQ(paths_put(&p, "left", 5, true), 0);
	paths_done(&p);
}

static void test_texts(void)
{
	char text[METER_SIZE_TEXT];

	CHECK(strcmp(meter_size(999, text), "999 B") == 0);
	CHECK(strcmp(meter_size(1500, text), "1.5 kB") == 0);
	CHECK(strcmp(meter_size(UINT64_MAX, text), "18446.7 PB") == 0);
	CHECK(place_overlap("/", "/tmp") && place_overlap("/tmp", "/"));
	CHECK(!place_overlap("/proc", "/tmp"));
}

int main(void)
{
	CHECK_EQ(keyring_start(), 0);
	test_globs();
	test_links();
	test_twins();
	test_fingerprint();
	test_names_of_paths();
	test_paths();
	test_texts();
	return check_result();
}
