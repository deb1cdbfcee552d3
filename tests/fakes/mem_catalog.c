/* SPDX-License-Identifier: MIT */
/* Records lie in a skip list (Pugh 1990), a batch's changes in one of its own, where a removed record
 * is an entry without value. */
#include "tests/fakes/mem_catalog.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "catalog/derive.h"
#include "catalog/packed_fold.h"
#include "catalog/records.h"
#include "catalog/set.h"

#define LEVELS 20

struct node {
	uint8_t key[CATALOG_KEY_MAX];
	size_t key_len;
	uint8_t *value; /* owned; NULL: removed (in a batch) */
	size_t value_len;
	struct node *next[];
};

struct table {
	struct node *first[LEVELS];
	size_t count, bytes;
	uint64_t random;
};

struct catalog {
	struct keyring *keys;      /* owned */
	struct set_checks *checks; /* owned */
	pthread_mutex_t writer;    /* rank 1: held from begin to commit */
	pthread_mutex_t lock;      /* rank 2 */
	struct table table;        /* guarded by lock */
	uint64_t lsn;              /* guarded by lock */
	uint64_t numbers[8];       /* guarded by lock */
	struct reply_record replies[4096];
	size_t reply_count;
	struct catalog_config callbacks;
	int error;
};

struct batch {
	struct catalog *c;
	struct table table;
	struct catalog_event *events; /* owned */
	size_t event_count;
	struct reply_record reply;
	bool has_reply;
	int error;
};

struct cursor {
	struct catalog *c;
	struct buf prefix, from, key, value;
};

/* ---- tables */

static int key_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* The first node at or after the key; `ret_before` gets the places that point to it. */
static struct node *table_seek(struct table *t, const void *key, size_t len, struct node **ret_before[LEVELS])
{
	struct node **list = t->first;

	for (int l = LEVELS - 1; l >= 0; l--) {
		while (list[l] && key_compare(list[l]->key, list[l]->key_len, key, len) < 0)
			list = list[l]->next;
		if (ret_before)
			ret_before[l] = &list[l];
	}
	return list[0];
}

static struct node *table_find(struct table *t, const void *key, size_t len)
{
	struct node *n = table_seek(t, key, len, NULL);

	return n && key_compare(n->key, n->key_len, key, len) == 0 ? n : NULL;
}

static int random_level(struct table *t)
{
	int l = 1;

	for (uint64_t bits = hash_mix64(++t->random); bits & 1 && l < LEVELS; bits >>= 1)
		l++;
	return l;
}

static struct node *node_new(struct table *t, const void *key, size_t len)
{
	struct node **before[LEVELS], *n;
	int levels = random_level(t);

	n = calloc(1, sizeof(*n) + (size_t)levels * sizeof(n->next[0]));
	if (!n)
		return NULL;
	memcpy(n->key, key, len);
	n->key_len = len;
	(void) table_seek(t, key, len, before);
	for (int l = 0; l < levels; l++) {
		n->next[l] = *before[l];
		*before[l] = n;
	}
	t->count++;
	return n;
}

/* `value` NULL: an entry that says "removed". */
static int table_put(struct table *t, const void *key, size_t len, const void *value, size_t value_len)
{
	struct node *n = table_find(t, key, len);
	uint8_t *copy = NULL;

	if (value) {
		copy = malloc(value_len + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, value, value_len);
	}
	if (!n)
		n = node_new(t, key, len);
	if (!n) {
		free(copy);
		return -ENOMEM;
	}
	free(n->value);
	n->value = copy;
	n->value_len = value_len;
	t->bytes += len + value_len;
	return 0;
}

static void table_remove(struct table *t, const void *key, size_t len)
{
	struct node **before[LEVELS], *n = table_seek(t, key, len, before);

	if (!n || key_compare(n->key, n->key_len, key, len) != 0)
		return;
	for (int l = 0; l < LEVELS && *before[l] == n; l++)
		*before[l] = n->next[l];
	free(n->value);
	free(n);
	t->count--;
}

