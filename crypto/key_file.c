/* SPDX-License-Identifier: MIT */
/* Secrets that users keep outside the volume. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "crypto/recovery.h"
#include "crypto/volume.h"

int volume_check_recovery(const void *text, size_t len)
{
	uint8_t key[RECOVERY_KEY_SIZE];
	int r = recovery_parse(text, len, key);

	sodium_memzero(key, sizeof(key));
	return r;
}

/* A volume that survives a power cut its key file did not is lost. */
static int sync_folder_of(int dirfd, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = openat(dirfd, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int volume_make_key_file(int dirfd, const char *path, struct buf *ret_contents)
{
	_cleanup_close_ int fd = -1;
	uint8_t key[KEYRING_KEY_SIZE];
	char text[2 * KEYRING_KEY_SIZE + 1];
	int r = 0;

	fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	random_bytes(key, sizeof(key));
	sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	text[2 * KEYRING_KEY_SIZE] = '\n'; /* in place of the NUL */
	r = io_write(fd, text, sizeof(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = sync_folder_of(dirfd, path);
	if (r == 0)
		r = buf_add(ret_contents, text, sizeof(text));
	if (r < 0)
		(void) unlinkat(dirfd, path, 0);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return r;
}
