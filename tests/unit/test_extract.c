/* SPDX-License-Identifier: MIT */
/* Documents through brainy-extract and back: kinds, encodings, limits, crashes. The program is named by
 * $BRAINY_EXTRACT, the fixtures by $BRAINY_DOCUMENTS.
 * With files as arguments: extracts each and prints what came of it; --text prints the text too. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "index/extract/extract.h"
#include "tests/unit/check.h"

static struct extractor *extractor;

static const char *status_name(enum extract_status s)
{
	static const char *const names[] = { "indexed", "partial", "skipped", "failed", "deferred" };

	return names[s];
}

static void print_document(const char *path, const struct document *d, uint64_t ms, bool text)
{
	printf("%s:%s\t%s\t%zu bytes\t%zu marks\t%s\t'%s' %s\t%llu ms\n", status_name(d->status), d->why,
	       d->mime, d->text.len, d->n_marks, path, d->title, d->lang, (unsigned long long)ms);
	for (size_t at = 0; text && at < d->fields.len; at += strlen((char *)d->fields.data + at) + 1)
		printf("  field %s\n", (char *)d->fields.data + at);
	for (size_t at = 0; text && at < d->links.len;) {
		const char *verb = (char *)d->links.data + at + 1, *target = verb + strlen(verb) + 1;

		printf("  link %c %s %s\n", verb[-1], verb, target);
		at += 1 + strlen(verb) + strlen(target) + 2;
	}
	if (text)
		printf("%.*s\n", (int)d->text.len, (char *)d->text.data);
}

static int print_files(char **paths)
{
	bool text = *paths && strcmp(*paths, "--text") == 0;

	for (paths += text; *paths; paths++) {
		_cleanup_buf_ struct buf data = BUF_INIT;
		const char *slash = strrchr(*paths, '/');
		struct document d;
		uint64_t start;
		int r = io_read_file_at(AT_FDCWD, *paths, 1u << 30, &data);

		start = clock_mono_ms();
		if (r >= 0)
			r = extractor_run(extractor, slash ? slash + 1 : *paths, data.data, data.len, 5, &d);
		if (r < 0) {
			printf("error %s\t%s\n", strerror(-r), *paths);
			continue;
		}
		print_document(*paths, &d, clock_mono_ms() - start, text);
		document_done(&d);
	}
	return 0;
}

static void run(const char *name, const void *data, size_t len, struct document *d)
{
	int r = extractor_run(extractor, name, data, len, 5, d);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-r));
		check_failures++;
		memset(d, 0, sizeof(*d));
	}
}

/* The text of `data` under `name` must be `want`, and its status `status`, with `why`. */
static void check_text(int line, const char *name, const void *data, size_t len, enum extract_status status,
		       const char *why, const char *want)
{
	struct document d;

	run(name, data, len, &d);
	if (d.status != status || strcmp(d.why, why) != 0 || d.text.len != strlen(want) ||
	    memcmp(d.text.data ? d.text.data : (uint8_t *)"", want, strlen(want)) != 0) {
		fprintf(stderr, "line %d, %s: %s:%s, text \"%.*s\", wanted %s:%s, \"%s\"\n", line, name,
			status_name(d.status), d.why, (int)d.text.len, (char *)d.text.data,
			status_name(status), why, want);
		check_failures++;
	}
	document_done(&d);
}

#define CHECK_TEXT(name, data, want)                                                                         \
	check_text(__LINE__, name, data, sizeof(data) - 1, EXTRACT_INDEXED, "", want)
#define CHECK_NONE(name, data, status, why)                                                                  \
	check_text(__LINE__, name, data, sizeof(data) - 1, status, why, "")

static bool has_field(const struct document *d, const char *name, const char *value)
{
	const char *at = (const char *)d->fields.data, *end = at + d->fields.len;

	while (at < end) {
		const char *v = at + strlen(at) + 1;

		if (strcmp(at, name) == 0 && strcmp(v, value) == 0)
			return true;
		at = v + strlen(v) + 1;
	}
	return false;
}

