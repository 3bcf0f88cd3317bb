# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 4 (and yum of RHEL 8 and 9) asks `backproof hook dnf` before it upgrades: see backproof-hooks(7).

It is asked in pre_transaction: everything is downloaded and tested by then, nothing is changed yet, and what is
only downloaded, or answered "no" to, never comes there. Of what a plugin raises, dnf lets only its own Error stop
the transaction; anything else it logs, and goes on. So everything here ends as that Error, or as leave to go on.
"""
import logging
import os
import signal
import subprocess
import tempfile

import dnf
import dnf.exceptions
import dnf.transaction

logger = logging.getLogger("dnf")
PROGRAM = "/usr/local/bin/backproof"
TIMEOUT = 600  # seconds; behind the time limit that [hook] has of its own
OWN = "backproof"  # and what begins with it and a hyphen


class Backproof(dnf.Plugin):
    name = "backproof"

    def pre_transaction(self):
        try:
            if self._upgraded():
                self._ask_heard()
        except dnf.exceptions.Error:
            raise
        except Exception as e:
            raise dnf.exceptions.Error("backproof: the upgrade is refused, nothing was changed ({}: {})".format(
                type(e).__name__, e))

    def _upgraded(self):
        """Names of what this transaction upgrades or replaces, backproof's own packages apart."""
        names = set()
        for item in self.base.transaction:
            if item.action in (dnf.transaction.PKG_UPGRADE, dnf.transaction.PKG_OBSOLETED):
                names.add(item.name)
            elif item.action == dnf.transaction.PKG_INSTALL and self._beside(item):
                names.add(item.name)
        return [n for n in names if n != OWN and not n.startswith(OWN + "-")]

    def _beside(self, item):
        """As a new kernel is installed beside the one that it replaces."""
        return bool(self.base.sack.query().installed().filter(name=item.name, arch=item.arch))

    def _option(self, parser, key, default):
        if parser.has_section("main") and parser.has_option("main", key):
            return parser.get("main", key)
        return default

    def _ask_heard(self):
        """Where SIGCHLD is ignored, nobody hears what a child came to, and Python says 0."""
        if signal.getsignal(signal.SIGCHLD) != signal.SIG_IGN:
            return self._ask()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            self._ask()
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def _ask(self):
        parser = self.read_config(self.base.conf)
        program = self._option(parser, "program", PROGRAM)
        limit = float(self._option(parser, "timeout", TIMEOUT))
        if not 0 < limit < 86400:
            raise ValueError("timeout = {} in backproof.conf is no number of seconds".format(limit))
        # To a file, and in a group of its own: nothing that outlives the program is waited for, or left.
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen([program, "hook", "dnf"], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                     start_new_session=True)
            try:
                status = child.wait(timeout=limit)
                why = "exit status {}".format(status) if status >= 0 else "signal {} ended it".format(-status)
            except subprocess.TimeoutExpired:
                status, why = None, "it took longer than {:g} seconds".format(limit)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            said.seek(0)
            text = said.read(65536).decode("utf-8", "replace").strip()
        if status == 0 and text:  # the host is not safe, and somebody took that upon himself
            logger.critical(text)  # what is less, -q hides
        if status != 0:
            raise dnf.exceptions.Error("{}\nbackproof: the upgrade is refused, nothing was changed ({})".format(
                text, why).strip())
