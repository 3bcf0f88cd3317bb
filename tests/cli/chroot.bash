# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2153
# A small Debian system to install the packages in. A script sources it after lib.sh.
#   debs_built                 builds the packages into $DEBS, unless those of this very tree are there
#   chroot_made DIR            a system whose only repository has these packages: DIR/srv/repository
#   repository_of DIR          lists (again) what is in that
#   in_chroot DIR COMMAND...   runs it there; its exit status in $code, its output in $W/out and $W/err
DEBS=$(dirname "$BACKPROOF")/deb

debs_built() { "$TOP/packaging/deb" --if-changed "$DEBS"; }

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

# In namespaces of its own. Devices are made anew in a file system in memory, so that nothing gets at this machine's.
in_chroot() {
	local root=$1
	shift
	ran="in $root: $*"
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child --net --uts sh -ec '
		root=$1
		shift
		mount --make-rprivate /
		mount -t tmpfs -o mode=755 tmpfs "$root/dev"
		for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9; do
			name=${d%%:*} number=${d#*:}
			if ! mknod -m 666 "$root/dev/$name" c "${number%:*}" "${number#*:}" || ! : <"$root/dev/$name"; then
				: >"$root/dev/$name.is" && mount --bind "/dev/$name" "$root/dev/$name"
			fi
		done 2>/dev/null
		ln -s /proc/self/fd "$root/dev/fd"
		mount -t proc proc "$root/proc"
		hostname "${CHROOT_NAME-web01}"
		exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC \
			DEBIAN_FRONTEND=noninteractive USER=root LOGNAME=root chroot "$root" "$@"
	' - "$root" "$@" >"$W/out" 2>"$W/err" </dev/null
	code=$?
}
# apt COMMAND...: apt-get in $ROOT as an administrator calls it.
apt() { in_chroot "$ROOT" apt-get -y -q "$@"; }
