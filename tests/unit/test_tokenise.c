/* SPDX-License-Identifier: MIT */
/* The tokeniser on texts made for its corners. With --ids: reads texts from stdin, each after its length
 * (32 bits, little-endian), and prints their ids, one line a text, for comparison with another tokeniser.
 * With --speed FILE: how fast FILE is tokenised and embedded. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "index/embed/embed.h"
#include "index/embed/wordpiece.h"
#include "tests/unit/check.h"

static struct embed_model *model;

static void check_same(const char *text, size_t len, const char *same)
{
	_cleanup_buf_ struct buf got = BUF_INIT, want = BUF_INIT;

	CHECK_EQ(embed_tokenise(model, text, len, &got, NULL), 0);
	CHECK_EQ(embed_tokenise(model, same, strlen(same), &want, NULL), 0);
	if (got.len != want.len || memcmp(got.data, want.data, want.len) != 0) {
		fprintf(stderr, "\"%.*s\" is not taken as \"%s\"\n", (int)len, text, same);
		check_failures++;
	}
}

#define CHECK_SAME(text, same) check_same(text, sizeof(text) - 1, same)

static size_t count(const char *text, size_t len)
{
	_cleanup_buf_ struct buf ids = BUF_INIT;

	CHECK_EQ(embed_tokenise(model, text, len, &ids, NULL), 0);
	return ids.len / 4;
}

static void test_normaliser(void)
{
	CHECK_SAME("Na\xc3\xafve CAF\xc3\x89", "naive cafe");
	CHECK_SAME("nai\xcc\x88ve", "naive");
	CHECK_SAME("nul\0bell\x07"
		   "del\x7f",
		   "nulbelldel");
	CHECK_SAME("bad\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80 cut\xe2\x82", "bad( cut");
	CHECK_SAME("re\xef\xbf\xbdplaced", "replaced");
	CHECK_SAME("a\xc2\xa0"
		   "b\xe2\x80\x83"
		   "c\td\r\ne\xe3\x80\x80"
		   "f",
		   "a b c d e f");
	CHECK_SAME("soft\xc2\xadhyphen zero\xe2\x80\x8bwidth", "softhyphen zerowidth");
	CHECK_SAME("\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab");
	CHECK_SAME("\xcd\xbe", ";");
	CHECK_SAME("x\xe4\xb8\xady", "x \xe4\xb8\xad y");
	CHECK_SAME("[CLS]", "[ cls ]");
	CHECK_SAME("a+b=c", "a + b = c");
	CHECK_SAME("\xe2\x80\x9cquoted\xe2\x80\x9d", "\xe2\x80\x9c quoted \xe2\x80\x9d");
}

static void test_long_words(void)
{
	char word[400];

	memset(word, 'a', sizeof(word));
	CHECK(count(word, 100) > 0);
	CHECK_EQ(count(word, 101), 0);
	CHECK_EQ(count(word, 400), 0);
	for (unsigned i = 0; i < 101; i++)
		memcpy(word + 2 * i, "\xc3\xa9", 2);
	CHECK(count(word, 200) > 0);
	CHECK_EQ(count(word, 202), 0);
	word[100] = ' ';
	word[101] = 'a';
	CHECK(count(word, 400) > 0);
}

static void test_offsets(void)
{
	static const char text[] = " Hi,\xe4\xb8\xad unaffable\xff end";
	_cleanup_buf_ struct buf ids = BUF_INIT, offsets = BUF_INIT;
	const uint32_t *at;
	size_t n;

	CHECK_EQ(embed_tokenise(model, text, sizeof(text) - 1, &ids, &offsets), 0);
	at = (const uint32_t *)offsets.data;
	n = offsets.len / 4;
	CHECK_EQ(ids.len, offsets.len);
	CHECK(n > 5);
	CHECK_EQ(at[0], 1);
	CHECK_EQ(at[1], 3);
	CHECK_EQ(at[2], 4);
	CHECK_EQ(at[3], 8);
	CHECK_EQ(at[4], 8);
	CHECK_EQ(at[n - 1], 19);
}

static void test_wordpiece(void)
{
	static const char vocabulary[] = "un\n##aff\n##able\n##affa\n#\n\xc3\xa9\nunaff\n";
	struct wordpiece *w = NULL;
	uint32_t ids[32];

	CHECK_EQ(wordpiece_new(vocabulary, sizeof(vocabulary) - 1, &w), 0);
	if (!w)
		return;
	CHECK_EQ(wordpiece_size(w), 7);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"unaffable", 9, ids), 2);
	CHECK_EQ(ids[0], 6);
	CHECK_EQ(ids[1], 2);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"unaff", 5, ids), 1);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"unununaff", 9, ids), 0);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"able", 4, ids), 0);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"#", 1, ids), 1);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"\xc3", 1, ids), 0);
	CHECK_EQ(wordpiece_cut(w, (const uint8_t *)"\xff\xfe", 2, ids), 0);
	CHECK(wordpiece_free(w) == NULL);
}

static int print_ids(void)
{
	_cleanup_buf_ struct buf in = BUF_INIT, ids = BUF_INIT;
	struct reader r;

	if (io_read_all(0, 1u << 30, &in) < 0)
		return 1;
	r = reader_over(in.data, in.len);
	while (reader_left(&r)) {
		uint32_t len = reader_le32(&r);
		const char *text = reader_take(&r, len);

		buf_reset(&ids);
		if (!text || embed_tokenise(model, text, len, &ids, NULL) < 0)
			return 1;
		for (size_t i = 0; i < ids.len / 4; i++)
			printf(i ? " %u" : "%u", ((uint32_t *)ids.data)[i]);
		putchar('\n');
	}
	return 0;
}

static int print_speed(const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT, ids = BUF_INIT;
	double tokenise = 1e9, embed = 1e9;
	float vector[4096];

	if (io_read_file_at(AT_FDCWD, path, 1u << 30, &text) < 0)
		return 1;
	for (unsigned round = 0; round < 5; round++) {
		uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), middle;

		buf_reset(&ids);
		if (embed_tokenise(model, (char *)text.data, text.len, &ids, NULL) < 0)
			return 1;
		middle = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (size_t at = 0; at < ids.len / 4; at += 100)
			embed_vector(model, (uint32_t *)ids.data + at, MIN(ids.len / 4 - at, (size_t)100),
				     NULL, vector);
		tokenise = MIN(tokenise, (double)(middle - start));
		embed = MIN(embed, (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - middle));
	}
	printf("tokenise %.1f MB/s, embed %.1f MB/s, both %.1f MB/s, %.2f bytes a token\n",
	       (double)text.len * 1e3 / tokenise, (double)text.len * 1e3 / embed,
	       (double)text.len * 1e3 / (tokenise + embed), (double)text.len / ((double)ids.len / 4));
	return 0;
}

static int run(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--ids") == 0)
		return print_ids();
	if (argc > 2 && strcmp(argv[1], "--speed") == 0)
		return print_speed(argv[2]);
	test_normaliser();
	test_long_words();
	test_offsets();
	test_wordpiece();
	return check_result();
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *dir = NULL, *why = NULL;
	int r = embed_find(&dir);

	if (r < 0 || embed_open(dir, &model, &why) < 0) {
		fprintf(stderr, "no model: %s\n", why ? why : "not found");
		return 1;
	}
	r = run(argc, argv);
	model = embed_close(model);
	return r;
}
