/* SPDX-License-Identifier: MIT */
/* Names of query files and the query language, without an index. */
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "index/index.h"
#include "index/query/language.h"

static void test_names(void)
{
	struct query q;
	char *why;

	CHECK_EQ(query_parse_name("q=a", &q, &why), 0);
	CHECK(q.limit == 20 && q.offset == 0 && q.format == FORMAT_TSV && q.mode == QUERY_HYBRID && q.wait_ms == 1000);
	CHECK(!q.literal && !q.absolute && !q.in && !q.sort && q.alpha < 0);
	query_done(&q);
	CHECK_EQ(query_parse_name("format=paths0&mode=vector&limit=10000&offset=7&q=50%25 a+b%26c%3Dd %zz %4&in=x%2Fy"
				  "&literal=1&paths=absolute&alpha=0.5&wait=0&sort=newest", &q, &why), 0);
	CHECK(strcmp(q.text, "50% a+b&c=d %zz %4") == 0 && strcmp(q.in, "x/y") == 0);
	CHECK(q.format == FORMAT_PATHS0 && q.mode == QUERY_VECTOR && q.limit == 10000 && q.offset == 7);
	CHECK(q.literal && q.absolute && q.alpha == 0.5 && q.wait_ms == 0 && strcmp(q.sort, "newest") == 0);
	query_done(&q);
	CHECK_EQ(query_parse_name("q=a&colour=1", &q, &why), -EINVAL);
	CHECK(strstr(why, "colour") && strstr(why, "limit"));
	free(why);
}

/* Words, phrases and filters, each with '-' when excluded. */
static void check_language(const char *text, const char *want, int line)
{
	struct parsed_query p = { 0 };
	char got[512] = "", *why = NULL;
	size_t at = 0;
	int r = query_language_parse(text, false, &p, &why);

	if (r < 0)
		at = (size_t)snprintf(got, sizeof(got), "refused");
	for (size_t i = 0; i < p.n_words; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s*%u ", p.words[i].negate ? "-" : "", p.words[i].text,
				       p.words[i].count);
	for (size_t i = 0; i < p.n_phrases; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s\"%s\" ", p.phrases[i].negate ? "-" : "",
				       p.phrases[i].text);
	for (size_t i = 0; i < p.n_filters; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s:%s ", p.filters[i].negate ? "-" : "",
				       p.filters[i].field, p.filters[i].value);
	if (at > 0 && got[at - 1] == ' ')
		got[at - 1] = 0;
	if (strcmp(got, want) != 0) {
		fprintf(stderr, "line %d: '%s' gives '%s', not '%s'\n", line, text, got, want);
		check_failures++;
	}
	parsed_query_done(&p);
	free(why);
}
#define LANGUAGE(text, want) check_language(text, want, __LINE__)

static void test_language(void)
{
	LANGUAGE("Flood pump flood", "flood*2 pump*1");
	LANGUAGE("flood -pump", "flood*1 -pump*1");
	LANGUAGE("flood - pump", "flood*1 pump*1");
	LANGUAGE("-first-order x", "x*1 -\"first-order\"");
	LANGUAGE("\"Pump  house\" -\"the end\"", "pump*1 house*1 \"Pump  house\" -\"the end\"");
	LANGUAGE("tag:\"dark blue\" -type:PDF name:A*", "tag:dark blue -type:pdf name:a*");
	LANGUAGE("colour:Blue https://a.example/b Re: x", "https*1 a*1 example*1 b*1 re*1 x*1 colour:blue");
	LANGUAGE("a\xe3\x80\x80-b", "a*1 -b*1");
	LANGUAGE("it's 5\"", "it*1 s*1 5*1");
	LANGUAGE("name:", "refused");
	LANGUAGE("\"open", "refused");
	LANGUAGE("tag:\"open", "refused");
	LANGUAGE("after:2021-1", "refused");
	LANGUAGE("...", "refused");
	LANGUAGE("size:1..", "refused");
	LANGUAGE("size:5K..1K", "refused");
	LANGUAGE("size:<0", "refused");
	LANGUAGE("size:>9223372036854775807", "refused");
	LANGUAGE("size:>=", "refused");
	LANGUAGE("title:...", "refused");
	LANGUAGE("pages:3..", "refused");
	LANGUAGE("pages:\"3..\"", "pages:3..");
}

static void check_range(const char *text, int64_t low, int64_t high)
{
	struct parsed_query p = { 0 };
	char *why = NULL;

	CHECK_EQ(query_language_parse(text, false, &p, &why), 0);
	CHECK_EQ(p.n_filters, 1);
	CHECK_EQ(p.filters[0].low, low);
	CHECK_EQ(p.filters[0].high, high);
	parsed_query_done(&p);
}

static void test_values(void)
{
	const int64_t day = 86400ll * 1000000000;

	check_range("after:1970", 0, INT64_MAX);
	check_range("after:1970-01-02", day, INT64_MAX);
	check_range("before:2000-03-01", INT64_MIN, 11017 * day);
	check_range("after:2024-02-29", 19782 * day, INT64_MAX);
	check_range("after:1969-12-31", -day, INT64_MAX);
	check_range("size:10K", 10240, 10240);
	check_range("size:>1M", 1048577, INT64_MAX);
	check_range("size:<1k", 0, 1023);
	check_range("size:1..2MB", 1, 2097152);
	check_range("size:>=1K", 1024, INT64_MAX);
	check_range("size:<=1K", 0, 1024);
	check_range("size:<=0", 0, 0);
	check_range("size:>=9223372036854775807", INT64_MAX, INT64_MAX);
}

int main(void)
{
	test_names();
	test_language();
	test_values();
	return check_result();
}
