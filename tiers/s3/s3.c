/* SPDX-License-Identifier: MIT */
#include "tiers/s3/s3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tiers/s3/s3_impl.h"

static void get_stats(struct bucket *b, struct bucket_stats *ret_stats)
{
	struct s3 *s = (struct s3 *)b;
	uint64_t now_ms = clock_mono_ms();
	LOCKED(&s->stats_lock);

	*ret_stats = s->stats;
	ret_stats->connections = http_connections(s->http);
	ret_stats->reopen_ms = 0;
	if (s->stats.breaker == BUCKET_OPEN && s->reopen_at_ms > now_ms)
		ret_stats->reopen_ms = (uint32_t)(s->reopen_at_ms - now_ms);
}

static void close_inbox(struct s3 *s)
{
	LOCKED(&s->inbox_lock);

	s->closing = true;
}

static void cancel(struct bucket *b)
{
	struct s3 *s = (struct s3 *)b;

	close_inbox(s);
	atomic_store(&s->cancelled, true);
	http_wake(s->http);
}

static uint64_t bounded(uint64_t per_s)
{
	return per_s > RATE_MOST ? 0 : per_s;
}

static void set_pace(struct bucket *b, const struct bucket_pace *p)
{
	struct s3 *s = (struct s3 *)b;

	atomic_store(&s->up_bytes_s, bounded(p->up_bytes_s));
	atomic_store(&s->down_bytes_s, bounded(p->down_bytes_s));
	atomic_store(&s->requests_s, bounded(p->requests_s));
	if (s->http)
		http_wake(s->http);
}

static void s3_free(struct bucket *b)
{
	struct s3 *s = (struct s3 *)b;

	close_inbox(s);
	s->http = http_stop(s->http);
	credentials_done(&s->credentials);
	address_done(&s->address);
	free(s->region);
	free((char *)(uintptr_t)s->config.ca_file);
	free((char *)(uintptr_t)s->config.proxy);
	free((char *)(uintptr_t)s->config.profile);
	(void) pthread_mutex_destroy(&s->inbox_lock);
	(void) pthread_mutex_destroy(&s->stats_lock);
	free(s);
}

static const struct bucket_ops s3_ops = {
	.start = s3_start,
	.put_large = s3_put_large,
	.list = s3_list,
	.sweep = s3_sweep,
	.set_pace = set_pace,
	.versioned = s3_versioned,
	.stats = get_stats,
	.cancel = cancel,
	.free = s3_free,
};

#define DEFAULT(field, value) ((field) = (field) ? (field) : (value))

static void fill_defaults(struct s3_config *c)
{
	DEFAULT(c->credentials, credentials_load);
	DEFAULT(c->min_connections, 1u);
	DEFAULT(c->max_connections, 64u);
	DEFAULT(c->idle_timeout_ms, 60000u);
	DEFAULT(c->connect_timeout_ms, 10000u);
	DEFAULT(c->request_timeout_ms, 30000u);
	DEFAULT(c->overall_timeout_ms, 120000u);
	DEFAULT(c->attempts, 6u);
	DEFAULT(c->retry_base_ms, 100u);
	DEFAULT(c->retry_most_ms, 20000u);
	DEFAULT(c->retry_budget, 100u);
	DEFAULT(c->breaker_failures, 12u);
	DEFAULT(c->breaker_pause_ms, 1000u);
	DEFAULT(c->breaker_pause_most_ms, 30000u);
	DEFAULT(c->part_size, 16u << 20);
	DEFAULT(c->parts_at_once, 4u);
	c->min_connections = MIN(c->min_connections, c->max_connections);
}

static int copy_text(const char **ret_copy, const char *text)
{
	*ret_copy = text ? strdup(text) : NULL;
	return text && !*ret_copy ? -ENOMEM : 0;
}

static int copy_config(struct s3 *s, const struct s3_config *config)
{
	struct s3_config *c = &s->config;
	int r;

	*c = *config;
	c->endpoint = c->region = c->bucket = c->prefix = NULL;
	c->ca_file = c->proxy = c->profile = NULL;
	fill_defaults(c);
	r = copy_text(&c->ca_file, config->ca_file);
	if (r >= 0)
		r = copy_text(&c->proxy, config->proxy);
	if (r >= 0)
		r = copy_text(&c->profile, config->profile);
	/* That of the caller's own has a context of its own. */
	if (c->credentials == credentials_load)
		c->credentials_context = (char *)(uintptr_t)c->profile;
	return r;
}

static void init_pace(struct s3 *s)
{
	const struct s3_config *c = &s->config;
	uint64_t now_ms = clock_mono_ms();

	set_pace(&s->bucket, &(struct bucket_pace){ c->up_bytes_s, c->down_bytes_s, c->requests_s });
	rate_init(&s->up, s->up_bytes_s, now_ms);
	rate_init(&s->down, s->down_bytes_s, now_ms);
	rate_init(&s->requests, s->requests_s, now_ms);
	inflight_init(&s->window, c->min_connections, c->max_connections);
	budget_init(&s->budget, c->retry_budget);
	breaker_init(&s->breaker, c->breaker_failures, c->breaker_pause_ms, c->breaker_pause_most_ms);
	s->look_ms = HTTP_NEVER;
	s->stats.window = c->max_connections;
}

static int start_thread(struct s3 *s)
{
	const struct http_config http = {
		.name = "brainy-s3",
		.ca_file = s->config.ca_file,
		.proxy = s->config.proxy,
		.connections = s->config.max_connections,
		.idle_s = MAX(s->config.idle_timeout_ms / 1000, 1u),
		.tick = s3_tick,
		.context = s,
	};

	return http_start(&http, &s->http);
}

static int open_client(struct s3 *s, const struct s3_config *config, struct bucket_error *ret_why)
{
	const char *region = config->region ? config->region : "us-east-1";
	int r = copy_config(s, config);

	if (r < 0 || !(s->region = strdup(region)))
		return s3_fail_local(ret_why, -ENOMEM);
	r = address_init(&s->address, config->endpoint, region, config->bucket, config->prefix,
			 config->addressing, ret_why);
	if (r >= 0)
		r = s->config.credentials(s->config.credentials_context, &s->credentials, ret_why);
	if (r < 0)
		return r;
	s->loaded_ms = clock_mono_ms();
	init_pace(s);
	r = start_thread(s);
	return r < 0 ? s3_fail_local(ret_why, r) : 0;
}

int s3_open(const struct s3_config *config, struct bucket **ret_b, struct bucket_error *ret_why)
{
	struct s3 *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return s3_fail_local(ret_why, -ENOMEM);
	s->bucket.ops = &s3_ops;
	(void) pthread_mutex_init(&s->inbox_lock, NULL);
	(void) pthread_mutex_init(&s->stats_lock, NULL);
	r = open_client(s, config, ret_why);
	if (r < 0) {
		s3_free(&s->bucket);
		return r;
	}
	*ret_b = &s->bucket;
	return 0;
}
