/* SPDX-License-Identifier: MIT */
/* A folder for one volume.json, the secrets that open it, and short hands. */
#pragma once

#include "crypto/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "check.h"
#include "crypto/digest.h"
#include "crypto/volume_impl.h"
#include "known_volume.h"
#include "temp_folder.h"

DEFINE_CLEANUP(struct keyring *, keyring_free)
DEFINE_CLEANUP(struct volume *, volume_free)
#define _cleanup_keys_ _cleanup_(keyring_freep)
#define _cleanup_volume_ _cleanup_(volume_freep)

static const struct keyslot_cost cheap = { .opslimit = 1, .memlimit = 8192 };

static const struct volume_secret key_file = { KEYSLOT_KEY_FILE, known_key_file, sizeof(known_key_file) - 1 };
static const struct volume_secret passphrase = { KEYSLOT_PASSPHRASE, known_passphrase,
						 sizeof(known_passphrase) - 1 };

static int dir_fd; /* of a folder of its own */

static inline void write_volume(const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(dir_fd, VOLUME_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK_EQ(io_write(fd, text, len), 0);
}

static inline void read_volume(struct buf *ret_text)
{
	buf_reset(ret_text);
	CHECK_EQ(io_read_file_at(dir_fd, VOLUME_FILE, 1u << 20, ret_text), 0);
	CHECK(buf_cstr(ret_text));
}

static inline bool same_keys(const struct keyring *a, const struct keyring *b)
{
	uint8_t x[KEYRING_EXPORT_MAX], y[KEYRING_EXPORT_MAX];
	ssize_t n = keyring_export(a, x, sizeof(x)), m = keyring_export(b, y, sizeof(y));

	return n > 0 && n == m && memcmp(x, y, (size_t)n) == 0;
}

/* Loads and unlocks what lies in the folder; the first error of both. */
static inline int open_volume(const struct volume_secret *secret, struct keyring **ret_k)
{
	_cleanup_volume_ struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	int r = volume_load_costing(dir_fd, &cheap, &v, &why);

	if (r < 0) {
		CHECK(why && strlen(why) > 5);
		return r;
	}
	return volume_unlock(v, secret, ret_k);
}

static inline int try_volume(const struct volume_secret *secret)
{
	_cleanup_keys_ struct keyring *k = NULL;

	return open_volume(secret, &k);
}

/* A fresh volume in the folder, with a key-file and a passphrase slot beside the recovery key. */
static inline struct keyring *make_volume(enum cipher cipher, struct buf *ret_recovery)
{
	_cleanup_volume_ struct volume *v = NULL;
	struct keyring *k = NULL;

	buf_reset(ret_recovery);
	CHECK_EQ(volume_new_costing(id128_random(), cipher, &key_file, &cheap, ret_recovery, &v, &k), 0);
	CHECK_EQ(volume_add_slot(v, k, &passphrase), 0);
	CHECK_EQ(volume_store(v, k, dir_fd), 0);
	return k;
}

static inline struct volume_secret recovery_secret(const struct buf *text)
{
	return (struct volume_secret){ .kind = KEYSLOT_RECOVERY, .data = text->data, .len = text->len };
}

static inline void check_opens(const struct volume_secret *secret, const struct keyring *keys)
{
	_cleanup_keys_ struct keyring *k = NULL;

	CHECK_EQ(open_volume(secret, &k), 0);
	CHECK(k && same_keys(k, keys));
}

static inline void volume_box_make(struct temp_folder *temp)
{
	temp_folder_make(temp);
	dir_fd = temp->dirfd;
}
