#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What makes a whole image unsafe all the same: the wrong host, its age, a missing part, a sidecar that disagrees,
# something that cannot be read.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir "$W/b" "$W/old" "$W/disks" "$W/sc"
mk_tree "$W/efi" web01 "$ID" efi
mk_tree "$W/bios" web01 "$ID" bios
mk_disk "$W/b/web01.img" "$W/efi"
img=$W/b/web01.img
zst=$W/b/web01.img.zst
zstd -q -c "$img" >"$zst"
hours() { date -u -d "@$(($(date +%s) - $1 * 3600))" +"${2-%FT%TZ}"; }
at() { date -u -d "@$1" +%FT%TZ; }

# Identity
expect 0 "identity: host name" web01 --from "$zst"
expect 0 "identity: host name and machine id" web01 --from "$zst" --machine-id "$ID"
expect 0 "identity: other name for the same host" www --from "$zst" --hostname web01
expect 13 "identity: another host" db01 --from "$zst"
expect 13 "identity: another host, raw" db01 --from "$img"
expect 13 "identity: other name for another host" web01 --from "$zst" --hostname db01
expect 13 "identity: another machine id" web01 --from "$zst" --machine-id ffffffffffffffffffffffffffffffff
expect 13 "identity: name is the start of the other" web0 --from "$zst"
expect 13 "identity: name is longer than the other" web011 --from "$zst"
mk_tree "$W/nameless" web01 "$ID" efi
mk_disk "$W/b/nameless.img" "$W/nameless"
mk_disk "$W/b/nameless.img" "$W/nameless"
E2FSPROGS_FAKE_TIME=$(date +%s) debugfs -w -R 'rm /etc/hostname' "$W/b/nameless.img?offset=$((6 << 20))" >/dev/null 2>&1
expect 0 "identity: no host name inside, machine id agrees" web01 --from "$W/b/nameless.img" --machine-id "$ID"
run check web01 --from "$W/b/nameless.img" --config "$W/empty.conf" --scratch "$S" --format json
if [ "$code" = 13 ] || [ "$code" = 20 ]; then ok "identity: no host name inside"; else why "13 or 20" | not_ok "identity: no host name inside"; fi

