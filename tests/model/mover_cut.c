/* SPDX-License-Identifier: MIT */
/* The power goes in the middle of moves between tiers: at each change of names, and at some of the syncs. The volume and
 * the folder that is its bucket then hold what was synced, and of the rest what chance kept (cut.py). Nothing is lost that
 * was durable before, fsck finds nothing wrong, and the moves come to their end.
 * Usage, with powercut.so preloaded: mover_cut CUT.PY [SEED [SAMPLES]] */
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/mover_box.h"

#define EVENTS_MAX 20000u
#define SAMPLES 8u

static struct temp_folder durable, good;
static const char *cut_py;
static char events[EVENTS_MAX];
static unsigned n_events;

/* ---- what a disk holds */

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
	char command[600];
	va_list args;

	va_start(args, format);
	(void) vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	CHECK_EQ(system(command), 0);
}

/* All is as after make_volume(), and durable. */
static void put_back(void)
{
	shell("cd %s && rm -rf wal catalog hot warm nas/* && cp -a %s/. . && exec python3 %s keep . %s", box.temp.path, good.path, cut_py, durable.path);
}

static void cut_power(unsigned seed)
{
	shell("exec python3 %s cut %s %s %u", cut_py, box.temp.path, durable.path, seed);
}

/* ---- a life of files */

/* What a program changes, and syncs, while files move: the bytes stay those that check_files() wants. */
static void write_again(unsigned k)
{
	struct tree_request rq = { 0 };

	fill(k);
	CHECK_EQ(file_write(box.f, &rq, inos[k], 0, want, size_of(k), false, false), (int64_t)size_of(k));
	CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
}

static void live(void)
{
	struct mover_report report;
	uint64_t bytes;

	start();
	(void) run(10, &report);
	/* Over half of the bytes: the pack is sparse, and what is left in it is packed anew. */
	for (unsigned k = 5; k < 18; k += 6)
		write_again(k);
	(void) run(10, &report);
	(void) run(40, &report);
	for (unsigned k = 0; k < FILES; k += 2)
		(void) file_promote(box.f, inos[k], NULL, &bytes);
	write_again(11);
	(void) run(41, &report);
	CHECK_EQ(catalog_checkpoint(box.c), 0);
	(void) run(44, &report);
}

/* True: it was killed at event `at`. */
static bool live_until(unsigned at)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		char number[16];

		(void) snprintf(number, sizeof(number), "%u", at);
		(void) setenv("POWERCUT_VOLUME", box.temp.path, 1);
		(void) setenv("POWERCUT_DURABLE", durable.path, 1);
		(void) setenv("POWERCUT_AT", number, 1);
		live();
		_exit(check_failures ? 1 : 0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return false;
}

static void count_events(void)
{
	FILE *f;
	char path[100];

	(void) live_until(0);
	(void) snprintf(path, sizeof(path), "%s/events", durable.path);
	f = fopen(path, "re");
	n_events = f ? (unsigned)fread(events, 1, sizeof(events), f) : 0;
	if (f)
		(void) fclose(f);
	put_back();
}

/* ---- tests */

static void check_point(unsigned at)
{
	unsigned seed = (unsigned)random();

	if (live_until(at)) {
		cut_power(seed);
		check_volume();
		start();
		check_files();
		stop();
		settle();
	}
	if (check_failures)
		fprintf(stderr, "at event %u of %u, '%c', seed of the cut %u\n", at, n_events, events[at - 1], seed);
	put_back();
}

static void make_volume(void)
{
	struct bucket_error why;
	char path[100];

	make();
	(void) snprintf(path, sizeof(path), "%s/nas", box.temp.path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(folder_open(path, &bucket, &why), 0);
	mover = mover_free(mover);
	CHECK_EQ(files_box_stop(&box), 0);
	shell("cp -a %s/. %s", box.temp.path, good.path);
	put_back();
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);
	unsigned samples = argc > 3 ? (unsigned)atoi(argv[3]) : SAMPLES;

	if (argc < 2)
		return 2;
	cut_py = argv[1];
	srandom(seed);
	fprintf(stderr, "seed %u\n", seed);
	temp_folder_make(&durable);
	temp_folder_make(&good);
	make_volume();
	count_events();
	fprintf(stderr, "%u events\n", n_events);
	CHECK(n_events > 20);
	for (unsigned at = 1; at <= n_events && !check_failures; at++)
		if (events[at - 1] == 'n' || (unsigned)random() % n_events < samples)
			check_point(at);
	files_box_free(&box);
	bucket = bucket_free(bucket);
	temp_folder_remove(&durable);
	temp_folder_remove(&good);
	return check_result();
}
