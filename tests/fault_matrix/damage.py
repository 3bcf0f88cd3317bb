# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to bytes. All of it keeps the file's time: a disk that rots does not tell."""
import contextlib
import os
import random


class NotApplicable(Exception):
    """There is no such place in this file."""


@contextlib.contextmanager
def changed(path):
    """The file, open for writing in place; its times are what they were afterwards."""
    before = os.stat(path)
    with open(path, "r+b") as f:
        yield f
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def extents(path):
    """Where data is, as (offset, length): holes hold nothing to damage."""
    size, at, found = os.path.getsize(path), 0, []
    with open(path, "rb") as f:
        while at < size:
            try:
                begin = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(f.fileno(), begin, os.SEEK_HOLE)
            found.append((begin, at - begin))
    return found


def find(path, want):
    """Where these bytes are, or -1; and only where they are once."""
    at = -1
    with open(path, "rb") as f:
        for begin, length in extents(path):
            f.seek(begin)
            data = f.read(length)
            here = data.find(want)
            if here < 0:
                continue
            if at >= 0 or data.find(want, here + 1) >= 0:
                raise NotApplicable("in several places")
            at = begin + here
    return at


def place_of(path, content, at, length=512):
    """Where a file's bytes are verbatim in another."""
    with open(content, "rb") as f:
        f.seek(at)
        want = f.read(length)
    found = find(path, want)
    if found < 0:
        raise NotApplicable("its bytes are not literally there")
    return found


def first(path, want, of, step, start=0):
    """The first place of some bytes in a block (of a size of step) that is of a kind."""
    with open(path, "rb") as f:
        for begin, length in extents(path):
            f.seek(begin)
            data = f.read(length)
            at = data.find(want, max(0, start - begin))
            while at >= 0:
                if of(data[at // step * step:at // step * step + 64]):
                    return begin + at
                at = data.find(want, at + 1)
    raise NotApplicable("nothing of that kind")


def some_place(path, rng, block=4096):
    """A random place where there is something else than zeros."""
    data = extents(path)
    total = sum(length for _, length in data)
    with open(path, "rb") as f:
        for _ in range(10000):
            n = rng.randrange(total)
            for begin, length in data:
                if n < length:
                    break
                n -= length
            at = begin + n
            f.seek(at // block * block)
            if any(f.read(block)):
                return at
    raise NotApplicable("nothing but zeros")


def middle(path, block=4096):
    """The block in the middle of the data, which is not the middle of the file."""
    blocks = []
    with open(path, "rb") as f:
        for begin, length in extents(path):
            f.seek(begin)
            data = f.read(length)
            blocks += [begin + i for i in range(0, len(data) - block + 1, block) if any(data[i:i + block])]
    if len(blocks) < 8:
        raise NotApplicable("too small")
    return blocks[len(blocks) // 2], blocks


def flip(path, at, bit=16):
    with changed(path) as f:
        if at < 0:
            at += os.path.getsize(path)
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ bit]))


def write(path, at, data):
    with changed(path) as f:
        f.seek(at)
        f.write(data)


def read(path, at, length):
    with open(path, "rb") as f:
        f.seek(at)
        return f.read(length)


def swap(path, a, b, length=4096):
    one, two = read(path, a, length), read(path, b, length)
    if one == two:
        raise NotApplicable("they are the same")
    write(path, a, two)
    write(path, b, one)


def cut(path, size):
    if size >= os.path.getsize(path):
        raise NotApplicable("it is smaller than that")
    with changed(path) as f:
        f.truncate(size)


def append(path, data):
    before = os.stat(path)
    with open(path, "ab") as f:
        f.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def noise(seed, length):
    return random.Random(seed).randbytes(length)


def encrypt(path, seed, every=1, block=65536):
    """Overwrites every so many'th block, as ransomware does that is in a hurry."""
    size = os.path.getsize(path)
    with changed(path) as f:
        for i, at in enumerate(range(0, size, block)):
            if i % every == 0:
                f.seek(at)
                f.write(noise(f"{seed}/{at}", min(block, size - at)))
