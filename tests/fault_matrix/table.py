# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as text, as a Markdown table, and as lines that another program reads."""
import peers

MARK = {"noticed": "", "right": "", "other": "!", "false safe": "FALSE SAFE", "false alarm": "FALSE ALARM", "unseen": "u", "same": "="}


class Matrix:
    def __init__(self, results, columns, rows):
        self.columns, self.results = columns, results
        self.cells = {(r.row.id, r.column.id): r for r in results}
        present = {r.row.id for r in results}
        self.rows = [row for row in rows if row.id in present]
        self.count = {}
        for r in results:
            self.count[r.verdict] = self.count.get(r.verdict, 0) + 1

    def of(self, *verdicts):
        return sum(self.count.get(v, 0) for v in verdicts)

    @property
    def faults(self):
        """Those that could be noticed."""
        return self.of("noticed", "other", "false safe")

    def peers(self):
        """[(name, faults noticed, faults seen, of how many ours were noticed, harmless cases, false alarms)]"""
        found = []
        for name in peers.NAMES:
            asked = [r for r in self.results if name in r.peers]
            faults = [r for r in asked if r.verdict in ("noticed", "other", "false safe")]
            harmless = [r for r in asked if r.row.harmless]
            if asked:
                found.append((name, sum(r.peers[name] for r in faults), len(faults), sum(r.verdict != "false safe" for r in faults),
                              len(harmless), sum(r.peers[name] for r in harmless)))
        return found

    def groups(self):
        found = []
        for row in self.rows:
            if not found or found[-1][0] != row.group:
                found.append((row.group, []))
            found[-1][1].append(row)
        return found


def peer_mark(result):
    """A lower-case letter a peer that passed what is wrong."""
    return "".join("." if noticed else "p" for noticed in result.peers.values()) if result.peers else ""


def cell(matrix, row, column):
    r = matrix.cells.get((row.id, column.id))
    if r is None:
        return "-"
    if r.verdict in ("unseen", "not made"):
        return "u" if r.verdict == "unseen" else "?"
    if r.verdict == "same":
        return "="
    text = str(r.code)
    if r.verdict == "other":
        text += "!"
    elif r.verdict in ("false safe", "false alarm"):
        text = f"*{r.code}*"
    if not r.row.harmless and r.peers and not all(r.peers.values()):
        text += "p"
    return text


def text(matrix, seed):
    lines, names = [], [c.id for c in matrix.columns]
    for part in range(0, len(names), 13):
        some = matrix.columns[part:part + 13]
        wide = [max(6, len(c.id) + 1) for c in some]
        for group, rows in matrix.groups():
            lines += ["", f"{group:<54}" + "".join(f"{c.id:>{w}}" for c, w in zip(some, wide))]
            for row in rows:
                lines.append(f"  {row.title[:51]:<52}" + "".join(f"{cell(matrix, row, c):>{w}}" for c, w in zip(some, wide)))
    lines += ["", "Codes are those of backproof check (0 safe, 10 no backup, 11 stale, 12 damaged, 13 incomplete, 20 cannot tell, 21 busy, 70).",
              "-  not applicable      u  no reader could notice it (unseen.py, meaning.py)      =  it restores the very same disk",
              "p  a peer passed it    !  another code than documented      *0*  false safe      *12*  false alarm", ""]
    bad = [r for r in matrix.results if r.verdict in ("false safe", "false alarm", "other")]
    for r in bad:
        lines.append(f"{r.verdict.upper()}: {r.row.id} of {r.column.id}: {r.code}, documented {sorted(r.row.expect)}: {r.note}")
    lines += [""] if bad else []
    lines.append(f"{'beside it, on the same files':<30}{'faults':>8}{'noticed':>9}{'backproof':>11}{'harmless':>10}{'false alarms':>14}")
    for name, noticed, faults, ours, harmless, alarms in matrix.peers():
        lines.append(f"  {name:<28}{faults:>8}{noticed:>9}{ours:>11}{harmless:>10}{alarms:>14}")
    lines += ["", *totals(matrix, seed)]
    return "\n".join(lines) + "\n"


def totals(matrix, seed):
    return [f"{len(matrix.columns)} kinds of restore point, {len(matrix.rows)} faults and changes, {len(matrix.results)} runs (seed {seed})",
            f"faults that could be noticed      {matrix.faults}",
            f"FALSE SAFES                       {matrix.of('false safe')}",
            f"harmless changes                  {matrix.of('right', 'false alarm')}",
            f"FALSE ALARMS                      {matrix.of('false alarm')}",
            f"other code than documented        {matrix.of('other')}",
            f"no reader could notice            {matrix.of('unseen')}",
            f"no harm: the very same disk       {matrix.of('same')}"]


def summary(matrix, seed):
    """The totals, as the README has them."""
    out = [f"{len(matrix.columns)} kinds of backup, {len(matrix.rows)} faults and changes, {len(matrix.results):,} runs (seed {seed}):", "",
           "| | cases | |", "|---|---|---|",
           f"| faults that could be noticed | {matrix.faults:,} | **{matrix.of('false safe')} false safes** |",
           f"| harmless changes: copied, renamed, linked, other files beside it, checked again | {matrix.of('right', 'false alarm'):,} | "
           f"**{matrix.of('false alarm')} false alarms** |",
           f"| faults that no reader could notice (`u`): each has its reason in `tests/fault_matrix` | {matrix.of('unseen')} | not counted |",
           f"| other bytes, and the format's own tool restores the very same disk (`=`) | {matrix.of('same')} | not counted |",
           f"| noticed, with another code than documented (`!`) | {matrix.of('other')} | |", "",
           "| of the faults that it was asked about | faults | noticed | backproof |", "|---|---|---|---|"]
    out += [f"| `{name}` | {faults} | {noticed} | {ours} |" for name, noticed, faults, ours, _, _ in matrix.peers()]
    return "\n".join(out) + "\n"


def markdown(matrix, seed):
    """Rows are faults, columns formats."""
    intro = ["# Faults against kinds of backup", "",
             "Written by `make fault-matrix`. Codes are those of `backproof check`; empty: not applicable; `u`: no reader could notice it; `=`: it",
             "restores the very same disk; `p`: a peer passed it; `!`: another code than documented; `*0*`: a false safe; `*12*`: a false alarm.", "",
             summary(matrix, seed)]
    head = ["fault", *(c.id for c in matrix.columns)]
    lines = [*intro, "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for group, rows in matrix.groups():
        lines.append(f"| **{group}** |" + " |" * len(matrix.columns))
        for row in rows:
            cells = [cell(matrix, row, c) for c in matrix.columns]
            lines.append("| " + " | ".join([row.title, *("" if c == "-" else c for c in cells)]) + " |")
    return "\n".join(lines) + "\n"


def lines(matrix):
    """Tab-separated: a line a case."""
    out = ["group\trow\tcolumn\tcode\tverdict\tdocumented\tpeers\tseconds\tnote"]
    for r in matrix.results:
        said = ",".join(f"{name}={'noticed' if n else 'passed'}" for name, n in r.peers.items())
        note = " ".join(r.note.split())
        out.append(f"{r.row.group}\t{r.row.id}\t{r.column.id}\t{r.code}\t{r.verdict}\t{','.join(map(str, sorted(r.row.expect)))}\t{said}\t{r.seconds:.2f}\t{note}")
    return "\n".join(out) + "\n"
