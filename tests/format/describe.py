#!/usr/bin/env python3
"""Prints a folder as read_volume.py prints a volume, so that the two can be compared."""
import base64
import hashlib
import json
import os
import stat
import sys

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}


def describe(path):
    st = os.lstat(path)
    names = sorted(os.listxattr(path, follow_symlinks=False), key=os.fsencode)
    values = {os.fsdecode(n): os.getxattr(path, n, follow_symlinks=False) for n in names}
    out = {"path": os.fsdecode(path), "type": TYPES[stat.S_IFMT(st.st_mode)], "mode": stat.S_IMODE(st.st_mode),
           "uid": st.st_uid, "gid": st.st_gid, "nlink": st.st_nlink, "mtime": st.st_mtime_ns,
           "xattrs": {n: base64.b64encode(v).decode() for n, v in values.items()}}
    if stat.S_ISLNK(st.st_mode):
        out["target"] = os.readlink(os.fsdecode(path))
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            out.update(size=st.st_size, sha256=hashlib.file_digest(f, "sha256").hexdigest())
    print(json.dumps(out))
    if stat.S_ISDIR(st.st_mode):
        for name in sorted(os.listdir(path)):
            describe(path + b"/" + name)


os.chdir(sys.argv[1])
describe(b".")
