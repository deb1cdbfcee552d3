/* SPDX-License-Identifier: MIT */
/* Takes rights away from the calling process, for good. Three walls that do not rely on each other:
 *
 *   landlock   reads and runs files below /usr and /lib* only, writes none, no TCP, no signals outside
 *   seccomp    the zygote loses sockets, mounts, tracing and their like; a worker keeps a short list of
 *              calls, without fork, exec, kill, and opening for writing
 *   limits     memory, CPU time, descriptors, processes; no core file, no file larger than 0 bytes
 *
 * and, where the kernel lets us: an own network namespace, and the user nobody when started by root.
 *
 * Thread-safety: none, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Once, in the zygote, before anything else. Walls this kernel lacks are added to *ret_missing, as
 * EXTRACTOR_NO_*. -errno: a wall it has could not be put up. */
int sandbox_enter(uint32_t *ret_missing);

enum sandbox_role {
	SANDBOX_WORKER, /* our own code over a document */
	SANDBOX_READER, /* about to run pdftotext */
};

struct sandbox_limits {
	unsigned cpu_seconds; /* 0: none */
	uint64_t extra_bytes; /* of memory, beyond SANDBOX_MEMORY: the document's size */
};

#define SANDBOX_MEMORY (512ull << 20)

/* The shadow memory of AddressSanitizer takes terabytes of address space: no limit then. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_MEMORY_LIMITED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_MEMORY_LIMITED 0
#endif
#endif
#ifndef SANDBOX_MEMORY_LIMITED
#define SANDBOX_MEMORY_LIMITED 1
#endif

/* In a forked child, before it touches a document. */
int sandbox_confine(enum sandbox_role role, const struct sandbox_limits *limits);
