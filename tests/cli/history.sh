#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The history: what check and audit leave in it, how it is shown, and that one which is missing, locked, full, broken or
# somebody else's changes no verdict.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
shopt -s extglob
h=$W/h.db
C=(--config "$W/empty.conf" --scratch "$S")
q() { sqlite3 -cmd '.timeout 5000' "$h" "$1"; }
is() { # NAME EXPECTED SQL
	local got
	got=$(q "$3" 2>&1)
	if [ "$got" = "$2" ]; then ok "$1"; else echo "$3: $got, not $2" | not_ok "$1"; fi
}
coded() { # CODE NAME: of the last run
	if [ "$code" = "$1" ]; then ok "$2"; else why "$1" | not_ok "$2"; fi
}
said() { # NAME PATTERN: on standard error
	if grep -Eq -- "$2" "$W/err"; then ok "$1"; else why "$2" | not_ok "$1"; fi
}

mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/good.img" "$W/efi" --size 64 || exit 1
mkdir "$W/b"
cp --sparse=always "$W/good.img" "$W/b/web01.img"
cp --sparse=always "$W/good.img" "$W/b/bad.img"
# A superblock of the root file system that is not what its checksum says.
part=$(sfdisk -J "$W/b/bad.img" | jq '[.partitiontable.partitions[].start] | max')
printf 'xxxxxxxx' | dd of="$W/b/bad.img" bs=1 seek=$((part * 512 + 1024 + 0x78)) conv=notrunc status=none

# What a check leaves.
run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$h" --depth full
coded 0 "a check with a history"
holds "nothing is said about it" test ! -s "$W/err"
holds "it was made, for its owner and group" test "$(stat -c %a "$h")" = 640
is "the verdict" "web01|web01.img|default|0|2|010101010101|67108864" \
	"SELECT host, label, policy, code, depth, hex(substr(proofs, 1, 6)), bytes FROM run"
is "the machine inside" "web01|$ID" "SELECT hostname, machine_id FROM run"
is "the file and its digest" "$(realpath "$W/b/web01.img")|67108864|$(stat -c %i "$W/b/web01.img")|$(fsverity digest --compact "$W/b/web01.img")|1" \
	"SELECT path, size, inode, lower(hex(fsverity)), read_whole FROM file"
is "its chunks" 1 "SELECT count(*) FROM chunks"
is "what is in it" 1 "SELECT count(*) FROM run JOIN sketch ON run = id WHERE entries > 10"
run check web01 --from "$W/b/bad.img" "${C[@]}" --history "$h" --depth full --format json
coded 12 "a backup that is damaged"
is "is remembered with its reasons" 1 "SELECT count(*) > 0 FROM reason JOIN run ON run = id WHERE code = 12"
run check nobody --from "$W/none" "${C[@]}" --history "$h"
coded 10 "a host without a backup"
is "is remembered too" "nobody||10" "SELECT host, label, code FROM run ORDER BY id DESC LIMIT 1"
run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$h" --depth full --now 2031-05-06T07:08:09Z
is "the time is the check's" "2031-05-06 07:08:09|11" \
	"SELECT datetime(checked_at, 'unixepoch'), code FROM run ORDER BY id DESC LIMIT 1"
is "sound" ok "PRAGMA integrity_check"
is "no row without its run" "" "PRAGMA foreign_key_check"

# Which file.
printf '[policy "default"]\nhistory = %s\n' "$W/p.db" >"$W/p.conf"
run check web01 --from "$W/b/web01.img" --config "$W/p.conf" --scratch "$S"
holds "a policy's history" test "$(sqlite3 "$W/p.db" 'SELECT count(*) FROM run')" = 1
run check web01 --from "$W/b/web01.img" --config "$W/p.conf" --scratch "$S" --history none
holds "none of it" test "$(sqlite3 "$W/p.db" 'SELECT count(*) FROM run')" = 1
printf '[policy "default"]\nhistory = none\n' >"$W/n.conf"
run history --config "$W/n.conf"
coded 20 "none is kept"
run history --config "$W/p.conf"
coded 0 "history by the policy"
run history web01 --history "$h" --config "$W/empty.conf"
coded 0 "history by the option"

