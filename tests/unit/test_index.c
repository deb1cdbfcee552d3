/* SPDX-License-Identifier: MIT */
/* The index as its users meet it: what was written is found, by words, phrases, meaning and filters, at
 * once and after changes. */
#include "base/clock.h"
#include "base/io.h"
#include "catalog/pack_record.h"
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

/* ---- where files lie, and what they would cost */

static unsigned priced;

static int price(void *context, const struct inode *i, bool all, struct recall_price *ret)
{
	priced++;
	*ret = (struct recall_price){ .bytes = i->packed + all, .requests = 2, .cost = 1500, .currency = "EUR",
				      .is_timed = i->packed < 5000, .ms = 250 };
	return i->packed == 666 ? -EIO : 0;
}

static void pack(struct box *b, uint64_t ino, uint64_t number, uint32_t flags, uint64_t bytes)
{
	const struct pack_record record = { .number = number, .run.cipher = CIPHER_AES256GCM, .flags = flags, .stored = 100000, .plain = 100000,
					    .days = 1 };
	struct batch *batch;
	struct inode i;

	CHECK_EQ(catalog_begin(b->catalog, false, &batch), 0);
	pack_record_put(batch, &record);
	CHECK_EQ(inode_get_in(batch, ino, &i), 0);
	i.bytes = i.packed = bytes;
	i.home = number;
	inode_put(batch, &i);
	CHECK_EQ(batch_commit(batch, NULL), 0);
}

static char *explain_in(struct box *b, const char *name)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL, *text;

	CHECK_EQ(query_parse_name(name, &q, &why), 0);
	q.verb = QUERY_EXPLAIN;
	CHECK_EQ(index_query(b->index, &q, &scope, &answer, &why), 0);
	text = strdup(buf_cstr(&answer.bytes));
	query_done(&q);
	answer_done(&answer);
	return text;
}

static void test_places(void)
{
	struct box *b = box_new();
	char *got;

	b->config.price = price;
	box_open_index(b);
	(void) box_file(b, ROOT_INO, "hot.txt", "kittiwake\n");
	pack(b, box_file(b, ROOT_INO, "warm.txt", "kittiwake\n"), 1, PACK_LOCAL, 666);
	pack(b, box_file(b, ROOT_INO, "cold.txt", "kittiwake\n"), 2, PACK_REMOTE, 4000);
	pack(b, box_file(b, ROOT_INO, "large.txt", "kittiwake\n"), 3, PACK_REMOTE, 9000);
	box_wait(b);
	priced = 0; /* the indexer may have asked */
	got = box_ask_in(b, ROOT_INO, "q=kittiwake name:hot&format=jsonl");
	CHECK(strstr(got, "\"tier\":\"hot\",\"tags\":[],\"recall\":{\"bytes\":0,\"requests\":0,\"cost\":0.0,\"seconds\":0.0}}\n"));
	free(got);
	CHECK_EQ(priced, 0);
	got = box_ask_in(b, ROOT_INO, "q=kittiwake name:cold&format=jsonl");
	CHECK(strstr(got, "\"tier\":\"cold\",\"tags\":[],\"recall\":{\"bytes\":4000,\"requests\":2,\"cost\":0.0015,"
			  "\"currency\":\"EUR\",\"seconds\":0.25}}\n"));
	free(got);
	got = box_ask_in(b, ROOT_INO, "q=kittiwake name:large&format=jsonl");
	CHECK(strstr(got, "\"currency\":\"EUR\",\"seconds\":null}}\n"));
	free(got);
	/* What is not known costs nothing, and takes nobody knows how long. */
	got = box_ask_in(b, ROOT_INO, "q=kittiwake name:warm&format=jsonl");
	CHECK(strstr(got, "\"tier\":\"warm\"") && strstr(got, "\"bytes\":0,\"requests\":0,\"cost\":0.0,\"seconds\":null}}\n"));
	free(got);
	CHECK_ASK(b, "q=kittiwake name:cold", "cold.txt");
	got = explain_in(b, "q=kittiwake&limit=3");
	CHECK(strncmp(got, "plan\thybrid\t", 12) == 0);
	CHECK(strstr(got, "\nresults\t3 of 4\n"));
	CHECK(strstr(got, "\nsnippets\tfrom the local index\nbucket\t0 requests\t0 bytes\n"));
	free(got);
	got = explain_in(b, "q=kittiwake -name:warm");
	CHECK(strstr(got, "\nresults\t3 of 3\ntiers\thot 1\twarm 0\tcold 2\n"));
	CHECK(strstr(got, "\nto read them all\t4 requests\t13000 bytes\tcost 0.003000 EUR\ttime not known\n"));
	CHECK(strstr(got, "\nhit 3\tscore ") && strstr(got, "\tcold\t9000 bytes to fetch\n"));
	free(got);
	got = explain_in(b, "q=tier:hot");
	CHECK(strncmp(got, "plan\tfilters alone\t0 words\t0 phrases\t1 filters\t", 46) == 0);
	CHECK(strstr(got, "\nto read them all\t0 requests\t0 bytes\tcost 0.000000\t0.0 s\n"));
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
	test_places();
	return check_result();
}
