#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The nightly audit as a systemd service: installed where it belongs, shut in, and it works all the same.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
UNITS=$TOP/packaging/systemd
PATH=$PATH:/lib/systemd:/usr/lib/systemd

# Installed below a prefix, and what is in it names that prefix.
for prefix in /usr/local /opt/backproof; do
	I=$W/installed$prefix
	holds "$prefix: make install" make -C "$TOP" --no-print-directory install BUILD="$(dirname "$BACKPROOF")" \
		DESTDIR="$W/installed" PREFIX=$prefix
	holds "$prefix: the service starts what was installed" grep -q "^ExecStart=$prefix/bin/backproof audit " \
		"$I/lib/systemd/system/backproof-audit.service"
	for f in systemd/system/backproof-audit.timer sysusers.d/backproof.conf tmpfiles.d/backproof.conf; do
		holds "$prefix: lib/$f" test -s "$I/lib/$f"
	done
done
I=$W/installed/usr/local

mkdir "$W/units"
sed "s,^ExecStart=[^ ]*,ExecStart=$BACKPROOF," "$UNITS/backproof-audit.service" >"$W/units/backproof-audit.service"
cp "$UNITS/backproof-audit.timer" "$W/units"
holds "systemd-analyze verify" systemd-analyze verify --man=no "$W/units/backproof-audit.service" "$W/units/backproof-audit.timer"
holds "... has nothing to say" test ! -s "$W/holds"
level=$(systemd-analyze security --no-pager --offline=true "$UNITS/backproof-audit.service" | sed -n 's/.*xposure level for [^:]*: \([0-9.]*\).*/\1/p')
holds "systemd-analyze security: exposure $level, at most 1.5" awk -v x="${level:-9}" 'BEGIN {exit !(x > 0 && x <= 1.5)}'

# The account and the directories.
R=$W/root
mkdir -p "$R/etc" "$R/var/tmp" "$R/var/lib"
holds "systemd-sysusers" systemd-sysusers --root="$R" "$I/lib/sysusers.d/backproof.conf"
holds "an account without a shell" grep -qE '^backproof:.*:/var/lib/backproof:.*/nologin$' "$R/etc/passwd"
holds "systemd-tmpfiles" systemd-tmpfiles --root="$R" --create "$I/lib/tmpfiles.d/backproof.conf"
holds "its directory" test "$(stat -c %a "$R/var/lib/backproof")" = 750

# A backup that only root can read.
mkdir -p "$W/tree" "$W/bin" && cp "$BACKPROOF" "$W/bin/backproof"
mk_tree "$W/tree/web01" web01 "$ID" efi
mk_disk "$W/web01.img" "$W/tree/web01"
install -d -m 700 "$W/nas/web01"
zstd -q "$W/web01.img" -o "$W/nas/web01/web01.img.zst"
chmod 600 "$W/nas/web01/web01.img.zst"
config() { # the place of the backups
	printf '[repository "nas"]\npath = %s\nmatch = {host}/*.img.zst\n[policy "default"]\nmax_age = 2d\n[host "web01"]\nrepository = nas\n' "$1"
}

# The same privileges without systemd: an account that may read everything and write nothing but what is its own.
if [ "$(id -u)" = 0 ]; then
	install -d -o 64990 -m 700 "$W/state" "$W/scratch.own"
	config "$W/nas" >"$W/c.conf"
	shut() { # CAPABILITIES ARGUMENTS...
		local caps=$1
		shift
		ran="setpriv ($caps) backproof $*"
		setpriv --reuid 64990 --regid 64990 --clear-groups --no-new-privs --inh-caps="$caps" --ambient-caps="$caps" \
			--bounding-set="$caps" "$W/bin/backproof" "$@" >"$W/out" 2>"$W/err" </dev/null
		code=$?
	}
	for caps in -all,+dac_read_search -all; do
		shut "$caps" audit --config "$W/c.conf" --scratch "$W/scratch.own" --history "$W/state/history.db" --format html \
			--output "$W/state/audit.html"
		want=$([ "$caps" = -all ] && echo 20 || echo 0)
		if [ "$code" = "$want" ]; then ok "audit with $caps: $want"; else why "$want" | not_ok "audit with $caps: $want"; fi
	done
	holds "it wrote its report" grep -q web01 "$W/state/audit.html"
	holds "and its history" test "$(sqlite3 "$W/state/history.db" 'SELECT COUNT(*) FROM run' 2>&1)" = 2
	holds "scratch is empty" test -z "$(ls -A "$W/scratch.own")"
fi