# Freshness
touch -d "@$(($(date +%s) - 3 * 86400))" "$zst"
expect 11 "freshness: file three days old" web01 --from "$zst"
touch -d "@$(($(date +%s) + 3 * 86400))" "$zst"
expect 11 "freshness: file dated in the future" web01 --from "$zst"
touch "$zst"
expect 11 "freshness: three days later" web01 --from "$zst" --now "$(hours -72)"
expect 11 "freshness: three days earlier" web01 --from "$zst" --now "$(hours 72)"
cp "$zst" "$W/b/web01-2020-01-01.img.zst"
expect 11 "freshness: old by name" web01 --from "$W/b/web01-2020-01-01.img.zst"
cp "$zst" "$W/b/web01-2099-01-01.img.zst"
expect 11 "freshness: future by name" web01 --from "$W/b/web01-2099-01-01.img.zst"
cp "$zst" "$W/b/web01-$(hours 0 %F).img.zst"
expect 0 "freshness: today by name" web01 --from "$W/b/web01-$(hours 0 %F).img.zst"
taken=$(jq -r '.restore_point.taken_at | fromdate' "$W/out")
# A name that names no zone is of local time.
named() { # CODE NAME FILE [TZ]: the same backup under that name
	cp "$zst" "$W/b/$3"
	TZ=${4-UTC} expect "$1" "freshness: $2" web01 --from "$W/b/$3"
	rm "$W/b/$3"
}
named 11 "nine hours ahead" "web01-$(hours -9 %FT%H%M).img.zst"
holds "... says of which zone" jq -e '.reasons[0] | contains("taken for local time (TZ), is ")' "$W/out"
named 0 "nine hours further east" "web01-$(hours -9 %FT%H%M).img.zst" Asia/Tokyo
named 11 "the same time, with its zone" "web01-$(hours -9 %FT%H%MZ).img.zst" Asia/Tokyo
named 11 "tomorrow's date" "web01-$(hours -24 %F).img.zst"
named 0 "UTC in the west" "web01-$(hours 0 %FT%H%M).img.zst" America/New_York
named 11 "... that says so, and is ahead" "web01-$(hours -3 %FT%H%MZ).img.zst" America/New_York
expect 0 "freshness: exactly as old as it may be" web01 --from "$zst" --now "$(at $((taken + 86400)))"
expect 11 "freshness: a second older" web01 --from "$zst" --now "$(at $((taken + 86401)))"
holds "freshness: a second older is said" jq -e '.reasons[0] | endswith(", 1s more than 1d 0h")' "$W/out"
expect 0 "freshness: as far in the future as clocks may differ" web01 --from "$zst" --now "$(at $(($(stat -c %Y "$zst") - 300)))"
expect 11 "freshness: a second further" web01 --from "$zst" --now "$(at $(($(stat -c %Y "$zst") - 301)))"
mk_disk "$W/old/web01.img" "$W/efi" --age $((3 * 86400))
expect 11 "freshness: new file, old content" web01 --from "$W/old/web01.img"
expect 0 "freshness: new file, content within --max-age" web01 --from "$W/old/web01.img" --max-age 7d
zstd -q -c "$W/old/web01.img" >"$W/old/web01.img.zst"
mk_disk "$W/old/mixed.img" "$W/efi"
dd if="$W/old/web01.img" of="$W/old/mixed.img" bs=1M skip=6 seek=6 count=25 conv=notrunc status=none
expect 11 "freshness: old root file system beside a fresh EFI partition" web01 --from "$W/old/mixed.img"
touch -d "@$(($(date +%s) - 3 * 86400))" "$W/old/web01.img.zst"
expect 11 "freshness: file and content old" web01 --from "$W/old/web01.img.zst"
expect 0 "freshness: file and content within --max-age" web01 --from "$W/old/web01.img.zst" --max-age 4d
expect 11 "freshness: file and content beyond --max-age" web01 --from "$W/old/web01.img.zst" --max-age 71h
mk_disk "$W/old/web01.img" "$W/bios" --table mbr --fs ext2 --age $((3 * 86400))
expect 11 "freshness: old content, MBR and ext2" web01 --from "$W/old/web01.img"
mk_tree "$W/ct" web01 "$ID" container
set_old "$W/ct" $((3 * 86400))
mk_tar "$W/old/web01.tar" "$W/ct"
expect 11 "freshness: old content, tar" web01 --from "$W/old/web01.tar"