static void table_done(struct table *t)
{
	for (struct node *n = t->first[0], *next; n; n = next) {
		next = n->next[0];
		free(n->value);
		free(n);
	}
}

/* ---- the store */

struct catalog *mem_catalog_new(void)
{
	static const uint8_t key[KEYRING_KEY_SIZE] = { 42 };
	struct catalog *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	(void) pthread_mutex_init(&c->writer, NULL);
	(void) pthread_mutex_init(&c->lock, NULL);
	if (keyring_start() < 0 || set_checks_new(&c->checks) < 0 ||
	    keyring_new((struct id128){ { 7 } }, CIPHER_XCHACHA20, key, 1, &c->keys) < 0)
		return catalog_close(c);
	return c;
}

struct catalog *catalog_close(struct catalog *c)
{
	if (!c)
		return NULL;
	table_done(&c->table);
	(void) set_checks_free(c->checks);
	if (c->keys)
		(void) keyring_free(c->keys);
	(void) pthread_mutex_destroy(&c->writer);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

void mem_catalog_fail(struct catalog *c, int error)
{
	c->error = error;
}

void mem_catalog_remount(struct catalog *c)
{
	struct set_checks *fresh;

	if (set_checks_new(&fresh) < 0)
		return;
	(void) set_checks_free(c->checks);
	c->checks = fresh;
}

size_t mem_catalog_count(struct catalog *c)
{
	LOCKED(&c->lock);
	return c->table.count;
}

void catalog_set_callbacks(struct catalog *c, const struct catalog_config *callbacks)
{
	c->callbacks = *callbacks;
}

int catalog_start(struct catalog *c)
{
	return 0;
}

int catalog_stop_clean(struct catalog *c)
{
	return 0;
}

struct set_checks *catalog_set_checks(struct catalog *c)
{
	return c->checks;
}

bool catalog_rehearses(const struct catalog *c)
{
	return false;
}

struct keyring *catalog_keys(struct catalog *c)
{
	return c->keys;
}

int catalog_get(struct catalog *c, const void *key, size_t key_len, struct buf *ret_value)
{
	struct node *n;

	LOCKED(&c->lock);
	n = table_find(&c->table, key, key_len);
	if (!n)
		return -ENOENT;
	return ret_value ? buf_add(ret_value, n->value, n->value_len) : 0;
}

int catalog_next_number(struct catalog *c, enum catalog_counter which, uint64_t *ret_number)
{
	LOCKED(&c->lock);
	*ret_number = ++c->numbers[which];
	return 0;
}

int catalog_sync(struct catalog *c, uint64_t lsn)
{
	return 0;
}

int catalog_checkpoint(struct catalog *c)
{
	return c->callbacks.before_freeze ? c->callbacks.before_freeze(c->callbacks.context) : 0;
}

/* There are no checkpoints: changes of packed sets are written into their chunks with the batch. */
uint64_t catalog_generation(struct catalog *c)
{
	return 0;
}

uint64_t catalog_last_lsn(struct catalog *c)
{
	LOCKED(&c->lock);
	return c->lsn;
}

void catalog_get_stats(struct catalog *c, struct catalog_stats *ret_stats)
{
	LOCKED(&c->lock);
	*ret_stats = (struct catalog_stats){
		.last_lsn = c->lsn,
		.synced_lsn = c->lsn,
		.overlay_records = c->table.count,
		.overlay_bytes = c->table.bytes,
	};
}

int64_t catalog_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context)
{
	return (int64_t)mem_catalog_count(c);
}

/* ---- cursors */

int cursor_open(struct catalog *c, const void *prefix, size_t prefix_len, struct cursor **ret_cursor)
{
	struct cursor *cur = calloc(1, sizeof(*cur));

	if (!cur)
		return -ENOMEM;
	cur->c = c;
	if (buf_add(&cur->prefix, prefix, prefix_len) < 0 || buf_add(&cur->from, prefix, prefix_len) < 0) {
		(void) cursor_close(cur);
		return -ENOMEM;
	}
	*ret_cursor = cur;
	return 0;
}

