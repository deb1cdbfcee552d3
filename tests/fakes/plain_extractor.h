/* SPDX-License-Identifier: MIT */
/* extract.h without processes: name the dependency before `index`, then it takes its place. By ending:
 * .bin skipped:binary, .bad failed:damaged, .slow needs more than 5 s, .dead the extractor cannot run,
 * all else text. */
#pragma once

/* How often extractor_run() was called. */
unsigned plain_extractor_runs(void);
