#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives and images that try to get out of where they are restored to. traversal-make.py DIR CANARY TREE"""
import io, os, struct, subprocess, sys, tarfile, time

out, canary, tree = sys.argv[1:4]
now = int(time.time()) - 3600
REG, DIR, SYM, LNK, CHR, BLK, FIFO = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE,
                                      tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)


def member(name, kind=REG, link="", data=b"evil\n", mode=0o644, pax=None):
    m = tarfile.TarInfo(name)
    m.type, m.linkname, m.mode, m.mtime = kind, link, mode, now
    m.size = len(data) if kind == REG else 0
    m.devmajor, m.devminor = 1, 3
    m.pax_headers = pax or {}
    return m, data



def tar(name, *members, form=tarfile.PAX_FORMAT, system=False):
    with tarfile.open(f"{out}/{name}.tar", "w", format=form) as t:
        if system:
            t.add(tree, arcname=".")
        for m, data in members:
            t.addfile(m, io.BytesIO(data) if m.type == REG else None)


up = "../" * 12
rel = canary.lstrip("/")
secret = f"{canary}/secret"
attacks = {
    "absolute": [member(f"{canary}/absolute"), member(secret), member("/" + secret)],
    "dotdot": [member(f"{up}{rel}/dotdot"), member(f"a/{up}{rel}/dotdot"), member(".."), member("a/.."), member("../x"),
               member("..", DIR), member("a/..", DIR, mode=0)],
    "link-then-file": [member("l", SYM, canary), member("l/through"), member("l/secret")],
    "link-up": [member("l", SYM, up + rel), member("l/through"), member("l/d", DIR), member("l/d/x")],
    "link-of-link": [member("a", SYM, "b"), member("b", SYM, canary), member("a/through"), member("c/d", SYM, "../a"),
                     member("c/d/through")],
    "file-over-link": [member("f", SYM, secret), member("f"), member("f", DIR), member("f/x")],
    "dir-over-link": [member("d", SYM, canary), member("d", DIR, mode=0o700), member("d/x"), member("d", DIR, mode=0)],
    "link-over-dir": [member("d", DIR), member("d/x"), member("d", SYM, canary), member("d/through"),
                      member("d", DIR, mode=0o777)],
    "hard-out": [member("h", LNK, secret), member("h"), member("h2", LNK, up + rel + "/secret"), member("h2")],
    "hard-to-link": [member("s", SYM, secret), member("h", LNK, "s"), member("h"), member("sd", SYM, canary),
                     member("hd", LNK, "sd"), member("hd/through")],
    "hard-with-data": [member("s", SYM, canary), member("h", LNK, "s/secret", pax={"size": "5"})],
    "hard-to-itself": [member("h", LNK, "h"), member("h")],
    "devices": [member("null", CHR), member("sda", BLK), member("fifo", FIFO), member("null/x"), member("dev/null", CHR)],
    "powers": [member("suid", mode=0o6755), member("dir", DIR, mode=0o7777), member("dir/suid", mode=0o4711),
               member("sticky", mode=0o1644),
               member("cap", mode=0o755, pax={"SCHILY.xattr.security.capability":
                      b"\x01\x00\x00\x02\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0".decode("utf-8", "surrogateescape"),
                      "SCHILY.xattr.trusted.x": "x", "SCHILY.xattr.user.fine": "x"}),
               member("acl", pax={"SCHILY.acl.access": "user::rw-,user:nobody:rwx:65534,group::rw-,mask::rwx,other::rwx",
                                  "SCHILY.acl.default": "user::rwx,group::rwx,other::rwx"}),
               member("flags", pax={"SCHILY.fflags": "immutable,append,nodump"})],
    "windows": [member(n) for n in ("a\\b", "..\\..\\x", "C:\\x", "c:", "file:stream", "CON", "NUL.txt", "x.", "x ", "\\")],
    "same": [member("Foo"), member("foo"), member("FOO/x"), member("foo"), member("x", DIR), member("X", SYM, canary),
             member("X/y")],
    "odd": [member("."), member("./"), member("//"), member("a//b/./c"), member("d/", REG), member("e/."), member("."),
            member(" "), member("-rf"), member("a\nb\x1b[2J"), member("*"), member("e", SYM, ""), member("g", LNK, "")],
    "long": [member("n" * 255), member("n" * 256), member("d/" * 60000 + "x")],
    "deep": [member("/".join(["d" * 200] * 40) + "/x"), member("/".join(["d"] * 3000) + "/x", mode=0o4755),
             member("/".join(["d" * 200] * 40), SYM, canary), member("/".join(["d" * 200] * 39) + "/l", SYM, canary),
             member("/".join(["d" * 200] * 39) + "/l/through")],
}
for name, members in attacks.items():
    tar(name, *members)
    if name in ("absolute", "dotdot", "link-then-file", "hard-out", "devices"):
        short = [m for m in members if len(m[0].name) < 90 and len(m[0].linkname) < 90]
        if short:
            tar(name + "-ustar", *short, form=tarfile.USTAR_FORMAT)
        tar(name + "-gnu", *members, form=tarfile.GNU_FORMAT)
