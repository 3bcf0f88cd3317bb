#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `make install`: every file of the list where it belongs and nothing else, by an ordinary user too, and taken away again.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/lib/systemd:/usr/lib/systemd
BUILT=$(dirname "$BACKPROOF")
cd "$TOP" || exit 1
mapfile -t parts < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' packaging/files | sort -u)
install_to() { # DESTDIR PREFIX [make's arguments]: what is built is not built again
	local to=$1 prefix=$2
	shift 2
	make --no-print-directory -o all BUILD="$BUILT" DESTDIR="$to" PREFIX="$prefix" PARTS="${parts[*]}" "$@"
}
listed() { # PREFIX: "mode path" of all that should be there
	BUILD=$BUILT PREFIX=$1 packaging/install --list "${parts[@]}" | sort
}
found() { find "$1" -type f -printf '%m /%P\n' | sort; }

for prefix in /usr /usr/local "/opt/b&p,1"; do
	D=$W/to$prefix.d
	holds "$prefix: make install" install_to "$D" "$prefix" install
	holds "$prefix: what was listed, and its modes" diff <(listed "$prefix") <(found "$D")
	holds "$prefix: directories are for everybody to enter" test -z "$(find "$D" -type d ! -perm 755)"
	if [ "$prefix" != /usr/local ]; then
		grep -rIlE '/usr/local/(s?bin|lib)/' "$D" | grep -v "/man/" >"$W/elsewhere"
		holds "$prefix: nothing names /usr/local" test ! -s "$W/elsewhere"
	fi
	holds "$prefix: the service starts what was installed" grep -qF "ExecStart=$prefix/bin/backproof " \
		"$D$prefix/lib/systemd/system/backproof-audit.service"
	holds "$prefix: again, over itself" install_to "$D" "$prefix" install
	holds "$prefix: still the same" diff <(listed "$prefix") <(found "$D")
	if [ "$prefix" = /usr ]; then
		mkdir -p "$W/keep" && cp -a "$D" "$W/keep/root"
	fi
	echo mine >"$D$prefix/share/mine"
	holds "$prefix: make uninstall" install_to "$D" "$prefix" uninstall
	holds "$prefix: what is not ours stays" test "$(found "$D")" = "644 $prefix/share/mine"
	holds "$prefix: no directory of ours is left" test -z "$(find "$D" -name 'backproof*')"
	holds "$prefix: uninstalled twice" install_to "$D" "$prefix" uninstall
done

# Whoever writes a manual page, a schema or a unit has to put it on the list.
for f in man/*.[1-9] packaging/schema/*.json packaging/systemd/* packaging/examples/* packaging/monitoring/* packaging/hooks/{apt,systemd,unattended-upgrades}/*; do
	holds "$f is on the list" grep -qE "^[a-z][^ ]* +[0-7]+@? +$f " packaging/files
done
holds "what is on the list is there" test -z "$(sed '/^#/d' packaging/files | awk '$3 !~ "^BUILD/" {print $3}' |
	while read -r f; do [ -s "$f" ] || echo "$f"; done)"
# A program or script is one that can be started, and shell scripts are sound.
while read -r mode path; do
	f=$W/keep/root$path
	if [ "$(head -c 2 "$f")" = '#!' ]; then
		holds "$path can be started" test "$mode" = 755
		case $(head -n 1 "$f") in
		*/sh | *bash*) holds "$path: shellcheck" shellcheck -x "$f" ;;
		esac
	fi
done < <(listed /usr)

holds "no such part: refused" bash -c '! PARTS=bogus packaging/install bogus 2>/dev/null'
holds "a relative PREFIX: refused" bash -c '! PREFIX=usr DESTDIR=$1 packaging/install core 2>/dev/null' - "$W/rel"

# The installed program works, and finds what the list says of it.
R=$W/keep/root
BACKPROOF=$R/usr/bin/backproof
run --version
holds "the installed program" grep -q '^backproof ' "$W/out"
run config check --config "$R/usr/share/doc/backproof/examples/backproof.conf"
holds "the example is a configuration" test "$code" = 0
for page in "$R"/usr/share/man/man*/*; do
	holds "man: ${page##*/}" test -z "$(mandoc -T lint -W warning "$page" 2>&1)"
done

# Units as they are installed; what they start is where they say.
if mkdir -p "$R/etc" "$R/var" && holds "systemd-sysusers" systemd-sysusers --root="$R" "$R/usr/lib/sysusers.d/backproof.conf"; then
	holds "systemd-tmpfiles" systemd-tmpfiles --root="$R" --create "$R/usr/lib/tmpfiles.d/backproof.conf"
fi
for unit in "$R"/usr/lib/systemd/system/*.service; do
	program=$(sed -n 's/^ExecStart=[-@:+!]*\([^ ]*\).*/\1/p' "$unit" | head -n 1)
	case $program in
	/bin/sh) ;; # the system's
	*) holds "${unit##*/}: $program is there" test -x "$R$program" ;;
	esac
done
mkdir "$W/units"
for unit in "$R"/usr/lib/systemd/system/*; do
	[ -f "$unit" ] || continue
	sed "s,=\([-@:+!]*\)/usr/\(bin\|lib\)/backproof,=\1$R/usr/\2/backproof," "$unit" >"$W/units/${unit##*/}"
done
holds "systemd-analyze verify" systemd-analyze verify --man=no "$W"/units/*
holds "... has nothing to say" test ! -s "$W/holds"

# As an ordinary user, from a build that root made and that is not to be touched.
if [ "$(id -u)" = 0 ] && setpriv --reuid 64990 --regid 64990 --clear-groups test -x "$TOP/packaging/install"; then
	install -d -o 64990 -m 700 "$W/own"
	holds "an ordinary user stages it" setpriv --reuid 64990 --regid 64990 --clear-groups env BUILD="$BUILT" DESTDIR="$W/own" \
		PREFIX=/usr packaging/install "${parts[@]}"
	holds "... and all of it" diff <(listed /usr) <(found "$W/own")
fi
finish
