#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Systems that people have lived in: what they change on purpose is no damage, and how they name disks is no gap.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
root=$((6 << 20))
ctime() { # IMG SECONDS_AGO PATH...
	local img=$1 stamp path
	stamp=$(date -u -d "@$(($(date +%s) - $2))" +%Y%m%d%H%M%S)
	shift 2
	for path in "$@"; do echo "sif $path ctime $stamp"; done |
		E2FSPROGS_FAKE_TIME=$(date +%s) debugfs -w -f - "$img?offset=$root" >/dev/null 2>&1
}

# A copied tree: all change times are of the copy, long after the packages were installed.
mk_tree "$W/tree" web01 "$ID" efi
touch -d '2024-03-02' "$W"/tree/var/lib/dpkg/info/*
expect_disk() { # CODE NAME
	expect "$1" "$2" web01 --from "$W/web01.img"
}
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "copied tree"
cp -p "$W/tree/usr/bin/tail" "$W/tail"
echo '# by hand' >>"$W/tree/usr/bin/tail"
touch -d '2024-03-01 18:00:00' "$W/tree/usr/bin/tail"
touch -d '2024-03-01 12:00:00' "$W"/tree/var/lib/dpkg/info/*.md5sums
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "edited after its package was built, before the list of its files was written anew"
mk_tar "$W/web01.tar" "$W/tree"
sed -i '/ \/boot\/efi /d' "$W/tree/etc/fstab"
mk_tar "$W/web01.tar" "$W/tree"
expect 0 "the same in an archive" web01 --from "$W/web01.tar"
touch -d '2023-01-01' "$W/tree/usr/bin/tail"
touch -d '2024-03-02 00:00:07' "$W/tree/var/lib/dpkg/info/coreutils.list"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 12 "other content, nothing says that it was meant"
ctime "$W/web01.img" 36000 /usr/bin/{cat,ls,env,sort} /usr/share/doc/coreutils/changelog.Debian.gz
expect_disk 0 "put in place ten hours after the rest of its package was copied"
ctime "$W/web01.img" 36000 /usr/bin/tail
expect_disk 12 "put in place with the rest of its package"
cp -p "$W/tail" "$W/tree/usr/bin/tail"

# However fstab names the device of the root: the root is where the fstab is.
for name in /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-part2 /dev/disk/by-path/pci-0000:00:05.0-part2 /dev/root; do
	echo "$name / ext4 defaults 0 1" >"$W/tree/etc/fstab"
	mk_disk "$W/web01.img" "$W/tree"
	expect_disk 0 "root is $name"
done
echo "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4-part1 /srv ext4 defaults 0 2" >>"$W/tree/etc/fstab"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 13 "a data disk by its serial number, not there"
for name in UUID="$(uuid_of other)" LABEL=other /dev/sdb1 /dev/mapper/vg-root; do
	echo "$name / ext4 defaults 0 1" >"$W/tree/etc/fstab"
	mk_disk "$W/web01.img" "$W/tree"
	expect_disk 13 "root should be $name"
done

# Lines of an fstab that are of no disk, by types that nobody has a list of; and what is mounted when somebody looks.
p2=$(uuid_of web01/p2)
printf 'PARTUUID=%s / ext4 defaults 0 1\nPARTLABEL=EFI /boot/efi vfat umask=0077 0 1' "$p2" >"$W/fstab"
while read -r want line; do
	{ cat "$W/fstab" && printf '\n%s\n' "$line"; } >"$W/tree/etc/fstab"
	mk_disk "$W/web01.img" "$W/tree"
	expect_disk "$want" "fstab: $line"
done <<END
0 shared /mnt/s vboxsf defaults 0 0
0 nfsd /proc/fs/nfsd nfsd defaults 0 0
0 s3fs#bucket /mnt/s3 fuse allow_other 0 0
0 none /selinux selinuxfs
0 /dev/zram1 /var/log ext4 defaults 0 0
0 /dev/disk/cloud/azure_resource-part1 /mnt auto defaults,nofail,comment=cloudconfig 0 2
0 UUID=$(uuid_of other) /mnt/usb ext4 noauto,nofail 0 0
13 UUID=$(uuid_of other) /home ext4 noauto,x-systemd.automount 0 2
13 UUID=$(uuid_of other) /home ext4 noauto,comment=systemd.automount
13 tank/data /data zfs defaults 0 0
13 data /data ext4 defaults 0 0
END
{ sed 's/$/\r/' "$W/fstab" && printf '\r\n'; } >"$W/tree/etc/fstab"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "fstab with the ends of lines of another system"

# systemd mounts by units too, without a line in the fstab.
cp "$W/fstab" "$W/tree/etc/fstab"
units=$W/tree/etc/systemd/system
mkdir -p "$units/local-fs.target.wants"
printf '[Mount]\nWhat=/dev/disk/by-uuid/%s\nWhere=/srv\nType=ext4\n' "$(uuid_of web01/srv)" >"$units/srv.mount"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "a mount unit that nothing wants"
ln -s /etc/systemd/system/srv.mount "$units/local-fs.target.wants/srv.mount"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 13 "a mount unit's disk is not there"
mkdir "$W/srv" "$W/two" && noise 12 50000 >"$W/srv/data"
mv "$W/web01.img" "$W/two/web01-sda.img"
mk_data_disk "$W/two/web01-sdb.img" "$W/srv" "$(uuid_of web01/srv)"
expect 0 "a mount unit's disk is there" web01 --from "$W/two"
run inspect "$W"/two/web01-sd?.img --cat /srv/data
holds "it is where the unit mounts it" cmp "$W/out" "$W/srv/data"
printf '[Mount]\nWhat=/var/lib/snapd/snaps/core_1.snap\nWhere=/snap/core/1\nType=squashfs\n' >"$units/srv.mount"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "a snap's mount unit"
cp "$W/tree/etc/fstab" "$W/kept.fstab"
sed -i '/ \/boot\/efi /d; /PARTLABEL=EFI/d' "$W/tree/etc/fstab"
printf '[Mount]\nWhat=/dev/disk/by-uuid/%s\nWhere=/srv\nType=ext4\n' "$(uuid_of web01/srv)" >"$units/srv.mount"
mk_tar "$W/web01.tar" "$W/tree"
expect 13 "a mount unit's files are not in the archive" web01 --from "$W/web01.tar"
mkdir -p "$W/tree/srv" && echo data >"$W/tree/srv/data"
mk_tar "$W/web01.tar" "$W/tree"
expect 0 "a mount unit's files are in the archive" web01 --from "$W/web01.tar"
rm -r "$W/tree/etc/systemd" "$W/tree/srv/data"
mv "$W/kept.fstab" "$W/tree/etc/fstab"

# ZFS needs neither: pools are imported by what the system wrote down of them.
mkdir "$W/tree/etc/zfs" && : >"$W/tree/etc/zfs/zpool.cache"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 0 "ZFS without a pool"
noise 9 2000 >"$W/tree/etc/zfs/zpool.cache"
mk_disk "$W/web01.img" "$W/tree"
expect_disk 13 "a ZFS pool that is not there"
printf '[policy "default"]\nexclude = /srv zfs\n' >"$W/zfs.conf"
run check web01 --from "$W/web01.img" --config "$W/zfs.conf" --scratch "$S" --format json
verdict_is 0 "a ZFS pool left out by policy"
rm "$W/two"/*-sdb.img && mv "$W/web01.img" "$W/two/web01-sda.img"
truncate -s 64M "$W/two/web01-sdb.img"
# As blkid knows it: four of its uberblocks.
for i in 0 1 2 3 4 5; do
	printf '\014\261\272\0\0\0\0\0\050\0\0\0\0\0\0\0' |
		dd of="$W/two/web01-sdb.img" bs=1 seek=$(((128 + i) << 10)) conv=notrunc status=none
done
expect 20 "a ZFS pool that can't be looked into" web01 --from "$W/two"
rm -r "$W/tree/etc/zfs"

# Where distributions keep what boots: kernel-install, unified images and systemd-boot, whatever the ESP is mounted as.
boots() { # CODE NAME ESP-MOUNT: of $W/tree and $W/esp
	printf 'PARTUUID=%s / ext4 defaults 0 1\n' "$p2" >"$W/tree/etc/fstab"
	[ "$3" = none ] || printf 'PARTLABEL=EFI %s vfat umask=0077 0 1\n' "$3" >>"$W/tree/etc/fstab"
	mk_disk "$W/web01.img" "$W/tree" --esp "$W/esp"
	expect_disk "$1" "$2, ESP at $3"
}
mkdir "$W/kept" && mv "$W"/tree/boot/vmlinuz-* "$W"/tree/boot/initrd* "$W/kept"
kernel() { cp "$W"/kept/vmlinuz-* "$1" && cp "$W"/kept/initrd* "$2"; }
esp() { rm -rf "$W/esp" && mkdir "$W/esp" && mk_esp_tree "$W/esp"; }
esp
boots 13 "no kernel anywhere" /boot/efi
at=$W/esp/$ID/6.5.6-300.fc39.x86_64
mkdir -p "$at" && kernel "$at/linux" "$at/initrd"
for mount in /boot/efi /boot /efi /esp none; do boots 0 "kernel-install" "$mount"; done
esp
mkdir "$W/esp/EFI/Linux" && cp "$W/esp/EFI/BOOT/BOOTX64.EFI" "$W/esp/EFI/Linux/debian-6.1.efi"
boots 0 "unified kernel image" /esp
esp
mkdir "$W/esp/EFI/nixos" && kernel "$W/esp/EFI/nixos/x-linux-6.1.63-bzImage.efi" "$W/esp/EFI/nixos/y-initrd-linux-6.1.63-initrd.efi"
boots 0 "NixOS" /boot
rm -r "$W/esp/EFI/BOOT" "$W/esp/EFI/debian"
boots 13 "NixOS, its boot loader is gone" /boot

# Kernels on a partition of their own beside the ESP, which no fstab names.
esp
printf 'PARTUUID=%s / ext4 defaults 0 1\n' "$p2" >"$W/tree/etc/fstab"
mkdir -p "$W/boot/$ID/6.1.0-13-amd64" && kernel "$W/boot/$ID/6.1.0-13-amd64/linux" "$W/boot/$ID/6.1.0-13-amd64/initrd"
for type in bc13c2ff-59e6-4262-a352-b275fd6f7172 linux; do
	rm -f "$W/web01.img" && truncate -s 48M "$W/web01.img"
	printf 'label: gpt\n1: start=2048, size=10240, type=uefi\n3: start=12288, size=8192, type=%s\n2: start=20480, size=73728, uuid=%s\n' \
		$type "$p2" | sfdisk -q "$W/web01.img"
	put_fat "$W/web01.img" $((1 << 20)) 5120 "$W/esp" 1234ABCD "$(date +%s)"
	put_ext "$W/web01.img" $((6 << 20)) 4096 "$W/boot" ext4 "$(uuid_of boot)" "$(date +%s)" ""
	put_ext "$W/web01.img" $((10 << 20)) 36864 "$W/tree" ext4 "$(uuid_of web01/)" "$(date +%s)" ""
	expect_disk $([ $type = linux ] && echo 13 || echo 0) "kernels on a partition of type $type"
done

# Some boot without an initramfs, and say so in what their boot loader reads.
esp
cp "$W"/kept/vmlinuz-* "$W/tree/boot"
boots 13 "an initramfs that grub.cfg names is gone" /boot/efi
sed -i /initrd/d "$W/tree/boot/grub/grub.cfg"
boots 0 "no initramfs, as grub.cfg has it" /boot/efi
sed -i '/ \/boot\/efi /d' "$W/tree/etc/fstab"
mk_tar "$W/web01.tar" "$W/tree"
expect 0 "the same in an archive" web01 --from "$W/web01.tar"
rm "$W/tree/boot/grub/grub.cfg"
boots 13 "neither initramfs nor grub.cfg" /boot/efi
rm "$W"/tree/boot/vmlinuz-*

# A Raspberry Pi: its processor starts by itself what is on a FAT partition, and nothing is in the boot sector.
pi() { # CODE NAME
	local img=$W/web01.img
	rm -f "$img" && truncate -s 48M "$img"
	printf 'label: dos\nlabel-id: 0x6c586e13\n1: start=2048, size=20480, type=c\n2: start=22528, type=83\n' | sfdisk -q "$img"
	put_fat "$img" $((1 << 20)) 10240 "$W/esp" "$(fat_id_of web01)" "$(date +%s)"
	put_ext "$img" $((11 << 20)) $((37 << 10)) "$W/tree" ext4 "$(uuid_of web01/)" "$(date +%s)" ""
	expect_disk "$1" "Raspberry Pi: $2"
}
rm -rf "$W/esp" && mkdir "$W/esp" "$W/tree/boot/firmware"
kernel "$W/esp/kernel8.img" "$W/esp/initramfs8"
noise 3 52476 >"$W/esp/bootcode.bin" && noise 4 300000 >"$W/esp/start4.elf"
echo auto_initramfs=1 >"$W/esp/config.txt"
printf 'proc /proc proc defaults 0 0\nPARTUUID=6c586e13-01 /boot/firmware vfat defaults 0 2\nPARTUUID=6c586e13-02 / ext4 defaults,noatime 0 1\n' \
	>"$W/tree/etc/fstab"
pi 0 "kernel and initramfs"
rm "$W/esp/initramfs8"
pi 13 "the initramfs that its configuration asks for is gone"
printf '# initramfs\narm_64bit=1\n' >"$W/esp/config.txt"
pi 0 "none is asked for"
rm "$W/esp/start4.elf" "$W/esp/bootcode.bin"
pi 13 "its firmware is gone"
finish
