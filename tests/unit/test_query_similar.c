/* SPDX-License-Identifier: MIT */
/* similar? by a file, several, or a text, in each mode, with each filter, order and threshold: what is asked
 * for beside the likeness takes away, and changes nothing else. */
#include "query_box.h"

#include "tests/fakes/plain_extractor.h"

#define FILES 60u
#define LINE 40u

static const char *const subjects[] = { "the ferry crossed the strait at dawn with the tide",
					"bread dough needs flour water salt and a warm kitchen",
					"the lighthouse lamp turned by clockwork in the storm",
					"a kernel schedules processes and pages of memory" };
static const char *const asked[] = { "to=0.md", "to=0.md&to=4.md", "to=1.md&to=2.txt",
				     "text=a warm kitchen and bread",
				     "text=lamp of the lighthouse&to=3.txt" };
static const char *const modes[] = { "hybrid", "text", "vector" };
static const char *const filters[] = { "",         "type:md",    "tag:odd",           "-tag:odd",
				       "name:1",   "pages:>30",  "related:0.md",      "link:0.md",
				       "size:>70", "after:2001", "-\"warm kitchen\"", "title:nothing",
				       "path:d",   "-storm" };
static const char *const sorts[] = { "score", "newest", "oldest", "name", "size" };
static const double thresholds[] = { 0, 0.2, 0.4, 0.7, 1 };

static struct box *box_of_texts(void)
{
	struct box *b = box_new();
	uint64_t dir = box_folder(b, ROOT_INO, "d");

	box_open_index(b);
	for (unsigned k = 0; k < FILES; k++) {
		char name[20], text[300];
		uint64_t ino;
		bool note = k % 5 < 2 || k == 4;

		(void) snprintf(name, sizeof(name), "%u.%s", k, note ? "md" : k % 7 == 6 ? "bin" : "txt");
		(void) snprintf(text, sizeof(text), "%s %s number%u\n%s", subjects[k % 4],
			       subjects[(k / 4) % 4] + k % 9, k, k % 6 == 1 ? "@link w cites 0\n" : "");
		ino = box_file(b, k < 30 ? ROOT_INO : dir, name, text);
		(void) snprintf(text, sizeof(text), "%u", k);
		box_xattr(b, ino, "user.pages", text);
		if (k % 2)
			box_xattr(b, ino, "user.xdg.tags", "odd");
		box_mtime(b, ino, (int64_t)(k * 7919 % FILES) * 30000000);
	}
	box_wait(b);
	return b;
}

/* ---- answers as lists of paths */

struct list {
	char paths[FILES][LINE];
	double scores[FILES];
	unsigned n;
};

static void ask(struct box *b, const struct identity *who, const char *name, struct list *ret)
{
	char *got = box_query_as(b, ROOT_INO, who, name), *rest = got;

	ret->n = 0;
	if (strncmp(got, "error", 5) == 0) {
		fprintf(stderr, "%s: %s\n", name, got);
		check_failures++;
	}
	for (char *line; (line = strsep(&rest, "\n")) && *line && ret->n < FILES; ret->n++) {
		char *path = strchr(line, '\t');

		ret->scores[ret->n] = atof(line);
		(void) snprintf(ret->paths[ret->n], LINE, "%.*s", path ? (int)strcspn(path + 1, "\t") : 0,
			       path ? path + 1 : "");
	}
	free(got);
}

static int place_of(const struct list *l, const char *path)
{
	for (unsigned k = 0; k < l->n; k++)
		if (strcmp(l->paths[k], path) == 0)
			return (int)k;
	return -1;
}

static void check_same(const struct list *got, const struct list *want, const char *name)
{
	bool same = got->n == want->n;

	for (unsigned k = 0; same && k < got->n; k++)
		same = strcmp(got->paths[k], want->paths[k]) == 0;
	if (same)
		return;
	fprintf(stderr, "%s gives", name);
	for (unsigned k = 0; k < got->n; k++)
		fprintf(stderr, " %s", got->paths[k]);
	fprintf(stderr, "\nand not");
	for (unsigned k = 0; k < want->n; k++)
		fprintf(stderr, " %s", want->paths[k]);
	fprintf(stderr, "\n");
	check_failures++;
}

