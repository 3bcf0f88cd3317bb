#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The bench tells what it did not measure: no row, program or failure goes by in silence. With commands that stand for both sides.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
B=$W/bench
mkdir "$B"

# in_turn NAME CODE TEXT COMMAND...: bench-run ends with CODE, and says TEXT
in_turn() {
	tests/bench-run 1 "$B" "${@:4}" >"$W/out" 2>"$W/err"
	code=$? ran="bench-run ${*:4}"
	if [ "$code" = "$2" ] && grep -q "$3" "$W/out" "$W/err"; then ok "$1"; else why "$2 and $3" | not_ok "$1"; fi
}
in_turn "two commands" 0 '^0\.0.*	1$' true "sleep 0"
holds "a line for each command" test "$(wc -l <"$W/out")" = 2
in_turn "ours fails" 3 'failed (exit 12): echo damaged' "echo damaged; exit 12" true
holds "what it said is shown" grep -q '^damaged' "$W/err"
holds "and no time of it" test ! -s "$W/out"
in_turn "the peer fails" 3 'failed (exit 1)' true false
in_turn "the first of a pipeline fails" 3 'failed (exit 1)' "false | cat"
BENCH_LIMIT=1 in_turn "no end" 3 'no end within 1 s' "sleep 20"

# In a shell of its own: set -e as the bench has it.
lines() { # TEXT-OF-A-SCRIPT
	ran=$1
	bash -c "set -Eeuo pipefail; . tests/bench-lib.sh; rounds=1 data=$B; results $B/r.tsv; $1" >"$W/out" 2>"$W/err"
	code=$?
}
field() { awk -F '\t' -v id="$1" -v n="$2" '$1 == id {print $n}' "$B/r.tsv"; }
lines 'against quick 100 true; against slow 0.5 "sleep 0.6"; compare one "the first" "sleep 0.1"'
holds "a comparison" test "$code" = 0
holds "a line for each peer" test "$(field one 3 | tr '\n' ' ')" = "quick slow "
holds "met or missed" test "$(field one 8 | tr '\n' ' ')" = "met met "
lines 'against slow 0.5 "sleep 0.1"; compare one "the first" "sleep 0.2"'
holds "a target that was missed" test "$(field one 8)" = missed
lines 'against peer 1 true; compare one "the first" "exit 20"; put two second peer 1 2 - ""'
holds "a check that fails ends the bench" test "$code" != 0
holds "with no line after it" test ! -s "$B/r.tsv"
lines 'against peer 1 "no-such-program x" no-such-program; against other 9 true; compare one "the first" true'
holds "a peer that is not installed" test "$(field one 8 | head -n 1)" = "no no-such-program"
lines 'against peer 1 x no-such-program; against other 9 true; compare one a true
	put two b peer - - 1 "not yet"; put three c peer 1 2 3 ""; missing_rows $tsv one two three four'
holds "what is missing is named" test "$(tail -n 2 "$W/out" | tr '\n' ' ')" = "one four "

# The picture.
lines 'echo "# cpu: a & b"; echo "${columns// /"$tab"}" >>"$tsv"; put zst "an <image>" "sum && test" 1 2 0.4 ""
	put gz "other" gzip 1 4 0.5 ""; put raw third dgst - - 1 "not yet"; put memory "1 TiB" "memory" 3 - 256 met 1 - 70000 1'
tests/bench-picture "$B/r.tsv" >"$B/r.svg"
holds "it is drawn" test $? = 0
holds "and is XML" python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$B/r.svg"
for text in 'an &lt;image&gt;' '0.50 (at most 0.40)' '0.25 (at most 0.50)' 'not yet' 'class="missed"' 'class="met"' 68; do
	holds "it shows $text" grep -qF "$text" "$B/r.svg"
done
head -n 1 "$B/r.tsv" >"$B/empty.tsv"
holds "nothing measured is no picture" bash -c "! tests/bench-picture $B/empty.tsv >/dev/null 2>&1"
printf 'a\tb\n' >>"$B/r.tsv"
holds "nor is half a line" bash -c "! tests/bench-picture $B/r.tsv >/dev/null 2>&1"

# Each row of the bench is a function, and each function a row.
named=$(sed -n 's/^rows="\(.*\)"$/\1/p' tests/bench | tr ' ' '\n' | sort)
holds "every row is run" test "$named" = "$(sed -n 's/^row_\([a-z0-9]*\)().*/\1/p' tests/bench | sort)"
for script in tests/bench tests/bench-data tests/bench-images tests/bench-catalogue packaging/setup; do
	[ ! -e $script ] || holds "shellcheck $script" shellcheck -x "$script"
done
finish
