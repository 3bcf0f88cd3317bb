#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# More ways to be taken in: bases of the same name, mirrors of which one half is bad, disks that pass for notes, and
# files that come out of a backup wrong or not at all.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
fresh() { rm -rf "$W/b" && mkdir "$W/b"; }
never() { # NAME HOST ARGUMENTS...: anything but safe
	local name=$1
	shift
	run check "$@" --config "$W/empty.conf" --scratch "$S" --format json
	if [ "$code" != 0 ]; then ok "$name"; else why "anything but 0" | not_ok "$name"; fi
}

# What comes out of an archive is proved by the archive's end alone.
mkdir -p "$W/t/srv" && noise 3 600000 >"$W/t/srv/a" && noise 4 600000 >"$W/t/srv/z" && ln -s a "$W/t/srv/link"
tar -C "$W/t" -cf "$W/t.tar" srv && zstd -q --check "$W/t.tar" -o "$W/t.tar.zst" && gzip -k "$W/t.tar"
for kind in zst gz; do
	mkdir "$W/copy"
	run extract "$W/t.tar.$kind" srv/a -C "$W/copy"
	holds "extract from .tar.$kind" test "$code" = 0
	holds "the file is right" cmp "$W/copy/srv/a" "$W/t/srv/a"
	flip "$W/t.tar.$kind" 300000
	run inspect "$W/t.tar.$kind" --cat srv/a
	holds "--cat from a damaged .tar.$kind" test "$code" = 12
	rm -rf "$W/copy" && mkdir "$W/copy"
	run extract "$W/t.tar.$kind" srv/a -C "$W/copy"
	holds "extract from a damaged .tar.$kind" test "$code" = 12
	rm -rf "$W/copy"
done
run inspect "$W/t.tar" --cat srv/link
holds "--cat of a link in an archive is no empty file" test "$code" = 20
run inspect "$raw" --cat /etc/os-release
holds "--cat of a link is no empty file" test "$code" = 20
holds "it says where the link leads" grep -q usr/lib/os-release "$W/err"
run inspect "$raw" --cat usr/lib/os-release
holds "--cat of a file" test "$code" = 0

# A file system whose log can't be replayed shows older files: they are given out, and not as what was asked for.
cp "$F/bare-ext4.img" "$W/dirty.img"
block=$(debugfs -R 'blocks <8>' "$W/dirty.img" 2>/dev/null | awk '{print $1}')
size=$(dumpe2fs -h "$W/dirty.img" 2>/dev/null | awk '/^Block size:/ {print $3}')
run inspect "$W/dirty.img" --cat etc/hostname
holds "--cat, log clean" test "$code" = 0
debugfs -w -R 'feature needs_recovery' "$W/dirty.img" >/dev/null 2>&1
flip "$W/dirty.img" $((block * size + 4))
run inspect "$W/dirty.img" --cat etc/hostname
holds "--cat, log not replayed" test "$code" != 0
never "log not replayed" web01 --from "$W/dirty.img"

# Two machines' directories with a base of one name: each chain gets its own.
mkdir -p "$W/c/a" "$W/c/b" "$W/c/d"
qemu-img convert -O qcow2 "$raw" "$W/c/a/base.qcow2" && qemu-img convert -O qcow2 "$F/gpt-old.img" "$W/c/b/base.qcow2" || exit 1
for d in a b d; do (cd "$W/c/$d" && qemu-img create -q -u -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 32M); done
mkdir "$W/c/e" && cp "$W/c/a/base.qcow2" "$W/c/e/"
expect 0 "a base in the same directory" web01 --from "$W/c/a/top.qcow2" --from "$W/c/a/base.qcow2"
expect 11 "an old base in the same directory, a fresh one of its name elsewhere" web01 \
	--from "$W/c/a/base.qcow2" --from "$W/c/b/top.qcow2" --from "$W/c/b/base.qcow2"
expect 20 "two bases of one name, both elsewhere" web01 \
	--from "$W/c/a/base.qcow2" --from "$W/c/d/top.qcow2" --from "$W/c/e/base.qcow2"
