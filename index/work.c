/* SPDX-License-Identifier: MIT */
#include "index/work.h"

#include <errno.h>
#include <stdlib.h>

static void list_remove(struct work_set *s, struct work *w)
{
	*(w->newer ? &w->newer->older : &s->lists[w->place].newest) = w->older;
	*(w->older ? &w->older->newer : &s->lists[w->place].oldest) = w->newer;
	w->newer = w->older = NULL;
	s->lists[w->place].n--;
}

/* Each list is in the order of numbers; what comes is mostly the newest. */
static void list_add(struct work_set *s, struct work *w, enum work_place place)
{
	struct work *older = s->lists[place].newest;

	while (older && older->number > w->number)
		older = older->older;
	w->place = place;
	w->older = older;
	w->newer = older ? older->newer : s->lists[place].oldest;
	*(w->newer ? &w->newer->older : &s->lists[place].newest) = w;
	*(older ? &older->newer : &s->lists[place].oldest) = w;
	s->lists[place].n++;
}

void work_done(struct work_set *s)
{
	for (size_t i = 0; s->files.places && i <= s->files.mask; i++)
		if (s->files.places[i].ino)
			free(s->files.places[i].value);
	ino_map_done(&s->files);
	*s = (struct work_set){ 0 };
}

struct work *work_find(const struct work_set *s, uint64_t ino)
{
	struct ino_entry *e = ino_map_find(&s->files, ino);

	return e ? e->value : NULL;
}

static int work_new(struct work_set *s, uint64_t ino)
{
	struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ino = ino;
	w->number = s->next_number++;
	r = ino_map_set(&s->files, ino, w, 0);
	if (r < 0) {
		free(w);
		return r;
	}
	list_add(s, w, WORK_READY);
	return 0;
}

int work_news(struct work_set *s, uint64_t ino, bool content)
{
	struct work *w = work_find(s, ino);

	if (!w)
		return work_new(s, ino);
	w->number = s->next_number++;
	if (w->place == WORK_RUNNING) {
		w->again = true;
		w->stale = w->stale || content;
	} else {
		list_remove(s, w);
		list_add(s, w, w->place);
	}
	return 0;
}

void work_drop(struct work_set *s, struct work *w)
{
	list_remove(s, w);
	ino_map_remove(&s->files, w->ino);
	free(w);
}

void work_move(struct work_set *s, struct work *w, enum work_place place)
{
	list_remove(s, w);
	w->again = w->stale = false;
	list_add(s, w, place);
}

struct work *work_take(struct work_set *s)
{
	struct work *w = s->lists[WORK_READY].oldest;

	if (w)
		work_move(s, w, WORK_RUNNING);
	return w;
}

uint64_t work_wake_later(struct work_set *s, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (struct work *w = s->lists[WORK_LATER].oldest, *newer; w; w = newer) {
		newer = w->newer;
		if (w->due_ms <= now_ms)
			work_move(s, w, WORK_READY);
		else if (w->due_ms < next)
			next = w->due_ms;
	}
	return next;
}

void work_wake_held(struct work_set *s)
{
	while (s->lists[WORK_HELD].oldest)
		work_move(s, s->lists[WORK_HELD].oldest, WORK_READY);
}

bool work_is_before(const struct work_set *s, uint64_t number)
{
	const struct work *ready = s->lists[WORK_READY].oldest, *running = s->lists[WORK_RUNNING].oldest;
	const struct work *later = s->lists[WORK_LATER].oldest;

	return (ready && ready->number < number) || (running && (running->number < number || running->again)) ||
	       (later && later->number < number);
}

uint64_t work_pending(const struct work_set *s)
{
	return s->lists[WORK_READY].n + s->lists[WORK_RUNNING].n + s->lists[WORK_LATER].n;
}
