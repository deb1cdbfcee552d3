/* SPDX-License-Identifier: MIT */
/* What daemon and brainy-extract say to each other. The daemon is trusted by the program, not the
 * other way round: it reads `done` records and documents as the words of an enemy.
 *
 * Descriptor 3 of the program is a SOCK_SEQPACKET socket, over which the zygote first sends a struct
 * extract_hello (with its /proc/self/autogroup open for writing, where there is one) and then gets one struct
 * extract_request a packet, with descriptors:
 *
 *   RUN     document (a sealed memfd), result (a pipe's end), done (a pipe's end)
 *   SHARED  a stream socket, done: a worker for many documents, which either reads plain texts or tells
 *           kinds, so that whoever takes over the one that meets unknown bytes gets no text. Each document:
 *           struct extract_shared, name, bytes; each answer: a document. To EXTRACT_TELL_KIND it has no
 *           text: SKIPPED and why when its kind is not read, else INDEXED, and `why` is EXTRACT_IS_PLAIN if
 *           it is plain text
 *   KILL    none; nothing happens when request `id` has ended
 *
 * A document is what result_encode() writes. When the processes of a request are gone, a struct
 * extract_done comes through `done`. End of file without one: the zygote is gone. */
#pragma once

#include <stdint.h>

#define EXTRACT_CONTROL_FD  3
#define EXTRACT_NAME_MAX    255
#define EXTRACT_SHARED_MAX  (1u << 20) /* longer texts get a worker of their own */
#define EXTRACT_SHARED_RUNS 10000      /* documents until a shared worker is replaced */

enum extract_verb { EXTRACT_RUN = 1, EXTRACT_SHARED, EXTRACT_KILL };

struct extract_request {
	uint64_t id;
	uint64_t len; /* of the document */
	uint32_t verb;
	uint32_t cpu_seconds;
	uint32_t pdf; /* start pdftotext too */
	char name[EXTRACT_NAME_MAX + 1];
};

enum extract_task { EXTRACT_READ_PLAIN, EXTRACT_TELL_KIND, EXTRACT_TASKS };

struct extract_shared {
	uint32_t task;     /* enum extract_task */
	uint32_t name_len; /* at most EXTRACT_NAME_MAX */
	uint32_t len;      /* at most EXTRACT_SHARED_MAX */
};

#define EXTRACT_IS_PLAIN "plain"

struct extract_hello {
	uint32_t version; /* EXTRACT_VERSION */
	uint32_t missing; /* enum extractor_missing */
};

#define EXTRACT_VERSION 3

struct extract_done {
	int32_t worker; /* status as wait() gives it */
	int32_t reader; /* of pdftotext, 0 without one */
};
