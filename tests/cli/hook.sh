#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# backproof hook, as package managers ask it: by a pass, by the history, by a waiver. Whatever is missing, late, broken
# or killed, the answer is no. (Real apt is in hook-apt.sh.)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
P=$W/web01.pass K=$W/key C=$W/hook.conf H=$W/history.db
at() { date -u -d "@$(($(date +%s) + $1))" +%FT%TZ; } # SECONDS from now
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
mkdir "$W/srv"
img=$W/srv/web01.tar.zst
zstd -q "$W/web01.tar" -o "$img"
"$BACKPROOF" key new "$K" >/dev/null
"$BACKPROOF" key new "$W/other" >/dev/null

# config LINES...: of [hook "default"], with the history that is kept here
config() {
	printf '[policy "default"]\nhistory = %s\n[hook "default"]\n' "$H" >"$C"
	printf '%s\n' "$@" >>"$C"
}
check() { # ARGUMENTS...: of web01 from $img, which is remembered
	run check web01 --from "$img" --config "$C" --scratch "$S" "$@"
}
# hook CODE NAME WORDS [ARGUMENTS...]: the answer to dnf, and words in what is said
hook() {
	local want=$1 name=$2 words=$3
	shift 3
	run hook dnf --config "$C" "$@"
	said "$want" "$name" "$words"
}
# said CODE NAME WORDS: of the last run. Nothing but code 0 without a word is silent; nothing is on standard output.
said() {
	local bad=''
	[ "$code" = "$1" ] || bad="$1"
	[ ! -s "$W/out" ] || bad="$bad, nothing on standard output"
	if [ -z "$3" ]; then
		[ ! -s "$W/err" ] || bad="$bad, silence"
	else
		grep -qF -e "$3" "$W/err" || bad="$bad, \"$3\""
	fi
	[ "$1" = 0 ] || [ "$(wc -l <"$W/err")" -le 5 ] || bad="$bad, a few lines"
	if [ -z "$bad" ]; then ok "$2"; else why "$bad" | not_ok "$2"; fi
}

# Usage, and no configuration
for arguments in "" "apt dnf" "emerge" "dnf --policy default" "dnf --quiet"; do
	# shellcheck disable=SC2086
	run hook $arguments
	said 64 "usage: hook $arguments" "backproof"
done
: >"$C"
for name in dnf pacman zypper; do
	run hook $name --config "$C"
	said 78 "$name: no section says what to ask" "[hook \"$name\"]"
done
run hook systemd --config "$C"
said 255 "systemd: ... and it can't be taken for anything else" "[hook \"systemd\"]"
run hook dnf --config "$W/none.conf"
said 78 "no configuration at all" "none.conf"
echo 'rubbish' >"$C"
hook 78 "a configuration that is broken" "hook.conf:1"
for name in atp Dnf zyper; do
	config
	printf '[hook "%s"]\npass = %s\npass_keys = %s.pub\n' $name "$P" "$K" >>"$C"
	hook 78 "a section that nobody asks: $name" "[hook \"$name\"] is asked by nobody"
done
config "pass = $P"
hook 78 "a pass, and no key to trust" "pass_keys"
config "pass = $P" "pass_keys = $W/none.pub"
hook 78 "a key that is not there" "none.pub"
config "pass_keys = $K.pub"
hook 78 "keys, and no pass" "no pass"

# By a pass
config "host = web01" "pass = $P" "pass_keys = $K.pub"
hook 11 "pass: there is none" "there is no pass"
holds "pass: ... and it says what to do now" grep -q "now: .*check web01 --pass" "$W/err"
check --history none --key "$K" --pass "$P"
holds "pass: written" test "$code" = 0 -a -s "$P"
hook 0 "pass: a good one is silence" ""
cp "$P" "$W/good"
best=999999
for _ in 1 2 3 4 5; do
	t0=$(date +%s%N)
	"$BACKPROOF" hook dnf --config "$C"
	t=$((($(date +%s%N) - t0) / 1000000))
	best=$((t < best ? t : best))
done
echo "# a hook with a pass takes $best ms"
holds "pass: a hook is quick" test "$best" -lt 100
hook 11 "pass: it has expired" "expired" --now "$(at 90000)"
hook 11 "pass: of the future" "future" --now "$(at -3600)"
for name in pacman zypper systemd; do
	run hook $name --config "$C"
	said 0 "$name: a good pass" ""
	run hook $name --config "$C" --now "$(at 90000)"
	said 11 "$name: one that has expired" "expired"
