/* SPDX-License-Identifier: MIT */
#include "tiers/move/owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/records.h"

#define OWNER_KEY "owner"
#define TRIES 4u
#define TIMEOUT_MS 30000u
#define TEXT_MAX 128u
#define FACT_OWNER 4
#define LATE_MAX 4u
#define RECORD_VERSION 2
#define RECORD_SIZE (1 + (2 + LATE_MAX) * 16)

/* ---- the record */

struct marks {
	bool known;
	struct id128 mine, next;
	struct id128 late[LATE_MAX]; /* the last one first */
};

static struct key record_key(void)
{
	return key_u8(key_start('V'), FACT_OWNER);
}

static int load_marks(struct catalog *c, struct marks *ret)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = record_key();
	int r = catalog_get(c, key.bytes, key.len, &value);

	*ret = (struct marks){ 0 };
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (value.len != RECORD_SIZE || value.data[0] != RECORD_VERSION)
		return -EBADMSG;
	ret->known = true;
	memcpy(&ret->mine, value.data + 1, sizeof(ret->mine));
	memcpy(&ret->next, value.data + 17, sizeof(ret->next));
	memcpy(ret->late, value.data + 33, sizeof(ret->late));
	return 0;
}

static int save_marks(struct catalog *c, const struct marks *m, bool durably)
{
	struct key key = record_key();
	uint8_t value[RECORD_SIZE] = { RECORD_VERSION };
	struct batch *b;
	uint64_t lsn;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	memcpy(value + 1, &m->mine, sizeof(m->mine));
	memcpy(value + 17, &m->next, sizeof(m->next));
	memcpy(value + 33, m->late, sizeof(m->late));
	batch_put(b, key.bytes, key.len, value, sizeof(value));
	r = batch_commit(b, &lsn);
	return r < 0 || !durably ? r : catalog_sync(c, lsn);
}

static int remove_marks(struct catalog *c)
{
	struct key key = record_key();
	struct batch *b;
	int r = catalog_begin(c, true, &b);

	if (r < 0)
		return r;
	batch_remove(b, key.bytes, key.len);
	return batch_commit(b, NULL);
}

/* Zeros are nobody's, but as `mine`: see owner.h. */
static bool is_ours(const struct marks *m, struct id128 mark)
{
	bool ours = id128_equal(mark, m->mine);

	if (!m->known || id128_is_zero(mark))
		return ours;
	for (unsigned k = 0; k < LATE_MAX; k++)
		ours = ours || id128_equal(mark, m->late[k]);
	return ours || id128_equal(mark, m->next);
}

/* ---- the object */

struct seen {
	bool there;
	struct id128 volume, mark;
	char etag[BUCKET_ETAG_SIZE];
};

static struct bucket_call call_with(struct bucket_error *ret_error)
{
	return (struct bucket_call){ .cause = BUCKET_OTHER, .timeout_ms = TIMEOUT_MS, .ret_error = ret_error };
}

static int say(struct bucket_error *ret_error, int error, const char *text)
{
	*ret_error = (struct bucket_error){ .error = error };
	(void) snprintf(ret_error->text, sizeof(ret_error->text), "%s", text);
	return error;
}

/* Whoever wrote it. */
static int parse(char *text, struct seen *ret, struct bucket_error *ret_error)
{
	char *mark = text + ID128_TEXT_SIZE - 1;

	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) >= ID128_TEXT_SIZE && *mark == ' ') {
		*mark++ = '\0';
		if (id128_parse(mark, &ret->mark) < 0)
			text[0] = '\0';
	}
	if (id128_parse(text, &ret->volume) < 0)
		return say(ret_error, -EADDRINUSE,
			   "the object 'owner' below the prefix in [cold] url is not brainyfs': give the volume a prefix of its own");
	ret->there = true;
	return 0;
}

/* The ETag is asked for first: a text that is newer than it makes the conditional PUT fail. */
static int read_owner(struct bucket *b, bool with_etag, struct seen *ret, struct bucket_error *ret_error)
{
	const struct bucket_call call = call_with(ret_error);
	struct bucket_object object = { 0 };
	char text[TEXT_MAX] = "";
	int64_t n = with_etag ? bucket_head(b, &call, OWNER_KEY, &object) : 0;

	*ret = (struct seen){ 0 };
	if (n >= 0)
		n = bucket_get(b, &call, OWNER_KEY, 0, text, sizeof(text) - 1);
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	memcpy(ret->etag, object.etag, sizeof(ret->etag));
	return parse(text, ret, ret_error);
}

static int write_owner(const struct owner *o, const struct seen *seen, struct id128 mark, bool condition,
		       struct bucket_error *ret_error)
{
	const struct bucket_call call = call_with(ret_error);
	char volume[ID128_TEXT_SIZE], own[ID128_TEXT_SIZE], text[TEXT_MAX];
	const struct bucket_body body = {
		.data = text,
		.len = (size_t)snprintf(text, sizeof(text), "%s %s\n", id128_format(o->volume, volume), id128_format(mark, own)),
	};

	if (condition)
		return bucket_put_if(o->bucket, &call, OWNER_KEY, &body, seen->there ? seen->etag : NULL, NULL);
	return bucket_put(o->bucket, &call, OWNER_KEY, &body, NULL);
}

/* ---- judgement */

static int other_volume(struct id128 other, struct bucket_error *ret_error)
{
	char text[BUCKET_TEXT_SIZE], id[ID128_TEXT_SIZE];

	(void) snprintf(text, sizeof(text), "the prefix in [cold] url belongs to volume %s; give each volume one of its own",
			id128_format(other, id));
	return say(ret_error, -EADDRINUSE, text);
}

