/* SPDX-License-Identifier: MIT */
#include "catalog/set_walk.h"

#include <errno.h>

static int advance(struct set_walk *w, enum inode_set kind)
{
	int r = cursor_next_record(w->kinds[kind].cur, &w->kinds[kind].record);

	w->kinds[kind].stands = r > 0;
	return r < 0 ? r : 0;
}

static int begin(struct set_walk *w, enum inode_set kind)
{
	struct key prefix = key_start(set_letter(kind));
	int r = cursor_open(w->c, prefix.bytes, prefix.len, &w->kinds[kind].cur);

	return r < 0 ? r : advance(w, kind);
}

static uint64_t ino_at(const struct set_walk *w, enum inode_set kind)
{
	const struct record *record = &w->kinds[kind].record;

	return record->key_len < 9 ? 0 : load_be64(record->key + 1);
}

int set_walk_sum(struct set_walk *w, uint64_t ino, enum inode_set kind, struct set_summary *ret_s)
{
	struct set_summary sum = { 0 };
	int r = w->kinds[kind].cur ? 0 : begin(w, kind);

	while (r >= 0 && w->kinds[kind].stands && ino_at(w, kind) < ino)
		r = advance(w, kind);
	while (r >= 0 && w->kinds[kind].stands && ino_at(w, kind) == ino) {
		set_add(w->c, &sum, kind, &w->kinds[kind].record);
		r = advance(w, kind);
	}
	if (r >= 0)
		*ret_s = sum;
	return r;
}

void set_walk_done(struct set_walk *w)
{
	for (unsigned k = 0; k < SET_KINDS; k++)
		cursor_close(w->kinds[k].cur);
}
