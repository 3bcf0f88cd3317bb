#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whole machines on other file systems than ext4, on volume groups, and behind locks. Their images are made with loop
# mounts; where there are none, those that mkfs fills are tried all the same.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
AGAIN=1
# shellcheck source=fixtures/machines.sh
. "$TOP/fixtures/machines.sh"
M=$W/mnt
mkdir "$M"
loops=()
cleanup() {
	umount "$M" 2>/dev/null
	local l
	for l in "${loops[@]}"; do losetup -d "$l" 2>/dev/null; done
	release
}
trap cleanup EXIT
mk_tree "$W/tree" web01 $ID efi
root=$(cat /proc/sys/kernel/random/uuid) # mkfs.btrfs refuses one that is in use on this machine

truncate -s 4M "$W/try" && mke2fs -q "$W/try" && mount -o loop "$W/try" "$M" 2>/dev/null && umount "$M" && loops_work=y || loops_work=
[ -n "$loops_work" ] || echo "no loop mounts here: subvolumes and volume groups are left out"

mounted() { # IMAGE COMMAND...: runs it with $M mounted
	local image=$1 rc
	shift
	mount -o loop "$image" "$M" || return 1
	"$@"
	rc=$?
	umount "$M"
	return $rc
}
copy_tree() { cp -a "$W/tree/." "$M/${1-}"; }
fstab() { # LINE...: the first is the root's
	{
		printf '%s\n' "$@"
		printf 'UUID=%s /boot/efi vfat umask=0077 0 1\n' "$(fat_id_of web01 | sed 's/..../&-/')"
	} >"$W/tree/etc/fstab"
}
data_offset() { # IMG FILE: where the first 64 bytes of a file's middle lie in an image
	python3 - "$1" "$2" <<-'END'
		import mmap, sys
		data = open(sys.argv[2], "rb").read()
		at = len(data) // 2 // 4096 * 4096
		with open(sys.argv[1], "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
		    print(m.find(data[at:at + 64]))
	END
}
noise 77 3000000 >"$W/tree/srv/noise.bin" 2>/dev/null || { mkdir -p "$W/tree/srv" && noise 77 3000000 >"$W/tree/srv/noise.bin"; }

# XFS.
fstab "UUID=$root / xfs defaults 0 1"
{ echo "/none" && echo "0 0" && echo "d--755 0 0" && xfs_proto "$W/tree" && echo '$'; } >"$W/proto"
truncate -s 320M "$W/xfs.fs"
if [ -n "$loops_work" ]; then
	mkfs.xfs -q -m uuid="$root" "$W/xfs.fs" && mounted "$W/xfs.fs" copy_tree
else
	mkfs.xfs -q -m uuid="$root" -p "$W/proto" "$W/xfs.fs"
fi || exit 1
mk_disk_of "$W/xfs.img" "$W/xfs.fs" || exit 1
expect 0 "XFS" web01 --from "$W/xfs.img"
expect 13 "XFS: another host" db01 --from "$W/xfs.img"
qemu-img convert -c -O qcow2 "$W/xfs.img" "$W/xfs.qcow2"
expect 0 "XFS in a compressed qcow2" web01 --from "$W/xfs.qcow2"
holds "its metadata was walked" jq -e '[.findings[] | select(.proof == "structure" and (.outcome != "held" and .outcome != "skipped"))] == []' "$W/out"
flip "$W/xfs.img" $(((6 << 20) + 513))
expect 12 "XFS: a byte of a group's header" web01 --from "$W/xfs.img"
flip "$W/xfs.img" $(((6 << 20) + 513))
flip "$W/xfs.img" $((6 << 20))
expect 20 "XFS: its magic is gone: nobody knows what it is" web01 --from "$W/xfs.img"
rm -f "$W/xfs.qcow2"

# btrfs: by itself, and as distributions lay it out, with a snapshot that must not be taken for the system.
fstab "UUID=$root / btrfs defaults 0 0"
truncate -s 256M "$W/btrfs.fs" && mkfs.btrfs -q -U "$root" --rootdir "$W/tree" "$W/btrfs.fs" >/dev/null || exit 1
mk_disk_of "$W/btrfs.img" "$W/btrfs.fs" || exit 1
expect 0 "btrfs" web01 --from "$W/btrfs.img"
at=$(data_offset "$W/btrfs.img" "$W/tree/srv/noise.bin")
holds "the file's data was found" test "$at" -gt 0
flip "$W/btrfs.img" "$at"
expect 12 "btrfs: a byte of a file that no package knows" web01 --from "$W/btrfs.img" --depth full

if [ -n "$loops_work" ]; then
fstab "UUID=$root / btrfs subvol=@ 0 0" "UUID=$root /home btrfs subvol=@home 0 0"
subvolumes() {
	btrfs -q subvolume create "$M/@" >/dev/null && btrfs -q subvolume create "$M/@home" >/dev/null && mkdir "$M/@/home" &&
		copy_tree @ && echo hello >"$M/@home/letter" && echo old01 >"$W/name" &&
		btrfs subvolume snapshot "$M/@" "$M/before" >/dev/null && echo old01 >"$M/before/etc/hostname"
}
rm "$W/btrfs.fs" && truncate -s 256M "$W/btrfs.fs" && mkfs.btrfs -q -U "$root" "$W/btrfs.fs" &&
	mounted "$W/btrfs.fs" subvolumes || exit 1
mk_disk_of "$W/btrfs.img" "$W/btrfs.fs" || exit 1
expect 0 "btrfs with subvolumes" web01 --from "$W/btrfs.img"
run inspect "$W/btrfs.img" --cat /home/letter
holds "the second subvolume is mounted" grep -q hello "$W/out"
run inspect "$W/btrfs.img" --cat /etc/hostname
holds "the root is not the snapshot" grep -q web01 "$W/out"
without_home() { btrfs subvolume delete "$M/@home" >/dev/null; }
mounted "$W/btrfs.fs" without_home && mk_disk_of "$W/btrfs.img" "$W/btrfs.fs" || exit 1
expect 13 "a subvolume that the fstab names is gone" web01 --from "$W/btrfs.img"
rm -f "$W"/btrfs.* "$W"/xfs.*

# LVM: root and /srv in a volume group, over one disk and over two; md below it.
lvm_make() { # NAME... : PV images; makes vg0 with root (linear) and srv over them
	local image l pvs=() config='devices { use_devicesfile=0 filter=["a|/dev/loop|","r|.*|"] } activation { udev_sync=0 udev_rules=0 } global { use_lvmpolld=0 } backup { backup=0 archive=0 }'
	for image; do
		l=$(losetup -f --show "$image") && loops+=("$l") && pvs+=("$l") || return 1
	done
	export LVM_SUPPRESS_FD_WARNINGS=1
	# shellcheck disable=SC2086
	pvcreate "--config=$config" --driverloaded n -q -ff -y "${pvs[@]}" >/dev/null &&
		vgcreate "--config=$config" --driverloaded n -q -s 4M vg0 "${pvs[@]}" >/dev/null &&
		lvcreate "--config=$config" --driverloaded n -q -an -Zn -Wn -L 64M -n root vg0 "${pvs[0]}" >/dev/null &&
		lvcreate "--config=$config" --driverloaded n -q -an -Zn -Wn -L 64M -n my-data vg0 "${pvs[-1]}" >/dev/null &&
		vgcfgbackup "--config=$config" --driverloaded n -q -f "$W/vg0.txt" vg0 >/dev/null
	local rc=$?
	for l in "${pvs[@]}"; do losetup -d "$l"; done
	return $rc
}
lv_put() { # LV PV-IMAGE FS-IMAGE: at the LV's first extent (of 4 MiB, data from 1 MiB on)
	local extent
	extent=$(awk -v lv="$1" '$1 == lv && $2 == "{" {in_lv = 1} in_lv && /"pv[01]", / {gsub(/[^0-9 ]/, " "); print $2; exit}
		in_lv && /stripes = \[/ {getline; n = split($0, f, ","); gsub(/[^0-9]/, "", f[2]); print f[2]; exit}' "$W/vg0.txt")
	[ -n "$extent" ] && dd if="$3" of="$2" bs=1M seek=$((1 + 4 * extent)) conv=notrunc,sparse status=none
}
fstab "/dev/mapper/vg0-root / ext4 defaults 0 1" "/dev/vg0/my-data /srv ext4 defaults 0 2"
mkdir "$W/data" && noise 5 100000 >"$W/data/table"
truncate -s 64M "$W/root.fs" "$W/data.fs" &&
	mke2fs -q -t ext4 -U "$root" -d "$W/tree" "$W/root.fs" && mke2fs -q -t ext4 -d "$W/data" "$W/data.fs" || exit 1
truncate -s 160M "$W/pv" && lvm_make "$W/pv" && lv_put root "$W/pv" "$W/root.fs" && lv_put my-data "$W/pv" "$W/data.fs" || exit 1
mk_disk_of "$W/lvm.img" "$W/pv" lvm || exit 1
expect 0 "LVM" web01 --from "$W/lvm.img"
run inspect "$W/lvm.img" --cat /srv/table
holds "a logical volume is mounted by its name" cmp "$W/out" "$W/data/table"
zstd -q "$W/lvm.img" -o "$W/lvm.img.zst"
expect 0 "LVM, zst" web01 --from "$W/lvm.img.zst"
rm -f "$W/pv" "$W/pv2" && truncate -s 80M "$W/pv" "$W/pv2" && lvm_make "$W/pv" "$W/pv2" &&
	lv_put root "$W/pv" "$W/root.fs" && lv_put my-data "$W/pv2" "$W/data.fs" || exit 1
mk_disk_of "$W/web01-sda.img" "$W/pv" lvm && cp --sparse=always "$W/pv2" "$W/web01-sdb.img" || exit 1
expect 0 "LVM over two disks" web01 --from "$W/web01-sda.img" --from "$W/web01-sdb.img"
expect 13 "LVM over two disks, one is missing" web01 --from "$W/web01-sda.img"
for n in 1 2; do
	rm -f "$W/pv" && truncate -s 160M "$W/pv" && lvm_make "$W/pv" && lv_put root "$W/pv" "$W/root.fs" &&
		lv_put my-data "$W/pv" "$W/data.fs" || exit 1
	mv "$W/pv" "$W/group$n"
done
mk_disk_of "$W/web01-sda.img" "$W/group1" lvm && mv "$W/group2" "$W/web01-sdb.img" || exit 1
expect 20 "two volume groups of one name" web01 --from "$W/web01-sda.img" --from "$W/web01-sdb.img"
rm -f "$W"/lvm.* "$W"/web01-*

fi

# Striped over two disks: one of them is missing, or both are there and can't be read together.
fstab "UUID=$root / btrfs defaults 0 0"
rm -f "$W/pv" "$W/pv2" && truncate -s 200M "$W/pv" "$W/pv2" && mkfs.btrfs -q -m raid1 -d raid0 -U "$root" "$W/pv" "$W/pv2" >/dev/null 2>&1 || exit 1
mk_disk_of "$W/web01-sda.img" "$W/pv" && mv "$W/pv2" "$W/web01-sdb.img" || exit 1
expect 13 "btrfs over two disks, one is missing" web01 --from "$W/web01-sda.img"
run check web01 --from "$W/web01-sda.img" --from "$W/web01-sdb.img" --config "$W/empty.conf" --scratch "$S" --format json
verdict_is 20 "btrfs over two disks, both are there"
holds "it says so" jq -e '[.reasons[]] | any(contains("each of its 2 devices that are here is read alone"))' "$W/out"
rm -f "$W"/web01-* "$W/pv"

# A journal on another disk, which a clean file system does not need.
if [ -n "$loops_work" ]; then
	truncate -s 16M "$W/journal" && truncate -s 64M "$W/ext" && mke2fs -q -F -O journal_dev -b 4096 "$W/journal" || exit 1
	fstab "UUID=$root / ext4 defaults 0 1"
	l=$(losetup -f --show "$W/journal") && mke2fs -q -t ext4 -b 4096 -U "$root" -J device="$l" -d "$W/tree" "$W/ext" >/dev/null
	losetup -d "$l"
	mk_disk_of "$W/web01-sda.img" "$W/ext" && mv "$W/journal" "$W/web01-sdb.img" && zstd -q --rm "$W"/web01-sd?.img || exit 1
	expect 0 "ext4 with its journal on another disk" web01 --from "$W/web01-sda.img.zst" --from "$W/web01-sdb.img.zst"
	rm -f "$W"/web01-* "$W/ext"
fi

# What is locked is never safe, and is named.
printf 'secret' >"$W/key"
truncate -s 64M "$W/luks" && cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$W/luks" "$W/key" || exit 1
mk_disk_of "$W/luks.img" "$W/luks" || exit 1
expect 20 "LUKS" web01 --from "$W/luks.img"
holds "the volume is named" jq -e '[.reasons[]] | any(contains("encrypted") and contains("luks.img:2"))' "$W/out"
finish
