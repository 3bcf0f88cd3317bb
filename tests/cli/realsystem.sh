#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real Debian system: safe as a raw image, compressed, and copied while it was mounted and written to.
SCRATCH=disk
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
if ! "$TOP/fixtures/make-debian-image.sh" --fetch >"$W/log" 2>&1; then
	tail -n 3 "$W/log"
	skip "a real Debian system (neither cached nor to be fetched)"
	finish
fi
[ "$(id -u)" != 0 ] || export DEBIAN_TREE=$W/tree
"$TOP/fixtures/make-debian-image.sh" "$W/web01.img" --host web01 || exit 1
img=$W/web01.img
root=$((65 << 20))
expect 0 "raw" web01 --from "$img"
expect 0 "raw, every file" web01 --from "$img" --depth full --sample-files 100000 --sample-bytes 10G
holds "thousands of files were restored" jq -e '.measures.files_restored > 3000 and .measures.files_witnessed > 2000' "$W/out"
zstd -q -T0 -1 "$img" -o "$W/web01.img.zst"
expect 0 "zst" web01 --from "$W/web01.img.zst"
expect 13 "another host" db01 --from "$W/web01.img.zst"
truncate -s -10000000 "$W/web01.img.zst"
expect 12 "zst, cut" web01 --from "$W/web01.img.zst"
rm "$W/web01.img.zst"

for path in /usr/bin/perl /boot/vmlinuz-$(debugfs -R 'ls -p /boot' "$img?offset=$root" 2>/dev/null | sed -n 's|.*/vmlinuz-\([^/]*\)/.*|\1|p'); do
	at=$(ROOT_OFFSETS=$root file_offset "$img" "$path" 1000000) || exit 1
	flip "$img" "$at"
	expect 12 "byte changed in $path" web01 --from "$img" --depth full
	flip "$img" "$at"
done

"$TOP/fixtures/make-debian-image.sh" "$W/mbr.img" --host web01 --table mbr || exit 1
expect 0 "MBR" web01 --from "$W/mbr.img"
rm "$W/mbr.img"
"$TOP/fixtures/make-debian-image.sh" "$W/old.img" --host web01 --age 432000 || exit 1
expect 11 "not written for five days" web01 --from "$W/old.img"
rm "$W/old.img"

# Changed on purpose by the administrator: no damage.
mkdir "$W/mnt"
if [ "$(id -u)" = 0 ] && mount -o "loop,offset=$root" "$img" "$W/mnt" 2>/dev/null; then
	echo '# by hand' >>"$W/mnt/etc/bash.bashrc"
	printf '#!/bin/sh\nexit 0\n' >"$W/mnt/usr/bin/which.debianutils"
	rm -f "$W/mnt/usr/bin/tac"
	mkdir "$W/mnt/srv/data"
	for i in $(seq 300); do echo "row $i" >"$W/mnt/srv/data/$i"; done
	umount "$W/mnt"
	expect 0 "files changed by the administrator" web01 --from "$img"

	# Copies of a file system in use are like a machine that lost power.
	mount -o "loop,offset=$root" "$img" "$W/mnt"
	(i=0; while :; do
		i=$((i + 1))
		echo "line $i" >>"$W/mnt/var/log/busy.log"
		head -c 20000 /dev/urandom >"$W/mnt/srv/data/new-$((i % 50))"
		rm -f "$W/mnt/srv/data/$((i % 300))"
		[ $((i % 20)) != 0 ] || sync -f "$W/mnt"
		sleep 0.005
	done) 2>/dev/null &
	writer=$!
	for copy in 1 2 3; do
		sleep 0.5
		how=stopped
		if [ $copy = 1 ] && fsfreeze -f "$W/mnt" 2>/dev/null; then
			how=frozen
			cp --sparse=always "$img" "$W/busy.img"
			fsfreeze -u "$W/mnt"
		else
			# All of one moment, but the journal is still to be replayed.
			kill -STOP $writer
			sleep 0.1
			sync -f "$W/mnt"
			cp --sparse=always "$img" "$W/busy.img"
			kill -CONT $writer
		fi
		run check web01 --from "$W/busy.img" --config "$W/empty.conf" --scratch "$S" --format json
		case $code in
		0 | 20) verdict_is "$code" "mounted and $how, copy $copy: safe or cannot tell (it was $code)" ;;
		*) verdict_is 0 "mounted and $how, copy $copy: safe or cannot tell" ;;
		esac
	done
	kill $writer && wait $writer 2>/dev/null
	sleep 0.2
	cp --sparse=always "$img" "$W/busy.img"
	run check web01 --from "$W/busy.img" --config "$W/empty.conf" --scratch "$S" --format json
	case $code in
	0 | 20) verdict_is "$code" "mounted and at rest: safe or cannot tell (it was $code)" ;;
	*) verdict_is 0 "mounted and at rest: safe or cannot tell" ;;
	esac
	umount "$W/mnt"
else
	echo "# no loop mounts here: copies of a mounted file system were not tried"
fi
finish
