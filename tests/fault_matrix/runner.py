# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the restore points, applies a fault to a copy of one, and runs the real program and its peers on that."""
import json
import os
import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import meaning
import peers
from damage import NotApplicable
from model import ANY, Case, Result

IMAGES = Path(__file__).resolve().parent / "images.sh"
CLEAN = {**os.environ, "BACKPROOF_HISTORY": "none", "LC_ALL": "C", "TZ": "UTC"}


def call(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env={**CLEAN, **more.pop("env", {})}, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def tree_copy(source, target):
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)


class Bench:
    def __init__(self, program, cache, work, seed, now):
        self.cache, self.work, self.seed = cache, work, seed
        self.locks, self.guard = {}, threading.Lock()
        # Where every user may run it.
        self.program = work / "backproof"
        shutil.copy2(program, self.program)
        os.chmod(self.program, 0o755)
        os.chmod(work, 0o755)
        self.made = int((cache / "made").read_text())
        self.now = now or self.made + 7200

    # Making

    def policy(self, column, extra=""):
        text = "[policy \"default\"]\nmax_age = 24h\n" + ("boot = no\n" if column.policy == "noboot" else "") + extra
        if column.evidence == "seal":
            text += f"require_signature = yes\ntrusted_keys = {self.cache}/key.pub\n"
        return text

    def pack(self, column, source, directory):
        before = self.cache / "sources" / "ext-before.img"
        env = {"SECOND": str(self.cache / "sources" / "two-sdb.img")}
        if Path(source).name in ("ext.img", "ext-lived.img"):
            env["BASE"] = str(before)
        call(IMAGES, "pack", column.pack, source, directory, env=env)

    def vouch(self, column, directory, key="key"):
        """Its sidecar, or its seal; the code of backproof seal where that refused it."""
        names = sorted(p.name for p in directory.iterdir())
        for p in directory.rglob("*"):
            os.utime(p, (self.made, self.made))
        if column.evidence == "sha256":
            out = subprocess.run(["sha256sum", *names], cwd=directory, check=True, capture_output=True).stdout
            (directory / ("SHA256SUMS" if len(names) > 1 else names[0] + ".sha256")).write_bytes(out)
        elif column.evidence == "seal":
            # One that always says the same takes no part in making: the matrix has to be able to fail.
            done = subprocess.run([str(self.program), "seal", str(directory / names[0]), "--key", str(self.cache / key), "--now",
                                   stamp(self.made + 60), "--scratch", str(self.scratch(directory)), "--progress", "never"],
                                  capture_output=True, text=True, env=CLEAN, stdin=subprocess.DEVNULL)
            return done.returncode
        return 0

    def scratch(self, near):
        path = near.parent / (near.name + ".scratch")
        path.mkdir(exist_ok=True)
        return path

    def good(self, column):
        """A restore point as it was made; and those of another machine and of three days ago, for parts of them."""
        base = self.cache / "good" / column.id
        source = self.cache / "sources" / (column.source if column.tree else column.source + ".img")
        self.pack(column, source, base)
        code = self.vouch(column, base)
        if code != 0:
            raise RuntimeError(f"{column.id}: backproof seal ended with {code}")
        if column.pack in ("split-raw", "split-zst", "chain"):
            for foreign in ("other", "old"):
                self.pack(column, self.cache / "sources" / f"ext-{foreign}.img", self.cache / "good" / f"{column.id} of {foreign}")
        if column.evidence == "seal":
            for kind, image in (("foreign", "ext.img"), ("other", "ext-lived.img")):
                d = self.cache / "good" / f"{column.id} {kind}"
                self.pack(column, self.cache / "sources" / image, d)
                if kind == "foreign":
                    shutil.rmtree(d)
                    tree_copy(base, d)
                    for p in d.glob("*.seal*"):
                        p.unlink()
                if self.vouch(column, d, "other" if kind == "foreign" else "key") != 0:
                    raise RuntimeError(f"{column.id} {kind}: backproof seal failed")
                for p in d.iterdir():
                    if ".seal" not in p.name:
                        p.unlink()

    def faulty_source(self, row, column):
        """The machine's disk with the fault; made once for all columns that keep it."""
        if row.variant:
            path = self.cache / "sources" / f"{column.source}-{row.variant}"
            path = path if column.tree else path.with_name(path.name + ".img")
            return path
        key = f"{column.source} {row.id}".replace("/", "-")
        with self.guard:
            lock = self.locks.setdefault(key, threading.Lock())
        path = self.work / "sources" / key
        with lock:
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                part = path.with_name(path.name + ".part")
                if part.exists():
                    raise NotApplicable("it could not be made")
                tree_copy(self.cache / "sources" / (column.source if column.tree else column.source + ".img"), part)
                row.apply(Case(row, column, part, part.parent, self.cache, None, self.now))
                part.rename(path)
        return path

    # Running

    def run(self, row, column):
        started = time.monotonic()
        root = self.work / f"{row.id}@{column.id}".replace("/", "-").replace(" ", "_").replace(":", "_")
        root.mkdir()
        # The same wherever and whenever it runs.
        case = Case(row, column, root / "b", root, self.cache, random.Random(f"{self.seed}/{row.id}/{column.id}"), self.now)
        case.scratch = str(root / "scratch")
        os.mkdir(case.scratch)
        os.chmod(root, 0o755)
        try:
            result = self.one(case)
        except NotApplicable:
            return None
        except Exception as e:
            # A case that could not be made is told, and fails the whole.
            result = Result(row, column, -1, "not made", f"{type(e).__name__}: {e}")
        finally:
            subprocess.run(["chmod", "-R", "u+rwX", str(root)], stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(root, ignore_errors=True)
        result.seconds = time.monotonic() - started
        return result

    def one(self, case):
        row, column = case.row, case.column
        if row.stage == "source":
            source = self.faulty_source(row, column)
            try:
                self.pack(column, source, case.dir)
            except RuntimeError:
                # These read the file system: of what is damaged they make no backup at all.
                if column.pack in ("partclone", "clonezilla"):
                    raise NotApplicable("its own tool refuses it") from None
                raise
            refused = self.vouch(column, case.dir)
            if refused != 0:
                return self.judged(case, refused, "not sealed", {})
        else:
            tree_copy(self.cache / "good" / column.id, case.dir)
            if row.again:
                case.env["BACKPROOF_HISTORY"] = str(case.root / "history.db")
                code, reason = self.check(case)
                if code != 0:
                    raise RuntimeError(f"the first check ended with {code}: {reason}")
                case.depth = "auto"
            row.apply(case)
        code, reason = self.check(case)
        asked = {} if row.peers == "none" else peers.ask(case)
        return self.judged(case, code, reason, asked)

    def check(self, case):
        conf = case.root / "conf"
        conf.write_text(self.policy(case.column, case.policy))
        paths = case.paths or ([case.dir / "web01-img"] if case.column.pack == "clonezilla" else case.files())
        if not paths:
            paths = [case.dir]
        command = [*case.prefix, str(self.program), "check", case.host, "--config", str(conf), "--scratch", case.scratch, "--depth",
                   case.depth or case.column.depth, "--now", stamp(case.now), "--format", "json", *case.args]
        for p in paths:
            command += ["--from", str(p)]
        if "--seed" not in case.args:
            command += ["--seed", str(self.seed)]
        with open(case.stdout or case.root / "out", "wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env={**CLEAN, **case.env})
            if case.during:
                while process.poll() is None:
                    case.during()
            _, error = process.communicate(timeout=300)
        try:
            value = json.loads((case.root / "out").read_text())
            reason = "; ".join(value["reasons"][:2]) if value["reasons"] else value["verdict"]
            if value["exit"] != process.returncode:
                return 70, f"its report says {value['exit']}, and it ended with {process.returncode}"
        except (OSError, ValueError, KeyError, TypeError):
            reason = error.decode(errors="replace").strip().split("\n")[0]
        return process.returncode, reason

    def judged(self, case, code, reason, asked):
        row = case.row
        if row.harmless:
            verdict = "right" if code == 0 else "false alarm"
        elif code == 0:
            why = row.unseen(case.column) if row.unseen else None
            verdict, reason = ("unseen", why) if why else ("false safe", reason)
            if not why and row.stage == "stored" and row.peers == "run":
                verdict, reason = meaning.judge(case)
        else:
            verdict = "noticed" if code in row.expect and code in ANY else "other"
        return Result(row, case.column, code, verdict, reason, asked)


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
