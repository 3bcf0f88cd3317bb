#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which files are taken for the newest backup of a host, and what becomes of an older one.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
now=$(date +%s)
day=$(date -u -d "@$now" +%F)
before=$(date -u -d "@$((now - 86400))" +%F)
mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/new.img" "$W/efi"
mk_disk "$W/old.img" "$W/efi" --age 86400
zstd -q "$W/new.img" -o "$W/new.zst"
zstd -q "$W/old.img" -o "$W/old.zst"
touch -d "@$((now - 86400))" "$W/old.zst"
d=$W/dir
clean() { rm -rf "$d" && mkdir "$d"; }
put() { mkdir -p "$(dirname "$d/$2")" && cp -p "$W/$1.zst" "$d/$2"; }
taken() { # NAME PATTERN: the paths of the restore point that was judged
	holds "$1" jq -e --arg p "$2" '[.restore_point.paths[] | test($p)] | length > 0 and all' "$W/out"
}

clean
expect 10 "empty directory" web01 --from "$d"
echo hello >"$d/README"
expect 10 "nothing but a note" web01 --from "$d"
mk_tree "$W/db" db01 ffff0000ffff0000ffff0000ffff0000 efi
mk_disk "$W/db.img" "$W/db"
zstd -q "$W/db.img" -o "$W/db.zst"
clean && put db db01.img.zst
run check web01 --from "$d" --config "$W/empty.conf" --scratch "$S" --format json
case $code in
10 | 13) verdict_is "$code" "only another host's backup" ;;
*) verdict_is 10 "only another host's backup" ;;
esac
clean && put new web01.img.zst.part
expect 10 "only an unfinished file" web01 --from "$d"
for name in .web01.img.zst.aB3dE9 web01.img.zst.tmp web01.img.zst.filepart; do
	clean && put new "$name"
	expect 10 "only an unfinished file: $name" web01 --from "$d"
done
expect 10 "nothing is there, in a directory that is" web01 --from "$W/not-there"
expect 20 "nor is the directory" web01 --from "$W/not-there/web01"
clean && put new web01.img.zst
expect 13 "one of two parts is not there" web01 --from "$d/web01.img.zst" --from "$d/web01-sdb.img.zst"
clean && put new web01.img.zst
expect 0 "one file in a directory" web01 --from "$d"
clean && put new web01.img.zst && put db db01.img.zst
expect 0 "beside another host's" web01 --from "$d"
taken "beside another host's: its own is taken" '/web01\.img\.zst$'
clean && put new "web01-$before.img.zst" && put db "web01-db-$day.img.zst"
expect 0 "beside a newer one of a host with a longer name" web01 --from "$d" --max-age 3d
taken "... its own is taken" "/web01-$before"
expect 13 "asked for that host, and it is another" web01-db --from "$d"
# Inside is "web01", which may be in any domain.
for name in "web01.other.org-$day.img.zst" web01.other.org.img.zst "web01.other.org/$day/sda.img.zst"; do
	clean && put new "$name"
	expect 0 "$name, asked by its name" web01.other.org --from "$d"
	expect 20 "$name, asked for in another domain" web01.example.com --from "$d"
	holds "... it says so" jq -e 'any(.reasons[]; contains("inside is only \"web01\", and the backup is called \"web01.other.org"))' "$W/out"
done
for name in web01.img.zst "web01-$day.img.zst" "web01.lvm.img.zst" "web01/$day/sda.img.zst" "web01.example.com/web01.img.zst"; do
	clean && put new "$name"
	expect 0 "$name, asked for with a domain" web01.example.com --from "$d"
