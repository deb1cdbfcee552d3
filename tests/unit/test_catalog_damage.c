/* SPDX-License-Identifier: MIT */
/* One place of the store's file is altered, many times over: the store is refused with a sentence, or
 * every read gives the right bytes or an error; no record vanishes that no inode vouches for; nothing
 * crashes, whether the store is checked before it is used or meanwhile; and verification says so beforehand. Arguments: a seed, a number of rounds. */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "catalog/lmdb_format.h"
#include "tests/unit/catalog_box.h"
#include "tests/unit/problems.h"

#define RECORDS 1200u
#define DATA "catalog/data.mdb"

enum outcome { FINE = 0, WRONG = 1, LOUD = 2, REFUSED = 3, UNTIDY = 4 };

static uint64_t dice_state;

static uint64_t dice(uint64_t below)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (dice_state >> 11) % below;
}

static struct key record_key(unsigned i)
{
	return box_key("IDQTM"[i % 5], i);
}

static size_t record_value(unsigned i, char ret_value[8192])
{
	size_t len = i % 97 == 0 ? 6000 : 20 + i % 200;

	memset(ret_value, 'a' + (int)(i % 26), len);
	(void) snprintf(ret_value, 16, "%u", i);
	return len;
}

static void fill(struct box *b)
{
	char value[8192];
	struct batch *batch;

	for (unsigned i = 0; i < RECORDS; i++) {
		struct key k = record_key(i);
		size_t len = record_value(i, value);

		CHECK_EQ(catalog_begin(b->c, false, &batch), 0);
		batch_put(batch, k.bytes, k.len, value, len);
		CHECK_EQ(batch_commit(batch, NULL), 0);
		if (i % 500 == 499)
			CHECK_EQ(catalog_checkpoint(b->c), 0);
	}
}

/* Vanished inodes and entries are for the sets that lie above. */
static enum outcome check_record(struct box *b, unsigned i)
{
	struct key k = record_key(i);
	_cleanup_buf_ struct buf got = BUF_INIT;
	char value[8192];
	size_t len = record_value(i, value);
	int r = catalog_get(b->c, k.bytes, k.len, &got);

	if (r == -ENOENT)
		return k.bytes[0] == 'I' || k.bytes[0] == 'D' ? LOUD : WRONG;
	if (r < 0)
		return LOUD;
	return got.len == len && memcmp(got.data, value, len) == 0 ? FINE : WRONG;
}

/* A record that does not open can be walked past: none is missed and none comes twice. */
static enum outcome check_walk(struct box *b, char letter)
{
	struct cursor *cur;
	const void *key, *value;
	size_t key_len, value_len;
	unsigned n = 0, skipped = 0;
	int r;

	if (cursor_open(b->c, &letter, 1, &cur) < 0)
		return WRONG;
	while ((r = cursor_next(cur, &key, &key_len, &value, &value_len)) == 1 ||
	       (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0)) {
		skipped += r < 0;
		n++;
	}
	cursor_close(cur);
	if (r < 0)
		return LOUD;
	if (n != RECORDS / 5 && letter != 'I' && letter != 'D')
		return WRONG;
	return skipped ? LOUD : FINE;
}

static enum outcome read_everything(struct box *b)
{
	enum outcome worst = FINE, o;

	for (unsigned i = 0; i < RECORDS; i++) {
		o = check_record(b, i);
		if (o == WRONG)
			return o;
		worst = MAX(worst, o);
	}
	for (const char *letter = "IDQTM"; *letter; letter++) {
		o = check_walk(b, *letter);
		if (o == WRONG)
			return o;
		worst = MAX(worst, o);
	}
	return worst;
}

static void write_a_little(struct box *b)
{
	for (unsigned i = 0; i < 60; i++)
		(void) box_put(b, record_key((unsigned)dice(RECORDS)), "something else, which may move pages");
	(void) catalog_checkpoint(b->c);
	for (unsigned i = 0; i < 60; i++)
		(void) box_remove(b, record_key((unsigned)dice(RECORDS)));
	(void) box_stop(b);
}

static enum outcome use(struct box *b)
{
	enum outcome o;

	b->config.check_later = dice(2);
	if (box_open(b) < 0)
		return b->why ? REFUSED : WRONG;
	if (dice(2) && catalog_start(b->c) < 0)
		return WRONG;
	o = read_everything(b);
	write_a_little(b);
	return o;
}

static enum outcome verify(struct box *b)
{
	unsigned problems = 0;
	int64_t n;

	b->config.read_only = true;
	if (box_open(b) < 0)
		return UNTIDY;
	n = catalog_verify(b->c, problem_counts, &problems);
	box_close(b);
	return n < 0 || problems > 0 ? UNTIDY : FINE;
}

/* In a process of its own; WRONG when it crashed. */
static enum outcome run(struct box *b, enum outcome (*what)(struct box *b))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void) alarm(60);
		_exit(what(b));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		fprintf(stderr, "died of signal %d\n", WTERMSIG(status));
		return WRONG;
	}
	return (enum outcome)WEXITSTATUS(status);
}

