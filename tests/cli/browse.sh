#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Looking into backups and taking files out of them: the same bytes as debugfs, mtools and tar give.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
F=$W/f
"$TOP/fixtures/make-small-images.sh" "$F" >/dev/null || exit 1
mkdir "$W/qcow"
qemu-img convert -c -O qcow2 "$F/gpt.img" "$W/qcow/web01.qcow2"
zstd -q "$W/qcow/web01.qcow2" -o "$W/qcow/web01.qcow2.zst"

b() { # WANTED-CODE NAME ARGUMENTS...
	local want=$1 name=$2
	shift 2
	run "$@"
	if [ "$code" = "$want" ]; then ok "$name"; else why "$want" | not_ok "$name"; fi
}
tree() { # IMAGE: a list of what debugfs sees in its root file system
	debugfs -R 'rdump / '"$W/rdump" "$1?offset=$2" >/dev/null 2>&1
}

root=$(sfdisk -J "$F/gpt.img" | jq '.partitiontable.partitions[1].start * 512')
mkdir "$W/rdump"
tree "$F/gpt.img" "$root"
holds "debugfs gave a tree to compare with" test -s "$W/rdump/etc/hostname"
for image in "$F/gpt.img" "$W/qcow/web01.qcow2" "$W/qcow/web01.qcow2.zst"; do
	n=$(basename "$image")
	rm -rf "$W/out.d" && mkdir "$W/out.d"
	b 0 "$n: extract all" extract "$image" / -C "$W/out.d" --scratch "$S"
	rm -rf "$W/out.d/boot/efi" "$W/rdump/boot/efi" "$W/rdump/lost+found" "$W/out.d/lost+found"
	holds "$n: the tree is the one that debugfs gives" diff -r --no-dereference "$W/rdump" "$W/out.d"
	b 0 "$n: cat" inspect "$image" --cat /etc/hostname --scratch "$S"
	holds "$n: cat gives the bytes" cmp "$W/out" "$W/rdump/etc/hostname"
	b 0 "$n: list" inspect "$image" --ls --scratch "$S"
	holds "$n: the list names all files" sh -c '[ "$(grep -c "^-" "$1")" -ge "$(find "$2" -type f | wc -l)" ]' - "$W/out" "$W/rdump"
	b 0 "$n: list as JSON" inspect "$image" --ls=/etc --format json --scratch "$S"
	holds "$n: JSON of the list" jq -e '[.entries[].path] | index("etc/hostname") != null and all(startswith("etc"))' "$W/out"
done
debugfs -R 'stat /etc/passwd' "$F/gpt.img?offset=$root" >"$W/stat" 2>/dev/null
stat=$(sed -n 's/.*Mode:  *\([0-7]*\).*/\1/p' "$W/stat")
mtime=$(($(sed -n 's/.*mtime: \(0x[0-9a-f]*\).*/\1/p' "$W/stat")))
rm -rf "$W/out.d" && mkdir "$W/out.d"
b 0 "globs" extract "$F/gpt.img" '/etc/pass*' '/boot/efi/EFI/*/*.efi' -C "$W/out.d"
holds "the glob's file came" test -s "$W/out.d/etc/passwd"
holds "with its mode" test "0$(stat -c %a "$W/out.d/etc/passwd")" = "$stat"
holds "with its time" test "$mtime" = "$(stat -c %Y "$W/out.d/etc/passwd")"
holds "and those of the EFI partition, which is mounted below" test -n "$(find "$W/out.d/boot/efi" -iname '*.efi')"
holds "and nothing else of /etc" test ! -e "$W/out.d/etc/hostname"
b 0 "a file system by its number" inspect "$F/gpt.img" --ls=/EFI --fs 1
b 13 "no such file system" inspect "$F/gpt.img" --ls --fs 9
b 13 "no such file" extract "$F/gpt.img" /etc/nothing -C "$W/out.d"
echo mine >"$W/out.d/etc/passwd"
b 20 "what is there already stays" extract "$F/gpt.img" /etc/passwd -C "$W/out.d"
holds "and was not touched" grep -q mine "$W/out.d/etc/passwd"
b 20 "no such directory" extract "$F/gpt.img" /etc/passwd -C "$W/nowhere"
b 64 "no directory given" extract "$F/gpt.img" /etc/passwd
b 64 "no file given" extract "$F/gpt.img" -C "$W/out.d"
b 64 "--fs alone" inspect "$F/gpt.img" --fs 1
b 64 "an empty name is not everything" extract "$F/gpt.img" '' -C "$W/out.d"
b 20 "a directory is no file" inspect "$F/gpt.img" --cat /etc/ --scratch "$S"
holds "... and nothing of it is written" test ! -s "$W/out"
b 13 "nor is the whole tree" inspect "$F/gpt.img" --cat / --scratch "$S"
holds "... and nothing of it is written" test ! -s "$W/out"
b 0 "a glob of files" inspect "$F/gpt.img" --cat '/etc/host?ame' --scratch "$S"
holds "... and their bytes" cmp "$W/out" "$W/rdump/etc/hostname"
(cd "$F" && "$BACKPROOF" extract gpt.img etc/hostname -C "$W/qcow") 2>/dev/null
holds "relative paths are those of the caller" test -s "$W/qcow/etc/hostname"

