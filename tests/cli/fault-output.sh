#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is written fails to be: report, pass, seal, key, history, files that are extracted. Never a 0 for what is not there
# whole; what was there before stays, or the new one is there. RUNS=100000: each call (tests/fault/README.md).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/fault-lib.bash
. "$(dirname "$0")/fault-lib.bash"
mk_tree "$W/ct" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/ct"
img=$P/web01.tar.zst
zstd -q "$W/web01.tar" -o "$img"
"$BACKPROOF" key new "$K" >/dev/null
report=$P/report.json pass=$P/web01.pass
check=(check web01 --config "$W/empty.conf" --scratch "$S" --from "$img" --format json)

# The report: an older one, or the new one and 0.
old() { echo '{"old": true}' >"$report" && rm -f "$pass"; }
hook_report() {
	if [ "$code" = 0 ]; then
		jq -e '.exit == 0' "$report" >/dev/null 2>&1 || echo "; 0 without its report"
	elif ! jq -e '.old or .exit != 0' "$report" >/dev/null 2>&1; then
		# It was in its place already when the directory could not be flushed, or the file closed.
		jq -e .format_version "$report" >/dev/null 2>&1 || echo "; half a report"
	fi
	old
}
old
for fault in write:ENOSPC write:EDQUOT fsync:EIO rename:EDQUOT open:EMFILE; do
	sweep "report" "gate:${fault%:*}" "${fault#*:}" 4 '0 20 70 78' hook_report -- "${check[@]}" --output "$report"
done
# These in no case, whatever else fails: the last write, flush, renaming and close are the report's.
for fault in write:ENOSPC fsync:EIO rename:EROFS; do
	faulty "" "${check[@]}" --output "$report"
	old
	faulty "gate:${fault%:*}:$(counts | awk -v k="${fault%:*}" 'BEGIN {c["write"] = 6; c["fsync"] = 9; c["rename"] = 10} !$2 {print $c[k]}'):${fault#*:}" \
		"${check[@]}" --output "$report"
	bad=$(trouble 70)
	if [ -z "$bad" ] && jq -e .old "$report" >/dev/null; then ok "the report's $fault: 70, and the older stays"; else why "70 $bad" | not_ok "the report's $fault"; fi
done

# The pass: one that is there is whole, and says what the exit code says.
hook_pass() {
	[ ! -e "$pass" ] || "$BACKPROOF" pass show "$pass" --format json >"$W/show" 2>&1 || echo "; half a pass"
	[ "$code" != 0 ] || [ -e "$pass" ] || echo "; 0 without its pass"
	rm -f "$pass"
}
for fault in write:ENOSPC fsync:EIO rename:EDQUOT close:EIO; do
	sweep "pass" "gate:${fault%:*}" "${fault#*:}" 3 '0 20 70 78' hook_pass -- "${check[@]}" --key "$K" --pass "$pass"
done

# The seal: an older pair, or the new one; and 0 for the new one only.
hook_seal() {
	[ "$code" != 0 ] || [ -e "$img.seal" ] || echo "; 0 without its seal"
	[ ! -e "$img.seal" ] || jq -e .payload "$img.seal" >/dev/null 2>&1 || echo "; half a seal"
	find "$P" -name '.*' -type f -delete
	rm -f "$img".seal*
}
for fault in write:ENOSPC fsync:EIO rename:EDQUOT close:EIO read:ESTALE alloc:ENOMEM; do
	sweep "seal" "${fault%:*}" "${fault#*:}" 3 '0 12 20 64 70 78' hook_seal -- seal "$img" --scratch "$S" --key "$K" --quiet
done

# The history is no part of the verdict, and holds whatever happens to it.
hook_history() {
	[ ! -e "$H" ] || [ "$(sqlite3 "$H" "SELECT count(*) FROM verdict WHERE code = 'damaged' OR code = 12" 2>/dev/null || echo 0)" = 0 ] ||
		echo "; the history says damaged"
}
"$BACKPROOF" "${check[@]}" --history "$H" >/dev/null
for fault in write:ENOSPC write:EIO fsync:EIO open:EMFILE read:EIO truncate:EIO remove:EROFS; do
	sweep "history" "gate:library:${fault%:*}" "${fault#*:}" 3 '0 20' hook_history -- "${check[@]}" --history "$H"
done
run "${check[@]}" --history "$H"
verdict_is 0 "a check with that history"

# Extracting: what is said to be there is.
hook_extract() {
	[ "$code" != 0 ] || cmp -s "$W/x/usr/bin/sort" "$W/ct/usr/bin/sort" || echo "; 0, and the file is not right"
	rm -rf "$W/x" && mkdir "$W/x"
}
mkdir "$W/x"
for fault in read:EIO library:write:ENOSPC alloc:ENOMEM library:open:EACCES; do
	sweep "extract" "${fault%:*}" "${fault##*:}" 4 '0 20 64 70 78' hook_extract -- extract "$img" usr/bin/sort -C "$W/x"
done
sweep "--cat" write EPIPE 3 '20 70' -- inspect "$img" --cat usr/bin/sort

# Without faults of ours: a full file system, a closed pipe, a place that may not be written.
if mkdir "$W/full" && mount -t tmpfs -o size=1m tmpfs "$W/full" 2>/dev/null; then
	dd if=/dev/zero of="$W/full/fill" bs=4k 2>/dev/null
	for to in "--output $W/full/report" "--key $K --pass $W/full/pass" "--scratch $W/full"; do
		# shellcheck disable=SC2086
		run check web01 --config "$W/empty.conf" --from "$img" $to
		holds "a full file system: $to" test "$code" = 20 -o "$code" = 70
		holds "... and nothing on it" test "$(ls -A "$W/full")" = fill
	done
	cp "$img" "$W/web01.tar.zst"
	run seal "$W/web01.tar.zst" --output "$W/full/seal" --scratch "$S"
	holds "a seal to a full file system" test "$code" != 0 -a "$(ls -A "$W/full")" = fill
	run check web01 --config "$W/empty.conf" --from "$img" --scratch "$S" --history "$W/full/history.db"
	holds "a history on a full file system takes no part" test "$code" = 0
	umount "$W/full"
else
	ok "no tmpfs to be had here: the limits below stand for it"
fi
for blocks in 0 8; do
	code=$(
		ulimit -f "$blocks"
		"$BACKPROOF" "${check[@]}" --output "$W/limited" 2>/dev/null >&2
		echo $?
	)
	holds "files of at most $blocks blocks: no 0" test "$code" != 0
	holds "... and no report" test ! -e "$W/limited"
done
{ "$BACKPROOF" "${check[@]}" 2>"$W/err"; echo $? >"$W/code"; } | true
holds "a pipe that nobody reads: not 0, or all was taken" test "$(cat "$W/code")" = 70 -o "$(cat "$W/code")" = 0
(sleep 0.2; exec "$BACKPROOF" "${check[@]}" 2>/dev/null; ) | : ; code=${PIPESTATUS[0]}
holds "a pipe that is closed before: 70" test "$code" = 70
finish