done
config "host = web02" "pass = $P" "pass_keys = $K.pub"
hook 13 "pass: of another host" "not for web02"
config "host = web01" "policy = strict" "pass = $P" "pass_keys = $K.pub"
hook 13 "pass: by another policy" "by the policy"
config "host = web01" "pass = $P" "pass_keys = $W/other.pub"
hook 13 "pass: signed by somebody else" "signed by none"
config "pass = $P" "pass_keys = $K.pub"
hook 13 "pass: this machine is not web01" "not for"
config "host = web01" "pass = $P" "pass_keys = $K.pub"
sed 's/payload":"e/payload":"f/' "$W/good" >"$P"
hook 13 "pass: changed" "NOT upgraded"
for n in 0 1 100 1000; do
	head -c "$n" "$W/good" >"$P"
	hook 13 "pass: $n bytes of it" "NOT upgraded"
done
rm "$P" && mkdir "$P"
hook 20 "pass: a directory" "NOT upgraded"
rmdir "$P" && mkfifo "$P"
hook 20 "pass: a pipe that nobody writes to" "NOT upgraded"
rm "$P"
check --from "$W/tree/etc/hostname" --history none --key "$K" --pass "$P"
holds "pass: one that did not pass is written" test "$code" != 0 -a -s "$P"
bad=$code
hook "$bad" "pass: one that did not pass" "the check did not pass"
# Replays
config "host = web01" "pass = $P" "pass_keys = $K.pub" "state = $W/state"
hook "$bad" "state: the newest did not pass" "did not pass"
cp "$W/good" "$P"
hook 13 "state: the older one that did is a replay" "replay"
rm "$W/state"
hook 0 "state: the first that is seen" ""
echo rubbish >"$W/state"
hook 20 "state: broken" "no state of passes"
rm "$W/state"
# Where the state can't be kept nobody can tell a replay.
config "host = web01" "pass = $P" "pass_keys = $K.pub" "state = $W/nowhere/state"
hook 20 "state: it can't be kept" "nowhere"

# fetch: once, within the time, and what it brings is judged as any other
mkdir "$W/bin"
fetcher() { # LINES: what fetch does, behind what tells that it ran
	printf '#!/bin/sh\necho "$@" >>"%s/fetched"\n%s\n' "$W" "$1" >"$W/bin/fetch"
	chmod +x "$W/bin/fetch"
	rm -f "$W/fetched"
}
config "host = web01" "pass = $P" "pass_keys = $K.pub" "fetch = $W/bin/fetch {host} 'for {host}'" "timeout = 20s"
fetcher "exit 0"
hook 0 "fetch: not asked when the pass is good" ""
holds "fetch: ... indeed" test ! -e "$W/fetched"
rm "$P"
fetcher "cp '$W/good' '$P'"
hook 0 "fetch: brings a good one" ""
holds "fetch: ... once, for this host" test "$(cat "$W/fetched")" = "web01 for web01"
rm "$P"
fetcher "exit 3"
hook 11 "fetch: fails" "exit 3"
holds "fetch: ... and was asked once" test "$(wc -l <"$W/fetched")" = 1
fetcher "head -c 100 '$W/good' >'$P'"
hook 13 "fetch: brings a broken one" "NOT upgraded"
rm -f "$P"
fetcher "cp '$W/good' '$P'; exit 1"
hook 0 "fetch: what it has brought counts, not what it says" ""
rm "$P"
fetcher "exit 0"
hook 11 "fetch: says it did, and did not" "there is no pass"
config "host = web01" "pass = $P" "pass_keys = $K.pub" "fetch = $W/bin/fetch" "timeout = 20000w"
fetcher "sleep 1.5; cp '$W/good' '$P'"
hook 0 "fetch: a time-out beyond all clocks is none" ""
rm "$P"
rm "$W/bin/fetch"
hook 11 "fetch: not there" "could not be started"
config "host = web01" "pass = $P" "pass_keys = $K.pub" "fetch = $W/bin/fetch" "timeout = 2s"
fetcher "exec sleep 77.7"
t0=$SECONDS
hook 11 "fetch: takes too long" "took too long"
holds "fetch: ... and is ended in time" test $((SECONDS - t0)) -le 6
holds "fetch: ... with nothing left behind" sh -c '! pgrep -f "sleep 77[.]7"'
config "host = web01" "pass = $P" "pass_keys = $W/none.pub" "fetch = $W/bin/fetch" "timeout = 2s"
fetcher "exit 0"
hook 78 "fetch: not asked where it can't help" "none.pub"
holds "fetch: ... indeed" test ! -e "$W/fetched"

