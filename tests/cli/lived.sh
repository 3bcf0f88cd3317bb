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
finish
