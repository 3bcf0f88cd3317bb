# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: what goes on around a check: rights, room, files that move. And what must not matter to it."""
import os
import subprocess
import time

import damage
from damage import NotApplicable
from model import BUSY, CANNOT_TELL, DAMAGED, INCOMPLETE, NO_BACKUP, Row
from rows_whole import adder, codes, dated, rename
import rows_whole

ROWS = []
around = adder("around it", stage="asked", peers="none")


def nobody(case):
    """As a user whom the modes of files concern."""
    if os.geteuid() == 0:
        case.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(case.scratch, 65534, 65534)


def unreadable(which):
    def apply(case):
        nobody(case)
        os.chmod(which(case), 0)
    return apply


def no_directory(case):
    nobody(case)
    os.chmod(case.dir, 0)
    case.paths = case.paths or [case.dir]


def directory_instead(case):
    main = case.main
    case.paths = case.files()
    main.unlink()
    main.mkdir()


def dangling(case):
    main = case.main
    case.paths = case.files()
    main.unlink()
    main.symlink_to("nowhere")


def gone(case):
    case.paths = case.files()
    for p in case.files():
        p.unlink()


def last_for_a_while(case):
    """Half a second or so, also on a machine that has other things to do."""
    data = sum(length for p in case.files() for _, length in damage.extents(p))
    case.policy += f"rate_limit = {max(data * 2 // 1024, 64)}K\n"


def grows(case):
    path = case.main
    last_for_a_while(case)
    case.during = lambda: path.open("ab").write(b"x")


def is_replaced(case):
    path, turns = case.main, []
    for i in "ab":
        turns.append(case.root / f"keep-{i}")
        subprocess.run(["cp", "-p", "--sparse=always", path, turns[-1]], check=True)
    last_for_a_while(case)

    def again():
        # By another file each time: a link over a link to the same would be nothing.
        turns.reverse()
        os.link(turns[0], case.root / "new")
        os.replace(case.root / "new", path)
    case.during = again


def is_written(case):
    path = case.main
    data = damage.read(path, 0, 1)
    last_for_a_while(case)

    def again():
        with open(path, "r+b") as f:
            f.write(data)
    case.during = again


def no_scratch(case):
    case.scratch = "/proc/no-such-directory"


def no_rights_to_scratch(case):
    nobody(case)
    if os.geteuid() == 0:
        os.chown(case.scratch, 0, 0)
    os.chmod(case.scratch, 0o555)


def slow(case):
    case.policy += "rate_limit = 64K\n"
    case.args += ["--deadline", "1s"]


def full(case):
    case.stdout = "/dev/full"


around("unreadable", "a file of it may not be read", codes(CANNOT_TELL), unreadable(lambda c: c.main), quick=True)
around("no directory", "its directory may not be read", codes(CANNOT_TELL), no_directory)
around("directory", "a directory in the place of a file", codes(CANNOT_TELL, NO_BACKUP, INCOMPLETE, DAMAGED), directory_instead)
around("dangling", "a link to nowhere in the place of a file", codes(CANNOT_TELL, NO_BACKUP, INCOMPLETE), dangling)
around("gone", "it is gone", codes(NO_BACKUP, CANNOT_TELL), gone, quick=True)
around("grows", "it is being written: it grows", codes(BUSY), grows)
around("replaced", "it is replaced while it is read", codes(BUSY), is_replaced)
around("written", "it is written to while it is read", codes(BUSY), is_written)
around("scratch full", "no room in scratch", codes(CANNOT_TELL), rows_whole.option("--scratch-limit", "64K"), quick=True)
around("no scratch", "scratch can't be made", codes(CANNOT_TELL), no_scratch)
around("scratch rights", "scratch can't be written", codes(CANNOT_TELL), no_rights_to_scratch)
around("deadline", "a deadline that is too short", codes(CANNOT_TELL), slow)
around("report", "its report can't be written", codes(70), full, quick=True)
around("sidecar rights", "its sidecar may not be read", codes(CANNOT_TELL), unreadable(rows_whole.sidecar_of),
       only=lambda c: c.evidence == "sha256")
