/* SPDX-License-Identifier: MIT */
#include "fs/virtual/virtual.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/journal.h"
#include "fs/virtual/announcing.h"
#include "fs/virtual/live.h"
#include "fs/virtual/results.h"
#include "fs/virtual/users.h"
#include "fs/virtual/view.h"

#define ANSWERS_MAX (32u << 20)

int virtual_new(struct fs *fs, struct virtual **ret_v)
{
	struct virtual *v = calloc(1, sizeof(*v));
	uint64_t first = virtual_ino(VIRTUAL_ANSWER, clock_real_ns() >> 4 & VIRTUAL_NUMBER_MASK);
	int r;

	if (!v)
		return -ENOMEM;
	v->fs = fs;
	v->gid = getegid();
	(void) clock_gettime(CLOCK_REALTIME, &v->born);
	r = answers_new(ANSWERS_MAX, first, &v->answers);
	if (r == 0)
		r = view_table_new(&v->views);
	if (r == 0)
		r = results_cache_new(&v->results);
	if (r == 0)
		r = errors_new(&v->errors);
	if (r == 0)
		r = streams_new(&v->streams);
	if (r == 0)
		r = users_new(fs->shared->users, &v->users);
	if (r == 0)
		r = announcing_new(fs, &v->announcing);
	if (r < 0) {
		(void) virtual_free(v);
		return r;
	}
	*ret_v = v;
	return 0;
}

int virtual_start(struct virtual *v)
{
	int r = v->fs->config.index ? patience_start(v, &v->patience) : 0;

	announcing_start(v->announcing);
	if (r < 0 || !v->fs->config.index || v->fs->config.read_only)
		return r;
	r = v->fs->config.resumed ? 0 : journal_begin(v->fs->config.catalog, JOURNAL_EVENTS);
	return r < 0 ? r : live_start(v->fs, &v->live);
}

void virtual_stop(struct virtual *v)
{
	v->live = live_stop(v->live);
	announcing_stop(v->announcing);
	texts_drain(v);
}

void virtual_add_memory(struct virtual *v, struct memory_parts *m)
{
	memory_part_add(m, "answers", answers_memory(v->answers), ANSWERS_MAX);
}

struct virtual *virtual_free(struct virtual *v)
{
	if (!v)
		return NULL;
	v->patience = patience_stop(v->patience);
	v->answers = answers_free(v->answers);
	v->errors = errors_free(v->errors);
	v->streams = streams_free(v->streams);
	v->announcing = announcing_free(v->announcing);
	v->users = users_free(v->users);
	v->views = view_table_free(v->views);
	v->results = results_cache_free(v->results);
	free(v);
	return NULL;
}
