/* SPDX-License-Identifier: MIT */
#include "tiers/move/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "catalog/walk.h"
#include "tiers/file_impl.h"
#include "tiers/pack/pack_reader.h"

/* ---- records */

static int change_flags(struct files *f, uint64_t number, uint32_t take, uint32_t give)
{
	struct pack_record record;
	struct batch *b;
	uint64_t lsn;
	int r = catalog_begin(f->catalog, true, &b);

	if (r < 0)
		return r;
	r = pack_record_get_in(b, number, &record);
	if (r < 0) {
		(void) batch_abort(b);
		return r;
	}
	record.flags = (record.flags & ~take) | give;
	pack_record_put(b, &record);
	r = batch_commit(b, &lsn);
	return r < 0 ? r : catalog_sync(f->catalog, lsn);
}

/* ---- sending */

static int put_object(const struct sending *s, const struct pack_record *record, int fd, const char *key,
		      struct bucket_error *ret_error)
{
	const struct bucket_call call = { .cause = BUCKET_DEMOTION, .ret_error = ret_error };
	const struct bucket_body body = { .fd = fd, .len = record->stored };

	return bucket_put(s->bucket, &call, key, &body, NULL);
}

static int check_size(const struct sending *s, const struct pack_record *record, const char *key,
		      struct bucket_error *ret_error)
{
	const struct bucket_call call = { .cause = BUCKET_DEMOTION, .ret_error = ret_error };
	struct bucket_object object;
	int r = bucket_head(s->bucket, &call, key, &object);

	if (r < 0)
		return r;
	return object.size == record->stored ? 0 : -EBADMSG;
}

struct remote {
	const struct sending *s;
	const char *key;
	struct bucket_error *error;
};

static ssize_t read_remote(void *context, uint64_t from, void *data, size_t len)
{
	const struct remote *remote = context;
	const struct bucket_call call = { .cause = BUCKET_DEMOTION, .ret_error = remote->error };

	return (ssize_t)bucket_get(remote->s->bucket, &call, remote->key, from, data, len);
}

static int check_table(const struct sending *s, const struct pack_record *record, const char *key,
		       struct bucket_error *ret_error)
{
	struct remote remote = { s, key, ret_error };
	const struct pack_source source = { read_remote, &remote, record->stored };
	struct pack_summary summary;
	struct pack *pack;
	int r = pack_open(s->files->config.keys, &source, &record->run, &pack);

	if (r < 0)
		return r;
	pack_get_summary(pack, &summary);
	(void) pack_close(pack);
	return summary.stored_size == record->stored && summary.plain_bytes == record->plain ? 0 : -EBADMSG;
}

static int transfer(const struct sending *s, const struct pack_record *record, int fd, struct bucket_error *ret_error)
{
	char key[PACK_KEY_SIZE];
	int r;

	pack_key(record, key);
	r = put_object(s, record, fd, key, ret_error);
	if (r >= 0)
		r = check_size(s, record, key, ret_error);
	if (r >= 0)
		r = check_table(s, record, key, ret_error);
	if (r == -EBADMSG && !ret_error->error) {
		*ret_error = (struct bucket_error){ .error = r, .fault = BUCKET_BROKEN };
		(void) snprintf(ret_error->text, sizeof(ret_error->text),
				"the bucket does not have what was sent to it: %s differs", key);
	}
	return r;
}