/* Places early, late and anywhere in what is not zero. */
static size_t place(const struct buf *data)
{
	size_t at = 0;

	for (unsigned i = 0; i < 50; i++) {
		switch (dice(3)) {
		case 0:
			at = dice(MIN(data->len, 8192u));
			break;
		case 1:
			at = data->len - 1 - dice(64);
			break;
		default:
			at = dice(data->len);
			break;
		}
		if (data->data[at])
			break;
	}
	return at;
}

/* Among the nodes of the first branch page behind `page`, where there is one: their keys say where look-ups go. */
static size_t place_in_branch(const struct buf *data, size_t page)
{
	size_t pages = data->len / 4096;

	for (size_t i = 1; i <= pages; i++) {
		size_t at = (page / 4096 + i) % pages * 4096;
		const struct lmdb_page *p = (const void *)(data->data + at);

		if (p->flags == LMDB_BRANCH && p->upper < 4096)
			return at + p->upper + dice(4096u - p->upper);
	}
	return page;
}

static const char *mutate(struct buf *data, size_t *ret_at)
{
	size_t at = *ret_at = place(data), page = at / 4096 * 4096;
	size_t other = dice(data->len / 4096) * 4096;
	uint8_t kept[4096];

	switch (dice(24)) {
	case 0:
	case 1:
		memset(data->data + page, 0, MIN(data->len - page, 4096u));
		return "zero";
	case 2:
	case 3:
		memcpy(kept, data->data + page, 4096);
		memcpy(data->data + page, data->data + other, 4096);
		memcpy(data->data + other, kept, 4096);
		return "swap";
	case 4:
		memcpy(data->data + page, data->data + other, 4096);
		return "copy";
	case 5:
		data->len = at;
		return "cut";
	case 6:
	case 7:
	case 8:
	case 9:
		*ret_at = at = place_in_branch(data, page);
		data->data[at] ^= (uint8_t)(1u << dice(8));
		return "flip in a branch";
	default:
		data->data[at] ^= (uint8_t)(1u << dice(8));
		return "flip";
	}
}

static void write_file(struct box *b, const struct buf *data)
{
	_cleanup_close_ int fd = openat(b->temp.dirfd, DATA, O_WRONLY | O_TRUNC | O_CLOEXEC);

	CHECK(fd >= 0 && io_write(fd, data->data, data->len) == 0);
}

static void round_of(struct box *b, const struct buf *pristine, unsigned outcomes[5])
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	enum outcome o, verified;
	const char *what;
	size_t at;

	box_shell(b, "rm -rf $V/catalog $V/wal && cp -a $V-kept/. $V");
	(void) buf_add(&data, pristine->data, pristine->len);
	what = mutate(&data, &at);
	write_file(b, &data);
	verified = run(b, verify);
	o = run(b, use);
	if (o == WRONG || verified == WRONG || (o != FINE && verified == FINE)) {
		fprintf(stderr, "%s at %zu: use gave %d, verification %d\n", what, at, o, verified);
		check_failures++;
	}
	outcomes[o]++;
}

/* The file is cut while it is open: what is gone is an error, and nothing dies. */
static enum outcome use_while_cut(struct box *b)
{
	struct catalog_stats stats;
	unsigned errors = 0;

	if (box_open(b) < 0)
		return WRONG;
	box_shell(b, "truncate -s 16384 $V/" DATA);
	for (unsigned i = 0; i < RECORDS; i++)
		errors += check_record(b, i) == LOUD;
	if (errors < RECORDS / 2)
		return WRONG;
	for (unsigned i = 0; i < RECORDS; i += 3)
		(void) box_put(b, record_key(i), "into pages that are not there");
	if (catalog_checkpoint(b->c) >= 0)
		return WRONG;
	catalog_get_stats(b->c, &stats);
	box_close(b);
	return stats.failed ? LOUD : WRONG;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 150, outcomes[5] = { 0 };
	_cleanup_buf_ struct buf pristine = BUF_INIT;
	struct box b;

	printf("seed %llu\n", (unsigned long long)seed);
	(void) fflush(stdout);
	dice_state = seed * 0x9e3779b97f4a7c15ull + 1;
	box_make(&b);
	CHECK_EQ(box_open(&b), 0);
	fill(&b);
	CHECK_EQ(box_stop(&b), 0);
	box_shell(&b, "cp -a $V $V-kept");
	CHECK_EQ(io_read_file_at(b.temp.dirfd, DATA, 64 << 20, &pristine), 0);
	CHECK_EQ(run(&b, verify), FINE);
	for (unsigned i = 0; i < rounds; i++)
		round_of(&b, &pristine, outcomes);
	box_shell(&b, "rm -rf $V/catalog $V/wal && cp -a $V-kept/. $V");
	CHECK_EQ(run(&b, use_while_cut), LOUD);
	printf("%zu bytes, %u rounds: %u without effect, %u with errors, %u refused\n", pristine.len, rounds,
	       outcomes[FINE], outcomes[LOUD], outcomes[REFUSED]);
	box_shell(&b, "rm -rf $V-kept");
	box_free(&b);
	return check_result();
}
