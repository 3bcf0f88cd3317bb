# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
# What the command-line tests share. A script sources it, runs tests, and ends with `finish`.
set -u
# The last part of a pipeline runs in this shell: `... | not_ok` counts.
shopt -s lastpipe
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=fixtures/lib.sh
. "$TOP/fixtures/lib.sh"
BACKPROOF=$(realpath -m "${BACKPROOF-$TOP/build/backproof}")
[ -x "$BACKPROOF" ] || {
	echo "$BACKPROOF is not built" >&2
	exit 1
}
unset BACKPROOF_CONFIG NO_COLOR
export BACKPROOF_HISTORY=none # what this machine remembers takes no part, and is not added to
export BACKPROOF_JOURNAL=none # nor is its journal
passed=0 failed=0 skipped=0
W=$(mktemp -d) || exit 1
chmod 755 "$W"
# Whatever ended a script: nothing stays mounted (or attached to a loop device, by that), and nothing is left.
release() {
	local m
	awk -v w="$W/" 'index($2, w) == 1 {print $2}' /proc/mounts | sort -r | while read -r m; do
		umount "$m" || umount -l "$m"
	done 2>/dev/null
	rm -rf --one-file-system "$W" "$S"
}
# A check waits for what it wrote into scratch to be on the disk: that is half of its time. Where there is room in memory,
# scratch is there, but for scripts that say SCRATCH=disk first.
S=$W/scratch
room=$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)
[ "${SCRATCH-}" = disk ] || [ "${room:-0}" -lt 6144 ] || S=$(mktemp -d -p /dev/shm) || S=$W/scratch
trap release EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$S"
chmod 755 "$S"
FIXTURES_TEMPLATE=$W/template
ID=0123456789abcdef0123456789abcdef
# No configuration of this machine takes part.
printf '[policy "default"]\nmax_age = 24h\n' >"$W/empty.conf"

ok() { passed=$((passed + 1)) && echo "ok $1"; }
skip() { skipped=$((skipped + 1)) && echo "skip $1"; }
not_ok() { # NAME, then what went wrong on standard input
	failed=$((failed + 1))
	echo "not ok $1"
	sed 's/^/    /' | cut -c 1-600 | head -n 60
}

# Runs the program; leaves its exit status in $code, and $W/out and $W/err.
run() {
	ran="backproof $*"
	"$BACKPROOF" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
}
why() { # what was expected
	echo "$ran"
	echo "got $code, expected $1"
	cat "$W/err"
	if jq -e .reasons "$W/out" >/dev/null 2>&1; then
		jq -c '{verdict, exit, reasons, proofs}' "$W/out"
		jq -c '.findings[] | select(.outcome != "held" and .outcome != "skipped")' "$W/out" | head -n 12
	else
		cat "$W/out"
	fi
}

# The usual case: check HOST..., the exit code exactly, JSON that agrees with it, and no scratch left.
# expect CODE NAME HOST ARGUMENTS...
expect() {
	local want=$1 name=$2 bad=''
	shift 2
	# AGAIN=1: whatever is safe is safe still when a history knows of it, and a sample has to do.
	if [ -n "${AGAIN-}" ] && [ "$want" = 0 ]; then
		rm -rf "$W/once-more" && mkdir -m 700 "$W/once-more"
		run check "$@" --config "$W/empty.conf" --scratch "$S" --format json --history "$W/once-more/history.db"
		run check "$@" --config "$W/empty.conf" --scratch "$S" --format json --history "$W/once-more/history.db"
		verdict_is "$want" "$name: again"
		rm -rf "$W/once-more"
	fi
	run check "$@" --config "$W/empty.conf" --scratch "$S" --format json
	verdict_is "$want" "$name"
}
verdict_is() { # CODE NAME: judges the last run
	local want=$1 name=$2 bad=''
	[ "$code" = "$want" ] || bad="exit code $code"
	case $want in
	64 | 70 | 78) ;;
	*)
		jq -e --argjson code "$code" '.exit == $code and .format_version != null and (.findings | type) == "array"
			and (.verdict == "safe") == ($code == 0)' "$W/out" >/dev/null 2>&1 || bad="$bad; JSON does not agree"
		;;
	esac
	[ -z "$(ls -A "$S")" ] || bad="$bad; left in scratch: $(ls -A "$S")"
	rm -rf "${S:?}"/* "$S"/.[!.]*
	if [ -z "$bad" ]; then ok "$name"; else why "$want: $bad" | not_ok "$name"; fi
}
# holds NAME COMMAND...: the command has to succeed.
holds() {
	local name=$1
	shift
	if "$@" >"$W/holds" 2>&1; then ok "$name"; else { echo "$*" && cat "$W/holds"; } | not_ok "$name"; fi
}

finish() {
	echo "# $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
	exit
}
