#!/bin/sh
# Includes run strictly downward: daemon > fs > (tiers | index) > catalog > (wal | crypto) > base; each external
# library has one home; implementer headers stay in their folder.
set -u
cd "$(dirname "$0")/../.."
bad=$(grep -rnoE '^#include "[a-z]+/[^"]*"' base crypto wal catalog tiers index fs daemon | awk -F'[:"/]' '
BEGIN { n = split("base 0 crypto 1 wal 1 catalog 2 tiers 3 index 3 fs 4 daemon 5", a, " ")
        for (i = 1; i < n; i += 2) rank[a[i]] = a[i + 1] }
{ from = $1; match($0, /#include "[a-z]+/); to = substr($0, RSTART + 10, RLENGTH - 10) }
(to in rank) && from != to && rank[to] >= rank[from] { print }')
bad="$bad$(grep -rlE '#include <sodium' --include='*.[ch]' . | grep -vE '^\./(build[^/]*|crypto)/')"
bad="$bad$(grep -rlE '#include <lmdb' --include='*.[ch]' . | grep -vE '^\./(build[^/]*|catalog)/')"
bad="$bad$(grep -rlE '#include <fuse' --include='*.[ch]' . | grep -vE '^\./(build[^/]*|fs|bench)/')"
bad="$bad$(grep -rlE '#include <curl' --include='*.[ch]' . | grep -vE '^\./(build[^/]*|tiers/s3|index/embed)/')"
bad="$bad$(grep -rlE '#include <jansson' --include='*.[ch]' . | grep -vE '^\./(build[^/]*|base)/')"
bad="$bad$(grep -rnE '#include "[^"]*_(impl|format)\.h"' base crypto wal catalog tiers index fs daemon |
    awk -F'[:"]' '{ split($1, f, "/"); split($4, t, "/"); if (f[1] != t[1]) print }')"
[ -z "$bad" ] || { echo "includes that do not run downward, or a library outside its home:"; echo "$bad"; exit 1; }
