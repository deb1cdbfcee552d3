/* SPDX-License-Identifier: MIT */
/* The index when there is no memory: a query answers in full or fails, and a file that could not be indexed waits
 * in the queue until it can. */
#include "index_box.h"
#include "tests/unit/memory_steps.h"

#define FILES 12u

static struct box *box;
static struct query asked;

/* With every file that has the word, or an error. */
static int run_query(unsigned k)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	struct answer found = { 0 };
	char *why = NULL;
	int r = index_query(box->index, &asked, &scope, &found, &why);

	if (r >= 0)
		CHECK(found.total == FILES || found.pending > 0);
	answer_done(&found);
	free(why);
	return r;
}

static int ask_name(const char *name)
{
	char *why = NULL;
	int r;

	query_done(&asked);
	r = query_parse_name(name, &asked, &why);
	free(why);
	return r;
}

static int run_parse(unsigned k)
{
	struct query q = { 0 };
	char *why = NULL;
	int r = query_parse_name("q=heron \"the number\" tag:a&limit=50&format=json&in=f1.txt", &q, &why);

	if (r >= 0)
		query_done(&q);
	free(why);
	return r;
}

static void write_file(unsigned k, const char *word)
{
	char name[32], text[128];

	(void) snprintf(name, sizeof(name), "%s%u.txt", word, k);
	(void) snprintf(text, sizeof(text), "The number %u is word%u of the %s.\n", k, k, word);
	(void) box_file(box, ROOT_INO, name, text);
}

/* Whatever of the work failed is done later. */
static void write_without_memory(void)
{
	struct index_stats stats;

	for (unsigned k = 0; k < FILES; k++) {
		write_file(k, "egret");
		memory_fail(1 + 3 * k, k % 2 ? MEMORY_ONCE : MEMORY_STAYS);
		(void) usleep(3000);
		(void) memory_end();
	}
	box_wait(box);
	index_get_stats(box->index, &stats);
	CHECK_EQ(stats.indexed, 2 * FILES);
	CHECK_EQ(stats.failed, 0);
}

int main(void)
{
	static const struct memory_step steps[] = { { "query", run_query, NULL } };
	static const struct memory_step parsing[] = { { "parse", run_parse, NULL } };
	static const char *const queries[] = {
		"q=heron&mode=text", "q=\"of the heron\"&format=json&limit=5", "q=heron&mode=vector&limit=100",
		"q=name:heron* type:txt&sort=name", "q=heron -egret&format=md",
	};

	box = box_new();
	box_open_index(box);
	for (unsigned k = 0; k < FILES; k++)
		write_file(k, "heron");
	box_wait(box);
	memory_run(parsing, ARRAY_SIZE(parsing));
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
			CHECK_EQ(ask_name(queries[i]), 0);
			memory_run(steps, ARRAY_SIZE(steps));
		}
		box_remount(box); /* from the memory segment to the disk */
	}
	write_without_memory();
	query_done(&asked);
	box_free(box);
	return check_result();
}