tar("system-evil", *[m for members in attacks.values() for m in members if len(m[0].name) < 4000
                     and not m[0].name.startswith("/".join(["d" * 200] * 5))], system=True)
# Headers that tarfile does not make: a name that goes on behind its NUL, and one that has none.
raw, _ = member("x/nul", data=b"")
block = bytearray(raw.tobuf(tarfile.USTAR_FORMAT)[:512])
block[0:30] = b"ok\0/../../../../canary/behind\0"
block[148:156] = b" " * 8
block[148:156] = b"%06o\0 " % sum(block)
open(f"{out}/nul.tar", "wb").write(block + bytes(1024))


def edit(path, pairs, once=False):
    data = bytearray(open(path, "rb").read())
    for old, new in pairs:
        assert len(old) == len(new), (old, new)
        at, n = data.find(old), 0
        while at >= 0:
            data[at:at + len(old)] = new
            n, at = n + 1, data.find(old, at + len(old))
        assert n, (path, old)
    open(path, "wb").write(data)


def run(*command, **kw):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)


def ext4(name, *pairs, commands=(), dots=None, source=None):
    path = f"{out}/{name}.img"
    run("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^has_journal", "-d", source or tree, path, "8M")
    script = "\n".join(commands)
    run("debugfs", "-w", "-f", "/dev/stdin", path, input=script.encode())
    if pairs:
        edit(path, pairs)
    for old, new in dots or ():
        data = bytearray(open(path, "rb").read())
        at = data.find(old)
        assert at > 8, old
        data[at - 2] = len(new)
        data[at:at + len(new)] = new
        open(path, "wb").write(data)


place = f"{out}/payload"
open(place, "w").write("evil\n")
put = f"write {place} "
ext4("ext-dotdot", (b"PLACEaaaa", b"../../can"), (b"PLACEbbbb", b"a/b/c/ddd"), (b"PLACEcccc", b"/absolute"),
     commands=[put + "PLACEaaaa", put + "PLACEbbbb", put + "PLACEcccc"])
ext4("ext-nul", (b"PLACEaaaa", b"ok\0/../xx"), (b"PLACEbbbb", b"\0\0\0\0\0\0\0\0\0"),
     commands=[put + "PLACEaaaa", put + "PLACEbbbb"])
ext4("ext-dots", commands=["mkdir PLACEaaaa", "cd PLACEaaaa", put + "x", "cd ..", "mkdir PLACEbbbb", "cd PLACEbbbb", put + "x",
                           "cd ..", put + "PLACEcccc"],
     dots=[(b"PLACEaaaa", b".."), (b"PLACEbbbb", b"."), (b"PLACEcccc", b"")])
ext4("ext-empty", commands=[put + "PLACEcccc"], dots=[(b"PLACEcccc", b"")])
ext4("ext-twice", (b"sameAAAAA", b"sameCCCCC"), (b"sameBBBBB", b"sameCCCCC"),
     commands=[f"symlink sameAAAAA {canary}", "mkdir sameBBBBB", "cd sameBBBBB", put + "through", put + "secret"])
