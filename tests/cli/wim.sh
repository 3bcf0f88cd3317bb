#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck source=tests/cli/lib.sh
# A Windows volume that was captured into a WIM file: against wimlib's own tools, then damaged.
. "$(dirname "$0")/lib.sh"
fixtures_needs wimcapture wimapply wimextract wimverify python3 jq || exit 1
F=$TOP/fixtures/windows
T=$W/tree
mkdir -p "$T/Windows/System32/config" "$T/Windows/System32/drivers" "$T/Users/Public/Ünïcode"
hives() { python3 "$F/hive.py" "$T/Windows/System32/config" --time "$(date +%s)" --host ex01 --drive "C:=cafe1234@1048576" "$@"; }
hives
n=0
for program in ntoskrnl.exe hal.dll winload.efi ntdll.dll kernel32.dll lsass.exe services.exe smss.exe drivers/ntfs.sys; do
	n=$((n + 1))
	python3 "$F/pe.py" $n 9000 >"$T/Windows/System32/$program"
done
seq 1 300000 >"$T/Users/Public/numbers.txt"
head -c 700000 /dev/urandom >"$T/Users/Public/random.bin"
echo x >"$T/Users/Public/Ünïcode/größe.txt"
ln "$T/Users/Public/random.bin" "$T/Users/Public/linked.bin"
ln -s numbers.txt "$T/Users/Public/link"

says() { # NAME CHECK OUTCOME TEXT
	holds "$1" jq -e --arg c "$2" --arg o "$3" --arg t "$4" \
		'any(.findings[]; .check == $c and .outcome == $o and (.detail // "" | contains($t)))' "$W/out"
}
capture() { # FILE OPTIONS...
	rm -f "$1"
	wimcapture "$T" "$@" >"$W/log" 2>&1 || cat "$W/log" >&2
}

for kind in LZX XPRESS LZMS none solid; do
	file=$W/$kind.wim
	case $kind in
	solid) file=$W/solid.esd && capture "$file" web --solid --check ;;
	LZX) capture "$file" web --compress=LZX --check ;;
	*) capture "$file" web --compress=$kind ;;
	esac
	rm -rf "$W/theirs" "$W/ours" && mkdir "$W/theirs" "$W/ours"
	wimapply "$file" 1 "$W/theirs" >/dev/null 2>&1
	"$BACKPROOF" extract "$file" Windows Users -C "$W/ours" >"$W/log" 2>&1 || cat "$W/log" >&2
	holds "$kind: what wimapply writes" diff -r "$W/theirs" "$W/ours"
	expect 0 "$kind: safe" ex01 --from "$file" --depth full
done
says "every SHA-1" wim.sha1 held "the SHA-1 of each holds"
says "no loader is asked for" coverage.loader skipped "installed anew"
says "and the kernel is there" coverage.kernel held ntoskrnl
expect 0 "with the integrity table" ex01 --from "$W/LZX.wim" --depth full
says "which holds" wim.integrity held "digests"
holds "evidence: the file's own checksums" jq -e '.findings[] | select(.check == "integrity.evidence") |
	.measured == "checksum"' "$W/out"
expect 13 "another host" web01 --from "$W/LZX.wim" --hostname web01
expect 11 "three days on" ex01 --from "$W/LZX.wim" --now "$(date -u -d '3 days' +%FT%TZ)"
expect 20 "at depth sample" ex01 --from "$W/LZX.wim" --depth sample

for kind in LZX.wim none.wim solid.esd; do
	cp "$W/$kind" "$W/bad.${kind##*.}"
	flip "$W/bad.${kind##*.}" "$(($(stat -c %s "$W/$kind") / 2))"
	holds "$kind: wimverify sees it too" bash -c '! wimverify "$0" >/dev/null 2>&1' "$W/bad.${kind##*.}"
	expect 12 "$kind: one bit of the middle" ex01 --from "$W/bad.${kind##*.}" --depth full
	cp "$W/$kind" "$W/bad.${kind##*.}"
	truncate -s -100 "$W/bad.${kind##*.}"
	expect 12 "$kind: cut" ex01 --from "$W/bad.${kind##*.}" --depth sample
done
rm -f "$W"/bad.*

zstd -q "$W/LZX.wim" -o "$W/packed.wim.zst"
expect 0 "compressed once more" ex01 --from "$W/packed.wim.zst" --depth full
wimoptimize --recompress --compress=XPRESS --pipable "$W/XPRESS.wim" >/dev/null 2>&1
expect 20 "a pipable one" ex01 --from "$W/XPRESS.wim" --depth full
capture "$W/large.wim" web --compress=none
wimsplit "$W/large.wim" "$W/part.swm" 1 >/dev/null 2>&1
expect 20 "a part of a split one" ex01 --from "$W/part.swm" --depth full
printf '\302' | dd of="$W/none.wim" bs=1 seek=16 conv=notrunc status=none
expect 21 "one that was never finished" ex01 --from "$W/none.wim" --depth full

# Images in one file: the last one counts.
hives --host old01 && capture "$W/two.wim" monday
hives && wimappend "$T" "$W/two.wim" tuesday >/dev/null 2>&1
expect 0 "the newer of two images" ex01 --from "$W/two.wim" --depth full
says "the other is named" wim.image skipped "image 1 (monday)"
expect 13 "not the older" old01 --from "$W/two.wim" --hostname old01
hives --drive "D:=cafe1234@99999744" && capture "$W/drives.wim" web
expect 20 "D: may be elsewhere" ex01 --from "$W/drives.wim" --depth full
rm "$T/Windows/System32/ntoskrnl.exe" && capture "$W/nokernel.wim" web
expect 13 "no kernel" ex01 --from "$W/nokernel.wim" --depth full
finish
