/* SPDX-License-Identifier: MIT */
/* The index as its users meet it: what was written is found, by words, phrases, meaning and filters, at
 * once and after changes. */
#include "base/clock.h"
#include "base/io.h"
#include "index_box.h"
#include "tests/fakes/plain_extractor.h"

static void test_words(void)
{
	struct box *b = box_new();
	uint64_t docs, one;

	box_open_index(b);
	docs = box_folder(b, ROOT_INO, "docs");
	one = box_file(b, docs, "pump.txt", "The pump house was rebuilt after the flood of the river.\n");
	(void) box_file(b, docs, "valve.md", "# Valve\n\nA flood valve. Größe in mm, naïve café, 日本語のテキスト.\n");
	(void) box_file(b, ROOT_INO, "other.txt", "Nothing to see about kestrels here.\n");
	box_wait(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_ASK(b, "q=kestrel&mode=text", "other.txt");
	CHECK_ASK(b, "q=größe&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=gr%C3%B6%C3%9Fe&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=GRÖSSE&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=\"日本語\"&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=\"本日\"&mode=text", "");
	CHECK_ASK(b, "q=\"pump house was rebuilt\"", "docs/pump.txt");
	CHECK_ASK(b, "q=\"pump  House,\nwas -- REBUILT\"", "docs/pump.txt");
	CHECK_ASK(b, "q=\"house pump\"", "");
	CHECK_ASK(b, "q=\"of the\"&mode=text", "docs/pump.txt");
	CHECK_ASK(b, "q=flood -valve&mode=text", "docs/pump.txt");
	CHECK_ASK(b, "q=flood -\"of the river\"&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=flood&mode=text&in=docs/valve.md", "docs/valve.md");
	CHECK_ASK_IN(b, docs, "q=flood&mode=text", "pump.txt valve.md");
	CHECK_ASK(b, "q=pump&mode=text&paths=absolute", "/mnt/docs/pump.txt");
	CHECK_ASK(b, "q=qwrtzpsdfg&mode=text", "");
	CHECK_ASK(b, "q=valve.md&mode=text", "docs/valve.md");
	CHECK_ASK(b, "q=other&mode=text", "other.txt");
	CHECK_ASK(b, "q=name:zzz -flood \"kestrels&literal=1&mode=text&limit=1", "other.txt");
	CHECK_ATTRIBUTE(b, one, "state", "indexed");
	CHECK_ATTRIBUTE(b, one, "mime", "text/plain");
	CHECK_ATTRIBUTE(b, one, "lang", "en");
	CHECK_ATTRIBUTE(b, one, "passages", "1");
	CHECK_ATTRIBUTE(b, one, "nonsense", "No data available");
	box_free(b);
}

static void test_german(void)
{
	struct box *b = box_new();
	uint64_t de;

	box_open_index(b);
	de = box_file(b, ROOT_INO, "a.txt", "Die Häuser in der Stadt sind alle von den Bürgern gebaut worden und nicht neu.\n");
	(void) box_file(b, ROOT_INO, "b.txt", "All the houses of the town were built by us and they are not new.\n");
	box_wait(b);
	CHECK_ATTRIBUTE(b, de, "lang", "de");
	CHECK_ASK(b, "q=Haus&mode=text", "a.txt");
	CHECK_ASK(b, "q=house&mode=text", "b.txt");
	CHECK_ASK(b, "q=Bürger&mode=text", "a.txt");
	CHECK_ASK(b, "q=die&mode=text", "");
	CHECK_ASK(b, "q=der die&mode=text", "");
	box_free(b);
}

static void test_changes(void)
{
	struct box *b = box_new();
	uint64_t docs, ino;
	unsigned runs;

	box_open_index(b);
	docs = box_folder(b, ROOT_INO, "docs");
	ino = box_file(b, docs, "first.txt", "the qzxvbn valve\n");
	box_wait(b);
	CHECK_ASK(b, "q=qzxvbn&mode=text", "docs/first.txt");
	runs = plain_extractor_runs();
	box_rename(b, docs, "first.txt", ROOT_INO, "renamed.txt");
	CHECK_ASK(b, "q=qzxvbn&mode=text", "renamed.txt");
	CHECK_ASK_IN(b, docs, "q=qzxvbn&mode=text", "");
	box_wait(b);
	CHECK_EQ(plain_extractor_runs(), runs);
	CHECK_ASK(b, "q=renamed&mode=text", "renamed.txt");
	CHECK_ASK(b, "q=first&mode=text", "");
	box_write(b, ino, "the plmokn valve\n", 17);
	CHECK_ASK(b, "q=qzxvbn&mode=text", "");
	box_wait(b);
	CHECK_ASK(b, "q=plmokn&mode=text", "renamed.txt");
	CHECK_ASK(b, "q=qzxvbn&mode=text", "");
	box_xattr(b, ino, "user.xdg.tags", "red, dark blue");
	box_xattr(b, ino, "user.colour", "Blue");
	CHECK_ASK(b, "q=tag:red", "renamed.txt");
	CHECK_ASK(b, "q=tag:\"dark blue\" valve", "renamed.txt");
	CHECK_ASK(b, "q=-tag:red", "");
	CHECK_ASK(b, "q=colour:blue", "renamed.txt");
	CHECK_ASK(b, "q=colour:red", "");
	box_rename(b, ROOT_INO, "docs", ROOT_INO, "papers");
	box_unlink(b, ROOT_INO, "renamed.txt");
	CHECK_ASK(b, "q=plmokn&mode=text", "");
	CHECK_ASK(b, "q=type:txt", "");
	box_free(b);
}

/* The catalog has the new content and the index has not heard of it: the old text answers no more, and
 * the answer says that something waits. */
static void test_late_news(void)
{
	struct box *b = box_new();
	struct catalog_event event = { .what = EVENT_CONTENT | EVENT_QUEUE };
	struct index *x;
	char *got;

	box_open_index(b);
	event.ino = box_file(b, ROOT_INO, "a.txt", "the heron\n");
	box_wait(b);
	CHECK_ASK(b, "q=heron&mode=text", "a.txt");
	x = b->index;
	__atomic_store_n(&b->index, NULL, __ATOMIC_RELEASE);
	box_write(b, event.ino, "the kestrel\n", 12);
	__atomic_store_n(&b->index, x, __ATOMIC_RELEASE);
	CHECK_ASK(b, "q=heron&mode=text", "");
	CHECK_ASK(b, "q=heron&mode=vector", "");
	got = box_ask_in(b, ROOT_INO, "q=heron&format=json");
	CHECK(!strstr(got, "a.txt") && strstr(got, "\"pending\":1"));
	free(got);
	index_notify(b->index, catalog_last_lsn(b->catalog), &event, 1);
	box_wait(b);
	CHECK_ASK(b, "q=kestrel&mode=text", "a.txt");
	box_free(b);
}

static void test_links(void)
{
	struct tree_request rq = { 0 };
	struct box *b = box_new();
	uint64_t a, c, ino;
	struct inode i;

	box_open_index(b);
	a = box_folder(b, ROOT_INO, "a");
	c = box_folder(b, ROOT_INO, "c");
	ino = box_file(b, a, "one.txt", "kestrel\n");
	box_wait(b);
	CHECK_EQ(tree_link(b->catalog, &rq, ino, c, "two.txt", &i), 0);
	box_wait(b);
	CHECK_ASK_IN(b, c, "q=kestrel&mode=text", "two.txt");
	CHECK_ASK_IN(b, a, "q=kestrel&mode=text", "one.txt");
	CHECK_ASK(b, "q=two&mode=text", "a/one.txt");
	box_unlink(b, a, "one.txt");
	CHECK_ASK(b, "q=kestrel&mode=text", "c/two.txt");
	CHECK_ASK_IN(b, a, "q=kestrel&mode=text", "");
	box_free(b);
}

static void test_states(void)
{
	struct box *b = box_new();
	uint64_t bin, bad, slow, dead, git, object;

	box_open_index(b);
	git = box_folder(b, ROOT_INO, ".git");
	bin = box_file(b, ROOT_INO, "photo of kestrel.bin", "x");
	bad = box_file(b, ROOT_INO, "b.bad", "x");
	slow = box_file(b, ROOT_INO, "c.slow", "sluggish\n");
	dead = box_file(b, ROOT_INO, "d.dead", "x");
	object = box_file(b, git, "config", "sluggish\n");
	box_wait(b);
	for (int n = 0; n < 200; n++) {
		char *passages = box_attribute(b, slow, "passages");
		bool done = strcmp(passages, "1") == 0;

		free(passages);
		if (done)
			break;
		(void) usleep(10000);
	}
	CHECK_ATTRIBUTE(b, bin, "state", "skipped:binary");
	CHECK_ATTRIBUTE(b, bad, "state", "failed:damaged");
	CHECK_ATTRIBUTE(b, slow, "state", "indexed");
	CHECK_ATTRIBUTE(b, dead, "state", "failed:extractor");
	CHECK_ATTRIBUTE(b, object, "state", "skipped:excluded");
	CHECK_ASK(b, "q=kestrel&mode=text", "photo of kestrel.bin");
	CHECK_ASK(b, "q=sluggish&mode=text", "c.slow");
	CHECK_ASK(b, "q=type:octet-stream", "photo of kestrel.bin");
	CHECK_ASK(b, "q=name:*.b?[nd]&sort=name", "b.bad photo of kestrel.bin");
	/* Out of the excluded folder it is read after all. */
	box_rename(b, git, "config", ROOT_INO, "config");
	box_wait(b);
	CHECK_ATTRIBUTE(b, object, "state", "indexed");
	CHECK_ASK(b, "q=sluggish path:config&mode=text", "config");
	box_free(b);
}

static void test_busy(void)
{
	struct box *b = box_new();
	uint64_t ino;

	box_open_index(b);
	ino = box_file(b, ROOT_INO, "a.txt", "one\n");
	box_wait(b);
	__atomic_store_n(&b->busy_ino, ino, __ATOMIC_RELAXED);
	box_write(b, ino, "two\n", 4);
	box_wait(b);
	CHECK_EQ(index_pending(b->index), 0);
	CHECK_ASK(b, "q=one&mode=text", "");
	CHECK_ASK(b, "q=two&mode=text", "");
	CHECK_ATTRIBUTE(b, ino, "state", "pending");
	CHECK_ASK(b, "q=type:txt", "a.txt");
	__atomic_store_n(&b->busy_ino, 0, __ATOMIC_RELAXED);
	index_file_closed(b->index, ino);
	box_wait(b);
	CHECK_ASK(b, "q=two&mode=text", "a.txt");
	box_free(b);
}

static uint64_t box_rest(struct box *b)
{
	uint64_t end_ms = clock_mono_ms() + 20000;

	while (index_pending(b->index) && clock_mono_ms() < end_ms)
		(void) usleep(1000);
	return index_pending(b->index);
}

/* Programs keep the mount busy and many files wait: the worker rests between them, stops resting for who waits, and gets
 * to the end all the same when nobody does. */
static void test_gives_way(void)
{
	struct box *b = box_new();

	atomic_store(&b->requests_step, 1000000);
	box_open_index(b);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 0; n < 200; n++) {
			char name[32];

			(void) snprintf(name, sizeof(name), "%u-%u.txt", round, n);
			(void) box_file(b, ROOT_INO, name, "a dipper\n");
		}
		if (round == 0)
			box_wait(b);
		CHECK_EQ(box_rest(b), 0);
	}
	CHECK(atomic_load(&b->requests) >= 400 * 1000000ull);
	CHECK_ASK(b, "q=dipper name:1-199.txt", "1-199.txt");
	box_free(b);
}

