# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2153
# A small Debian system to install the packages in. A script sources it after lib.sh.
#   debs_built                 builds the packages into $DEBS, unless those of this very tree are there
#   chroot_made DIR            a system whose only repository has these packages: DIR/srv/repository
#   repository_of DIR          lists (again) what is in that
#   boot_chroot DIR WORDS      boots it, to run WORDS by bash; what was said is in $W/console
#   in_chroot DIR COMMAND...   runs it there, in namespaces of its own; its exit status in $code, its output in $W/out and $W/err
DEBS=$(dirname "$BACKPROOF")/deb

# One builds them, and who comes meanwhile waits for it.
debs_built() { flock "$DEBS.lock" "$TOP/packaging/deb" --if-changed "$DEBS"; }

repository_of() {
	(cd "$1/srv/repository" && dpkg-scanpackages -m . >Packages.new 2>/dev/null && mv Packages.new Packages)
}

chroot_made() {
	"$TOP/fixtures/make-debian-chroot.sh" "$1" || return
	# The packages' documentation counts here.
	rm -f "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
	mkdir -p "$1/srv/repository"
	cp "$DEBS"/*.deb "$1/srv/repository"
	echo "deb [trusted=yes] file:/srv/repository ./" >"$1/etc/apt/sources.list"
	# No service is started in there.
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	repository_of "$1"
}

in_chroot() {
	local root=$1
	shift
	ran="in $root: $*"
	unshare --mount --pid --fork --kill-child --net --uts "$TOP/tests/cli/chroot-enter" run "$root" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
}

# 1: no control group can be made for it here.
boot_chroot() {
	local group=/sys/fs/cgroup/unified
	[ -d $group ] || group=/sys/fs/cgroup
	group=$group/backproof-deb-$$
	rm -rf "$1/srv/units"
	mkdir -p "$1/srv/units/service.d"
	printf '[Unit]\nDefaultDependencies=no\nRequires=try.service\n' >"$1/srv/units/try.target"
	printf '%s\n' "$2" 'systemctl exit --force 0' >"$1/srv/words"
	printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/bash /srv/words\n' >"$1/srv/units/try.service"
	# There is nothing to mount, and nobody to wait for.
	printf '[Unit]\nDefaultDependencies=no\nAfter=\nRequiresMountsFor=\n' >"$1/srv/units/service.d/try.conf"
	if ! mkdir "$group" 2>"$W/console" || ! [ -w "$group/cgroup.procs" ]; then
		return 1
	fi
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$1/cgroup.procs" && exec timeout -k 2 60 unshare --pid --fork --kill-child --mount --cgroup --ipc --uts \
		--net "$2" boot "$3"' - "$group" "$TOP/tests/cli/chroot-enter" "$1" >"$W/console" 2>&1 </dev/null
	find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
	return 0
}
# apt COMMAND...: apt-get in $ROOT as an administrator calls it.
apt() { in_chroot "$ROOT" apt-get -y -q "$@"; }
