/* SPDX-License-Identifier: MIT */
/* Readers, writers, folding, checkpoints and cleaning at once. Each file is written by one thread, which
 * knows what it holds; every block says which file, place and round it belongs to, so that any reader
 * can tell a torn or foreign block. */
#include <stdatomic.h>
#include <sched.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "files_box.h"
#include "tiers/clean.h"

#define WRITERS 2
#define READERS 2
#define BLOCK 512u
#define BLOCKS 1200u

static struct files_box box;
static uint64_t inos[WRITERS];
static _Atomic bool stop;
static _Atomic unsigned long reads, deleted;

static void make_block(uint8_t *block, uint64_t file, uint64_t place, uint64_t round)
{
	for (unsigned k = 0; k < BLOCK; k += 32) {
		store_le64(block + k, file);
		store_le64(block + k + 8, place);
		store_le64(block + k + 16, round);
		store_le64(block + k + 24, file ^ place ^ round);
	}
}

/* A block of one round, or of zeros. */
static bool block_is_sound(const uint8_t *block, uint64_t file, uint64_t place)
{
	static const uint8_t zeros[BLOCK];
	uint8_t want[BLOCK];

	if (memcmp(block, zeros, BLOCK) == 0)
		return true;
	make_block(want, file, place, load_le64(block + 16));
	return memcmp(block, want, BLOCK) == 0;
}

static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void write_blocks(unsigned file, uint8_t *data, unsigned from, unsigned n, uint64_t round)
{
	struct tree_request rq = { 0 };

	for (unsigned k = 0; k < n; k++)
		make_block(data + k * BLOCK, file, from + k, round);
	CHECK_EQ(file_write(box.f, &rq, inos[file], (uint64_t)from * BLOCK, data, n * BLOCK, false, false), n * BLOCK);
}

static void *writer(void *context)
{
	unsigned file = (unsigned)(uintptr_t)context, random = file + 1;
	uint8_t *data = malloc(BLOCK * BLOCKS);
	struct inode i;

	for (uint64_t round = 1; !stop; round++) {
		unsigned from = next_random(&random) % BLOCKS, what = next_random(&random) % 20;
		unsigned n = 1 + next_random(&random) % (what < 8 ? BLOCKS : 20);
		struct tree_request rq = { 0 };

		if (what == 0)
			CHECK_EQ(file_truncate(box.f, &rq, inos[file], (uint64_t)from * BLOCK, false, &i), 0);
		else
			write_blocks(file, data, from, MIN(n, BLOCKS - from), round);
	}
	free(data);
	return NULL;
}

static void *reader(void *context)
{
	unsigned random = 100 + (unsigned)(uintptr_t)context;
	uint8_t *data = malloc(BLOCK * BLOCKS);

	while (!stop) {
		unsigned file = next_random(&random) % WRITERS, from = next_random(&random) % BLOCKS;
		unsigned n = 1 + next_random(&random) % (BLOCKS - from);
		ssize_t got = file_read(box.f, inos[file], (uint64_t)from * BLOCK, data, n * BLOCK,
					next_random(&random) % 2);

		CHECK(got >= 0 || got == -EAGAIN);
		/* One read of several blocks may see a write that is under way; a block is never torn. */
		for (unsigned k = 0; (k + 1) * BLOCK <= MAX(got, 0); k++)
			CHECK(block_is_sound(data + k * BLOCK, file, from + k));
		reads++;
	}
	free(data);
	return NULL;
}

static void *syncer(void *context)
{
	while (!stop) {
		CHECK_EQ(file_sync(box.f, catalog_last_lsn(box.c)), 0);
		sched_yield();
	}
	return NULL;
}

static void *housekeeper(void *context)
{
	while (!stop) {
		int n = clean_once(box.f);

		CHECK_EQ(catalog_checkpoint(box.c), 0);
		CHECK(n >= 0);
		deleted += (unsigned long)MAX(n, 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned ms = argc > 1 ? (unsigned)atoi(argv[1]) : 1500, n = 0;
	pthread_t threads[WRITERS + READERS + 2];

	files_box_make(&box);
	box.config.segment_size = 2 << 20;
	CHECK_EQ(files_box_open(&box), 0);
	CHECK_EQ(catalog_start(box.c), 0);
	for (unsigned k = 0; k < WRITERS; k++)
		inos[k] = files_box_new_file(&box);
	for (uintptr_t k = 0; k < WRITERS; k++)
		CHECK_EQ(pthread_create(&threads[n++], NULL, writer, (void *)k), 0);
	for (uintptr_t k = 0; k < READERS; k++)
		CHECK_EQ(pthread_create(&threads[n++], NULL, reader, (void *)k), 0);
	CHECK_EQ(pthread_create(&threads[n++], NULL, syncer, NULL), 0);
	CHECK_EQ(pthread_create(&threads[n++], NULL, housekeeper, NULL), 0);
	(void) usleep(ms * 1000);
	stop = true;
	while (n-- > 0)
		(void) pthread_join(threads[n], NULL);
	fprintf(stderr, "%lu reads, %lu segments deleted\n", reads, deleted);
	CHECK(reads > 0 && deleted > 0);
	files_box_verify(&box);
	CHECK_EQ(files_box_stop(&box), 0);
	CHECK_EQ(files_box_open(&box), 0);
	files_box_verify(&box);
	files_box_free(&box);
	return check_result();
}
