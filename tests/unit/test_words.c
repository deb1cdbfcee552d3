/* SPDX-License-Identifier: MIT */
#include "index/words/words.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "index/words/stem.h"

/* The words of a text, with '|' between them, and their places. */
static void check_words(const char *text, const char *want, int line)
{
	struct word_reader words = words_over(text, strlen(text));
	char got[512] = "";
	struct word w;

	while (words_next(&words, &w)) {
		size_t len = strlen(got);

		(void) snprintf(got + len, sizeof(got) - len, "%s%.*s", len ? "|" : "", (int)w.len, w.text);
		CHECK(w.end <= strlen(text) && w.offset < w.end);
	}
	if (strcmp(got, want) != 0) {
		fprintf(stderr, "line %d: '%s' gives '%s', not '%s'\n", line, text, got, want);
		check_failures++;
	}
}
#define WORDS(text, want) check_words(text, want, __LINE__)

static void test_words(void)
{
	WORDS("", "");
	WORDS(" .,-\n", "");
	WORDS("Don't panic: 3.5 first-order foo_bar", "don|t|panic|3|5|first|order|foo|bar");
	WORDS("Größe GRÖSSE naïve", "grösse|grösse|naïve");
	WORDS("cafe\xcc\x81 CAF\xc3\x89", "café|café");
	WORDS("\xef\xac\x81le so\xc2\xad" "ft", "file|soft");
	WORDS("日本語のテキスト", "日|本|語|の|テ|キ|ス|ト");
	WORDS("a日b", "a|日|b");
	WORDS("ΣΊΣΥΦΟΣ Straße", "σίσυφοσ|strasse");
	WORDS("한국어 텍스트", "한국어|텍스트");
	WORDS("\xff\xfe" "abc\xff" "def", "abc|def");
	WORDS("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b",
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|b");
}

static bool glob(const char *pattern, const char *text)
{
	return words_glob(pattern, strlen(pattern), text, strlen(text));
}

static void test_glob(void)
{
	CHECK(glob("*.o", "a.o") && !glob("*.o", "a.oo") && glob("*", "") && glob("a*b*c", "axxbyyc"));
	CHECK(!glob("a*b*c", "axxbyy") && glob("?", "ß") && !glob("?", "") && glob("[a-c]x", "bx"));
	CHECK(!glob("[!a-c]x", "bx") && glob("[]]", "]") && glob("[", "[") && glob("gr[äö]n", "grön"));
	CHECK(glob("*.*.swp", ".a.swp") && glob("**a", "a") && !glob("a", "ab") && !glob("ab", "a"));
}

static bool phrase(const char *text, const char *words)
{
	return words_have_phrase(text, strlen(text), words, strlen(words));
}

static void test_phrases(void)
{
	CHECK(phrase("The first-order Fresnel lens.", "First order\n FRESNEL"));
	CHECK(!phrase("The first-order Fresnel lens.", "Fresnel order first"));
	CHECK(phrase("a a b", "a b") && !phrase("a c b", "a b") && !phrase("a", "a b") && !phrase("a", "--"));
	CHECK(!phrase("houses of stone", "house of stone"));
	CHECK(phrase("東京の日本語", "日本語") && !phrase("本日語", "日本語"));
}

static void check_term(struct stemmer *s, uint8_t language, const char *word, const char *want)
{
	for (int i = 0; i < 2; i++) { /* made, then from the cache */
		struct term t = stemmer_term(s, language, word, strlen(word));

		CHECK_MEM(t.bytes, t.len, want, strlen(want));
	}
}

static uint8_t detect(const struct languages *l, const char *declared, const char *text)
{
	return languages_detect(l, declared, text, strlen(text));
}

static void test_stems(void)
{
	struct languages *l = NULL;
	struct stemmer *s = NULL;
	char *why = NULL;

	CHECK_EQ(languages_new(" french, es ", &l, &why), 0);
	CHECK_EQ(stemmer_new(l, 16, &s), 0);
	check_term(s, LANGUAGE_ENGLISH, "flooding", "flood");
	check_term(s, LANGUAGE_ENGLISH, "the", "\1the");
	check_term(s, LANGUAGE_GERMAN, "häusern", "haus");
	check_term(s, LANGUAGE_GERMAN, "the", "the");
	check_term(s, LANGUAGE_GERMAN, "während", "\1während");
	check_term(s, LANGUAGE_UNKNOWN, "continuation", "continu"); /* French, the first added */
	CHECK_EQ(detect(l, "", "the cat is on the mat and it is not a dog"), LANGUAGE_ENGLISH);
	CHECK_EQ(detect(l, "", "der Hund und die Katze sind nicht im Haus"), LANGUAGE_GERMAN);
	CHECK_EQ(detect(l, "de-AT", "the cat is on the mat"), LANGUAGE_GERMAN);
	CHECK_EQ(detect(l, "ja", "the cat is on the mat"), LANGUAGE_ENGLISH);
	CHECK_EQ(detect(l, "", "le chat est dans la maison avec les enfants"), 2);
	CHECK_EQ(detect(l, "", "x = 1; y = 2"), LANGUAGE_UNKNOWN);
	stemmer_free(s);
	languages_free(l);
	CHECK_EQ(languages_new("english klingon", &l, &why), -EINVAL);
	CHECK(why && strstr(why, "klingon") && strstr(why, "turkish"));
	free(why);
	for (uint8_t i = 0; i < LANGUAGES; i++)
		CHECK_EQ(strlen(language_code(i)), 2);
}

int main(void)
{
	test_words();
	test_glob();
	test_phrases();
	test_stems();
	return check_result();
}
