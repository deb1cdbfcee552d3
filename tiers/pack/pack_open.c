/* SPDX-License-Identifier: MIT */
/* A pack explains itself from its end: trailer, table, and by them all the rest. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "tiers/pack/codec.h"
#include "tiers/pack/reader_impl.h"

/* Read at once from the end: the table of 10 000 files fits, and a second request to a bucket takes longer. */
#define END_SIZE (256u << 10)
#define AHEAD    (2u << 20)

DEFINE_CLEANUP(struct pack *, pack_close)

struct pack *pack_close(struct pack *p)
{
	if (!p)
		return NULL;
	p->run = pack_run_free(p->run);
	p->opener = pack_opener_free(p->opener);
	p->dictionary = pack_dictionary_free(p->dictionary);
	table_done(&p->table);
	buf_done(&p->plain_table);
	buf_done(&p->window);
	buf_done(&p->frame);
	free(p);
	return NULL;
}

static ssize_t read_fd(void *context, uint64_t from, void *data, size_t len)
{
	return io_pread((int)(intptr_t)context, data, len, from);
}

int pack_source_fd(int fd, struct pack_source *ret_source)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_source = (struct pack_source){
		.read = read_fd,
		.context = (void *)(intptr_t)fd,
		.size = (uint64_t)st.st_size,
	};
	return 0;
}

int pack_read_source(const struct pack_source *s, uint64_t from, void *ret_data, size_t len)
{
	uint8_t *at = ret_data;

	while (len > 0) {
		ssize_t n = s->read(s->context, from, at, len);

		if (n < 0)
			return (int)n;
		if (n == 0 || (size_t)n > len)
			return -EBADMSG;
		at += n;
		from += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill_window(struct pack *p, uint32_t from, uint32_t len)
{
	void *place;
	int r;

	buf_reset(&p->window);
	r = buf_extend(&p->window, len, &place);
	if (r >= 0)
		r = pack_read_source(&p->source, from, place, len);
	if (r < 0)
		buf_reset(&p->window);
	p->window_from = from;
	return r;
}

int pack_fetch(struct pack *p, uint32_t place, uint32_t len, bool ahead, void **ret_bytes)
{
	uint64_t end = (uint64_t)p->window_from + p->window.len;
	int r = 0;

	if (place < p->window_from || (uint64_t)place + len > end) {
		uint32_t most = MIN((uint32_t)p->source.size - place, AHEAD);

		r = fill_window(p, place, ahead ? MAX(len, most) : len);
	}
	if (r >= 0)
		*ret_bytes = p->window.data + (place - p->window_from);
	return r;
}

static int open_run(struct pack *p, struct keyring *keys, const struct seal_run_header *known)
{
	uint8_t bytes[PACK_HEADER_SIZE];
	struct seal_run_header h;
	int r = 0;

	if (known) {
		h = *known;
	} else {
		r = pack_read_source(&p->source, 0, bytes, sizeof(bytes));
		if (r >= 0)
			r = pack_header_load(bytes, &h);
	}
	return r < 0 ? r : pack_run_open(keys, &h, &p->run);
}

static int open_trailer(struct pack *p)
{
	uint32_t size = (uint32_t)p->source.size, end = MIN(size, END_SIZE), place = size - PACK_TRAILER_SIZE;
	uint8_t *bytes;
	int r = fill_window(p, size - end, end);

	if (r < 0)
		return r;
	bytes = p->window.data + end - PACK_TRAILER_SIZE;
	r = pack_section_open(p->run, PACK_TRAILER, PACK_NONCE_TRAILER, 0, place, bytes, PACK_TRAILER_SIZE);
	return r < 0 ? r : pack_trailer_load(bytes, size, &p->trailer);
}

/* Opens a section and appends what it decompresses to. */
static int expand(struct pack *p, const struct pack_section *s, enum pack_kind kind, uint64_t nonce,
		  struct buf *ret_plain)
{
	void *sealed, *plain;
	int r = pack_fetch(p, s->place, s->stored_len, false, &sealed);

	if (r >= 0)
		r = pack_section_open(p->run, kind, nonce, 0, s->place, sealed, s->stored_len);
	if (r >= 0)
		r = buf_extend(ret_plain, s->plain_len, &plain);
	if (r >= 0)
		r = unpacker_expand(p->opener->unpacker, sealed, s->stored_len - SEAL_TAG_SIZE, plain,
				    s->plain_len);
	return r;
}

static int open_table(struct pack *p)
{
	uint64_t nonce = PACK_NONCE_FRAMES + (uint64_t)p->trailer.n_frames;
	int r = expand(p, &p->trailer.table, PACK_TABLE, nonce, &p->plain_table);

	buf_done(&p->window); /* what was opened in it is no longer what the pack has */
	return r < 0 ? r : table_load(p->plain_table.data, p->plain_table.len, &p->trailer, &p->table);
}

int pack_open(struct keyring *keys, const struct pack_source *source, const struct seal_run_header *known,
	      struct pack **ret_p)
{
	_cleanup_(pack_closep) struct pack *p = NULL;
	int r;

	if (source->size < PACK_HEADER_SIZE + PACK_TRAILER_SIZE || source->size > PACK_MAX)
		return -EBADMSG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->source = *source;
	p->frame_number = PACK_HOLE;
	r = pack_opener_new(&p->opener);
	if (r >= 0)
		r = open_run(p, keys, known);
	if (r >= 0)
		r = open_trailer(p);
	if (r >= 0)
		r = open_table(p);
	if (r >= 0)
		*ret_p = steal_ptr(&p);
	return r;
}

int pack_get_dictionary(struct pack *p, const struct pack_dictionary **ret_d)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	int r = 0;

	if (p->trailer.dictionary_id && !p->dictionary) {
		if (p->trailer.dictionary.plain_len > PACK_DICTIONARY_MAX)
			return -EBADMSG;
		r = expand(p, &p->trailer.dictionary, PACK_DICTIONARY, PACK_NONCE_DICTIONARY, &plain);
		buf_reset(&p->window);
		if (r >= 0)
			r = pack_dictionary_load(p->trailer.dictionary_id, plain.data, plain.len,
						 &p->dictionary);
	}
	if (r >= 0)
		*ret_d = p->dictionary;
	return r;
}

void pack_get_summary(const struct pack *p, struct pack_summary *ret_s)
{
	pack_summarize(&p->trailer, pack_run_get_header(p->run), ret_s);
}