# How it is shown.
run history --history "$h" --config "$W/empty.conf"
holds "the last verdict of each host" test "$(grep -c '^web01 \|^nobody ' "$W/out")" = 2
run history web01 --history "$h" --config "$W/empty.conf"
holds "newest first" test "$(awk 'NR > 1 && NF > 4 {print $3}' "$W/out" | head -3 | tr '\n' ' ')" = "stale damaged safe "
run history web01 --history "$h" --config "$W/empty.conf" --format json
holds "JSON" jq -e '.format_version != null and .type == "history" and (.verdicts | length) == 3 and
	(.verdicts[2] | .verdict == "safe" and .exit == 0 and (.checked_at | fromdate) > 0 and
	.restore_point.files[0].fsverity != null and .proofs.restore == "held")' "$W/out"
run history --history "$h" --config "$W/empty.conf" --format jsonl --limit 2
holds "JSON lines" jq -es 'map(.type) == ["verdict", "verdict", "summary"] and .[2].verdicts == 2' "$W/out"
run history --history "$h" --config "$W/empty.conf" --format json
holds "JSON of all hosts" jq -e '(.verdicts | map(.host)) == ["nobody", "web01"] and .verdicts[0].trend.bytes == null' "$W/out"
run history web01 --history "$h" --config "$W/empty.conf" --verbose
holds "details" grep -q "fs-verity" "$W/out"
run history web02 --history "$h" --config "$W/empty.conf"
coded 20 "a host that is not known"
said "the nearest is named" 'is web01 meant'
run history --history "$W/nothing.db" --config "$W/empty.conf"
coded 20 "no history there"
holds "and none is made" test ! -e "$W/nothing.db"
run history a b --history "$h" --config "$W/empty.conf"
coded 64 "two hosts"
run history --history "$h" --config "$W/empty.conf" --format html
coded 64 "a format that it does not write"
run history --history "$h" --config "$W/empty.conf" --policy none-such
run history --config "$W/empty.conf" --policy none-such
coded 78 "no such policy"
run history --history "$h" --config "$W/empty.conf" --output "$h"
coded 70 "a report is not written over the history"
is "... which is as it was" 4 "SELECT count(*) FROM run"
run history --history "$h" --config "$W/empty.conf" --output "$W/report"
holds "--output" grep -q web01 "$W/report"
# Names are anybody's.
cp "$h" "$W/names.db"
sqlite3 "$W/names.db" "UPDATE run SET host = char(27) || '[2Jx' || char(10), label = '<b>\"' || char(7), hostname = x'ff0a' WHERE host = 'web01'"
for f in text json jsonl; do
	run history --history "$W/names.db" --config "$W/empty.conf" --format "$f" --limit 9 --verbose
	holds "$f: nothing gets through to the terminal" sh -c "[ $code = 0 ] && ! LC_ALL=C grep -q '[[:cntrl:]]' '$W/out'"
done
run history --history "$W/names.db" --config "$W/empty.conf" --format jsonl
holds "and JSON it is" jq -es length "$W/out"
# The trend.
for i in 1 2 3 4 5; do
	q "INSERT INTO run SELECT NULL, 'trend', 'p$i', policy, checked_at + $i, taken_at + $i, code, depth, seed, proofs, 1000000, bytes_read, bytes_decoded, image_data, files_sampled, files_restored, files_witnessed, 50000000, 1.0, duration_seconds, hostname, machine_id, system, entries, opaque, confidence, damage, evidence, waiver FROM run WHERE id = 1"
