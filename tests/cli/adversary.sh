#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ways to be taken in: fstab lines that look foreign, a file that stands for another disk, archives that lend each other
# their name or age, boot files that are none, sidecars under other names, a report over the backup.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir "$W/b" "$W/d" "$W/r"
b=$W/b d=$W/d
mk_tree "$W/efi" web01 "$ID" efi
mk_tree "$W/ct" web01 "$ID" container
mk_disk "$b/web01.img" "$W/efi"
img=$b/web01.img

# fstab lines
again=$W/again
with_line() { # LINE: an image whose fstab has one more
	rm -rf "$again"
	mk_tree "$again" web01 "$ID" efi
	printf '%s\n' "$1" >>"$again/etc/fstab"
	mk_disk "$b/again.img" "$again"
}
while read -r want name line; do
	with_line "$line"
	expect "$want" "fstab: $name" web01 --from "$b/again.img"
done <<'END'
13 a-path-with-colons /dev/disk/by-path/pci-0000:00:1f.2-ata-1-part2 /data ext4 defaults 0 2
13 a-label-with-a-colon LABEL=a:b /data ext4 defaults 0 2
13 a-local-disk-by-fuse UUID=1234567812345678 /data fuse.ntfs-3g defaults 0 2
13 mounted-on-demand UUID=1234567812345678 /data ext4 x-systemd.automount 0 2
13 not-there-at-boot-perhaps UUID=1234567812345678 /data ext4 nofail 0 2
13 an-option-like-noauto UUID=1234567812345678 /data ext4 noauto_da_alloc 0 2
13 an-escaped-label LABEL=My\040Disk /data ext4 defaults 0 2
0 another-machine host:/x /data nfs defaults 0 2
0 another-machine-by-fuse user@host:/x /data fuse.sshfs defaults 0 2
0 a-cluster :/x /data ceph defaults 0 2
END
with_line '/dev/sda2 /data ext4 defaults 0 2'
for disk in sda vda disk-0; do
	cp "$b/again.img" "$b/web01-$disk.img"
	expect 0 "a file named $disk stands for the first disk" web01 --from "$b/web01-$disk.img"
done
for disk in sdb nvme0n1 disk-1; do
	cp "$b/again.img" "$b/web01-$disk.img"
	expect 13 "a file named $disk does not stand for sda" web01 --from "$b/web01-$disk.img"
done
rm -f "$b"/web01-*.img

# Archives
mk_tar "$b/ct.tar" "$W/ct"
mk_tree "$W/other" web02 "$ID" container
mk_tar "$b/other.tar" "$W/other"
cp "$b/ct.tar" "$b/appended.tar"
tar -C "$W/other" --owner=0 --group=0 -rf "$b/appended.tar" ./etc/hostname
expect 13 "a later member makes it another host" web01 --from "$b/appended.tar"
cp "$b/other.tar" "$b/appended.tar"
tar -C "$W/ct" --owner=0 --group=0 -rf "$b/appended.tar" ./etc/hostname
expect 0 "a later member makes it this host" web01 --from "$b/appended.tar"
expect 13 "archives of two hosts" web01 --from "$b/ct.tar" --from "$b/other.tar"
expect 13 "archives of two hosts, the other way round" web01 --from "$b/other.tar" --from "$b/ct.tar"
cp -a "$W/ct" "$W/ctold"
set_old "$W/ctold" $((3 * 86400))
mk_tar "$b/ctold.tar" "$W/ctold"
mkdir -p "$W/data/srv"
noise 3 10000 >"$W/data/srv/x"
mk_tar "$b/data.tar" "$W/data"
mk_data_disk "$b/data.img" "$W/data" "$(uuid_of web01/data)"
expect 0 "the system's archive and one of data" web01 --from "$b/ct.tar" --from "$b/data.tar"
expect 11 "an old system beside fresh data" web01 --from "$b/ctold.tar" --from "$b/data.tar"
expect 11 "an old system beside fresh data, the other way round" web01 --from "$b/data.tar" --from "$b/ctold.tar"
printf '[policy "default"]\nmax_age = 24h\nboot = no\n' >"$W/noboot.conf"
run check web01 --from "$b/ctold.tar" --from "$b/data.img" --config "$W/noboot.conf" --scratch "$S" --format json
verdict_is 11 "an old system's archive beside a fresh data disk"
mk_data_disk "$b/olddata.img" "$W/data" "$(uuid_of web01/data)" --age $((3 * 86400))
run check web01 --from "$b/ct.tar" --from "$b/olddata.img" --config "$W/noboot.conf" --scratch "$S" --format json
verdict_is 0 "a fresh system's archive beside a data disk that nobody writes"

