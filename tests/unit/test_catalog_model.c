/* SPDX-License-Identifier: MIT */
/* Random batches, checkpoints, kills and clean stops, compared with an array that does the same. The
 * kill is a child process that ends without closing anything. Argument: a seed. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "tests/unit/catalog_box.h"
#include "tests/unit/problems.h"

#define KEYS 400
#define VALUE_MAX 40000
#define ROUNDS 60

struct model {
	bool there[KEYS];
	uint32_t seed[KEYS], len[KEYS]; /* a value is made from these */
	uint64_t child_dice;
};

static uint64_t dice_state;

static uint64_t dice(uint64_t below)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (dice_state >> 11) % below;
}

static struct key model_key(unsigned i)
{
	static const char letters[] = "IDQT";
	struct key k = key_u64(key_start(letters[i % 4]), i / 16);

	return i / 4 % 4 == 0 ? k : key_u64(k, i / 4 % 4);
}

static const uint8_t *model_value(uint32_t seed, uint32_t len)
{
	static uint8_t bytes[VALUE_MAX];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed >> (8 * (i & 3))) ^ (uint8_t)i;
	return bytes;
}

static bool same(const struct model *m, unsigned i, const void *data, size_t len)
{
	return m->len[i] == len && (len == 0 || memcmp(data, model_value(m->seed[i], m->len[i]), len) == 0);
}

static void change(struct batch *b, struct model *m)
{
	unsigned i = (unsigned)dice(KEYS);
	struct key k = model_key(i);

	if (dice(3) == 0) {
		batch_remove(b, k.bytes, k.len);
		m->there[i] = false;
		return;
	}
	m->there[i] = true;
	m->seed[i] = (uint32_t)dice(UINT32_MAX);
	m->len[i] = (uint32_t)dice(dice(20) == 0 ? VALUE_MAX : 200);
	batch_put(b, k.bytes, k.len, model_value(m->seed[i], m->len[i]), m->len[i]);
}

static void check_in_batch(struct batch *b, const struct model *m)
{
	unsigned i = (unsigned)dice(KEYS);
	struct key k = model_key(i);
	struct buf got = BUF_INIT;
	int r = batch_get(b, k.bytes, k.len, &got);

	CHECK(m->there[i] ? r == 0 && same(m, i, got.data, got.len) : r == -ENOENT);
	buf_done(&got);
}

static void run_batch(struct box *box, struct model *m)
{
	struct model after = *m;
	struct batch *b;

	CHECK_EQ(catalog_begin(box->c, false, &b), 0);
	for (uint64_t n = 1 + dice(8); n > 0; n--)
		change(b, &after);
	check_in_batch(b, &after);
	if (dice(10) == 0) {
		batch_abort(b);
		return;
	}
	CHECK_EQ(batch_commit(b, NULL), 0);
	*m = after;
}

static void check_gets(struct box *box, const struct model *m)
{
	for (unsigned i = 0; i < KEYS; i++) {
		struct key k = model_key(i);
		struct buf got = BUF_INIT;
		int r = catalog_get(box->c, k.bytes, k.len, &got);

		CHECK(m->there[i] ? r == 0 && same(m, i, got.data, got.len) : r == -ENOENT);
		buf_done(&got);
	}
}

static int find_key(const void *key, size_t len)
{
	for (unsigned i = 0; i < KEYS; i++) {
		struct key k = model_key(i);

		if (k.len == len && memcmp(k.bytes, key, len) == 0)
			return (int)i;
	}
	return -1;
}

static unsigned count_there(const struct model *m, const void *prefix, size_t prefix_len)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		struct key k = model_key(i);

		n += m->there[i] && k.len >= prefix_len && memcmp(k.bytes, prefix, prefix_len) == 0;
	}
	return n;
}

static void check_scan(struct box *box, const struct model *m, const void *prefix, size_t prefix_len)
{
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len, last_len = 0;
	uint8_t last[CATALOG_KEY_MAX];
	unsigned n = 0;
	int r;

	CHECK_EQ(cursor_open(box->c, prefix, prefix_len, &cur), 0);
	while ((r = cursor_next(cur, &key, &key_len, &value, &value_len)) == 1) {
		int i = find_key(key, key_len);

		CHECK(i >= 0 && m->there[i] && same(m, (unsigned)i, value, value_len));
		CHECK(last_len == 0 || memcmp(last, key, MIN(last_len, key_len)) <= 0);
		memcpy(last, key, key_len);
		last_len = key_len;
		n++;
	}
	CHECK_EQ(r, 0);
	CHECK_EQ(n, count_there(m, prefix, prefix_len));
	cursor_close(cur);
}

static void check_all(struct box *box, const struct model *m)
{
	struct key some = box_key('D', dice(KEYS / 16));

	check_gets(box, m);
	check_scan(box, m, "", 0);
	check_scan(box, m, "D", 1);
	check_scan(box, m, some.bytes, some.len);
}

/* A child goes on from what is there, with the model in shared memory, and ends without a word. */
static void run_in_child(struct box *box, struct model *m)
{
	unsigned batches = (unsigned)dice(40);
	bool threads = dice(2);
	pid_t pid;
	int status;

	box_close(box);
	pid = fork();
	if (pid == 0) {
		if (box_open(box) < 0 || (threads && catalog_start(box->c) < 0))
			_exit(9);
		for (unsigned i = 0; i < batches; i++) {
			run_batch(box, m);
			if (dice(15) == 0 && catalog_checkpoint(box->c) < 0)
				_exit(8);
		}
		m->child_dice = dice_state;
		_exit(check_result());
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	dice_state = m->child_dice;
}

static void round_of(struct box *box, struct model *m)
{
	for (uint64_t n = dice(60); n > 0; n--)
		run_batch(box, m);
	check_all(box, m);
	switch (dice(5)) {
	case 0:
		CHECK_EQ(catalog_checkpoint(box->c), 0);
		break;
	case 1:
		CHECK_EQ(box_stop(box), 0);
		CHECK_EQ(box_open(box), 0);
		CHECK(box->report.clean);
		break;
	case 2:
		run_in_child(box, m);
		CHECK_EQ(box_open(box), 0);
		break;
	case 3:
		CHECK_EQ(box_reopen(box), 0);
		if (dice(2))
			CHECK_EQ(catalog_start(box->c), 0);
		break;
	default:
		break;
	}
	if (!box->c) {
		fprintf(stderr, "open: %s\n", box->why ? box->why : "?");
		exit(1);
	}
	check_all(box, m);
}

int main(int argc, char **argv)
{
	struct model *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct box box;

	dice_state = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)dice_state);
	(void) fflush(stdout);
	dice_state = dice_state * 0x9e3779b97f4a7c15ull + 1;
	box_make(&box);
	CHECK_EQ(box_open(&box), 0);
	for (unsigned i = 0; i < ROUNDS && check_failures == 0; i++)
		round_of(&box, m);
	CHECK(catalog_verify(box.c, problem_fails, NULL) >= 0);
	box_free(&box);
	return check_result();
}