ext4("ext-things", commands=[
    "mknod null c 1 3", "mknod disk b 8 0", "mknod fifo p", put + "suid", "set_inode_field suid mode 0106755",
    "mkdir sgid", "set_inode_field sgid mode 0043777", "cd sgid", put + "inner", "cd ..", put + "cap",
    "ea_set cap security.capability \\001\\000\\000\\002\\377\\377\\377\\377", "ea_set cap trusted.x x", "ea_set cap user.fine x",
    put + "immutable", "set_inode_field immutable flags 0x80030", f"symlink out {secret}", "symlink up ../../../../..",
    put + "socket", "set_inode_field socket mode 0140777"])

fat = f"{out}/fat.img"
run("mkfs.vfat", "-C", fat, "8192")
for n in ("ZZZZZ-long1", "YYYYY-long2", "XXXXX-long3", "QQSHORT1.TXT", "con.txt-long", "c;;x-longone"):
    run("mcopy", "-i", fat, place, "::" + n)
edit(fat, [("ZZZZZ".encode("utf-16le"), "../..".encode("utf-16le")), ("YYYYY".encode("utf-16le"), "..\\x/".encode("utf-16le")),
           ("XXXXX".encode("utf-16le"), "a/b/c".encode("utf-16le")), (b"QQSHORT1TXT", b"../../..TXT"),
           ("c;;x-".encode("utf-16le"), "c:\\x:".encode("utf-16le"))])

ntfs = f"{out}/ntfs.img"
run("truncate", "-s", "16M", ntfs)
run("mkntfs", "-q", "-F", "-f", ntfs)
for n in ("ZZZZZZZZ1", "YYYYYYYY2", "XXXXXXXX3", "WWWWWWWW4", "CON", "stream"):
    run("ntfscp", "-f", ntfs, place, n)
edit(ntfs, [("ZZZZZZZZ1".encode("utf-16le"), "../../can".encode("utf-16le")),
            ("YYYYYYYY2".encode("utf-16le"), "..\\..\\can".encode("utf-16le")),
            ("XXXXXXXX3".encode("utf-16le"), "ok\0/../xx".encode("utf-16le")),
            ("WWWWWWWW4".encode("utf-16le"), "a:b\x1b[2J*|".encode("utf-16le"))])

# A WIM's names stand in its metadata, of which the table of resources has the SHA-1.
import hashlib
source, wim = f"{out}/wim-source", f"{out}/names.wim"
os.makedirs(f"{source}/dir")
for n in ("ZZZZZZZZ1", "YYYYYYYY2", "dir/XXXXXXXX3", "..WWWWWW4"):
    open(f"{source}/{n}", "w").write("evil\n")
os.symlink(secret, f"{source}/link")
run("wimlib-imagex", "capture", source, wim, "--compress=none", "--no-acls", "--unix-data")
pairs = [("ZZZZZZZZ1".encode("utf-16le"), "../../can".encode("utf-16le")),
         ("YYYYYYYY2".encode("utf-16le"), "..\\..\\can".encode("utf-16le")),
         ("XXXXXXXX3".encode("utf-16le"), "..\0\0\0\0\0\0\0".encode("utf-16le"))]
for i, pair in enumerate(pairs):
    data = bytearray(open(wim, "rb").read())
    flagged, table, _ = struct.unpack_from("<QQQ", data, 48)
    for at in range(table, table + (flagged & 0xffffffffffffff), 50):
        size, start, _ = struct.unpack_from("<QQQ", data, at)
        flags, size = size >> 56, size & 0xffffffffffffff
        if flags & 2:
            body = bytes(data[start:start + size])
            assert pair[0] in body
            body = body.replace(*pair)
            data[start:start + size] = body
            data[at + 30:at + 50] = hashlib.sha1(body).digest()
    open(f"{out}/wim-{i}.wim", "wb").write(data)
os.unlink(wim)
