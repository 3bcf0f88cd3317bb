#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compresses in pieces that can be decoded each by itself, for formats whose own tools Debian does not have, or has
elsewhere:  pieces.py KIND PIECE IN OUT
    bgzf            gzip members with their length in the header, and the empty one at the end
    frames          zstd frames whose headers give their size
    seekable        the same, and the table of the seekable format
    seekable-xxh64  frames without a checksum; the table has one for each
    seekable-pipe   frames of which only the table knows the size, as those have that a library wrote bit by bit
"""
import struct
import subprocess
import sys
import zlib

M = (1 << 64) - 1
P = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def xxh64(data):
    rot = lambda v, n: (v << n | v >> (64 - n)) & M
    lane = lambda acc, v: rot((acc + v * P[1]) & M, 31) * P[0] & M
    at, acc = 0, P[4]
    if len(data) >= 32:
        v = [(P[0] + P[1]) & M, P[1], 0, -P[0] & M]
        at = len(data) // 32 * 32
        for four in struct.iter_unpack("<4Q", data[:at]):
            v = [lane(a, x) for a, x in zip(v, four)]
        acc = sum(rot(a, n) for a, n in zip(v, (1, 7, 12, 18))) & M
        for a in v:
            acc = ((acc ^ lane(0, a)) * P[0] + P[3]) & M
    acc = (acc + len(data)) & M
    while at + 8 <= len(data):
        acc = (rot(acc ^ lane(0, int.from_bytes(data[at:at + 8], "little")), 27) * P[0] + P[3]) & M
        at += 8
    if at + 4 <= len(data):
        acc = (rot(acc ^ int.from_bytes(data[at:at + 4], "little") * P[0] & M, 23) * P[1] + P[2]) & M
        at += 4
    for b in data[at:]:
        acc = rot(acc ^ b * P[4] & M, 11) * P[0] & M
    acc = (acc ^ acc >> 33) * P[1] & M
    acc = (acc ^ acc >> 29) * P[2] & M
    return acc ^ acc >> 32


def member(data):
    z = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = z.compress(data) + z.flush()
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00BC\x02\x00"
    return head + struct.pack("<H", len(body) + 25) + body + struct.pack("<II", zlib.crc32(data), len(data))


def frame(data, kind):
    options = ["--no-check"] if kind == "seekable-xxh64" else []
    if kind != "seekable-pipe":
        options.append(f"--stream-size={len(data)}")
    return subprocess.run(["zstd", "-qc", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


kind, piece, source, target = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
made, table = {}, []
with open(source, "rb") as f, open(target, "wb") as out:
    while data := f.read(piece):
        # A disk has many pieces of zeros.
        if data not in made:
            made = made if len(made) < 16 else {}
            stored = member(data) if kind == "bgzf" else frame(data, kind)
            entry = struct.pack("<II", len(stored), len(data))
            if kind == "seekable-xxh64":
                entry += struct.pack("<I", xxh64(data) & 0xffffffff)
            made[data] = stored, entry
        out.write(made[data][0])
        table.append(made[data][1])
    if kind == "bgzf":
        out.write(member(b""))
    elif kind != "frames":
        footer = struct.pack("<IBI", len(table), 0x80 if kind == "seekable-xxh64" else 0, 0x8F92EAB1)
        entries = b"".join(table)
        out.write(struct.pack("<II", 0x184D2A5E, len(entries) + len(footer)) + entries + footer)
