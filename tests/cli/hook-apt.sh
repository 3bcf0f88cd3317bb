#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The hook of apt, under the real apt-get and dpkg in a root of its own, with packages of a few bytes from a repository
# on this disk: what is not allowed is not unpacked, and what is no upgrade is never in the way. At the end the units.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
P=$W/web01.pass K=$W/key C=$W/hook.conf H=$W/history.db R=$W/root U=$W/usr
at() { date -u -d "@$(($(date +%s) + $1))" +%FT%TZ; } # SECONDS from now

# As make install puts it, with $U for PREFIX; the program is one that reads $C, for its place is fixed.
mkdir -p "$U/lib/backproof" "$U/bin" "$W/srv"
for f in apt-hook 60backproof; do
	sed "s,/usr/local/,$U/,g" "$TOP/packaging/hooks/apt/$f" >"$U/$f"
done
mv "$U/apt-hook" "$U/lib/backproof/"
chmod 755 "$U/lib/backproof/apt-hook"
program() { # LINES: what $U/bin/backproof does; $@ are its arguments
	printf '#!/bin/bash\n%s\n' "$1" >"$U/bin/backproof.new"
	chmod +x "$U/bin/backproof.new"
	mv "$U/bin/backproof.new" "$U/bin/backproof"
}
real="exec $BACKPROOF \"\$@\" --config $C"
program "$real"

# A repository, and a system of nothing
package() { # NAME VERSION [DEPENDS [LINES OF postinst]]
	mkdir -p "$W/p/DEBIAN" "$W/p/usr/share/$1"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\n%sDescription: test\n' "$1" "$2" \
		"${3:+Depends: $3
}" >"$W/p/DEBIAN/control"
	[ -z "${4-}" ] || install -m 755 /dev/stdin "$W/p/DEBIAN/postinst" <<<"$4"
	echo "$2" >"$W/p/usr/share/$1/version"
	dpkg-deb --root-owner-group -b "$W/p" "$W/repo/$1_$2_all.deb" >/dev/null
	rm -rf "$W/p"
}
mkdir "$W/repo"
package web 1
package web 2
package lib 1
package lib 2
package backproof 1
package backproof 2
package backproof-apt-hook 1 backproof
package backproof-apt-hook 2 "backproof (>= 2)"
package fresh 1
package needs 1 "lib (>= 2)"
(cd "$W/repo" && dpkg-scanpackages -m . 2>/dev/null >Packages)
mkdir -p "$R"/etc/apt/{apt.conf.d,preferences.d,trusted.gpg.d,sources.list.d} "$R"/var/lib/dpkg/{info,updates,triggers} \
	"$R"/var/lib/apt/lists/partial "$R"/var/cache/apt/archives/partial "$R/var/log/apt"
: >"$R/var/lib/dpkg/status"
echo "deb [trusted=yes] copy:$W/repo ./" >"$R/etc/apt/sources.list"
mv "$U/60backproof" "$R/etc/apt/apt.conf.d/"
cat >"$W/apt.conf" <<-X
	Dir "$R"; Dir::Etc::main "none"; Dir::State::status "$R/var/lib/dpkg/status"; Dir::Bin::dpkg "/usr/bin/dpkg";
	Dir::Bin::methods "/usr/lib/apt/methods"; Dir::Log "$R/var/log/apt"; APT::Sandbox::User "root"; DPkg::Path "";
	DPkg::Options { "--root=$R"; "--force-not-root"; "--force-script-chrootless"; "--log=/dev/null"; };
X
export APT_CONFIG=$W/apt.conf LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
version() { dpkg-query --admindir="$R/var/lib/dpkg" -W -f '${db:Status-Abbrev}${Version}' "$1" 2>/dev/null | tr -d ' '; }

# apt CODE NAME WORDS STATE ARGUMENTS...: the exit status, what the hook has said (nothing: it is silent), and the
# states and versions of web and lib afterwards
apt() {
	local want=$1 name=$2 words=$3 state=$4 bad=''
	shift 4
	ran="apt-get $*"
	apt-get -y "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
	is=$(version web),$(version lib)
	[ "$code" = "$want" ] || bad="$want"
	[ "$is" = "$state" ] || bad="$bad, packages $state (are $is)"
	if [ -n "$words" ]; then
		grep -qF -e "$words" "$W/err" || bad="$bad, \"$words\""
	else
		! grep -q backproof "$W/err" || bad="$bad, silence"
	fi
	if [ -z "$bad" ]; then ok "$name"; else why "$bad" | not_ok "$name"; fi
}
again() { # both at 1, as if nothing had been
	apt-get -qqy --allow-downgrades install web=1 lib=1 >"$W/again" 2>&1
	[ "$(version web),$(version lib)" = ii1,ii1 ] || why "web and lib at 1: $(cat "$W/again")" | not_ok "again"
}

mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
zstd -q "$W/web01.tar" -o "$W/srv/web01.tar.zst"
"$BACKPROOF" key new "$K" >/dev/null
config() { # LINES...: of [hook "apt"]
	printf '[policy "default"]\nhistory = %s\n[hook "apt"]\nhost = web01\n' "$H" >"$C"
	printf '%s\n' "$@" >>"$C"
}
pass() { # ARGUMENTS...
	"$BACKPROOF" check web01 --from "$W/srv/web01.tar.zst" --config "$C" --history none --scratch "$S" --key "$K" \
		--pass "$P" "$@" >"$W/checked" 2>&1
}
: >"$C"
apt-get -qq update >/dev/null 2>&1

# No verdict, and not even a configuration: only an upgrade needs one
apt 0 "a first installation asks nobody" "" ii1,ii1 install web=1 lib=1
apt 100 "an upgrade without a configuration is refused" "write into /etc/backproof/conf.d/hook.conf" ii1,ii1 upgrade
holds "... by apt's words too" grep -q "E: Sub-process .*apt-hook" "$W/err"
apt 100 "... of one package" "NOT upgraded: config" ii1,ii1 install web
apt 100 "... that something new needs" "NOT upgraded: config" ii1,ii1 install needs
holds "... which is not there either" test -z "$(version needs)"
apt 0 "the same again asks nobody" "" ii1,ii1 install --reinstall web=1
apt 0 "another first one" "" ii1,ii1 install fresh
apt 0 "removing asks nobody" "" ii1, remove lib
apt 0 "installing again what was removed" "" ii1,ii1 install lib=1
apt 0 "purging asks nobody" "" ii1, purge lib
apt 0 "nothing to do" "" ii1, install fresh
again
config "pass = $P"
apt 100 "an upgrade without keys is refused" "pass_keys" ii1,ii1 upgrade
config "pass = $P" "pass_keys = $W/none.pub"
apt 100 "an upgrade with a key that is not there" "none.pub" ii1,ii1 upgrade
config "pass = $P" "pass_keys = $K.pub" "timeout = 2s"
apt 100 "an upgrade without a pass" "there is no pass" ii1,ii1 upgrade
mkdir "$P"
apt 100 "an upgrade with a pass that can't be read" "cannot-tell" ii1,ii1 upgrade
apt 0 "... and removing" "" ii1, remove lib
rmdir "$P"
again

# A pass
pass --now "$(at -80000)" --max-age 30d
apt 100 "an upgrade with a pass that has expired" "expired" ii1,ii1 upgrade
pass --from "$W/tree/etc/hostname"
apt 100 "an upgrade with a pass that did not pass" "did not pass" ii1,ii1 upgrade
pass
apt 0 "an upgrade with a good pass, and silence" "" ii2,ii2 upgrade
rm "$P"
apt 0 "a downgrade is a repair" "" ii1,ii2 install --allow-downgrades web=1
again

# A verdict that is remembered, and a waiver
config "timeout = 2s"
apt 100 "by the history: none" "no history" ii1,ii1 upgrade
"$BACKPROOF" check web01 --from "$W/srv/web01.tar.zst" --config "$C" --scratch "$S" >/dev/null
apt 0 "by the history: silence" "" ii2,ii2 upgrade
again
touch "$W/srv/web01.tar.zst"
apt 100 "by the history: the backup was written to" "written to" ii1,ii1 upgrade
"$BACKPROOF" waive web01 --config "$C" --reason "a hole in web" --for 1h >/dev/null
apt 0 "a waiver: one line" "WAIVED: web01: root takes it on until" ii2,ii2 upgrade
holds "... of ours" test "$(grep -c . "$W/err")" = 1
rm -f "$H"*
again