done
expect 0 "... the machine id says whose it is" web01.example.com --machine-id "$ID" --from "$d"
clean && put new web01.other.org.img.zst
expect 0 "called by another domain, the machine id says whose it is" web01.example.com --machine-id "$ID" --from "$d"
clean && put old "web01-$before.img.zst" && put new "web01-$day.img.zst"
expect 0 "the newest of two by date in the name" web01 --from "$d"
taken "the newest of two is taken" "/web01-$day"
clean && put old "web01/$before/sda.img.zst" && put new "web01/$day/sda.img.zst"
expect 0 "a directory for each day" web01 --from "$d"
taken "a directory for each day: newest taken" "/$day/"
clean && put old "web01/$before/sda.img.zst" && mkdir "$W/store" && cp -p "$W/new.zst" "$W/store/sda.img.zst"
ln -s "$W/store" "$d/web01/$day"
expect 20 "the newest is reached by a link only, the older one is young enough" web01 --from "$d" --max-age 3d
holds "... which is named" jq -e --arg p "web01/$day" 'any(.reasons[]; test($p + " is a link to a directory"))' "$W/out"
ln -sfn "$W/nowhere" "$d/web01/$day"
expect 20 "... or by one that leads nowhere" web01 --from "$d" --max-age 3d
ln -sfn "$before" "$d/web01/$day" && mv "$d/web01/$day" "$d/web01/latest"
expect 0 "a link to what was looked through" web01 --from "$d" --max-age 3d
rm -r "$W/store"
clean && put old "web01-$before.img.zst" && put new "web01-$day.img.zst.part"
expect 11 "newer one unfinished, older one too old" web01 --from "$d"
expect 0 "newer one unfinished, older one young enough" web01 --from "$d" --max-age 3d
taken "newer one unfinished: older one taken" "/web01-$before"
clean && put old "web01-$before.img.zst" && put new "web01-$day.img.zst"
flip "$d/web01-$day.img.zst" 500000
expect 12 "newest one damaged: an older one does not help" web01 --from "$d" --max-age 3d
: >"$d/web01-$day.img.zst"
expect 12 "newest one empty" web01 --from "$d" --max-age 3d

