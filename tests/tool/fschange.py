#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in the current directory of a mounted file system, by a seed: changes, then others of which some are synced."""
import ctypes
import os
import random
import sys

R = random.Random(int(sys.argv[1]))
count = 0


def new():
    global count
    count += 1
    return "n%d%s" % (count, "x" * R.choice([1, 5, 60]))


def files():
    return [os.path.join(d, f) for d, _, fs in os.walk(".") for f in fs if not os.path.islink(os.path.join(d, f))]


def change(sync):
    kind, have, folders = R.randrange(14), files(), [d for d, _, _ in os.walk(".")]
    at = R.choice(have) if have else None
    fresh = os.path.join(R.choice(folders), new())
    path = at
    if kind < 4 or not have:
        path = fresh
        with open(path, "wb") as f:
            f.write(R.randbytes(R.choice([0, 10, 1500, 4096, 70000])) if R.random() < .5 else b"text " * R.choice([10, 9999]))
    elif kind == 4:
        path = fresh
        os.mkdir(path)
    elif kind == 5:
        path = fresh
        os.link(at, path)
    elif kind == 6:
        os.unlink(at)
        path = os.path.dirname(at)
    elif kind == 7:
        path = fresh
        os.rename(at, path)
    elif kind in (8, 9):
        with open(at, "r+b") as f:
            f.seek(R.randrange(90000))
            f.write(R.randbytes(R.choice([5, 5000, 40000])))
    elif kind == 10:
        os.truncate(at, R.randrange(50000))
    elif kind == 11:
        os.setxattr(at, "user.a%d" % R.randrange(4), R.randbytes(R.randrange(100)))
    elif kind == 12:
        for x in os.listxattr(at)[:1]:
            os.removexattr(at, x)
    else:
        os.symlink("target", fresh)
        path = os.path.dirname(fresh)
    if sync and R.random() < .5:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


for _ in range(60):
    change(False)
here = os.open(".", os.O_RDONLY)
ctypes.CDLL(None).syncfs(here)
for _ in range(60):
    change(True)
with open("last", "wb") as f:
    f.write(b"last words")
    f.flush()
    os.fsync(f.fileno())
