/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fs/virtual/answers.h"
#include "fs/virtual/errors.h"
#include "fs/virtual/virtual.h"
#include "tests/unit/check.h"

#define FIRST 1000u

static const struct answer_key flood = { 7, 0, "find?q=flood" };

static struct answer_node add(struct answers *a, const struct answer_key *key, uint64_t lsn, uint64_t pending,
			      const char *text)
{
	struct buf bytes = BUF_INIT;
	struct answer_node node = { 0 };

	CHECK_EQ(buf_add_str(&bytes, text), 0);
	CHECK_EQ(answers_add(a, key, 0, lsn, pending, &bytes, &node), 0);
	CHECK(bytes.data == NULL);
	return node;
}

static void test_sharing(void)
{
	const struct answer_key other_user = { 7, 1, flood.name }, other_dir = { 8, 0, flood.name };
	struct answer_node node, made;
	struct answers *a;

	CHECK_EQ(answers_new(1u << 20, FIRST, &a), 0);
	CHECK_EQ(answers_find(a, &flood, 5, 2000, &node), -ENOENT);
	made = add(a, &flood, 5, 0, "a\nb\n");
	CHECK_EQ(made.ino, FIRST);
	CHECK_EQ(made.size, 4);
	CHECK_EQ(answers_find(a, &flood, 5, 2000, &node), 0);
	CHECK_EQ(node.ino, made.ino);
	CHECK_EQ(answers_find(a, &flood, 6, 2000, &node), -ENOENT);
	CHECK_EQ(answers_find(a, &other_user, 5, 2000, &node), -ENOENT);
	CHECK_EQ(answers_find(a, &other_dir, 5, 2000, &node), -ENOENT);
	(void) usleep(3000);
	CHECK_EQ(answers_find(a, &flood, 5, 1, &node), -ENOENT);
	a = answers_free(a);
}

/* What the answer does not know yet may be known a moment later, at the same LSN. */
static void test_pending_is_not_shared(void)
{
	struct answer_node node;
	struct answers *a;

	CHECK_EQ(answers_new(1u << 20, FIRST, &a), 0);
	(void) add(a, &flood, 5, 3, "");
	CHECK_EQ(answers_find(a, &flood, 5, 2000, &node), -ENOENT);
	a = answers_free(a);
}

static void test_nodes_are_immutable(void)
{
	struct answer_node first, second, third;
	struct answers *a;
	char text[8];

	CHECK_EQ(answers_new(1u << 20, FIRST, &a), 0);
	first = add(a, &flood, 5, 0, "old");
	second = add(a, &flood, 6, 0, "newer");
	CHECK(first.ino != second.ino);
	third = add(a, &flood, 7, 0, "newer");
	CHECK_EQ(third.ino, second.ino);
	CHECK_EQ(answers_read(a, first.ino, 0, text, sizeof(text)), 3);
	CHECK_MEM(text, 3, "old", 3);
	CHECK_EQ(answers_read(a, second.ino, 3, text, sizeof(text)), 2);
	CHECK_MEM(text, 2, "er", 2);
	CHECK_EQ(answers_read(a, second.ino, 5, text, sizeof(text)), 0);
	CHECK_EQ(answers_read(a, second.ino, UINT64_MAX, text, sizeof(text)), 0);
	CHECK_EQ(answers_read(a, 1, 0, text, sizeof(text)), -ESTALE);
	a = answers_free(a);
}

static void test_eviction(void)
{
	struct answer_node nodes[100], node;
	struct answers *a;
	unsigned kept = 0;
	char name[32], text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(answers_new(20000, FIRST, &a), 0);
	for (unsigned i = 0; i < 100; i++) {
		const struct answer_key key = { 7, 0, name };

		(void) snprintf(name, sizeof(name), "find?q=%u", i);
		nodes[i] = add(a, &key, 5, 0, text);
		if (i == 3)
			CHECK(answers_open(a, nodes[3].ino) == 1 && answers_open(a, nodes[3].ino) == 0);
		if (i >= 5)
			CHECK(answers_get(a, nodes[5].ino, &node) == 0 || i > 5);
		if (i >= 6 && answers_get(a, nodes[6].ino, &node) == 0)
			CHECK(answers_read(a, nodes[6].ino, 0, text, 1) == 1); /* in use */
	}
	for (unsigned i = 0; i < 100; i++)
		kept += answers_get(a, nodes[i].ino, &node) == 0;
	CHECK(kept > 5 && kept < 20);
	CHECK_EQ(answers_get(a, nodes[3].ino, &node), 0);
	CHECK_EQ(answers_get(a, nodes[6].ino, &node), 0);
	CHECK_EQ(answers_get(a, nodes[5].ino, &node), -ESTALE);
	CHECK_EQ(answers_open(a, nodes[5].ino), -ESTALE);
	answers_close(a, nodes[3].ino);
	answers_close(a, nodes[5].ino);
	a = answers_free(a);
}

