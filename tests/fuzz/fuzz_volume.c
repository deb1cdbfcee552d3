/* SPDX-License-Identifier: MIT */
/* Fuzz target for volume.json: hostile text is refused with a reason, or it is a volume; and whatever opens
 * with the secrets of the known volume says what that one says, because its MAC does. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "crypto/volume_impl.h"
#include "tests/unit/known_volume.h"

DEFINE_CLEANUP(struct keyring *, keyring_free)
DEFINE_CLEANUP(struct volume *, volume_free)

static const struct keyslot_cost least = { .opslimit = 1, .memlimit = 8192 };

static void check_same(const struct volume *v)
{
	_cleanup_(volume_freep) struct volume *known = NULL;
	_cleanup_buf_ struct buf want = BUF_INIT;
	_cleanup_buf_ struct buf got = BUF_INIT;
	char *why = NULL;

	assert(volume_parse(known_volume, sizeof(known_volume) - 1, &least, &known, &why) == 0);
	assert(volume_canonical_text(known->root, &want) == 0);
	assert(volume_canonical_text(v->root, &got) == 0);
	assert(want.len == got.len && memcmp(want.data, got.data, got.len) == 0);
}

/* The passphrase is left out: a slot may ask for the memory and the time of a real one. */
static void try_secrets(const struct volume *v)
{
	const struct volume_secret secrets[] = {
		{ KEYSLOT_KEY_FILE, known_key_file, sizeof(known_key_file) - 1 },
		{ KEYSLOT_RECOVERY, known_recovery, sizeof(known_recovery) - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		_cleanup_(keyring_freep) struct keyring *k = NULL;
		int r = volume_unlock(v, &secrets[i], &k);

		assert((r == 0) == (k != NULL));
		assert(r != -EACCES || !v->foreign);
		if (r == 0)
			check_same(v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(volume_freep) struct volume *v = NULL;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ char *missing = NULL;
	int r = keyring_start();

	assert(r >= 0);
	r = volume_parse(data, len, &least, &v, &why);
	assert(r == 0 || (r == -EBADMSG && !v && why && strlen(why) > 10));
	if (r < 0)
		return 0;
	r = volume_check_features(v, &missing);
	assert((r == 0) == (missing == NULL));
	assert(v->foreign == (r == -EPROTONOSUPPORT));
	for (int kind = KEYSLOT_PASSPHRASE; kind <= KEYSLOT_RECOVERY; kind++)
		(void) volume_has_slot(v, (enum keyslot_kind)kind);
	try_secrets(v);
	return 0;
}
