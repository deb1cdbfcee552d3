/* SPDX-License-Identifier: MIT */
/* Retention: removes a file, all its names, as unlink does. Thread-safety: as gather.h. */
#pragma once

#include "tiers/move/gather.h"

/* Decides anew first, and once more with the writer lock held before each name goes: a file that was opened, read, changed
 * or given a setting in between keeps what it has by then. 1: it is gone. 0: it stays. */
int file_expire(struct gathering *g, uint64_t ino);