/* One that is larger than all the room is still there for who asked. */
static void test_large(void)
{
	struct answer_node node;
	struct answers *a;
	char text[2] = "";

	CHECK_EQ(answers_new(1, FIRST, &a), 0);
	node = add(a, &flood, 5, 0, "large");
	CHECK_EQ(answers_read(a, node.ino, 0, text, 1), 1);
	CHECK_EQ(text[0], 'l');
	a = answers_free(a);
}

static void test_errors(void)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct errors *e;

	CHECK_EQ(errors_new(&e), 0);
	CHECK_EQ(errors_get(e, 5, &text), 0);
	CHECK_EQ(text.len, 0);
	for (uint32_t uid = 0; uid < 100; uid++)
		errors_set(e, uid, strdup("old"));
	errors_set(e, 99, strdup("unclosed quote at 7"));
	errors_set(e, 99, NULL);
	CHECK_EQ(errors_get(e, 99, &text), 0);
	CHECK_MEM(text.data, text.len, "unclosed quote at 7\n", 20);
	buf_reset(&text);
	CHECK_EQ(errors_get(e, 98, &text), 0);
	CHECK_MEM(text.data, text.len, "old\n", 4);
	buf_reset(&text);
	CHECK_EQ(errors_get(e, 3, &text), 0);
	CHECK_EQ(text.len, 0);
	e = errors_free(e);
}

static void test_stream(void)
{
	_cleanup_free_ char *line = NULL, *second = NULL;
	struct buf answer = BUF_INIT;
	struct caller opener = { .uid = 5, .all = true }, same;
	struct streams *s;
	char text[8];

	CHECK_EQ(streams_new(&s), 0);
	CHECK_EQ(streams_open(s, 9, &opener), 0);
	CHECK_EQ(streams_opener(s, 9, &same), 0);
	CHECK(same.uid == 5 && same.all);
	CHECK_EQ(streams_opener(s, 8, &same), -ESTALE);
	CHECK_EQ(streams_read(s, 9, text, 8), -EINVAL);
	CHECK_EQ(streams_write(s, 8, "x", 1, &line), -ESTALE);
	CHECK_EQ(streams_write(s, 9, "find?", 5, &line), 0);
	CHECK_EQ(streams_write(s, 9, "q=a\nrest", 8, &line), 1);
	CHECK(line && strcmp(line, "find?q=a") == 0);
	CHECK_EQ(streams_write(s, 9, "x", 1, &second), -EBUSY);
	CHECK_EQ(buf_add_str(&answer, "0123456789"), 0);
	streams_answer(s, 9, &answer);
	CHECK_EQ(streams_read(s, 9, text, 8), 8);
	CHECK_EQ(streams_read(s, 9, text, 8), 2);
	CHECK_MEM(text, 2, "89", 2);
	CHECK_EQ(streams_read(s, 9, text, 8), 0);
	CHECK_EQ(streams_write(s, 9, "\n", 1, &second), 1);
	CHECK(second && second[0] == '\0');
	streams_answer(s, 9, NULL);
	CHECK_EQ(streams_read(s, 9, text, 8), -EINVAL);
	streams_close(s, 9);
	streams_answer(s, 9, NULL);
	s = streams_free(s);
}

