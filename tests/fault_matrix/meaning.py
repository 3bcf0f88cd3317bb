# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of stored bytes by chance means, where the program said "safe": asked of others.

The format's own tool restores the damaged file. Where that is the very same disk, no harm was done ("same"). Where it
differs in nothing but the contents of files that no package vouches for, and there is neither digest nor seal nor a
checksum of the format over them, no reader could have noticed ("unseen"). Everything else is a false safe: also where
the tool gives up, or where there is none.
"""
import os
import subprocess

import columns
import damage
import meaningless
from damage import NotApplicable

QEMU = {"qcow2": "qcow2", "qcow2-c": "qcow2", "qcow2-zstd": "qcow2", "chain": "qcow2", "vhd": "vpc", "vhdx": "vhdx",
        "vmdk": "vmdk", "vmdk-stream": "vmdk", "vmdk-split": "vmdk", "vdi": "vdi"}
FIRST = {"chain": "web01.qcow2", "vmdk-split": "web01.vmdk"}
TOOLS = {"zst": "zstd -dcq", "zst-frames": "zstd -dcq", "gz": "gzip -dcq", "xz": "xz -dcq", "lz4": "lz4 -dcq", "bz2": "bzip2 -dcq", "lzo": "lzop -dcq"}


def command(column, out):
    """How others restore the disk (or what the archive holds, as a list) into a file; None where nobody can."""
    pack, main = column.pack, column.main
    if pack in QEMU:
        return f"qemu-img convert -f {QEMU[pack]} -O raw {FIRST.get(pack, main)} {out}"
    if pack in TOOLS:
        return f"{TOOLS[pack]} {main} >{out}"
    return {
        "raw": f"cp --sparse=always {main} {out}",
        "two": f"cat web01-sda.img web01-sdb.img | cp --sparse=always /dev/stdin {out}",
        "split-raw": f"cat web01.img.* | cp --sparse=always /dev/stdin {out}",
        "split-zst": f"cat web01.img.zst.* | zstd -dcq >{out}",
        "tar-zst": f"zstd -dcq {main} >{out}",
        "vma-zst": f"zstd -dcq {main} >{out}",
        "ova": f"tar -xOf {main} web01-disk1.vmdk >{out}.vmdk && qemu-img convert -f vmdk -O raw {out}.vmdk {out}",
        "partclone": f"truncate -s 16M {out} && partclone.restore -C -s {main} -O {out} -L /dev/null",
        "clonezilla": f"truncate -s 9M {out} && zstd -dcq {main} | partclone.restore -C -s - -O {out} -L /dev/null",
        "e01": f"ewfexport -q -u -f raw -t {out} {main} && mv {out}.raw {out}",
        "wim": f"mkdir {out}.d && wimapply {main} 1 {out}.d && tar --sort=name -C {out}.d -cf {out} .",
    }.get(pack)


def restored(column, directory, out):
    line = command(column, out)
    if line is None:
        return None
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, timeout=300)
    return out if done.returncode == 0 else None


def differences(a, b):
    """Ranges of bytes in which two files differ; None where their sizes do."""
    found, size = [], os.path.getsize(a)
    if size != os.path.getsize(b):
        return None
    with open(a, "rb") as one, open(b, "rb") as two:
        for at in range(0, size, 65536):
            x, y = one.read(65536), two.read(65536)
            if x == y:
                continue
            for i, (p, q) in enumerate(zip(x, y)):
                if p != q:
                    if found and found[-1][1] == at + i:
                        found[-1][1] += 1
                    else:
                        found.append([at + i, at + i + 1])
    return found


# What the program and any other reader takes its knowledge of the machine from: damage there could show.
KNOWN = ("etc/fstab", "etc/hostname", "etc/machine-id", "etc/os-release", "etc/hosts")


def vouched_for(tree):
    """Files that a package lists with a digest, or that carry a checksum of their own; and packages' own records."""
    found = set()
    for sums in (tree / "var/lib/dpkg/info").glob("*.md5sums"):
        found |= {line.split("  ", 1)[1] for line in sums.read_text().splitlines()}
    found |= {"usr/" + path for path in found if path.startswith(("bin/", "sbin/", "lib/"))}
    return lambda path: path in found or path in KNOWN or path.startswith(("boot/", "var/lib/dpkg/", "Windows/"))


