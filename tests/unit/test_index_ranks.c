/* SPDX-License-Identifier: MIT */
/* Scores against small independent reckonings of BM25, of the vector side and of their mix; and the same
 * answers however documents lie: in memory, in many segments, merged, after a remount, after deletions. */
#include <math.h>

#include "index_box.h"

#define DOCS 200
#define VOCABULARY 40

static uint32_t state = 12345;

static uint32_t draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

/* Words that no stemmer changes and no list knows. */
static const char *const vocabulary[VOCABULARY] = {
	"pump",  "valve", "river", "stork", "lamp",   "clock", "north", "barn",  "wolf",  "sand",
	"plank", "drum",  "grip",  "mint",  "robot",  "sleet", "tramp", "kelp",  "flint", "gourd",
	"hawk",  "ink",   "jump",  "knot",  "lump",   "moth",  "nut",   "orb",   "pact",  "quilt",
	"raft",  "sink",  "tank",  "urn",   "vault",  "wick",  "yard",  "zink",  "elk",   "fork",
};

struct text {
	char name[16];
	char bytes[4000];
	unsigned counts[VOCABULARY];
	unsigned length;
};
static struct text texts[DOCS];

static void make_texts(void)
{
	for (unsigned d = 0; d < DOCS; d++) {
		struct text *t = &texts[d];
		unsigned n = 1 + draw(d % 10 == 0 ? 500 : 60);
		size_t at = 0;

		memset(t, 0, sizeof(*t));
		(void) snprintf(t->name, sizeof(t->name), "d%u.txt", d);
		for (unsigned i = 0; i < n; i++) {
			unsigned w = MIN(draw(VOCABULARY), draw(VOCABULARY));

			t->counts[w]++;
			at += (size_t)snprintf(t->bytes + at, sizeof(t->bytes) - at, "%s%s", i ? " " : "", vocabulary[w]);
		}
		t->length = n + 2; /* and its name's two words */
	}
}

/* ---- references */

static void reference_words(const unsigned *query, unsigned n, double *ret)
{
	double mean = 0;

	for (unsigned d = 0; d < DOCS; d++)
		mean += texts[d].length / (double)DOCS;
	memset(ret, 0, DOCS * sizeof(*ret));
	for (unsigned q = 0; q < n; q++) {
		double df = 0, idf;

		for (unsigned d = 0; d < DOCS; d++)
			df += texts[d].counts[query[q]] > 0;
		idf = log(1 + (DOCS - df + 0.5) / (df + 0.5));
		for (unsigned d = 0; d < DOCS; d++) {
			double f = texts[d].counts[query[q]];

			ret[d] += idf * f * 2.5 / (f + 1.5 * (0.25 + 0.75 * texts[d].length / mean));
		}
	}
}

static struct embed_model *model;

static double dot(const float *a, const float *b)
{
	double sum = 0;

	for (unsigned i = 0; i < embed_dimensions(model); i++)
		sum += (double)a[i] * b[i];
	return sum;
}

static bool has_id(const struct buf *ids, uint32_t id)
{
	for (size_t k = 0; k < ids->len / 4; k++)
		if (((uint32_t *)(void *)ids->data)[k] == id)
			return true;
	return false;
}

