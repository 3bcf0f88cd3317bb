# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: what was wrong on the machine, or became wrong while it was copied. The restore point is made of it with the real
tools, sidecar and seal are made of that, and all of them are sound. (`backproof seal` refuses most of it; then its code
is the one that counts.)"""
import os
import struct

import columns
import damage
import unseen
from damage import NotApplicable
from model import ANY, CANNOT_TELL, DAMAGED, INCOMPLETE, STALE, Row

MIB = 1 << 20
ROWS = []


def codes(*numbers):
    return frozenset(numbers)


def row(id, title, expect, apply=None, **more):
    more.setdefault("stage", "source")
    ROWS.append(Row(id, title, "wrong before it was backed up", expect, apply, **more))


def variant(id, title, expect, kinds, **more):
    """Another source that images.sh makes, for the kinds of source that have one."""
    row(id, title, expect, variant=id.split(":")[-1], only=lambda c: c.source in kinds, **more)


def root_of(column):
    return {"ext": 6 * MIB, "two-sda": 6 * MIB, "xfs": 6 * MIB, "btrfs": 6 * MIB, "mbr": MIB, "fs": 0, "ntfs": 10 * MIB}[column.source]


def file_of(case, which):
    """A file in the source, and where its bytes are in it: in a tree it is the file itself."""
    path = which(case.column.source)
    content = case.source(path)
    if case.column.tree:
        return case.dir / path.split("/", 1)[1], content, True
    return case.dir, content, False


def at_file(case, which, at):
    target, content, tree = file_of(case, which)
    return (target, at) if tree else (target, damage.place_of(target, content, at))


def flip_in(which):
    def apply(case):
        # Of hal.dll there are 9 KiB, and its last page is of another length.
        damage.flip(*at_file(case, which, 4096 + 300))
    return apply


def zero_in_vouched(case):
    target, at = at_file(case, columns.vouched, 4096)
    damage.write(target, at, bytes(4096))


def swap_in_vouched(case):
    target, a = at_file(case, columns.vouched, 0 if case.column.source in ("ntfs", "windows-tree") else 8192)
    _, b = at_file(case, columns.vouched, 4096)
    damage.swap(target, a, b)


def cut_vouched(case):
    target, content, tree = file_of(case, columns.vouched)
    if not tree:
        raise NotApplicable("file systems know their files' sizes")
    damage.cut(target, os.path.getsize(content) - 1)


disks = {"only": lambda c: c.disk}
gpt = {"only": lambda c: c.gpt}

row("src:flip vouched", "a bit of a package's file, or of a Windows library", codes(DAMAGED), flip_in(columns.vouched), quick=True)
row("src:zero vouched", "4 KiB of zeros in such a file", codes(DAMAGED), zero_in_vouched)
row("src:swap vouched", "two of its blocks swapped", codes(DAMAGED), swap_in_vouched)
row("src:cut vouched", "such a file without its last byte", codes(DAMAGED), cut_vouched)
row("src:flip unvouched", "a bit of a user's file, that nothing vouches for", codes(DAMAGED), flip_in(columns.unvouched),
    unseen=unseen.before_the_backup, quick=True)


def superblock(case):
    at = {"xfs": 108, "btrfs": 65536 + 0x12b, "ntfs": 0x48}.get(case.column.source, 1024 + 0x78)
    damage.flip(case.dir, root_of(case.column) + at)


def inode(case):
    known = dict(line.split() for line in case.source("inodes").read_text().splitlines())
    known["two-sda"] = known["ext"]
    if case.column.source in known:
        return int(known[case.column.source])
    start = root_of(case.column)
    if case.column.source == "ntfs":
        # The name in a file's record; the directory has it too.
        return damage.first(case.dir, "hal.dll".encode("utf-16-le"), lambda head: head[:4] == b"FILE", 1024)
    return damage.first(case.dir, b"IN", lambda head: head[:2] == b"IN" and head[4] == 3, 512, start + (1 << 20)) + 2


def zero_inodes(case):
    at = inode(case) // 65536 * 65536
    damage.write(case.dir, at, bytes(65536))


row("src:superblock", "a bit of the superblock or boot sector", codes(DAMAGED), superblock, **disks)
row("src:inode", "a bit of an inode, a record, a node", codes(DAMAGED), lambda c: damage.flip(c.dir, inode(c)), quick=True, **disks)
row("src:inodes", "64 KiB of inodes are zeros", codes(DAMAGED), zero_inodes,
    only=lambda c: c.source in ("ext", "mbr", "fs", "two-sda"))
row("src:gpt first", "a bit of the first GPT's checksum", codes(DAMAGED), lambda c: damage.flip(c.dir, 512 + 16), **gpt)
row("src:gpt last", "no GPT at the end of the disk", codes(DAMAGED),
    lambda c: damage.write(c.dir, os.path.getsize(c.dir) - 33 * 512, bytes(33 * 512)), **gpt)


def move_partition(case):
    start, = struct.unpack("<I", damage.read(case.dir, 446 + 8, 4))
    damage.write(case.dir, 446 + 8, struct.pack("<I", start + 8))


# Nobody knows what is there now, and that is not known to be damage.
row("src:mbr", "a partition begins elsewhere", codes(DAMAGED, CANNOT_TELL), move_partition, only=lambda c: c.source == "mbr")
# No magic, and no copy of it in reach: what is on that partition nobody can tell (it might be encrypted).
row("src:fs start", "1 MiB of zeros at the file system's start", codes(DAMAGED, CANNOT_TELL),
    lambda c: damage.write(c.dir, root_of(c.column), bytes(MIB)), **disks)
row("src:esp", "zeros where the EFI system partition begins", codes(DAMAGED),
    lambda c: damage.write(c.dir, MIB, bytes(65536)), only=lambda c: c.gpt)

disk = ("ext",)
variant("src:half", "half of the disk was read", codes(DAMAGED), disk, quick=True)
variant("src:zeros", "nothing but zeros was read", codes(DAMAGED), disk)
variant("src:noise", "nothing but noise was read", codes(DAMAGED, CANNOT_TELL), disk)
variant("src:ransom-programs", "ransomware: files of users and packages overwritten", codes(DAMAGED), ("ext", "container"))
variant("src:ransom-all", "ransomware: all files overwritten", codes(DAMAGED, INCOMPLETE), ("ext", "container", "windows-tree"), quick=True)
variant("src:ransom-users", "ransomware: users' files alone overwritten", codes(DAMAGED), ("ext", "container", "windows-tree"),
        unseen=unseen.users_files)
variant("src:old", "stale inside: nobody wrote to it for three days", codes(STALE), ("ext", "fs", "container"), quick=True)
variant("src:other", "another machine's disk under this name", codes(INCOMPLETE), ("ext", "container", "windows-tree"), quick=True)
variant("src:novolume", "a volume that its fstab names is missing", codes(INCOMPLETE), ("ext", "container"), quick=True)
variant("src:noesp", "the EFI system partition is missing", codes(INCOMPLETE), disk)
variant("src:noloader", "no boot loader in it", codes(INCOMPLETE), disk)
variant("src:nokernel", "no kernel", codes(INCOMPLETE), ("ext", "windows-tree"))
variant("src:locked", "its volume is encrypted, and there is no key", codes(CANNOT_TELL), disk)
assert ANY
