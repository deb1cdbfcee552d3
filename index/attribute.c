/* SPDX-License-Identifier: MIT */
/* Computed attributes: read from the file's document. A file that waits is "pending" and has no others. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "index/index_impl.h"
#include "index/stored.h"

static int add_state(const struct segment_doc *d, const struct stored *s, struct buf *ret)
{
	static const char *const names[] = {
		[STATE_INDEXED] = "indexed", [STATE_PARTIAL] = "partial",   [STATE_SKIPPED] = "skipped",
		[STATE_FAILED] = "failed",   [STATE_DEFERRED] = "deferred",
	};
	const char *name = d->state < ARRAY_SIZE(names) && names[d->state] ? names[d->state] : "failed";
	int r = buf_add_str(ret, name);

	if (r < 0 || d->state == STATE_INDEXED)
		return r;
	r = buf_add_u8(ret, ':');
	return r < 0 ? r : s->why_len ? buf_add(ret, s->why, s->why_len) : buf_add_str(ret, "unknown");
}

static int add_time(uint64_t seconds, struct buf *ret)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return -ENODATA;
	return buf_addf(ret, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			tm.tm_min, tm.tm_sec);
}

static int add_bytes(const char *bytes, size_t len, struct buf *ret)
{
	return len ? buf_add(ret, bytes, len) : -ENODATA;
}

static int add_attribute(const struct index *x, const char *name, const struct segment_doc *d,
			 const struct stored *s, struct buf *ret)
{
	const char *code = language_code(d->language);

	if (strcmp(name, "state") == 0)
		return add_state(d, s, ret);
	if (strcmp(name, "mime") == 0)
		return add_bytes(s->mime, s->mime_len, ret);
	if (strcmp(name, "title") == 0)
		return add_bytes(s->title, s->title_len, ret);
	if (strcmp(name, "lang") == 0)
		return add_bytes(code, strlen(code), ret);
	if (strcmp(name, "passages") == 0)
		return buf_addf(ret, "%u", d->n_passages);
	if (strcmp(name, "model") == 0)
		return d->n_passages ? buf_add_str(ret, embed_name(x->model)) : -ENODATA;
	if (strcmp(name, "indexed-at") == 0)
		return add_time(s->seconds, ret);
	return -ENODATA;
}

/* The file's living document; segments_lock is held for reading. 1: it is there. 0: the file waits. */
static int find(struct index *x, uint64_t ino, struct segment **ret_s, uint32_t *ret_doc)
{
	LOCKED(&x->table_lock);
	const struct ino_entry *e = ino_map_find(&x->places, ino);

	if (!e)
		return work_has(&x->work, ino) ? 0 : -ENODATA;
	*ret_s = e->value;
	*ret_doc = e->number;
	return 1;
}

int index_get_attribute(struct index *x, uint64_t ino, const char *name, struct buf *ret_value)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct segment *segment = NULL;
	struct stored s;
	uint32_t doc;
	int r;

	if (!x->ready)
		return x->load_error ? x->load_error : -EAGAIN;
	(void) pthread_rwlock_rdlock(&x->segments_lock);
	r = find(x, ino, &segment, &doc);
	if (r == 0)
		r = strcmp(name, "state") == 0 ? buf_add_str(ret_value, "pending") : -ENODATA;
	else if (r > 0) {
		r = segment->ops->stored(segment, doc, &record);
		if (r >= 0)
			r = stored_decode(record.data, record.len, &s);
		if (r >= 0)
			r = add_attribute(x, name, &segment->docs[doc], &s, ret_value);
	}
	(void) pthread_rwlock_unlock(&x->segments_lock);
	if (r == -EBADMSG) {
		segments_drop(x, segment);
		return -ENODATA;
	}
	return r < 0 ? r : 0;
}