# By the history
config "host = web01" "max_verdict_age = 4h"
hook 11 "history: there is none" "no history"
check
holds "history: a check is remembered" test "$code" = 0 -a -s "$H"
hook 0 "history: a safe verdict is silence" ""
hook 0 "history: of nearly four hours" "" --now "$(at 14300)"
hook 11 "history: of more" "max_verdict_age" --now "$(at 14500)"
hook 11 "history: of the future" "no verdict" --now "$(at -3600)"
config "host = web01" "max_verdict_age = 4w"
hook 11 "history: the backup has become stale since" "max_age" --now "$(at 90000)"
config "host = web01"
sed -i "s,^history,max_age = 1s\nhistory," "$C"
sleep 1.1
hook 11 "history: the policy asks for a younger one by now" "max_age"
config "host = web01"
sed -i "s,^history,depth = full\nhistory," "$C"
check --depth sample
hook 13 "history: the policy asks for a full check, and --depth for less" "depth"
check
hook 0 "history: ... as it was now" ""
config "host = web02"
hook 11 "history: another host" "no verdict"
config "host = web01.example.org"
hook 0 "history: the name with its domain" ""
config "host = web01" "policy = strict"
printf '[policy "strict"]\nhistory = %s\n' "$H" >>"$C"
hook 11 "history: by another policy" "strict"
config "host = web01"
printf '[host "web01"]\npolicy = strict\n[policy "strict"]\nhistory = %s\n' "$H" >>"$C"
hook 11 "history: by another policy than the host's" "strict"
config "host = web01"
if [ -c /dev/full ]; then
	check --output /dev/full
	holds "history: the report of a safe check is lost: 70" test "$code" = 70
	hook 70 "history: ... so that nobody was told, and its hook is not either" "its last verdict is none"
	check
	hook 0 "history: ... until one is told" ""
	audited=$W/audited.conf
	printf '[repository "r"]\npath = %s\nlayout = files\nmatch = {host}%s\n[policy "default"]\nhistory = %s\n' \
		"$(dirname "$img")" "$(basename "$img" | sed 's/^web01//')" "$H" >"$audited"
	run audit web01 --config "$audited" --scratch "$S"
	holds "history: an audit says safe, too" test "$code" = 0
	hook 0 "history: ... and is believed" ""
	run audit web01 --config "$audited" --scratch "$S" --format html --output /dev/full
	holds "history: the report of an audit is lost at its very end: 70" test "$code" = 70
	hook 70 "history: ... and its hosts' hooks are not told more" "its last verdict is none"
	check
else
	skip "history: no /dev/full"
fi
printf '[hook "default"]\npolicy = nowhere\n' >"$C"
hook 78 "history: a policy that is not there" "nowhere"
printf '[policy "default"]\nhistory = none\n[hook "default"]\nhost = web01\n' >"$C"
hook 11 "history: none is kept" "none is kept"
config "host = web01"
mv "$img" "$W/aside"
hook 10 "history: the backup is gone" "gone"
cp -p "$W/aside" "$img"
hook 20 "history: another lies in its place" "written to"
mv "$W/aside" "$img"
hook 20 "history: it was moved there and back" "written to" # its ctime is another
check
hook 0 "history: checked again" ""
printf x >>"$img"
hook 20 "history: written to since" "written to"
check
bad=$code
holds "history: that is not safe" test "$bad" != 0
hook "$bad" "history: the last verdict is not safe" "its last check found"
truncate -s -1 "$img"
hook "$bad" "history: ... whatever was before it, and is now" "its last check found"
check
hook 0 "history: safe again" ""
# A verdict of a clock that was ahead counts for nothing, and hides nothing.
check --now "$(at 40000)" --max-age 9w
hook 0 "history: one of the future does not count" ""
rm "$H"
check --now "$(at 40000)" --max-age 9w
hook 11 "history: ... not at all" "no verdict"
# Broken, of others, locked
cp "$H" "$W/kept.db"
head -c 3000 "$W/kept.db" >"$H"
hook 20 "history: broken" "NOT upgraded"
cp "$W/kept.db" "$H"
check
sqlite3 "$H" "PRAGMA ignore_check_constraints = on; UPDATE run SET depth = 99" >/dev/null
hook 20 "history: what it says can't be" "whose depth can't be"
rm -f "$H"*
echo "no database" >"$H"
hook 20 "history: none of ours" "NOT upgraded"
rm -f "$H"*
check
chmod 666 "$H"
hook 20 "history: anybody may write to it" "NOT upgraded"
chmod 644 "$H"
hook 0 "history: nobody else may" ""
# Two machines of one short name
for name in web01.a.example web01.b.example; do
	run check $name --from "$img" --hostname web01 --config "$C" --scratch "$S"
