#!/bin/sh
# Our tokeniser against PyPI's `tokenizers`: each code point, and 10 000 random texts. The package goes into a
# virtual environment in the build folder.
cd "$(dirname "$0")/../.." || exit 1
program=build/tests/unit/test_tokenise
python=build/tokenizers-venv/bin/python3

if ! "$python" -c 'import tokenizers' 2>/dev/null; then
    { python3 -m venv build/tokenizers-venv && timeout 300 "$python" -m pip install -q tokenizers; } >build/tokenizers-pip.log 2>&1 ||
        { tail -n 3 build/tokenizers-pip.log; echo "PyPI's tokenizers cannot be had"; exit 77; }
fi
exec "$python" tests/embed/compare_tokenizers.py "$program" models/brainy-static-256
