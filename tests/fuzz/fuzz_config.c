/* SPDX-License-Identifier: MIT */
/* brainy.conf: any text is parsed or refused with a sentence that begins with file and line. What was accepted makes a
 * policy, which answers. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The text itself is the file's path, tags and type. */
static void check_policy(const struct config *c, const char *text)
{
	struct policy_file f = {
		.bytes = { 0, 1, 2, 3 }, .path = text, .path_len = MIN(strlen(text), (size_t)4096), .tags = text,
		.tags_len = strlen(text), .type = text, .size_bytes = strlen(text),
	};
	struct policy_moment when = { .now_s = (int64_t)strlen(text) * 86400, .cold_attached = true };
	struct policy *p = NULL;
	struct policy_move m;
	char *why = NULL, words[100];

	assert(config_new_policy(c, &p, &why) == 0);
	policy_decide(p, &when, &f, &m);
	assert(strlen(policy_explain(&m, words, sizeof(words))) > 0);
	(void) policy_coldest(p, &when, &f);
	(void) policy_free(p);
}

static void check_windows(const struct config *c)
{
	struct time_windows w;
	int32_t offset;

	(void) config_windows(c, &w, &offset);
	assert((w.n > 0) == (c->tiers.window != NULL));
	for (int64_t now = 0; now < 8 * 86400; now += 3571)
		assert(windows_allow(&w, now + windows_wait_s(&w, now, offset), offset));
}

/* From nothing to this and back: nothing is lost, freed twice or left. */
static void check_changes(struct config *c)
{
	_cleanup_buf_ struct buf changed = BUF_INIT, waiting = BUF_INIT;
	struct config running = { 0 };

	assert(config_adopt(&running, c, &changed, &waiting) == 0);
	assert(running.n_classes == 0 || changed.len > 0);
	config_done(&running);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_free_ char *text = strndup((const char *)data, len);
	struct config c;
	char *why = NULL;
	int r = config_parse("f", data, len, &c, &why);

	assert(r == 0 || (r == -EINVAL && why && strncmp(why, "f:", 2) == 0 && strlen(why) > 10));
	free(why);
	if (r < 0 || !text)
		return 0;
	check_policy(&c, text);
	check_windows(&c);
	check_changes(&c);
	config_done(&c);
	return 0;
}
