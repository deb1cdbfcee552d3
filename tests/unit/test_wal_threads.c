/* SPDX-License-Identifier: MIT */
/* Many threads append, sync and read figures while another releases. Meant for TSan too. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/fakes/walbox.h"
#include "tests/unit/check.h"

#define THREADS 6
#define ROUNDS  300

static struct walbox box;
static uint64_t seen[THREADS * ROUNDS + 1];
static unsigned data_syncs;

static int sync_data(void *context, uint64_t lsn)
{
	data_syncs++; /* leaders take turns, so that this needs no lock */
	return 0;
}

static void *appender(void *context)
{
	char text[2000];
	struct iovec piece = { text, sizeof(text) };

	memset(text, 't', sizeof(text));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t lsn = 0;

		piece.iov_len = 16 + i % 1900;
		CHECK_EQ(wal_append(box.wal, &piece, 1, &lsn), 0);
		CHECK_EQ(__atomic_fetch_add(&seen[lsn], 1, __ATOMIC_RELAXED), 0);
		if (i % 3 == 0) {
			CHECK_EQ(wal_sync(box.wal, lsn), 0);
			CHECK(wal_synced_lsn(box.wal) >= lsn);
		}
	}
	return NULL;
}

static void *releaser(void *context)
{
	const int *stop = context;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		uint64_t synced = wal_synced_lsn(box.wal);

		wal_release(box.wal, synced);
		(void) wal_used_bytes(box.wal);
		(void) wal_segment_count(box.wal);
		(void) wal_last_sync_us(box.wal);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS], release;
	int stop = 0;

	walbox_init(&box);
	box.config.segments_max = 64;
	box.config.sync_data = sync_data;
	CHECK_EQ(walbox_open(&box), 0);
	CHECK_EQ(pthread_create(&release, NULL, releaser, &stop), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, appender, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	CHECK_EQ(pthread_join(release, NULL), 0);

	CHECK_EQ(wal_last_lsn(box.wal), THREADS * ROUNDS);
	for (unsigned i = 1; i <= THREADS * ROUNDS; i++)
		CHECK_EQ(seen[i], 1);
	CHECK(data_syncs <= THREADS * ROUNDS / 3);
	CHECK_EQ(walbox_stop(&box), 0);
	CHECK_EQ(walbox_open(&box), 0);
	CHECK(box.report.clean);
	CHECK_EQ(box.report.last_lsn, THREADS * ROUNDS);
	walbox_done(&box);
	return check_result();
}