static void test_long_line(void)
{
	const size_t chunk = 1u << 19;
	_cleanup_free_ char *data = malloc(chunk), *line = NULL;
	struct caller opener = { .all = true };
	struct streams *s;

	CHECK(data != NULL);
	memset(data, 'w', chunk);
	CHECK_EQ(streams_new(&s), 0);
	CHECK_EQ(streams_open(s, 9, &opener), 0);
	CHECK_EQ(streams_write(s, 9, data, chunk, &line), 0);
	CHECK_EQ(streams_write(s, 9, data, chunk, &line), 0);
	CHECK_EQ(streams_write(s, 9, "w", 1, &line), -EFBIG);
	CHECK_EQ(streams_write(s, 9, data, chunk, &line), 0);
	CHECK_EQ(streams_write(s, 9, data, chunk, &line), 0);
	CHECK_EQ(streams_write(s, 9, "\n", 1, &line), 1);
	CHECK(line && strlen(line) == 2 * chunk);
	s = streams_free(s);
}

/* ---- who asks */

static const char status_text[] = "Name:\tx\nUid:\t1\t2\t3\t1000\nGid:\t1\t2\t3\t100\n"
				  "Groups:\t5 65534 7 \nCapEff:\t0000000000000004\n";

static void test_status(void)
{
	static const char root[] = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \nCapEff:\t%s\n";
	bool overrides = true;
	char text[128];
	uint32_t groups[4];

	CHECK_EQ(caller_parse_status(status_text, 1000, 100, groups, 4, &overrides), 2);
	CHECK(groups[0] == 5 && groups[1] == 7 && !overrides);
	CHECK_EQ(caller_parse_status(status_text, 1000, 100, groups, 1, &overrides), 1);
	CHECK_EQ(caller_parse_status(status_text, 3, 100, groups, 4, &overrides), -ENOENT);
	CHECK_EQ(caller_parse_status(status_text, 1000, 3, groups, 4, &overrides), -ENOENT);
	CHECK_EQ(caller_parse_status("", 0, 0, groups, 4, &overrides), -ENOENT);
	(void) snprintf(text, sizeof(text), root, "0000000000000002");
	CHECK_EQ(caller_parse_status(text, 0, 0, groups, 4, &overrides), 0);
	CHECK(overrides);
	(void) snprintf(text, sizeof(text), root, "0000000000000001");
	CHECK_EQ(caller_parse_status(text, 0, 0, groups, 4, &overrides), 0);
	CHECK(!overrides);
}

static void test_caller_key(void)
{
	const uint32_t groups[] = { 9, 4, 9 };
	struct caller all = { .uid = 0, .all = true }, some = { .uid = 7, .gid = 4 }, copy;
	_cleanup_free_ char *plain = caller_key(&all, "find?q=a"), *mine = NULL, *same = NULL;

	CHECK_EQ(identity_init(&some.who, 7, groups, 3), 0);
	CHECK_EQ(caller_copy(&some, &copy), 0);
	CHECK(identity_is_same(&some.who, &copy.who) && copy.gid == 4 && !copy.all);
	mine = caller_key(&some, "find?q=a");
	same = caller_key(&copy, "find?q=a");
	CHECK(plain && strcmp(plain, "find?q=a") == 0);
	CHECK(mine && strcmp(mine, "4,9,find?q=a") == 0);
	CHECK(same && strcmp(mine, same) == 0);
	CHECK(caller_identity(&all) == NULL && caller_identity(&some) == &some.who);
	caller_done(&some);
	caller_done(&copy);
}

static void test_numbers(void)
{
	const uint64_t dir = 0x0abc123456789def;
	uint64_t ino = virtual_ino(VIRTUAL_ASK, dir);

	CHECK(ino & INO_VIRTUAL);
	CHECK_EQ(virtual_kind_of(ino), VIRTUAL_ASK);
	CHECK_EQ(virtual_number_of(ino), dir);
	CHECK(virtual_ino(VIRTUAL_QUERY, ROOT_INO) != virtual_ino(VIRTUAL_FIXED, FIXED_CONTROL));
}

int main(void)
{
	test_sharing();
	test_pending_is_not_shared();
	test_nodes_are_immutable();
	test_eviction();
	test_large();
	test_errors();
	test_stream();
	test_long_line();
	test_status();
	test_caller_key();
	test_numbers();
	return check_result();
}
