/* SPDX-License-Identifier: MIT */
/* The bucket of the mover: it is opened when it can be, exchanged between two runs, and ours before anything changes
 * in it. */
#include <string.h>

#include "base/cleanup.h"
#include "tiers/move/meter_record.h"
#include "tiers/move/mover_impl.h"
#include "tiers/move/owner.h"

#define VERSIONS_TIMEOUT_MS 5000u

static void set_trouble(struct mover *m, int r, const struct bucket_error *why)
{
	LOCKED(&m->trouble_lock);

	m->trouble = r < 0 ? *why : (struct bucket_error){ 0 };
	if (r < 0 && !m->trouble.error)
		m->trouble.error = r;
}

void mover_get_trouble(struct mover *m, struct bucket_error *ret_why)
{
	LOCKED(&m->trouble_lock);

	*ret_why = m->trouble;
}

void mover_get_refusal(struct mover *m, struct bucket_error *ret_why)
{
	LOCKED(&m->trouble_lock);

	*ret_why = m->refusal;
}

void mover_set_refusal(struct mover *m, const struct bucket_error *why)
{
	bool refused = why->fault == BUCKET_DENIED || why->fault == BUCKET_FULL;
	LOCKED(&m->trouble_lock);

	if (refused || why->fault == BUCKET_FINE)
		m->refusal = *why;
}

/* Called with turn. */
static int attach(struct mover *m, struct bucket_error *ret_why)
{
	struct mover_bucket b = { 0 };
	int r;

	*ret_why = (struct bucket_error){ 0 };
	if (m->cold.bucket || !m->config.open_bucket)
		return 0;
	r = m->config.open_bucket(m->config.context, &b, ret_why);
	set_trouble(m, r, ret_why);
	if (r < 0 || !b.bucket)
		return r;
	m->cold = b;
	atomic_store(&m->metered, b.metered);
	m->sending = (struct sending){ .files = m->config.files, .bucket = b.bucket, .dated_keys = b.dated_keys };
	mover_use_rules(m);
	packs_set_bucket(m->config.files->packs, b.bucket);
	return 0;
}

int mover_attach(struct mover *m, struct bucket_error *ret_why)
{
	LOCKED(&m->turn);

	return attach(m, ret_why);
}

static void detach(struct mover *m)
{
	(void) mover_save_meter(m);
	packs_set_bucket(m->config.files->packs, NULL);
	m->cold = (struct mover_bucket){ 0 };
	m->sending = (struct sending){ 0 };
	m->claimed = m->tidy = false;
	atomic_store(&m->versioned, MOVER_VERSIONS_UNKNOWN);
	set_trouble(m, 0, NULL);
}

int mover_exchange_bucket(struct mover *m, void (*change)(void *context), struct bucket_error *ret_why)
{
	int r;

	mover_visit(m);
	detach(m);
	change(m->config.context);
	r = attach(m, ret_why);
	(void) pthread_mutex_unlock(&m->turn);
	return r;
}

void mover_hold_cold(struct mover *m, bool hold)
{
	mover_visit(m);
	m->held += hold ? 1 : (unsigned)-1;
	(void) pthread_mutex_unlock(&m->turn);
}

enum mover_versions mover_get_versions(struct mover *m)
{
	return (enum mover_versions)atomic_load(&m->versioned);
}

bool mover_save_meter(struct mover *m)
{
	struct bucket *b = mover_get_bucket(m);

	if (b && atomic_load(&m->metered))
		(void) meter_save(m->config.files->catalog, b);
	return b != NULL;
}

struct bucket *mover_get_bucket(struct mover *m)
{
	return packs_get_bucket(m->config.files->packs);
}

static int is_remote(void *context, const struct pack_record *p)
{
	return p->flags & PACK_REMOTE ? 1 : 0;
}

static int claim_anew(struct mover *m, const struct owner *o, unsigned flags, struct bucket_error *ret_why)
{
	int r = pack_record_foreach(m->config.files->catalog, is_remote, NULL);

	return r < 0 ? r : owner_claim(o, flags | (r > 0 ? OWNER_EXPECTED : 0), &m->mark, ret_why);
}

/* What cannot be found out is not said. */
static void ask_for_versions(struct mover *m)
{
	const struct bucket_call call = { .cause = BUCKET_OTHER, .timeout_ms = VERSIONS_TIMEOUT_MS };
	bool versioned;

	if (atomic_load(&m->versioned) == MOVER_VERSIONS_UNKNOWN && bucket_versioned(m->cold.bucket, &call, &versioned) >= 0)
		atomic_store(&m->versioned, versioned ? MOVER_VERSIONS_KEPT : MOVER_VERSIONS_NONE);
}

/* Called with turn. Each time: a copy of the volume may have come, and gone on with it. */
static int claim(struct mover *m, unsigned flags, struct bucket_error *ret_why)
{
	const struct owner o = { m->cold.bucket, m->config.files->catalog, m->cold.volume };
	int r;

	if (!m->cold.bucket)
		return 0;
	r = m->claimed ? owner_check(&o, m->mark, ret_why) : claim_anew(m, &o, flags, ret_why);
	if (r >= 0 && !m->claimed)
		ask_for_versions(m);
	/* A bucket that does not answer says nothing of its owner. */
	if (r >= 0 || owner_is_trouble(r)) {
		m->claimed = r >= 0;
		set_trouble(m, r, ret_why);
	}
	return r;
}

int mover_claim(struct mover *m, bool take_over, struct bucket_error *ret_why)
{
	int r = atomic_load(&m->interrupted) ? -EINTR : 0;

	*ret_why = (struct bucket_error){ 0 };
	mover_visit(m);
	if (r >= 0)
		r = attach(m, ret_why);
	if (r >= 0)
		r = claim(m, take_over ? OWNER_TAKE_OVER : 0, ret_why);
	(void) pthread_mutex_unlock(&m->turn);
	return r;
}

/* What an end in the middle of an upload left there. Below the prefix nobody writes but us, and we do not now. */
static int tidy_bucket(struct mover *m, struct bucket_error *ret_why)
{
	const struct bucket_call call = { .cause = BUCKET_DEMOTION, .ret_error = ret_why };
	unsigned n;
	int r = bucket_sweep(m->cold.bucket, &call, PACK_KEY_PREFIX, 0, &n);

	/* Who may not look for them may still write, and has a rule of the provider's for them. */
	m->tidy = r >= 0 || ret_why->fault == BUCKET_DENIED || ret_why->fault == BUCKET_BROKEN ||
		  ret_why->fault == BUCKET_NONSENSE;
	return m->tidy ? 0 : r;
}

void running_need_cold(struct running *rn)
{
	struct bucket_error why;
	int r = attach(rn->m, &why);

	if (r >= 0 && !rn->m->held)
		r = claim(rn->m, 0, &why);
	if (r >= 0 && rn->m->cold.bucket && !rn->m->held && !rn->m->tidy)
		r = tidy_bucket(rn->m, &why);
	if (r < 0)
		running_fail_cold(rn, r, &why);
}
