/* SPDX-License-Identifier: MIT */
#include "tiers/move/uses.h"

#include <errno.h>
#include <string.h>

bool uses_note(struct uses *u, int64_t now_ms, int64_t gap_ms)
{
	int64_t earliest;

	if (u->n > 0 && (__builtin_add_overflow(u->at_ms[0], gap_ms, &earliest) || now_ms < earliest))
		return false;
	memmove(u->at_ms + 1, u->at_ms, (USES_MAX - 1) * sizeof(u->at_ms[0]));
	u->at_ms[0] = now_ms;
	u->n += u->n < USES_MAX;
	return true;
}

unsigned uses_count(const struct uses *u, int64_t now_ms, int64_t within_ms)
{
	unsigned n = 0;
	int64_t since;

	if (__builtin_sub_overflow(now_ms, within_ms, &since))
		since = INT64_MIN;
	while (n < u->n && n < USES_MAX && u->at_ms[n] > since)
		n++;
	return n;
}

static uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

int uses_encode(const struct uses *u, struct buf *ret_value)
{
	int r = buf_add_varint(ret_value, u->n);

	for (unsigned i = 0; r >= 0 && i < u->n; i++)
		r = buf_add_varint(ret_value, i == 0 ? zigzag(u->at_ms[0]) :
						       (uint64_t)u->at_ms[i - 1] - (uint64_t)u->at_ms[i]);
	return r < 0 ? r : 0;
}

int uses_decode(struct reader *in, struct uses *ret_u)
{
	struct uses u = { 0 };
	uint64_t n = reader_varint(in);

	if (n > USES_MAX)
		return -EBADMSG;
	for (u.n = 0; u.n < n; u.n++) {
		uint64_t v = reader_varint(in);

		u.at_ms[u.n] = u.n == 0 ? unzigzag(v) : (int64_t)((uint64_t)u.at_ms[u.n - 1] - v);
		if (u.n > 0 && u.at_ms[u.n] > u.at_ms[u.n - 1])
			return -EBADMSG;
	}
	if (in->bad)
		return -EBADMSG;
	*ret_u = u;
	return 0;
}
