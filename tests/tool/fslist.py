#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mount shows, in the lines of tests/tool/fslist.c, sorted. Usage: fslist.py DIRECTORY"""
import hashlib
import os
import stat
import sys

MASK = (1 << 64) - 1


def mixed(data):
    """hash_bytes of src/base."""
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & MASK
    z = (h + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def main():
    top = os.fsencode(sys.argv[1])
    out = []
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            kind, what = b"o", b"-"
            if stat.S_ISLNK(s.st_mode):
                kind, what = b"l", os.readlink(path)
            elif stat.S_ISDIR(s.st_mode):
                kind = b"d"
            elif stat.S_ISREG(s.st_mode):
                kind = b"f"
                with open(path, "rb") as f:
                    digest = hashlib.sha256()
                    while block := f.read(1 << 20):
                        digest.update(block)
                what = digest.hexdigest().encode()
            attributes = 0
            if kind in b"fd":
                for x in os.listxattr(path):
                    if x.startswith("user."):
                        attributes += mixed(x.encode()) ^ mixed(os.getxattr(path, x))
            line = b"%s %o %d %d:%d %d %s %016x %s" % (
                kind, s.st_mode & 0o7777, s.st_nlink, s.st_uid, s.st_gid, s.st_size, what,
                attributes & MASK, path[len(top) + 1:])
            out.append(line.replace(b"\n", b"\\n") + b"\n")
    sys.stdout.buffer.write(b"".join(sorted(out)))


main()
