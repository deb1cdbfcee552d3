/* SPDX-License-Identifier: MIT */
/* volume.json: format version, volume id, cipher, feature lists and keyslots. Public by nature; it
 * ends with a MAC under the volume key, which is checked after opening.
 *
 * A keyslot wraps the volume keys under a key-encryption key that comes from a passphrase (Argon2id,
 * RFC 9106), a key file, or the recovery key. Slots come and go independently. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "crypto/keyring.h"

#define VOLUME_FORMAT 1
#define VOLUME_FILE "volume.json"
#define VOLUME_COPY "volume.json.copy" /* the same bytes: without keyslots nothing can be read */

enum keyslot_kind { KEYSLOT_PASSPHRASE, KEYSLOT_KEY_FILE, KEYSLOT_RECOVERY };

struct volume; /* a parsed volume.json */

/* The secret that a user presents. Bytes are borrowed. */
struct volume_secret {
	enum keyslot_kind kind;
	const void *data; /* passphrase without newline; contents of a key file; recovery key as printed */
	size_t len;
};

/* Makes a volume `id` in memory with one slot for `secret` and one for a fresh recovery key, whose
 * printable form is returned in ret_recovery (the caller prints it once and wipes it). `cipher` 0:
 * AES-256-GCM where the CPU has it, else XChaCha20-Poly1305. -EOPNOTSUPP: the CPU lacks AES.
 * -EINVAL: an empty passphrase, a key file of less than 16 bytes. A passphrase costs 256 MiB of memory
 * and about a second, here and in volume_unlock(). */
int volume_new(struct id128 id, enum cipher cipher, const struct volume_secret *secret,
	       struct buf *ret_recovery, struct volume **ret_v, struct keyring **ret_k);
/* One more slot, in memory: volume_store() follows. -ENOSPC: there are 64. -EINVAL as above. */
int volume_add_slot(struct volume *v, const struct keyring *k, const struct volume_secret *secret);
/* Reads volume.json. -ENOENT: none. -EBADMSG: not JSON of this shape, *ret_why says what (the caller
 * frees; untouched otherwise). A volume that volume_check_features() refuses loads, and opens with no
 * secret. */
int volume_load(int dirfd, struct volume **ret_v, char **ret_why);
/* The same, of its copy, for repair. */
int volume_load_copy(int dirfd, struct volume **ret_v, char **ret_why);
/* Have volume.json and its copy the same bytes? 1, 0 (also when one is missing), -errno. */
int volume_copies_agree(int dirfd);
/* Replaces the copy, then volume.json, durably, with a new MAC. */
int volume_store(const struct volume *v, const struct keyring *k, int dirfd);
/* What a volume needs from now on that older programs lack. */
#define VOLUME_QUOTAS "quotas"
#define VOLUME_PACKS "packs"
#define VOLUME_LABELS "labels" /* tags are stored by number, and sets follow from inodes and names (catalog/derive.h) */
#define VOLUME_USES "uses" /* inodes that say when they were used, apart from atime */
/* Adds an incompat feature to volume.json, durably, unless it is there. -EBADMSG: volume.json is damaged. */
int volume_need_feature(int dirfd, const struct keyring *k, const char *feature);
struct volume *volume_free(struct volume *v);

/* Tries `secret` on each slot of its kind once (a passphrase is not tried on key-file slots), then
 * checks the MAC. -EACCES: no keyslot accepts this key. -EBADMSG: a slot opened, the MAC did not.
 * -EPROTONOSUPPORT: volume_check_features() refuses it. -EOPNOTSUPP: the CPU lacks AES. -ENOMEM. */
int volume_unlock(const struct volume *v, const struct volume_secret *secret, struct keyring **ret_k);

struct id128 volume_id(const struct volume *v);
unsigned volume_format(const struct volume *v);
enum cipher volume_cipher(const struct volume *v);
bool volume_has_slot(const struct volume *v, enum keyslot_kind kind);

/* Checks format and feature lists against what this build knows, as ext4 does. 0: all known.
 * 1: an unknown ro_compat feature, open read-only. -EPROTONOSUPPORT: a newer format or an unknown
 * incompat feature. *ret_why, set when not 0, names it; the caller frees. */
int volume_check_features(const struct volume *v, char **ret_why);

/* Does `text` read as a recovery key at all? -EINVAL: mistyped, its checksum does not fit. */
int volume_check_recovery(const void *text, size_t len);
/* Makes a key file, durable, of mode 0600, and appends its contents (64 hex digits and a newline) to
 * *ret_contents, which the caller wipes. -EEXIST. */
int volume_make_key_file(int dirfd, const char *path, struct buf *ret_contents);
