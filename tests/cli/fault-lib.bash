# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What the tests with the FAULTS build share (tests/fault/README.md). Sourced behind lib.sh.
FAULTS=$(dirname "$BACKPROOF")/backproof-faults
[ -x "$FAULTS" ] || make -s -C "$TOP" BUILD="$(dirname "$FAULTS")" "$FAULTS" >&2
if [ ! -x "$FAULTS" ]; then
	echo "$FAULTS is not built" >&2
	exit 1
fi
# How many runs a sweep takes of the N that there are; RUNS=100000 takes all.
RUNS=${RUNS-}
FAULT_KINDS=(alloc read write open close fsync rename stat list truncate remove make lock seek map thread process message)
P=$W/p H=$W/history.db K=$W/k
mkdir "$P"

# faulty RULES ARGUMENTS...: as run; what hangs is killed, with 124. $struck: how many calls met a fault.
faulty() {
	local rules=$1
	shift
	rm -f "$W/counts"
	ran="BACKPROOF_FAULT=$rules backproof $*"
	# A crash may be told by the shell, which is not what is tested. In the background SIGINT would be ignored.
	{ BACKPROOF_FAULT=$rules BACKPROOF_FAULT_COUNTS=$W/counts timeout -k 1 30 env --default-signal=INT,TERM,HUP "$FAULTS" "$@" >"$W/out" 2>"$W/err" </dev/null; } 2>/dev/null
	code=$?
	struck=$(counts | awk '{n += $3} END {print n + 0}')
}
counts() { od -An -v -w512 -tu8 "$W/counts" 2>/dev/null | awk 'NR > 1 && $1'; }
# calls KIND [COLUMNS]: the most calls that a process of the last run made of it; with 30 behind: libraries'.
calls() {
	local i
	for i in "${!FAULT_KINDS[@]}"; do
		[ "${FAULT_KINDS[i]}" != "$1" ] || counts | awk -v c=$((i + 4 + ${2-0})) '$c > m {m = $c} END {print m + 0}'
	done
}
# The Ns to try of 1..COUNT: all of few, else the first, the last, and some between.
some_of() { # COUNT RUNS
	perl -e 'my ($n, $runs) = @ARGV; srand(7); my %x;
		if ($n <= $runs) { %x = map { $_ => 1 } 1 .. $n } else {
			$x{$_} = $x{$n + 1 - $_} = 1 for 1 .. $runs / 4;
			$x{1 + int rand $n} = 1 while keys %x < $runs }
		print join " ", sort { $a <=> $b } keys %x' "$1" "${RUNS:-$2}"
}
# What no run may leave, however it ended.
trouble() { # ALLOWED-CODES...
	local bad='' allowed=" $* "
	[[ $allowed == *" $code "* ]] || bad="code $code"
	[ -z "$(ls -A "$S")" ] || bad="$bad; in scratch: $(ls -A "$S")"
	[ -z "$(find "$P" -name '*.tmp' -o -name '.*' -type f)" ] || bad="$bad; beside the output: $(ls -A "$P")"
	if [ -e "$H" ] && [ "$(sqlite3 "$H" 'PRAGMA integrity_check' 2>&1)" != ok ]; then bad="$bad; the history is damaged"; fi
	rm -rf "${S:?}"/*
	echo "$bad"
}
# sweep NAME KIND WHAT RUNS "ALLOWED-CODES" [HOOK] -- ARGUMENTS...: each of some N fails once. A run in which none did
# may be safe; HOOK says what else is wrong, on standard output.
sweep() {
	local name=$1 kind=$2 what=$3 runs=$4 allowed=$5 hook=: n bad all=''
	shift 5
	[ "$1" = -- ] || { hook=$1 && shift; }
	shift
	faulty '' "$@"
	local clean=$code column=0
	$hook >/dev/null
	case $kind in *library:*) column=30 ;; esac
	for n in $(some_of "$(calls "${kind##*:}" $column)" "$runs"); do
		faulty "$kind:$n:$what" "$@"
		if [ "$struck" = 0 ]; then bad=$(trouble "$clean"); else bad=$(trouble $allowed); fi
		bad="$bad$($hook)"
		[ -z "$bad" ] || all="$all$kind $n $what: $bad: $(head -c 300 "$W/err")"$'\n'
	done
	if [ -z "$all" ]; then ok "$name: $kind $what"; else echo "$all" | not_ok "$name: $kind $what"; fi
}
