/* SPDX-License-Identifier: MIT */
#include "catalog/saved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/tree_impl.h"
#include "catalog/walk.h"

static struct key saved_key(uint64_t id)
{
	return key_u64(key_start('y'), id);
}

struct key saved_members(uint64_t id)
{
	return key_u64(key_start('a'), id);
}

void saved_done(struct saved *s)
{
	for (unsigned k = 0; k < SAVED_SETTINGS; k++)
		free(steal_ptr(&s->settings[k]));
}

/* `r`: what getting the value gave. */
static int decode(int r, const struct buf *value, struct saved *ret_s)
{
	struct reader in = reader_over(value->data, value->len);
	struct saved s = { 0 };

	for (unsigned k = 0; k < SAVED_SETTINGS && r >= 0; k++) {
		size_t len = 0;
		const void *text = reader_bytes(&in, &len);

		s.settings[k] = in.bad ? NULL : strndup(text, len);
		r = s.settings[k] ? 0 : in.bad ? -EBADMSG : -ENOMEM;
	}
	if (r < 0)
		saved_done(&s);
	else
		*ret_s = s;
	return r;
}

int saved_get(struct catalog *c, uint64_t id, struct saved *ret_s)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = saved_key(id);

	return decode(catalog_get(c, key.bytes, key.len, &value), &value, ret_s);
}

static int put(struct batch *b, uint64_t id, const char *const *settings)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = saved_key(id);
	int r = 0;

	for (unsigned k = 0; k < SAVED_SETTINGS && r >= 0; k++)
		r = buf_add_bytes(&value, settings[k], strlen(settings[k]));
	if (r >= 0)
		batch_put(b, key.bytes, key.len, value.data, value.len);
	return r;
}

/* No search is called so. */
static size_t name_of_root(uint32_t uid, char name[16])
{
	return (size_t)snprintf(name, 16, ".%u", (unsigned)uid);
}

int saved_root_of(struct catalog *c, uint32_t uid, uint64_t *ret_id)
{
	char name[16];
	size_t len = name_of_root(uid, name);

	return label_find(c, LABEL_ROOT_SAVED, name, len, ret_id);
}

bool saved_is_root(const struct label *l)
{
	return l->id == LABEL_ROOT_SAVED || (l->name.len && l->name.data[0] == '.');
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= LABEL_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

static int make_in(struct tree_op *op, uint64_t above, const char *name, uint64_t *ret_id)
{
	const char *const settings[SAVED_SETTINGS] = { name, "", "", "" };
	uint32_t uid = op->rq ? op->rq->uid : 0;
	size_t len = strlen(name);
	char root[16];
	int r = is_name(name) ? 0 : -EINVAL;

	if (r == 0 && !above)
		r = label_make(op->b, LABEL_ROOT_SAVED, root, name_of_root(uid, root), 0, uid, &above);
	if (r == 0)
		r = label_find_in(op->b, above, name, len, ret_id);

	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	r = label_make(op->b, above, name, len, LABEL_KEPT, uid, ret_id);
	return r < 0 ? r : put(op->b, *ret_id, settings);
}

int tree_make_saved(struct catalog *c, struct tree_request *rq, uint64_t above, const char *name, uint64_t *ret_id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, make_in(&op, above, name, ret_id), 0);
}

/* With what is known of the files that it found. */
static int remove_in(struct tree_op *op, uint64_t id)
{
	struct key key = saved_key(id), members = saved_members(id);
	int r = label_remove(op->b, id);

	if (r < 0)
		return r;
	batch_remove(op->b, key.bytes, key.len);
	return packed_set_drop(op->b, &members);
}

int tree_remove_saved(struct catalog *c, struct tree_request *rq, uint64_t id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, true);

	return r < 0 ? r : op_end(&op, remove_in(&op, id), 0);
}

int tree_rename_saved(struct catalog *c, struct tree_request *rq, uint64_t id, uint64_t above, const char *name)
{
	struct tree_op op;
	int r = is_name(name) ? op_begin(&op, c, rq, false) : -EINVAL;

	return r < 0 ? r : op_end(&op, label_rename(op.b, id, above, name, strlen(name)), 0);
}

static int set_in(struct tree_op *op, uint64_t id, enum saved_setting which, const char *text)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct key key = saved_key(id);
	struct saved s = { 0 };
	int r = decode(batch_get(op->b, key.bytes, key.len, &value), &value, &s);

	if (r >= 0) {
		const char *now[SAVED_SETTINGS];

		for (unsigned k = 0; k < SAVED_SETTINGS; k++)
			now[k] = k == (unsigned)which ? text : s.settings[k];
		r = put(op->b, id, now);
	}
	saved_done(&s);
	return r;
}

int tree_set_saved(struct catalog *c, struct tree_request *rq, uint64_t id, enum saved_setting which, const char *text)
{
	struct tree_op op;
	int r = strlen(text) > SAVED_SETTING_MAX ? -EFBIG : op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, set_in(&op, id, which, text), 0);
}
