# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# dnf 4 and zypper, for pm.sh.
cat >"$W/dnf.conf" <<EOF
[main]
plugins=1
pluginpath=$W/d/usr/lib/python3/dist-packages/dnf-plugins
pluginconfpath=$ETC/dnf/plugins
cachedir=$W/dnfcache
logdir=$W/dnflog
reposdir=$W/none
gpgcheck=0
[t]
name=t
baseurl=file://$W/repo
EOF
D=$W/dnfroot
share=$D/usr/share/pm
mkdir "$D"
dnf_() { try dnf -q -y -c "$W/dnf.conf" --installroot="$D" --releasever=1 "$@"; }
timeout_of() { sed -i "s/^#*timeout = .*/timeout = $1/" "$ETC/dnf/plugins/backproof.conf"; }

set_gate stale
dnf_ --setopt=obsoletes=0 install alpha-1 backproof-1 backproof-hooks-1 kernel-1 old
did 0 "dnf: first installations are not asked about" "$share/alpha" 1 0
for fault in $faults; do
	set_gate "$fault"
	timeout_of "$([ "$fault" = hang ] && echo 1 || echo 60)"
	dnf_ upgrade alpha
	did refused "dnf: an upgrade is refused: $fault" "$share/alpha" 1 "" "backproof: the upgrade is refused, nothing was changed"
	holds "dnf: ... and rpm has what it had: $fault" test "$(rpm --root "$D" -qa --qf '%{name}-%{version} ' | wc -w)" = 5
done
for line in "program = /" "timeout = 0" "timeout = never" "timeout = nan" "timeout = -1"; do
	set_gate good
	cp "$ETC/dnf/plugins/backproof.conf" "$W/plugin.conf"
	echo "$line" >>"$ETC/dnf/plugins/backproof.conf"
	dnf_ upgrade alpha
	did refused "dnf: an upgrade is refused: $line" "$share/alpha" 1 0 "refused"
	cp "$W/plugin.conf" "$ETC/dnf/plugins/backproof.conf"
done
timeout_of 60
set_gate stale
# Whoever starts dnf may not want to hear of what its children come to; Python makes 0 of a status that is lost.
unheard=(python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])')
try "${unheard[@]}" dnf -q -y -c "$W/dnf.conf" --installroot="$D" --releasever=1 upgrade alpha
did refused "dnf: an upgrade is refused: SIGCHLD is ignored" "$share/alpha" 1 1 "refused"
dnf_ reinstall alpha
did 0 "dnf: a reinstallation is not asked about" "$share/alpha" 1 0
dnf_ install beta
did 0 "dnf: nor a first installation" "$share/beta" 1 0
dnf_ remove beta
did 0 "dnf: nor a removal" "$share/beta" - 0
dnf_ upgrade backproof backproof-hooks
did 0 "dnf: nor backproof's own packages" "$share/backproof-hooks" 2 0
dnf_ downgrade backproof
did 0 "dnf: nor a downgrade" "$share/backproof" 1 0
dnf_ upgrade --downloadonly alpha
did 0 "dnf: nor what is only downloaded" "$share/alpha" 1 0
dnf_ upgrade
did refused "dnf: backproof together with others is" "$share/backproof" 1 1 "refused"
dnf_ upgrade kernel
did refused "dnf: and a kernel that comes beside the old one" "$share/kernel-2" - 1 "refused"
dnf_ install gamma
did refused "dnf: and what takes another one's place" "$share/gamma" - 1 "refused"
set_gate good
dnf_ upgrade
did 0 "dnf: with a good pass all of it is upgraded" "$share/alpha" 2 1
holds "dnf: ... in silence" sh -c '! grep -i backproof: "$1"' - "$W/out"
did 0 "dnf: ... the kernel" "$share/kernel-2" 2 0
set_gate waived
dnf_ downgrade alpha-1
dnf_ upgrade alpha
did 0 "dnf: with a waiver, too" "$share/alpha" 2 1 "WAIVED: web01"
set_gate crash
dnf_ downgrade alpha-1
did 0 "dnf: a downgrade is the way back, whatever the gate does" "$share/alpha" 1 0
rm "$ETC/dnf/plugins/backproof.conf"
set_gate stale
dnf_ upgrade alpha
did refused "dnf: without its own configuration it asks what is installed" "$share/alpha" 1 1 "refused"
set_gate good
dnf_ upgrade alpha
did 0 "dnf: ... and is answered" "$share/alpha" 2 1

