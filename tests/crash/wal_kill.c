/* SPDX-License-Identifier: MIT */
/* A writer is killed at a random moment, again and again; what it was told is safe must be there, byte for
 * byte, and nothing else. Usage: wal_kill [ROUNDS [SEED]] */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "tests/fakes/walbox.h"

/* What the writer was told, in memory that survives it. */
struct promises {
	uint64_t appended;         /* by wal_append() */
	struct id128 incarnations[2];
	uint64_t checkpoints[2];   /* the present one is [turn & 1] */
	uint64_t turn;
	int error;
	bool opened;
	bool stopped;              /* wal_anchor() returned */
};

static uint64_t state;

static uint64_t next_random(void)
{
	return hash_mix64(state += 0x9e3779b97f4a7c15ull);
}

/* A catalog that is durable at once: both halves are there before `turn` says so. */
static void checkpoint(struct walbox *b, struct promises *p)
{
	uint64_t covered = b->from.lsn, turn = p->turn + 1;

	walbox_checkpoint(b, wal_last_lsn(b->wal) - next_random() % (wal_last_lsn(b->wal) - covered + 1));
	p->incarnations[turn & 1] = b->from.incarnation;
	p->checkpoints[turn & 1] = b->from.lsn;
	__atomic_store_n(&p->turn, turn, __ATOMIC_RELEASE);
	wal_release(b->wal, covered);
}

static int stop(struct walbox *b, struct promises *p)
{
	uint64_t last = wal_last_lsn(b->wal);
	int r;

	p->incarnations[(p->turn + 1) & 1] = wal_incarnation(b->wal);
	p->checkpoints[(p->turn + 1) & 1] = last;
	__atomic_store_n(&p->turn, p->turn + 1, __ATOMIC_RELEASE);
	wal_release(b->wal, last);
	r = wal_anchor(b->wal, p->turn);
	p->stopped = r == 0;
	return r;
}

static int write_until_killed(struct walbox *b, struct promises *p)
{
	for (;;) {
		int64_t lsn = walbox_append(b);

		if (lsn == -ENOSPC) {
			checkpoint(b, p);
			continue;
		}
		if (lsn < 0)
			return (int)lsn;
		__atomic_store_n(&p->appended, (uint64_t)lsn, __ATOMIC_RELEASE);
		switch (next_random() % 512) {
		case 0:
			if (wal_sync(b->wal, (uint64_t)lsn) < 0)
				return -EIO;
			break;
		case 1:
		case 2:
			checkpoint(b, p);
			break;
		case 3:
			if (next_random() % 16 == 0)
				return stop(b, p);
			break;
		}
	}
}

static void take_over(struct walbox *b, const struct promises *p)
{
	uint64_t turn = __atomic_load_n(&p->turn, __ATOMIC_ACQUIRE);

	b->from.incarnation = p->incarnations[turn & 1];
	b->from.lsn = p->checkpoints[turn & 1];
	b->txn = turn;
}

static int writer(struct walbox *b, struct promises *p)
{
	int r;

	take_over(b, p);
	r = walbox_open(b);
	__atomic_store_n(&p->opened, true, __ATOMIC_RELEASE);
	return r < 0 ? r : write_until_killed(b, p);
}

static void run_and_kill(struct walbox *b, struct promises *p)
{
	pid_t child;
	int patience;
	int status;

	p->stopped = p->opened = false;
	p->error = 0;
	child = fork();
	if (child == 0) {
		p->error = writer(b, p);
		_exit(0);
	}
	/* One in four dies while it opens, if it can. */
	patience = next_random() % 4 ? 20000 : 0;
	while (patience-- > 0 && !__atomic_load_n(&p->opened, __ATOMIC_ACQUIRE))
		(void) usleep(500);
	(void) usleep((useconds_t)(next_random() % 8000));
	(void) kill(child, SIGKILL);
	(void) waitpid(child, &status, 0);
}

/* 0 when the log has what was promised. */
static int verify(struct walbox *b, const struct promises *p, unsigned round)
{
	uint64_t most;
	int r;

	take_over(b, p);
	most = p->appended + 1; /* one may have been stored before its promise */
	b->config.read_only = true;
	r = walbox_open(b);
	b->config.read_only = false;
	if (r == 0 && !b->wrong && p->error == 0 && b->report.last_lsn >= p->appended &&
	    b->report.last_lsn <= most && b->count == b->report.last_lsn - b->from.lsn &&
	    (!p->stopped || b->report.clean)) {
		walbox_kill(b);
		return 0;
	}
	fprintf(stderr,
		"round %u: open %d, writer %d, promised %llu, found %llu, %llu records after %llu, %s\n",
		round, r, p->error, (unsigned long long)p->appended, (unsigned long long)b->report.last_lsn,
		(unsigned long long)b->count, (unsigned long long)b->from.lsn, b->wrong ? "other bytes" : "");
	return 1;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 200, failed = 0, stops = 0;
	struct promises *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct walbox b;

	random_bytes(&state, sizeof(state));
	if (argc > 2)
		state = strtoull(argv[2], NULL, 0);
	printf("seed %#llx\n", (unsigned long long)state);
	if (p == MAP_FAILED)
		return 1;
	walbox_init(&b);
	for (unsigned i = 0; i < rounds && failed == 0; i++) {
		b.config.no_mmap = next_random() % 4 == 0;
		run_and_kill(&b, p);
		failed += (unsigned)verify(&b, p, i);
		stops += p->stopped;
		(void) next_random();
	}
	printf("%u kills, %llu records promised, %u clean stops, %u failures\n", rounds,
	       (unsigned long long)p->appended, stops, failed);
	walbox_done(&b);
	return failed ? 1 : 0;
}