static void test_filters(void)
{
	struct box *b = box_new();
	uint64_t sub, one, two, three;

	box_open_index(b);
	sub = box_folder(b, ROOT_INO, "sub dir");
	one = box_file(b, ROOT_INO, "one.txt", "valve\n");
	two = box_file(b, sub, "Two.md", "valve\n");
	three = box_file(b, sub, "größe.bin", "12345678901");
	box_mtime(b, one, 1614859200);  /* 2021-03-04 12:00 */
	box_mtime(b, two, 1640995199);  /* 2021-12-31 23:59:59 */
	box_mtime(b, three, 1640995200); /* 2022-01-01 */
	box_wait(b);
	CHECK_ASK(b, "q=after:2021", "sub dir/größe.bin sub dir/Two.md one.txt");
	CHECK_ASK(b, "q=before:2022", "sub dir/Two.md one.txt");
	CHECK_ASK(b, "q=after:2021-12-31 before:2022-01-01", "sub dir/Two.md");
	CHECK_ASK(b, "q=-after:2021-03-05", "one.txt");
	CHECK_ASK(b, "q=after:2021&sort=oldest", "one.txt sub dir/Two.md sub dir/größe.bin");
	CHECK_ASK(b, "q=after:2021&sort=name", "sub dir/Two.md sub dir/größe.bin one.txt");
	CHECK_ASK(b, "q=after:2021&sort=size&limit=1", "sub dir/größe.bin");
	CHECK_ASK(b, "q=after:2021&limit=1&offset=1", "sub dir/Two.md");
	CHECK_ASK(b, "q=size:>10", "sub dir/größe.bin");
	CHECK_ASK(b, "q=size:1..6&sort=oldest", "one.txt sub dir/Two.md");
	CHECK_ASK(b, "q=path:\"sub dir\" valve", "sub dir/Two.md");
	CHECK_ASK(b, "q=path:*/two*", "");
	CHECK_ASK(b, "q=path:*/Two*", "sub dir/Two.md");
	CHECK_ASK(b, "q=name:two", "sub dir/Two.md");
	CHECK_ASK(b, "q=name:GRÖSSE*", "sub dir/größe.bin");
	CHECK_ASK(b, "q=type:md", "sub dir/Two.md");
	CHECK_ASK(b, "q=type:markdown", "sub dir/Two.md");
	CHECK_ASK(b, "q=type:text/markdown", "sub dir/Two.md");
	CHECK_ASK(b, "q=type:text -type:md", "one.txt");
	CHECK_ASK(b, "q=tier:hot valve -name:one", "sub dir/Two.md");
	CHECK_ASK(b, "q=tier:cold", "");
	CHECK_ASK(b, "q=type:md&in=sub dir/", "sub dir/Two.md");
	CHECK_ASK_IN(b, sub, "q=after:2021&in=Two.md", "Two.md");
	box_free(b);
}

