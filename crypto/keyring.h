/* SPDX-License-Identifier: MIT */
/* The opened keys of a volume: the volume key of each epoch, in locked memory, and what is derived
 * from them. Made by volume_open_*() or from a keeper's bytes. Thread-safe after creation. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/id.h"
#include "crypto/seal.h"

#define KEYRING_KEY_SIZE 32
#define KEYRING_EPOCHS_MAX 64

/* `keys`: `n` volume keys of KEYRING_KEY_SIZE bytes, of epochs 1 to n; copied. -ENOMEM, also when
 * memory cannot be locked (RLIMIT_MEMLOCK). -EOPNOTSUPP: the cipher needs AES in the CPU. */
int keyring_new(struct id128 volume_id, enum cipher cipher, const uint8_t *keys, size_t n,
		struct keyring **ret_k);
/* Wipes the keys. */
struct keyring *keyring_free(struct keyring *k);

struct id128 keyring_volume_id(const struct keyring *k);
enum cipher keyring_cipher(const struct keyring *k);
uint16_t keyring_epoch(const struct keyring *k);

/* For the hand-over between keeper and server: at most KEYRING_EXPORT_MAX bytes, which the caller
 * wipes. Returns the length, or -ENOSPC. Import: -EBADMSG when the bytes are no export. */
#define KEYRING_EXPORT_MAX 2560
ssize_t keyring_export(const struct keyring *k, uint8_t *ret_bytes, size_t size);
int keyring_import(const uint8_t *bytes, size_t len, struct keyring **ret_k);

/* Called once at the start of each process: libsodium, RLIMIT_CORE 0, PR_SET_DUMPABLE 0. (The last
 * makes /proc/self root's: open what is needed there before.) */
int keyring_start(void);

/* Overwrites secrets with zeros in a way that no compiler drops. */
void keyring_wipe(void *data, size_t len);
