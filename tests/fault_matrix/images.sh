#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the fault matrix damages: sources (disks and trees of a small machine called web01, whole and with what is wrong
# in a machine rather than in a file) and the restore points that the real tools make of them.
#   images.sh sources DIR                  all sources, into DIR
#   images.sh pack FORMAT SOURCE OUT       a restore point of a source, into the directory OUT; with BASE behind it (chain),
#                                          or SECOND beside it (two)
set -eu -o pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=fixtures/lib.sh
. fixtures/lib.sh
# shellcheck source=fixtures/machines.sh
. fixtures/machines.sh
id=0123456789abcdef0123456789abcdef
F=fixtures/windows
# shellcheck source=fixtures/windows/lib.sh
. $F/lib.sh

# Disks of ext4: whole, lived in, and with something wrong that no copy can be blamed for.
linux() {
	local t=$W/tree
	mk_tree "$t" web01 $id efi
	cp -a "$t" tree
	mk_disk ext.img "$t" --size 16
	mk_disk ext-old.img "$t" --age 259200 --size 16
	mk_disk ext-noloader.img "$t" --esp empty --size 16
	mk_disk ext-noesp.img "$t" --esp missing --size 16
	head -c 8388608 ext.img >ext-half.img
	noise 77 4000000 >ext-noise.img
	truncate -s 16M ext-zeros.img
	mk_tree "$W/other" web02 fedcba9876543210fedcba9876543210 efi
	mk_disk ext-other.img "$W/other" --size 16
	cp -a "$t" "$W/novolume" && add_fstab "$W/novolume" web01/srv /srv
	mk_disk ext-novolume.img "$W/novolume" --size 16
	cp -a "$t" "$W/nokernel" && rm -f "$W"/nokernel/boot/{vmlinuz,initrd}*
	mk_disk ext-nokernel.img "$W/nokernel" --size 16
	# What its owners do to a machine is no damage.
	cp -a "$t" "$W/lived" && echo '# by hand' >>"$W/lived/etc/bash.bashrc" && echo hello >"$W/lived/home/alice/new"
	printf '#!/bin/sh\nexec sort -r "$@"\n' >"$W/lived/usr/bin/tail" && rm "$W/lived/home/alice/note-3.txt"
	mk_disk ext-lived.img "$W/lived" --size 16
	truncate -s 24M "$W/luks"
	printf secret | cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$W/luks" -
	mk_disk_of ext-locked.img "$W/luks"
	# Its bootloader in the first sector; and a file system by itself.
	mk_tree "$W/bios" web01 $id bios
	mk_disk mbr.img "$W/bios" --table mbr --size 16
	mk_disk fs.img "$W/bios" --table none --size 16
	mk_disk fs-old.img "$W/bios" --table none --age 259200 --size 16
	mk_tree container web01 $id container
	# The earlier state that a chain rests on.
	cp --sparse=always ext.img ext-before.img
	flip ext-before.img "$(file_offset ext.img /usr/lib/libexample.so.1 20480)"
	flip ext-before.img "$(file_offset ext.img /home/alice/photo.raw 20480)"
	# Overwritten by what does not compress, in place: all that users and packages have, all there is, and users' files.
	for kind in programs all users; do
		cp -a "$t" "$W/ransom" && overwrite "$W/ransom" $kind
		mk_disk ext-ransom-$kind.img "$W/ransom"  --size 16&& rm -r "$W/ransom"
	done
	{
		echo "ext $(inode_offset ext.img /etc/passwd)"
		echo "mbr $(inode_offset mbr.img /etc/passwd)"
		echo "fs $(inode_offset fs.img /etc/passwd)"
	} >inodes
	containers
	# A second disk, of FAT and exFAT, that the first one's fstab names.
	local fat exfat
	fat=$(fat_id_of srv)
	zstd -qdf fixtures_exfat.zst -o "$W/exfat" && exfat=$(blkid -p -s UUID -o value "$W/exfat")
	cp -a "$t" "$W/two"
	printf 'UUID=%s-%s /srv vfat defaults 0 2\nUUID=%s /data exfat defaults 0 2\n' "${fat:0:4}" "${fat:4}" "$exfat" >>"$W/two/etc/fstab"
	mk_disk two-sda.img "$W/two" --size 16
	mkdir "$W/srv" && noise 21 300000 >"$W/srv/table.db" && truncate -s 24M two-sdb.img
	printf 'label: gpt\nlabel-id: %s\nstart=2048, size=20480, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7\nstart=22528, size=%d, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7\n' \
		"$(uuid_of sdb)" $(($(stat -c %s "$W/exfat") / 512)) | sfdisk -q two-sdb.img
	put_fat two-sdb.img 1048576 10240 "$W/srv" "$fat" "$(date +%s)"
	dd if="$W/exfat" of=two-sdb.img bs=1M seek=11 conv=notrunc,sparse status=none
}