static void test_encodings(void)
{
	CHECK_TEXT("a.txt", "K\xc3\xb6ln\n", "K\xc3\xb6ln\n");
	CHECK_TEXT("a.txt", "\xef\xbb\xbfK\xc3\xb6ln", "K\xc3\xb6ln");
	CHECK_TEXT("a.txt", "\xff\xfeK\0\xf6\0l\0n\0", "K\xc3\xb6ln");
	CHECK_TEXT("a.txt", "\xfe\xff\0K\0\xf6\0l\0n", "K\xc3\xb6ln");
	CHECK_TEXT("a.txt", "\xff\xfe\0\0K\0\0\0\xf6\0\0\0", "K\xc3\xb6");
	CHECK_TEXT("a.txt", "n\0o\0 \0m\0a\0r\0k\0 \0h\0e\0r\0e\0", "no mark here");
	CHECK_TEXT("a.txt",
		   "Die Br\xfc"
		   "cke in K\xf6ln wird f\xfcr zwei Wochen gesperrt, sagte die Stadt.",
		   "Die Br\xc3\xbc"
		   "cke in K\xc3\xb6ln wird f\xc3\xbcr zwei Wochen gesperrt, sagte die Stadt.");
	CHECK_TEXT("a.txt", "one\r\ntwo\rthree\n", "one\ntwo\nthree\n");
	CHECK_TEXT("a.txt", "red\x1b[31m bell\x07 del\x7f", "red[31m bell del");
	CHECK_TEXT("a.txt", "", "");
	CHECK_NONE("a.txt", "one\0two\0\0\0", EXTRACT_SKIPPED, "binary");
	CHECK_NONE("noname", "GIF89a\x01\0\x01\0\x80\0\0", EXTRACT_SKIPPED, "unsupported");
}

static void test_kinds(void)
{
	struct document d;

	CHECK_TEXT("README", "plain words\n", "plain words\n");
	CHECK_TEXT("no-ending-at-all", "plain words of a file without an ending\n",
		   "plain words of a file without an ending\n");
	CHECK_NONE("x.rtf", "{\\rtf1 hello}", EXTRACT_SKIPPED, "unsupported");
	CHECK_NONE("x.txt", "{\\rtf1\\ansi hello}", EXTRACT_SKIPPED, "unsupported");
	CHECK_TEXT("mail", "Received: by x\nFrom: a@b\nTo: c@d\nMessage-ID: <1@b>\nSubject: s\n\nwords\n",
		   "words\n");
	CHECK_NONE("x.mbox", "words", EXTRACT_SKIPPED, "unsupported");
	CHECK_NONE("box", "From a@b Mon Jan  1 00:00:00 2024\nMessage-ID: <1@b>\nSubject: s\n\nwords\n",
		   EXTRACT_SKIPPED, "unsupported");
	run("x.c", "int main(void);\n", 16, &d);
	CHECK(strcmp(d.mime, "text/x-c") == 0);
	document_done(&d);
	run("weird", "<!DOCTYPE html><html lang=de><title>T</title><p>eins", 52, &d);
	CHECK(strcmp(d.mime, "text/html") == 0 && strcmp(d.lang, "de") == 0 && strcmp(d.title, "T") == 0);
	document_done(&d);
	run("anything.pdf", "", 0, &d);
	CHECK_EQ(d.status, EXTRACT_INDEXED);
	CHECK(strcmp(d.mime, "application/x-empty") == 0 && d.text.len == 0);
	document_done(&d);
}

static void test_marks(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct document d;

	for (unsigned i = 1; i <= 1000; i++)
		CHECK_EQ(buf_addf(&text, "line %u\r\n", i), 0);
	run("x.txt", text.data, text.len, &d);
	CHECK(d.n_marks > 10);
	for (size_t i = 0; i < d.n_marks; i++) {
		CHECK_EQ(d.marks[i].kind, 'l');
		CHECK_EQ(atoi((char *)d.text.data + d.marks[i].offset + 5), d.marks[i].number);
	}
	document_done(&d);
}