/* Those of `all` that are in `some`. */
static struct list keep_in(const struct list *all, const struct list *some, double least)
{
	struct list kept = { .n = 0 };

	for (unsigned k = 0; k < all->n; k++) {
		int at = place_of(some, all->paths[k]);

		if (at >= 0 && some->scores[at] >= least - 5e-7)
			strcpy(kept.paths[kept.n++], all->paths[k]);
	}
	return kept;
}

/* ---- each with each */

/* A threshold leaves those whose cosine is as much, in their order. */
static void check_thresholds(struct box *b, const char *keys)
{
	struct list all, cosines, got, want;
	char name[400];

	(void) snprintf(name, sizeof(name), "similar?limit=100&%s", keys);
	ask(b, NULL, name, &all);
	(void) snprintf(name, sizeof(name), "similar?%s&limit=100&mode=vector&sort=score", keys);
	ask(b, NULL, name, &cosines);
	for (unsigned t = 0; t < ARRAY_SIZE(thresholds); t++) {
		want = keep_in(&all, &cosines, thresholds[t]);
		(void) snprintf(name, sizeof(name), "similar?limit=100&threshold=%g&%s", thresholds[t], keys);
		ask(b, NULL, name, &got);
		check_same(&got, &want, name);
		(void) snprintf(name, sizeof(name), "similar?limit=3&offset=2&threshold=%g&%s", thresholds[t],
			       keys);
		ask(b, NULL, name, &got);
		want.n = want.n > 5 ? 5 : want.n;
		for (unsigned k = 0; k + 2 < want.n; k++)
			strcpy(want.paths[k], want.paths[k + 2]);
		want.n = want.n > 2 ? want.n - 2 : 0;
		check_same(&got, &want, name);
	}
}

static void test_thresholds(struct box *b)
{
	char keys[300];

	for (unsigned a = 0; a < ARRAY_SIZE(asked); a++)
		for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
			for (unsigned o = 0; o < ARRAY_SIZE(sorts); o++) {
				(void) snprintf(keys, sizeof(keys), "%s&mode=%s&sort=%s", asked[a], modes[m],
					       sorts[o]);
				check_thresholds(b, keys);
				(void) snprintf(keys, sizeof(keys), "%s&mode=%s&sort=%s&q=-tag:odd", asked[a],
					       modes[m], sorts[o]);
				check_thresholds(b, keys);
			}
}

/* A filter finds in all that is like something what it finds in all there is. */
static void test_filters(struct box *b)
{
	char name[300];

	for (unsigned f = 1; f < ARRAY_SIZE(filters); f++) {
		struct list passing, all, got, want;

		(void) snprintf(name, sizeof(name), "find?limit=100&q=%s", filters[f]);
		ask(b, NULL, name, &passing);
		for (unsigned a = 0; a < ARRAY_SIZE(asked); a++)
			for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
				(void) snprintf(name, sizeof(name), "similar?limit=100&sort=name&mode=%s&%s",
					       modes[m], asked[a]);
				ask(b, NULL, name, &all);
				CHECK(all.n > 10);
				memset(passing.scores, 0, sizeof(passing.scores));
				want = keep_in(&all, &passing, 0);
				(void) snprintf(name, sizeof(name),
					       "similar?limit=100&sort=name&mode=%s&%s&q=%s", modes[m],
					       asked[a], filters[f]);
				ask(b, NULL, name, &got);
				check_same(&got, &want, name);
			}
	}
}

static bool is_about(const char *path, unsigned subject)
{
	unsigned k = (unsigned)atoi(strncmp(path, "d/", 2) == 0 ? path + 2 : path);

	return k % 4 == subject || k / 4 % 4 == subject;
}

