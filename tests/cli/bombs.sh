#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is made to fill disks, memory and nights ends soon, as a finding that says which limit was met; and what only looks
# like it is not alarmed. BOMBS=all tries the larger ones as well.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
SECONDS_MOST=${BOMB_SECONDS:-60} # of the clock, on a machine that others use too
MEMORY_MOST=$((1024 * 1024))	 # KiB

# Room that a bomb may fill: a file system of its own, where one can be mounted.
mount -t tmpfs -o size=300M,mode=700 scratch "$S" 2>/dev/null || echo "# scratch is no file system of its own here"

cat >"$W/limits.py" <<'END'
# Runs a program; prints its exit status, seconds and the most memory (KiB) that it or a child of it had.
import resource, subprocess, sys, time
begun = time.monotonic()
with open(sys.argv[1], 'wb') as out, open(sys.argv[2], 'wb') as err:
    status = subprocess.call(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
print(status, int(time.monotonic() - begun), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END

# ends CODE NAME CHECK FILE [KEY = VALUE]...: the code, the finding (CHECK; "-": no budget is met), time and memory.
ends() {
	local want=$1 name=$2 check=$3 file=$4 bad='' taken memory met left
	shift 4
	{ printf '[policy "default"]\nmax_age = 24h\n' && printf '%s\n' "$@"; } >"$W/policy.conf"
	ran="backproof check web01 --from $file ($*)"
	read -r code taken memory < <(python3 "$W/limits.py" "$W/out" "$W/err" "$BACKPROOF" check web01 --from "$file" \
		--config "$W/policy.conf" --scratch "$S" --format json)
	[[ " $want " == *" $code "* ]] || bad="exit code $code"
	[ "$taken" -le "$SECONDS_MOST" ] || bad="$bad; $taken seconds"
	[ "$memory" -le "$MEMORY_MOST" ] || bad="$bad; $memory KiB of memory"
	met=$(jq -r '[.findings[].check | select(startswith("budget."))] | unique | join(" ")' "$W/out")
	[ "$met" = "${check#-}" ] || bad="$bad; met '$met'"
	left=$(ls -A "$S")
	[ -z "$left" ] || bad="$bad; left in scratch: $left"
	if [ -z "$bad" ]; then ok "$name"; else why "$want: $bad" | not_ok "$name"; fi
}

cat >"$W/make.py" <<'END'
import bz2, gzip, lzma, os, struct, sys, time, zlib
what, path = sys.argv[1:3]
K, G = 1 << 10, 1 << 30

def rle(total, byte):
    """One zstd frame of blocks of 128 KiB of the same byte: four bytes each."""
    block = struct.pack('<I', (128 * K) << 3 | 1 << 1)[:3] + bytes([byte])
    return b'\x28\xb5\x2f\xfd\x00\x68' + block * (total // (128 * K)) + b'\x01\x00\x00'

def deflated(total, byte):
    c, z = zlib.compressobj(9, zlib.DEFLATED, 31), bytes([byte]) * (1 << 20)
    return b''.join(c.compress(z) for _ in range(total >> 20)) + c.flush()

def again(c, total):
    return b''.join(c.compress(bytes(1 << 20)) for _ in range(total >> 20)) + c.flush()

def header(name, size=0, kind=b'0', link=b''):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:124] = b'0000644\0' + b'0000000\0' * 2
    h[124:136] = b'%011o\0' % size if size < 8 ** 11 else b'\x80' + size.to_bytes(11, 'big')
    h[136:148] = b'%011o\0' % int(time.time())
    h[156:157], h[157:157 + len(link)], h[257:265] = kind, link, b'ustar\x0000'
    h[148:156] = b' ' * 8
    h[148:156] = b'%06o\0 ' % sum(h)
    return bytes(h)

def padded(b):
    return b + bytes(-len(b) % 512)

def records(all):
    out = b''
    for k, v in all:
        n = len(k) + len(v) + 3
        n += len(str(n + len(str(n))))
        out += b'%d %s=%s\n' % (n, k, v)
    return out

def extended(all, member):
    r = records(all)
    return header(b'p', len(r), b'x') + padded(r) + member

def sparse(name, extents, size):
    m = padded(b'%d\n' % len(extents) + b''.join(b'%d\n%d\n' % e for e in extents))
    data = b'x' * sum(n for _, n in extents)
    return extended([(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', name),
                     (b'GNU.sparse.realsize', b'%d' % size)], header(b's', len(m) + len(data)) + m + padded(data))

def tar(*members):
    system = {b'etc/hostname': b'web01\n', b'etc/passwd': b'root:x:0:0::/:/bin/sh\n', b'etc/os-release': b'ID=x\n',
              b'etc/fstab': b'/dev/sda1 / ext4 defaults 0 1\n', b'var/log/syslog': b'hi\n'}
    return b''.join(header(n, len(d)) + padded(d) for n, d in system.items()) + b''.join(members) + bytes(1024)

makers = {
    'zeros': lambda: rle(10 * G, 0),
    'pattern': lambda: rle(10 * G, 0xaa),
    'small pattern': lambda: rle(128 << 20, 0xaa),
    'pattern 10T': lambda: rle(10 * K * G, 0xaa),
    'zeros 10T': lambda: rle(10 * K * G, 0),
    'gz': lambda: deflated(G, 0) * 10,
    'gz.gz': lambda: gzip.compress(deflated(G, 0) * 10),
    'bz2': lambda: again(bz2.BZ2Compressor(9), 128 << 20) * 80,
    'xz': lambda: again(lzma.LZMACompressor(preset=0), 256 << 20) * 40,
    'links': lambda: tar(*(header(b'l/%d' % i, 0, b'1', b'etc/hostname') for i in range(20000))),
    'deep': lambda: tar(header(b'd/' * 40 + b'f')),
    'holes': lambda: tar(sparse(b'var/a', [(0, 1), ((1 << 62) - 1, 1)], 1 << 62),
                         *(sparse(b'usr/lib/b%d' % i, [(0, 1)], 1 << 40) for i in range(100))),
    'attributes': lambda: tar(*(extended([(b'SCHILY.xattr.user.%d' % k, b'v') for k in range(30000)],
                                         header(b'f%d' % i)) for i in range(20))),
    'pax': lambda: tar(*(extended([(b'comment', b'c' * 100)], header(b'f%d' % i)) for i in range(20000))),
    'pax row': lambda: tar(*([extended([(b'comment', b'c' * 100)], b'')] * 20000)),
    'pax huge': lambda: tar(header(b'p', G, b'x')),
    'fstab': lambda: tar(header(b'etc/fstab', 70 << 20) + padded(b'/dev/sdb1 /mnt ext4 defaults 0 0\n' * 2224410)[:70 << 20]),
}
with open(path, 'wb') as f:
    f.write(makers[what]())
END
# bomb MAKER FILE NAME: in a directory of its own
bomb() {
	mkdir "$W/$1"
	python3 "$W/make.py" "$2" "$W/$1/$3" || exit 1
}

# Compression
bomb zeros zeros web01.img.zst
bomb pattern pattern web01.img.zst
bomb small "small pattern" web01.img.zst
ends 12 "10 GiB of zeros in 320 KiB of zstd: an empty disk, no bomb" - "$W/zeros"
ends 20 "10 GiB of 0xaa in 320 KiB of zstd" budget.expansion "$W/pattern"
ends 20 "10 GiB of 0xaa where scratch is small" budget.expansion "$W/pattern" "scratch_limit = 64M"
ends "12 20" "the same where no expansion is too much: all is read, and does not fit" budget.scratch "$W/pattern" \
	"max_expansion = none" "scratch_limit = 64M"
ends 12 "128 MiB of 0xaa in 4 KiB may be what they are" - "$W/small"
ends 20 "max_decoded counts zeros" budget.decoded "$W/zeros" "max_decoded = 2G"
ends 12 "max_decoded that suffices" - "$W/zeros" "max_decoded = 10G"
bomb nested "pattern 10T" web01.img.zst
zstd -q -1 --rm "$W/nested/web01.img.zst" -o "$W/nested/web01.img.zst.zst"
ends 20 "10 TiB of 0xaa in 30 KiB, compressed twice" budget.expansion "$W/nested/web01.img.zst.zst"
bomb bz2 bz2 web01.img.bz2
ends 20 "10 GiB of zeros in 10 KiB of bzip2, and a second" budget.time "$W/bz2" "time_limit = 1s"
if [ "${BOMBS-}" = all ]; then
	bomb nothing "zeros 10T" web01.img.zst
	zstd -q -1 --rm "$W/nothing/web01.img.zst" -o "$W/nothing/web01.img.zst.zst"
	ends 20 "10 TiB of zeros in 30 KiB, compressed twice" budget.expansion "$W/nothing/web01.img.zst.zst"
	for kind in gz gz.gz xz; do
		bomb "$kind" "$kind" "web01.img.$kind"
		ends 12 "10 GiB of zeros by $kind" - "$W/$kind/web01.img.$kind"
	done
	ends 12 "10 GiB of zeros by bzip2" - "$W/bz2"
fi

# Archives
bomb links links web01.tar
ends "13 20" "20,000 hard links are a tree" - "$W/links"
ends 20 "more entries than policy has it" budget.entries "$W/links" "max_entries = 20000"
ends "13 20" "as many entries as policy has it" - "$W/links" "max_entries = 20005"
bomb deep deep web01.tar
ends 20 "directories deeper than policy has it" budget.depth "$W/deep" "max_path_depth = 39"
ends "13 20" "directories as deep as policy has it" - "$W/deep" "max_path_depth = 40"
bomb holes holes web01.tar
ends "13 20" "files of 4 EiB and of 100 TiB that are holes" - "$W/holes"
bomb attributes attributes web01.tar
ends "13 20" "files of 30,000 extended attributes" - "$W/attributes"
bomb pax pax web01.tar
ends "13 20" "20,000 extended headers" - "$W/pax"
bomb row "pax row" web01.tar
ends 12 "20,000 extended headers of one member" - "$W/row"
bomb huge "pax huge" web01.tar
ends 20 "an extended header of 1 GiB" - "$W/huge"
bomb fstab fstab web01.tar
ends 20 "an fstab of 70 MiB" - "$W/fstab"

# Images: a map is not what it maps.
for image in qcow2:1P:cluster_size=2M qcow2:60T: vhdx:63T: vmdk:2T: vdi:4T:; do
	IFS=: read -r format size options <<<"$image"
	mkdir "$W/$format$size"
	qemu-img create -q -f "$format" ${options:+-o "$options"} "$W/$format$size/web01.$format" "$size" || exit 1
	ends 12 "an empty $format of $size" - "$W/$format$size"
done
mkdir "$W/raw"
truncate -s 8T "$W/raw/web01.img" 2>/dev/null || truncate -s 1T "$W/raw/web01.img"
ends 12 "a raw disk of terabytes without anything" - "$W/raw"
mkdir "$W/chain" "$W/loop"
qemu-img create -q -f qcow2 "$W/chain/b0.qcow2" 1G
python3 - "$W/chain" "$W/loop" <<'END'
import struct, sys
chain, loop = sys.argv[1:]
empty = open(chain + '/b0.qcow2', 'rb').read()

def on(name):
    """The same image on another one: its name lies behind the header, where nothing else is."""
    b = bytearray(empty)
    at = 0x200
    b[8:20] = struct.pack('>QI', at, len(name))
    b[at:at + len(name)] = name.encode()
    return bytes(b)

for i in range(1, 71):
    open('%s/%s.qcow2' % (chain, 'web01' if i == 70 else 'b%d' % i), 'wb').write(on('b%d.qcow2' % (i - 1)))
open(loop + '/web01.qcow2', 'wb').write(on('other.qcow2'))
open(loop + '/other.qcow2', 'wb').write(on('web01.qcow2'))
END
ends 20 "a chain of 71 images" budget.chain "$W/chain"
ends 12 "a chain of 71 images where policy has it" - "$W/chain" "max_chain = 71"
ends 20 "... and where it does not" budget.chain "$W/chain" "max_chain = 70"
ends 12 "a chain that leads back to itself" - "$W/loop"

# File systems
mkdir -p "$W/tree/$(printf 'd/%.0s' $(seq 30))" "$W/tree/etc" "$W/tree/a/b" "$W/ext4" "$W/cycle"
echo web01 >"$W/tree/etc/hostname"
truncate -s 16M "$W/ext4/web01.img"
mke2fs -q -F -t ext4 -d "$W/tree" "$W/ext4/web01.img"
ends 20 "ext4: directories deeper than policy has it" budget.depth "$W/ext4" "max_path_depth = 29"
ends 20 "ext4: directories as deep as policy has it" - "$W/ext4" "max_path_depth = 30"
ends 20 "ext4: more entries than policy has it" budget.entries "$W/ext4" "max_entries = 30"
cp "$W/ext4/web01.img" "$W/cycle"
debugfs -w -R "ln a a/b/loop" "$W/cycle/web01.img" 2>/dev/null
ends 12 "ext4: a directory that holds the one it is in" - "$W/cycle"

# What lies beside a backup
mkdir "$W/beside"
head -c 1M /dev/urandom >"$W/beside/web01.img"
truncate -s 1G "$W/beside/web01.img.sha256"
ends 12 "a sidecar of 1 GiB" - "$W/beside"
rm "$W/beside/web01.img.sha256"
truncate -s 1G "$W/beside/web01.img.seal"
ends 12 "a seal of 1 GiB" - "$W/beside"
{ printf '{"payload":' && head -c 4M /dev/zero | tr '\0' '['; } >"$W/beside/web01.img.seal"
ends 12 "a seal of four million brackets" - "$W/beside"
umount "$S" 2>/dev/null
finish