def unnoticeable(column, path, sources):
    """Ranges of a disk, archive or stored file that nothing vouches for: where the bytes of files lie that no package lists,
    in pieces since they may be in several places, and what is behind the end of a file in its last block."""
    tree = sources / columns.unvouched(column.source).split("/", 1)[0]
    known, found, data, starts = vouched_for(tree), [], bytearray(), []
    if column.disk:
        found += meaningless.ranges(column, path)
    with open(path, "rb") as f:
        for begin, length in damage.extents(path):
            f.seek(begin)
            starts.append((len(data), begin))
            data += f.read(length)

    def place(want):
        at = data.find(want)
        if at < 0 or data.find(want, at + 1) >= 0:
            return -1
        begin = max(s for s in starts if s[0] <= at)
        return begin[1] + at - begin[0]
    for file in sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()):
        content = file.read_bytes()
        listed = known(str(file.relative_to(tree)))
        for i in range(0, len(content), 4096):
            piece = content[i:i + 4096]
            if listed and len(piece) == 4096 or not column.disk and len(piece) < 12 and i == 0:
                continue
            before = content[i - 4096:i] if len(piece) < 64 else b""
            at = place(before + piece)
            if at < 0 and column.disk and len(piece) < 4096:
                # Small ones with the zeros behind them, which no other file has just so.
                at = place(piece + bytes(4096 - len(piece)))
                at = at if at % 4096 == 0 else -1
                before = b""
            if at < 0:
                continue
            at += len(before)
            if not listed:
                found.append((at, at + len(piece)))
            if column.disk and at % 4096 == 0 and len(piece) < 4096:
                found.append((at + len(piece), at + 4096))
    return found


def within(ranges, begin, end):
    """Whether neighbours among the ranges hold all of it."""
    for a, b in sorted(ranges):
        if a <= begin < b:
            begin = b
    return begin >= end


def clusters(stored, disk, ranges):
    """Where on the disk the bytes at those places are, by the blocks of 4 KiB that hold them; -1 where that is not clear."""
    data, out, places = stored.read_bytes(), [], {}
    header = int.from_bytes(data[56:60], "big")
    at = header
    while at < len(data):
        # An extent: a header of 512 bytes with the number of blocks behind it.
        blocks = int.from_bytes(data[at + 6:at + 8], "big")
        for i in range(blocks):
            places[at + 512 + 4096 * i] = None
        at += 512 + 4096 * blocks
    for begin, end in ranges:
        for byte in range(begin, end):
            block = max((p for p in places if p <= byte < p + 4096), default=None)
            if block is None:
                out.append(-1)
                continue
            try:
                there = damage.find(disk, data[block:block + 4096])
            except NotApplicable:
                there = -1
            out.append(there + byte - block if there >= 0 else -1)
    return out


def contents(archive):
    """The digest of all that tar lists of an archive and unpacks of it; None where it gives up."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{{ tar -tvf {archive} && tar -xOf {archive}; }} | sha256sum"],
                          capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def judge(case):
    """("same" or "unseen" or "false safe", why) for a case whose bytes were changed by chance, and that came out as safe."""
    column, good = case.column, case.cache / "good" / case.column.id
    ours, theirs = case.root / "restored", case.root / "restored-good"
    if column.pack == "tar" and contents(case.main) == contents(good / column.main):
        return "same", "it holds the very same files"
    if column.pack == "vma" or column.pack == "tar":
        # Plain bytes in a row, for which there is no tool that restores a disk here.
        ours, theirs = case.main, good / column.main
    elif restored(column, case.dir, ours) is None:
        return "false safe", "the format's own tool can't restore it"
    elif restored(column, good, theirs) is None:
        return "false safe", "the format's own tool can't restore the good one either"
    found = differences(ours, theirs)
    if found == []:
        return "same", "it restores the very same disk"
    if found is None or column.digest or column.covered or not case.row.content:
        return "false safe", "it restores something else"
    if column.pack == "vma":
        # Its clusters lie in it as they are: what would a restore write, and where?
        theirs = case.cache / "sources" / "ext.img"
        found = [[at, at + 1] for at in clusters(good / column.main, theirs, found)]
    known = unnoticeable(column, theirs, case.cache / "sources")
    if column.gpt:
        known += meaningless.same_sum(ours, theirs)
    if all(within(known, begin, end) for begin, end in found):
        return "unseen", "only contents differ that nothing vouches for, or what is behind the end of a file"
    return "false safe", "it differs at " + ", ".join(str(begin) for begin, _ in found[:3])
