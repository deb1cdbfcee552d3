#!/bin/sh
# Our signer against PyPI's botocore, on a thousand random requests. The package goes into a virtual environment in
# the build folder, unless this machine has it.
cd "$(dirname "$0")/../.." || exit 1
sign=build/tests/s3/sign
[ -x "$sign" ] || { echo "no program at $sign: build first"; exit 1; }
python=python3

if ! "$python" -c 'import botocore' 2>/dev/null; then
    python=build/botocore-venv/bin/python3
    "$python" -c 'import botocore' 2>/dev/null ||
        { python3 -m venv build/botocore-venv && timeout 300 "$python" -m pip install -q botocore; } >build/botocore-pip.log 2>&1 ||
        { tail -n 3 build/botocore-pip.log; echo "PyPI's botocore cannot be had"; exit 77; }
fi
exec "$python" tests/s3/compare_sigv4.py "$sign"
