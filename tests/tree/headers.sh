#!/bin/sh
# Every header compiles alone.
set -u
cd "$(dirname "$0")/../.."
status=0
flags=$(pkg-config --cflags fuse3 jansson libxml-2.0)
for h in $(git ls-files '*.h'); do
    echo "#include \"$h\"" | gcc -std=gnu11 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -Wall -Wextra -Werror \
        -Wno-unused-parameter -I. -Ibuild $flags -fsyntax-only -xc - || { echo "$h does not compile alone"; status=1; }
done
exit $status
