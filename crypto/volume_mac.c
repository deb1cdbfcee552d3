/* SPDX-License-Identifier: MIT */
/* The MAC of volume.json is taken over the document without "mac", written without spaces and with sorted
 * keys. volume_parse.c accepts only documents for which that is one text and not several. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/cleanup.h"
#include "crypto/digest.h"
#include "crypto/volume_impl.h"

int volume_canonical_text(const json_t *root, struct buf *ret_text)
{
	_cleanup_json_ json_t *bare = json_copy((json_t *)(uintptr_t)root);
	_cleanup_free_ char *text = NULL;

	if (!bare)
		return -ENOMEM;
	(void) json_object_del(bare, "mac");
	text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? buf_add_str(ret_text, text) : -ENOMEM;
}

static int compute_mac(const json_t *root, const struct keyring *k, uint8_t ret_mac[VOLUME_MAC_SIZE])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct iovec piece;
	int r = volume_canonical_text(root, &text);

	if (r < 0)
		return r;
	piece = (struct iovec){ .iov_base = text.data, .iov_len = text.len };
	digest_256(k, DIGEST_VOLUME, &piece, 1, ret_mac);
	return 0;
}

bool volume_mac_parse(const json_t *root, uint8_t ret_mac[VOLUME_MAC_SIZE])
{
	const char *hex = json_string_value(json_object_get(root, "mac"));
	const char *end;
	size_t len;

	return hex && sodium_hex2bin(ret_mac, VOLUME_MAC_SIZE, hex, strlen(hex), NULL, &len, &end) == 0 &&
	       *end == '\0' && len == VOLUME_MAC_SIZE;
}

int volume_mac_check(const json_t *root, const struct keyring *k)
{
	uint8_t want[VOLUME_MAC_SIZE], got[VOLUME_MAC_SIZE];
	int r;

	if (!volume_mac_parse(root, got))
		return -EBADMSG;
	r = compute_mac(root, k, want);
	if (r < 0)
		return r;
	return sodium_memcmp(want, got, VOLUME_MAC_SIZE) == 0 ? 0 : -EBADMSG;
}

json_t *volume_mac_renew(const json_t *root, const struct keyring *k)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)root);
	char hex[2 * VOLUME_MAC_SIZE + 1];
	uint8_t mac[VOLUME_MAC_SIZE];

	if (!copy)
		return NULL;
	(void) json_object_del(copy, "mac");
	if (compute_mac(copy, k, mac) == 0) {
		sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
		if (json_object_set_new(copy, "mac", json_string(hex)) == 0)
			return copy;
	}
	json_decref(copy);
	return NULL;
}
