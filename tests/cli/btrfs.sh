#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# btrfs as a kernel mounts it: the same names, attributes and bytes; also of images copied while they were in use, whose
# newest files only the log has.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
tool=$(dirname "$BACKPROOF")/tests/tool/fslist
[ -x "$tool" ] || make -s -C "$TOP" BUILD="$(dirname "$BACKPROOF")" "$tool" >/dev/null 2>&1
img=$W/img m=$W/mnt
mkdir "$m"

# same NAME IMAGE LIST [OPTIONS]: the reader's list, all of its findings held.
same() {
	local name=$1 image=$2 list=$3
	shift 3
	if "$tool" btrfs "$image" verify "$@" >"$W/ours" 2>"$W/findings"; then ok "$name: all held"; else
		not_ok "$name: all held" <"$W/findings"
	fi
	LC_ALL=C sort -o "$W/ours" "$W/ours"
	holds "$name: as the kernel has it" diff "$list" "$W/ours"
}

# What needs no kernel: kept images and the lists that one gave.
for packed in "$TOP"/fixtures/btrfs/*.img.zst; do
	name=$(basename "$packed" .img.zst)
	zstd -qdf "$packed" -o "$img"
	LC_ALL=C sort "${packed%.img.zst}.list" >"$W/want"
	"$tool" btrfs "$img" verify >"$W/got" 2>"$W/findings"
	holds "$name: all held" test $? = 0
	sed -i -E 's/^([^ ]+ [^ ]+ [^ ]+) [^ ]+ ([^ ]+ [^ ]+) [0-9a-f]{16} /\1 \2 /' "$W/got"
	LC_ALL=C sort -o "$W/got" "$W/got"
	holds "$name: as the kernel had it" diff "$W/want" "$W/got"
	rm -rf "$W/out.d" && mkdir "$W/out.d"
	run extract "$img" / -C "$W/out.d" --scratch "$S"
	case $name in
	log | busy) # its newest files too
		sed -n 's/^f [0-7]* [0-9]* [0-9]* \([0-9a-f]*\) \(.*\)/\1  \2/p' "$W/want" | LC_ALL=C sort >"$W/sums"
		(cd "$W/out.d" && find . -type f -printf '%P\0' | xargs -0r sha256sum) | LC_ALL=C sort >"$W/got"
		holds "$name: extracted files are those of the kernel" diff "$W/sums" "$W/got"
		;;
	*) holds "$name: the root is the subvolume that its fstab names" grep -qx later "$W/out.d/etc/later" ;;
	esac
done

populate() {
	mkdir -p a/b/c empty many
	head -c 3000000 /dev/urandom >a/random
	seq 300 >a/text
	seq 300000 >a/large-text
	printf small >a/small
	: >a/zero
	head -c 2000 /dev/zero >a/zeros
	head -c 4095 /dev/urandom >a/below-a-sector
	truncate -s 50M a/sparse
	printf middle | dd of=a/sparse bs=1 seek=20000001 conv=notrunc status=none
	fallocate -l 3M a/prealloc
	printf xx | dd of=a/prealloc bs=1 seek=1000000 conv=notrunc status=none
	cp --reflink=always a/random a/reflink
	printf changed | dd of=a/reflink bs=1 seek=777777 conv=notrunc status=none
	fallocate -p -o 100000 -l 500000 a/reflink
	ln a/random a/b/hard
	ln -s ../a/text link
	ln -s /a/b absolute
	ln -s "$(head -c 3000 /dev/zero | tr '\0' w)" long-link
	mkfifo fifo
	mknod device b 7 1
	touch "$(printf 'new\nline')" "$(printf '\377\376')" "$(head -c 255 /dev/zero | tr '\0' n)" 'with space'
	for i in $(seq 300); do
		echo "$i" >"many/f$i"
		ln a/small "many/a-hard-link-with-a-name-that-fills-the-item-of-references-$i"
	done
	setfattr -n user.hello -v world a/small
	setfattr -n user.big -v "$(head -c 3000 /dev/zero | tr '\0' q)" a/small
	chattr +C empty
	head -c 200000 /dev/urandom >empty/nocow
	btrfs -q subvolume create @ >/dev/null
	btrfs -q subvolume create @/nested >/dev/null
	btrfs -q subvolume create a/b/deep >/dev/null
	mkdir @/etc
	echo root >@/etc/fstab
	echo n >@/nested/file
	btrfs -q subvolume snapshot @ snapshot >/dev/null
	btrfs -q subvolume snapshot -r . a/read-only >/dev/null
	echo later >@/etc/later
	rm many/f7
	btrfs -q subvolume create gone >/dev/null
	echo x >gone/x
	sync -f .
	btrfs -q subvolume delete gone >/dev/null
	printf tail >a/grown
	sync -f .
	printf more | dd of=a/grown bs=1 seek=5000 conv=notrunc status=none
}

make() { # MKFS-OPTIONS MOUNT-OPTIONS: an empty file system, mounted
	rm -f "$img" && truncate -s 600M "$img"
	# shellcheck disable=SC2086
	mkfs.btrfs -q $1 "$img" >/dev/null 2>&1 && mount -o "loop,$2" "$img" "$m" 2>/dev/null
}
if ! make "" noatime; then
	echo "# no btrfs mount here: kept lists only"
	finish
fi
umount "$m"

while read -r name options mount; do
	make "${options//+/ }" "$mount" || {
		echo "mkfs or mount failed" | not_ok "$name"
		continue
	}
	(cd "$m" && populate)
	umount "$m" && mount -o loop,ro "$img" "$m"
	"$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
	umount "$m"
	same "$name" "$img" "$W/theirs"
	# What a mount with an option shows, and after another default was set.
	mount -o loop,ro,subvol=@ "$img" "$m" && "$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
	umount "$m"
	same "$name subvol=@" "$img" "$W/theirs" subvol=@
	mount -o loop "$img" "$m" && btrfs subvolume set-default "$m/@" && umount "$m"
	same "$name default @" "$img" "$W/theirs"
done <<END
plain     -L+label                      compress=no
zlib      -O+^no-holes                  compress-force=zlib
zstd-64k  -n+65536                      compress-force=zstd
lzo       -n+4096                       compress-force=lzo
mixed     --mixed                       compress=zstd
xxhash    --csum+xxhash+-d+dup          compress=lzo
sha256    --csum+sha256                 compress=no
blake2    --csum+blake2                 compress=no
END

# Copied in use: what was synced is there, as after a mount that replays the log.
for seed in 1 2 3; do
	make "-n 4096" "commit=300" || continue
	(cd "$m" && "$TOP/tests/tool/fschange.py" $seed)
	cp --sparse=always "$img" "$W/busy"
	umount "$m"
	cp --sparse=always "$W/busy" "$img"
	mount -o loop "$img" "$m" && "$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
	umount "$m"
	same "in use $seed" "$W/busy" "$W/theirs"
	holds "in use $seed: there was a log" grep -q '^btrfs.log held' "$W/findings"
done

# Many files.
make "" noatime
python3 - "$m" <<'END'
import os, sys
for d in range(100):
    os.mkdir("%s/d%d" % (sys.argv[1], d))
    for f in range(1000):
        with open("%s/d%d/file%d" % (sys.argv[1], d, f), "wb") as out:
            out.write(b"%d" % f)
END
umount "$m" && mount -o loop,ro "$img" "$m" && "$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
umount "$m"
same "100,000 files" "$img" "$W/theirs"
holds "100,000 files: all of them" test "$(wc -l <"$W/ours")" = 100100
finish
