#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# When the check itself cannot be carried out: files that change, limits, signals, output that cannot be written. Never
# may any of it come out as safe, and scratch has to be empty behind it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir "$W/b"
mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/web01.img" "$W/efi"
mk_disk "$W/bigger.img" "$W/efi" --size 96
zstd -q -c "$W/web01.img" >"$W/web01.img.zst"
zstd -q -c "$W/bigger.img" >"$W/bigger.img.zst"
img=$W/b/web01.img zst=$W/b/web01.img.zst
background=
in_background() { # COMMAND: again and again until `settle`
	(while :; do
		eval "$1"
		sleep 0.01
	done) 2>/dev/null &
	background=$!
	sleep 0.05
}
settle() {
	kill "$background" && wait "$background" 2>/dev/null
	background=
}

# Moving files
cp "$W/bigger.img" "$img" && in_background "printf x >>'$img'"
expect 21 "raw image grows while it is read" web01 --from "$img"
settle
cp "$W/bigger.img.zst" "$zst" && in_background "printf x >>'$zst'"
expect 21 "zst grows while it is read" web01 --from "$zst"
settle
cp "$W/bigger.img.zst" "$zst" && in_background "cp '$W/bigger.img.zst' '$W/b/.n' && mv '$W/b/.n' '$zst'"
expect 21 "file is replaced while it is read" web01 --from "$zst"
settle
cp "$W/bigger.img.zst" "$zst" && in_background "printf '\\050' | dd of='$zst' bs=1 conv=notrunc status=none"
expect 21 "file is written in place while it is read" web01 --from "$zst"
settle
cp "$W/bigger.img" "$img" && in_background "cp '$W/bigger.img' '$W/b/.n' && mv '$W/b/.n' '$img'"
expect 21 "raw image is replaced while it is read" web01 --from "$img"
settle
# In its free space, so that nothing inside shows it.
cp "$W/bigger.img" "$img" && in_background "printf x | dd of='$img' bs=1 seek=90M conv=notrunc status=none"
expect 21 "raw image is written in place while it is read" web01 --from "$img"
settle
cp "$W/web01.img.zst" "$zst" && cp "$W/web01.img" "$img"

# Limits
expect 20 "scratch limit too small" web01 --from "$zst" --scratch-limit 64K
run check web01 --from "$zst" --config "$W/empty.conf" --scratch /proc/backproof --format json
verdict_is 20 "scratch cannot be made"
# 48 GiB of zeros in a small file: sound, but long to read.
truncate -s 2G "$W/zeros" && zstd -q -c "$W/zeros" >"$W/frame" && rm "$W/zeros"
for _ in $(seq 24); do cat "$W/frame"; done >"$W/b/long.img.zst"
rm "$W/frame"
long=$W/b/long.img.zst
SECONDS=0
expect 20 "deadline too short" web01 --from "$long" --deadline 1s
holds "deadline is kept within seconds" test "$SECONDS" -le 5

