#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The role for Ansible, with real ansible-core and hosts that are all this machine: a mark stands for the patch, and only
# hosts that are safe get one, whatever the gate, the play or the command line does.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
export HOME=$W/home ANSIBLE_LOCAL_TEMP=$W/home/l ANSIBLE_REMOTE_TEMP=$W/home/r ANSIBLE_NOCOLOR=1 ANSIBLE_FORKS=6
export ANSIBLE_ROLES_PATH=$TOP/packaging/ansible/roles ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_HOST_KEY_CHECKING=0
export LC_ALL=C.UTF-8 ANSIBLE_PIPELINING=1 ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3
unset ANSIBLE_CONFIG
M=$W/marks G=$W/gates K=$W/key
mkdir "$HOME" "$G" "$W/store" "$W/pass"
cd "$W" || exit 1

# Hosts: web01 and web05 are safe.
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/store/web01.tar" "$W/tree"
cp "$W/store/web01.tar" "$W/store/web05.tar"
cp "$W/store/web01.tar" "$W/store/web02.tar"
head -c 20000 "$W/store/web01.tar" >"$W/store/web04.tar"
cp "$W/store/web01.tar" "$W/store/web06.tar"
touch -d '3 days ago' "$W/store/web02.tar"
"$BACKPROOF" key new "$K" >/dev/null
cat >"$W/gate.conf" <<EOF
[repository "store"]
path = $W/store
match = {host}.tar

[policy "default"]
max_age = 24h
scratch = $S
history = none

[host "web05"]
hostname = web01

[host "web02"]
hostname = web01

[host "web04"]
hostname = web01
EOF
for host in 01 05; do
	run check web$host --config "$W/gate.conf" --key "$K" --pass "$W/pass/web$host.pass"
	holds "web$host is safe" test "$code" = 0
done
for i in 02:11 03:10 06:13; do
	run check "web${i%:*}" --config "$W/gate.conf"
	holds "web${i%:*} is ${i#*:}" test "$code" = "${i#*:}"
done

# What stands in the place of backproof
gate() { # NAME LINE
	printf '#!/bin/sh\necho "$*" >>"%s"\n%s\n' "$W/asked" "$2" >"$G/$1"
	chmod 755 "$G/$1"
}
gate real "exec '$BACKPROOF' \"\$@\""
gate crash 'kill -SEGV $$'
gate kill 'kill -KILL $$'
gate hang 'exec sleep 60'
gate config "exec '$BACKPROOF' check web02 --config '$W/none.conf'"
gate usage 'exit 64'
gate one 'exit 1'
gate silent 'exit 0'
gate text 'echo SAFE'
gate liar "'$BACKPROOF' \"\$@\"; exit 0"
gate elsewhere "'$BACKPROOF' check --format json --config '$W/gate.conf' web01"
gate unknown 'echo "{\"verdict\":\"fine\",\"exit\":0,\"host\":\"$5\"}"'
sed "s,^history = .*,history = $W/history.db," "$W/gate.conf" >"$W/waive.conf"
holds "web02 is waived" env -u BACKPROOF_HISTORY "$BACKPROOF" waive web02 --reason "a leak is worse" --for 1h --config "$W/waive.conf"

local_="ansible_connection: local, ansible_python_interpreter: /usr/bin/python3"
host() { echo "        $1: {$local_${2:+, $2}}"; }
{
	echo "all:"
	echo "  vars: {backproof_gate_server: backup01, backproof_gate_program: $G/real, backproof_gate_options: [--config, $W/gate.conf]}"
	echo "  children:"
	echo "    backup:"
	echo "      hosts:"
	host backup01
	echo "        nowhere: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}"
	echo "    web:"
	echo "      hosts:"
	for i in 1 2 3 4 5 6; do host web0$i; done
	echo "    faults:"
	echo "      hosts:"
	for f in crash kill config usage one silent text liar elsewhere unknown missing; do
		host "$f" "backproof_gate_program: $G/$f, backproof_gate_host: web02"
	done
	host hang "backproof_gate_program: $G/hang, backproof_gate_timeout: 1"
	host noserver "backproof_gate_server: ''"
	host away "backproof_gate_server: nowhere"
	host name "backproof_gate_host: '--help'"
	host good "backproof_gate_host: web01"
	host waived "backproof_gate_host: web02, backproof_gate_program: '$BACKPROOF', backproof_gate_options: [--config, $W/waive.conf, --history, $W/history.db]"
	echo "    passes:"
	echo "      vars: {backproof_gate_mode: pass, backproof_gate_keys: [$K.pub]}"
	echo "      hosts:"
	host p_good "backproof_gate_host: web01, backproof_gate_pass: $W/pass/web01.pass"
	host p_other "backproof_gate_host: web01, backproof_gate_pass: $W/pass/web05.pass"
	host p_none "backproof_gate_host: web01, backproof_gate_pass: $W/pass/none"
	host p_key "backproof_gate_host: web01, backproof_gate_pass: $W/pass/web01.pass, backproof_gate_keys: [$W/none]"
	host p_crash "backproof_gate_program: $G/crash"
	host p_silent "backproof_gate_program: $G/silent"
} >"$W/inventory.yml"
play() { # [EXTRA LINES]: a play on standard output
	printf -- '- hosts: "{{ of }}"\n  gather_facts: false\n%s\n  roles:\n    - role: backproof_gate\n  tasks:\n' "${1-}"
	printf '    - name: Patch\n      ansible.builtin.file: {path: "%s/{{ inventory_hostname }}", state: touch, mode: "0600"}\n' "$M"
	printf '      tags: [patch]\n      ignore_errors: false\n'
}
play >"$W/play.yml"
# wave CODE NAME MARKS PLAYBOOK ARGUMENTS...: the exit status, and exactly those hosts are patched
wave() {
	local want=$1 name=$2 marks=$3
	shift 3
	rm -rf "$M"
	mkdir "$M"
	: >"$W/asked"
	ran="ansible-playbook $*"
	ansible-playbook -i "$W/inventory.yml" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
	local is
	is=$(cd "$M" && echo *)
	[ "$is" != '*' ] || is=''
	if [ "$code" = "$want" ] && [ "$is" = "$marks" ]; then ok "$name"; else { echo "$is, not $marks" && why "$want"; } | not_ok "$name"; fi
}
says() { # NAME WORDS
	holds "$1" grep -qF -e "$2" "$W/out"
}