(cd "$W/c/d" && qemu-img create -q -u -f qcow2 -b ../a/base.qcow2 -F qcow2 top.qcow2 32M)
run inspect "$W/c/b/base.qcow2" "$W/c/d/top.qcow2" "$W/c/a/base.qcow2" --format json
holds "a name with a directory means the file there" jq -e \
	'[.. | objects | select(.path? and (.path | endswith("a/base.qcow2")))] | length > 0' "$W/out"
rm -rf "$W/c"
for order in "gpt gpt-old" "gpt-old gpt"; do
	# shellcheck disable=SC2086
	set -- $order
	expect 11 "the same disk twice, one of them old: $1, $2" web01 --from "$F/$1.img" --from "$F/$2.img"
done

# Both halves of a mirror: the machine that comes back reads either. Metadata as in fixtures/md/make.py.
half() { # FILE-SYSTEM OUT SELF: a member behind an ESP
	python3 - "$1" "$W/member" "$3" <<-'END'
		import struct, sys
		fs, me = open(sys.argv[1], "rb").read(), int(sys.argv[3])
		sb, size, data = bytearray(512), len(fs) // 512, 2048
		struct.pack_into("<II", sb, 0, 0xa92b4efc, 1)
		sb[16:32], sb[32:39] = bytes(range(16)), b"web01:0"
		struct.pack_into("<QIIQII", sb, 64, 1600000000, 1, 0, size, 0, 2)
		struct.pack_into("<QQQQI", sb, 128, data, size, 8, 0, me)
		sb[168:184] = bytes([me + 1]) * 16
		struct.pack_into("<QQQII", sb, 192, 1600000001, 7, 0xffffffffffffffff, 0, 128)
		for n in range(128):
		    struct.pack_into("<H", sb, 256 + 2 * n, n if n < 2 else 0xffff)
		s = sum(struct.unpack("<128I", sb))
		struct.pack_into("<I", sb, 216, ((s & 0xffffffff) + (s >> 32)) & 0xffffffff)
		open(sys.argv[2], "wb").write(bytes(4096) + bytes(sb) + bytes(data * 512 - 4608) + fs)
	END
	truncate -s 33M "$2"
	printf 'label: gpt\n1: start=2048, size=10240, type=uefi\n2: start=12288, size=53248, type=raid\n' | sfdisk -q "$2"
	dd if="$raw" of="$2" bs=1M skip=1 seek=1 count=5 conv=notrunc status=none
	dd if="$W/member" of="$2" bs=1M seek=6 conv=notrunc,sparse status=none
}
fresh
dd if="$raw" of="$W/root.fs" bs=1M skip=6 count=25 status=none
half "$W/root.fs" "$W/b/web01-sda.img" 0
half "$W/root.fs" "$W/b/web01-sdb.img" 1
expect 0 "both halves of a mirror" web01 --from "$W/b/web01-sda.img" --from "$W/b/web01-sdb.img"
holds "they were compared" jq -e '[.findings[] | select(.check == "volume.mirror" and .outcome == "held")] | length == 1' "$W/out"
for x in a b; do
	flip "$W/b/web01-sd$x.img" $((24 << 20))
	expect 20 "a byte of one half, sd$x" web01 --from "$W/b/web01-sda.img" --from "$W/b/web01-sdb.img"
	flip "$W/b/web01-sd$x.img" $((24 << 20))
