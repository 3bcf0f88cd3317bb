#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The same story through Ansible: a backup server with the packages installed, three hosts that are systems of their own, and
# plays with the role that is in the package: a host whose backup is stale is not patched, and the wave goes on; a waiver is
# used, and ends; backups are made now; a service does not come back, and the way back is printed.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/chroot.bash
. "$(dirname "$0")/chroot.bash"
# shellcheck source=tests/cli/story.bash
. "$(dirname "$0")/story.bash"
export CHROOT_NAME=backup01
backproof() { in_chroot "$ROOT" backproof "$@"; }

# The hosts. The backup server gets at them by a program that stands for ssh; whoever runs Ansible goes through it.
for i in 1 2 3; do
	host=web0$i
	mkdir -p "$ROOT/dev.$host" "$ROOT/srv/backup/$host" "$ROOT/srv/hosts/$host"
	mk_tree "$W/$host" $host "$i${ID#?}" efi
	mk_disk "$ROOT/dev.$host/disk" "$W/$host"
done
tar -C "$ROOT" --exclude ./srv --exclude './dev*' -c . >"$W/system.tar"
for host in web01 web02 web03; do
	mkdir "$ROOT/srv/hosts/$host"/{dev,srv}
	tar -C "$ROOT/srv/hosts/$host" -xpf "$W/system.tar"
	mkdir "$ROOT/srv/hosts/$host/srv/repository"
