# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: parts that are lost or foreign, clocks, names, what lies beside a restore point and vouches for it."""
import base64
import json
import os
import shutil

import damage
from damage import NotApplicable
from model import BUSY, CANNOT_TELL, DAMAGED, INCOMPLETE, NO_BACKUP, STALE, Row

ROWS = []
DAY = 86400


def codes(*numbers):
    return frozenset(numbers)


def adder(group, **usual):
    def row(id, title, expect, apply, **more):
        ROWS.append(Row(id, title, group, expect, apply, **{**usual, **more}))
    return row


# Parts. The first, one between and the last, by name; and the same found in the directory.
part = adder("parts of it")


def pieces(case):
    found = [p for p in case.files() if p.suffix != ".xml"]
    if len(found) < 2:
        raise NotApplicable("one file")
    return found


def lose(which):
    def apply(case):
        pieces(case)[which].unlink()
    return apply


def in_directory(apply):
    def found(case):
        apply(case)
        case.paths = [case.dir]
    return found


several = {"only": lambda c: c.pack in ("split-raw", "split-zst", "chain", "vmdk-split", "e01", "two")}
part("lost first", "without its first part", codes(INCOMPLETE, DAMAGED, CANNOT_TELL), lose(0), **several)
part("lost last", "without its last part", codes(INCOMPLETE, DAMAGED), lose(-1), quick=True,
     only=lambda c: several["only"](c) and c.pack not in ("chain", "vmdk-split"))
part("lost middle", "without a part between", codes(INCOMPLETE), lose(1), quick=True,
     only=lambda c: c.pack in ("split-raw", "split-zst", "e01"))
part("lost main", "without the newest of a chain, or its descriptor", codes(INCOMPLETE, DAMAGED, CANNOT_TELL, STALE), lose(-1),
     only=lambda c: c.pack in ("chain", "vmdk-split"))
part("lost, directory", "a part is missing in its directory", codes(INCOMPLETE), in_directory(lose(0)),
     only=lambda c: c.pack in ("split-raw", "split-zst", "chain", "e01"))


def lose_one(pattern):
    def apply(case):
        found = sorted(case.dir.rglob(pattern))
        if not found:
            raise NotApplicable("no such file")
        found[0].unlink()
    return apply


clonezilla = {"only": lambda c: c.pack == "clonezilla"}
part("lost image", "a partition's image is missing", codes(INCOMPLETE), lose_one("sda1.*"), **clonezilla)
part("lost table", "the partition table's files are missing", codes(INCOMPLETE, CANNOT_TELL, DAMAGED),
     lambda c: [p.unlink() for p in c.dir.rglob("sda-*")], **clonezilla)


def exchange(case):
    a, b = pieces(case)[:2]
    one, two = a.read_bytes(), b.read_bytes()
    for path, data in ((a, two), (b, one)):
        before = os.stat(path)
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def of_another(name, foreign):
    """A part from a restore point of another machine, or of three days ago."""
    def apply(case):
        other = case.cache / "good" / f"{case.column.id} of {foreign}"
        if not other.is_dir():
            raise NotApplicable("one file")
        where = case.dir / name if name else pieces(case)[1]
        before = os.stat(where)
        shutil.copyfile(other / where.name, where)
        os.utime(where, ns=(before.st_atime_ns, before.st_mtime_ns))
    return apply


part("exchanged", "two parts under each other's names", codes(DAMAGED, INCOMPLETE, CANNOT_TELL), exchange,
     only=lambda c: c.pack in ("split-raw", "split-zst", "e01"))
part("part of other", "a part of another machine's backup", codes(DAMAGED, INCOMPLETE), of_another("", "other"),
     only=lambda c: c.pack in ("split-raw", "split-zst"))
part("part of old", "a part of an older backup", codes(DAMAGED, INCOMPLETE, STALE), of_another("", "old"),
     only=lambda c: c.pack in ("split-raw", "split-zst"))
part("parent of other", "another machine's disk behind it", codes(DAMAGED, INCOMPLETE), of_another("base.qcow2", "other"),
     only=lambda c: c.pack == "chain", quick=True)
part("parent of old", "the disk of three days ago behind it", codes(DAMAGED, INCOMPLETE, STALE), of_another("base.qcow2", "old"),
     only=lambda c: c.pack == "chain")

# Whose and when.
asked = adder("whose, and when", stage="asked", peers="same")


def rename(case, old, new):
    for p in sorted(case.dir.iterdir()):
        if p.name.startswith(old):
            p.rename(p.with_name(new + p.name[len(old):]))


def dated(seconds):
    def apply(case):
        for p in case.dir.rglob("*"):
            os.utime(p, (case.now - seconds, case.now - seconds))
    return apply


def later(case):
    case.now += 3 * DAY
    dated(3600)(case)


def earlier(case):
    case.now -= 3 * DAY
    dated(3600)(case)


def option(*args):
    return lambda case: case.args.extend(args)


def another_host(case):
    case.host = "db01"


def name_dated(date):
    def apply(case):
        rename(case, "web01", f"web01-{date}")
    return apply


whole = {"only": lambda c: c.evidence == "" and c.pack not in ("chain", "vmdk-split", "clonezilla", "two")}
asked("other host", "it is asked for another host", codes(INCOMPLETE), another_host, quick=True)
asked("machine id", "it has another machine id", codes(INCOMPLETE), option("--machine-id", "f" * 32))
asked("file old", "its files are three days old", codes(STALE), dated(3 * DAY), quick=True)
asked("file future", "its files are dated in the future", codes(STALE), dated(-3 * DAY))
asked("content old", "old content under a new date", codes(STALE), later, quick=True)
asked("content future", "content dated in the future", codes(STALE), earlier)
asked("name old", "an old date in its name", codes(STALE), name_dated("2020-01-01"), peers="none", **whole)
asked("name future", "a future date in its name", codes(STALE), name_dated("2099-01-01"), peers="none", **whole)