done
# A disk beside a Clonezilla image passes for none of its notes.
fresh
cz=$W/b/web01-img
mkdir "$cz"
cp "$raw" "$W/sda" && echo sda >"$cz/disk" && echo sda1 sda2 >"$cz/parts"
sfdisk -d "$W/sda" | sed "s,$W/,/dev/," >"$cz/sda-pt.sf"
dd if="$W/sda" of="$cz/sda-mbr" bs=512 count=1 status=none
dd if="$W/sda" of="$cz/sda-gpt-1st" bs=512 count=34 status=none
dd if="$W/sda" of="$cz/sda-gpt-2nd" bs=512 skip=$((65536 - 32)) count=32 status=none
date -u "+Starting /usr/sbin/ocs-sr at %F %T UTC..." >"$cz/clonezilla-img"
dd if="$W/sda" bs=1M skip=1 count=5 status=none | gzip >"$cz/sda1.dd-img.gz.aa"
dd if="$W/sda" bs=1M skip=6 count=25 status=none | gzip | split -a 2 -b 400000 - "$cz/sda2.dd-img.gz."
expect 0 "a Clonezilla image" web01 --from "$cz"
# One partition's image was left by the run before, or by a copy that did not come to its end.
aged() { # CODE NAME FILE...: these are of eight hours ago
	touch "$cz"/*
	touch -d "${ago-8 hours} ago" "${@:3}"
	expect "$1" "$2" web01 --from "$cz"
}
aged 13 "a Clonezilla image with a partition of an earlier run" "$cz"/sda2.*
holds "... which is told" jq -e 'any(.findings[]; .check == "presence.run" and (.detail | contains("it is of an earlier run")))' "$W/out"
aged 13 "... of which one piece is left" "$cz/sda2.dd-img.gz.ab"
aged 0 "... all of which is older than its begin: it was another clock" "$cz"/*
aged 0 "... by another clock, the first of its partitions" "$cz"/{disk,parts,sda-*,sda1.*}
ago="40 minutes" aged 0 "... by a clock that is a little wrong" "$cz"/sda1.*
aged 0 "... with old notes" "$cz"/{parts,sda-*}
touch "$cz"/*
qemu-img convert -O qcow2 "$F/gpt-old.img" "$cz/sdb.qcow2"
truncate -s 900K "$cz/sdb.qcow2"
never "a cut disk beside a Clonezilla image" web01 --from "$cz"
rm "$cz/sdb.qcow2" && cp "$F/gpt-old.img" "$cz/sdb.img"
flip "$cz/sdb.img" 512
never "a damaged disk beside a Clonezilla image" web01 --from "$cz"
mv "$cz/sdb.img" "$cz/sdb" && truncate -s 80M "$cz/sdb"
never "... and one that has no name for a disk" web01 --from "$cz"
rm "$cz/sdb"
# One partition of an older night, with the file times of a copy.
dd if="$F/gpt-old.img" bs=1M skip=6 count=25 status=none | gzip >"$W/old.gz"
rm "$cz"/sda2.* && split -a 2 -b 400000 "$W/old.gz" "$cz/sda2.dd-img.gz."
expect 11 "a partition of an older night in a Clonezilla image" web01 --from "$cz"

# Two systems on one disk: an old one to rescue with, and the one that runs, which misses a disk.
mk_tree "$W/rescue" web01 "$ID" efi
mk_tree "$W/runs" web01 "$ID" efi
for missing in "" y; do
	fresh
	[ -z "$missing" ] || add_fstab "$W/runs" web01/other /data
	truncate -s 60M "$W/b/web01.img"
	printf 'label: gpt\n1: start=2048, size=10240, type=uefi\n2: start=12288, size=51200, type=linux\n3: start=63488, size=51200, type=linux\n' |
		sfdisk -q "$W/b/web01.img"
	dd if="$raw" of="$W/b/web01.img" bs=1M skip=1 seek=1 count=5 conv=notrunc status=none
	put_ext "$W/b/web01.img" $((6 << 20)) 25600 "$W/rescue" ext4 "$(uuid_of rescue)" $(($(date +%s) - 864000)) y
	put_ext "$W/b/web01.img" $((31 << 20)) 25600 "$W/runs" ext4 "$(uuid_of web01/)" "$(date +%s)" ""
	expect $((${#missing} * 13)) "a rescue system before the one that runs${missing:+, which misses a disk}" web01 \
		--from "$W/b/web01.img"
done

# A disk may be larger than what it is based on.
fresh
qemu-img convert -O qcow2 "$F/mbr.img" "$W/b/base.qcow2"
(cd "$W/b" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 64M)
expect 0 "an overlay that is larger than its base" web01 --from "$W/b/top.qcow2" --from "$W/b/base.qcow2"
finish
