/* SPDX-License-Identifier: MIT */
/* Queries that make little sense, or none, by the thousand, over an index that has everything that they may ask for: each has
 * an answer in its format, or is refused with a sentence. NONSENSE_ROUNDS in the environment says how many there are; the
 * seed is printed. */
#include "query_box.h"

#include <time.h>

#include "tests/fakes/plain_extractor.h"

#define ROUNDS 5000u

static const char *const verbs[] = { "find", "explain", "similar", "count", "related", "path", "graph", "duplicates" };
static const char *const keys[] = { "q", "in", "limit", "offset", "mode", "alpha", "sort", "format", "wait", "paths", "literal", "to",
				    "text", "threshold", "kind", "by", "from", "verb", "dir", "depth", "weights", "op" };
static const char *const values[] = {
	"", " ", "0", "1", "-1", "+1", "0.5", "-0.5", "1e9", "1e-400", "nan", "inf", "0x10", "99999999999999999999", "10000", "10001",
	"4294967296", "2147483648", "9223372036854775807", "sea", "wind sea", "-sea", "\"sea wind\"", "\"", "-\"sea\"", "tag:a", "tag:a/b",
	"-tag:a", "type:md", "type:", "name:*", "name:[a-", "name:?????", "path:..", "path:/", "size:>0", "size:1..0", "size:<1T",
	"size:>9223372036854775807", "size:9999999T", "after:0000", "before:9999-12-31", "after:1970-02-30", "lang:xx", "tier:hot",
	"tier:", "pages:>1", "pages:1..", "pages:5..3", "pages:-5..-3", "pages:>1e308", "date:2020..2021", "date:>2020-13", "rating:*",
	"rating:\"3..5\"", "title:sea", "title:*", "title:\"\"", "author:[", "author:**********a", "comment:\xff\xfe", "related:a.md",
	"related:nowhere", "related:", "related:..", "related:/", "-related:b.md", "link:a.md", "link:d", "-link:d/c.md", "d", "a.md",
	"b.md", "d/c.md", "d/../a.md", "/", "..", ".", "//", "a.md/x", "x.bin", "empty", "%", "%%", "%2", "%zz", "%ff%fe", "%0a",
	"%25", "%2F", "a=b", "=", "==", "hybrid", "text", "vector", "score", "newest", "name", "size", "tsv", "json", "jsonl", "md",
	"paths", "paths0", "dot", "graphml", "absolute", "relative", "same", "near", "all", "tag", "type", "month", "day", "year",
	"author", "lang", "tier", "nothing", "components", "pagerank", "communities", "degree", "out", "both", "cites", "citedBy",
	"cites,citedBy", "contradicts", ",", "cites,", "a b", "cites:1", "cites:0,citedBy:9", "cites:-1", "cites", ":", ":1",
	"cites:1000001", "\xe6\x97\xa5\xe6\x9c\xac", "\xe3\x80\x80", "\xf0\x9f\x99\x82", "\xed\xa0\x80", "the and of", "sea sea sea -sea",
	"-", "--", "-:", ":", "::", "a:b:c", "a:\"b", "https://x/y", "user.xdg.tags:a", "..", "...", "-\"\"", "\"\" sea" };

/* What each can do with, and keys with values that mostly suit it. */
static const char *const bases[] = { "find?q=sea&", "explain?q=sea wind&", "similar?to=a.md&", "similar?text=wind&", "count?by=tag&",
				     "count?by=author&", "count?by=month&", "related?to=a.md&", "path?from=a.md&to=d/c.md&", "graph?",
				     "duplicates?", "duplicates?kind=all&", "find?q=related:b.md&", "find?q=tag:a&" };
