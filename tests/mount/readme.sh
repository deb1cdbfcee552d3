# What the README shows is so: its commands are run.
. "$(dirname "$0")/lib.sh"
command -v dot >/dev/null || { echo "dot is missing"; exit 77; }
mnt=$HOME/mnt vol=$HOME/volume
cd "$TESTS/../.." || exit 1
PATH=$(dirname "$brainy"):$PATH
export PATH
python3 "$TESTS/readme.py" README.md "$HOME" || fail "the README"
