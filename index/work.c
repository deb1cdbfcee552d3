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

/* Each list is in the order of numbers; what comes is mostly the newest, or the oldest. */
static void list_add(struct work_set *s, struct work *w, enum work_place place)
{
	struct work *older = s->lists[place].newest, *oldest = s->lists[place].oldest;

	if (oldest && w->number < oldest->number)
		older = NULL;
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
	ino_set_done(&s->shrinking.files);
	ino_set_done(&s->growing.files);
	*s = (struct work_set){ .window = s->window };
}

struct work *work_find(const struct work_set *s, uint64_t ino)
{
	struct ino_entry *e = ino_map_find(&s->files, ino);

	return e ? e->value : NULL;
}

static bool backlog_has(const struct work_set *s, uint64_t ino)
{
	return ino_set_has(&s->shrinking.files, ino) || ino_set_has(&s->growing.files, ino);
}

static bool backlog_remove(struct work_set *s, uint64_t ino)
{
	return ino_set_remove(&s->shrinking.files, ino) || ino_set_remove(&s->growing.files, ino);
}

bool work_has(const struct work_set *s, uint64_t ino)
{
	return work_find(s, ino) || backlog_has(s, ino);
}

static uint64_t window(const struct work_set *s)
{
	return s->window ? s->window : WORK_WINDOW;
}

/* ---- into the backlog */

static int backlog_add(struct work_set *s, uint64_t ino, uint64_t number)
{
	struct work_backlog *b = &s->growing;
	bool first = b->files.n == 0;
	int r = ino_set_add(&b->files, ino);

	if (r >= 0 && (first || number < b->first))
		b->first = number;
	return r < 0 ? r : 0;
}

int work_old_news(struct work_set *s, uint64_t ino)
{
	struct work *w = work_find(s, ino);

	if (w && w->place == WORK_RUNNING)
		w->again = w->stale = true;
	return w || backlog_has(s, ino) ? 0 : backlog_add(s, ino, s->next_number++);
}

/* Without memory for that it stays where it is. */
static void to_backlog(struct work_set *s, struct work *w)
{
	if (backlog_add(s, w->ino, w->number) >= 0)
		work_drop(s, w);
}

/* ---- news */

static int work_new(struct work_set *s, uint64_t ino, uint64_t number, struct work **ret_w)
{
	struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ino = ino;
	w->number = number;
	r = ino_map_set(&s->files, ino, w, 0);
	if (r < 0) {
		free(w);
		return r;
	}
	list_add(s, w, WORK_READY);
	*ret_w = w;
	return 0;
}

/* In the backlog it is not lost where there is no memory for more. */
static int add_newest(struct work_set *s, uint64_t ino)
{
	struct work *w;
	int r = work_new(s, ino, s->next_number++, &w);

	if (r < 0)
		return backlog_has(s, ino) ? 0 : r;
	(void) backlog_remove(s, ino);
	if (s->lists[WORK_READY].n > window(s))
		to_backlog(s, s->lists[WORK_READY].oldest);
	return 0;
}

int work_news(struct work_set *s, uint64_t ino, bool content)
{
	struct work *w = work_find(s, ino);

	if (!w)
		return add_newest(s, ino);
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

void work_closed(struct work_set *s, uint64_t ino)
{
	struct work *w = work_find(s, ino);

	if (w && w->place == WORK_HELD)
		work_move(s, w, WORK_READY);
	else if (w && w->place == WORK_RUNNING)
		w->again = true;
	else if (!w && backlog_has(s, ino))
		(void) add_newest(s, ino);
}

void work_gone(struct work_set *s, uint64_t ino)
{
	struct work *w = work_find(s, ino);

	if (!w)
		(void) backlog_remove(s, ino);
	else if (w->place == WORK_RUNNING)
		w->again = w->stale = true;
	else
		work_drop(s, w);
}

/* ---- the worker */

void work_drop(struct work_set *s, struct work *w)
{
	list_remove(s, w);
	ino_map_remove(&s->files, w->ino);
	free(w);
}

void work_move(struct work_set *s, struct work *w, enum work_place place)
{
	list_remove(s, w);
	w->again = w->stale = w->changed = false;
	list_add(s, w, place);
}

void work_postpone(struct work_set *s, struct work *w, uint64_t due_ms)
{
	w->due_ms = due_ms;
	work_move(s, w, WORK_LATER);
	if (s->lists[WORK_LATER].n > window(s))
		to_backlog(s, w);
}

/* While so many fail, what comes from the backlog would only go back there, again and again without a pause. */
bool work_has_backlog(const struct work_set *s)
{
	return s->shrinking.files.n + s->growing.files.n > 0 && s->lists[WORK_LATER].n < window(s);
}

static struct work *take_from_backlog(struct work_set *s)
{
	struct work *w = NULL;
	uint64_t ino;

	if (s->shrinking.files.n == 0) {
		s->shrinking = s->growing;
		s->growing = (struct work_backlog){ 0 };
	}
	if (ino_set_next(&s->shrinking.files, 0, &ino) && work_new(s, ino, s->shrinking.first, &w) >= 0)
		(void) ino_set_remove(&s->shrinking.files, ino);
	return w;
}

static struct work *choose(struct work_set *s)
{
	struct work *w = NULL;

	if (s->taken++ % 2 == 0 && s->lists[WORK_READY].n > 0)
		return s->lists[WORK_READY].newest;
	if (work_has_backlog(s))
		w = take_from_backlog(s);
	return w ? w : s->lists[WORK_READY].oldest;
}

struct work *work_take(struct work_set *s)
{
	struct work *w = choose(s);

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

/* ---- figures */

static bool backlog_is_before(const struct work_backlog *b, uint64_t number)
{
	return b->files.n > 0 && b->first < number;
}

bool work_is_before(const struct work_set *s, uint64_t number)
{
	const struct work *ready = s->lists[WORK_READY].oldest, *running = s->lists[WORK_RUNNING].oldest;
	const struct work *later = s->lists[WORK_LATER].oldest;

	return (ready && ready->number < number) || (running && (running->number < number || running->again)) ||
	       (later && later->number < number) || backlog_is_before(&s->shrinking, number) ||
	       backlog_is_before(&s->growing, number);
}

uint64_t work_count(const struct work_set *s)
{
	return s->files.n + s->shrinking.files.n + s->growing.files.n;
}

uint64_t work_pending(const struct work_set *s)
{
	return work_count(s) - s->lists[WORK_HELD].n;
}

int work_list(const struct work_set *s, bool held, struct ino_set *ret_inos)
{
	int r = ino_set_merge(ret_inos, &s->shrinking.files);

	if (r >= 0)
		r = ino_set_merge(ret_inos, &s->growing.files);
	for (unsigned place = 0; place < WORK_PLACES; place++)
		for (const struct work *w = s->lists[place].oldest; w && r >= 0; w = w->newer)
			if (held || place != WORK_HELD)
				r = ino_set_add(ret_inos, w->ino);
	return r < 0 ? r : 0;
}

size_t work_bytes(const struct work_set *s)
{
	return s->files.n * sizeof(struct work) + ino_map_bytes(&s->files) + s->shrinking.files.bytes +
	       s->growing.files.bytes;
}
