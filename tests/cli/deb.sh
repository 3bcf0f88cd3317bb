#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian packages: built, looked through, installed by apt-get in a small Debian system, used, upgraded, and purged.
# shellcheck source=tests/cli/lib.sh disable=SC2086
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/chroot.bash
. "$(dirname "$0")/chroot.bash"
cd "$TOP" || exit 1
holds "the packages are built" debs_built
# Elsewhere, by somebody else, at another time; while the rest goes on.
mkdir -p "$W/elsewhere/tmp" "$W/again"
env TZ=Pacific/Auckland LC_ALL=C.UTF-8 TMPDIR="$W/elsewhere/tmp" sh -c 'umask 077; packaging/deb "$1"' - "$W/again" >"$W/again.log" 2>&1 &
again=$!
finish_both() {
	if wait $again; then ok "built again"; else not_ok "built again" <"$W/again.log"; fi
	holds "it is the same, byte for byte" diff <(cd "$DEBS" && sha256sum ./*.deb) <(cd "$W/again" && sha256sum ./*.deb)
	finish
}
version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
packages=$(sed -n 's/^Package: //p' packaging/debian/control | sort | tr '\n' ' ')
holds "all of them, of this version" diff <(for p in $packages; do echo "${p}_$version"; done | sort) \
	<(find "$DEBS" -name '*.deb' -printf '%f\n' | sed 's/_[^_]*\.deb$//' | sort)
holds "the version is the program's" test "$("$BACKPROOF" --version | head -n 1 | tr ' ' _)" = "backproof_$version"
holds "lintian has nothing to say" lintian --fail-on error,warning --no-cfg --allow-root "$DEBS"/*.deb
holds "... nor hides what nobody explained" test -z "$(find packaging/debian -name '*.lintian-overrides' -exec grep -L '^#' {} +)"

# What is in them is what make install has, and what Debian wants beside it.
declare -A part=([backproof]="core ansible ssh" [backproof-apt-hook]=apt-hook [backproof-monitoring]=monitoring)
for p in $packages; do
	holds "$p: its files are those of the list" diff \
		<(PREFIX=/usr UNITDIR=/lib/systemd/system ZSHDIR=/usr/share/zsh/vendor-completions packaging/install --list ${part[$p]} |
			sed -E 's,^([0-9]+ /usr/share/man/.*),\1.gz,' | sort) \
		<(dpkg-deb --fsys-tarfile "$DEBS/${p}_$version"_*.deb | tar -tv --numeric-owner | awk '$1 ~ /^-/ {
				m = 0; for (i = 2; i <= 10; i++) if (substr($1, i, 1) != "-") m += 2 ^ (10 - i)
				printf "%o %s\n", m, substr($6, 2)}' |
			grep -vE "/usr/share/(doc/$p/(README.md.gz|changelog.gz|copyright)|lintian/overrides/$p)$" | sort)
	holds "$p: all is root's" test -z "$(dpkg-deb --fsys-tarfile "$DEBS/${p}_$version"_*.deb | tar -tv --numeric-owner |
		awk '$2 != "0/0"')"
done

if [ "$(id -u)" != 0 ]; then
	skip "installing them needs root"
	finish_both
fi
# Backups of web01, one of them damaged.
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/web01.img" "$W/tree"
mkdir -p "$W/backups/web01" "$W/backups/web02"
zstd -q "$W/web01.img" -o "$W/backups/web01/web01.img.zst"
cp "$W/backups/web01/web01.img.zst" "$W/backups/web02/"
flip "$W/backups/web02/web01.img.zst" 100000

ROOT=$W/debian
if ! chroot_made "$ROOT" >"$W/log" 2>&1; then
	tail -n 3 "$W/log"
	skip "a small Debian system (neither cached nor to be fetched)"
	finish_both
fi
cp -a "$W/backups" "$ROOT/srv/backup"
in_chroot "$ROOT" true
if [ "$code" != 0 ]; then
	why 0 | not_ok "a chroot with mounts of its own"
	finish_both
fi
# What there is, but for what apt-get and dpkg note of themselves, and accounts (which Debian keeps).
files() {
	(cd "$ROOT" && find . -xdev \( -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/dpkg \
		-o -path ./run -o -path ./srv -o -path ./tmp \) -prune -o -printf '%M %U %G %p %l\n' |
		grep -vE ' ./etc/(passwd|group|shadow|gshadow)-? $| ./etc/\.pwd\.lock $' | sort)
	find "$ROOT/var/lib/dpkg" -name 'backproof*'
}
succeeds() { # NAME: of the last run
	if [ "$code" = 0 ]; then ok "$1"; else why 0 | not_ok "$1"; fi
}
apt update
succeeds "apt-get update"
files >"$W/before"

apt install --no-install-recommends backproof
succeeds "apt-get install backproof"
holds "it needed nothing that the system lacked" grep -q '^0 upgraded, 1 newly installed' "$W/out"
files >"$W/installed"
in_chroot "$ROOT" dpkg --verify backproof
holds "dpkg --verify" test "$code" = 0 -a ! -s "$W/out"
in_chroot "$ROOT" backproof --version
holds "it runs" grep -q "^backproof $version" "$W/out"
account=$(awk -F: '$1 == "backproof" {print $3 ":" $4 " " $6 " " $7}' "$ROOT/etc/passwd")
holds "an account that nobody logs in to" grep -qE '^[0-9]{1,3}:[0-9]{1,3} /var/lib/backproof /usr/sbin/nologin$' <<<"$account"
holds "... owns the directory of the history" test "$(stat -c '%u:%g %a' "$ROOT/var/lib/backproof")" = "${account%% *} 750"
holds "the timer is not enabled" test -z "$(find "$ROOT/etc/systemd" -name 'backproof*')"
in_chroot "$ROOT" systemd-analyze verify --man=no backproof-audit.service backproof-audit.timer
holds "its units are sound" test "$code" = 0 -a ! -s "$W/err"
in_chroot "$ROOT" systemd-analyze security --no-pager --offline=true backproof-audit.service
holds "and shut in" awk '/xposure level/ {found = 1; sub(/.*: /, ""); if ($1 > 1.5) exit 1} END {exit !found}' "$W/out"

in_chroot "$ROOT" backproof check web01 --from /srv/backup/web01
succeeds "backproof check: safe"
holds "... and says so" grep -q '^web01: SAFE to patch' "$W/out"
in_chroot "$ROOT" backproof check web01 --from /srv/backup/web02
holds "backproof check: damaged" test "$code" = 12
printf '[repository "nas"]\npath = /srv/backup\nmatch = {host}/*.img.zst\n[host "web01"]\nrepository = nas\n' \
	>"$ROOT/etc/backproof/backproof.conf"
# As the service does it.
in_chroot "$ROOT" setpriv --reuid backproof --regid backproof --clear-groups \
	backproof audit --format html --output /var/lib/backproof/audit.html
succeeds "backproof audit, by its own account"
holds "... writes to the history that root began" test "$(sqlite3 "$ROOT/var/lib/backproof/history.db" 'SELECT COUNT(*) FROM run')" = 3

# The service itself, as it was installed.
if boot_chroot "$ROOT" 'exec >/srv/tried 2>&1
systemctl start backproof-audit.service
systemctl show -p Result,ExecMainStatus backproof-audit.service
stat -c "%U %n" /var/lib/backproof/history.db /var/lib/backproof/audit.html'; then
	printf '%s\n' Result=success ExecMainStatus=0 'backproof /var/lib/backproof/history.db' \
		'backproof /var/lib/backproof/audit.html' >"$W/wanted"
	if diff "$W/wanted" "$ROOT/srv/tried" >"$W/log" 2>&1; then
		ok "systemd runs the audit"
	else
		cat "$W/log" "$W/console" | not_ok "systemd runs the audit"
	fi
else
	sed 's/^/# no systemd here: /' "$W/console"
fi

# The hook and the plugin, and a package of somebody else's.
mk_deb() { # NAME VERSION
	mkdir -p "$W/made/DEBIAN" "$W/made/usr/share/$1"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: for a test\n' "$1" "$2" \
		>"$W/made/DEBIAN/control"
	echo "$2" >"$W/made/usr/share/$1/version"
	dpkg-deb -b --root-owner-group "$W/made" "$ROOT/srv/repository/$1_$2.deb" >/dev/null
	rm -rf "$W/made"
}
at_version() { # VERSION
	[ "$(cat "$ROOT/usr/share/mailer/version")" = "$1" ]
}
mk_deb mailer 1
repository_of "$ROOT"
apt update
apt install $packages mailer
succeeds "all packages, and another"
in_chroot "$ROOT" /usr/lib/nagios/plugins/check_backproof --help
holds "the plugin runs" grep -q check_backproof "$W/out"
mk_deb mailer 2
repository_of "$ROOT"
apt update
apt upgrade
holds "with the hook, and no configuration of it, nothing is upgraded" test "$code" = 100
holds "... and it says why" grep -q '^backproof: ' "$W/err" "$W/out"
holds "... it was not" at_version 1
apt install --reinstall mailer=1
succeeds "what is no upgrade is done"

# To a newer version and back: what was learnt and said stays.
newer() { # PACKAGE: as 0.1.1 into the repository
	local deb
	deb=$(echo "$DEBS/$1"_*.deb)
	dpkg-deb -R "$deb" "$W/newer" && sed -i "s/^Version: .*/Version: $version+1/; s/(= $version)/(= $version+1)/" \
		"$W/newer/DEBIAN/control" && dpkg-deb -b --root-owner-group "$W/newer" "$ROOT/srv/repository/$1_$version+1.deb" >/dev/null
	rm -rf "$W/newer"
}
for p in $packages; do newer "$p"; done
repository_of "$ROOT"
apt update
apt install $packages
succeeds "backproof itself is upgraded all the same"
in_chroot "$ROOT" dpkg-query -W -f='${Version}' backproof
holds "it is the newer one" test "$(cat "$W/out")" = "$version+1"
in_chroot "$ROOT" backproof history web01
holds "with its history" grep -q 'safe' "$W/out"
in_chroot "$ROOT" systemctl enable backproof-audit.timer
# shellcheck disable=SC2046
apt install --allow-downgrades $(for p in $packages; do echo "$p=$version"; done)
succeeds "back to $version"
holds "the timer is as it was left" test -L "$ROOT/etc/systemd/system/timers.target.wants/backproof-audit.timer"

# Without the hook apt goes on as before, also where only its configuration is left behind.
apt remove backproof-apt-hook
succeeds "the hook is removed"
holds "its configuration is left" test -e "$ROOT/etc/apt/apt.conf.d/60backproof"
apt install mailer
succeeds "then apt upgrades"
holds "... it did" at_version 2
holds "... and says nothing of it" test -z "$(grep -i backproof "$W/err")"
apt purge mailer
apt install backproof-apt-hook
succeeds "the hook is back"
apt purge backproof-apt-hook backproof-monitoring
succeeds "the hook is purged"

apt remove backproof
succeeds "apt-get remove"
holds "the program is gone" test ! -e "$ROOT/usr/bin/backproof"
holds "history and configuration are not" test -s "$ROOT/var/lib/backproof/history.db" -a -s "$ROOT/etc/backproof/backproof.conf"
echo secret >"$ROOT/var/lib/backproof/mine.key"
mkdir -p "$ROOT/etc/backproof/keys" && echo secret >"$ROOT/etc/backproof/keys/backup.key"
apt purge backproof
succeeds "apt-get purge"
holds "keys are the administrator's" test -s "$ROOT/var/lib/backproof/mine.key" -a -s "$ROOT/etc/backproof/keys/backup.key"
holds "so is the configuration" test -s "$ROOT/etc/backproof/backproof.conf"
rm -rf "$ROOT/var/lib/backproof/mine.key" "$ROOT/etc/backproof/keys" "$ROOT/etc/backproof/backproof.conf"
holds "the history is gone" rmdir "$ROOT/var/lib/backproof" "$ROOT/etc/backproof"
holds "nothing else is left" diff "$W/before" <(files)

# Nothing of an administrator's: nothing at all is left.
apt install --no-install-recommends backproof
succeeds "installed again"
holds "as the first time" diff "$W/installed" <(files)
apt install $packages
succeeds "all of them again"
apt purge $packages
succeeds "purged at once"
holds "nothing at all is left" diff "$W/before" <(files)
finish_both