# What vouches for it.
side = adder("sidecars", peers="run")


def sidecar_of(case):
    found = [p for p in case.dir.iterdir() if p.name.endswith(".sha256") or p.name == "SHA256SUMS"]
    if not found:
        raise NotApplicable("no sidecar")
    return found[0]


def rewrite(change):
    def apply(case):
        path = sidecar_of(case)
        path.write_text(change(path.read_text()))
    return apply


def other_digits(text):
    return "\n".join(line[:64].translate(str.maketrans("0123456789abcdef", "123456789abcdef0")) + line[64:] for line in text.split("\n"))


def beside(suffix, text):
    """A sidecar beside one that has none."""
    def apply(case):
        main = case.main
        if case.column.pack == "clonezilla":
            raise NotApplicable("a directory")
        (main.parent / (main.name + suffix)).write_text(text(main))
    return apply


sums = {"only": lambda c: c.evidence == "sha256"}
bare = {"only": lambda c: c.evidence == ""}
side("sum wrong", "another digest in it", codes(DAMAGED), rewrite(other_digits), quick=True, **sums)
side("sum empty", "it is empty", codes(DAMAGED), rewrite(lambda t: ""), **sums)
side("sum garbage", "a line of it is garbage", codes(DAMAGED), rewrite(lambda t: t + "this is no digest\n"), **sums)
side("sum cut", "it is cut", codes(DAMAGED), rewrite(lambda t: t[:40]), quick=True, **sums)
side("sum of another", "the digest of another file under its name", codes(DAMAGED),
     rewrite(lambda t: "\n".join("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" + line[64:] for line in t.split("\n") if line) + "\n"), **sums)
side("sum partly", "it leaves a part out", codes(INCOMPLETE), rewrite(lambda t: t.split("\n", 1)[1]),
     only=lambda c: c.evidence == "sha256" and c.pack.startswith("split"))
side("sum binary", "it is noise", codes(DAMAGED), lambda c: sidecar_of(c).write_bytes(damage.noise(3, 500)), **sums)
side("sum directory", "it is a directory", codes(DAMAGED, CANNOT_TELL, INCOMPLETE), lambda c: (sidecar_of(c).unlink(), sidecar_of_name(c).mkdir()), **sums)
side("bad sum beside", "a .sha256 that disagrees comes beside it", codes(DAMAGED), beside(".sha256", lambda p: f"{'0' * 64}  {p.name}\n"), quick=True, **bare)
side("empty md5 beside", "an empty .md5 comes beside it", codes(DAMAGED), beside(".md5", lambda p: ""), **bare)


def sidecar_of_name(case):
    return case.dir / ("SHA256SUMS" if case.column.pack.startswith("split") else case.column.main + ".sha256")


# Seals: the policy asks for one, signed by a key that it trusts.
sealed = adder("seals", peers="none", only=lambda c: c.evidence == "seal")
SEALED = {"only": lambda c: c.evidence == "seal"}


def seal_of(case):
    return next(p for p in case.dir.iterdir() if p.name.endswith(".seal"))


def tree_of(case):
    return next(p for p in case.dir.iterdir() if p.name.endswith(".seal-tree"))


def envelope(change):
    def apply(case):
        path = seal_of(case)
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))
    return apply


def another_statement(value):
    statement = json.loads(base64.b64decode(value["payload"]))
    statement["predicate"]["taken_at"] = "2026-01-01T00:00:00Z"
    value["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()


def flip_signature(value):
    sig = bytearray(base64.b64decode(value["signatures"][0]["sig"]))
    sig[7] ^= 1
    value["signatures"][0]["sig"] = base64.b64encode(sig).decode()


def seal_by(kind):
    def apply(case):
        seal_of(case).unlink()
        for p in list(case.dir.iterdir()):
            if p.name.endswith(".seal-tree"):
                p.unlink()
        for p in (case.cache / "good" / f"{case.column.id} {kind}").iterdir():
            shutil.copy2(p, case.dir / p.name)
    return apply


sealed("seal lost", "there is none", codes(INCOMPLETE), lambda c: seal_of(c).unlink(), quick=True)
sealed("seal cut", "it is cut", codes(DAMAGED), lambda c: damage.cut(seal_of(c), 400))
sealed("seal empty", "it is empty", codes(DAMAGED), lambda c: damage.cut(seal_of(c), 0))
sealed("seal noise", "it is noise", codes(DAMAGED), lambda c: seal_of(c).write_bytes(damage.noise(4, 3000)))
sealed("seal unsigned", "its signature was cut away", codes(INCOMPLETE), envelope(lambda v: v.update(signatures=[])), quick=True)
sealed("seal flip", "a bit of its signature", codes(INCOMPLETE, DAMAGED), envelope(flip_signature))
sealed("seal forged", "its statement was changed", codes(INCOMPLETE, DAMAGED), envelope(another_statement), quick=True)
sealed("seal foreign", "it is signed by another key", codes(INCOMPLETE), seal_by("foreign"))
sealed("seal of another", "it is of another backup of the host", codes(DAMAGED, STALE), seal_by("other"))
sealed("tree lost", "its side file is missing", codes(CANNOT_TELL, INCOMPLETE), lambda c: tree_of(c).unlink(),
       only=lambda c: c.evidence == "seal" and c.depth == "sample")
sealed("tree flip", "a bit of its side file", codes(DAMAGED, CANNOT_TELL), lambda c: damage.flip(tree_of(c), os.path.getsize(tree_of(c)) // 2),
       only=lambda c: c.evidence == "seal" and c.depth == "sample")
assert BUSY and NO_BACKUP and SEALED