# zypper
Z=$W/zroot
share=$Z/usr/share/pm
zyp="$I/bin/backproof-zypper"
mkdir -p "$Z"
zypper_() { try "$zyp" --root "$Z" --no-gpg-checks -n "$@"; }
set_gate stale
zypper_ addrepo -G "file://$W/repo" t
did 0 "zypper: repositories are not asked about" "$share/alpha" - 0
zypper_ refresh
zypper_ install alpha=1 backproof=1 backproof-hooks=1 kernel=1
did 0 "zypper: nor first installations" "$share/alpha" 1 0
for fault in $faults; do
	set_gate "$fault"
	limit_of "$zyp" "$fault"
	zypper_ update alpha
	did 1 "zypper: an upgrade is refused: $fault" "$share/alpha" 1 "" "the upgrade is refused, nothing was changed"
done
set_gate stale
try "${unheard[@]}" "$zyp" --root "$Z" --no-gpg-checks -n update alpha
did 1 "zypper: an upgrade is refused: SIGCHLD is ignored" "$share/alpha" 1 1 "refused"
for words in "up" "-q update alpha" patch "dup" "dist-upgrade" "install alpha" "in alpha=2" \
	"rm backproof +alpha>1" inr "install --force alpha=2" "shell" "source-install alpha" "--unknown rm up" "nosuch" \
	"-nD/x rm up" "in --root=/x alpha"; do
	# shellcheck disable=SC2086
	zypper_ $words
	case $words in
	patch* | inr*) did "$code" "zypper: of $words nothing comes" "$share/alpha" 1 0 ;;
	*) did 1 "zypper: $words is refused" "$share/alpha" 1 1 "refused" ;;
	esac
done
mkdir -p "$Z/etc/zypp/multiversion.d"
echo "provides:multiversion(kernel)" >"$Z/etc/zypp/multiversion.d/kernel"
zypper_ install kernel=2
did 1 "zypper: a kernel that comes beside the old one is refused" "$share/kernel-2" - 1 "refused"
zypper_ in -f alpha=1
did 0 "zypper: a reinstallation is not asked about" "$share/alpha" 1 0
zypper_ verify
did 0 "zypper: nor a repair" "$share/alpha" 1 0
zypper_ install beta
did 0 "zypper: nor a first installation" "$share/beta" 1 0
zypper_ remove beta
did 0 "zypper: nor a removal" "$share/beta" - 0
mkdir "$W/lost"
printf '#!/bin/sh\nexit 1\n' >"$W/lost/rpm"
chmod 755 "$W/lost/rpm"
PATH=$W/lost:$PATH zypper_ install beta
did 1 "zypper: what rpm can't tell is asked about" "$share/beta" - 1 "refused"
zypper_ update backproof backproof-hooks
did 0 "zypper: nor backproof's own packages" "$share/backproof-hooks" 2 0
zypper_ in --oldpackage backproof=1
did 0 "zypper: nor a downgrade" "$share/backproof" 1 0
zypper_ list-updates
did 0 "zypper: nor a list" "$share/alpha" 1 0 "alpha"
zypper_ update backproof alpha
did 1 "zypper: backproof together with others is refused" "$share/backproof" 1 1 "refused"
set_gate good
zypper_ install kernel=2
did 0 "zypper: ... and comes with a good pass" "$share/kernel-2" 2 1
holds "zypper: ... beside the old one" test -e "$share/kernel-1"
zypper_ update
did 0 "zypper: with a good pass all of it is upgraded" "$share/alpha" 2 1
holds "zypper: ... in silence" sh -c '! grep -E "backproof-zypper|SAFE" "$1"' - "$W/out"
set_gate crash
zypper_ update
did 0 "zypper: where there is nothing to upgrade nothing is asked" "$share/alpha" 2 0
zypper_ in --oldpackage alpha=1
did 0 "zypper: a downgrade is the way back, whatever the gate does" "$share/alpha" 1 0
set_gate waived
zypper_ update
did 0 "zypper: with a waiver it is upgraded, too" "$share/alpha" 2 1 "WAIVED: web01"
