#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether outputs are what they say they are, whatever names are in them: hostile-check.py DIR

A file of DIR is called NUMBER.FORMAT.HOSTS; beside it, NUMBER.what says how it was made. Prints a line for each fault."""
import glob, html.parser, json, os, re, sys, unicodedata
import xml.etree.ElementTree as xml

PROOFS = {"presence", "freshness", "integrity", "structure", "identity", "coverage", "restore"}
# What Unicode calls default-ignorable, beside what has the category of a format character.
IGNORED = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0x2060, 0x2070),
           *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)}
SGR = re.compile("\x1b\\[(?:0|1|31|32|33|1;31)m")


class Fault(Exception):
    pass


def need(true, what):
    if not true:
        raise Fault(what)


def clean(data, tabs=False):
    """Readable lines of UTF-8: nothing that steers, reorders or hides."""
    text = data.decode("utf-8", "strict")
    for i, c in enumerate(text):
        bad = unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or ord(c) in IGNORED or (ord(c) & 0xFFFE) == 0xFFFE
        need(not bad or c == "\n" or (tabs and c == "\t"), f"U+{ord(c):04X} after {text[max(0, i - 60):i]!r}")
    return text


def check_text(text, hosts):
    need(all(len(line) < 70000 for line in text.split("\n")), "a line without an end")


def pairs(items):
    keys = [k for k, _ in items]
    need(len(keys) == len(set(keys)), f"a member twice: {keys}")
    return dict(items)


def number(word):
    raise Fault(f"{word} is no JSON")


def load(text):
    return json.loads(text, object_pairs_hook=pairs, parse_constant=number)


def check_json(text, hosts):
    need(isinstance(load(text), dict) and text.endswith("}\n"), "no object")


def check_jsonl(text, hosts):
    lines = text.split("\n")
    need(lines.pop() == "", "the last line has no end")
    objects = [load(line) for line in lines]
    need([o["type"] for o in objects] == ["host"] * hosts + ["summary"] if hosts else objects[-1]["type"] == "summary",
         f"{[o['type'] for o in objects]}")


class Page(html.parser.HTMLParser):
    """Our own elements and attributes only, and each closed where it should be."""
    VOID = {"meta", "br"}
    ALLOWED = {"html": {"lang"}, "head": set(), "meta": {"charset", "name", "content", "http-equiv"}, "title": set(),
               "style": set(), "body": set(), "h1": {"class"}, "h2": set(), "h3": set(), "p": {"class"}, "ul": {"class"},
               "li": {"class"}, "b": set(), "div": {"class"}, "table": {"class"}, "tr": set(), "th": {"class"},
               "td": {"class"}, "a": {"href"}, "span": {"class"}, "br": set(), "dl": set(), "dt": set(), "dd": set(),
               "details": {"id", "open"}, "summary": set()}

    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.open, self.hosts = [], 0

    def handle_starttag(self, tag, attrs):
        names = [k for k, _ in attrs]
        need(tag in self.ALLOWED and set(names) <= self.ALLOWED[tag] and len(names) == len(set(names)), f"<{tag} {attrs}>")
        for key, value in attrs:
            if key == "href":
                need(re.fullmatch("#h[0-9]+", value), f"a link to {value!r}")
            elif key == "id":
                need(re.fullmatch("h[0-9]+", value), f"an id {value!r}")
                self.hosts += 1
            elif tag != "meta" and value:
                need(re.fullmatch("[a-z ]+", value), f"{key}={value!r}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        need(self.open and self.open.pop() == tag, f"</{tag}> closes nothing")

    def handle_comment(self, data):
        raise Fault(f"a comment: {data!r}")

    def handle_pi(self, data):
        raise Fault(f"<?{data}")

    def unknown_decl(self, data):
        raise Fault(f"<![{data}")

    def handle_entityref(self, name):
        need(name in ("amp", "lt", "gt", "quot"), f"&{name};")

    def handle_charref(self, name):
        need(name == "39", f"&#{name};")

    def handle_data(self, data):
        need("<" not in data and ("style" in self.open or ">" not in data), f"{data!r}")


def check_html(text, hosts):
    page = Page()
    page.feed(text)
    page.close()
    need(not page.open and page.hosts == hosts, f"open: {page.open}, hosts: {page.hosts}")


def check_junit(text, hosts):
    root = xml.fromstring(text.encode())
    need(root.tag == "testsuites" and len(root) == hosts, "suites")
    for suite in root:
        need(suite.tag == "testsuite" and len(suite) == len(PROOFS) + 1 == int(suite.get("tests")), "cases of a suite")
        need([c.get("name") for c in suite] == [c.get("name") for c in root[0]], "names of cases")
        for case in suite:
            need(case.tag == "testcase" and set(case.attrib) == {"classname", "name", "time"} and len(case) <= 1 and
                 all(x.tag in ("failure", "error", "skipped") and not len(x) and set(x.attrib) <= {"message", "type"}
                     for x in case), f"{case.attrib}")


SAMPLE = re.compile(r'(backproof_[a-z_]+)(?:\{host="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,proof="([a-z]+)")?\})? (-?[0-9]+(?:\.[0-9]+)?)')


def check_prometheus(text, hosts):
    seen, metric, names = {}, None, set()
    need(text.endswith("\n"), "the last line has no end")
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            match = re.fullmatch(r"# (HELP|TYPE) (backproof_[a-z_]+) ([ -~]+)", line)
            need(match, f"{line!r}")
            metric = match[2]
            need((match[1], metric) not in names, f"{line!r} again")
            names.add((match[1], metric))
            continue
        match = SAMPLE.fullmatch(line)
        need(match and match[1] == metric and ("TYPE", metric) in names, f"{line!r}")
        need(match.group(1, 2, 3) not in seen and (match[3] is None or match[3] in PROOFS), f"{line!r} again")
        seen[(match[1], match[2], match[3])] = match[4]
    of = [k for k in seen if k[0] == "backproof_host_safe"]
    need(len(of) == hosts and len([k for k in seen if k[0] == "backproof_proof_held"]) == hosts * len(PROOFS), "series")
    need({k[1] for k in seen} - {None} == {k[1] for k in of}, "hosts")
    need(all(seen[k] == "0" for k in of) or "safe" in text, "safe")


def check_nagios(text, hosts):
    lines = text[:-1].split("\n")
    need(text.endswith("\n") and len(lines) == (1 if hosts == 1 else hosts + 1), f"{len(lines)} lines")
    need(re.fullmatch(r"BACKPROOF (OK|WARNING|CRITICAL|UNKNOWN) - [^|]+ \|( [a-z_]+=[0-9.]+[a-zA-Z]*(;[0-9]*)*)+", lines[0]),
         f"{lines[0]!r}")
    need(len(lines[0]) < 2000, "too long for an agent")
    for line in lines[1:]:
        need(re.match("(OK|WARNING|CRITICAL|UNKNOWN) - ", line) and "|" not in line, f"{line!r}")


def check_progress(text, hosts):
    pass


kinds = {"text": check_text, "json": check_json, "jsonl": check_jsonl, "html": check_html, "junit": check_junit,
         "prometheus": check_prometheus, "nagios": check_nagios, "color": check_text, "progress": check_progress}
count = faults = 0
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.*.*"))):
    stem, kind, hosts = os.path.basename(path).split(".")
    with open(path, "rb") as f:
        data = f.read()
    count += 1
    try:
        if kind == "color":
            data = SGR.sub("", data.decode("utf-8", "strict")).encode()
        if kind == "progress":
            data = data.replace(b"\r\x1b[K", b"\n")
        text = clean(data)
        if text:
            kinds[kind](text, int(hosts))
    except Exception as e:  # whatever a parser finds to say
        faults += 1
        with open(os.path.join(sys.argv[1], stem + ".what")) as f:
            print(f"{f.read().strip()}: {kind}: {type(e).__name__}: {str(e)[:300]!r}")
print(f"{count} outputs, {faults} faults")
sys.exit(faults > 0 or count == 0)
