#!/usr/bin/env python3
"""read_pack.py FILE - lists a pack that tests/packs.c made, without brainyfs: written from docs/format.md alone.

Keys are the known ones of that program. Everything is verified; what is not as it was written ends with status 1.
"""
import ctypes
import ctypes.util
import hashlib
import stat
import struct
import sys

from read_volume import Damaged, Keys, Reader, require

P_PACK = 7
HEADER, TRAILER, SMALL = 24, 108, 16384
M64 = (1 << 64) - 1


class Zstd:
    """Frames without magic, which Python's own modules do not read."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
        for name in ("createDCtx", "decompressDCtx", "DCtx_loadDictionary", "DCtx_setParameter"):
            getattr(self.lib, "ZSTD_" + name).restype = ctypes.c_void_p if name == "createDCtx" else ctypes.c_size_t

    def expand(self, packed, size, dictionary=b""):
        context = ctypes.c_void_p(self.lib.ZSTD_createDCtx())
        self.lib.ZSTD_DCtx_setParameter(context, 1000, 1)  # the format: magicless
        self.lib.ZSTD_DCtx_loadDictionary(context, dictionary, ctypes.c_size_t(len(dictionary)))
        out = ctypes.create_string_buffer(size + 1)
        n = self.lib.ZSTD_decompressDCtx(context, out, ctypes.c_size_t(size + 1), packed, ctypes.c_size_t(len(packed)))
        self.lib.ZSTD_freeDCtx(context)
        require(n == size, "a zstd frame does not make what it should")
        return out.raw[:size]


def known_keys():
    return Keys(bytes(range(50, 66)), [bytes(range(32)), bytes(range(100, 132))])


def unzigzag(v):
    return v >> 1 ^ -(v & 1)


def signed(v):
    return v - (1 << 64) if v >> 63 else v


class Pack:
    def __init__(self, data):
        self.data, self.zstd, self.keys = data, Zstd(), known_keys()
        require(data[:4] == b"BPK1", "not a pack")
        self.run = data[4:24]
        trailer = Reader(self.open(b"T", 0, len(data) - TRAILER, TRAILER))
        form, size = trailer.unpack("I"), trailer.unpack("I")
        require(form == 1 and size == len(data), "the trailer speaks of another pack")
        self.table_at = [trailer.unpack("I") for _ in range(3)]
        self.n_frames, self.n_files, self.n_directories = (trailer.unpack("I") for _ in range(3))
        self.plain, self.lsn, _ = (trailer.unpack("Q") for _ in range(3))
        self.first, self.last = trailer.unpack("i"), trailer.unpack("i")
        self.dictionary_id = trailer.unpack("Q")
        self.dictionary_at = [trailer.unpack("I") for _ in range(3)]
        self.number = trailer.unpack("Q")
        self.dictionary = b""
        if self.dictionary_id:
            place, stored, plain = self.dictionary_at
            self.dictionary = self.zstd.expand(self.open(b"D", 1, place, stored), plain)
        self.load_table()

    def open(self, kind, nonce, place, stored, bound=b""):
        obj = self.run[:16] + kind + bound
        return self.keys.open(self.run, P_PACK, nonce, obj, place, self.data[place:place + stored])

    def load_table(self):
        place, stored, plain = self.table_at
        require(place + stored + TRAILER == len(self.data), "the table lies elsewhere")
        table = Reader(self.zstd.expand(self.open(b"C", 2 + self.n_frames, place, stored), plain))
        self.columns = [Reader(table.take(table.varint())) for _ in range(32)]
        require(table.left() == 0, "something comes after the columns")
        self.before = [0] * 32
        self.load_frames()
        self.next_frame = 0
        self.inodes = [self.load_inode() for _ in range(self.n_files + self.n_directories)]
        require(not any(c.left() for c in self.columns), "columns are too long")
        require(sum(stat.S_ISDIR(i["mode"]) for i in self.inodes) == self.n_directories, "directories are missing")

    def get(self, column):
        return self.columns[column].varint()

    def get_from(self, column, origin):
        return (origin + unzigzag(self.get(column))) & M64

    def get_next(self, column):
        self.before[column] = self.get_from(column, self.before[column])
        return self.before[column]

    def load_frames(self):
        self.frames, place, total = [], HEADER, 0
        for _ in range(self.n_frames):
            if self.dictionary_id and place == self.dictionary_at[0]:
                place += self.dictionary_at[1]
            stored, plain = self.get(30), self.get(31)
            self.frames.append((place, stored, plain))
            place, total = place + stored, total + plain
        if self.dictionary_id and place == self.dictionary_at[0]:
            place += self.dictionary_at[1]
        require(place == self.table_at[0] and total == self.plain, "frames do not fill the pack")

    def frame(self, k):
        place, stored, plain = self.frames[k]
        bound = struct.pack("<Q", self.dictionary_id) if self.dictionary_id and plain < SMALL else b""
        content = self.open(b"F", 2 + k, place, stored, bound)
        require(content[0] <= 2, "an unknown method")
        if content[0] == 0:
            require(len(content) == 1 + plain, "a raw frame of another length")
            return content[1:]
        return self.zstd.expand(content[1:], plain, self.dictionary if content[0] == 2 else b"")

    def time_from(self, column, origin):
        return (signed(self.get_from(column, origin[0] & M64)), self.get_from(column + 1, origin[1]))

    def load_inode(self):
        i = dict(zip(("ino", "mode", "uid", "gid", "rdev", "generation", "lsn"), map(self.get_next, range(7))))
        i["mtime"] = (signed(self.get_next(8)), self.columns[9].unpack("I"))
        i["ctime"] = self.time_from(10, i["mtime"])
        i["atime"] = self.time_from(12, i["mtime"])
        i["btime"] = self.time_from(14, i["ctime"])
        names, xattrs, pieces = (self.get(c) for c in (16, 17, 18))
        i["names"] = [(self.get_next(19), self.columns[21].take(self.get(20))) for _ in range(names)]
        i["xattrs"] = [self.load_xattr() for _ in range(xattrs)]
        i["pieces"], end = [], 0
        for _ in range(pieces):
            i["pieces"].append(self.load_piece(end))
            end = sum(i["pieces"][-1][:2])
        i["size"] = self.get_from(7, end)
        return i

    def load_xattr(self):
        name_len, length = self.get(22), self.get(23)
        return self.columns[24].take(name_len), self.columns[25].take(length)

    def load_piece(self, end):
        offset, frame, skip = self.get_from(26, end), self.get(27), self.get(28)
        if frame == 0:
            return offset, self.get_from(29, 0), None, skip
        frame = (self.next_frame + unzigzag(frame - 1)) & M64
        require(frame < self.n_frames and skip < self.frames[frame][2], "a piece of no frame")
        self.next_frame = frame + 1
        length = self.get_from(29, self.frames[frame][2] - skip)
        require(0 < length <= self.frames[frame][2] - skip, "a piece beyond its frame")
        return offset, length, frame, skip


def describe(pack, i):
    parts = ["%d %o %d %d %d %d %d %d" % tuple(i[k] for k in ("ino", "mode", "uid", "gid", "rdev", "size",
                                                                "generation", "lsn"))]
    parts += ["%d.%09d" % i[t] for t in ("atime", "mtime", "ctime", "btime")]
    parts += ["name %d:%s" % (parent, name.hex()) for parent, name in i["names"]]
    parts += ["xattr %s:%s" % (name.hex(), value.hex()) for name, value in i["xattrs"]]
    print(" ".join(parts))
    for offset, length, frame, skip in i["pieces"]:
        if frame is None:
            print(" piece %d %d hole" % (offset, length))
        else:
            plain = pack.frame(frame)[skip:skip + length]
            digest = hashlib.blake2b(plain, digest_size=16).hexdigest()
            print(" piece %d %d %d %d %s" % (offset, length, frame, skip, digest))


def main():
    with open(sys.argv[1], "rb") as f:
        pack = Pack(f.read())
    print("pack %d %d %d %d %d" % (pack.lsn, pack.first, pack.last, pack.n_frames, pack.table_at[2]))
    for directories in (True, False):
        for i in pack.inodes:
            if stat.S_ISDIR(i["mode"]) == directories:
                describe(pack, i)


if __name__ == "__main__":
    try:
        main()
    except Damaged as e:
        sys.exit(f"damaged: {e}")