static int let_go(struct files *f, const struct pack_record *record)
{
	char name[ID128_TEXT_SIZE];
	int r = change_flags(f, record->number, PACK_LOCAL | PACK_SENDING, PACK_REMOTE);

	if (r < 0)
		return r;
	packs_forget(f->packs, record->number);
	if (unlinkat(f->warm_dirfd, id128_format(record->run.id, name), 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int pack_send(const struct sending *s, uint64_t number, struct bucket_error *ret_error)
{
	_cleanup_close_ int fd = -1;
	char name[ID128_TEXT_SIZE];
	struct pack_record record;
	int r = pack_record_get(s->files->catalog, number, &record);

	*ret_error = (struct bucket_error){ 0 };
	if (r < 0 || !(record.flags & PACK_LOCAL))
		return r;
	fd = openat(s->files->warm_dirfd, id128_format(record.run.id, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* An object that was begun under a name keeps it: it would stay behind. */
	if (s->dated_keys && !(record.flags & PACK_SENDING))
		record.flags |= PACK_DATED;
	r = change_flags(s->files, number, 0, PACK_SENDING | (record.flags & PACK_DATED));
	if (r >= 0)
		r = transfer(s, &record, fd, ret_error);
	return r < 0 ? r : let_go(s->files, &record);
}

/* ---- removals: 'Q' 04 be64 due, 16 bytes id -> the key of the object */

static struct key removal_key(int64_t due_s, struct id128 id)
{
	return key_id(key_u64(key_u8(key_start('Q'), QUEUE_COLD), (uint64_t)MAX(due_s, (int64_t)0)), id);
}

void pack_note_removal(struct batch *b, const struct pack_record *record, int64_t due_s)
{
	struct key key = removal_key(due_s, record->run.id);
	char name[PACK_KEY_SIZE];

	if (!(record->flags & (PACK_REMOTE | PACK_SENDING)))
		return;
	pack_key(record, name);
	batch_put(b, key.bytes, key.len, name, strlen(name));
}

#define DUE_MAX 256u

struct due {
	int64_t now_s;
	struct key keys[DUE_MAX];
	char names[DUE_MAX][PACK_KEY_SIZE];
	size_t n;
};

/* They come in the order of their time. */
static int note_due(void *context, const struct record *record)
{
	struct due *due = context;

	if (record->key_len != 26 || record->value_len == 0 || record->value_len >= PACK_KEY_SIZE)
		return -EBADMSG;
	if (due->n == DUE_MAX || (int64_t)load_be64(record->key + 2) > due->now_s)
		return 1;
	due->keys[due->n].len = record->key_len;
	memcpy(due->keys[due->n].bytes, record->key, record->key_len);
	memcpy(due->names[due->n], record->value, record->value_len);
	due->names[due->n++][record->value_len] = '\0';
	return 0;
}

static int forget_due(struct files *f, const struct due *due)
{
	struct batch *b;
	int r = catalog_begin(f->catalog, true, &b);

	if (r < 0)
		return r;
	for (size_t k = 0; k < due->n; k++)
		batch_remove(b, due->keys[k].bytes, due->keys[k].len);
	return batch_commit(b, NULL);
}

static int remove_some(const struct sending *s, const struct due *due, struct bucket_error *ret_error)
{
	const struct bucket_call call = { .cause = BUCKET_DEMOTION, .ret_error = ret_error };
	const char *names[DUE_MAX];
	int r;

	for (size_t k = 0; k < due->n; k++)
		names[k] = due->names[k];
	r = bucket_remove(s->bucket, &call, names, due->n);
	return r < 0 ? r : forget_due(s->files, due);
}

int pack_remove_due(const struct sending *s, int64_t now_s, uint64_t *ret_n, struct bucket_error *ret_error)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_COLD);
	struct due *due = calloc(1, sizeof(*due));
	int r = due ? 0 : -ENOMEM;

	*ret_n = 0;
	do {
		if (r < 0)
			break;
		due->now_s = now_s;
		due->n = 0;
		r = records_foreach(s->files->catalog, &prefix, note_due, due);
		if (r >= 0 && due->n > 0)
			r = remove_some(s, due, ret_error);
		*ret_n += r >= 0 ? due->n : 0;
	} while (r >= 0 && due->n == DUE_MAX);
	free(due);
	return MIN(r, 0);
}

static int any(void *context, const struct record *record)
{
	return 1;
}

static int is_unsure(void *context, const struct pack_record *p)
{
	return p->flags & PACK_SENDING ? 1 : 0;
}

int pack_may_be_left(struct catalog *c)
{
	struct key prefix = key_u8(key_start('Q'), QUEUE_COLD);
	int r = records_foreach(c, &prefix, any, NULL);

	return r != 0 ? r : pack_record_foreach(c, is_unsure, NULL);
}
