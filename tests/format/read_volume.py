#!/usr/bin/env python3
"""Reads an unmounted brainyfs volume without brainyfs: written from docs/format.md alone.

Prints one JSON object a name: path, type, mode, uid, gid, nlink, size, mtime in nanoseconds, xattrs (base64),
the target of symlinks, and the SHA-256 of the bytes of files.
Everything that is read is verified; the first byte that is not as it was written ends the program with status 1.
"""
import argparse
import base64
import collections
import functools
import hashlib
import json
import os
import stat
import struct
import sys

import lmdb
import nacl.bindings
import nacl.exceptions
import nacl.pwhash
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AES, XCHACHA = 1, 2
P_CATALOG, P_ANCHOR, P_EXTENT, P_KEYSLOT = 3, 4, 5, 11
H_DENTRY, H_SET, H_VOLUME = 1, 3, 5
RUN_HEADER, TAG, BLOCK = 20, 16, 4096
HOLE, INLINE, HOT = 1, 2, 3
KINDS = {"passphrase": 1, "key-file": 2, "recovery": 3}
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}
LABELS = {"key-file": b"brainyfs-keyfile", "recovery": b"brainyfs-recover"}
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Damaged(Exception):
    """The volume is not as it was written."""


def require(condition, what):
    if not condition:
        raise Damaged(what)

TAGS, ROOT_TAGS = b"\1tags", 1 << 48


