/* SPDX-License-Identifier: MIT */
#include "index/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "index/rules_walk.h"

#define EXCLUDE_DEFAULT ".git/ node_modules/ __pycache__/ *.o *~ .*.swp"
#define MAX_FILE_DEFAULT (256ull << 20)
#define RECORD_VERSION 1u
#define FACT_RULES 2u

/* ---- the rules */

int rules_new(const struct index_settings *settings, struct rules **ret_rules, char **ret_why)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	int r;

	if (!rules)
		return -ENOMEM;
	rules->exclude = strdup(settings->exclude ? settings->exclude : EXCLUDE_DEFAULT);
	rules->language_names = strdup(settings->languages ? settings->languages : "");
	rules->max_file = settings->max_file ? settings->max_file : MAX_FILE_DEFAULT;
	r = rules->exclude && rules->language_names ? 0 : -ENOMEM;
	if (r == 0)
		r = languages_new(rules->language_names, &rules->languages, ret_why);
	if (r < 0) {
		rules_free(rules);
		return r;
	}
	*ret_rules = rules;
	return 0;
}

struct rules *rules_free(struct rules *rules)
{
	if (!rules)
		return NULL;
	free(rules->exclude);
	free(rules->language_names);
	languages_free(rules->languages);
	free(rules);
	return NULL;
}

/* `pattern` ending in '/': a folder on the way. Without: the last component. */
static bool pattern_hits(const char *pattern, size_t len, const char *path, size_t path_len)
{
	bool folder = len > 0 && pattern[len - 1] == '/';
	const char *at = path, *end = path + path_len;

	len -= folder;
	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at)), *stop = slash ? slash : end;

		if ((slash != NULL) == folder && words_glob(pattern, len, at, (size_t)(stop - at)))
			return true;
		at = stop + 1;
	}
	return false;
}

bool rules_exclude(const struct rules *rules, const char *path, size_t len)
{
	static const char blanks[] = " \t\n";

	for (const char *p = rules->exclude + strspn(rules->exclude, blanks); *p; p += strspn(p, blanks)) {
		size_t pattern_len = strcspn(p, blanks);

		if (pattern_hits(p, pattern_len, path, len))
			return true;
		p += pattern_len;
	}
	return false;
}

/* A file that was read whole, or as far as it was, does no harm when less is to be read. */
static unsigned difference(const struct rules *before, const struct rules *after)
{
	return (strcmp(before->exclude, after->exclude) != 0 ? DOUBT_EXCLUDE : 0) |
	       (strcmp(before->language_names, after->language_names) != 0 ? DOUBT_LANGUAGES : 0) |
	       (before->max_file < after->max_file ? DOUBT_SIZE : 0);
}

/* ---- the record */

static struct key record_key(void)
{
	return key_u8(key_start('V'), FACT_RULES);
}

static int write_record(struct index *x, const struct rules *rules, unsigned doubt)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = record_key();
	struct batch *b;
	int r = buf_add_u8(&value, RECORD_VERSION);

	if (r >= 0)
		r = buf_add_varint(&value, doubt);
	if (r >= 0)
		r = buf_add_varint(&value, rules->max_file);
	if (r >= 0)
		r = buf_add_bytes(&value, rules->exclude, strlen(rules->exclude));
	if (r >= 0)
		r = buf_add_bytes(&value, rules->language_names, strlen(rules->language_names));
	if (r >= 0)
		r = catalog_begin(x->config.catalog, false, &b);
	if (r < 0)
		return r;
	batch_put(b, key.bytes, key.len, value.data, value.len);
	return batch_commit(b, NULL);
}

static int take_text(struct reader *r, char **ret_text)
{
	size_t len;
	const void *text = reader_bytes(r, &len);

	*ret_text = text ? strndup(text, len) : NULL;
	return text && !*ret_text ? -ENOMEM : 0;
}

static int decode(const struct buf *value, struct rules **ret_rules, unsigned *ret_doubt)
{
	struct reader reader = reader_over(value->data, value->len);
	_cleanup_free_ char *exclude = NULL, *languages = NULL, *why = NULL;
	struct index_settings settings = { 0 };
	uint8_t version = reader_u8(&reader);
	int r;

	*ret_doubt = (unsigned)reader_varint(&reader);
	settings.max_file = reader_varint(&reader);
	r = take_text(&reader, &exclude);
	if (r >= 0)
		r = take_text(&reader, &languages);
	if (r < 0)
		return r;
	if (reader.bad || reader_left(&reader) || version != RECORD_VERSION)
		return -EBADMSG;
	settings.exclude = exclude;
	settings.languages = languages;
	r = rules_new(&settings, ret_rules, &why);
	return r == -EINVAL ? -EBADMSG : r;
}

