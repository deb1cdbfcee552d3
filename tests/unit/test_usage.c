/* SPDX-License-Identifier: MIT */
/* What a command line may go on with: rows of a usage, what was typed, and what comes next; and the usages of
 * all commands, whose parts are all offered somewhere. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "daemon/cli.h"
#include "daemon/usage.h"
#include "tests/unit/check.h"

#define WORDS_MAX 8

static const char *const kinds[] = { [USAGE_WORD] = "", [USAGE_OPTION] = "", [USAGE_VALUE] = "=" };

static int add(void *context, enum usage_kind kind, const char *text, size_t len)
{
	struct buf *b = context;

	return buf_addf(b, "%s%s%.*s", b->len ? " " : "", kinds[kind], (int)len, text);
}

static size_t split(char *line, char *ret_words[WORDS_MAX])
{
	size_t n = 0;
	char *word;

	while ((word = strsep(&line, " ")) && n < WORDS_MAX)
		if (*word)
			ret_words[n++] = word;
	return n;
}

static void check_row(const char *usage, const char *typed, const char *wanted)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	_cleanup_free_ char *line = strdup(typed);
	char *words[WORDS_MAX];
	size_t n = split(line, words);

	CHECK_EQ(usage_foreach_next(usage, words, n, add, &got), 0);
	if (strcmp(buf_cstr(&got), wanted) != 0) {
		fprintf(stderr, "'%s' after '%s': '%s', not '%s'\n", usage, typed, (char *)got.data, wanted);
		check_failures++;
	}
}

static void test_rows(void)
{
	static const char *const rows[][3] = {
		{ "MNT [--json]", "", "=MNT --json" },
		{ "MNT [--json]", "--json", "=MNT" },
		{ "MNT [--json]", "m --json", "" },
		{ "MNT [--json]", "m more", "" },
		{ "MNT [--json]", "-- ", "=MNT" },
		{ "MNT [--for a|b] [--timeout S]", "m --for", "a b" },
		{ "MNT [--for a|b] [--timeout S]", "m --for=a", "--timeout" },
		{ "MNT [--for a|b] [--timeout S]", "--timeout", "=S" },
		{ "MNT [--for a|b] [--timeout S]", "--timeout 3", "=MNT --for" },
		{ "SRC.. DIR [--except GLOB].. [--dry]", "", "=SRC --except --dry" },
		{ "SRC.. DIR [--except GLOB].. [--dry]", "a --except x", "=SRC =DIR --except --dry" },
		{ "SRC DIR [--x|--y] [--once [--json]]", "a", "=DIR --x --y --once --json" },
		{ "SRC DIR [--x|--y] [--once [--json]]", "a b --y", "--once --json" },
		{ "add|rm TAG FILE.. | ls FILE..", "", "add rm ls" },
		{ "add|rm TAG FILE.. | ls FILE..", "rm", "=TAG" },
		{ "add|rm TAG FILE.. | ls FILE..", "ls a b", "=FILE" },
		{ "add|rm TAG FILE.. | ls FILE..", "sing", "" },
		{ "PATH [on|off] | run MNT [--now DATE] | status MNT", "", "=PATH run status" },
		{ "PATH [on|off] | run MNT [--now DATE] | status MNT", "run", "=MNT --now" },
		{ "PATH [on|off] | run MNT [--now DATE] | status MNT", "a", "on off" },
		{ "VOLUME [--key F | --fd N] [-f] [-o OPT,..]", "", "=VOLUME --key --fd -f -o" },
		{ "VOLUME [--key F | --fd N] [-f] [-o OPT,..]", "-f -o", "=OPT,.." },
		{ "fill VOLUME --files N [--into NAME]", "fill --files", "=N" },
		{ "[-n N] [--in DIR] QUERY..", "", "=QUERY -n --in" },
		{ "[-n N] [--in DIR] QUERY..", "-n 3 word", "=QUERY" },
		{ "", "", "" },
		{ "", "a", "" },
		{ "[[[ ]..", "a", "" },
		{ ".. -- |", "", "--" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(rows[i][0], rows[i][1], rows[i][2]);
}

static int stop_at_second(void *context, enum usage_kind kind, const char *text, size_t len)
{
	unsigned *n = context;

	return ++*n == 2 ? -5 : 0;
}

static void test_stop(void)
{
	unsigned n = 0;

	CHECK_EQ(usage_foreach_next("a|b|c D [-x] | e", NULL, 0, stop_at_second, &n), -5);
	CHECK_EQ(n, 2);
}

struct gathering {
	const char *usage;
	struct buf *got;
};

/* What comes first, and what comes after each word that is typed as it is. */
static int add_after(void *context, enum usage_kind kind, const char *text, size_t len)
{
	struct gathering *g = context;
	_cleanup_free_ char *word = strndup(text, len);
	int r = add(g->got, kind, text, len);

	return r == 0 && kind == USAGE_WORD ? usage_foreach_next(g->usage, &word, 1, add, g->got) : r;
}

/* Each option of a command is offered. */
static void check_command(const struct command *c)
{
	_cleanup_free_ char *usage = strdup(c->usage);
	_cleanup_buf_ struct buf got = BUF_INIT;
	struct gathering g = { c->usage, &got };
	char *rest = usage, *word;

	CHECK_EQ(usage_foreach_next(c->usage, NULL, 0, add_after, &g), 0);
	CHECK(strlen(buf_cstr(&got)) > 0);
	while ((word = strsep(&rest, " []|\n")))
		if (word[0] == '-' && !strstr((char *)got.data, word)) {
			fprintf(stderr, "%s: %s is not offered\n", c->name, word);
			check_failures++;
		}
}

int main(void)
{
	test_rows();
	test_stop();
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			check_command(cli_commands[i]);
	return check_result();
}
