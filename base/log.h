/* SPDX-License-Identifier: MIT */
/* One line per event on stderr, or to the journal when stderr is connected to it. Log lines never
 * hold file names, queries, tags or values: inode numbers only.
 *
 * Only a thread's top function and daemon/ log above debug; modules return errors. */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Lines above `level` are dropped; the default is LOG_LEVEL_INFO, LOG_LEVEL_DEBUG with BRAINY_DEBUG set. */
void log_set_level(enum log_level level);

/* `error`: 0, or a negative errno whose text ends the line. Returns `error`. */
int log_line(enum log_level level, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* For events that may come in floods: true at most once a minute for each `last_ms`, which the
 * caller keeps, zeroed at first. Thread-safe. */
bool log_due(unsigned long long *last_ms);

#define log_error(error, ...) log_line(LOG_LEVEL_ERROR, error, __VA_ARGS__)
#define log_warn(error, ...) log_line(LOG_LEVEL_WARN, error, __VA_ARGS__)
#define log_info(...) ((void) log_line(LOG_LEVEL_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_line(LOG_LEVEL_DEBUG, 0, __VA_ARGS__))