# Signals
for signal in TERM INT HUP; do
	# A background process would ignore SIGINT.
	env --default-signal=$signal "$BACKPROOF" check web01 --config "$W/empty.conf" --from "$long" --scratch "$S" \
		>"$W/out" 2>"$W/err" &
	pid=$!
	sleep 0.7
	kill -$signal $pid
	SECONDS=0
	wait $pid
	code=$?
	ran="backproof check, with SIG$signal after 0.7 s"
	if [ "$code" != 0 ] && [ -z "$(ls -A "$S")" ] && [ "$SECONDS" -le 3 ] && ! grep -qi '^safe\|: safe' "$W/out"; then
		ok "SIG$signal"
	else
		{ why "not 0, soon, and an empty scratch" && ls -A "$S"; } | not_ok "SIG$signal"
	fi
	rm -rf "${S:?}"/*
done
"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$long" --scratch "$S" >"$W/out" 2>"$W/err" &
pid=$!
sleep 0.7
kill -KILL $pid
wait $pid 2>/dev/null
expect 0 "what a killed run left is cleared by the next" web01 --from "$zst"
rm "$long"

# Output
for format in text json jsonl nagios prometheus junit html; do
	"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" --format $format >/dev/full 2>"$W/err"
	code=$? ran="backproof check --format $format >/dev/full"
	: >"$W/out"
	if [ "$code" != 0 ]; then ok "full standard output: $format"; else why "not 0" | not_ok "full standard output: $format"; fi
done
"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" >&- 2>"$W/err"
code=$? ran="backproof check >&-"
if [ "$code" != 0 ]; then ok "closed standard output"; else why "not 0" | not_ok "closed standard output"; fi
"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" >"$W/out" 2>&-
code=$? ran="backproof check 2>&-"
if [ "$code" = 0 ]; then ok "closed standard error"; else why 0 | not_ok "closed standard error"; fi
"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" <&- >"$W/out" 2>"$W/err"
code=$? ran="backproof check <&-"
if [ "$code" = 0 ]; then ok "closed standard input"; else why 0 | not_ok "closed standard input"; fi
for output in /dev/full "$W/no/such/directory/out" "$W/b"; do
	run check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" --output "$output"
	if [ "$code" != 0 ]; then ok "output to $(basename "$output")"; else why "not 0" | not_ok "output to $(basename "$output")"; fi
done
run check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" --format json --output "$W/report.json"
if [ "$code" = 0 ] && jq -e '.exit == 0' "$W/report.json" >/dev/null && [ ! -s "$W/out" ]; then
	ok "output to a file"
else
	why "0, the report in the file and nothing on standard output" | not_ok "output to a file"
fi
"$BACKPROOF" check web01 --config "$W/empty.conf" --from "$zst" --scratch "$S" 2>"$W/err" | true
ok "a reader that goes away is survived"

# Rights. Root reads everything, so this runs as nobody.
as_nobody=()
if [ "$(id -u)" = 0 ]; then as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
mkdir "$W/nobody" "$W/nobody/scratch" && chmod 755 "$W/nobody"
[ "$(id -u)" != 0 ] || chown 65534 "$W/nobody/scratch"
install -m 755 "$BACKPROOF" "$W/nobody/backproof"
cp "$zst" "$W/nobody/web01.img.zst"
cp "$W/empty.conf" "$W/nobody/"
chmod 644 "$W/nobody/web01.img.zst" "$W/nobody/empty.conf"
nobody() { # CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	ran="backproof check $* (as nobody)"
	(cd "$W/nobody" && "${as_nobody[@]}" ./backproof check "$@" --config empty.conf --scratch scratch --format json >"$W/out" 2>"$W/err" </dev/null)
	code=$?
	if [ "$code" = "$want" ] && [ -z "$(ls -A "$W/nobody/scratch")" ]; then ok "$name"; else why "$want" | not_ok "$name"; fi
}
nobody 0 "no rights are needed" web01 --from web01.img.zst
chmod 000 "$W/nobody/web01.img.zst"
nobody 20 "file that may not be read" web01 --from web01.img.zst
chmod 644 "$W/nobody/web01.img.zst"
today=$(date -u +%F) yesterday=$(date -u -d '1 day ago' +%F)
mkdir -p "$W/nobody/days/$today" "$W/nobody/days/$yesterday"
cp "$zst" "$W/nobody/days/$today/" && cp "$zst" "$W/nobody/days/$yesterday/"
printf '[repository "r"]\npath = %s\nmatch = {date}/{host}.img.zst\n[policy "default"]\nmax_age = 7d\n' \
	"$W/nobody/days" >"$W/nobody/days.conf"
chmod 644 "$W/nobody"/days/*/* "$W/nobody/days.conf"
nobody 0 "directory of the newest day" web01 --from days
chmod 000 "$W/nobody/days/$today"
nobody 20 "directory of the newest day that may not be read" web01 --from days
(cd "$W/nobody" && "${as_nobody[@]}" ./backproof check web01 --config days.conf --scratch scratch --format json >"$W/out" 2>"$W/err")
code=$?
holds "directory of the newest day that may not be read, by pattern" test "$code" = 20
chmod 755 "$W/nobody/days/$today"
(cd "$W/nobody" && "${as_nobody[@]}" ./backproof check web01 --config days.conf --scratch scratch --format json >"$W/out" 2>"$W/err")
code=$?
holds "directory of the newest day, by pattern" test "$code" = 0
mkdir "$W/nobody/closed" && cp "$zst" "$W/nobody/closed/" && chmod 000 "$W/nobody/closed"
nobody 20 "directory that may not be read" web01 --from closed
chmod 755 "$W/nobody/closed" && sha256sum <"$zst" | sed 's/-/web01.img.zst/' >"$W/nobody/closed/web01.img.zst.sha256"
chmod 644 "$W/nobody/closed/web01.img.zst"
nobody 0 "sidecar that may be read" web01 --from closed
chmod 000 "$W/nobody/closed/web01.img.zst.sha256"
nobody 20 "sidecar that may not be read" web01 --from closed
chmod 555 "$W/nobody/scratch"
[ "$(id -u)" != 0 ] || chown 0 "$W/nobody/scratch"
nobody 20 "scratch that may not be written" web01 --from web01.img.zst

# Odd files
mkfifo "$W/b/pipe.img"
ran="backproof check web01 --from pipe.img"
timeout 10 "$BACKPROOF" check web01 --config "$W/empty.conf" --from "$W/b/pipe.img" --scratch "$S" --format json >"$W/out" 2>"$W/err" </dev/null
code=$?
if [ "$code" = 10 ] || [ "$code" = 20 ]; then ok "a pipe is not waited for"; else why "10 or 20" | not_ok "a pipe is not waited for"; fi
ln -s loop "$W/b/loop"
run check web01 --config "$W/empty.conf" --from "$W/b/loop" --scratch "$S" --format json
if [ "$code" = 10 ] || [ "$code" = 20 ]; then ok "a symbolic link to itself"; else why "10 or 20" | not_ok "a symbolic link to itself"; fi
ln -s "$zst" "$W/b/link.img.zst"
expect 0 "a symbolic link to a backup" web01 --from "$W/b/link.img.zst"
finish
