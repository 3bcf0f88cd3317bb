#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what monitors read, as strictly as the strictest of them.
  journal SOCKET COUNT   binds SOCKET, prints each entry as a line of JSON, until COUNT have come
  perfdata FILE...       plugins' outputs; a name that ends with " N" has to be of that state. Prints the last one's
  prometheus             a text file of metrics from standard input: {metric: {labels: value}} as JSON
  junit FILE             JUnit XML against what Jenkins' schema asks for
"""
import array
import datetime
import json
import os
import re
import socket
import sys
import xml.etree.ElementTree as ET


def entry_of(data):
    fields, at = {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        line = data[at:end]
        if b"=" in line:
            name, value = line.split(b"=", 1)
            at = end + 1
        else:
            length = int.from_bytes(data[end + 1:end + 9], "little")
            name, value = line, data[end + 9:end + 9 + length]
            assert data[end + 9 + length:end + 10 + length] == b"\n"
            at = end + 10 + length
        name = name.decode("ascii")
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name), name
        assert name not in fields, name
        fields[name] = value.decode("utf-8")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", fields[name]), fields[name]
    return fields


def journal(path, count):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(60)
    for _ in range(int(count)):
        data, ancillary, _, _ = s.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for level, kind, payload in ancillary:
            assert level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and not data
            fds = array.array("i")
            fds.frombytes(payload[:4])
            data = os.pread(fds[0], 1 << 24, 0)
        print(json.dumps(entry_of(data)), flush=True)


# Monitoring Plugins Development Guidelines, performance data: 'label'=value[UOM];[warn];[crit];[min];[max]
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
RANGE = rf"@?(?:(?:~|{NUMBER}):)?(?:{NUMBER})?"


def perfdata(*files):
    states = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
    assert files
    for name in files:
        with open(name, encoding="utf-8") as f:
            lines = f.read().split("\n")
        try:
            state, out = perfdata_of(lines)
            m = re.search(" ([0-3])$", name)
            assert not m or states[int(m[1])] == state
        except AssertionError:
            print(name, lines)
            raise
    json.dump({"state": state, "data": out}, sys.stdout)


def perfdata_of(lines):
    assert lines[-1] == "" and len(lines) >= 2, "no line ends it"
    assert all("|" not in line for line in lines[1:]), "performance data in the details"
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(lines)), "control characters"
    state = re.fullmatch(r"BACKPROOF (OK|WARNING|CRITICAL|UNKNOWN) - [^|]+(\|.*)?", lines[0])
    assert state, lines[0]
    out, rest = {}, (state[2] or "")[1:]
    while rest:
        m = re.match(rf" '([^'=]+)'=({NUMBER})(s|B|%|c)?;({RANGE})?;({RANGE})?;({NUMBER})?;({NUMBER})?(?= |$)", rest)
        assert m, rest
        assert m[1] not in out
        out[m[1]] = {"value": float(m[2]), "unit": m[3], "warn": m[4], "crit": m[5], "min": m[6], "max": m[7]}
        rest = rest[m.end():]
    return state[1], out


# The text format, version 0.0.4, with what node_exporter's textfile collector asks for besides.
LABELS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')


def labels_of(text):
    out = []
    while text:
        m = LABELS.match(text)
        assert m, text
        assert m[1] not in [name for name, _ in out], text
        out.append((m[1], m[2]))
        text = text[m.end():]
    return out


def prometheus():
    text = sys.stdin.read()
    assert text.endswith("\n") and "\n\n" not in text
    metrics, help_of, type_of, current = {}, {}, {}, None
    for line in text[:-1].split("\n"):
        m = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        if m:
            seen = help_of if m[1] == "HELP" else type_of
            assert m[2] not in seen and m[2] not in metrics, line
            seen[m[2]] = m[3]
            current = m[2]
            continue
        m = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
        assert m, line  # a time stamp would be one word more
        assert m[1] == current and m[1] in help_of and type_of[m[1]] in ("gauge", "counter"), line
        key = json.dumps(labels_of(m[2] or ""))
        values = metrics.setdefault(m[1], {})
        assert key not in values, f"twice: {line}"
        values[key] = float(m[3])
        # Base units, as promtool lints them.
        assert not re.search(r"_(ms|minutes|hours|days|kb|mb|gb|bits)$", m[1]), m[1]
        assert type_of[m[1]] != "gauge" or not m[1].endswith("_total"), m[1]
    assert all(m in metrics for m in help_of)
    json.dump(metrics, sys.stdout)


# junit-10.xsd of Jenkins' xUnit plugin: order and presence of elements, kinds of attributes.
def junit(path):
    root = ET.parse(path).getroot()
    decimal = re.compile(r"[0-9]+(\.[0-9]+)?")
    assert root.tag == "testsuites"
    allowed = {
        "testsuites": {"name", "time", "tests", "failures", "disabled", "errors", "skipped"},
        "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname",
                      "id", "package", "file", "log", "url", "version"},
        "testcase": {"name", "time", "classname", "group", "status", "assertions", "class", "file", "line", "url"},
        "failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"type", "message"},
    }
    inside = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure", "error", "skipped"},
              "failure": set(), "error": set(), "skipped": set()}
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for e in root.iter():
        assert set(e.attrib) <= allowed[e.tag], e.attrib
        assert all(c.tag in inside[e.tag] for c in e)
        for key in ("tests", "failures", "errors", "skipped"):
            assert key not in e.attrib or re.fullmatch("[0-9]+", e.attrib[key])
        assert "time" not in e.attrib or decimal.fullmatch(e.attrib["time"])
        if "timestamp" in e.attrib:
            datetime.datetime.strptime(e.attrib["timestamp"], "%Y-%m-%dT%H:%M:%S")
    for suite in root:
        assert suite.attrib["name"] and len(suite)
        count = {"tests": len(suite), "failures": len(suite.findall("testcase/failure")),
                 "errors": len(suite.findall("testcase/error")), "skipped": len(suite.findall("testcase/skipped"))}
        names = [(c.attrib["classname"], c.attrib["name"]) for c in suite]
        assert len(set(names)) == len(names)
        for key, n in count.items():
            assert int(suite.attrib[key]) == n, (key, suite.attrib[key], n)
            totals[key] += n
        assert all(len(c) <= 1 for c in suite)
    for key, n in totals.items():
        assert int(root.attrib[key]) == n, (key, root.attrib[key], n)
    json.dump(totals, sys.stdout)


if __name__ == "__main__":
    {"journal": journal, "perfdata": perfdata, "prometheus": prometheus, "junit": junit}[sys.argv[1]](*sys.argv[2:])