#define CHECK_REFUSED(b, name)                                                                      \
	do {                                                                                        \
		char *_got = box_ask_in(b, ROOT_INO, name);                                         \
		if (strncmp(_got, "error: ", 7) != 0 || strlen(_got) < 20) {                        \
			fprintf(stderr, "%s:%d: %s gives '%s'\n", __FILE__, __LINE__, name, _got);  \
			check_failures++;                                                           \
		}                                                                                   \
		free(_got);                                                                         \
	} while (0)

static void test_refusals(void)
{
	struct box *b = box_new();

	box_open_index(b);
	CHECK_REFUSED(b, "q=");
	CHECK_REFUSED(b, "");
	CHECK_REFUSED(b, "q=%20");
	CHECK_REFUSED(b, "q=...");
	CHECK_REFUSED(b, "q=\"unclosed");
	CHECK_REFUSED(b, "q=\"--\"");
	CHECK_REFUSED(b, "q=after:notadate");
	CHECK_REFUSED(b, "q=after:2021-13");
	CHECK_REFUSED(b, "q=after:2021-02-29");
	CHECK_REFUSED(b, "q=size:>banana");
	CHECK_REFUSED(b, "q=tier:tepid");
	CHECK_REFUSED(b, "q=name:");
	CHECK_REFUSED(b, "q=flood&limit=many");
	CHECK_REFUSED(b, "q=flood&limit=10001");
	CHECK_REFUSED(b, "q=flood&limit=-1");
	CHECK_REFUSED(b, "q=flood&mode=telepathy");
	CHECK_REFUSED(b, "q=flood&format=papyrus");
	CHECK_REFUSED(b, "q=flood&nonsense=1");
	CHECK_REFUSED(b, "q=flood&alpha=2");
	CHECK_REFUSED(b, "q=flood&sort=colour");
	CHECK_REFUSED(b, "q=flood&flag");
	CHECK_REFUSED(b, "q=a%00b");
	CHECK_REFUSED(b, "q=flood&in=nowhere");
	box_free(b);
}

