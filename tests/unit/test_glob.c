/* SPDX-License-Identifier: MIT */
#include "tiers/move/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/check.h"

DEFINE_CLEANUP(struct glob *, glob_free)

static const struct {
	const char *pattern, *text;
	bool want;
} paths[] = {
	/* names, in any folder */
	{ "a", "a", true },
	{ "a", "x/y/a", true },
	{ "a", "a/x", false },
	{ "a", "ba", false },
	{ "A", "a", false },
	{ "*.iso", "a.iso", true },
	{ "*.iso", "x/.iso", true },
	{ "*.iso", "x.iso/y", false },
	{ "???", "x/abc", true },
	{ "???", "x/abcd", false },
	{ "*", "any/thing", true },
	/* folders, in any folder or at the top */
	{ "raw/", "raw/a", true },
	{ "raw/", "x/raw/y/a", true },
	{ "raw/", "raw", false },
	{ "raw/", "draw/a", false },
	{ "/raw/", "raw/y/a", true },
	{ "/raw/", "x/raw/a", false },
	{ "a*/", "x/abc/d/e", true },
	/* anchored */
	{ "/a", "a", true },
	{ "/a", "x/a", false },
	{ "a/b", "a/b", true },
	{ "a/b", "x/a/b", false },
	{ "a/b/", "a/b/c/d", true },
	{ "a/b/", "x/a/b/c", false },
	{ "a/*", "a/b", true },
	{ "a/*", "a/b/c", false },
	{ "a/*/c", "a/b/c", true },
	{ "a/*/c", "a/b/b/c", false },
	{ "a/*", "a/", true },
	{ "a?b/c", "a/b/c", false },
	/* two asterisks */
	{ "a/**", "a/b", true },
	{ "a/**", "a/b/c", true },
	{ "a/**", "a", false },
	{ "a/**/b", "a/b", true },
	{ "a/**/b", "a/x/b", true },
	{ "a/**/b", "a/x/y/b", true },
	{ "a/**/b", "a/xb", false },
	{ "**/b", "b", true },
	{ "**/b", "x/y/b", true },
	{ "**/b", "xb", false },
	{ "**/**/b", "b", true },
	{ "/**/a/**/b/**", "x/a/b/c", true },
	{ "/**/a/**/b/**", "a/b", false },
	{ "/a**b", "a/x/b", true },
	{ "/a**b", "ab", true },
	{ "/a**b", "axb/c", false },
	{ "/**", "a/b", true },
	{ "/***", "a/b", true },
	/* sets */
	{ "[abc]", "b", true },
	{ "[abc]", "d", false },
	{ "[a-c]x", "cx", true },
	{ "[!a-c]x", "cx", false },
	{ "[^a-c]x", "dx", true },
	{ "/a[!x]b", "a/b", false },
	{ "/a[/]b", "a/b", false },
	{ "[]]", "]", true },
	{ "[!]]", "]", false },
	{ "[a-]", "-", true },
	{ "[-a]", "-", true },
	{ "[\\]]", "]", true },
	{ "[\x80-\xff]", "\xe4", true },
	{ "[\x80-\xff]", "a", false },
	/* escapes and bytes */
	{ "\\*", "*", true },
	{ "\\*", "a", false },
	{ "a\\[b", "a[b", true },
	{ "?", "\xff", true },
	{ "??", "\xc3\xa4", true },
	{ "?", "\xc3\xa4", false },
	{ "a b", "x/a b", true },
	/* many ways */
	{ "*a*b*c*", "xxaxxbxxcxx", true },
	{ "*a*b*c*", "xxaxxcxxbxx", false },
	{ "a*a*a", "aa", false },
	{ "a*a*a", "aaa", true },
	{ "/x/**/y*/**/z", "x/a/yb/c/d/z", true },
	{ "/x/**/y*/**/z", "x/a/b/c/d/z", false },
};

static bool match(const char *pattern, enum glob_kind kind, const char *text, uint64_t *steps)
{
	_cleanup_(glob_freep) struct glob *g = NULL;

	CHECK_EQ(glob_new(pattern, strlen(pattern), kind, &g), 0);
	return g && glob_matches(g, text, strlen(text), steps);
}

static void test_paths(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		bool got = match(paths[i].pattern, GLOB_PATH, paths[i].text, NULL);

		if (got != paths[i].want)
			fprintf(stderr, "'%s' and '%s'\n", paths[i].pattern, paths[i].text);
		CHECK_EQ(got, paths[i].want);
	}
}

