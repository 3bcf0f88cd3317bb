#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the history is used for: how deep a check goes, and what is odd about a backup beside earlier ones.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
B=$W/backup
mkdir "$W/h" "$B"
chmod 700 "$W/h"
DB=$W/h/history.db
START=$(date +%s)

# config [LINE]...: a policy with a history, and these lines besides
config() {
	{
		printf '[policy "default"]\nmax_age = 48h\nfull_every = 1h\nhistory = %s\n' "$DB"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$W/past.conf"
}
# look [WEB01] CODE NAME FILE [OPTIONS]: of web01, or as it is written here
look() {
	local host=web01
	[[ $1 = [0-9]* ]] || { host=$1 && shift; }
	local want=$1 name=$2 f=$3
	shift 3
	run check "$host" --from "$f" --config "$W/past.conf" --scratch "$S" --format json "$@"
	verdict_is "$want" "$name"
}
# told NAME FILTER: of the last run
told() {
	if jq -e "$2" "$W/out" >"$W/holds" 2>&1; then
		ok "$1"
	else
		{ echo "$2" && jq -c '.depth, .reasons, (.findings[] | select(.check | startswith("history")))' "$W/out"; } | not_ok "$1"
	fi
}
depth() { # NAME sample|full [WHY]
	told "$1: depth $2" ".depth == \"$2\" and any(.findings[]; .check == \"history.depth\" and
		.outcome == \"skipped\" and (.detail | contains(\"${3-$2}\")))"
}
broken() { # CHECK PROOF: the last run says so, and no other check of the history does
	told "$1 says so" "[.findings[] | select(.check | startswith(\"history\")) | select(.outcome != \"skipped\" and
		.outcome != \"held\")] | length > 0 and all(.[]; .check == \"$1\" and .outcome == \"broken\" and .proof == \"$2\")"
}
quiet() { # NAME: the history says nothing against it, and looked
	told "$1: nothing is odd" "[.findings[] | select(.check | startswith(\"history\"))] | length > 0 and
		all(.[]; .outcome == \"skipped\" or .outcome == \"held\")"
}
later() { date -u -d "@$((START + $1))" +%Y-%m-%dT%H:%M:%SZ; }
# point NIGHT: where the image of that night lies
point() { echo "$B/night-$1/web01.img"; }
# night NUMBER: an image of $W/tree, written now
night() {
	mkdir -p "$B/night-$1"
	mk_disk "$(point "$1")" "$W/tree" --size 48 --table mbr || exit 1
}
forget() { rm -f "$DB"*; }

mk_tree "$W/tree" web01 $ID bios
mkdir "$W/tree/srv/data"
for i in $(seq 300); do
	od -An -tx1 -v -N 12288 -j $((i * 64)) "$W/tree/usr/bin/sort" >"$W/tree/srv/data/report-$i.txt"
done
cp -a "$W/tree" "$W/origin"
back() { rm -rf "$W/tree" && cp -a "$W/origin" "$W/tree"; }

# --- depth = auto
config
night 1
one=$(point 1)
look 0 "the first time" "$one"
depth "the first time" full "no safe full check"
look 0 "the second time" "$one" --seed 7
depth "the second time" sample "a full check of the same file held"
told "chunks are held against the history" '.proofs.integrity == "held" and any(.findings[]; .check == "integrity.sample" and .outcome == "held" and (.detail | contains("history")))'
look 0 "after a sample it is a sample again, as the full check is what counts" "$one" --now "$(later 3000)"
depth "a sample is no full check" sample
look 0 "older than full_every" "$one" --now "$(later 3700)"
depth "older than full_every" full "policy asks for one every 1h"
look 0 "asked for in full" "$one" --depth full
told "in full is in full" '.depth == "full"'
look 0 "asked for a sample" "$one" --depth sample
told "a sample is one" '.depth == "sample" and .proofs.integrity == "held"'
config "integrity_evidence = checksum"
look 20 "a policy that asks for more" "$one"
depth "a policy that asks for more" full "less than policy asks for now"
look 20 "a policy that asks for more, sampled" "$one" --depth sample
config
touch -r "$one" "$W/stamp"
chmod 640 "$one"
look 0 "only the change time is another" "$one"
depth "only the change time is another" full
look 0 "then it is known again" "$one"
depth "then it is known again" sample
cp "$one" "$W/again" && touch -r "$one" "$W/again" && mv "$W/again" "$one"
look 0 "another inode" "$one"
depth "another inode" full
# Damage that leaves no time behind: a disk does that, and no file system tells. Most chunks are looked at here.
cp "$DB" "$W/good.db"
look 0 "a short history can be asked" "$one"
depth "a short history can be asked" sample

# --- without a history that can be used: everything is read, and nothing is safer
for state in empty garbage foreign cut; do
	rm -f "$DB"*
	case $state in
	empty) : >"$DB" ;;
	garbage) head -c 8192 /dev/urandom >"$DB" ;;
	foreign) sqlite3 "$DB" 'create table a(b); pragma application_id = 1' ;;
	cut) head -c 5000 "$W/good.db" >"$DB" ;;
	esac
	look 0 "history: $state" "$one"
	told "history: $state: everything is read" '.depth == "full"'