static int read_record(struct index *x, struct rules **ret_rules, unsigned *ret_doubt)
{
	static const struct index_settings defaults;
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = record_key();
	char *why = NULL;
	int r = catalog_get(x->config.catalog, key.bytes, key.len, &value);

	*ret_doubt = 0;
	if (r == -ENOENT)
		return rules_new(&defaults, ret_rules, &why);
	return r < 0 ? r : decode(&value, ret_rules, ret_doubt);
}

int rules_load(struct index *x)
{
	struct rules *recorded = NULL;
	unsigned doubt;
	int r = read_record(x, &recorded, &doubt);

	if (r == -EBADMSG) { /* damage: nothing is known of the documents */
		x->doubt = DOUBT_EXCLUDE | DOUBT_LANGUAGES | DOUBT_SIZE;
		x->unrecorded = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (x->config.read_only) {
		rules_free(x->rules);
		x->rules = recorded;
		return 0;
	}
	x->doubt = doubt | difference(recorded, x->rules);
	x->unrecorded = x->doubt != doubt || recorded->max_file != x->rules->max_file;
	rules_free(recorded);
	return 0;
}

/* ---- changing them */

int index_set(struct index *x, const struct index_settings *settings, char **ret_why)
{
	struct rules *rules;
	int r = rules_new(settings, &rules, ret_why);

	if (r < 0)
		return r;
	LOCKED(&x->table_lock);
	x->memory_segment = settings->memory_segment ? settings->memory_segment : MEMORY_SEGMENT_DEFAULT;
	rules_free(x->next_rules);
	x->next_rules = x->started ? rules : rules_free(rules); /* who makes no documents has no use for them */
	(void) pthread_cond_signal(&x->work_there);
	return 0;
}

/* Whoever waits for the index waits for the end of doubt too. */
static void set_doubt(struct index *x, unsigned doubt)
{
	LOCKED(&x->table_lock);

	x->doubt = doubt;
	(void) pthread_cond_broadcast(&x->work_finished);
}

static struct rules *take_next(struct index *x)
{
	LOCKED(&x->table_lock);
	struct rules *next = x->next_rules;

	x->next_rules = NULL;
	x->adopting = next != NULL;
	return next;
}

/* Those that could not be adopted are tried again, unless others have come. */
static void end_adopting(struct index *x, struct rules *left)
{
	LOCKED(&x->table_lock);

	x->adopting = false;
	if (x->next_rules)
		rules_free(left);
	else
		x->next_rules = left;
	(void) pthread_cond_broadcast(&x->work_finished);
}

static void exchange(struct index *x, struct rules *next, unsigned doubt)
{
	struct rules *before;

	(void) pthread_rwlock_wrlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	before = x->rules;
	x->rules = next;
	x->doubt = doubt;
	(void) pthread_mutex_unlock(&x->table_lock);
	(void) pthread_rwlock_unlock(&x->segments_lock);
	rules_free(before);
}

/* Takes over `next` when it succeeds. */
static int adopt(struct index *x, struct rules *next, struct preparer **preparer)
{
	unsigned differs = difference(x->rules, next), doubt = x->doubt | differs;
	struct preparer *p;
	int r;

	if (!differs && next->max_file == x->rules->max_file) {
		rules_free(next);
		return 0;
	}
	r = preparer_new(x->model, next->languages, &p);
	if (r < 0)
		return r;
	r = write_record(x, next, doubt);
	if (r < 0) {
		preparer_free(p);
		return r;
	}
	preparer_free(*preparer);
	*preparer = p;
	exchange(x, next, doubt);
	x->unrecorded = false;
	x->next_doubtful = 0;
	return 0;
}

/* ---- following them */

static int resolve_doubt(struct index *x)
{
	int r = rules_walk_all(x);

	if (r != 0)
		return r;
	r = write_record(x, x->rules, 0);
	if (r < 0)
		return r;
	set_doubt(x, 0);
	return 1;
}

int rules_step(struct index *x, struct preparer **preparer)
{
	struct rules *next = take_next(x);
	int r;

	if (next) {
		r = adopt(x, next, preparer);
		end_adopting(x, r < 0 ? next : NULL);
		return r < 0 ? r : 1;
	}
	if (x->unrecorded) {
		r = write_record(x, x->rules, x->doubt);
		if (r < 0)
			return r;
		x->unrecorded = false;
	}
	return x->doubt ? resolve_doubt(x) : rules_walk_below(x);
}

bool rules_have_news(const struct index *x)
{
	return x->next_rules || x->renamed.len > 0;
}

bool rules_in_doubt(const struct index *x)
{
	return x->doubt || x->adopting || x->below.top || rules_have_news(x);
}
