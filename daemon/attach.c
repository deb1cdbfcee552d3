/* SPDX-License-Identifier: MIT */
#include "daemon/attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/cold.h"
#include "daemon/config_edit.h"
#include "daemon/reload.h"
#include "tiers/move/inventory.h"
#include "tiers/move/owner.h"
#include "tiers/move/send.h"
#include "tiers/s3/probe.h"

#define SECTION "cold"
#define CHANGES_MAX 16u

struct attaching {
	struct server *s;
	char *words;             /* owned; the changes point into it */
	struct config_change changes[CHANGES_MAX];
	size_t n;
	bool take_over;
	struct buf before, text; /* of brainy.conf */
	struct config config;    /* what `text` says */
	struct bucket *bucket;   /* owned; NULL: none */
	struct buf found;        /* lines for the user */
	struct bucket_error why; /* the reason of a failure, if it has one; else .. */
	char *text_why;          /* .. owned; of brainy.conf */
};

static void attaching_done(struct attaching *a)
{
	free(a->words);
	buf_done(&a->before);
	buf_done(&a->text);
	buf_done(&a->found);
	config_done(&a->config);
	a->bucket = bucket_free(a->bucket);
	free(a->text_why);
}

__attribute__((format(printf, 3, 4))) static int refuse(struct attaching *a, int error, const char *format,
							...)
{
	va_list args;

	va_start(args, format);
	(void) vsnprintf(a->why.text, sizeof(a->why.text), format, args);
	va_end(args);
	a->why.error = error;
	return error;
}

/* ---- brainy.conf */

/* The last of several holds. */
static int add_change(struct attaching *a, const char *key, const char *value)
{
	size_t k = 0;

	while (k < a->n && strcmp(a->changes[k].key, key) != 0)
		k++;
	if (k == CHANGES_MAX)
		return refuse(a, -E2BIG, "too many settings");
	a->changes[k] = (struct config_change){ key, *value ? value : NULL };
	a->n = MAX(a->n, k + 1);
	return 0;
}

static int take_word(struct attaching *a, char *word)
{
	char *equals = strchr(word, '=');

	if (strcmp(word, "take-over") == 0) {
		a->take_over = true;
		return 0;
	}
	if (!equals || equals == word)
		return refuse(
			a, -EINVAL,
			"'cold attach URL' is wanted, then, each behind a tab, KEY=VALUE and take-over");
	*equals = '\0';
	return add_change(a, word, equals + 1);
}

static int take_words(struct attaching *a, const char *arguments)
{
	char *rest, *url, *word;
	int r;

	a->words = rest = strdup(arguments);
	if (!rest)
		return -ENOMEM;
	url = strsep(&rest, "\t");
	if (!*url)
		return refuse(a, -EINVAL, "a URL is wanted: s3://bucket/prefix or file:///folder");
	r = add_change(a, "url", url);
	while (r == 0 && (word = strsep(&rest, "\t")) != NULL)
		r = take_word(a, word);
	return r;
}

static int edit_config(struct attaching *a)
{
	int r = reload_get_text(a->s->reload, &a->before, &a->text_why);

	if (r == 0)
		r = config_edit(a->before.data, a->before.len, SECTION, a->changes, a->n, &a->text);
	if (r == -EINVAL && !a->text_why)
		return refuse(
			a, r,
			"a value has a blank at its end, a control character, or a semicolon after a blank");
	return r < 0 ? r
		     : config_parse("brainy.conf as it would be", a->text.data, a->text.len, &a->config,
				    &a->text_why);
}

/* ---- what the bucket is like */

static int open_bucket(struct attaching *a)
{
	int r = cold_open(&a->config, &a->bucket, &a->why);

	if (r == 0 && !a->bucket)
		return refuse(a, -EINVAL, "there is no url in [cold]");
	return r;
}

static int found(struct attaching *a, const char *what, const struct bucket_error *e)
{
	return buf_addf(&a->found, "%-16s %s%s\n", what, e->error < 0 ? "fails: " : "works",
			e->error < 0 ? e->text : "");
}

/* When nothing answers, the other questions need not be asked. */
static int look_at_owner(struct attaching *a, uint64_t packs)
{
	const struct owner o = { a->bucket, a->s->stack.catalog, keyring_volume_id(a->s->keys) };
	int r = owner_look(&o, (packs ? OWNER_EXPECTED : 0) | (a->take_over ? OWNER_TAKE_OVER : 0), &a->why);

	return r == -EACCES ? 0 : r;
}

static int try_out(struct attaching *a)
{
	struct probe_result results[PROBE_STEPS];
	int error = bucket_probe(a->bucket, results), r = 0;

	for (unsigned k = 0; r >= 0 && k < PROBE_STEPS; k++)
		if (results[k].tried)
			r = found(a, probe_step_name(k), &results[k].error);
	for (unsigned k = 0; error < 0 && k < PROBE_STEPS; k++)
		if (k != PROBE_CONDITION && results[k].error.error < 0)
			return refuse(a, error, "the bucket does not do what is needed: %s: %.250s",
				      probe_step_name(k), results[k].error.text);
	if (r >= 0 && results[PROBE_CONDITION].error.error < 0)
		r = buf_add_str(
			&a->found,
			"                 so two mounts that attach it in the same moment may not notice "
			"each other\n");
	return r;
}

static int tell_versions(struct attaching *a)
{
	struct bucket_error why = { 0 };
	const struct bucket_call call = { .timeout_ms = 10000, .ret_error = &why };
	bool versioned;

	if (bucket_versioned(a->bucket, &call, &versioned) < 0)
		return buf_addf(&a->found, "%-16s not known: %s\n", "old versions", why.text);
	return buf_addf(
		&a->found, "%-16s %s\n", "old versions",
		versioned
			? "are kept: what is deleted costs on, until a lifecycle rule of the bucket removes it"
			: "are not kept");
}

