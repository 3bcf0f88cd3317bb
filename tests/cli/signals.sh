#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Signals in every stage of a run, at calls that a seed chooses (tests/fault/README.md): no 0 unless all was done and told,
# no scratch, no reader that runs on, no half report, a history that holds. RUNS=1000: that many of each.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/fault-lib.bash
. "$(dirname "$0")/fault-lib.bash"
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/disk.img" "$W/tree"
mkdir "$W/b"
img=$W/b/web01.img.zst
zstd -q "$W/disk.img" -o "$img"
"$BACKPROOF" key new "$K" >/dev/null
report=$P/report.json pass=$P/web01.pass
check=(check web01 --config "$W/empty.conf" --scratch "$S" --from "$img" --format json --history "$H" --output "$report"
	--key "$K" --pass "$pass")
printf '[repository "r"]\npath = %s\n[host "web01"]\n[host "web02"]\n' "$W/b" >"$W/audit.conf"
audit=(audit --config "$W/audit.conf" --scratch "$S" --format json --history "$H" --output "$report")
seal=(seal "$img" --scratch "$S" --key "$K")
extract=(extract "$img" etc/hostname usr/bin/sort -C "$W/x")

# Those of this test's own making that still run a second later.
running() { # : their numbers
	local i p found
	for i in 1 2 3 4 5 6 7 8 9 10; do
		found=
		for p in $(counts | awk '{print $1}'); do
			[ ! -e "/proc/$p" ] || grep -q '^State:.*Z' "/proc/$p/status" 2>/dev/null || found="$found $p"
		done
		[ -n "$found" ] || return 0
		sleep 0.1
	done
	echo "$found"
}
# What ended by a signal may leave nothing but, after SIGKILL, scratch.
judge() { # SIGNAL
	local bad='' left
	left=$(running)
	[ -z "$left" ] || bad="; still running:$left"
	# shellcheck disable=SC2086
	[ -z "$left" ] || kill -9 $left 2>/dev/null
	if [ "$code" = 0 ] && [ -e "$report" ] && ! jq -e '.exit == 0' "$report" >/dev/null 2>&1; then bad="$bad; 0 without a report"; fi
	# A report, a pass and a seal are whole or not there.
	[ ! -e "$report" ] || jq -e .format_version "$report" >/dev/null 2>&1 || bad="$bad; half a report"
	[ ! -e "$pass" ] || "$BACKPROOF" pass show "$pass" >/dev/null 2>&1 || bad="$bad; half a pass"
	[ ! -e "$img.seal" ] || jq -e .payload "$img.seal" >/dev/null 2>&1 || bad="$bad; half a seal"
	if [ "$1" = SIGKILL ]; then
		# The next start removes what it left.
		"$BACKPROOF" check nobody --config "$W/empty.conf" --scratch "$S" --from "$W/disk.img" --depth sample >/dev/null 2>&1
		rm -f "$P"/*.tmp "$P"/.[!.]* "$W"/b/.[!.]*
	fi
	bad="$bad$(trouble "$code")"
	[ "$1" = SIGKILL ] || [ -z "$(find "$W/b" -name '.*' -type f)" ] || bad="$bad; beside the seal: $(ls -A "$W/b")"
	rm -rf "${P:?}"/* "$img".seal* "$W/x" "$W/counts"
	mkdir "$W/x"
	echo "$bad"
}
mkdir "$W/x"

# at_random NAME RUNS "SIGNALS" KINDS -- ARGUMENTS...
at_random() {
	local name=$1 runs=$2 signals=$3 kinds=$4 n kind sig all='' bad i=0
	shift 5
	faulty '' "$@"
	[ "$code" = 0 ] || [ "$name" = audit ] || {
		why "0, without a signal" | not_ok "$name: without"
		return
	}
	declare -A count
	for kind in $kinds; do count[$kind]=$(calls "$kind"); done
	judge '' >/dev/null
	local chosen from
	read -ra chosen <<<"$signals"
	read -ra from <<<"$kinds"
	for n in $(perl -e 'srand($ARGV[1]); print join " ", map { int rand 1e9 } 1 .. $ARGV[0]' "${RUNS:-$runs}" "${#name}"); do
		i=$((i + 1))
		kind=${from[i % ${#from[@]}]} sig=${chosen[n % ${#chosen[@]}]}
		[ "${count[$kind]}" -gt 0 ] || continue
		faulty "$kind:$((1 + n / 16 % count[$kind])):$sig" "$@"
		bad=$(judge "$sig")
		# The parent may have been done when the signal came.
		if [ "$code" = 0 ] && [ "$struck" -gt 0 ] && [ "$name" != extract ]; then
			# ... and so may the reader, when it says that it is.
			case $sig-$kind in SIGXFSZ-* | SIGPIPE-* | *-message) ;; *) bad="$bad; code 0 ($ran)" ;; esac
		fi
		case $code-$sig in 124-* | 137-SIG[!K]*) bad="$bad; it hung" ;; esac
		[ -z "$bad" ] || all="$all$ran: code $code$bad: $(head -c 200 "$W/err")"$'\n'
	done
	if [ -z "$all" ]; then ok "$name: signals in it"; else echo "$all" | not_ok "$name: signals in it"; fi
}
ends='SIGTERM SIGINT SIGHUP SIGKILL SIGKILL SIGXCPU SIGPIPE SIGXFSZ'
at_random check 24 "$ends" 'read write open stat fsync rename message alloc close make remove process' -- "${check[@]}"
at_random audit 8 "$ends" 'read write open fsync rename message alloc' -- "${audit[@]}"
at_random seal 10 "$ends" 'read write open fsync rename alloc lock' -- "${seal[@]}"
at_random extract 6 "$ends" 'read write open alloc' -- "${extract[@]}"

# An audit that is ended names the hosts that it did not come to: none of them is left out, and none safe.
for format in json jsonl; do
	faulty "gate:message:1:SIGTERM" audit --config "$W/audit.conf" --scratch "$S" --jobs 1 --format $format
	holds "an ended audit has all hosts: $format" jq -s -e '
		([.[] | if .type == "host" then . else .hosts[]? end]) as $h | ($h | map(.host) | sort) == ["web01", "web02"] and
		($h | all(.exit == 20)) and any($h[].reasons[]; . == "cannot-tell: it was not looked at: a signal ended the audit")
		and (.[-1] | (.summary // .counts) | .hosts == 2 and ."cannot-tell" == 2)' "$W/out"
	judge SIGTERM >/dev/null
done

# The reader is killed, the gate is killed, one of them stands still for a while.
for n in 1 2 5; do
	for who in reader gate; do
		faulty "$who:message:$n:SIGKILL" "${check[@]}"
		want=20
		[ "$who" = reader ] || want=137
		bad=$(judge SIGKILL)
		if [ "$code" = $want ] && [ -z "$bad" ]; then ok "the $who is killed at its message $n"; else why "$want$bad" | not_ok "the $who is killed at its message $n"; fi
	done
done
stop() { # NAME RULE SIGNAL WANT: it stops itself, and goes on after SIGNAL
	local pid i
	rm -f "$W/counts"
	BACKPROOF_FAULT=$2 BACKPROOF_FAULT_COUNTS=$W/counts "$FAULTS" "${check[@]}" >"$W/out" 2>"$W/err" </dev/null &
	pid=$!
	for i in $(seq 100); do
		stopped=$(counts | awk '{print $1}' | while read -r p; do grep -qs '^State:.*T' "/proc/$p/status" && echo "$p"; done)
		[ -z "$stopped" ] || break
		sleep 0.1
	done
	# shellcheck disable=SC2086
	kill "-$3" $stopped
	# shellcheck disable=SC2086
	[ "$3" = CONT ] || kill -CONT $stopped 2>/dev/null
	wait $pid
	code=$? ran="$1"
	bad=$(judge "SIG$3")
	if [ "$code" = "$4" ] && [ -z "$bad" ]; then ok "$1"; else why "$4$bad" | not_ok "$1"; fi
}
stop "the gate stands still and goes on" gate:message:3:SIGSTOP CONT 0
stop "the reader stands still and goes on" reader:read:20:SIGSTOP CONT 0
stop "the reader stands still and is killed" reader:read:20:SIGSTOP KILL 20
stop "the gate stands still and is ended" gate:message:3:SIGSTOP TERM 143
expect 0 "after all that" web01 --from "$img"

# In a container all have one number: the half report of one that was killed is in nobody's way, that of a living one is.
again() { # NAME WANT COMMAND: run before, by a shell that becomes the program
	rm -f "$report"*
	bash -c "$3"' && exec "$0" "$@"' "$BACKPROOF" check web01 --from "$img" --config "$W/empty.conf" --scratch "$S" --format json \
		--output "$report" >"$W/out" 2>"$W/err" </dev/null
	code=$?
	if [ $code = "$2" ] && [ "$(find "$P" -name '*.tmp' | wc -l)" = $((code != 0)) ]; then
		ok "$1"
	else
		{ echo "exit $code" && ls "$P" && cat "$W/err"; } | not_ok "$1"
	fi
}
again "half a report of who had the same number" 0 "echo half >'$report'.\$\$.tmp"
again "... who still writes it" 70 "exec 9>'$report'.\$\$.tmp && flock 9"
rm -f "$report"*
finish
