# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A journal of our own: for scripts that have read lib.sh. $socket is where it listens.
socket=$W/journal
listen() { # COUNT
	rm -f "$socket" "$W/entries"
	python3 "$TOP/tests/cli/monitor-check.py" journal "$socket" "$1" >"$W/entries" 2>"$W/journal.err" &
	listener=$!
	for _ in $(seq 200); do
		[ -S "$socket" ] && return
		sleep 0.05
	done
}
heard() { # NAME FILTER: what came, slurped
	wait "$listener"
	if jq -es "$2" "$W/entries" >/dev/null 2>&1; then ok "$1"; else cat "$W/entries" "$W/journal.err" | not_ok "$1"; fi
}
