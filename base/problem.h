/* SPDX-License-Identifier: MIT */
/* What is found wrong with a volume, a line each: whoever looks says it, whoever asked for the look shows it. */
#pragma once

typedef void (*problem_fn)(void *context, const char *text);

/* Hands `problem` the text, which is lost after the call; more than 255 bytes are cut off. */
void problem_say(problem_fn problem, void *context, const char *format, ...) __attribute__((format(printf, 3, 4)));
