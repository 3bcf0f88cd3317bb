# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# pacman, dnf 5 and ssh, for pm.sh.
mkdir -p "$W/pac/db" "$W/pac/cache" "$W/pac/repo" "$W/pac/build" "$W/pac/gpg"
share=$W/pac/share
cat >"$W/pac/pacman.conf" <<EOF
[options]
RootDir = /
DBPath = $W/pac/db
CacheDir = $W/pac/cache
LogFile = $W/pac/log
GPGDir = $W/pac/gpg
Architecture = auto
SigLevel = Never
LocalFileSigLevel = Never
EOF
pac_of() { # NAME VERSION
	local d=$W/pac/build/$1-$2
	mkdir -p "$d$share"
	echo "$2" >"$d$share/$1"
	printf 'pkgname = %s\npkgver = %s-1\npkgdesc = a test\nurl = \nbuilddate = 1\npackager = a test\nsize = 1\narch = any\n' \
		"$1" "$2" >"$d/.PKGINFO"
	bsdtar -C "$d" -cf "$W/pac/repo/$1-$2.pkg.tar" .PKGINFO "${share#/}/$1"
}
for n in alpha backproof backproof-hooks; do pac_of $n 1 && pac_of $n 2; done
pac_of beta 1
pacman_() { try pacman --config "$W/pac/pacman.conf" --hookdir "${hooks-$ETC/pacman.d/hooks}" --noconfirm "$@"; }
pkg() { local p; for p in "$@"; do echo "$W/pac/repo/$p.pkg.tar"; done; }
asks="$I/lib/backproof/backproof-pacman"

set_gate stale
# shellcheck disable=SC2046
pacman_ -U $(pkg alpha-1 backproof-1 backproof-hooks-1)
did 0 "pacman: first installations are not asked about" "$share/alpha" 1 0
for fault in $faults; do
	set_gate "$fault"
	limit_of "$asks" "$fault"
	pacman_ -U "$(pkg alpha-2)"
	did 1 "pacman: an upgrade is refused: $fault" "$share/alpha" 1 "" "no packages were upgraded"
	holds "pacman: ... and says why: $fault" grep -q "backproof: the upgrade is refused, nothing was changed" "$W/out"
	holds "pacman: ... and has what it had: $fault" test "$(pacman --config "$W/pac/pacman.conf" -Q alpha 2>/dev/null)" = "alpha 1-1"
done
set_gate stale
try "${unheard[@]}" pacman --config "$W/pac/pacman.conf" --hookdir "$ETC/pacman.d/hooks" --noconfirm -U "$(pkg alpha-2)"
did 1 "pacman: an upgrade is refused: SIGCHLD is ignored" "$share/alpha" 1 "" "no packages were upgraded"
set_gate good
mv "$asks" "$asks.away"
pacman_ -U "$(pkg alpha-2)"
did 1 "pacman: an upgrade is refused: without what asks" "$share/alpha" 1 0 "no packages were upgraded"
mv "$asks.away" "$asks"
set_gate stale
pacman_ -U "$(pkg beta-1)"
did 0 "pacman: a first installation is not asked about" "$share/beta" 1 0
pacman_ -R beta
did 0 "pacman: nor a removal" "$share/beta" - 0
# shellcheck disable=SC2046
pacman_ -U $(pkg backproof-2 backproof-hooks-2)
did 0 "pacman: nor backproof's own packages" "$share/backproof" 2 0
pacman_ -U "$(pkg alpha-1)"
did 1 "pacman: a reinstallation is, as pacman can't tell it from an upgrade" "$share/alpha" 1 1 "PACMAN in backproof-hooks"
hooks=/usr/share/libalpm/hooks pacman_ -U "$(pkg alpha-1)"
did 0 "pacman: ... and the manual's way of a repair" "$share/alpha" 1 0
# shellcheck disable=SC2046
pacman_ -U $(pkg alpha-2 backproof-1)
did 1 "pacman: backproof together with others is refused" "$share/backproof" 2 1 "no packages were upgraded"
set_gate good
pacman_ -U "$(pkg alpha-2)"
did 0 "pacman: with a good pass it is upgraded" "$share/alpha" 2 1
pacman_ -R alpha
set_gate waived
pacman_ -U "$(pkg alpha-1)"
pacman_ -U "$(pkg alpha-2)"
did 0 "pacman: with a waiver, too" "$share/alpha" 2 1 "WAIVED: web01"
set_gate stale
try sh -c ': | "$1"' - "$asks"
did 1 "pacman: no names at all are asked about" "$share/alpha" 2 1

