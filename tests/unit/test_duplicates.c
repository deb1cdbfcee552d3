/* SPDX-License-Identifier: MIT */
/* Duplicates: sketches against what they estimate, leaders against all pairs, and the queries, in memory and in
 * segments, while files change, and for who may not see all of them. */
#include <math.h>

#include "index/fingerprint.h"
#include "index/query/leaders.h"
#include "query_box.h"
#include "tests/fakes/plain_extractor.h"

#define WORDS 200u
#define TEXT_MAX (WORDS * 8)

/* ---- sketches */

static void sketch_of(const unsigned *words, size_t n, struct fingerprint *ret_f)
{
	struct sketch_maker m;

	sketch_begin(&m);
	for (size_t k = 0; k < n; k++) {
		char word[16];
		int len = snprintf(word, sizeof(word), "w%u", words[k]);

		sketch_word(&m, word, (size_t)len);
	}
	sketch_end(&m, ret_f);
}

static bool same_shingle(const unsigned *a, const unsigned *b)
{
	return memcmp(a, b, SHINGLE * sizeof(*a)) == 0;
}

/* What the sketches estimate; shingles are taken to be different within a text. */
static double resemblance(const unsigned *a, const unsigned *b, size_t n)
{
	size_t all = n - SHINGLE + 1, shared = 0;

	for (size_t i = 0; i < all; i++)
		for (size_t j = 0; j < all; j++)
			shared += same_shingle(a + i, b + j);
	return (double)shared / (double)(2 * all - shared);
}

static void draw(unsigned *words)
{
	for (size_t k = 0; k < WORDS; k++)
		words[k] = (unsigned)rand();
}

static void test_estimates(void)
{
	unsigned a[WORDS], b[WORDS], pairs = 0;
	double errors = 0, worst = 0;

	for (unsigned changes = 0; changes <= 20; changes++)
		for (unsigned round = 0; round < 20; round++, pairs++) {
			struct fingerprint x = { 0 }, y = { 0 };
			double error;

			draw(a);
			memcpy(b, a, sizeof(b));
			for (unsigned k = 0; k < changes; k++)
				b[(unsigned)rand() % WORDS] = (unsigned)rand();
			sketch_of(a, WORDS, &x);
			sketch_of(b, WORDS, &y);
			error = fabs(sketch_resemblance(x.sketch, y.sketch) - resemblance(a, b, WORDS));
			CHECK(changes > 0 || error < 1e-9);
			errors += error * error;
			worst = MAX(worst, error);
		}
	printf("resemblance: off by %.3f (root mean square), %.3f at most, of %u pairs\n", sqrt(errors / pairs), worst, pairs);
	CHECK(sqrt(errors / pairs) < 0.05);
	CHECK(worst < 0.2);
}

/* They are stored: what they are never changes. */
static void test_format(void)
{
	static const uint8_t want[8] = { 16, 14, 78, 99, 78, 177, 20, 16 };
	unsigned words[40];
	struct fingerprint f = { 0 }, none;

	for (unsigned k = 0; k < 40; k++)
		words[k] = k;
	sketch_of(words, 40, &f);
	CHECK(f.has_sketch);
	for (size_t k = 0; k < sizeof(want); k++)
		CHECK_EQ(f.sketch[k], want[k]);
	sketch_of(words, SHINGLES_MIN + SHINGLE - 2, &none);
	CHECK(!none.has_sketch);
	sketch_of(words, SHINGLES_MIN + SHINGLE - 1, &none);
	CHECK(none.has_sketch);
}

/* ---- leaders */

static void test_leaders(void)
{
	enum { N = 300 };
	struct fingerprint *f = calloc(N, sizeof(*f));
	unsigned base[WORDS], words[WORDS], missed = 0, like = 0;
	struct leaders l;

	CHECK_EQ(leaders_init(&l, N), 0);
	for (unsigned k = 0; k < N; k++) {
		uint32_t best = LEADER_NONE, found;
		double most = 0.7;

		if (k % 10 == 0)
			draw(base);
		memcpy(words, base, sizeof(words));
		for (unsigned c = 0; c < k % 10; c++)
			words[(unsigned)rand() % WORDS] = (unsigned)rand();
		sketch_of(words, WORDS, &f[k]);
		for (unsigned j = 0; j < k; j++)
			if (sketch_resemblance(f[k].sketch, f[j].sketch) >= most + (best != LEADER_NONE ? 1e-9 : 0)) {
				most = sketch_resemblance(f[k].sketch, f[j].sketch);
				best = j;
			}
		found = leaders_find(&l, f[k].sketch, 0.7);
		like += best != LEADER_NONE;
		missed += found != best;
		CHECK_EQ(leaders_add(&l, f[k].sketch), k);
	}
	CHECK(like > N / 3);
	CHECK_EQ(missed, 0);
	leaders_done(&l);
	free(f);
}

