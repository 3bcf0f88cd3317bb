#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# backproof run: COMMAND has our streams, signals, descriptors and turns as if nobody stood in between; it does not run
# unless the gate said so and could say so; what came of it is in the exit status, the report, the history, the journal.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/fault-lib.bash
. "$(dirname "$0")/fault-lib.bash"
export BACKPROOF_JOURNAL=none
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
zstd -q --rm "$W/web01.tar"
img=$W/web01.tar.zst
mark=$W/mark
base=(run web01 --from "$img" --config "$W/empty.conf" --scratch "$S" --history "$H")

go() { # ARGUMENTS...: run, of web01
	run "${base[@]}" "$@"
}
# is CODE NAME [WORDS]: of the last run; WORDS have to be in what it said on standard error
is() {
	if [ "$code" = "$1" ] && [ -z "$(ls -A "$S")" ] && { [ -z "${3-}" ] || grep -qF -e "$3" "$W/err"; }; then
		ok "$2"
	else
		why "$1 ${3-}" | not_ok "$2"
	fi
	rm -rf "${S:?}"/*
}
# refused CODE NAME [WORDS]: ... and COMMAND, which would have made the mark, did not run
refused() {
	local bad=''
	[ ! -e "$mark" ] || bad=' and it ran'
	rm -f "$mark"
	[ -z "$bad" ] || code=$code$bad
	is "$@"
}
touches=(-- touch "$mark")
newest() { "$BACKPROOF" history web01 --patches --history "$H" --format json | jq -c "$1"; } # FILTER: of the newest patch

# Exit statuses
go "${touches[@]}"
is 0 "a safe host: COMMAND runs" "web01: safe"
holds "... it did" test -e "$mark"
rm -f "$mark"
bad=''
for n in 1 2 10 21 64 78 100 126 127 130 255; do
	go -- sh -c "exit $n"
	[ "$code" = "$n" ] || bad="$bad $n:$code"
done
holds "the exit status is COMMAND's, whatever it is$bad" test -z "$bad"
go -- "$W/none"
is 127 "COMMAND that is not there" "$W/none: could not be started: No such file"
go -- "$W/empty.conf"
is 126 "COMMAND that is no program" "could not be started: Permission denied"
go -- no-program-has-this-name
is 127 "... nor in PATH" "could not be started"
# ended_by: the number of the signal that ended it, 0 for none. The shell would hide that.
ended_by() {
	env --default-signal python3 -c 'import subprocess, sys
p = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(-p.returncode if p.returncode < 0 else 0)' "$BACKPROOF" "${base[@]}" -- sh -c "ulimit -c 0; kill -$1 \$\$; sleep 9"
}
for sig in TERM INT KILL HUP SEGV PIPE USR1; do
	holds "ended by SIG$sig: so do we" test "$(ended_by $sig)" = "$(kill -l $sig)"
done

# Streams
head -c 100000 /dev/urandom >"$W/binary"
"$BACKPROOF" "${base[@]}" -- cat <"$W/binary" >"$W/out" 2>"$W/err"
holds "standard input goes in, standard output comes out, to the byte" cmp "$W/binary" "$W/out"
go -- sh -c 'echo out; echo err >&2'
holds "nothing of ours is on standard output" test "$(cat "$W/out")" = out
holds "standard error is COMMAND's too" grep -qx err "$W/err"
go --quiet -- true
holds "with --quiet nothing is said of a safe host" test ! -s "$W/err"
go -- printf '%s|' '$HOME' 'a b' '' ';' '*' --post -- -x
holds "COMMAND's words are its own, behind --" test "$(cat "$W/out")" = '$HOME|a b||;|*|--post|--|-x|'
started=$SECONDS
go -- sh -c 'sleep 60 & echo $!'
holds "what it leaves behind is not waited for" test $((SECONDS - started)) -lt 20
kill "$(cat "$W/out")"

# What COMMAND finds is what it would find without us.
for what in 'grep ^Sig[PBIC] /proc/self/status' 'nice' 'ulimit -a' 'umask; pwd'; do
	with=$( (trap '' HUP USR2; exec 7<"$img"; "$BACKPROOF" "${base[@]}" -- bash -c "exec 7<&-; $what") 2>/dev/null </dev/null)
	without=$( (trap '' HUP USR2; bash -c "$what") 2>/dev/null </dev/null)
	printf '%s' "$with" >"$W/with" && printf '%s' "$without" >"$W/without"
	holds "as without us: $what" diff "$W/without" "$W/with"
done
exec 7<"$img"
go -- sh -c 'ls -l /proc/self/fd >&2; [ ! -e /proc/$$/fd/7 ]'
exec 7<&-
is 0 "no descriptor above 2 is left open in it"
env -u _ sh -c 'env' | grep -v '^_=' | sort >"$W/env"
go -- env
holds "the environment" sh -c 'grep -v "^_=" "$1" | sort | diff - "$2"' - "$W/out" "$W/env"
printf '[policy "default"]\nmax_age = 24h\nnice = 7\nionice = idle\n' >"$W/nice.conf"
run run web01 --from "$img" --config "$W/nice.conf" --scratch "$S" -- sh -c 'nice; ionice'
holds "a policy that is nice to others is so in the check, not in COMMAND" sh -c 'test "$(head -n 1 "$1")" = "$(nice)" && tail -n 1 "$1" | grep -q none' - "$W/out"
go -- sh -c 'ps -o stat= --ppid $PPID | tr -d " \n"'
holds "no zombie beside it" sh -c '! grep -q Z "$1"' - "$W/out"

# Signals to us alone are COMMAND's, once; how it takes them is its own matter.
cat >"$W/counting" <<'END'
#!/usr/bin/env python3
# counting FILE: a line for each signal, also of those that come at once; ends with 7 a moment after the first
import os, select, signal, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT):
    signal.signal(s, lambda number, frame: None)
with open(sys.argv[1], "a") as out:
    print("ready", file=out, flush=True)
    select.select([r], [], [], 10)
    time.sleep(0.3)
    for number in os.read(r, 100):
        print(signal.Signals(number).name[3:], file=out)
sys.exit(7)
END
chmod 755 "$W/counting"
wait_for() { # SECONDS COMMAND...: until it succeeds
	local n=$(($1 * 20))
	shift
	while ! "$@" 2>/dev/null && [ $((n -= 1)) -gt 0 ]; do sleep 0.05; done
}
for sig in TERM INT HUP USR1 QUIT; do
	: >"$W/got"
	env --default-signal=INT,QUIT,HUP "$BACKPROOF" "${base[@]}" -- "$W/counting" "$W/got" </dev/null >/dev/null 2>"$W/err" &
	pid=$!
	wait_for 10 grep -q ready "$W/got"
	kill -$sig $pid
	wait $pid
	code=$?
	holds "kill -$sig reaches COMMAND once, and it ends as it likes" test "$code,$(grep -c $sig "$W/got")" = 7,1
done
cat >"$W/terminal.py" <<'END'
import os, pty, signal, sys, time
got, key, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(argv[0], argv)
for i in range(200):
    if b"ready" in open(got, "rb").read():
        break
    time.sleep(0.05)
# We are slower than COMMAND: what we said to it again would not be taken for the same.
os.kill(pid, signal.SIGSTOP)
os.write(fd, {"INT": b"\x03", "QUIT": b"\x1c"}[key])
time.sleep(0.1)
os.kill(pid, signal.SIGCONT)
try:
    while os.read(fd, 1000):
        pass
except OSError:
    pass
status = os.waitpid(pid, 0)[1]
print(os.waitstatus_to_exitcode(status), open(got).read().count(key))
END
for sig in INT QUIT; do
	: >"$W/got"
	holds "a terminal's SIG$sig reaches COMMAND once" test "$(env --default-signal python3 "$W/terminal.py" "$W/got" $sig "$BACKPROOF" "${base[@]}" -- "$W/counting" "$W/got")" = "7 1"
done
# A job that is stopped at the terminal, and goes on.
cat >"$W/stop.py" <<'END'
import os, pty, sys, time, signal
mark, argv = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    job = os.fork()
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(argv[0], argv)
    status = os.waitpid(job, os.WUNTRACED)[1]
    if not os.WIFSTOPPED(status):
        os._exit(1)
    for i in range(100):
        states = set()
        for p in os.listdir("/proc"):
            try:
                if p.isdigit() and os.getpgid(int(p)) == job:
                    states.add(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[0])
            except OSError:
                pass
        if states <= {"T", "Z"}:
            break
        time.sleep(0.05)
    else:
        os._exit(2)
    os.killpg(job, signal.SIGCONT)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
for i in range(200):
    if os.path.exists(mark):
        break
    time.sleep(0.05)
os.write(fd, b"\x1a")
try:
    while os.read(fd, 1000):
        pass
except OSError:
    pass
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
rm -f "$mark"
holds "Ctrl-Z stops us and COMMAND, and both go on" test "$(env --default-signal python3 "$W/stop.py" "$mark" "$BACKPROOF" "${base[@]}" -- sh -c "touch $mark; for i in 1 2 3 4 5 6 7 8; do sleep 0.1; done; exit 9")" = 9
rm -f "$mark"

# Not run
go --max-age 1s "${touches[@]}"
refused 11 "stale" "not run: touch"
go --hostname other "${touches[@]}"
refused 13 "another machine's" "incomplete"
run run web01 --from "$W/nowhere" --config "$W/empty.conf" --scratch "$S" "${touches[@]}"
refused "$code" "nothing there"
holds "... and that is no 0" test "$code" -ne 0
mkdir "$W/nothing"
run run web01 --from "$W/nothing" --config "$W/empty.conf" --scratch "$S" "${touches[@]}"
refused 10 "no backup" "no-backup"
head -c 300000 "$img" >"$W/cut.tar.zst"
run run web01 --from "$W/cut.tar.zst" --config "$W/empty.conf" --scratch "$S" "${touches[@]}"
refused 12 "damaged" "damaged"
go --deadline 1s --max-age 0 "${touches[@]}"
refused 11 "no age is allowed at all"
for arguments in "web01" "web01 --" "-- touch $mark" "web01 web02 -- touch $mark" "web01 touch $mark" "web01 --no-such -- touch $mark" \
	"web01 --exit-style nagios -- touch $mark" "web01 --max-age x -- touch $mark"; do
	# shellcheck disable=SC2086
	run run $arguments
	refused 64 "usage: run ${arguments//$W/}"
done
printf 'nonsense\n' >"$W/bad.conf"
run run web01 --from "$img" --config "$W/bad.conf" "${touches[@]}"
refused 78 "a configuration that is none"
run run web01 --from "$img" --config "$W/bad.conf" --exit-style systemd "${touches[@]}"
refused 255 "... told to systemd"
run run web01 --from "$W/nothing" --config "$W/empty.conf" --scratch "$S" --exit-style qualys "${touches[@]}"
refused 12 "... and a refusal to qualys"
go --output "$W/none/report" "${touches[@]}"
refused 70 "a report that can't be written" "none/report"
go --output "$img" "${touches[@]}"
refused 70 "a report over the backup" "is the backup itself"
run history web01 --history "$H" --format json
holds "... is remembered as the verdict that nobody was told" jq -e '[.verdicts[0, 1].verdict] == ["internal", "safe"]' "$W/out"
go --pass "$W/none/x.pass" --key "$K" "${touches[@]}"
refused 64 "a pass that can't be written"

# Told, killed and crashed before it: each process, in the check and behind it.
breaks() { # CODE NAME RULE [ARGUMENTS...]
	local want=$1 name=$2 rule=$3
	shift 3
	faulty "$rule" "${base[@]}" "$@" "${touches[@]}"
	[ "$struck" != 0 ] || code=$code-never-struck
	refused "$want" "$name"
}
for sig in TERM INT HUP; do breaks $((128 + $(kill -l $sig))) "SIG$sig to us during the check" "gate:read:1:SIG$sig"; done
breaks 137 "we are killed during the check" "gate:read:2:SIGKILL"
breaks 139 "we crash during the check" "gate:read:2:SIGSEGV"
rm -rf "${S:?}"/*
for sig in KILL SEGV; do breaks 20 "the reader ends by SIG$sig" "reader:read:2:SIG$sig" --depth full; done
breaks 20 "what is stored can't be read" "reader:pread64:1+:EIO" --depth full
breaks 20 "the check takes longer than it may" "reader:pread64:*:slow=700ms" --depth full --deadline 1s
printf '[policy "default"]\nmax_age = 24h\ntime_limit = 1s\n' >"$W/time.conf"
base[5]=$W/time.conf
breaks 20 "... than its policy lets it" "reader:pread64:*:slow=700ms" --depth full
base[5]=$W/empty.conf
breaks 70 "no room for the report" "gate:write:1+:ENOSPC" --output "$P/report.json"
holds "... and none is left" test -z "$(ls -A "$P")"
# stopped RULE CHANGE...: stopped there, and changed meanwhile
stopped() {
	local rule=$1 pid
	shift
	rm -f "$W/counts"
	ran="$rule, then $*"
	BACKPROOF_FAULT=$rule BACKPROOF_FAULT_COUNTS=$W/counts "$FAULTS" "${base[@]}" --depth full "${touches[@]}" >"$W/out" 2>"$W/err" </dev/null &
	pid=$!
	wait_for 10 grep -q '^State:.*T' "/proc/$pid/status"
	grep -q '^State:.*T' "/proc/$pid/status" || ran="$ran: never stopped"
	"$@"
	kill -CONT $pid
	wait $pid
	code=$?
}
cp -p "$img" "$W/keep"
# What the gate writes into the history comes behind the check.
go -- true
faulty '' "${base[@]}" --depth full -- true
last=$(calls fsync 30)
for change in "touch $img" "cp $W/keep $img.new && mv $img.new $img" "printf x >>$img" "mv $img $img.gone"; do
	stopped "gate:library:fsync:1:SIGSTOP" sh -c "$change"
	refused 21 "changed between the check and COMMAND: ${change//$W\//}" "not what was checked any more"
	rm -f "$img.gone"
	cp -p "$W/keep" "$img"
done
# ... up to the last that comes before COMMAND: by then the history has the patch.
for n in $(seq $((last - 6)) "$last"); do
	stopped "gate:library:fsync:$n:SIGSTOP" touch "$img"
	if [ "$code" != 21 ] || [ -e "$mark" ]; then break; fi
	state=$(newest '.patches[0].result.state')
done
holds "... until the very last moment ($n of $last), and the history says that it did not run" test "$state" = '"none"'
holds "... but not behind COMMAND" test "$code" = 0 -a -e "$mark" -a "$n" -lt "$last"
rm -f "$mark"
stopped "gate:library:fsync:1:SIGSTOP" true
is 0 "... and with nothing changed it runs"
rm -f "$mark"

# The check after it
go --post 'echo out; echo "$BACKPROOF_HOST $BACKPROOF_STATUS"; cat; exit 0' -- echo command <"$W/binary"
is 0 "the check after it says that all is well" "web01 0"
holds "... its output is not COMMAND's" test "$(cat "$W/out")" = command
go --post 'exit 3' -- true
is 3 "the check after it fails: its status" "backproof rollback web01"
go --post 'kill -9 $$' -- true
is 1 "... 1 where a signal ended it" "SIGKILL"
go --post "touch $mark; echo \$BACKPROOF_STATUS >&2; exit 3" -- sh -c 'exit 9'
is 9 "COMMAND's status comes first" 9
holds "... and the check after it was run all the same" test -e "$mark"
rm -f "$mark"
holds "the history has both" test "$(newest '.patches[0] | [.result.status, .post_result.status]')" = '[9,3]'
go --post "touch $mark" --max-age 1s -- true
refused 11 "none where COMMAND was not run"
go --post "touch $mark" -- "$W/none"
refused 127 "... nor where it could not be started"
go --post "echo \$BACKPROOF_STATUS" -- sh -c 'kill -TERM $$'
is 143 "a signal is told as a shell tells it" 143

# Reports
go --format json --post 'exit 4' -- sh -c 'echo hello; exit 0'
tail -n +2 "$W/out" >"$W/json"
holds "the report comes behind what COMMAND wrote" test "$code,$(head -n 1 "$W/out")" = 4,hello
holds "... and has all of it" jq -e '.format_version == "1.3" and .verdict == "safe" and .exit == 0
	and .patch.command == ["sh","-c","echo hello; exit 0"] and .patch.result.state == "exited" and .patch.result.status == 0
	and .patch.post_result.status == 4 and .patch.id > 0 and (.patch.restore_point.files | length) == 1 and .backup_now == null' "$W/json"
go --format json --output "$P/report.json" -- cp "$P/report.json" "$W/running.json"
holds "a report in a file is there before COMMAND is run" jq -e '.verdict == "safe" and .patch.result.state == "running"' "$W/running.json"
holds "... and again when it has ended" jq -e '.patch.result.state == "exited" and .patch.result.status == 0' "$P/report.json"
holds "... with nothing beside it" test "$(ls -A "$P")" = report.json
go --format json --output "$P/report.json" --max-age 1s "${touches[@]}"
refused 11 "one of what was refused"
holds "... says so" jq -e '.exit == 11 and .patch.result.state == "none"' "$P/report.json"
rm -f "$P"/*
go --format text -- sh -c 'exit 5'
holds "as text" grep -q "^  Patch  *sh -c 'exit 5': exit 5" "$W/out"
go --format text --output /dev/full -- true
is 70 "a report that can't be written in the end is an error" "No space left"
"$BACKPROOF" key new "$K" >/dev/null
go --pass "$W/web01.pass" --key "$K" -- "$BACKPROOF" pass verify "$W/web01.pass" --key "$K.pub" --host web01 --quiet
is 0 "the pass is there for COMMAND to verify"

# The history
run history web01 --patches --history "$H" --format json
holds "the history knows the file that was proved" jq -e --arg p "$img" '.patches[0].restore_point.files[0] | .path == $p and .size > 0' "$W/out"
run "${base[@]/$H/$W/none/h.db}" "${touches[@]}"
is 0 "no history can be written: COMMAND runs all the same" "this patch is not remembered"
rm -f "$mark"
echo nonsense >"$W/broken.db"
run "${base[@]/$H/$W/broken.db}" "${touches[@]}"
is 0 "... nor is it one at all" "not remembered"
rm -f "$mark"
"$BACKPROOF" "${base[@]}" -- sh -c "touch $mark; exec sleep 30" </dev/null >/dev/null 2>&1 &
pid=$!
wait_for 10 test -e "$mark"
holds "while it runs, the history says so" test "$(newest '.patches[0].result.state')" = '"running"'
child=$(ps -o pid= --ppid $pid | tr -d ' ')
go "${touches[@]}"
rm -f "$mark.no"
is 21 "two patches of one host at a time: the second is busy" "host web01: being patched by web01 by"
run run WEB01 "${base[@]:2}" "${touches[@]}"
is 21 "... however its name is written" "host web01: being patched by web01 by"
{ kill -KILL $pid && wait $pid; } 2>/dev/null
{ kill "$child" && wait; } 2>/dev/null
rm -f "$mark"
holds "... and does for ever, where we were killed" test "$(newest '.patches[0].result.state')" = '"running"'
python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); c.execute("UPDATE lease SET expires_at = expires_at - 200, taken_at = taken_at - 200"); c.commit()' "$H"
go -- true
is 0 "what a dead one had taken is free when its time is over"

# A person has waived it
"$BACKPROOF" waive web01 --config "$W/empty.conf" --history "$H" --reason "tonight" --for 1h >/dev/null 2>&1 </dev/null
go --max-age 1s "${touches[@]}"
is 0 "waived: COMMAND runs" "WAIVED"
holds "... it did" test -e "$mark"
holds "... and the history says under what" test "$(newest '.patches[0] | [.verdict, .covers, .waiver != null, .result.status]')" = '["waived","stale",true,0]'
rm -f "$mark"
run "${base[@]}" --hostname x --history none --max-age 1s "${touches[@]}"
refused 64 "... and a usage error is still one"
printf '[policy "default"]\nmax_age = 1s\nwaivers = no\n' >"$W/no.conf"
run run web01 --from "$img" --config "$W/no.conf" --scratch "$S" --history "$H" "${touches[@]}"
refused 11 "... not where policy has none" "stale"
"$BACKPROOF" waive web01 --config "$W/empty.conf" --history "$H" --end >/dev/null 2>&1 </dev/null

# The journal
cat >"$W/listen.py" <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(10)
open(sys.argv[2], "w").close()
got = [s.recv(65536) for i in range(3)]
open(sys.argv[2], "wb").write(b"\n--\n".join(got))
END
python3 "$W/listen.py" "$W/journal" "$W/entries" &
listener=$!
wait_for 5 test -e "$W/entries"
BACKPROOF_JOURNAL=$W/journal go -- sh -c 'exit 6'
wait $listener
holds "the journal: a verdict, then a patch that begins and has ended" sh -c 'test "$(grep -a ^MESSAGE_ID= "$1" | cut -d= -f2 | tr "\n" " ")" = "b44f7b03d0f84b9f9ddad2ae12cd845f 95844e05f75a4a29b01ef8255f0be023 72226e72901f466fba39691b0dfb654a " && grep -aq "^BACKPROOF_PATCH_RESULT=exit 6" "$1"' - "$W/entries"
finish
