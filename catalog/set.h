/* SPDX-License-Identifier: MIT */
/* Private to catalog/: what a mount remembers of the sets it has checked, and checks for callers
 * who hold the writer lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "catalog/inode.h"

/* Remembers (inode, kind) pairs in 512 KiB. What it forgets is checked once more.
 * Thread-safety: safe. */
struct set_checks;

int set_checks_new(struct set_checks **ret_checks);
struct set_checks *set_checks_free(struct set_checks *checks);
/* Bytes, always the same. */
size_t set_checks_memory(void);
/* The store's own: made when it is opened, freed when it is closed. Implemented by each store. */
struct set_checks *catalog_set_checks(struct catalog *c);

/* First letter of the keys of its records. */
char set_letter(enum inode_set kind);
/* The hash of one member, of which the set has the XOR. */
struct id128 set_member(struct catalog *c, enum inode_set kind, const void *key, size_t key_len, const void *value,
			size_t value_len);
struct record;
/* One member more. */
void set_add(struct catalog *c, struct set_summary *s, enum inode_set kind, const struct record *record);
/* What the store holds, and whether two say the same. */
int set_sum(struct catalog *c, uint64_t ino, enum inode_set kind, struct set_summary *ret_s);
bool set_agrees(const struct set_summary *stored, const struct set_summary *found);
bool set_is_checked(struct catalog *c, uint64_t ino, enum inode_set kind);
/* As inode_check_set(), for a caller who holds the writer lock and has not changed this set yet. */
int set_check_held(struct catalog *c, const struct inode *i, enum inode_set kind);
