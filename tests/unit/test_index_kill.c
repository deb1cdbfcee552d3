/* SPDX-License-Identifier: MIT */
/* An index over the real catalog, in a process that is killed: after its files were indexed, while they
 * are sealed, or after that. The next process has every file, and nothing waits for ever. */
#include <signal.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "catalog/tree.h"
#include "index/embed/embed.h"
#include "index/index.h"
#include "tests/unit/catalog_box.h"

#define ROUNDS 16u
#define FILES 40u /* a round */
#define LATEST_US 30000u

static struct box box;
static struct index *x;
static char *model;

/* What is in a file follows from its number. */
static int text_of(uint64_t ino, char text[64])
{
	return snprintf(text, 64, "The number %llu is word%llu.\n", (unsigned long long)ino, (unsigned long long)ino);
}

static ssize_t read_file(void *context, uint64_t ino, uint64_t offset, void *ret_data, size_t len)
{
	char text[64];
	size_t size = (size_t)text_of(ino, text);

	if (offset >= size)
		return 0;
	len = MIN(len, size - offset);
	memcpy(ret_data, text + offset, len);
	return (ssize_t)len;
}

static void committed(void *context, uint64_t lsn, const struct catalog_event *events, size_t n)
{
	struct index *told = __atomic_load_n(&x, __ATOMIC_ACQUIRE);

	if (told)
		index_notify(told, lsn, events, n);
}

static void open_all(void)
{
	struct index_config config = { .read_file = read_file, .extract_path = "none", .model_dir = model };
	_cleanup_free_ char *why = NULL;
	struct index *opened = NULL;

	box.config.committed = committed;
	CHECK_EQ(box_open(&box), 0);
	CHECK_EQ(catalog_start(box.c), 0);
	CHECK_EQ(tree_make_root(box.c, 0, 0, 0755), 0);
	config.catalog = box.c;
	config.keys = box.keys;
	config.volume_dirfd = box.temp.dirfd;
	CHECK_EQ(index_open(&config, &opened, &why), 0);
	__atomic_store_n(&x, opened, __ATOMIC_RELEASE);
	CHECK_EQ(index_start(opened), 0);
}

static void close_all(void)
{
	struct index *closing = x;

	CHECK_EQ(index_stop(closing), 0);
	__atomic_store_n(&x, NULL, __ATOMIC_RELEASE);
	(void) index_close(closing);
	CHECK_EQ(box_stop(&box), 0);
}

static void write_file(unsigned n)
{
	struct tree_make make = { .mode = S_IFREG | 0644 };
	struct tree_request rq = { 0 };
	struct inode i = { 0 };
	struct batch *batch;
	char text[64], name[32];

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	CHECK_EQ(tree_make(box.c, &rq, ROOT_INO, name, &make, &i), 0);
	CHECK_EQ(catalog_begin(box.c, false, &batch), 0);
	CHECK_EQ(inode_get_in(batch, i.ino, &i), 0);
	i.size = (uint64_t)text_of(i.ino, text);
	batch_note(batch, i.ino, EVENT_CONTENT);
	CHECK_EQ(queue_add(batch, &i, EVENT_CONTENT), 0);
	inode_put(batch, &i);
	CHECK_EQ(batch_commit(batch, NULL), 0);
	index_file_closed(x, i.ino);
}

/* Writes a round's files, says when they are indexed, and begins to seal them. */
static void live(unsigned round, int say)
{
	open_all();
	for (unsigned n = 0; n < FILES; n++)
		write_file(round * FILES + n);
	CHECK_EQ(index_wait(x, 60000), 0);
	if (check_failures || write(say, "", 1) != 1)
		_exit(1);
	(void) index_stop(x);
	for (;;)
		(void) pause();
}

static void live_and_be_killed(unsigned round)
{
	int fds[2], status;
	pid_t child;
	char byte;

	CHECK_EQ(pipe(fds), 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0)
		live(round, fds[1]);
	(void) close(fds[1]);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	(void) usleep(round * LATEST_US / ROUNDS);
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void) close(fds[0]);
}

static bool is_found(unsigned n)
{
	struct query_scope scope = { .top = ROOT_INO, .mount_point = "/mnt" };
	char name[32], question[64];
	struct answer answer = { 0 };
	_cleanup_free_ char *why = NULL;
	struct query q;
	struct inode i;
	bool found;

	(void) snprintf(name, sizeof(name), "%u.txt", n);
	CHECK_EQ(tree_lookup(box.c, ROOT_INO, name, &i), 0);
	(void) snprintf(question, sizeof(question), "q=word%llu&mode=text&format=paths", (unsigned long long)i.ino);
	CHECK_EQ(query_parse_name(question, &q, &why), 0);
	CHECK_EQ(index_query(x, &q, &scope, &answer, &why), 0);
	found = answer.bytes.len == strlen(name) + 1 && memcmp(answer.bytes.data, name, strlen(name)) == 0;
	answer_done(&answer);
	query_done(&q);
	return found;
}

static void problem(void *context, const char *text)
{
	fprintf(stderr, "problem: %s\n", text);
	check_failures++;
}

static int count_entry(void *context, const struct queue_entry *e)
{
	++*(unsigned *)context;
	return 0;
}

static void check_all(unsigned files)
{
	unsigned missing = 0, queued = 0;

	open_all();
	CHECK_EQ(index_wait(x, 60000), 0);
	for (unsigned n = 0; n < files; n++)
		missing += !is_found(n);
	CHECK_EQ(missing, 0);
	CHECK(index_verify(x, problem, NULL) >= 0);
	CHECK_EQ(index_stop(x), 0);
	CHECK_EQ(queue_foreach(box.c, count_entry, &queued), 0);
	CHECK_EQ(queued, 0);
	close_all();
}

int main(void)
{
	CHECK_EQ(embed_find(&model), 0);
	box_make(&box);
	for (unsigned round = 0; round < ROUNDS && !check_failures; round++) {
		live_and_be_killed(round);
		check_all((round + 1) * FILES);
	}
	box_free(&box);
	free(model);
	return check_result();
}
