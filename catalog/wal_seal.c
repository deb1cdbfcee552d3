/* SPDX-License-Identifier: MIT */
/* The log's sealing function. What is sealed belongs to an incarnation and a place in it. */
#include <assert.h>

#include "catalog/catalog.h"
#include "crypto/seal.h"

/* By `what` of the log's interface. */
static const enum seal_purpose purposes[] = { SEAL_WAL, SEAL_WAL_HEADER, SEAL_ANCHOR };

static_assert(WAL_RUN_HEADER_SIZE == SEAL_RUN_HEADER_SIZE, "the log stores our run headers");

static int run_new(void *context, int what, uint8_t ret_header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	struct seal_run *run;
	int r = seal_run_new(context, purposes[what], &run);

	if (r < 0)
		return r;
	seal_run_header_store(seal_run_get_header(run), ret_header);
	*ret_run = run;
	return 0;
}

static int run_open(void *context, int what, const uint8_t header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	struct seal_run_header h;
	struct seal_run *run;
	int r = seal_run_header_load(header, &h);

	if (r >= 0)
		r = seal_run_open(context, purposes[what], &h, &run);
	if (r < 0)
		return r;
	*ret_run = run;
	return 0;
}

static void run_free(void *run)
{
	seal_run_free(run);
}

static int seal(void *run, struct id128 incarnation, uint64_t place, const void *plain, size_t len,
		void *ret_sealed, uint64_t *ret_nonce)
{
	struct seal_place at = { incarnation.bytes, sizeof(incarnation.bytes), place };

	return seal_seal(run, &at, plain, len, ret_sealed, ret_nonce);
}

static int open_sealed(void *run, uint64_t nonce, struct id128 incarnation, uint64_t place, const void *sealed,
		       size_t len, void *ret_plain)
{
	struct seal_place at = { incarnation.bytes, sizeof(incarnation.bytes), place };

	return seal_open(run, nonce, &at, sealed, len, ret_plain);
}

struct wal_sealer catalog_wal_sealer(struct keyring *keys)
{
	return (struct wal_sealer){
		.context = keys,
		.run_new = run_new,
		.run_open = run_open,
		.run_free = run_free,
		.seal = seal,
		.open = open_sealed,
	};
}
