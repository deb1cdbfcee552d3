#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares our tokeniser with PyPI's `tokenizers`, installed into a virtual environment in the build
# folder. Exits 77 (skip) where the package cannot be had.
# usage: tokenizers.sh BUILD_FOLDER SOURCE_ROOT TEST_TOKENISE
venv=$1/tokenizers-venv
python=$venv/bin/python3

skip() {
	echo "skipped: $1"
	exit 77
}

if ! "$python" -c 'import tokenizers' 2>/dev/null; then
	python3 -m venv "$venv" >/dev/null 2>&1 || skip "python3 cannot make a virtual environment"
	timeout 120 "$python" -m pip install -q tokenizers >/dev/null 2>&1 || skip "PyPI's tokenizers cannot be had"
fi
exec "$python" "$2/tests/embed/compare_tokenizers.py" "$3" "$2/models/brainy-static-256"
