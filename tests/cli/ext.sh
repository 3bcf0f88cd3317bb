#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ext2, 3 and 4 as a kernel mounts them: the same names, attributes and bytes; also of images copied while they were in
# use, whose newest files only the log has.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tool/kernel.sh
. "$TOP/tests/tool/kernel.sh"
fs=ext4
make_fs() { mke2fs -q -F -t ext4 "$@" "$img" >/dev/null 2>&1; }

# Made by mke2fs from a directory, here or not: blocks that a kernel of small pages does not mount.
mkdir "$W/tree" && "$TOP/tests/tool/fstree.py" "$W/tree" small-xattrs links=1000 2>"$W/err"
{ "$TOP/tests/tool/fslist.py" "$W/tree" && echo "d 700 - 0:0 - - 0000000000000000 lost+found"; } | no_sizes |
	LC_ALL=C sort >"$W/theirs"
while read -r name options; do
	rm -f "$img" && truncate -s 700M "$img"
	# shellcheck disable=SC2086
	holds "$name from a directory: made" make_fs $options -d "$W/tree"
	sizes=no same "$name from a directory" "$img" "$W/theirs"
done <<'LIST'
4k
64k         -b 65536
64k-old     -b 65536 -O ^64bit,^extent,^metadata_csum -I 1024
LIST

if ! make; then
	echo "# no ext4 mount here: made from a directory only"
	finish
fi
umount "$m"
while read -r name mount options; do
	mount_options=noatime,$mount
	# shellcheck disable=SC2086
	make $options || {
		# Not every kernel was built for these.
		[[ $name = casefold || $name = quota || $name = 64k* ]] || echo "mkfs or mount failed" | not_ok "$name"
		continue
	}
	xattrs=small-xattrs alloc=prealloc
	[[ $options != *ea_inode* ]] || xattrs=xattrs
	[[ $options != *^extent* ]] || alloc=devices # none without extents
	[ "$name" != casefold ] || mkdir "$m/folded" && chattr +F "$m/folded" 2>/dev/null && touch "$m/folded/Straße" "$m/folded/A"
	"$TOP/tests/tool/fstree.py" "$m" devices "$xattrs" "$alloc"
	as_mounted "$name"
done <<'LIST'
default     defaults
1k          defaults  -b 1024 -N 40000
2k          defaults  -b 2048
64k         defaults  -b 65536
inline      defaults  -O inline_data -I 512
inline-1k   defaults  -O inline_data -I 1024 -b 1024 -N 40000
ea-inode    defaults  -O ea_inode,large_dir
bigalloc    defaults  -O bigalloc -C 65536
bigalloc-1k defaults  -O bigalloc,^64bit -b 1024 -C 16384 -N 40000
blocks      defaults  -O ^extent,^64bit,^flex_bg
blocks-1k   defaults  -O ^extent,^64bit,^metadata_csum -b 1024 -N 40000
no-log      defaults  -O ^has_journal,meta_bg,^resize_inode,sparse_super2
casefold    defaults  -O casefold -E encoding=utf8
old-inodes  defaults  -I 128 -O ^metadata_csum,uninit_bg,^huge_file
quota       defaults  -O quota,project -I 256
ext3        defaults  -O ^extent,^flex_bg,^64bit,^metadata_csum,^huge_file,^dir_nlink,^extra_isize -I 256
ext2        defaults  -O ^has_journal,^extent,^flex_bg,^64bit,^metadata_csum,^huge_file,^dir_nlink,^extra_isize,^dir_index -I 256
LIST

# Copied in use: what was synced is there, as after a mount that replays the log.
while read -r name rounds mount options; do
	mount_options=noatime,$mount
	# shellcheck disable=SC2086
	in_use "$name" "$rounds" $options
done <<'LIST'
ordered      5  commit=300                  -J size=4
data         3  commit=300,data=journal     -J size=8
fast-commit  3  commit=300                  -O fast_commit
async        2  commit=300,journal_async_commit,data=writeback  -b 1024
inline       2  commit=300                  -O inline_data -b 1024
LIST

mount_options=noatime
make -N 150000 && "$TOP/tests/tool/fstree.py" "$m" small-xattrs many=100000
as_mounted "100,000 files"
holds "100,000 files: all of them" test "$(grep -c ' many[0-9]*/file' "$W/ours")" = 100000
finish
