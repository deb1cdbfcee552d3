/* SPDX-License-Identifier: MIT */
/* Verbs that have inverses: links are found from both ends, stay as they were said, and are drawn once. */
#include "query_box.h"

#include "catalog/verbs.h"
#include "index/graph/graph.h"
#include "tests/fakes/plain_extractor.h"

static void test_table(void)
{
	for (size_t k = 0; k < known_verbs_n; k++) {
		const struct known_verb *v = &known_verbs[k];

		CHECK(strcmp(verb_inverse(v->name, strlen(v->name)), v->inverse) == 0);
		CHECK(strcmp(verb_inverse(v->inverse, strlen(v->inverse)), v->name) == 0);
		for (size_t other = 0; other < k; other++)
			CHECK(strcmp(v->name, known_verbs[other].name) != 0 &&
			      strcmp(v->inverse, known_verbs[other].inverse) != 0 &&
			      strcmp(v->name, known_verbs[other].inverse) != 0 &&
			      strcmp(v->inverse, known_verbs[other].name) != 0);
	}
	CHECK(!verb_inverse("cites", 4) && !verb_inverse("", 0) && !verb_inverse("knows", 5) &&
	      !verb_inverse("Cites", 5));
}

/* a and b say the same from both ends; so do a and c. Of c and d only c says it. */
static struct box *box_of_links(void)
{
	struct box *b = box_new();

	box_open_index(b);
	(void) box_file(b, ROOT_INO, "a.md", "@link w cites b\n@link w contradicts c\n");
	(void) box_file(b, ROOT_INO, "b.md", "@link w citedBy a\n");
	(void) box_file(b, ROOT_INO, "c.md", "@link w contradicts a\n");
	(void) box_file(b, ROOT_INO, "d.md", "@link w knows a\n");
	box_wait(b);
	box_xattr(b, 4, "user.brainy.link.citedBy", "d.md");
	return b;
}

/* Also of a verb that no link has. */
static void test_named_twice(void)
{
	struct box *b = box_new();

	box_open_index(b);
	(void) box_file(b, ROOT_INO, "a.md", "@link w hasPart b\n");
	(void) box_file(b, ROOT_INO, "b.md", "");
	box_wait(b);
	CHECK_QUERY(b, "graph?verb=partOf&op=degree", "1\t0\ta.md 0\t1\tb.md");
	CHECK_QUERY(b, "graph?verb=partOf,partOf&op=degree", "1\t0\ta.md 0\t1\tb.md");
	CHECK_QUERY(b, "graph?verb=hasPart,hasPart&op=degree", "0\t1\ta.md 1\t0\tb.md");
	box_free(b);
}

static void check_related(struct box *b)
{
	CHECK_QUERY(b, "related?to=a.md&verb=cites&dir=out&format=paths", "b.md");
	CHECK_QUERY(b, "related?to=a.md&verb=cites&dir=in&format=paths", "");
	CHECK_QUERY(b, "related?to=b.md&verb=citedBy&dir=out&format=paths", "a.md");
	CHECK_QUERY(b, "related?to=b.md&verb=cites&dir=in&format=paths", "a.md");
	CHECK_QUERY(b, "related?to=c.md&verb=citedBy&dir=out&format=paths", "d.md");
	CHECK_QUERY(b, "related?to=d.md&verb=cites&dir=out&format=paths", "c.md");
	CHECK_QUERY(b, "related?to=d.md&verb=cites,knows&dir=out&format=paths", "a.md c.md");
	CHECK_QUERY(b, "related?to=d.md&verb=cites&dir=in&format=paths", "");
	CHECK_QUERY(b, "related?to=d.md&verb=citedBy&dir=both&format=paths", "c.md");
	CHECK_QUERY(b, "related?to=a.md&verb=contradicts&dir=in&format=paths", "c.md");
	CHECK_QUERY(b, "related?to=d.md&verb=supersedes,supersededBy&format=paths", "");
	/* Without verbs, as they are said. */
	CHECK_QUERY(b, "related?to=d.md&dir=out&format=paths", "a.md");
	CHECK_QUERY(b, "related?to=d.md&dir=in&format=paths", "c.md");
	CHECK_QUERY(b, "related?to=c.md&dir=out&format=paths", "a.md d.md");
	CHECK_QUERY(b, "find?q=related:c.md&depth=1&verb=citedBy&dir=out&format=paths", "d.md");
	/* Chains. */
	CHECK_QUERY(b, "path?from=d.md&to=c.md&verb=cites&dir=out&format=paths", "d.md c.md");
	CHECK_QUERY(b, "path?from=c.md&to=d.md&verb=cites&dir=out&format=paths", "");
	CHECK_QUERY(b, "path?from=d.md&to=b.md&verb=cites,contradicts&dir=out&format=paths",
		    "d.md c.md a.md b.md");
	CHECK_QUERY(b, "path?from=d.md&to=b.md&format=paths", "d.md a.md b.md");
	CHECK_QUERY(b, "path?from=d.md&to=b.md&format=paths&weights=knows:9", "d.md c.md a.md b.md");
	CHECK_QUERY(b, "path?from=d.md&to=c.md&format=paths&weights=cites:0",
		    "d.md a.md c.md"); /* citedBy is as heavy */
	CHECK_QUERY(b, "path?from=d.md&to=c.md&format=paths&weights=cites:0,citedBy:1", "d.md c.md");
}