play "  serial: 2" >"$W/serial.yml"
wave 0 "those that are not safe leave the play, and the waves go on" "web01 web05" "$W/serial.yml" -e of=web
says "... by name and reason: stale" "web02: STALE (11): its newest backup is too old"
says "... no backup" "web03: NO-BACKUP (10): there is no backup of it"
says "... damaged" "web04: DAMAGED (12)"
says "... incomplete" "web06: INCOMPLETE (13)"
holds "... each was asked about once" test "$(sort -u "$W/asked" | wc -l),$(wc -l <"$W/asked")" = 6,6
holds "... nothing was changed but the patch" test "$(grep -c 'changed=1' "$W/out")" = 2
wave 2 "asked to fail, they fail, and a wave of failures ends the run" "web01" "$W/serial.yml" -e of=web:!web03:!web04 -e backproof_gate_unsafe=fail \
	-e '{"of": "web01,web02,web03,web04,web05"}'
wave 4 "no verdict is a failure" "good waived" "$W/play.yml" -e of=faults
for host in crash kill config usage one silent text liar elsewhere unknown missing hang noserver name; do
	holds "... of $host" grep -qE "^$host +: .*unreachable=0 +failed=1 " "$W/out"
done
holds "... of a server that is away" grep -qE "^away +: .*unreachable=1 " "$W/out"
says "... hang: it says why" "it took longer than backproof_gate_timeout"
says "... config: it says why" "an error in the configuration of backproof"
says "... waived: it says so" "web02: WAIVED (0): it is not safe, and a person took that upon himself (root: a leak is worse): stale: "
wave 2 "by passes" p_good "$W/play.yml" -e of=passes
holds "... no pass and another's end it" test "$(grep -cE '^p_(none|other) .*failed=0' "$W/out")" = 2
wave 0 "with --check it is asked all the same" "" "$W/play.yml" --check -e of=web
holds "... and goes on for those that are safe" test "$(grep -cE '^web0[15] .*changed=1' "$W/out"),$(grep -c 'changed=1' "$W/out")" = 2,2
wave 0 "with --tags of the patch alone it is asked" web01 "$W/play.yml" --tags patch -e of=web01,web02
play "  ignore_errors: true
  ignore_unreachable: true
  any_errors_fatal: false
  become: false" >"$W/ignore.yml"
wave 4 "a play that ignores errors does not get around it" web01 "$W/ignore.yml" -e '{"of": "web01,web02,crash,away"}'
{ printf -- '- hosts: web01,web02\n  gather_facts: false\n  run_once: true\n  roles: [backproof_gate]\n  tasks:\n' &&
	printf '    - ansible.builtin.file: {path: "%s/{{ inventory_hostname }}", state: touch, mode: "0600"}\n      run_once: false\n' "$M"; } >"$W/once.yml"
wave 0 "nor one that asks for one host only" web01 "$W/once.yml"
{ play "  max_fail_percentage: 20
  serial: 5" && play | sed "s/{{ of }}/web05/"; } >"$W/stop.yml"
wave 2 "too many failures end the wave, and what comes after it" "" "$W/stop.yml" -e '{"of": "crash,kill,web01"}'

f=$TOP/packaging/ansible/example/patch.yml
holds "the example is sound" env ANSIBLE_CONFIG="$TOP/packaging/ansible/example/ansible.cfg" \
	ansible-playbook --syntax-check -i "$TOP/packaging/ansible/example/inventory.yml" "$f"
mandoc -T utf8 "$TOP/man/backproof-hooks.7" | perl -pe 's/.\x08//g; s/\xe2\x88\x92|\xe2\x80\x90/-/g' |
	sed -n '/^ *- hosts: web$/,/^ *upgrade: dist$/p' >"$W/manual.yml"
sed -n '/^    - hosts: web$/,/^ *upgrade: dist$/p' "$ANSIBLE_ROLES_PATH/backproof_gate/README.md" >"$W/readme.yml"
for page in manual readme; do
	holds "that of the $page is sound" sh -c 'test -s "$1" && exec ansible-playbook --syntax-check "$1"' - "$W/$page.yml"
done
ansible-playbook --list-hosts -i "$TOP/packaging/ansible/example/inventory.yml" "$f" >"$W/hosts" 2>&1
holds "... and is for 5,000 hosts, each once" test "$(grep -cE '^ +web[0-9]{4}$' "$W/hosts"),$(grep -E '^ +web' "$W/hosts" | sort -u | wc -l)" = 5000,5000
finish
