/* SPDX-License-Identifier: MIT */
/* The process that forks the workers: warmed up, in the sandbox, never reads a document. */
#pragma once

/* Serves requests from EXTRACT_CONTROL_FD until its other end is closed; then ends all workers. Returns
 * the exit status. */
int zygote_run(void);