static int compare_packs(struct attaching *a)
{
	struct inventory i;
	int r = inventory_take(a->s->stack.catalog, a->bucket, &i, &a->why);

	if (r < 0)
		return r;
	r = buf_addf(&a->found, "%-16s %llu of %llu are there\n", "packs",
		     (unsigned long long)(i.packs - i.missing - i.altered), (unsigned long long)i.packs);
	if (r < 0 || i.missing + i.altered == 0)
		return r;
	return refuse(
		a, -ENOENT,
		"%llu of the %llu packs of this volume are missing there, and %llu have another size (the "
		"first is %s): copy all objects below the prefix, then try again",
		(unsigned long long)i.missing, (unsigned long long)i.packs, (unsigned long long)i.altered,
		i.first_key);
}

static int examine(struct attaching *a)
{
	struct inventory i;
	int r = inventory_count(a->s->stack.catalog, &i);

	if (r >= 0)
		r = open_bucket(a);
	if (r >= 0)
		r = look_at_owner(a, i.packs);
	if (r >= 0)
		r = try_out(a);
	if (r >= 0)
		r = tell_versions(a);
	return r < 0 || i.packs == 0 ? r : compare_packs(a);
}

/* ---- taking it */

static int take(struct attaching *a)
{
	_cleanup_free_ char *lost = NULL;
	int r = reload_replace(a->s->reload, &a->before, &a->text, &a->text_why);

	if (r == -ESTALE)
		return refuse(a, r, "brainy.conf was changed meanwhile: try again");
	if (r < 0)
		return r;
	r = mover_claim(a->s->stack.mover, a->take_over, &a->why);
	if (r < 0)
		(void) reload_replace(a->s->reload, &a->text, &a->before, &lost);
	return r;
}

static int attach(struct attaching *a)
{
	int r;

	mover_hold_cold(a->s->stack.mover, true);
	r = edit_config(a);
	if (r >= 0)
		r = examine(a);
	if (r >= 0)
		r = take(a);
	mover_hold_cold(a->s->stack.mover, false);
	return r;
}

static int check_server(struct attaching *a)
{
	if (a->s->read_only)
		return refuse(a, -EROFS, "the mount is read-only");
	return a->s->reload ? 0 : -ESHUTDOWN;
}

static int answer(struct attaching *a, int error, const char *done, struct buf *ret_answer)
{
	const char *why = a->text_why ? a->text_why : a->why.text[0] ? a->why.text : strerrordesc_np(-error);
	int r = error < 0 ? buf_addf(ret_answer, "error: %s\n", why) : buf_addf(ret_answer, "ok %s\n", done);

	return r < 0 || a->found.len == 0 ? r : buf_add(ret_answer, a->found.data, a->found.len);
}

int attach_bucket(struct server *s, const char *arguments, struct buf *ret_answer)
{
	_cleanup_(attaching_done) struct attaching a = { .s = s };
	char done[256];
	int r = check_server(&a);

	if (r >= 0)
		r = take_words(&a, arguments);
	if (r >= 0)
		r = attach(&a);
	(void) snprintf(done, sizeof(done), "attached %.200s", a.n ? a.changes[0].value : "");
	return answer(&a, r, done, ret_answer);
}

/* ---- detaching */

static int check_empty(struct attaching *a)
{
	struct inventory i;
	int r = inventory_count(a->s->stack.catalog, &i);

	if (r >= 0 && i.packs > 0)
		return refuse(a, -ENOTEMPTY,
			      "%llu packs lie in the bucket: 'brainy tier DIR hot' and 'brainy tier run MNT' "
			      "bring the files back; then 'brainy compact MNT'",
			      (unsigned long long)i.packs);
	if (r >= 0)
		r = pack_may_be_left(a->s->stack.catalog);
	if (r > 0)
		return refuse(a, -ENOTEMPTY,
			      "objects in the bucket still wait to be deleted, for grace_hours of [cold]; "
			      "'brainy tier run MNT --now +30d' deletes them at once");
	return r;
}

/* An object that is not ours stays. */
static int release(struct attaching *a)
{
	struct bucket *b = mover_get_bucket(a->s->stack.mover);
	const struct owner o = { b, a->s->stack.catalog, keyring_volume_id(a->s->keys) };
	int r = b ? owner_look(&o, 0, &a->why) : 0;

	if (r >= 0 && b)
		r = owner_release(&o, &a->why);
	if (r >= 0 || owner_is_trouble(r))
		return 0;
	return buf_addf(&a->found, "the object 'owner' stays there: %s\n", a->why.text);
}

static int detach(struct attaching *a)
{
	int r;

	mover_hold_cold(a->s->stack.mover, true);
	r = check_empty(a);
	if (r >= 0)
		r = edit_config(a);
	if (r >= 0)
		r = release(a);
	if (r >= 0)
		r = reload_replace(a->s->reload, &a->before, &a->text, &a->text_why);
	mover_hold_cold(a->s->stack.mover, false);
	return r;
}

int detach_bucket(struct server *s, const char *arguments, struct buf *ret_answer)
{
	_cleanup_(attaching_done) struct attaching a = { .s = s, .n = 2 };
	const char *done = "detached: nothing is cold from now on";
	int r = check_server(&a);

	a.changes[0] = (struct config_change){ "url", NULL };
	a.changes[1] = (struct config_change){ "endpoint", NULL };
	if (r >= 0)
		r = detach(&a);
	if (r >= 0 && a.text.len == a.before.len) /* no line went */
		done = "no bucket was attached";
	return answer(&a, r, done, ret_answer);
}