void cursor_seek(struct cursor *cur, const void *key, size_t key_len)
{
	buf_reset(&cur->from);
	(void) buf_add(&cur->from, key, key_len);
}

int cursor_next(struct cursor *cur, const void **ret_key, size_t *ret_key_len, const void **ret_value,
		size_t *ret_value_len)
{
	struct node *n;

	LOCKED(&cur->c->lock);
	n = table_seek(&cur->c->table, cur->from.data, cur->from.len, NULL);
	if (!n || n->key_len < cur->prefix.len || memcmp(n->key, cur->prefix.data, cur->prefix.len) != 0)
		return 0;
	buf_reset(&cur->key);
	buf_reset(&cur->value);
	buf_reset(&cur->from);
	/* The smallest key behind this one: the same with a zero byte more. */
	if (buf_add(&cur->key, n->key, n->key_len) < 0 || buf_add(&cur->value, n->value, n->value_len) < 0 ||
	    buf_add(&cur->from, n->key, n->key_len) < 0 || buf_add_u8(&cur->from, 0) < 0)
		return -ENOMEM;
	*ret_key = cur->key.data;
	*ret_key_len = cur->key.len;
	*ret_value = cur->value.data;
	*ret_value_len = cur->value.len;
	return 1;
}

/* Nothing here is ever damaged. */
int cursor_skip(struct cursor *cur, const void **ret_key, size_t *ret_key_len)
{
	return -EBADMSG;
}

struct cursor *cursor_close(struct cursor *cur)
{
	if (!cur)
		return NULL;
	buf_done(&cur->prefix);
	buf_done(&cur->from);
	buf_done(&cur->key);
	buf_done(&cur->value);
	free(cur);
	return NULL;
}

/* ---- batches */

int catalog_begin(struct catalog *c, bool reserve, struct batch **ret_b)
{
	struct batch *b;

	if (c->error)
		return c->error;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->c = c;
	(void) pthread_mutex_lock(&c->writer);
	*ret_b = b;
	return 0;
}

/* Batches are short, and nobody counts who waits. */
void catalog_give_way(struct catalog *c)
{
	(void) c;
}

int batch_get(struct batch *b, const void *key, size_t key_len, struct buf *ret_value)
{
	struct node *n = table_find(&b->table, key, key_len);

	if (b->error)
		return b->error;
	if (!n)
		return catalog_get(b->c, key, key_len, ret_value);
	if (!n->value)
		return -ENOENT;
	return ret_value ? buf_add(ret_value, n->value, n->value_len) : 0;
}

static void batch_change(struct batch *b, const void *key, size_t key_len, const void *value, size_t value_len)
{
	int r = key_len > CATALOG_KEY_MAX ? -EINVAL : table_put(&b->table, key, key_len, value, value_len);

	if (r < 0 && !b->error)
		b->error = r;
}

void batch_put(struct batch *b, const void *key, size_t key_len, const void *value, size_t value_len)
{
	batch_change(b, key, key_len, value_len ? value : "", value_len);
}

void batch_remove(struct batch *b, const void *key, size_t key_len)
{
	batch_change(b, key, key_len, NULL, 0);
}

void batch_fail(struct batch *b, int error)
{
	if (!b->error)
		b->error = error;
}

void batch_note(struct batch *b, uint64_t ino, uint32_t what)
{
	struct catalog_event *more;

	for (size_t n = 0; n < b->event_count; n++)
		if (b->events[n].ino == ino) {
			b->events[n].what |= what;
			return;
		}
	more = realloc(b->events, (b->event_count + 1) * sizeof(*more));
	if (!more) {
		b->error = -ENOMEM;
		return;
	}
	b->events = more;
	b->events[b->event_count++] = (struct catalog_event){ ino, what };
}

uint64_t batch_lsn(const struct batch *b)
{
	return b->c->lsn + 1;
}