#define NODES "{\"directed\":true,\"multigraph\":true,\"graph\":{},\"nodes\":["
#define NODE(ino, name, in, out)                                                                             \
	"{\"id\":\"" ino "\",\"label\":\"" name "\",\"in_degree\":" in ",\"out_degree\":" out "}"
#define EDGE(from, to, verb) "{\"source\":\"" from "\",\"target\":\"" to "\",\"verb\":\"" verb "\"}"

static void check_graph(struct box *b)
{
	CHECK_QUERY(
		b, "graph?format=json",
		NODES
		" " NODE("2", "a.md", "1", "2") ", " NODE("3", "b.md", "1", "0") ", " NODE("4", "c.md", "1", "1") ", " NODE(
			"5", "d.md",
			"1", "1") " ],\"edges\":[ " EDGE("2", "3",
							 "cites") ", " EDGE("2", "4",
									    "contradicts") ", " EDGE("4", "5",
												     "citedB"
												     "y") ","
													  " " EDGE("5",
														   "2",
														   "knows") " ]}");
	CHECK_QUERY(b, "graph?format=json&verb=cites",
		    NODES " " NODE("2", "a.md", "0", "1") ", " NODE("3", "b.md", "1", "0") ", " NODE(
			    "4", "c.md", "1",
			    "0") ", " NODE("5", "d.md", "0",
					   "1") " ],\"edges\":[ " EDGE("2", "3",
								       "cites") ", " EDGE("5", "4",
											  "cites") " ]}");
	CHECK_QUERY(b, "graph?format=json&verb=citedBy&q=-name:a",
		    NODES " " NODE("3", "b.md", "0", "0") ", " NODE("4", "c.md", "0", "1") ", " NODE(
			    "5", "d.md", "1", "0") " ],\"edges\":[ " EDGE("4", "5", "citedBy") " ]}");
	CHECK_QUERY(b, "graph?verb=contradicts", "0\t1\ta.md 1\t0\tc.md");
	CHECK_QUERY(b, "graph?verb=cites,citedBy&op=components", "0\ta.md 0\tb.md 1\tc.md 1\td.md");
	CHECK_QUERY(b, "graph?verb=citedBy,knows&op=degree&q=-name:b", "1\t1\td.md 1\t0\ta.md 0\t1\tc.md");
	CHECK_QUERY(b, "graph?verb=nobody-says-this", "");
	CHECK_QUERY(b, "graph?verb=hasPart", "");
	REFUSE_QUERY(b, "graph?verb=", "letters");
	REFUSE_QUERY(b, "graph?verb=a,,b", "letters");
	REFUSE_QUERY(b, "path?from=a.md&to=b.md&weights=cites", "VERB:N");
	REFUSE_QUERY(b, "path?from=a.md&to=b.md&weights=:3", "VERB:N");
	REFUSE_QUERY(b, "path?from=a.md&to=b.md&weights=cites:-3", "VERB:N");
	REFUSE_QUERY(b, "path?from=a.md&to=b.md&weights=cites:1000001", "VERB:N");
}

static void test_links(void)
{
	struct box *b = box_of_links();
	struct buf value = BUF_INIT;

	check_related(b);
	check_graph(b);
	/* They are stored as they are said. */
	CHECK_EQ(tree_getxattr(b->catalog, 4, "user.brainy.link.citedBy", &value), 0);
	CHECK(value.len == 4 && memcmp(value.data, "d.md", 4) == 0);
	buf_done(&value);
	box_remount(b);
	check_related(b);
	check_graph(b);
	box_free(b);
}

static void test_others(void)
{
	struct box *b = box_of_links();

	CHECK_OTHER(b, "related?to=d.md&verb=cites&dir=out&format=paths", "c.md");
	box_chmod(b, 4, 0600);
	CHECK_OTHER(b, "related?to=d.md&verb=cites&dir=out&format=paths", "");
	CHECK_OTHER(b, "graph?verb=cites,contradicts", "0\t1\ta.md 1\t0\tb.md");
	box_free(b);
}

