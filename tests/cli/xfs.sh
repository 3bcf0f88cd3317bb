#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# XFS as a kernel mounts it: the same names, attributes and bytes; also of images copied while they were in use, whose
# newest files only the log has.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tool/kernel.sh
. "$TOP/tests/tool/kernel.sh"
fs=xfs

# What needs no kernel: kept images and the lists that one gave.
for packed in "$TOP"/fixtures/xfs/*[a-z].zst; do
	name=$(basename "$packed" .zst)
	[[ $name != *.list ]] || continue
	zstd -qdf "$packed" -o "$img"
	zstd -qdc "${packed%.zst}.list.zst" | grep '^f .* [0-9a-f]\{64\} ' |
		sed 's/^f [0-7]* [0-9]* [0-9]* \([0-9a-f]*\) \(.*\)/\1  \2/' | LC_ALL=C sort >"$W/sums"
	"$tool" xfs "$img" verify >"$W/got" 2>"$W/findings"
	holds "$name: all held" test $? = 0
	sed -n 's/^f [0-7]* [0-9]* [^ ]* [0-9]* \([0-9a-f]*\) [0-9a-f]* \(.*\)/\1  \2/p' "$W/got" |
		grep -v '  sparse$' | LC_ALL=C sort >"$W/ours"
	holds "$name: as the kernel had it" diff "$W/sums" "$W/ours"
done

# Made by mkfs from a list of files, here or not: blocks that a kernel of small pages does not mount.
mkdir "$W/tree" && (cd "$W/tree" && mkdir -p d/e && seq 70000 >d/numbers && : >zero && ln -s d/numbers l &&
	for i in $(seq 3000); do echo "$i" >"d/e/file$i"; done && chmod 2750 d/e && chmod 4755 d/numbers)
proto() { # of a directory
	local p mode
	for p in "$1"/*; do
		mode=$(stat -c %a "$p") && mode=$(printf '%04d' "$mode")
		case $mode in 4*) mode="u-${mode#?}" ;; 2*) mode="-g${mode#?}" ;; *) mode="--${mode#?}" ;; esac
		if [ -L "$p" ]; then echo "${p##*/} l--777 0 0 $(readlink "$p")"
		elif [ -d "$p" ]; then echo "${p##*/} d$mode 0 0" && proto "$p" && echo '$'
		else echo "${p##*/} -$mode 0 0 $p"; fi
	done
}
{ echo "/none" && echo "0 0" && echo "d--755 0 0" && proto "$W/tree" && echo '$'; } >"$W/proto"
"$TOP/tests/tool/fslist.py" "$W/tree" | no_sizes | LC_ALL=C sort >"$W/theirs"
for size in 4096 65536; do
	rm -f "$img" && truncate -s 600M "$img"
	holds "prototype, blocks of $size: made" mkfs.xfs -q -b "size=$size" -p "$W/proto" "$img"
	sizes=no same "prototype, blocks of $size" "$img" "$W/theirs"
done
rm -f "$img" && truncate -s 600M "$img"
holds "version 4: made" mkfs.xfs -q -m crc=0 -n ftype=0 -p "$W/proto" "$img"
holds "version 4: nothing shown" test -z "$("$tool" xfs "$img" verify 2>"$W/findings")"
holds "version 4: and told why" grep -q 'only version 5 is read' "$W/findings"

make_fs() { mkfs.xfs -q --unsupported "$@" "$img" >/dev/null 2>&1; }
if ! make; then
	echo "# no XFS mount here: kept lists only"
	finish
fi
umount "$m"

while read -r name options; do
	# shellcheck disable=SC2086
	make $options || {
		# Some kernels cannot.
		[ "$name" = 64k ] || echo "mkfs or mount failed" | not_ok "$name"
		continue
	}
	more=reflink
	[[ $options != *reflink=0* ]] || more=devices
	"$TOP/tests/tool/fstree.py" "$m" devices prealloc xattrs "$more"
	as_mounted "$name"
done <<'LIST'
default
nrext64    -i nrext64=1
1k-rmap    -b size=1024 -m rmapbt=1
64k        -b size=65536
inode-1k   -i size=1024 -d agcount=1
inode-2k   -i size=2048,sparse=0 -n size=16384 -s size=4096
old-times  -m bigtime=0,inobtcount=0,finobt=0,reflink=0
LIST

# Copied in use: what was synced is there, as after a mount that replays the log.
while read -r name seeds options; do
	# shellcheck disable=SC2086
	in_use "$name" "$seeds" $options
done <<'LIST'
log      6  -l size=2500b -d size=200m
1k-log   3  -b size=1024 -m rmapbt=1 -i nrext64=1
LIST

make && "$TOP/tests/tool/fstree.py" "$m" many=100000
as_mounted "100,000 files"
holds "100,000 files: all of them" test "$(grep -c ' many[0-9]*/file' "$W/ours")" = 100000
finish
