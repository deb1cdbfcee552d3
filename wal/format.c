/* SPDX-License-Identifier: MIT */
#include "wal/wal_format.h"

#include <errno.h>
#include <string.h>

static const uint8_t header_magic[8] = "brainyW1";
static const uint8_t anchor_magic[8] = "brainyA1";

int wal_header_seal(const struct wal_sealer *s, void *run, const uint8_t run_header[WAL_RUN_HEADER_SIZE],
		    const struct wal_header *h, uint8_t ret_bytes[WAL_HEADER_SIZE])
{
	uint8_t body[WAL_HEADER_BODY], *p = ret_bytes;
	uint64_t nonce;
	int r;

	store_le64(body, h->generation);
	store_le64(body + 8, h->first_lsn);
	store_le64(body + 16, h->synced);
	memcpy(body + 24, &h->prior.incarnation, 16);
	store_le64(body + 40, h->prior.lsn);
	store_le64(body + 48, h->size);
	memcpy(body + 56, h->record_run, WAL_RUN_HEADER_SIZE);
	store_le32(body + 76, WAL_FORMAT);

	r = s->seal(run, h->incarnation, h->sequence, body, sizeof(body), p + 72, &nonce);
	if (r < 0)
		return r;
	memcpy(p, header_magic, 8);
	store_le32(p + 8, WAL_FORMAT);
	store_le32(p + 12, 0);
	memcpy(p + 16, &h->incarnation, 16);
	store_le64(p + 32, h->sequence);
	memcpy(p + 40, run_header, WAL_RUN_HEADER_SIZE);
	store_le32(p + 60, 0);
	store_le64(p + 64, nonce);
	return 0;
}

static int open_with_new_run(const struct wal_sealer *s, int what, const uint8_t *run_header, uint64_t nonce,
			     struct id128 incarnation, uint64_t place, const uint8_t *sealed, size_t len,
			     uint8_t *ret_plain)
{
	void *run;
	int r = s->run_open(s->context, what, run_header, &run);

	if (r < 0)
		return r;
	r = s->open(run, nonce, incarnation, place, sealed, len, ret_plain);
	s->run_free(run);
	return r;
}

int wal_header_open(const struct wal_sealer *s, const uint8_t p[WAL_HEADER_SIZE], struct wal_header *ret_h)
{
	uint8_t body[WAL_HEADER_BODY + WAL_TAG_SIZE];
	struct wal_header h;
	int r;

	if (memcmp(p, header_magic, 8) || load_le32(p + 8) != WAL_FORMAT || load_le32(p + 12) ||
	    load_le32(p + 60))
		return -EBADMSG;
	memcpy(&h.incarnation, p + 16, 16);
	h.sequence = load_le64(p + 32);
	r = open_with_new_run(s, WAL_SEAL_HEADER, p + 40, load_le64(p + 64), h.incarnation, h.sequence,
			      p + 72, WAL_HEADER_BODY + WAL_TAG_SIZE, body);
	if (r < 0)
		return r;
	h.generation = load_le64(body);
	h.first_lsn = load_le64(body + 8);
	h.synced = load_le64(body + 16);
	memcpy(&h.prior.incarnation, body + 24, 16);
	h.prior.lsn = load_le64(body + 40);
	h.size = load_le64(body + 48);
	memcpy(h.record_run, body + 56, WAL_RUN_HEADER_SIZE);
	if (load_le32(body + 76) != WAL_FORMAT || h.first_lsn == 0 || h.prior.lsn >= h.first_lsn ||
	    h.first_lsn > WAL_NUMBER_MAX || h.generation == 0 || h.generation > WAL_NUMBER_MAX)
		return -EBADMSG;
	*ret_h = h;
	return 0;
}

bool wal_frame_load(const uint8_t p[WAL_RECORD_HEADER], struct wal_frame *ret_frame)
{
	uint32_t length = load_le32(p);

	if (length != ~load_le32(p + 4) || length < WAL_RECORD_INNER + WAL_TAG_SIZE ||
	    length > WAL_RECORD_INNER + WAL_RECORD_MAX + WAL_TAG_SIZE)
		return false;
	ret_frame->length = length;
	ret_frame->lsn = load_le64(p + 8);
	ret_frame->nonce = load_le64(p + 16);
	return true;
}