done
hook 20 "history: two hosts of that name" "several hosts"
config "host = web01.a.example"
hook 0 "history: the one that is meant" ""
rm -f "$H"*

# This machine: its name and its id are what counts when nothing is configured
if unshare -mu true 2>/dev/null; then
	as() { # NAME ID: the last hook, on a machine of that name and id
		echo "$2" >"$W/machine-id"
		ran="hook dnf on $1, $2"
		unshare -mu --propagation private sh -c 'hostname "$1" && mount --bind "$2" /etc/machine-id && shift 2 && exec "$@"' - \
			"$1" "$W/machine-id" "$BACKPROOF" hook dnf --config "$C" >"$W/out" 2>"$W/err"
		code=$?
	}
	[ -e /etc/machine-id ] || echo "$ID" >/etc/machine-id
	for by in history pass; do
		if [ $by = pass ]; then config "pass = $P" "pass_keys = $K.pub"; else config; fi
		check --key "$K" --pass "$P"
		as web01 "$ID"
		said 0 "$by: this machine" ""
		as web01 ffffffffffffffffffffffffffffffff
		said 13 "$by: another of the same name" "machine"
		as web02 ffffffffffffffffffffffffffffffff
		[ $by = pass ] && want=13 || want=11
		said "$want" "$by: another name" "NOT upgraded"
		as localhost ffffffffffffffffffffffffffffffff
		said "$want" "$by: a name that many have" "NOT upgraded"
	done
else
	skip "names of machines: no namespaces"
fi
rm -f "$H"*

# Waivers
config "host = web01"
hook 11 "waiver: nothing yet" "backproof waive web01"
run waive web01 --config "$C" --reason "the mail is down" --ticket OPS-1 --for 2h
holds "waiver: recorded" test "$code" = 0
hook 0 "waiver: it goes on, and says so" "WAIVED: web01"
holds "waiver: ... by whom and why, in one line" sh -c 'grep -c . "$1" | grep -qx 1 && grep -q "root.*the mail is down" "$1"' - "$W/err"
hook 11 "waiver: when its time is over" "no verdict" --now "$(at 7300)"
printf x >>"$img"
check
holds "waiver: a check that it covers" test "$code" = 0
hook 0 "waiver: ... is waived" "WAIVED"
hook 12 "waiver: ... and for no longer" "its last check" --now "$(at 7300)"
sed -i 's/^history/waivers = no\nhistory/' "$C"
hook 12 "waiver: the policy allows none any more" "its last check"
holds "waiver: ... and none is offered" sh -c '! grep -q "backproof waive" "$1"' - "$W/err"
config "host = web01" "pass = $P" "pass_keys = $W/none.pub"
hook 78 "waiver: it waives no configuration" "none.pub"
config "host = web01" "pass = $W/none.pass" "pass_keys = $K.pub"
hook 0 "waiver: beside a pass" "WAIVED"
config "host = web02" "pass = $W/none.pass" "pass_keys = $K.pub"
hook 11 "waiver: of another host" "there is no pass"
truncate -s -1 "$img"
config "host = web01"
rm "$P"
check --max-age 1s --key "$K" --pass "$P"
holds "waiver: a pass is written" test -s "$P"
config "host = web01" "pass = $P" "pass_keys = $K.pub"
sed -i "s,^history.*,history = none," "$C"
hook 0 "waiver: a pass that says so" "WAIVED"
config "host = web01"
run waive web01 --config "$C" --end
hook 11 "waiver: ended" "its last check found"
rm -f "$H"*

# What is not silent is in the journal too
cat >"$W/listen.py" <<-'X'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	s.settimeout(20)
	while True:
	    said = s.recv(1 << 16)
	    open(sys.argv[2], "ab").write(said)
