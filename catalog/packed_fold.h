/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what a checkpoint does with the changes of packed sets (packed_set.h). They come in the order of
 * their keys, so each chunk is read and written once for all of its pairs. Where it grows too large it is split:
 * evenly, and the last one of a set into full ones, because what is new mostly comes at the end.
 *
 * A chunk that cannot be read is lost: its changes begin a new one, and `doubt` sees to it that the set is made anew.
 *
 * Applied twice, changes give what they give once, as all records do: a reader may find them in the overlay and in the
 * store. */
#pragma once

#include "catalog/packed_chunk.h"

struct packed_fold {
	/* The store as it is being written. Results below 0 end the checkpoint. */
	/* The first record at or behind `from`: 1, 0: there is none, -EBADMSG: it does not open; *ret_key is set. */
	int (*first)(void *context, const struct key *from, struct key *ret_key, struct buf *ret_value);
	int (*put)(void *context, const struct key *key, const void *value, size_t len);
	int (*remove)(void *context, const struct key *key);
	int (*doubt)(void *context);
	void *context;
	/* private: the chunk at hand, and what is to become of it */
	struct key key;
	size_t prefix_len;                /* 0: none is at hand */
	struct packed_member end;
	bool stored;
	struct buf members, changes, merged; /* struct packed_member */
};

/* The next change, by its key and value in the overlay. One that is none is passed over. */
int packed_fold_add(struct packed_fold *f, const void *key, size_t key_len, const void *value, size_t len);
/* The last chunk. */
int packed_fold_end(struct packed_fold *f);
void packed_fold_done(struct packed_fold *f);
