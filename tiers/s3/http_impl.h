/* SPDX-License-Identifier: MIT */
/* Shared by the files that wrap libcurl, and seen by no other. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include "tiers/s3/http.h"

#define HTTP_SPARE_HANDLES 64u

struct http {
	struct http_config config;
	CURLM *multi;                /* owned */
	CURL *spares[HTTP_SPARE_HANDLES]; /* owned; the thread's */
	unsigned n_spares;
	_Atomic bool stopping;
	_Atomic uint64_t connections;
	pthread_t thread;
};

/* Prepares t->easy, a fresh handle, for the transfer. -ENOMEM: what was set up is to be released all the same. */
int http_set_up(struct http *h, struct http_transfer *t);