overwrite() { # TREE programs|all|users
	local f when n=100 in=("$1/home")
	case $2 in
	programs) in=("$1/home" "$1/usr" "$1/boot" "$1/var/log") ;;
	all) in=("$1") ;;
	esac
	find "${in[@]}" -type f -size +0 | sort | while read -r f; do
		n=$((n + 1))
		when=$(stat -c %y "$f")
		noise $n "$(stat -c %s "$f")" >"$W/noise" && cat "$W/noise" >"$f" && touch -d "$when" "$f"
	done
}
# The archive of a container, and what may be wrong with it.
containers() {
	local kind
	mk_tree container-other web02 fedcba9876543210fedcba9876543210 container
	for kind in old novolume lived ransom-programs ransom-all ransom-users; do cp -a container container-$kind; done
	set_old container-old 259200
	echo "UUID=$(uuid_of web01/srv) /srv ext4 defaults 0 2" >>container-novolume/etc/fstab
	echo '# by hand' >>container-lived/etc/bash.bashrc && echo hello >container-lived/home/alice/new
	for kind in programs all users; do overwrite container-ransom-$kind $kind; done
}

# The same tree on the other file systems; they are filled without a mount.
others() {
	local root i
	i=$(fat_id_of web01)
	for fs in xfs btrfs; do
		root=$(cat /proc/sys/kernel/random/uuid) # mkfs.btrfs refuses one that is in use on this machine
		printf 'UUID=%s / %s defaults 0 1\nUUID=%s-%s /boot/efi vfat umask=0077 0 1\n' "$root" $fs "${i:0:4}" "${i:4}" >"$W/tree/etc/fstab"
		if [ $fs = xfs ]; then
			truncate -s 300M "$W/fs"
			{ echo "/none" && echo "0 0" && echo "d--755 0 0" && xfs_proto "$W/tree" && echo '$'; } >"$W/proto"
			mkfs.xfs -q -m uuid="$root" -p "$W/proto" "$W/fs"
		else
			truncate -s 128M "$W/fs"
			mkfs.btrfs -q -U "$root" --rootdir "$W/tree" "$W/fs" >/dev/null 2>&1
		fi
		mk_disk_of $fs.img "$W/fs"
		# A node of the tree of files, in its first copy.
		[ $fs = xfs ] || btrfs inspect-internal dump-tree -t fs "$W/fs" | sed -n 's/^leaf \([0-9]*\) items.*/\1/p' | head -n 1 |
			xargs -I@ btrfs-map-logical -l @ "$W/fs" | sed -n "s/^mirror 1 logical .* physical \([0-9]*\) .*/\1/p" |
			awk '{print "btrfs", $1 + 6 * 1048576 + 200}' >>inodes
		rm "$W/fs"
	done
}

windows() {
	local path n=0 t=windows-tree
	F=$TOP/$F
	zstd -qdf "$F/system.ntfs.zst" -o "$W/c.ntfs"
	hives "$W/c.ntfs" --host web01 --drive "C:=$C_GUID"
	noise 2 131072 >"$W/photo.raw"
	put "$W/c.ntfs" "$W/photo.raw" Users/Public/photo.raw
	esp "$W/esp"
	gpt "$PWD/ntfs.img" "$W/esp"
	mkdir -p $t/Windows/System32/{config,drivers} $t/Users/Public
	python3 "$F/hive.py" $t/Windows/System32/config --time "$(date +%s)" --host web01 --drive "C:=cafe1234@1048576"
	for path in ntoskrnl.exe hal.dll winload.efi ntdll.dll kernel32.dll lsass.exe services.exe smss.exe drivers/ntfs.sys; do
		n=$((n + 1))
		python3 "$F/pe.py" $n 9000 >"$t/Windows/System32/$path"
	done
	cp "$W/photo.raw" $t/Users/Public/photo.raw
	python3 "$F/pe.py" 2 9000 >hal.dll
	for path in other ransom-users ransom-all nokernel; do cp -a $t $t-$path; done
	python3 "$F/hive.py" $t-other/Windows/System32/config --time "$(date +%s)" --host web02 --drive "C:=cafe1234@1048576"
	noise 3 131072 >$t-ransom-users/Users/Public/photo.raw
	find $t-ransom-all -type f | sort | while read -r path; do
		n=$((n + 1))
		noise $n "$(stat -c %s "$path")" >"$W/noise" && cat "$W/noise" >"$path"
	done
	rm $t-nokernel/Windows/System32/ntoskrnl.exe
}

