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
# Two machines' directories with a base of one name: each chain gets its own.
mkdir -p "$W/c/a" "$W/c/b" "$W/c/d"
qemu-img convert -O qcow2 "$raw" "$W/c/a/base.qcow2" && qemu-img convert -O qcow2 "$F/gpt-old.img" "$W/c/b/base.qcow2" || exit 1
for d in a b d; do (cd "$W/c/$d" && qemu-img create -q -u -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 32M); done
mkdir "$W/c/e" && cp "$W/c/a/base.qcow2" "$W/c/e/"
expect 0 "a base in the same directory" web01 --from "$W/c/a/top.qcow2" --from "$W/c/a/base.qcow2"
expect 11 "an old base in the same directory, a fresh one of its name elsewhere" web01 \
	--from "$W/c/a/base.qcow2" --from "$W/c/b/top.qcow2" --from "$W/c/b/base.qcow2"
expect 20 "two bases of one name, both elsewhere" web01 \
	--from "$W/c/a/base.qcow2" --from "$W/c/d/top.qcow2" --from "$W/c/e/base.qcow2"
(cd "$W/c/d" && qemu-img create -q -u -f qcow2 -b ../a/base.qcow2 -F qcow2 top.qcow2 32M)
run inspect "$W/c/b/base.qcow2" "$W/c/d/top.qcow2" "$W/c/a/base.qcow2" --format json
holds "a name with a directory means the file there" jq -e \
	'[.. | objects | select(.path? and (.path | endswith("a/base.qcow2")))] | length > 0' "$W/out"
rm -rf "$W/c"
for order in "gpt gpt-old" "gpt-old gpt"; do
	# shellcheck disable=SC2086
	set -- $order
	expect 11 "the same disk twice, one of them old: $1, $2" web01 --from "$F/$1.img" --from "$F/$2.img"
done
finish
