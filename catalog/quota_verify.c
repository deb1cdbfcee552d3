/* SPDX-License-Identifier: MIT */
/* fsck of the quotas: one walk over all inodes, whose sums are compared with the records. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/problem.h"
#include "catalog/quota_impl.h"
#include "catalog/walk.h"

struct sum {
	struct quota q;
	uint64_t bytes, inodes; /* as counted */
};

struct verification {
	struct catalog *c;
	void (*problem)(void *context, const char *text);
	void *context;
	struct sum *sums; /* owned; ascending */
	size_t n;
	bool walking;     /* somewhere below a quota that is not settled: directories may differ from those above */
};

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct sum *)a)->q.dir, y = ((const struct sum *)b)->q.dir;

	return x < y ? -1 : x > y;
}

static struct sum *find(struct verification *v, uint64_t dir)
{
	struct sum wanted = { .q.dir = dir };

	return v->n ? bsearch(&wanted, v->sums, v->n, sizeof(wanted), compare) : NULL;
}

static int add_record(void *context, const struct record *record)
{
	struct verification *v = context;
	struct sum *more, sum = { 0 };

	if (record->key_len != 9 ||
	    quota_decode(load_be64(record->key + 1), record->value, record->value_len, &sum.q) < 0) {
		problem_say(v->problem, v->context, "the record of a quota cannot be read");
		return 0;
	}
	more = realloc(v->sums, (v->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->sums = more;
	v->sums[v->n++] = sum;
	v->walking |= sum.q.state == QUOTA_ADOPTING || sum.q.state == QUOTA_RELEASING;
	return 0;
}

/* A ring of parents ends where it would count more often than there are quotas. */
static void count(struct verification *v, const struct inode *i)
{
	uint64_t quota = i->quota;

	for (size_t n = 0; quota && n <= v->n; n++) {
		struct sum *s = find(v, quota);

		if (!s) {
			problem_say(v->problem, v->context, "inode %llu: counts for the quota of %llu, which is gone",
				    (unsigned long long)i->ino, (unsigned long long)quota);
			return;
		}
		s->bytes += i->bytes;
		s->inodes++;
		quota = s->q.parent;
	}
}

/* A directory counts where the one above it does, unless it has a quota of its own, which lies there. */
static void check_directory(struct verification *v, const struct inode *i)
{
	struct sum *own = quota_is_own(i) ? find(v, i->ino) : NULL;
	struct inode parent;

	if (!S_ISDIR(i->mode) || !i->parent || v->walking || inode_get(v->c, i->parent, &parent) < 0)
		return;
	if ((own ? own->q.parent : i->quota) != parent.quota)
		problem_say(v->problem, v->context, "inode %llu: a directory that counts for another quota than the one above it",
			    (unsigned long long)i->ino);
}

static int visit_inode(void *context, const struct record *record)
{
	struct verification *v = context;
	struct inode i;

	if (record->key_len != 9 || inode_get(v->c, load_be64(record->key + 1), &i) < 0)
		return 0; /* others speak of it */
	count(v, &i);
	check_directory(v, &i);
	return 0;
}

int64_t quota_verify(struct catalog *c, void (*problem)(void *context, const char *text), void *context)
{
	struct verification v = { .c = c, .problem = problem, .context = context };
	struct key quotas = key_start('U'), inodes = key_start('I');
	int r = records_foreach(c, &quotas, add_record, &v);

	if (r >= 0)
		r = records_foreach(c, &inodes, visit_inode, &v);
	for (size_t k = 0; r >= 0 && k < v.n; k++) {
		const struct sum *s = &v.sums[k];

		if (s->bytes != s->q.bytes || s->inodes != s->q.inodes)
			problem_say(v.problem, v.context, "quota of inode %llu: %llu bytes and %llu inodes count, its record says %llu and %llu",
				    (unsigned long long)s->q.dir, (unsigned long long)s->bytes,
				    (unsigned long long)s->inodes, (unsigned long long)s->q.bytes,
				    (unsigned long long)s->q.inodes);
	}
	free(v.sums);
	return r < 0 ? r : (int64_t)v.n;
}
