/* SPDX-License-Identifier: MIT */
/* Filters over fields and over links: what users set and what was found, numbers, dates, ranges; for whom. */
#include "query_box.h"

#include "index/query/language.h"
#include "tests/fakes/plain_extractor.h"

/* ---- ranges, without files */

static int in_range(const char *value, const char *text)
{
	struct value_range range;
	char *why = NULL;
	int r = query_value_range("f", value, &range, &why);

	free(why);
	return r < 0 ? r : value_is_in(&range, text, strlen(text));
}

/* `in` and `out` are texts, separated by bars. */
static void check_range(const char *value, const char *in, const char *out, int line)
{
	for (int wanted = 1; wanted >= 0; wanted--) {
		char *copy = strdup(wanted ? in : out), *rest = copy;

		for (char *text; (text = strsep(&rest, "|")) && *text;)
			if (in_range(value, text) != wanted) {
				fprintf(stderr, "line %d: %s of %s is not %d\n", line, text, value, wanted);
				check_failures++;
			}
		free(copy);
	}
}
#define RANGE(value, in, out) check_range(value, in, out, __LINE__)

static void test_ranges(void)
{
	RANGE(">10", "11|10.5|1e2|99999999999999999999", "10|9|-11|ten|11 pages||1e|0x20|nan|inf|2020-01-01");
	RANGE(">=10", "10|10.0|11", "9.999|");
	RANGE("<-1.5", "-2|-1e9", "-1.5|0|two|");
	RANGE("<=0", "0|-0|-3", "0.1|");
	RANGE("3..5", "3|4|5|5.0|3e0", "2|6|2.99|5.01|3..5|");
	RANGE("-5..-3", "-4|-5|-3", "-2|-6|4");
	RANGE("3..3", "3", "4");
	RANGE("2020..2021",
	      "2020|2020.5|2021|2020-01-01|2021-12-31|2021-12-31T23:59:59Z|2021-06|2020:05:06 "
	      "10:11:12|D:20210304101112+01'00'|2021-06-05 10:11",
	      "2019-12-31|2022-01-01|2022|D:20220101|2021-13-01|2021-06-05x|21-06-05");
	RANGE("2020-06..2021", "2020-06-01|2021|2021-12-31|D:202006", "2020|2020-05-31|2022-01-01|2020.9");
	RANGE(">2020", "2021|2021-01-01|2020.5", "2020-12-31|2020|2019");
	RANGE(">=2020-02", "2020-02-01|2020-02|2021", "2020-01-31|2020");
	RANGE("<2020-02-29", "2020-02-28|2020-02|2019", "2020-02-29|2020-03");
	RANGE("<=2020-02", "2020-02-29|2020", "2020-03-01|2021");
	/* A date by itself is the days that it names; a number is text. */
	RANGE("2020-02", "2020-02-29|2020-02", "2020-03-01|2020");
	RANGE("2020", "2020-05-05|2020", "2021-01-01");
	RANGE("12", "", "12");
}

static void test_wrong_ranges(void)
{
	static const char *const wrong[] = { ">",
					     "<",
					     ">=",
					     "..",
					     "3..",
					     "..5",
					     "5..3",
					     "3..x",
					     "a..b",
					     ">ten",
					     "><3",
					     "3...5..7",
					     "2021..2020",
					     "2021-01..2020-12",
					     "2020-13..2021",
					     "3..2020-05",
					     ">2020-02-30",
					     "1e999..2",
					     ">0x10",
					     "1..nan",
					     ">=<3",
					     "1..2..3",
					     "-..3" };

	for (size_t k = 0; k < ARRAY_SIZE(wrong); k++) {
		if (in_range(wrong[k], "x") != -EINVAL)
			fprintf(stderr, "%s is not refused\n", wrong[k]);
		CHECK_EQ(in_range(wrong[k], "x"), -EINVAL);
	}
}

/* ---- fields */