static void test_formats(void)
{
	struct box *b = box_new();
	char *got;

	box_open_index(b);
	(void) box_file(b, ROOT_INO, "a\tb\\c\nd.txt", "first line\nthe kestrel\tflew\n");
	(void) box_file(b, ROOT_INO, "bad\xff.txt", "osprey\n");
	box_wait(b);
	got = box_ask_in(b, ROOT_INO, "q=kestrel&mode=text");
	CHECK(strstr(got, "\ta\\tb\\\\c\\nd.txt\tl2\tfirst line the kestrel flew\n") != NULL);
	free(got);
	CHECK_ASK(b, "q=kestrel&mode=text", "a\\tb\\\\c\\nd.txt");
	got = box_ask_in(b, ROOT_INO, "q=osprey&mode=text&format=json");
	CHECK(strstr(got, "\"path\":\"bad\xef\xbf\xbd.txt\",\"path_base64\":\"YmFk/y50eHQ=\"") != NULL);
	CHECK(strstr(got, "\"total\":1,\"pending\":0,\"results\":[{\"rank\":1,") != NULL);
	free(got);
	got = box_ask_in(b, ROOT_INO, "q=osprey&mode=text&format=jsonl");
	CHECK(got[0] == '{' && got[strlen(got) - 1] == '\n' && strstr(got, "\"tier\":\"hot\",\"tags\":[]"));
	free(got);
	got = box_ask_in(b, ROOT_INO, "q=osprey kestrel&mode=text&format=md");
	CHECK(strncmp(got, "1. [", 4) == 0 && strstr(got, "\n2. [") != NULL);
	free(got);
	box_free(b);
}

int main(void)
{
	test_words();
	test_german();
	test_changes();
	test_late_news();
	test_links();
	test_states();
	test_busy();
	test_gives_way();
	test_filters();
	test_refusals();
	test_formats();
	return check_result();
}