around("seal rights", "its seal may not be read", codes(CANNOT_TELL), unreadable(rows_whole.seal_of), only=lambda c: c.evidence == "seal")

# What must not matter. (Peers look at the same files: what they say is counted too.)
right = adder("harmless", stage="asked", peers="run")
safe = codes(0)


def nothing(case):
    pass


def copied(case):
    """A copy as cp makes it: all times are of now."""
    dated(-0)(case)


def elsewhere(case):
    new = case.root / "Sicherung für web01 (neu)"
    case.dir.rename(new)
    case.dir = new
    case.paths = []


def linked(case):
    for p in case.files():
        os.link(p, case.root / (p.name + ".other"))


def by_link(case):
    link = case.root / "link"
    link.symlink_to(case.dir)
    case.paths = [link]


def unrelated(case):
    (case.dir / "README.txt").write_text("Backups of web01. Ask Alice.\n")
    (case.dir / "backup.log").write_text("done\n" * 100)
    (case.dir / "lost+found").mkdir()
    (case.dir / ".DS_Store").write_bytes(damage.noise(1, 6148))
    case.paths = [case.dir]


def in_directory(case):
    case.paths = [case.dir]


def other_sidecar(case):
    (case.dir / "notes.sha256").write_text(f"{'0' * 64}  notes.txt\n")


def as_nobody(case):
    nobody(case)
    for p in [case.dir, *case.dir.rglob("*")]:
        os.chmod(p, 0o555 if p.is_dir() else 0o444)


def filled(case):
    for p in case.files():
        if os.path.getsize(p) > 100 << 20:
            raise NotApplicable("too large without its holes")
        before = os.stat(p)
        subprocess.run(["cp", "-p", "--sparse=never", p, str(p) + ".new"], check=True)
        os.replace(str(p) + ".new", p)
        os.utime(p, ns=(before.st_atime_ns, before.st_mtime_ns))


def with_sums(case):
    if case.column.pack == "clonezilla":
        raise NotApplicable("its files are in a directory of theirs")
    names = [p.name for p in case.files()]
    out = subprocess.run(["sha256sum", *names], cwd=case.dir, check=True, capture_output=True).stdout
    (case.dir / "SHA256SUMS").write_bytes(out)


def named_today(case):
    rename(case, "web01", "web01-" + time.strftime("%Y-%m-%d", time.gmtime(case.now)))


right("whole", "nothing was done to it", safe, nothing, quick=True)
right("age", "it is 23 hours old", safe, lambda c: setattr(c, "now", c.now + 20 * 3600), peers="same")
right("copied", "copied, with new times", safe, copied, peers="same", quick=True)
right("renamed", "its directory has another name", safe, elsewhere, peers="same")
right("linked", "its files have other names too", safe, linked, peers="same")
right("by link", "found by a symbolic link", safe, by_link, peers="same")
right("unrelated", "other files are beside it, found in its directory", safe, unrelated, peers="same", quick=True)
right("found", "found in its directory", safe, in_directory, peers="same")
right("other sum", "a digest of something else is beside it", safe, other_sidecar, peers="same")
right("sums", "right digests are put beside it", safe, with_sums, only=lambda c: c.evidence == "", peers="same")
right("again", "checked again: the history is asked", safe, nothing, again=True, peers="same", quick=True)
right("again sums", "... and right digests were put beside it", safe, with_sums, only=lambda c: c.evidence == "", again=True, peers="same")
right("nobody", "checked by a user without rights", safe, as_nobody, peers="same")
right("filled", "copied without its holes", safe, filled)
right("today", "today's date is in its name", safe, named_today, peers="none",
      only=lambda c: c.evidence == "" and c.pack not in ("chain", "vmdk-split", "clonezilla", "two"))
right("seed", "another sample", safe, rows_whole.option("--seed", "99"), peers="same")
right("locale", "another time zone and language", safe, lambda c: c.env.update(TZ="Pacific/Kiritimati", LC_ALL="de_DE.UTF-8"), peers="same")
ROWS += [Row("lived", "its owners changed files on purpose", "harmless", safe, None, stage="source", variant="lived",
             only=lambda c: c.source in ("ext", "container"), quick=True)]
