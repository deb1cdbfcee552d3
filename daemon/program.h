/* SPDX-License-Identifier: MIT */
/* Where the program's own files lie: brainy-extract and models/ beside the program (a build folder) or
 * under PREFIX/lib/brainy (installed). */
#pragma once

/* The folder that holds brainy-extract. Waits `patience_ms` for it: a package that is upgraded lacks it for a
 * moment. -ENOENT: neither. */
int program_directory(unsigned patience_ms, char **ret_dir);