# dnf 5: the file as its plugin takes it: five fields, the options by spaces, the command by spaces, variables put in.
actions=$ETC/dnf/libdnf5-plugins/actions.d/backproof.actions
asks=$I/lib/backproof/backproof-dnf5
holds "dnf5: two actions" test "$(grep -cv '^#' "$actions")" = 2
holds "dnf5: each before the transaction, with an error that stops it, by our program" \
	test "$(grep -v '^#' "$actions" | grep -cE "^pre_transaction:(\*:|kernel\*:in):raise_error=1:$asks [^:]*\$")" = 2
# transaction ACTION:NAME...: what the plugin would do. Of calls that are alike, one; the first that fails ends it.
transaction() {
	local callback filter direction options command package action name done_=' '
	code=0
	: >"$W/out"
	while IFS=: read -r callback filter direction options command; do
		[ "$callback:$options" = pre_transaction:raise_error=1 ] || continue
		for package in "$@"; do
			action=${package%%:*} name=${package#*:}
			# shellcheck disable=SC2254
			case $name in
			$filter) ;;
			*) continue ;;
			esac
			case $direction:$action in
			in:[EO]) continue ;;
			esac
			package=${command//'${pkg.action}'/$action}
			package=${package//'${pkg.name}'/$name}
			case $done_ in
			*" <$package> "*) continue ;;
			esac
			done_="$done_<$package> "
			# shellcheck disable=SC2086
			PATH=$W/rpm:$PATH $package >>"$W/out" 2>/dev/null </dev/null || {
				code=1
				return
			}
		done
	done < <(grep -v '^#' "$actions")
}
mkdir "$W/rpm"
printf '#!/bin/sh\nexec %s --root "%s" "$@"\n' "$(command -v rpm)" "$D" >"$W/rpm/rpm"
chmod 755 "$W/rpm/rpm"
for fault in $faults; do
	set_gate "$fault"
	limit_of "$asks" "$fault"
	transaction U:alpha E:alpha
	did 1 "dnf5: an upgrade is refused: $fault" "$share/alpha" 2 "" "error="
	holds "dnf5: ... in one line that its plugin understands: $fault" test "$(grep -c . "$W/out"),$(grep -c '^error=.*refused' "$W/out")" = 1,1
done
set_gate stale
for case in "I:beta 0" "E:beta 0" "R:alpha 0" "D:alpha E:alpha 0" "I:kernel-core 0" "I:kernel 1" "U:alpha I:beta 1" "O:old I:gamma 1" \
	"X:alpha 1" "U:kernel-headers 1" "?:alpha 0"; do
	# shellcheck disable=SC2086
	transaction ${case% *}
	did "${case##* }" "dnf5: ${case% *}: ${case##* }" "$share/alpha" 2 "${case##* }"
done
mv "$W/rpm/rpm" "$W/rpm/away"
for end in 'exit 127' 'echo "error: rpmdb open failed"; exit 1' 'kill -KILL $$'; do
	printf '#!/bin/sh\n%s\n' "$end" >"$W/rpm/rpm"
	chmod 755 "$W/rpm/rpm"
	transaction I:kernel
	did 1 "dnf5: a kernel, when rpm can't tell: $end" "$share/alpha" 2 1
done
mv "$W/rpm/away" "$W/rpm/rpm"
set_gate good
transaction U:a U:b U:c E:a E:b E:c I:d I:kernel
did 0 "dnf5: with a good pass it goes on, and is asked once, and for the kernel" "$share/alpha" 2 2
holds "dnf5: ... in silence" test ! -s "$W/out"
set_gate waived
transaction U:a
did 0 "dnf5: with a waiver, too" "$share/alpha" 2 1 "log.WARNING=backproof: WAIVED: web01"
holds "dnf5: ... in one line" test "$(wc -l <"$W/out")" = 1

