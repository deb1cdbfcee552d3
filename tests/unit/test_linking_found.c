/* SPDX-License-Identifier: MIT */
/* Links that are found in files: how their targets are looked for, and what happens when those go. */
#include "tests/unit/linking_box.h"

static void test_wiki(void)
{
	uint64_t a = folder(ROOT_INO, "A"), b = folder(a, "B"), x = folder(ROOT_INO, "X");
	uint64_t src = note(b, "src.md"), far = note(x, "Wind Meter.md"), near, same;

	find(src, "wlinks:wind meter");
	CHECK_EQ(target(src), far);
	find(src, "wlinks:y/Wind Meter");
	CHECK_EQ(target(src), 0);
	find(src, "wlinks:x/WIND METER.MD");
	CHECK_EQ(target(src), far);
	/* What is bound stays, what is new goes to the nearest. */
	near = note(a, "WIND meter.md");
	CHECK_EQ(target(src), far);
	find(src, "wembeds:Wind Meter");
	CHECK_EQ(target(src), near);
	same = note(b, "wind meter.png");
	find(src, "wlinks:Wind Meter");
	CHECK_EQ(target(src), same);
	(void) note(b, "wind meter.txt");
	find(src, "wsees:Wind Meter");
	CHECK_EQ(target(src), same + 1);
	find(src, "wsees:wind meter.PNG");
	CHECK_EQ(target(src), same);
	/* A dot is no ending, or is one. */
	near = note(b, "node.js.md");
	find(src, "wlinks:Node.js");
	CHECK_EQ(target(src), near);
	far = note(b, "node.js");
	find(src, "wsees:Node.js");
	CHECK_EQ(target(src), far);
	find(src, "wlinks:v1.2");
	CHECK_EQ(target(src), 0);
	near = note(x, "V1.2.md");
	CHECK_EQ(target(src), near);
	derived_check(c);
	drop(b, "src.md");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
}

static void test_paths(void)
{
	uint64_t d = folder(ROOT_INO, "paths"), e = folder(d, "e"), src = note(e, "src.md"),
		 a = note(d, "a.md"), b;

	find(src, "plinks:../a.md");
	CHECK_EQ(target(src), a);
	/* A target keeps its link, though the text names where it was, as long as that stands there. */
	move(d, "a.md", ROOT_INO, "else.md");
	CHECK_EQ(target(src), a);
	b = note(d, "a.md");
	find(src, "plinks:../a.md;plinks:nothing.md");
	CHECK_EQ(target(src), a);
	find(src, "psees:../a.md");
	CHECK_EQ(target(src), b);
	find(src, "plinks:/else.md");
	CHECK_EQ(target(src), a);
	find(src, "plinks:../../../else.md;plinks:../e;plinks:/paths/e/;plinks:src.md/x;plinks:..");
	CHECK_EQ(target(src), 0);
	/* From the top of the tree that they came with. */
	find(src, "plinks:/a.md;plinks://e/src.md;plinks:/;plinks:/b.md");
	CHECK_EQ(packed_count_of(links_from(c, src)), 2);
	/* It comes where it can see its target. */
	find(src, "plinks:../else.md");
	CHECK_EQ(target(src), 0);
	move(e, "src.md", d, "src.md");
	CHECK_EQ(target(src), a);
	/* One of that name takes the place of the target; so it does where the text names another place. */
	(void) note(ROOT_INO, "new.md");
	move(ROOT_INO, "new.md", ROOT_INO, "else.md");
	CHECK(target(src) != 0 && target(src) != a);
	move(ROOT_INO, "else.md", d, "far.md");
	a = note(ROOT_INO, "new.md");
	move(ROOT_INO, "new.md", d, "far.md");
	CHECK_EQ(target(src), a);
	move(d, "far.md", ROOT_INO, "else.md");
	drop(ROOT_INO, "else.md");
	CHECK_EQ(target(src), 0);
	a = note(ROOT_INO, "else.md");
	CHECK_EQ(target(src), a);
	CHECK_EQ(packed_first_of(links_to(c, a)), src);
	derived_check(c);
	find(src, "");
	CHECK_EQ(target(src), 0);
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	drop(d, "src.md");
	drop(ROOT_INO, "else.md");
}

