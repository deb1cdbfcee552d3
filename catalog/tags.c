/* SPDX-License-Identifier: MIT */
/* Tags by their names, and which a file has. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "catalog/found.h"
#include "catalog/tags_impl.h"

/* ---- names */

bool tag_step_is_good(const char *name, size_t len)
{
	return len > 0 && len <= LABEL_NAME_MAX && !memchr(name, ',', len) && !memchr(name, '/', len) &&
	       !memchr(name, 0, len) && !tag_is_blank(name[0]) && !tag_is_blank(name[len - 1]);
}

/* Steps of a whole name; empty ones are stepped over. */
struct steps {
	const char *at, *end;
	unsigned depth;
};

static bool next_step(struct steps *s, const char **ret_name, size_t *ret_len)
{
	const char *slash;

	while (s->at < s->end && *s->at == '/')
		s->at++;
	if (s->at == s->end)
		return false;
	slash = ++s->depth < TAG_DEPTH_MAX ? memchr(s->at, '/', (size_t)(s->end - s->at)) : NULL;
	*ret_name = s->at;
	*ret_len = (size_t)((slash ? slash : s->end) - s->at);
	s->at += *ret_len;
	return true;
}

int tag_find(struct catalog *c, const char *name, size_t len, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + len };
	uint64_t id = LABEL_ROOT_TAGS;
	int r = -ENOENT;

	while (next_step(&steps, &name, &len)) {
		r = label_find(c, id, name, len, &id);
		if (r < 0)
			return r;
	}
	if (r >= 0)
		*ret_id = id;
	return r;
}

int tag_make(struct batch *b, const char *name, size_t len, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + len };
	uint64_t id = LABEL_ROOT_TAGS;
	int r = 0;

	while (next_step(&steps, &name, &len)) {
		r = label_make(b, id, name, len, 0, 0, &id);
		if (r < 0)
			return r;
		r = 1;
	}
	*ret_id = id;
	return r;
}

/* In a list it could not be told from several. */
int tags_make_found(struct batch *b, const char *name, size_t len, uint64_t *ret_id)
{
	return memchr(name, ',', len) ? 0 : tag_make(b, name, len, ret_id);
}

int tag_name(struct catalog *c, uint64_t id, struct buf *ret_name)
{
	_cleanup_label_ struct label l = { 0 };
	int r = label_get(c, id, &l);

	if (r >= 0 && l.above != LABEL_ROOT_TAGS) {
		r = tag_name(c, l.above, ret_name); /* at most TAG_DEPTH_MAX deep: see label_rename() */
		if (r >= 0)
			r = buf_add_u8(ret_name, '/');
	}
	return r < 0 ? r : buf_add(ret_name, l.name.data, l.name.len);
}

/* ---- making, removing and renaming them */

/* All its steps; the last one is new. */
static int make_in(struct tree_op *op, uint64_t above, const char *name, uint64_t *ret_id)
{
	struct steps steps = { .at = name, .end = name + strlen(name) };
	uint32_t uid = op->rq ? op->rq->uid : 0;
	int r = -EINVAL;
	bool made = false;
	size_t len;

	while (next_step(&steps, &name, &len)) {
		r = tag_step_is_good(name, len) ? label_find_in(op->b, above, name, len, ret_id) : -EINVAL;
		made = r == -ENOENT;
		if (made)
			r = label_make(op->b, above, name, len, LABEL_KEPT, uid, ret_id);
		if (r < 0)
			return r;
		above = *ret_id;
	}
	return r < 0 || made ? r : -EEXIST;
}

int tree_make_tag(struct catalog *c, struct tree_request *rq, uint64_t above, const char *name, uint64_t *ret_id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, make_in(&op, above, name, ret_id), 0);
}

int tree_remove_tag(struct catalog *c, struct tree_request *rq, uint64_t id)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, true);

	return r < 0 ? r : op_end(&op, label_remove(op.b, id), 0);
}

/* The folder that it lay in must not go with it: another comes there. */
static int replace(struct batch *b, uint64_t other, uint64_t above)
{
	int r = above == LABEL_ROOT_TAGS ? 0 : label_change_flags(b, above, LABEL_KEPT, 0);

	return r < 0 ? r : label_remove(b, other);
}

static int rename_in(struct tree_op *op, uint64_t id, uint64_t above, const char *name, bool may_replace)
{
	size_t len = strlen(name);
	uint64_t other;
	int r = tag_step_is_good(name, len) ? label_find_in(op->b, above, name, len, &other) : -EINVAL;

	if (r >= 0 && other != id)
		r = may_replace ? replace(op->b, other, above) : -EEXIST;
	if (r < 0 && r != -ENOENT)
		return r;
	r = label_rename(op->b, id, above, name, len);
	return r < 0 ? r : label_change_flags(op->b, id, LABEL_KEPT, 0);
}

int tree_rename_tag(struct catalog *c, struct tree_request *rq, uint64_t id, uint64_t above, const char *name,
		    bool may_replace)
{
	struct tree_op op;
	int r = op_begin(&op, c, rq, false);

	return r < 0 ? r : op_end(&op, rename_in(&op, id, above, name, may_replace), 0);
}

/* ---- what a file has */

int tags_foreach_set(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context)
{
	_cleanup_tag_ids_ struct tag_ids set = { 0 };
	_cleanup_buf_ struct buf list = BUF_INIT;
	int r = xattr_get_stored(c, ino, XATTR_TAG_IDS, &list);

	if (r >= 0)
		r = tag_ids_of(list.data, list.len, &set);
	for (size_t k = 0; k < set.n && r == 0; k++)
		r = tag(context, set.ids[k], LABEL_SET);
	return r == -ENODATA ? 0 : r;
}

struct tag_visit {
	struct catalog *c;
	uint64_t ino;
	int (*tag)(void *context, uint64_t id, uint32_t why);
	void *context;
};

static int visit_set(void *context, uint64_t id, uint32_t why)
{
	struct tag_visit *v = context;
	int r = label_why(v->c, id, v->ino, &why);

	return r < 0 ? r : v->tag(v->context, id, why | LABEL_SET);
}

static int visit_found(void *context, uint64_t id)
{
	struct tag_visit *v = context;
	uint32_t why = 0;
	int r = label_is_below(v->c, id, LABEL_ROOT_TAGS);

	if (r > 0)
		r = label_why(v->c, id, v->ino, &why);
	return r < 0 || why != LABEL_FOUND ? MIN(r, 0) : v->tag(v->context, id, why);
}

int tree_foreach_tag(struct catalog *c, uint64_t ino, int (*tag)(void *context, uint64_t id, uint32_t why), void *context)
{
	struct tag_visit v = { .c = c, .ino = ino, .tag = tag, .context = context };
	int r = tags_foreach_set(c, ino, visit_set, &v);

	return r ? r : found_foreach_label(c, ino, visit_found, &v);
}
