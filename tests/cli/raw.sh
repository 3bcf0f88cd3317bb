#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Uncompressed disk images have no checksum of their own: partition tables, file-system checksums and the digests in
# the package database have to tell.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
img=$W/web01.img
bad=$W/bad/web01.img
mkdir "$W/bad"
mk_tree "$W/efi" web01 "$ID" efi
mk_tree "$W/bios" web01 "$ID" bios

# A file system by itself has no boot loader: policy has to say that the host boots from elsewhere.
printf '[policy "default"]\nboot = no\n' >"$W/noboot.conf"

# name, tree, options of mk_disk; each is safe as it is, and damaged when cut. ext2 and ext3 have no checksums over
# their metadata, so that nothing vouches for them but a digest beside the image.
layouts='
gpt-ext4    efi
gpt-ext3    efi  --fs ext3
gpt-ext2    efi  --fs ext2
mbr         bios --table mbr
mbr-ext2    bios --table mbr --fs ext2
mbr-logical bios --table mbr --logical
bare-ext4   bios --table none
bare-ext3   bios --table none --fs ext3
bare-ext2   bios --table none --fs ext2
'
while read -r name tree options; do
	[ -n "$name" ] || continue
	# shellcheck disable=SC2086
	mk_disk "$img" "$W/$tree" $options || exit 1
	case $name in
	bare*) expect 13 "$name: no boot loader" web01 --from "$img" ;;
	*-ext[23]) expect 20 "$name: nothing vouches for it" web01 --from "$img" ;;
	*) expect 0 "$name: whole" web01 --from "$img" ;;
	esac
	(cd "$W" && sha256sum web01.img >web01.img.sha256)
	run check web01 --from "$img" --config "$W/noboot.conf" --scratch "$S" --format json
	verdict_is 0 "$name: whole, with a digest beside it"
	rm "$W/web01.img.sha256"
	size=$(stat -c %s "$img")
	for cut in $((size - 1)) $((size - 4096)) $((size / 2)) 4096 0; do
		cp "$img" "$bad"
		truncate -s "$cut" "$bad"
		expect 12 "$name: cut to $cut bytes" web01 --from "$bad"
	done
	at=$(file_offset "$img" /usr/lib/libexample.so.1 20000) || exit 1
	cp "$img" "$bad"
	flip "$bad" "$at"
	expect 12 "$name: byte of a packaged file" web01 --from "$bad"
done <<<"$layouts"

mk_disk "$img" "$W/efi"
cp "$img" "$W/good.img"
root=$(root_offset "$img")
fresh() { cp "$W/good.img" "$bad"; }
# hurt NAME OFFSET [CODE]: one bit there
hurt() {
	fresh
	[ -n "$2" ] || { echo "no offset" | not_ok "$1" && return; }
	flip "$bad" "$2"
	expect "${3-12}" "$1" web01 --from "$bad"
}
last=$(($(stat -c %s "$img") - 512))
hurt "primary GPT: CRC" $((512 + 16))
hurt "primary GPT: disk id" $((512 + 60))
hurt "primary GPT: an entry" $((1024 + 40))
hurt "backup GPT: CRC" $((last + 16))
hurt "backup GPT: an entry" $((last - 32 * 512 + 40))
hurt "protective MBR: signature" 510
hurt "ext4 superblock: label" $((root + 1024 + 0x78))
hurt "ext4 superblock: free blocks" $((root + 1024 + 0x0c))
hurt "ext4 superblock: uuid" $((root + 1024 + 0x68))
hurt "ext4 superblock: checksum" $((root + 1024 + 0x3fc))
hurt "ext4 group descriptor" $((root + 4096 + 8))
group() { # a field of the first group, as a block number
	dumpe2fs "$img?offset=$root" 2>/dev/null | sed -nE "/^Group 0/,/^Group 1/s/.*$1 at ([0-9]+).*/\1/p" | head -n 1
}
hurt "ext4 block bitmap" $((root + $(group 'Block bitmap') * 4096 + 20))
hurt "ext4 inode bitmap" $((root + $(group 'Inode bitmap') * 4096 + 2))
hurt "ext4 inode: mode of /etc/passwd" "$(inode_offset "$img" /etc/passwd)"
hurt "ext4 inode: size of /home/alice/photo.raw" $(($(inode_offset "$img" /home/alice/photo.raw) + 4))
hurt "ext4 inode: extent of /home/alice/photo.raw" $(($(inode_offset "$img" /home/alice/photo.raw) + 40 + 20))
hurt "ext4 directory /etc" $(($(file_offset "$img" /etc) + 60))
hurt "EFI boot loader's checksum" "$(perl -e 'local $/; open my $f, "<", $ARGV[0]; my $d = <$f>; my $at = index($d, "PE\0\0"); print $at + 5000' "$img")"

at=$(file_offset "$img" /boot/initrd.img-6.1.0 40000)
hurt "initramfs: a byte that its own checksum covers" "$at"
at=$(file_offset "$img" /usr/lib/libexample.so.1)
fresh
head -c 4096 /dev/zero | patch "$bad" $((at + 8192))
expect 12 "4 KiB of zeros in a packaged file" web01 --from "$bad"
fresh
dd if="$img" bs=4096 count=1 skip=$((at + 8192)) iflag=skip_bytes status=none | patch "$bad" $((at + 16384))
dd if="$img" bs=4096 count=1 skip=$((at + 16384)) iflag=skip_bytes status=none | patch "$bad" $((at + 8192))
expect 12 "two blocks of a packaged file swapped" web01 --from "$bad"
fresh
head -c 65536 /dev/zero | patch "$bad" $(($(inode_offset "$img" /etc/passwd) / 65536 * 65536))
expect 12 "64 KiB of zeros over the inode table" web01 --from "$bad"
fresh
head -c 8192 /dev/zero | patch "$bad" $((root + 0))
expect 12 "file system's start overwritten by zeros" web01 --from "$bad"
fresh
head -c 4096 /dev/zero | patch "$bad" $((1 << 20))
expect 12 "EFI partition's start overwritten by zeros" web01 --from "$bad"
fresh
printf x >>"$bad"
expect 12 "a byte behind the end" web01 --from "$bad"
fresh
head -c 512 /dev/zero >>"$bad"
expect 12 "a sector behind the end" web01 --from "$bad"
fresh
head -c 1048576 /dev/zero >>"$bad"
expect 0 "a disk that was enlarged and not yet repartitioned" web01 --from "$bad"
fresh
head -c 33554432 /dev/zero >"$bad"
expect 12 "nothing but zeros" web01 --from "$bad"
noise 77 4000000 >"$bad"
expect 12 "nothing but noise" web01 --from "$bad"

# Without a content checksum, a zst file says no more than the raw image.
file=$W/web01.img.zst
zstd -q --no-check -c "$W/good.img" >"$file"
expect 0 "zst --no-check: whole" web01 --from "$file"
at=$(perl -e 'local $/; open my $z, "<", $ARGV[0]; my $zst = <$z>; open my $f, "<", $ARGV[1]; my $want = <$f>;
	print index($zst, substr($want, 20000, 200))' "$file" "$W/efi/usr/lib/libexample.so.1")
if [ "$at" -lt 0 ]; then
	echo "its bytes are not literally in the file" | not_ok "zst --no-check: byte of a packaged file"
else
	flip "$file" $((at + 100))
	expect 12 "zst --no-check: byte of a packaged file" web01 --from "$file"
fi
finish
