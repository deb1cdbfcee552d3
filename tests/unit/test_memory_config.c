/* SPDX-License-Identifier: MIT */
/* The configuration, and the policy that is made of it, when there is no memory. */
#include <stdlib.h>
#include <string.h>

#include "daemon/config_policy.h"
#include "tests/unit/config_text.h"
#include "tests/unit/memory_steps.h"

static struct config kept; /* read with memory */

static int parse(unsigned k)
{
	struct config c = { 0 };
	char *why = NULL;
	int r = config_parse("f", everything, strlen(everything), &c, &why);

	free(why);
	config_done(&c);
	return r;
}

/* The last line of a long text is wrong, in one of several ways. */
static int parse_wrong(unsigned k)
{
	static const char *const wrong[] = {
		"[class films]\n", "[class x]\npath = [a\n", "[class x]\nowner = alice\n", "[cold]\nsecret = x\n",
		"[tiers]\nwindow = now\n", "[index]\nlanguages = klingon\n",
	};
	_cleanup_free_ char *text = NULL;
	char *why = NULL;
	struct config c;
	int r = asprintf(&text, "%s%s", everything, wrong[k % ARRAY_SIZE(wrong)]);

	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	r = config_parse("f", text, strlen(text), &c, &why);
	CHECK(r == -ENOMEM || r == -EINVAL);
	r = r == -EINVAL && !why ? -ENOMEM : r;
	free(why);
	return r == -EINVAL ? 0 : r;
}

static int make_policy(unsigned k)
{
	struct policy *p = NULL;
	char *why = NULL;
	int r = config_new_policy(&kept, &p, &why);

	CHECK((r == 0) == (p != NULL));
	(void) policy_free(p);
	free(why);
	return r;
}

/* Adopted as a whole or in part; what was not is so the next time. */
static int adopt(unsigned k)
{
	_cleanup_buf_ struct buf changed = BUF_INIT, waiting = BUF_INIT;
	struct config running = { 0 }, fresh = { 0 };
	char *why = NULL;
	int r = config_parse("f", everything, strlen(everything), &fresh, &why);

	if (r == 0)
		r = config_adopt(&running, &fresh, &changed, &waiting);
	CHECK(r < 0 || (running.n_classes == kept.n_classes && running.tiers.hot_days == kept.tiers.hot_days));
	free(why);
	config_done(&running);
	config_done(&fresh);
	return r;
}

int main(void)
{
	static const struct memory_step steps[] = {
		{ "parse", parse, NULL, 0 },
		{ "parse what is wrong", parse_wrong, NULL, 0 },
		{ "policy", make_policy, NULL, 0 },
		{ "adopt", adopt, NULL, 0 },
	};
	char *why = NULL;

	CHECK_EQ(config_parse("f", everything, strlen(everything), &kept, &why), 0);
	memory_run(steps, ARRAY_SIZE(steps));
	config_done(&kept);
	return check_result();
}
