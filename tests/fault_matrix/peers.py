# SPDX-License-Identifier: GPL-3.0-or-later
"""What one would type instead, on the very same files. A peer has noticed what it did not end with 0 for."""
import subprocess

ZST = "zstd -tq"
CODECS = {"zst": ZST, "zst-frames": ZST, "gz": "gzip -tq", "xz": "xz -tq", "lz4": "lz4 -tq", "bz2": "bzip2 -tq", "lzo": "lzop -tq"}


def of(column):
    """{name: shell command, run in the restore point's directory}"""
    found, pack = {}, column.pack
    if column.evidence == "sha256":
        found["sha256sum -c"] = 'sha256sum --status -c "$(ls | grep -E \'^web01.*[.]sha256$|^SHA256SUMS$\' | head -n 1)"'
    if pack in CODECS:
        found[CODECS[pack].split()[0] + " -t"] = f"{CODECS[pack]} {column.main}"
    elif pack == "split-zst":
        found["zstd -t"] = "cat web01.img.zst.* | zstd -tq"
    elif pack in ("vma-zst", "tar-zst"):
        found["zstd -t"] = f"zstd -tq {column.main}"
    if pack in ("qcow2", "qcow2-c", "qcow2-zstd", "chain"):
        found["qemu-img check"] = "for f in *.qcow2; do qemu-img check -q -f qcow2 $f || exit 1; done"
    elif pack in ("vhdx", "vmdk", "vmdk-stream", "vdi"):
        found["qemu-img check"] = f"qemu-img check -q -f {pack.split('-')[0]} {column.main}"
    elif pack == "vmdk-split":
        found["qemu-img check"] = "qemu-img check -q -f vmdk web01.vmdk"
    elif pack == "partclone":
        found["partclone.chkimg"] = "partclone.chkimg -s web01.ptcl -L /dev/null"
    elif pack == "clonezilla":
        found["partclone.chkimg"] = "for f in web01-img/*-ptcl-img.zst.aa; do zstd -dcq $f | partclone.chkimg -s - -L /dev/null || exit 1; done"
    elif pack == "e01":
        found["ewfverify"] = "ewfverify -q web01.E01"
    elif pack == "wim":
        found["wimverify"] = "wimverify web01.wim"
    elif pack in ("tar", "ova"):
        found["tar -t"] = f"tar -tf {column.main}"
    if pack == "tar-zst":
        found["tar -t"] = "zstd -dcq web01.tar.zst | tar -tf -"
    return found


def ask(case):
    """{name: whether it noticed}"""
    said = {}
    for name, command in of(case.column).items():
        try:
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=case.dir, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
            said[name] = done.returncode != 0
        except subprocess.TimeoutExpired:
            said[name] = True
    return said


NAMES = ["sha256sum -c", "zstd -t", "gzip -t", "xz -t", "lz4 -t", "bzip2 -t", "lzop -t", "qemu-img check", "partclone.chkimg",
         "tar -t", "wimverify", "ewfverify"]
