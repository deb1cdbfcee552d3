/* SPDX-License-Identifier: MIT */
/* The keys of the catalog. A key is one letter and big-endian numbers, so that memcmp() groups and
 * orders records; it holds no names. docs/format.md lists the values.
 *
 *   'I' ino                          inode (inode.h)
 *   'D' dir hash56                   entries of `dir` whose names have this keyed hash (dentry.c)
 *   'P' ino dir cookie               further names of an inode (the first is in the inode record)
 *   'X' ino hash64                   xattrs whose names have this keyed hash; a symlink's target is the
 *                                    one with the empty name (xattr_record.c)
 *   'E' ino end                      extent of a file, by where it ends (extent.h)
 *   'B' extent-id                    how many extents use an extent object
 *   'B' extent-id ino end            back reference: one that uses it (none of packs: extent_users.c)
 *   'S' segment                      account of a data segment
 *   'G' hash128, 'g' label           labels: tags, values of fields .. (labels.h)
 *   'h' label.., 'T' label ino       the labels below one, the files that have one (packed_set.h)
 *   'n' hash ino, 'm' quarter ino    names and times of files (file_sets.h)
 *   'y' label, 'a' label ino         saved searches (saved.h)
 *   'A' kind number                  journals (journal.h)
 *   'Q' queue ino                    queues: 1 index, 2 move, 3 delete
 *   'Q' 4 time id                    objects to be removed from the bucket (tiers/move/send.h)
 *   'O' ino                          orphan: unlinked, still open
 *   'N' ino                          what was found in a file's content (found.h)
 *   'M' segment                      index segment: registered, with its checksum
 *   'C' counter                      durable counters
 *   'R' group                        remembered replies (replies.h)
 *   'V' fact                         volume facts: 1 counters (tree_stats.c), 2 rules of the index
 *                                    (index/rules.h), 3 what was asked of the bucket (tiers/move/meter_record.h),
 *                                    4 marks of its owner (tiers/move/owner.h)
 *                                    5, 6 verifying (tiers/scrub/scrub_record.h),
 *                                    7 how well the dictionary does (tiers/move/dictionary_record.h),
 *                                    8 whether the sets of files are made (derive.h)
 *   'U' dir                          quota of a directory (quota.h)
 *   'L' 'l' ino, 'w', 'W' ino part   links between files (links.h)
 *   'F' field ...                    fields (reserved)
 *   'K' pack                         packs (pack_record.h)
 *   'z' prefix ..                    changes of packed sets since the last checkpoint: in the log only (packed_set.h)
 *   'Z' dictionary                   dictionaries that packs were compressed with (pack_record.h)
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/id.h"

#define ROOT_INO 1u
/* Top bit: virtual nodes of one mount. Then 15 bits shard, 48 bits counter. */
#define INO_VIRTUAL (1ull << 63)

struct key {
	uint8_t bytes[64];
	size_t len;
};

static inline struct key key_start(char letter)
{
	return (struct key){ .bytes = { (uint8_t)letter }, .len = 1 };
}
static inline struct key key_u64(struct key k, uint64_t v)
{
	store_be64(k.bytes + k.len, v);
	k.len += 8;
	return k;
}
static inline struct key key_id(struct key k, struct id128 id)
{
	memcpy(k.bytes + k.len, id.bytes, sizeof(id.bytes));
	k.len += sizeof(id.bytes);
	return k;
}
static inline struct key key_u56(struct key k, uint64_t v)
{
	uint8_t wide[8];

	store_be64(wide, v);
	memcpy(k.bytes + k.len, wide + 1, 7);
	k.len += 7;
	return k;
}
static inline struct key key_u8(struct key k, uint8_t v)
{
	k.bytes[k.len++] = v;
	return k;
}

enum queue_kind { QUEUE_INDEX = 1, QUEUE_MOVE = 2, QUEUE_DELETE = 3, QUEUE_COLD = 4 };
