#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The RPM packages: made by rpmbuild from what is built, and looked through; what they would install is what make install has.
# shellcheck source=tests/cli/lib.sh disable=SC2086
. "$(dirname "$0")/lib.sh"
cd "$TOP" || exit 1
spec=packaging/rpm/backproof.spec
version=$(sed -n 's/^Version: *//p' $spec)
holds "the version is the program's" test "$("$BACKPROOF" --version | head -n 1)" = "backproof $version"

mkdir -p "$W/in/backproof-$version" "$W/home"
cp -a Makefile README.md LICENSE src include man packaging "$W/in/backproof-$version"
tar -C "$W/in" -czf "$W/in/backproof-$version.tar.gz" "backproof-$version"
# Debian's packages are not in rpm's database, so it can't know them (--nodeps).
holds "rpmbuild" env HOME="$W/home" rpmbuild -bb --nodeps --quiet --define "_topdir $W/rpm" --define "_sourcedir $W/in" \
	--define "_built $(dirname "$BACKPROOF")" --define "_dbpath $W/db" --define "_build_id_links none" $spec
mapfile -t rpms < <(find "$W/rpm/RPMS" -name '*.rpm' | sort)
name_of() { basename "$1" | sed "s/-$version-.*//"; }
holds "all packages" diff <(sed -n 's/^Name: *//p; s/^%package /backproof-/p' $spec | sort) \
	<(for r in "${rpms[@]}"; do name_of "$r"; done | sort)
ask() { env HOME="$W/home" rpm --dbpath "$W/db" -qp "$@" 2>/dev/null; }

declare -A part=([backproof]="core ansible ssh")
for r in "${rpms[@]}"; do
	p=$(name_of "$r")
	holds "$p: its files are those of the list" diff \
		<(PREFIX=/usr packaging/install --list ${part[$p]-${p#backproof-}} | sort) \
		<(ask -q --qf '[%{FILEMODES:octal} %{FILENAMES}\n]' "$r" | sed -n 's/^10*//p' |
			sed -E 's,(/man/.*)\.gz$,\1,' | grep -vE '/(doc|licenses)/backproof[-.0-9]*/(README.md|LICENSE)$' | sort)
	holds "$p: all is root's" test "$(ask --qf '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$r" | sort -u)" = "root root"
	ask --qf '[%{FILENAMES}\n]' "$r" | grep '^/etc/.*\.' >"$W/etc"
	holds "$p: what is in /etc stays as it was changed" diff <(grep -v '\.d$' "$W/etc") <(ask -c "$r" | grep /etc/)
done
main=$(printf '%s\n' "${rpms[@]}" | grep "/backproof-$version")
holds "it asks for its libraries" grep -q '^libarchive\.so' <(ask -R "$main")
ask --scripts "$main" >"$W/scripts"
holds "it makes its account and enables nothing" bash -c 'grep -q systemd-sysusers "$1" && ! grep -q "systemctl.* enable" "$1"' - "$W/scripts"
mkdir "$W/root"
(cd "$W/root" && rpm2archive - <"$main" | tar -xz)
holds "the program in it runs" grep -q "^backproof $version" <("$W/root/usr/bin/backproof" --version)
holds "the spec says where it was not tried" grep -q 'NOT tried on' $spec
finish
