/* SPDX-License-Identifier: MIT */
/* What a forked child does. Both end the process. */
#pragma once

#include <stdint.h>

#include "index/extract/protocol.h"

struct worker_fds {
	int document; /* sealed memfd */
	int result;   /* pipe, or the socket of a shared worker */
	int pdf_text; /* -1 without pdftotext */
	int pdf_errors;
};

_Noreturn void worker_run(const struct extract_request *q, const struct worker_fds *fds);
_Noreturn void worker_run_shared(int socket);
/* Becomes pdftotext, from `document` to the two pipes. */
_Noreturn void worker_run_pdftotext(const struct extract_request *q, int document, int text, int errors);