# Repairs
dpkg=(dpkg --root="$R" --force-not-root --force-all --log=/dev/null)
"${dpkg[@]}" --unpack "$W/repo/web_2_all.deb" >/dev/null 2>&1
apt 0 "-f install of what is only to be configured" "" ii2,ii1 -f install
"${dpkg[@]}" --unpack "$W/repo/needs_1_all.deb" >/dev/null 2>&1
apt 100 "an upgrade that comes with -f install of a name" "NOT upgraded" ii2,ii1 -f install lib
apt 0 "-f install of what is broken says what it is" "backproof: a repair, asked of nobody: 1 package is upgraded with it (lib)" ii2,ii2 -f install
holds "... which is mended" test "$(version needs)" = ii1
apt 0 "removing what it was for" "" ii2,ii2 remove needs
"${dpkg[@]}" --unpack "$W/repo/web_1_all.deb" >/dev/null 2>&1
holds "dpkg --configure -a asks nobody" "${dpkg[@]}" --configure -a
sed -i '/^Package: web$/,/^$/s/^Status: .*/Status: install reinstreq half-installed/' "$R/var/lib/dpkg/status"
apt 0 "installing again what was half unpacked" "" ii1,ii2 install --reinstall web=1
again

# Our own packages, and what lies beside them
apt 0 "our own: installed" "" ii1,ii1 install backproof=1 backproof-apt-hook=1
apt 0 "our own: upgraded" "" ii1,ii1 install backproof backproof-apt-hook
holds "our own: ... indeed" test "$(version backproof)" = ii2
apt 0 "our own: back again" "" ii1,ii1 install --allow-downgrades backproof=1 backproof-apt-hook=1
apt 100 "our own with another" "NOT upgraded" ii1,ii1 install backproof backproof-apt-hook web
holds "our own with another: ... neither" test "$(version backproof)" = ii1
apt 0 "our own: purged" "" ii1,ii1 purge backproof backproof-apt-hook

# The program crashes, is killed, hangs, is not there: nothing is upgraded, and what is no upgrade goes on
config "pass = $P" "pass_keys = $K.pub" "timeout = 2s"
pass # that it would pass is no help
# shellcheck disable=SC2016
for how in 'kill -SEGV $$' 'kill -KILL $$' 'kill -TERM $$' "ulimit -v 4000; $real" 'exit 126' 'exit 127' 'cat >/dev/null; exit 70'; do
	program "$how"
	words="can't be run"
	apt 100 "${how%%/*}: not upgraded" "$words" ii1,ii1 upgrade
	apt 0 "${how%%/*}: removing goes on" "nothing is upgraded: going on" ii1, remove lib
	apt 0 "${how%%/*}: and installing" "nothing is upgraded: going on" ii1,ii1 install lib=1
done
"${dpkg[@]}" --unpack "$W/repo/needs_1_all.deb" >/dev/null 2>&1
apt 0 "... and -f install" "going on" ii1,ii2 -f install
apt 0 "... removing goes on" "going on" ii1,ii2 remove needs
again
for how in 'exit 1' 'exit 255' 'exit 11' 'exec false' 'echo safe; exit 20'; do
	program "$how"
	apt 100 "$how: not upgraded" "E: Sub-process" ii1,ii1 upgrade
done
rm "$U/bin/backproof"
# The hook's own reading is the program's (tests/unit/hook.c has the same list), or stricter
while read -r name want; do
	f=$TOP/fixtures/apt_hook/$name
	"$U/lib/backproof/apt-hook" 8<"$f" >"$W/out" 2>"$W/err"
	is=$?
	head -c -3 "$f" >"$W/cut"
	"$U/lib/backproof/apt-hook" 8<"$W/cut" >"$W/out" 2>"$W/err"
	holds "no program: $name" test "$is,$?" = "$want,70"
done <<-X
	install 0
	reinstall 0
	upgrade 70
	downgrade 0
	pulled 70
	remove 0
	purge 0
	crossgrade 70
	own 0
	own-install 0
	repair 0
	configure 0
	nothing 0
X
apt 100 "no program: not upgraded" "can't be run" ii1,ii1 upgrade
apt 0 "no program: removing goes on" "going on" ii1, remove lib
apt 0 "no program: installing goes on" "going on" ii1,ii1 install lib=1 backproof=1
: >"$U/bin/backproof"
apt 100 "a program that can't be run: not upgraded" "can't be run" ii1,ii1 upgrade
chmod +x "$U/bin/backproof" # for a shell it is a script, which does nothing and does it well
apt 100 "an empty program: not upgraded" "can't be run" ii1,ii1 upgrade
head -c 5000 /dev/zero >"$U/bin/backproof"
apt 100 "a program of zeros: not upgraded" "can't be run" ii1,ii1 upgrade
head -c 5000 "$BACKPROOF" >"$U/bin/backproof"
apt 100 "the beginning of a program: not upgraded" "E: Sub-process" ii1,ii1 upgrade
program "$real"
rm "$P"
config "pass = $P" "pass_keys = $K.pub" "timeout = 2s" "fetch = /bin/sh -c 'kill -STOP \$PPID'"
t0=$SECONDS
apt 100 "it hangs: not upgraded" "after 2s it was still waiting for fetch" ii1,ii1 upgrade
holds "it hangs: ... in time" test $((SECONDS - t0)) -le 8
apt 0 "it would hang: removing goes on" "" ii1, remove lib
again
config "pass = $P" "pass_keys = $K.pub"
pass

