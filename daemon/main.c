/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/keyring.h"
#include "crypto/volume.h"
#include "daemon/cli.h"
#include "version.h"

static void print_overview(FILE *out)
{
	fprintf(out, "usage: brainy COMMAND ..\n\n");
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			fprintf(out, "  %-8s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
	fprintf(out,
		"\n'brainy COMMAND --help' says more. 'brainy VOLUME MNT -o ..' mounts, as mount(8) calls it.\n");
}

static int print_help(const struct command *c)
{
	printf("usage: brainy %s %s\n%s\n", c->name, c->usage, c->summary ? c->summary : "");
	if (c->help)
		printf("%s\n", c->help);
	return CLI_OK;
}

static int run(const struct command *c, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return print_help(c);
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (keyring_start() < 0)
		return cli_fail("cannot start: libsodium does not initialise");
	if (strcmp(word, "--version") == 0) {
		printf("brainy %s (%s), format %d\n", BRAINY_VERSION, BRAINY_COMMIT, VOLUME_FORMAT);
		return CLI_OK;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
		print_overview(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; cli_commands[i]; i++)
		if (strcmp(word, cli_commands[i]->name) == 0)
			return run(cli_commands[i], argc - 1, argv + 1);
	/* mount(8) and fstab say "VOLUME MNT -o ..": every path has a slash or is a folder here. */
	if (argc >= 3 && word[0] != '-' && argv[2][0] != '-' &&
	    (strchr(word, '/') || access(word, F_OK) == 0))
		return run(&command_mount, argc, argv);
	if (*word)
		fprintf(stderr, "brainy: unknown command '%s'; 'brainy help' lists them\n", word);
	else
		print_overview(stderr);
	return CLI_USAGE;
}