# Partitions saved one by one, with the tables of their disk by dd.
by_partition() {
	clean && mkdir -p "$d/web01/$day"
	sfdisk -J "$W/new.img" | jq -r '.partitiontable.partitions[] | "\(.start) \(.size)"' >"$W/partitions"
	while read -r start size; do
		n=$((${n:-0} + 1))
		dd if="$W/new.img" bs=512 skip="$start" count="$size" status=none | gzip -n >"$d/web01/$day/sda$n.img.gz"
	done <"$W/partitions"
	dd if="$W/new.img" of="$d/web01/$day/mbr.bin" bs=512 count=1 status=none
	dd if="$W/new.img" of="$d/web01/$day/sda-gpt.img" bs=512 count=34 status=none
	n=0
}
by_partition
expect 0 "partitions one by one, and the first sectors of their disk" web01 --from "$d"
taken "... these are of it" "/web01/$day/"
(cd "$d/web01/$day" && sha256sum ./* >SHA256SUMS) && flip "$d/web01/$day/mbr.bin" 9
expect 12 "... and are held against their digests" web01 --from "$d"
by_partition && rm "$d/web01/$day/"sda?.img.gz
expect 12 "nothing but the first sectors of a disk" web01 --from "$d"
by_partition && rm "$d/web01/$day/sda1.img.gz"
expect 13 "one partition is missing" web01 --from "$d"
by_partition && cp "$W/new.img" "$d/web01/$day/gpt.img" && flip "$d/web01/$day/gpt.img" 520
expect 12 "a whole disk is no copy of a table, whatever it is called" web01 --from "$d"

# One after the other, each with a minute of its own in its name.
by_partition && mkdir "$W/parts" && mv "$d/web01/$day/"sda?.img.gz "$W/parts"
count=$(find "$W/parts" -name '*.gz' | wc -l)
run_of() { # SECONDS AGO, SECONDS APART [PAUSE]: one run of all partitions
	local n to
	for ((n = 1; n <= count; n++)); do
		to=$d/web01-sda$n-$(date -d "@$((now - $1 + (n - 1) * $2))" +%Y%m%d-%H%M%S).img.gz
		cp "$W/parts/sda$n.img.gz" "$to"
		touch -d "@$((now - $1 + n * $2 - ${3-1}))" "$to"
	done
}
lose() { rm "$(find "$d" -name "web01-sda$1-*" | sort | tail -n 1)"; } # NUMBER: the newest of that partition
taken_all() { holds "... $1 files are of it" jq -e --argjson n "$1" '.restore_point.paths | length == $n' "$W/out"; }
clean && run_of 7200 420
expect 0 "partitions one by one, each at its minute" web01 --from "$d"
taken_all "$count"
run_of 86400 420
expect 0 "... and the run before" web01 --from "$d"
taken_all "$count"
oldest=$(find "$d" -name 'web01-sda1-*' | sort | tail -n 1)
cp -p "$oldest" "$W/oldest" && flip "$oldest" 3000 && touch -r "$W/oldest" "$oldest"
expect 12 "... its oldest file is damaged" web01 --from "$d"
for ((n = 1; n <= count; n++)); do
	for ago in 86400 10800; do
		clean && run_of "$ago" 420 && run_of 7200 420 && lose "$n"
		expect 13 "partition $n is lost, of a run $ago s ago it is there" web01 --from "$d" --max-age 3d
	done
done
clean && run_of 72000 30000 400
expect 13 "each at its time, with a pause" web01 --from "$d"
clean && run_of 7200 2400
rm "$d"/web01-sda1-*
cp "$W/parts/sda1.img.gz" "$d/web01-sda1-$(date -d "@$((now - 600))" +%Y%m%d-%H%M%S).img.gz"
expect 13 "the next run has lost all but one" web01 --from "$d"
clean && run_of 80000 420
expect 11 "partitions one by one: too old" web01 --from "$d" --max-age 22h
clean && run_of 7200 420 && mv "$(find "$d" -name 'web01-sda1-*')" "$d/web02-sda1-$(date -d "@$((now - 7200))" +%Y%m%d-%H%M%S).img.gz"
expect 13 "one of them is another host's" web01 --from "$d"

config() { # POLICY LINES, with the repository at $d
	printf '[repository "nas"]\npath = %s\nlayout = files\nmatch = %s\n[policy "default"]\n%b\n[host "web01"]\nrepository = nas\n' "$d" "$1" "$2" >"$W/c.conf"
}
with() { # CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run check "$@" --config "$W/c.conf" --scratch "$S" --format json
	verdict_is "$want" "$name"
}
clean && put old "web01/$before/sda.img.zst" && put new "web01/$day/sda.img.zst"
config '{host}/{date}/*.img.zst' 'max_age = 3d'
with 0 "configured repository" web01
taken "configured repository: newest taken" "/$day/"
flip "$d/web01/$day/sda.img.zst" 500000
with 12 "configured repository: newest damaged" web01
clean && put old "$before/web01.img.zst" && put new "$day/web01.img.zst" && put db "$day/web01-db.img.zst"
printf '[repository "nas"]\npath = %s\n[host "web01"]\n' "$d" >"$W/c.conf"
with 0 "no pattern, a directory for each day" web01
taken "... the newest is taken" "/$day/web01[.]img"
with 10 "... of a host that is not in it" web02
flip "$d/$day/web01.img.zst" 500000
with 12 "... and is damaged" web01
clean && put old "web01/$before/sda.img.zst" && put new "web01/$day/sda.img.zst" && flip "$d/web01/$day/sda.img.zst" 500000
config '{host}/{date}/*.img.zst' 'max_age = 3d\nfallback = yes'
with 0 "fallback: older one is judged" web01
holds "fallback: both are in the report" grep -q "$day" "$W/out"
holds "fallback: both are in the report (older)" grep -q "$before" "$W/out"
flip "$d/web01/$before/sda.img.zst" 500000
with 12 "fallback: both damaged" web01
config '{host}/{date}/*.img.zst' 'max_age = 1h\nfallback = yes'
clean && put old "web01/$before/sda.img.zst" && put new "web01/$day/sda.img.zst" && flip "$d/web01/$day/sda.img.zst" 500000
run check web01 --config "$W/c.conf" --scratch "$S" --format json
if [ "$code" != 0 ]; then ok "fallback: older one too old"; else why "not 0" | not_ok "fallback: older one too old"; fi

clean && run_of 86400 420 && run_of 7200 420
config '{host}-*.img.gz' 'max_age = 3d'
with 0 "a pattern; partitions one by one, each at its minute" web01
taken_all "$count"
lose 1
with 13 "... of which one is lost" web01

config '{host}/{date}/*.img.zst' 'max_age = 3d\nmin_size = 1G'
clean && put new "web01/$day/sda.img.zst"
run check web01 --config "$W/c.conf" --scratch "$S" --format json
if [ "$code" != 0 ]; then ok "smaller than min_size"; else why "not 0" | not_ok "smaller than min_size"; fi
config '{host}/{date}/*.img.zst' 'max_age = 3d\ncritical = /etc/fstab /etc/passwd'
with 0 "critical files are there" web01
config '{host}/{date}/*.img.zst' 'max_age = 3d\ncritical = /etc/fstab /opt/app/license'
run check web01 --config "$W/c.conf" --scratch "$S" --format json
if [ "$code" = 12 ] || [ "$code" = 13 ]; then ok "a critical file is missing"; else why "12 or 13" | not_ok "a critical file is missing"; fi
finish