static void test_markdown(void)
{
	static const char text[] = "---\ntitle: \"The Log\"\ntags: [sea, 'rock']\nkeywords:\n  - one\n  - "
				   "two\ndate: 2024-03-18\n"
				   "lang: en\nx.y: z\n---\n\n# Head *ing*\n\nA [link](http://x.y \"t\") and "
				   "`code` &amp; [[Wiki|note]].\n"
				   "Soft\n\n- item\n- [x] done\n\n| a | b |\n|---|---|\n| c | d "
				   "|\n\n```c\nint  x;\n```\n<b>html</b>\n";
	struct document d;

	run("x.md", text, sizeof(text) - 1, &d);
	CHECK_EQ(d.status, EXTRACT_INDEXED);
	CHECK(strcmp(d.title, "The Log") == 0);
	CHECK(strcmp(d.lang, "en") == 0);
	CHECK(strcmp(d.mime, "text/markdown") == 0);
	CHECK(has_field(&d, "tags", "sea") && has_field(&d, "tags", "rock"));
	CHECK(has_field(&d, "keywords", "one") && has_field(&d, "keywords", "two"));
	CHECK(has_field(&d, "date", "2024-03-18"));
	CHECK(d.n_marks > 0 && d.marks[0].number == 12 && d.marks[0].offset == 0);
	document_done(&d);
	CHECK_TEXT("x.md", text,
		   "Head ing\n\nA link and code & note.\nSoft\nitem\ndone\n\na b\nc d\n\nint  x;\n\nhtml");
	CHECK_TEXT("x.md", "---\nnever: closed\n", "never: closed");
	run("x.md", "no head\n\n## First\n# Second\n", 26, &d);
	CHECK(strcmp(d.title, "First") == 0);
	document_done(&d);
}

static void test_html(void)
{
	struct document d;
	static const char head[] = "<html lang=fr><head><meta charset=utf-8><meta name=Author content='A "
				   "B'><title> Le\n titre </title>";

	run("x.html", head, sizeof(head) - 1, &d);
	CHECK(strcmp(d.title, "Le titre") == 0 && strcmp(d.lang, "fr") == 0 &&
	      has_field(&d, "author", "A B"));
	document_done(&d);
	CHECK_TEXT("x.html",
		   "<p>one<p>two <b>th</b>ree<script>var x = '<p>no</p>';</script><style>p{}</style>",
		   "one\n\ntwo three");
	CHECK_TEXT("x.html", "<ul><li>a<li>b</ul>&eacute;&#8364;<br>c<table><tr><td>d<td>e</table>",
		   "a\nb\n\n\xc3\xa9\xe2\x82\xac\nc\n\nd e");
	CHECK_TEXT("x.html", "<pre>a  b\n c</pre>", "a  b\n c");
	CHECK_TEXT("x.html", "<meta charset=windows-1252><p>3\x80 K\xfcrbis", "3\xe2\x82\xac K\xc3\xbcrbis");
	CHECK_TEXT("x.html", "<p>un<!-- no --> deux<p hidden", "un deux");
}

static void load(const char *name, struct buf *ret)
{
	_cleanup_free_ char *path = NULL;
	const char *folder = getenv("BRAINY_DOCUMENTS");

	CHECK(folder && asprintf(&path, "%s/%s", folder, name) > 0);
	CHECK_EQ(io_read_file_at(AT_FDCWD, path, 1u << 26, ret), 0);
}

static void check_file(const char *name, enum extract_status status, const char *why, struct document *ret_d)
{
	_cleanup_buf_ struct buf data = BUF_INIT;

	load(name, &data);
	run(name, data.data, data.len, ret_d);
	CHECK_EQ(ret_d->status, status);
	CHECK(strcmp(ret_d->why, why) == 0);
}

static bool has_text(const struct document *d, const char *text)
{
	return d->text.len && memmem(d->text.data, d->text.len, text, strlen(text));
}

