/* SPDX-License-Identifier: MIT */
/* Links and fields of documents on their way through the index into the catalog, and from there into
 * graphs. */
#include "catalog/found.h"
#include "catalog/links.h"
#include "index/graph/source.h"
#include "tests/fakes/plain_extractor.h"
#include "tests/unit/derived.h"
#include "tests/unit/index_box.h"
#include "tests/unit/packed_box.h"

static uint64_t target(struct box *b, uint64_t ino)
{
	return packed_first_of(links_from(b->catalog, ino));
}

static void test_links(struct box *b)
{
	uint64_t d = box_folder(b, ROOT_INO, "d"),
		 src = box_file(b, d, "src.md", "@link w links Goal\n@link p sees ../x/y.md\n");
	uint64_t goal, x, y;

	box_wait(b);
	CHECK_EQ(target(b, src), 0);
	goal = box_file(b, ROOT_INO, "goal.txt", "");
	box_wait(b);
	CHECK_EQ(target(b, src), goal);
	/* A file below a folder that gets the name. */
	x = box_folder(b, ROOT_INO, "z");
	y = box_file(b, x, "y.md", "@link p up ../goal.md");
	box_wait(b);
	CHECK_EQ(packed_first_of(links_to(b->catalog, y)), 0);
	box_rename(b, ROOT_INO, "z", ROOT_INO, "x");
	box_wait(b);
	CHECK_EQ(packed_first_of(links_to(b->catalog, y)), src);
	/* A name alone: nothing is extracted, but for another ending. */
	{
		unsigned before = plain_extractor_runs();

		box_rename(b, ROOT_INO, "goal.txt", x, "aim.txt");
		box_rename(b, d, "src.md", d, "source.md");
		box_wait(b);
		CHECK_EQ(plain_extractor_runs(), before);
		CHECK_EQ(target(b, src), goal);
		box_rename(b, x, "aim.txt", ROOT_INO, "goal.md");
		box_wait(b);
		CHECK_EQ(target(b, y), goal);
	}
	derived_check(b->catalog);
	box_write(b, src, "@link w links Goal", 18);
	box_wait(b);
	CHECK_EQ(packed_first_of(links_to(b->catalog, y)), 0);
	CHECK_EQ(target(b, src), goal);
	/* What it is no more has no links. */
	box_rename(b, d, "source.md", d, "source.bin");
	box_wait(b);
	CHECK_EQ(target(b, src), 0);
	derived_check(b->catalog);
}

static void test_restart(struct box *b)
{
	uint64_t src = box_file(b, ROOT_INO, "late.md", "@link w links later\n"), later;

	box_wait(b);
	box_close_index(b, true);
	later = box_file(b, ROOT_INO, "Later.md", "");
	CHECK_EQ(target(b, src), 0);
	box_open_index(b);
	box_wait_loaded(b);
	box_wait(b);
	CHECK_EQ(target(b, src), later);
}

static void test_fields(struct box *b)
{
	uint64_t ino = box_file(
			 b, ROOT_INO, "fields.md",
			 "@field author Ann Lee\n@field tags a/b\n@field title Long\n@field mood calm\n"),
		 id;
	uint32_t why;

	box_wait(b);
	CHECK_EQ(field_find(b->catalog, "author", "Ann Lee", 7, &id), 0);
	CHECK_EQ(label_why(b->catalog, id, ino, &why), 0);
	CHECK_EQ(why, LABEL_FOUND);
	CHECK_EQ(tag_find(b->catalog, "a/b", 3, &id), 0);
	CHECK_EQ(field_find(b->catalog, "mood", "calm", 4, &id), 0);
	CHECK_EQ(field_find(b->catalog, "title", "Long", 4, &id), -ENOENT);
	box_write(b, ino, "nothing", 7);
	box_wait(b);
	CHECK_EQ(field_find(b->catalog, "author", "Ann Lee", 7, &id), -ENOENT);
}

struct seen {
	uint64_t other[8];
	enum graph_direction way[8];
	unsigned n;
};

static int note_neighbour(void *visitor, uint64_t other, uint32_t verb, enum graph_direction way)
{
	struct seen *s = visitor;

	s->other[s->n] = other;
	s->way[s->n++] = way;
	return s->n == ARRAY_SIZE(s->other);
}

static void test_graph(struct box *b)
{
	struct graph_source g = graph_source_of(b->catalog);
	uint64_t x = box_file(b, ROOT_INO, "gx.md", "@link w links gy\n@link p links gz.md\n"),
		 z = box_file(b, ROOT_INO, "gz.md", "");
	uint64_t y = box_file(b, ROOT_INO, "gy.md", "@link w links gz\n@link w sees gx");
	struct graph_way way = { .from = z, .to = x, .filter = { .direction = GRAPH_BOTH } };
	_cleanup_graph_path_ struct graph_path path = { 0 };
	struct seen s = { 0 };

	box_wait(b);
	CHECK_EQ(g.neighbours(g.context, y, GRAPH_BOTH, note_neighbour, &s), 0);
	CHECK_EQ(s.n, 3);
	CHECK(s.other[0] == x && s.other[1] == x && s.other[2] == z);
	CHECK(s.way[0] + s.way[1] == GRAPH_IN + GRAPH_OUT && s.way[2] == GRAPH_OUT);
	CHECK_EQ(graph_path(&g, &way, &path), 1);
	CHECK_EQ(path.n, 2);
	CHECK_EQ(g.sees(g.context, z), 1);
	box_unlink(b, ROOT_INO, "gz.md");
	CHECK_EQ(g.sees(g.context, z), 0); /* it is there until it is reclaimed */
	CHECK_EQ(tree_forget_inode(b->catalog, z), 0);
	CHECK_EQ(g.sees(g.context, z), 0);
	s.n = 0;
	CHECK_EQ(g.neighbours(g.context, x, GRAPH_OUT, note_neighbour, &s), 0);
	CHECK_EQ(s.n, 1);
	CHECK_EQ(s.other[0], y);
}

int main(void)
{
	struct box *b = box_new();

	box_open_index(b);
	box_wait_loaded(b);
	test_links(b);
	test_restart(b);
	test_fields(b);
	test_graph(b);
	box_free(b);
	return check_result();
}
