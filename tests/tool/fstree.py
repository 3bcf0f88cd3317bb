#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills a mounted file system with what its readers find hard. Usage: fstree.py DIRECTORY [OPTION...]

Options: reflink, prealloc, xattrs (values of any size) or small-xattrs (less than a KiB), links=LONGEST-TARGET, many=FILES,
devices.
"""
import ctypes
import os
import random
import subprocess
import sys

R = random.Random(7)
LIBC, here = ctypes.CDLL(None), -1
top, options = os.fsencode(sys.argv[1]), dict((o + "=").split("=")[:2] for o in sys.argv[2:])


def put(path, data=b"", at=None):
    with open(path, "wb" if at is None else "r+b") as f:
        f.seek(at or 0)
        f.write(data)


def directories():
    """From those that fit in an inode to those with a tree of hashes; with gaps."""
    for count in (1, 7, 60, 400, 1500, 5000):
        folder = b"dir%d" % count
        os.mkdir(folder)
        for i in range(count):
            name = b"%s/%d%s" % (folder, i, b"-a-longer-name" * R.choice((0, 1, 9)))
            if i % 5 or count > 1500:
                os.link("text", name)
            else:
                os.symlink("..", name)
        for i, name in enumerate(sorted(os.listdir(folder))):
            if count > 7 and (i % 3 == 0 or count // 3 < i < count // 2):
                os.unlink(os.path.join(folder, name))
    path = b"deep"
    for i in range(60):
        os.mkdir(path)
        path += b"/%d" % i
    put(path, b"bottom")


def contents():
    put("empty")
    put("one", b"1")
    for size in (55, 60, 150, 500, 1023, 1024, 4095, 4096, 4097, 65535, 65537, 3000000):
        put("size%d" % size, R.randbytes(size))
    put("zeros", bytes(300000))
    put("sparse")
    for at in (150 << 20, 20000001, 70 << 20, 100 << 20):
        put("sparse", b"far", at)
    os.truncate("sparse", 160 << 20)
    put("only-a-hole")
    os.truncate("only-a-hole", 12345678)
    put("shrunk", R.randbytes(200000))
    os.truncate("shrunk", 5000)
    os.truncate("shrunk", 100000)
    put("pieces"), put("others")
    for i in range(1500):  # holes between, and the files between each other
        put("pieces", b"%d" % i * 100, i * 10000)
        put("others", b"%d" % -i * 2000, i * 8192)
        if i % 100 == 0:
            LIBC.syncfs(here)


def names():
    for name in (b"new\nline", b"\377\376", b"n" * 255, "ü€𝄞".encode(), b"with space", b"back\\slash", b"%s"):
        put(name, name)
    longest = int(options.get("links", 1023))
    for size in (1, 59, 60, 61, 200, 400, longest):
        os.symlink(b"t" * size, "link%d" % size)
    os.link("text", "hard")
    os.mkdir("modes")
    for mode in (0, 0o4755, 0o1777, 0o2710):
        put("modes/%o" % mode, b"m")
        os.chown("modes/%o" % mode, mode, 65536 * 3 + mode)
        os.chmod("modes/%o" % mode, mode)
    os.mkfifo("fifo")
    if "devices" in options:
        os.mknod("device", 0o60600, os.makedev(7, 300))


def attributes(largest):
    for kind in ("file", "dir"):
        for count, size in ((1, 0), (2, 20), (6, 200), (2, 1000), (30, 60), (1, 3000), (20, 4000), (200, 90), (1, 65536)):
            if count * (size + 40) > largest:
                continue
            path = "xattr-%s-%d-%d" % (kind, count, size)
            put(path, b"x") if kind == "file" else os.mkdir(path)
            for i in range(count):
                try:
                    os.setxattr(path, "user.%d%s" % (i, "n" * R.choice((0, 5, 90 if largest > 9999 else 9))), R.randbytes(size))
                except OSError:  # the names alone fill what ext4 has for them
                    break
            for x in [x for x in os.listxattr(path) if x.startswith("user.")][5::4]:
                os.removexattr(path, x)


def main():
    os.chdir(top)
    global here
    here = os.open(".", os.O_RDONLY)
    put("text", b"".join(b"%d\n" % i for i in range(300)))
    directories()
    contents()
    names()
    if "xattrs" in options or "small-xattrs" in options:
        attributes(99999 if "xattrs" in options else 700)
    if "prealloc" in options:
        put("prealloc"), put("beyond")
        subprocess.check_call("fallocate -l 3M prealloc; fallocate -n -o 4M -l 1M prealloc; fallocate -n -l 5M beyond;"
                              "fallocate -p -o 100000 -l 500000 size3000000", shell=True)
        put("prealloc", b"written", 1000000)
        put("beyond", b"short")
    if "reflink" in options:
        subprocess.check_call("cp --reflink=always size3000000 shared; cp --reflink=always pieces shared-pieces", shell=True)
        for i in range(0, 2900000, 40000):
            put("shared", b"changed", i)
    for i in range(int(options.get("many") or 0)):
        if i % 1000 == 0:
            os.mkdir("many%d" % i)
        put("many%d/file%d" % (i // 1000 * 1000, i), b"%d" % i)


main()