static void test_pdf(void)
{
	struct document d;

	check_file("ferries.pdf", EXTRACT_INDEXED, "", &d);
	CHECK(strcmp(d.title, "Ferries & <tides>") == 0 && has_field(&d, "author", "M. Brandt"));
	CHECK(has_field(&d, "keywords", "ferry, tide") && has_field(&d, "pages", "2"));
	CHECK(has_field(&d, "tags", "ferry") && has_field(&d, "tags", "tide"));
	CHECK(has_text(&d, "Departures <every> hour & a half"));
	CHECK_EQ(d.n_marks, 2);
	if (d.n_marks == 2) {
		CHECK_EQ(d.marks[1].kind, 'p');
		CHECK_EQ(d.marks[1].number, 2);
		CHECK(memcmp(d.text.data + d.marks[1].offset, "Second page", 11) == 0);
	}
	document_done(&d);
	check_file("picture.pdf", EXTRACT_PARTIAL, "no-text", &d);
	CHECK(has_field(&d, "pages", "1"));
	document_done(&d);
	check_file("encrypted.pdf", EXTRACT_SKIPPED, "encrypted", &d);
	document_done(&d);
	CHECK_NONE("x.pdf", "%PDF-1.4\nnothing else\n", EXTRACT_FAILED, "damaged");
}

static void test_docx(void)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	struct document d;

	check_file("orchard.docx", EXTRACT_INDEXED, "", &d);
	CHECK(strcmp(d.title, "Orchard notes") == 0 && has_field(&d, "author", "Ida Falk"));
	CHECK(has_text(&d, "Pruning apple trees\nCut in late winter not in frost\nSealant & twine\ncell "
			   "one\ncell two\n"));
	CHECK(has_text(&d, "Use clean blades.") && has_text(&d, "Orchard society"));
	CHECK(!has_text(&d, "deleted") && !has_text(&d, "fallback") && !has_text(&d, "PAGEREF"));
	document_done(&d);
	load("orchard.docx", &data);
	run("cut.docx", data.data, data.len * 3 / 4, &d);
	CHECK_EQ(d.status, EXTRACT_PARTIAL);
	CHECK(has_text(&d, "Pruning"));
	document_done(&d);
}

/* What hostile documents try: entities, files, size. */
static void test_hostile(void)
{
	struct document d;

	check_file("entities.docx", EXTRACT_PARTIAL, "damaged", &d);
	CHECK(has_text(&d, "before") && has_text(&d, "after") && !has_text(&d, "root:") &&
	      !has_text(&d, "lol"));
	document_done(&d);
	check_file("bomb.docx", EXTRACT_PARTIAL, "size", &d);
	CHECK(d.text.len <= 64u << 20);
	document_done(&d);
}

/* Three gigabytes of blanks in a kilobyte or two. */
static void test_slow(void)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	struct document d;

	load("endless.pdf", &data);
	CHECK_EQ(extractor_run(extractor, "endless.pdf", data.data, data.len, 1, &d), 0);
	CHECK_EQ(d.status, EXTRACT_SLOW);
	CHECK_EQ(d.text.len, 0);
	document_done(&d);
	CHECK_TEXT("a.html", "<p>next", "next");
}

static void test_big_text(void)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	size_t len = (64u << 20) + 100000;
	struct document d;
	void *place;

	CHECK_EQ(buf_extend(&data, len, &place), 0);
	memset(place, 'a', len);
	run("big.txt", data.data, data.len, &d);
	CHECK_EQ(d.status, EXTRACT_PARTIAL);
	CHECK(strcmp(d.why, "size") == 0 && d.text.len <= 64u << 20);
	document_done(&d);
	run("middle.txt", data.data, 5u << 20, &d);
	CHECK_EQ(d.status, EXTRACT_INDEXED);
	CHECK_EQ(d.text.len, 5u << 20);
	document_done(&d);
}