static void test_likeness(struct box *b)
{
	struct list got;

	ask(b, NULL, "similar?to=1.md&limit=5", &got);
	CHECK_EQ(place_of(&got, "1.md"), -1); /* a file is not like itself */
	for (unsigned k = 0; k < got.n; k++)
		CHECK(is_about(got.paths[k], 1));
	ask(b, NULL, "similar?text=bread dough flour&limit=5&mode=vector", &got);
	CHECK_EQ(got.n, 5);
	/* To what has no text nothing is like, and it is like nothing. */
	ask(b, NULL, "similar?to=13.bin", &got);
	CHECK_EQ(got.n, 0);
	ask(b, NULL, "similar?to=0.md&limit=100&threshold=0&mode=vector", &got);
	CHECK_EQ(place_of(&got, "13.bin"), -1);
	ask(b, NULL, "similar?text=%3F!&limit=100", &got);
	CHECK_EQ(got.n, 0);
	ask(b, NULL, "similar?text=%3F!&limit=100&threshold=0.1", &got);
	CHECK_EQ(got.n, 0);
	CHECK_OTHER(b, "similar?to=0.md&threshold=1&format=json",
		    "{\"query\":\"\",\"took_ms\":0.0,\"total\":0,\"pending\":0,\"results\":[]}");
}

static void test_refusals(struct box *b)
{
	REFUSE_QUERY(b, "similar?", "similar to what?");
	REFUSE_QUERY(b, "similar?text= ", "similar to what?");
	REFUSE_QUERY(b, "similar?to=nowhere", "to=nowhere: no such file");
	REFUSE_QUERY(b, "similar?to=d", "no file that is indexed");
	REFUSE_QUERY(b, "similar?to=0.md&threshold=1.1", "from 0 to 1");
	REFUSE_QUERY(b, "similar?to=0.md&threshold=nan", "from 0 to 1");
	REFUSE_QUERY(b, "similar?to=0.md&threshold=", "from 0 to 1");
	REFUSE_QUERY(b, "similar?to=0.md&mode=psychic", "hybrid text vector");
	REFUSE_QUERY(b, "similar?to=0.md&q=\"open", "not closed");
	{
		struct buf many = BUF_INIT;

		CHECK_EQ(buf_add_str(&many, "similar?"), 0);
		for (unsigned k = 0; k < 1001; k++)
			CHECK_EQ(buf_add_str(&many, "to=0.md&"), 0);
		REFUSE_QUERY(b, buf_cstr(&many), "1000 files at most");
		buf_done(&many);
	}
}

/* Files that are not seen do not change what is chosen to be searched for. */
static void test_others(struct box *b)
{
	struct identity who = { 0 };
	struct list before[ARRAY_SIZE(modes)], after;
	char name[100];

	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
		(void) snprintf(name, sizeof(name), "similar?to=0.md&limit=100&mode=%s", modes[m]);
		ask(b, &who, name, &before[m]);
	}
	for (unsigned k = 0; k < 40; k++) {
		(void) snprintf(name, sizeof(name), "hidden%u.txt", k);
		box_chmod(b,
			  box_file(b, ROOT_INO, name,
				   "the ferry crossed the ferry at the strait, strait, strait"),
			  0600);
	}
	box_wait(b);
	for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
		(void) snprintf(name, sizeof(name), "similar?to=0.md&limit=100&mode=%s", modes[m]);
		ask(b, &who, name, &after);
		check_same(&after, &before[m], name);
	}
	CHECK_OTHER(b, "similar?to=hidden1.txt",
		    "error: to=hidden1.txt: no such file below the folder that is asked");
	identity_done(&who);
}

int main(void)
{
	struct box *b = box_of_texts();

	test_likeness(b);
	test_thresholds(b);
	test_filters(b);
	test_refusals(b);
	test_others(b);
	box_remount(b);
	box_wait(b);
	test_likeness(b);
	box_free(b);
	return check_result();
}
