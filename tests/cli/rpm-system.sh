#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A system of RPM packages: its database is rpm's own, of whatever kind, and vouches for what was installed.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
fixtures_needs rpmbuild rpm rpm2cpio cpio || exit 1
T=$W/tree DB=$W/tree/usr/lib/sysimage/rpm
export HOME=$W/home
mkdir "$HOME"
mk_tree "$T" web01 "$ID" efi
rm -r "$T/var/lib/dpkg"

# A package of what the tree has in /usr, and some files more.
mkdir "$W/root" && cp -a "$T/usr" "$W/root/usr"
mkdir -p "$W/root/etc" "$W/root/usr/share/doc/tools"
for i in $(seq 1 60); do noise "$i" 3000 >"$W/root/usr/bin/tool$i"; done
noise 61 3000 >"$W/root/usr/bin/written"
echo a=1 >"$W/root/etc/tools.conf"
echo words >"$W/root/usr/share/doc/tools/readme"
ln -s tool1 "$W/root/usr/bin/link"
{
	cat <<-'SPEC'
		Name: tools
		Version: 1
		Release: 1
		Summary: what is installed
		License: none
		%define __os_install_post %{nil}
		%description
		x
		%files
		%config /etc/tools.conf
		%doc /usr/share/doc/tools/readme
		%ghost /usr/bin/later
		%verify(not md5) /usr/bin/written
	SPEC
	(cd "$W/root" && find usr ! -type d ! -name written ! -name readme -printf '"/%p"\n')
	for i in $(seq 1 60); do printf '%%package part%d\nSummary: one\n%%description part%d\nx\n%%files part%d\n' "$i" "$i" "$i"; done
} >"$W/tools.spec"
install -D /dev/null "$W/root/usr/bin/later"
sed -i '/"\/usr\/bin\/later"/d' "$W/tools.spec"
holds "rpmbuild" rpmbuild -bb --quiet --define "_topdir $W/rpm" --buildroot "$W/root" \
	--define "__spec_install_pre %{nil}" "$W/tools.spec"
mapfile -t packages < <(find "$W/rpm" -name '*.rpm')
package=$(find "$W/rpm" -name 'tools-1-*.rpm')
mkdir -p "$DB"
holds "rpm's database" rpm --dbpath "$DB" --nodeps --justdb -i "${packages[@]}"
(cd "$T" && rpm2cpio "$package" | cpio -idmu --quiet)
chmod -R u+rwX "$T"
disk() { mk_disk "$W/web01.img" "$T"; }
says() { # NAME CHECK OUTCOME TEXT: the last run has such a finding
	holds "$1" jq -e --arg c "$2" --arg o "$3" --arg t "$4" \
		'any(.findings[]; .check == $c and .outcome == $o and (.detail // "" | contains($t)))' "$W/out"
}

judged() { # KIND: sound, and with one bit of a program flipped; keep.img is the sound one
	disk
	expect 0 "$1: a raw image, nothing beside it" web01 --from "$W/web01.img"
	says "$1: packages vouch for it" package.digest held "as their packages installed them (rpm)"
	says "$1: how well" integrity.evidence held "evidence: witness"
	cp "$W/web01.img" "$W/keep.img"
	flip "$W/web01.img" "$(file_offset "$W/web01.img" usr/bin/tool7 1000)"
	expect 12 "$1: one bit of a program" web01 --from "$W/web01.img"
	says "$1: which one" package.digest broken "not what its package installed (rpm)"
}

judged sqlite
zstd -q --rm -f "$W/web01.img" -o "$W/web01.img.zst"
expect 12 "the same, compressed after it was damaged" web01 --from "$W/web01.img.zst"
rm "$W/web01.img.zst"
for path in usr/bin/written etc/tools.conf; do
	cp "$W/keep.img" "$W/web01.img"
	flip "$W/web01.img" "$(file_offset "$W/web01.img" $path)"
	expect 0 "$path: rpm says nothing of it" web01 --from "$W/web01.img"
done