class Reader:
    """Takes a record apart from front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        require(self.at + n <= len(self.data), "a record is too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def u8(self):
        return self.take(1)[0]

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
        raise Damaged("a number is too long")

    def left(self):
        return len(self.data) - self.at


# ---- keys and seals (sections 2 and 3)

def blake2b(data, size, key=b"", salt=b"", person=b""):
    return hashlib.blake2b(data, digest_size=size, key=key, salt=salt, person=person).digest()


class Keys:
    """The volume keys of all epochs, and what is made with them."""

    def __init__(self, volume_id, keys):
        self.volume_id, self.keys = volume_id, keys
        self.subkey = functools.lru_cache(1000)(self.subkey)

    def subkey(self, run, purpose):
        run_id, epoch, cipher, zero = struct.unpack("<16sHBB", run)
        require(1 <= epoch <= len(self.keys) and cipher in (AES, XCHACHA) and zero == 0, "a run is not known")
        label = b"brainyfs-seal" + bytes([purpose, cipher, 0])
        return blake2b(b"", 32, self.keys[epoch - 1], run_id, label)

    def open(self, run, purpose, nonce, obj, place, sealed):
        key, counter = self.subkey(run, purpose), struct.pack("<Q", nonce)
        ad = self.volume_id + struct.pack("<BBQ", purpose, len(obj), place) + obj
        try:
            if run[18] == AES:
                return AESGCM(key).decrypt(counter + bytes(4), sealed, ad)
            return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, ad, counter + bytes(16), key)
        except (InvalidTag, nacl.exceptions.CryptoError, ValueError):
            raise Damaged("a seal does not open") from None

    def hash(self, purpose, data, size=16):
        key = self.keys[-1 if purpose == H_VOLUME else 0]
        return blake2b(data, size, blake2b(b"", 32, key, bytes([purpose]) + bytes(15), b"brainyfs-digest"))


def recovery_key(text):
    text = "".join(text.split()).replace("-", "").upper().translate(str.maketrans("OIL", "011"))
    require(len(text) == 56 and all(c in BASE32 for c in text), "this is no recovery key")
    data = sum(BASE32.index(c) << 5 * i for i, c in enumerate(reversed(text))).to_bytes(35, "big")
    require(blake2b(data[:32], 32)[:3] == data[32:], "the recovery key is mistyped")
    return data[:32]


def unwrap(slot, volume_id, kind, secret):
    slot_id, salt, wrapped = (bytes.fromhex(slot[name]) for name in ("id", "salt", "wrapped"))
    if kind == "passphrase":
        key = nacl.pwhash.argon2id.kdf(32, secret, salt, slot["opslimit"], slot["memlimit"])
    else:
        key = blake2b(secret, 32, volume_id, salt, LABELS[kind])
    run, sealed = wrapped[:RUN_HEADER], wrapped[RUN_HEADER:]
    try:
        plain = Keys(volume_id, [key]).open(run, P_KEYSLOT, 0, slot_id, KINDS[kind], sealed)
    except Damaged:
        return None
    return Keys(volume_id, [plain[i:i + 32] for i in range(0, len(plain), 32)])


def check_mac(volume, keys):
    bare = {name: value for name, value in volume.items() if name != "mac"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    require(keys.hash(H_VOLUME, text, 32).hex() == volume["mac"], "volume.json was altered")


def open_volume(folder, kind, secret):
    with open(os.path.join(folder, "volume.json"), "rb") as f:
        volume = json.loads(f.read())
    require(volume["format"] == 1, "the volume has another format")
    require(set(volume["features"]["incompat"]) <= {"quotas", "labels"}, "the volume uses features that are not known")
    for slot in volume["keyslots"]:
        keys = slot["kind"] == kind and unwrap(slot, bytes.fromhex(volume["id"]), kind, secret)
        if keys:
            check_mac(volume, keys)
            return keys
    sys.exit(f"cannot open {folder}: no keyslot accepts this key")


# ---- catalog (sections 4 and 5)

MASK = (1 << 64) - 1


def rotate(x, bits):
    return x << bits & MASK | x >> 64 - bits


def siphash(key, data):
    """SipHash-2-4 with 128 bits (Aumasson, Bernstein)."""
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee
    v2, v3 = k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573

    def rounds(v0, v1, v2, v3, n):
        for _ in range(n):
            v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
            v1, v3 = rotate(v1, 13) ^ v0, rotate(v3, 16) ^ v2
            v0, v2 = (rotate(v0, 32) + v3) & MASK, (v2 + v1) & MASK
            v1, v3 = rotate(v1, 17) ^ v2, rotate(v3, 21) ^ v0
            v2 = rotate(v2, 32)
        return v0, v1, v2, v3

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xff])
    for (word,) in struct.iter_unpack("<Q", padded):
        v0, v1, v2, v3 = rounds(v0, v1, v2, v3 ^ word, 2)
        v0 ^= word
    v0, v1, v2, v3 = rounds(v0, v1, v2 ^ 0xee, v3, 4)
    low = v0 ^ v1 ^ v2 ^ v3
    v0, v1, v2, v3 = rounds(v0, v1 ^ 0xdd, v2, v3, 4)
    return low | (v0 ^ v1 ^ v2 ^ v3) << 64


class Catalog:
    """All records, in the order of their keys; opened when asked for."""

    def __init__(self, folder, keys):
        self.keys, self.stored, self.groups = keys, {}, collections.defaultdict(list)
        with lmdb.open(os.path.join(folder, "catalog"), readonly=True, lock=False) as env, env.begin() as txn:
            for key, value in txn.cursor():
                self.stored[key] = value
                self.groups[key[:9]].append(key)
        self.check_facts(folder)

    def get(self, key):
        require(key in self.stored, "a record is missing")
        value = self.stored[key]
        require(len(value) >= 28 + TAG, "a record is too short")
        nonce = struct.unpack_from("<Q", value, RUN_HEADER)[0]
        return self.keys.open(value[:RUN_HEADER], P_CATALOG, nonce, key, 0, value[28:])

    def check_facts(self, folder):
        facts = Reader(self.get(b"\0"))
        require(facts.u8() == 1, "the facts have another version")
        number, _, lsn = facts.unpack("Q"), facts.take(16), facts.unpack("Q")
        want = {}
        while facts.left():
            letter = facts.u8()
            want[letter] = (facts.unpack("Q"), int.from_bytes(facts.take(16), "little"))
        require(want == self.count(), "records of the catalog are missing or older than the others")
        require(anchor(folder, self.keys) == (number, lsn), "log and catalog are not of one age")

    def count(self):
        key, sums = self.keys.hash(H_SET, b"catalog facts"), {}
        for name, value in self.stored.items():
            if name != b"\0":
                mark = value if len(value) <= 44 else value[:28] + value[-TAG:]
                n, total = sums.get(name[0], (0, 0))
                sums[name[0]] = (n + 1, total ^ siphash(key, name + mark))
        return sums


def anchor(folder, keys):
    """Number of the checkpoint and last LSN at the last clean stop."""
    try:
        with open(os.path.join(folder, "wal", "anchor"), "rb") as f:
            data = f.read()
    except FileNotFoundError:
        sys.exit(f"{folder} was not stopped cleanly: mount it once")
    require(len(data) == 104 and data[:16] == b"brainyA1" + struct.pack("<II", 1, 0), "this is no anchor")
    nonce = struct.unpack_from("<Q", data, 56)[0]
    return struct.unpack("<QQ8x", keys.open(data[32:52], P_ANCHOR, nonce, data[16:32], 0, data[64:]))


# ---- files (sections 6 and 7)

Inode = collections.namedtuple("Inode", "ino mode uid gid nlink size mtime sets")
Extent = collections.namedtuple("Extent", "offset length kind data run segment place object_length skip head")


def parse_inode(ino, value):
    r = Reader(value)
    version = r.u8()
    require(version in (1, 2, 3, 4), "an inode has another version")
    same, _, mode, uid, gid, nlink, _, size, _, _, _, parent = r.u8(), *(r.varint() for _ in range(11))
    r.take(8 if parent else 0)
    times = [r.unpack("q") * 10**9 + r.unpack("I")]  # btime, mtime
    if not same & 1:
        times.append(r.unpack("q") * 10**9 + r.unpack("I"))
    r.take(12 * (2 - (same >> 1 & 1) - (same >> 2 & 1)))  # ctime, atime
    counts = (r.varint() for _ in range(3))
    sets = [(n, int.from_bytes(r.take(16), "little") if n else 0) for n in counts]
    for _ in range((0, 1, 3, 4)[version - 1]):
        r.varint()  # quota; bytes in packs, the pack; when it was used
    require(not r.left(), "a record is too long")
    return Inode(ino, mode, uid, gid, nlink, size, times[-1], sets)


def parse_extent(key, value):
    r = Reader(value)
    kind, _, length = r.u8(), r.u8(), r.varint()
    run = segment = place = object_length = skip = data = None
    if kind == INLINE:
        r.take(8)
    elif kind == HOT:
        run, segment, place, object_length, skip = r.take(RUN_HEADER), r.varint(), r.varint(), r.varint(), r.varint()
        require(skip + length <= object_length, "an extent is longer than its object")
    else:
        require(kind == HOLE, "an extent is of an unknown kind")
    head = value[:r.at]
    if kind == INLINE:
        data = r.take(length)
    require(not r.left(), "a record is too long")
    end = struct.unpack(">Q", key[9:])[0]
    return Extent(end - length, length, kind, data, run, segment, place, object_length, skip, head)


class Volume:
    def __init__(self, folder, keys):
        self.folder, self.keys, self.catalog = folder, keys, Catalog(folder, keys)

    def members(self, inode, which):
        """Records of an inode's entries (0), xattrs (1) or extents (2), all of them or Damaged."""
        letter = (b"D", b"X", b"E")[which]
        keys, total = self.catalog.groups[letter + struct.pack(">Q", inode.ino)], 0
        records = [(key, self.catalog.get(key)) for key in keys]
        for key, value in records:
            covered = parse_extent(key, value).head if letter == b"E" else value
            total ^= int.from_bytes(self.keys.hash(H_SET, key + covered), "little")
        require(inode.sets[which] == (len(records), total), f"records of inode {inode.ino} are missing or altered")
        return records

    def entries(self, inode):
        """Name and inode number of what a directory holds."""
        for key, value in self.members(inode, 0):
            r = Reader(value)
            while r.left():
                r.take(2)
                ino, name = r.varint(), r.take(r.u8())
                want = self.keys.hash(H_DENTRY, struct.pack("<Q", inode.ino) + name)[:7]
                require(key[9:] == (want if any(want) else bytes(6) + b"\1"), "a name lies in the wrong place")
                yield name, ino

    def xattrs(self, inode):
        found = {}
        for _, value in self.members(inode, 1):
            r = Reader(value)
            while r.left():
                name = r.take(r.u8())
                found[name] = r.take(r.varint())
        if TAGS in found:
            found[b"user.xdg.tags"] = self.tags(found.pop(TAGS))
        return found

    def label(self, number):
        """The whole name of a tag."""
        r = Reader(self.catalog.get(b"g" + struct.pack(">Q", number)))
        above = r.varint()
        r.varint(), r.varint(), r.u8(), r.varint()
        name = r.take(r.left())
        return name if above == ROOT_TAGS else self.label(above) + b"/" + name

    def tags(self, stored):
        """The text of a list in which tags are numbers."""
        r, text = Reader(stored), b""
        while r.left():
            code = r.varint()
            text += self.label(code >> 1) if code & 1 else r.take(code >> 1)
        return text

    def object(self, extent):
        """The plain bytes `skip` to `skip + length` of an extent object."""
        with open(os.path.join(self.folder, "hot", f"{extent.segment:08x}.seg"), "rb") as f:
            f.seek(extent.place)
            head = f.read(40)
            require(len(head) == 40 and head[:4] == b"BXT1" and head[8:28] == extent.run, "an object is not there")
            front, length = struct.unpack_from("<I", head, 4)[0], struct.unpack_from("<I", head, 28)[0]
            require(length == extent.object_length, "an object has another length")
            tags = f.read(-(-length // BLOCK) * TAG)
            out = b""
            first, last = extent.skip // BLOCK, (extent.skip + extent.length - 1) // BLOCK
            f.seek(extent.place + front + first * BLOCK)
            for k in range(first, last + 1):
                sealed = f.read(min(BLOCK, length - k * BLOCK)) + tags[k * TAG:(k + 1) * TAG]
                f.seek(extent.place + front + (k + 1) * BLOCK)
                out += self.keys.open(extent.run, P_EXTENT, k, extent.run[:16], k, sealed)
        return out[extent.skip % BLOCK:][:extent.length]

    def contents(self, inode):
        """The bytes of a file, piece by piece."""
        at = 0
        for key, value in self.members(inode, 2):
            extent = parse_extent(key, value)
            if at >= inode.size:
                break
            require(extent.offset == at, f"bytes of inode {inode.ino} are covered by nothing")
            at += extent.length
            want = min(extent.length, inode.size - extent.offset)
            if extent.kind == HOLE:
                for done in range(0, want, 1 << 20):
                    yield bytes(min(1 << 20, want - done))
            else:
                yield (extent.data if extent.kind == INLINE else self.object(extent))[:want]
        require(at >= inode.size, f"bytes of inode {inode.ino} are covered by nothing")

    def walk(self, ino=1, path=b"."):
        inode = parse_inode(ino, self.catalog.get(b"I" + struct.pack(">Q", ino)))
        yield path, inode
        if stat.S_ISDIR(inode.mode):
            for name, child in sorted(self.entries(inode)):
                yield from self.walk(child, path + b"/" + name)


# ---- printing

def describe(volume, path, inode):
    kind = TYPES[stat.S_IFMT(inode.mode)]
    xattrs = volume.xattrs(inode)
    target = xattrs.pop(b"", None)
    out = {"path": os.fsdecode(path), "type": kind, "mode": stat.S_IMODE(inode.mode), "uid": inode.uid,
           "gid": inode.gid, "nlink": inode.nlink, "mtime": inode.mtime,
           "xattrs": {os.fsdecode(n): base64.b64encode(v).decode() for n, v in sorted(xattrs.items())}}
    if kind == "symlink":
        out["target"] = os.fsdecode(target)
    if kind == "file":
        whole = hashlib.sha256()
        for piece in volume.contents(inode):
            whole.update(piece)
        out.update(size=inode.size, sha256=whole.hexdigest())
    return out


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("kind", choices=KINDS, help="what the file holds")
    p.add_argument("file", type=argparse.FileType("rb"))
    p.add_argument("volume")
    args = p.parse_args()
    secret = args.file.read()
    if args.kind == "passphrase":
        secret = secret.rstrip(b"\r\n")
    if args.kind == "recovery":
        secret = recovery_key(secret.decode("ascii", "replace"))
    return args.volume, args.kind, secret


def main():
    try:
        folder, kind, secret = arguments()
        volume = Volume(folder, open_volume(folder, kind, secret))
        for path, inode in volume.walk():
            print(json.dumps(describe(volume, path, inode)))
    except (Damaged, OSError, ValueError, KeyError, TypeError, lmdb.Error) as why:
        sys.exit(f"damaged: {why}")


if __name__ == "__main__":
    main()
