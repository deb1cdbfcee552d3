# A reader written from docs/format.md alone sees what the mount showed: with key file, passphrase and recovery key, in
# both ciphers.
. "$(dirname "$0")/../mount/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
for python in python3 /usr/bin/python3 ''; do # the distribution's modules are not seen by another Python
    [ -n "$python" ] || { echo "Python's nacl, cryptography or lmdb is missing"; exit 77; }
    "$python" -c 'import nacl, cryptography, lmdb' 2>/dev/null && break
done

fill() { # FOLDER
    "$python" - "$1" <<'END'
import os, random, socket, stat, sys
os.chdir(sys.argv[1])
rnd = random.Random(7)
def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
write("empty", b"")
write("small", b"hello\n")
for size in (4095, 4096, 4097, 65535, 65536, 100000, 1 << 20, 3000001):
    write(f"bytes {size}", rnd.randbytes(size))
write("text", b"the same line over and over\n" * 20000)
with open("sparse", "wb") as f:
    f.truncate(10 << 20)
    f.seek(5 << 20)
    f.write(b"in the middle")
with open("overwritten", "wb") as f:
    f.write(bytes(300000))
    for _ in range(50):
        f.seek(rnd.randrange(300000))
        f.write(rnd.randbytes(rnd.randrange(1, 20000)))
    f.truncate(250001)
write(b"not utf-8 \xff\xfe", b"x")
write("Füße \n newline", b"y")
os.mkdir("many")
for i in range(400):
    write(f"many/{i:03}", b"%d" % i)
for i in range(0, 400, 3):
    os.unlink(f"many/{i:03}")
os.makedirs("a/b/c/d/e")
write("a/b/c/d/e/deep", b"deep")
os.symlink("a/b/../b/c", "link")
os.link("small", "a/hard link")
os.mkfifo("fifo", 0o640)
os.rename("text", "a/renamed")
os.chmod("a/b", 0o1711)
os.setxattr("small", "user.xdg.tags", b"one, two/three,,one")
os.setxattr("small", "user.binary", rnd.randbytes(3000))
os.setxattr("a", "user.empty", b"")
os.utime("small", ns=(5, 1234567890123456789))
os.utime("empty", ns=(0, -1500000000))
END
}

read_back() { # KIND FILE
    "$python" "$here/read_volume.py" "$1" "$2" "$vol" >"$work/got" || fail "the reader failed with the $1"
    cmp -s "$work/want" "$work/got" ||
        fail "with the $1 the reader sees another tree: $(diff "$work/want" "$work/got" | cut -c 1-300 | head -n 6)"
}

round() { # HOW TO INIT AND MOUNT..
    "$brainy" mount "$vol" "$mnt" "$@" || fail "mount $*"
    fill "$mnt" || fail "filling the mount"
    "$python" "$here/describe.py" "$mnt" >"$work/want" || fail "walking the mount"
    stop
    [ "$(wc -l <"$work/want")" -gt 290 ] || fail "the tree is too small to prove anything"
}

for cipher in auto xchacha20; do
    "$brainy" init "$vol" --key-file "$work/key" --cipher $cipher >"$work/init" || fail "init"
    sed -n 's/^recovery key.*: //p' "$work/init" >"$work/recovery"
    round --key-file "$work/key"
    read_back key-file "$work/key"
    read_back recovery "$work/recovery"
    echo "this is another key" >"$work/other"
    refuse 'no keyslot accepts' "$python" "$here/read_volume.py" key-file "$work/other" "$vol"
    # A block of a live object, then a member under the MAC.
    seg=$(ls "$vol"/hot/*.seg | head -n 1)
    printf 'XXXX' | dd of="$seg" bs=1 seek=9000 conv=notrunc 2>/dev/null
    refuse 'damaged: a seal does not open' "$python" "$here/read_volume.py" key-file "$work/key" "$vol"
    sed -i 's/"created": "2/"created": "1/' "$vol/volume.json"
    refuse 'damaged: volume.json was altered' "$python" "$here/read_volume.py" key-file "$work/key" "$vol"
    rm -rf "$vol" "$work/key"
done

echo "correct horse" >"$work/passphrase"
"$brainy" init "$vol" --passphrase-fd 0 <"$work/passphrase" >/dev/null || fail "init"
"$brainy" mount "$vol" "$mnt" --passphrase-fd 0 <"$work/passphrase" || fail "mount"
echo x >"$mnt/f"
"$python" "$here/describe.py" "$mnt" >"$work/want"
stop
read_back passphrase "$work/passphrase"