# ssh: as sshd calls it, by the shell, with what the client asked in the environment. The line is the manual's.
gate=$I/lib/backproof/backproof-ssh-gate
cat >"$I/bin/backproof" <<EOF
#!/bin/sh
printf '<%s>' "\$@"
[ "\$2" = web02 ] && exit 13
[ "\$2" = web01 ] || exit 99
EOF
chmod 755 "$I/bin/backproof"
mandoc -T utf8 "$TOP/man/backproof-hooks.7" | perl -pe 's/.\x08//g; s/\xe2\x88\x92|\xe2\x80\x90/-/g' >"$W/hooks.txt"
forced=$(sed -n 's/.*restrict,command="\([^"]*\)".*/\1/p' "$W/hooks.txt" | head -n 1)
holds "ssh: the manual has a line for authorized_keys" test -n "$forced"
forced=${forced//\/usr\/lib/"$I/lib"}
asks() { # HOST...: the hosts that a key may ask about
	if [ $# = 0 ]; then try sh -c "${forced%% *}"; else try sh -c "$gate $*"; fi
}
SSH_ORIGINAL_COMMAND="check web01" asks
holds "ssh: a host is asked about" test "$code:$(cat "$W/out")" = "0:<check><web01>"
SSH_ORIGINAL_COMMAND="check web02" asks
holds "ssh: the status is that of the check" test "$code" = 13
while IFS= read -r name; do
	asked=$(printf %b "$name")
	SSH_ORIGINAL_COMMAND=$asked asks
	if [ "$code" = 64 ] && ! grep -q '<' "$W/out" && [ ! -e "$W/pwned" ]; then ok "ssh: refused: ${name//$W/}"; else not_ok "ssh: refused: ${name//$W/}" <"$W/out"; fi
done <<EOF

check
check 
check  web01
 check web01
check web01 
check\tweb01
check web01 --policy none
check web01;touch $W/pwned
check \$(touch $W/pwned)
check \`touch $W/pwned\`
check web01\ntouch $W/pwned
check web01|sh
check web01>$W/pwned
check -h
check --config=/tmp/x
check ../web01
check web..01
check .web01
check /etc/passwd
check web*
check w\303\251b01
CHECK web01
audit
waive web01
key show /etc/backproof/pass.key
sh -c true
sftp-server
scp -f /etc/shadow
EOF
SSH_ORIGINAL_COMMAND=$'check web01\n' asks
holds "ssh: refused: a line's end behind it" test "$code" = 64
SSH_ORIGINAL_COMMAND="check $(printf '%0254d' 0)" asks
holds "ssh: refused: a name that is too long" test "$code" = 64
(unset SSH_ORIGINAL_COMMAND && asks && exit "$code")
holds "ssh: refused: without a command" test $? = 64
SSH_ORIGINAL_COMMAND="check web01" asks web02 web01
holds "ssh: a key for some hosts may ask about those" test "$code" = 0
SSH_ORIGINAL_COMMAND="check web01" asks web02 web010 eb01
holds "ssh: ... and no other" test "$code" = 64
# The manual's line of the client, with an ssh that hands on what is asked and an apt-get that says that it ran
mkdir "$W/client"
client=$(sed -n 's/^ *\(ssh -o .* && apt-get .*\)$/\1/p' "$W/hooks.txt")
printf '#!/bin/sh\nfor asked; do :; done\nSSH_ORIGINAL_COMMAND=$asked exec sh -c "%s"\n' "$forced" >"$W/client/ssh"
printf '#!/bin/sh\ntouch "%s"\n' "$W/upgraded" >"$W/client/apt-get"
chmod 755 "$W/client"/*
for status in 0 13 70 139 255; do
	printf '#!/bin/sh\nexit %s\n' "$status" >"$I/bin/backproof"
	rm -f "$W/upgraded"
	try env PATH="$W/client:$PATH" sh -c "$client"
	holds "ssh: the client's line, of $status" test "$([ -e "$W/upgraded" ] && echo y)" = "$([ "$status" = 0 ] && echo y)"
done
printf '#!/bin/sh\nexit 255\n' >"$W/client/ssh"
rm -f "$W/upgraded"
try env PATH="$W/client:$PATH" sh -c "$client"
holds "ssh: the client's line, without a connection" test ! -e "$W/upgraded" -a -n "$client"
rm "$I/bin/backproof"
SSH_ORIGINAL_COMMAND="check web01" asks
holds "ssh: without the program it is not 0" test "$code" = 127

# AWS: what the document of the manual runs on the machine
aws=$(sed -n 's/^ *- \(backproof hook .*\)$/\1/p' "$W/hooks.txt")
for fault in good $faults; do
	set_gate "$fault"
	try env PATH="$I/bin:/usr/bin:/bin" timeout "$([ "$fault" = hang ] && echo 1 || echo 60)" sh -c "$aws"
	case $fault in
	good) holds "aws: the manual's hook, with a good pass" test "$code" = 0 -a -n "$aws" ;;
	*) holds "aws: it fails: $fault" test "$code" != 0 ;;
	esac
done