done
q "UPDATE run SET bytes = 1500000, restore_seconds = 2 WHERE label = 'p5'"
run history trend --history "$h" --config "$W/empty.conf" --format json
holds "trend" jq -e '.trend == {bytes: {now: 1500000, median: 1000000}, restore_bytes_per_second: {now: 25000000, median: 50000000}}' "$W/out"
run history trend --history "$h" --config "$W/empty.conf"
holds "trend in words" sh -c "grep -q '+50%' '$W/out' && grep -q -- '-50%' '$W/out'"

# An audit, and two at once.
mkdir "$W/r"
cp "$W/empty.conf" "$W/audit.conf"
printf '[repository "r"]\npath = %s\nlayout = files\nmatch = {host}.img\n' "$W/r" >>"$W/audit.conf"
for i in 01 02 03 04 05 06; do
	ln "$W/b/web01.img" "$W/r/web$i.img"
	printf '[host "web%s"]\nrepository = r\nhostname = web01\n' "$i" >>"$W/audit.conf"
done
rm -f "$h"
run audit --config "$W/audit.conf" --scratch "$S" --history "$h" --depth full --format json
coded 0 "an audit"
is "a row a host" "6|6" "SELECT count(*), count(DISTINCT host) FROM run"
for i in 1 2 3; do
	"$BACKPROOF" audit --config "$W/audit.conf" --scratch "$S" --history "$h" --depth full --format json >"$W/out.$i" 2>"$W/err.$i" &
done
wait
for i in 1 2 3; do
	holds "audit $i beside two others" jq -e '.exit == 0 and (.hosts | map(.notes) | add) == []' "$W/out.$i"
	holds "audit $i: no complaint" test ! -s "$W/err.$i"
done
is "nothing is lost" "24|6" "SELECT count(*), count(DISTINCT host) FROM run"
is "sound after that" ok "PRAGMA integrity_check"
rm -f "$W/new.db"
for i in 1 2 3; do
	"$BACKPROOF" check web01 --from "$W/b/web01.img" "${C[@]}" --history "$W/new.db" --depth full >/dev/null 2>"$W/err.$i" &
done
wait
holds "three make it at once" test "$(sqlite3 "$W/new.db" 'SELECT count(*) FROM run')" = 3

# A backup of less than a block has no chunks.
run check web01 --from "$TOP/fixtures/whole/whole.tar.zst" "${C[@]}" --history "$W/tiny.db" --depth full --hostname web01 --max-age 9000d
coded 0 "a very small one"
holds "... is remembered" test "$(sqlite3 "$W/tiny.db" 'SELECT count(*) FROM file WHERE fsverity IS NOT NULL')" = 1

# Killed at any moment.
rm -f "$h"
for i in 02 04 05 06 07 08 09 10 11 12 13 14 16 20 30; do
	"$BACKPROOF" audit --config "$W/audit.conf" --scratch "$W/killed" --history "$h" --depth full >/dev/null 2>&1 &
	pid=$!
	sleep "0.$i"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
done 2>/dev/null
rm -rf "$W/killed"
[ ! -s "$h" ] || is "killed: sound" ok "PRAGMA integrity_check"
before=$([ -s "$h" ] && q "SELECT count(*) FROM run" || echo 0)
run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$h" --depth full
coded 0 "killed: the next check"
holds "killed: it says nothing" test ! -s "$W/err"
is "killed: and is remembered" $((before + 1)) "SELECT count(*) FROM run"

# A fallback: both points are remembered, and what came of it last.
mkdir "$W/two"
cp --sparse=always "$W/good.img" "$W/two/web01-2026-01-01.img"
cp --sparse=always "$W/b/bad.img" "$W/two/web01-2026-01-02.img"
touch -d '2026-01-01' "$W/two/web01-2026-01-01.img"
touch -d '2026-01-02' "$W/two/web01-2026-01-02.img"
printf '[policy "default"]\nfallback = yes\nmax_age = 9000d\n' >"$W/fallback.conf"
rm -f "$h"
run check web01 --from "$W/two" --config "$W/fallback.conf" --scratch "$S" --history "$h" --depth full
coded 0 "fallback"
is "fallback: both are remembered" "12|web01-2026-01-02.img,0|web01-2026-01-01.img" \
	"SELECT group_concat(code || '|' || label) FROM (SELECT * FROM run ORDER BY id)"