# Coverage
two=$W/two
mk_tree "$two" web01 "$ID" efi
add_fstab "$two" web01/srv /srv
mkdir -p "$W/srv"
noise 21 300000 >"$W/srv/table.db"
mk_disk "$W/disks/web01-sda.img" "$two"
mk_data_disk "$W/disks/web01-sdb.img" "$W/srv" "$(uuid_of web01/srv)"
mk_data_disk "$W/disks/other-sdb.img" "$W/srv" "$(uuid_of other/srv)"
a=$W/disks/web01-sda.img b=$W/disks/web01-sdb.img
expect 0 "coverage: both disks" web01 --from "$a" --from "$b"
expect 13 "coverage: second disk missing" web01 --from "$a"
expect 13 "coverage: second disk is another's" web01 --from "$a" --from "$W/disks/other-sdb.img"
expect 20 "coverage: system disk missing" web01 --from "$b"
zstd -q -c "$a" >"$a.zst"
xz -1 -c "$b" >"$b.xz"
expect 0 "coverage: both disks, compressed each its way" web01 --from "$a.zst" --from "$b.xz"
cp "$b" "$W/b/cut-sdb.img"
truncate -s -4096 "$W/b/cut-sdb.img"
expect 12 "coverage: second disk cut" web01 --from "$a" --from "$W/b/cut-sdb.img"
mk_tree "$W/net" web01 "$ID" efi
printf 'nas:/export /mnt/nas nfs defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n/dev/cdrom /media/cdrom udf,iso9660 user,noauto 0 0\n# UUID=%s /old ext4 defaults 0 2\n' "$(uuid_of web01/old)" >>"$W/net/etc/fstab"
mk_disk "$W/b/net.img" "$W/net"
expect 0 "coverage: what no image holds is not asked for" web01 --from "$W/b/net.img"
mk_tree "$W/label" web01 "$ID" efi
echo 'LABEL=data /data ext4 defaults 0 2' >>"$W/label/etc/fstab"
mk_disk "$W/b/label.img" "$W/label"
expect 13 "coverage: fstab names a missing volume by label" web01 --from "$W/b/label.img"
mk_tree "$W/byid" web01 "$ID" efi
echo '/dev/vg0/home /home ext4 defaults 0 2' >>"$W/byid/etc/fstab"
mk_disk "$W/b/byid.img" "$W/byid"
expect 13 "coverage: fstab names a missing logical volume" web01 --from "$W/b/byid.img"
mk_disk "$W/b/noloader.img" "$W/efi" --esp empty
expect 13 "coverage: EFI partition without a boot loader" web01 --from "$W/b/noloader.img"
mk_disk "$W/b/noesp.img" "$W/efi" --esp missing
expect 13 "coverage: EFI partition missing" web01 --from "$W/b/noesp.img"
mk_disk "$W/b/nocode.img" "$W/bios" --table mbr --no-boot-code
expect 13 "coverage: MBR without boot code" web01 --from "$W/b/nocode.img"
mk_tree "$W/nokernel" web01 "$ID" efi
rm -f "$W"/nokernel/boot/{vmlinuz,initrd}*
mk_disk "$W/b/nokernel.img" "$W/nokernel"
expect 13 "coverage: no kernel" web01 --from "$W/b/nokernel.img"
truncate -s 16M "$W/disks/swap.img"
printf 'label: gpt\nstart=2048, size=28672, type=swap\n' | sfdisk -q "$W/disks/swap.img"
truncate -s 14M "$W/swap"
mkswap -q -U "$(uuid_of web01/swap)" "$W/swap" 2>/dev/null
patch "$W/disks/swap.img" 1048576 <"$W/swap"
mk_tree "$W/swapped" web01 "$ID" efi
printf 'UUID=%s none swap sw 0 0\n' "$(uuid_of web01/swap)" >>"$W/swapped/etc/fstab"
mk_disk "$W/b/swapped.img" "$W/swapped"
expect 0 "coverage: swap on a disk of its own" web01 --from "$W/b/swapped.img" --from "$W/disks/swap.img"
mk_esp_tree "$W/fattree"
mk_fat "$W/b/fat.img" "$W/fattree"
expect 20 "coverage: a FAT file system and no system" web01 --from "$W/b/fat.img"

# Sidecars
side() { rm -rf "$W/sc" && mkdir "$W/sc" && cp "$zst" "$W/sc/web01.img.zst" && cp "$a" "$b" "$W/sc/" && cd "$W/sc" || exit 1; }
other_digest() { perl -pe 's/^([0-9a-f]+)/$1 =~ tr|0-9a-f|1-9a-f0|r/e'; }
f=$W/sc/web01.img.zst
side && sha256sum web01.img.zst >web01.img.zst.sha256
expect 0 "sidecar: .sha256" web01 --from "$f"
held=$(jq '[.findings[] | select(.proof == "integrity" and .outcome == "held")] | length' "$W/out")
side
expect 0 "sidecar: none" web01 --from "$f"
if [ "${held:-0}" -gt "$(jq '[.findings[] | select(.proof == "integrity" and .outcome == "held")] | length' "$W/out")" ]; then
	ok "sidecar: its digest is a finding"
else
	why "one more integrity finding with a sidecar than without: $held" | not_ok "sidecar: its digest is a finding"
fi
for sum in md5 sha1 sha512; do
	side && ${sum}sum web01.img.zst >web01.img.zst.$sum
	expect 0 "sidecar: .$sum" web01 --from "$f"
	side && ${sum}sum web01.img.zst | other_digest >web01.img.zst.$sum
	expect 12 "sidecar: wrong .$sum" web01 --from "$f"