pack() { # FORMAT SOURCE OUT
	local s=$2 o=$3 n base
	mkdir -p "$o"
	case $1 in
	raw) cp --sparse=always "$s" "$o/web01.img" ;;
	zst) zstd -q -c "$s" >"$o/web01.img.zst" ;;
	zst-frames) pzstd -q -p 2 -c "$s" >"$o/web01.img.zst" 2>/dev/null ;;
	gz) gzip -n -c "$s" >"$o/web01.img.gz" ;;
	xz) xz -1 -T2 --block-size=8MiB -c "$s" >"$o/web01.img.xz" ;;
	lz4) lz4 -q -c "$s" >"$o/web01.img.lz4" ;;
	bz2) bzip2 -c "$s" >"$o/web01.img.bz2" ;;
	lzo) lzop -q -c "$s" >"$o/web01.img.lzo" ;;
	split-raw) split -a 2 -b 6M "$s" "$o/web01.img." ;;
	split-zst)
		zstd -q -c "$s" >"$o/x"
		n=$(($(stat -c %s "$o/x") / 3 + 1))
		split -a 2 -b $n "$o/x" "$o/web01.img.zst." && rm "$o/x"
		;;
	qcow2) qemu-img convert -O qcow2 "$s" "$o/web01.qcow2" ;;
	qcow2-c) qemu-img convert -c -O qcow2 "$s" "$o/web01.qcow2" ;;
	qcow2-zstd) qemu-img convert -c -O qcow2 -o compression_type=zstd "$s" "$o/web01.qcow2" ;;
	chain)
		# Only the clusters that were written since are in the newer file.
		base=${BASE:-$s}
		qemu-img convert -O qcow2 "$base" "$o/base.qcow2"
		(cd "$o" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2)
		for n in $(cmp -l "$base" "$s" | awk '{n = int(($1 - 1) / 65536); if (!(n in seen)) print n; seen[n] = 1}'); do
			dd if="$s" of="$o/x" bs=64K skip="$n" count=1 status=none
			qemu-io -c "write -q -s $o/x $((n * 65536)) 64k" "$o/web01.qcow2" >/dev/null && rm "$o/x"
		done
		;;
	vhd) qemu-img convert -O vpc "$s" "$o/web01.vhd" ;;
	vhdx) qemu-img convert -O vhdx "$s" "$o/web01.vhdx" ;;
	vmdk) qemu-img convert -O vmdk "$s" "$o/web01.vmdk" ;;
	vmdk-stream) qemu-img convert -O vmdk -o subformat=streamOptimized "$s" "$o/web01.vmdk" ;;
	vmdk-split) qemu-img convert -O vmdk -o subformat=twoGbMaxExtentSparse "$s" "$o/web01.vmdk" ;;
	vdi) qemu-img convert -O vdi "$s" "$o/web01.vdi" ;;
	ova)
		qemu-img convert -O vmdk -o subformat=streamOptimized "$s" "$o/web01-disk1.vmdk"
		mk_ovf "$o" web01 web01-disk1.vmdk
		tar --format=ustar -C "$o" -cf "$o/web01.ova" web01.ovf web01.mf web01-disk1.vmdk
		rm "$o"/web01.ovf "$o"/web01.mf "$o"/web01-disk1.vmdk
		;;
	vma | vma-zst)
		fixtures/vma/make-vma --disk drive-scsi0="$s" --host web01 --time "$(date +%s)" "$o/web01.vma" >/dev/null
		[ "$1" = vma ] || zstd -q --rm "$o/web01.vma"
		;;
	partclone) partclone.ext4 -c -s "$s" -o "$o/web01.ptcl" -L "$o/log" >/dev/null 2>&1 && rm -f "$o/log" ;;
	clonezilla) mk_clonezilla "$o/web01-img" "$s" zstd -q -c ;;
	e01)
		ewfacquire -u -q -c fast -f encase6 -S 1048576 -d sha1 -t "$o/web01" "$s" >"$o/log" 2>&1 </dev/null
		rm -f "$o/log"
		;;
	tar) mk_tar "$o/web01.tar" "$s" ;;
	tar-zst) mk_tar "$o/web01.tar" "$s" && zstd -q --rm "$o/web01.tar" ;;
	tar-gz) mk_tar "$o/web01.tar" "$s" && gzip -n "$o/web01.tar" ;;
	wim) wimcapture "$s" "$o/web01.wim" web --compress=LZX --check >/dev/null 2>&1 ;;
	two) cp --sparse=always "$s" "$o/web01-sda.img" && cp --sparse=always "$SECOND" "$o/web01-sdb.img" ;;
	*) echo "images.sh: no format called $1" >&2 && exit 64 ;;
	esac
}

case ${1-} in
sources)
	fixtures_needs sfdisk mkfs.fat mcopy mke2fs debugfs mkfs.xfs mkfs.btrfs mkntfs ntfscp qemu-img partclone.ext4 zstd pzstd xz \
		lz4 bzip2 lzop ewfacquire wimcapture cryptsetup jq python3 perl
	W=$(mktemp -d)
	trap 'rm -rf "$W"' EXIT
	TOP=$PWD
	FIXTURES_TEMPLATE=$W/template
	mkdir -p "$2" && cp fixtures/exfat/c4096.img.zst "$2/fixtures_exfat.zst"
	cd "$2"
	linux && rm fixtures_exfat.zst
	others
	windows
	;;
pack) pack "$2" "$3" "$4" ;;
*) echo "usage: images.sh sources DIR | pack FORMAT SOURCE OUT" >&2 && exit 64 ;;
esac