# Where none is named, the usual place is used when somebody has made its directory; quietly not when nobody has.
if unshare -m true 2>/dev/null; then
	(
		export BACKPROOF W S
		unset BACKPROOF_HISTORY
		unshare -m --propagation private sh -c '
			mount -t tmpfs tmpfs /var/lib
			c="check web01 --from $W/b/web01.img --config $W/empty.conf --scratch $S --depth full"
			"$BACKPROOF" $c >"$W/none.out" 2>"$W/none.err"
			mkdir /var/lib/backproof
			"$BACKPROOF" $c >/dev/null 2>"$W/usual.err"
			ls -A /var/lib/backproof >"$W/usual"
			"$BACKPROOF" history --config "$W/empty.conf" >"$W/usual.out"'
	)
	holds "the usual place" grep -qx history.db "$W/usual"
	holds "... is shown" grep -q '^web01 .* safe ' "$W/usual.out"
	holds "nothing is said either way" test ! -s "$W/none.err" -a ! -s "$W/usual.err" -a -s "$W/none.out"
fi

# Who may only read leaves nothing behind that others could not write to.
if [ "$(id -u)" = 0 ]; then
	cp "$BACKPROOF" "$W/backproof"
	mkdir -m 755 "$W/shared"
	cp "$W/new.db" "$W/shared/h.db"
	chmod 644 "$W/shared/h.db"
	chmod 755 "$W/backproof"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$W/backproof" history --history "$W/shared/h.db" \
		--config "$W/empty.conf" >"$W/out" 2>"$W/err"
	code=$?
	coded 0 "somebody else reads it"
	holds "and leaves nothing" test "$(ls -A "$W/shared")" = h.db
	setpriv --reuid 65534 --regid 65534 --clear-groups "$W/backproof" check web01 --from "$W/b/web01.img" \
		--config "$W/empty.conf" --scratch /tmp --history "$W/shared/h.db" --depth full >"$W/out" 2>"$W/err"
	code=$?
	coded 0 "somebody else checks"
	said "and can't write" "can't be written to: Permission denied"
	rm "$W/backproof"
fi

