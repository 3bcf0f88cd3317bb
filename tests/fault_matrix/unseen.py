# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that no reader could notice, and why: the rule, a function a kind of fault.

It is meant to be narrow. A fault counts as such only where every bit that is stored agrees with all that is stored about
it: checksums of the container, of the file system, of the packages inside, the digest or seal beside it. What a closer
look could have told is a false safe, whoever would have had to look.
"""


def before_the_backup(column):
    """A file of a user was changed on the machine's disk, and then the backup was made of it, properly. Checksums,
    sidecars and seals are of the changed bytes. btrfs alone keeps its own checksum of them, from before."""
    if column.source == "btrfs":
        return None
    return "it was so when the backup was made: every checksum and digest is of the changed bytes"


def users_files(column):
    """Users' files were overwritten through the file system, before the backup: even btrfs has checksums of the new."""
    return "the machine itself wrote that before the backup was made: it is what the disk held"


def in_place(column):
    """A byte of a user's file was changed in the stored file, where it lies verbatim: no package lists that file, the
    file system has no checksums of data, the container has none, and there is neither digest nor seal."""
    if column.digest or column.covered or column.source == "btrfs":
        return None
    return "no digest, no seal, a format without checksums of data, and a file that no package vouches for"


def free_space(column):
    """As in_place, where no file is at all: nothing that could be restored has changed."""
    return in_place(column)


def behind_mbr(column):
    """Whole sectors behind the last partition of an MBR: such a table does not say where the disk ends, and what lies in
    no partition is nobody's. (A GPT says it.) The disk that it was is all there."""
    if column.source == "mbr" and not column.digest:
        return "an MBR does not say where the disk ends; all of the disk is there"
    return None