static void reference_meaning(const char *query, double *ret)
{
	struct buf ids[DOCS] = { { 0 } }, q = BUF_INIT;
	float weights[64], query_vector[1024], v[1024];

	CHECK_EQ(embed_tokenise(model, query, strlen(query), &q, NULL), 0);
	for (unsigned d = 0; d < DOCS; d++)
		CHECK_EQ(embed_tokenise(model, texts[d].bytes, strlen(texts[d].bytes), &ids[d], NULL), 0);
	for (size_t i = 0; i < q.len / 4; i++) {
		uint32_t id = ((uint32_t *)(void *)q.data)[i];
		double df = 0;

		for (unsigned d = 0; d < DOCS; d++)
			df += has_id(&ids[d], id);
		weights[i] = (float)sqrt(log(1 + (DOCS - df + 0.5) / (df + 0.5)));
	}
	embed_vector(model, (uint32_t *)(void *)q.data, q.len / 4, weights, query_vector);
	for (unsigned d = 0; d < DOCS; d++) {
		const uint32_t *id = (uint32_t *)(void *)ids[d].data;
		size_t n = ids[d].len / 4;
		double best = -2;

		for (size_t first = 0;; first += 80) {
			embed_vector(model, id + first, MIN(n - first, (size_t)100), NULL, v);
			best = MAX(best, dot(v, query_vector));
			if (first + 100 >= n)
				break;
		}
		embed_vector(model, id, n, NULL, v);
		ret[d] = 0.5 * dot(v, query_vector) + 0.5 * best;
		buf_done(&ids[d]);
	}
	buf_done(&q);
}

/* ---- asking */

static double scores[DOCS];

/* Fills `scores` from a tsv answer; -1 where a document is not in it. */
static unsigned ask_scores(struct box *b, const char *query, const char *mode)
{
	char name[256], *answer, *save;
	unsigned n = 0;

	for (unsigned d = 0; d < DOCS; d++)
		scores[d] = -1;
	(void) snprintf(name, sizeof(name), "limit=1000&mode=%s&q=%s", mode, query);
	answer = box_ask_in(b, ROOT_INO, name);
	for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save), n++) {
		double score;
		unsigned d;

		CHECK(sscanf(line, "%lf\td%u.txt\t", &score, &d) == 2 && d < DOCS);
		scores[d] = score;
	}
	free(answer);
	return n;
}

static void check_scores(struct box *b)
{
	static double words[DOCS], meaning[DOCS];

	for (unsigned round = 0; round < 10; round++) {
		unsigned q[3] = { round, VOCABULARY - 1 - round, 2 * round + 1 };
		double most = 0, low = 2, high = -2;
		char query[64];

		(void) snprintf(query, sizeof(query), "%s %s %s", vocabulary[q[0]], vocabulary[q[1]], vocabulary[q[2]]);
		reference_words(q, 3, words);
		reference_meaning(query, meaning);
		(void) ask_scores(b, query, "text");
		for (unsigned d = 0; d < DOCS; d++) {
			CHECK(fabs(scores[d] - (words[d] > 0 ? words[d] : -1)) < 1e-5);
			most = MAX(most, words[d]);
		}
		CHECK_EQ(ask_scores(b, query, "vector"), DOCS);
		for (unsigned d = 0; d < DOCS; d++) {
			CHECK(fabs(scores[d] - meaning[d]) < 1e-3);
			low = MIN(low, meaning[d]);
			high = MAX(high, meaning[d]);
		}
		CHECK_EQ(ask_scores(b, query, "hybrid"), DOCS);
		for (unsigned d = 0; d < DOCS; d++)
			CHECK(fabs(scores[d] - 0.75 * words[d] / most - 0.25 * (meaning[d] - low) / (high - low)) < 2e-3);
	}
}

static const char *const queries[] = {
	"mode=text&limit=300&q=pump valve river",
	"mode=vector&limit=300&q=stork lamp",
	"mode=hybrid&limit=300&q=clock elk barn",
	"mode=hybrid&limit=25&offset=5&q=\"pump valve\"",
	"mode=text&limit=300&q=river -stork -\"pump pump\"",
	"limit=300&q=type:txt -name:d1*&sort=name",
};

/* All answers in one string. */
static char *ask_all(struct box *b)
{
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		char *answer = box_ask_in(b, ROOT_INO, queries[i]);

		CHECK_EQ(buf_add_str(&all, answer), 0);
		free(answer);
	}
	return buf_cstr(&all);
}

static void check_same(struct box *b, const char *want, int line)
{
	char *got = ask_all(b);

	if (strcmp(got, want) != 0) {
		fprintf(stderr, "answers differ, called from line %d\n", line);
		check_failures++;
	}
	free(got);
}

