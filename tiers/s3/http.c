/* SPDX-License-Identifier: MIT */
/* libcurl's multi interface, with one easy handle a transfer; handles are kept for the next. Connections
 * belong to the multi handle, which picks the one used last. Nothing is followed or tried again here, but
 * what libcurl repeats by itself: a request on a kept connection that turns out to be closed. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "tiers/s3/http_impl.h"

#define WAIT_MOST_MS 60000

static_assert(sizeof(((struct http_transfer *)0)->complaint) >= CURL_ERROR_SIZE, "room for libcurl's text");

static void reset_answer(struct http_transfer *t)
{
	t->failure = HTTP_FINE;
	t->error = 0;
	t->reason = "";
	t->complaint[0] = '\0';
	t->untouched = false;
	t->status = 0;
	t->length = HTTP_NO_LENGTH;
	t->sent = t->got = t->body_at = 0;
	t->fields = (struct http_fields){ 0 };
	buf_reset(&t->text);
}

/* The lines may hold a session token. */
static void wipe_list(struct http_transfer *t)
{
	for (struct curl_slist *l = t->list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(t->list);
	t->list = NULL;
}

static void release(struct http *h, struct http_transfer *t)
{
	CURL *e = steal_ptr(&t->easy);

	if (!e)
		return;
	curl_easy_reset(e);
	wipe_list(t);
	if (h->n_spares < HTTP_SPARE_HANDLES)
		h->spares[h->n_spares++] = e;
	else
		curl_easy_cleanup(e);
}

int http_begin(struct http *h, struct http_transfer *t)
{
	int r;

	reset_answer(t);
	t->easy = h->n_spares > 0 ? h->spares[--h->n_spares] : curl_easy_init();
	if (!t->easy)
		return -ENOMEM;
	r = http_set_up(h, t);
	if (r >= 0 && curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
		r = -ENOMEM;
	if (r < 0)
		release(h, t);
	return r;
}

void http_cancel(struct http *h, struct http_transfer *t)
{
	if (!t->easy)
		return;
	(void) curl_multi_remove_handle(h->multi, t->easy);
	release(h, t);
}

void http_transfer_done(struct http_transfer *t)
{
	buf_done(&t->text);
}

static enum http_failure failure_of(CURLcode c, const struct http_transfer *t)
{
	switch (c) {
	case CURLE_OK:
		return HTTP_FINE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return HTTP_NO_HOST;
	case CURLE_COULDNT_CONNECT:
		return HTTP_REFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return HTTP_UNTRUSTED;
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_NO_CA;
	case CURLE_SSL_CONNECT_ERROR:
		return HTTP_NO_TLS;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return HTTP_RESET;
	case CURLE_PARTIAL_FILE:
		return HTTP_SHORT;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
		return HTTP_GARBAGE;
	case CURLE_WRITE_ERROR:
		return HTTP_TOO_LONG;
	case CURLE_ABORTED_BY_CALLBACK:
	case CURLE_READ_ERROR:
		return t->error < 0 ? HTTP_BODY : HTTP_OTHER;
	case CURLE_OUT_OF_MEMORY:
		return HTTP_NO_MEMORY;
	default:
		return HTTP_OTHER;
	}
}

static void note_answer(struct http *h, struct http_transfer *t, CURLcode c)
{
	long status = 0, request_size = 0, connects = 0;
	curl_off_t length = -1, sent = 0;

	(void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	(void) curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request_size);
	(void) curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	(void) curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	(void) curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	t->failure = failure_of(c, t);
	t->untouched = request_size == 0;
	t->status = (int)status;
	t->length = length < 0 ? HTTP_NO_LENGTH : (uint64_t)length;
	t->sent = (uint64_t)sent;
	(void) atomic_fetch_add(&h->connections, (uint64_t)connects);
	if (c != CURLE_OK)
		t->reason = *t->complaint ? t->complaint : curl_easy_strerror(c);
}

/* Returns how many transfers ended. */
static unsigned finish_some(struct http *h)
{
	unsigned n = 0;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode c = m->data.result;

		(void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		note_answer(h, t, c);
		(void) curl_multi_remove_handle(h->multi, t->easy);
		release(h, t);
		t->done(t);
		n++;
	}
	return n;
}

/* ---- the thread ---- */

static void *run(void *context)
{
	struct http *h = context;
	int under_way;

	for (;;) {
		bool stopping = h->stopping;
		uint64_t wait_ms = h->config.tick(h->config.context, stopping);

		if (stopping)
			return NULL;
		(void) curl_multi_perform(h->multi, &under_way);
		if (finish_some(h) == 0)
			(void) curl_multi_poll(h->multi, NULL, 0, (int)MIN(wait_ms, (uint64_t)WAIT_MOST_MS),
					      NULL);
	}
}

static void init_library(void)
{
	(void) curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct http *http_free(struct http *h)
{
	while (h->n_spares > 0)
		curl_easy_cleanup(h->spares[--h->n_spares]);
	(void) curl_multi_cleanup(h->multi);
	free(h);
	return NULL;
}

int http_start(const struct http_config *config, struct http **ret_h)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	(void) pthread_once(&once, init_library);
	h->config = *config;
	h->multi = curl_multi_init();
	if (!h->multi) {
		free(h);
		return -EIO;
	}
	(void) curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)config->connections);
	(void) curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	r = thread_start(&h->thread, config->name, run, h);
	if (r < 0) {
		http_free(h);
		return r;
	}
	*ret_h = h;
	return 0;
}

void http_wake(struct http *h)
{
	(void) curl_multi_wakeup(h->multi);
}

struct http *http_stop(struct http *h)
{
	if (!h)
		return NULL;
	h->stopping = true;
	http_wake(h);
	(void) pthread_join(h->thread, NULL);
	return http_free(h);
}

uint64_t http_connections(struct http *h)
{
	return h->connections;
}
