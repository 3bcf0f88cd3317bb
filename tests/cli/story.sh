#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A host and its patches, from the first day: the packages installed in a small Debian system, an upgrade refused because the
# backup is stale, a waiver used, ended and audited, a backup made by on_stale, upgrades by `backproof run` and through the
# hook for apt, a service that does not come back, and the way back from it.
# shellcheck source=tests/cli/lib.sh disable=SC2086
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/chroot.bash
. "$(dirname "$0")/chroot.bash"
# shellcheck source=tests/cli/story.bash
. "$(dirname "$0")/story.bash"
backproof() { in_chroot "$ROOT" backproof "$@"; }

# The host: its disk, and a service whose newer versions come in packages.
mk_tree "$W/tree" web01 "$ID" efi
mk_disk "$W/disk.img" "$W/tree"
mk_disk "$W/old.img" "$W/tree" --age 400000
echo "$ID" >"$ROOT/etc/machine-id"
echo web01 >"$ROOT/etc/hostname"
mkdir -p "$ROOT/dev.web01" "$ROOT/srv/backup/web01"
cp --sparse=always "$W/disk.img" "$ROOT/dev.web01/disk"
mk_mailer() { # VERSION STATUS
	mailer_deb "$1" "$2" "$ROOT/srv/repository"
	repository_of "$ROOT"
	apt update
}
mailer_is() { # VERSION NAME
	in_chroot "$ROOT" mailer
	if [ "$code" = 0 ] && [ "$(cat "$W/out")" = "$1" ]; then ok "$2"; else why "0, and $1" | not_ok "$2"; fi
}

# The first day: installed, and told where the backups are.
mk_mailer 1 0
apt install backproof backproof-apt-hook backproof-monitoring mailer
gives 0 "the packages are installed"
mk_backup_now
configure() { # more lines of the policy
	{
		printf '[repository "nas"]\npath = /srv/backup\nmatch = {host}/*.img\n'
		printf '[policy "default"]\nmax_age = 24h\nwaivers = recorded\nmax_waiver = 4h\n'
		printf '%s\n' "$@"
		printf '[host "web01"]\nrepository = nas\ngroup = web\n[group "web"]\nmax_parallel_patching = 1\n'
		printf '[hook "apt"]\nmax_verdict_age = 4h\n'
	} >"$ROOT/etc/backproof/backproof.conf"
}
configure
backproof config check
gives 0 "it is configured"
old=/srv/backup/web01/web01-old.img
cp --sparse=always "$W/old.img" "$ROOT$old"
(cd "$ROOT/srv/backup/web01" && sha256sum web01-old.img >web01-old.img.sha256)
touch -d '4 days ago' "$ROOT$old" "$ROOT$old.sha256"

# A patch is out, and the newest backup is four days old.
mk_mailer 2 0
apt upgrade
gives 100 "apt-get upgrade: refused, nobody has looked at a backup"
says "... and it says what to do" '^backproof: ' 'backproof check web01|backproof run'
backproof check web01
gives 11 "backproof check: stale"
apt upgrade
gives 100 "apt-get upgrade: refused, the backup is stale"
says "... and why" 'stale|old'
backproof run web01 --post 'mailer status' -- apt-get -y -q upgrade
gives 11 "backproof run: refused, with the gate's own code"
says "... and says that nothing was run" '^backproof: not run: apt-get'
mailer_is 1 "it was not upgraded"

# It can't wait: somebody takes it on themselves, for an hour.
backproof waive web01 --reason "the backup server is down" --ticket CHG-7 --for 5h
gives 64 "a waiver of five hours: longer than the policy allows"
backproof waive web01 --reason "the backup server is down" --ticket CHG-7 --for 1h
gives 0 "a waiver"
backproof check web01 --format json
gives 0 "backproof check: waived"
holds "... and never safe" jq -e '.verdict == "waived" and .waiver.ticket == "CHG-7" and .waiver.reason == "the backup server is down"' \
	"$W/out"
