#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Keys, and passes: written by check and audit, verified where the patch is to be made, by this program and by openssl
# alone. Whatever is wrong with a pass, it is never 0.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
P=$W/web01.pass K=$W/key
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
zstd -q "$W/web01.tar"
img=$W/web01.tar.zst
hex() { od -An -v -tx1 | tr -d ' \n'; }
at() { date -u -d "@$(($(date +%s) + $1))" +%FT%TZ; } # SECONDS from now

# code_is CODE NAME [WORDS]: of the last run; WORDS have to be in what it said
code_is() {
	if [ "$code" = "$1" ] && { [ -z "${3-}" ] || grep -qF -e "$3" "$W/out" "$W/err"; }; then ok "$2"; else why "$1 ${3-}" | not_ok "$2"; fi
}
# verify CODE NAME WORDS ARGUMENTS...: of $P, for web01, with $K.pub
verify() {
	local want=$1 name=$2 words=$3
	shift 3
	run pass verify "$P" --key "$K.pub" --host web01 "$@"
	code_is "$want" "$name" "$words"
}
check() { # ARGUMENTS...: of web01 from $img
	run check web01 --from "$img" --config "$W/empty.conf" --scratch "$S" --key "$K" "$@"
}

# Keys
run key new "$K"
code_is 0 "key: a new one" "BEGIN PUBLIC KEY"
holds "key: only its owner may read it" test "$(stat -c %a "$K"),$(stat -c %a "$K.pub")" = 600,644
id=$(openssl pkey -pubin -in "$K.pub" -outform DER | sha256sum | cut -c1-64)
holds "key: its id is the digest that openssl gives" grep -qx "id:   $id" "$W/out"
holds "key: openssl reads the private half" sh -c 'openssl pkey -in "$1" -pubout | cmp - "$1.pub"' - "$K"
cp "$K" "$W/key.was"
run key new "$K"
code_is 20 "key: none is written over" "File exists"
holds "key: ... and it is as it was" cmp "$K" "$W/key.was"
: >"$W/k2.pub"
run key new "$W/k2"
code_is 20 "key: nor a public one" "File exists"
holds "key: ... and no half is left" test ! -e "$W/k2"
run key new "$W/none/key"
code_is 20 "key: no such directory" "No such file"
for arguments in "" new show "new $W/x $W/y" "make $W/x"; do
	# shellcheck disable=SC2086
	run key $arguments
	code_is 64 "key: usage: key ${arguments//$W/}"
done
(cd "$W" && minisign -G -W -p m.pub -s m.key && signify-openbsd -G -n -p s.pub -s s.sec) >/dev/null 2>&1
openssl genpkey -algorithm ed25519 -out "$W/o.key" 2>/dev/null
openssl pkey -in "$W/o.key" -pubout -out "$W/o.pub"
chmod 600 "$W/o.key"
for f in m.pub s.pub o.pub o.key; do
	run key show "$W/$f"
	code_is 0 "key: show $f" "BEGIN PUBLIC KEY"
	case $f in
	[ms].pub) # two letters, eight bytes that name the key, the key
		raw=$(sed -n 2p "$W/$f" | base64 -d | tail -c 32 | hex) ;;
	*) raw=$(openssl pkey -in "$W/o.key" -pubout -outform DER | tail -c 32 | hex) ;;
	esac
	holds "key: $f is the key that its tool made" test "$(openssl pkey -pubin -in "$W/out" -outform DER | tail -c 32 | hex)" = "$raw"
done
holds "key: a key of minisign is called that" sh -c '"$1" key show "$2/m.pub" | grep -q minisign' - "$BACKPROOF" "$W"
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out "$W/rsa.key" 2>/dev/null
for f in m.key s.sec rsa.key "$(basename "$img")" none .; do
	run key show "$W/$f"
	code_is 20 "key: none is $f"
done
half=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	"$BACKPROOF" key new "$W/killed$i" >/dev/null 2>&1 &
	sleep "0.00$i"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	for f in "$W/killed$i" "$W/killed$i.pub"; do
		[ ! -e "$f" ] || "$BACKPROOF" key show "$f" >/dev/null || half=$((half + 1))
	done
done
holds "key: killed at any moment, none is half written" test "$half" = 0

