/* SPDX-License-Identifier: MIT */
/* A catalog's store whose pages are anything: every record that is given out lies in the file, and the walk ends. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "catalog/fault_guard.h"
#include "catalog/lmdb_salvage.h"

#define PAGE 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void visit(void *context, const void *key, size_t key_len, const void *value, size_t len, bool stale)
{
	const uint8_t *k = key, *v = value;
	uint8_t *sum = context;

	assert(key_len >= 1 && key_len <= 64);
	for (size_t i = 0; i < key_len; i++)
		*sum ^= k[i];
	for (size_t i = 0; i < len; i++)
		*sum ^= v[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("store", MFD_CLOEXEC), r;
	uint8_t sum = 0;

	assert(fd >= 0 && fault_guard_install() >= 0 && io_pwrite(fd, data, len, 0) >= 0);
	r = lmdb_salvage(fd, visit, &sum);
	/* Faults beyond the file are caught, and would be told as damage. */
	assert(len < 3 * PAGE ? r == -EBADMSG : r >= 0);
	(void) close(fd);
	return 0;
}
