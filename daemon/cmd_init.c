/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "daemon/make_volume.h"

static int parse_cipher(const char *text, enum cipher *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret = 0;
	else if (strcmp(text, "aes256gcm") == 0)
		*ret = CIPHER_AES256GCM;
	else if (strcmp(text, "xchacha20") == 0)
		*ret = CIPHER_XCHACHA20;
	else
		return -EINVAL;
	return 0;
}

static int init_main(int argc, char **argv)
{
	static const struct option options[] = { SECRET_LONG_OPTIONS,
						 { "cipher", required_argument, NULL, 'c' },
						 { 0 } };
	struct new_volume n = { .secret = SECRET_OPTIONS_INIT };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (secret_option(&n.secret, option, optarg))
			continue;
		if (option != 'c')
			return cli_usage(&command_init, "unknown option");
		if (parse_cipher(optarg, &n.cipher) < 0)
			return cli_usage(&command_init, "--cipher %s: allowed are auto, aes256gcm, xchacha20",
					 optarg);
	}
	if (argc - optind != 1)
		return cli_usage(&command_init, "one VOLUME is wanted");
	n.path = argv[optind];
	return make_volume(&n);
}

const struct command command_init = {
	"init", init_main, "VOLUME [--key-file F | --passphrase-fd N] [--cipher auto|aes256gcm|xchacha20]",
	"make a volume",
	"F is made (mode 0600) when it does not exist and used when it does. Without an option brainy asks\n"
	"for a passphrase on a terminal; elsewhere it makes ~/.config/brainy/keys/ID.key and finds it again\n"
	"at mount.",
};