/* A short answer, for which most cosines are only bounded, is the beginning of the long one, for which all are
 * known. */
static void check_beginnings(struct box *b)
{
	static const char *const modes[] = { "hybrid", "vector", "hybrid&alpha=1", "hybrid&alpha=0.01" };

	for (unsigned round = 0; round < VOCABULARY - 1; round++) {
		const char *mode = modes[round % ARRAY_SIZE(modes)], *word = vocabulary[round], *next = vocabulary[round + 1];
		char name[128], *all, *some;

		(void) snprintf(name, sizeof(name), "limit=300&mode=%s&q=%s %s", mode, word, next);
		all = box_ask_in(b, ROOT_INO, name);
		(void) snprintf(name, sizeof(name), "limit=%u&mode=%s&q=%s %s", 1 + round % 9, mode, word, next);
		some = box_ask_in(b, ROOT_INO, name);
		CHECK(strlen(some) > 10 && strncmp(all, some, strlen(some)) == 0);
		free(all);
		free(some);
	}
}

static void write_texts(struct box *b)
{
	for (unsigned d = 0; d < DOCS; d++)
		(void) box_file(b, ROOT_INO, texts[d].name, texts[d].bytes);
}

#define GUESTS 20u

/* Long ones, which are asked for, too. */
static void add_guests(struct box *b)
{
	for (unsigned d = 0; d < GUESTS; d++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "guest%u.txt", d);
		(void) box_file(b, ROOT_INO, name, texts[10 * d % DOCS].bytes);
	}
	box_wait(b);
}

/* What is counted of documents is counted anew when some have died. */
static void check_without_guests(struct box *b, const char *want, int line)
{
	free(ask_all(b));
	for (unsigned d = 0; d < GUESTS; d++) {
		char name[16];

		(void) snprintf(name, sizeof(name), "guest%u.txt", d);
		box_unlink(b, ROOT_INO, name);
	}
	check_same(b, want, line);
}

static void test_memory_and_disk(void)
{
	struct box *b = box_new();
	char *want;

	box_open_index(b);
	write_texts(b);
	box_wait(b);
	check_scores(b);
	want = ask_all(b);
	check_same(b, want, __LINE__);
	add_guests(b);
	check_without_guests(b, want, __LINE__);
	add_guests(b);
	box_remount(b);
	check_without_guests(b, want, __LINE__);
	check_scores(b);
	check_beginnings(b);
	free(want);
	box_free(b);
}

/* Many small segments with dead documents in them, merged behind our back, and a fresh index of the same. */
static void test_layouts(void)
{
	struct box *plain = box_new(), *b = box_new();
	struct index_stats st;
	char *want;

	box_open_index(plain);
	write_texts(plain);
	box_wait(plain);
	want = ask_all(plain);
	b->config.settings.memory_segment = 1;
	box_open_index(b);
	for (unsigned d = 0; d < DOCS; d++) {
		uint64_t ino = box_file(b, ROOT_INO, texts[d].name, d % 3 ? texts[d].bytes : "elk elk pump pump pump");

		(void) box_file(b, ROOT_INO, "gone.txt", "pump valve river stork");
		if (d % 10 == 0)
			box_wait(b);
		box_unlink(b, ROOT_INO, "gone.txt");
		if (d % 3 == 0)
			box_write(b, ino, texts[d].bytes, strlen(texts[d].bytes));
		if (d % 50 == 49)
			box_remount(b);
	}
	box_wait(b);
	check_same(b, want, __LINE__);
	box_remount(b);
	check_same(b, want, __LINE__);
	(void) usleep(1500000);
	check_same(b, want, __LINE__);
	index_get_stats(b->index, &st);
	CHECK_EQ(st.indexed, DOCS);
	box_close_index(b, false);
	box_open_index(b);
	box_wait(b);
	check_same(b, want, __LINE__);
	free(want);
	box_free(plain);
	box_free(b);
}

/* ---- lists: a segment of many documents is looked at in part */

#define MANY 4000u
#define SUBJECTS 40u

