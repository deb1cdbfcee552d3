/* SPDX-License-Identifier: MIT */
/* A small HTTP server that plays answers from a script, one a request, on a port of its own. What was asked is
 * kept, to be looked at. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIPT_MAX   64
#define REQUEST_MAX  4096
#define CLIENTS_MAX  4096

struct scripted_answer {
	int status;
	const char *headers;   /* whole lines with \r\n; NULL: none */
	const char *body;      /* NULL: none */
	unsigned delay_ms;     /* before it */
	bool reset;            /* the connection ends instead */
	bool cut;              /* half of the body, then the connection ends */
	bool chunked;          /* cut: without Content-Length */
};

struct scripted_server {
	int fd;
	unsigned port;
	char endpoint[48];
	pthread_t thread;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct scripted_answer script[SCRIPT_MAX], otherwise; /* the latter when the script is at its end */
	unsigned n, next;
	char requests[SCRIPT_MAX][REQUEST_MAX]; /* heads */
	unsigned n_requests;
	uint64_t body_bytes;
	int clients[CLIENTS_MAX];
	pthread_t threads[CLIENTS_MAX];
	unsigned n_clients;
};

struct scripted_client {
	struct scripted_server *s;
	int fd;
};

static inline bool scripted_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* The head of a request, and the body thrown away. */
static inline bool scripted_receive(struct scripted_server *s, int fd, char head[REQUEST_MAX])
{
	size_t len = 0, body = 0;
	const char *length;
	char sink[65536];

	while (len < REQUEST_MAX - 1 && recv(fd, head + len, 1, 0) == 1) {
		head[++len] = '\0';
		if (len >= 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
			break;
	}
	if (len < 4 || strcmp(head + len - 4, "\r\n\r\n") != 0)
		return false;
	length = strcasestr(head, "\r\nContent-Length:");
	body = length ? strtoul(length + 17, NULL, 10) : 0;
	if (strcasestr(head, "\r\nExpect: 100") && !scripted_send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25))
		return false;
	(void) pthread_mutex_lock(&s->lock);
	s->body_bytes += body;
	(void) pthread_mutex_unlock(&s->lock);
	while (body > 0) {
		ssize_t n = recv(fd, sink, body < sizeof(sink) ? body : sizeof(sink), 0);

		if (n <= 0)
			return false;
		body -= (size_t)n;
	}
	return true;
}

static inline struct scripted_answer scripted_next(struct scripted_server *s, const char *head)
{
	struct scripted_answer a;

	(void) pthread_mutex_lock(&s->lock);
	if (s->n_requests < SCRIPT_MAX)
		memcpy(s->requests[s->n_requests], head, strlen(head) + 1);
	s->n_requests++;
	a = s->next < s->n ? s->script[s->next++] : s->otherwise;
	(void) pthread_mutex_unlock(&s->lock);
	return a;
}

/* False: the connection is to end. */
static inline bool scripted_play(int fd, const struct scripted_answer *a, bool to_head)
{
	size_t len = a->body ? strlen(a->body) : 0;
	char head[1024], length[64] = "";

	if (a->delay_ms > 0)
		(void) usleep(a->delay_ms * 1000);
	if (a->reset)
		return false;
	if (!a->chunked && !(a->headers && strcasestr(a->headers, "content-length")))
		(void) snprintf(length, sizeof(length), "Content-Length: %zu\r\n", len);
	(void) snprintf(head, sizeof(head), "HTTP/1.1 %d Word\r\n%s%s\r\n", a->status, length, a->headers ? a->headers : "");
	if (!scripted_send(fd, head, strlen(head)))
		return false;
	if (len > 0 && !to_head && !scripted_send(fd, a->body, a->cut ? len / 2 : len))
		return false;
	return !a->cut;
}

static inline void *scripted_serve(void *context)
{
	struct scripted_client *c = context;
	char *head = malloc(REQUEST_MAX);

	while (head && scripted_receive(c->s, c->fd, head)) {
		struct scripted_answer a = scripted_next(c->s, head);

		if (!scripted_play(c->fd, &a, strncmp(head, "HEAD", 4) == 0))
			break;
	}
	(void) shutdown(c->fd, SHUT_RDWR);
	free(head);
	free(c);
	return NULL;
}

static inline void *scripted_accept(void *context)
{
	struct scripted_server *s = context;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0 && s->n_clients < CLIENTS_MAX) {
		struct scripted_client *c = malloc(sizeof(*c));
		int on = 1;

		if (!c)
			break;
		(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*c = (struct scripted_client){ s, fd };
		s->clients[s->n_clients] = fd;
		if (pthread_create(&s->threads[s->n_clients], NULL, scripted_serve, c) != 0)
			abort();
		s->n_clients++;
	}
	return NULL;
}

/* `port` 0: any. */
static inline struct scripted_server *scripted_start(unsigned port)
{
	struct scripted_server *s = calloc(1, sizeof(*s));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(at);
	int on = 1;

	if (!s)
		abort();
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void) setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s->fd, 128) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
		abort();
	s->port = ntohs(at.sin_port);
	(void) snprintf(s->endpoint, sizeof(s->endpoint), "http://127.0.0.1:%u", s->port);
	s->otherwise = (struct scripted_answer){ .status = 500 };
	(void) pthread_mutex_init(&s->lock, NULL);
	if (pthread_create(&s->thread, NULL, scripted_accept, s) != 0)
		abort();
	return s;
}

/* Forgets what was asked, and plays these from now on. */
static inline void scripted_set(struct scripted_server *s, const struct scripted_answer *script, unsigned n)
{
	(void) pthread_mutex_lock(&s->lock);
	memcpy(s->script, script, n * sizeof(*script));
	s->n = n;
	s->next = s->n_requests = 0;
	s->body_bytes = 0;
	(void) pthread_mutex_unlock(&s->lock);
}

/* What is answered when the script is at its end; at first 500. */
static inline void scripted_set_otherwise(struct scripted_server *s, struct scripted_answer a)
{
	(void) pthread_mutex_lock(&s->lock);
	s->otherwise = a;
	(void) pthread_mutex_unlock(&s->lock);
}

static inline unsigned scripted_asked(struct scripted_server *s)
{
	unsigned n;

	(void) pthread_mutex_lock(&s->lock);
	n = s->n_requests;
	(void) pthread_mutex_unlock(&s->lock);
	return n;
}

/* Whether the head of request `i` holds `text`. */
static inline bool scripted_saw(struct scripted_server *s, unsigned i, const char *text)
{
	bool saw;

	(void) pthread_mutex_lock(&s->lock);
	saw = i < s->n_requests && i < SCRIPT_MAX && strstr(s->requests[i], text);
	(void) pthread_mutex_unlock(&s->lock);
	return saw;
}

static inline void scripted_stop(struct scripted_server *s)
{
	(void) shutdown(s->fd, SHUT_RDWR);
	(void) pthread_join(s->thread, NULL);
	(void) close(s->fd);
	for (unsigned i = 0; i < s->n_clients; i++)
		(void) shutdown(s->clients[i], SHUT_RDWR);
	for (unsigned i = 0; i < s->n_clients; i++) {
		(void) pthread_join(s->threads[i], NULL);
		(void) close(s->clients[i]);
	}
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
}
