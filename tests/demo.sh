#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Shows backproof at work on images of real Debian systems, one good and the others not, and fails if any verdict
# is not the one it should be. Run by `make demo`:
#   tests/demo.sh [PROGRAM]
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=fixtures/lib.sh
. "$top/fixtures/lib.sh"
backproof=$(realpath -m "${1-${BACKPROOF-$top/build/backproof}}")
[ -x "$backproof" ] || {
	echo "$backproof is not built: run make" >&2
	exit 1
}
fixtures_needs mmdebstrap sfdisk mkfs.fat mcopy mke2fs debugfs zstd perl qemu-img || exit 1

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work" || exit 1
mkdir scratch backup
export BACKPROOF_HISTORY=none # these are no backups of this machine

say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }
rows=()
failed=0
# show WHAT EXPECTED HOST ARGUMENTS...
show() {
	local what=$1 expected=$2 got
	shift 2
	set -- "$@" --scratch scratch
	printf '\n$ backproof check %s\n' "$*"
	"$backproof" check "$@" 2>&1
	got=$?
	echo "exit code: $got"
	rows+=("$(printf '%-8s %-46s %8s %5s' "$1" "$what" "$expected" "$got")")
	if [ "$got" != "$expected" ]; then
		failed=$((failed + 1))
		echo "NOT AS EXPECTED: it should be $expected"
	fi
}
make_image() {
	printf '  %s\n' "$*"
	"$top/fixtures/make-debian-image.sh" "$@" || {
		echo "could not make $1" >&2
		exit 1
	}
}

cat <<'END'
backproof answers one question before a host is patched: is there a fresh backup of it, and can it be restored?
Only exit code 0 means yes, so it can stand in front of the patch command:

    backproof check web01 --from /srv/backup/web01 && apt-get upgrade

Here it looks at backups of small but real Debian systems: disk images with a GPT, an EFI partition and ext4.
END
say "Making the disk images"
if [ "$(id -u)" = 0 ]; then export DEBIAN_TREE=$work/tree; fi
make_image web01.img --host web01
make_image web02.img --host web02 --age $((10 * 86400))
make_image web03.img --host web03 --disks 2
rm -rf "$work/tree"

say "1. web01 was backed up just now: the image, compressed by zstd"
zstd -q -T0 web01.img -o backup/web01.img.zst || exit 1
show "fresh and whole" 0 web01 --from backup/web01.img.zst

say "2. web02's backup file is new, but nothing was written in the system inside for ten days: the job has been copying an old disk"
zstd -q -T0 --rm web02.img -o backup/web02.img.zst || exit 1
show "new file, old content" 11 web02 --from backup/web02.img.zst

say "3. One bit in the middle of web01's file was flipped on the backup disk"
mkdir flipped
cp backup/web01.img.zst flipped/
flip flipped/web01.img.zst $(($(stat -c %s flipped/web01.img.zst) / 2))
show "bit flipped in the .zst" 12 web01 --from flipped/web01.img.zst

say "4. One byte of /usr/bin/perl was changed in an uncompressed image, which has no checksum of its own; Debian's package database inside it knows better"
mkdir silent
mv web01.img silent/web01.img
at=$(ROOT_OFFSETS=$((65 << 20)) file_offset silent/web01.img /usr/bin/perl 1000000) || exit 1
flip silent/web01.img "$at"
show "byte changed inside a raw image" 12 web01 --from silent/web01.img --depth full

say "5. The backup offered for db01 is in truth web01's"
show "another host's image" 13 db01 --from backup/web01.img.zst

say "6. web03 has two disks, and /etc/fstab names a file system that is on the second; only the first was backed up"
mkdir one-disk both-disks
mv web03-sda.img one-disk/
show "second disk missing" 13 web03 --from one-disk/web03-sda.img

say "7. The same host with both disks"
mv one-disk/web03-sda.img web03-sdb.img both-disks/
show "two disks, both there" 0 web03 --from both-disks/web03-sda.img --from both-disks/web03-sdb.img