struct catalog *batch_catalog(const struct batch *b)
{
	return b->c;
}

size_t batch_size(const struct batch *b)
{
	return b->table.bytes;
}

void batch_reply(struct batch *b, const struct reply_record *reply)
{
	b->reply = *reply;
	b->has_reply = true;
}

int catalog_find_reply(struct catalog *c, struct id128 mount, uint64_t unique, struct reply_record *ret_reply)
{
	LOCKED(&c->lock);
	for (size_t n = MIN(c->reply_count, ARRAY_SIZE(c->replies)); n--;)
		if (c->replies[n].unique == unique && id128_equal(c->replies[n].mount, mount)) {
			*ret_reply = c->replies[n];
			return 0;
		}
	return -ENOENT;
}

struct batch *batch_abort(struct batch *b)
{
	struct catalog *c;

	if (!b)
		return NULL;
	c = b->c;
	table_done(&b->table);
	free(b->events);
	free(b);
	(void) pthread_mutex_unlock(&c->writer);
	return NULL;
}

/* ---- changes of packed sets go into their chunks at once */

static int fold_first(void *context, const struct key *from, struct key *ret_key, struct buf *ret_value)
{
	struct node *n = table_seek(context, from->bytes, from->len, NULL);

	if (!n)
		return 0;
	memcpy(ret_key->bytes, n->key, n->key_len);
	ret_key->len = n->key_len;
	return buf_add(ret_value, n->value, n->value_len) < 0 ? -ENOMEM : 1;
}

static int fold_put(void *context, const struct key *key, const void *value, size_t len)
{
	return table_put(context, key->bytes, key->len, value, len);
}

static int fold_remove(void *context, const struct key *key)
{
	table_remove(context, key->bytes, key->len);
	return 0;
}

static int fold_doubt(void *context)
{
	struct key key = derive_state_key();
	_cleanup_buf_ struct buf state = BUF_INIT;
	struct node *n = table_find(context, key.bytes, key.len);
	uint8_t doubtful;
	int r = n ? buf_add(&state, n->value, n->value_len) : 0;

	return r >= 0 && derive_doubted(&state, &doubtful) ? fold_put(context, &key, &doubtful, 1) : r;
}

static int apply_ops(struct catalog *c, const struct batch *b, struct packed_fold *fold)
{
	int r = 0;

	for (struct node *n = b->table.first[0]; n && r >= 0; n = n->next[0])
		if (!n->value)
			table_remove(&c->table, n->key, n->key_len);
		else if (*n->key == LETTER_CHANGE)
			r = packed_fold_add(fold, n->key, n->key_len, n->value, n->value_len);
		else
			r = table_put(&c->table, n->key, n->key_len, n->value, n->value_len);
	return r < 0 ? r : packed_fold_end(fold);
}

static int batch_apply(struct batch *b)
{
	struct catalog *c = b->c;
	_cleanup_(packed_fold_done) struct packed_fold fold = {
		.first = fold_first, .put = fold_put, .remove = fold_remove, .doubt = fold_doubt, .context = &c->table,
	};
	int r;

	LOCKED(&c->lock);
	r = apply_ops(c, b, &fold);
	if (b->has_reply)
		c->replies[c->reply_count++ % ARRAY_SIZE(c->replies)] = b->reply;
	c->lsn++;
	return r;
}

int batch_commit(struct batch *b, uint64_t *ret_lsn)
{
	struct catalog *c = b->c;
	int r = b->error;

	if (r >= 0)
		r = b->error;
	if (r >= 0 && b->table.bytes > CATALOG_VALUE_MAX)
		r = -EFBIG;
	if (r >= 0)
		r = batch_apply(b);
	if (r >= 0 && ret_lsn)
		*ret_lsn = c->lsn;
	if (r >= 0 && c->callbacks.committed)
		c->callbacks.committed(c->callbacks.context, c->lsn, b->events, b->event_count);
	(void) batch_abort(b);
	return r;
}
