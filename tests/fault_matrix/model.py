# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the matrix, a case of it, and what counts as what."""
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

DAMAGED, INCOMPLETE, STALE, CANNOT_TELL, BUSY, NO_BACKUP = 12, 13, 11, 20, 21, 10
ANY = frozenset((10, 11, 12, 13, 20, 21, 70))    # anything that the program says on purpose, but safe


@dataclass(frozen=True)
class Row:
    """A fault, or (harmless) a change that must not matter."""
    id: str
    title: str
    group: str
    expect: frozenset                       # the documented codes; {0} where it is harmless
    apply: Callable                         # apply(case), after the restore point was copied; or before, on a source
    stage: str = "stored"                   # "source": on the machine's disk, before it was backed up; "stored"; "asked"
    only: Callable = lambda column: True
    # unseen(column): why no reader could notice it there, or None. See unseen.py for the rule.
    unseen: Optional[Callable] = None
    content: bool = False                   # what it hits is by chance: meaning.py says what became of the disk
    variant: str = ""                       # stage "source": another source of images.sh
    peers: str = "run"                      # "run", "none": they don't look at what is wrong there
    quick: bool = False
    again: bool = False                     # it was checked before, whole, with a history, which is asked now

    @property
    def harmless(self):
        return self.expect == frozenset((0,))


@dataclass
class Case:
    row: Row
    column: object
    dir: Path                               # the restore point, a copy
    root: Path                              # the case's own directory; dir is in it
    cache: Path                             # sources, and restore points as they were
    rng: object
    now: int                                # what time it is said to be, in seconds
    host: str = "web01"
    args: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    policy: str = ""
    paths: list = field(default_factory=list)       # what --from names; by default all files
    prefix: list = field(default_factory=list)      # what runs the program
    during: Optional[Callable] = None               # done again and again while it runs
    scratch: str = ""
    depth: str = ""                                 # by default the column's
    stdout: str = ""

    @property
    def main(self):
        found = sorted(self.dir.glob(self.column.main))
        if not found:
            raise FileNotFoundError(f"{self.column.main} in {self.dir}")
        return found[0]

    def files(self):
        """The files of the restore point itself, without what vouches for them."""
        return [p for p in sorted(self.dir.rglob("*")) if p.is_file() and not is_evidence(p)]

    def source(self, name):
        return self.cache / "sources" / name


def is_evidence(path):
    return path.name.endswith((".sha256", ".md5", ".seal", ".seal-tree")) or path.name == "SHA256SUMS"


@dataclass
class Result:
    row: Row
    column: object
    code: int
    verdict: str                            # one of MARKS
    note: str = ""
    peers: dict = field(default_factory=dict)       # name: True where it noticed
    seconds: float = 0.0


# What became of a case, and how the tables show it.
MARKS = {
    "noticed": "the fault was noticed, with a documented code",
    "other": "noticed, with another code than documented",
    "false safe": "a fault that could be noticed, and exit 0",
    "unseen": "no reader could notice it; the reason is in unseen.py or meaning.py",
    "same": "the damaged file restores the very same disk",
    "right": "harmless, and exit 0",
    "false alarm": "harmless, and not exit 0",
}