# A pass is written, and is good
"$BACKPROOF" key new "$W/other" >/dev/null
check --pass "$P" --format json
verdict_is 0 "check --pass: safe"
holds "pass: everybody may read it" test "$(stat -c %a "$P")" = 644
verify 0 "verify: good" "web01: pass is good"
verify 0 "verify: by its id too, and with another key beside" "" --machine-id "$ID" --key "$W/other.pub" --policy default
run pass verify "$P" --key "$K.pub" --host web01 --quiet
code_is 0 "verify: quiet"
holds "verify: ... is silent" test ! -s "$W/out" -a ! -s "$W/err"
begin=$(date +%s%N)
for _ in 1 2 3 4 5 6 7 8 9 10; do "$BACKPROOF" pass verify "$P" --key "$K.pub" --host web01 --quiet || break; done
echo "# pass verify takes $((($(date +%s%N) - begin) / 10000000)) ms"
payload() { jq -rj .payload "${1-$P}" | base64 -d; }
holds "pass: what it says" sh -c 'printf %s "$1" | jq -e --arg id "$2" --arg sum "$3" "
	.subject == [{name: \"web01.tar.zst\", digest: {sha256: \$sum}, annotations: {size: .subject[0].annotations.size}}] and
	.predicate.result == \"PASSED\" and (.predicate.passedTests | length) == 7 and .predicate.backproof.machine_id == \$id and
	.predicate.backproof.hostname == \"web01\" and .predicate.backproof.depth == \"full\" and
	(.predicate.backproof | (.expires_at | fromdate) - (.verified_at | fromdate)) == 4 * 3600"' - \
	"$(payload)" "$ID" "$(sha256sum <"$img" | cut -c1-64)"
schema() { # FILE
	python3 - "$TOP/packaging/schema/pass-v1.schema.json" "$1" <<'END'
import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(json.load(open(sys.argv[2])))
END
}
payload >"$W/safe.json"
holds "pass: as the schema has it" schema "$W/safe.json"
jq '.predicate.backproof.more = 1' "$W/safe.json" >"$W/more.json"
if schema "$W/more.json" 2>/dev/null; then echo "accepted" | not_ok "schema: refuses what is not known"; else ok "schema: refuses what is not known"; fi

# With openssl, as README says it
awk -v RS= '/openssl pkeyutl -verify/ && /web01.pass/' "$TOP/README.md" | sed 's/^    //' >"$W/recipe"
holds "README has the lines for openssl" grep -q pkeyutl "$W/recipe"
recipe() { (cd "$W/r" && bash -e ../recipe); }
mkdir "$W/r" && cp "$P" "$W/r/web01.pass" && cp "$K.pub" "$W/r/backproof.pub"
holds "openssl: the pass is good" recipe
cp "$W/other.pub" "$W/r/backproof.pub"
if recipe >"$W/holds" 2>&1; then not_ok "openssl: another key" <"$W/holds"; else ok "openssl: another key"; fi
cp "$K.pub" "$W/r/backproof.pub"

# Show
run pass show "$P"
code_is 0 "show: without a key" "NOT CHECKED"
run pass show "$P" --key "$K.pub"
code_is 0 "show: with its key" "checked, and right: by $id"
run pass show "$P" --key "$W/other.pub"
code_is 13 "show: with another key" "NOT BY ANY OF THE KEYS"
run pass show "$P" --key "$K.pub" --format json
holds "show: JSON" jq -e --arg id "$id" '.signature == "held" and .key_id == $id and .exit == 0 and .expired == false' "$W/out"
digest=$(jq -r .policy_digest "$W/out")
run pass show "$W/none"
code_is 20 "show: none is there"

# What it has to be for
verify 0 "verify: the digest of its policy" "" --policy-digest "$digest"
verify 13 "verify: of another policy" "another digest" --policy-digest "${digest//[0-8]/9}"
verify 13 "verify: by another policy" "by the policy" --policy strict
verify 13 "verify: another machine id" "of the machine" --machine-id ffffffffffffffffffffffffffffffff
run pass verify "$P" --key "$K.pub" --host web02
code_is 13 "verify: another host" "not for web02"
run pass verify "$P" --key "$W/other.pub" --host web01
code_is 13 "verify: another key" "none of the given keys"
for k in "$W/m.pub" "$W/s.pub"; do
	run pass verify "$P" --key "$k" --host web01
	code_is 13 "verify: a key of $(basename "$k")"
done
run pass verify "$W/none.pass" --key "$K.pub" --host web01
code_is 11 "verify: missing" "No such file"
run pass verify "$W" --key "$K.pub" --host web01
code_is 20 "verify: a directory"
run pass verify "$P" --key "$W/none" --host web01
code_is 20 "verify: a key that is missing"
run pass verify "$P" --key "$K.pub" --key "$img" --host web01
code_is 20 "verify: a second key that is none"
verify 11 "verify: expired" "it expired" --now "$(at 14500)"
verify 0 "verify: just before" "" --now "$(at 14300)"
verify 11 "verify: a clock that is behind" "is the clock of this machine right" --now "$(at -1000)"
verify 11 "verify: a clock of 1970" "is the clock of this machine right" --now 1970-01-01T00:00:01Z
verify 0 "verify: a clock that is a little behind" "" --now "$(at -200)"
verify 12 "verify: qualys" "" --now "$(at 14500)" --exit-style qualys
verify 2 "verify: nagios, expired" "" --now "$(at 14500)" --exit-style nagios
verify 1 "verify: nagios, soon" "" --now "$(at 13000)" --exit-style nagios
verify 0 "verify: nagios" "" --exit-style nagios
run pass verify "$W" --key "$K.pub" --host web01 --exit-style systemd
code_is 255 "verify: systemd"
run pass verify "$P" --key "$K.pub" --host web02 --quiet
code_is 13 "verify: quiet, and refused"
holds "verify: ... tells on standard error" sh -c '[ ! -s "$1/out" ] && [ "$(wc -l <"$1/err")" = 1 ]' - "$W"
for arguments in "" verify "verify $P" "verify $P $P --key $K.pub" "show $P $P" "frobnicate $P" "show $P --format html" \
	"verify $P --key $K.pub --format json" "verify $P --key $K.pub --machine-id 12" "verify $P --key $K.pub --state a --state b" \
	"verify $P --key $K.pub --policy-digest 12"; do
	# shellcheck disable=SC2086
	run pass $arguments
	code_is 64 "usage: pass ${arguments//$W\//}"
done
if [ -c /dev/full ]; then
	"$BACKPROOF" pass verify "$P" --key "$K.pub" --host web01 >/dev/full 2>/dev/null
	holds "verify: what could not be told is none" test $? = 70
fi

# On the machine itself, by its name and id
self=$(hostname) own=$(cat /etc/machine-id 2>/dev/null)
mk_tree "$W/self" "$self" "${own:-$ID}" container
mk_tar "$W/self.tar" "$W/self"
run check "$self" --from "$W/self.tar" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$W/self.pass" --quiet
run pass verify "$W/self.pass" --key "$K.pub"
code_is 0 "verify: this machine" "pass is good"
run pass verify "$P" --key "$K.pub"
code_is 13 "verify: another than this machine" "not for"
rm -r "$W/self"
mk_tree "$W/self" "$self" fedcba9876543210fedcba9876543210 container
mk_tar "$W/self.tar" "$W/self"
run check "$self" --from "$W/self.tar" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$W/self.pass" --quiet
run pass verify "$W/self.pass" --key "$K.pub"
if [ -n "$own" ]; then code_is 13 "verify: another machine of this name" "of the machine fedcba98"; else code_is 0 "verify: no id to compare"; fi

# What hands can do to a file
cp "$P" "$W/good.pass"
mutants() { python3 - "$W/good.pass" "$W/mutant" <<'END'
import random, sys
d, r, n = open(sys.argv[1], "rb").read(), random.Random(5), 0
name = d.index(b'"keyid":"') + 9
for at in sorted(r.sample(range(len(d) - 1), 120)) + [0, 1, len(d) - 2]:
    if name <= at < name + 64:
        continue  # a hint, which nobody relies on
    b = bytearray(d)
    b[at] ^= 1 << r.randrange(7)
    if bytes(b).split() != d.split():
        open(sys.argv[2] + str(n), "wb").write(b)
        n += 1
for cut in [0, 1, 10, len(d) // 2, len(d) - 2, len(d) - 5, len(d) - 20]:
    open(sys.argv[2] + str(n), "wb").write(d[:cut])
    n += 1
print(n)
END
}
bad='' count=$(mutants)
for i in $(seq 0 $((count - 1))); do
	"$BACKPROOF" pass verify "$W/mutant$i" --key "$K.pub" --host web01 --quiet 2>/dev/null
	rc=$?
	[ $rc = 13 ] || bad="$bad $i:$rc"
done
holds "verify: $count changed and cut files are refused" test "$count" -gt 100 -a -z "$bad"
hand() { # CODE NAME WORDS: judges standard input as a pass
	cat >"$P"
	verify "$1" "$2" "$3"
}
G=$W/good.pass
jq -c '.signatures = []' "$G" | hand 13 "by hand: unsigned" "nobody signed"
jq -c 'del(.signatures)' "$G" | hand 13 "by hand: without signatures" ""
jq -c '.signatures += .signatures' "$G" | hand 13 "by hand: two signatures" "more than one"
jq -c '.payloadType = "text/plain"' "$G" | hand 13 "by hand: another type" "another type"
jq -c '.more = 1' "$G" | hand 13 "by hand: one member more" ""
{ cat "$G" && echo '{}'; } | hand 13 "by hand: something behind it" ""
cat "$G" "$G" | hand 13 "by hand: twice" ""
sed 's/{/{"payloadType":"application\/vnd.in-toto+json",/' "$G" | hand 13 "by hand: a key twice" "duplicate"
jq -c '.signatures[0].sig |= (.[0:20] + "AAAA" + .[24:])' "$G" | hand 13 "by hand: another signature" "changed since"
jq -c '.signatures[0].keyid = "0000"' "$G" | jq -c '.signatures[0].sig |= (.[0:20] + "AAAA" + .[24:])' |
	hand 13 "by hand: another signature, and another name" "none of the given"
jq -c . "$G" | hand 0 "by hand: only written anew" ""
head -c 5000000 /dev/zero | hand 20 "by hand: far too large" "larger"
: | hand 13 "by hand: empty" ""
# sign: the statement on standard input, by the right key, with openssl
sign() {
	cat >"$W/st"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$W/st")" && cat "$W/st"; } >"$W/pae"
	openssl pkeyutl -sign -rawin -inkey "$K" -in "$W/pae" -out "$W/sig"
	jq -nc --arg p "$(base64 -w0 "$W/st")" --arg s "$(base64 -w0 "$W/sig")" \
		'{payloadType: "application/vnd.in-toto+json", payload: $p, signatures: [{keyid: "", sig: $s}]}'
}
edit() { payload "$G" | jq -c "$1" | sign; }
payload "$G" | sign | hand 0 "signed by openssl: the same" ""
edit '.predicate.backproof.format_version = "2.0"' | hand 20 "signed: a major version that is not known" "version 2.0"
edit '.predicate.backproof.format_version = "1.4" | .predicate.backproof.more = {}' | hand 0 "signed: a higher minor version" ""
edit '.predicate.backproof.more = {}' | hand 13 "signed: a member that is not known" ""
edit '.predicate.backproof.code = "damaged"' | hand 13 "signed: passed with another code" "contradicts"
edit '.predicate.result = "FAILED"' | hand 13 "signed: safe and failed" "contradicts"
edit '.predicate.result = "WARNED"' | hand 13 "signed: warned" ""
edit '.subject = []' | hand 13 "signed: passed, about nothing" "nothing was proved"
edit '.predicate.backproof.expires_at = "2099-01-01T00:00:00Z"' | hand 13 "signed: good for ever" "a year after"
edit '.predicate.backproof.host = "web01\u0000"' | hand 13 "signed: a NUL" ""
edit '.predicate.passedTests = []' | hand 13 "signed: the lists contradict the proofs" "contradict"
edit '.predicateType = "urn:backproof:seal:v1"' | hand 13 "signed: a seal is no pass" "another kind"
payload "$G" | sed 's/"host":"web01"/"host":"db01","host":"web01"/' | sign | hand 13 "signed: a key twice" "duplicate"
{ payload "$G" && echo x; } | sign | hand 13 "signed: something behind it" ""
edit '.predicate.backproof.host = "\u001b[31mweb01\u202e"' >"$P"
run pass show "$P"
holds "show: names are escaped" sh -c '! LC_ALL=C grep -q "[[:cntrl:]]\|$(printf "\342\200\256")" "$1/out"' - "$W"

# Replays
cp "$G" "$P"
check --quiet --pass "$W/new.pass" --now "$(at 2)"
state=$W/state
verify 0 "state: the first pass" "" --state "$state"
verify 0 "state: the same once more" "" --state "$state"
P=$W/new.pass verify 0 "state: a newer one" "" --state "$state"
verify 13 "state: the older one is a replay" "replay" --state "$state"
verify 0 "state: ... which nobody knows without it" ""
holds "state: one file, and its lock" sh -c 'ls "$1".* && [ "$(ls "$1"* | wc -l)" = 2 ]' - "$state"
pids='' bad=0
for _ in 1 2 3 4 5 6; do
	"$BACKPROOF" pass verify "$W/new.pass" --key "$K.pub" --host web01 --quiet --state "$state" &
	pids="$pids $!"
done
for pid in $pids; do wait "$pid" || bad=$((bad + 1)); done
holds "state: several at once" test $bad = 0
for text in '' '{}' '{"format_version":"1.0","passes":{}} x' '{"format_version":"2.0","passes":{}}'; do
	printf %s "$text" >"$state"
	verify 20 "state: broken ($text)" "remove it" --state "$state"
done
verify 20 "state: nowhere to keep it" "" --state "$W/none/state"
ln -sf "$W/none/state" "$W/state.link"
verify 20 "state: a link that leads nowhere" "" --state "$W/state.link"
rm "$state"

# What is not safe says so, in place of the one that did
check --quiet --pass "$P" --now "$(at 259200)"
code_is 11 "check: stale"
verify 11 "verify: a pass that says stale" "did not pass: stale" --now "$(at 259200)" --state "$state"
cp "$G" "$W/p" && P=$W/p verify 13 "verify: the one before is a replay from then on" "replay" --state "$state" --now "$(at 259200)"
payload >"$W/failed.json"
holds "pass: that failed, as the schema has it" schema "$W/failed.json"
cp "$img" "$W/bad.tar.zst"
flip "$W/bad.tar.zst" 200000
cp "$G" "$P"
run check web01 --from "$W/bad.tar.zst" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$P" --quiet
code_is 12 "check: damaged"
verify 12 "verify: a pass that says damaged" "did not pass: damaged"
mkdir "$W/empty"
run check web01 --from "$W/empty" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$P" --quiet
code_is 10 "check: no backup"
verify 10 "verify: a pass that says no backup" "did not pass: no-backup"
payload >"$W/none.json"
holds "pass: about no file, as the schema has it" schema "$W/none.json"
cp "$G" "$P"
check --pass "$P" --output "$W/none/report"
code_is 70 "check: no report"
verify 70 "verify: a verdict that nobody was told" "the report could not be written"
cp "$G" "$P"
(
	ulimit -f 0
	"$BACKPROOF" check web01 --from "$W/bad.tar.zst" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$P" 2>&1
	echo "exit $?"
) | cat >"$W/out"
holds "check: no room for a pass" grep -qx "exit 70" "$W/out"
holds "check: ... the one before is gone" test ! -e "$P"
cp "$G" "$P"
(
	ulimit -f 0
	"$BACKPROOF" check nobody --from "$W/tree" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$W/tree/etc" 2>&1
	echo "exit $?"
) | cat >"$W/out"
holds "check: a directory is no place" grep -qx "exit 64" "$W/out"

# Two at once: what began later counts, and what is not safe
check --quiet --pass "$P"
cp "$P" "$W/later.pass"
check --quiet --pass "$P" --now "$(at -100)"
code_is 0 "check: one that began earlier" "began later"
holds "check: ... leaves the later pass" cmp "$P" "$W/later.pass"
run check web01 --from "$W/bad.tar.zst" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$P" --quiet --now "$(at -100)"
verify 12 "verify: one that began earlier, and found damage" "did not pass: damaged"
"$BACKPROOF" key new "$W/third" >/dev/null
cp "$W/later.pass" "$P"
run check web01 --from "$img" --config "$W/empty.conf" --scratch "$S" --key "$W/third" --pass "$P" --quiet --now "$(at -100)"
run pass verify "$P" --key "$W/third.pub" --host web01
code_is 0 "check: a pass by another key is replaced" ""

# Asked for wrongly: before anything is read
sum=$(sha256sum <"$img")
for arguments in "--pass $img --key $K" "--pass $P" "--pass $P --key $K.pub" "--pass $P --key $W/none" "--key $K" \
	"--pass $W/none/x --key $K" "--pass $P --key $K --key $K" "--pass $W/tree --key $K" "--pass= --key $K" "--pass /dev/null --key $K"; do
	# shellcheck disable=SC2086
	run check web01 --from "$img" --config "$W/empty.conf" --scratch "$S" $arguments
	code_is 64 "usage: check ${arguments//$W\//}"
done
holds "check: the backup is as it was" test "$(sha256sum <"$img")" = "$sum"
cp "$K" "$W/open.key" && chmod 644 "$W/open.key"
check --pass "$P" --quiet
printf '[policy "default"]\npass_key = %s\nvalid_for = 1h\n' "$W/open.key" >"$W/open.conf"
run check web01 --from "$img" --config "$W/open.conf" --scratch "$S" --pass "$P"
code_is 78 "check: the key of the policy may be read by others" "others may read"
chmod 600 "$W/open.key"
run check web01 --from "$img" --config "$W/open.conf" --scratch "$S" --pass "$P" --quiet
code_is 0 "check: the key of the policy"
verify 0 "verify: ... and its time" "good for 58m" --now "$(at 90)"
run check web01 --from "$img" --config "$W/open.conf" --scratch "$S" --pass "$P" --quiet --valid-for 2h --max-age 1h
verify 0 "verify: never longer than the backup is fresh" "good for 5"

printf '[policy "default"]\nrequire = presence integrity structure identity restore\nmax_age = 1h\n' >"$W/ageless.conf"
cp "$img" "$W/aged.tar.zst" && touch -d '2 hours ago' "$W/aged.tar.zst"
run check web01 --from "$W/aged.tar.zst" --config "$W/ageless.conf" --scratch "$S" --key "$K" --pass "$P" --quiet
code_is 0 "check: age is not asked for, and the pass good for no moment" "has expired already"
verify 11 "verify: ... so it is" "it expired"

# The digest of a policy is about what it asks to be proved
digest_of() { # LINES of the policy
	printf '[policy "default"]\n%s\n' "$1" >"$W/d.conf"
	"$BACKPROOF" check web01 --from "$img" --config "$W/d.conf" --key "$K" --pass "$W/d.pass" --quiet
	"$BACKPROOF" pass show "$W/d.pass" --format json | jq -r .policy_digest
}
base=$(digest_of "scratch = $S")
holds "policy: how and where it is done counts for nothing" test "$(digest_of "scratch = $S
nice = 3
rate_limit = 900M
valid_for = 2h
scratch_limit = 1G")" = "$base"
for line in "max_age = 23h" "sample_files = 63" "require = presence integrity" "min_size = 1K" "critical = /etc/fstab /etc/passwd"; do
	holds "policy: $line counts" test "$(digest_of "scratch = $S
$line")" != "$base"
done

# A sample that was held against a seal
mk_tree "$W/disk" web01 "$ID" efi
mk_disk "$W/web01.img" "$W/disk"
"$BACKPROOF" seal "$W/web01.img" --key "$K" --scratch "$S" --quiet
run check web01 --from "$W/web01.img" --config "$W/empty.conf" --scratch "$S" --key "$K" --trust "$K.pub" --pass "$P" --depth sample --quiet
code_is 0 "check: a sample against a seal"
verify 0 "verify: a sample" "with a sample"
holds "pass: the digest is the seal's, and the confidence is told" test "$(payload | jq -r '.subject[0].digest.fsverity, .predicate.backproof.damage')" = \
	"$(jq -r .payload "$W/web01.img.seal" | base64 -d | jq -r '.subject[] | select(.name == "web01.img") | .digest.fsverity')
0.1%"
payload >"$W/sample.json"
holds "pass: of a sample, as the schema has it" schema "$W/sample.json"
cp "$W/web01.img.seal" "$P"
verify 13 "verify: a seal is no pass" "no statement with a test result"
for to in "$P" "$W/web01.img.seal"; do
	run check web01 --from "$W/web01.img" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$to" --quiet
	code_is 64 "check: a seal is no place for a pass (${to##*/})" "is no pass"
done
holds "check: ... and it is as it was" cmp "$P" "$W/web01.img.seal"
cp "$G" "$P"

# With fallback, the pass is about the one that was judged
mkdir "$W/two"
cp "$img" "$W/two/web01-$(date -u -d '1 hour ago' +%F_%H%M).tar.zst" && touch -d '1 hour ago' "$W/two/"*
cp "$W/bad.tar.zst" "$W/two/web01-$(date -u +%F_%H%M).tar.zst"
printf '[policy "default"]\nfallback = yes\n' >"$W/fallback.conf"
run check web01 --from "$W/two" --config "$W/fallback.conf" --scratch "$S" --key "$K" --pass "$P" --quiet
code_is 0 "check: an older one is safe"
holds "pass: about the older one" test "$(payload | jq -r '.subject[0].digest.sha256')" = "$(sha256sum <"$img" | cut -c1-64)"

# Killed at any moment: the one before, or a whole one
bad=0 new=0
cp "$G" "$P"
begin=$(date +%s%N)
check --pass "$W/timed.pass" --quiet
took=$((($(date +%s%N) - begin) / 1000))
for i in $(seq 1 25); do
	"$BACKPROOF" check web01 --from "$img" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$P" --quiet >/dev/null 2>&1 &
	sleep "$(printf '%d.%06d' $((took * i / 14 / 1000000)) $((took * i / 14 % 1000000)))"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	"$BACKPROOF" pass verify "$P" --key "$K.pub" --host web01 --quiet || bad=$((bad + 1))
	cmp -s "$P" "$G" || new=$((new + 1))
done
echo "# of 25 that were killed, $new had written their pass"
holds "check: killed at any moment, a whole pass is there" test "$bad" = 0
rm -rf "${S:?}"/*
check --pass "$P" --quiet
code_is 0 "check: after that"

# Many hosts
mkdir "$W/repo" "$W/passes"
for host in web01 web02 db01; do
	mk_tree "$W/t" $host "$ID" container
	mkdir "$W/repo/$host"
	mk_tar "$W/repo/$host/$host.tar" "$W/t"
	rm -r "$W/t"
done
flip "$W/repo/db01/db01.tar" 1000
cat >"$W/fleet.conf" <<END
[repository "r"]
path = $W/repo
match = {host}/*.tar
[policy "default"]
scratch = $S
integrity_evidence = read
pass_key = $W/open.key
[host "web01"]
[host "web02"]
[host "db01"]
[host "gone"]
END
grep -v pass_key "$W/fleet.conf" >"$W/keyless.conf"
run audit --config "$W/fleet.conf" --pass-dir "$W/passes" --quiet
worst=$code
holds "audit: a pass a host" test "$(cd "$W/passes" && echo *)" = "db01.pass gone.pass web01.pass web02.pass"
holds "audit: not all are safe" test "$worst" != 0
for line in "web01 0" "web02 0" "gone 10"; do
	read -r host want <<<"$line"
	run pass verify "$W/passes/$host.pass" --key "$K.pub" --host "$host"
	code_is "$want" "audit: the pass of $host"
done
run pass verify "$W/passes/db01.pass" --key "$K.pub" --host db01
holds "audit: the pass of db01 says what the audit said" test "$code" = "$worst" -a "$code" != 0
run pass verify "$W/passes/web01.pass" --key "$K.pub" --host web02
code_is 13 "audit: a pass is of one host"
if [ -c /dev/full ]; then
	run audit web01 --config "$W/fleet.conf" --pass-dir "$W/passes" --format html --output /dev/full
	code_is 70 "audit: its report is lost at the very end"
	run pass verify "$W/passes/web01.pass" --key "$K.pub" --host web01
	code_is 70 "audit: ... and a pass that was written before says no more"
else
	skip "audit: no /dev/full"
fi
run audit web01 web02 --config "$W/keyless.conf" --pass-dir "$W/passes"
code_is 64 "audit: a policy without a key"
run audit web01 a/b --config "$W/fleet.conf" --pass-dir "$W/passes"
code_is 64 "audit: a host that is no file"
run audit web01 --config "$W/fleet.conf" --pass-dir "$W/none"
code_is 64 "audit: no such directory"
run audit web01 --config "$W/keyless.conf" --pass-dir "$W/passes" --key "$K" --jobs 2 --format json
code_is 0 "audit: with a key of its own"
rm "$W/passes/"* && mkdir "$W/passes/web02.pass"
run audit web01 web02 --config "$W/fleet.conf" --pass-dir "$W/passes"
code_is 64 "audit: one pass has no place"
finish
