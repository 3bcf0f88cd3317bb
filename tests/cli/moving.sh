#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A backup that changes, goes or is replaced while it is read: the program stops itself at a chosen read, the file is
# moved under it, and it goes on (tests/fault/README.md). Busy (21) each time, and never safe.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/fault-lib.bash
. "$(dirname "$0")/fault-lib.bash"
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/disk.img" "$W/tree"
G=$W/good b=$W/b
mkdir "$G"
cp --sparse=always "$W/disk.img" "$G/web01.img"
zstd -q "$W/disk.img" -o "$G/web01.img.zst"
qemu-img convert -O qcow2 "$W/disk.img" "$G/base.qcow2"
(cd "$G" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web01.qcow2)
mk_tree "$W/ct" web01 "$ID" container
mk_tar "$G/web01.tar" "$W/ct"

change() { # KIND FILE
	local d
	d=$(dirname "$2")
	case $1 in
	shorter) truncate -s -4096 "$2" ;;
	empty) : >"$2" ;;
	longer) printf x >>"$2" ;;
	in-place) dd if="$2" of="$2" bs=1 count=1 skip=700 seek=700 conv=notrunc status=none ;;
	in-place-times-set-back) touch -r "$2" "$W/ref" && dd if="$2" of="$2" bs=1 count=1 skip=700 seek=700 conv=notrunc status=none && touch -r "$W/ref" "$2" ;;
	replaced) cp -p "$2" "$2.new" && mv "$2.new" "$2" ;;
	renamed) mv "$2" "$2.old" ;;
	deleted) rm "$2" ;;
	no-rights) chmod 0 "$2" ;;
	by-a-directory) rm "$2" && mkdir "$2" ;;
	by-a-link) cp -p "$2" "$W/other" && rm "$2" && ln -s "$W/other" "$2" ;;
	directory-by-a-link) cp -a "$d" "$W/elsewhere" && mv "$d" "$d.old" && ln -s "$W/elsewhere" "$d" ;;
	directory-renamed) mv "$d" "$d.old" ;;
	directory-deleted) rm -r "$d" ;;
	sealed) touch "$2" ;;
	esac
}
# moved NAME "CODES" RULE KIND FILE ARGUMENTS...: stopped by RULE, FILE is changed
moved() {
	local name=$1 codes=" $2 " rule=$3 kind=$4 file=$5 pid i stopped=''
	shift 5
	rm -f "$W/counts"
	BACKPROOF_FAULT=$rule BACKPROOF_FAULT_COUNTS=$W/counts "$FAULTS" "$@" >"$W/out" 2>"$W/err" </dev/null &
	pid=$!
	for i in $(seq 200); do
		stopped=$(counts | while read -r p _; do grep -qs '^State:.*T' "/proc/$p/status" && echo "$p"; done)
		[ -z "$stopped" ] && [ -e "/proc/$pid" ] || break
		sleep 0.02
	done
	change "$kind" "$file"
	# shellcheck disable=SC2086
	[ -z "$stopped" ] || kill -CONT $stopped
	wait $pid
	code=$? ran="$rule, $kind: backproof $*"
	[ -n "$stopped" ] || code=$code-never-stopped
	if [[ $codes == *" $code "* ]] && [ -z "$(trouble "$code")" ]; then ok "$name"; else why "$2" | not_ok "$name"; fi
	rm -rf "$b" "$b.old" "$W/elsewhere" "$W/other"
}
fresh() {
	rm -rf "$b" && cp -a "$G" "$b"
	# What was written in this very tick is waited for.
	find "$b" -type f -exec touch -d '1 minute ago' {} +
}
check() { args=(check web01 --config "$W/empty.conf" --scratch "$S" --format json --from "$@"); }

all='shorter empty longer in-place in-place-times-set-back replaced renamed deleted no-rights by-a-directory by-a-link
	directory-by-a-link directory-renamed directory-deleted'
n=0
for kind in $all; do
	for name in web01.img web01.img.zst web01.qcow2 web01.tar; do
		# Two of the four for each change, one early and one late; RUNS: all.
		n=$((n + 1))
		[ -n "$RUNS" ] || [ $(((n + n / 4) % 2)) = 0 ] || continue
		fresh
		f=$b/$name
		check "$f"
		[ "$name" != web01.qcow2 ] || args+=(--from "$b/base.qcow2")
		at=$((n / 2 % 2 ? 1 : 3))
		[ "$name" != web01.qcow2 ] || [ $((n / 8 % 2)) = 0 ] || f=$b/base.qcow2
		moved "$name: $kind, at read $at" 21 "reader:read:$at:SIGSTOP@$f" $kind "$f" "${args[@]}"
	done
done
# Before any of it is looked at: it is the one that is there now which is judged.
for kind in 'longer 12 20 21' 'replaced 0 21' 'deleted 10 20 21'; do
	fresh
	check "$b/web01.img"
	codes=${kind#* } kind=${kind%% *}
	moved "web01.img: $kind, before any of it is opened" "$codes" "gate:stat:1:SIGSTOP@$b/web01.img" $kind "$b/web01.img" "${args[@]}"
done
# Found in a directory, and gone before it is looked at; under another name it is found again.
for kind in 'deleted 10 20 21' 'renamed 0 10 20 21' 'directory-deleted 10 20 21' 'directory-renamed 10 20 21'; do
	codes=${kind#* } kind=${kind%% *}
	fresh && rm "$b"/*.qcow2 "$b/web01.img" "$b/web01.tar"
	check "$b"
	moved "a directory's only backup: $kind" "$codes" "gate:open:1:SIGSTOP@$b/web01.img.zst" $kind "$b/web01.img.zst" "${args[@]}"
done
# The seal says what was there when it is made.
for kind in shorter longer in-place replaced deleted; do
	fresh
	moved "seal: $kind" '20 21' "read:3:SIGSTOP@$b/web01.img.zst" $kind "$b/web01.img.zst" seal "$b/web01.img.zst" --scratch "$S"
done
for kind in shorter replaced; do
	fresh && mkdir "$b/x"
	moved "extract: $kind" '12 20 21' "reader:read:2:SIGSTOP@$b/web01.img.zst" $kind "$b/web01.img.zst" \
		extract "$b/web01.img.zst" usr/bin/sort -C "$b/x" --scratch "$S"
done
fresh
check "$b/web01.img"
moved "nothing changes while it stands still" 0 "reader:read:3:SIGSTOP@$b/web01.img" nothing "$b/web01.img" "${args[@]}"
finish