static void *run_many(void *unused)
{
	char name[32], text[64];

	for (unsigned i = 0; i < 300; i++) {
		struct document d;

		(void) snprintf(name, sizeof(name), i % 10 ? "%u.txt" : "%u.html", i);
		(void) snprintf(text, sizeof(text), "words of number %u", i);
		run(name, text, strlen(text), &d);
		CHECK_MEM(d.text.data, d.text.len, text, strlen(text));
		document_done(&d);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run_many, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		(void) pthread_join(threads[i], NULL);
}

/* Kills all processes of the extractor, which must come back. */
static void test_restart(void)
{
	_cleanup_free_ char *path = NULL;
	char children[64] = "";
	FILE *f;

	CHECK(asprintf(&path, "/proc/self/task/%d/children", (int)getpid()) > 0);
	f = fopen(path, "re");
	if (!f)
		return;
	CHECK(fgets(children, sizeof(children), f) != NULL);
	(void) fclose(f);
	(void) usleep(1100000); /* a program that dies at once is not started again at once */
	CHECK(atoi(children) > 1 && kill(atoi(children), SIGKILL) == 0);
	CHECK_TEXT("a.txt", "after", "after");
	CHECK_TEXT("a.html", "<p>after", "after");
}

static void print_speed(void)
{
	static const char text[] = "A small text of some words, as notes are.\nAnd a second line.\n";
	uint64_t start = clock_mono_ns();
	struct rusage used;
	unsigned n = 10000;

	for (unsigned i = 0; i < n; i++) {
		struct document d;

		run("a.txt", text, sizeof(text) - 1, &d);
		document_done(&d);
	}
	printf("%.0f texts/s", n * 1e9 / (double)(clock_mono_ns() - start));
	start = clock_mono_ns();
	for (unsigned i = 0; i < n / 20; i++) {
		struct document d;

		run("a.html", text, sizeof(text) - 1, &d);
		document_done(&d);
	}
	printf(", %.0f documents/s alone", n / 20 * 1e9 / (double)(clock_mono_ns() - start));
	extractor = extractor_stop(extractor);
	(void) getrusage(RUSAGE_CHILDREN, &used);
	printf(", %.0f ms of CPU time in all\n",
	       (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3);
}

static void check_kind(const char *name, const char *data, size_t len, enum extract_status status)
{
	struct document kind = { 0 }, whole;

	CHECK_EQ(extractor_kind(extractor, name, data, len, &kind), 0);
	CHECK_EQ(kind.status, status);
	CHECK_EQ(kind.text.len, 0);
	run(name, data, len, &whole);
	CHECK(strcmp(kind.mime, whole.mime) == 0);
	CHECK(status == EXTRACT_INDEXED || strcmp(kind.why, whole.why) == 0);
	document_done(&kind);
	document_done(&whole);
}

/* What the beginning of a large file says is what the whole would say. */
static void test_kinds_alone(void)
{
	static const char png[32] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	static const char text[] = "The heron stands in the reeds.\n";

	check_kind("photo.png", png, sizeof(png), EXTRACT_SKIPPED);
	check_kind("photo", png, sizeof(png), EXTRACT_SKIPPED);
	check_kind("disk.img", "\0\1\2\3\4\5\6\7", 8, EXTRACT_SKIPPED);
	check_kind("heron.txt", text, sizeof(text) - 1, EXTRACT_INDEXED);
	check_kind("heron", text, sizeof(text) - 1, EXTRACT_INDEXED);
}

static int run_tests(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--speed") == 0) {
		print_speed();
		return 0;
	}
	if (argc > 1)
		return print_files(argv + 1);
	test_encodings();
	test_kinds();
	test_kinds_alone();
	test_marks();
	test_markdown();
	test_html();
	test_pdf();
	test_docx();
	test_hostile();
	test_slow();
	test_big_text();
	test_threads();
	test_restart();
	return check_result();
}

int main(int argc, char **argv)
{
	const char *program = getenv("BRAINY_EXTRACT");
	int r;

	if (!program || extractor_start(program, &extractor) < 0) {
		fprintf(stderr, "BRAINY_EXTRACT does not name the program\n");
		return 1;
	}
	r = extractor_missing(extractor);
	CHECK(r >= 0);
	if (r > 0)
		fprintf(stderr, "this kernel lacks walls of the sandbox: %d\n", r);
	r = run_tests(argc, argv);
	extractor = extractor_stop(extractor);
	return r;
}
