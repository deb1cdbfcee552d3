/* SPDX-License-Identifier: MIT */
/* explain? says of each result what its score is made of, which adds up, and by what it passes. */
#include "query_box.h"

#include <math.h>

#include "tests/fakes/plain_extractor.h"

static struct box *box_of_texts(void)
{
	struct box *b = box_new();
	uint64_t ino;

	box_open_index(b);
	(void) box_file(
		b, ROOT_INO, "ferry.md",
		"the ferry and another ferry crossed the strait\n@link w cites map\n@field pages 12\n");
	ino = box_file(b, ROOT_INO, "map.md", "a map of the strait, with the ferry and the harbour\n");
	(void) box_file(b, ROOT_INO, "log.md", "log of the harbour master\n@link w cites map\n");
	(void) box_file(b, ROOT_INO, "far.md", "bread and butter, and a ferry\n");
	box_xattr(b, ino, "user.xdg.tags", "sea");
	box_xattr(b, ino, "user.author", "Ann\tLee");
	box_mtime(b, ino, 1000000000);
	box_wait(b);
	return b;
}

/* The number behind a name in the lines of one result; `otherwise` when there is no such line. */
static double figure(const char *hit, const char *end, const char *name, double otherwise)
{
	const char *at = strstr(hit, name);

	return at && at < end ? atof(at + strlen(name)) : otherwise;
}

static void check_sums(struct box *b, const char *query, unsigned results)
{
	char *got = box_query_as(b, ROOT_INO, NULL, query);
	unsigned n = 0;

	for (const char *hit = strstr(got, "hit "), *end; hit; hit = *end ? end + 1 : NULL, n++) {
		double score = atof(strstr(hit, "\tscore ") + 7), sum;

		end = strstr(hit, "\nhit ");
		end = end ? end : hit + strlen(hit);
		sum = figure(hit, end, "\n\twords\t", 0) + figure(hit, end, "\n\tmeaning\t", 0);
		sum *= figure(hit, end, "\n\tlinks\tx ", 1);
		if (fabs(sum - score) > 5e-6 * MAX(1.0, fabs(score))) {
			fprintf(stderr, "%s: %f, and the score is %f:\n%.*s\n", query, sum, score,
				(int)(end - hit), hit);
			check_failures++;
		}
	}
	if (n != results) {
		fprintf(stderr, "%s: %u results, not %u\n%s\n", query, n, results, got);
		check_failures++;
	}
	free(got);
}

static void test_sums(struct box *b)
{
	check_sums(b, "explain?q=ferry strait", 4);
	check_sums(b, "explain?q=ferry strait&mode=text", 3);
	check_sums(b, "explain?q=ferry strait&mode=vector", 4);
	check_sums(b, "explain?q=ferry strait&alpha=0.5", 4);
	check_sums(b, "explain?q=ferry strait&sort=name", 4);
	check_sums(b, "explain?q=ferry \"the strait\"", 2);
	check_sums(b, "explain?q=the and", 4);
	check_sums(b, "explain?q=ferry related:map.md", 2);
	check_sums(b, "explain?q=ferry related:map.md&mode=text", 1);
	check_sums(b, "explain?q=ferry related:map.md&mode=vector", 2);
}

static void expect(struct box *b, const char *query, const char *const *lines)
{
	char *got = box_query_as(b, ROOT_INO, NULL, query);

	for (; *lines; lines++)
		if (!strstr(got, *lines)) {
			fprintf(stderr, "%s does not say '%s':\n%s\n", query, *lines, got);
			check_failures++;
		}
	free(got);
}
#define EXPECT(b, query, ...) expect(b, query, (const char *const[]){ __VA_ARGS__, NULL })

static void test_lines(struct box *b)
{
	EXPECT(b, "explain?q=ferry strait", "plan\thybrid\t2 words\t0 phrases\t0 filters\t",
	       "\norder\tscore\n", "\n\tpath\tferry.md\n\twords\t",
	       "\tferry 3: ", "\tstrait 1: ", "\n\tmeaning\t", "\tpassage ");
	EXPECT(b,
	       "explain?q=tag:sea author:ann*lee size:>3 before:2002 after:2001 type:md -lang:fr tier:hot "
	       "\"the ferry\"",
	       "plan\thybrid\t2 words\t1 phrases\t8 filters\t", "\n\tpath\tmap.md\n",
	       "\n\tmodified\t2001-09-09T01:46:40Z\n", "\n\tpasses\ttag:sea\n",
	       "\n\tpasses\tauthor:ann*lee\tAnn\\tLee\n", "\n\tpasses\tsize:>3\t52 bytes\n",
	       "\n\tpasses\tbefore:2002\t2001-09-09T01:46:40Z\n", "\n\tpasses\ttype:md\ttext/markdown\n",
	       "\n\tpasses\t-lang:fr", "\n\tpasses\ttier:hot\thot\n", "\n\tpasses\t\"the ferry\"\n");
	EXPECT(b, "explain?q=pages:>10", "plan\tfilters alone\t", "\norder\tnewest\n", "\n\tpath\tferry.md\n",
	       "\n\tpasses\tpages:>10\t12\n");
	EXPECT(b, "explain?q=related:ferry.md", "\norder\tnearest, newest\n",
	       "\n\tpasses\trelated:ferry.md\t1 step\n", "\n\tpasses\trelated:ferry.md\t2 steps\n");
	EXPECT(b, "explain?q=link:map.md -ferry&sort=name", "\norder\tname\n", "\n\tpath\tlog.md\n",
	       "\n\tpasses\tlink:map.md\t1 step\n");
	EXPECT(b, "explain?q=nothing-of-that&mode=text", "\nresults\t0 of 0\n");
	b->busy_ino = 3; /* it is written to, and waits */
	box_write(b, 3, "another text", 12);
	EXPECT(b, "explain?q=tag:sea", "\n\twaits to be indexed\n\tpasses\ttag:sea\n");
	b->busy_ino = 0;
	box_wait(b);
}