done
side && sha256sum web01.img.zst >SHA256SUMS
expect 0 "sidecar: SHA256SUMS" web01 --from "$f"
side && sha256sum web01.img.zst >2026-11-21.sha256
expect 0 "sidecar: a list under another name" web01 --from "$f"
side && sha256sum web01.img.zst | other_digest >checksums.sha256
expect 12 "sidecar: another digest in a list under another name" web01 --from "$f"
side && printf x | sha256sum >checksums.sha256
expect 0 "sidecar: a list of other files" web01 --from "$f"
side && sha256sum --tag web01.img.zst >SHA256SUMS
expect 0 "sidecar: BSD style" web01 --from "$f"
side && sha256sum web01.img.zst | cut -c 1-64 >web01.img.zst.sha256
expect 0 "sidecar: the digest alone" web01 --from "$f"
side && sha256sum web01.img.zst | other_digest >web01.img.zst.sha256
expect 12 "sidecar: wrong digest" web01 --from "$f"
side && { sha256sum web01.img.zst && echo 'this is no digest'; } >web01.img.zst.sha256
expect 12 "sidecar: a garbage line" web01 --from "$f"
side && : >web01.img.zst.sha256
expect 12 "sidecar: empty" web01 --from "$f"
side && sha256sum web01.img.zst | cut -c 1-40 >web01.img.zst.sha256
expect 12 "sidecar: cut short" web01 --from "$f"
side && { sha256sum web01.img.zst && echo "$(printf x | sha256sum | cut -c 1-64)  web01.img.zst"; } >web01.img.zst.sha256
expect 12 "sidecar: two digests that differ" web01 --from "$f"
side && sha256sum web01-sda.img >SHA256SUMS
expect 13 "sidecar: one disk of two not covered" web01 --from "$W/sc/web01-sda.img" --from "$W/sc/web01-sdb.img"
side && sha256sum web01-sda.img web01-sdb.img >2026-11-21.sha256 && sed -n 's/sdb/sdc/p' 2026-11-21.sha256 >>2026-11-21.sha256
expect 13 "sidecar: a list under another name has a disk that is gone" web01 --from "$W/sc/web01-sda.img" --from "$W/sc/web01-sdb.img"
side && sha256sum web01-sda.img web01-sdb.img >SHA256SUMS
expect 0 "sidecar: both disks covered" web01 --from "$W/sc/web01-sda.img" --from "$W/sc/web01-sdb.img"
side && sha256sum web01-sda.img web01-sdb.img >SHA256SUMS && flip web01-sdb.img $((12 << 20))
expect 12 "sidecar: free space of a raw disk changed" web01 --from "$W/sc/web01-sda.img" --from "$W/sc/web01-sdb.img"

# What there is no reader for
odd=$W/disks/odd.img
odd_disk() { # a disk whose one partition holds the file given
	rm -f "$odd"
	truncate -s $(($(stat -c %s "$1") + (2 << 20))) "$odd"
	printf 'label: gpt\nstart=2048, size=%d, type=linux\n' $(($(stat -c %s "$1") / 512)) | sfdisk -q "$odd"
	cp --sparse=always "$1" "$W/part" && dd if="$W/part" of="$odd" bs=1M seek=1 conv=notrunc,sparse status=none
}
unsupported() { # NAME FILE
	odd_disk "$2"
	expect 20 "unsupported: a partition with $1" web01 --from "$img" --from "$odd"
}
rm -f "$W/x" && truncate -s 16M "$W/x" && mkfs.minix "$W/x" >/dev/null 2>&1
unsupported minix "$W/x"
rm -f "$W/x" && truncate -s 16M "$W/x"
printf 'LUKS\272\276\0\1aes\0' | patch "$W/x" 0
printf '%s' "$(uuid_of luks)" | patch "$W/x" 168
unsupported LUKS "$W/x"
rm -f "$W/x" && truncate -s 16M "$W/x"
perl -e '
	my $body = pack("V", 32) . "LVM2 001" . "abcdefABCDEFabcdefABCDEFabcdef12" . pack("Q<Q<Q<Q<", 16 << 20, 1 << 20, 0, 0);
	$body .= "\0" x (492 - length $body);
	my $crc = 0xf597a6cf;
	for my $c (unpack("C*", $body)) { $crc ^= $c; $crc = $crc & 1 ? ($crc >> 1) ^ 0xedb88320 : $crc >> 1 for 1 .. 8 }
	print "LABELONE", pack("Q<V", 1, $crc), $body' | patch "$W/x" 512
unsupported LVM "$W/x"
for format in qed parallels; do
	qemu-img convert -q -f raw -O $format "$img" "$W/b/web01.$format" || exit 1
	expect 20 "unsupported: $format" web01 --from "$W/b/web01.$format"
	zstd -q --rm "$W/b/web01.$format" -o "$W/b/web01.$format.zst"
	expect 20 "unsupported: $format, compressed" web01 --from "$W/b/web01.$format.zst"
done
finish
