#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes random data into free blocks of an ext file system, as deleted files leave it: MIB in each GiB.

    spread.py IMAGE OFFSET MIB
"""
import random
import re
import subprocess
import sys

image, offset, mib = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
listing = subprocess.run(["dumpe2fs", f"{image}?offset={offset}"], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout.decode()
block = int(re.search(r"^Block size:\s+(\d+)", listing, re.M).group(1))
r = random.Random(1)
left = {}  # by GiB
with open(image, "r+b", buffering=0) as f:
    for ranges in re.findall(r"^  Free blocks: (.+)$", listing, re.M):
        for one in ranges.split(", "):
            first, last = (int(x) for x in (one.split("-") * 2)[:2])
            while last - first >= 256 * 4:
                gib = first * block >> 30
                if left.setdefault(gib, mib) == 0:
                    break
                left[gib] -= 1
                f.seek(offset + first * block)
                f.write(r.randbytes(1 << 20))
                first += (1 << 20) // block