static int judge(const struct owner *o, unsigned flags, const struct marks *m, const struct seen *seen,
		 struct bucket_error *ret_error)
{
	if (seen->there && !id128_equal(seen->volume, o->volume))
		return other_volume(seen->volume, ret_error);
	if (flags & OWNER_TAKE_OVER)
		return 0;
	if (seen->there && !is_ours(m, seen->mark))
		return say(ret_error, -EEXIST,
			   "another copy of this volume has used the prefix in [cold] url since this one did; unmount one of them "
			   "for good, and when this is the one that goes on: 'brainy cold attach --take-over URL MNT'");
	if (!seen->there && (flags & OWNER_EXPECTED))
		return say(ret_error, -ENOENT,
			   "there is no object 'owner' below the prefix in [cold] url, although packs of this volume are in a bucket: "
			   "is that the place? 'brainy cold attach URL MNT' says what is missing there");
	return 0;
}

int owner_look(const struct owner *o, unsigned flags, struct bucket_error *ret_error)
{
	struct marks marks;
	struct seen seen;
	int r = load_marks(o->catalog, &marks);

	*ret_error = (struct bucket_error){ 0 };
	if (r < 0)
		return say(ret_error, r, "the catalog's record of the owner cannot be read");
	r = read_owner(o->bucket, false, &seen, ret_error);
	return r < 0 ? r : judge(o, flags, &marks, &seen, ret_error);
}

/* ---- claiming */

static bool is_claimed(const struct owner *o, const struct marks *m, const struct seen *seen)
{
	return seen->there && id128_equal(seen->volume, o->volume) && id128_equal(seen->mark, m->next);
}

/* Whoever was faster, or ourselves by a request whose answer was lost: that is read. The last attempt is without a
 * condition: there are servers that know none. */
static int replace_mark(const struct owner *o, unsigned flags, const struct marks *m, struct seen *seen,
			struct bucket_error *ret_error)
{
	int r = BUCKET_EUNKNOWN;

	for (unsigned n = 1; r == BUCKET_EUNKNOWN && n <= TRIES; n++) {
		r = write_owner(o, seen, m->next, n < TRIES, ret_error);
		if (r != BUCKET_EUNKNOWN)
			return r;
		r = read_owner(o->bucket, true, seen, ret_error);
		if (r < 0 || is_claimed(o, m, seen))
			return r;
		r = judge(o, flags, m, seen, ret_error);
		r = r < 0 ? r : BUCKET_EUNKNOWN;
	}
	return r;
}

/* A claim that came to no end, as far as one can see now. */
static void keep_late(struct marks *m, const struct seen *seen)
{
	if (!m->known || id128_is_zero(m->next) || (seen->there && id128_equal(seen->mark, m->next)))
		return;
	memmove(m->late + 1, m->late, sizeof(m->late) - sizeof(m->late[0]));
	m->late[0] = m->next;
}

/* `mine` becomes what the object has, which may be the `next` of a claim that came to no end. */
static int begin_claim(const struct owner *o, struct marks *m, const struct seen *seen, struct bucket_error *ret_error)
{
	int r;

	keep_late(m, seen);
	m->known = true;
	if (seen->there)
		m->mine = seen->mark;
	m->next = id128_random();
	r = save_marks(o->catalog, m, true);
	return r < 0 ? say(ret_error, r, "the catalog does not take the record of the owner") : 0;
}

int owner_claim(const struct owner *o, unsigned flags, struct id128 *ret_mark, struct bucket_error *ret_error)
{
	struct marks marks;
	struct seen seen;
	int r = load_marks(o->catalog, &marks);

	*ret_error = (struct bucket_error){ 0 };
	if (r < 0)
		return say(ret_error, r, "the catalog's record of the owner cannot be read");
	r = read_owner(o->bucket, true, &seen, ret_error);
	if (r >= 0)
		r = judge(o, flags, &marks, &seen, ret_error);
	if (r >= 0)
		r = begin_claim(o, &marks, &seen, ret_error);
	if (r >= 0)
		r = replace_mark(o, flags, &marks, &seen, ret_error);
	if (r < 0)
		return r;
	*ret_mark = marks.mine = marks.next;
	marks.next = (struct id128){ 0 };
	return save_marks(o->catalog, &marks, false);
}

int owner_check(const struct owner *o, struct id128 mark, struct bucket_error *ret_error)
{
	struct marks marks;
	struct seen seen;
	int r = load_marks(o->catalog, &marks);

	*ret_error = (struct bucket_error){ 0 };
	if (r < 0)
		return say(ret_error, r, "the catalog's record of the owner cannot be read");
	marks.mine = mark;
	r = read_owner(o->bucket, false, &seen, ret_error);
	return r < 0 ? r : judge(o, OWNER_EXPECTED, &marks, &seen, ret_error);
}

int owner_release(const struct owner *o, struct bucket_error *ret_error)
{
	const struct bucket_call call = call_with(ret_error);
	const char *key = OWNER_KEY;
	int r;

	*ret_error = (struct bucket_error){ 0 };
	r = bucket_remove(o->bucket, &call, &key, 1);
	if (r < 0)
		return r;
	r = remove_marks(o->catalog);
	return r < 0 ? say(ret_error, r, "the catalog does not let go of the record of the owner") : 0;
}

bool owner_is_trouble(int error)
{
	return error == -EADDRINUSE || error == -EEXIST || error == -ENOENT;
}
