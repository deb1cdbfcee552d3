/* SPDX-License-Identifier: MIT */
#include "crypto/checksum.h"

#include <sodium.h>

void checksum_128(const struct iovec *pieces, size_t n, char ret_hex[33])
{
	crypto_generichash_state state;
	unsigned char sum[16];

	(void) crypto_generichash_init(&state, NULL, 0, sizeof(sum));
	for (size_t i = 0; i < n; i++)
		(void) crypto_generichash_update(&state, pieces[i].iov_base, pieces[i].iov_len);
	(void) crypto_generichash_final(&state, sum, sizeof(sum));
	(void) sodium_bin2hex(ret_hex, 33, sum, sizeof(sum));
}
