/* SPDX-License-Identifier: MIT */
/* A process that tags, retags, renames tags and saves searches is killed at random moments. What it had finished is there, and
 * names, tags and files always agree. Arguments: a seed, kills. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tags_model.h"

/* Shared with the process that is killed. */
struct promises {
	_Atomic bool stepping; /* what follows is that of the step before */
	_Atomic unsigned steps;
	_Atomic int trouble;
	uint64_t dice_state;
	unsigned n_nodes;
	struct node nodes[NODES];
	struct m_file files[FILES];
};

static void save(struct promises *p)
{
	p->dice_state = dice_state;
	p->n_nodes = n_nodes;
	memcpy(p->nodes, nodes, n_nodes * sizeof(*nodes));
	memcpy(p->files, m_files, sizeof(m_files));
}

static void load(const struct promises *p)
{
	dice_state = p->dice_state;
	n_nodes = p->n_nodes;
	memcpy(nodes, p->nodes, n_nodes * sizeof(*nodes));
	memcpy(m_files, p->files, sizeof(m_files));
}

static void work_until_killed(struct promises *p)
{
	if (box_open(&tree_box) < 0 || catalog_start(tree_box.c) < 0) {
		atomic_store(&p->trouble, __LINE__);
		_exit(1);
	}
	c = tree_box.c;
	while (model_has_room() && !check_failures) {
		atomic_store(&p->stepping, true);
		step();
		save(p);
		atomic_store(&p->stepping, false);
		atomic_fetch_add(&p->steps, 1);
		if (dice(20) == 0) /* to be killed between two as well */
			(void) usleep(300);
	}
	if (check_failures)
		atomic_store(&p->trouble, __LINE__);
	(void) pause();
}

/* In the middle of a step the model does not know whether it was done; then only what follows from the rest is compared. */
static bool check_after_kill(const struct promises *p)
{
	bool known = !p->stepping;

	CHECK_EQ(box_open(&tree_box), 0);
	CHECK_EQ(catalog_start(tree_box.c), 0);
	c = tree_box.c;
	load(p);
	if (known)
		check_all();
	else
		derived_check(c);
	CHECK(catalog_verify(c, problem_fails, NULL) >= 0);
	box_close(&tree_box);
	return known;
}

/* Returns whether the model still knows all. */
static bool round_of(struct promises *p)
{
	pid_t pid = fork();

	if (pid == 0)
		work_until_killed(p);
	(void) usleep((useconds_t)(4000 + random() % 60000));
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
	CHECK_EQ(p->trouble, 0);
	return check_after_kill(p);
}

static void begin_volume(struct promises *p)
{
	model_begin();
	box_close(&tree_box);
	p->stepping = false;
	save(p);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL);
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 60, known = 0;
	struct promises *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	printf("seed %u\n", seed);
	srandom(seed);
	dice_state = seed + 1ull;
	begin_volume(p);
	for (unsigned k = 0; k < rounds && !check_failures; k++) {
		bool was_known = round_of(p);

		known += was_known;
		if (was_known && model_has_room())
			continue;
		box_free(&tree_box);
		begin_volume(p);
	}
	printf("%u steps over %u kills, of which %u came between two\n", p->steps, rounds, known);
	CHECK(rounds < 20 || (known > 0 && known < rounds));
	box_free(&tree_box);
	return check_result();
}
