#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The real unattended-upgrade of Debian, with the packages installed, in a small Debian system: by itself, as it does it at a
# shutdown, and as systemd starts it, with the hook of apt alone and with the drop-in. Nothing is upgraded without a verdict
# that is good, and somebody gets to know.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/chroot.bash
. "$(dirname "$0")/chroot.bash"
# shellcheck source=tests/cli/story.bash
. "$(dirname "$0")/story.bash"
backproof() { in_chroot "$ROOT" backproof "$@"; }
P=$ROOT/var/lib/backproof/web01.pass B=$ROOT/usr/bin/backproof

# A repository that unattended-upgrade takes for Debian's.
package() { # NAME VERSION [DEPENDS]
	mkdir -p "$W/p/DEBIAN" "$W/p/usr/share/$1"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n%sDescription: for a test\n' \
		"$1" "$2" "${3:+Depends: $3
}" >"$W/p/DEBIAN/control"
	dpkg-deb -b --root-owner-group "$W/p" "$ROOT/srv/repository/$1_$2.deb" >/dev/null
	rm -rf "$W/p"
}
publish() {
	repository_of "$ROOT"
	(cd "$ROOT/srv/repository" && printf 'Origin: Debian\nLabel: Debian\nCodename: bookworm\nDate: %s\nSHA256:\n %s %s Packages\n' \
		"$(date -uR)" "$(sha256sum <Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release)
	apt update
}
versions() { # those of mailer and backproof-extra
	in_chroot "$ROOT" sh -c 'dpkg-query -W -f "\${Version} " mailer; dpkg-query -W -f "\${Version}" backproof-extra'
	cat "$W/out"
}
settings() { # LINES, beside those of the package
	printf '%s\n' 'APT::Periodic::Unattended-Upgrade "always";' 'Unattended-Upgrade::Mail "root";' \
		'Unattended-Upgrade::MailReport "only-on-error";' "$@" >"$ROOT/etc/apt/apt.conf.d/99test"
}
L=$ROOT/var/log/unattended-upgrades
# upgrades CODE NAME VERSIONS WORDS [ENVIRONMENT]: unattended-upgrade, its status, what there is then, and what its logs say
upgrades() {
	local want=$1 name=$2 is=$3 words=$4 bad='' status said
	shift 4
	rm -f "$L"/*.log "$ROOT/srv/mail"
	in_chroot "$ROOT" env "$@" unattended-upgrade
	status=$code
	said=$(cat "$L"/*.log "$W/out" "$W/err")
	[ "$code" = "$want" ] || bad="status $want (got $code)"
	[ "$(versions)" = "$is" ] || bad="$bad, versions $is (are $(cat "$W/out"))"
	if [ -n "$words" ]; then
		grep -qF -e "$words" <<<"$said" || bad="$bad, \"$words\" in the logs"
	else
		! grep -q 'backproof: ' <<<"$said" || bad="$bad, silence"
	fi
	if [ "$want" != 0 ]; then
		grep -q 'ERROR Installing the upgrades failed' <<<"$said" || bad="$bad, an error in the log"
		grep -q '^Subject: .*web01: FAILURE' "$ROOT/srv/mail" || bad="$bad, a mail"
	fi
	if [ -z "$bad" ]; then ok "$name"; else printf '%s\n' "not as expected: $bad" "$said" | not_ok "$name"; fi
	code=$status
}
refused() { upgrades 1 "$1" "1 1" "$2" "${@:3}"; }

mv "$ROOT"/srv/packages/*.deb "$ROOT/srv/repository/"
package backproof-extra 1
package mailer 1 backproof-extra
package unused 1
publish
printf '#!/bin/sh\ncat >>/srv/mail\n' >"$ROOT/usr/sbin/sendmail"
chmod 755 "$ROOT/usr/sbin/sendmail"
apt install backproof backproof-apt-hook unattended-upgrades mailer unused
gives 0 "the packages are installed, and the real unattended-upgrades"
in_chroot "$ROOT" apt-mark auto unused
mk_tree "$W/tree" web01 "$ID" container
mkdir -p "$ROOT/srv/backup/web01"
mk_tar "$ROOT/srv/backup/web01/web01.tar" "$W/tree"
echo "$ID" >"$ROOT/etc/machine-id"
echo web01 >"$ROOT/etc/hostname"
backproof key new /root/key
check() { backproof check web01 --from /srv/backup/web01 --key /root/key --pass /srv/web01.pass --history none; }
check
gives 0 "a pass is made"
configure() { # LINES of the section that all hooks ask
	printf '%s\n' '[hook "default"]' "$@" >"$ROOT/etc/backproof/backproof.conf"
}
package mailer 2 backproof-extra
publish
settings

# With the hook of apt alone
refused "no configuration: nothing is upgraded" "NOT upgraded: config"
holds "... and the mail says why" grep -q 'NOT upgraded: config' "$ROOT/srv/mail"
configure 'pass = /var/lib/backproof/web01.pass' 'pass_keys = /root/key.pub'
refused "no pass" "there is no pass"
in_chroot "$ROOT" unattended-upgrade --dry-run
holds "what is only tried is asked about, too" grep -q "there is no pass" "$W/out" "$W/err"
settings 'Unattended-Upgrade::MinimalSteps "false";'
refused "all at once, and not in steps" "there is no pass"
settings 'Unattended-Upgrade::InstallOnShutdown "true";'
upgrades 0 "to be installed at a shutdown: not now" "1 1" ""
refused "... nor then" "there is no pass" UNATTENDED_UPGRADES_FORCE_INSTALL_ON_SHUTDOWN=1
settings
touch -d '4 days ago' "$ROOT/srv/backup/web01/web01.tar"
backproof check web01 --from /srv/backup/web01 --key /root/key --pass /var/lib/backproof/web01.pass --history none --max-age 1h
holds "a pass of a stale backup" test "$code" = 11 -a -s "$P"
refused "... is none" "the check did not pass: stale"
head -c 200 "$ROOT/srv/web01.pass" >"$P"
refused "a pass that is cut off" "NOT upgraded"
cp "$ROOT/srv/web01.pass" "$P"
mv "$B" "$B.real"
for how in 'kill -SEGV $$' 'kill -KILL $$' 'exit 70' 'exec /nowhere'; do
	printf '#!/bin/sh\n%s\n' "$how" >"$B"
	chmod 755 "$B"
	refused "a good pass, and a gate that ends by: $how" "NOT upgraded"
done
: >"$B"
refused "... that is empty" "NOT upgraded"
rm "$B"
refused "... that is gone" "NOT upgraded"
mv "$B.real" "$B"
H=$ROOT/usr/lib/backproof/apt-hook
cp -p "$H" "$H.real"
printf '#!/bin/sh\nkill -KILL $$\n' >"$H"
refused "the hook itself is killed" "returned an error code"
mv "$H.real" "$H"

# Its own package goes ahead, in a step of its own; the next one does not come after it. What nobody needs goes all the same.
rm "$P"
package backproof-extra 2
publish
settings 'Unattended-Upgrade::MinimalSteps "false";'
refused "backproof's own package and another, at once" "there is no pass"
settings 'Unattended-Upgrade::Remove-Unused-Dependencies "true";'
# Which of them comes first hangs on how Python hashes words.
for seed in $(seq 20); do
	in_chroot "$ROOT" env PYTHONHASHSEED="$seed" unattended-upgrade
	if [ "$code" != 1 ] || [ "$(versions)" != "1 1" ]; then break; fi
done
upgrades 1 "in steps: its own, and no more" "1 2" "there is no pass"
in_chroot "$ROOT" dpkg-query -W unused
holds "... and removing is not in the way" test "$code" != 0
settings

# As systemd does it
D=$ROOT/etc/systemd/system/apt-daily-upgrade.service.d
in_chroot "$ROOT" systemd-analyze verify --man=no apt-daily-upgrade.service
gives 0 "the unit of Debian's apt"
mkdir -p "$D"
cp "$ROOT/usr/share/backproof/hooks/unattended-upgrades.conf" "$D/backproof.conf"
in_chroot "$ROOT" systemd-analyze verify --man=no apt-daily-upgrade.service
holds "... with the drop-in: sound" test "$code" = 0 -a ! -s "$W/err"
pre=$(sed -n 's/^ExecStartPre=//p' "$D/backproof.conf")
starts() { # CODE NAME
	# shellcheck disable=SC2086
	in_chroot "$ROOT" env -i $pre
	gives "$1" "what it starts first: $2"
}
starts 11 "no pass"
cp "$ROOT/srv/web01.pass" "$P"
starts 0 "a good pass"
mv "$ROOT/etc/backproof/backproof.conf" "$ROOT/srv/"
starts 255 "no configuration"
mv "$ROOT/srv/backproof.conf" "$ROOT/etc/backproof/"
mv "$D/backproof.conf" "$ROOT/srv/drop-in"
printf '[Unit]\nConditionACPower=\n' >"$D/test.conf"
rm "$P"
cat >"$ROOT/srv/daily" <<'END'
told() { systemctl show -P ExecMainStartTimestampMonotonic backproof-not-upgraded@apt-daily-upgrade.service.service; }
daily() { # NAME: the unit's result, whether it came to ExecStart=, whether somebody was told, and what there is then
	local before started=no told=no i
	before=$(told)
	systemctl reset-failed
	systemctl start apt-daily-upgrade.service
	[ "$(systemctl show -P ExecMainStartTimestampMonotonic apt-daily-upgrade.service)" = 0 ] || started=yes
	for i in $(seq 30); do
		[ "$(systemctl show -P Result apt-daily-upgrade.service)" != success ] && [ "$(told)" = "$before" ] || break
		sleep 0.1
	done
	[ "$(told)" = "$before" ] || told=yes
	echo "$1: $(systemctl show -P Result apt-daily-upgrade.service), started: $started, told: $told," \
		"$(dpkg-query -W -f '${Version}' mailer)" >>/srv/tried
}
daily "the hook alone, no pass"
cp /srv/drop-in /etc/systemd/system/apt-daily-upgrade.service.d/backproof.conf
systemctl daemon-reload
daily "no pass"
cp /srv/web01.pass /var/lib/backproof/web01.pass
mv /etc/backproof/backproof.conf /srv/
daily "no configuration"
mv /srv/backproof.conf /etc/backproof/
mv /usr/bin/backproof /srv/
printf '#!/bin/sh\nkill -SEGV $$\n' >/usr/bin/backproof
chmod 755 /usr/bin/backproof
daily "a crash"
rm /usr/bin/backproof
daily "it is gone"
mv /srv/backproof /usr/bin/
daily "a good pass"
END
cat >"$W/wanted" <<'END'
the hook alone, no pass: success, started: yes, told: no, 1
no pass: exit-code, started: no, told: yes, 1
no configuration: exit-code, started: no, told: yes, 1
a crash: signal, started: no, told: yes, 1
it is gone: exit-code, started: no, told: yes, 1
a good pass: success, started: yes, told: no, 2
END
if boot_chroot "$ROOT" '. /srv/daily'; then
	if diff "$W/wanted" "$ROOT/srv/tried" >"$W/log" 2>&1; then
		ok "systemd starts it: with the drop-in it fails, and tells; without, the log alone knows"
	else
		cat "$W/log" "$W/console" | not_ok "systemd starts it"
	fi
else
	sed 's/^/# no systemd here: /' "$W/console"
	cp "$ROOT/srv/web01.pass" "$P"
	upgrades 0 "a good pass" "2 2" ""
fi

# By hand, as an administrator tries it: a good pass, and somebody who takes it on themselves.
package mailer 3 backproof-extra
publish
cp "$ROOT/srv/web01.pass" "$P"
upgrades 0 "a good pass: upgraded, in silence" "3 2" ""
package mailer 4 backproof-extra
publish
rm "$P"
upgrades 1 "no pass any more" "3 2" "there is no pass"
printf '[policy "default"]\nwaivers = recorded\n' >>"$ROOT/etc/backproof/backproof.conf"
backproof waive web01 --reason "the backup server is down" --for 1h
gives 0 "a waiver"
upgrades 0 "... upgraded, and the log says by what" "4 2" "the backup server is down"
finish