# What an administrator does: writes over one, and does without documents.
noise 99 3000 >"$T/usr/bin/tool9"
rm -r "$T/usr/share/doc/tools"
disk
expect 0 "a program that was written since" web01 --from "$W/web01.img"
says "it was changed" package.changed skipped "1 files were changed"
mkdir "$W/away" && mv "$T"/usr/bin/tool* "$W/away"
disk
expect 13 "half of its files are gone" web01 --from "$W/web01.img"
says "how many" package.missing broken "that its packages installed are not there"
mv "$W/away"/* "$T/usr/bin"

# As RHEL 8 and SUSE keep it. sqlite3 gives the headers; Berkeley DB is what wrote such a database ever since.
mkdir "$W/headers"
sqlite3 "$DB/rpmdb.sqlite" "SELECT writefile('$W/headers/' || hnum, blob) FROM Packages" >/dev/null
berkeley() { # DIRECTORY
	perl -MDB_File -e '
		my ($file, @headers) = @ARGV;
		$DB_HASH->{bsize} = 4096;
		tie my %db, "DB_File", $file, O_RDWR | O_CREAT, 0644, $DB_HASH or die "$file: $!";
		local $/;
		for (@headers) {
			open my $f, "<", $_ or die "$_: $!";
			$db{pack "V", m{(\d+)$}} = <$f>;
		}
		$db{pack "V", 0} = pack "V", scalar @headers;
	' "$1/Packages" "$W"/headers/*
}
own() { # DIRECTORY: as rpm_ndb.c describes it
	python3 - "$1/Packages.db" "$W"/headers/* <<-'PY'
		import struct, sys, zlib
		headers = [open(name, "rb").read() for name in sys.argv[2:]]
		slots, blobs, at = b"", b"", 256
		for i, h in enumerate(headers, 1):
		    blob = b"BlbS" + struct.pack("<III", i, 1767323045, len(h)) + h
		    blob += b"\0" * (-(len(blob) + 12) % 16)
		    blob += struct.pack("<II", zlib.adler32(blob), len(h)) + b"BlbE"
		    slots += b"Slot" + struct.pack("<III", i, at, len(blob) // 16)
		    at += len(blob) // 16
		    blobs += blob
		slots += (b"Slot" + b"\0" * 12) * (254 - len(headers))
		head = b"RpmP" + struct.pack("<IIIIII", 0, 1, 1, len(headers) + 1, 0, 0)
		open(sys.argv[1], "wb").write(head + b"\0" * (32 - len(head)) + slots + blobs)
	PY
}
for kind in berkeley own; do
	rm -rf "$DB" "$T/var/lib/rpm"
	mkdir -p "$T/var/lib/rpm"
	$kind "$T/var/lib/rpm"
	file=$(find "$T/var/lib/rpm" -name 'Packages*')
	[ $kind = own ] || holds "rpm itself reads it" test \
		"$(rpm --define '_db_backend bdb_ro' --dbpath "$T/var/lib/rpm" -qa 2>/dev/null | wc -l)" = ${#packages[@]}
	judged $kind
	if [ $kind = own ]; then
		cp "$W/keep.img" "$W/web01.img"
		flip "$W/web01.img" "$(file_offset "$W/web01.img" "var/lib/rpm/$(basename "$file")" 9000)"
		expect 12 "$kind: one bit of the database" web01 --from "$W/web01.img"
	fi
	truncate -s 9000 "$file"
	disk
	expect 12 "$kind: a database that is cut" web01 --from "$W/web01.img"
done
rm -r "$T/var/lib/rpm"
mkdir -p "$DB"
rpm --dbpath "$DB" --nodeps --justdb -i "${packages[@]}"

# The database in the other place, and where it is no database.
mkdir -p "$T/var/lib" && mv "$DB" "$T/var/lib/rpm"
disk
expect 0 "in /var/lib/rpm" web01 --from "$W/web01.img"
truncate -s 9000 "$T/var/lib/rpm/rpmdb.sqlite"
disk
expect 12 "a database that is cut" web01 --from "$W/web01.img"
echo log >"$T/var/lib/rpm/rpmdb.sqlite-wal"
disk
expect 20 "half of a database, in the middle of an installation" web01 --from "$W/web01.img"
rm -r "$T/var/lib/rpm"
disk
expect 20 "no database that is known here" web01 --from "$W/web01.img"
finish
