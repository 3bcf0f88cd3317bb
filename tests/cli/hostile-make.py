#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that nobody should trust, wherever a name can come from. hostile-make.py tree TREE | containers DIR IMAGE FIXTURES"""
import base64, hashlib, io, json, os, shutil, struct, subprocess, sys, tarfile, time

# Escapes, line ends, C1, bidi, what can't be seen, line separators, tags, no UTF-8 and overlong, and what ends a string
# in JSON, HTML, XML, a label, a shell and performance data. NAME has no slash and no newline for where neither can be.
BYTES = (b'\x1b]0;T\x07\x1b[2J\r\t\x7f\x9b31m\xc2\x9b31m\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8'
         b'\xf3\xa0\x81\x81\xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbf"} 1 # {\'<script x=y>a(1)<!-- ]]>&amp;|a=1;$(id)`id`\\')
TEXT = BYTES.decode("utf-8", "ignore")
NAME = b"n" + BYTES
LINE = b"l" + BYTES + b"</script></td>javascript:x"


def tree(top):
    def put(path, data):
        path = os.path.join(os.fsencode(top), path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
    put(b"etc/hostname", b"HOSTNAME" + LINE + b"\n")
    put(b"etc/machine-id", b"MACHINEID" + LINE + b"\n")
    put(b"etc/os-release", b'ID=x\nPRETTY_NAME="SYSTEM' + LINE + b'"\n')
    with open(f"{top}/etc/fstab", "ab") as f:
        # Octal escapes are how a line break gets into a mount point.
        word = BYTES.translate(None, b"\t\r #")
        f.write(b"/dev/SPEC" + word + b" /MOUNT\\012\\033[2J" + word + b" ext4 OPT" + word + b" 0 2\n")
        f.write(b"LABEL=LAB\\012\\033 /x ext4 defaults 0 2\nUUID=\x1b[2J /y ext4 defaults 0 2\n")
    put(b"etc/FILE" + NAME, b"x")
    put(b"etc/DIR" + NAME + b"/line\nbreak", b"x")
    put(b"boot/vmlinuz-" + NAME, b"kernel")
    put(b"boot/initrd.img-" + NAME, b"initrd")
    put(b"var/log/LOG" + NAME, b"x")
    # Broken witnesses are told by name.
    put(b"usr/share/GZ" + NAME + b".gz", b"\x1f\x8b\x08\0\0\0\0\0\0\3garbage")
    put(b"var/lib/dpkg/info/p.md5sums", b"00000000000000000000000000000000  etc/FILE" + NAME + b"\n")
    put(b"etc/ssh/ssh_host_x" + NAME + b".pub", b"ssh-" + BYTES.translate(None, b"\t ") + b" AAAA " + BYTES + b"\n")
    os.symlink(b"TARGET" + LINE + b"\n", os.path.join(os.fsencode(top), b"etc/LINK" + NAME))


def config_text():
    """Configurations take no control characters, and no white space or quotes in a name."""
    return "".join(c for c in TEXT if c > " " and not "\x7f" <= c < "\xa0" and c not in '"\\')


def member(t, name, data, link=None):
    m = tarfile.TarInfo(name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    m.size, m.mtime = len(data), int(time.time()) - 60
    if link:
        m.type, m.linkname, m.size = tarfile.SYMTYPE, link, 0
    t.addfile(m, io.BytesIO(data))


def archive(path, members):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as t:
        for name, data in members:
            member(t, name, data)


def containers(out, image, fixtures):
    size = os.path.getsize(image)
    # A VMDK whose extent and parent are called so, and an OVA of that kind.
    descriptor = (b'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
                  b'RW %d FLAT "EXTENT%s" 0\nddb.adapterType = "%s"\n' % (size // 512, BYTES.replace(b'"', b""), BYTES))
    os.mkdir(f"{out}/vmdk")
    with open(f"{out}/vmdk/disk.vmdk", "wb") as f:
        f.write(descriptor)
    words = TEXT.replace("&amp;", "").replace("\x1b", "").replace("\x07", "").replace("\x7f", "").replace("\uffff", "")
    quoted = words.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    ovf = (f'<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
           f'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References><File ovf:id="f1" ovf:href="HREF{quoted}"/>'
           f'</References><DiskSection><Disk ovf:diskId="DISK{quoted}" ovf:fileRef="f1" ovf:capacity="{size}"/></DiskSection>'
           f'<VirtualSystem ovf:id="VS{quoted}"><Name>VSNAME{quoted}</Name></VirtualSystem></Envelope>').encode()
    archive(f"{out}/machine.ova", [("machine.ovf", ovf), ("machine.mf", b"SHA256(" + NAME + b")= 00\n"), (b"HREF" + NAME, b"x")])
    # A system archive: names in it, one that is a megabyte long, one host name that is.
    base = [("etc/fstab", b"/dev/x / ext4 defaults 0 1\n"), ("etc/passwd", b"root:x:0:0::/:/bin/sh\n"),
            (b"etc/TARFILE" + NAME, b"x"), (b"etc/" + b"L" * 60000, b"x"), (b"etc/LINE\n" + NAME + b".gz", b"\x1f\x8b\x08\0\0")]
    archive(f"{out}/system.tar", base + [("etc/hostname", b"TARHOST" + LINE)])
    archive(f"{out}/long.tar", base + [("etc/hostname", b"\x1b" * 1000000)])
    archive(f"{out}/longer.tar", base + [("etc/hostname", b"H" * (10 << 20))])
    archive(f"{out}/cut.tar", base)
    with open(f"{out}/cut.tar", "r+b") as f:
        f.truncate(os.path.getsize(f"{out}/cut.tar") - 11000)
    # Proxmox: the name of the machine, of a configuration and of a disk, with the sum made right; notes and log beside.
    vma = bytearray(open(f"{fixtures}/vma/two.vma", "rb").read())
    for old, new in ((b"name: web01", b"name:\x1b[2JVM"), (b"drive-scsi0\0", b"DRIVE\xff\x1b[2J<\0"), (b"fw.conf\0", b"FW\x1b[<b>\0")):
        at = vma.index(old)
        assert len(new) == len(old)
        vma[at:at + len(old)] = new
    size, = struct.unpack_from(">I", vma, 56)
    vma[32:48] = bytes(16)
    vma[32:48] = hashlib.md5(vma[:size]).digest()
    stem = f"{out}/vzdump/vzdump-qemu-100-{time.strftime('%Y_%m_%d-%H_%M_%S', time.gmtime(time.time() - 600))}"
    os.mkdir(f"{out}/vzdump")
    for suffix, data in ((".vma", vma), (".vma.notes", b"NOTES" + LINE), (".log", b"LOGLINE" + LINE + b"\n" + LINE + b"\nINFO: Finished Backup of VM 100\n")):
        with open(stem + suffix, "wb") as f:
            f.write(data)
    # Clonezilla: its lists name disks, partitions and file systems.
    shutil.copytree(f"{fixtures}/clonezilla/web01-2026-11-19-img", f"{out}/clonezilla-img")
    for name, mode, data in (("dev-fs.list", "ab", b"/dev/DEV" + LINE + b" ext4\n"), ("parts", "wb", b"PARTS" + LINE + b"\n"),
                             ("Info-saved-by-cmd.txt", "wb", LINE)):
        with open(f"{out}/clonezilla-img/{name}", mode) as f:
            f.write(data)
    # A WIM of that name and description, with such names in it.
    os.mkdir(f"{out}/../wim")
    with open(os.path.join(os.fsencode(f"{out}/../wim"), b"WIMFILE" + TEXT.encode()), "w") as f:
        f.write("x")
    subprocess.run(["wimlib-imagex", "capture", f"{out}/../wim", f"{out}/files.wim", "WIMNAME" + config_text(), "WIMTEXT" + config_text(),
                    "--no-acls", "--unix-data"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # A seal that anybody can write.
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "SEALFILE" + TEXT, "digest": {"sha256": "0" * 64}}],
                 "predicateType": TEXT, "predicate": {"host": TEXT}}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    with open(f"{out}/seal.json", "w") as f:
        json.dump({"payloadType": "application/vnd.in-toto+json", "payload": payload,
                   "signatures": [{"keyid": "KEYID" + TEXT, "sig": "AAAA"}]}, f)


def name(kind):
    os.write(1, {"name": NAME, "line": LINE, "text": config_text().encode()}[kind])


{"tree": tree, "containers": containers, "name": name}[sys.argv[1]](*sys.argv[2:])