# System archives.
rm -rf "$W/out.d" && mkdir "$W/out.d" "$W/tar"
tar -xf "$F/container.tar" -C "$W/tar"
b 0 "tar: a directory" extract "$F/container.tar" /etc -C "$W/out.d" --scratch "$S"
holds "tar: the same as tar gives" diff -r --no-dereference "$W/tar/etc" "$W/out.d/etc"
b 20 "tar: a directory is no file" inspect "$F/container.tar" --cat etc --scratch "$S"
holds "... and nothing of it is written" test ! -s "$W/out"
b 0 "tar: cat" inspect "$F/container.tar" --cat etc/hostname --scratch "$S"
holds "tar: cat gives the bytes" cmp "$W/out" "$W/tar/etc/hostname"

# Names that lead out, and links that do.
mkdir "$W/evil" && (cd "$W/evil" && mkdir -p etc && echo x >etc/passwd && echo y >victim && ln -s "$W/out.d" etc/link)
tar -cf "$W/evil.tar" -C "$W/evil" etc/passwd etc/link
tar -rf "$W/evil.tar" -C "$W/evil" --transform 's,^victim,../../escaped,' -P victim
tar -rf "$W/evil.tar" -C "$W/evil" --transform 's,^victim,etc/link/through,' victim
rm -rf "$W/out.e" && mkdir -p "$W/out.e/deep/er"
run extract "$W/evil.tar" / -C "$W/out.e/deep/er" --scratch "$S"
holds "hostile names are not all well" test "$code" != 0
holds "nothing came out above the directory" test ! -e "$W/out.e/escaped"
holds "nothing was written through a link" test ! -e "$W/out.d/through"

# Damage is told, and no damaged file is left behind.
cp "$F/gpt.img" "$W/bad.img"
printf 'x' | dd of="$W/bad.img" bs=1 seek=$((root + 1024 + 56)) conv=notrunc 2>/dev/null
run inspect "$W/bad.img" --cat /etc/hostname
holds "a file system without its magic gives nothing" test "$code" != 0
zstd -q -f "$F/gpt.img" -o "$W/cut.img.zst" && truncate -s -1000 "$W/cut.img.zst"
rm -rf "$W/out.d" && mkdir "$W/out.d"
run extract "$W/cut.img.zst" /etc/hostname -C "$W/out.d" --scratch "$S"
holds "of a cut stream nothing is given" test "$code" = 12
zstd -q -f "$F/container.tar" -o "$W/bad.tar.zst" && flip "$W/bad.tar.zst" $(($(stat -c %s "$W/bad.tar.zst") - 2))
run extract "$W/bad.tar.zst" etc/hostname -C "$W/out.d" --scratch "$S"
holds "a file out of a stream whose checksum fails is not all well" test "$code" = 12
holds "scratch is empty" test -z "$(ls -A "$S")"
if [ "$(id -u)" = 0 ]; then
	install -d -m 777 "$W/out.n"
	install -d -o 65534 -m 700 "$W/scratch.n"
	chmod 644 "$F/gpt.img" && chmod 755 "$F"
	cp "$BACKPROOF" "$W/backproof"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$W/backproof" extract "$F/gpt.img" /etc/hostname -C "$W/out.n" \
		--scratch "$W/scratch.n" 2>"$W/err"
	holds "unprivileged" test -s "$W/out.n/etc/hostname"
fi
finish