/* ---- queries */

/* Sentences that differ in the words at `change`; -1: in none. */
static void text_of(unsigned seed, int change, char ret[TEXT_MAX])
{
	size_t at = 0;

	for (unsigned k = 0; k < 60; k++)
		at += (size_t)snprintf(ret + at, TEXT_MAX - at, "%c%u%s", 'a' + (char)(seed % 26), k * 7 + seed,
				       (int)k == change ? "x " : " ");
}

static uint64_t file(struct box *b, uint64_t dir, const char *name, unsigned seed, int change)
{
	char text[TEXT_MAX];

	text_of(seed, change, text);
	return box_file(b, dir, name, text);
}

static struct box *box_of_duplicates(uint64_t *ret_folder)
{
	struct box *b = box_new();

	box_open_index(b);
	*ret_folder = box_folder(b, ROOT_INO, "d");
	(void) file(b, ROOT_INO, "a.txt", 1, -1);
	(void) file(b, *ret_folder, "a2.txt", 1, -1);
	(void) file(b, *ret_folder, "a3.txt", 1, 30);
	(void) file(b, ROOT_INO, "c.txt", 2, -1);
	(void) box_file(b, ROOT_INO, "p.bin", "bytes and nothing else, and more of them than in all of the texts: bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes");
	(void) box_file(b, ROOT_INO, "q.bin", "bytes and nothing else, and more of them than in all of the texts: bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes "
		"bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes bytes");
	(void) box_file(b, ROOT_INO, "empty", "");
	(void) box_file(b, ROOT_INO, "empty2", "");
	(void) box_file(b, ROOT_INO, "x.o", "not looked at");
	(void) box_file(b, ROOT_INO, "y.o", "not looked at");
	box_wait(b);
	return b;
}

static void check_all(struct box *b)
{
	CHECK_QUERY(b, "duplicates?format=paths", "p.bin q.bin  a.txt d/a2.txt");
	CHECK_QUERY(b, "duplicates", "1\tsame\t1.000\t402\tp.bin 1\tsame\t1.000\t402\tq.bin 2\tsame\t1.000\t283\ta.txt "
		    "2\tsame\t1.000\t283\td/a2.txt");
	CHECK_QUERY(b, "duplicates?kind=near&format=paths", "a.txt d/a2.txt d/a3.txt");
	CHECK_QUERY(b, "duplicates?kind=all&format=paths", "a.txt d/a2.txt d/a3.txt  p.bin q.bin");
	CHECK_QUERY(b, "duplicates?kind=all&format=paths&limit=1", "a.txt d/a2.txt d/a3.txt");
	CHECK_QUERY(b, "duplicates?kind=all&format=paths&offset=1", "p.bin q.bin");
	CHECK_QUERY(b, "duplicates?kind=all&format=paths&offset=2", "");
	CHECK_QUERY(b, "duplicates?kind=near&threshold=1&format=paths", "");
	CHECK_QUERY(b, "duplicates?in=d&kind=all&format=paths", "d/a2.txt d/a3.txt");
	CHECK_QUERY(b, "duplicates?q=type:txt&format=paths", "a.txt d/a2.txt");
	CHECK_QUERY(b, "duplicates?q=-name:a2&kind=all&format=paths", "p.bin q.bin  a.txt d/a3.txt");
	CHECK_QUERY(b, "duplicates?to=a.txt&format=paths", "d/a2.txt");
	CHECK_QUERY(b, "duplicates?to=a.txt&kind=all&format=paths", "d/a2.txt d/a3.txt");
	CHECK_QUERY(b, "duplicates?to=a.txt&kind=near&format=paths", "d/a3.txt");
	CHECK_QUERY(b, "duplicates?to=c.txt&to=a.txt&to=d/a2.txt&kind=all&format=paths", "d/a3.txt  d/a3.txt");
	CHECK_QUERY(b, "duplicates?to=c.txt&kind=all&format=paths", "");
	CHECK_QUERY(b, "duplicates?format=json&limit=1", "{\"total\":2,\"pending\":0,\"uncompared\":2,\"groups\":[{\"kind\":"
		    "\"same\",\"saves\":402,\"files\":[{\"path\":\"p.bin\",\"inode\":7,\"kind\":\"same\",\"resemblance\":1.0,"
		    "\"size\":402},{\"path\":\"q.bin\",\"inode\":8,\"kind\":\"same\",\"resemblance\":1.0,\"size\":402}]}]}");
	CHECK_QUERY(b, "duplicates?format=jsonl&to=a.txt", "{\"kind\":\"same\",\"saves\":283,\"files\":[{\"path\":\"d/a2.txt\","
		    "\"inode\":4,\"kind\":\"same\",\"resemblance\":1.0,\"size\":283}],\"to\":\"a.txt\"}");
}