static void test_messages(void)
{
	static const char fields[] = "message-id\0<a.b@c>";
	uint64_t a, src = note(ROOT_INO, "answer.eml");

	find(src, "mreplies:<a.b@c>");
	CHECK_EQ(target(src), 0);
	a = note(ROOT_INO, "mail.eml");
	find_all(a, &BUF_INIT, fields, sizeof(fields));
	CHECK_EQ(links_appeared(c, a), 0);
	CHECK_EQ(target(src), a);
	derived_check(c);
	drop(ROOT_INO, "mail.eml");
	CHECK_EQ(target(src), 0);
	drop(ROOT_INO, "answer.eml");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
}

static void test_many_found(void)
{
	_cleanup_buf_ struct buf links = BUF_INIT;
	uint64_t d = folder(ROOT_INO, "lots"), src = note(d, "src"), hub = note(d, "hub.md");
	char word[64];

	for (int n = 0; n < 5000; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, n == 70 ? "plinks:hub.md" : word);
	}
	links.len = 0;
	for (int n = 0; n < 60; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, n == 7 ? "plinks:hub.md" : word);
	}
	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), (1 << 16) + 59);
	CHECK_EQ(records('W'), 1);
	move(d, "hub.md", d, "other.md");
	for (int n = 60; n < 5000; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&links, word);
	}
	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), (1 << 16) + (int)LINKS_FOUND_MAX - 1);
	CHECK_EQ(records('W'), 64);
	CHECK_EQ(target(src), hub); /* it is bound as it was */
	(void) note(d, "4000.md");
	CHECK_EQ(found(src), (2 << 16) + (int)LINKS_FOUND_MAX - 2);
	derived_check(c);
	find(src, "plinks:hub.md");
	CHECK_EQ(target(src), hub);
	CHECK_EQ(records('W'), 1);
	find_all(src, &links, "", 0);
	drop(d, "src");
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	drop(d, "other.md");
	derived_check(c);
}

/* Links that come for nothing from documents that mean harm. */
static void test_bad(void)
{
	static const char bad[] =
		"xlinks\0a\0wbad "
		"verb\0a\0w\0a\0wlinks\0\0plinks\0//\0plinks\0.\0wlinks\0/\0wlinks\0..\0wlinks";
	const struct buf links = { .data = (uint8_t *)bad, .len = sizeof(bad) };
	uint64_t src = note(ROOT_INO, "bad.md");

	find_all(src, &links, "", 0);
	CHECK_EQ(found(src), 4);
	CHECK_EQ(target(src), 0);
	derived_check(c);
	drop(ROOT_INO, "bad.md");
	CHECK_EQ(records('w') + records('W'), 0);
}

static void test_hub(void)
{
	uint64_t d = folder(ROOT_INO, "hub"), hub = note(d, "Hub.md"), srcs[300];
	char name[32];

	for (unsigned n = 0; n < ARRAY_SIZE(srcs); n++) {
		(void) snprintf(name, sizeof(name), "%u.md", n);
		srcs[n] = note(d, name);
		find(srcs[n], n % 2 ? "wlinks:Hub;psees:Hub.md" : "psees:Hub.md");
		if (n % 3 == 0)
			CHECK_EQ(set(srcs[n], CITES, "hub/Hub.md", 0), 0);
	}
	CHECK_EQ(packed_count_of(links_to(c, hub)), 300 + 150 + 100);
	derived_check(c);
	drop(d, "Hub.md");
	CHECK_EQ(records('L') + records('l'), 0);
	derived_check(c);
	hub = note(d, "Hub.md");
	CHECK_EQ(packed_count_of(links_to(c, hub)), 300 + 150 + 100);
	derived_check(c);
}

static int note_edge(void *context, uint64_t from, uint64_t to, uint32_t verb)
{
	uint64_t *sum = context;

	CHECK(from >= sum[0]);
	sum[0] = from;
	sum[1]++;
	return 0;
}

static void test_edges(void)
{
	uint64_t sum[2] = { 0 };

	CHECK_EQ(links_foreach(c, note_edge, sum), 0);
	CHECK_EQ(sum[1], 300 + 150 + 100);
}

static void test_all(void)
{
	test_wiki();
	test_paths();
	test_messages();
	test_many_found();
	test_bad();
	test_hub();
	test_edges();
}

int main(void)
{
	return linking_box_run(test_all);
}
