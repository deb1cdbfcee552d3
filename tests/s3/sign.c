/* SPDX-License-Identifier: MIT */
/* Signs the requests on standard input, one a line, for compare_sigv4.py: fields separated by tabs, each
 * percent-encoded: method, path, region, time in seconds, access key, secret key, session token ("": none), hash
 * of the payload, number of query parameters and their names and values, then the same for headers. Answers a
 * line each: Authorization, encoded path, encoded query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tiers/s3/sigv4.h"

#define PAIRS_MAX 32

static void decode(char *text)
{
	char *to = text;

	while (*text) {
		char hex[3] = { 0 };

		if (*text != '%') {
			*to++ = *text++;
			continue;
		}
		memcpy(hex, text + 1, 2);
		*to++ = (char)strtoul(hex, NULL, 16);
		text += 3;
	}
	*to = '\0';
}

static char *next_field(char **line)
{
	char *field = strsep(line, "\t\n");

	if (!field)
		exit(2);
	decode(field);
	return field;
}

static size_t next_pairs(char **line, struct sigv4_pair ret_pairs[PAIRS_MAX])
{
	size_t n = strtoul(next_field(line), NULL, 10);

	if (n > PAIRS_MAX)
		exit(2);
	for (size_t i = 0; i < n; i++) {
		ret_pairs[i].name = next_field(line);
		ret_pairs[i].value = next_field(line);
	}
	return n;
}

static void sign_line(char *line)
{
	struct sigv4_pair query[PAIRS_MAX], headers[PAIRS_MAX];
	struct sigv4_request q = { .query = query, .headers = headers };
	struct s3_credentials c = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	q.method = next_field(&line);
	q.path = next_field(&line);
	q.region = next_field(&line);
	q.time_s = strtoll(next_field(&line), NULL, 10);
	c.access_key = next_field(&line);
	c.secret_key = next_field(&line);
	c.session_token = next_field(&line);
	if (!*c.session_token)
		c.session_token = NULL;
	q.payload_hash = next_field(&line);
	q.n_query = next_pairs(&line, query);
	q.n_headers = next_pairs(&line, headers);
	r = sigv4_sign(&q, &c, &out);
	if (r < 0 || buf_add_str(&out, "\t") < 0 || sigv4_encode(&out, q.path, true) < 0 || buf_add_str(&out, "\t") < 0 ||
	    sigv4_add_query(&out, query, q.n_query) < 0 || !buf_cstr(&out))
		exit(1);
	puts((const char *)out.data);
}

int main(void)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0)
		sign_line(line);
	return 0;
}
