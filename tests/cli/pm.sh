#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What stands in front of dnf 4, dnf 5, pacman and zypper, with the real ones (there is no dnf 5 here: its file is read
# as its plugin would) and small packages: an upgrade is refused until there is a good pass, and whenever the gate
# can't be asked; first installations, removals and repairs are nobody's business. And what a key of ssh may ask.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
export HOME=$W/home
mkdir "$HOME" "$W/bin"

# The hooks as they are installed. What they call is a stand-in that does what $W/mode says, or else is backproof.
I=$W/usr
DESTDIR=$W/d PREFIX=$I "$TOP/packaging/install" dnf4 dnf5 pacman zypper ssh || exit 1
mv "$W/d$I" "$I"
mkdir "$I/bin" 2>/dev/null
# shellcheck disable=SC2034
ETC=$W/d/etc
P=$W/web01.pass K=$W/key
cat >"$W/gate.conf" <<EOF
[hook "default"]
host = web01
pass = $P
pass_keys = $K.pub
EOF
set_gate() { # good, waived, stale, crash, kill, hang, missing, config
	cp "$W/good.pass" "$P"
	rm -f "$I/bin/backproof"
	echo "echo asked >>'$W/asked'" >"$W/bin/mode"
	case $1 in
	good) ;;
	waived) cp "$W/waived.pass" "$P" ;;
	stale) rm "$P" ;;
	crash) echo "kill -SEGV \$\$" >>"$W/bin/mode" ;;
	kill) echo "kill -KILL \$\$" >>"$W/bin/mode" ;;
	hang) echo "sleep 60 & wait" >>"$W/bin/mode" ;;
	config) echo "set -- hook none --config '$W/none.conf'" >>"$W/bin/mode" ;;
	esac
	[ "$1" = missing ] || {
		printf '#!/bin/sh\n. "%s"\n[ "$1" = hook ] && [ -z "${4-}" ] && set -- "$@" --config "%s"\nexec "%s" "$@"\n' \
			"$W/bin/mode" "$W/gate.conf" "$BACKPROOF" >"$I/bin/backproof"
		chmod 755 "$I/bin/backproof"
	}
	: >"$W/asked"
}
# shellcheck disable=SC2034
faults="stale crash kill hang missing config"
# did CODE|refused NAME FILE CONTENT ASKED [WORDS]: of the last command: exit status, what the file is now ("-": not
# there), how often the gate was asked ("" for whatever), and WORDS in what was said.
did() {
	local is asked bad=''
	is=$(cat "$3" 2>/dev/null || echo -)
	asked=$(grep -c asked "$W/asked")
	case $1 in
	refused) [ "$code" != 0 ] || bad="exit status 0" ;;
	*) [ "$code" = "$1" ] || bad="exit status $code" ;;
	esac
	[ "$is" = "$4" ] || bad="$bad; $3 is $is, not $4"
	[ -z "$5" ] || [ "$asked" = "$5" ] || bad="$bad; asked $asked times, not $5"
	[ -z "${6-}" ] || grep -qiF -e "$6" "$W/out" || bad="$bad; nothing says $6"
	if [ -z "$bad" ]; then ok "$2"; else { echo "$bad" && cat "$W/out"; } | not_ok "$2"; fi
	: >"$W/asked"
}
limit_of() { # SCRIPT FAULT: only what hangs has to be ended soon
	sed -i "s/^limit=[0-9]*/limit=$([ "$2" = hang ] && echo 1 || echo 60)/" "$1"
}
try() { # COMMAND...
	"$@" >"$W/out" 2>&1 </dev/null
	code=$?
}

# A pass that is good for an hour or so
mk_tree "$W/tree" web01 "$ID" container
mk_tar "$W/web01.tar" "$W/tree"
"$BACKPROOF" key new "$K" >/dev/null
run check web01 --from "$W/web01.tar" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$W/good.pass"
holds "a pass" test "$code" = 0
run waive web01 --reason "a leak is worse" --for 1h --config "$W/empty.conf" --history "$W/history.db"
run check web01 --from "$W/web01.tar" --config "$W/empty.conf" --scratch "$S" --key "$K" --pass "$W/waived.pass" --hostname web99 \
	--history "$W/history.db"
holds "one that was waived" grep -q WAIVED "$W/out"

# Small packages of rpm
cat >"$W/x.spec" <<'EOF'
Name: %{n}
Version: %{v}
Release: 1
Summary: a test
License: none
BuildArch: noarch
%{?obs:Obsoletes: %{obs}}
%{?side:Provides: installonlypkg(kernel), multiversion(kernel)}
%description
a test
%install
mkdir -p %{buildroot}/usr/share/pm
echo %{v} >%{buildroot}/usr/share/pm/%{n}%{?side:-%{v}}
%files
/usr/share/pm/*
EOF
# Several at once: each makes the directories that are not there, and gives up where another one was quicker.
mkdir -p "$W/repo/noarch" "$W/rb"
rpm_of() { # NAME VERSION [DEFINE...]
	local n=$1 v=$2 d=(--define "n $1" --define "v $2")
	shift 2
	for x in "$@"; do d+=(--define "$x"); done
	rpmbuild -bb --quiet --nodeps --define "_topdir $W/rb/$n-$v" --define "_rpmdir $W/repo" --define "_build_id_links none" \
		"${d[@]}" "$W/x.spec" >"$W/rb/$n-$v.out" 2>&1 || cat "$W/rb/$n-$v.out"
}
for v in 1 2; do
	for n in alpha backproof backproof-hooks; do rpm_of $n $v & done
	rpm_of kernel $v "side y" &
	wait
done
rpm_of beta 1 &
rpm_of gamma 1 "obs old" &
rpm_of old 1 &
wait
createrepo_c -q "$W/repo"
holds "packages" test "$(find "$W/repo" -name '*.rpm' | wc -l)" = 11
. "$(dirname "$0")/pm-rpm.bash"
. "$(dirname "$0")/pm-other.bash"
finish