/* Of files that are asked about, wherever they rank, and of those that are none. */
static void test_files(struct box *b)
{
	EXPECT(b, "explain?q=ferry strait&to=far.md", "\nresults\t4 of 4\n", "\nhit 3\tscore ",
	       "\n\tpath\tfar.md\n");
	EXPECT(b, "explain?q=ferry strait&to=far.md&to=map.md&limit=1", "\nhit 1\tscore ", "\nhit 3\tscore ");
	EXPECT(b, "explain?q=ferry -tag:sea pages:>12 type:md&to=map.md",
	       "\nno hit\tinode 3\n\tpath\tmap.md\n\tfails\t-tag:sea\n\tfails\tpages:>12\n");
	EXPECT(b, "explain?q=ferry \"another map\"&to=map.md", "\n\tfails\ta phrase is not in it");
	EXPECT(b, "explain?q=strait -harbour&to=map.md",
	       "\n\tfails\ta phrase is not in it, or an excluded word");
	EXPECT(b, "explain?q=butter&mode=text&to=map.md", "\n\tfails\tnone of the words is in it\n");
	EXPECT(b, "explain?q=ferry&in=far.md&to=map.md",
	       "\n\tfails\tit does not lie where the query looks\n");
	EXPECT(b, "explain?q=ferry related:map.md&to=map.md&to=far.md", "no hit\tinode 3\n",
	       "no hit\tinode 5\n", "\tfails\trelated:map.md\n");
	REFUSE_QUERY(b, "explain?q=ferry&to=nowhere", "to=nowhere: no such file");
	REFUSE_QUERY(b, "find?q=ferry&to=map.md", "no key of find");
}

/* Figures are the owner's. */
static void test_others(struct box *b)
{
	struct identity who = { 0 };
	char *got;

	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	got = box_query_as(b, ROOT_INO, &who, "explain?q=ferry related:map.md");
	CHECK(strstr(got, "\nhit 1\tscore 1.000000\t") && strstr(got, "\n\twords\tferry 3\n"));
	CHECK(!strstr(got, "meaning") && !strstr(got, "links\tx") && !strstr(got, "took"));
	CHECK(strstr(got, "\n\tpasses\trelated:map.md\t1 step\n"));
	free(got);
	identity_done(&who);
}

static void expect_silence(struct box *b, const struct identity *who, const char *query)
{
	char *got = box_query_as(b, ROOT_INO, who, query);

	if (!strstr(got, "pending") || strstr(got, "unknown")) {
		fprintf(stderr, "%s says\n%s\n", query, got);
		check_failures++;
	}
	free(got);
}

/* What is no filter and no field of any file is said, once, to the owner. */
static void test_unknown(struct box *b)
{
	struct identity who = { 0 };

	EXPECT(b, "explain?q=typ:md -tga:sea ferry typ:pdf pages:>10", "\nunknown\ttyp\tthere is no such filter, and ",
	       ".by/\nunknown\ttga\tthere is no such filter, and no such field in .by/\npending\t0\n");
	EXPECT(b, "find?q=typ:md -tga:sea ferry&format=json", "\"pending\":0,\"unknown_fields\":[\"typ\",\"tga\"],\"results\":[]");
	EXPECT(b, "find?q=-tga:sea ferry&format=json", "\"unknown_fields\":[\"tga\"],\"results\":[{");
	expect_silence(b, NULL, "explain?q=Pages:7 type:pdf");
	expect_silence(b, NULL, "find?q=Pages:7 type:pdf&format=json");
	expect_silence(b, NULL, "explain?q=author:ann*lee"); /* a value that is not listed */
	box_xattr(b, 3, "user.baloo.rating", "4");
	expect_silence(b, NULL, "explain?q=rating:5");
	box_xattr(b, 3, "user.typ", "x");
	expect_silence(b, NULL, "find?q=typ:md&format=json");
	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	expect_silence(b, &who, "explain?q=tga:sea");
	expect_silence(b, &who, "find?q=tga:sea&format=json");
	identity_done(&who);
}

int main(void)
{
	struct box *b = box_of_texts();

	test_sums(b);
	test_unknown(b);
	test_others(b);
	test_files(b);
	test_lines(b);
	box_free(b);
	return check_result();
}