static void test_plain(void)
{
	CHECK(match("text/*", GLOB_PLAIN, "text/plain", NULL));
	CHECK(!match("text", GLOB_PLAIN, "x/text", NULL));
	CHECK(!match("text/*", GLOB_PLAIN, "text/x/y", NULL));
	CHECK(match("text**", GLOB_PLAIN, "text/x/y", NULL));
	CHECK(match("application/vnd.*+xml", GLOB_PLAIN, "application/vnd.x.y+xml", NULL));
	CHECK(!match("a", GLOB_PLAIN, "", NULL));
	CHECK(match("*", GLOB_PLAIN, "", NULL));
}

static void test_bad(void)
{
	static const char *const bad[] = { "", "/", "[", "[]", "[a", "[!", "[!]", "[z-a]", "a\\", "[a\\", "[a-\\" };
	char longest[400];
	struct glob *g = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(glob_new(bad[i], strlen(bad[i]), GLOB_PATH, &g), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	CHECK_EQ(glob_new(longest, GLOB_TOKENS_MAX + 1, GLOB_PLAIN, &g), -E2BIG);
	CHECK_EQ(glob_new(longest, GLOB_TOKENS_MAX, GLOB_PLAIN, &g), 0);
	CHECK(glob_matches(g, longest, GLOB_TOKENS_MAX, NULL));
	CHECK(!glob_matches(g, longest, GLOB_TOKENS_MAX - 1, NULL));
	CHECK(!glob_matches(g, longest, GLOB_TOKENS_MAX + 1, NULL));
	(void) glob_free(g);
}

/* Patterns on which a matcher that goes back takes exponential time, or the square of the length. */
static void test_hostile(void)
{
	static const char *const units[] = { "*a", "**a", "**/", "*/**/a*", "?*", "[a-z]*", "**a*b" };
	char pattern[GLOB_TOKENS_MAX + 8], text[4097];

	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		size_t len = 0, unit = strlen(units[u]);
		uint64_t steps = 0;

		while (len + unit < GLOB_TOKENS_MAX - 8) {
			memcpy(pattern + len, units[u], unit + 1);
			len += unit;
		}
		strcpy(pattern + len, "[!a]");
		memset(text, 'a', sizeof(text) - 1);
		for (size_t i = 0; u > 1 && i < sizeof(text) - 1; i += 5)
			text[i] = '/';
		text[sizeof(text) - 1] = '\0';
		CHECK(!match(pattern, GLOB_PATH, text, &steps));
		CHECK(steps <= 2 * (GLOB_TOKENS_MAX + 1) * sizeof(text));
		CHECK(steps >= sizeof(text)); /* none is refused by its end */
	}
}

/* The plain definition, exponential: what the fast one is compared with. */
static bool defined(const char *p, const char *t, bool begins)
{
	if (!*p)
		return !*t;
	if (strncmp(p, "**/", 3) == 0 && begins) {
		if (defined(p + 3, t, true))
			return true;
		t = strchr(t, '/');
		return t && defined(p, t + 1, true);
	}
	if (*p == '*') {
		size_t stars = strspn(p, "*");

		return defined(p + stars, t, false) || (*t && (stars > 1 || *t != '/') && defined(p, t + 1, false));
	}
	return *t && (*p == '?' ? *t != '/' : *p == *t) && defined(p + 1, t + 1, *p == '/');
}

static void test_against_definition(void)
{
	static const char in_pattern[] = "ab/**?*", in_text[] = "ab/a";
	unsigned different = 0;

	srand(7);
	for (unsigned round = 0; round < 200000; round++) {
		char pattern[10] = "", text[10] = "";
		_cleanup_(glob_freep) struct glob *g = NULL;
		int n = 1 + rand() % 8, m = rand() % 9;

		for (int i = 0; i < n; i++)
			pattern[i] = in_pattern[(size_t)rand() % (sizeof(in_pattern) - 1)];
		for (int i = 0; i < m; i++)
			text[i] = in_text[(size_t)rand() % (sizeof(in_text) - 1)];
		/* Three asterisks before a slash are read as two. */
		if (strstr(pattern, "***"))
			continue;
		CHECK_EQ(glob_new(pattern, (size_t)n, GLOB_PLAIN, &g), 0);
		if (glob_matches(g, text, (size_t)m, NULL) != defined(pattern, text, true) && different++ < 5)
			fprintf(stderr, "'%s' and '%s'\n", pattern, text);
	}
	CHECK_EQ(different, 0);
}

int main(void)
{
	test_paths();
	test_plain();
	test_bad();
	test_hostile();
	test_against_definition();
	return check_result();
}
