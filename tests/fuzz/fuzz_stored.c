/* SPDX-License-Identifier: MIT */
/* Stored records and postings: any bytes are decoded or refused, never read past their end. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "index/segment.h"
#include "index/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_stored(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct stored s;
	uint32_t number;
	char kind;

	if (stored_decode(data, len, &s) < 0)
		return;
	(void) stored_mark(&s, UINT64_MAX, &kind, &number);
	for (uint32_t i = 0; i < 3; i++)
		assert(stored_passage(&s, i) <= s.text_len);
	if (s.text_len < 1u << 20 && stored_text(&s, &text) == 0)
		assert(text.len == s.text_len);
	buf_done(&text);
}

static void check_postings(const uint8_t *data, size_t len)
{
	struct postings p = { 0 };

	if (postings_decode(data, len, 1000, &p) == 0)
		for (size_t i = 0; i < p.n; i++)
			assert(p.items[i].doc < 1000 && p.items[i].count > 0);
	postings_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	check_stored(data, len);
	check_postings(data, len);
	return 0;
}
