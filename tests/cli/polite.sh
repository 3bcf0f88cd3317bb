#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A check leaves room for the backups that run on the same machine: what is read in a second, processors, disks, and the
# page cache. None of it changes a verdict.
SCRATCH=disk
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# Where the page cache is the only place of a file, nothing can be dropped from it.
D=$W/disks
case $(stat -f -c %T "$W") in
tmpfs | ramfs) D=$(mktemp -d -p /var/tmp) && trap 'rm -rf "$D"; release' EXIT ;;
*) mkdir "$D" ;;
esac
img=$D/web01.img
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/sparse.img" "$W/tree" --size 64
# Without holes, which would not be read.
cp --sparse=never "$W/sparse.img" "$img"
size=$(stat -c %s "$img")

policy() { printf '[policy "default"]\n' >"$W/p.conf" && printf '%s\n' "$@" >>"$W/p.conf"; }
now=$(date -u +%FT%TZ)
limited() { run check web01 --from "$img" --config "$W/p.conf" --scratch "$S" --seed 5 --now "$now" --format json "$@"; }
told() { jq -S 'del(.checked_at, .measures, .restore_point.age_seconds)' "$W/out"; }

policy 'rate_limit = none'
limited
verdict_is 0 "without a limit"
told >"$W/free"
policy 'rate_limit = 32M'
started=$(date +%s%N)
limited
took=$((($(date +%s%N) - started) / 1000000))
verdict_is 0 "with a limit"
told >"$W/limited"
holds "a limit changes nothing of what is told" diff "$W/free" "$W/limited"
read -r bytes < <(jq .measures.bytes_read "$W/out")
# What may be made up for is a tenth of a second; what is read twice takes twice the time.
least=$((bytes * 1000 / (32 << 20) - 200))
holds "$bytes bytes at 32M took $took ms" test "$took" -ge "$least" -a "$took" -lt $((4 * least + 8000))

# However much comes in time: never damage.
for rate in 64K 8M 24M 40M 64M; do
	policy "rate_limit = $rate"
	limited --deadline 1s
	name="a deadline of a second at $rate"
	case $rate/$code in
	64K/20 | 8M/20)
		verdict_is 20 "$name"
		holds "$name is the reason" grep -q "deadline has passed" "$W/out"
		;;
	64K/* | 8M/*) why 20 | not_ok "$name" ;;
	*/0 | */20) verdict_is "$code" "$name" ;;
	*) why "0 or 20" | not_ok "$name" ;;
	esac
done

# All threads, and a signal is heeded while they wait.
policy 'rate_limit = 1M' 'nice = 7' 'ionice = best-effort:6'
"$BACKPROOF" check web01 --from "$img" --config "$W/p.conf" --scratch "$S" >"$W/out" 2>"$W/err" </dev/null &
pid=$!
sleep 1
for task in "/proc/$pid/task/"*; do
	echo "$(awk '{print $19}' "$task/stat") $(ionice -p "${task##*/}")"
done >"$W/nice"
sort -u "$W/nice" >"$W/nice.one"
echo "7 best-effort: prio 6" >"$W/nice.want"
holds "nice and ionice of $(wc -l <"$W/nice") threads" diff "$W/nice.want" "$W/nice.one"
started=$SECONDS
kill -TERM "$pid"
wait "$pid"
holds "a signal ends it ($?)" test $? = 143 -o $((SECONDS - started)) -lt 5
rm -rf "${S:?}"/* "$S"/.[!.]*

# What was asked for on the command line is no less considerate afterwards.
policy 'rate_limit = 1M' 'nice = 7' 'ionice = best-effort:2'
ionice -c 3 nice -n 12 "$BACKPROOF" check web01 --from "$img" --config "$W/p.conf" --scratch "$S" >"$W/out" 2>&1 </dev/null &
pid=$!
sleep 0.7
echo "$(awk '{print $19}' "/proc/$pid/stat") $(ionice -p "$pid")" >"$W/nice"
kill -TERM "$pid"
wait "$pid"
holds "never less considerate than it was started" grep -qx "12 idle" "$W/nice"
rm -rf "${S:?}"/* "$S"/.[!.]*

# An audit: the gentlest of the policies of its hosts, and a limit that they share.
mkdir -p "$D/repo/web01" "$D/repo/web02"
mv "$img" "$D/repo/web01/disk.img"
mk_tree "$W/tree2" web02 fedcba9876543210fedcba9876543210 efi
mk_disk "$W/sparse2.img" "$W/tree2" --size 64
cp --sparse=never "$W/sparse2.img" "$D/repo/web02/disk.img"
audit_conf() { # what the second policy says
	cat >"$W/audit.conf" <<-EOF
		[repository "r"]
		path = $D/repo
		match = {host}/*.img
		[policy "default"]
		rate_limit = 48M
		scratch = $S
		[policy "other"]
		$1
		[host "web01"]
		[host "web02"]
		policy = $2
	EOF
}
audit_conf 'max_age = 20h' default
sed -i '/policy "other"/,/max_age/d' "$W/audit.conf"
started=$(date +%s%N)
run audit --config "$W/audit.conf" --jobs 2 --format json
took=$((($(date +%s%N) - started) / 1000000))
bytes=$(jq '[.hosts[].measures.bytes_read] | add' "$W/out")
least=$((bytes * 1000 / (48 << 20) - 200))
if [ "$code" = 0 ]; then ok "an audit of two"; else why 0 | not_ok "an audit of two"; fi
holds "two hosts share 48M: $bytes bytes took $took ms" test "$took" -ge "$least"
audit_conf $'nice = 11\nionice = idle' other
sed -i 's/48M/2M/' "$W/audit.conf"
"$BACKPROOF" audit --config "$W/audit.conf" >"$W/out" 2>"$W/err" </dev/null &
pid=$!
sleep 1
for task in "/proc/$pid/task/"*; do
	echo "$(awk '{print $19}' "$task/stat") $(ionice -p "${task##*/}")"