/* Documents keep to a subject: a dozen words of it, and some of anything. */
static void many_text(unsigned number, char *ret, size_t size)
{
	unsigned subject = number % SUBJECTS;
	size_t at = 0;

	for (unsigned i = 0; i < 30; i++) {
		unsigned w = i % 4 ? (subject * 7 + draw(5)) % VOCABULARY : draw(VOCABULARY);

		at += (size_t)snprintf(ret + at, size - at, "%s ", vocabulary[w]);
	}
}

static struct box *make_many(uint32_t flat)
{
	struct box *b = box_new();
	char name[32], text[1000];

	state = 99;
	b->config.flat_vectors = flat;
	b->config.settings.memory_segment = 1u << 30;
	box_open_index(b);
	for (unsigned d = 0; d < MANY; d++) {
		many_text(d, text, sizeof(text));
		(void) snprintf(name, sizeof(name), "m%u.txt", d);
		(void) box_file(b, ROOT_INO, name, text);
	}
	box_wait(b);
	box_remount(b);
	return b;
}

/* How many lines of `a` are in `b` too, whatever their order. */
static unsigned common_lines(const char *a, const char *b, unsigned *ret_n)
{
	unsigned common = 0;

	*ret_n = 0;
	for (const char *at = a, *end; (end = strchr(at, '\n')); at = end + 1) {
		char *line = strndup(at, (size_t)(end + 1 - at));

		common += strstr(b, line) != NULL;
		++*ret_n;
		free(line);
	}
	return common;
}

/* The first hits of both, with their scores, which are exact whatever was looked at. */
static void compare_answers(struct box *flat, struct box *lists, const char *name, unsigned *common, unsigned *all)
{
	char *want = box_ask_in(flat, ROOT_INO, name), *got = box_ask_in(lists, ROOT_INO, name);
	unsigned n;

	*common += common_lines(want, got, &n);
	*all += n;
	free(want);
	free(got);
}

static void check_whole(struct box *flat, struct box *lists, const char *name)
{
	char *want = box_ask_in(flat, ROOT_INO, name), *got = box_ask_in(lists, ROOT_INO, name);

	if (strlen(want) <= 10 || strcmp(want, got) != 0)
		fprintf(stderr, "%s: %zu and %zu bytes\n", name, strlen(want), strlen(got));
	CHECK(strlen(want) > 10 && strcmp(want, got) == 0);
	free(want);
	free(got);
}

static void test_lists(void)
{
	struct box *flat = make_many(0), *lists = make_many(1000);
	unsigned common = 0, all = 0;
	char name[128];

	for (unsigned i = 0; i < VOCABULARY; i++) {
		(void) snprintf(name, sizeof(name), "format=paths&limit=50&mode=vector&q=%s %s", vocabulary[i],
				vocabulary[(i + 2) % VOCABULARY]);
		compare_answers(flat, lists, name, &common, &all);
	}
	printf("lists: %u of %u best documents\n", common, all);
	CHECK(all == 50 * VOCABULARY && common >= all * 95 / 100);
	/* Whoever wants everything gets everything, and so does a filter that leaves little. */
	check_whole(flat, lists, "limit=10000&mode=vector&q=pump valve");
	check_whole(flat, lists, "limit=10000&q=stork lamp");
	check_whole(flat, lists, "limit=10&mode=vector&q=stork lamp name:m12*");
	check_whole(flat, lists, "limit=3000&sort=name&q=river");
	check_whole(flat, lists, "limit=100&mode=text&q=river urn");
	check_whole(flat, lists, "limit=2000&q=\"pump valve\"");
	box_free(flat);
	box_free(lists);
}

int main(void)
{
	char *dir = NULL, *why = NULL;

	CHECK_EQ(embed_find(&dir), 0);
	CHECK_EQ(embed_open(dir, &model, &why), 0);
	make_texts();
	test_memory_and_disk();
	test_layouts();
	test_lists();
	embed_close(model);
	free(dir);
	return check_result();
}