say "8. mail01 has no backup at all"
mkdir mail01
show "no backup" 10 mail01 --from mail01

say "9. web01 again, as a virtual machine keeps it: a compressed qcow2, and what changed since on top of it"
flip silent/web01.img "$at" # as it was
mkdir chain out
(cd chain && qemu-img convert -c -O qcow2 ../silent/web01.img base.qcow2 &&
	qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2) || exit 1
show "qcow2 on its base" 0 web01 --from chain/web01.qcow2 --from chain/base.qcow2
show "qcow2 without its base" 13 web01 --from chain/web01.qcow2

say "10. A file out of that chain, without a mount"
printf '\n$ backproof extract chain/web01.qcow2 --from chain/base.qcow2 /etc/fstab -C out\n'
"$backproof" extract chain/web01.qcow2 --from chain/base.qcow2 /etc/fstab -C out --scratch scratch
got=$?
echo "exit code: $got"
cat out/etc/fstab
rows+=("$(printf '%-8s %-46s %8s %5s' web01 "extract /etc/fstab" 0 "$got")")
[ "$got" = 0 ] && [ -s out/etc/fstab ] || failed=$((failed + 1))

say "11. web01's backup is sealed when it is written; before an emergency patch a sample is enough, and leaves a pass for web01"
mkdir sealed
cp --sparse=always silent/web01.img sealed/web01.img
printf '\n$ backproof key new key; backproof seal sealed/web01.img --key key\n'
"$backproof" key new key && "$backproof" seal sealed/web01.img --key key --scratch scratch || failed=$((failed + 1))
show "sealed, a sample" 0 web01 --from sealed/web01.img --depth sample --trust key.pub --pass web01.pass --key key
for host in web01 db01; do
	expected=$([ $host = web01 ] && echo 0 || echo 13)
	printf '\n$ backproof pass verify web01.pass --key key.pub --host %s\n' $host
	"$backproof" pass verify web01.pass --key key.pub --host $host
	got=$?
	echo "exit code: $got"
	rows+=("$(printf '%-8s %-46s %8s %5s' $host "web01's pass" "$expected" "$got")")
	[ "$got" = "$expected" ] || failed=$((failed + 1))
done

say "12. One byte of the sealed image changes afterwards: a full check says where"
flip sealed/web01.img "$at"
show "changed after it was sealed" 12 web01 --from sealed/web01.img --trust key.pub

# ran WHAT HOST EXPECTED GOT
ran() {
	echo "exit code: $4"
	rows+=("$(printf '%-8s %-46s %8s %5s' "$2" "$1" "$3" "$4")")
	[ "$4" = "$3" ] || failed=$((failed + 1))
}
say "13. The patch itself: it only begins when it is safe, and the backup that stood behind it is remembered"
for host in web02 web01; do
	printf '\n$ backproof run %s --from backup/%s.img.zst --post "echo mail is up again" -- touch patched-%s\n' $host $host $host
	"$backproof" run $host --from backup/$host.img.zst --history "$work/history.db" --scratch scratch \
		--post "echo mail is up again" -- touch patched-$host
	got=$?
	ran "patched, if safe" $host "$([ $host = web01 ] && echo 0 || echo 11)" $got
done
[ -e patched-web01 ] && [ ! -e patched-web02 ] || failed=$((failed + 1))
printf '\n$ backproof rollback web01\n'
"$backproof" rollback web01 --history "$work/history.db"
ran "the way back" web01 0 $?

say "Summary"
printf '%-8s %-46s %8s %5s\n' host backup expected got
printf '%s\n' "${rows[@]}"
if [ -n "$(ls -A scratch)" ]; then
	echo "files were left in scratch:" && ls -A scratch
	failed=$((failed + 1))
fi
if [ "$failed" -gt 0 ]; then
	echo "$failed not as expected"
	exit 1
fi
echo "all as expected"
