# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Comparisons of a reader with a kernel's mount, for tests/cli scripts, after lib.sh. A script sets fs and defines
# make_fs OPTIONS..., which makes a file system in $img.
tool=$(dirname "$BACKPROOF")/tests/tool/fslist
[ -x "$tool" ] || make -s -C "$TOP" BUILD="$(dirname "$BACKPROOF")" "$tool" >/dev/null 2>&1
m=$W/mnt
mkdir "$m"
# In memory where there is room: a disk would be flushed at every step.
D=$W
if [ "$(df --output=avail -B 1M /dev/shm 2>/dev/null | tail -n 1)" -gt 1500 ] 2>/dev/null; then
	D=$(mktemp -d -p /dev/shm) || exit 1
fi
img=$D/img
trap 'umount -q "$m"; rm -rf "$W" "$D"' EXIT

make() { # OPTIONS: an empty file system, mounted
	rm -f "$img" && truncate -s 600M "$img"
	make_fs "$@" && mount -o "loop,$mount_options" "$img" "$m" 2>/dev/null
}
mount_options=noatime

# Directories are of other sizes elsewhere, and may have other link counts.
no_sizes() { sed -E 's/^(d [0-7]+) [0-9]+ ([0-9:]+) [0-9]+/\1 - \2 -/'; }

# same NAME IMAGE LIST: the reader's list, all of its findings held. sizes=no: but for those of directories.
same() {
	local name=$1 image=$2 list=$3
	if "$tool" "$fs" "$image" verify >"$W/ours" 2>"$W/findings"; then ok "$name: all held"; else
		not_ok "$name: all held" <"$W/findings"
	fi
	[ "${sizes-}" != no ] || { no_sizes <"$W/ours" >"$W/short" && mv "$W/short" "$W/ours"; }
	LC_ALL=C sort -o "$W/ours" "$W/ours"
	holds "$name: as the kernel has it" diff "$list" "$W/ours"
}

# What is mounted, unmounted and compared.
as_mounted() { # NAME
	umount "$m" && mount -o loop,ro "$img" "$m" && "$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
	umount "$m"
	same "$1" "$img" "$W/theirs"
}

# in_use NAME ROUNDS OPTIONS...: rounds of work, after each of which the image is copied as it is, mounted.
in_use() {
	local name=$1 rounds=$2 seed
	shift 2
	make "$@" || {
		echo "mkfs or mount failed" | not_ok "$name"
		return
	}
	for ((seed = 1; seed <= rounds; seed++)); do
		mkdir "$m/$seed"
		exec 9>"$m/removed"
		(cd "$m/$seed" && "$TOP/tests/tool/fschange.py" "$seed")
		head -c 100000 /dev/urandom >&9
		rm "$m/removed" # still open: the log or a list of orphans has it
		[ $((seed % 2)) = 0 ] || sync -f "$m"
		sync "$m/$seed/last"
		cp --sparse=always "$img" "$D/busy.$seed"
		exec 9>&-
	done
	umount "$m"
	for ((seed = 1; seed <= rounds; seed++)); do
		cp --sparse=always "$D/busy.$seed" "$img"
		if ! mount -o loop "$img" "$m" 2>"$W/err"; then
			# Fast commits are the kernel's own worst reader: but then ours must not call it sound either.
			"$tool" "$fs" "$D/busy.$seed" verify >/dev/null 2>"$W/findings"
			holds "$name, in use, round $seed: not sound, the kernel says" test $? != 0
			continue
		fi
		"$TOP/tests/tool/fslist.py" "$m" >"$W/theirs"
		umount "$m"
		if [ "$name" = fast-commit ] && ! "$tool" "$fs" "$D/busy.$seed" verify >/dev/null 2>"$W/findings"; then
			holds "$name, in use, round $seed: says that it is older" grep -q '^jbd2.fast-commit unproven' "$W/findings"
			continue
		fi
		same "$name, in use, round $seed" "$D/busy.$seed" "$W/theirs"
		holds "$name, in use, round $seed: the last is there" grep -q " $seed/last$" "$W/ours"
		rm "$D/busy.$seed"
	done
}
