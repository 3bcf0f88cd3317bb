#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# NTFS and exFAT as a user meets them: the same trees as ntfs-3g's tools and mounts give, and damage is never safe.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

b() { # WANTED-CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run "$@" --scratch "$S"
	if [ "$code" = "$want" ]; then ok "$name"; else why "$want" | not_ok "$name"; fi
}
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0r sha256sum); }
# same NAME IMAGE LIST: all files come out, with those sums.
same() {
	rm -rf "$W/out.d" && mkdir "$W/out.d"
	run extract "$2" / -C "$W/out.d" --scratch "$S"
	sums "$W/out.d" >"$W/ours"
	holds "$1: extracted files are those of the mount" diff "$3" "$W/ours"
}

for fs in ntfs exfat; do
	for packed in "$TOP/fixtures/$fs"/*.img.zst; do
		name=$fs-$(basename "$packed" .img.zst)
		zstd -qdf "$packed" -o "$W/v.img"
		same "$name" "$W/v.img" "${packed%.img.zst}.sums"
		b 0 "$name: list" inspect "$W/v.img" --ls
		holds "$name: the list names a file deep down" grep -q 'deep/a' "$W/out"
	done
done

# Compressed by the system: all but what is kept in a WIM file comes out.
zstd -qdf "$TOP/fixtures/ntfs/compact/compact.img.zst" -o "$W/v.img"
LC_ALL=C sort -k2 "$TOP/fixtures/ntfs/compact/compact.sums" >"$W/list"
same "compact" "$W/v.img" "$W/list"
b 20 "compact: a file in a WIM file" inspect "$W/v.img" --cat in-a-wim

# What Windows wrote, against ntfs-3g's tools.
zstd -qdf "$TOP/fixtures/third-party/windows_volume.qcow2.zst" -o "$W/w.qcow2"
qemu-img convert -O raw "$W/w.qcow2" "$W/w.img"
ntfscat "$W/w.img" Windows/System32/config/syslog >"$W/theirs"
for image in "$W/w.img" "$W/w.qcow2"; do
	b 0 "Windows: cat from $(basename "$image")" inspect "$image" --cat /windows/SYSTEM32/config/syslog
	holds "Windows: $(basename "$image") gives the bytes that ntfscat gives" cmp "$W/out" "$W/theirs"
done

# A larger tree through the mount, where FUSE works here: many files, deep paths, several shapes of clusters.
mkdir "$W/m"
mounted() { ntfs-3g -o compression "$1" "$W/m" 2>"$W/fuse"; }
tree() {
	local i
	mkdir -p "$W/m/many" "$W/m/a/b/c/d/e/f" "$W/m/packed"
	setfattr -h -n system.ntfs_attrib_be -v 0x00000800 "$W/m/packed" 2>/dev/null || true
	for ((i = 0; i < 1200; i++)); do echo "$i" >"$W/m/many/file $i.txt"; done
	for ((i = 0; i < 1200; i += 3)); do rm "$W/m/many/file $i.txt"; done
	seq 1 200000 >"$W/m/packed/numbers"
	head -c 5000000 /dev/urandom >"$W/m/a/b/c/d/e/f/random"
	# one that is in hundreds of pieces
	for ((i = 0; i < 120; i++)); do printf x | dd of="$W/m/a/pieces" bs=1 seek=$((i * 262144)) conv=notrunc status=none; done
}
for options in "-c 4096" "-c 512" "-c 65536" "-s 4096 -c 4096"; do
	truncate -s 0 "$W/v.img" && truncate -s 64M "$W/v.img"
	# shellcheck disable=SC2086
	mkntfs -F -Q $options "$W/v.img" >/dev/null 2>&1
	if mounted "$W/v.img"; then
		tree
		sums "$W/m" >"$W/list"
		umount "$W/m"
	else
		# Without FUSE: what ntfscp can put there.
		seq 1 200000 >"$W/numbers"
		ntfscp -q "$W/v.img" "$W/numbers" numbers
		ntfscat "$W/v.img" numbers | sha256sum | sed 's,-$,./numbers,' >"$W/list"
	fi
	same "mkntfs $options" "$W/v.img" "$W/list"
done

# Through the gate: a volume alone is no whole host, but damage has to come first.
zstd -qdf "$TOP/fixtures/ntfs/c4096.img.zst" -o "$W/good.img"
size=$(stat -c %s "$W/good.img")
mft=$(($(od -An -tu8 -j48 -N8 "$W/good.img") * 4096))
for where in 510 $((size - 500)) $((mft + 510)) $((mft + 5 * 1024 + 1022)) $((mft + 64 * 1024 + 510)); do
	cp "$W/good.img" "$W/web01.img"
	flip "$W/web01.img" "$where"
	run check web01 --from "$W/web01.img" --config "$W/empty.conf" --scratch "$S" --format json --depth full
	verdict_is 12 "NTFS: a flipped bit at $where"
done
# A machine that sleeps keeps its newest changes elsewhere.
for state in HIBR wake; do
	cp "$W/good.img" "$W/web01.img"
	{ printf $state && head -c 8188 /dev/zero; } >"$W/hiber"
	ntfscp -f -q "$W/web01.img" "$W/hiber" hiberfil.sys >/dev/null
	run check web01 --from "$W/web01.img" --config "$W/empty.conf" --scratch "$S" --format json --depth full
	verdict_is 20 "hibernation file: $state"
	want=0
	[ $state = HIBR ] && want=1
	holds "hibernation file: $state: $want finding" jq -e --argjson n $want \
		'[.findings[] | select(.check == "ntfs.hibernation")] | length == $n' "$W/out"
done
for cut in $((size / 3)) $((size - 4096)); do
	cp "$W/good.img" "$W/web01.img"
	truncate -s "$cut" "$W/web01.img"
	run check web01 --from "$W/web01.img" --config "$W/empty.conf" --scratch "$S" --format json --depth full
	verdict_is 12 "NTFS: cut to $cut bytes"
done
finish
