#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What confines a reader is said, can be demanded, and changes nothing of what a check finds out.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$W" || exit 1

mkdir -p tree/etc tree/boot tree/sub
echo web01 >tree/etc/hostname
head -c 300000 /dev/urandom >tree/sub/data
mkdir secret && chmod 700 secret
truncate -s 16M secret/web01.img
mke2fs -q -t ext4 -d tree secret/web01.img || exit 1
zstd -q secret/web01.img -o secret/web01.img.zst
qemu-img convert -O qcow2 secret/web01.img secret/web01.qcow2
tar -C tree -cf secret/web01.tar .
gzip -k secret/web01.tar
chmod 600 secret/*
sync -f secret # what has no place on the disk yet is no hole

# What a check says, without what differs from run to run (what is reserved and cached is no hole) and who said it.
said() {
	jq 'del(.checked_at, .confinement, .measures.duration_seconds, .measures.restore_bytes_per_second,
		.measures.restore_seconds, .restore_point.age_seconds)
		| .findings |= map(if .detail then .detail |= (gsub("[0-9.]+ [KMG]iB/s"; "RATE") |
			gsub("[0-9]+ of them are holes|[0-9]+ [KM]iB read, holes of [0-9]+ [KM]iB"; "HOLES")) else . end)' "$W/out"
}
for backup in secret/*; do
	run check web01 --from "$backup" --config "$W/empty.conf" --scratch "$S" --format json --seed 7 --now 2030-01-01T00:00:00Z
	confined=$code
	holds "${backup##*/}: confined" jq -e '.confinement | .reader and .no_new_privs and .seccomp and .files > 0' out
	said >with
	run check web01 --from "$backup" --config "$W/empty.conf" --scratch "$S" --format json --seed 7 --now 2030-01-01T00:00:00Z --no-confine
	holds "... and not, with --no-confine" jq -e '.confinement.reader == false' out
	said >without
	holds "... which changes nothing else (exit $code)" test "$code" = "$confined"
	holds "... of what is said" diff with without
	for what in "inspect $backup" "inspect $backup --format json" "inspect $backup --ls" "inspect $backup --cat /etc/hostname"; do
		# shellcheck disable=SC2086
		run $what --scratch "$S"
		first=$code && cp out with
		# shellcheck disable=SC2086
		run $what --scratch "$S" --no-confine
		holds "$what: the same (exit $code)" test "$code" = "$first"
		holds "... to the letter" cmp with out
	done
done

# Each of these can be read by root alone: a reader that is somebody else gets what is opened for it.
if [ "$(id -u)" = 0 ]; then
	expect 0 "a backup that only its owner can read" web01 --from secret/web01.img.zst
	holds "... by somebody who is not its owner" jq -e '.confinement.account != null and .confinement.account != "root"' out
	mkdir to
	run extract secret/web01.img.zst sub/data -C to
	holds "what is restored is who restores it" test "$code $(stat -c %u to/sub/data)" = "0 0"
	holds "... and what was there" cmp to/sub/data tree/sub/data
	install -d -o nobody theirs
	run extract secret/web01.img.zst sub/data -C theirs
	holds "... also in a directory of another" cmp theirs/sub/data tree/sub/data
fi

# What lies beside it counts, and a name that leads elsewhere does not.
(cd secret && sha256sum web01.img.zst >web01.img.zst.sha256)
expect 0 "a sidecar in a closed directory" web01 --from secret/web01.img.zst
holds "... was read" jq -e '.findings[] | select(.check == "sidecar.digest" or .check == "integrity.digest" or (.detail // "" | test("sha256|SHA-256"; "i")))' out
mkdir -p away/from/it
mv secret/web01.img.zst.sha256 away/from/it/
ln -s "$W/away/from/it/web01.img.zst.sha256" secret/web01.img.zst.sha256
expect 20 "a sidecar that is a link out of the place is not followed, and not passed over" web01 --from secret/web01.img.zst
rm secret/web01.img.zst.sha256

# A directory that is a link lies in two places: what is beside its name speaks, too.
mkdir by_name apart && ln -s ../secret by_name/link
echo "$(printf '0%.0s' {1..64})  link/web01.img.zst" >by_name/SHA256SUMS
expect 12 "a list of sums beside a directory that is a link" web01 --from by_name/link/web01.img.zst
rm by_name/SHA256SUMS
(cd by_name && sha256sum link/web01.img.zst) >apart/sums
ln -s ../apart/sums by_name/SHA256SUMS
expect 20 "a list above that is a link out of the place: not followed, and not passed over" web01 --from by_name/link/web01.img.zst
holds "... which is told" jq -e 'any(.findings[]; .check == "sidecar.read" and .outcome == "unreadable")' out
rm -r by_name
# Somebody who does not want to know how his children end does not keep us from it.
python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$BACKPROOF" check web01 --from secret/web01.img.zst --config empty.conf --scratch "$S" --format json >out 2>err
code=$?
verdict_is 0 "started with children ignored"

# One that dies while it waits for an answer is told by how it died.
printf '[policy "default"]\nmax_age = 24h\nrate_limit = 100K\n' >slow.conf
"$BACKPROOF" check web01 --from secret/web01.img.zst --config slow.conf --scratch "$S" --format json --history "$W/slow.history" >out 2>err &
gate=$! reader=
for ((i = 0; i < 200 && ${#reader} == 0; i++)); do
	sleep 0.05
	reader=$(pgrep -P $gate)
done
sleep 0.5
kill -SEGV "$reader"
wait $gate
code=$?
verdict_is 20 "a reader that is killed while it reads"
holds "... is told, and nothing of memory that ran out" jq -e '(.reasons[0] | test("it crashed .Segmentation fault")) and
	(any(.reasons[]; test("memory")) | not)' out

# Policy.
printf '[policy "default"]\nmax_age = 24h\nconfine = required\n' >required.conf
run check web01 --from secret/web01.img.zst --config required.conf --scratch "$S" --format json
verdict_is 0 "confine = required"
run check web01 --from secret/web01.img.zst --config required.conf --scratch "$S" --no-confine
holds "... refuses --no-confine" test "$code" = 78
holds "... and says why" grep -q 'confine = required' out
printf '[policy "default"]\nmax_age = 24h\nconfine = no\n' >no.conf
run check web01 --from secret/web01.img.zst --config no.conf --scratch "$S" --format json
verdict_is 0 "confine = no"
holds "... is told" jq -e '.confinement.reader == false' out
run check web01 --from secret/web01.img.zst --scratch "$S" --config "$W/empty.conf" --show-confinement
holds "--show-confinement shows" grep -q 'seccomp: only the calls it needs' out
run check web01 --from secret/web01.img.zst --scratch "$S" --config no.conf --show-confinement
holds "... also that nothing is" grep -q 'not confined' out
run check --show-confinement
holds "... and is no check by itself" test "$code" = 64
run reader
holds "a reader that nobody has asked for is a usage error" test "$code" = 64

# Without /proc there is no program to start: nothing is proved.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' - "$BACKPROOF" check web01 --from secret/web01.img.zst \
		--config "$W/empty.conf" --scratch "$S" --format json >out 2>err
	holds "a reader that can't be started: cannot-tell" test $? = 20
	holds "... with the reason" jq -e '.reasons[0] | test("starting a reader")' out
fi
finish
