/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static int max_level = -1;

void log_set_level(enum log_level level)
{
	__atomic_store_n(&max_level, (int)level, __ATOMIC_RELAXED);
}

static int current_level(void)
{
	int level = __atomic_load_n(&max_level, __ATOMIC_RELAXED);

	if (level >= 0)
		return level;
	level = getenv("BRAINY_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
	__atomic_store_n(&max_level, level, __ATOMIC_RELAXED);
	return level;
}

int log_line(enum log_level level, int error, const char *format, ...)
{
	char line[1024];
	size_t used;
	va_list args;

	if ((int)level > current_level())
		return error;
	/* "<4>" is how sd-daemon(3) tells the journal the priority of a line. */
	if (getenv("JOURNAL_STREAM"))
		used = (size_t)snprintf(line, sizeof(line), "<%d>brainy: ", (int)level);
	else
		used = (size_t)snprintf(line, sizeof(line), "brainy: ");
	va_start(args, format);
	(void) vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
	used = strlen(line);
	if (error < 0 && used < sizeof(line))
		(void) snprintf(line + used, sizeof(line) - used, ": %s", strerrordesc_np(-error));
	used = strnlen(line, sizeof(line) - 2);
	line[used++] = '\n';
	(void) !write(STDERR_FILENO, line, used);
	return error;
}

bool log_due(unsigned long long *last_ms)
{
	unsigned long long now = clock_mono_ms() + 1;
	unsigned long long last = __atomic_load_n(last_ms, __ATOMIC_RELAXED);

	if (last && now - last < 60000)
		return false;
	return __atomic_compare_exchange_n(last_ms, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
