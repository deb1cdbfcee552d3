/* SPDX-License-Identifier: MIT */
#include "tiers/hot/segment_format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

static const uint8_t magic[4] = { 'B', 'X', 'T', '1' };

void object_head_store(struct object_head *h, uint8_t ret_bytes[OBJECT_HEAD_SIZE])
{
	uint32_t end = object_tags_end(h->object_len) + h->description_len;

	h->front = (end + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
	memcpy(ret_bytes, magic, sizeof(magic));
	store_le32(ret_bytes + 4, h->front);
	seal_run_header_store(&h->run, ret_bytes + 8);
	store_le32(ret_bytes + 28, h->object_len);
	store_le32(ret_bytes + 32, h->description_len);
	store_le32(ret_bytes + 36, 0);
}

int object_head_load(const uint8_t bytes[OBJECT_HEAD_SIZE], struct object_head *ret_h)
{
	struct object_head h = {
		.front = load_le32(bytes + 4),
		.object_len = load_le32(bytes + 28),
		.description_len = load_le32(bytes + 32),
	};
	int r;

	if (memcmp(bytes, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	r = seal_run_header_load(bytes + 8, &h.run);
	if (r < 0)
		return r;
	if (h.object_len == 0 || h.object_len > OBJECT_MAX || h.description_len > OBJECT_DESCRIPTION_MAX)
		return -EBADMSG;
	if (h.front % BLOCK_SIZE != 0 || h.front > OBJECT_FRONT_MAX ||
	    h.front < object_tags_end(h.object_len) + h.description_len)
		return -EBADMSG;
	*ret_h = h;
	return 0;
}

int object_describe(const struct object_part *parts, size_t n, struct buf *ret_description)
{
	int r = buf_add_varint(ret_description, n);

	for (size_t k = 0; r >= 0 && k < n; k++) {
		r = buf_add_varint(ret_description, parts[k].ino);
		if (r >= 0)
			r = buf_add_varint(ret_description, parts[k].offset);
		if (r >= 0)
			r = buf_add_varint(ret_description, parts[k].len);
	}
	return r < 0 ? r : 0;
}

char *segment_name(uint64_t number, char ret_name[SEGMENT_NAME_SIZE])
{
	(void) snprintf(ret_name, SEGMENT_NAME_SIZE, "%08" PRIx64 ".seg", number);
	return ret_name;
}

int segment_parse_name(const char *name, uint64_t *ret_number)
{
	char again[SEGMENT_NAME_SIZE];
	uint64_t number;

	if (sscanf(name, "%16" SCNx64 ".seg", &number) != 1 || strcmp(segment_name(number, again), name) != 0)
		return -EINVAL;
	*ret_number = number;
	return 0;
}
