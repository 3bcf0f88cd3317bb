#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is typed or configured wrongly: 64 and 78, before anything is read.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir "$W/b"
: >"$W/b/web01.img"
usage() { # NAME ARGUMENTS...
	local name=$1
	shift
	run "$@"
	if [ "$code" = 64 ] && [ -s "$W/err" ] && [ ! -s "$W/out" ]; then ok "usage: $name"; else why "64 and a message" | not_ok "usage: $name"; fi
}
f=(--from "$W/b/web01.img")
usage "nothing at all"
usage "unknown command" chekc web01
usage "no host" check
usage "no host, but options" check "${f[@]}"
usage "stray argument" check web01 db01 "${f[@]}"
usage "unknown option" check web01 "${f[@]}" --frobnicate
usage "unknown short option" check web01 "${f[@]}" -Z
usage "option without its value" check web01 --from
usage "empty host" check '' "${f[@]}"
usage "group where a host is meant" check @web "${f[@]}"
usage "group to be patched" run @web "${f[@]}" -- true
usage "group to be waived" waive @web --reason x --for 1h
usage "value for an option that takes none" check web01 "${f[@]}" --quiet=yes
usage "abbreviated option" check web01 --fro "$W/b/web01.img"
usage "unknown exit style" check web01 "${f[@]}" --exit-style nagios2
while read -r option value bad; do
	[ -n "$option" ] || continue
	usage "repeated $option" check web01 "${f[@]}" "$option" "$value" "$option" "$value"
	[ "$bad" = - ] || usage "bad value for $option: $bad" check web01 "${f[@]}" "$option" "$bad"
done <<'END'
--policy default -
--depth full deep
--max-age 24h yesterday
--max-age 24h -1h
--max-age 24h 24
--hostname web01 -
--machine-id 0123456789abcdef0123456789abcdef xyz
--sample-files 10 many
--sample-files 10 0
--sample-bytes 1M 1Q
--sample-bytes 1M 0
--seed 1 one
--scratch /tmp -
--scratch-limit 1G 1.5G
--scratch-limit 1G 99999999999999999999
--scratch-limit 1G 9000000T
--scratch-limit 1G 0
--deadline 10m soon
--now 2026-11-21T20:00:00Z now-ish
--now 2026-11-21T20:00:00Z 2026-13-41T20:00:00Z
--format json yaml
--output /dev/null -
--exit-style plain loud
--progress never maybe
--color never pink
END
usage "repeated --quiet" check web01 "${f[@]}" --quiet --quiet
usage "repeated --config" check web01 "${f[@]}" --config "$W/empty.conf" --config "$W/empty.conf"

usage "nothing to run" run web01 "${f[@]}" --config "$W/empty.conf" --scratch "$S" -- ''

# Whoever asked for another form of the exit status gets this one in it, too: a unit would skip 64 quietly.
told() { # CODE ARGUMENTS...
	local want=$1
	shift
	run "$@"
	if [ "$code" = "$want" ] && [ -s "$W/err" ]; then ok "usage: $want: $*"; else why "$want and a message" | not_ok "usage: $want: $*"; fi
}
told 64 audit web01 '' --config "$W/empty.conf"
told 64 audit web01 web02 --hostname web01 --config "$W/empty.conf"
told 64 audit web01 web02 --machine-id 0123456789abcdef0123456789abcdef --config "$W/empty.conf"
told 64 seal "${f[1]}" --output -
run check web01 "${f[@]}" --config "$W/empty.conf" --scratch "$S" --format json --output -
holds "--output - is standard output" jq -e .verdict "$W/out"
holds "... and no file" test ! -e ./-
told 78 audit --config "$W/empty.conf"
while read -r style check run; do
	told "$check" check web01 --frobnicate --exit-style "$style"
	told "$check" check web01 --exit-style="$style" --max-age
	told "$check" check --exit-style "$style"
	told "$check" check '' --exit-style "$style"
	told "$check" audit --jobs 0 --exit-style "$style"
	told "$check" chekc web01 --exit-style "$style"
	told "$check" pass verify --exit-style "$style"
	told "$run" run web01 --exit-style "$style"
	told "$run" run web01 --frobnicate --exit-style "$style" -- true
