#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which backup stood behind which patch, and the way back: what rollback prints is pasted here, and does what it says.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
h=$W/h.db
C=(--config "$W/empty.conf")
q() { sqlite3 -cmd '.timeout 5000' "$h" "$1"; }
coded() { # CODE NAME: of the last run
	if [ "$code" = "$1" ]; then ok "$2"; else why "$1" | not_ok "$2"; fi
}
said() { # NAME PATTERN: on standard error
	if grep -Eq -- "$2" "$W/err"; then ok "$1"; else why "$2" | not_ok "$1"; fi
}
shows() { # NAME PATTERN: on standard output, whose lines may be broken
	if tr -s '\n ' '  ' <"$W/out" | grep -Eq -- "$2"; then ok "$1"; else why "$2" | not_ok "$1"; fi
}
patched() { # HOST FILE...: a patch with that backup
	local host=$1 f from=()
	shift
	for f; do from+=(--from "$f"); done
	run run "$host" "${from[@]}" "${C[@]}" --scratch "$S" --history "$h" --depth full -- true
}
back() { # HOST [OPTION...]: as JSON in $W/out
	run rollback "$@" "${C[@]}" --history "$h" --format json
}
commands() { # STEP: its commands
	jq -r --arg step "$1" '.steps[] | select(.title | startswith($step)) | .lines[].command // empty' "$W/out"
}
# Pastes the commands of a step, with what is in capitals filled in. All of what they say is in $W/pasted.
paste_step() { # NAME STEP DISK
	commands "$2" >"$W/step"
	sed -i "s#/dev/DISK#$3#; s#/SPACE#$W/space#; s#\bFILE\$#/etc/hostname#; s#^backproof#$BACKPROOF#" "$W/step"
	if [ -s "$W/step" ] && (cd "$W/cwd" && bash -e "$W/step") >"$W/pasted" 2>&1; then ok "$1"; else
		cat "$W/step" "$W/pasted" | not_ok "$1"
	fi
}
mkdir "$W/space" "$W/cwd" "$W/b"

mk_tree "$W/efi" web01 "$ID" efi
mk_disk "$W/good.img" "$W/efi" --size 64 || exit 1
cp --sparse=always "$W/good.img" "$W/b/web01.img"

# A patch, and what is behind it.
run history --patches "${C[@]}" --history "$h"
coded 20 "no history yet"
patched web01 "$W/b/web01.img"
coded 0 "a patch"
run history --patches "${C[@]}" --history "$h"
coded 0 "patches are listed"
shows "with what to restore" '1 20..-..-.. ..:..Z web01 ok - web01.img: true'
run history --patches web01 "${C[@]}" --history "$h" --verbose
shows "its files and digests" "Files $W/b/web01.img, 64 MiB, (sha256|fs-verity) [0-9a-f]{64}"
run history --patches "${C[@]}" --history "$h" --format json
holds "patches as JSON" jq -e '.type == "patches" and (.patches | length) == 1 and (.patches[0] | .id == 1 and
	.host == "web01" and .command == ["true"] and .result.state == "exited" and .result.status == 0 and
	.post == null and .post_result.state == "none" and .verdict == "safe" and .waiver == null and .covers == null and
	.suspect == null and .restore_point.label == "web01.img" and (.restore_point.format | index("raw")) != null and
	.restore_point.files[0].size == 67108864)' "$W/out"