static const struct {
	const char *key, *values; /* separated by bars */
} suiting[] = {
	{ "q", "sea|-sea|sea wind|\"sea and wind\"|tag:a|-tag:a|type:md|name:*a*|path:d|size:>0|after:1980|pages:>=2|date:2020|author:a*|"
	       "related:a.md|link:a.md|-related:b.md|title:sea|lang:en|tier:hot|sea -wind type:md related:b.md|rating:1..5|the|\xff|%ff" },
	{ "in", "d|a.md|d/c.md|/|d/" }, { "limit", "0|1|3|10000" }, { "offset", "0|1|2|1000000000" }, { "mode", "hybrid|text|vector" },
	{ "alpha", "0|1|0.5" }, { "sort", "score|newest|oldest|name|size" }, { "format", "tsv|json|jsonl|paths|paths0|md|dot|graphml" },
	{ "wait", "0|1" }, { "paths", "absolute|relative" }, { "literal", "0|1" }, { "to", "a.md|b.md|d/c.md|x.bin|empty|d|copy.md" },
	{ "text", "sea and wind|?|\xff" }, { "threshold", "0|0.5|1" }, { "kind", "same|near|all" },
	{ "by", "tag|type|month|day|year|lang|tier|author|rating|pages|comment|nothing" }, { "from", "a.md|b.md|closed.md" },
	{ "verb", "cites|citedBy|cites,citedBy|contradicts|links,contradicts|nothing" }, { "dir", "out|in|both" },
	{ "depth", "0|1|2|32" }, { "weights", "cites:0|cites:5,links:2|citedBy:1000000" },
	{ "op", "components|pagerank|degree|communities" },
};

static unsigned below(unsigned n)
{
	return (unsigned)rand() % n;
}

#define PICK(array) (array)[below(ARRAY_SIZE(array))]

static void add_value(struct buf *name)
{
	unsigned n = below(8) ? 1 : below(6);

	for (unsigned k = 0; k < n; k++) {
		if (k)
			CHECK_EQ(buf_add_str(name, below(2) ? " " : ""), 0);
		CHECK_EQ(buf_add_str(name, PICK(values)), 0);
	}
}

/* Now and then a value is as long as one can be. */
static void add_long(struct buf *name)
{
	static const char *const pieces[] = { "x", "sea ", "%41", "tag:a ", "\"", "-", "related:a.md ", "a,", "*", "w%20", "\xff", "9" };
	const char *piece = PICK(pieces);
	size_t bytes = (size_t)1 << below(17);

	while (bytes > strlen(piece)) {
		CHECK_EQ(buf_add_str(name, piece), 0);
		bytes -= strlen(piece);
	}
}

static void spoil(struct buf *name)
{
	for (unsigned k = below(6); k > 0 && name->len; k--) {
		size_t at = (size_t)rand() % name->len;

		name->data[at] = (uint8_t)(1 + below(255));
	}
}

static void add_suiting(struct buf *name)
{
	unsigned k = below(ARRAY_SIZE(suiting)), bars = 0, nth;
	const char *at = suiting[k].values;

	for (const char *p = at; *p; p++)
		bars += *p == '|';
	for (nth = below(bars + 1); nth > 0; nth--)
		at = strchr(at, '|') + 1;
	CHECK_EQ(buf_addf(name, "%s=%.*s&", suiting[k].key, (int)strcspn(at, "|"), at), 0);
}

static char *make_name(struct buf *name)
{
	bool sound = below(4);

	buf_reset(name);
	CHECK_EQ(sound ? buf_add_str(name, PICK(bases)) : buf_addf(name, "%s?", PICK(verbs)), 0);
	for (unsigned k = below(6); k > 0; k--) {
		if (sound && below(12)) {
			add_suiting(name);
			continue;
		}
		CHECK_EQ(buf_addf(name, "%s=", PICK(keys)), 0);
		if (below(200) == 0)
			add_long(name);
		else
			add_value(name);
		CHECK_EQ(buf_add_u8(name, '&'), 0);
	}
	if (below(10) == 0)
		spoil(name);
	return buf_cstr(name);
}

/* ---- a box with something of everything */

