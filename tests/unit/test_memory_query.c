/* SPDX-License-Identifier: MIT */
/* Queries of every verb, and every filter, when there is no memory: the answer is the one that there is with memory, or the
 * query fails and leaves nothing behind. */
#include "query_box.h"

#include "memory_steps.h"
#include "tests/fakes/plain_extractor.h"

static struct box *box;
static const char *asked;
static const struct identity *asker;
static struct buf wanted;

/* 0 or -errno; the answer is appended. */
static int ask(struct buf *out)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt", .who = asker };
	struct answer answer = { 0 };
	struct query q = { 0 };
	char *why = NULL;
	int r = query_parse(asked, &q, &why);

	if (r >= 0) {
		r = index_query(box->index, &q, &scope, &answer, &why);
		query_done(&q);
	}
	if (r >= 0 && answer.bytes.len)
		r = buf_add(out, answer.bytes.data, answer.bytes.len);
	answer_done(&answer);
	free(why);
	return r;
}

/* Those of the owner say how long it took, each another time; others are compared whole. */
static size_t length_without_time(const struct buf *b)
{
	const char *took = b->len && !asker ? memmem(b->data, b->len, "took", 4) : NULL;

	return took ? (size_t)(took - (const char *)b->data) : b->len;
}

static int run(unsigned k)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	int r = ask(&got);
	size_t n = length_without_time(&wanted);

	if (r >= 0 && (length_without_time(&got) != n || (n > 0 && memcmp(got.data, wanted.data, n) != 0))) {
		fprintf(stderr, "%s gives '%s', not '%s'\n", asked, buf_cstr(&got), buf_cstr(&wanted));
		check_failures++;
	}
	return r;
}

static void fill(void)
{
	uint64_t one = box_file(box, ROOT_INO, "one.md", "sea and wind\n@link w cites two\n@field author Ann\n@field pages 12\n"), two;

	two = box_file(box, ROOT_INO, "two.md", "the sea, the sea, and words enough to be compared with other ones of their kind\n");
	(void) box_file(box, ROOT_INO, "three.md", "wind\n@link w citedBy two\n@link w contradicts one\n@field date 2020-05-06\n");
	(void) box_file(box, ROOT_INO, "copy.md", "the sea, the sea, and words enough to be compared with other ones of their kind\n");
	box_xattr(box, one, "user.xdg.tags", "a/b,c");
	box_xattr(box, two, "user.baloo.rating", "4");
	box_xattr(box, two, "user.rating", "4");
	box_xattr(box, two, "user.xdg.comment", "two\nlines");
	box_wait(box);
}

static void run_all(void)
{
	static const char *const queries[] = {
		"find?q=sea author:ann pages:>3 tag:a -rating:4&format=json", "find?q=comment:*lines&format=paths",
		"find?q=related:one.md -link:three.md&depth=3&format=paths0", "find?q=sea related:two.md&verb=citedBy,contradicts&dir=out",
		"find?q=title:x language:en date:2020..2021&format=md", "explain?q=sea related:one.md size:>1 -nothing:1",
		"find?q=nothing:1 never:2&format=json",
		"explain?q=sea tag:c&to=one.md&to=two.md", "similar?to=one.md&to=two.md&threshold=0.1&format=jsonl",
		"similar?text=wind and sea&mode=text&threshold=0&sort=name", "count?by=tag&q=sea", "count?by=rating&format=json",
		"count?by=month&q=size:>1&format=jsonl", "count?by=type", "related?to=two.md&q=wind&depth=2&dir=in&verb=cites",
		"path?from=two.md&to=three.md&weights=cites:3,contradicts:1&format=paths", "graph?format=graphml&op=communities",
		"graph?format=dot&verb=cites", "graph?op=pagerank&q=sea", "duplicates?kind=all&format=json", "duplicates?to=copy.md",
	};
	static const struct memory_step step[] = { { "query", run, NULL, 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		asked = queries[i];
		buf_reset(&wanted);
		if (ask(&wanted) < 0) {
			fprintf(stderr, "%s fails\n", asked);
			check_failures++;
			continue;
		}
		memory_run(step, 1);
	}
}

int main(void)
{
	struct identity who = { 0 };

	box = box_new();
	box_open_index(box);
	fill();
	run_all();
	box_remount(box); /* from the memory segment to the disk */
	CHECK_EQ(identity_init(&who, QUERY_OTHER, NULL, 0), 0);
	asker = &who;
	run_all();
	identity_done(&who);
	buf_done(&wanted);
	box_free(box);
	return check_result();
}