# The unit itself under a systemd of its own: in namespaces, where / is seen through copies in memory.
cat >"$W/boot" <<'END'
set -e
W=$1
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/systemd/system/backproof-audit.service.d /run/etc
cp -a /etc/. /run/etc/ 2>/dev/null || :
mount --bind /run/etc /etc
for d in /var/lib /var/tmp /srv /usr/local; do mount -t tmpfs -o mode=755 tmpfs $d; done
chmod 1777 /var/tmp
cp -a "$W/installed/usr/local/." /usr/local/
cp -a "$W/nas" /srv/backup
chmod 755 /srv/backup && chown -R 0:0 /srv/backup
mkdir -p /etc/backproof && cp "$W/srv.conf" /etc/backproof/backproof.conf
systemd-sysusers /usr/local/lib/sysusers.d/backproof.conf
umount /sys/fs/cgroup/* 2>/dev/null || :
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /run/systemd/system
printf '[Unit]\nDefaultDependencies=no\nRequires=try.service\n' >try.target
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/bash %s/try %s\n' "$W" "$W" >try.service
printf '[Unit]\nDefaultDependencies=no\nAfter=\nRequiresMountsFor=\n[Service]\nStandardOutput=file:/run/log\nStandardError=file:/run/log\n' \
	>backproof-audit.service.d/try.conf
cp /usr/local/lib/systemd/system/backproof-audit.service probe.service
mkdir probe.service.d && cp backproof-audit.service.d/try.conf probe.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/bash %s/probe\nStandardOutput=file:/run/probe\n' /srv >probe.service.d/zz.conf
cp "$W/probe" /srv/probe
cp /usr/local/lib/systemd/system/backproof-audit.service json.service
sed -i '/^ExecStart=/s/html/json/g' json.service
mkdir json.service.d && cp backproof-audit.service.d/try.conf json.service.d
exec env -i container=other PATH="$PATH" /lib/systemd/systemd --system --unit=try.target --log-target=console --show-status=0
END
cat >"$W/probe" <<'END'
grep -E '^(CapEff|Seccomp|NoNewPrivs):' /proc/self/status
for f in /etc/x /srv/x /var/lib/x /usr/local/x /var/lib/backproof/x /var/tmp/x; do
	if echo 2>/dev/null >$f; then echo "wrote $f"; fi
done
cat /srv/backup/web01/web01.img.zst >/dev/null && echo "read the backup"
(exec 3<>/dev/tcp/127.0.0.1/9) 2>&1 | grep -o 'Address family not supported'
END
cat >"$W/try" <<'END'
W=$1
for round in first json damaged probe; do
	unit=backproof-audit
	case $round in json | probe) unit=$round ;; esac
	[ $round != damaged ] || printf x | dd of=/srv/backup/web01/web01.img.zst bs=1 seek=300000 conv=notrunc
	systemctl start $unit.service
	systemctl show -p Result,ExecMainStatus $unit.service
	cat /run/log
	cp /var/lib/backproof/audit.* "$W"
	[ $round != first ] || cp "$W/audit.html" "$W/first.html"
done >"$W/try.out" 2>&1
ls -lA /var/lib/backproof >"$W/state.ls"
ls -A /var/tmp >"$W/left"
cp /run/probe "$W/probed"
systemctl exit --force 0
END
config /srv/backup >"$W/srv.conf"
group=/sys/fs/cgroup/unified
[ -d $group ] || group=/sys/fs/cgroup
group=$group/backproof-test-$$
if [ "$(id -u)" = 0 ] && mkdir "$group" 2>/dev/null && [ -w "$group/cgroup.procs" ]; then
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$1/cgroup.procs" && exec timeout -k 2 60 unshare --pid --fork --kill-child --mount --cgroup --ipc --uts --net \
		--mount-proc bash "$2/boot" "$2"' - "$group" "$W" >"$W/console" 2>&1 </dev/null
	find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
fi
if [ -s "$W/try.out" ]; then
	results=$(grep -E '^(Result|ExecMainStatus)=' "$W/try.out" | tr '\n' ' ')
	if [ "$results" = "Result=success ExecMainStatus=0 Result=success ExecMainStatus=0 Result=exit-code ExecMainStatus=12 Result=success ExecMainStatus=0 " ]; then
		ok "systemd: the service says safe, then fails for damage"
	else
		cat "$W/try.out" "$W/console" | not_ok "systemd: the service says safe, then fails for damage"
	fi
	holds "systemd: its report" grep -q 'is safe to patch' "$W/first.html"
	# Its readers confine themselves there as they do elsewhere.
	run check web01 --from "$W/nas/web01" --config "$W/empty.conf" --scratch "$S" --format json
	kept='del(.account)'
	holds "systemd: its readers are confined" test "$(jq -c ".hosts[0].confinement | $kept" "$W/audit.json")" = \
		"$(jq -c ".confinement | $kept" "$W/out")" -a "$(jq -c '.hosts[0].confinement.seccomp' "$W/audit.json")" = true
	holds "systemd: its history" grep -qE 'backproof +backproof .*history.db' "$W/state.ls"
	holds "systemd: no scratch is left" test ! -s "$W/left"
	cat >"$W/probe.want" <<-END
		NoNewPrivs:	1
		CapEff:	0000000000000004
		Seccomp:	2
		wrote /var/lib/backproof/x
		wrote /var/tmp/x
		read the backup
		Address family not supported
	END
	holds "systemd: it can read all, and write nowhere else" diff <(sort -u "$W/probed") <(sort "$W/probe.want")
else
	# No systemd can be started here; the rest stands.
	sed 's/^/# /' "$W/console" 2>/dev/null | tail -n 3
fi
finish