# What can't be used changes no verdict of a full check, in either direction.
unused() { # NAME PATTERN HISTORY: the good is safe, the bad is damaged, and it is told why
	local name=$1 want=$2
	run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$3" --depth full --format json
	verdict_is 0 "$name: safe is safe"
	said "$name: it is told" "not remembered: .*$want"
	holds "$name: in the report too" jq -e --arg want "$want" '.notes | length == 1 and (.[0] | test($want))' "$W/out"
	run check web01 --from "$W/b/bad.img" "${C[@]}" --history "$3" --depth full --format json
	verdict_is 12 "$name: damaged is damaged"
	run audit web01 --config "$W/audit.conf" --scratch "$S" --history "$3" --depth full --format json
	coded 0 "$name: an audit"
	holds "$name: said once" test "$(grep -c 'not remembered' "$W/err")" = 1
}
same() { # NAME FILE COPY
	holds "$1" cmp "$2" "$3"
	holds "$1: nothing beside it" test ! -e "$2-wal" -a ! -e "$2-shm" -a ! -e "$2-journal"
}
unused "no directory" "No such file" "$W/no/h.db"
head -c 5000 /dev/urandom >"$W/x.db"
cp "$W/x.db" "$W/x.copy"
unused "no database" "not a database" "$W/x.db"
same "no database: as it was" "$W/x.db" "$W/x.copy"
run history --history "$W/x.db" --config "$W/empty.conf"
coded 20 "no database: history"
sqlite3 "$W/other.db" "CREATE TABLE run(x); INSERT INTO run VALUES (1)"
cp "$W/other.db" "$W/other.copy"
unused "somebody else's" "another program" "$W/other.db"
same "somebody else's: as it was" "$W/other.db" "$W/other.copy"
cp "$W/new.db" "$W/newer.db"
sqlite3 "$W/newer.db" "PRAGMA user_version = 99; PRAGMA journal_mode = DELETE" >/dev/null
cp "$W/newer.db" "$W/newer.copy"
unused "of a newer version" "newer backproof" "$W/newer.db"
same "of a newer version: as it was" "$W/newer.db" "$W/newer.copy"
cp "$W/new.db" "$W/cut.db"
truncate -s 9000 "$W/cut.db"
unused "cut off" "cut.db" "$W/cut.db"
cp "$W/new.db" "$W/open.db"
chmod 666 "$W/open.db"
unused "that all may write" "everybody may write" "$W/open.db"
mkdir -m 777 "$W/everyone"
unused "in a directory of all" "everybody may write to its directory" "$W/everyone/h.db"
ln -s "$W/nowhere.db" "$W/link.db"
unused "a link to nothing" "no history" "$W/link.db"
holds "nothing is made at its end" test ! -e "$W/nowhere.db"
mkfifo "$W/fifo.db"
unused "a pipe" "not a file" "$W/fifo.db"
if [ "$(id -u)" = 0 ]; then
	mkdir "$W/ro"
	mount -t tmpfs -o size=300k tmpfs "$W/ro" || exit 1
	cp "$W/new.db" "$W/ro/h.db"
	mount -o remount,ro "$W/ro"
	unused "read-only" "can.t be written to: Read-only file system" "$W/ro/h.db"
	run history --history "$W/ro/h.db" --config "$W/empty.conf"
	coded 0 "read-only: it can be looked at"
	mount -o remount,rw "$W/ro"
	head -c 400000 /dev/zero >"$W/ro/fill" 2>/dev/null
	unused "a full disk" "full|No space|disk I/O" "$W/ro/h.db"
	rm "$W/ro/fill"
	run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$W/ro/h.db" --depth full
	coded 0 "room again"
	holds "room again: it is remembered" test "$(sqlite3 "$W/ro/h.db" 'SELECT count(*) FROM run')" -ge 4
	umount "$W/ro"
fi
# A limit on the size of files: none can be written further.
cp "$W/new.db" "$W/limit.db"
(
	ulimit -f 64
	"$BACKPROOF" check web01 --from "$W/b/web01.img" "${C[@]}" --history "$W/limit.db" --depth full >"$W/out" 2>"$W/err"
	echo $? >"$W/status"
)
holds "a limit on files: no crash" test "$(cat "$W/status")" -lt 100
# Locked for longer than anybody waits: read all the same, and the verdict stands.
cp "$W/new.db" "$W/locked.db"
(
	echo "PRAGMA locking_mode = NORMAL; BEGIN EXCLUSIVE;"
	while [ ! -e "$W/release" ]; do sleep 0.1; done
	echo "ROLLBACK;"
) | sqlite3 "$W/locked.db" >/dev/null &
locker=$!
sleep 0.5
run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$W/locked.db" --depth full --format json
verdict_is 0 "locked: safe is safe"
said "locked: it is told" "another program has locked it"
run history --history "$W/locked.db" --config "$W/empty.conf"
coded 0 "locked: it can be looked at"
: >"$W/release"
wait "$locker"
holds "locked: nothing came of it" test "$(sqlite3 "$W/locked.db" 'SELECT count(*) FROM run')" = 3
run check web01 --from "$W/b/web01.img" "${C[@]}" --history "$W/locked.db" --depth full
holds "free again" test "$(sqlite3 "$W/locked.db" 'SELECT count(*) FROM run')" = 4
finish
