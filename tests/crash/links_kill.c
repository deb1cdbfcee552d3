/* SPDX-License-Identifier: MIT */
/* A process whose threads find, set, take away and forget links is killed at random moments, and so is one that makes
 * their sets anew. Links are always those of the files, and what was not brought to its end can be. Arguments: a seed,
 * kills. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/linking_load.h"

static void work_until_killed(unsigned state)
{
	pthread_t threads[2];

	if (box_open(&tree_box) < 0 || catalog_start(tree_box.c) < 0)
		_exit(1);
	c = tree_box.c;
	CHECK_EQ(pthread_create(&threads[0], NULL, finder, NULL), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, setter, NULL), 0);
	while (!check_failures)
		come_and_go(&state);
	_exit(1);
}

static void make_anew_until_killed(void)
{
	struct batch *b;

	if (box_open(&tree_box) < 0 || catalog_start(tree_box.c) < 0)
		_exit(1);
	c = tree_box.c;
	while (!check_failures) {
		CHECK_EQ(catalog_begin(c, true, &b), 0);
		derive_doubt(b);
		CHECK_EQ(batch_commit(b, NULL), 0);
		CHECK_EQ(derive_run(c), 0);
	}
	_exit(1);
}

static int note_orphan(void *context, uint64_t ino)
{
	return buf_add(context, &ino, sizeof(ino));
}

/* As the next mount does. */
static void forget_orphans(void)
{
	_cleanup_buf_ struct buf inos = BUF_INIT;

	CHECK_EQ(tree_foreach_orphan(c, note_orphan, &inos), 0);
	for (size_t at = 0; at < inos.len; at += sizeof(uint64_t)) {
		uint64_t ino;

		memcpy(&ino, inos.data + at, sizeof(ino));
		CHECK_EQ(tree_forget_inode(c, ino), 0);
	}
}

static void check_after_kill(bool made_anew)
{
	CHECK_EQ(box_open(&tree_box), 0);
	CHECK_EQ(catalog_start(tree_box.c), 0);
	c = tree_box.c;
	CHECK(made_anew || !derive_is_due(c));
	CHECK_EQ(derive_run(c), 0);
	derived_check(c);
	CHECK(catalog_verify(c, problem_fails, NULL) >= 0);
	forget_orphans();
	check_all();
	box_close(&tree_box);
}

static void round_of(bool making_anew)
{
	unsigned state = (unsigned)random();
	pid_t pid = fork();
	int status;

	if (pid == 0 && making_anew)
		make_anew_until_killed();
	if (pid == 0)
		work_until_killed(state);
	(void) usleep((useconds_t)(10000 + random() % 60000));
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check_after_kill(making_anew);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL);
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 60;

	printf("seed %u\n", seed);
	srandom(seed);
	xattr_box_open(56);
	CHECK_EQ(derive_run(c), 0);
	box_close(&tree_box);
	for (unsigned k = 0; k < rounds && !check_failures; k++)
		round_of(k % 3 == 2);
	box_free(&tree_box);
	return check_result();
}