apt upgrade
gives 0 "apt-get upgrade: let through"
says "... which is not passed over in silence" '[Ww]aive|WAIVED'
mailer_is 2 "it was upgraded"
backproof audit
says "the audit shows the waiver" 'CHG-7' 'WAIVED|waived'
gives 0 "... and goes by it"
in_chroot "$ROOT" /usr/lib/nagios/plugins/check_backproof -H web01
gives 1 "monitoring is warned"
later=$(date -u -d '+2 hours' +%FT%TZ)
backproof check web01 --now "$later"
gives 11 "when it has ended: stale again"
backproof audit --now "$later" --format json
holds "... by the audit too" jq -e '[.. | .verdict? // empty] | index("waived") == null' "$W/out"
backproof waive web01 --end
gives 0 "it is ended"
backproof waive --list
holds "none is in force" bash -c '! grep -q CHG-7 "$1"' - "$W/out"
backproof history web01
says "it is in the history for good" 'waived'
mk_mailer 3 0
apt upgrade
gives 100 "apt-get upgrade: refused again"

# Back up now, then patch. The check after it looks at the service.
configure 'on_stale = /usr/local/sbin/backup-now {host}' 'on_missing = /usr/local/sbin/backup-now {host}' 'backup_time_limit = 2m'
backproof run web01 --post 'mailer status' --format json --output /tmp/run.json -- apt-get -y -q upgrade
gives 0 "backproof run: a backup made by on_stale, then the upgrade, through the hook"
says "... the backup was made now" 'backup-now: /srv/backup/web01/web01-20.*img'
mailer_is 3 "it was upgraded"
holds "its report is of a patch, a safe backup and a service that runs" jq -e '.verdict == "safe" and .patch.result.state == "exited" and
	.patch.result.status == 0 and .patch.post == "mailer status" and .patch.post_result.status == 0' "$ROOT/tmp/run.json"
in_chroot "$ROOT" /usr/lib/nagios/plugins/check_backproof -H web01
gives 0 "monitoring is content"
first=$(basename "$(find "$ROOT/srv/backup/web01" -name 'web01-20*.img')")

# What was proved a moment ago is good for the next one.
mk_mailer 4 0
apt upgrade
gives 0 "apt-get upgrade: let through by what the history knows"
holds "... in silence" bash -c '! grep -q backproof "$1" "$2"' - "$W/out" "$W/err"
mailer_is 4 "it was upgraded"

# There is none at all: made, and marked. (The same bytes as before would be an old backup under a new name.)
echo "a day later" >"$W/tree/var/log/day"
mk_disk "$W/disk.img" "$W/tree"
cp --sparse=always "$W/disk.img" "$ROOT/dev.web01/disk"
rm -r "$ROOT/srv/backup/web01"
mkdir "$ROOT/srv/backup/web01"
mk_mailer 5 3
apt upgrade
gives 100 "apt-get upgrade: refused, the backup is gone"
backproof run web01 --suspect "seen: a login from abroad" --post 'mailer status' -- apt-get -y -q upgrade
gives 3 "backproof run: a backup made by on_missing, the upgrade, and a service that does not come back"
says "... with the way back" 'backproof rollback web01'
mailer_is 5 "it was upgraded"
second=$(basename "$(find "$ROOT/srv/backup/web01" -name 'web01-20*.img')")

backproof history --patches web01
gives 0 "which backup stood behind which patch"
says "... both of them" "$first" "$second" 'apt-get -y -q upgrade'
backproof rollback web01
gives 0 "the way back from the last one"
says "... names the file, and warns of it" "/srv/backup/web01/$second" 'SUSPECT' 'a login from'
sed -nE 's/^ {5,}(printf |backproof check )/\1/p' "$W/out" >"$ROOT/tmp/steps"
sed -nE 's/^ {5,}dd if=([^ ]*) .*/\1/p' "$W/out" >"$W/restored"
holds "... with steps to prove it again, and to restore" test "$(wc -l <"$ROOT/tmp/steps") $(cat "$W/restored")" = \
	"2 /srv/backup/web01/$second"
in_chroot "$ROOT" bash -e /tmp/steps
gives 0 "... which are right as they stand"
holds "the disk, restored so, is what was backed up" cmp "$W/disk.img" "$ROOT$(cat "$W/restored")"
holds "nothing was restored without being asked" cmp "$W/disk.img" "$ROOT/dev.web01/disk"
backproof history --patches web01 --format json
holds "in JSON" jq -se 'flatten | map(.. | objects | select(has("command"))) | length == 2' "$W/out"
holds "no lease is left" test "$(sqlite3 "$ROOT/var/lib/backproof/history.db" 'SELECT COUNT(*) FROM lease')" = 0

# Without the hook apt is as it was.
apt remove backproof-apt-hook
mk_mailer 6 0
rm -r "$ROOT/srv/backup/web01"
apt upgrade
gives 0 "the hook removed: apt-get upgrades by itself"
mailer_is 6 "it was upgraded"
finish
