#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The small fault matrix: no false safe, no false alarm, no other code than documented. And it has to be able to fail: a
# program that calls everything safe, and one that calls everything damaged, must not get through.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
build=$(dirname "$BACKPROOF")
# matrix NAME ARGUMENTS...: leaves its exit status in $code, and $W/out
matrix() {
	ran="tests/fault-matrix $*"
	"$TOP/tests/fault-matrix" "$build" --cache "$W/images" --results "$W/results" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
}
total() { sed -n "s/^$1 *\([0-9][0-9]*\)$/\1/p" "$W/out"; }
is() { # NAME TOTAL TEST...: of one of its totals
	local n
	n=$(total "$2")
	if test "${n:-none}" "${@:3}" 2>/dev/null; then ok "$1: $n"; else { why "$2 $3 $4" && tail -n 30 "$W/out"; } | not_ok "$1"; fi
}

matrix --quick
holds "the small matrix" test "$code" = 0
is "faults were tried" "faults that could be noticed" -ge 200
is "harmless changes were tried" "harmless changes" -ge 30
is "false safes" "FALSE SAFES" -eq 0
is "false alarms" "FALSE ALARMS" -eq 0
is "other codes than documented" "other code than documented" -eq 0
is "what nobody could notice is counted apart" "no reader could notice" -ge 5
holds "the picture" python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' "$W/results/matrix.svg"
holds "the table" test "$(grep -c '^| ' "$W/results/table.md")" -ge 40
holds "a line a case" test "$(wc -l <"$W/results/cases.tsv")" -ge 250
grep -E '^  [a-z0-9.-]+ .* [0-9]+ ' "$W/out" >"$W/peers"
holds "peers were asked" test "$(wc -l <"$W/peers")" -ge 4

# What a history adds, where there is no time of the last write, or several files.
matrix --rows 'again;again sums;rot since' --columns 'xfs;btrfs;ntfs;split;clonezilla;tar.zst'
holds "checked again" test "$code" = 0
is "of each kind" "harmless changes" -ge 10
is "and after a bit has changed" "faults that could be noticed" -eq 6

# It is able to fail.
some='flip vouched;cut half;other host;file old;src:other;ransom all;whole;copied'
fake() { # EXIT WORD
	printf '#!/bin/sh\necho '\''{"exit":%s,"verdict":"%s","reasons":[]}'\''\nexit %s\n' "$1" "$2" "$1" >"$W/fake"
	chmod 755 "$W/fake"
	matrix --quick --program "$W/fake" --rows "$some" --columns 'raw;zst;qcow2'
}
fake 0 safe
holds "a program that calls everything safe fails it" test "$code" = 1
is "and each is a false safe" "FALSE SAFES" -eq 18
is "but no false alarm" "FALSE ALARMS" -eq 0
fake 12 damaged
holds "a program that calls everything damaged fails it" test "$code" = 1
is "by false alarms" "FALSE ALARMS" -eq 6
is "and not by false safes" "FALSE SAFES" -eq 0
is "and by its codes" "other code than documented" -eq 9
fake 1 crashed
is "a crash is no verdict" "other code than documented" -eq 18
finish
