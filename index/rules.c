/* SPDX-License-Identifier: MIT */
#include "index/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "catalog/encode.h"
#include "index/stored.h"

#define EXCLUDE_DEFAULT ".git/ node_modules/ __pycache__/ *.o *~ .*.swp"
#define MAX_FILE_DEFAULT (256ull << 20)
#define RECORD_VERSION 1u
#define FACT_RULES 2u
/* Inodes looked at before the worker turns to files that wait. */
#define STEP_INODES 256u

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

/* ---- the walk */

struct step {
	uint64_t inos[STEP_INODES]; /* of files whose documents break the rules */
	unsigned n;
};

/* The file's living document. -ENOENT: it has none, and is read by the new rules. */
static int find_document(struct index *x, uint64_t ino, uint8_t *ret_state, struct buf *ret_record)
{
	struct ino_entry *e, found;
	struct segment *s;
	int r = 0;

	(void) pthread_rwlock_rdlock(&x->segments_lock);
	(void) pthread_mutex_lock(&x->table_lock);
	e = ino_map_find(&x->places, ino);
	found = e ? *e : (struct ino_entry){ 0 };
	(void) pthread_mutex_unlock(&x->table_lock);
	s = found.value;
	if (s) {
		*ret_state = s->docs[found.number].state;
		if (*ret_state == STATE_SKIPPED || *ret_state == STATE_PARTIAL)
			r = s->ops->stored(s, found.number, ret_record);
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	return s ? r : -ENOENT;
}

static bool why_is(const struct stored *s, const char *why)
{
	return s->why_len == strlen(why) && memcmp(s->why, why, s->why_len) == 0;
}

/* 1: the file must be looked at again. What cannot be told must. */
static int breaks_rules(struct index *x, const struct inode *i)
{
	_cleanup_buf_ struct buf record = BUF_INIT, path = BUF_INIT;
	struct stored s = { 0 };
	uint8_t state = 0;
	bool excluded;
	int r = find_document(x, i->ino, &state, &record);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || (record.len > 0 && stored_decode(record.data, record.len, &s) < 0))
		return 1;
	excluded = state == STATE_SKIPPED && why_is(&s, "excluded");
	if (x->doubt & DOUBT_LANGUAGES && !excluded)
		return 1;
	if (x->doubt & DOUBT_SIZE && state == STATE_PARTIAL && why_is(&s, "size"))
		return 1;
	if (!(x->doubt & DOUBT_EXCLUDE))
		return 0;
	r = tree_path(x->config.catalog, i->ino, ROOT_INO, 0, &path);
	if (r < 0)
		return r != -ENOENT;
	return excluded != rules_exclude(x->rules, (const char *)path.data, path.len);
}

/* 1: *ret_i is the next file to look at. 2: something else is there. 0: the walk is done. */
static int next_inode(struct index *x, struct cursor *cur, struct inode *ret_i)
{
	const void *key, *value;
	size_t key_len, value_len;
	int r = cursor_next(cur, &key, &key_len, &value, &value_len);

	if (r == -EBADMSG && cursor_skip(cur, &key, &key_len) == 0)
		r = 1;
	if (r <= 0)
		return r;
	x->next_doubtful = key_len == 9 ? load_be64((const uint8_t *)key + 1) + 1 : x->next_doubtful;
	if (key_len != 9 || inode_get(x->config.catalog, x->next_doubtful - 1, ret_i) < 0)
		return 2; /* fsck speaks of it */
	return S_ISREG(ret_i->mode) && ret_i->nlink > 0 ? 1 : 2;
}

static int find_breaches(struct index *x, struct step *step)
{
	struct key from = key_u64(key_start('I'), x->next_doubtful);
	struct cursor *cur;
	int r = cursor_open(x->config.catalog, "I", 1, &cur);

	if (r < 0)
		return r;
	cursor_seek(cur, from.bytes, from.len);
	for (unsigned n = 0; n < STEP_INODES; n++) {
		struct inode i;

		r = next_inode(x, cur, &i);
		if (r <= 0)
			break;
		if (r == 1 && breaks_rules(x, &i))
			step->inos[step->n++] = i.ino;
	}
	cursor_close(cur);
	return r;
}

static int queue_one(struct batch *b, uint64_t ino)
{
	struct inode i;
	int r = inode_get_in(b, ino, &i);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = queue_add(b, &i, EVENT_RULES);
	if (r < 0)
		return r;
	inode_put(b, &i);
	batch_note(b, ino, EVENT_RULES);
	return 0;
}

static int queue_breaches(struct index *x, const struct step *step)
{
	struct batch *b;
	int r;

	if (step->n == 0)
		return 0;
	r = catalog_begin(x->config.catalog, false, &b);
	for (unsigned n = 0; r >= 0 && n < step->n; n++) {
		r = queue_one(b, step->inos[n]);
		if (r < 0)
			batch_abort(b);
	}
	return r < 0 ? r : batch_commit(b, NULL);
}

static int walk(struct index *x)
{
	uint64_t from = x->next_doubtful;
	struct step step = { .n = 0 };
	int more = find_breaches(x, &step), r = more < 0 ? more : queue_breaches(x, &step);

	if (r < 0) {
		x->next_doubtful = from;
		return r;
	}
	if (more > 0)
		return 1;
	r = write_record(x, x->rules, 0);
	if (r >= 0)
		set_doubt(x, 0);
	return r;
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
	return x->doubt ? walk(x) : 0;
}
