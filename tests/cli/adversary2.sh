#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# More ways to be taken in: bases of the same name, mirrors of which one half is bad, disks that pass for notes, and
# files that come out of a backup wrong or not at all.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
raw=$F/gpt.img
fresh() { rm -rf "$W/b" && mkdir "$W/b"; }
never() { # NAME HOST ARGUMENTS...: anything but safe
	local name=$1
	shift
	run check "$@" --config "$W/empty.conf" --scratch "$S" --format json
	if [ "$code" != 0 ]; then ok "$name"; else why "anything but 0" | not_ok "$name"; fi
}

# What comes out of an archive is proved by the archive's end alone.
mkdir -p "$W/t/srv" && noise 3 600000 >"$W/t/srv/a" && noise 4 600000 >"$W/t/srv/z" && ln -s a "$W/t/srv/link"
tar -C "$W/t" -cf "$W/t.tar" srv && zstd -q --check "$W/t.tar" -o "$W/t.tar.zst" && gzip -k "$W/t.tar"
for kind in zst gz; do
	mkdir "$W/copy"
	run extract "$W/t.tar.$kind" srv/a -C "$W/copy"
	holds "extract from .tar.$kind" test "$code" = 0
	holds "the file is right" cmp "$W/copy/srv/a" "$W/t/srv/a"
	flip "$W/t.tar.$kind" 300000
	run inspect "$W/t.tar.$kind" --cat srv/a
	holds "--cat from a damaged .tar.$kind" test "$code" = 12
	rm -rf "$W/copy" && mkdir "$W/copy"
	run extract "$W/t.tar.$kind" srv/a -C "$W/copy"
	holds "extract from a damaged .tar.$kind" test "$code" = 12
	rm -rf "$W/copy"
done
run inspect "$W/t.tar" --cat srv/link
holds "--cat of a link in an archive is no empty file" test "$code" = 20
run inspect "$raw" --cat /etc/os-release
holds "--cat of a link is no empty file" test "$code" = 20
holds "it says where the link leads" grep -q usr/lib/os-release "$W/err"
run inspect "$raw" --cat usr/lib/os-release
holds "--cat of a file" test "$code" = 0
finish