run history --patches nobody "${C[@]}" --history "$h"
coded 20 "a host without patches"
run history --patches "${C[@]}" --history "$h" --format prometheus
coded 64 "a format that patches do not have"
run rollback web01 "${C[@]}" --history "$h"
coded 0 "the way back"
shows "the patch, the time, the backup" "Patch 1 of web01: true Ran .* Backup web01.img, of 20.* proved at 20"
shows "its file is as it was" "web01.img, 64 MiB, unchanged"
shows "the step" "dd if=$W/b/web01.img of=/dev/DISK bs=4M conv=fsync,nocreat"
shows "single files" "backproof extract -C /SPACE -- $W/b/web01.img FILE"
holds "no warning" sh -c "! grep -q WARNING '$W/out'"
back web01
coded 0 "the way back as JSON"
holds "it is that" jq -e '.type == "rollback" and .host == "web01" and .exit == 0 and .patch.id == 1 and .warnings == [] and
	.files[0].state == "unchanged" and (.steps | length) >= 4 and .sealed == false' "$W/out"
paste_step "pasted: the files are proved" "Prove" none
holds "pasted: and it said so" grep -Eq "unchanged|: OK" "$W/pasted"
truncate -s 64M "$W/disk"
paste_step "pasted: the disk is written" "Restore" "$W/disk"
holds "pasted: and is what it was" cmp "$W/disk" "$W/good.img"
paste_step "pasted: a file comes out" "Or restore single" none
holds "pasted: it is that file" grep -qx web01 "$W/space/etc/hostname"
rm -rf "$W/disk" "$W/space"/*
sed -i 's#/dev/DISK#/dev/no-such-disk-here#' "$W/step"
commands Restore | sed 's#/dev/DISK#/dev/no-such-disk-here#' >"$W/step"
holds "a disk that is not there is not made" sh -c "! bash '$W/step' 2>/dev/null && [ ! -e /dev/no-such-disk-here ]"

# What it is kept as decides on the steps.
kept() { # NAME HOST-FILES... : patches with it, and restores to a disk as the steps say
	local name=$1
	shift
	patched web01 "$@"
	coded 0 "$name: a patch"
	back web01
	coded 0 "$name: the way back"
	rm -rf "$W/space"/*
	truncate -s 0 "$W/disk"
	truncate -s 64M "$W/disk"
	paste_step "$name: the files are proved" "Prove" none
	paste_step "$name: the disk is written" "Restore" "$W/disk"
	holds "$name: and is what it was" cmp "$W/disk" "$W/good.img"
}
zstd -q "$W/good.img" -o "$W/b/z.img.zst"
kept "zstd" "$W/b/z.img.zst"
gzip -1 <"$W/good.img" >"$W/b/g.img.gz"
kept "gzip" "$W/b/g.img.gz"
cp "$W/b/g.img.gz" "$W/b/noname"
kept "gzip, by no name" "$W/b/noname"
xz -0 <"$W/good.img" >"$W/b/x.img.xz"
kept "xz" "$W/b/x.img.xz"
split -b 170000 "$W/b/z.img.zst" "$W/b/s.img.zst."
kept "split" "$W"/b/s.img.zst.*
qemu-img convert -O qcow2 "$W/good.img" "$W/b/q.qcow2"
kept "qcow2" "$W/b/q.qcow2"
qemu-img convert -O vmdk "$W/good.img" "$W/b/v.vmdk"
kept "vmdk" "$W/b/v.vmdk"
back web01 --patch 2
coded 0 "a patch by its number"
holds "it is that one, and not the last" jq -e '.patch.id == 2 and (.warnings | length) == 1 and (.warnings[0] | test("up to patch 8"))' "$W/out"
# A whole system as an archive.
mk_tree "$W/lxc" web01 "$ID" container
mk_tar "$W/b/t.tar" "$W/lxc"
zstd -q "$W/b/t.tar"
patched web01 "$W/b/t.tar.zst"
coded 0 "tar: a patch"
back web01
commands Restore >"$W/step"
holds "tar: the step" grep -qF "zstd -dc $W/b/t.tar.zst | tar -x --numeric-owner --xattrs --xattrs-include='*' --acls" "$W/step"
holds "tar: boot loader" grep -q grub-install "$W/step"
holds "tar: never over the running system" grep -qx "mountpoint /mnt/restore" "$W/step"

# Names are anybody's: what is pasted means them to the letter, and nothing else happens.
for name in "it's \$(touch pwned) \"\`touch pwned\`; touch pwned" $'back\\slash\nline' $'esc\e[2J\377' 'bang!!%s' \
	"ünï * \$'x'" '-rf ~root'; do
	rm -rf "$W/n"
	mkdir "$W/n"
	cp --sparse=always "$W/good.img" "$W/n/$name.img"
	patched web01 "$W/n/$name.img"
	shown=$(printf '%s' "$name" | tr -c '[:print:]' '?')
	back web01
	coded 0 "$shown: the way back"
	truncate -s 0 "$W/disk"
	truncate -s 64M "$W/disk"
	paste_step "$shown: proved" "Prove" none
	paste_step "$shown: written" "Restore" "$W/disk"
	holds "$shown: the same" cmp "$W/disk" "$W/good.img"
	holds "$shown: and nothing else" test -z "$(ls -A "$W/cwd")"
	run rollback web01 "${C[@]}" --history "$h"
	holds "$shown: nothing gets through to the terminal" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' '$W/out'"
	rm -rf "$W/disk"
done
mkdir -p "$W/n"
cp --sparse=always "$W/good.img" "$W/n/$(printf 'esc\033').img"
patched web01 "$W/n/$(printf 'esc\033').img"
run rollback web01 "${C[@]}" --history "$h"
shows "it is told that a name can't be printed" "can't be printed"
shows "it stands in octal" "esc.033.img'"

# With its digest known by sha256sum.
q "UPDATE patch_file SET sha256 = x'$(sha256sum <"$W/good.img" | cut -c 1-64)', fsverity = NULL"
back web01
paste_step "sha256sum -c" "Prove" none
holds "it says OK" grep -q ": OK" "$W/pasted"
q "UPDATE patch_file SET path = replace(path, char(27), '\\' || char(10))"
mv "$W/n/$(printf 'esc\033').img" "$W/n/esc\\"$'\n'.img
back web01
paste_step "sha256sum -c of a name with a backslash and a new line" "Prove" none
holds "it says OK again" grep -q ": OK" "$W/pasted"
q "UPDATE patch_file SET sha256 = zeroblob(32)"
back web01
commands Prove | head -n 1 >"$W/step"
holds "another digest is noticed" sh -c "! bash '$W/step' 2>/dev/null"
q "UPDATE patch_file SET sha256 = NULL, fsverity = zeroblob(32)"
back web01
commands Prove | head -n 1 | bash >"$W/pasted" 2>&1
holds "by fs-verity, too" grep -q CHANGED "$W/pasted"
q "UPDATE patch_file SET fsverity = NULL"
back web01
holds "that there is no digest is told" jq -e '.steps[0].lines[0].text | test("no digest")' "$W/out"

# What is not there any more, or is not what it was.
rm -f "$h"
cp "$W/b/z.img.zst" "$W/b/t1.img.zst"
cp "$W/b/s.img.zst.ac" "$W/space/ac"
patched web01 "$W/b/t1.img.zst"
touch "$W/b/t1.img.zst"
back web01
coded 20 "touched"
holds "touched: it is told" jq -e '.exit == 20 and .files[0].state == "changed" and (.warnings[0] | test("t1.img.zst is changed"))' "$W/out"
holds "touched: the steps are there all the same" jq -e '.steps | length >= 4' "$W/out"
patched web01 "$W/b/t1.img.zst"
back web01
coded 0 "as it was"
cp -p "$W/b/t1.img.zst" "$W/b/t1.copy"
mv "$W/b/t1.copy" "$W/b/t1.img.zst"
back web01
coded 20 "another file of the same name, size and time"
patched web01 "$W/b/t1.img.zst"
stamp=$(stat -c %y "$W/b/t1.img.zst")
printf x >>"$W/b/t1.img.zst"
touch -d "$stamp" "$W/b/t1.img.zst"
back web01
coded 20 "another size"
rm "$W/b/t1.img.zst"
back web01
coded 10 "nothing of it is there"
run rollback web01 "${C[@]}" --history "$h"
coded 10 "nothing of it is there, in words"
shows "nothing: it is told loudly" "WARNING NOTHING of this backup is there"
patched web01 "$W"/b/s.img.zst.*
rm "$W/b/s.img.zst.ac"
back web01
coded 20 "a part is missing"
holds "missing: which" jq -e '([.files[].state] | unique == ["missing", "unchanged"]) and (.warnings[0] | test("ac is not there"))' "$W/out"
mv "$W/space/ac" "$W/b/s.img.zst.ac"
q "UPDATE patch_file SET inode = 0, mtime_ns = 0 WHERE patch = (SELECT max(id) FROM patch)"
back web01
coded 20 "of which nothing was noted"

# What must not be trusted.
run run web01 --from "$W/b/z.img.zst" "${C[@]}" --scratch "$S" --history "$h" --depth full --suspect "after the alarm" -- true
coded 0 "suspect: a patch"
run rollback web01 "${C[@]}" --history "$h"
coded 0 "suspect: the way back"
shows "suspect: the warning" "WARNING this backup is SUSPECT and must not be trusted for a clean restore: after the alarm"
run history --patches "${C[@]}" --history "$h"
shows "suspect: in the list" 'z.img.zst \(suspect\): true'
patched web01 "$W/b/g.img.gz"
back web01
holds "not suspect" jq -e '.suspect == null and .warnings == []' "$W/out"
q "INSERT INTO suspect VALUES ('web01', 'g.img.gz', 'found later', 'root', strftime('%s', 'now'))"
back web01
holds "found out since" jq -e '.suspect == "found later" and (.warnings[0] | test("SUSPECT.*found later"))' "$W/out"
q "INSERT INTO waiver(id, host, reason, ticket, user, uid, recorded_at, ends_at) VALUES
	(7, 'web01', 'it burns', 'T-1', 'ann', 0, strftime('%s', 'now') - 9, strftime('%s', 'now') + 99);
	UPDATE run SET code = 11, waiver = 7 WHERE id = (SELECT max(id) FROM run);
	INSERT OR REPLACE INTO reason SELECT max(id), 0, 'stale: it is 9 days old' FROM run;
	UPDATE patch SET code = 11, waiver = 7 WHERE id = (SELECT max(id) FROM patch)"
run rollback web01 "${C[@]}" --history "$h"
coded 0 "waived: the way back"
shows "waived: the warning" 'NOT PROVED: it was "stale", and ann waived that, ticket T-1: it burns'
shows "waived: why" "what was found then: stale: it is 9 days old"
run history --patches "${C[@]}" --history "$h"
shows "waived: in the list" 'g.img.gz \(waived: stale\)'
run history web01 "${C[@]}" --history "$h"
shows "waived: among verdicts" 'waived \(stale\)'
run history "${C[@]}" --history "$h"
shows "waived: among hosts" '1 host: 1 waived'
run history web01 "${C[@]}" --history "$h" --format json
holds "waived: as JSON" jq -e '.verdicts[0] | .verdict == "waived" and .exit == 0 and .waiver == 7 and .covers == "stale"' "$W/out"
holds "not waived: as JSON" jq -e '.verdicts[1] | .verdict == "safe" and has("waiver") and .waiver == null and .covers == null' "$W/out"
# One that nobody could look at, by the real way.
head -c 100000 /dev/urandom >"$W/b/u.img.zst"
printf '[policy "default"]\nwaivers = recorded\n' >"$W/waive.conf"
run waive web01 --reason why --ticket T-2 --for 1h --config "$W/waive.conf" --history "$h"
coded 0 "a waiver"
run run web01 --from "$W/b/u.img.zst" --config "$W/waive.conf" --scratch "$S" --history "$h" --depth full -- true
coded 0 "waived: patched"
back web01
coded 0 "waived: its files are there"
holds "waived: and which, and that it was not proved" jq -e '(.files | map(.path) | .[0] | test("u.img.zst$")) and
	(.warnings[0] | test("NOT PROVED: it was .damaged., and .* waived that, ticket T-2: why")) and .patch.code == "waived" and
	.patch.covers == "damaged"' "$W/out"
q "DELETE FROM waiver"
run rollback web01 "${C[@]}" --history "$h"
shows "a waiver that is gone" 'NOT PROVED.*waiver [0-9]+, which the history no longer has'
q "DELETE FROM patch WHERE waiver != 0"

# Patches that did not end well.
q "UPDATE patch SET state = 1, ended_at = 0, post = 'true' WHERE id = (SELECT max(id) FROM patch)"
run history --patches --limit 1 "${C[@]}" --history "$h"
shows "whose run has died" 'web01 not finished'
q "UPDATE patch SET state = 3, status = 15, post_state = 2, post_status = 3 WHERE id = (SELECT max(id) FROM patch)"
run history --patches --limit 1 "${C[@]}" --history "$h"
shows "ended by a signal, and what came of it" 'web01 signal 15 exit 3'
q "UPDATE patch SET state = 4, status = 2 WHERE id = (SELECT max(id) FROM patch)"
back web01
holds "never started" jq -e '.warnings | map(select(test("never started"))) | length == 1' "$W/out"
q "UPDATE patch SET label = NULL WHERE id = (SELECT max(id) FROM patch);
	DELETE FROM patch_file WHERE patch = (SELECT max(id) FROM patch)"
back web01
coded 10 "without a backup"
holds "without: it is told" jq -e '.steps == [] and (.warnings[0] | test("no backup stood behind"))' "$W/out"

# Many, and of whom.
q "UPDATE patch SET host = 'web02' WHERE id = 2"
run history --patches "${C[@]}" --history "$h" --format jsonl --limit 3
holds "JSON lines" jq -es 'map(.type) == ["patch", "patch", "patch", "summary"] and .[3].patches == 3 and .[0].id > .[1].id' "$W/out"
back web01 --patch 2
coded 10 "another host's patch"
said "whose it is" 'patch 2 is of web02, not of web01'
back web01 --patch 999
coded 10 "no such patch"
back web03
coded 10 "no patch of that host"
back Web01
coded 10 "names are told apart as the history does"
run rollback "${C[@]}" --history "$h"
coded 64 "no host"
run rollback web01 web02 "${C[@]}" --history "$h"
coded 64 "two hosts"
run rollback "" "${C[@]}" --history "$h"
coded 64 "an empty host"
run rollback web01 "${C[@]}" --history "$h" --format html
coded 64 "a format that it does not write"
run rollback web01 "${C[@]}" --history "$W/none.db"
coded 20 "no history there"
holds "and none is made" test ! -e "$W/none.db"
run rollback web01 "${C[@]}" --history none
coded 20 "none is kept"
q "UPDATE patch SET code = 87"
back web01
coded 20 "a patch that can't be"
q "UPDATE patch SET code = 0, host = char(27) || '[2J', label = char(7), user = x'ff0a', command = '\"' || char(10) || '\"', post = char(27),
	suspect = char(155), formats = 'raw' || char(10)"
for f in text json jsonl; do
	run history --patches --verbose "${C[@]}" --history "$h" --format "$f"
	holds "$f: nothing gets through to the terminal" sh -c "[ $code = 0 ] && ! LC_ALL=C grep -q '[[:cntrl:]]' '$W/out'"
done
run rollback "$(printf '\033[2J')" "${C[@]}" --history "$h"
holds "nor by the way back" sh -c "[ $code != 0 ] && ! LC_ALL=C grep -q '[[:cntrl:]]' '$W/out'"
finish