# Parts of the hook are not there, or not as they should be
chmod 644 "$U/lib/backproof/apt-hook"
apt 100 "a hook that can't be run: not upgraded" "E: " ii1,ii1 upgrade
chmod 755 "$U/lib/backproof/apt-hook"
sed -i 's/Version "3"/Version "1"/' "$R/etc/apt/apt.conf.d/60backproof"
apt 100 "another version of the protocol: not upgraded" "VERSION 3" ii1,ii1 upgrade
sed -i 's/Version "1"/Version "3"/; s/InfoFD "8"/InfoFD "7"/' "$R/etc/apt/apt.conf.d/60backproof"
apt 100 "another descriptor: not upgraded" "VERSION 3" ii1,ii1 upgrade
sed -i 's/InfoFD "7"/InfoFD "8"/' "$R/etc/apt/apt.conf.d/60backproof"
mv "$U/lib/backproof/apt-hook" "$W/aside"
rm "$P"
apt 0 "a hook that is gone, and its file left behind: as without it, in silence" "" ii2,ii2 upgrade
mv "$W/aside" "$U/lib/backproof/apt-hook"
again
apt 100 "it is back" "there is no pass" ii1,ii1 upgrade
pass
apt 0 "and all is well" "" ii2,ii2 upgrade

# unattended-upgrades and units: systemd doesn't run here, so what they start is started as they say
mkdir -p "$W/units/apt-daily-upgrade.service.d" "$W/units/patch.service.d"
hooks=$TOP/packaging/hooks
printf '[Unit]\nDescription=x\n[Service]\nType=oneshot\nExecStart=/bin/true\n' |
	tee "$W/units/apt-daily-upgrade.service" >"$W/units/patch.service"
sed "s,/usr/local/,$U/,g" "$hooks/unattended-upgrades/backproof.conf" >"$W/units/apt-daily-upgrade.service.d/backproof.conf"
sed "s,/usr/local/,$U/,g" "$hooks/systemd/backproof-gate.conf" >"$W/units/patch.service.d/backproof-gate.conf"
cp "$hooks/unattended-upgrades/backproof-not-upgraded@.service" "$W/units/"
for unit in apt-daily-upgrade patch; do
	holds "$unit: systemd takes the drop-in" sh -c '
		out=$(SYSTEMD_UNIT_PATH="$1:" systemd-analyze verify --man=no "$2.service" "backproof-not-upgraded@$2.service.service" 2>&1)
		echo "$out"; [ -z "$out" ]' - "$W/units" "$unit"
	pre=$(sed -n 's/^ExecStartPre=//p' "$W/units/$unit.service.d"/*)
	holds "$unit: it fails when the gate does, and somebody is told" sh -c '
		! grep -hE "^(ExecCondition|ExecStartPre=[-+!:]|SuccessExitStatus)" "$1"/* && grep -qx "OnFailure=backproof-not-upgraded@%n.service" "$1"/*' - "$W/units/$unit.service.d"
	start() { # CODE NAME
		ran=$pre
		# shellcheck disable=SC2086
		env -i $pre >"$W/out" 2>"$W/err" </dev/null
		code=$?
		if [ "$code" = "$1" ]; then ok "$unit: $2"; else why "$1" | not_ok "$unit: $2"; fi
	}
	config "pass = $P" "pass_keys = $K.pub"
	start 255 "no section for it"
	sed -i 's/hook "apt"/hook "systemd"/' "$C"
	start 0 "a good pass"
	holds "$unit: ... and silence" test ! -s "$W/err"
	mv "$P" "$W/aside.pass"
	start 11 "no pass"
	mv "$W/aside.pass" "$P"
	sed -i 's/^pass_keys.*/pass_keys = nowhere.pub/' "$C"
	start 255 "no key"
done
tell=$(sed -n 's/^ExecStart=\/bin\/sh -c //p' "$W/units/backproof-not-upgraded@.service" | sed 's/%i/patch.service/g')
holds "what tells somebody: names the unit, at a priority" sh -c 'eval "sh -c $1" | grep -q "^<2>patch.service has failed.*journalctl -u patch.service"' - "$tell"
finish
