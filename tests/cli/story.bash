# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# What the stories share: a system with our packages to install in $ROOT, a service whose newer versions come in packages,
# and a backup made now. A script sources it after chroot.bash; where there can be no such system, it ends here.
#   mailer_deb VERSION STATUS DIR   the service; `mailer status` of that version ends with STATUS
#   mk_backup_now                   $ROOT gets what on_missing and on_stale can start
cd "$TOP" || exit 1
if ! debs_built >"$W/log" 2>&1; then
	not_ok "the packages are built" <"$W/log"
	finish
fi
if [ "$(id -u)" != 0 ]; then
	skip "a system of its own needs root"
	finish
fi
ROOT=$W/debian
if ! chroot_made "$ROOT" >"$W/log" 2>&1; then
	tail -n 3 "$W/log"
	skip "a small Debian system (neither cached nor to be fetched)"
	finish
fi
gives() { # CODE NAME: of the last run
	if [ "$code" = "$1" ]; then ok "$2"; else why "$1" | not_ok "$2"; fi
}
says() { # NAME PATTERN...: the last run, on its standard output or error
	local name=$1 pattern
	shift
	for pattern in "$@"; do
		if ! grep -qE -e "$pattern" "$W/out" "$W/err"; then
			{ echo "nothing said: $pattern" && why "that"; } | not_ok "$name"
			return
		fi
	done
	ok "$name"
}

mailer_deb() {
	local d=$W/mailer
	mkdir -p "$d/DEBIAN" "$d/usr/bin"
	printf 'Package: mailer\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: a service\n' "$1" \
		>"$d/DEBIAN/control"
	printf '#!/bin/sh\n[ "${1-}" = status ] || exec echo %s\nexit %s\n' "$1" "$2" >"$d/usr/bin/mailer"
	chmod 755 "$d/usr/bin/mailer"
	dpkg-deb -b --root-owner-group "$d" "$3/mailer_$1.deb" >/dev/null
	rm -rf "$d"
}

mk_backup_now() {
	cat >"$ROOT/usr/local/sbin/backup-now" <<'END'
#!/bin/sh
# Copies the disk of host $1 beside a digest of it, as a backup of an image does.
set -e
to=/srv/backup/$1/$1-$(date -u +%Y%m%dT%H%M%SZ).img
cp --sparse=always /dev.$1/disk "$to.part"
mv "$to.part" "$to"
cd "${to%/*}" && sha256sum "${to##*/}" >"$to.sha256"
echo "backup-now: $to"
END
	chmod 755 "$ROOT/usr/local/sbin/backup-now"
}
