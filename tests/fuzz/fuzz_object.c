/* SPDX-License-Identifier: MIT */
/* What stands before the blocks of an extent object, and its description as plain bytes: sizes are possible ones, parts
 * lie in files and make up the object. The first byte says which of the two it is. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "tiers/hot/segment_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_head(const uint8_t *data, size_t len)
{
	uint8_t bytes[OBJECT_HEAD_SIZE] = { 0 };
	struct object_head h;

	memcpy(bytes, data, len < sizeof(bytes) ? len : sizeof(bytes));
	if (object_head_load(bytes, &h) < 0)
		return;
	assert(h.object_len >= 1 && h.object_len <= OBJECT_MAX);
	assert(h.front % BLOCK_SIZE == 0 && h.front >= object_tags_end(h.object_len));
	assert(object_stored_size(&h) <= OBJECT_STORED_MAX);
}

static int add(void *context, const struct object_part *p)
{
	uint64_t *total = context;

	assert(p->len > 0 && p->offset <= (uint64_t)INT64_MAX - p->len);
	*total += p->len;
	return 0;
}

static void check_parts(const uint8_t *data, size_t len)
{
	static const uint32_t lens[] = { 1, 4096, 70000, OBJECT_MAX };

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct reader in = reader_over(data, len);
		uint64_t total = 0;
		int r = object_read_parts(&in, lens[i], add, &total);

		assert(total <= lens[i] && (r < 0 || total == lens[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (*data == 'h')
		check_head(data + 1, len - 1);
	else
		check_parts(data + 1, len - 1);
	return 0;
}
