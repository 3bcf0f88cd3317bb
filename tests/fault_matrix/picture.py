# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as an SVG: a cell a case with the code that it gave, and what peers noticed of the same faults.

The code is written in each cell, so that nothing hangs on colours, which are told apart by the colour-blind (Okabe and
Ito) and follow the reader's light or dark scheme; the background comes along.
"""
import html

LEFT, CELL, ROW, TOP, RIGHT = 330, 21, 16, 246, 112
FONTS = """
text { font: 11px system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
.title { font-size: 18px; font-weight: 600; } .head { font-weight: 600; font-size: 12px; } .big { font-size: 26px; font-weight: 600; }
.code { font-size: 9px; text-anchor: middle; } .on { fill: #ffffff; } .dark { fill: #1f2328; } .mid { font-size: 12px; }
.d12 { fill: #0072b2; } .d13 { fill: #7b4f9e; } .d11 { fill: #e69f00; } .d20 { fill: #6e7781; } .right { fill: #00795a; }
.bad { fill: #c0392b; } .badline { fill: none; stroke: #c0392b; stroke-width: 2; } .other { stroke: #d55e00; stroke-width: 2; }
"""
LIGHT = {"back": "#ffffff", "ink": "#1f2328", "dim": "#59636e", "line": "#d1d9e0", "none": "#f3f5f7", "bar": "#c9d1d9", "notch": "#ffffff"}
DARK = {"back": "#0d1117", "ink": "#f0f6fc", "dim": "#9198a1", "line": "#3d444d", "none": "#161b22", "bar": "#484f58", "notch": "#0d1117"}


def colours(c):
    return (f"text {{ fill: {c['ink']}; }} .dim {{ fill: {c['dim']}; }} .back {{ fill: {c['back']}; }} .na {{ fill: {c['none']}; }} "
            f".bar {{ fill: {c['bar']}; }} .notch {{ fill: {c['notch']}; }} .grid {{ stroke: {c['line']}; }} "
            f".hollow {{ fill: {c['back']}; stroke: {c['dim']}; }} text.on {{ fill: #ffffff; }} text.dark {{ fill: #1f2328; }}\n")


STYLE = FONTS + colours(LIGHT) + "@media (prefers-color-scheme: dark) { " + colours(DARK) + "}\n"
CLASSES = {12: "d12", 13: "d13", 11: "d11"}


def symbol(verdict, code, passed):
    w, h = CELL - 2, ROW - 2
    box, text = f'width="{w}" height="{h}" rx="2"', f'<text x="{w / 2}" y="10.5" class="code %s">%s</text>'
    if verdict == "unseen":
        return f'<rect x=".5" y=".5" width="{w - 1}" height="{h - 1}" rx="2" class="hollow" stroke-dasharray="2 2"/>' + text % ("dim", "u")
    if verdict == "same":
        return f'<rect x=".5" y=".5" width="{w - 1}" height="{h - 1}" rx="2" class="hollow"/>' + text % ("dim", "=")
    if verdict in ("false safe", "false alarm"):
        return (f'<rect {box} class="bad"/>' + text % ("on", code) +
                f'<rect x="-1.5" y="-1.5" width="{w + 3}" height="{h + 3}" rx="3" class="badline"/>')
    kind = "right" if verdict == "right" else CLASSES.get(code, "d20")
    notch = f'<path d="M{w - 7} 0h7v7z" class="notch"/>' if passed else ""
    return f'<rect {box} class="{kind}{" other" if verdict == "other" else ""}"/>' + text % ("dark" if code == 11 else "on", code) + notch


class Picture:
    def __init__(self, matrix):
        self.matrix, self.parts, self.y, self.symbols = matrix, [], TOP, {}
        self.width = max(LEFT + CELL * len(matrix.columns) + RIGHT, 900)

    def text(self, x, y, text, kind="", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{more}>{html.escape(str(text))}</text>')

    def rect(self, x, y, w, h, kind):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="2" class="{kind}"/>')

    def mark(self, x, y, verdict, code, passed=False):
        """A cell. Each kind is drawn once, and used where it is."""
        name = f"{verdict[:7].strip()}-{code}{'p' if passed else ''}".replace(" ", "")
        if name not in self.symbols:
            self.symbols[name] = f'<g id="{name}">{symbol(verdict, code, passed)}</g>'
        self.parts.append(f'<use href="#{name}" x="{x:g}" y="{y:g}"/>')

    def cells(self):
        m = self.matrix
        for i, c in enumerate(m.columns):
            x = LEFT + i * CELL + CELL / 2 + 3
            self.parts.append(f'<text transform="translate({x:.1f} {TOP - 10}) rotate(-52)">{html.escape(c.title)}</text>')
        for group, rows in m.groups():
            self.y += 8
            self.text(12, self.y + 12, group[0].upper() + group[1:], "head")
            self.parts.append(f'<line x1="{LEFT}" x2="{LEFT + CELL * len(m.columns)}" y1="{self.y + 8}" y2="{self.y + 8}" class="grid"/>')
            self.y += 18
            for row in rows:
                self.text(20, self.y + 11, row.title, "dim")
                for i, c in enumerate(m.columns):
                    r, x = m.cells.get((row.id, c.id)), LEFT + i * CELL
                    if r is not None:
                        passed = not row.harmless and bool(r.peers) and not all(r.peers.values())
                        self.mark(x, self.y, r.verdict, r.code, passed)
                self.y += ROW

    def legend(self):
        x, y = 12, 104
        entries = [("noticed", 12, "damaged"), ("noticed", 13, "incomplete"), ("noticed", 11, "stale"), ("noticed", 20, "20 cannot tell, 21 busy, 10 no backup, 70"),
                   ("right", 0, "harmless, and safe")]
        for verdict, code, label in entries:
            self.mark(x, y, verdict, code)
            self.text(x + CELL + 5, y + 11, label, "dim")
            y += 19
        x, y = 12, 104 + 19 * len(entries)
        self.mark(x, y, "unseen", 0)
        self.text(x + CELL + 5, y + 11, "no reader could notice it", "dim")
        y += 19
        self.mark(x, y, "same", 0)
        self.text(x + CELL + 5, y + 11, "it restores the very same disk", "dim")
        x, y = 170, 104
        self.mark(x, y, "noticed", 12, True)
        self.text(x + CELL + 5, y + 11, "and a peer passed it", "dim")
        y += 19
        self.mark(x, y, "false safe", 0)
        self.text(x + CELL + 5, y + 11, "false safe, false alarm", "dim")

    def peers(self):
        found = self.matrix.peers()
        if not found:
            return
        self.y += 22
        self.text(12, self.y, "What others say to the same files", "head")
        self.text(LEFT, self.y, "Faults that could be noticed, and were: dark backproof, light the tool named.", "dim")
        self.text(LEFT, self.y + 15, "They look at bytes: nobody asks them how old a backup is, whose, or whether it can be restored.", "dim")
        self.y += 15
        self.y += 12
        plot = min(self.width - LEFT - 190, 520)
        most = max(f[2] for f in found)
        for name, noticed, faults, ours, harmless, alarms in found:
            scale = plot / most
            self.text(LEFT - 10, self.y + 13, name, "", ' text-anchor="end"')
            self.rect(LEFT, self.y + 2, max(ours * scale, 1), 7, "d12")
            self.rect(LEFT, self.y + 10, max(noticed * scale, 1), 7, "bar")
            told = f"{noticed} of {faults}; backproof {ours}" + (f"; {alarms} false alarms" if alarms else "")
            self.text(LEFT + faults * scale + 8, self.y + 13, told, "dim")
            self.y += 22


def draw(matrix, seed):
    p = Picture(matrix)
    safes, alarms, faults, harmless = matrix.of("false safe"), matrix.of("false alarm"), matrix.faults, matrix.of("right", "false alarm")
    p.cells()
    p.peers()
    p.legend()
    p.text(12, 30, "What backproof catches", "title")
    p.text(12, 70, safes, "big")
    offset = 24 + 16 * (len(str(safes)) - 1)
    p.text(12 + offset, 62, "false safes", "head")
    p.text(12 + offset, 77, f"in {faults} faults that could be noticed", "dim")
    p.text(292, 70, alarms, "big")
    offset = 24 + 16 * (len(str(alarms)) - 1)
    p.text(292 + offset, 62, "false alarms", "head")
    p.text(292 + offset, 77, f"in {harmless} harmless changes", "dim")
    p.y += 10
    p.text(12, p.y + 10, f"{len(matrix.columns)} kinds of restore point, {len(matrix.rows)} faults and changes, {len(matrix.results)} runs, seed {seed}; "
           f"{matrix.of('unseen')} that no reader could notice, {matrix.of('same')} that restore the very same disk. "
           f"{matrix.of('other')} with another code than documented.", "dim")
    height = p.y + 26
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{p.width}" height="{height}" viewBox="0 0 {p.width} {height}" role="img" '
        f'aria-label="Faults against kinds of backup: {safes} false safes in {faults} faults, {alarms} false alarms in {harmless} harmless changes">',
        f"<style>{STYLE}</style>", f'<defs>{"".join(p.symbols.values())}</defs>', f'<rect width="{p.width}" height="{height}" rx="6" class="back"/>', *p.parts, "</svg>"]) + "\n"
