/* SPDX-License-Identifier: MIT */
#include "daemon/follow/paths.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

bool path_is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return len == 0 || (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

char *path_moved(const char *path, const char *from, const char *to)
{
	char *moved;

	return asprintf(&moved, "%s%s", to, path + strlen(from)) < 0 ? NULL : moved;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct path *)a)->name, ((const struct path *)b)->name);
}

static void path_free(void *p)
{
	struct path *one = p;

	free(one->name);
	free(one);
}

static struct path *path_new(const char *name)
{
	struct path *one = calloc(1, sizeof(*one));

	if (one)
		one->name = strdup(name);
	if (!one || one->name)
		return one;
	free(one);
	return NULL;
}

int paths_put(struct paths *p, const char *name, uint64_t due_ms, bool deep)
{
	struct path key = { .name = (char *)name }, **found = tfind(&key, &p->tree, compare), *one;

	if (found) {
		(*found)->due_ms = MIN((*found)->due_ms, due_ms);
		(*found)->deep |= deep;
		return 0;
	}
	one = path_new(name);
	if (!one)
		return -ENOMEM;
	one->due_ms = due_ms;
	one->deep = deep;
	if (!tsearch(one, &p->tree, compare)) {
		path_free(one);
		return -ENOMEM;
	}
	p->n++;
	return 0;
}

/* ---- all that are of a kind */

struct search {
	const char *folder; /* below it; NULL: any */
	uint64_t until_ms;
	struct path **found;
	size_t n;
	uint64_t next_ms;
};

static void look(const void *node, VISIT visit, void *context)
{
	struct path *one = *(struct path *const *)node;
	struct search *s = context;

	if (visit != postorder && visit != leaf)
		return;
	s->next_ms = MIN(s->next_ms, one->due_ms);
	if (s->found && one->due_ms <= s->until_ms && (!s->folder || path_is_below(one->name, s->folder)))
		s->found[s->n++] = one;
}

/* Takes them out of the tree, in their order. */
static int collect(struct paths *p, struct search *s)
{
	s->found = calloc(p->n + 1, sizeof(struct path *));
	if (!s->found)
		return -ENOMEM;
	twalk_r(p->tree, look, s);
	for (size_t i = 0; i < s->n; i++) {
		(void) tdelete(s->found[i], &p->tree, compare);
		p->n--;
	}
	return 0;
}

int paths_move(struct paths *p, const char *from, const char *to)
{
	struct search s = { .folder = from, .until_ms = UINT64_MAX };
	int r = collect(p, &s);

	for (size_t i = 0; i < s.n; i++) {
		_cleanup_free_ char *moved = path_moved(s.found[i]->name, from, to);

		if (!moved || paths_put(p, moved, s.found[i]->due_ms, s.found[i]->deep) < 0)
			r = -ENOMEM;
		path_free(s.found[i]);
	}
	free(s.found);
	return r;
}

int paths_take(struct paths *p, uint64_t now_ms, struct path **ret_list, size_t *ret_n)
{
	struct search s = { .until_ms = now_ms };
	struct path *list = calloc(p->n + 1, sizeof(*list));
	int r = list ? collect(p, &s) : -ENOMEM;

	if (r < 0) {
		free(list);
		return r;
	}
	for (size_t i = 0; i < s.n; i++) {
		list[i] = *s.found[i];
		free(s.found[i]);
	}
	free(s.found);
	*ret_list = list;
	*ret_n = s.n;
	return 0;
}

void paths_free_list(struct path *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].name);
	free(list);
}

uint64_t paths_next_ms(const struct paths *p)
{
	struct search s = { .next_ms = UINT64_MAX };

	twalk_r(p->tree, look, &s);
	return s.next_ms;
}

void paths_done(struct paths *p)
{
	tdestroy(p->tree, path_free);
	*p = (struct paths){ 0 };
}