int wal_record_seal(const struct wal_sealer *s, void *run, struct id128 incarnation, uint64_t lsn,
		    const struct wal_inner *inner, uint8_t *plain, size_t payload_len, uint8_t *ret_record)
{
	uint32_t length = (uint32_t)(WAL_RECORD_INNER + payload_len + WAL_TAG_SIZE);
	uint64_t nonce;
	int r;

	store_le64(plain, inner->synced);
	store_le32(plain + 8, inner->kind);
	store_le32(plain + 12, inner->plain_length);
	r = s->seal(run, incarnation, lsn, plain, WAL_RECORD_INNER + payload_len,
		    ret_record + WAL_RECORD_HEADER, &nonce);
	if (r < 0)
		return r;
	store_le64(ret_record + 8, lsn);
	store_le64(ret_record + 16, nonce);
	__atomic_store_n((uint64_t *)ret_record, htole64((uint64_t)~length << 32 | length), __ATOMIC_RELEASE);
	return 0;
}

int wal_record_open(const struct wal_sealer *s, void *run, struct id128 incarnation,
		    const struct wal_frame *f, const uint8_t *sealed, uint8_t *ret_plain,
		    struct wal_inner *ret_inner)
{
	uint32_t payload_len = f->length - WAL_RECORD_INNER - WAL_TAG_SIZE, kind;
	int r = s->open(run, f->nonce, incarnation, f->lsn, sealed, f->length, ret_plain);

	if (r < 0)
		return r;
	kind = load_le32(ret_plain + 8);
	ret_inner->synced = load_le64(ret_plain);
	ret_inner->kind = (uint8_t)kind;
	ret_inner->plain_length = load_le32(ret_plain + 12);
	if (kind & ~(uint32_t)WAL_KIND_ALL || ret_inner->plain_length > WAL_RECORD_MAX)
		return -EBADMSG;
	return kind & WAL_KIND_ZSTD || ret_inner->plain_length == payload_len ? 0 : -EBADMSG;
}

int wal_anchor_seal(const struct wal_sealer *s, struct id128 incarnation, const struct wal_anchor_body *a,
		    uint8_t p[WAL_ANCHOR_SIZE])
{
	uint8_t body[WAL_ANCHOR_BODY];
	uint64_t nonce;
	void *run;
	int r;

	store_le64(body, a->catalog_txn);
	store_le64(body + 8, a->last_lsn);
	store_le64(body + 16, a->generation);
	r = s->run_new(s->context, WAL_SEAL_ANCHOR, p + 32, &run);
	if (r < 0)
		return r;
	r = s->seal(run, incarnation, 0, body, sizeof(body), p + 64, &nonce);
	s->run_free(run);
	if (r < 0)
		return r;
	memcpy(p, anchor_magic, 8);
	store_le32(p + 8, WAL_FORMAT);
	store_le32(p + 12, 0);
	memcpy(p + 16, &incarnation, 16);
	store_le32(p + 52, 0);
	store_le64(p + 56, nonce);
	return 0;
}

int wal_anchor_open(const struct wal_sealer *s, const void *bytes, size_t len, struct wal_anchor_body *ret_a)
{
	uint8_t body[WAL_ANCHOR_BODY + WAL_TAG_SIZE];
	const uint8_t *p = bytes;
	struct id128 incarnation;
	int r;

	if (len != WAL_ANCHOR_SIZE || memcmp(p, anchor_magic, 8) || load_le32(p + 8) != WAL_FORMAT ||
	    load_le32(p + 12) || load_le32(p + 52))
		return -EBADMSG;
	memcpy(&incarnation, p + 16, 16);
	r = open_with_new_run(s, WAL_SEAL_ANCHOR, p + 32, load_le64(p + 56), incarnation, 0, p + 64,
			      WAL_ANCHOR_BODY + WAL_TAG_SIZE, body);
	if (r < 0)
		return r;
	ret_a->catalog_txn = load_le64(body);
	ret_a->last_lsn = load_le64(body + 8);
	ret_a->generation = load_le64(body + 16);
	return ret_a->generation <= WAL_NUMBER_MAX ? 0 : -EBADMSG;
}
