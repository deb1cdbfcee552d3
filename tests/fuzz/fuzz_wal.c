/* SPDX-License-Identifier: MIT */
/* Opens a folder that the input describes. The sealer hides and checks next to nothing, so that any bytes get
 * as far into replay as forged ones could; what comes out must be in order, and what was opened must open
 * again.
 *
 * Input: 1 byte of flags (1: there is an anchor, 2: read-only, 4: pwrite), 8 bytes LSN and 16 bytes
 * incarnation of the checkpoint, then pieces: u8 where (0x80: the anchor; else the segment), le32 offset,
 * le16 length, bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "tests/unit/temp_folder.h"
#include "wal/wal.h"

#define SEGMENTS     4
#define SEGMENT_SIZE (16u << 10)
#define TAG_SIZE     16
#define BOUND        4 /* bytes of the incarnation that a tag repeats */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int run_new(void *context, int what, uint8_t ret_header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	memset(ret_header, 7, WAL_RUN_HEADER_SIZE);
	*ret_run = context;
	return 0;
}

static int run_open(void *context, int what, const uint8_t header[WAL_RUN_HEADER_SIZE], void **ret_run)
{
	*ret_run = context;
	return header[0] == 7 ? 0 : -EBADMSG;
}

static void run_free(void *run)
{
}

static int seal(void *run, struct id128 incarnation, uint64_t place, const void *plain, size_t len,
		void *ret_sealed, uint64_t *ret_nonce)
{
	memmove(ret_sealed, plain, len);
	memset((uint8_t *)ret_sealed + len, 0x5a, TAG_SIZE);
	memcpy((uint8_t *)ret_sealed + len, &incarnation, BOUND);
	*ret_nonce = 1;
	return 0;
}

/* The tag names the incarnation and nothing else. */
static int open_sealed(void *run, uint64_t nonce, struct id128 incarnation, uint64_t place,
		       const void *sealed, size_t len, void *ret_plain)
{
	if (len < TAG_SIZE || memcmp((const uint8_t *)sealed + len - TAG_SIZE, &incarnation, BOUND) != 0)
		return -EBADMSG;
	memmove(ret_plain, sealed, len - TAG_SIZE);
	return 0;
}

static const char *file_name(uint8_t where, char ret_name[32])
{
	(void) snprintf(ret_name, 32, where & 0x80 ? "anchor" : "segment-%08u", where % SEGMENTS);
	return ret_name;
}

static void build_folder(int dirfd, struct reader *in, bool anchored)
{
	char name[32];

	for (uint8_t i = 0; i < SEGMENTS; i++) {
		int fd = openat(dirfd, file_name(i, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (io_write_zeros(fd, 0, SEGMENT_SIZE) < 0)
			abort();
		(void) close(fd);
	}
	while (reader_left(in) > 7) {
		uint8_t where = reader_u8(in);
		uint32_t at = reader_le32(in) % SEGMENT_SIZE, len = reader_le16(in);
		const void *bytes;
		int fd;

		len = (uint32_t)MIN((size_t)len, reader_left(in));
		bytes = reader_take(in, len);
		if (where & 0x80 && !anchored)
			continue;
		fd = openat(dirfd, file_name(where, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || io_pwrite(fd, bytes, len, at) < 0)
			abort();
		(void) close(fd);
	}
}

struct seen {
	uint64_t last;
	uint64_t sum;
};

static int on_record(void *context, uint64_t lsn, bool synced, const void *data, size_t len)
{
	struct seen *s = context;

	if (lsn != s->last + 1)
		abort();
	s->last = lsn;
	for (size_t i = 0; i < len; i++)
		s->sum += ((const uint8_t *)data)[i]; /* every byte must be there */
	return 0;
}

static int open_log(int dirfd, const struct wal_config *config, const struct wal_position *from,
		    struct wal **ret_w)
{
	struct seen seen = { .last = from->lsn };
	struct wal_replay replay = { .context = &seen, .record = on_record };
	struct wal_report report;
	int r = wal_open(dirfd, config, from, 1, &replay, &report, ret_w);

	if (r == 0 && report.last_lsn != seen.last)
		abort();
	return r;
}

/* A log that was opened takes records, and is there again afterwards. */
static void use_log(int dirfd, struct wal_config *config, const struct wal_position *from)
{
	struct iovec piece = { (void *)"again", 5 };
	struct wal *w = NULL;
	uint64_t lsn = from->lsn, last;

	if (open_log(dirfd, config, from, &w) < 0)
		return;
	last = wal_last_lsn(w);
	if (!config->read_only && last < UINT64_MAX - 2 && wal_append(w, &piece, 1, &lsn) == 0 &&
	    lsn != last + 1)
		abort();
	w = wal_close(w);
	config->read_only = true;
	if (open_log(dirfd, config, from, &w) < 0 || wal_last_lsn(w) < last)
		abort();
	(void) wal_close(w);
}

static void remove_folder(int dirfd, const char *path)
{
	char name[32];

	(void) unlinkat(dirfd, "anchor", 0);
	for (unsigned i = 0; i < 4 * SEGMENTS; i++) {
		(void) snprintf(name, sizeof(name), "segment-%08u", i);
		(void) unlinkat(dirfd, name, 0);
	}
	(void) close(dirfd);
	(void) rmdir(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader in = reader_over(data, len);
	uint8_t flags = reader_u8(&in);
	struct wal_position from = { .lsn = reader_le64(&in) };
	const void *incarnation = reader_take(&in, sizeof(from.incarnation));
	struct wal_config config = { .sealer = { NULL, run_new, run_open, run_free, seal, open_sealed },
				     .segment_size = SEGMENT_SIZE,
				     .read_only = flags & 2,
				     .no_mmap = flags & 4 };
	struct temp_folder temp;

	if (!incarnation)
		return 0;
	memcpy(&from.incarnation, incarnation, sizeof(from.incarnation));
	temp_folder_make(&temp);
	build_folder(temp.dirfd, &in, flags & 1);
	use_log(temp.dirfd, &config, &from);
	remove_folder(temp.dirfd, temp.path);
	return 0;
}