static void test_fields(void)
{
	struct box *b = box_new();
	uint64_t one, two;

	box_open_index(b);
	one = box_file(b, ROOT_INO, "one.txt", "sea and wind");
	two = box_file(b, ROOT_INO, "two.txt", "sea and land");
	(void) box_file(b, ROOT_INO, "three.md",
		       "sea\n@field author Ann Lee\n@field date 2020-05-06T10:00:00\n@field pages 12\n@field "
		       "rating 9\n");
	(void) box_file(
		b, ROOT_INO, "four.md",
		"sand\n@field author ann lee\n@field date 2021-12\n@field pages 9\n@field language Dutch\n");
	box_xattr(b, one, "user.author", "ANN LEE");
	box_xattr(b, one, "user.baloo.rating", "3");
	box_xattr(b, two, "user.pages", " 120 ");
	box_xattr(b, two, "user.author", "Ann-Marie Lee");
	box_xattr(b, two, "user.xdg.comment", "two lines\nof Words");
	box_xattr(b, two, "user.range", "3..x");
	box_wait(b);
	CHECK_QUERY(b, "find?q=author:\"ann lee\"&format=paths&sort=name", "four.md one.txt three.md");
	CHECK_QUERY(b, "find?q=AUTHOR:\"Ann Lee\" sea&format=paths&sort=name&mode=text", "one.txt three.md");
	CHECK_QUERY(b, "find?q=-author:\"ann lee\"&format=paths", "two.txt");
	CHECK_QUERY(b, "find?q=author:ann*lee&format=paths&sort=name", "four.md one.txt three.md two.txt");
	CHECK_QUERY(b, "find?q=author:lee&format=paths", "");
	CHECK_QUERY(b, "find?q=pages:>10&format=paths&sort=name", "three.md two.txt");
	CHECK_QUERY(b, "find?q=pages:9..12&format=paths&sort=name", "four.md three.md");
	CHECK_QUERY(b, "find?q=-pages:<100&format=paths&sort=name", "one.txt two.txt");
	CHECK_QUERY(b, "find?q=pages:120&format=paths", "two.txt");
	CHECK_QUERY(b, "find?q=rating:3..5&format=paths", "one.txt");
	CHECK_QUERY(b, "find?q=rating:>2&format=paths&sort=name", "one.txt three.md");
	CHECK_QUERY(b, "find?q=baloo.rating:>2&format=paths", "one.txt");
	CHECK_QUERY(b, "find?q=date:2020..2021&format=paths&sort=name", "four.md three.md");
	CHECK_QUERY(b, "find?q=date:2020-05&format=paths", "three.md");
	CHECK_QUERY(b, "find?q=date:>2020-05-06&format=paths", "four.md");
	CHECK_QUERY(b, "find?q=comment:*words&format=paths", "two.txt");
	CHECK_QUERY(b, "find?q=comment:\"two lines\nof words\"&format=paths", "two.txt");
	CHECK_QUERY(b, "find?q=comment:\"two lines\"&format=paths", "");
	CHECK_QUERY(b, "find?q=language:dutch&format=paths", "four.md");
	CHECK_QUERY(b, "find?q=range:\"3..x\"&format=paths", "two.txt");
	CHECK_QUERY(b, "find?q=nothing:>1&format=paths", "");
	REFUSE_QUERY(b, "find?q=range:3..x", "3..5");
	REFUSE_QUERY(b, "find?q=pages:5..3", "ends before it begins");
	REFUSE_QUERY(b, "find?q=pages:>many", "pages:>many: a range");
	REFUSE_QUERY(b, "count?by=tag&q=date:2020..soon", "2020-06..2021");
	box_write(b, one, "sea\n", 4);
	box_xattr(b, one, "user.author", "Bob");
	CHECK_QUERY(b, "find?q=author:bob&format=paths", "one.txt"); /* it waits */
	box_wait(b);
	CHECK_QUERY(b, "find?q=author:\"ann lee\"&format=paths&sort=name", "four.md three.md");
	box_chmod(b, two, 0600);
	CHECK_OTHER(b, "find?q=pages:>10&format=paths", "three.md");
	CHECK_OTHER(b, "count?by=pages&q=pages:>0", "1\t12 1\t9");
	box_free(b);
}

/* ---- links */

static void chain(struct box *b, const char *name, const char *to, const char *words)
{
	char text[200];

	(void) snprintf(text, sizeof(text), "%s\n@link w cites %s\n", words, to);
	(void) box_file(b, ROOT_INO, name, text);
}

/* a -> b -> c -> d, and e -> c */
static struct box *box_of_chain(void)
{
	struct box *b = box_new();

	box_open_index(b);
	chain(b, "a.md", "b", "sea");
	chain(b, "b.md", "c", "sea wind");
	chain(b, "c.md", "d", "land");
	chain(b, "e.md", "c", "sea sea sea");
	(void) box_file(b, ROOT_INO, "d.md", "sea");
	(void) box_file(b, ROOT_INO, "far.md", "sea and nothing else");
	for (uint64_t k = 2; k < 8; k++)
		box_mtime(b, k, 1000 - (int64_t)k);
	box_wait(b);
	return b;
}

