/* SPDX-License-Identifier: MIT */
/* Reads every record of the store as it lies on the disk, opens its value, and counts it against the
 * facts of the last checkpoint. What only the log holds is not looked at: replay has read it. */
#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/catalog_impl.h"

struct verification {
	struct catalog *c;
	void (*problem)(void *context, const char *text);
	void *context;
	struct facts found;
	struct buf sealed, value;
	int64_t records;
};

static void report(const struct verification *v, char letter, const char *what, const uint8_t *key, size_t key_len)
{
	char shown = letter > ' ' && letter < 0x7f ? letter : '?';

	if (key_len >= 9)
		problem_say(v->problem, v->context, "catalog: record %c of %llu %s", shown,
			    (unsigned long long)load_be64(key + 1), what);
	else
		problem_say(v->problem, v->context, "catalog: records %c %s", shown, what);
}

static int verify_record(struct verification *v, struct store_scan *scan)
{
	size_t key_len;
	const uint8_t *key = store_scan_key(scan, &key_len);
	int r;

	buf_reset(&v->sealed);
	buf_reset(&v->value);
	r = store_scan_value(scan, &v->sealed);
	if (r < 0)
		return r;
	v->records++;
	if (*key != *FACTS_KEY)
		facts_add(&v->found, &v->c->facts_key, key, key_len, v->sealed.data, v->sealed.len);
	r = value_open(v->c->opener, key, key_len, v->sealed.data, v->sealed.len, &v->value);
	if (r == -EBADMSG)
		report(v, (char)*key, "does not open: its bytes were altered", key, key_len);
	return r == -EBADMSG ? 0 : r;
}

static int verify_records(struct verification *v, struct store_scan *scan)
{
	int r = store_scan_seek(scan, "", 1, false);

	while (r == 1) {
		r = verify_record(v, scan);
		if (r >= 0)
			r = store_scan_next(scan);
	}
	return r;
}

static void compare_facts(const struct verification *v, const struct facts *facts)
{
	for (unsigned i = 0; i < 256; i++)
		if (!facts_agree(&v->found.letters[i], &facts->letters[i]))
			report(v, (char)i, v->found.letters[i].count < facts->letters[i].count ?
			       "are fewer than there must be" : "are not those of the last checkpoint", NULL, 0);
}

/* No checkpoint may come between the walk and the facts. */
int64_t catalog_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context)
{
	struct verification v = { .c = c, .problem = problem, .context = context };
	struct store_scan *scan;
	LOCKED(&c->checkpoint_lock);
	int r;

	if (c->salvaged) {
		problem(context, "catalog/data.mdb is damaged; its records were gathered from its pages");
		return (int64_t)overlay_records(c->active);
	}
	r = store_scan_begin(c->store, &scan);
	if (r < 0)
		return r;
	r = verify_records(&v, scan);
	store_scan_end(scan);
	if (r >= 0)
		compare_facts(&v, &c->facts);
	buf_done(&v.sealed);
	buf_done(&v.value);
	return r < 0 ? r : v.records;
}
