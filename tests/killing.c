/* SPDX-License-Identifier: MIT */
/* killing MNT LOCKFILE KILLS COMMAND.. - runs the command, with its number in $ROUND, while the server is killed every 0.5
 * to 1 s; runs it again until there were so many kills. Ends with 1 when a run has failed. A thread of its own asks for
 * something all the time: the longest that it waits is what a program can wait. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/kills.h"

struct probe {
	const char *top;
	pthread_t thread;
	unsigned long rounds, errors;
	uint64_t longest_ms;
};

static atomic_bool over;
static struct kills kills;

/* A change, and a question that only the server can answer. */
static bool ask(const char *path)
{
	struct statx st;

	return mkdir(path, 0700) == 0 && statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) == 0 &&
	       rmdir(path) == 0;
}

static void *probe_main(void *context)
{
	struct probe *p = context;
	char path[PATH_MAX];

	(void) snprintf(path, sizeof(path), "%s/.probe", p->top);
	while (!atomic_load(&over)) {
		uint64_t start_ms = clock_mono_ms();

		if (!ask(path)) {
			fprintf(stderr, "the probe met an error: %s\n", strerrordesc_np(errno));
			p->errors++;
			break;
		}
		p->longest_ms = MAX(p->longest_ms, clock_mono_ms() - start_ms);
		p->rounds++;
		(void) usleep(5000);
	}
	return NULL;
}

static int run(char **command, unsigned round)
{
	char number[16];
	int status;
	pid_t pid;

	(void) snprintf(number, sizeof(number), "%u", round);
	(void) setenv("ROUND", number, 1);
	(void) fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void) execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct killer {
	pthread_t thread;
	unsigned wanted;
	bool failed;
};

static void *killer_main(void *context)
{
	struct killer *k = context;

	while (!atomic_load(&over) && kills.done < k->wanted && !k->failed)
		k->failed = !kills_next(&kills);
	return NULL;
}

/* Returns how many rounds it took; 0: one has failed. */
static unsigned run_under_kills(char **command, unsigned wanted)
{
	struct killer killer = { .wanted = wanted };
	unsigned rounds = 0;
	int status = 0;

	if (pthread_create(&killer.thread, NULL, killer_main, &killer) != 0)
		return 0;
	while (status == 0 && (rounds == 0 || kills.done < wanted) && !killer.failed)
		status = run(command, ++rounds);
	atomic_store(&over, true);
	(void) pthread_join(killer.thread, NULL);
	if (status != 0)
		fprintf(stderr, "round %u: status %d\n", rounds, status);
	return status != 0 || killer.failed ? 0 : rounds;
}

int main(int argc, char **argv)
{
	unsigned seed = (unsigned)time(NULL), rounds;
	struct probe probe = { .top = argv[1] };

	if (argc < 5)
		return 2;
	if (!kills_begin(&kills, argv[2], seed)) {
		fprintf(stderr, "%s names no keeper\n", argv[2]);
		return 1;
	}
	if (pthread_create(&probe.thread, NULL, probe_main, &probe) != 0)
		return 1;
	rounds = run_under_kills(argv + 4, (unsigned)atoi(argv[3]));
	(void) pthread_join(probe.thread, NULL);
	printf("seed %u, %u rounds; longest stall of %lu questions %llu ms\n", seed, rounds, probe.rounds,
	       (unsigned long long)probe.longest_ms);
	kills_report(&kills);
	return rounds == 0 || probe.errors ? 1 : 0;
}
