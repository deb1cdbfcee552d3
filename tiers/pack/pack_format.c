/* SPDX-License-Identifier: MIT */
#include "tiers/pack/pack_format.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

void pack_header_store(const struct seal_run_header *h, uint8_t ret_bytes[PACK_HEADER_SIZE])
{
	memcpy(ret_bytes, PACK_MAGIC, 4);
	seal_run_header_store(h, ret_bytes + 4);
}

int pack_header_load(const uint8_t bytes[PACK_HEADER_SIZE], struct seal_run_header *ret_h)
{
	return memcmp(bytes, PACK_MAGIC, 4) == 0 ? seal_run_header_load(bytes + 4, ret_h) : -EBADMSG;
}

static void section_store(const struct pack_section *s, uint8_t *ret_bytes)
{
	store_le32(ret_bytes, s->place);
	store_le32(ret_bytes + 4, s->stored_len);
	store_le32(ret_bytes + 8, s->plain_len);
}

static struct pack_section section_load(const uint8_t *bytes)
{
	return (struct pack_section){ load_le32(bytes), load_le32(bytes + 4), load_le32(bytes + 8) };
}

void pack_trailer_store(const struct pack_trailer *t, uint8_t ret_bytes[PACK_TRAILER_PLAIN])
{
	store_le32(ret_bytes, PACK_FORMAT);
	store_le32(ret_bytes + 4, t->size);
	section_store(&t->table, ret_bytes + 8);
	store_le32(ret_bytes + 20, t->n_frames);
	store_le32(ret_bytes + 24, t->n_files);
	store_le32(ret_bytes + 28, t->n_directories);
	store_le64(ret_bytes + 32, t->plain_bytes);
	store_le64(ret_bytes + 40, t->lsn);
	store_le64(ret_bytes + 48, t->created_ns);
	store_le32(ret_bytes + 56, (uint32_t)t->first_day);
	store_le32(ret_bytes + 60, (uint32_t)t->last_day);
	store_le64(ret_bytes + 64, t->dictionary_id);
	section_store(&t->dictionary, ret_bytes + 72);
	store_le64(ret_bytes + 84, t->number);
}

/* Inside what lies before the table. */
static int check_dictionary(const struct pack_trailer *t)
{
	const struct pack_section *d = &t->dictionary;

	if (t->dictionary_id == 0)
		return d->place == 0 && d->stored_len == 0 && d->plain_len == 0 ? 0 : -EBADMSG;
	if (d->place < PACK_HEADER_SIZE || d->place > t->table.place ||
	    d->stored_len > t->table.place - d->place)
		return -EBADMSG;
	return d->stored_len > SEAL_TAG_SIZE ? 0 : -EBADMSG;
}

static int check_places(const struct pack_trailer *t, uint64_t size)
{
	const struct pack_section *table = &t->table;

	if (size < PACK_HEADER_SIZE + PACK_TRAILER_SIZE || size > PACK_MAX || t->size != size)
		return -EBADMSG;
	if (table->place < PACK_HEADER_SIZE || table->place > size - PACK_TRAILER_SIZE ||
	    table->stored_len != size - PACK_TRAILER_SIZE - table->place)
		return -EBADMSG;
	if (table->stored_len <= SEAL_TAG_SIZE || table->plain_len > PACK_TABLE_MAX)
		return -EBADMSG;
	return t->first_day <= t->last_day ? check_dictionary(t) : -EBADMSG;
}

int pack_trailer_load(const uint8_t bytes[PACK_TRAILER_PLAIN], uint64_t size, struct pack_trailer *ret_t)
{
	struct pack_trailer t = {
		.size = load_le32(bytes + 4),
		.table = section_load(bytes + 8),
		.n_frames = load_le32(bytes + 20),
		.n_files = load_le32(bytes + 24),
		.n_directories = load_le32(bytes + 28),
		.plain_bytes = load_le64(bytes + 32),
		.lsn = load_le64(bytes + 40),
		.created_ns = load_le64(bytes + 48),
		.first_day = (int32_t)load_le32(bytes + 56),
		.last_day = (int32_t)load_le32(bytes + 60),
		.dictionary_id = load_le64(bytes + 64),
		.dictionary = section_load(bytes + 72),
		.number = load_le64(bytes + 84),
	};
	int r = check_places(&t, size);

	if (load_le32(bytes) != PACK_FORMAT || r < 0)
		return -EBADMSG;
	*ret_t = t;
	return 0;
}

void pack_summarize(const struct pack_trailer *t, const struct seal_run_header *h, struct pack_summary *ret_s)
{
	*ret_s = (struct pack_summary){
		.run = *h,
		.number = t->number,
		.lsn = t->lsn,
		.created_ns = t->created_ns,
		.first_day = t->first_day,
		.last_day = t->last_day,
		.stored_size = t->size,
		.plain_bytes = t->plain_bytes,
		.n_frames = t->n_frames,
		.n_files = t->n_files,
		.n_directories = t->n_directories,
		.table_stored = t->table.stored_len,
		.table_plain = t->table.plain_len,
		.dictionary_id = t->dictionary_id,
		.dictionary_stored = t->dictionary.stored_len,
	};
}

void pack_bind(struct id128 pack, enum pack_kind kind, uint64_t dictionary_id, uint32_t place,
	       struct pack_bound *ret_b)
{
	memcpy(ret_b->object, pack.bytes, sizeof(pack.bytes));
	ret_b->object[16] = (uint8_t)kind;
	store_le64(ret_b->object + 17, dictionary_id);
	ret_b->at = (struct seal_place){
		.object = ret_b->object,
		.object_len = dictionary_id ? 25 : 17,
		.place = place,
	};
}

uint64_t pack_frame_binding(uint32_t plain_len, uint64_t dictionary_id)
{
	return plain_len < PACK_DICTIONARY_BELOW ? dictionary_id : 0;
}

bool pack_name_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > PACK_NAME_MAX || memchr(name, '/', len) || memchr(name, '\0', len))
		return false;
	return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}
