# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: what happens to the files of a restore point where they lie. Sidecars and seals are of the good ones."""
import os

import columns
import damage
import unseen
from damage import NotApplicable
from model import CANNOT_TELL, DAMAGED, Row

ROWS = []
GROUP = "the stored file"
# A file that is no more what its name says: damaged, unless it is taken for something that there is no reader for.
UNKNOWN = frozenset((DAMAGED, CANNOT_TELL))


def row(id, title, apply, expect=frozenset((DAMAGED,)), **more):
    ROWS.append(Row(id, title, GROUP, expect, apply, **more))


def size(case):
    return os.path.getsize(case.main)


row("empty", "empty", lambda c: damage.cut(c.main, 0), quick=True)
row("cut 4K", "cut to 4 KiB", lambda c: damage.cut(c.main, 4096))
row("cut half", "cut to half", lambda c: damage.cut(c.main, size(c) // 2), quick=True)
row("cut 90%", "cut to nine tenths", lambda c: damage.cut(c.main, size(c) * 9 // 10))
row("cut block", "without its last 4 KiB", lambda c: damage.cut(c.main, size(c) - 4096))
row("cut byte", "without its last byte", lambda c: damage.cut(c.main, size(c) - 1), quick=True)
row("append byte", "a byte behind its end", lambda c: damage.append(c.main, b"x"))
row("append noise", "64 KiB of noise behind its end", lambda c: damage.append(c.main, damage.noise(5, 65536)), quick=True, unseen=unseen.behind_mbr)
row("twice", "written twice, one behind the other", lambda c: damage.append(c.main, c.main.read_bytes()), only=lambda c: c.source not in ("xfs", "btrfs"),
    unseen=unseen.behind_mbr)


def flip_random(case):
    damage.flip(case.main, damage.some_place(case.main, case.rng), 1 << case.rng.randrange(8))


row("flip first", "a bit of its first bytes", lambda c: damage.flip(c.main, 1), UNKNOWN, content=True)
for n in range(1, 7):
    row(f"flip {n}", f"a bit anywhere ({n})", flip_random, content=True, quick=n == 1)
row("flip last", "a bit of its last bytes", lambda c: damage.flip(c.main, -3), content=True)


def flip_file(which):
    def apply(case):
        damage.flip(case.main, damage.place_of(case.main, case.source(which(case.column.source)), 4096 + 300))
    return apply


def flip_free(case):
    """Between the end of what ext4 uses and the disk's end, in a hole of the file."""
    if case.column.pack != "raw" or case.column.source not in ("ext", "mbr"):
        raise NotApplicable("nobody knows where that is")
    damage.flip(case.main, (14 << 20) + 12345)


row("flip vouched", "a bit of a package's file, where it lies verbatim", flip_file(columns.vouched), quick=True)
row("flip unvouched", "a bit of a user's file, where it lies verbatim", flip_file(columns.unvouched), unseen=unseen.in_place, quick=True)
row("flip free", "a bit of free space", flip_free, unseen=unseen.free_space)


def rot(case):
    """As a disk does it: no time tells. What was read before knows of every byte."""
    times = os.stat(case.main)
    flip_random(case)
    os.utime(case.main, ns=(times.st_atime_ns, times.st_mtime_ns))


row("rot since", "a bit anywhere, since it was last checked; its time is as it was", rot, UNKNOWN, again=True, peers="none", quick=True)
row("cut since", "cut to nine tenths since it was last checked", lambda c: damage.cut(c.main, size(c) * 9 // 10), again=True, peers="none")


def zero(length):
    def apply(case):
        at, _ = damage.middle(case.main)
        damage.write(case.main, at, bytes(min(length, size(case) - at)))
    return apply


def swap(case):
    _, blocks = damage.middle(case.main)
    n = case.rng.randrange(len(blocks) - 1)
    damage.swap(case.main, blocks[n], blocks[n + 1])


def stale_block(case):
    """A write that went to another place: a block of the file over another one."""
    _, blocks = damage.middle(case.main)
    a, b = case.rng.sample(blocks, 2)
    if damage.read(case.main, a, 4096) == damage.read(case.main, b, 4096):
        raise NotApplicable("they are the same")
    damage.write(case.main, b, damage.read(case.main, a, 4096))


row("zero start", "4 KiB of zeros at its start", lambda c: damage.write(c.main, 0, bytes(4096)), UNKNOWN, quick=True)
row("zero block", "4 KiB of zeros in the middle of its data", zero(4096), content=True)
row("zero 64K", "64 KiB of zeros there", zero(65536), content=True)
row("zero end", "its last 4 KiB are zeros", lambda c: damage.write(c.main, size(c) - 4096, bytes(4096)), content=True)
row("swap", "two blocks swapped", swap, content=True)
row("misdirected", "a block overwritten by another one of it", stale_block, content=True)


def overwrite(case):
    damage.encrypt(case.main, f"{case.rng.random()}")


def replace(data):
    def apply(case):
        if size(case) <= len(data):
            raise NotApplicable("it is smaller than that")
        damage.cut(case.main, 0)
        damage.append(case.main, data)
    return apply


row("ransom all", "ransomware: all of it overwritten", overwrite, UNKNOWN, quick=True)
row("ransom start", "ransomware: its first MiB overwritten",
    lambda c: damage.write(c.main, 0, damage.noise("start", min(1 << 20, size(c)))), UNKNOWN)
row("ransom some", "ransomware: every fourth 64 KiB overwritten",
    lambda c: damage.encrypt(c.main, "some", 4), UNKNOWN)
row("text", "an error page in its place", replace(b"<html><body><h1>503 Service Unavailable</h1></body></html>\n"), UNKNOWN, quick=True)