static struct box *box_of_everything(void)
{
	struct box *b = box_new();
	uint64_t dir = box_folder(b, ROOT_INO, "d"), ino;

	box_open_index(b);
	ino = box_file(b, ROOT_INO, "a.md", "sea and wind\n@link w cites b\n@field author Ann\n@field pages 12\n@field date 2020-05-06\n");
	box_xattr(b, ino, "user.xdg.tags", "a,a/b");
	box_xattr(b, ino, "user.xdg.comment", "line\nand line");
	ino = box_file(b, ROOT_INO, "b.md", "sea\n@link w citedBy a\n@link w contradicts c\n@link w cites nowhere\n");
	box_xattr(b, ino, "user.baloo.rating", "4");
	(void) box_file(b, dir, "c.md", "sea and wind\n@link w contradicts b\n@link w links a\n@link w links c\n");
	(void) box_file(b, dir, "new\nline \xff\t\"<&>", "the of and");
	(void) box_file(b, ROOT_INO, "x.bin", "bytes");
	(void) box_file(b, ROOT_INO, "empty", "");
	(void) box_file(b, ROOT_INO, "copy.md", "sea and wind, and the same words again and again so that there are enough of them");
	(void) box_file(b, dir, "copy2.md", "sea and wind, and the same words again and again so that there are enough of them");
	box_chmod(b, box_file(b, ROOT_INO, "closed.md", "sea\n@link w cites a\n"), 0600);
	box_wait(b);
	b->busy_ino = box_file(b, ROOT_INO, "waits.md", "sea");
	return b;
}

/* ---- answers */

static bool is_json(const char *bytes, size_t len)
{
	json_t *o = json_loadb(bytes, len, 0, NULL);
	bool good = o;

	json_decref(o);
	return good;
}

static void check_bytes(const char *name, const struct query *q, const struct answer *a)
{
	const char *bytes = a->bytes.len ? (const char *)a->bytes.data : "";
	bool whole = q->format == FORMAT_JSON && q->verb != QUERY_EXPLAIN;

	if ((whole && !is_json(bytes, a->bytes.len)) || (a->bytes.len && q->format == FORMAT_TSV && bytes[a->bytes.len - 1] != '\n')) {
		fprintf(stderr, "%.500s: the answer is damaged: %.300s\n", name, bytes);
		check_failures++;
	}
}

static bool ask(struct box *b, const char *name, const struct identity *who)
{
	struct query_scope scope = { .top = below(4) ? ROOT_INO : 2, .mount_point = "/mnt", .who = who };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL;
	int r = query_parse(name, &q, &why);

	if (r >= 0) {
		r = index_query(b->index, &q, &scope, &answer, &why);
		if (r >= 0)
			check_bytes(name, &q, &answer);
		query_done(&q);
	}
	if (r != 0 && r != -ENOENT && (r != -EINVAL || !why || strlen(why) < 8 || strlen(why) > 2000)) {
		fprintf(stderr, "%.500s: %s, %s\n", name, strerror(-r), why ? why : "without a reason");
		check_failures++;
	}
	answer_done(&answer);
	free(why);
	return r == 0;
}

int main(void)
{
	const char *wanted = getenv("NONSENSE_ROUNDS");
	unsigned rounds = wanted ? (unsigned)atoi(wanted) : ROUNDS, answered = 0, seed = (unsigned)time(NULL);
	struct box *b = box_of_everything();
	struct identity who = { 0 };
	struct buf name = BUF_INIT;

	printf("seed %u\n", seed);
	srand(seed);
	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	for (unsigned k = 0; k < rounds; k++)
		answered += ask(b, make_name(&name), below(3) ? NULL : &who);
	printf("%u of %u answered\n", answered, rounds);
	CHECK(answered > rounds / 10);
	b->busy_ino = 0;
	identity_done(&who);
	buf_done(&name);
	box_free(b);
	return check_result();
}
