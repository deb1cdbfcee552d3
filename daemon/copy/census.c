/* SPDX-License-Identifier: MIT */
#include "daemon/copy/census.h"

#include <errno.h>
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/thread.h"
#include "daemon/copy/globs.h"

struct census {
	const struct census_source *sources; /* borrowed */
	unsigned n;
	const struct globs *ignored;         /* borrowed; may be NULL */
	pthread_t thread;
	atomic_bool stop, done;
	atomic_uint_least64_t files, bytes;
};

/* The path below the destination of what fts(3) found below the source. */
static bool is_ignored(const struct census *c, const struct census_source *s, const FTSENT *f,
		       struct buf *path)
{
	const char *below = f->fts_path + strlen(s->path), *text;

	below += strspn(below, "/");
	buf_reset(path);
	if (!c->ignored || buf_addf(path, "%s%s%s", s->as, *s->as && *below ? "/" : "", below) < 0)
		return false;
	text = buf_cstr(path);
	return text && *text && globs_match(c->ignored, text, f->fts_info == FTS_D);
}

static void count(struct census *c, const struct census_source *s)
{
	char *roots[] = { (char *)s->path, NULL };
	_cleanup_buf_ struct buf path = BUF_INIT;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | (*s->as ? 0 : FTS_COMFOLLOW), NULL);
	FTSENT *f;

	while (fts && !atomic_load(&c->stop) && (f = fts_read(fts)) != NULL) {
		if (f->fts_info == FTS_DP)
			continue;
		if (is_ignored(c, s, f, &path)) {
			(void) fts_set(fts, f, FTS_SKIP);
		} else if (f->fts_info != FTS_D && f->fts_info != FTS_DNR && f->fts_info != FTS_NS) {
			atomic_fetch_add(&c->files, 1);
			atomic_fetch_add(&c->bytes,
					 f->fts_info == FTS_F ? (uint64_t)f->fts_statp->st_size : 0);
		}
	}
	if (fts)
		(void) fts_close(fts);
}

static void *run(void *context)
{
	struct census *c = context;

	for (unsigned i = 0; i < c->n; i++)
		count(c, &c->sources[i]);
	atomic_store(&c->done, true);
	return NULL;
}

int census_start(const struct census_source *sources, unsigned n, const struct globs *ignored,
		 struct census **ret_c)
{
	struct census *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->sources = sources;
	c->n = n;
	c->ignored = ignored;
	r = thread_start(&c->thread, "brainy-census", run, c);
	if (r < 0)
		free(c);
	else
		*ret_c = c;
	return r;
}

bool census_get(const struct census *c, uint64_t *ret_files, uint64_t *ret_bytes)
{
	bool done = atomic_load(&c->done);

	*ret_files = atomic_load(&c->files);
	*ret_bytes = atomic_load(&c->bytes);
	return done;
}

struct census *census_stop(struct census *c)
{
	if (!c)
		return NULL;
	atomic_store(&c->stop, true);
	(void) pthread_join(c->thread, NULL);
	free(c);
	return NULL;
}