done
rm -f "$DB"*
cp "$W/good.db" "$DB"
sqlite3 "$DB" 'update chunks set data = substr(data, 1, length(data) - 1) || x'\''00'\'
look 0 "history: chunks that don't give the digest" "$one"
told "history: chunks that don't give the digest: everything is read" '.depth == "full"'
rm -f "$DB"*
look 0 "history: gone" "$one"
depth "history: gone" full
look 0 "history: not in a directory that is there" "$one" --history "$W/nowhere/history.db"
told "history: not there: everything is read" '.depth == "full"'
look 0 "history: none" "$one" --history none
told "history: none: everything is read, and nothing said" '.depth == "full" and all(.findings[]; .check | startswith("history") | not)'

# --- a digest beside a small disk, all chunks of which are compared anyway
forget
mkdir "$B/small"
mk_disk "$B/small/web01.img" "$W/tree"
(cd "$B/small" && sha256sum web01.img >web01.img.sha256)
look 0 "a small disk with its digest, in full" "$B/small"
told "its digest is compared" 'any(.findings[]; .check == "sidecar.digest" and .outcome == "held")'
look 0 "a small disk with its digest, again" "$B/small" --seed 7
depth "a small disk with its digest, again" sample
told "all of it was compared, and its digest was not" '.proofs.integrity == "held" and
	any(.findings[]; .check == "integrity.sample" and (.detail | test("^all [0-9]+ chunks"))) and
	any(.findings[]; .check == "sidecar.digest" and .outcome == "held" and (.detail | test("an earlier full check")))'
(cd "$B/small" && md5sum web01.img >web01.img.md5)
sleep 1 # so that the check begins after its second
look 0 "another digest beside it, of another kind" "$B/small"
depth "another digest beside it, of another kind" full "written after the last one"
told "it is compared" 'any(.findings[]; .check == "sidecar.digest" and .outcome == "held" and (.detail | test("md5")))'
look 0 "a digest of another kind, again" "$B/small"
told "it is not compared again" '.depth == "sample" and any(.findings[]; .check == "sidecar.digest" and .outcome == "skipped")'
cp "$B/small/web01.img.sha256" "$W/right.sha256"
sha256sum <"$one" | sed 's/-/web01.img/' >"$B/small/web01.img.sha256"
look 12 "since then, the digest beside it is of something else" "$B/small"
told "a sample notices" '.depth == "sample" and any(.findings[]; .check == "sidecar.digest" and .outcome == "broken")'
mv "$W/right.sha256" "$B/small/web01.img.sha256"
look 0 "it is right again" "$B/small"
depth "what a sample has found is looked at in full" full "the last check of it found a fault"
for kind in sha512 fsverity; do
	sleep 1
	printf '%s  web01.img\n' "$(head -c 32 /dev/urandom | if [ $kind = sha512 ]; then sha512sum; else sha256sum; fi | cut -d ' ' -f 1)" \
		>"$B/small/web01.img.$kind"
	look 12 "a $kind that came later, of something else" "$B/small"
	told "a $kind that came later is compared" 'any(.findings[]; .check == "sidecar.digest" and .outcome == "broken" and
		(.detail | test("'$kind'")))'
	rm "$B/small/web01.img.$kind"
	look 0 "the $kind is gone" "$B/small"
done