# What boots
boots() { # WANT NAME: an image of the tree as it is now
	mk_disk "$b/again.img" "$again"
	expect "$1" "$2" web01 --from "$b/again.img"
}
rm -rf "$again" && mk_tree "$again" web01 "$ID" efi
rm "$again/boot/vmlinuz-6.1.0" && ln -s boot/vmlinuz-6.1.0 "$again/boot/vmlinuz"
boots 13 "a kernel that is a link to nowhere"
rm "$again/boot/vmlinuz" && : >"$again/boot/vmlinuz-6.1.0"
boots 13 "a kernel that is empty"
rm "$again/boot/vmlinuz-6.1.0" && mkdir "$again/boot/vmlinuz"
boots 13 "a kernel that is a directory"
rm -rf "$again" && mk_tree "$again" web01 "$ID" efi
: >"$again/boot/initrd.img-6.1.0"
boots 13 "an initramfs that is empty"
rm -rf "$again" && mk_tree "$again" web01 "$ID" bios
mk_package "$again" linux-image-6.1.0 6.1.1 boot/vmlinuz-6.1.0
mk_tar "$b/machine.tar" "$again"
expect 0 "a machine's archive" web01 --from "$b/machine.tar"
rm -rf "${again:?}/boot"
mk_tar "$b/machine.tar" "$again"
expect 13 "a machine's archive without /boot" web01 --from "$b/machine.tar"
rm -rf "$again" && cp -a "$W/ct" "$again" && rm -rf "${again:?}"/usr/bin
mk_tar "$b/noprograms.tar" "$again"
expect 13 "an archive without its programs" web01 --from "$b/noprograms.tar"
# A BIOS machine on GPT: boot code in the first sector, and more of it in a partition of its own.
mk_tree "$W/bios" web01 "$ID" bios
mk_disk "$b/mbr.img" "$W/bios" --table mbr --size 24
truncate -s 32M "$b/bios.img"
printf 'label: gpt\nstart=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\nstart=4096, size=47104, type=linux\n' |
	sfdisk -q "$b/bios.img"
dd if="$b/mbr.img" of="$b/bios.img" bs=1M skip=1 seek=2 count=23 conv=notrunc status=none
noise 7 400 | patch "$b/bios.img" 0
expect 13 "an empty BIOS boot partition" web01 --from "$b/bios.img"
noise 8 30000 | patch "$b/bios.img" $((1 << 20))
expect 0 "boot code in the first sector and in its partition" web01 --from "$b/bios.img"
head -c 440 /dev/zero | patch "$b/bios.img" 0
expect 13 "no boot code in the first sector" web01 --from "$b/bios.img"

# A partition that nobody names, wiped at both ends
cp "$img" "$b/wiped.img"
table=$(sfdisk -q --dump "$img" | grep -v last-lba | sed "s/^\(.*img\)\([12]\) :/\2 :/"; echo "3 : start=$((33 * 2048)), size=$((30 * 2048)), type=linux")
truncate -s 64M "$b/wiped.img"
printf '%s\n' "$table" | sfdisk -q --no-reread --no-tell-kernel --wipe never "$b/wiped.img"
expect 0 "an empty partition" web01 --from "$b/wiped.img"
noise 11 4194304 | patch "$b/wiped.img" $((48 << 20))
expect 20 "a partition with data between zeros" web01 --from "$b/wiped.img"

# Sidecars
cp "$img" "$d/web01.img"
for name in web01.sha256 web01.img.SHA256 SHA256SUM sha256sum CHECKSUM checksum; do
	sha256sum </dev/null | sed 's/-$/web01.img/' >"$d/$name"
	expect 12 "sidecar $name disagrees" web01 --from "$d/web01.img"
	(cd "$d" && sha256sum web01.img >"$name")
	expect 0 "sidecar $name agrees" web01 --from "$d/web01.img"
	rm "$d/$name"
done
(cd "$b" && sha256sum ct.tar >"$d/web01.sha256")
expect 0 "a sidecar of that name for another file" web01 --from "$d/web01.img"
rm "$d/web01.sha256"

# The night before, a disk had been left out already
at() { date -u -d "@$(($(date +%s) - $1 * 3600))" +%FT%H%M; }
for hours in 50 26 2; do
	cp "$img" "$W/r/web01-$(at "$hours")-sda.img"
	touch -d "@$(($(date +%s) - hours * 3600))" "$W/r/web01-$(at "$hours")-sda.img"
done
expect 0 "one disk, as ever" web01 --from "$W/r"
cp "$b/data.img" "$W/r/web01-$(at 50)-sdb.img"
touch -d "@$(($(date +%s) - 50 * 3600))" "$W/r/web01-$(at 50)-sdb.img"
expect 13 "a disk was left out twice" web01 --from "$W/r"

# The report
expect 70 "a report over the backup" web01 --from "$d/web01.img" --output "$d/web01.img"
holds "the backup is still there" cmp "$img" "$d/web01.img"
ln "$d/web01.img" "$d/name"
expect 70 "a report over the backup's other name" web01 --from "$d/web01.img" --output "$d/name"
printf '[repository "r"]\npath = %s\n[host "web01"]\n' "$d" >"$W/audit.conf"
rm "$d/name"
run audit --config "$W/audit.conf" --scratch "$S" --output "$d/web01.img"
verdict_is 70 "an audit's report over a backup"
holds "the backup is still there after the audit" cmp "$img" "$d/web01.img"

# Limits of the process
zstd -q "$img" -o "$b/web01.img.zst"
for blocks in 0 1 1000; do
	code=$(
		ulimit -f "$blocks"
		"$BACKPROOF" check web01 --from "$b/web01.img.zst" --config "$W/empty.conf" --scratch "$S" 2>&1 | cat >&2
		echo "${PIPESTATUS[0]}"
	) 2>/dev/null
	holds "no file larger than $blocks blocks: cannot tell" test "$code" = 20
done
finish
