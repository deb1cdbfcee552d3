/* SPDX-License-Identifier: MIT */
/* Shared by the files about volume.json, and seams for unit tests: the functions of volume.h from text
 * instead of a file, and with another Argon2id cost, for new slots and as the least that is accepted
 * (256 MiB and half a second for each slot are too much for a test). */
#pragma once

#include "base/json.h"
#include "crypto/keyslot.h"
#include "crypto/volume.h"

#define VOLUME_SLOTS_MAX 64
#define VOLUME_MAC_SIZE 32

struct volume {
	json_t *root;             /* owned */
	struct id128 id;
	enum cipher cipher;
	unsigned format;
	bool foreign;             /* of a format or with a feature that we do not know: not parsed further */
	struct keyslot_cost cost; /* of new slots; the least that others may have */
};

int volume_new_costing(struct id128 id, enum cipher cipher, const struct volume_secret *secret,
		       const struct keyslot_cost *cost, struct buf *ret_recovery, struct volume **ret_v,
		       struct keyring **ret_k);
int volume_load_named(int dirfd, const char *name, const struct keyslot_cost *least, struct volume **ret_v,
		      char **ret_why);
int volume_load_costing(int dirfd, const struct keyslot_cost *least, struct volume **ret_v, char **ret_why);

/* ---- volume_parse.c */
int volume_parse(const void *text, size_t len, const struct keyslot_cost *least, struct volume **ret_v,
		 char **ret_why);
/* As volume.json has it. */
const char *volume_cipher_name(enum cipher cipher);

/* ---- volume_mac.c */
/* Appends the text that the MAC is taken over. */
int volume_canonical_text(const json_t *root, struct buf *ret_text);
bool volume_mac_parse(const json_t *root, uint8_t ret_mac[VOLUME_MAC_SIZE]);
/* -EBADMSG: it is another. */
int volume_mac_check(const json_t *root, const struct keyring *k);
/* A copy that ends with a fresh MAC. NULL without memory. */
json_t *volume_mac_renew(const json_t *root, const struct keyring *k);