done <<'END'
plain 64 64
nagios 3 64
systemd 255 255
qualys 12 12
END
told 64 check --frobnicate -- --exit-style systemd
told 64 check web01 --exit-style
told 64 check web01 --exit-style loud
told 255 hook systemd --frobnicate
told 255 hook systemd apt
told 64 hook apt systemd

config() { # NAME TEXT [PATTERN]: 78, and a message with file and line
	printf '%b' "$2" >"$W/c.conf"
	run check web01 "${f[@]}" --config "$W/c.conf" --scratch "$S"
	if [ "$code" = 78 ] && grep -q "${3-c.conf}" "$W/err"; then
		ok "config: $1"
	else
		why "78, and ${3-c.conf} in the message" | not_ok "config: $1"
	fi
}
config "unknown key" '[policy "default"]\nmax_aeg = 24h\n' 'c.conf:2.*max_age'
config "unknown section" '[policies]\nmax_age = 24h\n' 'c.conf:1'
config "repeated key" '[policy "default"]\nmax_age = 24h\nmax_age = 48h\n' 'c.conf:3'
config "bad duration" '[policy "default"]\nmax_age = soon\n' 'c.conf:2'
config "bad size" '[policy "default"]\nscratch_limit = 20Q\n' 'c.conf:2'
config "bad number" '[policy "default"]\nsample_files = -1\n' 'c.conf:2'
config "bad proof" '[policy "default"]\nrequire = presence freshnes\n' 'c.conf:2.*freshness'
config "bad depth" '[policy "default"]\ndepth = deepest\n' 'c.conf:2'
config "no section" 'max_age = 24h\n' 'c.conf:1'
config "no equals sign" '[policy "default"]\nmax_age 24h\n' 'c.conf:2'
config "section not closed" '[policy "default"\nmax_age = 24h\n' 'c.conf:1'
config "key without its directory" '[policy "default"]\ntrusted_keys = web.pub\n' 'c.conf:2: trusted_keys = web.pub: expected absolute paths$'
config "unknown layout" '[repository "n"]\npath = /tmp\nlayout = vzdmup\n[host "web01"]\nrepository = n\n' 'c.conf:3'
config "host names a repository that is not there" '[host "web01"]\nrepository = nas9\n' 'c.conf:2'
config "host names a policy that is not there" '[host "web01"]\npolicy = strict\n' 'c.conf:2'
config "unused section" '[policy "default"]\nmax_age = 24h\n[policy "strict"]\nmax_age = 1h\n' 'c.conf:3'
run check web01 "${f[@]}" --config "$W/no.conf" --scratch "$S"
if [ "$code" = 78 ]; then ok "config: file is not there"; else why 78 | not_ok "config: file is not there"; fi
run check web01 "${f[@]}" --config "$W/empty.conf" --policy strict --scratch "$S"
if [ "$code" = 78 ] || [ "$code" = 64 ]; then ok "config: --policy that is not there"; else why "78 or 64" | not_ok "config: --policy that is not there"; fi
run check nosuchhost --config "$W/empty.conf" --scratch "$S"
if [ "$code" != 0 ]; then ok "config: host without repository"; else why "not 0" | not_ok "config: host without repository"; fi

for what in --help --version; do
	run $what
	if [ "$code" = 0 ] && [ -s "$W/out" ]; then ok "$what"; else why "0 and some text" | not_ok "$what"; fi
	"$BACKPROOF" $what >/dev/full 2>/dev/null
	code=$? ran="backproof $what >/dev/full"
	if [ "$code" != 0 ]; then ok "$what, with a full standard output"; else why "not 0" | not_ok "$what, with a full standard output"; fi
done
run check --help
if [ "$code" = 0 ] && grep -q -e --max-age "$W/out"; then ok "check --help"; else why "0 and the options" | not_ok "check --help"; fi
finish
