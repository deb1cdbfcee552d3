/* SPDX-License-Identifier: MIT */
#include "crypto/nonce_log.h"

#ifdef BRAINY_NONCE_LOG

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_fd = -1;

static void open_log(void)
{
	const char *path = getenv("BRAINY_NONCE_LOG");

	if (path)
		log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (path && log_fd < 0)
		abort(); /* a log with gaps proves nothing */
}

struct id128 nonce_log_name(const uint8_t subkey[32])
{
	struct id128 name;

	(void) crypto_generichash_blake2b(name.bytes, sizeof(name.bytes), subkey, 32, NULL, 0);
	return name;
}

/* One write(2) with O_APPEND: whole in the file even when other processes append. A record never crosses the end of a page,
 * between two of which a process that is killed leaves off. */
void nonce_log_add(struct id128 name, uint64_t nonce)
{
	uint8_t line[32] = { 0 };

	(void) pthread_once(&once, open_log);
	if (log_fd < 0)
		return;
	memcpy(line, name.bytes, 16);
	store_le64(line + 16, nonce);
	if (write(log_fd, line, sizeof(line)) != (ssize_t)sizeof(line))
		abort();
}

#else

typedef int nonce_log_off; /* ISO C wants a declaration in every file */

#endif
