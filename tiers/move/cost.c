/* SPDX-License-Identifier: MIT */
#include "tiers/move/cost.h"

#include <errno.h>
#include <stdio.h>

#include "base/calendar.h"
#include "base/cleanup.h"

#define GB 1000000000u
#define PACK_BYTES (32u << 20)
#define WARM_RATIO 500
#define FETCH_BYTES (8u << 20)
#define TABLE_BYTES (64u << 10)
/* Prices, requests and bytes are cut to this, so that no sum of products overflows 128 bits. */
#define FACTOR_MAX (1ull << 60)

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static unsigned __int128 product(uint64_t a, uint64_t b)
{
	return (unsigned __int128)MIN(a, FACTOR_MAX) * MIN(b, FACTOR_MAX);
}

static uint64_t quotient(unsigned __int128 sum, uint64_t by)
{
	sum = sum / by + (sum % by != 0);
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

/* ---- traffic and money */

void traffic_add(struct traffic *t, const struct traffic *more)
{
	t->puts = add(t->puts, more->puts);
	t->gets = add(t->gets, more->gets);
	t->lists = add(t->lists, more->lists);
	t->removes = add(t->removes, more->removes);
	t->in_bytes = add(t->in_bytes, more->in_bytes);
	t->out_bytes = add(t->out_bytes, more->out_bytes);
}

uint64_t traffic_requests(const struct traffic *t)
{
	return add(add(t->puts, t->gets), add(t->lists, t->removes));
}

uint64_t cost_of(const struct prices *p, const struct traffic *t)
{
	unsigned __int128 requests = product(p->put, t->puts) + product(p->get, t->gets) + product(p->list, t->lists) +
				     product(p->remove, t->removes);

	/* Requests in thousands brought to bytes in GB, so that it is rounded once. */
	if (requests > ~(unsigned __int128)0 / 2 / (GB / 1000))
		return UINT64_MAX;
	return quotient(requests * (GB / 1000) + product(p->out_gb, t->out_bytes), GB);
}

uint64_t cost_stored(const struct prices *p, uint64_t stored_bytes)
{
	return quotient(product(p->stored_gb_month, stored_bytes), GB);
}

/* Cents, and below a cent as many digits as there are. */
char *cost_text(uint64_t millionths, const char *currency, char *ret_text, size_t size)
{
	uint64_t cents = millionths / 10000 + (millionths % 10000 >= 5000);
	const char *blank = currency && *currency ? " " : "";

	currency = currency ? currency : "";
	if (millionths > 0 && millionths < 10000)
		(void) snprintf(ret_text, size, "0.%06u%s%s", (unsigned)millionths, blank, currency);
	else
		(void) snprintf(ret_text, size, "%llu.%02u%s%s", (unsigned long long)(cents / 100),
				(unsigned)(cents % 100), blank, currency);
	return ret_text;
}

/* ---- estimates */

static uint64_t packed(const struct cost_facts *facts, uint64_t bytes)
{
	return quotient(product(bytes, facts->warm_ratio ? facts->warm_ratio : WARM_RATIO), 1000);
}

static uint64_t parts(uint64_t bytes, uint64_t part)
{
	return bytes / part + (bytes % part != 0);
}

void cost_add(struct cost_estimate *e, const struct cost_facts *facts, const struct policy_move *m)
{
	uint64_t recalled = m->to == POLICY_COLD ? 0 : packed(facts, m->bytes_from[POLICY_COLD]);
	uint64_t moved = add(add(m->bytes_from[POLICY_HOT], m->bytes_from[POLICY_WARM]), m->bytes_from[POLICY_COLD]);

	if (m->action == POLICY_STAY)
		return;
	e->moves[m->to]++;
	e->bytes[m->to] = add(e->bytes[m->to], moved);
	if (m->to == POLICY_COLD)
		e->to_bucket_bytes = add(e->to_bucket_bytes, packed(facts, moved));
	if (m->action == POLICY_REMOVE || recalled == 0)
		return;
	e->recalls.gets = add(e->recalls.gets, parts(recalled, facts->fetch_bytes ? facts->fetch_bytes : FETCH_BYTES));
	e->recalls.out_bytes = add(e->recalls.out_bytes, recalled);
}

void cost_traffic(const struct cost_estimate *e, const struct cost_facts *facts, struct traffic *ret_t)
{
	uint64_t packs = parts(e->to_bucket_bytes, facts->pack_bytes ? facts->pack_bytes : PACK_BYTES);
	uint64_t table = facts->table_bytes ? facts->table_bytes : TABLE_BYTES;

	*ret_t = (struct traffic){
		.puts = packs,
		.gets = 2 * packs,
		.in_bytes = e->to_bucket_bytes,
		.out_bytes = MIN(quotient(product(packs, table), 1), e->to_bucket_bytes),
	};
	traffic_add(ret_t, &e->recalls);
}

/* ---- caps */

static uint64_t traffic_bytes(const struct traffic *t)
{
	return add(t->in_bytes, t->out_bytes);
}

void limits_note(struct limits_used *u, const struct traffic *t, int64_t now_s)
{
	int64_t today = calendar_day(now_s);

	if (today > u->day)
		*u = (struct limits_used){ .day = today };
	u->requests = add(u->requests, traffic_requests(t));
	u->bytes = add(u->bytes, traffic_bytes(t));
}

static bool fits(uint64_t cap, uint64_t used, uint64_t more, enum limits_cause cause)
{
	uint64_t part = cause == LIMITS_RECALL ? cap : cap - cap / 10;

	return cap == 0 || more == 0 || used == 0 || add(used, more) <= part;
}

int64_t limits_wait_s(const struct limits *l, const struct limits_used *u, enum limits_cause cause,
		      const struct traffic *t, int64_t now_s)
{
	int64_t today = calendar_day(now_s);

	if (today > u->day || (fits(l->requests, u->requests, traffic_requests(t), cause) &&
			       fits(l->bytes, u->bytes, traffic_bytes(t), cause)))
		return 0;
	return (u->day + 1) * DAY_S - now_s;
}

int limits_encode(const struct limits_used *u, struct buf *ret_value)
{
	int r = buf_add_varint(ret_value, (uint64_t)u->day);

	if (r >= 0)
		r = buf_add_varint(ret_value, u->requests);
	if (r >= 0)
		r = buf_add_varint(ret_value, u->bytes);
	return r < 0 ? r : 0;
}

int limits_decode(struct reader *in, struct limits_used *ret_u)
{
	struct limits_used u = { .day = (int64_t)reader_varint(in) };

	u.requests = reader_varint(in);
	u.bytes = reader_varint(in);
	/* A day that no clock has would hold the caps forever. */
	if (in->bad || u.day < -1000000 || u.day > 4000000)
		return -EBADMSG;
	*ret_u = u;
	return 0;
}
