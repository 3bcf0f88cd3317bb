# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of the matrix: a small restore point of each kind that backproof reads, and what speaks for its bytes."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    id: str
    title: str
    pack: str                   # how images.sh packs it
    source: str                 # which source of images.sh is in it
    main: str                   # the file (a pattern) that is damaged where one is
    evidence: str = ""          # "sha256": a sidecar beside it; "seal": a signed seal, and policy asks for it
    depth: str = "full"
    policy: str = "plain"       # "noboot": a file system by itself has no loader
    # No byte of the stored data is without a checksum of the format. False: flips in content that nothing else vouches
    # for can't be told by anybody, so long as there is no digest beside it.
    covered: bool = False
    quick: bool = False

    @property
    def digest(self):
        return self.evidence != ""

    @property
    def gpt(self):
        return self.source in ("ext", "xfs", "btrfs", "ntfs", "two-sda")

    @property
    def disk(self):
        return not self.tree

    @property
    def tree(self):
        return self.source in ("container", "windows-tree")


COLUMNS = [
    Column("raw", "raw disk: GPT, FAT, ext4", "raw", "ext", "web01.img", quick=True),
    Column("raw+sum", "... with a .sha256", "raw", "ext", "web01.img", "sha256", quick=True),
    Column("raw+seal", "... sealed", "raw", "ext", "web01.img", "seal", quick=True),
    Column("raw+seal,sample", "... sealed, depth sample", "raw", "ext", "web01.img", "seal", "sample", quick=True),
    Column("mbr", "raw disk: MBR, ext4", "raw", "mbr", "web01.img"),
    Column("xfs", "raw disk: XFS", "raw", "xfs", "web01.img"),
    Column("btrfs", "raw disk: btrfs", "raw", "btrfs", "web01.img"),
    Column("ntfs", "raw disk: Windows, NTFS", "raw", "ntfs", "web01.img"),
    Column("two", "two disks: ext4; FAT, exFAT", "two", "two-sda", "web01-sda.img"),
    Column("split", "raw disk in pieces", "split-raw", "ext", "web01.img.aa"),
    Column("zst", "zstd", "zst", "ext", "web01.img.zst", covered=True, quick=True),
    Column("zst+sum", "zstd with a .sha256", "zst", "ext", "web01.img.zst", "sha256", covered=True),
    Column("pzstd", "pzstd: many frames", "zst-frames", "ext", "web01.img.zst", covered=True),
    Column("gz", "gzip", "gz", "ext", "web01.img.gz", covered=True),
    Column("xz", "xz", "xz", "ext", "web01.img.xz", covered=True),
    Column("lz4", "lz4", "lz4", "ext", "web01.img.lz4", covered=True),
    Column("bz2", "bzip2", "bz2", "ext", "web01.img.bz2", covered=True),
    Column("lzo", "lzop", "lzo", "ext", "web01.img.lzo", covered=True),
    Column("split zst", "zstd in pieces, SHA256SUMS", "split-zst", "ext", "web01.img.zst.ab", "sha256", covered=True, quick=True),
    Column("qcow2", "qcow2", "qcow2", "ext", "web01.qcow2", quick=True),
    Column("qcow2 -c", "qcow2, clusters of zlib", "qcow2-c", "ext", "web01.qcow2"),
    Column("qcow2+seal,sample", "qcow2 -c (zstd), sealed, sample", "qcow2-zstd", "ext", "web01.qcow2", "seal", "sample"),
    Column("chain", "qcow2 on a backing file", "chain", "ext", "base.qcow2", quick=True),
    Column("vhd", "VHD", "vhd", "ext", "web01.vhd"),
    Column("vhdx", "VHDX", "vhdx", "ext", "web01.vhdx"),
    Column("vmdk", "VMDK, sparse", "vmdk", "ext", "web01.vmdk"),
    Column("vmdk stream", "VMDK, stream-optimised", "vmdk-stream", "ext", "web01.vmdk", covered=True),
    Column("vmdk split", "VMDK, in extents", "vmdk-split", "ext", "web01-s001.vmdk"),
    Column("vdi", "VDI", "vdi", "ext", "web01.vdi"),
    Column("ova", "OVA with its manifest", "ova", "ext", "web01.ova", covered=True),
    Column("vma", "Proxmox VMA", "vma", "ext", "web01.vma"),
    Column("vma.zst", "Proxmox VMA, zstd", "vma-zst", "ext", "web01.vma.zst", covered=True),
    Column("partclone", "partclone, ext4", "partclone", "fs", "web01.ptcl", policy="noboot", covered=True, quick=True),
    Column("clonezilla", "Clonezilla directory, zstd", "clonezilla", "ext", "web01-img/sda2.*", covered=True),
    Column("e01", "E01, in segments", "e01", "ext", "web01.E01", covered=True),
    Column("wim", "WIM of a Windows volume", "wim", "windows-tree", "web01.wim", covered=True),
    Column("tar", "tar of a container", "tar", "container", "web01.tar", quick=True),
    Column("tar.zst", "tar, zstd", "tar-zst", "container", "web01.tar.zst", covered=True),
]
BY_ID = {c.id: c for c in COLUMNS}

# What nothing but a digest of the whole vouches for: no package lists it, and it proves nothing by itself.
UNVOUCHED = {"container": "container/home/alice/photo.raw", "windows-tree": "windows-tree/Users/Public/photo.raw",
             "ntfs": "windows-tree/Users/Public/photo.raw"}
# What a package lists (dpkg), or what carries its own checksum (PE).
VOUCHED = {"container": "container/usr/lib/libexample.so.1", "windows-tree": "windows-tree/Windows/System32/hal.dll",
           "ntfs": "hal.dll"}


def unvouched(source):
    return UNVOUCHED.get(source, "tree/home/alice/photo.raw")


def vouched(source):
    return VOUCHED.get(source, "tree/usr/lib/libexample.so.1")