static void test_related(void)
{
	struct box *b = box_of_chain();
	uint64_t folder = box_folder(b, ROOT_INO, "deep");

	CHECK_QUERY(b, "find?q=related:a.md&format=paths", "b.md c.md"); /* the nearest first */
	CHECK_QUERY(b, "find?q=related:a.md&depth=1&format=paths", "b.md");
	CHECK_QUERY(b, "find?q=related:a.md&depth=9&format=paths",
		    "b.md c.md e.md d.md"); /* then the newest: c's number is less */
	CHECK_QUERY(b, "find?q=related:c.md&depth=1&dir=in&format=paths", "b.md e.md");
	CHECK_QUERY(b, "find?q=related:c.md&depth=1&dir=out&format=paths", "d.md");
	CHECK_QUERY(b, "find?q=related:a.md&verb=sees&format=paths", "");
	CHECK_QUERY(b, "find?q=-related:a.md&format=paths&sort=name", "a.md d.md e.md far.md");
	CHECK_QUERY(b, "find?q=related:a.md related:d.md&format=paths", "b.md c.md");
	CHECK_QUERY(b, "find?q=sea related:c.md&mode=text&format=paths&sort=name", "a.md b.md d.md e.md");
	CHECK_QUERY(b, "find?q=sea related:b.md name:a&mode=text&format=paths", "a.md");
	CHECK_QUERY(b, "find?q=\"sea wind\" related:a.md&format=paths", "b.md");
	CHECK_QUERY(b, "find?q=related:a.md&sort=name&format=paths", "b.md c.md");
	CHECK_QUERY(b, "find?q=link:c.md&format=paths", "b.md e.md");
	CHECK_QUERY(b, "find?q=link:c.md -link:d.md&depth=5&dir=out&format=paths", "b.md e.md");
	CHECK_QUERY(b, "count?by=type&q=related:a.md&format=json",
		    "{\"by\":\"type\",\"total\":2,\"pending\":0,\"counts\":[{\"value\":\"text/"
		    "markdown\",\"count\":2}]}");
	CHECK_QUERY(b, "related?to=c.md&q=related:a.md&depth=2&format=paths", "b.md");
	CHECK_QUERY(b, "graph?op=degree&q=related:a.md", "0\t1\tb.md 1\t0\tc.md");
	CHECK_QUERY(b, "similar?to=far.md&q=related:a.md&format=paths&mode=text", "b.md");
	/* Words filter where nothing is ranked. */
	CHECK_QUERY(b, "related?to=c.md&q=wind&format=paths", "b.md");
	CHECK_QUERY(b, "related?to=c.md&q=wind land -sea&format=paths", "");
	CHECK_QUERY(b, "graph?q=wind land", "0\t1\tb.md 1\t0\tc.md");
	CHECK_QUERY(b, "graph?q=qqq&op=pagerank", "");
	REFUSE_QUERY(b, "find?q=sea&depth=2", "neither is in q");
	REFUSE_QUERY(b, "similar?to=a.md&verb=cites", "neither is in q");
	REFUSE_QUERY(b, "graph?dir=out", "neither is in q");
	REFUSE_QUERY(b, "find?q=related:nowhere.md", "related:nowhere.md: no such file");
	REFUSE_QUERY(b, "find?q=sea link:b.md%2F..%2F..", "link:b.md");
	REFUSE_QUERY(b, "find?q=related:", "a value is wanted");
	REFUSE_QUERY(b, "find?q=related:a.md&verb=a b", "letters, digits");
	{
		char *got = box_query_as(b, folder, NULL, "find?q=related:a.md");

		CHECK(strstr(got, "no such file below the folder"));
		free(got);
	}
	box_remount(b);
	CHECK_QUERY(b, "find?q=related:a.md&format=paths", "b.md c.md");
	box_free(b);
}

/* What is near comes first among what is as good otherwise. */
static void test_nearness(void)
{
	struct box *b = box_new();

	box_open_index(b);
	(void) box_file(b, ROOT_INO, "3.md", "harbour lights\n@link w cites 2\n");
	(void) box_file(b, ROOT_INO, "2.md", "harbour lights\n@link w cites 1\n");
	(void) box_file(b, ROOT_INO, "1.md", "harbour lights\n@link w cites 0\n");
	(void) box_file(b, ROOT_INO, "0.md", "nothing\n");
	(void) box_file(b, ROOT_INO, "4.md", "harbour lights\n");
	box_wait(b);
	CHECK_QUERY(b, "find?q=harbour lights&mode=text&format=paths", "4.md 3.md 2.md 1.md");
	CHECK_QUERY(b, "find?q=harbour lights related:0.md&depth=3&mode=text&format=paths", "1.md 2.md 3.md");
	CHECK_QUERY(b, "find?q=harbour lights related:0.md&depth=3&mode=hybrid&format=paths",
		    "1.md 2.md 3.md");
	CHECK_QUERY(b, "find?q=harbour lights related:0.md&depth=3&mode=vector&format=paths",
		    "1.md 2.md 3.md");
	box_free(b);
}

/* No way leads through what is not seen. */
static void test_others(void)
{
	struct box *b = box_of_chain();

	CHECK_OTHER(b, "find?q=related:a.md&format=paths", "b.md c.md");
	box_chmod(b, 3, 0600); /* b.md */
	CHECK_OTHER(b, "find?q=related:a.md&depth=9&format=paths", "");
	CHECK_OTHER(b, "find?q=-related:a.md&depth=9&format=paths&sort=name", "a.md c.md d.md e.md far.md");
	CHECK_OTHER(b, "find?q=link:c.md&format=paths", "e.md");
	CHECK_OTHER(b, "find?q=related:d.md&depth=9&format=paths", "c.md e.md");
	CHECK_OTHER(b, "find?q=related:b.md",
		    "error: related:b.md: no such file below the folder that is asked");
	CHECK_OTHER(b, "find?q=related:x.md",
		    "error: related:x.md: no such file below the folder that is asked");
	box_free(b);
}

int main(void)
{
	test_ranges();
	test_wrong_ranges();
	test_fields();
	test_related();
	test_nearness();
	test_others();
	return check_result();
}
