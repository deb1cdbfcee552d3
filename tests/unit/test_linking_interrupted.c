/* SPDX-License-Identifier: MIT */
/* Work on links that is interrupted after any of its batches, and goes on. */
#include "tests/unit/linking_box.h"

static int batches_left;

static void count_down(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	if (--batches_left == 0)
		mem_catalog_fail(c, -ENOSPC);
}

/* Does `work` with a stop after each of its batches, and then to its end; it must take so many stops at
 * least. */
static void interrupt(void (*work)(void *context), void *context, int stops)
{
	const struct catalog_config callbacks = { .committed = count_down };
	int n;

	catalog_set_callbacks(c, &callbacks);
	for (n = 1; n < 1000; n++) {
		batches_left = n;
		work(context);
		mem_catalog_fail(c, 0);
		derived_check(c);
		if (batches_left > 0)
			break;
	}
	CHECK(batches_left > 0 && n > stops);
	catalog_set_callbacks(c, &(struct catalog_config){ 0 });
}

struct finding {
	uint64_t ino;
	struct buf links;
};

static void find_some(void *context)
{
	const struct finding *f = context;
	struct found found = {
		.tags = "", .fields = "", .links = (const char *)f->links.data, .links_len = f->links.len
	};

	(void) tree_set_found(c, f->ino, inode(f->ino).content_lsn, &found);
}

static void forget(void *context)
{
	(void) tree_forget_inode(c, *(uint64_t *)context);
}

static void appear(void *context)
{
	(void) links_appeared(c, *(uint64_t *)context);
}

static void test_interrupted(void)
{
	uint64_t d = folder(ROOT_INO, "inter"), hub = note(d, "hub.md");
	struct finding f = { .ino = note(d, "src.md"), .links = BUF_INIT };
	struct inode i;
	char word[32];

	for (int n = 0; n < 50; n++) {
		(void) snprintf(word, sizeof(word), "wl%d:hub", n);
		add_link(&f.links, word);
	}
	interrupt(find_some, &f, 1);
	CHECK_EQ(packed_count_of(links_to(c, hub)), 50);
	for (int n = 0; n < 250; n++) {
		(void) snprintf(word, sizeof(word), "wlinks:%d", n);
		add_link(&f.links, word);
	}
	interrupt(find_some, &f, 9);
	CHECK_EQ(found(f.ino), (50 << 16) + 250);
	CHECK_EQ(set(f.ino, CITES, "inter/hub.md\ninter/7.md", 0), 0);
	CHECK_EQ(tree_unlink(c, &(struct tree_request){ 0 }, d, "hub.md", NULL, NULL, &i), 0);
	interrupt(forget, &hub, 3);
	CHECK_EQ(found(f.ino), 300);
	hub = make(d, "hub.md", S_IFREG | 0644);
	interrupt(appear, &hub, 3);
	CHECK_EQ(packed_count_of(links_to(c, hub)), 51);
	CHECK_EQ(tree_unlink(c, &(struct tree_request){ 0 }, d, "src.md", NULL, NULL, &i), 0);
	interrupt(forget, &f.ino, 9);
	CHECK_EQ(records('L') + records('l') + records('w') + records('W'), 0);
	buf_done(&f.links);
	drop(d, "hub.md");
}

static void test_all(void)
{
	test_interrupted();
}

int main(void)
{
	return linking_box_run(test_all);
}
