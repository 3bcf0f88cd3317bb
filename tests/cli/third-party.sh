#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Images that other programs made open as what they are, or fail for the right reason.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
T=$W/t
mkdir "$T"
for f in "$TOP"/fixtures/third-party/*; do
	case $f in
	*.zst) zstd -dq "$f" -o "$T/$(basename "$f" .zst)" ;;
	*.md) ;;
	*) cp "$f" "$T/" ;;
	esac
done
inspect() { # NAME CODE FILE JQ-TEST
	run inspect "$T/$3" --format json --scratch "$S"
	if [ "$code" = "$2" ] && jq -e "$4" "$W/out" >/dev/null; then ok "$1"; else why "$2 and $4" | not_ok "$1"; fi
}
for f in ext2.qcow2 ext2.vhd ext2.vmdk ext2.E01; do
	inspect "$f" 0 "$f" '.parts[0].volumes[0] | .type == "ext2" and .label == "ext2_test" and
		.uuid == "f00050bb-07ee-46a3-83a6-a405ee0db51f" and .readable'
done
# Four containers of one volume: the same files in each.
for f in ext2.qcow2 ext2.vhd ext2.vmdk ext2.E01; do
	rm -rf "$T/out" && mkdir "$T/out"
	run extract "$T/$f" / -C "$T/out" --scratch "$S"
	holds "$f: extract" test "$code" = 0
	(cd "$T/out" && find . -type f -exec sha256sum {} + | sort) >"$T/$f.list"
	holds "$f: files came out" test -s "$T/$f.list"
	holds "$f: the files of the others" cmp "$T/ext2.qcow2.list" "$T/$f.list"
done
qemu-img convert -O raw "$T/ext2.qcow2" "$T/ext2.raw"
mkdir "$T/dump" && debugfs -R "rdump / $T/dump" "$T/ext2.raw" >/dev/null 2>&1
(cd "$T/dump" && find . -type f -exec sha256sum {} + | sort) >"$T/debugfs.list"
holds "debugfs gives the same files" cmp "$T/debugfs.list" "$T/ext2.qcow2.list"
inspect image.E01 0 image.E01 '.parts[0].volumes[0] | .type == "ext2" and .readable'
inspect "a volume that Windows wrote" 0 windows_volume.qcow2 '.parts[0].volumes[0] | .type == "ntfs" and .uuid == "1066467111C40DAF" and .readable'
inspect "a differencing disk without its parent" 13 fat-differential.vhd '[.problems[].detail] | any(contains("fat-parent.vhd"))'
expect 13 "a differencing disk without its parent" web01 --from "$T/fat-differential.vhd"
holds "the parent is named" jq -e '[.reasons[]] | any(contains("fat-parent.vhd"))' "$W/out"
expect 11 "years old, whatever the file's time" web01 --from "$T/ext2.E01"
finish