done | sort -u >"$W/nice"
kill -TERM "$pid"
wait "$pid"
holds "the gentlest policy of an audit" grep -qx "11 idle" "$W/nice"
holds "... is that of all its threads" test "$(wc -l <"$W/nice")" = 1
rm -rf "${S:?}"/* "$S"/.[!.]*
mv "$D/repo/web01/disk.img" "$img"

# The page cache. cached FILE: KiB of it that are in there.
cached() { fincore --bytes --noheadings --output RES "$1" | awk '{printf "%d", $1 / 1024}'; }
drop() { # FILE MIB KIB: what is behind so many MiB, so that so many KiB are left; what is still being read ahead stays, so again
	for _ in 1 2 3 4 5 6 7 8; do
		dd if="$1" iflag=nocache bs=1M skip="$2" count=0 status=none
		[ "$(cached "$1")" -le "$3" ] && break
		sleep 0.05
	done
}
cold() { # FILE...
	local f
	for f; do
		sync "$f"
		drop "$f" 0 0
	done
}
warm() { cat "$@" >/dev/null; }
# is_cold NAME FILE: less than a twentieth
is_cold() { holds "$1: $(cached "$2") KiB of $(basename "$2")" test $(($(cached "$2") * 1024 * 20)) -le "$(stat -c %s "$2")"; }
# All but what the machine takes back by itself.
is_warm() { holds "$1: $(cached "$2") KiB of $(basename "$2")" test $(($(cached "$2") * 1024)) -ge $(($(stat -c %s "$2") * 3 / 4)); }

zst=$D/zst/web01.img.zst
mkdir "$D/zst" "$D/pieces" "$D/chain"
zstd -q "$img" -o "$zst"
(cd "$D/zst" && sha256sum web01.img.zst >web01.img.zst.sha256)
split -b 600000 "$zst" "$D/pieces/web01.img.zst."
qemu-img convert -f raw -O qcow2 "$img" "$D/chain/base.qcow2"
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 "$D/chain/web01.qcow2"
for what in "raw:$img" "a sample of raw:$img" "zst:$D/zst/web01.img.zst" "pieces:$D/pieces" "chain:$D/chain"; do
	name=${what%%:*} from=${what#*:} depth=full
	[ "$name" = "a sample of raw" ] && depth=sample
	if [ -d "$from" ]; then files=("$from"/*); else files=("$from"); fi
	[ "$name" = zst ] && files+=("$from.sha256")
	cold "${files[@]}"
	[ "$(cached "${files[0]}")" = 0 ] || { cached "${files[0]}" | not_ok "$name: it can be dropped" && continue; }
	want=0
	[ "$depth" = sample ] && want=20
	expect $want "$name: not cached" web01 --from "$from" --depth $depth
	for f in "${files[@]}"; do is_cold "$name: was not cached" "$f"; done
	warm "${files[@]}"
	expect $want "$name: cached" web01 --from "$from" --depth $depth
	for f in "${files[@]}"; do is_warm "$name: was cached" "$f"; done
done
# Half of it. Whoever reads only that has more read ahead, and what is still on its way is not counted: so all, and the
# other half is dropped.
warm "$img"
drop "$img" $((size >> 21)) $((size >> 11))
half=$(cached "$img")
expect 0 "half cached" web01 --from "$img"
after=$(cached "$img")
holds "the half stays: $half KiB before, $after after" test "$after" -ge $((half * 3 / 4)) -a $((after - half)) -le $((size / 1024 / 20))
finish