done
rm "$W/system.tar"
cp tests/cli/chroot-enter "$ROOT/usr/local/sbin/"
cat >"$ROOT/usr/local/bin/ssh" <<'END'
#!/bin/sh
# [OPTIONS] HOST COMMAND
while [ $# -gt 2 ]; do shift; done
CHROOT_NAME=$1 exec unshare --mount --pid --fork --kill-child --uts /usr/local/sbin/chroot-enter run "/srv/hosts/$1" sh -c "$2"
END
chmod 755 "$ROOT/usr/local/bin/ssh"
mkdir "$W/on-backup01" "$W/home"
cat >"$W/on-backup01/ssh" <<END
#!/bin/sh
exec unshare --mount --pid --fork --kill-child --net --uts '$TOP/tests/cli/chroot-enter' run '$ROOT' "\${0##*/}" "\$@"
END
chmod 755 "$W/on-backup01/ssh"
ln -s ssh "$W/on-backup01/backproof"
release_mailer() { # VERSION STATUS: there is a new one for all hosts
	local host
	mailer_deb "$1" "$2" "$ROOT/srv/hosts/web01/srv/repository"
	repository_of "$ROOT/srv/hosts/web01"
	for host in web02 web03; do
		cp "$ROOT/srv/hosts/web01/srv/repository"/* "$ROOT/srv/hosts/$host/srv/repository/"
	done
}
mailers_are() { # "VERSION VERSION VERSION" NAME
	local is
	is=$(for host in web01 web02 web03; do sed -n 's/.*exec echo //p' "$ROOT/srv/hosts/$host/usr/bin/mailer"; done | xargs)
	holds "$2" test "$is" = "$1"
}
release_mailer 1 0
for host in web01 web02 web03; do
	in_chroot "$ROOT" ssh $host 'apt-get -q update && apt-get -y -q install mailer'
	gives 0 "$host is there, with its service"
done

# The backup server, and what it has: of web01 something old, of web02 something new, of web03 nothing.
apt update
apt install backproof
gives 0 "the package is installed on the backup server"
mk_backup_now
configure() { # more lines of the policy
	{
		printf '[repository "nas"]\npath = /srv/backup\nmatch = {host}/*.img\n'
		printf '[policy "default"]\nmax_age = 24h\nwaivers = recorded\nmax_waiver = 4h\n'
		printf '%s\n' "$@"
		printf '[host "web0%d"]\nrepository = nas\ngroup = web\n' 1 2 3
		printf '[group "web"]\nmax_parallel_patching = 1\n'
	} >"$ROOT/etc/backproof/backproof.conf"
}
configure
mk_disk "$ROOT/srv/backup/web01/web01-old.img" "$W/web01" --age 400000
(cd "$ROOT/srv/backup/web01" && sha256sum web01-old.img >web01-old.img.sha256)
touch -d '4 days ago' "$ROOT/srv/backup/web01"/*
in_chroot "$ROOT" backup-now web02
gives 0 "web02 is backed up"

# Who runs Ansible: the role is the one in the package.
unset ANSIBLE_CONFIG
export HOME=$W/home ANSIBLE_ROLES_PATH=$ROOT/usr/share/backproof/ansible/roles ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0
export ANSIBLE_SSH_EXECUTABLE=$W/on-backup01/ssh ANSIBLE_SSH_ARGS='' ANSIBLE_HOST_KEY_CHECKING=0 LC_ALL=C.UTF-8
cat >"$W/inventory.yml" <<END
all:
  vars:
    backproof_gate_server: backup01
    backproof_gate_program: $W/on-backup01/backproof
  children:
    backup:
      hosts:
        backup01: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
    web:
      vars: {ansible_connection: ssh}
      hosts:
        web[01:03]:
END
cat >"$W/patch.yml" <<'END'
- hosts: web
  gather_facts: false
  serial: 1
  roles:
    - role: backproof_gate
  tasks:
    - name: Upgrade
      ansible.builtin.raw: apt-get -q update && apt-get -y -q upgrade
    - name: Is the service up?
      ansible.builtin.raw: mailer status
      changed_when: false
END
# As the README of the role has it: with a record of the patch.
cat >"$W/record.yml" <<'END'
- hosts: web
  gather_facts: false
  serial: 1
  roles:
    - role: backproof_gate
  tasks:
    - block:
        - name: Upgrade, and see whether the service is up
          ansible.builtin.command:
            argv: ["{{ backproof_gate_program }}", run, "{{ inventory_hostname }}", --post, "ssh {{ inventory_hostname }} 'mailer status'",
              --, ssh, "{{ inventory_hostname }}", apt-get -q update && apt-get -y -q upgrade]
          delegate_to: backup01
      rescue:
        - name: The way back
          ansible.builtin.command:
            argv: ["{{ backproof_gate_program }}", rollback, "{{ inventory_hostname }}"]
          delegate_to: backup01
          register: back
          failed_when: false
        - ansible.builtin.fail:
            msg: "{{ back.stdout_lines }}"
END
play() { # PLAY [ARGUMENTS...]
	local play=$1
	shift
	ran="ansible-playbook $play $*"
	ansible-playbook -i "$W/inventory.yml" "$W/$play.yml" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
}

release_mailer 2 0
play patch
gives 0 "a wave"
mailers_are "1 2 1" "... patches the one host that has a fresh backup"
says "... and names the others" 'web01: STALE \(11\)' 'web03: NO-BACKUP \(10\)' '^web02 .*changed=1'

backproof waive web01 --reason "the backup server is down" --ticket CHG-8 --for 1h
gives 0 "a waiver"
play patch
gives 0 "the next wave"
mailers_are "2 2 1" "... patches the host with a waiver, too"
says "... which is not passed over in silence" 'web01: WAIVED \(0\): .*root: the backup server is down' 'web03: NO-BACKUP'
backproof audit
says "the audit shows the waiver" 'CHG-8' 'WAIVED|waived'
gives 10 "... and that a host has no backup"
# An hour later.
sqlite3 "$ROOT/var/lib/backproof/history.db" 'UPDATE waiver SET recorded_at = recorded_at - 3600, ends_at = ends_at - 3600'
release_mailer 3 0
play patch --limit web01
gives 0 "a wave, when the waiver has ended"
mailers_are "2 2 1" "... patches nothing"
says "... stale again" 'web01: STALE \(11\)'
backproof audit --format json
holds "the audit knows of no waiver" jq -e '[.. | .verdict? // empty] | index("waived") == null' "$W/out"
backproof history web01
says "the history does" 'waived'

configure 'on_stale = /usr/local/sbin/backup-now {host}' 'on_missing = /usr/local/sbin/backup-now {host}' 'backup_time_limit = 2m'
play patch
gives 0 "a wave that makes the backups it lacks"
mailers_are "3 3 3" "... patches all hosts"
holds "... with a backup made now of each" test "$(find "$ROOT/srv/backup" -name 'web0*-20*.img' | wc -l)" = 3
backproof audit
gives 0 "the audit is content"

release_mailer 4 3
play patch
gives 2 "a wave whose first host does not come back"
mailers_are "4 3 3" "... goes no further"
play record --limit web02
gives 2 "the same by backproof run"
mailers_are "4 4 3" "... which patches as well"
backup=$(cd "$ROOT" && find srv/backup/web02 -name 'web02-20*.img')
says "... and the way back is printed" "dd if=/$backup" "backproof check .*web02" "Prove that the files"
backproof history --patches web02
says "... and known" "${backup##*/}" 'ssh web02 .apt-get'
holds "no lease is left" test "$(sqlite3 "$ROOT/var/lib/backproof/history.db" 'SELECT COUNT(*) FROM lease')" = 0
finish