X
python3 "$W/listen.py" "$W/journal" "$W/entries" 2>/dev/null &
listener=$!
for _ in $(seq 100); do [ -S "$W/journal" ] || sleep 0.05; done
export BACKPROOF_JOURNAL=$W/journal
config "host = web01" "pass = $W/none.pass" "pass_keys = $K.pub"
hook 11 "journal: a refusal" "there is no pass"
check --history none --key "$K" --pass "$P"
mv "$W/entries" "$W/entries.1"
config "host = web01" "pass = $P" "pass_keys = $K.pub"
hook 0 "journal: nothing of what is silent" ""
sleep 0.2
kill "$listener"
wait "$listener" 2>/dev/null
export BACKPROOF_JOURNAL=none
holds "journal: who asked, what was said, at a priority" sh -c '
	grep -aqx "MESSAGE_ID=929701b9446a487588f523ca85f45d44" "$1" && grep -aqx "PRIORITY=3" "$1" && grep -aqx "BACKPROOF_HOOK=dnf" "$1" &&
	grep -aqx "BACKPROOF_VERDICT=stale" "$1" && grep -aq "^MESSAGE=NOT upgraded: web01: stale;  why: there is no pass" "$1"' - "$W/entries.1"
holds "journal: ... and nothing else" test ! -e "$W/entries"

# Killed, crashed
config "host = web01" "pass = $P" "pass_keys = $K.pub" "fetch = $W/bin/fetch" "timeout = 20s"
rm -f "$P"
fetcher "kill -9 \$PPID"
hook 70 "killed: the child that does the work" "signal 9"
fetcher "kill -SEGV \$PPID"
hook 70 "crashed: the child that does the work" "NOT upgraded: internal"
for sig in KILL TERM; do
	fetcher "kill -$sig \$(ps -o ppid= -p \$PPID)"
	{ run hook dnf --config "$C"; } 2>/dev/null
	if [ "$code" -ge 128 ]; then ok "killed: whoever asks, by $sig"; else why "a signal" | not_ok "killed: whoever asks, by $sig"; fi
done
fetcher "kill -TERM \$(ps -o ppid= -p \$PPID); exec sleep 78.8"
{ run hook dnf --config "$C"; } 2>/dev/null
sleep 0.5
holds "killed: ... and what it has started is ended with it" sh -c '! pgrep -f "sleep 78[.]8"'
fetcher "kill -KILL \$(ps -o ppid= -p \$PPID); exec sleep 2"
{ run hook dnf --config "$C"; } 2>/dev/null
sleep 0.5
holds "killed: ... however it is, nobody goes on for it" sh -c '! pgrep -f "^[^ ]*backproof hook dnf --config $1"' - "$C"

# Hanging: in a child that is stopped, and in a disk that gives no answer (of which the process that serves it is)
in_time() { # NAME: since $t0
	holds "$1: ... in time" test $((SECONDS - t0)) -le 6
}
config "host = web01" "pass = $P" "pass_keys = $K.pub" "fetch = $W/bin/fetch" "timeout = 1s"
fetcher "kill -STOP \$PPID"
t0=$SECONDS
hook 20 "hanging: the child" "after 1s it was still waiting for fetch"
in_time "hanging: the child"
config "host = web01" "timeout = 1s"
mkdir "$W/nas"
truncate -s 8M "$W/nas.ntfs"
mkntfs -qF "$W/nas.ntfs" >/dev/null 2>&1
if ntfs-3g "$W/nas.ntfs" "$W/nas" 2>/dev/null; then
	server=$(pgrep -f "ntfs-3g $W/nas.ntfs")
	cp "$img" "$W/nas/"
	run check web01 --from "$W/nas/web01.tar.zst" --config "$C" --scratch "$S"
	holds "hanging: a disk, checked" test "$code" = 0
	hook 0 "hanging: not yet" ""
	# What the kernel remembers of the file is forgotten after a second.
	sleep 1.1
	kill -STOP "$server"
	t0=$SECONDS
	hook 20 "hanging: a disk" "looking at the backup: $W/nas/web01.tar.zst"
	in_time "hanging: a disk"
	run waive web01 --config "$C" --reason "the nas hangs" --for 1h
	t0=$SECONDS
	hook 0 "hanging: a disk, and a waiver" "WAIVED, though there was no answer in time: web01: root"
	in_time "hanging: a disk, and a waiver"
	run waive web01 --config "$C" --end
	kill -CONT "$server"
	hook 0 "hanging: no more" ""
	umount "$W/nas"
	hook 10 "hanging: not mounted" "not mounted"
fi
finish
