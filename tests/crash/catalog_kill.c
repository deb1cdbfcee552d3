/* SPDX-License-Identifier: MIT */
/* A writer with its checkpointer is killed at a random moment, again and again. What each batch does
 * follows from its number alone, so that the state after any number of batches can be computed: after
 * every kill it must be that of all the batches that were promised, or of one more, which was under way.
 * Promises are kept in memory that parent and child share. Arguments: a seed, a number of rounds. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "tests/unit/catalog_box.h"
#include "tests/unit/problems.h"

#define KEYS 700u

struct promises {
	_Atomic uint64_t batches;  /* committed */
	_Atomic uint64_t number;   /* largest inode number given out */
	_Atomic uint64_t trouble;  /* line of what failed in the child */
};

/* The state after `batches` batches: 0 or the batch that put the key. */
struct state {
	uint64_t batches;
	uint64_t put_by[KEYS];
};

static const struct id128 mount_id = { "this mount" };

static uint64_t dice(uint64_t n, uint64_t what)
{
	return hash_mix64(n * 16 + what + 0x5bd1e995);
}

static unsigned op_count(uint64_t n)
{
	return 1 + dice(n, 0) % 6;
}

static unsigned op_key(uint64_t n, unsigned op)
{
	return (unsigned)(dice(n * 8 + op, 1) % KEYS);
}

static bool op_removes(uint64_t n, unsigned op)
{
	return dice(n * 8 + op, 2) % 4 == 0;
}

static size_t value_of(uint64_t n, unsigned key, uint8_t ret_value[3000])
{
	size_t len = 8 + dice(n * KEYS + key, 3) % (n % 50 == 0 ? 2900 : 200);

	memset(ret_value, (int)(n + key), len);
	store_le64(ret_value, n);
	return len;
}

static void state_advance(struct state *s, uint64_t to)
{
	while (s->batches < to) {
		uint64_t n = ++s->batches;

		for (unsigned op = 0; op < op_count(n); op++)
			s->put_by[op_key(n, op)] = op_removes(n, op) ? 0 : n;
	}
}

/* ---- the child */

static int commit_batch(struct box *b, uint64_t n, struct promises *p)
{
	struct reply_record reply = { .mount = mount_id, .unique = n };
	struct key last = box_key('V', 0);
	uint8_t value[3000], count[8];
	struct batch *batch;
	uint64_t number;
	int r = catalog_begin(b->c, false, &batch);

	if (r < 0)
		return r;
	for (unsigned op = 0; op < op_count(n); op++) {
		struct key k = box_key("IDQ"[op_key(n, op) % 3], op_key(n, op));

		if (op_removes(n, op))
			batch_remove(batch, k.bytes, k.len);
		else
			batch_put(batch, k.bytes, k.len, value, value_of(n, op_key(n, op), value));
	}
	store_le64(count, n);
	batch_put(batch, last.bytes, last.len, count, sizeof(count));
	batch_reply(batch, &reply);
	if (n % 7 == 0) {
		r = catalog_next_number(b->c, COUNTER_INODE, &number);
		if (r < 0 || number <= atomic_load(&p->number))
			return -ERANGE;
	}
	r = batch_commit(batch, NULL);
	if (r >= 0 && n % 7 == 0)
		atomic_store(&p->number, number);
	return r;
}

static void write_until_killed(struct box *b, struct promises *p)
{
	if (box_open(b) < 0 || catalog_start(b->c) < 0) {
		atomic_store(&p->trouble, __LINE__);
		_exit(1);
	}
	for (uint64_t n = atomic_load(&p->batches) + 1;; n++) {
		if (commit_batch(b, n, p) < 0)
			break;
		atomic_store(&p->batches, n);
		if (n % 61 == 0 && catalog_sync(b->c, catalog_last_lsn(b->c)) < 0)
			break;
	}
	atomic_store(&p->trouble, __LINE__);
	_exit(1);
}

/* ---- the parent */

static void check_key(struct box *b, const struct state *s, unsigned i)
{
	struct key k = box_key("IDQ"[i % 3], i);
	_cleanup_buf_ struct buf got = BUF_INIT;
	uint8_t want[3000];
	size_t len = s->put_by[i] ? value_of(s->put_by[i], i, want) : 0;
	int r = catalog_get(b->c, k.bytes, k.len, &got);

	if (s->put_by[i])
		CHECK(r == 0 && got.len == len && memcmp(got.data, want, len) == 0);
	else
		CHECK_EQ(r, -ENOENT);
}

static uint64_t batches_found(struct box *b)
{
	struct key k = box_key('V', 0);
	_cleanup_buf_ struct buf got = BUF_INIT;

	if (catalog_get(b->c, k.bytes, k.len, &got) < 0 || got.len != 8)
		return 0;
	return load_le64(got.data);
}

static void check_after_kill(struct box *b, struct state *s, struct promises *p)
{
	struct reply_record reply;
	uint64_t found;
	int r = box_open(b);

	if (r < 0) {
		fprintf(stderr, "open: %s\n", b->why);
		exit(1);
	}
	found = batches_found(b);
	CHECK(found == p->batches || found == p->batches + 1);
	state_advance(s, found);
	for (unsigned i = 0; i < KEYS; i++)
		check_key(b, s, i);
	for (uint64_t n = found; n > 0 && n + 4096 > found; n--)
		CHECK(catalog_find_reply(b->c, mount_id, n, &reply) == 0);
	CHECK(catalog_verify(b->c, problem_fails, NULL) >= 0);
	atomic_store(&p->batches, found);
	box_close(b);
}

static void round_of(struct box *b, struct state *s, struct promises *p)
{
	pid_t pid = fork();

	if (pid == 0)
		write_until_killed(b, p);
	(void) usleep((useconds_t)(2000 + random() % 150000));
	(void) kill(pid, SIGKILL);
	(void) waitpid(pid, NULL, 0);
	CHECK_EQ(p->trouble, 0);
	check_after_kill(b, s, p);
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL);
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 50;
	struct promises *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static struct state s;
	struct box b;

	printf("seed %u\n", seed);
	srandom(seed);
	box_make(&b);
	b.config.checkpoint_ms = 4;
	b.config.overlay_records = 2000;
	CHECK_EQ(box_open(&b), 0);
	box_close(&b);
	for (unsigned i = 0; i < rounds && check_failures == 0; i++)
		round_of(&b, &s, p);
	printf("%llu batches promised over %u kills\n", (unsigned long long)p->batches, rounds);
	box_free(&b);
	return check_result();
}