/* What both ends say is one link: it comes before no other for that. */
static void test_once(void)
{
	struct box *b = box_new();

	box_open_index(b);
	(void) box_file(b, ROOT_INO, "a.md", "@link w knows b\n@link w cites c\n@link w contradicts d\n");
	(void) box_file(b, ROOT_INO, "b.md", "");
	(void) box_file(b, ROOT_INO, "c.md", "@link w citedBy a\n");
	(void) box_file(b, ROOT_INO, "d.md", "@link w contradicts a\n");
	(void) box_file(b, ROOT_INO, "e.md", "@link w knows a\n@link w cites a\n");
	box_wait(b);
	CHECK_QUERY(b, "related?to=a.md&format=paths", "e.md b.md c.md d.md");
	CHECK_QUERY(b, "related?to=a.md&verb=cites,citedBy&format=paths", "c.md e.md");
	CHECK_QUERY(b, "related?to=a.md&dir=out&format=paths", "b.md c.md d.md");
	CHECK_QUERY(b, "related?to=a.md&dir=in&format=paths", "e.md c.md d.md");
	CHECK_QUERY(b, "related?to=d.md&format=paths", "a.md");
	box_free(b);
}

/* ---- random ones, against what was said */

#define FILES 7u
static const char *const words[] = { "cites", "citedBy", "contradicts", "knows", "partOf" };
#define WORDS ARRAY_SIZE(words)

static bool said[FILES][FILES][WORDS];

static bool is_said(unsigned from, unsigned to, const char *verb)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (strcmp(words[w], verb) == 0 && said[from][to][w])
			return true;
	return false;
}

static bool is_linked(unsigned from, unsigned to, const char *verb, unsigned direction)
{
	const char *inverse = verb_inverse(verb, strlen(verb));
	bool out = is_said(from, to, verb) || (inverse && is_said(to, from, inverse));
	bool in = is_said(to, from, verb) || (inverse && is_said(from, to, inverse));

	return (out && direction & GRAPH_OUT) || (in && direction & GRAPH_IN);
}

static void say(struct box *b, unsigned from)
{
	char text[FILES * WORDS * 24] = "", name[8];
	size_t at = 0;

	for (unsigned to = 0; to < FILES; to++)
		for (unsigned w = 0; w < WORDS; w++) {
			said[from][to][w] = to != from && rand() % 6 == 0;
			if (said[from][to][w])
				at += (size_t)snprintf(text + at, sizeof(text) - at, "@link w %s %u\n",
						       words[w], to);
		}
	(void) snprintf(name, sizeof(name), "%u.md", from);
	(void) box_file(b, ROOT_INO, name, text);
}

static const char *const asked[] = { "cites", "citedBy", "contradicts", "knows", "partOf", "hasPart" };

/* A bit for each file that there should be. */
static unsigned wanted_of(unsigned from, unsigned verbs, unsigned direction)
{
	unsigned wanted = 0;

	for (unsigned to = 0; to < FILES; to++)
		for (unsigned k = 0; k < ARRAY_SIZE(asked); k++)
			if (to != from && verbs & 1u << k && is_linked(from, to, asked[k], direction))
				wanted |= 1u << to;
	return wanted;
}

/* Those that more links lead to come first: who they are is compared, and that each is there once. */
static void check_neighbours(struct box *b, unsigned from, unsigned verbs, unsigned direction)
{
	static const char *const ways[] = { "out", "in", "both" };
	char name[300], *got;
	unsigned found = 0, twice = 0;
	size_t n = (size_t)snprintf(name, sizeof(name), "related?to=%u.md&format=paths&dir=%s&verb=", from,
				    ways[direction - 1]);

	for (unsigned k = 0; k < ARRAY_SIZE(asked); k++)
		if (verbs & 1u << k)
			n += (size_t)snprintf(name + n, sizeof(name) - n, "%s%s",
					      name[n - 1] == '=' ? "" : ",", asked[k]);
	got = box_query_as(b, ROOT_INO, NULL, name);
	for (char *at = got; *at >= '0' && *at <= '9'; at = strchr(at, '\n') + 1) {
		twice |= found & 1u << (*at - '0');
		found |= 1u << (*at - '0');
	}
	if (found != wanted_of(from, verbs, direction) || twice || strncmp(got, "error", 5) == 0) {
		fprintf(stderr, "%s gives '%s', not %x\n", name, got, wanted_of(from, verbs, direction));
		check_failures++;
	}
	free(got);
}

static void test_random(void)
{
	for (unsigned round = 0; round < 4; round++) {
		struct box *b = box_new();

		box_open_index(b);
		for (unsigned k = 0; k < FILES; k++)
			say(b, k);
		box_wait(b);
		for (unsigned from = 0; from < FILES; from++)
			for (unsigned verbs = 1; verbs < 64; verbs += 1 + (unsigned)rand() % 3)
				for (unsigned direction = 1; direction <= 3; direction++)
					check_neighbours(b, from, verbs, direction);
		box_free(b);
	}
}

int main(void)
{
	srand(7);
	test_table();
	test_named_twice();
	test_links();
	test_others();
	test_once();
	test_random();
	return check_result();
}
