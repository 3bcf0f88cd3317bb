#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Package files are digested many at once and on all cores, and what came out is proved beside that: whatever the number
# of threads, the same files are named, in the same order, and nothing else changes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mk_tree "$W/tree" web01 $ID efi
# Of all lengths around the ends of MD5's blocks, some empty, some large enough to go first.
paths=()
mkdir -p "$W/tree/usr/share/many" "$W/tree/usr/lib/large"
for i in $(seq 0 260); do
	noise $((5000 + i)) "$i" >"$W/tree/usr/share/many/f$i"
	paths+=("usr/share/many/f$i")
done
for i in 1 2 3; do
	noise $((6000 + i)) $((i * 1048576 + i)) >"$W/tree/usr/lib/large/l$i"
	paths+=("usr/lib/large/l$i")
done
mk_package "$W/tree" many 1.0-1 "${paths[@]}"
mk_disk "$W/web01.img" "$W/tree" --size 48

# Findings without what time changes.
plain() { jq -c '[.exit, .proofs, [.findings[] | select(.proof != "freshness") | {check, subject, outcome, offset, detail}]]' "$W/out"; }

same() { # NAME CODE IMAGE [OPTIONS]
	local name=$1 want=$2 img=$3 threads first='' bad=''
	shift 3
	for threads in 1 2 8; do
		export BACKPROOF_THREADS=$threads
		run check web01 --from "$img" --seed 7 --config "$W/empty.conf" --scratch "$S" --format json "$@"
		unset BACKPROOF_THREADS
		[ "$code" = "$want" ] || bad="$bad; exit code $code with $threads threads"
		plain >"$W/plain.$threads" || bad="$bad; no JSON with $threads threads"
		[ -n "$first" ] || first=$W/plain.$threads
		cmp -s "$first" "$W/plain.$threads" || bad="$bad; other findings with $threads threads"
	done
	if [ -z "$bad" ]; then ok "$name"; else { echo "$bad" && why "$want"; } | not_ok "$name"; fi
}
held() { jq -r '.findings[] | select(.check == "package.digest" and .outcome == "held") | .detail' "$W/out" | grep -o '^[0-9]*'; }

same "intact: the same on 1, 2 and 8 threads" 0 "$W/web01.img"
all=$(held)
if [ "${all:-0}" -ge 264 ]; then ok "every packaged file was compared"; else echo "$all held" | not_ok "every packaged file was compared"; fi
same "intact, a sample" 20 "$W/web01.img" --depth sample

cp --sparse=always "$W/web01.img" "$W/bad.img"
damaged=(usr/share/many/f1 usr/share/many/f55 usr/share/many/f56 usr/share/many/f64 usr/share/many/f119 usr/share/many/f260
	usr/lib/large/l1 usr/lib/large/l3)
for f in "${damaged[@]}"; do
	size=$(stat -c %s "$W/tree/$f")
	# The last byte: the tail of a message is where lanes end.
	flip "$W/bad.img" "$(file_offset "$W/bad.img" "$f" $((size - 1)))"
done
same "damaged: the same on 1, 2 and 8 threads" 12 "$W/bad.img"
jq -r '.findings[] | select(.check == "package.digest" and .outcome == "broken") | .subject' "$W/out" | sed 's/^[^:]*:[^:]*:.//' |
	sort >"$W/named"
printf '%s\n' "${damaged[@]}" | sort >"$W/expected"
if cmp -s "$W/named" "$W/expected"; then ok "just the damaged files are named"; else diff "$W/expected" "$W/named" | not_ok "just the damaged files are named"; fi
if [ "$(held)" = $((all - ${#damaged[@]})) ]; then ok "all others are held"; else held | not_ok "all others are held"; fi
finish
