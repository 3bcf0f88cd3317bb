# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of a disk that hold nothing: no file, no name, no structure of it is other for a change there, and no checksum is
over them. Each kind is named with its reason; the file systems' own tools say where they are."""
import json
import re
import subprocess

MIB = 1 << 20
EXT = {"ext": 6 * MIB, "two-sda": 6 * MIB, "mbr": MIB, "fs": 0}


def say(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", check=False).stdout


def ranges(column, disk):
    found = []
    if column.source != "fs":
        # Boot code has no checksum; that of a GPT disk is not even run.
        found.append((0, 440))
        found += between_partitions(column, disk)
    if column.gpt:
        found += fat(disk, MIB)
    if column.source in EXT:
        found += ext(disk, EXT[column.source])
    elif column.source == "btrfs":
        found += btrfs(disk, 6 * MIB)
    elif column.source == "ntfs":
        found += ntfs(disk, 10 * MIB)
    return found


def between_partitions(column, disk):
    """What lies in no partition, and not in the table either."""
    try:
        table = json.loads(say("sfdisk", "-J", disk))["partitiontable"]
    except ValueError:
        return []
    at, found = 34 * 512 if column.gpt else 512, []
    for p in sorted(table["partitions"], key=lambda p: p["start"]):
        found.append((at, p["start"] * 512))
        at = (p["start"] + p["size"]) * 512
    if column.gpt:
        found.append((at, (table["lastlba"] + 1) * 512))
    return [(a, b) for a, b in found if a < b]


def ext(disk, root):
    """Free blocks; and what follows the bits of the inodes in their bitmap, of which e2fsprogs say that it is ones, and that
    nothing reads."""
    told, found = say("dumpe2fs", f"{disk}?offset={root}"), []
    per = int(re.search(r"^Inodes per group: +(\d+)", told, re.M).group(1))
    for at in re.findall(r"Inode bitmap at (\d+)", told):
        found.append((root + int(at) * 4096 + per // 8, root + int(at) * 4096 + 4096))
    for line in re.findall(r"^  Free blocks: (.+)$", told, re.M):
        for piece in line.split(", "):
            first, last = (piece.split("-") * 2)[:2]
            if first.strip().isdigit():
                found.append((root + int(first) * 4096, root + (int(last) + 1) * 4096))
    return found


def fat(disk, start):
    """Free clusters of the EFI system partition, a FAT16."""
    with open(disk, "rb") as f:
        f.seek(start)
        boot = f.read(512)
        sector, reserved, roots = (int.from_bytes(boot[a:a + 2], "little") for a in (11, 14, 17))
        per, copies, size = boot[13], boot[16], int.from_bytes(boot[22:24], "little")
        if sector == 0 or per == 0 or size == 0:
            return []
        f.seek(start + reserved * sector)
        table = f.read(size * sector)
    data = start + (reserved + copies * size) * sector + roots * 32
    total = (int.from_bytes(boot[19:21], "little") or int.from_bytes(boot[32:36], "little")) * sector
    cluster = per * sector
    clusters = (start + total - data) // cluster
    return [(data + n * cluster, data + (n + 1) * cluster) for n in range(clusters)
            if table[2 * n + 4:2 * n + 6] == bytes(2)]


def loader(disk, start):
    """Where the boot loader's own program lies, in one piece; and its bytes."""
    content = subprocess.run(["mcopy", "-n", "-i", f"{disk}@@{start}", "::/EFI/BOOT/BOOTX64.EFI", "-"], capture_output=True, check=False).stdout
    with open(disk, "rb") as f:
        f.seek(start)
        at = f.read(5 * MIB).find(content) if content else -1
    return (start + at, start + at + len(content), content) if at >= 0 else None


def same_sum(ours, theirs):
    """Ranges of the boot loader where its words are the same in another order: a PE checksum is their sum, and nothing else
    vouches for it."""
    good = loader(theirs, MIB)
    if good is None:
        return []
    begin, end, content = good
    with open(ours, "rb") as f:
        f.seek(begin)
        now = f.read(end - begin)
    words = [sorted(data[i:i + 2] for i in range(0, len(data), 2)) for data in (content, now)]
    return [(begin, end)] if words[0] == words[1] else []


def partition(disk, root, out):
    with open(disk, "rb") as f, open(out, "wb") as to:
        f.seek(root)
        while piece := f.read(MIB):
            to.write(piece)
    return out


def btrfs(disk, root):
    """Nodes in the metadata's chunks that no tree leads to: they are of earlier states."""
    fs = partition(disk, root, f"{disk}.fs")
    used = {int(n) for n in re.findall(r"^(?:leaf|node) (\d+) ", say("btrfs", "inspect-internal", "dump-tree", fs), re.M)}
    found = []
    for logical, text in re.findall(r"CHUNK_ITEM (\d+)\).*?\n(.*?)(?=\titem|\Z)", say("btrfs", "inspect-internal", "dump-tree", "-t", "chunk", fs), re.S):
        if "METADATA" not in text or not used:
            continue
        length = int(re.search(r"length (\d+)", text).group(1))
        for physical in re.findall(r"stripe \d+ devid \d+ offset (\d+)", text):
            for at in range(0, length, 16384):
                if int(logical) + at not in used:
                    found.append((root + int(physical) + at, root + int(physical) + at + 16384))
    return found


def ntfs(disk, root):
    """Clusters of an event log that the recipe of the volume fills with letters: no event log, then, and no program."""
    fs, found = partition(disk, root, f"{disk}.fs"), []
    for _, lcn, count in runs(fs, "-F", "/Windows/System32/winevt/Logs/System.evtx"):
        found.append((root + lcn * 4096, root + (lcn + count) * 4096))
    return found


def runs(fs, *what):
    """(VCN, LCN, length) as ntfsinfo has them."""
    told = say("ntfsinfo", "-f", "-v", *what, fs)
    found = []
    for piece in re.findall(r"VCN\s+LCN\s+Length\s*\n((?:\s*0x[0-9a-f]+\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s*\n)+)", told):
        found += [tuple(int(n, 16) for n in line.split()) for line in piece.strip().split("\n")]
    return found
