/* SPDX-License-Identifier: MIT */
/* Stops in the middle of moves: after each request to the bucket, around system calls that change files, and by
 * SIGKILL at any moment. Nothing is lost, fsck finds nothing wrong, and when the moves came to their end nothing is left
 * over. Usage: test_mover_kill [SEED] */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/fakes/mem_bucket.h"
#include "tests/unit/mover_box.h"

#define STEPS_MAX 60u
#define KILLS 12u

/* ---- tests */

/* The bucket answers so many requests, then the process dies. */
static void test_requests(void)
{
	struct mover_report report;
	bool ended = false;

	CHECK_EQ(mem_bucket_new(&bucket), 0);
	for (unsigned n = 1; n < STEPS_MAX && !ended && !check_failures; n++) {
		make();
		mem_bucket_set_faults(bucket, &(struct mem_faults){ .fail_after = n, .fault = BUCKET_UNREACHABLE });
		(void) run(40, &report);
		ended = report.failed == 0 && report.files[POLICY_COLD] > 0;
		stop();
		mem_bucket_set_faults(bucket, &(struct mem_faults){ 0 });
		check_volume();
		settle();
		files_box_free(&box);
		bucket = bucket_free(bucket);
		CHECK_EQ(mem_bucket_new(&bucket), 0);
	}
	CHECK(ended);
	bucket = bucket_free(bucket);
}

static void move_until_killed(void)
{
	struct mover_report report;

	start();
	for (unsigned n = 0;; n++) {
		uint64_t bytes;

		(void) run(n % 2 ? 40 : 10, &report);
		for (unsigned k = 0; k < FILES; k += 3)
			(void) file_promote(box.f, inos[k], NULL, &bytes);
	}
}

static void test_kills(void)
{
	char path[100];
	struct bucket_error why;

	make();
	(void) snprintf(path, sizeof(path), "%s/nas", box.temp.path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(folder_open(path, &bucket, &why), 0);
	CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
	stop();
	for (unsigned n = 0; n < KILLS && !check_failures; n++) {
		pid_t child = fork();

		if (child == 0)
			move_until_killed();
		(void) usleep((useconds_t)(random() % 60000));
		CHECK_EQ(kill(child, SIGKILL), 0);
		CHECK_EQ(waitpid(child, NULL, 0), child);
		check_volume();
		start();
		check_files();
		stop();
	}
	settle();
	files_box_free(&box);
	bucket = bucket_free(bucket);
}

/* ---- before the system call that changes a file, the n-th of them */

#define CALLS_MAX 20000u
#define SAMPLES 40u

static uint64_t calls[CALLS_MAX]; /* numbers of the calls of a whole run */
static unsigned n_calls;

static bool changes_files(uint64_t call)
{
	static const int changing[] = { SYS_write, SYS_pwrite64, SYS_fsync, SYS_fdatasync, SYS_renameat, SYS_renameat2,
					SYS_unlinkat, SYS_mkdirat, SYS_msync, SYS_ftruncate, SYS_fallocate };

	for (size_t k = 0; k < ARRAY_SIZE(changing); k++)
		if (call == (uint64_t)changing[k])
			return true;
	return false;
}

static bool changes_names(uint64_t call)
{
	return call == SYS_renameat || call == SYS_renameat2 || call == SYS_unlinkat;
}

/* A whole life: to warm/, to the bucket, some of it back, and what is dead taken away. */
static void move_traced(void)
{
	struct mover_report report;
	uint64_t bytes;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	(void) raise(SIGSTOP);
	start();
	(void) run(10, &report);
	(void) run(40, &report);
	for (unsigned k = 0; k < FILES; k += 2)
		(void) file_promote(box.f, inos[k], NULL, &bytes);
	(void) run(41, &report);
	(void) run(44, &report);
	_exit(check_failures ? 1 : 0);
}

/* The next call that the child is about to make; 0: it has ended, with *ret_status. */
static int next_call(pid_t child, uint64_t *ret_call, int *ret_status)
{
	struct __ptrace_syscall_info info;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) < 0 || waitpid(child, ret_status, 0) != child ||
		    !WIFSTOPPED(*ret_status))
			return 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && changes_files(info.entry.nr)) {
			*ret_call = info.entry.nr;
			return 1;
		}
	}
}

/* Runs until before call `n`, or after it; notes the calls before it. True: it was killed there. */
static bool run_until(unsigned n, bool after)
{
	pid_t child = fork();
	int status;
	uint64_t call;

	if (child == 0)
		move_traced();
	CHECK_EQ(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		return false;
	CHECK_EQ(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)), 0);
	for (n_calls = 0; next_call(child, &call, &status); n_calls++) {
		if (n_calls == n) {
			if (after) {
				CHECK_EQ(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
				CHECK_EQ(waitpid(child, &status, 0), child);
			}
			CHECK_EQ(kill(child, SIGKILL), 0);
			CHECK_EQ(waitpid(child, &status, 0), child);
			return true;
		}
		calls[MIN(n_calls, CALLS_MAX - 1)] = call;
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return false;
}

static void put_back(void)
{
	files_box_shell(&box, "cd $V && rm -rf wal catalog hot warm nas/* && cp -a good/. .");
}

static void check_point(unsigned n, bool after)
{
	if (!run_until(n, after))
		return;
	check_volume();
	start();
	check_files();
	stop();
	settle();
	if (check_failures)
		fprintf(stderr, "%s call %u, %llu\n", after ? "after" : "before", n, (unsigned long long)calls[n]);
	put_back();
}

static void test_calls(void)
{
	char path[100];
	struct bucket_error why;
	unsigned total;

	make();
	(void) snprintf(path, sizeof(path), "%s/nas", box.temp.path);
	CHECK_EQ(mkdir(path, 0700), 0);
	CHECK_EQ(folder_open(path, &bucket, &why), 0);
	mover = mover_free(mover);
	CHECK_EQ(files_box_stop(&box), 0);
	files_box_shell(&box, "cd $V && mkdir good && cp -a wal catalog hot warm nas good/");
	(void) run_until(UINT32_MAX, false);
	total = MIN(n_calls, CALLS_MAX);
	put_back();
	fprintf(stderr, "%u calls\n", total);
	if (total == 0)
		fprintf(stderr, "ptrace(2) is not allowed here; kills before calls are not tested\n");
	for (unsigned n = 0; n < total && !check_failures; n++) {
		if (changes_names(calls[n]) || (unsigned)random() % total < SAMPLES)
			check_point(n, false);
		/* Before what is stored in mapped pages, which is no call. */
		if (changes_names(calls[n]))
			check_point(n, true);
	}
	files_box_free(&box);
	bucket = bucket_free(bucket);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);

	srandom(seed);
	fprintf(stderr, "seed %u\n", seed);
	test_requests();
	test_calls();
	test_kills();
	return check_result();
}