static void test_queries(void)
{
	uint64_t folder;
	struct box *b = box_of_duplicates(&folder);

	check_all(b);
	REFUSE_QUERY(b, "duplicates?to=empty", "empty");
	REFUSE_QUERY(b, "duplicates?to=x.o", "not read whole");
	REFUSE_QUERY(b, "duplicates?to=nowhere", "no such file");
	REFUSE_QUERY(b, "duplicates?kind=some", "same near all");
	REFUSE_QUERY(b, "duplicates?threshold=0.1", "0.5");
	REFUSE_QUERY(b, "duplicates?format=md", "jsonl");
	REFUSE_QUERY(b, "duplicates?mode=text", "no key of duplicates");
	box_remount(b);
	check_all(b);
	box_free(b);
}

static void test_changes(void)
{
	uint64_t folder, ino;
	struct box *b = box_of_duplicates(&folder);
	char text[TEXT_MAX];
	unsigned runs;

	runs = plain_extractor_runs();
	box_rename(b, folder, "a2.txt", ROOT_INO, "moved.txt");
	box_wait(b);
	CHECK_EQ(plain_extractor_runs(), runs);
	CHECK_QUERY(b, "duplicates?format=paths&q=type:txt", "a.txt moved.txt");
	ino = file(b, ROOT_INO, "c2.txt", 2, -1);
	box_wait(b);
	CHECK_QUERY(b, "duplicates?format=paths&q=type:txt", "c.txt c2.txt  a.txt moved.txt");
	text_of(2, 10, text);
	box_write(b, ino, text, strlen(text));
	box_wait(b);
	CHECK_QUERY(b, "duplicates?format=paths&q=type:txt", "a.txt moved.txt");
	CHECK_QUERY(b, "duplicates?format=paths&kind=near&to=c2.txt", "c.txt");
	box_unlink(b, ROOT_INO, "moved.txt");
	CHECK_QUERY(b, "duplicates?format=paths&q=type:txt", "");
	box_remount(b);
	CHECK_QUERY(b, "duplicates?format=paths&kind=all&q=type:txt", "c.txt c2.txt  a.txt d/a3.txt");
	box_free(b);
}

/* Groups, totals, and what is not compared are those of the files that are seen. */
static void test_others(void)
{
	uint64_t folder, closed;
	struct box *b = box_of_duplicates(&folder);

	closed = box_folder(b, ROOT_INO, "closed");
	(void) file(b, closed, "c2.txt", 2, -1);
	box_chmod(b, closed, 0700);
	box_wait(b);
	CHECK_QUERY(b, "duplicates?q=type:txt&format=paths", "c.txt closed/c2.txt  a.txt d/a2.txt");
	CHECK_OTHER(b, "duplicates?q=type:txt&format=paths", "a.txt d/a2.txt");
	CHECK_OTHER(b, "duplicates?to=c.txt&kind=all", "");
	CHECK_OTHER(b, "duplicates?to=closed/c2.txt", "error: to=closed/c2.txt: no such file below the folder that is asked");
	CHECK_OTHER(b, "duplicates?to=nowhere/c2.txt", "error: to=nowhere/c2.txt: no such file below the folder that is asked");
	box_chmod(b, folder, 0700);
	CHECK_OTHER(b, "duplicates?q=type:txt&kind=all&format=json", "{\"total\":0,\"pending\":0,\"uncompared\":0,\"groups\":[]}");
	box_free(b);
}

int main(void)
{
	srand(5);
	test_estimates();
	test_format();
	test_leaders();
	test_queries();
	test_changes();
	test_others();
	return check_result();
}