# --- what rots below a file system changes no time; nor does it heal
forget
rm "$B/small"/*.*.*
look 0 "before it rots" "$B/small"
look 0 "before it rots, sampled" "$B/small"
depth "before it rots, sampled" sample
touch -r "$B/small/web01.img" "$W/stamp"
flip "$B/small/web01.img" $(($(stat -c %s "$B/small/web01.img") / 2))
touch -r "$W/stamp" "$B/small/web01.img"
sqlite3 "$DB" "update file set ctime_ns = $(stat -c %.9Z "$B/small/web01.img" | tr -d .)"
look 12 "it has rotted, in full" "$B/small" --depth full
told "its digest says so" 'any(.findings[]; .check == "history.digest" and .outcome == "broken")'
for seed in 1 2 3; do
	look 12 "it has rotted, seed $seed" "$B/small" --seed $seed
	depth "it has rotted, seed $seed" full "the last check of it found a fault"
done
look 20 "it has rotted, a sample is asked for" "$B/small" --depth sample
told "a sample says that it may miss it" 'any(.findings[]; .check == "history.fault" and .outcome == "unproven")'

# --- formats that can only be read whole, and several files
forget
mkdir "$B/zst" "$B/tar" "$B/split"
zstd -q -1 "$one" -o "$B/zst/web01.img.zst"
tar --numeric-owner -C "$W/tree" -cf "$B/tar/web01.tar" .
split -b 20M "$one" "$B/split/web01.img."
for kind in zst/web01.img.zst tar/web01.tar split; do
	look 0 "$kind, in full" "$B/$kind" --hostname web01
	full=$code
	look "$full" "$kind, again" "$B/$kind"
	depth "$kind, again" sample
	told "$kind: integrity is held" '.proofs.integrity == "held"'
done
told "pieces are sampled too" '[.findings[] | select(.check == "integrity.evidence")] | length > 1'
look 0 "zst, again" "$B/zst/web01.img.zst"
told "what is read whole is compared whole" 'any(.findings[]; .check == "history.proof" and .outcome == "held" and (.detail | contains("byte for byte")))'
touch "$B/split/web01.img.ab"
look 0 "one piece was touched" "$B/split"
depth "one piece was touched" full

# --- first-seen digests: an old backup that was changed, and its time put back. Nothing is where it was changed.
forget
look 0 "before it is altered" "$one"
touch -r "$one" "$W/stamp"
printf 'x' | patch "$one" $((47 << 20))
touch -r "$W/stamp" "$one"
look 12 "altered, and its time put back" "$one"
broken history.digest integrity
look 12 "and that stays" "$one"
look 12 "altered: at depth sample nobody says it is safe" "$one" --depth full
printf '\0' | patch "$one" $((47 << 20))
touch -r "$W/stamp" "$one"
look 0 "put right again" "$one"
quiet "put right again"
printf 'x' | patch "$one" $((47 << 20))
touch -r "$W/stamp" "$one"
look WEB01 12 "altered, and the host asked for in capitals" "$one"
broken history.digest integrity
look WEB01 20 "... a sample of what the other spelling found at fault" "$one" --depth sample
told "... says so" 'any(.findings[]; .check == "history.fault" and .outcome == "unproven")'
run history --history "$DB" --format json Web01
holds "the history has both spellings for one host" jq -e '[.verdicts[].host] | unique == ["WEB01", "web01"]' "$W/out"
run history --history "$DB" --format json
holds "... which is in the list once" jq -e '[.verdicts[].host] | length == 1' "$W/out"
touch "$one"
look 0 "written anew, with a new time" "$one"
quiet "written anew, with a new time"

# --- ordinary nights
forget
rm -rf "${B:?}"/*
night 1
look 0 "night 1" "$(point 1)"
for i in $(seq 301 320); do cp "$W/tree/srv/data/report-7.txt" "$W/tree/srv/data/report-$i.txt"; done
echo 'one more line' >>"$W/tree/var/log/syslog"
night 2
look 0 "night 2" "$(point 2)"
quiet "night 2"
told "figures are told" '[.findings[] | select(.check == "history.files" or .check == "history.size" or .check == "history.renamed")] | length == 3'
# An upgrade: many files change, some come and go.
for i in $(seq 60); do mv "$W/tree/srv/data/report-$i.txt" "$W/tree/srv/data/summary-$i.txt"; done
for i in $(seq 61 250); do tac "$W/tree/srv/data/report-$i.txt" | rev >"$W/x" && mv "$W/x" "$W/tree/srv/data/report-$i.txt"; done
night 3
look 0 "an upgrade" "$(point 3)"
quiet "an upgrade"
# Under another name, and with other content.
mkdir "$B/weekly" && cp -p "$(point 3)" "$B/weekly/web01-full.img"
printf 'y' | patch "$B/weekly/web01-full.img" $((47 << 20))
look 0 "a new label" "$B/weekly/web01-full.img"
quiet "a new label"
# Compressed, it is a fraction of the size.
mkdir "$B/night-4" && zstd -q -3 "$B/weekly/web01-full.img" -o "$B/night-4/web01.img.zst"
look 0 "compressed from now on" "$B/night-4/web01.img.zst"
quiet "compressed from now on"
rm -r "$B/night-4"
look 0 "an old one, checked once more" "$(point 1)" --depth full
quiet "an old one, checked once more"

# --- copies
cp "$(point 3)" "$W/copy.img"
mkdir -p "$B/2026-11-20" "$B/2026-11-21" "$B/nas2"
cp -p "$(point 3)" "$B/2026-11-20/web01.img" && cp "$W/copy.img" "$B/2026-11-21/web01.img"
look 0 "in a directory of its date" "$B/2026-11-20/web01.img"
look 11 "an old image under a new date" "$B/2026-11-21/web01.img"
broken history.copy freshness
look WEB01 11 "... of a host that is asked for in capitals" "$B/2026-11-21/web01.img"
broken history.copy freshness
cp "$W/copy.img" "$B/nas2/web01.img" && touch -d '+1 minute' "$B/nas2/web01.img"
look 0 "a second copy elsewhere, without its time" "$B/nas2/web01.img"
quiet "a second copy elsewhere"
look 11 "it is as old as the first" "$B/nas2/web01.img" --max-age 30m --now "$(later 2400)"
rm -r "$B/2026-11-20" "$B/2026-11-21" "$B/nas2"
mkdir "$B/night-6" && ln "$(point 3)" "$(point 6)"
look 0 "a hard link" "$(point 6)"
quiet "a hard link"
mkdir "$B/night-7" && cp -p "$(point 3)" "$(point 7)"
look 0 "moved with its time, and its name" "$(point 7)"
quiet "moved with its time, and its name"
cp -p "$(point 3)" "$B/night-3/web01-2.img" && mv "$(point 3)" "$B/night-3/web01-1.img"
look 0 "renamed" "$B/night-3/web01-1.img"
quiet "renamed"
look 11 "copied with its time, as the next in the series" "$B/night-3/web01-2.img"
broken history.copy freshness
forget
look 0 "the first of the series" "$B/night-3/web01-1.img"
look 11 "copied with its time, and there is no other" "$B/night-3/web01-2.img"
cp "$B/night-3/web01-1.img" "$B/night-3/web01-2.img"
look 11 "copied once more, without its time" "$B/night-3/web01-2.img"
forget
look 0 "before its time is changed" "$B/night-3/web01-1.img"
touch "$B/night-3/web01-1.img"
look 0 "its time alone is new, and its bytes are young enough" "$B/night-3/web01-1.img"
rm "$B/night-3/web01-2.img" && mv "$B/night-3/web01-1.img" "$(point 3)"
rm -r "$B/night-6" "$B/night-7"

# --- a seal has what the history need not keep; and may not contradict it
forget
mkdir "$B/sealed" "$B/other"
cp "$(point 3)" "$B/sealed/web01.img"
cp "$(point 3)" "$B/other/web01.img"
printf 'z' | patch "$B/other/web01.img" $((47 << 20))
holds "seal of sealed" "$BACKPROOF" seal "$B/sealed/web01.img" --host web01 --scratch "$S"
holds "seal of other" "$BACKPROOF" seal "$B/other/web01.img" --host web01 --scratch "$S"
look 0 "sealed" "$B/sealed/web01.img"
look 0 "sealed, again" "$B/sealed/web01.img"
depth "sealed, again" sample
rm "$B/sealed/"*.seal*
look 0 "without its seal" "$B/sealed/web01.img"
depth "without its seal" full "not all hashes are kept"
look 0 "without its seal, again" "$B/sealed/web01.img"
depth "without its seal, again" sample
mv "$B/other/"*.seal* "$B/sealed/"
look 12 "a seal that says otherwise" "$B/sealed/web01.img" --depth sample
told "the history speaks against the seal" 'any(.findings[]; .check == "history.seal" and .outcome == "broken")'
# A sample of what was sealed is held against earlier checks as what was read whole is.
some=(--depth sample --sample-bytes 1M --damage 10% --confidence 50%)
in_part='.sample.from == "seal" and .sample.chunks_bad == 0 and .sample.chunks_drawn + .sample.chunks_known < .sample.chunks_total'
seal_anew() { # NAME FILE
	rm -f "${2%/*}/"*.seal*
	holds "seal of $1" "$BACKPROOF" seal "$2" --host web01 --scratch "$S"
}
seal_anew "what was seen first" "$B/sealed/web01.img"
forget
look 0 "sealed again, in full" "$B/sealed/web01.img" --depth full
touch -r "$B/sealed/web01.img" "$W/stamp"
touch "$B/sealed/web01.img"
touch -r "$W/stamp" "$B/sealed/web01.img" # another ctime: only the seal knows it
look 0 "sealed again, a sample" "$B/sealed/web01.img" "${some[@]}"
told "... and it is what was seen first" "$in_part"' and
	any(.findings[]; .check == "history.digest" and .outcome == "skipped" and (.detail | contains("seen first")))'
printf 'z' | patch "$B/sealed/web01.img" $((47 << 20))
touch -r "$W/stamp" "$B/sealed/web01.img"
seal_anew "what was altered" "$B/sealed/web01.img"
cp "$DB" "$W/first.db"
for reader in "" --no-confine; do
	forget
	cp "$W/first.db" "$DB"
	look 12 "altered, its time put back, and sealed anew: a sample $reader" "$B/sealed/web01.img" "${some[@]}" \
		${reader:+"$reader"}
	broken history.digest integrity
	told "... was held against its seal" "$in_part"
done
rm -r "$B/sealed" "$B/other"
forget
mkdir -p "$B/2026-11-20" "$B/2026-11-21"
cp -p "$(point 3)" "$B/2026-11-20/web01.img" && cp "$(point 3)" "$B/2026-11-21/web01.img"
look 0 "before it is copied" "$B/2026-11-20/web01.img"
seal_anew "a copy" "$B/2026-11-21/web01.img"
look 11 "an old image under a new date, sealed: a sample" "$B/2026-11-21/web01.img" "${some[@]}"
told "... was held against its seal" "$in_part"
broken history.copy freshness
rm -r "$B/2026-11-20" "$B/2026-11-21"
forget
look 0 "night 3 once more" "$(point 3)"

# --- shrunk, renamed, encrypted
rm -rf "$W/tree/srv/data"/*
night 8
look 13 "most files are gone" "$(point 8)"
told "their number fell" 'any(.findings[]; .check == "history.files" and .outcome == "broken" and .proof == "coverage")'
told "a reason with figures" '.reasons[] | select(contains("max_shrink") and contains("files inside"))'
config "max_shrink = none"
look 0 "most files are gone, and that is right" "$(point 8)"
config
look 0 "from then on that is what it is held against" "$(point 8)" --depth full
back
for f in "$W"/tree/srv/data/*; do
	head -c "$(stat -c %s "$f")" /dev/urandom >"$f.locked" && rm "$f"
done
forget
rm -rf "${B:?}"/*
cp -a "$W/tree" "$W/locked"
back
night 1
look 0 "before it is encrypted" "$(point 1)"
rm -rf "$W/tree" && mv "$W/locked" "$W/tree"
night 2
look 12 "encrypted, and renamed" "$(point 2)"
told "renamed" 'any(.findings[]; .check == "history.renamed" and .outcome == "broken" and .proof == "restore" and (.detail | contains("as if encrypted")))'
told "opaque" 'any(.findings[]; .check == "history.opaque" and .outcome == "broken" and .proof == "restore")'
look 12 "and that stays" "$(point 2)"
run check web01 --from "$(point 2)" --config "$W/past.conf" --scratch "$S"
holds "nobody is told to make a new backup over the good one" grep -q 'before its next backup' "$W/out"
look 12 "at depth sample too" "$(point 2)" --depth sample
for f in "$W"/tree/srv/data/*.locked; do mv "$f" "${f%.locked}"; done
night 3
look 12 "encrypted under the same names" "$(point 3)"
broken history.opaque restore
config "max_opaque = none"
look 0 "nobody looks at that" "$(point 3)"
config
tar --numeric-owner -C "$W/origin" -cf "$B/web01-1.tar" .
look 0 "an archive" "$B/web01-1.tar"
tar --numeric-owner -C "$W/tree" -cf "$B/web01-2.tar" .
look 12 "an archive, encrypted" "$B/web01-2.tar"
broken history.opaque restore

# --- another machine
forget
back
echo ffffffffffffffffffffffffffffffff >"$W/tree/etc/machine-id"
look 0 "before the machine was set up anew" "$(point 1)"
night 4
look 13 "another machine id" "$(point 4)"
broken history.identity identity
look 0 "another machine id, and the right one" "$(point 4)" --machine-id ffffffffffffffffffffffffffffffff
quiet "another machine id, and the right one"
look 0 "from then on it is the machine's" "$(point 4)"
look 13 "and the old one is not" "$(point 1)" --depth full

# --- what was safe is what counts: a run that was not safe is no measure
forget
look 11 "stale" "$(point 1)" --max-age 0
look 0 "then checked" "$(point 1)" --depth auto
depth "then checked" full
holds "nothing of the history is left open" sqlite3 "$DB" 'pragma integrity_check'
finish
