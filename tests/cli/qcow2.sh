#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# qcow2 and VDI, byte for byte what qemu-img reads: cluster sizes, compression, subclusters, chains, preallocation.
. "$(dirname "$0")/lib.sh"
CAT=$(dirname "$BACKPROOF")/tests/tool/imagecat
cd "$W" || exit 1

# same NAME IMAGE [COMPANION...]: our bytes are qemu-img's, and nothing was found
same() {
	local name=$1
	shift
	qemu-img convert -O raw "$1" want.raw 2>err || { not_ok "$name" <err && return; }
	if "$CAT" -c "$@" 2>err | cmp - want.raw >>err 2>&1 && [ "${PIPESTATUS[0]}" = 0 ]; then
		ok "$name"
	else
		not_ok "$name" <err
	fi
}
# never NAME IMAGE...: reading has to fail
never() {
	local name=$1
	shift
	"$CAT" "$@" >/dev/null 2>err
	if [ $? = 2 ]; then ok "$name"; else not_ok "$name" <err; fi
}

python3 - "$TOP/README.md" <<'P'
import random, sys
random.seed(5)
b = bytearray(12 << 20)
w = open(sys.argv[1], 'rb').read()
for i in range(40):
    n = random.choice([512, 4096, 70000, 200000])
    o = random.randrange(0, len(b) - n)
    b[o:o + n] = random.randbytes(n) if i % 2 else (w * (n // len(w) + 1))[:n]
b += b'the end of an odd disk'.ljust(512)
open('base.raw', 'wb').write(b)
P
n=0
for o in "-o cluster_size=512" "-o cluster_size=4k" "" "-o cluster_size=2M" "-c -o cluster_size=512" "-c -o cluster_size=4k" \
	-c "-c -o cluster_size=2M" "-c -o compression_type=zstd" "-c -o compression_type=zstd,cluster_size=2M" \
	"-o compat=0.10" "-c -o compat=0.10" "-o extended_l2=on" "-c -o extended_l2=on" "-o refcount_bits=1" \
	"-o refcount_bits=64" "-o preallocation=metadata" "-o preallocation=falloc" "-o preallocation=full" \
	"-o preallocation=metadata,extended_l2=on" "-o lazy_refcounts=on"; do
	# shellcheck disable=SC2086
	qemu-img convert -O qcow2 $o base.raw "q$n.qcow2"
	same "qcow2 $o" "q$n.qcow2"
	n=$((n + 1))
done
for o in "" "-o static=on"; do
	# shellcheck disable=SC2086
	qemu-img convert -O vdi $o base.raw v.vdi
	same "vdi $o" v.vdi
done

qemu-img convert -O qcow2 -o data_file=ext.data base.raw ext.qcow2
same "external data" ext.qcow2 ext.data
never "external data that is not there" ext.qcow2
qemu-img convert -O qcow2 -o data_file=extraw.data,data_file_raw=on base.raw extraw.qcow2
same "raw external data" extraw.qcow2 extraw.data
truncate -s 1M ext.data
never "external data that is cut" ext.qcow2 ext.data

# A chain: raw below, a shorter one in between, subclusters on top; written here and there.
cp base.raw b0.raw
truncate -s 6M b0.raw
qemu-img create -q -f qcow2 -b b0.raw -F raw c1.qcow2 10M
qemu-io -c 'write -P 7 1M 300k' -c 'write -P 8 8M 1000k' -c 'write -z 3M 500k' -c 'discard 2M 256k' c1.qcow2 >/dev/null
qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=128k -b c1.qcow2 -F qcow2 c2.qcow2 14M
qemu-io -c 'write -P 9 1M 3k' -c 'write -P 9 5000k 13k' -c 'write -z 7M 5k' -c 'write -z 5M 2M' \
	-c 'write -P 4 13M 1k' c2.qcow2 >/dev/null
same "chain of three" c2.qcow2 c1.qcow2 b0.raw
never "chain without its base" c2.qcow2 c1.qcow2
never "chain without its middle" c2.qcow2 b0.raw
cp c1.qcow2 loop.qcow2
qemu-img rebase -u -b loop.qcow2 -F qcow2 loop.qcow2 2>/dev/null
never "an image on itself" loop.qcow2
qemu-img create -q -f qcow2 -b b0.raw -F raw shrunk.qcow2 1000k
same "a parent longer than the child" shrunk.qcow2 b0.raw

# Written in no order, then read; with a snapshot too.
qemu-img create -q -f qcow2 -o cluster_size=4k frag.qcow2 8M
python3 - >cmds <<'P'
import random, sys
random.seed(9)
for i in range(150):
    print('write -P %d %d %d' % (i + 1, random.randrange(0, 7 << 20) // 512 * 512, random.randrange(1, 60) * 512))
    if i == 75:
        print('write -z 1M 1M')
P
qemu-io frag.qcow2 <cmds >/dev/null
same "fragmented" frag.qcow2
qemu-img snapshot -c before frag.qcow2
qemu-io -c 'write -P 77 0 2M' frag.qcow2 >/dev/null
same "with an internal snapshot" frag.qcow2

# Cut: whatever qemu-img says, here it is damage.
for i in q2 q6 q8 q12 frag; do
	size=$(stat -c %s $i.qcow2)
	for part in 20 50 80 95; do
		head -c $((size * part / 100)) $i.qcow2 >cut.qcow2
		never "$i cut to $part %" cut.qcow2
	done
done
head -c 3000000 v.vdi >cut.vdi
never "vdi cut" cut.vdi

# From other programs.
if qemu-img info "$TOP/fixtures/third-party/ext2.qcow2" >/dev/null 2>&1; then
	same "ext2.qcow2" "$TOP/fixtures/third-party/ext2.qcow2"
	zstd -dqf "$TOP/fixtures/third-party/windows_volume.qcow2.zst" -o windows.qcow2
	same "windows_volume.qcow2" windows.qcow2
fi
finish
